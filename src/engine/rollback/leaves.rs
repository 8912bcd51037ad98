//! What a step does that its way back doesn't take away, read from the words of both: an undo that says
//! nothing of it doesn't undo it.

use super::forecast::shown;
use super::reading::{Did, Reading, same};
use crate::script::{Acts, Effect, QualifiedName};

/// What stays, and what is taken for granted where words can't tell.
#[derive(Debug, Default)]
pub(super) struct Leaves {
    pub leaves: Vec<String>,
    pub assumed: Vec<String>,
}

/// `made`: whether this run made it; that goes with the step that made it. `restores`: nothing speaks against it yet.
pub(super) fn leaves(
    forward: &Reading,
    backward: &Reading,
    restores: bool,
    mut made: impl FnMut(&Did<'_>) -> bool,
) -> Leaves {
    let mut found = Leaves::default();
    // What isn't in words may undo anything.
    if backward.unseen.is_some() || backward.by_hand {
        return found;
    }
    let calls = backward.acts == Acts::Calls;
    for effect in &forward.effects {
        let stays = match effect {
            Effect::AddsEnumValue(name, value) if !remakes(forward, name) && !remakes(backward, name) => {
                format!("the value {value} of enum {}: PostgreSQL takes none away", shown(name))
            }
            _ if calls => continue,
            Effect::MakesTable(table) if !passes(forward, table) && !takes_away(backward, table) => {
                format!("table {}", shown(table))
            }
            Effect::AddsColumn(table, column)
                if !made(&Did::Table(table))
                    && !takes_away(backward, table)
                    && !passes(forward, table)
                    && !drops_column(forward, table, column)
                    && !drops_column(backward, table, column) =>
            {
                format!("column {}.{column}", shown(table))
            }
            Effect::Inserts(table)
                if !made(&Did::Table(table)) && !clears(forward, table) && !clears(backward, table) =>
            {
                let rows = format!("the rows that the step adds to {}", shown(table));
                if backward
                    .effects
                    .iter()
                    .any(|effect| matches!(effect, Effect::Deletes(_) | Effect::DropsTable(_)))
                {
                    found.assumed.push(format!("{rows} go with others, by a cascade"));
                    continue;
                }
                rows
            }
            _ => continue,
        };
        if !found.leaves.contains(&stays) {
            found.leaves.push(stays);
        }
    }
    if forward.acts == Acts::Changes && restores && found.leaves.is_empty() {
        match backward.acts {
            Acts::Not => {
                found.leaves.push("all that the step does: nothing in it changes anything".to_owned())
            }
            Acts::Calls => found.assumed.push("the functions that it calls undo the step".to_owned()),
            Acts::Changes => {}
        }
    }
    found
}

fn any(reading: &Reading, table: &QualifiedName, of: impl Fn(&Effect) -> Option<&QualifiedName>) -> bool {
    reading.effects.iter().filter_map(of).any(|name| same(name, table))
}

fn remakes(reading: &Reading, name: &QualifiedName) -> bool {
    in_dropped_schema(reading, name)
        || any(reading, name, |effect| match effect {
            Effect::RemakesType(name) => Some(name),
            _ => None,
        })
        // By hand in the catalog.
        || reading.effects.iter().any(|effect| matches!(effect, Effect::Deletes(t) if t.name == "pg_enum"))
}

/// It doesn't outlive the step, or not under this name.
fn passes(forward: &Reading, table: &QualifiedName) -> bool {
    any(forward, table, |effect| match effect {
        Effect::GoesAlong(name) | Effect::Renames(name) | Effect::DropsTable(name) => Some(name),
        _ => None,
    }) || in_dropped_schema(forward, table)
}

fn takes_away(backward: &Reading, table: &QualifiedName) -> bool {
    any(backward, table, |effect| match effect {
        Effect::DropsTable(name) | Effect::Renames(name) => Some(name),
        _ => None,
    }) || in_dropped_schema(backward, table)
}

fn in_dropped_schema(reading: &Reading, name: &QualifiedName) -> bool {
    let schema = name.schema.as_deref().unwrap_or("public");
    reading.effects.iter().any(|effect| matches!(effect, Effect::DropsSchema(dropped) if dropped == schema))
}

fn drops_column(reading: &Reading, table: &QualifiedName, column: &str) -> bool {
    let dropped =
        |effect: &Effect| matches!(effect, Effect::DropsColumn(t, c) if same(t, table) && c == column);
    reading.effects.iter().any(dropped)
}

/// Rows of it are taken away.
fn clears(reading: &Reading, table: &QualifiedName) -> bool {
    takes_away(reading, table)
        || any(reading, table, |effect| match effect {
            Effect::Deletes(name) | Effect::Empties(name) | Effect::GoesAlong(name) => Some(name),
            _ => None,
        })
}

//! What a rollback will give back, told beforehand: from the plan where it says so, else from the words of
//! the scripts. That is a reading, not a proof: triggers, cascades and DO aren't seen, and `rehearse` tries
//! it out. It errs on the side of naming a loss.

use std::collections::BTreeSet;

use super::super::sources::{Source, Sources};
use super::{Way, step_for, way};
use crate::pg::names::Object;
use crate::plan::model::{Action, Plan, Step};
use crate::run::event::{Direction, WayBack, WayBackVerdict};
use crate::script::{Effect, Item, QualifiedName, Variables, effects};

/// A script of more statements is read up to here; a dump has a million of one kind.
const STATEMENTS: usize = 20_000;
/// Losses that are named of one step.
const NAMED: usize = 6;

/// What is known of the way back from one step.
#[derive(Debug, Clone, Default)]
pub struct Forecast {
    pub losses: Vec<String>,
    /// Tables that the way back drops or empties.
    pub drops: Vec<String>,
    /// Why there is no way back.
    pub impossible: Option<String>,
    /// What can't be read, and why.
    pub unseen: Option<String>,
}

/// What a script does.
#[derive(Debug, Default)]
struct Reading {
    effects: Vec<Effect>,
    unseen: Option<String>,
}

/// The forecasts of all steps that change something, in the order of the plan.
#[must_use]
pub fn forecasts(plan: &Plan, sources: &Sources, vars: &Variables) -> Vec<(String, Forecast)> {
    let steps = plan.phases.iter().flat_map(|phase| &phase.steps).filter(|step| step.changes);
    steps.map(|step| (step.id.clone(), forecast(plan, sources, vars, step))).collect()
}

/// Reads the step and its way back.
#[must_use]
pub fn forecast(plan: &Plan, sources: &Sources, vars: &Variables, step: &Step) -> Forecast {
    let back: Vec<&Step> = match way(plan, &step.id) {
        Way::Not(why) => return Forecast { impossible: Some(why), ..Forecast::default() },
        Way::Own(undo) => vec![undo],
        Way::By(other) => step_for(plan, other, Direction::Back).into_iter().collect(),
        Way::Procedure(procedure) => procedure.steps.iter().collect(),
    };
    forecast_by(plan, sources, vars, step, &back)
}

/// Reads the step and the way back that is really taken: a procedure that was asked for by its name may
/// do more than the step's own rollback.
#[must_use]
pub fn forecast_by(
    plan: &Plan,
    sources: &Sources,
    vars: &Variables,
    step: &Step,
    back: &[&Step],
) -> Forecast {
    let forward = read(plan, sources, vars, step);
    let mut backward = Reading::default();
    for step in back {
        let one = read(plan, sources, vars, step);
        backward.effects.extend(one.effects);
        backward.unseen = backward.unseen.or(one.unseen);
    }
    judge(&forward, &backward)
}

fn judge(forward: &Reading, backward: &Reading) -> Forecast {
    let mut losses = Losses::default();
    let made = |table: &QualifiedName| {
        forward.effects.iter().any(|e| matches!(e, Effect::MakesTable(t) if same(t, table)))
    };
    let copied = |table: &QualifiedName| {
        forward.effects.iter().any(|e| matches!(e, Effect::Copies(t) if same(t, table)))
    };
    let written_back = |table: &QualifiedName| {
        backward
            .effects
            .iter()
            .any(|e| matches!(e, Effect::Inserts(t) | Effect::Updates(t) if same(t, table)))
    };
    let table_of = |effect: &Effect| match effect {
        Effect::DropsTable(t) | Effect::Empties(t) | Effect::Deletes(t) | Effect::Updates(t) => {
            Some(t.clone())
        }
        Effect::DropsColumn(t, _) => Some(t.clone()),
        _ => None,
    };
    for effect in &forward.effects {
        if let Effect::DropsSchema(schema) = effect {
            losses.add(format!("everything in schema {schema}, which the step drops"));
        }
        let Some(found) = table_of(effect).filter(|table| !made(table) && !copied(table)) else { continue };
        let table = shown(&found);
        match effect {
            Effect::DropsTable(_) => losses.add(format!("the rows of {table}, which the step drops")),
            Effect::Empties(_) => losses.add(format!("the rows of {table}, which the step empties")),
            _ if written_back(&found) => {}
            Effect::Deletes(_) => losses.add(format!("the rows that the step deletes from {table}")),
            Effect::Updates(_) => losses.add(format!("the values that the step changes in {table}")),
            Effect::DropsColumn(_, column) => {
                losses.add(format!("the values of {table}.{column}, which the step drops"));
            }
            _ => {}
        }
    }
    let mut drops: Vec<String> = Vec::new();
    for effect in &backward.effects {
        match effect {
            Effect::DropsTable(table) | Effect::Empties(table) => {
                let name = shown(table);
                if !drops.contains(&name) {
                    losses.add(rows_since(&name));
                    drops.push(name);
                }
            }
            Effect::DropsColumn(table, column) => {
                losses.add(format!("values written to {}.{column} since", shown(table)));
            }
            Effect::DropsSchema(schema) => losses.add(format!("what was written in schema {schema} since")),
            _ => {}
        }
    }
    let unseen = forward.unseen.clone().or_else(|| backward.unseen.clone());
    Forecast { losses: losses.list, drops, impossible: None, unseen }
}

pub(super) fn rows_since(table: &str) -> String {
    format!("rows written to {table} since")
}

/// Each loss once.
#[derive(Default)]
struct Losses {
    list: Vec<String>,
    known: BTreeSet<String>,
}

impl Losses {
    fn add(&mut self, loss: String) {
        if self.known.insert(loss.clone()) {
            self.list.push(loss);
        }
    }
}

impl Forecast {
    /// As the journal has it.
    #[must_use]
    pub fn of_step(&self, step: &str) -> WayBack {
        let verdict = match (&self.impossible, self.losses.is_empty()) {
            (Some(_), _) => WayBackVerdict::Impossible,
            (None, false) => WayBackVerdict::Loses,
            (None, true) => WayBackVerdict::Restores,
        };
        WayBack { step: step.to_owned(), verdict, words: self.words() }
    }

    /// For people: `restores`, `loses …`, `impossible: …`.
    #[must_use]
    pub fn words(&self) -> String {
        if let Some(why) = &self.impossible {
            return format!("impossible: {why}");
        }
        let unseen = self.unseen.as_ref().map(|what| format!(" ({what})")).unwrap_or_default();
        if self.losses.is_empty() {
            return format!("restores, as far as its SQL tells{unseen}");
        }
        let mut named: Vec<String> = self.losses.iter().take(NAMED).cloned().collect();
        if self.losses.len() > NAMED {
            named.push(format!("and {} more", self.losses.len() - NAMED));
        }
        format!("loses {}{unseen}", named.join("; "))
    }
}

/// The same table, when one is written with `public` and the other without.
fn same(one: &QualifiedName, other: &QualifiedName) -> bool {
    let schema = |name: &QualifiedName| name.schema.clone().unwrap_or_else(|| "public".into());
    one.name == other.name && schema(one) == schema(other)
}

/// As the server's footprint names it: without `public`, quoted where it must be.
fn shown(name: &QualifiedName) -> String {
    let schema = name.schema.clone().unwrap_or_else(|| "public".into());
    Object { path: vec![schema, name.name.clone()], arguments: None }.to_string()
}

fn read(plan: &Plan, sources: &Sources, vars: &Variables, step: &Step) -> Reading {
    let mut reading = Reading::default();
    let scripts: Vec<Source> = match &step.action {
        Action::File { file, section } => vec![sources.part(&file.name, section.as_ref())],
        Action::Files { files, .. } => files.iter().map(|file| sources.file(&file.name)).collect(),
        Action::Sql { text, line } => {
            let name = plan.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            vec![Source::Inline { name, text: text.clone(), line: *line, digest: String::new() }]
        }
        _ => return reading,
    };
    for source in scripts {
        let Ok(mut script) = sources.open(&source, vars.clone()) else {
            reading.unseen = Some(format!("{} can't be read here", source.name()));
            continue;
        };
        let (mut chunk, mut statements) = (Vec::new(), 0);
        loop {
            let statement = match script.next_item() {
                Ok(Some(Item::Statement(statement))) => statement,
                Ok(Some(_)) => continue,
                Ok(None) => break,
                Err(_) => {
                    reading.unseen = Some(format!("{} can't be read to its end", source.name()));
                    break;
                }
            };
            if statement.kind.copies_from_stdin() {
                while matches!(script.copy_chunk(&mut chunk), Ok(true)) {}
            }
            statements += 1;
            if statements > STATEMENTS {
                reading.unseen = Some(format!("of {} the first {STATEMENTS} statements", source.name()));
                break;
            }
            for effect in effects(&statement.text) {
                if let Effect::Unseen(word) = &effect {
                    reading.unseen = Some(format!("it has a {word}, whose effects aren't read"));
                } else if !reading.effects.contains(&effect) {
                    reading.effects.push(effect);
                }
            }
        }
    }
    reading
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(forward: &str, back: &str) -> String {
        let reading = |text: &str| Reading { effects: effects(text), unseen: None };
        judge(&reading(forward), &reading(back)).words()
    }

    #[test]
    fn what_a_way_back_gives_back() {
        let restores = "restores, as far as its SQL tells";
        for (forward, back, wanted) in [
            ("CREATE INDEX i ON t (a)", "DROP INDEX i", restores),
            ("CREATE TABLE t (a int)", "DROP TABLE t", "loses rows written to t since"),
            ("DROP TABLE old", "CREATE TABLE old (a int)", "loses the rows of old, which the step drops"),
            (
                "CREATE TABLE kept AS SELECT * FROM old; DROP TABLE old",
                "ALTER TABLE kept RENAME TO old",
                restores,
            ),
            ("TRUNCATE t", "SELECT 1", "loses the rows of t, which the step empties"),
            ("DELETE FROM t WHERE a > 1", "SELECT 1", "loses the rows that the step deletes from t"),
            ("DELETE FROM t WHERE a = 1", "INSERT INTO t VALUES (1)", restores),
            ("UPDATE public.t SET a = 1", "SELECT 1", "loses the values that the step changes in t"),
            ("UPDATE t SET a = 1", "UPDATE public.t SET a = 0", restores),
            (
                "ALTER TABLE t DROP COLUMN a",
                "ALTER TABLE t ADD COLUMN a int",
                "loses the values of t.a, which the step drops",
            ),
            ("ALTER TABLE t ADD a int", "ALTER TABLE t DROP a", "loses values written to t.a since"),
            (
                "CREATE TABLE t (a int); INSERT INTO t VALUES (1); UPDATE t SET a = 2",
                "DROP TABLE t",
                "loses rows written to t since",
            ),
        ] {
            assert_eq!(told(forward, back), wanted, "{forward} / {back}");
        }
    }
}

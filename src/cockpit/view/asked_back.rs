//! The text of the question before a rollback: every statement in its order, what each step gives back
//! and what is lost with it, how long it took, what stays, and when it is wise.

use super::paper::{Row, wrapped};
use crate::cockpit::question::title_of;
use crate::cockpit::state::State;
use crate::cockpit::theme::Role;
use crate::cockpit::way_back::{Back, Way, estimate, outlook, steps};
use crate::plain::{lost_in_all, lost_lines, rehearsal_words};
use crate::plan::model::Environment;
use crate::run::event::{UndoItem, WayBackVerdict};
use crate::run::outlook::{Counted, Goal, Listing, Outlook};
use crate::text::words::{count, number, took};

pub fn rows(state: &State, goal: &Goal, columns: usize) -> Vec<Row> {
    let mut rows = by_procedure(state, goal, columns);
    if state.plan().environment == Environment::Production {
        rows.push(Row::of(Role::Bad, "This is PRODUCTION."));
    }
    let all = match steps(state, goal) {
        Ok(all) => all,
        Err(why) => return wrapped(Role::Bad, "", &why, columns, 6),
    };
    let outlook = outlook(state, goal, &all);
    rows.extend(summary(state, &all, outlook, columns));
    let mut number = 0;
    for back in all.iter() {
        rows.push(Row::new());
        rows.push(title(state, back, outlook, columns));
        match (&back.way, outlook) {
            (Way::Stays { why }, _) => {
                rows.extend(wrapped(Role::Warn, "      ", &format!("its effects stay: {why}"), columns, 3));
            }
            (_, Some(outlook)) => {
                if let Some(listing) = outlook.listings.get(&back.step) {
                    rows.extend(statements(listing, &mut number, columns));
                }
                if let Some(item) = outlook.course.items.iter().find(|item| item.step == back.step) {
                    rows.extend(gives_back(item, &outlook.rows, columns));
                }
            }
            (_, None) => rows.push(Row::of(Role::Dim, "      reading …")),
        }
    }
    rows.extend(advice(state, columns));
    rows.push(Row::new());
    rows.extend(compared(state, outlook, columns));
    rows
}

/// When the plan says that this way is the one, and that it isn't the only one that it names.
fn by_procedure(state: &State, goal: &Goal, columns: usize) -> Vec<Row> {
    let all = &state.plan().rollbacks;
    let Some(at) = all.iter().position(|one| Some(&one.id) == goal.procedure.as_ref()) else {
        return Vec::new();
    };
    let mut rows = Vec::new();
    if all.len() > 1 {
        let words = format!(" {} of the {} ways that the plan names; P shows the next", at + 1, all.len());
        rows.push(Row::of(Role::Dim, words.trim_start()));
    }
    if let Some(when) = &all[at].when {
        rows.extend(wrapped(Role::Text, "", &format!("when: {when}"), columns, 4));
    }
    rows
}

/// How much, how long, and what it costs.
fn summary(state: &State, all: &[Back], outlook: Option<&Outlook>, columns: usize) -> Vec<Row> {
    let stays = all.iter().filter(|back| matches!(back.way, Way::Stays { .. })).count();
    let undone = count((all.len() - stays) as u64, "step");
    let mut words = Row::of(Role::Strong, format!("{undone}, last first"));
    if stays > 0 {
        words =
            words.add(Role::Warn, format!(" · {} of what was applied stays", count(stays as u64, "step")));
    }
    let Some(outlook) = outlook else {
        return vec![words.add(Role::Dim, " · what they would do is being read …")];
    };
    let mut words = words.add(Role::Text, format!(" · {}", runs(outlook)));
    let losing = losing(outlook);
    if losing > 0 {
        words = words.add(
            Role::Bad,
            format!(
                " · {} data",
                if losing == 1 { "1 step loses".to_owned() } else { format!("{losing} steps lose") }
            ),
        );
    }
    let mut rows = vec![words];
    let (sure, said) = rehearsal_words(outlook.course.rehearsed.as_ref());
    let within = state.plan().advice.within;
    let within = within.map(|within| {
        format!("; the plan allows {}", took(u64::try_from(within.as_millis()).unwrap_or(u64::MAX)))
    });
    let role = if sure { Role::Text } else { Role::Warn };
    // The figure of the button stands here too: the whole has more in it than these steps.
    let said = match estimate(outlook) {
        Some((ms, true)) => format!("these steps took {}; with all that is compared {said}", took(ms)),
        Some((ms, false)) => {
            format!("these steps took {} or more; with all that is compared {said}", took(ms))
        }
        None => said,
    };
    rows.extend(wrapped(role, "", &format!("{said}{}", within.unwrap_or_default()), columns, 2));
    rows.extend(outlook.notes.iter().flat_map(|note| wrapped(Role::Warn, "", note, columns, 3)));
    rows
}

/// How much will run.
fn runs(outlook: &Outlook) -> String {
    let all = || outlook.listings.values();
    let deeds = all().flat_map(|listing| &listing.statements).filter(|one| one.is_deed()).count();
    let listed: usize = all().map(|listing| listing.statements.len() + listing.more).sum();
    match (listed - deeds, deeds) {
        (statements, 0) => count(statements as u64, "statement"),
        (0, deeds) => count(deeds as u64, "action"),
        (statements, deeds) => {
            format!("{}, {}", count(statements as u64, "statement"), count(deeds as u64, "other action"))
        }
    }
}

/// Steps whose way back loses data.
pub fn losing(outlook: &Outlook) -> usize {
    let loses =
        |item: &&UndoItem| item.way_back.as_ref().is_some_and(|way| way.verdict == WayBackVerdict::Loses);
    outlook.course.items.iter().filter(loses).count()
}

fn title(state: &State, back: &Back, outlook: Option<&Outlook>, columns: usize) -> Row {
    let item = outlook.and_then(|o| o.course.items.iter().find(|item| item.step == back.step));
    let took_then =
        item.and_then(|item| item.rehearsed_ms).map(|ms| format!(" · {}", took(ms))).unwrap_or_default();
    let (sign, role, by) = match &back.way {
        Way::Undone { by } => ("◀ ", Role::Back, format!("{by}{took_then}")),
        Way::With(other) => ("◀ ", Role::Back, format!("with: {}", title_of(state, other))),
        Way::Procedure(title) => ("◀ ", Role::Back, format!("procedure: {title}{took_then}")),
        Way::Stays { .. } => ("! ", Role::Warn, "stays".to_owned()),
    };
    let by = Row::of(if role == Role::Warn { role } else { Role::Dim }, by).cut(columns / 2);
    Row::of(role, sign).add(Role::Strong, &back.title).right(columns, by)
}

fn statements(listing: &Listing, at: &mut usize, columns: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut of: Option<&String> = None;
    for statement in &listing.statements {
        if statement.of.is_some() && statement.of.as_ref() != of {
            of = statement.of.as_ref();
            rows.push(Row::of(Role::Dim, format!("      {}", of.map_or("", String::as_str))));
        }
        *at += 1;
        let place = if statement.is_deed() {
            Row::new()
        } else {
            Row::of(Role::Dim, format!("{}:{}", statement.file, statement.line)).cut(columns / 3)
        };
        let perhaps = if statement.uncertain { "if it comes to it: " } else { "" };
        let head = Row::of(Role::Dim, format!("{at:>4}  {perhaps}")).add(Role::Text, &statement.head);
        rows.push(head.right(columns, place));
    }
    if listing.more > 0 {
        *at += listing.more;
        rows.push(Row::of(
            Role::Dim,
            format!("      … and {} more", count(listing.more as u64, "statement")),
        ));
    }
    rows.extend(listing.note.iter().flat_map(|note| wrapped(Role::Warn, "      ", note, columns, 2)));
    rows
}

/// What is there again afterwards, and what isn't.
fn gives_back(item: &UndoItem, counted: &Counted, columns: usize) -> Vec<Row> {
    let line = |role, sign: &str, words: &str| {
        let parts = wrapped(role, "", words, columns.saturating_sub(6), 4);
        let marked =
            |(at, row)| Row::of(role, if at == 0 { format!("    {sign} ") } else { " ".repeat(6) }).join(row);
        parts.into_iter().enumerate().map(marked).collect::<Vec<Row>>()
    };
    let mut rows = Vec::new();
    if let Some(half) = &item.half_applied {
        rows.extend(line(Role::Warn, "!", &format!("half applied: {half}")));
    }
    if let Some(way) = &item.way_back {
        rows.extend(match way.verdict {
            WayBackVerdict::Restores if way.is_by_program() => line(Role::Text, "·", &way.words),
            WayBackVerdict::Restores => line(Role::Good, "✓", &way.words),
            WayBackVerdict::Loses => line(Role::Warn, "−", &way.words),
            WayBackVerdict::Leaves | WayBackVerdict::Impossible => line(Role::Warn, "!", &way.words),
        });
    }
    match counted {
        Counted::Not | Counted::Failed(_) => {}
        Counted::At(_) => {
            for (new, words) in lost_lines(&item.lost) {
                let (role, sign) = if new { (Role::Bad, "−") } else { (Role::Dim, " ") };
                rows.extend(line(role, sign, &words));
            }
        }
    }
    rows
}

fn advice(state: &State, columns: usize) -> Vec<Row> {
    let advice = &state.plan().advice;
    let mut rows = Vec::new();
    for (label, role, list) in
        [("Roll back when", Role::Good, &advice.when), ("Not when", Role::Warn, &advice.when_not)]
    {
        if list.is_empty() {
            continue;
        }
        rows.push(Row::new());
        rows.push(Row::of(role, label));
        rows.extend(list.iter().flat_map(|line| wrapped(Role::Text, "  ", &format!("· {line}"), columns, 3)));
    }
    rows
}

/// What will be compared afterwards, and when rows were counted.
fn compared(state: &State, outlook: Option<&Outlook>, columns: usize) -> Vec<Row> {
    let guards = &state.plan().guards;
    let rows_of = match guards.len() {
        0 => String::new(),
        _ => format!(" and the rows of {}", guards.join(", ")),
    };
    let words = format!("Afterwards the schema{rows_of} are compared with the before-image.");
    let words = if guards.is_empty() { words.replace(" are ", " is ") } else { words };
    let mut rows = wrapped(Role::Dim, "", &words, columns, 3);
    let loses = outlook.is_some_and(|o| o.course.items.iter().any(|item| !item.lost.is_empty()));
    match outlook.map(|outlook| &outlook.rows) {
        Some(Counted::At(at)) if loses => {
            let ago = state.now.duration_since(*at).as_secs().max(0);
            if let Some((some, words)) = outlook.and_then(|o| lost_in_all(&o.course.items)) {
                rows.extend(wrapped(
                    if some { Role::Bad } else { Role::Dim },
                    "",
                    &words.replacen("in all", "In all", 1),
                    columns,
                    3,
                ));
            }
            rows.push(Row::of(
                Role::Dim,
                format!("Rows counted {} s ago; they are counted again.", number(ago)),
            ));
        }
        Some(Counted::Failed(why)) => {
            rows.extend(wrapped(
                Role::Warn,
                "",
                &format!("What would be lost isn't counted: {why}"),
                columns,
                3,
            ));
        }
        Some(Counted::Not) if loses => {
            rows.push(Row::of(Role::Dim, "Rows that would be lost are being counted …"));
        }
        _ => {}
    }
    rows
}

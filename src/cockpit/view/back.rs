//! The way back, in view all the time: what a rollback would undo, and what it can't.

use ratatui::layout::Rect;

use super::paper::{Paper, Row, inset, wrapped};
use crate::cockpit::state::State;
use crate::cockpit::theme::Role;
use crate::cockpit::way_back::{Back, Way, estimate, outlook, steps};
use crate::plain::not_put_back_words;
use crate::run::event::{Rehearsed, WayBackVerdict};
use crate::run::outlook::{Goal, Outlook};
use crate::run::state::RollbackResult;
use crate::text::words::{differing, took};

/// Steps that are listed; the question has all of them.
const SHOWN: usize = 5;

/// What there is to say; nothing before anything was applied.
pub fn rows(state: &State, columns: usize) -> Vec<Row> {
    if let Some(ended) = state.rollback().and_then(|rollback| rollback.ended.as_ref()) {
        return ended_rows(ended, columns);
    }
    let goal = Goal::default();
    let all = steps(state, &goal).unwrap_or_else(|_| [].into());
    let outlook = outlook(state, &goal, &all);
    let mut rows: Vec<Row> = all.iter().take(SHOWN).map(|back| row(back, outlook, columns)).collect();
    if all.len() > SHOWN {
        rows.push(Row::of(Role::Dim, format!("  and {} more", all.len() - SHOWN)));
    }
    rows.extend(outlook.map(|outlook| rehearsed(outlook, outlook.course.rehearsed.as_ref())));
    rows
}

/// How long it took in the last rehearsal: these steps, as the button says, and all of it.
fn rehearsed(outlook: &Outlook, last: Option<&Rehearsed>) -> Row {
    let Some(last) = last else { return Row::of(Role::Warn, "never rehearsed") };
    let whole = took(last.rollback_ms);
    let words = match estimate(outlook) {
        Some((ms, _)) if ms != last.rollback_ms => {
            format!("rehearsed {}: {} of {whole}", last.on.strftime("%Y-%m-%d"), took(ms))
        }
        _ => format!("rehearsed {}: {whole}", last.on.strftime("%Y-%m-%d")),
    };
    match (last.passed, last.same_plan) {
        (true, true) => Row::of(Role::Dim, words),
        // First, where nothing cuts it off.
        (false, _) => Row::of(Role::Warn, words.replacen("rehearsed", "FAILED in rehearsal", 1)),
        (true, false) => Row::of(Role::Warn, format!("{words}, another version")),
    }
}

/// One step: by what it is undone, and whether that gives all of it back.
fn row(back: &Back, outlook: Option<&Outlook>, columns: usize) -> Row {
    let item = outlook.and_then(|o| o.course.items.iter().find(|item| item.step == back.step));
    let verdict = item.and_then(|item| item.way_back.as_ref()).map(|way| way.verdict);
    let (sign, role, words) = match &back.way {
        Way::Undone { by } => ("◀ ", Role::Back, by.clone()),
        Way::With(other) => ("◀ ", Role::Back, format!("with {other}")),
        Way::Procedure(title) => ("◀ ", Role::Back, title.clone()),
        Way::Stays { why } => ("! ", Role::Warn, format!("stays: {why}")),
    };
    let mut words = Row::of(Role::Dim, words).cut(columns * 2 / 5);
    match verdict {
        Some(WayBackVerdict::Loses) => words = Row::of(Role::Warn, "loses data"),
        Some(WayBackVerdict::Leaves) => words = Row::of(Role::Warn, "leaves a part"),
        _ => {}
    }
    if let Some(ms) = item.and_then(|item| item.rehearsed_ms) {
        words = words.add(Role::Dim, format!(" · {}", took(ms)));
    }
    Row::of(role, sign).add(Role::Text, &back.title).right(columns, words)
}

fn ended_rows(ended: &RollbackResult, columns: usize) -> Vec<Row> {
    let mut rows = match ended.residue.len() {
        0 if ended.covers.is_empty() => vec![Row::of(Role::Warn, "! nothing was compared")],
        0 if !ended.covers.iter().any(|what| what == "schema") => {
            vec![Row::of(Role::Warn, "! not proven: the schema wasn't compared")]
        }
        0 if !ended.stays.is_empty() => vec![Row::of(Role::Warn, "! what can't be taken back stays")],
        0 if !ended.not_put_back.is_empty() => {
            vec![Row::of(Role::Warn, "! what was compared is as before")]
        }
        0 => vec![Row::of(Role::Good, "✓ no residue")],
        _ => vec![Row::of(Role::Bad, format!("! {} left or lost", differing(&ended.residue)))],
    };
    let residue = ended.residue.iter().chain(&ended.stays).take(SHOWN);
    rows.extend(residue.flat_map(|residue| {
        let object = Row::of(Role::Text, format!("  {}", residue.object));
        let unsure = ended.unsure.contains(&residue.object);
        let whose = unsure.then(|| Row::of(Role::Warn, "    by this run or by others"));
        [Some(object), whose].into_iter().flatten()
    }));
    if !ended.not_put_back.is_empty() {
        rows.extend(wrapped(Role::Warn, "", &not_put_back_words(&ended.not_put_back), columns, 3));
    }
    for (label, what) in [("compared", &ended.covers), ("not compared", &ended.not_compared)] {
        if !what.is_empty() {
            rows.extend(wrapped(Role::Dim, "", &format!("{label}: {}", what.join(", ")), columns, 2));
        }
    }
    rows
}

pub fn draw(paper: &mut Paper<'_>, area: Rect, rows: &[Row]) {
    let inner = inset(paper.panel(area, Row::of(Role::Title, " Way back "), false));
    paper.rows(inner, rows);
}

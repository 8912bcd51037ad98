//! What a step does that isn't SQL, in full: its checklist, its signatures, its words; and what was said by
//! whatever runs for it.

use super::paper::{Row, wrapped};
use super::{checkpoints, details, log, people, watched};
use crate::cockpit::state::{Said, State};
use crate::cockpit::theme::Role;
use crate::plain::LogLine;
use crate::plan::model::{Action, Step, Undo};
use crate::run::event::Direction;
use crate::text::words::took;

/// Below a fact, what is told of it besides: its label and its value.
const LABEL: usize = 9;

/// What the step does now: of one that goes back, its undo.
pub fn of<'a>(state: &State, step: &'a Step) -> (&'a Action, Direction) {
    let direction = state.direction(&step.id);
    match (direction, &step.rollback) {
        (Direction::Back, Some(Undo::Own(undo))) => (&undo.action, direction),
        _ => (&step.action, Direction::Forward),
    }
}

/// Items, roles, or what is looked at; and what came of it, in the order in which it came.
pub fn body(state: &State, step: &Step, columns: usize) -> Vec<Row> {
    let (action, _) = of(state, step);
    let mut rows = people::of_step(state, &step.id, columns);
    if let Action::Signoff(signoff) = action {
        rows.push(Row::new());
        rows.extend(wrapped(Role::Text, "", &format!("“{}”", signoff.statement), columns, 6));
        for (role, text) in &signoff.statements {
            rows.extend(wrapped(Role::Text, "", &format!("{role}: “{text}”"), columns, 4));
        }
    }
    if let Action::Soak(_) = action {
        rows.extend(details::left_of_soak(state, step, columns));
        rows.extend(watched::rows(state, columns));
    }
    let came = came(state, &step.id, columns);
    // What it told says what it did; before that, the plan does.
    rows.extend(details::rows(action, came.is_empty(), columns));
    if rows.is_empty() {
        rows.extend(checkpoints::brief(state, columns));
    }
    if !came.is_empty() && !rows.is_empty() {
        rows.push(Row::new());
    }
    rows.extend(came);
    rows
}

/// What was said and what was told, one after the other.
fn came(state: &State, step: &str, columns: usize) -> Vec<Row> {
    // How the program was called stands above.
    let is_call = |said: &&Said| !said.line.starts_with("$ ");
    let mut said = said(state, step).into_iter().filter(is_call).peekable();
    let mut rows = Vec::new();
    for (seq, fact) in state.told.of(step) {
        while let Some(said) = said.next_if(|said| said.after < seq) {
            rows.push(line(&said.line).cut(columns));
        }
        rows.extend(told(fact, columns));
    }
    rows.extend(said.map(|said| line(&said.line).cut(columns)));
    rows
}

/// A fact, and below it whatever is said of it: paths and sums are read whole here.
fn told(fact: &LogLine, columns: usize) -> Vec<Row> {
    const LINES: usize = 6;
    let Some(pieces) = fact.pieces() else {
        let text = fact.text().trim();
        // The first line of a fact has its time.
        if text.starts_with(|c: char| c.is_ascii_digit())
            && let Some((clock, what)) = text.split_once(' ')
            && clock.contains(':')
        {
            return fact_row(what.trim_start(), &Row::of(Role::Dim, clock), columns, LINES);
        }
        let (label, value) =
            text.split_once("  ").filter(|(label, _)| label.len() < LABEL).unwrap_or_default();
        if label.is_empty() {
            return wrapped(Role::Text, &" ".repeat(2 + LABEL), text, columns, LINES);
        }
        let indent = " ".repeat(2 + LABEL);
        let head = Row::of(Role::Dim, format!("  {label:LABEL$}"));
        let mut parts =
            wrapped(Role::Text, "", value.trim(), columns.saturating_sub(2 + LABEL), LINES).into_iter();
        let first = head.join(parts.next().unwrap_or_default());
        let rest = parts.map(|row| Row::of(Role::Text, &indent).join(row));
        return std::iter::once(first).chain(rest).collect();
    };
    let when = pieces.ms.map(|ms| format!("{}  ", took(ms))).unwrap_or_default();
    let right = Row::of(Role::Text, when).add(Role::Dim, pieces.clock);
    let figures = if pieces.figures.is_empty() { String::new() } else { format!(" · {}", pieces.figures) };
    fact_row(&format!("{} {}{figures}", pieces.sign, pieces.what), &right, columns, LINES)
}

/// With its sign in front, and when at the right.
fn fact_row(text: &str, right: &Row, columns: usize, most: usize) -> Vec<Row> {
    let right = if columns >= 50 { right.clone() } else { Row::new() };
    let room = columns.saturating_sub(right.width() + 1);
    let mut parts = wrapped(Role::Text, "", text, room, most).into_iter();
    let first = log::coloured(&parts.next().unwrap_or_default().text()).right(columns, right);
    let rest = parts.map(|row| Row::of(Role::Text, "  ").join(row).cut(columns));
    std::iter::once(first).chain(rest).collect()
}

/// What was said on behalf of a step in its present try, not what was said in an earlier one.
pub fn said<'a>(state: &'a State, step: &str) -> Vec<&'a Said> {
    let from = state.tries.get(step).copied().unwrap_or_default();
    state.output.iter().filter(|said| said.step == step && said.after >= from).collect()
}

pub fn line(said: &str) -> Row {
    Row::of(Role::Dim, "| ").add(Role::Text, said)
}

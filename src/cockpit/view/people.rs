//! Checklists and sign-offs: who confirmed what, who signed as what, and who is still missing.

use ratatui::layout::Rect;

use super::paper::{Paper, Row, inset, wrapped};
use crate::cockpit::filter::{self, Place};
use crate::cockpit::people::steps;
use crate::cockpit::state::{Extent, State, Tab};
use crate::cockpit::theme::Role;
use crate::cockpit::timeline::step_sign;
use crate::text::words::person;

pub fn draw(state: &State, paper: &mut Paper<'_>, area: Rect) -> (usize, Extent) {
    let (rows, open) = all(state, usize::from(area.width));
    let extent = Extent { lines: rows.len(), room: usize::from(area.height) };
    let begin = open.saturating_sub(extent.room / 3);
    let first = state.scroll.get(&Tab::People).copied().unwrap_or(begin).min(extent.last());
    paper.rows(area, rows.iter().skip(first));
    (first, extent)
}

pub fn panel(state: &State, paper: &mut Paper<'_>, area: Rect) {
    let inner = inset(paper.panel(area, Row::of(Role::Title, " Sign-offs "), false));
    let (rows, open) = all(state, usize::from(inner.width));
    let room = usize::from(inner.height);
    let first = open.saturating_sub(room / 3).min(rows.len().saturating_sub(room));
    paper.rows(inner, rows.iter().skip(first));
}

/// As text, for a clipboard.
pub fn text(state: &State) -> String {
    const COLUMNS: usize = 100;
    let (rows, _) = all(state, COLUMNS);
    rows.iter().map(|row| row.text().trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// All steps that people have a part in (under a filter those that fit it), and the row of the one whose
/// turn it is.
fn all(state: &State, columns: usize) -> (Vec<Row>, usize) {
    let words = filter::of(&state.filters, Place::Tab(Tab::People));
    let held = state.run().hold().and_then(|hold| hold.step.clone());
    let (mut rows, mut open) = (Vec::new(), 0);
    for step in steps(state) {
        let (mark, role, word) = step_sign(state, &step.id);
        let items = step.items.iter().map(|item| item.item.as_str());
        let texts: Vec<&str> = [step.title.as_str(), word].into_iter().chain(items).collect();
        let texts: Vec<&str> = texts.into_iter().chain(step.roles.iter().map(String::as_str)).collect();
        if words.is_some_and(|words| !filter::fits(words, &texts)) {
            continue;
        }
        if held.as_deref() == Some(step.id.as_str()) {
            open = rows.len();
        }
        let right = Row::of(role, format!("{mark} {word}"));
        rows.push(Row::of(Role::Title, &step.title).right(columns, right));
        rows.extend(of_step(state, &step.id, columns));
        rows.push(Row::new());
    }
    rows.pop();
    if rows.is_empty() {
        let why = match words {
            Some(_) => "nothing fits the filter: Esc takes it away",
            None => "this plan asks nobody to confirm or sign",
        };
        rows.push(Row::of(Role::Dim, why));
    }
    (rows, open)
}

/// Items and roles of one step.
pub fn of_step(state: &State, id: &str, columns: usize) -> Vec<Row> {
    let run = state.run();
    let (Some(step), Some(outline)) = (run.step(id), run.outline(id)) else { return Vec::new() };
    let mut rows = Vec::new();
    for item in &outline.items {
        let confirmed = step.confirmed.get(&item.item);
        let (sign, role) = if confirmed.is_some() { ("✓ ", Role::Good) } else { ("☐ ", Role::Hold) };
        let by = match confirmed {
            Some((by, _)) => Row::of(Role::Dim, person(by)),
            None if item.proven => Row::of(Role::Dim, "by its proof"),
            None => Row::new(),
        };
        rows.push(Row::of(role, sign).add(Role::Text, &item.item).right(columns, by));
        if let Some((_, Some(note))) = confirmed {
            rows.extend(wrapped(Role::Dim, "    ", note, columns, 3));
        }
    }
    for role in &outline.roles {
        let (sign, colour, words) = match step.signed.get(role) {
            Some((by, true, word)) => ("✓ ", Role::Good, format!("{word} by {}", person(by))),
            Some((by, false, word)) => ("✗ ", Role::Bad, format!("{word} by {}", person(by))),
            None => ("☐ ", Role::Hold, "not signed yet".to_owned()),
        };
        rows.push(Row::of(colour, sign).add(Role::Strong, role).right(columns, Row::of(Role::Dim, words)));
    }
    rows
}

//! Checklists and sign-offs: who confirmed what, who signed as what, and who is still missing.

use ratatui::layout::Rect;

use super::paper::{Paper, Row, inset, wrapped};
use crate::cockpit::people::steps;
use crate::cockpit::state::{Extent, State, Tab};
use crate::cockpit::theme::Role;
use crate::cockpit::timeline::sign;
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

/// All steps that people have a part in, and the row of the one whose turn it is.
fn all(state: &State, columns: usize) -> (Vec<Row>, usize) {
    let held = state.run().hold().and_then(|hold| hold.step.clone());
    let (mut rows, mut open) = (Vec::new(), 0);
    for step in steps(state) {
        if held.as_deref() == Some(step.id.as_str()) {
            open = rows.len();
        }
        let status = state.status(&step.id);
        let (mark, role) = sign(status);
        let right = Row::of(role, format!("{mark} {}", status.word()));
        rows.push(Row::of(Role::Title, &step.title).right(columns, right));
        rows.extend(of_step(state, &step.id, columns));
        rows.push(Row::new());
    }
    rows.pop();
    if rows.is_empty() {
        rows.push(Row::of(Role::Dim, "this plan asks nobody to confirm or sign"));
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

//! What goes on at the server: what the work session waits for, and who is in its way.

use ratatui::layout::Rect;

use super::paper::{Paper, Row, wrapped};
use super::step;
use crate::cockpit::state::{Extent, State, Tab};
use crate::cockpit::theme::Role;

pub fn draw(state: &State, paper: &mut Paper<'_>, area: Rect) -> (usize, Extent) {
    let rows = rows(state, usize::from(area.width));
    let extent = Extent { lines: rows.len(), room: usize::from(area.height) };
    let first = state.scroll.get(&Tab::Activity).copied().unwrap_or_default().min(extent.last());
    paper.rows(area, rows.iter().skip(first));
    (first, extent)
}

/// Somebody keeps the work session waiting.
pub fn mark(state: &State) -> Option<(char, Role)> {
    let waits = state.seen.as_ref().is_some_and(|seen| !seen.blockers.is_empty());
    waits.then_some(('!', Role::Warn))
}

fn rows(state: &State, columns: usize) -> Vec<Row> {
    if state.seen.is_none() {
        let what = "Nothing runs that could wait for anybody.";
        return wrapped(Role::Dim, "", what, columns, 4);
    }
    step::locks(state, columns)
}

//! The log: the lines that `--plain` would print, newest at the bottom.

use ratatui::layout::Rect;

use super::paper::{Paper, Row, inset};
use crate::cockpit::state::{Extent, State, Tab};
use crate::cockpit::theme::Role;
use crate::text::words::count;

pub fn draw(state: &State, paper: &mut Paper<'_>, area: Rect) -> (usize, Extent) {
    let extent = Extent { lines: state.log.len(), room: usize::from(area.height) };
    let first = state.scroll.get(&Tab::Log).copied().unwrap_or(usize::MAX).min(extent.last());
    let columns = usize::from(area.width);
    for (at, line) in state.log.shown(first).take(extent.room).enumerate() {
        paper.row(area, at, &coloured(&line.within(columns)));
    }
    if state.log.is_empty() {
        let words: Vec<Row> = state.stages.iter().map(|stage| Row::of(Role::Dim, stage)).collect();
        paper.rows(area, &words);
    }
    if extent.lines == 0 && !state.log.is_empty() {
        paper.row(area, 0, &Row::of(Role::Dim, "nothing fits the filter: Esc takes it away"));
    }
    // Scrolled back, it stands still; what comes meanwhile is counted.
    let below = extent.lines.saturating_sub(first + extent.room);
    if below > 0 && area.height > 2 {
        let words = Row::of(Role::Hold, format!(" {} below ", count(below as u64, "line")));
        let row = words.add(Role::Key, "f").add(Role::Text, " follows ").on(Role::Selected);
        let wide = u16::try_from(row.width()).unwrap_or(u16::MAX).min(area.width);
        let at = Rect { x: area.right() - wide, y: area.bottom() - 1, width: wide, height: 1 };
        paper.row(at, 0, &row);
    }
    (first, extent)
}

/// Beside what is looked at: always the newest.
pub fn panel(state: &State, paper: &mut Paper<'_>, area: Rect) {
    let inner = inset(paper.panel(area, Row::of(Role::Title, " Log "), false));
    let all = state.log.all();
    let first = all.len().saturating_sub(usize::from(inner.height));
    for (at, line) in all.iter().skip(first).enumerate() {
        paper.row(inner, at, &coloured(&line.within(usize::from(inner.width))));
    }
}

/// The clock steps back, and the sign has the colour that it has in the tree.
pub fn coloured(line: &str) -> Row {
    let is_sign = |c: &char| !(c.is_ascii_digit() || matches!(c, ':' | ' '));
    let Some((at, sign)) = line.char_indices().find(|(_, c)| is_sign(c)) else {
        return Row::of(Role::Dim, line);
    };
    let role = match sign {
        '✓' => Role::Good,
        '✗' | '?' => Role::Bad,
        '!' | '-' | '◆' => Role::Hold,
        '▶' => Role::Active,
        '◀' => Role::Back,
        '·' | '|' => Role::Dim,
        _ => return Row::of(Role::Text, line),
    };
    let (clock, rest) = line.split_at(at);
    let rest = &rest[sign.len_utf8()..];
    if !rest.starts_with(' ') {
        return Row::of(Role::Text, line);
    }
    Row::of(Role::Dim, clock).add(role, sign.to_string()).add(Role::Text, rest)
}

//! A question over the screen: text that goes on moving, fields, buttons.

use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::asked;
use super::paper::{Paper, Row, inset};
use crate::cockpit::mouse::Hit;
use crate::cockpit::question::{About, Field, Must, Question};
use crate::cockpit::state::{Extent, State};
use crate::cockpit::theme::Role;
use crate::text::columns::{pad, width};

/// Lines are hard to read when they are longer.
const WIDEST: u16 = 104;

pub fn draw(state: &State, question: &Question, paper: &mut Paper<'_>, area: Rect) -> Extent {
    let wide = area.width.saturating_sub(4).clamp(area.width.min(20), WIDEST);
    let text = asked::rows(state, question, usize::from(wide.saturating_sub(4)));
    // Fields of several lines give way where there is no room.
    let most = area.height.saturating_sub(8).max(1);
    let heights: Vec<u16> = question.fields.iter().map(|field| field.lines.min(most)).collect();
    let fields = heights.iter().fold(0_u16, |sum, lines| sum.saturating_add(*lines));
    // Frame, text, blank, fields, objection, buttons.
    let around = 4 + fields + u16::from(fields > 0) + u16::from(!text.is_empty());
    // What goes on stays in view above it, and the keys below.
    let (above, below) = if area.height >= 24 { (3, 2) } else { (0, 0) };
    let free = area.height - above - below;
    let high = u16::try_from(text.len()).unwrap_or(free).saturating_add(around).min(free);
    let at = Rect {
        x: area.x + (area.width - wide) / 2,
        y: area.y + above + (free - high) / 2,
        width: wide,
        height: high,
    };
    paper.clear(at);
    let title = Row::of(Role::Title, format!(" {} ", question.title));
    let inner = inset(paper.panel(at, title, true));
    paper.hit(at, Hit::Question);
    let reserved = (2 + fields + u16::from(fields > 0)).min(inner.height);
    let room = inner.height - reserved;
    // A blank line stays between the text and what is typed, however long the text is.
    let for_text = room.saturating_sub(u16::from(fields > 0));
    let extent = Extent { lines: text.len(), room: usize::from(for_text) };
    let first = question.scroll.min(extent.last());
    paper.rows(Rect { height: for_text, ..inner }, text.iter().skip(first));
    paper.scroll_mark(Rect { height: room + 2, ..at }, first, extent.lines, extent.room);
    let mut y = inner.y + room;
    for (index, field) in question.fields.iter().enumerate() {
        let lines = heights.get(index).copied().unwrap_or(1);
        if y < inner.bottom() {
            let area = Rect { y, height: lines.min(inner.bottom() - y), ..inner };
            paper.hit(area, Hit::Field(index));
            draw_field(paper, area, field, question.field_in_focus() == Some(index));
        }
        y += lines;
    }
    y += u16::from(fields > 0);
    if let Some(objection) = &question.objection
        && y < inner.bottom()
    {
        paper.row(Rect { y, height: 1, ..inner }, 0, &Row::of(Role::Warn, objection));
    }
    buttons(question, paper, Rect { y: inner.bottom().saturating_sub(1), height: 1, ..inner });
    extent
}

fn draw_field(paper: &mut Paper<'_>, line: Rect, field: &Field, focus: bool) {
    let mark = if focus { Role::Key } else { Role::Dim };
    let label = Row::of(mark, if focus { "▸ " } else { "  " }).add(mark, pad(field.label, 10));
    paper.row(line, 0, &label);
    let from = u16::try_from(label.width()).unwrap_or_default().min(line.width);
    let place = Rect { x: line.x + from, width: line.width - from, ..line };
    if focus && !place.is_empty() {
        (&field.area).render(place, paper.buf);
        return;
    }
    if field.lines > 1 {
        let rows: Vec<Row> = field.area.lines().iter().map(|line| Row::of(Role::Text, line)).collect();
        let first = rows.len().saturating_sub(usize::from(place.height));
        paper.rows(place, rows.iter().skip(first));
        return;
    }
    let text = field.text();
    let row = match (&field.must, text.is_empty()) {
        (Must::Exactly(wanted), true) => Row::of(Role::Dim, format!("type {wanted}")),
        (Must::Any, true) => Row::of(Role::Dim, "(may stay empty)"),
        _ => Row::of(Role::Text, text),
    };
    paper.row(place, 0, &row);
}

fn buttons(question: &Question, paper: &mut Paper<'_>, line: Rect) {
    let mut x = line.x;
    for (at, button) in question.buttons.iter().enumerate() {
        let focus = question.button_in_focus() == Some(at);
        let role = match (focus, button.danger) {
            (true, true) => Role::Danger,
            (true, false) => Role::ButtonFocus,
            (false, _) => Role::Button,
        };
        // The focus is to be seen without colour too.
        let label = if focus { format!("▸ {} ", button.label) } else { format!("  {} ", button.label) };
        let wide = u16::try_from(width(&label)).unwrap_or(u16::MAX).min(line.right().saturating_sub(x));
        paper.row(Rect { x, width: wide, ..line }, 0, &Row::of(role, &label));
        paper.hit(Rect { x, width: wide, ..line }, Hit::Button(at));
        x = x.saturating_add(wide).saturating_add(2);
    }
    let tall = question.field_in_focus().and_then(|at| question.fields.get(at)).is_some_and(|f| f.lines > 1);
    let words = match tall {
        true => "Enter: a new line · Tab moves · Esc cancels",
        false if question.about == About::Help => "↑ ↓ scroll · Enter or Esc closes",
        false => "Tab moves · Enter presses · Esc cancels",
    };
    let keys = Row::of(Role::Dim, words);
    let wide = u16::try_from(keys.width()).unwrap_or_default();
    if x + wide < line.right() {
        paper.row(Rect { x: line.right() - wide, width: wide, ..line }, 0, &keys);
    }
}

//! The palette: commands that fit what is typed, each with its key and what stands against it.

use ratatui::layout::Rect;

use super::paper::{Paper, Row, inset};
use crate::cockpit::mouse::Hit;
use crate::cockpit::palette::{Palette, found};
use crate::cockpit::state::State;
use crate::cockpit::theme::Role;
use crate::text::columns::pad;

/// Wider than this, key and words don't belong together any more.
const WIDEST: u16 = 96;
/// As wide as the longest word, and a blank.
const WORD: usize = 14;

pub fn draw(state: &State, palette: &Palette, paper: &mut Paper<'_>, area: Rect) {
    let all = found(state);
    let wide = area.width.saturating_sub(4).clamp(area.width.min(20), WIDEST);
    // As high whatever is found: a list that jumps about can't be read.
    let lines = u16::try_from(crate::cockpit::keymap::ENTRIES.len() + 1).unwrap_or(u16::MAX);
    let high = lines.saturating_add(4).min(area.height.saturating_sub(if area.height > 12 { 6 } else { 0 }));
    let at = Rect {
        x: area.x + (area.width - wide) / 2,
        y: area.y + area.height.saturating_sub(high) / 2,
        width: wide,
        height: high,
    };
    paper.clear(at);
    let inner = inset(paper.panel(at, Row::of(Role::Title, " Commands "), true));
    paper.hit(at, Hit::Palette);
    let typed = Row::of(Role::Key, ": ").add(Role::Strong, &palette.text).add(Role::ButtonFocus, " ");
    let keys = Row::of(Role::Dim, "Enter does it · Esc closes");
    paper.row(inner, 0, &typed.right(usize::from(inner.width), keys));
    let list = Rect { y: inner.y.saturating_add(1), height: inner.height.saturating_sub(1), ..inner };
    if all.is_empty() {
        paper.row(list, 0, &Row::of(Role::Dim, "no command has these letters"));
        return;
    }
    let room = usize::from(list.height);
    let selected = palette.at.min(all.len() - 1);
    let first = selected.saturating_sub(room / 2).min(all.len().saturating_sub(room));
    for (line, (index, (entry, verdict))) in all.iter().enumerate().skip(first).take(room).enumerate() {
        let (key, text) = match verdict {
            Ok(()) => (Role::Key, Role::Text),
            Err(_) => (Role::KeyOff, Role::Dim),
        };
        let row = Row::of(key, pad(entry.cap, 8)).add(text, pad(entry.word, WORD));
        let row = match verdict {
            Ok(()) => row.add(Role::Dim, entry.what),
            Err(why) => row.add(Role::Warn, format!("not now: {why}")),
        };
        let row = row.cut(usize::from(list.width));
        let y = list.y.saturating_add(u16::try_from(line).unwrap_or(u16::MAX));
        paper.hit(Rect { y, height: 1, ..list }, Hit::Command(index));
        paper.row(list, line, &if index == selected { row.on(Role::Selected) } else { row });
    }
    paper.scroll_mark(
        Rect { y: at.y + 1, height: at.height.saturating_sub(1), ..at },
        first,
        all.len(),
        room,
    );
}

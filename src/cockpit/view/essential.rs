//! What is left where there is no room: the phase, the step, the time, and the key that stops.

use ratatui::layout::Rect;

use super::footer::fitting;
use super::header;
use super::paper::{Paper, Row};
use crate::cockpit::clock;
use crate::cockpit::lock_wait::lock_wait;
use crate::cockpit::progress::progress;
use crate::cockpit::state::State;
use crate::cockpit::theme::Role;

pub fn draw(state: &State, paper: &mut Paper<'_>, area: Rect) {
    let (columns, lines) = (usize::from(area.width), usize::from(area.height));
    if area.is_empty() {
        return;
    }
    let (sign, word, role) = header::word(state);
    let far = progress(state).short();
    let elapsed = clock::elapsed_ms(state).map(header::whole_seconds).unwrap_or_default();
    let active = state.active().unwrap_or(state.selected);
    let step = state.step_at(active).map(|step| step.title.clone()).unwrap_or_default();
    let phase = state.chapter(active.phase).map(|chapter| chapter.title.to_owned()).unwrap_or_default();
    let stop = Row::of(Role::Key, "Ctrl-C").add(Role::Text, " stop");
    let standing = Row::of(role, format!("{sign} {word} ")).add(Role::Text, format!("{far} {elapsed}"));
    if lines == 1 {
        let all = standing.add(Role::Text, format!(" {step}"));
        return paper.row(area, 0, &all.right(columns, stop));
    }
    let badge = Row::of(Role::Dim, header::badge(state.plan().environment).trim());
    let mut rows = vec![standing.right(columns, badge)];
    let waits = state.run().hold().is_some() || lock_wait(state).is_some();
    if waits || state.over.is_some() || !state.is_open() {
        rows.push(header::banner(state, columns).cut(columns));
    }
    if state.console.open {
        // It has the keys, and can't be seen.
        rows.push(Row::of(Role::Hold, "the query console has no room: Esc closes it"));
    }
    rows.push(Row::of(Role::Text, &step));
    rows.push(Row::of(Role::Dim, &phase));
    rows.extend(state.toast.as_ref().map(|toast| Row::of(Role::Warn, &toast.text)));
    rows.truncate(lines - 1);
    paper.rows(area, &rows);
    let mut keys = stop;
    for entry in fitting(state, columns.saturating_sub(keys.width()), 3) {
        let hint = Row::of(Role::Text, "  ").add(Role::Key, entry.cap);
        keys = keys.join(hint.add(Role::Text, format!(" {}", entry.word)));
    }
    paper.row(area, lines - 1, &keys);
}

//! The plan as a tree: what is done, what runs, what is to come.

use ratatui::layout::Rect;

use super::paper::{Paper, Row};
use super::screen::filtered;
use crate::cockpit::filter::{self, Place};
use crate::cockpit::mouse::Hit;
use crate::cockpit::state::{Focus, Spot, State};
use crate::cockpit::theme::Role;
use crate::cockpit::timeline::{phase_ms, phase_sign, phase_status, row_of, rows, step_ms, step_sign};
use crate::plan::duration;
use crate::plan::model::Takes;
use crate::run::state::Status;
use crate::text::columns::{cut, pad, pad_left};
use crate::text::words::took;

pub fn draw(state: &State, paper: &mut Paper<'_>, area: Rect) {
    let title = Row::of(Role::Title, " Timeline ");
    let title = if state.follow { title } else { title.add(Role::Key, "f").add(Role::Dim, " follows ") };
    let title = title.join(filtered(state, Place::Timeline));
    let inner = paper.panel(area, title, state.focus == Focus::Timeline);
    paper.hit(area, Hit::Timeline);
    let rows = rows(state);
    let room = usize::from(inner.height);
    let selected = row_of(&rows, state.selected).unwrap_or_default();
    let planned = Planned::of(state);
    // The selected row stands in the middle, where there is anything above and below it.
    let first = selected.saturating_sub(room / 2).min(rows.len().saturating_sub(room));
    for (at, spot) in rows.iter().skip(first).take(room).enumerate() {
        let row = line(state, *spot, usize::from(inner.width), planned);
        let y = inner.y.saturating_add(u16::try_from(at).unwrap_or(u16::MAX));
        paper.hit(Rect { y, height: 1, ..inner }, Hit::Row(*spot));
        paper.row(inner, at, &if first + at == selected { row.on(Role::Selected) } else { row });
    }
    if rows.is_empty() {
        paper.row(inner, 0, &Row::of(Role::Dim, " nothing fits the filter"));
    }
    paper.scroll_mark(area, first, rows.len(), room);
}

/// What the plan says of any phase or step: a column that stays empty has no room.
#[derive(Debug, Clone, Copy)]
struct Planned {
    owner: bool,
    starts: bool,
    takes: bool,
}

impl Planned {
    fn of(state: &State) -> Self {
        let phases = &state.plan().phases;
        let steps = || phases.iter().flat_map(|phase| &phase.steps);
        Self {
            owner: phases.iter().any(|p| p.owner.is_some()) || steps().any(|s| s.owner.is_some()),
            starts: phases.iter().any(|p| p.starts.is_some()) || steps().any(|s| s.starts.is_some()),
            takes: phases.iter().any(|p| p.takes.is_some()) || steps().any(|s| s.takes.is_some()),
        }
    }
}

fn line(state: &State, spot: Spot, columns: usize, planned: Planned) -> Row {
    let Some(chapter) = state.chapter(spot.phase) else { return Row::new() };
    let (status, ms, left) = match state.step_at(spot) {
        None => {
            let status = phase_status(state, spot.phase);
            let folded =
                state.folded.contains(&spot.phase) && filter::of(&state.filters, Place::Timeline).is_none();
            let folded = if folded { "▸ " } else { "" };
            let (mark, colour) = phase_sign(state, spot.phase);
            let left = head(" ", mark, colour).add(Role::Strong, format!("{folded}{}", chapter.title));
            (status, phase_ms(state, spot.phase), left)
        }
        Some(step) => {
            let status = state.status(&step.id);
            let (mark, colour, _) = step_sign(state, &step.id);
            let later = status == Status::Pending && colour == Role::Dim && spot != state.selected;
            let role = if later { Role::Dim } else { Role::Text };
            (status, step_ms(state, &step.id), head("   ", mark, colour).add(role, &step.title))
        }
    };
    let step = state.step_at(spot);
    let (starts, takes, owner) = match step {
        Some(step) => (step.starts.as_deref(), step.takes.as_ref(), step.owner.as_deref()),
        None => (chapter.starts, chapter.takes, chapter.owner),
    };
    let mut right = Row::new();
    if columns >= 62 && planned.owner {
        right = right.add(Role::Dim, pad(&cut(owner.unwrap_or_default(), 9), 10));
    }
    if columns >= 42 && (starts.is_some() || columns >= 62 && planned.starts) {
        right = right.add(Role::Dim, pad_left(&cut(starts.unwrap_or_default(), 6), 7));
    }
    if columns >= 54 && planned.takes {
        right = right.add(Role::Dim, pad_left(&takes.map(in_words).unwrap_or_default(), 8));
    }
    let late = takes.zip(ms).is_some_and(|(takes, ms)| u128::from(ms) > takes.to.as_millis());
    let role = match (late, status.is_moving()) {
        (true, _) => Role::Warn,
        (_, true) => Role::Active,
        _ => Role::Dim,
    };
    let time = ms.map(took).unwrap_or_default();
    let right = match columns {
        62.. => right.add(role, pad_left(&time, 9)),
        _ if time.is_empty() => right,
        _ => right.add(role, pad_left(&time, 8)),
    };
    left.right(columns.saturating_sub(1), right)
}

fn head(indent: &str, mark: char, role: Role) -> Row {
    Row::of(Role::Text, indent).add(role, mark.to_string()).add(Role::Text, " ")
}

fn in_words(takes: &Takes) -> String {
    duration::words(takes.to)
}

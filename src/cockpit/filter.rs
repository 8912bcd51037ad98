//! Filters: what a row has to hold, as it is typed, to be shown. One for the timeline, one for each tab.

use std::collections::BTreeMap;

use super::message::Key;
use super::state::{Focus, State, Tab};

/// What is filtered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Timeline,
    Tab(Tab),
}

impl Place {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Timeline => "timeline",
            Self::Tab(tab) => tab.title(),
        }
    }
}

/// Longer than this nobody looks for anything.
const LONGEST: usize = 80;

/// What is filtered from here.
#[must_use]
pub fn here(state: &State) -> Place {
    match state.focus {
        Focus::Timeline => Place::Timeline,
        Focus::Detail => Place::Tab(state.tab),
    }
}

/// The filter of a place, if it has one.
#[must_use]
pub fn of(filters: &BTreeMap<Place, String>, place: Place) -> Option<&str> {
    filters.get(&place).map(String::as_str).filter(|text| !text.trim().is_empty())
}

/// Whether the filter stands in one of the texts, as it is typed, whatever its case: `step 2` isn't a step
/// of phase 2.
#[must_use]
pub fn fits(filter: &str, texts: &[&str]) -> bool {
    let wanted = filter.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    texts.iter().any(|text| text.to_lowercase().contains(&wanted))
}

/// A key while a filter is typed. `false`: it ends the typing and counts as itself.
pub fn key(state: &mut State, key: Key) -> bool {
    let Some(place) = state.filtering else { return false };
    let text = state.filters.entry(place).or_default();
    match key {
        Key::Char(c) if text.chars().count() < LONGEST && !crate::text::scrub::is_unsafe(c) => text.push(c),
        Key::Char(_) => {}
        Key::Backspace => drop(text.pop()),
        Key::Ctrl('u') => text.clear(),
        Key::Ctrl('w') => {
            let kept = text.trim_end().rfind(' ').map_or(0, |at| at + 1);
            text.truncate(kept);
        }
        Key::Enter => state.filtering = None,
        Key::Esc => {
            text.clear();
            state.filtering = None;
        }
        // What moves, moves in what is found.
        Key::Up | Key::Down | Key::PageUp | Key::PageDown => return false,
        _ => {
            state.filtering = None;
            changed(state, place);
            return false;
        }
    }
    changed(state, place);
    true
}

/// Pasted text.
pub fn paste(state: &mut State, text: &str) {
    let Some(place) = state.filtering else { return };
    let filter = state.filters.entry(place).or_default();
    let room = LONGEST.saturating_sub(filter.chars().count());
    filter.extend(crate::text::scrub::line(text.trim()).chars().take(room));
    changed(state, place);
}

/// Takes the filter of a place away; whether there was one.
pub fn clear(state: &mut State, place: Place) -> bool {
    let had = of(&state.filters, place).is_some();
    state.filters.remove(&place);
    changed(state, place);
    had
}

fn changed(state: &mut State, place: Place) {
    if state.filters.get(&place).is_some_and(String::is_empty) && state.filtering != Some(place) {
        state.filters.remove(&place);
    }
    if let Place::Tab(tab) = place {
        state.scroll.remove(&tab);
        if tab == Tab::Log {
            let words = of(&state.filters, place).map(str::to_owned);
            state.log.find(words.as_deref());
        }
    } else {
        // What isn't shown isn't what the keys are about.
        let rows = super::timeline::rows(state);
        if super::timeline::row_of(&rows, state.selected).is_none()
            && let Some(first) = rows.iter().find(|row| row.step.is_some()).or(rows.first())
        {
            state.follow = false;
            state.selected = *first;
        }
    }
}

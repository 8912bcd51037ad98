//! The palette: every command of the one list, found by a few letters.

use super::keymap::{self, ENTRIES, Entry, ROLL_BACK};
use super::message::{Effect, Key};
use super::state::State;

/// What is typed and what is selected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Palette {
    pub text: String,
    pub at: usize,
}

/// Longer than this no command is.
const LONGEST: usize = 60;

/// Commands that fit what is typed, the best first, each with its verdict.
#[must_use]
pub fn found(state: &State) -> Vec<(&'static Entry, Result<(), String>)> {
    static BACK: Entry = ROLL_BACK;
    let text = state.palette.as_ref().map(|palette| palette.text.trim()).unwrap_or_default();
    let mut found: Vec<(u8, &Entry)> = ENTRIES
        .iter()
        .chain(std::iter::once(&BACK))
        .filter_map(|entry| Some((rank(entry, text)?, entry)))
        .collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, entry)| (entry, keymap::verdict(state, entry.act))).collect()
}

/// How well a command fits: its key, the beginning of its word, the word, what it does; then letters of
/// its word in their order.
fn rank(entry: &Entry, text: &str) -> Option<u8> {
    if text.is_empty() {
        return Some(0);
    }
    if entry.cap == text {
        return Some(0);
    }
    let (word, what, text) = (entry.word.to_lowercase(), entry.what.to_lowercase(), text.to_lowercase());
    if word.starts_with(&text) {
        Some(1)
    } else if word.contains(&text) {
        Some(2)
    } else if text.split_whitespace().all(|part| word.contains(part) || what.contains(part)) {
        Some(3)
    } else if in_order(&word, &text) {
        Some(4)
    } else {
        None
    }
}

fn in_order(word: &str, letters: &str) -> bool {
    let mut left = word.chars();
    letters.chars().filter(|c| !c.is_whitespace()).all(|letter| left.any(|c| c == letter))
}

/// A key while the palette is open.
pub fn key(state: &mut State, key: Key) -> Vec<Effect> {
    let all = found(state).len();
    let Some(palette) = &mut state.palette else { return Vec::new() };
    match key {
        Key::Esc | Key::Ctrl('c' | 'd') => state.palette = None,
        Key::Enter => return chosen(state),
        Key::Down | Key::Tab => palette.at = (palette.at + 1) % all.max(1),
        Key::Up | Key::BackTab => palette.at = (palette.at + all.max(1) - 1) % all.max(1),
        Key::PageDown => palette.at = (palette.at + 8).min(all.saturating_sub(1)),
        Key::PageUp => palette.at = palette.at.saturating_sub(8),
        Key::Home => palette.at = 0,
        Key::End => palette.at = all.saturating_sub(1),
        // With nothing left to take away it goes, as `:` came.
        Key::Backspace if palette.text.is_empty() => state.palette = None,
        Key::Backspace => {
            palette.text.pop();
            palette.at = 0;
        }
        Key::Ctrl('u') => *palette = Palette::default(),
        Key::Char(c) if palette.text.chars().count() < LONGEST && !crate::text::scrub::is_unsafe(c) => {
            palette.text.push(c);
            palette.at = 0;
        }
        _ => {}
    }
    Vec::new()
}

/// Does what is selected, as its key would. One that isn't allowed stays where it says why.
pub fn chosen(state: &mut State) -> Vec<Effect> {
    let at = state.palette.as_ref().map_or(0, |palette| palette.at);
    match found(state).into_iter().nth(at) {
        Some((entry, Ok(()))) => {
            state.palette = None;
            super::keys::command(state, entry.act)
        }
        Some((entry, Err(why))) => {
            state.toast(format!("{}: {why}", entry.word), true);
            Vec::new()
        }
        None => Vec::new(),
    }
}

//! The keys while the console is open.

use tui_textarea::{CursorMove, Input};

use super::console::{self, LONGEST, Part};
use super::keymap::Act;
use super::message::{Effect, Key};
use super::state::State;
use crate::text::scrub;

/// A key.
pub fn key(state: &mut State, key: Key) -> Vec<Effect> {
    match key {
        // The run's own brake comes first, unless a query is to be stopped.
        Key::Ctrl('c') if state.console.asked.is_some() => return console::stop(state),
        Key::Ctrl('c') => return super::keys::command(state, Act::Interrupt),
        Key::Ctrl('l') => return vec![Effect::Redraw],
        Key::Ctrl('z') => return super::keys::command(state, Act::Suspend),
        Key::Ctrl('d') | Key::Esc => {
            state.console.open = false;
            return Vec::new();
        }
        Key::Ctrl('r') => return console::ask(state),
        Key::Tab | Key::BackTab => {
            let answered = state.console.answer.as_ref().is_some_and(|answer| !answer.heads.is_empty());
            state.console.part = match state.console.part {
                Part::Query if answered => Part::Result,
                _ => Part::Query,
            };
            return Vec::new();
        }
        Key::PageDown => state.console.go(10, 0),
        Key::PageUp => state.console.go(-10, 0),
        key => match state.console.part {
            Part::Query => return in_query(state, key),
            Part::Result => return in_result(state, key),
        },
    }
    Vec::new()
}

fn in_query(state: &mut State, key: Key) -> Vec<Effect> {
    if key == Key::Enter {
        if is_whole(&state.console.text()) {
            return console::ask(state);
        }
        state.console.make_room();
        state.console.area.insert_newline();
        state.console.typed();
        return Vec::new();
    }
    let console = &mut state.console;
    let (line, last) = (console.area.cursor().0, console.area.lines().len().saturating_sub(1));
    match key {
        Key::Up if line == 0 => console.recall(true),
        Key::Down if line == last => console.recall(false),
        key => {
            if matches!(key, Key::Char(_)) {
                console.make_room();
            }
            // Who moves about in it wants to change it.
            edit(&mut console.area, key);
            console.typed();
        }
    }
    Vec::new()
}

/// A query that ends with a semicolon is meant to be sent.
fn is_whole(text: &str) -> bool {
    text.trim_end().ends_with(';')
}

fn in_result(state: &mut State, key: Key) -> Vec<Effect> {
    let console = &mut state.console;
    match key {
        Key::Down | Key::Char('j') => console.go(1, 0),
        Key::Up | Key::Char('k') => console.go(-1, 0),
        Key::Right | Key::Char('l') => console.go(0, 1),
        Key::Left | Key::Char('h') => console.go(0, -1),
        Key::Home | Key::Char('0') => console.go(0, isize::MIN / 2),
        Key::End | Key::Char('$') => console.go(0, isize::MAX / 2),
        Key::Char('g') => console.go(isize::MIN / 2, 0),
        Key::Char('G') => console.go(isize::MAX / 2, 0),
        Key::Char(' ') => console.go(10, 0),
        Key::Char('y') => return super::copying::cell(state),
        Key::Char('Y') => return super::copying::row(state),
        Key::Char('q') => console.open = false,
        Key::Enter => console.part = Part::Query,
        _ => {}
    }
    Vec::new()
}

/// A key in a field of several lines; whether the text is another one now.
pub fn edit(area: &mut tui_textarea::TextArea<'static>, key: Key) -> bool {
    let plain = |key| Input { key, ctrl: false, alt: false, shift: false };
    let length: usize = area.lines().iter().map(String::len).sum();
    match key {
        Key::Char(c) if length < LONGEST && !scrub::is_unsafe(c) => area.insert_char(c),
        Key::Enter if length < LONGEST => area.insert_newline(),
        Key::Backspace => return area.input(plain(tui_textarea::Key::Backspace)),
        Key::Delete => return area.input(plain(tui_textarea::Key::Delete)),
        Key::Ctrl('w') => return area.delete_word(),
        Key::Ctrl('k') => return area.delete_line_by_end(),
        Key::Ctrl('u') => {
            let text = !area.is_empty();
            *area = tui_textarea::TextArea::default();
            return text;
        }
        key => {
            let to = match key {
                Key::Left => CursorMove::Back,
                Key::Right => CursorMove::Forward,
                Key::Up => CursorMove::Up,
                Key::Down => CursorMove::Down,
                Key::Home | Key::Ctrl('a') => CursorMove::Head,
                Key::End | Key::Ctrl('e') => CursorMove::End,
                _ => return false,
            };
            area.move_cursor(to);
            return false;
        }
    }
    true
}

/// Pasted text, as many lines as it has.
pub fn paste(state: &mut State, text: &str) {
    if state.console.part != Part::Query {
        return;
    }
    state.console.make_room();
    insert(&mut state.console.area, text);
}

/// Puts foreign text into a field of several lines.
pub fn insert(area: &mut tui_textarea::TextArea<'static>, text: &str) {
    let length: usize = area.lines().iter().map(String::len).sum();
    let room = LONGEST.saturating_sub(length);
    let end = text.char_indices().nth(room).map_or(text.len(), |(at, _)| at);
    let lines: Vec<String> = scrub::lines(&text[..end]).map(std::borrow::Cow::into_owned).collect();
    area.insert_str(lines.join("\n"));
}

//! The keys of the screen: what moves, and what commands do.

use super::keymap::{self, Act};
use super::message::{Effect, Key};
use super::palette::{self, Palette};
use super::question;
use super::state::{Focus, Spot, State, Tab};
use super::update::{ask, follow, select, set_auto};
use super::{activity, answering, console_keys, copying, deltas, filter, timeline, view};
use crate::text::columns::width;

/// A key, where it counts: in a question, the palette, the console, a filter, or for the screen.
pub fn pressed(state: &mut State, key: Key) -> Vec<Effect> {
    if key != Key::Ctrl('c') {
        state.interrupted = None;
    }
    if state.question.is_some() {
        return answering::key(state, key);
    }
    if state.palette.is_some() {
        return palette::key(state, key);
    }
    if state.console.open {
        return console_keys::key(state, key);
    }
    if filter::key(state, key) {
        return Vec::new();
    }
    // Where the screen is too small for the tree, moving in it unseen would only confuse.
    match key {
        Key::Char(digit @ '1'..='6') => {
            let at = usize::from(digit as u8 - b'1');
            if state.tab != Tab::ALL[at] {
                state.shift = 0;
            }
            state.tab = Tab::ALL[at];
            state.left_tab = None;
            return Vec::new();
        }
        Key::Tab | Key::BackTab => {
            state.focus = if state.focus == Focus::Timeline { Focus::Detail } else { Focus::Timeline };
            return Vec::new();
        }
        Key::Esc => {
            state.toast = None;
            let place = filter::here(state);
            filter::clear(state, place);
            return Vec::new();
        }
        _ => {}
    }
    if moved(state, key) {
        return Vec::new();
    }
    match keymap::on(key) {
        Some(act) => command(state, act),
        None => {
            let name = name(key);
            state.toast(format!("{name} does nothing here, ? lists the keys"), true);
            Vec::new()
        }
    }
}

/// A key as it is written on it.
fn name(key: Key) -> String {
    match key {
        Key::Char(' ') => "Space".to_owned(),
        Key::Char(c) => crate::text::scrub::line(&c.to_string()).into_owned(),
        Key::Ctrl(c) => format!("Ctrl-{}", c.to_ascii_uppercase()),
        Key::Left => "←".to_owned(),
        Key::Right => "→".to_owned(),
        other => format!("{other:?}"),
    }
}

/// Pasted text.
pub fn pasted(state: &mut State, text: &str) {
    if state.question.is_some() {
        answering::paste(state, text);
    } else if state.console.open && state.palette.is_none() {
        console_keys::paste(state, text);
    } else {
        filter::paste(state, text);
    }
}

fn moved(state: &mut State, key: Key) -> bool {
    let page = isize::try_from(state.extent.room.saturating_sub(1).max(1)).unwrap_or(1);
    let detail = state.focus == Focus::Detail;
    match key {
        Key::PageDown => scroll(state, page),
        Key::PageUp => scroll(state, -page),
        Key::Down | Key::Char('j') if detail => scroll(state, 1),
        Key::Up | Key::Char('k') if detail => scroll(state, -1),
        Key::Home | Key::Char('g') if detail => scroll(state, isize::MIN / 2),
        Key::End | Key::Char('G') if detail => scroll(state, isize::MAX / 2),
        Key::Down | Key::Char('j') => walk(state, 1),
        Key::Up | Key::Char('k') => walk(state, -1),
        Key::Home | Key::Char('g') => walk(state, isize::MIN / 2),
        Key::End | Key::Char('G') => walk(state, isize::MAX / 2),
        Key::Left | Key::Right if detail && matches!(state.tab, Tab::Step | Tab::Checkpoints) => {
            shift(state, key == Key::Right);
        }
        Key::Left if !detail => fold(state, true),
        Key::Right if !detail => fold(state, false),
        Key::Char(' ') if !detail => {
            let open = !state.folded.contains(&state.selected.phase);
            fold(state, open);
        }
        _ => return false,
    }
    true
}

/// Passes over columns of the SQL, as far as its longest line goes, or of the values that are compared.
fn shift(state: &mut State, right: bool) {
    const BY: usize = 16;
    let longest = match state.tab {
        Tab::Checkpoints => view::widest_value(state),
        _ => longest_line(state),
    };
    state.shift = match right {
        true if state.shift + BY < longest => state.shift + BY,
        true => state.shift,
        false => state.shift.saturating_sub(BY),
    };
}

fn longest_line(state: &State) -> usize {
    let of = state.looked_at().and_then(|step| state.script_of(step));
    let source = of.and_then(|of| state.sources.get(&of)).and_then(Option::as_deref);
    let columns = |line: &Vec<(_, String)>| line.iter().map(|(_, text)| width(text)).sum::<usize>();
    source.map_or(0, |source| source.lines.iter().map(columns).max().unwrap_or_default())
}

pub(super) fn walk(state: &mut State, by: isize) {
    state.follow = false;
    let to = timeline::moved(state, by);
    select(state, to);
}

pub(super) fn fold(state: &mut State, folded: bool) {
    let phase = state.selected.phase;
    if folded {
        state.folded.insert(phase);
        state.follow = false;
        select(state, Spot { phase, step: None });
    } else {
        state.folded.remove(&phase);
    }
}

/// From where the last frame stood.
pub(super) fn scroll(state: &mut State, by: isize) {
    if state.tab == Tab::Activity && activity::pick(state, by) {
        return;
    }
    let last = state.extent.last();
    let at = state.scroll.get(&state.tab).copied().unwrap_or(if state.tab == Tab::Log { last } else { 0 });
    let to = at.min(last).saturating_add_signed(by).min(last);
    if state.tab == Tab::Log && to == last {
        state.scroll.remove(&Tab::Log);
    } else {
        state.scroll.insert(state.tab, to);
    }
}

pub(super) fn command(state: &mut State, act: Act) -> Vec<Effect> {
    if let Err(why) = keymap::verdict(state, act) {
        state.toast(format!("{}: {why}", keymap::of(act).word), true);
        return Vec::new();
    }
    if state.asked.is_some()
        && keymap::wish(state, act, "").is_some()
        && !matches!(act, Act::Cancel | Act::Console)
    {
        state.toast("what was asked for before isn't answered yet", true);
        return Vec::new();
    }
    if act == Act::Interrupt
        && let Some(effects) = answering::third(state)
    {
        return effects;
    }
    // The run is over, and the engine is about to say so: there is nothing to ask about any more.
    if matches!(act, Act::Leave | Act::Interrupt) && state.run().is_ended() && state.over.is_none() {
        state.leave_when_held = true;
        return Vec::new();
    }
    if let Some(mut question) = question::before(state, act) {
        if let Some(draft) = &state.draft {
            question.take_draft(draft);
        }
        state.question = Some(question);
        return Vec::new();
    }
    match act {
        Act::Auto => {
            let on = !state.auto;
            set_auto(state, on)
        }
        Act::Lock => {
            state.locked = !state.locked;
            let text = if state.locked { "keys only look now: L unlocks them" } else { "keys drive again" };
            state.toast(text, false);
            Vec::new()
        }
        Act::Follow => {
            state.follow = true;
            state.folded.clear();
            state.filters.remove(&filter::Place::Timeline);
            state.scroll.remove(&Tab::Log);
            follow(state);
            Vec::new()
        }
        Act::Sort => {
            deltas::sort(state);
            Vec::new()
        }
        Act::Console => {
            state.console.open = true;
            Vec::new()
        }
        Act::Palette => {
            state.palette = Some(Palette::default());
            Vec::new()
        }
        Act::Filter => {
            state.filtering = Some(filter::here(state));
            Vec::new()
        }
        Act::Copy => copying::looked_at(state),
        Act::Mouse => {
            state.mouse = !state.mouse;
            let text = match state.mouse {
                true => {
                    "the mouse is taken: clicks select and press, the wheel scrolls; M leaves it to the terminal"
                }
                false => "the mouse selects text again",
            };
            state.toast(text, false);
            vec![Effect::Mouse(state.mouse)]
        }
        Act::Redraw => vec![Effect::Redraw],
        Act::Suspend => vec![Effect::Suspend],
        // Nothing is left to be left.
        Act::Leave | Act::Interrupt => vec![Effect::Close],
        act => match keymap::wish(state, act, "") {
            Some(wish) => ask(state, act, wish),
            None => Vec::new(),
        },
    }
}

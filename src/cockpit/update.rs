//! What each message changes, and what it asks for.

use super::keymap::{self, Act};
use super::message::{Effect, Key, Msg};
use super::palette::{self, Palette};
use super::question;
use super::state::{Focus, Spot, State, Tab};
use super::{
    activity, answering, console, console_keys, copying, deltas, filter, mouse, people, timeline, way_back,
};
use crate::run::command::{Command, Wish};
use crate::run::event::{Assurance, Envelope, Event, HoldReason};

/// Takes one message in.
pub fn update(state: &mut State, message: Msg) -> Vec<Effect> {
    let effects = take(state, message);
    deltas::refresh(state);
    effects
}

fn take(state: &mut State, message: Msg) -> Vec<Effect> {
    match message {
        Msg::Key(key) => pressed(state, key),
        Msg::Paste(text) => {
            pasted(state, &text);
            Vec::new()
        }
        Msg::Mouse(what, column, row) => mouse::mouse(state, what, column, row),
        Msg::Looked { id, answer } => {
            console::answered(state, id, answer);
            Vec::new()
        }
        Msg::Copied(words, bad) => {
            state.toast(words, bad);
            Vec::new()
        }
        Msg::Event(envelope) => event(state, &envelope),
        Msg::Stage(stage) => {
            state.stages.push(stage);
            Vec::new()
        }
        Msg::Answered { id, refused } => answered(state, id, refused),
        Msg::Source { of, source } => {
            state.sources.insert(of, Some(source));
            Vec::new()
        }
        Msg::Outlook(outlook) => {
            way_back::keep(state, outlook);
            Vec::new()
        }
        Msg::Over(over) => {
            state.doing = None;
            state.seen = None;
            state.auto = false;
            state.over = Some(over);
            state.question = None;
            // Nobody answers it any more, and the keys of the end must be keys.
            state.console.asked = None;
            state.console.open = false;
            state.palette = None;
            if state.leave_when_held || state.signal.is_some() { vec![Effect::Close] } else { Vec::new() }
        }
        Msg::Signal(name) => {
            // A terminal that is gone shows nothing any more.
            let gone = name == "SIGHUP";
            state.signal = Some(name);
            state.question = None;
            state.console.open = false;
            state.palette = None;
            if gone || state.over.is_some() { vec![Effect::Close] } else { Vec::new() }
        }
        Msg::Gone => vec![Effect::Detach, Effect::Close],
        Msg::Suspend => match keymap::verdict(state, Act::Suspend) {
            Ok(()) => vec![Effect::Suspend],
            Err(why) => {
                state.toast(why, true);
                Vec::new()
            }
        },
        Msg::Continued => vec![Effect::Retake],
        Msg::Resize(..) => vec![Effect::Redraw],
        Msg::Wake => Vec::new(),
    }
}

/// The selection goes to where the run is.
pub fn catch_up(state: &mut State) {
    follow(state);
    deltas::refresh(state);
}

/// The clock moved on.
pub fn tick(state: &mut State, now: jiff::Timestamp) {
    state.now = now;
    if state.toast.as_ref().is_some_and(|toast| toast.until < now) {
        state.toast = None;
    }
    // A frame without a message before it finds everything found out as well.
    super::way_back::refresh(state);
}

/// What is looked at and isn't known yet: scripts, and the way back.
#[must_use]
pub fn wanted(state: &mut State) -> Vec<Effect> {
    let mut wanted = Vec::new();
    wanted.extend(state.looked_at().and_then(|step| state.script_of(step)));
    wanted.retain(|of| !state.sources.contains_key(of));
    for of in &wanted {
        state.sources.insert(of.clone(), None);
    }
    let mut effects: Vec<Effect> = wanted.into_iter().map(Effect::Load).collect();
    way_back::refresh(state);
    let look = way_back::looked_at(state);
    if look != state.looks_back {
        state.looks_back.clone_from(&look);
        effects.push(Effect::LookBack(look));
    }
    effects.extend(activity::watch(state));
    effects
}

fn event(state: &mut State, envelope: &Envelope) -> Vec<Effect> {
    state.present = true;
    if let Event::RunOpened(opened) = &envelope.event
        && let Ok(zone) = jiff::tz::TimeZone::get(&opened.timezone)
    {
        state.zone = zone;
    }
    let lines = state.printer.line(envelope);
    state.add_log(lines);
    if envelope.at > state.now {
        state.now = envelope.at;
    }
    if state.follow {
        follow(state);
    }
    match &envelope.event {
        Event::Held { reason, .. } => held(state, reason),
        Event::RunOpened(_) | Event::RunResumed { .. } => {
            state.stages.clear();
            Vec::new()
        }
        Event::Confirmed { by, .. } if by.how == Assurance::Typed => next_item(state),
        _ => Vec::new(),
    }
}

fn held(state: &mut State, reason: &HoldReason) -> Vec<Effect> {
    // What was asked about is over.
    let asked = state.question.as_ref().map(|question| &question.about);
    if matches!(asked, Some(question::About::Interrupt | question::About::Cancel)) {
        state.question = None;
    }
    if state.leave_when_held {
        let why = answering::left_by(state);
        return ask(state, Act::Leave, Wish::Leave { why });
    }
    if matches!(reason, HoldReason::Stepping | HoldReason::Person | HoldReason::Asked) {
        if state.auto && *reason == HoldReason::Stepping {
            return ask(state, Act::Go, Wish::Go);
        }
        return Vec::new();
    }
    // What went wrong is looked at by a person, before anything goes on by itself.
    state.auto = false;
    if state.follow {
        state.tab = match reason {
            HoldReason::Unverified => Tab::Checkpoints,
            _ => Tab::Step,
        };
    }
    Vec::new()
}

/// A checklist goes on with its next item; a signature is asked for by key: it is another person's.
fn next_item(state: &mut State) -> Vec<Effect> {
    let item = matches!(people::next(state), Some((_, people::Open::Item(_))));
    if item && state.question.is_none() && state.over.is_none() {
        state.question = question::before(state, Act::People);
    }
    Vec::new()
}

fn follow(state: &mut State) {
    if let Some(active) = state.active()
        && active != state.selected
    {
        select(state, active);
    }
}

pub(super) fn select(state: &mut State, spot: Spot) {
    if state.selected != spot {
        state.selected = spot;
        state.scroll.retain(|tab, _| *tab == Tab::Log);
    }
}

fn answered(state: &mut State, id: u64, refused: Option<String>) -> Vec<Effect> {
    let word = match state.asked.take() {
        Some((asked, word)) if asked == id => word,
        other => {
            state.asked = other;
            "it"
        }
    };
    match refused {
        Some(why) => {
            state.leave_when_held = false;
            state.toast(format!("{word}: {why}"), true);
            Vec::new()
        }
        None => Vec::new(),
    }
}

/// Asks the engine, on behalf of the person at the keys.
pub fn ask(state: &mut State, act: Act, what: Wish) -> Vec<Effect> {
    let by = keymap::driver(state);
    send(state, keymap::of(act).word, Command { what, by })
}

/// Asks the engine.
pub fn send(state: &mut State, word: &'static str, command: Command) -> Vec<Effect> {
    state.asks += 1;
    state.asked = Some((state.asks, word));
    vec![Effect::Ask(state.asks, command)]
}

/// Goes on by itself, or not any more.
pub fn set_auto(state: &mut State, on: bool) -> Vec<Effect> {
    state.auto = on;
    state.toast(
        if on { "auto: goes on by itself until something needs a person" } else { "auto is off" },
        false,
    );
    let waits = state.run().hold_reason() == Some(&HoldReason::Stepping);
    if on && waits && keymap::verdict(state, Act::Go).is_ok() {
        return ask(state, Act::Go, Wish::Go);
    }
    Vec::new()
}

fn pressed(state: &mut State, key: Key) -> Vec<Effect> {
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
            state.tab = Tab::ALL[at];
            return Vec::new();
        }
        Key::Tab | Key::BackTab => {
            state.focus = if state.focus == Focus::Timeline { Focus::Detail } else { Focus::Timeline };
            return Vec::new();
        }
        Key::Esc => {
            state.toast = None;
            if let Ok(place) = filter::here(state) {
                filter::clear(state, place);
            }
            return Vec::new();
        }
        _ => {}
    }
    if moved(state, key) {
        return Vec::new();
    }
    match keymap::on(key) {
        Some(act) => command(state, act),
        None => Vec::new(),
    }
}

fn pasted(state: &mut State, text: &str) {
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
    // The run is over, and the engine is about to say so: there is nothing to ask about any more.
    if matches!(act, Act::Leave | Act::Interrupt) && state.run().is_ended() && state.over.is_none() {
        state.leave_when_held = true;
        return Vec::new();
    }
    if let Some(question) = question::before(state, act) {
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
            state.filtering = filter::here(state).ok();
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

//! What each message changes, and what it asks for.

use super::keymap::{self, Act};
use super::message::{Effect, LetGo, Msg};
use super::question;
use super::state::{Spot, State, Tab};
use super::{activity, answering, console, deltas, keys, mouse, notes, people, way_back};
use crate::run::command::{Command, Wish};
use crate::run::event::{Assurance, Envelope, Event, HoldReason};
use crate::run::outlook::Goal;

/// Takes one message in.
pub fn update(state: &mut State, message: Msg) -> Vec<Effect> {
    let effects = take(state, message);
    deltas::refresh(state);
    notes::refresh(state);
    effects
}

fn take(state: &mut State, message: Msg) -> Vec<Effect> {
    match message {
        Msg::Key(key) => keys::pressed(state, key),
        Msg::Paste(text) => {
            keys::pasted(state, &text);
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
            // More than a line is read whole on the terminal, where it stands when the screen is left.
            let long = !over.good && over.words.contains('\n');
            state.doing = None;
            state.seen = None;
            state.readings.clear();
            state.auto = false;
            state.over = Some(over);
            state.question = None;
            // Nobody answers it any more, and the keys of the end must be keys.
            state.console.asked = None;
            state.console.open = false;
            state.palette = None;
            let leaves = state.leave_when_held || state.signal.is_some() || long;
            if leaves { vec![Effect::Close] } else { Vec::new() }
        }
        Msg::AskBack { to, reason } => {
            state.asks_back = Some((to, reason));
            asks_back(state);
            Vec::new()
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
        Msg::Gone => vec![Effect::Detach(LetGo::NoTerminal), Effect::Close],
        Msg::Suspend => match keymap::verdict(state, Act::Suspend) {
            Ok(()) => vec![Effect::Suspend],
            Err(why) => {
                state.toast(why, true);
                Vec::new()
            }
        },
        Msg::Continued => vec![Effect::Retake],
        Msg::Resize => vec![Effect::Redraw],
        Msg::Wake => Vec::new(),
    }
}

/// The selection goes to where the run is.
pub fn catch_up(state: &mut State) {
    follow(state);
    deltas::refresh(state);
    notes::refresh(state);
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
    let before = std::mem::discriminant(&state.run().state);
    state.log_event(envelope);
    // Why a key did nothing is over with what the run was then.
    if std::mem::discriminant(&state.run().state) != before {
        state.toast.take_if(|toast| toast.bad);
    }
    if let Event::Deviation { step: None, what } = &envelope.event {
        state.toast(what, true);
    }
    state.taking_up = match &envelope.event {
        // One that was over is asked about as it is.
        Event::RunResumed { .. } => state.run().is_holding() && !state.run().only_goes_back(),
        Event::Held { .. } => false,
        _ => state.taking_up && state.run().is_holding(),
    };
    if envelope.at > state.now {
        state.now = envelope.at;
    }
    if state.follow {
        follow(state);
    }
    asks_back(state);
    match &envelope.event {
        Event::StepStarted { step, .. } => {
            state.tries.insert(step.clone(), envelope.seq);
            Vec::new()
        }
        Event::LockRetry { unit, .. } => {
            state.tries.insert(unit.step.clone(), envelope.seq);
            Vec::new()
        }
        Event::Held { reason, .. } => held(state, reason),
        Event::RunOpened(_) | Event::RunResumed { .. } => {
            state.stages.clear();
            state.stages.extend(state.taking_up.then(|| "taking the run up again".to_owned()));
            Vec::new()
        }
        Event::Confirmed { by, .. } if by.how == Assurance::Typed => next_item(state),
        _ => Vec::new(),
    }
}

/// Opens the question that the program was started for, once the run waits.
fn asks_back(state: &mut State) {
    if state.is_open()
        && state.question.is_none()
        && state.run().is_holding()
        && let Some((to, reason)) = state.asks_back.take()
    {
        state.question = Some(question::roll_back(state, Goal { to, procedure: None }, &reason));
    }
}

fn held(state: &mut State, reason: &HoldReason) -> Vec<Effect> {
    // What was asked about is over.
    let asked = state.question.as_ref().map(|question| &question.about);
    if matches!(asked, Some(question::About::Interrupt | question::About::Cancel)) {
        state.question = None;
    }
    if state.interrupted.is_some_and(|until| state.now < until) {
        state.toast("cancelled, and the run waits: Ctrl-C once more leaves it", false);
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
        let tab = match reason {
            HoldReason::Unverified | HoldReason::Breached => Tab::Checkpoints,
            _ => Tab::Step,
        };
        if tab != state.tab {
            state.left_tab = Some(std::mem::replace(&mut state.tab, tab));
        }
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

pub(super) fn follow(state: &mut State) {
    if let Some(active) = state.active()
        && active != state.selected
    {
        select(state, active);
        // What went wrong before is dealt with: back to what somebody had been looking at.
        if let Some(tab) = state.left_tab.take() {
            state.tab = tab;
        }
    }
}

pub(super) fn select(state: &mut State, spot: Spot) {
    if state.selected != spot {
        state.selected = spot;
        state.shift = 0;
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
            // What was to lead away doesn't. A refused cancel says nothing of that: the run may be let go
            // of already, and then nobody waits for a screen.
            if [Act::Leave, Act::Hold].iter().any(|act| keymap::of(*act).word == word) {
                state.leave_when_held = false;
            }
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

//! The one list of commands: which key, in which words, and whether it is allowed now.
//!
//! Hints, buttons and help show this list. Whether a command is allowed decides the gate and nobody
//! else; what is decided here is about the screen alone: keys that only look, an engine that is gone.

use super::activity;
use super::copying;
use super::message::Key;
use super::people::{self, Open};
use super::state::{State, Tab};
use crate::run::command::{Command, Wish};
use crate::run::event::{Assurance, BackendEnd, HoldReason, Mode, Person};
use crate::run::gate;
use crate::run::outlook::Goal;
use crate::run::state::RunState;

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    Go,
    Auto,
    Hold,
    Retry,
    Skip,
    Override,
    People,
    Decline,
    Rule,
    RuleNot,
    Cancel,
    RollBack,
    RollBackTo,
    Procedure,
    Note,
    Console,
    Filter,
    Palette,
    Copy,
    Mouse,
    End,
    Leave,
    Lock,
    Follow,
    Sort,
    CancelOther,
    EndOther,
    Help,
    Redraw,
    Suspend,
    Interrupt,
}

/// A command with its key.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub act: Act,
    pub key: Key,
    /// As it is shown.
    pub cap: &'static str,
    /// Beside the key.
    pub word: &'static str,
    /// In the help.
    pub what: &'static str,
    /// Whether it is in the row of hints.
    pub hint: bool,
}

const fn entry(
    act: Act,
    key: Key,
    cap: &'static str,
    word: &'static str,
    what: &'static str,
    hint: bool,
) -> Entry {
    Entry { act, key, cap, word, what, hint }
}

/// All of them, in the order of the hints.
pub const ENTRIES: &[Entry] = &[
    entry(Act::Go, Key::Enter, "Enter", "go", "do the step that waits for a key; go on after a hold", true),
    entry(Act::People, Key::Char('c'), "c", "confirm", "tick the next item, or sign for the next role", true),
    entry(Act::Retry, Key::Char('r'), "r", "retry", "try what failed again; look at checkpoints again", true),
    entry(
        Act::Override,
        Key::Char('o'),
        "o",
        "override",
        "go on although checkpoints failed; asks why",
        true,
    ),
    entry(Act::Skip, Key::Char('s'), "s", "skip", "leave the step out; asks why", true),
    entry(Act::Rule, Key::Char('w'), "w", "applied", "in doubt: rule that it was applied; asks why", true),
    entry(
        Act::RuleNot,
        Key::Char('W'),
        "W",
        "not applied",
        "in doubt: rule that it was not applied; asks why",
        true,
    ),
    entry(Act::Auto, Key::Char('a'), "a", "auto", "go on by itself where the plan waits for a key", true),
    entry(Act::Hold, Key::Char('h'), "h", "hold", "wait after the step that runs", true),
    entry(Act::Cancel, Key::Char('x'), "x", "cancel", "cancel the statement that runs; asks first", true),
    entry(
        Act::Note,
        Key::Char('n'),
        "n",
        "note",
        "write a note on the selected step into the evidence",
        true,
    ),
    entry(Act::Palette, Key::Char(':'), ":", "more", "every command, found by a few letters", true),
    entry(
        Act::Leave,
        Key::Char('Q'),
        "Q",
        "leave",
        "leave the run at a safe point; it stays open and can be resumed, but for a demo",
        true,
    ),
    entry(
        Act::Console,
        Key::Char('q'),
        "q",
        "query",
        "look at the database: queries that only read, noted in the journal",
        true,
    ),
    entry(
        Act::Filter,
        Key::Char('/'),
        "/",
        "filter",
        "show only rows of this list that have this in them",
        true,
    ),
    entry(
        Act::Copy,
        Key::Char('y'),
        "y",
        "copy",
        "copy what is looked at: SQL, a query, tables, sessions, the log, signatures",
        false,
    ),
    entry(Act::Decline, Key::Char('d'), "d", "decline", "decline to sign; asks why", false),
    entry(
        Act::RollBackTo,
        Key::Char('U'),
        "U",
        "undo to here",
        "roll back, down to and including the selected step",
        false,
    ),
    entry(
        Act::Procedure,
        Key::Char('P'),
        "P",
        "procedure",
        "roll back by a way that the plan names; asks first",
        false,
    ),
    entry(Act::End, Key::Char('E'), "E", "end", "end the run where it stands; asks why", false),
    entry(
        Act::Lock,
        Key::Char('L'),
        "L",
        "lock",
        "lock the keys: they only look, until L is pressed again",
        true,
    ),
    entry(
        Act::Follow,
        Key::Char('f'),
        "f",
        "follow",
        "select the step that the run is about, and go along; in the log too",
        false,
    ),
    entry(
        Act::Mouse,
        Key::Char('M'),
        "M",
        "mouse",
        "take the mouse, or leave it to the terminal for selecting text",
        false,
    ),
    entry(
        Act::Sort,
        Key::Char('S'),
        "S",
        "sort",
        "sort the tables of the deltas: by change, by name, by rows",
        false,
    ),
    entry(
        Act::EndOther,
        Key::Char('K'),
        "K",
        "end session",
        "end the session that is selected under 4 Activity; asks first",
        true,
    ),
    entry(
        Act::CancelOther,
        Key::Char('X'),
        "X",
        "its statement",
        "cancel the statement of the session that is selected under 4 Activity; asks first",
        true,
    ),
    entry(Act::Help, Key::Char('?'), "?", "help", "this list, with what is allowed now and why not", true),
    entry(Act::Redraw, Key::Ctrl('l'), "Ctrl-L", "redraw", "draw the screen anew", false),
    entry(Act::Suspend, Key::Ctrl('z'), "Ctrl-Z", "suspend", "stop the program; `fg` goes on", false),
    entry(
        Act::Interrupt,
        Key::Ctrl('c'),
        "Ctrl-C",
        "interrupt",
        "asks; a second time cancels the statement, a third lets go of the run",
        false,
    ),
];

/// Has its button in the corner.
pub const ROLL_BACK: Entry = entry(
    Act::RollBack,
    Key::Char('R'),
    "R",
    "ROLL BACK",
    "roll back everything that this run applied; asks first",
    false,
);

/// The entry of a command.
#[must_use]
pub fn of(act: Act) -> &'static Entry {
    static BACK: Entry = ROLL_BACK;
    ENTRIES.iter().find(|entry| entry.act == act).unwrap_or(&BACK)
}

/// The command on this key.
#[must_use]
pub fn on(key: Key) -> Option<Act> {
    if key == ROLL_BACK.key {
        return Some(Act::RollBack);
    }
    ENTRIES.iter().find(|entry| entry.key == key).map(|entry| entry.act)
}

/// Who sits at the keys.
#[must_use]
pub fn driver(state: &State) -> Person {
    Person { name: state.setting.operator.os_user.clone(), how: Assurance::Typed }
}

/// Stands for what a person hasn't typed yet, so that the gate can be asked beforehand.
const UNTYPED: &str = "…";

/// What is asked of the run by a command, with the text that a person typed.
#[must_use]
pub fn wish(state: &State, act: Act, text: &str) -> Option<Wish> {
    let run = state.run();
    let reason = text.to_owned();
    let held = || run.hold().and_then(|hold| hold.step.clone());
    let turn = || held().or_else(|| run.next_step().map(|step| step.id.clone())).unwrap_or_default();
    Some(match act {
        Act::Go => Wish::Go,
        Act::Hold => Wish::Hold,
        Act::Retry => Wish::Retry,
        Act::Cancel => Wish::Cancel,
        Act::Skip => Wish::Skip { step: turn(), reason },
        Act::Override => Wish::Override { step: turn(), reason },
        Act::End => Wish::End { reason },
        Act::RollBack => Wish::RollBack { to: None, only: Vec::new(), procedure: None, reason },
        Act::RollBackTo => {
            let to = state.looked_at().map(|step| step.id.clone());
            Wish::RollBack { to, only: Vec::new(), procedure: None, reason }
        }
        Act::Procedure => Goal::by(&state.plan().rollbacks.first()?.id).wish(reason),
        Act::Console => Wish::Look { sql: reason },
        Act::Note => Wish::Note { step: state.looked_at().map(|step| step.id.clone()), text: reason },
        Act::Leave => Wish::Leave { why: reason },
        Act::CancelOther | Act::EndOther => {
            let what = if act == Act::EndOther { BackendEnd::Terminate } else { BackendEnd::Cancel };
            Wish::EndBackend { backend: activity::chosen(state).ok()?.backend.clone(), what }
        }
        Act::Rule | Act::RuleNot => {
            let doubt = run.doubts.first();
            Wish::Rule {
                step: doubt.map(|unit| unit.step.clone()).unwrap_or_default(),
                unit: doubt.map(|unit| unit.unit.clone()).unwrap_or_default(),
                applied: act == Act::Rule,
                reason,
            }
        }
        Act::People => match people::next(state)? {
            (step, Open::Item(item)) => {
                Wish::Confirm { step, item: item.item.clone(), note: item.write.then_some(reason) }
            }
            (step, Open::Role(role)) => Wish::Sign { step, role: role.to_owned(), accept: true, note: None },
        },
        Act::Decline => match people::next(state)? {
            (step, Open::Role(role)) => {
                Wish::Sign { step, role: role.to_owned(), accept: false, note: Some(reason) }
            }
            _ => return None,
        },
        _ => return None,
    })
}

const LOCKED: &str = "the keys are locked and only look: L unlocks them";

/// Whether a command is allowed now; else why not.
///
/// # Errors
/// The reason, in words for the person at the keys.
pub fn verdict(state: &State, act: Act) -> Result<(), String> {
    match act {
        Act::Sort if state.tab != Tab::Deltas => {
            return Err("that is for the tables of the deltas: 3 shows them".to_owned());
        }
        Act::Sort => return Ok(()),
        Act::Lock | Act::Follow | Act::Help | Act::Redraw => return Ok(()),
        // What is over can be left, by anybody.
        Act::Leave | Act::Interrupt | Act::Suspend if state.locked && state.over.is_none() => {
            return Err(LOCKED.to_owned());
        }
        Act::Leave | Act::Interrupt => return Ok(()),
        Act::Palette | Act::Mouse | Act::Filter => return Ok(()),
        Act::Copy => return copying::wanted(state).map(drop),
        Act::Suspend => return suspend(state),
        _ => {}
    }
    if state.locked {
        return Err(LOCKED.to_owned());
    }
    if act == Act::Procedure && state.plan().rollbacks.is_empty() {
        return Err("the plan names no ways of its own to roll back: R undoes its steps".to_owned());
    }
    if state.over.is_some() && matches!(act, Act::RollBack | Act::RollBackTo | Act::Procedure) {
        return Err(later(state));
    }
    if state.over.is_some() {
        return Err("the run isn't driven from here any more: Q leaves".to_owned());
    }
    if !state.is_open() {
        return Err("the run isn't open yet".to_owned());
    }
    if let Some(signal) = &state.signal {
        return Err(format!("{signal}: the run stops at the next safe point"));
    }
    match act {
        Act::Auto if state.run().is_ended() => return Err("the run is over".to_owned()),
        Act::Auto => return Ok(()),
        Act::People if people::next(state).is_none() => return Err(nobody(state)),
        Act::Decline if !matches!(people::next(state), Some((_, Open::Role(_)))) => {
            return Err("nobody is asked to sign now".to_owned());
        }
        Act::CancelOther | Act::EndOther => activity::chosen(state).map(drop)?,
        Act::RollBackTo if state.looked_at().is_none() => return Err("no step is selected".to_owned()),
        // There the run goes on by itself as soon as everything is there.
        Act::Go if matches!(state.run().hold_reason(), Some(HoldReason::Person)) => {
            if let Some((_, open)) = people::next(state) {
                let what = match open {
                    Open::Item(item) => format!("\"{}\" isn't ticked yet: c ticks it", item.item),
                    Open::Role(role) => format!("{role} hasn't signed yet: c signs"),
                };
                return Err(what);
            }
        }
        _ => {}
    }
    let Some(what) = wish(state, act, UNTYPED) else { return Ok(()) };
    gate::judge(state.run(), &Command { what, by: driver(state) }).map_err(|refused| refused.0)
}

/// How to go back when nothing is driven from here any more.
fn later(state: &State) -> String {
    /// As many letters of an id as no other run has: its time.
    const TIME: usize = 13;
    let run = state.run();
    let (Some(id), false) = (run.id, run.applied_order.is_empty()) else {
        return "nothing is applied that could be undone".to_owned();
    };
    if state.setting.mode == Mode::Demo {
        return "it is over, and its server goes with the demo".to_owned();
    }
    let (id, flags) = (id.to_string(), state.setting.named.flags());
    format!("Q leaves, then: holdpoint rollback {}{flags}", &id[..TIME])
}

fn nobody(state: &State) -> String {
    match state.run().hold() {
        Some(hold) if hold.reason == HoldReason::Person => {
            "what is open here is ticked by its proof, not by hand: r looks again".to_owned()
        }
        _ => "nobody is asked to confirm or sign now".to_owned(),
    }
}

/// A stopped program with an open transaction keeps its locks, and nobody would know why.
fn suspend(state: &State) -> Result<(), String> {
    if !state.is_open() || state.over.is_some() {
        return Ok(());
    }
    match &state.run().state {
        RunState::Holding(_) | RunState::InDoubt(_) | RunState::Ended(..) => Ok(()),
        _ => Err("a transaction may be open, and its locks would stay while the program is stopped: \
                  h holds after this step"
            .to_owned()),
    }
}

/// How early a command gets its place where there isn't room for all: what the run waits for, then the way
/// to all the others, then what stops and who drives.
#[must_use]
pub fn weight(act: Act) -> u8 {
    match act {
        Act::Help => 1,
        Act::Hold | Act::Cancel => 2,
        Act::Lock | Act::Leave => 3,
        Act::Auto | Act::Note => 4,
        Act::Console | Act::Filter => 5,
        Act::Palette => 6,
        _ => 0,
    }
}

/// The commands to show first: those that are allowed, in their order, then the others.
#[must_use]
pub fn hints(state: &State) -> Vec<(&'static Entry, Result<(), String>)> {
    let here = |act: Act| match act {
        Act::CancelOther | Act::EndOther => state.tab == Tab::Activity,
        _ => true,
    };
    let all = ENTRIES
        .iter()
        .filter(|entry| entry.hint && here(entry.act))
        .map(|entry| (entry, verdict(state, entry.act)));
    let (mut allowed, not): (Vec<_>, Vec<_>) = all.partition(|(_, verdict)| verdict.is_ok());
    // What only this tab has comes first.
    allowed.sort_by_key(|(entry, _)| !matches!(entry.act, Act::CancelOther | Act::EndOther));
    if state.over.is_some() {
        // There is one thing left to do.
        allowed.sort_by_key(|(entry, _)| entry.act != Act::Leave);
    }
    // What is only for doubts isn't worth a place beside what is only not allowed now.
    let doubts = !matches!(state.run().state, RunState::InDoubt(_));
    let shown = not.into_iter().filter(|(e, _)| !(doubts && matches!(e.act, Act::Rule | Act::RuleNot)));
    allowed.into_iter().chain(shown).collect()
}

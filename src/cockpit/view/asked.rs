//! The text of a question: what exactly will happen, made anew for every frame.

use super::paper::{Row, wrapped};
use super::problem;
use crate::cockpit::keymap::{self, Act, ENTRIES, ROLL_BACK};
use crate::cockpit::people::{Open, open};
use crate::cockpit::question::{About, Question, title_of};
use crate::cockpit::state::State;
use crate::cockpit::theme::Role;
use crate::plan::model::Environment;
use crate::run::event::{Backend, BackendEnd, HoldReason};
use crate::run::state::RunState;
use crate::text::columns::pad;
use crate::text::words::{count, took};

pub fn rows(state: &State, question: &Question, columns: usize) -> Vec<Row> {
    let text = |text: &str| wrapped(Role::Text, "", text, columns, 12);
    match &question.about {
        About::Reason(act) => reason(state, *act, columns),
        About::RollBack(goal) => super::asked_back::rows(state, goal, columns),
        About::Tick { step, item, write } => tick(state, step, item, *write, columns),
        About::Sign { step, statement, .. } => {
            let mut rows = super::people::of_step(state, step, columns);
            rows.push(Row::new());
            rows.extend(wrapped(Role::Strong, "", &format!("“{statement}”"), columns, 10));
            rows.push(Row::of(Role::Dim, "Your name goes into the evidence, as typed at this terminal."));
            rows
        }
        About::Cancel => running(state, columns),
        About::Backend { backend, query, what } => self::backend(state, backend, query, *what, columns),
        About::Auto => text(
            "Every change that the plan wants a key for will be made without one, until something fails or \
             needs a person. Type the database's name.",
        ),
        About::Leave => leave(state, columns),
        About::Interrupt => interrupt(state, columns),
        About::Help => help(state, columns),
    }
}

fn reason(state: &State, act: Act, columns: usize) -> Vec<Row> {
    let irreversible = state.run().hold_reason() == Some(&HoldReason::Irreversible);
    let text = match act {
        Act::Skip => {
            "It counts as skipped, by your word; what of it is applied stays. The reason is in the evidence as a deviation."
        }
        Act::Override if irreversible => {
            "What this step does stays, whatever is rolled back later. The reason is in the evidence as a deviation, with your name."
        }
        Act::Override => {
            "It counts as accepted although checkpoints failed. The reason is in the evidence as a deviation."
        }
        Act::End => {
            "Nothing more is done and nothing is undone. The run can't be resumed after that; what it applied stays."
        }
        Act::Decline => "The step fails with your reason; nothing after it is done until it is tried again.",
        Act::Rule | Act::RuleNot => {
            "Nobody can find out by machine. What you rule decides whether it is done again, and is in the evidence with your name."
        }
        Act::Note => "It goes into the evidence with your name and the time, and stands at the step.",
        _ => "",
    };
    let mut rows = wrapped(Role::Text, "", text, columns, 6);
    let held = state.run().hold().and_then(|hold| hold.step.as_deref()).and_then(|id| state.run().step(id));
    match act {
        Act::Override if irreversible => {
            let needs = state.run().hold().map_or("", |hold| hold.needs.as_str());
            rows.extend(wrapped(Role::Warn, "", needs, columns, 4));
        }
        Act::Override => {
            for failed in held.map(|step| step.failed_checkpoints()).unwrap_or_default() {
                let verdict = &failed.verdict;
                let whole = Row::of(Role::Bad, "✗ ")
                    .add(Role::Text, &failed.title)
                    .add(Role::Dim, format!("  expected {}, got ", verdict.expected))
                    .add(Role::Bad, &verdict.got);
                if whole.width() <= columns {
                    rows.push(whole);
                    continue;
                }
                // What is gone over is read whole.
                rows.extend(wrapped(Role::Strong, "", &format!("✗ {}", failed.title), columns, 3));
                rows.extend(wrapped(Role::Text, "  ", &format!("expected {}", verdict.expected), columns, 3));
                rows.extend(wrapped(Role::Bad, "  ", &format!("got      {}", verdict.got), columns, 3));
            }
        }
        Act::Skip => {
            if let Some(problem) = held.and_then(|step| step.problem.as_ref()) {
                rows.extend(problem::rows(problem, columns));
            }
        }
        Act::Rule | Act::RuleNot => {
            if let RunState::InDoubt(unit) = &state.run().state {
                rows.push(Row::of(Role::Strong, unit.words()));
                let evidence = state.run().unit(unit).map(|unit| unit.evidence.clone()).unwrap_or_default();
                for line in evidence {
                    rows.extend(wrapped(Role::Text, "  ", &line, columns, 3));
                }
            }
        }
        _ => {}
    }
    rows
}

fn tick(state: &State, step: &str, item: &str, write: bool, columns: usize) -> Vec<Row> {
    let mut rows = super::people::of_step(state, step, columns);
    let items = state.run().outline(step).map(|outline| outline.items.as_slice()).unwrap_or_default();
    let mut at = items.iter().position(|listed| listed.item == item).unwrap_or_default();
    // Notes stand between the items: a row is found by counting those above it.
    let confirmed = state.run().step(step).map(|step| &step.confirmed);
    at += items[..at]
        .iter()
        .filter(|above| confirmed.and_then(|c| c.get(&above.item)).is_some_and(|(_, note)| note.is_some()))
        .count();
    if let Some(row) = rows.get_mut(at) {
        row.ground = Some(Role::Selected);
    }
    let left = open(state, step).iter().filter(|open| matches!(open, Open::Item(_))).count();
    rows.push(Row::new());
    rows.extend(wrapped(Role::Strong, "", item, columns, 4));
    if write {
        rows.push(Row::of(Role::Dim, "This one wants something written."));
    }
    if left > 1 {
        rows.push(Row::of(Role::Dim, format!("{} after this one.", count(left as u64 - 1, "item"))));
    }
    rows
}

/// The statement that runs, with the time going on.
fn running(state: &State, columns: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    if let Some(step) = state.run().current_step() {
        rows.push(Row::of(Role::Strong, title_of(state, &step.id)));
    }
    if let Some(doing) = &state.doing {
        let ms = u64::try_from(state.now.duration_since(doing.since).as_millis()).unwrap_or_default();
        let words = format!(
            "statement {} · {} line {} · {}",
            state.statement().map_or(doing.number, |(number, _)| number),
            doing.file.display(),
            doing.line,
            took(ms)
        );
        rows.push(Row::of(Role::Active, words));
        let found =
            state.sources.values().flatten().find(|s| doing.file.to_string_lossy() == s.name.as_str());
        if let Some(statement) =
            found.and_then(|source| source.statements.get(source.at(doing.line, doing.column)?))
        {
            rows.push(Row::of(Role::Text, format!("  {}", statement.head)));
        }
    }
    if let Some(seen) = &state.seen {
        rows.extend(seen.blockers.iter().flat_map(super::step::blocker));
    }
    let means =
        "What runs in a transaction is rolled back as a whole, and the step has failed; then you decide.";
    rows.extend(wrapped(Role::Text, "", means, columns, 3));
    rows
}

fn leave(state: &State, columns: usize) -> Vec<Row> {
    let demo = state.setting.mode == crate::run::event::Mode::Demo;
    let words = if !state.is_open() {
        "Nothing has been done yet, and nothing will be."
    } else if state.is_moving() && state.leave_when_held {
        "A step is under way, and the run will be left after it. Broken off now, its transaction is rolled back \
         first."
    } else if state.is_moving() {
        "A step is under way. After it the run waits, and is left: nothing is half done. Broken off now, its \
         transaction is rolled back first."
    } else if state.run().only_goes_back() {
        "Nothing was undone, and nothing will be: the run is over as it was."
    } else if demo {
        "The run waits, with nothing under way."
    } else {
        "The run waits, with nothing under way. It stays open, and `holdpoint resume` goes on with it."
    };
    let mut rows = wrapped(Role::Text, "", words, columns, 4);
    if demo {
        let words = "The demo ends here: its server goes with it, and there is nothing to go on with later, unless \
                     it was started with --keep.";
        rows.extend(wrapped(Role::Warn, "", words, columns, 3));
    }
    rows
}

fn interrupt(state: &State, columns: usize) -> Vec<Row> {
    let mut rows = if state.is_moving() { running(state, columns) } else { leave(state, columns) };
    let cancels = keymap::verdict(state, Act::Cancel).is_ok();
    let again = match cancels {
        true => "Ctrl-C again cancels the statement; once more lets go of the run at a safe point.",
        false => "Ctrl-C again lets go of the run at a safe point.",
    };
    rows.push(Row::of(Role::Dim, again));
    rows
}

/// The list of commands, each with the verdict on it.
fn help(state: &State, columns: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    for entry in ENTRIES.iter().chain(std::iter::once(&ROLL_BACK)) {
        let verdict = keymap::verdict(state, entry.act);
        let (key, text) = match verdict {
            Ok(()) => (Role::Key, Role::Text),
            Err(_) => (Role::KeyOff, Role::Dim),
        };
        let head = Row::of(key, pad(entry.cap, 8)).add(text, pad(entry.word, 13));
        rows.extend(beside(head, text, entry.what, columns));
        if let Err(why) = verdict {
            let why = format!("not now: {why}");
            rows.extend(beside(Row::of(Role::Text, " ".repeat(21)), Role::Warn, &why, columns));
        }
    }
    rows.push(Row::new());
    for (key, what) in [
        ("↑ ↓ j k", "move in the timeline, or scroll what is looked at"),
        ("Tab", "from the timeline to what is looked at, and back"),
        ("← → Space", "fold and unfold a phase; in SQL and values that are compared the rest of long ones"),
        ("1 to 6", "Step, Checkpoints, Deltas, Activity, Log, Sign-offs"),
        ("PgUp PgDn", "scroll what is looked at"),
        ("Esc", "takes a filter away, closes what is open"),
    ] {
        rows.extend(beside(Row::of(Role::Key, pad(key, 11)), Role::Text, what, columns));
    }
    rows
}

/// A text beside its head, on as many rows as it needs.
fn beside(head: Row, role: Role, text: &str, columns: usize) -> Vec<Row> {
    let indent = " ".repeat(head.width());
    let mut parts = wrapped(role, "", text, columns.saturating_sub(indent.len()), 6).into_iter();
    let first = head.join(parts.next().unwrap_or_default());
    std::iter::once(first).chain(parts.map(|row| Row::of(Role::Text, &indent).join(row))).collect()
}

/// Whom it hits, and what comes of it.
fn backend(state: &State, backend: &Backend, query: &str, what: BackendEnd, columns: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    if state.plan().environment == Environment::Production {
        rows.push(Row::of(Role::Bad, "This is PRODUCTION."));
    }
    let from = if backend.client.is_empty() { "this machine" } else { &backend.client };
    let user = format!("{} in {}, from {from}", backend.user, backend.database);
    let began = backend.backend_start.split('.').next().unwrap_or_default();
    for (label, value) in [
        ("pid", format!("{}, connected since {began} UTC", backend.pid)),
        ("user", user),
        ("program", backend.application.clone()),
        ("last", query.to_owned()),
    ] {
        if !value.is_empty() {
            let text = wrapped(Role::Text, "        ", &value, columns, 3);
            for (at, row) in text.into_iter().enumerate() {
                let row = if at == 0 {
                    Row::of(Role::Dim, pad(label, 8)).add(Role::Text, row.text().trim_start())
                } else {
                    row
                };
                rows.push(row);
            }
        }
    }
    rows.extend(super::activity::asked(state, backend.pid, &backend.backend_start, columns));
    rows.push(Row::new());
    let means = match what {
        BackendEnd::Cancel => {
            "Its statement fails with \"canceling statement due to user request\". The session stays, and so do its \
             transaction and locks until whoever owns it rolls back."
        }
        BackendEnd::Terminate => {
            "Its connection is cut and its transaction rolled back: what it hasn't committed is lost, and its locks are \
             free. Many programs connect again by themselves."
        }
    };
    rows.extend(wrapped(Role::Text, "", means, columns, 5));
    let who = "It is looked at again before; who did it, to whom, and what came of it is in the evidence.";
    rows.extend(wrapped(Role::Dim, "", who, columns, 3));
    rows
}

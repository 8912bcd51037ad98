//! The part of the record that is about phases, steps, checkpoints, objects and rows; and about what ran beside
//! the database: programs, messages, watches.

use std::collections::BTreeMap;

use serde::Serialize;

use super::model::Who;
use crate::plan::expect::Difference;
use crate::run::event::{Direction, Handed, Problem, ProgramEnding, Touched, WatchFigures, WayBack, When};

/// A phase, or a named procedure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhaseTold {
    pub id: String,
    pub title: String,
    /// As the plan has it.
    pub about: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Role and duty.
    pub team: Vec<(String, String)>,
    /// What the plan says of its time.
    pub planned: PlannedTime,
    /// When its first step began.
    pub started_at: Option<jiff::Timestamp>,
    /// When its last step ended; null as long as one is to come.
    pub ended_at: Option<jiff::Timestamp>,
    /// Of its steps together.
    pub elapsed_ms: u64,
    pub steps: Vec<StepTold>,
}

/// What a plan says of a phase's or step's time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PlannedTime {
    /// When it was to begin; null where the plan doesn't say.
    pub at: Option<jiff::Timestamp>,
    /// As the plan writes it.
    pub starts: Option<String>,
    /// It was to take no less.
    pub from_ms: Option<u64>,
    /// It was to take no more.
    pub to_ms: Option<u64>,
    /// How much later it began than planned, negative: earlier. Null where nothing was planned, or in a demo.
    pub late_ms: Option<i64>,
}

/// A step, and all that has come of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepTold {
    pub id: String,
    pub title: String,
    /// `file`, `check`, `confirm`, …
    pub action: String,
    /// Whether it changes the target.
    pub changes: bool,
    /// As the plan has it.
    pub about: Option<String>,
    /// Roles or owner that it waits for.
    pub people: Vec<String>,
    /// What the plan says of its time.
    pub planned: PlannedTime,
    /// What it is now: `pending`, `verified`, `accepted`, `skipped`, `failed`, …
    pub status: String,
    /// It was undone after it was applied.
    pub undone: bool,
    /// Why it was skipped, assumed or accepted.
    pub reason: Option<String>,
    /// When its first try began.
    pub started_at: Option<jiff::Timestamp>,
    /// When it was settled last.
    pub ended_at: Option<jiff::Timestamp>,
    /// Its last try, as the engine measured it.
    pub elapsed_ms: u64,
    /// Its tries, forward and back, in their order.
    pub tries: Vec<Try>,
    /// In the order of the plan.
    pub checkpoints: Vec<CheckpointTold>,
    /// Of its rollback.
    pub undo_checkpoints: Vec<CheckpointTold>,
    /// What it did forward, all tries together.
    pub work: Work,
    /// What its rollback did.
    pub undo_work: Work,
    /// Its rollback in a word; null: nothing undoes it.
    pub rollback: Option<String>,
    /// What is known of the way back.
    pub way_back: Option<WayBack>,
    /// Why it can't be taken back, as the plan says.
    pub irreversible: Option<String>,
    /// What the plan says to do when it fails.
    pub otherwise: Option<String>,
    /// Values that it saved, by name; null is NULL.
    pub saved: BTreeMap<String, Option<String>>,
}

/// One try at a step, or at its rollback.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Try {
    pub direction: Direction,
    /// Rises with each recorded undo.
    pub generation: u32,
    /// 1 for the first; later ones count on.
    pub attempt: u32,
    pub started_at: jiff::Timestamp,
    /// Null: it has no end of its own, it is under way or was broken off.
    pub ended_at: Option<jiff::Timestamp>,
    /// `verified`, `checkpoints failed`, `failed`, `undone`, `skipped`; null: none yet.
    pub came: Option<String>,
    pub elapsed_ms: Option<u64>,
    /// Why it failed.
    pub problem: Option<Problem>,
}

/// What SQL a step ran, and what it did, as the server says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Work {
    /// Files that ran, with the part that is meant.
    pub sources: Vec<String>,
    /// Transactions and bare statements that were applied.
    pub applied: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that failed and that the plan passes over.
    pub passed_over: u64,
    /// How often one was tried again because of a lock.
    pub lock_retries: u64,
    /// How many ran.
    pub statements: u64,
    pub rows: u64,
    /// Warnings of the server.
    pub warnings: u64,
    /// What they wrote or changed, added up.
    pub touched: Vec<Touched>,
    /// What was found out about those whose outcome wasn't known, in words.
    pub reconciled: Vec<String>,
}

/// A checkpoint, and everything that came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckpointTold {
    pub id: String,
    pub title: String,
    /// What was asked: SQL, or what was counted; passwords in it are masked. Null where the plan can't be read.
    pub query: Option<String>,
    /// What the plan says to do when it fails.
    pub otherwise: Option<String>,
    /// In their order; the last one counts.
    pub results: Vec<ResultTold>,
}

/// One evaluation of a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ResultTold {
    pub at: jiff::Timestamp,
    pub when: When,
    /// Rises with each recorded undo.
    pub generation: u32,
    pub attempt: u32,
    pub passed: bool,
    /// In words, short.
    pub expected: String,
    /// In words, short.
    pub got: String,
    /// Cell by cell, bounded.
    pub differences: Vec<Difference>,
    /// How many more there were.
    pub more: usize,
    pub elapsed_ms: u64,
}

/// Objects and rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DeltasTold {
    /// Whether there was anything to compare with: no baseline, no deltas.
    pub measured: bool,
    /// The step after which they were counted last; null: at the run's end.
    pub after: Option<String>,
    /// By kind.
    pub objects: Vec<ObjectsTold>,
    /// Tables that were counted more than once.
    pub rows: Vec<RowsTold>,
    /// What should be in it and isn't, with the reason.
    pub missing: Vec<(String, String)>,
}

/// How many objects of a kind there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ObjectsTold {
    /// `tables`, `columns`, …
    pub kind: String,
    /// How many.
    pub before: u64,
    pub now: u64,
}

/// How many rows a table has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowsTold {
    pub table: String,
    /// Null: there was no such table.
    pub before: Option<i64>,
    /// Null: there is no such table any more.
    pub now: Option<i64>,
    /// Counted both times; false: one of them is estimated.
    pub exact: bool,
}

/// A program of the plan that ended, or wasn't run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProgramTold {
    pub at: jiff::Timestamp,
    pub step: String,
    pub direction: Direction,
    /// As it was called; secret values masked.
    pub command: String,
    /// How it ended.
    pub ending: ProgramEnding,
    /// Lines that it wrote, to stdout and stderr.
    pub lines: u64,
    /// Bytes that it wrote to stdout.
    pub bytes: u64,
    /// The last lines; empty where rows of the database aren't written down either.
    pub tail: Vec<String>,
    /// The file in the run's folder that has what it wrote, up to a bound.
    pub log: Option<String>,
    pub elapsed_ms: u64,
}

/// A message to people, or a reminder of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MessageTold {
    pub at: jiff::Timestamp,
    pub step: String,
    /// Roles; nobody in particular when empty.
    pub to: Vec<String>,
    /// Word for word.
    pub text: String,
    /// 0: the first time; then how manieth reminder it is.
    pub reminder: u32,
    /// Who got it.
    pub handed: Handed,
}

/// A condition that is sampled while a phase runs, and what was seen of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WatchTold {
    pub id: String,
    pub title: String,
    /// The phase's id.
    pub phase: String,
    /// What was asked, as of a checkpoint. Null where the plan can't be read.
    pub query: Option<String>,
    /// Samples of all times together.
    pub samples: u64,
    /// Samples that didn't hold.
    pub failed: u64,
    /// Each time that its phase came to its end, or was left.
    pub times: Vec<WatchFigures>,
    /// When it didn't hold for as long as the plan allows.
    pub breaches: Vec<BreachTold>,
}

/// A watch was breached, and what followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BreachTold {
    pub at: jiff::Timestamp,
    /// In words, short.
    pub expected: String,
    /// In words, short.
    pub got: String,
    /// How long it hadn't held by then.
    pub lasting_ms: u64,
    /// What the plan says to do.
    pub otherwise: Option<String>,
    /// Who went on all the same; null: nobody did.
    pub by: Option<Who>,
    /// In the words of who decided it.
    pub reason: Option<String>,
}

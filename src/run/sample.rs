//! Samples: the latest value of something. They may be overwritten at any time, are never journaled,
//! and nothing follows from them; whoever shows a run shows them beside it.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::facts::Blocker;

/// The statement that the work session is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doing {
    /// The backend.
    pub pid: i32,
    /// Below the plan's SQL folder, or the plan itself.
    pub file: Arc<Path>,
    pub line: u64,
    pub column: u64,
    /// The how manieth of its transaction.
    pub number: u64,
    /// Rows that the statements before it changed.
    pub rows: u64,
    pub since: Timestamp,
}

/// How far the script that runs has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    pub step: String,
    /// Since it was begun.
    pub elapsed_ms: u64,
    /// Of its files, those it includes and copies from among them, this much was read.
    pub bytes: u64,
    /// Size of those files, as far as they were opened.
    pub of: u64,
    /// That the server has answered, and the rows that they changed.
    pub statements: u64,
    pub rows: u64,
}

/// A lock on a table or an index that the work session holds or waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    pub relation: String,
    /// As PostgreSQL writes it, without its `Lock`: `AccessExclusive`.
    pub mode: String,
    pub granted: bool,
    /// The planner's estimate; `None` where there is none.
    pub rows: Option<i64>,
    /// Of the main file, as the planner last saw it: the true size can't be asked under a lock.
    pub bytes: i64,
}

/// What was seen of the work session from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sighting {
    pub pid: i32,
    /// Kind and name of what it waits for, as `pg_stat_activity` has it: `Lock: relation`.
    pub waits: Option<String>,
    pub locks: Vec<Lock>,
    /// How many more locks there are than are listed.
    pub more_locks: usize,
    pub blockers: Vec<Blocker>,
}

/// The last sample of a watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub title: String,
    pub at: Timestamp,
    pub expected: String,
    pub got: String,
    pub holds: bool,
    /// It doesn't hold, and has been told as breached.
    pub breached: bool,
}

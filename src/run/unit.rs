//! A unit of doing as its events tell it: one transaction, or one bare statement.
//!
//! ```text
//!           UnitStarted ─► started ── CommitIntent ─► committing ─┬─ UnitApplied ─► applied
//! (nothing) ─┤                ▲   └── LockRetry ─► waiting ─┐     ├─ UnitFailed ──► failed
//!           BareIntent ─► intent ◄──────────────────────────┘     └─ UnitUnknown ─► unknown
//! ```
//! After `UnitPassedOver` a failed one is behind. `UnitReconciled` leads from any phase that isn't final to applied or failed.

use jiff::Timestamp;

use super::event::{AppliedHow, Blocker, ProbeState, Problem, SourceRef, Touched, Unit};

#[derive(Debug, Clone, PartialEq)]
pub struct UnitState {
    pub unit: Unit,
    pub phase: UnitPhase,
    pub attempt: u32,
    /// Outside a transaction: intent row, statement, result row.
    pub bare: bool,
    pub source: SourceRef,
    pub pid: i32,
    pub backend_start: String,
    /// What the probe found before a bare statement.
    pub probe: Option<ProbeState>,
    /// The program that runs it, when it isn't holdpoint: `psql 15.4`.
    pub runner: Option<String>,
    /// The transaction's id, as the commit intent has it.
    pub xid: Option<String>,
    pub how: Option<AppliedHow>,
    pub touched: Vec<Touched>,
    pub statements: u64,
    pub rows: u64,
    pub warnings: u64,
    pub elapsed_ms: u64,
    pub problem: Option<Problem>,
    /// It failed, and the plan goes on with the next one.
    pub passed_over: bool,
    /// What speaks for and against, when its outcome was or is unknown.
    pub evidence: Vec<String>,
    /// Of the last try that got no lock: it waits for the next one.
    pub lock_wait: Option<LockWait>,
    /// How far it had come when its outcome came into doubt: what the ledger says means something else
    /// after a commit intent than without one.
    pub before_doubt: Option<UnitPhase>,
}

/// A lock wasn't to be had: between two tries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockWait {
    /// Tries that may follow the first.
    pub retries: u32,
    /// When the try was given up, and until the next one begins.
    pub since: Timestamp,
    pub pause_ms: u64,
    /// Who was in the way then.
    pub blockers: Vec<Blocker>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitPhase {
    /// J1 is written.
    Started,
    /// J2 is written.
    Committing,
    /// The intent of a bare statement is written.
    Intent,
    /// Rolled back because of a lock; it will be tried again.
    Waiting,
    Applied,
    Failed,
    Unknown,
}

impl UnitState {
    /// Nothing more is to be done about it: the next one may begin.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.phase == UnitPhase::Applied || self.passed_over
    }
}

impl UnitPhase {
    /// Whether something may be under way at the server that the journal doesn't know the end of.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Started | Self::Committing | Self::Intent | Self::Unknown)
    }

    /// For people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Committing => "committing",
            Self::Intent => "about to be sent",
            Self::Waiting => "waiting for a lock",
            Self::Applied => "applied",
            Self::Failed => "failed",
            Self::Unknown => "of unknown outcome",
        }
    }
}

impl Unit {
    /// For people: `step schema`, `file 02.sql of step schema`, `rollback of step schema`.
    #[must_use]
    pub fn words(&self) -> String {
        let back = match self.direction {
            super::event::Direction::Forward => "",
            super::event::Direction::Back => "the rollback of ",
        };
        if self.unit.is_empty() {
            format!("{back}step `{}`", self.step)
        } else {
            format!("`{}` of {back}step `{}`", self.unit, self.step)
        }
    }
}

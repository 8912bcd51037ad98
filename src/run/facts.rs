//! The words that events are made of: places, problems, results, reasons.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::event::Direction;
use crate::plan::expect::Verdict;
use crate::plan::model::Kind;

/// Where a unit's text comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRef {
    /// File name below the plan's SQL folder, or the plan itself.
    pub file: String,
    /// The first words of the part of it that runs, when that isn't all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// Line where it begins; 0 when it is the whole file.
    #[serde(default)]
    pub line: u64,
    /// Byte range in it.
    pub from: u64,
    pub to: u64,
    /// SHA-256 of the file; for SQL in the plan an HMAC with the run's key.
    pub digest: String,
}

impl SourceRef {
    /// The file, and the part of it that is meant.
    #[must_use]
    pub fn words(&self) -> String {
        match &self.section {
            Some(section) => format!("{}, {section}", self.file),
            None => self.file.clone(),
        }
    }
}

/// A place in a file that a person can go to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub file: String,
    pub line: u64,
    pub column: u64,
    /// `file:line` of the includes that led here, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub includes: Vec<String>,
}

/// A session that holds what we wait for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocker {
    pub pid: i32,
    pub user: String,
    pub application: String,
    pub state: String,
    /// How long its transaction has been open.
    pub since_ms: Option<u64>,
    pub relation: Option<String>,
    pub mode: Option<String>,
}

/// What the probe of a bare statement found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeState {
    /// What was asked, in words: `index public.i exists and is valid`.
    pub what: String,
    pub holds: bool,
    /// Identity of the object found, to tell an old one from a new one.
    pub oid: Option<u32>,
    /// The schemas in which the session looked for names, so that the same question can be asked again
    /// when the session is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search_path: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppliedHow {
    /// COMMIT was answered with COMMIT.
    Confirmed,
    /// The ledger row was found afterwards.
    Ledger,
    /// The probe changed from false to true.
    Probe,
    /// A person ruled so.
    Ruling,
}

/// A relation that a transaction wrote or changed, as the server itself says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touched {
    pub relation: String,
    /// Strongest lock held.
    pub lock: String,
    pub inserted: i64,
    pub updated: i64,
    pub deleted: i64,
    /// The script went back to a savepoint: the server counts what was undone there too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_most: bool,
}

impl Touched {
    /// Rows were written, and not only the relation itself locked or changed.
    #[must_use]
    pub fn has_rows(&self) -> bool {
        self.inserted != 0 || self.updated != 0 || self.deleted != 0
    }
}

/// Something went wrong, said for people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What happened, in one line.
    pub message: String,
    pub sqlstate: Option<String>,
    pub place: Option<Place>,
    /// The source line with a caret below it, when it may be shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excerpt: Vec<String>,
    pub detail: Option<String>,
    pub hint: Option<String>,
    /// CONTEXT of the server: functions, DO blocks.
    pub context: Option<String>,
    /// What it means for the data: `nothing of this step was applied`.
    pub consequence: Option<String>,
    /// What stood before it may be committed all the same, and no ledger has it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_stay: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckpointResult {
    /// The step; `target` for the plan's guards.
    pub step: String,
    pub checkpoint: String,
    pub title: String,
    pub direction: Direction,
    pub when: When,
    pub verdict: Verdict,
    pub elapsed_ms: u64,
    /// What the plan says to do when it fails.
    pub otherwise: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// In a read-only session.
    Standing,
    /// In the step's transaction, before COMMIT.
    BeforeCommit,
    /// After COMMIT.
    AfterCommit,
    /// In a probe's transaction, which is rolled back.
    Probe,
}

/// A proof behind a ticked item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofShown {
    pub of: String,
    pub expected: String,
    pub got: String,
    pub passed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// `stepping = "manual"`: a change waits for a key.
    Stepping,
    /// A checklist or a sign-off.
    Person,
    /// A step failed.
    Failed,
    /// A checkpoint failed after COMMIT.
    Unverified,
    /// An undo failed.
    UndoFailed,
    /// A unit's outcome is unknown.
    Unknown,
    /// A person pressed hold.
    Asked,
    /// A watch was breached.
    Breached,
    /// The control session was lost, and with it the lock.
    LockLost,
    /// A half-applied file that can't be entered in the middle.
    HalfApplied,
    /// The rollback went as far as it was told.
    RolledBackTo,
    /// The next step can't be taken back: going past it is a person's decision.
    Irreversible,
    /// It was over and is open again, to go back.
    Reopened,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    Go,
    Retry,
    Skip,
    Override,
    RollBack,
    End,
    Hold,
    Cancel,
    RuledApplied,
    RuledNotApplied,
}

/// What there was before the first change.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    pub counts: BTreeMap<Kind, u64>,
    /// Rows per table; exact for guarded ones, else the server's estimate.
    pub rows: BTreeMap<String, RowCount>,
    /// SHA-256 of the schema fingerprint.
    pub fingerprint: String,
    /// Content hash per guarded table.
    pub guards: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCount {
    pub rows: i64,
    pub exact: bool,
}

/// Something that is there after a rollback and wasn't before, or the reverse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Residue {
    pub object: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Ending {
    Done,
    /// A policy or a person stopped it.
    Stopped {
        why: String,
    },
    /// Nothing was changed.
    Refused {
        why: String,
    },
    /// Everything that was applied is undone.
    RolledBack {
        clean: bool,
    },
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub steps: BTreeMap<String, u32>,
    pub checkpoints_passed: u32,
    pub checkpoints_failed: u32,
    pub deviations: u32,
    pub elapsed_ms: u64,
    /// Object counts: before, now.
    pub deltas: BTreeMap<Kind, (u64, u64)>,
    /// Rows of tables whose count changed: before, now.
    pub rows: BTreeMap<String, (i64, i64)>,
    /// Those of them that are no more. One that is new is none of the baseline's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<String>,
    /// SHA-256 of the schema fingerprint as the run left it, to find out later what others changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

/// A session of somebody else at the server, as it was when a person had enough of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backend {
    pub pid: i32,
    /// With the pid it names a session for good; empty when the role may not see it.
    pub backend_start: String,
    pub user: String,
    pub database: String,
    pub application: String,
    /// Address of the client; empty: this machine.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub client: String,
    pub state: String,
    /// How long it has been in that state.
    pub since_ms: Option<u64>,
}

/// What a person wants of another session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackendEnd {
    /// Its statement is cancelled; the session goes on.
    Cancel,
    /// The session is ended, and its transaction rolled back.
    Terminate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackendOutcome {
    /// The statement is over, or the session is gone.
    Done,
    /// The server was told, and nothing has come of it yet.
    Sent,
    /// It had gone by itself; nobody else was hit.
    WasGone,
    /// Nothing was done.
    Refused,
}

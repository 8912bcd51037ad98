//! The events of a run: a contract. Every line of the journal and of `--events` is one [`Envelope`].
//!
//! Rules: names and fields are only ever added; a reader ignores what it doesn't know; an event is
//! durable before what it announces is done, and what it reports has happened before it is written.
//! SQL text and row data aren't in here by default: file, byte range and an HMAC stand for a
//! statement. What a plan itself says (expected values, titles) and the values that checkpoints
//! compared are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::plan::expect::{SavedValue, Verdict};
use crate::plan::model::{Environment, Kind, OnFailure, Stepping};

/// Version of the envelope.
pub const VERSION: u32 = 1;

/// One line: a fact, when it was, and what it follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// [`VERSION`] of the program that wrote it.
    pub v: u32,
    /// 1, 2, 3, … without gaps.
    pub seq: u64,
    pub at: jiff::Timestamp,
    pub run: Uuid,
    #[serde(flatten)]
    pub event: Event,
    /// SHA-256 (hex) of the line before, as it stands in the file; 64 zeros on the first.
    pub prev: String,
}

/// A transaction (or bare statement) of a step: the unit of doing, undoing and resuming.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unit {
    /// The step's id.
    pub step: String,
    /// Empty when the step is one transaction; else the file's name, or file and byte range.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
    pub direction: Direction,
    /// Rises only after a recorded undo, never on a retry.
    pub generation: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The step itself.
    Forward,
    /// Its rollback.
    Back,
}

/// One fact about a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The first line of every journal.
    RunOpened(Box<Opened>),
    /// Another process took the run up again.
    RunResumed {
        program: String,
        operator: Operator,
        target: TargetIdentity,
        /// What it was asked for this time.
        selection: Selection,
        /// Whether the plan and its files are the ones the run was opened with.
        plan_digest: String,
    },
    /// The run was told to do other phases than before (`--only`, a later call).
    Selected { selection: Selection },
    /// The session advisory lock of the target is ours.
    LockTaken { pid: i32, waited_ms: u64 },
    /// The fence row carries our epoch; older runners can't write any more.
    FenceTaken {
        epoch: i64,
        /// Backends of the run before that were still there and were ended.
        ended_backends: Vec<i32>,
    },
    /// The plan or the role does without a ledger: the guarantee of exactly-once is gone.
    LedgerOff { reason: String },
    /// What was there before the first change.
    BaselineTaken(Box<Baseline>),
    /// A step's turn has come; nothing of it has happened yet.
    StepStarted { step: String, direction: Direction, generation: u32, attempt: u32 },
    /// Left out, by a person's word.
    StepSkipped { step: String, reason: String, by: Person, deviation: bool },
    /// `--from`: taken as done, never undone.
    StepAssumed { step: String, reason: String },
    /// J1. The unit's transaction is about to begin in this backend.
    UnitStarted {
        #[serde(flatten)]
        unit: Unit,
        attempt: u32,
        pid: i32,
        backend_start: String,
        /// What runs: file, byte range, digest.
        source: SourceRef,
    },
    /// A lock wasn't to be had in time; the transaction was rolled back and will be tried again.
    LockRetry {
        #[serde(flatten)]
        unit: Unit,
        attempt: u32,
        of: u32,
        /// Until the next try.
        pause_ms: u64,
        place: Option<Place>,
        blockers: Vec<Blocker>,
    },
    /// J2. Everything is done and recorded in the ledger; COMMIT is sent after this line.
    CommitIntent {
        #[serde(flatten)]
        unit: Unit,
        /// The transaction's id, when it has one.
        xid: Option<String>,
    },
    /// A statement outside transactions is about to be sent.
    BareIntent {
        #[serde(flatten)]
        unit: Unit,
        attempt: u32,
        pid: i32,
        backend_start: String,
        source: SourceRef,
        /// What the probe found before; `None`: there is no probe for this kind of statement.
        probe: Option<ProbeState>,
    },
    /// J3. The server confirmed it, or the ledger did afterwards.
    UnitApplied {
        #[serde(flatten)]
        unit: Unit,
        how: AppliedHow,
        statements: u64,
        rows: u64,
        warnings: u64,
        elapsed_ms: u64,
        touched: Vec<Touched>,
    },
    /// It failed and nothing of it was applied.
    UnitFailed {
        #[serde(flatten)]
        unit: Unit,
        problem: Problem,
    },
    /// Nobody can say yet whether it was applied.
    UnitUnknown {
        #[serde(flatten)]
        unit: Unit,
        evidence: Vec<String>,
    },
    /// Found out after a stop: by the ledger, by a probe, or by a person's ruling.
    UnitReconciled {
        #[serde(flatten)]
        unit: Unit,
        applied: bool,
        evidence: Vec<String>,
        by: Option<Person>,
    },
    /// One checkpoint was evaluated.
    CheckpointResult(Box<CheckpointResult>),
    /// All units of the step are applied (or the step had nothing to apply).
    StepApplied { step: String, direction: Direction, generation: u32, elapsed_ms: u64 },
    /// J4, good: its checkpoints passed.
    StepVerified { step: String, elapsed_ms: u64, checkpoints: u32 },
    /// J4, bad: it is applied, and a checkpoint failed.
    StepUnverified { step: String, elapsed_ms: u64, failed: Vec<String> },
    /// A person goes on regardless.
    StepAccepted { step: String, reason: String, by: Person },
    /// It failed; nothing of it (or of its last unit) is applied.
    StepFailed { step: String, direction: Direction, generation: u32, problem: Problem, elapsed_ms: u64 },
    /// The rollback of the step is recorded; it is pending again.
    StepUndone { step: String, generation: u32, elapsed_ms: u64 },
    /// A saved value; the first one wins, also on resume.
    Saved { step: String, checkpoint: String, values: BTreeMap<String, SavedValue> },
    /// An item of a checklist was ticked.
    Confirmed { step: String, item: String, by: Person, note: Option<String>, proof: Vec<ProofShown> },
    /// A role signed, or declined.
    Signed {
        step: String,
        role: String,
        by: Person,
        accepted: bool,
        word: String,
        statement: String,
        note: Option<String>,
    },
    /// The run waits.
    Held { reason: HoldReason, step: Option<String>, needs: String, hint: Option<String> },
    /// A command of a person was accepted.
    Decided { what: Decision, step: Option<String>, by: Person, reason: Option<String> },
    /// Something isn't as planned and the run went on: it belongs in the evidence.
    Deviation { step: Option<String>, what: String },
    /// Somebody wrote something down.
    Note { step: Option<String>, text: String, by: Person },
    /// The statement that runs is being cancelled.
    CancelSent { step: String, pid: i32 },
    /// The run goes backwards now.
    RollbackStarted {
        /// `None`: everything that this run applied.
        to: Option<String>,
        /// A named procedure.
        procedure: Option<String>,
        /// The steps that will be undone, in this order.
        steps: Vec<String>,
        /// Steps whose effects stay, with the reason.
        kept: Vec<(String, String)>,
        why: String,
    },
    /// The run went backwards, and this is what is left.
    RollbackEnded { residue: Vec<Residue>, covers: Vec<String>, not_compared: Vec<String>, elapsed_ms: u64 },
    /// A signal came; the run stopped at a safe point.
    Interrupted { signal: String },
    /// A process let go of the run without ending it.
    Left { exit_code: u8, why: String },
    /// The last line: the run is over.
    Ended { outcome: Ending, exit_code: u8, summary: Summary },
    /// Written by a newer program; kept in the chain, not understood.
    #[serde(other)]
    Unknown,
}

/// What a run is bound to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    pub program: String,
    pub plan_id: String,
    pub title: String,
    pub environment: Environment,
    pub stepping: Stepping,
    /// SHA-256 over the plan and every file it names.
    pub plan_digest: String,
    pub plan_path: String,
    pub authorization: Option<String>,
    pub timezone: String,
    pub operator: Operator,
    pub target: TargetIdentity,
    pub mode: Mode,
    pub selection: Selection,
    /// Phases and steps, so that a journal can be read without its plan.
    pub outline: Vec<PhaseOutline>,
    /// Named procedures, whose steps run only while the run goes backwards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub procedures: Vec<ProcedureOutline>,
    /// Values of the plan's variables; secret ones as `•••`.
    pub vars: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Run,
    /// On a server that holdpoint made.
    Demo,
}

/// What was asked for: all of the plan, or a part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Phases; all when empty.
    pub only: Vec<String>,
    /// Steps before this one are assumed.
    pub from: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseOutline {
    pub id: String,
    pub title: String,
    pub steps: Vec<StepOutline>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepOutline {
    pub id: String,
    pub title: String,
    /// `file`, `check`, `confirm`, …
    pub action: String,
    /// Whether it changes the target.
    pub changes: bool,
    /// Roles or owner that it waits for.
    pub people: Vec<String>,
    pub optional: bool,
    pub on_failure: OnFailure,
    /// Its rollback in a word: `file X`, `SQL`, `by STEP`, or `None`.
    pub rollback: Option<String>,
    pub checkpoints: Vec<CheckpointOutline>,
    /// Of a checklist, or what a sign-off has to be ticked before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<ItemOutline>,
    /// Who signs, in this order unless `any_order`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub any_order: bool,
    /// The words for yes and no of a sign-off; empty for other steps.
    #[serde(default, skip_serializing_if = "no_decision")]
    pub decision: (String, String),
}

fn no_decision(words: &(String, String)) -> bool {
    words.0.is_empty() && words.1.is_empty()
}

/// One line of a checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemOutline {
    pub item: String,
    /// A proof ticks it, not a person.
    pub proven: bool,
    /// Wants text.
    pub write: bool,
}

/// A named procedure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcedureOutline {
    pub id: String,
    pub title: String,
    /// Steps of the plan that are undone by it.
    pub undoes: Vec<String>,
    pub steps: Vec<StepOutline>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointOutline {
    pub id: String,
    pub title: String,
}

/// Who runs the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    pub os_user: String,
    pub host: String,
    pub pid: u32,
}

/// Which database it is, in words that survive a copy of the host name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetIdentity {
    /// Host or socket folder, as connected.
    pub host: String,
    pub port: u16,
    pub database: String,
    pub user: String,
    pub server_version: String,
    /// `None` where the role may not ask.
    pub system_identifier: Option<String>,
    pub database_oid: u32,
    pub timeline: Option<String>,
}

/// Who did something, and how we know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub name: String,
    pub how: Assurance,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// Typed at a terminal.
    Typed,
    /// Given by `--confirm`, `--answers` or a flag: asserted by the OS user.
    Asserted,
    /// A proof ticked it.
    Proof,
    /// The demo answered for the person.
    Demo,
    /// The plan's own policy.
    Policy,
}

/// Where a unit's text comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRef {
    /// File name below the plan's SQL folder, or the plan itself.
    pub file: String,
    /// Byte range in it.
    pub from: u64,
    pub to: u64,
    /// SHA-256 of the file; for SQL in the plan an HMAC with the run's key.
    pub digest: String,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeState {
    /// What was asked, in words: `index public.i exists and is valid`.
    pub what: String,
    pub holds: bool,
    /// Identity of the object found, to tell an old one from a new one.
    pub oid: Option<u32>,
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
    /// The control session was lost, and with it the lock.
    LockLost,
    /// A half-applied file that can't be entered in the middle.
    HalfApplied,
    /// The rollback went as far as it was told.
    RolledBackTo,
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
}

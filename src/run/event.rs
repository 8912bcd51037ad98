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

use crate::plan::expect::SavedValue;

pub use super::counts::{Counts, Deltas};
pub use super::course::*;
pub use super::facts::*;
pub use super::image::{Image, ImageWhen};
pub use super::kept::*;
pub use super::outline::*;
pub use super::program::{COMMAND, Handed, KeptFile, Notice, ProgramEnd, ProgramEnding};
pub use super::watch::{Breach, WatchFigures, within_of};

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
        /// Variables that have another value from here on, or have one only now; secret ones as `•••`.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        vars: BTreeMap<String, String>,
    },
    /// A run that was over is open again, and all that may come now is the way back.
    RunReopened {
        by: Person,
        /// Why it goes back.
        reason: String,
        /// As far as this step.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
        /// These steps alone.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        only: Vec<String>,
        /// By this procedure.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        procedure: Option<String>,
        /// What has changed since its end and matters to the way back, in words.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        since: Vec<String>,
        /// Why it goes back in spite of that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        despite: Option<String>,
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
    /// What the way back from each step gives back, told before the first change.
    WaysBack { steps: Vec<WayBack> },
    /// What there is before or after a step, or before a rollback.
    ImageTaken(Box<Image>),
    /// How many objects and rows there are, after a step that changes something or its rollback.
    CountsTaken(Box<Counts>),
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
    /// A statement outside transactions is about to be sent, or a program to run a file.
    BareIntent {
        #[serde(flatten)]
        unit: Unit,
        attempt: u32,
        pid: i32,
        backend_start: String,
        source: SourceRef,
        /// What the probe found before; `None`: there is no probe for this kind of statement.
        probe: Option<ProbeState>,
        /// The program that runs a whole file here, `psql 15.4`: what it does isn't seen, so `pid` is 0
        /// and `backend_start` is the name of its sessions. Else missing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        runner: Option<String>,
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
    /// It failed, and the plan goes on with the next statement (`on_failure = "continue"` outside of
    /// transactions).
    UnitPassedOver {
        #[serde(flatten)]
        unit: Unit,
    },
    /// A `\copy … to`, `\o` or `\g` of it wrote a file below the run's folder. The file stays, whatever becomes of the unit.
    FileWritten {
        #[serde(flatten)]
        unit: Unit,
        /// As the script names it.
        file: String,
        /// Where it was written.
        path: String,
        bytes: u64,
        rows: u64,
        /// SHA-256.
        digest: String,
        /// Of the command that names it.
        place: Place,
    },
    /// What there is was written down, for people and to be compared with later.
    SnapshotTaken(Box<SnapshotTaken>),
    /// The evidence so far was written as a file (`report`). When the run has ended, it is written there once more.
    ReportWritten(Box<ReportWritten>),
    /// A program of the plan (`command`) has ended, or wasn't run.
    ProgramEnded(Box<ProgramEnd>),
    /// A result of a step was kept as a file (`into`), which is whole. It stays, whatever becomes of the step.
    ArtifactWritten(Box<KeptFile>),
    /// A watch of the phase that runs was breached, or its statements took longer than its `within`.
    WatchBreached(Box<Breach>),
    /// The run goes on although a watch was breached.
    WatchAccepted {
        /// The watch's id.
        watch: String,
        by: Person,
        reason: String,
    },
    /// A phase is over or left, and this is what one of its watches saw.
    WatchEnded(Box<WatchFigures>),
    /// A message to people (`notify`) was told. A program that doesn't take it fails nothing.
    Notified(Box<Notice>),
    /// The database was written into a file. It is whole, and proven, before it has its name.
    BackupTaken(Box<BackupTaken>),
    /// A database restored beside the target is ready, and all sessions are out of both: with the COMMIT that
    /// follows they change their names.
    DatabaseReplacing(Box<Replacing>),
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
    Decided {
        what: Decision,
        /// Of a rollback: as far as this step.
        step: Option<String>,
        by: Person,
        reason: Option<String>,
        /// Of a rollback: by this procedure.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        procedure: Option<String>,
        /// Of a rollback: these steps alone.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        only: Vec<String>,
    },
    /// Something isn't as planned and the run went on: it belongs in the evidence.
    Deviation { step: Option<String>, what: String },
    /// Somebody wrote something down.
    Note { step: Option<String>, text: String, by: Person },
    /// Somebody looked at the database with a query of their own, which could only read.
    Looked {
        by: Person,
        /// As it was typed; passwords in it are masked.
        sql: String,
        /// How many rows were fetched; null when it failed.
        rows: Option<u64>,
        /// There were more rows than were fetched.
        more: bool,
        elapsed_ms: u64,
        /// Why it failed.
        error: Option<String>,
    },
    /// The statement that runs is being cancelled.
    CancelSent { step: String, pid: i32 },
    /// A person wants another session's statement cancelled, or the session ended. It is done after this
    /// line.
    BackendEnding { backend: Backend, what: BackendEnd, by: Person },
    /// What came of it.
    BackendEnded {
        pid: i32,
        backend_start: String,
        what: BackendEnd,
        outcome: BackendOutcome,
        /// Of a refusal, and where nothing has come of it yet.
        why: Option<String>,
        elapsed_ms: u64,
    },
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
        /// What was asked for besides, and what will run for each step.
        #[serde(default, skip_serializing_if = "Course::is_empty")]
        course: Course,
    },
    /// The run went backwards, and this is what is left.
    RollbackEnded {
        /// What differs from before the first change; empty: nothing.
        residue: Vec<Residue>,
        /// What others wrote or changed meanwhile: no residue of this run.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        others: Vec<Residue>,
        /// What irreversible steps did, as they left it: known before, decided by somebody, and still not as before.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stays: Vec<Residue>,
        /// Objects of the residue that came to be so while the rollback went on, by it or by others: nobody can say.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unsure: Vec<String>,
        /// Sequences that moved on: no rollback takes nextval back.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        moved: Vec<Residue>,
        covers: Vec<String>,
        not_compared: Vec<String>,
        /// Tables whose rows the run wrote and no undo did, and that nobody guards: that they are as before isn't proven.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        not_put_back: Vec<String>,
        elapsed_ms: u64,
    },
    /// A signal came; the run stopped at a safe point.
    Interrupted { signal: String },
    /// A process let go of the run without ending it.
    Left {
        exit_code: u8,
        why: String,
        /// SHA-256 of the schema fingerprint as it was then, to find out on resume what others changed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fingerprint: Option<String>,
    },
    /// The run is over. Nothing follows, unless it is opened again to go back.
    Ended { outcome: Ending, exit_code: u8, summary: Summary },
    /// Written by a newer program; kept in the chain, not understood.
    #[serde(other)]
    Unknown,
}

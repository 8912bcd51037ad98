//! What a report consists of: the record that `--format json` prints and that the pages are written from.
//!
//! Like the events it is a contract: names are only ever added, and a reader ignores what it doesn't know.
//! [`VERSION`] rises when the meaning of one changes.

use std::collections::BTreeMap;

use serde::Serialize;
use uuid::Uuid;

use crate::plan::model::{Environment, Stepping};
use crate::run::event::{Assurance, Ending, Mode, Operator, Selection, TargetIdentity};

pub use super::answered::*;
pub use super::happened::*;

/// Version of the record.
pub const VERSION: u32 = 1;

/// All that a journal says about its run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Version of this record: 1.
    pub v: u32,
    /// The run's id.
    pub run: Uuid,
    /// How far the journal could be read, and whether it can be trusted.
    pub journal: JournalRead,
    /// Where the run stands.
    pub standing: RunStands,
    /// What was run.
    pub plan: PlanRun,
    /// The database, as it was last found.
    pub target: TargetIdentity,
    /// The processes that had the run, in their order: who drove when.
    pub sittings: Vec<Sitting>,
    /// The figures.
    pub totals: Totals,
    /// Checks of the target before anything began.
    pub guards: Vec<CheckpointTold>,
    /// The plan's phases, in its order.
    pub phases: Vec<PhaseTold>,
    /// Steps of named procedures, which run only while the run goes backwards.
    pub procedures: Vec<PhaseTold>,
    /// Objects and rows, before the first change and now.
    pub deltas: DeltasTold,
    /// What wasn't as planned, in the order in which it came up.
    pub deviations: Vec<DeviationTold>,
    /// Decisions of people about the run: go or no-go, again, leave out, go on regardless, back, end.
    pub decisions: Vec<DecisionTold>,
    /// When the run waited, for what, and how long.
    pub holds: Vec<HoldTold>,
    /// Ticked items of checklists.
    pub confirmations: Vec<ConfirmationTold>,
    /// Who signed, or declined.
    pub signatures: Vec<SignatureTold>,
    /// Programs of the plan, in the order in which they ended.
    pub programs: Vec<ProgramTold>,
    /// Messages to people.
    pub messages: Vec<MessageTold>,
    /// Conditions that were sampled while phases ran, in the order of the plan.
    pub watches: Vec<WatchTold>,
    /// When the run went backwards, and what was left.
    pub rollbacks: Vec<RollbackTold>,
    /// What people wrote down.
    pub notes: Vec<NoteTold>,
    /// Queries that people asked the database on the way.
    pub looks: Vec<LookTold>,
    /// Sessions of others that people did away with.
    pub sessions: Vec<SessionTold>,
    /// Databases that a restore has taken out of the target's place.
    pub databases: Vec<DatabaseTold>,
    /// Files that the run wrote.
    pub files: Vec<FileTold>,
    /// Everything else that happened and has no place of its own above.
    pub others: Vec<OtherTold>,
    /// Events of a newer program, which this one doesn't understand.
    pub newer_events: u64,
}

/// How far a journal could be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JournalRead {
    /// What is known of the chain of its lines.
    pub state: ChainState,
    /// Events that were read; all of the report is from these.
    pub events: u64,
    /// SHA-256 of the last line that was read.
    pub head: String,
    /// The line where the damage is; null when there is none.
    pub line: Option<u64>,
    /// What is wrong; null when nothing is.
    pub why: Option<String>,
}

/// What is known of the chain of a journal's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChainState {
    /// Every line follows the one before.
    Verified,
    /// So too, but for the last line, which a crash left unfinished: it announces nothing that was done.
    Torn,
    /// A line was changed, lost or put elsewhere: what stands behind it isn't in the report.
    Damaged,
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunStands {
    /// It has come to its end.
    pub over: bool,
    /// `opening`, `running`, `holding`, `in doubt`, `rolling back`, `over`; `not known` when the journal is damaged.
    pub state: String,
    /// How it ended; null as long as it didn't.
    pub outcome: Option<Ending>,
    /// The process ended with it; null as long as the run isn't over and no process let go of it.
    pub exit_code: Option<u8>,
    /// All of it in a sentence.
    pub words: String,
    /// What it waits for; null when it doesn't.
    pub waits_for: Option<String>,
    /// A run, or a demo.
    pub mode: Mode,
    /// When the run was opened.
    pub opened_at: jiff::Timestamp,
    /// When its last event was written.
    pub last_at: jiff::Timestamp,
    /// From the one to the other.
    pub elapsed_ms: u64,
    /// Of it in steps: all their tries and undos.
    pub work_ms: u64,
    /// The phases that were asked for last, and the step to begin with.
    pub selection: Selection,
    /// Why there is no ledger; null when there is one.
    pub ledger_off: Option<String>,
}

/// What was run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanRun {
    pub id: String,
    pub title: String,
    pub environment: Environment,
    pub stepping: Stepping,
    /// SHA-256 over the plan and every file it names.
    pub digest: String,
    /// Where the plan was.
    pub path: String,
    /// The sign-off before which nothing is changed.
    pub authorization: Option<String>,
    /// For times in the plan, and of the pages.
    pub timezone: String,
    /// What the plan refers to.
    pub reference: Option<String>,
    /// What the plan says about itself.
    pub about: Option<String>,
    /// Its `meta`, in its order: name, value.
    pub meta: Vec<(String, String)>,
    /// The maintenance window, in words.
    pub window: Option<String>,
    /// Values of the plan's variables, the last of each; secret ones as `•••`.
    pub vars: BTreeMap<String, String>,
    /// Every value that a variable had, in their order, and since when.
    pub var_values: Vec<VarValue>,
    /// Why the run's copy of the plan couldn't be used, so that queries, planned times and what is in this list as
    /// null are missing; null when it could.
    pub missing: Option<String>,
}

/// A value of a variable, from a moment on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VarValue {
    pub name: String,
    /// `•••` where it is secret.
    pub value: String,
    /// When the run was opened, or taken up with it.
    pub since: jiff::Timestamp,
}

/// One process that had the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sitting {
    /// When it took the run.
    pub from: jiff::Timestamp,
    /// When it let go of it, or its last event.
    pub to: jiff::Timestamp,
    /// Name and version.
    pub program: String,
    pub operator: Operator,
    /// As the server said then.
    pub server_version: String,
    /// How it let go of the run; null: it has it still, or died.
    pub left: Option<String>,
}

/// The figures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// How many steps are in each state.
    pub steps: BTreeMap<String, u32>,
    /// Checkpoints whose last result is good.
    pub checkpoints_passed: u32,
    /// Checkpoints whose last result isn't.
    pub checkpoints_failed: u32,
    /// Checkpoints that weren't evaluated.
    pub checkpoints_open: u32,
    /// Of rollbacks.
    pub undo_checkpoints_passed: u32,
    /// Of rollbacks.
    pub undo_checkpoints_failed: u32,
    /// Those of `deviations` that depart from the plan.
    pub deviations: u32,
    /// How long the run waited for people.
    pub held_ms: u64,
    /// Statements of steps, as applied.
    pub statements: u64,
    /// Warnings of the server.
    pub warnings: u64,
}

/// Who said something, and how we know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Who {
    /// As given; nobody has proven it.
    pub name: String,
    pub how: Assurance,
    /// The operating system's user who asserts it.
    pub os_user: String,
}

//! What a run is: the first of the two state machines, and everything its events have told.
//!
//! The module `fold` moves it. `Opening` lasts until the first step begins (or is skipped or assumed)
//! or the run holds. A process that takes the run up again goes through the same opening (lock,
//! fence), but the state stays what it was: what has to be taken anew is in [`Run::locked`] and
//! [`Run::fenced`], and no step may begin without the one, no change without the other.

use std::collections::{BTreeMap, HashMap};

use super::event::{
    BackupTaken, Baseline, CheckpointResult, Course, Decision, Deltas, Ending, HoldReason, Image, KeptFile,
    Notice, Opened, Person, ProgramEnd, Replacing, Residue, Selection, SnapshotTaken, TargetIdentity, Unit,
    WayBack,
};
use crate::plan::expect::Saved;

pub use super::backends::{EndedBackend, OURS};
pub use super::step::{Status, StepState};
pub use super::unit::{UnitPhase, UnitState};
pub use super::units::Units;
pub use super::watch::WatchState;

/// A run as its events tell it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Run {
    pub id: Option<uuid::Uuid>,
    /// Sequence number of the last event.
    pub seq: u64,
    pub opened: Option<Opened>,
    pub opened_at: Option<jiff::Timestamp>,
    pub last_at: Option<jiff::Timestamp>,
    pub state: RunState,
    /// How many processes have had it.
    pub sittings: u32,
    /// As the present process found it.
    pub target: Option<TargetIdentity>,
    /// Of the plan as the present process runs it.
    pub plan_digest: String,
    pub selection: Selection,
    /// The lock of the target is held by the present process.
    pub locked: bool,
    /// The fence row carries the epoch of the present process.
    pub fenced: bool,
    pub epoch: Option<i64>,
    pub ledger_off: Option<String>,
    pub baseline: Option<Baseline>,
    /// What the way back from each step gives back.
    pub ways_back: Vec<WayBack>,
    /// What there was at moments after that, in their order.
    pub images: Vec<Image>,
    /// What objects and rows became since the baseline.
    pub deltas: Deltas,
    /// In the order of the plan, steps of procedures after them.
    pub steps: Vec<StepState>,
    pub saved: Saved,
    pub deviations: Vec<(Option<String>, String)>,
    /// Steps that people went on with regardless, or left out against the plan. It stays so said when they
    /// are undone.
    pub by_people: Vec<ByPeople>,
    pub notes: Vec<(Option<String>, String, Person)>,
    /// How often somebody looked with a query of their own.
    pub looks: u64,
    /// Sessions of others that people wanted to be rid of.
    pub backends: Vec<EndedBackend>,
    /// Files that its scripts wrote, in order.
    pub written: Vec<WrittenFile>,
    /// Snapshots that it took, in order.
    pub snapshots: Vec<SnapshotTaken>,
    /// Reports that the plan asks for: step and file, each once.
    pub reports: Vec<(String, String)>,
    /// Programs of the plan that were run or left out, in order.
    pub programs: Vec<ProgramEnd>,
    /// Messages that were told, reminders too.
    pub notices: Vec<Notice>,
    /// What was seen of watches, by id.
    pub watches: BTreeMap<String, WatchState>,
    /// What the plan wanted kept as a file (`into`), in order.
    pub artifacts: Vec<KeptFile>,
    /// Backups that it made, in order.
    pub backups: Vec<BackupTaken>,
    /// Databases that a restore has put in the target's place, or was about to, in order.
    pub replaced: Vec<Replacing>,
    /// Guards of the target, as last evaluated.
    pub target_checks: Vec<CheckpointResult>,
    /// Steps that changed something, in the order in which their first unit (or, without units, they
    /// themselves) was applied; also those that failed half-way. The reverse of it is what a
    /// rollback does.
    pub applied_order: Vec<String>,
    pub rollback: Option<RollbackState>,
    /// It was over, and was opened again to go back.
    pub reopened: Option<Reopened>,
    /// A person asked the run to wait after the step that runs.
    pub hold_asked: bool,
    /// A decision that was accepted and not carried out yet: it outlives the process.
    pub decided: Option<Choice>,
    /// A person's ruling that was accepted and not carried out yet: it outlives the process too.
    pub ruled: Option<Ruling>,
    /// Units of unknown outcome, in the order they came up.
    pub doubts: Vec<Unit>,
    /// Fingerprint of the schema when a process last let go of it in order.
    pub left_fingerprint: Option<String>,
    /// How the last process let go of it, until another takes it up.
    pub left: Option<(u8, String)>,
    /// Something of a step that changes was applied, or may have been: the run can't end as refused.
    pub touched: bool,
    pub(super) doubt_hold: Option<Hold>,
    /// What the run waited for when the doubt came up.
    pub(super) doubt_before: Option<Hold>,
    pub(super) doubt_back: bool,
    pub(super) index: HashMap<String, usize>,
    /// (phase or procedure, step in it), parallel to `steps`.
    pub(super) places: Vec<(usize, usize)>,
    pub(super) current: Option<usize>,
    pub(super) unanswered: Option<usize>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub enum RunState {
    #[default]
    Opening,
    Running,
    Holding(Hold),
    /// The first unit whose outcome isn't known; all of them are in [`Run::doubts`].
    InDoubt(Unit),
    RollingBack,
    Ended(Ending, u8),
}

impl RunState {
    /// For people, after "the run is".
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Running => "running",
            Self::Holding(_) => "holding",
            Self::InDoubt(_) => "in doubt",
            Self::RollingBack => "rolling back",
            Self::Ended(..) => "over",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Hold {
    pub reason: HoldReason,
    pub step: Option<String>,
    pub needs: String,
    pub hint: Option<String>,
    /// Whether the run was going backwards when it stopped, and will again.
    pub rolling_back: bool,
}

/// A person's word against the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByPeople {
    pub step: String,
    /// [`Status::Accepted`] or [`Status::Skipped`].
    pub status: Status,
    pub reason: String,
}

/// A file below the run's folder that a script wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenFile {
    pub unit: Unit,
    /// As the script names it; a later one of the same name has taken its place.
    pub file: String,
    pub path: String,
    pub bytes: u64,
    pub rows: u64,
    /// SHA-256.
    pub digest: String,
}

/// A run that was over and is open again.
#[derive(Debug, Clone, PartialEq)]
pub struct Reopened {
    /// What is to be undone.
    pub choice: Choice,
    /// How it had ended.
    pub was: (Ending, u8),
    /// Fingerprint of the schema at that end.
    pub left: Option<String>,
    /// So many images had been taken by then.
    pub images: usize,
    /// So many steps stood.
    pub applied: usize,
    /// The rollback hasn't begun: nothing else may, and it can be closed again as it was.
    pub waits: bool,
}

/// What a person (or the plan's policy) decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    pub what: Decision,
    pub step: Option<String>,
    pub by: Person,
    pub reason: Option<String>,
    /// Of a rollback.
    pub procedure: Option<String>,
    pub only: Vec<String>,
}

/// What a person says became of a unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Ruling {
    pub unit: Unit,
    pub applied: bool,
    pub by: Person,
    pub reason: String,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct RollbackState {
    pub to: Option<String>,
    pub procedure: Option<String>,
    pub steps: Vec<String>,
    /// Steps whose effects stay, with the reason; those left out on the way too.
    pub kept: Vec<(String, String)>,
    /// Undone steps whose checkpoints failed and with which a person goes on, with the reason.
    pub accepted: Vec<(String, String)>,
    pub why: String,
    pub course: Course,
    /// What earlier rollbacks of parts left; it may still be there.
    pub left_before: Vec<Residue>,
    pub ended: Option<RollbackResult>,
}

/// What a rollback left.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RollbackResult {
    pub residue: Vec<Residue>,
    /// Objects of it that came while it went back, by this run or by others.
    pub unsure: Vec<String>,
    /// Rows that others wrote meanwhile.
    pub others: Vec<Residue>,
    /// What irreversible steps did, as they left it.
    pub stays: Vec<Residue>,
    /// Sequences that moved on.
    pub moved: Vec<Residue>,
    pub covers: Vec<String>,
    pub not_compared: Vec<String>,
    /// Tables that the run wrote and no undo did.
    pub not_put_back: Vec<String>,
    pub elapsed_ms: u64,
}

/// Counts of steps by what they are.
pub type Counts = BTreeMap<Status, u32>;

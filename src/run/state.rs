//! The fold: a [`Run`] is what its events say.
//!
//! Two state machines, the run's and a step's; [`Run::apply`] refuses an event that they don't
//! allow, so that nothing impossible can be journaled.

use std::collections::BTreeMap;

use super::event::{
    Baseline, CheckpointResult, Ending, HoldReason, Opened, Person, Problem, Selection, Touched, Unit,
};
use crate::plan::expect::Saved;

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
    pub selection: Selection,
    pub epoch: Option<i64>,
    pub ledger_off: Option<String>,
    pub baseline: Option<Baseline>,
    /// In the order of the plan, undo-only steps of procedures after them.
    pub steps: Vec<StepState>,
    pub saved: Saved,
    pub deviations: Vec<(Option<String>, String)>,
    pub notes: Vec<(Option<String>, String, Person)>,
    /// Guards of the target, as last evaluated.
    pub target_checks: Vec<CheckpointResult>,
    /// The order in which steps were applied; the reverse of it is what a rollback does.
    pub applied_order: Vec<String>,
    pub rollback: Option<RollbackState>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub enum RunState {
    #[default]
    Opening,
    Running,
    Holding(Hold),
    InDoubt(Unit),
    RollingBack,
    Ended(Ending, u8),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Hold {
    pub reason: HoldReason,
    pub step: Option<String>,
    pub needs: String,
    pub hint: Option<String>,
    /// Whether the run was going backwards when it stopped.
    pub rolling_back: bool,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct RollbackState {
    pub to: Option<String>,
    pub procedure: Option<String>,
    pub steps: Vec<String>,
    pub why: String,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct StepState {
    pub id: String,
    pub status: Status,
    /// Rises with each recorded undo.
    pub generation: u32,
    /// Of the present generation.
    pub attempt: u32,
    /// Forward units of the present generation, in the order they began.
    pub units: Vec<UnitState>,
    /// Units of its rollback, of the present generation.
    pub undo_units: Vec<UnitState>,
    /// Latest result of each checkpoint, by id.
    pub checkpoints: BTreeMap<String, CheckpointResult>,
    /// Ticked items of a checklist: item → who, note.
    pub confirmed: BTreeMap<String, (Person, Option<String>)>,
    /// Role → (who, accepted, word).
    pub signed: BTreeMap<String, (Person, bool, String)>,
    pub problem: Option<Problem>,
    pub started_at: Option<jiff::Timestamp>,
    pub ended_at: Option<jiff::Timestamp>,
    pub elapsed_ms: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    #[default]
    Pending,
    Skipped,
    Assumed,
    Running,
    Committing,
    Applied,
    Verified,
    Unverified,
    Accepted,
    Failed,
    Unknown,
    Undoing,
}

#[derive(Debug, Clone, PartialEq)]
pub struct UnitState {
    pub unit: Unit,
    pub phase: UnitPhase,
    pub pid: i32,
    pub backend_start: String,
    pub touched: Vec<Touched>,
    pub statements: u64,
    pub rows: u64,
    pub warnings: u64,
    pub problem: Option<Problem>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitPhase {
    /// J1 is written.
    Started,
    /// J2 is written.
    Committing,
    /// The intent of a bare statement is written.
    Intent,
    Applied,
    Failed,
    Unknown,
}

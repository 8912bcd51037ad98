//! A step as its events tell it: the second of the two state machines.
//!
//! Every transition here first looks whether it is possible and only then changes anything, so that
//! a refused event leaves the step as it was.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::event::{CheckpointResult, Direction, Person, Problem, Unit};
use super::unit::UnitPhase;
use super::units::Units;

/// Why an event isn't possible; `fold` puts the event and the run's state around it.
pub(super) type Why = String;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct StepState {
    pub id: String,
    pub status: Status,
    /// Whether it changes the target.
    pub changes: bool,
    /// Belongs to a named procedure: runs only while the run goes backwards, and isn't undone.
    pub procedure: Option<String>,
    /// Rises with each recorded undo.
    pub generation: u32,
    /// Of the present generation.
    pub attempt: u32,
    /// Of its rollback, in the present generation.
    pub undo_attempt: u32,
    /// Forward units of the present generation, in the order they began.
    pub units: Units,
    /// Units of its rollback, of the present generation.
    pub undo_units: Units,
    /// Latest result of each checkpoint of the present attempt, by id.
    pub checkpoints: BTreeMap<String, CheckpointResult>,
    /// Latest result of each checkpoint of its rollback; they stay after the undo, to be shown.
    pub undo_checkpoints: BTreeMap<String, CheckpointResult>,
    /// Ticked items of a checklist: item → who, note.
    pub confirmed: BTreeMap<String, (Person, Option<String>)>,
    /// Role → (who, accepted, word).
    pub signed: BTreeMap<String, (Person, bool, String)>,
    pub problem: Option<Problem>,
    /// A try failed, and what it had committed by itself before may stand: no ledger has it.
    pub may_stay: bool,
    /// Who decided to do it although it can't be taken back, and why.
    pub past_return: Option<(Person, String)>,
    /// Why it was skipped, assumed or accepted.
    pub reason: Option<String>,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// Of its last try.
    pub elapsed_ms: u64,
    /// Of all its tries and undos together, those too that were broken off.
    pub worked_ms: u64,
    /// So much of the present try is in `worked_ms`.
    pub(super) counted_ms: u64,
    /// The process that ran it is gone: it has to be started again (the applied units stay) before
    /// anything new of it may begin.
    pub broken_off: bool,
    /// All of its rollback is applied; only the checkpoints of the rollback are left.
    pub undo_applied: bool,
    /// What it was before its undo began; set as long as the undo isn't over.
    pub before_undo: Option<Status>,
    /// What it was before an outcome turned out to be unknown.
    pub before_doubt: Option<Status>,
    /// As it was right before its undo was recorded: a failover may have lost that undo.
    pub(super) last_undo: Option<Box<StepState>>,
    /// While an undo that was recorded is in doubt: what it is when the undo stands.
    pub(super) after_undo: Option<Box<StepState>>,
    /// It stands in the run's order of applied steps.
    pub(super) in_order: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    #[default]
    Pending,
    Skipped,
    Assumed,
    Running,
    /// A commit intent, or the intent of a bare statement, is written.
    Committing,
    Applied,
    Verified,
    Unverified,
    Accepted,
    Failed,
    Unknown,
    Undoing,
    /// It stands, and undoing it was tried in vain. Only [`StepState::shown`] says so: for what may follow
    /// it is what it was before.
    UndoFailed,
}

impl Status {
    pub const ALL: [Self; 13] = [
        Self::Pending,
        Self::Skipped,
        Self::Assumed,
        Self::Running,
        Self::Committing,
        Self::Applied,
        Self::Verified,
        Self::Unverified,
        Self::Accepted,
        Self::Failed,
        Self::Unknown,
        Self::Undoing,
        Self::UndoFailed,
    ];

    /// For people and for the summary.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Skipped => "skipped",
            Self::Assumed => "assumed",
            Self::Running => "running",
            Self::Committing => "committing",
            Self::Applied => "applied",
            Self::Verified => "verified",
            Self::Unverified => "unverified",
            Self::Accepted => "accepted",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Undoing => "undoing",
            Self::UndoFailed => "undo failed",
        }
    }

    /// Something of it may be under way.
    #[must_use]
    pub fn is_moving(self) -> bool {
        matches!(self, Self::Running | Self::Committing | Self::Undoing | Self::Unknown)
    }

    /// Not done, on somebody's word.
    #[must_use]
    pub fn is_left_out(self) -> bool {
        matches!(self, Self::Skipped | Self::Assumed)
    }

    /// Nothing more has to be done for it, for good or bad.
    #[must_use]
    pub fn is_settled(self) -> bool {
        !self.is_moving() && !matches!(self, Self::Pending | Self::Applied)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

impl StepState {
    /// What people are told that it is: one whose undo failed isn't simply verified any more.
    #[must_use]
    pub fn shown(&self) -> Status {
        let tried = self.undo_attempt > 0 && self.before_undo.is_none() && self.problem.is_some();
        if tried && self.has_effects() { Status::UndoFailed } else { self.status }
    }

    /// Something of it is in the database, even when the step as a whole failed or was skipped.
    #[must_use]
    pub fn has_effects(&self) -> bool {
        matches!(self.status, Status::Applied | Status::Verified | Status::Unverified | Status::Accepted)
            || self.units.iter().any(|u| u.phase == UnitPhase::Applied)
    }

    #[must_use]
    pub fn direction(&self) -> Direction {
        if self.before_undo.is_some() { Direction::Back } else { Direction::Forward }
    }

    /// The attempt that the next `step_started` in this direction has to carry.
    #[must_use]
    pub fn next_attempt(&self, direction: Direction) -> u32 {
        1 + match direction {
            Direction::Forward => self.attempt,
            Direction::Back => self.undo_attempt,
        }
    }

    pub(super) fn has_units(&self) -> bool {
        !self.units.is_empty() || !self.undo_units.is_empty()
    }

    /// The unit of this name in this direction, of the present generation.
    #[must_use]
    pub fn unit(&self, unit: &Unit) -> Option<&super::unit::UnitState> {
        self.units_of(unit.direction).named(&unit.unit)
    }

    /// Units of its last undo that was recorded; none where something else undid it.
    #[must_use]
    pub fn undone_by(&self) -> Option<&Units> {
        self.last_undo.as_deref().map(|before| &before.undo_units)
    }

    /// As it was right before its last undo was recorded; nothing where something else undid it.
    #[must_use]
    pub fn before_its_undo(&self) -> Option<&Self> {
        self.last_undo.as_deref()
    }

    #[must_use]
    pub fn units_of(&self, direction: Direction) -> &Units {
        match direction {
            Direction::Forward => &self.units,
            Direction::Back => &self.undo_units,
        }
    }

    pub(super) fn units_of_mut(&mut self, direction: Direction) -> &mut Units {
        match direction {
            Direction::Forward => &mut self.units,
            Direction::Back => &mut self.undo_units,
        }
    }

    pub(super) fn is(&self, allowed: &[Status]) -> Result<(), Why> {
        if allowed.contains(&self.status) {
            Ok(())
        } else {
            Err(format!("step `{}` is {}", self.id, self.status))
        }
    }

    pub(super) fn generation_is(&self, generation: u32) -> Result<(), Why> {
        if generation == self.generation {
            return Ok(());
        }
        Err(format!("step `{}` is in generation {}, not {generation}", self.id, self.generation))
    }

    /// A step that was broken off is started again only when the end of every unit is known.
    fn can_begin_again(&self) -> Result<(), Why> {
        if !self.broken_off {
            return Err(format!("step `{}` is {} already", self.id, self.status));
        }
        match self.units_of(self.direction()).open() {
            Some(open) => Err(format!(
                "{} is {}: that has to be reconciled first",
                open.unit.words(),
                open.phase.word()
            )),
            None => Ok(()),
        }
    }

    pub(super) fn begin(
        &mut self,
        at: Timestamp,
        direction: Direction,
        generation: u32,
        attempt: u32,
    ) -> Result<(), Why> {
        self.generation_is(generation)?;
        let last = match direction {
            Direction::Forward => self.attempt,
            Direction::Back => self.undo_attempt,
        };
        if attempt <= last {
            return Err(format!("attempt {attempt} of step `{}` doesn't come after attempt {last}", self.id));
        }
        match direction {
            Direction::Forward => self.begin_forward(attempt)?,
            Direction::Back => self.begin_back(attempt)?,
        }
        self.broken_off = false;
        self.problem = None;
        self.counted_ms = 0;
        self.started_at = Some(at);
        self.ended_at = None;
        Ok(())
    }

    fn begin_forward(&mut self, attempt: u32) -> Result<(), Why> {
        match self.status {
            Status::Pending | Status::Failed => {}
            Status::Running => self.can_begin_again()?,
            _ => return self.is(&[]),
        }
        self.status = Status::Running;
        self.attempt = attempt;
        self.units.keep_applied();
        self.checkpoints.clear();
        // Who declined may think again; who accepted has signed.
        self.signed.retain(|_, (_, accepted, _)| *accepted);
        Ok(())
    }

    fn begin_back(&mut self, attempt: u32) -> Result<(), Why> {
        if let Some(procedure) = &self.procedure {
            return Err(format!("step `{}` of procedure `{procedure}` isn't undone itself", self.id));
        }
        match self.status {
            Status::Applied | Status::Verified | Status::Unverified | Status::Accepted => {}
            Status::Failed | Status::Skipped if self.has_effects() => {}
            Status::Undoing => self.can_begin_again()?,
            _ => return self.is(&[]),
        }
        self.before_undo.get_or_insert(self.status);
        self.status = Status::Undoing;
        self.undo_attempt = attempt;
        self.undo_applied = false;
        self.undo_units.keep_applied();
        self.undo_checkpoints.clear();
        Ok(())
    }

    /// All units of the direction are applied, but for those that the plan passes over.
    fn units_done(&self, direction: Direction) -> Result<(), Why> {
        match self.units_of(direction).iter().find(|u| !u.is_behind()) {
            Some(unit) => Err(format!("{} is {}", unit.unit.words(), unit.phase.word())),
            None => Ok(()),
        }
    }

    pub(super) fn applied(
        &mut self,
        direction: Direction,
        generation: u32,
        elapsed_ms: u64,
    ) -> Result<(), Why> {
        self.generation_is(generation)?;
        match direction {
            Direction::Forward => self.is(&[Status::Running])?,
            Direction::Back => self.is(&[Status::Undoing])?,
        }
        self.units_done(direction)?;
        match direction {
            Direction::Forward => {
                self.status = Status::Applied;
                self.may_stay = false;
            }
            Direction::Back => self.undo_applied = true,
        }
        self.took(elapsed_ms);
        Ok(())
    }

    /// It ends in `status`.
    pub(super) fn settle(&mut self, at: Timestamp, status: Status, elapsed_ms: u64) {
        self.put_down(at, status);
        self.took(elapsed_ms);
    }

    /// On somebody's word, which takes no time.
    pub(super) fn put_down(&mut self, at: Timestamp, status: Status) {
        self.status = status;
        self.broken_off = false;
        self.ended_at = Some(at);
    }

    /// By its checkpoints. Those that are asked again are timed anew.
    pub(super) fn judged(&mut self, at: Timestamp, status: Status, elapsed_ms: u64) {
        if self.status == Status::Unverified {
            self.counted_ms = 0;
        }
        self.settle(at, status, elapsed_ms);
    }

    /// The present try has taken so long by now.
    fn took(&mut self, elapsed_ms: u64) {
        self.worked_ms += elapsed_ms.saturating_sub(self.counted_ms);
        self.counted_ms = elapsed_ms;
        self.elapsed_ms = elapsed_ms;
    }

    /// The process is gone, and with it whoever timed the step: what comes of it is timed anew.
    pub(super) fn let_go(&mut self, at: Option<Timestamp>) {
        if self.status.is_moving()
            && !self.broken_off
            && let (Some(from), Some(to)) = (self.started_at, at)
        {
            let ms = u64::try_from(to.duration_since(from).as_millis()).unwrap_or_default();
            self.worked_ms += ms.saturating_sub(self.counted_ms);
        }
        self.counted_ms = 0;
        self.broken_off = self.status.is_moving();
    }

    pub(super) fn failed(
        &mut self,
        at: Timestamp,
        direction: Direction,
        generation: u32,
        problem: &Problem,
        elapsed_ms: u64,
    ) -> Result<(), Why> {
        self.generation_is(generation)?;
        let status = match direction {
            // What was found or ruled not to be applied has failed already; now it is said why.
            Direction::Forward if self.status == Status::Failed && self.problem.is_none() => Status::Failed,
            Direction::Forward => {
                self.is(&[Status::Running])?;
                Status::Failed
            }
            Direction::Back => {
                self.is(&[Status::Undoing])?;
                if self.undo_applied {
                    return Err(format!("the rollback of step `{}` is applied", self.id));
                }
                self.before_undo.unwrap_or(Status::Failed)
            }
        };
        if let Some(open) = self.units_of(direction).open() {
            return Err(format!("{} is {}: its end comes first", open.unit.words(), open.phase.word()));
        }
        self.before_undo = None;
        self.problem = Some(problem.clone());
        self.settle(at, status, elapsed_ms);
        Ok(())
    }

    pub(super) fn undone(&mut self, at: Timestamp, generation: u32, elapsed_ms: u64) -> Result<(), Why> {
        self.generation_is(generation)?;
        self.is(&[Status::Undoing])?;
        self.units_done(Direction::Back)?;
        let mut last = self.clone();
        last.last_undo = None;
        self.before_undo = None;
        self.reset(generation + 1);
        self.last_undo = (!last.undo_units.is_empty()).then(|| Box::new(last));
        self.settle(at, Status::Pending, elapsed_ms);
        Ok(())
    }

    /// Left in the middle, with no unit open: what it is then. `true` when its undo was complete but
    /// for the checkpoints, so that it is pending again.
    pub(super) fn abandon(&mut self) -> bool {
        self.broken_off = false;
        match self.status {
            Status::Running if self.units.is_empty() => self.status = Status::Pending,
            Status::Running => self.status = Status::Failed,
            Status::Undoing if self.undo_applied => {
                self.reset(self.generation + 1);
                return true;
            }
            Status::Undoing => self.status = self.before_undo.take().unwrap_or(Status::Failed),
            _ => {}
        }
        false
    }

    /// It has begun, and nothing of it is under way nor will be by itself: it waits for people, or it
    /// was broken off.
    pub(super) fn rests(&self) -> bool {
        self.status == Status::Running
            && (self.units.is_empty() || self.broken_off && self.units.open().is_none())
    }

    /// As if it had never run, in a new generation. What its undo found stays to be shown.
    pub(super) fn reset(&mut self, generation: u32) {
        *self = Self {
            id: std::mem::take(&mut self.id),
            changes: self.changes,
            procedure: self.procedure.take(),
            worked_ms: self.worked_ms,
            counted_ms: self.counted_ms,
            generation,
            undo_checkpoints: std::mem::take(&mut self.undo_checkpoints),
            ..Self::default()
        };
    }
}

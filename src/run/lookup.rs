//! Finding units, and what the run waits for: what the engine asks after a stop.

use super::event::{Direction, HoldReason, Replacing, Unit};
use super::state::{Run, RunState, Status, StepState};
use super::unit::{UnitPhase, UnitState};
use super::units::Units;

impl Run {
    /// The unit, when it is of the present generation of its step.
    #[must_use]
    pub fn unit(&self, unit: &Unit) -> Option<&UnitState> {
        self.step(&unit.step)
            .filter(|step| step.generation == unit.generation)
            .and_then(|step| step.unit(unit))
    }

    /// The units of the present generations, but for those that were added up: these are applied, and that was
    /// confirmed. Itself, where it stands, and its transaction's id.
    #[must_use]
    pub fn all_units(&self) -> Vec<(Unit, UnitPhase, Option<String>)> {
        self.steps
            .iter()
            .flat_map(|step| step.units.one_by_one().chain(step.undo_units.one_by_one()))
            .map(|state| (state.unit.clone(), state.phase, state.xid.clone()))
            .collect()
    }

    /// Units of the last recorded undo of each step that is pending since: a failover may have lost them.
    pub fn last_undos(&self) -> impl Iterator<Item = (&StepState, &Units)> {
        let pending = self.steps.iter().filter(|step| step.status == Status::Pending);
        pending.filter_map(|step| Some((step, &step.last_undo.as_ref()?.undo_units)))
    }

    /// Those that this one belongs to, if it is of its step's present generation or of the last recorded undo.
    #[must_use]
    pub fn units_with(&self, unit: &Unit) -> Option<&Units> {
        let step = self.step(&unit.step)?;
        if unit.generation == step.generation {
            return Some(step.units_of(unit.direction));
        }
        let undone = unit.direction == Direction::Back && unit.generation + 1 == step.generation;
        step.undone_by().filter(|_| undone)
    }

    /// Whether the run has ever begun this unit, in whatever generation.
    #[must_use]
    pub fn knows_unit(&self, unit: &Unit) -> bool {
        self.unit(unit).is_some()
            || self.step(&unit.step).is_some_and(|step| unit.generation < step.generation)
    }

    /// Databases that were the target, and that a restore has taken out of its place.
    pub fn set_aside(&self) -> impl Iterator<Item = &Replacing> {
        let later = |at: usize, unit: &Unit| self.replaced[at + 1..].iter().any(|other| other.unit == *unit);
        let applied = |unit: &Unit| self.unit(unit).is_none_or(|state| state.phase == UnitPhase::Applied);
        let all = self.replaced.iter().enumerate();
        all.filter(move |(at, one)| !later(*at, &one.unit) && applied(&one.unit)).map(|(_, one)| one)
    }

    /// Steps that failed, and of which something may stand that no ledger has.
    pub fn half_known(&self) -> impl Iterator<Item = &str> {
        let unknown = |step: &&StepState| step.may_stay && !self.applied_order.contains(&step.id);
        self.steps.iter().filter(unknown).map(|step| step.id.as_str())
    }

    /// The same in words, for the end of a run that went on without them.
    #[must_use]
    pub fn half_known_words(&self) -> Option<String> {
        let steps: Vec<String> = self.half_known().map(|step| format!("\"{step}\"")).collect();
        (!steps.is_empty()).then(|| {
            format!(
                "what {} had committed by itself before it failed may be there: no ledger has it, and no rollback undoes it",
                steps.join(", ")
            )
        })
    }

    /// Something stands of which no rollback said yet that it stays.
    #[must_use]
    pub fn can_go_back_further(&self) -> bool {
        let kept = |step: &String| {
            self.rollback.iter().any(|rollback| rollback.kept.iter().any(|(kept, _)| kept == step))
        };
        self.applied_order.iter().any(|step| !kept(step))
    }

    /// Somebody has decided to do it although it can't be taken back.
    #[must_use]
    pub fn is_past_return(&self, step: &str) -> bool {
        self.step(step).is_some_and(|step| step.past_return.is_some())
    }

    /// It is undone, but for steps of which somebody had decided that they can't be.
    #[must_use]
    pub fn only_what_was_decided_stays(&self) -> bool {
        let ended = self.rollback.as_ref().and_then(|rollback| rollback.ended.as_ref());
        let mut standing = self.applied_order.iter();
        ended.is_some_and(|ended| ended.residue.is_empty())
            && !self.applied_order.is_empty()
            && standing.all(|step| self.is_past_return(step))
    }

    /// Waiting for somebody.
    #[must_use]
    pub fn is_holding(&self) -> bool {
        matches!(self.state, RunState::Holding(_))
    }

    /// Why it waits.
    #[must_use]
    pub fn hold_reason(&self) -> Option<&HoldReason> {
        self.hold().map(|hold| &hold.reason)
    }

    /// The unit whose outcome has to be settled first.
    #[must_use]
    pub fn in_doubt(&self) -> Option<&Unit> {
        match &self.state {
            RunState::InDoubt(unit) => Some(unit),
            _ => None,
        }
    }
}

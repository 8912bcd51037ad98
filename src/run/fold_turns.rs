//! The fold over what turns a run: it holds, somebody decides, it goes backwards.

use super::event::{Assurance, Decision, HoldReason, ImageWhen, Unit};
use super::state::{Choice, Hold, RollbackState, Ruling, Run, RunState};
use super::step::{Status, Why};
use super::unit::UnitPhase;

impl Run {
    pub(super) fn held(&mut self, mut hold: Hold) -> Result<(), Why> {
        if let Some(step) = &hold.step {
            self.find(step)?;
        }
        if let Some(step) = self.current_step().filter(|step| step.status.is_moving() && !step.broken_off)
            && let Some(unit) = step
                .units_of(step.direction())
                .last()
                .filter(|unit| !matches!(unit.phase, UnitPhase::Applied | UnitPhase::Unknown))
        {
            return Err(format!("{} is {}: its end comes first", unit.unit.words(), unit.phase.word()));
        }
        if matches!(self.state, RunState::InDoubt(_)) {
            if hold.reason != HoldReason::Unknown {
                return self.is_not_in_doubt();
            }
            hold.rolling_back = self.doubt_back;
            self.doubt_hold = Some(hold);
            return Ok(());
        }
        if hold.reason == HoldReason::RolledBackTo {
            if self.state != RunState::RollingBack {
                return Err("it isn't rolling back".into());
            }
            self.nothing_moves()?;
        }
        hold.rolling_back = hold.reason != HoldReason::RolledBackTo && self.goes_back();
        if hold.reason == HoldReason::LockLost {
            // The sessions went with it.
            self.let_go();
        }
        self.state = RunState::Holding(hold);
        self.hold_asked = false;
        self.answered();
        Ok(())
    }

    /// Whatever was to be answered (a failure, a decision) has been.
    pub(super) fn answered(&mut self) {
        self.unanswered = None;
        self.decided = None;
    }

    /// It goes backwards, or will when it goes on.
    #[must_use]
    pub fn goes_back(&self) -> bool {
        match &self.state {
            RunState::RollingBack => true,
            RunState::Holding(hold) => hold.rolling_back,
            RunState::InDoubt(_) => self.doubt_back,
            _ => false,
        }
    }

    pub(super) fn decide(&mut self, mut choice: Choice) -> Result<(), Why> {
        let what = choice.what;
        let step = choice.step.as_deref();
        for step in step.into_iter().chain(choice.only.iter().map(String::as_str)) {
            self.find(step)?;
        }
        // The plan's own policy leaves an undo out without a hold.
        let kept_by_plan = self.state == RunState::RollingBack
            && what == Decision::Skip
            && choice.by.how == Assurance::Policy;
        let leaves = match (&self.state, what) {
            (RunState::InDoubt(_), Decision::RuledApplied | Decision::RuledNotApplied) => false,
            // Asked for when the run was taken up: it waits until the doubt is settled.
            (RunState::InDoubt(_), Decision::RollBack) => false,
            (RunState::InDoubt(_), _) => return self.is_not_in_doubt(),
            (_, Decision::RuledApplied | Decision::RuledNotApplied) => {
                return Err("nothing is in doubt".into());
            }
            (RunState::Opening, Decision::End | Decision::Hold) => false,
            (RunState::Opening, _) => return Err("no step has begun".into()),
            (RunState::Holding(_), Decision::Go | Decision::Retry) => true,
            (_, Decision::Go | Decision::Retry) => return Err("it doesn't wait for that".into()),
            // About another step than the one it waits for: it goes on waiting.
            (RunState::Holding(hold), Decision::Skip | Decision::Override) => {
                step.is_none() || hold.step.is_none() || step == hold.step.as_deref()
            }
            _ => false,
        };
        if what != Decision::RollBack && choice.step.is_none() {
            choice.step = self.hold().and_then(|hold| hold.step.clone());
        }
        match what {
            Decision::Hold => {
                self.hold_asked = true;
                return Ok(());
            }
            Decision::Cancel => return Ok(()),
            Decision::RuledApplied | Decision::RuledNotApplied => {
                let of_step = |unit: &&Unit| choice.step.as_ref().is_none_or(|step| unit.step == *step);
                self.ruled = self.doubts.iter().find(of_step).map(|unit| Ruling {
                    unit: unit.clone(),
                    applied: what == Decision::RuledApplied,
                    by: choice.by.clone(),
                    reason: choice.reason.clone().unwrap_or_default(),
                });
                return Ok(());
            }
            _ => {}
        }
        // Going past the point of no return: asked for once, and kept.
        if leaves
            && what == Decision::Override
            && self.hold().is_some_and(|hold| hold.reason == HoldReason::Irreversible)
            && let Some(i) = choice.step.as_deref().and_then(|id| self.index.get(id)).copied()
        {
            self.steps[i].past_return = Some((choice.by.clone(), choice.reason.clone().unwrap_or_default()));
        }
        let back = self.goes_back();
        if (leaves && back || kept_by_plan)
            && let (Some(rollback), Some(step)) = (&mut self.rollback, &choice.step)
        {
            let decided = (step.clone(), choice.reason.clone().unwrap_or_default());
            match what {
                Decision::Skip => rollback.kept.push(decided),
                Decision::Override => rollback.accepted.push(decided),
                _ => {}
            }
        }
        if leaves {
            self.state = if back { RunState::RollingBack } else { RunState::Running };
        }
        // That a doubt is settled doesn't take back what a person asked for.
        let settled = what == Decision::Go && choice.by.how == Assurance::Policy;
        if !(settled && self.is_to_go_back()) {
            self.decided = Some(choice);
        }
        Ok(())
    }

    pub(super) fn start_rollback(&mut self, mut rollback: RollbackState) -> Result<(), Why> {
        if !matches!(self.state, RunState::Running | RunState::Holding(_)) {
            return Err("a rollback starts from a run that is running or holding".into());
        }
        self.nothing_is_open()?;
        for step in
            rollback.steps.iter().chain(rollback.kept.iter().map(|(step, _)| step)).chain(&rollback.to)
        {
            self.find(step)?;
        }
        let procedures = rollback.procedures();
        for name in &procedures {
            if !self.opened.as_ref().is_some_and(|o| o.procedures.iter().any(|p| p.id == *name)) {
                return Err(format!("the plan has no procedure `{name}`"));
            }
        }
        // A procedure that was carried out before, to its end, is carried out anew; one that was
        // stopped half-way goes on where it was, since nothing may happen twice.
        if self.rollback.as_ref().is_none_or(|old| old.ended.is_some()) {
            let takes_part = |name: &String| procedures.contains(&name.as_str());
            for step in self.steps.iter_mut().filter(|s| s.procedure.as_ref().is_some_and(takes_part)) {
                if step.status != Status::Pending {
                    step.reset(step.generation + 1);
                }
            }
        }
        // What steps did again since is theirs.
        let since =
            self.images.iter().rev().skip(1).take_while(|image| image.when != ImageWhen::BeforeRollback);
        let went_forward = since.into_iter().any(|image| image.when == ImageWhen::BeforeStep);
        if let Some(old) = self.rollback.take().filter(|_| !went_forward) {
            rollback.left_before = old.left_before;
            for one in old.ended.into_iter().flat_map(|ended| ended.residue) {
                rollback.left_before.retain(|known| known.object != one.object);
                rollback.left_before.push(one);
            }
        }
        self.rollback = Some(rollback);
        self.has_turned();
        self.turn_away();
        self.state = RunState::RollingBack;
        self.answered();
        Ok(())
    }
}

impl RollbackState {
    /// It was told to leave something that this run applied.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.to.is_some() || self.procedure.is_some() || !self.course.only.is_empty()
    }

    /// It was said on the way that its effects stay.
    #[must_use]
    pub fn keeps(&self, step: &str) -> bool {
        self.kept.iter().any(|(kept, _)| kept == step)
    }

    /// It is undone, and a person goes on although its checkpoints failed.
    #[must_use]
    pub fn accepts(&self, step: &str) -> bool {
        self.accepted.iter().any(|(accepted, _)| accepted == step)
    }

    /// The procedures that may run in it.
    #[must_use]
    pub fn procedures(&self) -> Vec<&str> {
        let named = self.procedure.as_deref().into_iter();
        named.chain(self.course.procedures.iter().map(|turn| turn.procedure.as_str())).collect()
    }
}

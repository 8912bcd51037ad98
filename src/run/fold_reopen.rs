//! The fold over a run that was over and is opened again: the way back is all that may come.

use super::event::{Decision, Ending, Event, HoldReason};
use super::state::{Choice, Hold, Reopened, Run, RunState, Status, StepState};
use super::step::Why;

impl Run {
    /// It was over, is open again, and the rollback for which it is hasn't begun.
    #[must_use]
    pub fn only_goes_back(&self) -> bool {
        self.reopened.as_ref().is_some_and(|reopened| reopened.waits)
    }

    /// It was over and is open again, and a part of it was undone: nobody has seen since what became of the
    /// database.
    #[must_use]
    pub fn stands_open_again(&self) -> bool {
        self.reopened.as_ref().is_some_and(|reopened| !reopened.waits)
            && !self.is_ended()
            && !self.goes_back()
    }

    pub(super) fn reopen(&mut self, choice: Choice) -> Result<(), Why> {
        let RunState::Ended(outcome, exit_code) = &self.state else {
            return Err("it isn't over".into());
        };
        if self.applied_order.is_empty() {
            return Err("nothing that it applied is left".into());
        }
        for step in choice.step.iter().chain(&choice.only) {
            self.find(step)?;
        }
        let was = (outcome.clone(), *exit_code);
        self.let_go();
        self.state = RunState::Holding(Hold {
            reason: HoldReason::Reopened,
            step: None,
            needs: "the way back for which it was opened again".to_owned(),
            hint: None,
            rolling_back: false,
        });
        let (left, images) = (self.left_fingerprint.clone(), self.images.len());
        let applied = self.applied_order.len();
        self.reopened = Some(Reopened { choice, was, left, images, applied, waits: true });
        Ok(())
    }

    /// The rollback has begun, or the run is closed again.
    pub(super) fn has_turned(&mut self) {
        if let Some(reopened) = &mut self.reopened {
            reopened.waits = false;
        }
    }

    /// It was over and is open again, and nothing has been done on the way back: it can be closed as it was.
    #[must_use]
    pub fn can_close_again(&self) -> bool {
        let acted = |step: &StepState| {
            let of_procedure = step.procedure.is_some() && step.changes && step.status != Status::Pending;
            of_procedure || !step.undo_units.is_empty() || step.undo_attempt > 0
        };
        self.reopened.as_ref().is_some_and(|reopened| {
            reopened.waits
                || self.goes_back()
                    && self.applied_order.len() == reopened.applied
                    && !self.steps.iter().any(acted)
        })
    }

    pub(super) fn closes_again_as(&self, outcome: &Ending) -> bool {
        self.can_close_again() && self.reopened.as_ref().is_some_and(|reopened| reopened.was.0 == *outcome)
    }
}

/// Whether the event may stand between the opening and the first step back.
pub(super) fn is_of_the_way_back(event: &Event) -> bool {
    match event {
        Event::Decided { what, .. } => matches!(
            what,
            Decision::RollBack
                | Decision::End
                | Decision::Hold
                | Decision::Cancel
                | Decision::RuledApplied
                | Decision::RuledNotApplied
        ),
        Event::CheckpointResult(result) => result.step == super::TARGET,
        Event::RunResumed { .. }
        | Event::Selected { .. }
        | Event::LockTaken { .. }
        | Event::FenceTaken { .. }
        | Event::LedgerOff { .. }
        | Event::ImageTaken(_)
        | Event::UnitUnknown { .. }
        | Event::UnitReconciled { .. }
        | Event::Held { .. }
        | Event::Deviation { .. }
        | Event::Note { .. }
        | Event::Looked { .. }
        | Event::CountsTaken(_)
        | Event::BackendEnding { .. }
        | Event::BackendEnded { .. }
        | Event::RollbackStarted { .. }
        | Event::Interrupted { .. }
        | Event::Left { .. }
        | Event::Ended { .. }
        | Event::Unknown => true,
        _ => false,
    }
}

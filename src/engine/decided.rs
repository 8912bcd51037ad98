//! Decisions that outlive the process that took them: what was accepted right before a stop still counts.

use super::conductor::Conductor;
use super::rollback::{Wanted, set_out};
use super::stop::Stop;
use crate::run::command::{Command, Wish};
use crate::run::event::{Decision, Event, HoldReason, Person};
use crate::run::state::{Choice, Run, Status};

impl Conductor {
    /// Go back instead of forward.
    pub fn turn_back(&mut self, wanted: Wanted) {
        self.turn = Some(wanted);
    }

    /// Go back instead of forward, by a person's word. It counts also when the run stops once more before
    /// it can turn: what was under way may have to be ruled on first.
    pub fn turn_back_for(&mut self, wanted: Wanted, by: Person, reason: String) {
        self.asked_back = Some(Choice {
            what: Decision::RollBack,
            step: wanted.to.clone(),
            by,
            reason: Some(reason),
            procedure: wanted.procedure.clone(),
            only: wanted.only.clone(),
        });
        self.turn = Some(wanted);
    }

    /// Journals that a rollback was asked for.
    pub(super) async fn note_the_turn(&mut self) -> Result<(), Stop> {
        let Some(choice) = self.asked_back.take() else { return Ok(()) };
        if self.recorder.look(|run| run.goes_back() || run.only_goes_back()) {
            return Ok(());
        }
        let Choice { what, step, by, reason, procedure, only } = choice;
        self.record(Event::Decided { what, step, by, reason, procedure, only }).await
    }

    /// Leaves the step that was broken off: what became of it is known, and it isn't gone on with.
    pub(super) async fn stand_still(&mut self) -> Result<(), Stop> {
        let moves = |run: &Run| {
            let step = run.current_step().filter(|step| step.status.is_moving() && !run.is_holding());
            step.map(|step| step.id.clone())
        };
        let Some(step) = self.recorder.look(moves) else { return Ok(()) };
        let needs = "nothing more of it: the run goes back, as was asked".to_owned();
        self.hold(HoldReason::Asked, Some(&step), needs, None).await
    }

    /// Somebody at the screen is to be asked about a rollback before anything goes on.
    pub fn ask_back(&mut self) {
        self.asks_back = true;
    }

    /// Waits for the word of the one who is asked. Where the run waits for a decision anyway, that hold is
    /// the place for it.
    ///
    /// # Errors
    /// [`Stop`]: the rollback that is wanted, or why the run is let go of.
    pub(super) async fn wait_to_go_back(&mut self) -> Result<(), Stop> {
        if !std::mem::take(&mut self.asks_back) {
            return Ok(());
        }
        let over = self.recorder.look(Run::only_goes_back);
        if !over {
            let decides = |run: &Run| {
                let reason = run.hold_reason();
                matches!(reason, Some(HoldReason::Failed | HoldReason::Unverified | HoldReason::HalfApplied))
            };
            if self.recorder.look(decides) {
                return Ok(());
            }
            self.go_on("taken up again").await?;
            let needs = "whether it is rolled back; nothing goes on before that is answered".to_owned();
            self.hold(HoldReason::Asked, None, needs, None).await?;
        }
        loop {
            let Command { what, by } = self.next_wish().await?;
            match what {
                Wish::Go => return Ok(()),
                Wish::Leave { why } | Wish::End { reason: why } if over => {
                    return Err(self.close_again(why).await);
                }
                other => {
                    self.obey(None, other, by).await?;
                    if self.goes_on_without().await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// End the run where it stands, by a person's word.
    pub fn end_here(&mut self, by: &str, reason: &str) {
        self.ending = Some(format!("{by} ended the run: {reason}"));
    }

    /// Ending or turning back, when it was decided right before a stop, unless there is a newer word. A
    /// rollback that can't be begun so was refused then too.
    pub(super) fn take_up_ending(&mut self) {
        if self.turn.is_some() || self.ending.is_some() || self.asks_back {
            return;
        }
        // A run that was over is open for nothing else.
        let reopened = self.recorder.look(|run| run.reopened.clone()).filter(|reopened| reopened.waits);
        if let Some(reopened) = reopened {
            self.turn = Some(Wanted::of(&reopened.choice));
            return;
        }
        let Some(choice) = self.recorder.look(|run| run.decided.clone()) else { return };
        match choice.what {
            Decision::End => {
                self.end_here(&choice.by.name, choice.reason.as_deref().unwrap_or("decided"));
            }
            Decision::RollBack if !self.recorder.look(|run| run.goes_back()) => {
                let wanted = self.with_values(Wanted::of(&choice));
                if self.recorder.look(|run| set_out(&self.plan, run, &wanted)).is_ok() {
                    self.turn = Some(wanted);
                }
            }
            _ => {}
        }
    }

    /// A decision that was accepted right before a stop still counts.
    pub(super) async fn carry_out_decision(&mut self) -> Result<(), Stop> {
        let Some(choice) = self.recorder.look(|run| run.decided.clone()) else { return Ok(()) };
        let (Some(step), Some(reason)) = (choice.step, choice.reason) else { return Ok(()) };
        // What was said of an undo is in the rollback itself; its procedures have steps like others.
        let own = self.recorder.look(|run| run.step(&step).is_some_and(|state| state.procedure.is_none()));
        if own && self.recorder.look(Run::goes_back) {
            return Ok(());
        }
        let (status, by) = (self.status(&step), choice.by);
        match (choice.what, status) {
            (Decision::Skip, Status::Failed | Status::Pending) => {
                self.leave_out_now(&step, &reason, by).await
            }
            (Decision::Override, Status::Unverified) => {
                self.record(Event::StepAccepted { step, reason, by }).await
            }
            _ => Ok(()),
        }
    }
}

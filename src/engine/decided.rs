//! Decisions that outlive the process that took them: what was accepted right before a stop still counts.

use super::conductor::Conductor;
use super::rollback::{Wanted, set_out};
use super::stop::Stop;
use crate::run::event::{Decision, Event};
use crate::run::state::Status;

impl Conductor {
    /// Go back instead of forward, by a person's word.
    pub fn turn_back(&mut self, wanted: Wanted) {
        self.turn = Some(wanted);
    }

    /// End the run where it stands, by a person's word.
    pub fn end_here(&mut self, by: &str, reason: &str) {
        self.ending = Some(format!("{by} ended the run: {reason}"));
    }

    /// Ending or turning back, when it was decided right before a stop, unless there is a newer word. A
    /// rollback that can't be begun so was refused then too.
    pub(super) fn take_up_ending(&mut self) {
        if self.turn.is_some() || self.ending.is_some() {
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
                let wanted = Wanted::of(&choice);
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
        let (status, by) = (self.status(&step), choice.by);
        match (choice.what, status) {
            (Decision::Skip, Status::Failed | Status::Pending) => {
                self.record(Event::StepSkipped { step, reason, by, deviation: true }).await
            }
            (Decision::Override, Status::Unverified) => {
                self.record(Event::StepAccepted { step, reason, by }).await
            }
            _ => Ok(()),
        }
    }
}

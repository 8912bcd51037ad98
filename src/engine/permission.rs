//! What must be so before anything is changed: authorization, and a person's word where it takes one.

use super::conductor::{Answer, Conductor};
use super::stop::Stop;
use crate::plan::model::{Step, Stepping};
use crate::run::command::{Command, Wish};
use crate::run::event::{Event, HoldReason};
use crate::run::state::{Run, Status};

impl Conductor {
    /// What must be so before anything is changed: authorization, a key when stepping is manual, and then the
    /// ledger. `false`: the step is left out.
    pub(super) async fn before_change(&mut self, step: &Step) -> Result<bool, Stop> {
        // A rollback was asked for as a whole, and what it undoes was authorized.
        if self.recorder.look(Run::goes_back) {
            return Ok(true);
        }
        let allowed = self.is_allowed(step).await?;
        if allowed {
            self.take_ledger().await?;
        }
        Ok(allowed)
    }

    async fn is_allowed(&mut self, step: &Step) -> Result<bool, Stop> {
        if let Some(authorization) = self.plan.authorization.clone()
            && !matches!(self.status(&authorization), Status::Verified)
        {
            let why = format!(
                "nothing may change before \"{authorization}\" is signed, and it isn't: run its phase first"
            );
            return Err(self.refuse_or_leave(why).await);
        }
        self.prepare_change().await?;
        if !self.resuming_inside(step) {
            if let Some(why) = &step.irreversible
                && self.recorder.look(|run| run.step(&step.id).is_some_and(|s| s.past_return.is_none()))
            {
                let needs = format!("\"{}\" can't be taken back: {}", step.title, self.fill(why));
                return self.asked_for(step, HoldReason::Irreversible, needs, None).await;
            }
            if self.plan.stepping == Stepping::Manual && step.irreversible.is_none() {
                let needs = format!("go: \"{}\"", step.title);
                let back = self.recorder.look(|run| {
                    let way = run.ways_back.iter().find(|way| way.step == step.id);
                    way.map(|way| format!("its rollback {}", way.words))
                });
                return self.asked_for(step, HoldReason::Stepping, needs, back).await;
            }
        } else if self.broken_off.take_if(|id| *id == step.id).is_some() {
            let needs = format!("\"{}\" was broken off in the middle: retry goes on with it", step.title);
            return Ok(matches!(self.ask_about(step, HoldReason::Failed, needs).await?, Answer::Retry));
        }
        Ok(true)
    }

    /// On a plan that is stepped by hand whoever takes a run up looks first, and says what is to be done about
    /// the step that was under way: at a screen by a key, without one by an answer.
    pub(super) fn look_for_broken_off(&mut self) {
        if self.plan.stepping == Stepping::Manual {
            let broken_off = |run: &Run| Some(run.current_step().filter(|s| s.broken_off)?.id.clone());
            self.broken_off = self.recorder.look(broken_off);
        }
    }

    /// Waits for the word to do a step. `false`: it is left out.
    async fn asked_for(
        &mut self,
        step: &Step,
        reason: HoldReason,
        needs: String,
        hint: Option<String>,
    ) -> Result<bool, Stop> {
        self.hold(reason.clone(), Some(&step.id), needs, hint).await?;
        loop {
            let Command { what, by } = self.next_wish().await?;
            match what {
                Wish::Go if reason == HoldReason::Stepping => return Ok(true),
                Wish::Override { step: of, .. } if of == step.id => return Ok(true),
                Wish::Skip { step: of, reason } if of == step.id => {
                    let deviation = !step.optional;
                    self.record(Event::StepSkipped { step: of, reason, by, deviation }).await?;
                    return Ok(false);
                }
                other => {
                    self.obey(Some(&step.id), other, by).await?;
                }
            }
        }
    }

    /// A step that was begun before a stop has had its key.
    pub(super) fn resuming_inside(&self, step: &Step) -> bool {
        matches!(self.status(&step.id), Status::Running | Status::Failed | Status::Committing)
    }
}

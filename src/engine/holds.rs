//! Waiting: for a key, for people, for a decision; and what means the same on every hold.

use super::attention::Interruption;
use super::conductor::{Conductor, Flow};
use super::exit::Exit;
use super::problems;
use super::rollback::Wanted;
use super::stop::Stop;
use crate::run::command::{Command, Wish};
use crate::run::event::{Assurance, Decision, Event, HoldReason, Person};
use crate::run::state::Run;

impl Conductor {
    /// Between two steps: signals, a lost lock, and the word to hold.
    pub(super) async fn between_steps(&mut self) -> Result<(), Stop> {
        if let Some(interruption) = self.attention.standing() {
            self.stop_for(interruption)?;
        }
        if self.attention.take_hold() {
            self.hold(HoldReason::Asked, None, "go on when you are ready".into(), None).await?;
            loop {
                let Command { what, by } = self.next_wish().await?;
                match what {
                    Wish::Go => break,
                    other => {
                        self.obey(None, other, by).await?;
                        if self.goes_on_without().await? {
                            break;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// The word that ended a hold which is about no step was to leave the next one out: it is left out.
    pub(super) async fn goes_on_without(&mut self) -> Result<bool, Stop> {
        if self.recorder.look(Run::is_holding) {
            return Ok(false);
        }
        self.carry_out_decision().await?;
        Ok(true)
    }

    /// Journals that the run waits.
    pub(super) async fn hold(
        &mut self,
        reason: HoldReason,
        step: Option<&str>,
        needs: String,
        hint: Option<String>,
    ) -> Result<(), Stop> {
        self.record(Event::Held { reason, step: step.map(str::to_owned), needs, hint }).await?;
        // Whoever asked it to hold has what they wanted, whatever it holds for.
        self.attention.take_hold();
        Ok(())
    }

    /// Holds until `done`, ticking items as they come.
    pub(super) async fn wait_for(
        &mut self,
        reason: HoldReason,
        step: &str,
        needs: String,
        hint: Option<String>,
        done: impl Fn(&Run) -> bool,
    ) -> Result<Flow, Stop> {
        self.hold(reason, Some(step), needs, hint).await?;
        loop {
            let Command { what, by } = self.next_wish().await?;
            match what {
                Wish::Confirm { .. } | Wish::Go => {
                    if self.recorder.look(&done) {
                        self.go_on("all is ticked").await?;
                        return Ok(Flow::Go);
                    }
                }
                other => {
                    if let Some(flow) = self.obey(Some(step), other, by).await? {
                        return Ok(flow);
                    }
                }
            }
        }
    }

    /// Leaves a hold that is over by itself.
    pub(super) async fn go_on(&mut self, reason: &str) -> Result<(), Stop> {
        if !self.recorder.look(Run::is_holding) {
            return Ok(());
        }
        self.record(Event::Decided {
            what: Decision::Go,
            step: None,
            by: Person { name: "engine".into(), how: Assurance::Policy },
            reason: Some(reason.to_owned()),
            procedure: None,
            only: Vec::new(),
        })
        .await
    }

    /// The next accepted command.
    pub(super) async fn next_wish(&mut self) -> Result<Command, Stop> {
        loop {
            match self.attention.wish().await {
                // Meant for a hold before this one (of the run as it was left): it has ended that one, and
                // doesn't answer this.
                Ok(command)
                    if matches!(command.what, Wish::Go | Wish::Retry)
                        && self.recorder.look(Run::is_holding) => {}
                Ok(command) => return Ok(command),
                Err(interruption) => {
                    self.stop_for(interruption)?;
                    return Err(Stop::Interrupted { signal: "the end of the program".into() });
                }
            }
        }
    }

    /// Wishes that mean the same on every hold.
    pub(super) async fn obey(
        &mut self,
        step: Option<&str>,
        wish: Wish,
        by: Person,
    ) -> Result<Option<Flow>, Stop> {
        match wish {
            Wish::Leave { why } => Err(Stop::Left { exit: self.exit_for_leaving(), why }),
            Wish::End { reason } => {
                let why = format!("{} ended the run: {reason}", by.name);
                Err(self.end_or_close(reason, why).await)
            }
            Wish::RollBack { to, only, procedure, reason } => {
                Err(Stop::TurnBack(Box::new(Wanted { to, only, procedure, ..Wanted::all(reason) })))
            }
            Wish::Skip { step: of, reason } if step == Some(of.as_str()) => {
                self.leave_out_now(&of, &reason, by).await?;
                Ok(Some(Flow::Failed(problems::plain(format!("skipped: {reason}")))))
            }
            _ => Ok(None),
        }
    }

    /// Leaves a step out that waits for somebody, or hasn't begun.
    pub(super) async fn leave_out_now(&mut self, step: &str, reason: &str, by: Person) -> Result<(), Stop> {
        let mut all = self.plan.phases.iter().flat_map(|phase| &phase.steps);
        let deviation = !all.any(|of| of.id == step && of.optional);
        let (step, reason) = (step.to_owned(), reason.to_owned());
        self.record(Event::StepSkipped { step, reason, by, deviation }).await
    }

    pub(super) fn exit_for_leaving(&self) -> Exit {
        self.recorder.look(|run| match run.hold_reason() {
            Some(HoldReason::Unknown) => Exit::Unknown,
            Some(HoldReason::LockLost) => Exit::Unreachable,
            _ => Exit::Waiting,
        })
    }

    /// Turns an interruption into the stop that it means.
    pub(super) fn stop_for(&self, interruption: Interruption) -> Result<(), Stop> {
        match interruption {
            Interruption::Cancelled => Ok(()),
            Interruption::Signal(signal) => Err(Stop::Interrupted { signal }),
            Interruption::LockLost(why) => Err(Stop::LockLost(why)),
        }
    }

    /// Waits before the next try. `true`: a person doesn't want one.
    pub(super) async fn pause(&mut self, pause: std::time::Duration) -> Result<bool, Stop> {
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(false),
            why = self.attention.interrupted() => match why {
                Interruption::Cancelled => Ok(true),
                Interruption::Signal(signal) => Err(Stop::Interrupted { signal }),
                Interruption::LockLost(why) => Err(Stop::LockLost(why)),
            },
        }
    }
}

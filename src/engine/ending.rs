//! How a process lets go of a run: at its end, refused, interrupted, or until somebody resumes it.

use super::conductor::Conductor;
use super::exit::Exit;
use super::stop::Stop;
use crate::run::event::{Ending, Event};
use crate::run::state::Run;

impl Conductor {
    pub(super) async fn finish(&mut self) -> Result<Exit, Stop> {
        let open = self.recorder.look(|run| {
            self.plan
                .phases
                .iter()
                .flat_map(|phase| &phase.steps)
                .filter(|step| !run.step(&step.id).is_some_and(|s| s.is_good() || s.status.is_left_out()))
                .count()
        });
        // Left out by somebody's word, and yet nobody knows what of it is there: that isn't done.
        let rest = self.recorder.look(Run::half_known_words);
        let exit = if rest.is_some() { Exit::Failed } else { Exit::Done };
        if open > 0 {
            let rest = rest.map(|rest| format!("; {rest}")).unwrap_or_default();
            let why = format!("what was asked for is done; {open} steps of the plan are still to come{rest}");
            let fingerprint = self.fingerprint_now().await;
            self.record(Event::Left { exit_code: exit.code(), why, fingerprint }).await?;
            return Ok(exit);
        }
        let summary = self.summary().await;
        self.record(Event::Ended { outcome: Ending::Done, exit_code: exit.code(), summary }).await?;
        Ok(exit)
    }

    /// Ends the run, and says so as a stop.
    pub(super) async fn end(&mut self, outcome: Ending, exit: Exit, why: String) -> Stop {
        if let Err(stop) = self.leave_watches().await {
            return stop;
        }
        let summary = self.summary().await;
        match self.record(Event::Ended { outcome, exit_code: exit.code(), summary }).await {
            Ok(()) => Stop::Over { exit, why },
            Err(stop) => stop,
        }
    }

    /// Before any change a run is refused; afterwards it can only be let go of.
    pub(super) async fn refuse_or_leave(&mut self, why: String) -> Stop {
        if self.recorder.look(|run| !run.touched) {
            return self.end(Ending::Refused { why: why.clone() }, Exit::Refused, why).await;
        }
        Stop::Left { exit: Exit::Waiting, why }
    }

    pub(super) async fn refuse(&mut self, why: String) -> Stop {
        self.refuse_or_leave(why).await
    }

    /// Journals how the process lets go of the run, and lets go of the lock.
    pub async fn let_go(mut self, stop: &Stop) {
        let left = match stop {
            Stop::Interrupted { signal } => {
                let interrupted = Event::Interrupted { signal: signal.clone() };
                if let Err(error) = self.record(interrupted).await {
                    tracing::warn!(%error, "journaling the signal");
                }
                Some(stop.to_string())
            }
            Stop::Left { why, .. } => Some(why.clone()),
            Stop::Pg(_) | Stop::LockLost(_) | Stop::Local(_) => Some(stop.to_string()),
            Stop::Journal(_)
            | Stop::Over { .. }
            | Stop::Refused { .. }
            | Stop::TurnBack(_)
            | Stop::Halted => None,
        };
        if let Some(why) = left.filter(|_| !self.recorder.look(Run::is_ended)) {
            let exit_code = stop.exit().code();
            let fingerprint = match stop {
                Stop::Left { .. } => self.fingerprint_now().await,
                _ => None,
            };
            if let Err(error) = self.record(Event::Left { exit_code, why, fingerprint }).await {
                tracing::warn!(%error, "journaling that the run was left");
            }
        }
        self.close().await;
    }

    /// Closes the sessions in order; the lock goes with the control session.
    pub async fn close(self) {
        let Self { look, idle_look, control, .. } = self;
        look.close().await;
        if let Some(look) = idle_look {
            look.close().await;
        }
        control.close().await;
    }
}

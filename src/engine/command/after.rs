//! After a program has run: whether it did as the plan expects, and after a stop, what became of it.

use std::time::Duration;

use super::run::{PATIENCE, Turn};
use crate::engine::conductor::Conductor;
use crate::engine::listener::{last_logged, log_path};
use crate::engine::stop::Stop;
use crate::pg::ledger::fence;
use crate::pg::ledger::intent;
use crate::plan::expect::Verdict;
use crate::plan::model::Step;
use crate::run::event::{COMMAND, Direction, ProgramEnding, Unit, When};

impl Conductor {
    /// After it is applied: whether what the plan expects of it was so. Nobody heard it when the program
    /// stopped before that was recorded.
    pub(in crate::engine) async fn verify_command(&mut self, step: &Step, unit: &Unit) -> Result<bool, Stop> {
        let id = format!("{}/expect", unit.step);
        let known = self.recorder.look(|run| {
            let results = run.step(&unit.step).map(|state| match unit.direction {
                Direction::Forward => &state.checkpoints,
                Direction::Back => &state.undo_checkpoints,
            });
            results.and_then(|results| results.get(&id)).map(|result| result.verdict.passed)
        });
        if let (None, Some(_)) = (known, &step.expect) {
            let why = "holdpoint stopped while it ran, and nobody listened";
            let verdict = Verdict::fail("as the plan expects", "not heard", why);
            let turn = Turn { step, id: &unit.step, direction: unit.direction, attempt: 0, name: "" };
            self.record_expected(turn, Some(verdict), Duration::ZERO, When::AfterCommit).await?;
            return Ok(false);
        }
        Ok(known.unwrap_or(true))
    }

    /// After a stop: what became of a command whose intent was written. Says whether it is applied.
    pub(in crate::engine) async fn reconcile_command(&mut self, unit: &Unit) -> Result<bool, Stop> {
        let (attempt, name) = self
            .recorder
            .look(|run| run.unit(unit).map(|state| (state.attempt, state.backend_start.clone())))
            .unwrap_or_default();
        let found = {
            let mut control = self.control.session().await;
            // Its group was ended with holdpoint; a session of it may work on by itself.
            fence::sessions_over(&mut control, &name, None, Duration::ZERO, PATIENCE).await?;
            if self.epoch.is_some() { intent::latest(&mut control, &self.run, unit).await? } else { None }
        };
        let Some(found) = found.filter(|found| found.attempt >= attempt) else {
            let evidence = vec!["no intent row: the program was never started".to_owned()];
            return self.reconciled(unit, false, evidence, None).await;
        };
        match found.outcome.as_deref() {
            Some("applied") => {
                self.reconciled(unit, true, vec!["the result row says applied".to_owned()], None).await
            }
            Some(_) => {
                self.reconciled(unit, false, vec!["the result row says failed".to_owned()], None).await
            }
            None => {
                let evidence = self.evidence_of_command(unit, attempt);
                self.rule(unit, evidence).await
            }
        }
    }

    /// What a person has to go by.
    fn evidence_of_command(&self, unit: &Unit, attempt: u32) -> Vec<String> {
        let ended = self.recorder.look(|run| {
            let end = run.programs.iter().rev().find(|end| end.step == unit.step);
            end.filter(|end| end.direction == unit.direction).map(|end| end.ending.clone())
        });
        let mut evidence = vec![match ended {
            Some(ProgramEnding::Exited { code }) => format!(
                "the program had ended with exit code {code} when holdpoint stopped, before that was in the ledger"
            ),
            _ => "holdpoint stopped while the program ran, and it was ended with everything that it had started: how far it \
                  came can't be asked"
                .to_owned(),
        }];
        let back = unit.direction == Direction::Back;
        let log = log_path(self.folder.path(), &unit.step, back, unit.generation, attempt);
        let last = last_logged(&log);
        match last.last() {
            Some(line) if self.disclosure.rows => {
                evidence.push(format!("the last it said was: {line}"));
                evidence.push(format!("all that it said is in {}", log.display()));
            }
            Some(_) => evidence.push(format!("what it said is in {}", log.display())),
            None => evidence.push("it had said nothing".to_owned()),
        }
        evidence
    }

    /// Whether a unit is a command's, as the journal has it.
    pub(in crate::engine) fn is_commands(&self, unit: &Unit) -> bool {
        self.recorder.look(|run| run.unit(unit).is_some_and(|state| state.runner.as_deref() == Some(COMMAND)))
    }
}

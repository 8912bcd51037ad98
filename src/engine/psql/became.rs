//! What became of a file: whether it ended the step's transaction by itself, and what is known after a stop.

use std::time::Duration;

use super::run::{PATIENCE, Try};
use super::said::Said;
use crate::engine::conductor::Conductor;
use crate::engine::stop::Stop;
use crate::pg::ledger::entry::{self, OTHER_TRANSACTION};
use crate::pg::ledger::fence;
use crate::pg::ledger::intent;
use crate::plan::model::{Runner, Transaction};
use crate::run::event::{Problem, Unit};
use crate::run::state::UnitPhase;

/// Nothing is written behind the step's own transaction.
pub(super) const READ_ONLY: &str = "25006";

impl Conductor {
    /// Whether the file ended the step's transaction by itself, so that the rest of it may be committed.
    pub(super) async fn ended_early(
        &self,
        unit: &Unit,
        this: &Try<'_>,
        said: &Said,
        problem: &Problem,
    ) -> Result<bool, Stop> {
        let seems = matches!(problem.sqlstate.as_deref(), Some(OTHER_TRANSACTION | READ_ONLY))
            || said.committed
            || (said.rolled_back && !this.savepoints);
        if self.epoch.is_none() {
            return Ok(seems);
        }
        let found = intent::latest(&mut *self.control.session().await, &self.run, unit).await?;
        let marked = found.is_some_and(|found| {
            found.attempt == this.intent.attempt && found.outcome.as_deref() == Some("applied")
        });
        Ok(marked || (seems && !this.told))
    }

    /// After a stop: what became of a file that psql ran. Says whether it is applied.
    pub(in crate::engine) async fn reconcile_psql(&mut self, unit: &Unit) -> Result<bool, Stop> {
        let (attempt, name) = self
            .recorder
            .look(|run| run.unit(unit).map(|state| (state.attempt, state.backend_start.clone())))
            .unwrap_or_default();
        let found = {
            let mut control = self.control.session().await;
            // It may have come to connect before it was ended, and work on by itself.
            fence::sessions_over(&mut control, &name, None, Duration::ZERO, PATIENCE).await?;
            if self.epoch.is_some() { intent::latest(&mut control, &self.run, unit).await? } else { None }
        };
        let Some(found) = found.filter(|found| found.attempt >= attempt) else {
            let evidence = vec!["no intent row: psql was never started".to_owned()];
            return self.reconciled(unit, false, evidence, None).await;
        };
        let single = crate::engine::rollback::step_for(&self.plan, &unit.step, unit.direction)
            .is_some_and(|step| step.runner == Runner::Psql && step.transaction == Transaction::Single);
        let in_ledger = single && entry::has(&mut *self.control.session().await, &self.run, unit).await?;
        let unknown =
            self.recorder.look(|run| run.unit(unit).is_some_and(|state| state.phase == UnitPhase::Unknown));
        match (found.outcome.as_deref(), single) {
            // Our mark was committed, and the ledger's row wasn't.
            (outcome, true) if !in_ledger && (outcome == Some("applied") || unknown) => {
                let evidence = vec![
                    "the file ended the step's transaction by itself: what stood before its COMMIT is committed, and there is \
                     no ledger row"
                        .to_owned(),
                ];
                self.rule(unit, evidence).await
            }
            (Some("applied"), _) => {
                let evidence = match single {
                    true => "its ledger row was committed with it",
                    false => "the result row says applied",
                };
                self.reconciled(unit, true, vec![evidence.to_owned()], None).await
            }
            (Some(_), _) => {
                self.reconciled(unit, false, vec!["the result row says failed".to_owned()], None).await
            }
            (None, true) => {
                let evidence = vec!["no ledger row: psql's transaction was never committed".to_owned()];
                self.bare_result(unit, found.attempt, false, "").await?;
                self.reconciled(unit, false, evidence, None).await
            }
            (None, false) => {
                let evidence = vec![
                    "the program stopped while psql ran the file, which isn't one transaction: how far psql came can't be \
                     asked"
                        .to_owned(),
                ];
                self.rule(unit, evidence).await
            }
        }
    }
}

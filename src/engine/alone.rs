//! One statement in a transaction of its own, with its ledger row: `transaction = "none"`, and what stands
//! between the transactions of a file.

use std::time::Instant;

use super::conductor::Conductor;
use super::heard::Broken;
use super::passage::Passage;
use super::problems::{COMMITS_INSIDE, DEADLOCK, LOCK_NOT_AVAILABLE};
use super::stop::Stop;
use super::unit::{Abandon, Outcome, marked, own, set_nonce};
use crate::crash;
use crate::run::event::{Problem, Unit};
use crate::script::Statement;

impl Conductor {
    /// One statement in a transaction of its own.
    pub(super) async fn run_alone(
        &mut self,
        passage: &mut Passage<'_>,
        unit: Unit,
        statement: Statement,
    ) -> Result<Result<(), Problem>, Stop> {
        let mut attempt = 1;
        loop {
            self.attention.begin_work();
            let began = Instant::now();
            self.unit_started(passage, &unit, attempt, &statement).await?;
            crash::point("after-started");
            let nonce = uuid::Uuid::now_v7().simple().to_string();
            let mut blockers = Vec::new();
            let step = passage.step;
            let sealed = self.alone(passage, &unit, &statement, &nonce, &mut blockers).await;
            let ready = match sealed {
                Ok(ready) => ready,
                Err(abandon) => {
                    let broken = match abandon {
                        Abandon::Stop(stop) => {
                            self.abort(&mut passage.work.session).await;
                            return Err(stop);
                        }
                        Abandon::Unverified(problem) => Broken::Script(Box::new(problem)),
                        Abandon::Broken(broken) => broken,
                    };
                    let lost = self.undo_after(&broken, &mut passage.work.session).await;
                    if lost.is_none() && commits_inside(&broken) {
                        // As psql runs it: outside of any transaction, where what it does can't be one with
                        // the ledger's row.
                        return self.run_bare(passage, unit, statement).await;
                    }
                    let again = matches!(&broken, Broken::Server { sqlstate, .. }
                        if sqlstate == LOCK_NOT_AVAILABLE || sqlstate == DEADLOCK);
                    if let Broken::Interrupted(why, problem) = broken {
                        return self.interrupted(&unit, why, *problem).await.map(Err);
                    }
                    let mut problem = broken.problem();
                    let repeatable = again && lost.is_none() && !statement.kind.copies_from_stdin();
                    if repeatable && attempt <= step.lock_retries {
                        if !self.lock_retry(&unit, attempt, step.lock_retries, &problem, blockers).await? {
                            attempt += 1;
                            continue;
                        }
                        problem.message = format!("{}; cancelled before the next try", problem.message);
                    }
                    return match self.failed(&unit, problem, lost).await? {
                        Outcome::Failed(problem) => Ok(Err(problem)),
                        Outcome::Applied => Ok(Ok(())),
                    };
                }
            };
            return match self
                .commit_as(&unit, &mut passage.work.session, (&marked("COMMIT"), None), ready, began)
                .await?
            {
                Outcome::Applied => Ok(Ok(())),
                Outcome::Failed(problem) => Ok(Err(problem)),
            };
        }
    }

    async fn alone(
        &mut self,
        passage: &mut Passage<'_>,
        unit: &Unit,
        statement: &Statement,
        nonce: &str,
        blockers: &mut Vec<crate::run::event::Blocker>,
    ) -> Result<super::unit::Ready, Abandon> {
        let lost = Broken::Lost;
        self.count_before(&mut passage.work.session).await?;
        own(&mut passage.work.session, "BEGIN").await.map_err(lost)?;
        own(&mut passage.work.session, &set_nonce(nonce)).await.map_err(lost)?;
        let ground = self.ground(passage.step);
        let (sent, tally, digest, written, made) = {
            let stream = self.stream(&mut passage.work.session, passage.step, &unit.step);
            let mut stream = stream.inside(nonce).on(&ground);
            stream.outlet = passage.outlet.take();
            let sent = stream.one(statement.clone(), &mut passage.script).await;
            blockers.clone_from(&stream.blockers);
            passage.unread = stream.unread;
            passage.outlet = stream.outlet.take();
            let made = std::mem::take(&mut stream.next);
            (sent, stream.tally.clone(), stream.digest(), stream.written, made)
        };
        self.record_written(unit, written).await?;
        sent?;
        passage.next.extend(made);
        crash::point("after-statements");
        self.still_ours(&passage.work.session)?;
        self.epilogue(&mut passage.work.session).await?;
        self.seal(passage.step, unit, &mut passage.work.session, nonce, tally, &digest).await
    }
}

/// A procedure or DO block that commits by itself, which it can't in the transaction that was tried first.
fn commits_inside(broken: &Broken) -> bool {
    matches!(broken, Broken::Server { sqlstate, .. } if sqlstate == COMMITS_INSIDE)
}

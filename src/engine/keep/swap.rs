//! Two databases change their names, in one transaction and with nobody in either.
//!
//! ```text
//!   who is in them is shown, and ended where the plan says so
//!   BEGIN → ALTER DATABASE … RENAME lets nobody in any more → our own sessions end → the other RENAME
//!      → owner, settings and privileges → J2 commit intent → COMMIT → J3 applied → our sessions are back
//! ```
//!
//! The lock of the run goes with the control session. Nobody can come in between: from the moment that the server lets
//! nobody in (`emptied`) until the names are decided whoever connects waits, and the lock is still ours at that moment.

use std::time::Instant;

use super::backup::Failed;
use super::beside::{Beside, refused};
use super::emptied::{NO_LOCK, Who, blocker};
use crate::crash;
use crate::engine::conductor::Conductor;
use crate::engine::control::is_lost;
use crate::engine::exit::Exit;
use crate::engine::in_the_way::who_is_in_the_way;
use crate::engine::problems;
use crate::engine::stop::Stop;
use crate::engine::unit::{Outcome, marked, millis, own, pause};
use crate::pg::activity::ours;
use crate::pg::ledger::fence;
use crate::pg::{PgError, Session, TransactionStatus, databases};
use crate::plan::model::{Action, Step};
use crate::run::event::{AppliedHow, Backend, Blocker, Event, Problem, Replacing, Touched, Unit};

/// The server undoes what we leave open, and lets people in again, when it hasn't heard of us for so long.
const UNHEARD: &str = "SET LOCAL idle_in_transaction_session_timeout = '15s'";

/// Why the names are as they were.
pub(super) enum Kept {
    /// Somebody is in one of the databases.
    InTheWay(Vec<Blocker>),
    Failed(Problem),
    /// A person cancelled it, and that is journaled.
    Cancelled(Problem),
    Stop(Stop),
}

impl From<Stop> for Kept {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<Failed> for Kept {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Problem(problem) => Self::Failed(*problem),
            Failed::Stop(stop) => Self::Stop(stop),
        }
    }
}

impl Conductor {
    /// Has the restored database take the target's name, trying again while somebody is in the way. Where that
    /// doesn't come about, it waits for the next try: what took so long isn't done again.
    pub(super) async fn swap(
        &mut self,
        step: &Step,
        unit: &Unit,
        beside: &Beside,
        away: &mut Session,
        begins: &(dyn Fn(u32, &Session) -> Event + Sync),
        began: Instant,
    ) -> Result<Outcome, Stop> {
        let mut attempt = 1;
        let problem = loop {
            self.attention.begin_work();
            let blockers = match self.change_names(step, unit, beside, away).await {
                Ok(()) => return self.commit_names(unit, beside, away, began).await,
                Err(Kept::Stop(stop)) => return Err(stop),
                Err(Kept::Cancelled(problem)) => {
                    self.note_copy(step, beside).await?;
                    return Ok(Outcome::Failed(problem));
                }
                Err(Kept::Failed(problem)) => break problem,
                Err(Kept::InTheWay(blockers)) => blockers,
            };
            let mut problem =
                problems::plain(format!("{} can't change its name: somebody is in the way", beside.database));
            who_is_in_the_way(step, &blockers, &mut problem);
            if attempt > step.lock_retries {
                break problem;
            }
            let pause = pause(attempt);
            self.record(Event::LockRetry {
                unit: unit.clone(),
                attempt,
                of: step.lock_retries,
                pause_ms: millis(pause),
                place: None,
                blockers,
            })
            .await?;
            if self.pause(pause).await? {
                problem.message = format!("{}; cancelled before the next try", problem.message);
                break problem;
            }
            attempt += 1;
            self.record(begins(attempt, away)).await?;
        };
        self.note_copy(step, beside).await?;
        self.failed(unit, waits(problem, beside), None).await
    }

    /// All rows stand in it: whoever reads the evidence has to know that it is there.
    async fn note_copy(&mut self, step: &Step, beside: &Beside) -> Result<(), Stop> {
        let what = format!("what was restored waits in the database {} for the next try", beside.new);
        self.record(Event::Deviation { step: Some(step.id.clone()), what }).await
    }

    /// Everything up to the COMMIT, which is open afterwards. Where it fails, nothing has changed and our
    /// sessions are back.
    async fn change_names(
        &mut self,
        step: &Step,
        unit: &Unit,
        beside: &Beside,
        away: &mut Session,
    ) -> Result<(), Kept> {
        let who = match &step.action {
            Action::Restore(restore) if restore.end_sessions => Who::Everybody,
            _ => Who::Ours,
        };
        self.no_obstacle(away).await?;
        let (others, prepared) = self.others_in(away, beside).await?;
        if !prepared.is_empty() || (who == Who::Ours && !others.is_empty()) {
            return Err(Kept::InTheWay(others.iter().map(blocker).chain(prepared).collect()));
        }
        self.announce(&others).await?;
        let mut guard = self.session_aside().await?;
        // In use: its end is no loss of the lock.
        let control = self.control.hold().await;
        let changed = self.rename_both(step, beside, (away, &mut guard), who, &others).await;
        drop(guard);
        let ready = match changed {
            Ok(xid) => self.intend(unit, beside, xid).await,
            Err(kept) => Err(kept),
        };
        let Err(kept) = ready else {
            crash::point("after-commit-intent");
            return Ok(());
        };
        let lost = self.abort(away).await;
        drop(control);
        let back = self.come_back().await;
        Err(match (kept, lost, back) {
            (Kept::Stop(stop), ..) => Kept::Stop(stop),
            (_, _, Err(stop)) => Kept::Stop(stop),
            (_, Some(error), _) => Kept::Stop(error.into()),
            (kept, ..) => kept,
        })
    }

    /// What the journal has to know before the COMMIT, unless somebody wants it to stop here.
    async fn intend(&mut self, unit: &Unit, beside: &Beside, xid: Option<String>) -> Result<(), Kept> {
        if let Some(why) = self.attention.standing() {
            let problem = problems::plain("stopped before the databases changed their names");
            return Err(match self.interrupted(unit, why, waits(problem, beside)).await {
                Ok(problem) => Kept::Cancelled(problem),
                Err(stop) => Kept::Stop(stop),
            });
        }
        let replacing = Replacing {
            unit: unit.clone(),
            database: beside.database.clone(),
            oid: beside.new_oid,
            aside: beside.old.clone(),
            aside_oid: beside.oid,
        };
        self.record(Event::DatabaseReplacing(Box::new(replacing))).await?;
        self.record(Event::CommitIntent { unit: unit.clone(), xid }).await?;
        Ok(())
    }

    /// COMMIT, sent alone, and what came of it.
    async fn commit_names(
        &mut self,
        unit: &Unit,
        beside: &Beside,
        away: &mut Session,
        began: Instant,
    ) -> Result<Outcome, Stop> {
        match away.batch(&marked("COMMIT")).await {
            Ok(done) if done.last().is_some_and(|done| done.tag == "COMMIT") => {}
            Ok(_) => {
                self.come_back().await?;
                let problem = problems::plain("COMMIT was answered with ROLLBACK: the server undid it");
                return self.failed(unit, waits(problem, beside), None).await;
            }
            Err(error) if is_lost(&error) => {
                tracing::error!(%error, "connection lost while databases change their names");
                return self.reconcile_commit(unit, &error).await;
            }
            Err(error) => {
                self.come_back().await?;
                let problem = problems::at_commit(problems::of_pg(&error, self.disclosure));
                return self.failed(unit, waits(problem, beside), None).await;
            }
        }
        crash::point("after-commit");
        // Whatever was in a table, another is there now.
        let another = |relation: &String| Touched {
            relation: relation.clone(),
            lock: "AccessExclusive".into(),
            inserted: 0,
            updated: 0,
            deleted: 0,
            at_most: false,
        };
        self.record(Event::UnitApplied {
            unit: unit.clone(),
            how: AppliedHow::Confirmed,
            statements: 0,
            rows: 0,
            warnings: 0,
            elapsed_ms: millis(began.elapsed()),
            touched: beside.tables.iter().map(another).collect(),
        })
        .await?;
        crash::point("after-applied");
        // It is restored, whatever keeps us out now.
        self.come_back().await.map_err(|stop| Stop::Left {
            exit: Exit::Unreachable,
            why: format!(
                "{} is restored, and the run couldn't take its lock again: {}. `holdpoint resume` goes on behind the restore",
                beside.database,
                stop.to_string().trim_end_matches('.')
            ),
        })?;
        Ok(Outcome::Applied)
    }

    /// Sessions of ours in whichever database has the target's name, and the lock with them.
    async fn come_back(&mut self) -> Result<(), Stop> {
        self.reach_again().await.map_err(|stop| match stop {
            Stop::Refused { why } => Stop::LockLost(why),
            other => other,
        })?;
        let Some(epoch) = self.epoch else { return Ok(()) };
        let mut control = self.control.session().await;
        if fence::is_held(&mut control, &self.run, epoch).await? {
            return Ok(());
        }
        Err(Stop::LockLost("another holdpoint has taken this database over meanwhile".into()))
    }

    /// Both renames and what belongs to the name, with nobody left in the databases. The transaction's id.
    async fn rename_both(
        &mut self,
        step: &Step,
        beside: &Beside,
        (away, guard): (&mut Session, &mut Session),
        who: Who,
        others: &[Backend],
    ) -> Result<Option<String>, Kept> {
        let most = step.lock_timeout.as_millis();
        own(away, &format!("BEGIN; SET LOCAL lock_timeout = {most}; {UNHEARD}")).await.map_err(refused)?;
        let target = (beside.database.as_str(), beside.oid);
        self.rename(target, &beside.old, (&mut *away, &mut *guard), who, others).await?;
        let new = (beside.new.as_str(), beside.new_oid);
        self.rename(new, &beside.database, (&mut *away, &mut *guard), who, others).await?;
        settle(away, &beside.settles).await.map_err(Failed::from)?;
        let xid = away.query("SELECT pg_catalog.txid_current()", &[]).await.map_err(refused)?;
        match away.transaction() {
            TransactionStatus::InTransaction => Ok(xid.scalar().map(str::to_owned)),
            _ => Err(Kept::Failed(problems::plain("the transaction is no longer open"))),
        }
    }

    /// Sessions in the databases that aren't ours, and prepared transactions, which nobody can end.
    async fn others_in(
        &mut self,
        away: &mut Session,
        beside: &Beside,
    ) -> Result<(Vec<Backend>, Vec<Blocker>), Failed> {
        let oids = [beside.oid, beside.new_oid];
        let mut others = databases::sessions_in(away, &oids).await.map_err(refused)?;
        others.retain(|backend| ours(&self.target, &backend.application).is_none());
        let prepared = databases::prepared_in(away, &beside.database).await.map_err(refused)?;
        let prepared = prepared.into_iter().map(|(gid, user)| Blocker {
            pid: 0,
            user,
            application: gid,
            state: "prepared".into(),
            since_ms: None,
            relation: Some(format!("the database {}", beside.database)),
            mode: None,
        });
        Ok((others, prepared.collect()))
    }
}

/// Owner, settings, privileges and comment of the database, under its name. Where one is refused, which.
pub(super) async fn settle(away: &mut Session, settles: &[String]) -> Result<(), Unsettled> {
    for sql in settles {
        own(away, sql).await.map_err(|error| Unsettled { error, what: sql.clone() })?;
    }
    Ok(())
}

/// What of it was refused, and why.
pub(super) struct Unsettled {
    error: PgError,
    what: String,
}

impl Unsettled {
    /// It wasn't refused: somebody has it locked.
    pub(super) fn is_locked(&self) -> bool {
        self.error.sqlstate() == Some(NO_LOCK)
    }
}

impl From<Unsettled> for Failed {
    fn from(unsettled: Unsettled) -> Self {
        match refused(unsettled.error) {
            Self::Problem(mut problem) => {
                let what = unsettled.what.lines().next().unwrap_or_default();
                problem.message = format!("{what}: {}", problem.message);
                Self::Problem(problem)
            }
            stop => stop,
        }
    }
}

fn waits(mut problem: Problem, beside: &Beside) -> Problem {
    problem.consequence.get_or_insert_with(|| {
        format!(
            "{} is as it was; what was restored waits in {} for the next try (drop it when there is none)",
            beside.database, beside.new
        )
    });
    problem
}

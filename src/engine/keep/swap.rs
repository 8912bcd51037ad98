//! Two databases change their names, in one transaction and with nobody in either.
//!
//! ```text
//!   who is in them is shown, and ended where the plan says so
//!   BEGIN → ALTER DATABASE … RENAME lets nobody in any more → our own sessions end → the other RENAME
//!      → owner, settings and privileges → J2 commit intent → COMMIT → J3 applied → our sessions are back
//! ```
//!
//! The lock of the run goes with the control session. Nobody can come in between: whoever connects waits until the
//! names are decided. That nobody did is seen afterwards by the fence.

use std::time::{Duration, Instant};

use super::backup::Failed;
use super::beside::{Beside, refused, untouched};
use crate::crash;
use crate::engine::conductor::Conductor;
use crate::engine::control::is_lost;
use crate::engine::in_the_way::who_is_in_the_way;
use crate::engine::problems;
use crate::engine::stop::Stop;
use crate::engine::unit::{Outcome, marked, millis, own, pause};
use crate::pg::activity::ours;
use crate::pg::ledger::fence;
use crate::pg::{Session, TransactionStatus, backends, databases};
use crate::plan::model::{Action, Step};
use crate::run::event::{
    AppliedHow, Assurance, Backend, BackendEnd, BackendOutcome, Blocker, Event, Person, Problem, Replacing,
    Touched, Unit,
};

/// Between two looks at who is still there.
const BETWEEN: Duration = Duration::from_millis(20);
/// SQLSTATE of a database that somebody is in, and of a lock that wasn't to be had.
const IN_THE_WAY: [&str; 2] = ["55006", "55P03"];

/// What came of it.
pub(super) enum Swapped {
    Done,
    /// Somebody stays in the database.
    InTheWay(Problem),
    Failed(Problem),
}

impl From<Outcome> for Swapped {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Applied => Self::Done,
            Outcome::Failed(problem) => Self::Failed(problem),
        }
    }
}

/// Why the names are as they were.
enum Kept {
    /// Somebody is in one of the databases.
    InTheWay(Vec<Blocker>),
    Failed(Problem),
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
    /// Has the restored database take the target's name, trying again while somebody is in the way.
    pub(super) async fn swap(
        &mut self,
        step: &Step,
        unit: &Unit,
        beside: &Beside,
        away: &mut Session,
        begins: &(dyn Fn(u32, &Session) -> Event + Sync),
        began: Instant,
    ) -> Result<Swapped, Stop> {
        let mut attempt = 1;
        loop {
            self.attention.begin_work();
            let blockers = match self.change_names(step, unit, beside, away).await {
                Ok(()) => return self.commit_names(unit, beside, away, began).await.map(Into::into),
                Err(Kept::Stop(stop)) => return Err(stop),
                Err(Kept::Failed(problem)) => {
                    return self.failed(unit, untouched(problem), None).await.map(Into::into);
                }
                Err(Kept::InTheWay(blockers)) => blockers,
            };
            let mut problem =
                problems::plain(format!("{} can't change its name: somebody is in it", beside.database));
            if attempt <= step.lock_retries {
                let pause = pause(attempt);
                self.record(Event::LockRetry {
                    unit: unit.clone(),
                    attempt,
                    of: step.lock_retries,
                    pause_ms: millis(pause),
                    place: None,
                    blockers: blockers.clone(),
                })
                .await?;
                if !self.pause(pause).await? {
                    attempt += 1;
                    self.record(begins(attempt, away)).await?;
                    continue;
                }
                problem.message = format!("{}; cancelled before the next try", problem.message);
            }
            who_is_in_the_way(step, &blockers, &mut problem);
            problem.consequence = Some(format!(
                "the database is as it was; what was restored waits in {} for the next try (drop it when there is none)",
                beside.new
            ));
            return Ok(match self.failed(unit, problem, None).await? {
                Outcome::Applied => Swapped::Done,
                Outcome::Failed(problem) => Swapped::InTheWay(problem),
            });
        }
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
        let ends = matches!(&step.action, Action::Restore(restore) if restore.end_sessions);
        let others = self.others_in(away, beside).await?;
        if !ends && !others.is_empty() {
            return Err(Kept::InTheWay(others));
        }
        let mut guard = self.session_aside().await?;
        // In use: its end is no loss of the lock.
        let control = self.control.hold().await;
        let changed = self.rename_both(step, beside, away, &mut guard, ends).await;
        guard.close().await;
        let stopped = match changed {
            Ok(()) => match self.attention.standing() {
                None => None,
                Some(why) => {
                    let problem = problems::plain("stopped before the databases changed their names");
                    Some(match self.interrupted(unit, why, untouched(problem)).await {
                        Ok(problem) => Kept::Failed(problem),
                        Err(stop) => Kept::Stop(stop),
                    })
                }
            },
            Err(kept) => Some(kept),
        };
        if let Some(kept) = stopped {
            let lost = self.abort(away).await;
            drop(control);
            self.come_back().await?;
            return Err(match lost {
                Some(error) => Kept::Stop(error.into()),
                None => kept,
            });
        }
        let replacing = Replacing {
            unit: unit.clone(),
            database: beside.database.clone(),
            oid: beside.new_oid,
            aside: beside.old.clone(),
            aside_oid: beside.oid,
        };
        let xid = away.query("SELECT pg_catalog.txid_current()", &[]).await.map_err(refused)?;
        let xid = xid.scalar().map(str::to_owned);
        let mut intended = self.record(Event::DatabaseReplacing(Box::new(replacing))).await;
        if intended.is_ok() {
            intended = self.record(Event::CommitIntent { unit: unit.clone(), xid }).await;
        }
        if let Err(stop) = intended {
            // The journal doesn't know of a COMMIT, so there must be none.
            self.abort(away).await;
            return Err(stop.into());
        }
        crash::point("after-commit-intent");
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
                return self.failed(unit, untouched(problem), None).await;
            }
            Err(error) if is_lost(&error) => {
                tracing::error!(%error, "connection lost while databases change their names");
                return self.reconcile_commit(unit, &error).await;
            }
            Err(error) => {
                self.come_back().await?;
                let problem = problems::at_commit(problems::of_pg(&error, self.disclosure));
                return self.failed(unit, untouched(problem), None).await;
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
        self.come_back().await?;
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

    /// Both renames and what belongs to the name, with nobody left in the databases.
    async fn rename_both(
        &mut self,
        step: &Step,
        beside: &Beside,
        away: &mut Session,
        guard: &mut Session,
        ends: bool,
    ) -> Result<(), Kept> {
        let most = step.lock_timeout.as_millis();
        own(away, &format!("BEGIN; SET LOCAL lock_timeout = {most}")).await.map_err(refused)?;
        self.rename((&beside.database, beside.oid), &beside.old, away, guard, ends).await?;
        self.rename((&beside.new, beside.new_oid), &beside.database, away, guard, ends).await?;
        for sql in &beside.settles {
            if let Err(error) = own(away, sql).await {
                let what = sql.split('\n').next().unwrap_or_default();
                let Failed::Problem(mut problem) = refused(error) else {
                    return Err(Kept::Failed(problems::plain("the connection to the server is lost")));
                };
                problem.message = format!("{what}: {}", problem.message);
                return Err(Kept::Failed(*problem));
            }
        }
        match away.transaction() {
            TransactionStatus::InTransaction => Ok(()),
            _ => Err(Kept::Failed(problems::plain("the transaction is no longer open"))),
        }
    }

    /// The server waits for whoever is in the database, and lets nobody in meanwhile: now ours go, and where the
    /// plan says so the others.
    async fn rename(
        &mut self,
        (database, oid): (&str, u32),
        to: &str,
        away: &mut Session,
        guard: &mut Session,
        ends: bool,
    ) -> Result<(), Kept> {
        let pid = away.pid();
        let sql = databases::rename(database, to);
        let renaming = own(away, &sql);
        tokio::pin!(renaming);
        let (mut shut, mut ended) = (false, Vec::<(Backend, Instant)>::new());
        let renamed = loop {
            tokio::select! {
                biased;
                renamed = &mut renaming => break renamed,
                () = tokio::time::sleep(BETWEEN) => {}
            }
            if !shut {
                shut = databases::is_shut_by(guard, oid, pid).await.unwrap_or_default();
                continue;
            }
            let there = databases::sessions_in(guard, &[oid]).await.unwrap_or_default();
            for backend in there {
                let is_ours = ours(&self.target, &backend.application).is_some();
                if ended.iter().any(|(told, _)| is_same(told, &backend)) || !(is_ours || ends) {
                    continue;
                }
                if !is_ours {
                    let by = Person { name: "the plan".into(), how: Assurance::Policy };
                    let what = BackendEnd::Terminate;
                    self.record(Event::BackendEnding { backend: backend.clone(), what, by }).await?;
                }
                if let Err(error) = backends::tell(guard, &backend, BackendEnd::Terminate).await {
                    tracing::warn!(%error, pid = backend.pid, "a session can't be ended");
                }
                ended.push((backend, Instant::now()));
            }
        };
        let there = match &renamed {
            Ok(_) => Vec::new(),
            Err(_) => databases::sessions_in(guard, &[oid]).await.unwrap_or_default(),
        };
        for (backend, since) in ended {
            if ours(&self.target, &backend.application).is_some() {
                continue;
            }
            let stays = there.iter().any(|one| is_same(one, &backend));
            self.record(Event::BackendEnded {
                pid: backend.pid,
                backend_start: backend.backend_start,
                what: BackendEnd::Terminate,
                outcome: if stays { BackendOutcome::Refused } else { BackendOutcome::Done },
                why: stays
                    .then(|| "it is still there: the role may not end it (pg_signal_backend)".to_owned()),
                elapsed_ms: millis(since.elapsed()),
            })
            .await?;
        }
        match renamed {
            Ok(_) => Ok(()),
            Err(error) if error.sqlstate().is_some_and(|state| IN_THE_WAY.contains(&state)) => {
                match there.iter().find(|one| ours(&self.target, &one.application).is_some()) {
                    Some(own) => Err(Kept::Failed(self.own_stays(own))),
                    None => Err(Kept::InTheWay(there.iter().map(blocker).collect())),
                }
            }
            Err(error) => Err(refused(error).into()),
        }
    }

    /// A session of ours that logs in as somebody else.
    fn own_stays(&self, own: &Backend) -> Problem {
        let (pid, role) = (own.pid, self.target.user());
        let mut problem = problems::plain(format!(
            "role {role} may not end holdpoint's own session {pid} ({}, as {}), and the database can't change its name \
             while that is in it",
            own.application, own.user
        ));
        problem.hint = Some(format!(
            "GRANT pg_signal_backend TO {role}, then retry; or resume without the cockpit (--plain)"
        ));
        problem
    }

    /// Sessions and prepared transactions in the databases that aren't ours.
    async fn others_in(&mut self, away: &mut Session, beside: &Beside) -> Result<Vec<Blocker>, Failed> {
        let oids = [beside.oid, beside.new_oid];
        let there = databases::sessions_in(away, &oids).await.map_err(refused)?;
        let not_ours = there.iter().filter(|backend| ours(&self.target, &backend.application).is_none());
        let mut others: Vec<Blocker> = not_ours.map(blocker).collect();
        let prepared = databases::prepared_in(away, &beside.database).await.map_err(refused)?;
        others.extend(prepared.into_iter().map(|(gid, user)| Blocker {
            pid: 0,
            user,
            application: gid,
            state: "prepared".into(),
            since_ms: None,
            relation: Some(format!("the database {}", beside.database)),
            mode: None,
        }));
        Ok(others)
    }
}

fn is_same(one: &Backend, other: &Backend) -> bool {
    (one.pid, &one.backend_start) == (other.pid, &other.backend_start)
}

fn blocker(backend: &Backend) -> Blocker {
    let in_it = format!("the database {}", backend.database);
    Blocker {
        pid: backend.pid,
        user: backend.user.clone(),
        application: backend.application.clone(),
        state: backend.state.clone(),
        since_ms: backend.since_ms,
        relation: Some(in_it),
        mode: None,
    }
}

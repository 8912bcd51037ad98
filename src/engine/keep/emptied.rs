//! A database gives its name away: the server lets nobody in any more, and whoever is in it goes.

use std::future::Future;
use std::time::{Duration, Instant};

use super::beside::refused;
use super::swap::Kept;
use crate::engine::conductor::Conductor;
use crate::engine::problems;
use crate::engine::stop::Stop;
use crate::engine::unit::{millis, own};
use crate::pg::activity::ours;
use crate::pg::blockers::blockers;
use crate::pg::ledger::fence;
use crate::pg::{Session, databases};
use crate::run::event::{Assurance, Backend, BackendEnd, BackendOutcome, Blocker, Event, Person, Problem};

/// Between two looks at who is still there.
const BETWEEN: Duration = Duration::from_millis(20);
/// For an answer about them: nobody gets in meanwhile.
const QUICK: Duration = Duration::from_secs(2);
/// SQLSTATE of a database that somebody is in, and of a lock that wasn't to be had.
const IN_USE: &str = "55006";
pub(super) const NO_LOCK: &str = "55P03";

/// Who may be told to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Ours,
    /// The plan says so.
    Everybody,
}

/// What was told to sessions of others, and when.
type Told = Vec<(Backend, Instant)>;

impl Conductor {
    /// Journals that these are about to be ended: before the database is shut, where nobody waits for it.
    pub(super) async fn announce(&mut self, backends: &[Backend]) -> Result<(), Stop> {
        for backend in backends {
            let by = Person { name: "the plan".into(), how: Assurance::Policy };
            let what = BackendEnd::Terminate;
            self.record(Event::BackendEnding { backend: backend.clone(), what, by }).await?;
        }
        Ok(())
    }

    /// The rename in the open transaction of `away`, which waits for whoever is in the database. `announced` are
    /// told to go as soon as nobody gets in any more.
    pub(super) async fn rename(
        &mut self,
        (database, oid): (&str, u32),
        to: &str,
        (away, guard): (&mut Session, &mut Session),
        who: Who,
        announced: &[Backend],
    ) -> Result<(), Kept> {
        let pid = away.pid();
        let sql = databases::rename(database, to);
        let renaming = own(away, &sql);
        tokio::pin!(renaming);
        let mut shut = false;
        let mut holders = Vec::new();
        let mut told: Told = Vec::new();
        // Whatever happens: not left before the server has answered, or nothing could end its transaction.
        let mut broken = None;
        let renamed = loop {
            tokio::select! {
                biased;
                renamed = &mut renaming => break renamed,
                () = tokio::time::sleep(BETWEEN) => {}
            }
            if broken.is_some() {
                continue;
            }
            if !shut {
                shut = quick(databases::is_shut_by(guard, oid, pid)).await.unwrap_or_default();
                if !shut && let Some(found) = quick(blockers(guard, pid)).await {
                    holders = if found.is_empty() { holders } else { found };
                }
                if shut {
                    broken = self.has_lost_the_lock(guard, oid).await;
                }
                continue;
            }
            if let Err(stop) = self.send_away(guard, oid, who, announced, &mut told).await {
                broken = Some(stop);
            }
        };
        let there = match &renamed {
            Ok(_) => Vec::new(),
            Err(_) => quick(databases::sessions_in(guard, &[oid])).await.unwrap_or_default(),
        };
        self.record_gone(told, &there).await?;
        if let Some(stop) = broken {
            return Err(Kept::Stop(stop));
        }
        match renamed {
            Ok(_) => Ok(()),
            Err(error) if error.sqlstate() == Some(NO_LOCK) => Err(Kept::InTheWay(holders)),
            Err(error) if error.sqlstate() == Some(IN_USE) => {
                let own_one = there.iter().find(|one| ours(&self.target, &one.application).is_some());
                match own_one.filter(|_| shut) {
                    Some(own) => Err(Kept::Failed(self.own_stays(own))),
                    None => Err(Kept::InTheWay(there.iter().map(blocker).collect())),
                }
            }
            Err(error) => Err(refused(error).into()),
        }
    }

    /// Nobody gets in any more. Whoever had taken the lock of the run before that would be in there with it.
    async fn has_lost_the_lock(&self, guard: &mut Session, oid: u32) -> Option<Stop> {
        // The restored database has no lock.
        let is_target = quick(databases::oid(guard, self.target.database())).await == Some(Some(oid));
        if !is_target {
            return None;
        }
        match quick(fence::holds_lock_in(guard, oid, self.control.pid)).await {
            Some(true) => None,
            _ => Some(Stop::LockLost(
                "the control session was ended before the databases changed names".into(),
            )),
        }
    }

    async fn send_away(
        &mut self,
        guard: &mut Session,
        oid: u32,
        who: Who,
        announced: &[Backend],
        told: &mut Told,
    ) -> Result<(), Stop> {
        let there = quick(databases::sessions_in(guard, &[oid])).await.unwrap_or_default();
        let mut pids = Vec::new();
        for backend in there {
            if ours(&self.target, &backend.application).is_some() {
                pids.push(backend.pid);
            } else if who == Who::Everybody {
                pids.push(backend.pid);
                if !told.iter().any(|(one, _)| is_same(one, &backend)) {
                    if !announced.iter().any(|one| is_same(one, &backend)) {
                        self.announce(std::slice::from_ref(&backend)).await?;
                    }
                    told.push((backend, Instant::now()));
                }
            }
        }
        if !pids.is_empty() && quick(databases::end(guard, oid, &pids)).await.is_none() {
            tracing::warn!(?pids, "sessions can't be ended");
        }
        Ok(())
    }

    async fn record_gone(&mut self, told: Told, there: &[Backend]) -> Result<(), Stop> {
        for (backend, since) in told {
            let stays = there.iter().any(|one| is_same(one, &backend));
            self.record(Event::BackendEnded {
                pid: backend.pid,
                backend_start: backend.backend_start,
                what: BackendEnd::Terminate,
                outcome: if stays { BackendOutcome::Refused } else { BackendOutcome::Done },
                why: stays.then(|| "it was told to, and is still there".to_owned()),
                elapsed_ms: millis(since.elapsed()),
            })
            .await?;
        }
        Ok(())
    }

    /// A session of ours that can't be ended: it logs in as somebody else.
    fn own_stays(&self, own: &Backend) -> Problem {
        let (pid, role) = (own.pid, self.target.user());
        let mut problem = problems::plain(format!(
            "holdpoint's own session {pid} ({}, as {}) isn't ended by role {role}, and the database can't change its \
             name while that is in it",
            own.application, own.user
        ));
        problem.hint = Some(format!(
            "GRANT pg_signal_backend, pg_read_all_stats TO {role}, then retry; or leave the cockpit and resume with --plain"
        ));
        problem
    }
}

/// The answer, if there is one in time.
async fn quick<T, E>(asked: impl Future<Output = Result<T, E>>) -> Option<T> {
    tokio::time::timeout(QUICK, asked).await.ok().and_then(Result::ok)
}

fn is_same(one: &Backend, other: &Backend) -> bool {
    (one.pid, &one.backend_start) == (other.pid, &other.backend_start)
}

/// A session that keeps a database from its new name.
pub(super) fn blocker(backend: &Backend) -> Blocker {
    Blocker {
        pid: backend.pid,
        user: backend.user.clone(),
        application: backend.application.clone(),
        state: backend.state.clone(),
        since_ms: backend.since_ms,
        relation: Some(format!("the database {}", backend.database)),
        mode: None,
    }
}

//! Sessions that keep a restore from its locks: shown, and ended only where the plan says so.
//!
//! Whoever stands in the way of another script has work of his own, and is waited for. A restore takes the whole
//! database back: what those sessions do is thrown away with it.

use super::backends::ended;
use super::conductor::Conductor;
use super::stop::Stop;
use crate::pg::PgError;
use crate::plan::model::{Action, Step};
use crate::run::event::{Assurance, Backend, BackendEnd, Blocker, Event, Person, Problem};

/// A session as it stands now, by its pid; none of ours, and of this database.
const FIND: &str = "SELECT a.backend_start::text, a.usename, a.datname, a.application_name, \
     coalesce(pg_catalog.host(a.client_addr), ''), coalesce(a.state, ''), \
     (extract(epoch FROM pg_catalog.clock_timestamp() - a.state_change) * 1000)::int8::text \
     FROM pg_catalog.pg_stat_activity a WHERE a.pid = $1::int4 AND a.datname = pg_catalog.current_database() \
     AND a.application_name NOT LIKE 'holdpoint %'";

impl Conductor {
    /// Ends those that were seen in the way, where the plan says so. Each is looked at again before.
    pub(super) async fn clear_the_way(&mut self, step: &Step, blockers: &[Blocker]) -> Result<(), Stop> {
        if !matches!(&step.action, Action::Restore(restore) if restore.end_sessions) {
            return Ok(());
        }
        for blocker in blockers.iter().filter(|blocker| blocker.pid != 0) {
            let Some(backend) = self.session_of(blocker.pid).await? else { continue };
            let what = BackendEnd::Terminate;
            let by = Person { name: "the plan".into(), how: Assurance::Policy };
            self.record(Event::BackendEnding { backend: backend.clone(), what, by }).await?;
            let event = ended(backend, what, &self.target).await;
            self.record(event).await?;
        }
        Ok(())
    }

    async fn session_of(&mut self, pid: i32) -> Result<Option<Backend>, PgError> {
        let rows = self.look.query(FIND, &[Some(&pid.to_string())]).await?.rows;
        Ok(rows.into_iter().next().map(|row| {
            let mut cells = row.into_iter();
            let mut next = || cells.next().flatten().unwrap_or_default();
            Backend {
                pid,
                backend_start: next(),
                user: next(),
                database: next(),
                application: next(),
                client: next(),
                state: next(),
                since_ms: next().parse().ok(),
            }
        }))
    }
}

/// A restore that found no way: who stands there, and what can be done about them.
pub(super) fn who_is_in_the_way(step: &Step, blockers: &[Blocker], problem: &mut Problem) {
    if !matches!(step.action, Action::Restore(_)) || blockers.is_empty() {
        return;
    }
    let who = |blocker: &Blocker| match blocker.pid {
        0 => format!("the prepared transaction {}", blocker.application),
        pid => format!("pid {pid} ({}, {})", blocker.application, blocker.state),
    };
    let who: Vec<String> = blockers.iter().map(who).collect();
    let itself = match &step.action {
        Action::Restore(restore) if !restore.end_sessions => {
            "; a restore whose plan says end_sessions = true does it itself"
        }
        _ => "",
    };
    problem.hint = Some(format!(
        "in the way: {}. They aren't ended by themselves: end them (K in the cockpit's Activity, or SELECT \
         pg_terminate_backend(PID); ROLLBACK PREPARED for a prepared transaction) and retry{itself}",
        who.join(", ")
    ));
}

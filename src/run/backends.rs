//! Sessions of others that a person wants to be rid of: whether that is allowed, and what came of it.

use super::event::{Backend, BackendEnd, BackendOutcome, Person};
use super::gate::{Refused, no};
use super::state::Run;
use super::step::Why;

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub struct EndedBackend {
    pub backend: Backend,
    pub what: BackendEnd,
    pub by: Person,
    /// `None`: it isn't known (yet).
    pub outcome: Option<BackendOutcome>,
    pub why: Option<String>,
}

/// The name that every session of this program has by default begins so.
pub const OURS: &str = "holdpoint ";

/// Whether a person may end `backend`. The engine looks again before it does anything.
pub(super) fn may_end(run: &Run, backend: &Backend, what: BackendEnd) -> Result<(), Refused> {
    let pid = backend.pid;
    if pid == 0 {
        return no("a prepared transaction has no session: COMMIT PREPARED or ROLLBACK PREPARED ends it");
    }
    if backend.application.starts_with(OURS) {
        return no(format!(
            "pid {pid} is a session of holdpoint itself: x cancels the statement of the step"
        ));
    }
    if backend.backend_start.is_empty() {
        return no(format!(
            "this role can't see when the session of pid {pid} began, so that another one could be hit: \
             it needs pg_read_all_stats, which is in pg_monitor"
        ));
    }
    let idle = backend.state.starts_with("idle");
    if what == BackendEnd::Cancel && idle {
        return no(format!(
            "pid {pid} is {}: no statement of it runs that could be cancelled",
            backend.state
        ));
    }
    let again = |ended: &&EndedBackend| {
        is(ended, (pid, &backend.backend_start, what)) && ended.outcome.is_none() && ended.why.is_none()
    };
    if run.backends.iter().any(|ended| again(&ended)) {
        return no(format!("pid {pid}: that is under way already"));
    }
    Ok(())
}

fn is(ended: &EndedBackend, (pid, start, what): (i32, &str, BackendEnd)) -> bool {
    ended.backend.pid == pid && ended.backend.backend_start == start && ended.what == what
}

impl Run {
    pub(super) fn backend_ending(
        &mut self,
        backend: &Backend,
        what: BackendEnd,
        by: &Person,
    ) -> Result<(), Why> {
        // A process that died with it under way leaves it open; another may ask again.
        self.backends.push(EndedBackend {
            backend: backend.clone(),
            what,
            by: by.clone(),
            outcome: None,
            why: None,
        });
        Ok(())
    }

    pub(super) fn backend_ended(
        &mut self,
        of: (i32, &str, BackendEnd),
        outcome: BackendOutcome,
        why: Option<&str>,
    ) -> Result<(), Why> {
        let found = self.backends.iter_mut().rev().find(|ended| is(ended, of) && ended.outcome.is_none());
        let Some(ended) = found else {
            return Err(format!("nobody asked to end the session of pid {}", of.0));
        };
        ended.outcome = Some(outcome);
        ended.why = why.map(str::to_owned);
        Ok(())
    }
}

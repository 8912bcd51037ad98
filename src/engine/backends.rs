//! Does away with sessions of others, one after the other, as people asked for it: each is looked at again
//! before, and what came of it is journaled.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::recorder::WeakRecorder;
use super::unit::millis;
use crate::pg::backends::{Stands, stands, tell};
use crate::pg::measure::MeasureError;
use crate::pg::{ConnectConfig, Session};
use crate::run::command::{Command, Wish};
use crate::run::event::{Backend, BackendEnd, BackendOutcome, Event};

/// Until what was told has to be done; afterwards it may still come.
const PATIENCE: Duration = Duration::from_secs(5);
const BETWEEN: Duration = Duration::from_millis(50);
/// For a session to do it with, and for each of its answers.
const LIMIT: Duration = Duration::from_secs(10);

/// Serves until nobody can ask any more.
pub async fn serve(
    mut asked: mpsc::UnboundedReceiver<Command>,
    target: ConnectConfig,
    recorder: WeakRecorder,
) {
    while let Some(command) = asked.recv().await {
        let Wish::EndBackend { backend, what } = command.what else { continue };
        // Another one needn't wait until this one has gone.
        tokio::spawn(end(backend, what, target.clone(), recorder.clone()));
    }
}

async fn end(backend: Backend, what: BackendEnd, target: ConnectConfig, recorder: WeakRecorder) {
    let pid = backend.pid;
    let event = ended(backend, what, &target).await;
    let recorded = match recorder.upgrade() {
        Some(recorder) => recorder.record(event).await.map(drop).map_err(|error| error.to_string()),
        None => Err("the run was let go of meanwhile".to_owned()),
    };
    if let Err(error) = recorded {
        tracing::warn!(%error, pid, "journaling what came of another session");
    }
}

/// Looks again, does it, and says what came of it.
pub(super) async fn ended(backend: Backend, what: BackendEnd, target: &ConnectConfig) -> Event {
    let began = Instant::now();
    let done = tokio::time::timeout(LIMIT, carry_out(&backend, what, target)).await;
    let (outcome, why) = match done {
        Ok(Ok(done)) => done,
        Ok(Err(MeasureError::Pg(error))) => (BackendOutcome::Refused, Some(error.sentence())),
        Ok(Err(error)) => (BackendOutcome::Refused, Some(error.to_string())),
        Err(_) => {
            let why = "the server doesn't answer: whether it was told isn't known".to_owned();
            (BackendOutcome::Sent, Some(why))
        }
    };
    Event::BackendEnded {
        pid: backend.pid,
        backend_start: backend.backend_start,
        what,
        outcome,
        why,
        elapsed_ms: millis(began.elapsed()),
    }
}

async fn carry_out(
    backend: &Backend,
    what: BackendEnd,
    target: &ConnectConfig,
) -> Result<(BackendOutcome, Option<String>), MeasureError> {
    let mut session = Session::connect(target, "monitor").await?;
    let done = on(&mut session, backend, what).await;
    session.close().await;
    done
}

async fn on(
    session: &mut Session,
    backend: &Backend,
    what: BackendEnd,
) -> Result<(BackendOutcome, Option<String>), MeasureError> {
    session.batch("SET statement_timeout = '5s'; SET lock_timeout = '100ms'").await?;
    let before = match stands(session, backend).await? {
        Stands::There { state, since } => (state, since),
        Stands::Gone => return Ok((BackendOutcome::WasGone, None)),
        Stands::Ours => {
            return Ok((BackendOutcome::Refused, Some("it is a session of holdpoint itself".into())));
        }
    };
    if !tell(session, backend, what).await? {
        return Ok((BackendOutcome::WasGone, None));
    }
    let began = Instant::now();
    loop {
        match (stands(session, backend).await?, what) {
            (Stands::Gone, _) => return Ok((BackendOutcome::Done, None)),
            // Another state, or another statement.
            (Stands::There { state, since }, BackendEnd::Cancel)
                if (&state, &since) != (&before.0, &before.1) =>
            {
                return Ok((BackendOutcome::Done, None));
            }
            _ if began.elapsed() > PATIENCE => {
                let why = format!("it is still there after {} s", PATIENCE.as_secs());
                return Ok((BackendOutcome::Sent, Some(why)));
            }
            _ => tokio::time::sleep(BETWEEN).await,
        }
    }
}

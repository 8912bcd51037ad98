//! Looks at the work session from outside while a statement takes its time: its locks, and who is in
//! the way. On a session of its own that can't get in the way of the run, and that may be lost.

use std::time::Duration;

use tokio::sync::watch;

use crate::pg::ConnectConfig;
use crate::pg::Session;
use crate::pg::blockers::blockers;
use crate::pg::watched::watched;
use crate::run::sample::{Doing, Sighting};

/// Between two looks, and how long a statement runs before the first: most are over by then.
const PAUSE: Duration = Duration::from_millis(400);
/// After a session couldn't be had or was lost.
const AGAIN: Duration = Duration::from_secs(5);

/// Looks as long as somebody wants to see it and there is somebody who does something.
pub async fn look_on(
    target: ConnectConfig,
    mut doing: watch::Receiver<Option<Doing>>,
    seen: watch::Sender<Option<Sighting>>,
) {
    let mut session: Option<Session> = None;
    loop {
        let Some(pid) = doing.borrow_and_update().as_ref().map(|doing| doing.pid) else {
            seen.send_if_modified(|seen| seen.take().is_some());
            if doing.changed().await.is_err() {
                break;
            }
            continue;
        };
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = seen.closed() => break,
        }
        if doing.borrow().is_none() {
            continue;
        }
        let pause = match look(&mut session, &target, pid).await {
            Ok(sighting) => {
                seen.send_replace(Some(sighting));
                None
            }
            Err(error) => {
                tracing::warn!(%error, "looking at the work session");
                session = None;
                Some(AGAIN)
            }
        };
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
    }
    if let Some(session) = session {
        session.close().await;
    }
}

async fn look(
    session: &mut Option<Session>,
    target: &ConnectConfig,
    pid: i32,
) -> Result<Sighting, crate::pg::measure::MeasureError> {
    let session = match session {
        Some(session) => session,
        None => session.insert(Session::connect(target, "monitor").await?),
    };
    let mut seen = watched(session, pid).await?;
    if seen.waits.as_deref().is_some_and(|waits| waits.starts_with("Lock")) {
        seen.blockers = blockers(session, pid).await?;
    }
    Ok(seen)
}

//! The control session: it holds the lock, writes to the ledger's side tables, and is watched.
//!
//! A heartbeat finds out within seconds that the session is gone; from then on the lock may be
//! somebody else's, and nothing more is begun.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, OwnedMutexGuard, watch};

use crate::pg::PgError;
use crate::pg::Session;

const BEAT: Duration = Duration::from_millis(1000);
const PATIENCE: Duration = Duration::from_secs(15);
/// When another session was lost just now: longer than a network needs, shorter than people wait.
const SHORT_PATIENCE: Duration = Duration::from_secs(5);

/// The session and its pulse.
#[derive(Debug)]
pub struct Control {
    session: Arc<Mutex<Session>>,
    lost: watch::Receiver<Option<String>>,
    beat: tokio::task::JoinHandle<()>,
    pub pid: i32,
}

impl Control {
    /// Takes over a connected session and begins to feel its pulse.
    #[must_use]
    pub fn start(session: Session) -> Self {
        let pid = session.pid();
        let session = Arc::new(Mutex::new(session));
        let (set, lost) = watch::channel(None);
        let beating = Arc::clone(&session);
        let beat = tokio::spawn(async move {
            loop {
                tokio::time::sleep(BEAT).await;
                // A session in use is alive, or its user finds out.
                let Ok(mut session) = beating.try_lock() else { continue };
                let why = match tokio::time::timeout(PATIENCE, session.batch("SELECT 1")).await {
                    Ok(Ok(_)) => continue,
                    Ok(Err(error)) => error.to_string(),
                    Err(_) => format!("no answer for {} s", PATIENCE.as_secs()),
                };
                tracing::error!(%why, "control session lost");
                let _ = set.send(Some(why));
                return;
            }
        });
        Self { session, lost, beat, pid }
    }

    /// The session, for one piece of work.
    pub async fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().await
    }

    /// The session, out of everybody's reach: as long as it is held, its end isn't noticed as a loss.
    pub async fn hold(&self) -> OwnedMutexGuard<Session> {
        Arc::clone(&self.session).lock_owned().await
    }

    /// Says when the session was lost, and why.
    #[must_use]
    pub fn lost(&self) -> watch::Receiver<Option<String>> {
        self.lost.clone()
    }

    /// Whether the session answers, and with it the lock is still ours.
    pub async fn is_alive(&self) -> bool {
        if self.lost.borrow().is_some() {
            return false;
        }
        let mut session = self.session.lock().await;
        matches!(tokio::time::timeout(SHORT_PATIENCE, session.batch("SELECT 1")).await, Ok(Ok(_)))
    }

    /// Ends the session in order; the lock goes with it.
    pub async fn close(self) {
        self.beat.abort();
        let session = Arc::clone(&self.session);
        drop(self);
        if let Ok(session) = Arc::try_unwrap(session) {
            session.into_inner().close().await;
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.beat.abort();
    }
}

/// Whether an error means that the database can't be reached any more.
#[must_use]
pub fn is_lost(error: &PgError) -> bool {
    error.is_lost()
}

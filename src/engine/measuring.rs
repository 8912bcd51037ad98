//! The session that measures: what the catalog holds, what guarded tables hold, how many rows there are.
//!
//! A new session has to be forked, to log in and to learn the catalog before it can count anything, and a
//! run measures around every step. So one is kept between the measurements. Nothing that a plan says runs
//! in it: a statement of somebody else could leave settings, locks and temporary tables behind.

use std::sync::{Mutex, PoisonError};

use super::conductor::Conductor;
use super::stop::Stop;
use crate::pg::{Session, TransactionStatus};

/// The session that nobody measures with just now.
#[derive(Debug, Default)]
pub struct Idle(Mutex<Option<Session>>);

impl Idle {
    fn swap(&self, session: Option<Session>) -> Option<Session> {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *idle, session)
    }
}

impl Conductor {
    /// A session to measure with; [`Conductor::rest`] takes it back. One that is dropped instead (an
    /// error, a wish to stop) is closed, and the next is a new one.
    pub(super) async fn measuring(&self) -> Result<Session, Stop> {
        if let Some(mut session) = self.idle_measuring.swap(None) {
            // Also tells whether it is still there: servers restart, networks forget.
            if session.batch("RESET lock_timeout").await.is_ok() {
                return Ok(session);
            }
        }
        self.spare().await
    }

    /// Takes a session back after a measurement.
    pub(super) async fn rest(&self, session: Session) {
        let clean = session.in_flight() == 0 && session.transaction() == TransactionStatus::Idle;
        let other = if clean { self.idle_measuring.swap(Some(session)) } else { Some(session) };
        if let Some(other) = other {
            other.close().await;
        }
    }
}

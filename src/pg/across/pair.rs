//! A session on each side, both in a snapshot; inside of it a table that can't be read costs nothing but that table.

use crate::pg::measure::{MeasureError, Pin};
use crate::pg::session::Session;

/// Of two sides the one that something is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Source,
    Target,
}

/// An error, and whose.
pub type Failed = (Which, MeasureError);

/// A session in each database, each in a snapshot of its own.
#[derive(Debug)]
pub struct Pair<'a> {
    pub source: &'a mut Session,
    pub target: &'a mut Session,
}

impl<'a> Pair<'a> {
    /// Begins both snapshots. Whatever the servers or roles have set: nothing ends a long query but a person.
    ///
    /// # Errors
    /// When a session can't begin it.
    pub async fn begin(source: &'a mut Session, target: &'a mut Session) -> Result<Self, Failed> {
        let mut pair = Self { source, target };
        pair.both(async |session| {
            session.batch("SET default_transaction_read_only = on; SET statement_timeout = 0; SET lock_timeout = '5s'").await?;
            // It isn't ended: whoever closes the session ends it.
            let _open = Pin::begin(session).await?;
            Ok(())
        })
        .await?;
        Ok(pair)
    }

    /// The same on both sides, at once.
    pub(super) async fn both<T>(
        &mut self,
        ask: impl AsyncFn(&mut Session) -> Result<T, MeasureError>,
    ) -> Result<(T, T), Failed> {
        let (source, target) = tokio::join!(ask(&mut *self.source), ask(&mut *self.target));
        Ok((source.map_err(|error| (Which::Source, error))?, target.map_err(|error| (Which::Target, error))?))
    }

    /// As [`Self::both`], where the server's no is an answer: only a lost session is an error.
    pub(super) async fn each<T>(
        &mut self,
        source: impl AsyncFnOnce(&mut Session) -> Result<T, MeasureError>,
        target: impl AsyncFnOnce(&mut Session) -> Result<T, MeasureError>,
    ) -> Result<(Result<T, MeasureError>, Result<T, MeasureError>), Failed> {
        let one = async {
            let session = &mut *self.source;
            let pin = Pin::begin(session).await?;
            let answer = source(session).await;
            pin.end(session, answer).await
        };
        let other = async {
            let session = &mut *self.target;
            let pin = Pin::begin(session).await?;
            let answer = target(session).await;
            pin.end(session, answer).await
        };
        let (one, other) = tokio::join!(one, other);
        match (one, other) {
            (Err(error), _) if error.is_lost() => Err((Which::Source, error)),
            (_, Err(error)) if error.is_lost() => Err((Which::Target, error)),
            both => Ok(both),
        }
    }
}

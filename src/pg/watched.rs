//! A session as another one sees it: what it waits for, and the tables that it has locked.
//!
//! Reads the catalog and pg_locks alone: nothing here can wait behind the lock that it shows. Sizes are
//! the planner's for that reason.

use super::measure::{MeasureError, Pin, number, optional, text};
use super::names::Object;
use super::session::Session;
use crate::run::sample::{Lock, Sighting};

/// More locks than this nobody reads; the strongest come first.
const SHOWN: usize = 24;

/// Looks at backend `pid`.
pub async fn watched(session: &mut Session, pid: i32) -> Result<Sighting, MeasureError> {
    let pin = Pin::begin(session).await?;
    let answer = session.query(include_str!("sql/watched.sql"), &[Some(&pid.to_string())]).await;
    let rows = pin.end(session, answer.map_err(MeasureError::from)).await?;
    let mut seen = Sighting { pid, ..Sighting::default() };
    for row in &rows.rows {
        seen.waits = optional(row, 0).map(str::to_owned);
        let Some(schema) = optional(row, 1) else { continue };
        if seen.locks.len() == SHOWN {
            seen.more_locks += 1;
            continue;
        }
        let path = vec![schema.to_owned(), text(row, 2)?.to_owned()];
        seen.locks.push(Lock {
            relation: Object { path, arguments: None }.to_string(),
            mode: text(row, 3)?.to_owned(),
            granted: text(row, 4)? == "t",
            rows: optional(row, 5).and_then(|rows| rows.parse().ok()),
            bytes: number(row, 6)?,
        });
    }
    Ok(seen)
}

//! Who holds what a session waits for.
//!
//! Asked on another session, while the wait lasts: afterwards nobody knows any more. For a lock timeout
//! that means shortly before it strikes.

use super::measure::{MeasureError, Pin, number, optional, text};
use super::names::{Object, resolve};
use super::query::Rows;
use super::session::Session;
use crate::run::event::Blocker;

/// The sessions that keep backend `waiting` from its lock, those ahead of it in the queue too. A
/// prepared transaction has pid 0 and its name in `application`. Empty when it doesn't wait.
pub async fn blockers(session: &mut Session, waiting: i32) -> Result<Vec<Blocker>, MeasureError> {
    let pin = Pin::begin(session).await?;
    let answer = session.query(include_str!("sql/blockers.sql"), &[Some(&waiting.to_string())]).await;
    let rows = pin.end(session, answer.map_err(MeasureError::from)).await?;
    read(&rows)
}

/// The sessions (but ours and `except`) that hold or want a lock on a table: when the wait is over
/// already and only the table is known.
pub async fn lockers(
    session: &mut Session,
    table: &str,
    except: &[i32],
) -> Result<Vec<Blocker>, MeasureError> {
    let pin = Pin::begin(session).await?;
    let found = lockers_of(session, table, except).await;
    pin.end(session, found).await
}

async fn lockers_of(
    session: &mut Session,
    table: &str,
    except: &[i32],
) -> Result<Vec<Blocker>, MeasureError> {
    let names = [table.to_owned()];
    let oid = resolve(session, &names).await?.first().map(|table| table.oid.to_string());
    let except = serde_json::Value::from(except).to_string();
    let rows = session.query(include_str!("sql/lockers.sql"), &[oid.as_deref(), Some(&except)]).await?;
    read(&rows)
}

fn read(rows: &Rows) -> Result<Vec<Blocker>, MeasureError> {
    let relation = |shown: &str| match serde_json::from_str::<Vec<String>>(shown) {
        Ok(path) => Object { path, arguments: None }.to_string(),
        Err(_) => shown.to_owned(),
    };
    rows.rows
        .iter()
        .map(|row| {
            Ok(Blocker {
                pid: number(row, 0)?,
                user: text(row, 1)?.to_owned(),
                application: text(row, 2)?.to_owned(),
                state: text(row, 3)?.to_owned(),
                // A clock that was set back must not become an error here.
                since_ms: optional(row, 4)
                    .and_then(|ms| ms.parse::<i64>().ok())
                    .map(|ms| ms.max(0).unsigned_abs()),
                relation: optional(row, 5).map(relation),
                mode: optional(row, 6).map(str::to_owned),
            })
        })
        .collect()
}

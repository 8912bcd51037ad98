//! Ends another session, or cancels its statement: that one and no other, and none of ours.

use super::activity::ours;
use super::measure::{MeasureError, Pin, optional};
use super::session::Session;
use crate::run::event::{Backend, BackendEnd};

/// How a session stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stands {
    /// It isn't there any more; whoever has its pid now is somebody else.
    Gone,
    /// It is there, and since when it has been in its state.
    There { state: String, since: String },
    /// It has a name of ours.
    Ours,
}

/// Looks whether it is still the one that was meant.
pub async fn stands(session: &mut Session, backend: &Backend) -> Result<Stands, MeasureError> {
    let sql = "SELECT a.application_name, a.state, coalesce(a.query_start, a.state_change)::text \
               FROM pg_stat_activity a WHERE a.pid = $1::int AND a.backend_start = $2::timestamptz";
    let row = one(session, sql, backend).await?;
    let Some(row) = row else { return Ok(Stands::Gone) };
    let word = |column: usize| optional(&row, column).unwrap_or_default().to_owned();
    if ours(&session.config().clone(), &word(0)).is_some() {
        return Ok(Stands::Ours);
    }
    Ok(Stands::There { state: word(1), since: word(2) })
}

/// Tells the server. `false`: it is gone. In one statement, so that nobody can take its pid in between.
pub async fn tell(session: &mut Session, backend: &Backend, what: BackendEnd) -> Result<bool, MeasureError> {
    let does = match what {
        BackendEnd::Cancel => "pg_cancel_backend",
        BackendEnd::Terminate => "pg_terminate_backend",
    };
    let sql = format!(
        "SELECT {does}(a.pid)::text FROM pg_stat_activity a \
         WHERE a.pid = $1::int AND a.backend_start = $2::timestamptz AND a.pid <> pg_backend_pid()"
    );
    let row = one(session, &sql, backend).await?;
    Ok(row.is_some_and(|row| optional(&row, 0) == Some("true")))
}

async fn one(
    session: &mut Session,
    sql: &str,
    backend: &Backend,
) -> Result<Option<Vec<Option<String>>>, MeasureError> {
    let pin = Pin::begin(session).await?;
    let pid = backend.pid.to_string();
    let answer = session.query(sql, &[Some(&pid), Some(&backend.backend_start)]).await;
    let rows = pin.end(session, answer.map_err(MeasureError::from)).await?;
    Ok(rows.rows.into_iter().next())
}

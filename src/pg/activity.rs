//! What goes on at the server: its sessions, who is in whose way, how far statements and replicas are.
//!
//! Reads statistics and the lock table alone: nothing here waits for the locks that it shows. A part that
//! can't be asked (a privilege, an older version) is left out, and said so.

use super::config::ConnectConfig;
use super::measure::{MeasureError, Pin, number, optional, text};
use super::names::Object;
use super::query::Rows;
use super::session::Session;
use crate::run::activity::{Activity, Figures, Replica, Seen, Server, Working};
use crate::run::event::Backend;
use crate::script::mask_secrets;

/// Sessions that are listed.
const LISTED: &str = "300";
/// Of a statement; who wants all of it asks the server.
const QUERY: usize = 400;
/// What the sessions of this program are for, as it stands in their names.
const PURPOSES: [&str; 12] = [
    "console", "control", "fixture", "ground", "image", "look", "monitor", "proof", "snapshot", "start",
    "watch", "work",
];
/// What the session that looks does while it looks.
const LOOKS: &str = "(looks at the sessions)";

/// One look at everything but the size of the database.
///
/// # Errors
/// When the session is lost.
pub async fn activity(session: &mut Session) -> Result<Activity, MeasureError> {
    let mut activity = Activity::default();
    let config = session.config().clone();
    match ask(session, include_str!("sql/activity.sql"), &[Some(LISTED)]).await? {
        Ok(rows) => sessions(&rows, &config, &mut activity)?,
        Err(why) => activity.hidden.push(format!("sessions: {why}")),
    }
    match ask(session, include_str!("sql/progress.sql"), &[]).await? {
        Ok(rows) => activity.progress = progress(&rows)?,
        Err(why) => activity.hidden.push(format!("progress: {why}")),
    }
    match ask(session, include_str!("sql/replicas.sql"), &[]).await? {
        Ok(rows) => replicas(&rows, &mut activity)?,
        Err(why) => activity.hidden.push(format!("replication: {why}")),
    }
    match ask(session, include_str!("sql/server.sql"), &[]).await? {
        Ok(rows) => server(&rows, &mut activity)?,
        Err(why) => activity.hidden.push(format!("WAL: {why}")),
    }
    Ok(activity)
}

/// Asks one thing; what the server refuses isn't an error of the whole.
async fn ask(
    session: &mut Session,
    sql: &str,
    params: &[Option<&str>],
) -> Result<Result<Rows, String>, MeasureError> {
    let pin = Pin::begin(session).await?;
    let answer = session.query(sql, params).await.map_err(MeasureError::from);
    match pin.end(session, answer).await {
        Ok(rows) => Ok(Ok(rows)),
        Err(error) if error.is_lost() => Err(error),
        Err(MeasureError::Pg(error)) => Ok(Err(error.sentence())),
        Err(error) => Ok(Err(error.to_string())),
    }
}

/// Milliseconds; a clock that was set back must not become an error.
fn millis(row: &[Option<String>], column: usize) -> Option<u64> {
    optional(row, column).and_then(|ms| ms.parse::<i64>().ok()).map(|ms| ms.max(0).unsigned_abs())
}

fn sessions(rows: &Rows, config: &ConnectConfig, activity: &mut Activity) -> Result<(), MeasureError> {
    let mut hidden = 0_usize;
    for row in &rows.rows {
        let word = |column: usize| optional(row, column).unwrap_or_default().to_owned();
        let query = word(12);
        let query = mask_secrets(&query);
        let looks = optional(row, 21) == Some("t");
        let query: String = if looks { LOOKS.to_owned() } else { query.chars().take(QUERY).collect() };
        let blocked_by = optional(row, 13).and_then(|by| serde_json::from_str(by).ok()).unwrap_or_default();
        let backend = Backend {
            pid: number(row, 0)?,
            backend_start: word(1),
            user: word(2),
            database: word(3),
            application: word(4),
            client: word(5),
            state: word(6),
            since_ms: millis(row, 9),
        };
        activity.sessions.push(Seen {
            ours: ours(config, &backend.application).map(str::to_owned),
            backend,
            kind: word(7),
            waits: optional(row, 8).map(str::to_owned),
            query_ms: millis(row, 10),
            transaction_ms: millis(row, 11),
            query,
            blocked_by,
        });
        activity.figures = Figures {
            running: number(row, 14)?,
            waiting: number(row, 15)?,
            blocking: number(row, 16)?,
            idle: number(row, 17)?,
            in_transaction: number(row, 18)?,
            all: number(row, 19)?,
            of: 0,
        };
        hidden = number(row, 20)?;
    }
    activity.more = activity.figures.all.saturating_sub(activity.sessions.len());
    if hidden > 0 {
        activity.hidden.push(format!(
            "what {hidden} of the sessions do: that needs pg_read_all_stats, which is in pg_monitor"
        ));
    }
    Ok(())
}

/// What a session of this name is for, when it is one of ours.
#[must_use]
pub fn ours<'a>(config: &ConnectConfig, application: &'a str) -> Option<&'a str> {
    if let Some(purpose) = application.strip_prefix(crate::run::state::OURS) {
        return Some(purpose);
    }
    let purpose = application.strip_prefix(config.application_name()?)?.strip_prefix(' ')?;
    PURPOSES.contains(&purpose).then_some(purpose)
}

fn progress(rows: &Rows) -> Result<Vec<Working>, MeasureError> {
    let each = rows.rows.iter().map(|row| {
        let relation = optional(row, 2).and_then(|path| serde_json::from_str::<Vec<String>>(path).ok());
        Ok(Working {
            pid: number(row, 0)?,
            command: text(row, 1)?.to_owned(),
            relation: relation.map_or_else(String::new, |path| Object { path, arguments: None }.to_string()),
            phase: optional(row, 3).unwrap_or_default().to_owned(),
            done: number::<i64>(row, 4)?.max(0).unsigned_abs(),
            of: number::<i64>(row, 5)?.max(0).unsigned_abs(),
            unit: text(row, 6)?.to_owned(),
        })
    });
    each.collect()
}

fn replicas(rows: &Rows, activity: &mut Activity) -> Result<(), MeasureError> {
    for row in &rows.rows {
        if text(row, 5)? == "t" {
            activity.hidden.push("how far replicas are: that needs pg_read_all_stats".to_owned());
            continue;
        }
        activity.replicas.push(Replica {
            name: text(row, 0)?.to_owned(),
            state: text(row, 1)?.to_owned(),
            bytes: millis(row, 2),
            lag_ms: millis(row, 3),
            slot: text(row, 4)? == "t",
        });
    }
    Ok(())
}

fn server(rows: &Rows, activity: &mut Activity) -> Result<(), MeasureError> {
    let Some(row) = rows.rows.first() else { return Ok(()) };
    activity.server = Server {
        standby: text(row, 0)? == "t",
        wal: optional(row, 1).unwrap_or_default().to_owned(),
        behind: millis(row, 2),
        behind_ms: millis(row, 3),
        size: None,
    };
    activity.figures.of = number(row, 4)?;
    Ok(())
}

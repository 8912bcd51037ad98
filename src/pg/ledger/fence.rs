//! The fence: one row whose epoch every ledger write checks.
//!
//! Taking over goes in this order: the advisory lock is ours already; the epoch rises (this waits for
//! a COMMIT of the old runner that is still under way, which holds the row FOR SHARE); backends of
//! older epochs are ended; only then may the ledger be read.

use std::time::{Duration, Instant};

use super::intent::fenced;
use super::literal;
use crate::pg::PgError;
use crate::pg::Session;

/// Key of the session advisory lock, beside the database itself: "hold", "poin".
pub const LOCK_KEY: (i32, i32) = (0x686f_6c64, 0x706f_696e);

/// Tries to take the lock of the database without ever waiting inside the server.
///
/// # Errors
/// When the server can't be asked.
pub async fn try_lock(control: &mut Session) -> Result<bool, PgError> {
    let sql = format!("SELECT pg_catalog.pg_try_advisory_lock({}, {})", LOCK_KEY.0, LOCK_KEY.1);
    let rows = control.query(&sql, &[]).await?;
    Ok(rows.rows.first().and_then(|row| row.first()).and_then(Option::as_deref) == Some("t"))
}

/// Whether this session's database shows the lock that backend `pid` has: then it is that backend's database, by
/// whatever way we came.
///
/// # Errors
/// When the server can't be asked.
pub async fn sees_lock_of(session: &mut Session, pid: i32) -> Result<bool, PgError> {
    let sql = format!(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.locktype = 'advisory' AND l.granted \
         AND l.objsubid = 2 AND l.classid::int8 = {} AND l.objid::int8 = {} AND l.pid = {pid} \
         AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))",
        LOCK_KEY.0, LOCK_KEY.1
    );
    Ok(session.query(&sql, &[]).await?.scalar() == Some("t"))
}

/// Who has the lock: `pid, user, application, address, since`, in words.
///
/// # Errors
/// When the server can't be asked.
pub async fn lock_holder(control: &mut Session) -> Result<Option<String>, PgError> {
    let sql = format!(
        "SELECT pg_catalog.format('pid %s, user %s, application %s, from %s, connected since %s', a.pid, a.usename, \
         pg_catalog.quote_literal(a.application_name), coalesce(host(a.client_addr), 'this machine'), \
         pg_catalog.date_trunc('second', a.backend_start)) \
         FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid \
         WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid::int8 = {} AND l.objid::int8 = {} \
         AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())",
        LOCK_KEY.0, LOCK_KEY.1
    );
    let rows = control.query(&sql, &[]).await?;
    Ok(rows.rows.into_iter().next().and_then(|row| row.into_iter().next().flatten()))
}

/// What taking the fence did.
#[derive(Debug, Clone)]
pub struct Taken {
    pub epoch: i64,
    /// Of the transaction that raised it.
    pub xid: Option<i64>,
    pub ended: Vec<i32>,
    /// Prepared transactions that stand in the database; a migration's own effects may hide in one.
    pub prepared: Vec<String>,
}

/// Notes of which plan the run is, raises the epoch, and ends what older epochs left running.
///
/// # Errors
/// When the server can't be asked, or when old backends don't go away within `patience`.
pub async fn take(
    control: &mut Session,
    run: &str,
    plan: &str,
    head: &str,
    patience: Duration,
) -> Result<Taken, PgError> {
    // Before any row of the run; alone it says nothing.
    let note = "INSERT INTO holdpoint.run (run, plan) VALUES ($1::text, $2::text) ON CONFLICT DO NOTHING";
    control.query(note, &[Some(run), Some(plan)]).await?;
    // A COMMIT that is still under way (a slow deferred trigger, a synchronous standby) may take its
    // time; the wait for it is ours to bound, not the server's default.
    control.batch(&format!("SET statement_timeout = {}", patience.as_millis())).await?;
    let raised = control
        .query(
            "UPDATE holdpoint.fence SET epoch = epoch + 1, run = $1::text, head = $2::text, \
             taken_at = pg_catalog.clock_timestamp() WHERE one RETURNING epoch, pg_catalog.txid_current()",
            &[Some(run), Some(head)],
        )
        .await;
    control.batch("RESET statement_timeout").await?;
    let raised = raised?;
    let number = |column: usize| -> Option<i64> {
        raised.rows.first().and_then(|row| row.get(column)?.as_deref()?.parse().ok())
    };
    let epoch = number(0).unwrap_or_default();
    let xid = number(1);
    let ended = end_old(control, epoch, patience).await?;
    let prepared = control
        .query(
            "SELECT gid FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database()",
            &[],
        )
        .await?;
    let prepared = prepared.rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect();
    Ok(Taken { epoch, xid, ended, prepared })
}

const OLD: &str = "SELECT b.pid FROM holdpoint.backend b JOIN pg_catalog.pg_stat_activity a \
     ON a.pid = b.pid AND pg_catalog.to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') = b.backend_start WHERE b.epoch < $1::int8";

async fn end_old(control: &mut Session, epoch: i64, patience: Duration) -> Result<Vec<i32>, PgError> {
    let epoch = epoch.to_string();
    let began = Instant::now();
    let mut ended: Vec<i32> = Vec::new();
    loop {
        let rows = control.query(OLD, &[Some(&epoch)]).await?;
        let alive: Vec<i32> = rows
            .rows
            .iter()
            .filter_map(|row| row.first().and_then(|cell| cell.as_deref()?.parse().ok()))
            .collect();
        if alive.is_empty() {
            break;
        }
        for pid in alive {
            if !ended.contains(&pid) {
                ended.push(pid);
            }
            let pid = pid.to_string();
            control.query("SELECT pg_catalog.pg_terminate_backend($1::int4)", &[Some(&pid)]).await?;
        }
        if began.elapsed() > patience {
            return Err(PgError::Stuck(format!(
                "backend {ended:?} of an earlier runner doesn't end; look at it in pg_stat_activity"
            )));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    control.query("DELETE FROM holdpoint.backend WHERE epoch < $1::int8", &[Some(&epoch)]).await?;
    Ok(ended)
}

/// When the asking backend began, in the form the ledger keeps it in.
pub const BACKEND_START: &str = "SELECT pg_catalog.to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') \
     FROM pg_catalog.pg_stat_activity WHERE pid = pg_catalog.pg_backend_pid()";

/// The same of the session `a` of pg_stat_activity.
const STARTED: &str = "pg_catalog.to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')";

/// Whether backend `pid` has the lock of the database with this oid, which needn't be the one that is asked.
///
/// # Errors
/// When the server can't be asked.
pub async fn holds_lock_in(session: &mut Session, oid: u32, pid: i32) -> Result<bool, PgError> {
    let sql = format!(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.locktype = 'advisory' AND l.granted \
         AND l.objsubid = 2 AND l.classid::int8 = {} AND l.objid::int8 = {} AND l.pid = {pid} AND l.database = {oid})",
        LOCK_KEY.0, LOCK_KEY.1
    );
    Ok(session.query(&sql, &[]).await?.scalar() == Some("t"))
}

/// Whether the fence is still as this run took it: nobody has come in between.
///
/// # Errors
/// When the server can't be asked.
pub async fn is_held(control: &mut Session, run: &str, epoch: i64) -> Result<bool, PgError> {
    let sql = "SELECT run = $1::text AND epoch = $2::int8 FROM holdpoint.fence WHERE one";
    Ok(control.query(sql, &[Some(run), Some(&epoch.to_string())]).await?.scalar() == Some("t"))
}

/// Notes a work session, so that a later runner can end it.
///
/// # Errors
/// When the server can't be asked.
pub async fn note_backend(
    control: &mut Session,
    run: &str,
    epoch: i64,
    pid: i32,
    backend_start: &str,
) -> Result<(), PgError> {
    let (epoch, pid) = (epoch.to_string(), pid.to_string());
    control
        .query(
            "INSERT INTO holdpoint.backend (run, epoch, pid, backend_start) VALUES ($1::text, $2::int8, $3::int4, $4::text) \
             ON CONFLICT (pid, backend_start) DO NOTHING",
            &[Some(run), Some(&epoch), Some(&pid), Some(backend_start)],
        )
        .await?;
    Ok(())
}

/// The statement by which a session that isn't ours notes itself before it does anything, so that a
/// later runner can end it. It fails when a newer runner has taken over: then nothing may be done.
#[must_use]
pub fn note_itself(run: &str, epoch: i64) -> String {
    fenced(
        epoch,
        &format!(
            "INSERT INTO holdpoint.backend (run, epoch, pid, backend_start) \
             SELECT {run}, {epoch}, a.pid, {STARTED} FROM pg_catalog.pg_stat_activity a \
             WHERE a.pid = pg_catalog.pg_backend_pid()",
            run = literal(run),
        ),
    )
}

/// Waits for the end of the sessions of a program that has ended: those of this name, and those that
/// noted themselves in our epoch. What still works after `grace` is ended.
///
/// # Errors
/// When the server can't be asked, or when they don't end within `patience`.
pub async fn sessions_over(
    control: &mut Session,
    name: &str,
    epoch: Option<i64>,
    grace: Duration,
    patience: Duration,
) -> Result<(), PgError> {
    let noted = match epoch {
        Some(epoch) => format!(
            " OR EXISTS (SELECT FROM holdpoint.backend b WHERE b.epoch = {epoch} AND b.pid = a.pid AND b.backend_start = {STARTED})"
        ),
        None => String::new(),
    };
    let began = Instant::now();
    loop {
        let end = if began.elapsed() < grace { "NULL" } else { "pg_catalog.pg_terminate_backend(a.pid)" };
        let sql = format!(
            "SELECT a.pid, {end} FROM pg_catalog.pg_stat_activity a \
             WHERE a.pid <> pg_catalog.pg_backend_pid() AND (a.application_name = $1::text{noted})"
        );
        let rows = control.query(&sql, &[Some(name)]).await?;
        let Some(pid) = rows.rows.first().and_then(|row| row.first()).and_then(Option::as_deref) else {
            return Ok(());
        };
        if began.elapsed() > grace + patience {
            return Err(PgError::Stuck(format!(
                "backend {pid} of {name} doesn't end; look at it in pg_stat_activity"
            )));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

//! The databases of a server, seen from one that none of it is about: who is in one, what another that takes
//! its name would lack, and how they change their names.

use super::config::ConnectConfig;
use super::error::PgError;
use super::ledger::{identifier, literal};
use super::session::Session;
use crate::run::event::Backend;

/// Databases that every server has, unless somebody has dropped them.
const ASIDE: [&str; 2] = ["postgres", "template1"];
/// As long as a name may be.
const NAME_BYTES: usize = 63;

/// A session on the same server that is in neither of the databases which change their names.
///
/// # Errors
/// Why the first of the databases that could serve doesn't let us in.
pub async fn aside(target: &ConnectConfig, purpose: &str) -> Result<Session, PgError> {
    let mut refused = None;
    for name in ASIDE.iter().filter(|name| **name != target.database()) {
        match Session::connect(&target.with_database(name), purpose).await {
            Ok(session) => return Ok(session),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    Err(refused.unwrap_or_else(|| PgError::Stuck("there is no other database".into())))
}

/// What keeps a database from giving its name to another, whoever is in it; in words, each with what to do.
///
/// # Errors
/// When the server can't be asked.
pub async fn obstacles(session: &mut Session, database: &str) -> Result<Vec<String>, PgError> {
    let sql = "SELECT r.rolsuper OR (r.rolcreatedb AND pg_catalog.pg_has_role(d.datdba, 'USAGE')), \
         (SELECT pg_catalog.string_agg(s.slot_name::text, ', ' ORDER BY s.slot_name) FROM pg_catalog.pg_replication_slots s \
          WHERE s.database = d.datname), \
         (SELECT pg_catalog.string_agg(s.subname::text, ', ' ORDER BY s.subname) FROM pg_catalog.pg_subscription s \
          WHERE s.subdbid = d.oid) \
         FROM pg_catalog.pg_database d, pg_catalog.pg_roles r WHERE d.datname = $1::text AND r.rolname = session_user";
    let rows = session.query(sql, &[Some(database)]).await?;
    let Some(row) = rows.rows.into_iter().next() else {
        return Ok(vec![format!("there is no database {database}")]);
    };
    let mut cells = row.into_iter();
    let mut next = || cells.next().flatten();
    let (may, slots, subscriptions) = (next(), next(), next());
    let mut found = Vec::new();
    if may.as_deref() != Some("t") {
        found.push(format!(
            "the role must own {database} and be allowed to create databases (ALTER ROLE … CREATEDB), or be a superuser"
        ));
    }
    found.extend(slots.map(|slots| {
        format!(
            "its logical replication slots ({slots}) would stay with the old database, and their consumers with it: drop \
             them for the window"
        )
    }));
    found.extend(
        subscriptions.map(|names| {
            format!("its subscriptions ({names}) would be there twice: drop them for the window")
        }),
    );
    Ok(found)
}

/// The oid of a database; `None`: there is none.
///
/// # Errors
/// When the server can't be asked.
pub async fn oid(session: &mut Session, database: &str) -> Result<Option<u32>, PgError> {
    let sql = "SELECT oid FROM pg_catalog.pg_database WHERE datname = $1::text";
    let rows = session.query(sql, &[Some(database)]).await?;
    Ok(rows.scalar().and_then(|oid| oid.parse().ok()))
}

/// What its comment says of a database.
///
/// # Errors
/// When the server can't be asked.
pub async fn comment(session: &mut Session, oid: u32) -> Result<Option<String>, PgError> {
    let sql = format!("SELECT pg_catalog.shobj_description({oid}, 'pg_database')");
    Ok(session.query(&sql, &[]).await?.scalar().map(str::to_owned))
}

/// Removes a database, and whoever is in it.
///
/// # Errors
/// When the server refuses.
pub async fn remove(session: &mut Session, database: &str) -> Result<(), PgError> {
    let force = if session.server_version() >= 130_000 { " WITH (FORCE)" } else { "" };
    if force.is_empty() {
        let sql = "SELECT pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_stat_activity a WHERE a.datname = $1::text";
        session.query(sql, &[Some(database)]).await?;
    }
    session.batch(&format!("DROP DATABASE {}{force}", identifier(database))).await.map(drop)
}

/// Who is in these databases. What the server does there by itself goes when it is told, and isn't counted.
///
/// # Errors
/// When the server can't be asked.
pub async fn sessions_in(session: &mut Session, oids: &[u32]) -> Result<Vec<Backend>, PgError> {
    let oids: Vec<String> = oids.iter().map(u32::to_string).collect();
    let sql = format!(
        "SELECT a.pid, coalesce(a.backend_start::text, ''), coalesce(a.usename, ''), coalesce(a.datname, ''), \
         coalesce(a.application_name, ''), coalesce(pg_catalog.host(a.client_addr), ''), coalesce(a.state, ''), \
         (extract(epoch FROM pg_catalog.clock_timestamp() - a.state_change) * 1000)::int8 \
         FROM pg_catalog.pg_stat_activity a WHERE a.datid IN ({}) AND a.pid <> pg_catalog.pg_backend_pid() \
         AND a.usesysid IS NOT NULL AND coalesce(a.backend_type, '') NOT IN ('autovacuum worker', 'parallel worker') ORDER BY a.backend_start",
        oids.join(", ")
    );
    let rows = session.query(&sql, &[]).await?.rows;
    Ok(rows
        .into_iter()
        .map(|row| {
            let mut cells = row.into_iter();
            let mut next = || cells.next().flatten().unwrap_or_default();
            Backend {
                pid: next().parse().unwrap_or_default(),
                backend_start: next(),
                user: next(),
                database: next(),
                application: next(),
                client: next(),
                state: next(),
                since_ms: next().parse().ok(),
            }
        })
        .collect())
}

/// Ends these in a database that nobody gets into any more: nobody else can have their process ids.
///
/// # Errors
/// When one of them may not be ended, or the server can't be asked.
pub async fn end(session: &mut Session, oid: u32, pids: &[i32]) -> Result<(), PgError> {
    let told = |pids: &[i32]| {
        let pids: Vec<String> = pids.iter().map(i32::to_string).collect();
        format!(
            "SELECT pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_stat_activity a \
             WHERE a.datid = {oid} AND a.pid IN ({})",
            pids.join(", ")
        )
    };
    // All at once: there may be hundreds, and the server doesn't wait long for them.
    let Err(mut refused) = session.query(&told(pids), &[]).await else { return Ok(()) };
    for pid in pids {
        if refused.is_lost() {
            break;
        }
        if let Err(error) = session.query(&told(std::slice::from_ref(pid)), &[]).await {
            refused = error;
        }
    }
    Err(refused)
}

/// Prepared transactions of a database count as sessions in it: name and owner.
///
/// # Errors
/// When the server can't be asked.
pub async fn prepared_in(session: &mut Session, database: &str) -> Result<Vec<(String, String)>, PgError> {
    let sql =
        "SELECT gid, owner FROM pg_catalog.pg_prepared_xacts WHERE database = $1::text ORDER BY prepared";
    let rows = session.query(sql, &[Some(database)]).await?.rows;
    let read = |row: Vec<Option<String>>| {
        let [gid, owner] = <[Option<String>; 2]>::try_from(row).ok()?;
        Some((gid?, owner.unwrap_or_default()))
    };
    Ok(rows.into_iter().filter_map(read).collect())
}

/// Whether backend `pid` has the lock on a database that lets nobody in any more.
///
/// # Errors
/// When the server can't be asked.
pub async fn is_shut_by(session: &mut Session, oid: u32, pid: i32) -> Result<bool, PgError> {
    let sql = format!(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.locktype = 'object' AND l.granted AND l.pid = {pid} \
         AND l.classid = 'pg_catalog.pg_database'::pg_catalog.regclass AND l.objid = {oid} \
         AND l.mode = 'AccessExclusiveLock')"
    );
    Ok(session.query(&sql, &[]).await?.scalar() == Some("t"))
}

/// The statement that gives a database another name. It waits five seconds for whoever is in it, and lets nobody
/// in until its transaction is over.
#[must_use]
pub fn rename(database: &str, to: &str) -> String {
    format!("ALTER DATABASE {} RENAME TO {}", identifier(database), identifier(to))
}

/// The statement that says of a database what it is.
#[must_use]
pub fn say_of(database: &str, comment: &str) -> String {
    format!("COMMENT ON DATABASE {} IS {}", identifier(database), literal(comment))
}

/// A name that says of which database another is, and why; never longer than the server keeps it.
#[must_use]
pub fn name_beside(database: &str, why: &str) -> String {
    let mut keep = database.len().min(NAME_BYTES.saturating_sub(why.len() + 1));
    while !database.is_char_boundary(keep) {
        keep -= 1;
    }
    format!("{}_{why}", &database[..keep])
}

#[cfg(test)]
mod tests {
    use super::name_beside;

    #[test]
    fn a_name_is_cut_where_a_letter_ends() {
        assert_eq!(name_beside("shop", "old_0f3a"), "shop_old_0f3a");
        let long = name_beside(&"ä".repeat(40), "old_0f3a");
        assert_eq!(long, format!("{}_old_0f3a", "ä".repeat(27)));
        assert!(long.len() <= 63);
    }
}

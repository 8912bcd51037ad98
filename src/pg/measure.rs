//! The ground on which everything is measured: pinned settings, one snapshot, nothing left behind.
//!
//! What a definition or a row looks like as text depends on the session: search_path, time zone, date
//! style, float digits. And a session whose search_path puts another schema first, or that has a
//! temporary table `pg_class`, would be asked something else than what is written. So every
//! measurement runs inside a `Pin`. It leaves no trace: a transaction of its own that reads, or, on
//! a session with an open transaction, a savepoint that is rolled back.

use super::error::PgError;
use super::message::TransactionStatus;
use super::query::Rows;
use super::session::Session;

/// What the queries on the catalog begin with: which schemas and relations count.
pub(super) const PRELUDE: &str = include_str!("sql/prelude.sql");

/// Other than ENGINE's '': `pg_temp`, unless it is named, comes first for tables and types. Names are
/// qualified in the same way.
const SETTINGS: &str = "SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL TimeZone = 'UTC'; \
     SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'iso_8601'; SET LOCAL extra_float_digits = 1; \
     SET LOCAL bytea_output = 'hex'; SET LOCAL lc_monetary = 'C'; SET LOCAL quote_all_identifiers = off; \
     SET LOCAL xmloption = 'content'; SET LOCAL row_security = off; SET LOCAL jit = off; \
     SELECT pg_catalog.set_config('lock_timeout', '30s', true) \
     WHERE pg_catalog.current_setting('lock_timeout') OPERATOR(pg_catalog.=) '0'";

/// Why something couldn't be measured. Nothing was changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum MeasureError {
    /// The server said no, or is gone.
    #[error("{0}")]
    Pg(#[from] PgError),

    /// A plan names a table that isn't there (or that the role may not even see).
    #[error(
        "find table {name}: there is no such table in this database; \
         a table outside of schema public is named schema.table"
    )]
    NoTable { name: String },

    /// A plan's name fits several tables.
    #[error("find table {name}: it could be {candidates}; put the name in double quotes as SQL would")]
    Ambiguous { name: String, candidates: String },

    /// Something that this program can't judge, so it doesn't pretend to.
    #[error("judge {what}: {reason}")]
    NotJudged { what: String, reason: &'static str },

    /// Two measurements that can't be compared.
    #[error(
        "compare fingerprints of PostgreSQL {before} and {after}: definitions read differently in another major version; take both on the same one"
    )]
    OtherMajor { before: u32, after: u32 },

    /// The server answered with something else than was asked for.
    #[error("read the catalog: {0}")]
    Unreadable(String),
}

impl MeasureError {
    /// The session is gone.
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Pg(error) if error.is_lost())
    }

    /// Somebody changed the catalog while we read it: definitions are made from the newest state, not
    /// from the snapshot. Worth another try.
    pub(super) fn is_race(&self) -> bool {
        matches!(self, Self::Pg(error)
            if matches!(error.sqlstate(), Some("XX000" | "42P01" | "42704" | "42883" | "3F000" | "42703")))
    }
}

/// Pinned settings on a session, from [`Pin::begin`] to [`Pin::end`].
///
/// When a future that holds one is dropped in between, the session is left in that transaction: like
/// every abandoned answer it has to be drained and rolled back.
#[derive(Debug)]
#[must_use = "a pin that isn't ended leaves a transaction open"]
pub(super) struct Pin {
    own: bool,
}

impl Pin {
    pub(super) async fn begin(session: &mut Session) -> Result<Self, MeasureError> {
        let own = session.transaction() == TransactionStatus::Idle;
        let open = if own {
            "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
        } else {
            "SAVEPOINT holdpoint_measure"
        };
        let pin = Self { own };
        match session.batch(&format!("{open}; {SETTINGS}")).await {
            Ok(_) => Ok(pin),
            Err(error) => pin.end(session, Err(error.into())).await,
        }
    }

    /// Puts everything back, also after an error. The error that came first is the one that counts.
    pub(super) async fn end<T>(
        self,
        session: &mut Session,
        result: Result<T, MeasureError>,
    ) -> Result<T, MeasureError> {
        if result.as_ref().is_err_and(MeasureError::is_lost) {
            return result;
        }
        let close = if self.own {
            "ROLLBACK"
        } else {
            "ROLLBACK TO SAVEPOINT holdpoint_measure; RELEASE SAVEPOINT holdpoint_measure"
        };
        let closed = session.batch(close).await;
        let value = result?;
        closed?;
        Ok(value)
    }
}

/// A cell that can't be NULL.
pub(super) fn text(row: &[Option<String>], column: usize) -> Result<&str, MeasureError> {
    optional(row, column)
        .ok_or_else(|| MeasureError::Unreadable(format!("column {} of an answer is missing", column + 1)))
}

pub(super) fn optional(row: &[Option<String>], column: usize) -> Option<&str> {
    row.get(column).and_then(Option::as_deref)
}

/// A cell as a number (or whatever else can be read).
pub(super) fn number<T: std::str::FromStr>(row: &[Option<String>], column: usize) -> Result<T, MeasureError> {
    let cell = text(row, column)?;
    cell.parse().map_err(|_| MeasureError::Unreadable(format!("{cell:?} isn't a number")))
}

/// A cell that holds JSON.
pub(super) fn json<T: serde::de::DeserializeOwned>(
    row: &[Option<String>],
    column: usize,
) -> Result<T, MeasureError> {
    serde_json::from_str(text(row, column)?).map_err(|error| MeasureError::Unreadable(error.to_string()))
}

/// The one row of an answer that must have one.
pub(super) fn only_row(rows: &Rows) -> Result<&[Option<String>], MeasureError> {
    match rows.rows.as_slice() {
        [row] => Ok(row),
        other => Err(MeasureError::Unreadable(format!("{} rows where there is always one", other.len()))),
    }
}

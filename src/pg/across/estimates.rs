//! What the statistics say: cheap, and wrong after a reset, a crash or a load that nobody has analyzed since.

use std::collections::BTreeMap;

use super::{Failed, Pair};
use crate::pg::measure::{MeasureError, PRELUDE, json, number, optional};
use crate::pg::names::Object;
use crate::pg::session::Session;

/// Of a table, or a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimate {
    pub rows: i64,
    /// How many seconds ago somebody last counted; `None`: nobody has since the statistics began.
    pub age: Option<u64>,
}

/// Under their names.
pub type Estimates = BTreeMap<String, Estimate>;

/// Of both sides.
///
/// # Errors
/// When a side can't be read.
pub async fn estimates(pair: &mut Pair<'_>) -> Result<(Estimates, Estimates), Failed> {
    pair.both(read).await
}

async fn read(session: &mut Session) -> Result<Estimates, MeasureError> {
    let sql = format!(
        "{PRELUDE} SELECT json_build_array(rel.nspname, rel.relname), pg_stat_get_live_tuples(rel.oid), \
         extract(epoch FROM clock_timestamp() - greatest(pg_stat_get_last_analyze_time(rel.oid), \
           pg_stat_get_last_autoanalyze_time(rel.oid), pg_stat_get_last_vacuum_time(rel.oid), \
           pg_stat_get_last_autovacuum_time(rel.oid)))::bigint \
         FROM rel WHERE rel.relkind = 'r'"
    );
    let rows = session.query(&sql, &[]).await?;
    let mut estimates = Estimates::new();
    for row in &rows.rows {
        let object = Object { path: json(row, 0)?, arguments: None };
        // NULL only when nobody ever did; a clock that was put back gives less than nothing.
        let age = optional(row, 2).map(|age| age.parse::<i64>().unwrap_or_default().max(0).unsigned_abs());
        estimates.insert(object.to_string(), Estimate { rows: number(row, 1)?, age });
    }
    Ok(estimates)
}

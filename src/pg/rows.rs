//! How many rows tables have: exactly for the tables that are named, cheaply for all.

use std::collections::BTreeMap;

use super::measure::{MeasureError, PRELUDE, Pin, json, number, only_row};
use super::names::{Object, resolve};
use super::session::Session;
use crate::run::event::RowCount;

/// Exact counts of the tables that a plan names, under its names, in one snapshot. As `SELECT count(*)`
/// counts: with partitions and children. A table that isn't there is an error, and so is one of which
/// row security would hide rows from us.
pub async fn row_counts(
    session: &mut Session,
    tables: &[String],
) -> Result<BTreeMap<String, RowCount>, MeasureError> {
    if tables.is_empty() {
        return Ok(BTreeMap::new());
    }
    let pin = Pin::begin(session).await?;
    let counts = count(session, tables).await;
    pin.end(session, counts).await
}

async fn count(session: &mut Session, names: &[String]) -> Result<BTreeMap<String, RowCount>, MeasureError> {
    let mut counts = BTreeMap::new();
    for tables in resolve(session, names).await?.chunks(100) {
        let each: Vec<String> =
            tables.iter().map(|table| format!("(SELECT count(*) FROM {})", table.sql)).collect();
        let answer = session.query(&format!("SELECT {}", each.join(", ")), &[]).await?;
        let row = only_row(&answer)?;
        for (column, table) in tables.iter().enumerate() {
            counts.insert(table.name.clone(), RowCount { rows: number(row, column)?, exact: true });
        }
    }
    Ok(counts)
}

/// The server's own estimate for every table that holds rows itself (so not for a partitioned one),
/// without touching any of them: it also answers while somebody holds ACCESS EXCLUSIVE.
pub async fn estimated_rows(session: &mut Session) -> Result<BTreeMap<String, RowCount>, MeasureError> {
    let pin = Pin::begin(session).await?;
    let sql = format!(
        "{PRELUDE} SELECT json_build_array(rel.nspname, rel.relname), \
         CASE WHEN live > 0 THEN live ELSE greatest(c.reltuples, 0)::bigint END \
         FROM rel JOIN pg_class c USING (oid), pg_stat_get_live_tuples(c.oid) live WHERE rel.relkind = 'r'"
    );
    let rows = session.query(&sql, &[]).await.map_err(MeasureError::from);
    let rows = pin.end(session, rows).await?;
    let mut counts = BTreeMap::new();
    for row in &rows.rows {
        let object = Object { path: json(row, 0)?, arguments: None };
        counts.insert(object.to_string(), RowCount { rows: number(row, 1)?, exact: false });
    }
    Ok(counts)
}

//! What a transaction has touched, as the server itself says: no parser sees triggers, cascades, DO and
//! dynamic SQL.
//!
//! Just before COMMIT the work session is asked for its own locks and for the tuples it wrote. Locks
//! are certain: nothing is written without RowExclusive at least. Tuples are an upper bound (savepoints
//! that were rolled back count), and TRUNCATE doesn't show in them. The server adds up tuples
//! until it hands them to the statistics, beyond the end of a transaction: so [`before`] has to run on
//! the session before BEGIN. Not inside, where a query would make SET TRANSACTION impossible.
//!
//! What isn't a relation (functions, types, privileges) takes no such lock: the fingerprint shows it.

use std::collections::BTreeMap;

use super::error::PgError;
use super::measure::{MeasureError, Pin, number, optional, text};
use super::names::Object;
use super::query::Rows;
use super::session::Session;
use crate::run::event::Touched;

/// Modes by strength, as the query numbers them from 1.
const MODES: [&str; 6] =
    ["RowExclusive", "ShareUpdateExclusive", "Share", "ShareRowExclusive", "Exclusive", "AccessExclusive"];

/// Tuple counters that were on the session before the transaction; empty where the server could hand
/// them over at once.
#[derive(Debug, Clone, Default)]
pub struct Before {
    counted: BTreeMap<u32, [i64; 3]>,
}

/// Run it on the work session while no transaction is open, shortly before BEGIN.
pub async fn before(work: &mut Session) -> Result<Before, MeasureError> {
    if work.server_version() >= 150_000 {
        // Handed over when this statement is done: the next transaction counts from zero.
        work.query("SELECT pg_catalog.pg_stat_force_next_flush()", &[]).await?;
        return Ok(Before::default());
    }
    let sql = "SELECT s.relid, s.n_tup_ins, s.n_tup_upd, s.n_tup_del FROM pg_catalog.pg_stat_xact_all_tables s \
               WHERE s.n_tup_ins OPERATOR(pg_catalog.>) 0 OR s.n_tup_upd OPERATOR(pg_catalog.>) 0 \
                  OR s.n_tup_del OPERATOR(pg_catalog.>) 0";
    let mut before = Before::default();
    for row in &work.query(sql, &[]).await?.rows {
        before.counted.insert(number(row, 0)?, [number(row, 1)?, number(row, 2)?, number(row, 3)?]);
    }
    Ok(before)
}

/// The query for the work session, just before COMMIT; for whoever sends it in a window of his own.
pub fn touched_sql() -> &'static str {
    include_str!("sql/touched.sql")
}

/// What one transaction touched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Footprint {
    found: Vec<Found>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    oid: u32,
    /// `None`: the transaction dropped it.
    name: Option<String>,
    lock: usize,
    /// Inserted, updated, deleted.
    tuples: [i64; 3],
}

impl Footprint {
    /// Asks the work session, inside its transaction.
    pub async fn take(work: &mut Session, before: &Before) -> Result<Self, MeasureError> {
        let rows = work.query(touched_sql(), &[]).await?;
        Self::parse(&rows, before)
    }

    /// Reads the answer to [`touched_sql`].
    pub fn parse(rows: &Rows, before: &Before) -> Result<Self, MeasureError> {
        let mut found = Vec::new();
        for row in &rows.rows {
            let oid: u32 = number(row, 0)?;
            let name = match (optional(row, 1), optional(row, 2)) {
                (Some(schema), Some(name)) => Some(shown(schema, name)),
                _ => None,
            };
            let lock: usize = number(row, 3)?;
            let now = [number(row, 4)?, number(row, 5)?, number(row, 6)?];
            found.push(Found { oid, name, lock, tuples: since(now, before.counted.get(&oid)) });
        }
        Ok(Self { found })
    }

    /// Reads the answer as a COPY in text format has it, which another program asked for in a session that it
    /// had for this alone. What has no name is left out.
    pub fn of_copied(lines: &[String]) -> Result<Self, MeasureError> {
        let rows = Rows { rows: lines.iter().map(|line| cells(line)).collect(), ..Rows::default() };
        let mut footprint = Self::parse(&rows, &Before::default())?;
        footprint.found.retain(|found| found.name.is_some());
        Ok(footprint)
    }

    /// Asks another session for the names of what was dropped, before COMMIT. What that one doesn't
    /// know either lived in this transaction alone and is left out.
    pub async fn name_dropped(&mut self, other: &mut Session) -> Result<(), MeasureError> {
        let nameless: Vec<u32> =
            self.found.iter().filter(|found| found.name.is_none()).map(|found| found.oid).collect();
        if nameless.is_empty() {
            return Ok(());
        }
        let oids = serde_json::Value::from(nameless).to_string();
        let pin = Pin::begin(other).await?;
        let answer = other.query(include_str!("sql/dropped.sql"), &[Some(&oids)]).await;
        let rows = pin.end(other, answer.map_err(|error: PgError| error.into())).await?;
        let mut names: BTreeMap<u32, String> = BTreeMap::new();
        for row in &rows.rows {
            names.insert(number(row, 0)?, shown(text(row, 1)?, text(row, 2)?));
        }
        for found in &mut self.found {
            if found.name.is_none() {
                found.name = names.get(&found.oid).cloned();
            }
        }
        // A dropped index isn't here under its own oid, and its table is there anyway.
        self.found.retain(|found| found.name.is_some());
        Ok(())
    }

    /// Sorted by name. Dropped relations that were never named appear by oid.
    pub fn touched(&self) -> Vec<Touched> {
        let mut by_name: BTreeMap<String, Touched> = BTreeMap::new();
        for found in &self.found {
            let relation =
                found.name.clone().unwrap_or_else(|| format!("dropped relation (oid {})", found.oid));
            let lock = MODES.get(found.lock.wrapping_sub(1)).unwrap_or(&"unknown");
            let [inserted, updated, deleted] = found.tuples;
            let touched = by_name.entry(relation.clone()).or_insert_with(|| Touched {
                relation,
                lock: String::new(),
                inserted: 0,
                updated: 0,
                deleted: 0,
                at_most: false,
            });
            // Dropped and made again under one name: two oids, one line.
            let known = MODES.iter().position(|mode| *mode == touched.lock);
            if known.is_none_or(|known| known + 1 < found.lock) {
                touched.lock = (*lock).to_owned();
            }
            touched.inserted += inserted;
            touched.updated += updated;
            touched.deleted += deleted;
        }
        by_name.into_values().collect()
    }
}

/// A line of COPY in text format.
fn cells(line: &str) -> Vec<Option<String>> {
    let cell = |cell: &str| {
        let mut text = String::with_capacity(cell.len());
        let mut letters = cell.chars();
        while let Some(letter) = letters.next() {
            text.push(match letter {
                '\\' => match letters.next()? {
                    'N' => return None,
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'v' => '\u{b}',
                    other => other,
                },
                letter => letter,
            });
        }
        Some(text)
    };
    line.split('\t').map(cell).collect()
}

fn shown(schema: &str, name: &str) -> String {
    Object { path: vec![schema.to_owned(), name.to_owned()], arguments: None }.to_string()
}

/// The difference; when it would be negative, the counters were handed over in between, and what is
/// there now is all of it.
fn since(now: [i64; 3], before: Option<&[i64; 3]>) -> [i64; 3] {
    let Some(before) = before else { return now };
    if now.iter().zip(before).any(|(now, before)| now < before) {
        return now;
    }
    [now[0] - before[0], now[1] - before[1], now[2] - before[2]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_copy_is_read_as_the_server_wrote_it() {
        assert_eq!(cells("1\t\\N\ta\\tb\\\\"), [Some("1".into()), None, Some("a\tb\\".into())]);
    }
}

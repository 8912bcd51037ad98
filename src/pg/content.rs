//! What is in a table: a hash over its rows, computed in the server in one pass, and hashes per row
//! to name the rows that differ.
//!
//! The text of a row is taken with its columns sorted by name, under pinned settings, so neither the
//! order of rows nor of columns nor the layout on disk matters. Each row's SHA-256 is cut into four
//! 64-bit numbers, and each of the four is summed up exactly: that doesn't depend on the order, needs
//! no sort and no memory, and, other than XOR, sees a row that is there twice. It shows what was
//! changed by accident or forgotten; it isn't made to resist somebody who constructs collisions.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::measure::{MeasureError, Pin, json, number, only_row, text};
use super::names::{Table, quoted, resolve};
use super::row_hashes::CELL;
use super::session::Session;

/// What a table held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    pub rows: u64,
    /// Columns that the hash is over, sorted by name.
    pub columns: Vec<String>,
    /// Hex; also over the columns' names and the number of rows.
    pub hash: String,
}

/// A table with the columns that count.
pub(super) struct Shape {
    pub table: Table,
    pub columns: Vec<String>,
    /// Of the primary key, in its order; empty without one.
    pub key: Vec<String>,
}

/// Content of the tables that a plan guards, under the plan's names, all in one snapshot. `budget`
/// bounds each table's query; over it the error is the server's 57014.
pub async fn contents(
    session: &mut Session,
    tables: &[String],
    budget: Option<Duration>,
) -> Result<BTreeMap<String, Content>, MeasureError> {
    let pin = Pin::begin(session).await?;
    let contents = read(session, tables, budget).await;
    pin.end(session, contents).await
}

async fn read(
    session: &mut Session,
    tables: &[String],
    budget: Option<Duration>,
) -> Result<BTreeMap<String, Content>, MeasureError> {
    let mut contents = BTreeMap::new();
    let shapes = shapes(session, tables).await?;
    limit(session, budget).await?;
    for shape in shapes {
        let sql = format!(
            "SELECT {} FROM (SELECT {} AS h FROM {} t OFFSET 0) rows",
            sums(),
            shape.row_hash(),
            shape.table.sql
        );
        let answer = session.query(&sql, &[]).await?;
        let row = only_row(&answer)?;
        let rows = number(row, 0)?;
        let sums: Vec<&str> = (1..=SUMS).map(|cell| text(row, cell)).collect::<Result<_, _>>()?;
        let hash = hex_of(shape.columns.iter(), rows, &sums);
        contents.insert(shape.table.name, Content { rows, columns: shape.columns, hash });
    }
    Ok(contents)
}

/// How many numbers a row's hash is cut into.
pub(super) const SUMS: usize = 4;

/// Number of rows, then the sums, over rows with a hash `h`. It must come from a subquery with OFFSET 0: else each
/// of the sums would compute the hash anew.
pub(super) fn sums() -> String {
    let part = |at: usize| {
        let from = 8 * at + 1;
        format!("coalesce(sum(('x' || encode(substr(h, {from}, 8), 'hex'))::bit(64)::bigint), 0)::text")
    };
    let parts: Vec<String> = (0..SUMS).map(part).collect();
    format!("count(*), {}", parts.join(", "))
}

/// SHA-256 over a row's columns as text, in an encoding (as SQL).
pub(super) fn row_hash(columns: &[String], encoding: &str) -> String {
    format!("sha256(convert_to(ROW({})::text, {encoding}))", columns.join(", "))
}

/// One hash of the columns' names, the number of rows and the sums.
pub(super) fn hex_of<'a>(
    columns: impl Iterator<Item = &'a String>,
    rows: u64,
    sums: &[impl AsRef<str>],
) -> String {
    let mut sha = Sha256::new();
    sha.update("holdpoint content 1");
    for column in columns {
        sha.update((column.len() as u64).to_be_bytes());
        sha.update(column);
    }
    sha.update(rows.to_string());
    sha.update([0]);
    for sum in sums {
        sha.update(sum.as_ref());
        sha.update([0]);
    }
    sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Shape {
    /// SHA-256 of a row `t`, as bytes. In the server's own encoding, which nothing converts.
    pub(super) fn row_hash(&self) -> String {
        let columns: Vec<String> =
            self.columns.iter().map(|column| format!("t.{}", quoted(column))).collect();
        row_hash(&columns, "getdatabaseencoding()::text")
    }

    /// Eight hex digits for each column of a row `t`; dashes for NULL.
    pub(super) fn cells(&self) -> String {
        let cells: Vec<String> = self
            .columns
            .iter()
            .map(|column| {
                format!("coalesce(left(md5(t.{}::text), {CELL}), repeat('-', {CELL}))", quoted(column))
            })
            .collect();
        cells.join(" || ")
    }
}

/// Columns and keys of the tables that a plan names. For a session with a pin.
pub(super) async fn shapes(session: &mut Session, names: &[String]) -> Result<Vec<Shape>, MeasureError> {
    let tables = resolve(session, names).await?;
    let oids: Vec<u32> = tables.iter().map(|table| table.oid).collect();
    let oids = serde_json::Value::from(oids).to_string();
    let sql = "SELECT c.oid, \
          (SELECT coalesce(json_agg(a.attname ORDER BY a.attname), '[]') FROM pg_attribute a \
           WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), \
          (SELECT coalesce(json_agg(a.attname ORDER BY k.at), '[]') \
           FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, at) \
           JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
           WHERE i.indrelid = c.oid AND i.indisprimary AND k.at <= i.indnkeyatts) \
        FROM pg_class c WHERE c.oid::text IN (SELECT json_array_elements_text($1::json))";
    let answer = session.query(sql, &[Some(&oids)]).await?;
    let mut known: BTreeMap<u32, (Vec<String>, Vec<String>)> = BTreeMap::new();
    for row in &answer.rows {
        let mut columns: Vec<String> = json(row, 1)?;
        // The server sorts by its collation; what is hashed must not depend on one.
        columns.sort();
        known.insert(number(row, 0)?, (columns, json(row, 2)?));
    }
    tables
        .into_iter()
        .map(|table| match known.get(&table.oid) {
            Some((columns, key)) => Ok(Shape { columns: columns.clone(), key: key.clone(), table }),
            None => Err(MeasureError::NoTable { name: table.name }),
        })
        .collect()
}

/// Bounds what follows inside the pin.
pub(super) async fn limit(session: &mut Session, budget: Option<Duration>) -> Result<(), MeasureError> {
    if let Some(budget) = budget {
        let milliseconds = budget.as_millis().clamp(1, i32::MAX as u128);
        session.batch(&format!("SET LOCAL statement_timeout = {milliseconds}")).await?;
    }
    Ok(())
}

//! Hashes of single rows under their keys: to name the rows that differ when a table's content does.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::content::{limit, shapes};
use super::measure::{MeasureError, Pin, number, only_row, text};
use super::names::quoted;
use super::session::Session;

/// Hex digits of a column in [`RowHashes::cells`].
pub(super) const CELL: usize = 8;

/// The rows of a table, each by its key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowHashes {
    /// Columns of the primary key; empty without one, and then a row is its own key.
    pub key: Vec<String>,
    /// Key as text → hash of the row in hex and how often it is there (more than once only without a
    /// key). Keys are row data: they belong where row data may be.
    pub rows: BTreeMap<String, (String, u64)>,
    /// Columns in the order of `cells`. Both are empty without a key, and in what older programs wrote.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Of each row, eight hex digits a column: which columns differ, not what was in them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cells: BTreeMap<String, String>,
}

/// Which rows differ; each list is cut at the bound that was asked for, the counts aren't.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowDifference {
    pub added: Vec<String>,
    pub removed: Vec<String>,
    pub changed: Vec<String>,
    pub added_total: u64,
    pub removed_total: u64,
    pub changed_total: u64,
}

/// The rows of a table; `None` when there are more than `bound`.
pub async fn row_hashes(
    session: &mut Session,
    table: &str,
    bound: usize,
    budget: Option<Duration>,
) -> Result<Option<RowHashes>, MeasureError> {
    let pin = Pin::begin(session).await?;
    let hashes = read(session, table, bound, budget).await;
    pin.end(session, hashes).await
}

async fn read(
    session: &mut Session,
    table: &str,
    bound: usize,
    budget: Option<Duration>,
) -> Result<Option<RowHashes>, MeasureError> {
    let names = [table.to_owned()];
    let Some(shape) = shapes(session, &names).await?.pop() else {
        return Err(MeasureError::NoTable { name: table.to_owned() });
    };
    limit(session, budget).await?;
    let at_most = bound.saturating_add(1).min(i64::MAX as usize);
    let sql = format!("SELECT count(*) FROM (SELECT FROM {} LIMIT {at_most}) rows", shape.table.sql);
    let rows: u64 = number(only_row(&session.query(&sql, &[]).await?)?, 0)?;
    if rows > bound as u64 {
        return Ok(None);
    }
    let hash = format!("encode({}, 'hex')", shape.row_hash());
    let columns: Vec<String> = shape.key.iter().map(|column| format!("t.{}", quoted(column))).collect();
    let key = match columns.as_slice() {
        [] => hash.clone(),
        [one] => format!("{one}::text"),
        several => format!("ROW({})::text", several.join(", ")),
    };
    let cells = if shape.key.is_empty() { "''".to_owned() } else { shape.cells() };
    let sql = format!("SELECT {key}, {hash}, {cells} FROM {} t", shape.table.sql);
    let columns = if shape.key.is_empty() { Vec::new() } else { shape.columns };
    let mut hashes = RowHashes { key: shape.key, columns, ..RowHashes::default() };
    for row in &session.query(&sql, &[]).await?.rows {
        let (key, hash) = (text(row, 0)?, text(row, 1)?);
        if !hashes.columns.is_empty() {
            hashes.cells.insert(key.to_owned(), text(row, 2)?.to_owned());
        }
        // Children by inheritance can repeat their parent's keys: then all of them count.
        let (all, times) = hashes.rows.entry(key.to_owned()).or_insert_with(|| (hash.to_owned(), 0));
        if *times > 0 && !all.split(' ').any(|known| known == hash) {
            let mut known: Vec<&str> = all.split(' ').chain([hash]).collect();
            known.sort_unstable();
            *all = known.join(" ");
        }
        *times += 1;
    }
    Ok(Some(hashes))
}

impl RowHashes {
    /// Columns that both have, in which rows can be compared one by one.
    pub fn shared_columns(&self, other: &Self) -> Vec<String> {
        self.columns.iter().filter(|column| other.columns.contains(column)).cloned().collect()
    }

    /// What is in these columns of a row, eight characters each with blanks between; `None` where it isn't
    /// known.
    pub fn cells_of(&self, key: &str, columns: &[String]) -> Option<String> {
        let cells = self.cells.get(key).filter(|_| !columns.is_empty())?;
        let cell = |column: &String| {
            let at = self.columns.iter().position(|own| own == column)?;
            cells.get(at * CELL..(at + 1) * CELL)
        };
        // In between a column may have been away.
        let cells: Vec<&str> = columns.iter().map(|column| cell(column).unwrap_or("????????")).collect();
        Some(cells.join(" "))
    }

    /// Columns in which a row differs, of those that are there on both sides.
    pub fn changed_columns(before: &Self, after: &Self, key: &str) -> Vec<String> {
        let shared = before.shared_columns(after);
        let (Some(then), Some(now)) = (before.cells_of(key, &shared), after.cells_of(key, &shared)) else {
            return Vec::new();
        };
        let differs = then.split(' ').zip(now.split(' ')).map(|(then, now)| then != now);
        shared.into_iter().zip(differs).filter(|(_, differs)| *differs).map(|(column, _)| column).collect()
    }

    /// The rows that differ, named by their keys, at most `bound` of each sort.
    pub fn diff(before: &Self, after: &Self, bound: usize) -> RowDifference {
        let mut difference = RowDifference::default();
        let mut note =
            |list: fn(&mut RowDifference) -> (&mut Vec<String>, &mut u64), key: &str, times: u64| {
                let (names, total) = list(&mut difference);
                *total += times;
                if names.len() < bound {
                    names.push(key.to_owned());
                }
            };
        for (key, (hash, times)) in &before.rows {
            match after.rows.get(key) {
                None => note(|d| (&mut d.removed, &mut d.removed_total), key, *times),
                Some((_, now)) if before.key.is_empty() && now < times => {
                    note(|d| (&mut d.removed, &mut d.removed_total), key, times - now);
                }
                Some((_, now)) if before.key.is_empty() && now > times => {
                    note(|d| (&mut d.added, &mut d.added_total), key, now - times);
                }
                Some((now_hash, now)) if now_hash != hash || now != times => {
                    note(|d| (&mut d.changed, &mut d.changed_total), key, 1);
                }
                Some(_) => {}
            }
        }
        for (key, (_, times)) in &after.rows {
            if !before.rows.contains_key(key) {
                note(|d| (&mut d.added, &mut d.added_total), key, *times);
            }
        }
        difference
    }
}

//! One hash of all rows of a table, on both sides at once.

use std::collections::BTreeMap;

use super::{Failed, Pair, Relation};
use crate::pg::content::{SUMS, sums};
use crate::pg::measure::{MeasureError, number, only_row, text};
use crate::pg::session::Session;

/// Rows of a table, or of a part of it: how many, and four sums over the hashes of all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableHash {
    pub rows: u64,
    pub sums: [String; SUMS],
}

/// Of source and target; a side that can't be read says why.
pub type Hashes = (Result<TableHash, MeasureError>, Result<TableHash, MeasureError>);

/// What both hold of a table.
///
/// # Errors
/// When a session is lost.
pub async fn contents(pair: &mut Pair<'_>, source: &Relation, target: &Relation) -> Result<Hashes, Failed> {
    pair.each(async |session| hash(session, source).await, async |session| hash(session, target).await).await
}

/// How many rows both have.
///
/// # Errors
/// When a session is lost.
pub async fn counts(
    pair: &mut Pair<'_>,
    source: &Relation,
    target: &Relation,
) -> Result<(Result<u64, MeasureError>, Result<u64, MeasureError>), Failed> {
    pair.each(async |session| count(session, source).await, async |session| count(session, target).await)
        .await
}

async fn count(session: &mut Session, relation: &Relation) -> Result<u64, MeasureError> {
    let answer = session.query(&format!("SELECT count(*) FROM {}", relation.sql), &[]).await?;
    number(only_row(&answer)?, 0)
}

async fn hash(session: &mut Session, relation: &Relation) -> Result<TableHash, MeasureError> {
    let sql = format!(
        "SELECT {} FROM (SELECT {} AS h FROM {} t OFFSET 0) rows",
        sums(),
        relation.row_hash(),
        relation.sql
    );
    let answer = session.query(&sql, &[]).await?;
    TableHash::read(only_row(&answer)?, 0)
}

impl TableHash {
    /// From cells that [`sums`] gave.
    pub(super) fn read(row: &[Option<String>], from: usize) -> Result<Self, MeasureError> {
        let mut sums: [String; SUMS] = Default::default();
        for (at, sum) in sums.iter_mut().enumerate() {
            *sum = text(row, from + 1 + at)?.to_owned();
        }
        Ok(Self { rows: number(row, from)?, sums })
    }

    /// In hex, over the columns' names too.
    #[must_use]
    pub fn hex(&self, columns: &BTreeMap<String, String>) -> String {
        crate::pg::content::hex_of(columns.keys(), self.rows, &self.sums)
    }
}

//! An image, and how it is taken.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::pg::content::{Content, contents};
use crate::pg::fingerprint::Fingerprint;
use crate::pg::measure::MeasureError;
use crate::pg::row_hashes::{RowHashes, row_hashes};
use crate::pg::sequences::{SequenceValue, sequence_values};
use crate::pg::session::Session;

/// Of larger tables it is known that they differ, not in which rows.
const NAMED_ROWS: usize = 50_000;

/// What there was at one moment. Schema, sequences and each table's rows are read one after the other,
/// each in a snapshot of its own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Image {
    #[serde(flatten)]
    pub fingerprint: Fingerprint,
    #[serde(default)]
    pub sequence_values: BTreeMap<String, SequenceValue>,
    /// By the names under which the tables were asked for.
    #[serde(default)]
    pub rows: BTreeMap<String, TableRows>,
}

/// The rows of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableRows {
    #[serde(flatten)]
    pub content: Content,
    /// Row by row, when there aren't too many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<RowHashes>,
}

/// What a table means that is named and isn't there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    Error,
    /// It is left out: that it is gone shows in the comparison.
    LeftOut,
}

impl Image {
    /// Takes all of it, with the rows of these tables.
    pub async fn take(
        session: &mut Session,
        tables: &[String],
        missing: Missing,
    ) -> Result<Self, MeasureError> {
        let mut image = Self::schema(session).await?;
        image.add_rows(session, tables, missing).await?;
        Ok(image)
    }

    /// Without any rows.
    pub async fn schema(session: &mut Session) -> Result<Self, MeasureError> {
        let fingerprint = Fingerprint::take(session).await?;
        let sequence_values = sequence_values(session).await?;
        Ok(Self { fingerprint, sequence_values, rows: BTreeMap::new() })
    }

    /// The rows of these tables too.
    pub async fn add_rows(
        &mut self,
        session: &mut Session,
        tables: &[String],
        missing: Missing,
    ) -> Result<(), MeasureError> {
        self.add_rows_unlike(session, tables, missing, None).await
    }

    /// The rows of these tables too, one by one only where a table isn't what it was in `like`: to be
    /// compared with that.
    pub async fn add_rows_unlike(
        &mut self,
        session: &mut Session,
        tables: &[String],
        missing: Missing,
        like: Option<&Self>,
    ) -> Result<(), MeasureError> {
        for table in tables {
            let then = like.and_then(|like| like.rows.get(table)).map(|rows| &rows.content);
            match table_rows(session, table, then).await {
                Ok(found) => drop(self.rows.insert(table.clone(), found)),
                Err(MeasureError::NoTable { .. }) if missing == Missing::LeftOut => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

async fn table_rows(
    session: &mut Session,
    table: &str,
    then: Option<&Content>,
) -> Result<TableRows, MeasureError> {
    let names = [table.to_owned()];
    let found = contents(session, &names, None).await?.remove(table);
    let Some(content) = found else { return Err(MeasureError::NoTable { name: table.to_owned() }) };
    let each = if content.rows <= NAMED_ROWS as u64 && then != Some(&content) {
        row_hashes(session, table, NAMED_ROWS, None).await?
    } else {
        None
    };
    Ok(TableRows { content, each })
}

//! Takes a fingerprint from a server: one query for each class of objects, none per object.

use super::Fingerprint;
use crate::pg::measure::{MeasureError, PRELUDE, Pin, json, text};
use crate::pg::session::Session;

/// Each gives two columns, object and definition.
const CLASSES: [&str; 18] = [
    include_str!("sql/schemas.sql"),
    include_str!("sql/tables.sql"),
    include_str!("sql/columns.sql"),
    include_str!("sql/constraints.sql"),
    include_str!("sql/indexes.sql"),
    include_str!("sql/views.sql"),
    include_str!("sql/sequences.sql"),
    include_str!("sql/routines.sql"),
    include_str!("sql/triggers.sql"),
    include_str!("sql/policies.sql"),
    include_str!("sql/types.sql"),
    include_str!("sql/operators.sql"),
    include_str!("sql/text_search.sql"),
    include_str!("sql/foreign.sql"),
    include_str!("sql/replication.sql"),
    include_str!("sql/privileges.sql"),
    include_str!("sql/comments.sql"),
    include_str!("sql/statistics.sql"),
];
const COLUMN_ORDER: &str = include_str!("sql/column_order.sql");
const PUBLISHED_SCHEMAS: &str = include_str!("sql/published_schemas.sql");

/// Tries against a catalog that others change meanwhile: somebody who does nothing else hits three in a
/// row on a busy machine.
const TRIES: u32 = 10;

impl Fingerprint {
    /// The database as this session sees it: inside an open transaction with what that has done.
    pub async fn take(session: &mut Session) -> Result<Self, MeasureError> {
        let mut tries = 1;
        loop {
            let pin = Pin::begin(session).await?;
            let read = Self::read(session).await;
            match pin.end(session, read).await {
                Err(error) if error.is_race() && tries < TRIES => tries += 1,
                other => return other,
            }
        }
    }

    async fn read(session: &mut Session) -> Result<Self, MeasureError> {
        let mut taken = Self { major: session.server_version() / 10_000, ..Self::default() };
        let mut classes = CLASSES.to_vec();
        if taken.major >= 15 {
            classes.push(PUBLISHED_SCHEMAS);
        }
        classes.push(COLUMN_ORDER);
        let statements: Vec<String> = classes.iter().map(|class| format!("{PRELUDE}{class}")).collect();
        let mut answers = session.queries(&statements).await?;
        let order = answers.pop().unwrap_or_default();
        for answer in &answers {
            for row in &answer.rows {
                // A definition that is gone while we read (dropped by somebody else) is NULL; that it
                // was there is still worth a line.
                let definition = row.get(1).and_then(Option::as_deref).unwrap_or("(no definition)");
                let key = text(row, 0)?;
                if let Some(other) = taken.objects.insert(key.to_owned(), definition.to_owned())
                    && other != definition
                {
                    return Err(MeasureError::Unreadable(format!("{key} has two definitions")));
                }
            }
        }
        for row in &order.rows {
            taken.column_order.insert(text(row, 0)?.to_owned(), json(row, 1)?);
        }
        Ok(taken)
    }
}

//! What uses what: enums with everything that depends on them, and tables with the tables they refer to.

use super::measure::{MeasureError, PRELUDE, Pin, json, text};
use super::session::Session;

const ENUM_USES: &str = include_str!("sql/enum_uses.sql");
const REFERENCES: &str = include_str!("sql/references.sql");

/// An enum, and where it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnumUses {
    /// With its schema, as everything here.
    pub name: String,
    /// In their order.
    pub labels: Vec<String>,
    /// Kind and name of what depends on it: `table column`, `public.orders.state`.
    pub uses: Vec<(String, String)>,
    /// Functions whose bodies name it, by the word alone.
    pub named_in: Vec<String>,
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    pub from: String,
    pub to: String,
    pub name: String,
    pub columns: Vec<String>,
    pub to_columns: Vec<String>,
    /// `ON DELETE CASCADE`, or nothing.
    pub on_delete: String,
    pub validated: bool,
}

/// Tables, and how they refer to each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// All of them, those too that refer to none; without partitions.
    pub tables: Vec<String>,
    pub keys: Vec<Reference>,
}

impl EnumUses {
    /// All enums, sorted by name.
    pub async fn all(session: &mut Session) -> Result<Vec<Self>, MeasureError> {
        let pin = Pin::begin(session).await?;
        let rows = session.query(&format!("{PRELUDE}{ENUM_USES}"), &[]).await.map_err(MeasureError::from);
        let rows = pin.end(session, rows).await?;
        let one = |row: &Vec<Option<String>>| {
            Ok(Self {
                name: text(row, 0)?.to_owned(),
                // An enum without a label is one all the same.
                labels: row.get(1).and_then(Option::as_deref).map_or(Ok(Vec::new()), |_| json(row, 1))?,
                uses: json(row, 2)?,
                named_in: json(row, 3)?,
            })
        };
        rows.rows.iter().map(one).collect()
    }
}

impl References {
    /// All tables and foreign keys, sorted by name.
    pub async fn take(session: &mut Session) -> Result<Self, MeasureError> {
        let pin = Pin::begin(session).await?;
        let read = Self::read(session).await;
        pin.end(session, read).await
    }

    async fn read(session: &mut Session) -> Result<Self, MeasureError> {
        let tables = format!(
            "{PRELUDE} SELECT rel.name FROM rel JOIN pg_class c USING (oid) \
             WHERE rel.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY rel.name COLLATE \"C\""
        );
        let mut taken = Self::default();
        for row in &session.query(&tables, &[]).await?.rows {
            taken.tables.push(text(row, 0)?.to_owned());
        }
        for row in &session.query(&format!("{PRELUDE}{REFERENCES}"), &[]).await?.rows {
            taken.keys.push(Reference {
                from: text(row, 0)?.to_owned(),
                to: text(row, 1)?.to_owned(),
                name: text(row, 2)?.to_owned(),
                columns: json(row, 3)?,
                to_columns: json(row, 4)?,
                on_delete: text(row, 5)?.to_owned(),
                validated: text(row, 6)? == "t",
            });
        }
        // A partition that refers by itself stands there too.
        for key in &taken.keys {
            for name in [&key.from, &key.to] {
                if let Err(at) = taken.tables.binary_search(name) {
                    taken.tables.insert(at, name.clone());
                }
            }
        }
        Ok(taken)
    }
}

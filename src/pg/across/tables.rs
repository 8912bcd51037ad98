//! The tables of a side: what is compared of them, and by which keys.

use std::collections::BTreeMap;

use super::{Failed, Pair};
use crate::pg::measure::{MeasureError, PRELUDE, json, text};
use crate::pg::names::{Object, quoted};
use crate::pg::session::Session;

/// A table: a plain one without its children, or a partitioned one with all of its partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// As it is shown: schema public isn't.
    pub name: String,
    pub schema: String,
    /// For FROM.
    pub sql: String,
    /// Sorted by name, each with its type.
    pub columns: BTreeMap<String, String>,
    /// Columns by which a row is one: of the primary key first, then of other keys.
    pub keys: Vec<Vec<String>>,
}

/// Under their names.
pub type Relations = BTreeMap<String, Relation>;

/// The tables of both sides.
///
/// # Errors
/// When a side can't be read.
pub async fn relations(pair: &mut Pair<'_>) -> Result<(Relations, Relations), Failed> {
    pair.both(read).await
}

async fn read(session: &mut Session) -> Result<Relations, MeasureError> {
    // A key is one that holds for all rows at any time: not partial, not deferrable, of columns that are never NULL.
    let sql = format!(
        "{PRELUDE} SELECT json_build_array(rel.nspname, rel.relname), rel.relkind, rel.name, \
           (SELECT coalesce(json_object_agg(a.attname, format_type(a.atttypid, -1)), '{{}}') FROM pg_attribute a \
            WHERE a.attrelid = rel.oid AND a.attnum > 0 AND NOT a.attisdropped), \
           (SELECT coalesce(json_agg(k.columns ORDER BY k.first DESC, k.oid), '[]') FROM ( \
              SELECT i.indisprimary AS first, i.indexrelid AS oid, \
                json_agg(a.attname ORDER BY u.at) AS columns \
              FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS u(attnum, at) \
              LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.attnum AND a.attnotnull \
              WHERE i.indrelid = rel.oid AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL \
                AND u.at <= i.indnkeyatts \
              GROUP BY i.indisprimary, i.indexrelid HAVING bool_and(a.attname IS NOT NULL)) k) \
         FROM rel JOIN pg_class c USING (oid) WHERE rel.relkind IN ('r', 'p') AND NOT c.relispartition"
    );
    let rows = session.query(&sql, &[]).await?;
    let mut relations = Relations::new();
    for row in &rows.rows {
        let path: Vec<String> = json(row, 0)?;
        let schema = path.first().cloned().unwrap_or_default();
        let name = Object { path, arguments: None }.to_string();
        let only = if text(row, 1)? == "r" { "ONLY " } else { "" };
        let sql = format!("{only}{}", text(row, 2)?);
        let relation =
            Relation { name: name.clone(), schema, sql, columns: json(row, 3)?, keys: json(row, 4)? };
        relations.insert(name, relation);
    }
    Ok(relations)
}

impl Relation {
    /// Whether a plan means it by this name; `schema.*` is all of a schema.
    #[must_use]
    pub fn is_meant_by(&self, name: &str) -> bool {
        if let Some(schema) = name.strip_suffix(".*") {
            return schema == self.schema || schema == quoted(&self.schema);
        }
        let plain = |name: &str| name.strip_prefix("public.").unwrap_or(name).to_owned();
        plain(name) == self.name
    }

    /// The columns by which rows of both are told apart; empty: a row is its own key.
    #[must_use]
    pub fn shared_key(&self, other: &Self) -> Vec<String> {
        let there = |key: &&Vec<String>| {
            let on = |relation: &Self| key.iter().all(|column| relation.columns.contains_key(column));
            on(self) && on(other)
        };
        self.keys.iter().chain(&other.keys).find(there).cloned().unwrap_or_default()
    }

    /// SHA-256 of a row `t` in UTF-8, whatever encodings the databases have.
    pub(super) fn row_hash(&self) -> String {
        let columns: Vec<String> =
            self.columns.keys().map(|column| format!("t.{}", quoted(column))).collect();
        crate::pg::content::row_hash(&columns, "'UTF8'")
    }
}

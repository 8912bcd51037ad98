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
    /// The order in which this side sorts a column's values, where it has a name: under the same name they are
    /// sorted alike on both sides.
    pub orders: BTreeMap<String, Option<String>>,
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

/// Types whose values are sorted alike everywhere; of text that depends on its collation.
const SORTED: &str = "'int2', 'int4', 'int8', 'numeric', 'float4', 'float8', 'bool', 'uuid', 'bytea', 'oid', 'date', \
     'time', 'timetz', 'timestamp', 'timestamptz', 'interval', 'inet', 'cidr', 'macaddr', 'bit', 'varbit'";

/// The order of a column `a`, as SQL: of its type and, of text, of the encoding and the collation, whose version the
/// server has to tell. C's needs none.
fn order(session: &Session) -> String {
    let version = match session.server_version() {
        0..150_000 => "NULL",
        _ => "pg_database_collation_actual_version(d.oid)",
    };
    let bare = |provider: &str, name: &str| {
        format!("{provider} = 'c' AND ({name} IN ('C', 'POSIX') OR lower({name}) LIKE 'c.utf%')")
    };
    format!(
        "(SELECT CASE WHEN y.typname IN ({SORTED}) THEN y.typname::text \
           WHEN y.typname IN ('text', 'varchar', 'bpchar') THEN concat(y.typname, ' ', getdatabaseencoding(), ' ') || \
             (SELECT CASE WHEN NOT l.collisdeterministic THEN NULL \
                WHEN l.collprovider = 'd' THEN (SELECT CASE WHEN {} THEN d.datcollate ELSE ( \
                  SELECT string_agg(v, ' ' ORDER BY k) FROM jsonb_each_text(to_jsonb(d)) AS each (k, v) \
                  WHERE k IN ('datlocprovider', 'datcollate', 'datctype', 'daticulocale', 'datlocale', 'daticurules') \
                  ) || ' ' || {version} END FROM pg_database d WHERE d.datname = current_database()) \
                WHEN {} THEN l.collcollate \
                ELSE (SELECT string_agg(v, ' ' ORDER BY k) FROM jsonb_each_text(to_jsonb(l)) AS each (k, v) \
                  WHERE k IN ('collprovider', 'collcollate', 'collctype', 'colliculocale', 'colllocale', 'collicurules') \
                  ) || ' ' || pg_collation_actual_version(l.oid) END \
              FROM pg_collation l WHERE l.oid = a.attcollation) END \
         FROM pg_type y WHERE y.oid = a.atttypid AND y.typnamespace = 'pg_catalog'::regnamespace)",
        bare("coalesce(to_jsonb(d) ->> 'datlocprovider', 'c')", "d.datcollate"),
        bare("l.collprovider", "l.collcollate"),
    )
}

async fn read(session: &mut Session) -> Result<Relations, MeasureError> {
    let order = order(session);
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
              GROUP BY i.indisprimary, i.indexrelid HAVING bool_and(a.attname IS NOT NULL)) k), \
           (SELECT coalesce(json_object_agg(a.attname, {order}), '{{}}') FROM pg_attribute a \
            WHERE a.attrelid = rel.oid AND a.attnum > 0 AND NOT a.attisdropped) \
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
        let (columns, keys, orders) = (json(row, 3)?, json(row, 4)?, json(row, 5)?);
        let relation = Relation { name: name.clone(), schema, sql, columns, orders, keys };
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

    /// Whether both sides sort a column's values alike, as far as they tell.
    pub(super) fn sorts_as(&self, other: &Self, column: &str) -> bool {
        let order = |relation: &Self| relation.orders.get(column).cloned().flatten();
        order(self).is_some() && order(self) == order(other)
    }

    /// SHA-256 of a row `t` in UTF-8, whatever encodings the databases have.
    pub(super) fn row_hash(&self) -> String {
        let columns: Vec<String> =
            self.columns.keys().map(|column| format!("t.{}", quoted(column))).collect();
        crate::pg::content::row_hash(&columns, "'UTF8'")
    }
}

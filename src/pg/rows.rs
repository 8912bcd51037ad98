//! How many rows tables have: exactly for the tables that are named, cheaply for all. And how many have
//! something in a column.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::measure::{MeasureError, PRELUDE, Pin, json, number, only_row, text};
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

/// A column of a table, by its bare name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Column {
    /// As a plan names it.
    pub table: String,
    pub column: String,
}

impl std::fmt::Display for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.table, self.column)
    }
}

/// How many rows have a value in each column, other than the constant that is its default: what the server
/// puts there by itself nobody has written. One that is computed has none; one that isn't there is left out.
pub async fn value_counts(
    session: &mut Session,
    columns: &[Column],
) -> Result<BTreeMap<String, RowCount>, MeasureError> {
    let pin = Pin::begin(session).await?;
    let counts = values(session, columns).await;
    pin.end(session, counts).await
}

async fn values(
    session: &mut Session,
    columns: &[Column],
) -> Result<BTreeMap<String, RowCount>, MeasureError> {
    let mut counts = BTreeMap::new();
    for column in columns {
        let table = match resolve(session, std::slice::from_ref(&column.table)).await {
            Ok(tables) => tables.into_iter().next(),
            Err(MeasureError::NoTable { .. }) => None,
            Err(error) => return Err(error),
        };
        let Some(table) = table else { continue };
        let known = session
            .query(
                "SELECT quote_ident(a.attname), a.attgenerated::text, pg_get_expr(d.adbin, d.adrelid) \
                 FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
                 WHERE a.attrelid = $1::oid AND a.attname = $2 AND a.attnum > 0 AND NOT a.attisdropped",
                &[Some(&table.oid.to_string()), Some(&column.column)],
            )
            .await?;
        let Some(row) = known.rows.first() else { continue };
        let (name, generated) = (text(row, 0)?, text(row, 1)?);
        let rows = if generated.is_empty() {
            let own = match row.get(2).and_then(|cell| cell.as_deref()).filter(|default| is_constant(default))
            {
                Some(default) => format!("{name}::text IS DISTINCT FROM ({default})::text"),
                None => "true".to_owned(),
            };
            let sql = format!(
                "SELECT count(*) FILTER (WHERE {name} IS DISTINCT FROM NULL AND {own}) FROM {}",
                table.sql
            );
            number(only_row(&session.query(&sql, &[]).await?)?, 0)?
        } else {
            0
        };
        counts.insert(column.to_string(), RowCount { rows, exact: true });
    }
    Ok(counts)
}

/// Whether a default, as the server writes it, is a literal: `'EUR'::bpchar`, `0`, `(-1)`, `false`.
fn is_constant(default: &str) -> bool {
    static LITERAL: LazyLock<Regex> = LazyLock::new(|| {
        let value = r"(?:'(?:[^']|'')*'|\(?-?[0-9.]+\)?|true|false)";
        #[expect(clippy::expect_used, reason = "the text is above")]
        Regex::new(&format!(r#"^{value}(?:::[a-z_][a-z0-9_ .\[\]"]*(?:\([0-9,]+\))?(?:\[\])?)?$"#))
            .expect("a regex")
    });
    LITERAL.is_match(default)
}

#[cfg(test)]
mod tests {
    use super::is_constant;

    #[test]
    fn only_literals_are_constant() {
        for default in
            ["'EUR'::bpchar", "0", "(-1)", "1.5::numeric(10,2)", "false", "'a''b'::text", "'{}'::text[]"]
        {
            assert!(is_constant(default), "{default}");
        }
        for default in ["now()", "nextval('s'::regclass)", "CURRENT_DATE", "'a'::text || f()", "(1 + 2)"] {
            assert!(!is_constant(default), "{default}");
        }
    }
}

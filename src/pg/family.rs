//! Under which names the server reports writes to a table: its own, and those of its partitions and
//! children, whose rows are its rows.

use std::collections::BTreeMap;

use super::measure::{MeasureError, Pin, json, number};
use super::names::{Object, resolve};
use super::session::Session;

/// For each table that a plan names, the relations that hold its rows, as a footprint names them.
pub async fn families(
    session: &mut Session,
    tables: &[String],
) -> Result<BTreeMap<String, Vec<String>>, MeasureError> {
    let pin = Pin::begin(session).await?;
    let found = read(session, tables).await;
    pin.end(session, found).await
}

async fn read(
    session: &mut Session,
    names: &[String],
) -> Result<BTreeMap<String, Vec<String>>, MeasureError> {
    let tables = resolve(session, names).await?;
    let oids: Vec<u32> = tables.iter().map(|table| table.oid).collect();
    let sql = "WITH RECURSIVE family(root, oid) AS ( \
                 SELECT c.oid, c.oid FROM pg_class c \
                 WHERE c.oid::text IN (SELECT json_array_elements_text($1::json)) \
                 UNION SELECT f.root, i.inhrelid FROM family f JOIN pg_inherits i ON i.inhparent = f.oid) \
               SELECT f.root, json_build_array(n.nspname, c.relname) \
               FROM family f JOIN pg_class c ON c.oid = f.oid JOIN pg_namespace n ON n.oid = c.relnamespace";
    let answer = session.query(sql, &[Some(&serde_json::Value::from(oids).to_string())]).await?;
    let mut members: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for row in &answer.rows {
        let object = Object { path: json(row, 1)?, arguments: None };
        members.entry(number(row, 0)?).or_default().push(object.to_string());
    }
    let family = |oid: u32| members.get(&oid).cloned().unwrap_or_default();
    Ok(tables.into_iter().map(|table| (table.name, family(table.oid))).collect())
}

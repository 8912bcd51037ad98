//! The ledger in another database: what a restore beside the target takes along, so that whoever comes into the
//! new one finds there what the runs did.

use super::schema::{self, SchemaError};
use crate::pg::PgError;
use crate::pg::Session;

/// Rows that are written at once.
const PAGE: usize = 5_000;
/// Work sessions of the old database have no meaning in another; the fence's row is there from the start.
const STAYS: [&str; 2] = ["backend", "fence"];

/// Makes the schema in a database that has none, and copies the fence and all rows.
///
/// # Errors
/// When one of the servers refuses, or when the schema that was made isn't ours.
pub async fn take_along(from: &mut Session, to: &mut Session) -> Result<(), SchemaError> {
    schema::ensure(to).await?;
    from.batch("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let copied = copy(from, to).await;
    // It only read.
    from.batch("ROLLBACK").await?;
    Ok(copied?)
}

async fn copy(from: &mut Session, to: &mut Session) -> Result<(), PgError> {
    to.batch("BEGIN; DELETE FROM holdpoint.fence").await?;
    let fence = from.query("SELECT pg_catalog.row_to_json(f) FROM holdpoint.fence f", &[]).await?;
    insert(to, "fence", fence.rows).await?;
    for table in schema::tables().filter(|table| !STAYS.contains(table)) {
        from.batch(&format!(
            "DECLARE holdpoint_rows CURSOR FOR SELECT pg_catalog.row_to_json(r) FROM holdpoint.{table} r"
        ))
        .await?;
        loop {
            let page = from.query(&format!("FETCH {PAGE} FROM holdpoint_rows"), &[]).await?.rows;
            if page.is_empty() {
                break;
            }
            insert(to, table, page).await?;
        }
        from.batch("CLOSE holdpoint_rows").await?;
    }
    for grant in grants(from).await? {
        to.batch(&grant).await?;
    }
    to.batch("COMMIT").await.map(drop)
}

/// Who may read the ledger beside us.
async fn grants(from: &mut Session) -> Result<Vec<String>, PgError> {
    let sql = "SELECT pg_catalog.format('GRANT %s ON %s TO %s', g.privilege, g.name, CASE WHEN g.grantee = 0 THEN 'PUBLIC' \
         ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(g.grantee)) END) FROM \
         (SELECT x.privilege_type AS privilege, 'SCHEMA holdpoint' AS name, x.grantee FROM pg_catalog.pg_namespace n, \
         pg_catalog.aclexplode(n.nspacl) x WHERE n.nspname = 'holdpoint' AND x.grantee <> n.nspowner \
         UNION ALL SELECT x.privilege_type, 'holdpoint.' || c.relname, x.grantee FROM pg_catalog.pg_class c \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace, pg_catalog.aclexplode(c.relacl) x \
         WHERE n.nspname = 'holdpoint' AND c.relkind = 'r' AND x.grantee <> c.relowner) g";
    let rows = from.query(sql, &[]).await?;
    Ok(rows.rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
}

async fn insert(to: &mut Session, table: &str, rows: Vec<Vec<Option<String>>>) -> Result<(), PgError> {
    let rows: Vec<String> = rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect();
    let sql = format!(
        "INSERT INTO holdpoint.{table} SELECT * FROM pg_catalog.json_populate_recordset(NULL::holdpoint.{table}, $1::pg_catalog.json)"
    );
    to.query(&sql, &[Some(&format!("[{}]", rows.join(",")))]).await.map(drop)
}

//! A database of the private server, as a copy of another one.

use crate::pg::error::PgError;
use crate::pg::session::Session;

/// Copies the files. Since 15 a server would by itself write the whole copy to its log instead, which
/// spares it a checkpoint; where nothing is synced a checkpoint is cheap, and the log isn't.
///
/// # Errors
/// When the server doesn't make the copy.
pub async fn copy_database(session: &mut Session, name: &str, template: &str) -> Result<(), PgError> {
    let strategy = if session.server_version() >= 150_000 { " STRATEGY FILE_COPY" } else { "" };
    let sql = format!("CREATE DATABASE {name} TEMPLATE {template}{strategy}");
    session.batch(&sql).await.map(drop)
}

//! Everything that a rehearsal compares: on a private server, where nobody else writes, that is nearly
//! everything that can be asked.

use std::collections::{BTreeMap, BTreeSet};

use crate::pg::content::{self, Content};
use crate::pg::fingerprint::Fingerprint;
use crate::pg::measure::MeasureError;
use crate::pg::{ConnectConfig, Session, rows};
use crate::run::event::Residue;

/// Tables of more rows aren't hashed: each is read after every walk.
const LARGEST: i64 = 500_000;

/// A database, and what of its server is everybody's, as they were at one time.
#[derive(Debug, Clone)]
pub(super) struct Image {
    schema: Fingerprint,
    rows: BTreeMap<String, Content>,
    /// Tables that are too large to be read again and again.
    large: BTreeSet<String>,
    server: BTreeMap<String, String>,
}

impl Image {
    pub(super) async fn take(database: &ConnectConfig) -> Result<Self, MeasureError> {
        let mut session = Session::connect(database, "image").await?;
        let taken = Self::read(&mut session).await;
        session.close().await;
        taken
    }

    async fn read(session: &mut Session) -> Result<Self, MeasureError> {
        let schema = Fingerprint::take(session).await?;
        // The estimates of a fresh copy are none.
        session.batch("ANALYZE").await?;
        let (large, small): (Vec<_>, Vec<_>) =
            rows::estimated_rows(session).await?.into_iter().partition(|(_, count)| count.rows > LARGEST);
        let small: Vec<String> = small.into_iter().map(|(table, _)| table).collect();
        let rows = content::contents(session, &small, None).await?;
        let large = large.into_iter().map(|(table, _)| table).collect();
        Ok(Self { schema, rows, large, server: of_server(session).await? })
    }

    /// What is there now and wasn't before, or the reverse.
    pub(super) fn residue(before: &Self, now: &Self) -> Result<Vec<Residue>, MeasureError> {
        let mut residue = Fingerprint::diff(&before.schema, &now.schema)?;
        for (table, then) in &before.rows {
            // A table that is gone is in the schema's part.
            let Some(content) = now.rows.get(table) else { continue };
            if then.hash != content.hash && then.columns == content.columns {
                residue.push(Residue {
                    object: format!("rows of {table}"),
                    before: Some(rows_words(then)),
                    after: Some(rows_words(content)),
                });
            }
        }
        residue.extend(Self::server_residue(before, now));
        Ok(residue)
    }

    /// Whether roles or settings aren't what they were: they outlive the copy of the database, and the next
    /// walk would meet them.
    pub(super) async fn server_changed(&self, database: &ConnectConfig) -> Result<bool, MeasureError> {
        let mut session = Session::connect(database, "image").await?;
        let now = of_server(&mut session).await;
        session.close().await;
        Ok(now? != self.server)
    }

    fn server_residue(before: &Self, now: &Self) -> Vec<Residue> {
        let names: BTreeSet<&String> = before.server.keys().chain(now.server.keys()).collect();
        let changed = names.into_iter().filter(|name| before.server.get(*name) != now.server.get(*name));
        changed
            .map(|name| Residue {
                object: name.clone(),
                before: before.server.get(name).cloned(),
                after: now.server.get(name).cloned(),
            })
            .collect()
    }

    pub(super) fn covers(&self) -> Vec<String> {
        let tables = self.rows.len();
        let of = if tables == 1 { "1 table".to_owned() } else { format!("{tables} tables") };
        let rows = if self.large.is_empty() { format!("rows of all {of}") } else { format!("rows of {of}") };
        vec!["schema".into(), rows, "roles and settings of the server".into()]
    }

    pub(super) fn not_compared(&self) -> Vec<String> {
        let large = self.large.iter().map(|table| format!("rows of {table}, which has too many"));
        let never = ["sequence values", "large objects", "passwords", "what is outside of the database"];
        large.chain(never.map(str::to_owned)).collect()
    }
}

fn rows_words(content: &Content) -> String {
    let short: String = content.hash.chars().take(12).collect();
    format!(
        "{}, hash {short}",
        crate::engine::verify::count(usize::try_from(content.rows).unwrap_or(usize::MAX), "row")
    )
}

/// Roles, who is a member of whom, settings, tablespaces, databases.
async fn of_server(session: &mut Session) -> Result<BTreeMap<String, String>, MeasureError> {
    let answer = session.query(include_str!("server.sql"), &[]).await?;
    let cell = |cell: &Option<String>| cell.clone().unwrap_or_default();
    Ok(answer.rows.iter().filter_map(|row| Some((cell(row.first()?), cell(row.get(1)?)))).collect())
}

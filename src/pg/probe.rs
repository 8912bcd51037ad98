//! Asks the catalog whether a statement outside of transactions has had its effect.
//!
//! A probe is asked before the statement and after it. Only the change from false to true proves
//! anything: an index that was there all along says nothing about the statement that died.

use crate::pg::PgError;
use crate::pg::Session;
use crate::run::event::ProbeState;
use crate::script::{Bare, Kind, QualifiedName};

/// A question whose answer changes when the statement has had its effect.
#[derive(Debug, Clone)]
pub enum Probe {
    /// The index exists and is valid.
    IndexValid {
        name: QualifiedName,
        table: QualifiedName,
    },
    /// None of the indexes exists.
    IndexesGone(Vec<QualifiedName>),
    Database {
        name: String,
        exists: bool,
    },
    Tablespace {
        name: String,
        exists: bool,
    },
    Subscription {
        name: String,
        exists: bool,
    },
}

/// An index as the probe found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexFound {
    pub oid: u32,
    pub valid: bool,
    /// Quoted, with its schema.
    pub name: String,
}

impl Probe {
    /// The probe for a statement, when there is one.
    #[must_use]
    pub fn of(kind: &Kind) -> Option<Self> {
        let Kind::Bare(bare) = kind else { return None };
        Some(match bare {
            Bare::CreateIndexConcurrently { index: Some(index), table, .. } => {
                // An index lives in its table's schema, and its name is written without one.
                Self::IndexValid { name: index.clone(), table: table.clone() }
            }
            Bare::DropIndexConcurrently { indexes, .. } => Self::IndexesGone(indexes.clone()),
            Bare::CreateDatabase { name } => Self::Database { name: name.clone(), exists: true },
            Bare::DropDatabase { name, .. } => Self::Database { name: name.clone(), exists: false },
            Bare::CreateTablespace { name } => Self::Tablespace { name: name.clone(), exists: true },
            Bare::DropTablespace { name, .. } => Self::Tablespace { name: name.clone(), exists: false },
            Bare::CreateSubscription { name } => Self::Subscription { name: name.clone(), exists: true },
            Bare::DropSubscription { name, .. } => Self::Subscription { name: name.clone(), exists: false },
            _ => return None,
        })
    }

    /// Asks. Runs in the session that the statement runs in, since names depend on its search_path.
    ///
    /// # Errors
    /// When the server can't be asked.
    pub async fn ask(&self, session: &mut Session) -> Result<ProbeState, PgError> {
        let search_path = match self {
            Self::IndexValid { .. } | Self::IndexesGone(_) => Some(schemas(session).await?),
            _ => None,
        };
        Ok(ProbeState { search_path, ..self.look(session).await? })
    }

    /// Asks again, in another session, what was asked before: names mean what they meant then.
    ///
    /// # Errors
    /// When the server can't be asked.
    pub async fn ask_again(
        &self,
        session: &mut Session,
        before: Option<&ProbeState>,
    ) -> Result<ProbeState, PgError> {
        if let Some(path) = before.and_then(|before| before.search_path.as_deref()) {
            session
                .query("SELECT pg_catalog.set_config('search_path', $1::text, false)", &[Some(path)])
                .await?;
        }
        self.ask(session).await
    }

    async fn look(&self, session: &mut Session) -> Result<ProbeState, PgError> {
        match self {
            Self::IndexValid { name, table } => {
                let found = find_index(session, name, table).await?;
                Ok(ProbeState {
                    what: format!("index {name} exists and is valid"),
                    holds: found.as_ref().is_some_and(|index| index.valid),
                    oid: found.map(|index| index.oid),
                    ..ProbeState::default()
                })
            }
            Self::IndexesGone(names) => {
                let mut first = None;
                for name in names {
                    let rows = session
                        .query("SELECT pg_catalog.to_regclass($1::text)::oid", &[Some(&name.to_string())])
                        .await?;
                    first = first.or_else(|| cell(&rows.rows).and_then(|oid| oid.parse().ok()));
                }
                let names: Vec<String> = names.iter().map(ToString::to_string).collect();
                Ok(ProbeState {
                    what: format!("index {} is gone", names.join(", ")),
                    holds: first.is_none(),
                    oid: first,
                    ..ProbeState::default()
                })
            }
            Self::Database { name, exists } => {
                named(session, "database", "pg_database WHERE datname", name, *exists).await
            }
            Self::Tablespace { name, exists } => {
                named(session, "tablespace", "pg_tablespace WHERE spcname", name, *exists).await
            }
            Self::Subscription { name, exists } => {
                // The catalog is the cluster's; each database has its own names.
                let own = "pg_subscription WHERE subdbid = (SELECT d.oid FROM pg_catalog.pg_database d \
                           WHERE d.datname = pg_catalog.current_database()) AND subname";
                named(session, "subscription", own, name, *exists).await
            }
        }
    }
}

/// The index of that name in its table's schema.
///
/// # Errors
/// When the server can't be asked.
pub async fn find_index(
    session: &mut Session,
    name: &QualifiedName,
    table: &QualifiedName,
) -> Result<Option<IndexFound>, PgError> {
    let rows = session
        .query(
            "SELECT c.oid, i.indisvalid, pg_catalog.format('%I.%I', n.nspname, c.relname) \
             FROM pg_catalog.pg_class t \
             JOIN pg_catalog.pg_class c ON c.relnamespace = t.relnamespace AND c.relname = $2::text \
             JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE t.oid = pg_catalog.to_regclass($1::text)",
            &[Some(&table.to_string()), Some(&name.name)],
        )
        .await?;
    Ok(rows.rows.into_iter().next().and_then(|row| {
        let mut cells = row.into_iter();
        let oid = cells.next().flatten()?.parse().ok()?;
        let valid = cells.next().flatten()? == "t";
        Some(IndexFound { oid, valid, name: cells.next().flatten()? })
    }))
}

/// Where the session looks for names, resolved: `"$user"` depends on its role.
async fn schemas(session: &mut Session) -> Result<String, PgError> {
    let sql = "SELECT pg_catalog.array_to_string(ARRAY(SELECT pg_catalog.quote_ident(s) \
               FROM pg_catalog.unnest(pg_catalog.current_schemas(false)) s), ', ')";
    Ok(cell(&session.query(sql, &[]).await?.rows).unwrap_or_default())
}

async fn named(
    session: &mut Session,
    what: &str,
    named_in: &str,
    name: &str,
    exists: bool,
) -> Result<ProbeState, PgError> {
    let sql = format!("SELECT oid FROM pg_catalog.{named_in} = $1::text");
    let rows = session.query(&sql, &[Some(name)]).await?;
    let oid = cell(&rows.rows).and_then(|oid| oid.parse().ok());
    let word = if exists { "exists" } else { "is gone" };
    Ok(ProbeState {
        what: format!("{what} {name} {word}"),
        holds: oid.is_some() == exists,
        oid,
        ..ProbeState::default()
    })
}

fn cell(rows: &[Vec<Option<String>>]) -> Option<String> {
    rows.first().and_then(|row| row.first().cloned().flatten())
}

//! Everything that a rehearsal compares: on a private server, where nobody else writes, that is nearly
//! everything that can be asked. Of the database as of any other, with the rows of all tables; and of its
//! server what is everybody's.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::stop::Stop;
use crate::pg::image::{Image as Database, Missing};
use crate::pg::measure::MeasureError;
use crate::pg::{ConnectConfig, Session, rows};
use crate::run::event::Residue;
use crate::run::residue::table_of_rows;

/// Tables of more rows aren't read: each is after every walk.
const LARGEST: i64 = 500_000;

/// A database, and what of its server is everybody's, as they were at one time.
#[derive(Debug, Clone)]
pub(super) struct Image {
    database: Database,
    /// Tables that are too large to be read again and again.
    large: BTreeSet<String>,
    server: BTreeMap<String, String>,
}

impl Image {
    /// `like`: it is only to be compared with that, and rows that are the same need no names.
    async fn take(database: &ConnectConfig, like: Option<&Self>) -> Result<Self, MeasureError> {
        let mut session = Session::connect(database, "image").await?;
        let taken = Self::read(&mut session, like).await;
        session.close().await;
        taken
    }

    /// [`Self::take`], in the words of a rehearsal.
    pub(super) async fn of(database: &ConnectConfig, like: Option<&Self>) -> Result<Self, Stop> {
        Self::take(database, like).await.map_err(measured)
    }

    /// [`Self::residue`], in the words of a rehearsal.
    pub(super) fn left(before: &Self, now: &Self) -> Result<Vec<Residue>, Stop> {
        Self::residue(before, now).map_err(measured)
    }

    async fn read(session: &mut Session, like: Option<&Self>) -> Result<Self, MeasureError> {
        let mut database = Database::schema(session).await?;
        // The estimates of a fresh copy are none.
        session.batch("ANALYZE").await?;
        let (large, small): (Vec<_>, Vec<_>) =
            rows::estimated_rows(session).await?.into_iter().partition(|(_, count)| count.rows > LARGEST);
        let small: Vec<String> = small.into_iter().map(|(table, _)| table).collect();
        let like = like.map(|like| &like.database);
        database.add_rows_unlike(session, &small, Missing::LeftOut, like).await?;
        let large = large.into_iter().map(|(table, _)| table).collect();
        Ok(Self { database, large, server: of_server(session).await? })
    }

    /// What is there now and wasn't before, or the reverse.
    fn residue(before: &Self, now: &Self) -> Result<Vec<Residue>, MeasureError> {
        // Sequences that moved on are no residue: no rollback takes that back.
        let (mut residue, _) = Database::left(&before.database, &now.database)?;
        // Rows of a table that is new or gone are in the schema's part; what grew too large has none.
        let in_both =
            |table: &str| before.database.rows.contains_key(table) && now.database.rows.contains_key(table);
        residue.retain(|one| table_of_rows(&one.object).is_none_or(in_both));
        let outgrown = now.large.iter().filter(|table| before.database.rows.contains_key(*table));
        residue.extend(outgrown.map(|table| Residue {
            object: format!("rows of {table}"),
            before: before.database.rows.get(table).map(|rows| format!("{} rows", rows.content.rows)),
            after: Some(format!("more than {LARGEST} rows")),
        }));
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

    /// Whether an object that a run found left would be found by this comparison too, under its own name.
    pub(super) fn would_name(&self, object: &str) -> bool {
        match table_of_rows(object) {
            Some(table) => {
                let tables = &self.database.rows;
                tables.contains_key(table)
                    || table.strip_prefix("public.").is_some_and(|t| tables.contains_key(t))
            }
            None => !object.starts_with("checkpoint "),
        }
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
        let tables = self.database.rows.len();
        let rows = match (tables, self.large.is_empty()) {
            (1, true) => "rows of the only table".to_owned(),
            (_, true) => format!("rows of all {tables} tables"),
            (1, false) => "rows of 1 table".to_owned(),
            (_, false) => format!("rows of {tables} tables"),
        };
        let sequences = "sequences, which may move on and not go back";
        vec!["schema".into(), rows, sequences.into(), "roles and settings of the server".into()]
    }

    pub(super) fn not_compared(&self) -> Vec<String> {
        let large = self.large.iter().map(|table| format!("rows of {table}, which has too many"));
        let never = ["large objects", "passwords", "what is outside of the database"];
        large.chain(never.map(str::to_owned)).collect()
    }
}

pub(super) fn measured(error: MeasureError) -> Stop {
    match error {
        MeasureError::Pg(error) => Stop::Pg(error),
        other => Stop::Local(format!("the rehearsal's database can't be measured: failed to {other}")),
    }
}

/// Roles, who is a member of whom, settings, tablespaces, databases.
async fn of_server(session: &mut Session) -> Result<BTreeMap<String, String>, MeasureError> {
    let answer = session.query(include_str!("server.sql"), &[]).await?;
    let cell = |cell: &Option<String>| cell.clone().unwrap_or_default();
    Ok(answer.rows.iter().filter_map(|row| Some((cell(row.first()?), cell(row.get(1)?)))).collect())
}

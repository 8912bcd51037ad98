//! `snapshot`: what there is now, as files for people and as something to compare with.
//!
//! It only reads, so after a stop it is taken again; what counts is what the journal has.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::artifacts::unwritten;
use super::content::Kept;
use super::{graph, page};
use crate::engine::attention::Interruption;
use crate::engine::conductor::Conductor;
use crate::engine::problems;
use crate::engine::stop::Stop;
use crate::engine::unit::millis;
use crate::engine::verify::count;
use crate::pg::fingerprint::Fingerprint;
use crate::pg::image::{Image, Missing};
use crate::pg::inventory::Inventory;
use crate::pg::ledger::identifier;
use crate::pg::measure::MeasureError;
use crate::pg::uses::{EnumUses, References};
use crate::pg::{Session, rows};
use crate::plan::model::{Kind, Snapshot, SnapshotKind, Step};
use crate::plan::slug::slug;
use crate::run::event::{Event, Problem, SnapshotTaken};

/// What to do about a lock that isn't to be had.
pub(super) const LOCKED: &str =
    "somebody holds a lock on a table (Activity shows who): retry when it is free";

/// What was found, before it is written down.
pub(super) enum Found {
    Kept(Kept),
    Enums(Vec<EnumUses>),
    Dependencies(References),
}

impl Conductor {
    /// Takes it, writes it down and puts it into the evidence.
    pub(in crate::engine) async fn take_snapshot(
        &mut self,
        step: &Step,
        snapshot: &Snapshot,
    ) -> Result<Result<(), Problem>, Stop> {
        let began = Instant::now();
        // Before the work, not after it: that nothing can be written there.
        let named =
            step.into.clone().unwrap_or_else(|| format!("{}.{}", slug(&step.id), snapshot.of.extension()));
        let path = match self.artifact(&named) {
            Ok(path) => path,
            Err(problem) => return Ok(Err(problem)),
        };
        let found = if snapshot.of == SnapshotKind::Timings {
            match self.time_queries(&snapshot.queries, step.role.as_deref()).await? {
                Ok(timings) => Found::Kept(Kept::Timings { timings }),
                Err(problem) => return Ok(Err(problem)),
            }
        } else {
            match self.read_now(snapshot.of, &snapshot.tables, step.role.as_deref(), Missing::Error).await? {
                Ok(found) => found,
                Err(problem) => return Ok(Err(problem)),
            }
        };
        let mut artifacts = Vec::new();
        for (path, text) in self.pages(&path, &found) {
            match self.write_artifact(&path, text.as_bytes()) {
                Ok(artifact) => artifacts.push(artifact),
                Err(problem) => return Ok(Err(problem)),
            }
        }
        let kept = match &found {
            Found::Kept(kept) => match self.keep_snapshot(&step.id, kept) {
                Ok(artifact) => Some(artifact),
                Err(error) => return Ok(Err(unwritten(&self.folder.path().join("snapshots"), &error))),
            },
            Found::Enums(_) | Found::Dependencies(_) => None,
        };
        self.record(Event::SnapshotTaken(Box::new(SnapshotTaken {
            step: step.id.clone(),
            kind: snapshot.of,
            contains: contains(&found),
            artifacts,
            kept,
            elapsed_ms: millis(began.elapsed()),
        })))
        .await?;
        Ok(Ok(()))
    }

    /// Files with their texts; a graph is drawn beside its text.
    fn pages(&self, path: &Path, found: &Found) -> Vec<(PathBuf, String)> {
        match found {
            Found::Kept(kept) => vec![(path.to_owned(), page::of_kept(kept))],
            Found::Enums(enums) => vec![(path.to_owned(), page::of_enums(enums))],
            Found::Dependencies(graph) => {
                let drawn = path.extension().is_some_and(|extension| extension == "svg");
                let (text, picture) = match drawn {
                    true => (path.with_extension("dot"), path.to_owned()),
                    false => (path.to_owned(), path.with_extension("svg")),
                };
                vec![(text, graph::dot(graph)), (picture, graph::svg(graph))]
            }
        }
    }

    /// Reads what there is now, in a session that only reads and that a person can cancel.
    pub(super) async fn read_now(
        &mut self,
        of: SnapshotKind,
        tables: &[String],
        role: Option<&str>,
        missing: Missing,
    ) -> Result<Result<Found, Problem>, Stop> {
        let mut session = self.spare().await?;
        let mut interrupted = None;
        let cancel = session.cancel_handle();
        let read = {
            let reading = read(&mut session, of, tables, role, missing);
            tokio::pin!(reading);
            loop {
                tokio::select! {
                    read = &mut reading => break read,
                    why = self.attention.interrupted(), if interrupted.is_none() => {
                        interrupted = Some(why);
                        cancel.cancel().await.ok();
                    }
                }
            }
        };
        session.close().await;
        match (read, interrupted) {
            (read, Some(why)) => {
                self.stop_for(why.clone())?;
                match (read, why) {
                    (Err(_), Interruption::Cancelled) => Ok(Err(problems::plain("cancelled by a person"))),
                    (read, _) => Ok(read.map_err(|error| self.unmeasured(error))),
                }
            }
            (Err(MeasureError::Pg(error)), None) if error.is_lost() => Err(error.into()),
            (read, None) => Ok(read.map_err(|error| self.unmeasured(error))),
        }
    }

    pub(super) fn unmeasured(&self, error: MeasureError) -> Problem {
        match error {
            MeasureError::Pg(error) => {
                let mut problem = problems::of_pg(&error, self.disclosure);
                if error.sqlstate() == Some(problems::LOCK_NOT_AVAILABLE) {
                    problem.hint = Some(LOCKED.into());
                }
                problem
            }
            error => problems::plain(format!("failed to {error}")),
        }
    }
}

async fn read(
    session: &mut Session,
    of: SnapshotKind,
    tables: &[String],
    role: Option<&str>,
    missing: Missing,
) -> Result<Found, MeasureError> {
    session.batch("SET default_transaction_read_only = on; SET lock_timeout = '5s'").await?;
    if let Some(role) = role {
        session.batch(&format!("SET ROLE {}", identifier(role))).await?;
    }
    let all = tables.is_empty();
    Ok(match of {
        SnapshotKind::Schema => Found::Kept(Kept::Schema { schema: Fingerprint::take(session).await? }),
        SnapshotKind::Enums => Found::Enums(EnumUses::all(session).await?),
        SnapshotKind::Dependencies => Found::Dependencies(References::take(session).await?),
        SnapshotKind::Rows => {
            let tables = scope(session, tables, missing).await?;
            let counts = rows::row_counts(session, &tables).await?;
            let rows = counts.into_iter().map(|(table, count)| (table, count.rows)).collect();
            Found::Kept(Kept::Rows { all, rows })
        }
        SnapshotKind::Content => {
            let tables = scope(session, tables, Missing::Error).await?;
            let mut image = Image::default();
            image.add_rows(session, &tables, missing).await?;
            Found::Kept(Kept::Content { all, content: image.rows })
        }
        SnapshotKind::Timings => Found::Kept(Kept::Timings { timings: Vec::new() }),
    })
}

/// The tables that are meant: those that are named, else all.
async fn scope(
    session: &mut Session,
    tables: &[String],
    missing: Missing,
) -> Result<Vec<String>, MeasureError> {
    let names = async |session: &mut Session| {
        let mut inventory = Inventory::take(session, &[Kind::Tables]).await?;
        Ok::<_, MeasureError>(inventory.names.remove(&Kind::Tables).unwrap_or_default())
    };
    if tables.is_empty() {
        return Ok(names(session).await?.iter().map(ToString::to_string).collect());
    }
    if missing == Missing::Error {
        return Ok(tables.to_vec());
    }
    let there = names(session).await?;
    let is_there = |table: &&String| !crate::pg::names::find(table, Kind::Tables, &there).is_empty();
    Ok(tables.iter().filter(is_there).cloned().collect())
}

fn contains(found: &Found) -> String {
    match found {
        Found::Kept(Kept::Schema { schema }) => count(schema.objects.len(), "definition"),
        Found::Kept(Kept::Rows { rows, .. }) => {
            let all: i64 = rows.values().sum();
            format!("{} with {all} rows", count(rows.len(), "table"))
        }
        Found::Kept(Kept::Content { content, .. }) => {
            let all: u64 = content.values().map(|table| table.content.rows).sum();
            format!("{} with {all} rows", count(content.len(), "table"))
        }
        Found::Kept(Kept::Timings { timings }) => {
            let queries = if timings.len() == 1 { "query" } else { "queries" };
            format!("{} {queries}, {}", timings.len(), super::timings::HOW)
        }
        Found::Enums(enums) => count(enums.len(), "enum"),
        Found::Dependencies(graph) => {
            format!("{}, {}", count(graph.tables.len(), "table"), count(graph.keys.len(), "foreign key"))
        }
    }
}

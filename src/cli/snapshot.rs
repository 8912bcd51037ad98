//! `holdpoint snapshot`: what a database consists of, now.

use super::args::SnapshotArgs;
use super::failure::Failure;
use super::{out, target};
use crate::engine::exit::Exit;
use crate::pg::image::Missing;
use crate::pg::measure::MeasureError;
use crate::pg::snapshot::{self, FileError, Snapshot};
use crate::pg::{ConnectConfig, PgError};
use crate::plain::{SnapshotLines, snapshot_lines};

/// Takes a snapshot and shows it, or keeps it.
pub async fn snapshot(args: &SnapshotArgs) -> Result<Exit, Failure> {
    if let Some(path) = args.out.as_deref().filter(|path| path.exists()) {
        // Before a minute of work, not after it.
        return Err(FileError::Exists { path: path.display().to_string() }.into());
    }
    let config = target::database(args.target.as_deref())?;
    let taken = take(&config, &args.rows, Missing::Error).await?;
    if let Some(path) = &args.out {
        snapshot::write(path, &taken)?;
    }
    if args.json {
        let text = snapshot::to_json(&taken).map_err(|error| Failure::unreachable(error.to_string()))?;
        text.lines().for_each(out::line);
    } else {
        let lines = SnapshotLines {
            source: taken.source.describe(),
            user: taken.source.user.clone(),
            taken_at: taken.taken_at,
            counts: taken.counts,
            objects: taken.image.fingerprint.objects.len(),
            fingerprint: taken.fingerprint,
            rows: taken.image.rows.iter().map(|(table, rows)| (table.clone(), rows.content.rows)).collect(),
            covers: taken.covers,
            not_covered: taken.not_covered,
            file: args.out.as_ref().map(|path| path.display().to_string()),
        };
        out::lines(&snapshot_lines(&lines, &out::style()));
    }
    Ok(Exit::Done)
}

/// A snapshot of a database, or why there is none.
pub(super) async fn take(
    config: &ConnectConfig,
    tables: &[String],
    missing: Missing,
) -> Result<Snapshot, Failure> {
    snapshot::take(config, tables, missing).await.map_err(|error| match error {
        MeasureError::Pg(error) => refused(&error),
        MeasureError::NoTable { .. } | MeasureError::Ambiguous { .. } => {
            Failure::usage(format!("failed to {error}"))
        }
        other => Failure::unreachable(format!("failed to {other}")),
    })
}

fn refused(error: &PgError) -> Failure {
    let hint = match error.sqlstate() {
        Some("55P03") => ". Another session holds a lock on what is to be read; try again when it is done",
        Some("42501") => ". The role may not read it; take the snapshot as one that may",
        _ => "",
    };
    Failure::unreachable(format!("{}{hint}", error.sentence()))
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Io { .. } => Self::unreachable(error.to_string()),
            FileError::Exists { .. } | FileError::Unusable { .. } => Self::usage(error.to_string()),
        }
    }
}

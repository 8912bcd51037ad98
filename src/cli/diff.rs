//! `holdpoint diff`: what differs between two databases, or between now and then.

use std::path::Path;

use super::args::DiffArgs;
use super::failure::Failure;
use super::{out, snapshot, target};
use crate::engine::exit::Exit;
use crate::pg::ConnectConfig;
use crate::pg::image::Missing;
use crate::pg::snapshot::{Options, Report, Side, Snapshot, differ, read};
use crate::plain::{DiffLine, DiffLines, diff_lines};
use crate::run::residue::kinds;

/// One of the two that are compared.
enum Place {
    File(String, Box<Snapshot>),
    Database(ConnectConfig),
}

impl Place {
    /// A file when there is one of that name, else a database.
    fn find(text: &str, which: &str) -> Result<Self, Failure> {
        let url = text.starts_with("postgres://") || text.starts_with("postgresql://");
        if Path::new(text).exists() || !url && !text.contains('=') {
            if !Path::new(text).exists() {
                return Err(Failure::usage(format!(
                    "{which}: there is no file {text}, and it isn't a database either: that would be a URL \
                     (postgres://…) or key=value pairs"
                )));
            }
            return Ok(Self::File(text.to_owned(), Box::new(read(Path::new(text))?)));
        }
        Ok(Self::Database(target::database(Some(text))?))
    }

    fn tables(&self) -> &[String] {
        match self {
            Self::File(_, snapshot) => &snapshot.tables,
            Self::Database(_) => &[],
        }
    }

    /// What is asked of a file must be in it.
    fn has(&self, tables: &[String]) -> Result<(), Failure> {
        let Self::File(name, snapshot) = self else { return Ok(()) };
        match tables.iter().find(|table| !snapshot.tables.contains(table)) {
            Some(table) => Err(Failure::usage(format!(
                "{name} has no rows of {table}: it was taken without --rows {table}, and what they were can't be \
                 found out now"
            ))),
            None => Ok(()),
        }
    }

    async fn snapshot(self, tables: &[String]) -> Result<(Snapshot, Option<String>), Failure> {
        match self {
            Self::File(name, snapshot) => Ok((*snapshot, Some(name))),
            Self::Database(config) => Ok((snapshot::take(&config, tables, Missing::LeftOut).await?, None)),
        }
    }
}

/// Compares, and says what differs.
pub async fn diff(args: &DiffArgs) -> Result<Exit, Failure> {
    if let Some(unknown) = args.ignore.iter().find(|kind| !kinds().any(|known| known.one == kind.as_str())) {
        let mut known: Vec<&str> = kinds().map(|kind| kind.one).collect();
        known.dedup();
        return Err(Failure::usage(format!(
            "--ignore {unknown}: there is no such kind; there are {}",
            known.join(", ")
        )));
    }
    let before = Place::find(&args.before, "BEFORE")?;
    let after = Place::find(&args.after, "AFTER")?;
    before.has(&args.rows)?;
    after.has(&args.rows)?;
    let mut tables = args.rows.clone();
    tables.extend(before.tables().iter().chain(after.tables()).cloned());
    tables.sort();
    tables.dedup();
    let (before, before_file) = before.snapshot(&tables).await?;
    let (after, after_file) = after.snapshot(&tables).await?;
    if let Some(table) = args
        .rows
        .iter()
        .find(|table| !before.image.rows.contains_key(*table) && !after.image.rows.contains_key(*table))
    {
        return Err(Failure::usage(format!("--rows {table}: neither side has such a table")));
    }
    let options = Options { names_only: args.names_only, ignore: args.ignore.clone() };
    let report = differ((&before, before_file.as_deref()), (&after, after_file.as_deref()), &options)
        .map_err(|error| Failure::usage(format!("these two can't be compared: {error}")))?;
    if args.json {
        let text =
            serde_json::to_string_pretty(&report).map_err(|error| Failure::unreachable(error.to_string()))?;
        text.lines().for_each(out::line);
    } else {
        out::lines(&diff_lines(&lines(&report), &out::style()));
    }
    Ok(if report.same { Exit::Done } else { Exit::Failed })
}

fn lines(report: &Report) -> DiffLines {
    let several = |one: &str| kinds().find(|kind| kind.one == one).map_or("others", |kind| kind.several);
    DiffLines {
        before: side(&report.before),
        after: side(&report.after),
        differences: report
            .differences
            .iter()
            .map(|difference| DiffLine {
                group: several(difference.kind).to_owned(),
                name: difference.name.clone(),
                before: difference.before.clone(),
                after: difference.after.clone(),
                changes: difference.changes.clone(),
            })
            .collect(),
        covers: report.covers.clone(),
        not_covered: report.not_covered.clone(),
    }
}

/// `before.json: shop on db1:5432, PostgreSQL 15.18, 2026-11-21 13:30`
fn side(side: &Side) -> String {
    let place = side.source.describe();
    match &side.file {
        Some(file) => {
            let at = side.taken_at.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S %Z");
            format!("{file}: {place}, {at}")
        }
        None => format!("{place}, now"),
    }
}

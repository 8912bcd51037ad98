//! Compares two snapshots.

use std::collections::BTreeSet;

use serde::Serialize;

use super::content::{Snapshot, Source};
use super::privileges::changes;
use crate::pg::image::Image;
use crate::pg::measure::MeasureError;
use crate::run::event::Residue;
use crate::run::residue::{Change, kind_and_name, kinds};

/// Of the JSON that a comparison is.
pub const DIFF_VERSION: u32 = 1;

/// What is compared.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Only which objects there are, not how they are defined.
    pub names_only: bool,
    /// Kinds that don't count, as [`Difference::kind`] has them.
    pub ignore: Vec<String>,
}

/// Why two snapshots can't be compared.
#[derive(Debug, thiserror::Error)]
pub enum DiffError {
    #[error(
        "definitions read differently in another major version: PostgreSQL {before} before, {after} after. With \
         --names-only it is compared which objects there are, and nothing more"
    )]
    OtherMajor { before: u32, after: u32 },

    #[error("{0}")]
    Measure(#[from] MeasureError),
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// [`DIFF_VERSION`]
    pub holdpoint_diff: u32,
    pub before: Side,
    pub after: Side,
    /// Nothing differs in what was compared.
    pub same: bool,
    pub names_only: bool,
    pub ignored: Vec<String>,
    pub differences: Vec<Difference>,
    pub covers: Vec<String>,
    pub not_covered: Vec<String>,
}

/// One of the two.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Side {
    pub source: Source,
    pub taken_at: jiff::Timestamp,
    /// The file it was read from; `null`: it was taken for this comparison.
    pub file: Option<String>,
    pub fingerprint: String,
}

/// One object that isn't the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    pub kind: &'static str,
    pub name: String,
    pub change: Change,
    /// The definition, `null` where there is none.
    pub before: Option<String>,
    pub after: Option<String>,
    /// Of privileges: what was granted and revoked, a line for each who has them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
    #[serde(skip)]
    pub rank: usize,
}

/// Compares them; the files are those that they were read from.
pub fn differ(
    (before, before_file): (&Snapshot, Option<&str>),
    (after, after_file): (&Snapshot, Option<&str>),
    options: &Options,
) -> Result<Report, DiffError> {
    let majors = (before.image.fingerprint.major, after.image.fingerprint.major);
    let (mut covers, mut not_covered) = coverage(before, after);
    let residue = if options.names_only {
        covers = vec!["which objects there are".to_owned()];
        not_covered = vec!["how they are defined, order of columns, values of sequences, rows".to_owned()];
        if majors.0 != majors.1 {
            not_covered
                .push("names of NOT NULL constraints, which only PostgreSQL 18 and later keep".to_owned());
        }
        names(&before.image, &after.image, majors.0 != majors.1)
    } else if majors.0 == majors.1 {
        let (then, now) = (with_rows_of(before, after), with_rows_of(after, before));
        Image::compare(&then, &now)?
    } else {
        return Err(DiffError::OtherMajor { before: majors.0, after: majors.1 });
    };
    let mut differences: Vec<Difference> = residue
        .into_iter()
        .map(|residue| {
            let changes = changes(&residue, &before.image.fingerprint, &after.image.fingerprint);
            let difference = difference(residue);
            // Without a definition it had those that it was born with: they changed.
            let change = if changes.is_empty() { difference.change } else { Change::Changed };
            Difference { changes, change, ..difference }
        })
        .filter(|difference| !options.ignore.iter().any(|kind| kind == difference.kind))
        .collect();
    differences.sort_by_key(|difference| difference.rank);
    let ignored = |what: &String| options.ignore.iter().any(|kind| is_of_kind(what, kind));
    covers.retain(|what| !ignored(what));
    not_covered.retain(|what| !ignored(what));
    not_covered.extend(options.ignore.iter().map(|kind| format!("{kind} (--ignore)")));
    let side = |snapshot: &Snapshot, file: Option<&str>| Side {
        source: snapshot.source.clone(),
        taken_at: snapshot.taken_at,
        file: file.map(str::to_owned),
        fingerprint: snapshot.fingerprint.clone(),
    };
    Ok(Report {
        holdpoint_diff: DIFF_VERSION,
        before: side(before, before_file),
        after: side(after, after_file),
        same: differences.is_empty(),
        names_only: options.names_only,
        ignored: options.ignore.clone(),
        differences,
        covers,
        not_covered,
    })
}

/// Whether a part of what is compared is of this kind: `rows of t` of `rows`, `views` of `view`.
fn is_of_kind(what: &str, kind: &str) -> bool {
    what == kind
        || kind == "rows" && what.starts_with("rows of ")
        || kinds().any(|known| known.one == kind && known.several == what)
}

fn difference(residue: Residue) -> Difference {
    let (kind, name) = kind_and_name(&residue.object);
    Difference {
        kind: kind.one,
        rank: kind.rank,
        name: name.to_owned(),
        change: residue.change(),
        before: residue.before,
        after: residue.after,
        changes: Vec::new(),
    }
}

/// What both cover; what one of them doesn't.
fn coverage(before: &Snapshot, after: &Snapshot) -> (Vec<String>, Vec<String>) {
    let is_rows = |what: &&String| what.starts_with("rows of ");
    let mut covers: Vec<String> =
        before.covers.iter().filter(|what| !is_rows(what) && after.covers.contains(what)).cloned().collect();
    let both = before.tables.iter().filter(|table| after.tables.contains(table));
    covers.extend(both.map(|table| format!("rows of {table}")));
    let mut not_covered: Vec<String> = Vec::new();
    for (one, other) in [(before, after), (after, before)] {
        let only = one.tables.iter().filter(|table| !other.tables.contains(table));
        not_covered.extend(only.map(|table| format!("rows of {table}, which only one side has")));
        let known: Vec<String> =
            one.not_covered.iter().filter(|what| !not_covered.contains(what)).cloned().collect();
        not_covered.extend(known);
    }
    (covers, not_covered)
}

/// With those rows alone that were asked for on both sides.
fn with_rows_of(one: &Snapshot, other: &Snapshot) -> Image {
    let mut image = one.image.clone();
    image.rows.retain(|table, _| other.tables.contains(table));
    image
}

/// Objects that only one of them has.
fn names(before: &Image, after: &Image, other_major: bool) -> Vec<Residue> {
    let (then, now) = (&before.fingerprint.objects, &after.fingerprint.objects);
    let keys: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let not_null = |text: Option<&String>| text.is_some_and(|text| text.starts_with("NOT NULL "));
    keys.into_iter()
        .map(|key| (key, then.get(key), now.get(key)))
        .filter(|(_, before, after)| before.is_some() != after.is_some())
        .filter(|(key, before, after)| {
            !(other_major && key.starts_with("constraint ") && (not_null(*before) || not_null(*after)))
        })
        .map(|(key, before, after)| Residue {
            object: key.clone(),
            before: before.cloned(),
            after: after.cloned(),
        })
        .collect()
}

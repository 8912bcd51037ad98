//! What is there after a rollback and wasn't before, or the reverse.
//!
//! All undone: the schema against the before-image, the guarded tables by their content; where the content
//! differs, row by row, as far as images have them, so that rows of others can be told apart. A part: against
//! what the images say that there should be.

use std::collections::{BTreeMap, BTreeSet};

use super::super::baseline::measured;
use super::super::conductor::Conductor;
use super::super::image::counted;
use super::super::stop::Stop;
use super::timeline::{BACK, Finding, Timeline, Values};
use crate::pg::fingerprint::{Fingerprint, NOT_COMPARED};
use crate::pg::row_hashes::RowHashes;
use crate::pg::sequences::{self, sequence_values};
use crate::run::event::{Baseline, CheckpointResult, Image, ImageWhen, Residue};
use crate::run::state::RollbackState;

/// Keys of rows that are named of one table and one kind of difference.
const NAMED: usize = 10;

const COLUMN_ORDER: &str = "column order of ";

/// What a comparison found, and what it was about.
#[derive(Debug, Clone, Default)]
pub(in crate::engine) struct Found {
    pub residue: Vec<Residue>,
    /// Rows that others wrote meanwhile.
    pub others: Vec<Residue>,
    /// Sequences that moved on.
    pub moved: Vec<Residue>,
    pub covers: Vec<String>,
    pub not_compared: Vec<String>,
}

impl Conductor {
    /// Compares with what was there before; a checkpoint of a rollback that failed is residue too.
    pub(super) async fn residue(
        &mut self,
        rollback: &RollbackState,
        everything: bool,
    ) -> Result<Found, Stop> {
        let mut found = if rollback.is_partial() && !everything {
            self.compare_part(rollback).await?
        } else {
            self.compare_all().await?
        };
        let failed: Vec<CheckpointResult> =
            rollback.steps.iter().flat_map(|id| self.failed_after(id)).collect();
        for result in failed {
            found.residue.push(Residue {
                object: format!("checkpoint \"{}\" after the rollback of {}", result.title, result.step),
                before: Some(result.verdict.expected),
                after: Some(result.verdict.got),
            });
        }
        found.covers.push("the checkpoints of the rollbacks".to_owned());
        Ok(found)
    }

    /// Everything that this run applied is to be gone.
    async fn compare_all(&mut self) -> Result<Found, Stop> {
        let Some(baseline) = self.recorder.look(|run| run.baseline.clone()) else {
            return Ok(Found { not_compared: vec!["there is no before-image".into()], ..Found::default() });
        };
        let now = self.schema_now().await?;
        let before = self.before_image(&baseline)?;
        let mut found =
            Found { residue: Fingerprint::diff(&before, &now).map_err(measured)?, ..Found::default() };
        found.covers.push("schema".to_owned());
        let images = self.recorder.look(|run| run.images.clone());
        self.set_others_apart(&mut found, &images)?;
        let undone: BTreeSet<String> =
            images.iter().filter_map(|image| image.step.clone()).chain([BACK.to_owned()]).collect();
        self.compare_sequences(&mut found).await?;
        let hashes = self.guard_hashes_now().await?;
        for (table, before) in &baseline.guards {
            found.covers.push(format!("rows of {table}"));
            let after = hashes.get(table);
            if after == Some(before) {
                continue;
            }
            let sides = self.rows_of(&mut found, &images, table, &undone).await?;
            if !sides {
                let short = |hash: &String| format!("content {}", &hash[..hash.len().min(16)]);
                found.residue.push(Residue {
                    object: format!("rows of {table}"),
                    before: Some(short(before)),
                    after: after.map(short),
                });
            }
        }
        self.name_unguarded(&mut found, &baseline, &images).await?;
        found.not_compared.push("rows of tables that the plan doesn't guard".to_owned());
        found.not_compared.extend(NOT_COMPARED.iter().map(|what| (*what).to_owned()));
        Ok(found)
    }

    /// Of a run that was over: what others changed between its end and the rollback, and is as they left
    /// it, is no residue of this run.
    fn set_others_apart(&self, found: &mut Found, images: &[Image]) -> Result<(), Stop> {
        let left = self.recorder.look(|run| run.reopened.as_ref().and_then(|reopened| reopened.left.clone()));
        let last = images.iter().rfind(|image| image.when == ImageWhen::BeforeRollback);
        let (Some(left), Some(back)) = (left, last.and_then(|image| image.fingerprint.as_ref())) else {
            return Ok(());
        };
        if left == *back || found.residue.is_empty() {
            return Ok(());
        }
        let (left, back) = (self.image_schema(&left)?, self.image_schema(back)?);
        let theirs = Fingerprint::diff(&left, &back).map_err(measured)?;
        let (others, ours): (Vec<_>, Vec<_>) =
            std::mem::take(&mut found.residue).into_iter().partition(|one| theirs.contains(one));
        found.residue = ours;
        found.others.extend(others);
        Ok(())
    }

    /// Tables that were there before, that this run wrote and that nobody guards: the counts tell a little.
    async fn name_unguarded(
        &mut self,
        found: &mut Found,
        baseline: &Baseline,
        images: &[Image],
    ) -> Result<(), Stop> {
        let written: BTreeSet<&String> = images.iter().flat_map(|image| image.rows.keys()).collect();
        let unguarded: Vec<&String> = written
            .into_iter()
            .filter(|table| baseline.rows.contains_key(*table) && !baseline.guards.contains_key(*table))
            .collect();
        if unguarded.is_empty() {
            return Ok(());
        }
        let mut session = self.spare().await?;
        session.batch("SET lock_timeout = '500ms'").await?;
        for table in unguarded.iter().take(NAMED) {
            let (Some(then), now) = (baseline.rows.get(*table), counted(&mut session, table).await?) else {
                continue;
            };
            let now = now.map_or_else(|| "gone now".to_owned(), |now| format!("{} now", now.rows));
            let about = if then.exact { "" } else { "about " };
            found.not_compared.push(format!(
                "rows of {table}, which this run wrote and the plan doesn't guard ({about}{} before, {now})",
                then.rows
            ));
        }
        session.close().await;
        if unguarded.len() > NAMED {
            found.not_compared.push(format!("rows of {} more such tables", unguarded.len() - NAMED));
        }
        Ok(())
    }

    /// One that went back gives out numbers a second time; one that moved on was used, and no rollback
    /// takes that back.
    async fn compare_sequences(&mut self, found: &mut Found) -> Result<(), Stop> {
        let Some(before) = self.sequences_before()? else {
            found.not_compared.push("values of sequences".to_owned());
            return Ok(());
        };
        let mut session = self.spare().await?;
        let now = sequence_values(&mut session).await.map_err(measured)?;
        session.close().await;
        let (went_back, moved_on) = sequences::compare(&before, &now);
        found.residue.extend(went_back);
        found.moved = moved_on;
        found.covers.push("values of sequences".to_owned());
        Ok(())
    }

    /// A part is to be gone, and the rest to stand as it stood.
    async fn compare_part(&mut self, rollback: &RollbackState) -> Result<Found, Stop> {
        let mut found = Found::default();
        // Those too whose effects were left: they are what is left.
        let undone: BTreeSet<String> = rollback.steps.iter().cloned().collect();
        let images = self.recorder.look(|run| run.images.clone());
        let images = since_first_of(&images, &undone);
        self.part_of_schema(&mut found, images, &undone).await?;
        for table in self.plan.guards.clone() {
            if self.rows_of(&mut found, images, &table, &undone).await? {
                found.covers.push(format!("rows of {table}"));
            } else {
                let why = images.iter().flat_map(|image| &image.missing).find(|(what, _)| *what == table);
                let why = why.map(|(_, why)| format!(" ({why})")).unwrap_or_default();
                found.not_compared.push(format!("rows of {table}{why}"));
            }
        }
        found.not_compared.push("rows of tables that the plan doesn't guard, sequence values".to_owned());
        Ok(found)
    }

    async fn part_of_schema(
        &mut self,
        found: &mut Found,
        images: &[Image],
        undone: &BTreeSet<String>,
    ) -> Result<(), Stop> {
        let mut timeline = Timeline::default();
        for image in images.iter().filter(|image| image.when != ImageWhen::AfterStep) {
            let authors = BTreeSet::from([image.step.clone().unwrap_or_else(|| BACK.to_owned())]);
            match &image.fingerprint {
                Some(digest) => timeline.point(objects(&self.image_schema(digest)?), authors),
                None => timeline.gap(authors),
            }
        }
        let measured_last = images.last().is_some_and(|image| image.fingerprint.is_some());
        if timeline.is_empty() || !measured_last || images.first().is_none_or(|i| i.fingerprint.is_none()) {
            let why = images.iter().flat_map(|image| &image.missing).find(|(what, _)| what == "schema");
            let why = why.map_or("there is no image of it from before the steps", |(_, why)| why);
            found.not_compared.push(format!("schema ({why})"));
            return Ok(());
        }
        let now = objects(&self.schema_now().await?);
        found.covers.push("schema".to_owned());
        for finding in timeline.judge(undone, &now) {
            match finding {
                // A table that is new or gone is named as such.
                Finding::Residue { object, before: None, .. }
                | Finding::Residue { object, after: None, .. }
                    if object.starts_with(COLUMN_ORDER) => {}
                Finding::Residue { object, before, after } => {
                    found.residue.push(Residue { object, before, after });
                }
                Finding::Unclear { object } => found
                    .not_compared
                    .push(format!("{object} (changed by what was undone and by what stays)")),
                Finding::Others { .. } => {}
            }
        }
        Ok(())
    }

    /// The rows of a guarded table, one by one. `false`: the images don't have them.
    async fn rows_of(
        &mut self,
        found: &mut Found,
        images: &[Image],
        table: &str,
        undone: &BTreeSet<String>,
    ) -> Result<bool, Stop> {
        let has = |image: Option<&Image>| image.is_some_and(|image| image.guards.contains_key(table));
        if !has(images.first()) || !has(images.last()) {
            return Ok(false);
        }
        let mut session = self.spare().await?;
        let now = self.hashed(&mut session, table).await?;
        session.close().await;
        let Ok(now) = now else { return Ok(false) };
        let mut points: Vec<Option<RowHashes>> = Vec::new();
        for image in images {
            points.push(match image.guards.get(table) {
                Some(digest) => Some(self.image_rows(digest)?),
                None => None,
            });
        }
        let Some(first) = points.first().and_then(Option::as_ref) else { return Ok(false) };
        let (other_columns, shared) = (first.columns != now.columns, first.shared_columns(&now));
        let key = now.key.clone();
        let idle = self.idle();
        let mut timeline = Timeline::default();
        for (at, rows) in points.iter().enumerate() {
            let authors = authors_of_rows(images, at, table, &idle);
            match rows {
                Some(rows) => timeline.point(row_values(rows, &shared), authors),
                None => timeline.gap(authors),
            }
        }
        let now = row_values(&now, &shared);
        let findings = timeline.judge(undone, &now);
        let (mut residue, mut others, mut unclear) = (Vec::new(), Vec::new(), 0);
        for finding in findings {
            match finding {
                Finding::Residue { object, before, after } => residue.push((object, before, after)),
                Finding::Others { object, before, after } => others.push((object, before, after)),
                Finding::Unclear { .. } => unclear += 1,
            }
        }
        let named = self.disclosure.rows && !key.is_empty();
        let words = |rows: &[(String, Option<String>, Option<String>)]| Residue {
            object: format!("rows of {table}"),
            before: Some("as they were".to_owned()),
            after: Some(rows_in_words(rows, named.then(|| key.join(", ")), &shared)),
        };
        let nothing = residue.is_empty() && others.is_empty() && unclear == 0;
        if !residue.is_empty() {
            found.residue.push(words(&residue));
        }
        if !others.is_empty() {
            found.others.push(words(&others));
        }
        if unclear > 0 {
            let what = format!("{unclear} rows of {table} (written by what was undone and by what stays)");
            found.not_compared.push(what);
        }
        // Its content differs from before although no row does: that isn't believed, unless the columns
        // aren't the same, which is a matter of the schema.
        Ok(other_columns || !(nothing && self.recorder.look(|run| run.applied_order.is_empty())))
    }

    /// Steps that were begun and of which nothing was applied, by generation: they wrote nothing.
    fn idle(&self) -> BTreeSet<(String, u32)> {
        self.recorder.look(|run| {
            let undone = run.rollback.iter().flat_map(|rollback| &rollback.steps);
            let kept = run.rollback.iter().flat_map(|rollback| rollback.kept.iter().map(|(step, _)| step));
            let acted: BTreeSet<&String> = undone.chain(kept).chain(&run.applied_order).collect();
            let idle = run.steps.iter().filter(|step| !acted.contains(&step.id) && !step.has_effects());
            idle.map(|step| (step.id.clone(), step.generation)).collect()
        })
    }

    async fn schema_now(&mut self) -> Result<Fingerprint, Stop> {
        let mut session = self.spare().await?;
        let now = Fingerprint::take(&mut session).await.map_err(measured)?;
        session.close().await;
        Ok(now)
    }

    /// The schema from before the first change; it must be what was journaled.
    fn before_image(&self, baseline: &Baseline) -> Result<Fingerprint, Stop> {
        let text = std::fs::read(self.folder.path().join("before-image.json"))
            .map_err(|error| Stop::Local(format!("the before-image can't be read: {error}")))?;
        let before: Fingerprint = serde_json::from_slice(&text)
            .map_err(|error| Stop::Local(format!("the before-image can't be understood: {error}")))?;
        if before.digest() == baseline.fingerprint {
            return Ok(before);
        }
        let why = "the before-image in the run's folder isn't the one that was journaled: what is left can't be told by it";
        Err(Stop::Local(why.to_owned()))
    }
}

/// The images from before the first of these steps on, the last time that it began.
fn since_first_of<'a>(images: &'a [Image], undone: &BTreeSet<String>) -> &'a [Image] {
    let of = |image: &Image, step: &String| {
        image.when == ImageWhen::BeforeStep && image.step.as_ref() == Some(step)
    };
    let begun = undone.iter().filter_map(|step| images.iter().rposition(|image| of(image, step)));
    begun.min().map_or(&[], |first| &images[first..])
}

/// Who may have written rows of the table between this image and the next one.
fn authors_of_rows(
    images: &[Image],
    at: usize,
    table: &str,
    idle: &BTreeSet<(String, u32)>,
) -> BTreeSet<String> {
    let image = &images[at];
    let Some(step) = &image.step else { return BTreeSet::from([BACK.to_owned()]) };
    if image.when == ImageWhen::AfterStep || idle.contains(&(step.clone(), image.generation)) {
        return BTreeSet::new();
    }
    let after = images[at + 1..]
        .iter()
        .find(|later| later.step.as_ref() == Some(step) && later.generation == image.generation);
    match after {
        // The server says what the step wrote, and it wasn't this table.
        Some(after) if after.when == ImageWhen::AfterStep && !after.speaks_of(table) => BTreeSet::new(),
        // It was begun anew: nothing of the first try was applied.
        Some(again) if again.when == ImageWhen::BeforeStep => BTreeSet::new(),
        _ => BTreeSet::from([step.clone()]),
    }
}

fn objects(fingerprint: &Fingerprint) -> Values {
    let order = fingerprint
        .column_order
        .iter()
        .map(|(table, columns)| (format!("{COLUMN_ORDER}{table}"), columns.join(", ")));
    fingerprint.objects.clone().into_iter().chain(order).collect()
}

/// A row's value is what is in the columns that count; without a key, where there are no columns, its hash.
fn row_values(rows: &RowHashes, shared: &[String]) -> Values {
    let value = |key: &String, hash: &String, times: u64| match rows.cells_of(key, shared) {
        Some(cells) => cells,
        None => format!("{hash} {times}"),
    };
    rows.rows.iter().map(|(key, (hash, times))| (key.clone(), value(key, hash, *times))).collect()
}

/// `2 rows changed (id 1: title; 7: title, state), 1 row gone (id 3)`.
fn rows_in_words(
    rows: &[(String, Option<String>, Option<String>)],
    key: Option<String>,
    columns: &[String],
) -> String {
    let mut kinds: BTreeMap<u8, (&str, Vec<String>)> = BTreeMap::new();
    for (row, before, after) in rows {
        let (order, kind, row) = match (before, after) {
            (Some(before), Some(after)) => match differing(before, after, columns).as_slice() {
                [] => (0, "changed", row.clone()),
                columns => (0, "changed", format!("{row}: {}", columns.join(", "))),
            },
            (None, _) => (1, "added", row.clone()),
            (Some(_), None) => (2, "gone", row.clone()),
        };
        kinds.entry(order).or_insert((kind, Vec::new())).1.push(row);
    }
    let parts: Vec<String> = kinds
        .into_values()
        .map(|(kind, rows)| {
            let count = super::super::verify::count(rows.len(), "row");
            let Some(key) = &key else { return format!("{count} {kind}") };
            let mut named: Vec<&str> = rows.iter().take(NAMED).map(String::as_str).collect();
            if rows.len() > NAMED {
                named.push("…");
            }
            let between = if kind == "changed" && !columns.is_empty() { "; " } else { ", " };
            format!("{count} {kind} ({key} {})", named.join(between))
        })
        .collect();
    parts.join(", ")
}

/// Columns in which two values of a row differ.
fn differing<'a>(before: &str, after: &str, columns: &'a [String]) -> Vec<&'a str> {
    let (before, after) = (before.split(' '), after.split(' '));
    before
        .zip(after)
        .zip(columns)
        .filter(|((before, after), _)| before != after)
        .map(|(_, column)| column.as_str())
        .collect()
}

//! Which rows of a guarded table differ after a rollback, and whose they are.
//!
//! Images have the rows before and after each step, before the rollback, and around each undo.
//! What changed while nothing of this run was under way is others' work, during the rollback too.

use std::collections::{BTreeMap, BTreeSet};

use super::super::conductor::Conductor;
use super::super::stop::Stop;
use super::residue::Found;
use super::timeline::{BACK, Finding, Timeline, Values};
use crate::pg::row_hashes::RowHashes;
use crate::run::event::{Image, ImageWhen, Residue};

/// Keys of rows that are named of one table and one kind of difference.
const NAMED: usize = 10;

/// A row, what it was, and what it is.
type Row = (String, Option<String>, Option<String>);

/// A guarded table on the way back: its rows at moments in their order, and whether what changed since the
/// moment before is others' work.
#[derive(Debug, Default)]
struct WayBack {
    points: Vec<(Values, bool)>,
}

impl WayBack {
    /// Rows that others have written since we last wrote them, if we did; and what they were then.
    fn others(&self, before: &Values) -> Vec<Row> {
        let Some((now, _)) = self.points.last() else { return Vec::new() };
        let rows: BTreeSet<&String> =
            self.points.iter().map(|(values, _)| values).chain([before]).flat_map(Values::keys).collect();
        let mut others = Vec::new();
        for row in rows {
            let mut left = now.get(row);
            for (at, (values, theirs)) in self.points.iter().enumerate().rev() {
                let then = if at == 0 { before } else { &self.points[at - 1].0 };
                if values.get(row) == then.get(row) {
                    continue;
                }
                if !theirs {
                    break;
                }
                left = then.get(row);
            }
            if left != now.get(row) {
                others.push((row.clone(), left.cloned(), now.get(row).cloned()));
            }
        }
        others
    }
}

impl Conductor {
    /// The rows of a guarded table, one by one. `false`: the images don't have them.
    pub(super) async fn rows_of(
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
        let mut session = self.measuring().await?;
        let now = self.hashed(&mut session, table).await?;
        self.rest(session).await;
        let Ok(now) = now else { return Ok(false) };
        let points = self.rows_at(images, table)?;
        let Some(first) = points.first().and_then(Option::as_ref) else { return Ok(false) };
        let (other_columns, shared) = (first.columns != now.columns, first.shared_columns(&now));
        let key = now.key.clone();
        let timeline = self.timeline(images, table, &points, &shared);
        let now = row_values(&now, &shared);
        // What others wrote during the rollback is set apart first; the rest is what the rollback left.
        let before_rollback = points.last().and_then(Option::as_ref).map(|rows| row_values(rows, &shared));
        let theirs = self.way_back_of(table, &shared, &now)?.others(&before_rollback.unwrap_or_default());
        let findings = timeline.judge(undone, &now);
        let (mut residue, mut others, mut unclear): (Vec<Row>, Vec<Row>, _) = (Vec::new(), theirs, 0);
        let mut stays: Vec<Row> = Vec::new();
        let known = |row: &String| timeline.is_as_left_by(&found.irreversible, row, now.get(row));
        let set_apart: BTreeSet<String> = others.iter().map(|(row, ..)| row.clone()).collect();
        for finding in findings {
            match finding {
                // A row counts as the one's who wrote it last.
                Finding::Residue { object, .. } | Finding::Others { object, .. }
                    if set_apart.contains(&object) => {}
                Finding::Residue { object, before, after } if known(&object) => {
                    stays.push((object, before, after));
                }
                Finding::Residue { object, before, after } => residue.push((object, before, after)),
                Finding::Others { object, before, after } => others.push((object, before, after)),
                Finding::Unclear { .. } => unclear += 1,
            }
        }
        let named = self.disclosure.rows && !key.is_empty();
        let words = |rows: &[Row]| Residue {
            object: format!("rows of {table}"),
            before: Some("as they were".to_owned()),
            after: Some(rows_in_words(rows, named.then(|| key.join(", ")), &shared)),
        };
        let nothing = residue.is_empty() && others.is_empty() && stays.is_empty() && unclear == 0;
        if !residue.is_empty() {
            found.residue.push(words(&residue));
        }
        if !stays.is_empty() {
            found.stays.push(words(&stays));
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

    fn rows_at(&self, images: &[Image], table: &str) -> Result<Vec<Option<RowHashes>>, Stop> {
        let rows = |image: &Image| image.guards.get(table).map(|digest| self.image_rows(digest)).transpose();
        images.iter().map(rows).collect()
    }

    /// The rows at the moments of the images; of columns that aren't there, each row as a whole.
    fn timeline(
        &self,
        images: &[Image],
        table: &str,
        points: &[Option<RowHashes>],
        columns: &[String],
    ) -> Timeline {
        let idle = self.idle();
        let mut timeline = Timeline::default();
        for (at, rows) in points.iter().enumerate() {
            let authors = authors_of_rows(images, at, table, &idle);
            match rows {
                Some(rows) => timeline.point(row_values(rows, columns), authors),
                None => timeline.gap(authors),
            }
        }
        timeline
    }

    /// Rows of a guarded table that this run wrote and that aren't as it left them. `None`: nobody can say.
    pub(in crate::engine) async fn written_again(
        &mut self,
        images: &[Image],
        table: &str,
    ) -> Result<Option<(Vec<String>, RowHashes)>, Stop> {
        let points = self.rows_at(images, table)?;
        let timeline = self.timeline(images, table, &points, &[]);
        let left = timeline.left();
        if left.is_empty() {
            return Ok(None);
        }
        let mut session = self.measuring().await?;
        let now = self.hashed(&mut session, table).await?;
        self.rest(session).await;
        let Ok(now) = now else { return Ok(None) };
        let values = row_values(&now, &[]);
        let again = left.into_iter().filter(|(row, left)| values.get(*row) != *left);
        Ok(Some((again.map(|(row, _)| row.clone()).collect(), now)))
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

    /// What the images say that were taken on this way back, and what is there now.
    fn way_back_of(&self, table: &str, shared: &[String], now: &Values) -> Result<WayBack, Stop> {
        let images = self.recorder.look(|run| {
            let began = run.images.iter().rposition(|image| image.when == ImageWhen::BeforeRollback);
            began.map(|at| run.images[at + 1..].to_vec()).unwrap_or_default()
        });
        let mut way_back = WayBack::default();
        // The undo that may be writing.
        let mut under_way: Option<Option<String>> = None;
        for image in &images {
            let values = match image.guards.get(table) {
                Some(digest) => Some(row_values(&self.image_rows(digest)?, shared)),
                None => None,
            };
            if image.when == ImageWhen::BeforeUndo {
                // Begun anew: nothing of the first try was applied.
                let theirs = under_way.as_ref().is_none_or(|step| *step == image.step);
                way_back.points.extend(values.map(|values| (values, theirs)));
                under_way = Some(image.step.clone());
            } else {
                way_back.points.extend(values.map(|values| (values, false)));
                if !image.missing.iter().any(|(what, _)| what == table) {
                    under_way = None;
                }
            }
        }
        way_back.points.push((now.clone(), under_way.is_none()));
        Ok(way_back)
    }
}

/// Who may have written rows of the table between this image and the next one.
fn authors_of_rows(
    images: &[Image],
    at: usize,
    table: &str,
    idle: &BTreeSet<(String, u32)>,
) -> BTreeSet<String> {
    let image = &images[at];
    if let Some(authors) = authors_on_the_way_back(image, images.get(at + 1), table) {
        return authors;
    }
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

/// The same of an image that an earlier way back took: it wrote between what is before and after an undo,
/// and the rest of the time is others'.
fn authors_on_the_way_back(image: &Image, next: Option<&Image>, table: &str) -> Option<BTreeSet<String>> {
    let back = BTreeSet::from([BACK.to_owned()]);
    match (image.when, next.map(|next| next.when)) {
        (ImageWhen::BeforeRollback, Some(ImageWhen::BeforeUndo)) => Some(BTreeSet::new()),
        (ImageWhen::BeforeRollback, _) => Some(back),
        (ImageWhen::BeforeUndo, Some(ImageWhen::AfterUndo)) => {
            Some(if next.is_some_and(|after| after.speaks_of(table)) { back } else { BTreeSet::new() })
        }
        (ImageWhen::BeforeUndo, _) => Some(back),
        // What it wrote couldn't be measured: it stands in a later image.
        (ImageWhen::AfterUndo, _) if image.missing.iter().any(|(what, _)| what == table) => Some(back),
        (ImageWhen::AfterUndo, _) => Some(BTreeSet::new()),
        _ => None,
    }
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
fn rows_in_words(rows: &[Row], key: Option<String>, columns: &[String]) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().map(|(row, value)| ((*row).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn others_rows_are_those_that_we_didnt_write_last() {
        let before = values(&[("1", "x"), ("2", "b")]);
        let points = vec![
            // Others add 3 and change 2; the undo sets 1 and 2; others change 1 again.
            (values(&[("1", "x"), ("2", "q"), ("3", "n")]), true),
            (values(&[("1", "a"), ("2", "b"), ("3", "n")]), false),
            (values(&[("1", "z"), ("2", "b"), ("3", "n")]), true),
        ];
        let found = WayBack { points }.others(&before);
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(found, [("1".into(), some("a"), some("z")), ("3".into(), None, some("n"))]);
    }

    #[test]
    fn what_may_be_ours_is_ours() {
        let points = vec![(values(&[("1", "a"), ("2", "b")]), false)];
        assert_eq!(WayBack { points }.others(&values(&[("1", "a")])), []);
    }
}

//! `compare … with`: what there is now, against a snapshot that this run took. What the run recorded counts,
//! however often it was stopped since.

use std::collections::BTreeSet;

use super::content::{Kept, Timing};
use super::snapshot::Found;
use super::timings::NOISE;
use crate::engine::conductor::Conductor;
use crate::engine::stop::Stop;
use crate::engine::verify::count;
use crate::pg::fingerprint::Fingerprint;
use crate::pg::image::{Image, Missing, TableRows};
use crate::pg::row_hashes::RowHashes;
use crate::plan::expect::{Answer, Column, Difference, Expect, Outcome, Saved, SavedValue, Verdict};
use crate::plan::model::{Checkpoint, Compare, Tolerance};
use crate::run::event::{Event, Residue};

/// So many differences are in the evidence; the others are counted.
pub(super) const NAMED: usize = 20;
/// Of a definition so many characters.
const SHOWN: usize = 300;
pub(super) const NUMERIC: u32 = 1700;

impl Conductor {
    /// What came of it, with what there is to keep as a file. What can't be compared has failed.
    pub(in crate::engine) async fn compare(
        &mut self,
        compare: &Compare,
        checkpoint: &Checkpoint,
    ) -> Result<(Answer, Verdict), Stop> {
        match &compare.with {
            None => self.compare_with_source(compare, checkpoint).await,
            Some(with) => {
                let verdict = self.compare_with_snapshot(compare, with, checkpoint).await?;
                Ok((Answer::default(), verdict))
            }
        }
    }

    async fn compare_with_snapshot(
        &mut self,
        compare: &Compare,
        with: &str,
        checkpoint: &Checkpoint,
    ) -> Result<Verdict, Stop> {
        let expected = format!("as in \"{with}\"");
        let not = |why: String| Verdict::fail(expected.clone(), "not compared", why);
        let Some(of) = compare.of.snapshot() else { return Ok(not("no snapshot is of that".into())) };
        let then = match self.kept_snapshot(with, of) {
            Ok((_, kept)) => kept,
            Err(why) => return Ok(not(why)),
        };
        if let Kept::Timings { timings } = &then {
            return self.compare_timings(timings, checkpoint).await;
        }
        let tables = match scope(compare, with, &then) {
            Ok(tables) => tables,
            Err(why) => return Ok(not(why)),
        };
        let read = self.read_now(of, &tables, checkpoint.role.as_deref(), Missing::LeftOut).await?;
        let now = match read {
            Ok(Found::Kept(now)) => now,
            Ok(_) => return Ok(not("there is nothing to compare".into())),
            Err(problem) => return Ok(not(problem.message)),
        };
        Ok(match differences(compare, &then, &now) {
            Ok((residue, tolerated)) => {
                self.tolerated(checkpoint, &tolerated).await?;
                verdict(expected, &residue, &tolerated)
            }
            Err(why) => not(why),
        })
    }

    /// What may differ and does is a deviation.
    pub(super) async fn tolerated(&mut self, checkpoint: &Checkpoint, told: &[String]) -> Result<(), Stop> {
        for words in told {
            let (step, what) = (Some(checkpoint.id.clone()), format!("tolerated: {words}"));
            self.record(Event::Deviation { step, what }).await?;
        }
        Ok(())
    }

    /// Times the queries of the snapshot again, and judges each by what the plan expects.
    async fn compare_timings(&mut self, then: &[Timing], checkpoint: &Checkpoint) -> Result<Verdict, Stop> {
        let expect = checkpoint.expect.clone().unwrap_or_default();
        let queries: Vec<String> = then.iter().map(|timing| timing.query.clone()).collect();
        let now = match self.time_queries(&queries, checkpoint.role.as_deref()).await? {
            Ok(now) => now,
            Err(problem) => {
                let what = expect.value.as_ref().map_or_else(|| "its times".to_owned(), ToString::to_string);
                return Ok(Verdict::fail(what, "not timed", problem.message));
            }
        };
        let saved = self.saved();
        let parts =
            then.iter().zip(&now).map(|(then, now)| (short(&then.query), judge(&expect, then, now, &saved)));
        Ok(Verdict::all_of(parts.collect()))
    }
}

/// One query: in milliseconds, with `{baseline}` as what it took then.
fn judge(expect: &Expect, then: &Timing, now: &Timing, saved: &Saved) -> Verdict {
    let mut saved = saved.clone();
    let baseline = SavedValue { text: Some(ms(then.median_us())), type_oid: NUMERIC };
    saved.insert("baseline".to_owned(), baseline);
    let judge = |us: u64| {
        let answer = Answer {
            columns: vec![Column { name: "ms".to_owned(), type_oid: NUMERIC }],
            rows: vec![vec![Some(ms(us))]],
            total_rows: 1,
            ..Answer::default()
        };
        expect.judge(&Outcome::Rows(answer), &saved)
    };
    let mut verdict = judge(now.median_us());
    verdict.got.push_str(" ms");
    let apart = now.median_us().abs_diff(then.median_us());
    let near = apart <= u64::try_from(NOISE.as_micros()).unwrap_or(u64::MAX);
    if !verdict.passed && near && judge(then.median_us()).passed {
        let got = format!("{}, less than {} ms away from it", verdict.got, NOISE.as_millis());
        verdict = Verdict::pass(verdict.expected, got);
    }
    let cell = expect.value.as_ref().map(ToString::to_string).unwrap_or_default();
    if cell.contains("{baseline}") {
        verdict.expected = format!("{cell}, baseline {} ms", ms(then.median_us()));
    }
    for difference in &mut verdict.differences {
        difference.expected.clone_from(&verdict.expected);
        difference.got.clone_from(&verdict.got);
    }
    verdict
}

fn ms(us: u64) -> String {
    format!("{}.{:03}", us / 1000, us % 1000)
}

fn short(query: &str) -> String {
    let line = query.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > 60 { format!("{}…", line.chars().take(59).collect::<String>()) } else { line }
}

/// The tables that are looked at now: those that the plan names, else those of the snapshot; all, where that
/// was of all.
fn scope(compare: &Compare, with: &str, then: &Kept) -> Result<Vec<String>, String> {
    let (all, there): (bool, Vec<&String>) = match then {
        Kept::Rows { all, rows } => (*all, rows.keys().collect()),
        Kept::Content { all, content } => (*all, content.keys().collect()),
        Kept::Schema { .. } | Kept::Timings { .. } => return Ok(Vec::new()),
    };
    let known = |table: &str| there.iter().any(|name| same(name, table));
    if let Some(table) = compare.tables.iter().find(|table| !known(table) && !all) {
        return Err(format!("snapshot \"{with}\" has nothing of table {table}"));
    }
    Ok(match (compare.tables.is_empty(), all) {
        (false, _) => compare.tables.clone(),
        (true, true) => Vec::new(),
        (true, false) => there.into_iter().cloned().collect(),
    })
}

/// Names of one table, with or without `public.`.
fn same(one: &str, other: &str) -> bool {
    one.strip_prefix("public.").unwrap_or(one) == other.strip_prefix("public.").unwrap_or(other)
}

/// What differs, and what may.
fn differences(compare: &Compare, then: &Kept, now: &Kept) -> Result<(Vec<Residue>, Vec<String>), String> {
    let wanted =
        |table: &str| compare.tables.is_empty() || compare.tables.iter().any(|name| same(name, table));
    let mut tolerated = Vec::new();
    let residue = match (then, now) {
        (Kept::Schema { schema: then }, Kept::Schema { schema: now }) => {
            Fingerprint::diff(then, now).map_err(|error| format!("failed to {error}"))?
        }
        (Kept::Rows { rows: then, .. }, Kept::Rows { rows: now, .. }) => {
            let find = |rows: &std::collections::BTreeMap<String, i64>, table: &str| {
                rows.iter().find(|(name, _)| same(name, table)).map(|(_, rows)| *rows)
            };
            let tables: BTreeSet<&str> = then
                .keys()
                .chain(now.keys())
                .map(|name| name.strip_prefix("public.").unwrap_or(name))
                .collect();
            let mut residue = Vec::new();
            for table in tables.into_iter().filter(|table| wanted(table)) {
                let (then, now) = (find(then, table), find(now, table));
                let apart = then.unwrap_or_default().abs_diff(now.unwrap_or_default());
                if then == now
                    || (then.is_some() && now.is_some() && tolerates(compare, table, apart, &mut tolerated))
                {
                    continue;
                }
                let words = |rows: Option<i64>| {
                    rows.map(|rows| count(usize::try_from(rows).unwrap_or_default(), "row"))
                };
                residue.push(Residue {
                    object: format!("rows of {table}"),
                    before: words(then),
                    after: words(now),
                });
            }
            residue
        }
        (Kept::Content { content: then, .. }, Kept::Content { content: now, .. }) => {
            let mut residue = Vec::new();
            let names: BTreeSet<&String> =
                then.keys().chain(now.keys()).filter(|table| wanted(table)).collect();
            for table in names {
                let (before, after) = (then.get(table), now.get(table));
                if let Some(apart) = apart(before, after)
                    && apart > 0
                    && tolerates(compare, table, apart, &mut tolerated)
                {
                    continue;
                }
                let only = |rows: Option<&TableRows>| Image {
                    rows: rows.map(|rows| (table.clone(), rows.clone())).into_iter().collect(),
                    ..Image::default()
                };
                residue.extend(
                    Image::compare(&only(before), &only(after))
                        .map_err(|error| format!("failed to {error}"))?,
                );
            }
            residue
        }
        _ => return Err("the snapshot is of something else".into()),
    };
    Ok((residue, tolerated))
}

/// How many rows differ, where that can be known.
fn apart(before: Option<&TableRows>, after: Option<&TableRows>) -> Option<u64> {
    let (before, after) = (before?, after?);
    if before.content == after.content {
        return Some(0);
    }
    let difference = RowHashes::diff(before.each.as_ref()?, after.each.as_ref()?, 0);
    Some(difference.added_total + difference.removed_total + difference.changed_total)
}

pub(super) fn tolerates(compare: &Compare, table: &str, apart: u64, told: &mut Vec<String>) -> bool {
    let Some(Tolerance { rows, reason, .. }) =
        compare.tolerance.iter().find(|known| same(&known.table, table))
    else {
        return false;
    };
    if apart > u64::from(*rows) {
        return false;
    }
    let differ = count(usize::try_from(apart).unwrap_or(usize::MAX), "row");
    told.push(format!("{table}: {differ} apart, and {rows} may be ({reason})"));
    true
}

pub(super) fn verdict(expected: String, residue: &[Residue], tolerated: &[String]) -> Verdict {
    let tolerated = tolerated.iter().map(|words| format!("; {words}")).collect::<String>();
    if residue.is_empty() {
        return Verdict::pass(expected, format!("the same{tolerated}"));
    }
    let differences = residue.iter().take(NAMED).map(|one| {
        let (expected, got) = only_in(one.before.as_deref(), one.after.as_deref());
        Difference { row: 0, column: one.object.clone(), expected, got, why: String::new() }
    });
    Verdict {
        passed: false,
        expected,
        got: format!("{}{tolerated}", count(residue.len(), "difference")),
        differences: differences.collect(),
        more: residue.len().saturating_sub(NAMED),
    }
}

/// Of two definitions the lines that only one of them has.
pub(super) fn only_in(before: Option<&str>, after: Option<&str>) -> (String, String) {
    let (Some(then), Some(now)) = (before, after) else {
        let there = |side: Option<&str>| side.map_or_else(|| "not there".to_owned(), cut);
        return (there(before), there(after));
    };
    let only = |one: &str, other: &str| {
        let others: BTreeSet<&str> = other.lines().collect();
        one.lines().filter(|line| !others.contains(line)).map(str::trim).collect::<Vec<_>>().join("; ")
    };
    match (only(then, now), only(now, then)) {
        // The same lines in another order.
        (one, other) if one.is_empty() && other.is_empty() => (cut(then), cut(now)),
        (one, other) => {
            let or = |text: String| if text.is_empty() { "without it".to_owned() } else { cut(&text) };
            (or(one), or(other))
        }
    }
}

fn cut(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= SHOWN {
        return line;
    }
    format!("{}…", line.chars().take(SHOWN).collect::<String>())
}

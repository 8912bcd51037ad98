//! Going backwards: what will be undone, what stays, and what is left in the end.

use std::collections::BTreeSet;

use super::definition;
use super::page::Page;
use super::printer::Printer;
use super::symbols::Mark;
use crate::run::event::{Course, Event, LostRows, Rehearsed, Residue, UndoItem, WayBack, WayBackVerdict};
use crate::text::words::{count, differing, of_len, some, took};

/// What is left is listed up to here; the journal has all of it.
const SHOWN: usize = 30;
/// Of each so many lines of its definition.
const LINES: usize = 12;

impl Printer {
    pub(super) fn back_event(&mut self, page: &mut Page, event: &Event) -> bool {
        match event {
            Event::RollbackStarted { to, procedure, steps, kept, why, course } => {
                self.group = None;
                page.head(0, Mark::Back, &format!("rolls back: {why}"));
                if let Some(procedure) = procedure {
                    page.below(0, "by", &self.procedure(procedure));
                }
                if let Some(to) = to {
                    page.below(0, "as far as", &self.book.title_and_id(to));
                }
                self.list(page, steps, kept, course);
            }
            Event::RollbackEnded {
                residue,
                others,
                stays,
                unsure,
                moved,
                covers,
                not_compared,
                not_put_back,
                elapsed_ms,
            } => {
                let kept = self.run.rollback.as_ref().map_or(&[][..], |rollback| &rollback.kept);
                left(page, (residue, unsure), (stays, not_put_back), covers, kept.len(), *elapsed_ms);
                if !not_put_back.is_empty() {
                    let words = not_put_back_words(not_put_back);
                    page.fact(1, Mark::Warn, &words);
                }
                if !stays.is_empty() {
                    self.stays(page, stays, kept);
                }
                if !covers.is_empty() {
                    page.below(0, "", &format!("compared: {}", some(covers, 20)));
                }
                for one in others.iter().take(SHOWN) {
                    let what = match (&one.before, &one.after) {
                        (_, Some(rows)) if one.object.starts_with("rows of ") => rows,
                        (None, _) => "made",
                        (_, None) => "dropped",
                        _ => "changed",
                    };
                    page.below(
                        0,
                        "by others",
                        &format!("{}: {what}, since this run began; left as they are", one.object),
                    );
                }
                if others.len() > SHOWN {
                    page.below(0, "by others", &format!("… and {} more", others.len() - SHOWN));
                }
                for one in moved.iter().take(SHOWN) {
                    let (then, now) = (one.before.as_deref(), one.after.as_deref());
                    let (then, now) = (then.unwrap_or_default(), now.unwrap_or_default());
                    page.below(
                        0,
                        "moved on",
                        &format!("{}: {then}, now {now}; no rollback takes that back", one.object),
                    );
                }
                if !not_compared.is_empty() {
                    page.below(0, "", &format!("not compared: {}", not_compared.join(", ")));
                }
            }
            _ => return false,
        }
        true
    }

    /// What was decided never to be undone, by whom, and what of it is there.
    fn stays(&self, page: &mut Page, stays: &[Residue], kept: &[(String, String)]) {
        for (step, why) in kept.iter().filter(|(step, _)| self.run.is_past_return(step)) {
            page.fact(1, Mark::Warn, &format!("stays: {}: {why}", self.book.title(step)));
        }
        named(page, Mark::Warn, stays, &[]);
    }

    fn procedure(&self, id: &str) -> String {
        let procedures = self.book.opened.iter().flat_map(|opened| &opened.procedures);
        match procedures.into_iter().find(|procedure| procedure.id == id) {
            Some(procedure) => format!("{} ({id})", procedure.title),
            None => id.to_owned(),
        }
    }

    fn list(&self, page: &mut Page, steps: &[String], kept: &[(String, String)], course: &Course) {
        let undone: Vec<&String> =
            steps.iter().filter(|step| !kept.iter().any(|(kept, _)| kept == *step)).collect();
        match undone.len() {
            0 => page.fact(1, Mark::Plain, "nothing of what this run applied will be undone"),
            n => page.fact(1, Mark::Plain, &format!("will undo {}, in this order:", of_len(n, "step"))),
        }
        for (at, step) in undone.iter().enumerate() {
            let own = self.book.outline(step).and_then(|outline| outline.rollback.clone());
            let how = match course.procedure_for(step) {
                Some(turn) => {
                    let procedure = self.procedure(&turn.procedure);
                    format!(" (counts as undone by {procedure}; its own rollback isn't run)")
                }
                None => own.map(|how| format!(" ({how})")).unwrap_or_default(),
            };
            page.table(1, &format!("{:>3}  {}{how}", at + 1, self.book.title(step)));
            if let Some(item) = course.items.iter().find(|item| item.step == **step) {
                listed(page, item);
            }
        }
        for (step, why) in kept {
            page.fact(1, Mark::Warn, &format!("stays: {}: {why}", self.book.title(step)));
        }
        if let Some((some, words)) = lost_in_all(&course.items) {
            page.fact(1, if some { Mark::Warn } else { Mark::Plain }, &words);
        }
        if !course.items.is_empty() {
            let (mark, words) = last_rehearsal(course.rehearsed.as_ref());
            page.fact(1, mark, &words);
        }
    }
}

/// What runs for one step, and what is known of it.
fn listed(page: &mut Page, item: &UndoItem) {
    for run in &item.runs {
        page.table(1, &format!("       {run}"));
    }
    if let Some(half) = &item.half_applied {
        page.table(1, &format!("       half applied: {half}"));
    }
    // What others wrote into what the run made is counted below; an assumption has to be read.
    let assumes = |way: &WayBack| way.words.contains(", if ");
    let uncounted = |way: &WayBack| item.lost.is_empty() && way.words.contains("; takes along ");
    let told = |way: &&WayBack| {
        way.verdict != WayBackVerdict::Restores || way.is_by_program() || assumes(way) || uncounted(way)
    };
    if let Some(way) = item.way_back.as_ref().filter(told) {
        page.table(1, &format!("       {}", way.words));
    }
    for (_, words) in lost_lines(&item.lost) {
        page.table(1, &format!("       {words}"));
    }
    if let Some(ms) = item.rehearsed_ms {
        page.table(1, &format!("       took {} in the last rehearsal", took(ms)));
    }
}

/// What goes with one step, a line each; whether anything that is new does. Places in which nothing is new share one.
#[must_use]
pub fn lost_lines(lost: &[LostRows]) -> Vec<(bool, String)> {
    let as_then =
        |rows: &&LostRows| rows.since == Some(0) && rows.from_before.is_none_or(|before| before == 0);
    let mut lines: Vec<(bool, String)> =
        lost.iter().filter(|rows| !as_then(rows)).map(|rows| (true, lost_words(rows))).collect();
    for unit in ["row", "value"] {
        let same: Vec<&LostRows> = lost.iter().filter(as_then).filter(|rows| rows.unit() == unit).collect();
        match same.as_slice() {
            [] => {}
            [one] => lines.push((false, lost_words(one))),
            all => {
                let places: Vec<String> = all.iter().map(|rows| rows.place()).collect();
                let words =
                    format!("as many {unit}s as then in {}; changed ones aren't counted", some(&places, 12));
                lines.push((false, words));
            }
        }
    }
    lines
}

/// `3 rows written to t since would be lost`, `2 values written to t.c since would be lost`.
fn lost_words(rows_of: &LostRows) -> String {
    let about = if rows_of.exact { "" } else { "about " };
    let (place, unit, fate) = (rows_of.place(), rows_of.unit(), rows_of.fate());
    if let Some(before) = rows_of.from_before.filter(|before| *before > 0) {
        let before = count(unsigned_of(before), "row");
        return match rows_of.since {
            Some(since) if since > 0 => format!(
                "{about}all {} in {place} would be lost, {before} from before this run too",
                count(unsigned_of(rows_of.now), unit)
            ),
            _ => format!("{about}all rows in {place} would be lost, {before} from before this run"),
        };
    }
    match rows_of.since {
        Some(0) => format!("{place} has as many {unit}s as then; changed ones aren't counted"),
        Some(since) => {
            format!("{about}{} written to {place} since would be {fate}", count(unsigned_of(since), unit))
        }
        None => {
            let rows = count(unsigned_of(rows_of.now), unit);
            format!("{about}{rows} in {place} would be {fate}; how many are of before isn't known")
        }
    }
}

/// What goes with all of it, in one figure each; whether anything does. `None`: nothing is counted.
///
/// What is emptied by one step and dropped with another goes once.
#[must_use]
pub fn lost_in_all(items: &[UndoItem]) -> Option<(bool, String)> {
    let mut told: BTreeSet<String> = BTreeSet::new();
    let (mut rows, mut values, mut over, mut before, mut unknown) = (0, 0, 0, 0, 0);
    let mut exact = true;
    for lost in items.iter().flat_map(|item| &item.lost) {
        if !told.insert(lost.place()) {
            continue;
        }
        exact &= lost.exact;
        before += lost.from_before.map_or(0, unsigned_of);
        match (lost.since.map(unsigned_of), lost.written_over, &lost.column) {
            (Some(n), true, _) => over += n,
            (Some(n), false, None) => rows += n,
            (Some(n), false, Some(_)) => values += n,
            (None, ..) => unknown += unsigned_of(lost.now),
        }
    }
    if told.is_empty() {
        return None;
    }
    let counted = |n: u64, unit: &str| (n > 0).then(|| count(n, unit));
    let new: Vec<String> = [counted(rows, "row"), counted(values, "value")].into_iter().flatten().collect();
    let parts = [
        (!new.is_empty()).then(|| format!("{} written since would be lost", new.join(" and "))),
        counted(over, "row").map(|n| format!("{n} written since would be written over")),
        counted(before, "row").map(|n| format!("{n} from before this run would be lost")),
        counted(unknown, "row").map(|n| format!("{n} would be lost of which nobody knows how many are new")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        return Some((false, "in all: no row written since would be lost, as far as counts tell".to_owned()));
    }
    let about = if exact { "" } else { "about " };
    Some((true, format!("in all: {about}{}", parts.join("; "))))
}

/// `rows of a, b: this run wrote them, …`
#[must_use]
pub fn not_put_back_words(tables: &[String]) -> String {
    format!(
        "not proven: rows of {}, which this run wrote and no undo did; the plan doesn't guard them, and so they weren't compared",
        some(tables, 8)
    )
}

/// How long it took, and whether that can be relied on.
fn last_rehearsal(rehearsed: Option<&Rehearsed>) -> (Mark, String) {
    let (good, words) = rehearsal_words(rehearsed);
    (if good { Mark::Plain } else { Mark::Warn }, words)
}

/// How long the whole rollback took in the last rehearsal; `false`: it can't be relied on.
#[must_use]
pub fn rehearsal_words(rehearsed: Option<&Rehearsed>) -> (bool, String) {
    let Some(last) = rehearsed else {
        return (false, "never rehearsed: nobody knows how long it takes".to_owned());
    };
    let on = last.on.strftime("%Y-%m-%d %H:%M UTC");
    let words = format!("the whole rollback took {} in the rehearsal of {on}", took(last.rollback_ms));
    match (last.passed, last.same_plan) {
        (true, true) => (true, words),
        (false, _) => (false, format!("{words}, which failed")),
        (true, false) => (false, format!("{words}, of another version of the plan")),
    }
}

fn unsigned_of(n: i64) -> u64 {
    u64::try_from(n).unwrap_or_default()
}

fn left(
    page: &mut Page,
    (residue, unsure): (&[Residue], &[String]),
    (stays, not_put_back): (&[Residue], &[String]),
    covers: &[String],
    kept: usize,
    elapsed_ms: u64,
) {
    // Without the schema there is no proof, whatever else was looked at.
    let schema = covers.iter().any(|what| what == "schema");
    let (mark, what) = match (residue.len(), covers.len()) {
        (0, 0) => (Mark::Warn, "undone; nothing was compared with the state before".to_owned()),
        (0, _) if !schema => (
            Mark::Warn,
            "undone; whether something is left isn't proven: the schema wasn't compared".to_owned(),
        ),
        (0, _) if !stays.is_empty() => {
            let what =
                format!("undone, but for what can't be taken back: by that {} as before", arent(stays));
            (Mark::Warn, what)
        }
        (0, _) if kept > 0 => {
            let what = format!("{} left out; what was compared is as before", count(kept as u64, "step"));
            (Mark::Warn, what)
        }
        (0, _) if !not_put_back.is_empty() => {
            (Mark::Warn, "undone; what was compared is as before".to_owned())
        }
        (0, _) => (Mark::Good, "undone, and nothing is left behind".to_owned()),
        _ => (Mark::Bad, format!("undone, but {} as before", arent(residue))),
    };
    page.row(0, mark, &what, Some(elapsed_ms), "");
    named(page, Mark::Bad, residue, unsure);
}

fn named(page: &mut Page, mark: Mark, residue: &[Residue], unsure: &[String]) {
    for one in residue.iter().take(SHOWN) {
        let what = match (&one.before, &one.after) {
            (None, _) => "it wasn't there before",
            (_, None) => "it is gone",
            _ => "it has changed",
        };
        let whose = if unsure.contains(&one.object) {
            "; that came while it went back, by this run or by others"
        } else {
            ""
        };
        page.fact(1, mark, &format!("{}: {what}{whose}", one.object));
        let lines = definition::lines(one.before.as_deref(), one.after.as_deref());
        for line in lines.iter().take(LINES) {
            page.table(1, &line.to_string());
        }
        if lines.len() > LINES {
            page.table(1, &format!("  … {} more", of_len(lines.len() - LINES, "line")));
        }
    }
    if residue.len() > SHOWN {
        let more = residue.len() - SHOWN;
        page.fact(1, mark, &format!("… and {more} more; the report has all of them"));
    }
}

fn arent(residue: &[Residue]) -> String {
    let what = differing(residue);
    let one = what.starts_with("1 ") && !what.contains(" and ");
    format!("{what} {}", if one { "isn't" } else { "aren't" })
}

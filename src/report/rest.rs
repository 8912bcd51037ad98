//! Deviations and deltas; and what comes last: notes, queries, sessions, files, and everything else that happened.

use super::model::{DeltasTold, Report};
use super::page::{Block, Line, Span, Table, Tone, code, heading, joined, stacked, text};
use super::words::{self, Clock};
use crate::run::event::{BackendEnd, BackendOutcome};
use crate::text::words::{count, delta, number, session, size, took};

pub(super) fn deviations(page: &mut Vec<Block>, report: &Report, clock: &Clock) {
    heading(page, 2, "Deviations from the plan");
    if report.deviations.is_empty() {
        page.push(Block::Paragraph(text("None.")));
        return;
    }
    let mut table = Table::new(&["Time", "Kind", "What", "Reason", "Who", "About"]);
    for one in &report.deviations {
        let kind = words::deviation(one.kind);
        let kind = if one.departs { kind.to_owned() } else { format!("{kind} (as the plan allows)") };
        table.row(vec![
            clock.at(one.at),
            text(kind),
            text(one.what.clone()),
            one.reason.clone().map(text).unwrap_or_default(),
            one.by.as_ref().map(words::who).unwrap_or_default(),
            words::step_or_run(report, one.step.as_deref()),
        ]);
    }
    table.into_page(page);
}

pub(super) fn deltas(page: &mut Vec<Block>, report: &Report) {
    heading(page, 2, "What changed in the database");
    let deltas = &report.deltas;
    if !deltas.measured {
        let words = "Nothing was measured: the run hasn't come to its first change.";
        page.push(Block::Paragraph(text(words)));
        return;
    }
    let when = match &deltas.after {
        None => text("Before the first change, and at the run's end."),
        Some(step) => {
            joined([text("Before the first change, and as counted last, after "), words::step(report, step)])
        }
    };
    page.push(Block::Paragraph(when));
    objects(page, deltas);
    rows(page, deltas);
    if !deltas.missing.is_empty() {
        let missing = deltas.missing.iter().map(|(what, why)| text(format!("not counted: {what}: {why}")));
        page.push(Block::List(missing.collect()));
    }
}

fn objects(page: &mut Vec<Block>, deltas: &DeltasTold) {
    let mut table = Table::new(&["Objects", "Before", "Now", "Change"]);
    for one in &deltas.objects {
        let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let (before, now) = (signed(one.before), signed(one.now));
        table.row(vec![
            text(one.kind.clone()),
            text(number(before)),
            text(number(now)),
            text(change(before, now)),
        ]);
    }
    table.into_page(page);
}

fn rows(page: &mut Vec<Block>, deltas: &DeltasTold) {
    let mut table = Table::new(&["Rows of", "Before", "Now", "Change"]);
    for one in &deltas.rows {
        let about = if one.exact { "" } else { "about " };
        let figure = |rows: Option<i64>| {
            text(rows.map_or_else(|| "no such table".to_owned(), |rows| format!("{about}{}", number(rows))))
        };
        let changed = match (one.before, one.now) {
            (Some(before), Some(now)) => change(before, now),
            (None, Some(_)) => "made".to_owned(),
            (Some(_), None) => "dropped".to_owned(),
            (None, None) => "made and dropped".to_owned(),
        };
        table.row(vec![code(one.table.clone()), figure(one.before), figure(one.now), text(changed)]);
    }
    table.into_page(page);
}

fn change(before: i64, now: i64) -> String {
    if before == now {
        return "none".to_owned();
    }
    let words = delta(before, now);
    words.rsplit(' ').next().unwrap_or_default().to_owned()
}

pub(super) fn rest(page: &mut Vec<Block>, report: &Report, clock: &Clock) {
    notes(page, report, clock);
    looks(page, report, clock);
    sessions(page, report, clock);
    databases(page, report, clock);
    files(page, report, clock);
    others(page, report, clock);
    heading(page, 2, "The journal");
    page.push(Block::Paragraph(super::head::journal(report)));
    if report.newer_events > 0 {
        let words = format!(
            "{} of a newer program than this one aren't understood and aren't in this report.",
            count(report.newer_events, "event")
        );
        page.push(Block::Paragraph(text(words)));
    }
    let words = "Made from the journal alone: the same journal gives the same report. Values of secret variables and \
                 passwords in SQL are masked; what servers and scripts say on the way (notices) isn't in the journal, \
                 and so not here: their warnings are counted.";
    page.push(Block::Paragraph(text(words)));
}

fn notes(page: &mut Vec<Block>, report: &Report, clock: &Clock) {
    if report.notes.is_empty() {
        return;
    }
    heading(page, 2, "Notes");
    let mut table = Table::new(&["Time", "Note", "Who", "About"]);
    for one in &report.notes {
        table.row(vec![
            clock.at(one.at),
            stacked(one.text.trim().lines().map(text)),
            words::who(&one.by),
            words::step_or_run(report, one.step.as_deref()),
        ]);
    }
    table.into_page(page);
}

fn looks(page: &mut Vec<Block>, report: &Report, clock: &Clock) {
    if report.looks.is_empty() {
        return;
    }
    heading(page, 2, "What people asked the database");
    let mut table = Table::new(&["Time", "Query", "What came", "Took", "Who"]);
    for one in &report.looks {
        let came = match (one.rows, &one.error) {
            (_, Some(error)) => format!("failed: {error}"),
            (Some(rows), None) if one.more => format!("the first {}", count(rows, "row")),
            (rows, None) => count(rows.unwrap_or_default(), "row"),
        };
        table.row(vec![
            clock.at(one.at),
            code(one.sql.clone()),
            text(came),
            text(took(one.elapsed_ms)),
            words::who(&one.by),
        ]);
    }
    table.into_page(page);
}

fn sessions(page: &mut Vec<Block>, report: &Report, clock: &Clock) {
    if report.sessions.is_empty() {
        return;
    }
    heading(page, 2, "Sessions of others that were ended");
    let mut table = Table::new(&["Time", "Session", "What", "What came of it", "Who"]);
    for one in &report.sessions {
        let what = match one.what {
            BackendEnd::Cancel => "cancel its statement",
            BackendEnd::Terminate => "end it",
        };
        let came = match one.outcome {
            Some(BackendOutcome::Done) => "done",
            Some(BackendOutcome::Sent) => "told to; nothing came of it yet",
            Some(BackendOutcome::WasGone) => "it had gone by itself; no other was hit",
            Some(BackendOutcome::Refused) => "left alone",
            None => "isn't known",
        };
        let why = one.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        table.row(vec![
            clock.at(one.at),
            text(session(&one.backend)),
            text(what),
            text(format!("{came}{why}")),
            words::who(&one.by),
        ]);
    }
    table.into_page(page);
}

fn databases(page: &mut Vec<Block>, report: &Report, clock: &Clock) {
    if report.databases.is_empty() {
        return;
    }
    heading(page, 2, "Databases that gave their name to a restored one");
    let mut table = Table::new(&["Time", "Database", "The old one is", "Step"]);
    for one in &report.databases {
        table.row(vec![
            clock.at(one.at),
            text(format!("{} (oid {} now)", one.database, one.oid)),
            text(format!("{} (oid {}), with all that came since the backup", one.aside, one.aside_oid)),
            words::step(report, &one.step),
        ]);
    }
    table.into_page(page);
}

fn files(page: &mut Vec<Block>, report: &Report, clock: &Clock) {
    if report.files.is_empty() {
        return;
    }
    heading(page, 2, "Files that the run wrote");
    let mut table = Table::new(&["Time", "File", "What it is", "Size", "SHA-256", "Where", "Step"]);
    for one in &report.files {
        table.row(vec![
            clock.at(one.at),
            code(one.name.clone()),
            text(one.what.clone()),
            text(size(one.bytes)),
            code(one.digest.clone()),
            code(one.path.clone()),
            words::step(report, &one.step),
        ]);
    }
    table.into_page(page);
}

/// What has no section of its own.
fn others(page: &mut Vec<Block>, report: &Report, clock: &Clock) {
    if report.others.is_empty() {
        return;
    }
    heading(page, 2, "What else happened");
    let mut table = Table::new(&["Time", "Event", "About", "What it says"]);
    for one in &report.others {
        let fields = one.fields.iter().map(|(name, value)| {
            let cut: String = value.chars().take(300).collect();
            let more = if cut.len() < value.len() { "…" } else { "" };
            joined([text(format!("{}: ", name.replace('_', " "))), code(format!("{cut}{more}"))])
        });
        let event =
            vec![Span::Mark(Tone::Plain, "·"), Span::Text(format!(" {}", one.event.replace('_', " ")))];
        let about = one.step.as_deref().map_or_else(Line::new, |step| words::step(report, step));
        table.row(vec![clock.at(one.at), event, about, stacked(fields)]);
    }
    table.into_page(page);
}

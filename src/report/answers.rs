//! What people answered for: go or no-go, signatures, checklists, decisions; and when the run waited for them.

use super::model::{Report, SignatureTold};
use super::page::{Block, Line, Span, Table, Tone, code, heading, joined, stacked, strong, text};
use super::words::{self, Clock};
use crate::text::words::took;

pub(super) fn answers(page: &mut Vec<Block>, report: &Report, clock: &Clock) {
    let (decides, signs): (Vec<_>, Vec<_>) = report.signatures.iter().partition(|one| one.decides);
    if !decides.is_empty() {
        heading(page, 2, "Go or no-go");
        signatures(page, report, clock, &decides);
    }
    if !signs.is_empty() {
        heading(page, 2, "Sign-offs");
        signatures(page, report, clock, &signs);
    }
    confirmations(page, report, clock);
    decisions(page, report, clock);
    holds(page, report, clock);
}

fn signatures(page: &mut Vec<Block>, report: &Report, clock: &Clock, signatures: &[&SignatureTold]) {
    let mut table = Table::new(&["Time", "Role", "Word", "Who", "What was signed", "Step"]);
    for one in signatures {
        let tone = if one.accepted { Tone::Good } else { Tone::Bad };
        let word = match (one.word.trim(), one.accepted) {
            ("", true) => "signed",
            ("", false) => "declined",
            (word, _) => word,
        };
        let sign = if one.accepted { "✓" } else { "✗" };
        let statement = text(format!("“{}”", one.statement.trim()));
        let note = one.note.as_ref().map(|note| text(format!("Note: {note}")));
        let authorizes = one.authorizes.then(|| text("Nothing is changed before this one."));
        table.row(vec![
            clock.at(one.at),
            strong(one.role.clone()),
            vec![Span::Mark(tone, sign), Span::Text(format!(" {word}"))],
            words::who(&one.by),
            stacked([statement].into_iter().chain(note).chain(authorizes)),
            words::step(report, &one.step),
        ]);
    }
    table.into_page(page);
}

fn confirmations(page: &mut Vec<Block>, report: &Report, clock: &Clock) {
    if report.confirmations.is_empty() {
        return;
    }
    heading(page, 2, "Checklists");
    let mut table = Table::new(&["Time", "Item", "By", "Proof or note", "Step"]);
    for one in &report.confirmations {
        let proof = one.proof.iter().map(|proof| {
            joined([
                words::passed(proof.passed),
                text(" "),
                code(proof.of.clone()),
                text(": expected "),
                code(proof.expected.clone()),
                text(", got "),
                code(proof.got.clone()),
            ])
        });
        let note = one.note.as_ref().map(|note| text(format!("Note: {note}")));
        let undone = one.undone.then(|| text("What it was about was undone later."));
        table.row(vec![
            clock.at(one.at),
            text(one.item.clone()),
            words::who(&one.by),
            stacked(proof.chain(note).chain(undone)),
            words::step(report, &one.step),
        ]);
    }
    table.into_page(page);
}

fn decisions(page: &mut Vec<Block>, report: &Report, clock: &Clock) {
    if report.decisions.is_empty() {
        return;
    }
    heading(page, 2, "Decisions");
    let mut table = Table::new(&["Time", "Decision", "About", "Who", "Reason"]);
    for one in &report.decisions {
        table.row(vec![
            clock.at(one.at),
            text(words::decision(one.what)),
            words::step_or_run(report, one.step.as_deref()),
            words::who(&one.by),
            one.reason.clone().map(text).unwrap_or_default(),
        ]);
    }
    table.into_page(page);
}

fn holds(page: &mut Vec<Block>, report: &Report, clock: &Clock) {
    if report.holds.is_empty() {
        return;
    }
    heading(page, 2, "When the run waited");
    let mut table = Table::new(&["From", "To", "How long", "Why", "What it waited for", "Step"]);
    for one in &report.holds {
        table.row(vec![
            clock.at(one.from),
            one.to.map_or_else(|| text("waits still"), |to| clock.at(to)),
            text(took(one.ms)),
            text(words::hold(&one.reason)),
            text(one.needs.clone()),
            one.step.as_deref().map_or_else(Line::new, |step| words::step(report, step)),
        ]);
    }
    table.into_page(page);
}

//! The ways back: what was undone, by what, and what is left.

use super::model::{LeftTold, Report, RollbackTold, UndoTold};
use super::page::{Block, Line, Span, Table, Tone, code, heading, joined, stacked, text};
use super::words::{self, Clock};
use crate::plain::{definition, lost_lines, not_put_back_words, rehearsal_words};
use crate::run::event::{Residue, WayBackVerdict};
use crate::text::words::{differing, of_len, took};

/// Objects whose definitions are shown line by line; the others are named.
const SHOWN: usize = 100;
/// Of each so many lines.
const LINES: usize = 60;

pub(super) fn returns(page: &mut Vec<Block>, report: &Report, clock: &Clock) {
    let one = report.rollbacks.len() == 1;
    for (at, rollback) in report.rollbacks.iter().enumerate() {
        let title = if one { "Rollback".to_owned() } else { format!("Rollback {}", at + 1) };
        heading(page, 2, title);
        rolled_back(page, report, clock, rollback);
    }
    ways(page, report);
}

fn rolled_back(page: &mut Vec<Block>, report: &Report, clock: &Clock, rollback: &RollbackTold) {
    let mut facts = vec![("Began", text(clock.full(rollback.at))), ("Why", text(rollback.why.clone()))];
    if let Some(to) = &rollback.to {
        facts.push(("As far as", words::step(report, to)));
    }
    if let Some(id) = &rollback.procedure {
        let procedure = report.procedures.iter().find(|one| one.id == *id);
        let title = procedure.map_or(id, |one| &one.title);
        facts.push(("By procedure", joined([text(title.clone()), text(" "), code(id.clone())])));
    }
    for only in &rollback.only {
        facts.push(("Only", words::step(report, only)));
    }
    facts.push(("Rehearsed", text(rehearsal_words(rollback.rehearsed.as_ref()).1)));
    page.push(Block::Facts(facts));
    let mut table =
        Table::new(&["", "Step", "What ran", "What came of it", "Took", "What was known beforehand"]);
    for (at, undo) in rollback.undoes.iter().enumerate() {
        table.row(undone(report, clock, at + 1, undo));
    }
    table.into_page(page);
    let kept = rollback
        .kept
        .iter()
        .map(|(step, why)| joined([text("Stays: "), words::step(report, step), text(format!(": {why}"))]));
    let accepted = rollback.accepted.iter().map(|(step, why)| {
        joined([text("Taken as it is: "), words::step(report, step), text(format!(": {why}"))])
    });
    let lines: Vec<Line> = kept.chain(accepted).collect();
    if !lines.is_empty() {
        page.push(Block::List(lines));
    }
    match &rollback.left {
        Some(left) => is_left(page, clock, left),
        None => {
            let words = "It hasn't come to its end, and nothing was compared with the state before.";
            page.push(Block::Callout(Tone::Warn, "Residue".into(), vec![text(words)]));
        }
    }
}

fn undone(report: &Report, clock: &Clock, at: usize, undo: &UndoTold) -> Vec<Line> {
    let came = match undo.came.as_deref() {
        Some("undone") => (Tone::Good, "✓", " undone"),
        Some("stays") => (Tone::Warn, "!", " stays"),
        Some("failed") => (Tone::Bad, "✗", " failed"),
        _ => (Tone::Plain, "·", " not yet"),
    };
    let when = undo.at.map(|at| text(format!("at {}", clock.time(at))));
    let came = vec![Span::Mark(came.0, came.1), Span::Text(came.2.to_owned())];
    let known = undo
        .half_applied
        .iter()
        .map(|half| text(format!("half applied: {half}")))
        .chain(undo.way_back.iter().map(|way| text(way.words.clone())))
        .chain(lost_lines(&undo.lost).into_iter().map(|(_, words)| text(words)))
        .chain(undo.rehearsed_ms.map(|ms| text(format!("took {} in the last rehearsal", took(ms)))));
    vec![
        text(at.to_string()),
        words::step(report, &undo.step),
        stacked(undo.runs.iter().map(|run| code(run.clone()))),
        stacked([came].into_iter().chain(when)),
        text(undo.elapsed_ms.map(took).unwrap_or_default()),
        stacked(known),
    ]
}

fn is_left(page: &mut Vec<Block>, clock: &Clock, left: &LeftTold) {
    let (tone, words) = match (left.residue.is_empty(), left.covers.is_empty()) {
        (true, true) => (Tone::Warn, "Nothing was compared with the state before.".to_owned()),
        (true, false) if !left.covers.iter().any(|what| what == "schema") => {
            let words = "None in what was compared. The schema wasn't compared: whether something is left isn't proven.";
            (Tone::Warn, words.to_owned())
        }
        (true, false) if !left.stays.is_empty() => {
            let words = "None, but for what can't be taken back: that stays, as was decided.";
            (Tone::Warn, words.to_owned())
        }
        (true, false) if !left.not_put_back.is_empty() => {
            let proven = not_put_back_words(&left.not_put_back);
            (
                Tone::Warn,
                format!("None in what was compared. {}.", proven.replacen("not proven", "Not proven", 1)),
            )
        }
        (true, false) => (Tone::Good, "None in what was compared.".to_owned()),
        (false, _) => (Tone::Bad, format!("{} not as before the first change.", differing(&left.residue))),
    };
    let list = |names: &[String]| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
    let lines = vec![
        text(words),
        text(format!("Compared: {}.", list(&left.covers))),
        text(format!("Not compared: {}.", list(&left.not_compared))),
        text(format!("Ended {}, after {}.", clock.full(left.at), took(left.elapsed_ms))),
    ];
    page.push(Block::Callout(tone, "Residue".into(), lines));
    differs(page, left);
    aside(page, "What can't be taken back, as was decided", &left.stays);
    aside(page, "Changed by others meanwhile, and left as it is", &left.others);
    aside(page, "Sequences that moved on: no rollback takes that back", &left.moved);
}

/// Each object with what differs, line by line.
fn differs(page: &mut Vec<Block>, left: &LeftTold) {
    for (at, one) in left.residue.iter().enumerate() {
        let what = match (&one.before, &one.after) {
            (None, _) => "it wasn't there before",
            (_, None) => "it is gone",
            _ => "it has changed",
        };
        page.push(Block::Paragraph(joined([
            vec![Span::Mark(Tone::Bad, "✗"), Span::Text(" ".into())],
            code(one.object.clone()),
            text(match left.unsure.contains(&one.object) {
                true => format!(": {what}; that came while it went back, by this run or by others"),
                false => format!(": {what}"),
            }),
        ])));
        if at < SHOWN {
            let lines = definition(one.before.as_deref(), one.after.as_deref());
            let mut shown: Vec<String> = lines.iter().take(LINES).cloned().collect();
            if lines.len() > LINES {
                shown.push(format!("… {} more", of_len(lines.len() - LINES, "line")));
            }
            if !shown.is_empty() {
                page.push(Block::Code(shown.join("\n")));
            }
        }
    }
}

fn aside(page: &mut Vec<Block>, title: &str, objects: &[Residue]) {
    if objects.is_empty() {
        return;
    }
    page.push(Block::Paragraph(text(format!("{title}:"))));
    let mut table = Table::new(&["What", "Before", "Now"]);
    for one in objects {
        let side = |side: &Option<String>| code(side.clone().unwrap_or_default());
        table.row(vec![code(one.object.clone()), side(&one.before), side(&one.after)]);
    }
    table.into_page(page);
}

/// What could be taken back and what couldn't, as it was known before the first change.
fn ways(page: &mut Vec<Block>, report: &Report) {
    let steps = report.phases.iter().flat_map(|phase| &phase.steps).filter(|step| step.changes);
    let mut table = Table::new(&["Step", "Undone by", "What that gives back"]);
    for step in steps {
        let mark = step.way_back.as_ref().map(|way| match way.verdict {
            WayBackVerdict::Restores if way.is_by_program() => Span::Mark(Tone::Plain, "·"),
            WayBackVerdict::Restores => Span::Mark(Tone::Good, "✓"),
            WayBackVerdict::Loses | WayBackVerdict::Leaves => Span::Mark(Tone::Warn, "!"),
            WayBackVerdict::Impossible => Span::Mark(Tone::Bad, "✗"),
        });
        let known = step.way_back.as_ref().map_or_else(Line::new, |way| text(format!(" {}", way.words)));
        let given = joined([mark.into_iter().collect(), known]);
        let irreversible = step
            .irreversible
            .as_ref()
            .map(|why| text(format!("The point of no return, says the plan: {why}")));
        table.row(vec![
            words::step(report, &step.id),
            step.rollback.clone().map_or_else(|| text("nothing"), text),
            stacked([given].into_iter().chain(irreversible)),
        ]);
    }
    if !table.rows.is_empty() {
        heading(page, 2, "What can be taken back");
    }
    table.into_page(page);
}

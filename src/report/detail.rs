//! Every step by itself: its tries, its checkpoints with what was asked, expected and got, and what it did.

use super::model::{CheckpointTold, Report, ResultTold, StepTold, Try, Work};
use super::page::{Block, Line, Table, code, heading, joined, stacked, text};
use super::words::{self, Clock};
use crate::run::event::{Direction, Problem};
use crate::text::words::{count, some, took, touched};

/// Names in one line beyond this are counted.
const NAMES: usize = 20;

pub(super) fn detail(page: &mut Vec<Block>, report: &Report, clock: &Clock) {
    if !report.guards.is_empty() {
        heading(page, 2, "The target's guards");
        checkpoints(page, clock, &report.guards);
    }
    let begun = report.procedures.iter().filter(|one| one.started_at.is_some());
    for phase in report.phases.iter().chain(begun) {
        heading(page, 2, format!("Phase: {}", phase.title));
        if let Some(about) = &phase.about {
            page.push(Block::Prose(about.clone()));
        }
        let owner = phase.owner.iter().map(|owner| ("Owner", text(owner.clone())));
        let team = phase.team.iter().map(|(role, duty)| ("Team", text(format!("{role}: {duty}"))));
        let facts: Vec<_> = owner.chain(team).collect();
        if !facts.is_empty() {
            page.push(Block::Facts(facts));
        }
        for item in &phase.steps {
            step(page, clock, item);
        }
    }
}

fn step(page: &mut Vec<Block>, clock: &Clock, step: &StepTold) {
    heading(page, 3, step.title.clone());
    if let Some(about) = &step.about {
        page.push(Block::Prose(about.clone()));
    }
    page.push(Block::Facts(facts(step, clock)));
    tries(page, clock, step);
    checkpoints(page, clock, &step.checkpoints);
    if step.undo_checkpoints.iter().any(|one| !one.results.is_empty()) {
        heading(page, 4, "Checkpoints of its rollback");
        checkpoints(page, clock, &step.undo_checkpoints);
    }
}

fn facts(step: &StepTold, clock: &Clock) -> Vec<(&'static str, Line)> {
    let mut facts = vec![
        ("Status", words::status(&step.status, step.undone)),
        ("Step", joined([code(step.id.clone()), text(format!(", {}", step.action))])),
    ];
    let mut fact = |name, line: Line| {
        if !line.is_empty() {
            facts.push((name, line));
        }
    };
    fact("Reason", step.reason.clone().map(text).unwrap_or_default());
    fact("For", text(step.people.join(", ")));
    let planned = words::planned(&step.planned, clock);
    fact("Planned", text(planned));
    if let (Some(from), Some(to)) = (step.started_at, step.ended_at) {
        let words = format!(
            "{} to {}; the last try took {}",
            clock.time(from),
            clock.time(to),
            took(step.elapsed_ms)
        );
        fact("Actual", text(words));
    }
    fact("What ran", stacked(step.work.sources.iter().take(NAMES).map(|file| code(file.clone()))));
    fact("What it did", did(&step.work));
    fact(
        "What its rollback ran",
        stacked(step.undo_work.sources.iter().take(NAMES).map(|file| code(file.clone()))),
    );
    fact("What its rollback did", did(&step.undo_work));
    for (name, value) in &step.saved {
        let value = value.clone().map_or_else(|| text("NULL"), |value| vec![super::page::Span::Code(value)]);
        fact("Saved", joined([code(name.clone()), text(" = "), value]));
    }
    fact(
        "If it fails",
        step.otherwise.clone().map(|words| stacked(words.lines().map(text))).unwrap_or_default(),
    );
    facts
}

fn did(work: &Work) -> Line {
    if work.applied + work.failed + work.passed_over == 0 && work.reconciled.is_empty() {
        return Line::new();
    }
    let mut parts = vec![format!(
        "{} applied, {}, {}",
        count(work.applied, "transaction"),
        count(work.statements, "statement"),
        count(work.rows, "row")
    )];
    let more = [
        (work.failed, "failed try", "failed tries"),
        (work.passed_over, "statement passed over", "statements passed over"),
        (work.lock_retries, "time a lock wasn't to be had", "times a lock wasn't to be had"),
        (work.warnings, "warning", "warnings"),
    ];
    for (n, one, several) in more.into_iter().filter(|(n, ..)| *n > 0) {
        parts.push(format!("{n} {}", if n == 1 { one } else { several }));
    }
    let relations = match work.touched.is_empty() {
        true => Line::new(),
        false => code(touched_all(work)),
    };
    stacked([text(parts.join(", ")), relations].into_iter().chain(work.reconciled.iter().map(text)))
}

/// What was touched, each relation once.
fn touched_all(work: &Work) -> String {
    let each: Vec<String> = work.touched.iter().map(|one| touched(std::slice::from_ref(one))).collect();
    some(&each, NAMES)
}

/// More than one try, or one that failed: all of them.
fn tries(page: &mut Vec<Block>, clock: &Clock, step: &StepTold) {
    let fine = |one: &Try| one.problem.is_none() && one.direction == Direction::Forward;
    if step.tries.len() < 2 && step.tries.iter().all(fine) {
        return;
    }
    let mut table = Table::new(&["Try", "Began", "Took", "What came of it"]);
    for one in &step.tries {
        let what = match one.direction {
            Direction::Forward => format!("{}", one.attempt),
            Direction::Back => format!("rollback {}", one.attempt),
        };
        let came = one.came.clone().unwrap_or_else(|| "no end: under way, or broken off".to_owned());
        table.row(vec![
            text(what),
            clock.at(one.started_at),
            text(one.elapsed_ms.map(took).unwrap_or_default()),
            stacked([text(came)].into_iter().chain(one.problem.iter().flat_map(problem))),
        ]);
    }
    table.into_page(page);
    for excerpt in step.tries.iter().filter_map(|one| one.problem.as_ref()).map(|problem| &problem.excerpt) {
        if !excerpt.is_empty() {
            page.push(Block::Code(excerpt.join("\n")));
        }
    }
}

fn problem(problem: &Problem) -> Vec<Line> {
    let mut lines = vec![text(problem.message.clone())];
    let mut say = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            lines.push(text(format!("{name}: {value}")));
        }
    };
    let place = problem.place.as_ref().map(|place| match place.column {
        0 => format!("{}:{}", place.file, place.line),
        column => format!("{}:{}:{column}", place.file, place.line),
    });
    say("At", place);
    say("SQLSTATE", problem.sqlstate.clone());
    say("Detail", problem.detail.clone());
    say("Hint", problem.hint.clone());
    say("Context", problem.context.clone());
    say("For the data", problem.consequence.clone());
    lines
}

fn checkpoints(page: &mut Vec<Block>, clock: &Clock, checkpoints: &[CheckpointTold]) {
    let mut table = Table::new(&["", "Checkpoint", "Expected", "Got", "At", "Took"]);
    for one in checkpoints {
        let title = text(one.title.clone());
        let Some(last) = one.results.last() else {
            table.row(vec![text("·"), title, Line::new(), text("not evaluated"), Line::new(), Line::new()]);
            continue;
        };
        let earlier = one.results.len() - 1;
        let tries = (earlier > 0).then(|| text(format!("evaluated {} times", earlier + 1)));
        table.row(vec![
            words::passed(last.passed),
            stacked([title].into_iter().chain(tries)),
            code(last.expected.clone()),
            code(last.got.clone()),
            clock.at(last.at),
            text(took(last.elapsed_ms)),
        ]);
    }
    table.into_page(page);
    for one in checkpoints {
        if let Some(query) = &one.query {
            page.push(Block::Paragraph(joined([text("Asked for "), text(one.title.clone()), text(":")])));
            page.push(Block::Code(query.clone()));
        }
        for (at, result) in one.results.iter().enumerate() {
            differences(page, clock, one, result, at + 1 == one.results.len());
        }
    }
}

/// What differed, cell by cell.
fn differences(page: &mut Vec<Block>, clock: &Clock, one: &CheckpointTold, result: &ResultTold, last: bool) {
    if result.passed {
        return;
    }
    let when = if last {
        String::new()
    } else {
        format!(", at {}, before it was evaluated again", clock.time(result.at))
    };
    let words = format!(" isn't as expected{when}:");
    page.push(Block::Paragraph(joined([
        words::passed(false),
        text(" "),
        text(one.title.clone()),
        text(words),
    ])));
    let mut table = Table::new(&["Row", "Column", "Expected", "Got", "Why"]);
    for cell in &result.differences {
        table.row(vec![
            if cell.row == 0 { text("the answer") } else { text(cell.row.to_string()) },
            code(cell.column.clone()),
            code(cell.expected.clone()),
            code(cell.got.clone()),
            text(cell.why.clone()),
        ]);
    }
    table.into_page(page);
    if result.more > 0 {
        let more = crate::text::words::of_len(result.more, "more difference");
        page.push(Block::Paragraph(text(format!("… and {more} that the journal doesn't have."))));
    }
    if last && let Some(otherwise) = &one.otherwise {
        page.push(Block::Paragraph(joined([text("The plan says: "), text(otherwise.clone())])));
    }
}

//! Programs, messages to people and watches, as sections of the page.

use super::model::{MessageTold, ProgramTold, Report, WatchTold};
use super::page::{Block, Line, Span, Table, Tone, code, heading, joined, stacked, text};
use super::words::{self, Clock};
use crate::run::event::{Direction, Handed, ProgramEnding, WatchFigures};
use crate::text::words::{count, size, took};

pub(super) fn outside(page: &mut Vec<Block>, report: &Report, clock: &Clock) {
    programs(page, report, clock);
    messages(page, report, clock);
    watches(page, report, clock);
}

fn programs(page: &mut Vec<Block>, report: &Report, clock: &Clock) {
    if report.programs.is_empty() {
        return;
    }
    heading(page, 2, "Programs");
    let mut table = Table::new(&["Ended", "Program", "How it ended", "Took", "What it wrote", "Step"]);
    for one in &report.programs {
        let back = matches!(one.direction, Direction::Back).then(|| text("of the step's rollback"));
        table.row(vec![
            clock.at(one.at),
            stacked([code(one.command.clone())].into_iter().chain(back)),
            ended(&one.ending),
            text(if was_run(one) { took(one.elapsed_ms) } else { String::new() }),
            wrote(one),
            words::step(report, &one.step),
        ]);
    }
    table.into_page(page);
    for one in report.programs.iter().filter(|one| !one.tail.is_empty()) {
        let shown = one.tail.len() as u64;
        let words = match one.lines > shown {
            true => format!(" wrote {}, of which these are the last:", count(one.lines, "line")),
            false => " wrote:".to_owned(),
        };
        page.push(Block::Paragraph(joined([code(one.command.clone()), text(words)])));
        page.push(Block::Code(one.tail.join("\n")));
    }
}

fn was_run(program: &ProgramTold) -> bool {
    !matches!(program.ending, ProgramEnding::LeftOut | ProgramEnding::NotStarted { .. })
}

fn ended(ending: &ProgramEnding) -> Line {
    let (tone, sign, words) = match ending {
        // Whether another code than 0 is well is the plan's to say; its checkpoint has that.
        ProgramEnding::Exited { code: 0 } => (Tone::Good, "✓", "exit code 0".to_owned()),
        ProgramEnding::Exited { code } => (Tone::Warn, "!", format!("exit code {code}")),
        ProgramEnding::Killed { signal } => (Tone::Bad, "✗", format!("ended by signal {signal}")),
        ProgramEnding::TimedOut { after_ms } => {
            (Tone::Bad, "✗", format!("ended, since it hadn't within {}", took(*after_ms)))
        }
        ProgramEnding::Stopped { why } => (Tone::Bad, "✗", format!("ended: {why}")),
        ProgramEnding::NotStarted { why } => (Tone::Bad, "✗", format!("couldn't be started: {why}")),
        ProgramEnding::LeftOut => (Tone::Plain, "·", "not run, in a demo".to_owned()),
    };
    vec![Span::Mark(tone, sign), Span::Text(format!(" {words}"))]
}

fn wrote(program: &ProgramTold) -> Line {
    if !was_run(program) {
        return Line::new();
    }
    let figures = format!("{}, {} to stdout", count(program.lines, "line"), size(program.bytes));
    let log = program.log.as_ref().map(|log| joined([text("all of it: "), code(log.clone())]));
    stacked([text(figures)].into_iter().chain(log))
}

fn messages(page: &mut Vec<Block>, report: &Report, clock: &Clock) {
    if report.messages.is_empty() {
        return;
    }
    heading(page, 2, "Messages to people");
    let mut table = Table::new(&["Time", "To", "Message", "What became of it", "Step"]);
    for one in &report.messages {
        let reminder = (one.reminder > 0).then(|| text(format!("reminder {}", one.reminder)));
        let lines = one.text.trim().lines().map(text);
        table.row(vec![
            clock.at(one.at),
            text(one.to.join(", ")),
            stacked(reminder.into_iter().chain(lines)),
            handed(one),
            words::step(report, &one.step),
        ]);
    }
    table.into_page(page);
}

fn handed(message: &MessageTold) -> Line {
    match &message.handed {
        Handed::Over { program } => joined([text("handed to "), code(program.clone())]),
        Handed::Shown => text("shown to who drove the run; the plan names no program for it"),
        Handed::LeftOut => text("shown only, in a demo"),
        Handed::Failed { program, why } => joined([
            vec![Span::Mark(Tone::Warn, "!"), Span::Text(" not taken by ".to_owned())],
            code(program.clone()),
            text(format!(": {why}")),
        ]),
    }
}

fn watches(page: &mut Vec<Block>, report: &Report, clock: &Clock) {
    if report.watches.is_empty() {
        return;
    }
    heading(page, 2, "Watches");
    let head = ["", "Watch", "Phase", "Samples", "Didn't hold", "Breaches", "Values", "Last"];
    let mut table = Table::new(&head);
    for one in &report.watches {
        if one.times.is_empty() {
            table.row(watch_row(report, one, None));
        }
        for figures in &one.times {
            table.row(watch_row(report, one, Some(figures)));
        }
    }
    table.into_page(page);
    breaches(page, report, clock);
    for one in &report.watches {
        if let Some(query) = &one.query {
            page.push(Block::Paragraph(joined([text("Sampled for "), text(one.title.clone()), text(":")])));
            page.push(Block::Code(query.clone()));
        }
    }
}

fn watch_row(report: &Report, watch: &WatchTold, figures: Option<&WatchFigures>) -> Vec<Line> {
    let phase = report.phases.iter().find(|phase| phase.id == watch.phase);
    let phase = phase.map_or_else(|| watch.phase.clone(), |phase| phase.title.clone());
    let Some(figures) = figures else {
        let seen = if watch.breaches.is_empty() { "not sampled" } else { "its phase isn't over" };
        let breaches = match watch.breaches.len() {
            0 => String::new(),
            n => n.to_string(),
        };
        let nothing = Line::new;
        let row = [text("·"), text(watch.title.clone()), text(phase), text(seen)];
        return row.into_iter().chain([nothing(), text(breaches), nothing(), nothing()]).collect();
    };
    let values = match (&figures.min, &figures.max) {
        (Some(min), Some(max)) if min == max => min.clone(),
        (Some(min), Some(max)) => format!("{min} to {max}"),
        _ => String::new(),
    };
    vec![
        words::passed(figures.breaches == 0 && figures.holds),
        text(watch.title.clone()),
        text(phase),
        text(figures.samples.to_string()),
        text(figures.failed.to_string()),
        text(figures.breaches.to_string()),
        text(values),
        code(figures.last.clone()),
    ]
}

fn breaches(page: &mut Vec<Block>, report: &Report, clock: &Clock) {
    let mut table =
        Table::new(&["Time", "Breached", "Expected", "Got", "For", "The plan says", "Who went on"]);
    let mut all: Vec<_> =
        report.watches.iter().flat_map(|one| one.breaches.iter().map(move |breach| (one, breach))).collect();
    all.sort_by_key(|(_, breach)| breach.at);
    for (watch, breach) in all {
        let reason = breach.reason.clone().map(text);
        table.row(vec![
            clock.at(breach.at),
            text(watch.title.clone()),
            code(breach.expected.clone()),
            code(breach.got.clone()),
            text(took(breach.lasting_ms)),
            breach.otherwise.clone().map(text).unwrap_or_default(),
            stacked(breach.by.as_ref().map(words::who).into_iter().chain(reason)),
        ]);
    }
    table.into_page(page);
}

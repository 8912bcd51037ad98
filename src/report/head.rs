//! The top of the page: what it is about, how it stands, and whether it can be trusted.

use super::model::{ChainState, PlanRun, Report};
use super::page::{Block, Line, Span, Table, Tone, code, heading, joined, stacked, strong, text};
use super::words::{self, Clock};
use crate::plan::model::{Environment, Stepping};
use crate::text::words::{count, took, unsigned};

pub(super) fn head(page: &mut Vec<Block>, report: &Report, clock: &Clock) {
    heading(page, 1, report.plan.title.clone());
    alarms(page, report, clock);
    let standing = &report.standing;
    page.push(Block::Callout(words::tone(report), "Outcome".into(), vec![text(standing.words.clone())]));
    page.push(Block::Facts(facts(report, clock)));
    if let Some(about) = &report.plan.about {
        heading(page, 2, "What the plan says of itself");
        page.push(Block::Prose(about.clone()));
    }
    sittings(page, report, clock);
}

/// What has to be known before anything else is read.
fn alarms(page: &mut Vec<Block>, report: &Report, clock: &Clock) {
    let (journal, standing) = (&report.journal, &report.standing);
    if journal.state == ChainState::Damaged {
        let line = journal.line.map_or_else(|| "?".to_owned(), unsigned);
        let first = format!(
            "The journal is damaged from line {line} on: {}.",
            journal.why.as_deref().unwrap_or("nothing more is known")
        );
        let then = format!(
            "This report is of the {} before it, up to {}. What happened after that isn't in it, also how the run ended.",
            count(journal.events, "event"),
            clock.full(standing.last_at)
        );
        let lines = vec![text(first), text(then)];
        page.push(Block::Callout(Tone::Bad, "THE JOURNAL IS DAMAGED".into(), lines));
    } else if !standing.over {
        let words = format!(
            "This run isn't over. All of this is its state as of event {} at {}.",
            journal.events,
            clock.full(standing.last_at)
        );
        page.push(Block::Callout(Tone::Warn, "STILL GOING".into(), vec![text(words)]));
    }
    if let Some(why) = &report.plan.missing {
        let words =
            format!("{why}. Queries, planned times and what else only the plan has are missing here.");
        page.push(Block::Callout(Tone::Warn, "The run's plan can't be read".into(), vec![text(words)]));
    }
}

fn facts(report: &Report, clock: &Clock) -> Vec<(&'static str, Line)> {
    let (plan, standing, target) = (&report.plan, &report.standing, &report.target);
    let mut facts: Vec<(&'static str, Line)> = Vec::new();
    let mut fact = |name, line: Line| {
        if !line.is_empty() {
            facts.push((name, line));
        }
    };
    fact("Run", code(report.run.to_string()));
    fact("Kind", text(words::mode(standing.mode)));
    fact("Plan", joined([text(plan.title.clone()), text(" "), code(plan.id.clone())]));
    fact("Plan's digest", words::digest(&plan.digest));
    fact("Plan's file", code(plan.path.clone()));
    fact("Environment", strong(environment(plan.environment)));
    fact("Reference", plan.reference.clone().map(text).unwrap_or_default());
    for (name, value) in &plan.meta {
        fact("Of the plan", joined([text(format!("{name}: ")), text(value.clone())]));
    }
    let stepping = match plan.stepping {
        Stepping::Manual => "every change waited for a go",
        Stepping::Auto => "by itself, until something needed a person",
    };
    fact("Stepping", text(stepping));
    fact("Window", plan.window.clone().map(text).unwrap_or_default());
    let database = format!("{} on {}, port {}", target.database, target.host, target.port);
    fact("Target", joined([text(database), text(format!(", as {}", target.user))]));
    fact("Server", text(format!("PostgreSQL {}", target.server_version)));
    let identity = [
        target.system_identifier.as_ref().map(|id| format!("system identifier {id}")),
        Some(format!("database oid {}", target.database_oid)),
        target.timeline.as_ref().map(|timeline| format!("WAL timeline {timeline}")),
    ];
    fact("Its identity", text(identity.into_iter().flatten().collect::<Vec<_>>().join(", ")));
    if let Some(sitting) = report.sittings.last() {
        fact("Client", text(sitting.program.clone()));
        let operator = &sitting.operator;
        fact("Operator", text(format!("OS user {} on {}", operator.os_user, operator.host)));
    }
    fact("Opened", text(clock.full(standing.opened_at)));
    let last = if standing.over { "Ended" } else { "Last event" };
    fact(last, text(clock.full(standing.last_at)));
    let waited = match report.totals.held_ms {
        0 => String::new(),
        ms => format!(", {} of it waiting", took(ms)),
    };
    // A step that asks people lasts as long as they take.
    let time = format!(
        "{}{waited}; {} in steps, people's time in them too",
        took(standing.elapsed_ms),
        took(standing.work_ms)
    );
    fact("Time", text(time));
    fact("Time zone", text(plan.timezone.clone()));
    let code_words =
        standing.exit_code.map(|code| format!("{code}, {}", crate::text::words::exit_words(code)));
    fact("Exit code", code_words.map(text).unwrap_or_default());
    fact("Steps", text(steps(report)));
    fact("Checkpoints", checkpoints(report));
    let deviations = report.totals.deviations;
    fact(
        "Deviations",
        text(if deviations == 0 { "none".to_owned() } else { unsigned(u64::from(deviations)) }),
    );
    if let Some(why) = &standing.ledger_off {
        fact("Ledger", joined([vec![Span::Mark(Tone::Warn, "!")], text(format!(" none: {why}"))]));
    }
    if !standing.selection.only.is_empty() {
        fact("Phases asked for", text(standing.selection.only.join(", ")));
    }
    if let Some(from) = &standing.selection.from {
        fact("Began with", text(from.clone()));
    }
    for name in plan.vars.keys() {
        fact("Variable", variable(plan, name, clock));
    }
    fact("Journal", journal(report));
    facts
}

/// Its value; one that had several, each with when it got it.
fn variable(plan: &PlanRun, name: &str, clock: &Clock) -> Line {
    let values: Vec<_> = plan.var_values.iter().filter(|one| one.name == name).collect();
    let several = values.len() > 1;
    stacked(values.into_iter().enumerate().map(|(at, one)| {
        let name = if at == 0 { joined([code(one.name.clone()), text(" = ")]) } else { text("then ") };
        let since = if several { text(format!(" from {}", clock.full(one.since))) } else { Line::new() };
        joined([name, code(one.value.clone()), since])
    }))
}

fn environment(environment: Environment) -> &'static str {
    match environment {
        Environment::Dev => "DEV",
        Environment::Staging => "STAGING",
        Environment::Production => "PRODUCTION",
    }
}

fn steps(report: &Report) -> String {
    let parts = report.totals.steps.iter().map(|(word, n)| format!("{} {word}", unsigned(u64::from(*n))));
    parts.collect::<Vec<_>>().join(", ")
}

fn checkpoints(report: &Report) -> Line {
    let totals = &report.totals;
    let mut words = format!("{} passed, {} failed", totals.checkpoints_passed, totals.checkpoints_failed);
    if totals.checkpoints_open > 0 {
        words.push_str(&format!(", {} not evaluated", totals.checkpoints_open));
    }
    let (passed, failed) = (totals.undo_checkpoints_passed, totals.undo_checkpoints_failed);
    let back = (passed + failed > 0).then(|| text(format!("of rollbacks: {passed} passed, {failed} failed")));
    stacked([text(words)].into_iter().chain(back))
}

/// Whether the evidence is whole, and that it isn't signed.
pub(super) fn journal(report: &Report) -> Line {
    let journal = &report.journal;
    let events = count(journal.events, "event");
    let (mark, words) = match journal.state {
        ChainState::Verified => {
            let words = format!(" {events}, each proven to follow the one before; ends with ");
            (Span::Mark(Tone::Good, "✓"), words)
        }
        ChainState::Torn => {
            let words = format!(
                " {events}, each proven to follow the one before; the next one is unfinished ({}), being written or \
                 left so by a crash: it announces nothing that was done; ends with ",
                journal.why.as_deref().unwrap_or_default()
            );
            (Span::Mark(Tone::Warn, "!"), words)
        }
        ChainState::Damaged => {
            let line = journal.line.map_or_else(|| "?".to_owned(), unsigned);
            let words = format!(" damaged from line {line} on; {events} before it are whole and end with ");
            (Span::Mark(Tone::Bad, "✗"), words)
        }
    };
    let unsigned = "; an unsigned chain shows damage, not tampering";
    joined([vec![mark, Span::Text(words)], code(journal.head.clone()), text(unsigned)])
}

/// Who drove when.
fn sittings(page: &mut Vec<Block>, report: &Report, clock: &Clock) {
    heading(page, 2, "Who drove when");
    let mut table = Table::new(&["From", "To", "OS user", "Program", "Server", "How it let go"]);
    let last = report.sittings.len();
    for (at, sitting) in report.sittings.iter().enumerate() {
        let operator = &sitting.operator;
        let left = match &sitting.left {
            Some(left) => text(left.clone()),
            None if at + 1 == last => text("it hasn't, as far as the journal tells"),
            None => text("without a word: it died, or lost its machine"),
        };
        table.row(vec![
            clock.at(sitting.from),
            clock.at(sitting.to),
            text(format!("{} on {}, process {}", operator.os_user, operator.host, operator.pid)),
            text(sitting.program.clone()),
            text(sitting.server_version.clone()),
            left,
        ]);
    }
    table.into_page(page);
}

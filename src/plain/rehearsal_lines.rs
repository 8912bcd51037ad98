//! A rehearsal as lines: what it is doing, and the table of what it found.

use super::definition;
use super::page::{Layout, Page};
use super::style::Style;
use super::symbols::{Mark, Paint};
use crate::run::event::{Residue, TargetIdentity};
use crate::run::rehearsal::{Finding, Ground, Leg, Outcome, Part, Progress, Rehearsal, StepRehearsed};
use crate::run::residue::table_of_rows;
use crate::text::words::{count, differing, of_len, took};

/// A table is laid out for a page, also where it goes into a log.
const PAGE: usize = 80;
const WIDEST: usize = 120;
/// Objects and rows that are named; the record has all.
const LISTED: usize = 20;
/// Of each so many lines of its definition.
const LINES: usize = 12;

/// Prints rehearsals.
#[derive(Debug)]
pub struct RehearsalPrinter {
    layout: Layout,
}

impl RehearsalPrinter {
    #[must_use]
    pub fn new(style: &Style) -> Self {
        Self { layout: Layout { colour: style.colour, ascii: style.ascii, width: style.width } }
    }

    /// What is happening now; `clock` stands before it.
    #[must_use]
    pub fn progress(&self, clock: &str, progress: &Progress) -> Vec<String> {
        let mut page = Page::new(self.layout, clock);
        match progress {
            Progress::Ready { server_version, ground } => {
                let version = server_version.split(' ').next().unwrap_or_default();
                page.fact(0, Mark::Plain, &format!("a private PostgreSQL {version}, {}", on(ground)));
            }
            Progress::Began(leg @ (Leg::Forward | Leg::Back | Leg::Again)) => {
                let mark = if *leg == Leg::Back { Mark::Back } else { Mark::Begin };
                page.head(0, mark, &leg_words(leg));
            }
            // Short ones are worth one line: the one that says how they ended.
            Progress::Began(_) => {}
            Progress::Step { title, part } => {
                if part.outcome != Outcome::NotDone || part.why.as_deref() != Some("not reached") {
                    page.row(1, mark(part), title, part.ms, part.why.as_deref().unwrap_or_default());
                }
            }
            Progress::Ended(leg, part) => {
                page.row(0, mark(part), &leg_words(leg), part.ms, part.why.as_deref().unwrap_or_default());
            }
            Progress::Renewed => {
                page.fact(
                    0,
                    Mark::Plain,
                    "roles or settings of the server were changed: another one is started",
                );
            }
        }
        page.lines
    }

    /// What was found.
    #[must_use]
    pub fn table(&self, found: &Rehearsal) -> Vec<String> {
        let width = if self.layout.width == 0 { PAGE } else { self.layout.width.min(WIDEST) };
        let mut page = Page::new(Layout { width, ..self.layout }, "");
        page.columns(Mark::Said, "step", &HEADS.map(|head| (Paint::Dim, head.to_owned())));
        let unit = Unit::of(found);
        for step in &found.steps {
            page.columns(step_mark(step), &step.title, &cells(step, unit));
        }
        for procedure in &found.procedures {
            let back = timed(&procedure.part, unit);
            let blank = (Paint::None, String::new());
            let what = format!("procedure: {}", procedure.title);
            page.columns(
                mark(&procedure.part),
                &what,
                &[blank.clone(), back, blank.clone(), blank.clone(), blank],
            );
        }
        for procedure in found.procedures.iter().filter(|procedure| !procedure.compared) {
            let what = format!("procedure \"{}\": what it leaves wasn't compared", procedure.title);
            page.headline(Mark::Warn, &what);
            if procedure.part.outcome == Outcome::Passed {
                page.entry("", "it doesn't undo all that was applied");
            }
        }
        for finding in &found.findings {
            said(&mut page, found, finding);
        }
        let (mark, words) = sentence(found);
        page.headline(mark, &words);
        page.entry("plan", &format!("{} ({})", found.title, found.plan_id));
        page.entry("on", &format!("{}; PostgreSQL {}", on(&found.ground), found.server_version));
        page.entry("forward", &times(found));
        page.entry("residue", &residue(found));
        listed(&mut page, &found.residue);
        if !found.stays.is_empty() {
            let what = differing(&found.stays);
            page.entry("stays", &format!("{what}, of steps that the plan calls irreversible"));
            listed(&mut page, &found.stays);
        }
        page.entry("not compared", &found.not_compared.join(", "));
        page.entry("took", &took(found.elapsed_ms));
        page.lines
    }
}

const HEADS: [&str; 5] = ["forward", "back", "middle", "again", "twice"];

/// One for all times of a table: figures under each other are compared by their length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Milliseconds,
    Seconds,
    /// Minutes and seconds.
    Clock,
}

impl Unit {
    fn of(found: &Rehearsal) -> Self {
        let steps = found.steps.iter().flat_map(|step| [&step.forward, &step.back]);
        let parts = steps.chain(found.procedures.iter().map(|procedure| &procedure.part));
        match parts.filter_map(|part| part.ms).max().unwrap_or_default() {
            0..1_000 => Self::Milliseconds,
            1_000..600_000 => Self::Seconds,
            _ => Self::Clock,
        }
    }

    fn words(self, ms: u64) -> String {
        match self {
            Self::Milliseconds => took(ms),
            Self::Seconds => format!("{}.{:02} s", ms / 1_000, ms % 1_000 / 10),
            Self::Clock => format!("{}:{:02}", ms / 60_000, ms / 1_000 % 60),
        }
    }
}

fn cells(step: &StepRehearsed, unit: Unit) -> [(Paint, String); 5] {
    let timed = |part: &Part| timed(part, unit);
    [timed(&step.forward), timed(&step.back), sign(&step.middle), sign(&step.again), sign(&step.twice)]
}

fn timed(part: &Part, unit: Unit) -> (Paint, String) {
    match (part.outcome, part.ms) {
        (Outcome::Passed, Some(ms)) => (Paint::None, unit.words(ms)),
        _ => sign(part),
    }
}

/// Objects and rows by their names, each with what has become of it.
fn listed(page: &mut Page, objects: &[Residue]) {
    for one in objects.iter().take(LISTED) {
        let what = match (&one.before, &one.after) {
            (None, _) => "it wasn't there before".to_owned(),
            (_, None) => "it is gone".to_owned(),
            (_, Some(after)) if table_of_rows(&one.object).is_some() => after.clone(),
            _ => "it has changed".to_owned(),
        };
        page.entry("", &format!("{}: {what}", one.object));
        if table_of_rows(&one.object).is_some() {
            continue;
        }
        let lines = definition::lines(one.before.as_deref(), one.after.as_deref());
        for line in lines.iter().take(LINES) {
            page.table(1, &line.to_string());
        }
        if lines.len() > LINES {
            let more = of_len(lines.len() - LINES, "line");
            page.table(1, &format!("… {more} more; the record has all of them"));
        }
    }
    if objects.len() > LISTED {
        page.entry("", &format!("… and {} more; the record has all of them", objects.len() - LISTED));
    }
}

fn sign(part: &Part) -> (Paint, String) {
    match part.outcome {
        Outcome::Nothing => (Paint::None, String::new()),
        Outcome::Passed => (Paint::Green, Mark::Good.sign().to_string()),
        Outcome::Failed => (Paint::Red, format!("{} fails", Mark::Bad.sign())),
        Outcome::NotDone => (Paint::Dim, Mark::Skip.sign().to_string()),
    }
}

fn mark(part: &Part) -> Mark {
    match part.outcome {
        Outcome::Nothing => Mark::Plain,
        Outcome::Passed => Mark::Good,
        Outcome::Failed => Mark::Bad,
        Outcome::NotDone => Mark::Skip,
    }
}

fn step_mark(step: &StepRehearsed) -> Mark {
    let parts = [&step.forward, &step.back, &step.middle, &step.again, &step.twice];
    match step.forward.outcome {
        _ if parts.iter().any(|part| part.outcome == Outcome::Failed) => Mark::Bad,
        Outcome::Passed => Mark::Good,
        _ => Mark::Skip,
    }
}

fn said(page: &mut Page, found: &Rehearsal, finding: &Finding) {
    let mark = if finding.fails { Mark::Bad } else { Mark::Warn };
    let title = finding.step.as_deref().and_then(|id| found.step(id)).map(|step| step.title.as_str());
    let words = match title {
        // The title is often in the sentence already.
        Some(title) if !finding.what.contains(title) => format!("{title}: {}", finding.what),
        _ => finding.what.clone(),
    };
    page.headline(mark, &words);
    if let Some(hint) = &finding.hint {
        page.entry("", hint);
    }
}

fn sentence(found: &Rehearsal) -> (Mark, String) {
    let steps = of_len(found.steps.len(), "step");
    if found.passed {
        return (Mark::Good, format!("rehearsed: {steps} forward, back, and all that was checked holds"));
    }
    let wrong = found.findings.iter().filter(|finding| finding.fails).count();
    (Mark::Bad, format!("the rehearsal failed: {}", of_len(wrong, "finding")))
}

fn times(found: &Rehearsal) -> String {
    let allowed =
        found.within_ms.map_or_else(String::new, |within| format!(" of the {} allowed", took(within)));
    format!("{}; rollback {}{allowed}", took(found.forward_ms), took(found.rollback_ms))
}

fn residue(found: &Rehearsal) -> String {
    let covers = found.covers.join(", ");
    let failed = |part: fn(&StepRehearsed) -> &Part| {
        found.steps.iter().filter(|step| part(step).outcome == Outcome::Failed).count() as u64
    };
    // What wasn't gone back from has left nothing yet.
    let undone = found.steps.iter().any(|step| step.back.outcome == Outcome::Passed);
    let (back, middle) = (failed(|step| &step.back), failed(|step| &step.middle));
    let since = found.since.as_ref().map_or_else(String::new, |since| {
        let title = found.step(since).map_or(since.as_str(), |step| step.title.as_str());
        format!(" since \"{title}\", which can't be undone")
    });
    match found.residue.len() {
        0 if back > 0 => format!("not compared: {} couldn't be rolled back", count(back, "step")),
        0 if !undone => "unknown: nothing was rolled back to its end".to_owned(),
        0 if middle > 0 => {
            format!(
                "none{since} from the end; from the middle {} failed (covers: {covers})",
                count(middle, "rollback")
            )
        }
        0 => format!("none{since} (covers: {covers})"),
        _ => format!("{} (covers: {covers})", differing(&found.residue)),
    }
}

fn on(ground: &Ground) -> String {
    let of = |target: &TargetIdentity| format!("{}@{}:{}", target.database, target.host, target.port);
    match ground {
        Ground::Fixture { file, source } => match (file, source) {
            (Some(file), None) => format!("the plan's fixture {file}"),
            (Some(file), Some(source)) => format!("the plan's fixture {file}, and {source} in the source"),
            (None, Some(source)) => {
                format!("the plan's fixture: an empty target, and {source} in the source")
            }
            (None, None) => "an empty database: the plan has no fixture".to_owned(),
        },
        Ground::Schema { target } => format!("a copy of the schema of {} without rows", of(target)),
        Ground::Data { target } => format!("a copy of {} with its rows", of(target)),
    }
}

fn leg_words(leg: &Leg) -> String {
    match leg {
        Leg::Forward => "forward".to_owned(),
        Leg::Back => "the whole rollback".to_owned(),
        Leg::Again => "forward again".to_owned(),
        Leg::Middle(title) => format!("back from after \"{title}\""),
        Leg::Procedure(title) => format!("procedure \"{title}\""),
        Leg::Twice(title) => format!("twice: \"{title}\""),
    }
}

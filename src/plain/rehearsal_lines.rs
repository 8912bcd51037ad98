//! A rehearsal as lines: what it is doing, and the table of what it found.

use super::page::{Layout, Page};
use super::style::Style;
use super::symbols::{Mark, Paint};
use crate::run::event::TargetIdentity;
use crate::run::rehearsal::{Finding, Ground, Leg, Outcome, Part, Progress, Rehearsal, StepRehearsed};
use crate::text::words::{count, of_len, took};

/// A table is laid out for a page, also where it goes into a log.
const PAGE: usize = 80;
const WIDEST: usize = 120;

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
        for step in &found.steps {
            page.columns(step_mark(step), &step.title, &cells(step));
        }
        for procedure in &found.procedures {
            let compared = if procedure.compared { "" } else { ", not compared" };
            let back = match procedure.part.ms {
                Some(ms) if procedure.part.outcome == Outcome::Passed => (Paint::None, took(ms)),
                _ => sign(&procedure.part),
            };
            let blank = (Paint::None, String::new());
            let what = format!("procedure: {}{compared}", procedure.title);
            page.columns(
                mark(&procedure.part),
                &what,
                &[blank.clone(), back, blank.clone(), blank.clone(), blank],
            );
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
        page.entry("not compared", &found.not_compared.join(", "));
        page.entry("took", &took(found.elapsed_ms));
        page.lines
    }
}

const HEADS: [&str; 5] = ["forward", "back", "middle", "again", "twice"];

fn cells(step: &StepRehearsed) -> [(Paint, String); 5] {
    let timed = |part: &Part| match (part.outcome, part.ms) {
        (Outcome::Passed, Some(ms)) => (Paint::None, took(ms)),
        _ => sign(part),
    };
    [timed(&step.forward), timed(&step.back), sign(&step.middle), sign(&step.again), sign(&step.twice)]
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
    // What wasn't gone back from has left nothing yet.
    let undone = found.steps.iter().any(|step| step.back.outcome == Outcome::Passed);
    let failed = found.steps.iter().filter(|step| step.back.outcome == Outcome::Failed).count();
    match found.residue.len() {
        0 if failed > 0 => {
            format!("not compared: {} couldn't be rolled back", count(failed as u64, "step"))
        }
        0 if !undone => "unknown: nothing was rolled back to its end".to_owned(),
        0 => format!("none (covers: {covers})"),
        n => format!("{} (covers: {covers})", count(n as u64, "object")),
    }
}

fn on(ground: &Ground) -> String {
    let of = |target: &TargetIdentity| format!("{}@{}:{}", target.database, target.host, target.port);
    match ground {
        Ground::Fixture { file: Some(file) } => format!("the plan's fixture {file}"),
        Ground::Fixture { file: None } => "an empty database: the plan has no fixture".to_owned(),
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

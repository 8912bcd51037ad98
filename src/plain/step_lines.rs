//! Events of steps: phases and steps that begin, what becomes of them.

use super::book::Group;
use super::page::Page;
use super::printer::Printer;
use super::run_lines::out_of;
use super::symbols::Mark;
use crate::run::event::{Assurance, Direction, Event, Person, Problem};
use crate::run::state::Status;
use crate::text::words::{count, of_len, person, size};

impl Printer {
    pub(super) fn step_event(&mut self, page: &mut Page, event: &Event) -> bool {
        match event {
            Event::StepStarted { step, direction, generation, attempt } => {
                self.header(page, step);
                self.advised = None;
                self.begins(page, step, *direction, *generation, *attempt);
            }
            Event::StepSkipped { step, reason, by, deviation } => {
                self.header(page, step);
                let who = match by.how {
                    Assurance::Policy => "left out".to_owned(),
                    _ => format!("left out by {}", person(by)),
                };
                let kind = if *deviation { ", a deviation" } else { "" };
                page.fact(1, Mark::Skip, &format!("{}: {who}{kind}: {reason}", self.book.title(step)));
            }
            Event::StepAssumed { step, reason } => {
                self.header(page, step);
                let title = self.book.title(step);
                page.fact(1, Mark::Skip, &format!("{title}: taken as done ({reason}); never undone"));
            }
            Event::SnapshotTaken(taken) => {
                let what = format!("a snapshot of {}: {}", taken.kind.word(), taken.contains);
                page.fact(2, Mark::Plain, &what);
                for artifact in &taken.artifacts {
                    page.below(2, "wrote", &format!("{}, {}", artifact.path, size(artifact.bytes)));
                }
            }
            Event::ReportWritten(written) => {
                let artifact = &written.artifact;
                let what = format!("the evidence so far, {}", count(written.events, "event"));
                page.fact(2, Mark::Plain, &what);
                page.below(2, "wrote", &format!("{}, {}", artifact.path, size(artifact.bytes)));
            }
            Event::BackupTaken(taken) => {
                let (bytes, of) = (size(taken.file.bytes), size(taken.database_bytes));
                let what = format!(
                    "a backup of {}{}, {bytes} of a database of {of}",
                    if taken.of_source { "the source: " } else { "" },
                    of_len(usize::try_from(taken.tables).unwrap_or(usize::MAX), "table")
                );
                page.fact(2, Mark::Plain, &what);
                page.below(2, "wrote", &taken.file.path);
                page.below(2, "sha256", &taken.file.digest);
                page.below(2, "proven", &taken.proven);
            }
            // With nothing under it, the units have said it, or the verdict follows.
            Event::StepApplied { .. } => {}
            Event::StepVerified { step, elapsed_ms, checkpoints } => {
                if !self.book.is_one_check(step, step) {
                    let figures = self.verified(step, *checkpoints);
                    page.row(1, Mark::Good, self.book.title(step), Some(*elapsed_ms), &figures);
                }
            }
            // The line of its own query has said it.
            Event::StepUnverified { step, .. } if self.book.is_one_check(step, step) => {}
            Event::StepUnverified { step, elapsed_ms, failed } => {
                let state = self.run.step(step);
                let all = state.map_or(failed.len(), |state| state.checkpoints.len().max(failed.len()));
                let failed = match failed.is_empty() {
                    true => "some of its statements failed".to_owned(),
                    false => format!("{} failed", out_of(failed.len(), all, "checkpoint")),
                };
                let applied = match state.is_some_and(|state| state.changes) {
                    true => format!("step {step} is applied, but {failed}"),
                    false => format!("step {step}: {failed}"),
                };
                page.row(1, Mark::Bad, self.book.title(step), Some(*elapsed_ms), &applied);
            }
            Event::StepAccepted { step, reason, by } => {
                let who = match by.how {
                    Assurance::Policy => "accepted".to_owned(),
                    _ => format!("accepted by {}", person(by)),
                };
                let title = self.book.title(step);
                let state = self.run.step(step);
                let of_checkpoints =
                    state.is_some_and(|state| state.checkpoints.values().any(|one| !one.verdict.passed));
                let although = if of_checkpoints { " although checkpoints failed" } else { "" };
                page.fact(1, Mark::Warn, &format!("{title}: {who}{although}: {reason}"));
            }
            Event::StepFailed { step, direction, problem, elapsed_ms, .. } => {
                self.failed(page, step, *direction, problem, *elapsed_ms);
            }
            Event::StepUndone { step, elapsed_ms, .. } => {
                let figures = self.checked_back(step);
                let what = format!("undone: {}", self.book.title(step));
                page.row(1, Mark::Good, &what, Some(*elapsed_ms), &figures);
            }
            Event::CancelSent { step, pid } => {
                let title = self.book.title(step);
                page.fact(2, Mark::Warn, &format!("cancels the statement of {title} that runs (pid {pid})"));
            }
            _ => return false,
        }
        true
    }

    /// The phase's title, when another one begins. Going backwards has its own headline.
    pub(super) fn header(&mut self, page: &mut Page, step: &str) {
        let group = self.book.group(step);
        if group == self.group || group.is_none() {
            return;
        }
        let Some(opened) = &self.book.opened else { return };
        let head = match group {
            Some(Group::Phase(at)) if !self.run.goes_back() => {
                opened.outline.get(at).map(|phase| (Mark::Begin, &phase.title))
            }
            Some(Group::Procedure(at)) => opened.procedures.get(at).map(|p| (Mark::Back, &p.title)),
            _ => None,
        };
        if let Some((mark, title)) = head {
            page.head(0, mark, title);
            self.group = group;
        }
    }

    fn begins(&self, page: &mut Page, step: &str, direction: Direction, generation: u32, attempt: u32) {
        let again = match (attempt, generation) {
            (0 | 1, 0) => String::new(),
            (0 | 1, _) => " (again, after its rollback)".to_owned(),
            (attempt, _) => format!(" (try {attempt})"),
        };
        let title = self.book.title(step);
        match direction {
            Direction::Forward => page.fact(1, Mark::Begin, &format!("{title}{again}")),
            Direction::Back => page.fact(1, Mark::Back, &format!("undo: {title}{again}")),
        }
    }

    /// What a verified step was verified by.
    fn verified(&self, step: &str, checkpoints: u32) -> String {
        let outline = self.book.outline(step);
        let state = self.run.step(step);
        let seen = state.map_or(0, |state| state.checkpoints.len());
        let checks = seen.max(checkpoints as usize);
        let mut parts = Vec::new();
        if state.is_some_and(|state| state.changes) {
            parts.push("applied".to_owned());
        }
        if let Some(outline) = outline {
            // Figures must not pass off for a person's word what no person gave.
            let by_demo = |by: &Person| by.how == Assurance::Demo;
            if !outline.items.is_empty() {
                let demo = state.map_or(0, |s| s.confirmed.values().filter(|(by, _)| by_demo(by)).count());
                let demo = if demo > 0 { format!(" ({demo} by the DEMO)") } else { String::new() };
                parts.push(format!("{} confirmed{demo}", of_len(outline.items.len(), "item")));
            }
            if !outline.roles.is_empty() {
                let demo = state.is_some_and(|s| s.signed.values().any(|(by, ..)| by_demo(by)));
                let who = if demo { "by the DEMO as" } else { "by" };
                parts.push(format!("signed {who} {}", outline.roles.join(", ")));
            }
        }
        if checks > 0 {
            parts.push(format!("{} passed", of_len(checks, "checkpoint")));
        }
        parts.join(", ")
    }

    /// What a rollback's own checkpoints said.
    fn checked_back(&self, step: &str) -> String {
        let Some(state) = self.run.step(step) else { return String::new() };
        let all = state.undo_checkpoints.len();
        let passed = state.undo_checkpoints.values().filter(|result| result.verdict.passed).count();
        if all == 0 { String::new() } else { format!("{} passed", out_of(passed, all, "checkpoint")) }
    }

    fn failed(
        &mut self,
        page: &mut Page,
        step: &str,
        direction: Direction,
        problem: &Problem,
        elapsed_ms: u64,
    ) {
        // The id is what a person types next: it stands first where a long title can't cut it off.
        let title = self.book.title(step);
        // A step that fails before it did anything has taken no time worth a column.
        let took = (elapsed_ms > 0).then_some(elapsed_ms);
        let units = self.run.step(step).is_some_and(|state| {
            state.units_of(direction).iter().any(|unit| unit.phase == crate::run::state::UnitPhase::Applied)
        });
        let figures = match (direction, units) {
            (Direction::Forward, true) => "failed half-way: what is committed of it stays",
            (Direction::Forward, false) => "failed",
            (Direction::Back, true) => "is undone half-way: its undo failed",
            (Direction::Back, false) => "is still applied: its undo failed",
        };
        page.row(1, Mark::Bad, title, took, &format!("step {step} {figures}"));
        let said = self.shown.as_ref().is_some_and(|(of, shown)| of == step && same(shown, problem));
        if !said {
            self.problem(page, 1, step, problem);
        }
    }

    /// Steps of the plan that are settled well, of all.
    pub(super) fn is_good(status: Status) -> bool {
        matches!(status, Status::Verified | Status::Accepted | Status::Assumed | Status::Skipped)
    }
}

/// The step's problem is the unit's, perhaps with a consequence that the engine added.
fn same(shown: &Problem, problem: &Problem) -> bool {
    shown.message == problem.message && shown.place == problem.place
}

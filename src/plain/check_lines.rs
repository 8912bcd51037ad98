//! Checkpoints, and what went wrong: expected and got, differences as a table, problems in full.

use super::page::Page;
use super::printer::Printer;
use super::symbols::Mark;
use super::unit_lines::where_;
use crate::plan::expect::Verdict;
use crate::run::TARGET;
use crate::run::event::{CheckpointResult, Direction, Problem, When};

impl Printer {
    pub(super) fn checkpoint(&mut self, page: &mut Page, result: &CheckpointResult) {
        let guard = result.step == TARGET;
        let own = self.book.is_one_check(&result.step, &result.checkpoint);
        let depth = if guard || own { 1 } else { 2 };
        let verdict = &result.verdict;
        let mark = if verdict.passed { Mark::Good } else { Mark::Bad };
        let title = if guard { format!("target: {}", result.title) } else { result.title.clone() };
        let figures = format!("expected {}, got {}", verdict.expected, verdict.got);
        page.row(depth, mark, &title, Some(result.elapsed_ms), &figures);
        if verdict.passed {
            return;
        }
        differences(page, depth, verdict);
        if result.when == When::BeforeCommit {
            let what = match result.direction {
                Direction::Forward => "it was looked at before COMMIT: the step isn't committed",
                Direction::Back => "it was looked at before COMMIT: the undo isn't committed",
            };
            page.below(depth, "means", what);
        }
        if result.when == When::Probe {
            page.below(depth, "means", "it was looked at in a transaction that is rolled back");
        }
        if let Some(otherwise) = &result.otherwise {
            self.advise(page, depth, otherwise);
        }
    }

    /// What the plan says to do; once, however many events repeat it.
    pub(super) fn advise(&mut self, page: &mut Page, depth: usize, advice: &str) {
        if self.advised.as_deref() != Some(advice) {
            page.below(depth, "", &format!("the plan says: {advice}"));
            self.advised = Some(advice.to_owned());
        }
    }

    /// All that is known of a problem, below the line that says that there is one.
    pub(super) fn problem(&mut self, page: &mut Page, depth: usize, step: &str, problem: &Problem) {
        let code = problem.sqlstate.as_deref().map(|code| format!(" (SQLSTATE {code})"));
        page.below(depth, "", &format!("{}{}", problem.message, code.unwrap_or_default()));
        if let Some(place) = &problem.place {
            page.below(depth, "at", &where_(place));
        }
        page.excerpt(depth, &problem.excerpt);
        let parts = [
            ("detail", &problem.detail),
            ("context", &problem.context),
            ("hint", &problem.hint),
            ("means", &problem.consequence),
        ];
        for (label, text) in parts {
            if let Some(text) = text {
                page.below(depth, label, text);
            }
        }
        self.shown = Some((step.to_owned(), problem.clone()));
    }
}

/// The table, unless it would only say again what the line above it says.
fn differences(page: &mut Page, depth: usize, verdict: &Verdict) {
    let said = match verdict.differences.as_slice() {
        [] => true,
        [only] => {
            only.row == 0
                && only.column.is_empty()
                && only.why.is_empty()
                && only.expected == verdict.expected
                && only.got == verdict.got
        }
        _ => false,
    };
    let fits = page.fits(depth, verdict.expected.len() + verdict.got.len());
    if said && fits && verdict.more == 0 {
        return;
    }
    for line in verdict.lines(page.table_room(depth)) {
        page.table(depth, &line);
    }
}

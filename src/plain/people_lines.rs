//! What people did, and what the run waits for: holds, decisions, ticks, signatures, notes.

use super::next;
use super::page::Page;
use super::printer::Printer;
use super::symbols::Mark;
use crate::run::event::{
    Assurance, BackendEnd, BackendOutcome, Decision, Event, HoldReason, Person, ProofShown,
};
use crate::text::words::{count, person, session, took};

impl Printer {
    pub(super) fn people_event(&mut self, page: &mut Page, event: &Event) -> bool {
        match event {
            Event::Held { reason, step, needs, hint } => {
                self.held(page, reason, step.as_deref(), needs, hint.as_deref());
            }
            Event::Decided { what, step, by, reason, .. } => {
                // What the plan or the engine decides shows in what happens next.
                if by.how != Assurance::Policy {
                    self.decided(page, *what, step.as_deref(), by, reason.as_deref());
                }
            }
            Event::Confirmed { item, by, note, proof, .. } => {
                confirmed(page, item, by, note.as_deref(), proof)
            }
            Event::Signed { role, by, accepted, word, statement, note, .. } => {
                let mark = if *accepted { Mark::Good } else { Mark::Bad };
                let word = match (word.trim(), accepted) {
                    ("", true) => "signed",
                    ("", false) => "declined",
                    (word, _) => word,
                };
                page.fact(2, mark, &format!("{role}: {word}, by {}", person(by)));
                page.below(2, "", &format!("“{statement}”"));
                if let Some(note) = note {
                    page.below(2, "note", note);
                }
            }
            Event::Note { step, text, by } => {
                let of = step.as_deref().map(|step| format!(" on {}", self.book.title(step)));
                let of = of.unwrap_or_default();
                match text.trim().contains('\n') {
                    false => page.fact(0, Mark::Plain, &format!("note{of} by {}: {text}", person(by))),
                    true => {
                        page.fact(0, Mark::Plain, &format!("note{of} by {}:", person(by)));
                        page.below(0, "", text);
                    }
                }
            }
            Event::Looked { by, sql, rows, more, elapsed_ms, error } => {
                let came = match (rows, error) {
                    (_, Some(error)) => format!("failed: {error}"),
                    (Some(rows), None) if *more => format!("the first {}", count(*rows, "row")),
                    (rows, None) => count(rows.unwrap_or_default(), "row"),
                };
                let words = format!("{} looked, {}: {came}", person(by), took(*elapsed_ms));
                page.fact(0, Mark::Plain, &words);
                page.below(0, "query", sql);
            }
            Event::BackendEnding { backend, what, by } => {
                let does = match what {
                    BackendEnd::Cancel => "cancels the statement of",
                    BackendEnd::Terminate => "ends",
                };
                page.fact(0, Mark::Warn, &format!("{} {does} {}", person(by), session(backend)));
            }
            Event::BackendEnded { pid, what, outcome, why, elapsed_ms, .. } => {
                let (mark, words) = backend_ended(*pid, *what, *outcome, why.as_deref());
                page.row(0, mark, &words, Some(*elapsed_ms), "");
            }
            _ => return false,
        }
        true
    }

    fn held(
        &mut self,
        page: &mut Page,
        reason: &HoldReason,
        step: Option<&str>,
        needs: &str,
        hint: Option<&str>,
    ) {
        let asks = matches!(reason, HoldReason::Stepping | HoldReason::Person | HoldReason::Asked);
        // The demo answers at once, and its answers have lines that say so.
        if asks && self.book.is_demo() {
            return;
        }
        if let Some(step) = step {
            self.header(page, step);
        }
        let depth = usize::from(step.is_some());
        let failure = matches!(reason, HoldReason::Failed | HoldReason::Unverified | HoldReason::UndoFailed);
        let title = step.map(|step| self.book.title_and_id(step));
        match title {
            // The failure stands above, in full.
            Some(title) if failure && self.is_fresh(step) => {
                page.fact(depth, Mark::Hold, &format!("waits: somebody has to decide about {title}"));
            }
            _ => page.fact(depth, Mark::Hold, &format!("waits: {needs}")),
        }
        if let Some(hint) = hint {
            match reason {
                HoldReason::Failed | HoldReason::Unverified => self.advise(page, depth, hint),
                HoldReason::Person => page.below(depth, "", hint),
                _ if self.is_fresh(step) => {}
                _ => page.below(depth, "hint", hint),
            }
        }
        if !asks {
            for (what, command) in next::commands(self, reason, step) {
                page.command(depth, what, &command);
            }
        }
        self.shown = None;
    }

    /// Whether the problem of this step is the last thing that was printed in full.
    fn is_fresh(&self, step: Option<&str>) -> bool {
        self.shown.as_ref().is_some_and(|(of, _)| Some(of.as_str()) == step)
    }

    fn has_failed_checkpoints(&self, step: Option<&str>) -> bool {
        let held = || self.run.decided.as_ref().and_then(|choice| choice.step.clone());
        let id = step.map(str::to_owned).or_else(held);
        id.and_then(|id| self.run.step(&id)).is_some_and(|step| {
            step.checkpoints.values().chain(step.undo_checkpoints.values()).any(|one| !one.verdict.passed)
        })
    }

    fn decided(
        &mut self,
        page: &mut Page,
        what: Decision,
        step: Option<&str>,
        by: &Person,
        reason: Option<&str>,
    ) {
        let word = match what {
            Decision::Go => "go",
            Decision::Retry => "try again",
            Decision::Skip => "leave it out",
            Decision::Override if self.has_failed_checkpoints(step) => "go on although checkpoints failed",
            Decision::Override => "go past what can't be taken back",
            Decision::RollBack => "roll back",
            Decision::End => "end the run",
            Decision::Hold => "wait after this step",
            Decision::Cancel => "cancel the statement that runs",
            Decision::RuledApplied => "it was applied",
            Decision::RuledNotApplied => "it was not applied",
        };
        // A plain "go" is about what the run waited for.
        let held = self.run.decided.as_ref().and_then(|choice| choice.step.clone());
        let step = step.map(str::to_owned).or(held);
        if let Some(step) = &step {
            self.header(page, step);
        }
        let of = step.map(|step| format!(": {}", self.book.title(&step))).unwrap_or_default();
        let why = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        page.fact(1, Mark::Plain, &format!("{word}{of}, says {}{why}", person(by)));
    }
}

fn confirmed(page: &mut Page, item: &str, by: &Person, note: Option<&str>, proof: &[ProofShown]) {
    let mark = if by.how == Assurance::Demo { Mark::Plain } else { Mark::Good };
    page.row(2, mark, item, None, &format!("by {}", person(by)));
    for shown in proof {
        let passed = if shown.passed { "" } else { " (didn't pass)" };
        let words = format!("{}: expected {}, got {}{passed}", shown.of, shown.expected, shown.got);
        page.below(2, "proof", &words);
    }
    if let Some(note) = note {
        page.below(2, "note", note);
    }
}

/// What came of it that a person wanted to be rid of a session.
pub(super) fn backend_ended(
    pid: i32,
    what: BackendEnd,
    outcome: BackendOutcome,
    why: Option<&str>,
) -> (Mark, String) {
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    match (outcome, what) {
        (BackendOutcome::Done, BackendEnd::Cancel) => {
            (Mark::Good, format!("the statement of pid {pid} is over"))
        }
        (BackendOutcome::Done, BackendEnd::Terminate) => (Mark::Good, format!("pid {pid} is gone")),
        (BackendOutcome::Sent, _) => {
            (Mark::Warn, format!("pid {pid} was told to, nothing came of it yet{why}"))
        }
        (BackendOutcome::WasGone, _) => {
            (Mark::Plain, format!("pid {pid} had gone by itself; no other session was hit"))
        }
        (BackendOutcome::Refused, _) => (Mark::Bad, format!("pid {pid} was left alone{why}")),
    }
}

//! The summary at the end: what came of it, in a form that a person reads first and last.

use super::next;
use super::page::Page;
use super::people_lines::backend_ended;
use super::printer::Printer;
use super::run_lines::{ending, environment, matters};
use super::symbols::Mark;
use crate::plan::model::Kind;
use crate::run::event::{BackendEnd, BackendOutcome, Ending, HoldReason, PhaseOutline, Summary};
use crate::run::state::{RunState, Status, StepState};
use crate::text::words::{count, delta, exit_words, of_len, person, session, some, took, unsigned};

/// Deviations and tables beyond this are counted.
const SHOWN: usize = 20;

impl Printer {
    /// What has come of the run so far. Nothing before its first event.
    #[must_use]
    pub fn summary(&self) -> Vec<String> {
        let mut page = Page::new(self.layout, "");
        let (Some(opened), Some(last)) = (&self.book.opened, self.run.last_at) else { return page.lines };
        let figures = self.counted(last);
        let (mark, sentence) = self.outcome();
        page.headline(mark, &sentence);
        // What stands below counts as done what is being taken back.
        if self.run.goes_back() || self.run.is_to_go_back() {
            page.entry("way back", &self.run.whereabouts());
        }
        let environment = environment(opened.environment);
        page.entry("plan", &format!("{} [{environment}]", opened.title));
        if let Some(why) = &self.lost {
            page.entry("INCOMPLETE", &format!("the events don't follow from one another: {why}"));
        }
        self.phases(&mut page, &opened.outline);
        page.entry("steps", &self.steps());
        let checkpoints =
            format!("{} passed, {} failed", figures.checkpoints_passed, figures.checkpoints_failed);
        page.entry("checkpoints", &checkpoints);
        let of_undos = self.run.steps.iter().flat_map(|step| step.undo_checkpoints.values());
        let (passed, failed): (Vec<_>, Vec<_>) = of_undos.partition(|result| result.verdict.passed);
        if passed.len() + failed.len() > 0 {
            page.entry("", &format!("of rollbacks: {} passed, {} failed", passed.len(), failed.len()));
        }
        self.deviations(&mut page);
        self.sessions(&mut page);
        for one in self.run.set_aside() {
            let what = format!(
                "{}, with all that came since the backup: drop it when nobody needs it any more",
                one.aside
            );
            page.entry("old database", &what);
        }
        self.deltas(&mut page, &figures);
        page.entry("time", &self.times(&figures));
        page.entry("run", &self.id());
        self.what_next(&mut page);
        page.lines
    }

    /// The fold's own figures, as far as it came; what only the engine can measure is from the end.
    fn counted(&self, last: jiff::Timestamp) -> Summary {
        let folded = self.run.summary(last);
        match &self.figures {
            None => folded,
            Some(end) if self.lost.is_some() => end.clone(),
            Some(end) => Summary {
                deltas: end.deltas.clone(),
                rows: end.rows.clone(),
                gone: end.gone.clone(),
                ..folded
            },
        }
    }

    fn outcome(&self) -> (Mark, String) {
        match &self.run.state {
            RunState::Ended(outcome, code) => {
                let (mark, words) = ending(outcome, &self.run);
                (mark, format!("{words} (exit {code})"))
            }
            RunState::Holding(hold) => {
                let failed = matches!(
                    hold.reason,
                    HoldReason::Failed | HoldReason::Unverified | HoldReason::UndoFailed
                );
                let mark = if failed { Mark::Bad } else { Mark::Hold };
                (mark, format!("waits: {}", hold.needs))
            }
            RunState::InDoubt(_) => {
                (Mark::Unknown, "whether something was applied isn't known yet".to_owned())
            }
            state => match &self.run.left {
                Some((0, why)) => (Mark::Good, why.clone()),
                Some((code, why)) => (Mark::Warn, format!("{why} (exit {code}: {})", exit_words(*code))),
                None => (Mark::Warn, format!("not over: it is {}", state.word())),
            },
        }
    }

    fn phases(&self, page: &mut Page, phases: &[PhaseOutline]) {
        for (at, phase) in phases.iter().enumerate() {
            let states: Vec<_> = phase.steps.iter().filter_map(|step| self.run.step(&step.id)).collect();
            let good = states.iter().filter(|state| Self::is_good(state.shown())).count();
            let any = |status: Status| states.iter().any(|state| state.shown() == status);
            let begun = states.iter().any(|state| state.status != Status::Pending);
            let ms: u64 = states.iter().map(|state| state.worked_ms).sum();
            let mark = match good == states.len() {
                _ if any(Status::Failed) || any(Status::Unverified) || any(Status::UndoFailed) => Mark::Bad,
                _ if any(Status::Unknown) => Mark::Unknown,
                true => Mark::Good,
                false => Mark::Plain,
            };
            let label = if at == 0 { "phases" } else { "" };
            let figures = format!("{good} of {}", of_len(states.len(), "step"));
            page.phase(label, mark, &phase.title, begun.then_some(ms), &figures);
        }
    }

    fn steps(&self) -> String {
        let counts = self.run.counts_by_word();
        let parts: Vec<String> =
            counts.iter().map(|(word, n)| format!("{} {word}", unsigned(u64::from(*n)))).collect();
        parts.join(", ")
    }

    fn deviations(&self, page: &mut Page) {
        let all = &self.run.deviations;
        let by_people = self.run.by_people.iter().map(|said| {
            let undone = self.run.step(&said.step).is_some_and(StepState::is_undone);
            let since = if undone { ", undone since" } else { "" };
            format!("{}: {}{since}: {}", self.book.title(&said.step), said.status.word(), said.reason)
        });
        let noted = all.iter().map(|(step, what)| match step {
            Some(step) => format!("{}: {what}", self.book.title(step)),
            None => what.clone(),
        });
        let lines: Vec<String> = by_people.chain(noted).collect();
        if lines.is_empty() {
            page.entry("deviations", "none");
        }
        for (at, line) in lines.iter().take(SHOWN).enumerate() {
            page.entry(if at == 0 { "deviations" } else { "" }, line);
        }
        if lines.len() > SHOWN {
            page.entry("", &format!("… and {} more", lines.len() - SHOWN));
        }
    }

    /// Sessions of others that people did away with.
    fn sessions(&self, page: &mut Page) {
        for (at, ended) in self.run.backends.iter().take(SHOWN).enumerate() {
            let does = match ended.what {
                BackendEnd::Cancel => "statement cancelled",
                BackendEnd::Terminate => "ended",
            };
            let came = match ended.outcome {
                Some(BackendOutcome::Done) => String::new(),
                Some(outcome) => {
                    let (_, words) =
                        backend_ended(ended.backend.pid, ended.what, outcome, ended.why.as_deref());
                    format!(": {words}")
                }
                None => ": what came of it isn't known".to_owned(),
            };
            let who = session(&ended.backend);
            let line = format!("{does} by {}: {who}{came}", person(&ended.by));
            page.entry(if at == 0 { "sessions" } else { "" }, &line);
        }
    }

    fn deltas(&self, page: &mut Page, figures: &Summary) {
        let (changed, same): (Vec<_>, Vec<_>) = figures
            .deltas
            .iter()
            .filter(|(kind, _)| matters(**kind))
            .partition(|(_, (before, now))| before != now);
        let words = |(kind, (before, now)): &(&Kind, &(u64, u64))| {
            let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
            format!("{} {}", kind.word(), delta(signed(*before), signed(*now)))
        };
        if !changed.is_empty() {
            page.entry("objects", &changed.iter().map(words).collect::<Vec<_>>().join(", "));
        }
        let same: Vec<String> = same.iter().filter(|(_, (before, _))| *before > 0).map(words).collect();
        if !same.is_empty() {
            page.entry(
                if changed.is_empty() { "objects" } else { "" },
                &format!("unchanged: {}", some(&same, SHOWN)),
            );
        }
        let wide = figures
            .rows
            .keys()
            .map(|table| crate::text::columns::width(table))
            .max()
            .unwrap_or_default()
            .min(48);
        for (at, (table, (before, now))) in figures.rows.iter().take(SHOWN).enumerate() {
            let rows = |n: i64| count(u64::try_from(n).unwrap_or_default(), "row");
            let known = self.run.baseline.as_ref().is_none_or(|baseline| baseline.rows.contains_key(table));
            let words = match (known, figures.gone.contains(table)) {
                (false, _) => format!("new, {}", rows(*now)),
                (true, true) => format!("gone, it had {}", rows(*before)),
                (true, false) => delta(*before, *now),
            };
            page.entry(
                if at == 0 { "rows" } else { "" },
                &format!("{} {words}", crate::text::columns::pad(table, wide)),
            );
        }
        if figures.rows.len() > SHOWN {
            page.entry("", &format!("… and {} more tables", figures.rows.len() - SHOWN));
        }
    }

    fn times(&self, figures: &Summary) -> String {
        let work: u64 = self.run.steps.iter().map(|state| state.worked_ms).sum();
        let sittings = match self.run.sittings {
            0 | 1 => String::new(),
            n => format!(", in {n} sittings"),
        };
        format!("{} from the opening{sittings}; {} of it in steps", took(figures.elapsed_ms), took(work))
    }

    fn what_next(&self, page: &mut Page) {
        for (what, command) in self.next() {
            page.next(what, &command);
        }
    }

    /// What a person can type now: what it does, and the command. The first is the one that most will want.
    #[must_use]
    pub fn next(&self) -> Vec<(&'static str, String)> {
        // A demo's server goes with it; where it stays, the demo itself says how to go on.
        if self.book.is_demo() && self.run.sittings <= 1 {
            return Vec::new();
        }
        if let RunState::Ended(outcome, _) = &self.run.state {
            let stopped = matches!(outcome, Ending::Stopped { .. } | Ending::RolledBack { clean: false });
            if stopped && self.run.can_go_back_further() {
                let command = format!("holdpoint rollback {}", next::run_words(self));
                return vec![("to undo what stands", command)];
            }
            return Vec::new();
        }
        match self.run.hold() {
            Some(hold) => next::commands(self, &hold.reason, hold.step.as_deref()),
            None => vec![("to go on", format!("holdpoint resume {}", next::run_words(self)))],
        }
    }
}

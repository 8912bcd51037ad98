//! Events of the run as a whole: opening, lock, fence, baseline, stop, end.

use super::page::Page;
use super::printer::Printer;
use super::symbols::Mark;
use crate::plan::model::{Environment, Kind};
use crate::run::event::{
    Baseline, Ending, Event, Opened, Operator, Selection, TargetIdentity, WayBack, WayBackVerdict,
};
use crate::run::state::Run;
use crate::text::words::{count, exit_words, of_len, rows, short, some, took, unsigned};

impl Printer {
    pub(super) fn run_event(&mut self, page: &mut Page, event: &Event) -> bool {
        match event {
            Event::RunOpened(opened) => self.opened(page, opened),
            Event::RunResumed { operator, target, selection, plan_digest, program, .. } => {
                // Who sees this sees nothing of what was before.
                self.group = None;
                self.day = None;
                page.head(0, Mark::Begin, &format!("taken up again by {}", who(operator)));
                if let Some(opened) = self.book.opened.as_ref() {
                    page.below(0, "plan", &format!("{} [{}]", opened.title, environment(opened.environment)));
                }
                page.below(0, "target", &address(target));
                page.below(0, "run", &format!("{}, {program}", self.id()));
                selected(page, selection);
                page.below(0, "stands at", &self.standing());
                if self.book.opened.as_ref().is_some_and(|opened| opened.plan_digest != *plan_digest) {
                    let what = "the plan or a file of it isn't what the run was opened with";
                    page.fact(0, Mark::Warn, &format!("{what} (sha256 now {})", short(plan_digest)));
                }
            }
            Event::RunReopened { by, reason, since, despite, .. } => {
                self.group = None;
                self.day = None;
                page.head(0, Mark::Back, &format!("was over, and is open again to go back: {reason}"));
                page.below(0, "by", &by.name);
                for what in since {
                    page.fact(0, Mark::Warn, &format!("since its end: {what}"));
                }
                if let Some(despite) = despite {
                    page.below(0, "despite", despite);
                }
            }
            Event::Selected { selection } => {
                page.fact(0, Mark::Plain, &format!("from here on: {}", selection_words(selection)));
            }
            Event::LockTaken { pid, waited_ms } => {
                let waited = match waited_ms {
                    0..100 => String::new(),
                    ms => format!(", after waiting {}", took(*ms)),
                };
                page.fact(0, Mark::Plain, &format!("holds the lock on this database (pid {pid}){waited}"));
            }
            Event::FenceTaken { epoch, ended_backends } => {
                page.fact(0, Mark::Plain, &format!("ledger ready, epoch {epoch}: older runners can't write"));
                if !ended_backends.is_empty() {
                    let pids = ended_backends.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                    let what = of_len(ended_backends.len(), "backend");
                    page.fact(0, Mark::Warn, &format!("ended {what} of the run before: pid {pids}"));
                }
            }
            Event::LedgerOff { reason } => {
                page.fact(0, Mark::Warn, &format!("without a ledger: {reason}"));
                page.below(0, "means", "after a crash nobody but a person can say what was applied");
            }
            Event::BaselineTaken(baseline) => measured(page, baseline),
            Event::WaysBack { steps } => self.ways_back(page, steps),
            Event::Deviation { step, what } => {
                let of = step.as_deref().map(|step| format!("{}: ", self.book.title(step)));
                page.fact(0, Mark::Warn, &format!("deviation: {}{what}", of.unwrap_or_default()));
            }
            Event::Interrupted { signal } => {
                page.fact(0, Mark::Warn, &format!("interrupted by {signal}; stopped at a safe point"));
            }
            Event::Left { exit_code, why, .. } => {
                page.fact(0, Mark::Plain, &format!("lets go of the run: {why}"));
                page.below(0, "exit", &format!("{exit_code}: {}", exit_words(*exit_code)));
            }
            Event::Ended { outcome, exit_code, .. } => {
                let (mark, words) = ending(outcome, &self.run);
                page.head(0, mark, &words);
                page.below(0, "exit", &format!("{exit_code}: {}", exit_words(*exit_code)));
            }
            _ => return false,
        }
        true
    }

    fn opened(&self, page: &mut Page, opened: &Opened) {
        let environment = environment(opened.environment);
        page.head(0, Mark::Begin, &format!("{} [{environment}]", opened.title));
        page.below(0, "target", &address(&opened.target));
        page.below(0, "run", &format!("{} by {}, {}", self.id(), who(&opened.operator), opened.program));
        let steps: usize = opened.outline.iter().map(|phase| phase.steps.len()).sum();
        let plan = format!(
            "{}: {} in {}, {} (sha256 {})",
            opened.plan_id,
            of_len(steps, "step"),
            of_len(opened.outline.len(), "phase"),
            opened.plan_path,
            short(&opened.plan_digest)
        );
        page.below(0, "plan", &plan);
        selected(page, &opened.selection);
        if self.book.is_demo() {
            let what = "a DEMO on a server of its own: what people should do, the demo answers, marked DEMO";
            page.fact(0, Mark::Warn, what);
        }
    }

    /// What the way back gives back, before the first change: what restores in a word, the rest by name.
    fn ways_back(&self, page: &mut Page, steps: &[WayBack]) {
        if steps.is_empty() {
            return;
        }
        let by_its_words = |way: &&WayBack| way.verdict == WayBackVerdict::Restores && !way.is_by_program();
        let restores = steps.iter().filter(by_its_words).count();
        let what = format!("the way back restores {}", out_of(restores, steps.len(), "step"));
        page.fact(0, Mark::Plain, &format!("{what}, as far as the SQL tells; `rehearse` tries it out"));
        for way in steps.iter().filter(|way| !by_its_words(way)) {
            let mark = match way.verdict {
                WayBackVerdict::Restores | WayBackVerdict::Loses => Mark::Plain,
                WayBackVerdict::Leaves | WayBackVerdict::Impossible => Mark::Warn,
            };
            page.fact(1, mark, &format!("{}: {}", self.book.title(&way.step), way.words));
        }
    }

    pub(super) fn id(&self) -> String {
        self.run.id.map_or_else(|| "?".to_owned(), |id| id.to_string())
    }

    /// Where a run stands that is taken up again.
    fn standing(&self) -> String {
        let counts = self.run.counts_by_word();
        let words: Vec<String> =
            counts.iter().map(|(word, n)| format!("{} {word}", unsigned(u64::from(*n)))).collect();
        let hold = self.run.hold().map(|hold| format!("; it waited: {}", hold.needs)).unwrap_or_default();
        format!("{}{hold}", words.join(", "))
    }
}

pub(super) fn environment(environment: Environment) -> &'static str {
    match environment {
        Environment::Dev => "DEV",
        Environment::Staging => "STAGING",
        Environment::Production => "PRODUCTION",
    }
}

fn address(target: &TargetIdentity) -> String {
    format!(
        "{}@{}:{}/{}, PostgreSQL {}",
        target.user, target.host, target.port, target.database, target.server_version
    )
}

fn who(operator: &Operator) -> String {
    format!("{} on {} (pid {})", operator.os_user, operator.host, operator.pid)
}

fn selected(page: &mut Page, selection: &Selection) {
    if *selection != Selection::default() {
        page.below(0, "only", &selection_words(selection));
    }
}

fn selection_words(selection: &Selection) -> String {
    let phases = match selection.only.len() {
        0 => "all phases".to_owned(),
        1 => format!("phase {}", selection.only[0]),
        _ => format!("phases {}", selection.only.join(", ")),
    };
    match &selection.from {
        Some(from) => format!("{phases}, from step {from} on"),
        None => phases,
    }
}

fn measured(page: &mut Page, baseline: &Baseline) {
    let counts: Vec<String> = baseline
        .counts
        .iter()
        .filter(|(kind, n)| **n > 0 && matters(**kind))
        .map(|(kind, n)| format!("{} {}", kind.word(), unsigned(*n)))
        .collect();
    let counts = if counts.is_empty() { "no tables".to_owned() } else { counts.join(", ") };
    page.fact(0, Mark::Plain, &format!("measured before the first change: {counts}"));
    let guarded: Vec<String> = baseline
        .guards
        .keys()
        .map(|table| match baseline.rows.get(table) {
            Some(n) => format!("{table} ({} rows)", rows(*n)),
            None => table.clone(),
        })
        .collect();
    if !guarded.is_empty() {
        page.below(0, "guarded", &some(&guarded, 12));
    }
}

/// The size is bytes of files, and changes by itself.
pub(super) fn matters(kind: Kind) -> bool {
    kind != Kind::Size
}

/// The end in one sentence. What wasn't compared with the state before isn't called clean.
pub(super) fn ending(outcome: &Ending, run: &Run) -> (Mark, String) {
    let back = run.rollback.as_ref().and_then(|rollback| rollback.ended.as_ref());
    let compared = back.map_or(&[][..], |back| back.covers.as_slice());
    match outcome {
        Ending::Done => match run.half_known_words() {
            Some(rest) => (Mark::Warn, format!("the plan has been run to its end, and {rest}")),
            None => (Mark::Good, "done: the plan has been run to its end".to_owned()),
        },
        Ending::Stopped { why } => (Mark::Bad, format!("stopped: {why}")),
        Ending::Refused { why } => (Mark::Bad, format!("refused, nothing was changed: {why}")),
        Ending::RolledBack { clean: true } if compared.is_empty() => {
            let what = "rolled back: everything that was applied is undone; nothing was compared";
            (Mark::Warn, format!("{what} with the state before"))
        }
        Ending::RolledBack { clean: true } => {
            let what = "rolled back: everything that was applied is undone, and as it was before is";
            (Mark::Good, format!("{what}: {}", some(compared, 20)))
        }
        Ending::RolledBack { clean: false } if run.only_what_was_decided_stays() => {
            let what = "rolled back; what can't be taken back stays, as was decided: the database isn't as it was before";
            (Mark::Warn, what.to_owned())
        }
        Ending::RolledBack { clean: false } => {
            (Mark::Bad, "rolled back, but not everything is as it was before".to_owned())
        }
    }
}

/// `3 of 4`, or `4`, and the word.
pub(super) fn out_of(n: usize, all: usize, word: &str) -> String {
    if n == all { of_len(all, word) } else { format!("{n} of {}", count(all as u64, word)) }
}

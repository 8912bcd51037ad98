//! Events of units: transactions and bare statements, locks they wait for, outcomes found out later.

use super::page::Page;
use super::printer::Printer;
use super::symbols::Mark;
use crate::run::event::{AppliedHow, Blocker, COMMAND, Direction, Event, Place, Unit};
use crate::text::words::{count, open_for, person, size, touched};

impl Printer {
    pub(super) fn unit_event(&mut self, page: &mut Page, event: &Event) -> bool {
        match event {
            // A step that is one transaction has begun with its own line.
            Event::UnitStarted { unit, .. } => {
                if !unit.unit.is_empty() {
                    page.fact(2, Mark::Begin, &self.unit_name(unit));
                }
            }
            // Its end is told by itself.
            Event::BareIntent { runner: Some(runner), .. } if runner == COMMAND => {}
            Event::UnitApplied { unit, how: AppliedHow::Confirmed, .. } if self.is_command(unit) => {}
            Event::BareIntent { unit, source, runner: Some(runner), .. } => {
                let what = if unit.unit.is_empty() { source.words() } else { unit.unit.clone() };
                page.fact(2, Mark::Begin, &format!("{what}, run by {runner}: its statements aren't counted"));
            }
            Event::BareIntent { unit, source, probe, .. } => {
                let what = if unit.unit.is_empty() { source.words() } else { self.unit_name(unit) };
                page.fact(2, Mark::Begin, &format!("{what}, outside a transaction: it can't be taken back"));
                match probe {
                    Some(probe) => {
                        let holds = if probe.holds { "yes, already" } else { "no" };
                        page.below(2, "before", &format!("{}: {holds}", probe.what));
                    }
                    None => page.below(2, "before", "nothing can be asked that would tell whether it ran"),
                }
            }
            Event::LockRetry { attempt, of, pause_ms, place, blockers, .. } => {
                retry(page, *attempt, *of, *pause_ms, place.as_ref(), blockers);
            }
            Event::UnitApplied { unit, warnings, elapsed_ms, touched: of, .. } if self.is_psqls(unit) => {
                let name = if unit.unit.is_empty() { String::new() } else { format!("{}: ", unit.unit) };
                let mark = if *warnings == 0 { Mark::Plain } else { Mark::Warn };
                let warned = (*warnings > 0).then(|| count(*warnings, "warning"));
                let figures: Vec<String> =
                    warned.into_iter().chain((!of.is_empty()).then(|| touched(of))).collect();
                let what = format!("{name}psql came to its end");
                page.row(2, mark, &what, Some(*elapsed_ms), &figures.join("; "));
            }
            Event::UnitApplied { unit, elapsed_ms, .. }
                if self.run.replaced.iter().any(|one| one.unit == *unit) =>
            {
                let taken = self.run.set_aside().find(|one| one.unit == *unit);
                let words = taken.map(|one| {
                    format!("{} is the restored database now; the old one is {}", one.database, one.aside)
                });
                page.row(2, Mark::Plain, "committed", Some(*elapsed_ms), &words.unwrap_or_default());
            }
            Event::UnitApplied { unit, .. } => applied(page, &self.unit_name(unit), event),
            Event::UnitFailed { unit, problem } => {
                let what = match self.unit_name(unit).as_str() {
                    "" => "failed".to_owned(),
                    name => format!("{name}: failed"),
                };
                page.fact(2, Mark::Bad, &what);
                self.problem(page, 2, &unit.step, problem);
            }
            Event::FileWritten { path, bytes, rows, .. } => {
                let what = format!("wrote {}, {}, to {path}", count(*rows, "row"), size(*bytes));
                page.fact(2, Mark::Plain, &what);
            }
            Event::UnitUnknown { unit, evidence } => {
                let what = self.unit_words(unit);
                page.fact(2, Mark::Unknown, &format!("nobody can say yet whether {what} was applied"));
                for evidence in evidence {
                    page.below(2, "evidence", evidence);
                }
            }
            Event::UnitReconciled { unit, applied, evidence, by } => {
                let (mark, word) =
                    if *applied { (Mark::Good, "was applied") } else { (Mark::Plain, "was not applied") };
                let how = match by {
                    Some(by) => format!("ruled by {}", person(by)),
                    None => "found out".to_owned(),
                };
                page.fact(2, mark, &format!("{how}: {} {word}", self.unit_words(unit)));
                for evidence in evidence {
                    page.below(2, "evidence", evidence);
                }
            }
            // The line after it says what came of it.
            Event::DatabaseReplacing(_) | Event::CommitIntent { .. } | Event::UnitPassedOver { .. } => {}
            _ => return false,
        }
        true
    }

    fn is_command(&self, unit: &Unit) -> bool {
        self.run().unit(unit).is_some_and(|state| state.runner.as_deref() == Some(COMMAND))
    }

    fn is_psqls(&self, unit: &Unit) -> bool {
        self.run().unit(unit).is_some_and(|state| state.runner.is_some())
    }

    /// Where a person finds it: `02.sql`, or file and line of a statement. Empty when the step is one unit.
    fn unit_name(&self, unit: &Unit) -> String {
        match self.run().unit(unit).map(|state| &state.source) {
            Some(source) if source.line > 0 && !unit.unit.is_empty() => {
                format!("{}:{}", source.file, source.line)
            }
            // A unit has the name of the file that ran forward; what runs is another one.
            Some(source) if unit.direction == Direction::Back && !unit.unit.is_empty() => source.file.clone(),
            _ => unit.unit.clone(),
        }
    }

    /// `Step 3`, `02.sql of Step 3`, `the undo of Step 3`, with the id.
    fn unit_words(&self, unit: &Unit) -> String {
        let undo = match unit.direction {
            Direction::Forward => "",
            Direction::Back => "the undo of ",
        };
        let step = self.book.title_and_id(&unit.step);
        if unit.unit.is_empty() {
            format!("{undo}{step}")
        } else {
            format!("{} of {undo}{step}", self.unit_name(unit))
        }
    }
}

fn applied(page: &mut Page, unit_name: &str, event: &Event) {
    let Event::UnitApplied { how, statements, rows, warnings, elapsed_ms, touched: relations, .. } = event
    else {
        return;
    };
    let name = if unit_name.is_empty() { String::new() } else { format!("{unit_name}: ") };
    let how = match how {
        AppliedHow::Confirmed => "committed",
        AppliedHow::Ledger => "committed, as the ledger says",
        AppliedHow::Probe => "carried out, as its probe says",
        AppliedHow::Ruling => "applied, as a person ruled",
    };
    let mut figures = format!("{}, {}", count(*statements, "statement"), count(*rows, "row"));
    if *warnings > 0 {
        figures.push_str(&format!(", {}", count(*warnings, "warning")));
    }
    if !relations.is_empty() {
        figures.push_str(&format!("; {}", touched(relations)));
    }
    let mark = if *warnings > 0 { Mark::Warn } else { Mark::Plain };
    page.row(2, mark, &format!("{name}{how}"), Some(*elapsed_ms), &figures);
}

/// Each of those in the way on a line of its own: these are the people to call.
fn retry(page: &mut Page, attempt: u32, of: u32, pause_ms: u64, place: Option<&Place>, blockers: &[Blocker]) {
    let again = format!("retry {attempt} of {of} in {}.{} s", pause_ms / 1000, pause_ms % 1000 / 100);
    match blockers {
        [] => page.fact(2, Mark::Warn, &format!("waited for a lock, and whoever held it is gone; {again}")),
        [one] => page.fact(2, Mark::Warn, &format!("waits for {}; {again}", blocker(one))),
        several => {
            let n = several.len();
            page.fact(2, Mark::Warn, &format!("waits for {n} sessions; {again}"));
            for one in several.iter().take(20) {
                page.below(2, "", &blocker(one));
            }
            if n > 20 {
                page.below(2, "", &format!("… and {} more", n - 20));
            }
        }
    }
    if let Some(place) = place {
        page.below(2, "at", &where_(place));
    }
}

fn blocker(blocker: &Blocker) -> String {
    let who = if blocker.application.trim().is_empty() { &blocker.user } else { &blocker.application };
    let since = blocker.since_ms.map(|ms| format!(" {}", open_for(ms))).unwrap_or_default();
    let what = match (&blocker.mode, &blocker.relation) {
        (Some(mode), Some(relation)) => format!(" holding {mode} on {relation}"),
        (Some(mode), None) => format!(" holding {mode}"),
        (None, Some(relation)) => format!(" on {relation}"),
        (None, None) => String::new(),
    };
    format!("pid {} ({who}, {}{since}){what}", blocker.pid, blocker.state)
}

/// `file:line:column`, and how it was included.
pub(super) fn where_(place: &Place) -> String {
    let at = match (place.line, place.column) {
        (0, _) => place.file.clone(),
        (line, 0) => format!("{}:{line}", place.file),
        (line, column) => format!("{}:{line}:{column}", place.file),
    };
    let from = match place.includes.is_empty() {
        true => String::new(),
        false => format!(" (included from {})", place.includes.join(" → ")),
    };
    format!("{at}{from}")
}

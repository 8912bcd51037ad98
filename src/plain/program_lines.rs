//! Events of programs, messages, artifacts and watches.

use super::page::Page;
use super::printer::Printer;
use super::symbols::Mark;
use crate::plan::duration;
use crate::run::event::{Breach, Event, Handed, Notice, ProgramEnd, ProgramEnding, WatchFigures};
use crate::text::words::{count, size};

impl Printer {
    pub(super) fn program_event(&mut self, page: &mut Page, event: &Event) -> bool {
        match event {
            Event::ProgramEnded(end) => program(page, end),
            Event::ArtifactWritten(artifact) => {
                let rows = match artifact.rows {
                    0 => String::new(),
                    rows => format!("{}, ", count(rows, "row")),
                };
                let what = format!("wrote {rows}{}, to {}", size(artifact.bytes), artifact.path);
                page.fact(2, Mark::Plain, &what);
            }
            Event::Notified(notice) => message(page, notice),
            Event::WatchBreached(breach) => breached(page, breach),
            Event::WatchEnded(figures) => watched(page, figures),
            // The deviation behind it has the same words.
            Event::WatchAccepted { .. } => {}
            _ => return false,
        }
        true
    }
}

fn program(page: &mut Page, end: &ProgramEnd) {
    let (mark, how) = match &end.ending {
        ProgramEnding::LeftOut => {
            return page.fact(2, Mark::Skip, &format!("not run in a demo or rehearsal: {}", end.command));
        }
        ProgramEnding::NotStarted { .. } => {
            return page.fact(2, Mark::Bad, &format!("couldn't be started: {}", end.command));
        }
        ProgramEnding::Exited { code } => (Mark::Plain, format!("exit code {code}")),
        ProgramEnding::Killed { signal } => (Mark::Bad, format!("ended by signal {signal}")),
        ProgramEnding::TimedOut { after_ms } => {
            let limit = duration::words(std::time::Duration::from_millis(*after_ms));
            (Mark::Bad, format!("didn't end within {limit}, and was ended"))
        }
        ProgramEnding::Stopped { why } => (Mark::Bad, format!("was ended: {why}")),
    };
    page.row(2, mark, &how, Some(end.elapsed_ms), &format!("{} of output", count(end.lines, "line")));
}

fn message(page: &mut Page, notice: &Notice) {
    let to = match notice.to.as_slice() {
        [] => String::new(),
        roles => format!(" to {}", roles.join(", ")),
    };
    let word = match notice.reminder {
        0 => "message".to_owned(),
        number => format!("reminder {number}"),
    };
    let (mark, handed) = match &notice.handed {
        Handed::Over { program } => (Mark::Plain, format!(", handed to {program}")),
        Handed::Shown => (Mark::Plain, ": shown here, the plan names no program for it".to_owned()),
        Handed::LeftOut => (Mark::Skip, ": shown only, in a demo or rehearsal".to_owned()),
        Handed::Failed { program, why } => {
            (Mark::Warn, format!(" wasn't taken by {program} (the run goes on): {why}"))
        }
    };
    page.fact(2, mark, &format!("{word}{to}{handed}"));
    for (number, line) in notice.text.lines().filter(|line| !line.trim().is_empty()).enumerate() {
        page.below(2, if number == 0 { "says" } else { "" }, line);
    }
}

fn breached(page: &mut Page, breach: &Breach) {
    page.fact(1, Mark::Bad, &breach.headline());
    page.below(1, "expected", &breach.verdict.expected);
    page.below(1, "got", &breach.verdict.got);
    for why in
        breach.verdict.differences.iter().map(|difference| &difference.why).filter(|why| !why.is_empty())
    {
        page.below(1, "why", why);
    }
    if breach.lasting_ms >= 1000 {
        let lasting = std::time::Duration::from_secs(breach.lasting_ms / 1000);
        page.below(1, "for", &duration::words(lasting));
    }
    if let Some(otherwise) = &breach.otherwise {
        page.below(1, "else", otherwise);
    }
}

fn watched(page: &mut Page, figures: &WatchFigures) {
    let mark = if figures.holds && figures.breaches == 0 { Mark::Good } else { Mark::Warn };
    let values = match (&figures.min, &figures.max) {
        (Some(min), Some(max)) if min != max => format!("{min} to {max}, last {}", figures.last),
        _ => format!("last {}", figures.last),
    };
    let failed = match figures.failed {
        0 => String::new(),
        failed => format!(", {failed} didn't hold"),
    };
    let what = format!("watch {}", figures.title);
    page.row(1, mark, &what, None, &format!("{}{failed}; {values}", count(figures.samples, "sample")));
}

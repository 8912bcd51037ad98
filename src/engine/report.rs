//! The evidence of a run from its folder: its journal and its copy of the plan become a report; and the action
//! `report`, which writes it.

use std::path::Path;

use super::conductor::Conductor;
use super::problems;
use super::stop::Stop;
use crate::journal::{DOESNT_FOLLOW, JournalError, Reader, RunFolder};
use crate::plan::model::{Plan, Step};
use crate::plan::{FileCheck, LoadOptions, load_bytes};
use crate::report::model::{ChainState, JournalRead};
use crate::report::{Format, Gather, Report, render};
use crate::run::event::{Artifact, Envelope, Event, Problem, ReportWritten};

impl Conductor {
    /// The action: the evidence so far.
    pub(super) async fn report_so_far(
        &mut self,
        step: &Step,
        named: &str,
    ) -> Result<Result<(), Problem>, Stop> {
        let written = match self.artifact(named) {
            Ok(path) => self.write_report(&path).await,
            Err(problem) => Err(problem),
        };
        let (artifact, events) = match written {
            Ok(written) => written,
            Err(problem) => return Ok(Err(problem)),
        };
        let written = ReportWritten { step: step.id.clone(), artifact, events };
        self.record(Event::ReportWritten(Box::new(written))).await?;
        Ok(Ok(()))
    }

    /// The run has ended: each report that the plan asked for is written once more, where it was. Nothing follows an
    /// end in the journal, so that a failure is told and no more; `holdpoint report` makes it again.
    pub(super) async fn report_the_end(&mut self) {
        for (step, path) in self.recorder.look(|run| run.reports.clone()) {
            if let Err(problem) = self.write_report(Path::new(&path)).await {
                tracing::warn!(step, problem = problem.message, "writing the report of the whole run");
                let what = format!(
                    "the report of the whole run isn't in {path}: {}; `holdpoint report {}` makes it",
                    problem.message, self.run
                );
                self.says.say(&step, &what);
            }
        }
    }

    async fn write_report(&self, path: &Path) -> Result<(Artifact, u64), Problem> {
        let format = Format::of_name(&path.to_string_lossy())
            .ok_or_else(|| problems::plain(format!("{} is no .md, .html or .json file", path.display())))?;
        let folder = self.folder.clone();
        let made = tokio::task::spawn_blocking(move || {
            read(&folder).map(|report| (render(&report, format), report.journal.events))
        });
        let (text, events) = match made.await {
            Ok(Ok(made)) => made,
            Ok(Err(error)) => return Err(problems::plain(format!("the journal can't be read: {error}"))),
            Err(error) => return Err(problems::plain(format!("the report can't be made: {error}"))),
        };
        Ok((self.write_artifact(path, text.as_bytes())?, events))
    }
}

/// The report of what stands in a run's folder now. It needs no lock and changes nothing.
///
/// # Errors
/// There is nothing to report: no event, or the damage is in the first line; or it can't be read.
pub fn read(folder: &RunFolder) -> Result<Report, JournalError> {
    let path = folder.journal();
    let mut reader = Reader::open(&path)?;
    let mut gather = Gather::new();
    let mut journal = JournalRead {
        state: ChainState::Verified,
        events: 0,
        head: reader.tail().head.clone(),
        line: None,
        why: None,
    };
    let mut original = String::new();
    // A line is proven by the next one: each is told when that has been read.
    let mut last: Option<(Envelope, String)> = None;
    let damage = loop {
        let next = reader.next_event();
        if let Err(JournalError::Damaged { line, why, .. }) = &next
            && why == DOESNT_FOLLOW
        {
            break Some((line - 1, format!("line {line} doesn't follow it, and one of the two was changed")));
        }
        if let Some((envelope, head)) = last.take() {
            if let Event::RunOpened(opened) = &envelope.event {
                original.clone_from(&opened.plan_path);
            }
            if let Err(illegal) = gather.take(&envelope) {
                break Some((envelope.seq, illegal.to_string()));
            }
            (journal.events, journal.head) = (envelope.seq, head);
        }
        match next {
            Ok(None) => break None,
            Ok(Some(envelope)) => last = Some((envelope, reader.tail().head.clone())),
            Err(JournalError::Damaged { line, why, .. }) => break Some((line, why)),
            Err(error) => return Err(error),
        }
    };
    if let Some((line, why)) = damage {
        journal.state = ChainState::Damaged;
        (journal.line, journal.why) = (Some(line), Some(why));
    } else if let Some(torn) = &reader.tail().torn {
        journal.state = ChainState::Torn;
        journal.why = Some(format!("{} bytes, {}", torn.bytes, torn.why));
    }
    let plan = plan(folder, &original);
    let found = gather.finish(plan.as_ref().map_err(Clone::clone), journal.clone());
    found.ok_or_else(|| match (journal.line, journal.why) {
        (Some(line), Some(why)) if journal.state == ChainState::Damaged => {
            JournalError::Damaged { path, line, why }
        }
        _ => JournalError::NeverBegan { path: folder.path().to_owned() },
    })
}

/// The plan as the run was opened with it; the reason why not in words.
fn plan(folder: &RunFolder, original: &str) -> Result<Plan, String> {
    let copies = folder.copies().map_err(|error| error.to_string())?;
    let copy = copies.iter().find(|copy| copy.name.is_none()).ok_or("the run's folder has no copy of it")?;
    copy.verify().map_err(|error| error.to_string())?;
    let bytes = std::fs::read(copy.path())
        .map_err(|error| format!("{} can't be read: {error}", copy.path().display()))?;
    let base = Path::new(original).parent().filter(|parent| !parent.as_os_str().is_empty());
    let base = base.unwrap_or(Path::new("."));
    let loaded = load_bytes(original, &bytes, base, LoadOptions { files: FileCheck::Skip });
    loaded.map(|loaded| loaded.plan).map_err(|_| "this version doesn't understand it any more".to_owned())
}

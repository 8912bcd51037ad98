//! `holdpoint report`: the evidence of a run.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::args::{ReportArgs, ReportFormat};
use super::failure::Failure;
use super::out;
use crate::engine::exit::Exit;
use crate::engine::report::read;
use crate::journal::{JournalError, RunFolder, Standing, StateDir};
use crate::report::model::ChainState;
use crate::report::{Format, render};

/// Writes the report of a run. Nothing but its folder is looked at, and nothing in it is changed.
pub fn report(args: &ReportArgs) -> Result<Exit, Failure> {
    let beside = args.plan.as_deref().unwrap_or(Path::new("plan.toml"));
    let state = StateDir::find(args.state.state_dir.as_deref(), beside)
        .map_err(|error| Failure::unreachable(error.to_string()))?;
    let folder = match &args.run {
        Some(name) => state.find_run(name).map_err(|error| Failure::usage(error.to_string()))?,
        None => newest(&state)?,
    };
    let file = args.out.as_deref().filter(|file| *file != Path::new("-"));
    let format = format(args.format, file)?;
    let report = read(&folder).map_err(|error| match error {
        JournalError::Damaged { .. } => Failure { message: error.to_string(), exit: Exit::Failed },
        _ => Failure::unreachable(error.to_string()),
    })?;
    let text = render(&report, format);
    match file {
        None => out::page(&text),
        Some(file) => {
            write(file, &text).map_err(|error| {
                Failure::unreachable(format!("the report {} can't be written: {error}", file.display()))
            })?;
            out::line(&format!("report of run {} in {}", report.run, file.display()));
        }
    }
    match (report.journal.state, &report.journal.line) {
        (ChainState::Damaged, Some(line)) => {
            let why = report.journal.why.as_deref().unwrap_or_default();
            let message = format!(
                "the journal of run {} is damaged in line {line}: {why}; the report is of the {} events before it, and \
                 says so. Restore the journal from a copy, or look at the ledger",
                report.run, report.journal.events
            );
            Err(Failure { message, exit: Exit::Failed })
        }
        _ => Ok(Exit::Done),
    }
}

fn format(typed: Option<ReportFormat>, file: Option<&Path>) -> Result<Format, Failure> {
    let named = file.and_then(|file| Format::of_name(&file.to_string_lossy()));
    match (typed, file) {
        (Some(ReportFormat::Md), _) => Ok(Format::Markdown),
        (Some(ReportFormat::Html), _) => Ok(Format::Html),
        (Some(ReportFormat::Json), _) => Ok(Format::Json),
        (None, None) => Ok(Format::Markdown),
        (None, Some(file)) => named.ok_or_else(|| {
            Failure::usage(format!(
                "{} ends neither with .md nor with .html or .json: say which with --format",
                file.display()
            ))
        }),
    }
}

/// The newest run that has something to tell.
fn newest(state: &StateDir) -> Result<RunFolder, Failure> {
    let runs = state.runs().map_err(|error| Failure::unreachable(error.to_string()))?;
    let found = runs.into_iter().find(|run| run.standing != Standing::NeverBegan);
    found.map(|run| run.folder).ok_or_else(|| {
        Failure::usage(format!(
            "no runs in {}; give the plan (--plan FILE) or the folder (--state-dir DIR)",
            state.path().display()
        ))
    })
}

/// All of it or nothing: a report that was cut off would be believed.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    if file.metadata().is_ok_and(|meta| !meta.is_file() && !meta.is_dir()) {
        return std::fs::write(file, text);
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = file.file_name().ok_or(std::io::ErrorKind::IsADirectory)?.to_string_lossy().into_owned();
    let beside: PathBuf = folder.join(format!(".{name}.{}", std::process::id()));
    let written = std::fs::File::create(&beside)
        .and_then(|mut new| new.write_all(text.as_bytes()).and_then(|()| new.sync_all()))
        .and_then(|()| std::fs::rename(&beside, file));
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written
}

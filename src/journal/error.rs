//! What can go wrong with a journal, in words that say what to do.

use std::io;
use std::path::{Path, PathBuf};

use crate::run::Illegal;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The state machines don't allow the event; nothing was written.
    #[error(transparent)]
    Illegal(#[from] Illegal),
    /// The disk is full. Nothing was written, and the journal is whole.
    #[error(
        "the journal {} couldn't be written: no space left on device; the run stops where it is, free some space and `resume` it",
        path.display()
    )]
    Full { path: PathBuf },
    /// Nothing was written, and the journal is whole.
    #[error("the journal {} couldn't be written: {source}; the run stops where it is, `resume` goes on from there", path.display())]
    Write { path: PathBuf, source: io::Error },
    /// The thread that owns the journal is gone.
    #[error("the journal's keeper is gone; `resume` the run")]
    Gone,
    /// What is on disk now isn't known; nothing more is written by this process.
    #[error("the journal {} can't be trusted by this process any more: {why}; look after the disk, then `resume` the run", path.display())]
    Broken { path: PathBuf, why: String },
    /// Another process has the run.
    #[error("run {} is in the hands of process {}; wait until it is done, or end it", run_name(path), holder(*pid))]
    Busy { path: PathBuf, pid: Option<u32> },
    /// Not just a torn tail.
    #[error(
        "the journal {} is damaged in line {line}: {why}; nothing was changed, restore it from a copy or look at the ledger",
        path.display()
    )]
    Damaged { path: PathBuf, line: u64, why: String },
    /// A process died before the first event was durable.
    #[error("run {} never began: its journal is empty; start the plan again", run_name(path))]
    NeverBegan { path: PathBuf },
    #[error("there is no run {name} in {}; `status` lists what there is, --state-dir or --plan name another place", state.display())]
    NoSuchRun { name: String, state: PathBuf },
    #[error("{name} means several runs: {}; give more of the id", ids.join(", "))]
    Ambiguous { name: String, ids: Vec<String> },
    /// An event that no program should have made.
    #[error("the event can't be journaled: {why}")]
    Unfit { why: String },
    /// A copied file, or a file too large for a copy, isn't what the run was opened with.
    #[error("{} isn't what the run was opened with: {why}; put the old one back, or end the run with `resume --end REASON` and begin anew", path.display())]
    Changed { path: PathBuf, why: String },
    /// The record of a rehearsal isn't as it was written.
    #[error("the rehearsal's record {} can't be trusted: {why}; rehearse again, and move this file away", path.display())]
    RehearsalChanged { path: PathBuf, why: String },
    /// A journal that was brought as evidence isn't whole.
    #[error("the journal {} is no evidence: {why}; bring it again from the machine where the run was", path.display())]
    EvidenceChanged { path: PathBuf, why: String },
    /// A journal of a run that is here doesn't say what became of it.
    #[error(
        "the journal {} can't be read: {why}. Its run may be the newest of this plan: put the journal back from a copy; if \
         nothing was begun there, move its folder away",
        path.display()
    )]
    EvidenceUntold { path: PathBuf, why: String },
    #[error("{} is no journal of a run, and holds none: name journal.jsonl, the run's folder, or the folder of runs", path.display())]
    NoEvidence { path: PathBuf },
    #[error("there is no place for the run's state: {why}; give one with `--state-dir`")]
    NoPlace { why: String },
    #[error("failed to {what} {}: {source}", path.display())]
    Io { what: &'static str, path: PathBuf, source: io::Error },
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "(pid unknown)".into(), |pid| pid.to_string())
}

fn run_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

impl JournalError {
    /// Whether it is because of a full disk.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Self::Full { .. } => true,
            Self::Write { source, .. } | Self::Io { source, .. } => no_space(source),
            _ => false,
        }
    }
}

/// No space, or no quota.
pub(super) fn no_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Puts what was tried, and with which file, around an I/O error.
pub(super) trait Tried<T> {
    fn tried(self, what: &'static str, path: &Path) -> Result<T, JournalError>;
}

impl<T> Tried<T> for io::Result<T> {
    fn tried(self, what: &'static str, path: &Path) -> Result<T, JournalError> {
        self.map_err(|source| JournalError::Io { what, path: path.to_owned(), source })
    }
}

//! The runs that there are, at a glance: of each journal only the first and the last line is read, unless more is
//! wanted.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use jiff::Timestamp;
use uuid::Uuid;

use super::error::{JournalError, Tried};
use super::folder::{RunFolder, StateDir};
use super::format::{self, MAX_LINE};
use super::lock::RunLock;
use super::read::Reader;
use crate::run::event::{Ending, Envelope, Event, Mode, TargetIdentity};
use crate::run::state::Run;

/// A run, as its first and last line tell it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunEntry {
    pub id: Uuid,
    pub folder: RunFolder,
    pub standing: Standing,
    /// What the first line says; `None` when it can't be read.
    pub opened: Option<Box<crate::run::event::Opened>>,
    pub opened_at: Option<Timestamp>,
    pub last_at: Option<Timestamp>,
    /// How many events there are.
    pub events: u64,
    /// A process has it now; its pid, when it is known.
    pub taken: Option<Option<u32>>,
}

impl RunEntry {
    /// As it stands when every line of its journal is read, and not the first and the last alone. A journal that is
    /// gone or empty is damage too where the run had begun: its images are there.
    ///
    /// With what it tells, where it could be read.
    #[must_use]
    pub fn proven(mut self) -> (Self, Option<Run>) {
        if self.standing == Standing::NeverBegan {
            if self.folder.has_images() {
                let journal = self.folder.journal();
                let what = if journal.exists() { "is empty" } else { "is gone" };
                let why = format!(
                    "{} {what}, and the run had begun: what it did stands in the ledger of its database",
                    journal.display()
                );
                self.standing = Standing::Damaged { why };
            }
            return (self, None);
        }
        match Reader::open(&self.folder.journal()).and_then(Reader::fold) {
            Ok((run, _)) => (self, Some(run)),
            Err(error) => {
                self.standing = Standing::Damaged { why: error.to_string() };
                (self, None)
            }
        }
    }

    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(self.standing, Standing::Ended { .. } | Standing::NeverBegan)
    }

    #[must_use]
    pub fn plan_id(&self) -> Option<&str> {
        self.opened.as_ref().map(|opened| opened.plan_id.as_str())
    }

    /// Whether a person's database was meant, or a demo's.
    #[must_use]
    pub fn mode(&self) -> Option<Mode> {
        self.opened.as_ref().map(|opened| opened.mode)
    }

    #[must_use]
    pub fn target(&self) -> Option<&TargetIdentity> {
        self.opened.as_ref().map(|opened| &opened.target)
    }
}

/// How a run stands, by its last line alone.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    Ended {
        outcome: Ending,
        exit_code: u8,
    },
    /// It waits for somebody.
    Held {
        needs: String,
    },
    /// Its process let go of it.
    Left {
        exit_code: u8,
        why: String,
    },
    /// Under way, or its process died.
    Open,
    /// Its process died before the first event.
    NeverBegan,
    Damaged {
        why: String,
    },
}

impl StateDir {
    /// All runs, newest first.
    ///
    /// # Errors
    /// The folder can't be read; a run that can't be read is in the list as damaged.
    pub fn runs(&self) -> Result<Vec<RunEntry>, JournalError> {
        Ok(self.ids()?.into_iter().map(|id| entry(&self.run(id))).collect())
    }
}

fn entry(folder: &RunFolder) -> RunEntry {
    let mut entry = RunEntry {
        id: folder.id(),
        folder: folder.clone(),
        standing: Standing::NeverBegan,
        opened: None,
        opened_at: None,
        last_at: None,
        events: 0,
        taken: RunLock::is_taken(folder),
    };
    match ends(&folder.journal()) {
        Ok(Some((first, last))) => {
            entry.opened_at = Some(first.at);
            entry.last_at = Some(last.at);
            entry.events = last.seq;
            entry.standing = match last.event {
                Event::Ended { outcome, exit_code, .. } => Standing::Ended { outcome, exit_code },
                Event::Held { needs, .. } => Standing::Held { needs },
                Event::Left { exit_code, why, .. } => Standing::Left { exit_code, why },
                _ => Standing::Open,
            };
            if let Event::RunOpened(opened) = first.event {
                entry.opened = Some(opened);
            } else {
                entry.standing = Standing::Damaged { why: "the first line isn't `run_opened`".into() };
            }
        }
        Ok(None) => {}
        Err(JournalError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => entry.standing = Standing::Damaged { why: error.to_string() },
    }
    entry
}

/// How a journal begins; `None`: nothing has begun, or there is no such file.
pub(super) fn opened_by(path: &Path) -> Result<Option<Box<crate::run::event::Opened>>, JournalError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).tried("read", path),
    };
    let mut first = Vec::new();
    BufReader::new(file).take(MAX_LINE).read_until(b'\n', &mut first).tried("read", path)?;
    if first.pop() != Some(b'\n') {
        return Ok(None);
    }
    let changed = |why: String| JournalError::EvidenceChanged { path: path.to_owned(), why };
    match format::decode(&first).map_err(|error| changed(error.why))?.event {
        Event::RunOpened(opened) => Ok(Some(opened)),
        _ => Err(changed("its first line isn't `run_opened`".into())),
    }
}

/// First and last event; `None` when there is no whole line.
fn ends(path: &Path) -> Result<Option<(Envelope, Envelope)>, JournalError> {
    let file = File::open(path).tried("read", path)?;
    let mut first = Vec::new();
    BufReader::new(&file).take(MAX_LINE).read_until(b'\n', &mut first).tried("read", path)?;
    if first.pop() != Some(b'\n') {
        return Ok(None);
    }
    let damaged = |line, why: String| JournalError::Damaged { path: path.to_owned(), line, why };
    let first_event = format::decode(&first).map_err(|error| damaged(1, error.why))?;
    let length = file.metadata().tried("read", path)?.len();
    // The last line may be torn or just being written: the one before it counts then.
    let mut end = length;
    for _ in 0..2 {
        let Some((start, stop)) = last_line(&file, end).tried("read", path)? else { break };
        let mut line = vec![0; usize::try_from(stop - start).unwrap_or_default()];
        file.read_exact_at(&mut line, start).tried("read", path)?;
        match format::decode(&line) {
            Ok(last) => return Ok(Some((first_event, last))),
            Err(error) if error.json => return Err(damaged(0, error.why)),
            Err(_) => end = start,
        }
    }
    Err(damaged(0, "its last lines aren't events".into()))
}

/// Where the last whole line before `end` begins and stops, without its newline.
fn last_line(file: &File, end: u64) -> std::io::Result<Option<(u64, u64)>> {
    let Some(stop) = newline_before(file, end)? else { return Ok(None) };
    let start = newline_before(file, stop)?.map_or(0, |newline| newline + 1);
    Ok((stop - start <= MAX_LINE).then_some((start, stop)))
}

/// The place of the last newline before `end`.
fn newline_before(file: &File, end: u64) -> std::io::Result<Option<u64>> {
    let mut block = [0_u8; 8192];
    let mut end = end;
    while end > 0 {
        let size = end.min(block.len() as u64);
        let part = &mut block[..usize::try_from(size).unwrap_or_default()];
        file.read_exact_at(part, end - size)?;
        if let Some(at) = part.iter().rposition(|&byte| byte == b'\n') {
            return Ok(Some(end - size + at as u64));
        }
        end -= size;
    }
    Ok(None)
}

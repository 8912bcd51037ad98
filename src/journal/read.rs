//! Going through a journal, line by line.
//!
//! A crash can leave its last line unfinished: no newline, or no JSON. That is a torn tail; the event
//! wasn't durable, so what it announced wasn't begun. Anything wrong before the last line is damage,
//! and so is a last line that is JSON and still doesn't follow, or in which two lines run together: a
//! crash doesn't make that.

use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use super::chain::{self, GENESIS};
use super::error::{JournalError, Tried};
use super::format::{self, MAX_LINE};
use crate::run::event::Envelope;
use crate::run::state::Run;

/// Why a line is damaged whose digest of the line before isn't that line's: either may be the one that was changed.
pub const DOESNT_FOLLOW: &str = "it doesn't follow the line before: one of the two was changed";

/// Reads events, each proven to follow the one before.
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    path: PathBuf,
    tail: Tail,
    line: Vec<u8>,
    done: bool,
}

/// Where a journal ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    /// Whole lines.
    pub lines: u64,
    /// Bytes of the whole lines.
    pub bytes: u64,
    /// Digest of the last whole line: what the next one follows.
    pub head: String,
    /// What a crash left behind it.
    pub torn: Option<Torn>,
}

/// What a crash left of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// Where it begins.
    pub from: u64,
    pub bytes: u64,
    pub why: String,
}

impl Reader<std::io::BufReader<std::fs::File>> {
    /// # Errors
    /// The file can't be opened.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let file = std::fs::File::open(path).tried("read", path)?;
        Ok(Self::new(std::io::BufReader::with_capacity(1 << 16, file), path))
    }
}

impl<R: BufRead> Reader<R> {
    /// `path` is for messages.
    pub fn new(source: R, path: &Path) -> Self {
        let tail = Tail { lines: 0, bytes: 0, head: GENESIS.to_owned(), torn: None };
        Self { source, path: path.to_owned(), tail, line: Vec::new(), done: false }
    }

    /// The next event, or `None` at the end (whole or torn).
    ///
    /// # Errors
    /// Damage, with the number of the line; or the file can't be read.
    pub fn next_event(&mut self) -> Result<Option<Envelope>, JournalError> {
        if self.done {
            return Ok(None);
        }
        self.line.clear();
        let limit = MAX_LINE + 1;
        let read =
            self.source.by_ref().take(limit).read_until(b'\n', &mut self.line).tried("read", &self.path)?;
        if read == 0 {
            self.done = true;
            return Ok(None);
        }
        let bytes = read as u64;
        if self.line.last() != Some(&b'\n') {
            if bytes >= limit {
                return Err(self.damaged("the line is too long"));
            }
            return Ok(self.torn(bytes, "no newline at its end"));
        }
        self.line.pop();
        let envelope = match format::decode(&self.line) {
            Ok(envelope) => envelope,
            Err(error) => {
                let last = self.source.fill_buf().tried("read", &self.path)?.is_empty();
                if last && !error.json && !format::is_two_lines(&self.line) {
                    return Ok(self.torn(bytes, &error.why));
                }
                return Err(self.damaged(&error.why));
            }
        };
        self.follows(&envelope)?;
        self.tail.lines += 1;
        self.tail.bytes += bytes;
        self.tail.head = chain::digest(&self.line);
        Ok(Some(envelope))
    }

    fn follows(&self, envelope: &Envelope) -> Result<(), JournalError> {
        let expected = self.tail.lines + 1;
        if envelope.seq != expected {
            return Err(self.damaged(&format!("it is event {}, and event {expected} is due", envelope.seq)));
        }
        if envelope.prev != self.tail.head {
            return Err(self.damaged(DOESNT_FOLLOW));
        }
        Ok(())
    }

    fn torn(&mut self, bytes: u64, why: &str) -> Option<Envelope> {
        self.tail.torn = Some(Torn { from: self.tail.bytes, bytes, why: why.to_owned() });
        self.done = true;
        None
    }

    fn damaged(&self, why: &str) -> JournalError {
        JournalError::Damaged { path: self.path.clone(), line: self.tail.lines + 1, why: why.to_owned() }
    }

    /// The raw line (without newline) of the event that was read last.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.line
    }

    /// How far it has been read.
    #[must_use]
    pub fn tail(&self) -> &Tail {
        &self.tail
    }

    /// Reads on to the end and folds what comes.
    ///
    /// # Errors
    /// Damage, an event that can't follow, or the file can't be read.
    pub fn fold(mut self) -> Result<(Run, Tail), JournalError> {
        let mut run = Run::default();
        while let Some(envelope) = self.next_event()? {
            if let Err(illegal) = run.apply(&envelope) {
                return Err(JournalError::Damaged {
                    path: self.path.clone(),
                    line: self.tail.lines,
                    why: illegal.to_string(),
                });
            }
        }
        Ok((run, self.tail))
    }
}

/// The run as a journal tells it, for those who only look. Changes nothing, needs no lock; a torn
/// tail is passed over, since the line may be just being written.
///
/// # Errors
/// Damage, or the file can't be read.
pub fn read_run(journal: &Path) -> Result<(Run, Tail), JournalError> {
    Reader::open(journal)?.fold()
}

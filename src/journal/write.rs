//! Writing: one event, one line, one `fdatasync`; only then is it a fact.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::{Timestamp, TimestampRound, Unit};
use uuid::Uuid;

use super::chain::{self, GENESIS};
use super::error::{JournalError, Tried, no_space};
use super::folder::RunFolder;
use super::format;
use super::lock::RunLock;
use super::read::{Reader, Tail};
use super::reserve::{Reserve, is_report};
use crate::crash;
use crate::run::event::{Envelope, Event, VERSION};
use crate::run::state::Run;

/// The journal of one run, open for writing by this process alone.
#[derive(Debug)]
pub struct Journal {
    folder: RunFolder,
    path: PathBuf,
    file: File,
    id: Uuid,
    run: Run,
    /// Length of the file up to which every line is durable.
    durable: u64,
    head: String,
    reserve: Reserve,
    broken: Option<String>,
    /// Held as long as the journal lives.
    _lock: RunLock,
}

/// What was found when a journal was opened again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// Whole lines.
    pub lines: u64,
    /// An unfinished line was cut off: where it was moved to, how long it was, what was wrong.
    pub torn: Option<TornTail>,
}

/// An unfinished line that was moved aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    pub moved_to: PathBuf,
    pub bytes: u64,
    pub why: String,
}

impl Journal {
    /// A new journal in the (new) folder of a run. The first event must be `run_opened`.
    ///
    /// # Errors
    /// Another process has the folder, there is a journal already, or it can't be written.
    pub fn create(folder: &RunFolder, id: Uuid) -> Result<Self, JournalError> {
        let lock = RunLock::take(folder)?;
        let path = folder.journal();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .tried("create", &path)?;
        let reserve = Reserve::new(&folder.reserve());
        if folder.is_durable() {
            file.sync_all().tried("create", &path)?;
            // The names too: a file that nobody finds after a crash isn't durable.
            sync_dir(folder.path())?;
            if let Some(state) = folder.path().parent() {
                sync_dir(state)?;
            }
        }
        Ok(Self {
            folder: folder.clone(),
            path,
            file,
            id,
            run: Run::default(),
            durable: 0,
            head: GENESIS.to_owned(),
            reserve,
            broken: None,
            _lock: lock,
        })
    }

    /// Takes up the journal of a run: reads and folds it, and cuts off what a crash left of a line.
    ///
    /// # Errors
    /// Another process has it, it is damaged, or it never began.
    pub fn open(folder: &RunFolder) -> Result<(Self, Run, Recovery), JournalError> {
        let lock = RunLock::take(folder)?;
        let path = folder.journal();
        let (run, tail) = Reader::open(&path)?.fold()?;
        let Some(id) = run.id else {
            return Err(JournalError::NeverBegan { path: folder.path().to_owned() });
        };
        let file = OpenOptions::new().read(true).write(true).open(&path).tried("open", &path)?;
        let torn = move_aside(folder, &file, &path, &tail)?;
        // A line that was written whole and never synced is a fact from now on.
        file.sync_all().tried("sync", &path)?;
        let journal = Self {
            reserve: Reserve::new(&folder.reserve()),
            folder: folder.clone(),
            path,
            file,
            id,
            run: run.clone(),
            durable: tail.bytes,
            head: tail.head,
            broken: None,
            _lock: lock,
        };
        Ok((journal, run, Recovery { lines: tail.lines, torn }))
    }

    /// Makes the event a fact: when this returns, it is on disk.
    ///
    /// # Errors
    /// Whatever it is, the event isn't a fact: [`JournalError::Illegal`] when it can't follow;
    /// [`JournalError::Full`] and [`JournalError::Write`] leave the journal whole; after
    /// [`JournalError::Broken`] this process must not go on.
    pub fn append(&mut self, event: Event) -> Result<Envelope, JournalError> {
        if let Some(why) = &self.broken {
            return Err(JournalError::Broken { path: self.path.clone(), why: why.clone() });
        }
        if event == Event::Unknown {
            return Err(JournalError::Unfit { why: "it has no name".into() });
        }
        let report = is_report(&event);
        let opening = self.run.seq == 0;
        let envelope = Envelope {
            v: VERSION,
            seq: self.run.seq + 1,
            at: now(),
            run: self.id,
            event,
            prev: self.head.clone(),
        };
        let line = format::encode(&envelope).map_err(|why| JournalError::Unfit { why })?;
        // Before the fold, which can't be taken back cheaply.
        if !report && !opening && !self.reserve.lay_by() {
            return Err(JournalError::Full { path: self.path.clone() });
        }
        self.run.apply(&envelope)?;
        crash::point("journal-before-line");
        if let Err(error) = self.write_durably(&line, report) {
            self.forget_last()?;
            return Err(error);
        }
        crash::point("journal-after-line");
        self.durable += line.len() as u64;
        self.head = chain::digest(&line[..line.len() - 1]);
        Ok(envelope)
    }

    fn write_durably(&mut self, line: &[u8], report: bool) -> Result<(), JournalError> {
        if crash::is_chosen("journal-torn-line") {
            let _ = self.file.write_all_at(&line[..line.len() / 2], self.durable);
            let _ = self.file.sync_data();
            crash::die();
        }
        let mut written = self.file.write_all_at(line, self.durable);
        if let Err(error) = &written
            && no_space(error)
            && self.reserve.is_there()
        {
            self.reserve.give_up();
            if report {
                written = self.file.write_all_at(line, self.durable);
            }
        }
        if let Err(error) = written {
            self.cut_back(&error)?;
            return Err(if no_space(&error) {
                JournalError::Full { path: self.path.clone() }
            } else {
                JournalError::Write { path: self.path.clone(), source: error }
            });
        }
        if !self.folder.is_durable() {
            return Ok(());
        }
        // After a failed sync nobody knows what is on disk, and a second sync may lie.
        self.file.sync_data().map_err(|error| {
            let _ = self.file.set_len(self.durable);
            self.break_off(format!("it couldn't be synced: {error}"))
        })
    }

    /// Takes away what a failed write left.
    fn cut_back(&mut self, because: &io::Error) -> Result<(), JournalError> {
        let cut = self.file.set_len(self.durable).and_then(|()| self.file.sync_data());
        cut.map_err(|error| {
            self.break_off(format!("{because}, and the unfinished line couldn't be cut off: {error}"))
        })
    }

    fn break_off(&mut self, why: String) -> JournalError {
        self.broken = Some(why.clone());
        JournalError::Broken { path: self.path.clone(), why }
    }

    /// The fold has taken in an event that isn't a fact: fold again what is.
    fn forget_last(&mut self) -> Result<(), JournalError> {
        if self.broken.is_some() {
            return Ok(());
        }
        match Reader::open(&self.path).and_then(Reader::fold) {
            Ok((run, tail)) if tail.bytes == self.durable && tail.torn.is_none() => {
                self.run = run;
                Ok(())
            }
            Ok(_) => Err(self.break_off("it isn't as it was before the failed write".into())),
            Err(error) => Err(self.break_off(format!("it can't be read again: {error}"))),
        }
    }

    /// The run as its facts tell it.
    #[must_use]
    pub fn run(&self) -> &Run {
        &self.run
    }

    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Digest of the last line: what ledger rows carry as the head of the chain.
    #[must_use]
    pub fn head(&self) -> &str {
        &self.head
    }

    #[must_use]
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// The disk is full: only reports of what has happened are taken any more.
    #[must_use]
    pub fn is_low(&self) -> bool {
        !self.reserve.is_there()
    }
}

/// Microseconds are finer than anything that is measured here, and shorter to read.
fn now() -> Timestamp {
    let now = Timestamp::now();
    now.round(TimestampRound::new().smallest(Unit::Microsecond)).unwrap_or(now)
}

fn sync_dir(path: &Path) -> Result<(), JournalError> {
    File::open(path).and_then(|dir| dir.sync_all()).tried("sync", path)
}

/// Moves an unfinished last line into a file of its own, durably, and only then cuts it off.
fn move_aside(
    folder: &RunFolder,
    file: &File,
    path: &Path,
    tail: &Tail,
) -> Result<Option<TornTail>, JournalError> {
    let Some(torn) = &tail.torn else { return Ok(None) };
    let (to, mut aside) = next_torn(folder)?;
    let mut rest = io::BufReader::new(OffsetReader { file, at: torn.from });
    let copied = io::copy(&mut rest, &mut aside).and_then(|_| aside.sync_all());
    match copied {
        Ok(()) => sync_dir(folder.path())?,
        // On a full disk the journal matters more than the scrap.
        Err(error) if no_space(&error) => {
            let _ = std::fs::remove_file(&to);
        }
        Err(error) => return Err(error).tried("write", &to),
    }
    file.set_len(torn.from).and_then(|()| file.sync_all()).tried("cut off the unfinished line of", path)?;
    Ok(Some(TornTail { moved_to: to, bytes: torn.bytes, why: torn.why.clone() }))
}

fn next_torn(folder: &RunFolder) -> Result<(PathBuf, File), JournalError> {
    let mut n = 1_u32;
    loop {
        let path = folder.path().join(format!("journal.torn-{n}"));
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => n += 1,
            Err(error) => return Err(error).tried("create", &path),
        }
    }
}

struct OffsetReader<'a> {
    file: &'a File,
    at: u64,
}

impl io::Read for OffsetReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

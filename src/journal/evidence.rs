//! Journals of runs on other machines, brought here as the evidence that a plan asks for.
//!
//! They lie beside the runs, `<state>/evidence/<run id>.jsonl`, and are taken only whole: every line has to
//! follow the one before. That shows damage and careless edits; nobody signed them, and who can write a
//! whole journal can write its chain.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::error::{JournalError, Tried};
use super::folder::{RunFolder, StateDir};
use super::list::opened_by;
use super::read::read_run;
use crate::run::event::Opened;
use crate::run::state::Run;

/// A run that may be evidence.
#[derive(Debug)]
pub struct RunKept {
    pub path: PathBuf,
    pub run: Run,
    /// Digest of its last line.
    pub head: String,
}

impl StateDir {
    fn evidence_dir(&self) -> PathBuf {
        self.path().join("evidence")
    }

    /// Keeps what is at `from`: a journal, the folder of a run, or a folder of such folders. Gives the ids.
    ///
    /// # Errors
    /// There is none, one of them isn't whole, or it can't be kept.
    pub fn keep_evidence(&self, from: &Path) -> Result<Vec<Uuid>, JournalError> {
        let found = journals(from)?;
        if found.is_empty() {
            return Err(JournalError::NoEvidence { path: from.to_owned() });
        }
        found.iter().map(|journal| self.keep_one(journal)).collect()
    }

    fn keep_one(&self, journal: &Path) -> Result<Uuid, JournalError> {
        let untrusted = |why: String| JournalError::EvidenceChanged { path: journal.to_owned(), why };
        let (run, tail) = read_run(journal).map_err(|error| match error {
            JournalError::Damaged { line, why, .. } => untrusted(format!("line {line}: {why}")),
            other => other,
        })?;
        if let Some(torn) = tail.torn {
            return Err(untrusted(format!("its last line is cut off: {}", torn.why)));
        }
        let Some(id) = run.id else { return Err(untrusted("it is empty".into())) };
        let text = std::fs::read(journal).tried("read", journal)?;
        let dir = self.evidence_dir();
        DirBuilder::new().mode(0o700).recursive(true).create(&dir).tried("create", &dir)?;
        let path = dir.join(format!("{id}.jsonl"));
        match std::fs::read(&path) {
            // An earlier copy of a journal that went on.
            Ok(before) if before.starts_with(&text) => return Ok(id),
            Ok(before) if !text.starts_with(&before) => {
                return Err(untrusted(format!(
                    "it isn't what was brought here before, as {}",
                    path.display()
                )));
            }
            _ => {}
        }
        let aside = path.with_extension(format!("new-{}", std::process::id()));
        let written = write(&aside, &text).and_then(|()| std::fs::rename(&aside, &path));
        if written.is_err() {
            let _ = std::fs::remove_file(&aside);
        }
        written.tried("write", &path)?;
        File::open(&dir).and_then(|dir| dir.sync_all()).tried("sync", &dir)?;
        Ok(id)
    }

    /// The newest run of the plan with this id, of this state folder or brought here; `but` is the one that
    /// asks. One that `fits` goes before any other: those are only there to be named. One that can't be read is an
    /// error, never passed over: it might be the one that failed. Which plan it was of then is for `named` to say, of
    /// the plan's text that lies beside it.
    ///
    /// # Errors
    /// The folder, or a journal that may be of this plan, can't be read or isn't whole.
    pub fn last_run_of(
        &self,
        plan_id: &str,
        fits: impl Fn(&Opened) -> bool,
        named: impl Fn(&str) -> Option<String>,
        but: Option<Uuid>,
    ) -> Result<Option<RunKept>, JournalError> {
        let mut found: Vec<Found> = self
            .ids()?
            .into_iter()
            .map(|id| Found { id, path: self.run(id).journal(), folder: Some(self.run(id)) })
            .collect();
        found.extend(self.brought()?);
        found.retain(|found| Some(found.id) != but);
        // Ids of version 7 sort by time. Of a run that is here and was brought too, the own journal counts.
        found.sort_by_key(|found| std::cmp::Reverse(found.id));
        found.dedup_by_key(|found| found.id);
        let may_be = |one: &Found| one.may_be_of(plan_id, &named);
        let mut other = None;
        for one in found {
            let opened = match opened_by(&one.path) {
                Ok(Some(opened)) => opened,
                Ok(None) if may_be(&one) => return Err(one.untold("there is no whole line in it")),
                Ok(None) => continue,
                Err(JournalError::EvidenceChanged { why, .. }) if may_be(&one) => {
                    return Err(one.untold(&why));
                }
                Err(JournalError::EvidenceChanged { .. }) => continue,
                Err(error) => return Err(error),
            };
            if opened.plan_id != plan_id {
                continue;
            }
            if fits(&opened) {
                return whole(one).map(Some);
            }
            other.get_or_insert(one);
        }
        other.map(whole).transpose()
    }

    fn brought(&self) -> Result<Vec<Found>, JournalError> {
        let dir = self.evidence_dir();
        let entries = match std::fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).tried("read", &dir),
        };
        let found = entries.filter_map(Result::ok).filter_map(|entry| {
            let name = entry.file_name();
            let id = Uuid::try_parse(name.to_str()?.strip_suffix(".jsonl")?).ok()?;
            Some(Found { id, path: entry.path(), folder: None })
        });
        Ok(found.collect())
    }
}

/// A journal that may be evidence.
struct Found {
    id: Uuid,
    path: PathBuf,
    /// Of a run that is here; `None`: it was brought.
    folder: Option<RunFolder>,
}

impl Found {
    /// Whether a run whose journal doesn't say so may be one of this plan. What was brought was whole then. A folder
    /// has the plan before the journal begins: without it nothing has begun.
    fn may_be_of(&self, plan_id: &str, named: impl Fn(&str) -> Option<String>) -> bool {
        self.folder.as_ref().is_none_or(|folder| match std::fs::read_to_string(folder.plan()) {
            Ok(text) => named(&text).is_none_or(|id| id == plan_id),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        })
    }

    /// It can't be read, and may be the newest.
    fn untold(&self, why: &str) -> JournalError {
        let (path, why) = (self.path.clone(), why.to_owned());
        let why = if path.exists() { why } else { "it is gone".to_owned() };
        match self.folder {
            None => JournalError::EvidenceChanged { path, why },
            Some(_) => JournalError::EvidenceUntold { path, why },
        }
    }
}

/// Reads all of it, and proves that each line follows the one before.
fn whole(found: Found) -> Result<RunKept, JournalError> {
    let (run, tail) = read_run(&found.path).map_err(|error| match error {
        JournalError::Damaged { line, why, .. } => found.untold(&format!("line {line}: {why}")),
        other => other,
    })?;
    // The last line of a run that is here may be just being written.
    if let Some(torn) = tail.torn.as_ref().filter(|_| found.folder.is_none()) {
        return Err(found.untold(&format!("its last line is cut off: {}", torn.why)));
    }
    Ok(RunKept { path: found.path, run, head: tail.head })
}

/// The journals at a path.
fn journals(from: &Path) -> Result<Vec<PathBuf>, JournalError> {
    if !std::fs::metadata(from).tried("read", from)?.is_dir() {
        return Ok(vec![from.to_owned()]);
    }
    let own = from.join("journal.jsonl");
    if own.is_file() {
        return Ok(vec![own]);
    }
    let entries = std::fs::read_dir(from).tried("read", from)?;
    let mut found = Vec::new();
    for entry in entries.filter_map(Result::ok) {
        let journal = entry.path().join("journal.jsonl");
        if journal.is_file() {
            found.push(journal);
        } else if entry.path().join("copies.json").exists() {
            return Err(JournalError::EvidenceChanged { path: journal, why: "it is gone".into() });
        }
    }
    found.sort();
    Ok(found)
}

fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

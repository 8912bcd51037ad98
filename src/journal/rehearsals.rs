//! Records of rehearsals: one file each, in the state folder beside the runs.
//!
//! A record is whole or not there at all: written aside, synced, then renamed. It carries the SHA-256 of
//! itself, so that one that was damaged, or edited by hand, isn't taken as evidence. Nobody signed it:
//! who can write the file can also write the digest.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::chain;
use super::error::{JournalError, Tried};
use super::folder::StateDir;
use crate::crash;
use crate::run::rehearsal::{Rehearsal, VERSION};

/// What a file holds.
#[derive(Serialize, Deserialize)]
struct Sealed {
    rehearsal: Value,
    /// Of `rehearsal` as compact JSON with its keys in the order of the file.
    sha256: String,
}

/// A rehearsal, and the file that it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptRehearsal {
    pub path: PathBuf,
    pub rehearsal: Rehearsal,
}

impl StateDir {
    fn rehearsals_dir(&self) -> PathBuf {
        self.path().join("rehearsals")
    }

    /// Keeps the record of a rehearsal; when this returns, it is on disk.
    ///
    /// # Errors
    /// It can't be written; nothing of it is there then.
    pub fn keep_rehearsal(&self, rehearsal: &Rehearsal) -> Result<PathBuf, JournalError> {
        let dir = self.rehearsals_dir();
        DirBuilder::new().mode(0o700).recursive(true).create(&dir).tried("create", &dir)?;
        // Held to the end: what else is lying aside belongs to nobody that lives.
        let lock = dir.join("lock");
        let file = open_private(&lock).tried("lock", &lock)?;
        let _held = Flock::lock(file, FlockArg::LockExclusive)
            .map_err(|(_, errno)| io::Error::from(errno))
            .tried("lock", &lock)?;
        clear_asides(&dir);

        let unfit = |error: serde_json::Error| JournalError::Unfit { why: error.to_string() };
        let value = serde_json::to_value(rehearsal).map_err(unfit)?;
        let sealed = Sealed { sha256: seal(&value)?, rehearsal: value };
        let text = serde_json::to_vec_pretty(&sealed).map_err(unfit)?;
        let path = dir.join(format!("{}.json", rehearsal.id));
        let aside = path.with_extension("new");
        let written = write_aside(&aside, &text);
        if written.is_err() {
            let _ = std::fs::remove_file(&aside);
        }
        written.tried("write", &aside)?;
        crash::point("rehearsal-before-rename");
        std::fs::rename(&aside, &path).tried("create", &path)?;
        crash::point("rehearsal-after-rename");
        // The name too, and the folders': a record that nobody finds after a crash isn't kept.
        for folder in [dir.as_path(), self.path()] {
            File::open(folder).and_then(|folder| folder.sync_all()).tried("sync", folder)?;
        }
        Ok(path)
    }

    /// The newest rehearsal of the plan with this id. One that can't be read or isn't as it was written
    /// is an error, never passed over: it might be the one that failed.
    ///
    /// # Errors
    /// The folder, or a record that may be of this plan, can't be read or was changed.
    pub fn last_rehearsal(&self, plan_id: &str) -> Result<Option<KeptRehearsal>, JournalError> {
        for path in self.rehearsal_files()? {
            let rehearsal = read(&path)?;
            if rehearsal.plan_id == plan_id {
                return Ok(Some(KeptRehearsal { path, rehearsal }));
            }
        }
        Ok(None)
    }

    /// Files of records, newest first: ids of version 7 sort by time.
    fn rehearsal_files(&self) -> Result<Vec<PathBuf>, JournalError> {
        let dir = self.rehearsals_dir();
        let entries = match std::fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).tried("read", &dir),
        };
        let mut files: Vec<(Uuid, PathBuf)> = entries
            .filter_map(Result::ok)
            .filter_map(|entry| {
                let name = entry.file_name();
                let id = Uuid::try_parse(name.to_str()?.strip_suffix(".json")?).ok()?;
                Some((id, entry.path()))
            })
            .collect();
        files.sort_unstable();
        files.reverse();
        Ok(files.into_iter().map(|(_, path)| path).collect())
    }
}

/// Reads one record and proves that it is as it was written.
fn read(path: &Path) -> Result<Rehearsal, JournalError> {
    let changed = |why: String| JournalError::RehearsalChanged { path: path.to_owned(), why };
    let text = std::fs::read(path).tried("read", path)?;
    let sealed: Sealed = serde_json::from_slice(&text).map_err(|error| changed(error.to_string()))?;
    if seal(&sealed.rehearsal)? != sealed.sha256 {
        return Err(changed("its text doesn't have the digest that was written with it".into()));
    }
    let rehearsal: Rehearsal =
        serde_json::from_value(sealed.rehearsal).map_err(|error| changed(error.to_string()))?;
    if rehearsal.v > VERSION {
        return Err(changed(format!("a newer holdpoint wrote it (version {})", rehearsal.v)));
    }
    // A copy under a newer name would pass for a newer rehearsal.
    if path.file_stem().and_then(|stem| stem.to_str()) != Some(rehearsal.id.to_string().as_str()) {
        return Err(changed(format!("it is the record of rehearsal {}", rehearsal.id)));
    }
    Ok(rehearsal)
}

fn seal(rehearsal: &Value) -> Result<String, JournalError> {
    let text =
        serde_json::to_vec(rehearsal).map_err(|error| JournalError::Unfit { why: error.to_string() })?;
    Ok(chain::digest(&text))
}

fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn write_aside(aside: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(aside)?;
    file.write_all(text)?;
    file.write_all(b"\n")?;
    file.sync_all()
}

/// What a killed program left of a record that never was one.
fn clear_asides(dir: &Path) {
    let entries = std::fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    for aside in entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "new"))
    {
        let _ = std::fs::remove_file(aside);
    }
}

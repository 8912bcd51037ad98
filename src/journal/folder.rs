//! Where the state of runs lives: one folder for them all, and in it one folder a run.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access, geteuid};
use uuid::Uuid;

use super::error::{JournalError, Tried};
use super::key::Key;

/// The folder that holds the folders of runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDir {
    path: PathBuf,
    fleeting: bool,
}

impl StateDir {
    /// Which one it is: `explicit` (`--state-dir`); else `.holdpoint` beside the plan, when it is ours
    /// or can be made; else `$XDG_STATE_HOME/holdpoint`. Makes nothing.
    ///
    /// # Errors
    /// There is no such place.
    pub fn find(explicit: Option<&Path>, plan: &Path) -> Result<Self, JournalError> {
        if let Some(path) = explicit {
            let path = std::path::absolute(path).tried("find", path)?;
            return Ok(Self { path, fleeting: false });
        }
        let plan = std::path::absolute(plan).tried("find", plan)?;
        if let Some(beside) = plan.parent().map(|folder| folder.join(".holdpoint"))
            && usable(&beside)
        {
            return Ok(Self { path: beside, fleeting: false });
        }
        Ok(Self { path: home_state()?, fleeting: false })
    }

    /// A folder for runs whose database goes with this process: what is written there needn't outlive a
    /// crash of the machine, and isn't waited for.
    #[must_use]
    pub fn fleeting(path: PathBuf) -> Self {
        Self { path, fleeting: true }
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the folder of a new run.
    ///
    /// # Errors
    /// It can't be made.
    pub fn create_run(&self, id: Uuid) -> Result<RunFolder, JournalError> {
        let mut dir = DirBuilder::new();
        dir.mode(0o700).recursive(true).create(&self.path).tried("create", &self.path)?;
        let path = self.path.join(id.to_string());
        dir.recursive(false).create(&path).tried("create", &path)?;
        Ok(RunFolder { path, id, fleeting: self.fleeting })
    }

    /// The folder of this run.
    #[must_use]
    pub fn run(&self, id: Uuid) -> RunFolder {
        RunFolder { path: self.path.join(id.to_string()), id, fleeting: self.fleeting }
    }

    /// The run that a person means: an id, or the beginning of one.
    ///
    /// # Errors
    /// There is none, or there are several.
    pub fn find_run(&self, name: &str) -> Result<RunFolder, JournalError> {
        let name = name.trim().to_ascii_lowercase();
        let found: Vec<Uuid> = self
            .ids()?
            .into_iter()
            .filter(|id| !name.is_empty() && id.to_string().starts_with(&name))
            .collect();
        match found.as_slice() {
            [id] => Ok(self.run(*id)),
            [] => Err(JournalError::NoSuchRun { name, state: self.path.clone() }),
            several => {
                Err(JournalError::Ambiguous { name, ids: several.iter().map(Uuid::to_string).collect() })
            }
        }
    }

    /// Ids of all runs, newest first: ids of version 7 sort by time.
    pub(super) fn ids(&self) -> Result<Vec<Uuid>, JournalError> {
        let entries = match std::fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).tried("read", &self.path),
        };
        let mut ids: Vec<Uuid> = entries
            .filter_map(Result::ok)
            .filter_map(|entry| {
                let name = entry.file_name();
                let id = Uuid::try_parse(name.to_str()?).ok()?;
                // The way we write it, and no other that means the same.
                (id.to_string().as_str() == name.to_str()?).then_some(id)
            })
            .collect();
        ids.sort_unstable();
        ids.reverse();
        Ok(ids)
    }
}

/// There and ours, or it can be made. A folder that somebody else put there isn't trusted with keys.
fn usable(path: &Path) -> bool {
    match std::fs::symlink_metadata(path) {
        Ok(meta) => {
            meta.is_dir() && meta.uid() == geteuid().as_raw() && access(path, AccessFlags::W_OK).is_ok()
        }
        Err(_) => {
            path.parent().is_some_and(|parent| access(parent, AccessFlags::W_OK | AccessFlags::X_OK).is_ok())
        }
    }
}

fn home_state() -> Result<PathBuf, JournalError> {
    // As the XDG rules say, a relative path doesn't count.
    let absolute =
        |name| std::env::var_os(name).map(PathBuf::from).filter(|path: &PathBuf| path.is_absolute());
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .map(|base| base.join("holdpoint"))
        .ok_or_else(|| JournalError::NoPlace {
            why: "nothing can be written beside the plan, and neither XDG_STATE_HOME nor HOME is set".into(),
        })
}

/// The folder of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
    id: Uuid,
    fleeting: bool,
}

impl RunFolder {
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Whether what is written here has to be on the disk before it counts.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        !self.fleeting
    }

    /// Whether it keeps what a run measures before its first change.
    #[must_use]
    pub fn has_images(&self) -> bool {
        self.path().join("before-image.json").exists()
    }

    /// The plan as the run began with it.
    #[must_use]
    pub fn plan(&self) -> PathBuf {
        self.path.join("plan.toml")
    }

    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal.jsonl")
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    pub(super) fn reserve(&self) -> PathBuf {
        self.path.join("reserve")
    }

    /// Where the log goes.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// Where the run writes what the plan asks it to.
    #[must_use]
    pub fn artifacts(&self) -> PathBuf {
        self.path.join("artifacts")
    }

    /// The run's key; made at the first call.
    ///
    /// # Errors
    /// It can't be read or written.
    pub fn key(&self) -> Result<Key, JournalError> {
        Key::load_or_make(&self.path.join("key"))
    }
}

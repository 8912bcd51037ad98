//! An instance's folder, and the lock that says that its program lives.
//!
//! The folder gets its final name only when the lock is held, so a sweep never meets a folder that is
//! still without one.

use std::fs::{File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::error::EmbeddedError;
use super::privileges::ServerUser;

/// Swept when the lock is free.
pub(super) const PREFIX: &str = "holdpoint-pg-";
/// Before it has its lock.
pub(super) const NEW_PREFIX: &str = "holdpoint-new-";
/// Left for the person that asked for it.
const KEPT_PREFIX: &str = "holdpoint-kept-";
pub(super) const OWNER: &str = "owner";

/// `sockaddr_un` has 108 bytes on Linux and 104 on macOS, with a NUL at the end.
const LONGEST_SOCKET: usize = 103;

/// A folder of ours; removed when it's dropped, unless it's kept.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    kept: bool,
    /// Held as long as we live.
    _lock: File,
}

impl Folder {
    pub(super) fn create(user: Option<&ServerUser>, kept: bool) -> Result<Self, EmbeddedError> {
        let bases = bases();
        let mut refused = String::new();
        for base in &bases {
            match usable(base, user.is_some()) {
                Ok(()) => return Self::create_in(base, user, kept),
                Err(reason) => refused = reason,
            }
        }
        let tried: Vec<_> = bases.iter().map(|base| base.display().to_string()).collect();
        Err(EmbeddedError::NoFolder { tried: tried.join(", "), reason: refused })
    }

    fn create_in(base: &Path, user: Option<&ServerUser>, kept: bool) -> Result<Self, EmbeddedError> {
        // mkdtemp's way: a name nobody can foresee, 0700 from the start (tempfile's own default is 0777
        // less the umask).
        let mut builder = tempfile::Builder::new();
        let made = builder.prefix(NEW_PREFIX).permissions(Permissions::from_mode(0o700)).tempdir_in(base);
        let made = made.map_err(EmbeddedError::io("make a folder in", base))?;
        let owner = made.path().join(OWNER);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&owner);
        let mut lock = file.map_err(EmbeddedError::io("write", &owner))?;
        lock.lock()
            .and_then(|()| writeln!(lock, "{}", std::process::id()))
            .map_err(EmbeddedError::io("lock", &owner))?;

        let random =
            made.path().file_name().and_then(|name| name.to_str()).and_then(|name| name.rsplit('-').next());
        let prefix = if kept { KEPT_PREFIX } else { PREFIX };
        let path = base.join(format!("{prefix}{}", random.unwrap_or_default()));
        std::fs::rename(made.path(), &path).map_err(EmbeddedError::io("rename", made.path()))?;
        let _ = made.keep(); // it isn't there under this name any more
        let folder = Self { path, kept, _lock: lock };
        if let Some(user) = user {
            user.own(&folder.path)?;
        }
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.path.join("server.log")
    }

    /// Removes a folder that would be kept otherwise.
    pub(super) fn discard(&mut self) {
        self.kept = false;
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.kept {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// A temporary folder for whatever: when its program was killed, the next start of a private server
/// removes it.
#[derive(Debug)]
pub struct Scratch(Folder);

impl Scratch {
    /// # Errors
    /// There is no place for it.
    pub fn new() -> Result<Self, EmbeddedError> {
        Folder::create(None, false).map(Self)
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

/// Where folders of ours can be: the temporary folder, and /tmp when that one is no good.
pub(super) fn bases() -> Vec<PathBuf> {
    let mut bases = vec![std::env::temp_dir()];
    if bases[0] != Path::new("/tmp") {
        bases.push(PathBuf::from("/tmp"));
    }
    bases.iter().filter_map(|base| base.canonicalize().ok()).collect()
}

fn usable(base: &Path, other_user: bool) -> Result<(), String> {
    let longest = base.as_os_str().len() + 1 + KEPT_PREFIX.len() + 6 + "/.s.PGSQL.65535".len();
    if longest > LONGEST_SOCKET {
        return Err("the path is too long for a socket".to_owned());
    }
    // As root, the server's user has to get through.
    let closed = base
        .ancestors()
        .find(|dir| other_user && dir.metadata().map_or(true, |meta| meta.mode() & 0o001 == 0));
    match closed {
        Some(dir) => Err(format!("other users may not enter {}", dir.display())),
        None => Ok(()),
    }
}

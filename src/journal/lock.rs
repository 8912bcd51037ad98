//! One process at a time has a run: a flock on a file in its folder, held as long as it lives.
//!
//! The kernel lets go of it whatever way the process dies, so that no stale lock is ever left; the
//! pid in the file is only for the message to the second process.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::error::{JournalError, Tried};
use super::folder::RunFolder;

/// Held until it is dropped.
#[derive(Debug)]
pub struct RunLock {
    _file: Flock<File>,
}

impl RunLock {
    /// # Errors
    /// [`JournalError::Busy`] with the pid of the process that has it.
    pub fn take(folder: &RunFolder) -> Result<Self, JournalError> {
        let path = folder.lock();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .tried("lock", &path)?;
        let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(file) => file,
            Err((_, Errno::EWOULDBLOCK)) => {
                return Err(JournalError::Busy { path: folder.path().to_owned(), pid: holder(&path) });
            }
            Err((_, errno)) => return Err(std::io::Error::from(errno)).tried("lock", &path),
        };
        // Only for a message: on a full disk the lock holds all the same.
        let _ = file
            .set_len(0)
            .and_then(|()| file.write_all_at(format!("{}\n", std::process::id()).as_bytes(), 0));
        Ok(Self { _file: file })
    }

    /// The process that has the run now, if one has. It is a look, not a promise.
    #[must_use]
    pub fn is_taken(folder: &RunFolder) -> Option<Option<u32>> {
        let path = folder.lock();
        let file = File::open(&path).ok()?;
        match Flock::lock(file, FlockArg::LockSharedNonblock) {
            Err((_, Errno::EWOULDBLOCK)) => Some(holder(&path)),
            _ => None,
        }
    }
}

fn holder(path: &Path) -> Option<u32> {
    let mut text = String::new();
    File::open(path).ok()?.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

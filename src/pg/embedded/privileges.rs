//! The user that the server runs as, and its dying with us. The one place with unsafe code.
#![expect(unsafe_code, reason = "PR_SET_PDEATHSIG has to be set between fork and exec, by pre_exec")]

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::unistd::{Gid, Uid, User, geteuid};

use super::error::EmbeddedError;

/// An unprivileged user.
#[derive(Debug, Clone)]
pub(super) struct ServerUser {
    pub(super) uid: Uid,
    pub(super) gid: Gid,
}

impl ServerUser {
    pub(super) fn own(&self, path: &Path) -> Result<(), EmbeddedError> {
        std::os::unix::fs::lchown(path, Some(self.uid.as_raw()), Some(self.gid.as_raw()))
            .map_err(EmbeddedError::io("hand over", path))
    }
}

/// `None` when we aren't root: the server runs as we do.
pub(super) fn server_user() -> Result<Option<ServerUser>, EmbeddedError> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let found =
        ["postgres", "_postgres", "nobody"].iter().find_map(|name| User::from_name(name).ok().flatten());
    match found {
        Some(user) if !user.uid.is_root() => Ok(Some(ServerUser { uid: user.uid, gid: user.gid })),
        _ => Err(EmbeddedError::NoUser),
    }
}

/// Makes a command run as `user`, in a process group of its own (a Ctrl-C at the terminal is for us, and
/// we stop the server when it's time), and end when the thread that spawned it ends.
pub(super) fn prepare(command: &mut Command, user: Option<&ServerUser>, die_with_parent: bool) {
    command.process_group(0);
    if let Some(user) = user {
        // With a uid and no groups, std also drops the supplementary groups, in the right order.
        command.gid(user.gid.as_raw()).uid(user.uid.as_raw());
    }
    #[cfg(target_os = "linux")]
    if die_with_parent {
        let parent = nix::unistd::getpid();
        // SAFETY: between fork and exec only async-signal-safe calls are allowed. These are two plain
        // system calls without allocation or locks.
        unsafe {
            // Runs after the change of user, which would reset the signal.
            command.pre_exec(move || {
                nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGINT)?;
                // The parent may have died before the signal was set.
                if nix::unistd::getppid() == parent {
                    Ok(())
                } else {
                    Err(std::io::ErrorKind::NotConnected.into())
                }
            });
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = die_with_parent; // no such signal there: the next start sweeps
}

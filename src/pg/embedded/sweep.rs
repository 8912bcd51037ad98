//! Removes what programs left behind that were killed: a folder of ours whose lock is free.
//!
//! The temporary folder is open to everybody, so nothing in it is believed: not a folder that isn't
//! ours by owner and mode, and not a process id that isn't a server of this very folder.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

use super::folder::{NEW_PREFIX, OWNER, PREFIX, bases};
use super::privileges::server_user;

/// Removes leftovers and returns how many there were. Never fails: what can't be removed stays.
pub fn sweep() -> usize {
    let mut ours = vec![geteuid().as_raw()];
    ours.extend(server_user().ok().flatten().map(|user| user.uid.as_raw()));
    let mut swept = 0;
    for entry in bases().iter().filter_map(|base| fs::read_dir(base).ok()).flatten().flatten() {
        let path = entry.path();
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        let old =
            meta.modified().is_ok_and(|at| at.elapsed().is_ok_and(|age| age > Duration::from_secs(3600)));
        let named = entry
            .file_name()
            .to_str()
            // Somebody may be making the new one right now; nobody takes an hour for that.
            .is_some_and(|name| name.starts_with(PREFIX) || (old && name.starts_with(NEW_PREFIX)));
        if named && meta.is_dir() && meta.mode() & 0o777 == 0o700 && ours.contains(&meta.uid()) {
            swept += usize::from(sweep_folder(&path, meta.uid()));
        }
    }
    swept
}

fn sweep_folder(path: &Path, uid: u32) -> bool {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let lock = match OpenOptions::new().read(true).custom_flags(flags).open(path.join(OWNER)) {
        Ok(lock) => Some(lock),
        // A folder gets its name with the lock inside, so somebody died while removing it.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(_) => return false,
    };
    // Held until the folder is gone, so that two sweeps don't meet.
    if lock.as_ref().is_some_and(|lock| lock.try_lock().is_err()) {
        return false;
    }
    stop_server(&path.join("data"), uid);
    fs::remove_dir_all(path).is_ok()
}

/// Stops a server that still runs on `data`. On Linux it has been told to by the end of its parent and
/// may be about to.
fn stop_server(data: &Path, uid: u32) {
    let Ok(text) = fs::read_to_string(data.join("postmaster.pid")) else { return };
    let Some(pid) =
        text.lines().next().and_then(|line| line.trim().parse::<i32>().ok()).filter(|pid| *pid > 1)
    else {
        return;
    };
    for (signal, patience) in [(Signal::SIGINT, 10), (Signal::SIGQUIT, 5), (Signal::SIGKILL, 5)] {
        let until = Instant::now() + Duration::from_secs(patience);
        if !is_server(pid, data, uid) || kill(Pid::from_raw(pid), signal).is_err() {
            return;
        }
        while Instant::now() < until && is_server(pid, data, uid) {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The process is of this user and works in this folder, as a postmaster does.
#[cfg(target_os = "linux")]
fn is_server(pid: i32, data: &Path, uid: u32) -> bool {
    let process = Path::new("/proc").join(pid.to_string());
    fs::metadata(&process).is_ok_and(|meta| meta.uid() == uid)
        && fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd == data)
}

#[cfg(not(target_os = "linux"))]
fn is_server(pid: i32, data: &Path, uid: u32) -> bool {
    let output = std::process::Command::new("ps").args(["-o", "uid=,args=", "-p", &pid.to_string()]).output();
    let Ok(output) = output else { return false };
    let line = String::from_utf8_lossy(&output.stdout);
    let (owner, args) = line.trim().split_once(' ').unwrap_or_default();
    owner.parse() == Ok(uid) && args.contains(&*data.to_string_lossy())
}

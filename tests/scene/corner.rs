//! A corner of the machine where a program's leftovers can be seen.

use std::path::Path;
use std::process::Command;

use super::{Said, holdpoint, open_folder};

/// A temporary folder that the program has for itself, so that everything it leaves can be seen.
pub struct Corner {
    pub tmp: tempfile::TempDir,
    pub home: tempfile::TempDir,
}

impl Corner {
    pub fn new() -> Self {
        Self { tmp: open_folder(), home: open_folder() }
    }

    pub fn command(&self, words: &str) -> Command {
        let mut command = holdpoint(words.split_whitespace());
        command.current_dir(self.tmp.path()).env("TMPDIR", self.tmp.path()).env("HOME", self.home.path());
        command
    }

    pub fn demo(&self, words: &str) -> Said {
        Said::by(self.command(&format!("demo --plain {words}")))
    }

    /// Folders in the temporary one.
    pub fn leftovers(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.tmp.path()).unwrap();
        let mut names: Vec<String> =
            names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Processes that work below the temporary folder.
    pub fn processes(&self) -> Vec<u32> {
        servers_in(self.tmp.path())
    }

    #[track_caller]
    pub fn is_clean(&self) {
        assert_eq!(self.processes(), [0; 0], "a server is left");
        assert_eq!(self.leftovers(), [""; 0], "a folder is left");
    }
}

impl Drop for Corner {
    fn drop(&mut self) {
        for pid in self.processes() {
            let _ = nix::sys::signal::kill(
                nix::unistd::Pid::from_raw(i32::try_from(pid).unwrap()),
                nix::sys::signal::Signal::SIGINT,
            );
        }
    }
}

/// Processes whose working folder is below this one, as a postmaster's is.
pub fn servers_in(folder: &Path) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid: &u32| {
            std::fs::read_link(format!("/proc/{pid}/cwd"))
                .is_ok_and(|cwd| cwd.starts_with(folder) && cwd != folder)
        })
        .collect()
}

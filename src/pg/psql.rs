//! The real psql and PostgreSQL's other client programs: where they are, and whether they are new enough for a
//! server.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::embedded;

/// The folder that is looked in alone when it is set.
const FOLDER: &str = "HOLDPOINT_PG_BIN";

/// A psql that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Psql {
    pub program: PathBuf,
    /// As it says itself, like `15.4`.
    pub version: String,
}

/// There is none, or none that is new enough; with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PsqlError {
    #[error(
        "there is no {name} {place}: install PostgreSQL's client programs (on Debian: apt-get install \
         postgresql-client-{server}), or set {FOLDER} to the folder they are in"
    )]
    Missing { name: &'static str, place: String, server: u32 },
    #[error(
        "{} is {name} {version}, older than the server ({server}): install {name} {server} or newer (on Debian: apt-get \
         install postgresql-client-{server}), or set {FOLDER} to the folder it is in", program.display()
    )]
    TooOld { name: &'static str, program: PathBuf, version: String, server: u32 },
}

impl Psql {
    /// The first one that isn't older than the server (`server_version_num`): in the folder that
    /// HOLDPOINT_PG_BIN names, else by `pg_config`, in PATH, and where packages put it.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(server_version_num: u32) -> Result<Self, PsqlError> {
        Self::named("psql", server_version_num)
    }

    /// Another of the client programs, as [`Self::find`] finds psql: `pg_dump`, `pg_restore`.
    ///
    /// # Errors
    /// When there is none.
    pub fn named(name: &'static str, server_version_num: u32) -> Result<Self, PsqlError> {
        let named = std::env::var_os(FOLDER).filter(|folder| !folder.is_empty()).map(PathBuf::from);
        let place = named.as_ref().map_or_else(
            || "on this machine".to_owned(),
            |folder| format!("in {} (that is where {FOLDER} points)", folder.display()),
        );
        let folders = named.map_or_else(embedded::find::candidates, |folder| vec![folder]);
        Self::among(name, &folders, server_version_num / 10_000, place)
    }

    /// The one at this path, whichever version it has.
    #[must_use]
    pub fn at(program: &Path) -> Option<Self> {
        let name = program.file_name()?.to_str()?;
        Self::in_folder(name, program.parent()?)
    }

    fn among(name: &'static str, folders: &[PathBuf], server: u32, place: String) -> Result<Self, PsqlError> {
        let mut older = None;
        for found in folders.iter().filter_map(|folder| Self::in_folder(name, folder)) {
            if found.major() >= server {
                return Ok(found);
            }
            older.get_or_insert(found);
        }
        Err(match older {
            Some(Self { program, version }) => PsqlError::TooOld { name, program, version, server },
            None => PsqlError::Missing { name, place, server },
        })
    }

    fn in_folder(name: &str, folder: &Path) -> Option<Self> {
        let program = folder.join(name);
        if !program.is_file() {
            return None;
        }
        let output = Command::new(&program).arg("--version").output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version =
            text.trim().strip_prefix(&format!("{name} (PostgreSQL) "))?.split(' ').next()?.to_owned();
        output.status.success().then_some(Self { program, version })
    }

    /// Of its version.
    #[must_use]
    pub fn major(&self) -> u32 {
        let digits: String = self.version.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_new_enough() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().expect("a folder");
        let folder = |name: &str, version: &str| {
            let folder = root.path().join(name);
            std::fs::create_dir(&folder).expect("a folder");
            let program = folder.join("psql");
            std::fs::write(&program, format!("#!/bin/sh\necho 'psql (PostgreSQL) {version}'\n"))
                .expect("a file");
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("its mode");
            folder
        };
        let folders = [
            root.path().join("none"),
            folder("old", "9.6.24"),
            folder("next", "16beta1 (Debian 16~beta1)"),
            folder("newest", "18.1"),
        ];
        let find = |server| Psql::among("psql", &folders, server, "here".to_owned());
        assert_eq!(find(15).map(|psql| psql.version), Ok("16beta1".to_owned()));
        assert_eq!(find(17).map(|psql| psql.version), Ok("18.1".to_owned()));
        let older = find(19).expect_err("older").to_string();
        assert!(older.contains("is psql 9.6.24, older than the server (19)"), "{older}");
        let missing =
            Psql::among("psql", &folders[..1], 15, "here".to_owned()).expect_err("none").to_string();
        assert!(missing.starts_with("there is no psql here: install"), "{missing}");
    }
}

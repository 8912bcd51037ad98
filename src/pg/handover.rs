//! How a program of PostgreSQL's gets our connection: by variables and a password file.
//!
//! Neither its arguments nor its environment hold a secret: both can be read by others on many
//! machines. The password file is this user's alone and goes with the program.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::config::{ConnectConfig, Host};

/// What a child program may know of the environment around us.
const ALLOWED: &[&str] = &["HOME", "LANG", "LOGNAME", "PATH", "TMPDIR", "TZ", "USER"];

/// Everything that a program needs to connect as we do.
#[derive(Debug, Clone)]
pub struct Handover {
    /// All of its environment.
    pub environment: Vec<(OsString, OsString)>,
    /// To be removed when the program has ended.
    pub passfile: PathBuf,
}

/// The part of our environment that child programs get. Messages are in English, since some are read
/// by us; letters are what they are around us.
#[must_use]
pub fn inherited() -> Vec<(OsString, OsString)> {
    let mut kept: Vec<(OsString, OsString)> = std::env::vars_os()
        .filter(|(name, _)| {
            let name = name.to_string_lossy();
            ALLOWED.contains(&name.as_ref()) || (name.starts_with("LC_") && name != "LC_MESSAGES")
        })
        .collect();
    // LC_ALL would win over LC_MESSAGES.
    if let Some(all) = kept.iter().position(|(name, _)| name == "LC_ALL") {
        let (_, letters) = kept.remove(all);
        kept.retain(|(name, _)| name != "LC_CTYPE");
        kept.push(("LC_CTYPE".into(), letters));
    }
    kept.push(("LC_MESSAGES".into(), "C".into()));
    kept
}

impl ConnectConfig {
    /// The database for a program that wants it as an argument: a bare name with `=` in it would be read as a
    /// whole connection string.
    #[must_use]
    pub fn as_dbname(&self) -> String {
        format!("dbname='{}'", self.dbname.replace('\\', "\\\\").replace('\'', "\\'"))
    }

    /// Variables and a password file for a program that connects as `application`, with settings for
    /// its sessions. The file is made in `folder`.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn hand_over(
        &self,
        folder: &Path,
        application: &str,
        settings: &[(&str, String)],
    ) -> std::io::Result<Handover> {
        let mut file = tempfile::Builder::new().prefix(".holdpoint-pass-").tempfile_in(folder)?;
        for line in self.passfile_lines() {
            file.write_all(line.as_bytes())?;
        }
        file.flush()?;
        let (_, passfile) = file.keep().map_err(|error| error.error)?;
        let mut environment = inherited();
        let mut set = |name: &str, value: OsString| environment.push((OsString::from(name), value));
        for (name, value) in self.libpq_environment() {
            if name != "PGOPTIONS" {
                set(name, value.into());
            }
        }
        for (name, setting) in super::conninfo::STARTUP {
            if let Some((_, value)) = self.startup.iter().find(|(key, _)| *key == setting) {
                set(name, value.into());
            }
        }
        let mut options = self.options.clone().unwrap_or_default();
        for (name, value) in settings {
            let value = value.replace('\\', "\\\\").replace(' ', "\\ ");
            options.push_str(&format!(" -c {name}={value}"));
        }
        if !options.is_empty() {
            set("PGOPTIONS", options.trim_start().into());
        }
        set("PGAPPNAME", application.into());
        set("PGCLIENTENCODING", "UTF8".into());
        // We don't speak it, so the program mustn't either.
        set("PGGSSENCMODE", "disable".into());
        set("PGPASSFILE", passfile.clone().into_os_string());
        Ok(Handover { environment, passfile })
    }

    /// For libpq a socket in its default place is `localhost`; which place that is, was decided when
    /// it was built. So there is a line for both.
    fn passfile_lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.passfile_line().into_iter().collect();
        if let (Some(first), Host::Socket(folder)) = (lines.first(), &self.host) {
            let rest = first.split_once(':').map(|(_, rest)| rest.to_owned()).unwrap_or_default();
            for host in ["localhost".to_owned(), folder.display().to_string()] {
                let line = format!("{host}:{rest}");
                if !lines.contains(&line) {
                    lines.push(line);
                }
            }
        }
        lines
    }
}

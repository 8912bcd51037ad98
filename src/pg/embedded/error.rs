//! Why there is no private server.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An error of the private server.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EmbeddedError {
    /// No server programs anywhere.
    #[error("find PostgreSQL's server programs: there are none; {install}")]
    NotInstalled { install: String },

    /// The folder that was named has none.
    #[error("find PostgreSQL's server programs: {} has no {program}; name the folder that holds initdb and postgres", dir.display())]
    NotThere { dir: PathBuf, program: &'static str },

    /// A program is there and doesn't run.
    #[error("run {}: {reason}; check the installation", program.display())]
    Broken { program: PathBuf, reason: String },

    /// PostgreSQL refuses to run as root, and there is nobody else to run as.
    #[error(
        "start PostgreSQL as root: it refuses that, and there is no user postgres or nobody; run as a normal user"
    )]
    NoUser,

    /// There is no folder that is short enough and open to the server's user.
    #[error(
        "make a folder for the private server in {tried}: {reason}; set TMPDIR to a short path that all users may enter"
    )]
    NoFolder { tried: String, reason: String },

    /// The server didn't come up.
    #[error("start the private server: {reason}; the end of its log:\n{log}")]
    Start { reason: String, log: String },

    /// A file or folder.
    #[error("{doing} {}: {error}; check space and rights there", path.display())]
    Io { doing: &'static str, path: PathBuf, error: Arc<io::Error> },
}

impl EmbeddedError {
    /// For `map_err`.
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Io { doing, path: path.to_owned(), error: Arc::new(error) }
    }
}

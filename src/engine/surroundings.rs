//! What a script's variables and its reader take from the session that it runs in.

use super::sources::AnyScript;
use crate::pg::{ConnectConfig, Host, Session};
use crate::script::Surroundings;

/// The session, as psql's variables tell it.
pub(super) fn surroundings_of(work: &Session) -> Surroundings {
    Surroundings {
        encoding: work.parameter("client_encoding").map(str::to_owned),
        server_version: work.parameter("server_version").map(str::to_owned),
        server_version_num: Some(work.server_version().to_string()),
        ..surroundings(work.config())
    }
}

/// What is known of a session before there is one.
#[must_use]
pub fn surroundings(config: &ConnectConfig) -> Surroundings {
    let host = match config.host() {
        Host::Tcp { name, .. } => name.clone(),
        Host::Socket(folder) => folder.display().to_string(),
        Host::DefaultSocket => String::new(),
    };
    Surroundings {
        dbname: config.database().to_owned(),
        user: config.user().to_owned(),
        host,
        port: config.port().to_string(),
        ..Surroundings::default()
    }
}

/// Strings are read as the session has them: the server reports the setting, as psql sees it too.
pub fn read_as(script: &mut AnyScript, work: &Session) {
    script.set_standard_strings(work.parameter("standard_conforming_strings") != Some("off"));
    if let Some(encoding) = work.parameter("client_encoding") {
        script.set_encoding(encoding);
    }
}

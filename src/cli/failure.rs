//! Why a subcommand ends without having done its work, with the exit code that says it.

use crate::engine::exit::Exit;
use crate::engine::stop::Stop;

/// A message for a person, and an exit code for a program.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    pub message: String,
    pub exit: Exit,
}

impl Failure {
    pub fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), exit: Exit::Usage }
    }

    pub fn refused(message: impl Into<String>) -> Self {
        Self { message: message.into(), exit: Exit::Refused }
    }

    pub fn unreachable(message: impl Into<String>) -> Self {
        Self { message: message.into(), exit: Exit::Unreachable }
    }
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        Self { message: stop.to_string(), exit: stop.exit() }
    }
}

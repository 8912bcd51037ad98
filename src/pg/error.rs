//! What can go wrong with a connection, told so that a person knows what to do next.
//!
//! The one question the engine asks of an error is whether the session is still there:
//! [`PgError::is_lost`]. A lost session says nothing about the statement that was under way.

use std::time::Duration;

use super::config::ConfigError;
use super::server_error::ServerError;

/// An error of a connection or of a statement on it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PgError {
    /// The connection was described wrongly; nothing was sent.
    #[error("{0}")]
    Config(#[from] ConfigError),

    /// Nobody answered at the address.
    #[error("connect to {target}: {reason}; {hint}")]
    Unreachable { target: String, reason: String, hint: String },

    /// The server didn't answer in time while the connection was being made.
    #[error(
        "connect to {target}: no answer within {after:?} while {doing}; \
         check host and port, or raise connect_timeout"
    )]
    Timeout { target: String, after: Duration, doing: &'static str },

    /// Encryption couldn't be agreed upon, or the server's certificate isn't trusted.
    #[error("connect to {target} by TLS: {reason}")]
    Tls { target: String, reason: String },

    /// The server doesn't believe who we are, or asks in a way we don't speak.
    #[error("log in to {target}: {reason}")]
    Auth {
        target: String,
        reason: String,
        /// Set when it was the server that said no.
        server: Option<Box<ServerError>>,
    },

    /// The server answered and doesn't want this connection.
    #[error("connect to {target}: {server}{hint}")]
    Refused { target: String, server: Box<ServerError>, hint: &'static str },

    /// The connection is gone. What the last statement did isn't known from this side.
    #[error(
        "the connection to {target} was lost while {doing}: {reason}; look whether the server still runs"
    )]
    Lost {
        target: String,
        doing: &'static str,
        reason: String,
        /// The server's last word, when it had one (for example 57P01 from an administrator).
        server: Option<Box<ServerError>>,
    },

    /// A statement failed. The session goes on.
    #[error("{0}")]
    Server(Box<ServerError>),

    /// An earlier command on this session is still being answered.
    #[error("use the session to {target}: an earlier command is still under way; drain its replies first")]
    Busy { target: String },

    /// What we were asked to send can't be sent.
    #[error("send to {target}: {reason}")]
    Unsendable { target: String, reason: String },

    /// Something at the server doesn't come to its end in time.
    #[error("{0}")]
    Stuck(String),

    /// The other side says something that isn't the PostgreSQL protocol as we know it.
    #[error("understand {target}: {reason}; check that a PostgreSQL server listens there")]
    Protocol { target: String, reason: String },
}

impl PgError {
    /// The error as a sentence of its own; most are fragments that fit "failed to …".
    pub fn sentence(&self) -> String {
        match self {
            Self::Server(server) if server.ends_session() => {
                format!("the server ended the connection: {server}")
            }
            Self::Server(server) => format!("the server says: {server}"),
            Self::Lost { .. } | Self::Stuck(_) => self.to_string(),
            _ => format!("failed to {self}"),
        }
    }

    /// The session is gone (or was never there), in contrast to a statement that failed on a session
    /// that goes on.
    pub fn is_lost(&self) -> bool {
        match self {
            Self::Server(error) => error.ends_session(),
            Self::Busy { .. } | Self::Unsendable { .. } | Self::Stuck(_) => false,
            _ => true,
        }
    }

    /// The server's own words, where it had any.
    pub fn server(&self) -> Option<&ServerError> {
        match self {
            Self::Server(server) | Self::Refused { server, .. } => Some(server),
            Self::Lost { server, .. } | Self::Auth { server, .. } => server.as_deref(),
            _ => None,
        }
    }

    /// The five characters of the server's error, where it had one.
    pub fn sqlstate(&self) -> Option<&str> {
        self.server().map(|server| server.sqlstate.as_str())
    }
}

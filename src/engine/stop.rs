//! Why the conductor stops before the end of the plan.

use super::exit::Exit;
use super::rollback::Wanted;
use crate::journal::JournalError;
use crate::pg::PgError;

/// The conductor can't or mustn't go on.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// The journal can't be written; nothing may happen any more that it wouldn't know.
    #[error("{}", journal_words(.0))]
    Journal(#[from] JournalError),
    /// The database can't be reached (any more).
    #[error("{}", .0.sentence())]
    Pg(#[from] PgError),
    /// The control session is gone, and the lock with it.
    #[error(
        "the lock on this database was lost: {0}; nothing of what was under way is applied. `holdpoint resume` takes it again"
    )]
    LockLost(String),
    /// Nobody is there to answer, or somebody let go of the run.
    #[error("{why}")]
    Left { exit: Exit, why: String },
    /// Nothing was changed, and nothing will be.
    #[error("{why}")]
    Refused { why: String },
    /// The run is over.
    #[error("{why}")]
    Over { exit: Exit, why: String },
    /// A person or the plan wants to go back; the conductor turns around where it stands.
    #[error("rolling back: {}", .0.why)]
    TurnBack(Box<Wanted>),
    /// It came to where it was to stand still.
    #[error("as far as it was told")]
    Halted,
    /// A signal came.
    #[error("interrupted by {signal}; the run can be resumed")]
    Interrupted { signal: String },
    /// A file, folder or other thing of this machine failed.
    #[error("{0}")]
    Local(String),
}

fn journal_words(error: &JournalError) -> String {
    match error {
        JournalError::Illegal(illegal) => format!(
            "holdpoint has a fault: {illegal}. Nothing more was done, and what the journal says stands; please report it"
        ),
        other => other.to_string(),
    }
}

impl Stop {
    /// The exit code that says it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Journal(_) | Self::Pg(_) | Self::LockLost(_) | Self::Local(_) => Exit::Unreachable,
            Self::Halted => Exit::Done,
            Self::Left { exit, .. } | Self::Over { exit, .. } => *exit,
            Self::Refused { .. } => Exit::Refused,
            Self::TurnBack(_) => Exit::Failed,
            Self::Interrupted { .. } => Exit::Interrupted,
        }
    }
}

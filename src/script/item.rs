//! What a script holds: statements, messages, and what a runner has to do between them.

use super::connect::Connect;
use super::meta::EchoTo;
use super::place::Place;
use super::shell::Sink;
use super::statement::Statement;

/// What a script holds next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    Statement(Statement),
    /// `\echo` and its kin; the text ends with a newline unless `-n` was given.
    Echo {
        text: String,
        to: EchoTo,
        place: Place,
    },
    /// Something that a person should be told, once.
    Notice {
        text: String,
        place: Place,
    },
    /// What comes next can't be read before everything that is under way is answered, and
    /// `Script::settled` was told so.
    Settle,
    /// `\!`
    Shell {
        command: String,
        place: Place,
    },
    /// A command in backticks: its output is given to `Script::answer`, and the script read on.
    Backticks {
        command: String,
        place: Place,
    },
    /// `\o`: where results go from now on.
    Output {
        to: Sink,
        place: Place,
    },
    /// `\c`: a new session.
    Connect {
        connect: Connect,
        place: Place,
    },
    /// One of the switches that decide what an error means is set.
    Switched {
        switch: Switch,
        on: bool,
        place: Place,
    },
}

/// Variables by which a script says what an error means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// `ON_ERROR_STOP`
    StopOnError,
    /// `ON_ERROR_ROLLBACK`
    RollBackOnError,
    /// `AUTOCOMMIT`
    Autocommit,
}

impl Switch {
    /// The variable.
    pub fn name(self) -> &'static str {
        match self {
            Switch::StopOnError => "ON_ERROR_STOP",
            Switch::RollBackOnError => "ON_ERROR_ROLLBACK",
            Switch::Autocommit => "AUTOCOMMIT",
        }
    }

    pub(super) fn of(name: &str) -> Option<Switch> {
        [Switch::StopOnError, Switch::RollBackOnError, Switch::Autocommit]
            .into_iter()
            .find(|s| s.name() == name)
    }
}

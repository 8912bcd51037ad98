//! What can be wrong with a script, said so that a person knows what to do about it.

use super::place::Place;
use std::fmt;

/// What sort of problem it is, for callers that treat some of them differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Problem {
    /// The file can't be read.
    Read,
    /// A byte that no UTF-8 script may hold.
    Encoding,
    /// psql has this command, holdpoint doesn't run it (or doesn't yet).
    Refused,
    /// Neither psql nor holdpoint knows this command.
    UnknownCommand,
    /// The command is known, its arguments are wrong.
    Arguments,
    /// `\if`, `\elif`, `\else`, `\endif` that don't fit together, or a value that isn't a boolean.
    Condition,
    /// An included file that can't be had.
    Include,
    /// A variable that must not be used like this.
    Variable,
}

/// A problem of a script: what, where, why, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ScriptError {
    pub problem: Problem,
    pub place: Box<Place>,
    /// What is wrong, in one clause: `\gexec isn't built yet`.
    pub what: String,
    /// Why that is a problem; may be empty.
    pub why: String,
    /// What to do about it; may be empty.
    pub todo: String,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)?;
        if !self.why.is_empty() {
            write!(f, ": {}", self.why)?;
        }
        if !self.todo.is_empty() {
            write!(f, "; {}", self.todo)?;
        }
        Ok(())
    }
}

/// A problem that doesn't know its place yet: the inner layers know the text, the outer ones the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub problem: Problem,
    pub what: String,
    pub why: String,
    pub todo: String,
}

impl Fault {
    pub fn new(problem: Problem, what: impl Into<String>) -> Self {
        Fault { problem, what: what.into(), why: String::new(), todo: String::new() }
    }

    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    pub fn todo(mut self, todo: impl Into<String>) -> Self {
        self.todo = todo.into();
        self
    }

    pub fn at(self, place: Place) -> ScriptError {
        let Fault { problem, what, why, todo } = self;
        ScriptError { problem, place: Box::new(place), what, why, todo }
    }
}

//! What is known of a rollback while nobody has asked for it yet: made by the engine beside the run,
//! overwritten whenever it is made anew, never journaled.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::command::Wish;
use super::event::Course;
use super::state::Status;

/// How far back, and by which way.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Goal {
    /// As far as this step; `None`: everything.
    pub to: Option<String>,
    /// By this way of the plan's.
    pub procedure: Option<String>,
}

impl Goal {
    /// As far as this step, with it.
    #[must_use]
    pub fn down_to(step: &str) -> Self {
        Self { to: Some(step.to_owned()), procedure: None }
    }

    /// By a named way of the plan's.
    #[must_use]
    pub fn by(procedure: &str) -> Self {
        Self { to: None, procedure: Some(procedure.to_owned()) }
    }

    /// What is asked of the run.
    #[must_use]
    pub fn wish(&self, reason: String) -> Wish {
        let Self { to, procedure } = self.clone();
        Wish::RollBack { to, only: Vec::new(), procedure, reason }
    }
}

/// Which rollback somebody looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookBack {
    pub goal: Goal,
    /// What the run has applied, last first: when this changes, all of it is another rollback.
    pub steps: Vec<String>,
    /// How each of them stands.
    pub stand: Vec<Status>,
    /// Rows are counted, again and again: somebody is deciding.
    pub rows: bool,
}

/// One rollback, as far as it can be told beforehand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    pub goal: Goal,
    /// The steps that it was made for, in their order; those too that stay.
    pub steps: Vec<String>,
    /// What runs by its name, what is lost, how long it took.
    pub course: Course,
    /// Every statement, by the step that it stands with.
    pub listings: BTreeMap<String, Listing>,
    pub rows: Counted,
    /// What couldn't be found out, and why.
    pub notes: Vec<String>,
}

/// How it stands with the rows that would be lost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Counted {
    /// Nobody has counted them.
    #[default]
    Not,
    At(Timestamp),
    /// The last count failed.
    Failed(String),
}

/// The statements that undo a step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    pub statements: Vec<ToRun>,
    /// Statements that aren't listed.
    pub more: usize,
    /// Why the list isn't whole.
    pub note: Option<String>,
}

/// One statement that will run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToRun {
    /// The step of a procedure that it belongs to.
    pub of: Option<String>,
    pub file: String,
    /// 0: it isn't a statement of a file, but a deed in words.
    pub line: u64,
    /// Its beginning, on one line.
    pub head: String,
    /// Only the run knows whether it is executed.
    pub uncertain: bool,
}

impl ToRun {
    /// What a step of a procedure does that isn't a statement of a file.
    #[must_use]
    pub fn is_deed(&self) -> bool {
        self.line == 0
    }
}

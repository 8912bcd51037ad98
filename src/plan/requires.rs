//! What a plan requires of another run or of a rehearsal, as the model has it.

use std::path::PathBuf;
use std::time::Duration;

use super::expect::Cell;
use super::model::Environment;

/// Of what `requires` wants evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    Rehearsal,
    /// A run; with the file of the plan that it must have been of, as it is now.
    Run {
        plan: Option<PathBuf>,
    },
}

/// What the newest rehearsal, or run, of a plan must have shown.
#[derive(Debug, Clone)]
pub struct Requires {
    pub of: Evidence,
    /// The plan's id.
    pub plan_id: String,
    /// What the copied database must have said it is; of a run, what its plan was for.
    pub environment: Option<Environment>,
    /// No older.
    pub age: Option<Duration>,
    /// Phases, steps and checkpoints that must have passed in it.
    pub passed: Vec<String>,
    /// How long the whole rollback took.
    pub rollback: Option<Cell>,
    /// How many objects the rollbacks left.
    pub residue: Option<Cell>,
}

impl Requires {
    /// Of what, in words.
    #[must_use]
    pub fn whose(&self) -> String {
        match self.of {
            Evidence::Rehearsal => format!("a rehearsal of {}", self.plan_id),
            Evidence::Run { .. } => format!("a run of {}", self.plan_id),
        }
    }
}

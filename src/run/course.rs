//! What a rollback sets out to do: which steps, by what, and what is known about it beforehand.

use serde::{Deserialize, Serialize};

/// The part of a rollback's beginning that says how each step will be undone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course {
    /// Asked for by name; empty when it goes from the last step backwards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// Procedures that take part, each at the place of the first step that it undoes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub procedures: Vec<ProcedureTurn>,
}

/// A procedure that takes part in a rollback.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcedureTurn {
    /// Its id.
    pub procedure: String,
    /// Steps that this run applied and that it undoes.
    pub undoes: Vec<String>,
}

impl Course {
    /// Nothing is said that the event's older fields don't say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The procedure that undoes a step.
    #[must_use]
    pub fn procedure_for(&self, step: &str) -> Option<&ProcedureTurn> {
        self.procedures.iter().find(|turn| turn.undoes.iter().any(|undone| undone == step))
    }
}

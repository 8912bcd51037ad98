//! What a rollback is asked to undo.

use std::collections::BTreeMap;

use crate::run::state::Choice;

/// All that this run applied, unless one of the narrower wishes is there.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Down to and including this step.
    pub to: Option<String>,
    /// These steps alone.
    pub only: Vec<String>,
    /// By this procedure.
    pub procedure: Option<String>,
    /// Values of variables that only rollbacks use.
    pub vars: BTreeMap<String, String>,
    /// For the evidence.
    pub why: String,
}

impl Wanted {
    #[must_use]
    pub fn all(why: String) -> Self {
        Self { why, ..Self::default() }
    }

    /// What was decided before the program stopped.
    #[must_use]
    pub fn of(choice: &Choice) -> Self {
        Self {
            to: choice.step.clone(),
            only: choice.only.clone(),
            procedure: choice.procedure.clone(),
            vars: BTreeMap::new(),
            why: format!("{} ({})", choice.reason.as_deref().unwrap_or("decided"), choice.by.name),
        }
    }
}

//! What there was at one moment of a run: what a rollback of a part of it is compared with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::event::RowCount;

/// Taken right before and right after a step that changes something, before a rollback, and around
/// each undo. The event has
/// digests; what they are of is in the run's folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Image {
    pub when: ImageWhen,
    /// The step; null before a rollback.
    pub step: Option<String>,
    /// Of the step.
    pub generation: u32,
    /// SHA-256 of the schema fingerprint; null when it wasn't taken.
    pub fingerprint: Option<String>,
    /// SHA-256 over the hashes of the rows, per guarded table; after a step, or its undo, only of those that it wrote.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub guards: BTreeMap<String, String>,
    /// Rows of the tables that the step wrote or changed, right after it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rows: BTreeMap<String, RowCount>,
    /// Rows that have a value, other than its default, in columns that the way back drops, right after the step.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, RowCount>,
    /// What should be in it and isn't, with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageWhen {
    /// Nothing of the step is applied yet.
    BeforeStep,
    /// All of the step is applied.
    AfterStep,
    /// The run is about to go backwards.
    BeforeRollback,
    /// Nothing of the step's undo is applied yet; of a procedure the first step that it undoes.
    BeforeUndo,
    /// All of it is applied.
    AfterUndo,
}

impl Image {
    /// Whether it says something about the rows of this guarded table.
    #[must_use]
    pub fn speaks_of(&self, table: &str) -> bool {
        self.guards.contains_key(table) || self.missing.iter().any(|(what, _)| what == table)
    }
}

//! Whether the words of a way back put values back that the step's words changed.

use super::reading::{Reading, same};
use crate::script::{Effect, QualifiedName, Update};

/// Whether the way back writes rows of the table.
pub(super) fn writes_back(backward: &Reading, table: &QualifiedName) -> bool {
    backward.effects.iter().any(|effect| match effect {
        Effect::Inserts(t) => same(t, table),
        Effect::Updates(update) => same(&update.table, table),
        _ => false,
    })
}

/// What the way back does about values that were changed.
pub(super) enum PutBack {
    /// It writes them again; whether what was there can't be read from words.
    Assumed,
    /// These columns it doesn't write; empty: none of them.
    NotIn(Vec<String>),
    /// Not all of the rows.
    SomeRows,
}

pub(super) fn put_back(forward: &Update, backward: &Reading) -> PutBack {
    let mut updates = Vec::new();
    for effect in &backward.effects {
        match effect {
            // Whole rows.
            Effect::Inserts(table) if same(table, &forward.table) => return PutBack::Assumed,
            Effect::Updates(update) if same(&update.table, &forward.table) => updates.push(update),
            _ => {}
        }
    }
    if updates.is_empty() {
        return PutBack::NotIn(Vec::new());
    }
    if updates.iter().any(|update| update.columns.is_empty()) {
        return PutBack::Assumed;
    }
    let set = |column: &&String| updates.iter().any(|update| update.columns.contains(column));
    let missing: Vec<String> = forward.columns.iter().filter(|column| !set(column)).cloned().collect();
    if !missing.is_empty() {
        return PutBack::NotIn(missing);
    }
    match updates.as_slice() {
        [only] if forward.all_rows && !only.all_rows => PutBack::SomeRows,
        _ => PutBack::Assumed,
    }
}

//! What differs between two images.

use std::collections::BTreeSet;

use super::ours::Ours;
use super::rows;
use super::take::Image;
use crate::pg::fingerprint::Fingerprint;
use crate::pg::measure::MeasureError;
use crate::run::event::Residue;

/// What differs: schema first, then values of sequences, then rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    pub differs: Vec<Residue>,
    /// After a run: rows that somebody else wrote last.
    pub others: Vec<Residue>,
    /// After a run: sequences that moved on.
    pub moved: Vec<Residue>,
}

impl Image {
    /// What differs between two images of the same major version. With `ours` (after a run) what
    /// a run isn't to blame for is kept apart.
    pub fn compare(before: &Self, after: &Self, ours: Option<&Ours>) -> Result<Comparison, MeasureError> {
        let mut comparison = Comparison {
            differs: Fingerprint::diff(&before.fingerprint, &after.fingerprint)?,
            ..Comparison::default()
        };
        compare_sequences(before, after, ours.is_some(), &mut comparison);
        let tables: BTreeSet<&String> = before.rows.keys().chain(after.rows.keys()).collect();
        for table in tables {
            rows::compare(table, before.rows.get(table), after.rows.get(table), ours, &mut comparison);
        }
        Ok(comparison)
    }
}

/// Sequences that both have; that one came or went says the schema.
fn compare_sequences(before: &Image, after: &Image, after_a_run: bool, comparison: &mut Comparison) {
    for (name, then) in &before.sequence_values {
        let Some(now) = after.sequence_values.get(name) else { continue };
        if (then.last, then.called) == (now.last, now.called) {
            continue;
        }
        let residue = Residue {
            object: format!("value of sequence {name}"),
            before: Some(then.to_string()),
            after: Some(now.to_string()),
        };
        if after_a_run && now.follows(then) {
            comparison.moved.push(residue);
        } else {
            comparison.differs.push(residue);
        }
    }
}

//! What differs between two images.

use std::collections::BTreeSet;

use super::rows;
use super::take::Image;
use crate::pg::fingerprint::Fingerprint;
use crate::pg::measure::MeasureError;
use crate::pg::sequences;
use crate::run::event::Residue;

impl Image {
    /// What differs between two images of the same major version: schema first, then values of
    /// sequences, then rows.
    pub fn compare(before: &Self, after: &Self) -> Result<Vec<Residue>, MeasureError> {
        let mut differs = Fingerprint::diff(&before.fingerprint, &after.fingerprint)?;
        let (went_back, moved_on) = sequences::compare(&before.sequence_values, &after.sequence_values);
        differs.extend(went_back);
        differs.extend(moved_on);
        let tables: BTreeSet<&String> = before.rows.keys().chain(after.rows.keys()).collect();
        for table in tables {
            rows::compare(table, before.rows.get(table), after.rows.get(table), &mut differs);
        }
        Ok(differs)
    }
}

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
        let (mut differs, moved_on) = Self::left(before, after)?;
        let at = differs.iter().position(|one| is_of_rows(&one.object)).unwrap_or(differs.len());
        differs.splice(at..at, moved_on);
        Ok(differs)
    }

    /// The same of somebody who has undone what he did: what is left of it, and apart from that the
    /// sequences that moved on, which nothing takes back.
    pub fn left(before: &Self, after: &Self) -> Result<(Vec<Residue>, Vec<Residue>), MeasureError> {
        let mut differs = Fingerprint::diff(&before.fingerprint, &after.fingerprint)?;
        let (went_back, moved_on) = sequences::compare(&before.sequence_values, &after.sequence_values);
        differs.extend(went_back);
        let tables: BTreeSet<&String> = before.rows.keys().chain(after.rows.keys()).collect();
        for table in tables {
            rows::compare(table, before.rows.get(table), after.rows.get(table), &mut differs);
        }
        Ok((differs, moved_on))
    }
}

fn is_of_rows(object: &str) -> bool {
    crate::run::residue::kind_and_name(object).0.one == "rows"
}

//! How many objects and rows there are at moments of a run: what its deltas are made of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::event::{Direction, RowCount};
use super::state::Run;
use crate::plan::model::Kind;

/// Taken when a step that changes something is applied, or half of it, and when its rollback is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    pub step: String,
    pub direction: Direction,
    /// How many objects of each kind there are; empty when that wasn't counted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub objects: BTreeMap<Kind, u64>,
    /// Rows of the tables that were written or changed; of small ones as they are, of large ones what is
    /// known from before and what the step wrote.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rows: BTreeMap<String, RowCount>,
    /// Tables that are no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<String>,
    /// What should be in it and isn't, with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<(String, String)>,
}

/// Figures at the moments after the baseline. Of what never changed there is nothing: the baseline has it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Deltas {
    /// After which step, forward or back.
    pub moments: Vec<(String, Direction)>,
    /// By kind: moments and how many, where that changed.
    pub objects: BTreeMap<Kind, Vec<(usize, u64)>>,
    /// By table: moments and rows, where they were counted; `None`: it is gone.
    pub rows: BTreeMap<String, Vec<(usize, Option<RowCount>)>>,
    /// What the last moment doesn't have, with the reason.
    pub missing: Vec<(String, String)>,
}

impl Deltas {
    pub(super) fn take(&mut self, counts: &Counts) {
        let moment = self.moments.len();
        self.moments.push((counts.step.clone(), counts.direction));
        for (kind, n) in &counts.objects {
            let known = self.objects.entry(*kind).or_default();
            if known.last().is_none_or(|(_, before)| before != n) {
                known.push((moment, *n));
            }
        }
        for (table, rows) in &counts.rows {
            self.rows.entry(table.clone()).or_default().push((moment, Some(*rows)));
        }
        for table in &counts.gone {
            self.rows.entry(table.clone()).or_default().push((moment, None));
        }
        self.missing.clone_from(&counts.missing);
    }
}

impl Run {
    /// Objects of a kind before the first change, and as last counted.
    #[must_use]
    pub fn objects(&self, kind: Kind) -> Option<(u64, u64)> {
        let before = *self.baseline.as_ref()?.counts.get(&kind)?;
        let now = self.deltas.objects.get(&kind).and_then(|known| known.last());
        Some((before, now.map_or(before, |(_, n)| *n)))
    }

    /// Rows of a table before the first change, and as last counted; `None`: there is no such table.
    #[must_use]
    pub fn rows_of(&self, table: &str) -> (Option<RowCount>, Option<RowCount>) {
        let before = self.baseline.as_ref().and_then(|baseline| baseline.rows.get(table).copied());
        match self.deltas.rows.get(table).and_then(|known| known.last()) {
            Some((_, now)) => (before, *now),
            None => (before, before),
        }
    }
}

//! What changed in the database: objects and rows, and the database itself.

use std::collections::BTreeMap;

use super::gather::Gather;
use super::model::*;
use crate::run::state::Run;

impl Gather {
    pub(super) fn deltas(&self) -> DeltasTold {
        let Some(baseline) = &self.run.baseline else { return DeltasTold::default() };
        let figures = &self.run.deltas;
        let end = self.end.as_ref().filter(|_| self.run.is_ended());
        let mut objects: BTreeMap<_, (u64, u64)> =
            baseline.counts.keys().filter_map(|kind| Some((*kind, self.run.objects(*kind)?))).collect();
        let mut rows: BTreeMap<String, RowsTold> = BTreeMap::new();
        for table in figures.rows.keys().chain(baseline.guards.keys()) {
            let (before, now) = self.run.rows_of(table);
            let exact = before.is_none_or(|rows| rows.exact) && now.is_none_or(|rows| rows.exact);
            let (before, now) = (before.map(|rows| rows.rows), now.map(|rows| rows.rows));
            rows.insert(table.clone(), RowsTold { table: table.clone(), before, now, exact });
        }
        if let Some(end) = end {
            objects.extend(end.deltas.iter().map(|(kind, figures)| (*kind, *figures)));
            for (table, (before, now)) in &end.rows {
                let known = rows.entry(table.clone()).or_insert_with(|| RowsTold {
                    table: table.clone(),
                    before: baseline.rows.contains_key(table).then_some(*before),
                    now: Some(*now),
                    exact: true,
                });
                // One that isn't there has no rows; that it isn't there says more.
                known.now = known.now.filter(|_| !end.gone.contains(table)).map(|_| *now);
            }
        }
        let after = figures.moments.last().map(|(step, _)| step.clone()).filter(|_| end.is_none());
        DeltasTold {
            measured: true,
            after,
            objects: objects
                .into_iter()
                .map(|(kind, (before, now))| ObjectsTold { kind: kind.word().to_owned(), before, now })
                .collect(),
            rows: rows.into_values().collect(),
            missing: figures.missing.clone(),
        }
    }
}

/// Those whose place another has: of several intents of a step the last one is it, if any.
pub(super) fn taken_out(told: Vec<DatabaseTold>, run: &Run) -> Vec<DatabaseTold> {
    let mut last: Vec<DatabaseTold> = Vec::new();
    for one in told.into_iter().filter(|one| run.set_aside().any(|aside| aside.oid == one.oid)) {
        last.retain(|known| known.oid != one.oid);
        last.push(one);
    }
    last
}

//! The ledger held against the journal, in pieces: a step whose statements are committed one by one has a row
//! for each of them, which may be millions.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::recorder::Recorder;
use crate::pg::ledger::entry;
use crate::pg::{PgError, Session};
use crate::run::event::{Direction, Unit};
use crate::run::state::{Run, UnitPhase};
use crate::run::units::{Met, Units};

/// Rows that the journal doesn't know, at most: the first few are named.
const STRANGERS: usize = 100;

/// What the ledger has of a run.
#[derive(Debug, Default)]
pub(super) struct Roll {
    /// Of units that the journal has one by one.
    rows: HashSet<Unit>,
    /// Of those that it has added up.
    met: HashMap<(String, Direction, u32), Met>,
    /// Generations of steps of which a row is there.
    forward: BTreeMap<String, BTreeSet<u32>>,
    /// What the journal doesn't know.
    pub strangers: Vec<Unit>,
}

impl Roll {
    /// Reads the rows of the run.
    ///
    /// # Errors
    /// When the server can't be asked.
    pub(super) async fn call(control: &mut Session, id: &str, recorder: &Recorder) -> Result<Self, PgError> {
        let (mut roll, mut after) = (Self::default(), None);
        loop {
            let rows = entry::page(control, id, after.as_ref()).await?;
            let Some(last) = rows.last().cloned() else { return Ok(roll) };
            recorder.look(|run| rows.into_iter().for_each(|row| roll.take(run, row)));
            after = Some(last);
        }
    }

    fn take(&mut self, run: &Run, row: Unit) {
        if row.direction == Direction::Forward {
            match self.forward.get_mut(&row.step) {
                Some(generations) => drop(generations.insert(row.generation)),
                None => drop(self.forward.insert(row.step.clone(), [row.generation].into())),
            }
        }
        if let Some(units) = run.units_with(&row) {
            let key = (row.step.clone(), row.direction, row.generation);
            if units.meet(&row.unit, self.met.entry(key).or_default()) {
                return;
            }
            if units.named(&row.unit).is_some() {
                self.rows.insert(row);
                return;
            }
        }
        if !run.knows_unit(&row) && self.strangers.len() < STRANGERS {
            self.strangers.push(row);
        }
    }

    /// There is a row of this unit, which the journal has by itself.
    pub(super) fn has(&self, unit: &Unit) -> bool {
        self.rows.contains(unit)
    }

    /// There is a row of this generation of the step.
    fn has_step(&self, step: &str, generation: u32) -> bool {
        self.forward.get(step).is_some_and(|generations| generations.contains(&generation))
    }

    /// Applied, by the journal, and added up there: those whose row is gone.
    pub(super) fn gone(&self, run: &Run) -> Vec<Unit> {
        let both = |step| [Direction::Forward, Direction::Back].map(|direction| (step, direction));
        let all = run.steps.iter().flat_map(both);
        all.flat_map(|(step, direction)| {
            self.not_met(step.units_of(direction), &step.id, direction, step.generation)
        })
        .collect()
    }

    /// Units of undos that were recorded, of which the row is gone and that of the step isn't. With both rows
    /// gone, the database is as it was before the step: undone, so to say.
    pub(super) fn undos_gone(&self, run: &Run) -> Vec<Unit> {
        let mut gone = Vec::new();
        for (step, units) in run.last_undos() {
            let Some(generation) = step.generation.checked_sub(1) else { continue };
            if !self.has_step(&step.id, generation) {
                continue;
            }
            let one_by_one = units.one_by_one().filter(|unit| unit.phase == UnitPhase::Applied);
            gone.extend(one_by_one.map(|unit| &unit.unit).filter(|unit| !self.has(unit)).cloned());
            gone.extend(self.not_met(units, &step.id, Direction::Back, generation));
        }
        gone
    }

    fn not_met(&self, units: &Units, step: &str, direction: Direction, generation: u32) -> Vec<Unit> {
        let none = Met::default();
        let met = self.met.get(&(step.to_owned(), direction, generation)).unwrap_or(&none);
        let unit = |unit| Unit { step: step.to_owned(), unit, direction, generation };
        units.not_met(met).map(unit).collect()
    }
}

//! The units of a step, one way: those of late each by itself, and what came before them added up.
//!
//! A script whose statements are committed one by one has as many units as statements, which may be millions.
//! Of one that was confirmed nothing is asked later but its name and what it adds to the step's figures: behind
//! the last `KEPT` such units become one, and their names are kept apart (`Names`).

use std::collections::HashMap;

use super::event::{AppliedHow, Touched};
pub use super::unit_names::Met;
use super::unit_names::Names;
use super::{unit::UnitPhase, unit::UnitState};

/// So many of the last ones stay as they are.
const KEPT: usize = 64;
/// When there are so many, those before the last are added up.
const MANY: usize = 4 * KEPT;

/// Units in the order they began, found by name: a step may have very many. As a slice: the sum of those that
/// were added up (if there is one, it comes first, is applied and confirmed, and has no name), and the others.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Units {
    list: Vec<UnitState>,
    index: HashMap<String, usize>,
    /// The first of the list is the sum of others.
    sum: bool,
    names: Names,
}

impl std::ops::Deref for Units {
    type Target = [UnitState];

    fn deref(&self) -> &[UnitState] {
        &self.list
    }
}

impl<'a> IntoIterator for &'a Units {
    type Item = &'a UnitState;
    type IntoIter = std::slice::Iter<'a, UnitState>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

impl Units {
    /// The unit of this name; the empty name when the step is one transaction. For one that was added up it is
    /// the sum: it is applied, as that is.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&UnitState> {
        match self.index.get(name) {
            Some(&i) => self.list.get(i),
            None => self.list.first().filter(|_| self.names.has(name)),
        }
    }

    /// The unit of this name by itself. Whoever wants to change one that was added up has learned that it isn't
    /// what it was: its figures stay in the sum, which then isn't the server's own word any more.
    pub(super) fn named_mut(&mut self, name: &str) -> Option<&mut UnitState> {
        if !self.index.contains_key(name) && self.names.take_out(name) {
            let sum = self.list.first_mut()?;
            sum.how = Some(AppliedHow::Ledger);
            let mut one = sum.clone();
            name.clone_into(&mut one.unit.unit);
            name.split('@').next().unwrap_or_default().clone_into(&mut one.source.file);
            (one.how, one.touched) = (Some(AppliedHow::Confirmed), Vec::new());
            (one.statements, one.rows, one.warnings, one.elapsed_ms) = (0, 0, 0, 0);
            self.put(one);
        }
        self.index.get(name).map(|&i| &mut self.list[i])
    }

    /// Adds it, or puts it in the place of an earlier try.
    pub(super) fn put(&mut self, state: UnitState) {
        match self.index.get(&state.unit.unit) {
            Some(&i) => self.list[i] = state,
            None => {
                if self.list.len() >= MANY {
                    self.add_up();
                }
                self.index.insert(state.unit.unit.clone(), self.list.len());
                self.list.push(state);
            }
        }
    }

    /// Forgets failed tries: what is applied (or passed over) stays so on a retry.
    pub(super) fn keep_applied(&mut self) {
        self.list.retain(UnitState::is_behind);
        self.find_all();
    }

    /// The first one in this phase.
    #[must_use]
    pub fn in_phase(&self, phase: UnitPhase) -> Option<&UnitState> {
        self.list.iter().find(|u| u.phase == phase)
    }

    /// The one whose end isn't known. Units follow one another, so it is the last, unless doubts
    /// came up later about an older one.
    #[must_use]
    pub fn open(&self) -> Option<&UnitState> {
        self.list.iter().rev().find(|u| u.phase.is_open())
    }

    /// How many are applied.
    #[must_use]
    pub fn applied(&self) -> usize {
        self.one_by_one().filter(|unit| unit.phase == UnitPhase::Applied).count() + self.names.len()
    }

    /// Something of this file is applied: itself, or a part of it.
    #[must_use]
    pub fn has_applied_of(&self, file: &str) -> bool {
        let is_of = |unit: &str| {
            unit == file || unit.strip_prefix(file).is_some_and(|rest| rest.starts_with(['/', '@']))
        };
        let mut one_by_one = self.one_by_one().filter(|unit| unit.phase == UnitPhase::Applied);
        one_by_one.any(|unit| is_of(&unit.unit.unit)) || self.names.beginnings().any(is_of)
    }

    /// Those that weren't added up.
    pub fn one_by_one(&self) -> impl Iterator<Item = &UnitState> {
        self.list.iter().skip(usize::from(self.sum))
    }

    /// Notes that one of those that were added up was met; false when it isn't one of them.
    pub fn meet(&self, name: &str, met: &mut Met) -> bool {
        self.names.meet(name, met)
    }

    /// Names of those that were added up and weren't met.
    pub fn not_met<'a>(&'a self, met: &'a Met) -> impl Iterator<Item = String> + 'a {
        self.names.not_met(met)
    }

    fn find_all(&mut self) {
        let from = usize::from(self.sum);
        let names = self.list.iter().enumerate().skip(from);
        self.index = names.map(|(i, unit)| (unit.unit.unit.clone(), i)).collect();
    }

    fn add_up(&mut self) {
        let keep = self.list.len() - KEPT;
        let mut sum: Option<UnitState> = None;
        let mut rest = Vec::with_capacity(MANY);
        for (i, unit) in std::mem::take(&mut self.list).into_iter().enumerate() {
            if i == 0 && self.sum {
                sum = Some(unit);
            } else if i < keep && is_plain(&unit) {
                self.names.add(&unit.unit.unit);
                match &mut sum {
                    Some(sum) => add(sum, unit),
                    None => sum = Some(alone(unit)),
                }
            } else {
                rest.push(unit);
            }
        }
        self.sum = sum.is_some();
        self.list.extend(sum);
        self.list.append(&mut rest);
        self.find_all();
    }
}

/// Nothing more is asked of it than what it adds to the sum.
fn is_plain(unit: &UnitState) -> bool {
    unit.phase == UnitPhase::Applied
        && unit.how == Some(AppliedHow::Confirmed)
        && !unit.bare
        && !unit.passed_over
        && unit.runner.is_none()
        && unit.problem.is_none()
        && unit.before_doubt.is_none()
        && unit.evidence.is_empty()
}

/// The first of a sum.
fn alone(mut unit: UnitState) -> UnitState {
    unit.unit.unit.clear();
    unit.backend_start.clear();
    (unit.pid, unit.xid, unit.lock_wait) = (0, None, None);
    // Where each of them began isn't known any more: its name says it.
    (unit.source.line, unit.source.from, unit.source.to) = (0, 0, 0);
    unit.touched.sort_by(by_relation);
    unit
}

fn add(sum: &mut UnitState, unit: UnitState) {
    sum.statements += unit.statements;
    sum.rows += unit.rows;
    sum.warnings += unit.warnings;
    sum.elapsed_ms += unit.elapsed_ms;
    for touched in unit.touched {
        match sum.touched.binary_search_by(|known| by_relation(known, &touched)) {
            Ok(at) => {
                let known = &mut sum.touched[at];
                known.inserted += touched.inserted;
                known.updated += touched.updated;
                known.deleted += touched.deleted;
                known.at_most |= touched.at_most;
            }
            Err(at) => sum.touched.insert(at, touched),
        }
    }
}

/// What was held stays apart: a TRUNCATE has another lock than an INSERT.
fn by_relation(one: &Touched, other: &Touched) -> std::cmp::Ordering {
    (&one.relation, &one.lock).cmp(&(&other.relation, &other.lock))
}

#[cfg(test)]
mod tests {
    use super::super::event::{Direction, SourceRef, Unit};
    use super::*;

    fn unit(number: usize) -> UnitState {
        let name = format!("f.sql@{}-{}", number * 10, number * 10 + 9);
        let touched = |relation: &str, inserted| Touched {
            relation: relation.to_owned(),
            lock: "RowExclusive".to_owned(),
            inserted,
            updated: 0,
            deleted: 1,
            at_most: number == 5,
        };
        UnitState {
            unit: Unit { step: "s".into(), unit: name, direction: Direction::Forward, generation: 0 },
            phase: UnitPhase::Applied,
            attempt: 1,
            bare: false,
            source: SourceRef {
                file: "f.sql".into(),
                section: None,
                line: 0,
                from: 0,
                to: 0,
                digest: String::new(),
            },
            pid: 1,
            backend_start: String::new(),
            probe: None,
            runner: None,
            xid: Some(number.to_string()),
            how: Some(AppliedHow::Confirmed),
            touched: vec![touched("b", 2), touched("a", 1)],
            statements: 1,
            rows: 3,
            warnings: 1,
            elapsed_ms: 2,
            problem: None,
            passed_over: false,
            evidence: Vec::new(),
            lock_wait: None,
            before_doubt: None,
        }
    }

    fn name(number: usize) -> String {
        unit(number).unit.unit
    }

    /// A thousand; each hundredth by a person's word.
    fn thousand() -> Units {
        let mut units = Units::default();
        for number in 0..1_000 {
            let mut unit = unit(number);
            if number % 100 == 0 {
                unit.how = Some(AppliedHow::Ruling);
            }
            units.put(unit);
        }
        units
    }

    #[test]
    fn many_become_one_and_lose_nothing_that_counts() {
        let units = thousand();
        assert!(units.len() <= MANY && units.applied() == 1_000, "{}", units.len());
        for number in 0..1_000 {
            assert_eq!(units.named(&name(number)).map(|unit| unit.phase), Some(UnitPhase::Applied));
        }
        assert!(units.named(&name(1_000)).is_none() && units.named("").is_none());
        assert_eq!(units.iter().map(|unit| unit.statements).sum::<u64>(), 1_000);
        assert_eq!(units.iter().map(|unit| unit.rows + unit.warnings + unit.elapsed_ms).sum::<u64>(), 6_000);
        for (relation, inserted) in [("a", 1_000), ("b", 2_000)] {
            let of =
                units.iter().flat_map(|unit| &unit.touched).filter(|touched| touched.relation == relation);
            assert_eq!(of.clone().map(|touched| touched.inserted).sum::<i64>(), inserted);
            assert_eq!(of.map(|touched| touched.deleted).sum::<i64>(), 1_000);
        }
        let ruled = units.iter().filter(|unit| unit.how == Some(AppliedHow::Ruling));
        assert_eq!(ruled.count(), 10);
        // The last ones are there as they are.
        assert_eq!(units.last().map(|unit| unit.unit.unit.clone()), Some(name(999)));
        assert!(units.has_applied_of("f.sql") && !units.has_applied_of("f"));
    }

    #[test]
    fn a_doubt_about_one_leaves_the_others() {
        let mut units = thousand();
        let one = units.named_mut(&name(7)).unwrap();
        assert_eq!((one.unit.unit.clone(), one.phase, one.touched.len()), (name(7), UnitPhase::Applied, 0));
        one.phase = UnitPhase::Unknown;
        assert_eq!(units.open().map(|unit| unit.unit.unit.clone()), Some(name(7)));
        assert_eq!((units.applied(), units.first().unwrap().how), (999, Some(AppliedHow::Ledger)));
        // It isn't applied after all, and is begun again.
        units.named_mut(&name(7)).unwrap().phase = UnitPhase::Failed;
        units.keep_applied();
        assert!(units.named(&name(7)).is_none() && units.named(&name(8)).is_some());
        units.put(unit(7));
        (1_000..2_000).for_each(|number| units.put(unit(number)));
        assert_eq!(
            (units.applied(), units.named(&name(7)).map(|unit| unit.phase)),
            (2_000, Some(UnitPhase::Applied))
        );
        let mut met = Met::default();
        assert!(
            (0..2_000)
                .filter(|number| *number != 7)
                .filter(|number| units.meet(&name(*number), &mut met))
                .count()
                > 1_000
        );
        assert_eq!(units.not_met(&met).collect::<Vec<_>>(), [name(7)]);
    }
}

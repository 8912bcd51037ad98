//! What became of objects and rows since the baseline: as lines to show, in an order that is kept until
//! something is counted again.

use std::cmp::Reverse;

use super::filter::{self, Place};
use super::state::{State, Tab};
use crate::plan::model::{Amount, Kind, Kinds};
use crate::run::event::{Direction, RowCount};
use crate::run::state::{Run, Status};

/// The kinds that are shown, in this order.
pub const KINDS: [Kind; 10] = Kind::COUNTED;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// What changed most first.
    #[default]
    Change,
    Name,
    /// The largest first.
    Rows,
}

impl Sort {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Name => "name",
            Self::Rows => "rows",
        }
    }

    fn next(self) -> Self {
        match self {
            Self::Change => Self::Name,
            Self::Name => Self::Rows,
            Self::Rows => Self::Change,
        }
    }
}

/// The tables as they are shown.
#[derive(Debug, Clone, Default)]
pub struct List {
    pub sort: Sort,
    pub tables: Vec<Table>,
    /// What the plan adds of each kind: it follows from all of its steps, which is too much for a frame.
    pub objects: Vec<(Kind, Planned)>,
    /// How many of them changed.
    pub changed: usize,
    /// What it was made of: until that changes it stays.
    made_of: Option<(usize, usize, bool, Sort)>,
}

/// A table, before the first change and as last counted. `None`: there is none of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    pub before: Option<RowCount>,
    pub now: Option<RowCount>,
    /// Rows that the plan adds, as the plan has it.
    pub planned: Option<Planned>,
}

impl Table {
    #[must_use]
    pub fn change(&self) -> i64 {
        rows(self.now).saturating_sub(rows(self.before))
    }

    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.change() != 0 || self.before.is_some() != self.now.is_some()
    }
}

#[must_use]
pub fn rows(count: Option<RowCount>) -> i64 {
    count.map_or(0, |count| count.rows)
}

/// What the plan says is added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Planned {
    /// So many by all its steps, and so many by those that are applied. Not `whole`: one of these says
    /// nothing of it (a table's columns come with the table), so that another figure contradicts nobody.
    Adds { all: i64, so_far: i64, whole: bool },
    /// A condition that can't be added up: `>= 1`.
    Words(String),
}

/// The tables that fit the filter.
pub fn shown(state: &State) -> impl Iterator<Item = &Table> {
    let words = filter::of(&state.filters, Place::Tab(Tab::Deltas));
    state.deltas.tables.iter().filter(move |of| words.is_none_or(|words| filter::fits(words, &[&of.name])))
}

impl List {
    /// What the plan adds of a kind.
    #[must_use]
    pub fn planned(&self, kind: Kind) -> Option<&Planned> {
        self.objects.iter().find(|(of, _)| *of == kind).map(|(_, planned)| planned)
    }
}

/// The next order.
pub fn sort(state: &mut State) {
    state.deltas.sort = state.deltas.sort.next();
    state.scroll.remove(&Tab::Deltas);
    let word = state.deltas.sort.word();
    state.toast(format!("tables are sorted by {word}"), false);
}

/// Makes the list anew when something was counted, or it is looked at in another way.
pub fn refresh(state: &mut State) {
    let run = state.run();
    let (moments, applied) = (run.deltas.moments.len(), run.applied_order.len());
    let made_of = Some((moments, applied, run.baseline.is_some(), state.deltas.sort));
    if state.deltas.made_of == made_of {
        return;
    }
    let sort = state.deltas.sort;
    let mut tables = tables(state);
    let changed = tables.iter().filter(|table| table.has_changed()).count();
    match sort {
        Sort::Name => {}
        Sort::Rows => tables.sort_by_key(|table| Reverse(rows(table.now))),
        Sort::Change => tables.sort_by_key(|table| {
            (Reverse(table.has_changed()), table.planned.is_none(), Reverse(table.change().unsigned_abs()))
        }),
    }
    let objects = KINDS.into_iter().filter_map(|kind| Some((kind, planned_objects(state, kind)?))).collect();
    state.deltas = List { sort, tables, objects, changed, made_of };
}

/// All of them by name.
fn tables(state: &State) -> Vec<Table> {
    let run = state.run();
    let Some(baseline) = &run.baseline else { return Vec::new() };
    let mut filled: Vec<String> =
        adding(state).flat_map(|(adds, _)| &adds.rows).map(|(table, _)| table.clone()).collect();
    filled.sort();
    filled.dedup();
    let planned: Vec<(String, Planned)> = filled
        .into_iter()
        .map(|name| {
            let planned = planned(state, |adds| {
                adds.rows.iter().find(|(table, _)| *table == name).map(|(_, cell)| cell.source.clone())
            });
            // A table that a step doesn't name gets no row by it.
            let planned = planned.map(|planned| match planned {
                Planned::Adds { all, so_far, .. } => Planned::Adds { all, so_far, whole: true },
                words @ Planned::Words(_) => words,
            });
            (plain(&name).to_owned(), planned)
        })
        .filter_map(|(name, planned)| Some((name, planned?)))
        .collect();
    let mut names: Vec<&String> = baseline.rows.keys().chain(run.deltas.rows.keys()).collect();
    names.sort();
    names.dedup();
    let mut tables: Vec<Table> = names
        .into_iter()
        .map(|name| {
            let (before, now) = run.rows_of(name);
            let planned =
                planned.iter().find(|(of, _)| of == plain(name)).map(|(_, planned)| planned.clone());
            Table { name: name.clone(), before, now, planned }
        })
        // Made and dropped again.
        .filter(|table| table.before.is_some() || table.now.is_some() || table.planned.is_some())
        .collect();
    // What the plan will fill and isn't there yet.
    for (name, planned) in planned {
        if !tables.iter().any(|table| plain(&table.name) == name) {
            tables.push(Table { name, before: None, now: None, planned: Some(planned) });
        }
    }
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    tables
}

fn plain(name: &str) -> &str {
    name.strip_prefix("public.").unwrap_or(name)
}

/// Steps that say what they add, and whether they are applied.
fn adding(state: &State) -> impl Iterator<Item = (&Kinds, bool)> {
    state.plan().phases.iter().flat_map(|phase| &phase.steps).filter_map(|step| {
        let adds = step.adds.as_ref()?;
        let applied = matches!(
            state.status(&step.id),
            Status::Applied | Status::Verified | Status::Unverified | Status::Accepted
        );
        Some((adds, applied))
    })
}

fn planned(state: &State, of: impl Fn(&Kinds) -> Option<String>) -> Option<Planned> {
    let (mut all, mut so_far, mut any) = (0_i64, 0_i64, false);
    for (adds, applied) in adding(state) {
        let Some(said) = of(adds) else { continue };
        let Ok(n) = said.trim().parse::<i64>() else { return Some(Planned::Words(said)) };
        any = true;
        all = all.saturating_add(n);
        so_far = so_far.saturating_add(if applied { n } else { 0 });
    }
    let silent = |(adds, applied): (&Kinds, bool)| applied && of(adds).is_none();
    let whole = !adding(state).any(silent);
    any.then_some(Planned::Adds { all, so_far, whole })
}

/// What the plan says that is added of a kind.
fn planned_objects(state: &State, kind: Kind) -> Option<Planned> {
    planned(state, |adds| {
        let (_, amount) = adds.counts.iter().find(|(of, _)| *of == kind)?;
        Some(match amount {
            Amount::Count(cell) => cell.source.clone(),
            Amount::Names(names) => names.len().to_string(),
        })
    })
}

/// The figures of a kind at the baseline and after each moment.
#[must_use]
pub fn course_of_objects(run: &Run, kind: Kind) -> Vec<i64> {
    let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let Some((before, _)) = run.objects(kind) else { return Vec::new() };
    let known = run.deltas.objects.get(&kind).map_or(&[][..], Vec::as_slice);
    course(run, signed(before), known.iter().map(|(at, n)| (*at, signed(*n))))
}

/// The rows of a table at the baseline and after each moment.
#[must_use]
pub fn course_of_rows(run: &Run, table: &str) -> Vec<i64> {
    let known = run.deltas.rows.get(table).map_or(&[][..], Vec::as_slice);
    course(run, rows(run.rows_of(table).0), known.iter().map(|(at, count)| (*at, rows(*count))))
}

fn course(run: &Run, before: i64, known: impl Iterator<Item = (usize, i64)>) -> Vec<i64> {
    let mut course = vec![before; run.deltas.moments.len() + 1];
    for (at, n) in known {
        if let Some(rest) = course.get_mut(at + 1..) {
            rest.fill(n);
        }
    }
    course
}

/// What was counted last, in words: after which step.
#[must_use]
pub fn as_of(state: &State) -> String {
    match state.run().deltas.moments.last() {
        None => "before the first change".to_owned(),
        Some((step, direction)) => {
            let title = super::question::title_of(state, step);
            match direction {
                Direction::Forward => format!("after \"{title}\""),
                Direction::Back => format!("after the rollback of \"{title}\""),
            }
        }
    }
}

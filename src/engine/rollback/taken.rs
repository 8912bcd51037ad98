//! What a way back takes along that others may have written: tables that it drops or empties, columns that
//! it drops, rows that it writes over.

use std::collections::BTreeSet;

use super::super::conductor::Conductor;
use super::super::image::BUDGET;
use super::super::stop::Stop;
use super::forecast::shown;
use super::reading::backward;
use crate::pg::measure::MeasureError;
use crate::pg::rows::{Column, value_counts};
use crate::pg::{Session, rows};
use crate::run::event::{LostRows, RowCount};
use crate::script::Effect;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taken {
    /// As the server's footprint names it.
    pub table: String,
    /// This column of it alone.
    pub column: Option<String>,
    /// The rows stay, and are written over.
    pub written_over: bool,
    /// Rows from before the run too, and nothing puts them back.
    pub from_before: bool,
}

impl Taken {
    #[must_use]
    pub fn table(table: String) -> Self {
        Self { table, column: None, written_over: false, from_before: false }
    }

    /// The same rows or values.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.table, &self.column, self.written_over) == (&other.table, &other.column, other.written_over)
    }

    /// Where it is: `t`, `t.c`.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.column {
            Some(column) => format!("{}.{column}", self.table),
            None => self.table.clone(),
        }
    }

    /// For people.
    #[must_use]
    pub fn words(&self) -> String {
        match &self.column {
            Some(_) => format!("values written to {} since", self.place()),
            None if self.from_before => format!("all rows of {}, from before the run too", self.table),
            None if self.written_over => format!("values written to {} since", self.table),
            None => format!("rows written to {} since", self.table),
        }
    }

    /// Before anything is counted.
    #[must_use]
    pub fn uncounted(&self) -> LostRows {
        LostRows {
            table: self.table.clone(),
            column: self.column.clone(),
            written_over: self.written_over,
            from_before: self.from_before.then_some(0),
            since: None,
            now: 0,
            exact: false,
        }
    }
}

impl Conductor {
    /// Columns of these tables that the ways back from what is applied so far drop, this step's too.
    pub(in crate::engine) fn columns_to_drop(&mut self, step: &str, tables: &[String]) -> Vec<Column> {
        let taken = self.taken_back(step).into_iter().filter(|taken| tables.contains(&taken.table));
        let columns = taken.filter_map(|Taken { table, column, .. }| Some(Column { table, column: column? }));
        columns.collect()
    }

    fn taken_back(&mut self, step: &str) -> BTreeSet<Taken> {
        let applied = self.recorder.look(|run| run.applied_order.clone());
        let mut all = BTreeSet::new();
        for id in applied.iter().map(String::as_str).chain([step]) {
            if !self.taken_back.contains_key(id) {
                let taken = self.read_taken(id);
                self.taken_back.insert(id.to_owned(), taken);
            }
            all.extend(self.taken_back.get(id).into_iter().flatten().cloned());
        }
        all
    }

    fn read_taken(&self, id: &str) -> Vec<Taken> {
        let steps = self.plan.phases.iter().flat_map(|phase| &phase.steps);
        let Some(step) = steps.into_iter().find(|step| step.id == id) else { return Vec::new() };
        let effects = backward(&self.plan, &self.sources, &self.variables(), step).effects.into_iter();
        let taken = effects.filter_map(|effect| match effect {
            Effect::DropsColumn(table, column) => {
                Some(Taken { column: Some(column), ..Taken::table(shown(&table)) })
            }
            Effect::DropsTable(table) | Effect::Empties(table) | Effect::DeletesAll(table) => {
                Some(Taken::table(shown(&table)))
            }
            _ => None,
        });
        taken.collect()
    }
}

/// Rows that have a value of their own in a column. `None`: there is no such column. Where that can't be
/// counted in time it is the server's estimate of all rows.
pub(in crate::engine) async fn counted_values(
    session: &mut Session,
    column: &Column,
) -> Result<Option<RowCount>, Stop> {
    session.batch(&format!("SET statement_timeout = {}", BUDGET.as_millis())).await?;
    let counted = value_counts(session, std::slice::from_ref(column)).await;
    session.batch("SET statement_timeout = 0").await?;
    match counted {
        Ok(counts) => Ok(counts.into_values().next()),
        Err(MeasureError::Pg(error)) if error.is_lost() => Err(error.into()),
        Err(MeasureError::Pg(_)) => match rows::estimated_rows(session).await {
            Ok(mut estimates) => Ok(estimates.remove(&column.table)),
            Err(MeasureError::Pg(error)) if error.is_lost() => Err(error.into()),
            Err(_) => Ok(None),
        },
        Err(_) => Ok(None),
    }
}

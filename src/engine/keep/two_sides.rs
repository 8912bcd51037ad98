//! `compare` of source and target: a gate that fails closed. What is there on one side only, what can't be read, and
//! what nobody could finish looking at differs.

use std::sync::{Arc, Mutex, PoisonError};

use super::compare::NAMED;
use super::side_by_side::{by_statistics, schema, sequences, tables};
use crate::engine::conductor::Conductor;
use crate::engine::sides::{name_of, unanswered};
use crate::engine::stop::Stop;
use crate::engine::verify::count;
use crate::pg::across::{Failed, Pair, Which};
use crate::pg::ledger::identifier;
use crate::pg::measure::MeasureError;
use crate::pg::{PgError, Session};
use crate::plan::expect::{Answer, Column, Difference, Verdict};
use crate::plan::model::{Checkpoint, Compare, Compared, Side};

pub(super) const TEXT: u32 = 25;
/// Stands for content that differs: it is nobody's to show, and which it is of is said besides.
pub(super) const ANOTHER: &str = "another";

pub(super) fn difference(
    what: impl Into<String>,
    source: impl Into<String>,
    target: impl Into<String>,
    why: &str,
) -> Difference {
    let (expected, got) = (source.into(), target.into());
    Difference { row: 0, column: what.into(), expected, got, why: why.to_owned() }
}

/// What a comparison found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Of the file: a heading, and a line each.
    pub(super) head: Vec<(&'static str, u32)>,
    pub(super) lines: Vec<Vec<Option<String>>>,
    pub(super) differences: Vec<Difference>,
    /// The rows that differ, of each table that is among the differences.
    pub(super) rows: Vec<Vec<Difference>>,
    /// Each of the differences is of one table.
    pub(super) of_tables: bool,
    pub(super) tolerated: Vec<String>,
    /// What was compared, in words.
    pub(super) of: String,
    /// What is said of it beside the differences.
    pub(super) besides: Vec<String>,
}

impl Found {
    pub(super) fn differs(
        &mut self,
        what: impl Into<String>,
        source: impl Into<String>,
        target: impl Into<String>,
        why: &str,
    ) {
        self.differences.push(difference(what, source, target, why));
    }

    pub(super) fn line(&mut self, cells: impl IntoIterator<Item = String>) {
        self.lines.push(cells.into_iter().map(Some).collect());
    }

    fn answer(&self) -> Answer {
        let column =
            |(name, type_oid): &(&'static str, u32)| Column { name: (*name).to_owned(), type_oid: *type_oid };
        Answer {
            columns: self.head.iter().map(column).collect(),
            total_rows: self.lines.len() as u64,
            rows: self.lines.clone(),
            ..Answer::default()
        }
    }

    fn verdict(&self, expected: String) -> Verdict {
        let besides: String =
            self.tolerated.iter().chain(&self.besides).map(|words| format!("; {words}")).collect();
        if self.differences.is_empty() {
            return Verdict::pass(expected, format!("the same: {}{besides}", self.of));
        }
        let n = self.differences.len();
        let one_row =
            self.rows.first().filter(|rows| n == 1 && rows.len() == 1).and_then(|rows| rows.first());
        // The first of them is what somebody reads who sees one line.
        let first = one_row.or(self.differences.first()).map(|first| match first.got.as_str() {
            ANOTHER => format!("{}: {}", first.column, first.why),
            got => format!("{}: source {}, target {got}", first.column, first.expected),
        });
        let first = first.map(|first| format!(": {first}{}", if n > 1 { ", …" } else { "" }));
        let found = match (self.of_tables, n) {
            (false, _) => count(n, "difference"),
            (true, 1) => "1 table differs".to_owned(),
            (true, _) => format!("{n} tables differ"),
        };
        // A table is named whatever another one has; definitions and sequences are bounded.
        let named = if self.of_tables { n } else { n.min(NAMED) };
        let mut differences: Vec<Difference> = self.differences.iter().take(named).cloned().collect();
        differences.extend(shared(&self.rows));
        let all = n + self.rows.iter().map(Vec::len).sum::<usize>();
        Verdict {
            passed: false,
            expected,
            got: format!("{found}{}{besides}", first.unwrap_or_default()),
            more: all - differences.len(),
            differences,
        }
    }
}

/// Some rows of each table, as many of each as the bound has room for; one of each in any case.
fn shared(tables: &[Vec<Difference>]) -> Vec<Difference> {
    let mut left = NAMED.max(tables.len());
    let mut take = vec![0; tables.len()];
    while left > 0 {
        let before = left;
        for (take, rows) in take.iter_mut().zip(tables) {
            if left > 0 && *take < rows.len() {
                *take += 1;
                left -= 1;
            }
        }
        if left == before {
            break;
        }
    }
    tables.iter().zip(take).flat_map(|(rows, take)| rows.iter().take(take).cloned()).collect()
}

/// What is being read just now, for whoever waits.
#[derive(Debug, Clone, Default)]
pub(super) struct Now(Arc<Mutex<String>>);

impl Now {
    pub(super) fn is(&self, what: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }

    fn words(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Conductor {
    /// What came of it, and what there is to keep of it.
    pub(super) async fn compare_with_source(
        &mut self,
        compare: &Compare,
        checkpoint: &Checkpoint,
    ) -> Result<(Answer, Verdict), Stop> {
        let expected = match compare.of {
            Compared::Estimates => "as in the source, by statistics: advice, no proof".to_owned(),
            _ => "as in the source".to_owned(),
        };
        let mut source = match self.sides.open(Side::Source).await {
            Ok(session) => session,
            Err(error) => return Ok(self.no_source(expected, &error)),
        };
        let mut target = self.spare().await?;
        let now = Now::default();
        let read = self.read_both(&mut source, &mut target, compare, checkpoint, &now).await;
        source.close().await;
        target.close().await;
        match read? {
            Ok(found) => {
                self.tolerated(checkpoint, &found.tolerated).await?;
                Ok((found.answer(), found.verdict(expected)))
            }
            Err(Some((Which::Source, MeasureError::Pg(error)))) if error.is_lost() => {
                Ok(self.no_source(expected, &error))
            }
            Err(Some((Which::Target, MeasureError::Pg(error)))) if error.is_lost() => Err(error.into()),
            Err(Some((which, error))) => {
                let why = format!("{}: {}", side_name(which), self.unmeasured(error).message);
                Ok((Answer::default(), Verdict::fail(expected, "not compared", why)))
            }
            Err(None) => {
                Ok((Answer::default(), Verdict::fail(expected, "not compared", "cancelled by a person")))
            }
        }
    }

    fn no_source(&mut self, expected: String, error: &PgError) -> (Answer, Verdict) {
        self.out_of_reach = Some(Side::Source);
        (Answer::default(), unanswered(Side::Source, expected, error))
    }

    /// Reads in sessions that only read, that say how far they are, and that a person can cancel. No error: that
    /// person did.
    async fn read_both(
        &mut self,
        source: &mut Session,
        target: &mut Session,
        compare: &Compare,
        checkpoint: &Checkpoint,
        now: &Now,
    ) -> Result<Result<Found, Option<Failed>>, Stop> {
        let cancels = [source.cancel_handle(), target.cancel_handle()];
        let reading = read(source, target, compare, checkpoint.role.as_deref(), now);
        let read = self.patiently(&checkpoint.id, || now.words(), reading).await;
        match read {
            Ok(read) => Ok(read.map_err(Some)),
            // No further table is read: both sessions are closed, with what they were about.
            Err(why) => {
                for cancel in &cancels {
                    cancel.cancel().await.ok();
                }
                self.stop_for(why)?;
                Ok(Err(None))
            }
        }
    }
}

fn side_name(which: Which) -> &'static str {
    name_of(if which == Which::Source { Side::Source } else { Side::Target })
}

async fn read(
    source: &mut Session,
    target: &mut Session,
    compare: &Compare,
    role: Option<&str>,
    now: &Now,
) -> Result<Found, Failed> {
    if let Some(role) = role {
        let sql = format!("SET ROLE {}", identifier(role));
        source.batch(&sql).await.map_err(|error| (Which::Source, error.into()))?;
        target.batch(&sql).await.map_err(|error| (Which::Target, error.into()))?;
    }
    let mut pair = Pair::begin(source, target).await?;
    match compare.of {
        Compared::Schema => schema(&mut pair).await,
        Compared::Sequences => sequences(&mut pair).await,
        Compared::Estimates => by_statistics(&mut pair, compare).await,
        Compared::Rows | Compared::Content | Compared::Timings => tables(&mut pair, compare, now).await,
    }
}

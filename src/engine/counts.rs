//! Counts for the deltas, after each step that changed something and after its rollback.
//!
//! What can't be counted in time is estimated or left out, and said so: nothing here stops a run or
//! keeps it waiting for long. Exact is what the step wrote, as far as that is small; of a large table the
//! figure from before and the tuples that the server counted in the step are added up.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::baseline::{EXACT_UP_TO, counted as of_deltas};
use super::conductor::Conductor;
use super::stop::Stop;
use crate::pg::inventory::Inventory;
use crate::pg::measure::MeasureError;
use crate::pg::{Session, rows};
use crate::run::event::{AppliedHow, Counts, Direction, Event, ImageWhen, RowCount, Touched};
use crate::run::state::Run;

/// What one query may take, and all of those that count rows.
const ONE: Duration = Duration::from_secs(1);
const ALL: Duration = Duration::from_secs(3);
/// When counting the objects of the catalog took longer, it isn't done again for every step.
const SLOW: Duration = Duration::from_millis(700);
/// Of a step that doesn't tell what it wrote, as many tables are counted.
const UNTOLD: usize = 200;
/// Until a connection for it has to be there.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a step wrote.
struct Written {
    touched: BTreeMap<String, Touched>,
    /// Something of it the server didn't tell: psql ran it, or a statement outside of transactions.
    untold: bool,
    /// Counted already, for the image.
    known: BTreeMap<String, RowCount>,
}

impl Conductor {
    /// Journals what there is now.
    ///
    /// # Errors
    /// When the journal can't be written.
    pub(super) async fn counts_after(&mut self, step: &str, direction: Direction) -> Result<(), Stop> {
        if self.recorder.look(|run| run.baseline.is_none()) {
            return Ok(());
        }
        let written = self.recorder.look(|run| written(run, step, direction));
        let mut counts = Counts {
            step: step.to_owned(),
            direction,
            objects: BTreeMap::new(),
            rows: written.known.clone(),
            gone: Vec::new(),
            missing: Vec::new(),
        };
        let connected = tokio::time::timeout(PATIENCE, Session::connect(&self.target, "look")).await;
        match connected {
            Ok(Ok(mut session)) => {
                if let Err(error) = self.count(&mut session, &written, &mut counts).await {
                    counts.missing.push(("all of it".into(), error.to_string()));
                }
                session.close().await;
            }
            Ok(Err(error)) => counts.missing.push(("all of it".into(), error.to_string())),
            Err(_) => counts.missing.push(("all of it".into(), "no connection in time".into())),
        }
        self.record(Event::CountsTaken(Box::new(counts))).await
    }

    async fn count(
        &mut self,
        session: &mut Session,
        written: &Written,
        counts: &mut Counts,
    ) -> Result<(), MeasureError> {
        let limits = format!("SET lock_timeout = '100ms'; SET statement_timeout = {}", ONE.as_millis());
        session.batch(&limits).await?;
        match self.slow_counts {
            Some(took) => {
                let why =
                    format!("counting them takes {} ms, too long to do it for every step", took.as_millis());
                counts.missing.push(("objects".into(), why));
            }
            None => {
                let began = Instant::now();
                match Inventory::counts(session).await {
                    Ok(all) => counts.objects = of_deltas(&all),
                    Err(error) if error.is_lost() => return Err(error),
                    Err(error) => counts.missing.push(("objects".into(), error.to_string())),
                }
                self.slow_counts = Some(began.elapsed()).filter(|took| *took > SLOW);
            }
        }
        let before = |table: &str| self.recorder.look(|run| run.rows_of(table).1);
        let estimates = match rows::estimated_rows(session).await {
            Ok(estimates) => estimates,
            Err(error) if error.is_lost() => return Err(error),
            Err(error) => {
                counts.missing.push(("rows".into(), error.to_string()));
                return Ok(());
            }
        };
        // An image has views among them, too.
        counts.rows.retain(|table, _| estimates.contains_key(table));
        let mut tables: Vec<String> = written.touched.keys().cloned().collect();
        if written.untold {
            tables.extend(estimates.keys().filter(|table| !written.touched.contains_key(*table)).cloned());
        }
        let began = Instant::now();
        let mut left_out = 0;
        for (at, table) in tables.iter().enumerate() {
            if counts.rows.contains_key(table) {
                continue;
            }
            let Some(estimate) = estimates.get(table) else {
                // Views, sequences and partitioned tables aren't among them either.
                if before(table).is_some() {
                    counts.gone.push(table.clone());
                }
                continue;
            };
            let told = written.touched.get(table);
            if told.is_none() && (at >= UNTOLD || began.elapsed() > ALL) {
                left_out += 1;
                continue;
            }
            let large = estimate.rows > EXACT_UP_TO;
            let exact = if large || began.elapsed() > ALL { None } else { exactly(session, table).await? };
            let rows = exact.or_else(|| added_up(before(table), told)).unwrap_or(*estimate);
            if told.is_some() || before(table) != Some(rows) {
                counts.rows.insert(table.clone(), rows);
            }
        }
        if written.untold {
            // What is gone without a word.
            let known = self.recorder.look(|run| {
                let baseline = run.baseline.iter().flat_map(|baseline| baseline.rows.keys());
                baseline.chain(run.deltas.rows.keys()).cloned().collect::<BTreeSet<String>>()
            });
            let gone = known.into_iter().filter(|table| {
                !estimates.contains_key(table) && !counts.gone.contains(table) && before(table).is_some()
            });
            counts.gone.extend(gone.collect::<Vec<_>>());
        }
        if left_out > 0 {
            let why = format!("{left_out} tables that the step may have written weren't counted");
            counts.missing.push(("rows".into(), why));
        }
        Ok(())
    }
}

/// `None`: it can't be counted in time, is locked, or mayn't be read.
async fn exactly(session: &mut Session, table: &str) -> Result<Option<RowCount>, MeasureError> {
    match rows::row_counts(session, std::slice::from_ref(&table.to_owned())).await {
        Ok(counts) => Ok(counts.into_values().next()),
        Err(error) if error.is_lost() => Err(error),
        Err(_) => Ok(None),
    }
}

fn added_up(before: Option<RowCount>, told: Option<&Touched>) -> Option<RowCount> {
    let (before, told) = (before?, told?);
    let rows = before.rows.saturating_add(told.inserted).saturating_sub(told.deleted).max(0);
    Some(RowCount { rows, exact: false })
}

fn written(run: &Run, step: &str, direction: Direction) -> Written {
    let mut written = Written { touched: BTreeMap::new(), untold: false, known: BTreeMap::new() };
    let Some(state) = run.step(step) else { return written };
    for unit in state.units_of(direction).iter() {
        written.untold |= unit.bare || unit.how != Some(AppliedHow::Confirmed);
        for touched in &unit.touched {
            let all = written.touched.entry(touched.relation.clone()).or_insert_with(|| Touched {
                inserted: 0,
                updated: 0,
                deleted: 0,
                ..touched.clone()
            });
            all.at_most |= touched.at_most;
            all.inserted += touched.inserted;
            all.deleted += touched.deleted;
        }
    }
    let image = run.images.last().filter(|image| {
        direction == Direction::Forward
            && image.when == ImageWhen::AfterStep
            && image.step.as_deref() == Some(step)
            && image.generation == state.generation
    });
    written.known = image.map(|image| image.rows.clone()).unwrap_or_default();
    written
}

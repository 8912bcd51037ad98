//! Evaluates checkpoints: in a session that only reads, or inside a step's own transaction.
//!
//! What can't be evaluated has failed. Values are compared in the server's text form with its settings
//! pinned, so that the answer doesn't depend on how a role or a file has set up its session.

use std::time::{Duration, Instant};

use super::attention::Interruption;
use super::baseline::Before;
use super::conductor::Conductor;
use super::heard::Broken;
use super::outline::expects_of_script;
use super::problems;
use super::standing::{PIN, Standing};
use super::stop::Stop;
use super::unit::{Abandon, millis};
use crate::pg::PgError;
use crate::pg::inventory::Inventory;
use crate::pg::ledger::identifier;
use crate::pg::measure::MeasureError;
use crate::pg::rows;
use crate::pg::{Limits, Rows, Session};
use crate::plan::expect::{self, Answer, Column, Outcome, Refusal, Verdict};
use crate::plan::model::{Amount, Ask, Checkpoint, Kind, Kinds, OnFailure, Step};
use crate::run::event::{CheckpointResult, Direction, Event, Unit, When};

/// Rows of a checkpoint that are kept; all are counted.
const MAX_ROWS: usize = 10_000;
const MAX_CELL: usize = 1 << 20;
const MAX_TOTAL: usize = 16 << 20;

impl Conductor {
    /// Evaluates checkpoints outside of any step's transaction and records each result. Returns the
    /// ids of those that failed and whose failure counts.
    ///
    /// # Errors
    /// [`Stop`] when the database can't be reached or the journal can't be written.
    pub async fn verify_standing(
        &mut self,
        step: &str,
        checkpoints: &[Checkpoint],
        direction: Direction,
        when: When,
    ) -> Result<Vec<String>, Stop> {
        let mut failed = Vec::new();
        for checkpoint in checkpoints {
            if let Some(interruption) = self.attention.standing() {
                self.stop_for(interruption)?;
            }
            let began = Instant::now();
            let (outcome, verdict) = self.evaluate_standing(checkpoint).await?;
            // What was broken off has no verdict: it runs again on resume.
            if let Some(interruption) = self.attention.standing() {
                self.stop_for(interruption)?;
            }
            let result = self.result(step, checkpoint, direction, when, verdict, began.elapsed());
            if self.settle_checkpoint(step, checkpoint, result, outcome).await? {
                failed.push(checkpoint.id.clone());
            }
        }
        Ok(failed)
    }

    /// Evaluates a step's checkpoints (and what it adds) in its own transaction, which goes on
    /// unharmed: each runs in a savepoint that is rolled back.
    pub(super) async fn verify_in(
        &mut self,
        work: &mut Session,
        step: &Step,
        unit: &Unit,
        before: Option<&Before>,
    ) -> Result<(), Abandon> {
        let mut failed: Vec<String> = Vec::new();
        for checkpoint in &step.checkpoints {
            let began = Instant::now();
            let (outcome, verdict) = self.evaluate_in(work, checkpoint).await?;
            if let Some(interruption) =
                self.attention.standing().filter(|interruption| *interruption != Interruption::Cancelled)
            {
                let problem = problems::plain(format!("interrupted in checkpoint \"{}\"", checkpoint.title));
                return Err(Broken::Interrupted(interruption, Box::new(problem)).into());
            }
            let result = self.result(
                &unit.step,
                checkpoint,
                unit.direction,
                When::BeforeCommit,
                verdict,
                began.elapsed(),
            );
            let passed = result.verdict.passed;
            self.record(Event::CheckpointResult(Box::new(result))).await?;
            if let (true, Some(name), Outcome::Rows(answer)) = (passed, &checkpoint.save, &outcome) {
                // It counts only when the transaction that it was seen in does.
                self.unsaved.extend(saved_event(&unit.step, checkpoint, name, answer));
            }
            // One that the plan passes over doesn't stand in the way of COMMIT.
            if !passed && checkpoint.on_failure != Some(OnFailure::Continue) {
                failed.push(format!("\"{}\"", checkpoint.title));
            }
        }
        if let (Some(adds), Some(before)) = (&step.adds, before) {
            let began = Instant::now();
            let verdict = match self.judge_adds(work, adds, before).await {
                Ok(verdict) => verdict,
                Err(MeasureError::Pg(error)) => return Err(self.broke(error).into()),
                Err(error) => Verdict::fail("what the plan says it adds", "not measured", error.to_string()),
            };
            if !self.record_adds(unit, verdict, When::BeforeCommit, began).await? {
                failed.push("what it adds".to_owned());
            }
        }
        if failed.is_empty() {
            return Ok(());
        }
        let mut problem = problems::plain(format!(
            "{} failed before COMMIT: {}",
            count(failed.len(), "checkpoint"),
            failed.join(", ")
        ));
        problem.hint = step.otherwise.clone();
        Err(Abandon::Unverified(problem))
    }

    /// Compares what there is with what there was and what the step says it adds.
    ///
    /// # Errors
    /// When the database can't be asked.
    pub async fn verify_adds(&mut self, unit: &Unit, adds: &Kinds, before: &Before) -> Result<bool, Stop> {
        let began = Instant::now();
        let mut look = self.spare().await?;
        let verdict = match self.judge_adds(&mut look, adds, before).await {
            Ok(verdict) => verdict,
            Err(MeasureError::Pg(error)) => return Err(error.into()),
            Err(error) => Verdict::fail("what the plan says it adds", "not measured", error.to_string()),
        };
        look.close().await;
        self.record_adds(unit, verdict, When::AfterCommit, began).await
    }

    /// What the plan expects of a script itself: its warnings, and its time.
    pub(super) async fn verify_script(
        &mut self,
        step: &Step,
        unit: &Unit,
        warnings: Option<u64>,
        elapsed: Duration,
        when: When,
    ) -> Result<bool, Stop> {
        let Some(expect) = step.expect.as_ref().filter(|_| expects_of_script(step)) else { return Ok(true) };
        let mut parts = Vec::new();
        if let Some(cell) = &expect.warnings {
            let verdict = match warnings {
                Some(warnings) => expect.judge_script(warnings, &self.saved()),
                None => {
                    let why = "the program stopped while it ran, and nobody counted";
                    Verdict::fail(cell.to_string(), "not measured", why)
                }
            };
            parts.push(("warnings".to_owned(), verdict));
        }
        if let Some(within) = expect.within {
            let (most, took) = (crate::plan::duration::words(within), format!("{} ms", millis(elapsed)));
            let verdict = if elapsed <= within {
                Verdict::pass(most, took)
            } else {
                Verdict::fail(most, took, "it took longer")
            };
            parts.push(("time".to_owned(), verdict));
        }
        let verdict = Verdict::all_of(parts);
        let passed = verdict.passed;
        self.record(Event::CheckpointResult(Box::new(CheckpointResult {
            step: unit.step.clone(),
            checkpoint: format!("{}/expect", unit.step),
            title: "runs as the plan expects".into(),
            direction: unit.direction,
            when,
            verdict,
            elapsed_ms: millis(elapsed),
            otherwise: None,
        })))
        .await?;
        Ok(passed)
    }

    async fn record_adds(
        &mut self,
        unit: &Unit,
        verdict: Verdict,
        when: When,
        began: Instant,
    ) -> Result<bool, Stop> {
        let passed = verdict.passed;
        self.record(Event::CheckpointResult(Box::new(CheckpointResult {
            step: unit.step.clone(),
            checkpoint: format!("{}/adds", unit.step),
            title: "adds what the plan says".into(),
            direction: unit.direction,
            when,
            verdict,
            elapsed_ms: millis(began.elapsed()),
            otherwise: None,
        })))
        .await?;
        Ok(passed)
    }

    async fn judge_adds(
        &self,
        session: &mut Session,
        adds: &Kinds,
        before: &Before,
    ) -> Result<Verdict, MeasureError> {
        let kinds: Vec<Kind> = adds.counts.iter().map(|(kind, _)| *kind).collect();
        let now = Inventory::take(session, &kinds).await?;
        let changes = Inventory::diff(&before.inventory, &now);
        let saved = self.saved();
        let mut parts = Vec::new();
        for (kind, amount) in &adds.counts {
            let change = changes.get(kind).cloned().unwrap_or_default();
            let verdict = match amount {
                Amount::Count(cell) => expect::judge_count(cell, change.net, &saved),
                Amount::Names(names) => {
                    let mismatch = change.mismatch(*kind, names);
                    let unexpected = mismatch.unexpected.iter().map(ToString::to_string);
                    let got: Vec<String> = names
                        .iter()
                        .filter(|name| !mismatch.missing.contains(name))
                        .cloned()
                        .chain(unexpected)
                        .collect();
                    expect::judge_names(names, &got, true)
                }
            };
            parts.push((kind.word().to_owned(), verdict));
        }
        let tables: Vec<String> = adds.rows.iter().map(|(table, _)| table.clone()).collect();
        let now = rows::row_counts(session, &tables).await?;
        for (table, cell) in &adds.rows {
            let added =
                now.get(table).map_or(0, |count| count.rows) - before.rows.get(table).copied().unwrap_or(0);
            parts.push((format!("rows of {table}"), expect::judge_count(cell, added, &saved)));
        }
        Ok(Verdict::all_of(parts))
    }

    /// Records a result with its consequences; says whether its failure counts.
    pub(super) async fn settle_checkpoint(
        &mut self,
        step: &str,
        checkpoint: &Checkpoint,
        result: CheckpointResult,
        outcome: Outcome,
    ) -> Result<bool, Stop> {
        let passed = result.verdict.passed;
        self.record(Event::CheckpointResult(Box::new(result))).await?;
        if passed {
            if let (Some(name), Outcome::Rows(answer)) = (&checkpoint.save, &outcome) {
                self.save(step, checkpoint, name, answer).await?;
            }
            return Ok(false);
        }
        Ok(true)
    }

    async fn save(
        &mut self,
        step: &str,
        checkpoint: &Checkpoint,
        name: &str,
        answer: &Answer,
    ) -> Result<(), Stop> {
        match saved_event(step, checkpoint, name, answer) {
            Some(event) => self.record(event).await,
            None => Ok(()),
        }
    }

    pub(super) fn result(
        &self,
        step: &str,
        checkpoint: &Checkpoint,
        direction: Direction,
        when: When,
        verdict: Verdict,
        elapsed: Duration,
    ) -> CheckpointResult {
        CheckpointResult {
            step: step.to_owned(),
            checkpoint: checkpoint.id.clone(),
            title: checkpoint.title.clone(),
            direction,
            when,
            verdict,
            elapsed_ms: millis(elapsed),
            otherwise: checkpoint.otherwise.clone(),
        }
    }

    async fn evaluate_standing(&mut self, checkpoint: &Checkpoint) -> Result<(Outcome, Verdict), Stop> {
        let within = within(checkpoint);
        let mut look = match self.idle_look.take() {
            Some(look) => look,
            None => self.spare().await?,
        };
        let asked = match self.in_standing(&mut look, checkpoint, within).await {
            Err(error) if error.is_lost() => {
                // One more try on a fresh session; a database that is gone says so there.
                look = self.spare().await?;
                self.in_standing(&mut look, checkpoint, within).await?
            }
            other => other?,
        };
        self.idle_look = Some(look);
        Ok(self.judge(checkpoint, asked))
    }

    async fn in_standing(
        &mut self,
        look: &mut Session,
        checkpoint: &Checkpoint,
        within: Duration,
    ) -> Result<Asked, PgError> {
        match Standing::begin(look, checkpoint.role.as_deref(), bound(within).as_deref()).await {
            Ok(standing) => {
                let outcome = self.ask(look, checkpoint).await;
                standing.end(look).await?;
                outcome
            }
            Err(error) => match error.server() {
                Some(server) if !error.is_lost() => {
                    let refusal = Refusal {
                        sqlstate: server.sqlstate.clone(),
                        message: server.message.clone(),
                        taking_role: true,
                    };
                    look.batch("ROLLBACK").await?;
                    Ok(Asked::Query(Outcome::Error(refusal)))
                }
                _ => Err(error),
            },
        }
    }

    async fn evaluate_in(
        &mut self,
        work: &mut Session,
        checkpoint: &Checkpoint,
    ) -> Result<(Outcome, Verdict), Broken> {
        let asked = match Savepoint::begin(work, checkpoint.role.as_deref(), within(checkpoint)).await {
            Ok(savepoint) => {
                let outcome = self.ask(work, checkpoint).await;
                savepoint.end(work).await.map_err(|error| self.broke(error))?;
                outcome.map_err(|error| self.broke(error))?
            }
            Err(error) if error.is_lost() => return Err(self.broke(error)),
            Err(error) => {
                Savepoint.end(work).await.map_err(|error| self.broke(error))?;
                let server = error.server().cloned().unwrap_or_default();
                Asked::Query(Outcome::Error(Refusal {
                    sqlstate: server.sqlstate,
                    message: server.message,
                    taking_role: true,
                }))
            }
        };
        Ok(self.judge(checkpoint, asked))
    }

    /// Asks the query; an error of the server is an answer, a lost connection isn't.
    async fn ask(&mut self, session: &mut Session, checkpoint: &Checkpoint) -> Result<Asked, PgError> {
        self.ask_what(session, checkpoint, crate::script::reads_only).await
    }

    /// As [`Self::ask`], of what may be asked there.
    pub(super) async fn ask_what(
        &mut self,
        session: &mut Session,
        checkpoint: &Checkpoint,
        may: fn(&str) -> bool,
    ) -> Result<Asked, PgError> {
        let sql = match &checkpoint.ask {
            Ask::Sql(sql) => match self.inline(sql) {
                Ok(sql) if may(&sql) => sql,
                Ok(_) => {
                    return Ok(Asked::refused(
                        "",
                        "a checkpoint may only read: SELECT, VALUES, TABLE, WITH, SHOW, EXPLAIN",
                    ));
                }
                Err(message) => return Ok(Asked::refused("", &message)),
            },
            Ask::Inventory(kinds) => {
                return match self.judge_inventory(session, kinds).await {
                    Ok(verdict) => Ok(Asked::Inventory(verdict)),
                    Err(MeasureError::Pg(error)) if error.is_lost() => Err(error),
                    Err(error) => Ok(Asked::refused("", &error.to_string())),
                };
            }
        };
        let limits = Limits { max_rows: MAX_ROWS, max_cell_bytes: MAX_CELL, max_total_bytes: MAX_TOTAL };
        let began = Instant::now();
        let cancel = session.cancel_handle();
        let query = session.query_bounded(&sql, &[], limits);
        tokio::pin!(query);
        let mut interrupted = false;
        let rows = loop {
            tokio::select! {
                rows = &mut query => break rows,
                _ = self.attention.interrupted(), if !interrupted => {
                    interrupted = true;
                    cancel.cancel().await.ok();
                }
            }
        };
        match rows {
            Ok(rows) => Ok(Asked::Query(Outcome::Rows(answer(rows, began.elapsed())))),
            Err(error) => match error.server() {
                Some(server) if !error.is_lost() => Ok(Asked::refused(&server.sqlstate, &server.message)),
                _ => Err(error),
            },
        }
    }

    async fn judge_inventory(&self, session: &mut Session, kinds: &Kinds) -> Result<Verdict, MeasureError> {
        let wanted: Vec<Kind> = kinds.counts.iter().map(|(kind, _)| *kind).collect();
        let now = Inventory::take(session, &wanted).await?;
        let saved = self.saved();
        let mut parts = Vec::new();
        for (kind, amount) in &kinds.counts {
            let verdict = match amount {
                Amount::Count(cell) => {
                    expect::judge_count(cell, now.counts.get(kind).copied().unwrap_or_default(), &saved)
                }
                Amount::Names(names) => {
                    let missing = now.missing(*kind, names);
                    let got: Vec<String> =
                        names.iter().filter(|name| !missing.contains(&name.as_str())).cloned().collect();
                    expect::judge_names(names, &got, false)
                }
            };
            parts.push((kind.word().to_owned(), verdict));
        }
        let tables: Vec<String> = kinds.rows.iter().map(|(table, _)| table.clone()).collect();
        let now = rows::row_counts(session, &tables).await?;
        for (table, cell) in &kinds.rows {
            let count = now.get(table).map_or(0, |count| count.rows);
            parts.push((format!("rows of {table}"), expect::judge_count(cell, count, &saved)));
        }
        Ok(Verdict::all_of(parts))
    }

    pub(super) fn judge(&self, checkpoint: &Checkpoint, asked: Asked) -> (Outcome, Verdict) {
        let outcome = match asked {
            Asked::Inventory(verdict) => return (Outcome::Rows(Answer::default()), verdict),
            Asked::Query(outcome) => outcome,
        };
        let verdict = match &checkpoint.expect {
            Some(expect) => expect.judge(&outcome, &self.saved()),
            None => must_run(&outcome),
        };
        let verdict = match (&checkpoint.save, &outcome) {
            (Some(name), Outcome::Rows(answer)) if verdict.passed => match expect::save(name, answer) {
                Ok(_) => verdict,
                Err(why) => Verdict::fail("a value to save", "none", why),
            },
            _ => verdict,
        };
        (outcome, verdict)
    }
}

/// What is journaled of a saved value. One that can't be saved was judged as a failure; see `judge`.
fn saved_event(step: &str, checkpoint: &Checkpoint, name: &str, answer: &Answer) -> Option<Event> {
    let values = expect::save(name, answer).ok()?.into_iter().collect();
    Some(Event::Saved { step: step.to_owned(), checkpoint: checkpoint.id.clone(), values })
}

/// What a checkpoint was answered with.
pub(super) enum Asked {
    Query(Outcome),
    Inventory(Verdict),
}

impl Asked {
    pub(super) fn refused(sqlstate: &str, message: &str) -> Self {
        Self::Query(Outcome::Error(Refusal {
            sqlstate: sqlstate.to_owned(),
            message: message.to_owned(),
            taking_role: false,
        }))
    }
}

/// Without an expectation a query must merely run.
fn must_run(outcome: &Outcome) -> Verdict {
    match outcome {
        Outcome::Rows(answer) => {
            let rows = usize::try_from(answer.total_rows).unwrap_or(usize::MAX);
            Verdict::pass("it runs", count(rows, "row"))
        }
        Outcome::Error(refusal) => Verdict::fail("it runs", "an error", refusal.message.clone()),
    }
}

/// Bounds a query: a little longer than it may take, so that its time can be told.
pub(super) fn bound(within: Duration) -> Option<String> {
    let ms = millis(within).saturating_mul(2).max(1000);
    (!within.is_zero()).then(|| format!("SET LOCAL statement_timeout = {ms}"))
}

pub(super) fn within(checkpoint: &Checkpoint) -> Duration {
    checkpoint.expect.as_ref().and_then(|expect| expect.within).unwrap_or(Duration::ZERO)
}

fn answer(rows: Rows, elapsed: Duration) -> Answer {
    let cut = rows.long_cells.first().map(|long| {
        let column = rows.columns.get(long.column).map_or("?", |column| column.name.as_str());
        format!("a value of {} bytes in column {column}", long.bytes)
    });
    Answer {
        cut,
        columns: rows
            .columns
            .into_iter()
            .map(|column| Column { name: column.name, type_oid: column.type_oid })
            .collect(),
        total_rows: rows.total_rows,
        truncated: rows.truncated.map(|bound| format!("{bound:?}").to_lowercase()),
        rows: rows.rows,
        elapsed,
    }
}

/// A read-only savepoint with pinned settings inside a step's transaction.
struct Savepoint;

impl Savepoint {
    /// `within` bounds the query here too: the step's locks are held meanwhile.
    async fn begin(work: &mut Session, role: Option<&str>, within: Duration) -> Result<Self, PgError> {
        super::unit::own(work, "SAVEPOINT holdpoint_checkpoint").await?;
        super::unit::own(work, &format!("SET LOCAL transaction_read_only = on; {PIN}")).await?;
        if let Some(bound) = bound(within) {
            super::unit::own(work, &bound).await?;
        }
        if let Some(role) = role {
            super::unit::own(work, &format!("SET LOCAL ROLE {}", identifier(role))).await?;
        }
        Ok(Self)
    }

    async fn end(self, work: &mut Session) -> Result<(), PgError> {
        super::unit::own(work, "ROLLBACK TO SAVEPOINT holdpoint_checkpoint").await?;
        super::unit::own(work, "RELEASE SAVEPOINT holdpoint_checkpoint").await.map(drop)
    }
}

/// `1 checkpoint`, `2 checkpoints`.
#[must_use]
pub fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

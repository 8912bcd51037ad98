//! Evaluates checkpoints, outside of transactions or inside a step's own, and records what came of each;
//! `ask` asks them.
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
use super::stop::Stop;
use super::unit::{Abandon, millis};
use crate::pg::Session;
use crate::pg::inventory::Inventory;
use crate::pg::measure::MeasureError;
use crate::pg::rows;
use crate::plan::expect::{self, Answer, Outcome, Verdict};
use crate::plan::model::{Amount, Checkpoint, Kind, Kinds, OnFailure, Step};
use crate::run::event::{CheckpointResult, Direction, Event, Unit, When};

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
        self.out_of_reach = None;
        for checkpoint in checkpoints {
            let reached = self.out_of_reach;
            if let Some(interruption) = self.attention.standing() {
                self.stop_for(interruption)?;
            }
            let began = Instant::now();
            let (outcome, verdict) = self.evaluate_standing(checkpoint).await?;
            // What was broken off has no verdict: it runs again on resume.
            if let Some(interruption) = self.attention.standing() {
                self.stop_for(interruption)?;
            }
            let verdict = self.keep_answer(step, checkpoint, &outcome, verdict).await?;
            let result = self.result(step, checkpoint, direction, when, verdict, began.elapsed());
            if self.settle_checkpoint(step, checkpoint, result, outcome).await? {
                failed.push(checkpoint.id.clone());
            }
            // That one which may fail had no answer says nothing about those that may not.
            if checkpoint.on_failure == Some(OnFailure::Continue) {
                self.out_of_reach = reached;
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
            let verdict = self.keep_answer(&unit.step, checkpoint, &outcome, verdict).await?;
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
        let mut look = self.measuring().await?;
        let verdict = match self.judge_adds(&mut look, adds, before).await {
            Ok(verdict) => verdict,
            Err(MeasureError::Pg(error)) => return Err(error.into()),
            Err(error) => Verdict::fail("what the plan says it adds", "not measured", error.to_string()),
        };
        self.rest(look).await;
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
}

/// What is journaled of a saved value. One that can't be saved was judged as a failure; see `judge`.
fn saved_event(step: &str, checkpoint: &Checkpoint, name: &str, answer: &Answer) -> Option<Event> {
    let values = expect::save(name, answer).ok()?.into_iter().collect();
    Some(Event::Saved { step: step.to_owned(), checkpoint: checkpoint.id.clone(), values })
}

/// `1 checkpoint`, `2 checkpoints`.
#[must_use]
pub fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

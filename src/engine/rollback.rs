//! Going backwards: what this run applied, last first, each step by its own rollback.

use std::time::Instant;

use super::conductor::Conductor;
use super::exit::Exit;
use super::residue::Left;
use super::stop::Stop;
use super::unit::millis;
use crate::plan::model::{Action, OnFailure, Plan, Step, Undo};
use crate::run::command::{Command, Wish};
use crate::run::event::{CheckpointResult, Direction, Ending, Event, HoldReason, Problem, When};

/// How a step is undone.
enum Way<'a> {
    Own(&'a Step),
    /// With another step.
    By(&'a str),
    Not(String),
}

impl Conductor {
    /// Undoes everything that this run applied, down to and including `to`.
    ///
    /// # Errors
    /// When the run can't go on.
    pub(super) async fn roll_back(&mut self, to: Option<String>, why: &str) -> Result<Exit, Stop> {
        let mut steps: Vec<String> = self.recorder.look(|run| run.to_undo().map(|s| s.id.clone()).collect());
        if let Some(to) = &to {
            match steps.iter().position(|step| step == to) {
                Some(at) => steps.truncate(at + 1),
                None => {
                    let why = format!("\"{to}\" isn't among what this run applied: {}", steps.join(", "));
                    return Err(Stop::Left { exit: Exit::Waiting, why });
                }
            }
        }
        let mut kept: Vec<(String, String)> = Vec::new();
        for id in &steps {
            match find_way(&self.plan, id) {
                Way::Not(why) => kept.push((id.clone(), why)),
                Way::By(other) if !steps.iter().any(|step| step == other) => {
                    let why =
                        format!("\"{id}\" is undone with \"{other}\": roll back to \"{other}\", or further");
                    return Err(Stop::Left { exit: Exit::Waiting, why });
                }
                _ => {}
            }
        }
        self.record(Event::RollbackStarted { to, procedure: None, steps, kept, why: why.to_owned() }).await?;
        self.continue_rollback().await
    }

    /// Goes on with a rollback, after a stop too.
    pub(super) async fn continue_rollback(&mut self) -> Result<Exit, Stop> {
        let began = Instant::now();
        if self.epoch.is_none() && self.recorder.look(|run| run.epoch.is_some()) {
            self.take_fence().await?;
        }
        let steps =
            self.recorder.look(|run| run.rollback.as_ref().map(|r| r.steps.clone()).unwrap_or_default());
        for id in &steps {
            self.undo(id).await?;
        }
        // Last, those that were undone with another step, once that one really is.
        for id in &steps {
            self.undone_with_another(id).await?;
        }
        let Left { residue, apart, covers, not_compared } = self.residue().await?;
        let to = self.recorder.look(|run| run.rollback.as_ref().and_then(|r| r.to.clone()));
        let elapsed_ms = millis(began.elapsed());
        // Nothing compared is nothing proven.
        let clean = residue.is_empty() && self.recorder.look(|run| run.baseline.is_some());
        self.record(Event::RollbackEnded { residue, apart, covers, not_compared, elapsed_ms }).await?;
        let everything = self.recorder.look(|run| run.applied_order.is_empty());
        if to.is_some() && !everything {
            let needs =
                "the rollback went as far as it was told; go on forward, or roll back the rest".to_owned();
            self.hold(HoldReason::RolledBackTo, None, needs.clone(), None).await?;
            return Err(Stop::Left { exit: Exit::Waiting, why: needs });
        }
        let exit = if clean && everything { Exit::RolledBack } else { Exit::Failed };
        let summary = self.summary().await;
        let outcome = Ending::RolledBack { clean: clean && everything };
        self.record(Event::Ended { outcome, exit_code: exit.code(), summary }).await?;
        Ok(exit)
    }

    async fn undo(&mut self, id: &str) -> Result<(), Stop> {
        loop {
            if !self.recorder.look(|run| run.applied_order.iter().any(|step| step == id)) {
                return self.verify_undone(id).await;
            }
            let plan = std::sync::Arc::clone(&self.plan);
            let problem = match find_way(&plan, id) {
                Way::Own(step) => match self.undo_once(id, step).await? {
                    Ok(()) => continue,
                    Err(problem) => problem,
                },
                // Undone with another step, which stands before it and is undone later.
                Way::By(_) => return Ok(()),
                Way::Not(_) => return Ok(()),
            };
            let needs = format!("undoing \"{id}\" failed: {}", problem.message);
            self.hold(HoldReason::UndoFailed, Some(id), needs, problem.hint.clone()).await?;
            loop {
                let Command { what, by } = self.next_wish().await?;
                match what {
                    Wish::Retry | Wish::Go => break,
                    Wish::Skip { step, reason } if step == id => {
                        let what = format!("its rollback was skipped by {}: {reason}", by.name);
                        self.record(Event::Deviation { step: Some(step), what }).await?;
                        return Ok(());
                    }
                    other => {
                        self.obey(None, other, by).await?;
                    }
                }
            }
        }
    }

    async fn undone_with_another(&mut self, id: &str) -> Result<(), Stop> {
        let plan = std::sync::Arc::clone(&self.plan);
        let Way::By(other) = find_way(&plan, id) else { return Ok(()) };
        let stands = |id: &str| self.recorder.look(|run| run.applied_order.iter().any(|step| step == id));
        if !stands(id) {
            return Ok(());
        }
        if stands(other) {
            let what = format!("its effects stay: \"{other}\", with which it is undone, wasn't undone");
            return self.record(Event::Deviation { step: Some(id.to_owned()), what }).await;
        }
        self.start_id(id, Direction::Back).await?;
        let (generation, direction) = (self.generation(id), Direction::Back);
        self.record(Event::StepApplied { step: id.to_owned(), direction, generation, elapsed_ms: 0 }).await?;
        self.record(Event::StepUndone { step: id.to_owned(), generation, elapsed_ms: 0 }).await
    }

    /// It is undone. A checkpoint of its rollback that failed is looked at again, or a person goes on
    /// regardless; it stays in the residue then.
    async fn verify_undone(&mut self, id: &str) -> Result<(), Stop> {
        let plan = std::sync::Arc::clone(&self.plan);
        let Way::Own(undo) = find_way(&plan, id) else { return Ok(()) };
        loop {
            let failed: Vec<String> =
                self.failed_after(id).iter().map(|result| format!("\"{}\"", result.title)).collect();
            if failed.is_empty() || undo.on_failure == OnFailure::Continue {
                return Ok(());
            }
            let needs = format!("\"{id}\" is undone, and {} didn't pass", failed.join(", "));
            self.hold(HoldReason::UndoFailed, Some(id), needs, undo.otherwise.clone()).await?;
            loop {
                let Command { what, by } = self.next_wish().await?;
                match what {
                    Wish::Retry | Wish::Go => break,
                    Wish::Override { step, reason } if step == id => {
                        let what = format!(
                            "after its rollback {} didn't pass; {} went on: {reason}",
                            failed.join(", "),
                            by.name
                        );
                        return self.record(Event::Deviation { step: Some(step), what }).await;
                    }
                    other => {
                        self.obey(None, other, by).await?;
                    }
                }
            }
            self.verify_standing(id, &undo.checkpoints, Direction::Back, When::AfterCommit).await?;
        }
    }

    /// Checkpoints of a rollback that is done which didn't pass.
    pub(super) fn failed_after(&self, id: &str) -> Vec<CheckpointResult> {
        self.recorder.look(|run| {
            let results = run.step(id).map(|step| step.undo_checkpoints.values());
            results.into_iter().flatten().filter(|result| !result.verdict.passed).cloned().collect()
        })
    }

    async fn undo_once(&mut self, id: &str, undo: &Step) -> Result<Result<(), Problem>, Stop> {
        let began = Instant::now();
        self.start_id(id, Direction::Back).await?;
        let generation = self.generation(id);
        if let Some(problem) = self.cant_undo(undo) {
            self.undo_failed(id, &problem, began).await?;
            return Ok(Err(problem));
        }
        if matches!(undo.action, Action::File { .. } | Action::Files { .. } | Action::Sql { .. }) {
            if let Err(problem) = self.run_units(undo, id, Direction::Back).await? {
                self.undo_failed(id, &problem, began).await?;
                return Ok(Err(problem));
            }
            self.record(Event::StepApplied {
                step: id.to_owned(),
                direction: Direction::Back,
                generation,
                elapsed_ms: millis(began.elapsed()),
            })
            .await?;
        }
        if !self.verifies_before(undo) || !matches!(undo.action, Action::File { .. } | Action::Sql { .. }) {
            let failed =
                self.verify_standing(id, &undo.checkpoints, Direction::Back, When::AfterCommit).await?;
            if !failed.is_empty() {
                // It is undone; that a checkpoint of it failed is residue, and belongs in the evidence.
                let what = format!("after its rollback {} didn't pass", failed.join(", "));
                self.record(Event::Deviation { step: Some(id.to_owned()), what }).await?;
            }
        }
        let elapsed_ms = millis(began.elapsed());
        self.record(Event::StepUndone { step: id.to_owned(), generation, elapsed_ms }).await?;
        Ok(Ok(()))
    }

    async fn undo_failed(&mut self, id: &str, problem: &Problem, began: Instant) -> Result<(), Stop> {
        let generation = self.generation(id);
        self.record(Event::StepFailed {
            step: id.to_owned(),
            direction: Direction::Back,
            generation,
            problem: problem.clone(),
            elapsed_ms: millis(began.elapsed()),
        })
        .await
    }
}

/// The step whose keys apply to a unit: the plan's own, or its rollback.
pub(super) fn step_for<'a>(plan: &'a Plan, id: &str, direction: Direction) -> Option<&'a Step> {
    match direction {
        Direction::Forward => plan.phases.iter().flat_map(|phase| &phase.steps).find(|step| step.id == id),
        Direction::Back => match find_way(plan, id) {
            Way::Own(step) => Some(step),
            _ => None,
        },
    }
}

fn find_way<'a>(plan: &'a Plan, id: &str) -> Way<'a> {
    let step = plan.phases.iter().flat_map(|phase| &phase.steps).find(|step| step.id == id);
    match step {
        None => Way::Not("it isn't in the plan any more".into()),
        Some(step) => match (&step.irreversible, &step.rollback) {
            (Some(why), _) => Way::Not(format!("irreversible: {why}")),
            (None, None) => Way::Not("the plan has no rollback for it".into()),
            (None, Some(Undo::By(other))) => Way::By(other),
            (None, Some(Undo::Own(step))) => Way::Own(step),
        },
    }
}

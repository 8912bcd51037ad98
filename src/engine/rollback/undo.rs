//! Undoes one step by its own rollback, and asks when that fails.

use std::time::Instant;

use super::super::conductor::Conductor;
use super::super::exit::Exit;
use super::super::stop::Stop;
use super::super::unit::millis;
use super::{Way, step_for, way};
use crate::crash;
use crate::plan::model::{Action, OnFailure, Step};
use crate::run::command::{Command, Wish};
use crate::run::event::{
    Assurance, CheckpointResult, Decision, Direction, Ending, Event, HoldReason, Person, Problem, When,
};

impl Conductor {
    /// Undoes a step, and looks at the checkpoints of its rollback.
    pub(super) async fn undo(&mut self, id: &str) -> Result<(), Stop> {
        loop {
            if !self.stands(id) {
                return self.verify_undone(id).await;
            }
            // What was ruled out once isn't tried again by whoever takes the run up.
            if self.is_kept(id) {
                return self.tell_decision(id, Decision::Skip, "").await;
            }
            let plan = std::sync::Arc::clone(&self.plan);
            // Told beforehand to leave it out: it is asked about, and not tried first.
            if self.leave_out.remove(id) && matches!(way(&plan, id), Way::Own(_)) {
                let needs = format!("undoing \"{id}\" is to be left out");
                if self.undo_failed_for(id, needs, None).await? {
                    continue;
                }
                return Ok(());
            }
            let problem = match way(&plan, id) {
                Way::Own(step) => match self.undo_once(id, step).await? {
                    Ok(()) => continue,
                    Err(problem) => problem,
                },
                // Undone with another step, which stands before it and is undone later; or not at all.
                Way::By(_) | Way::Procedure(_) | Way::Not(_) => return Ok(()),
            };
            let undo = step_for(&plan, id, Direction::Back);
            match undo.map(|undo| &undo.on_failure) {
                Some(OnFailure::Continue) => {
                    let why = format!("its rollback failed and the plan says to go on: {}", problem.message);
                    return self.leave_standing(id, why).await;
                }
                Some(OnFailure::Stop) => {
                    let why =
                        format!("undoing \"{id}\" failed and the plan says to stop: {}", problem.message);
                    return Err(self.end(Ending::Stopped { why: why.clone() }, Exit::Failed, why).await);
                }
                _ => {}
            }
            let needs = format!("undoing \"{id}\" failed: {}", problem.message);
            // What the plan says stands as its word; what the server hints at is with the problem.
            if !self.undo_failed_for(id, needs, undo.and_then(|undo| undo.otherwise.clone())).await? {
                return Ok(());
            }
        }
    }

    /// Holds for a step that isn't undone; whether it is tried (again). Else it stays as it is.
    async fn undo_failed_for(&mut self, id: &str, needs: String, hint: Option<String>) -> Result<bool, Stop> {
        self.hold(HoldReason::UndoFailed, Some(id), needs, hint).await?;
        loop {
            let Command { what, by } = self.next_wish().await?;
            match what {
                Wish::Retry | Wish::Go => return Ok(true),
                Wish::Skip { step, reason } if step == id => {
                    crash::point("ruled-out");
                    let what = ruled_out(&by, &reason);
                    self.record(Event::Deviation { step: Some(step), what }).await?;
                    return Ok(false);
                }
                other => {
                    self.obey(None, other, by).await?;
                }
            }
        }
    }

    pub(super) async fn undone_with_another(&mut self, id: &str) -> Result<(), Stop> {
        let plan = std::sync::Arc::clone(&self.plan);
        let Way::By(other) = way(&plan, id) else { return Ok(()) };
        if !self.stands(id) || self.is_kept(id) {
            return Ok(());
        }
        if self.stands(other) {
            return self
                .leave_standing(id, format!("\"{other}\", with which it is undone, wasn't undone"))
                .await;
        }
        self.undone_elsewhere(id).await
    }

    /// It is undone. A checkpoint of its rollback that failed is looked at again, or a person goes on
    /// regardless; it stays in the residue then.
    async fn verify_undone(&mut self, id: &str) -> Result<(), Stop> {
        let plan = std::sync::Arc::clone(&self.plan);
        let Way::Own(undo) = way(&plan, id) else { return Ok(()) };
        loop {
            let failed: Vec<String> =
                self.failed_after(id).iter().map(|result| format!("\"{}\"", result.title)).collect();
            if failed.is_empty() || undo.on_failure == OnFailure::Continue {
                return Ok(());
            }
            if self.recorder.look(|run| run.rollback.as_ref().is_some_and(|back| back.accepts(id))) {
                return self.tell_decision(id, Decision::Override, &failed.join(", ")).await;
            }
            let needs = format!("\"{id}\" is undone, and {} didn't pass", failed.join(", "));
            self.hold(HoldReason::UndoFailed, Some(id), needs, undo.otherwise.clone()).await?;
            loop {
                let Command { what, by } = self.next_wish().await?;
                match what {
                    Wish::Retry | Wish::Go => break,
                    Wish::Override { step, reason } if step == id => {
                        crash::point("ruled-out");
                        let what = accepted(&by, &failed.join(", "), &reason);
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

    /// Somebody has said in this rollback that its effects stay.
    pub(super) fn is_kept(&self, id: &str) -> bool {
        self.recorder.look(|run| run.rollback.as_ref().is_some_and(|back| back.keeps(id)))
    }

    /// A person's decision about an undo that was accepted right before a stop, and isn't in the evidence yet.
    async fn tell_decision(&mut self, id: &str, what: Decision, failed: &str) -> Result<(), Stop> {
        let Some(last) = self.recorder.look(|run| run.decided.clone()) else { return Ok(()) };
        // The plan's own says itself what stays.
        if last.what != what || last.step.as_deref() != Some(id) || last.by.how == Assurance::Policy {
            return Ok(());
        }
        let reason = last.reason.unwrap_or_default();
        let words = match what {
            Decision::Override => accepted(&last.by, failed, &reason),
            _ => ruled_out(&last.by, &reason),
        };
        let fact = (Some(id.to_owned()), words);
        if self.recorder.look(|run| run.deviations.contains(&fact)) {
            return Ok(());
        }
        self.record(Event::Deviation { step: fact.0, what: fact.1 }).await
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
        self.image_before_undo(id).await?;
        self.start_id(id, Direction::Back).await?;
        let generation = self.generation(id);
        if let Some(problem) = self.cant_undo(undo) {
            self.undo_failed(id, &problem, began).await?;
            return Ok(Err(problem));
        }
        if let Action::Notify(notice) = &undo.action {
            self.tell(undo, notice, id).await?;
        }
        if undo.action.runs() {
            if let Err(problem) = self.run_units(undo, id, Direction::Back).await? {
                self.undo_failed(id, &problem, began).await?;
                return Ok(Err(problem));
            }
            self.counts_after(id, Direction::Back).await?;
            self.image_after_undo(Some(id), false).await?;
            self.record(Event::StepApplied {
                step: id.to_owned(),
                direction: Direction::Back,
                generation,
                elapsed_ms: millis(began.elapsed()),
            })
            .await?;
        }
        if !self.verifies_before(undo) || !matches!(undo.action, Action::File { .. } | Action::Sql { .. }) {
            let mut failed =
                self.verify_standing(id, &undo.checkpoints, Direction::Back, When::AfterCommit).await?;
            let unit = self.unit_of(id, "", Direction::Back);
            if matches!(undo.action, Action::Command(_)) && !self.verify_command(undo, &unit).await? {
                failed.push(format!("{id}/expect"));
            }
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

fn ruled_out(by: &Person, reason: &str) -> String {
    format!("its rollback was skipped by {}: {reason}", by.name)
}

fn accepted(by: &Person, failed: &str, reason: &str) -> String {
    format!("after its rollback {failed} didn't pass; {} went on: {reason}", by.name)
}

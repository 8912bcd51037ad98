//! A named `[[rollback]]`: its steps are steps like others, and what it undoes is undone when they are done.

use std::sync::Arc;

use super::super::conductor::Conductor;
use super::super::exit::Exit;
use super::super::outside::engine;
use super::super::stop::Stop;
use crate::run::event::{Decision, Direction, Event, ProcedureTurn};
use crate::run::state::Status;

impl Conductor {
    /// Carries a procedure out, from where it was left; then what it undoes is undone.
    pub(super) async fn carry_out(&mut self, turn: &ProcedureTurn) -> Result<(), Stop> {
        let plan = Arc::clone(&self.plan);
        let Some(procedure) = plan.rollbacks.iter().find(|procedure| procedure.id == turn.procedure) else {
            let why = format!("the plan has no [[rollback]] \"{}\" any more", turn.procedure);
            return Err(Stop::Left { exit: Exit::Waiting, why });
        };
        let first = turn.undoes.first().map(String::as_str);
        if procedure.steps.iter().all(|step| self.status(&step.id) == Status::Pending) {
            self.image_before_procedure(first).await?;
        }
        self.remind_of_settled(&procedure.steps);
        for step in &procedure.steps {
            if !self.settled(&step.id) {
                self.between_steps().await?;
                if self.leave_out.contains(&step.id) {
                    self.skip(step).await?;
                } else if !self.undo_by_own(turn, &step.id).await? {
                    let why = "not everything that it names is undone".to_owned();
                    self.record(Event::Deviation { step: Some(step.id.clone()), what: why }).await?;
                    self.do_step(step).await?;
                } else {
                    self.do_step(step).await?;
                }
            }
        }
        self.remind_no_more();
        self.compare_procedure(procedure).await?;
        if first.is_none_or(|first| self.stands(first)) {
            self.image_after_undo(first, true).await?;
        }
        let left_out: Vec<&str> = procedure
            .steps
            .iter()
            .filter(|step| step.changes && self.status(&step.id) == Status::Skipped)
            .map(|step| step.id.as_str())
            .collect();
        for id in &turn.undoes {
            if !self.stands(id) || self.is_kept(id) || turn.by_own(id) {
                continue;
            }
            if left_out.is_empty() {
                self.undone_elsewhere(id).await?;
            } else {
                let why = format!("{} of procedure \"{}\" was left out", left_out.join(", "), turn.procedure);
                self.leave_standing(id, why).await?;
            }
        }
        Ok(())
    }

    /// What a step of a procedure (`undo`) takes back by their own rollbacks; whether all of it is undone.
    async fn undo_by_own(&mut self, turn: &ProcedureTurn, step: &str) -> Result<bool, Stop> {
        let own = turn.own.get(step).cloned().unwrap_or_default();
        for id in &own {
            self.undo(id).await?;
        }
        for id in &own {
            self.undone_with_another(id).await?;
        }
        Ok(own.iter().all(|id| !self.stands(id)))
    }

    /// Its effects are in the database, as far as the journal knows.
    pub(super) fn stands(&self, id: &str) -> bool {
        self.recorder.look(|run| run.applied_order.iter().any(|step| step == id))
    }

    /// Something else has undone it: it is pending again.
    pub(super) async fn undone_elsewhere(&mut self, id: &str) -> Result<(), Stop> {
        self.start_id(id, Direction::Back).await?;
        let (generation, direction) = (self.generation(id), Direction::Back);
        self.record(Event::StepApplied { step: id.to_owned(), direction, generation, elapsed_ms: 0 }).await?;
        self.record(Event::StepUndone { step: id.to_owned(), generation, elapsed_ms: 0 }).await
    }

    /// It isn't undone after all, and the evidence says why.
    pub(super) async fn leave_standing(&mut self, id: &str, why: String) -> Result<(), Stop> {
        let what = format!("its effects stay: {why}");
        self.record(Event::Deviation { step: Some(id.to_owned()), what }).await?;
        self.record(Event::Decided {
            what: Decision::Skip,
            step: Some(id.to_owned()),
            by: engine(),
            reason: Some(why),
            procedure: None,
            only: Vec::new(),
        })
        .await
    }
}

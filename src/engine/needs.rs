//! What a step needs before it: ids of phases, steps and checkpoints that must have passed.

use super::conductor::Conductor;
use super::problems;
use crate::plan::model::Step;
use crate::run::event::Problem;
use crate::run::state::{Run, Status};

impl Conductor {
    /// The first thing that a step needs and that hasn't passed.
    pub(super) fn unmet(&self, step: &Step) -> Option<Problem> {
        let phase = self.plan.phases.iter().find(|phase| phase.steps.iter().any(|s| s.id == step.id));
        let needs = phase.map(|phase| phase.needs.as_slice()).unwrap_or_default();
        needs.iter().chain(&step.needs).find_map(|need| {
            let met = self.recorder.look(|run| self.passed(run, need));
            (!met).then(|| problems::plain(format!("it needs \"{need}\", which hasn't passed")))
        })
    }

    pub(super) fn passed(&self, run: &Run, id: &str) -> bool {
        let good = |step: &str| {
            run.step(step)
                .is_some_and(|s| matches!(s.status, Status::Verified | Status::Accepted | Status::Assumed))
        };
        if let Some(phase) = self.plan.phases.iter().find(|phase| phase.id == id) {
            return phase.steps.iter().all(|step| good(&step.id));
        }
        if run.step(id).is_some() {
            return good(id);
        }
        run.checkpoint(id).is_some_and(|result| result.verdict.passed)
    }
}

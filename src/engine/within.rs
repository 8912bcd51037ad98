//! What a phase's statements and a procedure took, beside what the plan allows. More of it belongs in the
//! evidence, and ends nothing: what was done in time and what late is applied alike.

use std::time::Duration;

use super::conductor::Conductor;
use super::stop::Stop;
use crate::plan::duration;
use crate::plan::model::{Phase, Procedure};
use crate::run::event::Event;

impl Conductor {
    /// A phase of which all steps are settled: the time of its own statements, all together. What people
    /// took isn't in it, nor what its checkpoints did.
    pub(super) async fn compare_phase(&mut self, phase: &Phase) -> Result<(), Stop> {
        let Some(within) = phase.within else { return Ok(()) };
        let what = format!("the statements of phase \"{}\"", phase.title);
        self.over(&what, self.statements_of(phase), within).await
    }

    fn statements_of(&self, phase: &Phase) -> Duration {
        self.recorder.look(|run| {
            let steps = phase.steps.iter().filter_map(|step| run.step(&step.id));
            let of_step = |step: &crate::run::state::StepState| {
                let units: u64 = step.units.iter().map(|unit| unit.elapsed_ms).sum();
                // A step that is one query has it as the checkpoint of its own name.
                units + step.checkpoints.get(&step.id).map_or(0, |result| result.elapsed_ms)
            };
            Duration::from_millis(steps.map(of_step).sum())
        })
    }

    /// What a phase's statements may take, in words.
    pub(super) fn phase_allowed(&self, id: &str) -> Option<String> {
        let phase = self.plan.phases.iter().find(|phase| phase.id == id)?;
        phase.within.map(duration::words)
    }

    /// What a proof by a phase has to say of its `within`: it ends nothing, but nothing rests on it either.
    pub(super) fn phase_over(&self, id: &str) -> Option<String> {
        let phase = self.plan.phases.iter().find(|phase| phase.id == id)?;
        let (within, took) = (phase.within?, self.statements_of(phase));
        (took > within).then(|| {
            format!("its statements took {} ms, not {}", super::unit::millis(took), duration::words(within))
        })
    }

    /// A procedure that was carried out, from the beginning of its first step to the end of its last.
    pub(super) async fn compare_procedure(&mut self, procedure: &Procedure) -> Result<(), Stop> {
        let Some(within) = procedure.within else { return Ok(()) };
        let took = self.recorder.look(|run| {
            let steps = || procedure.steps.iter().filter_map(|step| run.step(&step.id));
            let began = steps().filter_map(|step| step.started_at).min()?;
            let ended = steps().filter_map(|step| step.ended_at).max()?;
            Some(ended.duration_since(began).unsigned_abs())
        });
        let what = format!("procedure \"{}\"", procedure.title);
        self.over(&what, took.unwrap_or_default(), within).await
    }

    /// Said once: the figures are the journal's, so that a resume finds the same.
    async fn over(&mut self, what: &str, took: Duration, within: Duration) -> Result<(), Stop> {
        if took <= within {
            return Ok(());
        }
        let allowed = duration::words(within);
        let what = format!("{what} took {} ms, the plan allows {allowed}", super::unit::millis(took));
        if self.recorder.look(|run| run.deviations.iter().any(|(_, known)| *known == what)) {
            return Ok(());
        }
        self.record(Event::Deviation { step: None, what }).await
    }
}

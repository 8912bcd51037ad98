//! What a step, a phase's statements and a procedure took, beside what the plan allows. A phase that took more is
//! breached, as by a watch, and what the plan says about its failure is done: what was applied late is applied
//! all the same. A procedure that took more has brought the database back; that belongs in the evidence.

use std::time::Duration;

use super::conductor::Conductor;
use super::stop::Stop;
use crate::plan::duration;
use crate::plan::expect::Verdict;
use crate::plan::model::{Phase, Procedure, Step};
use crate::run::event::{Breach, Event, within_of};

impl Conductor {
    /// A step that takes longer or shorter than planned is a deviation.
    pub(super) async fn compare_with_planned(&mut self, step: &Step, took: Duration) -> Result<(), Stop> {
        let Some(takes) = &step.takes else { return Ok(()) };
        // A single figure is an upper bound; a range has both ends.
        let too_short = takes.from != takes.to && took < takes.from;
        if !too_short && took <= takes.to {
            return Ok(());
        }
        let planned = crate::plan::duration::takes_words(takes);
        let what = format!("took {} ms, planned {planned}", super::unit::millis(took));
        self.record(Event::Deviation { step: Some(step.id.clone()), what }).await
    }

    /// A phase of which all steps are settled: the time of its own statements, all together. What people
    /// took isn't in it, nor what its checkpoints did.
    pub(super) async fn compare_phase(&mut self, phase: &Phase) -> Result<(), Stop> {
        let Some(within) = phase.within else { return Ok(()) };
        let took = self.statements_of(phase);
        if took <= within {
            return Ok(());
        }
        let why = "the time of its own statements, all together";
        let breach = Breach {
            watch: within_of(&phase.id),
            phase: phase.id.clone(),
            title: format!("the statements of phase \"{}\"", phase.title),
            verdict: Verdict::fail(
                format!("at most {}", duration::words(within)),
                format!("{} ms", super::unit::millis(took)),
                why,
            ),
            lasting_ms: 0,
            otherwise: phase.otherwise.clone(),
        };
        // The figures are the journal's, so that a resume finds the same: it is told once, and asked about
        // until somebody has answered.
        let (told, open) = self.recorder.look(|run| {
            let known = run.watches.get(&breach.watch);
            let last = known.and_then(|known| known.breaches.last());
            let told = last.is_some_and(|last| last.verdict.got == breach.verdict.got);
            (told, known.is_some_and(|known| known.open))
        });
        if !told {
            self.record(Event::WatchBreached(Box::new(breach.clone()))).await?;
        }
        if !told || open { self.breached(&breach).await } else { Ok(()) }
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

    /// What a proof by a phase has to say of its `within`: whoever went on, nothing rests on it.
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
        let took = took.unwrap_or_default();
        if took <= within {
            return Ok(());
        }
        let (title, took, allowed) = (&procedure.title, super::unit::millis(took), duration::words(within));
        let what = format!("procedure \"{title}\" took {took} ms, the plan allows {allowed}");
        if self.recorder.look(|run| run.deviations.iter().any(|(_, known)| *known == what)) {
            return Ok(());
        }
        self.record(Event::Deviation { step: None, what }).await
    }
}

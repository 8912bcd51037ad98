//! What the timeline is made of: the plan's phases, and behind them the procedures by which the run goes
//! back. Whoever watches a rollback by a procedure sees its steps where all others stand.

use super::place::Spot;
use super::state::State;
use crate::plan::model::{Step, Takes};
use crate::run::event::HoldReason;
use crate::run::state::RollbackState;

/// A phase, or a procedure that the run goes back by.
#[derive(Debug, Clone, Copy)]
pub struct Chapter<'a> {
    pub title: &'a str,
    pub owner: Option<&'a str>,
    pub starts: Option<&'a str>,
    pub takes: Option<&'a Takes>,
    pub steps: &'a [Step],
    /// It leads back.
    pub back: bool,
}

impl State {
    /// The chapter of this number: phases come first, then the procedures in the plan's order.
    #[must_use]
    pub fn chapter(&self, at: usize) -> Option<Chapter<'_>> {
        let plan = self.plan();
        if let Some(phase) = plan.phases.get(at) {
            return Some(Chapter {
                title: &phase.title,
                owner: phase.owner.as_deref(),
                starts: phase.starts.as_deref(),
                takes: phase.takes.as_ref(),
                steps: &phase.steps,
                back: false,
            });
        }
        let procedure = plan.rollbacks.get(at - plan.phases.len())?;
        let steps = procedure.steps.as_slice();
        Some(Chapter { title: &procedure.title, owner: None, starts: None, takes: None, steps, back: true })
    }

    /// The rollback that the run is in, or that it ended with; one that it went forward from again is past.
    #[must_use]
    pub fn rollback(&self) -> Option<&RollbackState> {
        let run = self.run();
        let stands = run.is_ended() || run.hold_reason() == Some(&HoldReason::RolledBackTo);
        run.rollback.as_ref().filter(|rollback| rollback.ended.is_none() || stands)
    }

    /// Those that are to be seen, with their numbers: of the procedures the ones that take part.
    pub fn chapters(&self) -> impl Iterator<Item = (usize, Chapter<'_>)> {
        let taking_part = self.rollback().map(RollbackState::procedures).unwrap_or_default();
        let plan = self.plan();
        let procedures = plan.rollbacks.iter().enumerate();
        let procedures =
            procedures.filter(move |(_, procedure)| taking_part.contains(&procedure.id.as_str()));
        let numbers = (0..plan.phases.len()).chain(procedures.map(|(at, _)| plan.phases.len() + at));
        numbers.filter_map(|at| Some((at, self.chapter(at)?)))
    }

    #[must_use]
    pub fn step_at(&self, spot: Spot) -> Option<&Step> {
        self.chapter(spot.phase)?.steps.get(spot.step?)
    }

    /// The step of this id, with its place; a procedure's too.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<(Spot, &Step)> {
        let all = self.plan().phases.len() + self.plan().rollbacks.len();
        (0..all).find_map(|phase| {
            let steps = self.chapter(phase)?.steps;
            let at = steps.iter().position(|step| step.id == id)?;
            Some((Spot { phase, step: Some(at) }, &steps[at]))
        })
    }
}

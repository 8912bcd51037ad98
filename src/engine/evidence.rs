//! `requires`: the rehearsal that a step asks for, looked at before the window and when its turn comes.

use super::conductor::Conductor;
use super::problems;
use super::stop::Stop;
use crate::journal::StateDir;
use crate::plan::expect::Verdict;
use crate::plan::model::{Action, Plan, Requires, Step};
use crate::run::event::{CheckpointResult, Direction, Event, Mode, Problem, When};
use crate::run::evidence::Asking;

/// What to type to get the evidence.
const HINT: &str = "`holdpoint rehearse` makes it; it is looked for in the state folder of this run";

/// The evidence that the steps of these phases (all when empty) ask for and that isn't there. The plan's
/// digest is that of the plan as it would run now.
#[must_use]
pub fn missing(plan: &Plan, digest: &str, state: &StateDir, only: &[String]) -> Vec<(String, String)> {
    let phases = plan.phases.iter().filter(|phase| only.is_empty() || only.contains(&phase.id));
    phases
        .flat_map(|phase| &phase.steps)
        .filter_map(|step| match &step.action {
            Action::Requires(requires) if !step.optional => {
                let verdict = look(requires, plan, digest, state);
                (!verdict.passed).then(|| (step.id.clone(), words(&step.title, &verdict)))
            }
            _ => None,
        })
        .collect()
}

fn look(requires: &Requires, plan: &Plan, digest: &str, state: &StateDir) -> Verdict {
    let asking = Asking { plan_id: &plan.id, plan_digest: digest, now: jiff::Timestamp::now() };
    match state.last_rehearsal(&requires.rehearsal) {
        Ok(newest) => requires.judge(newest.as_ref().map(|kept| &kept.rehearsal), asking),
        Err(error) => Verdict::fail(requires.words(), error.to_string(), ""),
    }
}

fn words(title: &str, verdict: &Verdict) -> String {
    format!("\"{title}\" asks for {}; {}. {HINT}", verdict.expected, verdict.got)
}

impl Conductor {
    /// Looks for the evidence now. On a server that holdpoint made nobody asks for it.
    pub(super) async fn look_for_evidence(
        &mut self,
        step: &Step,
        requires: &Requires,
    ) -> Result<Result<(), Problem>, Stop> {
        if self.mode == Mode::Demo {
            let what = format!("not asked for on a private server: {}", requires.words());
            self.record(Event::Deviation { step: Some(step.id.clone()), what }).await?;
            return Ok(Ok(()));
        }
        let Some(state) = self.folder.path().parent() else {
            return Ok(Err(problems::plain("the run's folder has none around it")));
        };
        let state = StateDir::find(Some(state), &self.plan.path)?;
        let verdict = look(requires, &self.plan, &self.digest, &state);
        let problem = (!verdict.passed).then(|| Problem {
            hint: Some(HINT.into()),
            ..problems::plain(format!("it asks for {}; {}", verdict.expected, verdict.got))
        });
        self.record(Event::CheckpointResult(Box::new(CheckpointResult {
            step: step.id.clone(),
            checkpoint: step.id.clone(),
            title: step.title.clone(),
            direction: Direction::Forward,
            when: When::Standing,
            verdict,
            elapsed_ms: 0,
            otherwise: step.otherwise.clone(),
        })))
        .await?;
        Ok(problem.map_or(Ok(()), Err))
    }
}

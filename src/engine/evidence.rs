//! `requires`: the rehearsal, or the run, that a step asks for, looked at before the window and when its turn
//! comes.

use std::path::Path;

use uuid::Uuid;

use super::conductor::Conductor;
use super::preflight::preflight;
use super::problems;
use super::stop::Stop;
use crate::journal::StateDir;
use crate::plan::digest::digest;
use crate::plan::expect::Verdict;
use crate::plan::model::{Action, Evidence, Plan, Requires, Step};
use crate::plan::{LoadOptions, id_in, load};
use crate::run::event::{CheckpointResult, Direction, Event, Mode, Opened, Problem, When};
use crate::run::evidence::Asking;
use crate::run::evidence_of_run::{Judged, RunFound};
use crate::run::state::Status;
use crate::script::Variables;

/// The evidence that the steps of these phases (all when empty) ask for and that isn't there. The plan's
/// digest is that of the plan as it would run now.
#[must_use]
pub fn missing(plan: &Plan, digest: &str, state: &StateDir, only: &[String]) -> Vec<(String, String)> {
    let phases = plan.phases.iter().filter(|phase| only.is_empty() || only.contains(&phase.id));
    phases
        .flat_map(|phase| &phase.steps)
        .filter_map(|step| match &step.action {
            Action::Requires(requires) if !step.optional => {
                let judged = look(requires, plan, digest, state, None);
                (!judged.verdict.passed).then(|| (step.id.clone(), words(&step.title, &judged)))
            }
            _ => None,
        })
        .collect()
}

/// `own`: the run that asks.
fn look(requires: &Requires, plan: &Plan, digest: &str, state: &StateDir, own: Option<Uuid>) -> Judged {
    let now = jiff::Timestamp::now();
    match &requires.of {
        Evidence::Rehearsal => {
            let asking = Asking { plan_id: &plan.id, plan_digest: digest, now };
            let verdict = match state.last_rehearsal(&requires.plan_id) {
                Ok(newest) => requires.judge(newest.as_ref().map(|kept| &kept.rehearsal), asking),
                Err(error) => Verdict::fail(requires.words(), error.to_string(), ""),
            };
            let todo = "`holdpoint rehearse` makes it; it is looked for in the state folder of this run";
            Judged { verdict, todo: todo.into() }
        }
        Evidence::Run { plan: text } => {
            let fits = |opened: &Opened| {
                opened.mode == Mode::Run
                    && requires.environment.is_none_or(|wanted| wanted == opened.environment)
            };
            let newest = match state.last_run_of(&requires.plan_id, fits, id_in, own) {
                Ok(newest) => newest,
                Err(error) => return unread(requires, error.to_string(), ""),
            };
            let opened = newest.as_ref().and_then(|kept| kept.run.opened.as_ref());
            let wanted = match (text, opened) {
                (Some(text), Some(opened)) => match digest_of(&plan.folder().join(text), opened) {
                    Ok(digest) => Some(digest),
                    Err(why) => {
                        let todo = "it is the plan's text that the run must have been of: put it there";
                        return unread(requires, why, todo);
                    }
                },
                _ => (requires.plan_id == plan.id).then(|| digest.to_owned()),
            };
            let found = newest.as_ref().map(|kept| RunFound { run: &kept.run, head: &kept.head });
            requires.judge_run(found, wanted.as_deref(), now)
        }
    }
}

fn unread(requires: &Requires, why: String, todo: &str) -> Judged {
    Judged { verdict: Verdict::fail(requires.words(), why, ""), todo: todo.into() }
}

/// The digest that a plan's run would be bound to, with the variables that this one had.
fn digest_of(path: &Path, of: &Opened) -> Result<String, String> {
    let loaded = load(path, LoadOptions::default())
        .map_err(|_| format!("the plan {} can't be read: `holdpoint check` says why", path.display()))?;
    if loaded.plan.id != of.plan_id {
        return Err(format!("{} is the plan {}, not {}", path.display(), loaded.plan.id, of.plan_id));
    }
    let mut vars = Variables::new();
    for (name, value) in &of.vars {
        let _ = vars.set(name, value.clone());
    }
    let scripts = preflight(&loaded.plan, &vars);
    let digest =
        digest(&loaded.plan, &loaded.source, &scripts.included).map_err(|error| error.to_string())?;
    Ok(digest.sha256)
}

fn words(title: &str, judged: &Judged) -> String {
    let Judged { verdict, todo } = judged;
    let todo = if todo.is_empty() { String::new() } else { format!(". {todo}") };
    format!("\"{title}\" asks for {}; {}{todo}", verdict.expected, verdict.got)
}

impl Conductor {
    /// On a server that holdpoint made nobody asks for evidence: it is taken as given, and proves nothing.
    pub(super) async fn assumes_evidence(&mut self, step: &Step) -> Result<bool, Stop> {
        let Action::Requires(requires) = &step.action else { return Ok(false) };
        if self.mode != Mode::Demo || self.status(&step.id) != Status::Pending {
            return Ok(false);
        }
        let reason = format!("not asked for on a private server: {}", requires.words());
        self.record(Event::StepAssumed { step: step.id.clone(), reason }).await?;
        Ok(true)
    }

    /// Looks for the evidence now.
    pub(super) async fn look_for_evidence(
        &mut self,
        step: &Step,
        requires: &Requires,
    ) -> Result<Result<(), Problem>, Stop> {
        let Some(state) = self.folder.path().parent() else {
            return Ok(Err(problems::plain("the run's folder has none around it")));
        };
        let state = StateDir::find(Some(state), &self.plan.path)?;
        let own = Some(self.folder.id());
        let Judged { verdict, todo } = look(requires, &self.plan, &self.digest, &state, own);
        let problem = (!verdict.passed).then(|| Problem {
            hint: Some(todo).filter(|todo| !todo.is_empty()),
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

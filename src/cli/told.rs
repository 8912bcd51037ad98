//! Decisions that are told to `resume` on the command line, and whether they fit what waits: one that doesn't is
//! refused before anything is done, rather than forgotten.

use super::args::ResumeArgs;
use super::failure::Failure;
use super::vars;
use crate::engine::pilot::{Answer, Answers};
use crate::run::command::{Command, Wish};
use crate::run::event::{Assurance, HoldReason, Person};
use crate::run::gate;
use crate::run::state::Run;

/// Takes the decisions of the command line in among the answers.
///
/// # Errors
/// When one is no decision, or doesn't fit what waits.
pub fn from_flags(answers: &mut Answers, args: &ResumeArgs, run: &Run) -> Result<(), Failure> {
    let mut add = |pairs: &[String], answer: fn(String) -> Answer| -> Result<(), Failure> {
        for (step, reason) in vars::pairs(pairs)? {
            let Some(state) = run.step(&step) else {
                return Err(Failure::usage(format!("the run has no step \"{step}\"")));
            };
            // Going backwards, what is open is the undo of a step that was good.
            if !run.goes_back() && (state.is_good() || state.status.is_left_out()) {
                return Err(Failure::usage(format!(
                    "step \"{step}\" is {}: nothing is open there",
                    state.status
                )));
            }
            if reason.trim().is_empty() {
                return Err(Failure::usage(format!("{step}=…: a reason is needed; it is in the evidence")));
            }
            answers.failed.insert(step, answer(reason));
        }
        Ok(())
    };
    add(&args.skip, Answer::Skip)?;
    add(&args.overrides, Answer::Override)?;
    for (step, word) in vars::pairs(&args.rule)? {
        let reason = "ruled on the command line".to_owned();
        let answer = match word.as_str() {
            "applied" => Answer::Applied(reason),
            "not-applied" => Answer::NotApplied(reason),
            _ => return Err(Failure::usage(format!("--rule {step}={word}: say applied or not-applied"))),
        };
        answers.failed.insert(step, answer);
    }
    fit(run, answers, args)
}

fn fit(run: &Run, answers: &Answers, args: &ResumeArgs) -> Result<(), Failure> {
    let skips = vars::pairs(&args.skip)?;
    let overrides = vars::pairs(&args.overrides)?;
    if skips.is_empty() && overrides.is_empty() || run.in_doubt().is_some() {
        return Ok(());
    }
    if let Some((waits, needs)) = decision_open(run).filter(|(waits, _)| !answers.failed.contains_key(waits))
    {
        let told: Vec<String> =
            skips.keys().chain(overrides.keys()).map(|step| format!("\"{step}\"")).collect();
        return Err(Failure::usage(format!(
            "the run waits for \"{waits}\", and nothing was said about that: {needs}. What was said about {} comes \
             after it; nothing was done",
            told.join(", ")
        )));
    }
    if !run.goes_back() {
        return Ok(());
    }
    let by = Person { name: String::new(), how: Assurance::Asserted };
    for (step, reason) in skips {
        still_to_undo(run, &step)?;
        fits_hold(run, &step, Command { what: Wish::Skip { step: step.clone(), reason }, by: by.clone() })?;
    }
    for (step, reason) in overrides {
        let of_procedure = run.step(&step).is_some_and(|state| state.procedure.is_some());
        if of_procedure {
            still_to_undo(run, &step)?;
        } else if held_undo(run) != Some(step.as_str()) {
            return Err(Failure::usage(format!(
                "the run goes back, and nothing of \"{step}\" waits for an override; nothing was done"
            )));
        }
        fits_hold(
            run,
            &step,
            Command { what: Wish::Override { step: step.clone(), reason }, by: by.clone() },
        )?;
    }
    Ok(())
}

/// The step about which somebody has to decide before anything else comes, and what is needed.
fn decision_open(run: &Run) -> Option<(String, String)> {
    let hold = run.hold()?;
    let decides = matches!(
        hold.reason,
        HoldReason::Failed | HoldReason::Unverified | HoldReason::HalfApplied | HoldReason::UndoFailed
    );
    let step = hold.step.clone().filter(|_| decides)?;
    Some((step, hold.needs.clone()))
}

fn held_undo(run: &Run) -> Option<&str> {
    run.hold().filter(|hold| hold.reason == HoldReason::UndoFailed).and_then(|hold| hold.step.as_deref())
}

/// What waits for it takes this very answer.
fn fits_hold(run: &Run, step: &str, command: Command) -> Result<(), Failure> {
    if held_undo(run) != Some(step) {
        return Ok(());
    }
    let needs = run.hold().map(|hold| hold.needs.clone()).unwrap_or_default();
    gate::judge(run, &command).map_err(|why| Failure::usage(format!("{why} ({needs}); nothing was done")))
}

/// A step whose undo is still to come in the rollback that is under way, or a step of its procedures.
fn still_to_undo(run: &Run, step: &str) -> Result<(), Failure> {
    let (Some(rollback), Some(state)) = (&run.rollback, run.step(step)) else { return Ok(()) };
    let why = if let Some(procedure) = &state.procedure {
        if !rollback.procedures().contains(&procedure.as_str()) {
            "doesn't belong to this rollback".to_owned()
        } else if state.is_good() || state.status.is_left_out() {
            format!("is {}: nothing is open there", state.status)
        } else {
            return Ok(());
        }
    } else if held_undo(run) == Some(step) {
        return Ok(());
    } else if !rollback.steps.iter().any(|id| id == step) {
        "isn't undone by this rollback".to_owned()
    } else if rollback.keeps(step) {
        "is left out of this rollback already".to_owned()
    } else if !run.applied_order.iter().any(|id| id == step) {
        "is undone already".to_owned()
    } else {
        return Ok(());
    };
    Err(Failure::usage(format!("step \"{step}\" {why}; nothing was done")))
}

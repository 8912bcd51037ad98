//! Decisions that are told to `resume` on the command line, and whether they fit what waits: one that doesn't is
//! refused before anything is done, rather than forgotten.

use std::collections::BTreeSet;

use super::args::ResumeArgs;
use super::failure::Failure;
use super::vars;
use crate::engine::pilot::{Answer, Answers};
use crate::run::command::{Command, Wish};
use crate::run::event::{Assurance, HoldReason, Person};
use crate::run::gate;
use crate::run::state::{Run, Status, StepState};

/// Takes the decisions of the command line in among the answers.
///
/// # Errors
/// When one is no decision, or doesn't fit what waits.
pub fn from_flags(answers: &mut Answers, args: &ResumeArgs, run: &Run) -> Result<(), Failure> {
    let mut add = |pairs: &[String], answer: fn(String) -> Answer| -> Result<(), Failure> {
        for (step, reason) in vars::pairs(pairs)? {
            let state = run.step(&step).ok_or_else(|| unknown_step(&step))?;
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
        to_be_ruled_on(run, &step)?;
        answers.failed.insert(step, answer);
    }
    one_word_each(args)?;
    fit(run, answers, args)
}

fn one_word_each(args: &ResumeArgs) -> Result<(), Failure> {
    let mut said = BTreeSet::new();
    for pairs in [&args.skip, &args.overrides, &args.rule] {
        for step in vars::pairs(pairs)?.into_keys() {
            if !said.insert(step.clone()) {
                let why = format!(
                    "two different things are said about \"{step}\": one of --skip, --override and --rule"
                );
                return Err(Failure::usage(why));
            }
        }
    }
    Ok(())
}

/// Steps that were to be left out and that this call didn't come to: nothing is kept of that.
pub fn not_come_to(skips: &BTreeSet<String>, run: &Run) -> Option<String> {
    let waits = |step: &&String| run.step(step).is_some_and(|state| state.status == Status::Pending);
    let steps: Vec<String> = skips.iter().filter(waits).map(|step| format!("\"{step}\"")).collect();
    let open = !run.is_ended() && !run.goes_back() && !steps.is_empty();
    open.then(|| {
        format!("it didn't come to {}: to leave that out, say so again when it goes on", steps.join(", "))
    })
}

fn unknown_step(step: &str) -> Failure {
    Failure::usage(format!("the run has no step \"{step}\""))
}

/// Nobody knows what became of it, or it was under way when the process ended and that may come out now.
fn to_be_ruled_on(run: &Run, step: &str) -> Result<(), Failure> {
    let state = run.step(step).ok_or_else(|| unknown_step(step))?;
    let doubted = run.doubts.iter().any(|unit| unit.step == step);
    let ruled = run.ruled.as_ref().is_some_and(|ruling| ruling.unit.step == step);
    let open = state.units_of(state.direction()).open().is_some();
    if doubted || ruled || open || broken_off(run, state) {
        return Ok(());
    }
    let asks = match run.in_doubt() {
        Some(unit) => format!("what has to be ruled on is whether {} was applied", unit.words()),
        None => format!("nobody asks what became of \"{step}\", it is {}", state.status),
    };
    Err(Failure::usage(format!("--rule {step}=…: {asks}; nothing was done")))
}

/// Its process ended while it worked; one that waits for people doesn't.
fn broken_off(run: &Run, state: &StepState) -> bool {
    let people = run.outline(&state.id).is_some_and(|of| !of.items.is_empty() || !of.roles.is_empty());
    state.status.is_moving() && !people
}

fn fit(run: &Run, answers: &Answers, args: &ResumeArgs) -> Result<(), Failure> {
    let skips = vars::pairs(&args.skip)?;
    let overrides = vars::pairs(&args.overrides)?;
    if skips.is_empty() && overrides.is_empty() {
        return Ok(());
    }
    let told: Vec<String> = skips.keys().chain(overrides.keys()).map(|step| format!("\"{step}\"")).collect();
    let told = told.join(", ");
    if let Some(unit) = run.in_doubt() {
        return match answers.failed.get(&unit.step) {
            Some(Answer::Applied(_) | Answer::NotApplied(_)) => Ok(()),
            _ => Err(Failure::usage(format!(
                "nobody knows whether {} was applied: that has to be ruled on first. What was said about {told} comes \
                 after it; nothing was done",
                unit.words()
            ))),
        };
    }
    if let Some((waits, needs)) = unanswered(run, answers, args) {
        return Err(Failure::usage(format!(
            "the run waits for \"{waits}\", and nothing was said about that: {needs}. What was said about {told} comes \
             after it; nothing was done"
        )));
    }
    let by = Person { name: String::new(), how: Assurance::Asserted };
    if !run.goes_back() {
        for (step, reason) in overrides {
            checkpoints_failed(run, &step)?;
            fits_hold(
                run,
                &step,
                Command { what: Wish::Override { step: step.clone(), reason }, by: by.clone() },
            )?;
        }
        for (step, reason) in skips {
            fits_hold(
                run,
                &step,
                Command { what: Wish::Skip { step: step.clone(), reason }, by: by.clone() },
            )?;
        }
        return Ok(());
    }
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

/// The step that somebody has to say something about before anything else comes, when nobody does; and what is
/// needed.
fn unanswered(run: &Run, answers: &Answers, args: &ResumeArgs) -> Option<(String, String)> {
    let hold = run.hold()?;
    let step = hold.step.clone()?;
    let left_out = answers.failed.contains_key(&step);
    let answered = match hold.reason {
        HoldReason::Failed | HoldReason::Unverified | HoldReason::HalfApplied | HoldReason::UndoFailed => {
            left_out
        }
        HoldReason::Stepping => left_out || answers.go.contains(&step),
        HoldReason::Irreversible => left_out || answers.irreversible.contains_key(&step),
        HoldReason::Person => {
            left_out || answers.confirm.contains_key(&step) || answers.sign.contains_key(&step)
        }
        _ => true,
    };
    (!answered && args.end.is_none()).then(|| (step, hold.needs.clone()))
}

/// There is, or may be now, something to go on in spite of.
fn checkpoints_failed(run: &Run, step: &str) -> Result<(), Failure> {
    let Some(state) = run.step(step) else { return Ok(()) };
    let held = run.hold().filter(|hold| hold.step.as_deref() == Some(step));
    if held.is_some_and(|hold| hold.reason == HoldReason::Irreversible) {
        return Err(Failure::usage(format!(
            "\"{step}\" can't be taken back: what goes past it is --irreversible {step}=REASON; nothing was done"
        )));
    }
    if held.is_some()
        || matches!(state.status, Status::Unverified | Status::Applied)
        || broken_off(run, state)
    {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "step \"{step}\" is {}, and no checkpoints of it have failed that could be overridden; nothing was done",
        state.status
    )))
}

fn held_undo(run: &Run) -> Option<&str> {
    run.hold().filter(|hold| hold.reason == HoldReason::UndoFailed).and_then(|hold| hold.step.as_deref())
}

/// What waits for it takes this very answer.
fn fits_hold(run: &Run, step: &str, command: Command) -> Result<(), Failure> {
    let held =
        if run.goes_back() { held_undo(run) } else { run.hold().and_then(|hold| hold.step.as_deref()) };
    if held != Some(step) {
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

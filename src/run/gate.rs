//! The one place that decides what is allowed now, and says why not.
//!
//! Hints, buttons, palette and the headless mode show this verdict and never decide themselves. What
//! is allowed here, the fold takes as a decision too; a test holds the two together.

use super::command::{Command, Wish};
use super::event::{HoldReason, ItemOutline};
use super::state::{Hold, Run, RunState};
use super::step::{Status, StepState};

/// Why a command is refused, in words for the person who gave it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

pub(super) type Verdict = Result<(), Refused>;

pub(super) fn no(why: impl Into<String>) -> Verdict {
    Err(Refused(why.into()))
}

/// Whether `command` is allowed in this state of the run.
///
/// # Errors
/// [`Refused`], with the reason.
pub fn judge(run: &Run, command: &Command) -> Result<(), Refused> {
    if matches!(command.what, Wish::Leave { .. }) {
        return Ok(());
    }
    if run.opened.is_none() {
        return no("the run isn't open yet");
    }
    if let RunState::Ended(..) = run.state {
        return over(run, command);
    }
    match &command.what {
        Wish::Leave { .. } => return Ok(()),
        Wish::EndBackend { backend, what } => return super::backends::may_end(run, backend, *what),
        Wish::Note { step, text } => return note(run, step.as_deref(), text),
        Wish::Look { sql } if sql.trim().is_empty() => return no("there is no query"),
        Wish::Look { .. } => return Ok(()),
        Wish::Rule { step, unit, reason, .. } => return rule(run, step, unit, reason),
        _ => {}
    }
    if let RunState::InDoubt(unit) = &run.state {
        return no(format!(
            "nobody knows whether {} was applied: that has to be ruled on first",
            unit.words()
        ));
    }
    match &command.what {
        Wish::Hold => return hold(run),
        Wish::Cancel => return cancel(run),
        Wish::RollBack { .. } | Wish::End { .. } => {}
        _ if run.only_goes_back() => {
            return no("the run was over and is open again to go back: roll back, or end it as it was");
        }
        _ => {}
    }
    // Until it begins, the hold that it was asked for in still stands; nobody answers that any more.
    if run.is_to_go_back() && !matches!(command.what, Wish::RollBack { .. } | Wish::End { .. }) {
        return no("a rollback was asked for, and is about to begin");
    }
    if let Some(step) = under_way(run) {
        return no(format!("step `{}` is {}: hold, cancel or wait until it is over", step.id, step.status));
    }
    if matches!(command.what, Wish::Skip { .. } | Wish::RollBack { .. } | Wish::End { .. }) {
        nothing_is_open(run)?;
    }
    match &command.what {
        Wish::Go => go(run),
        Wish::Retry => retry(run),
        Wish::Skip { step, reason } => skip(run, step, reason),
        Wish::Override { step, reason } => accept(run, step, reason),
        Wish::Confirm { step, item, note } => super::gate_people::confirm(run, step, item, note.as_deref()),
        Wish::Sign { step, role, accept, .. } => {
            super::gate_people::sign(run, &command.by, step, role, *accept)
        }
        Wish::RollBack { to, only, procedure, .. } => {
            roll_back(run, to.as_deref(), only, procedure.as_deref())
        }
        Wish::End { .. } => end(run),
        Wish::EndBackend { .. }
        | Wish::Hold
        | Wish::Cancel
        | Wish::Note { .. }
        | Wish::Look { .. }
        | Wish::Rule { .. }
        | Wish::Leave { .. } => Ok(()),
    }
}

/// From outside it can be opened again, as long as something of it is there.
fn over(run: &Run, command: &Command) -> Verdict {
    match (&command.what, run.id) {
        (Wish::RollBack { .. }, Some(id)) if !run.applied_order.is_empty() => {
            no(format!("the run is over: leave, and `holdpoint rollback {id}` opens it again to go back"))
        }
        _ => no("the run is over: nothing can be asked of it any more, `report` shows what it did"),
    }
}

/// The step that works, not one that waits for people.
fn under_way(run: &Run) -> Option<&StepState> {
    let step = run.current_step().filter(|step| step.status.is_moving())?;
    let holds = matches!(run.state, RunState::Holding(_));
    let people = run.outline(&step.id).is_some_and(|o| !o.items.is_empty() || !o.roles.is_empty());
    (!(holds || people && step.status == Status::Running)).then_some(step)
}

/// A process died in a unit, and the run holds before anybody could look what became of it.
fn nothing_is_open(run: &Run) -> Verdict {
    let open = run.current_step().and_then(|step| step.units_of(step.direction()).open());
    match open {
        Some(open) => no(format!("what became of {} has to be found out first", open.unit.words())),
        None => Ok(()),
    }
}

pub(super) fn known<'a>(run: &'a Run, step: &str) -> Result<&'a StepState, Refused> {
    run.step(step).ok_or_else(|| Refused(format!("the plan has no step `{step}`")))
}

fn with_reason(reason: &str) -> Verdict {
    if reason.trim().is_empty() { no("it needs a reason, for the evidence") } else { Ok(()) }
}

/// The hold that the run is in, or what it does instead.
fn holding(run: &Run) -> Result<&Hold, Refused> {
    match &run.state {
        RunState::Holding(hold) => Ok(hold),
        RunState::Opening => Err(Refused("no step has begun yet".into())),
        state => Err(Refused(format!("the run is {} and doesn't wait", state.word()))),
    }
}

fn go(run: &Run) -> Verdict {
    let hold = holding(run)?;
    let Some(step) = hold.step.as_deref().and_then(|id| run.step(id)) else { return Ok(()) };
    match (&hold.reason, step.status) {
        (HoldReason::Irreversible, _) => no(format!(
            "step `{}` can't be taken back: go past it with a reason, leave it out, or roll back",
            step.id
        )),
        (HoldReason::UndoFailed, _) if only_checkpoints_of_undo_failed(step) => no(format!(
            "the rollback of step `{}` is done and its checkpoints failed: retry, or override with a reason",
            step.id
        )),
        (HoldReason::UndoFailed, _) => no(format!(
            "the rollback of step `{}` failed: retry it, skip it (its effects stay) or end the run",
            step.id
        )),
        (HoldReason::HalfApplied, _) => {
            no(format!("step `{}` is half applied: retry it, skip it, roll back or end the run", step.id))
        }
        (_, Status::Failed) => {
            no(format!("step `{}` failed: retry it, skip it, roll back or end the run", step.id))
        }
        (_, Status::Unverified) => no(format!(
            "checkpoints of step `{}` failed: retry them, override with a reason, or roll back",
            step.id
        )),
        (_, Status::Running) => super::gate_people::all_there(run, step),
        _ => Ok(()),
    }
}

/// The undo itself stands; what it was to be measured by doesn't.
fn only_checkpoints_of_undo_failed(step: &StepState) -> bool {
    step.undo_applied || step.status == Status::Pending
}

fn retry(run: &Run) -> Verdict {
    let hold = holding(run)?;
    let step = hold.step.as_deref().and_then(|id| run.step(id));
    let again = match (&hold.reason, step) {
        (HoldReason::Failed | HoldReason::UndoFailed | HoldReason::HalfApplied, Some(_)) => true,
        (_, Some(step)) if matches!(step.status, Status::Failed | Status::Unverified) => true,
        // A proof that didn't hold may hold now.
        (HoldReason::Person, Some(step)) => unproven(run, step).is_some(),
        _ => false,
    };
    if again { Ok(()) } else { no("nothing failed that could be tried again") }
}

pub(super) fn unproven<'a>(run: &'a Run, step: &StepState) -> Option<&'a ItemOutline> {
    let outline = run.outline(&step.id)?;
    outline.items.iter().find(|item| item.proven && !step.confirmed.contains_key(&item.item))
}

fn skip(run: &Run, id: &str, reason: &str) -> Verdict {
    let step = known(run, id)?;
    if run.opened.as_ref().is_some_and(|opened| opened.authorization.as_deref() == Some(id)) {
        return no(format!("step `{id}` is the authorization: nothing changes before it is signed"));
    }
    if run.goes_back() {
        let hold = holding(run)?;
        return match (&hold.reason, hold.step.as_deref()) {
            (HoldReason::UndoFailed, Some(held))
                if held == id && step.procedure.is_none() && !only_checkpoints_of_undo_failed(step) =>
            {
                with_reason(reason)
            }
            _ if step.procedure.is_some()
                && hold.step.as_deref() == Some(id)
                && step.status == Status::Failed =>
            {
                with_reason(reason)
            }
            (HoldReason::UndoFailed, Some(held)) if held == id && step.procedure.is_none() => no(format!(
                "the rollback of step `{id}` is done and its checkpoints failed: retry, or override with a reason"
            )),
            _ => no("the run goes backwards: only a rollback that failed can be left out"),
        };
    }
    if step.procedure.is_some() {
        return no(format!("step `{id}` belongs to a procedure, which isn't under way"));
    }
    if let Some(held) = run.hold().and_then(|hold| hold.step.as_deref()).filter(|held| *held != id) {
        return no(format!("the run waits for step `{held}`, and it isn't the turn of step `{id}`"));
    }
    if run.hold_reason() == Some(&HoldReason::Breached) {
        return no("a watch is breached: go on, roll back or end the run");
    }
    match step.status {
        Status::Failed => {}
        Status::Running if step.rests() => {}
        Status::Pending if run.next_step().is_some_and(|next| next.id == id) => {}
        Status::Pending => return no(format!("it isn't the turn of step `{id}` yet")),
        Status::Skipped | Status::Assumed => return no(format!("step `{id}` is {} already", step.status)),
        Status::Unverified => {
            return no(format!(
                "step `{id}` is applied and its checkpoints failed: override them or roll back"
            ));
        }
        Status::Applied | Status::Verified | Status::Accepted | Status::UndoFailed => {
            return no(format!("step `{id}` is applied: it can be rolled back, not skipped"));
        }
        Status::Running | Status::Committing | Status::Unknown | Status::Undoing => {
            return no(format!("step `{id}` has begun and is {}", step.status));
        }
    }
    if run.state == RunState::Opening {
        return no("no step has begun yet");
    }
    with_reason(reason)
}

fn accept(run: &Run, id: &str, reason: &str) -> Verdict {
    let step = known(run, id)?;
    let undo = run.hold().is_some_and(|hold| {
        hold.reason == HoldReason::UndoFailed
            && hold.step.as_deref() == Some(id)
            && only_checkpoints_of_undo_failed(step)
    });
    let past = run
        .hold()
        .is_some_and(|hold| hold.reason == HoldReason::Irreversible && hold.step.as_deref() == Some(id));
    if step.status != Status::Unverified && !undo && !past {
        let is = match (step.status, run.is_holding()) {
            // It has begun, and nothing of it runs.
            (Status::Running, true) => "waits for people, and nothing failed".to_owned(),
            (status, _) => format!("is {status}"),
        };
        return no(format!("step `{id}` {is}: only failed checkpoints of an applied step can be overridden"));
    }
    with_reason(reason)
}

fn roll_back(run: &Run, to: Option<&str>, only: &[String], procedure: Option<&str>) -> Verdict {
    if usize::from(to.is_some()) + usize::from(!only.is_empty()) + usize::from(procedure.is_some()) > 1 {
        return no(
            "a rollback goes down to a step, undoes some steps alone, or follows a procedure: one of them",
        );
    }
    match run.state {
        RunState::Opening => return no("nothing has been applied yet"),
        _ if run.goes_back() => {
            return no(
                "a rollback is under way: retry what failed, leave it out with a reason, or end the run",
            );
        }
        RunState::Running => {
            if let Some(step) = run.current_step().filter(|step| step.status.is_moving()) {
                return no(format!("step `{}` is {}: the run has to hold first", step.id, step.status));
            }
        }
        _ => {}
    }
    for step in to.into_iter().chain(only.iter().map(String::as_str)) {
        known(run, step)?;
    }
    if let Some(name) = procedure {
        let opened = run.opened.as_ref();
        if !opened.is_some_and(|o| o.procedures.iter().any(|p| p.id == name)) {
            return no(format!("the plan has no rollback procedure `{name}`"));
        }
        return if run.applied_order.is_empty() { no("nothing has been applied yet") } else { Ok(()) };
    }
    if run.applied_order.is_empty() {
        return no("nothing has been applied yet");
    }
    for step in to.into_iter().chain(only.iter().map(String::as_str)) {
        if !run.applied_order.iter().any(|id| id == step) {
            return no(format!("step `{step}` isn't applied by this run"));
        }
    }
    let mut past = false;
    let mut asked = run.to_undo().take_while(|step| {
        let take = !past;
        past |= Some(step.id.as_str()) == to;
        take
    });
    let meant = |id: &String| only.is_empty() || only.contains(id);
    let any = asked.any(|step| {
        meant(&step.id) && run.outline(&step.id).is_some_and(|outline| outline.rollback.is_some())
    });
    if any { Ok(()) } else { no("none of the steps that were applied has a rollback") }
}

fn hold(run: &Run) -> Verdict {
    match &run.state {
        RunState::Holding(hold) => no(format!("the run holds already, for {}", hold.needs)),
        _ if run.hold_asked => no("the run will hold after this step"),
        _ => Ok(()),
    }
}

fn cancel(run: &Run) -> Verdict {
    match under_way(run) {
        Some(step) if step.broken_off => no(format!("step `{}` was broken off: nothing of it runs", step.id)),
        Some(_) => Ok(()),
        None => no("nothing runs that could be cancelled"),
    }
}

fn note(run: &Run, step: Option<&str>, text: &str) -> Verdict {
    if let Some(step) = step {
        known(run, step)?;
    }
    if text.trim().is_empty() { no("the note is empty") } else { Ok(()) }
}

fn rule(run: &Run, step: &str, unit: &str, reason: &str) -> Verdict {
    let RunState::InDoubt(_) = run.state else { return no("nothing is in doubt") };
    if !run.doubts.iter().any(|doubt| doubt.step == step && doubt.unit == unit) {
        let doubts: Vec<String> = run.doubts.iter().map(super::event::Unit::words).collect();
        return no(format!("that isn't in doubt; in doubt: {}", doubts.join(", ")));
    }
    // One after the other, each with its own evidence before the eyes.
    if let Some(asked) = run.doubts.first().filter(|asked| asked.step != step || asked.unit != unit) {
        return no(format!("that is asked about later; now it is about {}", asked.words()));
    }
    with_reason(reason)
}

fn end(run: &Run) -> Verdict {
    match run.state {
        RunState::Opening | RunState::Holding(_) => Ok(()),
        _ => no(format!("the run is {}: hold it first", run.state.word())),
    }
}

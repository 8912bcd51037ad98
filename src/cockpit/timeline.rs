//! The plan as rows of a tree, and what stands in them.

use super::filter::{self, Place};
use super::state::{Spot, State};
use super::theme::Role;
use crate::plan::model::Step;
use crate::run::event::HoldReason;
use crate::run::state::Status;

/// The rows that are to be seen: phases, and the steps of those that aren't folded; under a filter the
/// steps that fit it, folded or not, with their phases.
#[must_use]
pub fn rows(state: &State) -> Vec<Spot> {
    let mut rows = Vec::new();
    let words = filter::of(&state.filters, Place::Timeline);
    for (phase, of) in state.chapters() {
        if let Some(words) = words {
            let fits = |step: &Step| {
                let status = step_sign(state, &step.id).2;
                filter::fits(words, &[&step.title, &step.id, of.title, status])
            };
            let found: Vec<usize> = (0..of.steps.len()).filter(|at| fits(&of.steps[*at])).collect();
            if !found.is_empty() {
                rows.push(Spot { phase, step: None });
                rows.extend(found.into_iter().map(|step| Spot { phase, step: Some(step) }));
            }
            continue;
        }
        rows.push(Spot { phase, step: None });
        if !state.folded.contains(&phase) {
            rows.extend((0..of.steps.len()).map(|step| Spot { phase, step: Some(step) }));
        }
    }
    rows
}

/// The row of a spot; that of its phase where it is folded away.
#[must_use]
pub fn row_of(rows: &[Spot], spot: Spot) -> Option<usize> {
    let phase = Spot { step: None, ..spot };
    rows.iter().position(|row| *row == spot).or_else(|| rows.iter().position(|row| *row == phase))
}

/// The row that is selected, `by` rows further.
#[must_use]
pub fn moved(state: &State, by: isize) -> Spot {
    let rows = rows(state);
    let at = row_of(&rows, state.selected).unwrap_or_default();
    let to = at.saturating_add_signed(by).min(rows.len().saturating_sub(1));
    rows.get(to).copied().unwrap_or_default()
}

/// Every status has a sign of its own; the colour says it once more.
#[must_use]
pub fn sign(status: Status) -> (char, Role) {
    match status {
        Status::Pending => ('·', Role::Dim),
        Status::Skipped => ('-', Role::Warn),
        Status::Assumed => ('~', Role::Warn),
        Status::Running => ('▶', Role::Active),
        Status::Committing => ('»', Role::Active),
        Status::Applied => ('◇', Role::Active),
        Status::Verified => ('✓', Role::Good),
        Status::Unverified => ('≠', Role::Bad),
        Status::Accepted => ('!', Role::Warn),
        Status::Failed => ('✗', Role::Bad),
        Status::Unknown => ('?', Role::Bad),
        Status::Undoing => ('◀', Role::Back),
        Status::UndoFailed => ('⊗', Role::Bad),
    }
}

/// The sign of a step: one that waits for a person looks like what it waits for, not like work.
#[must_use]
pub fn step_sign(state: &State, id: &str) -> (char, Role, &'static str) {
    let status = state.status(id);
    let waits = state.run().hold().is_some_and(|hold| {
        let asks = matches!(
            hold.reason,
            HoldReason::Person | HoldReason::Stepping | HoldReason::Asked | HoldReason::Irreversible
        );
        asks && hold.step.as_deref() == Some(id)
    });
    if waits && state.over.is_none() {
        return ('◆', Role::Hold, "waits");
    }
    // What was under way when its process ended doesn't run.
    let broken_off = state.over.is_some() || state.run().step(id).is_some_and(|step| step.broken_off);
    if status.is_moving() && broken_off && state.run().in_doubt().is_none() {
        return ('◌', Role::Hold, "broken off");
    }
    // Not as if it had never been.
    if status == Status::Pending && state.run().step(id).is_some_and(|step| step.generation > 0) {
        return ('◁', Role::Back, "undone");
    }
    let (sign, role) = sign(status);
    (sign, role, status.word())
}

/// What a phase is, by its steps: the worst of them, or that of the one under way.
#[must_use]
pub fn phase_status(state: &State, phase: usize) -> Status {
    let Some(of) = state.chapter(phase) else { return Status::Pending };
    let all: Vec<Status> = of.steps.iter().map(|step| state.status(&step.id)).collect();
    let any = |wanted: Status| all.contains(&wanted);
    for worst in [
        Status::Unknown,
        Status::Failed,
        Status::UndoFailed,
        Status::Unverified,
        Status::Undoing,
        Status::Committing,
        Status::Running,
        Status::Applied,
    ] {
        if any(worst) {
            return worst;
        }
    }
    match all.iter().filter(|status| status.is_settled()).count() {
        0 => Status::Pending,
        settled if settled < all.len() => Status::Running,
        _ if all.iter().all(|status| *status == Status::Skipped) => Status::Skipped,
        _ if all.iter().all(|status| *status == Status::Assumed) => Status::Assumed,
        _ if any(Status::Accepted) => Status::Accepted,
        // Not all of it was done.
        _ if of.steps.iter().any(|s| !s.optional && state.status(&s.id) == Status::Skipped) => {
            Status::Accepted
        }
        _ => Status::Verified,
    }
}

/// The sign of a phase. What was undone in it shows: such a phase neither runs nor lies ahead as if
/// nothing had happened.
#[must_use]
pub fn phase_sign(state: &State, phase: usize) -> (char, Role) {
    let status = phase_status(state, phase);
    let Some(of) = state.chapter(phase) else { return sign(status) };
    let steps = of.steps;
    let undone = steps.iter().any(|step| step_sign(state, &step.id).2 == "undone");
    let moves = steps.iter().any(|step| state.status(&step.id).is_moving());
    if matches!(status, Status::Pending | Status::Running) && undone && !moves {
        return ('◁', Role::Back);
    }
    match sign(status) {
        // It runs, and leads back.
        (_, Role::Active) if of.back => ('◀', Role::Back),
        other => other,
    }
}

/// How long a step has taken so far, in ms; `None` when it hasn't begun.
#[must_use]
pub fn step_ms(state: &State, id: &str) -> Option<u64> {
    let step = state.run().step(id)?;
    if step.status.is_moving() && step.ended_at.is_none() && !step.broken_off {
        let since = step.started_at?;
        return Some(u64::try_from(state.now.duration_since(since).as_millis()).unwrap_or_default());
    }
    let done = step.status.is_settled() || step.status == Status::Applied;
    (done && step.started_at.is_some()).then_some(step.elapsed_ms)
}

/// The sum of a phase's steps.
#[must_use]
pub fn phase_ms(state: &State, phase: usize) -> Option<u64> {
    let steps = state.chapter(phase)?.steps;
    let begun: Vec<u64> = steps.iter().filter_map(|step| step_ms(state, &step.id)).collect();
    (!begun.is_empty()).then(|| begun.iter().sum())
}

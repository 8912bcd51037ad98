//! How far the run is: forward, or on its way back.

use super::state::State;
use crate::run::event::Ending;
use crate::run::state::{RunState, Status};

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Steps that nothing is to be done about any more, and all of them; `at`: the place of the one that
    /// the run is about; `out`: those that are done with because they were left out.
    Forward { at: Option<usize>, done: usize, all: usize, out: usize },
    /// Steps that are undone, of those that are to be; and those of the procedures that undo them. A procedure's
    /// last step may be the one that all of it hangs on.
    Back { undone: usize, all: usize, gone: usize, to_go: usize },
}

/// How far the run is.
#[must_use]
pub fn progress(state: &State) -> Progress {
    if let Some(back) = back(state) {
        return back;
    }
    let only = &state.run().selection.only;
    let phases = state.plan().phases.iter().filter(|phase| only.is_empty() || only.contains(&phase.id));
    let active = state.active().and_then(|spot| state.step_at(spot));
    let (mut at, mut done, mut all, mut out) = (None, 0, 0, 0);
    for step in phases.flat_map(|phase| &phase.steps) {
        all += 1;
        done += usize::from(is_done(state.status(&step.id)));
        out += usize::from(state.status(&step.id) == Status::Skipped);
        if active.is_some_and(|active| active.id == step.id) {
            at = Some(all);
        }
    }
    Progress::Forward { at: if state.run().is_ended() { None } else { at }, done, all, out }
}

/// What failed, or didn't pass, is settled too; but nobody has done anything about it yet.
fn is_done(status: Status) -> bool {
    matches!(status, Status::Verified | Status::Accepted | Status::Skipped | Status::Assumed)
}

/// On the way back, or at its end: not where it went as far as it was told, and may go forward again.
fn back(state: &State) -> Option<Progress> {
    let run = state.run();
    let rollback = run.rollback.as_ref()?;
    let went_back = matches!(run.state, RunState::Ended(Ending::RolledBack { .. }, _));
    let undone = |step: &&String| !run.applied_order.contains(step);
    let of_procedures =
        || state.chapters().filter(|(_, chapter)| chapter.back).flat_map(|(_, chapter)| chapter.steps);
    (run.goes_back() || went_back).then(|| Progress::Back {
        undone: rollback.steps.iter().filter(undone).count(),
        all: rollback.steps.len(),
        gone: of_procedures().filter(|step| is_done(state.status(&step.id))).count(),
        to_go: of_procedures().count(),
    })
}

impl Progress {
    /// For the line that says how the run stands.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Forward { at: Some(at), all, .. } => format!("step {at} of {all}"),
            Self::Forward { at: None, done, all, out: 0 } => format!("{done} of {all} steps"),
            Self::Forward { at: None, done, all, out } => {
                format!("{} of {all} steps, {out} left out", done - out)
            }
            Self::Back { undone, all, gone, to_go } if gone < to_go => {
                format!("step {} of {to_go} back, undone {undone} of {all} steps", gone + 1)
            }
            Self::Back { undone, all, .. } => format!("undone {undone} of {all} steps"),
        }
    }

    /// The same where there is hardly any room.
    #[must_use]
    pub fn short(self) -> String {
        match self {
            Self::Forward { at, done, all, .. } => format!("{}/{all}", at.unwrap_or(done)),
            Self::Back { undone, all, .. } => format!("undone {undone}/{all}"),
        }
    }

    /// In percent. Only what is over is 100.
    #[must_use]
    pub fn percent(self, over: bool) -> usize {
        let (done, all) = match self {
            Self::Forward { done, all, .. } => (done, all),
            Self::Back { undone, all, gone, to_go } => (undone + gone, all + to_go),
        };
        let percent = (done * 100).checked_div(all).unwrap_or_default();
        if over && done == all { percent } else { percent.min(99) }
    }
}

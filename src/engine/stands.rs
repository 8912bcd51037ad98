//! Where a step stands, as the fold over the run has it.

use super::conductor::Conductor;
use crate::run::state::Status;

impl Conductor {
    pub(super) fn generation(&self, step: &str) -> u32 {
        self.recorder.look(|run| run.step(step).map_or(0, |s| s.generation))
    }

    pub(super) fn status(&self, step: &str) -> Status {
        self.recorder.look(|run| run.step(step).map_or(Status::Pending, |s| s.status))
    }

    pub(super) fn settled(&self, step: &str) -> bool {
        matches!(self.status(step), Status::Verified | Status::Accepted | Status::Skipped | Status::Assumed)
    }

    pub(super) fn selected(&self, phase: &str) -> bool {
        self.recorder
            .look(|run| run.selection.only.is_empty() || run.selection.only.iter().any(|p| p == phase))
    }
}

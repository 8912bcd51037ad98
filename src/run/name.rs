//! What an event is called, and what it is about, without looking into it.

use super::event::{Event, Unit};

impl Event {
    /// The name as the journal has it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::RunOpened(_) => "run_opened",
            Self::RunResumed { .. } => "run_resumed",
            Self::RunReopened { .. } => "run_reopened",
            Self::Selected { .. } => "selected",
            Self::LockTaken { .. } => "lock_taken",
            Self::FenceTaken { .. } => "fence_taken",
            Self::LedgerOff { .. } => "ledger_off",
            Self::BaselineTaken(_) => "baseline_taken",
            Self::WaysBack { .. } => "ways_back",
            Self::ImageTaken(_) => "image_taken",
            Self::CountsTaken(_) => "counts_taken",
            Self::StepStarted { .. } => "step_started",
            Self::StepSkipped { .. } => "step_skipped",
            Self::StepAssumed { .. } => "step_assumed",
            Self::UnitStarted { .. } => "unit_started",
            Self::LockRetry { .. } => "lock_retry",
            Self::CommitIntent { .. } => "commit_intent",
            Self::BareIntent { .. } => "bare_intent",
            Self::UnitApplied { .. } => "unit_applied",
            Self::UnitFailed { .. } => "unit_failed",
            Self::UnitPassedOver { .. } => "unit_passed_over",
            Self::FileWritten { .. } => "file_written",
            Self::SnapshotTaken(_) => "snapshot_taken",
            Self::ReportWritten(_) => "report_written",
            Self::ProgramEnded(_) => "program_ended",
            Self::ArtifactWritten(_) => "artifact_written",
            Self::WatchBreached(_) => "watch_breached",
            Self::WatchAccepted { .. } => "watch_accepted",
            Self::WatchEnded(_) => "watch_ended",
            Self::Notified(_) => "notified",
            Self::BackupTaken(_) => "backup_taken",
            Self::DatabaseReplacing(_) => "database_replacing",
            Self::UnitUnknown { .. } => "unit_unknown",
            Self::UnitReconciled { .. } => "unit_reconciled",
            Self::CheckpointResult(_) => "checkpoint_result",
            Self::StepApplied { .. } => "step_applied",
            Self::StepVerified { .. } => "step_verified",
            Self::StepUnverified { .. } => "step_unverified",
            Self::StepAccepted { .. } => "step_accepted",
            Self::StepFailed { .. } => "step_failed",
            Self::StepUndone { .. } => "step_undone",
            Self::Saved { .. } => "saved",
            Self::Confirmed { .. } => "confirmed",
            Self::Signed { .. } => "signed",
            Self::Held { .. } => "held",
            Self::Decided { .. } => "decided",
            Self::Deviation { .. } => "deviation",
            Self::Note { .. } => "note",
            Self::Looked { .. } => "looked",
            Self::CancelSent { .. } => "cancel_sent",
            Self::BackendEnding { .. } => "backend_ending",
            Self::BackendEnded { .. } => "backend_ended",
            Self::RollbackStarted { .. } => "rollback_started",
            Self::RollbackEnded { .. } => "rollback_ended",
            Self::Interrupted { .. } => "interrupted",
            Self::Left { .. } => "left",
            Self::Ended { .. } => "ended",
            Self::Unknown => "unknown",
        }
    }

    /// The step that it is about, if it is about one.
    #[must_use]
    pub fn step(&self) -> Option<&str> {
        match self {
            Self::StepStarted { step, .. }
            | Self::StepSkipped { step, .. }
            | Self::StepAssumed { step, .. }
            | Self::StepApplied { step, .. }
            | Self::StepVerified { step, .. }
            | Self::StepUnverified { step, .. }
            | Self::StepAccepted { step, .. }
            | Self::StepFailed { step, .. }
            | Self::StepUndone { step, .. }
            | Self::Saved { step, .. }
            | Self::Confirmed { step, .. }
            | Self::Signed { step, .. }
            | Self::CancelSent { step, .. } => Some(step),
            Self::Held { step, .. }
            | Self::Decided { step, .. }
            | Self::Deviation { step, .. }
            | Self::Note { step, .. } => step.as_deref(),
            Self::CheckpointResult(result) => Some(&result.step),
            Self::ImageTaken(image) => image.step.as_deref(),
            Self::CountsTaken(counts) => Some(&counts.step),
            Self::SnapshotTaken(taken) => Some(&taken.step),
            Self::ReportWritten(written) => Some(&written.step),
            Self::ProgramEnded(end) => Some(&end.step),
            Self::ArtifactWritten(artifact) => Some(&artifact.step),
            Self::Notified(notice) => Some(&notice.step),
            Self::BackupTaken(taken) => Some(&taken.step),
            _ => self.unit().map(|unit| unit.step.as_str()),
        }
    }

    /// The unit that it is about, if it is about one.
    #[must_use]
    pub fn unit(&self) -> Option<&Unit> {
        match self {
            Self::UnitStarted { unit, .. }
            | Self::LockRetry { unit, .. }
            | Self::CommitIntent { unit, .. }
            | Self::BareIntent { unit, .. }
            | Self::UnitApplied { unit, .. }
            | Self::UnitFailed { unit, .. }
            | Self::UnitPassedOver { unit }
            | Self::FileWritten { unit, .. }
            | Self::UnitUnknown { unit, .. }
            | Self::UnitReconciled { unit, .. } => Some(unit),
            Self::DatabaseReplacing(replacing) => Some(&replacing.unit),
            _ => None,
        }
    }
}

//! What a step that runs no SQL has told: snapshots it took, files it wrote, programs that ended. The lines of
//! the log that are about it, in its own place; whatever an action tells is seen there without more ado.

use std::collections::{BTreeMap, VecDeque};

use crate::plain::LogLine;
use crate::plan::model::{Action, Plan};
use crate::run::event::{Envelope, Event};

/// Lines that are kept of each step; the log has more.
const KEPT: usize = 200;

/// By step, those of its present try.
#[derive(Debug, Default)]
pub struct Told {
    of: BTreeMap<String, VecDeque<(u64, LogLine)>>,
}

impl Told {
    /// Takes in an event with the lines that the log has of it.
    pub fn take(&mut self, plan: &Plan, envelope: &Envelope, lines: &[LogLine]) {
        let Some(id) = envelope.event.step() else { return };
        if matches!(envelope.event, Event::StepStarted { .. }) {
            self.of.remove(id);
            return;
        }
        if lines.is_empty() || is_shown_elsewhere(&envelope.event) {
            return;
        }
        let Some(step) = plan.steps().find(|step| step.id == id).filter(|step| !has_script(&step.action))
        else {
            return;
        };
        let told = self.of.entry(step.id.clone()).or_default();
        told.extend(lines.iter().map(|line| (envelope.seq, line.clone())));
        let extra = told.len().saturating_sub(KEPT);
        told.drain(..extra);
    }

    /// What this step has told, each with the number of its event.
    pub fn of(&self, step: &str) -> impl Iterator<Item = (u64, &LogLine)> {
        self.of.get(step).into_iter().flatten().map(|(seq, line)| (*seq, line))
    }
}

fn has_script(action: &Action) -> bool {
    matches!(
        action,
        Action::File { .. }
            | Action::Files { .. }
            | Action::Sql { .. }
            | Action::Check { .. }
            | Action::Probe { .. }
    )
}

/// How it goes, who is waited for, what was looked at: each has its place on the screen.
fn is_shown_elsewhere(event: &Event) -> bool {
    matches!(
        event,
        Event::StepSkipped { .. }
            | Event::StepAssumed { .. }
            | Event::StepApplied { .. }
            | Event::StepVerified { .. }
            | Event::StepUnverified { .. }
            | Event::StepAccepted { .. }
            | Event::StepFailed { .. }
            | Event::StepUndone { .. }
            | Event::CheckpointResult(_)
            | Event::Saved { .. }
            | Event::Confirmed { .. }
            | Event::Signed { .. }
            | Event::Held { .. }
            | Event::Decided { .. }
            | Event::Note { .. }
            | Event::ImageTaken(_)
            | Event::CountsTaken(_)
    )
}

//! How far a run is that isn't over, in words for somebody who only asks.

use super::state::{Run, RunState, StepState};
use super::step::Status;

impl Run {
    /// Which way it goes, how far it is, and what it is at: "rolling back, 1 of 4 steps undone, at \"b\"". Empty of a
    /// run that is over.
    #[must_use]
    pub fn whereabouts(&self) -> String {
        if self.is_ended() {
            return String::new();
        }
        if self.only_goes_back() {
            return "opened again to go back, nothing undone yet".to_owned();
        }
        if let Some(back) = self.rollback.as_ref().filter(|_| self.goes_back()) {
            let meant = back.steps.iter().filter(|id| !back.kept.iter().any(|(kept, _)| kept == *id));
            let (mut all, mut undone) = (0, 0);
            for id in meant {
                all += 1;
                undone += usize::from(!self.applied_order.contains(id));
            }
            let far = format!("{undone} of {} undone", steps(all));
            return format!("rolling back, {far}{}", at(self.current_step()));
        }
        if self.is_to_go_back() {
            return "about to roll back, nothing undone yet".to_owned();
        }
        let own = || self.steps.iter().filter(|step| step.procedure.is_none());
        let done = own().filter(|step| step.is_good() || step.status.is_left_out()).count();
        let far = format!("{done} of {} done", steps(own().count()));
        match &self.state {
            RunState::Opening if done == 0 => "opening, no step has begun".to_owned(),
            _ => format!("running, {far}{}", at(self.current_step())),
        }
    }
}

fn at(step: Option<&StepState>) -> String {
    let moving = step.filter(|step| step.status.is_moving() || step.status == Status::Failed);
    moving.map(|step| format!(", at \"{}\"", step.id)).unwrap_or_default()
}

fn steps(n: usize) -> String {
    if n == 1 { "1 step".to_owned() } else { format!("{n} steps") }
}

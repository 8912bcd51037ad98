//! The fold over what happens to steps: where the run and its steps meet.
//!
//! The run's side is looked at first, then the step's own transition looks and changes, and only
//! then the run changes.

use super::event::{CheckpointResult, Direction, Envelope, Event};
use super::state::{ByPeople, Run, RunState};
use super::step::{Status, Why};

/// Names the plan's guards in a [`CheckpointResult`].
pub const TARGET: &str = "target";

impl Run {
    pub(super) fn take_step_event(&mut self, envelope: &Envelope) -> Result<(), Why> {
        let at = envelope.at;
        match &envelope.event {
            Event::StepStarted { step, direction, generation, attempt } => {
                let i = self.find(step)?;
                self.may_move(i, *direction)?;
                self.may_go_back(i)?;
                if !self.locked {
                    return Err("the lock of the target isn't held".into());
                }
                let waits = self.current.filter(|other| *other != i && self.lets_before_it(*other, i));
                match self.current {
                    Some(other) if other != i && waits.is_none() => self.nothing_moves()?,
                    _ => {}
                }
                if let Some(other) = self.unsettled_before(i, *direction) {
                    return Err(format!("step `{other}` is applied and its checkpoints come first"));
                }
                self.steps[i].begin(at, *direction, *generation, *attempt)?;
                if let Some(other) = waits {
                    self.steps[other].abandon();
                }
                self.current = Some(i);
                self.left_fingerprint = None;
                self.leave_opening();
                self.answered();
            }
            Event::StepSkipped { step, reason, deviation, .. } => {
                let i = self.find(step)?;
                self.may_move(i, Direction::Forward)?;
                let state = &mut self.steps[i];
                state.is(&[Status::Pending, Status::Failed, Status::Running])?;
                if state.status == Status::Running && !state.rests() {
                    return Err(format!("step `{step}` is under way"));
                }
                state.reason = Some(reason.clone());
                state.put_down(at, Status::Skipped);
                if *deviation {
                    let (step, reason) = (step.clone(), reason.clone());
                    self.by_people.push(ByPeople { step, status: Status::Skipped, reason });
                }
                self.settled(i);
            }
            Event::StepAssumed { step, reason } => {
                let i = self.find(step)?;
                self.may_move(i, Direction::Forward)?;
                if let Some(procedure) = &self.steps[i].procedure {
                    return Err(format!("step `{step}` belongs to procedure `{procedure}`"));
                }
                self.steps[i].is(&[Status::Pending])?;
                self.steps[i].reason = Some(reason.clone());
                self.steps[i].settle(at, Status::Assumed, 0);
                self.leave_opening();
            }
            Event::StepApplied { step, direction, generation, elapsed_ms } => {
                let i = self.find(step)?;
                self.may_move(i, *direction)?;
                self.everybody_was_here(i)?;
                self.steps[i].applied(*direction, *generation, *elapsed_ms)?;
                self.is_applied(i, *direction);
            }
            Event::StepVerified { step, elapsed_ms, .. } => {
                let i = self.find(step)?;
                self.may_move(i, Direction::Forward)?;
                self.steps[i].is(&[Status::Applied, Status::Unverified])?;
                self.all_passed(i)?;
                self.steps[i].judged(at, Status::Verified, *elapsed_ms);
                self.settled(i);
            }
            Event::StepUnverified { step, elapsed_ms, .. } => {
                let i = self.find(step)?;
                self.may_move(i, Direction::Forward)?;
                self.steps[i].is(&[Status::Applied, Status::Unverified])?;
                self.steps[i].judged(at, Status::Unverified, *elapsed_ms);
                self.settled(i);
                self.unanswered = Some(i);
            }
            Event::StepAccepted { step, reason, .. } => {
                let i = self.find(step)?;
                if matches!(self.state, RunState::InDoubt(_)) {
                    return Err("an outcome has to be settled first".into());
                }
                let state = &mut self.steps[i];
                state.is(&[Status::Unverified])?;
                state.reason = Some(reason.clone());
                state.put_down(at, Status::Accepted);
                let (step, reason) = (step.clone(), reason.clone());
                self.by_people.push(ByPeople { step, status: Status::Accepted, reason });
                self.answered();
            }
            Event::StepFailed { step, direction, generation, problem, elapsed_ms } => {
                let i = self.find(step)?;
                self.may_move(i, *direction)?;
                self.steps[i].failed(at, *direction, *generation, problem, *elapsed_ms)?;
                self.settled(i);
                self.unanswered = Some(i);
            }
            Event::StepUndone { step, generation, elapsed_ms } => {
                let i = self.find(step)?;
                self.may_move(i, Direction::Back)?;
                self.steps[i].undone(at, *generation, *elapsed_ms)?;
                self.is_undone(i);
                self.ask_again_behind(i);
                self.settled(i);
            }
            Event::CheckpointResult(result) => self.checkpoint_result(result)?,
            Event::SnapshotTaken(taken) => {
                let i = self.find(&taken.step)?;
                self.may_move(i, Direction::Forward)?;
                self.steps[i].is(&[Status::Running])?;
                self.snapshots.push((**taken).clone());
            }
            Event::ReportWritten(written) => {
                let i = self.find(&written.step)?;
                self.may_move(i, Direction::Forward)?;
                self.steps[i].is(&[Status::Running])?;
                let place = (written.step.clone(), written.artifact.path.clone());
                if !self.reports.contains(&place) {
                    self.reports.push(place);
                }
            }
            Event::BackupTaken(taken) => {
                let i = self.find(&taken.step)?;
                self.may_move(i, Direction::Forward)?;
                self.steps[i].is(&[Status::Running])?;
                self.backups.push((**taken).clone());
            }
            Event::Confirmed { step, item, by, note, .. } => {
                let i = self.waits_for_people(step)?;
                if !self.outline(step).is_some_and(|o| o.items.iter().any(|x| x.item == *item)) {
                    return Err(format!("step `{step}` has no item `{item}`"));
                }
                self.steps[i].confirmed.insert(item.clone(), (by.clone(), note.clone()));
            }
            Event::Signed { step, role, by, accepted, word, .. } => {
                let i = self.waits_for_people(step)?;
                if !self.outline(step).is_some_and(|o| o.roles.contains(role)) {
                    return Err(format!("step `{step}` doesn't ask for role `{role}`"));
                }
                if self.steps[i].signed.get(role).is_some_and(|(_, accepted, _)| *accepted) {
                    return Err(format!("role `{role}` has signed step `{step}`"));
                }
                self.steps[i].signed.insert(role.clone(), (by.clone(), *accepted, word.clone()));
            }
            Event::CancelSent { step, .. } => {
                let i = self.find(step)?;
                let state = &self.steps[i];
                if self.current != Some(i) || state.broken_off {
                    return Err(format!("nothing of step `{step}` runs"));
                }
                state.is(&[Status::Running, Status::Committing, Status::Undoing])?;
            }
            event => self.take_unit_event(event, at)?,
        }
        Ok(())
    }

    /// What was looked at, ticked or signed behind a step that is undone was so of another state of the
    /// database: its turn comes again.
    fn ask_again_behind(&mut self, i: usize) {
        for step in self.steps.iter_mut().skip(i + 1).filter(|s| s.procedure.is_none() && !s.changes) {
            let over = matches!(
                step.status,
                Status::Verified | Status::Accepted | Status::Unverified | Status::Failed
            );
            if over && !step.has_units() {
                step.reset(step.generation + 1);
            }
        }
    }

    /// Whether the run goes this step's way now.
    pub(super) fn may_move(&self, i: usize, direction: Direction) -> Result<(), Why> {
        let step = &self.steps[i];
        let back = direction == Direction::Back || step.procedure.is_some();
        match (&self.state, back) {
            (RunState::Opening | RunState::Running, false) | (RunState::RollingBack, true) => Ok(()),
            (RunState::Opening | RunState::Running, true) => Err("it isn't rolling back".into()),
            (RunState::RollingBack, false) => Err(format!("step `{}` goes forward", step.id)),
            (RunState::Holding(hold), _) => Err(format!("it needs: {}", hold.needs)),
            (RunState::InDoubt(unit), _) => {
                Err(format!("whether {} was applied has to be settled first", unit.words()))
            }
            (RunState::Ended(..), _) => Err("nothing follows its end".into()),
        }
    }

    /// A step that waits for people waits again behind an earlier one that turned out not to be applied. What
    /// they have said of it stands.
    fn lets_before_it(&self, waits: usize, i: usize) -> bool {
        let step = &self.steps[waits];
        let people = self
            .outline(&step.id)
            .is_some_and(|outline| !outline.items.is_empty() || !outline.roles.is_empty());
        i < waits && self.steps[i].status == Status::Failed && people && step.rests()
    }

    /// The rollback isn't over, and the step is of the procedure that is carried out.
    fn may_go_back(&self, i: usize) -> Result<(), Why> {
        let (RunState::RollingBack, Some(rollback)) = (&self.state, &self.rollback) else { return Ok(()) };
        if rollback.ended.is_some() {
            return Err("the rollback has ended".into());
        }
        match &self.steps[i].procedure {
            Some(other) if !rollback.procedures().contains(&other.as_str()) => {
                Err(format!("procedure `{other}` isn't under way"))
            }
            _ => Ok(()),
        }
    }

    /// A change needs the fence, or the word that there is no ledger.
    pub(super) fn may_change(&self, i: usize) -> Result<(), Why> {
        let step = &self.steps[i];
        if !self.locked {
            return Err("the lock of the target isn't held".into());
        }
        if step.changes && !self.fenced && self.ledger_off.is_none() {
            return Err(format!("step `{}` changes the target and the fence isn't taken", step.id));
        }
        Ok(())
    }

    /// Going forward, a step whose checkpoints are still to come stops the next one.
    fn unsettled_before(&self, i: usize, direction: Direction) -> Option<&str> {
        let current = self.current.filter(|&c| c != i && direction == Direction::Forward)?;
        let step = &self.steps[current];
        (step.status == Status::Applied).then_some(step.id.as_str())
    }

    fn leave_opening(&mut self) {
        if self.state == RunState::Opening {
            self.state = RunState::Running;
        }
    }

    /// The step is over for now.
    fn settled(&mut self, i: usize) {
        if self.current == Some(i) {
            self.current = None;
        }
        self.leave_opening();
        self.answered();
    }

    /// Already its first unit counts: a step that fails half-way has to be undone too.
    pub(super) fn is_applied(&mut self, i: usize, direction: Direction) {
        if direction == Direction::Back {
            return;
        }
        let step = &mut self.steps[i];
        if step.changes {
            self.touched = true;
            if step.procedure.is_none() && !step.in_order {
                step.in_order = true;
                self.applied_order.push(step.id.clone());
            }
        }
    }

    /// Its undo turned out not to have happened.
    pub(super) fn stands_again(&mut self, i: usize) {
        let step = &mut self.steps[i];
        if step.procedure.is_none() {
            step.in_order = true;
            self.applied_order.push(step.id.clone());
        }
    }

    pub(super) fn is_undone(&mut self, i: usize) {
        let step = &mut self.steps[i];
        step.in_order = false;
        // Undone are the last ones first: from the end it is found at once.
        if let Some(place) = self.applied_order.iter().rposition(|id| *id == step.id) {
            self.applied_order.remove(place);
        }
    }

    fn checkpoint_result(&mut self, result: &CheckpointResult) -> Result<(), Why> {
        if result.step == TARGET {
            match self.target_checks.iter_mut().find(|old| old.checkpoint == result.checkpoint) {
                Some(old) => *old = result.clone(),
                None => self.target_checks.push(result.clone()),
            }
            return Ok(());
        }
        let i = self.find(&result.step)?;
        self.may_move(i, result.direction)?;
        let step = &mut self.steps[i];
        let results = match result.direction {
            Direction::Forward => {
                step.is(&[Status::Running, Status::Applied, Status::Unverified])?;
                &mut step.checkpoints
            }
            Direction::Back => {
                // Those that failed after the undo may be looked at again.
                step.is(if step.generation > 0 {
                    &[Status::Undoing, Status::Pending]
                } else {
                    &[Status::Undoing]
                })?;
                &mut step.undo_checkpoints
            }
        };
        results.insert(result.checkpoint.clone(), result.clone());
        Ok(())
    }

    /// A step is verified when each of its checkpoints was evaluated and passed: nothing looks green
    /// that wasn't looked at.
    fn all_passed(&self, i: usize) -> Result<(), Why> {
        let step = &self.steps[i];
        if let Some(failed) = step.checkpoints.values().find(|result| !result.verdict.passed) {
            return Err(format!("checkpoint `{}` failed", failed.checkpoint));
        }
        let outline = self.outline(&step.id);
        match outline.and_then(|o| o.checkpoints.iter().find(|c| !step.checkpoints.contains_key(&c.id))) {
            Some(missing) => Err(format!("checkpoint `{}` wasn't evaluated", missing.id)),
            None => Ok(()),
        }
    }

    /// A checklist is done when every item is ticked, a sign-off when every role has signed.
    fn everybody_was_here(&self, i: usize) -> Result<(), Why> {
        let step = &self.steps[i];
        let Some(outline) = self.outline(&step.id) else { return Ok(()) };
        if step.direction() == Direction::Back {
            return Ok(());
        }
        if let Some(item) = outline.items.iter().find(|x| !step.confirmed.contains_key(&x.item)) {
            return Err(format!("item `{}` isn't ticked", item.item));
        }
        match outline
            .roles
            .iter()
            .find(|role| !step.signed.get(*role).is_some_and(|(_, accepted, _)| *accepted))
        {
            Some(role) => Err(format!("role `{role}` hasn't signed")),
            None => Ok(()),
        }
    }

    /// Ticks and signatures come while the step waits, whether the run holds for them or not.
    fn waits_for_people(&self, step: &str) -> Result<usize, Why> {
        let i = self.find(step)?;
        match &self.state {
            RunState::Running | RunState::RollingBack | RunState::Holding(_) => {
                self.steps[i].is(&[Status::Running])?
            }
            _ => return Err("it doesn't wait for people".into()),
        }
        Ok(i)
    }
}

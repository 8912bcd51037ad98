//! The fold: event after event, a [`Run`] becomes what its journal says.
//!
//! [`Run::apply`] refuses an event that the state machines don't allow, so that nothing impossible
//! can be journaled, and a refused event changes nothing: each transition looks first and changes
//! afterwards. This file is about the run as a whole; holds, decisions and
//! rollbacks are in `fold_turns`, what happens to steps is in `fold_steps`.

use super::event::{Decision, Ending, Envelope, Event, Opened, StepOutline};
use super::fold_reopen::is_of_the_way_back;
use super::illegal::Illegal;
use super::state::{Choice, Hold, RollbackResult, RollbackState, Run, RunState};
use super::step::{StepState, Why};

impl Run {
    /// Takes one event in.
    ///
    /// # Errors
    /// [`Illegal`]; the run is as it was before.
    pub fn apply(&mut self, envelope: &Envelope) -> Result<(), Illegal> {
        let state = self.state.word();
        self.follows(envelope).and_then(|()| self.take(envelope)).map_err(|why| Illegal {
            event: envelope.event.name(),
            state,
            why,
        })?;
        self.seq = envelope.seq;
        self.last_at = Some(envelope.at);
        Ok(())
    }

    /// The run that these events make.
    ///
    /// # Errors
    /// [`Illegal`] on the first event that can't follow.
    pub fn fold<'a>(events: impl IntoIterator<Item = &'a Envelope>) -> Result<Self, Illegal> {
        let mut run = Self::default();
        for envelope in events {
            run.apply(envelope)?;
        }
        Ok(run)
    }

    fn follows(&self, envelope: &Envelope) -> Result<(), Why> {
        if envelope.seq != self.seq + 1 {
            return Err(format!("event {} doesn't follow event {}", envelope.seq, self.seq));
        }
        let first = matches!(envelope.event, Event::RunOpened(_));
        match self.id {
            None if !first => Err("the first event must be `run_opened`".into()),
            None => Ok(()),
            Some(_) if first => Err("the run is open already".into()),
            Some(id) if id != envelope.run => Err(format!("the event belongs to run {}", envelope.run)),
            Some(_) => match (&self.state, &envelope.event) {
                (RunState::Ended(..), Event::RunReopened { .. } | Event::Unknown) => Ok(()),
                (RunState::Ended(..), _) => Err("nothing follows its end".into()),
                (_, event) if self.only_goes_back() && !is_of_the_way_back(event) => {
                    Err("it was over, and is open again only to go back".into())
                }
                _ => Ok(()),
            },
        }
    }

    fn take(&mut self, envelope: &Envelope) -> Result<(), Why> {
        match &envelope.event {
            Event::RunOpened(opened) => {
                self.open(opened)?;
                self.id = Some(envelope.run);
                self.opened_at = Some(envelope.at);
            }
            Event::RunResumed { target, selection, plan_digest, vars, .. } => {
                self.let_go();
                if let Some(opened) = &mut self.opened {
                    opened.vars.extend(vars.clone());
                }
                self.sittings += 1;
                self.left = None;
                self.target = Some(target.clone());
                self.selection = selection.clone();
                self.plan_digest.clone_from(plan_digest);
            }
            Event::RunReopened { by, reason, to, only, procedure, .. } => self.reopen(Choice {
                what: Decision::RollBack,
                step: to.clone(),
                by: by.clone(),
                reason: Some(reason.clone()),
                procedure: procedure.clone(),
                only: only.clone(),
            })?,
            Event::Selected { selection } => {
                self.nothing_moves()?;
                self.selection = selection.clone();
            }
            Event::LockTaken { .. } => self.locked = true,
            Event::FenceTaken { epoch, .. } => {
                if !self.locked {
                    return Err("the lock of the target comes first".into());
                }
                if let Some(old) = self.epoch.filter(|old| old >= epoch) {
                    return Err(format!("epoch {epoch} doesn't come after epoch {old}"));
                }
                self.epoch = Some(*epoch);
                self.fenced = true;
            }
            Event::LedgerOff { reason } => self.ledger_off = Some(reason.clone()),
            Event::BaselineTaken(baseline) => {
                if self.baseline.is_some() {
                    return Err("the first baseline stands".into());
                }
                let open =
                    self.current_step().is_some_and(|step| step.changes && step.units.open().is_some());
                if self.touched || open {
                    return Err("something was changed before it".into());
                }
                self.baseline = Some((**baseline).clone());
            }
            Event::WaysBack { steps } => self.ways_back.clone_from(steps),
            Event::ImageTaken(image) => {
                if let Some(step) = &image.step {
                    self.find(step)?;
                }
                self.images.push((**image).clone());
            }
            Event::CountsTaken(counts) => {
                self.find(&counts.step)?;
                if self.baseline.is_none() {
                    return Err("the baseline comes first".into());
                }
                self.deltas.take(counts);
            }
            Event::ProgramEnded(end) => {
                self.find(&end.step)?;
                self.programs.push((**end).clone());
            }
            Event::WatchBreached(breach) => {
                let watch = self.watches.entry(breach.watch.clone()).or_default();
                watch.breaches.push((**breach).clone());
                watch.open = true;
            }
            Event::WatchAccepted { watch, by, reason } => {
                let Some(watch) = self.watches.get_mut(watch).filter(|watch| watch.open) else {
                    return Err(format!("watch `{watch}` isn't breached"));
                };
                watch.accepted.push((by.clone(), reason.clone()));
                watch.open = false;
            }
            Event::WatchEnded(figures) => {
                let watch = self.watches.entry(figures.watch.clone()).or_default();
                watch.samples += figures.samples;
                watch.failed += figures.failed;
                watch.figures = Some((**figures).clone());
            }
            Event::ArtifactWritten(artifact) => {
                self.find(&artifact.step)?;
                self.artifacts.push((**artifact).clone());
            }
            Event::Notified(notice) => {
                self.find(&notice.step)?;
                self.notices.push((**notice).clone());
            }
            Event::Saved { values, .. } => {
                self.is_not_in_doubt()?;
                for (name, value) in values {
                    self.saved.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
            Event::Held { reason, step, needs, hint } => {
                self.held(Hold {
                    reason: reason.clone(),
                    step: step.clone(),
                    needs: needs.clone(),
                    hint: hint.clone(),
                    rolling_back: false,
                })?;
            }
            Event::Decided { what, step, by, reason, procedure, only } => self.decide(Choice {
                what: *what,
                step: step.clone(),
                by: by.clone(),
                reason: reason.clone(),
                procedure: procedure.clone(),
                only: only.clone(),
            })?,
            Event::BackendEnding { backend, what, by } => self.backend_ending(backend, *what, by)?,
            Event::BackendEnded { pid, backend_start, what, outcome, why, .. } => {
                self.backend_ended((*pid, backend_start, *what), *outcome, why.as_deref())?;
            }
            Event::Deviation { step, what } => self.deviations.push((step.clone(), what.clone())),
            Event::Note { step, text, by } => self.notes.push((step.clone(), text.clone(), by.clone())),
            Event::Looked { sql, rows, error, .. } => {
                if rows.is_some() == error.is_some() {
                    return Err(format!("`{sql}` either brought rows or failed"));
                }
                self.looks += 1;
            }
            Event::RollbackStarted { to, procedure, steps, kept, why, course } => {
                self.start_rollback(RollbackState {
                    course: course.clone(),
                    to: to.clone(),
                    procedure: procedure.clone(),
                    steps: steps.clone(),
                    kept: kept.clone(),
                    why: why.clone(),
                    ..RollbackState::default()
                })?;
            }
            Event::RollbackEnded {
                residue,
                others,
                stays,
                moved,
                covers,
                not_compared,
                not_put_back,
                elapsed_ms,
                unsure,
            } => {
                self.nothing_moves()?;
                self.all_undone()?;
                let (RunState::RollingBack, Some(rollback)) = (&self.state, &mut self.rollback) else {
                    return Err("it isn't rolling back".into());
                };
                rollback.ended = Some(RollbackResult {
                    residue: residue.clone(),
                    unsure: unsure.clone(),
                    others: others.clone(),
                    stays: stays.clone(),
                    moved: moved.clone(),
                    covers: covers.clone(),
                    not_compared: not_compared.clone(),
                    not_put_back: not_put_back.clone(),
                    elapsed_ms: *elapsed_ms,
                });
            }
            Event::Interrupted { .. } | Event::Unknown => {}
            Event::Left { exit_code, why, fingerprint } => {
                self.let_go();
                self.left_fingerprint.clone_from(fingerprint);
                self.left = Some((*exit_code, why.clone()));
            }
            Event::Ended { outcome, exit_code, summary } => {
                let closes = self.closes_again_as(outcome);
                self.end(outcome, *exit_code)?;
                // One that is closed again is as it was left then: what others did since is still theirs.
                self.left_fingerprint = match &self.reopened {
                    Some(reopened) if closes => reopened.left.clone(),
                    _ => summary.fingerprint.clone(),
                };
            }
            _ => self.take_step_event(envelope)?,
        }
        Ok(())
    }

    fn open(&mut self, opened: &Opened) -> Result<(), Why> {
        let phases = opened.outline.iter().map(|phase| (None, &phase.steps));
        let procedures = opened.procedures.iter().map(|p| (Some(&p.id), &p.steps));
        let mut made = Self::default();
        for (group, (procedure, steps)) in phases.chain(procedures).enumerate() {
            for (place, outline) in steps.iter().enumerate() {
                if made.index.insert(outline.id.clone(), made.steps.len()).is_some() {
                    return Err(format!("two steps are called `{}`", outline.id));
                }
                made.places.push((group, place));
                made.steps.push(StepState {
                    id: outline.id.clone(),
                    changes: outline.changes,
                    procedure: procedure.cloned(),
                    ..StepState::default()
                });
            }
        }
        made.sittings = 1;
        made.target = Some(opened.target.clone());
        made.plan_digest.clone_from(&opened.plan_digest);
        made.selection = opened.selection.clone();
        made.opened = Some(opened.clone());
        *self = made;
        Ok(())
    }

    /// The process is gone: its lock and fence too, and what it had under way is broken off.
    pub(super) fn let_go(&mut self) {
        self.locked = false;
        self.fenced = false;
        self.hold_asked = false;
        for ended in self.backends.iter_mut().filter(|ended| ended.outcome.is_none()) {
            ended.why.get_or_insert_with(|| "holdpoint stopped before that was known".to_owned());
        }
        if let Some(step) = self.current.and_then(|i| self.steps.get_mut(i)) {
            step.let_go(self.last_at);
        }
    }

    /// No step is under way. One whose process is gone doesn't move any more, but it isn't over.
    pub(super) fn nothing_moves(&self) -> Result<(), Why> {
        match self.current_step() {
            Some(step) if step.status.is_moving() => Err(format!("step `{}` is {}", step.id, step.status)),
            _ => Ok(()),
        }
    }

    /// As `nothing_moves`, but the run may hold in the middle of a step, as long as nothing of it is
    /// under way at the server.
    pub(super) fn nothing_is_open(&self) -> Result<(), Why> {
        let Some(step) = self.current_step().filter(|_| matches!(self.state, RunState::Holding(_))) else {
            return self.nothing_moves();
        };
        match step.units_of(step.direction()).open() {
            Some(open) => Err(format!("{} is {}: its end comes first", open.unit.words(), open.phase.word())),
            None => Ok(()),
        }
    }

    /// The run turns away from the step in which it holds.
    pub(super) fn turn_away(&mut self) {
        let Some(i) = self.current.filter(|_| matches!(self.state, RunState::Holding(_))) else { return };
        if self.steps[i].abandon() {
            self.is_undone(i);
        }
        self.current = None;
    }

    pub(super) fn is_not_in_doubt(&self) -> Result<(), Why> {
        match &self.state {
            RunState::InDoubt(unit) => {
                Err(format!("whether {} was applied has to be settled first", unit.words()))
            }
            _ => Ok(()),
        }
    }

    /// Each step that was to be undone is, or it is said that its effects stay. A procedure undoes
    /// in its own way.
    fn all_undone(&self) -> Result<(), Why> {
        let Some(rollback) = self.rollback.as_ref().filter(|rollback| rollback.procedure.is_none()) else {
            return Ok(());
        };
        for id in &rollback.steps {
            if !rollback.keeps(id) && self.step(id).is_some_and(StepState::has_effects) {
                return Err(format!("step `{id}` isn't undone"));
            }
        }
        Ok(())
    }

    fn end(&mut self, outcome: &Ending, exit_code: u8) -> Result<(), Why> {
        self.is_not_in_doubt()?;
        self.nothing_is_open()?;
        match outcome {
            // Nothing was undone: it is over as it was.
            outcome if self.closes_again_as(outcome) => {}
            Ending::Refused { .. } if self.touched => {
                return Err("something was changed: it isn't refused".into());
            }
            Ending::Refused { .. } => {}
            Ending::Done => {
                if !matches!(self.state, RunState::Opening | RunState::Running) {
                    return Err("it isn't running".into());
                }
                if let Some(step) = self
                    .steps
                    .iter()
                    .find(|s| s.procedure.is_none() && !s.is_good() && !s.status.is_left_out())
                {
                    return Err(format!("step `{}` is {}", step.id, step.status));
                }
            }
            Ending::Stopped { .. } => {
                // A rollback may be stopped by its own policy, before it has ended.
                let back = self.state == RunState::RollingBack
                    && self.rollback.as_ref().is_some_and(|rollback| rollback.ended.is_none());
                if !back && !matches!(self.state, RunState::Running | RunState::Holding(_)) {
                    return Err("it isn't running or holding".into());
                }
            }
            Ending::RolledBack { .. } => {
                let ended = self.rollback.as_ref().is_some_and(|rollback| rollback.ended.is_some());
                if self.state != RunState::RollingBack || !ended {
                    return Err("no rollback has ended".into());
                }
            }
        }
        self.turn_away();
        self.state = RunState::Ended(outcome.clone(), exit_code);
        self.has_turned();
        self.answered();
        Ok(())
    }

    pub(super) fn find(&self, step: &str) -> Result<usize, Why> {
        self.index.get(step).copied().ok_or_else(|| format!("the plan has no step `{step}`"))
    }

    /// What the plan says of the step.
    #[must_use]
    pub fn outline(&self, step: &str) -> Option<&StepOutline> {
        let &(group, place) = self.places.get(*self.index.get(step)?)?;
        let opened = self.opened.as_ref()?;
        match opened.outline.get(group) {
            Some(phase) => phase.steps.get(place),
            None => opened.procedures.get(group - opened.outline.len())?.steps.get(place),
        }
    }
}

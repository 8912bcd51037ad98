//! Goes through the plan, step by step, and knows when to wait.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::attention::Attention;
use super::control::Control;
use super::exit::Exit;
use super::failure::failure_words;
use super::measuring::Idle;
use super::notify::Reminder;
use super::problems::{self, Disclosure};
use super::recorder::Recorder;
use super::rollback::{Taken, Wanted};
use super::says::Says;
use super::secrets::Secrets;
use super::sides::Sides;
use super::sources::Sources;
use super::stop::Stop;
use super::target_guards::Known;
use super::watch::Watches;
use crate::journal::{Key, RunFolder};
use crate::pg::{ConnectConfig, Session};
use crate::plan::model::{Action, Ask, Checkpoint, Plan, Side, Step};
use crate::run::event::{Direction, Event, HoldReason, Mode, Problem, When};
use crate::run::state::{Choice, Status};
use crate::script::Variables;

/// The one who goes through the plan.
#[derive(Debug)]
pub struct Conductor {
    pub plan: Arc<Plan>,
    /// Digest of the plan and its files.
    pub digest: String,
    pub mode: Mode,
    /// Somebody sits at the keys: a hold is waited through, where the program would else end.
    pub attended: bool,
    pub target: ConnectConfig,
    /// The plan's other databases.
    pub sides: Sides,
    /// The one that couldn't be asked just now: whatever the plan says about a wrong answer, this is none.
    pub(super) out_of_reach: Option<Side>,
    pub folder: RunFolder,
    /// For HMACs of SQL that stands in the plan.
    pub key: Key,
    pub recorder: Recorder,
    pub attention: Attention,
    pub control: Control,
    /// Looks on while the work session runs: who is in the way.
    pub look: Session,
    /// A session for checkpoints, kept for the next one.
    pub idle_look: Option<Session>,
    /// A session that measures, kept for the next time.
    pub idle_measuring: Idle,
    /// Go back as soon as the run is taken up.
    pub turn: Option<Wanted>,
    /// Whose word that is; not in the journal yet.
    pub asked_back: Option<Choice>,
    /// Ask the person at the screen about a rollback before anything goes on.
    pub asks_back: bool,
    /// Steps that a person wants to leave out: asked about when their turn comes.
    pub leave_out: BTreeSet<String>,
    /// Values that checkpoints before COMMIT have seen; they are saved when it is done.
    pub unsaved: Vec<Event>,
    /// End the run, for this reason, as soon as it is taken up.
    pub ending: Option<String>,
    /// Stand still as soon as this step is settled: a rehearsal looks around there.
    pub halt_after: Option<String>,
    /// How far the target is known to whoever took the run up.
    pub known: Known,
    /// The step in the middle of which the process before died: its key was pressed by somebody who saw it.
    pub broken_off: Option<String>,
    /// Counters of the work session from before the transaction that runs.
    pub counted_before: Option<crate::pg::touched::Before>,
    /// What the way back from a step takes along, of the steps that were read for it.
    pub taken_back: BTreeMap<String, Vec<Taken>>,
    /// How long the last fingerprint for an image took.
    pub slow_fingerprint: Option<std::time::Duration>,
    /// Counting all objects of the catalog took too long to do it for every step.
    pub slow_counts: Option<std::time::Duration>,
    /// The transaction that took the fence.
    pub fence_xid: Option<i64>,
    /// `None` until the first change.
    pub epoch: Option<i64>,
    /// The run's id, as the ledger has it.
    pub run: String,
    pub vars: Variables,
    pub disclosure: Disclosure,
    pub sources: Sources,
    pub secrets: Secrets,
    pub says: Says,
    /// Messages that are told again.
    pub(super) reminders: Vec<Reminder>,
    /// Of the phase that runs.
    pub(super) watches: Option<Watches>,
}

/// What comes of a hold.
#[derive(Debug)]
pub enum Flow {
    /// Go on.
    Go,
    /// The step has failed for good (declined).
    Failed(Problem),
}

/// What became of a step.
#[derive(Debug)]
pub(super) enum StepEnd {
    /// Verified, or nothing is left to do about it.
    Settled,
    /// Not applied.
    Failed(Problem),
    /// Applied (or nothing to apply), and a checkpoint failed.
    Unverified(Vec<String>),
}

/// A person's word on a hold about a step.
#[derive(Debug)]
pub(super) enum Answer {
    Retry,
    /// Skipped, overridden: go to the next step.
    Next,
}

impl Conductor {
    /// How whoever looks on connects: a login of its own is a wall, where a transaction that only reads is
    /// a seat belt. A server of our own has no such role.
    #[must_use]
    pub fn onlooker(&self) -> ConnectConfig {
        match &self.plan.target.monitor_role {
            Some(role) if self.mode != Mode::Demo => self.target.with_user(role),
            _ => self.target.clone(),
        }
    }

    /// Goes through the plan to its end, or to the end of what was asked for.
    ///
    /// # Errors
    /// [`Stop`]: why it stopped before.
    pub async fn conduct(&mut self) -> Result<Exit, Stop> {
        if self.known == Known::Nothing {
            self.look_for_broken_off();
            self.note_the_turn().await?;
            self.reconcile().await?;
            self.known = Known::Settled;
            self.note_drift().await?;
            self.take_up_ending();
            // The way back isn't closed with the window, nor by a guard that is no longer true.
            let back = self.turn.is_some()
                || self.asks_back
                || self.recorder.look(|run| run.goes_back() || run.only_goes_back());
            if self.ending.is_none() && !back {
                self.know_target().await?;
            }
        }
        self.take_up_ending();
        if let Some(why) = self.ending.take() {
            return Err(self.end_or_close(why.clone(), why).await);
        }
        let mut ended = if self.recorder.look(|run| run.goes_back()) {
            self.go_on("taken up again").await?;
            self.carry_out_decision().await?;
            self.continue_rollback().await
        } else {
            match self.wait_to_go_back().await {
                Ok(()) => self.forward().await,
                Err(stop) => Err(stop),
            }
        };
        while let Err(Stop::TurnBack(wanted)) = ended {
            self.remind_no_more();
            drop(self.leave_watches().await?);
            // One that is under way goes on with what it set out to undo.
            ended = if self.recorder.look(|run| run.goes_back()) {
                self.go_on(&wanted.why).await?;
                self.continue_rollback().await
            } else {
                self.roll_back(*wanted).await
            };
        }
        ended
    }

    pub(super) async fn forward(&mut self) -> Result<Exit, Stop> {
        if let Some(wanted) = self.turn.take() {
            self.stand_still().await?;
            return Err(Stop::TurnBack(Box::new(wanted)));
        }
        if !self.recorder.look(|run| run.is_holding() || run.in_doubt().is_some()) {
            self.assume_before_from().await?;
        }
        self.know_target().await?;
        self.take_up().await?;
        let plan = Arc::clone(&self.plan);
        for phase in &plan.phases {
            if !self.selected(&phase.id) {
                continue;
            }
            self.remind_of_settled(&phase.steps);
            if self.is_to_be_watched(phase) {
                self.watch_phase(phase);
            }
            for step in &phase.steps {
                if self.settled(&step.id) {
                    continue;
                }
                self.between_steps().await?;
                self.answer_watches().await?;
                // Somebody may have left it out meanwhile.
                if self.settled(&step.id) {
                    continue;
                }
                if self.leave_out.contains(&step.id) {
                    self.skip(step).await?;
                } else {
                    self.do_step(step).await?;
                }
                if self.halt_after.as_deref() == Some(step.id.as_str()) {
                    return Err(Stop::Halted);
                }
            }
            self.end_watches().await?;
            self.remind_no_more();
            self.compare_phase(phase).await?;
        }
        self.finish().await
    }

    /// Asks about a step that was interrupted, or hasn't begun, since a person wants to leave it out.
    pub(super) async fn skip(&mut self, step: &Step) -> Result<(), Stop> {
        let needs = format!("\"{}\" is to be left out", step.title);
        match self.ask_about(step, HoldReason::Failed, needs).await? {
            Answer::Retry => self.do_step(step).await,
            Answer::Next => Ok(()),
        }
    }

    /// A run that was left while it waited, or right after a failure, begins with that.
    pub(super) async fn take_up(&mut self) -> Result<(), Stop> {
        self.carry_out_decision().await?;
        let plan = Arc::clone(&self.plan);
        let find = |id: &str| plan.phases.iter().flat_map(|phase| &phase.steps).find(|step| step.id == id);
        if let Some(failed) = self.recorder.look(|run| run.unanswered_failure().map(|step| step.id.clone())) {
            if let Some(step) = find(&failed) {
                let (reason, problem) = self.standing_failure(step);
                let needs = match &reason {
                    HoldReason::Unverified => self.unverified(step, None),
                    _ => failure_words(step, &problem),
                };
                if let Answer::Retry = self.policy(step, reason, &problem, needs).await? {
                    self.try_again(step).await?;
                }
            }
            return Ok(());
        }
        let Some(hold) = self.recorder.look(|run| run.hold().cloned()) else { return Ok(()) };
        match (&hold.reason, hold.step.as_deref().and_then(find)) {
            (HoldReason::Breached, _) => {
                self.take_up_breaches().await?;
                self.go_on("taken up again").await
            }
            (HoldReason::Failed | HoldReason::Unverified | HoldReason::HalfApplied, Some(step)) => {
                if let Answer::Retry = self.ask_about(step, hold.reason.clone(), hold.needs.clone()).await? {
                    self.try_again(step).await?;
                }
                Ok(())
            }
            _ => self.go_on("taken up again").await,
        }
    }

    /// A step of which an earlier process left a failure, in its phase: what is watched and told there goes on.
    async fn try_again(&mut self, step: &Step) -> Result<(), Stop> {
        let plan = Arc::clone(&self.plan);
        let phase = plan.phases.iter().find(|phase| phase.steps.iter().any(|one| one.id == step.id));
        if let Some(phase) = phase {
            self.remind_of_settled(&phase.steps);
            self.watch_phase(phase);
        }
        self.do_step(step).await
    }

    /// One step, until it is settled: verified, accepted, skipped.
    pub(super) async fn do_step(&mut self, step: &Step) -> Result<(), Stop> {
        loop {
            let end = self.attempt(step).await?;
            let (reason, problem, needs) = match end {
                StepEnd::Settled => return Ok(()),
                StepEnd::Failed(problem) => {
                    let needs = failure_words(step, &problem);
                    (HoldReason::Failed, problem, needs)
                }
                StepEnd::Unverified(failed) => {
                    let needs = self.unverified(step, Some(&failed));
                    (HoldReason::Unverified, problems::plain(needs.clone()), needs)
                }
            };
            match self.policy(step, reason, &problem, needs).await? {
                Answer::Retry => {}
                Answer::Next => return Ok(()),
            }
        }
    }

    /// One attempt at a step.
    pub(super) async fn attempt(&mut self, step: &Step) -> Result<StepEnd, Stop> {
        if let Action::Probe { sql, line } = &step.action {
            return self.run_probe(step, sql, *line).await;
        }
        // What is applied isn't done again: only its checkpoints are evaluated (again).
        if matches!(self.status(&step.id), Status::Applied | Status::Unverified) {
            return match self.looks(step) {
                Some(checkpoints) => self.look_again(step, &checkpoints).await,
                None => self.verify_again(step).await,
            };
        }
        if let Some(problem) = self.unmet(step) {
            let began = std::time::Instant::now();
            self.start(step, Direction::Forward).await?;
            self.record_failure(step, &problem, began).await?;
            return Ok(StepEnd::Failed(problem));
        }
        if self.assumes_evidence(step).await? {
            return Ok(StepEnd::Settled);
        }
        // A script may change something even when there is nothing to undo.
        if step.changes || self.looks(step).is_none() {
            if !self.before_change(step).await? {
                return Ok(StepEnd::Settled);
            }
            self.image_before(step).await?;
        }
        let mut began = std::time::Instant::now();
        self.start(step, Direction::Forward).await?;
        let result = match &step.action {
            // They only look, below.
            Action::Group | Action::Check { .. } | Action::Inventory(_) | Action::Compare(_) => Ok(()),
            Action::Confirm(items) => self.confirm(step, items).await?,
            Action::Signoff(signoff) => self.signoff(step, signoff).await?,
            Action::File { .. } | Action::Files { .. } | Action::Sql { .. } | Action::Restore(_) => {
                return self.run_script_step(step, began).await;
            }
            Action::Probe { sql, line } => return self.run_probe(step, sql, *line).await,
            Action::Command(_) if step.changes => return self.run_script_step(step, began).await,
            Action::Command(program) => {
                self.look_by_command(step, program, &step.id, Direction::Forward).await?
            }
            Action::Notify(notice) => {
                self.tell(step, notice, &step.id).await?;
                Ok(())
            }
            Action::Soak(text) => self.soak(step, text).await?.map(|since| began = since),
            Action::Requires(requires) => self.look_for_evidence(step, requires).await?,
            Action::Snapshot(snapshot) => self.take_snapshot(step, snapshot).await?,
            Action::Report(path) => self.report_so_far(step, path).await?,
            Action::Backup(backup) => self.take_backup(step, backup).await?,
            // The steps that it names are undone before its turn comes.
            Action::Undo(_) => Ok(()),
            Action::Later(key) => Err(problems::plain(format!("`{key}` isn't built yet"))),
        };
        match result {
            Ok(()) => {
                let checkpoints = self.looks(step).unwrap_or_default();
                self.looked(step, &checkpoints, began).await
            }
            // Left out while it waited: that is an answer, and no failure to be asked about.
            Err(_) if self.settled(&step.id) => Ok(StepEnd::Settled),
            Err(problem) => {
                self.record_failure(step, &problem, began).await?;
                Ok(StepEnd::Failed(problem))
            }
        }
    }

    /// What a step that changes nothing looks at: its own query first. `None`: it runs a script.
    pub(super) fn looks(&self, step: &Step) -> Option<Vec<Checkpoint>> {
        let own = match &step.action {
            Action::File { .. } | Action::Files { .. } | Action::Sql { .. } | Action::Restore(_) => {
                return None;
            }
            Action::Command(_) if step.changes => return None,
            Action::Check { sql, line } => Some(self.check_of(step, Ask::Sql(sql.clone()), *line)),
            Action::Inventory(kinds) => Some(self.check_of(step, Ask::Inventory(kinds.clone()), step.line)),
            Action::Compare(compare) => Some(self.check_of(step, Ask::Compare(compare.clone()), step.line)),
            _ => None,
        };
        Some(own.into_iter().chain(step.checkpoints.iter().cloned()).collect())
    }

    pub(super) async fn look_again(
        &mut self,
        step: &Step,
        checkpoints: &[Checkpoint],
    ) -> Result<StepEnd, Stop> {
        let began = std::time::Instant::now();
        let failed = self.verify_standing(&step.id, checkpoints, Direction::Forward, When::Standing).await?;
        self.verdict(step, failed, began).await
    }

    /// Ends a step that changes nothing with its checkpoints.
    pub(super) async fn looked(
        &mut self,
        step: &Step,
        checkpoints: &[Checkpoint],
        began: std::time::Instant,
    ) -> Result<StepEnd, Stop> {
        let failed = self.verify_standing(&step.id, checkpoints, Direction::Forward, When::Standing).await?;
        self.applied(step, Direction::Forward, began).await?;
        self.verdict(step, failed, began).await
    }

    /// Records the last word on a step's checkpoints.
    pub(super) async fn verdict(
        &mut self,
        step: &Step,
        failed: Vec<String>,
        began: std::time::Instant,
    ) -> Result<StepEnd, Stop> {
        let elapsed_ms = super::unit::millis(began.elapsed());
        self.compare_with_planned(step, began.elapsed()).await?;
        let passed_over = self.passed_over(&step.id);
        if failed.is_empty() && passed_over > 0 {
            return self.accept_passed_over(step, passed_over, elapsed_ms).await;
        }
        if failed.is_empty() {
            let checkpoints = u32::try_from(step.checkpoints.len()).unwrap_or(u32::MAX);
            self.record(Event::StepVerified { step: step.id.clone(), elapsed_ms, checkpoints }).await?;
            return Ok(StepEnd::Settled);
        }
        self.record(Event::StepUnverified { step: step.id.clone(), elapsed_ms, failed: failed.clone() })
            .await?;
        Ok(StepEnd::Unverified(failed))
    }

    pub(super) async fn applied(
        &mut self,
        step: &Step,
        direction: Direction,
        began: std::time::Instant,
    ) -> Result<(), Stop> {
        let generation = self.generation(&step.id);
        let elapsed_ms = super::unit::millis(began.elapsed());
        self.record(Event::StepApplied { step: step.id.clone(), direction, generation, elapsed_ms }).await
    }

    pub(super) fn check_of(&self, step: &Step, ask: Ask, line: usize) -> Checkpoint {
        Checkpoint {
            id: step.id.clone(),
            title: step.title.clone(),
            ask,
            expect: step.expect.clone(),
            otherwise: step.otherwise.clone(),
            on_failure: None,
            on: step.on,
            role: step.role.clone(),
            save: step.save.clone(),
            into: step.into.clone(),
            line,
        }
    }

    // Small things that everything here uses.

    pub(super) async fn record(&mut self, event: Event) -> Result<(), Stop> {
        let ends = matches!(event, Event::Ended { .. });
        let recorded = self.recorder.record(self.secrets.masked(event)).await?;
        self.says.after(recorded.seq);
        if ends {
            self.report_the_end().await;
        }
        Ok(())
    }

    pub(super) async fn start(&mut self, step: &Step, direction: Direction) -> Result<(), Stop> {
        self.start_id(&step.id, direction).await
    }

    pub(super) async fn start_id(&mut self, step: &str, direction: Direction) -> Result<(), Stop> {
        let (generation, attempt) = self
            .recorder
            .look(|run| run.step(step).map_or((0, 1), |s| (s.generation, s.next_attempt(direction))));
        self.record(Event::StepStarted { step: step.to_owned(), direction, generation, attempt }).await
    }

    /// A spare session for reading.
    pub(super) async fn spare(&self) -> Result<Session, Stop> {
        Ok(Session::connect(&self.target, "look").await?)
    }
}

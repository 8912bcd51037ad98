//! A journal's events become a report, one after another.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::model::*;
use super::planned::{Schedule, schedule};
use super::steps::{StepPast, told};
use super::words;
use crate::plan::model::Plan;
use crate::run::event::{Assurance, Decision, Envelope, Event, Mode, Opened, Person, Summary};
use crate::run::state::{Run, RunState};
use crate::run::{Illegal, TARGET};

/// Later than this is worth a word.
const LATE_MS: i64 = 60_000;

/// Takes events in; [`Gather::finish`] is the report as of the last one.
#[derive(Debug, Default)]
pub struct Gather {
    pub(super) run: Run,
    /// What has come of each step, by its id.
    pub(super) past: BTreeMap<String, StepPast>,
    pub(super) guards: Vec<CheckpointTold>,
    pub(super) sittings: Vec<Sitting>,
    pub(super) deviations: Vec<DeviationTold>,
    pub(super) decisions: Vec<DecisionTold>,
    pub(super) holds: Vec<HoldTold>,
    pub(super) confirmations: Vec<ConfirmationTold>,
    pub(super) signatures: Vec<SignatureTold>,
    pub(super) programs: Vec<ProgramTold>,
    pub(super) messages: Vec<MessageTold>,
    pub(super) watches: Vec<WatchTold>,
    pub(super) rollbacks: Vec<RollbackTold>,
    pub(super) notes: Vec<NoteTold>,
    pub(super) looks: Vec<LookTold>,
    pub(super) sessions: Vec<SessionTold>,
    pub(super) databases: Vec<DatabaseTold>,
    pub(super) files: Vec<FileTold>,
    pub(super) others: Vec<OtherTold>,
    var_values: Vec<VarValue>,
    newer_events: u64,
    /// What only the engine could measure, at the end.
    pub(super) end: Option<Summary>,
}

impl Gather {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next event.
    ///
    /// # Errors
    /// When it can't follow: the journal is damaged there, and the report is of what was before.
    pub fn take(&mut self, envelope: &Envelope) -> Result<(), Illegal> {
        self.run.apply(envelope)?;
        let at = envelope.at;
        if let Some(sitting) = self.sittings.last_mut() {
            sitting.to = at;
        }
        let known = self.sat(envelope)
            || self.took_step(envelope)
            || self.said(envelope)
            || self.ran_beside(envelope)
            || self.went_back(envelope)
            || self.departed(envelope);
        if !known {
            self.other(envelope);
        }
        self.waits(at, &envelope.event);
        Ok(())
    }

    /// Processes that come and go.
    fn sat(&mut self, envelope: &Envelope) -> bool {
        let at = envelope.at;
        match &envelope.event {
            Event::RunOpened(opened) => {
                let steps = opened.outline.iter().map(|phase| &phase.steps);
                let of_procedures = opened.procedures.iter().map(|procedure| &procedure.steps);
                for step in steps.chain(of_procedures).flatten() {
                    self.past.insert(step.id.clone(), StepPast::of(step));
                }
                self.valued(at, &opened.vars);
                self.sit(at, &opened.program, &opened.operator, &opened.target.server_version);
            }
            Event::RunResumed { program, operator, target, vars, .. } => {
                self.valued(at, vars);
                self.sit(at, program, operator, &target.server_version);
            }
            Event::Interrupted { signal } => self.leaves(format!("interrupted by {signal}")),
            Event::Left { exit_code, why, .. } => self.leaves(format!("exit {exit_code}: {why}")),
            Event::Ended { exit_code, summary, .. } => {
                self.leaves(format!("exit {exit_code}: the run's end"));
                self.end = Some(summary.clone());
            }
            Event::Unknown => self.newer_events += 1,
            // Between the lines: what they announce is told by what came of it.
            Event::Selected { .. }
            | Event::LockTaken { .. }
            | Event::FenceTaken { .. }
            | Event::BaselineTaken(_)
            | Event::WaysBack { .. }
            | Event::ImageTaken(_)
            | Event::CountsTaken(_)
            | Event::CommitIntent { .. }
            | Event::CancelSent { .. } => {}
            _ => return false,
        }
        true
    }

    fn valued(&mut self, since: Timestamp, vars: &BTreeMap<String, String>) {
        let value =
            |(name, value): (&String, &String)| VarValue { name: name.clone(), value: value.clone(), since };
        self.var_values.extend(vars.iter().map(value));
    }

    fn sit(
        &mut self,
        at: Timestamp,
        program: &str,
        operator: &crate::run::event::Operator,
        server_version: &str,
    ) {
        self.sittings.push(Sitting {
            from: at,
            to: at,
            program: program.to_owned(),
            operator: operator.clone(),
            server_version: server_version.to_owned(),
            left: None,
        });
    }

    fn leaves(&mut self, how: String) {
        if let Some(sitting) = self.sittings.last_mut() {
            sitting.left = Some(match sitting.left.take() {
                Some(before) => format!("{before}; {how}"),
                None => how,
            });
        }
    }

    /// What the engine itself calls a departure from the plan.
    fn departed(&mut self, envelope: &Envelope) -> bool {
        let (step, kind, what) = match &envelope.event {
            Event::Deviation { step, what } => (step.clone(), DeviationKind::Noted, what.clone()),
            Event::LedgerOff { reason } => {
                let what = "there is no ledger: nothing guarantees that nothing is applied twice".to_owned();
                self.deviate(envelope.at, None, DeviationKind::NoLedger, what, Some(reason.clone()), None);
                return true;
            }
            _ => return false,
        };
        self.deviate(envelope.at, step, kind, what, None, None);
        true
    }

    pub(super) fn deviate(
        &mut self,
        at: Timestamp,
        step: Option<String>,
        kind: DeviationKind,
        what: String,
        reason: Option<String>,
        by: Option<Who>,
    ) {
        self.deviations.push(DeviationTold { at, step, kind, what, reason, by, departs: true });
    }

    /// Begins and ends the times in which the run waits.
    fn waits(&mut self, at: Timestamp, event: &Event) {
        let open = self.holds.last_mut().filter(|hold| hold.to.is_none());
        if let Event::Held { reason, step, needs, .. } = event {
            match open {
                // Asked once more, by another process or for the next item: it is one time of waiting.
                Some(open) if open.reason == *reason && open.step == *step => {
                    open.needs.clone_from(needs);
                    return;
                }
                Some(open) => open.end(at),
                None => {}
            }
            self.holds.push(HoldTold {
                from: at,
                to: None,
                ms: 0,
                reason: reason.clone(),
                step: step.clone(),
                needs: needs.clone(),
            });
        } else if let Some(open) = open {
            match self.run.hold().is_none() {
                true => open.end(at),
                false => open.ms = between(open.from, at),
            }
        }
    }

    /// Who said it, and who asserts that.
    pub(super) fn who(&self, person: &Person) -> Who {
        let os_user = self.sittings.last().map(|sitting| sitting.operator.os_user.clone());
        Who { name: person.name.clone(), how: person.how, os_user: os_user.unwrap_or_default() }
    }

    /// The report as of the last event; `None` when there was none. Without the plan it has what the journal has.
    #[must_use]
    pub fn finish(mut self, plan: Result<&Plan, String>, journal: JournalRead) -> Option<Report> {
        let (opened, id) = (self.run.opened.clone()?, self.run.id?);
        let (opened_at, last_at) = (self.run.opened_at?, self.run.last_at?);
        let plan = plan.map_err(|why| (None::<&Plan>, why));
        let (plan, missing) = plan.map_or_else(|(none, why)| (none, Some(why)), |plan| (Some(plan), None));
        let schedule = plan.map(|plan| schedule(plan, &opened, opened_at)).unwrap_or_default();
        let target = self.run.target.clone().unwrap_or_else(|| opened.target.clone());
        let guards = self.guards.iter().cloned().map(|guard| super::steps::with_query(guard, plan)).collect();
        let undone = |done: &BTreeMap<String, _>, item: &str| !done.contains_key(item);
        for one in &mut self.confirmations {
            one.undone = self.run.step(&one.step).is_some_and(|step| undone(&step.confirmed, &one.item));
        }
        let mut phases: Vec<PhaseTold> =
            opened.outline.iter().map(|phase| self.phase(phase, plan, &schedule)).collect();
        let procedures: Vec<PhaseTold> =
            opened.procedures.iter().map(|procedure| self.procedure(procedure, plan)).collect();
        self.compare_with_schedule(&mut phases, opened.mode);
        let totals = self.totals(&phases, &procedures);
        Some(Report {
            v: VERSION,
            run: id,
            standing: known(self.standing(&opened, opened_at, last_at), &journal),
            journal,
            plan: PlanRun {
                var_values: self.var_values.clone(),
                ..plan_run(&opened, &self.run.plan_digest, plan, missing)
            },
            target,
            totals,
            guards,
            deltas: self.deltas(),
            phases,
            procedures,
            sittings: self.sittings,
            deviations: self.deviations,
            decisions: self.decisions,
            holds: self.holds,
            confirmations: self.confirmations,
            signatures: self.signatures,
            programs: self.programs,
            messages: self.messages,
            watches: super::beside::in_order(self.watches, plan),
            rollbacks: self.rollbacks,
            notes: self.notes,
            looks: self.looks,
            sessions: self.sessions,
            databases: super::changed::taken_out(self.databases, &self.run),
            files: self.files,
            others: self.others,
            newer_events: self.newer_events,
        })
    }

    fn standing(&self, opened: &Opened, opened_at: Timestamp, last_at: Timestamp) -> RunStands {
        let (outcome, code) = match &self.run.state {
            RunState::Ended(outcome, code) => (Some(outcome.clone()), Some(*code)),
            _ => (None, self.run.left.as_ref().map(|(code, _)| *code)),
        };
        RunStands {
            over: outcome.is_some(),
            state: self.run.state.word().to_owned(),
            outcome,
            exit_code: code,
            words: words::standing(&self.run),
            waits_for: self.run.hold().map(|hold| hold.needs.clone()),
            mode: opened.mode,
            opened_at,
            last_at,
            elapsed_ms: between(opened_at, last_at),
            work_ms: self.run.steps.iter().map(|step| step.worked_ms).sum(),
            selection: self.run.selection.clone(),
            ledger_off: self.run.ledger_off.clone(),
        }
    }

    fn phase(
        &self,
        outline: &crate::run::event::PhaseOutline,
        plan: Option<&Plan>,
        schedule: &Schedule,
    ) -> PhaseTold {
        let planned = plan.and_then(|plan| plan.phases.iter().find(|phase| phase.id == outline.id));
        let steps = outline.steps.iter().map(|step| {
            let time = schedule.steps.get(&step.id).cloned().unwrap_or_default();
            told(self, step, plan, time)
        });
        let time = schedule.phases.get(&outline.id).cloned().unwrap_or_default();
        let mut phase = grouped(&outline.id, &outline.title, steps.collect());
        phase.about = planned.and_then(|phase| phase.about.clone());
        phase.owner = planned.and_then(|phase| phase.owner.clone());
        phase.team = planned.map(|phase| phase.team.clone()).unwrap_or_default();
        phase.planned = time;
        phase
    }

    fn procedure(&self, outline: &crate::run::event::ProcedureOutline, plan: Option<&Plan>) -> PhaseTold {
        let steps = outline.steps.iter().map(|step| told(self, step, plan, PlannedTime::default()));
        grouped(&outline.id, &outline.title, steps.collect())
    }

    /// What began late departs from the plan. In a demo times of day mean nothing.
    fn compare_with_schedule(&mut self, phases: &mut [PhaseTold], mode: Mode) {
        let mut late = Vec::new();
        let mut compare = |planned: &mut PlannedTime, began: Option<Timestamp>, title: String, step| {
            let (Some(at), Some(began), Mode::Run) = (planned.at, began, mode) else { return };
            let ms = i64::try_from(began.duration_since(at).as_millis()).unwrap_or_default();
            planned.late_ms = Some(ms);
            if ms > LATE_MS && planned.starts.is_some() {
                let by = crate::text::words::took(ms.unsigned_abs());
                late.push((began, step, format!("{title} began {by} later than planned")));
            }
        };
        for phase in phases.iter_mut() {
            compare(&mut phase.planned, phase.started_at, format!("phase \"{}\"", phase.title), None);
            for step in &mut phase.steps {
                let id = Some(step.id.clone());
                compare(&mut step.planned, step.started_at, format!("step \"{}\"", step.title), id);
            }
        }
        for (at, step, what) in late {
            self.deviate(at, step, DeviationKind::Late, what, None, None);
        }
        self.deviations.sort_by_key(|one| one.at);
    }

    fn totals(&self, phases: &[PhaseTold], procedures: &[PhaseTold]) -> Totals {
        let counts = self.run.counts_by_word();
        let mut totals = Totals {
            steps: counts.into_iter().map(|(word, n)| (word.to_owned(), n)).collect(),
            held_ms: self.holds.iter().map(|hold| hold.ms).sum(),
            deviations: u32::try_from(self.deviations.iter().filter(|one| one.departs).count())
                .unwrap_or(u32::MAX),
            ..Totals::default()
        };
        for guard in &self.guards {
            totals.count(guard, false);
        }
        for step in phases.iter().flat_map(|phase| &phase.steps) {
            step.checkpoints.iter().for_each(|checkpoint| totals.count(checkpoint, false));
        }
        for step in phases.iter().chain(procedures).flat_map(|phase| &phase.steps) {
            step.undo_checkpoints.iter().for_each(|checkpoint| totals.count(checkpoint, true));
            totals.statements += step.work.statements;
            totals.warnings += step.work.warnings + step.undo_work.warnings;
        }
        // Those of procedures are of rollbacks too.
        for step in procedures.iter().flat_map(|phase| &phase.steps) {
            step.checkpoints
                .iter()
                .filter(|one| !one.results.is_empty())
                .for_each(|one| totals.count(one, true));
        }
        totals
    }
}

/// Behind a damage anything may have happened: how the run stood before it isn't how it stands.
fn known(standing: RunStands, journal: &JournalRead) -> RunStands {
    if journal.state != ChainState::Damaged {
        return standing;
    }
    let line = journal.line.map_or_else(|| "?".to_owned(), |line| line.to_string());
    RunStands {
        over: false,
        state: "not known".to_owned(),
        outcome: None,
        exit_code: None,
        words: format!(
            "not known: the journal is damaged from line {line} on. Before that: {}",
            standing.words
        ),
        ..standing
    }
}

impl HoldTold {
    fn end(&mut self, at: Timestamp) {
        self.to = Some(at);
        self.ms = between(self.from, at);
    }
}

impl Totals {
    fn count(&mut self, checkpoint: &CheckpointTold, back: bool) {
        let passed = checkpoint.results.last().map(|result| result.passed);
        let into = match (passed, back) {
            (Some(true), false) => &mut self.checkpoints_passed,
            (Some(false), false) => &mut self.checkpoints_failed,
            (None, false) => &mut self.checkpoints_open,
            (Some(true), true) => &mut self.undo_checkpoints_passed,
            (Some(false), true) => &mut self.undo_checkpoints_failed,
            (None, true) => return,
        };
        *into += 1;
    }
}

fn grouped(id: &str, title: &str, steps: Vec<StepTold>) -> PhaseTold {
    let waits = steps.iter().any(|step| step.ended_at.is_none());
    PhaseTold {
        id: id.to_owned(),
        title: title.to_owned(),
        about: None,
        owner: None,
        team: Vec::new(),
        planned: PlannedTime::default(),
        started_at: steps.iter().filter_map(|step| step.started_at).min(),
        ended_at: steps.iter().filter_map(|step| step.ended_at).max().filter(|_| !waits),
        elapsed_ms: steps.iter().map(|step| step.elapsed_ms).sum(),
        steps,
    }
}

fn plan_run(opened: &Opened, digest: &str, plan: Option<&Plan>, missing: Option<String>) -> PlanRun {
    let window = plan.and_then(|plan| plan.window.as_ref()).map(|window| {
        let zone = window.timezone.as_deref().unwrap_or(&opened.timezone);
        let moment = |at: jiff::civil::DateTime| at.strftime("%Y-%m-%d %H:%M").to_string();
        format!("{} to {} {zone}", moment(window.from), moment(window.to))
    });
    PlanRun {
        id: opened.plan_id.clone(),
        title: opened.title.clone(),
        environment: opened.environment,
        stepping: opened.stepping,
        digest: digest.to_owned(),
        path: opened.plan_path.clone(),
        authorization: opened.authorization.clone(),
        timezone: opened.timezone.clone(),
        reference: plan.and_then(|plan| plan.reference.clone()),
        about: plan.and_then(|plan| plan.about.clone()),
        meta: plan.map(|plan| plan.meta.clone()).unwrap_or_default(),
        window,
        vars: opened.vars.clone(),
        var_values: Vec::new(),
        missing,
    }
}

/// From one moment to a later one.
pub(super) fn between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_millis()).unwrap_or_default()
}

/// Whether it is about the guards of the target.
pub(super) fn is_guard(step: &str) -> bool {
    step == TARGET
}

/// Whether a person decided it, not the plan or the engine.
pub(super) fn is_of_a_person(by: &Person, what: Decision) -> bool {
    by.how != Assurance::Policy || matches!(what, Decision::RollBack | Decision::End)
}

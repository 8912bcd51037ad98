//! What comes of the steps: their tries, their checkpoints, and what they did.

use std::collections::BTreeMap;

use super::gather::{Gather, is_guard};
use super::model::*;
use crate::plan::model::{Action, Ask, Checkpoint, Compare, Plan, Step, Undo};
use crate::plan::show::kinds;
use crate::run::event::{
    Artifact, CheckpointResult, Direction, Envelope, Event, Problem, SourceRef, StepOutline, Touched, Unit,
};
use crate::run::state::Status;
use crate::script::mask_secrets;

/// Files that are named of one step, and relations that it touched; more are counted.
const NAMED: usize = 200;

/// What has come of a step so far.
#[derive(Debug, Default)]
pub(super) struct StepPast {
    tries: Vec<Try>,
    forward: Checked,
    back: Checked,
    work: Work,
    undo_work: Work,
    saved: BTreeMap<String, Option<String>>,
}

/// Checkpoints in the order of the plan, then in that of their results.
#[derive(Debug, Default)]
struct Checked(Vec<CheckpointTold>);

impl Checked {
    fn take(&mut self, result: &CheckpointResult, told: ResultTold) {
        let place = self.0.iter().position(|one| one.id == result.checkpoint);
        let at = place.unwrap_or_else(|| {
            self.0.push(CheckpointTold {
                id: result.checkpoint.clone(),
                title: result.title.clone(),
                query: None,
                otherwise: None,
                results: Vec::new(),
            });
            self.0.len() - 1
        });
        self.0[at].otherwise.clone_from(&result.otherwise);
        self.0[at].results.push(told);
    }
}

impl StepPast {
    pub(super) fn of(outline: &StepOutline) -> Self {
        let told = |one: &crate::run::event::CheckpointOutline| CheckpointTold {
            id: one.id.clone(),
            title: one.title.clone(),
            query: None,
            otherwise: None,
            results: Vec::new(),
        };
        Self { forward: Checked(outline.checkpoints.iter().map(told).collect()), ..Self::default() }
    }

    /// The last try in this direction, when it is open.
    fn open(&mut self, direction: Direction) -> Option<&mut Try> {
        self.tries.last_mut().filter(|one| one.direction == direction)
    }

    fn ended(
        &mut self,
        envelope: &Envelope,
        direction: Direction,
        came: &str,
        elapsed_ms: Option<u64>,
        problem: Option<&Problem>,
    ) {
        if let Some(open) = self.open(direction) {
            open.ended_at = Some(envelope.at);
            open.came = Some(came.to_owned());
            open.elapsed_ms = elapsed_ms.or(open.elapsed_ms);
            open.problem = problem.cloned();
        }
    }

    fn work(&mut self, unit: &Unit) -> &mut Work {
        match unit.direction {
            Direction::Forward => &mut self.work,
            Direction::Back => &mut self.undo_work,
        }
    }
}

impl Work {
    fn runs(&mut self, source: &SourceRef) {
        let words = source.words();
        if self.sources.len() < NAMED && self.sources.last() != Some(&words) && !self.sources.contains(&words)
        {
            self.sources.push(words);
        }
    }

    fn touches(&mut self, touched: &[Touched]) {
        for one in touched {
            let known = self.touched.iter().position(|known| known.relation == one.relation);
            let Some(known) = known.and_then(|at| self.touched.get_mut(at)) else {
                if self.touched.len() < NAMED {
                    self.touched.push(one.clone());
                }
                continue;
            };
            known.inserted += one.inserted;
            known.updated += one.updated;
            known.deleted += one.deleted;
            if one.lock == "AccessExclusive" {
                known.lock.clone_from(&one.lock);
            }
        }
    }
}

impl Gather {
    /// What happens to steps.
    pub(super) fn took_step(&mut self, envelope: &Envelope) -> bool {
        let at = envelope.at;
        if let Event::CheckpointResult(result) = &envelope.event {
            self.checked(envelope, result);
            return true;
        }
        let Some(id) = envelope.event.step() else { return false };
        let Some(past) = self.past.get_mut(id) else { return false };
        match &envelope.event {
            Event::StepStarted { direction, generation, attempt, .. } => past.tries.push(Try {
                direction: *direction,
                generation: *generation,
                attempt: *attempt,
                started_at: at,
                ended_at: None,
                came: None,
                elapsed_ms: None,
                problem: None,
            }),
            Event::StepApplied { direction, elapsed_ms, .. } => {
                past.ended(envelope, *direction, "applied", Some(*elapsed_ms), None);
            }
            Event::StepVerified { elapsed_ms, .. } => {
                past.ended(envelope, Direction::Forward, "verified", Some(*elapsed_ms), None);
            }
            Event::StepUnverified { elapsed_ms, failed, .. } => {
                let problem = Problem {
                    message: format!("checkpoints failed: {}", failed.join(", ")),
                    ..Problem::default()
                };
                let came = "checkpoints failed";
                past.ended(envelope, Direction::Forward, came, Some(*elapsed_ms), Some(&problem));
            }
            Event::StepFailed { direction, problem, elapsed_ms, .. } => {
                past.ended(envelope, *direction, "failed", Some(*elapsed_ms), Some(problem));
                if *direction == Direction::Back {
                    self.undo_came(id, at, "failed", Some(*elapsed_ms));
                }
            }
            Event::StepUndone { elapsed_ms, .. } => {
                past.ended(envelope, Direction::Back, "undone", Some(*elapsed_ms), None);
                self.undo_came(id, at, "undone", Some(*elapsed_ms));
            }
            Event::UnitStarted { unit, source, .. } | Event::BareIntent { unit, source, .. } => {
                past.work(unit).runs(source);
            }
            Event::LockRetry { unit, .. } => past.work(unit).lock_retries += 1,
            Event::UnitApplied { unit, statements, rows, warnings, touched, .. } => {
                let work = past.work(unit);
                work.applied += 1;
                work.statements += statements;
                work.rows += rows;
                work.warnings += warnings;
                work.touches(touched);
            }
            Event::UnitFailed { unit, .. } => past.work(unit).failed += 1,
            Event::UnitUnknown { unit, evidence } => {
                let words = format!("{}: unknown at first: {}", unit.words(), evidence.join("; "));
                past.work(unit).reconciled.push(words);
            }
            Event::UnitReconciled { unit, applied, evidence, by } => {
                let became = if *applied { "applied" } else { "not applied" };
                let words = format!("{}: {became}: {}", unit.words(), evidence.join("; "));
                past.work(unit).reconciled.push(words);
                if *applied {
                    past.work(unit).applied += 1;
                }
                if let Some(person) = by {
                    let (what, who) = (format!("{} is {became}, by ruling", unit.words()), self.who(person));
                    let step = Some(unit.step.clone());
                    self.deviate(at, step, DeviationKind::Ruled, what, None, Some(who));
                }
            }
            Event::UnitPassedOver { unit } => {
                past.work(unit).passed_over += 1;
                let what = format!("{} failed and was passed over, as the plan says", unit.words());
                self.deviate(at, Some(unit.step.clone()), DeviationKind::PassedOver, what, None, None);
            }
            Event::FileWritten { unit, file, path, bytes, digest, .. } => self.files.push(FileTold {
                at,
                step: unit.step.clone(),
                name: file.clone(),
                what: "written by its script".to_owned(),
                path: path.clone(),
                bytes: *bytes,
                digest: digest.clone(),
            }),
            Event::ArtifactWritten(kept) => self.files.push(FileTold {
                at,
                step: kept.step.clone(),
                name: kept.file.clone(),
                what: "a result of the step".to_owned(),
                path: kept.path.clone(),
                bytes: kept.bytes,
                digest: kept.digest.clone(),
            }),
            Event::SnapshotTaken(taken) => {
                let what = format!("snapshot of {}: {}", taken.kind.word(), taken.contains);
                for artifact in taken.artifacts.iter().chain(&taken.kept) {
                    self.kept(at, id, &what, artifact);
                }
            }
            Event::DatabaseReplacing(replacing) => self.databases.push(DatabaseTold {
                at,
                step: id.to_owned(),
                database: replacing.database.clone(),
                oid: replacing.oid,
                aside: replacing.aside.clone(),
                aside_oid: replacing.aside_oid,
            }),
            Event::BackupTaken(taken) => {
                let of = if taken.of_source { " of the source" } else { "" };
                let what = format!("backup{of} by {}; {}", taken.program, taken.proven);
                self.kept(at, id, &what, &taken.file);
                self.kept(at, id, "the schema in that backup", &taken.schema);
            }
            Event::ReportWritten(written) => {
                let what = format!("report, {}", crate::text::words::count(written.events, "event"));
                self.kept(at, id, &what, &written.artifact);
            }
            Event::Saved { values, .. } => {
                for (name, value) in values {
                    past.saved.entry(name.clone()).or_insert_with(|| value.text.clone());
                }
            }
            Event::StepSkipped { reason, by, deviation, .. } => {
                past.ended(envelope, Direction::Forward, "skipped", None, None);
                let (by, step) = (self.who(by), Some(id.to_owned()));
                let what = "left out".to_owned();
                self.deviate(at, step, DeviationKind::Skipped, what, Some(reason.clone()), Some(by));
                if let Some(last) = self.deviations.last_mut() {
                    last.departs = *deviation;
                }
            }
            Event::StepAssumed { reason, .. } => {
                let what = "taken as done; it isn't undone by a rollback".to_owned();
                let (step, reason) = (Some(id.to_owned()), Some(reason.clone()));
                self.deviate(at, step, DeviationKind::Assumed, what, reason, None);
            }
            Event::StepAccepted { reason, by, .. } => {
                let (by, step) = (self.who(by), Some(id.to_owned()));
                let what = "accepted although it isn't as planned".to_owned();
                self.deviate(at, step, DeviationKind::Overridden, what, Some(reason.clone()), Some(by));
            }
            _ => return false,
        }
        true
    }

    fn kept(&mut self, at: jiff::Timestamp, step: &str, what: &str, artifact: &Artifact) {
        let name = artifact.path.rsplit('/').next().unwrap_or_default();
        self.files.push(FileTold {
            at,
            step: step.to_owned(),
            name: name.to_owned(),
            what: what.to_owned(),
            path: artifact.path.clone(),
            bytes: artifact.bytes,
            digest: artifact.digest.clone(),
        });
    }

    fn checked(&mut self, envelope: &Envelope, result: &CheckpointResult) {
        let last = self.past.get(&result.step).and_then(|past| past.tries.last());
        let told = ResultTold {
            at: envelope.at,
            when: result.when,
            generation: last.map_or(0, |one| one.generation),
            attempt: last.map_or(1, |one| one.attempt),
            passed: result.verdict.passed,
            expected: result.verdict.expected.clone(),
            got: result.verdict.got.clone(),
            differences: result.verdict.differences.clone(),
            more: result.verdict.more,
            elapsed_ms: result.elapsed_ms,
        };
        if is_guard(&result.step) {
            let mut guards = Checked(std::mem::take(&mut self.guards));
            guards.take(result, told);
            self.guards = guards.0;
        } else if let Some(past) = self.past.get_mut(&result.step) {
            match result.direction {
                Direction::Forward => past.forward.take(result, told),
                Direction::Back => past.back.take(result, told),
            }
        }
    }
}

/// A step, and all that has come of it.
pub(super) fn told(
    gather: &Gather,
    outline: &StepOutline,
    plan: Option<&Plan>,
    planned: PlannedTime,
) -> StepTold {
    let empty = StepPast::default();
    let past = gather.past.get(&outline.id).unwrap_or(&empty);
    let run = &gather.run;
    let state = run.step(&outline.id);
    let said = plan.and_then(|plan| find(plan, &outline.id));
    let status = state.map_or(Status::Pending, |state| state.shown());
    let queried = |list: &Checked| list.0.iter().map(|one| with_query(one.clone(), plan)).collect();
    let forward = || past.tries.iter().filter(|one| one.direction == Direction::Forward);
    StepTold {
        id: outline.id.clone(),
        title: outline.title.clone(),
        action: outline.action.clone(),
        changes: outline.changes,
        about: said.and_then(|step| step.about.clone()),
        people: outline.people.clone(),
        planned,
        status: status.word().to_owned(),
        undone: status == Status::Pending
            && past.tries.iter().any(|one| one.came.as_deref() == Some("undone")),
        reason: state.and_then(|state| state.reason.clone()),
        started_at: forward().next().map(|one| one.started_at),
        ended_at: match forward().next_back() {
            Some(last) => last.ended_at,
            None => state.and_then(|state| state.ended_at),
        },
        elapsed_ms: forward().next_back().and_then(|one| one.elapsed_ms).unwrap_or_default(),
        tries: past.tries.clone(),
        checkpoints: queried(&past.forward),
        undo_checkpoints: queried(&past.back),
        work: past.work.clone(),
        undo_work: past.undo_work.clone(),
        rollback: outline.rollback.clone(),
        way_back: run.ways_back.iter().find(|way| way.step == outline.id).cloned(),
        irreversible: said.and_then(|step| step.irreversible.clone()),
        otherwise: said.and_then(|step| step.otherwise.clone()),
        saved: past.saved.clone(),
    }
}

fn find<'a>(plan: &'a Plan, id: &str) -> Option<&'a Step> {
    let own = plan.phases.iter().flat_map(|phase| &phase.steps);
    own.chain(plan.rollbacks.iter().flat_map(|procedure| &procedure.steps)).find(|step| step.id == id)
}

/// The checkpoint with what it asks, as the plan has it. Values of variables aren't filled in: they may be secret.
pub(super) fn with_query(mut told: CheckpointTold, plan: Option<&Plan>) -> CheckpointTold {
    told.query = plan.and_then(|plan| query(plan, &told.id));
    told
}

fn query(plan: &Plan, id: &str) -> Option<String> {
    if let Some(guard) = plan.target.checkpoints.iter().find(|guard| guard.id == id) {
        return Some(asked(guard));
    }
    let own = plan.phases.iter().flat_map(|phase| &phase.steps);
    let steps = own.chain(plan.rollbacks.iter().flat_map(|procedure| &procedure.steps));
    steps.into_iter().find_map(|step| {
        of_step(step, id).or_else(|| match &step.rollback {
            Some(Undo::Own(own)) => of_step(own, id),
            _ => None,
        })
    })
}

fn of_step(step: &Step, id: &str) -> Option<String> {
    if let Some(checkpoint) = step.checkpoints.iter().find(|checkpoint| checkpoint.id == id) {
        return Some(asked(checkpoint));
    }
    if id.strip_prefix(step.id.as_str()) == Some("/adds") {
        return step.adds.as_ref().map(|adds| format!("adds: {}", kinds(adds)));
    }
    match &step.action {
        Action::Check { sql, .. } if step.id == id => Some(shown(sql)),
        Action::Inventory(counted) if step.id == id => Some(format!("inventory: {}", kinds(counted))),
        Action::Compare(compared) if step.id == id => Some(comparison(compared)),
        _ => None,
    }
}

fn comparison(compared: &Compare) -> String {
    match &compared.with {
        Some(id) => format!("compare: {} with the snapshot {id}", compared.of.word()),
        None => format!("compare: {} of source and target", compared.of.word()),
    }
}

/// What a checkpoint asks, as the plan has it.
pub(super) fn asked(checkpoint: &Checkpoint) -> String {
    match &checkpoint.ask {
        Ask::Sql(sql) => shown(sql),
        Ask::Inventory(counted) => format!("inventory: {}", kinds(counted)),
        Ask::Compare(compared) => comparison(compared),
    }
}

/// A query without what isn't to be read, and without the plan's indentation.
fn shown(sql: &str) -> String {
    let sql = mask_secrets(sql.trim());
    let indent = |line: &str| line.len() - line.trim_start().len();
    let deep =
        sql.lines().skip(1).filter(|line| !line.trim().is_empty()).map(indent).min().unwrap_or_default();
    let lines = sql
        .lines()
        .enumerate()
        .map(|(at, line)| if at == 0 { line } else { line.get(deep..).unwrap_or_default() });
    lines.collect::<Vec<_>>().join("\n")
}

//! Steps that run SQL (a file, the files of a glob, SQL of the plan) or a program; forward and back.

use std::time::Instant;

use super::conductor::{Conductor, StepEnd};
use super::problems;
use super::rollback::applied_files;
use super::sources::Source;
use super::stop::Stop;
use super::unit::{Job, Outcome};
use crate::plan::model::{Action, Ask, Runner, Side, Step, Transaction, Verify};
use crate::run::event::{AppliedHow, Direction, Problem, Unit, When};
use crate::run::state::{StepState, UnitPhase, UnitState};
use crate::script::reads_only;

impl Conductor {
    /// Runs a step's script forward, and verifies it.
    pub(super) async fn run_script_step(&mut self, step: &Step, began: Instant) -> Result<StepEnd, Stop> {
        let id = step.id.clone();
        match self.run_units(step, &id, Direction::Forward).await? {
            Ok(()) => {}
            Err(problem) => {
                if self.recorder.look(|run| run.step(&id).is_some_and(StepState::has_effects)) {
                    self.counts_after(&id, Direction::Forward).await?;
                }
                self.record_failure(step, &problem, began).await?;
                return Ok(StepEnd::Failed(problem));
            }
        }
        self.image_after(step).await?;
        if step.changes {
            self.counts_after(&id, Direction::Forward).await?;
        }
        self.applied(step, Direction::Forward, began).await?;
        self.verify_applied(step, began).await
    }

    /// The checkpoints of a step that is applied, unless they passed in its transaction already.
    async fn verify_applied(&mut self, step: &Step, began: Instant) -> Result<StepEnd, Stop> {
        if self.verifies_before(step) && step.verify != Some(Verify::Both) && self.all_evaluated(&step.id) {
            let failed = self.failed_checkpoints(&step.id);
            return self.verdict(step, failed, began).await;
        }
        self.verify_after(step, began).await
    }

    /// Whether every checkpoint has a result of this attempt; after a stop in COMMIT they don't.
    fn all_evaluated(&self, id: &str) -> bool {
        self.recorder.look(|run| {
            let Some(state) = run.step(id) else { return false };
            run.outline(id)
                .is_some_and(|o| o.checkpoints.iter().all(|c| state.checkpoints.contains_key(&c.id)))
        })
    }

    fn failed_checkpoints(&self, id: &str) -> Vec<String> {
        self.recorder.look(|run| {
            run.step(id)
                .map(|s| s.failed_checkpoints().iter().map(|result| result.checkpoint.clone()).collect())
                .unwrap_or_default()
        })
    }

    async fn verify_after(&mut self, step: &Step, began: Instant) -> Result<StepEnd, Stop> {
        let mut failed =
            self.verify_standing(&step.id, &step.checkpoints, Direction::Forward, When::AfterCommit).await?;
        let unit = self.unit_of(&step.id, "", Direction::Forward);
        // A unit that is only known from the ledger or a ruling was never measured.
        let (warnings, took, measured) = self.recorder.look(|run| {
            let units = run.step(&step.id).map(|s| &s.units);
            let sum = |what: fn(&UnitState) -> u64| units.map_or(0, |units| units.iter().map(what).sum());
            let measured =
                units.is_some_and(|units| units.iter().all(|unit| unit.how == Some(AppliedHow::Confirmed)));
            (
                sum(|unit| unit.warnings),
                std::time::Duration::from_millis(sum(|unit| unit.elapsed_ms)),
                measured,
            )
        });
        let warnings = measured.then_some(warnings);
        let as_expected = match &step.action {
            Action::Command(_) => self.verify_command(step, &unit).await?,
            _ => self.verify_script(step, &unit, warnings, took, When::AfterCommit).await?,
        };
        if !as_expected {
            failed.push(format!("{}/expect", step.id));
        }
        if let Action::Restore(restore) = &step.action
            && !self.verify_restored(step, &restore.backup).await?
        {
            failed.push(format!("{}/restored", step.id));
        }
        if let Some(adds) = &step.adds {
            let before = self.inventory_before(step).await?;
            if !self.verify_adds(&unit, adds, &before).await? {
                failed.push(format!("{}/adds", step.id));
            }
        }
        self.verdict(step, failed, began).await
    }

    /// After a stop, or on a retry: the step is applied, its checkpoints are evaluated (again).
    pub(super) async fn verify_again(&mut self, step: &Step) -> Result<StepEnd, Stop> {
        self.verify_after(step, Instant::now()).await
    }

    /// Applies all units of a script that aren't applied yet.
    pub(super) async fn run_units(
        &mut self,
        step: &Step,
        id: &str,
        direction: Direction,
    ) -> Result<Result<(), Problem>, Stop> {
        if let Action::Command(program) = &step.action {
            let unit = self.unit_of(id, "", direction);
            return match step.changes {
                true => self.run_command(step, program, &unit).await,
                false => self.look_by_command(step, program, id, direction).await,
            };
        }
        if let Action::Restore(restore) = &step.action
            && restore.beside
        {
            let unit = self.unit_of(id, "", direction);
            return match self.is_behind(&unit) {
                true => Ok(Ok(())),
                false => self.restore_beside(step, &unit, restore).await,
            };
        }
        let units = match &step.action {
            Action::Restore(_) if self.is_behind(&self.unit_of(id, "", direction)) => Vec::new(),
            Action::Restore(restore) => match self.restore_script(step, &restore.backup).await? {
                Ok(source) => vec![(String::new(), source)],
                Err(problem) => return Ok(Err(problem)),
            },
            _ => self.units_of(step, id, direction),
        };
        let verify = self.verifies_before(step);
        let before = match (&step.adds, direction) {
            (Some(_), Direction::Forward) => Some(self.inventory_before(step).await?),
            _ => None,
        };
        for (name, source) in units {
            let unit = self.unit_of(id, &name, direction);
            let outcome = match step.transaction {
                _ if step.runner == Runner::Psql => self.run_by_psql(step, &unit, &source).await?,
                Transaction::Single => {
                    if self.unit_phase(&unit) == Some(UnitPhase::Applied) {
                        continue;
                    }
                    let job = Job { unit, step, source: &source, verify, before: before.as_ref() };
                    match self.apply(&job).await? {
                        Outcome::Applied => Ok(()),
                        Outcome::Failed(problem) => Err(problem),
                    }
                }
                Transaction::None | Transaction::Script => self.run_statements(step, &unit, &source).await?,
            };
            if let Err(problem) = outcome {
                return Ok(Err(problem));
            }
        }
        Ok(Ok(()))
    }

    /// The units of a step's script: name and source.
    pub(super) fn units_of(&self, step: &Step, id: &str, direction: Direction) -> Vec<(String, Source)> {
        match &step.action {
            Action::File { file, section } => {
                vec![(String::new(), self.sources.part(&file.name, section.as_ref()))]
            }
            Action::Files { pattern, .. } if direction == Direction::Back && pattern.contains("{file}") => {
                let mut applied = self.recorder.look(|run| applied_files(&self.plan, run, id));
                applied.reverse();
                applied
                    .into_iter()
                    .map(|name| {
                        let base = name.rsplit('/').next().unwrap_or(&name);
                        let file = pattern.replace("{file}", base);
                        (name, self.sources.file(&file))
                    })
                    .collect()
            }
            Action::Files { files, .. } => {
                files.iter().map(|file| (file.name.clone(), self.sources.file(&file.name))).collect()
            }
            Action::Sql { text, line } => {
                let name = self.plan.path.file_name().map_or_else(
                    || self.plan.path.display().to_string(),
                    |name| name.to_string_lossy().into_owned(),
                );
                let digest = self.key.hmac(text.as_bytes());
                vec![(String::new(), Source::Inline { name, text: text.clone(), line: *line, digest })]
            }
            _ => Vec::new(),
        }
    }

    /// Whether a step's checkpoints run before its COMMIT: they only read, and there is one COMMIT.
    pub(super) fn verifies_before(&self, step: &Step) -> bool {
        let one = step.transaction == Transaction::Single
            && step.runner == Runner::Holdpoint
            && matches!(step.action, Action::File { .. } | Action::Sql { .. });
        match step.verify {
            Some(Verify::AfterCommit) => false,
            _ if !one => false,
            Some(Verify::BeforeCommit | Verify::Both) => true,
            None => step.checkpoints.iter().all(|checkpoint| {
                checkpoint.on == Side::Target
                    && match &checkpoint.ask {
                        Ask::Sql(sql) => self.inline(sql).is_ok_and(|sql| reads_only(&sql)),
                        Ask::Inventory(_) | Ask::Compare(_) => true,
                    }
            }),
        }
    }

    pub(super) fn unit_of(&self, step: &str, unit: &str, direction: Direction) -> Unit {
        Unit { step: step.to_owned(), unit: unit.to_owned(), direction, generation: self.generation(step) }
    }

    /// It is applied, or failed and the plan passes over it.
    pub(super) fn is_behind(&self, unit: &Unit) -> bool {
        self.recorder.look(|run| run.unit(unit).is_some_and(crate::run::state::UnitState::is_behind))
    }

    pub(super) fn unit_phase(&self, unit: &Unit) -> Option<UnitPhase> {
        self.recorder.look(|run| run.unit(unit).map(|state| state.phase))
    }

    /// Runs a step that only people or checks do, as part of a rollback.
    pub(super) fn cant_undo(&self, step: &Step) -> Option<Problem> {
        matches!(step.action, Action::Later(_)).then(|| problems::plain("its rollback isn't built yet"))
    }
}

//! The list of what a rollback will run, in its order, and what is known about it: told before anything of
//! it happens, and asked for by `rollback --list`.

use super::super::image::counted;
use super::super::sources::{Source, Sources};
use super::super::stop::Stop;
use super::super::verify::count;
use super::forecast::{Forecast, forecast_by};
use super::taken::{Taken, counted_values};
use super::{Course, Way, forecast, step_for, way};
use crate::journal::StateDir;
use crate::pg::Session;
use crate::pg::rows::Column;
use crate::plan::model::{Action, Plan, Step};
use crate::plan::show::deed;
use crate::run::event::{self, Direction, Image, ImageWhen, ProcedureTurn, Rehearsed, RowCount, UndoItem};
use crate::run::state::{Run, Status, StepState};
use crate::script::{Item, Variables, heads};

/// Statements of one step that are listed.
const LISTED: usize = 40;

/// What the list is made from.
#[derive(Debug)]
pub struct Known<'a> {
    pub plan: &'a Plan,
    pub run: &'a Run,
    pub sources: &'a Sources,
    pub vars: Variables,
}

/// The course as its first event has it, without counts from the server.
#[must_use]
pub fn listed(known: &Known<'_>, course: &Course, only: &[String]) -> event::Course {
    let items = course
        .steps
        .iter()
        .filter(|step| !course.kept.iter().any(|(kept, _)| kept == *step))
        .map(|step| known.item(course, step))
        .collect();
    event::Course { only: only.to_vec(), procedures: course.procedures.clone(), items, rehearsed: None }
}

impl Known<'_> {
    fn item(&self, course: &Course, id: &str) -> UndoItem {
        let turn = course.procedures.iter().find(|turn| turn.undoes.iter().any(|step| step == id));
        let runs = match turn {
            Some(turn) if turn.undoes.first().map(String::as_str) == Some(id) => self.procedure(turn),
            Some(turn) => vec![format!("with procedure {}", turn.procedure)],
            None => match way(self.plan, id) {
                Way::Own(undo) => self.runs(undo, id),
                Way::By(other) => vec![format!("with {other}")],
                Way::Procedure(_) | Way::Not(_) => Vec::new(),
            },
        };
        let step = step_for(self.plan, id, Direction::Forward);
        let told = step.map(|step| match turn {
            Some(turn) if !turn.by_own(id) => self.by_procedure(turn, step),
            _ => {
                let told = forecast(self.plan, self.sources, &self.vars, step);
                let with_another = matches!(way(self.plan, id), Way::By(_));
                if with_another { without_drops(told) } else { told }
            }
        });
        let lost = told.iter().flat_map(|told| &told.takes).map(Taken::uncounted);
        UndoItem {
            step: id.to_owned(),
            runs,
            lost: lost.collect(),
            // What the plan and the procedure say by themselves needs no reading.
            way_back: told.filter(|told| told.impossible.is_none()).map(|told| told.of_step(id)),
            half_applied: self.run.step(id).and_then(half_applied),
            rehearsed_ms: None,
        }
    }

    /// What the procedure drops is said once, at the first that it undoes.
    fn by_procedure(&self, turn: &ProcedureTurn, step: &Step) -> Forecast {
        let back: Vec<&Step> = self.steps_of(&turn.procedure).collect();
        let told = forecast_by(self.plan, self.sources, &self.vars, step, &back);
        if turn.undoes.first() == Some(&step.id) { told } else { without_drops(told) }
    }

    fn steps_of(&self, procedure: &str) -> impl Iterator<Item = &Step> {
        let found = self.plan.rollbacks.iter().find(|known| known.id == procedure);
        found.into_iter().flat_map(|procedure| &procedure.steps)
    }

    fn procedure(&self, turn: &ProcedureTurn) -> Vec<String> {
        self.steps_of(&turn.procedure)
            .flat_map(|step| {
                let runs = match turn.own.get(&step.id) {
                    Some(own) => own.iter().flat_map(|id| self.by_own(id)).collect(),
                    None => self.runs(step, &step.id),
                };
                let words = match runs.as_slice() {
                    [] => vec![deed(step)],
                    _ => runs,
                };
                words.into_iter().map(|run| format!("{}: {run}", step.title)).collect::<Vec<_>>()
            })
            .collect()
    }

    /// What a step's own rollback runs.
    fn by_own(&self, id: &str) -> Vec<String> {
        match way(self.plan, id) {
            Way::Own(undo) => self.runs(undo, id),
            Way::By(other) => vec![format!("{id} with {other}")],
            Way::Procedure(_) | Way::Not(_) => Vec::new(),
        }
    }

    /// Files and statements of a step, in their order.
    fn runs(&self, step: &Step, id: &str) -> Vec<String> {
        match &step.action {
            Action::File { file, section } => {
                vec![format!("file {}", super::super::outline::file_words(file, section.as_ref()))]
            }
            Action::Files { pattern, .. } if pattern.contains("{file}") => {
                let applied = applied_files(self.plan, self.run, id);
                let undo = |name: &String| pattern.replace("{file}", name.rsplit('/').next().unwrap_or(name));
                applied.iter().rev().map(|name| format!("file {}", undo(name))).collect()
            }
            Action::Files { files, .. } => files.iter().map(|file| format!("file {}", file.name)).collect(),
            Action::Sql { text, line } => self.statements(text, *line),
            Action::Command(program) => vec![format!("command {}", program.call.words())],
            Action::Restore(restore) => {
                vec![format!("the whole database as it was in backup {}", restore.backup)]
            }
            _ => Vec::new(),
        }
    }

    fn statements(&self, text: &str, line: usize) -> Vec<String> {
        let name = self.plan.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let source =
            Source::Inline { name: name.clone(), text: text.to_owned(), line, digest: String::new() };
        let Ok(mut script) = self.sources.open(&source, self.vars.clone()) else {
            return vec![format!("SQL at {name}:{line}")];
        };
        let mut runs = Vec::new();
        while let Ok(Some(item)) = script.next_item() {
            let Item::Statement(statement) = item else { continue };
            runs.extend(
                heads(&statement.text)
                    .into_iter()
                    .map(|head| format!("{head} … ({name}:{})", statement.place.line)),
            );
        }
        if runs.len() > LISTED {
            let more = runs.len() - LISTED;
            runs.truncate(LISTED);
            runs.push(format!("… and {} more", count(more, "statement")));
        }
        runs
    }
}

/// What is run for several steps drops tables once: with the step that it stands with.
fn without_drops(mut told: Forecast) -> Forecast {
    let takes: Vec<String> = std::mem::take(&mut told.takes).iter().map(Taken::words).collect();
    told.losses.retain(|loss| !takes.contains(loss));
    told.new_since.clear();
    told
}

/// Files of a step's glob of which something is applied, in their order.
#[must_use]
pub fn applied_files(plan: &Plan, run: &Run, id: &str) -> Vec<String> {
    let step = step_for(plan, id, Direction::Forward);
    let Some(Action::Files { files, .. }) = step.map(|step| &step.action) else { return Vec::new() };
    let Some(state) = run.step(id) else { return Vec::new() };
    files.iter().filter(|file| state.units.has_applied_of(&file.name)).map(|file| file.name.clone()).collect()
}

/// How much of a step that isn't applied as a whole is.
fn half_applied(state: &StepState) -> Option<String> {
    let half = matches!(state.status, Status::Failed | Status::Skipped | Status::Running)
        || state.units.iter().any(|unit| unit.passed_over);
    let applied = state.units.applied();
    (half && applied > 0).then(|| format!("only {} of it committed", count(applied, "unit")))
}

/// Counts what would be lost: rows now, and rows when this run had last written there.
///
/// # Errors
/// When the connection is lost.
pub async fn count_lost(session: &mut Session, run: &Run, items: &mut [UndoItem]) -> Result<(), Stop> {
    for item in items {
        let generation = run.step(&item.step).map_or(0, |step| step.generation);
        let after = run.images.iter().rposition(|image| {
            image.when == ImageWhen::AfterStep
                && image.step.as_deref() == Some(item.step.as_str())
                && image.generation == generation
        });
        // What later steps of this run wrote there is no loss: they are undone first.
        let counted_last = |find: &dyn Fn(&Image) -> Option<RowCount>| {
            let since = run.images.get(after?..)?.iter().rev();
            since.filter(|image| image.when == ImageWhen::AfterStep).find_map(find)
        };
        let mut lost = Vec::new();
        for mut rows in std::mem::take(&mut item.lost) {
            let (now, then) = match &rows.column {
                Some(column) => {
                    let column = Column { table: rows.table.clone(), column: column.clone() };
                    let then = counted_last(&|image| image.values.get(&column.to_string()).copied());
                    let now = counted_values(session, &column).await?;
                    // An estimate is of rows, with a value or without.
                    let both = now.is_some_and(|now| now.exact) && then.is_some_and(|then| then.exact);
                    (now, then.filter(|_| both))
                }
                None => {
                    let then = counted_last(&|image| image.rows.get(&rows.table).copied());
                    (counted(session, &rows.table).await?, then)
                }
            };
            let Some(now) = now else { continue };
            let before = run.baseline.as_ref().and_then(|baseline| baseline.rows.get(&rows.table)).copied();
            let before = before.filter(|_| rows.from_before.is_some());
            rows.from_before = before.map(|before| before.rows.min(now.rows));
            let then = then.or(before);
            rows.now = now.rows;
            rows.since = then.map(|then| (now.rows - then.rows).max(0));
            rows.exact = now.exact && then.is_none_or(|then| then.exact);
            lost.push(rows);
        }
        item.lost = lost;
    }
    Ok(())
}

/// Adds how long it took in the last rehearsal. A record that can't be trusted is as good as none, and that
/// is said.
pub fn rehearsed(state: &StateDir, run: &Run, course: &mut event::Course) -> Option<String> {
    let opened = run.opened.as_ref()?;
    let kept = match state.last_rehearsal(&opened.plan_id) {
        Ok(kept) => kept?.rehearsal,
        Err(error) => return Some(error.to_string()),
    };
    // What a procedure undoes isn't undone step by step.
    let procedures = &course.procedures;
    let by_procedure = |id: &String| procedures.iter().any(|turn| turn.undoes.contains(id));
    for item in course.items.iter_mut().filter(|item| !by_procedure(&item.step)) {
        let part = kept.steps.iter().find(|step| step.id == item.step).map(|step| &step.back);
        item.rehearsed_ms = part.and_then(|part| part.ms);
    }
    // By a procedure alone it takes as long as that one took.
    let only = match procedures.as_slice() {
        [turn] if course.items.iter().all(|item| by_procedure(&item.step)) => {
            kept.procedures.iter().find(|rehearsed| rehearsed.id == turn.procedure)
        }
        _ => None,
    };
    course.rehearsed = Some(Rehearsed {
        on: kept.at,
        rollback_ms: only.and_then(|procedure| procedure.part.ms).unwrap_or(kept.rollback_ms),
        passed: kept.passed,
        same_plan: kept.plan_digest == opened.plan_digest,
    });
    None
}

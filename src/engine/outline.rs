//! The outline of a plan, as the journal keeps it: enough to read a run without its plan.

use super::rollback::{Way, undoes, way};
use crate::plan::model::{Action, Checkpoint, Plan, PlanFile, Section, Step, Undo};
use crate::run::event::{CheckpointOutline, ItemOutline, PhaseOutline, ProcedureOutline, StepOutline};

/// All phases and steps.
#[must_use]
pub fn outline(plan: &Plan) -> Vec<PhaseOutline> {
    plan.phases
        .iter()
        .map(|phase| PhaseOutline {
            id: phase.id.clone(),
            title: phase.title.clone(),
            steps: phase.steps.iter().map(|step| outlined(plan, step)).collect(),
        })
        .collect()
}

/// The named procedures.
#[must_use]
pub fn procedures(plan: &Plan) -> Vec<ProcedureOutline> {
    plan.rollbacks
        .iter()
        .map(|procedure| ProcedureOutline {
            id: procedure.id.clone(),
            title: procedure.title.clone(),
            undoes: undoes(plan, procedure),
            steps: procedure.steps.iter().map(|step| outlined(plan, step)).collect(),
        })
        .collect()
}

fn outlined(plan: &Plan, step: &Step) -> StepOutline {
    let mut outline = StepOutline {
        id: step.id.clone(),
        title: step.title.clone(),
        action: action_word(&step.action).to_owned(),
        changes: step.changes,
        people: step.owner.iter().cloned().collect(),
        optional: step.optional,
        on_failure: step.on_failure.clone(),
        rollback: match way(plan, &step.id) {
            Way::Procedure(procedure) => Some(format!("procedure {}", procedure.id)),
            _ => step.rollback.as_ref().map(undo_words),
        },
        checkpoints: checkpoints(step),
        items: Vec::new(),
        roles: Vec::new(),
        any_order: false,
        decision: Default::default(),
    };
    let items = match &step.action {
        Action::Confirm(items) => items.as_slice(),
        Action::Signoff(signoff) => {
            outline.people.clone_from(&signoff.roles);
            outline.roles.clone_from(&signoff.roles);
            outline.any_order = signoff.any_order;
            outline.decision = signoff.decision.clone();
            &signoff.items
        }
        _ => &[],
    };
    outline.items = items
        .iter()
        .map(|item| ItemOutline {
            item: item.item.clone(),
            proven: !item.proof.is_empty() && !item.write,
            write: item.write,
        })
        .collect();
    outline
}

fn checkpoints(step: &Step) -> Vec<CheckpointOutline> {
    let own = matches!(
        step.action,
        Action::Check { .. } | Action::Inventory(_) | Action::Probe { .. } | Action::Compare(_)
    )
    .then(|| CheckpointOutline { id: step.id.clone(), title: step.title.clone() });
    let script = expects_of_script(step).then(|| CheckpointOutline {
        id: format!("{}/expect", step.id),
        title: "runs as the plan expects".into(),
    });
    let restored = matches!(step.action, Action::Restore(_)).then(|| CheckpointOutline {
        id: format!("{}/restored", step.id),
        title: "the schema is that of the backup".into(),
    });
    let adds = step.adds.as_ref().map(|_| CheckpointOutline {
        id: format!("{}/adds", step.id),
        title: "adds what the plan says".into(),
    });
    let named = step
        .checkpoints
        .iter()
        .map(|Checkpoint { id, title, .. }| CheckpointOutline { id: id.clone(), title: title.clone() });
    own.into_iter().chain(script).chain(restored).chain(named).chain(adds).collect()
}

/// Whether the step says what its script or program must give: warnings, time, exit code.
#[must_use]
pub fn expects_of_script(step: &Step) -> bool {
    if let Action::Command(_) = step.action {
        return step.expect.is_some();
    }
    step.action.runs_sql()
        && step.expect.as_ref().is_some_and(|expect| expect.warnings.is_some() || expect.within.is_some())
}

/// An action in a word.
#[must_use]
pub fn action_word(action: &Action) -> &'static str {
    match action {
        // It has nothing else.
        Action::Group => "checkpoints",
        other => crate::plan::show::action_word(other),
    }
}

/// A rollback in words.
#[must_use]
pub fn undo_words(undo: &Undo) -> String {
    match undo {
        Undo::By(step) => format!("with {step}"),
        Undo::Own(step) => match &step.action {
            Action::File { file, section } => format!("file {}", file_words(file, section.as_ref())),
            Action::Files { pattern, .. } => format!("files {pattern}"),
            Action::Sql { .. } => "SQL".into(),
            Action::Command(program) => format!("command {}", program.call.words()),
            Action::Restore(restore) => format!("restore of {}", restore.backup),
            other => action_word(other).to_owned(),
        },
    }
}

/// A file and the part of it that is meant.
pub(super) fn file_words(file: &PlanFile, section: Option<&Section>) -> String {
    match section {
        Some(section) => format!("{}, {}", file.name, section.begin),
        None => file.name.clone(),
    }
}

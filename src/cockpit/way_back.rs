//! What a rollback would do: the button and its question show what the engine will go by.

use super::message::SourceOf;
use super::state::State;
use crate::plan::model::{Action, Step, Undo};
use crate::run::back::{Wanted, set_out, way};

/// What becomes of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// By a script or statements; what, in words.
    Undone { by: String },
    /// When that step is undone.
    With(String),
    /// By this procedure of the plan, with others.
    Procedure(String),
    /// Its effects stay.
    Stays { why: String },
}

/// One step that was applied, in the order of going back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Back {
    pub step: String,
    pub title: String,
    pub way: Way,
}

/// What would be undone, in its order, down to and including `to`.
///
/// # Errors
/// Why it can't be begun so.
pub fn steps(state: &State, to: Option<&str>) -> Result<Vec<Back>, String> {
    let wanted = Wanted { to: to.map(str::to_owned), ..Wanted::all(String::new()) };
    let course = set_out(state.plan(), state.run(), &wanted)?;
    let kept = |id: &String| course.kept.iter().find(|(step, _)| step == id).map(|(_, why)| why.clone());
    let procedure = |id: &String| {
        let turn = course.procedures.iter().find(|turn| turn.undoes.contains(id))?;
        state.plan().rollbacks.iter().find(|procedure| procedure.id == turn.procedure)
    };
    let back = |id: &String| {
        let way = match (kept(id), procedure(id)) {
            (Some(why), _) => Way::Stays { why },
            (None, Some(procedure)) => Way::Procedure(procedure.title.clone()),
            (None, None) => match way(state.plan(), id) {
                crate::run::back::Way::Own(undo) => Way::Undone { by: by(undo) },
                crate::run::back::Way::By(other) => Way::With(other.to_owned()),
                crate::run::back::Way::Procedure(procedure) => Way::Procedure(procedure.title.clone()),
                crate::run::back::Way::Not(why) => Way::Stays { why },
            },
        };
        let title = state.find(id).map_or_else(|| id.clone(), |(_, step)| step.title.clone());
        Back { step: id.clone(), title, way }
    };
    Ok(course.steps.iter().map(back).collect())
}

fn by(undo: &Step) -> String {
    match &undo.action {
        Action::File { file, .. } => file.name.clone(),
        Action::Files { pattern, .. } => pattern.clone(),
        Action::Sql { .. } => "SQL of the plan".to_owned(),
        _ => "its checkpoints alone".to_owned(),
    }
}

/// Scripts that the question lists, in the order in which they would run.
#[must_use]
pub fn sources(state: &State, to: Option<&str>) -> Vec<SourceOf> {
    let steps = steps(state, to).unwrap_or_default();
    steps
        .iter()
        .filter(|back| matches!(back.way, Way::Undone { .. }))
        .flat_map(|back| scripts(state, &back.step))
        .collect()
}

/// The scripts that undo a step.
#[must_use]
pub fn scripts(state: &State, step: &str) -> Vec<SourceOf> {
    let of = |file: &str| SourceOf { step: step.to_owned(), back: true, file: file.to_owned() };
    let Some((_, planned)) = state.find(step) else { return Vec::new() };
    match (&planned.irreversible, &planned.rollback) {
        (None, Some(Undo::Own(undo))) => match &undo.action {
            Action::File { .. } | Action::Sql { .. } => vec![of("")],
            Action::Files { files, .. } => files.iter().rev().map(|file| of(&file.name)).collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// `3 steps`, `2 steps, 1 kept`.
#[must_use]
pub fn words(state: &State, to: Option<&str>) -> String {
    let all = steps(state, to).unwrap_or_default();
    let stays = all.iter().filter(|back| matches!(back.way, Way::Stays { .. })).count();
    let undone = all.len() - stays;
    let plural = if undone == 1 { "step" } else { "steps" };
    match stays {
        0 => format!("{undone} {plural}"),
        _ => format!("{undone} {plural}, {stays} kept"),
    }
}

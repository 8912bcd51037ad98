//! What a rollback would do: the button and its question show what the engine will go by.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::question::About;
use super::state::State;
use crate::plan::model::{Action, Step};
use crate::run::back::{Wanted, by_id, set_out, way_of};
use crate::run::outlook::{Goal, LookBack, Outlook};

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

/// What would be undone, in its order; why it can't be begun so.
pub type Steps = Result<Arc<[Back]>, String>;

/// What was found out, until the run changes.
#[derive(Debug, Default)]
pub struct Found {
    /// How many steps are applied, and the last of them.
    stamp: (usize, Option<String>),
    steps: BTreeMap<Goal, Steps>,
    outlooks: BTreeMap<Goal, Arc<Outlook>>,
}

/// What would be undone.
///
/// # Errors
/// Why it can't be begun so.
pub fn steps(state: &State, goal: &Goal) -> Steps {
    match state.back.steps.get(goal).filter(|_| state.back.stamp == stamp(state)) {
        Some(steps) => steps.clone(),
        None => find(state, goal),
    }
}

fn stamp(state: &State) -> (usize, Option<String>) {
    let applied = &state.run().applied_order;
    (applied.len(), applied.last().cloned())
}

/// Finds out what the next frames will ask for.
pub fn refresh(state: &mut State) {
    let stamp = stamp(state);
    if state.back.stamp != stamp {
        state.back.steps.clear();
        state.back.stamp = stamp;
    }
    let asked = asked(state).cloned().unwrap_or_default();
    for goal in [Goal::default(), asked] {
        if !state.back.steps.contains_key(&goal) {
            let steps = find(state, &goal);
            state.back.steps.insert(goal, steps);
        }
    }
}

/// The rollback that is asked about.
fn asked(state: &State) -> Option<&Goal> {
    match state.question.as_ref().map(|question| &question.about) {
        Some(About::RollBack(goal)) => Some(goal),
        _ => None,
    }
}

/// What is to be found out by the engine.
#[must_use]
pub fn looked_at(state: &State) -> Option<LookBack> {
    if state.over.is_some() || !state.is_open() || state.run().applied_order.is_empty() {
        return None;
    }
    let asked = asked(state);
    let goal = asked.cloned().unwrap_or_default();
    let steps: Vec<String> = steps(state, &goal).ok()?.iter().map(|back| back.step.clone()).collect();
    let stand = steps.iter().map(|step| state.status(step)).collect();
    Some(LookBack { goal, steps, stand, rows: asked.is_some() })
}

/// The engine has looked back.
pub fn keep(state: &mut State, outlook: Arc<Outlook>) {
    state.back.outlooks.insert(outlook.goal.clone(), outlook);
}

/// What the engine knows of a rollback, if that is still the one.
#[must_use]
pub fn outlook<'a>(state: &'a State, goal: &Goal, steps: &[Back]) -> Option<&'a Outlook> {
    let outlook = state.back.outlooks.get(goal)?;
    let same = outlook.steps.iter().eq(steps.iter().map(|back| &back.step));
    same.then_some(outlook)
}

/// How long it took in the last rehearsal; `false`: a step of it wasn't measured.
#[must_use]
pub fn estimate(outlook: &Outlook) -> Option<(u64, bool)> {
    let items = outlook.course.items.iter().filter(|item| !item.runs.is_empty());
    let known: Vec<Option<u64>> = items.map(|item| item.rehearsed_ms).collect();
    let sum = known.iter().flatten().sum();
    known.iter().any(Option::is_some).then(|| (sum, known.iter().all(Option::is_some)))
}

fn find(state: &State, goal: &Goal) -> Steps {
    let Goal { to, procedure } = goal.clone();
    let wanted = Wanted { to, procedure, ..Wanted::all(String::new()) };
    let course = set_out(state.plan(), state.run(), &wanted)?;
    let known = by_id(state.plan());
    let stay: HashMap<&String, &String> = course.kept.iter().map(|(step, why)| (step, why)).collect();
    let kept = |id: &String| stay.get(id).map(|why| (*why).clone());
    let procedure = |id: &String| {
        let turn = course.procedures.iter().find(|turn| turn.undoes.contains(id))?;
        state.plan().rollbacks.iter().find(|procedure| procedure.id == turn.procedure)
    };
    let back = |id: &String| {
        let way = match (kept(id), procedure(id)) {
            (Some(why), _) => Way::Stays { why },
            (None, Some(procedure)) => Way::Procedure(procedure.title.clone()),
            (None, None) => match way_of(state.plan(), id, known.get(id.as_str()).copied()) {
                crate::run::back::Way::Own(undo) => Way::Undone { by: by(undo) },
                crate::run::back::Way::By(other) => Way::With(other.to_owned()),
                crate::run::back::Way::Procedure(procedure) => Way::Procedure(procedure.title.clone()),
                crate::run::back::Way::Not(why) => Way::Stays { why },
            },
        };
        let title = known.get(id.as_str()).map_or_else(|| id.clone(), |step| step.title.clone());
        Back { step: id.clone(), title, way }
    };
    Ok(course.steps.iter().map(back).collect())
}

fn by(undo: &Step) -> String {
    match &undo.action {
        Action::File { file, section: Some(section) } => format!("{}, {}", file.name, section.begin),
        Action::File { file, section: None } => file.name.clone(),
        Action::Files { pattern, .. } => pattern.clone(),
        Action::Sql { .. } => "SQL of the plan".to_owned(),
        Action::Command(program) => program.call.words(),
        Action::Notify(_) => "a message".to_owned(),
        Action::Restore(restore) => format!("the backup \"{}\"", restore.backup),
        _ => "its checkpoints alone".to_owned(),
    }
}

/// `3 steps`, `2 steps, 1 kept`.
#[must_use]
pub fn words(state: &State, goal: &Goal) -> String {
    let all = steps(state, goal).unwrap_or_else(|_| [].into());
    let stays = all.iter().filter(|back| matches!(back.way, Way::Stays { .. })).count();
    let undone = all.len() - stays;
    let plural = if undone == 1 { "step" } else { "steps" };
    match stays {
        0 => format!("{undone} {plural}"),
        _ => format!("{undone} {plural}, {stays} kept"),
    }
}

//! What a step still waits for from people.

use super::state::State;
use crate::run::event::{ItemOutline, StepOutline};

/// One thing that a person has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Open<'a> {
    /// An item that somebody ticks.
    Item(&'a ItemOutline),
    /// A role that signs.
    Role(&'a str),
}

/// What is open in this step, in the order in which it has to be done.
#[must_use]
pub fn open<'a>(state: &'a State, step: &str) -> Vec<Open<'a>> {
    let run = state.run();
    let (Some(of), Some(outline)) = (run.step(step), run.outline(step)) else { return Vec::new() };
    let items = outline.items.iter().filter(|item| !of.confirmed.contains_key(&item.item) && !item.proven);
    let roles = of.roles_missing(&outline.roles);
    items.map(Open::Item).chain(roles.map(|role| Open::Role(role))).collect()
}

/// The step that waits for people, and what it waits for first.
#[must_use]
pub fn next(state: &State) -> Option<(String, Open<'_>)> {
    let step = state.run().hold()?.step.clone()?;
    let first = open(state, &step).into_iter().next()?;
    Some((step, first))
}

/// Steps that people have a part in, those of the way back too.
#[must_use]
pub fn steps(state: &State) -> Vec<&StepOutline> {
    let all = state.chapters().flat_map(|(_, chapter)| chapter.steps);
    let outlines = all.filter_map(|step| state.run().outline(&step.id));
    outlines.filter(|step| !step.items.is_empty() || !step.roles.is_empty()).collect()
}

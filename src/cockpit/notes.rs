//! Which notes are about which step: found once, not in every frame, since there may be many.

use std::collections::BTreeMap;

use super::state::State;
use crate::run::event::Person;

/// Places in the run's notes, by step.
#[derive(Debug, Default)]
pub struct Notes {
    seen: usize,
    of: BTreeMap<String, Vec<usize>>,
}

/// Takes in what was written since.
pub fn refresh(state: &mut State) {
    let State { printer, notes, .. } = state;
    let all = &printer.run().notes;
    for (at, (step, ..)) in all.iter().enumerate().skip(notes.seen) {
        let Some(step) = step else { continue };
        match notes.of.get_mut(step) {
            Some(places) => places.push(at),
            None => drop(notes.of.insert(step.clone(), vec![at])),
        }
    }
    notes.seen = all.len();
}

/// How many notes a step has, and the last of them.
#[must_use]
pub fn last<'a>(state: &'a State, step: &str, most: usize) -> (usize, Vec<(&'a str, &'a Person)>) {
    let places = state.notes.of.get(step).map_or(&[][..], Vec::as_slice);
    let shown = &places[places.len().saturating_sub(most)..];
    let all = &state.run().notes;
    let found = shown.iter().filter_map(|at| all.get(*at)).map(|(_, text, by)| (text.as_str(), by));
    (places.len(), found.collect())
}

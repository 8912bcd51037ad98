//! What a step does that isn't SQL, in full: its checklist, its signatures, its words; and what was said by
//! whatever runs for it.

use super::paper::{Row, wrapped};
use crate::cockpit::state::State;
use crate::cockpit::theme::Role;
use crate::plan::model::{Action, Step};

/// Items, roles, or what is looked at; and what came of it.
pub fn body(state: &State, step: &Step, columns: usize) -> Vec<Row> {
    let mut rows = super::people::of_step(state, &step.id, columns);
    if let Action::Signoff(signoff) = &step.action {
        rows.push(Row::new());
        rows.extend(wrapped(Role::Text, "", &format!("“{}”", signoff.statement), columns, 6));
        for (role, text) in &signoff.statements {
            rows.extend(wrapped(Role::Text, "", &format!("{role}: “{text}”"), columns, 4));
        }
    }
    if let Action::Soak(_) = step.action {
        rows.extend(super::watched::rows(state, columns));
    }
    let told: Vec<Row> =
        state.told.of(&step.id).map(|line| super::log::coloured(&line.within(columns))).collect();
    if rows.is_empty() {
        rows.extend(super::checkpoints::brief(state, columns));
    }
    if !told.is_empty() && !rows.is_empty() {
        rows.push(Row::new());
    }
    rows.extend(told);
    rows
}

/// What was said on behalf of a step in its present try, not what was said in an earlier one.
pub fn said<'a>(state: &'a State, step: &str) -> Vec<&'a str> {
    let from = state.tries.get(step).copied().unwrap_or_default();
    let said = state.output.iter().filter(|said| said.step == step && said.after >= from);
    said.map(|said| said.line.as_str()).collect()
}

pub fn line(said: &str) -> Row {
    Row::of(Role::Dim, "| ").add(Role::Text, said)
}

//! What a plan claims of its steps and the words of their scripts deny. Read beforehand; where a step has
//! run, the server says it.

use super::super::conductor::Conductor;
use super::super::sources::Sources;
use super::super::stop::Stop;
use super::reading::read;
use super::undoes;
use crate::plan::model::{Action, Plan, Step};
use crate::run::event::Event;
use crate::script::{Acts, Variables};

/// Claims that the scripts deny: of whom, and what is wrong.
#[must_use]
pub fn denied(plan: &Plan, sources: &Sources, vars: &Variables) -> Vec<(String, String)> {
    let scripted =
        |step: &&Step| matches!(step.action, Action::Sql { .. } | Action::File { .. } | Action::Files { .. });
    let steps = plan.phases.iter().flat_map(|phase| &phase.steps).filter(|step| !step.changes);
    let changing = steps.filter(scripted).filter(|step| {
        let reading = read(plan, sources, vars, step);
        reading.acts == Acts::Changes && !reading.effects.is_empty()
    });
    let mut denied: Vec<(String, String)> = changing
        .map(|step| {
            let what = "it says `changes = false`, and its SQL changes something: no rollback undoes that";
            (format!("step {}", step.id), what.to_owned())
        })
        .collect();
    for procedure in plan.rollbacks.iter().filter(|procedure| !undoes(plan, procedure).is_empty()) {
        let acts = |step: &Step| {
            let reading = read(plan, sources, vars, step);
            step.changes && (reading.acts != Acts::Not || reading.by_hand || reading.unseen.is_some())
        };
        if !procedure.steps.iter().any(acts) {
            let what = "it says that it undoes steps, and nothing in it changes anything: they would count as undone";
            denied.push((format!("rollback {}", procedure.id), what.to_owned()));
        }
    }
    denied
}

impl Conductor {
    /// A step that said that it changes nothing: what the server says that it wrote or changed.
    pub(in crate::engine) async fn measure_claim(&mut self, step: &Step) -> Result<(), Stop> {
        let written: Vec<String> = self.recorder.look(|run| {
            let units = run.step(&step.id).into_iter().flat_map(|state| state.units.iter());
            let touched = units.flat_map(|unit| unit.touched.iter());
            let changed = touched.filter(|touched| touched.has_rows() || touched.lock == "AccessExclusive");
            changed.map(|touched| touched.relation.clone()).collect()
        });
        if written.is_empty() {
            return Ok(());
        }
        let what = format!(
            "the plan says `changes = false`, and it wrote or changed {}: no rollback undoes that",
            written.join(", ")
        );
        self.record(Event::Deviation { step: Some(step.id.clone()), what }).await
    }
}

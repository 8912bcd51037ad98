//! The ways back that the run took, and what they left.

use jiff::Timestamp;

use super::gather::Gather;
use super::model::*;
use crate::run::event::{Decision, Envelope, Event};

impl Gather {
    pub(super) fn went_back(&mut self, envelope: &Envelope) -> bool {
        let at = envelope.at;
        match &envelope.event {
            Event::RunReopened { by, reason, to, since, despite, .. } => {
                let who = self.who(by);
                if let Some(despite) = despite {
                    let what = format!("changed since the run's end: {}", since.join("; "));
                    let (why, by) = (Some(despite.clone()), Some(who.clone()));
                    self.deviate(at, None, DeviationKind::Despite, what, why, by);
                }
                self.decisions.push(DecisionTold {
                    at,
                    what: Decision::RollBack,
                    step: to.clone(),
                    by: who,
                    reason: Some(reason.clone()),
                });
            }
            Event::RollbackStarted { to, procedure, steps, kept, why, course } => {
                let undoes = steps.iter().map(|step| {
                    let item =
                        course.items.iter().find(|item| item.step == *step).cloned().unwrap_or_default();
                    UndoTold {
                        step: step.clone(),
                        runs: item.runs,
                        way_back: item.way_back,
                        half_applied: item.half_applied,
                        lost: item.lost,
                        came: None,
                        at: None,
                        elapsed_ms: None,
                        rehearsed_ms: item.rehearsed_ms,
                    }
                });
                let undoes = undoes.collect();
                self.rollbacks.push(RollbackTold {
                    at,
                    why: why.clone(),
                    to: to.clone(),
                    procedure: procedure.clone(),
                    only: course.only.clone(),
                    undoes,
                    kept: kept.clone(),
                    accepted: Vec::new(),
                    rehearsed: course.rehearsed.clone(),
                    left: None,
                });
                self.keeps();
            }
            Event::RollbackEnded {
                residue,
                others,
                stays,
                unsure,
                moved,
                covers,
                not_compared,
                not_put_back,
                elapsed_ms,
            } => {
                self.keeps();
                if let Some(last) = self.rollbacks.last_mut() {
                    last.left = Some(LeftTold {
                        at,
                        elapsed_ms: *elapsed_ms,
                        residue: residue.clone(),
                        others: others.clone(),
                        stays: stays.clone(),
                        unsure: unsure.clone(),
                        moved: moved.clone(),
                        covers: covers.clone(),
                        not_compared: not_compared.clone(),
                        not_put_back: not_put_back.clone(),
                    });
                }
            }
            _ => return false,
        }
        true
    }

    /// What was decided on the way: steps that stay, and undone ones that are taken as they are.
    pub(super) fn keeps(&mut self) {
        let Some(rollback) = &self.run.rollback else { return };
        let Some(last) = self.rollbacks.last_mut().filter(|last| last.left.is_none()) else { return };
        last.kept.clone_from(&rollback.kept);
        last.accepted.clone_from(&rollback.accepted);
        for undo in &mut last.undoes {
            if undo.came.as_deref() != Some("undone") && rollback.keeps(&undo.step) {
                undo.came = Some("stays".to_owned());
            }
        }
    }

    pub(super) fn undo_came(&mut self, step: &str, at: Timestamp, came: &str, elapsed_ms: Option<u64>) {
        let last = self.rollbacks.last_mut();
        if let Some(undo) = last.and_then(|last| last.undoes.iter_mut().find(|undo| undo.step == step)) {
            undo.came = Some(came.to_owned());
            undo.at = Some(at);
            undo.elapsed_ms = elapsed_ms;
        }
    }
}

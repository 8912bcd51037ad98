//! What people did: signatures, ticks, decisions, notes, queries of their own, sessions that they ended.

use super::gather::{Gather, is_of_a_person};
use super::model::*;
use crate::run::event::{Decision, Envelope, Event, HoldReason};

impl Gather {
    pub(super) fn said(&mut self, envelope: &Envelope) -> bool {
        let at = envelope.at;
        match &envelope.event {
            Event::Confirmed { step, item, by, note, proof } => {
                let by = self.who(by);
                self.confirmations.push(ConfirmationTold {
                    at,
                    step: step.clone(),
                    item: item.clone(),
                    by,
                    note: note.clone(),
                    proof: proof.clone(),
                    undone: false,
                });
            }
            Event::Signed { step, role, by, accepted, word, statement, note } => {
                let words =
                    self.run.outline(step).map(|outline| outline.decision.clone()).unwrap_or_default();
                let usual = matches!((words.0.as_str(), words.1.as_str()), ("", "") | ("signed", "declined"));
                let opened = self.run.opened.as_ref();
                let authorizes = opened.and_then(|opened| opened.authorization.as_ref()) == Some(step);
                let by = self.who(by);
                self.signatures.push(SignatureTold {
                    at,
                    step: step.clone(),
                    role: role.clone(),
                    by,
                    accepted: *accepted,
                    word: word.clone(),
                    decides: !usual,
                    statement: statement.clone(),
                    note: note.clone(),
                    authorizes,
                });
            }
            // Told with what follows it.
            Event::Held { .. } => {}
            Event::Decided { what, step, by, reason, .. } => {
                let held = self.holds.last().filter(|hold| hold.to.is_none());
                let past_return = held.is_some_and(|hold| hold.reason == HoldReason::Irreversible);
                let of = step.clone().or_else(|| held.and_then(|hold| hold.step.clone()));
                let who = self.who(by);
                if *what == Decision::Override && past_return {
                    let what = "done although it can't be taken back".to_owned();
                    let (by, why) = (Some(who.clone()), reason.clone());
                    self.deviate(at, of.clone(), DeviationKind::PastReturn, what, why, by);
                    if let Some(last) = self.deviations.last_mut() {
                        last.departs = false;
                    }
                }
                if is_of_a_person(by, *what) {
                    self.decisions.push(DecisionTold {
                        at,
                        what: *what,
                        step: of,
                        by: who,
                        reason: reason.clone(),
                    });
                }
                self.keeps();
            }
            Event::Note { step, text, by } => {
                let by = self.who(by);
                self.notes.push(NoteTold { at, step: step.clone(), text: text.clone(), by });
            }
            Event::Looked { by, sql, rows, more, elapsed_ms, error } => {
                let by = self.who(by);
                self.looks.push(LookTold {
                    at,
                    by,
                    sql: sql.clone(),
                    rows: *rows,
                    more: *more,
                    elapsed_ms: *elapsed_ms,
                    error: error.clone(),
                });
            }
            Event::BackendEnding { backend, what, by } => {
                let by = self.who(by);
                self.sessions.push(SessionTold {
                    at,
                    backend: backend.clone(),
                    what: *what,
                    by,
                    outcome: None,
                    why: None,
                });
            }
            Event::BackendEnded { pid, backend_start, what, outcome, why, .. } => {
                let open = self.sessions.iter_mut().rev().find(|one| {
                    one.outcome.is_none()
                        && one.what == *what
                        && (one.backend.pid, &one.backend.backend_start) == (*pid, backend_start)
                });
                if let Some(open) = open {
                    open.outcome = Some(*outcome);
                    open.why.clone_from(why);
                }
            }
            _ => return false,
        }
        true
    }
}

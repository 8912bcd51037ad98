//! What ran beside the database: programs, messages to people, and watches.

use super::gather::Gather;
use super::model::*;
use super::steps::asked;
use crate::plan::model::Plan;
use crate::run::event::{Envelope, Event};

impl Gather {
    pub(super) fn ran_beside(&mut self, envelope: &Envelope) -> bool {
        let at = envelope.at;
        match &envelope.event {
            Event::ProgramEnded(end) => self.programs.push(ProgramTold {
                at,
                step: end.step.clone(),
                direction: end.direction,
                command: end.command.clone(),
                ending: end.ending.clone(),
                lines: end.lines,
                bytes: end.bytes,
                tail: end.tail.clone(),
                log: end.log.clone(),
                elapsed_ms: end.elapsed_ms,
            }),
            Event::Notified(notice) => self.messages.push(MessageTold {
                at,
                step: notice.step.clone(),
                to: notice.to.clone(),
                text: notice.text.clone(),
                reminder: notice.reminder,
                handed: notice.handed.clone(),
            }),
            Event::WatchBreached(breach) => {
                self.watched(&breach.watch, &breach.title, &breach.phase).breaches.push(BreachTold {
                    at,
                    expected: breach.verdict.expected.clone(),
                    got: breach.verdict.got.clone(),
                    lasting_ms: breach.lasting_ms,
                    otherwise: breach.otherwise.clone(),
                    by: None,
                    reason: None,
                });
            }
            Event::WatchAccepted { watch, by, reason } => {
                let who = self.who(by);
                let breaches =
                    self.watches.iter_mut().filter(|one| one.id == *watch).flat_map(|one| &mut one.breaches);
                if let Some(open) = breaches.last() {
                    open.by = Some(who);
                    open.reason = Some(reason.clone());
                }
            }
            Event::WatchEnded(figures) => {
                let watch = self.watched(&figures.watch, &figures.title, &figures.phase);
                watch.samples += figures.samples;
                watch.failed += figures.failed;
                watch.times.push((**figures).clone());
            }
            _ => return false,
        }
        true
    }

    fn watched(&mut self, id: &str, title: &str, phase: &str) -> &mut WatchTold {
        let at = self.watches.iter().position(|one| one.id == id).unwrap_or_else(|| {
            self.watches.push(unseen(id, title, phase));
            self.watches.len() - 1
        });
        &mut self.watches[at]
    }
}

fn unseen(id: &str, title: &str, phase: &str) -> WatchTold {
    WatchTold {
        id: id.to_owned(),
        title: title.to_owned(),
        phase: phase.to_owned(),
        query: None,
        samples: 0,
        failed: 0,
        times: Vec::new(),
        breaches: Vec::new(),
    }
}

/// As the plan has them, with what they ask, and those that weren't sampled; what it doesn't have comes last.
pub(super) fn in_order(mut seen: Vec<WatchTold>, plan: Option<&Plan>) -> Vec<WatchTold> {
    let mut all = Vec::new();
    let phases = plan.map(|plan| plan.phases.as_slice()).unwrap_or_default();
    for (phase, watch) in
        phases.iter().flat_map(|phase| phase.watches.iter().map(move |watch| (phase, watch)))
    {
        let checkpoint = &watch.checkpoint;
        let at = seen.iter().position(|one| one.id == checkpoint.id);
        let mut one =
            at.map_or_else(|| unseen(&checkpoint.id, &checkpoint.title, &phase.id), |at| seen.remove(at));
        one.query = Some(asked(checkpoint));
        all.push(one);
    }
    all.extend(seen);
    all
}

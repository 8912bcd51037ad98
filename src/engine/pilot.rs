//! Answers holds where nobody sits at a screen: from a file of answers, or as the demo.
//!
//! A pilot sees what everybody sees, the events, and asks for what everybody may ask for, commands.
//! The engine doesn't know whether a person or a pilot is there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::recorder::Recorder;
use crate::run::command::{Command, Wish};
use crate::run::event::{Assurance, Envelope, Event, HoldReason, Person};

/// What was answered beforehand.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Answers {
    /// Steps that may go under manual stepping.
    pub go: Vec<String>,
    /// Step → who confirms its items.
    pub confirm: BTreeMap<String, Confirmation>,
    /// Step → role → who signs.
    pub sign: BTreeMap<String, BTreeMap<String, Signature>>,
    /// Step that can't be taken back → why it is done all the same.
    pub irreversible: BTreeMap<String, String>,
    /// Step → what to do when it failed.
    pub failed: BTreeMap<String, Answer>,
}

/// Who ticks the items of a step, and the texts that items want.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(untagged)]
pub enum Confirmation {
    Name(String),
    Full {
        by: String,
        #[serde(default)]
        notes: BTreeMap<String, String>,
    },
}

/// Who signs for a role, and what.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(untagged)]
pub enum Signature {
    Name(String),
    Full {
        by: String,
        #[serde(default = "yes")]
        accept: bool,
        note: Option<String>,
    },
}

fn yes() -> bool {
    true
}

/// What to do about a failed step.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Retry,
    Skip(String),
    Override(String),
    Rollback(String),
    End(String),
    /// Unknown outcome: it was applied.
    Applied(String),
    /// Unknown outcome: it wasn't.
    NotApplied(String),
}

/// Who answers.
#[derive(Debug, Clone)]
pub enum Pilot {
    /// Answers for everybody, and says so; only on servers that holdpoint made.
    Demo,
    /// Nobody but the answers given.
    /// `again`: the step whose failure stood when the run was taken up; to take it up is to try it again.
    Answers { answers: Answers, operator: String, again: Option<String> },
}

impl Pilot {
    /// Listens and answers until the run is over.
    pub fn start(self, recorder: &Recorder) -> tokio::task::JoinHandle<()> {
        let events = recorder.listen();
        let recorder = recorder.clone();
        tokio::spawn(self.fly(events, recorder))
    }

    async fn fly(self, mut events: mpsc::UnboundedReceiver<Arc<Envelope>>, recorder: Recorder) {
        let mut tried: BTreeMap<String, u32> = BTreeMap::new();
        // Tried again already, by the run itself: whoever resumed it hasn't asked for more than that.
        let mut begun = BTreeSet::new();
        while let Some(envelope) = events.recv().await {
            if let Event::StepStarted { step, .. } = &envelope.event {
                begun.insert(step.clone());
            }
            let Event::Held { reason, step, needs, .. } = &envelope.event else { continue };
            // A ruling was given for what was seen: another unit of the same step needs a word of its own.
            let about = if *reason == HoldReason::Unknown { "" } else { needs.as_str() };
            let asked = tried.entry(format!("{reason:?} {step:?} {about}")).or_default();
            *asked += 1;
            let commands = match &self {
                Self::Demo => demo(&recorder, reason, step.as_deref(), *asked),
                Self::Answers { answers, operator, again } => {
                    let by = Person { name: operator.clone(), how: Assurance::Asserted };
                    let again = again.as_deref().filter(|step| !begun.contains(*step));
                    answers.to(&recorder, reason, step.as_deref(), *asked, again, &by)
                }
            };
            let mut refused = None;
            for command in commands {
                if let Err(error) = recorder.ask(command).await {
                    tracing::warn!(%error, "the answer was refused");
                    refused = Some(error.to_string());
                }
            }
            if let Some(why) = refused {
                leave(&recorder, format!("{needs} (the answer given was refused: {why})")).await;
            }
        }
    }
}

async fn leave(recorder: &Recorder, why: String) {
    let by = Person { name: "nobody".into(), how: Assurance::Policy };
    if let Err(error) = recorder.ask(Command { what: Wish::Leave { why }, by }).await {
        tracing::warn!(%error, "leaving was refused");
    }
}

fn nobody(needs: String) -> Vec<Command> {
    let by = Person { name: "nobody".into(), how: Assurance::Policy };
    vec![Command { what: Wish::Leave { why: needs }, by }]
}

/// What a hold asks for, as the run has it.
fn needs(recorder: &Recorder) -> String {
    recorder.look(|run| run.hold().map(|hold| hold.needs.clone()).unwrap_or_default())
}

/// The process died in the middle of it, and nothing is known against it.
fn is_broken_off(recorder: &Recorder, reason: &HoldReason, step: &str) -> bool {
    *reason == HoldReason::Failed
        && recorder.look(|run| run.step(step).is_some_and(|step| step.broken_off && step.problem.is_none()))
}

struct Open {
    items: Vec<(String, bool)>,
    roles: Vec<String>,
}

fn open_in(recorder: &Recorder, step: &str) -> Open {
    recorder.look(|run| {
        let (Some(state), Some(outline)) = (run.step(step), run.outline(step)) else {
            return Open { items: Vec::new(), roles: Vec::new() };
        };
        Open {
            items: outline
                .items
                .iter()
                .filter(|item| !state.confirmed.contains_key(&item.item))
                .map(|item| (item.item.clone(), item.write))
                .collect(),
            roles: state.roles_missing(&outline.roles).cloned().collect(),
        }
    })
}

fn demo(recorder: &Recorder, reason: &HoldReason, step: Option<&str>, asked: u32) -> Vec<Command> {
    let by = |name: &str| Person { name: name.to_owned(), how: Assurance::Demo };
    match (reason, step) {
        (HoldReason::Stepping | HoldReason::Asked | HoldReason::RolledBackTo, _) if asked < 3 => {
            vec![Command { what: Wish::Go, by: by("demo") }]
        }
        (HoldReason::Irreversible, Some(step)) if asked < 3 => {
            let reason = "the demo goes past it, on a server of its own".to_owned();
            let what = Wish::Override { step: step.to_owned(), reason };
            vec![Command { what, by: by("demo") }]
        }
        (HoldReason::Person, Some(step)) => {
            let open = open_in(recorder, step);
            if !open.items.is_empty() {
                return open
                    .items
                    .into_iter()
                    .map(|(item, write)| {
                        let note = write.then(|| "written by the demo".to_owned());
                        let what = Wish::Confirm { step: step.to_owned(), item, note };
                        Command { what, by: by("demo") }
                    })
                    .collect();
            }
            open.roles
                .into_iter()
                .take(1)
                .map(|role| Command {
                    by: by(&format!("{role} (demo)")),
                    what: Wish::Sign { step: step.to_owned(), role, accept: true, note: None },
                })
                .collect()
        }
        _ => nobody(needs(recorder)),
    }
}

impl Answers {
    fn to(
        &self,
        recorder: &Recorder,
        reason: &HoldReason,
        step: Option<&str>,
        asked: u32,
        again: Option<&str>,
        by: &Person,
    ) -> Vec<Command> {
        let Some(step) = step else {
            return match reason {
                HoldReason::Asked if asked < 2 => vec![Command { what: Wish::Go, by: by.clone() }],
                _ => nobody(needs(recorder)),
            };
        };
        match reason {
            HoldReason::Stepping if self.go.iter().any(|go| go == step) && asked < 2 => {
                vec![Command { what: Wish::Go, by: by.clone() }]
            }
            HoldReason::Irreversible if asked < 2 => match self.irreversible.get(step) {
                Some(reason) => {
                    let what = Wish::Override { step: step.to_owned(), reason: reason.clone() };
                    vec![Command { what, by: by.clone() }]
                }
                None => nobody(needs(recorder)),
            },
            HoldReason::Person => {
                let commands = self.of_people(recorder, step);
                if commands.is_empty() { nobody(needs(recorder)) } else { commands }
            }
            HoldReason::Failed
            | HoldReason::Unverified
            | HoldReason::UndoFailed
            | HoldReason::HalfApplied
            | HoldReason::Unknown => match self.failed.get(step) {
                // It was found out meanwhile: there is nothing left to rule on.
                Some(Answer::Applied(_) | Answer::NotApplied(_))
                    if recorder.look(|run| run.doubts.is_empty()) =>
                {
                    match recorder.look(crate::run::state::Run::is_holding) {
                        true => nobody(needs(recorder)),
                        false => Vec::new(),
                    }
                }
                Some(answer) if asked < 2 => vec![answer.command(recorder, step, by)],
                // It didn't fail: the word to do it, under manual stepping, is the word to go on with it.
                None if is_broken_off(recorder, reason, step) => match self.go.iter().any(|go| go == step) {
                    true if asked < 2 => vec![Command { what: Wish::Retry, by: by.clone() }],
                    true => nobody(needs(recorder)),
                    false => {
                        nobody(format!("{}; without a screen `go` of the answers names it", needs(recorder)))
                    }
                },
                // A resume is a retry of what stood: that is what people resume for. What fails after
                // that waits for somebody.
                None if again == Some(step)
                    && asked < 2
                    && !matches!(reason, HoldReason::Unknown | HoldReason::HalfApplied) =>
                {
                    vec![Command { what: Wish::Retry, by: by.clone() }]
                }
                _ => nobody(needs(recorder)),
            },
            _ => nobody(needs(recorder)),
        }
    }

    fn of_people(&self, recorder: &Recorder, step: &str) -> Vec<Command> {
        let open = open_in(recorder, step);
        let asserted = |name: &str| Person { name: name.to_owned(), how: Assurance::Asserted };
        if !open.items.is_empty() {
            let Some(confirmation) = self.confirm.get(step) else { return Vec::new() };
            let (by, notes) = match confirmation {
                Confirmation::Name(name) => (name, None),
                Confirmation::Full { by, notes } => (by, Some(notes)),
            };
            return open
                .items
                .into_iter()
                .map(|(item, _)| {
                    let note = notes.and_then(|notes| notes.get(&item).cloned());
                    let what = Wish::Confirm { step: step.to_owned(), item, note };
                    Command { what, by: asserted(by) }
                })
                .collect();
        }
        let Some(role) = open.roles.first() else { return Vec::new() };
        let Some(signature) = self.sign.get(step).and_then(|roles| roles.get(role)) else {
            return Vec::new();
        };
        let (by, accept, note) = match signature {
            Signature::Name(name) => (name, true, None),
            Signature::Full { by, accept, note } => (by, *accept, note.clone()),
        };
        let what = Wish::Sign { step: step.to_owned(), role: role.clone(), accept, note };
        vec![Command { what, by: asserted(by) }]
    }
}

impl Answer {
    fn command(&self, recorder: &Recorder, step: &str, by: &Person) -> Command {
        let step = step.to_owned();
        let rule = |applied: bool, reason: &String| {
            let unit =
                recorder.look(|run| run.doubts.first().map(|unit| unit.unit.clone()).unwrap_or_default());
            Wish::Rule { step: step.clone(), unit, applied, reason: reason.clone() }
        };
        let what = match self {
            Self::Retry => Wish::Retry,
            Self::Skip(reason) => Wish::Skip { step: step.clone(), reason: reason.clone() },
            Self::Override(reason) => Wish::Override { step: step.clone(), reason: reason.clone() },
            Self::Rollback(reason) => {
                Wish::RollBack { to: None, only: Vec::new(), procedure: None, reason: reason.clone() }
            }
            Self::End(reason) => Wish::End { reason: reason.clone() },
            Self::Applied(reason) => rule(true, reason),
            Self::NotApplied(reason) => rule(false, reason),
        };
        Command { what, by: by.clone() }
    }
}

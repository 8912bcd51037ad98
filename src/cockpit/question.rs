//! What is asked before something happens: its fields, its buttons, and where the focus begins.

use tui_textarea::TextArea;

use super::keymap::Act;
use super::people::Open;
use super::state::State;
use super::{keymap, people};
use crate::plan::model::{Action, Environment};
use crate::run::event::{Backend, BackendEnd, HoldReason};
use crate::run::outlook::Goal;

/// What a question is about. The text above its fields is made anew for every frame: figures go on
/// moving behind a question, and inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A command that wants a reason.
    Reason(Act),
    RollBack(Goal),
    Tick {
        step: String,
        item: String,
        write: bool,
    },
    Sign {
        step: String,
        role: String,
        statement: String,
        accept: String,
        decline: String,
    },
    /// Cancel the statement that runs.
    Cancel,
    /// Cancel the statement of somebody else's session, or end it: this one, whatever is selected now.
    Backend {
        backend: Backend,
        query: String,
        what: BackendEnd,
    },
    /// Go on by itself, on production.
    Auto,
    Leave,
    /// Ctrl-C.
    Interrupt,
    Help,
}

/// What must stand in a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Must {
    Any,
    Something,
    Exactly(String),
}

/// A line to type in.
#[derive(Debug)]
pub struct Field {
    pub label: &'static str,
    pub must: Must,
    pub area: TextArea<'static>,
    /// Lines that it shows; a field of more than one takes Enter as a new line.
    pub lines: u16,
}

impl Field {
    fn new(label: &'static str, must: Must, text: &str) -> Self {
        let mut area = TextArea::new(vec![text.to_owned()]);
        area.move_cursor(tui_textarea::CursorMove::End);
        Self { label, must, area, lines: 1 }
    }

    #[must_use]
    pub fn text(&self) -> String {
        self.area.lines().join(if self.lines > 1 { "\n" } else { " " }).trim().to_owned()
    }

    /// What is missing, in words.
    #[must_use]
    pub fn missing(&self) -> Option<String> {
        let text = self.text();
        match &self.must {
            Must::Any => None,
            Must::Something if text.is_empty() => Some(format!("{} is empty", self.label)),
            Must::Something => None,
            Must::Exactly(wanted) if text == *wanted => None,
            Must::Exactly(wanted) => Some(format!("{}: type {wanted}", self.label)),
        }
    }
}

/// What a button does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// Close the question; nothing happens.
    Nothing,
    Yes,
    /// The other yes: decline, hold.
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    pub label: String,
    pub does: Does,
    pub danger: bool,
}

/// What was typed into a question that was closed without an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Of which question.
    pub title: String,
    pub texts: Vec<String>,
}

/// A question that is open.
#[derive(Debug)]
pub struct Question {
    pub about: About,
    pub title: String,
    pub fields: Vec<Field>,
    /// The first one closes it.
    pub buttons: Vec<Button>,
    /// Fields first, then buttons.
    pub focus: usize,
    /// First line of the text that is shown.
    pub scroll: usize,
    /// Why the last press of a button did nothing.
    pub objection: Option<String>,
}

impl Question {
    fn new(about: About, title: impl Into<String>) -> Self {
        // What asks nothing is closed.
        // Where a yes cancels something, what closes the question has another name.
        let label = match about {
            About::Help => "Close",
            About::Cancel => "Let it run",
            About::Backend { .. } => "Leave it alone",
            _ => "Cancel",
        };
        let cancel = Button { label: label.into(), does: Does::Nothing, danger: false };
        Self {
            about,
            title: title.into(),
            fields: Vec::new(),
            buttons: vec![cancel],
            focus: 0,
            scroll: 0,
            objection: None,
        }
    }

    fn field(mut self, label: &'static str, must: Must, text: &str) -> Self {
        self.fields.push(Field::new(label, must, text));
        self
    }

    /// The field before takes several lines.
    fn tall(mut self, lines: u16) -> Self {
        self.fields.iter_mut().last().into_iter().for_each(|field| field.lines = lines);
        self
    }

    fn button(mut self, label: impl Into<String>, does: Does, danger: bool) -> Self {
        self.buttons.push(Button { label: label.into(), does, danger });
        self
    }

    /// The focus on Cancel: for what can't be taken back.
    fn on_cancel(mut self) -> Self {
        self.focus = self.fields.len();
        self
    }

    /// The field that is typed in.
    #[must_use]
    pub fn field_in_focus(&self) -> Option<usize> {
        (self.focus < self.fields.len()).then_some(self.focus)
    }

    #[must_use]
    pub fn button_in_focus(&self) -> Option<usize> {
        self.focus.checked_sub(self.fields.len())
    }

    /// Where Enter leads from a field: to the next one; behind the last to the button that says yes, which
    /// takes another Enter: whoever has typed a reason means it. Where something is still missing, there.
    #[must_use]
    pub fn after_field(&self) -> usize {
        if self.focus + 1 < self.fields.len() {
            return self.focus + 1;
        }
        if let Some(at) = self.fields.iter().position(|field| field.missing().is_some()) {
            return at;
        }
        let yes = self.buttons.iter().position(|button| button.does == Does::Yes);
        self.fields.len() + yes.unwrap_or_default()
    }

    /// What a person has typed here, to be there again when the same is asked again; a name that stands as a
    /// proof isn't kept.
    #[must_use]
    pub fn draft(&self) -> Option<Draft> {
        let kept = |field: &Field| match field.must {
            Must::Exactly(_) => String::new(),
            _ => field.area.lines().join("\n"),
        };
        let texts = self.fields.iter().map(kept).collect();
        self.has_typed().then(|| Draft { title: self.title.clone(), texts })
    }

    /// Takes what was typed before, when it was typed for this.
    pub fn take_draft(&mut self, draft: &Draft) {
        if draft.title != self.title || draft.texts.len() != self.fields.len() {
            return;
        }
        for (field, text) in self.fields.iter_mut().zip(&draft.texts).filter(|(_, text)| !text.is_empty()) {
            field.area = TextArea::new(text.split('\n').map(str::to_owned).collect());
            field.area.move_cursor(tui_textarea::CursorMove::Bottom);
            field.area.move_cursor(tui_textarea::CursorMove::End);
        }
    }

    /// The text of a field; empty when there is none.
    #[must_use]
    pub fn text(&self, field: usize) -> String {
        self.fields.get(field).map(Field::text).unwrap_or_default()
    }

    /// Whether something was typed that has to be typed. A name that stands there by itself isn't.
    #[must_use]
    pub fn has_typed(&self) -> bool {
        matches!(self.about, About::Reason(_) | About::RollBack(_))
            && self.fields.iter().any(|field| field.must != Must::Any && !field.text().is_empty())
    }

    /// The first field that isn't as it must be.
    #[must_use]
    pub fn missing(&self) -> Option<String> {
        self.fields.iter().find_map(Field::missing)
    }
}

/// The database's name, typed, where it counts.
fn on_production(state: &State, question: Question) -> Question {
    if state.plan().environment != Environment::Production {
        return question;
    }
    let name = state.run().target.as_ref().map(|target| target.database.clone()).unwrap_or_default();
    question.field("database", Must::Exactly(name), "")
}

/// Whether to roll back, how far and by which way.
pub(super) fn roll_back(state: &State, goal: Goal, reason: &str) -> Question {
    let named = |id: &String| state.plan().rollbacks.iter().find(|one| one.id == *id);
    let title = match (&goal.to, goal.procedure.as_ref().and_then(named)) {
        (Some(to), _) => format!("Roll back down to: {}", title_of(state, to)),
        (None, Some(procedure)) => format!("Roll back by: {}", procedure.title),
        (None, None) => "Roll back everything that this run applied".to_owned(),
    };
    let question = Question::new(About::RollBack(goal), title).field("reason", Must::Something, reason);
    on_production(state, question).button("Roll back", Does::Yes, true).on_cancel()
}

/// The question that a command asks first. `None`: it needs none.
#[must_use]
pub fn before(state: &State, act: Act) -> Option<Question> {
    let reason = |title: String, yes: &str, danger: bool| {
        Question::new(About::Reason(act), title).field("reason", Must::Something, "").button(
            yes,
            Does::Yes,
            danger,
        )
    };
    let turn = || {
        let held = state.run().hold().and_then(|hold| hold.step.as_deref());
        let id = held.or_else(|| state.run().next_step().map(|step| step.id.as_str()));
        id.map(|id| title_of(state, id)).unwrap_or_default()
    };
    Some(match act {
        Act::Skip => reason(format!("Leave out: {}", turn()), "Leave it out", true),
        Act::Override => match state.run().hold_reason() {
            Some(HoldReason::Irreversible) => {
                reason(format!("Go past what can't be taken back: {}", turn()), "Do it", true).on_cancel()
            }
            Some(HoldReason::UndoFailed) => {
                reason(format!("Go on although checkpoints of the undo failed: {}", turn()), "Go on", true)
            }
            _ => reason(format!("Go on although checkpoints failed: {}", turn()), "Go on", true),
        },
        Act::End => reason("End the run where it stands".into(), "End the run", true).on_cancel(),
        Act::Decline => reason("Decline to sign".into(), "Decline", true),
        Act::Rule => reason("Rule: it was applied".into(), "It was applied", true).on_cancel(),
        Act::RuleNot => reason("Rule: it was not applied".into(), "It was not applied", true).on_cancel(),
        Act::Note => {
            let on = state.looked_at().map(|step| step.title.clone()).unwrap_or_default();
            Question::new(About::Reason(act), format!("Note on: {on}"))
                .field("note", Must::Something, "")
                .tall(5)
                .button("Write it down", Does::Yes, false)
        }
        Act::RollBack => roll_back(state, Goal::default(), ""),
        Act::RollBackTo => roll_back(state, Goal::down_to(&state.looked_at()?.id), ""),
        Act::Procedure => roll_back(state, Goal::by(&state.plan().rollbacks.first()?.id), ""),
        Act::People => person(state)?,
        Act::Cancel => Question::new(About::Cancel, "Cancel the statement that runs")
            .button("Cancel the statement", Does::Yes, true)
            .on_cancel(),
        Act::CancelOther | Act::EndOther => backend(state, act)?,
        Act::Auto if !state.auto && state.plan().environment == Environment::Production => {
            let question = Question::new(About::Auto, "Go on by itself, on PRODUCTION");
            on_production(state, question).button("Go on by itself", Does::Yes, true).on_cancel()
        }
        Act::Leave if state.over.is_none() => leave(state),
        Act::Interrupt if state.over.is_none() => interrupt(state),
        Act::Help => Question::new(About::Help, "Keys").on_cancel(),
        _ => return None,
    })
}

/// The title of a step.
#[must_use]
pub fn title_of(state: &State, id: &str) -> String {
    state.find(id).map_or_else(|| id.to_owned(), |(_, step)| step.title.clone())
}

fn person(state: &State) -> Option<Question> {
    let (step, open) = people::next(state)?;
    let title = title_of(state, &step);
    Some(match open {
        Open::Item(item) => {
            let (name, write) = (item.item.clone(), item.write);
            let about = About::Tick { step, item: name, write };
            let question = Question::new(about, format!("Confirm: {title}")).field(
                "by",
                Must::Something,
                &state.last_name,
            );
            let question = if write { question.field("text", Must::Something, "") } else { question };
            let mut question = question.button("Confirm it", Does::Yes, false);
            // Where the name stands there already, a second `c` or Enter isn't to be typed into it.
            question.focus = match (write, state.last_name.trim().is_empty()) {
                (_, true) => 0,
                (true, _) => 1,
                (false, _) => question.fields.len() + 1,
            };
            question
        }
        Open::Role(role) => {
            let planned = state.find(&step).map(|(_, step)| &step.action);
            let (statement, (accept, decline)) = match planned {
                Some(Action::Signoff(signoff)) => {
                    let own = signoff.statements.iter().find(|(of, _)| of == role);
                    let text = own.map_or(&signoff.statement, |(_, text)| text);
                    (text.clone(), signoff.decision.clone())
                }
                _ => Default::default(),
            };
            let word =
                |word: &str, other: &str| if word.is_empty() { other.to_owned() } else { word.to_owned() };
            let (yes, no) = (word(&accept, "signed"), word(&decline, "declined"));
            let role = role.to_owned();
            let title = format!("Sign as {role}: {title}");
            let about = About::Sign { step, role, statement, accept: yes.clone(), decline: no.clone() };
            Question::new(about, title)
                .field("name", Must::Something, "")
                .field("note", Must::Any, "")
                .button(format!("Sign: {yes}"), Does::Yes, false)
                .button(format!("Decline: {no}"), Does::Other, true)
        }
    })
}

fn backend(state: &State, act: Act) -> Option<Question> {
    let seen = super::activity::chosen(state).ok()?;
    let (backend, query) = (seen.backend.clone(), seen.query.clone());
    let (what, title, yes) = match act {
        Act::EndOther => {
            let title = format!("End the session of pid {}", backend.pid);
            (BackendEnd::Terminate, title, "End the session")
        }
        _ => {
            let title = format!("Cancel the statement of pid {}", backend.pid);
            (BackendEnd::Cancel, title, "Cancel its statement")
        }
    };
    let question = Question::new(About::Backend { backend, query, what }, title);
    Some(on_production(state, question).button(yes, Does::Yes, true).on_cancel())
}

fn leave(state: &State) -> Question {
    let question = Question::new(About::Leave, "Leave the run");
    let holds = !state.is_moving() || !state.is_open();
    if holds {
        question.button("Leave now", Does::Yes, false).on_cancel()
    } else {
        question
            .button(
                if state.leave_when_held { "Stay after all" } else { "After this step" },
                Does::Other,
                false,
            )
            .button("Break it off now", Does::Yes, true)
            .on_cancel()
    }
}

fn interrupt(state: &State) -> Question {
    let mut question = Question::new(About::Interrupt, "Ctrl-C");
    question.buttons[0].label = "Go on".into();
    if keymap::verdict(state, Act::Hold).is_ok() && state.is_moving() {
        question = question.button("Stop after this step", Does::Other, false);
    }
    if keymap::verdict(state, Act::Cancel).is_ok() {
        question = question.button("Cancel the statement", Does::Yes, true);
    } else if !state.is_moving() {
        question = question.button("Leave the run", Does::Yes, false);
    }
    question.on_cancel()
}

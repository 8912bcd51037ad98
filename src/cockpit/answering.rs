//! The keys while a question is open, and what comes of its buttons.

use tui_textarea::{CursorMove, Input};

use super::keymap::{self, Act};
use super::message::{Effect, Key, LetGo};
use super::question::{self, About, Does, Must, Question};
use super::state::State;
use super::update::ask;
use super::{console_keys, way_back};
use crate::run::command::{Command, Wish};
use crate::run::event::{Assurance, BackendEnd, Person};
use crate::run::outlook::Goal;

/// Text longer than this isn't a reason any more.
const LONGEST: usize = 4_000;

/// After the second Ctrl-C, for so long another one is the third.
pub(super) const THIRD: std::time::Duration = std::time::Duration::from_secs(8);

/// A key.
pub fn key(state: &mut State, key: Key) -> Vec<Effect> {
    let Some(question) = &mut state.question else { return Vec::new() };
    let stops = question.fields.len() + question.buttons.len();
    let in_field = question.field_in_focus();
    // Out of a field of several lines it goes on as Enter does from one of a single line.
    if key == Key::Tab
        && let Some(field) = in_field.and_then(|at| question.fields.get(at))
        && field.lines > 1
    {
        // An empty one is no dead end.
        let next = if question.missing().is_some() { question.focus + 1 } else { question.after_field() };
        question.focus = next;
        return Vec::new();
    }
    if let Some(area) = in_field.and_then(|at| question.fields.get_mut(at)).filter(|field| field.lines > 1)
        && !matches!(key, Key::Ctrl('c') | Key::Esc | Key::Tab | Key::BackTab | Key::PageUp | Key::PageDown)
    {
        question.objection = None;
        console_keys::edit(&mut area.area, key);
        return Vec::new();
    }
    match key {
        Key::Ctrl('c') => return interrupted(state),
        Key::Esc => close(state),
        // On the buttons arrows read on: one that means to scroll doesn't come to rest on a danger.
        Key::Down if in_field.is_none() => scroll(state, 1),
        Key::Up if in_field.is_none() => scroll(state, -1),
        Key::Tab | Key::Down => question.focus = (question.focus + 1) % stops,
        Key::BackTab | Key::Up => question.focus = (question.focus + stops - 1) % stops,
        Key::PageDown => scroll(state, 8),
        Key::PageUp => scroll(state, -8),
        Key::Enter if in_field.is_some() => {
            question.focus = question.after_field();
            // It didn't lead on.
            let stays = question.field_in_focus().is_some() && question.field_in_focus() <= in_field;
            question.objection = question.missing().filter(|_| stays);
        }
        Key::Enter => return press(state),
        key => match in_field {
            Some(at) => {
                question.objection = None;
                type_in(question, at, key);
            }
            None => return on_buttons(state, key, stops),
        },
    }
    Vec::new()
}

fn on_buttons(state: &mut State, key: Key, stops: usize) -> Vec<Effect> {
    if key == Key::Char('P') && next_procedure(state) {
        return Vec::new();
    }
    let Some(question) = &mut state.question else { return Vec::new() };
    match key {
        Key::Right => question.focus = (question.focus + 1) % stops,
        Key::Left => question.focus = (question.focus + stops - 1) % stops,
        Key::Char('j') => scroll(state, 1),
        Key::Char('k') => scroll(state, -1),
        Key::Char(' ') => scroll(state, 8),
        Key::Char('q' | '?') if question.about == About::Help => state.question = None,
        // Nobody types into nothing.
        Key::Char(_) => question.objection = question.missing().map(|what| format!("{what}: Tab goes there")),
        _ => {}
    }
    Vec::new()
}

/// The question about the plan's next way back, with the reason that was typed already.
fn next_procedure(state: &mut State) -> bool {
    let Some(question) = &state.question else { return false };
    let About::RollBack(Goal { procedure: Some(id), .. }) = &question.about else { return false };
    let all = &state.plan().rollbacks;
    let at = all.iter().position(|one| one.id == *id).map_or(0, |at| (at + 1) % all.len());
    let (goal, reason) = (Goal::by(&all[at].id), question.text(0));
    state.question = Some(question::roll_back(state, goal, &reason));
    true
}

pub(super) fn scroll(state: &mut State, by: isize) {
    let last = state.question_extent.last();
    if let Some(question) = &mut state.question {
        question.scroll = question.scroll.saturating_add_signed(by).min(last);
    }
}

fn type_in(question: &mut Question, field: usize, key: Key) {
    let Some(field) = question.fields.get_mut(field) else { return };
    let area = &mut field.area;
    let plain = |key| Input { key, ctrl: false, alt: false, shift: false };
    match key {
        Key::Char(c) if field_len(area) < LONGEST && !crate::text::scrub::is_unsafe(c) => area.insert_char(c),
        Key::Left => area.move_cursor(CursorMove::Back),
        Key::Right => area.move_cursor(CursorMove::Forward),
        Key::Home | Key::Ctrl('a') => area.move_cursor(CursorMove::Head),
        Key::End | Key::Ctrl('e') => area.move_cursor(CursorMove::End),
        Key::Backspace => drop(area.input(plain(tui_textarea::Key::Backspace))),
        Key::Delete => drop(area.input(plain(tui_textarea::Key::Delete))),
        Key::Ctrl('w') => drop(area.delete_word()),
        Key::Ctrl('u') => drop(area.delete_line_by_head()),
        _ => {}
    }
}

fn field_len(area: &tui_textarea::TextArea<'_>) -> usize {
    area.lines().iter().map(String::len).sum()
}

/// Pasted text goes into the field as one line. What has to be typed isn't pasted.
pub fn paste(state: &mut State, text: &str) {
    let Some(question) = &mut state.question else { return };
    let Some(field) = question.field_in_focus().and_then(|at| question.fields.get_mut(at)) else { return };
    if matches!(field.must, Must::Exactly(_)) {
        question.objection = Some(format!("{}: type it, letter by letter", field.label));
        return;
    }
    if field.lines > 1 {
        return console_keys::insert(&mut field.area, text);
    }
    let text = crate::text::scrub::line(text.trim()).into_owned();
    let room = LONGEST.saturating_sub(field_len(&field.area));
    field.area.insert_str(text.chars().take(room).collect::<String>());
}

/// Closes the question without an answer. What was typed is there again when the same is asked again.
fn close(state: &mut State) {
    let Some(question) = state.question.take() else { return };
    if let Some(draft) = question.draft() {
        state.draft = Some(draft);
        state.toast("cancelled: nothing was done; what was typed is there when you ask again", false);
    }
}

/// Ctrl-C while a question is open: the second cancels, the third lets go; on any other question it
/// closes that.
fn interrupted(state: &mut State) -> Vec<Effect> {
    if state.question.as_ref().is_some_and(|question| question.about != About::Interrupt) {
        close(state);
        return Vec::new();
    }
    state.question = None;
    if keymap::verdict(state, Act::Cancel).is_ok() && state.asked.is_none() {
        let effects = ask(state, Act::Cancel, Wish::Cancel);
        // The third is heard as such: while the question stays open, and when the cancel was quicker.
        state.interrupted = Some(state.now + THIRD);
        state.question = question::before(state, Act::Interrupt);
        return effects;
    }
    detach(state, LetGo::CtrlC)
}

/// The third Ctrl-C, when the statement was cancelled and the run waits before it came.
pub(super) fn third(state: &mut State) -> Option<Vec<Effect>> {
    let in_time = state.interrupted.take().is_some_and(|until| state.now < until);
    if !in_time || state.over.is_some() {
        return None;
    }
    if state.is_open() && state.run().is_holding() {
        state.leave_when_held = true;
        let why = left_by(state);
        return Some(ask(state, Act::Leave, Wish::Leave { why }));
    }
    Some(detach(state, LetGo::CtrlC))
}

fn detach(state: &mut State, why: LetGo) -> Vec<Effect> {
    state.leave_when_held = true;
    state.toast("lets go of the run at the next safe point", false);
    if state.over.is_some() { vec![Effect::Close] } else { vec![Effect::Detach(why)] }
}

/// A click on a button. One that can't be taken back is only selected by it; the second click presses.
pub fn clicked(state: &mut State, at: usize) -> Vec<Effect> {
    let Some(question) = &mut state.question else { return Vec::new() };
    let focus = question.fields.len() + at;
    let danger = question.buttons.get(at).is_some_and(|button| button.danger);
    if danger && question.focus != focus {
        question.focus = focus;
        return Vec::new();
    }
    question.focus = focus;
    press(state)
}

/// The button in focus.
fn press(state: &mut State) -> Vec<Effect> {
    let Some(question) = &mut state.question else { return Vec::new() };
    let Some(button) = question.button_in_focus().and_then(|at| question.buttons.get(at)) else {
        return Vec::new();
    };
    let does = button.does;
    if does == Does::Nothing {
        close(state);
        return Vec::new();
    }
    if let Some(missing) = question.missing() {
        question.objection = Some(missing);
        // What is typed next goes where it is missing.
        let at = question.fields.iter().position(|field| field.missing().is_some());
        question.focus = at.unwrap_or(question.focus);
        return Vec::new();
    }
    // The world may have changed since the question was opened; nobody else decides.
    if let Err(why) = still_allowed(state) {
        if let Some(question) = &mut state.question {
            question.objection = Some(why);
        }
        return Vec::new();
    }
    let Some(question) = state.question.take() else { return Vec::new() };
    state.draft = None;
    answered(state, &question, does)
}

fn still_allowed(state: &State) -> Result<(), String> {
    let Some(question) = &state.question else { return Ok(()) };
    let act = match &question.about {
        About::Reason(act) => *act,
        About::RollBack(goal) if *goal == Goal::default() => Act::RollBack,
        About::RollBack(goal) => {
            way_back::steps(state, goal)?;
            let command = Command { what: goal.wish(question.text(0)), by: keymap::driver(state) };
            return crate::run::gate::judge(state.run(), &command).map_err(|refused| refused.0);
        }
        About::Backend { backend, what, .. } => {
            super::activity::still_there(state, backend)?;
            let what = Wish::EndBackend { backend: backend.clone(), what: *what };
            let command = Command { what, by: keymap::driver(state) };
            return crate::run::gate::judge(state.run(), &command).map_err(|refused| refused.0);
        }
        About::Tick { .. } | About::Sign { .. } => Act::People,
        About::Cancel => Act::Cancel,
        About::Auto => Act::Auto,
        About::Leave | About::Interrupt | About::Help => return Ok(()),
    };
    keymap::verdict(state, act)
}

fn answered(state: &mut State, question: &Question, does: Does) -> Vec<Effect> {
    let typed = |name: String| Person { name, how: Assurance::Typed };
    match &question.about {
        About::Reason(act) => match keymap::wish(state, *act, &question.text(0)) {
            Some(wish) => ask(state, *act, wish),
            None => Vec::new(),
        },
        About::RollBack(goal) => {
            let wish = goal.wish(question.text(0));
            state.auto = false;
            ask(state, Act::RollBack, wish)
        }
        About::Tick { step, item, write } => {
            state.last_name = question.text(0);
            let note = write.then(|| question.text(1));
            let what = Wish::Confirm { step: step.clone(), item: item.clone(), note };
            send(state, "confirm", Command { what, by: typed(question.text(0)) })
        }
        About::Sign { step, role, .. } => {
            let note = Some(question.text(1)).filter(|note| !note.is_empty());
            let accept = does == Does::Yes;
            let what = Wish::Sign { step: step.clone(), role: role.clone(), accept, note };
            send(state, "sign", Command { what, by: typed(question.text(0)) })
        }
        About::Cancel => ask(state, Act::Cancel, Wish::Cancel),
        About::Backend { backend, what, .. } => {
            let act = if *what == BackendEnd::Terminate { Act::EndOther } else { Act::CancelOther };
            ask(state, act, Wish::EndBackend { backend: backend.clone(), what: *what })
        }
        About::Auto => super::update::set_auto(state, true),
        About::Leave | About::Interrupt if state.over.is_some() => vec![Effect::Close],
        About::Leave => leave(state, does),
        About::Interrupt => match does {
            Does::Other => ask(state, Act::Hold, Wish::Hold),
            _ if keymap::verdict(state, Act::Cancel).is_ok() => ask(state, Act::Cancel, Wish::Cancel),
            _ => leave(state, Does::Yes),
        },
        About::Help => Vec::new(),
    }
}

fn leave(state: &mut State, does: Does) -> Vec<Effect> {
    if does == Does::Other && state.leave_when_held {
        state.leave_when_held = false;
        state.toast("stays: the run isn't left when this step is over, it holds", false);
        return Vec::new();
    }
    if does == Does::Other {
        state.leave_when_held = true;
        state.toast("the run is left when this step is over", false);
        return ask(state, Act::Hold, Wish::Hold);
    }
    if state.is_open() && state.run().is_holding() {
        state.leave_when_held = true;
        return ask(state, Act::Leave, Wish::Leave { why: left_by(state) });
    }
    detach(state, LetGo::Left)
}

/// Why the run was left, for the journal.
#[must_use]
pub fn left_by(state: &State) -> String {
    let needs = state.run().hold().map(|hold| format!(" while it waited: {}", hold.needs));
    format!("{} left the cockpit{}", state.setting.operator.os_user, needs.unwrap_or_default())
}

fn send(state: &mut State, word: &'static str, command: Command) -> Vec<Effect> {
    super::update::send(state, word, command)
}

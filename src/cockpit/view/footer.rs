//! The lines at the bottom: a word, the keys, and the button that is always there.

use ratatui::layout::Rect;

use super::asked_back::losing;
use super::paper::{Paper, Row, inset, wrapped};
use super::{console, header};
use crate::cockpit::keymap::{self, Act, Entry, ROLL_BACK};
use crate::cockpit::lock_wait::lock_wait;
use crate::cockpit::mouse::Hit;
use crate::cockpit::people::{Open, next};
use crate::cockpit::state::State;
use crate::cockpit::theme::Role;
use crate::cockpit::way_back;
use crate::run::event::HoldReason;
use crate::run::outlook::Goal;
use crate::run::state::RunState;
use crate::text::columns::width;
use crate::text::words::took;

/// So many lines it takes.
pub fn height(state: &State, area: Rect) -> u16 {
    let rows = told(state, usize::from(inset(area).width)).len();
    u16::try_from(rows).unwrap_or_default().saturating_add(1)
}

pub fn draw(state: &State, paper: &mut Paper<'_>, area: Rect) {
    let inner = inset(area);
    paper.rows(inner, &told(state, usize::from(inner.width)));
    let keys = inner.height.saturating_sub(1);
    let inner = Rect { y: inner.y.saturating_add(keys), height: inner.height.min(1), ..inner };
    // Half of the line; where that is less than its shortest reason, as much as that.
    let (button, role) = button(state, usize::from((inner.width / 2).max(34)));
    let wide = u16::try_from(width(&button)).unwrap_or_default().min(inner.width);
    let at = Rect { x: inner.right() - wide, width: wide, ..inner };
    paper.row(at, 0, &Row::of(role, &button));
    paper.hit(at, Hit::Act(Act::RollBack));
    let left = Rect { width: inner.width.saturating_sub(wide + 2), ..inner };
    if state.console.open {
        // There the keys are letters.
        paper.row(left, 0, &console::hints(state, usize::from(left.width)));
        return;
    }
    let (row, places) = hints(state, usize::from(left.width));
    paper.row(left, 0, &row);
    for (act, from, to) in places {
        let place = |columns: usize| u16::try_from(columns).unwrap_or(u16::MAX);
        let x = left.x.saturating_add(place(from));
        let area = Rect { x, width: place(to - from), ..left };
        paper.hit(area.intersection(left), Hit::Act(act));
    }
}

/// The word. One that was asked for by a key is read whole: it takes the lines that it needs.
fn told(state: &State, columns: usize) -> Vec<Row> {
    const MOST: usize = 4;
    let word = word(state);
    let toast = state.toast.as_ref().filter(|_| state.filtering.is_none() && word.width() > columns);
    let Some(toast) = toast else { return vec![word.cut(columns)] };
    let role = if toast.bad { Role::Warn } else { Role::Active };
    wrapped(role, "", &toast.text, columns, MOST)
}

fn word(state: &State) -> Row {
    if let Some(place) = state.filtering {
        let words = state.filters.get(&place).map(String::as_str).unwrap_or_default();
        return Row::of(Role::Key, format!("{} /", place.name()))
            .add(Role::Strong, words)
            .add(Role::ButtonFocus, " ")
            .add(Role::Dim, "   Enter keeps it · Esc or no words take it away");
    }
    if let Some(toast) = &state.toast {
        return Row::of(if toast.bad { Role::Warn } else { Role::Active }, &toast.text);
    }
    if let Some((_, word)) = &state.asked {
        return Row::of(Role::Dim, format!("{word}: asked, not answered yet"));
    }
    // The line for that says who is in the way.
    if state.run().hold_asked && lock_wait(state).is_some() {
        return header::after_this_step(state);
    }
    // What the plan says to do stands where the eye is when something failed. Before a step it is what
    // its way back is, as read by us.
    let hold = state.run().hold().filter(|_| state.over.is_none());
    match hold.and_then(|hold| Some((&hold.reason, hold.hint.as_ref()?))) {
        Some((HoldReason::Stepping, hint)) => Row::of(Role::Dim, hint),
        Some((_, hint)) => Row::of(Role::Dim, "the plan says: ").add(Role::Text, hint),
        None => Row::new(),
    }
}

/// The button: what it would undo, how long that took when it was rehearsed, and what it can't give
/// back; or why it can't be pressed. The longest of its forms that fits.
fn button(state: &State, most: usize) -> (String, Role) {
    let (cap, word) = (ROLL_BACK.cap, ROLL_BACK.word);
    let run = state.run();
    let nothing = run.applied_order.is_empty();
    let (forms, role) = match keymap::verdict(state, Act::RollBack) {
        Ok(()) => {
            let words = way_back::words(state, &Goal::default());
            let known = known(state);
            let with = |known: &[String]| format!(" {cap} {word} {words}{} ", known.concat());
            let forms = (0..=known.len()).rev().map(|few| with(&known[..few])).collect();
            (forms, Role::Danger)
        }
        Err(_) if nothing => (vec![format!(" {cap} {word}: nothing applied ")], Role::DangerOff),
        Err(why) => {
            // What is over can still be taken back, from outside.
            let later = (run.is_ended() && why.contains("holdpoint")).then_some("Q, then holdpoint rollback");
            let forms = [Some(why.as_str()), later, Some(in_short(state))].into_iter().flatten();
            (forms.map(|why| format!(" {cap} {word}: {why} ")).collect(), Role::DangerOff)
        }
    };
    let fits = forms.into_iter().find(|form| width(form) <= most);
    (fits.unwrap_or_else(|| format!(" {cap} {word} ")), role)
}

/// The same reason where there is no room for all of it; the gate's own words come with the key.
fn in_short(state: &State) -> &'static str {
    let run = state.run();
    match () {
        () if state.locked => "keys are locked",
        () if run.is_ended() => "the run is over",
        () if state.over.is_some() => "the run is left",
        () if !state.is_open() => "not open yet",
        () if state.signal.is_some() => "the run stops",
        () if run.goes_back() || run.is_to_go_back() => "it is on its way",
        () if matches!(run.state, RunState::InDoubt(_)) => "in doubt",
        () if !run.is_holding() => "a step runs",
        () => "not now",
    }
}

/// What is known of a rollback of everything, most important first.
fn known(state: &State) -> Vec<String> {
    let all_of_it = Goal::default();
    let Ok(all) = way_back::steps(state, &all_of_it) else { return Vec::new() };
    let Some(outlook) = way_back::outlook(state, &all_of_it, &all) else { return Vec::new() };
    let failed = outlook.course.rehearsed.as_ref().is_some_and(|rehearsed| !rehearsed.passed);
    let time = match way_back::estimate(outlook) {
        _ if failed => " · its rehearsal failed".to_owned(),
        Some((ms, true)) => format!(" · {}", took(ms)),
        Some((ms, false)) => format!(" · {} or more", took(ms)),
        None => " · never rehearsed".to_owned(),
    };
    let loses = match losing(outlook) {
        0 => String::new(),
        1 => " · 1 loses data".to_owned(),
        n => format!(" · {n} lose data"),
    };
    [loses, time].into_iter().filter(|part| !part.is_empty()).collect()
}

/// The row, and which columns of it are which command's.
fn hints(state: &State, columns: usize) -> (Row, Vec<(Act, usize, usize)>) {
    let (mut row, mut places) = (Row::new(), Vec::new());
    for entry in fitting(state, columns + 3, 4) {
        let hint = Row::of(Role::Key, entry.cap).add(Role::Text, format!(" {}   ", hint_word(state, entry)));
        let from = row.width();
        row = row.join(hint);
        places.push((entry.act, from, row.width() - 3));
    }
    (row, places)
}

/// What stands beside the key.
fn hint_word(state: &State, entry: &Entry) -> &'static str {
    match entry.act {
        Act::Auto if state.auto => "auto off",
        Act::People if matches!(next(state), Some((_, Open::Role(_)))) => "sign",
        Act::Leave if state.over.is_some() => "leave the screen",
        Act::Lock if state.locked => "unlock",
        _ => entry.word,
    }
}

/// The keys that do something now and have room, each `around` columns wider than its key and word, in their
/// order: what matters most gets its place first. A hint that is cut would say the wrong thing; help and
/// palette have all keys, and why some do nothing.
pub fn fitting(state: &State, columns: usize, around: usize) -> Vec<&'static Entry> {
    let all: Vec<&Entry> = keymap::hints(state)
        .into_iter()
        .filter(|(_, verdict)| verdict.is_ok())
        .map(|(entry, _)| entry)
        .collect();
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|at| keymap::weight(all[*at].act));
    let (mut left, mut chosen) = (columns, Vec::new());
    for at in order {
        let wide = width(all[at].cap) + width(hint_word(state, all[at])) + around;
        if wide <= left {
            left -= wide;
            chosen.push(at);
        }
    }
    all.into_iter().enumerate().filter(|(at, _)| chosen.contains(at)).map(|(_, hint)| hint).collect()
}

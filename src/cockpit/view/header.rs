//! The four lines at the top: what is run where, how it stands, how far it is, and what it waits for.

use ratatui::layout::Rect;

use super::paper::{Paper, Row, inset};
use crate::cockpit::clock;
use crate::cockpit::lock_wait::lock_wait;
use crate::cockpit::people::{Open, next};
use crate::cockpit::progress::{Progress, progress};
use crate::cockpit::question::title_of;
use crate::cockpit::state::State;
use crate::cockpit::theme::Role;
use crate::plan::model::Environment;
use crate::run::event::{Ending, HoldReason, Mode};
use crate::run::state::{RunState, StepState};
use crate::text::columns::width;
use crate::text::words::took;

pub fn draw(state: &State, paper: &mut Paper<'_>, area: Rect) {
    let inner = inset(area);
    title(state, paper, inner);
    let far = progress(state);
    paper.row(inner, 1, &standing(state, far, usize::from(inner.width)));
    paper.row(inner, 2, &bar(state, far, usize::from(inner.width)));
    let columns = usize::from(inner.width);
    paper.row(inner, 3, &banner(state, columns).cut(columns));
}

/// The environment, as it stands in its badge.
pub fn badge(environment: Environment) -> &'static str {
    match environment {
        Environment::Dev => " DEV ",
        Environment::Staging => " STAGING ",
        Environment::Production => " PRODUCTION ",
    }
}

fn title(state: &State, paper: &mut Paper<'_>, area: Rect) {
    let columns = usize::from(area.width);
    let server = match state.run().target.as_ref() {
        Some(target) => {
            let version = target.server_version.split(' ').next().unwrap_or_default();
            let host = if target.host.starts_with('/') { "local" } else { target.host.as_str() };
            format!("{}@{host}/{}  PG {version}", target.user, target.database)
        }
        None => state.setting.target.clone(),
    };
    let environment = state.plan().environment;
    let badge = badge(environment);
    let demo = if state.setting.mode == Mode::Demo { " demo" } else { "" };
    let clock = Row::of(Role::Strong, clock::time(state));
    let named = Row::of(Role::Text, "holdpoint  ").add(Role::Title, &state.plan().title);
    let fits = |right: &Row| named.width() + badge.len() + demo.len() + right.width() + 6 <= columns;
    let full = Row::of(Role::Dim, &server).add(Role::Text, "  ").join(clock.clone());
    let right = if fits(&full) || columns >= 100 { full.cut(columns / 2) } else { clock };
    let room = columns.saturating_sub(right.width() + badge.len() + demo.len() + 4);
    let left = Row::of(Role::Key, "holdpoint").add(Role::Text, "  ").add(Role::Title, &state.plan().title);
    let left = left.cut(room);
    paper.row(area, 0, &left.clone().right(columns, right));
    let wide = u16::try_from(width(badge)).unwrap_or_default();
    let x = area.x + u16::try_from(left.width() + 2).unwrap_or_default();
    let at = Rect { x, width: wide + 6, height: 1, ..area }.intersection(area);
    if at.width >= wide && !at.is_empty() {
        let style = paper.theme.badge(environment);
        paper.buf.set_stringn(x, at.y, badge, usize::from(wide), style);
        paper.row(Rect { x: x + wide, width: at.width - wide, ..at }, 0, &Row::of(Role::Dim, demo));
    }
}

/// The state in a word, its sign and its colour.
pub fn word(state: &State) -> (char, &'static str, Role) {
    if let (Some(over), false) = (&state.over, state.run().is_ended()) {
        return if over.good { ('◆', "LEFT", Role::Hold) } else { ('✗', "STOPPED", Role::Bad) };
    }
    match &state.run().state {
        _ if !state.is_open() && state.over.is_none() => ('▶', "OPENING", Role::Active),
        RunState::Opening => ('▶', "OPENING", Role::Active),
        // Nothing goes on, whichever way the run goes, and whoever looks has to see that first.
        RunState::Running | RunState::RollingBack if lock_wait(state).is_some() => {
            ('▷', "WAITS FOR A LOCK", Role::Warn)
        }
        // Asked for, and not begun: what it will run is read, what would be lost is counted.
        RunState::Running | RunState::Holding(_) if state.run().is_to_go_back() => {
            ('◀', "ROLLING BACK", Role::Back)
        }
        RunState::Running => ('▶', "RUNNING", Role::Active),
        RunState::Holding(hold) => match hold.reason {
            HoldReason::Failed if held_by(state).is_some_and(|step| step.problem.is_none()) => {
                ('◆', "BROKEN OFF", Role::Hold)
            }
            HoldReason::Failed | HoldReason::HalfApplied => ('✗', "FAILED", Role::Bad),
            HoldReason::Unverified => ('≠', "CHECKPOINT FAILED", Role::Bad),
            HoldReason::UndoFailed => ('✗', "UNDO FAILED", Role::Bad),
            HoldReason::Unknown => ('?', "IN DOUBT", Role::Bad),
            HoldReason::Breached => ('✗', "WATCH BREACHED", Role::Bad),
            HoldReason::LockLost => ('✗', "LOCK LOST", Role::Bad),
            HoldReason::Irreversible => ('◆', "NO WAY BACK FROM HERE", Role::Warn),
            _ => ('◆', "HOLDS", Role::Hold),
        },
        RunState::InDoubt(_) => ('?', "IN DOUBT", Role::Bad),
        RunState::RollingBack => ('◀', "ROLLING BACK", Role::Back),
        RunState::Ended(Ending::Done, 0) => ('✓', "DONE", Role::Good),
        RunState::Ended(Ending::Done, _) => ('!', "DONE, A PART MAY STAY", Role::Warn),
        RunState::Ended(Ending::RolledBack { clean: true }, _) => ('✓', "ROLLED BACK", Role::Good),
        RunState::Ended(Ending::RolledBack { clean: false }, _)
            if state.run().only_what_was_decided_stays() =>
        {
            ('!', "ROLLED BACK, A PART STAYS", Role::Warn)
        }
        RunState::Ended(Ending::RolledBack { clean: false }, _) => ('!', "ROLLED BACK, RESIDUE", Role::Warn),
        RunState::Ended(Ending::Stopped { .. }, _) => ('✗', "ENDED", Role::Bad),
        RunState::Ended(Ending::Refused { .. }, _) => ('✗', "REFUSED", Role::Bad),
    }
}

/// The step that the run waits for.
fn held_by(state: &State) -> Option<&StepState> {
    state.run().step(state.run().hold()?.step.as_deref()?)
}

fn standing(state: &State, far: Progress, columns: usize) -> Row {
    let (sign, word, role) = word(state);
    let right = if state.auto { Row::of(Role::Active, "auto  ") } else { Row::new() };
    let right = match (&state.over, &state.signal) {
        (Some(_), _) => right.add(Role::Dim, "nobody drives"),
        (_, Some(signal)) => right.add(Role::Warn, format!("{signal}: stops")),
        _ if state.locked => right.add(Role::Warn, "keys locked"),
        _ => right.add(Role::Dim, "you drive"),
    };
    let right = company(state, right);
    let mut row = Row::of(role, format!("{sign} {word}"));
    let mut parts = Vec::new();
    if state.is_open() {
        parts.push(Row::of(Role::Text, far.words()));
    }
    if let Some(ms) = clock::elapsed_ms(state) {
        parts.push(Row::of(Role::Dim, "elapsed ").add(Role::Text, whole_seconds(ms)));
    }
    let window = clock::window(state);
    let planned = clock::against_plan(state).map(|words| {
        let late = words.contains('+');
        Row::of(if late { Role::Warn } else { Role::Dim }, words)
    });
    let little = window.as_ref().is_some_and(|(_, little)| *little);
    let window = window.map(|(words, _)| Row::of(if little { Role::Warn } else { Role::Dim }, words));
    // A window that is about to close must be seen where there isn't room for both.
    parts.extend(if little { [window, planned] } else { [planned, window] }.into_iter().flatten());
    // What doesn't fit whole isn't shown: half a time is a wrong one.
    for (at, part) in parts.into_iter().enumerate() {
        let between = if at == 0 { "  " } else { " · " };
        if row.width() + width(between) + part.width() + right.width() < columns {
            row = row.add(Role::Dim, between).join(part);
        }
    }
    row.right(columns, right)
}

/// Who else is there. That somebody else's keys count too is worth a second look.
fn company(state: &State, mut row: Row) -> Row {
    let Some(company) = state.company else { return row };
    if company.drive > 1 {
        row = row.add(Role::Warn, format!(" · {} more can", company.drive - 1));
    }
    if company.watch > 0 {
        row = row.add(Role::Dim, " · ").add(Role::Text, format!("{} watch", company.watch));
    }
    row
}

/// A clock that doesn't jitter.
pub fn whole_seconds(ms: u64) -> String {
    let s = ms / 1000;
    if s < 60 { format!("{s} s") } else { took(ms) }
}

fn bar(state: &State, far: Progress, columns: usize) -> Row {
    let percent = far.percent(state.run().is_ended());
    // Which way it goes is said, too: the same figure means the opposite.
    let words = match far {
        Progress::Forward { .. } => format!(" {percent:>3} %"),
        Progress::Back { .. } => format!(" {percent:>3} % back"),
    };
    let columns = columns.saturating_sub(width(&words));
    let full = (columns * percent / 100).min(columns);
    let role = word(state).2;
    let head = if full > 0 && full < columns { "╸" } else { "" };
    Row::of(role, "━".repeat(full.saturating_sub(head.chars().count())))
        .add(role, head)
        .add(Role::Border, "─".repeat(columns - full))
        .add(Role::Dim, words)
}

/// What is going on, or what is waited for, in one line.
pub fn banner(state: &State, columns: usize) -> Row {
    if let Some(over) = &state.over {
        let role = if over.good { Role::Strong } else { Role::Bad };
        return key("Q", "leaves the screen").join(Row::of(role, &over.words));
    }
    if !state.is_open() {
        let stage = state.stages.last().map_or("connecting", String::as_str);
        return Row::of(Role::Active, format!("{stage} …"));
    }
    let run = state.run();
    if let RunState::InDoubt(unit) = &run.state {
        let words = format!("nobody knows whether {} was applied", unit.words());
        return key("w", "it was").join(key("W", "it was not")).join(Row::of(Role::Bad, words));
    }
    if run.is_to_go_back() {
        return Row::of(Role::Back, "what it will run is read, and what would be lost is counted …");
    }
    let Some(hold) = run.hold() else {
        return match run.hold_asked {
            true if lock_wait(state).is_none() => after_this_step(state),
            _ => doing(state, columns),
        };
    };
    let needs = Row::of(Role::Hold, &hold.needs);
    match hold.reason {
        HoldReason::Stepping => key("Enter", "does it").join(needs),
        HoldReason::Person => match next(state) {
            Some((_, Open::Item(item))) => key("c", "confirms").join(Row::of(Role::Hold, &item.item)),
            Some((_, Open::Role(role))) => key("c", &format!("signs as {role}")).join(needs),
            None => key("r", "looks again").join(needs),
        },
        HoldReason::Asked | HoldReason::RolledBackTo | HoldReason::Breached => {
            key("Enter", "goes on").join(needs)
        }
        HoldReason::Irreversible => key("o", "goes past it").join(needs),
        _ => Row::of(Role::Bad, &hold.needs),
    }
}

/// What was asked for, for when the step is over.
pub fn after_this_step(state: &State) -> Row {
    match state.leave_when_held {
        true => key("Q", "takes it back").join(Row::of(Role::Hold, "the run will be left after this step")),
        false => Row::of(Role::Hold, "will hold after this step"),
    }
}

fn doing(state: &State, columns: usize) -> Row {
    let Some(step) = state.run().current_step() else { return Row::new() };
    // Who is in the way is all that matters while somebody is.
    if let Some(wait) = lock_wait(state) {
        return Row::of(Role::Warn, wait.words(columns));
    }
    let row = Row::of(Role::Dim, title_of(state, &step.id));
    match (&state.doing, state.statement()) {
        (Some(doing), Some((number, _))) => {
            row.add(Role::Dim, format!(" · statement {number}, line {}", doing.line))
        }
        _ => row,
    }
}

fn key(key: &str, word: &str) -> Row {
    Row::of(Role::Key, key).add(Role::Text, format!(" {word}   "))
}

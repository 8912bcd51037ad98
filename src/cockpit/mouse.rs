//! The mouse: what lies under it in the last frame, and what a click there does. Only when it was asked
//! for: a program that takes the mouse takes the selection of text away.

use super::answering;
use super::console::Part;
use super::keymap::Act;
use super::message::Effect;
use super::palette;
use super::state::{Focus, Spot, State, Tab};
use super::{keys, update};

/// What lies somewhere on the screen. Later ones lie above earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hit {
    Timeline,
    Row(Spot),
    Detail,
    Tab(Tab),
    Act(Act),
    Question,
    Field(usize),
    Button(usize),
    Palette,
    /// A line of the palette.
    Command(usize),
    Query,
    Result,
    Cell(usize, usize),
}

/// A rectangle with what lies in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub x: u16,
    pub y: u16,
    pub width: u16,
    pub height: u16,
    pub hit: Hit,
}

/// What was done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mouse {
    Click,
    WheelUp,
    WheelDown,
}

/// Lines that the wheel moves.
const WHEEL: isize = 3;

/// A click or a turn of the wheel there.
pub fn mouse(state: &mut State, what: Mouse, column: u16, row: u16) -> Vec<Effect> {
    if !state.mouse {
        return Vec::new();
    }
    let Some(hit) = under(state, column, row) else { return Vec::new() };
    match what {
        Mouse::Click => click(state, hit),
        Mouse::WheelUp => wheel(state, hit, -WHEEL),
        Mouse::WheelDown => wheel(state, hit, WHEEL),
    }
}

/// What lies there and can be reached: what is open above it has to be closed first.
fn under(state: &State, column: u16, row: u16) -> Option<Hit> {
    let inside = |place: &&Place| {
        (place.x..place.x.saturating_add(place.width)).contains(&column)
            && (place.y..place.y.saturating_add(place.height)).contains(&row)
    };
    let hit = state.hits.iter().rev().find(inside)?.hit;
    let asked = matches!(hit, Hit::Question | Hit::Field(_) | Hit::Button(_));
    let listed = matches!(hit, Hit::Palette | Hit::Command(_));
    let reached = if state.question.is_some() {
        asked
    } else if state.palette.is_some() {
        listed
    } else {
        !asked && !listed
    };
    reached.then_some(hit)
}

fn click(state: &mut State, hit: Hit) -> Vec<Effect> {
    match hit {
        Hit::Row(spot) => {
            state.focus = Focus::Timeline;
            // A phase that is selected already folds, and unfolds.
            if state.selected == spot && spot.step.is_none() {
                let folded = !state.folded.contains(&spot.phase);
                keys::fold(state, folded);
            } else {
                state.follow = false;
                update::select(state, spot);
            }
        }
        Hit::Timeline => state.focus = Focus::Timeline,
        Hit::Detail => state.focus = Focus::Detail,
        Hit::Tab(tab) => {
            state.tab = tab;
            state.focus = Focus::Detail;
        }
        Hit::Act(act) => return keys::command(state, act),
        Hit::Field(at) => {
            if let Some(question) = &mut state.question {
                question.focus = at;
            }
        }
        Hit::Button(at) => return answering::clicked(state, at),
        Hit::Command(at) => {
            if let Some(palette) = &mut state.palette {
                palette.at = at;
            }
            return palette::chosen(state);
        }
        Hit::Query => state.console.part = Part::Query,
        Hit::Cell(row, column) => {
            state.console.part = Part::Result;
            (state.console.row, state.console.column) = (row, column);
        }
        Hit::Question | Hit::Palette | Hit::Result => {}
    }
    Vec::new()
}

fn wheel(state: &mut State, hit: Hit, by: isize) -> Vec<Effect> {
    match hit {
        Hit::Timeline | Hit::Row(_) => keys::walk(state, by),
        Hit::Detail | Hit::Tab(_) => keys::scroll(state, by),
        Hit::Question | Hit::Field(_) | Hit::Button(_) => answering::scroll(state, by),
        Hit::Palette | Hit::Command(_) => {
            let last = palette::found(state).len().saturating_sub(1);
            if let Some(palette) = &mut state.palette {
                palette.at = palette.at.saturating_add_signed(by.signum()).min(last);
            }
        }
        Hit::Result | Hit::Cell(..) | Hit::Query => state.console.go(by, 0),
        Hit::Act(_) => {}
    }
    Vec::new()
}

//! What is watched while a phase runs: the last sample of each watch, and whether it is breached.

use super::paper::{Row, clean};
use crate::cockpit::state::State;
use crate::cockpit::theme::Role;
use crate::run::sample::Reading;
use crate::text::columns::pad_left;
use crate::text::words::took;

/// Two rows for each, under a head; nothing while nothing is watched.
pub fn rows(state: &State, columns: usize) -> Vec<Row> {
    if state.readings.is_empty() {
        return Vec::new();
    }
    let mut rows = vec![Row::of(Role::Dim, "watched")];
    rows.extend(state.readings.values().flat_map(|reading| one(state, reading, columns)));
    rows
}

/// Somebody has to know of it, whatever is looked at.
pub fn is_breached(state: &State) -> bool {
    state.readings.values().any(|reading| reading.breached)
}

/// Which it is and how it stands, and below it what came.
fn one(state: &State, reading: &Reading, columns: usize) -> Vec<Row> {
    let (sign, role) = match (reading.holds, reading.breached) {
        (true, _) => ("✓ ", Role::Good),
        (false, false) => ("! ", Role::Warn),
        (false, true) => ("✗ ", Role::Bad),
    };
    let ago = state.now.duration_since(reading.at).as_millis();
    let ago = format!("{} ago", took(u64::try_from(ago).unwrap_or_default()));
    let right = Row::of(role, if reading.breached { "BREACHED  " } else { "" })
        .add(Role::Dim, if columns >= 60 { pad_left(&ago, 12) } else { String::new() });
    let mut rows = vec![Row::of(role, sign).add(Role::Text, &reading.title).right(columns, right)];
    // What came first: of a long expectation only the end is cut off.
    let got = Row::of(Role::Dim, "    got ")
        .add(if reading.holds { Role::Text } else { Role::Bad }, clean(&reading.got))
        .add(Role::Dim, "  expected ")
        .add(Role::Text, clean(&reading.expected));
    rows.push(got.cut(columns));
    rows
}

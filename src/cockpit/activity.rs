//! Who is at the server: the sessions as they are listed, who blocks whom as a tree, and the one that is
//! selected.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::filter::{self, Place};
use super::message::Effect;
use super::state::{State, Tab};
use crate::run::activity::{Activity, Seen};
use crate::run::event::Backend;

/// What is known of the server, and how somebody looks at it.
#[derive(Debug, Clone, Default)]
pub struct Look {
    pub latest: Option<Arc<Activity>>,
    /// The engine was told to look.
    pub watched: bool,
    /// The session that a person has selected: pid and beginning.
    pub picked: Option<(i32, String)>,
}

/// A session in the list.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a> {
    pub seen: &'a Seen,
    /// How deep in the tree of who blocks whom; `None`: it stands apart.
    pub depth: Option<usize>,
    /// How many wait for it, one behind the other too.
    pub keeps: usize,
}

/// Tells the engine to look while the tab is open.
pub fn watch(state: &mut State) -> Option<Effect> {
    let wanted = state.tab == Tab::Activity && state.is_open();
    (wanted != state.activity.watched).then(|| {
        state.activity.watched = wanted;
        Effect::Watch(wanted)
    })
}

/// The sessions in the order in which they are shown: first who is in whose way, below each other.
#[must_use]
pub fn listed(state: &State) -> Vec<Listed<'_>> {
    let Some(activity) = &state.activity.latest else { return Vec::new() };
    let filter = filter::of(&state.filters, Place::Tab(Tab::Activity)).unwrap_or_default();
    let mut listed = tree(&activity.sessions);
    let apart = activity
        .sessions
        .iter()
        .filter(|seen| !listed.iter().any(|in_tree| std::ptr::eq(in_tree.seen, *seen)) && fits(seen, filter));
    let apart: Vec<Listed<'_>> = apart.map(|seen| Listed { seen, depth: None, keeps: 0 }).collect();
    listed.extend(apart);
    listed
}

fn fits(seen: &Seen, wanted: &str) -> bool {
    let (backend, pid) = (&seen.backend, seen.backend.pid.to_string());
    let words = [&backend.user, &backend.application, &backend.database, &backend.state, &seen.query, &pid];
    filter::fits(wanted, &words.map(String::as_str))
}

fn tree(sessions: &[Seen]) -> Vec<Listed<'_>> {
    let by_pid: BTreeMap<i32, &Seen> = sessions.iter().map(|seen| (seen.backend.pid, seen)).collect();
    let mut behind: BTreeMap<i32, Vec<&Seen>> = BTreeMap::new();
    for seen in sessions {
        for by in &seen.blocked_by {
            let waiting = behind.entry(*by).or_default();
            if !waiting.iter().any(|other| other.backend.pid == seen.backend.pid) {
                waiting.push(seen);
            }
        }
    }
    let roots =
        sessions.iter().filter(|seen| seen.blocked_by.is_empty() && behind.contains_key(&seen.backend.pid));
    // Blocked by what isn't a session (a prepared transaction) or isn't listed, or in a circle.
    let others = sessions.iter().filter(|seen| !seen.blocked_by.is_empty());
    let mut tree = Vec::new();
    let mut shown = BTreeSet::new();
    for root in roots.chain(others) {
        grow(root, 0, &behind, &mut shown, &mut tree);
    }
    debug_assert!(tree.len() <= by_pid.len());
    tree
}

fn grow<'a>(
    seen: &'a Seen,
    depth: usize,
    behind: &BTreeMap<i32, Vec<&'a Seen>>,
    shown: &mut BTreeSet<i32>,
    tree: &mut Vec<Listed<'a>>,
) {
    // Somebody who waits for several stands below the first of them.
    if !shown.insert(seen.backend.pid) {
        return;
    }
    let at = tree.len();
    tree.push(Listed { seen, depth: Some(depth), keeps: 0 });
    for waiting in behind.get(&seen.backend.pid).into_iter().flatten() {
        grow(waiting, depth + 1, behind, shown, tree);
    }
    let keeps = tree.len() - at - 1;
    tree[at].keeps = keeps;
}

/// The selected session: as a person has it, else the one that the step waits for, else the first.
#[must_use]
pub fn selected(state: &State, listed: &[Listed<'_>]) -> Option<usize> {
    if let Some((pid, start)) = &state.activity.picked {
        let is = |one: &Listed<'_>| one.seen.backend.pid == *pid && one.seen.backend.backend_start == *start;
        // Gone: nobody else takes its place by himself.
        return listed.iter().position(is);
    }
    let first = state.seen.as_ref().and_then(|seen| seen.blockers.first()).map(|blocker| blocker.pid);
    let blocker = first.and_then(|pid| listed.iter().position(|one| one.seen.backend.pid == pid));
    blocker.or(if listed.is_empty() { None } else { Some(0) })
}

/// The session that a key would hit; else why none.
///
/// # Errors
/// The reason, in words for the person at the keys.
pub fn chosen(state: &State) -> Result<&Seen, String> {
    if state.tab != Tab::Activity {
        return Err("that is for the sessions of the server: 4 shows them".to_owned());
    }
    if let Some(trouble) = state.activity.latest.as_ref().and_then(|activity| activity.trouble.as_ref()) {
        return Err(format!("who is there now isn't known: {trouble}"));
    }
    let listed = listed(state);
    let Some(at) = selected(state, &listed) else {
        let gone = state.activity.picked.is_some();
        let why = if gone { "the session that was selected is gone" } else { "no session is listed yet" };
        return Err(why.to_owned());
    };
    let seen = listed[at].seen;
    match &seen.ours {
        Some(purpose) => Err(format!(
            "pid {} is our own session ({purpose}): x cancels the statement of the step",
            seen.backend.pid
        )),
        None => Ok(seen),
    }
}

/// Whether the session of a question is still there, as far as we have seen.
///
/// # Errors
/// The reason.
pub fn still_there(state: &State, backend: &Backend) -> Result<(), String> {
    let Some(activity) = &state.activity.latest else { return Ok(()) };
    let same =
        |seen: &Seen| seen.backend.pid == backend.pid && seen.backend.backend_start == backend.backend_start;
    if activity.more > 0 || activity.sessions.iter().any(same) {
        return Ok(());
    }
    Err(format!("pid {} has gone by itself already", backend.pid))
}

/// Moves the selection. `false`: there is nothing to select.
pub fn pick(state: &mut State, by: isize) -> bool {
    let listed = listed(state);
    if listed.is_empty() {
        return false;
    }
    let to = match selected(state, &listed) {
        Some(at) => at.saturating_add_signed(by).min(listed.len() - 1),
        None => 0,
    };
    let backend = &listed[to].seen.backend;
    let picked = (backend.pid, backend.backend_start.clone());
    state.activity.picked = Some(picked);
    true
}

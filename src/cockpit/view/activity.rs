//! What goes on at the server: figures, progress, who blocks whom, and all sessions.

use ratatui::layout::Rect;

use super::paper::{Paper, Row, clean, wrapped};
use super::step;
use crate::cockpit::activity::{Listed, listed, selected};
use crate::cockpit::filter::{self, Place};
use crate::cockpit::state::{Extent, Focus, State, Tab};
use crate::cockpit::theme::Role;
use crate::run::activity::{Activity, Replica, Seen, Server, Working};
use crate::text::columns::{cut, pad, pad_left};
use crate::text::words::{count, open_for, size, unsigned};

/// Below this the locks of the step stand behind the sessions.
const LOW: u16 = 16;
/// Below this there is the list of sessions alone.
const LOWEST: u16 = 8;
/// A level of the tree below this isn't moved in any further.
const DEEPEST: usize = 5;

pub fn draw(state: &State, paper: &mut Paper<'_>, area: Rect) -> (usize, Extent) {
    let columns = usize::from(area.width);
    // What must be seen wherever somebody is in the list.
    let mut above = head(state, columns);
    // The list is what the keys are about: where there is hardly any room it has it.
    if area.height < LOWEST && state.activity.latest.as_deref().is_some_and(|seen| seen.trouble.is_none()) {
        above.truncate(1);
    }
    paper.rows(area, above.iter());
    let taken = u16::try_from(above.len()).unwrap_or(area.height).min(area.height);
    let area = Rect { y: area.y + taken, height: area.height - taken, ..area };
    let (rows, picked) =
        if area.height < LOWEST - 1 { bare(state, columns) } else { rows(state, columns, area.height < LOW) };
    let extent = Extent { lines: rows.len(), room: usize::from(area.height) };
    // The session that is selected stays in view, with what is said of it.
    let said = if extent.room < usize::from(LOWEST) { 2 } else { 6 };
    let begin = match picked {
        Some(line) if line + said > extent.room => (line + said).saturating_sub(extent.room),
        _ => 0,
    };
    let first = begin.min(extent.last());
    paper.rows(area, rows.iter().skip(first));
    (first, extent)
}

/// Somebody keeps the work session waiting.
pub fn mark(state: &State) -> Option<(char, Role)> {
    let waits = state.seen.as_ref().is_some_and(|seen| !seen.blockers.is_empty());
    waits.then_some(('!', Role::Warn))
}

/// Figures, and whether they are still true.
fn head(state: &State, columns: usize) -> Vec<Row> {
    let Some(activity) = state.activity.latest.as_deref() else {
        let what = if state.is_open() { "looking at the server …" } else { "not connected yet" };
        return vec![Row::of(Role::Dim, what)];
    };
    let mut rows = Vec::new();
    if let Some(trouble) = &activity.trouble {
        let what = format!("! the monitoring session is gone: {trouble}");
        rows.extend(wrapped(Role::Bad, "", &what, columns, 3));
        rows.push(Row::of(Role::Warn, "  it is tried again; what stands below is from before"));
    }
    rows.push(figures(activity, columns).cut(columns));
    rows.push(server(&activity.server, columns));
    rows
}

/// What is below, and the row of the selected session.
fn rows(state: &State, columns: usize, low: bool) -> (Vec<Row>, Option<usize>) {
    let Some(activity) = state.activity.latest.as_deref() else { return (Vec::new(), None) };
    let mut rows = Vec::new();
    rows.extend(activity.replicas.iter().map(|replica| self::replica(replica, columns)));
    for hidden in &activity.hidden {
        rows.extend(wrapped(Role::Warn, "", &format!("! not seen: {hidden}"), columns, 2));
    }
    let (own, others): (Vec<_>, Vec<_>) =
        activity.progress.iter().partition(|working| is_ours(state, activity, working.pid));
    let progress = |of: Vec<&Working>| -> Vec<Row> {
        of.into_iter().flat_map(|working| progress(state, activity, working, columns)).collect()
    };
    rows.extend(progress(own));
    let mut locks = step::locks(state, columns);
    if !locks.is_empty() {
        locks.insert(0, Row::of(Role::Dim, "the step"));
    }
    // Where there is little room the tree says the same, and more.
    if low {
        let picked = sessions(state, activity, columns, 1, &mut rows);
        rows.extend(progress(others));
        rows.extend(locks);
        return (rows, picked);
    }
    rows.extend(progress(others));
    rows.extend(locks);
    rows.push(Row::new());
    let picked = sessions(state, activity, columns, 5, &mut rows);
    (rows, picked)
}

/// The sessions and nothing else.
fn bare(state: &State, columns: usize) -> (Vec<Row>, Option<usize>) {
    let Some(activity) = state.activity.latest.as_deref() else { return (Vec::new(), None) };
    let mut rows = Vec::new();
    let picked = sessions(state, activity, columns, 1, &mut rows);
    (rows, picked)
}

/// The idle come last: where there is no room for them, nobody misses them.
fn figures(activity: &Activity, columns: usize) -> Row {
    let figures = activity.figures;
    let mut row = Row::new();
    for (n, word, role) in [
        (figures.running, "running", Role::Good),
        (figures.waiting, "waiting", Role::Warn),
        (figures.blocking, "blocking", Role::Bad),
        (figures.in_transaction, "idle in tx", Role::Warn),
    ] {
        let role = if n == 0 { Role::Dim } else { role };
        let gap = if row.width() == 0 { "" } else { " · " };
        row = row.add(Role::Dim, gap).add(role, n.to_string()).add(Role::Dim, format!(" {word}"));
    }
    if figures.of > 0 {
        let crowded = figures.all * 10 >= figures.of * 9;
        let used = format!(" · {} of {} used", figures.all, figures.of);
        row = row.add(if crowded { Role::Warn } else { Role::Dim }, used);
    }
    let idle = Row::of(Role::Dim, format!(" · {} idle", figures.idle));
    if row.width() + idle.width() <= columns { row.join(idle) } else { row }
}

fn server(server: &Server, columns: usize) -> Row {
    let mut row = Row::new();
    if server.standby {
        row = row.add(Role::Strong, "standby").add(Role::Dim, " · replayed ");
    } else {
        row = row.add(Role::Dim, "WAL ");
    }
    row = row.add(Role::Text, &server.wal);
    if let Some(behind) = server.behind {
        let role = if behind == 0 { Role::Good } else { Role::Warn };
        let since = server.behind_ms.map(|ms| format!(", {}", open_for(ms))).unwrap_or_default();
        row = row.add(role, format!(" · {} behind{since}", size(behind)));
    }
    if let Some(bytes) = server.size {
        row = row.add(Role::Dim, " · database ").add(Role::Text, size(bytes));
    }
    row.cut(columns)
}

fn replica(replica: &Replica, columns: usize) -> Row {
    let row = Row::of(Role::Dim, if replica.slot { "unused slot " } else { "replica " })
        .add(Role::Text, &replica.name)
        .add(Role::Dim, format!(" · {}", replica.state));
    let bytes = replica.bytes.map_or_else(|| "unknown".to_owned(), size);
    let (words, bad) = match (replica.slot, replica.lag_ms) {
        (true, _) => (format!("keeps {bytes} of WAL"), true),
        (false, Some(ms)) => (format!("{bytes} behind, {}", open_for(ms)), ms >= 10_000),
        (false, None) => (format!("{bytes} behind"), replica.bytes.is_none_or(|bytes| bytes > 16 << 20)),
    };
    row.right(columns, Row::of(if bad { Role::Warn } else { Role::Good }, words))
}

fn progress(state: &State, activity: &Activity, working: &Working, columns: usize) -> Vec<Row> {
    let ours = is_ours(state, activity, working.pid);
    let head = Row::of(if ours { Role::Active } else { Role::Dim }, "▶ ").add(Role::Text, &working.command);
    let on = if working.relation.is_empty() { String::new() } else { format!(" {}", working.relation) };
    let whose = if ours { " · the step's" } else { "" };
    let head = head
        .add(Role::Text, on)
        .add(Role::Dim, format!(" · {}", working.phase))
        .add(Role::Dim, format!(" · pid {}{whose}", working.pid));
    let figure = |n: u64| if working.unit == "bytes" { size(n) } else { unsigned(n) };
    let unit = if working.unit == "bytes" { String::new() } else { format!(" {}", working.unit) };
    if working.of == 0 {
        return vec![head.right(columns, Row::of(Role::Text, format!("{}{unit}", figure(working.done))))];
    }
    let done = working.done.min(working.of);
    let share = u128::from(done) * 100 / u128::from(working.of);
    // Not done before it is.
    let share = if done < working.of { share.min(99) } else { share };
    let words = format!(" {share} %  {} of {}{unit}", figure(done), figure(working.of));
    let bar = columns.saturating_sub(words.chars().count() + 2).min(40);
    let filled = usize::try_from(share).unwrap_or_default() * bar / 100;
    let row = Row::of(Role::Active, format!("  {}", "━".repeat(filled)))
        .add(Role::Border, "─".repeat(bar - filled))
        .add(Role::Text, words);
    vec![head.cut(columns), row.cut(columns)]
}

fn is_ours(state: &State, activity: &Activity, pid: i32) -> bool {
    state.doing.as_ref().is_some_and(|doing| doing.pid == pid)
        || activity.sessions.iter().any(|seen| seen.backend.pid == pid && seen.ours.is_some())
}

/// The widths of the columns of sessions.
struct Shape {
    columns: usize,
    pid: usize,
    user: usize,
    application: usize,
}

/// `said`: lines about the selected one.
fn sessions(
    state: &State,
    activity: &Activity,
    columns: usize,
    said: usize,
    rows: &mut Vec<Row>,
) -> Option<usize> {
    let listed = listed(state);
    let at = selected(state, &listed);
    let deep = listed.iter().filter_map(|one| one.depth).max().unwrap_or_default().min(DEEPEST);
    let longest = |of: fn(&Seen) -> &str| {
        listed.iter().take(100).map(|one| of(one.seen).chars().count()).max().unwrap_or_default()
    };
    let shape = Shape {
        columns,
        // As wide as a pid can be: the columns stay where they are, whoever comes.
        pid: 7 + 2 + deep * 2,
        // Where there is little room, its state is more than who it belongs to.
        user: if columns < 64 { 0 } else { longest(|seen| &seen.backend.user).max(4).min(columns / 7) + 1 },
        application: longest(|seen| &seen.backend.application).max(11).min(columns / 4) + 1,
    };
    let head = format!(
        "  {}{}{}{}{}  statement",
        pad("pid", shape.pid),
        column("user", shape.user),
        pad("application", shape.application),
        pad("state", STATE),
        pad_left("since", SINCE),
    );
    rows.push(Row::of(Role::Dim, head).cut(columns));
    let mut picked = None;
    let mut apart = false;
    for (nth, one) in listed.iter().enumerate() {
        // A line between who is in somebody's way and everybody else.
        if one.depth.is_none() && nth > 0 && !apart {
            rows.push(Row::of(Role::Border, "─".repeat(columns)));
        }
        apart |= one.depth.is_none();
        let is_picked = at == Some(nth);
        let mut row = session(one, &shape, is_picked);
        if is_picked {
            picked = Some(rows.len());
            if state.focus == Focus::Detail || state.activity.picked.is_some() {
                row = row.on(Role::Selected);
            }
        }
        rows.push(row);
        if is_picked {
            rows.extend(about(one.seen, columns).into_iter().take(said));
        }
    }
    if at.is_none() && state.activity.picked.is_some() && !listed.is_empty() {
        rows.push(Row::of(Role::Dim, "the session that was selected is gone"));
    }
    if activity.more > 0 {
        rows.push(Row::of(Role::Dim, format!("and {} more sessions", activity.more)));
    }
    if activity.sessions.is_empty() && activity.trouble.is_none() {
        rows.push(Row::of(Role::Dim, "  nobody else is connected"));
    }
    let narrowed = filter::of(&state.filters, Place::Tab(Tab::Activity));
    if narrowed.is_some() && listed.len() < activity.sessions.len() {
        let hidden = activity.sessions.len() - listed.len();
        rows.push(Row::of(Role::Dim, format!("{} filtered out", count(hidden as u64, "session"))));
    }
    picked
}

const STATE: usize = 11;
const SINCE: usize = 8;

fn session(one: &Listed<'_>, shape: &Shape, is_picked: bool) -> Row {
    let (seen, backend) = (one.seen, &one.seen.backend);
    let depth = one.depth.unwrap_or_default().min(DEEPEST);
    let branch = if depth > 0 { format!("{}└ ", "  ".repeat(depth - 1)) } else { String::new() };
    let (state, role, ms) = standing(seen);
    let sign = if is_picked { "▸ " } else { "  " };
    let ours = seen.ours.is_some();
    let text = if ours { Role::Active } else { Role::Text };
    let row = Row::of(Role::Key, sign)
        .add(Role::Border, &branch)
        .add(text, pad(&backend.pid.to_string(), shape.pid.saturating_sub(depth * 2)))
        .add(text, column(&backend.user, shape.user))
        .add(text, column(&backend.application, shape.application))
        .add(role, pad(state, STATE))
        .add(role, pad_left(&ms.map(open_for).unwrap_or_default(), SINCE));
    let right = match (one.keeps, &seen.ours) {
        (0, Some(_)) => Row::of(Role::Active, "ours"),
        (0, None) => Row::new(),
        (n, _) => Row::of(Role::Bad, format!("blocks {n}")),
    };
    let what = if seen.query.is_empty() { seen.kind.as_str() } else { &seen.query };
    let what = if what == "client backend" { "" } else { what };
    let row = row.add(Role::Dim, format!("  {}", clean(what).trim()));
    if right.width() == 0 { row.cut(shape.columns) } else { row.right(shape.columns, right) }
}

fn column(text: &str, columns: usize) -> String {
    pad(&cut(&clean(text), columns.saturating_sub(1)), columns)
}

/// Its state in a word, with how long that matters.
fn standing(seen: &Seen) -> (&'static str, Role, Option<u64>) {
    let backend = &seen.backend;
    match backend.state.as_str() {
        _ if !seen.blocked_by.is_empty() => ("waiting", Role::Warn, seen.query_ms),
        "active" => ("running", Role::Good, seen.query_ms.or(backend.since_ms)),
        "idle in transaction" => ("idle in tx", Role::Warn, backend.since_ms),
        "idle in transaction (aborted)" => ("aborted tx", Role::Warn, backend.since_ms),
        "idle" => ("idle", Role::Dim, backend.since_ms),
        "" if backend.backend_start.is_empty() => ("hidden", Role::Dim, None),
        "" => ("–", Role::Dim, seen.transaction_ms),
        "disabled" => ("untracked", Role::Dim, None),
        _ => ("running", Role::Good, backend.since_ms),
    }
}

/// What is said of the selected one besides.
fn about(seen: &Seen, columns: usize) -> Vec<Row> {
    let backend = &seen.backend;
    let mut words = Vec::new();
    if !seen.blocked_by.is_empty() {
        let by: Vec<String> = seen
            .blocked_by
            .iter()
            .map(|pid| if *pid == 0 { "a prepared transaction".to_owned() } else { pid.to_string() })
            .collect();
        words.push(format!("waits for {}", by.join(", ")));
    } else if let Some(waits) = seen.waits.as_ref().filter(|waits| !waits.starts_with("Client: ")) {
        // For its client waits whoever is idle.
        words.push(format!("waits for {waits}"));
    }
    if let Some(ms) = seen.transaction_ms {
        words.push(format!("transaction open for {}", open_for(ms)));
    }
    if !backend.database.is_empty() {
        words.push(format!("database {}", backend.database));
    }
    let from = if backend.client.is_empty() { "this machine" } else { &backend.client };
    words.push(format!("from {from}"));
    if seen.kind != "client backend" && !seen.kind.is_empty() {
        words.push(seen.kind.clone());
    }
    let mut rows = wrapped(Role::Dim, "    ", &words.join(" · "), columns, 2);
    if !seen.query.is_empty() {
        rows.extend(wrapped(Role::Comment, "    ", &clean(&seen.query), columns, 3));
    }
    rows
}

/// For the question: who it is, and what it does now.
pub fn asked(state: &State, pid: i32, start: &str, columns: usize) -> Vec<Row> {
    let Some(activity) = state.activity.latest.as_deref() else { return Vec::new() };
    let same = |seen: &&Seen| seen.backend.pid == pid && seen.backend.backend_start == start;
    let Some(seen) = activity.sessions.iter().find(same) else {
        return vec![Row::of(Role::Warn, "It has gone by itself: there is nothing left to do.")];
    };
    let listed = listed(state);
    let keeps = listed.iter().find(|one| std::ptr::eq(one.seen, seen)).map_or(0, |one| one.keeps);
    let (word, role, ms) = standing(seen);
    let mut rows = vec![
        Row::of(Role::Dim, "now     ")
            .add(role, word)
            .add(Role::Text, ms.map(|ms| format!(" for {}", open_for(ms))).unwrap_or_default())
            .add(
                Role::Dim,
                seen.transaction_ms
                    .map(|ms| format!(" · transaction open for {}", open_for(ms)))
                    .unwrap_or_default(),
            ),
    ];
    if keeps > 0 {
        rows.push(Row::of(Role::Dim, "blocks  ").add(Role::Bad, count(keeps as u64, "session")));
    }
    rows.into_iter().map(|row| row.cut(columns)).collect()
}

//! The step that is looked at: what it does, how it goes, and its SQL.

use ratatui::layout::Rect;

use super::paper::{Paper, Row, wrapped};
use super::sql::{self, Marks};
use super::{action, details, problem};
use crate::cockpit::clock;
use crate::cockpit::filter::{self, Place};
use crate::cockpit::lock_wait::lock_wait;
use crate::cockpit::notes;
use crate::cockpit::source::Source;
use crate::cockpit::state::{Extent, State, Tab};
use crate::cockpit::theme::Role;
use crate::cockpit::timeline::{step_ms, step_sign};
use crate::plan::model::{Action, Step, Transaction};
use crate::run::event::{Blocker, Direction, HoldReason};
use crate::run::state::{Status, StepState, UnitPhase};
use crate::text::columns::{pad, pad_left};
use crate::text::words::{count, number, open_for, person, took, touched, unsigned};

/// Lines of SQL that stay in view, whatever else there is to say.
const LEAST_SQL: usize = 4;
/// With less room than this, what is urgent takes all of it.
const LOW: usize = 7;
/// How much a row matters where there isn't room for all of them.
const URGENT: u8 = 0;
const NAME: u8 = 1;
const MORE: u8 = 2;
const LESS: u8 = 3;
const NOTHING_FITS: &str = "nothing fits the filter: Esc takes it away";

pub fn draw(state: &State, paper: &mut Paper<'_>, area: Rect) -> (usize, Extent) {
    let (columns, room) = (usize::from(area.width), usize::from(area.height));
    let Some(step) = state.looked_at() else { return (0, Extent::default()) };
    let run = state.run().step(&step.id);
    let direction = state.direction(&step.id);
    let of = state.script_of(step);
    let source = of.and_then(|of| state.sources.get(&of)).and_then(Option::as_deref);
    let head = head(state, step, run, direction, source, columns);
    match source {
        None => {
            let mut rows: Vec<Row> = head.into_iter().map(|(_, row)| row).collect();
            let mut body = action::body(state, step, columns);
            if let Some(words) = filter::of(&state.filters, Place::Tab(Tab::Step)) {
                body.retain(|row| filter::fits(words, &[&row.text()]));
                if body.is_empty() {
                    body.push(Row::of(Role::Dim, NOTHING_FITS));
                }
            }
            rows.extend(body);
            let extent = Extent { lines: rows.len(), room };
            // What is said last is what goes on, unless it is over.
            let over = action::said(state, &step.id).is_empty() || is_told_above(state);
            let begin = if over { 0 } else { extent.last() };
            let first = state.scroll.get(&Tab::Step).copied().unwrap_or(begin).min(extent.last());
            paper.rows(area, rows.iter().skip(first));
            (first, extent)
        }
        Some(source) => {
            let marks = marks(state, run, source);
            let urgent = head.iter().any(|(weight, _)| *weight == URGENT);
            // Where there is hardly any room, who is in the way or what failed is more than the SQL.
            let least = if urgent && room < LOW { 0 } else { LEAST_SQL.min(source.lines.len() + 1) };
            let rows = heaviest(head, room.saturating_sub(least));
            let above = rows.len();
            paper.rows(Rect { height: u16::try_from(above).unwrap_or(area.height), ..area }, &rows);
            script(state, paper, area, above, source, &marks)
        }
    }
}

/// As many rows as there is room for, those that matter most, in their order.
fn heaviest(rows: Vec<(u8, Row)>, room: usize) -> Vec<Row> {
    let mut places: Vec<usize> = (0..rows.len()).collect();
    places.sort_by_key(|at| rows[*at].0);
    places.truncate(room);
    let kept = |at: usize| places.contains(&at);
    rows.into_iter().enumerate().filter(|(at, _)| kept(*at)).map(|(_, (_, row))| row).collect()
}

fn script(
    state: &State,
    paper: &mut Paper<'_>,
    area: Rect,
    above: usize,
    source: &Source,
    marks: &Marks,
) -> (usize, Extent) {
    let above = u16::try_from(above).unwrap_or(area.height).min(area.height);
    let below = Rect { y: area.y + above, height: area.height - above, ..area };
    let title = Row::of(Role::Title, &source.name).add(
        Role::Dim,
        match source.statements.len() {
            0 => String::new(),
            n => format!(" · {}", count(n as u64, "statement")),
        },
    );
    let title = match &source.note {
        Some(note) => title.add(Role::Warn, format!(" · {note}")),
        None => title,
    };
    paper.row(below, 0, &title);
    let inner = Rect { y: below.y.saturating_add(1), height: below.height.saturating_sub(1), ..below };
    let room = usize::from(inner.height);
    let scrolled = state.scroll.get(&Tab::Step).copied();
    if let Some(words) = filter::of(&state.filters, Place::Tab(Tab::Step)) {
        let found = sql::fitting(source, words);
        let extent = Extent { lines: found.len(), room };
        let first = scrolled.unwrap_or_default().min(extent.last());
        if found.is_empty() {
            paper.row(inner, 0, &Row::of(Role::Dim, NOTHING_FITS));
        }
        sql::draw(paper, inner, source, marks, state.shift, found.into_iter().skip(first));
        return (first, extent);
    }
    let extent = Extent { lines: source.lines.len(), room };
    let first =
        scrolled.map_or_else(|| sql::first(source, marks, room), |scrolled| scrolled.min(extent.last()));
    sql::draw(paper, inner, source, marks, state.shift, first..source.lines.len());
    (first, extent)
}

fn marks(state: &State, run: Option<&StepState>, source: &Source) -> Marks {
    let moving = run.is_some_and(|run| run.status.is_moving());
    let running =
        state.doing.as_ref().filter(|doing| moving && doing.file.to_string_lossy() == source.name.as_str());
    let at = running.and_then(|doing| source.at(doing.line, doing.column));
    let place = run.and_then(|run| run.problem.as_ref()).and_then(|problem| problem.place.as_ref());
    Marks {
        running: at.and_then(|at| source.statements.get(at)).map(|s| s.line..=s.last_line),
        failed: place.filter(|place| place.file == source.name).map(|place| place.line),
    }
}

fn head(
    state: &State,
    step: &Step,
    run: Option<&StepState>,
    direction: Direction,
    source: Option<&Source>,
    columns: usize,
) -> Vec<(u8, Row)> {
    let status = state.status(&step.id);
    let (mark, role, _) = step_sign(state, &step.id);
    let time = step_ms(state, &step.id).map(took).unwrap_or_default();
    let right = Row::of(role, format!("{mark} {} ", standing(state, &step.id, run, columns)));
    let name = Row::of(Role::Title, &step.title).add(Role::Dim, format!("  {}", step.id));
    let mut head = vec![(NAME, name.right(columns, right.add(Role::Text, time)))];
    head.push((MORE, what(state, step)));
    head.extend(what_happened(state, columns).into_iter().map(|row| (URGENT, row)));
    if let Some(run) = run {
        if let Some(reason) = &run.reason {
            head.extend(wrapped(Role::Warn, "", reason, columns, 2).into_iter().map(|row| (MORE, row)));
        }
        head.extend(under_way(state, run, source, columns).into_iter().map(|row| (URGENT, row)));
        if let Some(problem) = &run.problem {
            // Its line is marked in the SQL too.
            for (rows, weight) in problem::parts(problem, columns).into_iter().zip([URGENT, LESS, MORE]) {
                head.extend(rows.into_iter().map(|row| (weight, row)));
            }
        }
        head.extend(units(run, direction, columns).into_iter().map(|row| (MORE, row)));
    }
    let mut rows = Vec::new();
    if status == Status::Pending
        && let Some(about) = &step.about
    {
        rows.extend(wrapped(Role::Dim, "", about, columns, 4));
    }
    if source.is_some() {
        rows.extend(output(state, &step.id));
    }
    rows.extend(written(state, &step.id, columns));
    rows.push(Row::new());
    head.extend(rows.into_iter().map(|row| (MORE, row)));
    head
}

/// Its status in a word; of one that failed when, and the how manieth try that was: one that fails again
/// mustn't look as if nothing had happened.
fn standing(state: &State, id: &str, run: Option<&StepState>, columns: usize) -> String {
    let word = step_sign(state, id).2;
    let Some(run) = run else { return word.to_owned() };
    let nth = if run.undo_attempt > 0 { run.undo_attempt } else { run.attempt };
    let tried = if nth > 1 { format!("try {nth} ") } else { String::new() };
    match run.shown() {
        Status::Failed | Status::UndoFailed | Status::Unverified => {
            let at = run.ended_at.filter(|_| columns >= 50).map(|at| clock::at(state, at));
            let at = at.map(|at| format!(" at {at}")).unwrap_or_default();
            format!("{tried}{word}{at}")
        }
        Status::Running | Status::Committing | Status::Undoing if nth > 1 => format!("{word}, try {nth}"),
        _ => word.to_owned(),
    }
}

/// It went back and waits, and that is no step's failure: what for is said above the step.
fn is_told_above(state: &State) -> bool {
    state.run().hold_reason() == Some(&HoldReason::RolledBackTo)
}

/// What it waits for, and why: the header has room for the beginning alone.
fn what_happened(state: &State, columns: usize) -> Vec<Row> {
    let Some(hold) = state.run().hold().filter(|_| is_told_above(state)) else { return Vec::new() };
    let mut rows = wrapped(Role::Warn, "", &hold.needs, columns, 6);
    rows.push(Row::new());
    rows
}

/// What people wrote on it, the last of it.
fn written(state: &State, step: &str, columns: usize) -> Vec<Row> {
    const SHOWN: usize = 3;
    let (all, last) = notes::last(state, step, SHOWN);
    let mut rows = Vec::new();
    if all > SHOWN {
        let before = count((all - SHOWN) as u64, "note");
        rows.push(Row::of(Role::Dim, format!("✎ {before} before; the log has them")));
    }
    for (text, by) in last {
        rows.push(Row::of(Role::Hold, "✎ ").add(Role::Dim, format!("note by {}", person(by))));
        rows.extend(wrapped(Role::Text, "  ", text, columns, 6));
    }
    rows
}

/// What it does and how, in a line.
fn what(state: &State, step: &Step) -> Row {
    let (action, direction) = action::of(state, step);
    let words = match action {
        Action::File { section: Some(section), .. } => format!("a part of a file, {}", section.begin),
        Action::File { .. } => "a file".to_owned(),
        Action::Files { files, .. } => count(files.len() as u64, "file"),
        Action::Sql { .. } => "SQL of the plan".to_owned(),
        Action::Check { .. } => "one query".to_owned(),
        Action::Probe { .. } => {
            format!("a probe, rolled back, with {}", count(step.checkpoints.len() as u64, "checkpoint"))
        }
        Action::Inventory(_) => "counts objects".to_owned(),
        Action::Confirm(items) => format!("a checklist of {}", count(items.len() as u64, "item")),
        Action::Signoff(signoff) => format!("signed by {}", signoff.roles.join(", ")),
        Action::Group => count(step.checkpoints.len() as u64, "checkpoint"),
        Action::Command(_) => "runs a program".to_owned(),
        Action::Notify(notice) if notice.to.is_empty() => "a message".to_owned(),
        Action::Notify(notice) => format!("a message to {}", notice.to.join(", ")),
        Action::Soak(text) => format!("waits {} while watches are sampled", details::long(state, text)),
        Action::Requires(requires) => format!("needs the evidence of {}", requires.whose()),
        Action::Snapshot(snapshot) => format!("a snapshot of {}", snapshot.of.word()),
        Action::Restore(restore) => {
            let how = if restore.beside { "into a new database" } else { "in one transaction" };
            format!("restores the backup \"{}\" {how}", restore.backup)
        }
        Action::Backup(backup) => format!("a backup into {}", backup.path),
        Action::Compare(compare) => format!("{} compared with {}", compare.of.word(), compare.with_words()),
        Action::Report(path) => format!("the evidence so far, into {path}"),
        Action::Undo(ids) => format!("the own rollbacks of {}", ids.join(", ")),
        Action::Later(key) => (*key).to_owned(),
    };
    let row =
        Row::of(Role::Dim, if direction == Direction::Back { "undo: " } else { "" }).add(Role::Dim, words);
    let gives_back = |row: Row| match (&step.irreversible, &step.rollback, step.changes && action.runs()) {
        (Some(_), _, true) => row.add(Role::Warn, " · irreversible"),
        (None, None, true) => row.add(Role::Warn, " · no rollback"),
        _ => row,
    };
    if !matches!(action, Action::File { .. } | Action::Files { .. } | Action::Sql { .. }) {
        return gives_back(row.add(Role::Dim, if step.optional { " · optional" } else { "" }));
    }
    let transaction = match step.transaction {
        Transaction::Single => " in one transaction",
        Transaction::None => ", each statement by itself",
        Transaction::Script => " with transactions of its own",
    };
    let row = row.add(Role::Dim, transaction);
    let lock = crate::plan::duration::words(step.lock_timeout);
    gives_back(row.add(Role::Dim, format!(" · waits {lock} for a lock, {} times", step.lock_retries + 1)))
}

/// The statement that runs, what it waits for, and what it has locked.
fn under_way(state: &State, run: &StepState, source: Option<&Source>, columns: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    if !run.status.is_moving() || state.run().is_holding() {
        return rows;
    }
    let wait = lock_wait(state).filter(|_| state.run().current_step().is_some_and(|now| now.id == run.id));
    if let Some(wait) = &wait {
        rows.extend(wrapped(Role::Bad, "", &wait.full(), columns, 3));
        rows.extend(in_the_way(wait.by));
    }
    if let Some(doing) = &state.doing {
        let ms = u64::try_from(state.now.duration_since(doing.since).as_millis()).unwrap_or_default();
        let (number, of) = state.statement().unwrap_or((doing.number, None));
        let of = of.map(|of| format!(" of {of}")).unwrap_or_default();
        let own = source.is_some_and(|source| doing.file.to_string_lossy() == source.name.as_str());
        let file = if own { String::new() } else { format!("{} ", doing.file.display()) };
        let mut row = Row::of(Role::Active, "▶ ").add(Role::Text, format!("statement {number}{of}"));
        row = row.add(Role::Dim, format!(" · {file}line {}", doing.line));
        row = row.add(Role::Text, format!(" · {}", took(ms)));
        if doing.rows > 0 {
            row = row.add(Role::Dim, format!(" · {} so far", count(doing.rows, "row")));
        }
        rows.push(row.add(Role::Dim, format!(" · pid {}", doing.pid)));
    }
    rows.extend(if wait.is_some() { held(state, columns) } else { locks(state, columns) });
    rows
}

/// With what the first of them is in the way, and the others.
fn in_the_way(by: &[Blocker]) -> Vec<Row> {
    let Some((first, others)) = by.split_first() else { return Vec::new() };
    let first = blocker(first).into_iter().skip(1);
    first.chain(others.iter().flat_map(blocker)).collect()
}

/// What the work session waits for, who has it, and what it has itself.
pub fn locks(state: &State, columns: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let Some(seen) = &state.seen else { return rows };
    if let Some(waits) = &seen.waits {
        rows.push(Row::of(Role::Warn, "  waits for ").add(Role::Text, waits));
    }
    rows.extend(seen.blockers.iter().flat_map(blocker));
    rows.extend(held(state, columns));
    rows
}

/// What the work session has, and wants.
fn held(state: &State, columns: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let Some(seen) = &state.seen else { return rows };
    for lock in &seen.locks {
        let (verb, role) = if lock.granted { ("has", Role::Dim) } else { ("wants", Role::Warn) };
        let size = match lock.rows {
            Some(rows) => format!("about {} rows, {}", number(rows), bytes(lock.bytes)),
            None => bytes(lock.bytes),
        };
        let row = Row::of(role, format!("  {} {} ", pad(verb, 5), pad(&lock.mode, 20)));
        rows.push(row.add(Role::Text, &lock.relation).right(columns, Row::of(Role::Dim, size)));
    }
    if seen.more_locks > 0 {
        rows.push(Row::of(Role::Dim, format!("  and {} more", seen.more_locks)));
    }
    rows
}

/// Who is in the way, and with what.
pub fn blocker(blocker: &Blocker) -> Vec<Row> {
    let since = blocker.since_ms.map(open_for).unwrap_or_default();
    let who = if blocker.application.is_empty() { &blocker.user } else { &blocker.application };
    let what = match (&blocker.mode, &blocker.relation) {
        (Some(mode), Some(relation)) => format!("{mode} on {relation}"),
        (None, Some(relation)) => relation.clone(),
        (Some(mode), None) => mode.clone(),
        (None, None) => String::new(),
    };
    let mut rows = vec![
        Row::of(Role::Bad, format!("  blocked by pid {} ", blocker.pid))
            .add(Role::Text, format!("({who}, {} {since})", blocker.state)),
    ];
    if !what.is_empty() {
        rows.push(Row::of(Role::Dim, "    which has ").add(Role::Text, what));
    }
    rows
}

fn bytes(n: i64) -> String {
    const KIB: i64 = 1024;
    match n {
        ..1_048_576 => format!("{} kB", n / KIB),
        1_048_576..1_073_741_824 => format!("{} MB", n / KIB / KIB),
        _ => format!("{} GB", n / KIB / KIB / KIB),
    }
}

/// What is done of it, and what that touched.
fn units(run: &StepState, direction: Direction, columns: usize) -> Vec<Row> {
    /// More transactions than this are added up.
    const SHOWN: usize = 4;
    let done: Vec<_> = run.units_of(direction).iter().filter(|u| u.phase == UnitPhase::Applied).collect();
    let mut rows = Vec::new();
    for unit in done.iter().rev().take(SHOWN).rev() {
        let warnings =
            if unit.warnings > 0 { format!(", {}", count(unit.warnings, "warning")) } else { String::new() };
        let what =
            format!("✓ {}, {} rows{warnings}", count(unit.statements, "statement"), unsigned(unit.rows));
        let name = unit.unit.unit.as_str();
        let row = Row::of(Role::Good, what)
            .add(Role::Dim, if name.is_empty() { String::new() } else { format!(" · {name}") });
        rows.push(row.right(columns, Row::of(Role::Dim, pad_left(&took(unit.elapsed_ms), 8))));
        if !unit.touched.is_empty() {
            rows.extend(wrapped(Role::Dim, "  ", &touched(&unit.touched), columns, 2));
        }
    }
    let all = run.units_of(direction).applied();
    if all > SHOWN {
        rows.push(Row::of(Role::Dim, format!("  after {} more", all - SHOWN)));
    }
    rows
}

/// What the script and the server said, the last of it, above the script.
fn output(state: &State, step: &str) -> Vec<Row> {
    const SHOWN: usize = 4;
    let said = action::said(state, step);
    let mut rows = Vec::new();
    if said.len() > SHOWN {
        rows.push(Row::of(Role::Dim, format!("| … {} lines before", said.len() - SHOWN)));
    }
    rows.extend(said.iter().rev().take(SHOWN).rev().map(|said| action::line(&said.line)));
    rows
}

//! What the plan says of a step that runs no SQL, in full: the program that it calls, the message, what is kept
//! and how it is proven.

use super::paper::{Row, wrapped};
use crate::cockpit::state::State;
use crate::cockpit::theme::Role;
use crate::plan::duration;
use crate::plan::model::{Action, BackupProof, Call, Program, Step};
use crate::text::words::{count, took};

/// Of one thing no more lines than this.
const LINES: usize = 12;

/// What it is made of. `ahead`: nothing has come of it yet, and whatever will be told then is said by the plan.
pub fn rows(action: &Action, ahead: bool, columns: usize) -> Vec<Row> {
    match action {
        Action::Command(program) => called(program, columns),
        Action::Notify(notice) if ahead => wrapped(Role::Text, "", &notice.text, columns, LINES),
        Action::Backup(backup) if ahead => {
            let how = match backup.proof {
                BackupProof::List => "Proven by its list: every table has to be in it.",
                BackupProof::Restore => {
                    "Proven by restoring it into a private server: every definition and the number of rows of each \
                     table have to be as they were."
                }
            };
            wrapped(Role::Text, "", how, columns, 3)
        }
        Action::Restore(restore) if ahead => {
            let what = if restore.beside {
                "A new database, as it was when the backup was made, takes the place of this one: what came since, rows \
                 of others too, is in the old one only, which stays under another name. All its sessions have to end."
            } else {
                "The database is then what it was when the backup was made: what came since is gone, rows of others too."
            };
            wrapped(Role::Warn, "", what, columns, 4)
        }
        Action::Snapshot(snapshot) => {
            let mut rows = scope(&snapshot.tables, columns);
            rows.extend(snapshot.queries.iter().flat_map(|query| lines(Role::Comment, "  ", query, columns)));
            rows
        }
        Action::Compare(compare) => {
            let mut rows = scope(&compare.tables, columns);
            for tolerance in &compare.tolerance {
                let most = count(u64::from(tolerance.rows), "row");
                let words = format!("{}: {most} may differ: {}", tolerance.table, tolerance.reason);
                rows.extend(wrapped(Role::Warn, "", &words, columns, 3));
            }
            rows
        }
        _ => Vec::new(),
    }
}

fn scope(tables: &[String], columns: usize) -> Vec<Row> {
    match tables {
        [] => Vec::new(),
        tables => wrapped(Role::Dim, "", &format!("of {}", tables.join(", ")), columns, 3),
    }
}

/// A program as it is called, every line of it.
fn called(program: &Program, columns: usize) -> Vec<Row> {
    let text = match &program.call {
        Call::Shell(text) => text.trim().to_owned(),
        Call::Argv(_) => program.call.words(),
    };
    let mut rows = lines(Role::Comment, "$ ", &text, columns);
    let mut about = Vec::new();
    if let Some(cwd) = &program.cwd {
        about.push(format!("in {cwd}"));
    }
    if !program.env.is_empty() {
        let names: Vec<&str> = program.env.iter().map(|(name, _)| name.as_str()).collect();
        about.push(format!("with {}", names.join(", ")));
    }
    if program.stdin.is_some() {
        about.push("reads what the plan gives it".to_owned());
    }
    if let Some(timeout) = program.timeout {
        about.push(format!("at most {}", duration::words(timeout)));
    }
    if !about.is_empty() {
        rows.extend(wrapped(Role::Dim, "  ", &about.join(" · "), columns, 3));
    }
    rows
}

/// Lines as they stand in the plan, each behind `sign`; what is too long goes on below.
fn lines(role: Role, sign: &str, text: &str, columns: usize) -> Vec<Row> {
    let indent = " ".repeat(sign.len());
    let all = text.lines().filter(|line| !line.trim().is_empty());
    let room = columns.saturating_sub(sign.len());
    let mut rows: Vec<Row> = all
        .flat_map(|line| wrapped(role, "", line.trim_end(), room, 4))
        .enumerate()
        .map(|(at, row)| Row::of(Role::Dim, if at == 0 { sign } else { &indent }).join(row))
        .collect();
    if rows.len() > LINES {
        let more = rows.len() - LINES;
        rows.truncate(LINES);
        rows.push(Row::of(Role::Dim, format!("{indent}… {} more", count(more as u64, "line"))));
    }
    rows
}

/// How long a wait is: what the plan says, or the run's variable that it names.
pub fn long(state: &State, text: &str) -> String {
    let named = text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    let vars = state.run().opened.as_ref().map(|opened| &opened.vars);
    let value = named.zip(vars).and_then(|(name, vars)| vars.get(name));
    value.map_or_else(|| text.trim().to_owned(), Clone::clone)
}

/// How much of a wait is over.
pub fn left_of_soak(state: &State, step: &Step, columns: usize) -> Vec<Row> {
    let (Action::Soak(text), Some(run)) = (&step.action, state.run().step(&step.id)) else {
        return Vec::new();
    };
    let (Ok(long), Some(since)) = (duration::parse(&long(state, text)), run.started_at) else {
        return Vec::new();
    };
    let long = u64::try_from(long.as_millis()).unwrap_or(u64::MAX).max(1);
    if !run.status.is_moving() || run.ended_at.is_some() || state.run().is_holding() {
        return Vec::new();
    }
    let over = u64::try_from(state.now.duration_since(since).as_millis()).unwrap_or_default().min(long);
    let words = format!("  {} left", took(long - over));
    let room = columns.saturating_sub(words.len()).min(40);
    let full = usize::try_from(u128::from(over) * room as u128 / u128::from(long)).unwrap_or_default();
    let bar = Row::of(Role::Active, "━".repeat(full)).add(Role::Border, "─".repeat(room - full));
    vec![bar.add(Role::Text, words), Row::new()]
}

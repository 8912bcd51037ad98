//! What `y` copies: that which is looked at.

use super::message::Effect;
use super::state::{State, Tab};
use super::{activity, deltas};
use crate::plain::LogLine;
use crate::run::event::RowCount;
use crate::text::scrub;

/// More than this isn't pasted anywhere by hand, and terminals take less.
const LONGEST: usize = 512 * 1024;

/// Copies what is looked at.
pub fn looked_at(state: &mut State) -> Vec<Effect> {
    match wanted(state) {
        Ok((what, text)) => copy(what, &text),
        Err(why) => {
            state.toast(format!("copy: {why}"), true);
            Vec::new()
        }
    }
}

/// What would be copied, in words, and its text.
///
/// # Errors
/// Why there is nothing to copy.
pub fn wanted(state: &State) -> Result<(String, String), String> {
    match state.tab {
        Tab::Step => {
            let step = state.looked_at().ok_or("no step is selected")?;
            let of = state.script_of(step).ok_or("this step has no SQL")?;
            let source = state.sources.get(&of).and_then(Option::as_deref).ok_or("it isn't read yet")?;
            let lines = source.lines.iter().map(|line| line.iter().map(|(_, text)| text.as_str()).collect());
            Ok((format!("the SQL of \"{}\"", step.title), lines.collect::<Vec<String>>().join("\n")))
        }
        Tab::Checkpoints => {
            let (title, sql) =
                super::view::checkpoint_query(state).ok_or("no checkpoint here has a query")?;
            Ok((format!("the query of \"{title}\""), sql))
        }
        Tab::Log => {
            let lines: Vec<&str> = state.log.shown(0).map(LogLine::text).collect();
            if lines.is_empty() {
                return Err("the log is empty".to_owned());
            }
            Ok(("the log".to_owned(), lines.join("\n")))
        }
        Tab::Deltas => Ok(("objects and rows".to_owned(), deltas(state)?)),
        Tab::Activity => Ok(("the sessions".to_owned(), sessions(state)?)),
        Tab::People => Ok(("the sign-offs".to_owned(), super::view::sign_offs(state))),
    }
}

/// Lines with tabs between their cells, as a spreadsheet or a ticket takes them.
fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    // A cell with a tab of its own must not become two.
    let line = |cells: [String; N]| cells.map(|cell| cell.replace(['\t', '\n', '\r'], " ")).join("\t");
    let rows = rows.into_iter().map(line);
    std::iter::once(head.join("\t")).chain(rows).collect::<Vec<_>>().join("\n")
}

/// The figures of objects, and of the tables that are shown.
fn deltas(state: &State) -> Result<String, String> {
    let run = state.run();
    if run.baseline.is_none() {
        return Err("nothing is counted yet".to_owned());
    }
    let objects = deltas::KINDS.iter().filter_map(|kind| {
        let (before, now) = run.objects(*kind)?;
        Some([kind.word().to_owned(), before.to_string(), now.to_string()])
    });
    let figure = |count: Option<RowCount>| {
        count
            .map_or_else(String::new, |count| format!("{}{}", if count.exact { "" } else { "≈" }, count.rows))
    };
    let rows = deltas::shown(state).map(|of| [of.name.clone(), figure(of.before), figure(of.now)]);
    Ok(table(["", "before", "now"], objects.chain(rows)))
}

/// The sessions that are listed.
fn sessions(state: &State) -> Result<String, String> {
    let listed = activity::listed(state);
    if listed.is_empty() {
        return Err("no session is listed yet".to_owned());
    }
    let head = ["pid", "user", "application", "database", "client", "state", "blocked by", "statement"];
    let rows = listed.iter().map(|one| {
        let (seen, backend) = (one.seen, &one.seen.backend);
        let by: Vec<String> = seen.blocked_by.iter().map(ToString::to_string).collect();
        [
            backend.pid.to_string(),
            backend.user.clone(),
            backend.application.clone(),
            backend.database.clone(),
            backend.client.clone(),
            backend.state.clone(),
            by.join(","),
            seen.query.clone(),
        ]
    });
    Ok(table(head, rows))
}

/// The cell of the result that is looked at.
pub fn cell(state: &mut State) -> Vec<Effect> {
    let console = &state.console;
    let answer = console.answer.as_ref();
    let found = answer.and_then(|answer| {
        Some((answer.heads.get(console.column)?.name.clone(), answer.cell(console.row, console.column)?))
    });
    match found {
        Some((name, Some(text))) => copy(format!("row {}, {name}", console.row + 1), text),
        Some((_, None)) => {
            state.toast("copy: it is NULL", true);
            Vec::new()
        }
        None => Vec::new(),
    }
}

/// The row of the result that is looked at, with tabs between its cells; NULL is empty, as psql has it.
pub fn row(state: &mut State) -> Vec<Effect> {
    let console = &state.console;
    let Some(row) = console.answer.as_ref().and_then(|answer| answer.rows.get(console.row)) else {
        return Vec::new();
    };
    let flat = |cell: &Option<String>| cell.as_deref().unwrap_or_default().replace(['\t', '\n', '\r'], " ");
    let cells: Vec<String> = row.iter().map(flat).collect();
    copy(format!("row {}", console.row + 1), &cells.join("\t"))
}

/// What was foreign is as harmless in a clipboard as on the screen: it may be pasted into a shell.
fn copy(what: String, text: &str) -> Vec<Effect> {
    let end = text.char_indices().take_while(|(at, _)| *at < LONGEST).last();
    let end = end.map_or(0, |(at, c)| at + c.len_utf8());
    let safe = |line: &str| line.split('\t').map(|part| scrub::line(part).into_owned()).collect::<Vec<_>>();
    let lines: Vec<String> = text[..end].lines().map(|line| safe(line).join("\t")).collect();
    let what = if end < text.len() { format!("the beginning of {what}") } else { what };
    vec![Effect::Copy { what, text: lines.join("\n") }]
}

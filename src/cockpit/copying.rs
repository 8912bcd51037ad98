//! What `y` copies: that which is looked at.

use super::message::Effect;
use super::state::{State, Tab};
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
            let lines: Vec<&str> = state.log_shown().collect();
            if lines.is_empty() {
                return Err("the log is empty".to_owned());
            }
            Ok(("the log".to_owned(), lines.join("\n")))
        }
        other => {
            Err(format!("there is nothing to copy in {}: 1, 2 and the log have something", other.title()))
        }
    }
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

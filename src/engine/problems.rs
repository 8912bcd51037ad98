//! Errors of the server as problems that a person can act on: where, what, and what it means.

use crate::pg::PgError;
use crate::pg::ServerError;
use crate::plan::model::Environment;
use crate::run::event::{Place, Problem};
use crate::script::{self, CopyFile, Kind, Session, Statement, mask_secrets};

/// SQLSTATE of a lock that wasn't to be had in time.
pub const LOCK_NOT_AVAILABLE: &str = "55P03";
/// SQLSTATE of a deadlock; the transaction is undone and may be tried again.
pub const DEADLOCK: &str = "40P01";
/// SQLSTATE of a COMMIT or ROLLBACK in a procedure or DO block that runs inside a transaction.
pub const COMMITS_INSIDE: &str = "2D000";
/// SQLSTATE of a setting that the server doesn't know.
const UNKNOWN_SETTING: &str = "42704";
/// SQLSTATE of a cancelled statement.
pub const CANCELED: &str = "57014";

/// What may be shown of an error: DETAIL and CONTEXT carry rows.
#[derive(Debug, Clone, Copy)]
pub struct Disclosure {
    pub rows: bool,
}

impl Disclosure {
    /// On production, rows stay out of the journal.
    #[must_use]
    pub fn for_environment(environment: Environment) -> Self {
        Self { rows: environment != Environment::Production }
    }
}

/// A place of a script, as events have it.
#[must_use]
pub fn place_of(place: &crate::script::Place) -> Place {
    Place {
        file: place.file.display().to_string(),
        line: place.line,
        column: place.column,
        includes: place
            .includes
            .iter()
            .map(|from| format!("{}:{}", from.file.display(), from.line))
            .collect(),
    }
}

/// An error of a statement of a script; in its COPY data, where the row is known that is at fault.
#[must_use]
pub fn in_statement(
    error: &ServerError,
    statement: &Statement,
    row: Option<&script::Place>,
    disclosure: Disclosure,
) -> Problem {
    let mut problem = of_server(error, disclosure);
    let mut place = place_of(&statement.place);
    if let Some(located) = error.position.and_then(|position| statement.locate(position as usize)) {
        place.line = located.line;
        place.column = located.column;
    }
    // Inside a DO block the server counts from the block's beginning.
    let inside = error.position.map_or_else(|| in_block(error, statement), |_| None);
    if let Some(located) = inside.and_then(|byte| statement.locate_byte(byte)) {
        (place.line, place.column) = (located.line, located.column);
    }
    let position = error.position.map(|position| position as usize);
    let position = position.or(inside.map(|byte| statement.text[..byte].chars().count() + 1));
    problem.excerpt = heading(statement);
    problem.excerpt.extend(match (&statement.file, position, row) {
        // The server speaks of the data: the words of the COPY that was made say nothing.
        (Some(CopyFile::From { name }), None, Some(row)) => {
            vec![format!("\\copy … from {name}: its line {}", row.line)]
        }
        (Some(CopyFile::From { name }), None, None) => vec![format!("\\copy … from {name}")],
        (None, None, Some(row)) => {
            place = place_of(row);
            vec![format!("in the data of the COPY in line {}", statement.place.line)]
        }
        (_, position, _) => excerpt(statement, position),
    });
    problem.place = Some(place);
    let newer =
        matches!(&statement.kind, Kind::Session(Session::Set { name, .. }) if name == "transaction_timeout");
    if error.sqlstate == UNKNOWN_SETTING && newer {
        problem.hint.get_or_insert_with(|| {
            "a pg_dump from 17 on writes this line, and only servers from 17 on know the setting (psql stops here too with \
             ON_ERROR_STOP): take the line out, or dump with the pg_dump of this server's version"
                .to_owned()
        });
    }
    if error.sqlstate == COMMITS_INSIDE {
        problem.hint.get_or_insert_with(|| {
            "a procedure or DO block with a COMMIT or ROLLBACK of its own can't be in a transaction: put it into a step with \
             transaction = \"none\", where it runs as psql runs it"
                .to_owned()
        });
    }
    problem
}

/// What a person has to know before the statement's text: it doesn't stand in the file.
#[must_use]
pub fn heading(statement: &Statement) -> Vec<String> {
    let made = statement.place.generated.map(|cell| format!("made by \\gexec, row {cell}:"));
    made.into_iter().collect()
}

/// The line of the statement that the position is in, with a caret below it.
fn excerpt(statement: &Statement, position: Option<usize>) -> Vec<String> {
    line_with_caret(&mask_secrets(&statement.shown()), position.unwrap_or(1))
}

fn line_with_caret(text: &str, position: usize) -> Vec<String> {
    let at = position.saturating_sub(1);
    let byte = text.char_indices().nth(at).map_or(text.len(), |(byte, _)| byte);
    let from = text[..byte].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[from..].lines().next().unwrap_or_default();
    let column = text[from..byte].chars().count() as u64 + 1;
    script::excerpt(line, column, 110).lines().map(str::to_owned).collect()
}

/// An error without a place in a script.
#[must_use]
pub fn of_server(error: &ServerError, disclosure: Disclosure) -> Problem {
    Problem {
        message: error.message.clone(),
        sqlstate: Some(error.sqlstate.clone()),
        detail: error.detail.clone().filter(|_| disclosure.rows),
        hint: error.hint.clone(),
        context: if disclosure.rows { context(error) } else { line_of_data(error) },
        ..Problem::default()
    }
}

/// Where in the text of a DO block the error is: the block's line in the call stack, and the statement in
/// it that failed when the block itself ran it.
fn in_block(error: &ServerError, statement: &Statement) -> Option<usize> {
    const BLOCK: &str = "inline_code_block";
    let stack = error.where_.as_deref()?;
    let at = stack.rfind(BLOCK)?;
    // In whatever language the server speaks, the number is the line.
    let digits = stack[at + BLOCK.len()..].split(|c: char| !c.is_ascii_digit());
    let line: usize = digits.into_iter().find(|digits| !digits.is_empty())?.parse().ok()?;
    let byte = statement.in_block(line, None)?;
    let own = !stack[..at].contains("function ") || stack[..at].trim_end().ends_with("function");
    let Some(query) = error.internal_query.as_deref().filter(|_| own) else { return Some(byte) };
    let Some(found) =
        statement.in_block(line, Some(query)).filter(|_| statement.text[byte..].contains(query))
    else {
        return Some(byte);
    };
    let before = error.internal_position.map_or(0, |position| position as usize).saturating_sub(1);
    let inside = query.char_indices().nth(before).map_or(query.len(), |(at, _)| at);
    Some(found + inside)
}

/// The call stack, and the statement inside a function or DO block that failed, with a caret.
fn context(error: &ServerError) -> Option<String> {
    let Some(query) = &error.internal_query else { return error.where_.clone() };
    let masked = mask_secrets(query);
    let query = match error.internal_position {
        Some(position) if masked == *query => {
            format!("in the statement:\n{}", line_with_caret(query, position as usize).join("\n"))
        }
        _ => format!("in the statement: {}", masked.trim()),
    };
    Some(error.where_.as_ref().map_or(query.clone(), |stack| format!("{query}\n{stack}")))
}

/// Which line of COPY data it was, without the data: `COPY t, line 3, column a`.
fn line_of_data(error: &ServerError) -> Option<String> {
    let (line, _) = error.where_.as_ref()?.split_once('\n').unwrap_or((error.where_.as_ref()?, ""));
    let (relation, rest) = line.strip_prefix("COPY ")?.split_once(", line ")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (number, rest) = rest.split_at(digits);
    let column = rest.strip_prefix(", column ").map(|rest| rest.split(": ").next().unwrap_or(rest));
    let column = column.map(|column| format!(", column {column}")).unwrap_or_default();
    (!number.is_empty()).then(|| format!("COPY {relation}, line {number}{column}"))
}

/// The transaction failed as it was to be committed. The server names no statement then: what a deferred
/// constraint or trigger didn't find in order may have come from any of them.
#[must_use]
pub fn at_commit(mut problem: Problem) -> Problem {
    problem.message = format!("at COMMIT: {}", problem.message);
    problem.hint.get_or_insert_with(|| {
        "deferred constraints and triggers are checked when the transaction ends, so no statement is named: \
         SET CONSTRAINTS ALL IMMEDIATE at the beginning of the file shows which one it is"
            .to_owned()
    });
    problem
}

/// Any error of a session.
#[must_use]
pub fn of_pg(error: &PgError, disclosure: Disclosure) -> Problem {
    match error.server() {
        Some(server) if !error.is_lost() => of_server(server, disclosure),
        _ => Problem {
            message: error.sentence(),
            sqlstate: error.sqlstate().map(str::to_owned),
            ..Problem::default()
        },
    }
}

/// What is wrong with the script itself.
#[must_use]
pub fn of_script(error: &script::ScriptError) -> Problem {
    let message =
        if error.why.is_empty() { error.what.clone() } else { format!("{}: {}", error.what, error.why) };
    Problem {
        message,
        place: Some(place_of(&error.place)),
        hint: Some(error.todo.clone()).filter(|todo| !todo.is_empty()),
        ..Problem::default()
    }
}

/// A problem of our own making, with its place.
#[must_use]
pub fn plain(message: impl Into<String>) -> Problem {
    Problem { message: message.into(), ..Problem::default() }
}

//! `\c`: a new session on the same database as the same user, and nothing else.

use super::error::{Fault, Problem};
use super::slash::Cursor;
use super::vars::Variables;

/// A `\c` that names no other database, user or server than the step's, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect {
    /// What it names that couldn't be compared: the script was only looked at.
    pub unchecked: Vec<(&'static str, String)>,
}

/// `\c [-reuse-previous=…] [dbname [user [host [port]]]]`, each `-` for the same as before.
pub(super) fn parse(name: &str, cursor: &mut Cursor<'_>, vars: &Variables) -> Result<Connect, Fault> {
    let mut unchecked = Vec::new();
    for (what, variable) in [("database", "DBNAME"), ("user", "USER"), ("host", "HOST"), ("port", "PORT")] {
        let Some(arg) = cursor.arg(Some(vars), true)? else { break };
        let text = arg.text.trim_matches('"').replace("\"\"", "\"");
        if text == "-" {
            continue;
        }
        if text.contains('=') || text.contains("://") || text.starts_with("-reuse-previous") {
            return Err(Fault::new(
                Problem::Refused,
                format!("\\{name} with a connection string is refused"),
            )
            .why("a step stays on the connection that the plan names")
            .todo(format!("write \\{name} alone for a new session, or make it a plan of its own")));
        }
        match vars.get(variable).filter(|value| !value.is_unknown()) {
            Some(value) if value.text == text => {}
            Some(value) => {
                let what = format!("\\{name}: the {what} {text:?} isn't this one, {:?}", value.text);
                return Err(Fault::new(Problem::Refused, what)
                    .why("a step stays on the connection that the plan names")
                    .todo("make it a plan of its own, run against that one"));
            }
            None => unchecked.push((what, text)),
        }
    }
    Ok(Connect { unchecked })
}

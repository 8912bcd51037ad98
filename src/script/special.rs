//! Variables that psql itself sets or obeys.

use super::vars::{Origin, Variables, parse_bool};

/// What a statement's result says of itself, as psql keeps it in variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Done {
        /// The count in the command tag; none where it has none.
        rows: Option<u64>,
    },
    Failed {
        sqlstate: String,
        message: String,
    },
}

impl Outcome {
    /// Of a statement that ended with this command tag.
    pub fn of_tag(tag: &str) -> Self {
        let mut words = tag.split(' ');
        let counts = ["INSERT", "UPDATE", "DELETE", "MERGE", "SELECT", "FETCH", "MOVE", "COPY"];
        let counted = words.next().is_some_and(|first| counts.contains(&first));
        Self::Done { rows: words.next_back().filter(|_| counted).and_then(|count| count.parse().ok()) }
    }
}

/// The session that a script runs in, as psql's variables tell it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    pub dbname: String,
    pub user: String,
    pub host: String,
    pub port: String,
    /// Known once it is there, as the others below.
    pub encoding: Option<String>,
    pub server_version: Option<String>,
    pub server_version_num: Option<String>,
}

/// Set after every statement.
const OF_RESULTS: &[&str] = &["ERROR", "SQLSTATE", "ROW_COUNT", "LAST_ERROR_SQLSTATE", "LAST_ERROR_MESSAGE"];

/// Set when the session begins.
const OF_SESSIONS: &[&str] =
    &["DBNAME", "USER", "HOST", "PORT", "ENCODING", "SERVER_VERSION_NAME", "SERVER_VERSION_NUM"];

/// psql obeys these, so they always have a value: name, what it is at first, whether it is a boolean.
const OBEYED: &[(&str, &str, bool)] = &[
    ("AUTOCOMMIT", "on", true),
    ("COMP_KEYWORD_CASE", "preserve-upper", false),
    ("ECHO", "none", false),
    ("ECHO_HIDDEN", "off", true),
    ("FETCH_COUNT", "0", false),
    ("HIDE_TABLEAM", "off", true),
    ("HIDE_TOAST_COMPRESSION", "off", true),
    ("HISTCONTROL", "none", false),
    ("HISTSIZE", "500", false),
    ("IGNOREEOF", "0", false),
    ("ON_ERROR_ROLLBACK", "off", true),
    ("ON_ERROR_STOP", "on", true),
    ("PROMPT1", "%/%R%x%# ", false),
    ("PROMPT2", "%/%R%x%# ", false),
    ("PROMPT3", ">> ", false),
    ("QUIET", "on", true),
    ("SHOW_ALL_RESULTS", "on", true),
    ("SHOW_CONTEXT", "errors", false),
    ("SINGLELINE", "off", true),
    ("SINGLESTEP", "off", true),
    ("VERBOSITY", "default", false),
];

/// What psql says of itself: the version whose rules are kept to here, and who keeps to them.
const OF_ITSELF: &[(&str, &str)] = &[
    ("VERSION", concat!("PostgreSQL 15.0 (psql's rules, kept by holdpoint ", env!("CARGO_PKG_VERSION"), ")")),
    ("VERSION_NAME", "15.0"),
    ("VERSION_NUM", "150000"),
];

/// The statements before decide its value.
pub(super) fn is_of_results(name: &str) -> bool {
    OF_RESULTS.contains(&name)
}

/// psql obeys it: `\gset` passes over it, and it can't be without a value.
pub(super) fn is_obeyed(name: &str) -> bool {
    OBEYED.iter().any(|(obeyed, ..)| *obeyed == name)
}

pub(super) fn is_special(name: &str) -> bool {
    is_obeyed(name)
        || is_of_results(name)
        || OF_SESSIONS.contains(&name)
        || OF_ITSELF.iter().any(|(own, _)| *own == name)
}

/// What `\set NAME value` (none: `\unset NAME`) really sets: psql says `on` for a boolean without a value
/// and `off` for one that is unset.
pub(super) fn substitute(name: &str, value: Option<&str>) -> Option<String> {
    let Some((_, first, boolean)) = OBEYED.iter().find(|(obeyed, ..)| *obeyed == name) else {
        return value.map(str::to_owned);
    };
    Some(match (value, boolean) {
        (None, true) => "off".to_owned(),
        (Some(""), true) => "on".to_owned(),
        (None, false) => (*first).to_owned(),
        (Some(value), _) => value.to_owned(),
    })
}

/// Whether one of psql's switches is on.
pub(super) fn is_on(vars: &Variables, name: &str) -> bool {
    let first = OBEYED.iter().find(|(obeyed, ..)| *obeyed == name).map(|(_, first, _)| *first);
    vars.text(name).or(first).and_then(parse_bool).unwrap_or(false)
}

impl Variables {
    /// What psql has set before the first line is read. A variable of the plan keeps its value.
    pub(super) fn begin(&mut self) {
        let of_errors = [("LAST_ERROR_MESSAGE", ""), ("LAST_ERROR_SQLSTATE", "00000")];
        let obeyed = OBEYED.iter().map(|(name, first, _)| (*name, *first));
        for (name, value) in obeyed.chain(of_errors).chain(OF_ITSELF.iter().copied()) {
            if self.get(name).is_none() {
                let _ = self.set(name, value);
            }
        }
    }

    /// What a session says of itself. A variable of the plan keeps its value.
    pub fn surround(&mut self, with: &Surroundings) {
        let author = Origin::Author;
        let database = Origin::Database { raw_allowed: false };
        for (name, value, origin) in [
            ("DBNAME", Some(&with.dbname), author),
            ("USER", Some(&with.user), author),
            ("HOST", Some(&with.host), author),
            ("PORT", Some(&with.port), author),
            ("ENCODING", with.encoding.as_ref(), author),
            ("SERVER_VERSION_NUM", with.server_version_num.as_ref(), author),
            // The server's own words.
            ("SERVER_VERSION_NAME", with.server_version.as_ref(), database),
        ] {
            let Some(value) = value else { continue };
            if self.get(name).is_none_or(|value| value.is_unknown()) {
                let _ = self.set_from(name, value.clone(), origin);
            }
        }
    }

    /// The encoding changed behind `\encoding` or SET client_encoding.
    pub(super) fn encoded(&mut self, encoding: &str) {
        let _ = self.set("ENCODING", encoding);
    }

    /// What psql sets after every statement.
    pub fn outcome(&mut self, outcome: &Outcome) {
        let mut set = |name: &str, value: &str, origin: Origin| drop(self.set_from(name, value, origin));
        match outcome {
            Outcome::Done { rows } => {
                set("ERROR", "false", Origin::Author);
                set("SQLSTATE", "00000", Origin::Author);
                set("ROW_COUNT", &rows.unwrap_or_default().to_string(), Origin::Author);
            }
            Outcome::Failed { sqlstate, message } => {
                set("ERROR", "true", Origin::Author);
                // Five capital letters or digits, whoever raised it.
                set("SQLSTATE", sqlstate, Origin::Author);
                set("ROW_COUNT", "0", Origin::Author);
                set("LAST_ERROR_SQLSTATE", sqlstate, Origin::Author);
                set("LAST_ERROR_MESSAGE", message, Origin::Database { raw_allowed: false });
            }
        }
    }

    /// What psql from 16 on sets after a shell command.
    pub(super) fn shell_ended(&mut self, code: i32) {
        let _ = self.set("SHELL_ERROR", if code == 0 { "false" } else { "true" });
        let _ = self.set("SHELL_EXIT_CODE", code.to_string());
    }

    /// The statement before isn't run again: its result isn't known.
    pub(super) fn results_are_gone(&mut self) {
        OF_RESULTS.iter().for_each(|name| self.forget(name));
    }

    /// The script is only looked at: what the server would say isn't known.
    pub(super) fn look_only(&mut self) {
        for name in OF_RESULTS.iter().chain(OF_SESSIONS) {
            let raw_allowed = !matches!(*name, "LAST_ERROR_MESSAGE" | "SERVER_VERSION_NAME");
            if is_of_results(name) || self.get(name).is_none() {
                let _ = self.set_from(name, "unknown", Origin::Unknown { raw_allowed });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_count_as_psql_counts() {
        for (tag, rows) in [
            ("INSERT 0 3", Some(3)),
            ("SELECT 12", Some(12)),
            ("COPY 5", Some(5)),
            ("CREATE TABLE", None),
            ("BEGIN", None),
            ("", None),
        ] {
            assert_eq!(Outcome::of_tag(tag), Outcome::Done { rows }, "{tag}");
        }
    }

    #[test]
    fn switches_have_psqls_values() {
        assert_eq!(substitute("AUTOCOMMIT", None).as_deref(), Some("off"));
        assert_eq!(substitute("AUTOCOMMIT", Some("")).as_deref(), Some("on"));
        assert_eq!(substitute("FETCH_COUNT", None).as_deref(), Some("0"));
        assert_eq!(substitute("mine", None), None);
        let mut vars = Variables::new();
        vars.begin();
        assert!(is_on(&vars, "ON_ERROR_STOP") && is_on(&vars, "AUTOCOMMIT"));
        assert!(!is_on(&vars, "ON_ERROR_ROLLBACK"));
        assert_eq!((vars.text("VERSION_NUM"), vars.text("VERSION_NAME")), (Some("150000"), Some("15.0")));
    }
}

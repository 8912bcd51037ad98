//! psql variables: names, values, where a value came from, and the three ways to paste one.

use super::shell::Shell;
use std::collections::{BTreeMap, BTreeSet};

/// Where a value came from decides whether it may be pasted into SQL as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Origin {
    /// The plan, the command line or the script: its author answers for it.
    #[default]
    Author,
    /// A query's result. Pasted raw it can bring SQL of somebody else's making into the script.
    Database {
        /// The plan says that raw use is fine (`unsafe_vars`).
        raw_allowed: bool,
    },
    /// The script is only looked at: what the server will say here is known when it runs.
    Unknown { raw_allowed: bool },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    pub text: String,
    pub origin: Origin,
}

impl Value {
    /// Whether `:name` may paste this value as it is.
    pub fn raw_allowed(&self) -> bool {
        !matches!(
            self.origin,
            Origin::Database { raw_allowed: false } | Origin::Unknown { raw_allowed: false }
        )
    }

    /// Only the run will know it.
    pub fn is_unknown(&self) -> bool {
        matches!(self.origin, Origin::Unknown { .. })
    }

    /// It came, or will come, out of the database.
    pub fn is_from_database(&self) -> bool {
        self.origin != Origin::Author
    }
}

/// A name or value that psql can't take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VariableError {
    #[error("{0:?} is no variable name: letters, digits and underscores only")]
    Name(String),
    #[error("the value of {0:?} holds a NUL character")]
    Nul(String),
}

/// What stands for a value that isn't known yet.
const UNKNOWN: &str = "unknown";

/// The variables a script sees, by psql's rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables {
    values: BTreeMap<String, Value>,
    /// Names whose values may be pasted raw although they come from the database.
    raw: BTreeSet<String>,
    /// Any name that begins so may have a value that only the run knows; and which command gives it.
    unknown: Vec<(String, String)>,
    /// The command that gave a name its value out of the database, or will.
    given_by: BTreeMap<String, String>,
    /// What the plan lets the script have a shell do.
    shell: BTreeSet<Shell>,
}

impl Variables {
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a value that the plan, the command line or the script itself gave.
    pub fn set(&mut self, name: &str, text: impl Into<String>) -> Result<(), VariableError> {
        self.set_from(name, text, Origin::Author)
    }

    pub fn set_from(
        &mut self,
        name: &str,
        text: impl Into<String>,
        origin: Origin,
    ) -> Result<(), VariableError> {
        let text = text.into();
        if !is_name(name) {
            return Err(VariableError::Name(name.to_owned()));
        }
        if text.contains('\0') {
            return Err(VariableError::Nul(name.to_owned()));
        }
        let raw_allowed = self.raw.contains(name);
        let origin = match origin {
            Origin::Author => Origin::Author,
            Origin::Database { raw_allowed: allowed } => {
                Origin::Database { raw_allowed: allowed || raw_allowed }
            }
            Origin::Unknown { raw_allowed: allowed } => {
                Origin::Unknown { raw_allowed: allowed || raw_allowed }
            }
        };
        self.values.insert(name.to_owned(), Value { text, origin });
        Ok(())
    }

    pub fn unset(&mut self, name: &str) {
        self.values.remove(name);
    }

    /// The plan's `unsafe_vars`: what the database gives these may be pasted raw.
    pub fn allow_raw<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        self.raw.extend(names.into_iter().map(str::to_owned));
        for (name, value) in &mut self.values {
            if let Origin::Database { raw_allowed } = &mut value.origin {
                *raw_allowed |= self.raw.contains(name);
            }
        }
    }

    /// The plan's `allow_shell`.
    pub fn allow_shell(&mut self, ways: impl IntoIterator<Item = Shell>) {
        self.shell.extend(ways);
    }

    pub(super) fn allows(&self, way: Shell) -> bool {
        self.shell.contains(&way)
    }

    /// Only the run will know the value of this one.
    pub(super) fn forget(&mut self, name: &str) {
        let raw_allowed = self.raw.contains(name);
        let value = Value { text: UNKNOWN.to_owned(), origin: Origin::Unknown { raw_allowed } };
        self.values.insert(name.to_owned(), value);
    }

    /// Only the run will know the values of all that begin so.
    pub(super) fn forget_all(&mut self, prefix: &str, by: &str) {
        let known: Vec<String> =
            self.values.keys().filter(|name| name.starts_with(prefix)).cloned().collect();
        known.iter().filter(|name| !super::special::is_special(name)).for_each(|name| self.forget(name));
        self.unknown.push((prefix.to_owned(), by.to_owned()));
    }

    /// It isn't set as far as anyone can see, and may be when the script runs.
    pub(super) fn may_be_set(&self, name: &str) -> bool {
        !self.values.contains_key(name)
            && self.unknown.iter().any(|(prefix, _)| name.starts_with(prefix.as_str()))
    }

    /// The same for one that a query may set, and whose value may not be pasted as it is.
    pub(super) fn may_be_pasted(&self, name: &str) -> bool {
        !name.starts_with(|c: char| c.is_ascii_digit()) && !self.raw.contains(name) && self.may_be_set(name)
    }

    /// This command gives the name its value.
    pub(super) fn give_by(&mut self, name: &str, by: &str) {
        self.given_by.insert(name.to_owned(), by.to_owned());
    }

    /// The command that gave this name its value out of the database, or may have: where, and whether it surely
    /// does.
    pub(super) fn given_by(&self, name: &str) -> Option<(&str, bool)> {
        let any = || self.unknown.iter().rev().find(|(prefix, _)| name.starts_with(prefix.as_str()));
        match self.given_by.get(name) {
            Some(by) => Some((by, true)),
            None => any().map(|(_, by)| (by.as_str(), false)),
        }
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.text.as_str())
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value))
    }
}

/// psql's `variable_char`, once or more.
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(is_name_byte)
}

pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// `:'name'`. With a backslash in it the literal becomes ` E'…'`, leading space included: that is what
/// libpq does, so that the E can't grow together with a word before it.
pub fn quote_literal(text: &str) -> String {
    let escaped = text.contains('\\');
    let mut out = String::with_capacity(text.len() + 4);
    out.push_str(if escaped { " E'" } else { "'" });
    for c in text.chars() {
        if c == '\'' || c == '\\' {
            out.push(c);
        }
        out.push(c);
    }
    out.push('\'');
    out
}

/// `:"name"`: always quoted, as psql does.
pub fn quote_identifier(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// psql's idea of a boolean: `true`, `false`, `yes`, `no` and any beginning of these, `on`, `off`
/// (two letters at least), `1`, `0`; in any case of letters.
pub fn parse_bool(text: &str) -> Option<bool> {
    let text = text.to_ascii_lowercase();
    let begins = |word: &str, least: usize| text.len() >= least && word.starts_with(&text);
    match text.as_str() {
        "1" => Some(true),
        "0" => Some(false),
        _ if begins("true", 1) || begins("yes", 1) || begins("on", 2) => Some(true),
        _ if begins("false", 1) || begins("no", 1) || begins("off", 2) => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_is_libpqs() {
        assert_eq!(quote_literal("it's"), "'it''s'");
        assert_eq!(quote_literal(r"a\b'c"), r" E'a\\b''c'");
        assert_eq!(quote_identifier(r#"a"b\"#), r#""a""b\""#);
    }

    #[test]
    fn booleans_are_psqls() {
        for yes in ["t", "TRUE", "tr", "y", "yes", "on", "1"] {
            assert_eq!(parse_bool(yes), Some(true), "{yes}");
        }
        for no in ["f", "False", "n", "no", "of", "off", "0"] {
            assert_eq!(parse_bool(no), Some(false), "{no}");
        }
        for neither in ["", "o", "2", "truee", "maybe", ":x"] {
            assert_eq!(parse_bool(neither), None, "{neither}");
        }
    }

    #[test]
    fn raw_use_depends_on_the_origin() {
        let mut vars = Variables::new();
        vars.set_from("v", "x", Origin::Database { raw_allowed: false }).unwrap();
        assert!(!vars.get("v").unwrap().raw_allowed());
        assert!(vars.set("not a name", "x").is_err());
        assert!(vars.set("n", "a\0b").is_err());
    }
}

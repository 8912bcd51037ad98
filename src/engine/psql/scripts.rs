//! What psql runs around a file, in the file's own session.
//!
//! Before it, from standard input: the variables, so that no value is seen in psql's arguments; a note of
//! the session in the ledger, which a runner whose time is over can't write; BEGIN. After it, as
//! arguments: what the transaction touched, the ledger's row and COMMIT, or the proof that no transaction was left open.

use crate::pg::ledger::entry::Entry;
use crate::pg::ledger::intent::Intent;
use crate::pg::ledger::{fence, identifier};
use crate::pg::touched::touched_sql;
use crate::script::Variables;

/// What the scripts are made of.
#[derive(Debug)]
pub(super) struct Around<'a> {
    pub variables: &'a Variables,
    pub role: Option<&'a str>,
    /// What the file is written in; what stands around it is UTF-8.
    pub encoding: Option<&'a str>,
    /// The file is one transaction, and this marks it as the step's own.
    pub single: Option<&'a str>,
    /// The transaction may begin with a statement of ours: the file doesn't set how it runs.
    pub marked: bool,
    /// `None`: the run has no ledger.
    pub ledger: Option<(&'a Intent<'a>, &'a str)>,
}

impl Around<'_> {
    /// What psql reads before the file.
    pub fn before(&self) -> String {
        let mut text = "\\set QUIET on\n".to_owned();
        for (name, value) in self.variables.iter() {
            text.push_str(&format!("\\set {name} {}\n", quoted(&value.text)));
        }
        if let Some((intent, _)) = self.ledger {
            text.push_str(&format!("{};\n", fence::note_itself(intent.run, intent.epoch)));
        }
        // Not every platform can do it.
        text.push_str(
            "DO $holdpoint$ BEGIN PERFORM pg_catalog.set_config('client_connection_check_interval', '2s', false); \
             EXCEPTION WHEN OTHERS THEN NULL; END $holdpoint$;\n",
        );
        match (self.single, self.role) {
            (Some(nonce), role) => {
                // Behind a COMMIT or ROLLBACK of the file nothing more is let through: it would be committed
                // by itself, and nobody could tell.
                text.push_str("SET default_transaction_read_only = on;\nBEGIN READ WRITE;\n");
                text.push_str(&format!("{};\n", super::super::unit::set_nonce(nonce)));
                // Committed without the ledger's row it says that the file ended this transaction itself.
                if let Some((intent, _)) = self.ledger.filter(|_| self.marked) {
                    text.push_str(&format!("{};\n", intent.applied()));
                }
                if let Some(role) = role {
                    text.push_str(&format!("SET LOCAL ROLE {};\n", identifier(role)));
                }
            }
            (None, Some(role)) => text.push_str(&format!("SET ROLE {};\n", identifier(role))),
            (None, None) => {}
        }
        if let Some(encoding) = self.encoding {
            text.push_str(&format!("\\encoding {}\n", quoted(encoding)));
        }
        text.push_str("\\unset QUIET\n");
        text
    }

    /// What psql is told to do after the file, one after the other. Whatever the file has set, an
    /// error ends it here.
    pub fn after(&self) -> Vec<String> {
        let mut all: Vec<String> = [
            "\\set QUIET on",
            "\\set ON_ERROR_STOP on",
            "\\set ON_ERROR_ROLLBACK off",
            "\\set VERBOSITY verbose",
        ]
        .map(str::to_owned)
        .to_vec();
        if self.encoding.is_some() {
            all.push("\\encoding UTF8".to_owned());
        }
        // What we ask for comes to us, wherever the file has sent results.
        all.push("\\o".to_owned());
        let Some(nonce) = self.single else {
            // It can't be run in a transaction: an open one is found, and isn't lost without a word.
            all.push("DISCARD ALL".to_owned());
            return all;
        };
        all.extend(
            [
                "SET default_transaction_read_only = off",
                "SET CONSTRAINTS ALL IMMEDIATE",
                "SET LOCAL SESSION AUTHORIZATION DEFAULT",
                "SET LOCAL ROLE NONE",
                "SET LOCAL search_path = ''",
                "SET LOCAL row_security = off",
                "SET LOCAL synchronous_commit = on",
                "DO $holdpoint$ BEGIN IF pg_catalog.current_setting('session_replication_role') <> 'origin' THEN \
                 PERFORM pg_catalog.set_config('session_replication_role', 'origin', true); END IF; END $holdpoint$",
            ]
            .map(str::to_owned),
        );
        all.push(format!("COPY (SELECT '{nonce}', t.* FROM ({}) t) TO STDOUT", touched_sql().trim_end()));
        if let Some((intent, digest)) = self.ledger {
            let entry = Entry {
                run: intent.run,
                unit: intent.unit,
                epoch: intent.epoch,
                nonce,
                statements: 0,
                digest,
                head: intent.head,
            };
            all.extend([entry.sql(), intent.applied()]);
        }
        all.push("COMMIT".to_owned());
        all
    }
}

/// An argument of a backslash command: between quotes, with what would end it escaped.
fn quoted(text: &str) -> String {
    let mut out = "'".to_owned();
    for c in text.chars() {
        match c {
            '\'' => out.push_str("''"),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_value_stays_on_its_line() {
        assert_eq!(quoted("it's\na \\ :x `y`"), r"'it''s\na \\ :x `y`'");
    }
}

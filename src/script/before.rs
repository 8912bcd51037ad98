//! What stood before in a script, as far as it makes a statement behind it go otherwise than its author may
//! think: enum values that are too new to be used, procedures that commit.
//!
//! Heuristic, by words: a literal that is spelled like a new value may be meant for another type.

use std::collections::BTreeSet;

use super::commits;
use super::kind::{Kind, Transaction};
use super::mentions::inner;
use super::reader::Reader;
use super::statement::Statement;
use super::surprises::Surprise;
use super::tokens::{Piece, Tok, Tokens};

/// Of one statement, at most: nobody adds an enum value in a long one.
const TOKENS: usize = 64;
/// New values that are remembered, at most.
const VALUES: usize = 1_000;

/// The memory of one script.
#[derive(Debug)]
pub(super) struct Before {
    /// Nothing but settings and what drops things stood before.
    pub beginning: bool,
    /// Procedures that the script made, with a COMMIT or ROLLBACK in them.
    procedures: BTreeSet<String>,
    /// Types that the transaction made: their values can be used at once.
    made: BTreeSet<String>,
    /// Values that the transaction added, as literals.
    added: BTreeSet<String>,
    /// Between a BEGIN of the script and its end.
    in_block: bool,
}

impl Before {
    pub fn new() -> Self {
        Self {
            beginning: true,
            procedures: BTreeSet::new(),
            made: BTreeSet::new(),
            added: BTreeSet::new(),
            in_block: false,
        }
    }

    /// Looks at a statement and remembers it. `begins`: AUTOCOMMIT off begins a transaction before it.
    pub fn look(&mut self, statement: &Statement, begins: bool, mut with: impl FnMut(Surprise, usize)) {
        if begins {
            self.turn(true);
        }
        let begun = |kind: &Kind| matches!(kind, Kind::Transaction(Transaction::Begin));
        if statement.kind.ends_transaction() || statement.kind.each().iter().any(begun) {
            self.turn(!statement.kind.ends_transaction());
        }
        let text = statement.text.as_str();
        if !self.added.is_empty() {
            self.uses(text, &mut with);
        }
        let Kind::Other(word) = &statement.kind else { return };
        match word.as_str() {
            "ALTER" => self.alters(text),
            "CREATE" => self.creates(text),
            "DO" => {
                if let Some(byte) = commits::of_block(text) {
                    with(Surprise::Commits { block: true, in_block: self.in_block }, byte);
                }
            }
            "CALL" => {
                let pieces: Vec<_> = Tokens::new(text).take(TOKENS).collect();
                let mut r = Reader::new(&pieces);
                let called = r.take("CALL").then(|| r.qualified()).flatten();
                if called.is_some_and(|name| self.procedures.contains(&name.name)) {
                    with(Surprise::Commits { block: false, in_block: self.in_block }, 0);
                }
            }
            _ => {}
        }
    }

    /// Another transaction.
    fn turn(&mut self, in_block: bool) {
        self.in_block = in_block;
        self.made.clear();
        self.added.clear();
    }

    /// `ALTER TYPE t ADD VALUE [IF NOT EXISTS] 'x'`
    fn alters(&mut self, text: &str) {
        let pieces: Vec<_> = Tokens::new(text).take(TOKENS).collect();
        let mut r = Reader::new(&pieces);
        if !(r.take("ALTER") && r.take("TYPE")) {
            return;
        }
        let Some(name) = r.qualified() else { return };
        if r.take("ADD") && r.take("VALUE") && !self.made.contains(&name.name) && self.added.len() < VALUES {
            r.if_exists();
            let value = r.piece().filter(|piece| piece.tok == Tok::Text);
            self.added.extend(value.map(|value| value.text.to_owned()));
        }
    }

    fn creates(&mut self, text: &str) {
        let pieces: Vec<_> = Tokens::new(text).take(TOKENS).collect();
        let mut r = Reader::new(&pieces);
        r.take("CREATE");
        let _ = r.take("OR") && r.take("REPLACE");
        if r.take("TYPE") {
            self.made.extend(r.qualified().map(|name| name.name));
        } else if r.take("PROCEDURE")
            && let Some(name) = r.qualified()
            && commits::of_procedure(text).is_some()
        {
            self.procedures.insert(name.name);
        }
    }

    /// A literal of the statement, or of its DO block, is spelled like a new value. What stands in the body of a
    /// function is read when that is called.
    fn uses(&self, text: &str, with: &mut impl FnMut(Surprise, usize)) {
        if !self.added.iter().any(|value| text.contains(value.as_str())) {
            return;
        }
        let mut found = |piece: &Piece<'_>, from: usize| {
            if piece.tok == Tok::Text && self.added.contains(piece.text) {
                let value = piece.text.to_owned();
                with(Surprise::NewValue { value, in_block: self.in_block }, from + piece.start);
            }
        };
        let mut pieces = Tokens::new(text).peekable();
        let block = pieces.peek().is_some_and(|first| first.is("DO"));
        let alters = pieces.peek().is_some_and(|first| first.is("ALTER"));
        // Values may be put before or behind each other.
        if alters && Tokens::new(text).nth(1).is_some_and(|second| second.is("TYPE")) {
            return;
        }
        for piece in pieces {
            found(&piece, 0);
            if block && piece.tok == Tok::Dollar {
                let body = inner(piece.text);
                let from = body.as_ptr() as usize - text.as_ptr() as usize;
                Tokens::with_plain_semicolons(body).for_each(|piece| found(&piece, from));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::script::{Memory, Variables, scan};

    fn surprises(sql: &str) -> Vec<String> {
        let report = scan(Memory::one("a.sql", sql), "a.sql", Variables::new()).expect("it can be read");
        let told = report.surprises.iter();
        told.map(|(what, place)| format!("{}:{} {what:?}", place.line, place.column)).collect()
    }

    #[test]
    fn new_values_in_their_transaction() {
        let uses = |line: &str, in_block: bool| {
            vec![format!("{line} NewValue {{ value: \"'so-so'\", in_block: {in_block} }}")]
        };
        let add = "ALTER TYPE a.mood ADD VALUE IF NOT EXISTS 'so-so' BEFORE 'ok';\n";
        assert_eq!(surprises(&format!("{add}UPDATE t SET m = 'so-so';")), uses("2:18", false));
        assert_eq!(surprises(&format!("BEGIN;\n{add}UPDATE t SET m = 'so-so';")), uses("3:18", true));
        let block = "DO $$ BEGIN\n  UPDATE t SET m = 'so-so'; END $$;";
        assert_eq!(surprises(&format!("{add}{block}")), uses("3:20", false));
        for fine in [
            format!("CREATE TYPE mood AS ENUM ('ok');\n{add}UPDATE t SET m = 'so-so';"),
            format!("{add}COMMIT;\nUPDATE t SET m = 'so-so';"),
            format!("{add}BEGIN;\nUPDATE t SET m = 'so-so';"),
            format!("{add}{add}SELECT 'so-so so';"),
            format!("{add}CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT 'so-so' $$;"),
        ] {
            assert_eq!(surprises(&fine), Vec::<String>::new(), "{fine}");
        }
    }

    #[test]
    fn code_that_commits() {
        let commits = |place: &str, block: bool, in_block: bool| {
            vec![format!("{place} Commits {{ block: {block}, in_block: {in_block} }}")]
        };
        assert_eq!(surprises("DO $$\nBEGIN\n  COMMIT;\nEND $$;"), commits("3:3", true, false));
        assert_eq!(surprises("BEGIN;\nDO 'BEGIN ROLLBACK AND CHAIN; END';"), commits("2:11", true, true));
        let procedure = "CREATE OR REPLACE PROCEDURE s.\"P\"(n int) LANGUAGE plpgsql AS $p$\n\
                         BEGIN IF n > 1 THEN COMMIT; END IF; END $p$;\n";
        assert_eq!(surprises(&format!("{procedure}CALL s.\"P\"(1);")), commits("3:1", false, false));
        for fine in [
            "DO $$ BEGIN RAISE NOTICE 'COMMIT;'; -- COMMIT;\n END $$;",
            "DO $$ DECLARE commit int; BEGIN commit := 1; PERFORM commit; END $$;",
            "DO LANGUAGE plperl $$ COMMIT; $$;",
            "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;",
            &format!("{procedure}CALL q(1);"),
        ] {
            assert_eq!(surprises(fine), Vec::<String>::new(), "{fine}");
        }
    }
}

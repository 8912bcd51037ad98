//! What a statement holds that may go otherwise than its author thinks, found in its text and (`before`) in
//! what stood in front of it.
//!
//! Sound: variables without a value, values pasted as they are, and what the end of the file cut off; the
//! lexer says these. Heuristic: calls of set_config and dblink are found by their names, and a DROP
//! without IF EXISTS by its words.

use super::before::Before;
use super::kind::Kind;
use super::lex::{Form, Lexer, TokenKind};
use super::place::Place;
use super::statement::Statement;
use super::tokens::{Tok, Tokens};

/// More of them in one script are left out: nobody reads so many.
const AT_MOST: usize = 10_000;

/// Something that may surprise.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Surprise {
    /// A variable without a value, as it is written: psql sends it as it stands.
    Unset { written: String, name: String },
    /// The value of this variable becomes a part of the statement.
    Raw { name: String },
    /// The file ends inside of this.
    CutOff { inside: &'static str },
    /// The file ends in the data of a COPY.
    DataCutOff,
    /// `set_config('name', …)`
    SetConfig { name: String },
    /// It reaches into another database.
    Dblink,
    /// DROP without IF EXISTS, at the beginning of the script.
    BareDrop,
    /// Code that commits or rolls back by itself: a DO block, or a procedure that the script made.
    Commits { block: bool, in_block: bool },
    /// A value that its transaction has added to an enum, as it is written.
    NewValue { value: String, in_block: bool },
}

/// Looks at a statement. `begins`: AUTOCOMMIT off begins a transaction before it.
pub(super) fn look(
    statement: &Statement,
    before: &mut Before,
    begins: bool,
    found: &mut Vec<(Surprise, Place)>,
) {
    if found.len() >= AT_MOST {
        return;
    }
    let text = statement.text.as_str();
    let at = |byte: usize| {
        let mut place = statement.place.clone();
        if let Some(located) = statement.map.locate_byte(text, byte) {
            (place.line, place.column) = (located.line, located.column);
        }
        place
    };
    for (name, located) in &statement.map.raw {
        let mut place = statement.place.clone();
        (place.line, place.column) = (located.line, located.column);
        found.push((Surprise::Raw { name: name.clone() }, place));
    }
    if names_a_variable(text) {
        unset(text, |written, name, byte| {
            found.push((Surprise::Unset { written: written.to_owned(), name: name.to_owned() }, at(byte)));
        });
    }
    if statement.map.cut_off
        && let Some((inside, byte)) = cut_off(text)
    {
        found.push((Surprise::CutOff { inside }, at(byte)));
    }
    if holds(text, b"set_config") || holds(text, b"dblink") {
        calls(text, |surprise, byte| found.push((surprise, at(byte))));
    }
    before.look(statement, begins, |surprise, byte| found.push((surprise, at(byte))));
    match &statement.kind {
        Kind::Other(word) if word == "DROP" => {
            if before.beginning && drops_bare(text) {
                found.push((Surprise::BareDrop, statement.place.clone()));
            }
        }
        // A dump to be restored over its database takes constraints away first.
        Kind::Empty | Kind::Query | Kind::Session(_) | Kind::Transaction(_) => {}
        Kind::Other(word) if word == "ALTER" => {}
        _ => before.beginning = false,
    }
}

/// A colon before a name or a quote, and not behind another colon. In most statements there is none.
fn names_a_variable(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.windows(2).enumerate().any(|(at, pair)| {
        let begins =
            pair[1].is_ascii_alphabetic() || matches!(pair[1], b'_' | b'\'' | b'"') || pair[1] >= 0x80;
        pair[0] == b':' && begins && (at == 0 || bytes[at - 1] != b':')
    })
}

/// Variables that are still in the text, which is after all that have a value were filled in. In
/// brackets a colon is a slice of an array.
fn unset(text: &str, mut with: impl FnMut(&str, &str, usize)) {
    let (mut lexer, mut pos, mut brackets) = (Lexer::new(), 0, 0_usize);
    while let Some(token) = lexer.step(text.as_bytes(), pos) {
        pos = token.end;
        let Some(written) = text.get(token.start..token.end) else { return };
        match token.kind {
            TokenKind::Punct if written == "[" => brackets += 1,
            TokenKind::Punct if written == "]" => brackets = brackets.saturating_sub(1),
            TokenKind::Variable(form @ (Form::Raw | Form::Literal | Form::Identifier)) => {
                let name = written.trim_matches([':', '\'', '"']);
                let slice = form == Form::Raw && brackets > 0;
                if !slice && !name.starts_with(|c: char| c.is_ascii_digit()) {
                    with(written, name, token.start);
                }
            }
            _ => {}
        }
    }
}

/// What the end of the text is inside of, and where that begins.
fn cut_off(text: &str) -> Option<(&'static str, usize)> {
    let (mut lexer, mut pos, mut began) = (Lexer::new(), 0, 0);
    let mut parentheses = Vec::new();
    loop {
        let inside = lexer.in_quote();
        let Some(token) = lexer.step(text.as_bytes(), pos) else { break };
        pos = token.end;
        if !inside && lexer.in_quote() {
            began = token.start;
        }
        match text.get(token.start..token.end) {
            Some("(") if token.kind == TokenKind::Punct => parentheses.push(token.start),
            Some(")") if token.kind == TokenKind::Punct => drop(parentheses.pop()),
            _ => {}
        }
    }
    let what = lexer.unfinished()?;
    let began = if lexer.in_quote() { began } else { parentheses.last().copied().unwrap_or(0) };
    Some((what, began))
}

fn holds(text: &str, word: &[u8]) -> bool {
    text.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word))
}

/// Calls of set_config with a plain name, and of dblink's functions.
fn calls(text: &str, mut with: impl FnMut(Surprise, usize)) {
    let pieces: Vec<_> = Tokens::new(text).take(8192).collect();
    for (at, piece) in pieces.iter().enumerate() {
        if piece.tok != Tok::Word || !pieces.get(at + 1).is_some_and(|next| next.symbol("(")) {
            continue;
        }
        if piece.is("set_config") {
            if let Some(name) = pieces.get(at + 2).filter(|next| next.tok == Tok::Text) {
                with(Surprise::SetConfig { name: name.text.trim_matches('\'').to_lowercase() }, piece.start);
            }
        } else if piece.text.to_lowercase().starts_with("dblink") {
            with(Surprise::Dblink, piece.start);
        }
    }
}

fn drops_bare(text: &str) -> bool {
    let pieces: Vec<_> = Tokens::new(text).take(64).collect();
    // `ALTER … DROP` isn't one; DROP OWNED needs nothing to be there.
    let owned = pieces.get(1).is_some_and(|piece| piece.is("OWNED"));
    !owned && !pieces.windows(2).any(|pair| pair[0].is("IF") && pair[1].is("EXISTS"))
}

#[cfg(test)]
mod tests {
    use crate::script::{Memory, Variables, scan};

    fn surprises(sql: &str) -> Vec<String> {
        let mut vars = Variables::new();
        vars.set("known", "now()").expect("a name");
        let report = scan(Memory::one("a.sql", sql), "a.sql", vars).expect("it can be read");
        report
            .surprises
            .iter()
            .map(|(what, place)| format!("{}:{} {what:?}", place.line, place.column))
            .collect()
    }

    #[test]
    fn variables() {
        assert_eq!(
            surprises(
                "SELECT :'gone',\n :known, :'known', a[1:n], '12:30'::time, $$ :x $$, x::text -- :y\n;"
            ),
            ["2:2 Raw { name: \"known\" }", "1:8 Unset { written: \":'gone'\", name: \"gone\" }"]
        );
        assert_eq!(surprises("SELECT :gone;"), ["1:8 Unset { written: \":gone\", name: \"gone\" }"]);
    }

    #[test]
    fn ends_in_the_middle() {
        for (sql, wanted) in [
            ("SELECT 1;\nSELECT 'it;\n", "2:8 CutOff { inside: \"a quoted string\" }"),
            ("SELECT 1; /* so\n", "1:11 CutOff { inside: \"a comment\" }"),
            ("DO $x$ BEGIN END $y$;", "1:4 CutOff { inside: \"a dollar-quoted string\" }"),
            ("SELECT \"a;", "1:8 CutOff { inside: \"a quoted name\" }"),
            ("SELECT f(1, (2);\nSELECT 2;", "1:9 CutOff { inside: \"a parenthesis\" }"),
            ("COPY t FROM stdin;\n1\n2\n", "1:1 DataCutOff"),
        ] {
            assert_eq!(surprises(sql), [wanted], "{sql}");
        }
        for whole in
            ["SELECT 1", "SELECT 'a';\n-- so", "COPY t FROM stdin;\n1\n\\.\n", "COPY t FROM stdin;\n1\n\\."]
        {
            assert_eq!(surprises(whole), Vec::<String>::new(), "{whole}");
        }
    }

    #[test]
    fn calls_and_drops() {
        assert_eq!(
            surprises("SELECT pg_catalog.set_config('search_path', '', false);"),
            ["1:19 SetConfig { name: \"search_path\" }"]
        );
        assert_eq!(surprises("SELECT * FROM dblink_exec('x', 'y');"), ["1:15 Dblink"]);
        assert_eq!(
            surprises("DROP TABLE a; DROP TABLE IF EXISTS b; CREATE TABLE c (); DROP TABLE d;"),
            ["1:1 BareDrop"]
        );
    }
}

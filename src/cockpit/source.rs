//! A script as it is shown: lines in colours, and where its statements begin.
//!
//! The lexer is the one that the engine reads scripts with. It is asked for tokens alone: what a branch
//! skips or a variable brings shows only when the script runs.

use crate::script::{Lexer, TokenKind};
use crate::text::scrub;

/// More than this of a script isn't shown; it runs in full.
pub const SHOWN_BYTES: usize = 2 << 20;

/// What a piece of SQL is, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    Plain,
    Keyword,
    Text,
    Number,
    Comment,
    /// A line for psql: `\i`, `\set`.
    Meta,
    /// Data of a COPY.
    Data,
    Variable,
}

/// A script, or why it can't be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// File name, or the plan's.
    pub name: String,
    /// The number of the first line.
    pub first: u64,
    pub lines: Vec<Vec<(Paint, String)>>,
    pub statements: Vec<Statement>,
    /// What isn't shown, and why.
    pub note: Option<String>,
}

/// Where a statement stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub line: u64,
    pub column: u64,
    pub last_line: u64,
    /// Its beginning, on one line.
    pub head: String,
}

impl Source {
    /// Nothing to show but this.
    #[must_use]
    pub fn absent(name: &str, why: String) -> Self {
        Self { name: name.to_owned(), first: 1, note: Some(why), ..Self::default() }
    }

    /// Reads a script whose first line has the number `first`.
    #[must_use]
    pub fn read(name: &str, bytes: &[u8], first: u64) -> Self {
        let all = bytes.len();
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let shown = &bytes[..bytes.len().min(SHOWN_BYTES)];
        let text = String::from_utf8_lossy(shown);
        let mut reader = Reader::new(&text, first);
        reader.read();
        let note = (bytes.len() > SHOWN_BYTES)
            .then(|| format!("the first {} MiB of {} are shown", SHOWN_BYTES >> 20, mebibytes(all)));
        Self { name: name.to_owned(), first, lines: reader.lines, statements: reader.statements, note }
    }

    /// The statement that begins there.
    #[must_use]
    pub fn at(&self, line: u64, column: u64) -> Option<usize> {
        let begins = |s: &Statement| (s.line, s.column) == (line, column);
        let covers = |s: &Statement| s.line <= line && line <= s.last_line;
        self.statements.iter().position(begins).or_else(|| self.statements.iter().position(covers))
    }
}

fn mebibytes(bytes: usize) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

struct Reader<'a> {
    text: &'a str,
    line: u64,
    /// Byte where the line begins.
    begins: usize,
    lines: Vec<Vec<(Paint, String)>>,
    statements: Vec<Statement>,
    /// Where the statement began that isn't over: byte, line, column.
    open: Option<(usize, u64, u64)>,
    /// The first words of it, for COPY.
    words: Vec<String>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, first: u64) -> Self {
        Self {
            text,
            line: first,
            begins: 0,
            lines: vec![Vec::new()],
            statements: Vec::new(),
            open: None,
            words: Vec::new(),
        }
    }

    fn read(&mut self) {
        let bytes = self.text.as_bytes();
        let (mut lexer, mut pos) = (Lexer::new(), 0);
        while let Some(token) = lexer.step(bytes, pos) {
            if token.end <= pos {
                break;
            }
            pos = token.end;
            // Bytes inside of a letter are never a token's end; a lexer that did so would be shown plain.
            let Some(text) = self.text.get(token.start..token.end) else { continue };
            if token.kind == TokenKind::Backslash && self.open.is_none() {
                let end = line_end(bytes, token.start);
                self.push(Paint::Meta, &self.text[token.start..end]);
                pos = end;
                continue;
            }
            if !matches!(token.kind, TokenKind::Space | TokenKind::LineComment | TokenKind::Comment) {
                if self.open.is_none() && token.kind != TokenKind::Semicolon {
                    let column = self.text[self.begins..token.start].chars().count() as u64 + 1;
                    self.open = Some((token.start, self.line, column));
                }
                if token.kind == TokenKind::Ident && self.words.len() < 64 {
                    self.words.push(text.to_ascii_uppercase());
                }
            }
            self.push(paint(token.kind, text), text);
            if token.kind == TokenKind::Semicolon {
                let copy = self.is_copy();
                self.close(token.end);
                if copy {
                    pos = self.data(pos);
                }
            }
        }
        self.close(self.text.len());
    }

    fn is_copy(&self) -> bool {
        let has = |word: &str| self.words.iter().any(|found| found == word);
        self.words.first().is_some_and(|first| first == "COPY") && has("FROM") && has("STDIN")
    }

    /// The lines of data behind a COPY, to the one that ends them.
    fn data(&mut self, from: usize) -> usize {
        let bytes = self.text.as_bytes();
        let mut pos = line_end(bytes, from);
        self.push(Paint::Plain, &self.text[from..pos]);
        while pos < bytes.len() {
            let end = line_end(bytes, pos + 1);
            let line = &self.text[pos..end];
            self.push(Paint::Data, line);
            pos = end;
            if line.trim() == "\\." {
                break;
            }
        }
        pos
    }

    fn close(&mut self, end: usize) {
        self.words.clear();
        let Some((start, line, column)) = self.open.take() else { return };
        let head: String = self.text[start..end].chars().take(400).collect();
        let head = head.split_whitespace().collect::<Vec<_>>().join(" ");
        let head = scrub::line(&head).into_owned();
        self.statements.push(Statement { line, column, last_line: self.line, head });
    }

    fn push(&mut self, paint: Paint, text: &str) {
        // `text` is a part of `self.text`: what comes behind a line end begins the next line there.
        let base = text.as_ptr() as usize - self.text.as_ptr() as usize;
        let mut at = 0;
        for part in text.split_inclusive('\n') {
            let shown = part.trim_end_matches(['\n', '\r']);
            if !shown.is_empty()
                && let Some(line) = self.lines.last_mut()
            {
                let shown = scrub::line(&shown.replace('\t', "    ")).into_owned();
                match line.last_mut() {
                    Some((last, so_far)) if *last == paint => so_far.push_str(&shown),
                    _ => line.push((paint, shown)),
                }
            }
            at += part.len();
            if part.ends_with('\n') {
                self.lines.push(Vec::new());
                self.line += 1;
                self.begins = base + at;
            }
        }
    }
}

fn line_end(bytes: &[u8], from: usize) -> usize {
    let from = from.min(bytes.len());
    bytes[from..].iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |at| from + at)
}

fn paint(kind: TokenKind, text: &str) -> Paint {
    match kind {
        TokenKind::LineComment | TokenKind::Comment => Paint::Comment,
        TokenKind::Text | TokenKind::Dollar => Paint::Text,
        TokenKind::Number => Paint::Number,
        TokenKind::Variable(_) | TokenKind::Param => Paint::Variable,
        TokenKind::Backslash => Paint::Meta,
        TokenKind::Ident if is_keyword(text) => Paint::Keyword,
        _ => Paint::Plain,
    }
}

/// Words that carry a statement; not every word that the grammar reserves.
const KEYWORDS: &[&str] = &[
    "ADD",
    "ALL",
    "ALTER",
    "AND",
    "ANY",
    "AS",
    "ASC",
    "ATOMIC",
    "BEGIN",
    "BETWEEN",
    "BY",
    "CASCADE",
    "CASE",
    "CHECK",
    "COLUMN",
    "COMMENT",
    "COMMIT",
    "CONCURRENTLY",
    "CONFLICT",
    "CONSTRAINT",
    "COPY",
    "CREATE",
    "CROSS",
    "DECLARE",
    "DEFAULT",
    "DEFERRABLE",
    "DELETE",
    "DESC",
    "DISABLE",
    "DISTINCT",
    "DO",
    "DROP",
    "ELSE",
    "ELSIF",
    "ENABLE",
    "END",
    "EXCEPT",
    "EXECUTE",
    "EXISTS",
    "EXPLAIN",
    "EXTENSION",
    "FALSE",
    "FOR",
    "FOREIGN",
    "FROM",
    "FULL",
    "FUNCTION",
    "GRANT",
    "GROUP",
    "HAVING",
    "IF",
    "ILIKE",
    "IMMUTABLE",
    "IN",
    "INDEX",
    "INNER",
    "INSERT",
    "INTERSECT",
    "INTO",
    "IS",
    "JOIN",
    "KEY",
    "LANGUAGE",
    "LATERAL",
    "LEFT",
    "LIKE",
    "LIMIT",
    "LOCK",
    "LOOP",
    "MATERIALIZED",
    "MERGE",
    "NOT",
    "NOTHING",
    "NOTIFY",
    "NULL",
    "OFFSET",
    "ON",
    "ONLY",
    "OR",
    "ORDER",
    "OUTER",
    "OVER",
    "PARTITION",
    "PERFORM",
    "POLICY",
    "PRIMARY",
    "PROCEDURE",
    "RAISE",
    "REFERENCES",
    "REINDEX",
    "RENAME",
    "REPLACE",
    "RESET",
    "RETURN",
    "RETURNING",
    "RETURNS",
    "REVOKE",
    "RIGHT",
    "ROLLBACK",
    "ROW",
    "ROWS",
    "SAVEPOINT",
    "SCHEMA",
    "SECURITY",
    "SELECT",
    "SEQUENCE",
    "SET",
    "SHOW",
    "STABLE",
    "TABLE",
    "THEN",
    "TO",
    "TRIGGER",
    "TRUE",
    "TRUNCATE",
    "TYPE",
    "UNION",
    "UNIQUE",
    "UPDATE",
    "USING",
    "VACUUM",
    "VALIDATE",
    "VALUES",
    "VIEW",
    "VOLATILE",
    "WHEN",
    "WHERE",
    "WITH",
];

fn is_keyword(word: &str) -> bool {
    word.len() <= 14 && KEYWORDS.binary_search(&word.to_ascii_uppercase().as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(source: &Source, wanted: Paint) -> Vec<&str> {
        let all = source.lines.iter().flatten();
        all.filter(|(paint, _)| *paint == wanted).map(|(_, text)| text.as_str()).collect()
    }

    #[test]
    fn keywords_are_sorted_for_the_search() {
        assert!(KEYWORDS.is_sorted());
    }

    #[test]
    fn statements_are_found_where_the_engine_finds_them() {
        let text = "-- a\nCREATE TABLE t (\n  n int -- ;\n);\n\n  SELECT ';' ; SELECT $$;$$";
        let source = Source::read("a.sql", text.as_bytes(), 10);
        let places: Vec<_> = source.statements.iter().map(|s| (s.line, s.column, s.last_line)).collect();
        assert_eq!(places, [(11, 1, 13), (15, 3, 15), (15, 16, 15)]);
        assert_eq!(source.statements[1].head, "SELECT ';' ;");
        assert_eq!(source.at(15, 16), Some(2));
        assert_eq!(source.at(12, 3), Some(0));
        assert_eq!(painted(&source, Paint::Comment), ["-- a", "-- ;"]);
        assert_eq!(painted(&source, Paint::Text), ["';'", "$$;$$"]);
        assert_eq!(painted(&source, Paint::Keyword), ["CREATE", "TABLE", "SELECT", "SELECT"]);
    }

    #[test]
    fn data_and_lines_for_psql_are_no_sql() {
        let text = "\\set x 'a;b'\nCOPY t FROM STDIN;\n1\tSELECT ';\n\\.\nSELECT :x;\n";
        let source = Source::read("a.sql", text.as_bytes(), 1);
        assert_eq!(painted(&source, Paint::Meta), ["\\set x 'a;b'"]);
        assert_eq!(painted(&source, Paint::Data), ["1    SELECT ';", "\\."]);
        assert_eq!(painted(&source, Paint::Variable), [":x"]);
        assert_eq!(source.statements.iter().map(|s| s.line).collect::<Vec<_>>(), [2, 5]);
    }

    #[test]
    fn what_a_script_holds_cant_move_the_cursor() {
        let source = Source::read("a.sql", b"SELECT '\x1b[2J\xff', E'\xe2\x80\xae';\r\n-- \x9b", 1);
        let all: String = source.lines.iter().flatten().map(|(_, text)| text.as_str()).collect();
        assert!(!all.chars().any(scrub::is_unsafe), "{all:?}");
        assert!(all.contains("SELECT"), "{all:?}");
    }
}

//! A part of a script, named by the comment that it begins with.

use std::path::Path;

use super::coding::Coding;
use super::error::Problem;
use super::item::Item;
use super::lex::{Lexer, TokenKind};
use super::place::Span;
use super::resolve::{Memory, Opened, ResolveError, Resolver};
use super::tally::Class;
use super::vars::Variables;
use super::walk::Script;

/// A file of which sections run is read at once: it isn't larger than this.
pub const SECTIONED_BYTES: usize = 64 * 1024 * 1024;

/// Why a section can't be cut out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SectionError {
    #[error("no comment begins with {0:?}")]
    Missing(String),
    #[error("two comments begin with {name:?}, in lines {first} and {second}: a section needs one place")]
    Twice { name: String, first: u64, second: u64 },
}

/// The section `name`: from the comment that begins with these words to the next comment that begins
/// with any of `names` (what the plan uses for this file), or to the end.
///
/// A comment is `-- …` or `/* … */` that stands between statements or at the beginning of one: a part of a
/// statement is no section, nor is a line of COPY data a comment. Dashes, stars and blanks before the words
/// don't count, nor does case. The words must end there: "Section 1" isn't "Section 10".
pub fn section(text: &[u8], name: &str, names: &[&str]) -> Result<Span, SectionError> {
    let mut found: Option<(usize, u64)> = None;
    let mut end = None;
    for (from, to) in comments(text) {
        let comment = String::from_utf8_lossy(&text[from..to]);
        let line = || 1 + text[..from].iter().filter(|&&c| c == b'\n').count() as u64;
        if begins_with(&comment, name) {
            if let Some((_, first)) = found {
                return Err(SectionError::Twice { name: name.to_owned(), first, second: line() });
            }
            found = Some((from, line()));
        } else if found.is_some() && end.is_none() && names.iter().any(|n| begins_with(&comment, n)) {
            end = Some(from);
        }
    }
    let (start, _) = found.ok_or_else(|| SectionError::Missing(name.to_owned()))?;
    Ok(Span { start: start as u64, end: end.unwrap_or(text.len()) as u64 })
}

/// The section alone, where it stands: what is before it is blank, line by line, and what follows is gone.
/// So every line, column and byte of it is the file's.
#[must_use]
pub fn alone(mut text: Vec<u8>, section: Span) -> Vec<u8> {
    let at = |byte: u64| usize::try_from(byte).unwrap_or(usize::MAX).min(text.len());
    let (from, to) = (at(section.start), at(section.end));
    text.truncate(to);
    for byte in text[..from].iter_mut().filter(|byte| **byte != b'\n') {
        *byte = b' ';
    }
    text
}

/// The file itself, and nothing of what it includes.
struct Alone(Memory);

const FILE: &str = "file";

impl Resolver for Alone {
    fn open(&self, from: Option<&Path>, _: &str, relative: bool) -> Result<Opened, ResolveError> {
        match from {
            None => self.0.open(None, FILE, relative),
            Some(_) => Memory::one("", "").open(None, "", false),
        }
    }
}

/// All comments that don't stand inside a statement, each from byte to byte.
fn comments(text: &[u8]) -> Vec<(usize, usize)> {
    let Ok(mut script) = Script::open(Alone(Memory::one(FILE, text)), FILE, Variables::new()) else {
        return Vec::new();
    };
    script.look_only();
    script.keep_pieces();
    // A step may say what else it is written in; for where comments stand any bytes will do.
    if std::str::from_utf8(text).is_err() {
        script.set_coding(Coding::Single(None));
    }
    let (mut found, mut chunk) = (Vec::new(), Vec::new());
    loop {
        match script.next_item() {
            Ok(None) => break,
            Ok(Some(Item::Statement(statement))) => {
                if statement.has_inline_data() {
                    while matches!(script.copy_chunk(&mut chunk), Ok(true)) {}
                }
                if let Some(coding) = statement.sets_coding() {
                    script.set_coding(coding);
                }
                if let Some(on) = statement.sets_standard_strings() {
                    script.set_standard_strings(on);
                }
                found
                    .extend(leading(text, usize::try_from(statement.place.span.start).unwrap_or(usize::MAX)));
            }
            Ok(Some(_)) => {}
            // What is wrong with the script is said when it is read to be run.
            Err(error) if error.problem == Problem::Read => break,
            Err(_) => {}
        }
    }
    let byte = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX).min(text.len());
    let between = script.tally();
    let between = between.pieces().iter().filter(|(_, class)| *class == Class::Filler);
    found.extend(
        between
            .map(|(span, _)| (byte(span.start), byte(span.end)))
            .filter(|(from, to)| text[*from..*to].starts_with(b"--")),
    );
    found.sort_unstable();
    found
}

/// The comments that a statement begins with: psql sends those in `/* … */` with it.
fn leading(text: &[u8], start: usize) -> Vec<(usize, usize)> {
    let (mut lexer, mut pos, mut found) = (Lexer::new(), start.min(text.len()), Vec::new());
    while let Some(token) = lexer.step(text, pos) {
        pos = token.end;
        match token.kind {
            TokenKind::Space => continue,
            TokenKind::LineComment => {}
            TokenKind::Comment => {
                while lexer.stays_inside(text, pos) {
                    let Some(part) = lexer.step(text, pos) else { break };
                    pos = part.end;
                }
            }
            _ => break,
        }
        found.push((token.start, pos));
    }
    found
}

fn begins_with(comment: &str, words: &str) -> bool {
    let mut rest = comment.trim_start_matches(|c: char| "-*/=#".contains(c) || c.is_whitespace()).chars();
    let mut wanted = words.split_whitespace().peekable();
    if wanted.peek().is_none() {
        return false;
    }
    let mut first = true;
    for word in wanted {
        if !first {
            let before = rest.as_str();
            rest = before.trim_start().chars();
            if rest.as_str().len() == before.len() {
                return false;
            }
        }
        first = false;
        for c in word.chars() {
            let same = rest.next().is_some_and(|other| other.to_lowercase().eq(c.to_lowercase()));
            if !same {
                return false;
            }
        }
    }
    // "Section 1" goes on as "Section 1: roles" but not as "Section 10", "Section 1a" or "Section 1.2".
    let (next, after) = (rest.next(), rest.next());
    match next {
        None => true,
        Some('.') => !after.is_some_and(char::is_alphanumeric),
        Some(c) => !(c.is_alphanumeric() || c == '_'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "-- head\n-- ==== Section 1: roles\nSELECT 1;\n-- section 10\nSELECT '-- Section 2';\n\
                          /*\n * Section  2.\n */\nSELECT 2;\n-- Section 2.1\n$$ -- Section 3\n$$;\n";

    fn cut(name: &str) -> Result<&'static str, SectionError> {
        let span = section(SCRIPT.as_bytes(), name, &["Section 1", "Section 10", "Section 2"])?;
        Ok(&SCRIPT[span.start as usize..span.end as usize])
    }

    #[test]
    fn sections_are_cut_at_named_comments() {
        assert_eq!(cut("Section 1").unwrap(), "-- ==== Section 1: roles\nSELECT 1;\n");
        assert_eq!(cut("SECTION 10").unwrap(), "-- section 10\nSELECT '-- Section 2';\n");
        assert!(cut("Section 2").unwrap().starts_with("/*") && cut("Section 2").unwrap().ends_with("$$;\n"));
        assert_eq!(cut("Section 3"), Err(SectionError::Missing("Section 3".to_owned())));
        assert!(cut("").is_err());
    }

    #[test]
    fn a_name_twice_is_an_error() {
        let error = section(b"-- a\n\n-- a\n", "a", &[]).unwrap_err();
        assert_eq!(error, SectionError::Twice { name: "a".to_owned(), first: 1, second: 3 });
    }

    /// A comment in a statement, in data or behind a branch that isn't taken is none of the file's.
    #[test]
    fn only_comments_between_statements_begin_a_section() {
        let text = b"COPY t FROM stdin;\n-- two\nit's\n\\.\nCREATE TABLE t (\n-- two\n  id int);\n\\set a '-- two'\n\
                     CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1;\n-- two\nSELECT 2; END;\n\
                     /* one */ /* two */ SELECT 1 \\g\n-- three\n";
        let span = section(text, "two", &["three"]).unwrap();
        assert_eq!(&text[span.start as usize..span.end as usize], b"/* two */ SELECT 1 \\g\n");
        let alone = String::from_utf8(alone(text.to_vec(), span)).unwrap();
        assert_eq!(alone.trim_start(), "/* two */ SELECT 1 \\g\n");
        assert_eq!((alone.len() as u64, alone.lines().count()), (span.end, 12));
    }

    #[test]
    fn a_file_that_isnt_utf_8_has_sections_too() {
        let text = b"-- one: Gr\xf6\xdfe\nSELECT 'gr\xf6\xdfer';\n-- two: \xfcber\nSELECT 2;\n";
        let span = section(text, "two", &["one", "two"]).unwrap();
        assert_eq!(&text[span.start as usize..span.end as usize], b"-- two: \xfcber\nSELECT 2;\n");
    }
}

//! A part of a script, named by the comment that it begins with.

use super::lex::{Lexer, TokenKind};
use super::place::Span;

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
/// A comment is `-- …` or `/* … */`, outside of quotes; dashes, stars and blanks before the words don't
/// count, nor does case. The words must end there: "Section 1" isn't "Section 10".
pub fn section(text: &str, name: &str, names: &[&str]) -> Result<Span, SectionError> {
    let mut found: Option<(usize, u64)> = None;
    let mut end = None;
    for (start, comment) in comments(text) {
        let line = || 1 + text[..start].matches('\n').count() as u64;
        if begins_with(comment, name) {
            if let Some((_, first)) = found {
                return Err(SectionError::Twice { name: name.to_owned(), first, second: line() });
            }
            found = Some((start, line()));
        } else if found.is_some() && end.is_none() && names.iter().any(|n| begins_with(comment, n)) {
            end = Some(start);
        }
    }
    let (start, _) = found.ok_or_else(|| SectionError::Missing(name.to_owned()))?;
    Ok(Span { start: start as u64, end: end.unwrap_or(text.len()) as u64 })
}

/// All comments, each with the byte it begins at.
fn comments(text: &str) -> Vec<(usize, &str)> {
    let bytes = text.as_bytes();
    let (mut lexer, mut pos, mut found) = (Lexer::new(), 0, Vec::new());
    while let Some(token) = lexer.step(bytes, pos) {
        pos = token.end;
        match token.kind {
            TokenKind::LineComment => {}
            TokenKind::Comment => {
                while lexer.stays_inside(bytes, pos) {
                    let Some(part) = lexer.step(bytes, pos) else { break };
                    pos = part.end;
                }
            }
            _ => continue,
        }
        if let Some(comment) = text.get(token.start..pos) {
            found.push((token.start, comment));
        }
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
        let span = section(SCRIPT, name, &["Section 1", "Section 10", "Section 2"])?;
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
        let error = section("-- a\n\n-- a\n", "a", &[]).unwrap_err();
        assert_eq!(error, SectionError::Twice { name: "a".to_owned(), first: 1, second: 3 });
    }
}

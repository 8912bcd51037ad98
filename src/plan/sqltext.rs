//! As much of SQL as a loader needs: what is a string, what is a comment, which names a text uses.
//!
//! The real lexer is the scripts' room; this one only looks at short texts inside a plan.

/// Whether a text can be a variable's or a saved value's name.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The `{name}`s of a text with their places. Other braces (JSON, arrays, `${X}` of a shell) are
/// just braces.
pub(super) fn braces(text: &str) -> Vec<(usize, usize, &str)> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find('{').map(|i| at + i) {
        at = open + 1;
        let length = text[at..].bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        let name = &text[at..at + length];
        if text[at + length..].starts_with('}') && is_name(name) && !text[..open].ends_with('$') {
            out.push((open, at + length + 1, name));
        }
    }
    out
}

/// The name of a text that is one variable and nothing else.
#[must_use]
pub fn variable_alone(text: &str) -> Option<&str> {
    let name = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    is_name(name).then_some(name)
}

/// The names in braces of a text, in their order.
pub fn names_in(text: &str) -> impl Iterator<Item = &str> {
    braces(text).into_iter().map(|(_, _, name)| name)
}

/// A piece of SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Keyword, identifier or number.
    Word(&'t str),
    /// A quoted identifier.
    Quoted,
    /// A string constant of any form.
    Text,
    /// `:'name'` or `:"name"`.
    Interpolation(&'t str),
    Symbol(u8),
}

/// The pieces of a text with their places; white space and comments left out.
pub(super) fn pieces(text: &str) -> Vec<(usize, usize, Piece<'_>)> {
    let bytes = text.as_bytes();
    let mut out: Vec<(usize, usize, Piece<'_>)> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let piece = match bytes[at] {
            b if b.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            b'-' if bytes.get(at + 1) == Some(&b'-') => {
                at = text[at..].find('\n').map_or(bytes.len(), |i| at + i + 1);
                continue;
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                at = end_of_comment(bytes, at);
                continue;
            }
            b'\'' => {
                let escapes = out.last().is_some_and(|(_, end, p)| {
                    *end == start && matches!(p, Piece::Word(w) if w.eq_ignore_ascii_case("e"))
                });
                at = end_of_quotes(bytes, at, b'\'', escapes);
                Piece::Text
            }
            b'"' => {
                at = end_of_quotes(bytes, at, b'"', false);
                Piece::Quoted
            }
            b'$' if let Some(end) = end_of_dollars(text, at) => {
                at = end;
                Piece::Text
            }
            b':' if bytes.get(at + 1) == Some(&b':') => {
                at += 2;
                Piece::Symbol(b':')
            }
            b':' if let Some((name, end)) = interpolation(text, at) => {
                at = end;
                Piece::Interpolation(name)
            }
            b if b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80 => {
                while at < bytes.len()
                    && (bytes[at].is_ascii_alphanumeric()
                        || matches!(bytes[at], b'_' | b'$')
                        || bytes[at] >= 0x80)
                {
                    at += 1;
                }
                Piece::Word(&text[start..at])
            }
            b => {
                at += 1;
                Piece::Symbol(b)
            }
        };
        out.push((start, at, piece));
    }
    out
}

/// The names that a piece of SQL takes in as psql would: `:'name'`, `:"name"`.
pub(super) fn interpolations(text: &str) -> Vec<(usize, usize, &str)> {
    if !text.contains(':') {
        return Vec::new();
    }
    pieces(text)
        .into_iter()
        .filter_map(|(from, to, piece)| match piece {
            Piece::Interpolation(name) => Some((from, to, name)),
            _ => None,
        })
        .collect()
}

fn interpolation(text: &str, at: usize) -> Option<(&str, usize)> {
    let quote = *text.as_bytes().get(at + 1)?;
    if quote != b'\'' && quote != b'"' {
        return None;
    }
    let rest = &text[at + 2..];
    let end = rest.find(char::from(quote))?;
    is_name(&rest[..end]).then(|| (&rest[..end], at + 2 + end + 1))
}

fn end_of_quotes(bytes: &[u8], start: usize, quote: u8, escapes: bool) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if escapes => at += 2,
            b if b == quote && bytes.get(at + 1) == Some(&quote) => at += 2,
            b if b == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn end_of_comment(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0usize);
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'/', Some(b'*')) => {
                depth += 1;
                at += 2;
            }
            (b'*', Some(b'/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    bytes.len()
}

fn end_of_dollars(text: &str, start: usize) -> Option<usize> {
    let rest = &text[start + 1..];
    let tag = &rest[..rest.find('$')?];
    let plain = tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80);
    if !plain || tag.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let delimiter = format!("${tag}$");
    let body = start + delimiter.len();
    Some(text[body..].find(&delimiter).map_or(text.len(), |i| body + i + delimiter.len()))
}

/// Where a second statement begins, if there is one.
pub(super) fn second_statement(text: &str) -> Option<usize> {
    let pieces = pieces(text);
    let end = pieces.iter().position(|(_, _, piece)| *piece == Piece::Symbol(b';'))?;
    pieces[end + 1..].iter().find(|(_, _, p)| *p != Piece::Symbol(b';')).map(|(from, _, _)| *from)
}

/// Whether there is nothing to run.
pub(super) fn is_blank(text: &str) -> bool {
    pieces(text).iter().all(|(_, _, piece)| *piece == Piece::Symbol(b';'))
}

/// Whether one of the statements is a COMMIT or an END.
pub(super) fn commits(text: &str) -> bool {
    let pieces = pieces(text);
    let begins = |at: usize| at == 0 || pieces[at - 1].2 == Piece::Symbol(b';');
    pieces.iter().enumerate().any(|(at, (_, _, piece))| match piece {
        Piece::Word(word) => {
            begins(at) && ["commit", "end"].iter().any(|known| word.eq_ignore_ascii_case(known))
        }
        _ => false,
    })
}

/// A SELECT of constants alone: whatever the database holds, it gives the same.
pub(super) fn selects_constants(text: &str) -> bool {
    let pieces = pieces(text);
    let mut words = pieces.iter();
    if !matches!(words.next(), Some((_, _, Piece::Word(w))) if w.eq_ignore_ascii_case("select")) {
        return false;
    }
    let mut alias = false;
    for (_, _, piece) in words {
        match piece {
            _ if alias => alias = false,
            Piece::Word(word) if word.eq_ignore_ascii_case("as") => alias = true,
            Piece::Word(word)
                if word.starts_with(|c: char| c.is_ascii_digit())
                    || ["true", "false", "null", "and", "or", "not", "is"]
                        .iter()
                        .any(|w| word.eq_ignore_ascii_case(w)) => {}
            Piece::Word(_) | Piece::Quoted | Piece::Interpolation(_) => return false,
            Piece::Text | Piece::Symbol(_) => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_are_names_only_when_they_look_so() {
        let names: Vec<_> =
            braces(r#"{a} {"a":1} ${B} {1} {} {c_d1"#).into_iter().map(|(_, _, n)| n).collect();
        assert_eq!(names, ["a"]);
        assert_eq!(braces("x{ab}"), [(1, 5, "ab")]);
    }

    #[test]
    fn interpolations_stand_outside_strings_and_comments() {
        let text = r#"SELECT :'a', ':''b''', "x:'c'", $$ :'d' $$, E'\' :''e', x::text, :"f" -- :'g'
            /* /* :'h' */ :'i' */ , :'j'"#;
        let names: Vec<_> = interpolations(text).into_iter().map(|(_, _, n)| n).collect();
        assert_eq!(names, ["a", "f", "j"]);
    }

    #[test]
    fn statements_are_counted_outside_strings() {
        assert_eq!(second_statement("SELECT ';' ; -- no\n"), None);
        assert_eq!(second_statement("SELECT 1; SELECT 2"), Some(10));
        assert!(is_blank(" ; -- nothing") && !is_blank("x"));
    }

    #[test]
    fn a_commit_is_a_statement_of_its_own() {
        assert!(commits("BEGIN; DROP TABLE t; commit") && commits("begin;\n-- x\nEND;"));
        assert!(!commits("DROP TABLE t") && !commits("SELECT 'COMMIT'; COMMENT ON TABLE t IS 'x; COMMIT'"));
        assert!(!commits("SELECT CASE WHEN true THEN 1 END"));
    }

    #[test]
    fn constants_cannot_fail() {
        assert!(selects_constants("SELECT 1 AS ok"));
        assert!(selects_constants("select 'All done' as message, true"));
        assert!(!selects_constants("SELECT now()"));
        assert!(!selects_constants("SELECT 1 FROM t"));
        assert!(!selects_constants("SELECT :'x' = '1'"));
        assert!(!selects_constants("DELETE FROM t"));
    }

    #[test]
    fn unfinished_text_ends_at_the_end() {
        for text in ["'", "\"", "$$", "$a$ x", "/*", "--", ":'", "E'\\", "{", "ä'"] {
            let last = pieces(text).last().map_or(0, |(_, to, _)| *to);
            assert!(last <= text.len());
        }
    }
}

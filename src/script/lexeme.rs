//! Single tokens: where each of them ends. Patterns of `psqlscan.l`, without state.

use super::lex::{Form, TokenKind};
use super::vars::is_name_byte;

/// Length of the run of bytes at the beginning for which `of` holds.
pub(super) fn run(s: &[u8], of: impl Fn(u8) -> bool) -> usize {
    s.iter().position(|&c| !of(c)).unwrap_or(s.len())
}

pub(super) fn is_space(c: u8) -> bool {
    matches!(c, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c')
}

pub(super) fn is_newline(c: u8) -> bool {
    matches!(c, b'\n' | b'\r')
}

pub(super) fn is_ident_start(c: u8) -> bool {
    c.is_ascii_alphabetic() || c == b'_' || c >= 0x80
}

pub(super) fn is_ident_cont(c: u8) -> bool {
    is_ident_start(c) || c.is_ascii_digit() || c == b'$'
}

pub(super) fn is_operator(c: u8) -> bool {
    b"~!@#^&|`?+-*/%<>=".contains(&c)
}

/// A run of operator characters ends where a comment begins inside it.
pub(super) fn operator(s: &[u8]) -> usize {
    let len = run(s, is_operator);
    s[..len].windows(2).position(|pair| pair == b"--" || pair == b"/*").unwrap_or(len).max(1)
}

/// `$tag$` or `$$` at the beginning.
pub(super) fn dollar_delimiter(s: &[u8]) -> Option<usize> {
    let first = *s.get(1)?;
    if first == b'$' {
        return Some(2);
    }
    if !is_ident_start(first) {
        return None;
    }
    let tag = run(&s[1..], |c| is_ident_start(c) || c.is_ascii_digit());
    (s.get(1 + tag) == Some(&b'$')).then_some(tag + 2)
}

pub(super) fn colon(s: &[u8]) -> (TokenKind, usize) {
    let name = |from: usize| run(&s[from..], is_name_byte);
    match s.get(1) {
        Some(b':' | b'=') => (TokenKind::Punct, 2),
        Some(&c) if is_name_byte(c) => (TokenKind::Variable(Form::Raw), 1 + name(1)),
        Some(&quote @ (b'\'' | b'"')) => {
            let len = name(2);
            let form = if quote == b'"' { Form::Identifier } else { Form::Literal };
            match s.get(2 + len) {
                Some(&close) if len > 0 && close == quote => (TokenKind::Variable(form), len + 3),
                _ => (TokenKind::Punct, 1),
            }
        }
        Some(b'{') if s.get(2) == Some(&b'?') => {
            let len = name(3);
            match s.get(3 + len) {
                Some(b'}') if len > 0 => (TokenKind::Variable(Form::IsSet), len + 4),
                _ => (TokenKind::Punct, 1),
            }
        }
        _ => (TokenKind::Punct, 1),
    }
}

/// A number, with what PostgreSQL 15 takes along only to complain about: a word grown to it, or an
/// exponent that is nothing but a sign.
pub(super) fn number(s: &[u8]) -> usize {
    let digits = |from: usize| run(&s[from..], |c| c.is_ascii_digit());
    let mut len = digits(0);
    if s.get(len) == Some(&b'.') {
        if len > 0 && s.get(len + 1) == Some(&b'.') {
            return len; // 1..10 is 1, .., 10
        }
        len += 1 + digits(len + 1);
    }
    if matches!(s.get(len), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(s.get(len + 1), Some(b'+' | b'-')));
        let exponent = digits(len + 1 + sign);
        if exponent == 0 && sign > 0 {
            return len + 2;
        }
        if exponent > 0 {
            len += 1 + sign + exponent;
        }
    }
    len + junk(&s[len..])
}

pub(super) fn junk(s: &[u8]) -> usize {
    if s.first().is_some_and(|&c| is_ident_start(c)) { run(s, is_ident_cont) } else { 0 }
}

/// Behind a closing quote: white space with a newline in it, then a quote. Where the next quote ends.
pub(super) fn quote_continues(s: &[u8], pos: usize) -> Option<usize> {
    let at = |i: usize| s.get(i).copied();
    let is_comment = |i: usize| at(i) == Some(b'-') && at(i + 1) == Some(b'-');
    let line_end = |i: usize| i + run(&s[i..], |c| !is_newline(c));
    let mut i = pos;
    // A buffer's end counts as the end: a line at a time psql sees no newline behind a quote.
    loop {
        match at(i)? {
            b' ' | b'\t' | b'\x0c' => i += 1,
            b'-' if is_comment(i) => i = line_end(i),
            b'\n' | b'\r' => break,
            _ => return None,
        }
    }
    loop {
        match at(i)? {
            b'\'' => return Some(i + 1),
            c if is_space(c) => i += 1,
            b'-' if is_comment(i) => {
                i = line_end(i);
                at(i)?; // a comment without its newline doesn't count
                i += 1;
            }
            _ => return None,
        }
    }
}

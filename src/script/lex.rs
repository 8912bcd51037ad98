//! The lexer: psql's rules (`psqlscan.l` of PostgreSQL 15), one token at a time over bytes.
//!
//! psql lexes a file line by line, and a token never reaches over the end of the buffer that it is
//! given, while the state (inside a quote, depth of parentheses) does. So the lexer here gets a buffer
//! and a position and keeps only that state. Given a whole statement as one buffer it follows the
//! server's own rules instead, which differ where a string goes on in the next line.

use super::lexeme::{
    colon, dollar_delimiter, is_ident_cont, is_ident_start, is_newline, is_operator, is_space, junk, number,
    operator, quote_continues, run,
};

/// What a token is, as far as anyone here asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    Space,
    /// `-- …`, without the end of its line.
    LineComment,
    /// A part of `/* … */`.
    Comment,
    /// A part of a quoted string, its quotes and prefix included.
    Text,
    /// A part of a `"…"` identifier.
    QuotedIdent,
    /// A part of a `$tag$` string.
    Dollar,
    Ident,
    Number,
    /// `$1`
    Param,
    Operator,
    /// One of `( ) [ ] , . :` and the pairs `::`, `:=`, `..`; a `;` that doesn't end the statement too.
    Punct,
    /// A `;` that ends the statement.
    Semicolon,
    /// `\;` or `\:`: the second character goes into the statement, nothing ends.
    Escaped,
    /// A backslash: here a psql command begins.
    Backslash,
    /// `:name`, `:'name'`, `:"name"`, `:{?name}`.
    Variable(Form),
    Other,
}

/// How a variable is pasted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Raw,
    Literal,
    Identifier,
    /// `:{?name}`: TRUE or FALSE.
    IsSet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    pub kind: TokenKind,
    pub start: usize,
    pub end: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Initial,
    Comment,
    QuotedIdent,
    /// `'…'` and `U&'…'`: only a doubled quote is special.
    Plain,
    /// `B'…'` and `X'…'`: nothing is special.
    Bits,
    /// `E'…'`
    Escape,
    /// After a closing quote, where the string may go on behind a newline.
    Stop(InString),
    Dollar,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InString {
    Plain,
    Bits,
    Escape,
}

/// The state that psql carries from line to line.
#[derive(Debug, Clone)]
pub struct Lexer {
    state: State,
    comment_depth: u32,
    dollar_tag: Vec<u8>,
    paren_depth: u32,
    begin_depth: u32,
    identifier_count: u32,
    identifiers: [u8; 4],
    standard_strings: bool,
}

impl Default for Lexer {
    fn default() -> Self {
        Lexer {
            state: State::Initial,
            comment_depth: 0,
            dollar_tag: Vec::new(),
            paren_depth: 0,
            begin_depth: 0,
            identifier_count: 0,
            identifiers: [0; 4],
            standard_strings: true,
        }
    }
}

impl Lexer {
    pub fn new() -> Self {
        Self::default()
    }

    /// `standard_conforming_strings`; on unless somebody turned it off on the server.
    pub fn set_standard_strings(&mut self, on: bool) {
        self.standard_strings = on;
    }

    /// Inside a quote or a comment, so that a blank line belongs to it.
    pub fn in_quote(&self) -> bool {
        !matches!(self.state, State::Initial | State::Stop(_))
    }

    /// What was begun and not ended so far, in words.
    pub(super) fn unfinished(&self) -> Option<&'static str> {
        Some(match self.state {
            State::Comment => "a comment",
            State::QuotedIdent => "a quoted name",
            State::Plain | State::Bits | State::Escape => "a quoted string",
            State::Dollar => "a dollar-quoted string",
            State::Initial | State::Stop(_) if self.paren_depth > 0 => "a parenthesis",
            State::Initial | State::Stop(_) if self.begin_depth > 0 => "a body that begins with BEGIN",
            State::Initial | State::Stop(_) => return None,
        })
    }

    /// Whether a quoted string, identifier or comment goes on at `pos`, a continuation behind a newline
    /// included.
    pub(super) fn stays_inside(&mut self, buf: &[u8], pos: usize) -> bool {
        if matches!(self.state, State::Stop(_)) && quote_continues(buf, pos).is_none() {
            self.state = State::Initial;
        }
        self.state != State::Initial
    }

    /// Between statements as far as parentheses and BEGIN ATOMIC bodies go.
    pub fn at_top(&self) -> bool {
        !self.in_quote() && self.paren_depth == 0 && self.begin_depth == 0
    }

    pub fn paren_depth(&self) -> u32 {
        self.paren_depth
    }

    /// psql puts the depth back when it throws away the text of a branch not taken.
    pub fn set_paren_depth(&mut self, depth: u32) {
        self.paren_depth = depth;
    }

    /// A statement was sent although it had no end: psql forgets how deep it was in parentheses and bodies.
    pub(super) fn forget(&mut self) {
        *self = Lexer { standard_strings: self.standard_strings, ..Lexer::default() };
    }

    pub fn begin_depth(&self) -> u32 {
        self.begin_depth
    }

    /// The next token at `pos`; none at the end of the buffer.
    pub fn step(&mut self, buf: &[u8], pos: usize) -> Option<Token> {
        if let State::Stop(inside) = self.state {
            if pos >= buf.len() {
                return None;
            }
            if let Some(end) = quote_continues(buf, pos) {
                self.state = match inside {
                    InString::Plain => State::Plain,
                    InString::Bits => State::Bits,
                    InString::Escape => State::Escape,
                };
                return Some(Token { kind: TokenKind::Text, start: pos, end });
            }
            self.state = State::Initial;
        }
        let rest = buf.get(pos..).filter(|rest| !rest.is_empty())?;
        let (kind, len) = match self.state {
            State::Initial => self.initial(rest),
            State::Comment => (TokenKind::Comment, self.comment(rest)),
            State::QuotedIdent => (TokenKind::QuotedIdent, self.quoted_ident(rest)),
            State::Plain => (TokenKind::Text, self.string(rest, InString::Plain)),
            State::Bits => (TokenKind::Text, self.string(rest, InString::Bits)),
            State::Escape => (TokenKind::Text, self.string(rest, InString::Escape)),
            State::Dollar => (TokenKind::Dollar, self.dollar(rest)),
            State::Stop(_) => return None,
        };
        Some(Token { kind, start: pos, end: pos + len })
    }

    fn initial(&mut self, s: &[u8]) -> (TokenKind, usize) {
        let second = s.get(1).copied().unwrap_or(0);
        match s[0] {
            c if is_space(c) => (TokenKind::Space, run(s, is_space)),
            b'-' if second == b'-' => (TokenKind::LineComment, run(s, |c| !is_newline(c))),
            b'/' if second == b'*' => {
                self.comment_depth = 0;
                self.state = State::Comment;
                (TokenKind::Comment, 2)
            }
            b'\'' => {
                self.state = if self.standard_strings { State::Plain } else { State::Escape };
                (TokenKind::Text, 1)
            }
            b'e' | b'E' if second == b'\'' => self.open(State::Escape, TokenKind::Text, 2),
            b'b' | b'B' | b'x' | b'X' if second == b'\'' => self.open(State::Bits, TokenKind::Text, 2),
            // The N alone; its quote opens a string by the rule above.
            b'n' | b'N' if second == b'\'' => (TokenKind::Text, 1),
            b'u' | b'U' if second == b'&' => match s.get(2) {
                Some(b'\'') => self.open(State::Plain, TokenKind::Text, 3),
                Some(b'"') => self.open(State::QuotedIdent, TokenKind::QuotedIdent, 3),
                // psql echoes the letter alone and doesn't count it as an identifier.
                _ => (TokenKind::Other, 1),
            },
            b'"' => self.open(State::QuotedIdent, TokenKind::QuotedIdent, 1),
            b'$' => self.dollar_sign(s),
            b'(' => {
                self.paren_depth += 1;
                (TokenKind::Punct, 1)
            }
            b')' => {
                self.paren_depth = self.paren_depth.saturating_sub(1);
                (TokenKind::Punct, 1)
            }
            b';' => {
                if self.paren_depth > 0 || self.begin_depth > 0 {
                    return (TokenKind::Punct, 1);
                }
                self.identifier_count = 0;
                (TokenKind::Semicolon, 1)
            }
            b'\\' if second == b';' || second == b':' => {
                if second == b';' {
                    self.identifier_count = 0;
                }
                (TokenKind::Escaped, 2)
            }
            b'\\' => (TokenKind::Backslash, 1),
            b':' => colon(s),
            b'.' if second == b'.' => (TokenKind::Punct, 2),
            b'.' if second.is_ascii_digit() => (TokenKind::Number, number(s)),
            b',' | b'[' | b']' | b'.' => (TokenKind::Punct, 1),
            c if is_operator(c) => (TokenKind::Operator, operator(s)),
            c if c.is_ascii_digit() => (TokenKind::Number, number(s)),
            c if is_ident_start(c) => {
                let len = run(s, is_ident_cont);
                self.identifier(&s[..len]);
                (TokenKind::Ident, len)
            }
            _ => (TokenKind::Other, 1),
        }
    }

    fn open(&mut self, state: State, kind: TokenKind, len: usize) -> (TokenKind, usize) {
        self.state = state;
        (kind, len)
    }

    fn comment(&mut self, s: &[u8]) -> usize {
        match (s[0], s.get(1)) {
            (b'/', Some(b'*')) => {
                self.comment_depth += 1;
                2
            }
            (b'*', Some(b'/')) => {
                if self.comment_depth == 0 {
                    self.state = State::Initial;
                } else {
                    self.comment_depth -= 1;
                }
                2
            }
            (b'*' | b'/', _) => 1,
            _ => run(s, |c| c != b'*' && c != b'/'),
        }
    }

    fn quoted_ident(&mut self, s: &[u8]) -> usize {
        match (s[0], s.get(1)) {
            (b'"', Some(b'"')) => 2,
            (b'"', _) => {
                self.state = State::Initial;
                1
            }
            _ => run(s, |c| c != b'"'),
        }
    }

    fn string(&mut self, s: &[u8], inside: InString) -> usize {
        match (s[0], s.get(1)) {
            (b'\'', Some(b'\'')) if inside != InString::Bits => 2,
            (b'\'', _) => {
                self.state = State::Stop(inside);
                1
            }
            // Longer escapes hold neither quote nor backslash behind their second character.
            (b'\\', Some(_)) if inside == InString::Escape => 2,
            (b'\\', None) if inside == InString::Escape => 1,
            _ if inside == InString::Escape => run(s, |c| c != b'\'' && c != b'\\'),
            _ => run(s, |c| c != b'\''),
        }
    }

    fn dollar_sign(&mut self, s: &[u8]) -> (TokenKind, usize) {
        if let Some(len) = dollar_delimiter(s) {
            self.dollar_tag.clear();
            self.dollar_tag.extend_from_slice(&s[..len]);
            return self.open(State::Dollar, TokenKind::Dollar, len);
        }
        let digits = run(&s[1..], |c| c.is_ascii_digit());
        if digits == 0 {
            return (TokenKind::Other, 1);
        }
        (TokenKind::Param, 1 + digits + junk(&s[1 + digits..]))
    }

    fn dollar(&mut self, s: &[u8]) -> usize {
        if s[0] != b'$' {
            return run(s, |c| c != b'$');
        }
        match dollar_delimiter(s) {
            Some(len) if s[..len] == self.dollar_tag[..] => {
                self.state = State::Initial;
                len
            }
            // The closing $ may open the right tag: $tag$…$junk$tag$.
            Some(len) => len - 1,
            None => 1,
        }
    }

    /// psql's way to see a BEGIN … END body of CREATE [OR REPLACE] {FUNCTION|PROCEDURE}.
    fn identifier(&mut self, word: &[u8]) {
        let is = |other: &str| word.eq_ignore_ascii_case(other.as_bytes());
        if self.identifier_count == 0 {
            self.identifiers = [0; 4];
        }
        if ["create", "function", "procedure", "or", "replace"].into_iter().any(is)
            && let Some(slot) = self.identifiers.get_mut(self.identifier_count as usize)
        {
            *slot = word[0].to_ascii_lowercase();
        }
        self.identifier_count = self.identifier_count.saturating_add(1);
        let routine = match self.identifiers {
            [b'c', b'f' | b'p', ..] | [b'c', b'o', b'r', b'f' | b'p'] => self.paren_depth == 0,
            _ => false,
        };
        if !routine {
            return;
        }
        if is("begin") || (is("case") && self.begin_depth > 0) {
            self.begin_depth += 1;
        } else if is("end") {
            self.begin_depth = self.begin_depth.saturating_sub(1);
        }
    }
}

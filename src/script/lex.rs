//! The lexer: psql's rules (`psqlscan.l` of PostgreSQL 15), one token at a time over bytes.
//!
//! psql lexes a file line by line, and a token never reaches over the end of the buffer that it is
//! given, while the state (inside a quote, depth of parentheses) does. So the lexer here gets a buffer
//! and a position and keeps only that state. Given a whole statement as one buffer it follows the
//! server's own rules instead, which differ where a string goes on in the next line.

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

/// Length of the run of bytes at the beginning for which `of` holds.
fn run(s: &[u8], of: impl Fn(u8) -> bool) -> usize {
    s.iter().position(|&c| !of(c)).unwrap_or(s.len())
}

pub(super) fn is_space(c: u8) -> bool {
    matches!(c, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c')
}

fn is_newline(c: u8) -> bool {
    matches!(c, b'\n' | b'\r')
}

fn is_ident_start(c: u8) -> bool {
    c.is_ascii_alphabetic() || c == b'_' || c >= 0x80
}

fn is_ident_cont(c: u8) -> bool {
    is_ident_start(c) || c.is_ascii_digit() || c == b'$'
}

fn is_operator(c: u8) -> bool {
    b"~!@#^&|`?+-*/%<>=".contains(&c)
}

/// A run of operator characters ends where a comment begins inside it.
fn operator(s: &[u8]) -> usize {
    let len = run(s, is_operator);
    s[..len].windows(2).position(|pair| pair == b"--" || pair == b"/*").unwrap_or(len).max(1)
}

/// `$tag$` or `$$` at the beginning.
fn dollar_delimiter(s: &[u8]) -> Option<usize> {
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

fn colon(s: &[u8]) -> (TokenKind, usize) {
    let name = |from: usize| run(&s[from..], super::vars::is_name_byte);
    match s.get(1) {
        Some(b':' | b'=') => (TokenKind::Punct, 2),
        Some(&c) if super::vars::is_name_byte(c) => (TokenKind::Variable(Form::Raw), 1 + name(1)),
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
fn number(s: &[u8]) -> usize {
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

fn junk(s: &[u8]) -> usize {
    if s.first().is_some_and(|&c| is_ident_start(c)) { run(s, is_ident_cont) } else { 0 }
}

/// Behind a closing quote: white space with a newline in it, then a quote. Where the next quote ends.
fn quote_continues(s: &[u8], pos: usize) -> Option<usize> {
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

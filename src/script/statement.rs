//! A statement as it is sent, where it stands, and what is done with its result.

use super::classify;
use super::coding::Coding;
use super::copy_command::CopyFile;
use super::excerpt;
use super::kind::{Kind, Session};
use super::place::{Generated, Place};
use super::position::{Located, SourceMap};
use super::then::Then;
use super::tokens::{Piece, Tok, Tokens};
use super::vars;
use std::borrow::Cow;
use std::collections::BTreeSet;

const STANDARD_STRINGS: &str = "standard_conforming_strings";

/// A statement, exactly as psql would send it: variables filled in, comments and blank lines between
/// statements left out, its semicolon kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub text: String,
    /// Where it begins, and its range of bytes in the file: its identity across runs.
    pub place: Place,
    pub kind: Kind,
    /// It may change lock_timeout (found by looking, generously).
    pub touches_lock_timeout: bool,
    /// It was made of a `\copy`, and this file is our end of it.
    pub file: Option<CopyFile>,
    /// What is done with its result.
    pub then: Then,
    /// Values for `$1`, `$2`, …: it goes by the extended protocol.
    pub bind: Option<Vec<String>>,
    /// Only the run knows whether it is executed at all.
    pub uncertain: bool,
    /// How the bytes are meant that its marks stand for.
    pub coding: Coding,
    pub(super) map: SourceMap,
}

impl Statement {
    /// COPY data for it follows in the script.
    pub fn has_inline_data(&self) -> bool {
        self.kind.copies_from_stdin() && self.file.is_none()
    }

    /// What comes behind it may have to be read otherwise, or under another lock_timeout: its answer comes
    /// first. (Found by looking, generously.)
    pub fn decides_what_follows(&self) -> bool {
        self.touches_lock_timeout
            || self.then.decides()
            || [STANDARD_STRINGS, "client_encoding"].iter().any(|name| classify::mentions(&self.text, name))
    }

    /// A statement that this one's result has in a cell, as `\gexec` runs it.
    #[must_use]
    pub fn generate(&self, cell: Generated, text: String) -> Statement {
        let (kind, touches_lock_timeout) = classify::classify(&text);
        let place = Place { generated: Some(cell), ..self.place.clone() };
        Statement {
            map: SourceMap::made_of(place.span.start, place.line, place.column),
            place,
            kind,
            touches_lock_timeout,
            file: None,
            then: Then::PLAIN,
            bind: None,
            uncertain: self.uncertain,
            coding: self.coding,
            text,
        }
    }

    /// The variables that `\gset` may set, as far as the statement's words tell; none when it may be any.
    pub(super) fn names_in_result(&self) -> Option<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        let (mut before, mut distinct): (Option<Piece<'_>>, bool) = (None, false);
        for piece in Tokens::new(&self.text) {
            // `count(*)` and `a * b` name nothing; behind a bracket it may be SELECT DISTINCT ON (…) *.
            let all = before.is_none_or(|before| {
                let words = ["SELECT", "ALL", "DISTINCT", "RETURNING"];
                let symbol = before.symbol(",") || before.symbol(".") || (distinct && before.symbol(")"));
                symbol || words.iter().any(|word| before.is(word))
            });
            distinct |= piece.is("DISTINCT");
            before = Some(piece);
            match piece.tok {
                Tok::Word => {
                    names.insert(piece.text.to_ascii_lowercase());
                }
                Tok::QuotedIdent => {
                    names.insert(piece.text.trim_matches('"').replace("\"\"", "\""));
                }
                Tok::Symbol if all && piece.text == "*" => return None,
                _ => {}
            }
        }
        Some(names)
    }

    /// The words that it begins with, at most three: what it is, and no value of it.
    pub fn opening(&self) -> String {
        let words = Tokens::new(&self.text).take_while(|piece| piece.tok == Tok::Word);
        words.take(3).map(|piece| piece.text).collect::<Vec<_>>().join(" ")
    }

    /// Its text as people should read it.
    pub fn shown(&self) -> Cow<'_, str> {
        self.coding.shown(&self.text)
    }

    /// `SET client_encoding = …`, as far as it can be known without a server.
    pub(super) fn sets_coding(&self) -> Option<Coding> {
        match &self.kind {
            Kind::Session(Session::Set { name, .. }) if name == "client_encoding" => {}
            Kind::Session(Session::Reset { name: Some(name) }) if name == "client_encoding" => {
                return Some(Coding::Utf8);
            }
            _ => return None,
        }
        let name = self.text.trim_end_matches(|c: char| c == ';' || c.is_whitespace());
        let name = name.rsplit(['=', ' ', '\t', '\n']).next()?;
        Coding::named(name.trim_matches(['\'', '"']))
    }

    /// `SET standard_conforming_strings = …`, as far as it can be known without a server.
    pub(super) fn sets_standard_strings(&self) -> Option<bool> {
        let Kind::Session(Session::Set { name, .. }) = &self.kind else { return None };
        if name != STANDARD_STRINGS {
            return None;
        }
        let mut words = self.text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        vars::parse_bool(words.next_back()?)
    }

    /// Where in the file a server's error position (characters, from 1) is.
    pub fn locate(&self, position: usize) -> Option<Located> {
        self.map.locate(&self.text, position)
    }

    /// A line (from 1) of the body of a DO block, as PL/pgSQL counts: the byte of the text that it begins at,
    /// or where `words` stand from there on. None for any other statement.
    pub fn in_block(&self, line: usize, words: Option<&str>) -> Option<usize> {
        let mut pieces = Tokens::new(&self.text);
        if !pieces.next()?.is("DO") {
            return None;
        }
        let body = pieces.find(|piece| matches!(piece.tok, Tok::Dollar | Tok::Text))?;
        let body = &self.text[body.start..body.start + body.text.len()];
        let start = body.as_ptr() as usize - self.text.as_ptr() as usize;
        let before: usize = body.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
        let rest = body.get(before..)?;
        // The first line begins with the quote.
        let blank = if line == 1 { 0 } else { rest.len() - rest.trim_start().len() };
        let found = words.and_then(|words| rest.find(words));
        Some(start + before + found.unwrap_or(blank))
    }

    /// The place in the file of a byte of the text.
    pub fn locate_byte(&self, byte: usize) -> Option<Located> {
        self.map.locate_byte(&self.text, byte)
    }

    /// The line of the text that was sent, with a caret at the position, at most `width` cells wide.
    /// Values of variables are in it: for people who may see them, and masked where they may not.
    pub fn excerpt(&self, position: usize, width: usize) -> Option<String> {
        let before = position.checked_sub(1)?;
        let text = self.shown();
        let byte = text.char_indices().nth(before).map_or(text.len(), |(byte, _)| byte);
        let start = text[..byte].rfind('\n').map_or(0, |newline| newline + 1);
        let line = text[start..].lines().next().unwrap_or_default();
        let column = 1 + text[start..byte].chars().count() as u64;
        Some(excerpt::excerpt(line, column, width))
    }
}

//! Reading a statement's tokens one after the other.

use super::kind::QualifiedName;
use super::tokens::{Piece, Tok};

/// A position within the tokens of one statement. Nothing is taken where a method says no.
#[derive(Debug)]
pub(super) struct Reader<'t, 'a> {
    tokens: &'t [Piece<'a>],
    pos: usize,
}

impl<'t, 'a> Reader<'t, 'a> {
    pub fn new(tokens: &'t [Piece<'a>]) -> Self {
        Reader { tokens, pos: 0 }
    }

    pub fn is(&self, word: &str) -> bool {
        self.is_at(0, word)
    }

    pub fn is_at(&self, ahead: usize, word: &str) -> bool {
        self.tokens.get(self.pos + ahead).is_some_and(|piece| piece.is(word))
    }

    /// The token `back` before the next one.
    pub fn before(&self, back: usize) -> Option<&'t Piece<'a>> {
        self.tokens.get(self.pos.checked_sub(back + 1)?)
    }

    pub fn at_end(&self) -> bool {
        self.pos >= self.tokens.len()
    }

    pub fn piece(&mut self) -> Option<&'t Piece<'a>> {
        let piece = self.tokens.get(self.pos)?;
        self.pos += 1;
        Some(piece)
    }

    pub fn back(&mut self) {
        self.pos = self.pos.saturating_sub(1);
    }

    pub fn any(&mut self) -> bool {
        self.piece().is_some()
    }

    pub fn take(&mut self, word: &str) -> bool {
        let found = self.is(word);
        self.pos += usize::from(found);
        found
    }

    pub fn symbol(&mut self, symbol: &str) -> bool {
        let found = self.tokens.get(self.pos).is_some_and(|piece| piece.symbol(symbol));
        self.pos += usize::from(found);
        found
    }

    /// The next word that isn't quoted, in capitals.
    pub fn word(&mut self) -> Option<String> {
        let piece = self.tokens.get(self.pos).filter(|piece| piece.tok == Tok::Word)?;
        self.pos += 1;
        Some(piece.text.to_ascii_uppercase())
    }

    /// `IF EXISTS`, `IF NOT EXISTS`
    pub fn if_exists(&mut self) -> bool {
        let not = usize::from(self.is_at(1, "NOT"));
        let found = self.is("IF") && self.is_at(1 + not, "EXISTS");
        self.pos += if found { 2 + not } else { 0 };
        found
    }

    /// A group in parentheses; what is inside is passed by.
    pub fn parentheses(&mut self) -> bool {
        if !self.symbol("(") {
            return false;
        }
        let mut depth = 1;
        while depth > 0 {
            let Some(piece) = self.piece() else { break };
            depth += i32::from(piece.symbol("(")) - i32::from(piece.symbol(")"));
        }
        true
    }

    /// The words in the next group in parentheses, in capitals, without taking it.
    pub fn words_in_parentheses(&self) -> Vec<String> {
        let mut ahead = Reader { tokens: self.tokens, pos: self.pos };
        let start = self.pos;
        if !ahead.parentheses() {
            return Vec::new();
        }
        self.tokens[start..ahead.pos].iter().map(|piece| piece.text.to_ascii_uppercase()).collect()
    }

    /// An identifier, folded as the server does.
    pub fn identifier(&mut self) -> Option<String> {
        let piece = self.tokens.get(self.pos)?;
        let name = match piece.tok {
            Tok::Word => piece.text.to_ascii_lowercase(),
            Tok::QuotedIdent => {
                let quoted = piece.text.trim_start_matches(['u', 'U', '&']);
                let inner = quoted.strip_prefix('"')?;
                inner.strip_suffix('"').unwrap_or(inner).replace("\"\"", "\"")
            }
            _ => return None,
        };
        self.pos += 1;
        Some(name)
    }

    /// `name`, `schema.name` or `database.schema.name`.
    pub fn qualified(&mut self) -> Option<QualifiedName> {
        let mut name = QualifiedName { schema: None, name: self.identifier()? };
        while self.symbol(".") {
            let last = self.identifier()?;
            name = QualifiedName { schema: Some(name.name), name: last };
        }
        Some(name)
    }

    /// A setting's name: `a` or `a.b`.
    pub fn dotted(&mut self) -> Option<String> {
        let mut name = self.identifier()?;
        while self.symbol(".") {
            name = format!("{name}.{}", self.identifier()?);
        }
        Some(name)
    }
}

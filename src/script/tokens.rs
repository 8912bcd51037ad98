//! A statement's text as the server's lexer would read it: whole tokens, without space and comments.

use super::lex::{Lexer, TokenKind};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tok {
    /// A word that isn't quoted.
    Word,
    QuotedIdent,
    /// `'…'` in any of its forms, continuations included.
    Text,
    /// `$tag$…$tag$`
    Dollar,
    Number,
    Symbol,
    /// A `;` between statements.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub tok: Tok,
    pub text: &'a str,
    pub start: usize,
}

impl Piece<'_> {
    pub fn is(&self, word: &str) -> bool {
        self.tok == Tok::Word && self.text.eq_ignore_ascii_case(word)
    }

    pub fn symbol(&self, symbol: &str) -> bool {
        self.tok == Tok::Symbol && self.text == symbol
    }
}

#[derive(Debug)]
pub(super) struct Tokens<'a> {
    text: &'a str,
    lexer: Lexer,
    pos: usize,
    /// BEGIN ATOMIC isn't looked for: every `;` outside parentheses ends a statement.
    plain_semicolons: bool,
}

impl<'a> Tokens<'a> {
    pub fn new(text: &'a str) -> Self {
        Tokens { text, lexer: Lexer::new(), pos: 0, plain_semicolons: false }
    }

    pub fn with_plain_semicolons(text: &'a str) -> Self {
        Tokens { plain_semicolons: true, ..Self::new(text) }
    }

    /// A BEGIN … END body was opened and not closed so far.
    pub fn in_body(&self) -> bool {
        self.lexer.begin_depth() > 0
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        loop {
            let token = self.lexer.step(self.text.as_bytes(), self.pos)?;
            self.pos = token.end;
            let text = self.text.get(token.start..token.end)?;
            let tok =
                match token.kind {
                    TokenKind::Space | TokenKind::LineComment | TokenKind::Comment => continue,
                    TokenKind::Text => Tok::Text,
                    TokenKind::QuotedIdent => Tok::QuotedIdent,
                    TokenKind::Dollar => Tok::Dollar,
                    TokenKind::Ident => Tok::Word,
                    TokenKind::Number => Tok::Number,
                    TokenKind::Semicolon => Tok::End,
                    TokenKind::Punct if text == ";" && self.plain_semicolons => {
                        if self.lexer.paren_depth() == 0 { Tok::End } else { Tok::Symbol }
                    }
                    _ => Tok::Symbol,
                };
            if !matches!(tok, Tok::Text | Tok::QuotedIdent | Tok::Dollar) {
                return Some(Piece { tok, text, start: token.start });
            }
            // These come in parts, as long as the lexer is inside. An N is followed by its quote.
            let mut more = matches!(text, "n" | "N");
            loop {
                more |= self.lexer.stays_inside(self.text.as_bytes(), self.pos);
                if !std::mem::take(&mut more) {
                    break;
                }
                let Some(part) = self.lexer.step(self.text.as_bytes(), self.pos) else { break };
                self.pos = part.end;
            }
            let text = self.text.get(token.start..self.pos)?;
            return Some(Piece { tok, text, start: token.start });
        }
    }
}

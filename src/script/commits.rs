//! Whether the code of a DO block or a procedure ends the transaction that it is called in.

use super::mentions::inner;
use super::tokens::{Piece, Tok, Tokens};

/// The byte of the statement at which a DO block has its first COMMIT or ROLLBACK.
pub(super) fn of_block(text: &str) -> Option<usize> {
    let is_block = Tokens::new(text).next().is_some_and(|first| first.is("DO"));
    is_block.then(|| in_body(text)).flatten()
}

/// The same in CREATE PROCEDURE.
pub(super) fn of_procedure(text: &str) -> Option<usize> {
    in_body(text)
}

/// Other languages have their own words for it.
fn in_body(text: &str) -> Option<usize> {
    let (mut body, mut language) = (None, None);
    let mut pieces = Tokens::new(text).peekable();
    while let Some(piece) = pieces.next() {
        match piece.tok {
            Tok::Dollar => body = body.or(Some(inner(piece.text))),
            // Defaults of parameters stand in front of it.
            Tok::Text => body = Some(inner(piece.text)),
            _ if piece.is("LANGUAGE") => {
                language = pieces.next_if(|piece| piece.tok == Tok::Word).map(|piece| piece.text);
            }
            _ => {}
        }
    }
    let body = body.filter(|_| language.is_none_or(|language| language.eq_ignore_ascii_case("plpgsql")))?;
    Some(body.as_ptr() as usize - text.as_ptr() as usize + first(body)?)
}

/// Where a statement of PL/pgSQL begins with one of the two words.
fn first(body: &str) -> Option<usize> {
    let mut before: Option<Piece<'_>> = None;
    let mut pieces = Tokens::with_plain_semicolons(body).peekable();
    while let Some(piece) = pieces.next() {
        if (piece.is("COMMIT") || piece.is("ROLLBACK")) && before.is_none_or(begins) {
            let next = pieces.peek();
            if next.is_none_or(|next| next.tok == Tok::End || next.is("AND")) {
                return Some(piece.start);
            }
        }
        before = Some(piece);
    }
    None
}

/// A statement begins behind it.
fn begins(piece: Piece<'_>) -> bool {
    let word = ["BEGIN", "THEN", "ELSE", "LOOP"].iter().any(|word| piece.is(word));
    word || piece.tok == Tok::End || piece.text.ends_with('>')
}

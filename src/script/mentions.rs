//! Whether a text names something: by the server's tokens, so that neither a comment nor a part of another
//! name counts.

use super::tokens::{Piece, Tok, Tokens};

/// Texts within texts are looked into so deep: a DO that EXECUTEs a string that has one.
const DEEP: usize = 3;

/// The last part of a name as it is written in SQL, as the server folds it: `App."Orders"` is `Orders`.
#[must_use]
pub fn last_name(name: &str) -> String {
    let last = Tokens::new(name).filter_map(|piece| identifier(&piece)).last();
    last.unwrap_or_else(|| name.to_owned())
}

/// Whether the text names this, `name` being as the server has it; within bodies and strings too, since
/// those may be run.
#[must_use]
pub fn mentions(text: &str, name: &str) -> bool {
    within(text, name, DEEP)
}

fn within(text: &str, name: &str, deep: usize) -> bool {
    Tokens::new(text).any(|piece| match piece.tok {
        Tok::Word | Tok::QuotedIdent => identifier(&piece).is_some_and(|found| found == name),
        Tok::Text | Tok::Dollar if deep > 0 => within(inner(piece.text), name, deep - 1),
        _ => false,
    })
}

fn identifier(piece: &Piece<'_>) -> Option<String> {
    match piece.tok {
        Tok::Word => Some(piece.text.to_ascii_lowercase()),
        Tok::QuotedIdent => {
            let inner = piece.text.trim_start_matches(['u', 'U', '&']).strip_prefix('"')?;
            Some(inner.strip_suffix('"').unwrap_or(inner).replace("\"\"", "\""))
        }
        _ => None,
    }
}

/// What is between the quotes, or the dollars.
pub(super) fn inner(text: &str) -> &str {
    if let Some(rest) = text.strip_prefix('$') {
        let Some(tag) = rest.find('$').map(|end| &text[..end + 2]) else { return "" };
        let body = &text[tag.len()..];
        return body.strip_suffix(tag).unwrap_or(body);
    }
    let body = text.split_once('\'').map_or("", |(_, body)| body);
    body.strip_suffix('\'').unwrap_or(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_whole_and_outside_of_comments() {
        for (text, named) in [
            ("UPDATE t SET a = 1", true),
            ("UPDATE app.T SET a = 1", true),
            ("UPDATE \"t\" SET a = 1", true),
            ("UPDATE \"T\" SET a = 1", false),
            ("UPDATE totals SET a = 1 -- not t", false),
            ("SELECT /* t */ 1", false),
            ("DO $$ BEGIN DELETE FROM t; END $$", true),
            ("DO $x$ BEGIN EXECUTE 'DELETE FROM t'; END $x$", true),
            ("DO $x$ BEGIN EXECUTE 'DELETE FROM tt'; END $x$", false),
        ] {
            assert_eq!(mentions(text, "t"), named, "{text}");
        }
        assert_eq!(last_name("app.\"My Orders\""), "My Orders");
        assert_eq!(last_name("App.Orders"), "orders");
    }
}

//! Passwords out of SQL, before it is shown or written anywhere.

use super::tokens::{Piece, Tok, Tokens};
use std::borrow::Cow;

const MASK: &str = "'***'";

/// The text with the literals of PASSWORD, CONNECTION and OPTIONS (… password …) clauses masked, and any
/// literal that holds a password in a connection string. It looks into dollar quotes too, and rather
/// masks too much: what it returns is for people, never for the server.
pub fn mask_secrets(text: &str) -> Cow<'_, str> {
    let mut out: Option<String> = None;
    let mut copied = 0;
    let mut before: [Option<Piece<'_>>; 2] = [None, None];
    for piece in Tokens::new(text) {
        if let Some(masked) = replacement(&piece, &before) {
            let out = out.get_or_insert_default();
            out.push_str(&text[copied..piece.start]);
            out.push_str(&masked);
            copied = piece.start + piece.text.len();
        }
        before = [Some(piece), before[0]];
    }
    match out {
        Some(mut out) => {
            out.push_str(&text[copied..]);
            Cow::Owned(out)
        }
        None => Cow::Borrowed(text),
    }
}

fn replacement(piece: &Piece<'_>, before: &[Option<Piece<'_>>; 2]) -> Option<String> {
    if !matches!(piece.tok, Tok::Text | Tok::Dollar) {
        return None;
    }
    // CONNECTION 'x', password 'x', password = 'x', PASSWORD := 'x'; all names that sound like a secret.
    let direct = match before {
        [Some(sign), name] if sign.symbol("=") || sign.symbol(":=") || sign.symbol("=>") => name,
        [name, _] => name,
    };
    let named = direct.is_some_and(|name| {
        matches!(name.tok, Tok::Word | Tok::QuotedIdent) && (is_secret(name.text) || name.is("CONNECTION"))
    });
    // A dollar quote over several lines is a body, where only its own literals count.
    let is_body = piece.tok == Tok::Dollar && piece.text.contains('\n');
    if named || (!is_body && holds_password(piece.text)) {
        return Some(MASK.to_owned());
    }
    if piece.tok == Tok::Dollar {
        let tag = piece.text.get(1..)?.find('$')? + 2;
        let inner = piece.text.get(tag..)?;
        if let Cow::Owned(masked) = mask_secrets(inner) {
            return Some(format!("{}{masked}", &piece.text[..tag]));
        }
    }
    None
}

fn is_secret(name: &str) -> bool {
    let name = name.trim_matches('"').to_ascii_lowercase();
    ["password", "passwd", "passphrase", "secret", "token", "api_key", "apikey", "access_key"]
        .iter()
        .any(|word| name.contains(word))
}

/// `host=a password=b`, `postgres://user:pass@host/db`
fn holds_password(literal: &str) -> bool {
    if literal.len() > 10_000 {
        return false; // no connection string
    }
    let lower = literal.to_ascii_lowercase();
    let assigned = lower
        .match_indices("password")
        .any(|(at, word)| lower[at + word.len()..].trim_start().starts_with('='));
    let in_url = lower.match_indices("://").any(|(at, sign)| {
        let rest = &lower[at + sign.len()..];
        let authority = rest.split(['/', '?', ' ', '\'']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    });
    assigned || in_url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked() {
        for (text, masked) in [
            ("ALTER ROLE a PASSWORD 'x''y' VALID UNTIL 'z'", "ALTER ROLE a PASSWORD '***' VALID UNTIL 'z'"),
            ("create user u encrypted password E'a\\'b'", "create user u encrypted password '***'"),
            ("ALTER ROLE a PASSWORD $$x$$", "ALTER ROLE a PASSWORD '***'"),
            (
                "CREATE SUBSCRIPTION s CONNECTION 'host=h' PUBLICATION p",
                "CREATE SUBSCRIPTION s CONNECTION '***' PUBLICATION p",
            ),
            (
                "OPTIONS (user 'u', password 'p', SET \"password\" 'q')",
                "OPTIONS (user 'u', password '***', SET \"password\" '***')",
            ),
            (
                "DO $x$ begin alter role a password 'p'; end $x$",
                "DO $x$ begin alter role a password '***'; end $x$",
            ),
            ("SELECT dblink('host=h password=p')", "SELECT dblink('***')"),
            ("SELECT dblink('postgres://u:p@h/d', 'x')", "SELECT dblink('***', 'x')"),
            ("ALTER ROLE a PASSWORD 'never clo", "ALTER ROLE a PASSWORD '***'"),
        ] {
            assert_eq!(mask_secrets(text), masked);
        }
    }

    #[test]
    fn other_text_stays_as_it_is() {
        for text in ["SELECT 'a' -- password 'x'", "UPDATE t SET x = 'pass'", "$$ 'x' $$"] {
            assert!(matches!(mask_secrets(text), Cow::Borrowed(_)), "{text}");
        }
    }
}

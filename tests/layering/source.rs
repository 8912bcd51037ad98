//! As much of Rust as it takes to see what a file imports: tokens, and the paths they make.

/// A word or a sign of a source text, with its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// A path as it is written, `use` trees taken apart: `crate::plan::model`, with its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    pub path: Vec<String>,
    pub line: usize,
}

/// The tokens of a text, without comments and what stands in quotes. `::` is one token.
pub fn tokens(text: &str) -> Vec<Token> {
    let bytes: Vec<char> = text.chars().collect();
    let (mut at, mut line, mut out) = (0, 1, Vec::new());
    let look = |at: usize| bytes.get(at).copied().unwrap_or('\0');
    while at < bytes.len() {
        let begin = at;
        match (look(at), look(at + 1)) {
            ('/', '/') => {
                while at < bytes.len() && look(at) != '\n' {
                    at += 1;
                }
            }
            ('/', '*') => at = block_comment(&bytes, at),
            ('"', _) => at = string(&bytes, at),
            ('r', '"' | '#') | ('b', '"' | 'r' | '\'') | ('c', '"') if literal_end(&bytes, at).is_some() => {
                at = literal_end(&bytes, at).unwrap_or(at + 1);
            }
            ('\'', _) => at = quote(&bytes, at),
            (':', ':') => {
                out.push(Token { text: "::".into(), line });
                at += 2;
            }
            (c, _) if c.is_alphanumeric() || c == '_' => {
                while look(at).is_alphanumeric() || look(at) == '_' {
                    at += 1;
                }
                out.push(Token { text: bytes[begin..at].iter().collect(), line });
            }
            (c, _) => {
                if !c.is_whitespace() {
                    out.push(Token { text: c.to_string(), line });
                }
                at += 1;
            }
        }
        line += bytes[begin..at.min(bytes.len())].iter().filter(|c| **c == '\n').count();
    }
    out
}

fn block_comment(bytes: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string(bytes: &[char], at: usize) -> usize {
    let mut at = at + 1;
    while at < bytes.len() && bytes[at] != '"' {
        at += if bytes[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// The end of `r"…"`, `r#"…"#`, `b"…"`, `br"…"`, `b'…'`, `c"…"`; `None` for a word that begins so, and for
/// `r#word`.
fn literal_end(bytes: &[char], at: usize) -> Option<usize> {
    let quote = at + bytes[at..].iter().take(2).take_while(|c| c.is_alphabetic()).count();
    let raw = bytes[at..quote].contains(&'r');
    let hashes = bytes[quote..].iter().take_while(|c| **c == '#').count();
    match bytes.get(quote + hashes)? {
        '"' if raw => {
            let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            let body = quote + hashes + 1;
            let found = bytes[body..].windows(end.len()).position(|window| window == end);
            Some(found.map_or(bytes.len(), |found| body + found + end.len()))
        }
        '"' if hashes == 0 => Some(string(bytes, quote)),
        '\'' if hashes == 0 => Some(self::quote(bytes, quote)),
        _ => None,
    }
}

/// A character, or the sign before a lifetime's name.
fn quote(bytes: &[char], at: usize) -> usize {
    if bytes.get(at + 1) == Some(&'\\') {
        let mut end = at + 3;
        while end < bytes.len() && bytes[end] != '\'' {
            end += 1;
        }
        return end + 1;
    }
    if bytes.get(at + 2) == Some(&'\'') { at + 3 } else { at + 1 }
}

/// All paths of two or more parts, and everything that `use` brings in.
pub fn imports(tokens: &[Token]) -> Vec<Import> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        let begins = is_word(token) && (at == 0 || tokens[at - 1].text != "::" || !leads_on(tokens, at));
        if token.text == "use" {
            at = tree(tokens, at + 1, &[], &mut out);
        } else if begins && tokens.get(at + 1).is_some_and(|next| next.text == "::") {
            at = tree(tokens, at, &[], &mut out);
        } else {
            at += 1;
        }
    }
    out
}

fn is_word(token: &Token) -> bool {
    token.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Whether the `::` before `at` follows a word or the `>` of a type, so that a path goes on there.
fn leads_on(tokens: &[Token], at: usize) -> bool {
    let Some(before) = at.checked_sub(2).map(|before| &tokens[before]) else { return false };
    let arrow = at >= 3 && matches!(tokens[at - 3].text.as_str(), "-" | "=");
    is_word(before) && before.text != "use" || before.text == ">" && !arrow
}

/// Reads a path or a tree of paths from `at`; where it ends.
fn tree(tokens: &[Token], mut at: usize, before: &[String], out: &mut Vec<Import>) -> usize {
    let mut path = before.to_vec();
    let line = tokens.get(at).map_or(0, |token| token.line);
    while let Some(token) = tokens.get(at) {
        if token.text == "{" && is_group(tokens, at) {
            at += 1;
            while let Some(token) = tokens.get(at) {
                match token.text.as_str() {
                    "}" => return at + 1,
                    "," => at += 1,
                    _ => at = tree(tokens, at, &path, out).max(at + 1),
                }
            }
            return at;
        }
        if token.text == "::" {
            at += 1;
        } else if is_word(token) && (path.len() == before.len() || tokens[at - 1].text == "::") {
            path.push(token.text.clone());
            at += 1;
        } else {
            break;
        }
    }
    if tokens.get(at).is_some_and(|token| token.text == "as") {
        at += 2;
    }
    out.push(Import { path, line });
    at
}

/// A brace of a `use` tree follows `::` or `use`.
fn is_group(tokens: &[Token], at: usize) -> bool {
    at > 0 && matches!(tokens[at - 1].text.as_str(), "::" | "use")
}

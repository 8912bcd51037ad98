//! JSON with exact numbers, for comparing values of `json` and `jsonb`.
//!
//! `serde_json` would read 9007199254740993 as a float and lose its last digit unless a feature were
//! switched on for the whole program, so values are read here. As in `jsonb`, the last of two equal
//! keys counts and the order of keys doesn't.

use std::collections::BTreeMap;

use super::number::{Number, decimal};

/// Deeper values aren't read, so that one can't exhaust the stack.
const MAX_DEPTH: usize = 128;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Boolean(bool),
    Number(Number),
    Text(String),
    Array(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

impl Json {
    pub(super) fn parse(text: &str) -> Option<Json> {
        let mut reader = Reader { rest: text };
        let value = reader.value(0)?;
        reader.blanks();
        reader.rest.is_empty().then_some(value)
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn take(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.blanks();
        if self.take("null") {
            return Some(Json::Null);
        }
        if self.take("true") {
            return Some(Json::Boolean(true));
        }
        if self.take("false") {
            return Some(Json::Boolean(false));
        }
        if self.take("[") {
            return self.array(depth);
        }
        if self.take("{") {
            return self.object(depth);
        }
        if self.rest.starts_with('"') {
            return self.text().map(Json::Text);
        }
        self.number()
    }

    fn array(&mut self, depth: usize) -> Option<Json> {
        let mut items = Vec::new();
        self.blanks();
        if self.take("]") {
            return Some(Json::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.blanks();
            if self.take("]") {
                return Some(Json::Array(items));
            }
            if !self.take(",") {
                return None;
            }
        }
    }

    fn object(&mut self, depth: usize) -> Option<Json> {
        let mut items = BTreeMap::new();
        self.blanks();
        if self.take("}") {
            return Some(Json::Object(items));
        }
        loop {
            self.blanks();
            let key = self.text()?;
            self.blanks();
            if !self.take(":") {
                return None;
            }
            items.insert(key, self.value(depth + 1)?);
            self.blanks();
            if self.take("}") {
                return Some(Json::Object(items));
            }
            if !self.take(",") {
                return None;
            }
        }
    }

    fn number(&mut self) -> Option<Json> {
        let end =
            self.rest.find(|c: char| !(c.is_ascii_digit() || "+-.eE".contains(c))).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let leading_zero =
            unsigned.starts_with('0') && unsigned[1..].starts_with(|c: char| c.is_ascii_digit());
        if leading_zero || text.starts_with('+') {
            return None;
        }
        let number = decimal(text)?;
        self.rest = rest;
        Some(Json::Number(Number::from(number)))
    }

    /// The string is well formed where its end is found; what its escapes mean is left to
    /// `serde_json`.
    fn text(&mut self) -> Option<String> {
        let bytes = self.rest.as_bytes();
        if bytes.first() != Some(&b'"') {
            return None;
        }
        let mut at = 1;
        while *bytes.get(at)? != b'"' {
            at += if bytes[at] == b'\\' { 2 } else { 1 };
        }
        let (text, rest) = self.rest.split_at(at + 1);
        let text = serde_json::from_str(text).ok()?;
        self.rest = rest;
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_keys_and_scale_of_numbers_do_not_count() {
        let one = Json::parse(r#"{"a": 1.50, "b": [1, {"c": null}], "d": "x\u00e9"}"#);
        let two = Json::parse(r#" {"d":"xé","b":[1.0,{"c":null}],"a":15e-1} "#);
        assert!(one.is_some());
        assert_eq!(one, two);
    }

    #[test]
    fn large_numbers_keep_their_last_digit() {
        assert_ne!(Json::parse("9007199254740993"), Json::parse("9007199254740992"));
    }

    #[test]
    fn what_is_no_json() {
        let deep = "[".repeat(100_000);
        for text in [
            "",
            "abc",
            "{a,b}",
            "{1,2}",
            "01",
            "+1",
            "[1,]",
            "{\"a\"}",
            "\"a",
            "\"\\",
            "\"\\u12\"",
            "nul",
            "1 2",
            "1e99999999",
            &deep,
            "é",
            "\"é",
        ] {
            assert_eq!(Json::parse(text), None);
        }
    }
}

//! PostgreSQL's text form of arrays: `{1,NULL,"a,b"}`, `{{1,2},{3,4}}`, `[0:1]={5,6}`.

/// PostgreSQL ends at 6 dimensions; this only has to end.
const MAX_DEPTH: usize = 8;

/// An array before its elements are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RawArray {
    /// The first index of each dimension; empty when all are 1, as they are when nothing is said.
    pub(super) lower: Vec<i64>,
    pub(super) items: Vec<RawItem>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RawItem {
    Null,
    Text(String),
    Nested(Vec<RawItem>),
}

/// Whether a text is an array; a lone `{name}` is, too.
pub(super) fn is_array(text: &str) -> bool {
    text.starts_with(['{', '[']) && parse(text).is_some()
}

pub(super) fn parse(text: &str) -> Option<RawArray> {
    let (lower, body) = match text.strip_prefix('[') {
        Some(_) => {
            let (bounds, body) = text.split_once('=')?;
            (lower_bounds(bounds)?, body)
        }
        None => (Vec::new(), text),
    };
    let mut reader = Reader { rest: body.strip_prefix('{')? };
    let items = reader.items(1)?;
    reader.rest.is_empty().then_some(RawArray { lower, items })
}

fn lower_bounds(bounds: &str) -> Option<Vec<i64>> {
    let inner = bounds.strip_prefix('[')?.strip_suffix(']')?;
    let mut lower = Vec::new();
    for dimension in inner.split("][") {
        let (from, to) = dimension.split_once(':')?;
        let (from, to) = (from.parse::<i64>().ok()?, to.parse::<i64>().ok()?);
        if from > to {
            return None;
        }
        lower.push(from);
    }
    if lower.iter().all(|from| *from == 1) {
        lower.clear();
    }
    Some(lower)
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    /// What stands between `{`, which is already read, and its `}`.
    fn items(&mut self, depth: usize) -> Option<Vec<RawItem>> {
        if depth > MAX_DEPTH {
            return None;
        }
        let mut items = Vec::new();
        self.blanks();
        if self.take('}') {
            return Some(items);
        }
        loop {
            self.blanks();
            items.push(self.item(depth)?);
            self.blanks();
            if self.take('}') {
                return Some(items);
            }
            if !self.take(',') {
                return None;
            }
        }
    }

    fn item(&mut self, depth: usize) -> Option<RawItem> {
        if self.take('{') {
            return self.items(depth + 1).map(RawItem::Nested);
        }
        if self.take('"') {
            return self.quoted().map(RawItem::Text);
        }
        let end = self.rest.find([',', '}'])?;
        let (text, rest) = self.rest.split_at(end);
        let text = text.trim_end();
        if text.is_empty() || text.contains(['"', '{', '\\']) {
            return None;
        }
        self.rest = rest;
        Some(if text.eq_ignore_ascii_case("null") { RawItem::Null } else { RawItem::Text(text.to_owned()) })
    }

    fn quoted(&mut self) -> Option<String> {
        let mut text = String::new();
        let mut characters = self.rest.char_indices();
        while let Some((at, c)) = characters.next() {
            match c {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Some(text);
                }
                '\\' => text.push(characters.next()?.1),
                _ => text.push(c),
            }
        }
        None
    }

    fn take(&mut self, token: char) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> RawItem {
        RawItem::Text(text.to_owned())
    }

    #[test]
    fn quotes_nulls_and_nesting() {
        let array = parse(r#"{a,NULL,"NULL","b,\"c\\",{}}"#).unwrap();
        assert_eq!(
            array.items,
            [text("a"), RawItem::Null, text("NULL"), text("b,\"c\\"), RawItem::Nested(vec![]),]
        );
        assert!(parse("{}").unwrap().items.is_empty());
    }

    #[test]
    fn bounds_count_only_when_they_are_not_the_usual() {
        assert_eq!(parse("[1:2]={5,6}"), parse("{5, 6}"));
        assert_eq!(parse("[0:1]={5,6}").unwrap().lower, [0]);
        assert_eq!(parse("[0:0][2:3]={{5,6}}").unwrap().lower, [0, 2]);
    }

    #[test]
    fn what_is_no_array() {
        let deep = "{".repeat(100_000);
        for text in [
            "",
            "{",
            "}",
            "{a",
            "{a,}",
            "{,a}",
            "{a}}",
            "{a}b",
            "{\"a}",
            "[0:1]{5,6}",
            "[2:1]={5}",
            "[x:y]={1}",
            "{\"a\": 1}",
            "[1,2]",
            &deep,
            "é",
            "{é",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

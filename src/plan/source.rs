//! A text with a name, and where in it a byte stands.

use std::sync::Arc;

/// A range of bytes in a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl From<std::ops::Range<usize>> for Span {
    fn from(range: std::ops::Range<usize>) -> Self {
        Self { start: range.start, end: range.end.max(range.start) }
    }
}

/// The text of a plan, and its lines.
#[derive(Debug, Clone)]
pub struct Source {
    /// As the user named the file.
    pub name: String,
    pub text: Arc<str>,
    /// Where each line begins.
    starts: Arc<[usize]>,
}

impl Source {
    pub fn new(name: impl Into<String>, text: &str) -> Self {
        let starts: Vec<usize> = std::iter::once(0)
            .chain(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1))
            .collect();
        Self { name: name.into(), text: text.into(), starts: starts.into() }
    }

    /// 1-based line of a byte; a byte past the end is on the last line.
    pub fn line_of(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset).max(1)
    }

    /// 1-based line and column; columns count characters, as editors do.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let offset = self.floor(offset);
        let line = self.line_of(offset);
        let start = self.starts[line - 1];
        (line, self.text[start..offset.max(start)].chars().count() + 1)
    }

    /// A line without its end; empty when there is no such line.
    pub fn line(&self, line: usize) -> &str {
        let Some(start) = line.checked_sub(1).and_then(|i| self.starts.get(i)) else { return "" };
        let end = self.starts.get(line).copied().unwrap_or(self.text.len());
        self.text[*start..end].trim_end_matches(['\n', '\r'])
    }

    /// Where a line begins.
    pub fn line_start(&self, line: usize) -> usize {
        line.checked_sub(1).and_then(|i| self.starts.get(i)).copied().unwrap_or(self.text.len())
    }

    /// The text of a span; what isn't in the source is left out.
    pub fn slice(&self, span: Span) -> &str {
        &self.text[self.floor(span.start)..self.floor(span.end).max(self.floor(span.start))]
    }

    /// The nearest place at or before `offset` where a character begins.
    fn floor(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters() {
        let source = Source::new("a", "ä = 1\nbc\r\n");
        assert_eq!(source.position(0), (1, 1));
        assert_eq!(source.position(2), (1, 2));
        assert_eq!(source.position(1), (1, 1));
        assert_eq!(source.position(8), (2, 2));
        assert_eq!(source.position(999), (3, 1));
        assert_eq!(source.line(2), "bc");
        assert_eq!(source.line(9), "");
    }
}

//! The statement being collected: its text as psql would send it, and where that came from.

use super::position::SourceMap;

/// Where a piece of text stands in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct From<'a> {
    /// The line it stands in, and how far into it.
    pub line: &'a [u8],
    pub at: usize,
    pub line_offset: u64,
    pub number: u64,
    /// It is the value of the variable that is named there.
    pub pasted: bool,
}

impl From<'_> {
    pub fn offset(&self) -> u64 {
        self.line_offset + self.at as u64
    }

    fn column(&self) -> u64 {
        1 + super::source::chars(&self.line[..self.at.min(self.line.len())])
    }
}

/// Where a statement begins.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Start {
    pub offset: u64,
    pub line: u64,
    pub column: u64,
}

#[derive(Debug, Default)]
pub(super) struct Query {
    text: Vec<u8>,
    map: SourceMap,
    start: Start,
    /// The file's byte behind the last piece.
    end: u64,
    /// Length after the newline that the last line break put in, to take it out again.
    newline: Option<usize>,
}

/// A finished statement.
#[derive(Debug)]
pub(super) struct Finished {
    pub text: String,
    pub map: SourceMap,
    pub start: Start,
    pub end: u64,
}

impl Query {
    pub fn len(&self) -> usize {
        self.text.len()
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub fn push(&mut self, bytes: &[u8], from: From<'_>, source_end: u64) {
        if bytes.is_empty() {
            return;
        }
        if self.text.is_empty() {
            self.start = Start { offset: from.offset(), line: from.number, column: from.column() };
        }
        let at = || (from.number, from.column());
        self.map.add(self.text.len(), from.offset(), from.pasted, at);
        self.text.extend_from_slice(bytes);
        self.end = source_end;
    }

    /// A new line begins. Nothing is added to an empty statement.
    pub fn line_break(&mut self, newline_offset: u64, number: u64) {
        self.newline = None;
        if self.text.is_empty() {
            return;
        }
        self.map.add(self.text.len(), newline_offset, false, || (number, 1));
        self.text.push(b'\n');
        self.newline = Some(self.text.len());
    }

    /// A command begins: a line that holds nothing but commands leaves no blank line in the statement.
    pub fn command(&mut self) {
        if self.newline.take() == Some(self.text.len()) {
            self.truncate(self.text.len() - 1);
        }
    }

    pub fn truncate(&mut self, len: usize) {
        self.text.truncate(len);
        self.map.truncate(len);
    }

    pub fn finish(&mut self) -> Finished {
        self.newline = None;
        let text = std::mem::take(&mut self.text);
        Finished {
            // Lines are checked to be UTF-8 and cut at ASCII characters only; nothing is lost.
            text: String::from_utf8(text)
                .unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()),
            map: std::mem::take(&mut self.map),
            start: self.start,
            end: self.end,
        }
    }
}

//! The statement being collected: its text as psql would send it, and where that came from.

use super::position::{Located, SourceMap};

/// Where a piece of text stands in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct From {
    pub offset: u64,
    pub line: u64,
    /// The file's byte behind it.
    pub end: u64,
    /// It is the value of the variable that is named there.
    pub pasted: bool,
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
    /// Length after the newline that the last line break put in, and the end before it, to undo it.
    newline: Option<(usize, u64)>,
}

/// A finished statement.
#[derive(Debug, Clone, Default)]
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

    /// Adds text. The column is asked for only where a stretch of text begins.
    pub fn push(&mut self, bytes: &[u8], from: From, column: impl FnOnce() -> u64) {
        if bytes.is_empty() {
            return;
        }
        let mut column = Some(column);
        let mut at = || (from.line, column.take().map_or(1, |column| column()));
        let first = self.text.is_empty();
        self.map.add(self.text.len(), from.offset, from.pasted, &mut at);
        if first {
            // An empty statement has no stretches, so this one has just begun.
            let (line, column) = self.map.last_place().unwrap_or((from.line, 1));
            self.start = Start { offset: from.offset, line, column };
        }
        self.text.extend_from_slice(bytes);
        self.end = from.end;
    }

    /// A new line begins. Nothing is added to an empty statement.
    pub fn line_break(&mut self, newline_offset: u64, number: u64) {
        self.newline = None;
        if self.text.is_empty() {
            return;
        }
        self.map.add(self.text.len(), newline_offset, false, || (number, 1));
        self.text.push(b'\n');
        self.newline = Some((self.text.len(), self.end));
        self.end = newline_offset + 1;
    }

    /// A variable is pasted as it is.
    pub fn raw(&mut self, name: &str, offset: u64, line: u64, column: u64) {
        self.map.raw.push((name.to_owned(), Located { offset, line, column, in_variable: true }));
    }

    /// The file ends, and no semicolon ended the statement.
    pub fn cut_off(&mut self) {
        self.map.cut_off = true;
    }

    /// A command begins: a line that holds nothing but commands leaves no blank line in the statement.
    pub fn command(&mut self) {
        if let Some((len, end)) = self.newline.take()
            && len == self.text.len()
        {
            self.truncate(len - 1);
            self.end = end;
        }
    }

    /// What was collected so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
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

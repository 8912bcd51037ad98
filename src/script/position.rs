//! From a position in the text that was sent back to the line and column in the file.

use super::coding;
use super::source::chars;

/// A stretch of a statement's text and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    /// First byte in the statement's text.
    text: usize,
    /// First byte in the file.
    offset: u64,
    line: u64,
    column: u64,
    /// The text is the value of a variable; all of it stands where the variable is named.
    pasted: bool,
}

/// Where the text of a statement comes from. A statement written in one piece needs one stretch; each
/// pasted variable, command in the middle or blank line left out adds one or two.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceMap {
    stretches: Vec<Stretch>,
    /// Variables that were pasted as they are, and where they are named.
    pub(super) raw: Vec<(String, Located)>,
    /// The file ended before the statement did.
    pub(super) cut_off: bool,
}

/// A place in the file, for a position in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located {
    pub offset: u64,
    pub line: u64,
    pub column: u64,
    /// The position is inside the value of a variable; line and column are those of its name.
    pub in_variable: bool,
}

impl SourceMap {
    /// Text that is `len` bytes at `offset` of the file begins at `text` of the statement.
    pub(super) fn add(&mut self, text: usize, offset: u64, pasted: bool, at: impl FnOnce() -> (u64, u64)) {
        if let Some(last) = self.stretches.last() {
            let goes_on = if pasted {
                last.offset == offset
            } else {
                last.offset + (text - last.text) as u64 == offset
            };
            if last.pasted == pasted && goes_on {
                return;
            }
        }
        let (line, column) = at();
        self.stretches.push(Stretch { text, offset, line, column, pasted });
    }

    /// The map of a text that was made of something else, which stands there.
    pub(super) fn made_of(offset: u64, line: u64, column: u64) -> Self {
        let stretches = vec![Stretch { text: 0, offset, line, column, pasted: true }];
        SourceMap { stretches, ..SourceMap::default() }
    }

    /// Line and column of the latest stretch.
    pub(super) fn last_place(&self) -> Option<(u64, u64)> {
        self.stretches.last().map(|last| (last.line, last.column))
    }

    /// The statement was cut back to `len` bytes.
    pub(super) fn truncate(&mut self, len: usize) {
        while self.stretches.last().is_some_and(|last| last.text >= len) {
            self.stretches.pop();
        }
    }

    /// The place of a byte of `text`, which must be the text that the map was made for.
    pub fn locate_byte(&self, text: &str, byte: usize) -> Option<Located> {
        let byte = byte.min(text.len());
        let after = self.stretches.partition_point(|stretch| stretch.text <= byte);
        let stretch = self.stretches.get(after.checked_sub(1)?)?;
        let (offset, line, column) = (stretch.offset, stretch.line, stretch.column);
        if stretch.pasted {
            return Some(Located { offset, line, column, in_variable: true });
        }
        let between = &text.as_bytes()[stretch.text..byte];
        let newlines = between.iter().filter(|&&c| c == b'\n').count() as u64;
        let column = match between.iter().rposition(|&c| c == b'\n') {
            Some(newline) => 1 + chars(&between[newline + 1..]),
            None => column + chars(between),
        };
        let offset = offset + between.len() as u64;
        Some(Located { offset, line: line + newlines, column, in_variable: false })
    }

    /// The place of a server's error position: characters, counted from 1.
    pub fn locate(&self, text: &str, position: usize) -> Option<Located> {
        let mut characters = text.char_indices().filter(|(_, c)| !coding::is_rest(*c));
        let byte = characters.nth(position.checked_sub(1)?).map_or(text.len(), |(byte, _)| byte);
        self.locate_byte(text, byte)
    }
}

//! Every byte of a file belongs to something: the sums, and on request the pieces.

use super::place::Span;

/// What a byte of a script belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Text of a statement, or a variable's name in its place.
    Statement,
    /// White space and comments between statements, blank lines, the byte-order mark.
    Filler,
    /// A backslash command with its arguments.
    Command,
    /// Inline data of a COPY, the closing `\.` line included.
    CopyData,
    /// SQL in a branch that isn't taken.
    Skipped,
    /// A line that couldn't be read as text.
    Bad,
}

/// How many bytes of a file went where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    pub statements: u64,
    pub filler: u64,
    pub commands: u64,
    pub copy_data: u64,
    pub skipped: u64,
    pub bad: u64,
    pieces: Option<Vec<(Span, Class)>>,
}

impl Tally {
    /// Keeps every piece from now on. For tests: it takes memory with the file's size.
    pub fn keep_pieces(&mut self) {
        self.pieces.get_or_insert_default();
    }

    pub fn pieces(&self) -> &[(Span, Class)] {
        self.pieces.as_deref().unwrap_or_default()
    }

    pub fn total(&self) -> u64 {
        self.statements + self.filler + self.commands + self.copy_data + self.skipped + self.bad
    }

    pub(super) fn absorb(&mut self, other: &Tally) {
        self.statements += other.statements;
        self.filler += other.filler;
        self.commands += other.commands;
        self.copy_data += other.copy_data;
        self.skipped += other.skipped;
        self.bad += other.bad;
        if let Some(pieces) = &other.pieces {
            self.pieces.get_or_insert_default().extend_from_slice(pieces);
        }
    }

    pub(super) fn add(&mut self, class: Class, start: u64, end: u64) {
        if end <= start {
            return;
        }
        let sum = match class {
            Class::Statement => &mut self.statements,
            Class::Filler => &mut self.filler,
            Class::Command => &mut self.commands,
            Class::CopyData => &mut self.copy_data,
            Class::Skipped => &mut self.skipped,
            Class::Bad => &mut self.bad,
        };
        *sum += end - start;
        if let Some(pieces) = &mut self.pieces {
            pieces.push((Span { start, end }, class));
        }
    }
}

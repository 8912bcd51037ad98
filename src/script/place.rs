//! Where something stands: file, line, column, byte range, and the `\i` lines that led there.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// A half-open range of bytes in one file, counted from its first byte (a byte-order mark included).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Span {
    pub start: u64,
    pub end: u64,
}

impl Span {
    pub fn len(self) -> u64 {
        self.end - self.start
    }

    pub fn is_empty(self) -> bool {
        self.end <= self.start
    }
}

/// One `\i` on the way to a place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IncludedFrom {
    pub file: Arc<Path>,
    pub line: u64,
    /// A line may include the same file twice.
    pub column: u64,
}

/// A place in a script. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    pub file: Arc<Path>,
    pub line: u64,
    pub column: u64,
    pub span: Span,
    /// Outermost first; empty for the script itself.
    pub includes: Arc<[IncludedFrom]>,
    /// The cell of a `\gexec` that the statement was made of.
    pub generated: Option<Generated>,
}

impl Place {
    /// `a.sql:3`
    pub(super) fn file_and_line(&self) -> String {
        format!("{}:{}", self.file.display(), self.line)
    }
}

/// A cell of a result, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Generated {
    pub row: u64,
    pub column: u64,
}

impl fmt::Display for Generated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.row)?;
        if self.column > 1 { write!(f, ".{}", self.column) } else { Ok(()) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)?;
        // A file that includes itself comes with a long way.
        const SHOWN: usize = 4;
        for from in self.includes.iter().rev().take(SHOWN) {
            write!(f, " (included from {}:{})", from.file.display(), from.line)?;
        }
        match self.includes.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " (and {more} more)"),
        }
    }
}

//! What is wrong with a plan, where, and what to do about it.

use std::fmt;

use super::render;
use super::source::{Source, Span};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The plan isn't loaded.
    Error,
    /// Right, but this version can't do it yet; the plan loads and isn't run.
    NotBuilt,
    /// Probably not what was meant.
    Warning,
    /// Worth knowing.
    Note,
}

/// The kind of a diagnostic; stable, for tests and tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The file can't be read, or isn't text.
    Unreadable,
    /// It isn't TOML.
    Syntax,
    UnknownKey,
    /// A text where a number belongs, and the like.
    WrongType,
    /// The right type and not a value that means something.
    BadValue,
    /// A key that must be there isn't.
    Missing,
    /// Two keys that exclude each other.
    Conflict,
    /// A key that doesn't belong to this action or place.
    Misplaced,
    /// Two things of one name.
    Duplicate,
    /// A name of nothing.
    UnknownReference,
    /// Refers to what hasn't run by then.
    Order,
    Circle,
    /// A file that the plan names.
    File,
    /// A `{name}` that nothing gives a value.
    UnknownName,
    Indentation,
    Lint,
    NotBuilt,
}

impl Code {
    /// Whether it can be believed when parts of the file couldn't be read as TOML: what is missing
    /// or refers to nothing may stand in the part that was lost.
    pub(super) fn holds_in_ruins(self) -> bool {
        matches!(self, Self::Syntax | Self::UnknownKey | Self::WrongType | Self::BadValue)
    }
}

/// A second place that belongs to a diagnostic.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Related {
    pub message: String,
    pub line: usize,
    pub column: usize,
    pub span: Span,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Diagnostic {
    pub severity: Severity,
    pub code: Code,
    /// Lower-case, without a full stop.
    pub message: String,
    /// What the person can do.
    pub help: Option<String>,
    pub file: String,
    /// 1-based; 0 when it is about the whole file.
    pub line: usize,
    /// 1-based, in characters; 0 when it is about the whole file.
    pub column: usize,
    pub span: Span,
    pub related: Vec<Related>,
}

/// Findings about one file, with the text to show them in.
#[derive(Debug, Clone)]
pub struct Diagnostics {
    pub source: Source,
    /// In the order of the file.
    pub all: Vec<Diagnostic>,
    /// Found and not kept: beyond some thousands of a severity only the number counts.
    pub left_out: usize,
}

/// More than this many aren't shown; the rest is counted.
pub const SHOWN: usize = 50;

impl Diagnostics {
    pub fn new(source: Source) -> Self {
        Self { source, all: Vec::new(), left_out: 0 }
    }

    /// One finding about a file as a whole.
    pub fn of_file(name: &str, message: String, help: Option<String>) -> Self {
        let mut out = Self::new(Source::new(name, ""));
        out.all.push(Diagnostic {
            severity: Severity::Error,
            code: Code::Unreadable,
            message,
            help,
            file: name.to_owned(),
            line: 0,
            column: 0,
            span: Span::default(),
            related: Vec::new(),
        });
        out
    }

    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    pub fn count(&self, severity: Severity) -> usize {
        self.all.iter().filter(|d| d.severity == severity).count()
    }

    pub fn of(&self, severity: Severity) -> impl Iterator<Item = &Diagnostic> {
        self.all.iter().filter(move |d| d.severity == severity)
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn sort(&mut self) {
        self.all.sort_by(|a, b| {
            (a.span.start, a.severity, a.code, &a.message).cmp(&(
                b.span.start,
                b.severity,
                b.code,
                &b.message,
            ))
        });
        self.all.dedup();
    }

    /// One finding as text: position, message, the line with a caret, help.
    pub fn render(&self, diagnostic: &Diagnostic) -> String {
        render::diagnostic(&self.source, diagnostic)
    }
}

/// All of them, the first [`SHOWN`] in full. Errors are never pushed out by warnings.
impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors = self.count(Severity::Error);
        let mut room_for_others = SHOWN.saturating_sub(errors);
        let (mut shown, mut left) = (0, self.left_out);
        for diagnostic in &self.all {
            let fits = if diagnostic.severity == Severity::Error {
                shown < SHOWN
            } else {
                let fits = room_for_others > 0;
                room_for_others = room_for_others.saturating_sub(1);
                fits
            };
            if !fits {
                left += 1;
                continue;
            }
            if shown > 0 {
                writeln!(f)?;
            }
            shown += 1;
            write!(f, "{}", self.render(diagnostic))?;
        }
        if left > 0 {
            writeln!(f, "\nand {left} more")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

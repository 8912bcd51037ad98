//! A line of a log, laid out when somebody looks at it: what a narrow panel is to show can't be cut out of
//! a line that was made for another width without losing units and ends.

use std::borrow::Cow;

use super::page::{CLOCK, TOOK};
use super::symbols::Mark;
use crate::text::columns::{cut, pad, pad_left, width};
use crate::text::words::took;

/// Narrower than this, figures have no room beside what they are about.
const FIGURES: usize = 70;
/// From here on there is room for long ones.
const WIDE: usize = 110;

/// A line, and its columns where it has any.
#[derive(Debug, Clone)]
pub struct LogLine {
    text: String,
    columns: Option<Columns>,
}

/// What stands beside each other.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    pub clock: String,
    pub depth: usize,
    pub mark: Mark,
    pub what: String,
    pub ms: Option<u64>,
    pub figures: String,
}

impl From<String> for LogLine {
    fn from(text: String) -> Self {
        Self { text, columns: None }
    }
}

/// What a line is made of, for whoever lays it out otherwise than the log does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pieces<'a> {
    pub clock: &'a str,
    pub sign: char,
    pub what: &'a str,
    pub ms: Option<u64>,
    pub figures: &'a str,
}

impl LogLine {
    pub(super) fn new(text: String, columns: Option<Columns>) -> Self {
        Self { text, columns }
    }

    /// All of it, as a file has it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its parts; `None`: it goes on with the line before it.
    #[must_use]
    pub fn pieces(&self) -> Option<Pieces<'_>> {
        self.columns.as_ref().map(|columns| Pieces {
            clock: columns.clock.trim(),
            sign: columns.mark.sign(),
            what: &columns.what,
            ms: columns.ms,
            figures: &columns.figures,
        })
    }

    /// As it is shown in so many columns.
    #[must_use]
    pub fn within(&self, room: usize) -> Cow<'_, str> {
        let Some(columns) = &self.columns else {
            return if width(&self.text) <= room {
                self.text.as_str().into()
            } else {
                cut(&self.text, room).into()
            };
        };
        let begin = CLOCK + columns.depth * 2 + 2;
        let right = match room {
            ..FIGURES => 0,
            FIGURES..WIDE => room * 3 / 10,
            _ => room * 2 / 5,
        };
        // A long title takes the room of figures that there are none of.
        let alone = columns.figures.is_empty() && width(&columns.what) + begin + TOOK + right > room;
        let right = if alone { 0 } else { right };
        let what = room.saturating_sub(begin + TOOK + right).max(8);
        let figures = if right == 0 { String::new() } else { format!("  {}", columns.figures) };
        let line = format!(
            "{}{}{} {}{}{}",
            columns.clock,
            " ".repeat(columns.depth * 2),
            columns.mark.sign(),
            pad(&cut(&columns.what, what), what),
            pad_left(&columns.ms.map(took).unwrap_or_default(), TOOK),
            cut(&figures, right),
        );
        cut(line.trim_end(), room).into()
    }
}

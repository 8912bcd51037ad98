//! Where the lines go.

use jiff::tz::TimeZone;

/// How lines are laid out. The default is a log: no colour, no cutting, the run's own clock.
#[derive(Debug, Clone, Default)]
pub struct Style {
    /// Escape sequences for colour. Colour is never the only sign.
    pub colour: bool,
    /// Symbols of ASCII instead of ✓ ✗ ▶ … What others wrote stays as they wrote it.
    pub ascii: bool,
    /// Columns of the terminal; 0 when it is a log: there a line is as long as its fact, within
    /// reason.
    pub width: usize,
    /// Of the clock; the run's own when `None`.
    pub timezone: Option<TimeZone>,
    /// Where the run's folder is, when a command has to name it to find it.
    pub state_dir: Option<String>,
}

impl Style {
    /// For a log or a pipe.
    #[must_use]
    pub fn log() -> Self {
        Self::default()
    }

    /// For a terminal of so many columns.
    #[must_use]
    pub fn terminal(width: usize) -> Self {
        Self { colour: true, width: width.max(1), ..Self::default() }
    }
}

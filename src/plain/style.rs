//! Where the lines go.

use jiff::tz::TimeZone;

use super::next::shell;

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
    pub named: Named,
}

/// What a command has to name beside the run, since it isn't found by itself.
#[derive(Debug, Clone, Default)]
pub struct Named {
    /// Where the run's folder is.
    pub state_dir: Option<String>,
    /// The database, as it was typed; never with a password in it.
    pub target: Option<String>,
    /// Nobody sits at a screen, and nobody will: answers on the command line need that word.
    pub plain: bool,
    /// Somebody sat at the screen, and will again: what is asked there needs no answers on the command line.
    pub at_screen: bool,
}

impl Named {
    /// The flags, each with a blank before it, as a shell takes them.
    #[must_use]
    pub fn flags(&self) -> String {
        let all = [("--state-dir", &self.state_dir), ("--target", &self.target)];
        let given = all.into_iter().filter_map(|(flag, value)| Some((flag, value.as_deref()?)));
        let given = given.map(|(flag, value)| format!(" {flag} {}", shell(value)));
        self.plain.then(|| " --plain".to_owned()).into_iter().chain(given).collect()
    }
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

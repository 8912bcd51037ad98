//! The terminal, taken and given back.

use std::io::{self, Write, stdout};

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};

/// The terminal is ours as long as this lives.
#[derive(Debug)]
pub struct Guard {
    held: bool,
}

impl Guard {
    /// Takes it.
    ///
    /// # Errors
    /// When it isn't there.
    pub fn enter() -> io::Result<Self> {
        let mut guard = Self { held: false };
        guard.take()?;
        Ok(guard)
    }

    /// Takes it again, after it was given back.
    pub fn take(&mut self) -> io::Result<()> {
        enable_raw_mode()?;
        self.held = true;
        execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide)
    }

    /// Gives it back; a terminal that is gone needs nothing.
    pub fn give_back(&mut self) {
        if std::mem::take(&mut self.held) {
            give_back();
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// Whatever of it can be given back.
pub fn give_back() {
    let _ = execute!(stdout(), DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = stdout().flush();
    let _ = disable_raw_mode();
}

//! The terminal, taken and given back.

use std::io::{self, Write, stdout};

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::execute;
use crossterm::style::Print;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};

/// The terminal is ours as long as this lives.
#[derive(Debug)]
pub struct Guard {
    held: bool,
    /// The mouse is ours too.
    mouse: bool,
}

/// Presses and the wheel, in a form that has no largest column. Not crossterm's own: that one reports
/// every move.
const TAKE_MOUSE: Print<&str> = Print("\u{1b}[?1000h\u{1b}[?1006h");
const GIVE_MOUSE: Print<&str> = Print("\u{1b}[?1006l\u{1b}[?1000l");

impl Guard {
    /// Takes it.
    ///
    /// # Errors
    /// When it isn't there.
    pub fn enter(mouse: bool) -> io::Result<Self> {
        let mut guard = Self { held: false, mouse };
        guard.take()?;
        Ok(guard)
    }

    /// Takes it again, after it was given back.
    pub fn take(&mut self) -> io::Result<()> {
        enable_raw_mode()?;
        self.held = true;
        execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide)?;
        if self.mouse { execute!(stdout(), TAKE_MOUSE) } else { Ok(()) }
    }

    /// Takes the mouse, or leaves it to the terminal.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn mouse(&mut self, mouse: bool) -> io::Result<()> {
        self.mouse = mouse;
        execute!(stdout(), if mouse { TAKE_MOUSE } else { GIVE_MOUSE })
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
    let _ = execute!(stdout(), GIVE_MOUSE, DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = stdout().flush();
    let _ = disable_raw_mode();
}

//! Frames: what differs from the one before is written, in one piece.
//!
//! Not ratatui's `Terminal`: that one asks the terminal where its cursor is whenever the size changes,
//! and waits for an answer which the input thread reads first.

use std::io::{self, Stdout, Write, stdout};

use crossterm::queue;
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// The last frame, and where frames go.
#[derive(Debug)]
pub struct Canvas {
    backend: CrosstermBackend<Stdout>,
    shown: Buffer,
    next: Buffer,
    /// What is on the terminal isn't known.
    stale: bool,
}

impl Canvas {
    #[must_use]
    pub fn new() -> Self {
        // NO_COLOR is answered by a theme without colours. crossterm would drop whole sequences, and
        // with them what is bold or reversed.
        crossterm::style::force_color_output(true);
        let empty = Buffer::empty(Rect::default());
        Self { backend: CrosstermBackend::new(stdout()), shown: empty.clone(), next: empty, stale: true }
    }

    /// Everything is drawn anew with the next frame.
    pub fn forget(&mut self) {
        self.stale = true;
    }

    /// Draws one frame of the terminal's size.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn frame(&mut self, draw: impl FnOnce(Rect, &mut Buffer)) -> io::Result<()> {
        let size = self.backend.size()?;
        let area = Rect::new(0, 0, size.width, size.height);
        if area != self.shown.area {
            self.stale = true;
        }
        self.next.resize(area);
        self.next.reset();
        draw(area, &mut self.next);
        queue!(self.backend, BeginSynchronizedUpdate)?;
        if std::mem::take(&mut self.stale) {
            self.shown.resize(area);
            self.shown.reset();
            self.backend.clear()?;
        }
        self.backend.draw(self.shown.diff(&self.next).into_iter())?;
        queue!(self.backend, EndSynchronizedUpdate)?;
        Write::flush(&mut self.backend)?;
        std::mem::swap(&mut self.shown, &mut self.next);
        Ok(())
    }
}

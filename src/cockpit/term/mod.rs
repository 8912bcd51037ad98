//! Everything that touches the terminal, and the loop that goes round.
//!
//! - [`screen`] is the thread of the cockpit: it waits for messages, updates, draws at most thirty
//!   frames a second and only when something changed;
//! - `guard` takes the terminal and gives it back, on every way out; `fault` does so on a panic;
//! - `pace` is the beat of the frames; `canvas` draws what differs from the last frame; `input` reads keys on a thread of its own;
//! - `clipboard` is where copies go;
//! - [`loader`] reads scripts on another, so that no disk is waited for between two frames.

mod canvas;
mod clipboard;
mod fault;
mod guard;
mod input;
pub mod loader;
mod pace;
pub mod screen;

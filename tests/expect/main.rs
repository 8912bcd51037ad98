//! What is expected: the language of cells, how a result is judged by it, and laws that hold for all.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod cells;
mod judge;
mod language;
mod properties;

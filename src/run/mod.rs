//! A run: its events, the fold over them, and what is allowed now. Pure.
//!
//! - [`event`] is the contract: one fact a line, documented, only ever added to;
//! - [`state`] is the fold: a [`state::Run`] is what the events say, and only that;
//! - [`command`] is what a person (or a pipeline) may ask for;
//! - [`gate`] decides what is allowed now, and says why not.

pub mod command;
pub mod event;
pub mod gate;
pub mod state;

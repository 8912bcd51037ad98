//! `holdpoint report`: what a journal says, in three formats; and that nothing in it becomes markup.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "../common/mod.rs"]
mod common;
mod examples;
mod goldens;
mod hostile;
mod runs;
#[path = "../scene/mod.rs"]
mod scene;
mod story;

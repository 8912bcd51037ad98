//! The fold over events, and what is allowed when.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod gate;
mod machine;
#[path = "../run_support/mod.rs"]
mod run_support;

//! The journal on disk: what is durable when, what a kill leaves, and what damage is found.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod crash;
mod durability;
mod fuzz;
#[path = "../run_support/mod.rs"]
mod run_support;

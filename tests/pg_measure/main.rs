//! What is measured on a server: who blocks whom, inventories, fingerprints, content, and what was touched.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod activity;
mod blockers;
#[path = "../common/mod.rs"]
mod common;
mod content;
mod fingerprint;
mod inventory;
mod scale;
mod support;
mod touched;

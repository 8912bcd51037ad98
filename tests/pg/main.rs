//! Connections, sessions and servers of our own.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod child;
#[path = "../common/mod.rs"]
mod common;
mod config;
mod embedded;
mod session;
mod tls;

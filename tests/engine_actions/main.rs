//! What a step can do beside SQL files and checks, each from outside on a real PostgreSQL.

#![allow(clippy::unwrap_used)] // a test stops where it fails

mod backups;
mod beside;
mod command;
#[path = "../common/mod.rs"]
mod common;
mod into;
mod notify;
mod probe;
mod restores;
mod section;
mod snapshots;
mod undo;
mod watch;

//! What a step can do beside SQL files and checks, each from outside on a real PostgreSQL.

#[path = "../common/mod.rs"]
mod common;
mod probe;
mod section;
mod snapshots;

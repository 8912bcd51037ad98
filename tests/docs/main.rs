//! README.md and docs/ say what the program does: tables are made from its types, examples are run.

mod events;
mod pages;
mod plan;
#[path = "../common/server.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "shared; every test binary uses a part of it")]
mod server;
mod source;
#[path = "../common/surroundings.rs"]
#[allow(dead_code, reason = "shared; every test binary uses a part of it")]
mod surroundings;
mod words;

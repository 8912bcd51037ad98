//! What tests on a real PostgreSQL share.
#![allow(dead_code, reason = "every test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

pub mod proxy;
pub mod pty;
pub mod runs;
pub mod server;
pub mod surroundings;
pub mod tls;
pub mod tmux;

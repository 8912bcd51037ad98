//! What tests on a real PostgreSQL share.
#![allow(dead_code, reason = "every test binary uses a part of it")]

pub mod proxy;
pub mod server;

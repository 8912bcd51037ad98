//! A plan with two databases on two servers: who is asked, what is compared, and the runbook that moves from one to
//! the other.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod before;
mod collations;
#[path = "../common/mod.rs"]
mod common;
mod compare;
mod lane3;
mod pairs;
mod pooler;
mod sides;
mod two;
mod unlike;

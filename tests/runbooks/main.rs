//! The runbooks that ship as plans: each is run to its end and back, and each goes wrong in its own ways.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod book;
mod cases;
#[path = "../common/mod.rs"]
mod common;
mod kochel;
mod lane3;
mod production;
mod ramp;
#[path = "../scene/mod.rs"]
mod scene;
mod sections;
mod v7;
mod week2;

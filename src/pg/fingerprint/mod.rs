//! The schema of a database as a sorted list of objects with their definitions.
//!
//! - `read` takes it from a server, `print` is what was taken;
//! - `compare` says what differs between two;
//! - [`COVERS`] and [`NOT_COMPARED`] say what such a comparison is worth.

mod compare;
mod print;
mod read;

pub use print::{COVERS, Fingerprint, NOT_COMPARED};

//! The plan: the runbook as data. Model, loader with positions, expectations, digest. Pure.
//!
//! - [`load()`] turns a file into a [`model::Plan`], or into [`diagnostic::Diagnostics`] that say
//!   everything that is wrong with it at once;
//! - [`schema`] is the one table of keys that the loader's checks and the documentation come from;
//! - [`expect`] is the language of what a query must give;
//! - `kept` are the snapshots that a plan takes, and what it compares with them;
//! - [`digest`] and [`show`] look at a loaded plan.

pub mod diagnostic;
pub mod digest;
pub mod duration;
pub mod expect;
mod kept;
pub mod load;
pub mod model;
pub mod nearest;
mod objects;
mod program;
mod requires;
pub mod schema;
pub mod show;
pub mod slug;
pub mod source;

mod build;
mod check;
mod keys;
mod lints;
mod raw;
mod read;
mod render;
mod sqltext;
mod times;

pub use build::files::GLOB;
pub use load::{FileCheck, LoadOptions, Loaded, id_in, load, load_bytes, load_str};
pub use sqltext::{names_in, variable_alone};

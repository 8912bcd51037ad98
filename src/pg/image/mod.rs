//! A database at one moment, as far as two moments can be compared: schema, where sequences stand, and
//! the rows of the tables that somebody names. For the before-image of a run, for rehearsals, and for
//! `snapshot` and `diff`.
//!
//! - `take` reads it from a server, `compare` says what differs between two, `rows` of which rows;
//! - `ours` tells the rows that a run wrote from those of others.

mod compare;
mod ours;
mod rows;
mod take;

pub use compare::Comparison;
pub use ours::Ours;
pub use take::{Image, Missing, TableRows};

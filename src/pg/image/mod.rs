//! A database at one moment, as far as two moments can be compared: schema, where sequences stand, and
//! the rows of the tables that somebody names.
//!
//! `take` reads it from a server, `compare` says what differs between two, `rows` in which rows.

mod compare;
mod rows;
mod take;

pub use take::{Image, Missing, TableRows};

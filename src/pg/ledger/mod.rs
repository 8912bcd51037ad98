//! The ledger: what was applied, kept in the target itself.
//!
//! - `schema` makes the schema `holdpoint` and refuses one that somebody prepared for us;
//! - `fence` keeps runners of an older epoch from writing, takes over from a dead one, and notes of which plan a
//!   run is;
//! - `intent` brackets a statement that cannot be in a transaction;
//! - `entry` is the row a transaction commits with its work, and reads rows back;
//! - `moved` takes it along into another database;
//! - `quote` has our schema's name, and writes names and texts into statements.
//!
//! Everything is schema-qualified and independent of `search_path`: the statements here run inside
//! transactions whose settings a migration file has touched.

pub mod entry;
pub mod fence;
pub mod intent;
pub mod moved;
mod quote;
pub mod schema;

pub use quote::{SCHEMA, identifier, literal};

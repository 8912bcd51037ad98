//! The ledger: what was applied, kept in the target itself.
//!
//! - `schema` makes the schema `holdpoint` and refuses one that somebody prepared for us;
//! - `fence` keeps runners of an older epoch from writing, and takes over from a dead one;
//! - `intent` brackets a statement that cannot be in a transaction;
//! - `entry` is the row a transaction commits with its work, and reads rows back.
//!
//! Everything is schema-qualified and independent of `search_path`: the statements here run inside
//! transactions whose settings a migration file has touched.

pub mod entry;
pub mod fence;
pub mod intent;
pub mod schema;

/// The schema that belongs to holdpoint, left out of everything that it computes.
pub const SCHEMA: &str = "holdpoint";

/// `text` as an SQL literal, whatever `standard_conforming_strings` says.
#[must_use]
pub fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        format!(" E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

/// `name` as a quoted identifier.
#[must_use]
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

//! Two databases, table by table: whether they hold the same.
//!
//! - `tables` lists what is to be compared on a side, with columns and keys;
//! - `content` computes one hash of a table on both sides at once;
//! - `narrow` finds the rows that differ, by ranges of keys that become smaller;
//! - `estimates` is what the statistics say, and how old they are.
//!
//! Each side is read in one snapshot, begun by [`Pair::begin`].

mod content;
mod estimates;
mod narrow;
mod pair;
mod tables;

pub use content::{Hashes, TableHash, contents, counts};
pub use estimates::{Estimate, Estimates, estimates};
pub use narrow::{RowDifference, Rows, narrow};
pub use pair::{Failed, Pair, Which};
pub use tables::{Relation, Relations, relations};

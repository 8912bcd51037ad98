//! Snapshots: a database at one moment, kept in a file, to be compared with another moment or another
//! database.
//!
//! - `content` is what is in one, `take` asks a server for it, read-only by construction;
//! - `file` writes it whole or not at all, and says what is wrong with a file that isn't one;
//! - `differ` compares two, and says what that covers.

mod content;
mod differ;
mod file;
mod privileges;
mod take;

pub use content::{Snapshot, Source, VERSION};
pub use differ::{DIFF_VERSION, DiffError, Difference, Options, Report, Side, differ};
pub use file::{FileError, read, to_json, write};
pub use take::take;

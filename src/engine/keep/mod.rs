//! What a run keeps: files for people, and what there was at a moment, to be compared with later.
//!
//! - `artifacts` is where files go and how they are written, whole or not at all;
//! - `snapshot` takes one: `content` is what is kept of it, `timings` how queries are timed, `page`
//!   makes files of it that people read, `graph` draws tables and their foreign keys;
//! - `compare` holds what there is now against a snapshot, `two_sides` against the source (`side_by_side`: what
//!   both have);
//! - `backup` has pg_dump write the database into a file, `proof` proves it, and `restore`
//!   puts it back: in place, or `beside` the target (`filled`), whose name the restored one then takes (`swap`, with `emptied` for who is in them);
//! - `patience` waits for what takes long and only reads, until somebody interrupts.

mod artifacts;
mod backup;
mod beside;
mod compare;
mod content;
mod emptied;
mod filled;
mod graph;
mod page;
mod patience;
mod proof;
mod restore;
mod side_by_side;
mod snapshot;
mod swap;
mod timings;
mod two_sides;

pub(super) use artifacts::unwritten;
pub use beside::no_place_beside;

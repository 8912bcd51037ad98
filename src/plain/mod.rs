//! Events as lines an operator wants to find in a log.
//!
//! - [`Printer`] is fed every envelope of a run, also those from before a resume, and answers with
//!   the lines that are worth printing; it folds the run beside, for titles, phases and the summary;
//! - [`Style`] says where the lines go: a terminal of so many columns, or a log;
//! - [`scrub`] takes out of foreign text what could move a cursor or turn a line around;
//! - [`exit_words`] says what an exit code means;
//! - [`snapshot_lines`] and [`diff_lines`] are for commands that look at databases and run nothing.
//!
//! Inside: `page` lays lines out (and is the one place where text is scrubbed), `symbols` and `text`
//! are what it is made of, `sheet` is a page without a clock, `definition` says what differs between two texts, `words` says figures and people, `book` knows titles, the `*_lines` files
//! say what an event is worth, `next` knows what a person can type.

mod back_lines;
mod book;
mod check_lines;
mod definition;
mod diff_page;
mod next;
mod page;
mod people_lines;
mod printer;
mod run_lines;
pub mod scrub;
mod sheet;
mod snapshot_page;
mod step_lines;
mod style;
mod summary;
mod symbols;
mod text;
mod unit_lines;
mod words;

pub use diff_page::{DiffLine, DiffLines, diff_lines};
pub use printer::Printer;
pub use snapshot_page::{SnapshotLines, snapshot_lines};
pub use style::Style;
pub use words::exit_words;

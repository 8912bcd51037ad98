//! Events as lines an operator wants to find in a log.
//!
//! - [`Printer`] is fed every envelope of a run, also those from before a resume, and answers with
//!   the lines that are worth printing; it folds the run beside, for titles, phases and the summary;
//! - [`RehearsalPrinter`] does the same for what a rehearsal tells, and prints its table;
//! - [`progress()`] says how far a script is, which no event tells;
//! - [`definition()`] says what differs between two texts, line by line;
//! - [`lost_lines`], [`lost_in_all`] and [`rehearsal_words`] say what is known of a rollback, wherever it is shown;
//! - [`LogLine`] is such a line that is laid out when it is looked at;
//! - [`Style`] says where the lines go: a terminal of so many columns, or a log;
//! - [`snapshot_lines`] and [`diff_lines`] are for commands that look at databases and run nothing.
//!
//! Inside: `page` lays lines out (and is the one place where text is scrubbed), `sheet` does the same
//! without a clock, `symbols` are what they are made of, `definition` says what differs between two texts,
//! `book` knows titles, the `*_lines` files say what an event is worth, `next` knows what a person can
//! type.

mod back_lines;
mod book;
mod check_lines;
mod definition;
mod diff_page;
mod log_line;
mod next;
mod page;
mod people_lines;
mod printer;
mod program_lines;
mod progress_line;
mod rehearsal_lines;
mod run_lines;
mod sheet;
mod snapshot_page;
mod step_lines;
mod style;
mod summary;
mod symbols;
mod unit_lines;

pub use back_lines::{lost_in_all, lost_lines, not_put_back_words, rehearsal_words};
pub use definition::definition;
pub use diff_page::{DiffLine, DiffLines, diff_lines};
pub use log_line::{LogLine, Pieces};
pub use printer::Printer;
pub use progress_line::progress;
pub use rehearsal_lines::RehearsalPrinter;
pub use snapshot_page::{SnapshotLines, snapshot_lines};
pub use style::{Named, Style};

//! What is expected, and whether it came: one language for a value, a cell of a table, a count,
//! an inventory.
//!
//! - `cell` is the language: a typed value, or a condition, or arithmetic on saved values; what a
//!   text means is decided in `language` (with `arithmetic` and `quantity`);
//! - `answer` is what a query gave, with types; `value` reads it (with `number`, `moment`,
//!   `interval`, `json` and `array`), `view` is the part that is looked at;
//! - `compare` holds one value against one cell, `fit` brings the cell to the column's type or says
//!   what to write instead;
//! - `judge` compares a whole answer, `rows` its rows (with `matching`), `count` what holdpoint
//!   counts itself; `verdict` says in words what differs, `render` as lines, `show` safely;
//! - `saved` is what `save` keeps.

mod answer;
mod arithmetic;
mod array;
mod cell;
mod compare;
mod count;
mod fit;
mod interval;
mod json;
mod judge;
mod language;
mod matching;
mod moment;
mod number;
mod quantity;
mod render;
mod rows;
mod saved;
mod show;
mod value;
mod verdict;
mod view;

pub use answer::{Answer, Column, Outcome, Refusal};
pub use cell::{Cell, CellError};
pub use count::{judge_count, judge_names};
pub use saved::{Saved, SavedValue, save};
pub use verdict::{Difference, Verdict};

use std::time::Duration;

/// What a query (or a script) must give. Everything that is set must hold.
#[derive(Debug, Clone, Default)]
pub struct Expect {
    /// One row, one column.
    pub value: Option<Cell>,
    /// How many rows.
    pub rows: Option<Cell>,
    /// Rows in this order.
    pub table: Option<Vec<Vec<Cell>>>,
    /// Rows in any order.
    pub set: Option<Vec<Vec<Cell>>>,
    /// Rows that are among others.
    pub includes: Option<Vec<Vec<Cell>>>,
    /// Look only at these columns; all when empty.
    pub column: Vec<String>,
    /// Column = cell, in every row, of which there is at least one.
    pub each: Vec<(String, Cell)>,
    /// Fragments of the rows joined.
    pub contains: Vec<String>,
    /// It must fail so.
    pub error: Option<ExpectedError>,
    /// Slower fails.
    pub within: Option<Duration>,
    /// Warnings of a script.
    pub warnings: Option<Cell>,
    /// Exit code of a command.
    pub exit: Option<Cell>,
}

/// An error that a query must raise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedError {
    pub sqlstate: String,
    /// Each must stand in the message.
    pub texts: Vec<String>,
}

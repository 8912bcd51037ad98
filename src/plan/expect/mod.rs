//! What is expected, and whether it came: one language for a value, a cell of a table, a count,
//! an inventory.
//!
//! - `cell` is the language: a typed value, or a condition, or arithmetic on saved values; what a
//!   text means is decided in `language` (with `arithmetic` and `quantity`);
//! - `answer` is what a query gave, with types; `value` reads it (with `number`, `moment`,
//!   `interval`, `json` and `array`), `view` is the part that is looked at;
//! - `compare` holds one value against one cell, `fit` brings the cell to the column's type or says
//!   what to write instead;
//! - `expectation` is all that one query must give;
//! - `judge` compares a whole answer, `rows` its rows (with `matching`), `count` what holdpoint
//!   counts itself; `verdict` says in words what differs, `render` as lines, `show` safely;
//! - `saved` is what `save` keeps.

mod answer;
mod arithmetic;
mod array;
mod cell;
mod compare;
mod count;
mod expectation;
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
pub use expectation::{Expect, ExpectedError};
pub use saved::{Saved, SavedValue, save};
pub use verdict::{Difference, Verdict};

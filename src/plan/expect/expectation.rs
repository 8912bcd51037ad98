//! What a query must give, as the plan says it.

use std::time::Duration;

use super::Cell;

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

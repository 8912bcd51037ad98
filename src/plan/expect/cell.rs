//! The cell language: a typed value, a condition, arithmetic on saved values, or literal text.

/// One expectation on one value.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// As the plan has it, for people.
    pub source: String,
}

/// A text that begins like a condition and isn't one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct CellError {
    pub reason: String,
}

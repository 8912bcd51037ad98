//! What a query gave: text values with the types the server names.

use std::time::Duration;

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// The server's type OID.
    pub type_oid: u32,
}

/// The rows of a query, in the server's text format with pinned settings.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Option<String>>>,
    /// All rows the server sent, also those that weren't kept.
    pub total_rows: u64,
    /// Set when rows or bytes over the bound were dropped: which bound.
    pub truncated: Option<String>,
    /// Set when of a value only the beginning was kept: which, in words.
    pub cut: Option<String>,
    pub elapsed: Duration,
}

/// An error that the server answered with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    pub sqlstate: String,
    pub message: String,
    /// The error came from taking the role, not from the query.
    pub taking_role: bool,
}

/// Rows, or an error.
#[derive(Debug, Clone)]
pub enum Outcome {
    Rows(Answer),
    Error(Refusal),
}

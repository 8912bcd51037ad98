//! Compares what came with what was expected, and says what differs.

/// One cell that isn't as expected.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Difference {
    /// 1-based; 0 when it isn't about one row.
    pub row: usize,
    pub column: String,
    pub expected: String,
    pub got: String,
}

/// What came of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Verdict {
    pub passed: bool,
    /// In words, short: `25`, `12 rows`.
    pub expected: String,
    /// In words, short: `24`, `11 rows`.
    pub got: String,
    /// What differs, bounded; empty when it passed.
    pub differences: Vec<Difference>,
    /// How many more differences were left out.
    pub more: usize,
}

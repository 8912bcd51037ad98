//! Kinds of objects, and what a plan says of how many or which there are.

use super::expect::Cell;

/// Kinds of objects with what is expected of each; also what a step `adds`.
#[derive(Debug, Clone, Default)]
pub struct Kinds {
    /// In the order of the plan.
    pub counts: Vec<(Kind, Amount)>,
    /// Table name → cell on its row count (in `adds`: rows added).
    pub rows: Vec<(String, Cell)>,
}

#[derive(Debug, Clone)]
pub enum Amount {
    /// How many.
    Count(Cell),
    /// Which: in an inventory these exist, in `adds` exactly these are new.
    Names(Vec<String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Tables,
    Views,
    Columns,
    Indexes,
    ForeignKeys,
    Policies,
    Functions,
    Triggers,
    Enums,
    Sequences,
    Size,
    Orphans,
    UnvalidatedConstraints,
    InvalidIndexes,
    DisabledTriggers,
}

impl Kind {
    /// What the engine counts after each step and the Deltas view shows, in this order.
    pub const COUNTED: [Self; 10] = [
        Self::Tables,
        Self::Columns,
        Self::Indexes,
        Self::ForeignKeys,
        Self::Policies,
        Self::Functions,
        Self::Triggers,
        Self::Views,
        Self::Enums,
        Self::Sequences,
    ];

    /// As plans write it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Tables => "tables",
            Self::Views => "views",
            Self::Columns => "columns",
            Self::Indexes => "indexes",
            Self::ForeignKeys => "foreign keys",
            Self::Policies => "policies",
            Self::Functions => "functions",
            Self::Triggers => "triggers",
            Self::Enums => "enums",
            Self::Sequences => "sequences",
            Self::Size => "size",
            Self::Orphans => "orphans",
            Self::UnvalidatedConstraints => "unvalidated constraints",
            Self::InvalidIndexes => "invalid indexes",
            Self::DisabledTriggers => "disabled triggers",
        }
    }
}

//! What a run keeps to be compared with later: snapshots, and comparisons with them.

/// What a snapshot is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotKind {
    /// Every definition.
    Schema,
    /// Every enum with its labels, and where it is used.
    Enums,
    /// Which table refers to which.
    Dependencies,
    /// How many rows tables have.
    Rows,
    /// What is in tables.
    Content,
    /// How long queries take.
    Timings,
}

impl SnapshotKind {
    /// The word of the format.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Enums => "enums",
            Self::Dependencies => "dependencies",
            Self::Rows => "rows",
            Self::Content => "content",
            Self::Timings => "timings",
        }
    }

    /// How its file ends.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Schema => "sql",
            Self::Dependencies => "dot",
            Self::Enums | Self::Rows | Self::Content | Self::Timings => "csv",
        }
    }
}

/// `snapshot`: what there is now, written as an artifact and kept.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub of: SnapshotKind,
    /// Of timings: one query each.
    pub queries: Vec<String>,
    /// Of rows and content; all when empty.
    pub tables: Vec<String>,
}

/// `compare … with`: what there is now, against a snapshot of this run.
#[derive(Debug, Clone)]
pub struct Compare {
    pub of: SnapshotKind,
    /// The step whose snapshot it is.
    pub with: String,
    /// Of rows and content; those of the snapshot when empty.
    pub tables: Vec<String>,
    pub tolerance: Vec<Tolerance>,
}

/// How many rows of a table may differ.
#[derive(Debug, Clone)]
pub struct Tolerance {
    pub table: String,
    pub rows: u32,
    pub reason: String,
}

/// `backup`: the whole database in a file, proven.
#[derive(Debug, Clone)]
pub struct Backup {
    /// Below the run's artifacts.
    pub path: String,
    pub proof: BackupProof,
}

/// How a backup is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackupProof {
    /// Its list of contents has every table.
    List,
    /// It was restored into a private server, and that is the same database.
    Restore,
}

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

/// What of a database is held against another time or another database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compared {
    Schema,
    /// Counted.
    Rows,
    /// As the statistics have it: advice, never proof.
    Estimates,
    Content,
    /// Where sequences stand.
    Sequences,
    Timings,
}

impl Compared {
    /// The word of the format.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Rows => "rows",
            Self::Estimates => "estimates",
            Self::Content => "content",
            Self::Sequences => "sequences",
            Self::Timings => "timings",
        }
    }

    /// Whether it is about rows of tables.
    #[must_use]
    pub fn is_of_tables(self) -> bool {
        matches!(self, Self::Rows | Self::Estimates | Self::Content)
    }

    /// The snapshot that can be compared so; `None`: only two databases can.
    #[must_use]
    pub fn snapshot(self) -> Option<SnapshotKind> {
        match self {
            Self::Schema => Some(SnapshotKind::Schema),
            Self::Rows => Some(SnapshotKind::Rows),
            Self::Content => Some(SnapshotKind::Content),
            Self::Timings => Some(SnapshotKind::Timings),
            Self::Estimates | Self::Sequences => None,
        }
    }
}

/// `compare`: what there is now in the target, against a snapshot of this run or against the source.
#[derive(Debug, Clone)]
pub struct Compare {
    pub of: Compared,
    /// The step whose snapshot it is; `None`: the source.
    pub with: Option<String>,
    /// Of rows and content; those of the snapshot, or all, when empty. With the source `schema.*` is all of a
    /// schema.
    pub tables: Vec<String>,
    pub tolerance: Vec<Tolerance>,
}

impl Compare {
    /// The other side, for people.
    #[must_use]
    pub fn with_words(&self) -> String {
        self.with.as_ref().map_or_else(|| "the source".to_owned(), |id| format!("snapshot \"{id}\""))
    }
}

/// How many rows of a table may differ.
#[derive(Debug, Clone)]
pub struct Tolerance {
    pub table: String,
    pub rows: u32,
    pub reason: String,
}

/// `restore`: the database as it was in a backup of the run.
#[derive(Debug, Clone)]
pub struct Restore {
    /// The step that made it.
    pub backup: String,
    /// Into a new database, which then takes the target's name; the old one stays under another. Else in its place.
    pub beside: bool,
    /// Sessions that stand in its way are ended.
    pub end_sessions: bool,
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

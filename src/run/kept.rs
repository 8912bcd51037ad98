//! What a run keeps: files that it wrote, and snapshots to compare with.

use serde::{Deserialize, Serialize};

use super::event::Unit;
use crate::plan::model::{BackupProof, SnapshotKind};

/// A file that the run wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Where it was written.
    pub path: String,
    pub bytes: u64,
    /// SHA-256.
    pub digest: String,
}

/// The evidence so far, written as a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportWritten {
    pub step: String,
    /// The file, as it was then.
    pub artifact: Artifact,
    /// So many events it is of.
    pub events: u64,
}

/// What there was of one kind, at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotTaken {
    pub step: String,
    /// What it is of.
    pub kind: SnapshotKind,
    /// In a few words: `43 tables, 42 foreign keys`.
    pub contains: String,
    /// What people read.
    pub artifacts: Vec<Artifact>,
    /// What a later comparison uses, in the run's folder; null where nothing can be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Artifact>,
    pub elapsed_ms: u64,
}

/// A restored database takes the target's place, in one transaction with the name of the old one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replacing {
    #[serde(flatten)]
    pub unit: Unit,
    /// The target's name, which the new one has from then on.
    pub database: String,
    /// Oid of the new one.
    pub oid: u32,
    /// What the old one is called from then on; what was written to it since the backup is in it.
    pub aside: String,
    /// Oid of the old one.
    pub aside_oid: u32,
}

/// The database as it was, in a file that is proven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupTaken {
    pub step: String,
    /// It is of the plan's source; else of the target.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_source: bool,
    /// What pg_dump wrote.
    pub file: Artifact,
    /// Name and version of what wrote it: `pg_dump 15.4`.
    pub program: String,
    /// Size of the database, in bytes.
    pub database_bytes: u64,
    /// How many tables are in it.
    pub tables: u64,
    /// How it was proven.
    pub proof: BackupProof,
    /// What the proof covers, in words.
    pub proven: String,
    /// The schema as it was at that moment, in the run's folder: what a restore is held against.
    pub schema: Artifact,
    pub elapsed_ms: u64,
}

//! What is in a snapshot. docs/snapshot.md has it for readers of the file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::pg::image::Image;
use crate::plan::model::Kind;

/// Rises when the file's shape changes, and when a definition reads differently for the same object: two
/// snapshots of one version can be compared.
pub const VERSION: u32 = 1;

/// A database at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// [`VERSION`]; the key tells what the file is.
    pub holdpoint_snapshot: u32,
    /// `holdpoint 0.1.0`
    pub program: String,
    pub taken_at: jiff::Timestamp,
    pub source: Source,
    /// How many there are of each kind; `size` in bytes.
    pub counts: BTreeMap<Kind, u64>,
    /// What a comparison covers, and what it doesn't.
    pub covers: Vec<String>,
    pub not_covered: Vec<String>,
    /// SHA-256 of the schema: the same exactly when no definition and no order of columns differs.
    pub fingerprint: String,
    /// Tables whose rows were asked for. One that isn't in the image wasn't there.
    pub tables: Vec<String>,
    pub image: Image,
}

/// Where it was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    pub database: String,
    pub host: String,
    pub port: u16,
    pub user: String,
    pub server_version: String,
    pub encoding: String,
    /// `null` where the role may not ask.
    pub system_identifier: Option<String>,
}

impl Source {
    /// `shop on db1:5432, PostgreSQL 15.18`
    #[must_use]
    pub fn describe(&self) -> String {
        let version = self.server_version.split(' ').next().unwrap_or_default();
        format!("{} on {}:{}, PostgreSQL {version}", self.database, self.host, self.port)
    }
}

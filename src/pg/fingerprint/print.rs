//! A fingerprint: what was taken, and what comparing two of them covers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a comparison of fingerprints covers, for the sentence "residue: none (covers: …)".
pub const COVERS: &[&str] = &[
    "schemas",
    "tables with partitions, inheritance, options, row security and owners",
    "columns and their order",
    "constraints, validated or not",
    "indexes, valid or not",
    "views, materialized views and rules",
    "sequences without their values",
    "functions, procedures and aggregates",
    "triggers and event triggers, enabled or not",
    "policies",
    "types, domains and enum labels in order",
    "operators, casts, collations, conversions, languages, access methods",
    "text search objects",
    "extensions by version",
    "foreign servers and tables",
    "publications and subscriptions",
    "privileges and default privileges",
    "comments and security labels",
    "extended statistics",
    "settings of the database",
];

/// What it doesn't.
pub const NOT_COMPARED: &[&str] = &[
    "large objects",
    "objects that belong to an extension, and changes made to them",
    "roles and their memberships, tablespaces, settings of roles and of the server",
    "replication slots, connections of subscriptions, passwords in foreign servers and user mappings",
    "statistics and statistics targets",
    "objects in the system's schemas, temporary objects",
];

/// A schema fingerprint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// PostgreSQL's major version: definitions read differently in another one.
    pub major: u32,
    /// `table public.t` → its definition.
    pub objects: BTreeMap<String, String>,
    /// `public.t` → its columns in order. Apart from the objects, since adding a column isn't a change
    /// of the order of those that were there.
    pub column_order: BTreeMap<String, Vec<String>>,
}

impl Fingerprint {
    /// SHA-256 in hex. Equal exactly when nothing differs.
    pub fn digest(&self) -> String {
        let mut sha = Sha256::new();
        let mut add = |text: &str| {
            // With its length, so that no two lists of texts are the same bytes.
            sha.update((text.len() as u64).to_be_bytes());
            sha.update(text);
        };
        add("holdpoint fingerprint 1");
        add(&self.major.to_string());
        add(&self.objects.len().to_string());
        for (object, definition) in &self.objects {
            add(object);
            add(definition);
        }
        for (table, columns) in &self.column_order {
            add(table);
            add(&columns.len().to_string());
            columns.iter().for_each(|column| add(column));
        }
        sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

//! What is kept of a snapshot in the run's folder, to be compared with: read again only when it is what was
//! written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::artifacts::whole;
use crate::engine::conductor::Conductor;
use crate::engine::digests::hex;
use crate::pg::fingerprint::Fingerprint;
use crate::pg::image::TableRows;
use crate::plan::model::SnapshotKind;
use crate::plan::slug::slug;
use crate::run::event::{Artifact, SnapshotTaken};

/// What there was.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "snapshot", rename_all = "snake_case")]
pub(super) enum Kept {
    Schema {
        schema: Fingerprint,
    },
    Rows {
        /// All tables there were, not those that the plan names.
        all: bool,
        rows: BTreeMap<String, i64>,
    },
    Content {
        all: bool,
        content: BTreeMap<String, TableRows>,
    },
    Timings {
        timings: Vec<Timing>,
    },
}

/// How long a query takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Timing {
    /// As the plan has it.
    pub query: String,
    /// Of each run that counts, in microseconds, in their order.
    pub runs_us: Vec<u64>,
    pub rows: u64,
}

impl Timing {
    /// The one in the middle.
    pub(super) fn median_us(&self) -> u64 {
        let mut runs = self.runs_us.clone();
        runs.sort_unstable();
        runs.get(runs.len() / 2).copied().unwrap_or_default()
    }
}

impl Conductor {
    /// Writes it into the run's folder.
    pub(super) fn keep_snapshot(&self, step: &str, kept: &Kept) -> std::io::Result<Artifact> {
        let folder = self.folder.path().join("snapshots");
        std::fs::create_dir_all(&folder)?;
        // A step whose turn comes again takes another one; what the journal names stays.
        let taken = self.recorder.look(|run| run.snapshots.len());
        let path = folder.join(format!("{:03}-{}.json", taken + 1, slug(step)));
        whole(&path, &serde_json::to_vec(kept)?, self.folder.is_durable())
    }

    /// The newest snapshot of a step, as it was recorded.
    pub(super) fn kept_snapshot(
        &self,
        step: &str,
        kind: SnapshotKind,
    ) -> Result<(SnapshotTaken, Kept), String> {
        let taken =
            self.recorder.look(|run| run.snapshots.iter().rev().find(|taken| taken.step == step).cloned());
        let Some(taken) = taken else {
            return Err(format!(
                "snapshot \"{step}\" wasn't taken in this run: there is nothing to compare with"
            ));
        };
        let Some(kept) = taken.kept.clone().filter(|_| taken.kind == kind) else {
            return Err(format!(
                "snapshot \"{step}\" is of {}, which can't be compared so",
                taken.kind.word()
            ));
        };
        let bytes = std::fs::read(&kept.path)
            .map_err(|error| format!("snapshot \"{step}\" can't be read from {}: {error}", kept.path))?;
        if hex(&Sha256::digest(&bytes)) != kept.digest {
            return Err(format!(
                "{} isn't as the run wrote it (its SHA-256 is another): nothing can be said from it",
                kept.path
            ));
        }
        let read = serde_json::from_slice(&bytes).map_err(|error| format!("{}: {error}", kept.path))?;
        Ok((taken, read))
    }
}

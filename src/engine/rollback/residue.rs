//! What is there after a rollback and wasn't before, or the reverse.

use super::super::conductor::Conductor;
use super::super::stop::Stop;
use crate::run::event::{CheckpointResult, Residue};
use crate::run::state::RollbackState;

/// What a comparison found, and what it was about.
#[derive(Debug, Clone, Default)]
pub(in crate::engine) struct Found {
    pub residue: Vec<Residue>,
    /// Rows that others wrote meanwhile.
    pub others: Vec<Residue>,
    pub covers: Vec<String>,
    pub not_compared: Vec<String>,
}

impl Conductor {
    /// Compares with what was there before; a checkpoint of a rollback that failed is residue too.
    pub(super) async fn residue(
        &mut self,
        rollback: &RollbackState,
        everything: bool,
    ) -> Result<Found, Stop> {
        let mut found = if rollback.is_partial() && !everything {
            let not_compared = vec!["everything: the before-image is of the whole run".to_owned()];
            Found { not_compared, ..Found::default() }
        } else {
            let (residue, covers, not_compared) = self.compare_with_before_image().await?;
            Found { residue, covers, not_compared, ..Found::default() }
        };
        let failed: Vec<CheckpointResult> =
            rollback.steps.iter().flat_map(|id| self.failed_after(id)).collect();
        for result in failed {
            found.residue.push(Residue {
                object: format!("checkpoint \"{}\" after the rollback of {}", result.title, result.step),
                before: Some(result.verdict.expected),
                after: Some(result.verdict.got),
            });
        }
        found.covers.push("the checkpoints of the rollbacks".to_owned());
        Ok(found)
    }
}

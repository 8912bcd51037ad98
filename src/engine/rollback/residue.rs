//! What is there after a rollback and wasn't before, or the reverse.

use super::super::conductor::Conductor;
use super::super::stop::Stop;
use crate::engine::baseline::measured;
use crate::pg::fingerprint::NOT_COMPARED;
use crate::pg::image::{Comparison, Image, Missing, Ours};
use crate::run::event::{CheckpointResult, Residue};
use crate::run::state::RollbackState;

/// What a comparison found, and what it was about.
#[derive(Debug, Clone, Default)]
pub(in crate::engine) struct Found {
    pub residue: Vec<Residue>,
    /// Rows that others wrote meanwhile.
    pub others: Vec<Residue>,
    /// Sequences that moved on.
    pub moved: Vec<Residue>,
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
            self.compare_with_before_image().await?
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

    async fn compare_with_before_image(&mut self) -> Result<Found, Stop> {
        let Some(baseline) = self.recorder.look(|run| run.baseline.clone()) else {
            return Ok(Found { not_compared: vec!["there is no before-image".into()], ..Found::default() });
        };
        let before = self.before_image()?;
        let mut session = self.spare().await?;
        let tables: Vec<String> = before.rows.keys().cloned().collect();
        let now = Image::take(&mut session, &tables, Missing::LeftOut).await.map_err(measured)?;
        session.close().await;
        let wrote = self.recorder.look(|run| run.wrote.clone());
        let ours = Ours::new(wrote.transactions, wrote.removes);
        let Comparison { differs, others, moved } =
            Image::compare(&before, &now, Some(&ours)).map_err(measured)?;
        let mut found = Found { residue: differs, others, moved, ..Found::default() };
        found.covers.extend(["schema", "order of columns", "values of sequences"].map(str::to_owned));
        for table in baseline.guards.keys() {
            let list =
                if before.rows.contains_key(table) { &mut found.covers } else { &mut found.not_compared };
            list.push(format!("rows of {table}"));
        }
        found.not_compared.push("rows of tables that the plan doesn't guard".to_owned());
        found.not_compared.extend(NOT_COMPARED.iter().map(|what| (*what).to_owned()));
        Ok(found)
    }

    fn before_image(&self) -> Result<Image, Stop> {
        let text = std::fs::read(self.folder.path().join("before-image.json"))
            .map_err(|error| Stop::Local(format!("the before-image can't be read: {error}")))?;
        serde_json::from_slice(&text)
            .map_err(|error| Stop::Local(format!("the before-image can't be understood: {error}")))
    }
}

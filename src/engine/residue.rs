//! What a rollback left: the database against the image from before the first change.

use super::baseline::measured;
use super::conductor::Conductor;
use super::stop::Stop;
use crate::pg::fingerprint::NOT_COMPARED;
use crate::pg::image::{Comparison, Image, Missing, Ours};
use crate::run::event::{CheckpointResult, Residue};

/// What is left, and what that is worth.
#[derive(Debug, Default)]
pub(super) struct Left {
    pub residue: Vec<Residue>,
    /// Differs too, and isn't the run's fault.
    pub apart: Vec<Residue>,
    pub covers: Vec<String>,
    pub not_compared: Vec<String>,
}

impl Conductor {
    /// What is there and wasn't, or the reverse: against the before-image.
    pub(super) async fn residue(&mut self) -> Result<Left, Stop> {
        let everything = self.recorder.look(|run| run.applied_order.is_empty());
        let to = self.recorder.look(|run| run.rollback.as_ref().and_then(|r| r.to.clone()));
        if to.is_some() && !everything {
            let not_compared = vec!["everything: the before-image is of the whole run".to_owned()];
            return Ok(Left { not_compared, ..Left::default() });
        }
        let mut left = self.compare_with_before_image().await?;
        let undone = self.recorder.look(|run| run.rollback.as_ref().map(|r| r.steps.clone()));
        let failed: Vec<CheckpointResult> =
            undone.unwrap_or_default().iter().flat_map(|id| self.failed_after(id)).collect();
        for result in failed {
            left.residue.push(Residue {
                object: format!("checkpoint \"{}\" after the rollback of {}", result.title, result.step),
                before: Some(result.verdict.expected),
                after: Some(result.verdict.got),
            });
        }
        left.covers.push("the checkpoints of the rollbacks".to_owned());
        Ok(left)
    }

    async fn compare_with_before_image(&mut self) -> Result<Left, Stop> {
        let Some(baseline) = self.recorder.look(|run| run.baseline.clone()) else {
            return Ok(Left { not_compared: vec!["there is no before-image".into()], ..Left::default() });
        };
        let before = self.before_image()?;
        let mut session = self.spare().await?;
        let tables: Vec<String> = before.rows.keys().cloned().collect();
        let now = Image::take(&mut session, &tables, Missing::LeftOut).await.map_err(measured)?;
        session.close().await;
        let wrote = self.recorder.look(|run| run.wrote.clone());
        let ours = Ours::new(wrote.transactions, wrote.removes);
        let Comparison { differs, apart } = Image::compare(&before, &now, Some(&ours)).map_err(measured)?;
        let mut left = Left { residue: differs, apart, ..Left::default() };
        left.covers.extend(["schema", "order of columns", "values of sequences"].map(str::to_owned));
        for table in baseline.guards.keys() {
            let list =
                if before.rows.contains_key(table) { &mut left.covers } else { &mut left.not_compared };
            list.push(format!("rows of {table}"));
        }
        left.not_compared.push("rows of tables that the plan doesn't guard".to_owned());
        left.not_compared.extend(NOT_COMPARED.iter().map(|what| (*what).to_owned()));
        Ok(left)
    }

    fn before_image(&self) -> Result<Image, Stop> {
        let text = std::fs::read(self.folder.path().join("before-image.json"))
            .map_err(|error| Stop::Local(format!("the before-image can't be read: {error}")))?;
        serde_json::from_slice(&text)
            .map_err(|error| Stop::Local(format!("the before-image can't be understood: {error}")))
    }
}

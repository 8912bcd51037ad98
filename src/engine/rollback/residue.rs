//! What is there after a rollback and wasn't before, or the reverse.
//!
//! All undone: the schema against the before-image, the guarded tables by their content; where the content
//! differs, row by row, as far as images have them, so that rows of others can be told apart. A part: against
//! what the images say that there should be.

use std::collections::BTreeSet;

use super::super::baseline::measured;
use super::super::conductor::Conductor;
use super::super::stop::Stop;
use super::newcomers::{made_by_others, of_nobody_knows_whom};
use super::timeline::{BACK, Finding, Timeline, Values};
use super::{Way, way};
use crate::pg::fingerprint::{Fingerprint, NOT_COMPARED};
use crate::pg::sequences::{self, sequence_values};
use crate::run::event::{AppliedHow, Baseline, CheckpointResult, Direction, Image, ImageWhen, Residue};
use crate::run::state::{RollbackState, Run, UnitPhase};

const COLUMN_ORDER: &str = "column order of ";

/// What a comparison found, and what it was about.
#[derive(Debug, Clone, Default)]
pub(in crate::engine) struct Found {
    pub residue: Vec<Residue>,
    /// Rows that others wrote meanwhile.
    pub others: Vec<Residue>,
    /// Residue that came while the rollback went on, by it or by others.
    pub unsure: Vec<String>,
    /// What steps that can't be taken back did, as they left it.
    pub stays: Vec<Residue>,
    /// Those steps.
    pub irreversible: BTreeSet<String>,
    /// Sequences that moved on.
    pub moved: Vec<Residue>,
    pub covers: Vec<String>,
    pub not_compared: Vec<String>,
    /// Tables that this run wrote, no undo did, and nobody guards: nobody can say that they are as before.
    pub not_put_back: Vec<String>,
}

impl Found {
    /// What is as a step left it that can't be taken back was known, and somebody decided it.
    fn set_irreversible_apart(&mut self, timeline: &Timeline, now: &Values) {
        let known =
            |one: &Residue| timeline.is_as_left_by(&self.irreversible, &one.object, now.get(&one.object));
        let (stays, residue): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.residue).into_iter().partition(known);
        self.residue = residue;
        self.stays.extend(stays);
    }

    /// What an earlier rollback of another part left, and is as it left it, isn't gone because nobody looks at it now.
    fn still_left(&mut self, left_before: &[Residue], now: &Values) {
        const ELSEWHERE: [&str; 4] = ["rows of ", "checkpoint ", "step ", "value of "];
        for one in left_before {
            if self.residue.iter().chain(&self.stays).any(|known| known.object == one.object) {
                continue;
            }
            if ELSEWHERE.iter().any(|what| one.object.starts_with(what)) {
                self.not_compared
                    .push(format!("{} (an earlier rollback of this run left it so)", one.object));
            } else if now.get(&one.object) == one.after.as_ref() {
                self.residue.push(one.clone());
            }
        }
    }
}

impl Conductor {
    /// Compares with what was there before; a checkpoint of a rollback that failed is residue too.
    pub(super) async fn residue(
        &mut self,
        rollback: &RollbackState,
        everything: bool,
    ) -> Result<Found, Stop> {
        let irreversible = self.recorder.look(|run| {
            let kept = rollback.kept.iter().map(|(step, _)| step);
            kept.filter(|step| run.is_past_return(step)).cloned().collect()
        });
        let mut found = Found { irreversible, ..Found::default() };
        if rollback.is_partial() && !everything {
            self.compare_part(rollback, &mut found).await?;
        } else {
            self.compare_all(&mut found).await?;
        }
        self.set_newcomers_apart(&mut found, rollback)?;
        let failed: Vec<CheckpointResult> =
            rollback.steps.iter().flat_map(|id| self.failed_after(id)).collect();
        for result in failed {
            found.residue.push(Residue {
                object: format!("checkpoint \"{}\" after the rollback of {}", result.title, result.step),
                before: Some(result.verdict.expected),
                after: Some(result.verdict.got),
            });
        }
        let half: Vec<String> = self.recorder.look(|run| {
            let kept = run.half_known().filter(|id| rollback.kept.iter().any(|(kept, _)| kept == id));
            kept.map(str::to_owned).collect()
        });
        found.residue.extend(half.into_iter().map(|step| Residue {
            object: format!("step \"{step}\""),
            before: Some("nothing of it".to_owned()),
            after: Some("what it had committed by itself before it failed may be there".to_owned()),
        }));
        let any = |run: &Run| {
            let mut steps = rollback.steps.iter().filter_map(|id| run.step(id));
            steps.any(|step| !step.undo_checkpoints.is_empty())
        };
        if self.recorder.look(any) {
            found.covers.push("the checkpoints of the rollbacks".to_owned());
        }
        Ok(found)
    }

    /// Everything that this run applied is to be gone.
    async fn compare_all(&mut self, found: &mut Found) -> Result<(), Stop> {
        let Some(baseline) = self.recorder.look(|run| run.baseline.clone()) else {
            found.not_compared.push("there is no before-image".into());
            return Ok(());
        };
        let now = self.schema_now().await?;
        let before = self.before_image(&baseline)?;
        found.residue = Fingerprint::diff(&before, &now).map_err(measured)?;
        found.covers.push("schema".to_owned());
        let images = self.images();
        self.set_others_apart(found, &images)?;
        if !found.irreversible.is_empty() {
            let timeline = self.timeline_of_schema(&images)?;
            found.set_irreversible_apart(&timeline, &objects(&now));
            // What others made while such a step waited or ran isn't its work, where footprints prove that.
            if let Some(touched) = self.touched_by_steps_that_stand() {
                let theirs = made_by_others(&found.stays, &objects(&before), &touched);
                let (others, stays): (Vec<_>, Vec<_>) = std::mem::take(&mut found.stays)
                    .into_iter()
                    .partition(|one| theirs.contains(&one.object));
                found.stays = stays;
                found.others.extend(others.into_iter().filter(|one| !one.object.starts_with(COLUMN_ORDER)));
            }
        }
        let undone: BTreeSet<String> =
            images.iter().filter_map(|image| image.step.clone()).chain([BACK.to_owned()]).collect();
        self.compare_sequences(found).await?;
        let of_rows = self.images_of_rows();
        let hashes = self.guard_hashes_now().await?;
        for (table, before) in &baseline.guards {
            found.covers.push(format!("rows of {table}"));
            let after = hashes.get(table);
            // A table that is as it was may have lost what others wrote into it meanwhile.
            let sides = self.rows_of(found, &of_rows, table, &undone).await?;
            if !sides && after != Some(before) {
                let short = |hash: &String| format!("content {}", &hash[..hash.len().min(16)]);
                found.residue.push(Residue {
                    object: format!("rows of {table}"),
                    before: Some(short(before)),
                    after: after.map(short),
                });
            }
        }
        let other = if self.name_unguarded(found, &baseline, &images).await? { "other " } else { "" };
        found.not_compared.push(format!("rows of {other}tables that the plan doesn't guard"));
        found.not_compared.extend(NOT_COMPARED.iter().map(|what| (*what).to_owned()));
        Ok(())
    }

    /// Those from before the rollback; what is taken on the way back is about rows alone.
    fn images(&self) -> Vec<Image> {
        let forward = |image: &&Image| !matches!(image.when, ImageWhen::BeforeUndo | ImageWhen::AfterUndo);
        self.recorder.look(|run| run.images.iter().filter(forward).cloned().collect())
    }

    /// Those about rows: what earlier ways back say belongs to them, up to where this one began.
    fn images_of_rows(&self) -> Vec<Image> {
        self.recorder.look(|run| {
            let began = run.images.iter().rposition(|image| image.when == ImageWhen::BeforeRollback);
            run.images.iter().take(began.map_or(run.images.len(), |at| at + 1)).cloned().collect()
        })
    }

    /// Of a run that was over: what others changed between its end and the rollback, and is as they left
    /// it, is no residue of this run.
    fn set_others_apart(&self, found: &mut Found, images: &[Image]) -> Result<(), Stop> {
        let left = self.recorder.look(|run| run.reopened.as_ref().and_then(|reopened| reopened.left.clone()));
        let last = images.iter().rfind(|image| image.when == ImageWhen::BeforeRollback);
        let (Some(left), Some(back)) = (left, last.and_then(|image| image.fingerprint.as_ref())) else {
            return Ok(());
        };
        if left == *back || found.residue.is_empty() {
            return Ok(());
        }
        let (left, back) = (self.image_schema(&left)?, self.image_schema(back)?);
        let theirs = Fingerprint::diff(&left, &back).map_err(measured)?;
        let (others, ours): (Vec<_>, Vec<_>) =
            std::mem::take(&mut found.residue).into_iter().partition(|one| theirs.contains(one));
        found.residue = ours;
        found.others.extend(others);
        Ok(())
    }

    /// What others made while the rollback went on, as far as footprints prove that it wasn't ours.
    fn set_newcomers_apart(&self, found: &mut Found, rollback: &RollbackState) -> Result<(), Stop> {
        let images = self.images();
        let began = images.iter().rfind(|image| image.when == ImageWhen::BeforeRollback);
        let Some(then) = began.and_then(|image| image.fingerprint.as_ref()) else { return Ok(()) };
        let then = objects(&self.image_schema(then)?);
        let Some(touched) = self.touched_on_the_way_back(rollback) else {
            found.unsure = of_nobody_knows_whom(&found.residue, &then, false);
            return Ok(());
        };
        let theirs = made_by_others(&found.residue, &then, &touched);
        let (others, ours): (Vec<_>, Vec<_>) =
            std::mem::take(&mut found.residue).into_iter().partition(|one| theirs.contains(&one.object));
        found.residue = ours;
        // A table that is new is named as such.
        let (order, others): (Vec<_>, Vec<_>) =
            others.into_iter().partition(|one| one.object.starts_with(COLUMN_ORDER));
        drop(order);
        found.others.extend(others);
        found.unsure = of_nobody_knows_whom(&found.residue, &then, true);
        Ok(())
    }

    /// Relations that the rollback touched; `None` where the server didn't say it of every transaction.
    fn touched_on_the_way_back(&self, rollback: &RollbackState) -> Option<BTreeSet<String>> {
        let procedures =
            rollback.course.procedures.iter().filter_map(|turn| {
                self.plan.rollbacks.iter().find(|procedure| procedure.id == turn.procedure)
            });
        let of_procedures = procedures.flat_map(|procedure| &procedure.steps);
        let steps: Vec<(&String, Direction)> = rollback
            .steps
            .iter()
            .map(|id| (id, Direction::Back))
            .chain(of_procedures.map(|step| (&step.id, Direction::Forward)))
            .collect();
        self.recorder.look(|run| {
            let mut touched = BTreeSet::new();
            for (id, direction) in &steps {
                let step = run.step(id)?;
                let undone = step.undone_by().filter(|_| *direction == Direction::Back);
                let known =
                    undone.is_some() || *direction == Direction::Forward || !self.undoes_by_script(id);
                // What is undone and has no footprint wasn't seen.
                if !known && !run.applied_order.contains(id) {
                    return None;
                }
                let units = step.units_of(*direction).iter();
                for unit in units.chain(undone.into_iter().flat_map(|units| units.iter())) {
                    if unit.phase == UnitPhase::Failed {
                        continue;
                    }
                    if unit.bare || unit.how != Some(AppliedHow::Confirmed) {
                        return None;
                    }
                    touched.extend(unit.touched.iter().map(|touched| touched.relation.clone()));
                }
            }
            Some(touched)
        })
    }

    /// Relations that what still stands has touched; `None` where the server didn't say it of every transaction.
    fn touched_by_steps_that_stand(&self) -> Option<BTreeSet<String>> {
        self.recorder.look(|run| {
            let standing = run.applied_order.iter().filter_map(|id| run.step(id));
            let units = standing.flat_map(|step| step.units.iter());
            let mut touched = BTreeSet::new();
            for unit in units.filter(|unit| unit.phase != UnitPhase::Failed) {
                if unit.bare || unit.how != Some(AppliedHow::Confirmed) {
                    return None;
                }
                touched.extend(unit.touched.iter().map(|touched| touched.relation.clone()));
            }
            Some(touched)
        })
    }

    fn undoes_by_script(&self, id: &str) -> bool {
        matches!(way(&self.plan, id), Way::Own(undo) if undo.action.runs_sql())
    }

    /// One that went back gives out numbers a second time; one that moved on was used, and no rollback
    /// takes that back.
    async fn compare_sequences(&mut self, found: &mut Found) -> Result<(), Stop> {
        let Some(before) = self.sequences_before()? else {
            found.not_compared.push("values of sequences".to_owned());
            return Ok(());
        };
        let mut session = self.measuring().await?;
        let now = sequence_values(&mut session).await.map_err(measured)?;
        self.rest(session).await;
        let (went_back, moved_on) = sequences::compare(&before, &now);
        found.residue.extend(went_back);
        found.moved = moved_on;
        found.covers.push("values of sequences".to_owned());
        Ok(())
    }

    /// A part is to be gone, and the rest to stand as it stood.
    async fn compare_part(&mut self, rollback: &RollbackState, found: &mut Found) -> Result<(), Stop> {
        // Those too whose effects were left: they are what is left.
        let undone: BTreeSet<String> = rollback.steps.iter().cloned().collect();
        let images = self.images();
        self.part_of_schema(found, since_first_of(&images, &undone), &undone, &rollback.left_before).await?;
        let images = self.images_of_rows();
        let images = since_first_of(&images, &undone);
        for table in self.plan.guards.clone() {
            if self.rows_of(found, images, &table, &undone).await? {
                found.covers.push(format!("rows of {table}"));
            } else {
                let why = images.iter().flat_map(|image| &image.missing).find(|(what, _)| *what == table);
                let why = why.map(|(_, why)| format!(" ({why})")).unwrap_or_default();
                found.not_compared.push(format!("rows of {table}{why}"));
            }
        }
        let other = if self.name_unguarded_part(found, &undone).await? { "other " } else { "" };
        found
            .not_compared
            .push(format!("rows of {other}tables that the plan doesn't guard, sequence values"));
        Ok(())
    }

    async fn part_of_schema(
        &mut self,
        found: &mut Found,
        images: &[Image],
        undone: &BTreeSet<String>,
        left_before: &[Residue],
    ) -> Result<(), Stop> {
        let timeline = self.timeline_of_schema(images)?;
        let measured_last = images.last().is_some_and(|image| image.fingerprint.is_some());
        if timeline.is_empty() || !measured_last || images.first().is_none_or(|i| i.fingerprint.is_none()) {
            let why = images.iter().flat_map(|image| &image.missing).find(|(what, _)| what == "schema");
            let why = why.map_or("there is no image of it from before the steps", |(_, why)| why);
            found.not_compared.push(format!("schema ({why})"));
            return Ok(());
        }
        let now = objects(&self.schema_now().await?);
        found.covers.push("schema".to_owned());
        for finding in timeline.judge(undone, &now) {
            match finding {
                // A table that is new or gone is named as such.
                Finding::Residue { object, before: None, .. }
                | Finding::Residue { object, after: None, .. }
                    if object.starts_with(COLUMN_ORDER) => {}
                Finding::Residue { object, before, after } => {
                    found.residue.push(Residue { object, before, after });
                }
                Finding::Unclear { object } => found
                    .not_compared
                    .push(format!("{object} (changed by what was undone and by what stays)")),
                Finding::Others { .. } => {}
            }
        }
        found.set_irreversible_apart(&timeline, &now);
        found.still_left(left_before, &now);
        Ok(())
    }

    /// What the schema was at the moments of these images.
    fn timeline_of_schema(&self, images: &[Image]) -> Result<Timeline, Stop> {
        let mut timeline = Timeline::default();
        let left = self.left_before_this();
        let last = images.len().saturating_sub(1);
        for (at, image) in images.iter().enumerate().filter(|(_, image)| image.when != ImageWhen::AfterStep) {
            // Between the end of the run and the way back it was others' time.
            if let Some(left) = left.as_ref().filter(|_| at == last) {
                timeline.point(objects(&self.image_schema(left)?), BTreeSet::new());
            }
            let authors = BTreeSet::from([image.step.clone().unwrap_or_else(|| BACK.to_owned())]);
            match &image.fingerprint {
                Some(digest) => timeline.point(objects(&self.image_schema(digest)?), authors),
                None => timeline.gap(authors),
            }
        }
        Ok(timeline)
    }

    /// The schema as the run had left it, if it was over and this is the first way back since.
    fn left_before_this(&self) -> Option<String> {
        self.recorder.look(|run| {
            let reopened = run.reopened.as_ref()?;
            let mut since = run.images.iter().skip(reopened.images);
            let first = since.next().is_some_and(|image| image.when == ImageWhen::BeforeRollback);
            let only = !since.any(|image| image.when == ImageWhen::BeforeRollback);
            reopened.left.clone().filter(|_| first && only)
        })
    }

    async fn schema_now(&mut self) -> Result<Fingerprint, Stop> {
        let mut session = self.measuring().await?;
        let now = Fingerprint::take(&mut session).await.map_err(measured)?;
        self.rest(session).await;
        Ok(now)
    }

    /// The schema from before the first change; it must be what was journaled.
    fn before_image(&self, baseline: &Baseline) -> Result<Fingerprint, Stop> {
        let text = std::fs::read(self.folder.path().join("before-image.json"))
            .map_err(|error| Stop::Local(format!("the before-image can't be read: {error}")))?;
        let before: Fingerprint = serde_json::from_slice(&text)
            .map_err(|error| Stop::Local(format!("the before-image can't be understood: {error}")))?;
        if before.digest() == baseline.fingerprint {
            return Ok(before);
        }
        let why = "the before-image in the run's folder isn't the one that was journaled: what is left can't be told by it";
        Err(Stop::Local(why.to_owned()))
    }
}

/// The images from before the first of these steps on, the last time that it began.
fn since_first_of<'a>(images: &'a [Image], undone: &BTreeSet<String>) -> &'a [Image] {
    let of = |image: &Image, step: &String| {
        image.when == ImageWhen::BeforeStep && image.step.as_ref() == Some(step)
    };
    let begun = undone.iter().filter_map(|step| images.iter().rposition(|image| of(image, step)));
    begun.min().map_or(&[], |first| &images[first..])
}

fn objects(fingerprint: &Fingerprint) -> Values {
    let order = fingerprint
        .column_order
        .iter()
        .map(|(table, columns)| (format!("{COLUMN_ORDER}{table}"), columns.join(", ")));
    fingerprint.objects.clone().into_iter().chain(order).collect()
}

//! Images: what there is before and after each step that changes something, before a rollback and after
//! each undo.
//!
//! The before-image of the run says whether all of it is undone. When only a part is, it takes more: what
//! there was before that part, and which differences are others' work. So the schema's fingerprint is taken
//! before each step, and the rows of the guarded tables before and after it, by a hash and key each. That
//! costs a few tens of milliseconds a step; where it would cost more (a catalog of many thousands of
//! objects, a guarded table of many rows), it is left out, and the comparison says so.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::conductor::Conductor;
use super::digests::hex;
use super::rollback::counted_values;
use super::stop::Stop;
use crate::pg::family::families;
use crate::pg::fingerprint::Fingerprint;
use crate::pg::measure::MeasureError;
use crate::pg::row_hashes::{RowHashes, row_hashes};
use crate::pg::{Session, rows};
use crate::plan::model::Step;
use crate::run::event::{AppliedHow, Direction, Event, Image, ImageWhen, RowCount};
use crate::run::state::{StepState, UnitPhase};

/// Rows of a guarded table up to which each is hashed by itself.
const ROWS: usize = 20_000;
/// What one measurement of an image may take.
pub(super) const BUDGET: Duration = Duration::from_secs(2);
/// A fingerprint that took longer isn't taken again for every step.
const SLOW: Duration = Duration::from_secs(1);
/// Tables that a step wrote are counted up to here.
const COUNTED: usize = 50;

/// What a step wrote.
struct Written {
    /// The guarded tables that it may have written.
    guards: Vec<String>,
    /// All relations that it is known to have touched. What a program wrote isn't among them: nobody can tell its
    /// rows from those that others wrote meanwhile, and those aren't to go without a word.
    touched: Vec<String>,
}

impl Conductor {
    /// Before a step; the last one before anything of it is applied counts.
    pub(super) async fn image_before(&mut self, step: &Step) -> Result<(), Stop> {
        let begun = self
            .recorder
            .look(|run| run.goes_back() || run.step(&step.id).is_none_or(StepState::has_effects));
        if begun || !step.changes {
            return Ok(());
        }
        let generation = self.generation(&step.id);
        let tables = self.plan.guards.clone();
        self.take_image(ImageWhen::BeforeStep, Some((&step.id, generation)), true, &tables, &[]).await
    }

    /// After a step: the rows of what it wrote.
    pub(super) async fn image_after(&mut self, step: &Step) -> Result<(), Stop> {
        if self.recorder.look(|run| run.goes_back()) {
            return Ok(());
        }
        if !step.changes {
            return self.measure_claim(step).await;
        }
        let generation = self.generation(&step.id);
        let Written { guards: written, touched } = self.guards_written(&step.id, Direction::Forward).await?;
        self.take_image(ImageWhen::AfterStep, Some((&step.id, generation)), false, &written, &touched).await
    }

    /// Before an undo of which nothing is applied yet: what others wrote up to here isn't its work.
    pub(super) async fn image_before_undo(&mut self, id: &str) -> Result<(), Stop> {
        let applied = |step: &StepState| {
            step.units_of(Direction::Back).iter().any(|unit| unit.phase == UnitPhase::Applied)
        };
        if self.recorder.look(|run| run.step(id).is_some_and(applied)) {
            return Ok(());
        }
        self.image_before_procedure(Some(id)).await
    }

    /// The same for a procedure, named by the first step that it undoes.
    pub(super) async fn image_before_procedure(&mut self, id: Option<&str>) -> Result<(), Stop> {
        if self.plan.guards.is_empty() {
            return Ok(());
        }
        let (generation, guards) = (id.map_or(0, |id| self.generation(id)), self.plan.guards.clone());
        let step = id.map(|id| (id, generation));
        self.take_image(ImageWhen::BeforeUndo, step, false, &guards, &[]).await
    }

    /// After an undo: the rows of the guarded tables that it wrote. `all`: what it wrote isn't known.
    pub(super) async fn image_after_undo(&mut self, id: Option<&str>, all: bool) -> Result<(), Stop> {
        if self.plan.guards.is_empty() {
            return Ok(());
        }
        let written = match id.filter(|_| !all) {
            Some(id) => self.guards_written(id, Direction::Back).await?.guards,
            None => self.plan.guards.clone(),
        };
        let step = id.map(|id| (id, self.generation(id)));
        self.take_image(ImageWhen::AfterUndo, step, false, &written, &[]).await
    }

    /// What a step's units wrote, or may have.
    async fn guards_written(&self, id: &str, direction: Direction) -> Result<Written, Stop> {
        let (all_known, touched) = self.recorder.look(|run| {
            let units = run.step(id).map(|state| state.units_of(direction));
            let all_known = units.is_some_and(|units| {
                units.iter().all(|unit| !unit.bare && unit.how == Some(AppliedHow::Confirmed))
            });
            let mut touched: Vec<String> = units
                .into_iter()
                .flatten()
                .flat_map(|unit| &unit.touched)
                .map(|t| t.relation.clone())
                .collect();
            touched.sort();
            touched.dedup();
            (all_known, touched)
        });
        let all = self.plan.guards.clone();
        let guards: Vec<String> = match self.families(&all).await? {
            // Only what the server said of every unit proves that a table wasn't written.
            Some(families) if all_known => all
                .into_iter()
                .filter(|table| {
                    families.get(table).is_none_or(|family| family.iter().any(|name| touched.contains(name)))
                })
                .collect(),
            _ => all,
        };
        Ok(Written { guards, touched })
    }

    /// Before the run goes backwards.
    pub(super) async fn image_before_rollback(&mut self) -> Result<(), Stop> {
        let tables = self.plan.guards.clone();
        self.take_image(ImageWhen::BeforeRollback, None, true, &tables, &[]).await
    }

    async fn families(&self, tables: &[String]) -> Result<Option<BTreeMap<String, Vec<String>>>, Stop> {
        if tables.is_empty() {
            return Ok(Some(BTreeMap::new()));
        }
        let mut session = self.measuring().await?;
        let found = families(&mut session, tables).await;
        self.rest(session).await;
        match found {
            Ok(found) => Ok(Some(found)),
            Err(MeasureError::Pg(error)) if error.is_lost() => Err(error.into()),
            Err(_) => Ok(None),
        }
    }

    async fn take_image(
        &mut self,
        when: ImageWhen,
        step: Option<(&str, u32)>,
        schema: bool,
        guards: &[String],
        written: &[String],
    ) -> Result<(), Stop> {
        let (step, generation) = step.map_or((None, 0), |(id, generation)| (Some(id.to_owned()), generation));
        let mut image = Image {
            when,
            step,
            generation,
            fingerprint: None,
            guards: BTreeMap::new(),
            rows: BTreeMap::new(),
            values: BTreeMap::new(),
            missing: Vec::new(),
        };
        if !schema && guards.is_empty() && written.is_empty() {
            return self.record(Event::ImageTaken(Box::new(image))).await;
        }
        let mut session = self.measuring().await?;
        session.batch("SET lock_timeout = '500ms'").await?;
        if schema {
            match self.fingerprint(&mut session).await? {
                Ok(digest) => image.fingerprint = Some(digest),
                Err(why) => image.missing.push(("schema".into(), why)),
            }
        }
        for table in guards {
            match self.hashed(&mut session, table).await? {
                Ok(rows) => {
                    let digest = rows_digest(&rows);
                    self.keep_once(&rows_file(&digest), &rows)?;
                    image.guards.insert(table.clone(), digest);
                }
                Err(why) => image.missing.push((table.clone(), why)),
            }
        }
        for table in written.iter().take(COUNTED) {
            if let Some(count) = counted(&mut session, table).await? {
                image.rows.insert(table.clone(), count);
            }
        }
        if when == ImageWhen::AfterStep
            && let Some(step) = &image.step
        {
            for column in self.columns_to_drop(step, written).iter().take(COUNTED) {
                if let Some(count) = counted_values(&mut session, column).await? {
                    image.values.insert(column.to_string(), count);
                }
            }
        }
        self.rest(session).await;
        self.record(Event::ImageTaken(Box::new(image))).await
    }

    async fn fingerprint(&mut self, session: &mut Session) -> Result<Result<String, String>, Stop> {
        if self.slow_fingerprint.is_some_and(|took| took > SLOW) {
            let took = self.slow_fingerprint.unwrap_or_default();
            return Ok(Err(format!(
                "taking it takes {} ms, too long to do it for every step",
                took.as_millis()
            )));
        }
        let began = Instant::now();
        match Fingerprint::take(session).await {
            Ok(fingerprint) => {
                self.slow_fingerprint = Some(began.elapsed());
                let digest = fingerprint.digest();
                self.keep_once(&schema_file(&digest), &fingerprint)?;
                Ok(Ok(digest))
            }
            Err(MeasureError::Pg(error)) if error.is_lost() => Err(error.into()),
            Err(error) => Ok(Err(error.to_string())),
        }
    }

    /// Keeps the schema as the run leaves it; `None` when it can't be had.
    pub(super) async fn schema_at_end(&self) -> Option<String> {
        let kept = async {
            let mut session = self.measuring().await?;
            let now = Fingerprint::take(&mut session).await.map_err(super::baseline::measured)?;
            self.rest(session).await;
            let digest = now.digest();
            self.keep_once(&schema_file(&digest), &now)?;
            Ok::<_, Stop>(digest)
        };
        kept.await.map_err(|stop| tracing::warn!(%stop, "keeping the schema as it is at the end")).ok()
    }

    /// The rows of a table by key and hash. Where row data stays out of the journal, keys are HMACs.
    pub(super) async fn hashed(
        &mut self,
        session: &mut Session,
        table: &str,
    ) -> Result<Result<RowHashes, String>, Stop> {
        match row_hashes(session, table, ROWS, Some(BUDGET)).await {
            Ok(Some(mut hashes)) => {
                if !self.disclosure.rows {
                    let rows = std::mem::take(&mut hashes.rows);
                    hashes.rows =
                        rows.into_iter().map(|(key, row)| (self.key.hmac(key.as_bytes()), row)).collect();
                    // Eight digits of a column that can only be yes or no tell which.
                    hashes.cells.clear();
                    hashes.columns.clear();
                }
                Ok(Ok(hashes))
            }
            Ok(None) => Ok(Err(format!("it has more than {ROWS} rows"))),
            Err(MeasureError::Pg(error)) if error.is_lost() => Err(error.into()),
            Err(error) => Ok(Err(error.to_string())),
        }
    }

    /// Keeps what is named by its digest; what is there already is the same.
    fn keep_once(&self, name: &str, what: &impl serde::Serialize) -> Result<(), Stop> {
        if self.folder.path().join(name).exists() { Ok(()) } else { self.keep(name, what) }
    }

    /// The schema of an image; it must be what was journaled.
    pub(super) fn image_schema(&self, digest: &str) -> Result<Fingerprint, Stop> {
        let kept: Fingerprint = self.kept(&schema_file(digest))?;
        if kept.digest() == digest {
            Ok(kept)
        } else {
            Err(changed(&self.folder.path().join(schema_file(digest))))
        }
    }

    /// The rows of a guarded table in an image; they must be what was journaled.
    pub(super) fn image_rows(&self, digest: &str) -> Result<RowHashes, Stop> {
        let kept: RowHashes = self.kept(&rows_file(digest))?;
        if rows_digest(&kept) == digest {
            Ok(kept)
        } else {
            Err(changed(&self.folder.path().join(rows_file(digest))))
        }
    }

    fn kept<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, Stop> {
        let path = self.folder.path().join(name);
        let text = std::fs::read(&path)
            .map_err(|error| Stop::Local(format!("{} can't be read: {error}", path.display())))?;
        serde_json::from_slice(&text)
            .map_err(|error| Stop::Local(format!("{} can't be understood: {error}", path.display())))
    }
}

fn changed(path: &std::path::Path) -> Stop {
    Stop::Local(format!(
        "{} isn't what the journal says was kept: what is left can't be told by it",
        PathBuf::from(path).display()
    ))
}

fn schema_file(digest: &str) -> String {
    format!("image-schema-{}.json", &digest[..digest.len().min(32)])
}

fn rows_file(digest: &str) -> String {
    format!("image-rows-{}.json", &digest[..digest.len().min(32)])
}

fn rows_digest(rows: &RowHashes) -> String {
    let mut sha = Sha256::new();
    let mut add = |text: &str| {
        sha.update((text.len() as u64).to_be_bytes());
        sha.update(text);
    };
    add("holdpoint rows 1");
    rows.key.iter().for_each(|column| add(column));
    add(&rows.rows.len().to_string());
    for (key, (hash, times)) in &rows.rows {
        add(key);
        add(hash);
        add(&times.to_string());
    }
    hex(&sha.finalize())
}

/// How many rows a relation has now; `None` for what has none (a view, a sequence) or is gone.
pub(super) async fn counted(session: &mut Session, table: &str) -> Result<Option<RowCount>, Stop> {
    session.batch(&format!("SET statement_timeout = {}", BUDGET.as_millis())).await?;
    let counted = rows::row_counts(session, std::slice::from_ref(&table.to_owned())).await;
    session.batch("SET statement_timeout = 0").await?;
    match counted {
        Ok(counts) => Ok(counts.into_values().next()),
        Err(MeasureError::Pg(error)) if error.is_lost() => Err(error.into()),
        Err(MeasureError::Pg(_)) => match rows::estimated_rows(session).await {
            Ok(mut estimates) => Ok(estimates.remove(table)),
            Err(MeasureError::Pg(error)) if error.is_lost() => Err(error.into()),
            Err(_) => Ok(None),
        },
        Err(_) => Ok(None),
    }
}

//! What there was before the first change, and what there is now.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use super::conductor::Conductor;
use super::problems::LOCK_NOT_AVAILABLE;
use super::reopen::changes;
use super::rollback::forecasts;
use super::stop::Stop;
use crate::pg::Session;
use crate::pg::content;
use crate::pg::fingerprint::Fingerprint;
use crate::pg::inventory::Inventory;
use crate::pg::ledger::schema::{self, SchemaError};
use crate::pg::measure::MeasureError;
use crate::pg::rows;
use crate::pg::sequences::{SequenceValues, sequence_values};
use crate::plan::model::{Kind, Step};
use crate::run::event::{Baseline, Event, RowCount, Summary};

/// In the run's folder.
const SEQUENCES_BEFORE: &str = "before-sequences.json";
/// The kinds that deltas are about.
const COUNTED: &[Kind] = &Kind::COUNTED;
/// Tables of at most this many rows are counted exactly.
pub(super) const EXACT_UP_TO: i64 = 200_000;

/// What there was before a step that says what it adds.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Before {
    pub inventory: Inventory,
    pub rows: BTreeMap<String, i64>,
}

impl Conductor {
    /// Once, before anybody is asked about the first change: the values that later expectations rest on, the
    /// before-image, and whether there can be a ledger. Nothing is written yet.
    pub(super) async fn prepare_change(&mut self) -> Result<(), Stop> {
        if self.has_ledger() {
            return Ok(());
        }
        if let Some(missing) = self.missing_values() {
            return Err(self.refuse(missing).await);
        }
        if self.recorder.look(|run| run.baseline.is_none()) {
            match self.take_baseline().await {
                Err(Stop::Pg(error)) if !error.is_lost() => {
                    let why = format!("what there is before the first change can't be measured: {error}");
                    return Err(self.refuse(why).await);
                }
                other => other?,
            }
        }
        let could = {
            let mut control = self.control.session().await;
            schema::could(&mut control).await
        };
        self.or_refused(could).await
    }

    /// With the first change, once it is allowed: the ledger, and the fence.
    pub(super) async fn take_ledger(&mut self) -> Result<(), Stop> {
        if self.has_ledger() {
            return Ok(());
        }
        let ensured = {
            let mut control = self.control.session().await;
            schema::ensure(&mut control).await
        };
        self.or_refused(ensured).await?;
        self.take_fence().await
    }

    fn has_ledger(&self) -> bool {
        self.epoch.is_some() || self.recorder.look(|run| run.ledger_off.is_some() && run.baseline.is_some())
    }

    async fn or_refused(&mut self, schema: Result<(), SchemaError>) -> Result<(), Stop> {
        match schema {
            Ok(()) => Ok(()),
            Err(SchemaError::Pg(error)) => Err(error.into()),
            Err(error) => Err(self.refuse(error.to_string()).await),
        }
    }

    /// An expectation that needs a value from before the first change is known to have it now, or the
    /// run is refused now and not at its end.
    fn missing_values(&self) -> Option<String> {
        let first = self.plan.phases.iter().flat_map(|phase| &phase.steps).position(|step| step.changes)?;
        let steps: Vec<&Step> = self.plan.phases.iter().flat_map(|phase| &phase.steps).collect();
        let (before, after) = steps.split_at(first);
        let saved = self.saved();
        let promised: Vec<(&str, &str)> = before
            .iter()
            .flat_map(|step| {
                let own = step.save.as_deref().map(|save| (save, step.title.as_str()));
                let named = step
                    .checkpoints
                    .iter()
                    .filter_map(|c| c.save.as_deref().map(|save| (save, c.title.as_str())));
                own.into_iter().chain(named)
            })
            .collect();
        let wanted = after.iter().flat_map(|step| {
            let own = step.expect.iter().map(|expect| (step.title.as_str(), expect));
            let named =
                step.checkpoints.iter().filter_map(|c| c.expect.as_ref().map(|e| (c.title.as_str(), e)));
            own.chain(named).collect::<Vec<_>>()
        });
        for (title, expect) in wanted {
            for name in expect.saved_names() {
                let promise = promised.iter().find(|(save, _)| {
                    name == *save || name.strip_prefix(save).is_some_and(|r| r.starts_with('_'))
                });
                if let Some((_, by)) = promise
                    && !saved.contains_key(&name)
                {
                    return Some(format!(
                        "\"{title}\" will be compared with {{{name}}}, which \"{by}\" was to save before the first \
                             change and didn't"
                    ));
                }
            }
        }
        None
    }

    async fn take_baseline(&mut self) -> Result<(), Stop> {
        let mut session = self.measuring().await?;
        let fingerprint = Fingerprint::take(&mut session).await.map_err(measured)?;
        let sequences = sequence_values(&mut session).await.map_err(measured)?;
        let inventory = Inventory::take(&mut session, &[]).await.map_err(measured)?;
        let guards = match self.guard_hashes().await? {
            Ok(guards) => guards,
            // The plan names what isn't there, or the role may not read it.
            Err(error) if !error.is_lost() && !is_locked(&error) => {
                let why = format!("the tables that the plan guards can't be measured: {}", words(&error));
                return Err(self.refuse(why).await);
            }
            Err(error) => return Err(measured(error)),
        };
        let rows = self.rows_now(&mut session).await?;
        self.rest(session).await;
        let counts = counted(&inventory.counts);
        self.keep("before-image.json", &fingerprint)?;
        self.keep(SEQUENCES_BEFORE, &sequences)?;
        let baseline = Baseline { counts, rows, fingerprint: fingerprint.digest(), guards };
        self.record(Event::BaselineTaken(Box::new(baseline))).await?;
        let told = forecasts(&self.plan, &self.sources, &self.variables());
        let steps = told.iter().map(|(step, forecast)| forecast.of_step(step)).collect();
        self.record(Event::WaysBack { steps }).await
    }

    /// The schema as it is now, once the run has changed something; `None` when it can't be asked.
    pub(super) async fn fingerprint_now(&mut self) -> Option<String> {
        if !self.recorder.look(|run| run.touched) {
            return None;
        }
        self.schema_at_end().await
    }

    /// What others changed while nobody had the run in hand belongs in the evidence.
    pub(super) async fn note_drift(&mut self) -> Result<(), Stop> {
        let Some(then) = self.recorder.look(|run| run.left_fingerprint.clone()) else { return Ok(()) };
        let mut session = self.measuring().await?;
        let now = Fingerprint::take(&mut session).await.map_err(measured)?;
        self.rest(session).await;
        if now.digest() == then {
            return Ok(());
        }
        let mut what = "the schema isn't as this run left it: somebody else changed it meanwhile".to_owned();
        // What it was is kept, but for runs of an older program.
        if let Ok(then) = self.image_schema(&then) {
            let differs = Fingerprint::diff(&then, &now).map_err(measured)?;
            what.push_str(&format!(" ({})", changes(&differs).join(", ")));
        }
        let fact = (None, what);
        if self.recorder.look(|run| run.deviations.contains(&fact)) {
            return Ok(());
        }
        self.record(Event::Deviation { step: None, what: fact.1 }).await
    }

    pub(super) async fn guard_hashes(
        &mut self,
    ) -> Result<Result<BTreeMap<String, String>, MeasureError>, Stop> {
        if self.plan.guards.is_empty() {
            return Ok(Ok(BTreeMap::new()));
        }
        let mut session = self.measuring().await?;
        let hashed = content::contents(&mut session, &self.plan.guards, None).await;
        self.rest(session).await;
        Ok(hashed.map(|hashed| hashed.into_iter().map(|(table, content)| (table, content.hash)).collect()))
    }

    /// Of the guarded tables that are still there.
    pub(super) async fn guard_hashes_now(&mut self) -> Result<BTreeMap<String, String>, Stop> {
        let mut session = self.measuring().await?;
        let mut hashes = BTreeMap::new();
        for table in &self.plan.guards {
            match content::contents(&mut session, std::slice::from_ref(table), None).await {
                Ok(found) => hashes.extend(found.into_iter().map(|(table, content)| (table, content.hash))),
                Err(MeasureError::NoTable { .. }) => {}
                Err(error) => return Err(measured(error)),
            }
        }
        self.rest(session).await;
        Ok(hashes)
    }

    /// Where sequences stood before the first change; `None` in a run of an older program.
    pub(super) fn sequences_before(&self) -> Result<Option<SequenceValues>, Stop> {
        let path = self.folder.path().join(SEQUENCES_BEFORE);
        if !path.exists() {
            return Ok(None);
        }
        let text = std::fs::read(&path)
            .map_err(|error| Stop::Local(format!("{} can't be read: {error}", path.display())))?;
        let values = serde_json::from_slice(&text)
            .map_err(|error| Stop::Local(format!("{} can't be understood: {error}", path.display())))?;
        Ok(Some(values))
    }

    async fn rows_now(&self, session: &mut Session) -> Result<BTreeMap<String, RowCount>, Stop> {
        let estimates = rows::estimated_rows(session).await.map_err(measured)?;
        let small: Vec<String> = estimates
            .iter()
            .filter(|(_, count)| count.rows <= EXACT_UP_TO)
            .map(|(table, _)| table.clone())
            .collect();
        let mut counts = estimates;
        // A table that somebody has locked, or that we may not read, keeps its estimate.
        session.batch("SET lock_timeout = '500ms'").await?;
        match rows::row_counts(session, &small).await {
            Ok(exact) => counts.extend(exact),
            Err(error) if error.is_lost() => return Err(measured(error)),
            Err(_) => {
                session.batch("SET lock_timeout = '50ms'").await?;
                for table in &small {
                    match rows::row_counts(session, std::slice::from_ref(table)).await {
                        Ok(exact) => counts.extend(exact),
                        Err(error) if error.is_lost() => return Err(measured(error)),
                        Err(error) => tracing::info!(%table, %error, "rows are estimated"),
                    }
                }
            }
        }
        Ok(counts)
    }

    /// What there was before a step; kept on disk, since after a stop in the middle it can't be
    /// measured any more.
    pub(super) async fn inventory_before(&mut self, step: &Step) -> Result<Before, Stop> {
        let name = format!("before-{}-{}.json", file_name(&step.id), self.generation(&step.id));
        let path = self.folder.path().join(&name);
        if let Ok(text) = std::fs::read(&path)
            && let Ok(before) = serde_json::from_slice(&text)
        {
            return Ok(before);
        }
        let mut session = self.measuring().await?;
        let kinds: Vec<Kind> =
            step.adds.iter().flat_map(|adds| adds.counts.iter().map(|(kind, _)| *kind)).collect();
        let inventory = Inventory::take(&mut session, &kinds).await.map_err(measured)?;
        let mut before = Before { inventory, rows: BTreeMap::new() };
        for (table, _) in step.adds.iter().flat_map(|adds| &adds.rows) {
            let rows = match rows::row_counts(&mut session, std::slice::from_ref(table)).await {
                Ok(counts) => counts.get(table).map_or(0, |count| count.rows),
                // The step may be about to make it.
                Err(MeasureError::NoTable { .. }) => 0,
                Err(error) => return Err(measured(error)),
            };
            before.rows.insert(table.clone(), rows);
        }
        self.rest(session).await;
        self.keep(&name, &before)?;
        Ok(before)
    }

    /// The figures for the end: what the database can tell now, and what it could before.
    pub(super) async fn summary(&mut self) -> Summary {
        let mut summary = self.recorder.look(|run| run.summary(jiff::Timestamp::now()));
        let Some(baseline) = self.recorder.look(|run| run.baseline.clone()) else { return summary };
        let measured = async {
            let mut session = self.measuring().await?;
            let inventory = Inventory::take(&mut session, &[]).await.map_err(measured)?;
            let rows = self.rows_now(&mut session).await?;
            Ok::<_, Stop>((counted(&inventory.counts), rows))
        };
        match measured.await {
            Ok((counts, rows)) => {
                for (kind, now) in counts {
                    let before = baseline.counts.get(&kind).copied().unwrap_or_default();
                    summary.deltas.insert(kind, (before, now));
                }
                for (table, now) in &rows {
                    let before = baseline.rows.get(table).map_or(0, |count| count.rows);
                    if before != now.rows {
                        summary.rows.insert(table.clone(), (before, now.rows));
                    }
                }
                for (table, before) in &baseline.rows {
                    if !rows.contains_key(table) {
                        summary.rows.insert(table.clone(), (before.rows, 0));
                        summary.gone.push(table.clone());
                    }
                }
            }
            Err(stop) => tracing::warn!(%stop, "measuring the deltas"),
        }
        // What is left may be rolled back one day: then it matters what others have changed.
        if self.recorder.look(|run| !run.applied_order.is_empty()) {
            summary.fingerprint = self.schema_at_end().await;
        }
        summary
    }

    pub(super) fn keep(&self, name: &str, what: &impl serde::Serialize) -> Result<(), Stop> {
        let path = self.folder.path().join(name);
        let aside: PathBuf = path.with_extension("tmp");
        let write = || -> std::io::Result<()> {
            let text = serde_json::to_vec(what).map_err(std::io::Error::other)?;
            let mut file = std::fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&aside)?;
            file.write_all(&text)?;
            if self.folder.is_durable() {
                file.sync_all()?;
            }
            std::fs::rename(&aside, &path)
        };
        write().map_err(|error| {
            // Half of it would take the room that the journal needs.
            let _ = std::fs::remove_file(&aside);
            let why = match error.kind() {
                ErrorKind::StorageFull => {
                    "no space left on device; free some space and `resume` the run".into()
                }
                _ => error.to_string(),
            };
            Stop::Local(format!("{} can't be written: {why}", path.display()))
        })
    }
}

pub(super) fn counted(counts: &BTreeMap<Kind, u64>) -> BTreeMap<Kind, u64> {
    COUNTED.iter().map(|kind| (*kind, counts.get(kind).copied().unwrap_or_default())).collect()
}

fn file_name(id: &str) -> String {
    id.chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

pub(super) fn measured(error: MeasureError) -> Stop {
    match error {
        MeasureError::Pg(error) if error.is_lost() => Stop::Pg(error),
        other => {
            let locked =
                if is_locked(&other) { "; another session holds a lock on what is measured" } else { "" };
            Stop::Local(format!("the database can't be measured: {}{locked}", words(&other)))
        }
    }
}

fn is_locked(error: &MeasureError) -> bool {
    matches!(error, MeasureError::Pg(error) if error.sqlstate() == Some(LOCK_NOT_AVAILABLE))
}

/// As a sentence of its own.
fn words(error: &MeasureError) -> String {
    match error {
        MeasureError::Pg(error) => error.sentence(),
        other => format!("failed to {other}"),
    }
}

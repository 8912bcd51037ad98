//! `restore` beside the target: a new database, which is whole before anybody sees it, takes the target's name.
//!
//! ```text
//!   CREATE DATABASE new → pg_restore → its schema against the backup's → ANALYZE
//!      → the ledger of all runs, with this step's row → the change of names (`swap`)
//! ```
//!
//! The row that says "restored" is in the new database alone. So after a stop the ledger of whichever database has
//! the target's name tells what became of the step. Until the names change the target is as it was, and whoever
//! works in it goes on; afterwards it stays under another name, with all that came since the backup.

use std::time::Instant;

use super::backup::{Failed, mb};
use super::patience::EVERY;
use super::proof::is_in_it;
use super::swap::Swapped;
use crate::crash;
use crate::engine::conductor::Conductor;
use crate::engine::problems;
use crate::engine::stop::Stop;
use crate::engine::unit::{own, set_nonce};
use crate::pg::fingerprint::Fingerprint;
use crate::pg::inventory::Inventory;
use crate::pg::ledger::{entry, fence, identifier, moved};
use crate::pg::measure::MeasureError;
use crate::pg::{ConnectConfig, PgError, Psql, Session, databases};
use crate::plan::model::{Action, Kind, Plan, Restore, Step, Undo};
use crate::run::event::{BackupTaken, Event, Problem, SourceRef, Unit};
use crate::script::of_database;

const OR_IN_PLACE: &str = "Or restore in place: take `beside` out of the plan";
/// So many differences are named.
const NAMED: usize = 5;

/// Both databases.
#[derive(Debug)]
pub(super) struct Beside {
    /// The target's name, which both have in turn.
    pub database: String,
    pub oid: u32,
    /// What the restored one is called until then.
    pub new: String,
    pub new_oid: u32,
    /// What the target is called from then on.
    pub old: String,
    /// Owner, settings, privileges and comment of the target, under its name.
    pub settles: Vec<String>,
    /// All tables of the restored one.
    pub tables: Vec<String>,
}

/// What is restored, and how it is known when it is whole.
struct Source {
    taken: BackupTaken,
    then: Fingerprint,
}

impl Conductor {
    /// Restores it, and has it take the target's place.
    pub(in crate::engine) async fn restore_beside(
        &mut self,
        step: &Step,
        unit: &Unit,
        restore: &Restore,
    ) -> Result<Result<(), Problem>, Stop> {
        let began = Instant::now();
        let prepared = async {
            let (taken, then) = self.whole_backup(step, &restore.backup).await?;
            let mut away = self.session_aside().await?;
            let backend_start = away.query(fence::BACKEND_START, &[]).await.map_err(refused)?;
            let backend_start = backend_start.scalar().unwrap_or_default().to_owned();
            Ok::<_, Failed>((Source { taken, then }, away, backend_start))
        };
        let (source, mut away, backend_start) = match prepared.await {
            Ok(prepared) => prepared,
            Err(Failed::Stop(stop)) => return Err(stop),
            Err(Failed::Problem(problem)) => return Ok(Err(untouched(*problem))),
        };
        if let Some(epoch) = self.epoch {
            let mut control = self.control.session().await;
            fence::note_backend(&mut control, &self.run, epoch, away.pid(), &backend_start).await?;
        }
        let file = &source.taken.file;
        let reference = SourceRef {
            file: format!("backup {}", restore.backup),
            section: None,
            line: 0,
            from: 0,
            to: file.bytes,
            digest: file.digest.clone(),
        };
        self.record(begins(unit, 1, &away, &backend_start, &reference)).await?;
        crash::point("after-started");
        let beside = match self.make_beside(step, unit, &mut away, &source).await {
            Ok(beside) => beside,
            Err(Failed::Stop(stop)) => return Err(stop),
            Err(Failed::Problem(problem)) => {
                let problem = untouched(*problem);
                self.record(Event::UnitFailed { unit: unit.clone(), problem: problem.clone() }).await?;
                return Ok(Err(problem));
            }
        };
        let again = |attempt: u32, away: &Session| begins(unit, attempt, away, &backend_start, &reference);
        match self.swap(step, unit, &beside, &mut away, &again, began).await? {
            Swapped::Done => {
                away.close().await;
                Ok(Ok(()))
            }
            // What took so long needn't be done again when they have gone.
            Swapped::InTheWay(problem) => Ok(Err(problem)),
            Swapped::Failed(problem) => {
                self.remove_beside(&mut away, &beside.new).await;
                Ok(Err(problem))
            }
        }
    }

    /// A session on the server and in neither of the databases.
    pub(super) async fn session_aside(&self) -> Result<Session, Failed> {
        databases::aside(&self.target, "work").await.map_err(|error| {
            let what = format!("a new database can't take the place of {}", self.target.database());
            problems::plain(format!("{what}: {}", from_within(&self.target, &error))).into()
        })
    }

    /// Everything that is done before the names change. What was made goes when it fails.
    async fn make_beside(
        &mut self,
        step: &Step,
        unit: &Unit,
        away: &mut Session,
        source: &Source,
    ) -> Result<Beside, Failed> {
        let obstacles = databases::obstacles(away, self.target.database()).await.map_err(refused)?;
        if !obstacles.is_empty() {
            let what = format!("{} can't give its name to another database", self.target.database());
            let mut problem = problems::plain(format!("{what}: {}", obstacles.join("; ")));
            problem.hint = Some(OR_IN_PLACE.into());
            return Err(problem.into());
        }
        let (mut beside, is_whole) = self.place_beside(step, away, source).await?;
        let filled = match is_whole {
            true => Ok(()),
            false => self.fill_beside(step, away, source, &beside).await,
        };
        let filled = match filled {
            Ok(()) => self.tell_beside(unit, source, &beside).await,
            Err(failed) => Err(failed),
        };
        match filled {
            Ok(tables) => {
                beside.tables = tables;
                Ok(beside)
            }
            Err(failed) => {
                self.remove_beside(away, &beside.new).await;
                Err(failed)
            }
        }
    }

    /// The new database, empty, of the same encoding and rules; or whole, from a try before.
    async fn place_beside(
        &mut self,
        step: &Step,
        away: &mut Session,
        source: &Source,
    ) -> Result<(Beside, bool), Failed> {
        let database = self.target.database().to_owned();
        let said = self.words_of_database(step).await?;
        let of = of_database(&said);
        let Some(create) = of.create else {
            return Err(problems::plain(format!("pg_dump doesn't say how {database} is made")).into());
        };
        let id = self.run.get(..8).unwrap_or_default().to_owned();
        let (begun, whole) = (self.mark(None), self.mark(Some(source)));
        let new = databases::name_beside(&database, &format!("new_{id}"));
        let mut is_whole = false;
        if let Some(oid) = databases::oid(away, &new).await.map_err(refused)? {
            let comment = databases::comment(away, oid).await.map_err(refused)?;
            is_whole = comment.as_ref() == Some(&whole);
            // What isn't ours stays.
            if !is_whole && comment != Some(begun) {
                let what = format!("there is a database {new} already, and it isn't this run's");
                let mut problem = problems::plain(what);
                problem.hint = Some("look at it, and drop or rename it; then retry".into());
                return Err(problem.into());
            }
            if !is_whole {
                databases::remove(away, &new).await.map_err(refused)?;
            }
        }
        let mut old = databases::name_beside(&database, &format!("old_{id}"));
        let mut number = 2;
        while databases::oid(away, &old).await.map_err(refused)?.is_some() {
            old = databases::name_beside(&database, &format!("old_{id}_{number}"));
            number += 1;
        }
        if is_whole {
            self.says.say(&step.id, &format!("{new} is whole from the try before"));
        } else {
            self.says.say(&step.id, &format!("restores into {new}, beside {database}"));
            own(away, &create.named(&identifier(&new))).await.map_err(refused)?;
            own(away, &databases::say_of(&new, &self.mark(None))).await.map_err(refused)?;
            crash::point("restore-created");
        }
        let found = [&database, &new];
        let mut oids = [0; 2];
        for (name, oid) in found.into_iter().zip(&mut oids) {
            *oid = databases::oid(away, name).await.map_err(refused)?.unwrap_or_default();
        }
        let [oid, new_oid] = oids;
        let mut settles = vec![format!("COMMENT ON DATABASE {} IS NULL", identifier(&database))];
        settles.extend(of.rest);
        Ok((Beside { database, oid, new, new_oid, old, settles, tables: Vec::new() }, is_whole))
    }

    /// What the new database says of itself, until it has another name: that it is being filled, or with what it is.
    fn mark(&self, whole: Option<&Source>) -> String {
        let digest = whole.map(|source| source.taken.file.digest.as_str());
        let how = digest.map_or_else(|| "restores".to_owned(), |digest| format!("has restored {digest}"));
        format!("holdpoint: run {} {how} into it, and nobody uses it yet", self.run)
    }

    /// What pg_dump says of the database itself, with nothing that is in it.
    async fn words_of_database(&mut self, step: &Step) -> Result<String, Failed> {
        let dump = Psql::named("pg_dump", self.look.server_version())
            .map_err(|error| problems::plain(error.to_string()))?;
        let path = self.folder.path().join("database.sql");
        let mut args: Vec<String> =
            ["--create", "--schema-only", "--exclude-schema=*", "--no-password"].map(str::to_owned).to_vec();
        args.push(format!("--lock-wait-timeout={}", step.lock_timeout.as_millis()));
        args.push(format!("--file={}", path.display()));
        let said = self.run_tool(step, &dump, args, true).await?;
        let read = std::fs::read_to_string(&path);
        let _ = std::fs::remove_file(&path);
        said.failed("pg_dump", &|why| {
            problems::plain(format!("how the database is made can't be read: pg_dump {why}"))
        })?;
        read.map_err(|error| problems::plain(format!("{} can't be read: {error}", path.display())).into())
    }

    /// Rows and definitions, and statistics.
    async fn fill_beside(
        &mut self,
        step: &Step,
        away: &mut Session,
        source: &Source,
        beside: &Beside,
    ) -> Result<(), Failed> {
        let config = self.target.with_database(&beside.new);
        if !source.then.objects.contains_key("schema public") {
            let mut session = Session::connect(&config, "work").await.map_err(refused)?;
            own(&mut session, "DROP SCHEMA public").await.map_err(refused)?;
            session.close().await;
        }
        self.load(step, source, &config).await?;
        crash::point("restore-loaded");
        let mut session = Session::connect(&config, "work").await.map_err(refused)?;
        let now = Fingerprint::take(&mut session).await.map_err(unread)?;
        let mut differs = Fingerprint::diff(&source.then, &now)
            .map_err(|error| problems::plain(format!("failed to {error}")))?;
        differs.retain(is_in_it);
        if !differs.is_empty() {
            let named: Vec<&str> = differs.iter().take(NAMED).map(|one| one.object.as_str()).collect();
            let more = match differs.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let what = format!("what was restored isn't what was backed up: {}{more}", named.join(", "));
            return Err(problems::plain(what).into());
        }
        let words = || format!("{} is whole; its statistics are taken", beside.new);
        self.says.say(&step.id, &words());
        match self.patiently(&step.id, words, session.batch("ANALYZE")).await {
            Ok(done) => drop(done.map_err(refused)?),
            Err(why) => return Err(self.interrupted_by(why)),
        }
        session.close().await;
        own(away, &databases::say_of(&beside.new, &self.mark(Some(source)))).await.map_err(refused)?;
        Ok(())
    }

    /// Tells the new database what the runs did, this one too. Which tables there are.
    async fn tell_beside(
        &mut self,
        unit: &Unit,
        source: &Source,
        beside: &Beside,
    ) -> Result<Vec<String>, Failed> {
        let config = self.target.with_database(&beside.new);
        let mut session = Session::connect(&config, "work").await.map_err(refused)?;
        let mut found = Inventory::take(&mut session, &[Kind::Tables]).await.map_err(unread)?;
        let tables = found.names.remove(&Kind::Tables).unwrap_or_default();
        // A try before has brought the ledger as it was then.
        own(&mut session, "DROP SCHEMA IF EXISTS holdpoint CASCADE").await.map_err(refused)?;
        self.take_ledger_along(unit, source, &mut session).await?;
        session.close().await;
        Ok(tables.iter().map(ToString::to_string).collect())
    }

    async fn load(&mut self, step: &Step, source: &Source, config: &ConnectConfig) -> Result<(), Failed> {
        let restore = Psql::named("pg_restore", self.look.server_version())
            .map_err(|error| problems::plain(error.to_string()))?;
        let handed = self
            .lend_to(config, self.look.server_version(), "holdpoint restore", &[])
            .map_err(problems::plain)?;
        let mut args: Vec<String> = ["--no-password", "--exit-on-error"].map(str::to_owned).to_vec();
        args.push(format!("--dbname={}", config.as_dbname()));
        args.extend(step.role.as_ref().map(|role| format!("--role={role}")));
        args.push(source.taken.file.path.clone());
        let (says, id, on) = (self.says.clone(), step.id.clone(), config.clone());
        let had = source.taken.database_bytes;
        let progress = tokio::spawn(async move {
            let Ok(mut session) = databases::aside(&on, "look").await else { return };
            loop {
                tokio::time::sleep(EVERY).await;
                let sql = "SELECT pg_catalog.pg_database_size($1::name)";
                let Ok(size) = session.query(sql, &[Some(on.database())]).await else { return };
                let size: u64 = size.scalar().and_then(|size| size.parse().ok()).unwrap_or_default();
                says.say(&id, &format!("{} restored; the database had {}", mb(size), mb(had)));
            }
        });
        let said = self.run_with(step, &restore, args, handed.environment, vec![handed.passfile]).await;
        progress.abort();
        said?.failed("pg_restore", &|why| {
            let mut problem = problems::plain(format!("the backup can't be restored: pg_restore {why}"));
            if why.contains("No space left on device") {
                problem.message =
                    "the server's disk is full: there is no room for a second database beside this one"
                        .into();
                problem.hint = Some(format!("make room there, then retry. {OR_IN_PLACE}"));
            }
            problem
        })
    }

    /// The ledger of all runs, and the row of this unit, which only counts once this is the target.
    async fn take_ledger_along(
        &mut self,
        unit: &Unit,
        source: &Source,
        session: &mut Session,
    ) -> Result<(), Failed> {
        let Some(epoch) = self.epoch else { return Ok(()) };
        {
            let mut control = self.control.session().await;
            moved::take_along(&mut control, session)
                .await
                .map_err(|error| problems::plain(format!("the ledger can't be taken along: {error}")))?;
        }
        let nonce = uuid::Uuid::now_v7().simple().to_string();
        let head = self.recorder.head();
        let row = entry::Entry {
            run: &self.run,
            unit,
            epoch,
            nonce: &nonce,
            statements: 0,
            digest: &source.taken.file.digest,
            head: &head,
        };
        for sql in ["BEGIN", &set_nonce(&nonce), &row.sql(), "COMMIT"] {
            own(session, sql).await.map_err(refused)?;
        }
        Ok(())
    }

    /// Removes the databases that gave their name to a restored one.
    pub(in crate::engine) async fn remove_set_aside(&mut self) -> Result<(), Stop> {
        let names: Vec<(String, u32)> =
            self.recorder.look(|run| run.set_aside().map(|one| (one.aside.clone(), one.aside_oid)).collect());
        if names.is_empty() {
            return Ok(());
        }
        let mut away = databases::aside(&self.target, "work").await?;
        for (name, oid) in names {
            if databases::oid(&mut away, &name).await? == Some(oid) {
                databases::remove(&mut away, &name).await?;
            }
        }
        away.close().await;
        Ok(())
    }

    /// Removes what wasn't needed. What can't be removed is named.
    async fn remove_beside(&mut self, away: &mut Session, new: &str) {
        if let Err(error) = databases::remove(away, new).await {
            tracing::warn!(%error, new, "removing a database");
            self.says.say("", &format!("{new} couldn't be removed ({}): drop it", error.sentence()));
        }
    }
}

/// What speaks against a plan's restores beside the target, before anything is done; in words.
///
/// # Errors
/// When the server can't be asked.
pub async fn no_place_beside(plan: &Plan, target: &ConnectConfig) -> Result<Option<String>, PgError> {
    let forward = plan.phases.iter().flat_map(|phase| &phase.steps);
    let own = forward.clone().filter_map(|step| match &step.rollback {
        Some(Undo::Own(undo)) => Some(&**undo),
        _ => None,
    });
    let named = plan.rollbacks.iter().flat_map(|procedure| &procedure.steps);
    let mut all = forward.chain(own).chain(named);
    let Some(step) = all.find(|step| matches!(&step.action, Action::Restore(restore) if restore.beside))
    else {
        return Ok(None);
    };
    let why = match databases::aside(target, "look").await {
        Ok(mut away) => {
            let found = databases::obstacles(&mut away, target.database()).await?;
            away.close().await;
            found.join("; ")
        }
        Err(error) => from_within(target, &error),
    };
    let what = format!("step \"{}\" has a new database take the place of {}", step.title, target.database());
    Ok((!why.is_empty()).then(|| format!("{what}: {why}. {OR_IN_PLACE}")))
}

fn from_within(target: &ConnectConfig, error: &PgError) -> String {
    format!(
        "that can't be done from within it, and role {} can't connect to postgres or template1: {}",
        target.user(),
        error.sentence().trim_end_matches('.')
    )
}

fn begins(unit: &Unit, attempt: u32, away: &Session, backend_start: &str, reference: &SourceRef) -> Event {
    Event::UnitStarted {
        unit: unit.clone(),
        attempt,
        pid: away.pid(),
        backend_start: backend_start.to_owned(),
        source: reference.clone(),
    }
}

fn unread(error: MeasureError) -> Failed {
    match error {
        MeasureError::Pg(error) => refused(error),
        error => problems::plain(format!("the restored database can't be read: failed to {error}")).into(),
    }
}

/// A word of the server on the way; a connection that is gone is the run's matter.
pub(super) fn refused(error: PgError) -> Failed {
    if error.is_lost() {
        return Stop::from(error).into();
    }
    problems::plain(error.sentence()).into()
}

pub(super) fn untouched(mut problem: Problem) -> Problem {
    problem.consequence.get_or_insert_with(|| "nothing was restored, and the database is as it was".into());
    problem
}

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

use super::backup::Failed;
use super::swap::settle;
use crate::crash;
use crate::engine::conductor::Conductor;
use crate::engine::problems;
use crate::engine::stop::Stop;
use crate::engine::unit::{Outcome, own};
use crate::pg::fingerprint::Fingerprint;
use crate::pg::ledger::{fence, identifier};
use crate::pg::{ConnectConfig, PgError, Psql, Session, databases};
use crate::plan::model::{Action, Plan, Restore, Step, Undo};
use crate::run::event::{BackupTaken, Event, Problem, SourceRef, Unit};
use crate::run::state::UnitPhase;
use crate::script::{OfDatabase, of_database};

pub(super) const OR_IN_PLACE: &str = "Or restore in place: take `beside` out of the plan";

/// Both databases.
#[derive(Debug)]
pub(super) struct Beside {
    /// The target's name, which both have in turn.
    pub database: String,
    pub oid: u32,
    /// What the restored one is called until then.
    pub new: String,
    pub new_oid: u32,
    /// It is whole, from a try before.
    pub is_whole: bool,
    /// What the target is called from then on.
    pub old: String,
    /// Owner, settings, privileges and comment of the target, under its name.
    pub settles: Vec<String>,
    /// Its settings alone, each as what follows a name.
    pub settings: Vec<String>,
    /// All tables of both: whatever was in one, another is there or none.
    pub tables: Vec<String>,
}

/// What is restored, and how it is known when it is whole.
pub(super) struct Source {
    pub taken: BackupTaken,
    pub then: Fingerprint,
}

impl Conductor {
    /// Restores it, and has it take the target's place.
    pub(in crate::engine) async fn restore_beside(
        &mut self,
        step: &Step,
        unit: &Unit,
        restore: &Restore,
    ) -> Result<Result<(), Problem>, Stop> {
        match self.take_the_place(step, unit, restore).await {
            Ok(Outcome::Applied) => Ok(Ok(())),
            Ok(Outcome::Failed(problem)) => Ok(Err(problem)),
            Err(Failed::Stop(stop)) => Err(stop),
            Err(Failed::Problem(mut problem)) => {
                let why = "nothing was restored, and the database is as it was";
                problem.consequence.get_or_insert_with(|| why.into());
                if self.unit_phase(unit) == Some(UnitPhase::Started) {
                    let problem = (*problem).clone();
                    self.record(Event::UnitFailed { unit: unit.clone(), problem }).await?;
                }
                Ok(Err(*problem))
            }
        }
    }

    async fn take_the_place(
        &mut self,
        step: &Step,
        unit: &Unit,
        restore: &Restore,
    ) -> Result<Outcome, Failed> {
        let began = Instant::now();
        let (taken, then) = self.whole_backup(step, &restore.backup).await?;
        let source = Source { taken, then };
        let mut away = self.session_aside().await?;
        let backend_start = self.note_away(&mut away).await?;
        let reference = SourceRef {
            file: format!("backup {}", restore.backup),
            section: None,
            line: 0,
            from: 0,
            to: source.taken.file.bytes,
            digest: source.taken.file.digest.clone(),
        };
        let begins = |attempt: u32, pid: i32, backend_start: &str| Event::UnitStarted {
            unit: unit.clone(),
            attempt,
            pid,
            backend_start: backend_start.to_owned(),
            source: reference.clone(),
        };
        self.record(begins(1, away.pid(), &backend_start)).await?;
        crash::point("after-started");
        let mut beside = self.place_beside(step, &mut away, &source).await?;
        beside.tables = self.fill_beside(step, unit, &source, &beside).await?;
        // That session has been idle for as long as it took, and the target's settings may be others by now.
        away.close().await;
        let mut away = self.session_aside().await?;
        let backend_start = self.note_away(&mut away).await?;
        beside.settles = self.of_target(step).await?.rest;
        let again = |attempt: u32, away: &Session| begins(attempt, away.pid(), &backend_start);
        let outcome = self.swap(step, unit, &beside, &mut away, &again, began).await?;
        away.close().await;
        Ok(outcome)
    }

    /// Notes a session for whoever takes the run over: it is to be ended before anything is believed.
    async fn note_away(&mut self, away: &mut Session) -> Result<String, Failed> {
        let rows = away.query(fence::BACKEND_START, &[]).await.map_err(refused)?;
        let backend_start = rows.scalar().unwrap_or_default().to_owned();
        if let Some(epoch) = self.epoch {
            let mut control = self.control.session().await;
            let noted = fence::note_backend(&mut control, &self.run, epoch, away.pid(), &backend_start).await;
            noted.map_err(Stop::from)?;
        }
        Ok(backend_start)
    }

    /// A session on the server and in neither of the databases.
    pub(super) async fn session_aside(&self) -> Result<Session, Failed> {
        let mut session = databases::aside(&self.target, "work").await.map_err(|error| {
            let what = format!("a new database can't take the place of {}", self.target.database());
            Failed::from(problems::plain(format!("{what}: {}", from_within(&self.target, &error))))
        })?;
        own(&mut session, NO_LIMIT).await.map_err(refused)?;
        Ok(session)
    }

    /// Nothing speaks against it that sessions that end can't mend.
    pub(super) async fn no_obstacle(&mut self, away: &mut Session) -> Result<(), Failed> {
        let obstacles = databases::obstacles(away, self.target.database()).await.map_err(refused)?;
        if obstacles.is_empty() {
            return Ok(());
        }
        let what = format!("{} can't give its name to another database", self.target.database());
        let mut problem = problems::plain(format!("{what}: {}", obstacles.join("; ")));
        problem.hint = Some(OR_IN_PLACE.into());
        Err(problem.into())
    }

    /// The new database, empty, of the same encoding and rules; or whole, from a try before.
    async fn place_beside(
        &mut self,
        step: &Step,
        away: &mut Session,
        source: &Source,
    ) -> Result<Beside, Failed> {
        self.no_obstacle(away).await?;
        let database = self.target.database().to_owned();
        let of = self.of_target(step).await?;
        let Some(create) = of.create else {
            return Err(problems::plain(format!("pg_dump doesn't say how {database} is made")).into());
        };
        // What can't be done in the end isn't begun.
        own(away, "BEGIN; SET LOCAL lock_timeout = '1s'").await.map_err(refused)?;
        let tried = settle(away, &of.rest).await;
        own(away, "ROLLBACK").await.map_err(refused)?;
        match tried {
            Err(unsettled) if !unsettled.is_locked() => return Err(unsettled.into()),
            _ => {}
        }
        // The end of a run's id is chance; its beginning is the time.
        let id = self.run.get(self.run.len().saturating_sub(8)..).unwrap_or_default().to_owned();
        let new = databases::name_beside(&database, &format!("new_{id}"));
        let is_whole = self.take_up_new(away, &new, source).await?;
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
            crash::point("restore-created");
            own(away, &databases::say_of(&new, &self.mark(None))).await.map_err(refused)?;
        }
        let mut oids = [0; 2];
        for (name, oid) in [&database, &new].into_iter().zip(&mut oids) {
            *oid = databases::oid(away, name).await.map_err(refused)?.unwrap_or_default();
        }
        let [oid, new_oid] = oids;
        let (settles, settings) = (of.rest, of.settings);
        Ok(Beside { database, oid, new, new_oid, is_whole, old, settles, settings, tables: Vec::new() })
    }

    /// What a try or a process before has left: whole, or it is made again. What isn't ours stays.
    async fn take_up_new(&mut self, away: &mut Session, new: &str, source: &Source) -> Result<bool, Failed> {
        let Some(oid) = databases::oid(away, new).await.map_err(refused)? else { return Ok(false) };
        let comment = databases::comment(away, oid).await.map_err(refused)?;
        if comment.as_deref() == Some(&*self.mark(Some(source))) {
            return Ok(true);
        }
        // A stop may have come before it could say whose it is.
        if comment.is_some_and(|comment| comment != self.mark(None)) {
            let mut problem =
                problems::plain(format!("there is a database {new} already, and it isn't this run's"));
            problem.hint = Some("look at it, and drop or rename it; then retry".into());
            return Err(problem.into());
        }
        databases::remove(away, new).await.map_err(refused)?;
        Ok(false)
    }

    /// What the new database says of itself, until it has another name: that it is being filled, or with what it is.
    pub(super) fn mark(&self, whole: Option<&Source>) -> String {
        let digest = whole.map(|source| source.taken.file.digest.as_str());
        let how = digest.map_or_else(|| "restores".to_owned(), |digest| format!("has restored {digest}"));
        format!("holdpoint: run {} {how} into it, and nobody uses it yet", self.run)
    }

    /// How the target is made and set up, as it is now. What was set up elsewhere goes first.
    async fn of_target(&mut self, step: &Step) -> Result<OfDatabase, Failed> {
        let mut of = of_database(&self.words_of_database(step).await?);
        let name = identifier(self.target.database());
        let cleared =
            [format!("COMMENT ON DATABASE {name} IS NULL"), format!("ALTER DATABASE {name} RESET ALL")];
        of.rest.splice(0..0, cleared);
        Ok(of)
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
}

/// What of a role or a server would end work that takes as long as it takes.
pub(super) const NO_LIMIT: &str = "SET statement_timeout = 0";

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

/// A word of the server on the way; a connection that is gone is the run's matter.
pub(super) fn refused(error: PgError) -> Failed {
    if error.is_lost() {
        return Stop::from(error).into();
    }
    problems::plain(error.sentence()).into()
}

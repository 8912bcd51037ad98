//! The private server: the database before the window, and a fresh copy of it for each walk.

use std::path::{Path, PathBuf};

use super::copy::Copied;
use super::image::{Image, measured};
use crate::crash;
use crate::engine::fixture;
use crate::engine::stop::Stop;
use crate::journal::StateDir;
use crate::pg::embedded::{Embedded, EmbeddedError, Options, copy_database};
use crate::pg::{ConnectConfig, PgError, Session};
use crate::plan::model::Plan;
use crate::run::event::Residue;
use crate::run::rehearsal::Ground as On;

/// The database before the window, from which copies are made; nobody works in it.
const BEFORE: &str = "holdpoint_before";
/// Where sessions stand while databases come and go.
const ASIDE: &str = "template1";

/// The private server.
#[derive(Debug)]
pub(super) struct Ground {
    server: Embedded,
    /// Journals of the walks: they live in the server's folder, and go with it.
    state: StateDir,
    /// What the copies are called: the plan's statements may ask.
    database: String,
    copied: Option<Copied>,
}

/// What makes the database before the window.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub fixture: Option<PathBuf>,
    /// The target instead, with its rows or without.
    pub target: Option<(ConnectConfig, bool)>,
    pub bin_dir: Option<PathBuf>,
    pub database: String,
}

impl Ground {
    /// Starts a server and makes the database before the window; from the dump that another one was made
    /// of, so that the target is asked only once.
    pub(super) async fn prepare(plan: &Plan, source: &Source, other: Option<&Self>) -> Result<Self, Stop> {
        let options = Options { bin_dir: source.bin_dir.clone(), ..Options::default() };
        let server = Embedded::start(options).await.map_err(|error| no_server(&error))?;
        let state = StateDir::fleeting(server.dir().join("runs"));
        let mut ground = Self { server, state, database: source.database.clone(), copied: None };
        if ground.database != "postgres" {
            ground.aside(&format!("CREATE DATABASE {}", quoted(&ground.database))).await?;
        }
        if let Some((target, with_data)) = &source.target {
            let mut copied = match other.and_then(|other| other.copied.as_ref()) {
                Some(copied) => copied.moved_to(&ground.server)?,
                None => Copied::dump(&ground.server, target, *with_data).await?,
            };
            copied.restore(&ground.server, &ground.config()).await?;
            ground.copied = Some(copied);
        } else if let Some(file) = &source.fixture {
            load(plan, file, &ground.config()).await?;
        }
        crash::point("rehearsal-database-made");
        ground.aside(&format!("ALTER DATABASE {} RENAME TO {BEFORE}", quoted(&ground.database))).await?;
        Ok(ground)
    }

    /// A fresh copy of the database before the window, in the place of the one before.
    pub(super) async fn fresh(&self) -> Result<ConnectConfig, Stop> {
        let mut session = Session::connect(&self.server.config(ASIDE), "ground").await?;
        let made = self.replace(&mut session).await;
        session.close().await;
        crash::point("rehearsal-fresh-copy");
        made?;
        Ok(self.config())
    }

    async fn replace(&self, session: &mut Session) -> Result<(), PgError> {
        let name = quoted(&self.database);
        let text = self.database.replace('\'', "''");
        let away = [
            format!(
                "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE datname = '{text}'"
            ),
            format!("DROP DATABASE IF EXISTS {name}"),
        ];
        for sql in &away {
            session.batch(sql).await?;
        }
        copy_database(session, &name, BEFORE).await?;
        // Settings, owner and privileges of a database aren't copied with it.
        let beside = [
            format!(
                "INSERT INTO pg_catalog.pg_db_role_setting SELECT n.oid, s.setrole, s.setconfig \
                 FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_database b ON b.oid = s.setdatabase, \
                 pg_catalog.pg_database n WHERE b.datname = '{BEFORE}' AND n.datname = '{text}'"
            ),
            format!(
                "UPDATE pg_catalog.pg_database n SET datacl = b.datacl, datdba = b.datdba \
                 FROM pg_catalog.pg_database b WHERE b.datname = '{BEFORE}' AND n.datname = '{text}'"
            ),
        ];
        for sql in &beside {
            session.batch(sql).await?;
        }
        Ok(())
    }

    pub(super) fn config(&self) -> ConnectConfig {
        self.server.config(&self.database)
    }

    pub(super) fn copied(&self) -> Option<&Copied> {
        self.copied.as_ref()
    }

    pub(super) fn state(&self) -> &StateDir {
        &self.state
    }

    pub(super) fn version(&self) -> &str {
        self.server.version()
    }

    /// What a rehearsal here is on, in its record.
    pub(super) fn on(&self, plan: &Plan, source: &Source) -> On {
        // As the plan names it: a shipped plan lies in a folder that is gone by the time anybody reads this.
        let named = |file: &PathBuf| file.strip_prefix(&plan.sql_dir).unwrap_or(file).display().to_string();
        match &self.copied {
            Some(copied) if copied.with_data => On::Data { target: copied.target.clone() },
            Some(copied) => On::Schema { target: copied.target.clone() },
            None => On::Fixture {
                file: source.fixture.as_ref().map(named),
                source: plan.fixture.as_ref().and_then(|fixture| fixture.source.as_ref()).map(named),
            },
        }
    }

    pub(super) async fn image(&self) -> Result<Image, Stop> {
        Image::of(&self.config(), None).await
    }

    /// What is there now and wasn't at the time of the image, or the reverse.
    pub(super) async fn residue(&self, before: &Image) -> Result<Vec<Residue>, Stop> {
        let now = Image::of(&self.config(), Some(before)).await?;
        Image::left(before, &now)
    }

    /// Whether a walk has changed what outlives its copy of the database.
    pub(super) async fn server_changed(&self, before: &Image) -> Result<bool, Stop> {
        before.server_changed(&self.config()).await.map_err(measured)
    }

    pub(super) async fn stop(self) {
        self.server.stop().await;
    }

    async fn aside(&self, sql: &str) -> Result<(), Stop> {
        let mut session = Session::connect(&self.server.config(ASIDE), "ground").await?;
        let done = session.batch(sql).await;
        session.close().await;
        done.map(drop).map_err(Stop::from)
    }
}

async fn load(plan: &Plan, file: &Path, target: &ConnectConfig) -> Result<(), Stop> {
    match fixture::load(plan, file, target).await? {
        Ok(()) => Ok(()),
        Err(problem) => {
            let why = format!("the {}", fixture::failed(&problem));
            Err(Stop::Over { exit: crate::engine::exit::Exit::Failed, why })
        }
    }
}

fn no_server(error: &EmbeddedError) -> Stop {
    Stop::Local(format!("failed to {error}"))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

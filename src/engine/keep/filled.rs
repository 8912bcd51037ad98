//! A new database beside the target becomes what was backed up, and learns what the runs did.

use std::collections::BTreeSet;

use super::backup::{Failed, mb};
use super::beside::{Beside, NO_LIMIT, OR_IN_PLACE, Source, refused};
use super::patience::EVERY;
use super::proof::is_in_it;
use crate::crash;
use crate::engine::conductor::Conductor;
use crate::engine::problems;
use crate::engine::unit::{own, set_nonce};
use crate::pg::child::Ended;
use crate::pg::fingerprint::Fingerprint;
use crate::pg::inventory::Inventory;
use crate::pg::ledger::schema::SchemaError;
use crate::pg::ledger::{entry, identifier, moved};
use crate::pg::measure::MeasureError;
use crate::pg::{ConnectConfig, Psql, Session, databases};
use crate::plan::model::{Kind, Step};
use crate::run::event::Unit;

/// So many differences are named.
const NAMED: usize = 5;

impl Conductor {
    /// Rows, definitions, statistics and the ledger: the tables of both databases. What isn't whole goes.
    pub(super) async fn fill_beside(
        &mut self,
        step: &Step,
        unit: &Unit,
        source: &Source,
        beside: &Beside,
    ) -> Result<Vec<String>, Failed> {
        if let Err(failed) = self.make_whole(step, source, beside).await {
            self.remove_beside(step, &beside.new).await;
            return Err(failed);
        }
        let mut session = self.spare().await?;
        let mut tables = tables_in(&mut session).await?;
        session.close().await;
        let mut session = self.enter_beside(beside).await?;
        tables.extend(tables_in(&mut session).await?);
        // A try before has brought the ledger as it was then.
        own(&mut session, "DROP SCHEMA IF EXISTS holdpoint CASCADE").await.map_err(refused)?;
        self.take_ledger_along(unit, source, &mut session).await?;
        session.close().await;
        Ok(tables.into_iter().collect())
    }

    async fn make_whole(&mut self, step: &Step, source: &Source, beside: &Beside) -> Result<(), Failed> {
        if !beside.is_whole {
            let mut away = self.session_aside().await?;
            let name = identifier(&beside.new);
            // As in place: what a view or a function makes of its rows may hang on them.
            let settings =
                beside.settings.iter().filter(|one| !one.contains("default_transaction_read_only"));
            for setting in settings {
                own(&mut away, &format!("ALTER DATABASE {name}{setting}")).await.map_err(refused)?;
            }
            away.close().await;
            if !source.then.objects.contains_key("schema public") {
                let mut session = self.enter_beside(beside).await?;
                own(&mut session, "DROP SCHEMA public").await.map_err(refused)?;
                session.close().await;
            }
            self.load(step, source, &self.target.with_database(&beside.new)).await?;
            crash::point("restore-loaded");
        }
        let mut session = self.enter_beside(beside).await?;
        let now = Fingerprint::take(&mut session).await.map_err(unread)?;
        is_as_backed_up(source, &now)?;
        if !beside.is_whole {
            let words = || format!("{} is whole; its statistics are taken", beside.new);
            self.says.say(&step.id, &words());
            match self.patiently(&step.id, words, session.batch("ANALYZE")).await {
                Ok(done) => drop(done.map_err(refused)?),
                Err(why) => return Err(self.interrupted_by(why)),
            }
            let mut away = self.session_aside().await?;
            let whole = databases::say_of(&beside.new, &self.mark(Some(source)));
            own(&mut away, &whole).await.map_err(refused)?;
            away.close().await;
        }
        session.close().await;
        Ok(())
    }

    async fn enter_beside(&self, beside: &Beside) -> Result<Session, Failed> {
        let config = self.target.with_database(&beside.new);
        let mut session = Session::connect(&config, "work").await.map_err(refused)?;
        own(&mut session, NO_LIMIT).await.map_err(refused)?;
        Ok(session)
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
        // The server went away, and not the backup is to blame.
        if !matches!(&said, Ok(said) if said.ended == Ended::Code(0)) {
            let mut control = self.control.session().await;
            control.batch("SELECT 1").await.map_err(refused)?;
        }
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
            moved::take_along(&mut control, session).await.map_err(|error| match error {
                SchemaError::Pg(error) => refused(error),
                error => problems::plain(format!("the ledger can't be taken along: {error}")).into(),
            })?;
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

    /// Removes what isn't whole. What can't be removed is named.
    async fn remove_beside(&mut self, step: &Step, new: &str) {
        let removed = async {
            let mut away = databases::aside(&self.target, "work").await?;
            databases::remove(&mut away, new).await?;
            away.close().await;
            Ok::<_, crate::pg::PgError>(())
        };
        if let Err(error) = removed.await {
            tracing::warn!(%error, new, "removing a database");
            let why = error.sentence();
            let why = why.trim_end_matches('.');
            self.says
                .say(&step.id, &format!("{new} isn't removed ({why}): the next try does it, or drop it"));
        }
    }
}

async fn tables_in(session: &mut Session) -> Result<BTreeSet<String>, Failed> {
    let mut found = Inventory::take(session, &[Kind::Tables]).await.map_err(unread)?;
    let tables = found.names.remove(&Kind::Tables).unwrap_or_default();
    Ok(tables.iter().map(ToString::to_string).collect())
}

fn is_as_backed_up(source: &Source, now: &Fingerprint) -> Result<(), Failed> {
    let mut differs = Fingerprint::diff(&source.then, now)
        .map_err(|error| problems::plain(format!("failed to {error}")))?;
    differs.retain(is_in_it);
    if differs.is_empty() {
        return Ok(());
    }
    let named: Vec<&str> = differs.iter().take(NAMED).map(|one| one.object.as_str()).collect();
    let more = match differs.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let what = format!("what was restored isn't what was backed up: {}{more}", named.join(", "));
    Err(problems::plain(what).into())
}

fn unread(error: MeasureError) -> Failed {
    match error {
        MeasureError::Pg(error) => refused(error),
        error => problems::plain(format!("the restored database can't be read: failed to {error}")).into(),
    }
}

//! The other databases of a plan: its source, and the target as its pooler shows it. They are asked, never changed
//! by the run itself; the ledger, the lock and every guarantee are the target's.
//!
//! Whether two addresses lead to one database is found out by what the server says of itself and by our own lock,
//! which only the database that we hold it in shows.

use std::time::Duration;

use super::ask::{Asked, must_run, within};
use super::conductor::Conductor;
use super::exit::Exit;
use super::one_run::is_same_database;
use super::stop::Stop;
use crate::pg::identity::Target;
use crate::pg::ledger::fence;
use crate::pg::measure::MeasureError;
use crate::pg::{ConnectConfig, PgError, Session};
use crate::plan::expect::{Answer, Difference, Outcome, Verdict};
use crate::plan::model::{Ask, Checkpoint, Side};
use crate::run::event::TargetIdentity;

/// Of answers that don't agree so many cells are shown.
const SHOWN: usize = 20;

/// Where the plan's other databases are.
#[derive(Debug, Clone, Default)]
pub struct Others {
    pub source: Option<ConnectConfig>,
    pub pooler: Option<ConnectConfig>,
}

/// The same, with a session to each that waits for the next question.
#[derive(Debug, Default)]
pub struct Sides {
    pub others: Others,
    source: Option<Session>,
    pooler: Option<Session>,
    /// As the source's server says it.
    pub(super) source_version: u32,
}

/// The word for people.
pub(super) fn name_of(side: Side) -> &'static str {
    match side {
        Side::Source => "the source",
        Side::Pooler => "the pooler",
        Side::Target | Side::Both | Side::None => "the target",
    }
}

impl Sides {
    pub(super) fn of(others: Others) -> Self {
        Self { others, ..Self::default() }
    }

    /// Connects to each, and says which database the source is.
    pub(super) async fn connect(others: Others) -> Result<(Self, Option<TargetIdentity>), Stop> {
        let mut sides = Self::of(others);
        if sides.others.pooler.is_some() {
            let session =
                sides.open(Side::Pooler).await.map_err(|error| out_of_reach(Side::Pooler, &error))?;
            sides.pooler = Some(session);
        }
        if sides.others.source.is_none() {
            return Ok((sides, None));
        }
        let reached = |error: &PgError| out_of_reach(Side::Source, error);
        let mut session = sides.open(Side::Source).await.map_err(|error| reached(&error))?;
        let looked = Target::look(&mut session).await.map_err(|error| match error {
            MeasureError::Pg(error) => reached(&error),
            other => Stop::Local(format!("the source: failed to {other}")),
        })?;
        sides.source_version = looked.version_num;
        sides.source = Some(session);
        Ok((sides, Some(looked.identity)))
    }

    /// A fresh session. What is set in one of a pooler's would stay in it for others: nothing is.
    pub(super) async fn open(&self, side: Side) -> Result<Session, PgError> {
        match (side, &self.others) {
            (Side::Source, Others { source: Some(config), .. }) => Session::connect(config, "look").await,
            (Side::Pooler, Others { pooler: Some(config), .. }) => {
                Session::connect_bare(config, "look").await
            }
            _ => Err(PgError::Stuck(format!("the plan names no address of {}", name_of(side)))),
        }
    }

    fn slot(&mut self, side: Side) -> &mut Option<Session> {
        if side == Side::Pooler { &mut self.pooler } else { &mut self.source }
    }

    pub(super) fn config(&self, side: Side) -> Option<&ConnectConfig> {
        match side {
            Side::Source => self.others.source.as_ref(),
            Side::Pooler => self.others.pooler.as_ref(),
            Side::Target | Side::Both | Side::None => None,
        }
    }

    /// Secrets that aren't variables of the plan.
    pub(super) fn passwords(&self) -> Vec<String> {
        let both = [&self.others.source, &self.others.pooler];
        both.into_iter().flatten().filter_map(ConnectConfig::password).collect()
    }
}

/// Why a pooler can't be the target.
pub fn pooled(target: &ConnectConfig) -> String {
    let what = "is a connection pooler: the lock of a session means nothing there. Give the direct address of the server";
    format!("{} {what}", target.describe())
}

/// What is wrong with where `pooler` leads; `seen`: what somebody does in the target is seen there.
#[must_use]
pub fn wrong_pooler(seen: bool) -> Option<String> {
    (!seen).then(|| {
        "the pooler leads to another database than the target's direct address: what was asked there would say nothing of \
         the target. Look at `pooler` and `url` in [target]"
            .to_owned()
    })
}

/// What is wrong with the database that the source is; `seen`: what somebody does in the target is seen there.
#[must_use]
pub fn wrong_source(target: &TargetIdentity, source: &Target, seen: bool) -> Option<String> {
    if source.version_num < super::open::OLDEST {
        let version = &source.identity.server_version;
        return Some(format!("the source is PostgreSQL {version}; holdpoint works with 12 and later"));
    }
    let one = target.system_identifier.is_some()
        && target.system_identifier == source.identity.system_identifier
        && target.database_oid == source.identity.database_oid;
    let words = format!("{} on {}:{}", target.database, target.host, target.port);
    if seen {
        return Some(format!(
            "source and target are the same database: {words}. What is compared with itself is always the same. Look at \
             the addresses of [source] and [target]"
        ));
    }
    // It shows nothing of what goes on in its primary. A copy that was promoted is another database by now.
    (one && source.in_recovery).then(|| {
        format!(
            "the source is a standby of the target ({words}): it has the same rows by itself, and comparing them proves \
             nothing. Look at the addresses of [source] and [target]"
        )
    })
}

/// Another database than the target can't be reached.
pub(super) fn out_of_reach(side: Side, error: &PgError) -> Stop {
    let why = format!("{} can't be asked: {}", name_of(side), error.sentence());
    Stop::Left { exit: Exit::Unreachable, why }
}

impl Conductor {
    /// Where the plan's words lead: source and target are two databases, the pooler leads to the target. What is
    /// wrong with them, in words.
    pub(super) async fn look_at_sides(&mut self) -> Result<Option<String>, Stop> {
        if self.sides.others.pooler.is_some() {
            let (seen, _) = self.look_at(Side::Pooler).await?;
            if let Some(why) = wrong_pooler(seen) {
                return Ok(Some(why));
            }
        }
        if self.sides.others.source.is_none() {
            return Ok(None);
        }
        let (seen, source) = self.look_at(Side::Source).await?;
        self.sides.source_version = source.version_num;
        let (target, known) = self.recorder.look(|run| {
            let source = run.opened.as_ref().and_then(|opened| opened.source.clone());
            (run.target.clone(), source)
        });
        if let Some(known) = known.filter(|known| !is_same_database(known, &source.identity)) {
            return Ok(Some(format!(
                "this run's source was database {} on {}:{}, and its address leads to another one now ({} on {}:{})",
                known.database,
                known.host,
                known.port,
                source.identity.database,
                source.identity.host,
                source.identity.port
            )));
        }
        Ok(target.and_then(|target| wrong_source(&target, &source, seen)))
    }

    /// Whether the lock of this run is seen there, and what there is.
    async fn look_at(&mut self, side: Side) -> Result<(bool, Target), Stop> {
        let pid = self.control.pid;
        let lost = |error: PgError| out_of_reach(side, &error);
        let mut session = match self.sides.slot(side).take() {
            Some(session) => session,
            None => self.sides.open(side).await.map_err(lost)?,
        };
        let looked = Target::look(&mut session).await.map_err(|error| match error {
            MeasureError::Pg(error) => lost(error),
            other => Stop::Local(format!("{}: failed to {other}", name_of(side))),
        })?;
        let seen = fence::sees_lock_of(&mut session, pid).await.map_err(lost)?;
        let target = self.recorder.look(|run| run.target.clone());
        // Another server can have a session of the same number with a lock of its own.
        let apart = target.is_some_and(|target| {
            let ids = (&target.system_identifier, &looked.identity.system_identifier);
            matches!(ids, (Some(one), Some(other)) if one != other)
        });
        *self.sides.slot(side) = Some(session);
        Ok((seen && !apart, looked))
    }

    /// Asks the plan's question on another side. One that can't be reached is no answer: the checkpoint has failed,
    /// and the run holds, whatever the plan says about a wrong answer.
    pub(super) async fn evaluate_on(
        &mut self,
        side: Side,
        checkpoint: &Checkpoint,
    ) -> Result<(Outcome, Verdict), Stop> {
        match self.ask_on(side, checkpoint).await {
            Ok(asked) => Ok(self.judge(checkpoint, asked)),
            Err(error) if error.is_lost() || error.server().is_none() => {
                self.out_of_reach = Some(side);
                let expected = checkpoint
                    .expect
                    .as_ref()
                    .map_or_else(|| "an answer".to_owned(), crate::plan::show::expected);
                Ok((Outcome::Rows(Answer::default()), unanswered(side, expected, &error)))
            }
            Err(error) => Err(out_of_reach(side, &error)),
        }
    }

    async fn ask_on(&mut self, side: Side, checkpoint: &Checkpoint) -> Result<Asked, PgError> {
        let kept = self.sides.slot(side).take();
        let was_kept = kept.is_some();
        let mut session = match kept {
            Some(session) => session,
            None => self.sides.open(side).await?,
        };
        let most = within(checkpoint);
        let asked = match self.in_standing(&mut session, checkpoint, most).await {
            Err(error) if error.is_lost() && was_kept => {
                session = self.sides.open(side).await?;
                self.in_standing(&mut session, checkpoint, most).await
            }
            other => other,
        };
        if asked.is_ok() {
            *self.sides.slot(side) = Some(session);
        }
        asked
    }

    /// Asks target and source. Without an expectation they must agree.
    pub(super) async fn evaluate_on_both(
        &mut self,
        checkpoint: &Checkpoint,
    ) -> Result<(Outcome, Verdict), Stop> {
        let (target, on_target) = self.evaluate_on_target(checkpoint).await?;
        let (source, on_source) = self.evaluate_on(Side::Source, checkpoint).await?;
        let judged = checkpoint.expect.is_some() || matches!(checkpoint.ask, Ask::Inventory(_));
        if judged || !on_target.passed || !on_source.passed {
            let parts = vec![("target".to_owned(), on_target), ("source".to_owned(), on_source)];
            return Ok((target, Verdict::all_of(parts)));
        }
        let verdict = agree(&source, &target);
        Ok((target, verdict))
    }

    /// For sessions of programs.
    pub(super) fn config_of(&self, side: Side) -> Option<&ConnectConfig> {
        match side {
            Side::Source | Side::Pooler => self.sides.config(side),
            Side::Target | Side::Both | Side::None => Some(&self.target),
        }
    }

    /// A program on another side is gone: what it was doing there is ended, too.
    pub(super) async fn end_sessions_on(&mut self, side: Side, name: &str) {
        if side != Side::Source {
            return;
        }
        let sql = "SELECT pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_stat_activity a \
                   WHERE a.application_name = $1::text AND a.pid <> pg_catalog.pg_backend_pid()";
        let ended = async {
            let mut session = self.sides.open(side).await?;
            session.query(sql, &[Some(name)]).await?;
            session.close().await;
            Ok::<_, PgError>(())
        };
        // It only read there; whether it is gone changes nothing of what is applied.
        if let Ok(Err(error)) = tokio::time::timeout(Duration::from_secs(10), ended).await {
            tracing::warn!(%error, "sessions of a program on the source couldn't be ended");
        }
    }
}

/// There is no answer of this side.
pub(super) fn unanswered(side: Side, expected: String, error: &PgError) -> Verdict {
    let name = name_of(side);
    let why = format!(
        "{}. Nothing was changed by asking; when {name} can be reached again, retry",
        error.sentence().trim_end_matches('.')
    );
    Verdict::fail(expected, format!("no answer of {name}: {}", error.sentence()), why)
}

/// The two answers, cell by cell, in the order of their rows.
fn agree(source: &Outcome, target: &Outcome) -> Verdict {
    let expected = "the same on source and target";
    let (Outcome::Rows(one), Outcome::Rows(other)) = (source, target) else {
        return match (must_run(source), must_run(target)) {
            (bad, _) if !bad.passed => bad,
            (_, bad) => bad,
        };
    };
    let words = |answer: &Answer| match answer.rows.as_slice() {
        [row] if row.len() == 1 && answer.total_rows == 1 => cell(row.first()),
        _ => super::verify::count(usize::try_from(answer.total_rows).unwrap_or(usize::MAX), "row"),
    };
    if let Some(cut) =
        [one, other].into_iter().find_map(|answer| answer.cut.as_ref().or(answer.truncated.as_ref()))
    {
        return Verdict::fail(expected, "not compared", format!("the answer is too large for it: {cut}"));
    }
    let names = |answer: &Answer| answer.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>();
    let mut differences = Vec::new();
    if names(one) != names(other) {
        let (expected, got) = (names(one).join(", "), names(other).join(", "));
        differences.push(Difference { row: 0, column: "columns".into(), expected, got, why: String::new() });
    }
    for at in 0..one.rows.len().max(other.rows.len()) {
        let (then, now) = (one.rows.get(at), other.rows.get(at));
        for column in 0..one.columns.len().max(other.columns.len()) {
            // As they are: a NULL isn't the text that it is shown as.
            let [one_has, other_has] =
                [then, now].map(|row| row.map(|row| row.get(column).cloned().flatten()));
            if one_has != other_has {
                let words = |cell: Option<Option<String>>| match cell {
                    None => "no row".to_owned(),
                    Some(None) => "NULL".to_owned(),
                    Some(Some(text)) if text == "NULL" || text == "no row" => format!("the text \"{text}\""),
                    Some(Some(text)) => text,
                };
                let (expected, got) = (words(one_has), words(other_has));
                let name = one.columns.get(column).or(other.columns.get(column));
                let column = name.map(|column| column.name.clone()).unwrap_or_default();
                differences.push(Difference {
                    row: at + 1,
                    column,
                    expected,
                    got,
                    why: "source, target".into(),
                });
            }
        }
    }
    if differences.is_empty() && one.total_rows == other.total_rows {
        return Verdict::pass(expected, format!("{} on both", words(one)));
    }
    let more = differences.len().saturating_sub(SHOWN);
    differences.truncate(SHOWN);
    let got = format!("source {}, target {}", words(one), words(other));
    Verdict { passed: false, expected: expected.into(), got, differences, more }
}

fn cell(cell: Option<&Option<String>>) -> String {
    cell.and_then(Option::clone).unwrap_or_else(|| "NULL".to_owned())
}

//! Asks the query of a checkpoint, and judges the answer: in a session that only reads, or in a savepoint of
//! a step's own transaction.

use std::time::{Duration, Instant};

use super::conductor::Conductor;
use super::heard::Broken;
use super::standing::{PIN, Standing};
use super::stop::Stop;
use super::unit::millis;
use super::verify::count;
use crate::pg::PgError;
use crate::pg::ledger::identifier;
use crate::pg::measure::MeasureError;
use crate::pg::{Limits, Rows, Session};
use crate::plan::expect::{Answer, Column, Outcome, Refusal, Verdict};
use crate::plan::model::{Ask, Checkpoint, Side};

/// Rows of a checkpoint that are kept; all are counted.
const MAX_ROWS: usize = 10_000;
const MAX_CELL: usize = 1 << 20;
const MAX_TOTAL: usize = 16 << 20;

impl Conductor {
    pub(super) async fn evaluate_standing(
        &mut self,
        checkpoint: &Checkpoint,
    ) -> Result<(Outcome, Verdict), Stop> {
        if let Ask::Compare(compare) = &checkpoint.ask {
            let (answer, verdict) = self.compare(compare, checkpoint).await?;
            return Ok((Outcome::Rows(answer), verdict));
        }
        match checkpoint.on {
            Side::Target | Side::None => self.evaluate_on_target(checkpoint).await,
            Side::Both => self.evaluate_on_both(checkpoint).await,
            side @ (Side::Source | Side::Pooler) => self.evaluate_on(side, checkpoint).await,
        }
    }

    pub(super) async fn evaluate_on_target(
        &mut self,
        checkpoint: &Checkpoint,
    ) -> Result<(Outcome, Verdict), Stop> {
        let within = within(checkpoint);
        let mut look = match self.idle_look.take() {
            Some(look) => look,
            None => self.spare().await?,
        };
        let asked = match self.in_standing(&mut look, checkpoint, within).await {
            Err(error) if error.is_lost() => {
                // One more try on a fresh session; a database that is gone says so there.
                look = self.spare().await?;
                self.in_standing(&mut look, checkpoint, within).await?
            }
            other => other?,
        };
        self.idle_look = Some(look);
        Ok(self.judge(checkpoint, asked))
    }

    pub(super) async fn in_standing(
        &mut self,
        look: &mut Session,
        checkpoint: &Checkpoint,
        within: Duration,
    ) -> Result<Asked, PgError> {
        match Standing::begin(look, checkpoint.role.as_deref(), bound(within).as_deref()).await {
            Ok(standing) => {
                let outcome = self.ask(look, checkpoint).await;
                standing.end(look).await?;
                outcome
            }
            Err(error) => match error.server() {
                Some(server) if !error.is_lost() => {
                    let refusal = Refusal {
                        sqlstate: server.sqlstate.clone(),
                        message: server.message.clone(),
                        taking_role: true,
                    };
                    look.batch("ROLLBACK").await?;
                    Ok(Asked::Query(Outcome::Error(refusal)))
                }
                _ => Err(error),
            },
        }
    }

    pub(super) async fn evaluate_in(
        &mut self,
        work: &mut Session,
        checkpoint: &Checkpoint,
    ) -> Result<(Outcome, Verdict), Broken> {
        let asked = match Savepoint::begin(work, checkpoint.role.as_deref(), within(checkpoint)).await {
            Ok(savepoint) => {
                let outcome = self.ask(work, checkpoint).await;
                savepoint.end(work).await.map_err(|error| self.broke(error))?;
                outcome.map_err(|error| self.broke(error))?
            }
            Err(error) if error.is_lost() => return Err(self.broke(error)),
            Err(error) => {
                Savepoint.end(work).await.map_err(|error| self.broke(error))?;
                let server = error.server().cloned().unwrap_or_default();
                Asked::Query(Outcome::Error(Refusal {
                    sqlstate: server.sqlstate,
                    message: server.message,
                    taking_role: true,
                }))
            }
        };
        Ok(self.judge(checkpoint, asked))
    }

    /// Asks the query; an error of the server is an answer, a lost connection isn't.
    async fn ask(&mut self, session: &mut Session, checkpoint: &Checkpoint) -> Result<Asked, PgError> {
        self.ask_what(session, checkpoint, crate::script::reads_only).await
    }

    /// As [`Self::ask`], of what may be asked there.
    pub(super) async fn ask_what(
        &mut self,
        session: &mut Session,
        checkpoint: &Checkpoint,
        may: fn(&str) -> bool,
    ) -> Result<Asked, PgError> {
        let sql = match &checkpoint.ask {
            Ask::Sql(sql) => match self.inline(sql) {
                Ok(sql) if may(&sql) => sql,
                Ok(_) => {
                    return Ok(Asked::refused(
                        "",
                        "a checkpoint may only read: SELECT, VALUES, TABLE, WITH, SHOW, EXPLAIN",
                    ));
                }
                Err(message) => return Ok(Asked::refused("", &message)),
            },
            Ask::Compare(_) => return Ok(Asked::refused("", "a comparison is a step of its own")),
            Ask::Inventory(kinds) => {
                return match self.asker().judge_inventory(session, kinds).await {
                    Ok(verdict) => Ok(Asked::Inventory(verdict)),
                    Err(MeasureError::Pg(error)) if error.is_lost() => Err(error),
                    Err(error) => Ok(Asked::refused("", &error.to_string())),
                };
            }
        };
        let limits = Limits { max_rows: MAX_ROWS, max_cell_bytes: MAX_CELL, max_total_bytes: MAX_TOTAL };
        let began = Instant::now();
        let cancel = session.cancel_handle();
        let query = session.query_bounded(&sql, &[], limits);
        tokio::pin!(query);
        let mut interrupted = false;
        let rows = loop {
            tokio::select! {
                rows = &mut query => break rows,
                _ = self.attention.interrupted(), if !interrupted => {
                    interrupted = true;
                    cancel.cancel().await.ok();
                }
            }
        };
        match rows {
            Ok(rows) => Ok(Asked::Query(Outcome::Rows(answer(rows, began.elapsed())))),
            Err(error) => match error.server() {
                Some(server) if !error.is_lost() => Ok(Asked::refused(&server.sqlstate, &server.message)),
                _ => Err(error),
            },
        }
    }

    pub(super) fn judge(&self, checkpoint: &Checkpoint, asked: Asked) -> (Outcome, Verdict) {
        self.asker().judge(checkpoint, asked)
    }
}

/// What a checkpoint was answered with.
pub(super) enum Asked {
    Query(Outcome),
    Inventory(Verdict),
}

impl Asked {
    pub(super) fn refused(sqlstate: &str, message: &str) -> Self {
        Self::Query(Outcome::Error(Refusal {
            sqlstate: sqlstate.to_owned(),
            message: message.to_owned(),
            taking_role: false,
        }))
    }
}

/// Without an expectation a query must merely run.
pub(super) fn must_run(outcome: &Outcome) -> Verdict {
    match outcome {
        Outcome::Rows(answer) => {
            let rows = usize::try_from(answer.total_rows).unwrap_or(usize::MAX);
            Verdict::pass("it runs", count(rows, "row"))
        }
        Outcome::Error(refusal) => Verdict::fail("it runs", "an error", refusal.message.clone()),
    }
}

/// Bounds a query: a little longer than it may take, so that its time can be told.
pub(super) fn bound(within: Duration) -> Option<String> {
    let ms = millis(within).saturating_mul(2).max(1000);
    (!within.is_zero()).then(|| format!("SET LOCAL statement_timeout = {ms}"))
}

pub(super) fn within(checkpoint: &Checkpoint) -> Duration {
    checkpoint.expect.as_ref().and_then(|expect| expect.within).unwrap_or(Duration::ZERO)
}

pub(super) fn answer(rows: Rows, elapsed: Duration) -> Answer {
    let cut = rows.long_cells.first().map(|long| {
        let column = rows.columns.get(long.column).map_or("?", |column| column.name.as_str());
        format!("a value of {} bytes in column {column}", long.bytes)
    });
    Answer {
        cut,
        columns: rows
            .columns
            .into_iter()
            .map(|column| Column { name: column.name, type_oid: column.type_oid })
            .collect(),
        total_rows: rows.total_rows,
        truncated: rows.truncated.map(|bound| format!("{bound:?}").to_lowercase()),
        rows: rows.rows,
        elapsed,
    }
}

/// A read-only savepoint with pinned settings inside a step's transaction.
struct Savepoint;

impl Savepoint {
    /// `within` bounds the query here too: the step's locks are held meanwhile.
    async fn begin(work: &mut Session, role: Option<&str>, within: Duration) -> Result<Self, PgError> {
        super::unit::own(work, "SAVEPOINT holdpoint_checkpoint").await?;
        super::unit::own(work, &format!("SET LOCAL transaction_read_only = on; {PIN}")).await?;
        if let Some(bound) = bound(within) {
            super::unit::own(work, &bound).await?;
        }
        if let Some(role) = role {
            super::unit::own(work, &format!("SET LOCAL ROLE {}", identifier(role))).await?;
        }
        Ok(Self)
    }

    async fn end(self, work: &mut Session) -> Result<(), PgError> {
        super::unit::own(work, "ROLLBACK TO SAVEPOINT holdpoint_checkpoint").await?;
        super::unit::own(work, "RELEASE SAVEPOINT holdpoint_checkpoint").await.map(drop)
    }
}

//! Asks and judges with the values as they are at a moment: for the conductor's checkpoints, and for watches,
//! which are sampled beside it.

use std::time::{Duration, Instant};

use super::ask::{Asked, answer, bound, must_run, within};
use super::conductor::Conductor;
use super::standing::Standing;
use super::values::with_saved;
use crate::pg::inventory::Inventory;
use crate::pg::measure::MeasureError;
use crate::pg::rows;
use crate::pg::{Limits, PgError, Session};
use crate::plan::expect::{self, Answer, Outcome, Refusal, Saved, SavedValue, Verdict};
use crate::plan::model::{Amount, Ask, Checkpoint, Kind, Kinds};
use crate::script::{Item, Script, Then, Variables};

/// Rows that are kept of an answer of a watch; all are counted.
const LIMITS: Limits = Limits { max_rows: 1_000, max_cell_bytes: 64 * 1024, max_total_bytes: 1 << 20 };

/// Values at a moment.
pub(super) struct Asker {
    /// Saved ones, and the plan's variables.
    saved: Saved,
    /// For SQL.
    vars: Variables,
}

impl Conductor {
    pub(super) fn asker(&self) -> Asker {
        Asker { saved: self.saved(), vars: self.variables() }
    }
}

impl Asker {
    /// With these saved values beside the plan's variables.
    pub fn new(vars: Variables, saved: Saved) -> Self {
        let mut all = saved.clone();
        for (name, value) in vars.iter() {
            let text = Some(value.text.clone());
            all.entry(name.to_owned()).or_insert(SavedValue { text, type_oid: 0 });
        }
        Self { saved: all, vars: with_saved(vars, saved) }
    }

    /// One statement of the plan with its variables filled in.
    pub fn inline(&self, sql: &str) -> Result<String, String> {
        let mut script =
            Script::inline("the plan", sql, self.vars.clone()).map_err(|error| error.to_string())?;
        match script.next_item() {
            Ok(Some(Item::Statement(statement))) if statement.then == Then::PLAIN => Ok(statement.text),
            Ok(_) => Err("there is no statement in it".into()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Asks and judges in a transaction that only reads. A query takes no longer than `most`.
    pub async fn evaluate(
        &self,
        session: &mut Session,
        checkpoint: &Checkpoint,
        most: Duration,
    ) -> Result<(Outcome, Verdict), PgError> {
        let within = within(checkpoint);
        let bounds = bound(if within.is_zero() { most / 2 } else { within });
        let asked = match Standing::begin(session, checkpoint.role.as_deref(), bounds.as_deref()).await {
            Ok(standing) => {
                let asked = self.ask(session, checkpoint).await;
                standing.end(session).await?;
                asked?
            }
            Err(error) => {
                let Some(server) = error.server().filter(|_| !error.is_lost()) else { return Err(error) };
                let (sqlstate, message) = (server.sqlstate.clone(), server.message.clone());
                session.batch("ROLLBACK").await?;
                Asked::Query(Outcome::Error(Refusal { sqlstate, message, taking_role: true }))
            }
        };
        Ok(self.judge(checkpoint, asked))
    }

    async fn ask(&self, session: &mut Session, checkpoint: &Checkpoint) -> Result<Asked, PgError> {
        let sql = match &checkpoint.ask {
            Ask::Sql(sql) => match self.inline(sql) {
                Ok(sql) if crate::script::reads_only(&sql) => sql,
                Ok(_) => {
                    return Ok(Asked::refused(
                        "",
                        "a watch may only read: SELECT, VALUES, TABLE, WITH, SHOW, EXPLAIN",
                    ));
                }
                Err(message) => return Ok(Asked::refused("", &message)),
            },
            Ask::Compare(_) => return Ok(Asked::refused("", "a comparison is a step of its own")),
            Ask::Inventory(kinds) => {
                return match self.judge_inventory(session, kinds).await {
                    Ok(verdict) => Ok(Asked::Inventory(verdict)),
                    Err(MeasureError::Pg(error)) if error.is_lost() => Err(error),
                    Err(error) => Ok(Asked::refused("", &error.to_string())),
                };
            }
        };
        let began = Instant::now();
        match session.query_bounded(&sql, &[], LIMITS).await {
            Ok(rows) => Ok(Asked::Query(Outcome::Rows(answer(rows, began.elapsed())))),
            Err(error) => match error.server() {
                Some(server) if !error.is_lost() => Ok(Asked::refused(&server.sqlstate, &server.message)),
                _ => Err(error),
            },
        }
    }

    pub async fn judge_inventory(
        &self,
        session: &mut Session,
        kinds: &Kinds,
    ) -> Result<Verdict, MeasureError> {
        let wanted: Vec<Kind> = kinds.counts.iter().map(|(kind, _)| *kind).collect();
        let now = Inventory::take(session, &wanted).await?;
        let saved = &self.saved;
        let mut parts = Vec::new();
        for (kind, amount) in &kinds.counts {
            let verdict = match amount {
                Amount::Count(cell) => {
                    expect::judge_count(cell, now.counts.get(kind).copied().unwrap_or_default(), saved)
                }
                Amount::Names(names) => {
                    let missing = now.missing(*kind, names);
                    let got: Vec<String> =
                        names.iter().filter(|name| !missing.contains(&name.as_str())).cloned().collect();
                    expect::judge_names(names, &got, false)
                }
            };
            parts.push((kind.word().to_owned(), verdict));
        }
        let tables: Vec<String> = kinds.rows.iter().map(|(table, _)| table.clone()).collect();
        let now = rows::row_counts(session, &tables).await?;
        for (table, cell) in &kinds.rows {
            let count = now.get(table).map_or(0, |count| count.rows);
            parts.push((format!("rows of {table}"), expect::judge_count(cell, count, saved)));
        }
        Ok(Verdict::all_of(parts))
    }

    pub fn judge(&self, checkpoint: &Checkpoint, asked: Asked) -> (Outcome, Verdict) {
        let outcome = match asked {
            Asked::Inventory(verdict) => return (Outcome::Rows(Answer::default()), verdict),
            Asked::Query(outcome) => outcome,
        };
        let verdict = match &checkpoint.expect {
            Some(expect) => expect.judge(&outcome, &self.saved),
            None => must_run(&outcome),
        };
        let verdict = match (&checkpoint.save, &outcome) {
            (Some(name), Outcome::Rows(answer)) if verdict.passed => match expect::save(name, answer) {
                Ok(_) => verdict,
                Err(why) => Verdict::fail("a value to save", "none", why),
            },
            _ => verdict,
        };
        (outcome, verdict)
    }
}

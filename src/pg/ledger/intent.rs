//! Intent and result of a statement that can't be in a transaction.

use super::entry::{STALE_EPOCH, direction};
use super::literal;
use crate::pg::PgError;
use crate::pg::Session;
use crate::run::event::{ProbeState, Unit};

/// What is about to be sent.
#[derive(Debug, Clone)]
pub struct Intent<'a> {
    pub run: &'a str,
    pub unit: &'a Unit,
    pub attempt: u32,
    pub epoch: i64,
    pub probe: Option<&'a ProbeState>,
    pub pid: i32,
    pub backend_start: &'a str,
    pub head: &'a str,
}

impl Intent<'_> {
    /// Writes the intent row; committed before the statement is sent.
    ///
    /// # Errors
    /// When the epoch is over, or the server can't be reached.
    pub async fn write(&self, control: &mut Session) -> Result<(), PgError> {
        let probe = self.probe.and_then(|probe| serde_json::to_string(probe).ok());
        let sql = fenced(
            self.epoch,
            &format!(
                "INSERT INTO holdpoint.intent (run, step, unit, direction, generation, attempt, epoch, probe, pid, backend_start, head) \
                 VALUES ({}, {}, {}, '{}', {}, {}, {}, {}, {}, {}, {}) \
                 ON CONFLICT (run, step, unit, direction, generation, attempt) DO UPDATE SET epoch = excluded.epoch, probe = excluded.probe, \
                 pid = excluded.pid, backend_start = excluded.backend_start, head = excluded.head, outcome = NULL",
                literal(self.run),
                literal(&self.unit.step),
                literal(&self.unit.unit),
                direction(self.unit.direction),
                self.unit.generation,
                self.attempt,
                self.epoch,
                probe.map_or_else(|| "NULL".to_owned(), |probe| literal(&probe)),
                self.pid,
                literal(self.backend_start),
                literal(self.head),
            ),
        );
        control.batch(&sql).await.map(drop)
    }

    fn key(&self) -> String {
        format!(
            "run = {} AND step = {} AND unit = {} AND direction = '{}' AND generation = {} AND attempt = {}",
            literal(self.run),
            literal(&self.unit.step),
            literal(&self.unit.unit),
            direction(self.unit.direction),
            self.unit.generation,
            self.attempt
        )
    }

    /// The statement that marks it as applied, for a transaction that writes the ledger's row too.
    #[must_use]
    pub fn applied(&self) -> String {
        format!("UPDATE holdpoint.intent SET outcome = 'applied' WHERE {}", self.key())
    }

    /// Writes the result: the statement's own row, and the ledger's when it was applied.
    ///
    /// # Errors
    /// When the epoch is over, or the server can't be reached.
    pub async fn result(&self, control: &mut Session, applied: bool, digest: &str) -> Result<(), PgError> {
        let key = self.key();
        let outcome = if applied { "applied" } else { "failed" };
        let mut body = format!("UPDATE holdpoint.intent SET outcome = '{outcome}' WHERE {key};\n");
        if applied {
            body.push_str(&format!(
                "INSERT INTO holdpoint.ledger (run, step, unit, direction, generation, epoch, statements, digest, head) \
                 VALUES ({}, {}, {}, '{}', {}, {}, 1, {}, {})",
                literal(self.run),
                literal(&self.unit.step),
                literal(&self.unit.unit),
                direction(self.unit.direction),
                self.unit.generation,
                self.epoch,
                literal(digest),
                literal(self.head),
            ));
        } else {
            body.push_str("NULL");
        }
        control.batch(&fenced(self.epoch, &body)).await.map(drop)
    }
}

/// A write that fails when a newer runner has taken over.
pub(super) fn fenced(epoch: i64, body: &str) -> String {
    format!(
        "DO LANGUAGE plpgsql $holdpoint$\nDECLARE now_epoch pg_catalog.int8;\nBEGIN\n\
         SELECT f.epoch INTO now_epoch FROM holdpoint.fence f WHERE f.one FOR SHARE;\n\
         IF now_epoch IS DISTINCT FROM {epoch} THEN\n\
         RAISE EXCEPTION 'another runner has taken over (epoch %, ours is {epoch})', now_epoch USING ERRCODE = '{STALE_EPOCH}';\n\
         END IF;\n\
         -- A role with it off could lose a row that we have relied upon.\n\
         PERFORM pg_catalog.set_config('synchronous_commit', 'on', true);\n{body};\nEND $holdpoint$"
    )
}

/// A recorded intent.
#[derive(Debug, Clone)]
pub struct Found {
    pub attempt: u32,
    pub probe: Option<ProbeState>,
    /// `applied`, `failed`, or nothing when the program died before it knew.
    pub outcome: Option<String>,
}

/// The latest intent of a unit.
///
/// # Errors
/// When the server can't be asked.
pub async fn latest(control: &mut Session, run: &str, unit: &Unit) -> Result<Option<Found>, PgError> {
    one(control, run, unit, "DESC").await
}

/// The first intent of a unit: what there was before we touched anything.
///
/// # Errors
/// When the server can't be asked.
pub async fn first(control: &mut Session, run: &str, unit: &Unit) -> Result<Option<Found>, PgError> {
    one(control, run, unit, "ASC").await
}

async fn one(control: &mut Session, run: &str, unit: &Unit, order: &str) -> Result<Option<Found>, PgError> {
    let generation = unit.generation.to_string();
    let rows = control
        .query(
            &format!(
                "SELECT attempt, probe, outcome FROM holdpoint.intent WHERE run = $1::text AND step = $2::text \
                 AND unit = $3::text AND direction = $4::text AND generation = $5::int4 ORDER BY attempt {order} LIMIT 1"
            ),
            &[
                Some(run),
                Some(&unit.step),
                Some(&unit.unit),
                Some(direction(unit.direction)),
                Some(&generation),
            ],
        )
        .await?;
    Ok(rows.rows.into_iter().next().map(|row| {
        let mut cells = row.into_iter();
        let attempt = cells.next().flatten().and_then(|n| n.parse().ok()).unwrap_or_default();
        let probe = cells.next().flatten().and_then(|text| serde_json::from_str(&text).ok());
        Found { attempt, probe, outcome: cells.next().flatten() }
    }))
}

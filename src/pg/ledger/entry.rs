//! A ledger row: the write that goes into a unit's own transaction, and reading rows back.

use super::intent::fenced;
use super::literal;
use super::schema::{self, Version};
use crate::pg::PgError;
use crate::pg::Session;
use crate::run::event::{Direction, Unit};

/// SQLSTATE of a write by a runner whose epoch is over.
pub const STALE_EPOCH: &str = "HP001";
/// SQLSTATE of the same where the transaction has an older snapshot: the fence row changed behind it.
pub const SERIALIZATION: &str = "40001";
/// SQLSTATE of a write in another transaction than the one the unit began.
pub const OTHER_TRANSACTION: &str = "HP002";

/// What a unit's transaction writes about itself.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    pub run: &'a str,
    pub unit: &'a Unit,
    pub epoch: i64,
    pub nonce: &'a str,
    pub statements: u64,
    /// Digest over the statements that ran, in order.
    pub digest: &'a str,
    /// Hash of the journal's last line.
    pub head: &'a str,
}

/// `forward` or `back`, as the ledger has it.
#[must_use]
pub fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Forward => "forward",
        Direction::Back => "back",
    }
}

impl Entry<'_> {
    /// The statement that records the unit. It raises an error, and with it undoes everything, when a
    /// newer runner has taken over or when the transaction isn't the one that the unit began (the file
    /// had a COMMIT or ROLLBACK of its own). A condition alone would write nothing and let the work be
    /// committed unrecorded.
    #[must_use]
    pub fn sql(&self) -> String {
        format!(
            "DO LANGUAGE plpgsql $holdpoint$\nDECLARE now_epoch pg_catalog.int8;\nBEGIN\n\
             IF pg_catalog.current_setting('holdpoint.tx', true) IS DISTINCT FROM {nonce} THEN\n\
             RAISE EXCEPTION 'the transaction isn''t the one that this step began' USING ERRCODE = '{other}';\n\
             END IF;\n\
             SELECT f.epoch INTO now_epoch FROM holdpoint.fence f WHERE f.one FOR SHARE;\n\
             IF now_epoch IS DISTINCT FROM {epoch} THEN\n\
             RAISE EXCEPTION 'another runner has taken over (epoch %, ours is {epoch})', now_epoch USING ERRCODE = '{stale}';\n\
             END IF;\n\
             INSERT INTO holdpoint.ledger (run, step, unit, direction, generation, epoch, statements, digest, head)\n\
             VALUES ({run}, {step}, {unit}, '{direction}', {generation}, {epoch}, {statements}, {digest}, {head});\n\
             END $holdpoint$",
            nonce = literal(self.nonce),
            other = OTHER_TRANSACTION,
            stale = STALE_EPOCH,
            epoch = self.epoch,
            run = literal(self.run),
            step = literal(&self.unit.step),
            unit = literal(&self.unit.unit),
            direction = direction(self.unit.direction),
            generation = self.unit.generation,
            statements = self.statements,
            digest = literal(self.digest),
            head = literal(self.head),
        )
    }
}

/// Makes the ledger agree with a person's ruling, so that the next runner doesn't have to ask again.
///
/// # Errors
/// When the epoch is over, or the server can't be reached.
pub async fn rule(
    control: &mut Session,
    run: &str,
    unit: &Unit,
    epoch: i64,
    head: &str,
    applied: bool,
) -> Result<(), PgError> {
    let (run, step, name) = (literal(run), literal(&unit.step), literal(&unit.unit));
    let (back, generation) = (direction(unit.direction), unit.generation);
    let body = if applied {
        format!(
            "INSERT INTO holdpoint.ledger (run, step, unit, direction, generation, epoch, statements, digest, head) \
             VALUES ({run}, {step}, {name}, '{back}', {generation}, {epoch}, 0, 'ruled', {}) ON CONFLICT DO NOTHING",
            literal(head)
        )
    } else {
        format!(
            "DELETE FROM holdpoint.ledger WHERE run = {run} AND step = {step} AND unit = {name} \
             AND direction = '{back}' AND generation = {generation}"
        )
    };
    control.batch(&fenced(epoch, &body)).await.map(drop)
}

/// Writes that a step was undone by something else than its own rollback: by a procedure, or with another step. Only
/// where the ledger says that it was applied; once is enough.
///
/// # Errors
/// When the epoch is over, or the server can't be reached.
pub async fn taken_back(
    control: &mut Session,
    run: &str,
    step: &str,
    generation: u32,
    epoch: i64,
    head: &str,
) -> Result<(), PgError> {
    let (run, step, head) = (literal(run), literal(step), literal(head));
    let body = format!(
        "INSERT INTO holdpoint.ledger (run, step, unit, direction, generation, epoch, statements, digest, head) \
         SELECT {run}, {step}, '', 'back', {generation}, {epoch}, 0, 'elsewhere', {head} WHERE EXISTS \
         (SELECT FROM holdpoint.ledger l WHERE l.run = {run} AND l.step = {step} AND l.direction = 'forward' \
         AND l.generation = {generation}) ON CONFLICT DO NOTHING"
    );
    control.batch(&fenced(epoch, &body)).await.map(drop)
}

/// Whether the ledger has the unit.
///
/// # Errors
/// When the server can't be asked.
pub async fn has(control: &mut Session, run: &str, unit: &Unit) -> Result<bool, PgError> {
    let generation = unit.generation.to_string();
    let rows = control
        .query(
            "SELECT 1 FROM holdpoint.ledger WHERE run = $1::text AND step = $2::text AND unit = $3::text \
             AND direction = $4::text AND generation = $5::int4",
            &[
                Some(run),
                Some(&unit.step),
                Some(&unit.unit),
                Some(direction(unit.direction)),
                Some(&generation),
            ],
        )
        .await?;
    Ok(!rows.rows.is_empty())
}

/// What a run has applied, by the ledger, and hasn't undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stands {
    pub run: String,
    /// None: an older version didn't note it.
    pub plan: Option<String>,
    pub steps: Vec<String>,
    /// When the last of it was applied.
    pub last: String,
}

/// What stands of the runs in this database, the oldest first; nothing where there is no ledger of ours
/// (what somebody else put in its place isn't asked, and is refused before the first change).
///
/// # Errors
/// When the server can't be asked.
pub async fn standing(control: &mut Session) -> Result<Vec<Stands>, PgError> {
    if !schema::exists(control).await? {
        return Ok(Vec::new());
    }
    let plan = match schema::verify(control).await {
        Ok(Version::Two) => "(SELECT r.plan FROM holdpoint.run r WHERE r.run = l.run)",
        Ok(Version::One) => "NULL",
        Err(_) => return Ok(Vec::new()),
    };
    let sql = format!(
        "SELECT l.run, {plan}, pg_catalog.array_to_json(pg_catalog.array_agg(DISTINCT l.step)), \
         pg_catalog.to_char(pg_catalog.max(l.applied_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS UTC') \
         FROM holdpoint.ledger l WHERE l.direction = 'forward' AND NOT EXISTS (SELECT FROM holdpoint.ledger b \
         WHERE b.run = l.run AND b.step = l.step AND b.direction = 'back' AND b.generation = l.generation) \
         GROUP BY l.run ORDER BY pg_catalog.max(l.applied_at)"
    );
    let rows = control.query(&sql, &[]).await?;
    let read = |row: Vec<Option<String>>| {
        let [run, plan, steps, last] = <[Option<String>; 4]>::try_from(row).ok()?;
        Some(Stands { run: run?, plan, steps: serde_json::from_str(&steps?).ok()?, last: last? })
    };
    Ok(rows.rows.into_iter().filter_map(read).collect())
}

/// Other runs that have written to the ledger since this epoch: run, units, when the last.
///
/// # Errors
/// When the server can't be asked.
pub async fn of_others_since(
    control: &mut Session,
    run: &str,
    epoch: i64,
) -> Result<Vec<(String, usize, String)>, PgError> {
    let epoch = epoch.to_string();
    let rows = control
        .query(
            "SELECT run, pg_catalog.count(*), pg_catalog.to_char(pg_catalog.max(applied_at) AT TIME ZONE 'UTC', \
             'YYYY-MM-DD HH24:MI UTC') FROM holdpoint.ledger WHERE epoch > $1::int8 AND run <> $2::text \
             GROUP BY run ORDER BY pg_catalog.max(applied_at)",
            &[Some(&epoch), Some(run)],
        )
        .await?;
    Ok(rows
        .rows
        .into_iter()
        .map(|row| {
            let mut cells = row.into_iter().map(Option::unwrap_or_default);
            let mut next = || cells.next().unwrap_or_default();
            let (run, units, last) = (next(), next(), next());
            (run, units.parse().unwrap_or_default(), last)
        })
        .collect())
}

/// Rows that are read at once.
const PAGE: usize = 10_000;

/// Units of a run that the ledger has, behind this one: so many at once. None: that was all.
///
/// # Errors
/// When the server can't be asked.
pub async fn page(control: &mut Session, run: &str, after: Option<&Unit>) -> Result<Vec<Unit>, PgError> {
    let columns = "SELECT step, unit, direction, generation FROM holdpoint.ledger WHERE run = $1::text";
    let order = format!("ORDER BY step, unit, direction, generation LIMIT {PAGE}");
    let rows = match after {
        None => control.query(&format!("{columns} {order}"), &[Some(run)]).await?,
        Some(after) => {
            let generation = after.generation.to_string();
            let behind = "AND (step, unit, direction, generation) > ($2::text, $3::text, $4::text, $5::int4)";
            let values = [
                Some(run),
                Some(after.step.as_str()),
                Some(after.unit.as_str()),
                Some(direction(after.direction)),
                Some(generation.as_str()),
            ];
            control.query(&format!("{columns} {behind} {order}"), &values).await?
        }
    };
    Ok(rows
        .rows
        .into_iter()
        .map(|row| {
            let mut cells = row.into_iter().map(Option::unwrap_or_default);
            let mut next = || cells.next().unwrap_or_default();
            let (step, unit, back, generation) = (next(), next(), next(), next());
            let direction = if back == "back" { Direction::Back } else { Direction::Forward };
            Unit { step, unit, direction, generation: generation.parse().unwrap_or_default() }
        })
        .collect())
}

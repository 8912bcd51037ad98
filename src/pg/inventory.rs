//! What a database consists of: how many of each kind, and which. For `inventory` and `adds`.
//!
//! Straight from pg_class and friends: information_schema hides what the role may not use and takes
//! twice as long. What counts, so that a figure means what a person who looks would say:
//! - every schema but the system's, temporary ones and `holdpoint`; without what belongs to an
//!   extension (its functions would drown one's own), though a table of one can be named in `rows`;
//! - tables are ordinary and partitioned ones, and partitions, as `\dt` lists them; not foreign ones;
//! - columns of tables alone; indexes with those of constraints; views with materialized ones;
//! - functions are all that DROP ROUTINE can drop; sequences with those of serial and identity;
//! - foreign keys and triggers as they were written: not their copies on partitions;
//! - disabled triggers with those that do a foreign key's work, named by the constraint.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::measure::{MeasureError, PRELUDE, Pin, json, number, only_row, optional};
use super::names::{Object, find};
use super::orphans;
use super::session::Session;
use crate::plan::model::Kind;

const OBJECTS: &str = include_str!("sql/inventory.sql");

/// Kinds that are a list of objects.
const LISTED: [Kind; 13] = [
    Kind::Tables,
    Kind::Views,
    Kind::Columns,
    Kind::Indexes,
    Kind::ForeignKeys,
    Kind::Policies,
    Kind::Functions,
    Kind::Triggers,
    Kind::Enums,
    Kind::Sequences,
    Kind::UnvalidatedConstraints,
    Kind::InvalidIndexes,
    Kind::DisabledTriggers,
];

/// What there is at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// Every kind but orphans, which cost a scan of every foreign key and are there when asked for.
    pub counts: BTreeMap<Kind, u64>,
    /// The kinds that were asked for, sorted. Orphans: the constraints that have some.
    pub names: BTreeMap<Kind, Vec<Object>>,
    /// Rows that break each constraint, when orphans were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub orphans: Vec<(Object, u64)>,
}

/// What came and went of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub added: Vec<Object>,
    pub removed: Vec<Object>,
    /// Difference of the counts: what a number in `adds` is compared with.
    pub net: i64,
}

impl Inventory {
    /// Counts everything that is cheap; names, and orphans, for the kinds in `named`.
    pub async fn take(session: &mut Session, named: &[Kind]) -> Result<Self, MeasureError> {
        let pin = Pin::begin(session).await?;
        let inventory = Self::read(session, named).await;
        pin.end(session, inventory).await
    }

    /// How many objects of each kind, and nothing that has to look at files.
    pub async fn counts(session: &mut Session) -> Result<BTreeMap<Kind, u64>, MeasureError> {
        let pin = Pin::begin(session).await?;
        let sql = format!("{PRELUDE}{OBJECTS} SELECT to_json(kind), count(*) FROM object GROUP BY kind");
        let rows = session.query(&sql, &[]).await.map_err(MeasureError::from);
        let mut counts: BTreeMap<Kind, u64> = LISTED.iter().map(|kind| (*kind, 0)).collect();
        for row in &pin.end(session, rows).await?.rows {
            counts.insert(json(row, 0)?, number(row, 1)?);
        }
        Ok(counts)
    }

    async fn read(session: &mut Session, named: &[Kind]) -> Result<Self, MeasureError> {
        let mut inventory =
            Self { counts: LISTED.iter().map(|kind| (*kind, 0)).collect(), ..Self::default() };
        let sql = format!(
            "{PRELUDE}{OBJECTS} SELECT to_json(kind), count(*) FROM object GROUP BY kind \
             UNION ALL SELECT '\"size\"'::json, pg_database_size(current_database())"
        );
        for row in &session.query(&sql, &[]).await?.rows {
            inventory.counts.insert(json(row, 0)?, number(row, 1)?);
        }
        let mut listed: Vec<String> = Vec::new();
        for kind in named.iter().filter(|kind| LISTED.contains(kind)) {
            inventory.names.insert(*kind, Vec::new());
            listed.push(label(*kind)?);
        }
        if !listed.is_empty() {
            inventory.read_names(session, &listed).await?;
        }
        if named.contains(&Kind::Orphans) {
            inventory.orphans = orphans::count(session).await?;
            let broken: Vec<Object> = inventory.orphans.iter().map(|(object, _)| object.clone()).collect();
            inventory.counts.insert(Kind::Orphans, inventory.orphans.iter().map(|(_, rows)| rows).sum());
            inventory.names.insert(Kind::Orphans, broken);
        }
        Ok(inventory)
    }

    async fn read_names(&mut self, session: &mut Session, kinds: &[String]) -> Result<(), MeasureError> {
        let sql = format!(
            "{PRELUDE}{OBJECTS} SELECT to_json(kind), to_json(path), CASE WHEN args IS NOT NULL THEN \
             (SELECT coalesce(string_agg(regexp_replace(format_type(a.type, NULL), '^public[.]', ''), ', ' ORDER BY a.at), '') \
              FROM unnest(args) WITH ORDINALITY AS a(type, at)) END \
             FROM object WHERE kind = ANY (ARRAY(SELECT json_array_elements_text($1::json)))"
        );
        let kinds = serde_json::Value::from(kinds).to_string();
        for row in &session.query(&sql, &[Some(&kinds)]).await?.rows {
            let object = Object { path: json(row, 1)?, arguments: optional(row, 2).map(str::to_owned) };
            self.names.entry(json(row, 0)?).or_default().push(object);
        }
        self.names.values_mut().for_each(|names| names.sort());
        Ok(())
    }

    /// What a plan's list names and isn't there.
    pub fn missing<'a>(&self, kind: Kind, plan_names: &'a [String]) -> Vec<&'a str> {
        let names = self.names.get(&kind).map_or(&[][..], Vec::as_slice);
        plan_names.iter().filter(|name| find(name, kind, names).is_empty()).map(String::as_str).collect()
    }

    /// What came and went between two inventories, for kinds that both have names of; the net
    /// difference for kinds that both counted.
    pub fn diff(before: &Self, after: &Self) -> BTreeMap<Kind, Change> {
        let mut changes: BTreeMap<Kind, Change> = BTreeMap::new();
        for (kind, then) in &before.counts {
            let Some(now) = after.counts.get(kind) else { continue };
            let net = i64::try_from(i128::from(*now) - i128::from(*then)).unwrap_or(i64::MAX);
            changes.insert(*kind, Change { net, ..Change::default() });
        }
        for (kind, then) in &before.names {
            let Some(now) = after.names.get(kind) else { continue };
            let (then, now): (BTreeSet<_>, BTreeSet<_>) = (then.iter().collect(), now.iter().collect());
            let change = changes.entry(*kind).or_default();
            change.added = now.difference(&then).map(|object| (*object).clone()).collect();
            change.removed = then.difference(&now).map(|object| (*object).clone()).collect();
        }
        changes
    }
}

/// How a plan's list in `adds` differs from what was added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mismatch {
    /// In the plan, and not added.
    pub missing: Vec<String>,
    /// Added, and not in the plan.
    pub unexpected: Vec<Object>,
}

impl Change {
    /// Compares what was added with a list of a plan: exactly these. Several functions of one name are
    /// all meant by it.
    pub fn mismatch(&self, kind: Kind, plan_names: &[String]) -> Mismatch {
        let mut meant: BTreeSet<&Object> = BTreeSet::new();
        let mut mismatch = Mismatch::default();
        for name in plan_names {
            let found = find(name, kind, &self.added);
            if found.is_empty() {
                mismatch.missing.push(name.clone());
            }
            meant.extend(found);
        }
        mismatch.unexpected = self.added.iter().filter(|object| !meant.contains(object)).cloned().collect();
        mismatch
    }
}

/// A kind as the queries label it.
fn label(kind: Kind) -> Result<String, MeasureError> {
    serde_json::to_value(kind)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .ok_or_else(|| MeasureError::Unreadable(format!("{kind:?} has no name")))
}

/// Size of the database in bytes, alone.
pub async fn size(session: &mut Session) -> Result<u64, MeasureError> {
    let sql = "SELECT pg_catalog.pg_database_size(pg_catalog.current_database())";
    let rows = session.query(sql, &[]).await?;
    number(only_row(&rows)?, 0)
}

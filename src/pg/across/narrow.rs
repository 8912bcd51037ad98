//! Which rows differ: both tables are cut at the same keys, parts that are the same are left, and the others are cut
//! again, until they are small enough to be looked at row by row.
//!
//! ```text
//!   (all rows) ─► 16 parts ─► those that differ ─► 16 parts each ─► … ─► rows with their hashes
//! ```
//!
//! For each row that differs at most one part a level is read, of a table that becomes 16 times smaller with each;
//! an index on the key makes that cheap. The keys are cut in the servers' own order where both have the same. Where
//! they haven't, or don't tell (text under another collation or another version of it, an enum), keys are cut by the
//! bytes of their text, which have one order everywhere, and no index. A table without a key is cut by the hashes of
//! its rows.

use std::collections::BTreeMap;

use super::content::TableHash;
use super::{Failed, Pair, Relation};
use crate::pg::content::sums;
use crate::pg::measure::{MeasureError, number, optional, text};
use crate::pg::names::quoted;
use crate::pg::row_hashes::CELL;
use crate::pg::session::Session;

/// How many parts a part is cut into.
const PARTS: u64 = 16;
/// Parts with so many rows are looked at row by row.
const LEAF: u64 = 512;
/// Rows of one part that are taken at most: only where a key isn't one can there be more.
const MOST: usize = 20_000;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowDifference {
    /// `id = 5`; of a table without a key, the beginning of the row's hash.
    pub key: String,
    /// How often the source has it, and the target.
    pub times: (u64, u64),
    /// Columns in which it differs, where both have it once.
    pub columns: Vec<String>,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    pub rows: Vec<RowDifference>,
    /// There are more; nobody looked for all of them.
    pub more: bool,
    /// Queries on each side that it took.
    pub queries: u64,
}

/// Keys after the first and up to the second, as text.
#[derive(Debug, Clone, Default)]
struct Range {
    after: Option<Vec<String>>,
    until: Option<Vec<String>>,
}

/// How a side is asked.
struct Asked<'a> {
    relation: &'a Relation,
    key: Vec<KeyPart>,
}

/// A column of a key, or what stands for it, as SQL.
struct KeyPart {
    /// By which rows are sorted and cut: alike on both sides.
    cut: String,
    /// Its type, to read it back.
    of: String,
    /// What people see.
    shown: String,
}

/// Hash of a row → how often it is there, and its columns' cells.
type Leaf = BTreeMap<Vec<String>, BTreeMap<String, (u64, String)>>;

/// The rows that differ, at most about `bound` of them; `rows` is how many both have.
///
/// # Errors
/// When a session is lost. What a server refuses is the inner error.
pub async fn narrow(
    pair: &mut Pair<'_>,
    (source, target): (&Relation, &Relation),
    rows: (u64, u64),
    bound: usize,
) -> Result<Result<Rows, MeasureError>, Failed> {
    let key = source.shared_key(target);
    let search =
        Search { source: Asked::of(source, target, &key), target: Asked::of(target, source, &key), key };
    search.run(pair, rows, bound).await
}

struct Search<'a> {
    source: Asked<'a>,
    target: Asked<'a>,
    key: Vec<String>,
}

impl Search<'_> {
    async fn run(
        &self,
        pair: &mut Pair<'_>,
        rows: (u64, u64),
        bound: usize,
    ) -> Result<Result<Rows, MeasureError>, Failed> {
        let mut found = Rows::default();
        let (mut left, mut right) = (Leaf::new(), Leaf::new());
        let mut open = vec![(Range::default(), rows.0, rows.1)];
        while let Some((range, one, other)) = open.pop() {
            let parts = match one.max(other) {
                0..=LEAF => Vec::new(),
                _ => match self.cut(pair, &range, one, other, &mut found.queries).await? {
                    Ok(parts) => parts,
                    Err(error) => return Ok(Err(error)),
                },
            };
            if parts.len() > 1 {
                // The first part is looked at first.
                open.extend(
                    parts
                        .into_iter()
                        .rev()
                        .filter(|(_, one, other)| one != other)
                        .map(|(range, one, other)| (range, one.rows, other.rows)),
                );
                continue;
            }
            found.queries += 1;
            let (one, other) = pair
                .each(
                    async |session| self.source.leaf(session, &range).await,
                    async |session| self.target.leaf(session, &range).await,
                )
                .await?;
            match (one, other) {
                (Ok(one), Ok(other)) => {
                    found.more |= one.1 || other.1;
                    collect(&mut left, one.0);
                    collect(&mut right, other.0);
                    cancel(&mut left, &mut right);
                }
                (Err(error), _) | (_, Err(error)) => return Ok(Err(error)),
            }
            if left.len().max(right.len()) > bound && !open.is_empty() {
                found.more = true;
                break;
            }
        }
        let mut keys: Vec<&Vec<String>> = left.keys().chain(right.keys()).collect();
        keys.sort();
        keys.dedup();
        let none = BTreeMap::new();
        for key in keys {
            let (one, other) = (left.get(key).unwrap_or(&none), right.get(key).unwrap_or(&none));
            found.rows.push(self.difference(key, one, other));
        }
        Ok(Ok(found))
    }

    /// Cuts a part where one of the sides has its rows, and looks what is in the parts on both.
    async fn cut(
        &self,
        pair: &mut Pair<'_>,
        range: &Range,
        one: u64,
        other: u64,
        queries: &mut u64,
    ) -> Result<Result<Vec<(Range, TableHash, TableHash)>, MeasureError>, Failed> {
        // The side with more rows knows where they are.
        *queries += 2;
        let by_source = async |session: &mut Session| match one >= other {
            true => self.source.boundaries(session, range).await,
            false => Ok(Vec::new()),
        };
        let by_target = async |session: &mut Session| match one >= other {
            true => Ok(Vec::new()),
            false => self.target.boundaries(session, range).await,
        };
        let mut boundaries = match pair.each(by_source, by_target).await? {
            (Ok(one), Ok(other)) => {
                if one.is_empty() {
                    other
                } else {
                    one
                }
            }
            (Err(error), _) | (_, Err(error)) => return Ok(Err(error)),
        };
        boundaries.dedup();
        boundaries.retain(|key| range.until.as_ref() != Some(key));
        if boundaries.is_empty() {
            return Ok(Ok(Vec::new()));
        }
        let (one, other) = pair
            .each(
                async |session| self.source.parts(session, range, &boundaries).await,
                async |session| self.target.parts(session, range, &boundaries).await,
            )
            .await?;
        let (one, other) = match (one, other) {
            (Ok(one), Ok(other)) => (one, other),
            (Err(error), _) | (_, Err(error)) => return Ok(Err(error)),
        };
        let part = |at: usize| Range {
            after: if at == 0 { range.after.clone() } else { boundaries.get(at - 1).cloned() },
            until: boundaries.get(at).cloned().or_else(|| range.until.clone()),
        };
        let of = |hashes: &BTreeMap<usize, TableHash>, at: usize| {
            hashes.get(&at).cloned().unwrap_or_else(TableHash::empty)
        };
        Ok(Ok((0..=boundaries.len()).map(|at| (part(at), of(&one, at), of(&other, at))).collect()))
    }

    fn difference(
        &self,
        key: &[String],
        one: &BTreeMap<String, (u64, String)>,
        other: &BTreeMap<String, (u64, String)>,
    ) -> RowDifference {
        let times = |side: &BTreeMap<String, (u64, String)>| side.values().map(|(times, _)| times).sum();
        let words = match self.key.as_slice() {
            [] => {
                let hash = key.first().map(String::as_str).unwrap_or_default();
                format!("row with SHA-256 {}…", hash.get(..16).unwrap_or(hash))
            }
            names => {
                let cells = names.iter().zip(key).map(|(name, value)| format!("{name} = {value}"));
                cells.collect::<Vec<_>>().join(", ")
            }
        };
        let mut columns = Vec::new();
        let single = |side: &BTreeMap<String, (u64, String)>| match side.len() {
            1 => side.values().next().map(|(_, cells)| cells.clone()),
            _ => None,
        };
        if let (Some(one), Some(other)) = (single(one), single(other)) {
            let names = self.source.relation.columns.keys();
            let cell = |cells: &str, at: usize| cells.get(at * CELL..(at + 1) * CELL).map(str::to_owned);
            columns = names
                .enumerate()
                .filter(|(at, _)| cell(&one, *at) != cell(&other, *at))
                .map(|(_, n)| n.clone())
                .collect();
        }
        RowDifference { key: words, times: (times(one), times(other)), columns }
    }
}

/// Adds what another part has.
fn collect(all: &mut Leaf, part: Leaf) {
    for (key, rows) in part {
        let known = all.entry(key).or_default();
        for (hash, (times, cells)) in rows {
            known.entry(hash).or_insert((0, cells)).0 += times;
        }
    }
}

/// Takes away what both have.
fn cancel(left: &mut Leaf, right: &mut Leaf) {
    let same: Vec<Vec<String>> = left
        .iter()
        .filter(|(key, rows)| {
            let times = |rows: &BTreeMap<String, (u64, String)>| {
                rows.iter().map(|(hash, (times, _))| (hash.clone(), *times)).collect::<Vec<_>>()
            };
            right.get(*key).is_some_and(|other| times(other) == times(rows))
        })
        .map(|(key, _)| key.clone())
        .collect();
    for key in same {
        left.remove(&key);
        right.remove(&key);
    }
}

impl TableHash {
    fn empty() -> Self {
        Self { rows: 0, sums: std::array::from_fn(|_| "0".to_owned()) }
    }
}

impl<'a> Asked<'a> {
    fn of(relation: &'a Relation, other: &Relation, key: &[String]) -> Self {
        let part = |name: &String| {
            let column = format!("t.{}", quoted(name));
            let shown = format!("{column}::text");
            match relation.columns.get(name) {
                Some(of) if relation.sorts_as(other, name) => KeyPart { cut: column, of: of.clone(), shown },
                _ => KeyPart { cut: format!("convert_to({shown}, 'UTF8')"), of: "bytea".to_owned(), shown },
            }
        };
        let hash = || {
            let (cut, shown) = (relation.row_hash(), format!("encode({}, 'hex')", relation.row_hash()));
            KeyPart { cut, of: "bytea".to_owned(), shown }
        };
        let key = if key.is_empty() { vec![hash()] } else { key.iter().map(part).collect() };
        Self { relation, key }
    }

    /// The key as one thing that is compared.
    fn key(&self) -> String {
        let parts: Vec<&str> = self.key.iter().map(|part| part.cut.as_str()).collect();
        if let [one] = parts.as_slice() { (*one).to_owned() } else { format!("({})", parts.join(", ")) }
    }

    /// A key as parameters, which are added.
    fn value(&self, key: &[String], values: &mut Vec<String>) -> String {
        let parts: Vec<String> = self
            .key
            .iter()
            .zip(key)
            .map(|(part, value)| {
                values.push(value.clone());
                format!("${}::text::{}", values.len(), part.of)
            })
            .collect();
        if let [one] = parts.as_slice() { one.clone() } else { format!("({})", parts.join(", ")) }
    }

    fn where_in(&self, range: &Range, values: &mut Vec<String>) -> String {
        let mut parts = Vec::new();
        if let Some(after) = &range.after {
            parts.push(format!("{} > {}", self.key(), self.value(after, values)));
        }
        if let Some(until) = &range.until {
            parts.push(format!("{} <= {}", self.key(), self.value(until, values)));
        }
        if parts.is_empty() { String::new() } else { format!(" WHERE {}", parts.join(" AND ")) }
    }

    async fn ask(
        session: &mut Session,
        sql: &str,
        values: &[String],
    ) -> Result<Vec<Vec<Option<String>>>, MeasureError> {
        let values: Vec<Option<&str>> = values.iter().map(|value| Some(value.as_str())).collect();
        Ok(session.query(sql, &values).await?.rows)
    }

    /// Keys at which the range falls into parts of about the same size.
    async fn boundaries(
        &self,
        session: &mut Session,
        range: &Range,
    ) -> Result<Vec<Vec<String>>, MeasureError> {
        let mut values = Vec::new();
        let inside = self.where_in(range, &mut values);
        let columns: Vec<String> =
            self.key.iter().enumerate().map(|(at, part)| format!("{} AS k{at}", part.cut)).collect();
        let texts: Vec<String> = (0..self.key.len()).map(|at| format!("k{at}::text")).collect();
        let order: Vec<String> = (0..self.key.len()).map(|at| format!("k{at}")).collect();
        let (columns, texts, order) = (columns.join(", "), texts.join(", "), order.join(", "));
        let sql = format!(
            "SELECT {texts} FROM (SELECT {order}, row_number() OVER (ORDER BY {order}) AS at, count(*) OVER () AS n \
             FROM (SELECT {columns} FROM {} t{inside} OFFSET 0) keys) numbered \
             WHERE at < n AND at % greatest(1, (n + {parts} - 1) / {parts}) = 0 ORDER BY at",
            self.relation.sql,
            parts = PARTS
        );
        let rows = Self::ask(session, &sql, &values).await?;
        rows.iter().map(|row| (0..self.key.len()).map(|at| Ok(text(row, at)?.to_owned())).collect()).collect()
    }

    /// What is in the parts, by their number; without those that are empty.
    async fn parts(
        &self,
        session: &mut Session,
        range: &Range,
        boundaries: &[Vec<String>],
    ) -> Result<BTreeMap<usize, TableHash>, MeasureError> {
        let mut values = Vec::new();
        let inside = self.where_in(range, &mut values);
        let after: Vec<String> = boundaries
            .iter()
            .map(|key| format!("({} > {})::int", self.key(), self.value(key, &mut values)))
            .collect();
        let sql = format!(
            "SELECT part, {} FROM (SELECT {} AS part, {} AS h FROM {} t{inside} OFFSET 0) rows GROUP BY part",
            sums(),
            after.join(" + "),
            self.relation.row_hash(),
            self.relation.sql
        );
        let rows = Self::ask(session, &sql, &values).await?;
        let mut parts = BTreeMap::new();
        for row in &rows {
            // A key that is NULL is in no part: only where it isn't a key.
            if optional(row, 0).is_some() {
                parts.insert(number(row, 0)?, TableHash::read(row, 1)?);
            }
        }
        Ok(parts)
    }

    /// The rows of a part; whether there are more than are taken.
    async fn leaf(&self, session: &mut Session, range: &Range) -> Result<(Leaf, bool), MeasureError> {
        let mut values = Vec::new();
        let inside = self.where_in(range, &mut values);
        let keys: Vec<String> =
            self.key.iter().enumerate().map(|(at, part)| format!("{} AS k{at}", part.shown)).collect();
        let names: Vec<String> = (0..self.key.len()).map(|at| format!("k{at}")).collect();
        let cells: Vec<String> = self
            .relation
            .columns
            .keys()
            .map(|column| {
                let column = quoted(column);
                format!(
                    "coalesce(left(md5(convert_to(t.{column}::text, 'UTF8')), {CELL}), repeat('-', {CELL}))"
                )
            })
            .collect();
        let cells = if cells.is_empty() { "''".to_owned() } else { cells.join(" || ") };
        let sql = format!(
            "SELECT {names}, h, count(*), min(cells) FROM (SELECT {keys}, encode({}, 'hex') AS h, {cells} AS cells \
             FROM {} t{inside} OFFSET 0) rows GROUP BY {names}, h LIMIT {}",
            self.relation.row_hash(),
            self.relation.sql,
            MOST + 1,
            names = names.join(", "),
            keys = keys.join(", "),
        );
        let rows = Self::ask(session, &sql, &values).await?;
        let more = rows.len() > MOST;
        let n = self.key.len();
        let mut leaf = Leaf::new();
        for row in rows.iter().take(MOST) {
            let key: Vec<String> = (0..n).map(|at| optional(row, at).unwrap_or("NULL").to_owned()).collect();
            let known = leaf.entry(key).or_default();
            known.insert(text(row, n)?.to_owned(), (number(row, n + 1)?, text(row, n + 2)?.to_owned()));
        }
        Ok((leaf, more))
    }
}

//! What source and target have, each held against the other: tables with their rows, the schema, sequences, statistics.

use std::collections::BTreeSet;

use super::compare::{NUMERIC, only_in, tolerates};
use super::two_sides::{ANOTHER, Found, Now, TEXT, difference};
use crate::engine::verify::count;
use crate::pg::Session;
use crate::pg::across::{
    Estimate, Failed, Pair, Relation, RowDifference, Rows, Which, contents, counts, estimates, narrow,
    relations,
};
use crate::pg::fingerprint::Fingerprint;
use crate::pg::measure::MeasureError;
use crate::pg::sequences::{sequence_values, unreadable_sequences};
use crate::plan::expect::Difference;
use crate::plan::model::{Compare, Compared};

/// So many rows that differ are looked for in a table, unless a tolerance allows more.
const ROWS: usize = 1_000;
/// The largest tolerance that can be counted out.
const COUNTED: usize = 100_000;

/// Rows or content of every table that is meant.
pub(super) async fn tables(pair: &mut Pair<'_>, compare: &Compare, now: &Now) -> Result<Found, Failed> {
    let content = compare.of == Compared::Content;
    let mut found = Found {
        head: match content {
            true => vec![
                ("table", TEXT),
                ("source_rows", 20),
                ("target_rows", 20),
                ("result", TEXT),
                ("source_sha256", TEXT),
                ("target_sha256", TEXT),
                ("rows_that_differ", TEXT),
            ],
            false => vec![("table", TEXT), ("source_rows", 20), ("target_rows", 20), ("result", TEXT)],
        },
        ..Found::default()
    };
    let (source, target) = relations(pair).await?;
    let meant = |relation: &Relation| {
        compare.tables.is_empty() || compare.tables.iter().any(|name| relation.is_meant_by(name))
    };
    for name in &compare.tables {
        if !source.values().chain(target.values()).any(|relation| relation.is_meant_by(name)) {
            found.differs(name, "not there", "not there", "the plan names it, and neither side has it");
        }
    }
    let names: BTreeSet<&String> =
        source.iter().chain(&target).filter(|(_, relation)| meant(relation)).map(|(name, _)| name).collect();
    let (all, mut rows) = (names.len(), 0);
    found.of_tables = all > 0;
    for (at, name) in names.into_iter().enumerate() {
        now.is(format!("comparing {name}, table {} of {all}", at + 1));
        let (one, other) = match (source.get(name), target.get(name)) {
            (Some(one), Some(other)) => (one, other),
            (one, other) => {
                let there = |side: Option<&Relation>| if side.is_some() { "there" } else { "not there" };
                found.differs(format!("table {name}"), there(one), there(other), "");
                let mut line = vec![Some(name.clone()), None, None, Some("on one side only".to_owned())];
                line.resize(found.head.len(), None);
                found.lines.push(line);
                continue;
            }
        };
        rows += match content {
            true => table_content(pair, compare, (one, other), &mut found).await?,
            false => table_rows(pair, compare, (one, other), &mut found).await?,
        };
    }
    found.of =
        format!("{} with {}", count(all, "table"), count(usize::try_from(rows).unwrap_or(usize::MAX), "row"));
    if all == 0 && found.differences.is_empty() {
        found.differs("tables", "none", "none", "there is nothing to compare: neither side shows a table");
    }
    Ok(found)
}

async fn table_rows(
    pair: &mut Pair<'_>,
    compare: &Compare,
    (one, other): (&Relation, &Relation),
    found: &mut Found,
) -> Result<u64, Failed> {
    let name = &one.name;
    let (one, other) = match counts(pair, one, other).await? {
        (Ok(one), Ok(other)) => (one, other),
        (one, other) => {
            unread(found, name, one.map(|n| n.to_string()), other.map(|n| n.to_string()));
            return Ok(0);
        }
    };
    let result = if one == other {
        "same"
    } else if tolerates(compare, name, one.abs_diff(other), &mut found.tolerated) {
        "tolerated"
    } else {
        found.differs(format!("rows of {name}"), one.to_string(), other.to_string(), emptied(one, other));
        "differs"
    };
    found.line([name.clone(), one.to_string(), other.to_string(), result.to_owned()]);
    Ok(one)
}

async fn table_content(
    pair: &mut Pair<'_>,
    compare: &Compare,
    (one, other): (&Relation, &Relation),
    found: &mut Found,
) -> Result<u64, Failed> {
    let name = &one.name;
    if !one.columns.keys().eq(other.columns.keys()) {
        let only = |side: &Relation, than: &Relation| {
            let columns = side.columns.keys().filter(|column| !than.columns.contains_key(*column));
            let columns: Vec<&str> = columns.map(String::as_str).collect();
            if columns.is_empty() { "no others".to_owned() } else { columns.join(", ") }
        };
        found.differs(format!("columns of {name}"), only(one, other), only(other, one), "");
        found.line([name, "", "", "other columns", "", "", ""].map(str::to_owned));
        return Ok(0);
    }
    let (then, now) = match contents(pair, one, other).await? {
        (Ok(one), Ok(other)) => (one, other),
        (one, other) => {
            let words = |side: Result<crate::pg::across::TableHash, MeasureError>| {
                side.map(|hash| count(usize::try_from(hash.rows).unwrap_or(usize::MAX), "row"))
            };
            unread(found, name, words(one), words(other));
            return Ok(0);
        }
    };
    let (mut result, mut differing) = ("same", String::new());
    if then != now {
        let allowed =
            compare.tolerance.iter().map(|tolerance| tolerance.rows as usize).max().unwrap_or_default();
        let bound = allowed.clamp(ROWS, COUNTED);
        let rows = narrow(pair, (one, other), (then.rows, now.rows), bound).await?;
        result = "differs";
        match rows {
            Ok(rows) => {
                let apart = rows.rows.iter().map(apart).sum::<u64>();
                let mut listed: Vec<String> = rows.rows.iter().take(ROWS).map(words).collect();
                if rows.rows.len() > ROWS {
                    listed.push(format!("and {} more", rows.rows.len() - ROWS));
                }
                listed.extend(rows.more.then(|| stopped(&rows)));
                differing = listed.join("; ");
                // The rows that were found have to explain by how many the two are apart: what has no key isn't found.
                let sum = |side: fn(&(u64, u64)) -> u64| {
                    rows.rows.iter().map(|row| i128::from(side(&row.times))).sum::<i128>()
                };
                let explained = sum(|times| times.0) - sum(|times| times.1)
                    == i128::from(then.rows) - i128::from(now.rows);
                let whole = !rows.more && apart > 0 && explained;
                if whole && tolerates(compare, name, apart, &mut found.tolerated) {
                    result = "tolerated";
                } else {
                    rows_differ(found, name, &rows, (then.rows, now.rows));
                }
            }
            Err(error) => {
                let why = format!("the rows that differ couldn't be looked for: {error}");
                found.differs(format!("content of {name}"), ANOTHER, ANOTHER, &why);
            }
        }
    }
    found.line([
        name.clone(),
        then.rows.to_string(),
        now.rows.to_string(),
        result.to_owned(),
        then.hex(&one.columns),
        now.hex(&other.columns),
        differing,
    ]);
    Ok(then.rows)
}

/// In how many rows both are apart there.
fn apart(row: &RowDifference) -> u64 {
    row.times.0.abs_diff(row.times.1).max(1)
}

fn words(row: &RowDifference) -> String {
    match (row.times, row.columns.is_empty()) {
        ((_, 0), _) => format!("{} only in the source", row.key),
        ((0, _), _) => format!("{} only in the target", row.key),
        (_, false) => format!("{} in {}", row.key, row.columns.join(", ")),
        ((one, other), true) if one != other => format!("{} {one} and {other} times", row.key),
        _ => row.key.clone(),
    }
}

/// Where nobody looked any further.
fn stopped(rows: &Rows) -> String {
    format!("the search for rows stopped at {}", rows.rows.len())
}

fn emptied(source: u64, target: u64) -> &'static str {
    if source > 0 && target == 0 { "emptied" } else { "" }
}

/// One line for the table, and its rows for after those of all tables.
fn rows_differ(found: &mut Found, name: &str, rows: &Rows, (one, other): (u64, u64)) {
    let counted = |n: u64| count(usize::try_from(n).unwrap_or(usize::MAX), "row");
    let mut why = vec![emptied(one, other).to_owned()];
    if rows.rows.is_empty() {
        why.push("the rows that differ couldn't be named: what should be a key isn't one there".to_owned());
    } else if rows.more {
        why.push(stopped(rows));
    } else {
        let n = rows.rows.len();
        why.push(format!("{} found that {}", count(n, "row"), if n == 1 { "differs" } else { "differ" }));
    }
    why.retain(|words| !words.is_empty());
    let has = if one == other { format!("{} of other content", counted(other)) } else { counted(other) };
    found.differs(format!("content of {name}"), counted(one), has, &why.join("; "));
    if !rows.rows.is_empty() {
        found.rows.push(rows.rows.iter().map(|row| row_differs(name, row)).collect());
    }
}

fn row_differs(name: &str, row: &RowDifference) -> Difference {
    let place = format!("{name}, {}", row.key);
    let times = |n: u64| match n {
        0 => "not there".to_owned(),
        1 => "there".to_owned(),
        n => format!("there {n} times"),
    };
    if row.columns.is_empty() {
        return difference(place, times(row.times.0), times(row.times.1), "");
    }
    let (columns, has) = (row.columns.join(", "), if row.columns.len() == 1 { "has" } else { "have" });
    difference(place, format!("its {columns}"), ANOTHER, &format!("{columns} {has} other content"))
}

/// A table that one of both can't read.
fn unread(
    found: &mut Found,
    name: &str,
    one: Result<String, MeasureError>,
    other: Result<String, MeasureError>,
) {
    let words = |side: Result<String, MeasureError>| match side {
        Ok(words) => words,
        Err(MeasureError::Pg(error)) => {
            format!(
                "can't be read: {}",
                error.server().map_or_else(|| error.to_string(), |s| s.message.clone())
            )
        }
        Err(error) => format!("can't be read: failed to {error}"),
    };
    found.differs(format!("table {name}"), words(one), words(other), "");
    let mut line = vec![Some(name.to_owned()), None, None, Some("can't be read".to_owned())];
    line.resize(found.head.len(), None);
    found.lines.push(line);
}

pub(super) async fn schema(pair: &mut Pair<'_>) -> Result<Found, Failed> {
    let (source, target) = tokio::join!(Fingerprint::take(pair.source), Fingerprint::take(pair.target));
    let source = source.map_err(|error| (Which::Source, error))?;
    let target = target.map_err(|error| (Which::Target, error))?;
    let mut found = Found { head: vec![("diff", TEXT)], ..Found::default() };
    found.of = count(source.objects.len(), "definition");
    if source.major != target.major {
        found.besides.push(format!(
            "the source is PostgreSQL {}, the target {}: a definition may merely be written differently",
            source.major, target.major
        ));
    }
    for one in Fingerprint::diff_across(&source, &target) {
        let (expected, got) = only_in(one.before.as_deref(), one.after.as_deref());
        found.line([format!("@@ {} @@", one.object)]);
        for (mark, side, other) in [('-', &one.before, &one.after), ('+', &one.after, &one.before)] {
            let known: BTreeSet<&str> = other.iter().flat_map(|text| text.lines()).collect();
            for line in side.iter().flat_map(|text| text.lines()).filter(|line| !known.contains(line)) {
                found.line([format!("{mark}{line}")]);
            }
        }
        found.differs(one.object, expected, got, "");
    }
    if found.lines.is_empty() {
        found.line([format!("-- {}, the same in source (-) and target (+)", found.of)]);
    } else {
        found.lines.insert(0, vec![Some("--- source".to_owned())]);
        found.lines.insert(1, vec![Some("+++ target".to_owned())]);
    }
    if source.objects.is_empty() && target.objects.is_empty() {
        found.differs(
            "definitions",
            "none",
            "none",
            "there is nothing to compare: neither side shows anything",
        );
    }
    Ok(found)
}

pub(super) async fn sequences(pair: &mut Pair<'_>) -> Result<Found, Failed> {
    let look = async |session: &mut Session| {
        Ok::<_, MeasureError>((sequence_values(session).await?, unreadable_sequences(session).await?))
    };
    let (source, target) = tokio::join!(look(pair.source), look(pair.target));
    let (source, hidden) = source.map_err(|error| (Which::Source, error))?;
    let (target, hidden_too) = target.map_err(|error| (Which::Target, error))?;
    let mut found = Found {
        head: vec![("sequence", TEXT), ("source", TEXT), ("target", TEXT), ("result", TEXT)],
        ..Found::default()
    };
    let names: BTreeSet<&String> =
        source.keys().chain(target.keys()).chain(&hidden).chain(&hidden_too).collect();
    found.of = count(names.len(), "sequence");
    for name in names {
        let words = |value: Option<&crate::pg::sequences::SequenceValue>, hidden: &[String]| match value {
            Some(value) => value.to_string(),
            None if hidden.contains(name) => "can't be read: permission denied".to_owned(),
            None => "not there".to_owned(),
        };
        let (one, other) = (source.get(name), target.get(name));
        let (is, and) = (words(one, &hidden), words(other, &hidden_too));
        let same = one.is_some()
            && one.map(|value| (value.last, value.called)) == other.map(|value| (value.last, value.called));
        if !same {
            found.differs(format!("sequence {name}"), is.clone(), and.clone(), "");
        }
        found.line([name.clone(), is, and, if same { "same" } else { "differs" }.to_owned()]);
    }
    Ok(found)
}

/// Nothing is green that nobody has counted: a reset leaves nothing to go by.
pub(super) async fn by_statistics(pair: &mut Pair<'_>, compare: &Compare) -> Result<Found, Failed> {
    let (source, target) = estimates(pair).await?;
    let (named, there) = relations(pair).await?;
    let mut found = Found {
        head: vec![
            ("table", TEXT),
            ("source_rows", NUMERIC),
            ("target_rows", NUMERIC),
            ("source_statistics", TEXT),
            ("target_statistics", TEXT),
            ("result", TEXT),
        ],
        ..Found::default()
    };
    let meant = |name: &String| {
        let relation = named.get(name).or_else(|| there.get(name));
        compare.tables.is_empty()
            || relation.is_some_and(|relation| compare.tables.iter().any(|one| relation.is_meant_by(one)))
    };
    let names: BTreeSet<&String> = source.keys().chain(target.keys()).filter(|name| meant(name)).collect();
    for wanted in &compare.tables {
        let has = |name: &&&String| {
            let relation = named.get(**name).or_else(|| there.get(**name));
            relation.is_some_and(|relation| relation.is_meant_by(wanted))
        };
        if !names.iter().any(|name| has(&name)) {
            let why = "the plan names it, and neither side has statistics of it: a partitioned table has none of its own";
            found.differs(wanted, "not estimated", "not estimated", why);
        }
    }
    if names.is_empty() && found.differences.is_empty() {
        found.differs("tables", "none", "none", "there is nothing to compare: neither side shows a table");
    }
    found.of = count(names.len(), "table");
    let mut oldest = [Some(0).filter(|_| !names.is_empty()), Some(0).filter(|_| !names.is_empty())];
    for name in names {
        let sides = [source.get(name), target.get(name)];
        for (oldest, side) in oldest.iter_mut().zip(sides) {
            *oldest = oldest
                .zip(side.and_then(|estimate| estimate.age))
                .map(|(one, other): (u64, u64)| one.max(other));
        }
        let rows = sides.map(|side| side.map_or_else(|| "not there".to_owned(), |one| one.rows.to_string()));
        let ages = sides.map(age_of);
        let known = sides.iter().all(|side| side.is_some_and(|estimate| estimate.age.is_some()));
        let same = known && rows[0] == rows[1];
        // A figure that nobody has counted is none, and isn't held against another one.
        let missing = sides.map(|side| side.is_some_and(|estimate| estimate.age.is_none()));
        let without = missing.contains(&true);
        if !same {
            let why =
                if without { "statistics are missing, nobody has counted: ANALYZE makes them" } else { "" };
            let [one, other] = [0, 1].map(|at| match (sides[at].is_some(), missing[at]) {
                (false, _) => "not there".to_owned(),
                (true, true) if at == 1 && missing[0] => "no statistics either (never counted)".to_owned(),
                (true, true) => "no statistics (never counted)".to_owned(),
                (true, false) => format!("{} ({})", rows[at], ages[at]),
            });
            found.differs(format!("rows of {name}, estimated"), one, other, why);
        }
        let [one, other] = rows.map(|rows| (rows != "not there").then_some(rows));
        let [older, newer] = ages;
        let result = match (same, without) {
            (true, _) => "same, estimated",
            (_, true) => "statistics missing",
            _ => "differs",
        };
        found.lines.push(vec![
            Some(name.clone()),
            one,
            other,
            Some(older),
            Some(newer),
            Some(result.to_owned()),
        ]);
    }
    let old = |age: Option<u64>| age.map_or_else(|| "of tables that nobody has counted".to_owned(), ago);
    found.besides.push(format!("oldest statistics: source {}, target {}", old(oldest[0]), old(oldest[1])));
    Ok(found)
}

fn age_of(estimate: Option<&Estimate>) -> String {
    match estimate.map(|estimate| estimate.age) {
        None => "not there".to_owned(),
        Some(None) => "never counted".to_owned(),
        Some(Some(age)) => format!("counted {}", ago(age)),
    }
}

fn ago(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s ago"),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..86_400 => format!("{} h ago", seconds / 3600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

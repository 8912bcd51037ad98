//! Snapshots as files that people read. The same database gives the same bytes: nothing in them says when.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::content::Kept;
use super::timings::{HOW, RUNS};
use crate::pg::fingerprint::Fingerprint;
use crate::pg::ledger::literal;
use crate::pg::uses::EnumUses;
use crate::run::residue::kind_and_name;

pub(super) fn of_kept(kept: &Kept) -> String {
    match kept {
        Kept::Schema { schema } => definitions(schema),
        Kept::Rows { rows, .. } => {
            let lines = rows.iter().map(|(table, rows)| vec![table.clone(), rows.to_string()]);
            csv(&["table", "rows"], lines)
        }
        Kept::Content { content, .. } => {
            let lines = content.iter().map(|(table, rows)| {
                let content = &rows.content;
                vec![table.clone(), content.rows.to_string(), content.hash.clone(), content.columns.join(" ")]
            });
            csv(&["table", "rows", "sha256", "columns"], lines)
        }
        Kept::Timings { timings } => {
            let ms = |us: u64| format!("{}.{:03}", us / 1000, us % 1000);
            let lines = timings.iter().map(|timing| {
                let (least, most) = (timing.runs_us.iter().min(), timing.runs_us.iter().max());
                let ends = [least, most].map(|us| ms(us.copied().unwrap_or_default()));
                let [least, most] = ends;
                let (query, median) = (timing.query.trim().to_owned(), ms(timing.median_us()));
                let measured = HOW.to_owned();
                vec![query, median, least, most, RUNS.to_string(), timing.rows.to_string(), measured]
            });
            csv(&["query", "median_ms", "least_ms", "most_ms", "runs", "rows", "measured"], lines)
        }
    }
}

/// Every object with its definition, by kind and name.
fn definitions(schema: &Fingerprint) -> String {
    let mut text = format!(
        "-- The schema of a database of PostgreSQL {}, object by object: to be read and compared, not to be run.\n\
         -- The schema holdpoint isn't in it.\n",
        schema.major
    );
    let mut objects: Vec<(usize, &str, &String)> = schema
        .objects
        .iter()
        .map(|(object, definition)| (kind_and_name(object).0.rank, object.as_str(), definition))
        .collect();
    objects.sort_unstable();
    for (_, object, definition) in objects {
        let _ = write!(text, "\n-- {object}\n{}\n", definition.trim_end());
    }
    text
}

/// A line an enum: labels, who has the same ones, and where it is used.
pub(super) fn of_enums(enums: &[EnumUses]) -> String {
    let mut same: BTreeMap<&[String], Vec<&str>> = BTreeMap::new();
    for one in enums {
        same.entry(&one.labels).or_default().push(&one.name);
    }
    let lines = enums.iter().map(|one| {
        let labels: Vec<String> = one.labels.iter().map(|label| literal(label)).collect();
        let like: Vec<&str> = same
            .get(one.labels.as_slice())
            .into_iter()
            .flatten()
            .copied()
            .filter(|name| *name != one.name)
            .collect();
        let of = |kinds: &[&str]| {
            let uses = one.uses.iter().filter(|(kind, _)| kinds.contains(&kind.as_str()));
            uses.map(|(_, name)| name.clone()).collect::<Vec<_>>().join("; ")
        };
        let known: Vec<&str> = COLUMNS.iter().chain(FUNCTIONS).chain(DOMAINS).copied().collect();
        let others: Vec<String> = one
            .uses
            .iter()
            .filter(|(kind, _)| !known.contains(&kind.as_str()))
            .map(|(kind, name)| format!("{kind} {name}"))
            .collect();
        vec![
            one.name.clone(),
            one.labels.len().to_string(),
            labels.join(", "),
            like.join("; "),
            of(COLUMNS),
            of(FUNCTIONS),
            of(DOMAINS),
            others.join("; "),
            one.named_in.join("; "),
        ]
    });
    let head = [
        "enum",
        "labels",
        "labels_in_order",
        "same_labels",
        "columns",
        "functions",
        "domains",
        "others",
        "named_in_function_bodies",
    ];
    csv(&head, lines)
}

/// Kinds of `pg_identify_object`.
const COLUMNS: &[&str] = &[
    "table column",
    "view column",
    "materialized view column",
    "foreign table column",
    "composite type column",
];
const FUNCTIONS: &[&str] = &["function", "procedure", "aggregate"];
/// A domain is a type to the server.
const DOMAINS: &[&str] = &["type"];

fn csv(head: &[&str], lines: impl Iterator<Item = Vec<String>>) -> String {
    let mut text = head.join(",") + "\n";
    for line in lines {
        let cells: Vec<String> = line.iter().map(|cell| quoted(cell)).collect();
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    text
}

/// As RFC 4180 has it, and never a formula of a spreadsheet's: what a database holds begins as it likes.
fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@']);
    if formula || cell.contains([',', '"', '\n', '\r']) {
        let mark = if formula { "'" } else { "" };
        return format!("\"{mark}{}\"", cell.replace('"', "\"\""));
    }
    cell.to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::content::Timing;
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_have_to_be() {
        assert_eq!(quoted("a b"), "a b");
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(quoted("=1+1"), "\"'=1+1\"");
    }

    #[test]
    fn the_median_is_of_the_runs_that_count() {
        let timing =
            Timing { query: "SELECT 1".into(), runs_us: vec![9000, 1000, 2500, 2000, 3000], rows: 1 };
        assert_eq!(timing.median_us(), 2500);
        let text = of_kept(&Kept::Timings { timings: vec![timing] });
        assert!(text.contains("SELECT 1,2.500,1.000,9.000,5,1,"), "{text}");
    }
}

//! Which rows of a table differ, named by their keys.

use super::take::TableRows;
use crate::pg::names::quoted;
use crate::pg::row_hashes::RowHashes;
use crate::run::event::Residue;

/// So many rows of each sort are named; the rest is counted.
const NAMED: usize = 20;

/// What happened to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Added,
    Removed,
    Changed,
}

pub(super) fn compare(
    table: &str,
    before: Option<&TableRows>,
    after: Option<&TableRows>,
    differs: &mut Vec<Residue>,
) {
    let (Some(then), Some(now)) = (before, after) else {
        let rows = |side: Option<&TableRows>| side.map(|rows| of(rows.content.rows));
        let object = format!("rows of {table}");
        return differs.push(Residue { object, before: rows(before), after: rows(after) });
    };
    if then.content == now.content {
        return;
    }
    match (&then.each, &now.each) {
        (Some(before), Some(after)) if before.key == after.key && !before.key.is_empty() => {
            each(table, before, after, differs);
        }
        (Some(before), Some(after))
            if before.key == after.key && then.content.columns == now.content.columns =>
        {
            without_names(table, before, after, differs);
        }
        _ => {
            let text = |rows: &TableRows| {
                let hash: String = rows.content.hash.chars().take(16).collect();
                format!("{}, content {hash}…; not compared row by row", of(rows.content.rows))
            };
            let (before, after) = (Some(text(then)), Some(text(now)));
            differs.push(Residue { object: format!("rows of {table}"), before, after });
        }
    }
}

/// Without a primary key a row has no name: they are counted.
fn without_names(table: &str, before: &RowHashes, after: &RowHashes, differs: &mut Vec<Residue>) {
    let difference = RowHashes::diff(before, after, 0);
    let total = |rows: &RowHashes| rows.rows.values().map(|(_, times)| times).sum();
    let counts = [(difference.removed_total, "gone"), (difference.added_total, "added")];
    let what: Vec<String> =
        counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let now = format!("{}: {}; they have no primary key to be named by", of(total(after)), what.join(", "));
    let (before, after) = (Some(of(total(before))), Some(now));
    differs.push(Residue { object: format!("rows of {table}"), before, after });
}

fn each(table: &str, before: &RowHashes, after: &RowHashes, differs: &mut Vec<Residue>) {
    let difference = RowHashes::diff(before, after, usize::MAX);
    // With other columns every row is another one; what counts is what both have, and the columns
    // themselves are a matter of the schema.
    let changed = difference
        .changed
        .iter()
        .filter(|key| {
            before.columns == after.columns || !RowHashes::changed_columns(before, after, key).is_empty()
        })
        .collect();
    let sorts = [
        (Change::Removed, difference.removed.iter().collect()),
        (Change::Added, difference.added.iter().collect()),
        (Change::Changed, changed),
    ];
    for (change, keys) in sorts {
        let keys: Vec<&String> = keys;
        differs.extend(keys.iter().take(NAMED).map(|key| row(table, change, key, before, after)));
        differs.extend(more(table, change, keys.len()));
    }
}

fn row(table: &str, change: Change, key: &str, before: &RowHashes, after: &RowHashes) -> Residue {
    let object = match before.key.as_slice() {
        [column] => format!("row {} = {key} of {table}", quoted(column)),
        columns => {
            let columns: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
            format!("row ({}) = {key} of {table}", columns.join(", "))
        }
    };
    let there = || Some("there".to_owned());
    let (before, after) = match change {
        Change::Added => (None, there()),
        Change::Removed => (there(), None),
        Change::Changed => {
            let columns = RowHashes::changed_columns(before, after, key);
            match columns.as_slice() {
                [] => (Some("as it was".to_owned()), Some("other content".to_owned())),
                columns => {
                    let names = columns.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", ");
                    (Some(format!("{names}: as before")), Some(format!("{names}: changed")))
                }
            }
        }
    };
    Residue { object, before, after }
}

/// Those that aren't named.
fn more(table: &str, change: Change, total: usize) -> Option<Residue> {
    let more = total.checked_sub(NAMED).filter(|more| *more > 0)?;
    let count = Some(of(more as u64));
    let (what, before, after) = match change {
        Change::Added => ("added", None, count),
        Change::Removed => ("removed", count, None),
        Change::Changed => ("changed", count.clone(), count),
    };
    Some(Residue { object: format!("{more} more rows of {table}, {what}"), before, after })
}

fn of(rows: u64) -> String {
    format!("{rows} row{}", if rows == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pg::content::Content;

    /// Rows `(key, cells)` of a table with the columns id and title.
    fn table(rows: &[(&str, &str)]) -> TableRows {
        let mut each = RowHashes {
            key: vec!["id".into()],
            columns: vec!["id".into(), "title".into()],
            ..RowHashes::default()
        };
        for (key, cells) in rows {
            each.rows.insert((*key).to_owned(), ((*cells).to_owned(), 1));
            each.cells.insert((*key).to_owned(), (*cells).to_owned());
        }
        let hash = format!("{rows:?}");
        let content = Content { rows: rows.len() as u64, columns: each.columns.clone(), hash };
        TableRows { content, each: Some(each) }
    }

    fn compared(before: &TableRows, after: Option<&TableRows>) -> Vec<String> {
        let mut differs = Vec::new();
        compare("t", Some(before), after, &mut differs);
        differs.iter().map(|r| format!("{}: {:?} {:?}", r.object, r.before, r.after)).collect()
    }

    #[test]
    fn rows_are_named_with_the_columns_that_differ() {
        let before = table(&[("1", "aaaaaaaabbbbbbbb"), ("2", "aaaaaaaabbbbbbbb"), ("3", "x")]);
        let after = table(&[("1", "aaaaaaaacccccccc"), ("2", "aaaaaaaabbbbbbbb"), ("4", "y")]);
        assert_eq!(
            compared(&before, Some(&after)),
            [
                "row id = 3 of t: Some(\"there\") None",
                "row id = 4 of t: None Some(\"there\")",
                "row id = 1 of t: Some(\"title: as before\") Some(\"title: changed\")"
            ]
        );
    }

    #[test]
    fn many_are_counted_and_a_table_that_is_gone_is_said() {
        let keys: Vec<String> = (0..25).map(|n| n.to_string()).collect();
        let rows: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "q")).collect();
        let gone = compared(&table(&rows), Some(&table(&[])));
        assert_eq!(gone.len(), 21);
        assert!(gone[20].starts_with("5 more rows of t, removed"), "{}", gone[20]);
        assert_eq!(compared(&table(&rows), None), ["rows of t: Some(\"25 rows\") None"]);
    }
}

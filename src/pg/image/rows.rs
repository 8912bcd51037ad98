//! Which rows of a table differ, named by their keys.

use super::compare::Comparison;
use super::ours::Ours;
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
    ours: Option<&Ours>,
    comparison: &mut Comparison,
) {
    let (Some(then), Some(now)) = (before, after) else {
        let rows = |side: Option<&TableRows>| side.map(|rows| of(rows.content.rows));
        let object = format!("rows of {table}");
        return comparison.differs.push(Residue { object, before: rows(before), after: rows(after) });
    };
    if then.content == now.content {
        return;
    }
    match (&then.each, &now.each) {
        (Some(before), Some(after)) if before.key == after.key && !before.key.is_empty() => {
            each(table, before, after, ours, comparison);
        }
        (Some(before), Some(after))
            if before.key == after.key && then.content.columns == now.content.columns =>
        {
            each(table, before, after, ours, comparison);
        }
        _ => {
            let text = |rows: &TableRows| {
                let hash: String = rows.content.hash.chars().take(16).collect();
                format!("{}, content {hash}…; not compared row by row", of(rows.content.rows))
            };
            let (before, after) = (Some(text(then)), Some(text(now)));
            comparison.differs.push(Residue { object: format!("rows of {table}"), before, after });
        }
    }
}

fn each(
    table: &str,
    before: &RowHashes,
    after: &RowHashes,
    ours: Option<&Ours>,
    comparison: &mut Comparison,
) {
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
        let (of_others, of_ours): (Vec<&String>, Vec<&String>) =
            keys.into_iter().partition(|key| ours.is_some_and(|ours| by_others(change, key, after, ours)));
        let named = |key: &&String| row(table, change, key, before, after);
        comparison.differs.extend(of_ours.iter().take(NAMED).map(named));
        comparison.differs.extend(more(table, change, of_ours.len()));
        comparison.others.extend(of_others.iter().take(NAMED).map(named));
        comparison.others.extend(more(table, change, of_others.len()));
    }
}

/// Whether somebody else than the run brought the row into the state in which it is.
fn by_others(change: Change, key: &str, after: &RowHashes, ours: &Ours) -> bool {
    match change {
        Change::Removed => !ours.removes(),
        Change::Added | Change::Changed => after.written_by.get(key).is_some_and(|xmin| !ours.wrote(*xmin)),
    }
}

fn row(table: &str, change: Change, key: &str, before: &RowHashes, after: &RowHashes) -> Residue {
    let object = match before.key.as_slice() {
        [] => {
            format!("row {}… of {table}, which has no primary key", key.chars().take(16).collect::<String>())
        }
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

    /// Rows `(key, cells, xmin)` of a table with the columns id and title.
    fn table(rows: &[(&str, &str, u32)]) -> TableRows {
        let mut each = RowHashes {
            key: vec!["id".into()],
            columns: vec!["id".into(), "title".into()],
            ..RowHashes::default()
        };
        for (key, cells, xmin) in rows {
            each.rows.insert((*key).to_owned(), ((*cells).to_owned(), 1));
            each.cells.insert((*key).to_owned(), (*cells).to_owned());
            each.written_by.insert((*key).to_owned(), *xmin);
        }
        let hash = format!("{rows:?}");
        let content = Content { rows: rows.len() as u64, columns: each.columns.clone(), hash };
        TableRows { content, each: Some(each) }
    }

    fn shown(comparison: &Comparison) -> (Vec<String>, Vec<String>) {
        let words = |list: &[Residue]| {
            list.iter().map(|r| format!("{}: {:?} {:?}", r.object, r.before, r.after)).collect()
        };
        (words(&comparison.differs), words(&comparison.others))
    }

    #[test]
    fn rows_are_named_with_the_columns_that_differ_and_those_of_others_apart() {
        let before = table(&[("1", "aaaaaaaabbbbbbbb", 5), ("2", "aaaaaaaabbbbbbbb", 5), ("3", "x", 5)]);
        let after = table(&[
            ("1", "aaaaaaaacccccccc", 70),
            ("2", "aaaaaaaadddddddd", 90),
            ("4", "y", 71),
            ("5", "z", 91),
        ]);
        let ours = Ours::new(vec![(70, Some(72))], true);
        let mut comparison = Comparison::default();
        compare("t", Some(&before), Some(&after), Some(&ours), &mut comparison);
        let (differs, apart) = shown(&comparison);
        assert_eq!(
            differs,
            [
                "row id = 3 of t: Some(\"there\") None",
                "row id = 4 of t: None Some(\"there\")",
                "row id = 1 of t: Some(\"title: as before\") Some(\"title: changed\")"
            ]
        );
        assert_eq!(
            apart,
            [
                "row id = 5 of t: None Some(\"there\")",
                "row id = 2 of t: Some(\"title: as before\") Some(\"title: changed\")"
            ]
        );
    }

    #[test]
    fn many_are_counted_and_a_table_that_is_gone_is_said() {
        let keys: Vec<String> = (0..25).map(|n| n.to_string()).collect();
        let rows: Vec<(&str, &str, u32)> = keys.iter().map(|key| (key.as_str(), "q", 1)).collect();
        let mut comparison = Comparison::default();
        compare("t", Some(&table(&rows)), Some(&table(&[])), None, &mut comparison);
        assert_eq!(comparison.differs.len(), 21);
        assert_eq!(comparison.differs[20].object, "5 more rows of t, removed");
        let mut comparison = Comparison::default();
        compare("t", Some(&table(&rows)), None, None, &mut comparison);
        assert_eq!(shown(&comparison).0, ["rows of t: Some(\"25 rows\") None"]);
    }
}

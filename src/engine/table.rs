//! The result of a query, kept within bounds, and as psql would show it.

use unicode_width::UnicodeWidthStr;

use crate::pg::{Column, DataRow};
use crate::script::Coding;

/// Rows that are shown of a result.
const ROWS: usize = 50;
/// Bytes that are shown of a cell.
pub(super) const CELL: usize = 1024;
/// Bytes of a result that a script works with (`\gset`, `\gexec`).
pub(super) const WHOLE: usize = 256 * 1024 * 1024;

/// A result while it comes in.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub columns: Vec<Column>,
    /// What was kept; `None` is NULL.
    pub rows: Vec<Vec<Option<String>>>,
    /// All rows that came.
    pub total: u64,
    bytes: usize,
    /// Everything is kept, for a script that works with it.
    whole: bool,
    /// There was more than can be kept.
    pub over: bool,
    /// Of the session that it came from.
    pub coding: Coding,
}

impl Table {
    pub fn new(columns: Vec<Column>, whole: bool) -> Self {
        Self { columns, whole, ..Self::default() }
    }

    pub fn push(&mut self, row: &DataRow) {
        self.total += 1;
        self.bytes += row.bytes();
        let cut = (0..row.len()).any(|column| row.full_length(column).is_some());
        self.over |= self.whole && (cut || self.bytes > WHOLE);
        if self.over || (!self.whole && self.rows.len() >= ROWS) {
            return;
        }
        let cells = row.cells().enumerate().map(|(column, cell)| {
            let mut text = self.coding.marked(cell?);
            if row.full_length(column).is_some() {
                text.push('…');
            }
            Some(text)
        });
        self.rows.push(cells.collect());
    }

    /// Lines for people.
    pub fn lines(&self, expanded: bool) -> Vec<String> {
        let lines = if expanded { self.records() } else { self.aligned() };
        let mut lines: Vec<String> = lines.iter().map(|line| self.coding.shown(line).into_owned()).collect();
        let shown = self.rows.len() as u64;
        if shown < self.total {
            lines.push(format!("({} rows; the first {shown} are shown)", self.total));
        } else if !expanded {
            let s = if self.total == 1 { "" } else { "s" };
            lines.push(format!("({} row{s})", self.total));
        }
        lines
    }

    fn aligned(&self) -> Vec<String> {
        let cells: Vec<Vec<String>> =
            self.rows.iter().map(|row| row.iter().map(in_a_line).collect()).collect();
        let widths: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(i, column)| {
                let cells = cells.iter().filter_map(|row| row.get(i)).map(|cell| cell.width());
                cells.max().unwrap_or_default().max(column.name.width())
            })
            .collect();
        let mut lines = Vec::with_capacity(cells.len() + 3);
        let names = self.columns.iter().zip(&widths).map(|(column, width)| {
            let free = width - column.name.width().min(*width);
            format!(" {}{}{} ", " ".repeat(free / 2), column.name, " ".repeat(free - free / 2))
        });
        lines.push(names.collect::<Vec<_>>().join("|").trim_end().to_owned());
        lines.push(widths.iter().map(|width| "-".repeat(width + 2)).collect::<Vec<_>>().join("+"));
        for row in &cells {
            let cells = row.iter().zip(&widths).zip(&self.columns).map(|((cell, width), column)| {
                let pad = " ".repeat(width - cell.width().min(*width));
                if is_number(column) { format!(" {pad}{cell} ") } else { format!(" {cell}{pad} ") }
            });
            lines.push(cells.collect::<Vec<_>>().join("|").trim_end().to_owned());
        }
        lines
    }

    fn records(&self) -> Vec<String> {
        let width = self.columns.iter().map(|column| column.name.width()).max().unwrap_or_default();
        let mut lines = Vec::new();
        for (i, row) in self.rows.iter().enumerate() {
            lines.push(format!("-[ RECORD {} ]", i + 1));
            for (column, cell) in self.columns.iter().zip(row) {
                let pad = " ".repeat(width - column.name.width());
                lines.push(format!("{}{pad} | {}", column.name, in_a_line(cell)).trim_end().to_owned());
            }
        }
        if lines.is_empty() {
            lines.push("(0 rows)".to_owned());
        }
        lines
    }
}

/// A cell of several lines stays in its row.
fn in_a_line(cell: &Option<String>) -> String {
    cell.as_deref().unwrap_or_default().replace('\n', "↵").replace('\t', "    ")
}

/// psql shows these at the right: int2, int4, int8, oid, xid, cid, float4, float8, money, numeric, xid8.
pub(super) fn is_number(column: &Column) -> bool {
    matches!(column.type_oid, 20 | 21 | 23 | 26 | 28 | 29 | 700 | 701 | 790 | 1700 | 5069)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, type_oid: u32) -> Column {
        Column {
            name: name.to_owned(),
            type_oid,
            type_modifier: -1,
            type_size: -1,
            table_oid: 0,
            table_column: 0,
        }
    }

    #[test]
    fn a_result_looks_as_in_psql() {
        let mut table = Table::new(vec![column("id", 23), column("a name", 25)], false);
        table.rows = vec![vec![Some("1".into()), Some("größe".into())], vec![Some("1234".into()), None]];
        table.total = 2;
        let lines = ["  id  | a name", "------+--------", "    1 | größe", " 1234 |", "(2 rows)"];
        assert_eq!(table.lines(false), lines);
        let lines =
            ["-[ RECORD 1 ]", "id     | 1", "a name | größe", "-[ RECORD 2 ]", "id     | 1234", "a name |"];
        assert_eq!(table.lines(true), lines);
        table.total = 500;
        assert_eq!(table.lines(false).last().unwrap(), "(500 rows; the first 2 are shown)");
    }
}

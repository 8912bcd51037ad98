//! A result as psql writes it into a file, byte for byte: its default form, and the expanded one.

use unicode_width::UnicodeWidthChar;

use super::table::{Table, is_number};

/// psql's aligned form, with the count of rows and the blank line behind it.
pub(super) fn aligned(table: &Table) -> String {
    let names: Vec<Cell> = table.columns.iter().map(|column| Cell::of(&column.name)).collect();
    let rows: Vec<Vec<Cell>> = table
        .rows
        .iter()
        .map(|row| row.iter().map(|cell| Cell::of(cell.as_deref().unwrap_or_default())).collect())
        .collect();
    let width = |column: usize, name: &Cell| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(Cell::width);
        cells.max().unwrap_or_default().max(name.width())
    };
    let widths: Vec<usize> = names.iter().enumerate().map(|(at, name)| width(at, name)).collect();
    let mut out = String::new();
    heading(&mut out, &names, &widths);
    for (at, width) in widths.iter().enumerate() {
        out.push_str(if at > 0 { "+" } else { "" });
        fill(&mut out, '-', width + 2);
    }
    out.push_str(if widths.is_empty() { "--\n" } else { "\n" });
    let right: Vec<bool> = table.columns.iter().map(is_number).collect();
    for row in &rows {
        body(&mut out, row, &widths, &right);
    }
    let s = if table.total == 1 { "" } else { "s" };
    out.push_str(&format!("({} row{s})\n\n", table.total));
    out
}

fn heading(out: &mut String, names: &[Cell], widths: &[usize]) {
    let height = names.iter().map(|name| name.lines.len()).max().unwrap_or_default();
    for line in 0..height {
        for (at, (name, width)) in names.iter().zip(widths).enumerate() {
            out.push(' ');
            match name.lines.get(line) {
                Some((text, wide)) => {
                    let free = width - wide;
                    fill(out, ' ', free / 2);
                    out.push_str(text);
                    fill(out, ' ', free.div_ceil(2));
                }
                None => fill(out, ' ', *width),
            }
            out.push(if line + 1 < name.lines.len() { '+' } else { ' ' });
            if at + 1 < names.len() {
                out.push('|');
            }
        }
        out.push('\n');
    }
}

fn body(out: &mut String, row: &[Cell], widths: &[usize], right: &[bool]) {
    let height = row.iter().map(|cell| cell.lines.len()).max().unwrap_or_default();
    for line in 0..height {
        for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
            let last = at + 1 == row.len();
            let goes_on = line + 1 < cell.lines.len();
            out.push(' ');
            let (text, wide) = cell.lines.get(line).map_or(("", 0), |(text, wide)| (text.as_str(), *wide));
            if right.get(at) == Some(&true) && line < cell.lines.len() {
                fill(out, ' ', width - wide);
                out.push_str(text);
            } else {
                out.push_str(text);
                if !last || goes_on {
                    fill(out, ' ', width - wide);
                }
            }
            match (goes_on, last) {
                (true, _) => out.push('+'),
                (false, false) => out.push(' '),
                (false, true) => {}
            }
            if !last {
                out.push('|');
            }
        }
        out.push('\n');
    }
}

/// psql's expanded form.
pub(super) fn expanded(table: &Table) -> String {
    let names: Vec<Cell> = table.columns.iter().map(|column| Cell::of(&column.name)).collect();
    let rows: Vec<Vec<Cell>> = table
        .rows
        .iter()
        .map(|row| row.iter().map(|cell| Cell::of(cell.as_deref().unwrap_or_default())).collect())
        .collect();
    let left = names.iter().map(Cell::width).max().unwrap_or_default();
    let right = rows.iter().flatten().map(Cell::width).max().unwrap_or_default();
    let mut out = String::new();
    if rows.is_empty() {
        return "(0 rows)\n\n".to_owned();
    }
    for (number, row) in (1..).zip(&rows) {
        rule(&mut out, number, left, right);
        for (name, cell) in names.iter().zip(row) {
            for line in 0..name.lines.len().max(cell.lines.len()) {
                let (text, wide) =
                    name.lines.get(line).map_or(("", 0), |(text, wide)| (text.as_str(), *wide));
                out.push_str(text);
                fill(&mut out, ' ', left - wide);
                out.push(if line + 1 < name.lines.len() { '+' } else { ' ' });
                out.push('|');
                if let Some((text, wide)) = cell.lines.get(line) {
                    out.push(' ');
                    out.push_str(text);
                    if line + 1 < cell.lines.len() {
                        fill(&mut out, ' ', right - wide);
                        out.push('+');
                    }
                }
                out.push('\n');
            }
        }
    }
    out.push('\n');
    out
}

/// `-[ RECORD 1 ]-+------`
fn rule(out: &mut String, number: u64, left: usize, right: usize) {
    let head = format!("-[ RECORD {number} ]");
    out.push_str(&head);
    let mut over = head.len() as i64 - left as i64;
    fill(out, '-', usize::try_from(-over).unwrap_or_default());
    over = over.max(0);
    for mark in ['-', '+', '-'] {
        if over <= 0 {
            out.push(mark);
        }
        over -= 1;
    }
    fill(out, '-', right.saturating_sub(usize::try_from(over).unwrap_or_default()));
    out.push('\n');
}

fn fill(out: &mut String, with: char, times: usize) {
    out.extend(std::iter::repeat_n(with, times));
}

/// The lines of a cell, each with its width.
struct Cell {
    lines: Vec<(String, usize)>,
}

impl Cell {
    /// What can't be printed is written as psql writes it.
    fn of(text: &str) -> Self {
        let mut lines = vec![(String::new(), 0)];
        for c in text.chars() {
            let Some((line, width)) = lines.last_mut() else { break };
            match c {
                '\n' => lines.push((String::new(), 0)),
                '\r' => {
                    line.push_str("\\r");
                    *width += 2;
                }
                '\t' => loop {
                    line.push(' ');
                    *width += 1;
                    if *width % 8 == 0 {
                        break;
                    }
                },
                c if c.is_ascii_control() => {
                    line.push_str(&format!("\\x{:02X}", u32::from(c)));
                    *width += 4;
                }
                c if ('\u{80}'..'\u{a0}').contains(&c) => {
                    line.push_str(&format!("\\u{:04X}", u32::from(c)));
                    *width += 6;
                }
                c => {
                    line.push(c);
                    *width += c.width().unwrap_or_default();
                }
            }
        }
        Self { lines }
    }

    fn width(&self) -> usize {
        self.lines.iter().map(|(_, width)| *width).max().unwrap_or_default()
    }
}

//! A verdict's differences as an aligned table for plain output.
//!
//! `≠` marks a cell that differs, `-` a row that didn't come, `+` one that nobody expected.

use super::verdict::{Difference, NO_ROW, Verdict};

/// Narrower than this nothing can be read.
const MIN_WIDTH: usize = 40;

impl Verdict {
    /// The differences, one a line, no line longer than `width` characters. Nothing when it passed.
    pub fn lines(&self, width: usize) -> Vec<String> {
        if self.passed {
            return Vec::new();
        }
        let width = width.max(MIN_WIDTH);
        let mut lines = Vec::new();
        let rows: Vec<[String; 4]> = self.differences.iter().map(cells).collect();
        let sizes = sizes(&rows, width);
        let titles = ["row", "column", "expected", "got"].map(str::to_owned);
        if !rows.is_empty() {
            lines.push(line(" ", &titles, &sizes));
        }
        for (difference, cells) in self.differences.iter().zip(&rows) {
            lines.push(line(mark(difference), cells, &sizes));
            lines.extend(wrapped(&difference.why, width));
        }
        if self.more > 0 {
            lines.push(format!("  … and {} more", self.more));
        }
        lines
    }
}

fn mark(difference: &Difference) -> &'static str {
    if difference.got == NO_ROW {
        "-"
    } else if difference.expected == NO_ROW {
        "+"
    } else {
        "≠"
    }
}

fn cells(difference: &Difference) -> [String; 4] {
    let row = match difference.row {
        0 => String::new(),
        row => row.to_string(),
    };
    [row, difference.column.clone(), difference.expected.clone(), difference.got.clone()]
}

/// As wide as needed; where that is too much, the two sides share what is left.
fn sizes(rows: &[[String; 4]], width: usize) -> [usize; 4] {
    let mut sizes = [0; 4];
    for (at, title) in ["row", "column", "expected", "got"].iter().enumerate() {
        let longest = rows.iter().map(|row| row[at].chars().count()).max();
        sizes[at] = match longest {
            // A column in which nothing stands isn't shown.
            None | Some(0) => 0,
            Some(longest) => longest.max(title.chars().count()),
        };
    }
    sizes[1] = sizes[1].min(width / 4);
    let left = width.saturating_sub(2 + sizes[0] + sizes[1] + 6);
    if sizes[2] + sizes[3] > left {
        let half = left / 2;
        if sizes[2] <= half {
            sizes[3] = left - sizes[2];
        } else if sizes[3] <= half {
            sizes[2] = left - sizes[3];
        } else {
            sizes[2] = half;
            sizes[3] = left - half;
        }
    }
    sizes
}

fn line(mark: &str, cells: &[String; 4], sizes: &[usize; 4]) -> String {
    let mut line = mark.to_owned();
    for (at, (cell, size)) in cells.iter().zip(sizes).enumerate() {
        if *size == 0 {
            continue;
        }
        line.push_str(if at == 0 || line.chars().count() == 1 { " " } else { "  " });
        let cell = shortened(cell, *size);
        let blanks = size - cell.chars().count();
        line.push_str(&cell);
        line.extend(std::iter::repeat_n(' ', blanks));
    }
    line.truncate(line.trim_end().len());
    line
}

fn shortened(text: &str, size: usize) -> String {
    if text.chars().count() <= size {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(size.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// The reason below its line, in words that fit.
fn wrapped(why: &str, width: usize) -> Vec<String> {
    const INDENT: &str = "    ";
    let room = width - INDENT.len();
    let mut lines: Vec<String> = Vec::new();
    for word in why.split_whitespace() {
        let word = shortened(word, room);
        match lines.last_mut() {
            Some(last) if last.chars().count() + 1 + word.chars().count() <= width => {
                last.push(' ');
                last.push_str(&word);
            }
            _ => lines.push(format!("{INDENT}{word}")),
        }
    }
    lines
}

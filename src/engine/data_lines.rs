//! Which line of the file an error in COPY data is in: the server counts rows from the beginning of the data.

use crate::pg::ServerError;
use crate::script::{Place, Statement, mentions};

/// Ends of lines inside of rows, at most: behind more of them the line isn't known.
const LONG_ROWS: usize = 1 << 16;

/// The data of one COPY, as far as it was sent.
#[derive(Debug)]
pub(super) struct DataLines {
    /// Where its first line is.
    first: Place,
    /// Behind a backslash an end of line belongs to the row.
    escapes: bool,
    /// Lines and rows that ended so far.
    lines: u64,
    rows: u64,
    /// The number of each row in which a line ends, once for each such line.
    long: Vec<u64>,
    /// What was sent last ended in an odd number of backslashes.
    escaping: bool,
}

impl DataLines {
    pub(super) fn begin(first: Place, statement: &Statement) -> Self {
        // CSV has quotes for it, and there the server counts lines.
        let escapes = !mentions(&statement.text, "csv");
        Self { first, escapes, lines: 0, rows: 0, long: Vec::new(), escaping: false }
    }

    /// This was sent.
    pub(super) fn sent(&mut self, piece: &[u8]) {
        let mut from = 0;
        while let Some(end) = piece[from..].iter().position(|byte| *byte == b'\n').map(|at| from + at) {
            self.lines += 1;
            if self.escapes && self.is_escaped(&piece[from..end]) {
                self.long.push(self.rows + 1);
                self.escapes = self.long.len() < LONG_ROWS;
            } else {
                self.rows += 1;
            }
            self.escaping = false;
            from = end + 1;
        }
        self.escaping = self.is_escaped(&piece[from..]);
    }

    /// Whether what follows this part of a line is behind an odd number of backslashes.
    fn is_escaped(&self, part: &[u8]) -> bool {
        let slashes = part.iter().rev().take_while(|byte| **byte == b'\\').count();
        (slashes % 2 == 1) != (slashes == part.len() && self.escaping)
    }

    /// Where the row is that the server speaks of, if it speaks of one.
    pub(super) fn place(&self, error: &ServerError) -> Option<Place> {
        let row = error.where_.as_deref()?.lines().rev().find_map(row_named)?;
        let long = self.long.partition_point(|number| *number < row) as u64;
        let line = row.checked_sub(1)? + long;
        // Ends of lines that aren't ours (a lonely return), or too many of them to know.
        let known = line <= self.lines && long < LONG_ROWS as u64;
        known.then(|| Place { line: self.first.line + line, column: 1, ..self.first.clone() })
    }
}

/// The number in `COPY t, line 3, column a: "x"`, in whatever language the server says it.
fn row_named(line: &str) -> Option<u64> {
    let rest = line.strip_prefix("COPY ")?;
    let number = |part: &str| {
        let digits = part.find(|c: char| c.is_ascii_digit())?;
        let after = part[digits..].find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len() - digits);
        part[digits..digits + after].parse().ok()
    };
    // The name of the table stands there without quotes.
    match rest.split_once(", line ") {
        Some((_, rest)) => number(rest),
        None => number(rest.split_once(", ")?.1),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::script::Span;

    fn lines(pieces: &[&str], escapes: bool) -> DataLines {
        let first = Place {
            file: Path::new("a.sql").into(),
            line: 10,
            column: 1,
            span: Span::default(),
            includes: Arc::new([]),
            generated: None,
        };
        let mut lines = DataLines { first, escapes, lines: 0, rows: 0, long: Vec::new(), escaping: false };
        pieces.iter().for_each(|piece| lines.sent(piece.as_bytes()));
        lines
    }

    fn line_of(lines: &DataLines, context: &str) -> Option<u64> {
        let error = ServerError { where_: Some(context.to_owned()), ..ServerError::default() };
        lines.place(&error).map(|place| place.line)
    }

    #[test]
    fn rows_are_lines_of_the_file() {
        let data = lines(&["1\ta\n2\tb\n", "3\t", "c\n"], true);
        assert_eq!(line_of(&data, "COPY t, line 1, column a: \"x\""), Some(10));
        assert_eq!(line_of(&data, "COPY t, line 3"), Some(12));
        assert_eq!(
            line_of(&data, "PL/pgSQL function f() line 2 at RAISE\nCOPY t, line 2: \"2\tb\""),
            Some(11)
        );
        assert_eq!(line_of(&data, "COPY t, Zeile 3, Spalte a: »x«"), Some(12));
        assert_eq!(line_of(&data, "COPY t"), None);
        assert_eq!(line_of(&data, "PL/pgSQL function f() line 2 at RAISE"), None);
        assert_eq!(line_of(&data, "COPY t, line 5"), None, "there aren't so many");
    }

    #[test]
    fn a_row_may_go_over_several_lines() {
        let data = lines(&["a\\", "\nb\\\\\n", "c\\\nd\\\ne\n", "f\n"], true);
        let places: Vec<_> = (1..=4).map(|row| line_of(&data, &format!("COPY t, line {row}"))).collect();
        assert_eq!(places, [Some(10), Some(12), Some(15), Some(16)]);
        // In CSV a backslash is itself, and the server counts lines.
        let data = lines(&["\"a\\\nb\"\nc\n"], false);
        assert_eq!(line_of(&data, "COPY t, line 3"), Some(12));
    }
}

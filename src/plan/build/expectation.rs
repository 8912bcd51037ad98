//! `expect`: a cell, or a table of expectations.

use toml::de::DeValue;

use super::context::Build;
use crate::plan::diagnostic::Code;
use crate::plan::expect::{Cell, Expect, ExpectedError};
use crate::plan::raw::{Entry, Table, Value};
use crate::plan::schema::Place;

/// What is expected of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plan) enum Of {
    Query,
    Script,
    Command,
    /// `compare = "timings"`: a cell with `{baseline}`.
    Timings,
}

impl Of {
    fn words(self) -> &'static str {
        match self {
            Self::Query => "a query",
            Self::Script => "a script",
            Self::Command => "a command",
            Self::Timings => "a comparison of timings",
        }
    }

    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Query => &[
                "value", "rows", "table", "set", "includes", "column", "each", "contains", "error", "within",
            ],
            Self::Script => &["warnings", "within", "error"],
            Self::Command => &["exit", "contains", "within"],
            Self::Timings => &["value"],
        }
    }
}

/// Pairs that can't both be said.
const EXCLUDE: &[(&str, &[&str])] = &[
    ("value", &["rows", "table", "set", "includes", "column", "each"]),
    ("table", &["set", "includes"]),
    ("set", &["includes"]),
    ("error", &["value", "rows", "table", "set", "includes", "column", "each", "contains", "warnings"]),
];

impl<'a> Build<'a> {
    pub fn expect(&mut self, entry: Entry<'a>, of: Of) -> Option<Expect> {
        self.timings = of == Of::Timings;
        let expect = self.any_expect(entry, of);
        self.timings = false;
        expect
    }

    fn any_expect(&mut self, entry: Entry<'a>, of: Of) -> Option<Expect> {
        if !entry.value.get_ref().is_table() {
            if entry.value.get_ref().is_array() {
                let message = "`expect` takes a value, a condition or a table, not a list";
                let help = "write { table = [...] } (in order), { set = [...] } (in any order) or { includes = [...] }";
                self.report.error_help(Code::WrongType, entry.span(), message, help);
                return None;
            }
            let cell = self.cell(entry)?;
            if !of.keys().contains(&"value") {
                let keys = of.keys().iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ");
                let message = format!("{} gives no value to compare", of.words());
                self.report.error_help(
                    Code::Misplaced,
                    entry.span(),
                    message,
                    format!("it takes a table of {keys}"),
                );
                return None;
            }
            crate::plan::lints::rows_as_text(&mut self.report, entry);
            return Some(Expect { value: Some(cell), ..Expect::default() });
        }
        let table = self.report.table(entry, Place::Expect)?;
        self.combinations(&table, of);
        let mut expect = Expect::default();
        for entry in &table.entries {
            self.expectation(*entry, &mut expect);
        }
        self.widths(&table, &expect);
        Some(expect)
    }

    fn expectation(&mut self, entry: Entry<'a>, expect: &mut Expect) {
        match entry.key {
            "value" => expect.value = self.cell(entry),
            "rows" => expect.rows = self.cell(entry),
            "table" => expect.table = self.rows(entry),
            "set" => expect.set = self.rows(entry),
            "includes" => expect.includes = self.rows(entry),
            "column" => {
                expect.column = self.report.texts(entry).into_iter().map(|(t, _)| t.to_owned()).collect()
            }
            "each" => {
                for column in self.report.free_table(entry) {
                    if let Some(cell) = self.cell(column) {
                        expect.each.push((column.key.to_owned(), cell));
                    }
                }
                if entry.value.get_ref().as_table().is_some_and(|t| t.is_empty()) {
                    self.report.error(Code::BadValue, entry.span(), "`each` names no column");
                }
            }
            "contains" => {
                for (text, _) in self.report.texts(entry) {
                    expect.contains.push(text.to_owned());
                }
            }
            "error" => expect.error = self.expected_error(entry),
            "within" => expect.within = self.report.duration(entry),
            "warnings" => expect.warnings = self.cell(entry),
            "exit" => expect.exit = self.cell(entry),
            _ => {}
        }
    }

    /// Keys that don't belong to what is expected of, and keys that exclude each other.
    fn combinations(&mut self, table: &Table<'a>, of: Of) {
        if table.entries.is_empty() {
            self.report.error(Code::BadValue, table.span, "`expect` is an empty table: it expects nothing");
        }
        for entry in &table.entries {
            let known = crate::plan::schema::find(Place::Expect, entry.key).is_some();
            if known && !of.keys().contains(&entry.key) {
                let message = format!("`{}` can't be expected of {}", entry.key, of.words());
                let keys = of.keys().iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ");
                self.report.error_help(Code::Misplaced, entry.key_span, message, format!("what can: {keys}"));
            }
        }
        for (one, others) in EXCLUDE {
            let Some(one) = table.get(one) else { continue };
            for other in others.iter().filter_map(|other| table.get(other)) {
                let second = if one.key_span.start > other.key_span.start { one } else { other };
                let message = format!("`{}` and `{}` exclude each other", one.key, other.key);
                self.report.error(Code::Conflict, second.key_span, message);
            }
        }
        if let Some(column) = table.get("column")
            && !["table", "set", "includes", "contains"].iter().any(|k| table.get(k).is_some())
        {
            let message =
                "`column` narrows `table`, `set`, `includes` or `contains`, and none of them is here";
            self.report.error(Code::Conflict, column.key_span, message);
        }
    }

    /// Rows of cells; a row of one column may be a bare cell.
    fn rows(&mut self, entry: Entry<'a>) -> Option<Vec<Vec<Cell>>> {
        let list = self.report.list(entry)?;
        let mut rows: Vec<Vec<Cell>> = Vec::with_capacity(list.len());
        let mut width: Option<usize> = None;
        for value in list {
            let row = self.row(entry.key, value);
            let wide = value.get_ref().as_array().map_or(1, |a| a.len());
            if wide == 0 {
                self.report.error(Code::BadValue, value.span().into(), "a row without a cell");
            } else if *width.get_or_insert(wide) != wide {
                let message = format!("this row is {wide} wide, the first one {}", width.unwrap_or(wide));
                self.report.error(Code::BadValue, value.span().into(), message);
            }
            rows.push(row);
        }
        if rows.is_empty() {
            let message = format!("`{}` has no row", entry.key);
            self.report.error_help(Code::BadValue, entry.span(), message, "for no rows write { rows = 0 }");
        }
        Some(rows)
    }

    fn row(&mut self, what: &str, value: Value<'a>) -> Vec<Cell> {
        match value.get_ref() {
            DeValue::Array(cells) => cells.iter().filter_map(|cell| self.cell_of(what, cell)).collect(),
            _ => self.cell_of(what, value).into_iter().collect(),
        }
    }

    /// A width or a number of rows that contradicts another key can never come true.
    fn widths(&mut self, table: &Table<'a>, expect: &Expect) {
        let rows = [("table", &expect.table), ("set", &expect.set), ("includes", &expect.includes)];
        for (key, rows) in rows {
            let (Some(rows), Some(entry)) = (rows, table.get(key)) else { continue };
            let width = rows.first().map_or(0, Vec::len);
            if !expect.column.is_empty() && width > 0 && expect.column.len() != width {
                let message =
                    format!("`column` names {} columns, and the rows have {width}", expect.column.len());
                self.report.error(Code::Conflict, entry.key_span, message);
            }
            let claimed = table
                .get("rows")
                .and_then(|r| r.value.get_ref().as_integer()?.as_str().parse::<usize>().ok());
            if let Some(claimed) = claimed
                && key != "includes"
                && claimed != rows.len()
            {
                let message = format!("`rows` says {claimed}, and `{key}` lists {}", rows.len());
                self.report.error(Code::Conflict, entry.key_span, message);
            }
        }
    }

    fn expected_error(&mut self, entry: Entry<'a>) -> Option<ExpectedError> {
        let mut texts = self.report.texts(entry).into_iter();
        let (sqlstate, span) = texts.next()?;
        let valid =
            sqlstate.len() == 5 && sqlstate.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
        if !valid {
            let message = format!("`{}` isn't an SQLSTATE", crate::plan::raw::shorten(sqlstate));
            self.report.error_help(
                Code::BadValue,
                span,
                message,
                "five digits or capitals first, then texts: [\"42501\", \"permission denied for\"]",
            );
            return None;
        }
        Some(ExpectedError {
            sqlstate: sqlstate.to_owned(),
            texts: texts.map(|(t, _)| t.to_owned()).collect(),
        })
    }
}

//! `inventory` and `adds`: kinds of objects, how many or which.

use super::context::Build;
use crate::plan::diagnostic::Code;
use crate::plan::model::{Amount, Kind, Kinds};
use crate::plan::raw::Entry;
use crate::plan::schema::Place;

/// The words of the kinds; what stands in `true` can only be counted.
const KINDS: [(&str, Kind, bool); 15] = [
    ("tables", Kind::Tables, false),
    ("views", Kind::Views, false),
    ("columns", Kind::Columns, false),
    ("indexes", Kind::Indexes, false),
    ("foreign_keys", Kind::ForeignKeys, false),
    ("policies", Kind::Policies, false),
    ("functions", Kind::Functions, false),
    ("triggers", Kind::Triggers, false),
    ("enums", Kind::Enums, false),
    ("sequences", Kind::Sequences, false),
    ("size", Kind::Size, true),
    ("orphans", Kind::Orphans, true),
    ("unvalidated_constraints", Kind::UnvalidatedConstraints, true),
    ("invalid_indexes", Kind::InvalidIndexes, true),
    ("disabled_triggers", Kind::DisabledTriggers, true),
];

impl<'a> Build<'a> {
    pub fn kinds(&mut self, entry: Entry<'a>) -> Option<Kinds> {
        let table = self.report.table(entry, Place::Kinds)?;
        if table.entries.is_empty() {
            self.report.error(Code::BadValue, entry.span(), format!("`{}` names no kind", entry.key));
        }
        let mut kinds = Kinds::default();
        for kind in &table.entries {
            if kind.key == "rows" {
                for rows in self.report.free_table(*kind) {
                    if let Some(cell) = self.cell(rows) {
                        kinds.rows.push((rows.key.to_owned(), cell));
                    }
                }
            } else if let Some((_, known, only_count)) = KINDS.iter().find(|(word, _, _)| *word == kind.key)
                && let Some(amount) = self.amount(*kind, *only_count)
            {
                kinds.counts.push((*known, amount));
            }
        }
        Some(kinds)
    }

    fn amount(&mut self, kind: Entry<'a>, only_count: bool) -> Option<Amount> {
        if !kind.value.get_ref().is_array() {
            return self.cell(kind).map(Amount::Count);
        }
        if only_count {
            self.report.wrong_type(kind.key, "a number or a condition", kind.value);
            return None;
        }
        let mut names: Vec<String> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for (name, span) in self.report.texts(kind) {
            if !seen.insert(name) {
                self.report.error(Code::Duplicate, span, format!("`{name}` is listed twice"));
            }
            if kind.key == "columns" && !name.contains('.') {
                let message = format!("`{name}` names no table");
                self.report.error_help(Code::BadValue, span, message, "columns are written table.column");
            }
            names.push(name.to_owned());
        }
        Some(Amount::Names(names))
    }
}

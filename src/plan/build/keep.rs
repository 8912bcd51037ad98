//! `snapshot`, `compare`, `backup`, `restore` and `report`.

use super::action::Built;
use super::context::Build;
use super::expectation::Of;
use super::index::Names;
use crate::plan::diagnostic::Code;
use crate::plan::model::{
    Action, Backup, BackupProof, Compare, Compared, Restore, Snapshot, SnapshotKind, Tolerance,
};
use crate::plan::raw::{Entry, Table, shorten};
use crate::plan::schema::Place;
use crate::plan::sqltext;

const SNAPSHOTS: [(&str, SnapshotKind); 6] = [
    ("schema", SnapshotKind::Schema),
    ("enums", SnapshotKind::Enums),
    ("dependencies", SnapshotKind::Dependencies),
    ("rows", SnapshotKind::Rows),
    ("content", SnapshotKind::Content),
    ("timings", SnapshotKind::Timings),
];

const COMPARISONS: [(&str, Compared); 6] = [
    ("schema", Compared::Schema),
    ("rows", Compared::Rows),
    ("estimates", Compared::Estimates),
    ("content", Compared::Content),
    ("sequences", Compared::Sequences),
    ("timings", Compared::Timings),
];

/// What a report can be written as.
const REPORTS: [&str; 3] = [".md", ".html", ".json"];

impl<'a> Build<'a> {
    pub fn report_file(&mut self, entry: Entry<'a>) -> Action {
        let path = self.path_text(entry).unwrap_or_default();
        // What a variable ends with only the run knows.
        let ends = path.ends_with('}') || REPORTS.iter().any(|end| path.to_ascii_lowercase().ends_with(end));
        if !path.is_empty() && !ends {
            let message = format!("a report is a .md, .html or .json file, and `{}` is none", shorten(&path));
            self.report.error(Code::BadValue, entry.span(), message);
        }
        Action::Report(path)
    }

    pub fn snapshot(&mut self, raw: &Table<'a>, entry: Entry<'a>) -> Built {
        let of = self.report.one_of(entry, &SNAPSHOTS);
        let mut queries = Vec::new();
        match (of, raw.get("queries")) {
            (Some(SnapshotKind::Timings), Some(list)) => queries = self.queries(list),
            (Some(SnapshotKind::Timings), None) => {
                self.report.error(Code::Missing, entry.span(), "a snapshot of timings without `queries`");
            }
            (Some(_), Some(queries)) => {
                self.report.error(
                    Code::Misplaced,
                    queries.key_span,
                    "`queries` belongs to `snapshot = \"timings\"`",
                );
            }
            _ => {}
        }
        let other = of.filter(|of| !matches!(of, SnapshotKind::Rows | SnapshotKind::Content));
        let tables = self.scope(raw, other.map(SnapshotKind::word));
        let of = of.unwrap_or(SnapshotKind::Schema);
        Built::new(Action::Snapshot(Snapshot { of, queries, tables }), None, false)
    }

    /// One statement each, and each once: a time belongs to one query.
    fn queries(&mut self, list: Entry<'a>) -> Vec<String> {
        let mut queries: Vec<String> = Vec::new();
        for (text, span) in self.report.texts(list) {
            self.sql_names(text, span);
            if sqltext::is_blank(text) {
                self.report.error(Code::BadValue, span, "a query without a statement");
            } else if sqltext::second_statement(text).is_some() {
                let message = "this is more than one statement, and each is timed by itself";
                self.report.error_help(Code::BadValue, span, message, "make two queries of it");
            } else if queries.iter().any(|query| query == text) {
                self.report.error(Code::Duplicate, span, "this query is listed twice");
            }
            queries.push(text.to_owned());
        }
        if queries.is_empty() {
            self.report.error(Code::BadValue, list.span(), "`queries` lists no query");
        }
        queries
    }

    /// `tables`.
    fn scope(&mut self, raw: &Table<'a>, other: Option<&str>) -> Vec<String> {
        let Some(tables) = raw.get("tables") else { return Vec::new() };
        if let Some(other) = other {
            let message = format!("`tables` belongs to rows and content; {other} is of the whole database");
            self.report.error(Code::Misplaced, tables.key_span, message);
        }
        self.report.texts(tables).into_iter().map(|(name, _)| name.to_owned()).collect()
    }

    pub fn compare(&mut self, raw: &Table<'a>, entry: Entry<'a>, number: usize) -> Built {
        let of = self.report.one_of(entry, &COMPARISONS);
        let other = of.filter(|of| !of.is_of_tables()).map(Compared::word);
        let tolerance = self.tolerances(raw, of);
        let tables = self.scope(raw, other);
        let of = of.unwrap_or(Compared::Schema);
        if of == Compared::Timings {
            if raw.get("with").is_none() {
                let message = "timings are compared with a snapshot of timings: `with` is missing";
                self.report.error(Code::Missing, entry.span(), message);
            } else if raw.get("expect").is_none() {
                let message = "a comparison of timings without `expect`: no two times are the same";
                let help = "say how much slower a query may be: expect = \"<= {baseline} + 20%\"";
                self.report.error_help(Code::Missing, entry.span(), message, help);
            }
        }
        let expects = (of == Compared::Timings).then_some(Of::Timings);
        let id = match raw.get("with") {
            Some(with) => self.report.text(with).map(|id| (with, id)).filter(|(_, id)| *id != "source"),
            None => None,
        };
        match id {
            Some((with, id)) => self.with_snapshot(with, id, of, entry, number),
            None if of != Compared::Timings => self.needs_source(entry.key, entry.key_span),
            None => {}
        }
        let with = id.map(|(_, id)| id.to_owned());
        if with.is_some()
            && let Some(name) = tables.iter().find(|name| name.ends_with(".*"))
        {
            let message = format!("`{}` stands for tables of a source; a snapshot has names", shorten(name));
            self.report.error(Code::BadValue, entry.span(), message);
        }
        Built::new(Action::Compare(Compare { of, with, tables, tolerance }), expects, false)
    }

    /// `with` names a snapshot of the same thing.
    fn with_snapshot(&mut self, with: Entry<'a>, id: &'a str, of: Compared, entry: Entry<'a>, number: usize) {
        let Some(to) = self.earlier("with", number, id, with.span(), &[Names::Step]) else { return };
        let snapshot = self.index.defs[to].table.get("snapshot").and_then(|s| s.get_ref().as_str());
        let word = entry.value.get_ref().as_str().unwrap_or_default();
        match snapshot {
            None => {
                let message = format!("`with` names `{}`, which isn't a `snapshot`", shorten(id));
                self.report.error(Code::UnknownReference, with.span(), message);
            }
            Some(taken) if taken != word => {
                let message =
                    format!("`{}` is a snapshot of {}, and {word} are compared", shorten(id), shorten(taken));
                let help = format!("write compare = \"{}\", or name a snapshot of {word}", shorten(taken));
                self.report.error_help(Code::Conflict, with.span(), message, help);
            }
            Some(_) if of.snapshot().is_none() => {
                let message = format!("{word} of two databases are compared, not those of a snapshot");
                self.report.error(Code::Conflict, with.span(), message);
            }
            Some(_) => {}
        }
    }

    pub fn backup(&mut self, raw: &Table<'a>, entry: Entry<'a>) -> Built {
        let path = self.artifact_path(entry).unwrap_or_default();
        let words = [("list", BackupProof::List), ("restore", BackupProof::Restore)];
        let proof = raw.get("verify").and_then(|verify| self.report.one_of(verify, &words));
        let backup = Backup { path, proof: proof.unwrap_or(BackupProof::List) };
        Built::new(Action::Backup(backup), None, false)
    }

    pub fn restore(&mut self, raw: &Table<'a>, entry: Entry<'a>, number: usize) -> Built {
        let id = self.report.text(entry).unwrap_or_default();
        if let Some(to) = self.earlier("restore", number, id, entry.span(), &[Names::Step]) {
            let named = &self.index.defs[to].table;
            if !named.contains_key("backup") {
                let message = format!("`restore` names `{}`, which isn't a `backup`", shorten(id));
                self.report.error(Code::UnknownReference, entry.span(), message);
            } else if named.get("on").and_then(|on| on.get_ref().as_str()) == Some("source") {
                let message =
                    format!("`{}` is a backup of the source; `restore` brings the target back", shorten(id));
                let help = "make a backup of the target before the first change, and name that";
                self.report.error_help(Code::Conflict, entry.span(), message, help);
            }
        }
        let mut told = |key| raw.get(key).and_then(|told| self.report.boolean(told)).unwrap_or_default();
        let (beside, end_sessions) = (told("beside"), told("end_sessions"));
        Built::new(Action::Restore(Restore { backup: id.to_owned(), beside, end_sessions }), None, true)
    }

    fn tolerances(&mut self, raw: &Table<'a>, of: Option<Compared>) -> Vec<Tolerance> {
        let Some(entry) = raw.get("tolerance") else { return Vec::new() };
        if let Some(of) = of.filter(|of| !matches!(of, Compared::Rows | Compared::Content)) {
            let message = format!("`tolerance` is about rows; a comparison of {} has none", of.word());
            self.report.error(Code::Misplaced, entry.key_span, message);
        }
        let tables = self.report.free_table(entry);
        tables.into_iter().filter_map(|table| self.tolerance(table)).collect()
    }

    fn tolerance(&mut self, entry: Entry<'a>) -> Option<Tolerance> {
        let table = self.report.table(entry, Place::Tolerance)?;
        let (mut rows, mut reason) = (None, None);
        for key in ["rows", "reason"] {
            match table.get(key) {
                Some(found) if key == "rows" => rows = self.report.whole_number(found, u32::MAX),
                Some(found) => reason = self.prose(found),
                None => {
                    let message = format!("a tolerance for `{}` without `{key}`", shorten(entry.key));
                    self.report.error(Code::Missing, entry.span(), message);
                }
            }
        }
        Some(Tolerance { table: entry.key.to_owned(), rows: rows?, reason: reason? })
    }
}

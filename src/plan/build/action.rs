//! The action of a step.

use super::context::Build;
use super::expectation::Of;
use crate::plan::diagnostic::Code;
use crate::plan::model::{Action, PlanFile, Section, Step};
use crate::plan::raw::{Entry, Table};
use crate::plan::sqltext;

/// What became of an action.
pub(in crate::plan) struct Built {
    pub action: Action,
    /// What `expect` on the step is about; `None` when the action gives nothing.
    pub of: Option<Of>,
    /// Whether it changes something unless the plan says otherwise.
    pub changes: bool,
}

impl Built {
    pub fn new(action: Action, of: Option<Of>, changes: bool) -> Self {
        Self { action, of, changes }
    }
}

impl<'a> Build<'a> {
    /// `number` is the step's def, `undone` the step whose rollback this is.
    pub fn action(
        &mut self,
        raw: &Table<'a>,
        action: Option<Entry<'a>>,
        number: usize,
        undone: Option<&Step>,
    ) -> Built {
        let Some(entry) = action else { return Built::new(Action::Group, None, false) };
        match entry.key {
            "file" => Built::new(self.file(raw, entry), Some(Of::Script), true),
            "files" => Built::new(self.glob(entry, undone), Some(Of::Script), true),
            "sql" => Built::new(self.sql(entry), Some(Of::Script), true),
            "check" => {
                let sql = self.one_statement(entry).unwrap_or_default().to_owned();
                Built::new(Action::Check { sql, line: self.text_line(entry) }, Some(Of::Query), false)
            }
            "inventory" => Built::new(Action::Inventory(self.kinds(entry).unwrap_or_default()), None, false),
            "probe" => Built::new(self.probe(entry), Some(Of::Script), false),
            "confirm" => Built::new(Action::Confirm(self.items(entry, number)), None, false),
            "signoff" => Built::new(Action::Signoff(self.signoff(raw, entry, number)), None, false),
            "requires" => self.requires(entry),
            "snapshot" => self.snapshot(raw, entry),
            "compare" => self.compare(raw, entry, number),
            "report" => Built::new(self.report_file(entry), None, false),
            "command" => self.command(raw, entry),
            "notify" => self.notify(raw, entry),
            "soak" => self.soak(entry),
            "backup" => self.backup(raw, entry),
            "restore" => self.restore(raw, entry, number),
            "undo" => self.undo(entry),
            _ => self.later_action(entry),
        }
    }

    fn file(&mut self, raw: &Table<'a>, entry: Entry<'a>) -> Action {
        let name = self.report.text(entry);
        let section = raw.get("section").and_then(|section| {
            let begin = self.report.text(section)?;
            let all = name.and_then(|name| self.sections.get(name)).cloned().unwrap_or_default();
            Some(Section { begin: begin.to_owned(), all })
        });
        let file = name.and_then(|name| self.plan_file(name, entry.span())).unwrap_or_else(|| PlanFile {
            name: name.unwrap_or_default().to_owned(),
            path: Default::default(),
        });
        Action::File { file, section }
    }

    fn glob(&mut self, entry: Entry<'a>, undone: Option<&Step>) -> Action {
        let Some(pattern) = self.report.text(entry) else {
            return Action::Files { pattern: String::new(), files: Vec::new() };
        };
        let names_file = pattern.contains("{file}");
        let files = match (undone.map(|step| &step.action), names_file) {
            (Some(Action::Files { files, .. }), true) => {
                let applied = files.clone();
                self.undo_files(pattern, &applied, entry.span())
            }
            (_, true) => {
                let message = "`{file}` has a meaning only in the rollback of a step with `files`";
                self.report.error(Code::Misplaced, entry.span(), message);
                Vec::new()
            }
            (_, false) => self.glob_files(pattern, entry.span()),
        };
        Action::Files { pattern: pattern.to_owned(), files }
    }

    fn sql(&mut self, entry: Entry<'a>) -> Action {
        let text = self.report.text(entry).unwrap_or_default();
        if !text.is_empty() && sqltext::is_blank(text) {
            self.report.error(Code::BadValue, entry.span(), "`sql` has no statement");
        }
        self.sql_names(text, entry.span());
        Action::Sql { text: text.to_owned(), line: self.text_line(entry) }
    }

    fn probe(&mut self, entry: Entry<'a>) -> Action {
        let text = self.report.text(entry).unwrap_or_default();
        if !text.is_empty() && sqltext::is_blank(text) {
            self.report.error(Code::BadValue, entry.span(), "`probe` has no statement");
        }
        self.sql_names(text, entry.span());
        Action::Probe { sql: text.to_owned(), line: self.text_line(entry) }
    }

    /// The line on which a text's content begins.
    fn text_line(&self, entry: Entry<'a>) -> usize {
        self.report.source.line_of(self.report.content_start(entry.span()))
    }
}

//! Named `[[rollback]]`s.

use toml::de::DeTable;

use super::action::Built;
use super::context::{Build, Moment};
use super::index::{Names, Scope};
use super::step::Common;
use crate::plan::diagnostic::Code;
use crate::plan::model::{Action, Procedure};
use crate::plan::raw::Entry;
use crate::plan::schema::Place;
use crate::plan::source::Span;
use crate::plan::sqltext;

impl<'a> Build<'a> {
    /// `undo`: own rollbacks of steps, as a step of a procedure.
    pub fn undo(&mut self, entry: Entry<'a>) -> Built {
        if !matches!(self.now.scope, Scope::Procedure(_)) {
            let message =
                "`undo` is a step of a [[rollback]]: it carries out the own rollbacks of other steps";
            self.report.error(Code::Misplaced, entry.key_span, message);
        }
        let mut ids: Vec<String> = Vec::new();
        for (id, span) in self.report.texts(entry) {
            if !sqltext::braces(id).is_empty() {
                self.braces(id, span, true);
            } else if let Some(number) =
                self.reference("undo", id, span, &[Names::Phase, Names::Step, Names::Checkpoint])
                && self.index.defs[number].names == Names::Step
                && !self.index.defs[number].table.contains_key("rollback")
            {
                let message = format!("`undo` names `{id}`, which has no rollback of its own");
                self.report.error(Code::UnknownReference, span, message);
            }
            ids.push(id.to_owned());
        }
        if ids.is_empty() {
            self.report.error(Code::Missing, entry.span(), "`undo` names nothing");
        }
        Built::new(Action::Undo(ids), None, false)
    }

    /// `number` counts the procedures from 0.
    pub fn procedure(
        &mut self,
        table: &'a DeTable<'a>,
        span: Span,
        number: usize,
        common: &Common,
    ) -> Procedure {
        let raw = self.report.open(table, span, Place::Procedure);
        let (id, order) = self.index.at(span).map(|def| (def.id.clone(), def.order)).unwrap_or_default();
        self.now = Moment { scope: Scope::Procedure(number), order };
        self.place = id.clone();
        let mut procedure = Procedure {
            id,
            title: String::new(),
            when: None,
            undoes: Vec::new(),
            within: None,
            steps: Vec::new(),
        };
        for entry in &raw.entries {
            match entry.key {
                "title" => procedure.title = self.prose(*entry).unwrap_or_default(),
                "when" => procedure.when = self.prose(*entry),
                "within" => procedure.within = self.report.duration(*entry),
                "undoes" => {
                    for (id, span) in self.report.texts(*entry) {
                        let allowed = [Names::Phase, Names::Step, Names::Checkpoint];
                        if self.reference("undoes", id, span, &allowed).is_some() {
                            procedure.undoes.push(id.to_owned());
                        }
                    }
                }
                _ => {}
            }
        }
        for key in ["id", "title"] {
            if raw.lacks(key) {
                self.report.error(Code::Missing, span, format!("a [[rollback]] without `{key}`"));
            }
        }
        match raw.get("step") {
            Some(steps) => {
                for (table, span) in self.report.tables(steps, "a list of steps") {
                    let step = self.step(table, span, common);
                    procedure.steps.push(step);
                }
            }
            None => {
                let help = "a step begins with [[rollback.step]]";
                self.report.error_help(Code::Missing, span, "a [[rollback]] without steps", help);
            }
        }
        self.now = Moment { scope: Scope::Plan, order: 0 };
        procedure
    }
}

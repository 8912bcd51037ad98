//! `requires`: evidence of a rehearsal, or of another run.

use super::action::Built;
use super::context::Build;
use super::index::Scope;
use super::later::ENVIRONMENTS;
use crate::plan::diagnostic::Code;
use crate::plan::model::{Action, Requires};
use crate::plan::raw::Entry;
use crate::plan::schema::Place;

impl<'a> Build<'a> {
    pub fn requires(&mut self, entry: Entry<'a>) -> Built {
        let read = self.required(entry);
        let action = match read {
            Some(requires) if self.now.scope == Scope::Plan => Action::Requires(requires),
            // A run's evidence, and evidence on the way back.
            _ => {
                self.later(entry.key, entry.key_span);
                Action::Later("requires")
            }
        };
        Built::new(action, None, false)
    }

    /// `None`: it asks for a run, or what is wrong has been said.
    fn required(&mut self, entry: Entry<'a>) -> Option<Requires> {
        let table = self.report.table(entry, Place::Requires)?;
        match (table.get("run"), table.get("rehearsal")) {
            (Some(_), Some(second)) => {
                let message = "`requires` asks for a run or a rehearsal, not both";
                self.report.error_help(Code::Conflict, second.key_span, message, "make two steps of it");
            }
            (None, None) => {
                self.report.error(
                    Code::Missing,
                    table.span,
                    "`requires` without `run` or `rehearsal`: of which plan?",
                );
            }
            _ => {}
        }
        let mut requires = Requires {
            rehearsal: String::new(),
            environment: None,
            age: None,
            passed: Vec::new(),
            rollback: None,
            residue: None,
        };
        let mut of_run = false;
        for entry in &table.entries {
            match entry.key {
                "run" => {
                    of_run = true;
                    self.report.text(*entry);
                }
                "rehearsal" => {
                    requires.rehearsal = self.report.text(*entry).unwrap_or_default().to_owned();
                }
                "environment" => requires.environment = self.report.one_of(*entry, &ENVIRONMENTS),
                "age" => requires.age = self.report.duration(*entry),
                "passed" => {
                    let texts = self.report.texts(*entry);
                    requires.passed = texts.into_iter().map(|(text, _)| text.to_owned()).collect();
                }
                "rollback" => requires.rollback = self.cell(*entry),
                "residue" => requires.residue = self.cell(*entry),
                _ => {}
            }
        }
        (!of_run).then_some(requires)
    }
}

//! `requires`: evidence of a rehearsal, or of another run.

use super::action::Built;
use super::context::Build;
use super::index::Scope;
use super::later::ENVIRONMENTS;
use crate::plan::diagnostic::Code;
use crate::plan::model::{Action, Evidence, Requires};
use crate::plan::raw::{Entry, Table};
use crate::plan::schema::Place;

impl<'a> Build<'a> {
    pub fn requires(&mut self, entry: Entry<'a>) -> Built {
        if self.now.scope != Scope::Plan {
            let message =
                "`requires` stands in the plan's course: evidence is asked for before something changes";
            self.report.error(Code::Misplaced, entry.key_span, message);
        }
        let action =
            self.required(entry).map_or(Action::Group, |requires| Action::Requires(Box::new(requires)));
        Built::new(action, None, false)
    }

    /// `None`: what is wrong has been said.
    fn required(&mut self, entry: Entry<'a>) -> Option<Requires> {
        let table = self.report.table(entry, Place::Requires)?;
        let (of, named) = match (table.get("run"), table.get("rehearsal")) {
            (Some(_), Some(second)) => {
                let message = "`requires` asks for a run or a rehearsal, not both";
                self.report.error_help(Code::Conflict, second.key_span, message, "make two steps of it");
                (Evidence::Rehearsal, Some(second))
            }
            (None, None) => {
                self.report.error(
                    Code::Missing,
                    table.span,
                    "`requires` without `run` or `rehearsal`: of which plan?",
                );
                (Evidence::Rehearsal, None)
            }
            (Some(run), None) => (Evidence::Run { plan: None }, Some(run)),
            (None, Some(rehearsal)) => (Evidence::Rehearsal, Some(rehearsal)),
        };
        let mut requires = Requires {
            of,
            plan_id: named.and_then(|named| self.report.text(named)).unwrap_or_default().to_owned(),
            environment: None,
            age: None,
            passed: Vec::new(),
            rollback: None,
            residue: None,
        };
        self.belongs(&table, &requires.of);
        for entry in &table.entries {
            match entry.key {
                "plan" => {
                    let path = self.report.text(*entry).map(Into::into);
                    if let Evidence::Run { plan } = &mut requires.of {
                        *plan = path;
                    }
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
        Some(requires)
    }

    /// What only one of the two has.
    fn belongs(&mut self, table: &Table<'a>, of: &Evidence) {
        let (keys, whose): (&[&str], _) = match of {
            Evidence::Rehearsal => (&["plan"], "a run; a rehearsal of this plan is of its text anyway"),
            Evidence::Run { .. } => {
                (&["rollback", "residue"], "a rehearsal: a run that passed wasn't undone")
            }
        };
        for entry in table.entries.iter().filter(|entry| keys.contains(&entry.key)) {
            let message = format!("`{}` belongs to {whose}", entry.key);
            self.report.error(Code::Misplaced, entry.key_span, message);
        }
    }
}

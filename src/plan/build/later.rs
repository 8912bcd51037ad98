//! Actions that a later version brings: read and checked as far as the format says, then refused.

use super::action::Built;
use super::context::Build;
use super::expectation::Of;
use super::index::{Names, Scope};
use crate::plan::diagnostic::Code;
use crate::plan::model::{Action, Environment};
use crate::plan::raw::Entry;
use crate::plan::schema::Place;
use crate::plan::sqltext;

pub(in crate::plan) const ENVIRONMENTS: [(&str, Environment); 3] =
    [("dev", Environment::Dev), ("staging", Environment::Staging), ("production", Environment::Production)];

impl<'a> Build<'a> {
    pub fn later_action(&mut self, entry: Entry<'a>, number: usize) -> Built {
        let (of, changes) = match entry.key {
            "undo" => (self.undo(entry, number), false),
            _ => (None, false),
        };
        self.later(entry.key, entry.key_span);
        let key = crate::plan::schema::find(Place::Step, entry.key).map_or("", |key| key.name);
        Built::new(Action::Later(key), of, changes)
    }

    fn undo(&mut self, entry: Entry<'a>, _number: usize) -> Option<Of> {
        if self.now.scope == Scope::Plan {
            let message = "`undo` stands in a [[rollback]] or a step's rollback, not in the plan's course";
            self.report.error(Code::Misplaced, entry.key_span, message);
        }
        for (id, span) in self.report.texts(entry) {
            if sqltext::braces(id).is_empty() {
                self.reference("undo", id, span, &[Names::Phase, Names::Step, Names::Checkpoint]);
            } else {
                self.braces(id, span, true);
            }
        }
        None
    }
}

//! Actions that a later version brings: read and checked as far as the format says, then refused.

use super::action::Built;
use super::context::Build;
use crate::plan::model::{Action, Environment};
use crate::plan::raw::Entry;
use crate::plan::schema::Place;

pub(in crate::plan) const ENVIRONMENTS: [(&str, Environment); 3] =
    [("dev", Environment::Dev), ("staging", Environment::Staging), ("production", Environment::Production)];

impl<'a> Build<'a> {
    pub fn later_action(&mut self, entry: Entry<'a>) -> Built {
        self.later(entry.key, entry.key_span);
        let key = crate::plan::schema::find(Place::Step, entry.key).map_or("", |key| key.name);
        Built::new(Action::Later(key), None, false)
    }
}

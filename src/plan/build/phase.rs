//! Phases.

use toml::de::DeTable;

use super::context::Build;
use super::step::Common;
use crate::plan::diagnostic::Code;
use crate::plan::model::{OnFailure, Phase, Side};
use crate::plan::raw::Entry;
use crate::plan::schema::Place;
use crate::plan::source::Span;

impl<'a> Build<'a> {
    pub fn phase(&mut self, table: &'a DeTable<'a>, span: Span, defaults: &Common) -> Phase {
        let raw = self.report.open(table, span, Place::Phase);
        let def = self.index.at(span).map(|def| (def.id.clone(), def.order));
        let (id, order) = def.unwrap_or_default();
        let number = self.index.number_at(span).unwrap_or(0);
        self.now.order = order;
        self.place = id.clone();
        let common = self.common(&raw.entries, defaults);
        let mut phase = Phase {
            id,
            title: String::new(),
            about: None,
            starts: None,
            takes: None,
            within: None,
            team: Vec::new(),
            watches: Vec::new(),
            owner: None,
            needs: Vec::new(),
            on_failure: raw.get("on_failure").map(|_| common.on_failure.clone()),
            otherwise: raw.get("else").and(common.otherwise.clone()),
            steps: Vec::new(),
        };
        let side = common.on.unwrap_or(Side::Target);
        for entry in &raw.entries {
            match entry.key {
                "title" => phase.title = self.prose(*entry).unwrap_or_default(),
                "about" => phase.about = self.prose(*entry),
                "starts" => phase.starts = self.starts(*entry),
                "takes" => phase.takes = self.takes(*entry),
                "within" => phase.within = self.report.duration(*entry),
                "team" => phase.team = self.text_table(*entry),
                "owner" => phase.owner = self.report.text(*entry).map(str::to_owned),
                "needs" => phase.needs = self.needs(*entry, number),
                "watch" => {
                    for (table, span) in self.report.tables(*entry, "a list of watches") {
                        let watch = self.watch(table, span, side);
                        phase.watches.push(watch);
                    }
                }
                _ => {}
            }
        }
        if raw.lacks("title") {
            self.report.error(Code::Missing, span, "a phase without `title`");
        }
        match raw.get("step") {
            Some(steps) => {
                for (table, span) in self.report.tables(steps, "a list of steps") {
                    let step = self.step(table, span, &common);
                    phase.steps.push(step);
                }
            }
            None => self.report.error_help(
                Code::Missing,
                span,
                "a phase without steps",
                "a step begins with [[phase.step]]",
            ),
        }
        phase
    }

    /// A table of texts, in the order of the file.
    pub fn text_table(&mut self, entry: Entry<'a>) -> Vec<(String, String)> {
        let entries = self.report.free_table(entry);
        entries.into_iter().filter_map(|e| Some((e.key.to_owned(), self.prose(e)?))).collect()
    }

    /// What `[defaults]` says.
    pub fn defaults(&mut self, entry: Entry<'a>) -> Common {
        let Some(raw) = self.report.table(entry, Place::Defaults) else { return Common::default() };
        let mut common = self.common(&raw.entries, &Common::default());
        if let Some(verify) = raw.get("verify") {
            common.verify = self.verify(verify);
        }
        common
    }
}

/// The policy of a procedure's step: one that would begin another rollback isn't inherited.
pub(in crate::plan) fn within_a_rollback(mut common: Common) -> Common {
    if matches!(common.on_failure, OnFailure::Rollback | OnFailure::Procedure(_)) {
        common.on_failure = OnFailure::Hold;
    }
    common
}

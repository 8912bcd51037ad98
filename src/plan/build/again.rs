//! `again`: a checkpoint asks what another one asks.

use super::context::Build;
use super::index::Names;
use crate::plan::diagnostic::Code;
use crate::plan::raw::{Entry, Value, entries};
use crate::plan::source::Span;

/// What a checkpoint asks and expects, with what it inherits.
#[derive(Debug, Clone, Copy)]
pub(in crate::plan) struct Asked<'a> {
    /// `sql`, `check` or `inventory`.
    pub ask: Entry<'a>,
    pub expect: Option<Entry<'a>>,
    pub otherwise: Option<Entry<'a>>,
    pub on: Option<Value<'a>>,
    pub role: Option<Entry<'a>>,
}

const ASKING: [Names; 3] = [Names::Checkpoint, Names::Step, Names::Watch];

impl<'a> Build<'a> {
    /// What the checkpoint (or check step) of this id asks. Each is resolved once, and a chain is
    /// walked, not recursed into: a plan may be long.
    pub fn asked(&mut self, id: &str, span: Span) -> Option<Asked<'a>> {
        let mut number = self.reference("again", id, span, &ASKING)?;
        let mut chain: Vec<usize> = Vec::new();
        let mut found = loop {
            if let Some(known) = self.asked.get(&number) {
                break *known;
            }
            // Marked as unresolvable while it is walked: whoever comes back to it is in a circle.
            self.asked.insert(number, None);
            chain.push(number);
            let table = self.index.defs[number].table;
            let Some(again) = table.get("again") else {
                break self.own_question(number, id, span);
            };
            let Some(next) = again.get_ref().as_str() else { break None };
            let Some(next) = self.index.by_id.get(next).copied() else { break None };
            // Only what was visited can be on this walk, so the list is searched rarely.
            if self.asked.get(&next).is_some_and(Option::is_none) && chain.contains(&next) {
                let ids: Vec<&str> = chain.iter().take(5).map(|n| self.index.defs[*n].id.as_str()).collect();
                let back = &self.index.defs[next].id;
                let message = format!("`again` runs in a circle: {} asks {back} again", ids.join(" asks "));
                self.report.error(Code::Circle, span, message);
                break None;
            }
            number = next;
        };
        for number in chain.into_iter().rev() {
            found = found.map(|base| self.over(base, number));
            self.asked.insert(number, found);
        }
        found
    }

    /// The keys of a checkpoint over those it inherits.
    fn over(&self, base: Asked<'a>, number: usize) -> Asked<'a> {
        let def = &self.index.defs[number];
        let mut out = base;
        for entry in entries(def.table) {
            match entry.key {
                "expect" => out.expect = Some(entry),
                "else" => out.otherwise = Some(entry),
                "as" => out.role = Some(entry),
                "on" => out.on = Some(entry.value),
                _ => {}
            }
        }
        out
    }

    /// What a def asks by itself.
    fn own_question(&mut self, number: usize, id: &str, span: Span) -> Option<Asked<'a>> {
        let def = &self.index.defs[number];
        let wanted: &[&str] =
            if def.names == Names::Step { &["check", "inventory"] } else { &["sql", "inventory"] };
        let own = entries(def.table);
        let ask = own.iter().find(|entry| wanted.contains(&entry.key)).copied();
        let Some(ask) = ask else {
            // A checkpoint without a question is an error of its own.
            if def.names == Names::Step {
                let message = format!("`again` names `{id}`, which is a step without `check`");
                self.report.error_help(
                    Code::UnknownReference,
                    span,
                    message,
                    "name a checkpoint or a `check` step",
                );
            }
            return None;
        };
        Some(Asked { ask, expect: None, otherwise: None, on: def.on, role: None })
    }
}

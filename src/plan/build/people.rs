//! `confirm` and `signoff`: what people do.

use std::collections::HashSet;

use toml::de::DeValue;

use super::context::Build;
use super::index::Names;
use crate::plan::diagnostic::Code;
use crate::plan::model::{Item, Proof, Signoff};
use crate::plan::raw::{Entry, Table, Value};
use crate::plan::schema::Place;

const PROVING: [Names; 4] = [Names::Phase, Names::Step, Names::Checkpoint, Names::Watch];

impl<'a> Build<'a> {
    /// A text, or a list of items. `from` is the step's def.
    pub fn items(&mut self, entry: Entry<'a>, from: usize) -> Vec<Item> {
        let Some(list) = entry.value.get_ref().as_array() else {
            if entry.value.get_ref().is_str() && entry.key == "confirm" {
                return self.text_item(entry.key, entry.value).into_iter().collect();
            }
            self.report.wrong_type(entry.key, "a list of { item, proof, owner, write }", entry.value);
            return Vec::new();
        };
        if list.is_empty() {
            self.report.error(Code::BadValue, entry.span(), format!("`{}` has no item", entry.key));
        }
        list.iter().filter_map(|value| self.item(entry.key, value, from)).collect()
    }

    fn text_item(&mut self, what: &str, value: Value<'a>) -> Option<Item> {
        let text = self.report.text_of(what, value)?;
        self.braces(text, value.span().into(), false);
        Some(Item { item: text.to_owned(), proof: Vec::new(), owner: None, write: false })
    }

    fn item(&mut self, what: &str, value: Value<'a>, from: usize) -> Option<Item> {
        let table = match value.get_ref() {
            DeValue::String(_) => return self.text_item(what, value),
            DeValue::Table(table) => self.report.open(table, value.span().into(), Place::Item),
            _ => {
                self.report.wrong_type(what, "items: { item, proof, owner, write }", value);
                return None;
            }
        };
        let mut item = Item { item: String::new(), proof: Vec::new(), owner: None, write: false };
        for entry in &table.entries {
            match entry.key {
                "item" => item.item = self.prose(*entry).unwrap_or_default(),
                "proof" => item.proof = self.proofs(*entry, from),
                "owner" => item.owner = self.report.text(*entry).map(str::to_owned),
                "write" => item.write = self.report.boolean(*entry).unwrap_or_default(),
                _ => {}
            }
        }
        if table.lacks("item") {
            self.report.error(Code::Missing, table.span, "an item without `item`: what is confirmed?");
        }
        Some(item)
    }

    fn proofs(&mut self, entry: Entry<'a>, from: usize) -> Vec<Proof> {
        let mut out = Vec::new();
        let mut known = HashSet::new();
        for (id, span) in self.report.texts(entry) {
            let proof = match id {
                "target" => Proof::Target,
                "files" => Proof::Files,
                "vars" => Proof::Vars,
                _ => {
                    let Some(to) = self.earlier("proof", from, id, span, &PROVING) else { continue };
                    let id = id.to_owned();
                    match self.index.defs[to].names {
                        Names::Phase => Proof::Phase(id),
                        Names::Checkpoint => Proof::Checkpoint(id),
                        Names::Watch => Proof::Watch(id),
                        Names::Step | Names::Procedure => Proof::Step(id),
                    }
                }
            };
            if known.insert(id) {
                out.push(proof);
            } else {
                self.report.error(Code::Duplicate, span, format!("the proof `{id}` is named twice"));
            }
        }
        out
    }

    pub fn signoff(&mut self, table: &Table<'a>, entry: Entry<'a>, from: usize) -> Signoff {
        let mut roles = Vec::new();
        let mut known: HashSet<&str> = HashSet::new();
        for (role, span) in self.report.texts(entry) {
            if known.insert(role) {
                roles.push(role.to_owned());
            } else {
                self.report.error(Code::Duplicate, span, format!("`{role}` is to sign twice"));
            }
        }
        let title = table.get("title").and_then(|t| t.value.get_ref().as_str()).unwrap_or_default();
        let mut signoff = Signoff {
            roles,
            items: table.get("items").map(|items| self.items(items, from)).unwrap_or_default(),
            statement: title.to_owned(),
            statements: Vec::new(),
            any_order: false,
            decision: ("signed".into(), "declined".into()),
        };
        if let Some(statement) = table.get("statement") {
            self.statement(statement, &mut signoff);
        }
        if let Some(order) = table.get("order") {
            signoff.any_order =
                self.report.one_of(order, &[("listed", false), ("any", true)]).unwrap_or(false);
        }
        if let Some(decision) = table.get("decision") {
            self.decision(decision, &mut signoff);
        }
        signoff
    }

    fn statement(&mut self, entry: Entry<'a>, signoff: &mut Signoff) {
        if !entry.value.get_ref().is_table() {
            if let Some(text) = self.prose(entry) {
                signoff.statement = text;
            }
            return;
        }
        let roles: HashSet<String> = signoff.roles.iter().cloned().collect();
        for by_role in self.report.free_table(entry) {
            if !roles.contains(by_role.key) {
                let help = self.report.did_you_mean(by_role.key, signoff.roles.iter().map(String::as_str));
                let message = format!("`{}` isn't one of the roles that sign", by_role.key);
                let severity = crate::plan::diagnostic::Severity::Error;
                self.report.add(severity, Code::UnknownReference, by_role.key_span, message).help = help;
            }
            if let Some(text) = self.prose(by_role) {
                signoff.statements.push((by_role.key.to_owned(), text));
            }
        }
    }

    fn decision(&mut self, entry: Entry<'a>, signoff: &mut Signoff) {
        let words: Vec<_> =
            if entry.value.get_ref().is_array() { self.report.texts(entry) } else { Vec::new() };
        match words.as_slice() {
            [(yes, _), (no, _)] if !yes.eq_ignore_ascii_case(no) => {
                signoff.decision = ((*yes).to_owned(), (*no).to_owned());
            }
            _ => {
                let message = "`decision` is two different words, for yes and for no";
                self.report.error_help(
                    Code::BadValue,
                    entry.span(),
                    message,
                    "decision = [\"GO\", \"NO-GO\"]",
                );
            }
        }
    }

    /// A text for people: known names in braces are filled in, other braces stay.
    pub fn prose(&mut self, entry: Entry<'a>) -> Option<String> {
        let text = self.report.text(entry)?;
        self.braces(text, entry.span(), false);
        Some(text.to_owned())
    }
}

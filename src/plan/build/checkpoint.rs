//! Checkpoints and watches: a question, and what it must give.

use std::time::Duration;

use toml::de::DeTable;

use super::context::{Build, Moment};
use super::expectation::Of;
use super::step::failure_of;
use crate::plan::diagnostic::Code;
use crate::plan::model::{Ask, Checkpoint, Kinds, Side, Watch};
use crate::plan::raw::{Entry, Table};
use crate::plan::schema::Place;
use crate::plan::source::Span;
use crate::plan::{lints, sqltext};

impl<'a> Build<'a> {
    /// One checkpoint. `exempt`: nothing is said when it expects nothing or can't fail.
    pub fn checkpoint(
        &mut self,
        table: &'a DeTable<'a>,
        span: Span,
        place: Place,
        side: Side,
        exempt: bool,
    ) -> Checkpoint {
        let raw = self.report.open(table, span, place);
        self.checkpoint_of(&raw, place, side, exempt)
    }

    fn checkpoint_of(&mut self, raw: &Table<'a>, place: Place, side: Side, exempt: bool) -> Checkpoint {
        let before = self.now;
        let id = match self.index.at(raw.span) {
            Some(def) => {
                self.now = Moment { order: def.order, ..before };
                def.id.clone()
            }
            None => String::new(),
        };
        let mut out = Checkpoint {
            id,
            title: String::new(),
            ask: Ask::Sql(String::new()),
            expect: None,
            otherwise: None,
            on_failure: None,
            on: side,
            role: None,
            save: None,
            into: None,
            line: self.report.source.line_of(raw.span.start),
        };
        match raw.get("title") {
            Some(title) => out.title = self.prose(title).unwrap_or_default(),
            None if raw.lacks("title") => {
                self.report.error(Code::Missing, raw.span, format!("{} without `title`", place.words()));
            }
            None => {}
        }
        let again = self.question(raw, place, &mut out);
        for entry in &raw.entries {
            match entry.key {
                "expect" => out.expect = self.checkpoint_expect(*entry, &out.ask),
                "else" => out.otherwise = self.prose(*entry),
                "on_failure" => out.on_failure = failure_of(self, *entry),
                "on" => out.on = self.side_of(*entry).unwrap_or(out.on),
                "as" => out.role = self.path_text(*entry),
                "save" => out.save = self.save(*entry),
                "into" if place == Place::Watch => {
                    let message = "a watch has many answers, and `into` keeps one";
                    let help = "its figures are in the evidence; put `into` into a checkpoint that asks the same `again`";
                    self.report.error_help(Code::Misplaced, entry.key_span, message, help);
                }
                "into" => out.into = self.artifact_path(*entry),
                _ => {}
            }
        }
        if !exempt {
            lints::checkpoint(&mut self.report, raw, &out, again);
        }
        self.now = before;
        out
    }

    /// What is asked: `sql`, `inventory` or `again`; tells whether it is the last.
    fn question(&mut self, raw: &Table<'a>, place: Place, out: &mut Checkpoint) -> bool {
        let asks: Vec<_> = ["sql", "inventory", "again"].iter().filter_map(|key| raw.get(key)).collect();
        if let [first, second, ..] = asks.as_slice() {
            let (first, second) =
                if first.key_span.start < second.key_span.start { (first, second) } else { (second, first) };
            let related = self.report.related(first.key_span, "the first");
            let message =
                format!("{} asks one thing, not `{}` and `{}`", place.words(), first.key, second.key);
            self.report
                .add(crate::plan::diagnostic::Severity::Error, Code::Conflict, second.key_span, message)
                .related
                .push(related);
        }
        let Some(ask) = asks.first().copied() else {
            if !raw.strange {
                let message = format!("{} asks nothing", place.words());
                self.report.error_help(
                    Code::Missing,
                    raw.span,
                    message,
                    "give it `sql`, `inventory` or `again`",
                );
            }
            return false;
        };
        if ask.key != "again" {
            out.ask = self.ask(ask);
            return false;
        }
        let Some(id) = self.report.text(ask) else { return true };
        let Some(asked) = self.asked(id, ask.span()) else { return true };
        let outer = self.borrowed.replace(ask.span());
        out.ask = self.ask(asked.ask);
        if let (Some(expect), None) = (asked.expect, raw.get("expect")) {
            out.expect = self.checkpoint_expect(expect, &out.ask);
        }
        if let (Some(otherwise), None) = (asked.otherwise, raw.get("else")) {
            out.otherwise = self.prose(otherwise);
        }
        if let (Some(role), None) = (asked.role, raw.get("as")) {
            out.role = self.path_text(role);
        }
        if let (Some(value), None) = (asked.on, raw.get("on")) {
            let entry = Entry { key: "on", key_span: value.span().into(), value };
            out.on = self.side_of(entry).unwrap_or(out.on);
        }
        self.borrowed = outer;
        true
    }

    fn ask(&mut self, entry: Entry<'a>) -> Ask {
        if entry.key == "inventory" {
            return Ask::Inventory(self.kinds(entry).unwrap_or_default());
        }
        Ask::Sql(self.one_statement(entry).unwrap_or_default().to_owned())
    }

    /// A text of exactly one statement.
    pub fn one_statement(&mut self, entry: Entry<'a>) -> Option<&'a str> {
        let text = self.report.text(entry)?;
        self.sql_names(text, entry.span());
        if sqltext::is_blank(text) {
            self.report.error(Code::BadValue, entry.span(), format!("`{}` has no statement", entry.key));
            return None;
        }
        if let Some(at) = sqltext::second_statement(text) {
            let place = self.report.part_of(entry.span(), text, at, at + 1);
            let place = if place == entry.span() { place } else { Span { end: place.start + 1, ..place } };
            let message = format!("`{}` takes one statement, and a second one begins here", entry.key);
            self.report.error_help(Code::BadValue, place, message, "make two checkpoints of it");
            return None;
        }
        Some(text)
    }

    fn checkpoint_expect(&mut self, entry: Entry<'a>, ask: &Ask) -> Option<crate::plan::expect::Expect> {
        if matches!(ask, Ask::Inventory(Kinds { .. })) {
            let message = "an inventory says itself what it expects";
            self.report.error_help(
                Code::Misplaced,
                entry.key_span,
                message,
                "write the numbers or names behind its kinds",
            );
            return None;
        }
        self.expect(entry, Of::Query)
    }

    pub fn watch(&mut self, table: &'a DeTable<'a>, span: Span, side: Side) -> Watch {
        let raw = self.report.open(table, span, Place::Watch);
        let every = match raw.get("every") {
            Some(entry) => {
                let every = self.report.duration(entry);
                if every == Some(Duration::ZERO) {
                    self.report.error(Code::BadValue, entry.span(), "`every` is longer than nothing");
                }
                every
            }
            None => {
                self.report.error(
                    Code::Missing,
                    raw.span,
                    "a watch without `every`: how often is it sampled?",
                );
                None
            }
        };
        let lasting = raw.get("for").and_then(|entry| self.report.duration(entry));
        let checkpoint = self.checkpoint_of(&raw, Place::Watch, side, false);
        if checkpoint.on == Side::Both {
            let message = "a watch asks one database";
            self.report.error_help(Code::Conflict, raw.span, message, "make two watches of it");
        }
        Watch {
            every: every.unwrap_or(Duration::from_secs(1)),
            lasting: lasting.unwrap_or(Duration::ZERO),
            checkpoint,
        }
    }
}

//! What the second pass knows while it builds, and what it notes down for the checks after it.

use std::collections::HashMap;
use std::path::PathBuf;

use super::again::Asked;
use super::files::Files;
use super::index::{Index, Names, Scope};
use super::side::Databases;
use crate::plan::diagnostic::{Code, Severity};
use crate::plan::load::LoadOptions;
use crate::plan::model::NotBuilt;
use crate::plan::raw::{Report, either, shorten};
use crate::plan::source::Span;
use crate::plan::sqltext;

/// Where in the plan's course the builder is.
#[derive(Debug, Clone, Copy)]
pub(in crate::plan) struct Moment {
    pub scope: Scope,
    pub order: usize,
}

/// A `{name}` or `:'name'` that wants a value.
#[derive(Debug, Clone)]
pub(in crate::plan) struct Use {
    pub name: String,
    pub span: Span,
    pub at: Moment,
    /// An unknown name is an error; in prose and shell text it is just braces.
    pub strict: bool,
    /// `{baseline}` has a meaning here.
    pub baseline: bool,
}

/// `save = "name"`.
#[derive(Debug, Clone)]
pub(in crate::plan) struct Save {
    pub name: String,
    pub span: Span,
    pub at: Moment,
}

/// `from` wants `to` to have run.
#[derive(Debug, Clone, Copy)]
pub(in crate::plan) struct Edge {
    pub key: &'static str,
    /// Numbers of defs.
    pub from: usize,
    pub to: usize,
    pub span: Span,
}

/// A step of the plan's course that changes something.
#[derive(Debug, Clone, Copy)]
pub(in crate::plan) struct Change {
    /// Number of its def.
    pub step: usize,
    /// Its header.
    pub span: Span,
    /// It has a rollback of its own, or says why it has none.
    pub settled: bool,
}

#[derive(Debug)]
pub(in crate::plan) struct Build<'a> {
    pub report: Report<'a>,
    pub index: Index<'a>,
    pub options: LoadOptions,
    /// The plan's folder.
    pub base: PathBuf,
    pub files: Files,
    /// The sections that the plan uses, by file.
    pub sections: HashMap<&'a str, Vec<String>>,
    pub now: Moment,
    /// For [`NotBuilt::place`].
    pub place: String,
    /// Set while a key inherited by `again` is read: findings belong there.
    pub borrowed: Option<Span>,
    /// Set while the expectation on a comparison of timings is read.
    pub timings: bool,
    pub asked: HashMap<usize, Option<Asked<'a>>>,
    pub uses: Vec<Use>,
    pub saves: Vec<Save>,
    /// Names where others could read what is filled in.
    pub shown: Vec<super::command::Shown>,
    pub edges: Vec<Edge>,
    pub changes: Vec<Change>,
    pub not_built: Vec<NotBuilt>,
    /// Variables that say how long a `soak` is.
    pub lasting: Vec<String>,
    pub databases: Databases,
}

impl<'a> Build<'a> {
    pub fn new(report: Report<'a>, index: Index<'a>, options: LoadOptions, base: PathBuf) -> Self {
        Self {
            report,
            index,
            options,
            files: Files::new(base.clone(), options.files),
            base,
            sections: HashMap::new(),
            now: Moment { scope: Scope::Plan, order: 0 },
            place: "plan".into(),
            borrowed: None,
            timings: false,
            asked: HashMap::new(),
            uses: Vec::new(),
            saves: Vec::new(),
            shown: Vec::new(),
            edges: Vec::new(),
            changes: Vec::new(),
            not_built: Vec::new(),
            lasting: Vec::new(),
            databases: Databases::default(),
        }
    }

    /// Notes a key that a later version brings.
    pub fn later(&mut self, key: &str, span: Span) {
        // What is inherited was noted where it stands.
        if self.borrowed.is_some() {
            return;
        }
        let message = format!("`{key}` comes with a later version");
        let diagnostic = self.report.add(Severity::NotBuilt, Code::NotBuilt, span, message);
        let line = diagnostic.line;
        self.not_built.push(NotBuilt { place: self.place.clone(), key: key.to_owned(), line });
    }

    /// What an id names, if it may be named here.
    pub fn reference(&mut self, key: &str, id: &str, span: Span, allowed: &[Names]) -> Option<usize> {
        let found = self.index.by_id.get(id).copied();
        match found {
            Some(number) if allowed.contains(&self.index.defs[number].names) => Some(number),
            Some(number) => {
                let def = &self.index.defs[number];
                let wanted: Vec<String> = allowed.iter().map(|n| n.words().to_owned()).collect();
                let wanted = either(&wanted);
                let message =
                    format!("`{key}` names {wanted}, and `{}` is {}", shorten(id), def.names.words());
                let related = self.report.related(def.span, "here");
                self.report.add(Severity::Error, Code::UnknownReference, span, message).related.push(related);
                None
            }
            None => {
                let known =
                    self.index.defs.iter().filter(|d| allowed.contains(&d.names)).map(|d| d.id.as_str());
                let help = self.report.did_you_mean(id, known);
                let message = format!("`{key}` names `{}`, and nothing has that id", shorten(id));
                self.report.add(Severity::Error, Code::UnknownReference, span, message).help = help;
                None
            }
        }
    }

    /// As [`Self::reference`], of something that must have run before.
    pub fn earlier(
        &mut self,
        key: &'static str,
        from: usize,
        id: &str,
        span: Span,
        allowed: &[Names],
    ) -> Option<usize> {
        let to = self.reference(key, id, span, allowed)?;
        self.edges.push(Edge { key, from, to, span });
        Some(to)
    }

    /// Notes the `{names}` in a text; `strict` ones must be known.
    pub fn braces(&mut self, text: &str, span: Span, strict: bool) {
        for (from, to, name) in sqltext::braces(text) {
            let place = self.borrowed.unwrap_or_else(|| self.report.part_of(span, text, from, to));
            self.uses.push(Use {
                name: name.to_owned(),
                span: place,
                at: self.now,
                strict,
                baseline: self.timings,
            });
        }
    }

    /// Notes the `:'names'` in a piece of SQL.
    pub fn sql_names(&mut self, text: &str, span: Span) {
        for (from, to, name) in sqltext::interpolations(text) {
            let place = self.borrowed.unwrap_or_else(|| self.report.part_of(span, text, from, to));
            self.uses.push(Use {
                name: name.to_owned(),
                span: place,
                at: self.now,
                strict: true,
                baseline: false,
            });
        }
    }

    /// `save`: an identifier.
    pub fn save(&mut self, entry: crate::plan::raw::Entry<'a>) -> Option<String> {
        let name = self.report.text(entry)?;
        if !sqltext::is_name(name) {
            let message = format!("`{}` isn't a name that a value can be saved under", shorten(name));
            self.report.error_help(
                Code::BadValue,
                entry.span(),
                message,
                "letters, digits and `_`: it becomes {name}",
            );
            return None;
        }
        self.saves.push(Save { name: name.to_owned(), span: entry.span(), at: self.now });
        Some(name.to_owned())
    }
}

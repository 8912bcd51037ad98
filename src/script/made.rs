//! Statements that commands come down to, `\copy` and `\encoding`; and what a command can't do here.

use super::classify;
use super::copy_command::{self, CopyFile};
use super::data_file::DataFile;
use super::error::{Fault, Problem, ScriptError};
use super::item::Item;
use super::kind::Kind;
use super::place::Place;
use super::position::SourceMap;
use super::resolve::Resolver;
use super::shell::{Shell, Sink};
use super::statement::Statement;
use super::then::Then;
use super::walk::Script;

impl<R: Resolver> Script<R> {
    /// The COPY that a `\copy` comes down to. Its file is opened here, so that one that can't be had is found
    /// before anything is sent.
    pub(super) fn copy(&mut self, arguments: &str, place: Place) -> Result<Item, ScriptError> {
        let copy =
            copy_command::parse(arguments, self.standard_strings, self.vars.allows(Shell::CopyProgram))
                .map_err(|fault| fault.at(place.clone()))?;
        let (kind, touches_lock_timeout) = classify::classify(&copy.sql);
        if let Some(CopyFile::From { name }) = &copy.file {
            let binary = kind.each().iter().any(|kind| matches!(kind, Kind::CopyFromStdin { binary: true }));
            match self.resolver.open(Some(&place.file), name, false) {
                Ok(opened) => self.data = Some(DataFile::new(opened.path, opened.reader, binary)),
                Err(error) => {
                    let fault = Fault::new(Problem::Include, format!("\\copy: {name} can't be read"));
                    let todo = "its name counts from the plan's sql_dir";
                    return Err(fault.why(error.to_string()).todo(todo).at(place));
                }
            }
        }
        let map = SourceMap::made_of(place.span.start, place.line, place.column);
        Ok(Item::Statement(Statement {
            text: copy.sql,
            place,
            kind,
            touches_lock_timeout,
            file: copy.file,
            then: Then::PLAIN,
            bind: None,
            uncertain: self.stack.last().is_some_and(|level| level.splitter.uncertain()),
            coding: self.coding,
            map,
        }))
    }

    /// psql would write the file in another form behind `\pset` and `\x`, which have no effect here.
    pub(super) fn in_default_form(&self, command: &str, to: &Sink, place: &Place) -> Result<(), ScriptError> {
        let changed = ["pset", "x"].into_iter().find(|changes| self.noted.contains(changes));
        match (to, changed) {
            (Sink::File(_) | Sink::Program(_), Some(by)) => {
                let what = format!("{command} to a file or a command is refused behind \\{by}");
                Err(Fault::new(Problem::Refused, what)
                    .why("results are written in psql's default form here, and the script wants another")
                    .todo("\\copy (SELECT …) to 'name.csv' csv writes one; \\gx is for the expanded form")
                    .at(place.clone()))
            }
            _ => Ok(()),
        }
    }

    /// `\encoding NAME`, as libpq asks for it.
    pub(super) fn encoding(&self, name: &str, place: Place) -> Result<Item, ScriptError> {
        if name.is_empty() || !name.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-')) {
            let what = format!("\\encoding: {name:?} is no name of an encoding");
            return Err(Fault::new(Problem::Arguments, what).at(place));
        }
        let text = format!("set client_encoding to '{name}'");
        let (kind, touches_lock_timeout) = classify::classify(&text);
        let span = place.span;
        Ok(Item::Statement(Statement {
            map: SourceMap::made_of(span.start, place.line, place.column),
            place,
            kind,
            touches_lock_timeout,
            file: None,
            then: Then::Nothing,
            bind: None,
            uncertain: self.stack.last().is_some_and(|level| level.splitter.uncertain()),
            coding: self.coding,
            text,
        }))
    }
}

//! A script with everything it includes, as one stream of statements and messages.

use super::classify;
use super::copy_command::{self, CopyFile};
use super::data_file::DataFile;
use super::error::{Fault, Problem, ScriptError};
use super::excerpt;
use super::kind::{Kind, Session};
use super::meta::{Command, EchoTo};
use super::place::{IncludedFrom, Place, Span};
use super::position::{Located, SourceMap};
use super::resolve::{Memory, Resolver};
use super::split::{Around, At, Event, FileFault, Splitter};
use super::tally::Tally;
use super::vars::{self, Origin, Variables};
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

const STANDARD_STRINGS: &str = "standard_conforming_strings";

/// How deep `\i` may go; a script that includes itself stops here.
pub const INCLUDE_DEPTH: usize = 32;

/// A statement, exactly as psql would send it: variables filled in, comments and blank lines between
/// statements left out, its semicolon kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub text: String,
    /// Where it begins, and its range of bytes in the file: its identity across runs.
    pub place: Place,
    pub kind: Kind,
    /// It may change lock_timeout (found by looking, generously).
    pub touches_lock_timeout: bool,
    /// It was made of a `\copy`, and this file is our end of it.
    pub file: Option<CopyFile>,
    pub(super) map: SourceMap,
}

impl Statement {
    /// COPY data for it follows in the script.
    pub fn has_inline_data(&self) -> bool {
        self.kind.copies_from_stdin() && self.file.is_none()
    }

    /// What comes behind it may have to be read otherwise, or under another lock_timeout: its answer comes
    /// first. (Found by looking, generously.)
    pub fn decides_what_follows(&self) -> bool {
        self.touches_lock_timeout || classify::mentions(&self.text, STANDARD_STRINGS)
    }

    /// `SET standard_conforming_strings = …`, as far as it can be known without a server.
    pub(super) fn sets_standard_strings(&self) -> Option<bool> {
        let Kind::Session(Session::Set { name, .. }) = &self.kind else { return None };
        if name != STANDARD_STRINGS {
            return None;
        }
        let mut words = self.text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        vars::parse_bool(words.next_back()?)
    }

    /// Where in the file a server's error position (characters, from 1) is.
    pub fn locate(&self, position: usize) -> Option<Located> {
        self.map.locate(&self.text, position)
    }

    /// The line of the text that was sent, with a caret at the position, at most `width` cells wide.
    /// Values of variables are in it: for people who may see them, and masked where they may not.
    pub fn excerpt(&self, position: usize, width: usize) -> Option<String> {
        let before = position.checked_sub(1)?;
        let byte = self.text.char_indices().nth(before).map_or(self.text.len(), |(byte, _)| byte);
        let start = self.text[..byte].rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.text[start..].lines().next().unwrap_or_default();
        let column = 1 + self.text[start..byte].chars().count() as u64;
        Some(excerpt::excerpt(line, column, width))
    }
}

/// What a script holds next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    Statement(Statement),
    /// `\echo` and its kin; the text ends with a newline unless `-n` was given.
    Echo {
        text: String,
        to: EchoTo,
        place: Place,
    },
    /// Something that a person should be told, once.
    Notice {
        text: String,
        place: Place,
    },
}

struct Level {
    splitter: Splitter<Box<dyn Read + Send>>,
    path: Arc<Path>,
    includes: Arc<[IncludedFrom]>,
}

/// A script being read. Nothing is read ahead: what a statement needs, and no more.
pub struct Script<R> {
    resolver: R,
    stack: Vec<Level>,
    vars: Variables,
    standard_strings: bool,
    keep_pieces: bool,
    restricted: Option<String>,
    noted: BTreeSet<&'static str>,
    tally: Tally,
    /// Behind the `\copy` that came last.
    data: Option<DataFile>,
}

impl Script<Memory> {
    /// A script that is a text, such as the `sql` of a plan. `name` is for messages.
    pub fn inline(name: &str, text: &str, vars: Variables) -> Result<Self, ScriptError> {
        Script::open(Memory::one(name, text), name, vars)
    }
}

impl<R: Resolver> Script<R> {
    pub fn open(resolver: R, file: &str, vars: Variables) -> Result<Self, ScriptError> {
        let mut script = Script {
            resolver,
            stack: Vec::new(),
            vars,
            standard_strings: true,
            keep_pieces: false,
            restricted: None,
            noted: BTreeSet::new(),
            tally: Tally::default(),
            data: None,
        };
        let place = Place {
            file: Path::new(file).into(),
            line: 1,
            column: 1,
            span: Span::default(),
            includes: Arc::new([]),
        };
        script.enter(None, file, false, &place)?;
        Ok(script)
    }

    /// Whether `standard_conforming_strings` is on at the server; it is unless told otherwise.
    pub fn set_standard_strings(&mut self, on: bool) {
        self.standard_strings = on;
        for level in &mut self.stack {
            level.splitter.set_standard_strings(on);
        }
    }

    pub fn variables(&self) -> &Variables {
        &self.vars
    }

    pub fn variables_mut(&mut self) -> &mut Variables {
        &mut self.vars
    }

    /// How many bytes went where, over all files read so far.
    pub fn tally(&self) -> Tally {
        let mut sum = self.tally.clone();
        for level in &self.stack {
            sum.absorb(level.splitter.tally());
        }
        sum
    }

    /// Keeps the class of every byte range from now on, for [`Tally::pieces`].
    pub fn keep_pieces(&mut self) {
        self.keep_pieces = true;
        for level in &mut self.stack {
            level.splitter.tally_mut().keep_pieces();
        }
    }

    /// What comes next; none at the end. After an error a runner stops; who only looks may go on.
    pub fn next_item(&mut self) -> Result<Option<Item>, ScriptError> {
        self.data = None;
        loop {
            let Some(level) = self.stack.last_mut() else { return Ok(None) };
            let around = Around { vars: &self.vars, restricted: self.restricted.is_some() };
            match level.splitter.next(around) {
                Ok(Some(Event::Statement(found))) => {
                    let at = At {
                        start: found.start.offset,
                        end: found.end,
                        line: found.start.line,
                        column: found.start.column,
                    };
                    let (kind, touches_lock_timeout) = classify::classify(&found.text);
                    return Ok(Some(Item::Statement(Statement {
                        place: level.place(at),
                        kind,
                        touches_lock_timeout,
                        file: None,
                        text: found.text,
                        map: found.map,
                    })));
                }
                Ok(Some(Event::Command { command, at })) => {
                    let place = level.place(at);
                    if let Some(item) = self.carry_out(command, place)? {
                        return Ok(Some(item));
                    }
                }
                Ok(None) => {
                    self.tally.absorb(level.splitter.tally());
                    self.stack.pop();
                }
                Err(fault) => return Err(level.error(fault)),
            }
        }
    }

    /// After the server answered a statement with CopyIn: the next chunk of inline data or of the file of
    /// its `\copy`, whole lines of about 64 KiB. False at the end of the data; the call after that is the
    /// next COPY's.
    pub fn copy_chunk(&mut self, chunk: &mut Vec<u8>) -> Result<bool, ScriptError> {
        chunk.clear();
        if let Some(data) = &mut self.data {
            return data.copy(chunk).map_err(|error| {
                let place = Place {
                    file: Arc::clone(&data.path),
                    line: data.line(),
                    column: 1,
                    span: Span::default(),
                    includes: Arc::new([]),
                };
                Fault::new(Problem::Read, "the data can't be read").why(error.to_string()).at(place)
            });
        }
        let Some(level) = self.stack.last_mut() else { return Ok(false) };
        level.splitter.copy(chunk).map_err(|fault| level.error(fault))
    }

    /// After the last chunk: the file ended in the data, without the line that ends them.
    pub fn copy_cut_off(&self) -> bool {
        self.stack.last().is_some_and(|level| level.splitter.copy_cut_off())
    }

    fn enter(
        &mut self,
        from: Option<&Path>,
        name: &str,
        relative: bool,
        place: &Place,
    ) -> Result<(), ScriptError> {
        let fail = |fault: Fault| Err(fault.at(place.clone()));
        if self.stack.len() > INCLUDE_DEPTH {
            let what = format!("{name} isn't included: {INCLUDE_DEPTH} files deep already");
            return fail(Fault::new(Problem::Include, what).todo("look for a file that includes itself"));
        }
        let opened = match self.resolver.open(from, name, relative) {
            Ok(opened) => opened,
            Err(e) => {
                let problem = if from.is_some() { Problem::Include } else { Problem::Read };
                return fail(Fault::new(problem, format!("{name} can't be read")).why(e.to_string()));
            }
        };
        let mut splitter = Splitter::new(opened.reader);
        splitter.set_standard_strings(self.standard_strings);
        if self.keep_pieces {
            splitter.tally_mut().keep_pieces();
        }
        let mut includes = place.includes.to_vec();
        if from.is_some() {
            includes.push(IncludedFrom { file: Arc::clone(&place.file), line: place.line });
        }
        self.stack.push(Level { splitter, path: opened.path, includes: includes.into() });
        Ok(())
    }

    /// The COPY that a `\copy` comes down to. Its file is opened here, so that one that can't be had is found
    /// before anything is sent.
    fn copy(&mut self, arguments: &str, place: Place) -> Result<Item, ScriptError> {
        let copy =
            copy_command::parse(arguments, self.standard_strings).map_err(|fault| fault.at(place.clone()))?;
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
            map,
        }))
    }

    fn carry_out(&mut self, command: Command, place: Place) -> Result<Option<Item>, ScriptError> {
        match command {
            Command::Include { name, relative } => {
                self.enter(Some(&Arc::clone(&place.file)), &name, relative, &place)?;
            }
            Command::Set { name, value, from_database } => {
                let origin =
                    if from_database { Origin::Database { raw_allowed: false } } else { Origin::Author };
                self.vars
                    .set_from(&name, value, origin)
                    .map_err(|e| Fault::new(Problem::Arguments, format!("\\set: {e}")).at(place))?;
            }
            Command::Unset { name } => self.vars.unset(&name),
            Command::Copy { arguments } => return self.copy(&arguments, place).map(Some),
            Command::Echo { text, to } => return Ok(Some(Item::Echo { text, to, place })),
            Command::Restrict { key } => self.restricted = Some(key),
            Command::Unrestrict { key } => match self.restricted.take() {
                Some(expected) if expected == key => {}
                Some(expected) => {
                    self.restricted = Some(expected);
                    let fault = Fault::new(Problem::Arguments, "\\unrestrict: wrong key");
                    return Err(fault.todo("restore the file as pg_dump wrote it").at(place));
                }
                None => {
                    let what = "\\unrestrict: not currently in restricted mode";
                    return Err(Fault::new(Problem::Arguments, what).at(place));
                }
            },
            Command::NoEffect { command } if self.noted.insert(command) => {
                let text = format!("\\{command} has no effect here");
                return Ok(Some(Item::Notice { text, place }));
            }
            Command::NoEffect { .. } | Command::Nothing => {}
        }
        Ok(None)
    }
}

impl<R> std::fmt::Debug for Script<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let files: Vec<_> = self.stack.iter().map(|level| &level.path).collect();
        f.debug_struct("Script").field("files", &files).finish_non_exhaustive()
    }
}

impl Level {
    fn place(&self, at: At) -> Place {
        Place {
            file: Arc::clone(&self.path),
            line: at.line,
            column: at.column,
            span: Span { start: at.start, end: at.end },
            includes: Arc::clone(&self.includes),
        }
    }

    fn error(&self, fault: FileFault) -> ScriptError {
        fault.fault.at(self.place(fault.at))
    }
}

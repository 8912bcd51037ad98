//! A script with everything it includes, as one stream of statements and messages.

use super::autocommit;
use super::classify;
use super::coding::Coding;
use super::data_file::DataFile;
use super::error::{Fault, Problem, ScriptError};
use super::item::{Item, Switch};
use super::meta::Command;
use super::place::{IncludedFrom, Place, Span};
use super::resolve::{Memory, Resolver};
use super::special::{self, Outcome};
use super::split::{Around, At, Event, FileFault, Splitter};
use super::statement::Statement;
use super::tally::Tally;
use super::then::Then;
use super::vars::{self, Origin, Variables};
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// How deep `\i` may go; a script that includes itself stops here.
pub const INCLUDE_DEPTH: usize = 32;

pub(super) struct Level {
    pub(super) splitter: Splitter<Box<dyn Read + Send>>,
    path: Arc<Path>,
    includes: Arc<[IncludedFrom]>,
}

/// A script being read. Nothing is read ahead: what a statement needs, and no more.
pub struct Script<R> {
    pub(super) resolver: R,
    pub(super) stack: Vec<Level>,
    pub(super) vars: Variables,
    pub(super) standard_strings: bool,
    pub(super) coding: Coding,
    keep_pieces: bool,
    restricted: Option<String>,
    pub(super) noted: BTreeSet<&'static str>,
    tally: Tally,
    /// Statements are under way whose results the variables don't have yet.
    pending: bool,
    /// It is read without a server.
    looking: bool,
    /// Commands in backticks that were passed by while it is only looked at.
    backticks: Vec<(String, Place)>,
    /// Behind the `\copy` that came last.
    pub(super) data: Option<DataFile>,
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
            coding: Coding::Utf8,
            keep_pieces: false,
            restricted: None,
            noted: BTreeSet::new(),
            tally: Tally::default(),
            pending: false,
            looking: false,
            backticks: Vec::new(),
            data: None,
        };
        script.vars.begin();
        let place = Place {
            file: Path::new(file).into(),
            line: 1,
            column: 1,
            span: Span::default(),
            includes: Arc::new([]),
            generated: None,
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

    /// From now on it is read without a server: what results decide may be one way or the other.
    pub fn look_only(&mut self) {
        self.looking = true;
        self.vars.look_only();
    }

    /// The session's client_encoding, as the server reports it.
    pub fn set_encoding(&mut self, encoding: &str) {
        if self.vars.text("ENCODING") != Some(encoding) {
            self.vars.encoded(encoding);
        }
        // One that isn't known has letters of one byte, or of several high ones.
        self.set_coding(Coding::named(encoding).unwrap_or(Coding::Single(None)));
    }

    pub(super) fn set_coding(&mut self, coding: Coding) {
        if self.coding != coding {
            self.coding = coding;
            self.stack.iter_mut().for_each(|level| level.splitter.set_coding(coding));
        }
    }

    /// How what comes next is read.
    pub fn coding(&self) -> Coding {
        self.coding
    }

    /// Statements were sent whose answers aren't there yet.
    pub fn sent(&mut self) {
        self.pending = true;
    }

    /// Everything is answered; this is how the last statement ended.
    pub fn settled(&mut self, last: Option<&Outcome>) {
        self.pending = false;
        if let Some(outcome) = last {
            self.vars.outcome(outcome);
        }
    }

    /// A statement was passed over because it ran before a stop: nobody knows its result any more.
    pub fn skipped(&mut self) {
        self.vars.results_are_gone();
    }

    /// Whether one of psql's switches is on.
    pub fn is_on(&self, switch: Switch) -> bool {
        special::is_on(&self.vars, switch.name())
    }

    /// Whether psql, with AUTOCOMMIT off, begins a transaction before this statement when none is open.
    pub fn begins_before(&self, statement: &Statement) -> bool {
        // libpq itself sends what `\encoding` asks for.
        let by_psql = statement.then != Then::Nothing;
        by_psql && !self.is_on(Switch::Autocommit) && autocommit::needs_begin(&statement.text)
    }

    /// What the command in backticks gave, without a newline at its end.
    pub fn answer(&mut self, mut output: String) {
        if output.ends_with('\n') {
            output.pop();
        }
        if let Some(level) = self.stack.last_mut() {
            level.splitter.answer(output);
        }
    }

    /// A shell command has ended: what psql 16 keeps of it.
    pub fn shell_ended(&mut self, code: i32) {
        self.vars.shell_ended(code);
    }

    /// Commands in backticks that were passed by since the last call, since the script is only looked at.
    pub fn take_backticks(&mut self) -> Vec<(String, Place)> {
        std::mem::take(&mut self.backticks)
    }

    /// `\gset` of a row: names of columns and values, `None` for NULL. What psql would say of it comes back.
    ///
    /// # Errors
    /// When a column's name can't be a variable's; those before it are set, as in psql.
    pub fn take_row(
        &mut self,
        prefix: &str,
        row: &[(String, Option<String>)],
        place: &Place,
    ) -> Result<Vec<String>, vars::VariableError> {
        let (mut said, by) = (Vec::new(), place.file_and_line());
        for (column, value) in row {
            let name = format!("{prefix}{column}");
            if special::is_obeyed(&name) {
                said.push(format!("attempt to \\gset into specially treated variable {name:?} ignored"));
                continue;
            }
            match value {
                Some(value) => {
                    self.vars.set_from(&name, value.clone(), Origin::Database { raw_allowed: false })?;
                    self.vars.give_by(&name, &by);
                }
                None if vars::is_name(&name) => self.vars.unset(&name),
                None => return Err(vars::VariableError::Name(name)),
            }
        }
        Ok(said)
    }

    /// The statement isn't run: what its result would set isn't known from here on.
    pub(super) fn pass(&mut self, statement: &Statement) {
        let Then::Set { prefix } = &statement.then else { return };
        let by = statement.place.file_and_line();
        match statement.names_in_result() {
            None => self.vars.forget_all(prefix, &by),
            Some(names) => {
                for name in names.iter().map(|name| format!("{prefix}{name}")) {
                    if vars::is_name(&name) && !special::is_obeyed(&name) {
                        self.vars.forget(&name);
                        self.vars.give_by(&name, &by);
                    }
                }
            }
        }
    }

    pub fn variables(&self) -> &Variables {
        &self.vars
    }

    pub fn variables_mut(&mut self) -> &mut Variables {
        &mut self.vars
    }

    /// The beginning of the file that is read.
    pub(super) fn begin(&self) -> Option<Place> {
        self.stack.last().map(|level| level.place(At { line: 1, column: 1, ..At::default() }))
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
            let around = Around {
                vars: &self.vars,
                restricted: self.restricted.is_some(),
                pending: self.pending,
                looking: self.looking,
            };
            let next = level.splitter.next(around);
            if self.looking {
                let found = level.splitter.take_backticks();
                self.backticks.extend(found.into_iter().map(|(command, at)| (command, level.place(at))));
            }
            match next {
                Ok(Some(Event::Backticks { command, at })) => {
                    return Ok(Some(Item::Backticks { command, place: level.place(at) }));
                }
                Ok(Some(Event::Settle)) => return Ok(Some(Item::Settle)),
                Ok(Some(Event::Statement { found, then, bind })) => {
                    let at = At {
                        start: found.start.offset,
                        end: found.end,
                        line: found.start.line,
                        column: found.start.column,
                    };
                    let (kind, touches_lock_timeout) = classify::classify(&found.text);
                    let statement = Statement {
                        place: level.place(at),
                        kind,
                        touches_lock_timeout,
                        then,
                        bind,
                        uncertain: level.splitter.uncertain(),
                        file: None,
                        coding: self.coding,
                        text: found.text,
                        map: found.map,
                    };
                    if let Then::Show { to, .. } = &statement.then {
                        let statement_place = &statement.place;
                        self.in_default_form("\\g", to, statement_place)?;
                    }
                    if self.looking {
                        self.pass(&statement);
                    }
                    return Ok(Some(Item::Statement(statement)));
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
                    generated: None,
                };
                Fault::new(Problem::Read, "the data can't be read").why(error.to_string()).at(place)
            });
        }
        let Some(level) = self.stack.last_mut() else { return Ok(false) };
        level.splitter.copy(chunk).map_err(|fault| level.error(fault))
    }

    /// Where the next line of the data stands that [`Script::copy_chunk`] gives: in the script, or in the file of
    /// a `\\copy`.
    pub fn data_place(&self) -> Option<Place> {
        let level = self.stack.last()?;
        let line = level.splitter.data_line();
        let place = level.place(At { start: 0, end: 0, line, column: 1 });
        Some(match &self.data {
            Some(data) => {
                Place { file: Arc::clone(&data.path), line: data.line(), includes: Arc::new([]), ..place }
            }
            None => place,
        })
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
        splitter.set_coding(self.coding);
        if self.keep_pieces {
            splitter.tally_mut().keep_pieces();
        }
        let mut includes = place.includes.to_vec();
        if from.is_some() {
            includes.push(IncludedFrom {
                file: Arc::clone(&place.file),
                line: place.line,
                column: place.column,
            });
        }
        self.stack.push(Level { splitter, path: opened.path, includes: includes.into() });
        Ok(())
    }

    fn carry_out(&mut self, command: Command, place: Place) -> Result<Option<Item>, ScriptError> {
        match command {
            Command::Include { name, relative } => {
                self.enter(Some(&Arc::clone(&place.file)), &name, relative, &place)?;
            }
            Command::Set { name, value, from_database, unknown } => {
                let origin = match (from_database, unknown) {
                    (raw, true) => Origin::Unknown { raw_allowed: !raw },
                    (true, false) => Origin::Database { raw_allowed: false },
                    (false, false) => Origin::Author,
                };
                if let Some(switch) = Switch::of(&name) {
                    let _ = self.vars.set(&name, value);
                    return Ok(Some(Item::Switched { switch, on: self.is_on(switch), place }));
                }
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
            Command::Connect(connect) => return Ok(Some(Item::Connect { connect, place })),
            Command::Encoding { name } => return self.encoding(&name, place).map(Some),
            Command::Output { to } => {
                self.in_default_form("\\o", &to, &place)?;
                return Ok(Some(Item::Output { to, place }));
            }
            Command::Shell { command } => return Ok(Some(Item::Shell { command, place })),
            // Those that the splitter carries out itself, and those that do nothing.
            Command::Send { .. }
            | Command::Bind { .. }
            | Command::Print
            | Command::Reset
            | Command::Quit
            | Command::NoEffect { .. }
            | Command::Nothing => {}
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
            generated: None,
        }
    }

    fn error(&self, fault: FileFault) -> ScriptError {
        fault.fault.at(self.place(fault.at))
    }
}

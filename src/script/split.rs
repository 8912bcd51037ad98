//! One file cut into statements and commands, as psql's main loop does it: line by line.

use super::condition::{Conditions, Saved, Text};
use super::error::{Fault, Problem};
use super::lex::{Form, Lexer, TokenKind};
use super::meta::{self, Branching, Command};
use super::query::{Finished, From, Query};
use super::slash::Cursor;
use super::source::{Columns, LineAt, Source, SourceFault};
use super::tally::{Class, Tally};
use super::vars::{Variables, quote_identifier, quote_literal};
use std::io::Read;

/// What a file holds next.
#[derive(Debug)]
pub(super) enum Event {
    Statement(Finished),
    Command { command: Command, at: At },
}

/// A place within the file.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct At {
    pub start: u64,
    pub end: u64,
    pub line: u64,
    pub column: u64,
}

#[derive(Debug)]
pub(super) struct FileFault {
    pub fault: Fault,
    pub at: At,
}

impl std::convert::From<SourceFault> for FileFault {
    fn from(f: SourceFault) -> Self {
        let at = At { start: f.offset, end: f.offset, line: f.line, column: f.column };
        FileFault { fault: f.fault, at }
    }
}

/// What the file sees of the world around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around<'a> {
    pub vars: &'a Variables,
    /// `\restrict` is in force: no command but `\unrestrict`.
    pub restricted: bool,
}

/// The value of a variable that is being lexed in the place of its name.
#[derive(Debug)]
struct Pasted {
    name: String,
    text: Vec<u8>,
    pos: usize,
}

#[derive(Debug)]
pub(super) struct Splitter<R> {
    source: Source<R>,
    lexer: Lexer,
    line: Vec<u8>,
    at: LineAt,
    /// How far the line is read; none between lines.
    pos: Option<usize>,
    /// Values being pasted, innermost last, and where in the line the outermost one is named.
    pasted: Vec<Pasted>,
    named: (usize, usize),
    columns: Columns,
    query: Query,
    conditions: Conditions,
    tally: Tally,
    ended: bool,
}

impl<R: Read> Splitter<R> {
    pub fn new(reader: R) -> Self {
        Splitter {
            source: Source::new(reader),
            lexer: Lexer::new(),
            line: Vec::new(),
            at: LineAt::default(),
            pos: None,
            pasted: Vec::new(),
            named: (0, 0),
            columns: Columns::default(),
            query: Query::default(),
            conditions: Conditions::default(),
            tally: Tally::default(),
            ended: false,
        }
    }

    pub fn set_standard_strings(&mut self, on: bool) {
        self.lexer.set_standard_strings(on);
    }

    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    pub fn tally_mut(&mut self) -> &mut Tally {
        &mut self.tally
    }

    /// The next chunk of inline COPY data. As in psql it begins with the next line; what stands behind
    /// the COPY in its own line comes after the data.
    pub fn copy(&mut self, out: &mut Vec<u8>) -> Result<bool, FileFault> {
        let start = self.source.offset();
        let more = self.source.copy(out);
        self.tally.add(Class::CopyData, start, self.source.offset());
        Ok(more?)
    }

    /// The file ended in COPY data, without the line that ends them.
    pub fn copy_cut_off(&self) -> bool {
        self.source.copy_cut_off
    }

    pub fn next(&mut self, around: Around<'_>) -> Result<Option<Event>, FileFault> {
        loop {
            if self.pos.is_none() && !self.next_line()? {
                return self.finish();
            }
            if let Some(event) = self.scan(around)? {
                return Ok(Some(event));
            }
            self.end_line();
        }
    }

    /// Reads the next line that isn't blank. False at the end of the file.
    fn next_line(&mut self) -> Result<bool, FileFault> {
        loop {
            let before = self.source.offset();
            let read = self.source.line(&mut self.line);
            let after = self.source.offset();
            let Some(at) = read.inspect_err(|_| self.tally.add(Class::Bad, before, after))? else {
                return Ok(false);
            };
            self.tally.add(Class::Filler, before, at.offset); // the byte-order mark
            if self.line.is_empty() && !self.lexer.in_quote() {
                // psql drops blank lines even in the middle of a statement.
                self.tally.add(Class::Filler, at.offset, after);
                continue;
            }
            if self.conditions.active() {
                self.query.line_break(at.offset.saturating_sub(1), at.number.saturating_sub(1));
            }
            self.at = at;
            self.pos = Some(0);
            self.columns = Columns::default();
            return Ok(true);
        }
    }

    fn end_line(&mut self) {
        self.pos = None;
        if self.at.newline {
            let end = self.at.offset + self.line.len() as u64;
            let class = match (self.conditions.active(), self.query.is_empty()) {
                (false, _) => Class::Skipped,
                (true, false) => Class::Statement,
                (true, true) => Class::Filler,
            };
            self.tally.add(class, end, end + 1);
        }
    }

    /// At the end of the file psql sends what it has, finished or not; only then it looks at `\if`.
    fn finish(&mut self) -> Result<Option<Event>, FileFault> {
        if !self.query.is_empty() && self.conditions.active() {
            self.query.cut_off();
            return Ok(Some(Event::Statement(self.query.finish())));
        }
        self.query.truncate(0);
        if !self.conditions.is_empty() && !self.ended {
            self.ended = true;
            let end = self.source.offset();
            let at = At { start: end, end, line: self.source.lines(), column: 1 };
            let fault = Fault::new(Problem::Condition, "reached the end without finding closing \\endif(s)")
                .why("\\if blocks begin and end in the same file");
            return Err(FileFault { fault, at });
        }
        Ok(None)
    }

    /// Goes on in the line. None at its end.
    fn scan(&mut self, around: Around<'_>) -> Result<Option<Event>, FileFault> {
        let line = std::mem::take(&mut self.line);
        let event = self.scan_line(&line, around);
        self.line = line;
        event
    }

    fn scan_line(&mut self, line: &[u8], around: Around<'_>) -> Result<Option<Event>, FileFault> {
        loop {
            if let Some(mut value) = self.pasted.pop() {
                let Some(token) = self.lexer.step(&value.text, value.pos) else { continue };
                value.pos = token.end;
                let text = value.text[token.start..token.end].to_vec();
                self.pasted.push(value);
                if self.take(line, &text, token.kind, around)? {
                    return Ok(Some(Event::Statement(self.query.finish())));
                }
                continue;
            }
            let Some(token) = self.pos.and_then(|pos| self.lexer.step(line, pos)) else { return Ok(None) };
            self.named = (token.start, token.end);
            self.pos = Some(token.end);
            if token.kind == TokenKind::Backslash {
                if let Some(event) = self.command(line, token.start, around)? {
                    return Ok(Some(event));
                }
                continue;
            }
            let class = match token.kind {
                _ if !self.conditions.active() => Class::Skipped,
                TokenKind::Space | TokenKind::LineComment if self.query.is_empty() => Class::Filler,
                _ => Class::Statement,
            };
            self.tally.add(class, self.offset(token.start), self.offset(token.end));
            if self.take(line, &line[token.start..token.end], token.kind, around)? {
                return Ok(Some(Event::Statement(self.query.finish())));
            }
        }
    }

    fn offset(&self, pos: usize) -> u64 {
        self.at.offset + pos as u64
    }

    /// One token of SQL. True when it ends the statement.
    fn take(
        &mut self,
        line: &[u8],
        text: &[u8],
        kind: TokenKind,
        around: Around<'_>,
    ) -> Result<bool, FileFault> {
        if !self.conditions.active() {
            return Ok(false); // neither sent nor substituted, and thrown away at the next \else or \endif
        }
        match kind {
            TokenKind::Space | TokenKind::LineComment if self.query.is_empty() => {}
            TokenKind::Escaped => self.push(line, &text[1..]),
            TokenKind::Variable(form) => return self.variable(line, text, form, around).map(|()| false),
            // Only in a value: in the line itself it begins a command.
            TokenKind::Backslash => {
                self.pasted.clear();
                let fault = Fault::new(Problem::Variable, "the variable's value holds a backslash command")
                    .why("psql would run it; a value is no place for commands")
                    .todo("use :'name' to paste it as a string");
                return Err(self.fault(line, fault, self.named));
            }
            _ => {
                self.push(line, text);
                return Ok(kind == TokenKind::Semicolon);
            }
        }
        Ok(false)
    }

    fn push(&mut self, line: &[u8], text: &[u8]) {
        let (start, end) = self.named;
        let pasted = !self.pasted.is_empty();
        let (offset, end) = (self.offset(start), self.offset(end));
        let from = From { offset, line: self.at.number, end, pasted };
        let columns = &mut self.columns;
        self.query.push(text, from, || columns.at(line, start));
    }

    fn variable(
        &mut self,
        line: &[u8],
        text: &[u8],
        form: Form,
        around: Around<'_>,
    ) -> Result<(), FileFault> {
        let name = match form {
            Form::Raw => &text[1..],
            Form::Literal | Form::Identifier => &text[2..text.len() - 1],
            Form::IsSet => &text[3..text.len() - 1],
        };
        let name = String::from_utf8_lossy(name).into_owned();
        let pasted = match (form, around.vars.get(&name)) {
            (Form::IsSet, value) => if value.is_some() { "TRUE" } else { "FALSE" }.to_owned(),
            (_, None) => {
                self.push(line, text);
                return Ok(());
            }
            (Form::Literal, Some(value)) => quote_literal(&value.text),
            (Form::Identifier, Some(value)) => quote_identifier(&value.text),
            (Form::Raw, Some(value)) => {
                if self.pasted.iter().any(|outer| outer.name == name) {
                    self.push(line, text); // psql doesn't expand a variable inside itself
                    return Ok(());
                }
                if !value.raw_allowed() {
                    let what = format!(":{name} would paste a value from the database into SQL");
                    let fault = Fault::new(Problem::Variable, what)
                        .why("whoever wrote that value would write a part of this statement")
                        .todo(format!("use :'{name}' or :\"{name}\", or name it in unsafe_vars"));
                    return Err(self.fault(line, fault, self.named));
                }
                let column = self.columns.at(line, self.named.0);
                self.query.raw(&name, self.offset(self.named.0), self.at.number, column);
                self.pasted.push(Pasted { name, text: value.text.clone().into_bytes(), pos: 0 });
                return Ok(());
            }
        };
        // Marked as pasted, so that a position inside it leads to the name.
        self.pasted.push(Pasted { name: String::new(), text: Vec::new(), pos: 0 });
        self.push(line, pasted.as_bytes());
        self.pasted.pop();
        Ok(())
    }

    fn fault(&mut self, line: &[u8], fault: Fault, (start, end): (usize, usize)) -> FileFault {
        FileFault { fault, at: self.place(line, start, end) }
    }

    fn place(&mut self, line: &[u8], start: usize, end: usize) -> At {
        let column = self.columns.at(line, start);
        At { start: self.offset(start), end: self.offset(end), line: self.at.number, column }
    }

    /// A backslash at `start`: reads the command and its arguments.
    fn command(&mut self, line: &[u8], start: usize, around: Around<'_>) -> Result<Option<Event>, FileFault> {
        self.query.command();
        let mut cursor = Cursor::new(line, start + 1);
        let result = self.read_command(&mut cursor, around);
        if result.is_err() {
            cursor.whole_line(); // psql throws away the rest of the line
        } else {
            cursor.end();
        }
        let end = cursor.pos;
        self.pos = Some(end);
        self.tally.add(Class::Command, self.offset(start), self.offset(end));
        match result {
            Ok(Command::Nothing) => Ok(None),
            Ok(command) => Ok(Some(Event::Command { command, at: self.place(line, start, end) })),
            Err(fault) => Err(self.fault(line, fault, (start, end))),
        }
    }

    fn read_command(&mut self, cursor: &mut Cursor<'_>, around: Around<'_>) -> Result<Command, Fault> {
        let name = cursor.command();
        if around.restricted && name != "unrestrict" {
            let what = format!("\\{name}: only \\unrestrict is allowed behind \\restrict");
            return Err(Fault::new(Problem::Refused, what).why("pg_dump guards its output with \\restrict"));
        }
        let mut command = Command::Nothing;
        if let Some(branching) = meta::branching(&name) {
            self.branch(branching, &name, cursor, around.vars)?;
        } else if self.conditions.active() {
            command = meta::parse(&name, cursor, around.vars)?;
        } else if !meta::skip(&name, cursor)? {
            return Err(meta::unknown(&name));
        }
        meta::rest(cursor)?;
        Ok(command)
    }

    fn branch(
        &mut self,
        branching: Branching,
        name: &str,
        cursor: &mut Cursor<'_>,
        vars: &Variables,
    ) -> Result<(), Fault> {
        let now = Saved { query_len: self.query.len(), paren_depth: self.lexer.paren_depth() };
        let text = match branching {
            Branching::If => {
                let value =
                    if self.conditions.active() { meta::condition(name, cursor, vars) } else { Ok(false) };
                // The block is there whatever its value is: its \endif must not look lonely to a scan.
                self.conditions.begin(value.as_ref().is_ok_and(|value| *value), now);
                value.map(|_| Text::Keep)?
            }
            Branching::Elif => {
                let value = self.conditions.elif_matters() && meta::condition(name, cursor, vars)?;
                self.conditions.elif(value, now)?
            }
            Branching::Else => self.conditions.otherwise(now)?,
            Branching::Endif => self.conditions.end()?,
        };
        if let Text::Discard(saved) = text {
            self.query.truncate(saved.query_len);
            self.lexer.set_paren_depth(saved.paren_depth);
        }
        Ok(())
    }
}

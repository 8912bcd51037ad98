//! One file cut into statements and commands, as psql's main loop does it: line by line.

use super::coding::{self, Coding};
use super::condition::Conditions;
use super::error::{Fault, Problem};
use super::lex::{Form, Lexer, TokenKind};
use super::meta::Command;
use super::query::{Finished, From, Query};
use super::source::{Columns, LineAt, Source, SourceFault};
use super::special;
use super::tally::{Class, Tally};
use super::then::Then;
use super::vars::{Variables, quote_identifier, quote_literal};
use std::io::Read;

/// What a file holds next.
#[derive(Debug)]
pub(super) enum Event {
    Statement {
        found: Finished,
        then: Then,
        /// `\bind`
        bind: Option<Vec<String>>,
    },
    Command {
        command: Command,
        at: At,
    },
    /// A command in backticks is to be run, and its output given to [`Splitter::answer`].
    Backticks {
        command: String,
        at: At,
    },
    /// What comes next depends on answers that aren't there yet.
    Settle,
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
    /// Statements are under way: their results aren't in the variables yet.
    pub pending: bool,
    /// Nothing is run: what only the run knows may be one thing or the other.
    pub looking: bool,
}

/// A statement of at most this many bytes can be sent again by `\g`.
pub(super) const AGAIN: usize = 1024 * 1024;

/// The value of a variable that is being lexed in the place of its name.
#[derive(Debug)]
struct Pasted {
    name: String,
    text: Vec<u8>,
    pos: usize,
}

#[derive(Debug)]
pub(super) struct Splitter<R> {
    pub(super) source: Source<R>,
    pub(super) lexer: Lexer,
    pub(super) line: Vec<u8>,
    pub(super) at: LineAt,
    /// How far the line is read; none between lines.
    pub(super) pos: Option<usize>,
    /// Values being pasted, innermost last, and where in the line the outermost one is named.
    pasted: Vec<Pasted>,
    pub(super) named: (usize, usize),
    /// Where the line has marks in the place of bytes.
    marks: Vec<usize>,
    pub(super) columns: Columns,
    pub(super) query: Query,
    /// The statement before, for a `\g` that has none of its own; none when it was too long.
    pub(super) previous: Option<Finished>,
    /// What the backticks of the command that is read have given so far.
    pub(super) answers: Vec<String>,
    /// Commands in backticks that were passed by, since nothing is run.
    pub(super) backticks: Vec<(String, At)>,
    /// Values for the next statement's parameters.
    pub(super) bind: Option<Vec<String>>,
    pub(super) conditions: Conditions,
    pub(super) tally: Tally,
    /// `\q`
    pub(super) quit: bool,
    pub(super) ended: bool,
    /// How strings are read in the next line.
    standard_strings: bool,
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
            marks: Vec::new(),
            columns: Columns::default(),
            query: Query::default(),
            previous: Some(Finished::default()),
            answers: Vec::new(),
            backticks: Vec::new(),
            bind: None,
            conditions: Conditions::default(),
            tally: Tally::default(),
            quit: false,
            ended: false,
            standard_strings: true,
        }
    }

    /// From the next line on: psql looks at the setting once for each.
    pub fn set_standard_strings(&mut self, on: bool) {
        self.standard_strings = on;
    }

    /// What the command in backticks gave.
    pub fn answer(&mut self, output: String) {
        self.answers.push(output);
    }

    /// Commands in backticks that were found while nothing is run.
    pub fn take_backticks(&mut self) -> Vec<(String, At)> {
        std::mem::take(&mut self.backticks)
    }

    /// How what follows is to be read.
    pub fn set_coding(&mut self, coding: Coding) {
        self.source.set_coding(coding);
    }

    /// Whether only the run knows if what stands here is executed.
    pub fn uncertain(&self) -> bool {
        self.conditions.uncertain()
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

    /// The line that the data goes on with.
    pub fn data_line(&self) -> u64 {
        self.source.lines() + 1
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
        if self.quit {
            return Ok(false);
        }
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
            self.lexer.set_standard_strings(self.standard_strings);
            self.at = at;
            self.pos = Some(0);
            self.columns = Columns::default();
            self.marks.clear();
            if at.marked {
                self.marks.extend(coding::marks(&self.line));
            }
            return Ok(true);
        }
    }

    fn end_line(&mut self) {
        self.pos = None;
        if self.at.newline {
            let end = self.offset(self.line.len());
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
            return Ok(Some(self.statement()));
        }
        self.query.truncate(0);
        if !self.conditions.is_empty() && !self.ended && !self.quit {
            self.ended = true;
            let end = self.source.offset();
            let at = At { start: end, end, line: self.source.lines(), column: 1 };
            let begun = self.conditions.begun().map_or(String::new(), |begun| {
                format!("the \\if in line {}, column {} isn't closed; ", begun.line, begun.column)
            });
            let fault = Fault::new(Problem::Condition, "reached the end without finding closing \\endif(s)")
                .why(format!("{begun}\\if blocks begin and end in the same file"));
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
                let text = value.text[token.start..token.end].to_vec();
                if self.must_wait(&text, token.kind, around) {
                    self.pasted.push(value);
                    return Ok(Some(Event::Settle));
                }
                value.pos = token.end;
                self.pasted.push(value);
                if self.take(line, &text, token.kind, around)? {
                    return Ok(Some(self.statement()));
                }
                continue;
            }
            let Some(token) = self.pos.and_then(|pos| self.lexer.step(line, pos)) else { return Ok(None) };
            if self.must_wait(&line[token.start..token.end], token.kind, around) {
                return Ok(Some(Event::Settle));
            }
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
                return Ok(Some(self.statement()));
            }
        }
    }

    /// The token can't be read before every answer is there: a command, or a variable that results set.
    fn must_wait(&self, text: &[u8], kind: TokenKind, around: Around<'_>) -> bool {
        if !around.pending || !self.conditions.active() {
            return around.pending && kind == TokenKind::Backslash;
        }
        match kind {
            TokenKind::Backslash => true,
            TokenKind::Variable(form) => special::is_of_results(&name_in(text, form)),
            _ => false,
        }
    }

    /// A statement ends here.
    fn statement(&mut self) -> Event {
        let found = self.query.finish();
        self.previous = (found.text.len() <= AGAIN).then(|| found.clone());
        Event::Statement { found, then: Then::PLAIN, bind: self.bind.take() }
    }

    pub(super) fn offset(&self, pos: usize) -> u64 {
        // A mark has four bytes and stands for one.
        let marks = self.marks.partition_point(|mark| *mark < pos);
        self.at.offset + (pos - 3 * marks) as u64
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
        let name = name_in(text, form);
        if !around.looking && around.vars.get(&name).is_some_and(|value| value.is_unknown()) {
            return Err(self.fault(line, gone(&name), self.named));
        }
        let pasted = match (form, around.vars.get(&name)) {
            (Form::IsSet, value) => if value.is_some() { "TRUE" } else { "FALSE" }.to_owned(),
            (form, None) => {
                if form == Form::Raw
                    && around.looking
                    && around.vars.may_be_pasted(&name)
                    && !self.in_slice(line)
                {
                    return Err(self.fault(line, pastes(&name, around.vars), self.named));
                }
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
                    return Err(self.fault(line, pastes(&name, around.vars), self.named));
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

    /// Behind a bracket of its line that isn't closed a colon is rather the slice of an array.
    fn in_slice(&self, line: &[u8]) -> bool {
        let before = line.get(..self.named.0).unwrap_or_default();
        let count = |bracket: u8| before.iter().filter(|byte| **byte == bracket).count();
        count(b'[') > count(b']')
    }

    pub(super) fn fault(&mut self, line: &[u8], fault: Fault, (start, end): (usize, usize)) -> FileFault {
        FileFault { fault, at: self.place(line, start, end) }
    }

    pub(super) fn place(&mut self, line: &[u8], start: usize, end: usize) -> At {
        let column = self.columns.at(line, start);
        At { start: self.offset(start), end: self.offset(end), line: self.at.number, column }
    }
}

/// A value that the database gave can't be a part of the SQL as it is.
fn pastes(name: &str, vars: &Variables) -> Fault {
    let who = "whoever wrote that value would write a part of this statement";
    let (why, prefix) = match vars.given_by(name) {
        Some((by, true)) => (format!("the \\gset at {by} sets it, and {who}"), ""),
        Some((by, false)) => (
            format!(
                "the query of the \\gset at {by} may have a column of any name, also of this one, and {who}"
            ),
            "give that \\gset a prefix (\\gset x_), or ",
        ),
        None => (who.to_owned(), ""),
    };
    Fault::new(Problem::Variable, format!(":{name} would paste a value from the database into SQL"))
        .why(why)
        .todo(format!("{prefix}use :'{name}' or :\"{name}\", or name it in unsafe_vars"))
}

/// What a statement left in this variable is gone: it ran before a stop.
pub(super) fn gone(name: &str) -> Fault {
    Fault::new(Problem::Variable, format!("{name} isn't known any more"))
        .why("the statement that set it was applied before a stop and isn't run again")
        .todo("finish the rest by hand and leave the step out, or roll back")
}

/// The variable's name in `:name`, `:'name'`, `:"name"` or `:{?name}`.
fn name_in(text: &[u8], form: Form) -> String {
    let name = match form {
        Form::Raw => &text[1..],
        Form::Literal | Form::Identifier => &text[2..text.len() - 1],
        Form::IsSet => &text[3..text.len() - 1],
    };
    String::from_utf8_lossy(name).into_owned()
}

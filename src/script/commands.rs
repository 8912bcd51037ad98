//! Backslash commands within a file: those that work on the statement being collected are carried out
//! here, as in psql's `HandleSlashCmds`; the others are handed on.

use super::condition::{Saved, Text, Truth};
use super::error::{Fault, Problem};
use super::meta::{self, Branching, Command};
use super::query::{Finished, Start};
use super::slash::Cursor;
use super::split::{AGAIN, Around, At, Event, FileFault, Splitter, gone};
use super::tally::Class;
use super::then::Then;
use super::vars::Variables;
use std::io::Read;

impl<R: Read> Splitter<R> {
    /// A backslash at `start`: reads the command and its arguments.
    pub(super) fn command(
        &mut self,
        line: &[u8],
        start: usize,
        around: Around<'_>,
    ) -> Result<Option<Event>, FileFault> {
        self.query.command();
        let answers = std::mem::take(&mut self.answers);
        let mut cursor = Cursor::new(line, start + 1);
        (cursor.answers, cursor.looking) = (&answers, around.looking);
        let result = self.read_command((line, start), &mut cursor, around);
        if cursor.waits {
            // The command is read anew when the output is there.
            let command = cursor.backticks.pop().unwrap_or_default();
            let at = self.place(line, start, cursor.pos);
            self.pos = Some(start);
            self.answers = answers;
            return Ok(Some(Event::Backticks { command, at }));
        }
        let backticks = std::mem::take(&mut cursor.backticks);
        if result.is_err() {
            cursor.whole_line(); // psql throws away the rest of the line
        } else {
            cursor.end();
        }
        let end = cursor.pos;
        self.pos = Some(end);
        self.tally.add(Class::Command, self.offset(start), self.offset(end));
        let at = self.place(line, start, end);
        if around.looking {
            self.backticks.extend(backticks.into_iter().map(|command| (command, at)));
        }
        match result {
            Ok(Command::Nothing) => Ok(None),
            Ok(Command::Send { then }) => self.send(then, at).map(Some),
            Ok(Command::Bind { values }) => {
                self.bind = Some(values);
                Ok(None)
            }
            Ok(Command::Reset) => {
                self.query.truncate(0);
                self.previous = Some(Finished::default());
                self.lexer.forget();
                Ok(None)
            }
            Ok(Command::Print) => {
                let text = match (self.query.is_empty(), &self.previous) {
                    (false, _) => self.query.text(),
                    (true, Some(previous)) => previous.text.clone(),
                    (true, None) => String::new(),
                };
                let command = Command::Echo { text: text + "\n", to: meta::EchoTo::Out };
                Ok(Some(Event::Command { command, at }))
            }
            // What stands behind it may run all the same.
            Ok(Command::Quit) if around.looking && self.uncertain() => Ok(None),
            Ok(Command::Quit) => {
                self.quit = true;
                self.pos = Some(line.len());
                self.tally.add(Class::Skipped, self.offset(end), self.offset(line.len()));
                Ok(None)
            }
            Ok(command) => Ok(Some(Event::Command { command, at })),
            Err(fault) => Err(self.fault(line, fault, (start, end))),
        }
    }

    fn read_command(
        &mut self,
        (line, start): (&[u8], usize),
        cursor: &mut Cursor<'_>,
        around: Around<'_>,
    ) -> Result<Command, Fault> {
        let name = cursor.command();
        if around.restricted && name != "unrestrict" {
            let what = format!("\\{name}: only \\unrestrict is allowed behind \\restrict");
            return Err(Fault::new(Problem::Refused, what).why("pg_dump guards its output with \\restrict"));
        }
        let mut command = Command::Nothing;
        if let Some(branching) = meta::branching(&name) {
            let at = self.place(line, start, cursor.pos);
            self.branch(branching, &name, cursor, (around.vars, at))?;
        } else if self.conditions.active() {
            command = meta::parse(&name, cursor, around.vars)?;
        } else if !meta::skip(&name, cursor)? {
            return Err(meta::unknown(&name));
        }
        meta::rest(cursor)?;
        if let Some(name) = cursor.unknown.take().filter(|_| !around.looking) {
            return Err(gone(&name));
        }
        Ok(command)
    }

    fn branch(
        &mut self,
        branching: Branching,
        name: &str,
        cursor: &mut Cursor<'_>,
        (vars, at): (&Variables, At),
    ) -> Result<(), Fault> {
        let now = Saved { query_len: self.query.len(), paren_depth: self.lexer.paren_depth() };
        let text = match branching {
            Branching::If => {
                let active = self.conditions.active();
                let value = if active { meta::condition(name, cursor, vars) } else { Ok(Truth::No) };
                if cursor.waits {
                    return value.map(drop);
                }
                // The block is there whatever its value is: its \endif must not look lonely to a scan.
                self.conditions.begin(value.as_ref().map_or(Truth::No, |value| *value), now, at);
                value.map(|_| Text::Keep)?
            }
            Branching::Elif => {
                let matters = self.conditions.elif_matters();
                let value = if matters { meta::condition(name, cursor, vars)? } else { Truth::No };
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
    /// `\g` and its kin at this place.
    fn send(&mut self, then: Then, at: At) -> Result<Event, FileFault> {
        let mut found = self.query.finish();
        if found.text.is_empty() {
            let Some(previous) = &self.previous else {
                let fault =
                    Fault::new(Problem::Arguments, "the statement before is too long to be sent again")
                        .todo("write it out once more");
                return Err(FileFault { fault, at });
            };
            found = previous.clone();
            found.start = Start { offset: at.start, line: at.line, column: at.column };
        } else {
            self.previous = (found.text.len() <= AGAIN).then(|| found.clone());
        }
        found.end = at.end;
        self.lexer.forget();
        Ok(Event::Statement { found, then, bind: self.bind.take() })
    }
}

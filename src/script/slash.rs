//! Arguments of backslash commands: psql's rules (`psqlscanslash.l`) for one line.

use super::error::{Fault, Problem};
use super::lexeme::is_space;
use super::shell::{self, Shell};
use super::vars::{Variables, is_name_byte, quote_identifier, quote_literal};

/// One argument, variables filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Arg {
    pub text: String,
    /// Some part of it was quoted or came from a variable.
    pub quoted: bool,
    /// Some part of it is a raw value out of the database.
    pub from_database: bool,
    /// Some part of it is only known when the script runs.
    pub unknown: bool,
}

/// A line from behind a command's backslash on.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    line: &'a [u8],
    pub pos: usize,
    /// A variable of an argument whose value isn't known.
    pub unknown: Option<String>,
    /// What the commands in backticks gave, in order, as far as they were run.
    pub answers: &'a [String],
    /// Commands in backticks so far.
    pub backticks: Vec<String>,
    /// Nothing is run: only the run knows what a command gives.
    pub looking: bool,
    /// The last one isn't run yet, and its output is needed.
    pub waits: bool,
}

impl<'a> Cursor<'a> {
    pub fn new(line: &'a [u8], pos: usize) -> Self {
        Cursor { line, pos, unknown: None, answers: &[], backticks: Vec::new(), looking: false, waits: false }
    }

    fn peek(&self) -> Option<u8> {
        self.line.get(self.pos).copied()
    }

    /// The command's name: up to white space or the next backslash.
    pub fn command(&mut self) -> String {
        let start = self.pos;
        while self.peek().is_some_and(|c| !is_space(c) && c != b'\\') {
            self.pos += 1;
        }
        lossy(&self.line[start..self.pos])
    }

    /// The next argument; none at the end of the line or before a backslash. Without variables (in a
    /// branch not taken) nothing is filled in and a backtick is no error.
    pub fn arg(&mut self, vars: Option<&Variables>, strip_semicolons: bool) -> Result<Option<Arg>, Fault> {
        while self.peek().is_some_and(is_space) {
            self.pos += 1;
        }
        let mut out = Vec::new();
        let mut arg = Arg { text: String::new(), quoted: false, from_database: false, unknown: false };
        let mut bare = 0; // trailing bytes without any quoting
        while let Some(c) = self.peek() {
            match c {
                c if is_space(c) || c == b'\\' => break,
                b'`' => {
                    arg.quoted = true;
                    bare = 0;
                    self.backtick(vars, &mut out, &mut arg)?;
                }
                b'\'' | b'"' => {
                    arg.quoted = true;
                    bare = 0;
                    self.quoted(c, &mut out)?;
                }
                b':' => match vars.and_then(|vars| self.variable(vars, &mut out, &mut arg)) {
                    Some(()) => bare = 0,
                    None => {
                        bare += 1;
                        out.push(c);
                        self.pos += 1;
                    }
                },
                _ => {
                    bare += 1;
                    out.push(c);
                    self.pos += 1;
                }
            }
        }
        while strip_semicolons && bare > 0 && out.last() == Some(&b';') {
            out.pop();
            bare -= 1;
        }
        if out.is_empty() && !arg.quoted {
            return Ok(None);
        }
        arg.text = String::from_utf8(out).ok().filter(|text| !text.contains('\0')).ok_or_else(|| {
            Fault::new(Problem::Arguments, "an escape in this argument makes text that isn't UTF-8")
        })?;
        Ok(Some(arg))
    }

    /// A file name, or `|` with everything behind it as it stands.
    pub fn pipe_or_file(&mut self, vars: &Variables) -> Result<Option<Arg>, Fault> {
        while self.peek().is_some_and(is_space) {
            self.pos += 1;
        }
        if self.peek() != Some(b'|') {
            return self.arg(Some(vars), false);
        }
        let text = lossy(&self.line[self.pos..]);
        self.whole_line();
        Ok(Some(Arg { text, quoted: false, from_database: false, unknown: false }))
    }

    /// A command in backticks, with variables filled in; its output takes its place. In a branch not taken
    /// it is passed by.
    fn backtick(&mut self, vars: Option<&Variables>, out: &mut Vec<u8>, arg: &mut Arg) -> Result<(), Fault> {
        if vars.is_some_and(|vars| !vars.allows(Shell::Backticks)) {
            return Err(Fault::new(Problem::Refused, "a command in backticks is refused")
                .why("it runs a shell command while the script is read")
                .todo("set a variable of the plan instead; or give the step allow_shell = ['backticks']"));
        }
        self.pos += 1;
        let mut command = Vec::new();
        loop {
            match self.peek() {
                None => {
                    return Err(Fault::new(Problem::Arguments, "unterminated quoted string")
                        .why("an argument ends with its line")
                        .todo("close the quote"));
                }
                Some(b'`') => break,
                Some(b':') if vars.is_some() && self.in_shell(vars, &mut command)? => {}
                Some(c) => {
                    command.push(c);
                    self.pos += 1;
                }
            }
        }
        self.pos += 1;
        if vars.is_none() {
            return Ok(());
        }
        let run = self.backticks.len();
        self.backticks.push(lossy(&command));
        match self.answers.get(run) {
            _ if self.looking => {
                arg.unknown = true;
                out.extend_from_slice(b"unknown");
            }
            Some(answer) => out.extend_from_slice(answer.as_bytes()),
            None => {
                self.waits = true;
                return Err(Fault::new(Problem::Arguments, "a command in backticks isn't run yet"));
            }
        }
        Ok(())
    }

    /// `:name` and `:'name'` in a command; false when it is none.
    fn in_shell(&mut self, vars: Option<&Variables>, out: &mut Vec<u8>) -> Result<bool, Fault> {
        let Some(vars) = vars else { return Ok(false) };
        let rest = &self.line[self.pos + 1..];
        let quoted = rest.first() == Some(&b'\'');
        let open = usize::from(quoted);
        let len = rest[open..].iter().take_while(|&&c| is_name_byte(c)).count();
        if len == 0 || (quoted && rest.get(open + len) != Some(&b'\'')) {
            return Ok(false);
        }
        let name = lossy(&rest[open..open + len]);
        let Some(value) = vars.get(&name) else { return Ok(false) };
        if value.is_unknown() {
            self.unknown = Some(name.clone());
        }
        if quoted {
            let word = shell::quote(&value.text).ok_or_else(|| {
                Fault::new(Problem::Variable, format!("the value of {name} has a line break"))
                    .why("no shell command takes it as one word")
            })?;
            out.extend_from_slice(word.as_bytes());
        } else if value.raw_allowed() {
            out.extend_from_slice(value.text.as_bytes());
        } else {
            let what = format!(":{name} would paste a value from the database into a shell command");
            return Err(Fault::new(Problem::Variable, what)
                .why("whoever wrote that value would write a part of this command")
                .todo(format!("use :'{name}', or name it in unsafe_vars")));
        }
        self.pos += 1 + len + 2 * open;
        Ok(true)
    }

    fn quoted(&mut self, quote: u8, out: &mut Vec<u8>) -> Result<(), Fault> {
        if quote == b'"' {
            out.push(quote); // psql keeps double quotes
        }
        self.pos += 1;
        loop {
            let Some(c) = self.peek() else {
                return Err(Fault::new(Problem::Arguments, "unterminated quoted string")
                    .why("an argument ends with its line")
                    .todo("close the quote"));
            };
            self.pos += 1;
            match c {
                b'\'' if c == quote && self.peek() == Some(b'\'') => {
                    out.push(c);
                    self.pos += 1;
                }
                _ if c == quote => {
                    if quote == b'"' {
                        out.push(c);
                    }
                    return Ok(());
                }
                b'\\' if quote == b'\'' => self.escape(out),
                _ => out.push(c),
            }
        }
    }

    /// Behind a backslash in single quotes.
    fn escape(&mut self, out: &mut Vec<u8>) {
        let Some(c) = self.peek() else { return };
        self.pos += 1;
        let byte = match c {
            b'n' => b'\n',
            b't' => b'\t',
            b'b' => 8,
            b'r' => b'\r',
            b'f' => 12,
            b'0'..=b'7' => {
                self.pos -= 1;
                self.digits(8, 3)
            }
            b'x' if self.peek().is_some_and(|c| c.is_ascii_hexdigit()) => self.digits(16, 2),
            _ => c,
        };
        out.push(byte);
    }

    fn digits(&mut self, radix: u32, at_most: usize) -> u8 {
        let mut value = 0;
        for _ in 0..at_most {
            let Some(digit) = self.peek().and_then(|c| char::from(c).to_digit(radix)) else { break };
            value = value * radix + digit;
            self.pos += 1;
        }
        (value & 0xff) as u8 // as C's cast to char does
    }

    /// A variable at the colon, if it is one; otherwise nothing is taken.
    fn variable(&mut self, vars: &Variables, out: &mut Vec<u8>, arg: &mut Arg) -> Option<()> {
        let rest = &self.line[self.pos + 1..];
        let name_len =
            |from: usize| rest.get(from..).map_or(0, |s| s.iter().take_while(|&&c| is_name_byte(c)).count());
        let (open, close): (&[u8], &[u8]) = match rest.first()? {
            b'\'' => (b"'", b"'"),
            b'"' => (b"\"", b"\""),
            b'{' if rest.get(1) == Some(&b'?') => (b"{?", b"}"),
            _ => (b"", b""),
        };
        let len = name_len(open.len());
        if len == 0 || !rest[open.len() + len..].starts_with(close) {
            return None;
        }
        let name = lossy(&rest[open.len()..open.len() + len]);
        let whole = 1 + open.len() + len + close.len();
        let value = vars.get(&name);
        if value.map_or_else(|| vars.may_be_set(&name), |value| value.is_unknown()) {
            arg.unknown = true;
            self.unknown = Some(name.clone());
        }
        let text = match (value, open) {
            (value, b"{?") => if value.is_some() { "TRUE" } else { "FALSE" }.to_owned(),
            (Some(value), b"'") => quote_literal(&value.text),
            (Some(value), b"\"") => quote_identifier(&value.text),
            (Some(value), _) => {
                arg.from_database |= !value.raw_allowed();
                value.text.clone()
            }
            // Not set: it stays as it is written.
            (None, _) => lossy(&self.line[self.pos..self.pos + whole]),
        };
        arg.quoted |= open != b"{?";
        out.extend_from_slice(text.as_bytes());
        self.pos += whole;
        Some(())
    }

    /// Everything to the end of the line, without the blanks before it.
    pub fn line(&mut self) -> String {
        while self.peek().is_some_and(is_space) {
            self.pos += 1;
        }
        lossy(&self.line[std::mem::replace(&mut self.pos, self.line.len())..])
    }

    /// Passes by everything to the end of the line.
    pub fn whole_line(&mut self) {
        self.pos = self.line.len();
    }

    /// psql eats `\\` behind a command, so that SQL may follow in the same line.
    pub fn end(&mut self) {
        if self.line[self.pos..].starts_with(b"\\\\") {
            self.pos += 2;
        }
    }
}

/// Lines are checked to be UTF-8 and cut at ASCII characters only, so nothing is lost here.
fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Vec<String> {
        let mut vars = Variables::new();
        vars.set("v", "a b'c").unwrap();
        let mut cursor = Cursor::new(line.as_bytes(), 0);
        let mut out = Vec::new();
        while let Some(arg) = cursor.arg(Some(&vars), false).unwrap() {
            out.push(arg.text);
        }
        out
    }

    #[test]
    fn quotes_and_variables() {
        assert_eq!(args(r#"a 'b c' "d e" ''"#), ["a", "b c", "\"d e\"", ""]);
        assert_eq!(args(r"'it''s' 'x\n\t\101\x42\q'"), ["it's", "x\n\tABq"]);
        assert_eq!(args(":v :'v' :\"v\" x:v:x"), ["a b'c", "'a b''c'", "\"a b'c\"", "xa b'c:x"]);
        assert_eq!(args(":{?v} :{?w} :w :'w' ::v"), ["TRUE", "FALSE", ":w", ":'w'", ":a b'c"]);
    }
}

//! Backslash commands: which are run, which have no effect here, and why the others are refused.

use super::condition::Truth;
use super::connect::{self, Connect};
use super::copy_command;
use super::error::{Fault, Problem};
use super::refusal::{is_known, refused};
use super::shell::{Shell, Sink};
use super::slash::{Arg, Cursor};
use super::special;
use super::then::Then;
use super::vars::{Variables, parse_bool};

/// Where `\echo` and its kin write to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EchoTo {
    /// `\echo`: standard output.
    Out,
    /// `\qecho`: where query results go.
    Query,
    /// `\warn`: standard error.
    Err,
}

/// A command with its arguments, ready to be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Include {
        name: String,
        relative: bool,
    },
    Set {
        name: String,
        value: String,
        from_database: bool,
        unknown: bool,
    },
    Unset {
        name: String,
    },
    Echo {
        text: String,
        to: EchoTo,
    },
    Restrict {
        key: String,
    },
    Unrestrict {
        key: String,
    },
    /// `\g` and its kin: what was collected is sent, or the statement before once more.
    Send {
        then: Then,
    },
    /// `\bind`: values for the next statement's `$1`, `$2`, …
    Bind {
        values: Vec<String>,
    },
    /// `\p`
    Print,
    /// `\r`
    Reset,
    /// `\q`: this file ends here.
    Quit,
    Connect(Connect),
    Encoding {
        name: String,
    },
    /// `\o`: where results go from now on.
    Output {
        to: Sink,
    },
    /// `\!`
    Shell {
        command: String,
    },
    Copy {
        arguments: String,
    },
    NoEffect {
        command: &'static str,
    },
    Nothing,
}

/// `\if` and its kin, which count in branches not taken too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Branching {
    If,
    Elif,
    Else,
    Endif,
}

pub(super) fn branching(name: &str) -> Option<Branching> {
    Some(match name {
        "if" => Branching::If,
        "elif" => Branching::Elif,
        "else" => Branching::Else,
        "endif" => Branching::Endif,
        _ => return None,
    })
}

/// Skips a command in a branch not taken, as far as psql would; false when psql doesn't know it.
pub(super) fn skip(name: &str, cursor: &mut Cursor<'_>) -> Result<bool, Fault> {
    if !is_known(name) {
        return Ok(false);
    }
    let whole = matches!(name, "!" | "copy" | "ef" | "ev" | "h" | "help" | "sf" | "sf+" | "sv" | "sv+");
    if whole {
        cursor.whole_line();
    } else {
        rest(cursor)?;
    }
    Ok(true)
}

/// The arguments that a command doesn't take.
pub(super) fn rest(cursor: &mut Cursor<'_>) -> Result<(), Fault> {
    while cursor.arg(None, false)?.is_some() {}
    Ok(())
}

/// The value of `\if` and `\elif`: all arguments, joined by blanks.
///
/// psql takes a value that is no boolean for false and goes on. Here that is an error: a variable that
/// isn't set would skip a part of the migration without a word.
pub(super) fn condition(name: &str, cursor: &mut Cursor<'_>, vars: &Variables) -> Result<Truth, Fault> {
    let (mut words, mut unknown) = (Vec::new(), 0);
    while let Some(arg) = cursor.arg(Some(vars), false)? {
        unknown += usize::from(arg.unknown);
        words.push(arg.text);
    }
    // Of several words none makes a boolean, whatever a variable among them turns out to be.
    if unknown == 1 && words.len() == 1 {
        return Ok(Truth::Unknown);
    }
    let text = words.join(" ");
    parse_bool(&text).map(Truth::from).ok_or_else(|| {
        let mut todo = "give it true, false, on, off, yes, no, 1 or 0, and check that its variable is set";
        if words.len() > 1 {
            todo = "let a query compare, take its boolean with \\gset, and give that to \\if";
        }
        Fault::new(Problem::Condition, format!("\\{name}: {text:?} is no boolean"))
            .why("psql would take it for false and go on")
            .todo(todo)
    })
}

/// Reads the arguments of a command that is to be carried out.
pub(super) fn parse(name: &str, cursor: &mut Cursor<'_>, vars: &Variables) -> Result<Command, Fault> {
    let mut arg = |strip: bool| cursor.arg(Some(vars), strip);
    let command = match name {
        "i" | "include" | "ir" | "include_relative" => {
            let file = arg(true)?.ok_or_else(|| missing(name))?;
            include(name, file)?
        }
        "set" => match arg(false)? {
            None => Command::Nothing, // psql would list the variables
            Some(variable) => {
                let (mut value, mut from_database, mut unknown) = (String::new(), false, false);
                while let Some(part) = arg(false)? {
                    value.push_str(&part.text);
                    from_database |= part.from_database;
                    unknown |= part.unknown;
                }
                let name = variable.text;
                let value = special::substitute(&name, Some(&value)).unwrap_or_default();
                check_set(&name, &value, from_database || unknown)?;
                Command::Set { name, value, from_database, unknown }
            }
        },
        "unset" => {
            let name = arg(false)?.ok_or_else(|| missing(name))?.text;
            match special::substitute(&name, None) {
                // psql's own are never without a value.
                Some(value) => {
                    check_set(&name, &value, false)?;
                    Command::Set { name, value, from_database: false, unknown: false }
                }
                None => Command::Unset { name },
            }
        }
        "echo" | "qecho" | "warn" => {
            let to = match name {
                "echo" => EchoTo::Out,
                "qecho" => EchoTo::Query,
                _ => EchoTo::Err,
            };
            let (mut words, mut newline) = (Vec::new(), "\n");
            while let Some(word) = arg(false)? {
                if words.is_empty() && !word.quoted && word.text == "-n" {
                    newline = "";
                } else {
                    words.push(word.text);
                }
            }
            Command::Echo { text: words.join(" ") + newline, to }
        }
        "restrict" | "unrestrict" => {
            let key = arg(true)?.filter(|key| !key.text.is_empty()).ok_or_else(|| missing(name))?.text;
            if name == "restrict" { Command::Restrict { key } } else { Command::Unrestrict { key } }
        }
        "g" | "gx" => Command::Send { then: shown(name, cursor, vars)? },
        "gset" => match arg(false)? {
            Some(prefix) if prefix.from_database || prefix.unknown => {
                let what = "\\gset: its prefix comes from the database";
                return Err(Fault::new(Problem::Variable, what).todo("write the prefix into the script"));
            }
            prefix => {
                Command::Send { then: Then::Set { prefix: prefix.map(|arg| arg.text).unwrap_or_default() } }
            }
        },
        "gexec" => Command::Send { then: Then::Execute },
        "gdesc" => Command::Send { then: Then::Describe },
        "bind" => {
            let mut values = Vec::new();
            while let Some(value) = arg(false)? {
                values.push(value.text);
            }
            Command::Bind { values }
        }
        "p" | "print" => Command::Print,
        "r" | "reset" => Command::Reset,
        "q" | "quit" => Command::Quit,
        "c" | "connect" => Command::Connect(connect::parse(name, cursor, vars)?),
        "encoding" => match arg(false)? {
            Some(encoding) if encoding.from_database || encoding.unknown => {
                let what = "\\encoding: its name comes from the database";
                return Err(Fault::new(Problem::Variable, what).todo("write the name into the script"));
            }
            Some(encoding) => Command::Encoding { name: encoding.text },
            None => {
                let text = format!("{}\n", vars.text("ENCODING").unwrap_or("UTF8"));
                Command::Echo { text, to: EchoTo::Out }
            }
        },
        "o" | "out" => match cursor.pipe_or_file(vars)? {
            None => Command::Output { to: Sink::Usual },
            Some(file) => Command::Output { to: sink(name, &file, vars)? },
        },
        // The error before has been told in full already, or has stopped the run.
        "errverbose" => Command::NoEffect { command: "errverbose" },
        "!" => shell(cursor, vars)?,
        "copy" => Command::Copy { arguments: cursor.line() },
        "timing" => Command::NoEffect { command: "timing" },
        "pset" => Command::NoEffect { command: "pset" },
        "x" => Command::NoEffect { command: "x" },
        _ if is_known(name) => return Err(refused(name)),
        _ => return Err(unknown(name)),
    };
    Ok(command)
}

fn include(name: &str, file: Arg) -> Result<Command, Fault> {
    if file.from_database {
        let what = format!("\\{name}: the file name comes from the database");
        return Err(Fault::new(Problem::Variable, what).todo("name the file in the plan or the script"));
    }
    if file.text == "-" {
        let what = format!("\\{name} -: standard input is no part of a plan");
        return Err(Fault::new(Problem::Refused, what).todo("put the statements into a file"));
    }
    Ok(Command::Include { name: file.text, relative: name.starts_with("ir") || name.ends_with("relative") })
}

/// `\g [(options)] [file or pipe]`
fn shown(name: &str, cursor: &mut Cursor<'_>, vars: &Variables) -> Result<Then, Fault> {
    let mut to = cursor.pipe_or_file(vars)?;
    let mut expanded = name == "gx";
    if let Some(options) = to.as_ref().filter(|to| !to.quoted && to.text.starts_with('(')) {
        let mut text = options.text.clone();
        while !text.ends_with(')') {
            let Some(more) = cursor.arg(Some(vars), false)? else {
                return Err(Fault::new(Problem::Arguments, format!("\\{name}: missing right parenthesis")));
            };
            text.push(' ');
            text.push_str(&more.text);
        }
        for option in text.trim_matches(['(', ')']).split_whitespace() {
            let (option, value) = option.split_once('=').unwrap_or((option, "on"));
            match (option, parse_bool(value)) {
                ("expanded" | "x", Some(on)) => expanded = on,
                ("expanded" | "x", None) if value == "auto" => {}
                _ => {
                    let what = format!("\\{name}: the option {option} is refused");
                    return Err(Fault::new(Problem::Refused, what)
                        .why("results are shown in one form here")
                        .todo("leave it out"));
                }
            }
        }
        to = cursor.pipe_or_file(vars)?;
    }
    let to = match to {
        Some(file) => sink(name, &file, vars)?,
        None => Sink::Usual,
    };
    Ok(Then::Show { expanded, to })
}

/// Where results may go: a file of the run, nobody, or a command that the plan allows.
fn sink(name: &str, file: &Arg, vars: &Variables) -> Result<Sink, Fault> {
    if file.text == "/dev/null" {
        return Ok(Sink::Nobody);
    }
    if !file.quoted
        && let Some(command) = file.text.strip_prefix('|')
    {
        let way = if name.starts_with('g') { Shell::Results } else { Shell::Output };
        if !vars.allows(way) {
            return Err(Fault::new(Problem::Refused, format!("\\{name} |: a pipe is refused"))
                .why("it runs a shell command")
                .todo(way.todo()));
        }
        return Ok(Sink::Program(command.trim_start().to_owned()));
    }
    if file.from_database || file.unknown {
        let what = format!("\\{name}: the file's name comes from the database");
        return Err(Fault::new(Problem::Variable, what).todo("write the name into the script"));
    }
    copy_command::artifact(&format!("\\{name}"), file.text.clone()).map(Sink::File)
}

/// `\! command`, the rest of the line as it stands.
fn shell(cursor: &mut Cursor<'_>, vars: &Variables) -> Result<Command, Fault> {
    if !vars.allows(Shell::Command) {
        return Err(refused("!"));
    }
    let command = cursor.line();
    if command.is_empty() {
        return Err(Fault::new(Problem::Refused, "\\! is refused without a command")
            .why("psql would open a shell and wait for somebody to leave it")
            .todo("write the command behind it, or remove the line"));
    }
    Ok(Command::Shell { command })
}

/// Variables that change how psql itself works.
fn check_set(name: &str, value: &str, from_elsewhere: bool) -> Result<(), Fault> {
    if !special::is_obeyed(name) {
        return Ok(());
    }
    let refuse = |why: &str, todo: &str| {
        let what = format!("{name} can't be set to {value:?}");
        Err(Fault::new(Problem::Refused, what).why(why).todo(todo))
    };
    if from_elsewhere {
        return refuse("its value comes from the database", "write the value into the script");
    }
    let on = parse_bool(value);
    match name {
        "ON_ERROR_ROLLBACK" if value.eq_ignore_ascii_case("interactive") => Ok(()),
        "AUTOCOMMIT" | "ON_ERROR_STOP" | "ON_ERROR_ROLLBACK" | "SINGLELINE" | "SINGLESTEP"
            if on.is_none() =>
        {
            refuse("a boolean is expected", "write on or off")
        }
        "SINGLELINE" | "SINGLESTEP" if on == Some(true) => {
            refuse("it changes where statements end or waits for a key", "remove the line")
        }
        _ => Ok(()),
    }
}

fn missing(name: &str) -> Fault {
    Fault::new(Problem::Arguments, format!("\\{name}: missing required argument"))
}

pub(super) fn unknown(name: &str) -> Fault {
    Fault::new(Problem::UnknownCommand, format!("invalid command \\{name}"))
        .why("psql 15 has no such command")
        .todo("a backslash outside quotes begins a command; check the quotes before it")
}

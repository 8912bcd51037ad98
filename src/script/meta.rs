//! Backslash commands: which are run, which have no effect here, and why the others are refused.

use super::error::{Fault, Problem};
use super::slash::{Arg, Cursor};
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
    Include { name: String, relative: bool },
    Set { name: String, value: String, from_database: bool },
    Unset { name: String },
    Echo { text: String, to: EchoTo },
    Restrict { key: String },
    Unrestrict { key: String },
    Copy { arguments: String },
    NoEffect { command: &'static str },
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
pub(super) fn condition(name: &str, cursor: &mut Cursor<'_>, vars: &Variables) -> Result<bool, Fault> {
    let mut words = Vec::new();
    while let Some(arg) = cursor.arg(Some(vars), false)? {
        words.push(arg.text);
    }
    let text = words.join(" ");
    parse_bool(&text).ok_or_else(|| {
        Fault::new(Problem::Condition, format!("\\{name}: {text:?} is no boolean"))
            .why("psql would take it for false and go on")
            .todo("give it true, false, on, off, yes, no, 1 or 0, and check that its variable is set")
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
                let (mut value, mut from_database) = (String::new(), false);
                while let Some(part) = arg(false)? {
                    value.push_str(&part.text);
                    from_database |= part.from_database;
                }
                check_set(&variable.text, &value)?;
                Command::Set { name: variable.text, value, from_database }
            }
        },
        "unset" => {
            let variable = arg(false)?.ok_or_else(|| missing(name))?.text;
            // Unsetting one of psql's own puts its default back.
            check_set(&variable, if variable == "AUTOCOMMIT" { "on" } else { "off" })?;
            Command::Unset { name: variable }
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

/// Variables that change how psql itself works. Nothing here may soften "stop at the first error".
fn check_set(name: &str, value: &str) -> Result<(), Fault> {
    let on = if value.is_empty() { Some(true) } else { parse_bool(value) };
    let refuse = |why: &str, todo: &str| {
        let what = format!("{name} can't be set to {value:?}");
        Err(Fault::new(Problem::Refused, what).why(why).todo(todo))
    };
    match name {
        "ON_ERROR_STOP" if on != Some(true) => {
            refuse("holdpoint always stops at the first error", "remove the line")
        }
        "AUTOCOMMIT" if on != Some(true) => {
            refuse("the step's `transaction` decides where transactions begin", "remove the line")
        }
        "ON_ERROR_ROLLBACK" if on != Some(false) => {
            refuse("a failed statement fails its step", "write the SAVEPOINT into the script")
        }
        "SINGLELINE" | "SINGLESTEP" if on != Some(false) => {
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

/// Whether psql 15 has the command.
fn is_known(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "!",
        "?",
        "C",
        "H",
        "T",
        "a",
        "c",
        "cd",
        "connect",
        "conninfo",
        "copy",
        "copyright",
        "crosstabview",
        "e",
        "echo",
        "edit",
        "ef",
        "encoding",
        "errverbose",
        "ev",
        "f",
        "g",
        "gdesc",
        "getenv",
        "gexec",
        "gset",
        "gx",
        "h",
        "help",
        "html",
        "i",
        "include",
        "include_relative",
        "ir",
        "l",
        "l+",
        "list",
        "list+",
        "o",
        "out",
        "p",
        "password",
        "print",
        "prompt",
        "pset",
        "q",
        "qecho",
        "quit",
        "r",
        "reset",
        "restrict",
        "s",
        "set",
        "setenv",
        "sf",
        "sf+",
        "sv",
        "sv+",
        "t",
        "timing",
        "unrestrict",
        "unset",
        "w",
        "warn",
        "watch",
        "write",
        "x",
        "z",
        "z+",
    ];
    NAMES.contains(&name) || name.starts_with('d') || name.starts_with("lo_")
}

fn refused(name: &str) -> Fault {
    let not_built = "not built yet";
    let (why, todo) = match name {
        "!" => ("it runs a shell command", "make it a `command` step of the plan"),
        "c" | "connect" => {
            ("a step stays on the connection that its `on` names", "make it a step with another `on`")
        }
        "g" | "gx" => (not_built, "end the statement with a semicolon"),
        "gexec" => (not_built, "write the statements out, or use a DO block"),
        "gset" => (not_built, "use `save` on a checkpoint of the plan"),
        "gdesc" | "crosstabview" | "watch" => (not_built, "make it a checkpoint of the plan"),
        "q" | "quit" => (not_built, "use \\if … \\endif to leave out what shouldn't run"),
        "prompt" | "password" => ("it asks a person in the middle of a run", "use a variable of the plan"),
        "getenv" | "setenv" => ("the environment isn't part of the plan", "use a variable of the plan"),
        "cd" => ("files are found from the script or the plan's sql_dir", "use \\ir, or a longer path"),
        "encoding" => ("scripts are UTF-8 here", "remove the line, and convert the file"),
        "e" | "edit" | "ef" | "ev" => ("it opens an editor", "remove the line"),
        "o" | "out" | "w" | "write" | "s" => {
            ("it writes a file that the run doesn't know of", "use `into` of the step")
        }
        _ if name.starts_with("lo_") => {
            ("it reads and writes files that the run doesn't know of", "use a `command` step")
        }
        _ if name.starts_with('d')
            || matches!(name, "l" | "l+" | "list" | "list+" | "z" | "z+" | "conninfo") =>
        {
            ("it shows something to a person and checks nothing", "make it a checkpoint, or remove it")
        }
        "r" | "reset" | "p" | "print" => ("it works on a statement still being typed", "remove the line"),
        _ => ("holdpoint has no use for it", "remove the line"),
    };
    Fault::new(Problem::Refused, format!("\\{name} is refused")).why(why).todo(todo)
}

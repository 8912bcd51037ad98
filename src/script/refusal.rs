//! Backslash commands that psql has and that are refused here, each with the reason.

use super::error::{Fault, Problem};
use super::shell::Shell;

/// Whether psql has the command: 15, and what later ones have that is run here.
pub(super) fn is_known(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "!",
        "?",
        "C",
        "H",
        "T",
        "a",
        "bind",
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

pub(super) fn refused(name: &str) -> Fault {
    if name == "!" {
        return Fault::new(Problem::Refused, "\\! is refused")
            .why("it runs a shell command")
            .todo(Shell::Command.todo());
    }
    let (why, todo) = match name {
        "crosstabview" => {
            ("it shows a table to a person and checks nothing", "make it a checkpoint of the plan")
        }
        "watch" => (
            "it runs the statement again and again until somebody stops it",
            "make it a checkpoint of the plan",
        ),
        "prompt" | "password" => ("it asks a person in the middle of a run", "use a variable of the plan"),
        "getenv" | "setenv" => ("the environment isn't part of the plan", "use a variable of the plan"),
        "cd" => ("files are found from the script or the plan's sql_dir", "use \\ir, or a longer path"),
        "e" | "edit" | "ef" | "ev" => ("it opens an editor", "remove the line"),
        "w" | "write" | "s" => (
            "it writes a file that the run doesn't know of",
            "remove the line; \\o FILE puts results into the run's artifacts",
        ),
        _ if name.starts_with("lo_") => (
            "it reads and writes files that the run doesn't know of",
            "run it beside the plan, behind a `confirm` step",
        ),
        _ if name.starts_with('d')
            || matches!(name, "l" | "l+" | "list" | "list+" | "z" | "z+" | "conninfo") =>
        {
            ("it shows something to a person and checks nothing", "make it a checkpoint, or remove it")
        }
        _ => ("holdpoint has no use for it", "remove the line"),
    };
    Fault::new(Problem::Refused, format!("\\{name} is refused")).why(why).todo(todo)
}

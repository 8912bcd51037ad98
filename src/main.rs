//! Parses the command line, runs it, and maps an error to an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(holdpoint::cli::app::main().code())
}

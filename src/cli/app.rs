//! Hands what was typed to its subcommand.

use clap::Parser;

use super::args::{Cli, Command};
use super::{check, demo, diff, rehearse, report, resume, rollback, run, share, show, snapshot, status};
use crate::engine::exit::Exit;

/// Runs the program and says how it ended.
#[must_use]
pub fn main() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let help = !error.use_stderr();
            // A closed pipe is no reason to fail.
            let _ = error.print();
            return if help { Exit::Done } else { Exit::Usage };
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let result = match (runtime, cli.command) {
        (_, Command::Show(args)) => show::show(&args),
        (_, Command::Share(args)) => share::share(&args),
        (_, Command::Report(args)) => report::report(&args),
        (_, Command::Status(args)) => status::status(&args),
        (Ok(runtime), Command::Check(args)) => runtime.block_on(check::check(&args)),
        (Ok(runtime), Command::Demo(args)) => runtime.block_on(demo::demo(args, &cli.log)),
        (Ok(runtime), Command::Rehearse(args)) => runtime.block_on(rehearse::rehearse(args, &cli.log)),
        (Ok(runtime), Command::Run(args)) => runtime.block_on(run::run(args, &cli.log)),
        (Ok(runtime), Command::Resume(args)) => runtime.block_on(resume::resume(args, &cli.log)),
        (Ok(runtime), Command::Rollback(args)) => runtime.block_on(rollback::rollback(args, &cli.log)),
        (Ok(runtime), Command::Snapshot(args)) => runtime.block_on(snapshot::snapshot(&args)),
        (Ok(runtime), Command::Diff(args)) => runtime.block_on(diff::diff(&args)),
        (Err(error), _) => {
            Err(super::failure::Failure::unreachable(format!("no threads to be had: {error}")))
        }
    };
    match result {
        Ok(exit) => exit,
        Err(failure) => {
            super::out::complain(failure.message.trim_end());
            failure.exit
        }
    }
}

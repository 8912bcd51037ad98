//! Everything that a script can hold, in every place where it can stand: by psql and by the real program.
//!
//! Each cross has a name, `PLACE-THING-LAYOUT`. `HOLDPOINT_CROSS=name` (or a part of it) runs only those,
//! and `HOLDPOINT_CROSS=all` all of them.

#![allow(clippy::unwrap_used)] // a test stops where it fails

#[path = "psql_crosses/commands.rs"]
mod commands;
mod differ;
#[path = "psql_crosses/places.rs"]
mod places;
#[path = "script/server.rs"]
mod server;
#[path = "psql_crosses/transactions.rs"]
mod transactions;

use differ::kept::{kept, same_but_kept};
use differ::script::{Mode, Script};
use differ::{batch, verdict::Same};
use server::Server;

#[test]
fn whatever_stands_anywhere_is_read_as_psql_reads_it() {
    compare(places::all(), 5);
}

#[test]
fn commands_anywhere_do_what_psql_does() {
    compare(commands::all(), 3);
}

#[test]
fn transactions_of_a_script_begin_and_end_as_by_psql() {
    compare(transactions::all(), 3);
}

/// One of so many is run unless more are asked for: all of them take minutes.
fn compare(scripts: Vec<Script>, one_of: usize) {
    let scripts = match std::env::var("HOLDPOINT_CROSS").as_deref() {
        Ok("all") => scripts,
        Ok(name) => scripts.into_iter().filter(|script| script.name.contains(name)).collect(),
        Err(_) => scripts.into_iter().step_by(one_of).collect(),
    };
    // Some are committed statement by statement.
    let none = |(at, script): (usize, Script)| match script.mode {
        Mode::Single if at % 6 == 5 => Script { mode: Mode::None, ..script },
        _ => script,
    };
    let scripts: Vec<Script> = scripts.into_iter().enumerate().map(none).collect();
    let server = Server::start();
    let (same, kept) = same_but_kept(&server, &scripts);
    println!("{} crosses: {same:?}, {kept} differ as docs/psql.md says", scripts.len());
}

#[test]
fn the_differences_that_are_kept_are_there() {
    let kept = kept();
    let scripts: Vec<Script> = (kept.iter().enumerate())
        .map(|(at, kept)| {
            let mode = match kept.script.split_once('\n') {
                Some(("BEGIN;", _)) => Mode::Script,
                Some(("VACUUM;", _)) => Mode::None,
                _ => Mode::Single,
            };
            Script { mode, ..Script::new(format!("kept{at}"), &kept.script) }
        })
        .collect();
    let server = Server::start();
    for (kept, verdict) in kept.iter().zip(batch::run(&server, &scripts)) {
        match verdict {
            Ok(Same::Done | Same::Failed | Same::Stopped | Same::Unreadable | Same::Sooner) => {
                panic!("no difference: {kept:?}: {verdict:?}")
            }
            Err(difference) => {
                assert!(
                    difference.told.is_some_and(|told| told.contains(&kept.told)),
                    "{kept:?}: {}",
                    difference.text
                );
            }
        }
    }
}

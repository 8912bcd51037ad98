//! holdpoint runs a file as psql does: real psql, real program, real server.
//!
//! Each file runs once by `psql -1 -v ON_ERROR_STOP=1 -f` (without -1 where its step isn't one
//! transaction) and once as the only step of a plan, each on a fresh database. The server's log must show
//! the same statements of the file in the same order, byte for byte; pg_dump must show the same end; an
//! error must be the same one in the same line, with nothing applied. What holdpoint sends of its own is
//! marked `/* holdpoint */` or goes by the extended protocol, which no file can use.

#![allow(clippy::unwrap_used)] // a test stops where it fails

#[path = "engine_psql/both.rs"]
mod both;
#[path = "engine_psql/compare.rs"]
mod compare;
#[path = "script/server.rs"]
mod server;

use both::{Case, Desk, Mode, Ran};
use compare::{Same, compare};
use server::Server;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

/// Files that differ, and why that is right.
const KEPT: &[(&str, &str)] = &[
    ("backslash_semicolon_tx.sql", "BEGIN and COMMIT in one message leave no room for the ledger's row"),
    ("prepare_tx.sql", "a prepared transaction outlives the run"),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn scripts(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut files: Vec<String> = files.filter(|name| name.ends_with(".sql")).collect();
    files.sort();
    files
}

/// Runs all, two at a time: most of it is waiting for the server.
fn run_all(server: &Server, cases: &[Case]) -> Vec<Ran> {
    let scratch = tempfile::tempdir().unwrap();
    let every_other = |half: usize| -> Vec<(usize, Ran)> {
        let mut desk = Desk::new(server, scratch.path());
        let cases = cases.iter().enumerate().filter(|(i, _)| i % 2 == half);
        cases.map(|(i, case)| (i, desk.run(case))).collect()
    };
    let mut all = thread::scope(|scope| {
        let other = scope.spawn(|| every_other(1));
        let mut all = every_other(0);
        all.extend(other.join().unwrap());
        all
    });
    all.sort_by_key(|(i, _)| *i);
    all.into_iter().map(|(_, ran)| ran).collect()
}

/// Compares all; panics with every difference, returns how many were the same in which way.
fn compare_all(server: &Server, cases: &[Case]) -> BTreeMap<Same, usize> {
    let ran = run_all(server, cases);
    let log = server.log();
    let (mut same, mut differ) = (BTreeMap::new(), Vec::new());
    for (case, ran) in cases.iter().zip(&ran) {
        let kept = KEPT.iter().find(|(file, _)| *file == case.file);
        match (compare(case, ran, &log), kept) {
            (Ok(how), None) => *same.entry(how).or_default() += 1,
            (Ok(_), Some((_, why))) => differ.push(format!("{}: no difference any more ({why})", case.file)),
            (Err(_), Some(_)) if ran.holdpoint.exit == 2 && case.never_connected(&log) => {}
            (Err(difference), Some((_, why))) => {
                differ.push(format!("{}: not refused before it began ({why}): {difference}", case.file));
            }
            (Err(difference), None) => differ.push(format!("{}: {difference}", case.file)),
        }
    }
    assert!(differ.is_empty(), "{} of {} differ\n{}", differ.len(), cases.len(), differ.join("\n"));
    same
}

/// How a nasty script has to be run.
fn mode_of(file: &str) -> Mode {
    match file {
        "alter_function.sql"
        | "backslash_semicolon_tx.sql"
        | "begin_plain.sql"
        | "copy_in_transaction.sql"
        | "create_then_begin.sql"
        | "prepare_tx.sql" => Mode::Script,
        _ => Mode::Single,
    }
}

#[test]
fn nasty_scripts_end_as_by_psql() {
    let folder = root().join("tests/script/nasty");
    let files = scripts(&folder);
    let cases: Vec<Case> = files
        .iter()
        .enumerate()
        .map(|(i, file)| Case::new(&folder, file, mode_of(file), format!("n{i}")))
        .collect();
    let server = Server::start();
    let same = compare_all(&server, &cases);
    println!("{} nasty scripts: {same:?}", cases.len());
    assert!(same.values().sum::<usize>() >= 100);
}

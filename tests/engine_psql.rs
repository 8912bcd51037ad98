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
#[path = "engine_psql/large.rs"]
mod large;
#[path = "differ/same.rs"]
mod same;
#[path = "script/server.rs"]
mod server;

use both::{Case, Desk, Mode, Ran, create};
use compare::{Same, compare};
use server::Server;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

/// A difference that is kept on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// Refused before the run: nothing connects.
    Refused,
    /// The same error, told earlier: nothing of that transaction is applied, and both ends are equal.
    Earlier,
}

/// Files that differ, how, and why that is right.
const KEPT: &[(&str, Kept, &str)] = &[
    (
        "backslash_semicolon_tx.sql",
        Kept::Refused,
        "BEGIN and COMMIT in one message leave no room for the ledger's row",
    ),
    ("prepare_tx.sql", Kept::Refused, "a prepared transaction outlives the run"),
    ("program.sql", Kept::Refused, "\\copy … program runs a shell command"),
    ("pstdin.sql", Kept::Refused, "standard input is no part of a plan"),
    ("outside.sql", Kept::Refused, "a file outside of sql_dir would show its lines in errors"),
    ("link.sql", Kept::Refused, "a link leads out of sql_dir"),
    ("to_outside.sql", Kept::Refused, "what a run writes stays in its folder"),
    ("deferred.sql", Kept::Earlier, "deferred constraints are checked before COMMIT is sent"),
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
        let kept = KEPT.iter().find(|(file, ..)| *file == case.file);
        let result = match kept {
            None => compare(case, ran, &log),
            Some((_, how, why)) => {
                let met = match how {
                    Kept::Refused => {
                        ran.psql.succeeded && ran.holdpoint.exit == 2 && case.never_connected(&log)
                    }
                    Kept::Earlier => told_earlier(ran),
                };
                if !met {
                    differ.push(format!(
                        "{}: not {how:?} ({why}): {:?}",
                        case.file,
                        compare(case, ran, &log)
                    ));
                }
                continue;
            }
        };
        match result {
            Ok(how) => *same.entry(how).or_default() += 1,
            Err(difference) => differ.push(format!("{}: {difference}", case.file)),
        }
    }
    assert!(differ.is_empty(), "{} of {} differ\n{}", differ.len(), cases.len(), differ.join("\n"));
    same
}

/// psql shows the message without a place when COMMIT fails.
fn told_earlier(ran: &Ran) -> bool {
    let message = ran.holdpoint.problem.as_ref().and_then(|problem| problem["message"].as_str());
    // When it came is ours to say.
    let message = message.map(|message| message.strip_prefix("at COMMIT: ").unwrap_or(message));
    let same = message.is_some_and(|message| ran.psql.stderr.contains(message));
    same && !ran.psql.succeeded && ran.holdpoint.exit != 0 && ran.ends.0 == ran.ends.1
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

/// What the engine does around a file mustn't change what the file does: roles, settings, savepoints, the
/// window, statements outside of transactions, the file's own transactions.
#[test]
fn scripts_of_each_mode_end_as_by_psql() {
    let folder = root().join("tests/engine_psql");
    let mut cases = Vec::new();
    for (mode, name) in [(Mode::Single, "single"), (Mode::None, "none"), (Mode::Script, "script")] {
        let folder = folder.join(name);
        for file in scripts(&folder) {
            cases.push(Case::new(&folder, &file, mode, format!("{name}{}", cases.len())));
        }
    }
    let server = Server::start();
    server.file("postgres", &folder.join("roles.sql"));
    let same = compare_all(&server, &cases);
    println!("{} scripts of each mode: {same:?}", cases.len());
    assert!(same[&Same::Done] >= 12 && same[&Same::Refused] >= 10, "{same:?}");
}

/// `\copy` in every form, with data as it comes and as it mustn't come.
#[test]
fn copies_end_as_by_psql() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("sql");
    copy_folder(&root().join("tests/engine_psql/copy"), &folder);
    fs::write(scratch.path().join("outside.txt"), "1\toutside\n").unwrap();
    std::os::unix::fs::symlink("../../outside.txt", folder.join("data/link.txt")).unwrap();
    let files = scripts(&folder);
    let cases: Vec<Case> = files
        .iter()
        .enumerate()
        .map(|(i, file)| Case::new(&folder, file, Mode::Single, format!("c{i}")))
        .collect();
    let server = Server::start();
    let same = compare_all(&server, &cases);
    println!("{} scripts with \\copy: {same:?}", cases.len());
    assert!(
        same[&Same::Done] >= 20 && same[&Same::Refused] >= 10 && same[&Same::Unreadable] >= 5,
        "{same:?}"
    );
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Each migration after those that stand before it.
#[test]
fn migrations_end_as_by_psql() {
    const ORDER: &[&str] = &[
        "20251206_lifecycle_stage_config",
        "20251206_vision_transition_parent_orchestrator",
        "20251209_venture_artifacts_quality_score",
        "20251209_kochel_crewai_contracts",
    ];
    let folder = root().join("migrations/kochel");
    let files = scripts(&folder);
    let server = Server::start();
    let mut cases = vec![Case::new(&folder, "_before.sql", Mode::Single, "before")];
    let mut made = "made".to_owned();
    create(&server, &made, "template1");
    server.file(&made, &folder.join("_before.sql"));
    for (i, name) in ORDER.iter().enumerate() {
        cases.push(Case::new(&folder, &format!("{name}.sql"), Mode::Single, format!("m{i}")).on(&made));
        let next = format!("made{i}");
        create(&server, &next, &made);
        made = next;
        server.file(&made, &folder.join(format!("{name}.sql")));
        let undo = format!("{name}_rollback.sql");
        if files.contains(&undo) {
            cases.push(Case::new(&folder, &undo, Mode::Single, format!("u{i}")).on(&made));
        }
    }
    let mut covered: Vec<_> = cases.iter().map(|case| case.file.clone()).collect();
    covered.sort();
    assert_eq!(covered, files, "a migration is missing in this test");
    let same = compare_all(&server, &cases);
    println!("{} migrations: {same:?}", cases.len());
    assert_eq!(same[&Same::Done], cases.len(), "{same:?}");
}

/// A script with every kind of object that there is.
#[test]
fn everything_ends_as_by_psql() {
    let folder = root().join("tests/engine_psql");
    let server = Server::start();
    server.file("postgres", &folder.join("roles.sql"));
    let same = compare_all(&server, &[Case::new(&folder, "everything.sql", Mode::Single, "original")]);
    assert_eq!(same[&Same::Done], 1, "{same:?}");
}

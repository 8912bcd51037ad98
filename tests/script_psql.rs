//! What reaches the server through the script reader is what psql sends: real psql, real server.
//!
//! Every file in tests/script/nasty runs through `psql -f` on a fresh database; the statements in the
//! server's log must be, byte for byte and in order, those that `Script` gives. Where psql stops at an
//! error of its own, `Script` stops there too, in the same line. tests/script/stops holds the files where
//! holdpoint stops on purpose and psql goes on: up to there the statements are the same.

#![allow(clippy::unwrap_used)] // a test stops where it fails

#[path = "script/server.rs"]
mod server;

use holdpoint::script::{
    Item, Kind, Opened, ResolveError, Resolver, Script, ScriptError, Statement, Variables,
};
use server::{Sent, Server};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread;

struct Files;

impl Resolver for Files {
    fn open(&self, from: Option<&Path>, name: &str, relative: bool) -> Result<Opened, ResolveError> {
        let folder = from.and_then(Path::parent).filter(|_| relative);
        let path = folder.map_or_else(|| PathBuf::from(name), |folder| folder.join(name));
        let file = File::open(&path)?;
        Ok(Opened { path: path.into(), reader: Box::new(file) })
    }
}

/// Statements and how it ended, COPY answered as the server would.
fn ours(file: &Path) -> (Vec<Statement>, Option<ScriptError>) {
    let mut vars = Variables::new();
    vars.set("ON_ERROR_STOP", "1").unwrap();
    vars.set("given", "it's").unwrap();
    let mut script = match Script::open(Files, file.to_str().unwrap(), vars) {
        Ok(script) => script,
        Err(e) => return (Vec::new(), Some(e)),
    };
    let (mut statements, mut chunk) = (Vec::new(), Vec::new());
    loop {
        match script.next_item() {
            Ok(None) => return (statements, None),
            Ok(Some(Item::Statement(statement))) => {
                for kind in statement.kind.each() {
                    if let Kind::CopyFromStdin { .. } = kind {
                        while script.copy_chunk(&mut chunk).unwrap() {}
                    }
                }
                statements.push(statement);
            }
            Ok(Some(_)) => {}
            Err(e) => return (statements, Some(e)),
        }
    }
}

struct Psql {
    sent: Sent,
    succeeded: bool,
    stderr: String,
}

fn psql(server: &Server, file: &Path, database: &str) -> Psql {
    server.create_database(database);
    let mut command = server.psql(database);
    command.args(["-v", "given=it's", "-o", "/dev/null", "-f"]).arg(file);
    let output = command.output().unwrap();
    Psql {
        sent: server.sent(database),
        succeeded: output.status.success(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The line in the last `psql:FILE:LINE:` of what psql wrote.
fn line_of(stderr: &str) -> Option<u64> {
    let last = stderr.lines().rfind(|line| line.starts_with("psql:") && line.contains("rror:"))?;
    last.split(':').nth(2)?.parse().ok()
}

fn compare(server: &Server, file: &Path, database: &str) -> Result<(), String> {
    let theirs = psql(server, file, database);
    let (mut statements, error) = ours(file);
    let failed = theirs.sent.error.as_ref();
    if failed.is_some() && !theirs.succeeded {
        statements.truncate(theirs.sent.statements.len()); // nothing is sent after an error
    }
    let texts: Vec<&str> = statements.iter().map(|statement| statement.text.as_str()).collect();
    if texts != theirs.sent.statements {
        let (sent, stderr) = (&theirs.sent.statements, &theirs.stderr);
        return Err(format!("psql sent {sent:#?}\nours {texts:#?}\n{error:?}\n{stderr}"));
    }
    if let Some(failed) = failed {
        // The position that the server named leads to that character in the file.
        let last = statements.last().ok_or("no statement")?;
        if let Some(position) = failed.position
            && let Some(expected) = failed.statement.chars().nth(position - 1)
        {
            let located = last.locate(position).ok_or("the position isn't found")?;
            let text = fs::read_to_string(last.place.file.as_ref()).unwrap();
            let found = text[located.offset as usize..].chars().next();
            if !located.in_variable && found != Some(expected) {
                return Err(format!("{expected:?} is at {located:?}, where {found:?} is"));
            }
        }
        return Ok(());
    }
    match (theirs.succeeded, error) {
        (true, None) => Ok(()),
        (true, Some(e)) => Err(format!("psql goes on, ours stops: {e}")),
        (false, None) => Err(format!("psql stops, ours goes on: {}", theirs.stderr)),
        (false, Some(e)) => match line_of(&theirs.stderr) {
            Some(line) if line == e.place.line => Ok(()),
            line => Err(format!("psql stops in line {line:?}, ours: {e}\n{}", theirs.stderr)),
        },
    }
}

fn scripts(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/script").join(folder);
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "sql"))
        .collect();
    files.sort();
    files
}

#[test]
fn nasty_scripts_are_sent_as_psql_sends_them() {
    let files = scripts("nasty");
    assert!(files.len() >= 100, "{} scripts", files.len());
    let server = Server::start();
    let mut failures = Vec::new();
    // Two at a time: most of it is waiting for CREATE DATABASE and psql.
    thread::scope(|scope| {
        let halves: Vec<_> = [0, 1]
            .map(|half| {
                let (files, server) = (&files, &server);
                scope.spawn(move || {
                    let mut failures = Vec::new();
                    for (i, file) in files.iter().enumerate().filter(|(i, _)| i % 2 == half) {
                        if let Err(e) = compare(server, file, &format!("n{i}")) {
                            failures.push(format!("{}: {e}", file.display()));
                        }
                    }
                    failures
                })
            })
            .into_iter()
            .collect();
        for half in halves {
            failures.extend(half.join().unwrap());
        }
    });
    assert!(failures.is_empty(), "{} of {} differ\n{}", failures.len(), files.len(), failures.join("\n"));
}

#[test]
fn what_is_refused_stops_before_psql_would_go_on() {
    let server = Server::start();
    for (i, file) in scripts("stops").iter().enumerate() {
        let theirs = psql(&server, file, &format!("s{i}"));
        let (statements, error) = ours(file);
        let error = error.unwrap_or_else(|| panic!("{} isn't refused", file.display()));
        assert!(!error.what.is_empty() && error.place.line > 0);
        assert!(statements.len() <= theirs.sent.statements.len(), "{}", file.display());
        for (ours, theirs) in statements.iter().zip(&theirs.sent.statements) {
            assert_eq!(ours.text, *theirs, "{}", file.display());
        }
    }
}

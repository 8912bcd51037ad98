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

/// Pieces that meet in unlucky ways. Left out is what differs on purpose (tests/script/stops) and COPY,
/// whose data only the server's answer makes data.
const PIECES: &[&str] = &[
    "'",
    "'",
    "''",
    "E'",
    "\\'",
    "\"",
    "U&'",
    "u&\"",
    "B'",
    "x'",
    "N'",
    "$$",
    "$$",
    "$a$",
    "$a$",
    "$é$",
    "$1",
    "$",
    "--",
    "-- c\n",
    "/*",
    "*/",
    "/* /* */",
    ";",
    ";",
    ";\n",
    ";\n",
    "\\;",
    "\\:",
    ":",
    "::",
    ":=",
    ":x",
    ":'x'",
    ":\"given\"",
    ":{?x}",
    ":nope",
    ":'given'",
    "(",
    ")",
    "[",
    "]",
    "+",
    "-",
    "*",
    "/",
    "@",
    "\n",
    "\n",
    "\r\n",
    "\r",
    "\n\n",
    " ",
    "\t",
    "SELECT ",
    "SELECT 1",
    "BEGIN ",
    "ATOMIC ",
    "END ",
    "CASE ",
    "CREATE ",
    "FUNCTION ",
    "OR ",
    "REPLACE ",
    "PROCEDURE ",
    "1",
    "1.",
    ".5",
    "1e",
    "1e+",
    "abc",
    "é",
    "日",
    "\u{feff}",
    "\\echo a\n",
    "\\if true\n",
    "\\if false\n",
    "\\else\n",
    "\\elif 1\n",
    "\\endif\n",
    "\\set x 1\n",
    "\\set x ' ( '\n",
    "\\set x ''''\n",
    "\\set x '; SELECT 2'\n",
    "\\unset x\n",
    "\\timing\n",
    "\\nope\n",
    "\\echo a \\\\ ",
    "\n;\n",
];

/// A small generator of our own, so that a failure names a number that brings it back.
fn random_script(seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let pieces = 10 + next(60);
    (0..pieces).map(|_| PIECES[next(PIECES.len())]).collect()
}

/// Without ON_ERROR_STOP both sides go on behind every error, so that a random script is read to its end.
#[test]
fn random_scripts_are_sent_as_psql_sends_them() {
    let count = std::env::var("HOLDPOINT_RANDOM_SCRIPTS").ok().and_then(|n| n.parse().ok()).unwrap_or(120);
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let mut differ = Vec::new();
    let mut sent_in_all = 0;
    for seed in 1..=count {
        let text = random_script(seed);
        let file = folder.path().join(format!("r{seed}.sql"));
        fs::write(&file, &text).unwrap();
        let mut command = server.psql("postgres");
        command.env("PGAPPNAME", format!("r{seed}")).args(["-v", "ON_ERROR_STOP=0", "-v", "given=it's"]);
        command.args(["-o", "/dev/null", "-f"]).arg(&file).output().unwrap();
        let theirs = server.sent(&format!("r{seed}")).statements;
        let ours: Vec<String> = every_statement(&file).into_iter().map(|statement| statement.text).collect();
        sent_in_all += theirs.len();
        if ours != theirs {
            differ.push(format!("seed {seed}: {text:?}\npsql {theirs:#?}\nours {ours:#?}"));
        }
    }
    assert!(differ.is_empty(), "{} of {count} differ\n{}", differ.len(), differ.join("\n"));
    assert!(sent_in_all > count as usize, "{sent_in_all} statements only");
}

/// All statements, whatever is wrong in between.
fn every_statement(file: &Path) -> Vec<Statement> {
    let mut vars = Variables::new();
    vars.set("given", "it's").unwrap();
    let mut script = Script::open(Files, file.to_str().unwrap(), vars).unwrap();
    let mut statements = Vec::new();
    loop {
        match script.next_item() {
            Ok(None) => return statements,
            Ok(Some(Item::Statement(statement))) => statements.push(statement),
            Ok(Some(_)) | Err(_) => {}
        }
    }
}

/// What is said to be forbidden in a transaction block is what the server forbids there.
#[test]
fn the_server_forbids_in_a_transaction_what_is_classified_so() {
    let server = Server::start();
    let setup = "CREATE TABLE t(a int); CREATE INDEX i ON t(a); CLUSTER t USING i; CREATE TABLE p(a int) \
                 PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE \
                 MATERIALIZED VIEW m AS SELECT 1 AS a; CREATE UNIQUE INDEX mi ON m(a); CREATE TYPE e AS \
                 ENUM ('a'); CREATE SUBSCRIPTION s CONNECTION 'host=/nowhere' PUBLICATION x WITH (connect=false)";
    assert!(server.psql("postgres").args(["-c", setup]).output().unwrap().status.success());
    for statement in [
        "CREATE INDEX CONCURRENTLY j ON t(a)",
        "CREATE INDEX j ON t(a)",
        "DROP INDEX CONCURRENTLY i",
        "DROP INDEX i",
        "REINDEX TABLE t",
        "REINDEX (VERBOSE) INDEX i",
        "REINDEX TABLE CONCURRENTLY t",
        "REINDEX (CONCURRENTLY) INDEX i",
        "REINDEX (CONCURRENTLY false) INDEX i",
        "REINDEX SCHEMA public",
        "REINDEX DATABASE postgres",
        "REINDEX SYSTEM postgres",
        "VACUUM",
        "VACUUM (ANALYZE) t",
        "ANALYZE",
        "CLUSTER",
        "CLUSTER VERBOSE",
        "CLUSTER t",
        "CREATE DATABASE d",
        "DROP DATABASE IF EXISTS d",
        "ALTER DATABASE postgres SET TABLESPACE pg_default",
        "ALTER DATABASE postgres SET work_mem = '5MB'",
        "CREATE TABLESPACE x LOCATION '/nowhere'",
        "DROP TABLESPACE IF EXISTS x",
        "ALTER SYSTEM SET work_mem = '5MB'",
        "ALTER SYSTEM RESET ALL",
        "CREATE SUBSCRIPTION n CONNECTION 'host=/nowhere' PUBLICATION x",
        "CREATE SUBSCRIPTION n CONNECTION 'host=/nowhere' PUBLICATION x WITH (connect = false)",
        "ALTER SUBSCRIPTION s DISABLE",
        "ALTER SUBSCRIPTION s SET PUBLICATION y WITH (refresh = false)",
        "DROP SUBSCRIPTION s",
        "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY",
        "ALTER TABLE p DETACH PARTITION p1",
        "ALTER TYPE e ADD VALUE 'b'",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY m",
        "DISCARD ALL",
        "DISCARD PLANS",
        "COMMIT PREPARED 'x'",
        "ROLLBACK PREPARED 'x'",
    ] {
        let mut psql = server.psql("postgres");
        let output = psql.args(["-c", "BEGIN", "-c", statement, "-c", "ROLLBACK"]).output().unwrap();
        let forbidden = String::from_utf8_lossy(&output.stderr).contains("inside a transaction block");
        let (kind, _) = holdpoint::script::classify(statement);
        assert_eq!(kind.forbidden_in_transaction(), forbidden, "{statement}: {kind:?} {output:?}");
    }
}

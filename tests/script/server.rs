//! A private server for the comparison with psql: every statement it gets is logged as JSON.

#![allow(dead_code, reason = "every test binary uses a part of it")]

#[path = "../common/surroundings.rs"]
#[allow(clippy::duplicate_mod, reason = "some have it among what they share, too")]
mod surroundings;

use serde_json::Value;
use std::collections::HashMap;
use std::fs;
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

pub struct Server {
    home: PathBuf,
    bin: PathBuf,
    /// psql and pg_dump: a small build of a server comes without them.
    client: PathBuf,
    user: &'static str,
}

/// What a session sent, in order, and the error that ended it.
#[derive(Debug, Default)]
pub struct Sent {
    pub statements: Vec<String>,
    pub error: Option<ServerError>,
}

#[derive(Debug)]
pub struct ServerError {
    pub statement: String,
    /// Characters, from 1.
    pub position: Option<usize>,
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    id.stdout == b"0\n"
}

/// Where the server programs are: named, or the newest that is installed.
fn bin() -> PathBuf {
    std::env::var_os("HOLDPOINT_PG_BIN").map_or_else(installed, PathBuf::from)
}

fn client(bin: &Path) -> PathBuf {
    match std::env::var_os("HOLDPOINT_PG_CLIENT_BIN") {
        Some(named) => PathBuf::from(named),
        None if bin.join("psql").exists() => bin.to_owned(),
        None => installed(),
    }
}

fn installed() -> PathBuf {
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort();
    found.pop().unwrap_or_else(|| {
        let config = Command::new("pg_config").arg("--bindir").output().expect("PostgreSQL is installed");
        PathBuf::from(String::from_utf8_lossy(&config.stdout).trim())
    })
}

impl Server {
    pub fn start() -> Server {
        let home = surroundings::open_to_others().join("hps.XXXXXX");
        let made = Command::new("mktemp").arg("-d").arg(home).output().expect("mktemp runs");
        let home = PathBuf::from(String::from_utf8_lossy(&made.stdout).trim());
        let root = is_root();
        if root {
            let chown = Command::new("chown").arg("postgres").arg(&home).status().expect("chown runs");
            assert!(chown.success());
        }
        let bin = bin();
        let server = Server { home, client: client(&bin), bin, user: if root { "postgres" } else { "" } };
        let data = server.home.join("d");
        let initdb = server.bin.join("initdb");
        run(server.command(&initdb).arg("-D").arg(&data).args([
            "-U",
            "postgres",
            "--no-sync",
            "--no-instructions",
            "--locale=C",
            "-E",
            "UTF8",
            "-A",
            "trust",
        ]));
        let settings = format!(
            "listen_addresses = ''\nunix_socket_directories = '{}'\nfsync = off\nautovacuum = off\n\
             logging_collector = on\nlog_destination = '{}'\nlog_directory = '{}'\n\
             log_filename = 'log'\nlog_rotation_age = 0\nlog_rotation_size = 0\nlog_statement = all\n\
             max_prepared_transactions = 2\n",
            server.home.display(),
            server.log_format(),
            server.home.display(),
        );
        let config = data.join("postgresql.auto.conf");
        let mut tee = server.command(Path::new("/bin/sh"));
        run(tee.arg("-c").arg("printf %s \"$1\" >> \"$2\"").arg("sh").arg(settings).arg(config));
        let pg_ctl = server.bin.join("pg_ctl");
        run(server
            .command(&pg_ctl)
            .arg("-D")
            .arg(&data)
            .args(["-w", "-s", "-l"])
            .arg(server.home.join("start"))
            .arg("start"));
        server
    }

    /// What [`Log`] reads; servers before 15 don't have it.
    fn log_format(&self) -> &'static str {
        let output = run(Command::new(self.bin.join("postgres")).arg("--version"));
        if String::from_utf8_lossy(&output.stdout).contains(" 14.") { "stderr" } else { "jsonlog" }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = if self.user.is_empty() {
            Command::new(program)
        } else {
            let mut command = Command::new("runuser");
            command.args(["-u", self.user, "--"]).arg(program);
            command
        };
        command.current_dir("/tmp").env("LANG", "C.UTF-8");
        command
    }

    /// Another program of PostgreSQL's; what it sends isn't logged.
    pub fn program(&self, name: &str, database: &str) -> Command {
        let mut command = Command::new(self.client.join(name));
        command.env("PGHOST", &self.home).env("PGUSER", "postgres").env("PGDATABASE", database);
        command.env("PGOPTIONS", "-c log_statement=none -c log_min_error_statement=panic");
        command
    }

    /// Its clock, as it shows in a dump.
    pub fn now(&self) -> String {
        let output = run(self.psql("postgres").args(["-Atc", "SELECT now()::timestamp"]));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Runs a file by psql, out of the log.
    pub fn file(&self, database: &str, file: &Path) {
        let mut command = self.psql(database);
        command.env("PGOPTIONS", "-c log_statement=none").args(["-o", "/dev/null", "-f"]);
        run(command.arg(file));
    }

    /// Runs SQL out of the log.
    pub fn quietly(&self, database: &str, sql: &str) {
        run(self.psql(database).env("PGOPTIONS", "-c log_statement=none").args(["-c", sql]));
    }

    /// Its major version.
    pub fn version(&self) -> u32 {
        let output = run(self.psql("postgres").args(["-Atc", "SHOW server_version_num"]));
        let number: u32 = String::from_utf8_lossy(&output.stdout).trim_end().parse().expect("a number");
        number / 10_000
    }

    /// For programs that take a connection string.
    pub fn conninfo(&self, database: &str) -> String {
        format!("host={} user=postgres dbname={database}", self.home.display())
    }

    /// psql as the tests call it; its application is named after the database.
    pub fn psql(&self, database: &str) -> Command {
        let mut command = Command::new(self.client.join("psql"));
        command.args(["-X", "-q", "-U", "postgres", "-v", "ON_ERROR_STOP=1", "-h"]).arg(&self.home);
        command.args(["-d", database]).env("PGCLIENTENCODING", "UTF8").env("LANG", "C.UTF-8");
        command.env("PGAPPNAME", database);
        command
    }

    pub fn create_database(&self, name: &str) {
        run(self.psql("postgres").args(["-c", &format!("CREATE DATABASE {name} STRATEGY file_copy")]));
    }

    /// The log of everything up to now: a process of its own writes it, a little later.
    pub fn log(&self) -> Log {
        let mark = format!("mark {:?}", std::time::Instant::now());
        run(self.psql("postgres").args(["-c", &format!("SELECT '{mark}'")]));
        for _ in 0..1000 {
            let text = fs::read_to_string(self.home.join("log.json")).unwrap_or_default();
            if text.contains(&mark) {
                return Log { entries: text.lines().flat_map(serde_json::from_str).collect() };
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("the server's log doesn't show {mark}");
    }
}

pub struct Log {
    entries: Vec<Value>,
}

/// A text that the server got in a simple query message, and its error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    pub text: String,
    pub error: Option<LoggedError>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedError {
    pub sqlstate: String,
    pub message: String,
    pub context: Option<String>,
    /// Characters, from 1.
    pub position: Option<usize>,
}

impl Log {
    /// Whether there was a session of this application, whatever follows its name.
    pub fn knows(&self, application: &str) -> bool {
        let mut names = self.entries.iter().filter_map(|entry| entry["application_name"].as_str());
        names.any(|name| name.split(' ').next() == Some(application))
    }

    /// Everything that the sessions of an application sent by the simple protocol, in order.
    pub fn simple(&self, application: &str) -> Vec<Logged> {
        simple(self.entries.iter().filter(|entry| entry["application_name"] == application))
    }

    /// The same of every session there was, by whatever its application and process make of it.
    pub fn by<K: Eq + Hash>(&self, key: impl Fn(&str, u64) -> K) -> HashMap<K, Vec<Logged>> {
        let mut sessions: HashMap<K, Vec<&Value>> = HashMap::new();
        for entry in &self.entries {
            if let (Some(application), Some(pid)) =
                (entry["application_name"].as_str(), entry["pid"].as_u64())
            {
                sessions.entry(key(application, pid)).or_default().push(entry);
            }
        }
        sessions.into_iter().map(|(session, entries)| (session, simple(entries.into_iter()))).collect()
    }

    /// What the sessions with an application name sent so far.
    pub fn sent(&self, application: &str) -> Sent {
        let mut sent = Sent::default();
        let mut logged = false;
        for entry in &self.entries {
            if entry["application_name"] != application {
                continue;
            }
            let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
            let message = text("message");
            match entry["error_severity"].as_str() {
                Some("LOG") => {
                    if let Some(statement) = message.strip_prefix("statement: ") {
                        sent.statements.push(statement.to_owned());
                        logged = true;
                    }
                }
                Some("ERROR") => {
                    let statement = text("statement");
                    // What doesn't parse is never logged as a statement.
                    let known = std::mem::take(&mut logged) && sent.statements.last() == Some(&statement);
                    if !known {
                        sent.statements.push(statement.clone());
                    }
                    let position = entry["cursor_position"].as_u64().map(|at| at as usize);
                    sent.error = Some(ServerError { statement, position });
                }
                _ => {}
            }
        }
        sent
    }
}

fn simple<'a>(entries: impl Iterator<Item = &'a Value>) -> Vec<Logged> {
    let mut all: Vec<Logged> = Vec::new();
    let mut fresh = false; // the last one was logged and hasn't failed yet
    for entry in entries {
        let text = |key: &str| entry[key].as_str().map(str::to_owned);
        let message = text("message").unwrap_or_default();
        match entry["error_severity"].as_str() {
            Some("LOG") => {
                if let Some(statement) = message.strip_prefix("statement: ") {
                    all.push(Logged { text: statement.to_owned(), error: None });
                    fresh = true;
                }
            }
            Some("ERROR" | "FATAL") => {
                let statement = text("statement").unwrap_or_default();
                // What doesn't parse is never logged as a statement.
                if !std::mem::take(&mut fresh) || all.last().is_none_or(|last| last.text != statement) {
                    all.push(Logged { text: statement, error: None });
                }
                if let Some(last) = all.last_mut() {
                    last.error = Some(LoggedError {
                        sqlstate: text("state_code").unwrap_or_default(),
                        message,
                        context: text("context"),
                        position: entry["cursor_position"].as_u64().map(|at| at as usize),
                    });
                }
            }
            _ => {}
        }
    }
    all
}

fn run(command: &mut Command) -> Output {
    let output = command.output().expect("the program runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

impl Drop for Server {
    fn drop(&mut self) {
        let pg_ctl = self.bin.join("pg_ctl");
        let mut stop = self.command(&pg_ctl);
        let _ = stop.arg("-D").arg(self.home.join("d")).args(["-m", "immediate", "-s", "stop"]).output();
        let _ = fs::remove_dir_all(&self.home);
    }
}

//! One file, through psql and through the real program, each on a database of its own.

use crate::server::{Log, Logged, Server};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How a file is run: `transaction` of its step, and `-1` for psql or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Single,
    Script,
    None,
}

impl Mode {
    fn word(self) -> &'static str {
        match self {
            Mode::Single => "single",
            Mode::Script => "script",
            Mode::None => "none",
        }
    }
}

#[derive(Debug, Clone)]
pub struct Case {
    /// Below `folder`.
    pub file: String,
    pub folder: PathBuf,
    pub mode: Mode,
    /// The database that both copies are made of.
    pub template: String,
    /// Of the applications in the log.
    pub name: String,
}

/// What psql did.
#[derive(Debug)]
pub struct Psql {
    pub succeeded: bool,
    pub stderr: String,
}

/// What holdpoint did.
#[derive(Debug)]
pub struct Holdpoint {
    pub exit: i32,
    pub stderr: String,
    /// `problem` of the first unit that failed.
    pub problem: Option<Value>,
}

#[derive(Debug)]
pub struct Ran {
    pub psql: Psql,
    pub holdpoint: Holdpoint,
    /// The server's time before.
    pub began: String,
    /// pg_dump of both.
    pub ends: (Vec<u8>, Vec<u8>),
}

impl Case {
    pub fn new(folder: &Path, file: &str, mode: Mode, name: impl Into<String>) -> Case {
        let (file, template) = (file.to_owned(), "template1".to_owned());
        Case { file, folder: folder.to_owned(), mode, template, name: name.into() }
    }

    pub fn on(mut self, template: &str) -> Case {
        self.template = template.to_owned();
        self
    }

    fn theirs(&self) -> String {
        format!("p_{}", self.name)
    }

    fn ours(&self) -> String {
        format!("h_{}", self.name)
    }

    /// What psql sent of the file.
    pub fn sent_by_psql(&self, log: &Log) -> Vec<Logged> {
        let mut all = log.simple(&self.theirs());
        if self.mode == Mode::Single {
            // Its own of -1.
            assert_eq!(all.first().map(|first| first.text.as_str()), Some("BEGIN"));
            all.remove(0);
            if all.last().is_some_and(|last| matches!(last.text.as_str(), "COMMIT" | "ROLLBACK")) {
                all.pop();
            }
        }
        all
    }

    /// What holdpoint sent of the file: its own statements say so, or go by the extended protocol.
    pub fn sent_by_holdpoint(&self, log: &Log) -> Vec<Logged> {
        let all = log.simple(&format!("{} work", self.ours()));
        all.into_iter().filter(|logged| !logged.text.starts_with("/* holdpoint */ ")).collect()
    }

    pub fn never_connected(&self, log: &Log) -> bool {
        !log.knows(&self.ours())
    }
}

/// Two databases like the template, one for psql and one for holdpoint.
struct Pair {
    template: String,
    pristine: Vec<u8>,
    theirs: String,
    ours: String,
}

/// Runs one case after the other. A pair of databases that a case left as it was serves the next one.
pub struct Desk<'a> {
    server: &'a Server,
    scratch: &'a Path,
    pair: Option<Pair>,
}

impl<'a> Desk<'a> {
    pub fn new(server: &'a Server, scratch: &'a Path) -> Desk<'a> {
        Desk { server, scratch, pair: None }
    }

    pub fn run(&mut self, case: &Case) -> Ran {
        let pair = self.pair.take().filter(|pair| pair.template == case.template);
        let pair = pair.unwrap_or_else(|| {
            let (theirs, ours) = (format!("dp_{}", case.name), format!("dh_{}", case.name));
            create(self.server, &theirs, &case.template);
            create(self.server, &ours, &case.template);
            let (template, pristine) = (case.template.clone(), dump(self.server, &ours));
            Pair { template, pristine, theirs, ours }
        });
        let began = self.server.now();
        let psql = self.psql(case, &pair.theirs);
        let holdpoint = self.holdpoint(case, &pair.ours);
        let ends = (dump(self.server, &pair.theirs), dump(self.server, &pair.ours));
        if ends.0 == pair.pristine && ends.1 == pair.pristine {
            self.pair = Some(pair);
        }
        Ran { psql, holdpoint, began, ends }
    }

    fn psql(&self, case: &Case, database: &str) -> Psql {
        let mut command = self.server.psql(database);
        if case.mode == Mode::Single {
            command.arg("-1");
        }
        command.env("PGAPPNAME", case.theirs()).args(["-v", "given=it's", "-o", "/dev/null", "-f"]);
        command.current_dir(&case.folder).stdin(Stdio::null());
        let output = command.arg(case.folder.join(&case.file)).output().unwrap();
        Psql { succeeded: output.status.success(), stderr: text(&output.stderr) }
    }

    fn holdpoint(&self, case: &Case, database: &str) -> Holdpoint {
        let home = self.scratch.join(&case.name);
        let mut command = holdpoint(self.server, database, &home, &case.folder, &case.file, case.mode);
        let output = command.env("PGAPPNAME", case.ours()).output().unwrap();
        let problem = events(&home).into_iter().find(|event| event["event"] == "unit_failed");
        Holdpoint {
            exit: output.status.code().unwrap_or(-1),
            stderr: text(&output.stderr),
            problem: problem.map(|event| event["problem"].clone()),
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub fn create(server: &Server, name: &str, template: &str) {
    let mut command = server.psql("postgres");
    let sql = format!("CREATE DATABASE {name} TEMPLATE {template}");
    let output = command.env("PGOPTIONS", "-c log_statement=none").args(["-c", &sql]).output().unwrap();
    assert!(output.status.success(), "{sql}: {}", text(&output.stderr));
}

/// The program with a plan whose only step is the file.
pub fn holdpoint(
    server: &Server,
    database: &str,
    home: &Path,
    folder: &Path,
    file: &str,
    mode: Mode,
) -> Command {
    fs::create_dir_all(home).unwrap();
    let plan = format!(
        "[plan]\nid = \"differ\"\ntitle = \"One file\"\nenvironment = \"dev\"\nstepping = \"auto\"\n\
         sql_dir = \"{}\"\n\n[vars]\ngiven = \"it's\"\n\n[[phase]]\nid = \"p\"\ntitle = \"Phase\"\n\n\
         [[phase.step]]\nid = \"the-file\"\ntitle = \"The file\"\nfile = \"{file}\"\ntransaction = \"{}\"\n",
        folder.display(),
        mode.word(),
    );
    fs::write(home.join("plan.toml"), plan).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdpoint"));
    command.arg("run").arg(home.join("plan.toml")).arg("--plain");
    command.arg("--state-dir").arg(home.join("state")).arg("--events").arg(home.join("events"));
    // One database serves many scripts, each with a state folder of its own.
    command.args(["--despite", "its database serves many scripts"]);
    command.args(["--target", &server.conninfo(database)]).current_dir(home);
    command
}

/// The events that the program wrote.
pub fn events(home: &Path) -> Vec<Value> {
    let text = fs::read_to_string(home.join("events")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Everything in a database but holdpoint's own schema, in the words of pg_dump.
pub fn dump(server: &Server, database: &str) -> Vec<u8> {
    let mut command = server.program("pg_dump", database);
    let output = command.args(["-N", "holdpoint"]).output().unwrap();
    assert!(output.status.success(), "{database}: {}", text(&output.stderr));
    let mut kept = Vec::with_capacity(output.stdout.len());
    for line in output.stdout.split_inclusive(|byte| *byte == b'\n') {
        // The key is new every time.
        if !line.starts_with(b"\\restrict ") && !line.starts_with(b"\\unrestrict ") {
            kept.extend_from_slice(line);
        }
    }
    kept
}

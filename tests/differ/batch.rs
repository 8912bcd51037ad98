//! Runs scripts in bulk: psql once for each, the real program once for many, each file a step of a plan
//! that goes on behind failures.

use super::ends::ends;
use super::script::{Mode, Script};
use super::verdict::{Difference, Finding, Ours, Psql, Same, Seen, verdict};
use crate::server::{Logged, Server};
use serde_json::Value;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Scripts that share a pair of databases and a plan.
const CHUNK: usize = 120;

/// Chunks that run at the same time: most of a run is waiting for an answer or for the disk.
const AT_ONCE: usize = 4;

/// Every so many steps one is a change with all that belongs to it.
const IMAGED: usize = 25;

/// What scripts with shell commands need.
const SHELL: &str = "allow_shell = ['\\!', 'backticks', '\\g |', '\\o |', '\\copy program']\n";

/// Files that scripts include or copy.
const BESIDE: &[(&str, &str)] = &[
    ("inc/plain.sql", "INSERT INTO t VALUES (90, 'included');\n"),
    ("inc/relative.sql", "\\ir plain.sql\nINSERT INTO t VALUES (91, 'above');\n"),
    ("inc/sets.sql", "\\set v 92\n"),
    ("inc/open.sql", "SELECT 'left open"),
    ("inc/fails.sql", "SELECT 1;\nSELECT 1/0 AS in_include;\n"),
    ("inc/if.sql", "\\if true\nSELECT 'open';\n"),
    ("rows.txt", "70\tfrom a file\n71\t\\N\n"),
    ("rows.csv", "72,\"a, b\"\n73,\"line\nbreak\"\n"),
];

/// Runs all; one answer for each script, in order.
pub fn run(server: &Server, scripts: &[Script]) -> Vec<Result<Same, Difference>> {
    // What a journal on a disk costs is no matter here.
    let memory = Path::new("/dev/shm");
    let scratch = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let scratch = scratch.expect("a folder");
    let chunks: Vec<&[Script]> = scripts.chunks(CHUNK).collect();
    let next = AtomicUsize::new(0);
    let work = || -> Vec<(usize, Chunk)> {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(scripts) = chunks.get(number) else { return done };
            done.push((number, Chunk::run(server, &scratch.path().join(number.to_string()), scripts)));
        }
    };
    let mut done = thread::scope(|scope| {
        let others: Vec<_> = (1..AT_ONCE).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        done.extend(others.into_iter().flat_map(|other| other.join().expect("another part")));
        done
    });
    done.sort_by_key(|(number, _)| *number);
    let mut sent = server.log().by(session);
    done.into_iter()
        .zip(chunks)
        .flat_map(|((_, chunk), scripts)| chunk.verdicts(scripts, &mut sent))
        .collect()
}

type Sessions = HashMap<(String, u64), Vec<Logged>>;

/// psql may connect again in the middle of a script; our scripts share an application.
fn session(application: &str, pid: u64) -> (String, u64) {
    (application.to_owned(), if application.ends_with(" work") { pid } else { 0 })
}

/// What both sides did with the scripts of one chunk.
struct Chunk {
    folder: PathBuf,
    /// Of the databases and applications.
    theirs: String,
    ours: String,
    psql: Vec<Psql>,
    refused: HashMap<String, Vec<Finding>>,
    events: Vec<Value>,
    /// What the program said at the end, for scripts that it never came to.
    stderr: String,
    ends: (HashMap<String, String>, HashMap<String, String>),
}

impl Chunk {
    fn run(server: &Server, home: &Path, scripts: &[Script]) -> Chunk {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let (theirs, ours) = (format!("side_p_{number}"), format!("side_h_{number}"));
        let schemas: String = (0..scripts.len()).map(|at| format!("CREATE SCHEMA {};", schema(at))).collect();
        for database in [&theirs, &ours] {
            server.quietly("postgres", &format!("CREATE DATABASE {database} TEMPLATE template0"));
            server.quietly(database, &schemas);
        }
        let folder = home.join("sql");
        fs::create_dir_all(folder.join("inc")).expect("a folder");
        for (name, text) in BESIDE {
            fs::write(folder.join(name), text).expect("a file");
        }
        for (at, script) in scripts.iter().enumerate() {
            fs::write(folder.join(script.file()), script.text_in(&schema(at))).expect("a file");
        }
        let mut refused = check(home, scripts);
        let mut stderr = holdpoint(server, home, scripts, &refused, &ours);
        // With a target there is more to find, twenty at a time.
        while events(home).is_empty() && findings(&stderr, &mut refused) {
            stderr = holdpoint(server, home, scripts, &refused, &ours);
        }
        let psql = (scripts.iter().enumerate())
            .map(|(at, script)| psql(server, &folder, script, &theirs, &application(&theirs, at)))
            .collect();
        let ends = (ends(server, &theirs), ends(server, &ours));
        Chunk { events: events(home), folder, theirs, ours, psql, refused, stderr, ends }
    }

    fn verdicts(mut self, scripts: &[Script], sent: &mut Sessions) -> Vec<Result<Same, Difference>> {
        let mut by_step: HashMap<String, Vec<Value>> = HashMap::new();
        for event in std::mem::take(&mut self.events) {
            if let Some(step) = event["step"].as_str() {
                by_step.entry(step.to_owned()).or_default().push(event);
            }
        }
        let mut verdicts = Vec::new();
        for ((at, script), psql) in scripts.iter().enumerate().zip(std::mem::take(&mut self.psql)) {
            let step = schema(at);
            let theirs = sent.remove(&session(&application(&self.theirs, at), 0)).unwrap_or_default();
            let ours = match self.refused.remove(&step) {
                Some(findings) => Ours::Refused(findings),
                None => self.ran(script.mode, &by_step.remove(&step).unwrap_or_default(), sent),
            };
            let (end, other) = (self.ends.0.get(&step), self.ends.1.get(&step));
            let ends = if end == other { Ok(()) } else { Err(format!("psql {end:#?}\nours {other:#?}")) };
            let seen = Seen { folder: &self.folder, mode: script.mode, psql, theirs, ours, ends };
            verdicts.push(verdict(seen));
        }
        // Nothing may come into being outside of the scripts' schemas.
        let outside = |ends: &HashMap<String, String>| ends.get("-").cloned().unwrap_or_default();
        let (theirs, ours) = (outside(&self.ends.0), outside(&self.ends.1));
        let only = |one: &str, other: &str| {
            let lines = one.lines().filter(|line| !other.lines().any(|known| known == *line));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let (in_theirs, in_ours) = (only(&theirs, &ours), only(&ours, &theirs));
        assert!(theirs == ours, "outside of the scripts' schemas: {in_theirs:?} and {in_ours:?}");
        verdicts
    }

    fn ran(&self, mode: Mode, events: &[Value], sent: &mut Sessions) -> Ours {
        let of = |name: &str| events.iter().filter(|event| event["event"] == name).collect::<Vec<_>>();
        if !events.iter().any(|event| {
            matches!(event["event"].as_str(), Some("step_verified" | "step_failed" | "step_accepted"))
        }) {
            return Ours::Never(self.stderr.clone());
        }
        let mut pids: Vec<u64> =
            of("unit_started").iter().filter_map(|event| event["pid"].as_u64()).collect();
        pids.dedup();
        let all =
            pids.into_iter().filter_map(|pid| sent.remove(&session(&format!("{} work", self.ours), pid)));
        let mut sent: Vec<Logged> =
            all.flatten().filter(|logged| !logged.text.starts_with("/* holdpoint */ ")).collect();
        // A script may name the database that it is in.
        sent.iter_mut().for_each(|logged| logged.text = logged.text.replace(&self.ours, &self.theirs));
        // A setting of the session that fails is no unit.
        let failed = of("unit_failed").into_iter().chain(of("step_failed")).next();
        // Errors that the script passes over stop nothing, as in psql.
        let failed = failed.filter(|_| mode != Mode::None || of("step_accepted").is_empty());
        let problem = failed.map(|event| event["problem"].clone());
        Ours::Ran { problem, sent }
    }
}

/// The schema, and the step, of a script in its chunk.
fn schema(at: usize) -> String {
    format!("s{at}")
}

fn application(database: &str, at: usize) -> String {
    format!("{database}_{at}")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn psql(server: &Server, folder: &Path, script: &Script, database: &str, application: &str) -> Psql {
    let mut command = server.psql(database);
    if script.mode == Mode::Single {
        command.arg("-1");
    }
    command.env("PGAPPNAME", application).args(["-v", "given=it's", "-o", "/dev/null", "-f"]);
    command
        .arg(folder.join(script.file()))
        .current_dir(folder)
        .stdin(Stdio::null())
        .env("PSQL_EDITOR", "true");
    let output = command.output().expect("psql runs");
    Psql { succeeded: output.status.success(), stderr: text(&output.stderr) }
}

fn plan(home: &Path, scripts: &[Script], refused: &HashMap<String, Vec<Finding>>) {
    let mut plan = "[plan]\nid = \"differ\"\ntitle = \"Many files\"\nenvironment = \"dev\"\nstepping = \"auto\"\n\
                    sql_dir = \"sql\"\n\n[vars]\ngiven = \"it's\"\n\n[[phase]]\nid = \"p\"\ntitle = \"Phase\"\n"
        .to_owned();
    for (at, script) in scripts.iter().enumerate().filter(|(at, _)| !refused.contains_key(&schema(*at))) {
        let (id, file, mode) = (schema(at), script.file(), script.mode.word());
        // To go on within a file that has transactions of its own is more than psql does.
        let policy = if script.mode == Mode::Single { "on_failure = \"continue\"\n" } else { "" };
        // What only costs time here is left out for most: an image of the whole database before each step.
        let changes = if at % IMAGED == 0 { "" } else { "changes = false\n" };
        let shell = if script.shell { SHELL } else { "" };
        plan.push_str(&format!(
            "\n[[phase.step]]\nid = \"{id}\"\ntitle = \"{id}\"\nfile = \"{file}\"\ntransaction = \"{mode}\"\n\
             {policy}{changes}{shell}"
        ));
    }
    fs::write(home.join("plan.toml"), plan).expect("a file");
}

fn program(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdpoint"));
    command.current_dir(home);
    command
}

/// Steps whose scripts are refused before a run, and why.
fn check(home: &Path, scripts: &[Script]) -> HashMap<String, Vec<Finding>> {
    plan(home, scripts, &HashMap::new());
    let output: Output = program(home).args(["check", "plan.toml"]).output().expect("the program runs");
    let mut refused: HashMap<String, Vec<Finding>> = HashMap::new();
    findings(&text(&output.stdout), &mut refused);
    assert_eq!(
        output.status.success(),
        refused.is_empty(),
        "{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    refused
}

/// Notes what is refused; whether there is anything.
fn findings(text: &str, refused: &mut HashMap<String, Vec<Finding>>) -> bool {
    let before = refused.len();
    // Long lines go on in the next one, indented.
    let text = text.replace("\n  ", " ");
    for (step, finding) in text.lines().filter_map(finding) {
        refused.entry(step).or_default().push(finding);
    }
    refused.len() > before
}

/// `FILE:LINE:COLUMN: error: step ID: WHAT`
fn finding(line: &str) -> Option<(String, Finding)> {
    let (place, rest) = line.split_once(": error: step ")?;
    let (step, what) = rest.split_once(": ")?;
    let mut place = place.rsplitn(3, ':').skip(1);
    let (line, file) = (place.next()?.parse().ok()?, place.next()?.to_owned());
    Some((step.to_owned(), Finding { file, line, what: what.to_owned() }))
}

/// Runs what isn't refused; what the program said.
fn holdpoint(
    server: &Server,
    home: &Path,
    scripts: &[Script],
    refused: &HashMap<String, Vec<Finding>>,
    database: &str,
) -> String {
    if refused.len() == scripts.len() {
        return String::new();
    }
    plan(home, scripts, refused);
    let mut command = program(home);
    command.args(["run", "plan.toml", "--plain", "--state-dir", "state", "--events", "events"]);
    command.args(["--target", &server.conninfo(database)]).env("PGAPPNAME", database);
    let skip = |at: usize| format!("{} = {{ skip = \"the next one\" }}\n", schema(at));
    let run = (0..scripts.len()).filter(|at| !refused.contains_key(&schema(*at)));
    let answers: String = run.map(skip).collect();
    fs::write(home.join("answers.toml"), format!("[failed]\n{answers}")).expect("a file");
    command.args(["--answers", "answers.toml"]);
    text(&command.output().expect("the program runs").stderr)
}

fn events(home: &Path) -> Vec<Value> {
    let text = fs::read_to_string(home.join("events")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("an event")).collect()
}

//! The program as its users meet it: what was typed, what it said, and how it ended.
#![allow(dead_code, reason = "every test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

pub mod corner;

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::server::TestServer;
use crate::common::surroundings::{open_to_others, surroundings};

/// The binary under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_holdpoint");

/// Nothing here takes this long, also where two cores build something else meanwhile (a rehearsal is a
/// dozen runs); when it does, the test says what it waited for.
pub const PATIENCE: Duration = Duration::from_secs(240);

/// The program with nothing in its surroundings but a PATH, the temporary folder and what is given.
pub fn holdpoint<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(args).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.envs(surroundings()).stdin(Stdio::null());
    command
}

/// What the program said, and how it ended.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Said {
    /// Runs a command to its end.
    pub fn by(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::of(command.spawn().expect("the program starts"), "the program to end")
    }

    /// The same, of a command that may take so long: minutes, on a machine that has other things to do.
    pub fn by_in(mut command: Command, patience: Duration) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::of_in(command.spawn().expect("the program starts"), "the program to end", patience)
    }

    /// Waits for a child with piped outputs.
    pub fn of(child: Child, what: &str) -> Self {
        Self::of_in(child, what, PATIENCE)
    }

    fn of_in(mut child: Child, what: &str, patience: Duration) -> Self {
        let out = child.stdout.take().map(read_aside);
        let err = child.stderr.take().map(read_aside);
        let status = ends(&mut child, patience);
        let text = |reader: Option<std::thread::JoinHandle<Vec<u8>>>| {
            reader.map_or_else(String::new, |reader| {
                String::from_utf8_lossy(&reader.join().expect("read")).into_owned()
            })
        };
        let (out, err) = (text(out), text(err));
        let Some(status) = status else {
            panic!("waited for {what}, in vain\n--- out\n{out}\n--- err\n{err}")
        };
        Self { code: status.code(), out, err }
    }

    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "the exit code\n{self}");
        self
    }

    /// Somewhere on either output; line ends and indentation don't matter.
    #[track_caller]
    pub fn says(&self, words: &str) -> &Self {
        let text = unwrapped(&format!("{}\n{}", self.out, self.err));
        assert!(text.contains(&unwrapped(words)), "it doesn't say \"{words}\"\n{self}");
        self
    }

    #[track_caller]
    pub fn complains(&self, words: &str) -> &Self {
        assert!(
            unwrapped(&self.err).contains(&unwrapped(words)),
            "standard error doesn't say \"{words}\"\n{self}"
        );
        self
    }

    #[track_caller]
    pub fn never_says(&self, words: &str) -> &Self {
        assert!(!self.out.contains(words) && !self.err.contains(words), "it says \"{words}\"\n{self}");
        self
    }

    /// Nothing that a person at night has to decipher: one complaint, told once, no inner names.
    #[track_caller]
    pub fn reads_well(&self) -> &Self {
        for bad in ["panicked", "RUST_BACKTRACE", "Os {", "Error(", "Some(", "None", "failed to failed"] {
            assert!(!self.err.contains(bad), "\"{bad}\" isn't for people\n{self}");
        }
        let complaints: Vec<&str> = self.err.lines().filter(|line| line.starts_with("holdpoint: ")).collect();
        assert_eq!(complaints.len(), 1, "one complaint\n{self}");
        assert!(complaints[0].len() < 600, "a line that nobody reads to its end\n{self}");
        self
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "--- exit {:?}\n--- out\n{}\n--- err\n{}", self.code, self.out, self.err)
    }
}

fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn read_aside(mut from: impl std::io::Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        bytes
    })
}

/// Waits for a child to end; kills it when it doesn't.
fn ends(child: &mut Child, patience: Duration) -> Option<std::process::ExitStatus> {
    let until = Instant::now() + patience;
    loop {
        if let Some(status) = child.try_wait().expect("its status") {
            return Some(status);
        }
        if Instant::now() > until {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits for something by name.
#[track_caller]
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "waited for {what}, in vain");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A folder of the test's own that other users may enter.
pub fn open_folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("hpt").tempdir_in(open_to_others()).unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// A plan in a folder, and a database to run it on.
pub struct Scene {
    pub server: TestServer,
    pub database: String,
    pub folder: tempfile::TempDir,
}

impl Scene {
    pub async fn new() -> Self {
        Self::on(TestServer::start().await).await
    }

    pub async fn on(server: TestServer) -> Self {
        let database = server.fresh_database().await;
        Self { server, database, folder: open_folder() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// `plan.toml` with a head (`stepping = "auto"`) and this body.
    pub fn plan(&self, body: &str) -> PathBuf {
        self.plan_with("stepping = \"auto\"", body)
    }

    /// `plan.toml` with more keys in `[plan]`.
    pub fn plan_with(&self, keys: &str, body: &str) -> PathBuf {
        self.file("plan.toml", plan_text(keys, body))
    }

    /// The program beside the plan, with this database in its surroundings.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = holdpoint(args);
        command.current_dir(self.folder.path()).env("HOME", self.folder.path());
        command.envs(self.server.config(&self.database).libpq_environment());
        command
    }

    /// Runs the program with these words to its end.
    pub fn type_in(&self, words: &str) -> Said {
        Said::by(self.command(words.split_whitespace()))
    }

    /// `run plan.toml --plain` and more words; events go to `events.jsonl`.
    pub fn run(&self, words: &str) -> Said {
        self.type_in(&format!("run plan.toml --plain --events events.jsonl {words}"))
    }

    /// `resume --plain` and more words; events go to `events.jsonl`.
    pub fn resume(&self, words: &str) -> Said {
        self.type_in(&format!("resume --plain --events events.jsonl {words}"))
    }

    /// `rollback --plain` and more words; events go to `events.jsonl`.
    pub fn rollback(&self, words: &str) -> Said {
        self.type_in(&format!("rollback --plain --events events.jsonl {words}"))
    }

    /// The events of the last run, resume or rollback.
    pub fn events(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path("events.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }

    /// The events of one name.
    pub fn events_named(&self, name: &str) -> Vec<Value> {
        self.events().into_iter().filter(|event| event["event"] == name).collect()
    }

    /// The problem of the last `step_failed`.
    #[track_caller]
    pub fn problem(&self) -> Value {
        self.events_named("step_failed").pop().expect("a step that failed")["problem"].clone()
    }

    /// Why the run waits.
    #[track_caller]
    pub fn needs(&self) -> String {
        let held = self.events_named("held").pop().expect("a run that waits");
        held["needs"].as_str().unwrap().to_owned()
    }

    /// Ids of steps that ended in the event `name`, in order.
    pub fn steps(&self, name: &str) -> Vec<String> {
        self.events_named(name).iter().map(|event| event["step"].as_str().unwrap().to_owned()).collect()
    }

    pub async fn value(&self, sql: &str) -> String {
        self.server.value(&self.database, sql).await
    }

    pub async fn sql(&self, sql: &str) {
        self.server.sql(&self.database, sql).await;
    }

    /// Whether the relation is there.
    pub async fn has(&self, relation: &str) -> bool {
        self.value(&format!("SELECT to_regclass('{relation}') IS NOT NULL")).await == "t"
    }

    /// The folders of runs beside the plan.
    pub fn runs(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.path(".holdpoint")) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// The folder of the only run.
    #[track_caller]
    pub fn only_run(&self) -> PathBuf {
        let runs = self.runs();
        assert_eq!(runs.len(), 1, "one run: {runs:?}");
        runs.into_iter().next().unwrap()
    }
}

/// A folder, and no server.
pub struct Corner {
    folder: tempfile::TempDir,
}

impl Corner {
    pub fn new() -> Self {
        Self { folder: open_folder() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// `plan.toml` with a head and this body.
    pub fn plan(&self, body: &str) {
        self.file("plan.toml", plan_text("stepping = \"auto\"", body));
    }

    pub fn command(&self, words: &str) -> Command {
        let mut command = holdpoint(words.split_whitespace());
        command.current_dir(self.folder.path()).env("HOME", self.folder.path());
        command
    }

    /// Runs the program with these words to its end.
    pub fn type_in(&self, words: &str) -> Said {
        Said::by(self.command(words))
    }
}

/// A plan with a head.
pub fn plan_text(keys: &str, body: &str) -> String {
    format!("[plan]\nid = \"p\"\ntitle = \"P\"\nenvironment = \"dev\"\n{keys}\n\n{body}\n")
}

/// A phase `main` with one step of SQL.
pub fn one_step(sql: &str) -> String {
    format!(
        "[[phase]]\nid = \"main\"\ntitle = \"Main\"\n\n[[phase.step]]\nid = \"s\"\ntitle = \"S\"\nsql = '''\n{sql}\n'''\n"
    )
}

/// A phase `main` of these steps.
pub fn main_of(steps: &[String]) -> String {
    format!("[[phase]]\nid = \"main\"\ntitle = \"Main\"\n{}", steps.concat())
}

/// A step with its undo; its title is its id with a capital.
pub fn undoable(id: &str, sql: &str, undo: &str) -> String {
    let title = format!("{}{}", id[..1].to_uppercase(), &id[1..]);
    format!(
        "\n[[phase.step]]\nid = \"{id}\"\ntitle = \"{title}\"\nsql = \"{sql}\"\nrollback = {{ sql = \"{undo}\" }}\n"
    )
}

/// One that makes a table of its name.
pub fn makes(id: &str) -> String {
    undoable(id, &format!("CREATE TABLE {id} (n int);"), &format!("DROP TABLE {id};"))
}

/// Every file below a folder, with its bytes.
pub fn files_below(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            files.push((path, bytes));
        }
    }
    files
}

pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

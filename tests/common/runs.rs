//! Runs plans by the real program against a fresh database, and looks at what it did.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::server::TestServer;
use super::surroundings::surroundings;

/// How long anything is waited for before the test says what didn't come.
const PATIENCE: Duration = Duration::from_secs(60);

/// One server for the tests that run at the same time; it goes with the last of them.
async fn shared() -> Arc<TestServer> {
    static SERVER: tokio::sync::Mutex<Weak<TestServer>> = tokio::sync::Mutex::const_new(Weak::new());
    let mut slot = SERVER.lock().await;
    if let Some(server) = slot.upgrade() {
        return server;
    }
    let server = Arc::new(TestServer::with(&[("max_prepared_transactions", "5")]).await);
    *slot = Arc::downgrade(&server);
    server
}

/// A plan, its scripts, and the database they run against.
pub struct Bench {
    pub server: Arc<TestServer>,
    pub db: String,
    dir: TempDir,
    /// Variables of the program's environment, PGUSER for example.
    environment: Mutex<Vec<(String, String)>>,
    /// Where the program is called, below the folder.
    stands: Mutex<String>,
}

/// What a call of the program did.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
    pub events: Vec<Value>,
}

/// A call that is under way.
pub struct Running<'a> {
    bench: &'a Bench,
    child: Option<Child>,
}

impl Bench {
    /// On the server that the tests of this binary share.
    pub async fn new() -> Self {
        Self::on(shared().await).await
    }

    /// With a database that these statements have prepared.
    pub async fn with(sql: &str) -> Self {
        let bench = Self::new().await;
        bench.sql(sql).await;
        bench
    }

    pub async fn on(server: Arc<TestServer>) -> Self {
        let db = server.fresh_database().await;
        Self::of(server, &db)
    }

    /// On a database that is there.
    pub fn of(server: Arc<TestServer>, db: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { server, db: db.to_owned(), dir, environment: Mutex::default(), stands: Mutex::default() }
    }

    /// A variable for the program.
    pub fn env(&self, name: &str, value: &str) {
        let mut environment = self.environment.lock().unwrap_or_else(PoisonError::into_inner);
        environment.push((name.to_owned(), value.to_owned()));
    }

    /// From now on the program is called in this folder.
    pub fn stand_in(&self, folder: &str) {
        *self.stands.lock().unwrap_or_else(PoisonError::into_inner) = folder.to_owned();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn file(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// A plan of one phase with these steps, each `[[phase.step]]`.
    pub fn plan(&self, steps: &str) {
        self.plan_with("", steps);
    }

    /// With further keys of `[plan]` (and what follows it).
    pub fn plan_with(&self, head: &str, steps: &str) {
        let text = format!(
            "[plan]\nid = \"p\"\ntitle = \"Test\"\nenvironment = \"dev\"\nstepping = \"auto\"\n{head}\n\n\
             [[phase]]\ntitle = \"Work\"\n{steps}\n"
        );
        self.file("plan.toml", &text);
    }

    /// The program with its arguments; `run` gets the plan.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_holdpoint"));
        let config = self.server.config(&self.db);
        command.env_clear().envs(surroundings()).envs(config.libpq_environment());
        let environment = self.environment.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let stands = self.stands.lock().unwrap_or_else(PoisonError::into_inner).clone();
        command.envs(environment).current_dir(self.path(&stands)).stdin(Stdio::null());
        command.args(args);
        if matches!(args.first(), Some(&("run" | "resume" | "rollback"))) {
            command.arg("--plain").arg("--events").arg(self.path("events.jsonl"));
            command.arg("--state-dir").arg(self.path("state"));
        }
        if args.first() == Some(&"run") {
            command.arg("plan.toml");
        }
        command
    }

    /// Calls the program and waits for its end.
    pub async fn call(&self, args: &[&str]) -> Ran {
        self.begin(args).end().await
    }

    pub async fn run(&self) -> Ran {
        self.call(&["run"]).await
    }

    pub async fn resume(&self) -> Ran {
        self.call(&["resume"]).await
    }

    /// Starts the program.
    pub fn begin(&self, args: &[&str]) -> Running<'_> {
        let _ = std::fs::remove_file(self.path("events.jsonl"));
        let out = std::fs::File::create(self.path("out")).unwrap();
        let err = std::fs::File::create(self.path("err")).unwrap();
        let child = self.command(args).stdout(out).stderr(err).spawn().expect("the program starts");
        Running { bench: self, child: Some(child) }
    }

    /// A plan of one step `a` that runs this script, with further keys.
    pub fn script(&self, sql: &str, keys: &str) {
        self.file("a.sql", sql);
        self.plan(&step("a", keys));
    }

    pub async fn sql(&self, sql: &str) {
        self.server.sql(&self.db, sql).await;
    }

    /// The single value of a query, empty for NULL and for no row.
    pub async fn value(&self, sql: &str) -> String {
        self.server.value(&self.db, sql).await
    }

    /// Everything that the ledger has, as `step unit direction generation`, in order.
    pub async fn ledger(&self) -> Vec<String> {
        let rows = self
            .server
            .rows(
                &self.db,
                "SELECT concat_ws(' ', step, nullif(unit, ''), direction, generation) \
                 FROM holdpoint.ledger ORDER BY applied_at, step, unit",
            )
            .await;
        rows.into_iter().map(|row| row[0].clone().unwrap_or_default()).collect()
    }

    /// Waits until a query gives true.
    pub async fn until(&self, what: &str, sql: &str) {
        let began = Instant::now();
        while self.value(sql).await != "t" {
            assert!(began.elapsed() < PATIENCE, "waited for: {what}\n{}", self.told());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until the work session waits for a lock.
    pub async fn until_work_waits(&self) {
        let sql = format!(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = '{}' \
             AND application_name = 'holdpoint work' AND wait_event_type = 'Lock')",
            self.db
        );
        self.until("the work session waits for a lock", &sql).await;
    }

    /// Waits until the program has said so.
    pub async fn until_said(&self, words: &str) {
        let began = Instant::now();
        while !self.told().contains(words) {
            assert!(began.elapsed() < PATIENCE, "waited for it to say: {words}\n{}", self.told());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// What the program has said so far.
    fn told(&self) -> String {
        let read = |name: &str| std::fs::read_to_string(self.path(name)).unwrap_or_default();
        format!("--- out\n{}--- err\n{}--- events\n{}", read("out"), read("err"), read("events.jsonl"))
    }

    fn events(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path("events.jsonl")).unwrap_or_default();
        // The last line may be on its way.
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

impl Running<'_> {
    /// Waits until there is such an event.
    pub async fn until_event(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            if let Some(event) = self.bench.events().into_iter().find(&wanted) {
                return event;
            }
            if let Some(status) = self.child().try_wait().unwrap() {
                panic!("the program ended ({status}) without: {what}\n{}", self.bench.told());
            }
            assert!(began.elapsed() < PATIENCE, "waited for: {what}\n{}", self.bench.told());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until the program has read so many bytes, from files and the server together.
    pub async fn until_read(&mut self, bench: &Bench, bytes: u64) {
        let began = Instant::now();
        let path = format!("/proc/{}/io", self.child().id());
        loop {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let read = text.lines().find_map(|line| line.strip_prefix("rchar: ")?.parse::<u64>().ok());
            if read.is_some_and(|read| read >= bytes) {
                return;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "waited for {bytes} bytes, {read:?} so far\n{}",
                bench.told()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The most memory that the program has had so far, in MB.
    pub fn peak_memory(&mut self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.child().id())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next());
        peak.and_then(|kb| kb.parse::<u64>().ok()).unwrap_or_default() / 1024
    }

    /// Sends SIGINT, as Ctrl-C does.
    pub fn interrupt(&mut self) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child().id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    }

    /// Sends SIGKILL: nothing of it can be heard.
    pub fn kill(&mut self) {
        self.child().kill().unwrap();
    }

    fn child(&mut self) -> &mut Child {
        self.child.as_mut().expect("it hasn't been waited for")
    }

    pub async fn end(mut self) -> Ran {
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child().try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < PATIENCE * 2, "the program doesn't end\n{}", self.bench.told());
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let read = |name: &str| std::fs::read_to_string(self.bench.path(name)).unwrap_or_default();
        let code = status.code().unwrap_or(-1);
        Ran { code, out: read("out"), err: read("err"), events: self.bench.events() }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // A test that fails leaves nothing running.
        if let Some(child) = &mut self.child
            && matches!(child.try_wait(), Ok(None))
        {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Ran {
    /// The program ended with this code; else everything it said is shown.
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "{self}");
        self
    }

    /// Somewhere it says so.
    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        assert!(self.out.contains(text) || self.err.contains(text), "nowhere \"{text}\":\n{self}");
        self
    }

    /// The same, wherever its lines are broken.
    #[track_caller]
    pub fn says_wrapped(&self, text: &str) -> &Self {
        let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat(&self.out).contains(&flat(text)), "nowhere \"{text}\":\n{self}");
        self
    }

    /// The run's id.
    #[track_caller]
    pub fn run(&self) -> &str {
        self.events
            .first()
            .and_then(|event| event["run"].as_str())
            .unwrap_or_else(|| panic!("no run:\n{self}"))
    }

    pub fn all(&self, event: &str) -> Vec<&Value> {
        self.events.iter().filter(|e| e["event"] == event).collect()
    }

    /// The last event of this name.
    #[track_caller]
    pub fn last(&self, event: &str) -> &Value {
        self.all(event).pop().unwrap_or_else(|| panic!("no event {event}:\n{self}"))
    }

    /// Names of the events about a step, in order.
    pub fn course(&self, step: &str) -> Vec<&str> {
        self.events.iter().filter(|e| e["step"] == step).filter_map(|e| e["event"].as_str()).collect()
    }

    /// The last verdict on a checkpoint, by its title.
    #[track_caller]
    pub fn verdict(&self, title: &str) -> (bool, &str) {
        let found = self.all("checkpoint_result").into_iter().rfind(|e| e["title"] == title);
        let verdict = &found.unwrap_or_else(|| panic!("no result of \"{title}\":\n{self}"))["verdict"];
        (verdict["passed"] == true, verdict["got"].as_str().unwrap_or_default())
    }

    /// Message of the problem that the step last failed with.
    #[track_caller]
    pub fn problem(&self, step: &str) -> &Value {
        let failed = self.all("step_failed").into_iter().rfind(|e| e["step"] == step);
        &failed.unwrap_or_else(|| panic!("{step} didn't fail:\n{self}"))["problem"]
    }

    #[track_caller]
    pub fn failed_with(&self, step: &str, text: &str) -> &Self {
        let problem = self.problem(step);
        let message = problem["message"].as_str().unwrap_or_default();
        assert!(message.contains(text), "expected \"{text}\" in {problem}\n{self}");
        self
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "exit {}\n--- out\n{}--- err\n{}--- events", self.code, self.out, self.err)?;
        for event in &self.events {
            let mut event = event.clone();
            for dull in ["v", "run", "prev", "at", "outline"] {
                if let Some(map) = event.as_object_mut() {
                    map.remove(dull);
                }
            }
            writeln!(f, "{event}")?;
        }
        Ok(())
    }
}

/// The path as text.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// A step that runs a file of its own name, with further keys.
pub fn step(id: &str, keys: &str) -> String {
    format!("\n[[phase.step]]\nid = \"{id}\"\ntitle = \"{id}\"\nfile = \"{id}.sql\"\n{keys}\n")
}

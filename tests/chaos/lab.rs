//! A server with a template database a scenario, and the real program run against copies of it.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use holdpoint::journal::{Reader, StateDir, read_run};
use holdpoint::pg::Host;
use holdpoint::run::event::Envelope;
use holdpoint::run::state::Run;
use tokio::process::{Child, Command};

use crate::common::server::TestServer;
use crate::common::surroundings::surroundings;

/// How long one program may take. Far more than it needs: two cores may build something else.
const PATIENCE: Duration = Duration::from_secs(120);

static CASES: AtomicU32 = AtomicU32::new(0);

pub struct Lab {
    pub server: TestServer,
    pub dir: tempfile::TempDir,
}

/// A plan, and the database that it is for.
pub struct Scenario {
    pub name: &'static str,
    pub plan: PathBuf,
    pub answers: Option<PathBuf>,
    pub template: String,
    /// The database beside the target, of a plan that has one.
    pub source: Option<String>,
}

/// A case as it stood at one moment, to be put back as often as wanted.
pub struct Standing {
    case: Case,
    oid: String,
    template: String,
    state: PathBuf,
}

/// One run of a scenario on a database of its own.
#[derive(Clone)]
pub struct Case {
    pub label: String,
    pub database: String,
    pub state: PathBuf,
    pub list: PathBuf,
    plan: PathBuf,
    answers: Option<PathBuf>,
    /// PG* variables; a proxy's address may stand here.
    pub environment: Vec<(String, String)>,
}

/// How a program ended.
pub struct Ended {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

impl Ended {
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    pub fn was_killed(&self) -> bool {
        use std::os::unix::process::ExitStatusExt;
        self.status.signal() == Some(9)
    }

    pub fn said(&self) -> String {
        format!("{}\n--- stdout\n{}--- stderr\n{}", self.status, tail(&self.out, 40), self.err)
    }
}

impl Lab {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    pub async fn with(settings: &[(&str, &str)]) -> Self {
        // Programs and servers die here, machines don't: what the kernel has taken stays.
        let mut all = vec![
            ("log_statement", "none"),
            ("max_connections", "60"),
            ("autovacuum", "off"),
            ("fsync", "off"),
            ("full_page_writes", "off"),
        ];
        all.extend_from_slice(settings);
        Self { server: TestServer::with(&all).await, dir: tempfile::tempdir().unwrap() }
    }

    /// A fresh database, and an empty state folder.
    pub async fn case(&self, scenario: &Scenario, label: &str) -> Case {
        let n = CASES.fetch_add(1, Ordering::Relaxed);
        let database = format!("case_{n}");
        self.server.copy_database(&database, &scenario.template).await;
        let state = self.dir.path().join(format!("state-{n}"));
        let mut environment: Vec<(String, String)> = self
            .server
            .config(&database)
            .libpq_environment()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        if let Some(source) = &scenario.source {
            let keys = "issuer-state,wallet-state,recruiter-state,verification-queue".to_owned();
            environment.extend([
                ("SOURCE_DATABASE_URL".to_owned(), self.address(source)),
                ("TARGET_DIRECT_URL".to_owned(), self.address(&database)),
                ("TARGET_POOLER_URL".to_owned(), self.address(&database)),
                ("REQUIRED_STATE_STORE_KEYS".to_owned(), keys),
            ]);
        }
        Case {
            label: format!("{} {label} ({database})", scenario.name),
            list: self.dir.path().join(format!("points-{n}")),
            plan: scenario.plan.clone(),
            answers: scenario.answers.clone(),
            database,
            state,
            environment,
        }
    }

    /// Takes the case's database away again: hundreds of them would fill the disk.
    pub async fn put_away(&self, case: Case) {
        self.server.sql("postgres", &format!("DROP DATABASE {} WITH (FORCE)", case.database)).await;
        let _ = std::fs::remove_dir_all(&case.state);
    }

    /// Keeps a case as it stands. A run knows its database by name and oid: both stay the same.
    pub async fn keep(&self, case: Case) -> Standing {
        let template = format!("kept_{}", case.database);
        self.server.copy_database(&template, &case.database).await;
        let of = format!("SELECT oid FROM pg_database WHERE datname = '{}'", case.database);
        let oid = self.server.value("postgres", &of).await;
        let state = case.state.with_extension("kept");
        std::fs::rename(&case.state, &state).unwrap();
        Standing { case, oid, template, state }
    }

    /// The case as it was when it was kept; what became of it since is gone.
    pub async fn put_back(&self, standing: &Standing, label: &str) -> Case {
        let Standing { case, oid, template, state } = standing;
        let mut session = self.server.session("postgres").await;
        for sql in [
            format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", case.database),
            format!("CREATE DATABASE {} OID {oid} TEMPLATE {template} STRATEGY FILE_COPY", case.database),
        ] {
            session.batch(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        session.close().await;
        let _ = std::fs::remove_dir_all(&case.state);
        let _ = std::fs::remove_file(&case.list);
        copy_folder(state, &case.state);
        Case { label: format!("{}, {label}", case.label), ..case.clone() }
    }

    /// Everything that helps to understand a failure.
    pub fn dump(&self, case: &Case) -> String {
        let journal = case.journal().map(|path| std::fs::read_to_string(path).unwrap_or_default());
        let log = case
            .journal()
            .map(|path| path.with_file_name("log"))
            .and_then(|path| std::fs::read_to_string(path).ok())
            .unwrap_or_default();
        format!(
            "{}\n--- journal\n{}\n--- log\n{}\n--- server\n{}",
            case.label,
            tail(&journal.unwrap_or_default(), 25),
            tail(&log, 15),
            tail(&self.server.log(), 25)
        )
    }

    /// The socket's folder and port, for a proxy.
    pub fn socket(&self) -> PathBuf {
        let config = self.server.config("postgres");
        let Host::Socket(dir) = config.host() else { panic!("the private server has a socket") };
        dir.join(format!(".s.PGSQL.{}", config.port()))
    }

    /// Waits until the question is answered with something, and gives it.
    pub async fn wait_for(&self, case: &Case, what: &str, sql: &str) -> String {
        let began = std::time::Instant::now();
        loop {
            let found = self.server.rows("postgres", sql).await;
            if let Some(found) = found.into_iter().next().and_then(|row| row.into_iter().next()).flatten() {
                return found;
            }
            assert!(began.elapsed() < PATIENCE, "waited in vain for {what}\n{}", self.dump(case));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits for a line of the journal that has all these words.
    pub async fn wait_for_line(&self, case: &Case, words: &[&str]) {
        let began = std::time::Instant::now();
        loop {
            let text = case.journal().and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
            if text.lines().any(|line| words.iter().all(|word| line.contains(word))) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "waited in vain for {words:?}\n{}", self.dump(case));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Case {
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_holdpoint"));
        command
            .args(words)
            .arg("--plain")
            .arg("--state-dir")
            .arg(&self.state)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.state.parent().unwrap())
            .envs(surroundings())
            .env("TZ", "UTC")
            .env("HOLDPOINT_LOG", "debug")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if matches!(words.first(), Some(&("run" | "resume")))
            && let Some(answers) = &self.answers
        {
            command.arg("--answers").arg(answers);
        }
        command
    }

    /// Starts the program; `crash` is where it is to be killed.
    pub fn start(&self, words: &[&str], crash: Option<&str>) -> Child {
        let mut command = self.command(words);
        match crash {
            Some(LIST) => drop(command.env("HOLDPOINT_CRASH_LIST", &self.list)),
            Some(point) => drop(command.env("HOLDPOINT_CRASH_AT", point)),
            None => {}
        }
        command.spawn().expect("the program starts")
    }

    pub async fn run(&self, lab: &Lab, crash: Option<&str>) -> Ended {
        let plan = self.plan.display().to_string();
        self.wait(lab, self.start(&["run", &plan], crash)).await
    }

    pub fn start_run(&self) -> Child {
        let plan = self.plan.display().to_string();
        self.start(&["run", &plan], None)
    }

    pub async fn resume(&self, lab: &Lab, more: &[&str], crash: Option<&str>) -> Ended {
        let mut words = vec!["resume"];
        words.extend_from_slice(more);
        self.wait(lab, self.start(&words, crash)).await
    }

    pub async fn wait(&self, lab: &Lab, child: Child) -> Ended {
        match tokio::time::timeout(PATIENCE, child.wait_with_output()).await {
            Ok(output) => {
                let output = output.expect("the program's output");
                Ended {
                    status: output.status,
                    out: String::from_utf8_lossy(&output.stdout).into_owned(),
                    err: String::from_utf8_lossy(&output.stderr).into_owned(),
                }
            }
            Err(_) => panic!("the program doesn't end\n{}", lab.dump(self)),
        }
    }

    /// The journal of the newest run.
    pub fn journal(&self) -> Option<PathBuf> {
        let state = StateDir::find(Some(&self.state), Path::new("plan.toml")).ok()?;
        let newest = state.runs().ok()?.into_iter().max_by_key(|run| run.id)?;
        Some(newest.folder.journal())
    }

    pub fn lines(&self) -> Vec<Envelope> {
        let mut reader = Reader::open(&self.journal().expect("a journal")).expect("it can be read");
        let mut lines = Vec::new();
        while let Some(envelope) = reader.next_event().expect("the chain is whole") {
            lines.push(envelope);
        }
        lines
    }

    /// The run as the journal tells it; `None` when it never began.
    pub fn fold(&self) -> Option<Run> {
        let (run, _) = read_run(&self.journal()?).expect("the journal is whole");
        run.id.map(|_| run)
    }

    /// Goes on with whatever there is until the run is over, as an operator would.
    pub async fn carry_on(&self, lab: &Lab) -> Result<(), String> {
        for _ in 0..6 {
            let ended = match self.fold() {
                // pg_restore was cut off, and is no transaction: a person takes away what it has left, and says so.
                Some(run) if run.in_doubt().is_some() && self.label.starts_with("lane3") => {
                    let step = run.in_doubt().map(|unit| unit.step.clone()).unwrap_or_default();
                    lab.server.sql(&self.database, &by_hand(&step)).await;
                    self.resume(lab, &["--rule", &format!("{step}=not-applied")], None).await
                }
                Some(run) if run.is_ended() => return Ok(()),
                // A program that was cut off: this plan's may all run again, so that is what a person says.
                Some(run) if run.in_doubt().is_some() && self.label.starts_with("production") => {
                    let step = run.in_doubt().map(|unit| unit.step.clone()).unwrap_or_default();
                    self.resume(lab, &["--rule", &format!("{step}=not-applied")], None).await
                }
                Some(_) => self.resume(lab, &[], None).await,
                None => self.run(lab, None).await,
            };
            let outside = self.label.starts_with("production") || self.label.starts_with("lane3");
            if ended.code() == Some(5) && outside {
                continue;
            }
            if ended.code() != Some(0) {
                return Err(format!("going on: {}", ended.said()));
            }
        }
        Err("the run doesn't come to an end".into())
    }
}

/// What a person does about a load that was cut off, so that it can begin anew.
fn by_hand(step: &str) -> String {
    let each = |rows: &str| {
        format!("DO $$ DECLARE one text; BEGIN FOR one IN {rows} LOOP EXECUTE one; END LOOP; END $$")
    };
    match step {
        "load-schema" => std::fs::read_to_string(
            Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/lane3/unload.sql"),
        )
        .unwrap(),
        "load-data" => each("SELECT format('TRUNCATE %I CASCADE', tablename) FROM pg_tables WHERE schemaname = 'public'"),
        _ => [
            "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', conrelid::regclass, conname) FROM pg_constraint \
             WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'u', 'f') ORDER BY contype = 'p'",
            "SELECT format('DROP INDEX %s', indexrelid::regclass) FROM pg_index JOIN pg_class c ON c.oid = indexrelid \
             WHERE c.relnamespace = 'public'::regnamespace",
            "SELECT format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass) FROM pg_trigger WHERE NOT tgisinternal",
        ]
        .map(each)
        .join("; "),
    }
}

/// Given as the crash: write down every point that is passed.
pub const LIST: &str = "";

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    std::fs::set_permissions(to, std::fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (from, to) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        if from.is_dir() {
            copy_folder(&from, &to);
        } else {
            std::fs::copy(&from, &to).unwrap();
        }
    }
}

pub fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].iter().map(|line| format!("{line}\n")).collect()
}

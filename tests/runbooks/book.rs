//! A shipped plan in a folder of the test, with its files and answers, and the database that it is for.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::scene::{Said, Scene};

pub struct Book {
    pub scene: Scene,
    name: &'static str,
    sql: &'static str,
    /// More of the program's surroundings.
    pub env: Vec<(&'static str, String)>,
}

/// A folder with all that is in it, executable files as such.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let from = entry.unwrap().path();
        let to = to.join(from.file_name().unwrap());
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(&from, &to).unwrap();
        }
    }
}

impl Book {
    /// A copy of `plans/NAME.toml` and `migrations/SQL`, and a database that is empty.
    pub async fn of_source(name: &'static str, sql: &'static str) -> Self {
        let book = Self { scene: Scene::new().await, name, sql, env: Vec::new() };
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for folder in ["plans".to_owned(), format!("migrations/{sql}")] {
            copy(&root.join(&folder), &book.scene.path(&folder));
        }
        book
    }

    /// The same, with the plan's fixture loaded.
    pub async fn of(name: &'static str, sql: &'static str) -> Self {
        let book = Self::of_source(name, sql).await;
        let before = book.sql_file("_before.sql");
        let args = ["-q1", "-v", "ON_ERROR_STOP=1", "-f", before.to_str().unwrap()];
        let loaded = book.scene.server.psql_output(&book.scene.database, &args);
        assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
        book
    }

    fn sql_file(&self, file: &str) -> PathBuf {
        self.scene.path(&format!("migrations/{}/{file}", self.sql))
    }

    #[track_caller]
    fn change(path: &Path, from: &str, to: &str) {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains(from), "{} has no \"{from}\"", path.display());
        std::fs::write(path, text.replacen(from, to, 1)).unwrap();
    }

    /// Writes other words into the plan.
    #[track_caller]
    pub fn plan(&self, from: &str, to: &str) -> &Self {
        Self::change(&self.scene.path(&format!("plans/{}.toml", self.name)), from, to);
        self
    }

    /// Writes other words into a script.
    #[track_caller]
    pub fn script(&self, file: &str, from: &str, to: &str) -> &Self {
        Self::change(&self.sql_file(file), from, to);
        self
    }

    /// Adds a statement at the end of a script.
    pub fn and_then(&self, file: &str, sql: &str) -> &Self {
        let path = self.sql_file(file);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{text}\n{sql}\n")).unwrap();
        self
    }

    /// Writes other words into the answers.
    #[track_caller]
    pub fn answers(&self, from: &str, to: &str) -> &Self {
        Self::change(&self.scene.path(&format!("plans/answers/{}.toml", self.name)), from, to);
        self
    }

    fn with(&self, command: &str, more: &str) -> Said {
        let words = format!("{command} --plain --state-dir state --events events.jsonl {more}");
        let mut command = self.scene.command(words.split_whitespace());
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        Said::by(command)
    }

    fn given(&self) -> String {
        format!("--answers plans/answers/{}.toml", self.name)
    }

    /// `run plans/NAME.toml --plain` with the answers.
    pub fn run(&self, more: &str) -> Said {
        self.with(&format!("run plans/{}.toml", self.name), &format!("{} {more}", self.given()))
    }

    pub fn resume(&self, more: &str) -> Said {
        self.with("resume", &format!("{} {more}", self.given()))
    }

    pub fn rollback(&self, more: &str) -> Said {
        self.with("rollback", &format!("{} {more}", self.given()))
    }

    pub fn rehearse(&self) -> Said {
        let words = format!("rehearse plans/{}.toml --state-dir state", self.name);
        // Every changing step is gone back from, in a database of its own.
        Said::by_in(self.scene.command(words.split_whitespace()), Duration::from_secs(1200))
    }

    /// The last event of the program that was run last.
    #[track_caller]
    pub fn ended(&self) -> Value {
        self.scene.events().pop().expect("an event")
    }

    /// What `holdpoint report` makes of the newest run, which ended, or was left, with this code.
    #[track_caller]
    pub fn report(&self, code: i32) -> Told {
        let written = |format: &str| {
            let said = self.scene.type_in(&format!("report --state-dir state --format {format}"));
            said.exits(0);
            said.out
        };
        let record: Value = serde_json::from_str(&written("json")).unwrap();
        assert_eq!(record["standing"]["exit_code"], code, "{}", record["standing"]);
        // As it reads, not as Markdown writes it.
        Told { record, page: written("md").replace('\\', "") }
    }

    /// The verdict on a checkpoint, by the journal.
    #[track_caller]
    pub fn verdict(&self, checkpoint: &str) -> Value {
        let results = self.scene.events_named("checkpoint_result");
        let found = results.into_iter().rfind(|event| event["checkpoint"] == checkpoint);
        found.unwrap_or_else(|| panic!("nothing of {checkpoint}"))["verdict"].clone()
    }

    /// The one value of a query.
    pub async fn value(&self, sql: &str) -> String {
        self.scene.value(sql).await
    }

    /// Whether holdpoint has made its schema: the first change of all.
    pub async fn is_changed(&self) -> bool {
        self.value("SELECT to_regnamespace('holdpoint') IS NOT NULL").await == "t"
    }
}

/// A report: the record for programs, and the page for people.
pub struct Told {
    pub record: Value,
    page: String,
}

impl Told {
    /// A step stands so in it.
    #[track_caller]
    pub fn step(&self, id: &str, status: &str) -> &Self {
        let groups = ["phases", "procedures"].iter().flat_map(|part| self.record[part].as_array().unwrap());
        let mut steps = groups.flat_map(|group| group["steps"].as_array().unwrap());
        let step = steps.find(|step| step["id"] == id).unwrap_or_else(|| panic!("no step {id}"));
        let undone = if step["undone"] == true { "undone" } else { "" };
        let stands = if undone.is_empty() { step["status"].as_str().unwrap() } else { undone };
        assert_eq!(stands, status, "{id}: {step:#}");
        self
    }

    /// The page has these words.
    #[track_caller]
    pub fn says(&self, words: &str) -> &Self {
        assert!(self.page.contains(words), "the report doesn't say \"{words}\"\n{}", self.page);
        self
    }
}

//! A private PostgreSQL for a test, by the same code as the product's.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use holdpoint::pg::embedded::{Embedded, Options, copy_database};
use holdpoint::pg::{ConnectConfig, Session};

static DATABASES: AtomicU32 = AtomicU32::new(0);

pub struct TestServer {
    embedded: Embedded,
}

impl TestServer {
    /// A fresh server that logs every statement.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With settings of its own; they win.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        let mut all = vec![
            ("log_statement".to_owned(), "all".to_owned()),
            ("log_line_prefix".to_owned(), "%m [%p] %q%d|%a|".to_owned()),
            ("timezone".to_owned(), "UTC".to_owned()),
        ];
        all.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let options = Options { settings: all, ..Options::default() };
        Self { embedded: Embedded::start(options).await.expect("the private server starts") }
    }

    /// Of the version whose programs are in this folder.
    pub async fn of(bin_dir: &std::path::Path) -> Self {
        let options = Options { bin_dir: Some(bin_dir.to_owned()), ..Options::default() };
        Self { embedded: Embedded::start(options).await.expect("the private server starts") }
    }

    pub fn embedded(&self) -> &Embedded {
        &self.embedded
    }

    pub fn config(&self, dbname: &str) -> ConnectConfig {
        self.embedded.config(dbname)
    }

    pub async fn session(&self, dbname: &str) -> Session {
        Session::connect(&self.config(dbname), "test").await.expect("a session")
    }

    /// A new, empty database; its name.
    pub async fn fresh_database(&self) -> String {
        let name = format!("t{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        self.copy_database(&name, "template0").await;
        name
    }

    /// A new database like another one.
    pub async fn copy_database(&self, name: &str, template: &str) {
        let mut session = self.session("postgres").await;
        if let Err(error) = copy_database(&mut session, name, template).await {
            panic!("{name} like {template}: {error}");
        }
        session.close().await;
    }

    /// Runs statements as superuser.
    pub async fn sql(&self, dbname: &str, sql: &str) {
        let mut session = self.session(dbname).await;
        if let Err(error) = session.batch(sql).await {
            panic!("{sql}: {error}");
        }
        session.close().await;
    }

    /// Runs one statement as superuser; its rows.
    pub async fn rows(&self, dbname: &str, sql: &str) -> Vec<Vec<Option<String>>> {
        let mut session = self.session(dbname).await;
        let rows = session.query(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        session.close().await;
        rows.rows
    }

    /// The single value of a statement, empty for NULL.
    pub async fn value(&self, dbname: &str, sql: &str) -> String {
        let rows = self.rows(dbname, sql).await;
        rows.into_iter().next().and_then(|row| row.into_iter().next()).flatten().unwrap_or_default()
    }

    /// A program of PostgreSQL's, aimed at a database of this server.
    pub fn program(&self, name: &str, dbname: &str) -> Command {
        let mut command = Command::new(self.client(name));
        command.env_clear().envs(self.config(dbname).libpq_environment()).env("LC_ALL", "C");
        command
    }

    /// The server's own, or the machine's where a server comes without clients.
    fn client(&self, name: &str) -> PathBuf {
        let own = self.embedded.bin_dir().join(name);
        if own.exists() {
            return own;
        }
        let mut packaged: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .flatten()
            .map(|folder| folder.path().join("bin").join(name))
            .filter(|program| program.exists())
            .collect();
        packaged.sort();
        packaged.pop().unwrap_or_else(|| PathBuf::from(name))
    }

    /// psql's standard output; panics with its errors.
    pub fn psql(&self, dbname: &str, sql: &str) -> String {
        let output = self.psql_output(dbname, &["-v", "ON_ERROR_STOP=1", "-qAtc", sql]);
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    pub fn psql_output(&self, dbname: &str, args: &[&str]) -> Output {
        self.program("psql", dbname).arg("-X").args(args).output().expect("psql runs")
    }

    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.embedded.log_path()).expect("the log")).into_owned()
    }

    /// The statements that the server has logged for sessions in `dbname`, in order, with the
    /// application's name. Text over several lines is joined again.
    pub fn statements(&self, dbname: &str) -> Vec<(String, String)> {
        let mut statements: Vec<(String, String)> = Vec::new();
        let mut wanted = false;
        for line in self.log().lines() {
            // A continuation begins with a tab, by log_destination = stderr.
            if let Some(more) = line.strip_prefix('\t') {
                if wanted && let Some((_, text)) = statements.last_mut() {
                    text.push('\n');
                    text.push_str(more);
                }
                continue;
            }
            wanted = false;
            let Some((_, rest)) = line.split_once("] ") else { continue };
            let mut parts = rest.splitn(3, '|');
            let (database, application) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
            let message = parts.next().unwrap_or("").trim_start();
            let text = message.strip_prefix("LOG:  ").and_then(|message| {
                let simple = message.strip_prefix("statement: ");
                simple.or_else(|| {
                    message.strip_prefix("execute ").and_then(|rest| rest.split_once(": ")).map(|(_, t)| t)
                })
            });
            if database == dbname
                && let Some(text) = text
            {
                statements.push((application.to_owned(), text.to_owned()));
                wanted = true;
            }
        }
        statements
    }

    pub async fn restart(&mut self) {
        self.embedded.restart().await.expect("the private server starts again");
    }

    /// Writes a file that the server's user may read into the data folder; returns its path.
    pub fn write_data_file(&self, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.embedded.data_dir().join(name);
        std::fs::write(&path, text).expect("a file in the data folder");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("its mode");
        if let Some((uid, gid)) = self.embedded.runs_as() {
            std::os::unix::fs::chown(&path, Some(uid), Some(gid)).expect("its owner");
        }
        path
    }
}

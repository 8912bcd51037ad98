//! A running private server.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::error::EmbeddedError;
use super::find::Programs;
use super::folder::Folder;
use super::privileges::{self, ServerUser};
use super::process::Process;
use super::sweep::sweep;
use super::template;
use crate::pg::config::ConnectConfig;
use crate::pg::session::Session;

/// A server that is cut off from the disk's caches can take its time.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How the server is to be.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The folder of the server programs, when it's named.
    pub bin_dir: Option<PathBuf>,
    /// Settings like `("log_statement", "all")`; they win over ours.
    pub settings: Vec<(String, String)>,
    /// The server is to outlive us.
    pub keep: bool,
}

/// A private server; stopped and removed when it's dropped, unless it was started to be kept.
pub struct Embedded {
    options: Options,
    programs: Programs,
    user: Option<ServerUser>,
    // Before the folder: the server stops before its files go.
    process: Option<Process>,
    folder: Folder,
}

/// What a person needs for a server that is left running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub dir: PathBuf,
    /// A command that opens psql there.
    pub connect: String,
    /// A command that stops the server and removes its folder.
    pub remove: String,
}

impl Embedded {
    /// Finds the programs, sweeps leftovers, and starts a fresh server. Returns when it takes
    /// connections.
    pub async fn start(options: Options) -> Result<Self, EmbeddedError> {
        let cache = template::cache_dir();
        let again = options.clone();
        let (mut server, from_cache) = Self::prepare(options, cache.clone()).await?;
        match server.launch().await {
            Err(EmbeddedError::Start { .. }) if from_cache => {
                // Perhaps the template was damaged, by a power failure for example.
                drop(server);
                let cache = cache.unwrap_or_default();
                let programs = Programs::find(again.bin_dir.as_deref())?;
                template::forget(&programs, &cache);
                let (mut server, _) = Self::prepare(again, Some(cache)).await?;
                server.launch().await?;
                Ok(server)
            }
            started => started.map(|()| server),
        }
    }

    async fn prepare(options: Options, cache: Option<PathBuf>) -> Result<(Self, bool), EmbeddedError> {
        let work = move || {
            let programs = Programs::find(options.bin_dir.as_deref())?;
            let user = privileges::server_user()?;
            sweep();
            let folder = Folder::create(user.as_ref(), options.keep)?;
            let mut server = Self { options, programs, user, process: None, folder };
            match template::provide(
                &server.programs,
                &server.data_dir(),
                server.user.as_ref(),
                cache.as_deref(),
            ) {
                Ok(from_cache) => Ok((server, from_cache)),
                Err(error) => {
                    server.folder.discard();
                    Err(error)
                }
            }
        };
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
            Err(EmbeddedError::Start { reason: error.to_string(), log: String::new() })
        })
    }

    /// Starts the process and waits until it takes connections, by trying.
    async fn launch(&mut self) -> Result<(), EmbeddedError> {
        let result = self.try_launch().await;
        if result.is_err() {
            self.end();
            self.folder.discard();
        }
        result
    }

    async fn try_launch(&mut self) -> Result<(), EmbeddedError> {
        let command = self.command()?;
        let program = self.programs.program("postgres");
        let process = Process::spawn(command).map_err(EmbeddedError::io("run", &program))?;
        let process = self.process.insert(process);
        let config = ConnectConfig::socket(self.folder.path(), port(&self.options), "postgres", "postgres");
        let until = Instant::now() + START_LIMIT;
        loop {
            let reason = match Session::connect(&config, "start").await {
                Ok(session) => {
                    session.close().await;
                    return Ok(());
                }
                Err(error) => error.to_string(),
            };
            let reason = match process.ended() {
                Some(status) => format!("it ended with {status}"),
                None if Instant::now() > until => format!("it takes no connections: {reason}"),
                None => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
            };
            return Err(EmbeddedError::Start { reason, log: tail(&self.folder.log()) });
        }
    }

    fn command(&self) -> Result<Command, EmbeddedError> {
        let log = self.folder.log();
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&log);
        let file = file.map_err(EmbeddedError::io("write", &log))?;
        let errors = file.try_clone().map_err(EmbeddedError::io("write", &log))?;
        let mut command = Command::new(self.programs.program("postgres"));
        command.arg("-D").arg(self.data_dir()).arg("-k").arg(self.folder.path()).arg("-F");
        command.args(["-p", "5432", "-c", "listen_addresses=", "-c", "unix_socket_permissions=0700"]);
        command.args(["-c", "logging_collector=off", "-c", "log_destination=stderr"]);
        for (name, value) in &self.options.settings {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        // PGOPTIONS, PGDATA and the like are meant for somebody else.
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("LC_ALL", "C");
        command.current_dir("/").stdin(Stdio::null()).stdout(file).stderr(errors);
        privileges::prepare(&mut command, self.user.as_ref(), !self.options.keep);
        Ok(command)
    }

    /// How to connect as superuser.
    pub fn config(&self, dbname: &str) -> ConnectConfig {
        ConnectConfig::socket(self.folder.path(), port(&self.options), "postgres", dbname)
    }

    /// The folder with everything in it, and with the socket.
    pub fn dir(&self) -> &Path {
        self.folder.path()
    }

    pub fn data_dir(&self) -> PathBuf {
        self.folder.data()
    }

    pub fn log_path(&self) -> PathBuf {
        self.folder.log()
    }

    pub fn bin_dir(&self) -> &Path {
        &self.programs.bin_dir
    }

    /// In full, like `15.4 (Debian 15.4-1)`.
    pub fn version(&self) -> &str {
        &self.programs.version
    }

    /// The postmaster's process id; 0 when it doesn't run.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().map_or(0, Process::pid)
    }

    /// The user and group that the server runs as, when we are root and it's another one.
    pub fn runs_as(&self) -> Option<(u32, u32)> {
        self.user.as_ref().map(|user| (user.uid.as_raw(), user.gid.as_raw()))
    }

    /// Stops the server (sessions are ended) and starts it again on the same data.
    pub async fn restart(&mut self) -> Result<(), EmbeddedError> {
        if let Some(process) = self.process.take() {
            let _ = tokio::task::spawn_blocking(move || process.stop(30)).await;
        }
        self.launch().await
    }

    /// Stops the server and removes its folder, also one that would be kept.
    pub async fn stop(mut self) {
        self.options.keep = false;
        self.folder.discard();
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }

    /// Leaves a server that was started to be kept.
    pub fn keep(self) -> Kept {
        let dir = self.folder.path().to_owned();
        let shown = dir.display();
        let psql = self.programs.program("psql");
        let psql = if psql.exists() { psql.display().to_string() } else { "psql".to_owned() };
        Kept {
            connect: format!("{psql} -h {shown} -p {} -U postgres postgres", port(&self.options)),
            remove: format!("kill -INT $(head -1 {shown}/data/postmaster.pid) && sleep 1 && rm -r {shown}"),
            dir,
        }
    }

    fn end(&mut self) {
        if let Some(process) = self.process.take() {
            process.stop(3); // its data go anyway
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        if !self.options.keep {
            self.end();
        }
    }
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedded")
            .field("dir", &self.folder.path())
            .field("version", &self.programs.version)
            .field("pid", &self.pid())
            .finish_non_exhaustive()
    }
}

/// The port also is part of the socket's name.
fn port(options: &Options) -> u16 {
    let given = options.settings.iter().rev().find(|(name, _)| name == "port");
    given.and_then(|(_, port)| port.parse().ok()).unwrap_or(5432)
}

/// The last lines of the log.
fn tail(log: &Path) -> String {
    let text =
        std::fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

//! A copy of the target: dumped by pg_dump, which only reads, and restored into the private server.
//!
//! No session of ours ever reaches the target. What is known of it stands in the dump: which server it
//! was, the settings of the database, and among them which environment it says it is.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::crash;
use crate::engine::exit::Exit;
use crate::engine::stop::Stop;
use crate::pg::child::{Child, Ended, News, Program, Stream};
use crate::pg::embedded::Embedded;
use crate::pg::{ConnectConfig, Session};
use crate::plan::model::Environment;
use crate::run::event::TargetIdentity;
use crate::run::rehearsal::Finding;

/// How the programs call themselves to the target.
const APPLICATION: &str = "holdpoint rehearse";
/// The setting by which a database says which environment it is.
const MARKER: &str = "holdpoint.environment";
/// What a restore complained about is listed up to here.
const SHOWN: usize = 5;

/// What was copied of the target.
#[derive(Debug, Clone)]
pub(super) struct Copied {
    pub target: TargetIdentity,
    pub with_data: bool,
    pub environment: Option<Environment>,
    /// What isn't in the copy.
    pub findings: Vec<Finding>,
    dump: PathBuf,
    /// `ALTER DATABASE … SET …`
    settings: Vec<String>,
    /// Roles and memberships, a statement each.
    roles: Vec<String>,
}

impl Copied {
    /// Dumps the target into the private server's folder.
    pub(super) async fn dump(
        server: &Embedded,
        target: &ConnectConfig,
        with_data: bool,
    ) -> Result<Self, Stop> {
        let dump = server.dir().join("target.dump");
        let mut args =
            words(&["--format=custom", "--create", "--exclude-schema=holdpoint", "--no-subscriptions"]);
        args.extend(words(&["--no-password", "--lock-wait-timeout=10s", "--no-sync", "--file"]));
        args.push(dump.clone().into());
        if !with_data {
            args.push("--schema-only".into());
        }
        let dumped = call(server, target, "pg_dump", args).await?;
        if let Some(why) = dumped.failed() {
            return Err(refused(target, &why));
        }
        let mut copied = Self {
            target: identity(target),
            with_data,
            environment: None,
            findings: Vec::new(),
            dump,
            settings: Vec::new(),
            roles: Vec::new(),
        };
        crash::point("rehearsal-dumped");
        copied.look_inside(server).await?;
        copied.copy_roles(server, target).await?;
        Ok(copied)
    }

    /// The same copy for another server.
    pub(super) fn moved_to(&self, server: &Embedded) -> Result<Self, Stop> {
        let dump = server.dir().join("target.dump");
        std::fs::copy(&self.dump, &dump)
            .map_err(|error| Stop::Local(format!("{} can't be copied: {error}", self.dump.display())))?;
        Ok(Self { dump, ..self.clone() })
    }

    /// What the dump says about the database that it is of.
    async fn look_inside(&mut self, server: &Embedded) -> Result<(), Stop> {
        let here = server.config("postgres");
        let list = call(
            server,
            &here,
            "pg_restore",
            vec!["--list".into(), "--create".into(), self.dump.clone().into()],
        )
        .await?;
        for line in &list.out {
            if let Some(version) = line.strip_prefix(";     Dumped from database version: ") {
                version.clone_into(&mut self.target.server_version);
            }
            // `3345; 1262 16384 DATABASE - name owner`
            let parts: Vec<&str> = line.split(' ').collect();
            if let ["1262", oid, "DATABASE", ..] = parts.get(1..).unwrap_or_default() {
                self.target.database_oid = oid.parse().unwrap_or_default();
            }
        }
        let mut args = words(&["--create", "--schema-only", "--section=pre-data", "--file=-"]);
        args.push(self.dump.clone().into());
        let text = call(server, &here, "pg_restore", args).await?;
        for line in text.out.iter().filter(|line| line.starts_with("ALTER DATABASE ")) {
            let Some((_, setting)) = line.split_once(" SET ") else { continue };
            if !setting.starts_with(&format!("\"{MARKER}\"")) {
                self.settings.push(line.clone());
                continue;
            }
            // The copy doesn't say so of itself: it isn't what was rehearsed for.
            self.environment = match setting.split('\'').nth(1) {
                Some("dev") => Some(Environment::Dev),
                Some("staging") => Some(Environment::Staging),
                Some("production") => Some(Environment::Production),
                _ => None,
            };
        }
        Ok(())
    }

    async fn copy_roles(&mut self, server: &Embedded, target: &ConnectConfig) -> Result<(), Stop> {
        let mut args = words(&["--roles-only", "--no-role-passwords", "--no-password", "--database"]);
        args.push(target.database().into());
        let dumped = call(server, target, "pg_dumpall", args).await?;
        if let Some(why) = dumped.failed() {
            self.note(
                format!("the roles of the target aren't in the copy: {why}"),
                "the role that dumps may not read them; grants to them are missing in the copy",
            );
            return Ok(());
        }
        let wanted = ["CREATE ROLE ", "ALTER ROLE ", "GRANT "];
        // The private server's own superuser has this name, and stays what it is.
        let own = |line: &str| {
            line.starts_with("CREATE ROLE postgres;") || line.starts_with("ALTER ROLE postgres ")
        };
        let kept = dumped.out.into_iter().filter(|line| wanted.iter().any(|begin| line.starts_with(begin)));
        self.roles = kept.filter(|line| !own(line)).collect();
        Ok(())
    }

    /// Restores it into a database of the private server that is there and empty.
    pub(super) async fn restore(&mut self, server: &Embedded, database: &ConnectConfig) -> Result<(), Stop> {
        self.findings.retain(|finding| !finding.fails);
        let mut session = Session::connect(&server.config("template1"), "ground").await?;
        for role in &self.roles {
            if let Err(error) = session.batch(role).await {
                if error.is_lost() {
                    return Err(error.into());
                }
                tracing::info!(%error, %role, "a role isn't as on the target");
            }
        }
        session.close().await;
        let mut args = words(&["--no-password", "--jobs=2", "--dbname"]);
        args.push(database.database().into());
        args.push(self.dump.clone().into());
        let restored = call(server, database, "pg_restore", args).await?;
        let errors: Vec<&str> = restored
            .err
            .iter()
            .filter_map(|line| line.split_once("ERROR:").map(|(_, why)| why.trim()))
            .collect();
        for why in errors.iter().take(SHOWN) {
            self.lacks(why);
        }
        if errors.len() > SHOWN {
            self.lacks(&format!("{} more errors like these", errors.len() - SHOWN));
        }
        if errors.is_empty()
            && let Some(why) = restored.failed()
        {
            self.lacks(&why);
        }
        let mut session = Session::connect(&server.config("template1"), "ground").await?;
        for setting in &self.settings {
            if let Err(error) = session.batch(setting).await {
                let what = format!("a setting of the database isn't in the copy: {error}");
                self.findings.push(Finding { fails: true, step: None, what, hint: Some(setting.clone()) });
            }
        }
        session.close().await;
        Ok(())
    }

    /// The copy isn't the target, so nothing is proven for that.
    fn lacks(&mut self, why: &str) {
        let hint = if why.contains("extension") {
            "install the extension's package for the private server, or name other server programs with --pg-bin"
        } else if why.contains("role") {
            "a role that owns or is granted something isn't in the copy"
        } else {
            "what depends on it may be missing too"
        };
        let what = format!("the copy isn't whole: {why}");
        self.findings.push(Finding { fails: true, step: None, what, hint: Some(hint.into()) });
    }

    fn note(&mut self, what: String, hint: &str) {
        self.findings.push(Finding { fails: false, step: None, what, hint: Some(hint.into()) });
    }
}

/// What a program said, and how it ended.
struct Said {
    out: Vec<String>,
    err: Vec<String>,
    ended: Ended,
}

impl Said {
    /// Why it failed, in its own last words.
    fn failed(&self) -> Option<String> {
        if self.ended == Ended::Code(0) {
            return None;
        }
        let told =
            |line: &&String| line.contains("error:") || line.contains("FATAL:") || line.contains("detail:");
        let mut lines: Vec<&str> = self.err.iter().filter(told).map(String::as_str).collect();
        if lines.is_empty() {
            lines.extend(self.err.last().map(String::as_str));
        }
        lines.truncate(3);
        Some(if lines.is_empty() { format!("it ended with {:?}", self.ended) } else { lines.join("; ") })
    }
}

/// Runs one of PostgreSQL's programs on a database, with sessions that can only read.
async fn call(
    server: &Embedded,
    database: &ConnectConfig,
    name: &str,
    args: Vec<OsString>,
) -> Result<Said, Stop> {
    let program = server.bin_dir().join(name);
    if !program.exists() {
        let why = format!(
            "there is no {name} in {}: install PostgreSQL's client programs, or name another folder with --pg-bin",
            server.bin_dir().display()
        );
        return Err(Stop::Local(why));
    }
    let reads = [("default_transaction_read_only", "on".to_owned())];
    let settings: &[(&str, String)] = if name == "pg_restore" { &[] } else { &reads };
    let handed = database
        .hand_over(server.dir(), APPLICATION, settings)
        .map_err(|error| Stop::Local(format!("the connection can't be handed to {name}: {error}")))?;
    let started = Child::start(Program {
        program,
        args,
        folder: PathBuf::from("/"),
        environment: handed.environment,
        input: Vec::new(),
        remove: vec![handed.passfile],
    });
    let mut child = started.map_err(|error| Stop::Local(format!("failed to {error}")))?;
    let (mut out, mut err) = (Vec::new(), Vec::new());
    loop {
        match child.next().await {
            News::Said(line) if line.from == Stream::Out => out.push(line.text),
            News::Said(line) => err.push(line.text),
            News::Ended(ended) => return Ok(Said { out, err, ended }),
        }
    }
}

fn refused(target: &ConnectConfig, why: &str) -> Stop {
    let hint = if why.contains("version mismatch") {
        "; pg_dump must not be older than the server: name newer programs with --pg-bin"
    } else {
        ""
    };
    Stop::Over { exit: Exit::Unreachable, why: format!("{} can't be dumped: {why}{hint}", target.describe()) }
}

fn identity(target: &ConnectConfig) -> TargetIdentity {
    use crate::pg::Host;
    TargetIdentity {
        host: match target.host() {
            Host::Tcp { name, .. } => name.clone(),
            Host::Socket(dir) => dir.display().to_string(),
            Host::DefaultSocket => "local socket".into(),
        },
        port: target.port(),
        database: target.database().to_owned(),
        user: target.user().to_owned(),
        server_version: String::new(),
        system_identifier: None,
        database_oid: 0,
        timeline: None,
    }
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

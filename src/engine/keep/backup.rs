//! `backup`: the whole database by pg_dump, in a file that has its name only once it is whole and proven.
//!
//! ```text
//!   our snapshot of the database → what there is in it → pg_dump of that very snapshot, into NAME.part
//!      → proof → NAME → event
//! ```
//!
//! It changes nothing: after a stop it is made again. A file that was there before is never lost: it keeps
//! another name.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::artifacts::{unwritten, whole};
use super::content::Kept;
use super::patience::EVERY;
use super::proof;
use super::snapshot::LOCKED;
use crate::crash;
use crate::engine::conductor::Conductor;
use crate::engine::problems;
use crate::engine::program::{Cut, Heard, words};
use crate::engine::stop::Stop;
use crate::engine::unit::millis;
use crate::pg::child::{Child, Ended, Program};
use crate::pg::content::{self, Content};
use crate::pg::fingerprint::Fingerprint;
use crate::pg::inventory::{self, Inventory};
use crate::pg::ledger::identifier;
use crate::pg::measure::MeasureError;
use crate::pg::{PgError, Psql, Session};
use crate::plan::model::{Backup, BackupProof, Kind, Side, Step};
use crate::plan::slug::slug;
use crate::run::event::{Artifact, BackupTaken, Event, Problem};

/// What there was in the snapshot that is dumped.
pub(super) struct Then {
    /// Schema and name, as they are.
    pub tables: Vec<Vec<String>>,
    pub schema: Fingerprint,
    /// Read only for a proof that needs it: the rows of each table.
    pub rows: BTreeMap<String, Content>,
    pub roles: Vec<String>,
    pub encoding: String,
    bytes: u64,
}

/// Why there is none: a problem, or the run can't go on.
pub(super) enum Failed {
    Problem(Box<Problem>),
    Stop(Stop),
}

impl From<Stop> for Failed {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<Problem> for Failed {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl Conductor {
    /// Makes it, proves it and puts it into the evidence.
    pub(in crate::engine) async fn take_backup(
        &mut self,
        step: &Step,
        backup: &Backup,
    ) -> Result<Result<(), Problem>, Stop> {
        match self.back_up(step, backup).await {
            Ok(()) => Ok(Ok(())),
            Err(Failed::Stop(stop)) => Err(stop),
            Err(Failed::Problem(mut problem)) => {
                let none = "there is no backup: a half one is never left under its name";
                problem.consequence.get_or_insert_with(|| none.into());
                Ok(Err(*problem))
            }
        }
    }

    async fn back_up(&mut self, step: &Step, backup: &Backup) -> Result<(), Failed> {
        let began = Instant::now();
        let path = self.artifact(&backup.path)?;
        let find =
            |name, version| Psql::named(name, version).map_err(|error| problems::plain(error.to_string()));
        let version = match step.on {
            Side::Source => self.sides.source_version,
            _ => self.look.server_version(),
        };
        let (dump, restore) = (find("pg_dump", version)?, find("pg_restore", version)?);
        let mut part = path.clone().into_os_string();
        part.push(".part");
        let part = PathBuf::from(part);
        // One that a crash has left.
        let _ = std::fs::remove_file(&part);
        // All rows of the database will stand in it: it is this user's alone before pg_dump opens it.
        let mut own = std::fs::OpenOptions::new();
        own.write(true).create_new(true).mode(0o600).open(&part).map_err(|error| unwritten(&part, &error))?;
        let made = self.make(step, backup, (&dump, &restore), &part).await;
        let (then, proven, (bytes, digest)) = match made {
            Ok(made) => made,
            Err(failed) => {
                let _ = std::fs::remove_file(&part);
                return Err(failed);
            }
        };
        crash::point("backup-proven");
        let failed = |error: std::io::Error| unwritten(&path, &error);
        if let Some(older) = set_aside(&path).map_err(failed)? {
            self.says.say(&step.id, &format!("the older {} is {} now", path.display(), older.display()));
        }
        std::fs::rename(&part, &path).map_err(failed)?;
        if self.folder.is_durable() {
            path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all()).map_err(failed)?;
        }
        let schema = self
            .keep_schema(&step.id, &then.schema)
            .map_err(|error| unwritten(self.folder.path(), &error))?;
        let taken = BackupTaken {
            step: step.id.clone(),
            of_source: step.on == Side::Source,
            file: Artifact { path: path.display().to_string(), bytes, digest },
            program: format!("pg_dump {}", dump.version),
            database_bytes: then.bytes,
            tables: then.tables.len() as u64,
            proof: backup.proof,
            proven,
            schema,
            elapsed_ms: millis(began.elapsed()),
        };
        self.record(Event::BackupTaken(Box::new(taken))).await?;
        Ok(())
    }

    fn keep_schema(&self, step: &str, schema: &Fingerprint) -> std::io::Result<Artifact> {
        let folder = self.folder.path().join("snapshots");
        std::fs::create_dir_all(&folder)?;
        let made = self.recorder.look(|run| run.backups.len());
        let path = folder.join(format!("backup-{:03}-{}.json", made + 1, slug(step)));
        let kept = Kept::Schema { schema: schema.clone() };
        whole(&path, &serde_json::to_vec(&kept)?, self.folder.is_durable())
    }

    /// All of it but its name.
    async fn make(
        &mut self,
        step: &Step,
        backup: &Backup,
        programs: (&Psql, &Psql),
        part: &Path,
    ) -> Result<(Then, String, (u64, String)), Failed> {
        let (then, proven) = self.dump(step, backup, programs, part).await?;
        Ok((then, proven, self.digest_of(&step.id, part).await?))
    }

    /// Dumps what one snapshot of ours sees, so that what is in the file can be held against it.
    async fn dump(
        &mut self,
        step: &Step,
        backup: &Backup,
        (dump, restore): (&Psql, &Psql),
        part: &Path,
    ) -> Result<(Then, String), Failed> {
        let mut session = match step.on {
            Side::Source => {
                self.sides.open(Side::Source).await.map_err(|error| self.source_is_gone(&error))?
            }
            _ => self.spare().await?,
        };
        let then = self.look_before(&mut session, step, backup.proof).await;
        let dumped = match &then {
            Ok((snapshot, then)) => self.run_pg_dump(step, dump, part, snapshot, then.bytes).await,
            Err(_) => Ok(()),
        };
        session.close().await;
        let (_, then) = then?;
        dumped?;
        crash::point("backup-dumped");
        let listed = self.list(step, restore, part, &then).await?;
        let proven = match backup.proof {
            BackupProof::List => listed,
            BackupProof::Restore => {
                format!("{listed}; {}", self.restore_to_prove(step, restore, part, &then).await?)
            }
        };
        Ok((then, proven))
    }

    /// It can't be asked: the run holds, whatever the plan says about a backup that is wrong.
    fn source_is_gone(&mut self, error: &PgError) -> Problem {
        self.out_of_reach = Some(Side::Source);
        problems::plain(format!("the source can't be asked: {}", error.sentence()))
    }

    /// Begins the snapshot, and what there is in it.
    async fn look_before(
        &mut self,
        session: &mut Session,
        step: &Step,
        proof: BackupProof,
    ) -> Result<(String, Then), Failed> {
        let cancel = session.cancel_handle();
        let words = || "reading what there is, to hold the backup against it".to_owned();
        let found = match self.patiently(&step.id, words, look(session, step, proof)).await {
            Ok(found) => found,
            Err(why) => {
                cancel.cancel().await.ok();
                return Err(self.interrupted_by(why));
            }
        };
        match found {
            Ok(found) => Ok(found),
            Err(MeasureError::Pg(error)) if error.is_lost() && step.on == Side::Source => {
                Err(self.source_is_gone(&error).into())
            }
            Err(MeasureError::Pg(error)) if error.is_lost() => Err(Stop::from(error).into()),
            Err(error) => Err(self.unmeasured(error).into()),
        }
    }

    async fn run_pg_dump(
        &mut self,
        step: &Step,
        dump: &Psql,
        part: &Path,
        snapshot: &str,
        database: u64,
    ) -> Result<(), Failed> {
        let mut args = vec![
            "--format=custom".to_owned(),
            "--exclude-schema=holdpoint".to_owned(),
            "--no-password".to_owned(),
            format!("--lock-wait-timeout={}", step.lock_timeout.as_millis()),
            format!("--snapshot={snapshot}"),
            format!("--file={}", part.display()),
        ];
        args.extend(step.role.as_ref().map(|role| format!("--role={role}")));
        if !self.folder.is_durable() {
            args.push("--no-sync".to_owned());
        }
        let (says, id, file) = (self.says.clone(), step.id.clone(), part.to_owned());
        let progress = tokio::spawn(async move {
            loop {
                tokio::time::sleep(EVERY).await;
                let written = std::fs::metadata(&file).map_or(0, |file| file.len());
                says.say(&id, &format!("{} written; the database has {}", mb(written), mb(database)));
            }
        });
        let said = self.run_tool(step, dump, args, true).await;
        progress.abort();
        let written = std::fs::metadata(part).map_or(0, |file| file.len());
        said?.failed("pg_dump", &|why| {
            let mut problem = problems::plain(format!("pg_dump {why}"));
            problem.hint = Some(if why.contains("No space left on device") {
                problem.message = format!(
                    "the disk is full: pg_dump had written {} when there was no room left (the database has {})",
                    mb(written),
                    mb(database)
                );
                format!("make room for {}, or name another folder in plan.artifacts; then retry", part.display())
            } else if why.contains("lock timeout") {
                LOCKED.into()
            } else if why.contains("permission denied") {
                "the role must be able to read everything: back up as the owner, or as a member of pg_read_all_data".into()
            } else {
                "look at what it says, then retry".into()
            });
            problem
        })?;
        Ok(())
    }

    /// Runs one of PostgreSQL's programs on the step's database (or, for what only reads a file, on nothing).
    pub(super) async fn run_tool(
        &mut self,
        step: &Step,
        tool: &Psql,
        args: Vec<String>,
        on_database: bool,
    ) -> Result<Said, Failed> {
        let reads = [("default_transaction_read_only", "on".to_owned())];
        let (environment, remove) = if on_database {
            let handed = self.lend_on(step.on, "holdpoint backup", &reads).map_err(problems::plain)?;
            (handed.environment, vec![handed.passfile])
        } else {
            (crate::pg::handover::inherited(), Vec::new())
        };
        self.run_with(step, tool, args, environment, remove).await
    }

    pub(super) async fn run_with(
        &mut self,
        step: &Step,
        tool: &Psql,
        args: Vec<String>,
        environment: Vec<(std::ffi::OsString, std::ffi::OsString)>,
        remove: Vec<PathBuf>,
    ) -> Result<Said, Failed> {
        self.attention.begin_work();
        let child = Child::start(Program {
            program: tool.program.clone(),
            args: args.into_iter().map(Into::into).collect(),
            folder: PathBuf::from("/"),
            environment,
            input: Vec::new(),
            remove,
        })
        .map_err(|error| problems::plain(format!("failed to {error}")))?;
        let (says, id) = (self.says.clone(), step.id.clone());
        let mut said = Said { out: Vec::new(), err: Vec::new(), ended: Ended::Code(0) };
        let course = self
            .follow(child, None, |heard| {
                if let Heard::Line(line) = heard {
                    if line.from == crate::pg::child::Stream::Out {
                        said.out.push(line.text.clone());
                    } else {
                        says.say(&id, &line.text);
                        if said.err.len() < 1000 {
                            said.err.push(line.text.clone());
                        }
                    }
                }
                Ok(())
            })
            .await;
        match course.cut {
            Some(Cut::Interrupted(why)) => {
                self.stop_for(why)?;
                return Err(problems::plain("cancelled by a person").into());
            }
            Some(Cut::TimedOut(_) | Cut::Unheard(_)) | None => {}
        }
        said.ended = course.ended;
        Ok(said)
    }

    /// The file's list of contents against the tables that were there.
    async fn list(
        &mut self,
        step: &Step,
        restore: &Psql,
        part: &Path,
        then: &Then,
    ) -> Result<String, Failed> {
        let args = vec!["--list".to_owned(), part.display().to_string()];
        let said = self.run_tool(step, restore, args, false).await?;
        said.failed("pg_restore", &|why| {
            problems::plain(format!("the backup can't be listed: pg_restore {why}"))
        })?;
        let missing = proof::missing(&said.out, &then.tables);
        if let Some(first) = missing.first() {
            let others = match missing.len() {
                1 => String::new(),
                n => format!(" and {} others", n - 1),
            };
            return Err(problems::plain(format!(
                "the backup isn't whole: table {first}{others} isn't in it"
            ))
            .into());
        }
        Ok(format!("its list has all {} tables", then.tables.len()))
    }
}

/// What a program said, and how it ended.
pub(super) struct Said {
    pub out: Vec<String>,
    pub err: Vec<String>,
    pub ended: Ended,
}

impl Said {
    /// Why it failed, in its own words, as a problem.
    pub(super) fn failed(&self, name: &str, problem: &dyn Fn(&str) -> Problem) -> Result<(), Failed> {
        if self.ended == Ended::Code(0) {
            return Ok(());
        }
        let told = |line: &&String| ["error:", "FATAL:", "detail:"].iter().any(|word| line.contains(word));
        let mut lines: Vec<&str> = self.err.iter().filter(told).map(String::as_str).collect();
        if lines.is_empty() {
            lines.extend(self.err.last().map(String::as_str));
        }
        lines.truncate(3);
        let own: Vec<&str> =
            lines.iter().map(|line| line.strip_prefix(&format!("{name}: ")).unwrap_or(line)).collect();
        let why = if own.is_empty() { words(self.ended) } else { format!("says: {}", own.join("; ")) };
        Err(problem(&why).into())
    }
}

async fn look(
    session: &mut Session,
    step: &Step,
    proof: BackupProof,
) -> Result<(String, Then), MeasureError> {
    session.batch(&format!("SET lock_timeout = {}", step.lock_timeout.as_millis())).await?;
    session.batch("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    if let Some(role) = &step.role {
        session.batch(&format!("SET LOCAL ROLE {}", identifier(role))).await?;
    }
    let snapshot = session.query("SELECT pg_catalog.pg_export_snapshot()", &[]).await?;
    let snapshot = snapshot.scalar().unwrap_or_default().to_owned();
    let mut inventory = Inventory::take(session, &[Kind::Tables]).await?;
    let tables = inventory.names.remove(&Kind::Tables).unwrap_or_default();
    let schema = Fingerprint::take(session).await?;
    let bytes = inventory::size(session).await?;
    let names: Vec<String> = tables.iter().map(ToString::to_string).collect();
    let mut read = BTreeMap::new();
    let mut roles = Vec::new();
    if proof == BackupProof::Restore {
        read = content::contents(session, &names, None).await?;
        let sql = "SELECT rolname FROM pg_catalog.pg_roles WHERE rolname !~ '^pg_' ORDER BY 1";
        let found = session.query(sql, &[]).await?;
        roles.extend(found.rows.into_iter().filter_map(|row| row.into_iter().next().flatten()));
    }
    let encoding = session.query("SHOW server_encoding", &[]).await?;
    let encoding = encoding.scalar().unwrap_or("UTF8").to_owned();
    let tables = tables.into_iter().map(|table| table.path).collect();
    Ok((snapshot, Then { tables, schema, rows: read, roles, encoding, bytes }))
}

/// An older file of that name gets another: the first number that is free.
fn set_aside(path: &Path) -> std::io::Result<Option<PathBuf>> {
    if !path.exists() {
        return Ok(None);
    }
    for number in 1.. {
        let mut older = path.to_owned().into_os_string();
        older.push(format!(".~{number}~"));
        let older = PathBuf::from(older);
        if !older.exists() {
            std::fs::rename(path, &older)?;
            return Ok(Some(older));
        }
    }
    Ok(None)
}

/// Size and SHA-256, read in pieces, where nothing else waits for it.
pub(super) fn mb(bytes: u64) -> String {
    match bytes {
        0..10_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

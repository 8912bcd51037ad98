//! The plan as the engine knows it: checked, resolved, without a trace of TOML.
//!
//! Raw text becomes this in two steps: `load` reads the file with positions, `check` resolves and
//! proves it. Whoever holds a [`Plan`] may rely on: ids are unique, references name something that
//! exists, files named in it were there when it was loaded, every step has at most one action.

use std::path::PathBuf;
use std::time::Duration;

use super::expect::{Cell, Expect};
pub use super::kept::{Backup, BackupProof, Compare, Compared, Restore, Snapshot, SnapshotKind, Tolerance};
pub use super::objects::{Amount, Kind, Kinds};
pub use super::program::{Call, Notice, Program};
pub use super::requires::{Evidence, Requires};

/// A whole plan.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The file it came from.
    pub path: PathBuf,
    pub id: String,
    pub title: String,
    pub environment: Environment,
    /// Folder of the SQL files, absolute.
    pub sql_dir: PathBuf,
    /// Where the run writes; the run's folder when `None`.
    pub artifacts: Option<String>,
    /// The sign-off step before which nothing changes anything.
    pub authorization: Option<String>,
    pub stepping: Stepping,
    pub window: Option<Window>,
    pub env_file: Option<PathBuf>,
    pub reference: Option<String>,
    pub about: Option<String>,
    pub meta: Vec<(String, String)>,
    pub advice: RollbackAdvice,
    pub vars: Vec<Variable>,
    pub target: Server,
    pub source: Option<Server>,
    pub fixture: Option<Fixture>,
    /// The program that gets the messages of `notify` steps.
    pub notify: Option<Call>,
    /// IANA name.
    pub timezone: Option<String>,
    /// Tables whose rows are part of the before-image.
    pub guards: Vec<String>,
    pub phases: Vec<Phase>,
    /// Named procedures.
    pub rollbacks: Vec<Procedure>,
    /// What the plan asks for that this program can't do yet; a plan with any of it isn't run.
    pub not_built: Vec<NotBuilt>,
    /// Name relative to `sql_dir` → content kind, of everything the digest covers, sorted.
    pub files: Vec<PlanFile>,
}

impl Plan {
    /// The folder that the plan's file is in, absolute.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(std::path::Path::new("."));
        std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf())
    }

    /// All steps: those of the phases, then those of the procedures.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        let named = self.rollbacks.iter().flat_map(|procedure| &procedure.steps);
        self.phases.iter().flat_map(|phase| &phase.steps).chain(named)
    }

    /// The first step that psql runs, forward or back; its id.
    #[must_use]
    pub fn first_by_psql(&self) -> Option<&str> {
        let by_psql = |step: &Step| step.runner == Runner::Psql;
        let own = |step: &Step| matches!(&step.rollback, Some(Undo::Own(own)) if by_psql(own));
        self.steps().find(|step| by_psql(step) || own(step)).map(|step| step.id.as_str())
    }

    /// The first step that has the target backed up; its id.
    #[must_use]
    pub fn first_backup(&self) -> Option<&str> {
        let of_target = |step: &&Step| matches!(step.action, Action::Backup(_)) && step.on != Side::Source;
        self.steps().find(of_target).map(|step| step.id.as_str())
    }
}

/// A file that the plan names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanFile {
    /// As it is named below `sql_dir` (or the plan's folder for the env file).
    pub name: String,
    pub path: PathBuf,
}

/// A key or action that a later version brings.
#[derive(Debug, Clone)]
pub struct NotBuilt {
    /// The step (or phase, or `plan`) that asks for it.
    pub place: String,
    pub key: String,
    pub line: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    Dev,
    Staging,
    Production,
}

impl Environment {
    /// As a plan writes it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stepping {
    Auto,
    /// Every change waits for a key.
    Manual,
}

/// `2024-02-06 09:00..12:00`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    pub from: jiff::civil::DateTime,
    pub to: jiff::civil::DateTime,
    /// The zone written with the window, else the plan's.
    pub timezone: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub struct RollbackAdvice {
    pub when: Vec<String>,
    pub when_not: Vec<String>,
    pub within: Option<Duration>,
}

#[derive(Debug, Clone)]
pub struct Variable {
    pub name: String,
    pub default: Option<String>,
    pub demo: Option<String>,
    pub env: Option<String>,
    pub ask: Option<String>,
    pub secret: bool,
    /// Used by a `[[rollback]]` alone: asked for when that starts.
    pub only_rollback: bool,
    /// Which procedures use it, by their place among `[[rollback]]`s.
    pub procedures: Vec<usize>,
}

/// `[target]` or `[source]`.
#[derive(Debug, Clone, Default)]
pub struct Server {
    pub url: Option<String>,
    pub pooler: Option<String>,
    /// Of the target: who looks on logs in as this role.
    pub monitor_role: Option<String>,
    pub database: Option<Guard>,
    pub host: Option<Guard>,
    pub port: Option<Guard>,
    pub user: Option<Guard>,
    pub server: Option<Guard>,
    pub checkpoints: Vec<Checkpoint>,
}

/// What a connection must be: one of these cells.
#[derive(Debug, Clone)]
pub struct Guard {
    pub any_of: Vec<Cell>,
}

/// The SQL that makes the databases before the window.
#[derive(Debug, Clone)]
pub struct Fixture {
    pub target: Option<PathBuf>,
    pub source: Option<PathBuf>,
}

#[derive(Debug, Clone)]
pub struct Phase {
    pub id: String,
    pub title: String,
    pub about: Option<String>,
    /// As written: `09:00`, `day 2`.
    pub starts: Option<String>,
    pub takes: Option<Takes>,
    pub within: Option<Duration>,
    pub team: Vec<(String, String)>,
    pub watches: Vec<Watch>,
    pub owner: Option<String>,
    pub needs: Vec<String>,
    pub on_failure: Option<OnFailure>,
    pub otherwise: Option<String>,
    pub steps: Vec<Step>,
}

/// Planned duration: a figure or a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Takes {
    pub from: Duration,
    pub to: Duration,
}

#[derive(Debug, Clone)]
pub struct Watch {
    pub every: Duration,
    pub lasting: Duration,
    pub checkpoint: Checkpoint,
}

/// One step. `defaults` and the phase's keys are already applied.
#[derive(Debug, Clone)]
pub struct Step {
    /// Unique in the plan; `phase/slug(title)` when it wasn't given.
    pub id: String,
    pub title: String,
    pub about: Option<String>,
    /// `else`: what the runbook says to do when it fails.
    pub otherwise: Option<String>,
    pub on_failure: OnFailure,
    pub optional: bool,
    pub on: Side,
    /// `as`: SET ROLE.
    pub role: Option<String>,
    pub expect: Option<Expect>,
    pub save: Option<String>,
    pub into: Option<String>,
    pub adds: Option<Kinds>,
    pub checkpoints: Vec<Checkpoint>,
    pub rollback: Option<Undo>,
    pub transaction: Transaction,
    pub runner: Runner,
    pub lock_timeout: Duration,
    pub lock_retries: u32,
    /// Variables that may be pasted raw although their value comes from the database.
    pub unsafe_vars: Vec<String>,
    /// Ways by which the script may run shell commands, by their names in [`SHELL`].
    pub allow_shell: Vec<String>,
    /// What its files are written in; `None`: UTF-8.
    pub encoding: Option<String>,
    /// Its shell commands run in demo and rehearse, too.
    pub demo: bool,
    /// As the plan says; `None`: before COMMIT where they can.
    pub verify: Option<Verify>,
    pub irreversible: Option<String>,
    pub idempotent: bool,
    pub starts: Option<String>,
    pub takes: Option<Takes>,
    pub owner: Option<String>,
    pub needs: Vec<String>,
    /// `changes = false`: nothing to undo. Steps that only look are false without being told.
    pub changes: bool,
    pub action: Action,
    /// Line of the step's header in the plan.
    pub line: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    Hold,
    Stop,
    Continue,
    /// All that this run applied, last first.
    Rollback,
    /// A named `[[rollback]]`.
    Procedure(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Target,
    Source,
    Pooler,
    Both,
    /// A command without a database.
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transaction {
    /// The whole step in one transaction.
    Single,
    /// One transaction a statement; bare where PostgreSQL wants it so.
    None,
    /// The file has its own COMMITs.
    Script,
}

/// Who runs a step's script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Runner {
    #[default]
    Holdpoint,
    /// The real psql, for a file that needs more of it than holdpoint speaks.
    Psql,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verify {
    BeforeCommit,
    AfterCommit,
    Both,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum Action {
    /// Checkpoints alone.
    Group,
    /// A script; with `section`, a part of it.
    File {
        file: PlanFile,
        section: Option<Section>,
    },
    /// The files of a glob, sorted. In a rollback, `pattern` may hold `{file}`.
    Files {
        pattern: String,
        files: Vec<PlanFile>,
    },
    /// Statements in the plan itself; `line` is where the text begins.
    Sql {
        text: String,
        line: usize,
    },
    /// One read-only checkpoint whose expectation is the step's.
    Check {
        sql: String,
        line: usize,
    },
    Inventory(Kinds),
    /// Statements in a transaction that is always rolled back, with the checkpoints inside.
    Probe {
        sql: String,
        line: usize,
    },
    Command(Box<Program>),
    Notify(Box<Notice>),
    /// Waits while the phase's watches are sampled; a duration, or a template of one.
    Soak(String),
    Confirm(Vec<Item>),
    Signoff(Signoff),
    /// Evidence of a rehearsal, or of another run.
    Requires(Box<Requires>),
    /// What there is now, kept to be compared with.
    Snapshot(Snapshot),
    /// What there is now, against a snapshot or the source.
    Compare(Compare),
    /// The evidence so far, as a file; the end of its name says the format.
    Report(String),
    /// The database in a file.
    Backup(Backup),
    /// The database as it was in the backup of this step.
    Restore(Restore),
    /// The own rollbacks of these steps (of a phase: of its steps), last first; a variable may stand in an id.
    Undo(Vec<String>),
    /// An action that a later version brings; its key.
    Later(&'static str),
}

impl Action {
    /// Whether it runs something that may change something: SQL, or a program.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.runs_sql() || matches!(self, Self::Command(_))
    }

    /// Whether it runs SQL that may change something.
    #[must_use]
    pub fn runs_sql(&self) -> bool {
        matches!(self, Self::File { .. } | Self::Files { .. } | Self::Sql { .. } | Self::Restore(_))
    }
}

/// A part of a script: from the comment that begins with `begin` to the next one that begins with
/// any of `all`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    pub begin: String,
    pub all: Vec<String>,
}

/// How a step is undone.
#[derive(Debug, Clone)]
pub enum Undo {
    /// Its own action with checkpoints of its own.
    Own(Box<Step>),
    /// `{ by }`: undone when that step is undone.
    By(String),
}

/// A named `[[rollback]]`.
#[derive(Debug, Clone)]
pub struct Procedure {
    pub id: String,
    pub title: String,
    pub when: Option<String>,
    pub undoes: Vec<String>,
    pub within: Option<Duration>,
    pub steps: Vec<Step>,
}

/// One line of a checklist.
#[derive(Debug, Clone)]
pub struct Item {
    pub item: String,
    pub proof: Vec<Proof>,
    pub owner: Option<String>,
    /// Wants text.
    pub write: bool,
}

/// What ticks an item by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    Target,
    Files,
    Vars,
    /// A step; verified or accepted.
    Step(String),
    /// A checkpoint by its id; passed.
    Checkpoint(String),
    /// A phase: all of its steps.
    Phase(String),
    /// A watch.
    Watch(String),
}

#[derive(Debug, Clone)]
pub struct Signoff {
    pub roles: Vec<String>,
    pub items: Vec<Item>,
    /// What is signed, by role; a role that isn't listed signs `statement`.
    pub statement: String,
    pub statements: Vec<(String, String)>,
    pub any_order: bool,
    /// The words for yes and no.
    pub decision: (String, String),
}

/// A query, an inventory or another checkpoint again, and what it must give.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// Unique in the plan: given, or `step-id/slug(title)`.
    pub id: String,
    pub title: String,
    pub ask: Ask,
    /// `None`: it must merely run.
    pub expect: Option<Expect>,
    pub otherwise: Option<String>,
    pub on_failure: Option<OnFailure>,
    pub on: Side,
    pub role: Option<String>,
    pub save: Option<String>,
    pub into: Option<String>,
    pub line: usize,
}

#[derive(Debug, Clone)]
pub enum Ask {
    /// One statement. `again` is already resolved to the text it repeats.
    Sql(String),
    Inventory(Kinds),
    /// Only the own question of a step with `compare`.
    Compare(Compare),
}

/// What `allow_shell` may name: psql's ways to run a shell command.
pub const SHELL: &[&str] = &["\\!", "backticks", "\\g |", "\\o |", "\\copy program"];

//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Runs PostgreSQL migrations step by step, with a checkpoint after each and the rollback at hand.
#[derive(Debug, Parser)]
#[command(name = "holdpoint", version, about, max_term_width = 100, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,

    /// How much goes into the log in the run's folder: error, warn, info, debug, trace
    #[arg(long, global = true, default_value = "info", env = "HOLDPOINT_LOG", value_name = "LEVEL")]
    pub log: String,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Try a plan on a private PostgreSQL: nothing to set up, nothing left behind
    Demo(DemoArgs),
    /// Prove a plan and its rollback on a private PostgreSQL, before the window
    Rehearse(RehearseArgs),
    /// Run a plan on a real database
    Run(RunArgs),
    /// Go on with a run after a stop, a failure or a crash
    Resume(ResumeArgs),
    /// Undo what a run applied, last step first
    Rollback(RollbackArgs),
    /// Find what is wrong with plans and their scripts, without a database
    Check(CheckArgs),
    /// Show a plan as a tree, as what a rollback would do, or as JSON
    Show(ShowArgs),
    /// Drive a run in a tmux session that others watch: how to, or with --start make it
    #[command(after_help = SHARE_HELP)]
    Share(ShareArgs),
    /// List the runs and where they stand
    Status(StatusArgs),
    /// The evidence of a run: what was planned, done, expected, got and signed, as Markdown, HTML or JSON
    #[command(after_help = REPORT_HELP)]
    Report(ReportArgs),
    /// What a database consists of, to look at or to compare with later; read-only
    Snapshot(SnapshotArgs),
    /// What differs between two databases, two snapshots, or one of each; read-only
    #[command(after_help = DIFF_HELP)]
    Diff(DiffArgs),
}

/// How it is shown and answered.
#[derive(Debug, Clone, Default, Args)]
pub struct Screenless {
    /// Print lines of text instead of opening the cockpit
    #[arg(long)]
    pub plain: bool,

    /// Write every event as a line of JSON to FILE (- is standard output)
    #[arg(long, value_name = "FILE")]
    pub events: Option<PathBuf>,

    /// Colours of the cockpit [default: as the terminal seems to be; mono under NO_COLOR]
    #[arg(long, value_name = "THEME", value_enum)]
    pub theme: Option<ThemeName>,

    /// Only ASCII, where lines and signs of Unicode can't be shown
    #[arg(long)]
    pub ascii: bool,

    /// Clicks select and press, the wheel scrolls; without it the terminal selects text (M switches)
    #[arg(long)]
    pub mouse: bool,
}

/// A set of colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ThemeName {
    Dark,
    Light,
    HighContrast,
    Mono,
}

/// Where a run's journal lives.
#[derive(Debug, Clone, Default, Args)]
pub struct StateArgs {
    /// Folder for journals [default: .holdpoint beside the plan]
    #[arg(long, value_name = "DIR", env = "HOLDPOINT_STATE_DIR")]
    pub state_dir: Option<PathBuf>,
}

/// Answers to what people are asked for.
#[derive(Debug, Clone, Default, Args)]
pub struct AnswerArgs {
    /// TOML file with answers: go, confirm, sign, failed (see the README)
    #[arg(long, value_name = "FILE")]
    pub answers: Option<PathBuf>,

    /// Confirm or sign the step ID as NAME (asserted by you)
    #[arg(long, value_name = "ID=NAME")]
    pub confirm: Vec<String>,

    /// Do a step that can't be taken back
    #[arg(long, value_name = "STEP=REASON")]
    pub irreversible: Vec<String>,
}

#[derive(Debug, Args)]
pub struct DemoArgs {
    #[arg(help = super::shipped::named_in_help())]
    pub plan: Option<String>,
    #[command(flatten)]
    pub screenless: Screenless,
    #[command(flatten)]
    pub state: StateArgs,
    /// Run only these phases
    #[arg(long, value_name = "PHASE")]
    pub only: Vec<String>,
    /// Give a variable of the plan a value
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub vars: Vec<String>,
    /// Leave the server running, and print how to connect
    #[arg(long)]
    pub keep: bool,
    /// Folder of PostgreSQL's server programs
    #[arg(long, value_name = "DIR", env = "HOLDPOINT_PG_BIN")]
    pub pg_bin: Option<PathBuf>,
    /// Install PostgreSQL by the system's package manager when there is none
    #[arg(long)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct RehearseArgs {
    /// A plan's file, or the name of a shipped plan
    pub plan: String,
    /// Print what was found as JSON
    #[arg(long)]
    pub json: bool,
    /// Rehearse on a copy of this database's schema; it is only read, by pg_dump
    #[arg(long, value_name = "CONNINFO")]
    pub target: Option<String>,
    /// Copy the rows too
    #[arg(long, requires = "target")]
    pub with_data: bool,
    #[command(flatten)]
    pub state: StateArgs,
    /// Give a variable of the plan a value
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub vars: Vec<String>,
    /// Folder of PostgreSQL's server programs
    #[arg(long, value_name = "DIR", env = "HOLDPOINT_PG_BIN")]
    pub pg_bin: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct RunArgs {
    /// The plan's file
    pub plan: PathBuf,
    #[command(flatten)]
    pub screenless: Screenless,
    #[command(flatten)]
    pub state: StateArgs,
    #[command(flatten)]
    pub answers: AnswerArgs,
    /// The database: URL or key=value string [default: PG* variables]
    #[arg(long, value_name = "CONNINFO", env = "HOLDPOINT_TARGET", hide_env_values = true)]
    pub target: Option<String>,
    /// Run only this phase (may be given again); a later call goes on in the same run
    #[arg(long, value_name = "PHASE")]
    pub only: Vec<String>,
    /// Journals of runs elsewhere that the plan requires (a journal, a run's folder, or a folder of them); they are
    /// kept in the state folder
    #[arg(long, value_name = "PATH")]
    pub evidence: Vec<PathBuf>,
    /// Begin with this step; those before it are taken as done, on your word
    #[arg(long, value_name = "STEP")]
    pub from: Option<String>,
    /// Begin although, by the ledger, another run has applied steps of this plan; why
    #[arg(long, value_name = "REASON")]
    pub despite: Option<String>,
    /// Give a variable of the plan a value
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub vars: Vec<String>,
}

#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// The run, or the beginning of its id [default: the newest open one]
    pub run: Option<String>,
    /// The plan that the run belongs to, to find its state folder
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    #[command(flatten)]
    pub screenless: Screenless,
    #[command(flatten)]
    pub state: StateArgs,
    #[command(flatten)]
    pub answers: AnswerArgs,
    #[arg(long, value_name = "CONNINFO", env = "HOLDPOINT_TARGET", hide_env_values = true)]
    pub target: Option<String>,
    /// Give a variable of the plan a value (secret ones aren't kept)
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub vars: Vec<String>,
    /// Run only this phase now
    #[arg(long, value_name = "PHASE")]
    pub only: Vec<String>,
    /// Journals of runs elsewhere that the plan requires
    #[arg(long, value_name = "PATH")]
    pub evidence: Vec<PathBuf>,
    /// Leave out a step that failed
    #[arg(long, value_name = "STEP=REASON")]
    pub skip: Vec<String>,
    /// Go on although the step's checkpoints failed
    #[arg(long = "override", value_name = "STEP=REASON")]
    pub overrides: Vec<String>,
    /// Say whether a step of unknown outcome was applied
    #[arg(long, value_name = "STEP=applied|not-applied")]
    pub rule: Vec<String>,
    /// End the run where it stands
    #[arg(long, value_name = "REASON")]
    pub end: Option<String>,
}

#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The run, or the beginning of its id; one that is over too [default: the newest open one]
    pub run: Option<String>,
    /// The plan that the run belongs to, to find its state folder
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    #[command(flatten)]
    pub screenless: Screenless,
    #[command(flatten)]
    pub state: StateArgs,
    #[arg(long, value_name = "CONNINFO", env = "HOLDPOINT_TARGET", hide_env_values = true)]
    pub target: Option<String>,
    /// Give a variable of the plan a value (secret ones aren't kept)
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub vars: Vec<String>,
    #[command(flatten)]
    pub answers: AnswerArgs,
    /// Stop after this step is undone
    #[arg(long, value_name = "STEP", conflicts_with_all = ["only", "procedure"])]
    pub to: Option<String>,
    /// Undo this step alone (may be given again); refused when a later one needs it
    #[arg(long, value_name = "STEP", conflicts_with = "procedure")]
    pub only: Vec<String>,
    /// Carry out this named rollback of the plan
    #[arg(long, value_name = "ID")]
    pub procedure: Option<String>,
    /// Print what would run, in its order, and what would be lost; change nothing
    #[arg(long)]
    pub list: bool,
    /// Why; it is in the evidence
    #[arg(long, value_name = "TEXT", default_value = "asked for on the command line")]
    pub reason: String,
    /// Of a run that is over: go back although something has changed since its end; why
    #[arg(long, value_name = "REASON")]
    pub despite: Option<String>,
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Plans, or names of shipped ones
    #[arg(required = true)]
    pub plans: Vec<String>,
    /// Asks the databases, too: whether they answer, which they are, and whether pg_dump can read them
    #[arg(long)]
    pub online: bool,
    /// With --online, the target: postgres://…, key=value pairs or a database's name
    #[arg(long, value_name = "CONNINFO", env = "HOLDPOINT_TARGET", hide_env_values = true)]
    pub target: Option<String>,
    /// With --online, a variable of the plan
    #[arg(long = "var", value_name = "NAME=VALUE", requires = "online")]
    pub vars: Vec<String>,
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// A plan, or the name of a shipped one
    pub plan: String,
    /// What a rollback would do, in its order
    #[arg(long)]
    pub rollback: bool,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The plan whose runs are listed [default: .holdpoint here, and the state folder of your home]
    pub plan: Option<PathBuf>,
    /// The same, as the other commands take it
    #[arg(long = "plan", value_name = "FILE", conflicts_with = "plan")]
    pub of_plan: Option<PathBuf>,
    #[command(flatten)]
    pub state: StateArgs,
}

const REPORT_HELP: &str = "\
Of a run that is still going it says how it stood at its last event. The same journal gives the same report.

Exit codes: 0 it is written; 1 the journal is damaged: what is before the damage is in the report; 2 no such run; \
7 the journal can't be read, or the report can't be written.";

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The run, or the beginning of its id; one that is over too [default: the newest]
    pub run: Option<String>,
    /// The plan that the run belongs to, to find its state folder
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    #[command(flatten)]
    pub state: StateArgs,
    /// What it is written as [default: as the name of -o ends, else md]
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub format: Option<ReportFormat>,
    /// Write it to FILE, in the place of what is there (- is standard output, as without)
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// What a report is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ReportFormat {
    /// Markdown
    Md,
    /// One page of HTML that needs nothing else
    Html,
    /// As docs/report.md says
    Json,
}

const SHARE_HELP: &str = "\
The one who drives attaches with `tmux attach-session`, the others with `tmux attach-session -r`: their keys \
do nothing, and their screens don't change the size of the driver's.

Exit codes: 0 the session is there, or how to make it is printed; 2 no such run; 3 the run is over, somebody \
else has it, or tmux isn't installed; 7 tmux couldn't make the session.";

#[derive(Debug, Args)]
pub struct ShareArgs {
    /// The run, or the beginning of its id [default: the newest open one]
    pub run: Option<String>,
    /// Make the session, with the cockpit in it
    #[arg(long)]
    pub start: bool,
    /// Name of the session [default: holdpoint- and the beginning of the run's id]
    #[arg(long, value_name = "NAME")]
    pub session: Option<String>,
    /// Another tmux server, by its name (tmux -L)
    #[arg(long, value_name = "NAME", conflicts_with = "socket_path")]
    pub socket_name: Option<String>,
    /// Another tmux server, by its socket (tmux -S)
    #[arg(long, value_name = "PATH")]
    pub socket_path: Option<String>,
    /// The plan that the run belongs to, to find its state folder
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    #[command(flatten)]
    pub state: StateArgs,
    /// The database: URL or key=value string [default: as `resume` finds it]
    #[arg(long, value_name = "CONNINFO")]
    pub target: Option<String>,
}

const DIFF_HELP: &str = "\
Exit codes: 0 nothing differs, 1 something differs, 2 the command line or a file is wrong, 7 a database \
can't be reached.

holdpoint diff before.json postgres://db1/shop     what has changed since
holdpoint diff before.json after.json              between two moments
holdpoint diff postgres://db1/shop postgres://db2/shop --ignore \"sequence value\"";

#[derive(Debug, Args)]
pub struct SnapshotArgs {
    /// The database: URL or key=value string [default: PG* variables]
    #[arg(long, value_name = "CONNINFO", env = "HOLDPOINT_TARGET", hide_env_values = true)]
    pub target: Option<String>,
    /// Keep what identifies each row of this table too: its key and hashes, not its values
    #[arg(long, value_name = "TABLE")]
    pub rows: Vec<String>,
    /// Print the whole snapshot as JSON (docs/snapshot.md)
    #[arg(long)]
    pub json: bool,
    /// Write it to FILE, which must not be there yet
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct DiffArgs {
    /// What it was: a snapshot's file, or a database (URL or key=value string)
    pub before: String,
    /// What it is: the same
    pub after: String,
    /// Compare the rows of this table too
    #[arg(long, value_name = "TABLE")]
    pub rows: Vec<String>,
    /// Compare only which objects there are: the one way across major versions
    #[arg(long)]
    pub names_only: bool,
    /// Leave out a kind of difference, like "sequence value", "privileges" or "comment"
    #[arg(long, value_name = "KIND")]
    pub ignore: Vec<String>,
    /// As JSON (docs/snapshot.md)
    #[arg(long)]
    pub json: bool,
}

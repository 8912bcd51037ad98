//! What became of a plan's programs, messages and artifacts, as events tell it.

use serde::{Deserialize, Serialize};

use super::event::Direction;

/// The `runner` in the intent of a unit that a plan's command is.
pub const COMMAND: &str = "command";

/// A program of the plan has ended, or wasn't run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramEnd {
    pub step: String,
    pub direction: Direction,
    /// As it was called; secret values masked.
    pub command: String,
    /// How it ended.
    pub ending: ProgramEnding,
    /// Lines that it wrote, to stdout and stderr.
    pub lines: u64,
    /// Bytes that it wrote to stdout.
    pub bytes: u64,
    /// The last lines; left out where rows of the database aren't written down either.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tail: Vec<String>,
    /// The file in the run's folder that has what it wrote, up to a bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    pub elapsed_ms: u64,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum ProgramEnding {
    /// By itself.
    Exited { code: i32 },
    /// By a signal that wasn't ours.
    Killed { signal: i32 },
    /// It had no more time, and was ended.
    TimedOut { after_ms: u64 },
    /// A person or a signal ended it; or what it wrote couldn't be kept.
    Stopped { why: String },
    /// It couldn't be started.
    NotStarted { why: String },
    /// In a demo or rehearsal: it was shown, and not run.
    LeftOut,
}

/// A message was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    pub step: String,
    /// Roles; nobody in particular when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<String>,
    pub text: String,
    /// 0: the first time; then how manieth reminder it is.
    #[serde(default)]
    pub reminder: u32,
    /// Who got it.
    pub handed: Handed,
}

/// What became of handing a message over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Handed {
    /// To this program, which took it.
    Over { program: String },
    /// The plan names no program: it was shown.
    Shown,
    /// In a demo or rehearsal messages are shown and nothing else.
    LeftOut,
    /// The program couldn't take it; the run goes on.
    Failed { program: String, why: String },
}

/// A file that a step or checkpoint wrote (`into`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFile {
    pub step: String,
    /// The checkpoint whose answer it is; `None`: it is the step's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
    /// As the plan names it.
    pub file: String,
    /// Where it was written.
    pub path: String,
    pub bytes: u64,
    /// Rows of an answer; 0 when it isn't one.
    pub rows: u64,
    /// SHA-256.
    pub digest: String,
}

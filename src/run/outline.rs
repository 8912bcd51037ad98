//! What a run was opened with: the outline of its plan, its target, and who is who.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::plan::model::{Environment, OnFailure, Stepping};

/// What a run is bound to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    pub program: String,
    pub plan_id: String,
    pub title: String,
    pub environment: Environment,
    pub stepping: Stepping,
    /// SHA-256 over the plan and every file it names.
    pub plan_digest: String,
    pub plan_path: String,
    pub authorization: Option<String>,
    pub timezone: String,
    pub operator: Operator,
    pub target: TargetIdentity,
    /// The database that data is copied from, where the plan has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<TargetIdentity>,
    pub mode: Mode,
    pub selection: Selection,
    /// Phases and steps, so that a journal can be read without its plan.
    pub outline: Vec<PhaseOutline>,
    /// Named procedures, whose steps run only while the run goes backwards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub procedures: Vec<ProcedureOutline>,
    /// Values of the plan's variables; secret ones as `•••`.
    pub vars: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Run,
    /// On a server that holdpoint made.
    Demo,
}

/// What was asked for: all of the plan, or a part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Phases; all when empty.
    pub only: Vec<String>,
    /// Steps before this one are assumed.
    pub from: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseOutline {
    pub id: String,
    pub title: String,
    pub steps: Vec<StepOutline>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepOutline {
    pub id: String,
    pub title: String,
    /// `file`, `check`, `confirm`, …
    pub action: String,
    /// Whether it changes the target.
    pub changes: bool,
    /// Roles or owner that it waits for.
    pub people: Vec<String>,
    pub optional: bool,
    pub on_failure: OnFailure,
    /// Its rollback in a word: `file X`, `SQL`, `by STEP`, or `None`.
    pub rollback: Option<String>,
    pub checkpoints: Vec<CheckpointOutline>,
    /// Of a checklist, or what a sign-off has to be ticked before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<ItemOutline>,
    /// Who signs, in this order unless `any_order`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub any_order: bool,
    /// The words for yes and no of a sign-off; empty for other steps.
    #[serde(default, skip_serializing_if = "no_decision")]
    pub decision: (String, String),
}

fn no_decision(words: &(String, String)) -> bool {
    words.0.is_empty() && words.1.is_empty()
}

/// One line of a checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemOutline {
    pub item: String,
    /// A proof ticks it, not a person.
    pub proven: bool,
    /// Wants text.
    pub write: bool,
}

/// A named procedure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcedureOutline {
    pub id: String,
    pub title: String,
    /// Steps of the plan that are undone by it.
    pub undoes: Vec<String>,
    pub steps: Vec<StepOutline>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointOutline {
    pub id: String,
    pub title: String,
}

/// Who runs the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    pub os_user: String,
    pub host: String,
    pub pid: u32,
}

/// Which database it is, in words that survive a copy of the host name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetIdentity {
    /// Host or socket folder, as connected.
    pub host: String,
    pub port: u16,
    pub database: String,
    pub user: String,
    pub server_version: String,
    /// `None` where the role may not ask.
    pub system_identifier: Option<String>,
    pub database_oid: u32,
    pub timeline: Option<String>,
}

/// Who did something, and how we know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub name: String,
    pub how: Assurance,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// Typed at a terminal.
    Typed,
    /// Given by `--confirm`, `--answers` or a flag: asserted by the OS user.
    Asserted,
    /// A proof ticked it.
    Proof,
    /// The demo answered for the person.
    Demo,
    /// The plan's own policy.
    Policy,
}

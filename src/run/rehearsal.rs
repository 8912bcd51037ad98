//! What a rehearsal found: the record that is kept, that `rehearse` prints, and that later runs rest on.
//!
//! Like the events it is a contract: fields are only ever added, and a reader ignores what it doesn't
//! know. [`VERSION`] rises when the meaning of one changes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::event::{Operator, Residue, TargetIdentity};
use crate::plan::model::Environment;

/// Version of the record.
pub const VERSION: u32 = 1;

/// One rehearsal of one plan, from its beginning to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rehearsal {
    /// [`VERSION`] of the program that wrote it.
    pub v: u32,
    /// Ids of version 7: they sort by time.
    pub id: Uuid,
    pub plan_id: String,
    pub title: String,
    /// SHA-256 over the plan and its files, as [`crate::plan::digest`] makes it.
    pub plan_digest: String,
    /// Where the plan was, in full.
    pub plan_path: String,
    /// When it began.
    pub at: jiff::Timestamp,
    /// How long all of it took, the server's start included.
    pub elapsed_ms: u64,
    pub operator: Operator,
    /// `holdpoint 0.1.0`.
    pub program: String,
    /// Of the private server.
    pub server_version: String,
    /// What it ran on.
    pub ground: Ground,
    /// Which environment the copied database says it is (`holdpoint.environment`); `None` on a fixture,
    /// and where the database doesn't say.
    pub environment: Option<Environment>,
    /// All of it held.
    pub passed: bool,
    /// Every step of the plan, in its order.
    pub steps: Vec<StepRehearsed>,
    /// Every named procedure of the plan.
    #[serde(default)]
    pub procedures: Vec<ProcedureRehearsed>,
    /// All steps forward, the first time.
    pub forward_ms: u64,
    /// The whole rollback, from the end.
    pub rollback_ms: u64,
    /// What the plan allows for it (`rollback_advice.within`).
    pub within_ms: Option<u64>,
    /// What any of the rollbacks left.
    pub residue: Vec<Residue>,
    /// The step that can't be undone and after which the rollbacks from behind it were compared; null
    /// where there is none.
    #[serde(default)]
    pub since: Option<String>,
    /// What the steps that can't be undone did: it stays, as the plan says, and is no residue.
    #[serde(default)]
    pub stays: Vec<Residue>,
    /// What was compared after each rollback.
    pub covers: Vec<String>,
    /// What wasn't, in words.
    pub not_compared: Vec<String>,
    /// What is to be known, most important first; one that fails is why `passed` is false.
    pub findings: Vec<Finding>,
}

/// The database that the rehearsal began with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "on", rename_all = "snake_case")]
pub enum Ground {
    /// Made by the plan's fixture; without one an empty database. `source` is what made the other database of
    /// a plan that has two.
    Fixture {
        file: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<String>,
    },
    /// A copy of the target's schema, without rows.
    Schema { target: TargetIdentity },
    /// A copy of the target with its rows.
    Data { target: TargetIdentity },
}

/// One step, and how each part of its rehearsal went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRehearsed {
    pub id: String,
    pub title: String,
    /// Whether it changes something, so that there is something to undo.
    pub changes: bool,
    /// Forward, with its checkpoints.
    pub forward: Part,
    /// Its own part of the whole rollback.
    pub back: Part,
    /// A rollback of everything from right after this step, compared with the before-image.
    pub middle: Part,
    /// Forward again, after the whole rollback.
    pub again: Part,
    /// Run twice in a row, where the plan says `idempotent`.
    pub twice: Part,
    /// Its checkpoints by id, as they came the first time.
    #[serde(default)]
    pub checkpoints: BTreeMap<String, bool>,
}

/// A named procedure (`[[rollback]]`), carried out from the end of the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcedureRehearsed {
    pub id: String,
    pub title: String,
    /// How it went.
    pub part: Part,
    /// What the plan allows for it.
    pub within_ms: Option<u64>,
    /// It undoes all that was applied, so that what it leaves could be compared with the time before.
    pub compared: bool,
}

/// How one part went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub outcome: Outcome,
    /// How long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// What went wrong, or why it wasn't done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// There is nothing to do: a step that changes nothing has no way back.
    #[default]
    Nothing,
    Passed,
    Failed,
    /// It couldn't be rehearsed, or wasn't reached; the reason stands beside it.
    NotDone,
}

/// Something to know about the plan, its rollback, or the rehearsal itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// It is why the rehearsal failed.
    pub fails: bool,
    pub step: Option<String>,
    pub what: String,
    pub hint: Option<String>,
}

impl Part {
    #[must_use]
    pub fn passed(ms: u64) -> Self {
        Self { outcome: Outcome::Passed, ms: Some(ms), why: None }
    }

    #[must_use]
    pub fn failed(why: impl Into<String>, ms: Option<u64>) -> Self {
        Self { outcome: Outcome::Failed, ms, why: Some(why.into()) }
    }

    #[must_use]
    pub fn not_done(why: impl Into<String>) -> Self {
        Self { outcome: Outcome::NotDone, ms: None, why: Some(why.into()) }
    }
}

impl Rehearsal {
    #[must_use]
    pub fn step(&self, id: &str) -> Option<&StepRehearsed> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// How long undoing this step took, when that was rehearsed.
    #[must_use]
    pub fn undoing_took(&self, step: &str) -> Option<std::time::Duration> {
        self.step(step)?.back.ms.map(std::time::Duration::from_millis)
    }
}

/// What a rehearsal is doing, for those who watch it. Not kept.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// The private server is there, with the database before the window.
    Ready { server_version: String, ground: Ground },
    /// A part begins.
    Began(Leg),
    /// One step of the part came to its end.
    Step { title: String, part: Part },
    /// The part is over.
    Ended(Leg, Part),
    /// What was changed outlives the database: another server takes the place of this one.
    Renewed,
}

/// A part of a rehearsal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leg {
    /// All steps forward.
    Forward,
    /// The whole rollback, and the comparison.
    Back,
    /// All steps forward once more, where the rollback left the database.
    Again,
    /// Forward to this step (by its title), back, and the comparison.
    Middle(String),
    /// A named procedure, from the end.
    Procedure(String),
    /// This step a second time, and the comparison.
    Twice(String),
}

//! What a rollback sets out to do: which steps, by what, and what is known about it beforehand.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The part of a rollback's beginning that says how each step will be undone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course {
    /// Asked for by name; empty when it goes from the last step backwards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// Procedures that take part, each at the place of the first step that it undoes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub procedures: Vec<ProcedureTurn>,
    /// What will run, step by step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<UndoItem>,
    /// The last rehearsal; null: never rehearsed, as far as this state folder knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsed: Option<Rehearsed>,
}

/// A procedure that takes part in a rollback.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcedureTurn {
    /// Its id.
    pub procedure: String,
    /// Steps that this run applied and that it undoes.
    pub undoes: Vec<String>,
    /// Those of them that a step of it (`undo`) takes back by their own rollbacks, in this order; by the id of that
    /// step.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub own: BTreeMap<String, Vec<String>>,
}

impl ProcedureTurn {
    /// Undone by its own rollback, when the procedure comes to it.
    #[must_use]
    pub fn by_own(&self, step: &str) -> bool {
        self.own.values().flatten().any(|own| own == step)
    }
}

impl Course {
    /// Nothing is said that the event's older fields don't say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The procedure that undoes a step.
    #[must_use]
    pub fn procedure_for(&self, step: &str) -> Option<&ProcedureTurn> {
        self.procedures.iter().find(|turn| turn.undoes.iter().any(|undone| undone == step))
    }
}

/// What is known beforehand of the way back from one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WayBack {
    /// The step's id.
    pub step: String,
    pub verdict: WayBackVerdict,
    /// In words: `restores …`, `loses …`, `leaves …`, `impossible: …`.
    pub words: String,
}

/// How the words begin of a way back that is only a program.
pub const BY_PROGRAM: &str = "the plan's program takes it back";

impl WayBack {
    /// Only a program takes it back: nothing of it could be read.
    #[must_use]
    pub fn is_by_program(&self) -> bool {
        self.words.starts_with(BY_PROGRAM)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WayBackVerdict {
    /// What was there before will be there again, as far as the SQL tells.
    Restores,
    /// It goes back, and data is lost.
    Loses,
    /// Something of what the step did stays, and no data is lost.
    Leaves,
    /// Nothing undoes it.
    Impossible,
}

/// One entry of the list of what a rollback will run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoItem {
    /// The step's id.
    pub step: String,
    /// Files and statements, in their order; of a statement its first words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<String>,
    /// What is known of it beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way_back: Option<WayBack>,
    /// Set when only a part of the step is applied: how much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub half_applied: Option<String>,
    /// Rows written since the step, which its way back drops.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<LostRows>,
    /// How long it took in the last rehearsal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsed_ms: Option<u64>,
}

/// Rows of a table, or values of one of its columns, that would be lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostRows {
    /// As the server names it.
    pub table: String,
    /// Set when only this column is dropped: rows are counted that have a value there, other than its default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The rows stay, and are written over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub written_over: bool,
    /// Now, less those at the end of the step; null when those weren't counted.
    pub since: Option<i64>,
    /// Of a table that the run didn't make, and whose rows nothing puts back: rows that were there before the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_before: Option<i64>,
    /// All of them.
    pub now: i64,
    /// Counted, both times; false: estimated.
    pub exact: bool,
}

impl LostRows {
    /// Where they are: `t`, `t.c`.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.column {
            Some(column) => format!("{}.{column}", self.table),
            None => self.table.clone(),
        }
    }

    /// What is counted of it: `row`, `value`.
    #[must_use]
    pub fn unit(&self) -> &'static str {
        if self.column.is_some() { "value" } else { "row" }
    }

    /// What becomes of them.
    #[must_use]
    pub fn fate(&self) -> &'static str {
        if self.written_over { "written over" } else { "lost" }
    }
}

/// The last rehearsal of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearsed {
    /// When it began.
    pub on: jiff::Timestamp,
    /// How long its whole rollback took.
    pub rollback_ms: u64,
    /// All of it held.
    pub passed: bool,
    /// It was of the plan and files of this run.
    pub same_plan: bool,
}

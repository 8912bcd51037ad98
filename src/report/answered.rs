//! The part of the record that is about people, ways back, and everything else that happened.

use std::collections::BTreeMap;

use serde::Serialize;

use super::model::Who;
use crate::run::event::{
    Backend, BackendEnd, BackendOutcome, Decision, HoldReason, LostRows, ProofShown, Rehearsed, Residue,
    WayBack,
};

/// Something that wasn't as planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviationTold {
    pub at: jiff::Timestamp,
    pub step: Option<String>,
    /// What kind it is.
    pub kind: DeviationKind,
    pub what: String,
    /// In the words of who decided it.
    pub reason: Option<String>,
    pub by: Option<Who>,
    /// False: the plan allows it, and it is told all the same.
    pub departs: bool,
}

/// What kind of deviation it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviationKind {
    /// The engine saw it: a time, an answer, a drift.
    Noted,
    /// It began later than planned.
    Late,
    /// A step was left out.
    Skipped,
    /// A step was taken as done, on somebody's word.
    Assumed,
    /// Somebody went on although checkpoints failed.
    Overridden,
    /// Statements failed, and the plan goes on with the next one.
    PassedOver,
    /// Somebody went past what can't be taken back.
    PastReturn,
    /// Somebody ruled whether something was applied.
    Ruled,
    /// There is no ledger: nothing guarantees that nothing is applied twice.
    NoLedger,
    /// A run that was over was rolled back although something had changed since.
    Despite,
}

/// A command of a person that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DecisionTold {
    pub at: jiff::Timestamp,
    /// The command.
    pub what: Decision,
    pub step: Option<String>,
    pub by: Who,
    pub reason: Option<String>,
}

/// A time in which the run waited.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HoldTold {
    /// When it began to wait.
    pub from: jiff::Timestamp,
    /// Null: it waits still.
    pub to: Option<jiff::Timestamp>,
    /// Until its end, or until the last event.
    pub ms: u64,
    /// What kind of waiting it was.
    pub reason: HoldReason,
    pub step: Option<String>,
    /// What it waited for.
    pub needs: String,
}

/// A ticked item of a checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfirmationTold {
    pub at: jiff::Timestamp,
    pub step: String,
    pub item: String,
    pub by: Who,
    pub note: Option<String>,
    /// What ticked it; empty when a person did.
    pub proof: Vec<ProofShown>,
    /// What it was about was undone later, and it was asked for again.
    pub undone: bool,
}

/// A signature, or that it was declined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignatureTold {
    pub at: jiff::Timestamp,
    pub step: String,
    pub role: String,
    pub by: Who,
    /// False: declined.
    pub accepted: bool,
    /// The plan's word for yes or no.
    pub word: String,
    /// The plan has words of its own for yes and no: a decision, go or no-go.
    pub decides: bool,
    /// What was signed, word for word.
    pub statement: String,
    pub note: Option<String>,
    /// It is the authorization without which nothing is changed.
    pub authorizes: bool,
}

/// A time in which the run went backwards.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RollbackTold {
    pub at: jiff::Timestamp,
    pub why: String,
    /// As far as this step; null: everything.
    pub to: Option<String>,
    /// By this named procedure.
    pub procedure: Option<String>,
    /// These steps alone.
    pub only: Vec<String>,
    /// What was to be undone, in this order.
    pub undoes: Vec<UndoTold>,
    /// Steps whose effects stay, with the reason.
    pub kept: Vec<(String, String)>,
    /// Undone steps whose checkpoints failed and with which a person went on, with the reason.
    pub accepted: Vec<(String, String)>,
    /// The last rehearsal, as it was known then.
    pub rehearsed: Option<Rehearsed>,
    /// What it left; null: it hasn't come to its end.
    pub left: Option<LeftTold>,
}

/// A step that was to be undone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UndoTold {
    pub step: String,
    /// Files and statements that were to run.
    pub runs: Vec<String>,
    pub way_back: Option<WayBack>,
    /// Set when only a part of the step was applied.
    pub half_applied: Option<String>,
    /// Rows written since the step, which its way back drops.
    pub lost: Vec<LostRows>,
    /// `undone`, `stays`, `failed`; null: not yet.
    pub came: Option<String>,
    pub at: Option<jiff::Timestamp>,
    pub elapsed_ms: Option<u64>,
    /// How long it took in the last rehearsal.
    pub rehearsed_ms: Option<u64>,
}

/// What a rollback left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftTold {
    pub at: jiff::Timestamp,
    pub elapsed_ms: u64,
    /// What differs from before the first change; empty: nothing of what was compared.
    pub residue: Vec<Residue>,
    /// What others wrote or changed meanwhile.
    pub others: Vec<Residue>,
    /// What irreversible steps did, as they left it: known before, and decided by somebody.
    pub stays: Vec<Residue>,
    /// Objects of the residue that came to be so while the rollback went on, by it or by others.
    pub unsure: Vec<String>,
    /// Sequences that moved on.
    pub moved: Vec<Residue>,
    /// What was compared.
    pub covers: Vec<String>,
    /// What wasn't.
    pub not_compared: Vec<String>,
    /// Tables whose rows the run wrote and no undo did, and that nobody guards.
    pub not_put_back: Vec<String>,
}

/// A note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NoteTold {
    pub at: jiff::Timestamp,
    pub step: Option<String>,
    pub text: String,
    pub by: Who,
}

/// A query that somebody asked, which could only read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LookTold {
    pub at: jiff::Timestamp,
    pub by: Who,
    /// As it was typed; passwords in it are masked.
    pub sql: String,
    /// How many rows were fetched; null when it failed.
    pub rows: Option<u64>,
    /// There were more.
    pub more: bool,
    pub elapsed_ms: u64,
    /// Why it failed.
    pub error: Option<String>,
}

/// A session of somebody else that a person wanted to be rid of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionTold {
    pub at: jiff::Timestamp,
    pub backend: Backend,
    /// Its statement, or all of it.
    pub what: BackendEnd,
    pub by: Who,
    /// Null: it isn't known.
    pub outcome: Option<BackendOutcome>,
    pub why: Option<String>,
}

/// A database that was the target until a restore put another in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DatabaseTold {
    pub at: jiff::Timestamp,
    pub step: String,
    /// The name that the restored one has now.
    pub database: String,
    /// Oid of the restored one.
    pub oid: u32,
    /// What the old one is called since then.
    pub aside: String,
    /// Oid of the old one.
    pub aside_oid: u32,
}

/// A file that the run wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileTold {
    pub at: jiff::Timestamp,
    pub step: String,
    /// As the script names it; else its own name.
    pub name: String,
    /// What it is, in a few words.
    pub what: String,
    pub path: String,
    pub bytes: u64,
    /// SHA-256.
    pub digest: String,
}

/// An event that has no place of its own in the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OtherTold {
    pub seq: u64,
    pub at: jiff::Timestamp,
    /// Its name.
    pub event: String,
    pub step: Option<String>,
    /// Its fields, by name; those of an object as `outer.inner`, a list of texts as lines, what else isn't text as JSON.
    pub fields: BTreeMap<String, String>,
}

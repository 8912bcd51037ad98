//! What may be asked of a run. Whether it is allowed now, [`super::gate`] decides.

use super::event::{Backend, BackendEnd, Person};

/// A wish, with who has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    pub what: Wish,
    pub by: Person,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Wish {
    /// Do the next step (manual stepping), or go on after a hold.
    Go,
    /// Try the failed step again; evaluate the failed checkpoints again.
    Retry,
    /// Leave the step out.
    Skip { step: String, reason: String },
    /// Go on although checkpoints failed.
    Override { step: String, reason: String },
    /// Tick an item.
    Confirm { step: String, item: String, note: Option<String> },
    /// Sign, or decline.
    Sign { step: String, role: String, accept: bool, note: Option<String> },
    /// Say whether a unit of unknown outcome was applied.
    Rule { step: String, unit: String, applied: bool, reason: String },
    /// Undo what this run applied: down to and including `to` (all of it when `None`), by a procedure,
    /// or some steps alone.
    RollBack { to: Option<String>, only: Vec<String>, procedure: Option<String>, reason: String },
    /// Wait after the step that runs.
    Hold,
    /// Cancel the statement that runs.
    Cancel,
    /// Cancel the statement of another session, or end that session.
    EndBackend { backend: Backend, what: BackendEnd },
    /// Attach a note.
    Note { step: Option<String>, text: String },
    /// Look at the database with a query that only reads. Whether it does, and that it can't do more,
    /// is seen to where it is sent.
    Look { sql: String },
    /// End the run here.
    End { reason: String },
    /// Let go of the run without ending it: it can be resumed.
    Leave { why: String },
}

//! The engine: a plan becomes events on a real database.
//!
//! ```text
//!   pilot / cockpit ──commands──► recorder ──wishes──► conductor ──► work, control, check sessions
//!          ▲                        │  ▲                   │
//!          └──────── events ────────┘  └──── facts ────────┘
//! ```
//!
//! - [`recorder`] is the one owner of the truth: it judges commands, makes facts durable, folds them
//!   and hands them out; nothing starts before its start is in the journal;
//! - [`conductor`] goes through the plan; `steps` has a file for each kind of action;
//! - [`unit`] applies one transaction, [`bare`] one statement outside of transactions, [`stream`]
//!   sends a script and [`verify`] evaluates checkpoints;
//! - [`reconcile`] finds out after a stop what became of what was under way;
//! - [`rollback`] goes backwards.

pub mod attention;
pub mod bare;
pub mod baseline;
pub mod conductor;
pub mod control;
pub mod exit;
pub mod fixture;
pub mod open;
pub mod outline;
pub mod outside;
pub mod people;
pub mod pilot;
pub mod preflight;
pub mod problems;
pub mod reconcile;
pub mod recorder;
pub mod rollback;
pub mod script_steps;
pub mod secrets;
pub mod sources;
pub mod stop;
pub mod stream;
mod texts;
pub mod unit;
pub mod verify;

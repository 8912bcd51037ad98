//! A loaded plan for people and programs: as a tree, as what a rollback would do, as JSON.
//! Plain text, no colour; whoever prints it decides about that.

mod json;
mod line;
mod rollback;
mod tree;
mod words;

pub use json::{ActionJson, CheckpointJson, PhaseJson, PlanJson, RollbackJson, StepJson, json};
pub use rollback::{Way, rollback, way};
pub use tree::tree;
pub use words::{action_word, deed, expected, kinds};

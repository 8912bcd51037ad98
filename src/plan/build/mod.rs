//! From TOML tables to the model. The first pass (`index`) collects ids, the second builds.

pub(super) mod action;
pub(super) mod again;
pub(super) mod cell;
pub(super) mod checkpoint;
pub(super) mod command;
pub(super) mod context;
pub(super) mod expectation;
pub(super) mod files;
pub(super) mod head;
pub(super) mod index;
mod keep;
pub(super) mod kinds;
pub(super) mod later;
pub(super) mod people;
pub(super) mod phase;
pub(super) mod procedure;
pub(super) mod requires;
mod server;
pub(super) mod side;
pub(super) mod step;
pub(super) mod undo;
pub(super) mod vars;

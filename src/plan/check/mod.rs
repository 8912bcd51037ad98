//! What can only be said of a plan as a whole, once it is built.

pub(super) mod authorization;
pub(super) mod indentation;
pub(super) mod names;
pub(super) mod order;
pub(super) mod undoable;

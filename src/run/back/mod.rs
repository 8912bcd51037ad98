//! What a rollback would do, known before it begins: the engine goes by it, and whoever asks a person
//! shows it.

mod own;
mod set_out;
mod wanted;

pub use set_out::{Course, Way, by_id, set_out, step_for, undoes, way, way_of};
pub use wanted::Wanted;

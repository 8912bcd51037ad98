//! What a rollback would do, known before it begins: the engine goes by it, and whoever asks a person
//! shows it.

mod set_out;
mod wanted;

pub use set_out::{Course, Way, set_out, step_for, undoes, way};
pub use wanted::Wanted;

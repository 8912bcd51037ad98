//! Going backwards: what this run applied, last first, and then the proof that nothing is left.
//!
//! - `wanted` is what is asked for, `course` what comes of it: which steps, in which order, by what;
//! - `forecast` says beforehand what each way back gives back, `list` what will run;
//! - `back` goes along it; `undo` undoes one step by its own rollback, `procedure` several by a named one;
//! - `residue` compares what is there now with what was there before, and `timeline` says what should be
//!   there when only a part is undone.

mod back;
mod course;
mod forecast;
mod list;
mod procedure;
mod residue;
mod timeline;
mod undo;
mod wanted;

pub use course::{Course, Way, set_out, step_for, undoes, way};
pub use forecast::{Forecast, forecast, forecasts};
pub use list::{Known, applied_files, count_lost, listed, rehearsed};
pub use wanted::Wanted;

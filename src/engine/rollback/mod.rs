//! Going backwards: what this run applied, last first, and then the proof that nothing is left.
//!
//! - what is asked for, and what comes of it (which steps, in which order, by what), is in
//!   [`crate::run::back`];
//! - `forecast` says beforehand what each way back gives back (`reading` is what scripts say, `leaves` what stays of
//!   it all the same, `put_back` whether values come back, `taken` what of others goes along, `told` all of it in words),
//!   `list` what will run;
//! - `claims` are what the plan says and scripts deny;
//! - `outlook` keeps both ready for a person who may want to decide, `statements` lists every one of them;
//! - `back` goes along it; `undo` undoes one step by its own rollback, `procedure` several by a named one;
//! - `residue` compares what is there now with what was there before, `rows` row by row, and `timeline` says what should be
//!   there when only a part is undone; `unguarded` counts where nobody guards; `newcomers` are what others made meanwhile.

mod back;
mod claims;
mod forecast;
mod leaves;
mod list;
mod newcomers;
mod outlook;
mod procedure;
mod put_back;
mod reading;
mod residue;
mod rows;
mod statements;
mod taken;
mod timeline;
mod told;
mod undo;
mod unguarded;

pub use crate::run::back::{Course, Wanted, Way, set_out, step_for, undoes, way};
pub use claims::denied;
pub use forecast::{Forecast, forecast, forecasts};
pub use list::{Known, applied_files, count_lost, listed, rehearsed};
pub use outlook::{Lookout, look_back};
pub use taken::Taken;
pub(super) use taken::counted_values;

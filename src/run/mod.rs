//! A run: its events, the fold over them, and what is allowed now. Pure.
//!
//! - [`event`] is the contract: one fact a line, documented, only ever added to; `name` says what an
//!   event is called and what it is about; `outline`, `course`, `image`, `kept`, `program`, `watch` and `facts` are the words it is made of;
//! - [`state`] is what the events say, and only that: a [`state::Run`] of `step`s of `unit`s ([`units`]: of late one by one, with `unit_names` of all others);
//! - `fold` (with `fold_reopen`, `fold_steps`, `fold_turns`, `fold_units`, `unit_steps`) is how they say it, and
//!   [`illegal`] what they can't say;
//! - `query` and `lookup` are what is asked of a run, `whereabouts` how far it is, in words;
//! - [`command`] is what a person (or a pipeline) may ask for;
//! - [`gate`] (with `gate_people`) decides what is allowed now, and says why not;
//! - [`back`] is what a rollback would do, before it begins;
//! - [`evidence`] judges whether a rehearsal is the one that a plan asks for, [`evidence_of_run`] whether a run is;
//! - [`rehearsal`] is what a rehearsal of a plan found;
//! - [`outlook`] is what is known of a rollback that nobody has asked for yet;
//! - [`sample`] is what may be overwritten at any time and is never journaled: the statement that runs.

pub mod activity;
pub mod back;
mod backends;
pub mod command;
mod counts;
mod course;
pub mod event;
pub mod evidence;
pub mod evidence_of_run;
mod facts;
mod fold;
mod fold_reopen;
mod fold_steps;
mod fold_turns;
mod fold_units;
pub mod gate;
mod gate_people;
pub mod illegal;
mod image;
mod kept;
mod lookup;
mod name;
mod outline;
pub mod outlook;
mod program;
mod query;
pub mod rehearsal;
pub mod residue;
pub mod sample;
pub mod state;
mod step;
mod unit;
mod unit_names;
mod unit_steps;
pub mod units;
mod watch;
mod whereabouts;

pub use fold_steps::TARGET;
pub use illegal::Illegal;

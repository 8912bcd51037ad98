//! Drawing: a function of `&State`. No I/O, no runtime, no clock; what a key does is decided elsewhere.
//!
//! - [`screen`] divides the screen by its size and is the one entrance; `essential` is what is left
//!   of it where there is no room;
//! - `paper` is what all of it is drawn on: rows of styled text, panels, and the last look at every
//!   cell before it can reach a terminal;
//! - `header`, `timeline`, `step` (with `sql`, `action` and `details` for what isn't SQL, and `problem`), `checkpoints`, `watched`, `deltas`, `activity`, `log`, `people`, `back` and
//!   `footer` are its parts;
//! - `console` is there in their place while a query is asked; `palette` lies above;
//! - `question` draws what is asked, `asked` has its text, `asked_back` that of a rollback.

mod action;
mod activity;
mod asked;
mod asked_back;
mod back;
mod checkpoints;
mod console;
mod deltas;
mod details;
mod essential;
mod footer;
mod header;
mod log;
mod palette;
mod paper;
mod people;
mod problem;
mod question;
pub mod screen;
mod sql;
mod step;
mod timeline;
mod watched;

pub use checkpoints::{first_query as checkpoint_query, widest as widest_value};
pub use people::text as sign_offs;
pub use screen::{Seen, draw};

//! Text for people, wherever it is shown. Pure.
//!
//! - [`scrub`] takes out of foreign text what could move a cursor or turn a line around: everything
//!   that comes from a database, a file or a journal goes through it before it is shown;
//! - [`columns`] measures, cuts and breaks text by columns of a terminal;
//! - [`words`] says figures, people and exit codes;
//! - [`ascii`] has what stands for our symbols where there is only ASCII.

pub mod ascii;
pub mod columns;
pub mod scrub;
pub mod words;

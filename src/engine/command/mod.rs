//! `command`: programs of the plan.
//!
//! | file | for |
//! |---|---|
//! | `ready` | everything that a program gets, before anything of it is run |
//! | `run` | a program from its intent to its result |
//! | `after` | whether it did as the plan expects, and what is known after a stop |

mod after;
mod ready;
mod run;

pub(super) use ready::{not_started, search_path};

//! The command line: one file a subcommand.
//!
//! `args` is what can be typed, `app` hands it to its subcommand. `drive` runs a conductor with whoever
//! listens and answers: a `screen`, or `lines`; `told` is what the command line answers beforehand; `company` counts who watches; `target`, `vars`, `shipped`, `tmux` and `out` are what several subcommands need.

pub mod app;
pub mod args;
pub mod check;
mod company;
mod console;
pub mod demo;
pub mod diff;
mod drive;
mod failure;
mod lines;
mod log;
mod online;
mod out;
pub mod rehearse;
pub mod report;
pub mod resume;
pub mod rollback;
pub mod run;
mod screen;
pub mod share;
mod shipped;
pub mod show;
pub mod snapshot;
pub mod status;
mod target;
mod tmux;
mod told;
mod vars;

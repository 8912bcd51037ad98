//! README.md and docs/ say what the program does: tables are made from its types, examples are run.

mod events;
mod plan;
mod source;
mod words;

//! holdpoint: a runbook as a plan, run step by step on a live PostgreSQL, with proof.
//!
//! The rooms of the house, and which others each may import (`tests/layering.rs` reads this table and
//! holds it):
//!
//! | room | for | imports |
//! |---|---|---|
//! | [`plan`] | the plan's model, loader, expectations and digest; pure | nothing |
//! | [`script`] | SQL scripts by psql's rules: lexer, splitter, meta-commands; pure | nothing |
//! | [`run`] | events, the fold over them, what is allowed now; pure | `plan` |
//! | [`crash`] | named points at which a test can kill the program; empty otherwise | nothing |
//! | [`journal`] | a run's events on disk, durable and chained | `run`, `crash` |
//! | [`pg`] | connections, the ledger, inventories, a server of our own | `plan`, `script`, `run` |
//! | [`engine`] | turns a plan into events on a real database | `plan`, `script`, `run`, `crash`, `journal`, `pg`, `report` |
//! | [`text`] | text for people: scrubbed, measured, figures in words; pure | `run` |
//! | [`plain`] | the same events as lines of text | `plan`, `run`, `text` |
//! | [`report`] | the same events as evidence: Markdown, HTML, JSON; pure | `plan`, `script`, `run`, `text`, `plain` |
//! | [`cockpit`] | the same events on a screen, and the keys that drive it | `plan`, `script`, `run`, `text`, `plain` |
//! | [`cli`] | one file a subcommand | `plan`, `script`, `run`, `crash`, `journal`, `pg`, `engine`, `plain`, `report`, `cockpit`, `text` |
//!
//! Pure means: a function of its input, with no clock, network, terminal or runtime. The one thing that
//! a pure room does outside is that `plan` reads the files that a plan names.

pub mod cli;
pub mod cockpit;
pub mod crash;
pub mod engine;
pub mod journal;
pub mod pg;
pub mod plain;
pub mod plan;
pub mod report;
pub mod run;
pub mod script;
pub mod text;

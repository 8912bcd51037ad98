//! holdpoint: a runbook as a plan, run step by step on a live PostgreSQL, with proof.
//!
//! The rooms of the house, and what each may import (`tests/layering.rs` holds it):
//!
//! | room | for | imports |
//! |---|---|---|
//! | [`plan`] | the plan's model, loader, expectations and digest; pure | nothing else here |
//! | [`script`] | SQL scripts by psql's rules: lexer, splitter, meta-commands; pure | nothing else here |
//! | [`run`] | events, the fold over them, what is allowed now; pure | `plan` |
//! | [`journal`] | a run's events on disk, durable and chained | `run` |
//! | [`crash`] | named points at which a test can kill the program; empty otherwise | nothing else here |
//! | [`pg`] | connections, the ledger, inventories, a server of our own | `script`, `plan` |
//! | [`engine`] | turns a plan into events on a real database | all of the above |
//! | [`plain`] | the same events as lines of text | `run`, `plan` |
//! | [`cli`] | one file a subcommand | everything |

pub mod cli;
pub mod crash;
pub mod engine;
pub mod journal;
pub mod pg;
pub mod plain;
pub mod plan;
pub mod run;
pub mod script;

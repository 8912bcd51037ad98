//! Many scripts, by psql and by the real program, on one server: what the crosses and the random scripts
//! share.
//!
//! - [`script`] is one script with a name of its own;
//! - [`batch`] runs any number of them both ways and gives what was [`seen`](verdict::Seen);
//! - [`ends`] cuts the dump of a database into the scripts' schemas;
//! - [`verdict`] says whether both sides did the same, by the words in [`same`];
//! - [`random`] makes scripts of a seed;
//! - [`kept`] reads the table of differences that are kept on purpose, `docs/psql.md`.

pub mod batch;
pub mod ends;
pub mod kept;
#[allow(dead_code, reason = "the random scripts' test uses it")]
pub mod random;
pub mod same;
pub mod script;
pub mod verdict;

//! Steps with `runner = "psql"`: the real psql runs a file that needs more of it than we speak.
//!
//! | file | for |
//! |---|---|
//! | `scripts` | what psql runs before the file, and after it |
//! | `said` | psql's output: lines for people, warnings, and the error that it ended with |
//! | `run` | psql from its intent to its result |
//! | `why` | what a file touched; or why it isn't applied, and what that means |
//! | `became` | whether the file ended its transaction by itself, and what is known after a stop |
//!
//! What is kept: the intent before, the ledger's row after, in the file's own transaction where it is one
//! (`transaction = "single"`). What the transaction touched psql asks the server for, before its COMMIT.
//! What is lost: psql sends what it likes, and we see none of it. No statement is
//! counted, no checkpoint runs before COMMIT, a lifted lock_timeout isn't set again, and of a file that
//! isn't one transaction nobody knows how far it came.

mod became;
mod run;
mod said;
mod scripts;
mod why;

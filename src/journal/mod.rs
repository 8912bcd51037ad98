//! A run's events on disk: durable before what they announce is done, chained by hashes.
//!
//! - `format` is one line: an envelope as JSON;
//! - `chain` ties each line to the one before;
//! - `read` goes through a journal and tells a torn tail from damage;
//! - `write` is the [`Journal`]: one event, one line, one fdatasync; `reserve` is its last breath on a
//!   full disk;
//! - `folder` is where runs live ([`StateDir`], [`RunFolder`]), `list` what there is at a glance;
//! - `lock` lets one process at a time have a run;
//! - `copies` keeps the plan and its files as the run was opened with them; `key` is the run's secret;
//! - `rehearsals` are the records of rehearsals, beside the runs; `evidence` are journals of runs elsewhere.
//!
//! A run's folder:
//! ```text
//! <state>/<run id>/  0700
//!   journal.jsonl    the events
//!   journal.torn-1   what a crash left of a line, moved aside
//!   lock             flock; the pid of the process that has the run
//!   reserve          64 KiB that are given up when the disk is full
//!   key              32 random bytes for the run's HMACs
//!   plan.toml  files/…  copies.json   what it was opened with
//! <state>/rehearsals/<id>.json        0600, what a rehearsal found
//! <state>/evidence/<run id>.jsonl     0600, the journal of a run on another machine
//! ```

mod chain;
mod copies;
mod error;
mod evidence;
mod folder;
mod format;
mod key;
mod list;
mod lock;
mod read;
mod rehearsals;
mod reserve;
mod write;

pub use chain::{GENESIS, digest};
pub use copies::{COPY_LIMIT, Copied, FileToCopy};
pub use error::JournalError;
pub use evidence::RunKept;
pub use folder::{RunFolder, StateDir};
pub use format::{MAX_LINE, decode, encode};
pub use key::Key;
pub use list::{RunEntry, Standing};
pub use lock::RunLock;
pub use read::{DOESNT_FOLLOW, Reader, Tail, Torn, read_run};
pub use rehearsals::KeptRehearsal;
pub use write::{Journal, Recovery, TornTail};

//! What goes on at the server, as it was seen a moment ago: samples, like those in [`super::sample`].

use super::facts::Backend;

/// One look at all sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activity {
    /// Those that matter first: in each other's way, ours, at work, the longest first.
    pub sessions: Vec<Seen>,
    /// Sessions that found no room in the list.
    pub more: usize,
    pub figures: Figures,
    pub progress: Vec<Working>,
    pub replicas: Vec<Replica>,
    pub server: Server,
    /// What the role may not see, or couldn't be asked, in words.
    pub hidden: Vec<String>,
    /// Why nothing newer can be had: the monitoring session is gone. What is shown is from before.
    pub trouble: Option<String>,
}

/// Counts over all sessions, listed or not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    pub running: usize,
    pub waiting: usize,
    pub blocking: usize,
    pub idle: usize,
    pub in_transaction: usize,
    pub all: usize,
    /// `max_connections`.
    pub of: usize,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub backend: Backend,
    /// `client backend`, `walsender`, …; empty when it can't be seen.
    pub kind: String,
    /// What it is for, when it is one of holdpoint's: such a session isn't ended from here.
    pub ours: Option<String>,
    pub waits: Option<String>,
    /// Of the statement, of the transaction.
    pub query_ms: Option<u64>,
    pub transaction_ms: Option<u64>,
    /// Without secrets, cut. Empty when it can't be seen.
    pub query: String,
    /// Backends that keep it from a lock; 0: a prepared transaction.
    pub blocked_by: Vec<i32>,
}

/// How far a statement is, where the server tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Working {
    pub pid: i32,
    /// `CREATE INDEX`.
    pub command: String,
    pub relation: String,
    pub phase: String,
    pub done: u64,
    /// 0: not known.
    pub of: u64,
    /// `blocks`, `bytes`, `rows`.
    pub unit: String,
}

/// Somebody who takes our WAL, or a slot that keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    pub name: String,
    pub state: String,
    /// WAL that it doesn't have yet.
    pub bytes: Option<u64>,
    pub lag_ms: Option<u64>,
    pub slot: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Server {
    pub standby: bool,
    /// Written here; on a standby replayed.
    pub wal: String,
    /// Of a standby: received and not replayed, and the age of the last transaction.
    pub behind: Option<u64>,
    pub behind_ms: Option<u64>,
    /// Of the database, in bytes; asked now and then.
    pub size: Option<u64>,
}

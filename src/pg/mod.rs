//! PostgreSQL: connections, the ledger, inventories, fingerprints, a server of our own.
//!
//! One thin driver on the crate `postgres-protocol` serves all sessions, because the engine needs what
//! comfortable drivers hide: command tags, the transaction status of every ReadyForQuery, notices in
//! their place, COPY inside simple queries, and the backend's key.
//!
//! | file | for |
//! |---|---|
//! | `config`, `conninfo`, `conninfo_text`, `environment`, `passfile` | where and as whom to connect |
//! | `dial`, `stream`, `tls` | a byte stream to the server |
//! | `wire`, `incoming`, `message`, `server_error` | messages on it |
//! | `startup`, `auth` | from a stream to a session |
//! | `session`, `query`, `error` | the session |
//! | `ledger` | what was applied, kept in the target itself |
//! | `identity`, `blockers`, `watched`, `probe` | which server it is; who is in the way; what a session has locked; whether a statement took effect |
//! | `databases` | the databases of a server: who is in one, and how one takes another's name |
//! | `activity`, `backends` | all that goes on at the server; ending a session of somebody else |
//! | `measure` | the ground for all that follows: pinned settings, one snapshot |
//! | `inventory`, `names`, `rows`, `orphans` | what there is: objects, their names, rows, broken references |
//! | `fingerprint`, `sequences`, `content`, `row_hashes`, `touched`, `family` | what differs from before: schema, values of sequences, rows, and what a transaction wrote |
//! | `across` | two databases, table by table: which rows differ |
//! | `uses` | which objects an enum is used by, and which tables a table refers to |
//! | `image`, `snapshot` | all of that at one moment, and what differs between two; the same as a file |
//! | `child`, `handover`, `psql` | programs that run beside us; how they get our connection; where psql is |
//! | `embedded` | a private server for demo and tests |

pub mod across;
pub mod activity;
mod auth;
pub mod backends;
pub mod blockers;
pub mod child;
mod config;
mod conninfo;
mod conninfo_text;
pub mod content;
pub mod databases;
mod dial;
pub mod embedded;
mod environment;
mod error;
pub mod family;
pub mod fingerprint;
pub mod handover;
pub mod identity;
pub mod image;
mod incoming;
pub mod inventory;
pub mod measure;
mod message;
pub mod names;
mod orphans;
mod passfile;
mod psql;
mod query;
pub mod row_hashes;
pub mod rows;
pub mod sequences;
mod server_error;
mod session;
pub mod snapshot;
mod startup;
mod stream;
mod tls;
pub mod touched;
pub mod uses;
pub mod watched;
mod wire;

pub use config::{ConfigError, ConnectConfig, Host, RootCert, SslMode};
pub use environment::Environment;
pub use error::PgError;
pub use message::{Column, DataRow, Reply, TransactionStatus};
pub use psql::{Psql, PsqlError};
pub use query::{Bound, Completed, Limits, LongCell, Rows};
pub use server_error::ServerError;
pub use session::{CancelHandle, Session};
pub mod ledger;
pub mod probe;

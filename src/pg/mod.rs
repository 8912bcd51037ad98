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
//! | `embedded` | a private server for demo and tests |

mod auth;
mod config;
mod conninfo;
mod conninfo_text;
mod dial;
pub mod embedded;
mod environment;
mod error;
mod incoming;
mod message;
mod passfile;
mod query;
mod server_error;
mod session;
mod startup;
mod stream;
mod tls;
mod wire;

pub use config::{ConfigError, ConnectConfig, Host, RootCert, SslMode};
pub use environment::Environment;
pub use error::PgError;
pub use message::{Column, DataRow, Reply, TransactionStatus};
pub use query::{Bound, Completed, Limits, LongCell, Rows};
pub use server_error::ServerError;
pub use session::{CancelHandle, Session};

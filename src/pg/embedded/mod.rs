//! A private PostgreSQL for the demo and the tests: found, initialised, started, stopped, removed.
//!
//! It listens on no TCP port. Its folder (0700, a short path, since a socket's path has to fit into 107
//! bytes) holds data, socket and log, and belongs to the user that the server runs as.
//!
//! | file | for |
//! |---|---|
//! | `find` | the server programs, and what to install when there are none |
//! | `privileges` | the unprivileged user, and dying with the parent |
//! | `folder` | the instance's folder and who owns it |
//! | `template` | an initialised data folder, made once and copied |
//! | `process` | the server's process, and the thread it hangs on |
//! | `server` | all of it together |
//! | `copy` | a database as a copy of another one |
//! | `sweep` | what programs that were killed left behind |

mod copy;
mod error;
pub(in crate::pg) mod find;
mod folder;
mod privileges;
mod process;
mod server;
mod sweep;
mod template;

pub use copy::copy_database;
pub use error::EmbeddedError;
pub use find::{Programs, install_command, install_hint};
pub use folder::Scratch;
pub use server::{Embedded, Kept, Options};
pub use sweep::sweep;

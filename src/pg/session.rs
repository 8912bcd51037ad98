//! A session: one connection to one backend, with everything visible that the engine must see.
//!
//! Low level, for many statements in flight: `queue_*`, `copy_*`, [`Session::flush`] and
//! [`Session::receive`]. Whole answers: `query.rs`. Everything can be dropped at any await.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use postgres_protocol::message::frontend::{self, CopyData};

use super::config::ConnectConfig;
use super::dial::{Address, dial_again};
use super::error::PgError;
use super::incoming::Frame;
use super::message::{Reply, TransactionStatus};
use super::server_error::ServerError;
use super::startup;
use super::wire::{Wire, WireError};
use crate::script::{Coding, unmarked};

/// COPY data beyond this is sent before more is taken.
const COPY_BUFFER: usize = 256 * 1024;

/// A connection that is logged in and set up.
pub struct Session {
    pub(super) wire: Wire,
    cancel: CancelHandle,
    settings: BTreeMap<String, String>,
    status: TransactionStatus,
    /// Messages of ours that a ReadyForQuery still has to answer.
    in_flight: usize,
    /// The FATAL error after which the server closes.
    last_word: Option<Box<ServerError>>,
    /// The server waits for COPY data of ours.
    copying: bool,
    /// What [`Session::set_cell_limit`] asked for; an answer may have a narrower one of its own.
    cell_limit: usize,
}

impl Session {
    /// Opens a session. `purpose` shows as part of the application name, like `holdpoint work`.
    pub async fn connect(config: &ConnectConfig, purpose: &str) -> Result<Self, PgError> {
        startup::connect(config, purpose, true).await
    }

    /// Opens a session in which nothing is set: behind a pooler it would stay so for whoever comes next.
    pub async fn connect_bare(config: &ConnectConfig, purpose: &str) -> Result<Self, PgError> {
        startup::connect(config, purpose, false).await
    }

    pub(super) fn new(
        wire: Wire,
        cancel: CancelHandle,
        settings: BTreeMap<String, String>,
        status: TransactionStatus,
    ) -> Self {
        let cell_limit = wire.incoming.cell_limit;
        Self { wire, cancel, settings, status, in_flight: 0, last_word: None, copying: false, cell_limit }
    }

    /// The backend's process id, as the server gave it with the cancel key.
    pub fn pid(&self) -> i32 {
        self.cancel.pid
    }

    pub fn cancel_handle(&self) -> CancelHandle {
        self.cancel.clone()
    }

    pub fn config(&self) -> &ConnectConfig {
        &self.cancel.config
    }

    pub fn is_encrypted(&self) -> bool {
        self.cancel.tls
    }

    /// As of the last ReadyForQuery.
    pub fn transaction(&self) -> TransactionStatus {
        self.status
    }

    /// A setting that the server reports by itself, like `server_version` or
    /// `standard_conforming_strings`.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    /// Like the server's `server_version_num`: 150004 for 15.4; 0 when it can't be read.
    pub fn server_version(&self) -> u32 {
        let text = self.parameter("server_version").unwrap_or_default();
        let mut numbers =
            text.split(|character: char| !character.is_ascii_digit()).map_while(|part| part.parse().ok());
        let major: u32 = numbers.next().unwrap_or(0);
        let minor: u32 = numbers.next().unwrap_or(0);
        if major >= 10 {
            major * 10_000 + minor
        } else {
            major * 10_000 + minor * 100 + numbers.next().unwrap_or(0)
        }
    }

    /// How the text of this session becomes bytes.
    pub fn coding(&self) -> Coding {
        self.wire.incoming.coding
    }

    /// How many messages of ours aren't fully answered yet.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Cells that are longer keep only their first bytes from now on, while they come in.
    pub fn set_cell_limit(&mut self, bytes: usize) {
        self.cell_limit = bytes;
        self.wire.incoming.cell_limit = bytes;
    }

    /// Queues one simple query message (it may hold several statements).
    pub fn queue_simple(&mut self, sql: &str) -> Result<(), PgError> {
        match self.coding() {
            Coding::Utf8 => self.put(|out| frontend::query(sql, out))?,
            // Marks become the bytes that the script has.
            _ => {
                let bytes = unmarked(sql);
                self.put(|out| query_of(&bytes, out))?;
            }
        }
        self.in_flight += 1;
        Ok(())
    }

    /// Bytes that wait to be sent.
    pub fn queued_bytes(&self) -> usize {
        self.wire.out.len()
    }

    /// Sends what is queued. When very many answers wait it returns with some bytes left;
    /// [`Session::receive`] sends on.
    pub async fn flush(&mut self) -> Result<(), PgError> {
        match self.wire.flush().await {
            Ok(()) => Ok(()),
            Err(error) => {
                let last_word =
                    self.last_word.clone().or_else(|| self.wire.incoming.peek_fatal().map(Box::new));
                Err(self.lost(error, "sending", last_word))
            }
        }
    }

    /// Whether the server has said something that wasn't received yet, or has begun to; without waiting.
    pub async fn has_answer(&mut self) -> bool {
        self.wire.has_answer().await
    }

    /// The next message from the server. Sends what is queued meanwhile. After an error that
    /// [`PgError::is_lost`] it only repeats that error.
    pub async fn receive(&mut self) -> Result<Reply, PgError> {
        let frame = match self.wire.receive().await {
            Ok(frame) => frame,
            Err(error) => return Err(self.lost(error, "waiting for an answer", self.last_word.clone())),
        };
        let message = match frame {
            Frame::Row(row) => return Ok(Reply::DataRow(row)),
            Frame::Other(message) => message,
        };
        let reply = match Reply::read_as(message, self.coding()) {
            Ok(Some(reply)) => reply,
            Ok(None) => return Err(self.nonsense("a message that doesn't belong into a session")),
            Err(error) => return Err(self.nonsense(&error.to_string())),
        };
        match &reply {
            Reply::Ready(status) => {
                self.status = *status;
                self.in_flight = self.in_flight.saturating_sub(1);
                self.copying = false;
                if self.in_flight == 0 {
                    self.wire.incoming.cell_limit = self.cell_limit;
                }
            }
            Reply::Parameter { name, value } => {
                if name == "client_encoding" {
                    self.wire.incoming.coding = Coding::named(value).unwrap_or(Coding::Single(None));
                }
                self.settings.insert(name.clone(), value.clone());
            }
            Reply::CopyIn => self.copying = true,
            Reply::Error(error) => {
                self.copying = false;
                if error.ends_session() {
                    self.last_word = Some(Box::new(error.clone()));
                }
            }
            // Another backend has crashed: a mere warning, and then the connection ends.
            Reply::Notice(notice) if notice.sqlstate == "57P02" => {
                self.last_word = Some(Box::new(notice.clone()));
            }
            _ => {}
        }
        Ok(reply)
    }

    /// Queues a piece of COPY data; pieces needn't be whole lines.
    pub fn copy_data(&mut self, bytes: &[u8]) -> Result<(), PgError> {
        self.put(|out| {
            CopyData::new(bytes)?.write(out);
            Ok(())
        })
    }

    /// [`Session::copy_data`] that sends when enough has come together.
    pub async fn copy_send(&mut self, bytes: &[u8]) -> Result<(), PgError> {
        self.copy_data(bytes)?;
        if self.queued_bytes() >= COPY_BUFFER { self.flush().await } else { Ok(()) }
    }

    pub fn copy_done(&mut self) {
        self.copying = false;
        frontend::copy_done(&mut self.wire.out);
    }

    /// Ends the COPY as failed; the server answers with an error that has `reason` in it.
    pub fn copy_fail(&mut self, reason: &str) -> Result<(), PgError> {
        self.put(|out| frontend::copy_fail(reason, out))?;
        self.copying = false;
        Ok(())
    }

    /// After a COPY of the extended protocol: the server has passed over the Sync that went before.
    pub fn sync_again(&mut self) -> Result<(), PgError> {
        self.put(|out| {
            frontend::sync(out);
            Ok(())
        })
    }

    /// Says goodbye.
    pub async fn close(mut self) {
        frontend::terminate(&mut self.wire.out);
        let _ = tokio::time::timeout(Duration::from_secs(2), self.wire.shutdown()).await;
    }

    /// Writes a message, or nothing at all.
    pub(super) fn put(
        &mut self,
        write: impl FnOnce(&mut BytesMut) -> std::io::Result<()>,
    ) -> Result<(), PgError> {
        let before = self.wire.out.len();
        write(&mut self.wire.out).map_err(|error| {
            self.wire.out.truncate(before);
            PgError::Unsendable {
                target: self.cancel.config.describe(),
                reason: format!(
                    "{error}; statements and values can't hold a NUL byte or be longer than 1 GiB"
                ),
            }
        })
    }

    pub(super) fn count_sync(&mut self) {
        self.in_flight += 1;
    }

    pub(super) fn is_copying(&self) -> bool {
        self.copying
    }

    pub(super) fn busy(&self) -> PgError {
        PgError::Busy { target: self.cancel.config.describe() }
    }

    fn nonsense(&self, reason: &str) -> PgError {
        PgError::Protocol { target: self.cancel.config.describe(), reason: reason.to_owned() }
    }

    fn lost(&self, error: WireError, doing: &'static str, last_word: Option<Box<ServerError>>) -> PgError {
        match error {
            WireError::Nonsense(reason) => self.nonsense(&reason),
            WireError::Gone(reason) => PgError::Lost {
                target: self.cancel.config.describe(),
                doing,
                reason: last_word.as_ref().map_or(reason, |server| server.to_string()),
                server: last_word,
            },
        }
    }
}

/// A simple query whose text isn't UTF-8.
fn query_of(text: &[u8], out: &mut BytesMut) -> std::io::Result<()> {
    let length = i32::try_from(text.len() + 5).map_err(std::io::Error::other)?;
    if text.contains(&0) {
        return Err(std::io::Error::other("it holds a NUL byte"));
    }
    out.put_u8(b'Q');
    out.put_i32(length);
    out.put_slice(text);
    out.put_u8(0);
    Ok(())
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("to", &self.cancel.config.describe())
            .field("pid", &self.cancel.pid)
            .field("status", &self.status)
            .field("in_flight", &self.in_flight)
            .finish_non_exhaustive()
    }
}

/// Cancels what a session's backend is doing, from anywhere.
#[derive(Clone)]
pub struct CancelHandle {
    pub(super) config: Arc<ConnectConfig>,
    pub(super) address: Address,
    pub(super) tls: bool,
    pub(super) pid: i32,
    pub(super) secret: i32,
}

impl CancelHandle {
    /// Asks the server to cancel, and returns when it has passed the request on. Whether anything was
    /// cancelled only shows in the session's own replies. Until this has returned, nothing new may be
    /// sent on the session: it could be what gets cancelled.
    pub async fn cancel(&self) -> Result<(), PgError> {
        let limit = self.config.connect_timeout.unwrap_or(Duration::from_secs(60));
        let request = async {
            let mut wire = Wire::new(dial_again(&self.config, &self.address, self.tls).await?);
            frontend::cancel_request(self.pid, self.secret, &mut wire.out);
            // The server may close before we have read that it took the request; both mean the same.
            let _ = wire.flush().await;
            wire.closed().await;
            Ok(())
        };
        tokio::time::timeout(limit, request).await.unwrap_or_else(|_| {
            Err(PgError::Timeout {
                target: self.config.describe(),
                after: limit,
                doing: "asking it to cancel",
            })
        })
    }

    pub fn pid(&self) -> i32 {
        self.pid
    }
}

impl fmt::Debug for CancelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whoever has the secret can cancel.
        f.debug_struct("CancelHandle")
            .field("to", &self.config.describe())
            .field("pid", &self.pid)
            .finish_non_exhaustive()
    }
}

//! The console: queries of the person at the cockpit, on a session of their own that only reads.
//!
//! One statement by the extended protocol, in a transaction that was pinned read-only by a first query
//! and is always rolled back, for a few seconds at most. What was looked at is journaled.

use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::recorder::Recorder;
use super::secrets::Secrets;
use super::standing::Standing;
use super::unit::millis;
use crate::pg::{ConnectConfig, Limits, PgError, Rows, ServerError, Session};
use crate::run::command::{Command, Wish};
use crate::run::event::{Event, Person};
use crate::run::gate;
use crate::script::{mask_secrets, reads_only};

/// What is fetched of a result; of its cells, and of all of it.
pub const ROWS: usize = 1_000;
pub const CELL_BYTES: usize = 256 * 1024;
const TOTAL_BYTES: usize = 8 << 20;

/// A query may take so long, and of that wait so long for a lock.
const LIMIT: Duration = Duration::from_secs(5);
const BOUNDS: &str = "SET LOCAL statement_timeout = '5s'; SET LOCAL lock_timeout = '3s'";

/// What one look brought.
#[derive(Debug)]
pub struct Look {
    pub result: Result<Rows, Trouble>,
    pub elapsed: Duration,
    /// What a person should know besides: a new connection, a journal that isn't written.
    pub said: Vec<String>,
}

/// Why a query brought nothing.
#[derive(Debug, Clone, Default)]
pub struct Trouble {
    pub message: String,
    /// Below it: what the server adds, what can be done.
    pub more: Vec<String>,
    /// In characters from 1, where the server points at.
    pub position: Option<u32>,
}

impl Trouble {
    fn of(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }
}

/// A person's window into the database.
#[derive(Debug)]
pub struct Console {
    target: ConnectConfig,
    recorder: Recorder,
    secrets: Secrets,
    session: Option<Session>,
}

impl Console {
    #[must_use]
    pub fn new(target: ConnectConfig, recorder: Recorder, secrets: Secrets) -> Self {
        Self { target, recorder, secrets, session: None }
    }

    /// Asks one query. `stop` cancels it.
    pub async fn look(&mut self, sql: &str, by: Person, stop: &Notify) -> Look {
        let began = Instant::now();
        let refused = |message: String| Look {
            result: Err(Trouble::of(message)),
            elapsed: began.elapsed(),
            said: Vec::new(),
        };
        let command = Command { what: Wish::Look { sql: sql.to_owned() }, by: by.clone() };
        if let Err(why) = self.recorder.look(|run| gate::judge(run, &command)) {
            return refused(why.0);
        }
        if sql.contains('\0') {
            return refused("there is a NUL in it, which no query can hold".to_owned());
        }
        if !reads_only(sql) {
            return refused(
                "the console only reads, one statement at a time: SELECT, VALUES, TABLE, WITH, SHOW, EXPLAIN. \
                 Nothing was sent"
                    .to_owned(),
            );
        }
        let mut said = Vec::new();
        let result = self.ask(sql, stop, &mut said).await;
        let elapsed = began.elapsed();
        let event = Event::Looked {
            by,
            sql: mask_secrets(sql).into_owned(),
            rows: result.as_ref().ok().map(|rows| rows.rows.len() as u64),
            more: result.as_ref().is_ok_and(|rows| rows.truncated.is_some()),
            elapsed_ms: millis(elapsed),
            error: result.as_ref().err().map(|trouble| trouble.message.clone()),
        };
        if let Err(error) = self.recorder.record(self.secrets.masked(event)).await {
            said.push(format!("it isn't in the journal: {error}"));
        }
        Look { result, elapsed, said }
    }

    async fn ask(&mut self, sql: &str, stop: &Notify, said: &mut Vec<String>) -> Result<Rows, Trouble> {
        loop {
            let kept = self.session.take();
            let fresh = kept.is_none();
            let mut session = match kept {
                Some(session) => session,
                None => tokio::select! {
                    connected = Session::connect(&self.target, "console") => connected.map_err(|error| {
                        Trouble::of(format!("there is no connection: failed to {error}"))
                    })?,
                    () = stop.notified() => return Err(Trouble::of("given up while it was connecting")),
                },
            };
            let standing = match Standing::begin(&mut session, None, Some(BOUNDS)).await {
                Ok(standing) => standing,
                // It stood idle since the query before, and that may be long ago.
                Err(error) if error.is_lost() && !fresh => {
                    said.push("the connection was lost meanwhile; this is a new one".to_owned());
                    continue;
                }
                Err(error) => return Err(trouble(&error)),
            };
            let limits = Limits { max_rows: ROWS, max_cell_bytes: CELL_BYTES, max_total_bytes: TOTAL_BYTES };
            let cancel = session.cancel_handle();
            let answer = {
                let query = session.query_first(sql, limits);
                tokio::pin!(query);
                let mut stopped = false;
                loop {
                    tokio::select! {
                        answer = &mut query => break answer,
                        () = stop.notified(), if !stopped => {
                            stopped = true;
                            if let Err(error) = cancel.cancel().await {
                                tracing::warn!(%error, "cancelling a query of the console");
                            }
                        }
                    }
                }
            };
            return match answer {
                Err(error) if error.is_lost() => {
                    let mut trouble = trouble(&error);
                    trouble.more.push("the next query connects again".to_owned());
                    Err(trouble)
                }
                answer => {
                    // One that can't even be ended isn't kept.
                    if standing.end(&mut session).await.is_ok() {
                        self.session = Some(session);
                    }
                    answer.map_err(|error| trouble(&error))
                }
            };
        }
    }

    /// Says goodbye.
    pub async fn close(self) {
        if let Some(session) = self.session {
            session.close().await;
        }
    }
}

fn trouble(error: &PgError) -> Trouble {
    let Some(server) = error.server().filter(|_| !error.is_lost()) else {
        return Trouble::of(format!("failed to {error}"));
    };
    let more = match server.sqlstate.as_str() {
        "57014" if server.message.contains("timeout") => {
            vec![format!("the console's queries may take {} s", LIMIT.as_secs())]
        }
        "55P03" => vec!["somebody else has locked what it reads, for more than 3 s".to_owned()],
        "25006" => vec!["the console's transactions only read".to_owned()],
        _ => told(server),
    };
    Trouble { message: format!("{}: {}", server.severity, server.message), more, position: server.position }
}

fn told(server: &ServerError) -> Vec<String> {
    let detail = server.detail.as_ref().map(|detail| format!("DETAIL: {detail}"));
    detail.into_iter().chain(server.hint.as_ref().map(|hint| format!("HINT: {hint}"))).collect()
}

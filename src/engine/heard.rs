//! What is heard while a script runs: answers, interruptions, who is in the way; and why it didn't reach its
//! end.

use std::time::Duration;

use tokio::time::Instant;

use super::attention::Interruption;
use super::problems;
use super::stream::Stream;
use crate::pg::{PgError, Reply, ServerError, TransactionStatus};
use crate::run::event::Problem;

/// Why a script didn't reach its end.
#[derive(Debug)]
pub enum Broken {
    /// The server refused a statement.
    Server { problem: Box<Problem>, sqlstate: String },
    /// Somebody or something interrupted it.
    Interrupted(Interruption, Box<Problem>),
    /// The script itself can't be read or holds what isn't allowed.
    Script(Box<Problem>),
    /// The connection is gone.
    Lost(PgError),
}

impl Broken {
    /// As a person should read it.
    #[must_use]
    pub fn problem(&self) -> Problem {
        match self {
            Self::Server { problem, .. } | Self::Interrupted(_, problem) | Self::Script(problem) => {
                (**problem).clone()
            }
            Self::Lost(error) => problems::plain(error.sentence()),
        }
    }
}

impl Stream<'_> {
    /// Sends what is queued. The server takes its time when what runs there is slow, or waits for a lock:
    /// an interruption is heard meanwhile.
    pub(super) async fn flush(&mut self) -> Result<(), Broken> {
        loop {
            tokio::select! {
                biased;
                flushed = self.work.flush() => return flushed.map_err(Broken::Lost),
                interruption = self.attention.interrupted(), if self.interrupted.is_none() => {
                    self.cancel(interruption).await;
                }
            }
        }
    }

    async fn cancel(&mut self, interruption: Interruption) {
        self.interrupted = Some(interruption);
        self.cancel_running().await;
    }

    /// Cancels what runs. The cancel connection is awaited to its end: a late cancel would hit another
    /// statement.
    pub(super) async fn cancel_running(&mut self) {
        if let Err(error) = self.work.cancel_handle().cancel().await {
            tracing::warn!(%error, "cancel");
        }
    }

    /// The interruption that has come already.
    pub(super) fn interruption_now(&self) -> Option<Interruption> {
        self.interrupted.clone().or_else(|| self.attention.standing())
    }

    /// One message, while listening for interruptions and looking who is in the way.
    pub(super) async fn reply(&mut self) -> Result<Reply, Broken> {
        // Shortly before the timeout strikes, and with enough time left for the answer.
        let enough = self.lock_timeout.saturating_sub(Duration::from_millis(200));
        let first = self.lock_timeout.mul_f64(0.6).min(enough).max(Duration::from_millis(5));
        let mut look_at = Instant::now() + first;
        // Where one reply follows the other nothing else would ever get its turn.
        if self.interrupted.is_none() && self.attention.standing().is_some() {
            let interruption = self.attention.interrupted().await;
            self.cancel(interruption).await;
        }
        loop {
            tokio::select! {
                biased;
                reply = self.work.receive() => return reply.map_err(Broken::Lost),
                interruption = self.attention.interrupted(), if self.interrupted.is_none() => {
                    self.cancel(interruption).await;
                }
                () = tokio::time::sleep_until(look_at) => {
                    match crate::pg::blockers::blockers(self.monitor, self.work.pid()).await {
                        Ok(found) if !found.is_empty() => self.blockers = found,
                        Ok(_) => {}
                        Err(error) => tracing::warn!(%error, "asking who is in the way"),
                    }
                    look_at = Instant::now() + self.lock_timeout.mul_f64(0.3).max(Duration::from_millis(200));
                }
            }
        }
    }

    pub(super) fn notice(&mut self, notice: &ServerError) {
        if notice.severity == "WARNING" {
            self.tally.warnings += 1;
        }
        (self.say)(&format!("{}: {}", notice.severity, notice.message));
        // As psql: what a CASCADE drops along stands in the DETAIL alone. It is said, and never journaled.
        for (label, text) in [("DETAIL", &notice.detail), ("HINT", &notice.hint)] {
            if let Some(text) = text {
                (self.say)(&format!("{label}: {text}"));
            }
        }
    }

    /// The first statement in flight was refused.
    pub(super) fn refused(&mut self, error: &ServerError) -> Broken {
        let problem = match self.flight.front() {
            Some(statement) => {
                let row = self.data.as_ref().and_then(|data| data.place(error));
                problems::in_statement(error, statement, row.as_ref(), self.disclosure)
            }
            None => problems::of_server(error, self.disclosure),
        };
        if error.sqlstate == problems::CANCELED
            && let Some(interruption) = self.interrupted.clone()
        {
            return Broken::Interrupted(interruption, Box::new(problem));
        }
        Broken::Server { problem: Box::new(problem), sqlstate: error.sqlstate.clone() }
    }

    pub(super) fn interruption(&self, interruption: Interruption) -> Broken {
        let mut problem = problems::plain(match &interruption {
            Interruption::Cancelled => "cancelled by a person".to_owned(),
            Interruption::Signal(signal) => format!("interrupted by {signal}"),
            Interruption::LockLost(why) => format!("the lock on this database was lost: {why}"),
        });
        problem.place = self.flight.front().map(|statement| problems::place_of(&statement.place));
        Broken::Interrupted(interruption, Box::new(problem))
    }

    pub(super) fn broken(&self, error: PgError) -> Broken {
        if error.is_lost() {
            return Broken::Lost(error);
        }
        let problem = Box::new(problems::of_pg(&error, self.disclosure));
        match error.sqlstate() {
            Some(sqlstate) => Broken::Server { problem, sqlstate: sqlstate.to_owned() },
            None => Broken::Script(problem),
        }
    }

    /// Whether the transaction that was begun is still open and in order.
    #[must_use]
    pub fn in_transaction(&self) -> bool {
        self.work.transaction() == TransactionStatus::InTransaction
    }
}

/// Rows that a command tag counts.
pub(super) fn affected(tag: &str) -> u64 {
    let mut words = tag.split(' ');
    match words.next() {
        Some("INSERT" | "UPDATE" | "DELETE" | "MERGE" | "COPY") => {
            words.next_back().and_then(|count| count.parse().ok()).unwrap_or_default()
        }
        _ => 0,
    }
}

//! Sends a script to the work session and follows what comes back.
//!
//! Inside a transaction many statements may be under way at once: a failing one makes the server
//! ignore those behind it. That window is empty before and after everything whose order matters:
//! transaction control, COPY, SET, and whatever decides what comes next.

use std::collections::VecDeque;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::attention::{Attention, Interruption};
use super::copy::{Writing, Written};
use super::data_lines::DataLines;
use super::digests::{add, hex};
use super::follow::{Answer, Next, Passed, must_be_alone, no_data, reconnects};
use super::heard::{Broken, affected};
use super::outlet::Outlet;
use super::problems::{self, Disclosure};
use super::shell::Ground;
use super::sources::AnyScript;
use super::surroundings::read_as;
use super::unit::own;
use crate::pg::PgError;
use crate::pg::Reply;
use crate::pg::Session;
use crate::run::event::Blocker;
use crate::run::sample::Doing;
use crate::script::{Item, Kind, Outcome, Statement, Then, Transaction as Control};

/// Statements in flight, at most.
const WINDOW: usize = 64;
/// Bytes of statements in flight, at most.
const WINDOW_BYTES: usize = 256 * 1024;

/// What a script did, so far.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    pub statements: u64,
    pub rows: u64,
    pub warnings: u64,
    /// It went back to a savepoint.
    pub went_back: bool,
}

/// A line for people that a script prints (`\echo`), or a notice of the server.
pub type Say<'a> = dyn FnMut(&str) + Send + 'a;

/// The work session with a script on its way through it.
pub struct Stream<'a> {
    pub work: &'a mut Session,
    pub(super) attention: &'a mut Attention,
    /// Asks who is in the way.
    pub(super) monitor: &'a mut Session,
    pub(super) disclosure: Disclosure,
    pub(super) lock_timeout: Duration,
    pub(super) flight: VecDeque<Statement>,
    flight_bytes: usize,
    digest: Sha256,
    pub tally: Tally,
    pub(super) interrupted: Option<Interruption>,
    /// Who was in the way when we last looked.
    pub blockers: Vec<Blocker>,
    /// What marks the transaction as the unit's own; RESET ALL would wipe it.
    pub(super) nonce: Option<String>,
    /// Where a script writes and where its shell commands stand; without it neither goes.
    pub(super) ground: Option<Ground>,
    /// `\o`: where results go.
    pub(super) outlet: Option<Outlet>,
    /// `\g`: where those of the statement that is answered now go.
    pub(super) once: Option<Outlet>,
    /// That is the program of a `\copy`.
    pub(super) once_copies: bool,
    /// A result was larger than what can be written as a table.
    pub(super) too_large: bool,
    /// A shell command was begun: nothing is done again without being asked.
    pub shelled: bool,
    pub(super) writing: Option<Writing>,
    /// Files that are whole.
    pub written: Vec<Written>,
    pub(super) say: Box<Say<'a>>,
    /// Results of the statement that is being answered.
    pub(super) answer: Answer,
    /// How the last statement ended.
    pub(super) outcome: Option<Outcome>,
    /// What comes before the script's next item.
    pub(super) next: VecDeque<Next>,
    /// Errors that the script passed over.
    pub passed: Passed,
    /// How many COPYs of the statement that is being answered took their data.
    pub(super) fed: usize,
    /// The lines of the data that was sent last.
    pub(super) data: Option<DataLines>,
    /// The server sends the rows of a COPY.
    pub(super) gave_rows: bool,
    /// In binary format.
    pub(super) copied_binary: bool,
    /// How many of one that failed didn't.
    pub(super) unread: usize,
    /// Lines of results shown so far.
    pub(super) shown: usize,
}

impl std::fmt::Debug for Stream<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("tally", &self.tally).field("in_flight", &self.flight.len()).finish()
    }
}

impl<'a> Stream<'a> {
    pub fn new(
        work: &'a mut Session,
        attention: &'a mut Attention,
        monitor: &'a mut Session,
        disclosure: Disclosure,
        lock_timeout: Duration,
        say: Box<Say<'a>>,
    ) -> Self {
        Self {
            work,
            attention,
            monitor,
            disclosure,
            lock_timeout,
            flight: VecDeque::new(),
            flight_bytes: 0,
            digest: Sha256::new(),
            tally: Tally::default(),
            interrupted: None,
            blockers: Vec::new(),
            nonce: None,
            ground: None,
            outlet: None,
            once: None,
            once_copies: false,
            too_large: false,
            shelled: false,
            writing: None,
            written: Vec::new(),
            say,
            answer: Answer::default(),
            outcome: None,
            next: VecDeque::new(),
            passed: Passed::default(),
            fed: 0,
            data: None,
            gave_rows: false,
            copied_binary: false,
            unread: 0,
            shown: 0,
        }
    }

    /// In the transaction that carries this nonce.
    #[must_use]
    pub fn inside(mut self, nonce: &str) -> Self {
        self.nonce = Some(nonce.to_owned());
        self
    }

    /// The script may write files, and has a place for the shell commands that the plan allows.
    #[must_use]
    pub fn on(mut self, ground: &Ground) -> Self {
        self.ground = Some(ground.clone());
        self
    }

    /// Digest over the statements sent so far, in order.
    #[must_use]
    pub fn digest(&self) -> String {
        hex(&self.digest.clone().finalize())
    }

    /// Sends all of a script. Returns when the server has answered the last statement.
    ///
    /// # Errors
    /// `Broken`; nothing is in flight any more (unless the connection is lost).
    pub async fn all(&mut self, script: &mut AnyScript) -> Result<(), Broken> {
        self.widen(&Then::PLAIN);
        let sent = self.through(script).await;
        // What took results keeps those that came, however it ends.
        let closed = self.end_output().await;
        sent.and(closed)
    }

    async fn through(&mut self, script: &mut AnyScript) -> Result<(), Broken> {
        let ended = self.until_its_end(script).await;
        match ended {
            // An error that the script passed over broke the transaction: what failed since failed of that.
            Err(Broken::Server { .. } | Broken::Script(_)) => self.left_failed().and(ended),
            ended => ended,
        }
    }

    async fn until_its_end(&mut self, script: &mut AnyScript) -> Result<(), Broken> {
        match self.every(script).await {
            Ok(()) => {
                self.drain().await?;
                self.left_failed()
            }
            // What stands before the script's own error came first, and may have failed.
            Err(broken @ Broken::Script(_)) => match self.drain().await {
                Ok(()) => Err(broken),
                Err(first) => Err(first),
            },
            Err(broken @ Broken::Interrupted(..)) => match self.drain().await {
                Err(Broken::Lost(error)) => Err(Broken::Lost(error)),
                _ => Err(broken),
            },
            Err(broken) => Err(broken),
        }
    }

    async fn every(&mut self, script: &mut AnyScript) -> Result<(), Broken> {
        loop {
            let item = match self.next.pop_front() {
                Some(Next::Statement(made)) => Item::Statement(*made),
                Some(Next::Outcome(outcome)) => {
                    self.drain().await?;
                    script.settled(Some(&outcome));
                    continue;
                }
                Some(Next::Release) => {
                    self.drain().await?;
                    if self.in_transaction() {
                        self.plain(&super::follow::release()).await?;
                    }
                    continue;
                }
                None => match self.next(script)? {
                    Some(item) => item,
                    None => return Ok(()),
                },
            };
            if let (Some(_), Item::Statement(statement)) = (&self.nonce, &item) {
                self.refuse_control(statement)?;
            }
            match item {
                Item::Statement(statement) if Self::is_careful(script) => {
                    self.careful(statement, script).await?;
                }
                // A function's set_config may lift lock_timeout as well.
                Item::Statement(statement) if must_be_alone(&statement) => {
                    self.one(statement, script).await?;
                }
                Item::Statement(statement) => {
                    self.send(statement).await?;
                    script.sent();
                }
                Item::Settle => {
                    self.drain().await?;
                    script.settled(self.outcome.take().as_ref());
                }
                Item::Connect { place, .. } => {
                    self.drain().await?;
                    // A file begins on a session of its own anyway.
                    if self.tally.statements > 0 {
                        return Err(Broken::Script(Box::new(reconnects(&place))));
                    }
                }
                other => {
                    self.drain().await?;
                    self.aside_of(other, script).await?;
                }
            }
        }
    }

    /// What ends the unit's own transaction is refused before it is sent: a branch of the script that
    /// nobody could see before the run may have it.
    fn refuse_control(&self, statement: &Statement) -> Result<(), Broken> {
        let begins = |kind: &Kind| matches!(kind, Kind::Transaction(Control::Begin));
        if !statement.kind.ends_transaction() && !statement.kind.each().iter().any(begins) {
            return Ok(());
        }
        let mut problem =
            problems::plain("the script controls the transaction, and the step runs in one of its own");
        problem.place = Some(problems::place_of(&statement.place));
        problem.hint = Some("take it out, or give the step transaction = \"script\"".into());
        Err(Broken::Script(Box::new(problem)))
    }

    /// The script's next item.
    ///
    /// # Errors
    /// `Broken::Script`.
    pub fn next(&mut self, script: &mut AnyScript) -> Result<Option<Item>, Broken> {
        read_as(script, self.work);
        script.next_item().map_err(|error| Broken::Script(Box::new(problems::of_script(&error))))
    }

    /// Sends one statement alone and waits for its answer, COPY data included.
    ///
    /// # Errors
    /// As [`Self::all`].
    pub async fn one(&mut self, statement: Statement, script: &mut AnyScript) -> Result<(), Broken> {
        self.drain().await?;
        if statement.then == Then::Describe {
            return self.describe(&statement, script).await;
        }
        if statement.place.generated.is_some() && statement.kind.copies_from_stdin() {
            return Err(no_data(&statement));
        }
        let reassert = statement.touches_lock_timeout;
        let resets = statement.kind.resets_everything();
        let ours = resets && self.is_ours().await?;
        self.alone(statement, script).await?;
        if resets {
            self.work.outlive_defaults().await.map_err(|error| self.broken(error))?;
        }
        if let Some(nonce) = self.nonce.clone().filter(|_| ours) {
            let sql = super::unit::set_nonce(&nonce);
            own(self.work, &sql).await.map_err(|error| self.broken(error))?;
        }
        if reassert {
            self.assert_lock_timeout().await?;
        }
        Ok(())
    }

    /// Sends a statement when nothing is in flight, and works with its result.
    pub(super) async fn alone(&mut self, statement: Statement, script: &mut AnyScript) -> Result<(), Broken> {
        (self.fed, self.unread, self.data) = (0, 0, None);
        self.once_copies = false;
        if let Then::Show { to, .. } = &statement.then {
            self.once = self.open_outlet(to, &problems::place_of(&statement.place))?;
        }
        self.widen(&statement.then);
        self.queue(statement.clone())?;
        self.flush().await?;
        let mut settled = self.settle(0, Some(script)).await;
        if std::mem::take(&mut self.too_large) && settled.is_ok() {
            settled = Err(super::follow::too_large(&statement));
        }
        let ended = self.end_once(settled.is_err()).await;
        let settled = settled.and(ended);
        self.widen(&Then::PLAIN);
        match settled {
            Ok(()) => self.follow(&statement, script),
            Err(broken) => {
                let copies = statement.kind.each().iter();
                let copies = copies.filter(|kind| matches!(kind, Kind::CopyFromStdin { .. })).count();
                self.unread = if statement.file.is_some() { 0 } else { copies.saturating_sub(self.fed) };
                script.settled(self.outcome.take().as_ref());
                Err(broken)
            }
        }
    }

    /// Queues a statement; answers are awaited when the window is full.
    async fn send(&mut self, statement: Statement) -> Result<(), Broken> {
        self.queue(statement)?;
        if self.flight.len() >= WINDOW || self.flight_bytes >= WINDOW_BYTES {
            self.flush().await?;
            self.settle(WINDOW / 2, None).await?;
        }
        Ok(())
    }

    fn queue(&mut self, statement: Statement) -> Result<(), Broken> {
        if let Some(interruption) = self.interruption_now() {
            return Err(self.interruption(interruption));
        }
        add(&mut self.digest, &statement);
        let queued = match &statement.bind {
            None => self.work.queue_simple(&statement.text),
            Some(values) => self.work.queue_with_values(&statement.text, values),
        };
        queued.map_err(|error| self.broken(error))?;
        self.flight_bytes += statement.text.len();
        self.flight.push_back(statement);
        if self.flight.len() == 1 {
            self.show();
        }
        Ok(())
    }

    /// Shows the statement that the server works on to those who look on.
    fn show(&self) {
        if self.attention.doing.receiver_count() == 0 {
            return;
        }
        let doing = self.flight.front().map(|statement| Doing {
            pid: self.work.pid(),
            file: std::sync::Arc::clone(&statement.place.file),
            line: statement.place.line,
            column: statement.place.column,
            number: self.tally.statements + 1,
            rows: self.tally.rows,
            since: jiff::Timestamp::now(),
        });
        self.attention.doing.send_replace(doing);
    }

    /// Waits until nothing is in flight.
    ///
    /// # Errors
    /// As [`Self::all`].
    pub async fn drain(&mut self) -> Result<(), Broken> {
        if self.flight.is_empty() {
            return Ok(());
        }
        self.flush().await?;
        self.settle(0, None).await
    }

    /// Receives until at most `left` statements are in flight.
    async fn settle(&mut self, left: usize, mut script: Option<&mut AnyScript>) -> Result<(), Broken> {
        let mut failed: Option<Broken> = None;
        while self.flight.len() > left || (failed.is_some() && !self.flight.is_empty()) {
            match self.reply().await? {
                Reply::RowDescription(columns) => self.columns(columns),
                Reply::DataRow(row) => self.row(&row),
                Reply::Complete { tag } => {
                    self.complete(&tag);
                    self.tally.statements += 1;
                    self.tally.went_back |= tag == "ROLLBACK";
                    self.tally.rows += affected(&tag);
                    self.attention.gauge.answered(affected(&tag));
                    if let Err(broken) = self.copy_out_done(affected(&tag)) {
                        failed.get_or_insert(broken);
                    }
                }
                Reply::Empty => self.complete(""),
                Reply::Notice(notice) => self.notice(&notice),
                Reply::Error(error) => {
                    self.answer = Answer::default();
                    self.gave_rows = false;
                    if error.ends_session() {
                        return Err(Broken::Lost(PgError::Server(Box::new(error))));
                    }
                    if failed.is_none() {
                        failed = Some(self.refused(&error));
                        self.outcome =
                            Some(Outcome::Failed { sqlstate: error.sqlstate, message: error.message });
                    }
                }
                Reply::CopyIn => match script.as_deref_mut() {
                    Some(_) if self.flight.front().is_some_and(|s| s.bind.is_some()) => {
                        self.work.copy_fail("COPY goes without \\bind").map_err(|e| self.broken(e))?;
                        self.work.sync_again().map_err(|e| self.broken(e))?;
                        self.flush().await?;
                    }
                    Some(script) => {
                        if let Err(broken) = self.copy_in(script).await {
                            failed.get_or_insert(broken);
                        }
                    }
                    None => {
                        self.work.copy_fail("COPY data was not expected here").map_err(|e| self.broken(e))?;
                        self.flush().await?;
                    }
                },
                Reply::CopyOut => {
                    self.gave_rows = true;
                    if let Err(broken) = self.copy_out() {
                        failed.get_or_insert(broken);
                        self.cancel_running().await;
                    }
                }
                Reply::CopyData(bytes) => {
                    if let Err(broken) = self.copied_out(&bytes) {
                        failed.get_or_insert(broken);
                        self.cancel_running().await;
                    }
                }
                Reply::Ready(status) => {
                    self.answered();
                    self.writing = None;
                    if let Some(statement) = self.flight.pop_front() {
                        self.flight_bytes = self.flight_bytes.saturating_sub(statement.text.len());
                    }
                    self.show();
                    tracing::trace!(?status, "ready");
                }
                _ => {}
            }
            if let Err(broken) = self.pour().await {
                failed.get_or_insert(broken);
                self.cancel_running().await;
            }
        }
        match failed {
            Some(broken) => Err(broken),
            None => Ok(()),
        }
    }
}

//! One unit in one transaction: begun, recorded in the ledger, committed, and known.
//!
//! ```text
//!   J1 started → BEGIN, nonce → statements → epilogue → checkpoints → ledger row → J2 commit intent
//!      → COMMIT → J3 applied
//! ```
//!
//! J is a durable line of the journal. Whatever line the program dies after, the ledger row says what
//! became of the unit: it is committed with the work or not at all.

use std::time::{Duration, Instant};

use super::conductor::Conductor;
use super::control::is_lost;
use super::heard::Broken;
use super::in_the_way::who_is_in_the_way;
use super::problems::{self, DEADLOCK, LOCK_NOT_AVAILABLE};
use super::sources::Source;
use super::stop::Stop;
use super::stream::Tally;
use super::surroundings::surroundings_of;
use crate::crash;
use crate::pg::Completed;
use crate::pg::PgError;
use crate::pg::Session;
use crate::pg::TransactionStatus;
use crate::pg::ledger::{entry, fence, identifier, literal};
use crate::pg::measure::MeasureError;
use crate::pg::touched::{self, Footprint};
use crate::plan::model::Step;
use crate::run::event::{AppliedHow, Event, Problem, Touched, Unit, When};
use crate::script::Statement;

/// What is to be applied in one transaction.
#[derive(Debug)]
pub struct Job<'a> {
    pub unit: Unit,
    /// The step whose keys apply; for an undo, the rollback's own.
    pub step: &'a Step,
    pub source: &'a Source,
    /// Evaluate the step's checkpoints before COMMIT.
    pub verify: bool,
    /// Names of what is there before, when the step says what it adds.
    pub before: Option<&'a super::baseline::Before>,
}

/// What became of a unit.
#[derive(Debug)]
pub enum Outcome {
    Applied,
    /// Nothing of it is applied.
    Failed(Problem),
}

/// Why an open transaction isn't committed.
pub(super) enum Abandon {
    /// The work failed.
    Broken(Broken),
    /// A checkpoint before COMMIT failed.
    Unverified(Problem),
    Stop(Stop),
}

impl From<Broken> for Abandon {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl From<Stop> for Abandon {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

/// What a transaction is about to commit.
pub(super) struct Ready {
    pub tally: Tally,
    pub touched: Vec<Touched>,
}

impl Conductor {
    /// Applies a unit, trying again (bounded, with jitter) when a lock wasn't to be had in time.
    ///
    /// # Errors
    /// [`Stop`] when the run can't go on at all.
    pub async fn apply(&mut self, job: &Job<'_>) -> Result<Outcome, Stop> {
        let mut attempt = 1;
        loop {
            self.attention.begin_work();
            let mut work = self.open_work(job.step).await?;
            let began = Instant::now();
            self.record(Event::UnitStarted {
                unit: job.unit.clone(),
                attempt,
                pid: work.session.pid(),
                backend_start: work.backend_start.clone(),
                source: job.source.reference(),
            })
            .await?;
            crash::point("after-started");
            let nonce = uuid::Uuid::now_v7().simple().to_string();
            let mut blockers = Vec::new();
            // A shell command isn't run again without being asked.
            let mut shelled = false;
            let result = self.transact(job, &mut work.session, &nonce, &mut blockers, &mut shelled).await;
            let ready = match result {
                Ok(ready) => ready,
                Err(abandon) => {
                    self.unsaved.clear();
                    let lost = match &abandon {
                        Abandon::Broken(broken) => self.undo_after(broken, &mut work.session).await,
                        _ => self.abort(&mut work.session).await,
                    };
                    let (mut problem, again) = match abandon {
                        Abandon::Stop(stop) => return Err(stop),
                        Abandon::Unverified(problem) => (problem, false),
                        Abandon::Broken(broken) => {
                            let again = matches!(&broken, Broken::Server { sqlstate, .. }
                                if sqlstate == LOCK_NOT_AVAILABLE || sqlstate == DEADLOCK);
                            if let Broken::Interrupted(why, problem) = broken {
                                return self.interrupted(&job.unit, why, *problem).await.map(Outcome::Failed);
                            }
                            (broken.problem(), again)
                        }
                    };
                    if again && attempt <= job.step.lock_retries && lost.is_none() && !shelled {
                        let pause = pause(attempt);
                        self.record(Event::LockRetry {
                            unit: job.unit.clone(),
                            attempt,
                            of: job.step.lock_retries,
                            pause_ms: u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                            place: problem.place.clone(),
                            blockers: blockers.clone(),
                        })
                        .await?;
                        work.session.close().await;
                        if !self.pause(pause).await? {
                            self.clear_the_way(job.step, &blockers).await?;
                            attempt += 1;
                            continue;
                        }
                        problem.message = format!("{}; cancelled before the next try", problem.message);
                    }
                    who_is_in_the_way(job.step, &blockers, &mut problem);
                    return self.failed(&job.unit, problem, lost).await;
                }
            };
            return self.commit(job, work.session, ready, began).await;
        }
    }

    /// Everything from BEGIN to the ledger row.
    async fn transact(
        &mut self,
        job: &Job<'_>,
        work: &mut Session,
        nonce: &str,
        blockers: &mut Vec<crate::run::event::Blocker>,
        shelled: &mut bool,
    ) -> Result<Ready, Abandon> {
        let lost = Broken::Lost;
        self.unsaved.clear();
        self.count_before(work).await?;
        own(work, "BEGIN").await.map_err(lost)?;
        own(work, &set_nonce(nonce)).await.map_err(lost)?;
        if let Some(role) = &job.step.role {
            let sql = format!("SET LOCAL ROLE {}", identifier(role));
            own(work, &sql).await.map_err(|error| self.taking_role(role, error))?;
        }
        self.speak_as(work, job.step).await.map_err(|error| self.broke(error))?;
        let began = Instant::now();
        let running = self.attention.gauge.begin(&job.unit.step);
        let mut script = self.script(job.step, job.source).map_err(Abandon::Stop)?;
        script.variables_mut().surround(&surroundings_of(work));
        let ground = self.ground(job.step);
        let (streamed, tally, digest, written, passed) = {
            let mut stream = self.stream(work, job.step, &job.unit.step).inside(nonce).on(&ground);
            let streamed = stream.all(&mut script).await;
            blockers.clone_from(&stream.blockers);
            let passed = stream.passed.lines();
            *shelled = stream.shelled;
            (streamed, stream.tally.clone(), stream.digest(), stream.written, passed)
        };
        drop(running);
        self.says.tell_left_out(&job.unit.step);
        self.record_written(&job.unit, written).await?;
        streamed?;
        crash::point("after-statements");
        let deviation = |what| Event::Deviation { step: Some(job.unit.step.clone()), what };
        self.unsaved.extend(passed.into_iter().map(deviation));
        self.still_ours(work)?;
        self.epilogue(work).await?;
        let took = began.elapsed();
        if job.verify
            && !self
                .verify_script(job.step, &job.unit, Some(tally.warnings), took, When::BeforeCommit)
                .await?
        {
            let mut problem =
                problems::plain("the script didn't run as the plan expects: its warnings or its time");
            problem.hint = job.step.otherwise.clone();
            return Err(Abandon::Unverified(problem));
        }
        if job.verify {
            self.verify_in(work, job.step, &job.unit, job.before).await?;
        }
        self.seal(job.step, &job.unit, work, nonce, tally, &digest).await
    }

    /// What was touched, then the ledger row: the last thing in the transaction.
    pub(super) async fn seal(
        &mut self,
        _step: &Step,
        unit: &Unit,
        work: &mut Session,
        nonce: &str,
        tally: Tally,
        digest: &str,
    ) -> Result<Ready, Abandon> {
        // Whatever the file did to these, our own write mustn't depend on it; a role with
        // synchronous_commit off would lose a commit that was confirmed.
        own(
            work,
            "SET LOCAL search_path = ''; SET LOCAL row_security = off; SET LOCAL synchronous_commit = on",
        )
        .await
        .map_err(|error| self.broke(error))?;
        let mut touched = self.footprint(work).await?;
        touched.iter_mut().for_each(|of| of.at_most = tally.went_back && of.has_rows());
        let Some(epoch) = self.epoch else { return Ok(Ready { tally, touched }) };
        let replication = work
            .query("SELECT pg_catalog.current_setting('session_replication_role')", &[])
            .await
            .map_err(|error| self.broke(error))?;
        if replication.rows.first().and_then(|row| row.first()).and_then(Option::as_deref) != Some("origin") {
            own(work, "SET LOCAL session_replication_role = origin")
                .await
                .map_err(|error| self.broke(error))?;
        }
        let head = self.recorder.head();
        let sql = entry::Entry {
            run: &self.run,
            unit,
            epoch,
            nonce,
            statements: tally.statements,
            digest,
            head: &head,
        }
        .sql();
        if let Err(error) = own(work, &sql).await {
            if matches!(error.sqlstate(), Some(entry::STALE_EPOCH | entry::SERIALIZATION)) {
                // Not this step's failure: the run isn't ours any more.
                return Err(Abandon::Stop(Stop::LockLost(error.to_string())));
            }
            return Err(self.ledger_refused(error).into());
        }
        crash::point("after-ledger");
        Ok(Ready { tally, touched })
    }

    /// What the server says that this transaction wrote or changed.
    async fn footprint(&mut self, work: &mut Session) -> Result<Vec<Touched>, Abandon> {
        let before = self.counted_before.take().unwrap_or_default();
        let footprint = async {
            let mut footprint = Footprint::take(work, &before).await?;
            footprint.name_dropped(&mut self.look).await?;
            Ok::<_, MeasureError>(footprint)
        };
        match footprint.await {
            Ok(footprint) => Ok(footprint.touched()),
            Err(MeasureError::Pg(error)) => Err(self.broke(error).into()),
            Err(error) => Err(Broken::Script(Box::new(problems::plain(error.to_string()))).into()),
        }
    }

    /// Remembers the counters of the session, so that a transaction's own can be told apart.
    pub(super) async fn count_before(&mut self, work: &mut Session) -> Result<(), Broken> {
        match touched::before(work).await {
            Ok(before) => self.counted_before = Some(before),
            Err(MeasureError::Pg(error)) => return Err(self.broke(error)),
            Err(error) => return Err(Broken::Script(Box::new(problems::plain(error.to_string())))),
        }
        Ok(())
    }

    /// J2, COMMIT, J3.
    async fn commit(
        &mut self,
        job: &Job<'_>,
        mut work: Session,
        ready: Ready,
        began: Instant,
    ) -> Result<Outcome, Stop> {
        match self.commit_as(&job.unit, &mut work, (&marked("COMMIT"), None), ready, began).await? {
            Outcome::Applied => {
                for saved in std::mem::take(&mut self.unsaved) {
                    self.record(saved).await?;
                }
                work.close().await;
                Ok(Outcome::Applied)
            }
            failed => {
                self.unsaved.clear();
                Ok(failed)
            }
        }
    }

    /// Commits what is sealed, with the words of the file's own statement or ours.
    pub(super) async fn commit_as(
        &mut self,
        unit: &Unit,
        work: &mut Session,
        (words, of): (&str, Option<&Statement>),
        ready: Ready,
        began: Instant,
    ) -> Result<Outcome, Stop> {
        let xid =
            work.query("SELECT pg_catalog.txid_current_if_assigned()", &[]).await.ok().and_then(|rows| {
                rows.rows.into_iter().next().and_then(|row| row.into_iter().next().flatten())
            });
        if work.transaction() != TransactionStatus::InTransaction {
            let problem = problems::plain("the transaction is no longer open or has failed");
            let lost = self.abort(work).await;
            return self.failed(unit, problem, lost).await;
        }
        if let Some(interruption) = self.attention.standing() {
            self.abort(work).await;
            let problem = problems::plain("stopped before COMMIT");
            return self.interrupted(unit, interruption, problem).await.map(Outcome::Failed);
        }
        if let Err(stop) = self.record(Event::CommitIntent { unit: unit.clone(), xid }).await {
            // The journal doesn't know of a COMMIT, so there must be none.
            self.abort(work).await;
            return Err(stop);
        }
        crash::point("after-commit-intent");
        // COMMIT travels alone, and only the server's own word completes it: COMMIT of a failed
        // transaction answers success too, with the tag ROLLBACK.
        match work.batch(words).await {
            Ok(done) => {
                let tag = done.last().map(|done| done.tag.clone()).unwrap_or_default();
                if tag != "COMMIT" || work.transaction() != TransactionStatus::Idle {
                    let problem = problems::plain(format!(
                        "COMMIT was answered with {tag}: the server undid the transaction"
                    ));
                    let lost = self.abort(work).await;
                    return self.failed(unit, problem, lost).await;
                }
            }
            Err(error) if is_lost(&error) => {
                tracing::error!(%error, "connection lost in COMMIT");
                return self.reconcile_commit(unit, &error).await;
            }
            Err(error) => {
                let problem = problems::at_commit(self.said_of(&error, of));
                let lost = self.abort(work).await;
                return self.failed(unit, problem, lost).await;
            }
        }
        crash::point("after-commit");
        self.record(Event::UnitApplied {
            unit: unit.clone(),
            how: AppliedHow::Confirmed,
            statements: ready.tally.statements,
            rows: ready.tally.rows,
            warnings: ready.tally.warnings,
            elapsed_ms: millis(began.elapsed()),
            touched: ready.touched,
        })
        .await?;
        crash::point("after-applied");
        Ok(Outcome::Applied)
    }

    /// Deferred failures show here, where statement_timeout bounds them and nothing is decided yet;
    /// then the session is itself again.
    pub(super) async fn epilogue(&mut self, work: &mut Session) -> Result<(), Abandon> {
        for sql in [
            "SET CONSTRAINTS ALL IMMEDIATE",
            "SET LOCAL SESSION AUTHORIZATION DEFAULT",
            "SET LOCAL ROLE NONE",
        ] {
            if let Err(error) = own(work, sql).await {
                return Err(match self.broke(error) {
                    Broken::Server { problem, sqlstate } => {
                        Broken::Server { problem: Box::new(problems::at_commit(*problem)), sqlstate }
                    }
                    broken => broken,
                }
                .into());
            }
        }
        // What we write ourselves is UTF-8, whatever the file's encoding is.
        if work.parameter("client_encoding") != Some("UTF8") {
            own(work, "SET LOCAL client_encoding = 'UTF8'").await.map_err(|error| self.broke(error))?;
        }
        Ok(())
    }

    /// The file had a COMMIT or ROLLBACK of its own when our transaction isn't open any more.
    pub(super) fn still_ours(&self, work: &Session) -> Result<(), Abandon> {
        if work.transaction() == TransactionStatus::InTransaction {
            return Ok(());
        }
        let mut problem = problems::plain("the file ended the transaction that this step runs in");
        problem.consequence = Some(
            "what stood before its COMMIT is committed and isn't recorded: look at the database before going on"
                .into(),
        );
        problem.hint = Some("give the step transaction = \"script\", or take COMMIT out of the file".into());
        Err(Broken::Script(Box::new(problem)).into())
    }

    /// A fresh work session: settings, search_path and temporary objects of the file before must not
    /// leak into the next.
    pub(super) async fn open_work(&mut self, step: &Step) -> Result<Work, Stop> {
        let mut session = Session::connect(&self.target, "work").await?;
        let rows = session.query(fence::BACKEND_START, &[]).await?;
        let backend_start =
            rows.rows.into_iter().next().and_then(|row| row.into_iter().next().flatten()).unwrap_or_default();
        let timeout = literal(&format!("{}ms", step.lock_timeout.as_millis()));
        own(&mut session, &format!("SET lock_timeout = {timeout}")).await?;
        if let Some(epoch) = self.epoch {
            let mut control = self.control.session().await;
            fence::note_backend(&mut control, &self.run, epoch, session.pid(), &backend_start).await?;
        }
        Ok(Work { session, backend_start, epoch: self.epoch })
    }

    /// What the step's files are written in, the session takes too, as psql does it for PGCLIENTENCODING.
    pub(super) async fn speak_as(&self, work: &mut Session, step: &Step) -> Result<(), PgError> {
        let Some(encoding) = &step.encoding else { return Ok(()) };
        own(work, &format!("SET client_encoding = {}", literal(encoding))).await.map(drop)
    }
}

/// A work session and when its backend began: a process id alone may be used again.
#[derive(Debug)]
pub struct Work {
    pub session: Session,
    pub backend_start: String,
    /// Taking the fence ends the sessions of older epochs, our own too.
    pub epoch: Option<i64>,
}

/// The engine's own SQL on the work session, with a mark: the server's log tells it from the file's.
#[must_use]
pub fn marked(sql: &str) -> String {
    format!("/* holdpoint */ {sql}")
}

/// Sends SQL of the engine's own.
///
/// # Errors
/// When the server refuses it or is gone.
pub async fn own(work: &mut Session, sql: &str) -> Result<Vec<Completed>, PgError> {
    work.batch(&marked(sql)).await
}

/// The statement that marks the unit's own transaction.
#[must_use]
pub fn set_nonce(nonce: &str) -> String {
    format!("SET LOCAL holdpoint.tx = {}", literal(nonce))
}

/// When its checkpoints run, as events have it.
#[must_use]
pub fn when(before_commit: bool) -> When {
    if before_commit { When::BeforeCommit } else { When::AfterCommit }
}

/// Longer with each attempt, and never the same for two runners.
pub(super) fn pause(attempt: u32) -> Duration {
    let base = 250_u64.saturating_mul(1 << attempt.min(5));
    let jitter = rand::random_range(0..=base / 2);
    Duration::from_millis(base + jitter)
}

/// Milliseconds, as events have them.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

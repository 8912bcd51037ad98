//! Scripts whose statements are committed one by one, and statements outside of transactions.
//!
//! `transaction = "none"`: each statement is a unit with its own transaction and ledger row; only what
//! PostgreSQL forbids in a transaction runs bare, between an intent row and a result row, with a probe
//! of the state before and after. `transaction = "script"`: the file's own BEGIN … COMMIT are units, and
//! the ledger row goes in before each COMMIT.
//!
//! A statement's identity is its file and byte range. What is applied already is skipped on resume;
//! settings of the session (SET) are made again on the way.

use std::time::Instant;

use super::conductor::Conductor;
use super::follow::{Next, reconnects, skip_data};
use super::outlet::Outlet;
use super::problems::{self, DEADLOCK, LOCK_NOT_AVAILABLE};
use super::reentry::{Live, SESSION, can_be_repeated, identity};
use super::sources::{AnyScript, Source};
use super::stop::Stop;
use super::stream::{Broken, Stream};
use super::surroundings::{read_as, surroundings_of};
use super::unit::{Abandon, Outcome, Work, marked, own, set_nonce};
use crate::crash;
use crate::pg::TransactionStatus;
use crate::pg::ledger::identifier;
use crate::plan::model::{OnFailure, Step, Transaction};
use crate::run::event::{Event, Problem, SourceRef, Unit};
use crate::run::state::UnitPhase;
use crate::script::{
    Item, Kind, Outcome as Ended, Session as SessionKind, Statement, Switch, Then, Transaction as Control,
    executes_prepared,
};

/// A file on its way through the work session.
pub(super) struct Passage<'a> {
    pub step: &'a Step,
    pub source: &'a Source,
    pub work: Work,
    pub script: AnyScript,
    /// Statements that were applied before a stop and are skipped now.
    skipped: u64,
    /// COPYs of the statement that failed whose data nobody took.
    pub unread: usize,
    /// What comes before the script's next item.
    pub next: std::collections::VecDeque<Next>,
    /// `\o`: where results go.
    pub outlet: Option<Outlet>,
    /// The unit that ran last.
    pub last: Option<Unit>,
}

/// What an open transaction of the file collects.
pub(super) struct Open {
    pub unit: Unit,
    nonce: String,
    began: Instant,
    /// It was committed before a stop, or failed and was passed over: everything up to its COMMIT is
    /// skipped.
    pub done: bool,
    tally: super::stream::Tally,
    digest: String,
    /// Errors in it that the script passed over.
    passed: Vec<String>,
    /// The one that has broken it.
    failed: Option<Problem>,
}

impl Open {
    /// One of which nothing is to be done any more.
    fn to_skip(unit: Unit) -> Self {
        Self {
            unit,
            nonce: String::new(),
            began: Instant::now(),
            done: true,
            tally: super::stream::Tally::default(),
            digest: String::new(),
            passed: Vec::new(),
            failed: None,
        }
    }
}

impl Conductor {
    /// Runs a script statement by statement. When its session was lost in a COMMIT that turned out to be
    /// done, the script is entered anew, as after a stop.
    pub(super) async fn run_statements(
        &mut self,
        step: &Step,
        whole: &Unit,
        source: &Source,
    ) -> Result<Result<(), Problem>, Stop> {
        loop {
            if let Some(result) = self.pass_through(step, whole, source).await? {
                return Ok(result);
            }
        }
    }

    /// `None`: the session is gone, and everything that was sent is known to be applied.
    async fn pass_through(
        &mut self,
        step: &Step,
        whole: &Unit,
        source: &Source,
    ) -> Result<Option<Result<(), Problem>>, Stop> {
        if let Some(live) = self.lives_in_session(step, whole, source)? {
            self.half_applied(step, &live).await?;
        }
        let _running = self.attention.gauge.begin(&step.id);
        let mut script = self.script(step, source)?;
        self.attention.begin_work();
        let work = match self.open_as(step).await? {
            Ok(work) => work,
            Err(problem) => return Ok(Some(Err(problem))),
        };
        script.variables_mut().surround(&surroundings_of(&work.session));
        let mut passage = Passage {
            step,
            source,
            work,
            script,
            skipped: 0,
            unread: 0,
            next: std::collections::VecDeque::new(),
            outlet: None,
            last: None,
        };
        let mut open: Option<Open> = None;
        loop {
            read_as(&mut passage.script, &passage.work.session);
            let next = match passage.next.pop_front() {
                Some(Next::Statement(made)) => Ok(Some(Item::Statement(*made))),
                Some(Next::Outcome(outcome)) => {
                    passage.script.settled(Some(&outcome));
                    continue;
                }
                Some(Next::Release) => {
                    self.release(&mut passage.work.session).await?;
                    continue;
                }
                None => passage.script.next_item(),
            };
            let item = match next {
                Ok(item) => item,
                Err(error) => {
                    let problem = problems::of_script(&error);
                    return self.break_off(&mut passage, open, problem).await.map(Some);
                }
            };
            let statement = match item {
                None => break,
                Some(Item::Statement(statement)) => statement,
                Some(Item::Notice { text, .. }) => {
                    self.says.say(&step.id, &text);
                    continue;
                }
                Some(
                    item @ (Item::Echo { .. }
                    | Item::Shell { .. }
                    | Item::Backticks { .. }
                    | Item::Output { .. }),
                ) => {
                    if let Err(broken) = self.beside(&mut passage, Some(item)).await? {
                        return self.break_beside(&mut passage, open, broken).await.map(Some);
                    }
                    continue;
                }
                Some(Item::Settle) => {
                    passage.script.settled(None);
                    continue;
                }
                Some(Item::Switched { .. }) => continue,
                Some(Item::Connect { place, .. }) => {
                    if open.is_some() {
                        let problem = reconnects(&place);
                        return self.break_off(&mut passage, open, problem).await.map(Some);
                    }
                    match self.open_as(step).await? {
                        Ok(work) => std::mem::replace(&mut passage.work, work).session.close().await,
                        Err(problem) => return Ok(Some(Err(problem))),
                    }
                    passage.script.variables_mut().surround(&surroundings_of(&passage.work.session));
                    continue;
                }
            };
            passage.unread = 0;
            let commits = commits(&statement.kind);
            let begun = open.as_ref().map(|open| open.unit.clone());
            let begins = matches!(statement.kind, Kind::Transaction(Control::Begin))
                .then(|| Unit { unit: identity(whole, &statement), ..whole.clone() });
            let result = match open.take() {
                Some(transaction) => self.inside(&mut passage, transaction, statement, &mut open).await?,
                None => self.outside(&mut passage, whole, statement, &mut open).await?,
            };
            if let Err(problem) = result {
                if !passes_over(&passage, &problem) {
                    return Ok(Some(Err(problem)));
                }
                let outcome = Ended::Failed {
                    sqlstate: problem.sqlstate.clone().unwrap_or_default(),
                    message: problem.message.clone(),
                };
                passage.script.settled(Some(&outcome));
                let unread = std::mem::take(&mut passage.unread);
                if let Err(broken) = skip_data(&mut passage.script, unread) {
                    return Ok(Some(Err(broken.problem())));
                }
                self.pass_over(whole, &problem).await?;
                // The rest of a block that failed belongs to it.
                open = begun.or(begins).filter(|_| !commits).map(Open::to_skip);
            }
            if passage.work.epoch != self.epoch {
                return Ok(None);
            }
        }
        if open.as_ref().is_some_and(|open| !open.done) {
            let problem = problems::plain("the file ends inside a transaction: its COMMIT is missing");
            return self.break_off(&mut passage, open, problem).await.map(Some);
        }
        if let Err(broken) = self.beside(&mut passage, None).await? {
            return Ok(Some(Err(broken.problem())));
        }
        passage.work.session.close().await;
        Ok(Some(Ok(())))
    }

    /// A new session in the step's role.
    async fn open_as(&mut self, step: &Step) -> Result<Result<Work, Problem>, Stop> {
        let mut work = self.open_work(step).await?;
        if let Some(role) = &step.role {
            // For the session: what runs outside of transactions has no SET LOCAL.
            let sql = format!("SET ROLE {}", identifier(role));
            if let Err(error) = own(&mut work.session, &sql).await {
                return match self.taking_role(role, error) {
                    Broken::Lost(error) => Err(error.into()),
                    broken => Ok(Err(broken.problem())),
                };
            }
        }
        Ok(Ok(work))
    }

    /// The file can't be gone on with; a transaction of its that is open is undone.
    async fn break_off(
        &mut self,
        passage: &mut Passage<'_>,
        open: Option<Open>,
        problem: Problem,
    ) -> Result<Result<(), Problem>, Stop> {
        match open {
            Some(open) if !open.done => {
                let unit = open.unit.clone();
                self.give_up(passage, &unit, Broken::Script(Box::new(problem))).await
            }
            _ => Ok(Err(problem)),
        }
    }

    /// The plan goes on with the next statement; the failure is in the evidence.
    async fn pass_over(&mut self, whole: &Unit, problem: &Problem) -> Result<(), Stop> {
        let failed = self.recorder.look(|run| {
            let step = run.step(&whole.step)?;
            let last = step.units_of(whole.direction).last()?;
            (last.phase == UnitPhase::Failed && !last.passed_over).then(|| last.unit.clone())
        });
        if let Some(unit) = failed {
            self.record(Event::UnitPassedOver { unit }).await?;
        }
        let what = format!("{}; the plan goes on with the next statement", problem.message);
        self.record(Event::Deviation { step: Some(whole.step.clone()), what }).await
    }

    /// psql's own savepoint around a `\gexec` goes when all that it made is done.
    async fn release(&mut self, work: &mut crate::pg::Session) -> Result<(), Stop> {
        if work.transaction() == TransactionStatus::InTransaction {
            work.batch(&super::follow::release()).await?;
        }
        Ok(())
    }

    /// Errors that the script said to pass over, in what is committed now.
    pub(super) async fn deviate(&mut self, step: &str, lines: Vec<String>) -> Result<(), Stop> {
        for what in lines {
            self.record(Event::Deviation { step: Some(step.to_owned()), what }).await?;
        }
        Ok(())
    }

    /// A statement outside of the file's own transactions.
    async fn outside(
        &mut self,
        passage: &mut Passage<'_>,
        whole: &Unit,
        statement: Statement,
        open: &mut Option<Open>,
    ) -> Result<Result<(), Problem>, Stop> {
        let unit = Unit { unit: identity(whole, &statement), ..whole.clone() };
        match &statement.kind {
            Kind::Empty => return Ok(Ok(())),
            Kind::Transaction(Control::Begin) if passage.step.transaction == Transaction::Script => {
                return self.begin(passage, unit, statement, open).await;
            }
            kind if kind.is_transaction_control() => {
                let mut problem = problems::plain(match passage.step.transaction {
                    Transaction::Script => "this isn't inside a transaction that the file began",
                    _ => "the file controls transactions by itself",
                });
                problem.place = Some(problems::place_of(&statement.place));
                problem.hint =
                    Some("transaction = \"script\" is for files with their own BEGIN … COMMIT".into());
                return Ok(Err(problem));
            }
            // EXECUTE does work, and is recorded like any other.
            Kind::Session(SessionKind::Prepared) if executes_prepared(&statement.text) => {}
            Kind::Session(kind) => {
                if passage.skipped > 0 && !can_be_repeated(kind) {
                    let live = Live { place: statement.place, what: SESSION };
                    self.half_applied(passage.step, &live).await?;
                    return Ok(Ok(()));
                }
                return self.aside(passage, statement).await;
            }
            _ => {}
        }
        if self.is_behind(&unit) {
            passage.skipped += 1;
            return self.pass_by(passage, &statement);
        }
        // It isn't run, so there is nothing to record.
        if statement.then == Then::Describe {
            return self.aside(passage, statement).await;
        }
        if statement.kind.forbidden_in_transaction() {
            return self.run_bare(passage, unit, statement).await;
        }
        self.run_alone(passage, unit, statement).await
    }

    /// A statement of the session (SET, …): it isn't recorded, and made again on every entry.
    async fn aside(
        &mut self,
        passage: &mut Passage<'_>,
        statement: Statement,
    ) -> Result<Result<(), Problem>, Stop> {
        let step = passage.step;
        let says = self.says.clone();
        let of = step.id.clone();
        let mut say = move |line: &str| says.say(&of, line);
        let mut stream = Stream::new(
            &mut passage.work.session,
            &mut self.attention,
            &mut self.look,
            self.disclosure,
            step.lock_timeout,
            &mut say,
        );
        stream.outlet = passage.outlet.take();
        let sent = stream.one(statement, &mut passage.script).await;
        let made = std::mem::take(&mut stream.next);
        passage.unread = stream.unread;
        passage.outlet = stream.outlet.take();
        match sent {
            Ok(()) => {
                passage.next.extend(made);
                Ok(Ok(()))
            }
            Err(Broken::Lost(error)) => Err(error.into()),
            Err(broken) => Ok(Err(broken.problem())),
        }
    }

    /// One statement in a transaction of its own.
    async fn run_alone(
        &mut self,
        passage: &mut Passage<'_>,
        unit: Unit,
        statement: Statement,
    ) -> Result<Result<(), Problem>, Stop> {
        let mut attempt = 1;
        loop {
            self.attention.begin_work();
            let began = Instant::now();
            self.unit_started(passage, &unit, attempt, &statement).await?;
            crash::point("after-started");
            let nonce = uuid::Uuid::now_v7().simple().to_string();
            let mut blockers = Vec::new();
            let step = passage.step;
            let sealed = self.alone(passage, &unit, &statement, &nonce, &mut blockers).await;
            let ready = match sealed {
                Ok(ready) => ready,
                Err(abandon) => {
                    let broken = match abandon {
                        Abandon::Stop(stop) => {
                            self.abort(&mut passage.work.session).await;
                            return Err(stop);
                        }
                        Abandon::Unverified(problem) => Broken::Script(Box::new(problem)),
                        Abandon::Broken(broken) => broken,
                    };
                    let lost = self.undo_after(&broken, &mut passage.work.session).await;
                    let again = matches!(&broken, Broken::Server { sqlstate, .. }
                        if sqlstate == LOCK_NOT_AVAILABLE || sqlstate == DEADLOCK);
                    if let Broken::Interrupted(why, problem) = broken {
                        return self.interrupted(&unit, why, *problem).await.map(Err);
                    }
                    let problem = broken.problem();
                    let repeatable = again && lost.is_none() && !statement.kind.copies_from_stdin();
                    if repeatable && attempt <= step.lock_retries {
                        self.lock_retry(&unit, attempt, step.lock_retries, &problem, blockers).await?;
                        attempt += 1;
                        continue;
                    }
                    return match self.failed(&unit, problem, lost).await? {
                        Outcome::Failed(problem) => Ok(Err(problem)),
                        Outcome::Applied => Ok(Ok(())),
                    };
                }
            };
            return match self
                .commit_as(&unit, &mut passage.work.session, &marked("COMMIT"), ready, began)
                .await?
            {
                Outcome::Applied => Ok(Ok(())),
                Outcome::Failed(problem) => Ok(Err(problem)),
            };
        }
    }

    async fn alone(
        &mut self,
        passage: &mut Passage<'_>,
        unit: &Unit,
        statement: &Statement,
        nonce: &str,
        blockers: &mut Vec<crate::run::event::Blocker>,
    ) -> Result<super::unit::Ready, Abandon> {
        let lost = Broken::Lost;
        self.count_before(&mut passage.work.session).await?;
        own(&mut passage.work.session, "BEGIN").await.map_err(lost)?;
        own(&mut passage.work.session, &set_nonce(nonce)).await.map_err(lost)?;
        let ground = self.ground();
        let (sent, tally, digest, written, made) = {
            let says = self.says.clone();
            let of = unit.step.clone();
            let mut say = move |line: &str| says.say(&of, line);
            let mut stream = Stream::new(
                &mut passage.work.session,
                &mut self.attention,
                &mut self.look,
                self.disclosure,
                passage.step.lock_timeout,
                &mut say,
            )
            .inside(nonce)
            .on(&ground);
            stream.outlet = passage.outlet.take();
            let sent = stream.one(statement.clone(), &mut passage.script).await;
            blockers.clone_from(&stream.blockers);
            passage.unread = stream.unread;
            passage.outlet = stream.outlet.take();
            let made = std::mem::take(&mut stream.next);
            (sent, stream.tally.clone(), stream.digest(), stream.written, made)
        };
        self.record_written(unit, written).await?;
        sent?;
        passage.next.extend(made);
        crash::point("after-statements");
        self.still_ours(&passage.work.session)?;
        self.epilogue(&mut passage.work.session).await?;
        self.seal(passage.step, unit, &mut passage.work.session, nonce, tally, &digest).await
    }

    /// The file begins a transaction.
    async fn begin(
        &mut self,
        passage: &mut Passage<'_>,
        unit: Unit,
        statement: Statement,
        open: &mut Option<Open>,
    ) -> Result<Result<(), Problem>, Stop> {
        let done = self.is_behind(&unit);
        let nonce = uuid::Uuid::now_v7().simple().to_string();
        if done {
            passage.skipped += 1;
        } else {
            self.attention.begin_work();
            self.unit_started(passage, &unit, 1, &statement).await?;
            crash::point("after-started");
            if let Err(broken) = self.count_before(&mut passage.work.session).await {
                return self.give_up(passage, &unit, broken).await;
            }
            for sql in [statement.text.clone(), marked(&set_nonce(&nonce))] {
                if let Err(error) = passage.work.session.batch(&sql).await {
                    let broken = self.broke(error);
                    return self.give_up(passage, &unit, broken).await;
                }
            }
        }
        *open = Some(Open { nonce, done, ..Open::to_skip(unit) });
        passage.script.settled(Some(&Ended::Done { rows: None }));
        Ok(Ok(()))
    }

    /// A statement inside a transaction of the file.
    async fn inside(
        &mut self,
        passage: &mut Passage<'_>,
        mut transaction: Open,
        statement: Statement,
        open: &mut Option<Open>,
    ) -> Result<Result<(), Problem>, Stop> {
        let commits = commits(&statement.kind);
        if transaction.done {
            if commits {
                return Ok(Ok(()));
            }
            // What the block set for the session is set again; what it did isn't done again.
            let skipped = if outlives_its_transaction(&statement.kind) {
                self.aside(passage, statement).await?
            } else {
                self.pass_by(passage, &statement)?
            };
            *open = Some(transaction);
            return Ok(skipped);
        }
        if commits {
            return self.commit_open(passage, transaction, &statement).await;
        }
        let unit = transaction.unit.clone();
        let ground = self.ground();
        let (result, tally, digest, written, made, passed) = {
            let says = self.says.clone();
            let of = unit.step.clone();
            let mut say = move |line: &str| says.say(&of, line);
            let mut stream = Stream::new(
                &mut passage.work.session,
                &mut self.attention,
                &mut self.look,
                self.disclosure,
                passage.step.lock_timeout,
                &mut say,
            )
            .inside(&transaction.nonce)
            .on(&ground);
            stream.outlet = passage.outlet.take();
            let result = if Stream::is_careful(&passage.script) {
                stream.careful(statement, &mut passage.script).await
            } else {
                stream.one(statement, &mut passage.script).await
            };
            passage.unread = stream.unread;
            passage.outlet = stream.outlet.take();
            let made = std::mem::take(&mut stream.next);
            let passed = std::mem::take(&mut stream.passed);
            (result, stream.tally.clone(), stream.digest(), stream.written, made, passed)
        };
        self.record_written(&unit, written).await?;
        if let Err(broken) = result {
            return self.give_up(passage, &unit, broken).await;
        }
        passage.next.extend(made);
        transaction.passed.extend(passed.lines());
        transaction.failed = match passage.work.session.transaction() {
            TransactionStatus::Failed => transaction.failed.or_else(|| passed.problems.into_iter().next()),
            _ => None,
        };
        transaction.tally.statements += tally.statements;
        transaction.tally.rows += tally.rows;
        transaction.tally.warnings += tally.warnings;
        transaction.digest = chained(&transaction.digest, &digest);
        *open = Some(transaction);
        Ok(Ok(()))
    }

    /// The file commits: the ledger row goes in first.
    async fn commit_open(
        &mut self,
        passage: &mut Passage<'_>,
        transaction: Open,
        statement: &Statement,
    ) -> Result<Result<(), Problem>, Stop> {
        let Open { unit, nonce, began, tally, digest, passed, failed, .. } = transaction;
        crash::point("after-statements");
        if let Some(problem) = failed {
            // COMMIT would undo it and call that a success.
            let broken = Broken::Server { problem: Box::new(problem), sqlstate: String::new() };
            return self.give_up(passage, &unit, broken).await;
        }
        let sealed = async {
            self.still_ours(&passage.work.session)?;
            self.epilogue(&mut passage.work.session).await?;
            self.seal(passage.step, &unit, &mut passage.work.session, &nonce, tally, &digest).await
        }
        .await;
        match sealed {
            Ok(ready) => {
                let words = &statement.text;
                match self.commit_as(&unit, &mut passage.work.session, words, ready, began).await? {
                    Outcome::Applied => {
                        passage.script.settled(Some(&Ended::Done { rows: None }));
                        self.deviate(&unit.step, passed).await?;
                        Ok(Ok(()))
                    }
                    Outcome::Failed(problem) => Ok(Err(problem)),
                }
            }
            Err(Abandon::Stop(stop)) => Err(stop),
            Err(Abandon::Unverified(problem)) => {
                self.give_up(passage, &unit, Broken::Script(Box::new(problem))).await
            }
            Err(Abandon::Broken(broken)) => self.give_up(passage, &unit, broken).await,
        }
    }

    pub(super) async fn give_up(
        &mut self,
        passage: &mut Passage<'_>,
        unit: &Unit,
        broken: Broken,
    ) -> Result<Result<(), Problem>, Stop> {
        let lost = self.undo_after(&broken, &mut passage.work.session).await;
        if let Broken::Interrupted(why, problem) = broken {
            return self.interrupted(unit, why, *problem).await.map(Err);
        }
        match self.failed(unit, broken.problem(), lost).await? {
            Outcome::Failed(problem) => Ok(Err(problem)),
            Outcome::Applied => Ok(Ok(())),
        }
    }

    pub(super) async fn unit_started(
        &mut self,
        passage: &mut Passage<'_>,
        unit: &Unit,
        attempt: u32,
        statement: &Statement,
    ) -> Result<(), Stop> {
        passage.last = Some(unit.clone());
        self.record(Event::UnitStarted {
            unit: unit.clone(),
            attempt,
            pid: passage.work.session.pid(),
            backend_start: passage.work.backend_start.clone(),
            source: part_of(passage.source, statement),
        })
        .await
    }
}

/// Whether the plan or the script says to go on behind this failure. A lock that holdpoint didn't wait for
/// isn't the script's error: psql would have waited.
fn passes_over(passage: &Passage<'_>, problem: &Problem) -> bool {
    if passage.step.on_failure == OnFailure::Continue {
        return true;
    }
    let ours = problem.sqlstate.as_deref().is_some_and(|s| s == LOCK_NOT_AVAILABLE || s == DEADLOCK);
    !ours && problem.sqlstate.is_some() && !passage.script.is_on(Switch::StopOnError)
}

pub(super) fn commits(kind: &Kind) -> bool {
    matches!(kind, Kind::Transaction(Control::Commit { .. }))
}

/// A setting that holds behind the COMMIT of its transaction.
fn outlives_its_transaction(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Session(
            SessionKind::Set { local: false, .. }
                | SessionKind::Reset { .. }
                | SessionKind::SetRole
                | SessionKind::SetSessionAuthorization
        )
    )
}

/// The part of the source that is one statement.
pub(super) fn part_of(source: &Source, statement: &Statement) -> SourceRef {
    let whole = source.reference();
    let file = statement.place.file.display().to_string();
    SourceRef {
        file,
        section: whole.section,
        line: statement.place.line,
        from: statement.place.span.start,
        to: statement.place.span.end,
        digest: whole.digest,
    }
}

fn chained(before: &str, digest: &str) -> String {
    use sha2::{Digest, Sha256};
    super::stream::hex(&Sha256::digest(format!("{before}{digest}")))
}

//! Scripts whose statements are committed one by one, and statements outside of transactions.
//!
//! `transaction = "none"`: each statement is a unit with its own transaction and ledger row; only what
//! PostgreSQL forbids in a transaction runs bare, between an intent row and a result row, with a probe
//! of the state before and after. `transaction = "script"`: the file's own BEGIN … COMMIT are units, and
//! the ledger row goes in before each COMMIT.
//!
//! A statement's identity is its file and byte range. What is applied already is skipped on resume;
//! settings of the session (SET) are made again on the way.

use super::block::Open;
use super::conductor::Conductor;
use super::follow::{Next, reconnects, skip_data};
use super::heard::Broken;
use super::passage::Passage;
use super::problems::{self, DEADLOCK, LOCK_NOT_AVAILABLE};
use super::reentry::{Live, SESSION, can_be_repeated, identity};
use super::sources::Source;
use super::stop::Stop;
use super::surroundings::{read_as, surroundings_of};
use super::unit::{Outcome, Work, own};
use crate::pg::TransactionStatus;
use crate::pg::ledger::identifier;
use crate::plan::model::{OnFailure, Step, Transaction};
use crate::run::event::{Event, Problem, SourceRef, Unit};
use crate::run::state::UnitPhase;
use crate::script::{
    Item, Kind, Outcome as Ended, Session as SessionKind, Statement, Switch, Then, Transaction as Control,
    executes_prepared,
};

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
            block: None,
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
            // With AUTOCOMMIT off psql begins one before whatever comes.
            let by_itself = open.is_none()
                && step.transaction == Transaction::Script
                && passage.script.begins_before(&statement);
            let begins = (by_itself || matches!(statement.kind, Kind::Transaction(Control::Begin)))
                .then(|| Unit { unit: identity(whole, &statement), ..whole.clone() });
            let result = match (open.take(), &begins) {
                (Some(transaction), _) => {
                    self.inside(&mut passage, transaction, statement, &mut open).await?
                }
                (None, Some(unit)) if by_itself => {
                    self.begin_for(&mut passage, unit.clone(), statement, &mut open).await?
                }
                (None, _) => self.outside(&mut passage, whole, statement, &mut open).await?,
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
                // The rest of a block that failed belongs to it.
                let block = begun.or(begins);
                self.pass_over(step, whole, &problem, block.is_some()).await?;
                open = block.filter(|_| !commits).map(Open::to_skip);
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
        match self.speak_as(&mut work.session, step).await {
            Ok(()) => {}
            Err(error) if error.is_lost() => return Err(error.into()),
            Err(error) => return Ok(Err(self.broke(error).problem())),
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

    /// The plan or the script goes on behind it; the failure is in the evidence.
    async fn pass_over(
        &mut self,
        step: &Step,
        whole: &Unit,
        problem: &Problem,
        in_block: bool,
    ) -> Result<(), Stop> {
        let failed = self.recorder.look(|run| {
            let step = run.step(&whole.step)?;
            let last = step.units_of(whole.direction).last()?;
            (last.phase == UnitPhase::Failed && !last.passed_over).then(|| last.unit.clone())
        });
        if let Some(unit) = failed {
            self.record(Event::UnitPassedOver { unit }).await?;
        }
        let who = match step.on_failure {
            OnFailure::Continue => "the plan",
            _ => "the script (ON_ERROR_STOP off)",
        };
        let behind =
            if in_block { "behind the COMMIT of its transaction" } else { "with the next statement" };
        let what = format!("{}; {who} goes on {behind}", problem.message);
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
            // The server is asked all the same: a comment may not be closed.
            Kind::Empty => return self.aside(passage, statement).await,
            Kind::Transaction(Control::Begin) if passage.step.transaction == Transaction::Script => {
                let begun = self.begin(passage, unit, &statement, &statement.text, open).await?;
                if begun.is_ok() {
                    passage.script.settled(Some(&Ended::Done { rows: None }));
                }
                return Ok(begun);
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
    pub(super) async fn aside(
        &mut self,
        passage: &mut Passage<'_>,
        statement: Statement,
    ) -> Result<Result<(), Problem>, Stop> {
        let step = passage.step;
        let mut stream = self.stream(&mut passage.work.session, step, &step.id);
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

    pub(super) async fn give_up(
        &mut self,
        passage: &mut Passage<'_>,
        unit: &Unit,
        broken: Broken,
    ) -> Result<Result<(), Problem>, Stop> {
        let lost = self.undo_after(&broken, &mut passage.work.session).await;
        let means = passage.block.take().map(|line| super::unapplied::block_not_applied(unit, line));
        if let Broken::Interrupted(why, mut problem) = broken {
            problem.consequence = problem.consequence.or(means);
            return self.interrupted(unit, why, *problem).await.map(Err);
        }
        let mut problem = broken.problem();
        problem.consequence = problem.consequence.or(means);
        match self.failed(unit, problem, lost).await? {
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

//! A transaction that the file itself begins and commits: one unit, whose ledger row goes in before its
//! COMMIT.

use std::time::Instant;

use super::bare::commits;
use super::conductor::Conductor;
use super::digests::hex;
use super::follow::savepoint;
use super::heard::Broken;
use super::passage::Passage;
use super::problems;
use super::stop::Stop;
use super::stream::{Stream, Tally};
use super::unit::{Abandon, Outcome, marked, set_nonce};
use crate::crash;
use crate::pg::TransactionStatus;
use crate::run::event::{Problem, Unit};
use crate::script::{Kind, Outcome as Ended, Session as SessionKind, Statement, Switch};

/// What an open transaction of the file collects.
pub(super) struct Open {
    pub unit: Unit,
    nonce: String,
    began: Instant,
    /// It was committed before a stop, or failed and was passed over: everything up to its COMMIT is
    /// skipped.
    pub done: bool,
    tally: Tally,
    digest: String,
    /// Errors in it that the script passed over.
    passed: Vec<String>,
    /// The one that has broken it.
    failed: Option<Problem>,
}

impl Open {
    /// One of which nothing is to be done any more.
    pub(super) fn to_skip(unit: Unit) -> Self {
        Self {
            unit,
            nonce: String::new(),
            began: Instant::now(),
            done: true,
            tally: Tally::default(),
            digest: String::new(),
            passed: Vec::new(),
            failed: None,
        }
    }
}

impl Conductor {
    /// A transaction begins before this statement, and doesn't stand in the file.
    pub(super) async fn begin_for(
        &mut self,
        passage: &mut Passage<'_>,
        unit: Unit,
        statement: Statement,
        open: &mut Option<Open>,
    ) -> Result<Result<(), Problem>, Stop> {
        let begun = self.begin(passage, unit, &statement, "BEGIN", open).await?;
        match (begun, open.take()) {
            (Ok(()), Some(transaction)) => self.inside(passage, transaction, statement, open).await,
            (begun, _) => Ok(begun),
        }
    }

    /// The file begins a transaction, with these words.
    pub(super) async fn begin(
        &mut self,
        passage: &mut Passage<'_>,
        unit: Unit,
        statement: &Statement,
        words: &str,
        open: &mut Option<Open>,
    ) -> Result<Result<(), Problem>, Stop> {
        let done = self.is_behind(&unit);
        let nonce = uuid::Uuid::now_v7().simple().to_string();
        if done {
            passage.skipped += 1;
        } else {
            self.attention.begin_work();
            self.unit_started(passage, &unit, 1, statement).await?;
            crash::point("after-started");
            if let Err(broken) = self.count_before(&mut passage.work.session).await {
                return self.give_up(passage, &unit, broken).await;
            }
            for sql in [words.to_owned(), marked(&set_nonce(&nonce))] {
                if let Err(error) = passage.work.session.batch(&sql).await {
                    let broken = self.broke(error);
                    return self.give_up(passage, &unit, broken).await;
                }
            }
        }
        passage.block = (!done).then_some(statement.place.line);
        *open = Some(Open { nonce, done, ..Open::to_skip(unit) });
        Ok(Ok(()))
    }

    /// A statement inside a transaction of the file.
    pub(super) async fn inside(
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
        let ground = self.ground(passage.step);
        let (result, tally, digest, written, made, passed) = {
            let stream = self.stream(&mut passage.work.session, passage.step, &unit.step);
            let mut stream = stream.inside(&transaction.nonce).on(&ground);
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
            // An error that the script passed over broke the transaction: what failed since failed of that.
            let broken = match (broken, transaction.failed) {
                (Broken::Server { sqlstate, .. }, Some(first)) => {
                    Broken::Server { problem: Box::new(first), sqlstate }
                }
                (broken, _) => broken,
            };
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
        transaction.tally.went_back |= tally.went_back;
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
        if passage.script.is_on(Switch::RollBackOnError) {
            // It guards nothing: the COMMIT that follows ends it. psql sets it all the same.
            if let Err(error) = passage.work.session.batch(&savepoint()).await {
                let broken = self.broke(error);
                return self.give_up(passage, &unit, broken).await;
            }
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
                match self
                    .commit_as(&unit, &mut passage.work.session, (words, Some(statement)), ready, began)
                    .await?
                {
                    Outcome::Applied => {
                        passage.block = None;
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
            Err(Abandon::Broken(mut broken)) => {
                if let Broken::Server { problem, .. } = &mut broken {
                    problem.place.get_or_insert_with(|| problems::place_of(&statement.place));
                }
                self.give_up(passage, &unit, broken).await
            }
        }
    }
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

fn chained(before: &str, digest: &str) -> String {
    use sha2::{Digest, Sha256};
    hex(&Sha256::digest(format!("{before}{digest}")))
}

//! One statement outside of any transaction: intent, statement, probe, result.

use std::time::Instant;

use super::bare::part_of;
use super::conductor::Conductor;
use super::digests::digest_of;
use super::exit::Exit;
use super::heard::Broken;
use super::passage::Passage;
use super::problems::{self, DEADLOCK, LOCK_NOT_AVAILABLE};
use super::stop::Stop;
use super::unit::{Outcome, millis};
use crate::crash;
use crate::pg::blockers;
use crate::pg::ledger::entry;
use crate::pg::ledger::intent::{self, Intent};
use crate::pg::probe::{self, Probe};
use crate::run::command::{Command, Wish};
use crate::run::event::{
    AppliedHow, Assurance, Blocker, Event, HoldReason, Person, ProbeState, Problem, Unit,
};
use crate::script::{Bare, Kind, Statement};

impl Conductor {
    /// Sends one statement outside of transactions, with intent before and result after.
    pub(super) async fn run_bare(
        &mut self,
        passage: &mut Passage<'_>,
        unit: Unit,
        statement: Statement,
    ) -> Result<Result<(), Problem>, Stop> {
        let probe = Probe::of(&statement.kind);
        let mut attempt = self.next_attempt(&unit).await?;
        let mut tries = 1;
        loop {
            self.attention.begin_work();
            let began = Instant::now();
            passage.last = Some(unit.clone());
            let before = match &probe {
                Some(probe) => Some(probe.ask(&mut passage.work.session).await?),
                None => None,
            };
            self.record(Event::BareIntent {
                unit: unit.clone(),
                attempt,
                pid: passage.work.session.pid(),
                backend_start: passage.work.backend_start.clone(),
                source: part_of(passage.source, &statement),
                probe: before.clone(),
                runner: None,
            })
            .await?;
            crash::point("after-intent-line");
            let head = self.recorder.head();
            let run = self.run.clone();
            let backend_start = passage.work.backend_start.clone();
            let intent = Intent {
                run: &run,
                unit: &unit,
                attempt,
                epoch: self.epoch.unwrap_or_default(),
                probe: before.as_ref(),
                pid: passage.work.session.pid(),
                backend_start: &backend_start,
                head: &head,
            };
            if self.epoch.is_some() {
                intent.write(&mut *self.control.session().await).await?;
            }
            crash::point("after-intent-row");
            let cleared = if attempt > 1 {
                self.remove_own_invalid_index(passage, &unit, &statement).await?
            } else {
                Ok(())
            };
            let (sent, tally, digest, blockers) = match cleared {
                Ok(()) => self.send_bare(passage, &unit, &statement).await,
                Err((broken, blockers)) => (Err(broken), Default::default(), String::new(), blockers),
            };
            crash::point("after-bare-statement");
            match sent {
                Ok(()) => {
                    let after = match &probe {
                        Some(probe) => Some(probe.ask(&mut passage.work.session).await?),
                        None => None,
                    };
                    if let Some(after) = after.filter(|after| !after.holds) {
                        let problem = problems::plain(format!(
                            "the server said it is done, but it isn't so that {}",
                            after.what
                        ));
                        return self.bare_failed(&intent, &unit, problem).await;
                    }
                    if let Some(before) = before.as_ref().filter(|before| before.holds) {
                        let what =
                            format!("{} already before the statement ran: it did nothing", before.what);
                        self.record(Event::Deviation { step: Some(unit.step.clone()), what }).await?;
                    }
                    if self.epoch.is_some() {
                        intent.result(&mut *self.control.session().await, true, &digest).await?;
                    }
                    crash::point("after-result-row");
                    self.record(Event::UnitApplied {
                        unit: unit.clone(),
                        how: AppliedHow::Confirmed,
                        statements: 1,
                        rows: tally.rows,
                        warnings: tally.warnings,
                        elapsed_ms: millis(began.elapsed()),
                        touched: Vec::new(),
                    })
                    .await?;
                    crash::point("after-applied");
                    return Ok(Ok(()));
                }
                Err(Broken::Lost(error)) => {
                    let evidence = vec![format!("the connection was lost while the statement ran: {error}")];
                    self.record(Event::UnitUnknown { unit: unit.clone(), evidence }).await?;
                    let why = format!(
                        "{error}. Whether the statement was carried out isn't known yet; `holdpoint resume` finds out"
                    );
                    return Err(Stop::Left { exit: Exit::Unknown, why });
                }
                Err(broken) => {
                    let again = matches!(&broken, Broken::Server { sqlstate, .. }
                        if sqlstate == LOCK_NOT_AVAILABLE || sqlstate == DEADLOCK);
                    if again && tries <= passage.step.lock_retries {
                        let mut problem = broken.problem();
                        if self.epoch.is_some() {
                            intent.result(&mut *self.control.session().await, false, &digest).await?;
                        }
                        if self
                            .lock_retry(&unit, tries, passage.step.lock_retries, &problem, blockers)
                            .await?
                        {
                            problem.message = format!("{}; cancelled before the next try", problem.message);
                            return match self.failed(&unit, problem, None).await? {
                                Outcome::Failed(problem) => Ok(Err(problem)),
                                Outcome::Applied => Ok(Ok(())),
                            };
                        }
                        tries += 1;
                        attempt += 1;
                        continue;
                    }
                    if let Broken::Interrupted(why, mut problem) = broken {
                        problem.consequence = self.left_behind(passage, &statement).await;
                        committed_by_itself(&mut problem, &statement);
                        if self.epoch.is_some() {
                            intent.result(&mut *self.control.session().await, false, &digest).await?;
                        }
                        return self.interrupted(&unit, why, *problem).await.map(Err);
                    }
                    let mut problem = broken.problem();
                    problem.consequence = self.left_behind(passage, &statement).await;
                    committed_by_itself(&mut problem, &statement);
                    return self.bare_failed(&intent, &unit, problem).await;
                }
            }
        }
    }

    pub(super) async fn bare_failed(
        &mut self,
        intent: &Intent<'_>,
        unit: &Unit,
        problem: Problem,
    ) -> Result<Result<(), Problem>, Stop> {
        if self.epoch.is_some() {
            intent.result(&mut *self.control.session().await, false, "").await?;
        }
        match self.failed(unit, problem, None).await? {
            Outcome::Failed(problem) => Ok(Err(problem)),
            Outcome::Applied => Ok(Ok(())),
        }
    }

    async fn send_bare(
        &mut self,
        passage: &mut Passage<'_>,
        unit: &Unit,
        statement: &Statement,
    ) -> (Result<(), Broken>, super::stream::Tally, String, Vec<Blocker>) {
        let mut stream = self.stream(&mut passage.work.session, passage.step, &unit.step);
        stream.outlet = passage.outlet.take();
        let sent = stream.one(statement.clone(), &mut passage.script).await;
        passage.outlet = stream.outlet.take();
        (sent, stream.tally.clone(), stream.digest(), stream.blockers)
    }

    pub(super) async fn lock_retry(
        &mut self,
        unit: &Unit,
        attempt: u32,
        of: u32,
        problem: &Problem,
        blockers: Vec<Blocker>,
    ) -> Result<bool, Stop> {
        let pause = super::unit::pause(attempt);
        self.record(Event::LockRetry {
            unit: unit.clone(),
            attempt,
            of,
            pause_ms: millis(pause),
            place: problem.place.clone(),
            blockers,
        })
        .await?;
        self.pause(pause).await
    }

    pub(super) async fn next_attempt(&mut self, unit: &Unit) -> Result<u32, Stop> {
        if self.epoch.is_none() {
            return Ok(1);
        }
        let mut control = self.control.session().await;
        let found = intent::latest(&mut control, &self.run, unit).await?;
        Ok(found.map_or(1, |found| found.attempt + 1))
    }

    /// The index that a failed build left behind, when it is invalid.
    async fn invalid_index(
        &mut self,
        passage: &mut Passage<'_>,
        statement: &Statement,
    ) -> Option<probe::IndexFound> {
        let Kind::Bare(Bare::CreateIndexConcurrently { index: Some(index), table, .. }) = &statement.kind
        else {
            return None;
        };
        let found = probe::find_index(&mut passage.work.session, index, table).await.ok().flatten()?;
        (!found.valid).then_some(found)
    }

    async fn left_behind(&mut self, passage: &mut Passage<'_>, statement: &Statement) -> Option<String> {
        let left = self.invalid_index(passage, statement).await?;
        Some(format!(
            "an invalid index {} is left behind; a retry removes it before it builds again, unless it was there before",
            left.name
        ))
    }

    /// A build that failed before leaves an invalid index of its own, which IF NOT EXISTS would take
    /// for done. It is removed only when the first attempt didn't find it there. That may have to wait
    /// for a lock like the build itself.
    async fn remove_own_invalid_index(
        &mut self,
        passage: &mut Passage<'_>,
        unit: &Unit,
        statement: &Statement,
    ) -> Result<Result<(), (Broken, Vec<Blocker>)>, Stop> {
        let Some(left) = self.invalid_index(passage, statement).await else { return Ok(Ok(())) };
        let first = {
            let mut control = self.control.session().await;
            intent::first(&mut control, &self.run, unit).await?
        };
        let ours = first.and_then(|first| first.probe).is_some_and(|probe| probe.oid != Some(left.oid));
        if !ours {
            return Ok(Ok(()));
        }
        let sql = format!("DROP INDEX CONCURRENTLY {}", left.name);
        let Err(error) = super::unit::own(&mut passage.work.session, &sql).await else { return Ok(Ok(())) };
        let broken = self.broke(error);
        let Kind::Bare(Bare::CreateIndexConcurrently { table, .. }) = &statement.kind else {
            return Ok(Err((broken, Vec::new())));
        };
        let except = [passage.work.session.pid()];
        let blockers = blockers::lockers(&mut self.look, &table.to_string(), &except).await;
        Ok(Err((broken, blockers.unwrap_or_default())))
    }

    /// After a stop: what became of a bare statement whose intent was written. Says whether it is applied.
    pub(super) async fn reconcile_bare(&mut self, unit: &Unit, statement: &Statement) -> Result<bool, Stop> {
        let found = {
            let mut control = self.control.session().await;
            if self.epoch.is_some() { intent::latest(&mut control, &self.run, unit).await? } else { None }
        };
        let attempt = self.recorder.look(|run| run.unit(unit).map_or(0, |state| state.attempt));
        // A row of an earlier attempt says nothing about this one, which didn't come to writing its own.
        let Some(found) = found.filter(|found| found.attempt >= attempt) else {
            let evidence = vec!["no intent row: the statement was never sent".to_owned()];
            return self.reconciled(unit, false, evidence, None).await;
        };
        match found.outcome.as_deref() {
            Some("applied") => {
                let evidence = vec!["the result row says applied".to_owned()];
                return self.reconciled(unit, true, evidence, None).await;
            }
            Some(_) => {
                let evidence = vec!["the result row says failed".to_owned()];
                return self.reconciled(unit, false, evidence, None).await;
            }
            None => {}
        }
        let now = match Probe::of(&statement.kind) {
            Some(probe) => {
                let mut session = self.spare().await?;
                let state = probe.ask_again(&mut session, found.probe.as_ref()).await?;
                session.close().await;
                Some(state)
            }
            None => None,
        };
        match (&found.probe, &now) {
            (Some(before), Some(now)) if !before.holds && now.holds => {
                let evidence = vec![format!("before: not so; now: {}", now.what)];
                self.bare_result(unit, found.attempt, true, &digest_of(statement)).await?;
                self.reconciled(unit, true, evidence, None).await
            }
            (Some(before), Some(now)) if !before.holds && !now.holds => {
                let left =
                    if now.oid.is_some() && before.oid.is_none() { ", an invalid one is left" } else { "" };
                let evidence = vec![format!("it isn't so that {}{left}", now.what)];
                self.bare_result(unit, found.attempt, false, "").await?;
                self.reconciled(unit, false, evidence, None).await
            }
            (before, now) => self.ask_for_ruling(unit, before.as_ref(), now.as_ref()).await,
        }
    }

    /// Writes the result that the program didn't come to writing: the next runner reads it, and doesn't
    /// take an applied statement without a row for one that was lost.
    pub(super) async fn bare_result(
        &mut self,
        unit: &Unit,
        attempt: u32,
        applied: bool,
        digest: &str,
    ) -> Result<(), Stop> {
        let Some(epoch) = self.epoch else { return Ok(()) };
        let (run, head) = (self.run.clone(), self.recorder.head());
        let intent =
            Intent { run: &run, unit, attempt, epoch, probe: None, pid: 0, backend_start: "", head: &head };
        intent.result(&mut *self.control.session().await, applied, digest).await?;
        Ok(())
    }

    /// Nobody can tell from here: the evidence is shown, and a person rules.
    async fn ask_for_ruling(
        &mut self,
        unit: &Unit,
        before: Option<&ProbeState>,
        now: Option<&ProbeState>,
    ) -> Result<bool, Stop> {
        let evidence = match (before, now) {
            (Some(before), Some(_)) => {
                vec![format!("{} already before it ran: that it is so now proves nothing", before.what)]
            }
            _ => vec![
                "the program stopped while it ran, and there is no probe for this kind of statement".into(),
            ],
        };
        self.rule(unit, evidence).await
    }

    /// Waits for a person's ruling on a unit of unknown outcome. Says whether it is applied.
    pub(super) async fn rule(&mut self, unit: &Unit, evidence: Vec<String>) -> Result<bool, Stop> {
        let known = self.recorder.look(|run| run.in_doubt().is_some_and(|doubt| doubt == unit));
        if !known {
            self.record(Event::UnitUnknown { unit: unit.clone(), evidence: evidence.clone() }).await?;
        }
        // Ruled right before a stop: a person isn't asked twice.
        let ruled = self.recorder.look(|run| run.ruled.clone()).filter(|ruling| ruling.unit == *unit);
        if let Some(ruling) = ruled {
            return self.carry_out_ruling(unit, ruling.applied, &ruling.reason, ruling.by).await;
        }
        let what = self.doubted(unit);
        let needs = format!(
            "was {what} applied? {}. Look at the database, then rule: holdpoint resume --rule {}=applied or =not-applied",
            evidence.join("; "),
            unit.step
        );
        self.hold(HoldReason::Unknown, Some(&unit.step), needs, None).await?;
        loop {
            let Command { what, by } = self.next_wish().await?;
            match what {
                Wish::Rule { step, unit: meant, applied, reason }
                    if step == unit.step && meant == unit.unit =>
                {
                    return self.carry_out_ruling(unit, applied, &reason, by).await;
                }
                other => {
                    self.obey(None, other, by).await?;
                }
            }
        }
    }

    /// What a person is asked about: a statement by its words and its line, else the unit.
    fn doubted(&self, unit: &Unit) -> String {
        let Ok(Some(statement)) = self.find_statement(unit) else { return unit.words() };
        let place = problems::place_of(&statement.place);
        let words = statement.opening();
        let first = words.split(" ").next().unwrap_or_default();
        let mut what = format!("`{words}` at {}:{} (step `{}`)", place.file, place.line, unit.step);
        if ["CALL", "DO"].iter().any(|word| first.eq_ignore_ascii_case(word)) {
            what.push_str(", which may have committed a part of its work by itself,");
        }
        what
    }

    async fn carry_out_ruling(
        &mut self,
        unit: &Unit,
        applied: bool,
        reason: &str,
        by: Person,
    ) -> Result<bool, Stop> {
        let evidence = vec![format!("ruled by {}: {reason}", by.name)];
        self.write_ruling(unit, applied).await?;
        self.reconciled(unit, applied, evidence, Some(by)).await
    }

    /// The ledger agrees with the ruling before the journal has it.
    async fn write_ruling(&mut self, unit: &Unit, applied: bool) -> Result<(), Stop> {
        let Some(epoch) = self.epoch else { return Ok(()) };
        let (bare, attempt) =
            self.recorder.look(|run| run.unit(unit).map_or((false, 0), |state| (state.bare, state.attempt)));
        let in_ledger = entry::has(&mut *self.control.session().await, &self.run, unit).await?;
        if bare && !in_ledger {
            return self.bare_result(unit, attempt, applied, "ruled").await;
        }
        let head = self.recorder.head();
        entry::rule(&mut *self.control.session().await, &self.run, unit, epoch, &head, applied).await?;
        Ok(())
    }

    pub(super) async fn reconciled(
        &mut self,
        unit: &Unit,
        applied: bool,
        evidence: Vec<String>,
        by: Option<Person>,
    ) -> Result<bool, Stop> {
        self.record(Event::UnitReconciled { unit: unit.clone(), applied, evidence, by }).await?;
        if self.recorder.look(crate::run::state::Run::is_holding) {
            self.go_on("reconciled").await?;
        }
        Ok(applied)
    }
}

/// A CALL or DO that ran outside of a transaction because it commits by itself.
const COMMITTED_BY_ITSELF: &str = "what this statement committed by itself before that stays, and isn't undone by a rollback: look at the \
     database before you retry, which runs it from its beginning";

fn committed_by_itself(problem: &mut Problem, statement: &Statement) {
    if problem.consequence.is_none() && !statement.kind.forbidden_in_transaction() {
        problem.consequence = Some(COMMITTED_BY_ITSELF.into());
        problem.may_stay = true;
    }
}

/// The plan as a person.
#[must_use]
pub fn engine() -> Person {
    Person { name: "engine".into(), how: Assurance::Policy }
}

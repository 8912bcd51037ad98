//! `probe`: statements in a transaction that is always rolled back, with the step's checkpoints inside.
//!
//! Nothing of it is ever committed: COMMIT isn't sent, and a script that ends the transaction is caught by
//! the transaction's mark. So there is no unit and no ledger row, and after a stop it is done again.

use std::time::Instant;

use super::ask::{Asked, bound, within};
use super::conductor::{Conductor, StepEnd};
use super::heard::Broken;
use super::problems::{self, DEADLOCK, LOCK_NOT_AVAILABLE};
use super::sources::Source;
use super::standing::PIN;
use super::stop::Stop;
use super::surroundings::surroundings_of;
use super::unit::{Abandon, Work, millis, own, pause, set_nonce};
use super::verify::count;
use crate::pg::ledger::identifier;
use crate::pg::{PgError, Session, TransactionStatus};
use crate::plan::expect::{Outcome, Refusal, Verdict};
use crate::plan::model::{Checkpoint, Step};
use crate::run::event::{CheckpointResult, Direction, Event, Problem, When};
use crate::run::state::Status;

/// Whether a checkpoint of a probe may ask this: a query, or a statement on rows.
pub(super) fn may_ask(sql: &str) -> bool {
    crate::script::reads_only(sql) || !crate::script::classify(sql).0.drains_window()
}

/// What its statements came to.
struct Came {
    statements: u64,
    warnings: u64,
    took: std::time::Duration,
}

impl Conductor {
    /// The whole probe, from BEGIN to ROLLBACK; again when only its checkpoints failed.
    pub(super) async fn run_probe(&mut self, step: &Step, sql: &str, line: usize) -> Result<StepEnd, Stop> {
        let began = Instant::now();
        let again = matches!(self.status(&step.id), Status::Applied | Status::Unverified);
        if !again {
            self.start(step, Direction::Forward).await?;
            if let Some(problem) = self.unmet(step) {
                self.record_failure(step, &problem, began).await?;
                return Ok(StepEnd::Failed(problem));
            }
        }
        let (mut work, result) = self.try_probe(step, sql, line).await?;
        let result = match result {
            Err(Abandon::Broken(Broken::Interrupted(why, problem))) => {
                self.abort(&mut work.session).await;
                self.stop_for(why)?;
                Err(*problem)
            }
            Err(Abandon::Stop(stop)) => return Err(stop),
            Err(Abandon::Broken(broken)) => {
                // A database that is gone says so when it is asked again; the server has rolled back.
                if self.undo_after(&broken, &mut work.session).await.is_some() {
                    self.spare().await?.close().await;
                }
                Err(broken.problem())
            }
            Err(Abandon::Unverified(problem)) => {
                self.abort(&mut work.session).await;
                Err(problem)
            }
            Ok(failed) => {
                self.abort(&mut work.session).await;
                Ok(failed)
            }
        };
        work.session.close().await;
        match result {
            Ok(failed) => {
                if !again {
                    self.applied(step, Direction::Forward, began).await?;
                }
                self.verdict(step, failed, began).await
            }
            // It stands as it stood: its checkpoints have still to pass.
            Err(problem) if again => {
                let verdict = Verdict::fail("it runs", "an error", problem.message.clone());
                self.record_probe(step, verdict, began).await?;
                self.verdict(step, vec![step.id.clone()], began).await
            }
            Err(mut problem) => {
                problem.consequence.get_or_insert_with(|| "nothing of the probe is left".into());
                self.record_failure(step, &problem, began).await?;
                Ok(StepEnd::Failed(problem))
            }
        }
    }

    /// The probe on a session of its own, again when a lock wasn't to be had in time.
    async fn try_probe(
        &mut self,
        step: &Step,
        sql: &str,
        line: usize,
    ) -> Result<(Work, Result<Vec<String>, Abandon>), Stop> {
        let mut tries = 1;
        loop {
            self.attention.begin_work();
            let mut work = self.open_work(step).await?;
            let nonce = uuid::Uuid::now_v7().simple().to_string();
            let result = self.probe(step, sql, line, &mut work.session, &nonce).await;
            let Err(Abandon::Broken(Broken::Server { problem, sqlstate })) = &result else {
                return Ok((work, result));
            };
            // A shell command isn't run again without being asked.
            let again = matches!(sqlstate.as_str(), LOCK_NOT_AVAILABLE | DEADLOCK);
            if !again || tries > step.lock_retries || !step.allow_shell.is_empty() {
                return Ok((work, result));
            }
            let wait = pause(tries);
            let words = format!("{}: tried again in {} ms", problem.message, millis(wait));
            self.says.say(&step.id, &words);
            self.abort(&mut work.session).await;
            if self.pause(wait).await? {
                let mut problem = problem.clone();
                problem.message = format!("{}; cancelled before the next try", problem.message);
                return Ok((work, Err(Abandon::Unverified(*problem))));
            }
            work.session.close().await;
            tries += 1;
        }
    }

    /// Everything from BEGIN to the last checkpoint; gives the ids of those that failed.
    async fn probe(
        &mut self,
        step: &Step,
        sql: &str,
        line: usize,
        work: &mut Session,
        nonce: &str,
    ) -> Result<Vec<String>, Abandon> {
        let began = Instant::now();
        own(work, "BEGIN").await.map_err(Broken::Lost)?;
        own(work, &set_nonce(nonce)).await.map_err(Broken::Lost)?;
        if let Some(role) = &step.role {
            let sql = format!("SET LOCAL ROLE {}", identifier(role));
            own(work, &sql).await.map_err(|error| self.taking_role(role, error))?;
        }
        let came = self.probe_statements(step, sql, line, work, nonce).await?;
        self.still_probing(work, nonce).await?;
        self.epilogue(work).await?;
        let mut failed = Vec::new();
        let verdict = self.of_statements(step, &came);
        if !verdict.passed {
            failed.push(step.id.clone());
        }
        self.record_probe(step, verdict, began).await?;
        for checkpoint in &step.checkpoints {
            let began = Instant::now();
            let (outcome, verdict) = self.evaluate_in_probe(work, checkpoint).await?;
            self.still_probing(work, nonce).await?;
            if let Some(interruption) = self.attention.standing() {
                let problem = problems::plain(format!("interrupted in checkpoint \"{}\"", checkpoint.title));
                return Err(Broken::Interrupted(interruption, Box::new(problem)).into());
            }
            let took = began.elapsed();
            let verdict = self.keep_answer(&step.id, checkpoint, &outcome, verdict).await?;
            let result = self.result(&step.id, checkpoint, Direction::Forward, When::Probe, verdict, took);
            if self.settle_checkpoint(&step.id, checkpoint, result, outcome).await? {
                failed.push(checkpoint.id.clone());
            }
        }
        Ok(failed)
    }

    async fn probe_statements(
        &mut self,
        step: &Step,
        sql: &str,
        line: usize,
        work: &mut Session,
        nonce: &str,
    ) -> Result<Came, Abandon> {
        let began = Instant::now();
        let running = self.attention.gauge.begin(&step.id);
        let name = self.plan.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let source = Source::Inline { name, text: sql.to_owned(), line, digest: String::new() };
        let mut script = self.script(step, &source).map_err(Abandon::Stop)?;
        script.variables_mut().surround(&surroundings_of(work));
        let ground = self.ground(step);
        let (streamed, came, passed) = {
            let mut stream = self.stream(work, step, &step.id).inside(nonce).on(&ground);
            let streamed = stream.all(&mut script).await;
            let tally = &stream.tally;
            let came = Came { statements: tally.statements, warnings: tally.warnings, took: began.elapsed() };
            (streamed, came, stream.passed.lines())
        };
        drop(running);
        self.says.tell_left_out(&step.id);
        for what in passed {
            self.record(Event::Deviation { step: Some(step.id.clone()), what }).await?;
        }
        streamed?;
        Ok(came)
    }

    /// The transaction is still the probe's own; else something of it may be committed.
    async fn still_probing(&mut self, work: &mut Session, nonce: &str) -> Result<(), Abandon> {
        let open = work.transaction() != TransactionStatus::Idle;
        let marked = if open {
            let asked = work.query("SELECT pg_catalog.current_setting('holdpoint.tx', true)", &[]).await;
            let rows = asked.map_err(|error| self.broke(error))?.rows;
            rows.first().and_then(|row| row.first()).and_then(Option::as_deref) == Some(nonce)
        } else {
            false
        };
        if marked {
            return Ok(());
        }
        let mut problem: Problem = problems::plain("the probe ended the transaction that it runs in");
        problem.consequence =
            Some("what stood before its COMMIT is committed: look at the database before going on".into());
        problem.hint = Some("take COMMIT and ROLLBACK out of the probe".into());
        Err(Broken::Script(Box::new(problem)).into())
    }

    /// What the plan expects of the statements themselves; without that they must merely run.
    fn of_statements(&self, step: &Step, came: &Came) -> Verdict {
        let runs = count(usize::try_from(came.statements).unwrap_or(usize::MAX), "statement");
        let runs = Verdict::pass("its statements run", runs);
        let Some(expect) = step.expect.as_ref().filter(|e| e.warnings.is_some() || e.within.is_some()) else {
            return runs;
        };
        let mut parts = vec![("statements".to_owned(), runs)];
        if expect.warnings.is_some() {
            parts.push(("warnings".to_owned(), expect.judge_script(came.warnings, &self.saved())));
        }
        if let Some(most) = expect.within {
            let (words, took) = (crate::plan::duration::words(most), format!("{} ms", millis(came.took)));
            let verdict = if came.took <= most {
                Verdict::pass(words, took)
            } else {
                Verdict::fail(words, took, "it took longer")
            };
            parts.push(("time".to_owned(), verdict));
        }
        Verdict::all_of(parts)
    }

    async fn record_probe(&mut self, step: &Step, verdict: Verdict, began: Instant) -> Result<(), Stop> {
        self.record(Event::CheckpointResult(Box::new(CheckpointResult {
            step: step.id.clone(),
            checkpoint: step.id.clone(),
            title: step.title.clone(),
            direction: Direction::Forward,
            when: When::Probe,
            verdict,
            elapsed_ms: millis(began.elapsed()),
            otherwise: None,
        })))
        .await
    }

    /// One checkpoint in its savepoint, which is kept when its statement ran.
    async fn evaluate_in_probe(
        &mut self,
        work: &mut Session,
        checkpoint: &Checkpoint,
    ) -> Result<(Outcome, Verdict), Broken> {
        let asked = match begin(work, checkpoint).await {
            Ok(()) => self.ask_what(work, checkpoint, may_ask).await,
            Err(error) if error.is_lost() => Err(error),
            Err(error) => {
                let server = error.server().cloned().unwrap_or_default();
                Ok(Asked::Query(Outcome::Error(Refusal {
                    sqlstate: server.sqlstate,
                    message: server.message,
                    taking_role: true,
                })))
            }
        };
        let asked = asked.map_err(|error| self.broke(error))?;
        end(work).await.map_err(|error| self.broke(error))?;
        Ok(self.judge(checkpoint, asked))
    }
}

async fn begin(work: &mut Session, checkpoint: &Checkpoint) -> Result<(), PgError> {
    own(work, "SAVEPOINT holdpoint_checkpoint").await?;
    own(work, PIN).await?;
    if let Some(bound) = bound(within(checkpoint)) {
        own(work, &bound).await?;
    }
    if let Some(role) = &checkpoint.role {
        own(work, &format!("SET LOCAL ROLE {}", identifier(role))).await?;
    }
    Ok(())
}

/// What an error left is undone; what ran stays for the checkpoints behind it, but for the role.
async fn end(work: &mut Session) -> Result<(), PgError> {
    if work.transaction() == TransactionStatus::Failed {
        own(work, "ROLLBACK TO SAVEPOINT holdpoint_checkpoint").await?;
    } else {
        own(work, "SET LOCAL ROLE NONE").await?;
    }
    own(work, "RELEASE SAVEPOINT holdpoint_checkpoint").await.map(drop)
}

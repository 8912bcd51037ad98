//! psql from its intent to its result.
//!
//! ```text
//!   intent line → intent row → psql: note of its session, BEGIN │ the file │ ledger row, COMMIT → applied
//! ```
//!
//! With `transaction = "single"` the ledger's row decides, whatever psql's exit code is: it was committed
//! with the file or not at all. Otherwise the exit code does, and after a stop nobody can tell.
//!
//! A lock that wasn't to be had is tried for again where that is honest: nothing of the file is applied,
//! and it has no shell command that would run twice.

use std::time::{Duration, Instant};

use super::became::READ_ONLY;
use super::said::Said;
use super::scripts::Around;
use super::why::{problem, rolled_back, touched, unit_file};
use crate::crash;
use crate::engine::attention::Interruption;
use crate::engine::conductor::Conductor;
use crate::engine::exit::Exit;
use crate::engine::problems::{self, DEADLOCK, LOCK_NOT_AVAILABLE};
use crate::engine::program::{self, Cut, GRACE, Heard};
use crate::engine::sources::Source;
use crate::engine::stop::Stop;
use crate::engine::unit::{Outcome, millis};
use crate::pg::Psql;
use crate::pg::child::{Child, Ended, Program};
use crate::pg::ledger::entry::{self, OTHER_TRANSACTION, STALE_EPOCH};
use crate::pg::ledger::fence;
use crate::pg::ledger::intent::Intent;
use crate::plan::model::{Step, Transaction};
use crate::run::event::{AppliedHow, Event, Place, Problem, Touched, Unit};
use crate::script::{Kind, Problem as Wrong, Session, Switch, Transaction as Control};

/// How long a backend may take to end once it was told to.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// psql's word for a connection that was lost.
const CONNECTION_LOST: i32 = 2;

/// How psql came to its end.
struct Course {
    ended: Ended,
    said: Said,
    interrupted: Option<Interruption>,
}

/// What is known of a file before psql has it.
#[derive(Debug, Clone, Copy)]
struct Fit {
    /// All that it does can be done again as long as nothing is applied.
    repeatable: bool,
    /// It doesn't say how its transaction runs, which has to come before anything else in it.
    markable: bool,
    /// It goes back to savepoints: psql says ROLLBACK of that too.
    savepoints: bool,
    /// It doesn't lift what keeps transactions behind the step's own from writing.
    shut: bool,
}

/// One time that psql is given the file.
pub(super) struct Try<'a> {
    pub intent: &'a Intent<'a>,
    digest: &'a str,
    /// Of its session.
    name: &'a str,
    began: Instant,
    /// How many there were, this one too.
    number: u32,
    /// It may be given the file again.
    repeatable: bool,
    /// It goes back to savepoints.
    pub savepoints: bool,
    /// Whether the step's own transaction was committed is told by a mark in it, and nothing else can be.
    pub told: bool,
}

impl Conductor {
    /// Runs one file by psql.
    pub(in crate::engine) async fn run_by_psql(
        &mut self,
        step: &Step,
        unit: &Unit,
        source: &Source,
    ) -> Result<Result<(), Problem>, Stop> {
        if self.is_behind(unit) {
            return Ok(Ok(()));
        }
        let psql = match Psql::find(self.look.server_version()) {
            Ok(psql) => psql,
            Err(error) => return Ok(Err(problems::plain(error.to_string()))),
        };
        let fit = match self.fit_for_psql(step, source) {
            Ok(fit) => fit,
            Err(problem) => return Ok(Err(*problem)),
        };
        let (mut number, mut attempt) = (1, self.next_attempt(unit).await?);
        loop {
            if let Some(result) = self.give_to_psql(step, unit, source, &psql, (number, attempt, fit)).await?
            {
                return Ok(result);
            }
            number += 1;
            attempt = self.next_attempt(unit).await?.max(attempt + 1);
        }
    }

    /// Gives psql the file once. `None`: a lock wasn't to be had, and it is to be tried again.
    async fn give_to_psql(
        &mut self,
        step: &Step,
        unit: &Unit,
        source: &Source,
        psql: &Psql,
        (number, attempt, fit): (u32, u32, Fit),
    ) -> Result<Option<Result<(), Problem>>, Stop> {
        self.attention.begin_work();
        let began = Instant::now();
        let mark = uuid::Uuid::now_v7().simple().to_string();
        let name = format!("holdpoint psql {mark}");
        self.record(Event::BareIntent {
            unit: unit.clone(),
            attempt,
            pid: 0,
            backend_start: name.clone(),
            source: source.reference(),
            probe: None,
            runner: Some(format!("psql {}", psql.version)),
        })
        .await?;
        crash::point("after-intent-line");
        let (run, head) = (self.run.clone(), self.recorder.head());
        let intent = Intent {
            run: &run,
            unit,
            attempt,
            epoch: self.epoch.unwrap_or_default(),
            probe: None,
            pid: 0,
            backend_start: &name,
            head: &head,
        };
        if self.epoch.is_some() {
            intent.write(&mut *self.control.session().await).await?;
        }
        crash::point("after-intent-row");
        let digest = source.reference().digest;
        let variables = self.variables();
        let around = Around {
            variables: &variables,
            role: step.role.as_deref(),
            encoding: step.encoding.as_deref(),
            single: (step.transaction == Transaction::Single).then_some(mark.as_str()),
            marked: fit.markable,
            ledger: self.epoch.is_some().then_some((&intent, digest.as_str())),
        };
        let child = match self.start_psql(psql, step, source, &name, &around) {
            Ok(child) => child,
            Err(why) => return self.bare_failed(&intent, unit, problems::plain(why)).await.map(Some),
        };
        let said = Said::marked(around.single);
        let course = self.follow_psql(child, &unit.step, said).await;
        crash::point("after-psql");
        let repeatable = fit.repeatable && number <= step.lock_retries;
        let savepoints = fit.savepoints;
        let told = fit.markable && fit.shut && self.epoch.is_some();
        let this = Try {
            intent: &intent,
            digest: &digest,
            name: &name,
            began,
            number,
            repeatable,
            savepoints,
            told,
        };
        self.judge_psql(step, unit, &this, course).await
    }

    /// The file is the one that the run was opened with, and no value of the database is pasted into
    /// it as it is. psql reads it where it lies, since what it includes lies beside it.
    fn fit_for_psql(&self, step: &Step, source: &Source) -> Result<Fit, Box<Problem>> {
        let unchanged = self.sources.unchanged(source.name(), self.variables(), step.encoding.as_deref());
        let report = unchanged.map_err(|why| Box::new(problems::plain(why)))?;
        if let Some(error) = report.problems.iter().find(|error| error.problem == Wrong::Variable) {
            let mut problem = problems::of_script(error);
            problem.consequence = Some("nothing of this step was applied: psql wasn't given the file".into());
            return Err(Box::new(problem));
        }
        let single = step.transaction == Transaction::Single;
        if let Some(connect) = report.connects.first().filter(|_| single) {
            let mut problem = problems::plain(crate::engine::preflight::CONNECTS_BY_PSQL);
            problem.place = Some(problems::place_of(&connect.place));
            problem.consequence = Some("nothing of this step was applied: psql wasn't given the file".into());
            problem.hint = Some(crate::engine::preflight::CONNECTS_HINT.into());
            return Err(Box::new(problem));
        }
        if let Some((way, _, place)) = report.shell.first().filter(|_| !self.runs_shell(step)) {
            let what = format!(
                "this file runs shell commands ({}), and none is run in a demo or rehearsal",
                way.name()
            );
            let mut problem = problems::plain(what);
            problem.place = Some(problems::place_of(place));
            problem.hint = Some(
                "psql can't leave them out: where they may run there too, give the step demo = true".into(),
            );
            return Err(Box::new(problem));
        }
        // What can't be read to its end may have one.
        let read = report.problems.iter().all(|error| error.problem == Wrong::Refused);
        let mut kinds = report.statements.iter().flat_map(|statement| statement.kind.each());
        let sets_mode = |kind: &Kind| match kind {
            Kind::Session(Session::SetTransaction) => true,
            Kind::Session(Session::Set { name, .. }) => name.starts_with("transaction_"),
            _ => false,
        };
        let lifts = |kind: &Kind| match kind {
            Kind::Session(Session::Reset { .. } | Session::Discard { .. } | Session::SetTransaction) => true,
            Kind::Session(Session::Set { name, .. }) => name.ends_with("transaction_read_only"),
            _ => false,
        };
        Ok(Fit {
            shut: !kinds.clone().any(lifts),
            repeatable: read && report.shell.is_empty() && single,
            markable: !kinds.clone().any(sets_mode),
            savepoints: kinds.any(|kind| matches!(kind, Kind::Transaction(Control::RollbackTo)))
                || report.switches.iter().any(|switch| matches!(switch, (Switch::RollBackOnError, true, _))),
        })
    }

    fn start_psql(
        &self,
        psql: &Psql,
        step: &Step,
        source: &Source,
        name: &str,
        around: &Around<'_>,
    ) -> Result<Child, String> {
        let lock_timeout = format!("{}ms", step.lock_timeout.as_millis());
        let handed = self.lend(name, &[("lock_timeout", lock_timeout)])?;
        // An argument that begins with a dash could be taken for an option.
        let file = match source.name() {
            name if name.starts_with('-') => format!("./{name}"),
            name => name.to_owned(),
        };
        let mut args: Vec<String> = ["--no-psqlrc", "--no-password", "--set", "ON_ERROR_STOP=1"]
            .into_iter()
            .chain(["--set", "VERBOSITY=verbose", "--pset", "pager=off", "--file", "-", "--file", &file])
            .map(str::to_owned)
            .collect();
        for command in around.after() {
            args.extend(["--command".to_owned(), command]);
        }
        let passfile = handed.passfile.clone();
        Child::start(Program {
            program: psql.program.clone(),
            args: args.into_iter().map(Into::into).collect(),
            folder: self.plan.sql_dir.clone(),
            environment: handed.environment,
            input: around.before().into_bytes(),
            remove: vec![handed.passfile],
        })
        .map_err(|error| {
            let _ = std::fs::remove_file(passfile);
            error.to_string()
        })
    }

    /// Prints what psql says until it has ended, by itself or by our word.
    async fn follow_psql(&mut self, child: Child, step: &str, mut said: Said) -> Course {
        let says = self.says.clone();
        let hear = |heard: Heard<'_>| {
            if let Heard::Line(line) = heard
                && let Some(line) = said.hear(line)
            {
                says.say(step, &line);
            }
            Ok(())
        };
        let program::Course { ended, cut } = self.follow(child, None, hear).await;
        said.end();
        if said.left_out > 0 {
            says.say(step, &format!("… and {} more lines of psql's that aren't shown", said.left_out));
        }
        let interrupted = match cut {
            Some(Cut::Interrupted(why)) => Some(why),
            Some(Cut::TimedOut(_) | Cut::Unheard(_)) | None => None,
        };
        Course { ended, said, interrupted }
    }

    async fn judge_psql(
        &mut self,
        step: &Step,
        unit: &Unit,
        this: &Try<'_>,
        course: Course,
    ) -> Result<Option<Result<(), Problem>>, Stop> {
        let Try { intent, digest, name, began, .. } = *this;
        let Course { ended, said, interrupted } = course;
        let single = step.transaction == Transaction::Single;
        if let Some(Interruption::LockLost(why)) = &interrupted {
            let why = format!(
                "the lock on this database was lost: {why}. What became of psql's work isn't known yet; `holdpoint resume` \
                 finds out"
            );
            return Err(Stop::Left { exit: Exit::Unknown, why });
        }
        if ended != Ended::Code(0) {
            // What it was doing may go on in the server without it.
            let grace = if interrupted.is_some() { Duration::ZERO } else { GRACE };
            let mut control = self.control.session().await;
            fence::sessions_over(&mut control, name, self.epoch, grace, PATIENCE).await?;
        }
        let applied = match self.epoch {
            Some(_) if single => entry::has(&mut *self.control.session().await, &self.run, unit).await?,
            _ => ended == Ended::Code(0),
        };
        if applied {
            let touched = touched(&said, this.savepoints);
            self.psql_applied(unit, (intent, digest), single, &said, (began, touched)).await?;
            return Ok(Some(Ok(())));
        }
        let file = unit_file(unit, self, step);
        let mut problem = problem(&said, ended, single, &file, self.disclosure);
        if said.why().and_then(|why| why.sqlstate.as_deref()) == Some(STALE_EPOCH) {
            return Err(Stop::LockLost(problem.message));
        }
        if single && self.ended_early(unit, this, &said, &problem).await? {
            let ended =
                format!("{file} ended the transaction that this step runs in, or left its connection");
            let committed = "what stood before its COMMIT is committed and isn't recorded";
            if problem.message != ended {
                problem.message = format!("{}; {ended}", problem.message);
            }
            if let Some(Place { file, line, .. }) = &problem.place {
                problem.message = format!("{file}:{line}: {}", problem.message);
            }
            let evidence = vec![problem.message.clone(), committed.to_owned()];
            self.record(Event::UnitUnknown { unit: unit.clone(), evidence }).await?;
            let why = format!(
                "{}: {committed}. Look at the database and finish or undo it there; `holdpoint resume` asks how it stands \
                 (ruled as not applied, the file runs again from its beginning)",
                problem.message
            );
            return Err(Stop::Left { exit: Exit::Unknown, why });
        }
        // Not committed, and yet over: it was the file's own ROLLBACK.
        if single && matches!(problem.sqlstate.as_deref(), Some(OTHER_TRANSACTION | READ_ONLY)) {
            rolled_back(&mut problem, &file);
        }
        if let Some(why) = interrupted {
            let mut stopped = problems::plain(match &why {
                Interruption::Cancelled => "cancelled by a person".to_owned(),
                Interruption::Signal(signal) => format!("interrupted by {signal}"),
                Interruption::LockLost(why) => why.clone(),
            });
            stopped.place = problem.place;
            stopped.consequence = problem.consequence;
            if self.epoch.is_some() {
                intent.result(&mut *self.control.session().await, false, "").await?;
            }
            return self.interrupted(unit, why, stopped).await.map(|problem| Some(Err(problem)));
        }
        let lock = problem.sqlstate.as_deref().is_some_and(|s| s == LOCK_NOT_AVAILABLE || s == DEADLOCK);
        if lock && this.repeatable {
            if self.epoch.is_some() {
                intent.result(&mut *self.control.session().await, false, "").await?;
            }
            if !self.lock_retry(unit, this.number, step.lock_retries, &problem, Vec::new()).await? {
                return Ok(None);
            }
            problem.message = format!("{}; cancelled before the next try", problem.message);
            return match self.failed(unit, problem, None).await? {
                Outcome::Failed(problem) => Ok(Some(Err(problem))),
                Outcome::Applied => Ok(Some(Ok(()))),
            };
        }
        let vanished = matches!(ended, Ended::Code(CONNECTION_LOST) | Ended::Signal(_));
        if vanished && !single {
            let evidence =
                vec![format!("{}; how much of {file} was carried out isn't known", problem.message)];
            self.record(Event::UnitUnknown { unit: unit.clone(), evidence }).await?;
            let why = format!(
                "{}. Whether the file was carried out isn't known; `holdpoint resume` asks",
                problem.message
            );
            return Err(Stop::Left { exit: Exit::Unknown, why });
        }
        self.bare_failed(intent, unit, problem).await.map(Some)
    }

    async fn psql_applied(
        &mut self,
        unit: &Unit,
        (intent, digest): (&Intent<'_>, &str),
        single: bool,
        said: &Said,
        (began, touched): (Instant, Vec<Touched>),
    ) -> Result<(), Stop> {
        if self.epoch.is_some() && !single {
            intent.result(&mut *self.control.session().await, true, digest).await?;
        }
        crash::point("after-result-row");
        if said.errors > 0 {
            let first = said.first.as_ref().map(|first| {
                let at =
                    first.place.as_ref().map(|(file, line)| format!("{file}:{line}: ")).unwrap_or_default();
                format!("{at}{}", first.message)
            });
            let what = format!(
                "psql passed over {}, as the file told it to; the first: {}",
                crate::engine::verify::count(usize::try_from(said.errors).unwrap_or(usize::MAX), "error"),
                first.unwrap_or_default()
            );
            self.record(Event::Deviation { step: Some(unit.step.clone()), what }).await?;
        }
        self.record(Event::UnitApplied {
            unit: unit.clone(),
            how: AppliedHow::Confirmed,
            statements: 0,
            rows: 0,
            warnings: said.warnings,
            elapsed_ms: millis(began.elapsed()),
            touched,
        })
        .await?;
        crash::point("after-applied");
        Ok(())
    }

    /// Whether a unit was given to psql, as the journal has it.
    pub(in crate::engine) fn is_psqls(&self, unit: &Unit) -> bool {
        self.recorder.look(|run| run.unit(unit).is_some_and(|state| state.runner.is_some()))
    }
}

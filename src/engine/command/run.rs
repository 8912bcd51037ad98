//! A program of the plan, from its intent to its result.
//!
//! ```text
//!   intent line → intent row → the program: its lines shown, its end → program_ended → result row → applied
//! ```
//!
//! What a program does is its own: nothing of it is rolled back, and after a stop nobody can tell how far it
//! came. So a person rules then, with what it had said before them. A command that changes nothing has neither
//! intent nor result: it is run again.

use std::time::{Duration, Instant};

use super::ready::{Ready, not_started};
use crate::crash;
use crate::engine::attention::Interruption;
use crate::engine::conductor::Conductor;
use crate::engine::copy::Writing;
use crate::engine::exit::Exit;
use crate::engine::keep::unwritten;
use crate::engine::listener::{Listener, log_path};
use crate::engine::problems;
use crate::engine::program::{self, Course, Cut, GRACE};
use crate::engine::stop::Stop;
use crate::engine::unit::millis;
use crate::pg::child::{Child, Ended, Pipes};
use crate::pg::ledger::fence;
use crate::pg::ledger::intent::Intent;
use crate::plan::expect::{Expect, SavedValue, Verdict};
use crate::plan::model::{Program, Side, Step};
use crate::run::event::{
    AppliedHow, COMMAND, CheckpointResult, Direction, Event, Problem, ProgramEnd, ProgramEnding, Unit, When,
};

/// How long a session of a program that is gone may take to end once it was told to.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// What came of running a program once.
struct Came {
    /// It did what the plan expects of its exit code and its time.
    result: Result<(), Problem>,
    /// What the plan expects of it, when it says so.
    verdict: Option<Verdict>,
    cut: Option<Cut>,
    took: Duration,
}

/// Who runs it: the step that the events name, forward or back, and which time it is.
#[derive(Clone, Copy)]
pub(super) struct Turn<'a> {
    pub step: &'a Step,
    /// Of the plan's course: for a rollback, that of the step that it undoes.
    pub id: &'a str,
    pub direction: Direction,
    pub attempt: u32,
    /// Of its sessions.
    pub name: &'a str,
}

impl Conductor {
    /// Runs a program that may change something, with its intent before and its result after it.
    pub(in crate::engine) async fn run_command(
        &mut self,
        step: &Step,
        program: &Program,
        unit: &Unit,
    ) -> Result<Result<(), Problem>, Stop> {
        if self.is_behind(unit) {
            return Ok(Ok(()));
        }
        if self.leaves_out(step) {
            self.left_out(step, program, &unit.step, unit.direction).await?;
            return Ok(Ok(()));
        }
        let ready = match self.ready(step, program) {
            Ok(ready) => ready,
            Err(problem) => return Ok(Err(*problem)),
        };
        self.attention.begin_work();
        let attempt = self.next_attempt(unit).await?;
        let name = format!("holdpoint command {}", uuid::Uuid::now_v7().simple());
        let source = self.call_reference(step, program);
        let digest = source.digest.clone();
        self.record(Event::BareIntent {
            unit: unit.clone(),
            attempt,
            pid: 0,
            backend_start: name.clone(),
            source,
            probe: None,
            runner: Some(COMMAND.to_owned()),
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
        let turn = Turn { step, id: &unit.step, direction: unit.direction, attempt, name: &name };
        let came = self.call(turn, program, ready).await?;
        crash::point("after-command");
        if let Some(Cut::Interrupted(Interruption::LockLost(why))) = &came.cut {
            let why = format!(
                "the lock on this database was lost: {why}. The program was ended, and how far it came isn't known; \
                 `holdpoint resume` asks"
            );
            return Err(Stop::Left { exit: Exit::Unknown, why });
        }
        let result = match came.result {
            Ok(()) => {
                if self.epoch.is_some() {
                    intent.result(&mut *self.control.session().await, true, &digest).await?;
                }
                crash::point("after-result-row");
                self.record(Event::UnitApplied {
                    unit: unit.clone(),
                    how: AppliedHow::Confirmed,
                    statements: 0,
                    rows: 0,
                    warnings: 0,
                    elapsed_ms: millis(came.took),
                    touched: Vec::new(),
                })
                .await?;
                crash::point("after-applied");
                Ok(())
            }
            Err(mut problem) => {
                problem.consequence = Some(
                    "what it did before that stays: holdpoint doesn't see it, and a rollback of the run doesn't undo it. Look \
                     before you retry"
                        .into(),
                );
                match came.cut {
                    Some(Cut::Interrupted(why)) => {
                        if self.epoch.is_some() {
                            intent.result(&mut *self.control.session().await, false, "").await?;
                        }
                        Err(self.interrupted(unit, why, problem).await?)
                    }
                    _ => self.bare_failed(&intent, unit, problem).await?,
                }
            }
        };
        self.record_expected(turn, came.verdict, came.took, When::AfterCommit).await?;
        Ok(result)
    }

    /// Runs a program that changes nothing: it leaves nothing to reconcile, and runs again after a stop.
    pub(in crate::engine) async fn look_by_command(
        &mut self,
        step: &Step,
        program: &Program,
        id: &str,
        direction: Direction,
    ) -> Result<Result<(), Problem>, Stop> {
        if self.leaves_out(step) {
            self.left_out(step, program, id, direction).await?;
            return Ok(Ok(()));
        }
        let ready = match self.ready(step, program) {
            Ok(ready) => ready,
            Err(problem) => return Ok(Err(*problem)),
        };
        self.attention.begin_work();
        let name = format!("holdpoint command {}", uuid::Uuid::now_v7().simple());
        let attempt = self.recorder.look(|run| run.step(id).map_or(1, |state| state.attempt));
        let turn = Turn { step, id, direction, attempt, name: &name };
        let came = self.call(turn, program, ready).await?;
        if let Some(Cut::Interrupted(why)) = came.cut {
            self.stop_for(why)?;
        }
        let failed = came.verdict.as_ref().is_some_and(|verdict| !verdict.passed);
        let words = came.verdict.as_ref().map(|v| format!("expected {}, got {}", v.expected, v.got));
        self.record_expected(turn, came.verdict, came.took, When::Standing).await?;
        match came.result {
            // It is run again on a retry, which is the only way to ask it again.
            Ok(()) if failed => Ok(Err(problems::plain(words.unwrap_or_default()))),
            result => Ok(result),
        }
    }

    /// Whether a demo or rehearsal leaves it out: it doesn't work on the database that was made for that.
    fn leaves_out(&self, step: &Step) -> bool {
        step.on == Side::None && !self.runs_shell(step)
    }

    async fn left_out(
        &mut self,
        step: &Step,
        program: &Program,
        id: &str,
        direction: Direction,
    ) -> Result<(), Stop> {
        let command = self.secrets.mask(&self.filled_call(&program.call).0.words());
        let end = ProgramEnd {
            step: id.to_owned(),
            direction,
            command,
            ending: ProgramEnding::LeftOut,
            lines: 0,
            bytes: 0,
            tail: Vec::new(),
            log: None,
            elapsed_ms: 0,
        };
        self.record(Event::ProgramEnded(Box::new(end))).await?;
        // Nobody heard it: what is expected of it stands open, and doesn't fail a demo.
        if step.expect.is_some() {
            let turn = Turn { step, id, direction, attempt: 0, name: "" };
            let verdict = Verdict::pass("of the command", "not run in a demo or rehearsal");
            self.record_expected(turn, Some(verdict), Duration::ZERO, When::Standing).await?;
        }
        Ok(())
    }

    /// Starts it, hears it to its end, and judges it.
    async fn call(&mut self, turn: Turn<'_>, program: &Program, mut ready: Ready) -> Result<Came, Stop> {
        let Turn { step, id, direction, attempt, name } = turn;
        let began = Instant::now();
        let expect = step.expect.clone().unwrap_or_default();
        let mut listener =
            Listener::new(self.says.clone(), self.secrets.clone(), id, &expect.contains, step.save.is_some());
        let log =
            log_path(self.folder.path(), id, direction == Direction::Back, self.generation(id), attempt);
        if let Err(error) = listener.log_to(&log) {
            return Err(Stop::Local(format!("{} can't be written: {error}", log.display())));
        }
        self.says.say(id, &format!("$ {}", ready.shown));
        if let Some(into) = &step.into {
            let place = self.place_in_plan(step.line);
            let path = self.artifact(into).map_err(Box::new);
            match path.and_then(|path| Writing::at(&path, into, place)) {
                Ok(writing) => listener.into = Some(writing),
                Err(problem) => return Ok(Came::not_begun(*problem, began)),
            }
        }
        let handed = match step.on {
            Side::None => None,
            side => match self.lend_on(side, name, &[]) {
                Ok(handed) => Some(handed),
                Err(why) => return Ok(Came::not_begun(problems::plain(why), began)),
            },
        };
        if let Some(handed) = handed {
            let given = std::mem::take(&mut ready.start.environment);
            ready.start.environment = handed.environment;
            // What the plan says stands, but for the connection.
            ready.start.environment.retain(|(name, _)| !given.iter().any(|(other, _)| other == name));
            ready.start.environment.extend(given);
            ready.start.remove.push(handed.passfile);
        }
        let shown = ready.shown;
        let remove = ready.start.remove.clone();
        let started = Child::start_with(ready.start, Pipes { output: true, input: false });
        let (ending, cut, ended) = match started {
            Ok(child) => {
                crash::point("command-started");
                let hear = |heard: program::Heard<'_>| {
                    listener.hear(&heard);
                    Ok(())
                };
                let Course { ended, cut } = self.follow(child, program.timeout, hear).await;
                (ending_of(ended, cut.as_ref()), cut, Some(ended))
            }
            Err(error) => {
                remove.iter().for_each(|file| drop(std::fs::remove_file(file)));
                (ProgramEnding::NotStarted { why: not_started(&error) }, None, None)
            }
        };
        listener.end();
        if ended != Some(Ended::Code(0)) && step.on != Side::None && ended.is_some() {
            // What it was doing may go on in the server without it.
            let grace = if cut.is_some() { Duration::ZERO } else { GRACE };
            let mut control = self.control.session().await;
            fence::sessions_over(&mut control, name, self.epoch, grace, PATIENCE).await?;
            drop(control);
            if cut.is_some() {
                self.end_sessions_on(step.on, name).await;
            }
        }
        let took = began.elapsed();
        let mut result = self.judge_ending(&ending, &expect);
        let written = listener.into.take();
        if let (Some(writing), Ok(())) = (written, &result) {
            let (path, _) = writing.named();
            match writing.finish() {
                Ok(written) => self.record_artifact(id, None, written).await?,
                Err(error) => result = Err(unwritten(&path, &error)),
            }
        }
        if let (Some(name), Ok(())) = (&step.save, &result) {
            match listener.saved() {
                Ok(text) => {
                    let value = SavedValue { text: Some(text), type_oid: 0 };
                    let values = [(name.clone(), value)].into_iter().collect();
                    let (step, checkpoint) = (id.to_owned(), id.to_owned());
                    self.record(Event::Saved { step, checkpoint, values }).await?;
                }
                Err(why) => result = Err(problems::plain(format!("`save`: {why}"))),
            }
        }
        let tail = if self.disclosure.rows { listener.tail() } else { Vec::new() };
        if let (Err(problem), false) = (&mut result, tail.is_empty()) {
            problem.detail.get_or_insert_with(|| tail.join("\n"));
        }
        let verdict =
            step.expect.as_ref().and(ended).map(|ended| self.judge_expected(&expect, ended, &listener, took));
        let end = ProgramEnd {
            step: id.to_owned(),
            direction,
            command: shown,
            ending,
            lines: listener.lines,
            bytes: listener.bytes,
            tail,
            log: log.strip_prefix(self.folder.path()).ok().map(|log| log.display().to_string()),
            elapsed_ms: millis(took),
        };
        self.record(Event::ProgramEnded(Box::new(end))).await?;
        Ok(Came { result, verdict, cut, took })
    }

    /// Whether it ended as it should: by itself, and with the exit code that is expected.
    fn judge_ending(&self, ending: &ProgramEnding, expect: &Expect) -> Result<(), Problem> {
        let message = match ending {
            ProgramEnding::Exited { code } => {
                let verdict = expect.judge_exit(*code, &self.saved());
                if verdict.passed {
                    return Ok(());
                }
                format!("the command ended with {}, expected {}", with_code(&verdict.got), verdict.expected)
            }
            ProgramEnding::Killed { signal } => format!("the command was ended by signal {signal}"),
            ProgramEnding::TimedOut { after_ms } => {
                let limit = crate::plan::duration::words(Duration::from_millis(*after_ms));
                format!(
                    "the command didn't end within {limit}, and was ended with everything that it had started"
                )
            }
            ProgramEnding::Stopped { why } => format!("the command was ended: {why}"),
            ProgramEnding::NotStarted { why } => why.clone(),
            ProgramEnding::LeftOut => return Ok(()),
        };
        Err(problems::plain(message))
    }

    fn judge_expected(&self, expect: &Expect, ended: Ended, listener: &Listener, took: Duration) -> Verdict {
        let mut parts =
            vec![(String::new(), expect.judge_exit(crate::engine::shell::code(ended), &self.saved()))];
        if !expect.contains.is_empty() {
            let all: Vec<String> = expect.contains.iter().map(|text| format!("{text:?}")).collect();
            let words = format!("contains {}", all.join(", "));
            let missing = listener.missing();
            parts.push((
                String::new(),
                match missing.as_slice() {
                    [] => Verdict::pass(words, "all there"),
                    missing => {
                        let missing: Vec<String> = missing.iter().map(|text| format!("{text:?}")).collect();
                        Verdict::fail(words, format!("without {}", missing.join(", ")), "")
                    }
                },
            ));
        }
        if let Some(most) = expect.within {
            let (words, got) = (crate::plan::duration::words(most), format!("{} ms", millis(took)));
            let verdict = match took <= most {
                true => Verdict::pass(words, got),
                false => Verdict::fail(words, got, "it took longer"),
            };
            parts.push(("time".to_owned(), verdict));
        }
        Verdict::all_of(parts)
    }

    pub(super) async fn record_expected(
        &mut self,
        turn: Turn<'_>,
        verdict: Option<Verdict>,
        took: Duration,
        when: When,
    ) -> Result<(), Stop> {
        let Some(verdict) = verdict else { return Ok(()) };
        self.record(Event::CheckpointResult(Box::new(CheckpointResult {
            step: turn.id.to_owned(),
            checkpoint: format!("{}/expect", turn.id),
            title: "runs as the plan expects".into(),
            direction: turn.direction,
            when,
            verdict,
            elapsed_ms: millis(took),
            otherwise: None,
        })))
        .await
    }
}

impl Came {
    fn not_begun(problem: Problem, began: Instant) -> Self {
        Self { result: Err(problem), verdict: None, cut: None, took: began.elapsed() }
    }
}

fn ending_of(ended: Ended, cut: Option<&Cut>) -> ProgramEnding {
    match (cut, ended) {
        (Some(Cut::TimedOut(limit)), _) => ProgramEnding::TimedOut { after_ms: millis(*limit) },
        (Some(Cut::Unheard(why)), _) => ProgramEnding::Stopped { why: why.clone() },
        (Some(Cut::Interrupted(why)), _) => ProgramEnding::Stopped {
            why: match why {
                Interruption::Cancelled => "cancelled by a person".to_owned(),
                Interruption::Signal(signal) => format!("interrupted by {signal}"),
                Interruption::LockLost(why) => format!("the lock on the database was lost: {why}"),
            },
        },
        (None, Ended::Code(code)) => ProgramEnding::Exited { code },
        (None, Ended::Signal(signal)) => ProgramEnding::Killed { signal },
    }
}

/// `exit 3` → `exit code 3`.
fn with_code(got: &str) -> String {
    got.replacen("exit ", "exit code ", 1)
}

//! What follows a failure: the plan's policy, and people where it says to hold.

use super::conductor::{Answer, Conductor, StepEnd};
use super::exit::Exit;
use super::problems;
use super::rollback::Wanted;
use super::stop::Stop;
use super::verify::count;
use crate::plan::model::{OnFailure, Step};
use crate::run::command::{Command, Wish};
use crate::run::event::{Assurance, Direction, Ending, Event, HoldReason, Person, Problem};
use crate::run::state::Status;

/// What failed, where and why, in a line.
pub(super) fn failure_words(step: &Step, problem: &Problem) -> String {
    match &problem.place {
        Some(place) => {
            // psql knows the line alone.
            let column = if place.column > 0 { format!(":{}", place.column) } else { String::new() };
            let at = format!("{}:{}{column}", place.file, place.line);
            format!("\"{}\" failed at {at}: {}", step.title, problem.message)
        }
        None => format!("\"{}\" failed: {}", step.title, problem.message),
    }
}

impl Conductor {
    pub(super) async fn record_failure(
        &mut self,
        step: &Step,
        problem: &Problem,
        began: std::time::Instant,
    ) -> Result<(), Stop> {
        let generation = self.generation(&step.id);
        self.record(Event::StepFailed {
            step: step.id.clone(),
            direction: Direction::Forward,
            generation,
            problem: problem.clone(),
            elapsed_ms: super::unit::millis(began.elapsed()),
        })
        .await
    }

    pub(super) fn standing_failure(&self, step: &Step) -> (HoldReason, Problem) {
        self.recorder.look(|run| match run.step(&step.id) {
            Some(state) if state.status == Status::Failed => {
                (HoldReason::Failed, state.problem.clone().unwrap_or_default())
            }
            _ => (HoldReason::Unverified, problems::plain("a checkpoint didn't pass")),
        })
    }

    /// Which checkpoints didn't pass, with what was expected and what came.
    pub(super) fn unverified(&self, step: &Step, only: Option<&[String]>) -> String {
        const MOST: usize = 3;
        let mut words: Vec<String> = self.recorder.look(|run| {
            let results = run.step(&step.id).map(|state| state.failed_checkpoints()).unwrap_or_default();
            results
                .iter()
                .filter(|result| only.is_none_or(|only| only.contains(&result.checkpoint)))
                .map(|result| {
                    let verdict = &result.verdict;
                    let differ = format!("expected {}, got {}", verdict.expected, verdict.got);
                    // A step that is one check has its title already.
                    if result.title == step.title {
                        differ
                    } else {
                        format!("\"{}\": {differ}", result.title)
                    }
                })
                .collect()
        });
        if words.len() > MOST {
            let more = words.len() - MOST;
            words.truncate(MOST);
            words.push(format!("and {more} more"));
        }
        match words.is_empty() {
            true => format!("\"{}\" didn't pass", step.title),
            false => format!("\"{}\" didn't pass: {}", step.title, words.join("; ")),
        }
    }

    /// What the plan says about a failure, and what people say when it says to hold.
    pub(super) async fn policy(
        &mut self,
        step: &Step,
        reason: HoldReason,
        problem: &Problem,
        needs: String,
    ) -> Result<Answer, Stop> {
        let by = Person { name: "plan".into(), how: Assurance::Policy };
        // No answer isn't a wrong one: neither stopping for good nor going back follows from it.
        let unanswered = self.out_of_reach.take().is_some();
        let policy = match self.policy_for(step) {
            OnFailure::Continue => OnFailure::Continue,
            _ if unanswered => OnFailure::Hold,
            policy => policy,
        };
        match policy {
            OnFailure::Continue => {
                let what = format!(
                    "\"{}\" failed and the plan says to go on: {}{}",
                    step.title,
                    problem.message,
                    self.advice(step)
                );
                if reason == HoldReason::Unverified {
                    self.record(Event::StepAccepted { step: step.id.clone(), reason: what, by }).await?;
                } else {
                    self.record(Event::StepSkipped {
                        step: step.id.clone(),
                        reason: what,
                        by,
                        deviation: true,
                    })
                    .await?;
                }
                Ok(Answer::Next)
            }
            OnFailure::Stop => {
                let why = format!(
                    "\"{}\" failed and the plan says to stop: {}{}",
                    step.title,
                    problem.message,
                    self.advice(step)
                );
                Err(self.end(Ending::Stopped { why: why.clone() }, Exit::Failed, why).await)
            }
            OnFailure::Rollback | OnFailure::Procedure(_) => {
                let procedure = match policy {
                    OnFailure::Procedure(id) => Some(id),
                    _ => None,
                };
                // What can't be begun isn't left lying: somebody has to say what else.
                if let Some(cant) = self.cant_begin(procedure.as_deref()) {
                    let what = procedure.as_deref().unwrap_or("to roll back");
                    let needs = format!("{needs}; the plan says {what}, which can't be carried out: {cant}");
                    return self.ask_about(step, reason, needs).await;
                }
                Err(Stop::TurnBack(Box::new(Wanted { procedure, ..Wanted::all(problem.message.clone()) })))
            }
            OnFailure::Hold => self.ask_about(step, reason, needs).await,
        }
    }

    /// What the plan says to people about a failure after which nobody is asked.
    fn advice(&self, step: &Step) -> String {
        step.otherwise
            .as_deref()
            .map_or_else(String::new, |advice| format!(". The plan says: {}", self.fill(advice)))
    }

    /// A checkpoint's own policy comes before its step's; the strictest of several holds.
    pub(super) fn policy_for(&self, step: &Step) -> OnFailure {
        let failed = self.recorder.look(|run| {
            run.step(&step.id)
                .map(|s| s.failed_checkpoints().iter().map(|r| r.checkpoint.clone()).collect::<Vec<_>>())
                .unwrap_or_default()
        });
        let own =
            |id: &String| step.checkpoints.iter().find(|c| c.id == *id).and_then(|c| c.on_failure.clone());
        // A checkpoint that may fail says nothing about a step that failed for another reason.
        let tolerated = self.status(&step.id) == Status::Failed;
        let policies: Vec<OnFailure> = failed
            .iter()
            .map(|id| own(id).unwrap_or_else(|| step.on_failure.clone()))
            .filter(|policy| !(tolerated && *policy == OnFailure::Continue))
            .collect();
        if policies.is_empty() {
            return step.on_failure.clone();
        }
        let strict = policies.into_iter().find(|policy| *policy != OnFailure::Continue);
        strict.unwrap_or(OnFailure::Continue)
    }

    /// Statements that failed and that the plan passes over.
    pub(super) fn passed_over(&self, id: &str) -> usize {
        self.recorder.look(|run| {
            run.step(id).map_or(0, |step| step.units.iter().filter(|unit| unit.passed_over).count())
        })
    }

    /// A step of which statements failed isn't verified, although the plan goes on.
    pub(super) async fn accept_passed_over(
        &mut self,
        step: &Step,
        statements: usize,
        elapsed_ms: u64,
    ) -> Result<StepEnd, Stop> {
        let says = match step.on_failure {
            OnFailure::Continue => "the plan says to go on",
            _ => "the script says to go on (ON_ERROR_STOP off)",
        };
        let reason = format!("{} failed, and {says}{}", count(statements, "statement"), self.advice(step));
        let failed = Vec::new();
        self.record(Event::StepUnverified { step: step.id.clone(), elapsed_ms, failed }).await?;
        let by = Person { name: "plan".into(), how: Assurance::Policy };
        self.record(Event::StepAccepted { step: step.id.clone(), reason, by }).await?;
        Ok(StepEnd::Settled)
    }

    pub(super) async fn ask_about(
        &mut self,
        step: &Step,
        reason: HoldReason,
        needs: String,
    ) -> Result<Answer, Stop> {
        let advice = step.otherwise.as_deref().map(|otherwise| self.fill(otherwise));
        // It is asked about once.
        self.broken_off.take_if(|id| *id == step.id);
        self.hold(reason, Some(&step.id), needs, advice).await?;
        loop {
            let Command { what, by } = self.next_wish().await?;
            match what {
                Wish::Retry | Wish::Go => return Ok(Answer::Retry),
                Wish::Skip { step: of, reason } if of == step.id => {
                    crate::crash::point("ruled-out");
                    let deviation = !step.optional;
                    self.record(Event::StepSkipped { step: of, reason, by, deviation }).await?;
                    return Ok(Answer::Next);
                }
                Wish::Override { step: of, reason } if of == step.id => {
                    self.record(Event::StepAccepted { step: of, reason, by }).await?;
                    return Ok(Answer::Next);
                }
                other => {
                    self.obey(Some(&step.id), other, by).await?;
                }
            }
        }
    }
}

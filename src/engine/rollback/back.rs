//! Goes along the course of a rollback, from its first line in the journal to its last.

use std::time::Instant;

use super::super::conductor::Conductor;
use super::super::exit::Exit;
use super::super::stop::Stop;
use super::super::unit::millis;
use super::{Course, Known, Wanted, Way, count_lost, listed, rehearsed, set_out, way};
use crate::journal::StateDir;
use crate::pg::ledger::entry;
use crate::run::command::{Command, Wish};
use crate::run::event::{self, Ending, Event, HoldReason, Residue};
use crate::run::state::{RollbackState, Run};

impl Conductor {
    /// Undoes what this run applied, as far as it is asked for.
    ///
    /// # Errors
    /// When it can't be begun so, or the run can't go on.
    pub(in crate::engine) async fn roll_back(&mut self, wanted: Wanted) -> Result<Exit, Stop> {
        let plan = std::sync::Arc::clone(&self.plan);
        let wanted = self.with_values(wanted);
        let course = self.recorder.look(|run| set_out(&plan, run, &wanted));
        let course = course.map_err(|why| Stop::Left { exit: Exit::Waiting, why })?;
        self.has_values_for_rollback(&course)?;
        // One that is opened again was asked about it.
        if !self.recorder.look(Run::only_goes_back) {
            for rows in self.rows_written_again(&course).await? {
                let what = format!("{rows}: the rollback may put other values in their place");
                self.record(Event::Deviation { step: None, what }).await?;
            }
        }
        self.image_before_rollback().await?;
        let listed = self.listed(&course, &wanted.only).await?;
        self.record(Event::RollbackStarted {
            to: wanted.to,
            procedure: wanted.procedure,
            steps: course.steps,
            kept: course.kept,
            why: wanted.why,
            course: listed,
        })
        .await?;
        self.continue_rollback().await
    }

    /// What will run, with what would be lost and how long it took when it was rehearsed.
    pub(in crate::engine) async fn listed(
        &mut self,
        course: &Course,
        only: &[String],
    ) -> Result<event::Course, Stop> {
        let run = self.recorder.look(Run::clone);
        let known = Known { plan: &self.plan, run: &run, sources: &self.sources, vars: self.variables() };
        let mut course = listed(&known, course, only);
        let mut session = self.measuring().await?;
        session.batch("SET lock_timeout = '500ms'").await?;
        count_lost(&mut session, &run, &mut course.items).await?;
        self.rest(session).await;
        let state = self.folder.path().parent().map(|state| StateDir::find(Some(state), state));
        if let Some(Ok(state)) = state
            && let Some(why) = rehearsed(&state, &run, &mut course)
        {
            tracing::warn!(%why, "the last rehearsal");
        }
        Ok(course)
    }

    /// With the values of variables that only rollbacks use.
    pub(in crate::engine) fn with_values(&self, mut wanted: Wanted) -> Wanted {
        for var in self.plan.vars.iter().filter(|var| var.only_rollback) {
            if let Some(value) = self.vars.text(&var.name) {
                wanted.vars.entry(var.name.clone()).or_insert_with(|| value.to_owned());
            }
        }
        wanted
    }

    /// A variable that only a procedure uses is needed when that starts.
    pub(in crate::engine) fn has_values_for_rollback(&self, course: &Course) -> Result<(), Stop> {
        let takes_part = |number: &usize| {
            let of = self.plan.rollbacks.get(*number);
            of.is_some_and(|of| course.procedures.iter().any(|turn| turn.procedure == of.id))
        };
        let missing: Vec<String> = self
            .plan
            .vars
            .iter()
            .filter(|var| var.only_rollback && var.procedures.iter().any(takes_part))
            .filter(|var| self.vars.get(&var.name).is_none())
            .map(|var| match &var.ask {
                Some(ask) => format!("--var {}=… ({ask})", var.name),
                None => format!("--var {}=…", var.name),
            })
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let why = format!("the rollback needs values: {}; nothing was undone yet", missing.join(", "));
        Err(Stop::Left { exit: Exit::Waiting, why })
    }

    /// Goes on with a rollback, after a stop too.
    pub(in crate::engine) async fn continue_rollback(&mut self) -> Result<Exit, Stop> {
        let began = Instant::now();
        if self.epoch.is_none() && self.recorder.look(|run| run.epoch.is_some()) {
            self.take_fence().await?;
        }
        let rollback = self.recorder.look(|run| run.rollback.clone()).unwrap_or_default();
        // One that undoes nothing of what stands has no step that would bring it in.
        for turn in rollback.course.procedures.iter().filter(|turn| turn.undoes.is_empty()) {
            self.carry_out(turn).await?;
        }
        for id in &rollback.steps {
            match rollback.course.procedure_for(id) {
                Some(turn) if turn.undoes.first() == Some(id) => self.carry_out(turn).await?,
                Some(_) => {}
                None => self.undo(id).await?,
            }
        }
        // Last, those that were undone with another step, once that one really is.
        for id in rollback.steps.iter().filter(|id| rollback.course.procedure_for(id).is_none()) {
            self.undone_with_another(id).await?;
        }
        self.tell_the_ledger(&rollback).await?;
        self.end_rollback(&rollback, began).await
    }

    /// What a procedure or another step has undone has no transaction of its own that the ledger could know of: else
    /// it says to whoever comes later that it stands.
    async fn tell_the_ledger(&mut self, rollback: &RollbackState) -> Result<(), Stop> {
        let Some(epoch) = self.epoch else { return Ok(()) };
        let plan = std::sync::Arc::clone(&self.plan);
        let elsewhere = |id: &&String| match rollback.course.procedure_for(id) {
            Some(turn) => !turn.by_own(id) || matches!(way(&plan, id), Way::By(_)),
            None => matches!(way(&plan, id), Way::By(_)),
        };
        for id in rollback.steps.iter().filter(elsewhere).filter(|id| !self.stands(id)) {
            // It has risen with the undo.
            let Some(generation) = self.generation(id).checked_sub(1) else { continue };
            let head = self.recorder.head();
            let mut control = self.control.session().await;
            entry::taken_back(&mut control, &self.run, id, generation, epoch, &head).await?;
        }
        Ok(())
    }

    async fn end_rollback(&mut self, rollback: &RollbackState, began: Instant) -> Result<Exit, Stop> {
        let everything = self.recorder.look(|run| run.applied_order.is_empty());
        let found = self.residue(rollback, everything).await?;
        let elapsed_ms = millis(began.elapsed());
        let as_before = not_as_before(&found.residue);
        // Nothing compared is nothing proven.
        let clean = found.residue.is_empty()
            && found.stays.is_empty()
            && self.recorder.look(|run| run.baseline.is_some());
        self.record(Event::RollbackEnded {
            residue: found.residue,
            others: found.others,
            stays: found.stays,
            unsure: found.unsure,
            moved: found.moved,
            covers: found.covers,
            not_compared: found.not_compared,
            not_put_back: found.not_put_back,
            elapsed_ms,
        })
        .await?;
        if rollback.is_partial() && !everything {
            // Whoever comes to it later has to know what it was for.
            let why = match rollback.why.as_str() {
                "" => String::new(),
                why => format!(" ({why})"),
            };
            let needs = format!(
                "the rollback went as far as it was told{why}{as_before}; go on forward, or roll back the rest"
            );
            self.hold(HoldReason::RolledBackTo, None, needs.clone(), None).await?;
            // Residue is residue, also of a part.
            let exit = if clean { Exit::Waiting } else { Exit::Failed };
            if self.attended {
                return self.after_a_part(exit).await;
            }
            return Err(Stop::Left { exit, why: needs });
        }
        let exit = if clean && everything { Exit::RolledBack } else { Exit::Failed };
        let summary = self.summary().await;
        let outcome = Ending::RolledBack { clean: clean && everything };
        self.record(Event::Ended { outcome, exit_code: exit.code(), summary }).await?;
        Ok(exit)
    }

    /// A part is undone, and somebody sits there: forward again, further back, or the end, by their word.
    async fn after_a_part(&mut self, exit: Exit) -> Result<Exit, Stop> {
        loop {
            let Command { what, by } = self.next_wish().await?;
            match what {
                Wish::Go => return self.forward().await,
                // Residue is told by the exit code, whoever leaves.
                Wish::Leave { why } => return Err(Stop::Left { exit, why }),
                other => {
                    self.obey(None, other, by).await?;
                    if self.goes_on_without().await? {
                        return self.forward().await;
                    }
                }
            }
        }
    }
}

/// What a part of a rollback left, in words behind a sentence: the first by name.
fn not_as_before(residue: &[Residue]) -> String {
    const NAMED: usize = 3;
    if residue.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = residue.iter().take(NAMED).map(|one| one.object.as_str()).collect();
    let more = match residue.len().saturating_sub(NAMED) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    format!(", but not everything is as it should be by now: {}{more}", names.join(", "))
}

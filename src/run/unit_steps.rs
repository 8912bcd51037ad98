//! What the events of a unit do to the step that it belongs to.

use super::event::{AppliedHow, Direction, Event, Problem, Unit};
use super::step::{Status, StepState, Why};
use super::unit::{LockWait, UnitPhase, UnitState};

impl StepState {
    /// The unit belongs to what the step does now.
    fn fits(&self, unit: &Unit) -> Result<(), Why> {
        self.generation_is(unit.generation)?;
        if unit.direction == self.direction() {
            return Ok(());
        }
        Err(match unit.direction {
            Direction::Back => format!("step `{}` isn't being undone", self.id),
            Direction::Forward => format!("step `{}` is being undone", self.id),
        })
    }

    /// The step is on its way in this process, so that something new may begin.
    fn under_way(&self) -> Result<(), Why> {
        self.is(&[Status::Running, Status::Committing, Status::Undoing])?;
        if self.broken_off {
            return Err(format!("step `{}` was broken off: it has to be started again", self.id));
        }
        if self.undo_applied {
            return Err(format!("the rollback of step `{}` is applied", self.id));
        }
        Ok(())
    }

    fn unit_in(&self, unit: &Unit, phases: &[UnitPhase]) -> Result<(), Why> {
        match self.unit(unit) {
            None => Err(format!("{} hasn't begun", unit.words())),
            Some(state) if phases.contains(&state.phase) => Ok(()),
            Some(state) => Err(format!("{} is {}", unit.words(), state.phase.word())),
        }
    }

    fn change(&mut self, unit: &Unit, change: impl FnOnce(&mut UnitState)) {
        if let Some(state) = self.units_of_mut(unit.direction).named_mut(&unit.unit) {
            change(state);
        }
    }

    /// Back to running, once nothing of it is committing any more.
    fn no_longer_committing(&mut self) {
        if self.status == Status::Committing {
            self.status = Status::Running;
        }
    }

    /// J1, or the intent of a bare statement.
    pub(super) fn unit_begins(&mut self, state: UnitState) -> Result<(), Why> {
        let unit = &state.unit;
        self.fits(unit)?;
        self.under_way()?;
        let units = self.units_of(unit.direction);
        match units.named(&unit.unit) {
            // A bare statement may have its session announced before its intent.
            Some(old) if old.phase == UnitPhase::Started && state.bare && !old.bare => {}
            Some(old) if old.phase == UnitPhase::Waiting && state.attempt > old.attempt => {}
            Some(old) if old.phase == UnitPhase::Waiting => {
                return Err(format!("attempt {} of {} was before", state.attempt, unit.words()));
            }
            Some(old) => return Err(format!("{} is {}", unit.words(), old.phase.word())),
            // They follow one another: only the last one can be unfinished.
            None => match units.last() {
                Some(last) if !last.is_behind() => {
                    return Err(format!("{} is {}", last.unit.words(), last.phase.word()));
                }
                _ => {}
            },
        }
        if state.bare && self.status == Status::Running {
            self.status = Status::Committing;
        }
        self.units_of_mut(state.unit.direction).put(state);
        Ok(())
    }

    /// J2.
    pub(super) fn unit_commits(&mut self, unit: &Unit, xid: Option<&String>) -> Result<(), Why> {
        self.fits(unit)?;
        self.under_way()?;
        self.unit_in(unit, &[UnitPhase::Started])?;
        if self.status == Status::Running {
            self.status = Status::Committing;
        }
        self.change(unit, |u| {
            u.phase = UnitPhase::Committing;
            u.xid = xid.cloned();
        });
        Ok(())
    }

    /// J3.
    pub(super) fn unit_applied(&mut self, event: &Event) -> Result<(), Why> {
        let Event::UnitApplied { unit, how, statements, rows, warnings, elapsed_ms, touched } = event else {
            return Ok(());
        };
        self.fits(unit)?;
        self.is(&[Status::Running, Status::Committing, Status::Undoing])?;
        if self.broken_off && *how == AppliedHow::Confirmed {
            return Err(format!("step `{}` was broken off: no answer can come any more", self.id));
        }
        // What changes nothing needs no intent before its COMMIT.
        let from: &[UnitPhase] = if self.changes {
            &[UnitPhase::Committing, UnitPhase::Intent]
        } else {
            &[UnitPhase::Committing, UnitPhase::Intent, UnitPhase::Started]
        };
        self.unit_in(unit, from)?;
        self.no_longer_committing();
        self.change(unit, |u| {
            u.phase = UnitPhase::Applied;
            u.how = Some(*how);
            u.statements = *statements;
            u.rows = *rows;
            u.warnings = *warnings;
            u.elapsed_ms = *elapsed_ms;
            u.touched.clone_from(touched);
            u.problem = None;
        });
        Ok(())
    }

    pub(super) fn unit_failed(&mut self, unit: &Unit, problem: &Problem) -> Result<(), Why> {
        self.fits(unit)?;
        // After a death it isn't an answer that says so, but what was found: `unit_reconciled`.
        self.under_way()?;
        self.unit_in(
            unit,
            &[UnitPhase::Started, UnitPhase::Committing, UnitPhase::Intent, UnitPhase::Waiting],
        )?;
        self.no_longer_committing();
        self.may_stay |= problem.may_stay && unit.direction == Direction::Forward;
        self.change(unit, |u| {
            u.phase = UnitPhase::Failed;
            u.problem = Some(problem.clone());
        });
        Ok(())
    }

    /// Outside of transactions the plan may go on with the next statement.
    pub(super) fn unit_passed_over(&mut self, unit: &Unit) -> Result<(), Why> {
        self.fits(unit)?;
        self.under_way()?;
        self.unit_in(unit, &[UnitPhase::Failed])?;
        self.change(unit, |u| u.passed_over = true);
        Ok(())
    }

    /// Its script wrote a file: it is under way. One that several units wrote to is whole behind the last of
    /// them.
    pub(super) fn is_writing(&mut self, unit: &Unit) -> Result<(), Why> {
        self.fits(unit)?;
        self.under_way()?;
        self.unit_in(unit, &[UnitPhase::Started, UnitPhase::Intent, UnitPhase::Applied, UnitPhase::Failed])
    }

    /// Its work is done and not committed yet.
    pub(super) fn is_being_applied(&mut self, unit: &Unit) -> Result<(), Why> {
        self.fits(unit)?;
        self.under_way()?;
        self.unit_in(unit, &[UnitPhase::Started])
    }

    /// A lock wasn't to be had: nothing happened, and it isn't a failure yet.
    pub(super) fn unit_waits(&mut self, unit: &Unit, wait: LockWait) -> Result<(), Why> {
        self.fits(unit)?;
        self.under_way()?;
        self.unit_in(unit, &[UnitPhase::Started, UnitPhase::Committing, UnitPhase::Intent])?;
        self.no_longer_committing();
        self.change(unit, |u| {
            u.phase = UnitPhase::Waiting;
            u.lock_wait = Some(wait);
        });
        Ok(())
    }

    /// A recorded undo comes into doubt: the step is again what it was while that undo was being recorded.
    pub(super) fn doubt_undo(&mut self, unit: &Unit) {
        let is_last = unit.direction == Direction::Back
            && unit.generation + 1 == self.generation
            && self.status == Status::Pending;
        if let Some(last) = self.last_undo.take_if(|last| is_last && last.unit(unit).is_some()) {
            let now = std::mem::replace(self, *last);
            self.worked_ms = now.worked_ms;
            self.after_undo = Some(Box::new(now));
        }
    }

    /// The last doubt about a recorded undo is settled. `true`: it didn't happen, and the step stands again.
    pub(super) fn undo_settled(&mut self) -> bool {
        if self.status == Status::Unknown || self.after_undo.is_none() {
            return false;
        }
        let Some(after) = self.after_undo.take() else { return false };
        if self.undo_units.iter().all(|unit| unit.phase == UnitPhase::Applied) {
            let worked_ms = self.worked_ms;
            *self = Self { worked_ms, ..*after };
            return false;
        }
        self.status = self.before_undo.take().unwrap_or(Status::Failed);
        self.undo_applied = false;
        self.broken_off = false;
        true
    }

    /// Also an applied unit can come into doubt: its ledger row is gone after a failover or restore.
    pub(super) fn unit_unknown(&mut self, unit: &Unit, evidence: &[String]) -> Result<(), Why> {
        self.generation_is(unit.generation)?;
        self.unit_in(
            unit,
            &[
                UnitPhase::Started,
                UnitPhase::Committing,
                UnitPhase::Intent,
                UnitPhase::Applied,
                UnitPhase::Unknown,
            ],
        )?;
        if self.status != Status::Unknown {
            self.before_doubt = Some(self.status);
        }
        self.status = Status::Unknown;
        self.change(unit, |u| {
            if u.phase != UnitPhase::Unknown {
                u.before_doubt = Some(u.phase);
            }
            u.phase = UnitPhase::Unknown;
            u.evidence = evidence.to_vec();
        });
        Ok(())
    }

    /// What was found out. A unit that was never in doubt (its end was found by the ledger when the
    /// run was taken up again) leaves the step where it is; one in doubt leads it back.
    pub(super) fn unit_reconciled(
        &mut self,
        unit: &Unit,
        applied: bool,
        by_person: bool,
        evidence: &[String],
    ) -> Result<(), Why> {
        self.generation_is(unit.generation)?;
        // Without a commit intent no COMMIT was sent: such a row is a contradiction, not an answer.
        let from: &[UnitPhase] = if applied {
            &[UnitPhase::Committing, UnitPhase::Intent, UnitPhase::Unknown]
        } else {
            &[
                UnitPhase::Started,
                UnitPhase::Committing,
                UnitPhase::Intent,
                UnitPhase::Waiting,
                UnitPhase::Unknown,
            ]
        };
        self.unit_in(unit, from)?;
        self.change(unit, |u| {
            u.phase = if applied { UnitPhase::Applied } else { UnitPhase::Failed };
            if applied {
                u.how = Some(if by_person { AppliedHow::Ruling } else { AppliedHow::Ledger });
            }
            u.evidence = evidence.to_vec();
        });
        if self.status != Status::Unknown {
            self.no_longer_committing();
            return Ok(());
        }
        if self.units.iter().chain(&self.undo_units).any(|u| u.phase == UnitPhase::Unknown) {
            return Ok(());
        }
        self.leave_doubt();
        Ok(())
    }

    fn leave_doubt(&mut self) {
        let before = self.before_doubt.take().unwrap_or(Status::Running);
        let not_applied = self.units.iter().any(|u| u.phase == UnitPhase::Failed);
        self.status = match before {
            // Goes on with its undo, after it was started again.
            Status::Undoing => Status::Undoing,
            _ if not_applied => Status::Failed,
            Status::Committing => Status::Running,
            other => other,
        };
        self.broken_off &= self.status.is_moving();
    }
}

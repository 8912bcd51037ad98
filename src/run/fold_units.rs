//! The fold over units: what begins, commits, fails or comes into doubt.

use jiff::Timestamp;

use super::event::{Direction, Event, HoldReason, SourceRef, Unit};
use super::state::{Hold, Run, RunState, UnitPhase, UnitState, WrittenFile};
use super::step::{Status, Why};
use super::unit::LockWait;

impl Run {
    pub(super) fn take_unit_event(&mut self, event: &Event, at: Timestamp) -> Result<(), Why> {
        let Some(unit) = event.unit() else { return Ok(()) };
        let i = self.find(&unit.step)?;
        if !matches!(event, Event::UnitUnknown { .. } | Event::UnitReconciled { .. }) {
            self.may_move(i, unit.direction)?;
        }
        match event {
            Event::UnitStarted { attempt, pid, backend_start, source, .. } => {
                self.may_change(i)?;
                let state = begun(unit, UnitPhase::Started, *attempt, *pid, backend_start, source);
                self.steps[i].unit_begins(state)?;
            }
            Event::BareIntent { attempt, pid, backend_start, source, probe, runner, .. } => {
                self.may_change(i)?;
                let mut state = begun(unit, UnitPhase::Intent, *attempt, *pid, backend_start, source);
                state.bare = true;
                state.probe.clone_from(probe);
                state.runner.clone_from(runner);
                self.steps[i].unit_begins(state)?;
            }
            Event::CommitIntent { xid, .. } => {
                self.steps[i].unit_commits(unit, xid.as_ref())?;
            }
            Event::LockRetry { of, pause_ms, blockers, .. } => {
                let (retries, pause_ms, blockers) = (*of, *pause_ms, blockers.clone());
                self.steps[i].unit_waits(unit, LockWait { retries, since: at, pause_ms, blockers })?;
            }
            Event::DatabaseReplacing(replacing) => {
                self.steps[i].is_being_applied(unit)?;
                self.replaced.push((**replacing).clone());
            }
            Event::UnitApplied { .. } => {
                self.steps[i].unit_applied(event)?;
                self.is_applied(i, unit.direction);
            }
            Event::UnitFailed { problem, .. } => self.steps[i].unit_failed(unit, problem)?,
            Event::UnitPassedOver { .. } => self.steps[i].unit_passed_over(unit)?,
            Event::FileWritten { file, path, bytes, rows, digest, .. } => {
                self.steps[i].is_writing(unit)?;
                self.written.push(WrittenFile {
                    unit: unit.clone(),
                    file: file.clone(),
                    path: path.clone(),
                    bytes: *bytes,
                    rows: *rows,
                    digest: digest.clone(),
                });
            }
            Event::UnitUnknown { evidence, .. } => self.unit_unknown(i, unit, evidence)?,
            Event::UnitReconciled { applied, evidence, by, .. } => {
                self.steps[i].unit_reconciled(unit, *applied, by.is_some(), evidence)?;
                if self.steps[i].undo_settled() {
                    self.stands_again(i);
                } else if *applied {
                    self.is_applied(i, unit.direction);
                } else if unit.direction == Direction::Forward && !self.steps[i].has_effects() {
                    self.is_undone(i);
                }
                if self.current == Some(i) && self.steps[i].status.is_settled() {
                    self.current = None;
                }
                self.out_of_doubt(unit);
            }
            _ => {}
        }
        Ok(())
    }

    fn unit_unknown(&mut self, i: usize, unit: &Unit, evidence: &[String]) -> Result<(), Why> {
        self.steps[i].doubt_undo(unit);
        self.steps[i].unit_unknown(unit, evidence)?;
        self.touched |= self.steps[i].changes;
        // The last that came up is the first that is asked about.
        self.doubts.retain(|doubt| doubt != unit);
        self.doubts.insert(0, unit.clone());
        if let RunState::InDoubt(asked) = &mut self.state {
            asked.clone_from(unit);
        } else {
            self.doubt_back = self.goes_back();
            self.doubt_hold = None;
            let before = std::mem::replace(&mut self.state, RunState::InDoubt(unit.clone()));
            self.doubt_before = match before {
                RunState::Holding(hold) => Some(hold),
                _ => None,
            };
        }
        Ok(())
    }

    /// The last doubt settled, the run holds: going on is a person's decision.
    fn out_of_doubt(&mut self, unit: &Unit) {
        self.doubts.retain(|doubt| doubt != unit);
        self.ruled = self.ruled.take().filter(|ruling| ruling.unit != *unit);
        if !matches!(self.state, RunState::InDoubt(_)) {
            return;
        }
        if let Some(next) = self.doubts.first() {
            self.state = RunState::InDoubt(next.clone());
            return;
        }
        let before = self.doubt_before.take();
        let said = self.doubt_hold.take();
        // What turned out not to be applied needs its own decision; else it waits for what it waited
        // for before.
        let not_applied = self.step(&unit.step).is_some_and(|step| step.status == Status::Failed);
        let about_it = |hold: &Hold| !not_applied || hold.step.as_deref() == Some(unit.step.as_str());
        let hold = before.filter(about_it).or(said.filter(about_it)).unwrap_or_else(|| Hold {
            reason: HoldReason::Unknown,
            step: Some(unit.step.clone()),
            needs: "a decision, now that the outcome is known".into(),
            hint: None,
            rolling_back: self.doubt_back,
        });
        self.state = RunState::Holding(hold);
    }
}

fn begun(
    unit: &Unit,
    phase: UnitPhase,
    attempt: u32,
    pid: i32,
    backend_start: &str,
    source: &SourceRef,
) -> UnitState {
    UnitState {
        unit: unit.clone(),
        phase,
        attempt,
        bare: false,
        source: source.clone(),
        pid,
        backend_start: backend_start.to_owned(),
        probe: None,
        runner: None,
        xid: None,
        how: None,
        touched: Vec::new(),
        statements: 0,
        rows: 0,
        warnings: 0,
        elapsed_ms: 0,
        problem: None,
        passed_over: false,
        evidence: Vec::new(),
        lock_wait: None,
        before_doubt: None,
    }
}

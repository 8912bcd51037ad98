//! A unit that isn't applied: what broke it, how its transaction is undone, and what is recorded.

use super::attention::Interruption;
use super::conductor::Conductor;
use super::control::is_lost;
use super::exit::Exit;
use super::heard::Broken;
use super::problems;
use super::stop::Stop;
use super::unit::{Outcome, own};
use crate::pg::ledger::entry;
use crate::pg::{PgError, Session};
use crate::run::event::{Direction, Event, Problem, Unit};
use crate::run::state::UnitPhase;
use crate::script::Statement;

impl Conductor {
    pub(super) fn taking_role(&self, role: &str, error: PgError) -> Broken {
        match self.broke(error) {
            Broken::Server { mut problem, sqlstate } => {
                problem.message = format!("can't become role {role}: {}", problem.message);
                Broken::Server { problem, sqlstate }
            }
            other => other,
        }
    }

    pub(super) fn ledger_refused(&self, error: PgError) -> Broken {
        let sqlstate = error.sqlstate().map(str::to_owned);
        match (self.broke(error), sqlstate.as_deref()) {
            (Broken::Server { mut problem, sqlstate }, Some(entry::OTHER_TRANSACTION)) => {
                problem.message =
                    "the file ended the transaction that this step began, and began another".into();
                problem.hint =
                    Some("give the step transaction = \"script\", or take COMMIT out of the file".into());
                Broken::Server { problem, sqlstate }
            }
            (Broken::Server { mut problem, sqlstate }, _) => {
                problem.message = format!("the ledger row can't be written: {}", problem.message);
                Broken::Server { problem, sqlstate }
            }
            (other, _) => other,
        }
    }

    /// What the server says of a statement, with its place where it stands in the file.
    pub(super) fn said_of(&self, error: &PgError, of: Option<&Statement>) -> Problem {
        match (error, of) {
            (PgError::Server(error), Some(statement)) => {
                problems::in_statement(error, statement, None, self.disclosure)
            }
            _ => problems::of_pg(error, self.disclosure),
        }
    }

    /// An error of the work session.
    pub(super) fn broke(&self, error: PgError) -> Broken {
        if is_lost(&error) {
            return Broken::Lost(error);
        }
        let sqlstate = error.sqlstate().unwrap_or_default().to_owned();
        Broken::Server { problem: Box::new(problems::of_pg(&error, self.disclosure)), sqlstate }
    }

    /// Undoes the transaction that isn't committed. The server has undone it already when the connection
    /// is gone; that is returned, and stops the run whatever the plan says about failures.
    pub(super) async fn undo_after(&mut self, broken: &Broken, work: &mut Session) -> Option<PgError> {
        match broken {
            Broken::Lost(error) => Some(error.clone()),
            _ => self.abort(work).await,
        }
    }

    /// Undoes the open transaction. Returns the error when the session can't be used any more: the server
    /// undoes what was open when it is closed. A ROLLBACK that wasn't answered as one (or wasn't even
    /// sent, with replies still under way) is no ROLLBACK.
    pub(super) async fn abort(&mut self, work: &mut Session) -> Option<PgError> {
        let error = own(work, "ROLLBACK").await.err()?;
        tracing::warn!(%error, "ROLLBACK");
        Some(error)
    }

    /// Records that nothing of the unit is applied.
    pub(super) async fn failed(
        &mut self,
        unit: &Unit,
        mut problem: Problem,
        lost: Option<PgError>,
    ) -> Result<Outcome, Stop> {
        problem.consequence.get_or_insert_with(|| not_applied(unit));
        self.record(Event::UnitFailed { unit: unit.clone(), problem: problem.clone() }).await?;
        if let Some(error) = lost {
            self.connection_lost(unit, error).await?;
        }
        Ok(Outcome::Failed(problem))
    }

    /// Records a unit that was interrupted, and what the interruption means for the run.
    pub(super) async fn interrupted(
        &mut self,
        unit: &Unit,
        why: Interruption,
        mut problem: Problem,
    ) -> Result<Problem, Stop> {
        problem.consequence.get_or_insert_with(|| not_applied(unit));
        self.record(Event::UnitFailed { unit: unit.clone(), problem: problem.clone() }).await?;
        match why {
            Interruption::Cancelled => Ok(problem),
            Interruption::Signal(signal) => Err(Stop::Interrupted { signal }),
            Interruption::LockLost(why) => Err(Stop::LockLost(why)),
        }
    }

    async fn connection_lost(&mut self, unit: &Unit, error: PgError) -> Result<(), Stop> {
        let error = error.sentence();
        // A step may be many units, and those before the one that was lost stand.
        let begun = self.recorder.look(|run| {
            let units = run.step(&unit.step).map(|step| step.units_of(unit.direction));
            units.is_some_and(|units| units.iter().any(|done| done.phase == UnitPhase::Applied))
        });
        let means = match (unit.direction, begun) {
            (Direction::Forward, false) => {
                "Nothing of the step that ran was applied; `holdpoint resume` goes on"
            }
            (Direction::Forward, true) => {
                "The step that ran is applied in part: what ran before that stands, what was under way isn't applied; \
                 `holdpoint resume` goes on with the rest"
            }
            (Direction::Back, false) => {
                "Nothing of this undo was done, and what it undoes is still there; `holdpoint resume` goes on going back"
            }
            (Direction::Back, true) => {
                "This undo is done in part: what ran before that is undone, what was under way isn't; `holdpoint resume` \
                 goes on going back with the rest"
            }
        };
        let why = format!("{error}. {means}");
        Err(Stop::Left { exit: Exit::Unreachable, why })
    }
}

fn not_applied(unit: &Unit) -> String {
    let what = match unit.direction {
        Direction::Forward => "was applied",
        Direction::Back => "was undone",
    };
    if unit.unit.is_empty() {
        format!("nothing of this step {what}")
    } else if unit.unit.contains('@') {
        format!("nothing of this statement {what}; what stood before it is")
    } else {
        format!("nothing of {} {what}", unit.unit)
    }
}

/// The same of a transaction that the file begins in this line.
pub(super) fn block_not_applied(unit: &Unit, line: u64) -> String {
    match unit.direction {
        Direction::Forward => format!(
            "nothing of the transaction that begins in line {line} was applied; what was committed before it is"
        ),
        Direction::Back => {
            format!(
                "nothing of the transaction that begins in line {line} was done; what was committed before it is"
            )
        }
    }
}

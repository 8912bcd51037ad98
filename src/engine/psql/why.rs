//! What a file that psql ran has touched; or why it isn't applied, and what that means for the data.

use super::said::Said;
use crate::engine::conductor::Conductor;
use crate::engine::problems;
use crate::engine::program;
use crate::pg::child::Ended;
use crate::pg::ledger::entry::OTHER_TRANSACTION;
use crate::pg::touched::Footprint;
use crate::plan::model::Step;
use crate::run::event::{Problem, Touched, Unit};

/// A statement that can't be in a transaction: our last one, when the file left one open.
const IN_TRANSACTION: &str = "25001";

/// What its transaction touched, as psql was told to ask the server before COMMIT. What it dropped has no name
/// any more.
pub(super) fn touched(said: &Said, went_back: bool) -> Vec<Touched> {
    let mut touched = Footprint::of_copied(&said.told).map(|found| found.touched()).unwrap_or_default();
    touched.iter_mut().for_each(|of| of.at_most = went_back && of.has_rows());
    touched
}

/// The file's own ROLLBACK: what stood behind it couldn't write.
pub(super) fn rolled_back(problem: &mut Problem, file: &str) {
    problem.message = format!("{file} rolled back the transaction that this step runs in");
    problem.consequence = Some(
        "nothing of this step was applied: what stood before its ROLLBACK is undone, and nothing behind it was let through"
            .into(),
    );
    problem.hint = Some("give the step transaction = \"script\", or take ROLLBACK out of the file".into());
}

/// The name of the file that a unit stands for.
pub(super) fn unit_file(unit: &Unit, conductor: &Conductor, step: &Step) -> String {
    let units = conductor.units_of(step, &unit.step, unit.direction);
    let found = units.into_iter().find(|(name, _)| *name == unit.unit);
    found.map_or_else(|| unit.unit.clone(), |(_, source)| source.name().to_owned())
}

/// Why it isn't applied, and what that means.
pub(super) fn problem(
    said: &Said,
    ended: Ended,
    single: bool,
    file: &str,
    disclosure: problems::Disclosure,
) -> Problem {
    let how = format!("psql {}", program::words(ended));
    let why = said.why();
    let mut problem = match why {
        Some(why) => why.problem(disclosure),
        None => problems::plain(format!("{how} without a word about why")),
    };
    let sqlstate = why.and_then(|why| why.sqlstate.as_deref());
    let ours = why.is_some_and(|why| why.place.is_none());
    match sqlstate {
        Some(OTHER_TRANSACTION) => {
            problem.message =
                format!("{file} ended the transaction that this step runs in, or left its connection");
            problem.consequence = Some(
                "what stood before its COMMIT is committed and isn't recorded: look at the database before going on".into(),
            );
            problem.hint =
                Some("give the step transaction = \"script\", or take COMMIT out of the file".into());
            problem.context = None;
            problem.may_stay = true;
            return problem;
        }
        Some(IN_TRANSACTION) if ours && !single => {
            problem.message = format!("{file} ends inside a transaction: its COMMIT is missing");
        }
        _ => {}
    }
    if !single {
        problem.may_stay = true;
        problem.consequence = Some(format!(
            "what stood before that in {file} may be committed: psql committed it statement by statement, and nothing of it \
             is in the ledger. A rollback of the run doesn't undo it: look at the database before you retry"
        ));
    }
    problem
}

//! Entering a script again after a stop: what stands behind already, and what can't be had back.
//!
//! The unit of resume is the transaction. A script that is applied in part is read from its beginning;
//! what is applied is skipped. That only works while the rest doesn't depend on what was alive then:
//! temporary objects, cursors, values that a query gave (`\gset`), branches that a result chose, the
//! statements that a `\gexec` made. Such a script isn't entered in the middle.

use super::bare::commits;
use super::conductor::Conductor;
use super::exit::Exit;
use super::passage::Passage;
use super::problems;
use super::sources::Source;
use super::stop::Stop;
use crate::plan::model::{Step, Transaction};
use crate::run::event::{HoldReason, Problem, Unit};
use crate::run::state::{UnitPhase, UnitState};
use crate::script::{
    Item, Kind, Session as SessionKind, Sink, Statement, Then, Transaction as Control, executes_prepared,
};

/// Why a script can't be entered in the middle.
pub(super) struct Live {
    pub place: crate::script::Place,
    pub what: &'static str,
}

impl Conductor {
    /// The statement that made what the rest of a script that is applied in part may depend on.
    pub(super) fn lives_in_session(
        &self,
        step: &Step,
        whole: &Unit,
        source: &Source,
    ) -> Result<Option<Live>, Stop> {
        let begun = self.recorder.look(|run| {
            run.step(&whole.step).is_some_and(|s| {
                s.units_of(whole.direction).iter().any(|unit| unit.phase == UnitPhase::Applied)
            })
        });
        if !begun {
            return Ok(None);
        }
        let mut script = self.script(step, source)?;
        script.look_only();
        let (mut lives, mut applied, mut chunk) = (None, false, Vec::new());
        let mut block: Option<bool> = None;
        // A shell command that nobody knows of whether it has run.
        let mut shelled: Option<Live> = None;
        // A \gexec that nothing stands behind yet: not all that it made may be applied.
        let mut making: Option<Box<Statement>> = None;
        while let Ok(Some(item)) = script.next_item() {
            if let Some((_, place)) = script.take_backticks().into_iter().next() {
                shelled = shelled.or(Some(Live { place, what: SHELL }));
            }
            let statement = match item {
                Item::Shell { place, .. } | Item::Output { to: Sink::Program(_), place } => {
                    shelled = shelled.or(Some(Live { place, what: SHELL }));
                    continue;
                }
                Item::Statement(statement) => Box::new(statement),
                // What the session before had is gone as well when all goes well.
                Item::Connect { .. } => {
                    lives = lives.filter(|live: &Live| live.what != SESSION);
                    continue;
                }
                _ => continue,
            };
            if statement.has_inline_data() {
                while matches!(script.copy_chunk(&mut chunk), Ok(true)) {}
            }
            let unit = Unit { unit: identity(whole, &statement), ..whole.clone() };
            let begins = step.transaction == Transaction::Script
                && (matches!(statement.kind, Kind::Transaction(Control::Begin))
                    || (block.is_none() && script.begins_before(&statement)));
            if begins {
                block = Some(self.is_behind(&unit));
            }
            let decides = match statement.then {
                Then::Set { .. } => Some("a value that this query gave then"),
                _ if statement.uncertain => Some("a branch that a result chose then"),
                _ => None,
            };
            match &statement.kind {
                _ if decides.is_some() && applied => {}
                Kind::Session(SessionKind::Prepared) if executes_prepared(&statement.text) => {}
                Kind::Session(kind) if !can_be_repeated(kind) => {
                    lives = lives.or(Some(Live { place: statement.place.clone(), what: SESSION }));
                    continue;
                }
                Kind::Empty | Kind::Session(_) => continue,
                kind if commits(kind) => {
                    block = None;
                    continue;
                }
                _ => {}
            }
            let behind = block.unwrap_or_else(|| self.is_behind(&unit));
            applied |= behind;
            if let Some(what) = decides.filter(|_| applied) {
                lives = lives.or(Some(Live { place: statement.place.clone(), what }));
            }
            if !behind {
                // Whether all that it made is done shows only in what stands behind it.
                let made = making.map(|statement| Live { place: statement.place, what: MADE });
                return Ok(lives.or(made).or(shelled).filter(|_| applied));
            }
            making = (statement.then == Then::Execute).then_some(statement);
        }
        let made = making.filter(|_| !self.has_left(whole));
        Ok(made.map(|statement| Live { place: statement.place, what: MADE }))
    }

    /// The step was at a later one of its files already.
    fn has_left(&self, whole: &Unit) -> bool {
        let own = format!("{}/", whole.unit);
        let elsewhere = |unit: &UnitState| unit.unit.unit != whole.unit && !unit.unit.unit.starts_with(&own);
        self.recorder.look(|run| {
            let units = run.step(&whole.step).map(|s| s.units_of(whole.direction));
            !whole.unit.is_empty() && units.is_some_and(|units| units.last().is_some_and(elsewhere))
        })
    }

    /// What the file had when it ran is gone: it isn't entered in the middle.
    pub(super) async fn half_applied(&mut self, step: &Step, live: &Live) -> Result<(), Stop> {
        let place = problems::place_of(&live.place);
        let needs = format!(
            "\"{}\" was applied in part, and the rest depends on {} at {}:{}: finish it by hand and leave the rest out, or roll back",
            step.title, live.what, place.file, place.line
        );
        self.hold(HoldReason::HalfApplied, Some(&step.id), needs.clone(), step.otherwise.clone()).await?;
        Err(Stop::Left { exit: Exit::Waiting, why: needs })
    }

    /// The statement that a unit stands for; none for one that a `\gexec` made.
    pub(super) fn find_statement(&self, unit: &Unit) -> Result<Option<Statement>, Stop> {
        let plan = std::sync::Arc::clone(&self.plan);
        let Some(step) = super::rollback::step_for(&plan, &unit.step, unit.direction) else {
            return Ok(None);
        };
        for (name, source) in self.units_of(step, &unit.step, unit.direction) {
            let whole = Unit { unit: name, ..unit.clone() };
            let mut script = self.script(step, &source)?;
            script.look_only();
            let mut chunk = Vec::new();
            while let Ok(Some(item)) = script.next_item() {
                let Item::Statement(statement) = item else { continue };
                if identity(&whole, &statement) == unit.unit {
                    return Ok(Some(statement));
                }
                if statement.has_inline_data() {
                    while matches!(script.copy_chunk(&mut chunk), Ok(true)) {}
                }
            }
        }
        Ok(None)
    }

    /// Passes over a statement that is applied. Inline data of a COPY belongs to it.
    pub(super) fn pass_by(
        &mut self,
        passage: &mut Passage<'_>,
        statement: &Statement,
    ) -> Result<Result<(), Problem>, Stop> {
        passage.script.skipped();
        if !statement.has_inline_data() {
            return Ok(Ok(()));
        }
        let mut chunk = Vec::new();
        loop {
            match passage.script.copy_chunk(&mut chunk) {
                Ok(true) => {}
                Ok(false) => return Ok(Ok(())),
                Err(error) => return Ok(Err(problems::of_script(&error))),
            }
        }
    }
}

const MADE: &str = "the statements that its query made then";

const SHELL: &str = "a shell command, which isn't run twice and may have run,";

/// What ends with a session.
pub(super) const SESSION: &str = "what its session had (temporary objects, cursors)";

/// Settings and prepared statements can be made again; what holds rows of the session can't be had back.
pub(super) fn can_be_repeated(kind: &SessionKind) -> bool {
    !matches!(kind, SessionKind::Temporary | SessionKind::Cursor)
}

/// A statement's identity in its unit: include path, file, byte range, and the row of the `\gexec` that
/// made it; never a running number.
pub(super) fn identity(whole: &Unit, statement: &Statement) -> String {
    let mut name = String::new();
    for from in statement.place.includes.iter() {
        name.push_str(&format!("{}:{}", from.file.display(), from.line));
        if from.column > 1 {
            name.push_str(&format!(".{}", from.column));
        }
        name.push('>');
    }
    let span = statement.place.span;
    let mut own = format!("{name}{}@{}-{}", statement.place.file.display(), span.start, span.end);
    if let Some(cell) = statement.place.generated {
        own.push_str(&format!("#{cell}"));
    }
    if whole.unit.is_empty() { own } else { format!("{}/{own}", whole.unit) }
}

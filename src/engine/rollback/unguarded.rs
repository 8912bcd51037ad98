//! Rows of tables that nobody guards: they are counted, and what the server said of every unit tells how
//! many of them this run put there and took away. A count says less than a comparison, and that is said.

use std::collections::BTreeSet;

use super::super::conductor::Conductor;
use super::super::image::counted;
use super::super::stop::Stop;
use super::super::verify::count;
use super::forecast::shown;
use super::reading::read;
use super::residue::Found;
use super::step_for;
use crate::pg::Session;
use crate::run::event::{AppliedHow, Baseline, Direction, Image, ImageWhen, Residue, RowCount};
use crate::run::state::{Run, StepState, UnitPhase, UnitState};
use crate::script::Effect;

/// Tables that are named one by one.
const NAMED: usize = 10;

/// What units have put into a table, less what they took out.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Net {
    rows: i64,
    /// One may have emptied it at once, which isn't in the number.
    emptied: bool,
}

impl Conductor {
    /// Tables that were there before, that this run wrote and that nobody guards. Whether there are any.
    pub(super) async fn name_unguarded(
        &mut self,
        found: &mut Found,
        baseline: &Baseline,
        images: &[Image],
    ) -> Result<bool, Stop> {
        let mut written: BTreeSet<String> =
            images.iter().flat_map(|image| image.rows.keys()).cloned().collect();
        written.extend(self.written_by_words());
        // Of a step that was applied in part there is no image.
        written.extend(self.recorder.look(|run| written_by(run.steps.iter().flat_map(units_of))));
        let put_back = self.recorder.look(written_back);
        let unguarded: Vec<&String> = written
            .iter()
            .filter(|table| baseline.rows.contains_key(*table) && !baseline.guards.contains_key(*table))
            .collect();
        if unguarded.is_empty() {
            return Ok(false);
        }
        let mut session = self.counting().await?;
        for table in unguarded.iter().take(NAMED) {
            let (Some(then), now) = (baseline.rows.get(*table), counted(&mut session, table).await?) else {
                continue;
            };
            if let Some(now) = now.filter(|now| then.exact && now.exact && then.rows != now.rows)
                && let Some(apart) = self.by_this_run(found, images, table, *then, now)
            {
                found.put(apart, counted_rows(table, then.rows, now.rows));
                continue;
            }
            if now.is_some() && !put_back.contains(*table) {
                found.not_put_back.push((*table).clone());
            }
            let now = now.map_or_else(|| "gone now".to_owned(), |now| format!("{} now", now.rows));
            let about = if then.exact { "" } else { "about " };
            found.not_compared.push(format!(
                "rows of {table}, which this run wrote and the plan doesn't guard ({about}{} before, {now})",
                then.rows
            ));
        }
        self.rest(session).await;
        more(found, unguarded.len());
        Ok(true)
    }

    /// The same where a part is undone: what it put there is to be gone, and what it took to be there again.
    pub(super) async fn name_unguarded_part(
        &mut self,
        found: &mut Found,
        undone: &BTreeSet<String>,
    ) -> Result<bool, Stop> {
        let guards = self.plan.guards.clone();
        let of_part = |step: &StepState| undone.contains(&step.id) || step.procedure.is_some();
        let unguarded: BTreeSet<String> = self.recorder.look(|run| {
            let before = |table: &String| run.baseline.as_ref().is_some_and(|b| b.rows.contains_key(table));
            let units = run.steps.iter().filter(|step| of_part(step)).flat_map(units_of);
            let written = written_by(units).into_iter();
            written.filter(|table| before(table) && !guards.contains(table)).collect()
        });
        let put_back = self.recorder.look(written_back);
        if unguarded.is_empty() {
            return Ok(false);
        }
        let mut session = self.counting().await?;
        for table in unguarded.iter().take(NAMED) {
            let Some(now) = counted(&mut session, table).await? else { continue };
            let net = self.recorder.look(|run| net_of(run, table, of_part));
            let known = |step: &StepState| found.irreversible.contains(&step.id);
            match net {
                Some(Net { rows, emptied: false }) if rows != 0 && now.exact => {
                    let stays = self.recorder.look(|run| net_of(run, table, known)) == net;
                    found.put(stays, counted_rows(table, now.rows - rows, now.rows));
                }
                _ => {
                    if !put_back.contains(table) {
                        found.not_put_back.push(table.clone());
                    }
                    found.not_compared.push(format!(
                        "rows of {table}, which what was undone wrote and the plan doesn't guard ({}{} now)",
                        if now.exact { "" } else { "about " },
                        now.rows
                    ));
                }
            }
        }
        self.rest(session).await;
        more(found, unguarded.len());
        Ok(true)
    }

    async fn counting(&self) -> Result<Session, Stop> {
        let mut session = self.measuring().await?;
        session.batch("SET lock_timeout = '500ms'").await?;
        Ok(session)
    }

    /// Whether it is this run's work that there are more or fewer rows now; `Some(true)`: of what can't be
    /// taken back. `None`: it can't be told.
    fn by_this_run(
        &self,
        found: &Found,
        images: &[Image],
        table: &str,
        then: RowCount,
        now: RowCount,
    ) -> Option<bool> {
        self.recorder.look(|run| {
            let all = net_of(run, table, |_| true).filter(|net| net.rows != 0);
            if let Some(net) = all.filter(|net| !net.emptied || net.rows == now.rows - then.rows) {
                let of_irreversible = net_of(run, table, |step| found.irreversible.contains(&step.id));
                return Some(of_irreversible == Some(net));
            }
            // As its last step left it, but for what the way back did there, of which all is known.
            let after = images
                .iter()
                .rfind(|image| image.when == ImageWhen::AfterStep && image.rows.contains_key(table))?;
            let left = after.rows.get(table).filter(|left| left.exact)?;
            let back = net_back(run, table).filter(|back| !back.emptied)?;
            let stays = after.step.as_ref().is_some_and(|step| found.irreversible.contains(step));
            (left.rows + back.rows == now.rows).then_some(stays && back.rows == 0)
        })
    }

    /// Tables that the words of scripts write, of units of which the server didn't say it.
    fn written_by_words(&self) -> BTreeSet<String> {
        let unknown: Vec<String> = self.recorder.look(|run| {
            let steps =
                run.steps.iter().filter(|step| units_of(step).any(|unit| applied(unit) && !told(unit)));
            steps.map(|step| step.id.clone()).collect()
        });
        let steps = unknown.iter().filter_map(|id| step_for(&self.plan, id, Direction::Forward));
        let effects = steps.flat_map(|step| read(&self.plan, &self.sources, &self.variables(), step).effects);
        let tables = effects.filter_map(|effect| match effect {
            Effect::Inserts(table)
            | Effect::Empties(table)
            | Effect::Deletes(table)
            | Effect::Overwrites(table) => Some(shown(&table)),
            _ => None,
        });
        tables.collect()
    }
}

/// The lock that a TRUNCATE has, among others.
const EXCLUSIVE: &str = "AccessExclusive";

impl Found {
    fn put(&mut self, stays: bool, residue: Residue) {
        if stays { self.stays.push(residue) } else { self.residue.push(residue) }
    }
}

fn more(found: &mut Found, tables: usize) {
    if tables > NAMED {
        found.not_compared.push(format!("rows of {} more such tables", tables - NAMED));
    }
}

fn counted_rows(table: &str, then: i64, now: i64) -> Residue {
    let words = |rows: i64| count(usize::try_from(rows).unwrap_or_default(), "row");
    Residue {
        object: format!("rows of {table}"),
        before: Some(words(then)),
        after: Some(format!("{}; the plan doesn't guard it, they were counted", words(now))),
    }
}

/// Tables of which the server said that these wrote rows, or may have emptied them.
fn written_by<'a>(units: impl Iterator<Item = &'a UnitState>) -> BTreeSet<String> {
    let touched = units.filter(|unit| applied(unit)).flat_map(|unit| unit.touched.iter());
    touched
        .filter(|touched| {
            touched.inserted + touched.updated + touched.deleted > 0 || touched.lock == EXCLUSIVE
        })
        .map(|touched| touched.relation.clone())
        .collect()
}

/// The same of all that goes back: undos, and steps of procedures.
fn written_back(run: &Run) -> BTreeSet<String> {
    let back = run.steps.iter().flat_map(|step| {
        let own = if step.procedure.is_some() { Some(&step.units) } else { None };
        let before = step.before_its_undo().map(|last| &last.undo_units);
        own.into_iter().chain([&step.undo_units]).chain(before).flat_map(|units| units.iter())
    });
    written_by(back)
}

fn applied(unit: &UnitState) -> bool {
    unit.phase == UnitPhase::Applied
}

/// The server said what it touched.
fn told(unit: &UnitState) -> bool {
    !unit.bare && unit.how == Some(AppliedHow::Confirmed)
}

/// There and back, also from before its undo was recorded.
fn units_of(step: &StepState) -> impl Iterator<Item = &UnitState> {
    let before = step.before_its_undo();
    let before = before.into_iter().flat_map(|last| last.units.iter().chain(last.undo_units.iter()));
    step.units.iter().chain(step.undo_units.iter()).chain(before)
}

/// What the units of these steps did together. `None`: the server didn't say it of each.
fn net_of(run: &Run, table: &str, of: impl Fn(&StepState) -> bool) -> Option<Net> {
    let mut net = Net::default();
    for step in run.steps.iter().filter(|step| of(step)) {
        // What an undo of another kind took away, and what was done twice, isn't known here any more.
        if step.generation > u32::from(step.before_its_undo().is_some()) {
            return None;
        }
        net.add(units_of(step), table)?;
    }
    Some(net)
}

/// What the way back did: undos, and steps of procedures.
fn net_back(run: &Run, table: &str) -> Option<Net> {
    let mut net = Net::default();
    for step in &run.steps {
        if step.generation > 1 {
            return None;
        }
        if step.procedure.is_some() {
            net.add(units_of(step), table)?;
        } else {
            let before = step.before_its_undo().into_iter().flat_map(|last| last.undo_units.iter());
            net.add(step.undo_units.iter().chain(before), table)?;
        }
    }
    Some(net)
}

impl Net {
    fn add<'a>(&mut self, units: impl Iterator<Item = &'a UnitState>, table: &str) -> Option<()> {
        for unit in units.filter(|unit| applied(unit)) {
            if !told(unit) {
                return None;
            }
            for touched in unit.touched.iter().filter(|touched| touched.relation == *table) {
                self.emptied |= touched.lock == EXCLUSIVE;
                self.rows += touched.inserted - touched.deleted;
            }
        }
        Some(())
    }
}

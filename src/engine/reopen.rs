//! Opening a run again that is over, to go back: everything that could make the way back a wrong one is
//! looked at first, under the lock. Whoever goes back in spite of what has changed since gives a reason.

use std::collections::BTreeSet;

use super::baseline::measured;
use super::conductor::Conductor;
use super::exit::Exit;
use super::open::{Opening, look_over};
use super::roll::Roll;
use super::rollback::{Course, Wanted, Way, set_out, way};
use super::stop::Stop;
use super::verify::count;
use crate::journal::{Journal, RunFolder};
use crate::pg::fingerprint::Fingerprint;
use crate::pg::ledger::{entry, schema};
use crate::plan::model::{Action, Plan, Step};
use crate::run::event::{Ending, Event, Person, Residue, Unit};
use crate::run::state::{Run, UnitPhase};
use crate::script::{last_name, mentions};

/// Objects and rows that are named; the rest is counted.
const NAMED: usize = 8;

/// A person's word to open a run again.
#[derive(Debug, Clone)]
pub struct Reopening {
    pub by: Person,
    pub reason: String,
    pub wanted: Wanted,
    /// Why, although something has changed since its end.
    pub despite: Option<String>,
}

/// Looks at a run and its database as a rollback would right before it begins, and changes nothing: what
/// stands against it, of a run that is over or was. Only a person's word goes past that.
///
/// # Errors
/// [`Stop`]: the database can't be reached, isn't the one, or the rollback would be refused whatever is said.
pub async fn stands_against(
    opening: Opening,
    folder: RunFolder,
    journal: Journal,
    run: Run,
    wanted: &Wanted,
) -> Result<Vec<String>, Stop> {
    let asks = run.is_ended() || run.stands_open_again();
    let mut conductor = look_over(opening, folder, journal, run).await?;
    let found = if asks { conductor.since_its_end(wanted).await } else { Ok(Vec::new()) };
    conductor.close().await;
    found
}

impl Conductor {
    /// Opens the run again, or refuses and leaves it as it is. One that is open again already, and of which a
    /// part was undone, is asked about anew: what there is to be said of that is given back.
    pub(super) async fn reopen(&mut self, asked: Reopening) -> Result<Option<String>, Stop> {
        let since = self.since_its_end(&asked.wanted).await?;
        if !since.is_empty() && asked.despite.is_none() {
            return Err(self.changed_since(&since));
        }
        if !self.recorder.look(Run::is_ended) {
            let why = asked.despite.filter(|_| !since.is_empty());
            return Ok(why.map(|why| format!("goes back further despite {}: {why}", since.join("; "))));
        }
        let Wanted { to, only, procedure, .. } = asked.wanted;
        let despite = asked.despite.filter(|_| !since.is_empty());
        let (by, reason) = (asked.by, asked.reason);
        self.record(Event::RunReopened { by, reason, to, only, procedure, since, despite }).await?;
        Ok(None)
    }

    /// What has changed since the end of the run and stands against going back.
    async fn since_its_end(&mut self, wanted: &Wanted) -> Result<Vec<String>, Stop> {
        let plan = std::sync::Arc::clone(&self.plan);
        let wanted = &self.with_values(wanted.clone());
        let course = self.recorder.look(|run| set_out(&plan, run, wanted));
        let course = course.map_err(refused)?;
        if course.procedures.is_empty()
            && course.steps.iter().all(|step| course.kept.iter().any(|(kept, _)| kept == step))
        {
            let why: Vec<String> =
                course.kept.iter().map(|(step, why)| format!("\"{step}\": {why}")).collect();
            return Err(refused(format!("nothing of it can be undone: {}", why.join("; "))));
        }
        self.has_values_for_rollback(&course).map_err(|stop| refused(stop.to_string()))?;
        let mut since = self.ledger_agrees().await?;
        since.extend(restores(&plan, &course));
        since.extend(self.schema_since().await?);
        since.extend(self.rows_since(&course, wanted).await?);
        Ok(since)
    }

    fn changed_since(&self, since: &[String]) -> Stop {
        let run = &self.run;
        let (over, as_it_was) = match self.recorder.look(Run::is_ended) {
            true => ("is over, and since its end", "the run is over as it was"),
            false => ("was over before a part of it was undone, and since then", "the run waits as it did"),
        };
        refused(format!(
            "run {run} {over} something has changed that the way back would meet:\n  - {}\n\
             Nothing was undone now; {as_it_was}. `holdpoint rollback {run} --list` shows what would run and \
             what would be lost; `holdpoint rollback {run} --despite \"why\"` goes back all the same",
            since.join("\n  - ")
        ))
    }

    /// What the ledger has is what the journal says; else nobody knows what is there to be undone. Other
    /// runs that have worked on the database since are told.
    async fn ledger_agrees(&mut self) -> Result<Vec<String>, Stop> {
        let Some(epoch) = self.recorder.look(|run| run.epoch) else { return Ok(Vec::new()) };
        let by_hand = format!("What is there can't be known from here: {}", by_hand(&self.run));
        let (roll, others) = {
            let mut control = self.control.session().await;
            if !schema::exists(&mut control).await? {
                let why = "the schema holdpoint is gone from this database: it was restored, or somebody dropped it";
                return Err(refused(format!("{why}. {by_hand}")));
            }
            schema::verify(&mut control).await.map_err(|error| refused(error.to_string()))?;
            let roll = Roll::call(&mut control, &self.run, &self.recorder).await?;
            (roll, entry::of_others_since(&mut control, &self.run, epoch).await?)
        };
        let gone: Vec<String> = self.recorder.look(|run| {
            let applied = run.all_units().into_iter().filter(|(_, phase, _)| *phase == UnitPhase::Applied);
            let one_by_one = applied.map(|(unit, ..)| unit).filter(|unit| !roll.has(unit));
            let all = one_by_one.chain(roll.gone(run)).chain(roll.undos_gone(run));
            all.map(|unit| unit.words()).collect()
        });
        if !gone.is_empty() {
            return Err(refused(format!(
                "the journal says applied and the ledger's row is gone, of {}: a failover, a restore, or somebody removed \
                 it. {by_hand}",
                named(&gone)
            )));
        }
        let strange: Vec<String> = roll.strangers.iter().map(Unit::words).collect();
        if !strange.is_empty() {
            return Err(refused(format!(
                "the ledger has what this journal doesn't know ({}): the journal is older than the database. Restore the \
                 run's folder",
                named(&strange)
            )));
        }
        let other = |(run, units, last): (String, usize, String)| {
            format!("run {run} has worked on this database: {}, the last at {last}", count(units, "unit"))
        };
        Ok(others.into_iter().map(other).collect())
    }

    /// Objects that aren't as the run left them.
    async fn schema_since(&mut self) -> Result<Vec<String>, Stop> {
        let Some(digest) = self.recorder.look(|run| run.left_fingerprint.clone()) else {
            // A process that died on the way back left no word of it; what it undid isn't others' work.
            if !self.recorder.look(Run::is_ended) {
                return Ok(Vec::new());
            }
            return Ok(vec![
                "what the schema was at its end wasn't kept: nobody can say what has changed".into(),
            ]);
        };
        let mut session = self.measuring().await?;
        let now = Fingerprint::take(&mut session).await.map_err(measured)?;
        self.rest(session).await;
        if now.digest() == digest {
            return Ok(Vec::new());
        }
        let Ok(then) = self.image_schema(&digest) else {
            return Ok(vec!["the schema isn't as the run left it".into()]);
        };
        let differs = Fingerprint::diff(&then, &now).map_err(measured)?;
        Ok(changes(&differs))
    }

    /// Rows that others have written since and that would be lost: with tables that are dropped, and those
    /// of guarded tables that this run wrote and somebody has written again.
    async fn rows_since(&mut self, course: &Course, wanted: &Wanted) -> Result<Vec<String>, Stop> {
        let listed = self.listed(course, &wanted.only).await?;
        let mut since = Vec::new();
        // Of what is emptied and dropped later it is told once.
        let mut told = BTreeSet::new();
        for item in &listed.items {
            for rows in &item.lost {
                let about = if rows.exact { "" } else { "about " };
                let (step, place, fate) = (&item.step, rows.place(), rows.fate());
                let of_unit = |n: i64| count(usize::try_from(n).unwrap_or_default(), rows.unit());
                if !told.insert(place.clone()) {
                    continue;
                }
                match rows.since {
                    Some(0) => {}
                    Some(n) => since.push(format!(
                        "{about}{} written to {place} since would be {fate} with \"{step}\"",
                        of_unit(n)
                    )),
                    None if rows.now > 0 => since.push(format!(
                        "{about}{} in {place} would be {fate} with \"{step}\"; how many are new isn't known",
                        of_unit(rows.now)
                    )),
                    None => {}
                }
            }
        }
        since.extend(self.rows_written_again(course).await?);
        Ok(since)
    }

    /// Rows of guarded tables that this run wrote and somebody has written again: a way back that puts
    /// the old values there takes theirs away.
    pub(super) async fn rows_written_again(&mut self, course: &Course) -> Result<Vec<String>, Stop> {
        let images = self.recorder.look(|run| run.images.clone());
        let mut again = Vec::new();
        let plan = std::sync::Arc::clone(&self.plan);
        for table in &plan.guards {
            if !self.recorder.look(|run| concerns(&plan, run, course, table)) {
                continue;
            }
            let Some((rows, now)) = self.written_again(&images, table).await? else { continue };
            if rows.is_empty() {
                continue;
            }
            let key = match (self.disclosure.rows, now.key.as_slice()) {
                (false, _) | (_, []) => String::new(),
                (true, key) => format!(" ({} {})", key.join(", "), named(&rows)),
            };
            let rows = count(rows.len(), "row");
            again.push(format!("{rows} of {table} that this run wrote, others have written again{key}"));
        }
        Ok(again)
    }

    /// Ends the run by somebody's word; one that was opened again and hasn't gone back is over as it was.
    pub(super) async fn end_or_close(&mut self, reason: String, why: String) -> Stop {
        if self.recorder.look(Run::can_close_again) {
            return self.close_again(reason).await;
        }
        self.end(Ending::Stopped { why: why.clone() }, Exit::Failed, why).await
    }

    /// Ends a run that was opened again and of which nothing was undone: it is over as it was.
    pub(super) async fn close_again(&mut self, why: String) -> Stop {
        let Some(was) = self.recorder.look(|run| run.reopened.as_ref().map(|reopened| reopened.was.clone()))
        else {
            return Stop::Local("the run wasn't opened again".into());
        };
        let deviation = Event::Deviation { step: None, what: format!("nothing was undone: {why}") };
        if let Err(stop) = self.record(deviation).await {
            return stop;
        }
        let (outcome, exit_code) = was;
        let summary = self.summary().await;
        match self.record(Event::Ended { outcome, exit_code, summary }).await {
            Ok(()) => Stop::Over {
                exit: Exit::Done,
                why: format!("{why}; nothing was undone, and the run is over as it was"),
            },
            Err(stop) => stop,
        }
    }
}

/// Everybody's rows go back with a restore, also those that nobody counts.
fn restores(plan: &Plan, course: &Course) -> Vec<String> {
    let of_procedures = course.procedures.iter().flat_map(|turn| {
        let procedures = plan.rollbacks.iter().filter(|known| known.id == turn.procedure);
        procedures.flat_map(|procedure| &procedure.steps)
    });
    let own = course.steps.iter().filter_map(|id| match way(plan, id) {
        Way::Own(undo) => Some(undo),
        _ => None,
    });
    let restored = of_procedures.chain(own).filter_map(|step| match &step.action {
        Action::Restore(restore) => {
            let fate = if restore.beside { "be in the old database only, under another name" } else { "be lost" };
            Some(format!(
                "the whole database goes back to backup \"{}\": everything that anybody has written since it was made, in \
                 every table, would {fate}",
                restore.backup
            ))
        }
        _ => None,
    });
    restored.collect::<BTreeSet<_>>().into_iter().collect()
}

/// What is left where nobody can know any more what is there.
#[must_use]
pub fn by_hand(run: &impl std::fmt::Display) -> String {
    format!("`holdpoint rollback {run} --list` shows what the way back would be, to be done by hand")
}

/// What others changed, object by object; the first of them.
pub(super) fn changes(differs: &[Residue]) -> Vec<String> {
    let words = |one: &Residue| match (&one.before, &one.after) {
        (None, _) => format!("{} is new", one.object),
        (_, None) => format!("{} is gone", one.object),
        _ => format!("{} was changed", one.object),
    };
    let mut changed: Vec<String> = differs.iter().take(NAMED).map(words).collect();
    if differs.len() > NAMED {
        changed.push(format!("and {} more", count(differs.len() - NAMED, "object")));
    }
    changed
}

/// Whether a way back may write into a table: a step that it undoes did, or its SQL names it. What wasn't measured and
/// what stands in files may be anything.
fn concerns(plan: &Plan, run: &Run, course: &Course, table: &str) -> bool {
    let own = last_name(table);
    let names_it = |step: &Step| match &step.action {
        Action::Sql { text, .. } => mentions(text, &own),
        Action::File { .. } | Action::Files { .. } | Action::Command(_) | Action::Restore(_) => true,
        _ => false,
    };
    let wrote = |id: &String| {
        let mut touched = run.step(id).into_iter().flat_map(|s| &s.units).flat_map(|u| &u.touched).peekable();
        touched.peek().is_none() || touched.any(|touched| last_name(&touched.relation) == own)
    };
    let undoes = |id: &String| matches!(way(plan, id), Way::Own(undo) if names_it(undo));
    let of_procedures = course.procedures.iter().any(|turn| {
        let procedure = plan.rollbacks.iter().find(|procedure| procedure.id == turn.procedure);
        procedure.is_none_or(|procedure| procedure.steps.iter().any(names_it))
    });
    of_procedures || course.steps.iter().any(|id| wrote(id) || undoes(id))
}

fn refused(why: String) -> Stop {
    Stop::Refused { why }
}

fn named(all: &[String]) -> String {
    let mut words = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if all.len() > NAMED {
        words.push_str(&format!(" and {} more", all.len() - NAMED));
    }
    words
}

//! What a rollback will give back, told beforehand: from the plan where it says so, else from the words of
//! the scripts. That is a reading, not a proof: triggers, cascades and DO aren't seen, and `rehearse` tries
//! it out. Where words can't tell (whether an UPDATE puts back what was there), what is assumed is said.

use std::collections::BTreeSet;

use super::super::sources::Sources;
use super::leaves::leaves;
use super::put_back::{PutBack, put_back, writes_back};
use super::reading::{Did, Neighbours, Reading, read, read_back, same, way_back};
use super::taken::Taken;
use crate::pg::names::Object;
use crate::plan::model::{Action, Plan, Step};
use crate::script::{Effect, QualifiedName, Variables};

/// What is known of the way back from one step.
#[derive(Debug, Clone, Default)]
pub struct Forecast {
    pub losses: Vec<String>,
    /// What others may have written into what the run itself made, and what goes with that.
    pub new_since: Vec<Taken>,
    /// What of the step stays, since nothing in the way back takes it away.
    pub leaves: Vec<String>,
    /// What the words of the scripts leave open, and was taken to be so.
    pub assumed: Vec<String>,
    /// Tables that are made unless they are there: it was taken that they weren't.
    pub fresh: Vec<String>,
    /// All of the way back are programs.
    pub by_program: bool,
    /// What the way back takes along.
    pub takes: Vec<Taken>,
    /// Why there is no way back.
    pub impossible: Option<String>,
    /// What can't be read, and why.
    pub unseen: Option<String>,
}

/// The forecasts of all steps that change something, in the order of the plan.
#[must_use]
pub fn forecasts(plan: &Plan, sources: &Sources, vars: &Variables) -> Vec<(String, Forecast)> {
    let steps = plan.phases.iter().flat_map(|phase| &phase.steps).filter(|step| step.changes);
    steps.map(|step| (step.id.clone(), forecast(plan, sources, vars, step))).collect()
}

/// Reads the step and its way back.
#[must_use]
pub fn forecast(plan: &Plan, sources: &Sources, vars: &Variables, step: &Step) -> Forecast {
    match way_back(plan, step) {
        Ok(back) => forecast_by(plan, sources, vars, step, &back),
        Err(why) => Forecast { impossible: Some(why), ..Forecast::default() },
    }
}

/// Reads the step and the way back that is really taken: a procedure that was asked for by its name may
/// do more than the step's own rollback.
#[must_use]
pub fn forecast_by(
    plan: &Plan,
    sources: &Sources,
    vars: &Variables,
    step: &Step,
    back: &[&Step],
) -> Forecast {
    let forward = read(plan, sources, vars, step);
    let backward = read_back(plan, sources, vars, step, back);
    let mut others = Neighbours::of(plan, sources, vars, step);
    let mut told = judge(&forward, &backward, |did| others.did(did));
    told.by_program = !back.is_empty() && back.iter().all(|undo| matches!(undo.action, Action::Command(_)));
    // It gives back all that there was then, and nothing that came later.
    if let Some(restore) = back.iter().find_map(|undo| match &undo.action {
        Action::Restore(restore) => Some(restore),
        _ => None,
    }) {
        let kept = if restore.beside { " (the old database keeps it, under another name)" } else { "" };
        let since = format!("everything that anybody wrote since backup \"{}\"{kept}", restore.backup);
        return Forecast { losses: vec![since], ..Forecast::default() };
    }
    for effect in &backward.effects {
        let Effect::DropsSchema(schema) = effect else { continue };
        let made = forward.effects.iter().chain(others.effects()).filter_map(|effect| match effect {
            Effect::MakesTable(table) if table.schema.as_ref() == Some(schema) => {
                Some(Taken::table(shown(table)))
            }
            _ => None,
        });
        for taken in made {
            if !told.takes.contains(&taken) {
                told.takes.push(taken);
            }
        }
    }
    told
}

/// `others`: whether another step of the run did that.
fn judge(forward: &Reading, backward: &Reading, mut others: impl FnMut(&Did<'_>) -> bool) -> Forecast {
    let mut losses = Losses::default();
    let mut assumed = Losses::default();
    let (mut fresh, mut new_since) = (Losses::default(), Vec::new());
    let did = |did: &Did<'_>| forward.effects.iter().any(|effect| did.is(effect));
    let copied = |table: &QualifiedName| {
        forward.effects.iter().any(|e| matches!(e, Effect::Copies(t) if same(t, table)))
    };
    for effect in &forward.effects {
        if let Effect::DropsSchema(schema) = effect {
            losses.add(format!("everything in schema {schema}, which the step drops"));
        }
        let Some(found) = written(effect) else { continue };
        if did(&Did::Table(found)) || copied(found) {
            continue;
        }
        let table = shown(found);
        match effect {
            Effect::DropsTable(_) | Effect::Empties(_) | Effect::DropsColumn(..)
                if own(effect, &mut |one| did(one) || others(one)) => {}
            Effect::DropsTable(_) => losses.add(format!("the rows of {table}, which the step drops")),
            Effect::Empties(_) => losses.add(format!("the rows of {table}, which the step empties")),
            Effect::DropsColumn(_, column) if !writes_back(backward, found) => {
                losses.add(format!("the values of {table}.{column}, which the step drops"));
            }
            Effect::DropsColumn(_, column) => {
                assumed.add(format!("its statements put back what was in {table}.{column}"));
            }
            Effect::Deletes(_) if !writes_back(backward, found) => {
                losses.add(format!("the rows that the step deletes from {table}"));
            }
            Effect::Deletes(_) => {
                assumed.add(format!("its statements put back the rows that the step deletes from {table}"));
            }
            // In columns that the run itself made: there was nothing in them.
            Effect::Updates(update)
                if !update.columns.is_empty()
                    && update.columns.iter().all(|column| did(&Did::Column(found, column))) => {}
            Effect::Updates(update) => match put_back(update, backward) {
                PutBack::Assumed => assumed.add(format!("its statements put back what was in {table}")),
                PutBack::NotIn(columns) => losses.add(match columns.as_slice() {
                    [] => format!("the values that the step changes in {table}"),
                    columns => {
                        format!("the values that the step changes in {table} ({})", columns.join(", "))
                    }
                }),
                PutBack::SomeRows => losses.add(format!(
                    "the values that the step changes in {table}, of the rows that its UPDATE leaves out"
                )),
            },
            Effect::Overwrites(_) if !writes_back(backward, found) => {
                assumed.add(format!("no row of {table} was there that the step's ON CONFLICT writes over"));
            }
            _ => {}
        }
    }
    let mut takes: Vec<Taken> = Vec::new();
    let unless_there = |table: &QualifiedName| {
        forward.effects.iter().any(|e| matches!(e, Effect::UnlessThere(t) if same(t, table)))
    };
    for effect in &backward.effects {
        let (taken, table) = match effect {
            Effect::DropsTable(table) | Effect::Empties(table) | Effect::DeletesAll(table) => {
                (Taken::table(shown(table)), table)
            }
            Effect::DropsColumn(table, column) => {
                (Taken { column: Some(column.clone()), ..Taken::table(shown(table)) }, table)
            }
            // In columns that the run itself made nothing is overwritten that stays.
            Effect::Updates(update)
                if update.all_rows
                    && !did(&Did::Table(&update.table))
                    && (update.columns.is_empty()
                        || !update.columns.iter().all(|column| did(&Did::Column(&update.table, column)))) =>
            {
                (Taken { written_over: true, ..Taken::table(shown(&update.table)) }, &update.table)
            }
            Effect::DropsSchema(schema) => {
                losses.add(format!("what was written in schema {schema} since"));
                continue;
            }
            _ => continue,
        };
        if takes.iter().any(|known| known.is_same(&taken)) {
            continue;
        }
        let own = own(effect, &mut |one| did(one) || others(one));
        let whole = taken.column.is_none() && !taken.written_over;
        let taken = Taken { from_before: whole && !own && !gives_back(forward, backward, table), ..taken };
        takes.push(taken.clone());
        // Whether it puts back what was there is said above.
        if taken.written_over {
            continue;
        }
        // What the run made takes nothing along that was there before.
        if own {
            if unless_there(table) {
                fresh.add(shown(table));
            }
            new_since.push(taken);
        } else {
            losses.add(taken.words());
        }
    }
    let found = leaves(forward, backward, losses.list.is_empty(), |made| did(made) || others(made));
    found.assumed.into_iter().for_each(|what| assumed.add(what));
    // What goes with its table is counted there.
    let whole: BTreeSet<String> =
        takes.iter().filter(|t| t.column.is_none() && !t.written_over).map(|t| t.table.clone()).collect();
    takes.retain(|taken| (taken.column.is_none() && !taken.written_over) || !whole.contains(&taken.table));
    let unseen = forward.unseen.clone().or_else(|| backward.unseen.clone());
    Forecast {
        losses: losses.list,
        new_since,
        leaves: found.leaves,
        assumed: assumed.list,
        fresh: fresh.list,
        by_program: false,
        takes,
        impossible: None,
        unseen,
    }
}

/// Whether the rows of before may be elsewhere, or be put there again.
fn gives_back(forward: &Reading, backward: &Reading, table: &QualifiedName) -> bool {
    let takes = |effect: &Effect| match effect {
        Effect::DropsTable(t)
        | Effect::Empties(t)
        | Effect::Deletes(t)
        | Effect::DeletesAll(t)
        | Effect::Copies(t)
        | Effect::Renames(t) => same(t, table),
        _ => false,
    };
    writes_back(backward, table) || forward.effects.iter().any(takes)
}

/// Whether what is dropped or emptied was made by the run itself.
fn own(effect: &Effect, made: &mut impl FnMut(&Did<'_>) -> bool) -> bool {
    match effect {
        Effect::DropsTable(table) | Effect::Empties(table) | Effect::DeletesAll(table) => {
            made(&Did::Table(table))
        }
        Effect::DropsColumn(table, column) => made(&Did::Column(table, column)) || made(&Did::Table(table)),
        _ => false,
    }
}

/// The table whose rows it takes away or writes over.
fn written(effect: &Effect) -> Option<&QualifiedName> {
    match effect {
        Effect::DropsTable(t)
        | Effect::Empties(t)
        | Effect::Deletes(t)
        | Effect::Overwrites(t)
        | Effect::DropsColumn(t, _) => Some(t),
        Effect::Updates(update) => Some(&update.table),
        _ => None,
    }
}

/// Each loss once.
#[derive(Default)]
struct Losses {
    list: Vec<String>,
    known: BTreeSet<String>,
}

impl Losses {
    fn add(&mut self, loss: String) {
        if self.known.insert(loss.clone()) {
            self.list.push(loss);
        }
    }
}

/// As the server's footprint names it: without `public`, quoted where it must be.
pub(super) fn shown(name: &QualifiedName) -> String {
    let schema = name.schema.clone().unwrap_or_else(|| "public".into());
    Object { path: vec![schema, name.name.clone()], arguments: None }.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{acts, effects};

    fn told(forward: &str, back: &str) -> String {
        told_after("", forward, back)
    }

    fn told_after(earlier: &str, forward: &str, back: &str) -> String {
        let reading = |text: &str| Reading { effects: effects(text), acts: acts(text), ..Reading::default() };
        let before = effects(earlier);
        judge(&reading(forward), &reading(back), |did| before.iter().any(|effect| did.is(effect))).words()
    }

    #[test]
    fn what_a_way_back_gives_back() {
        let restores = "restores, as far as its SQL tells";
        let if_ = |what: &str| format!("{restores}, if {what}");
        let takes = |what: &str| format!("{restores}; takes along {what}");
        for (forward, back, wanted) in [
            ("CREATE INDEX i ON t (a)", "DROP INDEX i", restores.to_owned()),
            ("CREATE TABLE t (a int)", "DROP TABLE t", takes("rows written to t since")),
            (
                "DROP TABLE old",
                "CREATE TABLE old (a int)",
                "loses the rows of old, which the step drops".into(),
            ),
            (
                "CREATE TABLE kept AS SELECT * FROM old; DROP TABLE old",
                "ALTER TABLE kept RENAME TO old",
                restores.to_owned(),
            ),
            ("TRUNCATE t", "SELECT 1", "loses the rows of t, which the step empties".into()),
            ("DELETE FROM t WHERE a > 1", "SELECT 1", "loses the rows that the step deletes from t".into()),
            (
                "DELETE FROM t WHERE a = 1",
                "INSERT INTO t VALUES (1)",
                if_("its statements put back the rows that the step deletes from t"),
            ),
            ("UPDATE public.t SET a = 1", "SELECT 1", "loses the values that the step changes in t".into()),
            ("UPDATE t SET a = 1", "UPDATE public.t SET a = 0", if_("its statements put back what was in t")),
            (
                "ALTER TABLE t DROP COLUMN a",
                "ALTER TABLE t ADD COLUMN a int",
                "loses the values of t.a, which the step drops".into(),
            ),
            ("ALTER TABLE t ADD a int", "ALTER TABLE t DROP a", takes("values written to t.a since")),
            (
                "ALTER TABLE t ADD a int; UPDATE t SET a = 1",
                "ALTER TABLE t DROP a",
                takes("values written to t.a since"),
            ),
            (
                "ALTER TABLE t ADD IF NOT EXISTS a int",
                "ALTER TABLE t DROP a",
                format!("{}; takes along values written to t.a since", if_("t had none of it before")),
            ),
            (
                "CREATE TABLE t (a int); INSERT INTO t VALUES (1); UPDATE t SET a = 2",
                "DROP TABLE t",
                takes("rows written to t since"),
            ),
        ] {
            assert_eq!(told(forward, back), wanted, "{forward} / {back}");
        }
    }

    #[test]
    fn what_nothing_takes_away_isnt_called_restored() {
        let value = "leaves the value 'glad' of enum mood: PostgreSQL takes none away";
        for (forward, back, wanted) in [
            (
                "CREATE INDEX i ON t (a)",
                "SELECT 1",
                "leaves all that the step does: nothing in it changes anything",
            ),
            ("CREATE INDEX i ON t (a)", "", "leaves all that the step does: nothing in it changes anything"),
            (
                "CREATE INDEX i ON t (a)",
                "SELECT app.undo()",
                "restores, as far as its SQL tells, if the functions that it calls undo the step",
            ),
            ("ALTER TYPE mood ADD VALUE 'glad'", "SELECT 1", value),
            ("ALTER TYPE mood ADD VALUE 'glad'", "UPDATE t SET m = 'sad'", value),
            (
                "ALTER TYPE mood ADD VALUE 'glad'",
                "ALTER TYPE mood RENAME TO old; CREATE TYPE mood AS ENUM ('sad'); DROP TYPE old",
                "restores, as far as its SQL tells",
            ),
            ("CREATE TABLE a (n int); CREATE TABLE b (n int)", "DROP TABLE a", "leaves table b"),
            (
                "CREATE TEMP TABLE b (n int); CREATE INDEX i ON t (a)",
                "DROP INDEX i",
                "restores, as far as its SQL tells",
            ),
            ("ALTER TABLE t ADD a int, ADD b int", "ALTER TABLE t DROP a", "leaves column t.b"),
            (
                "INSERT INTO t VALUES (1); CREATE VIEW v AS TABLE t",
                "DROP VIEW v",
                "leaves the rows that the step adds to t",
            ),
            (
                "INSERT INTO t VALUES (1); INSERT INTO u VALUES (1)",
                "DELETE FROM t WHERE a = 1",
                "restores, as far as its SQL tells, if the rows that the step adds to u go with others, by a cascade",
            ),
            (
                "TRUNCATE t; CREATE TABLE x (n int)",
                "SELECT 1",
                "loses the rows of t, which the step empties; leaves table x",
            ),
        ] {
            assert_eq!(told(forward, back), wanted, "{forward} / {back}");
        }
        assert_eq!(
            told_after(
                "CREATE TABLE t (a int)",
                "INSERT INTO t VALUES (1); CREATE INDEX i ON t (a)",
                "DROP INDEX i"
            ),
            "restores, as far as its SQL tells"
        );
    }

    #[test]
    fn an_update_that_goes_back_in_part_loses_the_rest() {
        for (forward, back, wanted) in [
            (
                "UPDATE t SET title = 'x', kind = 'y' WHERE id = 1",
                "UPDATE t SET title = 'old' WHERE id = 1",
                "loses the values that the step changes in t (kind)",
            ),
            (
                "UPDATE t SET a = 1",
                "UPDATE t SET a = 0 WHERE id = 1",
                "loses the values that the step changes in t, of the rows that its UPDATE leaves out",
            ),
            (
                "UPDATE t SET a = 1",
                "UPDATE t SET a = 0 WHERE id = 1; UPDATE t SET a = 2 WHERE id <> 1",
                "restores, as far as its SQL tells, if its statements put back what was in t",
            ),
            (
                "UPDATE t SET a = 1; DELETE FROM u",
                "UPDATE t SET a = 0",
                "loses the rows that the step deletes from u; restores the rest, if its statements put back what was in t",
            ),
            (
                "INSERT INTO t VALUES (1) ON CONFLICT (id) DO UPDATE SET a = 1",
                "DELETE FROM t WHERE id = 1",
                "restores, as far as its SQL tells, if no row of t was there that the step's ON CONFLICT writes over",
            ),
        ] {
            assert_eq!(told(forward, back), wanted, "{forward} / {back}");
        }
    }

    #[test]
    fn what_the_run_made_itself_takes_nothing_along_that_was_there() {
        let takes = "restores, as far as its SQL tells; takes along rows written to t since";
        assert_eq!(told_after("CREATE TABLE t (a int)", "INSERT INTO t VALUES (1)", "TRUNCATE t"), takes);
        let all = "loses all rows of t, from before the run too";
        assert_eq!(told("INSERT INTO t VALUES (1)", "TRUNCATE t"), all);
        assert_eq!(
            told_after("ALTER TABLE t ADD a int", "ALTER TABLE t DROP a", "ALTER TABLE t ADD a int"),
            "restores, as far as its SQL tells"
        );
    }
}

//! Objects that came to be or changed while a rollback went on, and whose work that was. The server says of
//! every transaction of ours which relations it wrote or changed, so of a relation that no footprint has, and
//! of what belongs to it, it is known: others'. Of a function or a type nobody can say it, nor of anything
//! where a statement ran outside a transaction; then it is said that nobody can.

use std::collections::{BTreeMap, BTreeSet};

use crate::run::event::Residue;
use crate::run::residue::table_of_rows;

/// Relations, as objects begin.
const RELATIONS: [&str; 5] = ["table ", "foreign table ", "view ", "materialized view ", "sequence "];
/// What belongs to one: its name, a point, and its own.
const PARTS: [&str; 6] = ["column ", "constraint ", "trigger ", "policy ", "rule ", "privileges of column "];
/// What is said of one, by its name alone.
const ABOUT: [&str; 4] = ["column order of ", "privileges of ", "comment on ", "security label of "];

/// Which of these objects others made: they weren't there when the rollback began (`then`), and nothing of
/// ours touched them (`touched`, named as footprints name relations).
pub(super) fn made_by_others(
    residue: &[Residue],
    then: &BTreeMap<String, String>,
    touched: &BTreeSet<String>,
) -> BTreeSet<String> {
    let new: Vec<&Residue> =
        residue.iter().filter(|one| one.before.is_none() && !then.contains_key(&one.object)).collect();
    let relations: BTreeSet<&str> = new
        .iter()
        .filter_map(|one| relation(&one.object))
        .filter(|name| !touched.contains(name.strip_prefix("public.").unwrap_or(name)))
        .collect();
    let theirs = |one: &Residue| match relation(&one.object) {
        Some(name) => relations.contains(name),
        None => relations.iter().any(|relation| belongs(one, relation)),
    };
    let new = new.into_iter().filter(|one| theirs(one));
    let known: BTreeSet<&str> = then.keys().filter_map(|object| relation(object)).collect();
    let untouched =
        |name: &str| known.contains(name) && !touched.contains(name.strip_prefix("public.").unwrap_or(name));
    let of_known = residue.iter().filter(|one| changed_since(one, then) && owner(one).is_some_and(untouched));
    new.chain(of_known).map(|one| one.object.clone()).collect()
}

/// Of which nobody can say whose work it is: it changed while the rollback went on, and no footprint speaks
/// of it. `touched`: whether footprints are there at all.
pub(super) fn of_nobody_knows_whom(
    residue: &[Residue],
    then: &BTreeMap<String, String>,
    touched: bool,
) -> Vec<String> {
    // Rows and sequences are judged by images of their own.
    let other = |object: &str| table_of_rows(object).is_some() || object.starts_with("value of sequence ");
    let unsure = |one: &&Residue| {
        !other(&one.object) && changed_since(one, then) && !(touched && owner(one).is_some())
    };
    residue.iter().filter(unsure).map(|one| one.object.clone()).collect()
}

/// It isn't what it was when the rollback began.
fn changed_since(one: &Residue, then: &BTreeMap<String, String>) -> bool {
    then.get(&one.object) != one.after.as_ref()
}

/// The relation that it is or belongs to, of what can't change without a lock on that. Privileges can.
fn owner(one: &Residue) -> Option<&str> {
    let object = one.object.as_str();
    if let Some(name) = relation(object).or_else(|| object.strip_prefix("column order of ")) {
        return Some(name);
    }
    if object.starts_with("index ") {
        let (_, on) = one.after.as_deref()?.split_once(" ON ")?;
        return Some(on.strip_prefix("ONLY ").unwrap_or(on).split_once(" USING ")?.0);
    }
    let part = PARTS
        .iter()
        .filter(|kind| !kind.starts_with("privileges"))
        .find_map(|kind| object.strip_prefix(kind));
    Some(part?.rsplit_once('.')?.0)
}

fn relation(object: &str) -> Option<&str> {
    RELATIONS.iter().find_map(|kind| object.strip_prefix(kind))
}

fn belongs(one: &Residue, relation: &str) -> bool {
    let object = one.object.as_str();
    if object.starts_with("index ") {
        // An index is named by itself; what it is on stands in its definition.
        let definition = one.after.as_deref().unwrap_or_default();
        return ["ON ", "ON ONLY "].iter().any(|on| definition.contains(&format!(" {on}{relation} ")));
    }
    let part = |name: &str| name.strip_prefix(relation).is_some_and(|rest| rest.starts_with('.'));
    let about = |said: &str| {
        let name = RELATIONS.iter().find_map(|kind| said.strip_prefix(kind)).unwrap_or(said);
        name == relation || PARTS.iter().filter_map(|kind| said.strip_prefix(kind)).any(part)
    };
    PARTS.iter().filter_map(|kind| object.strip_prefix(kind)).any(part)
        || ABOUT.iter().filter_map(|kind| object.strip_prefix(kind)).any(about)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nothing_of_ours_touched_is_theirs_with_all_that_belongs_to_it() {
        let new = |object: &str, definition: &str| Residue {
            object: object.to_owned(),
            before: None,
            after: Some(definition.to_owned()),
        };
        let residue = [
            new("table public.theirs", "logged"),
            new("column public.theirs.n", "integer"),
            new("constraint public.theirs.theirs_pkey", "PRIMARY KEY (n)"),
            new(
                "index public.theirs_pkey",
                "CREATE UNIQUE INDEX theirs_pkey ON public.theirs USING btree (n)",
            ),
            new("privileges of table public.theirs", "app: SELECT"),
            new("comment on column public.theirs.n", "it"),
            new("column order of public.theirs", "n"),
            // Ours, by its footprint; of a like name; of a table that was there; and what nobody can know.
            new("table public.ours", "logged"),
            new("column public.ours.n", "integer"),
            new("column public.theirs_too.n", "integer"),
            new("index public.i", "CREATE INDEX i ON public.old USING btree (n)"),
            new("function public.f()", "x"),
            new("table public.known", "logged"),
        ];
        let then = BTreeMap::from([("table public.known".to_owned(), "logged".to_owned())]);
        let touched = BTreeSet::from(["ours".to_owned()]);
        let theirs = made_by_others(&residue, &then, &touched);
        assert_eq!(of_nobody_knows_whom(&residue[8..], &then, true), ["function public.f()"]);
        let wanted: BTreeSet<String> = residue[..7].iter().map(|one| one.object.clone()).collect();
        assert_eq!(theirs, wanted);
    }

    #[test]
    fn a_known_relation_that_nothing_of_ours_touched_was_changed_by_others() {
        let changed = |object: &str, before: Option<&str>, after: Option<&str>| Residue {
            object: object.to_owned(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        };
        let residue = [
            changed("column public.g.x", None, Some("text")),
            changed("index public.i", None, Some("CREATE INDEX i ON public.g USING btree (x)")),
            changed("trigger public.g.t", Some("enabled"), None),
            // As it was when the rollback began: the run left it. Ours by its footprint; and without a lock.
            changed("column public.g.y", None, Some("text")),
            changed("column public.ours.x", None, Some("text")),
            changed("privileges of table public.g", None, Some("app: SELECT")),
        ];
        let then = BTreeMap::from(
            [
                ("table public.g", "1"),
                ("table public.ours", "1"),
                ("trigger public.g.t", "enabled"),
                ("column public.g.y", "text"),
            ]
            .map(|(object, is)| (object.to_owned(), is.to_owned())),
        );
        let touched = BTreeSet::from(["ours".to_owned()]);
        let wanted: BTreeSet<String> = residue[..3].iter().map(|one| one.object.clone()).collect();
        assert_eq!(made_by_others(&residue, &then, &touched), wanted);
        assert_eq!(of_nobody_knows_whom(&residue[3..], &then, true), ["privileges of table public.g"]);
    }
}

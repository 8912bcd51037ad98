//! Objects that came to be while a rollback went on and that no step's footprint has: other sessions made
//! them. The server says of every transaction of ours which relations it wrote or made, so this can be known
//! of relations, and of what belongs to one of them; of a function or a type nobody can say it.

use std::collections::{BTreeMap, BTreeSet};

use crate::run::event::Residue;

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
    new.into_iter().filter(|one| theirs(one)).map(|one| one.object.clone()).collect()
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
        let wanted: BTreeSet<String> = residue[..7].iter().map(|one| one.object.clone()).collect();
        assert_eq!(theirs, wanted);
    }
}

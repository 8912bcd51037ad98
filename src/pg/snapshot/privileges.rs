//! What a difference of privileges means: what was granted and revoked, for each who has them. A
//! fingerprint has the whole list, and none where it is what the object was born with.

use std::collections::{BTreeMap, BTreeSet};

use crate::pg::fingerprint::Fingerprint;
use crate::run::event::Residue;

/// Who has what; `SELECT with grant option` is one.
type Grants = BTreeMap<String, BTreeSet<String>>;

/// A line for each whose privileges differ. Empty for what isn't about privileges, and where the object
/// itself is on one side alone: then all of them came or went with it.
pub(super) fn changes(residue: &Residue, before: &Fingerprint, after: &Fingerprint) -> Vec<String> {
    let born = if let Some(of) = residue.object.strip_prefix("privileges of ") {
        let (Some(then), Some(now)) = (owner(before, of), owner(after, of)) else { return Vec::new() };
        (born(of, &then, before.major), born(of, &now, after.major))
    } else if let Some(of) = residue.object.strip_prefix("default privileges of role ") {
        let by_default = |major| born_by_default(of, major);
        (by_default(before.major), by_default(after.major))
    } else {
        return Vec::new();
    };
    let then = residue.before.as_deref().map_or(born.0, parsed);
    let now = residue.after.as_deref().map_or(born.1, parsed);
    let who: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let none = BTreeSet::new();
    who.into_iter()
        .filter_map(|grantee| {
            let (had, has) = (then.get(grantee).unwrap_or(&none), now.get(grantee).unwrap_or(&none));
            let parts: Vec<String> = [("granted", added(had, has)), ("revoked", added(has, had))]
                .into_iter()
                .filter(|(_, what)| !what.is_empty())
                .map(|(word, what)| format!("{word} {}", what.join(", ")))
                .collect();
            (!parts.is_empty()).then(|| format!("{grantee}: {}", parts.join("; ")))
        })
        .collect()
}

/// What one has more than the other; of what both have the grant option alone.
fn added(less: &BTreeSet<String>, more: &BTreeSet<String>) -> Vec<String> {
    const OPTION: &str = " with grant option";
    let new = more.iter().filter(|one| !less.contains(*one));
    new.filter_map(|one| match one.replace(OPTION, "") {
        // It was there with the option, which went.
        plain if plain == *one && less.iter().any(|other| other.replace(OPTION, "") == plain) => None,
        plain if less.contains(&plain) => Some(format!("the grant option for {plain}")),
        _ => Some(one.clone()),
    })
    .collect()
}

/// `app: INSERT + SELECT with grant option by other`, a line each.
fn parsed(text: &str) -> Grants {
    let lines = text.lines().filter_map(|line| {
        let end = match line.strip_prefix('"') {
            // A quote within a name is doubled; what follows the name isn't one.
            Some(rest) => rest.find("\": ").map(|at| at + 2)?,
            None => line.find(": ")?,
        };
        let list = line.get(end + 2..)?;
        Some((line[..end].to_owned(), list.split(" + ").map(str::to_owned).collect()))
    });
    lines.collect()
}

/// Who owns it; `None` when it isn't there.
fn owner(fingerprint: &Fingerprint, of: &str) -> Option<String> {
    // A type is found under what sort of type it is, a column under its table.
    let name = of.strip_prefix("type ");
    let sorts = ["enum", "composite type", "domain", "range type", "type"];
    let kinds = name.into_iter().flat_map(|name| sorts.iter().map(move |sort| format!("{sort} {name}")));
    let column = of.strip_prefix("column ").and_then(|name| name.rsplit_once('.'));
    if let Some((table, _)) = column {
        fingerprint.objects.get(&format!("column {}", of.strip_prefix("column ")?))?;
        return owner(fingerprint, &format!("table {table}")).or(Some(String::new()));
    }
    let definition = kinds.chain([of.to_owned()]).find_map(|key| fingerprint.objects.get(&key))?;
    let said = definition.lines().find_map(|line| line.strip_prefix("owner "));
    Some(said.map(|said| said.split(' ').next().unwrap_or(said).to_owned()).unwrap_or_default())
}

/// What an object of this kind is born with.
fn born(of: &str, owner: &str, major: u32) -> Grants {
    let kind = of.split(' ').next().unwrap_or_default();
    let (own, public): (&[&str], &[&str]) = match kind {
        "table" | "view" | "materialized" => (tables(major), &[]),
        // `foreign table`, `foreign data wrapper`
        "foreign" if of.starts_with("foreign table ") => (tables(major), &[]),
        "foreign" | "server" => (&["USAGE"], &[]),
        "sequence" => (&["SELECT", "UPDATE", "USAGE"], &[]),
        "function" | "procedure" | "aggregate" => (&["EXECUTE"], &["EXECUTE"]),
        "type" | "language" => (&["USAGE"], &["USAGE"]),
        "schema" => (&["CREATE", "USAGE"], &[]),
        "database" => (&["CONNECT", "CREATE", "TEMPORARY"], &["CONNECT", "TEMPORARY"]),
        _ => (&[], &[]),
    };
    grants(&[(owner, own), ("public", public)])
}

/// `role on tables`; in a schema they only add.
fn born_by_default(of: &str, major: u32) -> Grants {
    let Some((role, kind)) = of.rsplit_once(" on ") else { return Grants::new() };
    if role.contains(" in schema ") {
        return Grants::new();
    }
    born(kind.trim_end_matches('s'), role, major)
}

fn grants(all: &[(&str, &[&str])]) -> Grants {
    let some = all.iter().filter(|(who, what)| !who.is_empty() && !what.is_empty());
    some.map(|(who, what)| ((*who).to_owned(), what.iter().map(|one| (*one).to_owned()).collect())).collect()
}

fn tables(major: u32) -> &'static [&'static str] {
    const ALL: [&str; 8] =
        ["MAINTAIN", "DELETE", "INSERT", "REFERENCES", "SELECT", "TRIGGER", "TRUNCATE", "UPDATE"];
    if major >= 17 { &ALL } else { &ALL[1..] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(
        object: &str,
        definition: (&str, &str),
        before: Option<&str>,
        after: Option<&str>,
    ) -> Vec<String> {
        let objects = BTreeMap::from([(definition.0.to_owned(), definition.1.to_owned())]);
        let one = Fingerprint { major: 15, objects, ..Fingerprint::default() };
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let residue = Residue { object: object.to_owned(), before: owned(before), after: owned(after) };
        changes(&residue, &one, &one)
    }

    #[test]
    fn each_grantee_with_what_came_and_went() {
        let table = ("table public.t", "logged\nowner boss");
        let all = "boss: DELETE + INSERT + REFERENCES + SELECT + TRIGGER + TRUNCATE + UPDATE";
        let of = "privileges of table public.t";
        assert_eq!(told(of, table, None, Some(&format!("app: SELECT\n{all}"))), ["app: granted SELECT"]);
        assert_eq!(
            told(
                of,
                table,
                Some(&format!("app: INSERT + SELECT\n{all}")),
                Some(&format!("\"a: b\": SELECT\napp: SELECT with grant option + UPDATE\n{all}"))
            ),
            ["\"a: b\": granted SELECT", "app: granted the grant option for SELECT, UPDATE; revoked INSERT"]
        );
        assert_eq!(
            told(
                of,
                table,
                Some(&format!("app: SELECT with grant option\n{all}")),
                Some(&format!("app: SELECT\n{all}"))
            ),
            ["app: revoked the grant option for SELECT"]
        );
        assert_eq!(told(of, ("table public.other", "owner x"), None, Some(all)), Vec::<String>::new());
    }

    #[test]
    fn what_it_was_born_with_can_be_revoked() {
        let function = ("function public.f()", "owner boss\nx");
        let of = "privileges of function public.f()";
        assert_eq!(told(of, function, None, Some("boss: EXECUTE")), ["public: revoked EXECUTE"]);
        let of = "default privileges of role boss on functions";
        assert_eq!(told(of, function, None, Some("boss: EXECUTE")), ["public: revoked EXECUTE"]);
        let of = "default privileges of role boss in schema s on tables";
        assert_eq!(told(of, function, None, Some("app: SELECT")), ["app: granted SELECT"]);
    }
}

//! What a residue's object is: its kind, and its name.

use super::event::Residue;

/// What objects begin with, and what several of that kind are called; in the order in which a person
/// would look at them.
const KINDS: &[(&str, &str, &str)] = &[
    ("database", "database", "database"),
    ("setting of database ", "database setting", "settings of the database"),
    ("extension ", "extension", "extensions"),
    ("schema ", "schema", "schemas"),
    ("table ", "table", "tables"),
    ("foreign table ", "foreign table", "foreign tables"),
    ("column ", "column", "columns"),
    ("column order of ", "column order", "order of columns"),
    ("constraint ", "constraint", "constraints"),
    ("index ", "index", "indexes"),
    ("view ", "view", "views"),
    ("materialized view ", "materialized view", "materialized views"),
    ("rule ", "rule", "rules"),
    ("sequence ", "sequence", "sequences"),
    ("value of sequence ", "sequence value", "values of sequences"),
    ("function ", "function", "functions"),
    ("procedure ", "procedure", "procedures"),
    ("aggregate ", "aggregate", "aggregates"),
    ("trigger ", "trigger", "triggers"),
    ("event trigger ", "event trigger", "event triggers"),
    ("policy ", "policy", "policies"),
    ("enum ", "enum", "enums"),
    ("composite type ", "composite type", "composite types"),
    ("domain ", "domain", "domains"),
    ("constraint of domain ", "domain constraint", "constraints of domains"),
    ("range type ", "range type", "range types"),
    ("type ", "type", "types"),
    ("statistics ", "statistics", "extended statistics"),
    ("operator ", "operator", "operators"),
    ("operator class ", "operator class", "operator classes"),
    ("operator family ", "operator family", "operator families"),
    ("cast ", "cast", "casts"),
    ("collation ", "collation", "collations"),
    ("conversion ", "conversion", "conversions"),
    ("language ", "language", "languages"),
    ("access method ", "access method", "access methods"),
    ("transform ", "transform", "transforms"),
    ("text search configuration ", "text search configuration", "text search configurations"),
    ("text search dictionary ", "text search dictionary", "text search dictionaries"),
    ("text search parser ", "text search parser", "text search parsers"),
    ("text search template ", "text search template", "text search templates"),
    ("foreign data wrapper ", "foreign data wrapper", "foreign data wrappers"),
    ("server ", "server", "foreign servers"),
    ("user mapping ", "user mapping", "user mappings"),
    ("publication ", "publication", "publications"),
    ("published schema ", "published schema", "published schemas"),
    ("subscription ", "subscription", "subscriptions"),
    ("privileges of ", "privileges", "privileges"),
    ("default privileges of ", "default privileges", "default privileges"),
    ("comment on ", "comment", "comments"),
    ("security label of ", "security label", "security labels"),
    ("rows of ", "rows", "rows"),
    ("row ", "rows", "rows"),
];

/// Added, removed or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    Added,
    Removed,
    Changed,
}

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// `column`
    pub one: &'static str,
    /// `columns`
    pub several: &'static str,
    /// Where it stands among the kinds.
    pub rank: usize,
}

/// The kinds there are, without those that only a rollback has.
pub fn kinds() -> impl Iterator<Item = Kind> {
    KINDS.iter().enumerate().map(|(rank, (_, one, several))| Kind { one, several, rank })
}

/// An object's kind, and its name within it.
#[must_use]
pub fn kind_and_name(object: &str) -> (Kind, &str) {
    let found = KINDS
        .iter()
        .enumerate()
        .filter(|(_, (begin, ..))| object.starts_with(begin))
        .max_by_key(|(_, (begin, ..))| begin.len());
    match found {
        Some((rank, (begin, one, several))) => {
            let name = object.strip_prefix(begin).filter(|name| !name.is_empty()).unwrap_or(object);
            // A row's own name needs the word before it.
            let name = if *begin == "row " { object } else { name };
            (Kind { one, several, rank }, name)
        }
        None if object.contains(" more rows of ") => {
            (Kind { one: "rows", several: "rows", rank: KINDS.len() }, object)
        }
        None => (Kind { one: "other", several: "others", rank: KINDS.len() }, object),
    }
}

/// The table that an object's rows are of: `rows of t`, `row id = 4 of t`, `5 more rows of t, removed`.
#[must_use]
pub fn table_of_rows(object: &str) -> Option<&str> {
    if let Some(table) = object.strip_prefix("rows of ") {
        return Some(table);
    }
    let (_, table) = object.rsplit_once(" of ")?;
    match object.split_once(" more rows of ") {
        Some(_) => table.rsplit_once(", ").map(|(table, _)| table),
        None => object.starts_with("row ").then_some(table),
    }
}

impl Residue {
    #[must_use]
    pub fn change(&self) -> Change {
        match (&self.before, &self.after) {
            (None, _) => Change::Added,
            (_, None) => Change::Removed,
            _ => Change::Changed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_beginning_says_the_kind() {
        let said = |object| {
            let (kind, name) = kind_and_name(object);
            (kind.one, name)
        };
        assert_eq!(said("column public.t.a"), ("column", "public.t.a"));
        assert_eq!(said("column order of public.t"), ("column order", "public.t"));
        assert_eq!(
            said("constraint of domain public.email.short"),
            ("domain constraint", "public.email.short")
        );
        assert_eq!(said("database"), ("database", "database"));
        assert_eq!(said("privileges of table public.t"), ("privileges", "table public.t"));
        assert_eq!(said("row id = 4 of t"), ("rows", "row id = 4 of t"));
        assert_eq!(said("5 more rows of t, removed"), ("rows", "5 more rows of t, removed"));
        assert_eq!(said("checkpoint \"x\" after the rollback of a").0, "other");
    }

    #[test]
    fn rows_are_of_a_table() {
        for (object, table) in [
            ("rows of t", Some("t")),
            ("row id = 1 of 2 of app.t", Some("app.t")),
            ("5 more rows of t, removed", Some("t")),
            ("table public.t", None),
            ("column order of public.t", None),
        ] {
            assert_eq!(table_of_rows(object), table, "{object}");
        }
    }
}

//! Names of objects: as they are shown, and as plans write them.
//!
//! Shown: `schema.name` without `public.`, each part quoted only where SQL needs it; `table.column`,
//! `table.policy`, `function(argument types)`. A plan may write the same with or without `public.`;
//! policy, trigger and constraint without their table; functions without arguments. A part in double
//! quotes is meant to the letter. Without quotes it is taken as it is written, and only when nothing is
//! called so in small letters, as SQL would.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::measure::{MeasureError, json, number, text};
use super::session::Session;
use crate::plan::model::Kind;

/// An object of a database, by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Object {
    /// Schema, then table (for what belongs to one), then name.
    pub path: Vec<String>,
    /// Argument types of a function, as shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<String>,
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let skip = usize::from(self.path.first().is_some_and(|schema| schema == "public"));
        for (index, part) in self.path.iter().skip(skip).enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            f.write_str(&quoted(part))?;
        }
        self.arguments.as_ref().map_or(Ok(()), |arguments| write!(f, "({arguments})"))
    }
}

/// How well a plan's name fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// In small letters, as SQL reads a name without quotes.
    Folded,
    /// To the letter.
    Exact,
}

/// Whether a plan means this object (of this kind) by this name.
pub fn matches(plan_name: &str, kind: Kind, object: &Object) -> Option<Fit> {
    let name = Name::parse(plan_name);
    if let Some(wanted) = &name.arguments
        && object.arguments.as_deref().is_none_or(|has| plain_types(has) != plain_types(wanted))
    {
        return None;
    }
    let path = object.path.as_slice();
    let public = path.first().is_some_and(|schema| schema == "public");
    let without_table = public && name.parts.len() == 1 && path.len() == 3 && kind != Kind::Columns;
    let meant = match name.parts.len() {
        full if full == path.len() => path,
        short if public && short + 1 == path.len() => &path[1..],
        _ if without_table => &path[2..],
        _ => return None,
    };
    name.parts.iter().zip(meant).map(|(part, has)| part.fit(has)).min().flatten()
}

/// The objects that a plan means by a name; to the letter if there is one, else in small letters.
pub fn find<'a>(plan_name: &str, kind: Kind, objects: &'a [Object]) -> Vec<&'a Object> {
    let mut found: Vec<(Fit, &Object)> = objects
        .iter()
        .filter_map(|object| matches(plan_name, kind, object).map(|fit| (fit, object)))
        .collect();
    let best = found.iter().map(|(fit, _)| *fit).max();
    found.retain(|(fit, _)| Some(*fit) == best);
    found.into_iter().map(|(_, object)| object).collect()
}

/// A name as SQL has to write it.
pub fn quoted(name: &str) -> String {
    let simple = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '$');
    if simple { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// A plan's name, taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Name {
    parts: Vec<Part>,
    arguments: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Part {
    text: String,
    quoted: bool,
}

impl Part {
    fn fit(&self, name: &str) -> Option<Fit> {
        if self.text == name {
            Some(Fit::Exact)
        } else if !self.quoted && self.text.to_lowercase() == name {
            Some(Fit::Folded)
        } else {
            None
        }
    }
}

impl Name {
    fn parse(text: &str) -> Self {
        let (mut parts, mut rest) = (Vec::new(), text.trim());
        loop {
            let part;
            (part, rest) = Self::part(rest);
            parts.push(part);
            match rest.strip_prefix('.') {
                Some(more) => rest = more,
                None => break,
            }
        }
        let arguments = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).map(str::to_owned);
        if rest.is_empty() || arguments.is_some() {
            Self { parts, arguments }
        } else {
            // Not a name by SQL's rules; perhaps something is really called so.
            Self { parts: vec![Part { text: text.to_owned(), quoted: true }], arguments: None }
        }
    }

    /// The first part, and what comes after it.
    fn part(text: &str) -> (Part, &str) {
        let Some(inside) = text.strip_prefix('"') else {
            let end = text.find(['.', '(']).unwrap_or(text.len());
            return (Part { text: text[..end].to_owned(), quoted: false }, &text[end..]);
        };
        let (mut name, mut rest) = (String::new(), inside);
        while let Some(end) = rest.find('"') {
            name.push_str(&rest[..end]);
            rest = &rest[end + 1..];
            match rest.strip_prefix('"') {
                Some(more) => {
                    name.push('"');
                    rest = more;
                }
                None => break,
            }
        }
        (Part { text: name, quoted: true }, rest)
    }
}

/// Argument types in one spelling: `f(int,text)` is `f(integer, text)`.
fn plain_types(arguments: &str) -> String {
    let one = |argument: &str| {
        let argument = argument.split_whitespace().collect::<Vec<_>>().join(" ");
        let (base, array) = argument.find('[').map_or((argument.as_str(), ""), |at| argument.split_at(at));
        let base = base.trim().strip_prefix("public.").unwrap_or(base.trim());
        let base = match base.to_lowercase().as_str() {
            "int" | "int4" => "integer",
            "int2" => "smallint",
            "int8" => "bigint",
            "bool" => "boolean",
            "float4" => "real",
            "float8" | "float" => "double precision",
            "decimal" => "numeric",
            "varchar" => "character varying",
            "char" => "character",
            "timestamp" => "timestamp without time zone",
            "timestamptz" => "timestamp with time zone",
            "time" => "time without time zone",
            "timetz" => "time with time zone",
            _ => base,
        }
        .to_owned();
        base + array
    };
    arguments.split(',').map(one).collect::<Vec<_>>().join(", ")
}

/// A relation that a plan names and that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// As the plan wrote it.
    pub name: String,
    pub oid: u32,
    /// Qualified and quoted by the server.
    pub sql: String,
}

/// Finds the tables (or views) that a plan names; the first one that isn't there is an error. For a
/// session with a pin.
pub(super) async fn resolve(session: &mut Session, names: &[String]) -> Result<Vec<Table>, MeasureError> {
    let mut wanted: Vec<String> = names
        .iter()
        .filter_map(|name| Name::parse(name).parts.pop())
        .flat_map(|part| [part.text.to_lowercase(), part.text])
        .collect();
    wanted.sort();
    wanted.dedup();
    let wanted = serde_json::Value::from(wanted).to_string();
    let rows = session.query(include_str!("sql/resolve.sql"), &[Some(&wanted)]).await?;
    // Of ten thousand tables only those that are called so are looked at for each name.
    let mut called: HashMap<String, Vec<(Object, u32, &str)>> = HashMap::new();
    for row in &rows.rows {
        let object = Object { path: json(row, 0)?, arguments: None };
        let last = object.path.last().cloned().unwrap_or_default();
        called.entry(last).or_default().push((object, number(row, 1)?, text(row, 2)?));
    }
    let one = |name: &String| {
        let last = Name::parse(name).parts.pop().map(|part| part.text).unwrap_or_default();
        let folded = Some(last.to_lowercase()).filter(|folded| *folded != last);
        let spellings = [Some(last), folded].into_iter().flatten();
        let known: Vec<&(Object, u32, &str)> =
            spellings.filter_map(|spelling| called.get(&spelling)).flatten().collect();
        let objects: Vec<Object> = known.iter().map(|(object, ..)| object.clone()).collect();
        match find(name, Kind::Tables, &objects).as_slice() {
            [] => Err(MeasureError::NoTable { name: name.clone() }),
            [object] => {
                let (_, oid, sql) = known
                    .iter()
                    .find(|(known, ..)| known == *object)
                    .ok_or_else(|| MeasureError::NoTable { name: name.clone() })?;
                Ok(Table { name: name.clone(), oid: *oid, sql: (*sql).to_owned() })
            }
            several => Err(MeasureError::Ambiguous {
                name: name.clone(),
                candidates: several.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or "),
            }),
        }
    };
    names.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(path: &[&str]) -> Object {
        Object { path: path.iter().map(ToString::to_string).collect(), arguments: None }
    }

    #[test]
    fn a_name_is_shown_without_public_and_quoted_where_needed() {
        assert_eq!(object(&["public", "orders"]).to_string(), "orders");
        assert_eq!(object(&["app", "Big Table", "a\"b"]).to_string(), "app.\"Big Table\".\"a\"\"b\"");
    }

    #[test]
    fn short_and_qualified_forms_mean_the_same_in_public_only() {
        let table = object(&["public", "orders"]);
        assert_eq!(matches("orders", Kind::Tables, &table), Some(Fit::Exact));
        assert_eq!(matches("public.orders", Kind::Tables, &table), Some(Fit::Exact));
        assert_eq!(matches("ORDERS", Kind::Tables, &table), Some(Fit::Folded));
        assert_eq!(matches("\"ORDERS\"", Kind::Tables, &table), None);
        assert_eq!(matches("app.orders", Kind::Tables, &table), None);
        assert_eq!(matches("orders", Kind::Tables, &object(&["app", "orders"])), None);
    }

    #[test]
    fn a_policy_may_do_without_its_table_but_a_column_may_not() {
        let inner = object(&["public", "orders", "own"]);
        assert_eq!(matches("own", Kind::Policies, &inner), Some(Fit::Exact));
        assert_eq!(matches("orders.own", Kind::Policies, &inner), Some(Fit::Exact));
        assert_eq!(matches("public.orders.own", Kind::Policies, &inner), Some(Fit::Exact));
        assert_eq!(matches("own", Kind::Columns, &inner), None);
        assert_eq!(matches("orders.own", Kind::Columns, &inner), Some(Fit::Exact));
    }

    #[test]
    fn quotes_hold_dots_and_quotes() {
        let odd = object(&["Odd Schema", "with.dot", "say \"hi\""]);
        assert_eq!(
            matches("\"Odd Schema\".\"with.dot\".\"say \"\"hi\"\"\"", Kind::Columns, &odd),
            Some(Fit::Exact)
        );
        assert_eq!(matches("Odd Schema.\"with.dot\".say \"hi\"", Kind::Columns, &odd), Some(Fit::Exact));
        for text in ["", ".", "\"", "a.", "(", "a(b", "\"a\"b"] {
            assert_eq!(matches(text, Kind::Columns, &odd), None, "{text}");
        }
    }

    #[test]
    fn a_function_without_arguments_is_any_of_that_name() {
        let function = Object {
            path: vec!["public".into(), "f".into()],
            arguments: Some("integer, timestamp with time zone, mood[]".into()),
        };
        assert_eq!(function.to_string(), "f(integer, timestamp with time zone, mood[])");
        assert!(matches("f", Kind::Functions, &function).is_some());
        assert!(matches("public.f(int,  timestamptz, public.mood[])", Kind::Functions, &function).is_some());
        assert!(matches("f(int)", Kind::Functions, &function).is_none());
        assert!(matches("f()", Kind::Functions, &function).is_none());
    }

    #[test]
    fn what_fits_to_the_letter_wins() {
        let both = [object(&["public", "orders"]), object(&["public", "Orders"])];
        assert_eq!(find("Orders", Kind::Tables, &both), [&both[1]]);
        assert_eq!(find("orders", Kind::Tables, &both), [&both[0]]);
        assert_eq!(find("ORDERS", Kind::Tables, &both), [&both[0]]);
    }
}

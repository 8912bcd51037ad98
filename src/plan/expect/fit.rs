//! Brings what a plan says to the type of the column it is compared with, or says why it can't be:
//! mostly an author's slip, so the reason says what to write.

use super::cell::Operator;
use super::interval::Length;
use super::json::Json;
use super::moment::Moment;
use super::number::Number;
use super::quantity::{self, Quantity};
use super::show;
use super::value::{Kind, Value};

/// What a value is compared with, when the saved values are known.
#[derive(Debug)]
pub(super) enum Term {
    Text(String),
    /// A variable: text that takes the type of the column.
    Untyped(String),
    Saved {
        name: String,
        kind: Kind,
        text: String,
        value: Value,
    },
    Number(Number),
    Boolean(bool),
    Duration(Length),
    Moment(Moment),
}

impl Term {
    pub(super) fn shown(&self) -> String {
        match self {
            Term::Text(text) => show::text(text),
            Term::Untyped(text) => show::plain(text),
            Term::Saved { kind, text, .. } if kind.is_text() => show::text(text),
            Term::Saved { text, .. } => show::plain(text),
            Term::Number(number) => show::plain(&number.shown()),
            Term::Boolean(value) => value.to_string(),
            // Never come from saved values, which is when a term is shown.
            Term::Duration(_) | Term::Moment(_) => String::new(),
        }
    }
}

/// The kind of a count that holdpoint made itself, not a column's.
pub(super) const COUNT: Kind = Kind::Integer("count");

pub(super) fn fit(operator: Operator, term: &Term, kind: &Kind, got: &Value) -> Result<Value, String> {
    match term {
        Term::Text(text) => text_as(operator, text, kind),
        Term::Untyped(text) if kind.is_number() => number_or_size(text.trim())
            .map(Value::Number)
            .ok_or_else(|| format!("{} isn't a number", show::text(text))),
        Term::Untyped(text) if *kind == Kind::Boolean => Value::parse(kind, text.trim()),
        Term::Untyped(text) => text_as(operator, text, kind),
        Term::Saved { name, kind: own, value, .. } => {
            if own.compares_with(kind) {
                return Ok(value.clone());
            }
            Err(format!("{{{name}}} is {}, but {} is {}", own.name(), the_value(kind), kind.name()))
        }
        Term::Number(number) => number_as(operator, number, kind, got),
        Term::Boolean(value) => match (kind, got) {
            (Kind::Boolean, _) => Ok(Value::Boolean(*value)),
            (Kind::Json(_), Value::Json(Json::Boolean(_))) => Ok(Value::Json(Json::Boolean(*value))),
            _ if kind.is_text() => Err(format!(
                "the column is {}, not bool; write the text that it gives, in quotes",
                kind.name()
            )),
            _ => Err(not_a(kind, "a boolean")),
        },
        Term::Duration(length) => match kind {
            Kind::Interval => Ok(Value::Interval(*length)),
            _ => Err(not_a(kind, "an interval")),
        },
        Term::Moment(moment) => match kind {
            Kind::Moment(_) => Ok(Value::Moment(*moment)),
            _ => Err(not_a(kind, "a date or time")),
        },
    }
}

/// A variable may say `230MB`, as the plan itself may.
fn number_or_size(text: &str) -> Option<Number> {
    Number::parse(text).or_else(|| match quantity::quantity(text)? {
        Quantity::Number(number) | Quantity::Size(number) => Some(Number::from(number)),
        Quantity::Duration(_) | Quantity::Moment(_) => None,
    })
}

fn the_value(kind: &Kind) -> &'static str {
    if *kind == COUNT { "what it is compared with" } else { "the column" }
}

fn not_a(kind: &Kind, what: &str) -> String {
    let hint = if kind.is_text() {
        "; cast it in the query, or write the text without a sign before it"
    } else {
        ""
    };
    format!("{} is {}, not {what}{hint}", the_value(kind), kind.name())
}

fn number_as(operator: Operator, number: &Number, kind: &Kind, got: &Value) -> Result<Value, String> {
    let equality = matches!(operator, Operator::Equal | Operator::NotEqual);
    match (kind, got) {
        _ if kind.is_number() => Ok(Value::Number(number.clone())),
        (Kind::Json(_), Value::Json(Json::Number(_))) if equality => {
            Ok(Value::Json(Json::Number(number.clone())))
        }
        (Kind::Json(_), _) => Err(format!(
            "the column is {}; take the number out in the query, as in (col->>'key')::int",
            kind.name()
        )),
        _ if kind.is_text() && operator == Operator::Equal => {
            Err(format!("the column is {}; write \"{}\"", kind.name(), show::plain(&number.shown())))
        }
        _ if kind.is_text() => Err(format!(
            "the column is {}, which isn't compared with numbers; cast it in the query, as in \
             col::int",
            kind.name()
        )),
        _ => Err(not_a(kind, "a number")),
    }
}

fn text_as(operator: Operator, text: &str, kind: &Kind) -> Result<Value, String> {
    match kind {
        Kind::Integer(_) | Kind::Numeric | Kind::Float(_) => {
            let what = match kind {
                Kind::Numeric => "a numeric column".to_owned(),
                _ if *kind == COUNT => "a count".to_owned(),
                Kind::Integer(name) => format!("an integer column ({name})"),
                _ => format!("a float column ({})", kind.name()),
            };
            let sign = match operator {
                Operator::Equal => "",
                _ => "!= ",
            };
            let trimmed = text.trim();
            let write = match quantity::quantity(trimmed) {
                Some(quantity::Quantity::Number(_)) => format!("; write {sign}{trimmed}"),
                Some(quantity::Quantity::Size(_)) => {
                    let sign = if sign.is_empty() { "= " } else { sign };
                    format!("; write \"{sign}{trimmed}\"")
                }
                _ => String::new(),
            };
            Err(format!("{what} was compared with the text {}{write}", show::text(text)))
        }
        Kind::Boolean => {
            let write = match text.trim().to_ascii_lowercase().as_str() {
                "t" | "true" | "yes" | "on" | "1" => "; write true",
                "f" | "false" | "no" | "off" | "0" => "; write false",
                _ => "",
            };
            Err(format!("a boolean column was compared with the text {}{write}", show::text(text)))
        }
        Kind::Json(name) => Value::parse(kind, text).map_err(|_| {
            let string = serde_json::to_string(text).unwrap_or_default();
            format!(
                "a {name} column was compared with a text that isn't JSON; a JSON string is \
                 written '{}'",
                show::plain(&string)
            )
        }),
        Kind::Text(_) | Kind::Padded | Kind::Other => Value::parse(kind, text),
        _ => Value::parse(kind, text.trim()).map_err(|why| format!("the plan's {why}")),
    }
}

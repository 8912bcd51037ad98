//! The cell language: a typed value, a condition, arithmetic on saved values, or literal text.
//!
//! What a text means is decided by `language`; here is what a cell is and how one is made.

use std::fmt;

use bigdecimal::BigDecimal;
use regex::Regex;

use super::arithmetic::Expression;
use super::interval::Length;
use super::language;
use super::moment::Moment;
use super::number::{Number, decimal};
use super::quantity;
use super::show;

/// One expectation on one value.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// As the plan has it, for people.
    pub source: String,
    pub(super) form: Form,
}

/// A text that begins like a condition and isn't one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct CellError {
    pub reason: String,
}

/// What a cell asks of a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Form {
    Null,
    NotNull,
    Matches(Pattern),
    Compare(Operator, Operand),
    /// Both ends are in it.
    Range(Operand, Operand),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// What a value is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Text(String),
    /// Text with values put in.
    Template(Vec<Part>),
    /// A saved value with its own type.
    Saved(String),
    Arithmetic(Expression),
    Number(Number),
    Boolean(bool),
    Duration(Length),
    Moment(Moment),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    Name(String),
}

/// A regular expression; equal to another when written the same.
#[derive(Debug, Clone)]
pub(super) struct Pattern(pub(super) Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Cell {
    /// A string of the plan: a condition, arithmetic on saved values, or literal text.
    pub fn text(source: &str) -> Result<Cell, CellError> {
        let form = language::parse(source).map_err(|reason| CellError { reason })?;
        Ok(Cell { source: source.to_owned(), form })
    }

    /// Text that is never a condition.
    pub fn literal(text: &str) -> Cell {
        Cell::equal(text.to_owned(), Operand::Text(text.to_owned()))
    }

    pub fn integer(value: i64) -> Cell {
        let number = Number::from(BigDecimal::from(value));
        Cell::equal(value.to_string(), Operand::Number(number))
    }

    /// A TOML float. `source` is how it was written: 0.1 means the decimal, not the nearest binary
    /// float; where it isn't a decimal (`inf`, `nan`), `value` counts.
    pub fn float(value: f64, source: impl Into<String>) -> Cell {
        let source = source.into();
        let number = match value {
            value if value.is_nan() => Number::NaN,
            f64::INFINITY => Number::Infinity,
            f64::NEG_INFINITY => Number::NegativeInfinity,
            _ => quantity::number(&source)
                .or_else(|| decimal(&format!("{value:e}")))
                .map_or(Number::NaN, Number::from),
        };
        Cell::equal(source, Operand::Number(number))
    }

    pub fn boolean(value: bool) -> Cell {
        Cell::equal(value.to_string(), Operand::Boolean(value))
    }

    /// A TOML date, time, or both, as written. What can't be read (a leap second) stays text, which
    /// no date equals.
    pub fn datetime(source: &str) -> Cell {
        let operand = match Moment::parse(source.trim()) {
            Some(moment) => Operand::Moment(moment),
            None => Operand::Text(source.to_owned()),
        };
        Cell::equal(source.to_owned(), operand)
    }

    fn equal(source: String, operand: Operand) -> Cell {
        Cell { source, form: Form::Compare(Operator::Equal, operand) }
    }

    /// The saved values (or variables) that it needs, each once, in the order of the text.
    pub fn saved_names(&self) -> Vec<String> {
        let mut names = Vec::new();
        match &self.form {
            Form::Null | Form::NotNull | Form::Matches(_) => {}
            Form::Compare(_, operand) => operand.names(&mut names),
            Form::Range(from, to) => {
                from.names(&mut names);
                to.names(&mut names);
            }
        }
        let mut once: Vec<String> = Vec::with_capacity(names.len());
        for name in names {
            if !once.contains(&name) {
                once.push(name);
            }
        }
        once
    }

    /// As shown beside what came: text in quotes, everything else as it was written.
    pub(super) fn words(&self) -> String {
        match &self.form {
            Form::Compare(Operator::Equal, Operand::Text(text)) if *text == self.source => show::text(text),
            _ => show::plain(&self.source),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl Operand {
    fn names(&self, into: &mut Vec<String>) {
        match self {
            Operand::Template(parts) => {
                for part in parts {
                    if let Part::Name(name) = part {
                        into.push(name.clone());
                    }
                }
            }
            Operand::Saved(name) => into.push(name.clone()),
            Operand::Arithmetic(expression) => expression.names(into),
            _ => {}
        }
    }
}

impl Operator {
    pub(super) fn sign(self) -> &'static str {
        match self {
            Operator::Equal => "=",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::AtMost => "<=",
            Operator::More => ">",
            Operator::AtLeast => ">=",
        }
    }
}

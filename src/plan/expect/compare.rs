//! One value against one cell, by the types of both.
//!
//! Whatever can't be compared is a difference with its reason, also under `!=`: that two things are
//! of different types never makes a check pass.

use std::cmp::Ordering;

use super::arithmetic::Expression;
use super::cell::{Cell, Form, Operand, Operator, Part, Pattern};
use super::fit::{Term, fit};
use super::json::Json;
use super::moment::Moment;
use super::number::Number;
use super::saved::Saved;
use super::show;
use super::value::{Array, Item, Kind, Value, is_untyped};

/// A value of an answer, read once.
#[derive(Debug)]
pub(super) struct Field<'a> {
    kind: &'a Kind,
    text: Option<&'a str>,
    value: Result<Value, String>,
}

impl<'a> Field<'a> {
    pub(super) fn new(kind: &'a Kind, text: Option<&'a str>) -> Field<'a> {
        // Padding isn't part of the text, for a pattern's `$` neither.
        let text = match kind {
            Kind::Padded => text.map(|text| text.trim_end_matches(' ')),
            _ => text,
        };
        let value = Value::parse(kind, text.unwrap_or_default());
        Field { kind, text, value }
    }

    pub(super) fn shown(&self) -> String {
        match self.text {
            None => "NULL".to_owned(),
            // Also what can't be read: without quotes nothing would be seen of an empty one.
            Some(text) if self.kind.is_text() || self.value.is_err() => show::text(text),
            Some(text) => show::plain(text),
        }
    }
}

/// A cell with the saved values put in.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    test: Test<'a>,
    /// As shown beside what came.
    pub(super) words: String,
}

#[derive(Debug)]
enum Test<'a> {
    Null,
    NotNull,
    Matches(&'a Pattern),
    Compare(Operator, Term),
    Range(Term, Term),
    /// A saved value is missing, or no number.
    Never(String),
}

impl<'a> Wanted<'a> {
    pub(super) fn new(cell: &'a Cell, saved: &Saved) -> Wanted<'a> {
        let mut words = cell.words();
        let test = match &cell.form {
            Form::Null => Test::Null,
            Form::NotNull => Test::NotNull,
            Form::Matches(pattern) => Test::Matches(pattern),
            Form::Compare(operator, operand) => match term(operand, saved) {
                Ok(term) => {
                    if needs_saved(operand) {
                        words = format!("{words} ({})", term.shown());
                    }
                    Test::Compare(*operator, term)
                }
                Err(why) => Test::Never(why),
            },
            Form::Range(from, to) => match (term(from, saved), term(to, saved)) {
                (Ok(first), Ok(last)) => {
                    if needs_saved(from) || needs_saved(to) {
                        words = format!("{words} ({}..{})", first.shown(), last.shown());
                    }
                    Test::Range(first, last)
                }
                (Err(why), _) | (_, Err(why)) => Test::Never(why),
            },
        };
        Wanted { test, words }
    }

    /// Whether the value is as wanted; if not, why, where the two don't speak for themselves.
    pub(super) fn test(&self, field: &Field<'_>) -> Result<(), String> {
        if let Test::Never(why) = &self.test {
            return Err(why.clone());
        }
        let Some(text) = field.text else {
            return match self.test {
                Test::Null => Ok(()),
                Test::NotNull => Err(String::new()),
                _ => Err("NULL equals nothing and differs from nothing; write \"is null\" where it is \
                     expected"
                    .to_owned()),
            };
        };
        match &self.test {
            Test::Null if field.value == Ok(Value::Json(Json::Null)) => {
                Err("JSON's null is a value; write \"null\" for it".to_owned())
            }
            Test::Null => Err(String::new()),
            Test::NotNull => Ok(()),
            Test::Matches(pattern) => said(pattern.0.is_match(text)),
            Test::Compare(operator, term) => compare(*operator, term, field),
            Test::Range(from, to) => range(from, to, field),
            Test::Never(why) => Err(why.clone()),
        }
    }
}

fn said(holds: bool) -> Result<(), String> {
    if holds { Ok(()) } else { Err(String::new()) }
}

fn needs_saved(operand: &Operand) -> bool {
    matches!(operand, Operand::Saved(_) | Operand::Template(_) | Operand::Arithmetic(_))
}

fn term(operand: &Operand, saved: &Saved) -> Result<Term, String> {
    Ok(match operand {
        Operand::Text(text) => Term::Text(text.clone()),
        Operand::Template(parts) => Term::Text(fill(parts, saved)?),
        Operand::Saved(name) => saved_term(name, saved)?,
        Operand::Arithmetic(expression) => computed(expression, saved)?,
        Operand::Number(number) => Term::Number(number.clone()),
        Operand::Boolean(value) => Term::Boolean(*value),
        Operand::Duration(length) => Term::Duration(*length),
        Operand::Moment(moment) => Term::Moment(*moment),
    })
}

fn computed(expression: &Expression, saved: &Saved) -> Result<Term, String> {
    expression.value(saved).map(|value| Term::Number(Number::Finite(value)))
}

fn saved_text<'a>(name: &str, saved: &'a Saved) -> Result<(&'a str, u32), String> {
    let value = saved.get(name).ok_or_else(|| format!("nothing is saved as {{{name}}}"))?;
    match &value.text {
        Some(text) => Ok((text, value.type_oid)),
        None => Err(format!("{{{name}}} is NULL, which equals nothing and differs from nothing")),
    }
}

fn saved_term(name: &str, saved: &Saved) -> Result<Term, String> {
    let (text, oid) = saved_text(name, saved)?;
    if is_untyped(oid) {
        return Ok(Term::Untyped(text.to_owned()));
    }
    let kind = Kind::of(oid);
    let value = Value::parse(&kind, text).map_err(|why| format!("{{{name}}}: {why}"))?;
    Ok(Term::Saved { name: name.to_owned(), kind, text: text.to_owned(), value })
}

fn fill(parts: &[Part], saved: &Saved) -> Result<String, String> {
    let mut filled = String::new();
    for part in parts {
        filled.push_str(match part {
            Part::Text(text) => text,
            Part::Name(name) => saved_text(name, saved)?.0,
        });
    }
    Ok(filled)
}

fn compare(operator: Operator, term: &Term, field: &Field<'_>) -> Result<(), String> {
    let got = field.value.as_ref().map_err(Clone::clone)?;
    let want = fit(operator, term, field.kind, got)?;
    match operator {
        Operator::Equal => {
            if equal(&want, got)? {
                return Ok(());
            }
            Err(unequal(&want, got, field.kind))
        }
        Operator::NotEqual => {
            if let (Value::Number(want), Value::Number(got)) = (&want, got)
                && want.is_nan() != got.is_nan()
            {
                return Err("NaN isn't a number, so neither is it another one".to_owned());
            }
            said(!equal(&want, got)?)
        }
        _ => {
            let order = order(operator.sign(), &want, got)?;
            let holds = match operator {
                Operator::Less => order == Ordering::Less,
                Operator::AtMost => order != Ordering::Greater,
                Operator::More => order == Ordering::Greater,
                _ => order != Ordering::Less,
            };
            if holds {
                return Ok(());
            }
            Err(midnight(&want, got))
        }
    }
}

fn range(from: &Term, to: &Term, field: &Field<'_>) -> Result<(), String> {
    let got = field.value.as_ref().map_err(Clone::clone)?;
    let first = fit(Operator::AtLeast, from, field.kind, got)?;
    let last = fit(Operator::AtMost, to, field.kind, got)?;
    if order("..", &last, &first)? == Ordering::Greater {
        return Err("the range is empty: its beginning is above its end".to_owned());
    }
    let inside = order("..", &first, got)? != Ordering::Less && order("..", &last, got)? != Ordering::Greater;
    if inside {
        return Ok(());
    }
    Err(midnight(&last, got))
}

fn equal(want: &Value, got: &Value) -> Result<bool, String> {
    Ok(match (want, got) {
        (Value::Number(want), Value::Number(got)) => want.equals(got),
        (Value::Moment(want), Value::Moment(got)) => want.order(got)? == Ordering::Equal,
        (Value::Array(want), Value::Array(got)) => arrays_equal(want, got)?,
        _ => want == got,
    })
}

fn arrays_equal(want: &Array, got: &Array) -> Result<bool, String> {
    if !items_equal(&want.items, &got.items)? {
        return Ok(false);
    }
    // As in PostgreSQL: where an array begins is part of it.
    if want.lower != got.lower && !got.items.is_empty() {
        return Err("the elements are equal, but the arrays begin at other indexes".to_owned());
    }
    Ok(true)
}

fn items_equal(want: &[Item], got: &[Item]) -> Result<bool, String> {
    if want.len() != got.len() {
        return Ok(false);
    }
    for pair in want.iter().zip(got) {
        let same = match pair {
            (Item::Null, Item::Null) => true,
            (Item::Value(want), Item::Value(got)) => equal(want, got)?,
            (Item::Nested(want), Item::Nested(got)) => items_equal(want, got)?,
            _ => false,
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How what came stands to what is wanted.
fn order(sign: &str, want: &Value, got: &Value) -> Result<Ordering, String> {
    match (want, got) {
        (Value::Number(want), Value::Number(got)) => {
            got.order(want).ok_or_else(|| "NaN isn't a number, so it is in no order".to_owned())
        }
        (Value::Moment(want), Value::Moment(got)) => want.order(got),
        (Value::Interval(want), Value::Interval(got)) => Ok(got.cmp(want)),
        _ => Err(format!("{sign} compares numbers, sizes, dates, times and intervals only")),
    }
}

/// What the eye may miss when two values differ.
fn unequal(want: &Value, got: &Value, kind: &Kind) -> String {
    match (want, got) {
        (Value::Number(want), Value::Number(got)) if matches!(kind, Kind::Float(_)) && want.nearly(got) => {
            format!("a {} isn't exact; write a range, or compare round(…::numeric, 2)", kind.name())
        }
        (Value::Text(want), Value::Text(got)) if want.trim() == got.trim() => {
            "they differ in the blanks around them".to_owned()
        }
        (Value::Text(want), Value::Text(got)) if want.to_lowercase() == got.to_lowercase() => {
            "they differ in upper and lower case".to_owned()
        }
        _ => midnight(want, got),
    }
}

fn midnight(want: &Value, got: &Value) -> String {
    match (want, got) {
        (Value::Moment(Moment::Date(_)), Value::Moment(Moment::Timestamp(_))) => {
            "a date alone is its midnight".to_owned()
        }
        _ => String::new(),
    }
}

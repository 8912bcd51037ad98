//! Arithmetic on saved values: `{before} + 16`, `{baseline} + 10%`.
//!
//! `+ - * /` with their usual precedence and parentheses, exact. `+ 10%` and `- 10%` are of what
//! stands left of them in the same sum, as on a pocket calculator.

use bigdecimal::BigDecimal;

use super::number::{Fraction, Number};
use super::quantity;
use super::saved::Saved;
use super::show;
use super::value::{Kind, Value, is_untyped};

/// More than this is no expectation but an attack on the stack or the processor.
const MAX_PARTS: usize = 100;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    Number(BigDecimal),
    /// A hundredth of it.
    Percent(BigDecimal),
    Saved(String),
    Negate(Box<Expression>),
    Binary(Box<Expression>, char, Box<Expression>),
}

/// What was read.
#[derive(Debug, Clone)]
pub(super) struct Arithmetic {
    pub(super) expression: Expression,
    /// Blanks stand around every operator. Without them `{a}-{b}` may as well be text.
    pub(super) spaced: bool,
}

/// `name` of a text that is `{name}` and nothing else.
pub(super) fn lone_name(text: &str) -> Option<&str> {
    let name = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    is_name(name).then_some(name)
}

/// Whether a saved value can be called so.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Reads a text as arithmetic, or says what is wrong with it.
pub(super) fn parse(text: &str) -> Result<Arithmetic, String> {
    let mut parser = Parser { rest: text.trim(), parts: 0, spaced: true };
    let expression = parser.sum()?;
    if !parser.rest.is_empty() {
        return Err(format!("{} can't follow there", show::quoted(parser.rest.trim())));
    }
    if let Expression::Percent(_) = expression {
        return Err(format!("{0} of what? Write it as in {{before}} + {0}", text.trim()));
    }
    Ok(Arithmetic { expression, spaced: parser.spaced })
}

struct Parser<'a> {
    rest: &'a str,
    parts: usize,
    spaced: bool,
}

impl Parser<'_> {
    fn sum(&mut self) -> Result<Expression, String> {
        let mut left = self.product()?;
        while let Some(operator) = self.operator(&['+', '-']) {
            let right = self.product()?;
            left = Expression::Binary(Box::new(left), operator, Box::new(right));
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Expression, String> {
        let mut left = self.part()?;
        while let Some(operator) = self.operator(&['*', '/']) {
            let right = self.part()?;
            left = Expression::Binary(Box::new(left), operator, Box::new(right));
        }
        Ok(left)
    }

    fn operator(&mut self, among: &[char]) -> Option<char> {
        let trimmed = self.rest.trim_start();
        let operator = trimmed.chars().next().filter(|c| among.contains(c))?;
        let after = &trimmed[1..];
        if trimmed.len() == self.rest.len() || !after.starts_with(char::is_whitespace) {
            self.spaced = false;
        }
        self.rest = after;
        Some(operator)
    }

    fn part(&mut self) -> Result<Expression, String> {
        self.parts += 1;
        if self.parts > MAX_PARTS {
            return Err(format!("more than {MAX_PARTS} parts"));
        }
        self.rest = self.rest.trim_start();
        let Some(first) = self.rest.chars().next() else {
            return Err("it ends where a number or a saved value is missing".to_owned());
        };
        match first {
            '(' => {
                self.rest = &self.rest[1..];
                let inner = self.sum()?;
                self.rest = self.rest.trim_start();
                match self.rest.strip_prefix(')') {
                    Some(rest) => self.rest = rest,
                    None => return Err("a parenthesis isn't closed".to_owned()),
                }
                if let Expression::Percent(_) = inner {
                    return Err("a percentage alone in parentheses is of nothing".to_owned());
                }
                Ok(inner)
            }
            '-' => {
                self.rest = &self.rest[1..];
                let inner = self.part()?;
                Ok(Expression::Negate(Box::new(inner)))
            }
            '{' => {
                let end = self.rest.find('}').ok_or_else(|| "a { isn't closed".to_owned())?;
                let name = &self.rest[1..end];
                if !is_name(name) {
                    return Err(format!("{} isn't a name", show::quoted(name)));
                }
                let name = name.to_owned();
                self.rest = &self.rest[end + 1..];
                Ok(Expression::Saved(name))
            }
            _ => self.figure(),
        }
    }

    /// A number, a percentage or a size.
    fn figure(&mut self) -> Result<Expression, String> {
        let end =
            self.rest.find(|c: char| c.is_whitespace() || "+-*/(){}%".contains(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        if let Some(rest) = rest.strip_prefix('%') {
            let number =
                quantity::number(word).ok_or_else(|| format!("{} isn't a number", show::quoted(word)))?;
            self.rest = rest;
            return Ok(Expression::Percent(number));
        }
        // `5 MB`: the unit is the next word.
        let after = rest.strip_prefix(' ').unwrap_or_default();
        let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        if let (Some(number), Some(unit)) = (quantity::number(word), quantity::unit_of_size(&after[..end])) {
            self.rest = &after[end..];
            return Ok(Expression::Number(number * unit));
        }
        match quantity::quantity(word) {
            Some(quantity::Quantity::Number(number) | quantity::Quantity::Size(number)) => {
                self.rest = rest;
                Ok(Expression::Number(number))
            }
            _ => Err(format!(
                "{} isn't a number, a size or a saved value",
                show::quoted(if word.is_empty() { self.rest } else { word })
            )),
        }
    }
}

impl Expression {
    /// Adds the names that stand in it.
    pub(super) fn names(&self, into: &mut Vec<String>) {
        match self {
            Expression::Number(_) | Expression::Percent(_) => {}
            Expression::Saved(name) => into.push(name.clone()),
            Expression::Negate(inner) => inner.names(into),
            Expression::Binary(left, _, right) => {
                left.names(into);
                right.names(into);
            }
        }
    }

    /// Computes it, or says why it can't be.
    pub(super) fn value(&self, saved: &Saved) -> Result<Fraction, String> {
        match self {
            Expression::Number(number) => Ok(Fraction::from(number.clone())),
            Expression::Percent(number) => Ok(hundredth(number)),
            Expression::Saved(name) => saved_number(name, saved),
            Expression::Negate(inner) => Ok(inner.value(saved)?.negate()),
            Expression::Binary(left, operator, right) => {
                let left = left.value(saved)?;
                let mut value = right.value(saved)?;
                if let ('+' | '-', Expression::Percent(_)) = (operator, right.as_ref()) {
                    value = left.multiply(&value);
                }
                match operator {
                    '+' => Ok(left.add(&value)),
                    '-' => Ok(left.add(&value.negate())),
                    '*' => Ok(left.multiply(&value)),
                    _ => left.divide(&value).ok_or_else(|| "it divides by zero".to_owned()),
                }
            }
        }
    }
}

fn hundredth(number: &BigDecimal) -> Fraction {
    Fraction::from(number * BigDecimal::new(1.into(), 2))
}

fn saved_number(name: &str, saved: &Saved) -> Result<Fraction, String> {
    let value = saved.get(name).ok_or_else(|| format!("nothing is saved as {{{name}}}"))?;
    let Some(text) = &value.text else {
        return Err(format!("{{{name}}} is NULL, which can't be computed with"));
    };
    let kind = Kind::of(value.type_oid);
    let number = if is_untyped(value.type_oid) {
        Number::parse(text.trim())
    } else {
        match Value::parse(&kind, text) {
            Ok(Value::Number(number)) => Some(number),
            _ => None,
        }
    };
    match number {
        Some(Number::Finite(fraction)) => Ok(fraction),
        _ => {
            Err(format!("{{{name}}} is {} ({}), which can't be computed with", show::text(text), kind.name()))
        }
    }
}

//! What a text of the plan means as a cell.
//!
//! Three rules keep an author's slip from looking green:
//! - what begins like a condition and isn't one is an error, not a text;
//! - what could be read in two ways is an error that names both;
//! - everything else is literal text, and a text never equals a number by its look.

use super::arithmetic::{self, Expression, is_name, lone_name};
use super::array;
use super::cell::{Form, Operand, Operator, Part, Pattern};
use super::json::Json;
use super::number::Number;
use super::quantity::{Quantity, quantity};
use super::show::quoted;

/// Longest first, so that `>=` isn't read as `>`.
const OPERATORS: [(&str, Option<Operator>); 7] = [
    (">=", Some(Operator::AtLeast)),
    ("<=", Some(Operator::AtMost)),
    ("!=", Some(Operator::NotEqual)),
    ("=", Some(Operator::Equal)),
    ("<", Some(Operator::Less)),
    (">", Some(Operator::More)),
    ("~", None),
];

/// What other languages write, and what is meant here.
const FOREIGN: [(&str, &str); 8] = [
    ("==", "= "),
    ("<>", "!= "),
    ("=>", ">= "),
    ("=<", "<= "),
    ("=~", "~ "),
    ("~*", "~ (?i)"),
    ("~~", "~ "),
    ("!~", "~ with another pattern; there is no \"doesn't match\""),
];

/// Reads a text, or says why it means nothing.
pub(super) fn parse(source: &str) -> Result<Form, String> {
    let trimmed = source.trim();
    let lower = trimmed.to_lowercase();
    match lower.split_whitespace().collect::<Vec<_>>()[..] {
        ["is", "null"] => return Ok(Form::Null),
        ["is", "not", "null"] => return Ok(Form::NotNull),
        _ => {}
    }
    if is_tag(trimmed) {
        return Ok(equal(Operand::Text(source.to_owned())));
    }
    foreign(trimmed)?;
    let start = source.trim_start();
    for (sign, operator) in OPERATORS {
        if let Some(rest) = start.strip_prefix(sign) {
            return condition(sign, operator, rest);
        }
    }
    if let Some(range) = range(trimmed)? {
        return Ok(range);
    }
    bare(source).map(equal)
}

fn equal(operand: Operand) -> Form {
    Form::Compare(Operator::Equal, operand)
}

/// `<none>`, `</p>`, `<?xml … ?>`: nobody compares with that.
fn is_tag(text: &str) -> bool {
    text.ends_with('>')
        && text
            .strip_prefix('<')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_alphabetic() || matches!(c, '/' | '?' | '!')))
}

fn foreign(text: &str) -> Result<(), String> {
    for (sign, meant) in FOREIGN {
        if text.starts_with(sign) {
            return Err(format!(
                "{sign} isn't a condition here; write {meant}…, or = before it for the text itself"
            ));
        }
    }
    Ok(())
}

fn condition(sign: &str, operator: Option<Operator>, rest: &str) -> Result<Form, String> {
    if rest.trim().is_empty() {
        let instead = match sign {
            "=" => "for the empty text write \"\"",
            "!=" => "for a text that isn't empty write \"~ .\"",
            "~" => "for the text itself write \"= ~\"",
            _ => "for the text itself put = before it",
        };
        return Err(format!("nothing stands after {sign}; {instead}"));
    }
    let spaced = rest.starts_with(char::is_whitespace);
    let ambiguous = || {
        format!(
            "{} could be a condition or a text; put a blank after {sign} for the condition, \
             or write {} for the text",
            quoted(&format!("{sign}{rest}")),
            quoted(&format!("= {sign}{rest}"))
        )
    };
    // Only the one blank that parts the sign from the text: what follows is the author's.
    let text = rest.strip_prefix(char::is_whitespace).unwrap_or(rest);
    match operator {
        None if spaced => pattern(text).map(Form::Matches),
        None => Err(ambiguous()),
        Some(operator @ (Operator::Equal | Operator::NotEqual)) => {
            let operand = match exact(text) {
                Some(operand) => operand,
                None if spaced => equality_text(sign, text)?,
                None => return Err(ambiguous()),
            };
            Ok(Form::Compare(operator, operand))
        }
        Some(operator) => {
            let follows =
                rest.starts_with(|c: char| c.is_whitespace() || c.is_ascii_digit() || "{(-+".contains(c));
            if !follows {
                return Err(ambiguous());
            }
            ordered(sign, rest.trim()).map(|operand| Form::Compare(operator, operand))
        }
    }
}

/// A saved value, a quantity, or arithmetic with blanks around its operators.
fn exact(text: &str) -> Option<Operand> {
    let text = text.trim();
    if let Some(name) = lone_name(text) {
        return Some(Operand::Saved(name.to_owned()));
    }
    if let Some(quantity) = quantity(text) {
        return Some(Operand::from(quantity));
    }
    match computed(text) {
        Some((expression, true)) => Some(Operand::Arithmetic(expression)),
        _ => None,
    }
}

/// Arithmetic that uses a saved value, and whether blanks stand around its operators.
fn computed(text: &str) -> Option<(Expression, bool)> {
    let parsed = arithmetic::parse(text).ok()?;
    uses_names(&parsed.expression).then_some((parsed.expression, parsed.spaced))
}

fn uses_names(expression: &Expression) -> bool {
    let mut names = Vec::new();
    expression.names(&mut names);
    !names.is_empty()
}

fn equality_text(sign: &str, text: &str) -> Result<Operand, String> {
    let trimmed = text.trim();
    if trimmed.eq_ignore_ascii_case("null") {
        let instead = if sign == "=" { "is null" } else { "is not null" };
        return Err(format!(
            "nothing equals NULL or differs from it; write \"{instead}\", or \"null\" alone for \
             the text"
        ));
    }
    // `!= 'failed'` would hold for the text failed.
    for quote in ['\'', '"'] {
        let inner = trimmed.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        if let Some(inner) = inner {
            return Err(format!(
                "the quotes would be part of the text; write {} without them",
                quoted(&format!("{sign} {inner}"))
            ));
        }
    }
    Ok(template(text))
}

fn ordered(sign: &str, text: &str) -> Result<Operand, String> {
    if let Some(name) = lone_name(text) {
        return Ok(Operand::Saved(name.to_owned()));
    }
    if let Some(quantity) = quantity(text) {
        return Ok(Operand::from(quantity));
    }
    match arithmetic::parse(text) {
        Ok(parsed) if uses_names(&parsed.expression) => Ok(Operand::Arithmetic(parsed.expression)),
        Ok(_) => Err(format!("{} has no saved value in it; write the number", quoted(text))),
        Err(reason) => Err(format!(
            "{sign} needs a number, size, duration, date or saved value after it: {reason}; for \
             the text itself write {}",
            quoted(&format!("= {sign} {text}"))
        )),
    }
}

fn pattern(text: &str) -> Result<Pattern, String> {
    match regex::Regex::new(text) {
        Ok(regex) => Ok(Pattern(regex)),
        Err(error) => {
            let told = error.to_string();
            let last = told.lines().last().unwrap_or_default();
            Err(format!(
                "{} isn't a regular expression: {}",
                quoted(text),
                last.trim_start_matches("error: ")
            ))
        }
    }
}

/// `a..b`, where at least one side says that a range is meant.
fn range(text: &str) -> Result<Option<Form>, String> {
    let Some((from, to)) = text.split_once("..") else {
        return Ok(None);
    };
    let (from, to) = (from.trim(), to.trim());
    match (end(from), end(to)) {
        (None, None) => Ok(None),
        (Some(first), Some(last)) => {
            fits(from, to)?;
            Ok(Some(Form::Range(first, last)))
        }
        (Some(_), None) if to.is_empty() => {
            Err(format!("{} has no end; write {}", quoted(text), quoted(&format!(">= {from}"))))
        }
        (None, Some(_)) if from.is_empty() => {
            Err(format!("{} has no beginning; write {}", quoted(text), quoted(&format!("<= {to}"))))
        }
        (first, _) => Err(format!(
            "{} isn't an end of a range; for the text itself write {}",
            quoted(if first.is_some() { to } else { from }),
            quoted(&format!("= {text}"))
        )),
    }
}

fn end(text: &str) -> Option<Operand> {
    if let Some(name) = lone_name(text) {
        return Some(Operand::Saved(name.to_owned()));
    }
    if let Some(quantity) = quantity(text) {
        return Some(Operand::from(quantity));
    }
    computed(text).map(|(expression, _)| Operand::Arithmetic(expression))
}

/// Whether two ends make a range; saved values are looked at when they are known.
fn fits(from: &str, to: &str) -> Result<(), String> {
    let (Some(first), Some(last)) = (quantity(from), quantity(to)) else {
        return Ok(());
    };
    let empty = || Err(format!("nothing is between {from} and {to}: the range is written backwards"));
    match (first, last) {
        // `230..260MB` hardly means 230 bytes.
        (Quantity::Number(number), Quantity::Size(_)) if number != 0_i64 => {
            Err(format!("{from} has no unit and {to} has one; give both theirs"))
        }
        (Quantity::Size(_), Quantity::Number(_)) => {
            Err(format!("{from} has a unit and {to} has none; give both theirs"))
        }
        (Quantity::Number(first) | Quantity::Size(first), Quantity::Number(last) | Quantity::Size(last))
            if first > last =>
        {
            empty()
        }
        (Quantity::Number(_) | Quantity::Size(_), Quantity::Number(_) | Quantity::Size(_)) => Ok(()),
        (Quantity::Duration(first), Quantity::Duration(last)) if first > last => empty(),
        (Quantity::Duration(_), Quantity::Duration(_)) => Ok(()),
        (Quantity::Moment(first), Quantity::Moment(last)) => match first.order(&last) {
            Ok(std::cmp::Ordering::Less) => empty(),
            Ok(_) => Ok(()),
            Err(_) => Err(format!("{from} and {to} aren't of one kind")),
        },
        _ => Err(format!("{from} and {to} aren't of one kind")),
    }
}

/// A text without a sign before it.
fn bare(source: &str) -> Result<Operand, String> {
    let trimmed = source.trim();
    if let Some(name) = lone_name(trimmed) {
        return Ok(Operand::Saved(name.to_owned()));
    }
    match arithmetic::parse(trimmed) {
        Ok(parsed) if uses_names(&parsed.expression) => {
            if parsed.spaced {
                return Ok(Operand::Arithmetic(parsed.expression));
            }
            if has_figures(&parsed.expression) {
                return Err(format!(
                    "{} could be arithmetic or a text; put blanks around the operators for the \
                     arithmetic, or write {} for the text",
                    quoted(trimmed),
                    quoted(&format!("= {trimmed}"))
                ));
            }
        }
        Ok(_) => {}
        Err(reason) if begins_as_arithmetic(trimmed) => {
            return Err(format!(
                "{} begins as arithmetic, but {reason}; for the text itself write {}",
                quoted(trimmed),
                quoted(&format!("= {trimmed}"))
            ));
        }
        Err(_) => {}
    }
    if array::is_array(trimmed) || Json::parse(trimmed).is_some() {
        return Ok(Operand::Text(source.to_owned()));
    }
    Ok(template(source))
}

fn has_figures(expression: &Expression) -> bool {
    match expression {
        Expression::Number(_) | Expression::Percent(_) => true,
        Expression::Saved(_) => false,
        Expression::Negate(inner) => has_figures(inner),
        Expression::Binary(left, _, right) => has_figures(left) || has_figures(right),
    }
}

/// `{name} + …`
fn begins_as_arithmetic(text: &str) -> bool {
    let Some((name, rest)) = text.strip_prefix('{').and_then(|text| text.split_once('}')) else {
        return false;
    };
    let operator = rest.trim_start();
    is_name(name)
        && rest.len() > operator.len()
        && operator.starts_with(['+', '-', '*', '/'])
        && operator[1..].chars().next().is_none_or(char::is_whitespace)
}

/// Text with `{name}` in it, else the text itself.
fn template(text: &str) -> Operand {
    let mut parts = Vec::new();
    let mut before = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (head, tail) = rest.split_at(at);
        before.push_str(head);
        match tail[1..].split_once('}') {
            Some((name, after)) if is_name(name) => {
                if !before.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut before)));
                }
                parts.push(Part::Name(name.to_owned()));
                rest = after;
            }
            _ => {
                before.push('{');
                rest = &tail[1..];
            }
        }
    }
    if parts.is_empty() {
        return Operand::Text(text.to_owned());
    }
    before.push_str(rest);
    if !before.is_empty() {
        parts.push(Part::Text(before));
    }
    Operand::Template(parts)
}

impl From<Quantity> for Operand {
    fn from(quantity: Quantity) -> Operand {
        match quantity {
            Quantity::Number(number) | Quantity::Size(number) => Operand::Number(Number::from(number)),
            Quantity::Duration(length) => Operand::Duration(length),
            Quantity::Moment(moment) => Operand::Moment(moment),
        }
    }
}

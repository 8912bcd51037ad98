//! A TOML value as a cell. The one place that knows how the cell language is built.

use toml::de::DeValue;

use super::context::{Build, Use};
use crate::plan::diagnostic::Code;
use crate::plan::expect::Cell;
use crate::plan::raw::{Entry, Value, shorten};
use crate::plan::source::Span;
use crate::plan::sqltext;

impl<'a> Build<'a> {
    pub fn cell(&mut self, entry: Entry<'a>) -> Option<Cell> {
        self.cell_of(entry.key, entry.value)
    }

    /// The cell of a value; `what` is the key it stands under.
    pub fn cell_of(&mut self, what: &str, value: Value<'a>) -> Option<Cell> {
        let span = value.span().into();
        let cell = match value.get_ref() {
            DeValue::String(text) => return self.text_cell(what, text, span),
            DeValue::Integer(number) => {
                let Ok(number) = i64::from_str_radix(number.as_str(), number.radix()) else {
                    self.report.error(Code::BadValue, span, format!("`{what}` is larger than a bigint"));
                    return None;
                };
                Cell::integer(number)
            }
            DeValue::Float(number) => {
                let Ok(value) = number.as_str().parse() else {
                    self.report.error(Code::BadValue, span, format!("`{what}` isn't a number"));
                    return None;
                };
                Cell::float(value, number.as_str())
            }
            DeValue::Boolean(value) => Cell::boolean(*value),
            DeValue::Datetime(value) => Cell::datetime(&value.to_string()),
            DeValue::Array(_) | DeValue::Table(_) => {
                self.report.wrong_type(what, "a value or a condition", value);
                return None;
            }
        };
        Some(cell)
    }

    fn text_cell(&mut self, what: &str, text: &str, span: Span) -> Option<Cell> {
        let cell = match Cell::text(text) {
            Ok(cell) => cell,
            Err(error) => {
                self.report.error(
                    Code::BadValue,
                    span,
                    format!("`{what}` can't be `{}`: {error}", shorten(text)),
                );
                return None;
            }
        };
        // The cell knows what of it is a name; where the name stands, the text knows.
        let places = sqltext::braces(text);
        for name in cell.saved_names() {
            let place = places.iter().find(|(_, _, found)| *found == name);
            let place = place.map_or(span, |(from, to, _)| self.report.part_of(span, text, *from, *to));
            let span = self.borrowed.unwrap_or(place);
            self.uses.push(Use { name, span, at: self.now, strict: true, baseline: self.timings });
        }
        Some(cell)
    }
}

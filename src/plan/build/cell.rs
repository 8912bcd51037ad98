//! A TOML value as a cell. The one place that knows how the cell language is built.

use toml::de::DeValue;

use super::context::Build;
use crate::plan::diagnostic::Code;
use crate::plan::expect::Cell;
use crate::plan::raw::{Entry, Value};

impl<'a> Build<'a> {
    pub fn cell(&mut self, entry: Entry<'a>) -> Option<Cell> {
        self.cell_of(entry.key, entry.value)
    }

    /// The cell of a value; `what` is the key it stands under.
    pub fn cell_of(&mut self, what: &str, value: Value<'a>) -> Option<Cell> {
        let span = value.span().into();
        let cell = match value.get_ref() {
            DeValue::String(text) => {
                self.braces(text, span, true);
                Cell { source: text.to_string() }
            }
            DeValue::Integer(number) => {
                let Ok(number) = i64::from_str_radix(number.as_str(), number.radix()) else {
                    self.report.error(Code::BadValue, span, format!("`{what}` is larger than a bigint"));
                    return None;
                };
                Cell { source: number.to_string() }
            }
            DeValue::Float(number) => Cell { source: number.as_str().to_owned() },
            DeValue::Boolean(value) => Cell { source: value.to_string() },
            DeValue::Datetime(value) => Cell { source: value.to_string() },
            DeValue::Array(_) | DeValue::Table(_) => {
                self.report.wrong_type(what, "a value or a condition", value);
                return None;
            }
        };
        Some(cell)
    }
}

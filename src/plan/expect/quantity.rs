//! What can stand after `<=` or at an end of `a..b`: a number, a size, a duration, a moment.
//!
//! Sizes count as PostgreSQL does: 1 kB is 1024 bytes, and a size is a number of bytes.

use bigdecimal::BigDecimal;

use super::interval::{self, Length};
use super::moment::Moment;
use super::number::decimal;

/// A value that has an order.
#[derive(Debug, Clone)]
pub(super) enum Quantity {
    Number(BigDecimal),
    /// In bytes.
    Size(BigDecimal),
    Duration(Length),
    Moment(Moment),
}

/// Reads a quantity; the whole text is one or it is none.
pub(super) fn quantity(text: &str) -> Option<Quantity> {
    if let Some(number) = number(text) {
        return Some(Quantity::Number(number));
    }
    if let Some(moment) = Moment::parse(text) {
        return Some(Quantity::Moment(moment));
    }
    if let Some(duration) = interval::duration(text) {
        return Some(Quantity::Duration(duration));
    }
    size(text).map(Quantity::Size)
}

/// A decimal as TOML writes it: underscores may part the digits.
pub(super) fn number(text: &str) -> Option<BigDecimal> {
    if !text.contains('_') {
        return decimal(text);
    }
    let bytes = text.as_bytes();
    let between_digits = (0..bytes.len()).all(|at| {
        bytes[at] != b'_'
            || (at > 0 && bytes[at - 1].is_ascii_digit() && bytes.get(at + 1).is_some_and(u8::is_ascii_digit))
    });
    between_digits.then(|| decimal(&text.replace('_', ""))).flatten()
}

fn size(text: &str) -> Option<BigDecimal> {
    let at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (figure, unit) = text.split_at(at);
    // One blank, as pg_size_pretty writes it.
    let figure = number(figure.strip_suffix(' ').unwrap_or(figure))?;
    Some(figure * unit_of_size(unit)?)
}

/// Bytes in a unit, by any case, as pg_size_bytes reads it.
pub(super) fn unit_of_size(unit: &str) -> Option<BigDecimal> {
    let power = match unit.to_ascii_lowercase().as_str() {
        "b" | "bytes" => 0,
        "kb" => 1,
        "mb" => 2,
        "gb" => 3,
        "tb" => 4,
        "pb" => 5,
        _ => return None,
    };
    Some(BigDecimal::from(1024_u64.pow(power)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(text: &str) -> Option<String> {
        match quantity(text)? {
            Quantity::Number(number) | Quantity::Size(number) => Some(number.normalized().to_plain_string()),
            _ => None,
        }
    }

    #[test]
    fn sizes_are_of_1024() {
        assert_eq!(figure("230MB").as_deref(), Some("241172480"));
        assert_eq!(figure("1.5 kB").as_deref(), Some("1536"));
        assert_eq!(figure("2 bytes").as_deref(), Some("2"));
        assert_eq!(figure("1gb").as_deref(), Some("1073741824"));
    }

    #[test]
    fn numbers_as_toml_writes_them() {
        assert_eq!(figure("1_000_000").as_deref(), Some("1000000"));
        assert_eq!(figure("-2.50").as_deref(), Some("-2.5"));
        for text in ["1,000", "1__0", "_1", "1_", "5 rows", "5  MB", "5%", "MB", "", "é"] {
            assert!(quantity(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_date_is_not_a_subtraction() {
        assert!(matches!(quantity("2024-02-06"), Some(Quantity::Moment(_))));
        assert!(matches!(quantity("09:00"), Some(Quantity::Moment(_))));
        assert!(matches!(quantity("5min"), Some(Quantity::Duration(_))));
    }
}

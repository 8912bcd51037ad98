//! Exact numbers: what a server writes, what a plan writes, and what arithmetic gives.
//!
//! A finite number is a fraction of two decimals, so that `{total} / 3 * 3` is `{total}` again and
//! no comparison depends on where a division was cut off.

use std::cmp::Ordering;
use std::str::FromStr;

use bigdecimal::{BigDecimal, Signed, Zero};

/// The longest number that is read. PostgreSQL's `numeric` ends at 131072 digits before the point
/// and 16383 after it.
const MAX_LENGTH: usize = 150_000;

/// The largest exponent that is read: `1e999999999` in a json value would otherwise be written out
/// in memory as soon as it is compared.
const MAX_EXPONENT: i64 = 5_000;

/// Numerator and denominator; the denominator is positive, and 1 when it is `None`.
#[derive(Debug, Clone)]
pub(super) struct Fraction {
    over: BigDecimal,
    under: Option<BigDecimal>,
}

/// A number of any of the server's number types.
#[derive(Debug, Clone)]
pub(super) enum Number {
    Finite(Fraction),
    Infinity,
    NegativeInfinity,
    NaN,
}

/// Reads plain and scientific notation; nothing else, and nothing that would take over the memory.
pub(super) fn decimal(text: &str) -> Option<BigDecimal> {
    if text.len() > MAX_LENGTH {
        return None;
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    if !digits(whole) || fraction.is_some_and(|fraction| !digits(fraction)) {
        return None;
    }
    if let Some(exponent) = exponent {
        let magnitude = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if !digits(magnitude) || magnitude.parse::<i64>().ok()? > MAX_EXPONENT {
            return None;
        }
    }
    BigDecimal::from_str(text).ok()
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Fraction {
    pub(super) fn add(&self, other: &Fraction) -> Fraction {
        match (&self.under, &other.under) {
            (None, None) => Fraction::from(&self.over + &other.over),
            _ => Fraction { over: self.over_by(other) + other.over_by(self), under: self.common(other) },
        }
    }

    pub(super) fn negate(&self) -> Fraction {
        Fraction { over: -&self.over, under: self.under.clone() }
    }

    pub(super) fn multiply(&self, other: &Fraction) -> Fraction {
        Fraction { over: &self.over * &other.over, under: self.common(other) }
    }

    /// `None` when the other is zero.
    pub(super) fn divide(&self, other: &Fraction) -> Option<Fraction> {
        if other.over.is_zero() {
            return None;
        }
        let mut over = self.over_by(other);
        let mut under = match &self.under {
            Some(under) => under * &other.over,
            None => other.over.clone(),
        };
        if under.is_negative() {
            over = -over;
            under = -under;
        }
        Some(Fraction { over, under: Some(under) })
    }

    fn over_by(&self, other: &Fraction) -> BigDecimal {
        match &other.under {
            Some(under) => &self.over * under,
            None => self.over.clone(),
        }
    }

    fn common(&self, other: &Fraction) -> Option<BigDecimal> {
        match (&self.under, &other.under) {
            (None, None) => None,
            (Some(one), None) | (None, Some(one)) => Some(one.clone()),
            (Some(one), Some(two)) => Some(one * two),
        }
    }

    fn compare(&self, other: &Fraction) -> Ordering {
        if self.under.is_none() && other.under.is_none() {
            return self.over.cmp(&other.over);
        }
        self.over_by(other).cmp(&other.over_by(self))
    }

    /// As people read it; a fraction that decimals can't write is marked as rounded.
    fn shown(&self) -> String {
        let Some(under) = &self.under else {
            return self.over.normalized().to_plain_string();
        };
        let rounded = (&self.over / under).with_prec(15).normalized();
        let mark = if &rounded * under == self.over { "" } else { "≈ " };
        format!("{mark}{}", rounded.to_plain_string())
    }
}

impl From<BigDecimal> for Fraction {
    fn from(over: BigDecimal) -> Fraction {
        Fraction { over, under: None }
    }
}

impl Number {
    /// Reads what the server writes for any of its number types.
    pub(super) fn parse(text: &str) -> Option<Number> {
        match text {
            "NaN" => Some(Number::NaN),
            "Infinity" => Some(Number::Infinity),
            "-Infinity" => Some(Number::NegativeInfinity),
            _ => decimal(text).map(Number::from),
        }
    }

    /// As PostgreSQL has it, NaN equals NaN.
    pub(super) fn equals(&self, other: &Number) -> bool {
        match (self, other) {
            (Number::NaN, Number::NaN) => true,
            _ => self.order(other) == Some(Ordering::Equal),
        }
    }

    /// `None` where NaN takes part: PostgreSQL sorts it above all others, which nobody who writes
    /// `>= 5` means.
    pub(super) fn order(&self, other: &Number) -> Option<Ordering> {
        use Number::{Finite, Infinity, NaN, NegativeInfinity};
        Some(match (self, other) {
            (NaN, _) | (_, NaN) => return None,
            (Finite(one), Finite(two)) => one.compare(two),
            (Infinity, Infinity) | (NegativeInfinity, NegativeInfinity) => Ordering::Equal,
            (Infinity, _) | (_, NegativeInfinity) => Ordering::Greater,
            (NegativeInfinity, _) | (_, Infinity) => Ordering::Less,
        })
    }

    pub(super) fn is_nan(&self) -> bool {
        matches!(self, Number::NaN)
    }

    /// Whether the two are so close that a binary float, not the data, may be the difference.
    pub(super) fn nearly(&self, other: &Number) -> bool {
        let (Number::Finite(one), Number::Finite(two)) = (self, other) else {
            return false;
        };
        let apart = one.add(&two.negate());
        let scaled = apart.multiply(&Fraction::from(BigDecimal::from(1_000_000)));
        let size = Fraction { over: two.over.abs(), under: two.under.clone() };
        let magnitude = Fraction { over: scaled.over.abs(), under: scaled.under };
        magnitude.compare(&size) != Ordering::Greater
    }

    pub(super) fn shown(&self) -> String {
        match self {
            Number::Finite(fraction) => fraction.shown(),
            Number::Infinity => "Infinity".to_owned(),
            Number::NegativeInfinity => "-Infinity".to_owned(),
            Number::NaN => "NaN".to_owned(),
        }
    }
}

impl From<BigDecimal> for Number {
    fn from(value: BigDecimal) -> Number {
        Number::Finite(Fraction::from(value))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        self.equals(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    fn fraction(text: &str) -> Fraction {
        Fraction::from(decimal(text).unwrap())
    }

    #[test]
    fn scale_is_not_value() {
        assert!(number("25").equals(&number("25.00")));
        assert!(number("1e+20").equals(&number("100000000000000000000")));
        assert!(!number("9007199254740993").equals(&number("9007199254740992")));
    }

    #[test]
    fn a_division_is_exact() {
        let third = fraction("100").divide(&fraction("3")).unwrap();
        let whole = Number::Finite(third.multiply(&fraction("3")));
        assert!(whole.equals(&number("100")));
        assert_eq!(whole.shown(), "100");
        assert_eq!(Number::Finite(third).shown(), "≈ 33.3333333333333");
        assert!(fraction("1").divide(&fraction("0.00")).is_none());
        let negative = fraction("1").divide(&fraction("-2")).unwrap();
        assert!(Number::Finite(negative).equals(&number("-0.5")));
    }

    #[test]
    fn what_is_not_a_number_is_not_read() {
        for text in ["", "-", ".5", "5.", "1e", "1e+", "1_000", " 1", "0x10", "1e999999999", "inf", "++1"] {
            assert!(decimal(text).is_none(), "{text}");
        }
    }

    #[test]
    fn nan_is_in_no_order() {
        assert!(number("NaN").equals(&number("NaN")));
        assert!(number("NaN").order(&number("5")).is_none());
        assert_eq!(number("Infinity").order(&number("5")), Some(Ordering::Greater));
        assert_eq!(number("5").order(&number("-Infinity")), Some(Ordering::Greater));
    }
}

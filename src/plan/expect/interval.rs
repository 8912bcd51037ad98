//! Intervals, as the server writes them (IntervalStyle `postgres` or `iso_8601`), and durations as
//! a plan does (`1h30min`).
//!
//! An interval is its length with months of 30 days and days of 24 hours: that is how PostgreSQL
//! itself compares two of them.

const SECOND: i128 = 1_000_000_000;
const DAY: i128 = 86_400 * SECOND;

/// Nanoseconds.
pub(super) type Length = i128;

/// A plan's duration: figures with units, from `us` to `d`. `m` isn't one of them, since it could be
/// minutes or months.
pub(super) fn duration(text: &str) -> Option<Length> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    if rest.is_empty() {
        return None;
    }
    let mut total: Length = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (figure, tail) = rest.split_at(end);
        let end = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let unit = match unit {
            "us" => 1_000,
            "ms" => 1_000_000,
            "s" => SECOND,
            "min" => 60 * SECOND,
            "h" => 3600 * SECOND,
            "d" => DAY,
            _ => return None,
        };
        total = total.checked_add(times(figure, unit)?)?;
        rest = tail;
    }
    Some(sign * total)
}

/// What the server writes, or a plan's duration.
pub(super) fn interval(text: &str) -> Option<Length> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    match text.strip_prefix('P') {
        Some(rest) => iso(rest),
        None => duration(text).or_else(|| words(text)),
    }
}

/// `1Y2M3DT4H5M6.7S`, any part with a sign of its own.
fn iso(text: &str) -> Option<Length> {
    let (days, clock) = match text.split_once('T') {
        Some((days, clock)) => (days, Some(clock)),
        None => (text, None),
    };
    if days.is_empty() && clock.is_none_or(str::is_empty) {
        return None;
    }
    let date_units = [('Y', 360 * DAY), ('M', 30 * DAY), ('W', 7 * DAY), ('D', DAY)];
    let clock_units = [('H', 3600 * SECOND), ('M', 60 * SECOND), ('S', SECOND)];
    parts(days, &date_units)?.checked_add(parts(clock.unwrap_or_default(), &clock_units)?)
}

fn parts(mut text: &str, units: &[(char, Length)]) -> Option<Length> {
    let mut total: Length = 0;
    while !text.is_empty() {
        let end = text.find(|c: char| c.is_ascii_alphabetic())?;
        let letter = text[end..].chars().next()?;
        let unit = units.iter().find(|(name, _)| *name == letter)?.1;
        total = total.checked_add(signed(&text[..end], unit)?)?;
        text = &text[end + 1..];
    }
    Some(total)
}

/// `1 year 2 mons -3 days +04:05:06.789`
fn words(text: &str) -> Option<Length> {
    let mut total: Length = 0;
    let mut words = text.split_ascii_whitespace();
    while let Some(word) = words.next() {
        let part = if word.contains(':') {
            clock(word)?
        } else {
            let unit = match words.next()? {
                "year" | "years" => 360 * DAY,
                "mon" | "mons" | "month" | "months" => 30 * DAY,
                "week" | "weeks" => 7 * DAY,
                "day" | "days" => DAY,
                "hour" | "hours" => 3600 * SECOND,
                "min" | "mins" | "minute" | "minutes" => 60 * SECOND,
                "sec" | "secs" | "second" | "seconds" => SECOND,
                _ => return None,
            };
            signed(word, unit)?
        };
        total = total.checked_add(part)?;
    }
    Some(total)
}

fn clock(text: &str) -> Option<Length> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => (-1, text),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut parts = text.split(':');
    let hours = times(parts.next()?, 3600 * SECOND)?;
    let minutes = times(parts.next()?, 60 * SECOND)?;
    let seconds = match parts.next() {
        Some(seconds) => times(seconds, SECOND)?,
        None => 0,
    };
    if parts.next().is_some() {
        return None;
    }
    Some(sign * hours.checked_add(minutes)?.checked_add(seconds)?)
}

fn signed(figure: &str, unit: Length) -> Option<Length> {
    match figure.strip_prefix('-') {
        Some(figure) => Some(-times(figure, unit)?),
        None => times(figure.strip_prefix('+').unwrap_or(figure), unit),
    }
}

/// A figure without a sign, with decimals or without, in nanoseconds; `None` when it is finer.
fn times(figure: &str, unit: Length) -> Option<Length> {
    let (whole, fraction) = figure.split_once('.').unwrap_or((figure, "0"));
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let part = fraction.parse::<i128>().ok()?.checked_mul(unit)?;
    if part % scale != 0 {
        return None;
    }
    let whole = i128::from(whole.parse::<i64>().ok()?);
    whole.checked_mul(unit)?.checked_add(part / scale)
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_styles_are_one_length() {
        let pairs = [
            ("1 year 2 mons 3 days 04:05:06.789", "P1Y2M3DT4H5M6.789S"),
            ("-1 days +02:03:04", "P-1DT2H3M4S"),
            ("00:00:00", "PT0S"),
            ("-00:00:01.5", "PT-1.5S"),
            ("1 mon", "P30D"),
            ("1 day", "PT24H"),
            ("90 minutes", "PT1H30M"),
        ];
        for (words, iso) in pairs {
            assert!(interval(words).is_some(), "{words}");
            assert_eq!(interval(words), interval(iso), "{words}");
        }
        assert_eq!(interval("1h30min"), interval("01:30:00"));
    }

    #[test]
    fn what_is_no_length() {
        for text in ["", "P", "PT", "5", "5 rows", "5m", "h", "1:2:3:4", "1.s", "é", "Pé", "-"] {
            assert_eq!(interval(text), None, "{text}");
        }
        assert_eq!(duration("1 day"), None);
        assert_eq!(duration("9999999999999999999d"), None);
    }
}

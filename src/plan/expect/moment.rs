//! Dates and times, as the server writes them (DateStyle ISO) and as a plan does.
//!
//! Read here rather than by a date library: the server also writes `infinity`, years BC, years
//! above 9999 and 24:00:00, and a value that can't be read is a comparison that can't be made.

use std::cmp::Ordering;

const SECOND: i128 = 1_000_000_000;
const DAY: i128 = 86_400 * SECOND;

/// Nanoseconds since 1970-01-01 00:00; the ends of the range are the two infinities.
pub(super) type Point = i128;

/// A point in time or of the day. What has no zone isn't comparable with what has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// Midnight at its beginning.
    Date(Point),
    Timestamp(Point),
    Instant(Point),
    Time(i128),
    /// Nanoseconds of the day, and seconds east of Greenwich.
    TimeWithZone(i128, i32),
}

/// The server's types for moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MomentKind {
    Date,
    Timestamp,
    Instant,
    Time,
    TimeWithZone,
}

impl Moment {
    /// Reads a date, a time of day, or both, with an offset or without.
    pub(super) fn parse(text: &str) -> Option<Moment> {
        let (text, before_christ) = match text.strip_suffix(" BC") {
            Some(text) => (text, true),
            None => (text, false),
        };
        let Some(split) = text.find([' ', 'T', 't']) else {
            return match date(text, before_christ) {
                Some(day) => Some(Moment::Date(day * DAY)),
                None if before_christ => None,
                None => time_alone(text),
            };
        };
        let day = date(&text[..split], before_christ)?;
        let (time, offset) = time(&text[split + 1..])?;
        let civil = day * DAY + time;
        Some(match offset {
            Some(offset) => Moment::Instant(civil - i128::from(offset) * SECOND),
            None => Moment::Timestamp(civil),
        })
    }

    /// Reads a value of a column: the infinities are of the column's type.
    pub(super) fn parse_as(kind: MomentKind, text: &str) -> Option<Moment> {
        let end = match text {
            "infinity" => Some(Point::MAX),
            "-infinity" => Some(Point::MIN),
            _ => None,
        };
        match (end, kind) {
            (Some(end), MomentKind::Date) => Some(Moment::Date(end)),
            (Some(end), MomentKind::Timestamp) => Some(Moment::Timestamp(end)),
            (Some(end), MomentKind::Instant) => Some(Moment::Instant(end)),
            _ => Moment::parse(text),
        }
    }

    /// Compares what is expected with what came, or says why the two can't be compared.
    pub(super) fn order(&self, got: &Moment) -> Result<Ordering, String> {
        use Moment::{Date, Instant, Time, TimeWithZone, Timestamp};
        match (self, got) {
            (Date(want) | Timestamp(want), Date(got) | Timestamp(got))
            | (Instant(want), Instant(got))
            | (Time(want), Time(got)) => Ok(got.cmp(want)),
            (TimeWithZone(want, want_offset), TimeWithZone(got, got_offset)) => {
                let want_utc = want - i128::from(*want_offset) * SECOND;
                let got_utc = got - i128::from(*got_offset) * SECOND;
                // As PostgreSQL: the same moment in another zone is another value.
                Ok(got_utc.cmp(&want_utc).then(got_offset.cmp(want_offset)))
            }
            (Date(_) | Timestamp(_), Instant(_)) => {
                Err("the column is timestamptz; say which zone is meant with an offset, as in \
                 2024-02-06 09:00:00+01"
                    .to_owned())
            }
            (Instant(_), Date(_) | Timestamp(_)) => {
                Err("the column has no time zone; leave the offset out".to_owned())
            }
            (Time(_), TimeWithZone(..)) => {
                Err("the column is timetz; add an offset, as in 09:00:00+01".to_owned())
            }
            (TimeWithZone(..), Time(_)) => {
                Err("the column has no time zone; leave the offset out".to_owned())
            }
            (Time(_) | TimeWithZone(..), _) => {
                Err("a time of day was compared with a column that has dates".to_owned())
            }
            (_, Time(_) | TimeWithZone(..)) => {
                Err("a date was compared with a column of times of day".to_owned())
            }
        }
    }
}

/// Days since 1970-01-01.
fn date(text: &str, before_christ: bool) -> Option<i128> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || !(4..=7).contains(&year.len()) {
        return None;
    }
    let year = i64::from(number(year, year.len())?);
    let (month, day) = (i64::from(number(month, 2)?), i64::from(number(day, 2)?));
    // 1 BC is the year 0.
    let year = if before_christ { 1 - year } else { year };
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    // Howard Hinnant's days_from_civil: years begin in March, so that the leap day is the last.
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(i128::from(days))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

fn time_alone(text: &str) -> Option<Moment> {
    let (time, offset) = time(text)?;
    Some(match offset {
        Some(offset) => Moment::TimeWithZone(time, offset),
        None => Moment::Time(time),
    })
}

/// Nanoseconds of the day, and the offset in seconds.
fn time(text: &str) -> Option<(i128, Option<i32>)> {
    let (clock, offset) = match text.find(['Z', 'z', '+', '-']) {
        Some(at) => (&text[..at], Some(offset(&text[at..])?)),
        None => (text, None),
    };
    let (clock, fraction) = match clock.split_once('.') {
        Some((clock, fraction)) => (clock, nanoseconds(fraction)?),
        None => (clock, 0),
    };
    let mut parts = clock.split(':');
    let hour = number(parts.next()?, 2)?;
    let minute = number(parts.next()?, 2)?;
    let second = match parts.next() {
        Some(second) => number(second, 2)?,
        None if fraction == 0 => 0,
        None => return None,
    };
    if parts.next().is_some() || hour > 24 || minute > 59 || second > 59 {
        return None;
    }
    let nanos = i128::from(hour * 3600 + minute * 60 + second) * SECOND + fraction;
    (nanos <= DAY).then_some((nanos, offset))
}

fn nanoseconds(fraction: &str) -> Option<i128> {
    if fraction.len() > 9 {
        return None;
    }
    let value = i128::from(number(fraction, fraction.len())?);
    Some(value * 10_i128.pow(9 - u32::try_from(fraction.len()).ok()?))
}

fn offset(text: &str) -> Option<i32> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => (-1, text),
        None => (1, text.strip_prefix('+')?),
    };
    let mut seconds = 0;
    let mut unit = 3600;
    for part in text.split(':') {
        if unit == 0 {
            return None;
        }
        seconds += i32::try_from(number(part, 2)?).ok()? * unit;
        unit /= 60;
    }
    (seconds <= 24 * 3600).then_some(sign * seconds)
}

/// Exactly `length` digits.
fn number(text: &str, length: usize) -> Option<u32> {
    (text.len() == length && length > 0 && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Moment {
        Moment::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn the_epoch_and_its_neighbours() {
        assert_eq!(moment("1970-01-01"), Moment::Date(0));
        assert_eq!(moment("1969-12-31"), Moment::Date(-DAY));
        assert_eq!(moment("2000-03-01"), Moment::Date(11_017 * DAY));
        assert_eq!(moment("0001-01-01"), Moment::Date(-719_162 * DAY));
        assert_eq!(moment("0001-12-31 BC"), Moment::Date(-719_163 * DAY));
    }

    #[test]
    fn the_same_instant_in_two_zones() {
        assert_eq!(moment("2024-02-06 09:00:00+01"), moment("2024-02-06T08:00:00Z"));
        assert_eq!(moment("2024-02-06 09:00:00.5+05:30"), moment("2024-02-06T03:30:00.500Z"));
    }

    #[test]
    fn what_is_no_moment() {
        for text in [
            "",
            "2024",
            "2024-02-30",
            "2023-02-29",
            "2024-13-01",
            "2024-2-6",
            "09:60",
            "25:00",
            "24:00:01",
            "2024-01-01 ",
            "2024-01-01T",
            "10.0.0.1",
            "1:30",
            "09:00:00.1234567891",
            "2024-01-01 10:00+1",
            "é",
            "2024-01-01é10:00",
        ] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }

    #[test]
    fn years_of_five_digits_and_the_last_second() {
        assert!(matches!(moment("294276-12-31 23:59:59.999999"), Moment::Timestamp(_)));
        assert_eq!(moment("24:00:00"), Moment::Time(DAY));
        assert!(matches!(moment("10:00+02"), Moment::TimeWithZone(_, 7200)));
    }
}

//! Windows, starts and time zones as a plan writes them.

use jiff::civil::{Date, DateTime, Time};

use super::model::Window;

/// `2024-02-06 09:00..12:00`, `2024-02-06 22:00..2024-02-07 02:00`, with or without a zone behind.
pub(super) fn window(text: &str) -> Result<Window, String> {
    let (from, rest) = text.trim().split_once("..").ok_or("`window` has no `..` between its two times")?;
    let from = moment(from.trim(), None)?;
    // A zone is the last word, and no time.
    let mut words: Vec<&str> = rest.split_whitespace().collect();
    let timezone = match words.last() {
        Some(last) if last.starts_with(|c: char| c.is_alphabetic()) => words.pop().map(str::to_owned),
        _ => None,
    };
    let end = words.join(" ");
    let mut to = moment(&end, Some(from.date()))?;
    // 22:00..02:00 ends on the next day.
    if to <= from && words.len() == 1 {
        let next = to.date().tomorrow().map_err(|_| "`window` ends after the last day there is")?;
        to = next.to_datetime(to.time());
    }
    if to <= from {
        return Err("`window` ends before it begins".into());
    }
    Ok(Window { from, to, timezone })
}

fn moment(text: &str, day: Option<Date>) -> Result<DateTime, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (date, time) = match (words.as_slice(), day) {
        ([time], Some(day)) => (day, *time),
        ([date, time], _) => {
            (date.parse().map_err(|_| format!("`{}` isn't a date", super::raw::shorten(date)))?, *time)
        }
        _ => return Err(format!("`{}` isn't a date and a time", super::raw::shorten(text))),
    };
    Ok(date.to_datetime(clock(time).ok_or_else(|| format!("`{}` isn't a time", super::raw::shorten(time)))?))
}

/// `09:00` or `09:00:30`.
fn clock(text: &str) -> Option<Time> {
    let mut parts = text.split(':');
    let mut part = |required: bool| -> Option<i8> {
        match parts.next() {
            Some(digits) if digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().ok()
            }
            None if !required => Some(0),
            _ => None,
        }
    };
    let (hour, minute, second) = (part(true)?, part(true)?, part(false)?);
    if parts.next().is_some() {
        return None;
    }
    Time::new(hour, minute, second, 0).ok()
}

/// `09:00`, `day 2`, `day 2 09:00`.
pub(super) fn is_start(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_day = |word: &str| word.parse::<u16>().is_ok_and(|day| day > 0);
    match words.as_slice() {
        [time] => clock(time).is_some(),
        ["day", day] => is_day(day),
        ["day", day, time] => is_day(day) && clock(time).is_some(),
        _ => false,
    }
}

/// Whether this is an IANA zone. On a machine without a zone database nobody can tell: the shape
/// must do then, and the run, which needs the offset, refuses.
pub(super) fn is_zone(name: &str) -> bool {
    if jiff::tz::db().get(name).is_ok() {
        return true;
    }
    let shaped = name.split('/').count() >= 2
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-' | b'+'));
    shaped && jiff::tz::db().available().next().is_none()
}

/// The zones this machine knows.
pub(super) fn zones() -> Vec<String> {
    jiff::tz::db().available().map(|name| name.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_read() {
        let w = window("2024-02-06 09:00..12:00").expect("plain");
        assert_eq!(
            (w.from.to_string().as_str(), w.to.to_string().as_str()),
            ("2024-02-06T09:00:00", "2024-02-06T12:00:00")
        );
        let w = window("2024-02-06 22:00..02:00 Europe/Berlin").expect("over midnight");
        assert_eq!(w.to.to_string(), "2024-02-07T02:00:00");
        assert_eq!(w.timezone.as_deref(), Some("Europe/Berlin"));
        assert!(window("2024-02-06 22:00..2024-02-08 02:00").is_ok());
        for bad in [
            "",
            "..",
            "2024-02-06",
            "2024-02-06 09:00",
            "2024-13-06 09:00..10:00",
            "2024-02-06 9..10",
            "2024-02-06 09:00..2024-02-05 10:00",
            "2024-02-06 09:00..Europe/Berlin",
            "9999-12-31 23:00..01:00",
        ] {
            assert!(window(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn starts_are_times_or_days() {
        for good in ["09:00", "day 2", "day 2 09:00", "23:59:59"] {
            assert!(is_start(good), "{good}");
        }
        for bad in ["", "9", "day", "day 0", "24:00", "tomorrow", "09:00:00:00", "day 2 x"] {
            assert!(!is_start(bad), "{bad}");
        }
    }
}

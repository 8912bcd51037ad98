//! Durations as people write them: `400ms`, `5s`, `90min`, `1h30min`, `7d`; ranges of them.

use std::time::Duration;

use super::model::Takes;

/// Units from the smallest; a longer name that ends in a shorter one comes first.
const UNITS: [(&str, u64); 5] =
    [("ms", 1), ("min", 60_000), ("s", 1_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads a duration; the error says what is wrong with it.
pub fn parse(text: &str) -> Result<Duration, String> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("a duration is a number and a unit: 400ms, 5s, 10min, 1h, 7d".into());
    }
    let mut total: u64 = 0;
    let mut last_unit = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        if number.is_empty() {
            return Err(format!("`{}` doesn't begin with a number", shorten(rest)));
        }
        let letters = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let Some((_, factor)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(match unit {
                "" if after.starts_with('.') => {
                    format!("`{}` isn't a whole number; take the next smaller unit", shorten(rest))
                }
                "" => format!("`{number}` has no unit: ms, s, min, h or d"),
                "m" => format!("`{number}m` could be minutes or months; write `{number}min`"),
                _ => format!("`{}` isn't a unit: ms, s, min, h or d", shorten(unit)),
            });
        };
        if *factor >= last_unit {
            return Err("units go from the larger to the smaller, each once: 1h30min".into());
        }
        last_unit = *factor;
        let value: Option<u64> = number.parse().ok();
        total = value
            .and_then(|value| value.checked_mul(*factor))
            .and_then(|value| total.checked_add(value))
            .filter(|total| *total <= 3_650 * 86_400_000)
            .ok_or("longer than ten years")?;
        rest = after.trim_start();
    }
    Ok(Duration::from_millis(total))
}

/// A duration or a range of them, `400ms..500ms`.
pub fn parse_range(text: &str) -> Result<Takes, String> {
    let Some((from, to)) = text.split_once("..") else {
        let both = parse(text)?;
        return Ok(Takes { from: both, to: both });
    };
    let takes = Takes { from: parse(from)?, to: parse(to)? };
    if takes.from > takes.to {
        return Err(format!("the range `{}` ends before it begins", shorten(text)));
    }
    Ok(takes)
}

/// The shortest way to write it: `1h30min`, `400ms`, `0s`.
pub fn words(duration: Duration) -> String {
    let mut left = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut out = String::new();
    for (name, factor) in [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1)] {
        // 90min stays 90min on no account: one spelling a value, so that two plans can be compared.
        if left >= factor {
            out.push_str(&format!("{}{name}", left / factor));
            left %= factor;
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}

/// A range in words.
pub fn takes_words(takes: &Takes) -> String {
    if takes.from == takes.to {
        words(takes.from)
    } else {
        format!("{}..{}", words(takes.from), words(takes.to))
    }
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= 40 { text.to_owned() } else { text.chars().take(39).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, millis) in [
            ("5s", 5_000),
            ("10min", 600_000),
            ("1h", 3_600_000),
            ("7d", 604_800_000),
            ("90min", 5_400_000),
            ("1h30min", 5_400_000),
            ("1h 30min", 5_400_000),
            ("400ms", 400),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_says_why() {
        for (text, part) in [
            ("", "a number and a unit"),
            ("5", "has no unit"),
            ("5m", "`5min`"),
            ("1.5h", "whole number"),
            ("min", "doesn't begin with a number"),
            ("5 weeks", "has no unit"),
            ("5weeks", "isn't a unit"),
            ("30min1h", "larger to the smaller"),
            ("99999999999999999999s", "ten years"),
            ("99999999d", "ten years"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(parse_range("2s..1s").is_err());
        assert_eq!(takes_words(&parse_range("400ms..500ms").expect("range")), "400ms..500ms");
        assert_eq!(words(Duration::from_secs(5_400)), "1h30min");
    }
}

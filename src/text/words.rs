//! Figures, people and exit codes in words.

use std::collections::BTreeSet;

use crate::run::event::{Assurance, Backend, Person, Residue, RowCount, Touched};
use crate::run::residue::table_of_rows;

/// What an exit code of the program means.
#[must_use]
pub fn exit_words(code: u8) -> &'static str {
    match code {
        0 => "done",
        1 => "something failed, or isn't as it should be",
        2 => "the command line or the plan is wrong",
        3 => "refused before any change",
        4 => "rolled back, and everything that was applied is undone",
        5 => "whether something was applied isn't known yet",
        6 => "waits for a person",
        7 => "a server, a disk or a file can't be reached",
        130 => "interrupted at a safe point; it can be resumed",
        _ => "not a code of this program",
    }
}

/// How long something took: `441 ms`, `3.2 s`, `12:41`, `1:02:03`.
pub fn took(ms: u64) -> String {
    let s = ms / 1000;
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{s}.{} s", ms % 1000 / 100),
        60_000..3_600_000 => format!("{}:{:02}", s / 60, s % 60),
        _ => format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60),
    }
}

/// How long a transaction has been open: always a clock, `00:41`.
pub fn open_for(ms: u64) -> String {
    let s = ms / 1000;
    if s < 3600 { format!("{:02}:{:02}", s / 60, s % 60) } else { took(ms) }
}

/// Bytes as people say them: `812 bytes`, `4.7 kB`, `128 MB`, `5.0 GB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: &[&str] = &["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return count(bytes, "byte");
    }
    let (mut tenths, mut unit) = (bytes / 100, 0);
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1000;
        unit += 1;
    }
    if tenths < 100 {
        format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
    } else {
        format!("{} {}", tenths / 10, UNITS[unit])
    }
}

/// Digits in groups of three from five digits on, as people read them.
pub fn number(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && digits.len() > 4 && (digits.len() - at).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    if n < 0 { format!("-{out}") } else { out }
}

pub fn unsigned(n: u64) -> String {
    number(i64::try_from(n).unwrap_or(i64::MAX))
}

pub fn count(n: u64, word: &str) -> String {
    format!("{} {word}{}", unsigned(n), if n == 1 { "" } else { "s" })
}

pub fn of_len(len: usize, word: &str) -> String {
    count(len as u64, word)
}

/// How much differs: objects, and rows one by one as far as they were counted. A line may stand for many of them.
pub fn differing(residue: &[Residue]) -> String {
    let tables: BTreeSet<&str> = residue.iter().filter_map(|one| table_of_rows(&one.object)).collect();
    let objects = residue.iter().filter(|one| table_of_rows(&one.object).is_none()).count();
    let rows: Option<u64> = residue.iter().map(|one| rows_of_line(&one.object)).sum();
    let places = match tables.first() {
        Some(table) if tables.len() == 1 => (*table).to_owned(),
        _ => of_len(tables.len(), "table"),
    };
    let rows = match rows {
        _ if tables.is_empty() => None,
        Some(n) => Some(format!("{} of {places}", count(n, "row"))),
        None => Some(format!("rows of {places}")),
    };
    let objects = (objects > 0 || rows.is_none()).then(|| of_len(objects, "object"));
    objects.into_iter().chain(rows).collect::<Vec<_>>().join(" and ")
}

/// So many rows stand in a line of a residue; none where they weren't counted.
fn rows_of_line(object: &str) -> Option<u64> {
    match object.split_once(" more rows of ") {
        Some((n, _)) => n.parse().ok(),
        None if object.starts_with("rows of ") => None,
        None => Some(u64::from(table_of_rows(object).is_some())),
    }
}

/// Names in a row, the first few.
pub fn some(names: &[String], most: usize) -> String {
    let shown = names.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

pub fn rows(rows: RowCount) -> String {
    format!("{}{}", if rows.exact { "" } else { "about " }, number(rows.rows))
}

/// `43→46 ▲3`, or the figure alone where nothing changed.
pub fn delta(before: i64, now: i64) -> String {
    let sign = match now.cmp(&before) {
        std::cmp::Ordering::Equal => return number(now),
        std::cmp::Ordering::Greater => '▲',
        std::cmp::Ordering::Less => '▼',
    };
    format!("{} → {} {sign}{}", number(before), number(now), unsigned(now.abs_diff(before)))
}

/// What a transaction touched: `stages +25; artifacts ~3 -1; parents changed`.
pub fn touched(touched: &[Touched]) -> String {
    let parts: Vec<String> = touched
        .iter()
        .map(|t| {
            let rows: Vec<String> = [('+', t.inserted), ('~', t.updated), ('-', t.deleted)]
                .into_iter()
                .filter(|(_, n)| *n != 0)
                .map(|(sign, n)| format!("{sign}{}", number(n)))
                .collect();
            let name = t.relation.strip_prefix("public.").unwrap_or(&t.relation);
            match (rows.is_empty(), t.lock.as_str()) {
                (false, _) if t.at_most => format!("{name} up to {}", rows.join(" ")),
                (false, _) => format!("{name} {}", rows.join(" ")),
                (true, "AccessExclusive") => format!("{name} changed"),
                (true, _) => name.to_owned(),
            }
        })
        .collect();
    some(&parts, 4)
}

/// Who, and how we know.
pub fn person(person: &Person) -> String {
    match person.how {
        Assurance::Typed => format!("{} (typed)", person.name),
        Assurance::Asserted => format!("{} (asserted, not typed)", person.name),
        Assurance::Proof => "proof".to_owned(),
        Assurance::Demo => "the DEMO, not a person".to_owned(),
        Assurance::Policy => "the plan".to_owned(),
    }
}

/// A session of somebody else, so that people know whom it is about.
pub fn session(of: &Backend) -> String {
    let mut words = format!("pid {} of {}", of.pid, if of.user.is_empty() { "nobody" } else { &of.user });
    if !of.application.is_empty() {
        words.push_str(&format!(", {}", of.application));
    }
    if !of.client.is_empty() {
        words.push_str(&format!(", from {}", of.client));
    }
    if !of.state.is_empty() {
        words.push_str(&format!(", {}", of.state));
        words.push_str(&of.since_ms.map(|ms| format!(" for {}", open_for(ms))).unwrap_or_default());
    }
    words
}

/// The first figures of a digest: enough to compare by eye.
pub fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_counted_by_what_it_is() {
        let said = |objects: &[&str]| {
            let one = |object: &&str| Residue { object: (*object).to_owned(), before: None, after: None };
            differing(&objects.iter().map(one).collect::<Vec<_>>())
        };
        assert_eq!(said(&["table public.t"]), "1 object");
        assert_eq!(said(&["row id = 1 of t"]), "1 row of t");
        assert_eq!(said(&["row id = 1 of t", "80 more rows of t, removed"]), "81 rows of t");
        assert_eq!(
            said(&["row id = 1 of t", "row id = 1 of u", "view v"]),
            "1 object and 2 rows of 2 tables"
        );
        // Without a key they weren't counted.
        assert_eq!(said(&["row id = 1 of t", "rows of u"]), "rows of 2 tables");
    }

    #[test]
    fn figures_are_read_at_a_glance() {
        let times: Vec<String> = [0, 441, 3_250, 59_999, 761_000, 3_723_000].into_iter().map(took).collect();
        assert_eq!(times, ["0 ms", "441 ms", "3.2 s", "59.9 s", "12:41", "1:02:03"]);
        assert_eq!([0, 9_999, 12_034, -1_234_567].map(number), ["0", "9999", "12 034", "-1 234 567"]);
        assert_eq!(number(i64::MIN), "-9 223 372 036 854 775 808");
        assert_eq!([delta(43, 46), delta(5, 5), delta(2, 0)], ["43 → 46 ▲3", "5", "2 → 0 ▼2"]);
        assert_eq!(open_for(41_000), "00:41");
    }
}

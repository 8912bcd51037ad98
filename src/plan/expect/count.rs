//! Counts and names that holdpoint finds itself: inventories, what a step adds, warnings, exit
//! codes.

use std::collections::BTreeSet;

use bigdecimal::BigDecimal;

use super::cell::Cell;
use super::compare::{Field, Wanted};
use super::fit::COUNT;
use super::saved::Saved;
use super::show;
use super::verdict::{Difference, Differences, Verdict, names};

/// Compares a count (or a size in bytes) with a cell.
pub fn judge_count(cell: &Cell, got: impl Into<BigDecimal>, saved: &Saved) -> Verdict {
    let got = got.into().normalized().to_plain_string();
    let wanted = Wanted::new(cell, saved);
    match wanted.test(&Field::new(&COUNT, Some(&got))) {
        Ok(()) => Verdict::pass(wanted.words, got),
        Err(why) => Verdict::fail(wanted.words, got, why),
    }
}

/// Compares names. With `exactly`, there may be no others.
pub fn judge_names(expected: &[String], got: &[String], exactly: bool) -> Verdict {
    let wanted: BTreeSet<&str> = expected.iter().map(String::as_str).collect();
    let there: BTreeSet<&str> = got.iter().map(String::as_str).collect();
    let mut differences = Differences::default();
    let missing: Vec<&str> = wanted.difference(&there).copied().collect();
    for name in &missing {
        differences.push(|| Difference::whole(&show::plain(name), "isn't there", ""));
    }
    let mut others: Vec<&str> = Vec::new();
    if exactly {
        others = there.difference(&wanted).copied().collect();
        for name in &others {
            differences.push(|| Difference::whole("nothing else", &show::plain(name), ""));
        }
    }
    let expected = match (wanted.is_empty(), exactly) {
        (true, _) => "none".to_owned(),
        (false, true) => format!("exactly {}", names(wanted.iter().copied())),
        (false, false) => names(wanted.iter().copied()),
    };
    let got = match (missing.is_empty(), others.is_empty()) {
        (true, true) if wanted.is_empty() => "none".to_owned(),
        (true, true) => "all there".to_owned(),
        (false, true) => format!("without {}", names(missing)),
        (true, false) => format!("also {}", names(others)),
        (false, false) => format!("without {}; also {}", names(missing), names(others)),
    };
    differences.verdict(expected, got)
}

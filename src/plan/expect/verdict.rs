//! What came of a comparison, bounded and safe to show.

use super::show;

/// How many differences a verdict holds; the others are counted.
pub(super) const MAX_DIFFERENCES: usize = 20;

/// Stands on the side where a row is missing.
pub(super) const NO_ROW: &str = "no such row";

/// One cell that isn't as expected.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Difference {
    /// 1-based; 0 when it isn't about one row.
    pub row: usize,
    pub column: String,
    pub expected: String,
    pub got: String,
    /// What the two don't say themselves, such as an author's slip; often empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// What came of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Verdict {
    pub passed: bool,
    /// In words, short: `25`, `12 rows`.
    pub expected: String,
    /// In words, short: `24`, `11 rows`.
    pub got: String,
    /// What differs, bounded; empty when it passed.
    pub differences: Vec<Difference>,
    /// How many more differences were left out.
    pub more: usize,
}

impl Difference {
    /// About the answer as a whole.
    pub(super) fn whole(expected: &str, got: &str, why: impl Into<String>) -> Difference {
        Difference {
            row: 0,
            column: String::new(),
            expected: expected.to_owned(),
            got: got.to_owned(),
            why: why.into(),
        }
    }
}

impl Verdict {
    /// What came, with the first cell that differs where a count of rows would say nothing.
    #[must_use]
    pub fn seen(&self) -> String {
        match self.differences.first() {
            Some(first) if first.row > 0 && !first.column.is_empty() && first.got != self.got => {
                format!("{}: {} {}", self.got, first.column, first.got)
            }
            _ => self.got.clone(),
        }
    }

    /// It came as expected.
    pub fn pass(expected: impl Into<String>, got: impl Into<String>) -> Verdict {
        Verdict { passed: true, expected: expected.into(), got: got.into(), differences: Vec::new(), more: 0 }
    }

    /// It didn't; `why` may be empty.
    pub fn fail(expected: impl Into<String>, got: impl Into<String>, why: impl Into<String>) -> Verdict {
        let (expected, got) = (expected.into(), got.into());
        let difference = Difference::whole(&expected, &got, why);
        Verdict { passed: false, expected, got, differences: vec![difference], more: 0 }
    }

    /// Several comparisons, each with the name of what was compared; an empty one says itself what it is.
    #[must_use]
    pub fn all_of(parts: Vec<(String, Verdict)>) -> Verdict {
        let named = parts.into_iter().map(|(name, mut verdict)| {
            if !name.is_empty() {
                verdict.expected = format!("{name} {}", verdict.expected);
                verdict.got = format!("{name} {}", verdict.got);
            }
            for difference in &mut verdict.differences {
                if difference.column.is_empty() {
                    difference.column.clone_from(&name);
                }
            }
            verdict
        });
        Verdict::all(named.collect())
    }

    /// Everything that was looked at. Where something failed, the words are of that alone.
    pub(super) fn all(parts: Vec<Verdict>) -> Verdict {
        let passed = parts.iter().all(|part| part.passed);
        let mut verdict = Verdict::pass("", "");
        verdict.passed = passed;
        for part in parts {
            if part.passed != passed {
                continue;
            }
            join(&mut verdict.expected, &part.expected);
            join(&mut verdict.got, &part.got);
            verdict.more += part.more;
            for difference in part.differences {
                if verdict.differences.len() < MAX_DIFFERENCES {
                    verdict.differences.push(difference);
                } else {
                    verdict.more += 1;
                }
            }
        }
        verdict
    }
}

fn join(words: &mut String, more: &str) {
    if words.is_empty() {
        words.push_str(more);
    } else if !words.split("; ").any(|word| word == more) {
        words.push_str("; ");
        words.push_str(more);
    }
}

/// Collects differences up to the bound.
#[derive(Debug, Default)]
pub(super) struct Differences {
    shown: Vec<Difference>,
    more: usize,
}

impl Differences {
    /// Counts one, and makes it only when it will be shown.
    pub(super) fn push(&mut self, make: impl FnOnce() -> Difference) {
        if self.shown.len() < MAX_DIFFERENCES {
            self.shown.push(make());
        } else {
            self.more += 1;
        }
    }

    pub(super) fn count(&self) -> usize {
        self.shown.len() + self.more
    }

    /// Whether anything differed decides.
    pub(super) fn verdict(self, expected: String, got: String) -> Verdict {
        Verdict { passed: self.shown.is_empty(), expected, got, differences: self.shown, more: self.more }
    }
}

/// Names in words, cut where it gets long.
pub(super) fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut words = String::new();
    for (at, name) in names.into_iter().enumerate() {
        if at > 0 {
            words.push_str(", ");
        }
        if words.len() > 200 {
            words.push('…');
            break;
        }
        words.push_str(&show::plain(name));
    }
    words
}

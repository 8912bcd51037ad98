//! What differs between two definitions, line by line.

use std::fmt;

use similar::{ChangeTag, TextDiff};

/// Equal lines shown around a difference.
const CONTEXT: usize = 2;

/// A line, with the side that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub side: Side,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Both,
    Before,
    After,
    /// Equal lines that are left out.
    Gap,
}

impl Side {
    pub(super) fn sign(self) -> char {
        match self {
            Self::Both => ' ',
            Self::Before => '-',
            Self::After => '+',
            Self::Gap => '…',
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.side.sign(), self.text)
    }
}

/// The same as text, each line behind its sign.
#[must_use]
pub fn definition(before: Option<&str>, after: Option<&str>) -> Vec<String> {
    lines(before, after).iter().map(ToString::to_string).collect()
}

/// Lines that differ, with what is around them; of what is on one side only all lines.
pub(super) fn lines(before: Option<&str>, after: Option<&str>) -> Vec<Line> {
    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
    // A line that was added behind the last one doesn't change that one.
    let (mut before_lines, mut after_lines) = (split(before), split(after));
    if before_lines == after_lines {
        (before_lines, after_lines) =
            (before.split_inclusive('\n').collect(), after.split_inclusive('\n').collect());
    }
    let diff = TextDiff::from_slices(&before_lines, &after_lines);
    let mut lines = Vec::new();
    for (at, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if at > 0 {
            lines.push(Line { side: Side::Gap, text: String::new() });
        }
        for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let side = match change.tag() {
                ChangeTag::Equal => Side::Both,
                ChangeTag::Delete => Side::Before,
                ChangeTag::Insert => Side::After,
            };
            lines.push(Line { side, text: change.value().trim_end_matches(['\n', '\r']).to_owned() });
        }
    }
    lines
}

fn split(text: &str) -> Vec<&str> {
    text.split_terminator('\n').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(before: Option<&str>, after: Option<&str>) -> Vec<String> {
        lines(before, after).iter().map(|line| line.to_string().trim_end().to_owned()).collect()
    }

    #[test]
    fn only_what_differs_and_its_surroundings() {
        let long = |middle: &str| format!("1\n2\n3\n4\n{middle}\n6\n7\n8\n9\n10\n11\n12");
        assert_eq!(
            shown(Some(&long("5")), Some(&long("five"))),
            ["  3", "  4", "- 5", "+ five", "  6", "  7"]
        );
        let ends = shown(Some(&long("5")), Some(&long("5").replace("1\n2", "0\n2").replace("12", "13")));
        assert_eq!(ends, ["- 1", "+ 0", "  2", "  3", "…", "  10", "  11", "- 12", "+ 13"]);
        assert_eq!(shown(None, Some("a\nb")), ["+ a", "+ b"]);
        assert_eq!(shown(Some("a"), None), ["- a"]);
        assert_eq!(shown(Some("a\nb"), Some("a\nb\nc")), ["  a", "  b", "+ c"]);
        assert_eq!(shown(Some("a"), Some("a\n")), ["- a", "+ a"]);
    }
}

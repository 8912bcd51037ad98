//! What `diff` prints: what differs by kind and object, with the lines of the definitions that do.

use super::definition::{self, Side};
use super::sheet::Sheet;
use super::style::Style;
use super::symbols::Paint;
use crate::run::residue::Change;
use crate::text::columns::width;
use crate::text::words::of_len;

/// Lines of a definition that is on one side only.
const LINES: usize = 20;
/// A definition of so many columns stands beside the name.
const BESIDE: usize = 48;

/// A comparison, as far as it is printed.
#[derive(Debug)]
pub struct DiffLines {
    pub before: String,
    pub after: String,
    /// Those of one group stand together.
    pub differences: Vec<DiffLine>,
    pub covers: Vec<String>,
    pub not_covered: Vec<String>,
}

/// One object that differs.
#[derive(Debug)]
pub struct DiffLine {
    /// `columns`
    pub group: String,
    pub name: String,
    pub before: Option<String>,
    pub after: Option<String>,
    /// What has changed, where that is said better than by both definitions.
    pub changes: Vec<String>,
}

impl DiffLine {
    fn change(&self) -> Change {
        if !self.changes.is_empty() {
            return Change::Changed;
        }
        match (&self.before, &self.after) {
            (None, _) => Change::Added,
            (_, None) => Change::Removed,
            _ => Change::Changed,
        }
    }
}

/// The lines of a comparison.
#[must_use]
pub fn diff_lines(diff: &DiffLines, style: &Style) -> Vec<String> {
    let mut sheet = Sheet::new(style);
    sheet.label("- before", &diff.before);
    sheet.label("+ after", &diff.after);
    for group in diff.differences.chunk_by(|one, next| one.group == next.group) {
        sheet.blank();
        let name = group.first().map_or("", |one| one.group.as_str());
        sheet.text(Paint::Bold, &format!("{name}: {}", counted(group)));
        for one in group {
            object(&mut sheet, one);
        }
    }
    sheet.blank();
    if diff.differences.is_empty() {
        sheet.text(Paint::Green, "the same: nothing differs in what was compared");
    } else {
        let all = of_len(diff.differences.len(), "difference");
        sheet.text(Paint::Bold, &format!("{all}: {}", counted(&diff.differences)));
    }
    sheet.label("compared", &diff.covers.join(", "));
    sheet.label("not", &diff.not_covered.join(", "));
    sheet.lines
}

fn counted(differences: &[DiffLine]) -> String {
    let of = |change, word| {
        let n = differences.iter().filter(|one| one.change() == change).count();
        (n > 0).then(|| format!("{n} {word}"))
    };
    let words = [of(Change::Added, "added"), of(Change::Removed, "removed"), of(Change::Changed, "changed")];
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn object(sheet: &mut Sheet, one: &DiffLine) {
    let (sign, paint) = match one.change() {
        Change::Added => ('+', Paint::Green),
        Change::Removed => ('-', Paint::Red),
        Change::Changed => ('~', Paint::Yellow),
    };
    if one.change() == Change::Changed {
        sheet.whole(2, paint, &format!("{sign} {}", one.name));
        if !one.changes.is_empty() {
            one.changes.iter().for_each(|line| sheet.whole(6, Paint::None, line));
            return;
        }
        for line in definition::lines(one.before.as_deref(), one.after.as_deref()) {
            let paint = match line.side {
                Side::Before => Paint::Red,
                Side::After => Paint::Green,
                Side::Both | Side::Gap => Paint::Dim,
            };
            sheet.whole(6, paint, &line.to_string());
        }
        return;
    }
    let definition = one.after.as_deref().or(one.before.as_deref()).unwrap_or_default();
    let mut lines = definition.lines().filter(|line| !line.trim().is_empty());
    let count = lines.clone().count();
    match (count, lines.clone().next()) {
        (1, Some(line)) if width(line) <= BESIDE => {
            sheet.whole(2, paint, &format!("{sign} {}  {line}", one.name));
        }
        _ => {
            sheet.whole(2, paint, &format!("{sign} {}", one.name));
            for line in lines.by_ref().take(LINES) {
                sheet.whole(6, Paint::None, line);
            }
            if count > LINES {
                let more = of_len(count - LINES, "line");
                sheet.whole(6, Paint::Dim, &format!("… {more} more; --json has all of it"));
            }
        }
    }
}

//! The differences that are kept on purpose: the table in `docs/psql.md`.

use super::batch;
use super::script::Script;
use super::verdict::{Difference, Same};
use crate::server::Server;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// A script that shows the difference; `⏎` is the end of a line, `␍` a return.
    pub script: String,
    /// What holdpoint says, or a part of it.
    pub told: String,
    /// A script with this difference has this line: what holdpoint says is said of others as well.
    line: Option<String>,
}

/// The table's lines: `` | `SCRIPT` | what psql does | `WHAT HOLDPOINT SAYS` | why | ``.
pub fn kept() -> Vec<Kept> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/psql.md");
    let text = fs::read_to_string(&path).expect("docs/psql.md is there");
    let rows: Vec<Kept> = text.lines().filter(|line| line.starts_with("| `")).map(row).collect();
    assert!(!rows.is_empty(), "{} has no table of differences", path.display());
    rows
}

fn row(line: &str) -> Kept {
    // A bar within a cell is written \|.
    let line = line.replace("\\|", "\0");
    let cells: Vec<String> =
        line.trim_matches('|').split('|').map(|cell| cell.trim().replace('\0', "|")).collect();
    let [script, theirs, told, why] = &cells[..] else { panic!("not four cells: {line}") };
    assert!(!theirs.is_empty() && !why.is_empty(), "it says nothing: {line}");
    // Two marks around what holds one itself.
    let code = |cell: &str| {
        let marks = if cell.contains("``") { "``" } else { "`" };
        cell.split(marks).nth(1).unwrap_or_else(|| panic!("no code in {cell}")).trim_end().to_owned()
    };
    let script = code(script).replace(" ⏎ ", "\n").replace('␍', "\r");
    let line = told.starts_with("stops").then(|| script.lines().next().unwrap_or_default().to_owned());
    Kept { told: code(told), line, script }
}

/// Runs all; panics with every difference that the table doesn't have. How many were the same, and how.
pub fn same_but_kept(server: &Server, scripts: &[Script]) -> (BTreeMap<Same, usize>, usize) {
    let kept = kept();
    let (mut same, mut on_purpose, mut differ) = (BTreeMap::new(), 0, Vec::new());
    for (script, verdict) in scripts.iter().zip(batch::run(server, scripts)) {
        match verdict {
            Ok(how) => *same.entry(how).or_default() += 1,
            Err(difference) if is_kept(&kept, script, &difference) => on_purpose += 1,
            Err(difference) => {
                differ.push(format!("=== {}\n{:?}\n{}", script.name, script.text, difference.text));
            }
        }
    }
    assert!(differ.is_empty(), "{} of {} differ\n{}", differ.len(), scripts.len(), differ.join("\n"));
    (same, on_purpose)
}

pub fn is_kept(kept: &[Kept], script: &Script, difference: &Difference) -> bool {
    let Some(told) = &difference.told else { return false };
    let of_script = |kept: &Kept| kept.line.as_ref().is_none_or(|line| script.text.contains(line));
    kept.iter().any(|kept| told.contains(&kept.told) && of_script(kept))
}

//! Bad plans, and what is said about each: severity, line, column, message and help.
//!
//! A case is a plan without its head (which takes lines 1 to 5, so that a case begins on line 6) and
//! all that is found in it. To write a case, leave the findings out and read what the test prints.

use std::path::Path;

use holdpoint::plan::diagnostic::{Diagnostic, Diagnostics, Severity};
use holdpoint::plan::{FileCheck, LoadOptions, load_str};

const HEAD: &str = "[plan]\nid = \"p\"\ntitle = \"P\"\nenvironment = \"dev\"\n\n";

/// A phase with one step that is right.
const FINE: &str =
    "[[phase]]\nid = \"one\"\ntitle = \"One\"\n[[phase.step]]\ntitle = \"s\"\nconfirm = \"x\"\n";

fn findings(text: &str, files: FileCheck) -> Diagnostics {
    match load_str("plan.toml", text, Path::new("/nonexistent"), LoadOptions { files }) {
        Ok(loaded) => loaded.warnings,
        Err(errors) => errors,
    }
}

fn line(d: &Diagnostic) -> String {
    let severity = match d.severity {
        Severity::Error => "error",
        Severity::NotBuilt => "later",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let help = d.help.as_ref().map(|help| format!(" | {help}")).unwrap_or_default();
    format!("{severity} {}:{} {}{help}", d.line, d.column, d.message)
}

/// Cases in `tests/plans/errors/*.txt`: the plan, a line `----`, its findings, a line `====`.
#[test]
fn every_fault_is_said_where_it_is() {
    let (mut cases, mut wrong) = (0, String::new());
    let update = std::env::var_os("HOLDPOINT_UPDATE").is_some();
    let mut paths: Vec<_> =
        glob::glob("tests/plans/errors/*.txt").expect("pattern").map(|p| p.expect("path")).collect();
    paths.sort();
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("cases");
        let mut written = String::new();
        for case in text.split("====\n").filter(|case| !case.trim().is_empty()) {
            let (plan, expected) = case.split_once("----\n").unwrap_or((case, ""));
            let body = plan.replace("<fine>\n", FINE);
            // A case that begins with [plan] brings its own head.
            let whole = if body.starts_with("[plan]") || body.starts_with("#raw") {
                body
            } else {
                format!("{HEAD}{body}")
            };
            let found: String =
                findings(&whole, FileCheck::Skip).all.iter().map(|d| line(d) + "\n").collect();
            cases += 1;
            if found != expected {
                wrong.push_str(&format!(
                    "{}\n{plan}--- expected\n{expected}--- found\n{found}\n",
                    path.display()
                ));
            }
            written.push_str(&format!("{plan}----\n{found}====\n"));
        }
        if update {
            std::fs::write(&path, written).expect("write");
        }
    }
    println!("{cases} cases");
    assert!(cases >= 80, "only {cases} cases");
    assert!(update || wrong.is_empty(), "{wrong}");
}

/// The text a person sees, whole.
#[test]
fn findings_are_shown_with_their_lines() {
    let plan = format!(
        "{HEAD}[[phase]]\nid = \"one\"\ntitle = \"Eins\"\n[[phase.step]]\nid = \"one\"\n\ttitel = \"漢字 and tabs\"\n\
         file = \"a.sql\"\nsql = \"{} :'nope' {}\"\n  [[phase.step.checkpoint]]\n  title = \"\u{202e}c\"\n  \
         sql = \"SELECT f()\"\n  on = \"source\"\nneeds = [\"漢字\", \"x\"]\n",
        "SELECT a, ".repeat(30),
        "FROM b ".repeat(30),
    );
    let shown = findings(&plan, FileCheck::Skip).to_string();
    let path = "tests/plans/show/errors.txt";
    if std::env::var_os("HOLDPOINT_UPDATE").is_some() {
        std::fs::write(path, &shown).expect("write");
    }
    assert_eq!(shown, std::fs::read_to_string(path).expect("golden text"));
}

//! Whatever stands in the file: the loader says something about it and never panics.

use std::path::Path;
use std::time::{Duration, Instant};

use holdpoint::plan::diagnostic::Diagnostics;
use holdpoint::plan::{FileCheck, LoadOptions, load_bytes, show};
use proptest::prelude::*;

const DRAFTS: [&str; 5] = [
    include_str!("plans/kochel-phase-a.toml"),
    include_str!("plans/v7-database-phase.toml"),
    include_str!("plans/cloud-migration-lane3.toml"),
    include_str!("plans/production-promotion.toml"),
    include_str!("plans/week2-staging.toml"),
];

/// Loads, and holds that every position is inside the file and everything can be shown.
fn survives(bytes: &[u8]) {
    let options = LoadOptions { files: FileCheck::Skip };
    let found: Diagnostics = match load_bytes("plan.toml", bytes, Path::new("/nonexistent"), options) {
        Ok(loaded) => {
            show::tree(&loaded.plan, 80);
            show::rollback(&loaded.plan, &Default::default(), 80);
            serde_json::to_string(&show::json(&loaded.plan)).expect("json");
            assert!(!loaded.warnings.has_errors());
            loaded.warnings
        }
        Err(errors) => {
            assert!(errors.has_errors());
            errors
        }
    };
    let lines = bytes.iter().filter(|b| **b == b'\n').count() + 1;
    for d in &found.all {
        assert!(d.line <= lines && d.span.start <= d.span.end && d.span.end <= bytes.len(), "{d:?}");
        if d.line > 0 {
            let width = found.source.line(d.line).chars().count();
            assert!(d.column >= 1 && d.column <= width + 2, "{d:?}");
        }
        for related in &d.related {
            assert!(related.line >= 1 && related.line <= lines, "{d:?}");
        }
    }
    let _ = found.to_string();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        survives(&bytes);
    }

    #[test]
    fn arbitrary_text(text in "\\PC{0,300}") {
        survives(text.as_bytes());
    }

    /// Pieces of the format in any order.
    #[test]
    fn shuffled_lines(draft in 0..5usize, picks in proptest::collection::vec(any::<prop::sample::Index>(), 0..120)) {
        let lines: Vec<&str> = DRAFTS[draft].lines().collect();
        let text: Vec<&str> = picks.iter().map(|pick| *pick.get(&lines)).collect();
        survives(text.join("\n").as_bytes());
    }

    /// A draft with some bytes changed, dropped, doubled or swapped for a word of the format.
    #[test]
    fn mutated_drafts(
        draft in 0..5usize,
        mutations in proptest::collection::vec((any::<prop::sample::Index>(), 0..6u8, any::<u8>(), 0..40usize), 1..8),
    ) {
        const WORDS: [&str; 10] = ["[[", "]]", "'''", "\"", "{", "}", "\n[phase]\n", "= ", "again = \"x\"\n", "\u{202e}ä"];
        let mut bytes = DRAFTS[draft].as_bytes().to_vec();
        for (place, kind, byte, length) in mutations {
            if bytes.is_empty() {
                break;
            }
            let at = place.index(bytes.len());
            let end = (at + length).min(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => { bytes.drain(at..end); }
                2 => { let copy = bytes[at..end].to_vec(); bytes.splice(at..at, copy); }
                3 => { bytes.splice(at..at, WORDS[usize::from(byte) % WORDS.len()].bytes()); }
                4 => bytes.truncate(at),
                _ => bytes.insert(at, byte),
            }
        }
        survives(&bytes);
    }
}

#[test]
fn deep_and_odd_plans() {
    survives("a.".repeat(50_000).as_bytes());
    survives(format!("x = {}", "[".repeat(50_000)).as_bytes());
    survives(format!("x = {}{}", "{a=".repeat(50_000), "}".repeat(50_000)).as_bytes());
    survives(format!("{} = 1", "a.".repeat(20_000) + "b").as_bytes());
    survives(format!("[{}]\n", "a.".repeat(20_000) + "b").as_bytes());
    // As deep as it is let in: freeing it must fit on a thread's stack.
    survives(
        format!("{}{}1", "x = {".to_owned() + &format!("{}b = {{", "a.".repeat(199)).repeat(78), "a = ")
            .as_bytes(),
    );
    survives(
        format!(
            "[{}b]\n{}b = {}",
            "a.".repeat(199),
            "c.".repeat(199),
            format!("{{{}b = ", "a.".repeat(199)).repeat(78) + "1" + &"}".repeat(78)
        )
        .as_bytes(),
    );
    survives(format!("[{}b]", "a.".repeat(3_000_000)).as_bytes());
    survives("[[phase]]\n".repeat(20_000).as_bytes());
    survives("id = \"x\"\n".repeat(20_000).as_bytes());
    survives("= \n".repeat(20_000).as_bytes());
    survives(format!("x = \"{}\"", "é".repeat(100_000)).as_bytes());
}

const HEAD: &str =
    "[plan]\nid = \"p\"\ntitle = \"P\"\nenvironment = \"dev\"\n[[phase]]\nid = \"one\"\ntitle = \"One\"\n";

fn timed(what: &str, text: &str, errors: bool) -> Diagnostics {
    let begin = Instant::now();
    let options = LoadOptions { files: FileCheck::Skip };
    let found = match load_bytes("plan.toml", text.as_bytes(), Path::new("/nonexistent"), options) {
        Ok(loaded) => {
            assert!(!errors, "{what}");
            loaded.warnings
        }
        Err(found) => {
            assert!(errors, "{what}: {found}");
            found
        }
    };
    let shown = found.to_string();
    let took = begin.elapsed();
    println!("{what}: {took:?}, {} found, {} bytes shown", found.all.len(), shown.len());
    // A debug build on a busy machine; anything quadratic takes minutes.
    assert!(took < Duration::from_secs(60), "{what} took {took:?}");
    assert!(shown.len() < 100_000, "{what}: {} bytes shown", shown.len());
    found
}

#[test]
fn a_hundred_thousand_steps_load_in_seconds() {
    const N: usize = 100_000;
    let fine: String = (0..N)
        .map(|i| {
            let needs = if i == 0 { String::new() } else { format!("needs = [\"s{}\"]\n", i - 1) };
            format!("[[phase.step]]\nid = \"s{i}\"\ntitle = \"t\"\n{needs}check = \"SELECT count(*) FROM t\"\nexpect = {i}\nsave = \"v{i}\"\n")
        })
        .collect();
    timed("fine", &format!("{HEAD}{fine}"), false);
    let broken: String = (0..N)
        .map(|i| format!("[[phase.step]]\nid = \"s{i}\"\ntitel = \"t\"\ncheck = \"SELECT :'nope'\"\nneeds = [\"x{i}\"]\n"))
        .collect();
    let found = timed("broken", &format!("{HEAD}{broken}"), true);
    assert!(found.to_string().ends_with("more\n"));
    let circle: String = (0..N)
        .map(|i| {
            format!(
                "[[phase.step]]\nid = \"s{i}\"\ntitle = \"t\"\nconfirm = \"x\"\nneeds = [\"s{}\"]\n",
                (i + 1) % N
            )
        })
        .collect();
    timed("a circle of all", &format!("{HEAD}{circle}"), true);
    let again: String = (0..N)
        .map(|i| {
            let ask = if i + 1 == N {
                "sql = \"SELECT f()\"\nexpect = 1".to_owned()
            } else {
                format!("again = \"c{}\"", i + 1)
            };
            format!("[[phase.step.checkpoint]]\nid = \"c{i}\"\ntitle = \"t\"\n{ask}\n")
        })
        .collect();
    timed("a chain of again", &format!("{HEAD}[[phase.step]]\ntitle = \"s\"\n{again}"), false);
    let one_line = format!("needs = [{}]\n", "1, ".repeat(1_000_000));
    timed("a million errors on a line", &format!("{HEAD}{one_line}"), true);
    let braces = format!("about = \"{}\"\n", "{operater} ".repeat(300_000));
    timed(
        "a long text of slips",
        &format!("{HEAD}{braces}[[phase.step]]\ntitle = \"s\"\nconfirm = \"x\"\n"),
        false,
    );
}

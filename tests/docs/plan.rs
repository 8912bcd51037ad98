//! docs/plan.md tells the truth: its table is the loader's own, and its examples load.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use holdpoint::plan::schema::{Key, Place, Role, keys};
use holdpoint::plan::{FileCheck, LoadOptions, load_str};

const BEGIN: &str = "<!-- keys:";
const END: &str = "<!-- /keys -->";

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/plan.md")
}

fn text() -> String {
    std::fs::read_to_string(path()).expect("docs/plan.md")
}

/// Every place, in the order of the document.
const PLACES: &[Place] = &[
    Place::Root,
    Place::Plan,
    Place::Advice,
    Place::Fixture,
    Place::Var,
    Place::Target,
    Place::Source,
    Place::Defaults,
    Place::Phase,
    Place::Watch,
    Place::Step,
    Place::Rollback,
    Place::Checkpoint,
    Place::Expect,
    Place::Kinds,
    Place::Item,
    Place::Procedure,
    Place::Requires,
    Place::Tolerance,
];

/// The tables of keys, a place after the other.
fn tables() -> String {
    let mut out = String::new();
    for place in PLACES {
        let here: Vec<&Key> = keys().iter().filter(|key| key.places.contains(place)).collect();
        write!(
            out,
            "\n### Keys of {}\n\n| key | takes | default | meaning |\n|---|---|---|---|\n",
            place.words()
        )
        .expect("a string");
        for role in
            [|role: Role| role == Role::Own, |role| role == Role::Action, |role| matches!(role, Role::Of(_))]
        {
            for key in here.iter().filter(|key| role(key.role)) {
                row(&mut out, key);
            }
        }
    }
    out
}

fn row(out: &mut String, key: &Key) {
    let of = match key.role {
        Role::Own => String::new(),
        Role::Action => "action: ".to_owned(),
        Role::Of(actions) => {
            format!("of {}: ", actions.iter().map(|a| format!("`{a}`")).collect::<Vec<_>>().join(", "))
        }
    };
    let later = if key.built { "" } else { "; *not built yet*" };
    let default = if key.default.is_empty() { "–" } else { key.default };
    let cell = |text: &str| text.replace('|', "\\|");
    writeln!(
        out,
        "| `{}` | {} | {} | {of}{}{later} |",
        key.name,
        cell(key.takes),
        cell(default),
        cell(key.meaning)
    )
    .expect("a string");
}

#[test]
fn the_table_is_the_one_that_the_loader_reads_by() {
    let all = keys().iter().flat_map(|key| key.places);
    for place in all {
        assert!(PLACES.contains(place), "{place:?} is missing in the document's order");
    }
    let text = text();
    let begin = text.find(BEGIN).expect("the mark before the table");
    let begin = begin + text[begin..].find('\n').expect("a line") + 1;
    let end = text.find(END).expect("the mark behind the table");
    let wanted = format!("{}\n", tables());
    if std::env::var_os("HOLDPOINT_UPDATE_DOCS").is_some() {
        std::fs::write(path(), format!("{}{wanted}{}", &text[..begin], &text[end..])).expect("written");
        return;
    }
    let differs = text[begin..end].lines().zip(wanted.lines()).find(|(has, should)| has != should);
    assert!(
        text[begin..end] == wanted,
        "docs/plan.md isn't what src/plan/keys.rs says, first at {differs:?}; HOLDPOINT_UPDATE_DOCS=1 writes it anew"
    );
}

/// The blocks of TOML, with the word behind the language and the line that each begins on.
fn examples(text: &str) -> Vec<(String, usize, String)> {
    let mut out = Vec::new();
    let mut open: Option<(String, usize, String)> = None;
    for (number, line) in text.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(fence)) => open = Some((fence.to_owned(), number + 2, String::new())),
            (Some(_), Some(_)) => out.extend(open.take()),
            (Some((_, _, body)), None) => {
                body.push_str(line);
                body.push('\n');
            }
            (None, None) => {}
        }
    }
    out.into_iter()
        .filter_map(|(fence, line, body)| Some((fence.strip_prefix("toml")?.trim().to_owned(), line, body)))
        .collect()
}

#[test]
fn every_example_loads_and_could_be_run() {
    let examples = examples(&text());
    assert!(examples.len() >= 7, "{} examples were found", examples.len());
    for (kind, line, body) in examples {
        let plan = match kind.as_str() {
            "complete" => body,
            "step" => format!(
                "[plan]\nid = \"x\"\ntitle = \"x\"\nenvironment = \"dev\"\n[[phase]]\nid = \"p\"\ntitle = \"p\"\n{body}"
            ),
            _ => panic!("line {line}: a block of TOML is marked `complete` or `step`"),
        };
        let loaded = load_str("example.toml", &plan, Path::new("/"), LoadOptions { files: FileCheck::Skip });
        match loaded {
            Ok(loaded) => {
                let later: Vec<_> = loaded.plan.not_built.iter().map(|later| &later.key).collect();
                assert!(later.is_empty(), "the example in line {line} asks for what isn't built: {later:?}");
            }
            Err(diagnostics) => panic!("the example in line {line}:\n{diagnostics}"),
        }
    }
}

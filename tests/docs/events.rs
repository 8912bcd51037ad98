//! docs/events.md is the contract as the program keeps it: its tables are made from the types of the
//! events and their comments.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::source::{Part, Type, types};

const BEGIN: &str = "<!-- events:";
const END: &str = "<!-- /events -->";

/// Where the types are that stand in events.
const FILES: &[&str] = &[
    "src/run/event.rs",
    "src/run/outline.rs",
    "src/run/course.rs",
    "src/run/image.rs",
    "src/run/counts.rs",
    "src/run/facts.rs",
    "src/run/kept.rs",
    "src/run/program.rs",
    "src/run/watch.rs",
    "src/run/rehearsal.rs",
    "src/report/model.rs",
    "src/report/happened.rs",
    "src/report/answered.rs",
    "src/plan/model.rs",
    "src/plan/kept.rs",
    "src/plan/objects.rs",
    "src/plan/expect/verdict.rs",
    "src/plan/expect/saved.rs",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(name: &str) -> PathBuf {
    root().join("docs").join(name)
}

fn known() -> BTreeMap<String, Type> {
    let read = |file: &&str| std::fs::read_to_string(root().join(file)).expect(file);
    FILES.iter().flat_map(|file| types(&read(file))).map(|found| (found.part.name.clone(), found)).collect()
}

/// A comment for readers who don't know the source.
fn plain(docs: &str) -> String {
    // The names that the engine's sources have for the four lines of a unit.
    let docs = ["J1. ", "J2. ", "J3. ", "J4, good: ", "J4, bad: "]
        .iter()
        .find_map(|mark| docs.strip_prefix(mark))
        .unwrap_or(docs);
    let mut letters = docs.replace("`None`", "null").chars().collect::<Vec<_>>();
    if let Some(first) = letters.first_mut() {
        *first = first.to_ascii_uppercase();
    }
    letters.into_iter().collect()
}

/// Writes the tables, and notes which types they lead to.
struct Writer {
    known: BTreeMap<String, Type>,
    /// In the order in which they come up.
    wanted: Vec<String>,
    out: String,
}

impl Writer {
    fn all() -> String {
        let known = known();
        let event = known["Event"].clone();
        let mut writer = Self { known, wanted: Vec::new(), out: String::new() };
        for variant in &event.part.fields {
            // A name that only a reader gives, never a writer.
            if variant.attributes.contains("serde(other)") {
                continue;
            }
            write!(writer.out, "\n### `{}`\n\n{}\n", variant.snake(), plain(&variant.docs))
                .expect("a string");
            let inner = variant.of.trim_start_matches("Box<").trim_end_matches('>').to_owned();
            match writer.known.get(&inner).cloned() {
                Some(inner) => writer.fields(&inner.part.name, &inner.part.fields),
                None => writer.fields(&variant.name, &variant.fields),
            }
        }
        writer.made_of();
        writer.out
    }

    /// A record, and what it is made of.
    fn record(name: &str) -> String {
        let known = known();
        let found = known[name].clone();
        let mut writer = Self { known, wanted: Vec::new(), out: String::new() };
        writer.fields(name, &found.part.fields);
        writer.made_of();
        writer.out
    }

    fn made_of(&mut self) {
        let writer = self;
        writer.out.push_str("\n## What the fields are made of\n");
        let mut at = 0;
        while at < writer.wanted.len() {
            let name = writer.wanted[at].clone();
            let found = writer.known[&name].clone();
            write!(writer.out, "\n### {name}\n").expect("a string");
            if !found.part.docs.is_empty() {
                write!(writer.out, "\n{}\n", found.part.docs).expect("a string");
            }
            if found.is_enum {
                writer.words(&found)
            } else {
                writer.fields(&name, &found.part.fields)
            }
            at += 1;
        }
    }

    fn fields(&mut self, owner: &str, fields: &[Part]) {
        if fields.is_empty() {
            return;
        }
        self.out.push_str("\n| field | is | meaning |\n|---|---|---|\n");
        let mut rows = String::new();
        for field in fields {
            if field.attributes.contains("flatten") {
                for inner in self.known[&field.of].part.fields.clone() {
                    self.row(owner, &mut rows, &inner);
                }
            } else {
                self.row(owner, &mut rows, field);
            }
        }
        self.out.push_str(&rows);
    }

    fn row(&mut self, owner: &str, rows: &mut String, field: &Part) {
        let missing = if field.attributes.contains("skip_serializing_if") { "; may be missing" } else { "" };
        let kind = self.kind(&field.of);
        let docs = plain(&field.docs).replace('|', "\\|");
        let docs = if docs.is_empty() { super::words::meaning(owner, &field.name).to_owned() } else { docs };
        writeln!(rows, "| `{}` | {kind}{missing} | {docs} |", field.name).expect("a string");
    }

    /// The words of an enum, or what is behind them.
    fn words(&mut self, found: &Type) {
        self.out.push_str("\n| | meaning |\n|---|---|\n");
        let tag = found.part.attributes.split("tag = \"").nth(1).and_then(|rest| rest.split('"').next());
        let mut rows = String::new();
        for variant in &found.part.fields {
            let word = variant.snake();
            let with: Vec<String> = variant
                .fields
                .iter()
                .map(|field| format!("`{}`: {}", field.name, self.kind(&field.of)))
                .collect();
            let shape = match (tag, with.is_empty(), variant.of.as_str()) {
                (Some(tag), true, _) => format!("`{{\"{tag}\":\"{word}\"}}`"),
                (Some(tag), false, _) => format!("`{{\"{tag}\":\"{word}\", …}}` with {}", with.join(", ")),
                (None, _, "") => format!("`{word}`"),
                (None, _, of) => format!("`{{\"{word}\": …}}` with {}", self.kind(of)),
            };
            writeln!(rows, "| {shape} | {} |", variant.docs).expect("a string");
        }
        self.out.push_str(&rows);
    }

    /// A type in the words of JSON.
    fn kind(&mut self, of: &str) -> String {
        let inside =
            |outer: &str| of.strip_prefix(outer)?.strip_prefix('<')?.strip_suffix('>').map(str::to_owned);
        if let Some(inner) = inside("Option") {
            return format!("{}, or null", self.kind(&inner));
        }
        if let Some(inner) = inside("Vec") {
            return format!("list of {}", self.kind(&inner));
        }
        if let Some(inner) = inside("BTreeMap") {
            let (key, value) = inner.split_once(", ").expect("a key and a value");
            return format!("object, {} → {}", self.kind(key), self.kind(value));
        }
        if let Some(inner) = of.strip_prefix('(').and_then(|of| of.strip_suffix(')')) {
            let kinds: Vec<String> = inner.split(", ").map(|of| self.kind(of)).collect();
            return format!("[{}]", kinds.join(", "));
        }
        match of {
            "String" => "text".into(),
            "bool" => "true or false".into(),
            "u8" | "u16" | "u32" | "u64" | "i32" | "i64" | "usize" => "number".into(),
            "jiff::Timestamp" => "time, RFC 3339 in UTC".into(),
            "Uuid" => "UUID".into(),
            name if self.known.contains_key(name) => {
                if !self.wanted.iter().any(|wanted| wanted == name) {
                    self.wanted.push(name.to_owned());
                }
                format!("[{name}](#{})", name.to_lowercase())
            }
            other => panic!("`{other}` stands in an event, and its file isn't in FILES"),
        }
    }
}

/// The tables of a page are what the types say.
#[track_caller]
fn is_up_to_date(name: &str, tables: &str) {
    let page = page(name);
    let text = std::fs::read_to_string(&page).expect(name);
    let begin = text.find(BEGIN).expect("the mark before the tables");
    let begin = begin + text[begin..].find('\n').expect("a line") + 1;
    let end = text.find(END).expect("the mark behind the tables");
    let wanted = format!("{tables}\n");
    if std::env::var_os("HOLDPOINT_UPDATE_DOCS").is_some() {
        std::fs::write(page, format!("{}{wanted}{}", &text[..begin], &text[end..])).expect("written");
        return;
    }
    let differs = text[begin..end].lines().zip(wanted.lines()).find(|(has, should)| has != should);
    assert!(
        text[begin..end] == wanted,
        "docs/{name} isn't what src/run says, first at {differs:?}; HOLDPOINT_UPDATE_DOCS=1 writes it anew"
    );
}

#[test]
fn the_page_has_every_event_and_field() {
    is_up_to_date("events.md", &Writer::all());
}

#[test]
fn the_page_of_rehearsals_has_every_field() {
    is_up_to_date("rehearsal.md", &Writer::record("Rehearsal"));
}

#[test]
fn the_page_of_reports_has_every_field() {
    is_up_to_date("report.md", &Writer::record("Report"));
}

#[test]
fn the_names_are_those_that_the_program_writes() {
    use holdpoint::run::event::{Assurance, Event, Person};
    // One that is made here and one that is read: what the types say is what serde does.
    let by = Person { name: "Ann".into(), how: Assurance::Typed };
    let event = Event::StepAccepted { step: "s".into(), reason: "r".into(), by };
    let json = serde_json::to_value(&event).expect("JSON");
    assert_eq!(json["event"], event.name());
    assert_eq!(json["by"]["how"], "typed");
    let names: Vec<String> = known()["Event"].part.fields.iter().map(Part::snake).collect();
    assert!(names.contains(&event.name().to_owned()) && names.len() > 30, "{names:?}");
    // Every name that `Event::name` gives is one of the enum's.
    let source = std::fs::read_to_string(root().join("src/run/name.rs")).expect("src/run/name.rs");
    let given: Vec<&str> =
        source.lines().filter_map(|line| line.split("=> \"").nth(1)?.split('"').next()).collect();
    assert_eq!(given, names.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn a_type_is_read_with_its_comments() {
    let text = "/// Of a run.\n#[serde(tag = \"event\")]\npub enum E {\n    /// First.\n    A(Box<B>),\n    /// Two\n    /// lines.\n    \
                CamelCase {\n        /// In it.\n        #[serde(flatten)]\n        x: BTreeMap<String, (u64, u64)>,\n        y: i32,\n    \
                },\n    C { z: bool },\n    D,\n}\n";
    let found = types(text);
    let [e] = found.as_slice() else { panic!("{found:?}") };
    let names: Vec<String> = e.part.fields.iter().map(Part::snake).collect();
    assert_eq!(names, ["a", "camel_case", "c", "d"]);
    assert_eq!((e.part.fields[0].of.as_str(), e.part.fields[1].docs.as_str()), ("Box<B>", "Two lines."));
    let x = &e.part.fields[1].fields[0];
    assert_eq!(
        (x.name.as_str(), x.of.as_str(), x.docs.as_str()),
        ("x", "BTreeMap<String, (u64, u64)>", "In it.")
    );
    assert!(x.attributes.contains("flatten"));
    assert_eq!(e.part.fields[2].fields[0].of, "bool");
}

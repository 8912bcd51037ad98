//! What is forbidden, and where.

use std::collections::BTreeMap;

use super::source::{imports, tokens};

/// Rooms by name, each with the rooms that it may import.
pub type Rooms = BTreeMap<String, Vec<String>>;

/// Crates that a room may use, where that is limited. Everything else that Cargo.toml names is forbidden
/// there.
const CRATES: &[(&str, &[&str])] = &[
    (
        "plan",
        &[
            "bigdecimal",
            "glob",
            "jiff",
            "regex",
            "serde",
            "serde_json",
            "sha2",
            "strsim",
            "thiserror",
            "toml",
            "unicode_width",
        ],
    ),
    ("script", &["thiserror", "unicode_width"]),
    ("run", &["jiff", "serde", "serde_json", "thiserror", "uuid"]),
    ("crash", &["nix"]),
    ("journal", &["hmac", "jiff", "nix", "rand", "serde", "serde_json", "sha2", "thiserror", "uuid"]),
    ("text", &["unicode_width"]),
    ("plain", &["jiff", "serde_json", "similar"]),
    ("report", &["jiff", "serde", "serde_json", "sha2", "uuid"]),
    ("cockpit", &["jiff", "ratatui", "tui_textarea"]),
    ("cockpit/term", &["crossterm", "jiff", "nix", "ratatui", "tracing"]),
];

/// Rooms that see nothing but their input; of the cockpit all but what touches the terminal.
const PURE: &[&str] = &["plan", "script", "run", "text", "plain", "report", "cockpit"];
/// The part of the cockpit that touches the terminal.
const TERM: &str = "term";
/// Parts of ratatui that do.
const SCREENS: &[&str] =
    &["Terminal", "backend", "crossterm", "init", "prelude", "restore", "run", "try_init"];
/// Parts of the standard library that a pure room has no use for.
const OUTSIDE: &[&str] = &["env", "net", "os", "process", "thread"];
const TERMINAL: &[&str] = &["Stderr", "Stdin", "Stdout", "stderr", "stdin", "stdout", "IsTerminal"];
const PRINTING: &[&str] = &["dbg", "eprint", "eprintln", "print", "println"];

/// Where standard output and error are written.
const PRINTERS: &[&str] = &["src/cli/", "src/cockpit/term/"];

/// The one place with unsafe code.
const UNSAFE: &str = "src/pg/embedded/privileges.rs";

/// Longer files need a reason; and a bound all the same.
const LINES: usize = 500;
const LONG: &[(&str, usize, &str)] = &[];

/// The table of rooms as src/lib.rs has it.
pub fn rooms(lib: &str) -> Rooms {
    let rows = lib.lines().filter_map(|line| line.strip_prefix("//! | [`"));
    rows.map(|row| {
        let room = row.split('`').next().unwrap_or_default().to_owned();
        let last = row.trim_end().trim_end_matches('|').rsplit('|').next().unwrap_or_default();
        let named = last.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        (room, named)
    })
    .collect()
}

/// Names of the crates in Cargo.toml, as they are written in paths.
pub fn crates(manifest: &str) -> Vec<String> {
    let mut inside = false;
    let mut names = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.trim() == "[dependencies]";
        } else if let (true, Some((name, _))) = (inside, line.split_once('=')) {
            names.push(name.trim().replace('-', "_"));
        }
    }
    names
}

/// What is wrong with one file, each with its line.
pub fn violations(path: &str, text: &str, rooms: &Rooms, crates: &[String]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut say = |line: usize, what: String| wrong.push(format!("{path}:{line}: {what}"));
    let tokens = tokens(text);
    let place = module_of(path);
    let room = place.first().map_or("", String::as_str);
    let term = room == "cockpit" && place.get(1).is_some_and(|part| part == TERM);
    let pure = PURE.contains(&room) && !term;
    let limited = if term { format!("{room}/{TERM}") } else { room.to_owned() };

    for import in imports(&tokens) {
        let full = absolute(&import.path, &place);
        let Some(first) = full.first() else { continue };
        let second = full.get(1).map_or("", String::as_str);
        if first == "crate" && rooms.contains_key(second) && second != room && !room.is_empty() {
            let allowed = rooms.get(room).is_some_and(|allowed| allowed.iter().any(|name| name == second));
            if !allowed {
                say(import.line, format!("`{room}` may not import `{second}`"));
            }
        }
        if let Some((_, allowed)) = CRATES.iter().find(|(name, _)| *name == limited)
            && crates.contains(first)
            && !allowed.contains(&first.as_str())
        {
            say(import.line, format!("`{room}` may not use the crate `{first}`"));
        }
        if pure && first == "ratatui" && SCREENS.contains(&second) {
            say(import.line, format!("`{room}` draws into a buffer and may not use ratatui::{second}"));
        }
        if pure && first == "std" {
            if OUTSIDE.contains(&second) || (second == "fs" && room != "plan") {
                say(import.line, format!("`{room}` is pure and may not use std::{second}"));
            }
            if second == "time" && full.get(2).is_some_and(|name| name == "Instant" || name == "SystemTime") {
                say(import.line, format!("`{room}` is pure and has no clock"));
            }
        }
        let printer = PRINTERS.iter().any(|printer| path.starts_with(printer));
        let terminal = full.get(2).filter(|name| TERMINAL.contains(&name.as_str()));
        if let (false, "std", "io", Some(what)) = (printer, first.as_str(), second, terminal) {
            say(import.line, format!("only the command line talks to the terminal, not by std::io::{what}"));
        }
    }
    for (at, token) in tokens.iter().enumerate() {
        let follows = tokens.get(at + 1).map_or("", |next| next.text.as_str());
        if PRINTING.contains(&token.text.as_str()) && follows == "!" {
            say(token.line, format!("`{}!` panics when nobody reads it; src/cli/out.rs prints", token.text));
        }
        if token.text == "unsafe" && path != UNSAFE {
            say(token.line, format!("unsafe code is in {UNSAFE} alone"));
        }
    }
    if path.ends_with("/mod.rs")
        && let Some((line, what)) = logic(&tokens)
    {
        say(line, format!("mod.rs has docs, modules and re-exports alone, not `{what}`"));
    }
    if !text.starts_with("//!") {
        say(1, "a file begins with what it is for (`//! …`)".to_owned());
    }
    let lines = text.lines().count();
    let bound = LONG.iter().find(|(long, _, _)| *long == path).map_or(LINES, |(_, bound, _)| *bound);
    if lines > bound {
        say(lines, format!("{lines} lines, more than {bound}: one idea a file"));
    }
    wrong
}

/// `src/plan/build/mod.rs` → plan, build; `src/crash.rs` → crash; `src/lib.rs` → nothing.
fn module_of(path: &str) -> Vec<String> {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    let mut parts: Vec<String> = inner.split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| matches!(last.as_str(), "mod" | "lib" | "main")) {
        parts.pop();
    }
    parts
}

/// A path from the root: `self` and `super` resolved. A module inside of a file counts as the file: then
/// `super` leads one too far at most, never past what it imports.
fn absolute(path: &[String], place: &[String]) -> Vec<String> {
    let supers = path.iter().take_while(|part| *part == "super").count();
    match path.first().map(String::as_str) {
        Some("holdpoint") => std::iter::once("crate".to_owned()).chain(path[1..].iter().cloned()).collect(),
        Some("super") => {
            let base = place.iter().take(place.len().saturating_sub(supers)).cloned();
            std::iter::once("crate".to_owned()).chain(base).chain(path[supers..].iter().cloned()).collect()
        }
        _ => path.to_vec(),
    }
}

/// The first item in a mod.rs that isn't `mod`, `use` or an attribute.
fn logic(tokens: &[super::source::Token]) -> Option<(usize, String)> {
    const ITEMS: &[&str] = &[
        "const",
        "enum",
        "extern",
        "fn",
        "impl",
        "macro_rules",
        "static",
        "struct",
        "trait",
        "type",
        "union",
    ];
    tokens
        .iter()
        .find(|token| ITEMS.contains(&token.text.as_str()))
        .map(|token| (token.line, token.text.clone()))
}

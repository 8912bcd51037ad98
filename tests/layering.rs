//! The layering that src/lib.rs promises, read from the imports; and what keeps files readable.

#[path = "layering/rules.rs"]
mod rules;
#[path = "layering/source.rs"]
mod source;

use std::path::{Path, PathBuf};

use rules::{crates, rooms, violations};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect(path)
}

fn files_below(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            files_below(&entry, into);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            into.push(entry);
        }
    }
}

#[test]
fn every_file_keeps_to_its_layer() {
    let (rooms, crates) = (rooms(&read("src/lib.rs")), crates(&read("Cargo.toml")));
    let mut files = Vec::new();
    files_below(&root().join("src"), &mut files);
    assert!(files.len() > 100, "only {} files were found", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let path = file.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
        wrong.extend(violations(&path, &std::fs::read_to_string(&file).expect("a file"), &rooms, &crates));
    }
    wrong.sort();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_in_lib_rs_has_every_room_and_no_circle() {
    let lib = read("src/lib.rs");
    let rooms = rooms(&lib);
    let declared: Vec<&str> =
        lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(rooms.keys().map(String::as_str).collect::<Vec<_>>(), declared);
    // What mustn't change with a line in the table.
    for pure in ["plan", "script", "crash"] {
        assert!(rooms[pure].is_empty(), "{pure} imports {:?}", rooms[pure]);
    }
    assert_eq!(rooms["run"], ["plan"]);
    for (room, imports) in &rooms {
        assert!(room == "cli" || !imports.iter().any(|name| name == "engine"), "{room} imports the engine");
        assert!(!imports.iter().any(|name| name == "cli"), "{room} imports the command line");
        assert!(imports.iter().all(|name| rooms.contains_key(name)), "{room}: {imports:?}");
    }
    // Taking away what imports nothing that is left has to take away everything.
    let mut left = rooms;
    while let Some(free) =
        left.iter().find(|(_, i)| i.iter().all(|name| !left.contains_key(name))).map(|(r, _)| r.clone())
    {
        left.remove(&free);
    }
    assert!(left.is_empty(), "a circle: {left:?}");
}

#[test]
fn what_is_forbidden_is_found() {
    let (rooms, crates) = (rooms(&read("src/lib.rs")), crates(&read("Cargo.toml")));
    let found = |path: &str, text: &str| {
        violations(path, &format!("//! Made up.\n{text}"), &rooms, &crates).join("\n")
    };
    for (path, text, part) in [
        ("src/plan/x.rs", "use crate::run::event::Event;", "src/plan/x.rs:2: `plan` may not import `run`"),
        ("src/plan/x.rs", "fn f() { crate::engine::exit::Exit::Done }", "`plan` may not import `engine`"),
        ("src/plan/x.rs", "use super::super::pg;", "`plan` may not import `pg`"),
        ("src/plan/expect/mod.rs", "use super::super::journal::Key;", "`plan` may not import `journal`"),
        ("src/run/x.rs", "use crate::{plan::model, pg::{Session, names}};", "`run` may not import `pg`"),
        (
            "src/run/x.rs",
            "pub use crate::{\n    plan::model,\n    script,\n};",
            "x.rs:4: `run` may not import `script`",
        ),
        ("src/script/x.rs", "use tokio::sync::mpsc;", "`script` may not use the crate `tokio`"),
        (
            "src/script/x.rs",
            "fn f() -> ::tokio::io::Error { todo }",
            "`script` may not use the crate `tokio`",
        ),
        ("src/script/x.rs", "use tokio as harmless;", "`script` may not use the crate `tokio`"),
        (
            "src/run/x.rs",
            "use {postgres_protocol::message, serde::Serialize};",
            "the crate `postgres_protocol`",
        ),
        ("src/plan/x.rs", "use std::process::Command;", "`plan` is pure and may not use std::process"),
        ("src/run/x.rs", "fn f() { let _ = std::fs::read(\"x\"); }", "`run` is pure and may not use std::fs"),
        ("src/run/x.rs", "use std::{collections::BTreeMap, time::Instant};", "has no clock"),
        ("src/journal/x.rs", "use std::io::{self, Write, stdout};", "not by std::io::stdout"),
        ("src/engine/x.rs", "fn f() { println!(\"x\") }", "`println!` panics"),
        ("src/engine/x.rs", "use crate::plain::Printer;", "`engine` may not import `plain`"),
        ("src/plain/x.rs", "use crate::pg::ledger;", "`plain` may not import `pg`"),
        ("src/cockpit/state.rs", "use crate::engine::exit::Exit;", "`cockpit` may not import `engine`"),
        ("src/cockpit/view/x.rs", "use tokio::sync::mpsc;", "`cockpit` may not use the crate `tokio`"),
        ("src/cockpit/view/x.rs", "use crossterm::event;", "`cockpit` may not use the crate `crossterm`"),
        ("src/cockpit/view/x.rs", "use ratatui::backend::Backend;", "may not use ratatui::backend"),
        ("src/cockpit/update.rs", "use std::time::Instant;", "has no clock"),
        ("src/cockpit/term/x.rs", "use crate::pg::Session;", "`cockpit` may not import `pg`"),
        ("src/pg/x.rs", "fn f() { unsafe { g() } }", "unsafe code is in"),
        ("src/pg/mod.rs", "pub mod a;\npub const A: u8 = 1;", "src/pg/mod.rs:3: mod.rs has docs"),
        ("src/pg/x.rs", &"\n".repeat(501), "more than 500"),
    ] {
        let wrong = found(path, text);
        assert!(wrong.contains(part), "{path}: {text}\nfound: {wrong}");
    }
    assert!(
        violations("src/pg/x.rs", "use std::fmt;", &rooms, &crates)[0].contains("begins with what it is for")
    );
}

#[test]
fn what_is_allowed_is_left_alone() {
    let (rooms, crates) = (rooms(&read("src/lib.rs")), crates(&read("Cargo.toml")));
    for (path, text) in [
        (
            "src/plan/x.rs",
            "use crate::plan::model;\npub(in crate::plan) fn f<'a>(c: &'a str) -> char { 'r' }",
        ),
        (
            "src/plan/x.rs",
            "// use crate::run;\n/* use tokio; /* nested */ println!() */\nfn f() -> &'static str { \"crate::run::x \\\" unsafe\" }",
        ),
        (
            "src/plan/x.rs",
            "fn f() { (r#\"\"crate::pg::x\"\"#, br\"tokio::x\", b'\\'', '\\'', \"println!\"); }",
        ),
        ("src/plan/x.rs", "//! ```\n//! use tokio::main;\n//! ```\nfn f(tokio: u8) -> u8 { tokio }"),
        ("src/plan/build/x.rs", "use super::super::raw;\nuse super::super::{digest, load::{self}};"),
        ("src/run/x.rs", "mod tests { use super::super::event; use crate::plan::model::Kind; }"),
        (
            "src/journal/mod.rs",
            "#![deny(x)]\nmod a;\npub(crate) mod b;\npub use a::{A, B as C};\n#[cfg(test)]\nmod tests;",
        ),
        ("src/cli/out.rs", "use std::io::{IsTerminal, stdout}; use crate::engine::exit::Exit;"),
        ("src/pg/embedded/privileges.rs", "fn f() { unsafe { g() } }"),
        (
            "src/cockpit/term/x.rs",
            "use std::io::stdout;\nuse std::time::Instant;\nuse ratatui::backend::Backend;",
        ),
    ] {
        let wrong = violations(path, &format!("//! Made up.\n{text}"), &rooms, &crates);
        assert!(wrong.is_empty(), "{path}: {text}\nfound: {}", wrong.join("\n"));
    }
}

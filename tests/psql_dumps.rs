//! What pg_dump and pg_dumpall write comes back through holdpoint as it was: dumped again, it is the same,
//! byte for byte.
//!
//! `HOLDPOINT_PG_BIN` names the server's programs, of any version from 14 to 18. Where psql and pg_dump
//! aren't among them, `HOLDPOINT_PG_CLIENT_BIN` names a folder that has them, of that version or newer.

#![allow(clippy::unwrap_used)] // a test stops where it fails

#[allow(dead_code, reason = "the comparison with psql uses the rest")]
#[path = "engine_psql/both.rs"]
mod both;
#[path = "script/server.rs"]
mod server;

use both::{Mode, create, events, holdpoint};
use server::Server;
use std::fs;
use std::path::{Path, PathBuf};

/// The database that is dumped, and the name that its copies get.
const NAME: &str = "everything";

/// A way to dump, and how its text is run.
struct Way {
    name: &'static str,
    options: &'static [&'static str],
    mode: Mode,
    /// The database that it is restored into is made of this one.
    onto: &'static str,
}

/// Large objects come with a BEGIN and COMMIT of their own, and DROP SUBSCRIPTION runs outside of them.
const WAYS: &[Way] = &[
    // Comes first: what has data alone is restored into it.
    Way { name: "emptied", options: &["--schema-only"], mode: Mode::Single, onto: "template1" },
    Way { name: "plain", options: &["--no-blobs"], mode: Mode::Single, onto: "template1" },
    Way { name: "inserts", options: &["--no-blobs", "--inserts"], mode: Mode::Single, onto: "template1" },
    Way {
        name: "column_inserts",
        options: &["--no-blobs", "--column-inserts", "--rows-per-insert=7", "--quote-all-identifiers"],
        mode: Mode::Single,
        onto: "template1",
    },
    Way {
        name: "authorization",
        options: &["--no-blobs", "--use-set-session-authorization", "--disable-dollar-quoting"],
        mode: Mode::Single,
        onto: "template1",
    },
    Way { name: "large_objects", options: &["--blobs"], mode: Mode::Script, onto: "template1" },
    Way { name: "clean", options: &["--clean", "--if-exists"], mode: Mode::Script, onto: NAME },
    Way {
        name: "data",
        options: &["--data-only", "--disable-triggers"],
        mode: Mode::Script,
        onto: "emptied",
    },
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine_psql")
}

/// A server with the database; an older one may lack a kind of object, and a small build an extension.
fn server() -> Server {
    let server = Server::start();
    server.file("postgres", &folder().join("roles.sql"));
    create(&server, NAME, "template1");
    let version = server.version();
    if version == 15 && std::env::var_os("HOLDPOINT_PG_BIN").is_none() {
        server.file(NAME, &folder().join("everything.sql"));
    } else {
        let mut command = server.psql(NAME);
        command.args(["-v", "ON_ERROR_STOP=0", "-o", "/dev/null", "-f"]);
        let output = command.arg(folder().join("everything.sql")).output().unwrap();
        let left_out: Vec<String> = String::from_utf8_lossy(&output.stderr)
            .lines()
            .filter(|line| line.contains("ERROR:"))
            .map(str::to_owned)
            .collect();
        println!("PostgreSQL {version} doesn't take:\n{}", left_out.join("\n"));
        assert!(left_out.len() < 20, "too little is left");
    }
    server
}

/// What a program of PostgreSQL's writes about a database. One from 17 on sets what an older server doesn't
/// know, and whoever restores its dump there takes that line out, for psql too.
fn dump(server: &Server, program: &str, database: &str, options: &[&str]) -> String {
    let output = server.program(program, database).args(options).output().unwrap();
    assert!(output.status.success(), "{options:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    if server.version() < 17 { text.replace("SET transaction_timeout = 0;\n", "") } else { text }
}

/// The key is new every time.
fn without_key(dump: &str) -> Vec<&str> {
    dump.lines()
        .filter(|line| !line.starts_with("\\restrict ") && !line.starts_with("\\unrestrict "))
        .collect()
}

/// Runs a dump's text as the only step of a plan.
fn restore(server: &Server, database: &str, name: &str, text: &str, mode: Mode) {
    let home = tempfile::tempdir().unwrap();
    let file = format!("{name}.sql");
    fs::write(home.path().join(&file), text).unwrap();
    let mut command = holdpoint(server, database, home.path(), home.path(), &file, mode);
    let output = command.output().unwrap();
    let failed = events(home.path()).into_iter().find(|event| event["event"] == "unit_failed");
    assert!(output.status.success(), "{name}: {failed:?}\n{}", String::from_utf8_lossy(&output.stderr));
}

#[track_caller]
fn same(name: &str, before: &str, after: &str) {
    let (before, after) = (without_key(before), without_key(after));
    let differ = before.iter().zip(&after).position(|(before, after)| before != after);
    if let Some(at) = differ {
        let around = |lines: &[&str]| lines[at.saturating_sub(8)..lines.len().min(at + 4)].join("\n");
        panic!(
            "{name}: line {at} differs\n--- dumped\n{}\n--- restored\n{}",
            around(&before),
            around(&after)
        );
    }
    assert_eq!(before.len(), after.len(), "{name}");
}

/// For what is compared: holdpoint's own schema isn't in it.
fn again(options: &[&'static str]) -> Vec<&'static str> {
    let mut options = options.to_vec();
    options.extend(["-N", "holdpoint"]);
    options
}

/// pg_dump refuses a server that is newer than itself.
fn can_be_dumped(server: &Server) -> bool {
    let output = server.program("pg_dump", "postgres").arg("--version").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let digits = said.trim().rsplit("(PostgreSQL) ").next().unwrap_or_default();
    let major =
        digits.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse::<u32>().ok());
    let can = major.unwrap() >= server.version();
    if !can {
        println!("skipped: {} is older than the server, {}", said.trim(), server.version());
    }
    can
}

#[test]
fn every_dump_comes_back_as_it_was() {
    let server = server();
    if !can_be_dumped(&server) {
        return;
    }
    for way in WAYS {
        let text = dump(&server, "pg_dump", NAME, way.options);
        // That of some versions can't drop a part of what it made.
        if way.name == "clean"
            && std::env::var_os("HOLDPOINT_PG_BIN").is_some()
            && !psql_takes(&server, way, &text)
        {
            println!("skipped: psql doesn't take this pg_dump's {} either", way.name);
            continue;
        }
        let copy = if way.name == "emptied" { way.name.to_owned() } else { format!("copy_{}", way.name) };
        create(&server, &copy, way.onto);
        restore(&server, &copy, way.name, &text, way.mode);
        let restored = dump(&server, "pg_dump", &copy, &again(way.options));
        if server.version() < 15 {
            // pg_dump 15 doesn't see the rights on the schema public of an older server as they are.
            same(way.name, &by_psql(&server, way, &text), &restored);
        } else {
            same(way.name, &text, &restored);
        }
    }
}

/// Whether psql itself gets to the end of a dump.
fn psql_takes(server: &Server, way: &Way, text: &str) -> bool {
    let copy = format!("tried_{}", way.name);
    create(server, &copy, way.onto);
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    let mut psql = server.psql(&copy);
    psql.env("PGOPTIONS", "-c log_statement=none").args(["-o", "/dev/null", "-f"]).arg(file.path());
    psql.output().unwrap().status.success()
}

/// The dump of a copy that psql made.
fn by_psql(server: &Server, way: &Way, text: &str) -> String {
    let copy = format!("psql_{}", way.name);
    create(server, &copy, way.onto);
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    server.file(&copy, file.path());
    dump(server, "pg_dump", &copy, &again(way.options))
}

/// What stands behind `\connect` in the dump of all, the command itself included.
#[test]
fn a_database_out_of_the_dump_of_all_comes_back_as_it_was() {
    let server = server();
    if !can_be_dumped(&server) {
        return;
    }
    for (name, options) in [("all", &[][..]), ("all_inserts", &["--inserts"])] {
        let text = part(&dump(&server, "pg_dumpall", "postgres", options));
        let away = format!("{name}_dumped");
        server.quietly("postgres", &format!("ALTER DATABASE {NAME} RENAME TO {away}"));
        let mut expected = text.clone();
        if server.version() < 15 {
            // pg_dumpall 15 doesn't see the rights on the schema public of an older server as they are.
            create(&server, NAME, "template0");
            let file = tempfile::NamedTempFile::new().unwrap();
            fs::write(file.path(), &text).unwrap();
            server.file("postgres", file.path());
            expected = part(&dump(&server, "pg_dumpall", "postgres", options));
            server.quietly("postgres", &format!("ALTER DATABASE {NAME} RENAME TO {name}_by_psql"));
        }
        create(&server, NAME, "template0");
        restore(&server, NAME, name, &text, Mode::Script);
        server.quietly(NAME, "DROP SCHEMA holdpoint CASCADE");
        let after = part(&dump(&server, "pg_dumpall", "postgres", options));
        same(name, &expected, &after);
    }
}

/// One database's part of what pg_dumpall writes.
fn part(all: &str) -> String {
    let begin = all.find(&format!("\\connect {NAME}\n")).expect("the database is in the dump");
    let end = all[begin..].find("\n-- Database \"").map_or(all.len(), |end| begin + end);
    let end = all[begin..end].rfind("\n--\n").map_or(end, |cut| begin + cut);
    format!("{}\n", &all[begin..end])
}

//! What `holdpoint check` notes about scripts: what would go on otherwise than with `psql -f`, each with its
//! place, equal ones together, and never as a failure.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;
mod scene;

use scene::{Corner, Said};

/// A plan of one step that runs `f.sql`, with further keys.
fn plan(corner: &Corner, keys: &str) {
    corner.plan(&format!(
        "[[phase]]\nid = \"p\"\ntitle = \"P\"\n[[phase.step]]\nid = \"s\"\ntitle = \"S\"\nfile = \"f.sql\"\nirreversible = \"x\"\n{keys}\n"
    ));
}

fn checked(corner: &Corner, script: &str) -> Said {
    corner.file("f.sql", script);
    corner.type_in("check plan.toml")
}

fn notes(said: &Said) -> Vec<&str> {
    said.out.lines().filter(|line| line.contains(": note: ")).collect()
}

#[test]
fn each_surprise_with_its_place() {
    let corner = Corner::new();
    for (keys, script, place, words) in [
        (
            "",
            "SELECT 1;\nSET work_mem = '1MB';\nSET statement_timeout = 0;",
            "f.sql:2:1",
            "sets work_mem and statement_timeout for its session",
        ),
        ("", "\n SET search_path = a;", "f.sql:2:2", "sets search_path: names without a schema"),
        ("", "SELECT pg_catalog.set_config('search_path', '', false);", "f.sql:1:19", "sets search_path"),
        ("", "SET lock_timeout = 0;", "f.sql:1:1", "what is longer than the step's doesn't count"),
        ("", "SET ROLE x;", "f.sql:1:1", "SET ROLE: what follows runs as another role"),
        ("", "SET SESSION AUTHORIZATION x;", "f.sql:1:1", "SET SESSION AUTHORIZATION: what follows"),
        ("", "RESET ALL;", "f.sql:1:1", "RESET takes back settings of the session"),
        ("transaction = \"none\"", "SELECT 1;\nDISCARD ALL;", "f.sql:2:1", "DISCARD takes back"),
        ("", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;", "f.sql:1:1", "sets how transactions run"),
        ("", "LISTEN x;", "f.sql:1:1", "nobody hears"),
        ("", "COPY t FROM '/tmp/x';", "f.sql:1:1", "COPY reads a file on the server's own machine"),
        ("", "COPY t TO '/tmp/x';", "f.sql:1:1", "COPY writes a file on the server's own machine"),
        ("", "COPY t TO PROGRAM 'x';", "f.sql:1:1", "COPY runs a program on the server's own machine"),
        (
            "transaction = \"script\"",
            "SELECT 1;\n\\set AUTOCOMMIT off\nSELECT 2;\nCOMMIT;",
            "f.sql:2:1",
            "AUTOCOMMIT off: from here on a transaction begins by itself",
        ),
        ("transaction = \"none\"", "VACUUM;", "f.sql:1:1", "a person has to say whether it was done"),
        (
            "transaction = \"none\"",
            "CREATE INDEX CONCURRENTLY i ON t (n);\nDROP DATABASE x;",
            "f.sql:1:1",
            "CREATE INDEX CONCURRENTLY and DROP DATABASE can't be in a transaction, and each of them runs by itself, between \
             an intent and a result; the catalog tells whether it was done (also in line 2)",
        ),
        (
            "transaction = \"none\"",
            "CREATE DATABASE x;",
            "f.sql:1:1",
            "another database than the one of this run",
        ),
        ("transaction = \"none\"", "CREATE TEMP TABLE x ();", "f.sql:1:1", "lives in its session"),
        (
            "transaction = \"script\"",
            "BEGIN;\nSELECT 1;\nCOMMIT;\nBEGIN;\nCOMMIT;",
            "f.sql:1:1",
            "has 2 transactions of its own",
        ),
        (
            "",
            "SELECT 1;\nDO $$\nBEGIN\n  COMMIT;\nEND $$;",
            "f.sql:4:3",
            "this DO block has a COMMIT or ROLLBACK of its own, and fails where it comes to that: it runs inside a transaction",
        ),
        (
            "runner = \"psql\"",
            "DO $$ BEGIN ROLLBACK; END $$;",
            "f.sql:1:13",
            "this DO block has a COMMIT or ROLLBACK of its own, and fails",
        ),
        (
            "transaction = \"script\"",
            "BEGIN;\nDO $$ BEGIN COMMIT; END $$;\nCOMMIT;",
            "f.sql:2:13",
            "this DO block has a COMMIT or ROLLBACK of its own, and fails",
        ),
        (
            "transaction = \"none\"",
            "DO $$ BEGIN COMMIT; END $$;",
            "f.sql:1:13",
            "after a stop in the middle a person has to say whether it was done",
        ),
        (
            "",
            "CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;\nCALL p();",
            "f.sql:2:1",
            "this CALL is of a procedure of the file that has a COMMIT or ROLLBACK of its own, and fails",
        ),
        (
            "",
            "ALTER TYPE mood ADD VALUE 'fine';\nUPDATE t SET m = 'fine';",
            "f.sql:2:18",
            "'fine' is added to an enum and used in the same transaction: the server refuses that",
        ),
        ("", "SELECT dblink('x', 'y');", "f.sql:1:8", "dblink works in a transaction of its own"),
        (
            "",
            "-- clean\nDROP TABLE a;\nCREATE TABLE a ();",
            "f.sql:2:1",
            "begins with DROP without IF EXISTS",
        ),
        (
            "",
            "SELECT 1;\nSELECT 'it;\n",
            "f.sql:2:8",
            "the file ends inside of a quoted string that begins here",
        ),
        ("", "SELECT 1; /* so\nSELECT 2;", "f.sql:1:11", "the file ends inside of a comment"),
        ("", "DO $x$ BEGIN END $$;", "f.sql:1:4", "the file ends inside of a dollar-quoted string"),
        ("", "SELECT (1;\n", "f.sql:1:8", "the file ends inside of a parenthesis"),
        ("", "COPY t FROM stdin;\n1\n", "f.sql:1:1", "the file ends in the data of this COPY"),
        ("", "-- to be written\n\n;\n", "f.sql:1:1", "there is no statement in it"),
        ("", "", "f.sql:1:1", "there is no statement in it"),
        ("", "SELECT 1,\n :'nope';", "f.sql:2:2", ":'nope' has no value: psql sends it as written"),
    ] {
        plan(&corner, keys);
        let said = checked(&corner, script);
        said.exits(0).says(&format!("{place}: note: step s: ")).says(words).never_says("panicked");
        assert!(said.out.lines().all(|line| line.chars().count() <= 80), "wider than 80 columns\n{said}");
        let count = notes(&said).len();
        said.says(&format!(", {count} note{}", if count == 1 { "" } else { "s" }));
    }
}

#[test]
fn nothing_is_noted_of_what_just_runs() {
    let corner = Corner::new();
    plan(&corner, "");
    let said = checked(
        &corner,
        "CREATE TABLE a (n int[], t time DEFAULT '12:30');\nDROP TABLE IF EXISTS b;\nSELECT n[1:2], '1'::int FROM a;\n\
         SET LOCAL work_mem = '1MB';\nSAVEPOINT x;\nDROP TABLE a;\nSELECT $$ :x 'y $$ -- :z '\n",
    );
    said.exits(0).says("✓ plan.toml");
    assert!(notes(&said).is_empty() && !said.out.contains("note"), "{said}");
}

/// A file that only drops is meant to.
#[test]
fn what_only_drops_isnt_a_leading_drop() {
    let corner = Corner::new();
    plan(&corner, "");
    for (script, noted) in [
        ("SET lock_timeout = '1s';\nDROP TABLE a;\nDROP VIEW b;\n", false),
        ("DROP TABLE a;\nCREATE TABLE a ();", true),
    ] {
        let said = checked(&corner, script);
        assert_eq!(said.out.contains("begins with DROP"), noted, "{said}");
    }
}

/// The value is the plan's, and a query may give the name another one: it is said which.
#[test]
fn a_value_that_a_query_may_give_is_told_with_its_query() {
    let corner = Corner::new();
    corner.plan(
        "[vars]\ntenant = \"a\"\n[[phase]]\nid = \"p\"\ntitle = \"P\"\n[[phase.step]]\nid = \"s\"\ntitle = \"S\"\n\
         file = \"f.sql\"\nirreversible = \"x\"\n",
    );
    let said = checked(&corner, "SELECT *\nFROM t \\gset\nCREATE TABLE t_:tenant ();");
    assert!(said.out.contains("f.sql:3:16: error"), "{said}");
    let words = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("the \\gset at f.sql:1 may have a column of any name"), "{said}");
    assert!(words.contains("give that \\gset a prefix"), "{said}");
    let said = checked(&corner, "SELECT 'x' AS tenant \\gset\nCREATE TABLE t_:tenant ();");
    let words = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("the \\gset at f.sql:1 sets it"), "{said}");
    // Neither a count nor a product gives a column of that name.
    for query in ["SELECT count(*) AS n, count(*) * 2 AS m FROM t", "SELECT a * b AS n FROM t"] {
        let said = checked(&corner, &format!("{query} \\gset\nCREATE TABLE t_:tenant ();"));
        assert!(!said.out.contains("error"), "{said}");
    }
}

#[test]
fn a_new_value_may_be_used_in_the_next_transaction() {
    let corner = Corner::new();
    let add = "ALTER TYPE mood ADD VALUE 'fine';";
    for (mode, script) in [
        ("none", format!("{add}\nUPDATE t SET m = 'fine';")),
        ("script", format!("{add}\nBEGIN;\nUPDATE t SET m = 'fine';\nCOMMIT;")),
    ] {
        plan(&corner, &format!("transaction = \"{mode}\""));
        let said = checked(&corner, &script);
        assert!(!said.out.contains("'fine'"), "{said}");
    }
}

#[test]
fn variables_of_the_plan_and_what_it_saves_have_values() {
    let corner = Corner::new();
    let step = "[[phase]]\nid = \"p\"\ntitle = \"P\"\n[[phase.step]]\ntitle = \"look\"\ncheck = \"SELECT 1 AS n, 2 AS m\"\nsave = \"before\"\n\
                [[phase.step]]\nid = \"s\"\ntitle = \"S\"\nfile = \"f.sql\"\nirreversible = \"x\"\n";
    corner.plan(&format!("[vars]\nschema = \"app\"\n\n{step}"));
    let said = checked(
        &corner,
        "SELECT :'before_n', :'schema';\n\\set own 1\nSELECT :'own';\nSELECT 1 FROM :schema.t;\n",
    );
    said.exits(0).says("f.sql:4:15: note: step s: the value of :schema becomes a part of the SQL as it is");
    assert_eq!(notes(&said).len(), 1, "{said}");
}

#[test]
fn equal_notes_are_one_and_errors_stay_errors() {
    let corner = Corner::new();
    plan(&corner, "");
    let mut script = "CREATE TABLE t (n int);\n".to_owned();
    for n in 0..100 {
        script.push_str(&format!("SET work_mem = '{n}MB';\n"));
    }
    let said = checked(&corner, &script);
    said.exits(0).says("(also in lines 3, 4, 5, 6 and 95 more)");
    assert_eq!(notes(&said).len(), 1, "{said}");
    // What a note's line begins, the last line counts; the way back is one too.
    said.says(", 1 note");
    corner.file("f.sql", "SET work_mem = '1MB';\nDELETE FROM t;\n");
    corner.plan(
        "[[phase]]\ntitle = \"x\"\n[[phase.step]]\nid = \"s\"\ntitle = \"s\"\nfile = \"f.sql\"\n\
                 rollback.sql = \"SELECT 1\"\n",
    );
    let said = corner.type_in("check plan.toml");
    said.exits(0)
        .says("note: step s: its rollback loses the rows that the step deletes from t")
        .says(", 2 notes");
    plan(&corner, "");
    // Both are said, and only the error counts.
    let said = checked(&corner, "SET work_mem = '1MB';\nVACUUM;\n");
    said.exits(2).says("f.sql:2:1: error").says("transaction = \"none\"").says("f.sql:1:1: note");
    // What would have to be sent to a terminal isn't.
    let said = checked(&corner, "SET ROLE x; SELECT :\"\u{1b}]0;x\u{7}\", :'\u{202e}evil';\n");
    said.never_says("\u{1b}").never_says("\u{202e}");
}

#[test]
fn what_the_real_psql_would_do() {
    let corner = Corner::new();
    plan(&corner, "runner = \"psql\"\ntransaction = \"none\"");
    let said = checked(
        &corner,
        "SET lock_timeout = 0;\n\\! rm x\n\\c other\n\\set ON_ERROR_STOP off\nSELECT 1 AS n \\gset\nSELECT :'n';\n",
    );
    said.exits(0)
        .says("f.sql:2:1: note: step s: shell commands")
        .says("f.sql:3:1: note: step s: connects anew")
        .says("f.sql:4:1: note: step s: errors are passed over")
        .says("f.sql:1:1: note: step s: may lift lock_timeout")
        .says("a person has to rule");
    assert!(!said.out.contains("has no value"), "psql gives it one\n{said}");
}

/// A dump has very many statements that are noted, and very few that a reader needs.
#[tokio::test]
async fn a_dump_doesnt_drown_its_reader() {
    let server = common::server::TestServer::start().await;
    let db = server.fresh_database().await;
    for n in 0..40 {
        server
            .sql(&db, &format!("CREATE TABLE t{n} (n int PRIMARY KEY, t text DEFAULT now()::time::text); INSERT INTO t{n} VALUES (1, ':x')"))
            .await;
    }
    let dump = |args: &[&str]| {
        let output = server.program("pg_dump", &db).args(args).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let corner = Corner::new();
    plan(&corner, "");
    for args in [&[] as &[&str], &["--inserts"], &["--clean"], &["--clean", "--if-exists"]] {
        let said = checked(&corner, &dump(args));
        said.exits(0).says("sets search_path").says("sets statement_timeout");
        let count = notes(&said).len();
        assert!(count <= 4, "{count} notes\n{said}");
        assert_eq!(said.out.contains("begins with DROP without IF EXISTS"), args == ["--clean"], "{said}");
    }
    // Cut off in the middle of its data.
    let whole = dump(&[]);
    let cut = whole.find("\\.\n").unwrap();
    checked(&corner, &whole[..cut]).exits(0).says("the file ends in the data of this COPY");
}

#[test]
fn very_many_transactions_are_worth_a_word() {
    let corner = Corner::new();
    for (keys, word) in [("transaction = \"none\"", true), ("", false)] {
        plan(&corner, keys);
        let said = checked(&corner, &"SELECT 1;\n".repeat(100_001));
        said.exits(0);
        assert_eq!(said.out.contains("100001 statements, each a transaction"), word, "{said}");
    }
}

/// Errors name the statement, and where it stands.
#[test]
fn what_would_stop_a_run_is_named_with_its_place() {
    let corner = Corner::new();
    for (keys, script, place, words) in [
        (
            "",
            "SELECT 1;\n CREATE INDEX CONCURRENTLY i ON t (a);",
            "f.sql:2:2",
            "CREATE INDEX CONCURRENTLY can't run inside",
        ),
        ("", "SELECT 1\\; VACUUM t;", "f.sql:1:1", "VACUUM can't run inside a transaction"),
        (
            "transaction = \"script\"",
            "BEGIN;\nALTER SYSTEM RESET ALL;\nCOMMIT;",
            "f.sql:2:1",
            "ALTER SYSTEM can't run inside",
        ),
        (
            "",
            "SELECT 1;\n\\if true\nSELECT 2;\n\\if false\nSELECT 3;\n\\endif\n",
            "f.sql:6:1",
            "the \\if in line 2, column 1",
        ),
        ("", "\\if true\n\\if true\n\\endif\n\\if true\n", "f.sql:4:1", "the \\if in line 4, column 1"),
    ] {
        plan(&corner, keys);
        checked(&corner, script).exits(2).says(&format!("{place}: error: step s: ")).says(words);
    }
    plan(&corner, "");
    for utf16 in [b"\xff\xfeS\0".as_slice(), b"\xfe\xff\0S"] {
        std::fs::write(corner.path("f.sql"), utf16).unwrap();
        let said = corner.type_in("check plan.toml");
        said.exits(2).says("f.sql:1:1: error: step s: the file is UTF-16").says("iconv");
    }
}

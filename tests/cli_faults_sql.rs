//! SQL that fails: every class says where, what, what it means for the data, and how to go on.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;
mod scene;

use std::process::Stdio;

use scene::{Said, Scene, one_step};

/// One way to fail.
struct Fault {
    sql: &'static str,
    state: &'static str,
    message: &'static str,
    /// `line:column` in the file.
    at: &'static str,
    /// The line above the caret.
    line: &'static str,
}

const FAULTS: &[Fault] = &[
    Fault {
        sql: "INSERT INTO base VALUES (7);\nSELECT *\n  FRM base;",
        state: "42601",
        message: "syntax error at or near \"FRM\"",
        at: "3:3",
        line: "  FRM base;",
    },
    Fault {
        sql: "INSERT INTO base VALUES (7);\nSELECT * FROM gone;",
        state: "42P01",
        message: "relation \"gone\" does not exist",
        at: "2:15",
        line: "SELECT * FROM gone;",
    },
    Fault {
        sql: "SELECT nope\nFROM base;",
        state: "42703",
        message: "column \"nope\" does not exist",
        at: "1:8",
        line: "SELECT nope",
    },
    Fault {
        sql: "/* größer */ SELECT 'ä', nope FROM base;",
        state: "42703",
        message: "column \"nope\" does not exist",
        at: "1:26",
        line: "/* größer */ SELECT 'ä', nope FROM base;",
    },
    Fault {
        sql: "INSERT INTO base VALUES (7);\nINSERT INTO base VALUES (1);",
        state: "23505",
        message: "duplicate key value violates unique constraint \"base_pkey\"",
        at: "2:1",
        line: "INSERT INTO base VALUES (1);",
    },
    Fault {
        sql: "INSERT INTO child VALUES (99);",
        state: "23503",
        message: "violates foreign key constraint",
        at: "1:1",
        line: "INSERT INTO child VALUES (99);",
    },
    Fault {
        sql: "INSERT INTO base VALUES (-1);",
        state: "23514",
        message: "violates check constraint \"base_n_check\"",
        at: "1:1",
        line: "INSERT INTO base VALUES (-1);",
    },
    Fault {
        sql: "INSERT INTO base VALUES (NULL);",
        state: "23502",
        message: "null value in column \"n\"",
        at: "1:1",
        line: "INSERT INTO base VALUES (NULL);",
    },
    Fault {
        sql: "-- a remark\nSELECT 1/0;",
        state: "22012",
        message: "division by zero",
        at: "2:1",
        line: "SELECT 1/0;",
    },
    Fault {
        sql: "SELECT 'x'::int;",
        state: "22P02",
        message: "invalid input syntax for type integer",
        at: "1:8",
        line: "SELECT 'x'::int;",
    },
    Fault {
        sql: "SET ROLE mouse;\nSELECT * FROM base;",
        state: "42501",
        message: "permission denied for table base",
        at: "2:1",
        line: "SELECT * FROM base;",
    },
    Fault {
        sql: "SET statement_timeout = 30;\nSELECT pg_sleep(60);",
        state: "57014",
        message: "canceling statement due to statement timeout",
        at: "2:1",
        line: "SELECT pg_sleep(60);",
    },
    Fault {
        sql: "DO $$\nBEGIN\n  RAISE EXCEPTION 'not tonight' USING HINT = 'sleep', DETAIL = 'row 7';\nEND $$;",
        state: "P0001",
        message: "not tonight",
        at: "3:3",
        line: "  RAISE EXCEPTION 'not tonight' USING HINT = 'sleep', DETAIL = 'row 7';",
    },
    Fault {
        sql: "SELECT deep(1);",
        state: "42P01",
        message: "relation \"nowhere\" does not exist",
        at: "1:1",
        line: "SELECT deep(1);",
    },
    Fault {
        sql: "COPY base FROM stdin;\n10\nx\n\\.\n",
        state: "22P02",
        message: "invalid input syntax for type integer",
        at: "3:1",
        line: "in the data of the COPY in line 1",
    },
];

const BEFORE: &str = "CREATE TABLE base (n int PRIMARY KEY CHECK (n > 0)); INSERT INTO base VALUES (1);
    CREATE TABLE child (n int REFERENCES base DEFERRABLE INITIALLY IMMEDIATE);
    CREATE ROLE mouse;
    CREATE FUNCTION deep(n int) RETURNS int LANGUAGE plpgsql AS $$
    BEGIN RETURN (SELECT count(*) FROM nowhere); END $$;";

fn one_file(name: &str) -> String {
    one_step("").replace("sql = '''\n\n'''", &format!("file = \"{name}\""))
}

#[tokio::test]
async fn each_class_of_error_says_where_and_what_it_means() {
    let scene = Scene::new().await;
    scene.sql(BEFORE).await;
    for fault in FAULTS {
        scene.file("f.sql", fault.sql);
        scene.plan(&one_file("f.sql"));
        let said = scene.run("");
        said.exits(6)
            .says(&format!("f.sql:{}", fault.at))
            .says(&format!("(SQLSTATE {})", fault.state))
            .says(fault.message)
            .says(fault.line)
            .says("nothing of this step was applied")
            .says("holdpoint resume")
            .complains(&format!("the run waits: \"S\" failed at f.sql:{}:", fault.at));
        let problem = scene.problem();
        assert_eq!(problem["sqlstate"], fault.state, "{}", fault.sql);
        // The caret stands below the column; a row that is data has none, and isn't shown.
        let excerpt: Vec<&str> =
            problem["excerpt"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
        assert_eq!(excerpt[0], fault.line, "{}", fault.sql);
        let column: usize = fault.at.split(':').nth(1).unwrap().parse().unwrap();
        let caret = excerpt.get(1).and_then(|below| below.find('^'));
        assert_eq!(caret, (!fault.sql.starts_with("COPY")).then_some(column - 1), "{excerpt:?}");
        assert_eq!(scene.value("SELECT count(*) FROM base").await, "1", "nothing of it stays");
        scene.resume("--end enough").exits(1);
    }
}

#[tokio::test]
async fn what_the_server_adds_is_told_too() {
    let scene = Scene::new().await;
    scene.sql(BEFORE).await;
    scene.file("f.sql", FAULTS[12].sql);
    scene.plan(&one_file("f.sql"));
    scene.run("").exits(6).says("hint sleep").says("detail row 7").says("line 3 at RAISE");
    scene.resume("--end x").exits(1);

    scene.file("f.sql", "SELECT deep(1);");
    scene
        .run("")
        .exits(6)
        .says("in the statement: (SELECT count(*) FROM nowhere)")
        .says("function deep(integer)");
    scene.resume("--end x").exits(1);

    // On production rows stay out of journal, log and output.
    scene.file("f.sql", "INSERT INTO base VALUES (1);");
    scene.file(
        "plan.toml",
        scene::plan_text("stepping = \"auto\"", &one_file("f.sql")).replace("\"dev\"", "\"production\""),
    );
    scene.run("").exits(6).says("23505").never_says("Key (n)=(1)");
    let folder = scene.runs().into_iter().max().unwrap();
    for (path, bytes) in scene::files_below(&folder) {
        assert!(!String::from_utf8_lossy(&bytes).contains("Key (n)=(1)"), "{}", path.display());
    }
}

#[tokio::test]
async fn an_error_in_an_included_file_names_the_way_to_it() {
    let scene = Scene::new().await;
    scene.file("outer.sql", "CREATE TABLE a (n int);\n\\ir sub/middle.sql\n");
    scene.file("sub/middle.sql", "\n\\ir inner.sql\n");
    scene.file("sub/inner.sql", "SELECT 1;\nSELECT\n  gone;\n");
    scene.plan(&one_file("outer.sql"));
    scene
        .run("")
        .exits(6)
        .says("sub/inner.sql:3:3")
        .says("included from outer.sql:2 → sub/middle.sql:2")
        .says("column \"gone\" does not exist");
    assert!(!scene.has("a").await);
}

#[tokio::test]
async fn a_deferred_constraint_fails_before_commit() {
    let scene = Scene::new().await;
    scene.sql(BEFORE).await;
    scene.plan(&one_step("SET CONSTRAINTS ALL DEFERRED;\nINSERT INTO child VALUES (99);"));
    scene.run("").exits(6).says("23503").says("nothing of this step was applied");
    assert_eq!(scene.value("SELECT count(*) FROM child").await, "0");
}

#[tokio::test]
async fn a_lock_is_tried_for_again_and_names_who_holds_it() {
    let scene = Scene::new().await;
    scene.sql(BEFORE).await;
    let mut other = scene.server.session(&scene.database).await;
    other.batch("BEGIN; LOCK TABLE base IN SHARE MODE").await.unwrap();
    let body = one_step("INSERT INTO base VALUES (2);") + "lock_timeout = \"1s\"\nlock_retries = 1\n";
    scene.plan(&body);
    scene
        .run("")
        .exits(6)
        .says("55P03")
        .says(&format!("{}", other.pid()))
        .says("nothing of this step was applied");
    assert_eq!(scene.events_named("lock_retry").len(), 1);
    assert_eq!(scene.events_named("lock_retry")[0]["blockers"][0]["pid"], other.pid());
    other.batch("ROLLBACK").await.unwrap();
    scene.resume("").exits(0);
    other.close().await;
}

#[tokio::test]
async fn a_failed_checkpoint_shows_expected_and_got_and_applies_nothing() {
    let scene = Scene::new().await;
    let body = one_step("CREATE TABLE a (n int);\nINSERT INTO a SELECT generate_series(1, 11);")
        + "[[phase.step.checkpoint]]\ntitle = \"Twelve rows\"\nsql = \"SELECT count(*) FROM a\"\nexpect = 12\nelse = \"count them again\"\n";
    scene.plan(&body);
    let said = scene.run("");
    said.exits(6).says("Twelve rows").says("expected 12, got 11").says("count them again");
    assert!(!scene.has("a").await, "before COMMIT");

    // A checkpoint that can't be evaluated has failed.
    scene.resume("--end x").exits(1);
    scene.plan(
        &one_step("SELECT 1;").replace("sql = '''\nSELECT 1;\n'''", "check = \"SELECT 1/0\"\nexpect = 1"),
    );
    scene.run("").exits(6).complains("expected 1, got error 22012: division by zero");
}

/// Runs a command to its end and watches its high-water mark of memory, in MB.
fn watched(mut command: std::process::Command) -> (Said, u64) {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let watch = std::thread::spawn(move || {
        let mut peak = 0;
        while let Ok(text) = std::fs::read_to_string(&status) {
            // A process that has ended has no memory any more.
            let Some(line) = text.lines().find(|line| line.starts_with("VmHWM:")) else { break };
            peak = line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024;
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        peak
    });
    let said = Said::of(child, "the check to end");
    (said, watch.join().unwrap())
}

#[tokio::test]
async fn a_flood_of_rows_or_bytes_is_bounded_and_said() {
    let scene = Scene::new().await;
    let check = |sql: &str, expect: &str| {
        scene.plan(
            &one_step("").replace("sql = '''\n\n'''", &format!("check = \"{sql}\"\nexpect = {expect}")),
        );
        let run = ["run", "plan.toml", "--plain", "--events", "events.jsonl"];
        let (said, peak) = watched(scene.command(run));
        assert!(peak > 0 && peak < 200, "{peak} MB\n{said}");
        if said.code == Some(6) {
            scene.resume("--end x").exits(1);
        }
        said
    };
    let million = "SELECT g AS n, repeat('x', 200) AS t FROM generate_series(1, 1000000) g";
    check(million, "{ rows = 1000000 }").exits(0);
    check(million, "{ rows = 5 }").exits(6).complains("expected 5 rows, got 1000000 rows");
    let said = check(million, "{ each = { n = '>= 1' } }");
    said.exits(6).says("only 10000 of 1000000 rows were kept");
    let long = "SELECT repeat('x', 100000000) AS t";
    check(long, "\"~ ^x\"").exits(6).says("a value of 100000000 bytes in column t").says("can't be judged");
    check(long, "{ rows = 1 }").exits(0);
}

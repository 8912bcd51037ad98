//! `\copy`: files of the plan into the database, and rows into files of the run. What is sent and what comes
//! of it is held against psql in `engine_psql`; here is what psql doesn't know.

#![allow(clippy::unwrap_used)] // a test stops where it fails

mod common;

use common::runs::{Bench, Ran, step};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

const TABLE: &str = "CREATE TABLE t (a int, b text)";

async fn bench(script: &str, data: &str) -> Bench {
    let bench = Bench::with(TABLE).await;
    bench.script(script, "");
    bench.file("data.txt", data);
    bench
}

async fn rows(bench: &Bench) -> String {
    bench.value("SELECT string_agg(concat_ws(':', a, b), ' ' ORDER BY a) FROM t").await
}

/// The one file that an event names.
#[track_caller]
fn written(ran: &Ran) -> PathBuf {
    PathBuf::from(ran.last("file_written")["path"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn rows_go_into_a_file_that_only_its_owner_can_read() {
    let script = "INSERT INTO t VALUES (1, 'one'), (2, 'two');\n\
                  \\copy t to 'before/t.csv' with (format csv, header)\n\
                  \\copy (SELECT count(*) FROM t WHERE b = ')') to count.txt\n";
    let bench = bench(script, "").await;
    let ran = bench.run().await;
    ran.exits(0);
    let events = ran.all("file_written");
    assert_eq!(events.len(), 2, "{ran}");
    let path = PathBuf::from(events[0]["path"].as_str().unwrap());
    assert!(path.ends_with("artifacts/before/t.csv") && path.starts_with(bench.path("state")), "{path:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "a,b\n1,one\n2,two\n");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let above = path.parent().unwrap();
    assert_eq!(std::fs::metadata(above).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(events[0]["file"], "before/t.csv");
    assert_eq!((&events[0]["rows"], &events[0]["bytes"]), (&2.into(), &16.into()));
    assert_eq!(events[0]["digest"], "ec0c3e9fc84b0a06c3cccb1ef5c572bc3cfb90bb97238a77e000cc3e2d25812d");
    assert_eq!(events[0]["place"]["line"], 2);
    assert_eq!(std::fs::read_to_string(written(&ran)).unwrap(), "0\n");
    ran.says(&format!("wrote 2 rows, 16 bytes, to {}", path.display()));
}

#[tokio::test]
async fn a_file_that_was_written_stays_in_the_evidence_when_the_rest_fails() {
    let bench = bench("\\copy (SELECT 7) to seven.txt\nSELECT 1/0;\n", "").await;
    let ran = bench.run().await;
    ran.exits(6).failed_with("a", "division by zero");
    assert_eq!(
        ran.course("a"),
        ["image_taken", "step_started", "unit_started", "file_written", "unit_failed", "step_failed", "held"]
    );
    assert_eq!(std::fs::read_to_string(written(&ran)).unwrap(), "7\n");
    // Once more: the file is written anew.
    let ran = bench.resume().await;
    assert_eq!(std::fs::read_to_string(written(&ran)).unwrap(), "7\n");
}

#[tokio::test]
async fn a_copy_that_fails_half_way_leaves_no_file() {
    let bench =
        bench("\\copy (SELECT 1 / (1000 - n) FROM generate_series(1, 2000) n) to half.txt\n", "").await;
    let ran = bench.run().await;
    ran.exits(6).failed_with("a", "division by zero");
    assert!(ran.all("file_written").is_empty());
    let state = std::fs::read_dir(bench.path("state")).unwrap();
    let folders = state.filter_map(|entry| std::fs::read_dir(entry.unwrap().path().join("artifacts")).ok());
    assert_eq!(folders.flatten().count(), 0);
}

#[tokio::test]
async fn a_file_that_cant_be_written_fails_the_step() {
    let bench = bench(
        "\\copy (SELECT 7) to a/b\n\\copy (SELECT 7 FROM generate_series(1, 100000)) to a\nSELECT 1;\n",
        "",
    )
    .await;
    let ran = bench.run().await;
    ran.exits(6).failed_with("a", "artifacts/a can't be written: it is a folder");
    assert_eq!(ran.problem("a")["place"]["line"], 2, "{ran}");
}

#[tokio::test]
async fn each_mode_copies() {
    for (mode, script) in [
        (
            "none",
            "INSERT INTO t VALUES (0);\n\\copy t from data.txt\n\\copy t to out.txt\nINSERT INTO t VALUES (9);\n",
        ),
        (
            "script",
            "BEGIN;\n\\copy t from data.txt\n\\copy t to out.txt\nCOMMIT;\n\\copy (SELECT 1) to one.txt\nINSERT INTO t VALUES (9);\n",
        ),
    ] {
        let bench = Bench::with(TABLE).await;
        bench.script(script, &format!("transaction = \"{mode}\""));
        bench.file("data.txt", "1\tone\n2\ttwo\n");
        let ran = bench.run().await;
        ran.exits(0);
        let path = ran.all("file_written")[0]["path"].as_str().unwrap().to_owned();
        assert!(std::fs::read_to_string(path).unwrap().ends_with("1\tone\n2\ttwo\n"), "{mode}");
        assert!(rows(&bench).await.ends_with("1:one 2:two 9"), "{mode}");
    }
}

/// What is applied isn't applied again, and the data of it isn't taken for the next one's.
#[tokio::test]
async fn after_a_failure_the_rest_gets_its_own_data() {
    let bench = Bench::with(TABLE).await;
    bench.script(
        "\\copy t from data.txt\n\\copy t from stdin\n3\tinline\n\\.\nINSERT INTO t SELECT 4, 1 / (count(*) - 4) FROM t;\n\\copy t from more.txt\n",
        "transaction = \"none\"",
    );
    bench.file("data.txt", "1\tone\n2\ttwo\n");
    bench.file("more.txt", "5\tfive\n");
    bench.run().await.exits(0);
    assert_eq!(rows(&bench).await, "1:one 2:two 3:inline 4:-1 5:five");
    let bench = Bench::with("CREATE TABLE t (a int, b text); CREATE TABLE fuse (a int)").await;
    bench.script(
        "\\copy t from data.txt\n\\copy t from stdin\n3\tinline\n\\.\nINSERT INTO t SELECT 4, 1 / (SELECT count(*) FROM fuse);\n\\copy t from more.txt\n",
        "transaction = \"none\"",
    );
    bench.file("data.txt", "1\tone\n2\ttwo\n");
    bench.file("more.txt", "5\tfive\n");
    bench.run().await.exits(6).failed_with("a", "division by zero");
    bench.sql("INSERT INTO fuse VALUES (1)").await;
    bench.resume().await.exits(0);
    assert_eq!(rows(&bench).await, "1:one 2:two 3:inline 4:1 5:five");
}

#[tokio::test]
async fn what_cant_be_had_is_found_before_the_window() {
    let bench = Bench::with(TABLE).await;
    bench.script(
        "SELECT 1;\n  \\copy t from 'missing.txt'\n\\copy t from program 'date'\n\\copy t to '/tmp/x'\n\\copy t from /etc/passwd\n\\copy t fron x\n",
        "",
    );
    let ran = bench.call(&["check", "plan.toml"]).await;
    ran.exits(2);
    for said in [
        "a.sql:2:3: error: step a: \\copy: missing.txt can't be read",
        "a.sql:3:1: error: step a: \\copy … program is refused",
        "a.sql:4:1: error: step a: \\copy to \"/tmp/x\" is refused",
        "a.sql:5:1: error: step a: \\copy: /etc/passwd can't be read: /etc/passwd is outside of the plan's SQL folder",
        "a.sql:6:1: error: step a: \\copy: parse error at \"fron\"",
    ] {
        ran.says_wrapped(said);
    }
    bench.run().await.exits(2).says("a.sql:2:3");
    assert_eq!(bench.server.statements(&bench.db).iter().filter(|(app, _)| app.contains("work")).count(), 0);
}

/// A pipe would be waited for, now or in the window.
#[tokio::test]
async fn what_is_no_file_is_refused() {
    let bench = bench("\\copy t from pipe\n", "").await;
    nix::unistd::mkfifo(&bench.path("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    bench.call(&["check", "plan.toml"]).await.exits(2).says_wrapped("pipe isn't a regular file");
}

/// A step before it waits until the test has had its turn.
async fn held_up(script: &str, data: &str) -> Bench {
    let bench = bench(script, data).await;
    bench.file("first.sql", "LOCK TABLE t IN ACCESS EXCLUSIVE MODE;\n");
    bench.plan(&(step("first", "lock_timeout = \"60s\"") + &step("a", "")));
    bench
}

async fn change_while_it_waits(bench: &Bench, data: &str) -> Ran {
    let mut holder = bench.server.session(&bench.db).await;
    holder.batch("BEGIN; LOCK TABLE t").await.unwrap();
    let running = bench.begin(&["run"]);
    bench.until_work_waits().await;
    bench.file("data.txt", data);
    holder.batch("ROLLBACK").await.unwrap();
    running.end().await
}

#[tokio::test]
async fn a_run_copies_what_it_was_opened_with() {
    let bench = held_up("\\copy t from data.txt\n", "1\tone\n").await;
    change_while_it_waits(&bench, "2\tchanged\n").await.exits(0);
    assert_eq!(rows(&bench).await, "1:one");
}

/// Over 16 MiB it isn't kept, but compared while it is read.
#[tokio::test]
async fn a_large_file_that_changes_rolls_back() {
    let line = format!("1\t{}\n", "x".repeat(1000));
    let large = line.repeat((17 << 20) / line.len());
    // What stands behind the end of the data belongs to the file too.
    for changed in [large.replacen("1\tx", "2\tx", 1), format!("1\tx\n\\.\n{large}changed")] {
        let original = if changed.starts_with('2') { large.clone() } else { format!("1\tx\n\\.\n{large}") };
        let bench = held_up("\\copy t from data.txt\n", &original).await;
        let ran = change_while_it_waits(&bench, &changed).await;
        ran.exits(6).failed_with("a", "data.txt has changed since the run was opened");
        assert_eq!(rows(&bench).await, "");
        bench.file("data.txt", &original);
        bench.resume().await.exits(0);
    }
}

/// The server refuses the first row: the rest isn't even read. Else its change would be found at the end.
#[tokio::test]
async fn after_a_refused_row_nothing_more_is_sent() {
    let row = format!("1\t{}\n", "x".repeat(1000));
    let data = format!("no number\tx\n{}", row.repeat(100_000));
    let bench = held_up("\\copy t from data.txt\n", &data).await;
    let ran = change_while_it_waits(&bench, &format!("{data}changed")).await;
    ran.exits(6).failed_with("a", "invalid input syntax for type integer: \"no number\"");
}

#[tokio::test]
async fn an_error_names_the_file_and_its_line_and_no_row_on_production() {
    for (environment, context) in
        [("dev", "COPY t, line 2, column a: \"secret\""), ("production", "COPY t, line 2, column a")]
    {
        let bench = bench("SELECT 1;\n\\copy t from data.txt\n", "1\tone\nsecret\ttwo\n").await;
        let plan = std::fs::read_to_string(bench.path("plan.toml")).unwrap();
        bench.file("plan.toml", &plan.replace("\"dev\"", &format!("\"{environment}\"")));
        let ran = bench.run().await;
        let problem = ran.exits(6).problem("a");
        assert_eq!(problem["context"], context, "{ran}");
        assert_eq!(problem["place"]["line"], 2);
        assert_eq!(problem["excerpt"][0], "\\copy … from data.txt: its line 2");
        ran.says("data.txt").says(context);
    }
}

/// A statement that takes its time: the figures come all the same, and aren't in the journal.
#[tokio::test]
async fn a_long_script_says_how_far_it_is() {
    let bench = bench(
        "\\copy t from data.txt\nSELECT pg_sleep(11);\nINSERT INTO t VALUES (1);\n",
        "1\tone\n2\ttwo\n",
    )
    .await;
    let ran = bench.run().await;
    ran.exits(0).says("of 81 bytes read (100 %)").says("a second; 1 statement, 2 rows, after 10.");
    assert!(!ran.events.iter().any(|event| event.to_string().contains("a second")), "{ran}");
}

/// The file that a run fails in, and the line of it that is at fault.
async fn failing(script: &str, data: &str) -> (String, u64, Vec<String>) {
    let bench = bench(script, data).await;
    let ran = bench.run().await;
    ran.exits(6);
    let problem = &ran.last("unit_failed")["problem"];
    let excerpt = problem["excerpt"].as_array().unwrap().iter();
    (
        problem["place"]["file"].as_str().unwrap().to_owned(),
        problem["place"]["line"].as_u64().unwrap(),
        excerpt.map(|line| line.as_str().unwrap().to_owned()).collect(),
    )
}

#[tokio::test]
async fn an_error_in_copy_data_is_told_at_the_line_of_the_data() {
    let a = |line: u64, of: u64| {
        ("a.sql".to_owned(), line, vec![format!("in the data of the COPY in line {of}")])
    };
    // Behind statements, of another COPY in the same line, with the rest of its own line behind the data.
    let script = "SELECT 1;\n\nCOPY t\n  FROM STDIN; SELECT 2;\n1\tone\nx\ttwo\n\\.\n";
    assert_eq!(failing(script, "").await, a(6, 3));
    let script = "COPY t FROM STDIN; COPY t FROM STDIN;\n1\tone\n\\.\n2\ttwo\nx\tthree\n\\.\n";
    assert_eq!(failing(script, "").await, a(5, 1));
    let script = "COPY t FROM STDIN\\; COPY t FROM STDIN;\n1\tone\n\\.\n2\ttwo\nx\tthree\n\\.\n";
    assert_eq!(failing(script, "").await, a(5, 1));
    // A row that goes over several lines, and a header.
    let script = "COPY t FROM STDIN;\n1\tone\\\nand more\nx\ttwo\n\\.\n";
    assert_eq!(failing(script, "").await, a(4, 1));
    let script = "COPY t FROM STDIN (FORMAT csv, HEADER);\na,b\n1,\"one\nand more\\\n\"\nx,two\n\\.\n";
    assert_eq!(failing(script, "").await, a(6, 1));
    // What a trigger or a constraint says of a row.
    let script = "CREATE UNIQUE INDEX ON t (a);\nCOPY t FROM STDIN;\n1\tone\n2\ttwo\n1\tagain\n\\.\n";
    assert_eq!(failing(script, "").await, a(5, 2));
    let script = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.a = 1 / NEW.a; RETURN NEW; END $$;\n\
                  CREATE TRIGGER f BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();\nCOPY t FROM STDIN;\n\
                  1\tone\n0\ttwo\n\\.\n";
    assert_eq!(failing(script, "").await, a(5, 3));
    // Not of a row: the COPY itself.
    let (file, line, _) = failing("SELECT 1;\nCOPY t (a, c) FROM STDIN;\n1\tone\n\\.\n", "").await;
    assert_eq!((file.as_str(), line), ("a.sql", 2));
    // Lines that end in a lonely return are the server's, and not ours.
    let (file, line, _) = failing("COPY t FROM STDIN;\n1\tone\r2\ttwo\rx\tthree\r4\tfour\n\\.\n", "").await;
    assert_eq!((file.as_str(), line), ("a.sql", 1));
    // A file of its own: the script is where a person looks first, and the line of the file is said.
    let (file, line, excerpt) = failing("SELECT 1;\n\\copy t from data.txt\n", "1\tone\nx\ttwo\n").await;
    assert_eq!((file.as_str(), line), ("a.sql", 2));
    assert_eq!(excerpt, ["\\copy … from data.txt: its line 2"]);
}

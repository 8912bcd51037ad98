//! What never ends or comes in floods: it takes no memory, and Ctrl-C stops it.

#![allow(clippy::unwrap_used)] // a test stops where it fails

mod common;

use common::runs::{Bench, Running};

const TABLE: &str = "CREATE TABLE t (a int, b text); CREATE SEQUENCE s";
/// Memory of the program at its highest, in MB. A debug build's own code is 15 of them.
const MEMORY: u64 = 96;

/// Ctrl-C, and what is left: nothing.
async fn interrupted(bench: &Bench, mut running: Running<'_>) {
    let peak = running.peak_memory();
    running.interrupt();
    let ran = running.end().await;
    ran.exits(130);
    assert!(peak < MEMORY, "{peak} MB");
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "0");
    assert_eq!(bench.ledger().await.len(), 0);
    let aborted = "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'holdpoint work' \
                   AND datname = current_database()";
    bench.until("the work session is gone", aborted).await;
}

/// Until the server has sent so much that it would have to be held somewhere: a sequence counts it.
async fn until_flooded(bench: &Bench, count: u32) {
    bench.until("the flood", &format!("SELECT last_value >= {count} FROM s")).await;
}

#[tokio::test]
async fn rows_without_end() {
    let bench = Bench::with(TABLE).await;
    bench.script(
        "INSERT INTO t VALUES (1);\nWITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT nextval('s'), repeat('x', 10000) FROM r;\n",
        "",
    );
    let running = bench.begin(&["run"]);
    until_flooded(&bench, 40_000).await;
    interrupted(&bench, running).await;
}

#[tokio::test]
async fn notices_without_end() {
    let bench = Bench::with(TABLE).await;
    bench.script(
        "INSERT INTO t VALUES (1);\nDO $$ begin loop perform nextval('s'); raise notice '%', repeat('größe ', 150000); raise warning 'short'; end loop; end $$;\n",
        "",
    );
    let running = bench.begin(&["run"]);
    until_flooded(&bench, 400).await;
    interrupted(&bench, running).await;
}

#[tokio::test]
async fn a_copy_to_a_file_without_end() {
    let bench = Bench::with(TABLE).await;
    bench.script(
        "INSERT INTO t VALUES (1);\n\\copy (WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT nextval('s'), repeat('x', 10000) FROM r) to endless.txt\n",
        "",
    );
    let running = bench.begin(&["run"]);
    until_flooded(&bench, 40_000).await;
    interrupted(&bench, running).await;
    let left = walk(&bench.path("state"));
    assert!(!left.iter().any(|name| name.contains("endless")), "{left:?}");
}

fn walk(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path.display().to_string()] })
        .collect()
}

/// The server takes no more data: it waits for a lock, and we for it.
#[tokio::test]
async fn a_copy_that_hangs_in_the_middle() {
    let bench = Bench::with(
        "CREATE TABLE t (a int, b text);
         CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS
           'begin if new.a = 5000 then perform pg_advisory_xact_lock(7); end if; return new; end';
         CREATE TRIGGER i BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
    )
    .await;
    bench.script("\\copy t from data.txt\n", "lock_timeout = \"10min\"");
    let data: String = (0..100_000).map(|n| format!("{n}\t{}\n", "x".repeat(200))).collect();
    bench.file("data.txt", &data);
    let mut holder = bench.server.session(&bench.db).await;
    holder.batch("SELECT pg_advisory_lock(7)").await.unwrap();
    let running = bench.begin(&["run"]);
    bench.until_work_waits().await;
    interrupted(&bench, running).await;
}

/// A trigger that talks while data is sent: what it says is taken in meanwhile.
#[tokio::test]
async fn a_copy_whose_rows_talk() {
    let bench = Bench::with(
        "CREATE TABLE t (a int, b text);
         CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS
           'begin raise notice ''%'', repeat(''x'', 1000000); return new; end';
         CREATE TRIGGER i BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
    )
    .await;
    bench.script("\\copy t from data.txt\n", "");
    let data: String = (0..400).map(|n| format!("{n}\t{}\n", "x".repeat(500_000))).collect();
    bench.file("data.txt", &data);
    let mut running = bench.begin(&["run"]);
    running.until_read(&bench, 300 << 20).await;
    let peak = running.peak_memory();
    let ran = running.end().await;
    ran.exits(0);
    assert!(peak < MEMORY, "{peak} MB");
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "400");
}

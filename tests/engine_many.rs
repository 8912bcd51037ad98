//! A script of very many statements that are committed one by one: the run remembers little of each, and
//! nothing is lost by that. What it weighs is in `engine_psql/large.rs` and `cargo bench --bench dump`.

#![allow(clippy::unwrap_used)] // a test stops where it fails

mod common;

use common::runs::Bench;

const NONE: &str = "transaction = \"none\"";

/// More than are remembered one by one.
const MANY: usize = 700;

async fn bench(more: &str) -> Bench {
    let bench =
        Bench::with("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE gate (id int PRIMARY KEY)").await;
    let inserts: String = (0..MANY).map(|id| format!("INSERT INTO t VALUES ({id});\n")).collect();
    bench.script(&format!("{inserts}{more}"), &format!("{NONE}\nlock_timeout = \"60s\""));
    bench
}

async fn rows(bench: &Bench) -> String {
    bench.value("SELECT concat_ws(' ', count(*), (SELECT count(*) FROM gate)) FROM t").await
}

/// Killed behind all of them but one: none is run again, and the last is.
#[tokio::test]
async fn none_is_lost_and_none_runs_twice_when_the_program_dies() {
    let bench = bench("INSERT INTO gate VALUES (1);\n").await;
    let mut held = bench.server.session(&bench.db).await;
    // The rows of the table can be counted meanwhile.
    held.batch("BEGIN; LOCK gate IN EXCLUSIVE MODE").await.unwrap();
    let mut running = bench.begin(&["run"]);
    bench.until_work_waits().await;
    running.kill();
    running.end().await;
    held.batch("ROLLBACK").await.unwrap();
    assert_eq!(rows(&bench).await, format!("{MANY} 0"));
    let ran = bench.resume().await;
    ran.exits(0);
    assert_eq!(rows(&bench).await, format!("{MANY} 1"));
    assert_eq!(bench.ledger().await.len(), MANY + 1);
    assert!(ran.all("unit_unknown").is_empty(), "{ran}");
}

/// The ledger's row of an early one is gone: it comes into doubt by its name, and a person rules.
#[tokio::test]
async fn one_of_them_can_still_come_into_doubt() {
    let bench = bench("INSERT INTO gone VALUES (1);\n").await;
    bench.run().await.exits(6).failed_with("a", "relation \"gone\" does not exist");
    let early = bench.value("SELECT unit FROM holdpoint.ledger ORDER BY applied_at LIMIT 1 OFFSET 2").await;
    assert_eq!(early, "a.sql@52-77");
    bench.sql("CREATE TABLE gone (id int); CREATE TABLE kept AS SELECT * FROM holdpoint.ledger").await;
    bench.sql(&format!("DELETE FROM holdpoint.ledger WHERE unit = '{early}'")).await;
    let ran = bench.resume().await;
    ran.exits(5)
        .says("was `INSERT INTO t` at a.sql:3 (step `a`) applied?")
        .says("nobody can say yet whether a.sql@52-77 of a was");
    assert_eq!(ran.last("unit_unknown")["unit"], early.as_str(), "{ran}");
    assert_eq!(ran.all("unit_unknown").len(), 1, "{ran}");
    assert_eq!(bench.value("SELECT count(*) FROM gone").await, "0");
    // It is there again: that settles it, and the rest is done.
    bench.sql(&format!("INSERT INTO holdpoint.ledger SELECT * FROM kept WHERE unit = '{early}'")).await;
    bench.resume().await.exits(0);
    assert_eq!(
        bench.value("SELECT concat_ws(' ', count(*), (SELECT count(*) FROM gone)) FROM t").await,
        "700 1"
    );
    assert_eq!(bench.ledger().await.len(), MANY + 1);
}

/// What a rollback would do rests on what all of them did.
#[tokio::test]
async fn their_rows_are_counted_together() {
    let bench = bench("DELETE FROM t WHERE id < 10;\n").await;
    let ran = bench.run().await;
    ran.exits(0);
    let deltas = ran.last("counts_taken");
    assert_eq!(deltas["step"], "a", "{ran}");
    assert!(deltas.to_string().contains(&(MANY - 10).to_string()), "{deltas}");
    assert_eq!(ran.all("unit_applied").len(), MANY + 1);
}

//! Locks: never waited for without end, tried again a bounded number of times, and the blocker is named.

mod common;

use common::runs::{Bench, Ran, step};
use holdpoint::pg::Session;

/// Somebody who has a lock on `t`.
async fn blocker(bench: &Bench) -> Session {
    let mut session = bench.server.session(&bench.db).await;
    session.batch("SET application_name = 'the app'; BEGIN; SELECT * FROM t").await.expect("the lock");
    session
}

const ALTER: &str = "CREATE TABLE before ();\nALTER TABLE t ADD COLUMN more int;\n";

async fn blocked(keys: &str) -> (Bench, Ran) {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.script(ALTER, &format!("on_failure = \"stop\"\n{keys}"));
    let holder = blocker(&bench).await;
    let ran = bench.run().await;
    holder.close().await;
    (bench, ran)
}

#[tokio::test]
async fn a_blocked_step_is_tried_again_and_fails_in_the_end() {
    let (bench, ran) = blocked("lock_timeout = \"150ms\"\nlock_retries = 2").await;
    ran.exits(1).failed_with("a", "lock timeout");
    let retries = ran.all("lock_retry");
    assert_eq!(retries.len(), 2, "{ran}");
    for (n, retry) in retries.iter().enumerate() {
        assert_eq!(retry["attempt"], n + 1);
        assert_eq!(retry["of"], 2);
        assert_eq!(retry["place"]["line"], 2);
        let blocker = &retry["blockers"][0];
        assert_eq!(blocker["application"], "the app", "{ran}");
        assert_eq!(blocker["relation"], "t");
        assert!(blocker["pid"].as_i64().is_some_and(|pid| pid > 0));
    }
    let pauses: Vec<u64> = retries.iter().filter_map(|retry| retry["pause_ms"].as_u64()).collect();
    assert!((500..=750).contains(&pauses[0]) && (1000..=1500).contains(&pauses[1]), "{pauses:?}");
    assert_eq!(ran.all("unit_started").len(), 3);
    assert_eq!(bench.value("SELECT to_regclass('before') IS NULL").await, "t");
    assert_eq!(bench.ledger().await.len(), 0);
}

#[tokio::test]
async fn without_retries_it_fails_at_once() {
    let (_, ran) = blocked("lock_timeout = \"150ms\"\nlock_retries = 0").await;
    ran.exits(1);
    assert!(ran.all("lock_retry").is_empty());
}

#[tokio::test]
async fn it_succeeds_when_the_blocker_goes_away() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.script(ALTER, "lock_timeout = \"150ms\"");
    let holder = blocker(&bench).await;
    let mut running = bench.begin(&["run"]);
    running.until_event("a retry", |event| event["event"] == "lock_retry").await;
    holder.close().await;
    let ran = running.end().await;
    ran.exits(0);
    assert_eq!(bench.ledger().await, ["a forward 0"]);
    assert_eq!(bench.value("SELECT to_regclass('before') IS NOT NULL").await, "t");
}

/// Whatever the file sets it to (every pg_dump sets 0): it is never waited for longer.
#[tokio::test]
async fn a_file_cant_lift_the_lock_timeout() {
    let lifts = [
        "SET lock_timeout = 0;",
        "SET LOCAL lock_timeout TO '1h';",
        "SELECT set_config('lock_timeout', '0', false);",
        "SELECT pg_catalog.set_config('lock' || '_timeout', '0', false);",
        "DO $$BEGIN PERFORM set_config('lock_timeout', '0', true); END$$;",
        "RESET lock_timeout;",
        "RESET ALL;",
        "SET SESSION lock_timeout = DEFAULT;",
        "SAVEPOINT s; SET lock_timeout = 0; RELEASE s;",
        "SAVEPOINT s; SET lock_timeout = 0; ROLLBACK TO s;",
        "SELECT 1\\; SET lock_timeout = 0;",
        "\\set n lock_timeout\nSET :n = 0;",
        "SET \"lock_timeout\" = 0;",
        "SET LOCK_TIMEOUT = 0;",
    ];
    let bench = Bench::with("CREATE TABLE seen (n int, lock_timeout text)").await;
    let mut steps = String::new();
    for (n, lift) in lifts.iter().enumerate() {
        let sql = format!("{lift}\nINSERT INTO seen VALUES ({n}, current_setting('lock_timeout'));\n");
        bench.file(&format!("s{n}.sql"), &sql);
        steps.push_str(&step(&format!("s{n}"), "lock_timeout = \"3s\""));
    }
    bench.plan(&steps);
    bench.run().await.exits(0);
    let lifted = bench
        .value("SELECT string_agg(n || ': ' || lock_timeout, ', ') FROM seen WHERE lock_timeout <> '3s'")
        .await;
    assert_eq!(lifted, "");
    assert_eq!(bench.value("SELECT count(*) FROM seen").await, lifts.len().to_string());
}

#[tokio::test]
async fn a_file_may_lower_it() {
    let bench = Bench::with("CREATE TABLE seen (lock_timeout text)").await;
    bench.script(
        "SET lock_timeout = '70ms';\nINSERT INTO seen VALUES (current_setting('lock_timeout'));\n\
         SET lock_timeout = '4s';\nINSERT INTO seen VALUES (current_setting('lock_timeout'));\n",
        "",
    );
    bench.run().await.exits(0);
    assert_eq!(bench.value("SELECT string_agg(lock_timeout, ' ') FROM seen").await, "70ms 4s");
}

/// Outside of transactions too, where a session serves many statements.
#[tokio::test]
async fn single_statements_are_tried_again_too() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.script(
        "CREATE TABLE before ();\nSET lock_timeout = 0;\nALTER TABLE t ADD COLUMN more int;\nCREATE TABLE after ();\n",
        "transaction = \"none\"\nlock_timeout = \"150ms\"",
    );
    let holder = blocker(&bench).await;
    let mut running = bench.begin(&["run"]);
    let retry = running.until_event("a retry", |event| event["event"] == "lock_retry").await;
    assert_eq!(retry["blockers"][0]["application"], "the app");
    holder.close().await;
    running.end().await.exits(0);
    assert_eq!(bench.ledger().await.len(), 3);
}

#[tokio::test]
async fn a_deadlock_is_tried_again() {
    let bench = Bench::with("CREATE TABLE one (id int); CREATE TABLE two (id int)").await;
    bench.script("LOCK TABLE one;\nLOCK TABLE two;\nCREATE TABLE done ();\n", "lock_timeout = \"30s\"");
    let mut other = bench.server.session(&bench.db).await;
    // Whoever checks first is the victim: that is to be the step.
    other.batch("SET deadlock_timeout = '30s'; BEGIN; LOCK TABLE two").await.unwrap();
    let mut running = bench.begin(&["run"]);
    bench.until_work_waits().await;
    other.queue_simple("LOCK TABLE one").unwrap();
    other.flush().await.unwrap();
    running.until_event("a retry", |event| event["event"] == "lock_retry").await;
    other.drain().await.unwrap();
    other.batch("COMMIT").await.unwrap();
    running.end().await.exits(0);
    assert_eq!(bench.ledger().await, ["a forward 0"]);
}

#[tokio::test]
async fn an_interrupted_wait_is_resumed() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.script(ALTER, "lock_timeout = \"150ms\"\nlock_retries = 100");
    let holder = blocker(&bench).await;
    let mut running = bench.begin(&["run"]);
    // Late enough that the pause is what is interrupted.
    running
        .until_event("a second retry", |event| event["event"] == "lock_retry" && event["attempt"] == 2)
        .await;
    running.interrupt();
    let ran = running.end().await;
    ran.exits(130);
    assert_eq!(bench.value("SELECT to_regclass('before') IS NULL").await, "t");
    holder.close().await;
    bench.resume().await.exits(0);
    assert_eq!(bench.ledger().await, ["a forward 0"]);
}

/// Checkpoints that run into a lock fail; they don't hang.
#[tokio::test]
async fn a_checkpoint_never_hangs_on_a_lock() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.file("a.sql", "SELECT 1;");
    bench.plan(&step(
        "a",
        "verify = \"after_commit\"\non_failure = \"stop\"\n[[phase.step.checkpoint]]\ntitle = \"C\"\nsql = \"SELECT count(*) FROM t\"\nexpect = 0\n",
    ));
    let mut holder = bench.server.session(&bench.db).await;
    let mut running = bench.begin(&["run"]);
    running.until_event("the baseline", |event| event["event"] == "baseline_taken").await;
    holder.batch("BEGIN; LOCK TABLE t").await.unwrap();
    let ran = running.end().await;
    holder.close().await;
    // It may have been quicker than the lock.
    if ran.code != 0 {
        ran.exits(1);
        assert!(ran.verdict("C").1.contains("lock timeout"), "{ran}");
    }
}

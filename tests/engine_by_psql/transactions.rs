//! The step's transaction: a file that ends it by itself, leaves it, or waits for a lock in it.

use crate::common::runs::Bench;

use super::PSQL;

#[tokio::test]
async fn a_commit_that_only_psql_sees_is_found() {
    let bench = Bench::with("CREATE TABLE t (n int)").await;
    // check reads the file too, and can't see what \gexec makes.
    bench.script("INSERT INTO t VALUES (1);\nSELECT 'COMMIT' \\gexec\nINSERT INTO t VALUES (2);\n", PSQL);
    let ran = bench.run().await;
    ran.exits(5).says("a.sql ended the transaction that this step runs in").says("isn't recorded");
    assert!(bench.ledger().await.is_empty());
    assert_eq!(ran.all("unit_unknown").len(), 1, "{ran}");
    bench.script("BEGIN;\nCOMMIT;\n", PSQL);
    let ran = bench.call(&["check", "plan.toml"]).await;
    ran.exits(2).says("a.sql:1:1: error");
}

/// What was committed by the file itself doesn't vanish with the error behind it, and isn't done twice.
#[tokio::test]
async fn a_commit_of_the_file_is_found_when_it_fails_behind_it_too() {
    let bench = Bench::with("CREATE TABLE t (n int)").await;
    for first in ["", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;\n"] {
        for quiet in ["", "\\set QUIET on\n"] {
            if !first.is_empty() && !quiet.is_empty() {
                continue;
            }
            bench.sql("TRUNCATE t").await;
            bench.script(
                &format!("{first}{quiet}INSERT INTO t VALUES (1);\nSELECT 'COMMIT' \\gexec\nSELECT 1/0;\n"),
                PSQL,
            );
            let ran = bench.run().await;
            ran.exits(5).says("division by zero").says("committed and isn't recorded");
            assert!(!ran.out.contains("nothing of this step was applied"), "{ran}");
            assert_eq!(bench.value("SELECT count(*) FROM t").await, "1");
            // Nobody runs it again without a word about it.
            let ran = bench.resume().await;
            ran.says("a=applied");
            assert_eq!(bench.value("SELECT count(*) FROM t").await, "1", "{ran}");
            let ran = bench.call(&["resume", "--rule", "a=applied"]).await;
            ran.exits(0);
            assert_eq!(bench.value("SELECT count(*) FROM t").await, "1", "{ran}");
        }
    }
    bench.sql("TRUNCATE t").await;
    bench.script("SELECT 'ROLLBACK' \\gexec\nINSERT INTO t VALUES (1);\nSELECT 1/0;\n", PSQL);
    bench.run().await.exits(6).says("nothing of this step was applied");
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "0");
}

/// Behind a ROLLBACK of the file psql would commit statement by statement, in whatever way the file hides it.
#[tokio::test]
async fn behind_a_rollback_of_the_file_nothing_is_written() {
    let bench = Bench::with("CREATE TABLE t (n int)").await;
    let back = "SELECT 'ROLLBACK' \\gexec\n";
    let savepoint = "SAVEPOINT s;\nINSERT INTO t VALUES (1);\nROLLBACK TO s;\n";
    for (before, behind) in [
        ("", "INSERT INTO t VALUES (2);\n"),
        ("\\set QUIET on\n", "INSERT INTO t VALUES (2);\n"),
        (savepoint, "INSERT INTO t VALUES (2);\n"),
        ("INSERT INTO t VALUES (3);\n", "SELECT 1/0;\n"),
        (savepoint, "SELECT 1;\n"),
        ("", "BEGIN;\nINSERT INTO t VALUES (2);\nSELECT 'COMMIT' \\gexec\n"),
    ] {
        bench.script(&format!("{before}{back}{behind}"), &format!("{PSQL}\non_failure = \"stop\""));
        let ran = bench.run().await;
        if behind.contains("BEGIN") {
            ran.exits(2);
        } else {
            ran.exits(1).says("nothing of this step was applied");
        }
        assert_eq!(bench.value("SELECT count(*) FROM t").await, "0", "{before}{behind}");
    }
    // The setting that sees to it is gone with the session, and the file's own work isn't hindered.
    bench.script(&format!("{savepoint}INSERT INTO t VALUES (4);\n"), PSQL);
    bench.run().await.exits(0);
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "1");
}

/// A new session has no transaction of ours.
#[tokio::test]
async fn a_new_session_in_one_transaction_is_refused() {
    let bench = Bench::with("CREATE TABLE t (n int)").await;
    bench.script("\\c\nINSERT INTO t VALUES (1);\nSELECT 1/0;\n", PSQL);
    let ran = bench.call(&["check", "plan.toml"]).await;
    ran.exits(2).says("a.sql:1:1: error").says("\\c would drop the transaction");
    bench.run().await.exits(2);
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "0");
}

/// Nothing of it is applied, and nothing in it would run twice.
#[tokio::test]
async fn a_lock_is_tried_for_again_where_nothing_runs_twice() {
    let bench = Bench::with("CREATE TABLE t (n int)").await;
    let keys = "runner = \"psql\"\nlock_timeout = \"150ms\"\nlock_retries = 50";
    bench.script("CREATE TABLE before ();\nALTER TABLE t ADD COLUMN more int;\n", keys);
    let mut holder = bench.server.session(&bench.db).await;
    holder.batch("BEGIN; SELECT * FROM t").await.unwrap();
    let mut running = bench.begin(&["run"]);
    let retry = running.until_event("a retry", |event| event["event"] == "lock_retry").await;
    holder.batch("ROLLBACK").await.unwrap();
    let ran = running.end().await;
    ran.exits(0);
    assert_eq!((&retry["of"], &retry["place"]["line"]), (&50.into(), &2.into()), "{ran}");
    assert!(ran.all("bare_intent").len() >= 2, "{ran}");
    assert_eq!(bench.ledger().await, ["a forward 0"]);
    assert_eq!(bench.value("SELECT count(more) + count(to_regclass('before')) FROM t").await, "0");

    for (script, keys) in [
        ("\\! true\nALTER TABLE t ADD COLUMN other int;\n", "runner = \"psql\""),
        ("ALTER TABLE t ADD COLUMN other int;\n", "runner = \"psql\"\ntransaction = \"none\""),
    ] {
        bench.sql("DROP SCHEMA holdpoint CASCADE").await;
        let _ = std::fs::remove_dir_all(bench.path("state"));
        bench.script(script, &format!("{keys}\nlock_timeout = \"150ms\"\non_failure = \"stop\""));
        holder.batch("BEGIN; SELECT * FROM t").await.unwrap();
        let ran = bench.run().await;
        ran.exits(1).says("lock timeout");
        assert!(ran.all("lock_retry").is_empty(), "{ran}");
        holder.batch("ROLLBACK").await.unwrap();
    }
    holder.close().await;
}

//! Many statements in flight: what fails takes everything with it, and nothing behind it slips through.

mod common;

use common::runs::{Bench, step};

#[tokio::test]
async fn twenty_thousand_statements() {
    let bench = Bench::with("CREATE TABLE t (id int PRIMARY KEY)").await;
    let sql: String = (0..20_000).map(|n| format!("INSERT INTO t VALUES ({n});\n")).collect();
    bench.script(&sql, "");
    let ran = bench.run().await;
    ran.exits(0);
    let applied = ran.last("unit_applied");
    assert_eq!((&applied["statements"], &applied["rows"]), (&20_000.into(), &20_000.into()));
    assert_eq!(applied["touched"][0]["relation"], "t");
    assert_eq!(applied["touched"][0]["inserted"], 20_000);
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "20000");
}

#[tokio::test]
async fn one_of_many_fails_and_nothing_is_applied() {
    let bench = Bench::with("CREATE TABLE t (id int PRIMARY KEY)").await;
    let sql: String =
        (0..500).map(|n| format!("INSERT INTO t VALUES ({});\n", if n == 333 { 332 } else { n })).collect();
    bench.script(&sql, "on_failure = \"stop\"");
    let ran = bench.run().await;
    ran.exits(1).failed_with("a", "duplicate key");
    assert_eq!(ran.problem("a")["place"]["line"], 334, "{ran}");
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "0");
    // Nothing behind the window was sent.
    let last = bench.server.statements(&bench.db).iter().filter(|(_, sql)| sql.contains("(499)")).count();
    assert_eq!(last, 0);
}

/// A failing statement with something behind it that would bring the transaction back to life.
#[tokio::test]
async fn what_follows_a_failure_doesnt_revive_the_transaction() {
    let followers = [
        "ROLLBACK TO s;",
        "ROLLBACK TO SAVEPOINT s; RELEASE s;",
        "SELECT 1\\; ROLLBACK TO s;",
        "SET lock_timeout = 0;\nROLLBACK TO s;",
    ];
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    for follower in followers {
        let sql = format!(
            "INSERT INTO t VALUES (1);\nSAVEPOINT s;\nSELECT 1/0;\n{follower}\nINSERT INTO t VALUES (2);\n"
        );
        bench.script(&sql, "on_failure = \"stop\"");
        bench.run().await.exits(1).failed_with("a", "division by zero");
        assert_eq!(bench.value("SELECT count(*) FROM t").await, "0", "{follower}");
        assert_eq!(bench.ledger().await.len(), 0);
    }
}

#[tokio::test]
async fn in_a_script_commit_and_begin_dont_follow_a_failure() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.script(
        "BEGIN;\nINSERT INTO t VALUES (1);\nSELECT 1/0;\nCOMMIT;\nBEGIN;\nINSERT INTO t VALUES (2);\nCOMMIT;\n",
        "transaction = \"script\"\non_failure = \"stop\"",
    );
    bench.run().await.exits(1).failed_with("a", "division by zero");
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "0");
    assert_eq!(bench.ledger().await.len(), 0);
}

#[tokio::test]
async fn copy_in_the_middle_of_many() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    let lines: String = (0..1000).map(|n| format!("{n}\n")).collect();
    let sql = format!(
        "INSERT INTO t VALUES (-1);\nCOPY t FROM stdin;\n{lines}\\.\nINSERT INTO t SELECT max(id) + 1 FROM t;\n\
         COPY t (id) TO STDOUT;\nINSERT INTO t VALUES (-2);\n"
    );
    bench.script(&sql, "");
    bench.run().await.exits(0);
    assert_eq!(bench.value("SELECT count(*) || ' ' || max(id) FROM t").await, "1003 1000");
    // Wrong data: the whole step.
    bench.script(
        "INSERT INTO t VALUES (5000);\nCOPY t FROM stdin;\n1\nx\n\\.\nINSERT INTO t VALUES (5001);\n",
        "on_failure = \"stop\"",
    );
    bench.run().await.exits(1).failed_with("a", "invalid input syntax");
    assert_eq!(bench.value("SELECT count(*) || ' ' || max(id) FROM t").await, "1003 1000");
}

#[tokio::test]
async fn an_interrupt_applies_nothing_and_can_be_resumed() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.file("a.sql", "INSERT INTO t VALUES (1);\n");
    bench.file(
        "b.sql",
        "INSERT INTO t VALUES (2);\nSELECT pg_advisory_xact_lock(7);\nINSERT INTO t VALUES (3);\n",
    );
    bench.plan(&format!("{}{}", step("a", ""), step("b", "lock_timeout = \"60s\"")));
    let mut holder = bench.server.session(&bench.db).await;
    holder.batch("SELECT pg_advisory_lock(7)").await.unwrap();
    let mut running = bench.begin(&["run"]);
    bench.until_work_waits().await;
    running.interrupt();
    let ran = running.end().await;
    ran.exits(130);
    assert_eq!(ran.last("interrupted")["signal"], "SIGINT");
    assert_eq!(ran.last("unit_failed")["step"], "b");
    assert_eq!(bench.value("SELECT string_agg(id::text, ' ') FROM t").await, "1");
    assert_eq!(bench.ledger().await, ["a forward 0"]);
    holder.close().await;
    bench.resume().await.exits(0);
    assert_eq!(bench.value("SELECT string_agg(id::text, ' ' ORDER BY id) FROM t").await, "1 2 3");
    assert_eq!(bench.ledger().await, ["a forward 0", "b forward 0"]);
}

/// An interrupt while a checkpoint runs is an interrupt, no failed checkpoint: no policy acts on it.
#[tokio::test]
async fn an_interrupt_in_a_checkpoint_is_no_failure() {
    for verify in ["before_commit", "after_commit"] {
        let bench = Bench::with("CREATE TABLE t (id int)").await;
        bench.file("a.sql", "INSERT INTO t VALUES (1);");
        bench.file("undo.sql", "DELETE FROM t;");
        bench.plan(&step(
            "a",
            &format!(
                "verify = \"{verify}\"\non_failure = \"rollback\"\n[[phase.step.checkpoint]]\ntitle = \"C\"\n\
                 sql = \"SELECT count(*) FROM t, pg_sleep(30)\"\nexpect = 1\n[phase.step.rollback]\nfile = \"undo.sql\"\n"
            ),
        ));
        let mut running = bench.begin(&["run"]);
        let sleeps = format!(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = '{}' AND wait_event = 'PgSleep')",
            bench.db
        );
        bench.until("the checkpoint runs", &sleeps).await;
        running.interrupt();
        let ran = running.end().await;
        ran.exits(130);
        assert!(ran.all("rollback_started").is_empty(), "{verify}: {ran}");
        assert!(ran.all("checkpoint_result").is_empty(), "{verify}: {ran}");
        let rows = if verify == "before_commit" { "0" } else { "1" };
        assert_eq!(bench.value("SELECT count(*) FROM t").await, rows);
        // It can be gone on with; the checkpoint runs (again).
        let mut running = bench.begin(&["resume"]);
        bench.until("the checkpoint runs again", &sleeps).await;
        running.interrupt();
        running.end().await.exits(130);
    }
}

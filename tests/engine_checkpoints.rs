//! Checkpoints around COMMIT: when they run, what a failure leaves, and that they leave no trace.

mod common;

use common::runs::{Bench, Ran, step};

const INSERT: &str = "INSERT INTO t VALUES (1);";

fn checkpoint(title: &str, sql: &str, keys: &str) -> String {
    format!("[[phase.step.checkpoint]]\ntitle = \"{title}\"\nsql = '''{sql}'''\n{keys}\n")
}

async fn table() -> Bench {
    Bench::with("CREATE TABLE t (id int)").await
}

async fn one(bench: &Bench, sql: &str, keys: &str) -> Ran {
    bench.file("a.sql", sql);
    bench.plan(&step("a", keys));
    bench.run().await
}

#[tokio::test]
async fn a_failed_checkpoint_before_commit_leaves_nothing_applied() {
    let bench = table().await;
    let ran =
        one(&bench, INSERT, &checkpoint("C", "SELECT count(*) FROM t", "expect = 2\nelse = \"call Kim\""))
            .await;
    ran.exits(6).failed_with("a", "1 checkpoint failed before COMMIT: \"C\"");
    assert_eq!(ran.verdict("C"), (false, "1"));
    let result = ran.last("checkpoint_result");
    assert_eq!((&result["when"], &result["otherwise"]), (&"before_commit".into(), &"call Kim".into()));
    assert!(ran.all("commit_intent").is_empty());
    assert_eq!(ran.last("held")["reason"], "failed");
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "0");
    assert_eq!(bench.ledger().await.len(), 0);
    bench.sql("INSERT INTO t VALUES (5)").await;
    bench.resume().await.exits(0);
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "2");
}

#[tokio::test]
async fn after_commit_it_leaves_the_step_applied_and_held() {
    let bench = table().await;
    let keys =
        format!("verify = \"after_commit\"\n{}", checkpoint("C", "SELECT count(*) FROM t", "expect = 2"));
    let ran = one(&bench, INSERT, &keys).await;
    ran.exits(6);
    assert_eq!(ran.last("checkpoint_result")["when"], "after_commit");
    assert_eq!(ran.last("held")["reason"], "unverified");
    assert_eq!(ran.last("step_unverified")["failed"].as_array().map(Vec::len), Some(1));
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "1");
    assert_eq!(bench.ledger().await, ["a forward 0"]);
    // A retry looks again; the step isn't run again.
    bench.resume().await.exits(6);
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "1");
    bench.sql("INSERT INTO t VALUES (5)").await;
    bench.resume().await.exits(0);
    assert_eq!(bench.ledger().await, ["a forward 0"]);
}

#[tokio::test]
async fn an_override_is_a_persons_word() {
    let bench = table().await;
    let keys =
        format!("verify = \"after_commit\"\n{}", checkpoint("C", "SELECT count(*) FROM t", "expect = 2"));
    one(&bench, INSERT, &keys).await.exits(6);
    let ran = bench.call(&["resume", "--override", "a=known"]).await;
    ran.exits(0);
    assert_eq!(ran.last("step_accepted")["reason"], "known");
    // Before COMMIT there is nothing that could be accepted.
    let bench = table().await;
    one(&bench, INSERT, &checkpoint("C", "SELECT count(*) FROM t", "expect = 2")).await.exits(6);
    bench
        .call(&["resume", "--override", "a=known"])
        .await
        .exits(2)
        .says("only failed checkpoints of an applied step");
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "0");
}

#[tokio::test]
async fn both_runs_them_twice() {
    let bench = table().await;
    let keys = format!("verify = \"both\"\n{}", checkpoint("C", "SELECT count(*) FROM t", "expect = 1"));
    let ran = one(&bench, INSERT, &keys).await;
    ran.exits(0);
    let whens: Vec<_> = ran.all("checkpoint_result").iter().map(|event| event["when"].clone()).collect();
    assert_eq!(whens, ["before_commit", "after_commit"]);
    // By default they run once.
    let bench = table().await;
    let ran = one(&bench, INSERT, &checkpoint("C", "SELECT count(*) FROM t", "expect = 1")).await;
    assert_eq!(ran.all("checkpoint_result").len(), 1);
}

#[tokio::test]
async fn an_error_in_a_checkpoint_doesnt_break_the_steps_transaction() {
    let bench = table().await;
    let keys = checkpoint("E", "SELECT 1/0", "expect = { error = \"22012\" }")
        + &checkpoint("N", "SELECT * FROM nowhere", "expect = { error = [\"42P01\", \"does not exist\"] }")
        + &checkpoint("C", "SELECT count(*) FROM t", "expect = 1");
    let ran = one(&bench, INSERT, &keys).await;
    ran.exits(0);
    assert!(ran.verdict("E").0 && ran.verdict("N").0 && ran.verdict("C").0);
    assert_eq!(bench.ledger().await, ["a forward 0"]);
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "1");
}

#[tokio::test]
async fn an_expected_error_that_doesnt_come_fails() {
    let bench = table().await;
    let keys = checkpoint("E", "SELECT 1", "expect = { error = \"22012\" }")
        + &checkpoint("W", "SELECT 1/0", "expect = { error = \"42501\" }")
        + &checkpoint("U", "SELECT 1/0", "expect = 1");
    let ran = one(&bench, INSERT, &keys).await;
    ran.exits(6).failed_with("a", "3 checkpoints failed before COMMIT");
}

/// What a file has set up for itself isn't what a checkpoint sees: it has the session's settings.
#[tokio::test]
async fn a_checkpoint_sees_the_sessions_settings_and_not_the_files() {
    let settings = "SET DateStyle = 'German'; SET IntervalStyle = 'iso_8601'; SET extra_float_digits = 0; \
                    SET bytea_output = 'escape'; SET search_path = other; SET TimeZone = 'Asia/Tokyo'; \
                    SET standard_conforming_strings = off; SET row_security = off; SET ROLE somebody; \
                    SET statement_timeout = '1h'; SET lc_monetary = 'C';";
    let query = "SELECT '2024-02-01 10:00:00+00'::timestamptz::text AS at, '1 day 2 hours'::interval::text AS span, \
                 '\\x41'::bytea::text AS bytes, 0.1::float8 + 0.2::float8 AS float, current_setting('search_path') AS path, \
                 current_user::text AS who, length('a\\n') AS scs, current_setting('row_security') AS rls";
    let expect = "expect = { table = [[\"2024-02-01 10:00:00+00\", \"1 day 02:00:00\", '\\x41', 0.30000000000000004, \
                  '\"$user\", public', \"postgres\", 3, \"on\"]] }";
    for verify in ["before_commit", "after_commit"] {
        let bench = Bench::with(
            "CREATE SCHEMA other; CREATE TABLE other.t (id int); CREATE TABLE t (id int); \
             DO 'BEGIN CREATE ROLE somebody; EXCEPTION WHEN duplicate_object THEN NULL; END'",
        )
        .await;
        let keys = format!("verify = \"{verify}\"\n{}", checkpoint("C", query, expect))
            + &checkpoint("T", "SELECT count(*) FROM t", "expect = 1");
        one(&bench, &format!("{INSERT}\n{settings}\n"), &keys).await.exits(0);
    }
}

/// Row security of another role is the point of such a checkpoint; pg_dump switches it off.
#[tokio::test]
async fn a_checkpoint_as_another_role() {
    let bench = Bench::with(
        "DO 'BEGIN CREATE ROLE reader; EXCEPTION WHEN duplicate_object THEN NULL; END'; \
         CREATE TABLE t (id int); ALTER TABLE t ENABLE ROW LEVEL SECURITY; \
         CREATE POLICY p ON t USING (id > 1); CREATE TABLE closed ()",
    )
    .await;
    let keys = checkpoint(
        "R",
        "SELECT current_user, count(*) FROM t",
        "as = \"reader\"\nexpect = { table = [[\"reader\", 1]] }",
    ) + &checkpoint(
        "D",
        "SELECT * FROM closed",
        "as = \"reader\"\nexpect = { error = [\"42501\", \"permission denied for\"] }",
    ) + &checkpoint("S", "SELECT current_user", "expect = \"postgres\"");
    let sql = "SET row_security = off;\nGRANT SELECT ON t TO reader;\nINSERT INTO t VALUES (1), (2);\n";
    one(&bench, sql, &keys).await.exits(0);
    // Failing to take the role never counts as the expected error.
    let ran = one(
        &bench,
        "SELECT 1;",
        &checkpoint("X", "SELECT 1", "as = \"nobody there\"\nexpect = { error = \"22023\" }"),
    )
    .await;
    ran.exits(6);
    assert!(!ran.verdict("X").0);
}

#[tokio::test]
async fn the_savepoint_leaves_no_trace() {
    let bench = table().await;
    let keys = checkpoint("C", "SELECT count(*) FROM t", "expect = 1")
        + &checkpoint("E", "SELECT 1/0", "expect = { error = \"22012\" }");
    // The file's own savepoints and settings are as they were.
    bench.file("a.sql", "SAVEPOINT holdpoint_checkpoint;\nSET my.mark = 'x';\nINSERT INTO t VALUES (1);\n");
    bench.plan(&step("a", &keys));
    bench.run().await.exits(0);
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "1");
    assert_eq!(bench.value("SELECT xmin = (SELECT xmin FROM holdpoint.ledger) FROM t").await, "t");
}

#[tokio::test]
async fn within_bounds_a_checkpoint() {
    for verify in ["before_commit", "after_commit"] {
        let bench = table().await;
        let keys = format!(
            "verify = \"{verify}\"\non_failure = \"stop\"\n{}",
            checkpoint("Slow", "SELECT 1 FROM pg_sleep(600)", "expect = { value = 1, within = \"200ms\" }")
        );
        // It isn't waited for to its end, neither with the step's locks held nor afterwards.
        let ran = one(&bench, INSERT, &keys).await;
        ran.exits(1);
        assert!(!ran.verdict("Slow").0, "{verify}");
        assert_eq!(
            bench.value("SELECT count(*) FROM t").await,
            if verify == "before_commit" { "0" } else { "1" }
        );
    }
}

#[tokio::test]
async fn a_checkpoints_own_policy_comes_first() {
    let bench = table().await;
    let keys = checkpoint("Soft", "SELECT count(*) FROM t", "expect = 7\non_failure = \"continue\"");
    bench.file("b.sql", "INSERT INTO t VALUES (2);");
    bench.file("a.sql", INSERT);
    bench.plan(&format!("{}{}", step("a", &keys), step("b", "")));
    let ran = bench.run().await;
    ran.exits(0);
    assert_eq!(ran.last("step_accepted")["step"], "a");
    assert_eq!(bench.ledger().await, ["a forward 0", "b forward 0"]);
    // The strictest of several holds.
    let bench = table().await;
    let keys = keys + &checkpoint("Hard", "SELECT count(*) FROM t", "expect = 8\non_failure = \"stop\"");
    one(&bench, INSERT, &keys).await.exits(1);
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "0");
}

/// A value from a transaction that was undone is worth nothing.
#[tokio::test]
async fn a_value_of_an_undone_transaction_isnt_saved() {
    let bench = table().await;
    let keys = checkpoint("S", "SELECT count(*) FROM t", "save = \"seen\"")
        + &checkpoint("Same", "SELECT count(*) FROM t", "expect = \"{seen}\"")
        + &checkpoint("C", "SELECT count(*) FROM t", "expect = 3");
    one(&bench, INSERT, &keys).await.exits(6);
    bench.sql("INSERT INTO t VALUES (5), (6)").await;
    let ran = bench.resume().await;
    ran.exits(0);
    let saved: Vec<_> =
        ran.all("saved").iter().map(|event| event["values"]["seen"]["text"].clone()).collect();
    assert_eq!(saved, ["3"], "{ran}");
}

#[tokio::test]
async fn a_million_rows_and_a_huge_cell_are_bounded() {
    let bench = table().await;
    let keys = checkpoint("Many", "SELECT generate_series(1, 300000)", "expect = { rows = 300000 }")
        + &checkpoint("Long", "SELECT repeat('x', 20000000)", "expect = { rows = 1 }");
    one(&bench, INSERT, &keys).await.exits(0);
}

//! `runner = "psql"`: files that the real psql runs, with the ledger's row in their transaction where they
//! are one, and an honest answer where they aren't.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "../common/mod.rs"]
mod common;
mod guarded;
mod stopped;
mod transactions;

use common::runs::Bench;

const PSQL: &str = "runner = \"psql\"";
const NONE: &str = "runner = \"psql\"\ntransaction = \"none\"";

#[tokio::test]
async fn a_file_that_needs_more_than_we_speak() {
    let bench = Bench::with("CREATE TABLE t (n int)").await;
    bench.file("data.csv", "1\n2\n3\n");
    bench.file("more.sql", "INSERT INTO t VALUES (10);\n");
    bench.file(
        "a.sql",
        "\\copy t from 'data.csv'\n\\ir more.sql\nSELECT format('CREATE TABLE g%s ()', n) FROM t WHERE n < 3 \\gexec\n\
         SELECT max(n) AS top FROM t \\gset\n\\echo top :top\n\\! echo from the shell\n\
         DO $$ BEGIN RAISE WARNING 'careful'; END $$;\nSET lock_timeout = 0;\nSET search_path = nowhere;\n",
    );
    bench.plan(&common::runs::step(
        "a",
        "runner = \"psql\"\nexpect = { warnings = 1 }\nadds = { tables = [\"g1\", \"g2\"] }",
    ));
    let ran = bench.run().await;
    ran.exits(0)
        .says("top 10")
        .says("from the shell")
        .says("run by psql 1")
        .says("a.sql:7: WARNING: careful");
    assert!(ran.last("bare_intent")["runner"].as_str().unwrap().starts_with("psql 1"), "{ran}");
    assert_eq!(bench.value("SELECT sum(n) FROM t").await, "16");
    assert_eq!(bench.ledger().await, ["a forward 0"]);
    assert_eq!(bench.value("SELECT outcome || pid FROM holdpoint.intent").await, "applied0");
    // Row and work are one transaction.
    assert_eq!(
        bench.value("SELECT count(DISTINCT xmin::text) FROM (SELECT xmin FROM t UNION ALL SELECT xmin FROM holdpoint.ledger) a").await,
        "1"
    );
}

#[tokio::test]
async fn it_runs_as_psql_would_in_sessions_like_ours() {
    let bench = Bench::with("CREATE ROLE worker; GRANT CREATE ON SCHEMA public TO worker").await;
    bench.script(
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;\nCREATE TABLE s AS SELECT current_user::text AS u, \
         current_setting('lock_timeout') AS l, current_setting('idle_in_transaction_session_timeout') AS i, \
         current_setting('transaction_isolation') AS t, :'place' AS v;\n",
        "runner = \"psql\"\nas = \"worker\"\nlock_timeout = \"3s\"",
    );
    let plan = std::fs::read_to_string(bench.path("plan.toml")).unwrap();
    bench.file(
        "plan.toml",
        &plan.replace("[[phase]]", "[vars]\nplace = \"it's \\\\ a\\nplace\"\n\n[[phase]]"),
    );
    bench.run().await.exits(0);
    let row = bench.value("SELECT concat_ws('|', u, l, i, t, v) FROM s").await;
    assert_eq!(row, "worker|3s|0|serializable|it's \\ a\nplace");
    assert_eq!(bench.ledger().await, ["a forward 0"]);
}

#[tokio::test]
async fn an_error_leaves_nothing_and_says_where() {
    let bench = Bench::with("CREATE TABLE t (n int)").await;
    bench.script("INSERT INTO t VALUES (1);\n\nSELECT 1,\n  nope FROM t;\n\\echo never\n", PSQL);
    let ran = bench.run().await;
    ran.exits(6).failed_with("a", "column \"nope\" does not exist").says("nothing of this step was applied");
    let problem = ran.problem("a");
    assert_eq!(
        (problem["sqlstate"].as_str(), &problem["place"]["line"]),
        (Some("42703"), &4.into()),
        "{ran}"
    );
    assert_eq!(problem["place"]["file"], "a.sql");
    assert!(ran.err.contains("failed at a.sql:4: column"), "{ran}");
    assert_eq!(problem["excerpt"], serde_json::json!(["  nope FROM t;", "  ^"]), "{ran}");
    assert!(!ran.out.contains("never"), "{ran}");
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "0");
    assert_eq!(bench.value("SELECT outcome FROM holdpoint.intent").await, "failed");
    bench.sql("ALTER TABLE t ADD nope int").await;
    bench.resume().await.exits(0);
    assert_eq!(
        bench
            .value("SELECT string_agg(attempt || outcome, ' ' ORDER BY attempt) FROM holdpoint.intent")
            .await,
        "1failed 2applied"
    );
}

#[tokio::test]
async fn statement_by_statement_what_stood_before_an_error_is_there_and_said() {
    let bench = Bench::with("CREATE TABLE t (n int)").await;
    bench.script("INSERT INTO t VALUES (1);\nVACUUM t;\nSELECT nope;\n", NONE);
    let ran = bench.run().await;
    ran.exits(6).failed_with("a", "column \"nope\" does not exist").says("may be committed");
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "1");
    assert!(bench.ledger().await.is_empty());
    let sql = "INSERT INTO t VALUES (2);\nVACUUM t;\nBEGIN;\nINSERT INTO t VALUES (3);\nCOMMIT;\n";
    let bench = Bench::with("CREATE TABLE t (n int)").await;
    bench.script(sql, NONE);
    bench.run().await.exits(0);
    assert_eq!(bench.ledger().await, ["a forward 0"]);
    // One that leaves a transaction open has done nothing behind it.
    let bench = Bench::with("CREATE TABLE t (n int)").await;
    bench.script("BEGIN;\nINSERT INTO t VALUES (3);\n", NONE);
    let ran = bench.run().await;
    ran.exits(6).failed_with("a", "a.sql ends inside a transaction: its COMMIT is missing");
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "0");
}

/// psql is asked before its COMMIT, wherever the file has sent results by then.
#[tokio::test]
async fn what_the_file_touched_is_known() {
    let bench =
        Bench::with("CREATE TABLE t (n int); CREATE TABLE \"odd\\name\" (n int); CREATE TABLE gone (n int)")
            .await;
    bench.script(
        "INSERT INTO t SELECT generate_series(1, 5);\nDELETE FROM t WHERE n = 1;\nINSERT INTO \"odd\\name\" VALUES (1);\n\
         DROP TABLE gone;\n\\pset format html\n\\o /dev/null\n\\t\n",
        PSQL,
    );
    let ran = bench.run().await;
    ran.exits(0).says("t +5 -1");
    let touched = ran.last("unit_applied")["touched"].to_string();
    assert!(touched.contains("odd") && !touched.contains("gone"), "{touched}");
    let back = "SAVEPOINT s;\nINSERT INTO t VALUES (1);\nROLLBACK TO s;\nINSERT INTO t VALUES (2);\n";
    bench.script(back, PSQL);
    bench.run().await.exits(0).says("t up to +2");
}

#[tokio::test]
async fn errors_that_the_file_passes_over_are_never_green_without_a_word() {
    let bench = Bench::with("CREATE TABLE t (n int)").await;
    bench.script("\\set ON_ERROR_STOP off\nDROP TABLE gone;\nINSERT INTO t VALUES (1);\n", NONE);
    let ran = bench.run().await;
    ran.exits(0);
    let what = ran.last("deviation")["what"].as_str().unwrap().to_owned();
    assert!(
        what.contains("passed over 1 error") && what.contains("a.sql:2: table \"gone\" does not exist"),
        "{ran}"
    );
    // In one transaction the first error undoes all of it, whatever the file says.
    let bench = Bench::with("CREATE TABLE t (n int)").await;
    bench.script("\\set ON_ERROR_STOP off\nDROP TABLE gone;\nINSERT INTO t VALUES (1);\n", PSQL);
    let ran = bench.run().await;
    ran.exits(6).failed_with("a", "table \"gone\" does not exist");
    assert!(bench.ledger().await.is_empty());
}

#[tokio::test]
async fn a_quit_ends_the_file_and_is_no_failure() {
    let bench = Bench::with("CREATE TABLE t (n int)").await;
    bench.script("INSERT INTO t VALUES (1);\n\\q\nINSERT INTO t VALUES (2);\n", PSQL);
    bench.run().await.exits(0);
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "1");
    assert_eq!(bench.ledger().await, ["a forward 0"]);
}

#[tokio::test]
async fn it_goes_back_by_psql_too() {
    let bench = Bench::new().await;
    bench.file("a.sql", "SELECT 'CREATE TABLE t ()' \\gexec\n");
    bench.file("back.sql", "SELECT 'DROP TABLE t' \\gexec\n");
    bench.file("b.sql", "SELECT nope;\n");
    let rollback = "runner = \"psql\"\n[phase.step.rollback]\nfile = \"back.sql\"\nrunner = \"psql\"";
    bench.plan(&format!(
        "{}{}",
        common::runs::step("a", rollback),
        common::runs::step("b", "runner = \"psql\"\non_failure = \"rollback\"")
    ));
    let ran = bench.run().await;
    ran.exits(4);
    assert_eq!(bench.value("SELECT to_regclass('t') IS NULL").await, "t");
    assert_eq!(bench.ledger().await, ["a forward 0", "a back 0"]);
}

#[tokio::test]
async fn check_and_show_say_what_is_lost() {
    let bench = Bench::new().await;
    bench.script("SELECT 1 \\crosstabview\n\\! true\n", PSQL);
    let ran = bench.call(&["check", "plan.toml"]).await;
    ran.exits(0)
        .says("runner = \"psql\"")
        .says("left to psql: \\crosstabview")
        .says("a.sql:2:1: note: step a: shell commands");
    bench.call(&["show", "plan.toml"]).await.exits(0).says("run by psql, in one transaction");
    bench.script("SELECT 1;\n", NONE);
    bench.call(&["show", "plan.toml"]).await.exits(0).says("nobody can tell how far it came");
    let ran = bench.call(&["check", "plan.toml"]).await;
    ran.exits(0).says("a person has to\n        rule");
    bench.script("SELECT 1;\n", "runner = \"psql\"\nverify = \"both\"");
    bench.call(&["check", "plan.toml"]).await.exits(2).says("verify = \"after_commit\"");
    bench.plan("\n[[phase.step]]\nid = \"a\"\ntitle = \"a\"\nsql = \"SELECT 1\"\nrunner = \"psql\"\n");
    bench.call(&["check", "plan.toml"]).await.exits(2).says("`runner` belongs to `file`, `files`");
}

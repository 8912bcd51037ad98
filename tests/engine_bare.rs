//! Statements outside of transactions: intent, probe, result; and one transaction for each that can be in one.

mod common;

use common::runs::{Bench, Ran, step};
use holdpoint::pg::Session;

async fn unit(bench: &Bench, file: &str, ran: &Ran) {
    let rows = bench.value("SELECT string_agg(DISTINCT unit, ' ') FROM holdpoint.intent").await;
    assert!(rows.contains(file), "{rows}: {ran}");
}

#[tokio::test]
async fn an_index_is_built_with_intent_and_result() {
    let bench = Bench::with("CREATE TABLE t (id int); INSERT INTO t VALUES (1)").await;
    bench.script("CREATE INDEX CONCURRENTLY i ON t (id);\n", "transaction = \"none\"");
    let ran = bench.run().await;
    ran.exits(0);
    let probe = &ran.last("bare_intent")["probe"];
    assert_eq!((&probe["holds"], &probe["oid"]), (&false.into(), &serde_json::Value::Null));
    unit(&bench, "a.sql@0-", &ran).await;
    let row = "SELECT outcome = 'applied' AND attempt = 1 AND pid > 0 AND backend_start <> '' AND probe::json->>'holds' = 'false' \
               FROM holdpoint.intent";
    assert_eq!(bench.value(row).await, "t");
    assert_eq!(bench.ledger().await.len(), 1);
    assert_eq!(bench.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass").await, "t");
}

#[tokio::test]
async fn a_unique_violation_leaves_an_invalid_index_and_a_retry_removes_it() {
    let bench = Bench::with("CREATE TABLE t (id int); INSERT INTO t VALUES (1), (1)").await;
    bench.script("CREATE UNIQUE INDEX CONCURRENTLY i ON t (id);\n", "transaction = \"none\"");
    let ran = bench.run().await;
    ran.exits(6).failed_with("a", "could not create unique index");
    let consequence = ran.problem("a")["consequence"].as_str().unwrap_or_default().to_owned();
    assert!(consequence.contains("invalid index") && consequence.contains("public.i"), "{ran}");
    let left = bench
        .value("SELECT indexrelid FROM pg_index WHERE indexrelid = 'i'::regclass AND NOT indisvalid")
        .await;
    assert_ne!(left, "");
    // Still so: fails again, and again only one is left.
    bench.resume().await.exits(6);
    let again = bench
        .value("SELECT indexrelid FROM pg_index WHERE indexrelid = 'i'::regclass AND NOT indisvalid")
        .await;
    assert_ne!(again, left, "the old one was removed");
    bench.sql("DELETE FROM t WHERE ctid = '(0,1)'").await;
    bench.resume().await.exits(0);
    let valid = "SELECT count(*) || ' ' || bool_and(indisvalid) FROM pg_index WHERE indrelid = 't'::regclass";
    assert_eq!(bench.value(valid).await, "1 true");
    assert_eq!(
        bench
            .value("SELECT string_agg(attempt || outcome, ' ' ORDER BY attempt) FROM holdpoint.intent")
            .await,
        "1failed 2failed 3applied"
    );
}

/// An invalid index of our name that is there already.
async fn with_invalid() -> Bench {
    let bench = Bench::with("CREATE TABLE t (id int); INSERT INTO t VALUES (1), (1)").await;
    let mut session = bench.server.session(&bench.db).await;
    session.batch("CREATE UNIQUE INDEX CONCURRENTLY i ON t (id)").await.expect_err("not unique");
    session.close().await;
    bench.sql("DELETE FROM t WHERE ctid = '(0,1)'").await;
    bench
}

#[tokio::test]
async fn if_not_exists_on_an_invalid_index_isnt_green() {
    let bench = with_invalid().await;
    let before = bench.value("SELECT 'i'::regclass::oid").await;
    bench.script("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (id);\n", "transaction = \"none\"");
    let ran = bench.run().await;
    ran.exits(6).failed_with("a", "it isn't so that index \"i\" exists and is valid");
    assert_eq!(bench.ledger().await.len(), 0);
    // It was there before us: a retry doesn't remove it either.
    bench.resume().await.exits(6);
    assert_eq!(bench.value("SELECT 'i'::regclass::oid").await, before);
}

#[tokio::test]
async fn if_not_exists_on_a_valid_index_did_nothing() {
    let bench = Bench::with("CREATE TABLE t (id int); CREATE INDEX i ON t (id)").await;
    bench.script("CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (id);\n", "transaction = \"none\"");
    let ran = bench.run().await;
    ran.exits(0);
    let what = ran.last("deviation")["what"].as_str().unwrap_or_default().to_owned();
    assert!(what.contains("already before the statement ran"), "{ran}");
}

#[tokio::test]
async fn an_index_that_is_there_fails_without_if_not_exists() {
    let bench = Bench::with("CREATE TABLE t (id int); CREATE INDEX i ON t (id)").await;
    let before = bench.value("SELECT 'i'::regclass::oid").await;
    bench.script("CREATE INDEX CONCURRENTLY i ON t (id);\n", "transaction = \"none\"");
    bench.run().await.exits(6).failed_with("a", "already exists");
    bench.resume().await.exits(6).failed_with("a", "already exists");
    assert_eq!(bench.value("SELECT 'i'::regclass::oid").await, before);
}

/// Somebody who writes to `t` and doesn't commit: a concurrent build waits for him.
async fn writer(bench: &Bench) -> Session {
    let mut session = bench.server.session(&bench.db).await;
    session
        .batch("SET application_name = 'the app'; BEGIN; INSERT INTO t VALUES (9)")
        .await
        .expect("a write");
    session
}

#[tokio::test]
async fn a_blocked_build_is_tried_again() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.script(
        "CREATE INDEX CONCURRENTLY i ON t (id);\n",
        "transaction = \"none\"\nlock_timeout = \"200ms\"",
    );
    let holder = writer(&bench).await;
    let mut running = bench.begin(&["run"]);
    let retry =
        running.until_event("a retry", |event| event["event"] == "lock_retry" && event["attempt"] == 2).await;
    assert_eq!(retry["blockers"][0]["application"], "the app", "{retry}");
    holder.close().await;
    running.end().await.exits(0);
    let valid = "SELECT count(*) || ' ' || bool_and(indisvalid) FROM pg_index WHERE indrelid = 't'::regclass";
    assert_eq!(bench.value(valid).await, "1 true");
}

#[tokio::test]
async fn a_build_that_stays_blocked_fails_and_says_what_is_left() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.script(
        "CREATE INDEX CONCURRENTLY i ON t (id);\n",
        "transaction = \"none\"\nlock_timeout = \"150ms\"\nlock_retries = 1",
    );
    let holder = writer(&bench).await;
    let ran = bench.run().await;
    ran.exits(6).failed_with("a", "lock timeout");
    assert!(
        ran.problem("a")["consequence"].as_str().is_some_and(|text| text.contains("invalid index")),
        "{ran}"
    );
    holder.close().await;
    bench.resume().await.exits(0);
    assert_eq!(bench.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass").await, "t");
}

#[tokio::test]
async fn other_statements_that_cant_be_in_a_transaction() {
    let bench =
        Bench::with("CREATE TABLE t (id int); INSERT INTO t VALUES (1); CREATE INDEX i ON t (id)").await;
    let db = format!("{}_made", bench.db);
    let sql = format!(
        "VACUUM t;\nVACUUM (ANALYZE) t;\nREINDEX INDEX CONCURRENTLY i;\nALTER SYSTEM SET work_mem = '5MB';\n\
         ALTER SYSTEM RESET work_mem;\nCREATE DATABASE {db};\nDROP INDEX CONCURRENTLY i;\nDROP DATABASE {db};\n\
         INSERT INTO t VALUES (2);\n"
    );
    bench.script(&sql, "transaction = \"none\"");
    let ran = bench.run().await;
    ran.exits(0);
    assert_eq!(ran.all("bare_intent").len(), 8);
    assert_eq!(bench.value("SELECT count(*) FROM holdpoint.intent WHERE outcome = 'applied'").await, "8");
    assert_eq!(bench.ledger().await.len(), 9);
}

#[tokio::test]
async fn in_a_transaction_they_are_refused_before_the_window() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    for sql in [
        "VACUUM t;",
        "CREATE INDEX CONCURRENTLY i ON t (id);",
        "ALTER SYSTEM SET work_mem = '5MB';",
        "CREATE DATABASE x;",
    ] {
        bench.script(sql, "");
        let ran = bench.run().await;
        ran.exits(2).says("transaction = \"none\"");
        assert!(ran.events.is_empty());
    }
}

/// What is applied isn't run again when a file goes on after a failure.
#[tokio::test]
async fn a_retry_goes_on_at_the_statement_that_failed() {
    let bench = Bench::with("CREATE TABLE t (id int PRIMARY KEY)").await;
    bench.script(
        "INSERT INTO t VALUES (1);\nSET my.x = '5';\nINSERT INTO t VALUES (2);\n\
         INSERT INTO t SELECT x + current_setting('my.x')::int FROM later;\nINSERT INTO t VALUES (3);\n",
        "transaction = \"none\"",
    );
    bench.run().await.exits(6).failed_with("a", "\"later\" does not exist");
    assert_eq!(bench.value("SELECT string_agg(id::text, ' ' ORDER BY id) FROM t").await, "1 2");
    bench.sql("CREATE TABLE later AS SELECT 100 AS x").await;
    bench.resume().await.exits(0);
    assert_eq!(bench.value("SELECT string_agg(id::text, ' ' ORDER BY id) FROM t").await, "1 2 3 105");
    assert_eq!(bench.ledger().await.len(), 4);
}

#[tokio::test]
async fn a_half_applied_file_with_live_state_isnt_entered_in_the_middle() {
    let states = ["CREATE TEMP TABLE live (id int);", "SELECT 1 AS id INTO TEMP live;"];
    for state in states {
        let bench = Bench::with("CREATE TABLE t (id int)").await;
        bench.script(
            &format!("INSERT INTO t VALUES (1);\n{state}\nINSERT INTO t SELECT id FROM later;\n"),
            "transaction = \"none\"",
        );
        bench.run().await.exits(6);
        bench.sql("CREATE TABLE later (id int)").await;
        let ran = bench.resume().await;
        ran.exits(6);
        assert_eq!(ran.last("held")["reason"], "half_applied", "{state}: {ran}");
        ran.says("a.sql:2");
        assert_eq!(bench.value("SELECT count(*) FROM t").await, "1");
    }
}

/// EXECUTE is work like any other statement: recorded, and not done twice.
#[tokio::test]
async fn an_executed_prepared_statement_is_recorded() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.script(
        "PREPARE put AS INSERT INTO t VALUES ($1);\nEXECUTE put (1);\nEXECUTE put (2);\nINSERT INTO t SELECT id FROM later;\n",
        "transaction = \"none\"",
    );
    bench.run().await.exits(6);
    assert_eq!(bench.ledger().await.len(), 2);
    bench.sql("CREATE TABLE later (id int)").await;
    bench.resume().await.exits(0);
    assert_eq!(bench.value("SELECT string_agg(id::text, ' ' ORDER BY id) FROM t").await, "1 2");
}

#[tokio::test]
async fn on_failure_continue_means_the_next_statement() {
    let bench = Bench::with(
        "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE d (id int); INSERT INTO d VALUES (1), (1)",
    )
    .await;
    bench.file(
        "a.sql",
        "INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (1);\nCREATE UNIQUE INDEX CONCURRENTLY i ON d (id);\nINSERT INTO t VALUES (2);\n",
    );
    bench.file("b.sql", "INSERT INTO t VALUES (3);");
    bench.plan(&format!(
        "{}{}",
        step("a", "transaction = \"none\"\non_failure = \"continue\""),
        step("b", "")
    ));
    let ran = bench.run().await;
    ran.exits(0);
    assert_eq!(ran.all("unit_failed").len(), 2, "{ran}");
    let said: Vec<&str> = ran.all("deviation").iter().filter_map(|event| event["what"].as_str()).collect();
    assert_eq!(said.len(), 2);
    assert!(
        said[0].contains("duplicate key") && said[1].contains("could not create unique index"),
        "{said:?}"
    );
    assert_eq!(bench.value("SELECT string_agg(id::text, ' ' ORDER BY id) FROM t").await, "1 2 3");
    assert_eq!(bench.ledger().await.len(), 3);
}

/// `as` counts outside of a transaction block too.
#[tokio::test]
async fn the_role_of_the_step_runs_each_statement() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    let role = format!("maker_{}", bench.db);
    bench
        .sql(&format!(
            "CREATE ROLE {role}; GRANT ALL ON SCHEMA public TO {role}; ALTER TABLE t OWNER TO {role}"
        ))
        .await;
    bench.file(
        "a.sql",
        "CREATE TABLE one ();\nCREATE INDEX CONCURRENTLY i ON t (id);\nCREATE TABLE two ();\n",
    );
    bench.file("b.sql", "BEGIN;\nCREATE TABLE three ();\nCOMMIT;\nCREATE TABLE four ();\n");
    bench.file("c.sql", "CREATE TABLE five ();\n");
    bench.plan(&format!(
        "{}{}{}",
        step("a", &format!("transaction = \"none\"\nas = \"{role}\"")),
        step("b", &format!("transaction = \"script\"\nas = \"{role}\"")),
        step("c", &format!("as = \"{role}\"")),
    ));
    bench.run().await.exits(0);
    let owners = "SELECT string_agg(DISTINCT relowner::regrole::text, ' ') FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    assert_eq!(bench.value(owners).await, role);
    assert_eq!(bench.ledger().await.len(), 6);
}

/// psql runs a CALL outside of transactions, where a procedure may commit.
#[tokio::test]
async fn a_procedure_that_commits_runs_as_psql_runs_it() {
    let bench = Bench::with(
        "CREATE TABLE t (id int); \
         CREATE PROCEDURE p(n int) LANGUAGE plpgsql AS 'BEGIN INSERT INTO t VALUES (n); COMMIT; INSERT INTO t VALUES (n + 1); END'",
    )
    .await;
    for (mode, first) in
        [("none", "INSERT INTO t VALUES (0);\n"), ("script", "BEGIN;\nINSERT INTO t VALUES (0);\nCOMMIT;\n")]
    {
        bench.sql("TRUNCATE t").await;
        bench.script(
            &format!("{first}CALL p(1);\nDO 'BEGIN INSERT INTO t VALUES (3); COMMIT; END';\nDO 'BEGIN INSERT INTO t VALUES (4); END';\n"),
            &format!("transaction = \"{mode}\""),
        );
        let ran = bench.run().await;
        ran.exits(0);
        assert_eq!(bench.value("SELECT string_agg(id::text, ' ' ORDER BY id) FROM t").await, "0 1 2 3 4");
        // What commits by itself has an intent and a result, the others their row in the same transaction.
        assert_eq!(ran.all("bare_intent").len(), 2, "{ran}");
        assert_eq!(ran.all("commit_intent").len(), 2, "{ran}");
    }
}

/// What it has committed before its error stays, and is said.
#[tokio::test]
async fn a_procedure_that_fails_behind_its_commit_says_what_stays() {
    let bench = Bench::with(
        "CREATE TABLE t (id int); \
         CREATE PROCEDURE p() LANGUAGE plpgsql AS \
         'BEGIN INSERT INTO t VALUES (1); COMMIT; INSERT INTO t SELECT id FROM later; END'",
    )
    .await;
    bench.script("CALL p();\nINSERT INTO t VALUES (9);\n", "transaction = \"none\"");
    let ran = bench.run().await;
    ran.exits(6).says("committed by itself before that stays");
    assert!(!ran.out.contains("nothing of this statement was applied"), "{ran}");
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "1");
    bench.sql("CREATE TABLE later AS SELECT 5 AS id").await;
    bench.resume().await.exits(0);
    assert_eq!(bench.value("SELECT string_agg(id::text, ' ' ORDER BY id) FROM t").await, "1 1 5 9");
}

/// Each is a unit of its own, whatever they have in common.
#[tokio::test]
async fn a_file_that_one_line_includes_twice_runs_twice() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.file("inner.sql", "INSERT INTO t VALUES (1);\n");
    bench.script(
        "\\ir inner.sql \\ir inner.sql\nINSERT INTO t SELECT id FROM later;\n",
        "transaction = \"none\"",
    );
    bench.run().await.exits(6);
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "2");
    bench.sql("CREATE TABLE later AS SELECT 5 AS id").await;
    bench.resume().await.exits(0);
    assert_eq!(bench.value("SELECT string_agg(id::text, ' ' ORDER BY id) FROM t").await, "1 1 5");
}

/// What a newer pg_dump writes, and the server doesn't know.
#[tokio::test]
async fn a_dump_of_a_newer_pg_dump_says_where_it_belongs() {
    let bench = Bench::new().await;
    if bench.value("SELECT current_setting('server_version_num')::int >= 170000").await == "t" {
        return;
    }
    bench.script("SET statement_timeout = 0;\nSET transaction_timeout = 0;\nSELECT 1;\n", "");
    bench.run().await.exits(6).says("a.sql:2:1").says("a pg_dump from 17 on writes this line");
}

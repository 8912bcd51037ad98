//! `transaction = "script"`: the file's own BEGIN … COMMIT, each with its ledger row.

mod common;

use common::runs::{Bench, Ran};

const SCRIPT: &str = "transaction = \"script\"";

async fn rows(bench: &Bench) -> String {
    bench.value("SELECT string_agg(id::text, ' ' ORDER BY id) FROM t").await
}

#[tokio::test]
async fn a_row_goes_in_before_each_commit() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.script(
        "BEGIN;\nINSERT INTO t VALUES (1);\nCOMMIT;\nINSERT INTO t VALUES (2);\nSTART TRANSACTION ISOLATION LEVEL SERIALIZABLE;\n\
         SAVEPOINT s;\nINSERT INTO t VALUES (9);\nROLLBACK TO s;\nINSERT INTO t VALUES (3);\nEND;\n\
         BEGIN; SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; INSERT INTO t VALUES (4); COMMIT WORK;\n",
        SCRIPT,
    );
    let ran = bench.run().await;
    ran.exits(0);
    assert_eq!(rows(&bench).await, "1 2 3 4");
    assert_eq!(bench.ledger().await.len(), 4);
    assert_eq!(ran.all("commit_intent").len(), 4);
    // Each row came with the transaction that it tells of.
    let together = "SELECT count(*) FROM t JOIN holdpoint.ledger l ON l.xmin = t.xmin";
    assert_eq!(bench.value(together).await, "4");
}

#[tokio::test]
async fn a_file_that_ends_inside_a_transaction_fails() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.script("BEGIN;\nINSERT INTO t VALUES (1);\nCOMMIT;\nBEGIN;\nINSERT INTO t VALUES (2);\n", SCRIPT);
    bench.run().await.exits(2).says("a.sql:4:1").says("COMMIT is missing");
    assert_eq!(rows(&bench).await, "");
}

/// With `continue` the rest of a block that failed is passed over with it.
#[tokio::test]
async fn on_failure_continue_passes_over_the_whole_block() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.script(
        "BEGIN;\nINSERT INTO t VALUES (1);\nCOMMIT;\n\
         BEGIN;\nINSERT INTO t VALUES (2);\nSELECT 1/0;\nINSERT INTO t VALUES (3);\nCOPY t FROM stdin;\n4\n\\.\nCOMMIT;\n\
         INSERT INTO t VALUES (5);\nBEGIN;\nINSERT INTO t VALUES (6);\nCOMMIT;\n",
        &format!("{SCRIPT}\non_failure = \"continue\""),
    );
    let ran = bench.run().await;
    ran.exits(0);
    assert_eq!(rows(&bench).await, "1 5 6");
    assert_eq!(bench.ledger().await.len(), 3);
    assert_eq!(ran.all("unit_passed_over").len(), 1);
    assert!(ran.last("deviation")["what"].as_str().is_some_and(|what| what.contains("division by zero")));
}

/// Where the script goes on by itself, it isn't said of the plan.
#[tokio::test]
async fn a_script_that_goes_on_is_said_to() {
    let bench = Bench::with("CREATE TABLE t (id int PRIMARY KEY)").await;
    bench.script(
        "\\set ON_ERROR_STOP off\nBEGIN;\nINSERT INTO t VALUES (1);\nINSERT INTO t VALUES (1);\nCOMMIT;\nINSERT INTO t VALUES (3);\n",
        SCRIPT,
    );
    let ran = bench.run().await;
    ran.exits(0);
    assert_eq!(rows(&bench).await, "3");
    let what = ran.last("deviation")["what"].as_str().unwrap_or_default();
    assert!(
        what.ends_with("the script (ON_ERROR_STOP off) goes on behind the COMMIT of its transaction"),
        "{ran}"
    );
    let reason = ran.last("step_accepted")["reason"].as_str().unwrap_or_default();
    assert!(reason.ends_with("the script says to go on (ON_ERROR_STOP off)"), "{ran}");
}

async fn fails_in_the_middle() -> (Bench, Ran) {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.script(
        "BEGIN;\nINSERT INTO t VALUES (1);\nCOMMIT;\nBEGIN;\nINSERT INTO t VALUES (2);\nINSERT INTO t SELECT id FROM later;\nCOMMIT;\n\
         BEGIN;\nINSERT INTO t VALUES (4);\nCOMMIT;\n",
        SCRIPT,
    );
    let ran = bench.run().await;
    (bench, ran)
}

#[tokio::test]
async fn a_failing_block_holds_with_the_earlier_ones_applied() {
    let (bench, ran) = fails_in_the_middle().await;
    ran.exits(6).failed_with("a", "\"later\" does not exist");
    ran.says_wrapped(
        "nothing of the transaction that begins in line 4 was applied; what was committed before it is",
    );
    assert_eq!(ran.last("held")["reason"], "failed");
    assert_eq!(rows(&bench).await, "1");
    assert_eq!(bench.ledger().await.len(), 1);
    bench.sql("CREATE TABLE later AS SELECT 3 AS id").await;
    let ran = bench.resume().await;
    ran.exits(0);
    assert_eq!(rows(&bench).await, "1 2 3 4", "{ran}");
    assert_eq!(bench.ledger().await.len(), 3);
}

/// With AUTOCOMMIT off psql's own BEGIN makes the blocks: they are units like any other, also after a stop.
#[tokio::test]
async fn a_block_that_psql_begins_is_applied_once() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.script(
        "\\set AUTOCOMMIT off\nSET work_mem = '5MB';\nINSERT INTO t VALUES (1);\nCOMMIT;\nVACUUM t;\n\
         INSERT INTO t VALUES (2);\nINSERT INTO t SELECT id FROM later;\nCOMMIT;\n\\set AUTOCOMMIT on\n\
         INSERT INTO t VALUES (4);\n",
        SCRIPT,
    );
    let ran = bench.run().await;
    ran.exits(6).failed_with("a", "\"later\" does not exist");
    assert_eq!((rows(&bench).await.as_str(), bench.ledger().await.len()), ("1", 2), "{ran}");
    bench.sql("CREATE TABLE later AS SELECT 3 AS id").await;
    let ran = bench.resume().await;
    ran.exits(0);
    assert_eq!((rows(&bench).await.as_str(), bench.ledger().await.len()), ("1 2 3 4", 4), "{ran}");
    assert_eq!(ran.all("bare_intent").len(), 1, "VACUUM ran once: {ran}");
}

/// What the server says of the file's own COMMIT is said with its place.
#[tokio::test]
async fn a_commit_that_cant_be_read_is_shown() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.script("BEGIN;\nINSERT INTO t VALUES (1);\nCOMMIT\n  AND NONSENSE;\n", SCRIPT);
    let ran = bench.run().await;
    ran.exits(6).failed_with("a", "syntax error at or near \"NONSENSE\"");
    let place = &ran.last("unit_failed")["problem"]["place"];
    assert_eq!((&place["line"], &place["column"]), (&4.into(), &7.into()), "{ran}");
    assert_eq!(rows(&bench).await, "");
}

#[tokio::test]
async fn a_deferred_failure_shows_before_the_files_commit() {
    let bench = Bench::with("CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE t (id int REFERENCES p DEFERRABLE INITIALLY DEFERRED)").await;
    bench.script("BEGIN;\nINSERT INTO t VALUES (1);\nCOMMIT;\n", SCRIPT);
    let ran = bench.run().await;
    ran.exits(6).failed_with("a", "foreign key");
    assert!(ran.all("commit_intent").is_empty());
    assert_eq!(bench.ledger().await.len(), 0);
}

#[tokio::test]
async fn what_cant_be_recorded_is_refused_before_the_window() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    let scripts = [
        "INSERT INTO t VALUES (1);",
        "BEGIN; INSERT INTO t VALUES (1); ROLLBACK;",
        "BEGIN; INSERT INTO t VALUES (1); ROLLBACK; BEGIN; COMMIT;",
        "BEGIN; INSERT INTO t VALUES (1); COMMIT AND CHAIN; COMMIT;",
        "BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'x'; BEGIN; COMMIT;",
        "BEGIN; INSERT INTO t VALUES (1)\\; COMMIT;",
        "BEGIN\\; INSERT INTO t VALUES (1)\\; COMMIT; BEGIN; COMMIT;",
        "BEGIN; INSERT INTO t VALUES (1); SELECT 1\\; COMMIT\\; BEGIN; COMMIT;",
        "COMMIT;",
        "BEGIN; BEGIN; COMMIT;",
        "BEGIN; COMMIT; COMMIT;",
        "BEGIN; VACUUM; COMMIT;",
    ];
    for sql in scripts {
        bench.script(sql, SCRIPT);
        let ran = bench.run().await;
        assert_eq!(ran.code, 2, "{sql}: {ran}");
        assert!(ran.events.is_empty(), "{sql}: {ran}");
        assert_eq!(rows(&bench).await, "");
    }
}

#[tokio::test]
async fn copy_and_includes_in_blocks() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.file("inner.sql", "BEGIN;\nCOPY t FROM stdin;\n5\n6\n\\.\nCOMMIT;\n");
    bench.script("BEGIN;\nCOPY t FROM stdin;\n1\n2\n\\.\nCOMMIT;\n\\i inner.sql\nBEGIN;\nINSERT INTO t SELECT id FROM later;\nCOMMIT;\n", SCRIPT);
    bench.run().await.exits(6);
    assert_eq!(rows(&bench).await, "1 2 5 6");
    bench.sql("CREATE TABLE later AS SELECT 7 AS id").await;
    bench.resume().await.exits(0);
    assert_eq!(rows(&bench).await, "1 2 5 6 7");
    let units = bench.ledger().await;
    assert_eq!(units.len(), 3);
    assert!(units[1].contains("a.sql:7>inner.sql@"), "{units:?}");
}

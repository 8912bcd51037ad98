//! Checks only read: no way out that the server closes stays open, in a session of their own or in a
//! step's transaction.

mod common;

use common::runs::{Bench, step};

/// Each tries to leave a row in `t`, or something else behind.
const ESCAPES: &[&str] = &[
    "SET TRANSACTION READ WRITE",
    "BEGIN READ WRITE",
    "COMMIT",
    "ROLLBACK",
    "INSERT INTO t VALUES (1)",
    "SELECT 1; INSERT INTO t VALUES (1)",
    "SELECT 1 \\; INSERT INTO t VALUES (1)",
    "COMMIT; INSERT INTO t VALUES (1)",
    "WITH x AS (INSERT INTO t VALUES (1) RETURNING id) SELECT * FROM x",
    "EXPLAIN ANALYZE INSERT INTO t VALUES (1)",
    "SELECT put()",
    "SELECT put_hard()",
    "SELECT set_config('transaction_read_only', 'off', false)",
    "SELECT set_config('transaction_read_only', 'off', true), put()",
    "SELECT nextval('s')",
    "SELECT setval('s', 100)",
    "COPY t TO PROGRAM 'touch escaped'",
    "COPY (SELECT 1) TO '/tmp/holdpoint-escaped'",
    "DO 'BEGIN INSERT INTO t VALUES (1); END'",
    "CALL leave()",
    "SELECT * INTO u FROM t",
    "CREATE TABLE u ()",
    "TRUNCATE t",
    "PREPARE x AS INSERT INTO t VALUES (1)",
    "SELECT lo_create(4711)",
    "SELECT * FROM t FOR UPDATE",
    "SELECT pg_notify('c', 'x')",
    "VACUUM t",
    "LOCK TABLE t",
    "(SELECT 1); DELETE FROM t",
    "SELECT id FROM t WHERE put() IS NULL",
    "TABLE t; DROP TABLE t",
];

async fn prepared() -> Bench {
    Bench::with(
        "CREATE TABLE t (id int); INSERT INTO t VALUES (0); CREATE SEQUENCE s; \
         CREATE FUNCTION put() RETURNS int LANGUAGE plpgsql AS 'BEGIN INSERT INTO t VALUES (1); RETURN 1; END'; \
         CREATE FUNCTION put_hard() RETURNS int LANGUAGE plpgsql AS \
         'BEGIN SET LOCAL transaction_read_only = off; INSERT INTO t VALUES (1); RETURN 1; END'; \
         CREATE PROCEDURE leave() LANGUAGE plpgsql AS 'BEGIN INSERT INTO t VALUES (1); COMMIT; END'",
    )
    .await
}

async fn is_untouched(bench: &Bench) {
    let seen = "SELECT (SELECT count(*) FROM t) || ' ' || (SELECT last_value FROM s) || ' ' || (SELECT count(*) FROM pg_largeobject_metadata) \
                || ' ' || coalesce(to_regclass('u')::text, 'none')";
    // NOTIFY is held back by the end of the transaction, large objects are undone with it.
    assert_eq!(bench.value(seen).await, "1 1 0 none");
    assert_eq!(bench.value("SELECT count(*) FROM pg_ls_dir('.') f WHERE f = 'escaped'").await, "0");
}

fn checkpoints() -> String {
    let one = |(n, sql): (usize, &&str)| {
        format!(
            "[[phase.step.checkpoint]]\ntitle = \"{n}\"\nsql = '''{sql}'''\non_failure = \"continue\"\nexpect = {{ rows = 999 }}\n"
        )
    };
    ESCAPES.iter().enumerate().map(one).collect()
}

#[tokio::test]
async fn a_check_of_its_own_cant_write() {
    let bench = prepared().await;
    bench.plan(&format!(
        "[[phase.step]]\nid = \"c\"\ntitle = \"C\"\non_failure = \"continue\"\n{}",
        checkpoints()
    ));
    let ran = bench.run().await;
    // Statements that a checkpoint can't be are found at load, or refused when they are asked.
    assert!(ran.code == 0 || ran.code == 2, "{ran}");
    is_untouched(&bench).await;
}

/// One by one, so that what is refused at load doesn't cover for the rest.
#[tokio::test]
async fn no_escape_leaves_a_trace_in_a_check_or_in_a_step() {
    let bench = prepared().await;
    bench.file("a.sql", "SELECT 1;");
    for sql in ESCAPES {
        for keys in [
            "",
            "file = \"a.sql\"\n",
            "file = \"a.sql\"\nverify = \"before_commit\"\n",
            "file = \"a.sql\"\nverify = \"after_commit\"\n",
        ] {
            bench.plan(&format!(
                "[[phase.step]]\nid = \"a\"\ntitle = \"A\"\non_failure = \"stop\"\n{keys}\
                 [[phase.step.checkpoint]]\ntitle = \"X\"\nsql = '''{sql}'''\nexpect = {{ rows = 999 }}\n"
            ));
            let ran = bench.run().await;
            assert!(matches!(ran.code, 1 | 2), "{sql}: {ran}");
        }
        is_untouched(&bench).await;
    }
}

/// The step's own transaction goes on writing behind its checkpoints.
#[tokio::test]
async fn the_step_itself_isnt_made_read_only() {
    let bench = prepared().await;
    bench.file("a.sql", "INSERT INTO t VALUES (5);");
    bench.plan(&step(
        "a",
        "[[phase.step.checkpoint]]\ntitle = \"X\"\nsql = \"SELECT put()\"\nexpect = { error = \"25006\" }\n",
    ));
    bench.run().await.exits(0);
    assert_eq!(bench.value("SELECT string_agg(id::text, ' ' ORDER BY id) FROM t").await, "0 5");
}

//! One step in one transaction: whatever a file does to its session, the step is applied as a whole and
//! recorded, or not at all.

mod common;

use common::runs::{Bench, step};
use holdpoint::pg::ledger::entry::Entry;
use holdpoint::run::event::{Direction, Unit};

#[tokio::test]
async fn a_step_is_applied_with_its_ledger_row() {
    let bench = Bench::new().await;
    bench.script("CREATE TABLE t (id int);\nINSERT INTO t VALUES (1), (2);\n", "");
    bench.run().await.exits(0);
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "2");
    assert_eq!(bench.ledger().await, ["a forward 0"]);
    // Work and row came by one transaction.
    let one = "SELECT (SELECT xmin::text FROM pg_class WHERE relname = 't') = \
               (SELECT xmin::text FROM holdpoint.ledger)";
    assert_eq!(bench.value(one).await, "t");
    let digest = "SELECT statements = 2 AND digest ~ '^[0-9a-f]{64}$' AND head ~ '^[0-9a-f]{64}$' FROM holdpoint.ledger";
    assert_eq!(bench.value(digest).await, "t");
}

/// A try that failed has taken its time too.
#[tokio::test]
async fn a_step_that_fails_says_how_long_it_took() {
    let bench = Bench::new().await;
    bench.script("SELECT pg_sleep(0.05);\nSELECT 1 / 0;\n", "");
    let ran = bench.run().await;
    ran.exits(6).failed_with("a", "division by zero");
    assert!(ran.last("step_failed")["elapsed_ms"].as_u64() >= Some(50), "{ran}");
}

#[tokio::test]
async fn transaction_control_is_refused_before_the_window() {
    let bench = Bench::new().await;
    bench.file("inner.sql", "INSERT INTO t VALUES (2);\nCOMMIT;\n");
    let hidden = [
        "COMMIT;",
        "END;",
        "END TRANSACTION;",
        "ROLLBACK;",
        "ABORT WORK;",
        "COMMIT AND CHAIN;",
        "ROLLBACK AND CHAIN;",
        "BEGIN;",
        "START TRANSACTION READ ONLY;",
        "PREPARE TRANSACTION 'x';",
        "\\i inner.sql",
        "/* a */ -- b\n  cOmMiT ;",
        "SELECT 1\\; COMMIT;",
        "SELECT 1 \\;\n -- x\n ROLLBACK\\; SELECT 2;",
        "\\set x 'COMMIT'\n:x;",
        "\\if true\nCOMMIT;\n\\endif",
    ];
    for sql in hidden {
        bench.script(&format!("CREATE TABLE t (id int);\n{sql}\nINSERT INTO t VALUES (3);\n"), "");
        let ran = bench.run().await;
        ran.exits(2).says("sql:");
        assert!(ran.events.is_empty(), "{sql}: {ran}");
    }
    assert_eq!(
        bench.value("SELECT to_regclass('t') IS NULL AND to_regnamespace('holdpoint') IS NULL").await,
        "t"
    );
}

#[tokio::test]
async fn the_word_commit_elsewhere_is_no_commit() {
    let bench = Bench::new().await;
    let sql = "CREATE TABLE t (\"commit\" text DEFAULT 'COMMIT;');\n\
               INSERT INTO t VALUES ('; COMMIT;'), ($$; COMMIT; $$);\n-- COMMIT;\n/* COMMIT; */\n\
               SAVEPOINT commit; INSERT INTO t VALUES ('gone'); ROLLBACK TO commit; RELEASE commit;\n\
               CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;\n\
               DO $x$ BEGIN BEGIN PERFORM 1; END; END $x$;\n";
    bench.script(sql, "");
    bench.run().await.exits(0);
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "2");
    assert_eq!(bench.ledger().await, ["a forward 0"]);
}

/// COMMIT where no reader of the text could see it: the server forbids it inside of our transaction.
#[tokio::test]
async fn a_commit_in_a_procedure_fails_the_step() {
    let bench = Bench::with(
        "CREATE TABLE t (id int); \
         CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN INSERT INTO t VALUES (1); COMMIT; END'",
    )
    .await;
    for sql in [
        "CALL p();",
        "DO 'BEGIN INSERT INTO t VALUES (1); COMMIT; END';",
        "DO $$BEGIN EXECUTE 'COMMIT'; END$$;",
    ] {
        bench.script(&format!("INSERT INTO t VALUES (0);\n{sql}\n"), "on_failure = \"stop\"");
        let ran = bench.run().await;
        ran.exits(1).says("a.sql:2:");
        // What EXECUTE runs can't be a COMMIT anywhere.
        if !sql.contains("EXECUTE") {
            ran.says("put it into a step with transaction = \"none\"");
        }
        assert_eq!(bench.value("SELECT count(*) FROM t").await, "0", "{sql}");
        assert_eq!(bench.ledger().await.len(), 0);
    }
}

/// A branch that only the run can open isn't known before: it is refused, whatever stands in it.
#[tokio::test]
async fn a_branch_that_opens_late_is_refused_before_the_window() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.file("a.sql", "INSERT INTO t VALUES (1);\n\\if :before_flag\nCOMMIT;\n\\endif\n");
    bench.plan(&format!(
        "[[phase.step]]\nid = \"s\"\ntitle = \"S\"\n[[phase.step.checkpoint]]\ntitle = \"Before\"\n\
         sql = \"SELECT true AS flag, 1 AS x\"\nsave = \"before\"\n{}",
        step("a", "")
    ));
    bench.run().await.exits(2).says("a.sql:2:1").says("is no boolean");
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "0");
}

/// A file too large to be copied is read where it lies. One that was changed while the run went on could
/// have a COMMIT by now that nobody has seen: it isn't sent, and the change rolls the step back.
#[tokio::test]
async fn a_large_file_that_changed_is_rolled_back() {
    let padding = format!("-- {}\n", "x".repeat(1000)).repeat(17_000);
    for (changed, why) in [
        ("INSERT INTO t VALUES (3);\nCOMMIT;\n", "controls the transaction"),
        ("INSERT INTO t VALUES (4);\n", "has changed since the run was opened"),
    ] {
        let bench = Bench::with("CREATE TABLE t (id int)").await;
        bench.file("a.sql", "SELECT pg_advisory_xact_lock(7);\nINSERT INTO t VALUES (1);\n");
        bench.file("b.sql", &format!("INSERT INTO t VALUES (2);\n{padding}"));
        bench.plan(&format!("{}{}", step("a", "lock_timeout = \"60s\""), step("b", "on_failure = \"stop\"")));
        let mut holder = bench.server.session(&bench.db).await;
        holder.batch("SELECT pg_advisory_lock(7)").await.unwrap();
        let running = bench.begin(&["run"]);
        bench.until_work_waits().await;
        bench.file("b.sql", &format!("{changed}{padding}"));
        holder.close().await;
        running.end().await.exits(1).failed_with("b", why);
        assert_eq!(bench.value("SELECT string_agg(id::text, ' ') FROM t").await, "1", "{why}");
        assert_eq!(bench.ledger().await, ["a forward 0"]);
    }
}

/// If a COMMIT got through all the same, the ledger row would refuse to be written: on the server,
/// with the statement that the engine sends.
#[tokio::test]
async fn the_nonce_catches_another_transaction() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.script("SELECT 1;", "");
    bench.run().await.exits(0);
    let unit = Unit { step: "b".into(), unit: String::new(), direction: Direction::Forward, generation: 0 };
    let epoch = bench.value("SELECT epoch FROM holdpoint.fence").await.parse().unwrap();
    let entry =
        Entry { run: "r", unit: &unit, epoch, nonce: "n1", statements: 1, digest: "", head: "" }.sql();
    let tricks = [
        "COMMIT; BEGIN",
        "ROLLBACK; BEGIN",
        "COMMIT AND CHAIN",
        "ROLLBACK AND CHAIN",
        "COMMIT",
        "RESET holdpoint.tx",
    ];
    for trick in tricks {
        let mut work = bench.server.session(&bench.db).await;
        work.batch("BEGIN; SET LOCAL holdpoint.tx = 'n1'").await.unwrap();
        work.batch("INSERT INTO t VALUES (1)").await.unwrap();
        work.batch(trick).await.unwrap();
        let refused = work.batch(&entry).await.expect_err(trick);
        assert_eq!(refused.sqlstate(), Some("HP002"), "{trick}: {refused}");
        work.close().await;
    }
    let mut work = bench.server.session(&bench.db).await;
    work.batch("BEGIN; SET LOCAL holdpoint.tx = 'n1'").await.unwrap();
    work.batch("SAVEPOINT a; RELEASE a; SAVEPOINT b; ROLLBACK TO b").await.unwrap();
    work.batch(&entry).await.expect("the same transaction");
    work.batch("COMMIT").await.unwrap();
    work.close().await;
    assert_eq!(bench.ledger().await, ["a forward 0", "b forward 0"]);
}

#[tokio::test]
async fn a_deferred_constraint_fails_before_commit() {
    let bench = Bench::with(
        "CREATE TABLE p (id int PRIMARY KEY); \
         CREATE TABLE c (id int REFERENCES p DEFERRABLE INITIALLY DEFERRED)",
    )
    .await;
    bench.script("CREATE TABLE t ();\nINSERT INTO c VALUES (1);\n", "on_failure = \"stop\"");
    let ran = bench.run().await;
    ran.exits(1).failed_with("a", "at COMMIT: ").failed_with("a", "violates foreign key constraint");
    ran.says("no statement is named");
    assert!(ran.all("commit_intent").is_empty(), "COMMIT was never meant: {ran}");
    assert_eq!(bench.value("SELECT to_regclass('t') IS NULL AND NOT EXISTS (SELECT FROM c)").await, "t");
    assert_eq!(bench.ledger().await.len(), 0);
}

#[tokio::test]
async fn statement_timeout_bounds_deferred_triggers() {
    let bench = Bench::with(
        "CREATE TABLE t (id int); \
         CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NULL; END'; \
         CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION slow()",
    )
    .await;
    bench.script("SET statement_timeout = '200ms';\nINSERT INTO t VALUES (1);\n", "on_failure = \"stop\"");
    let ran = bench.run().await;
    ran.exits(1).failed_with("a", "statement timeout");
    assert!(ran.all("commit_intent").is_empty());
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "0");
}

#[tokio::test]
async fn set_transaction_works_in_a_file() {
    let bench = Bench::with("CREATE TABLE t (level text)").await;
    for level in ["SERIALIZABLE", "REPEATABLE READ", "READ COMMITTED"] {
        let sql = format!(
            "SET TRANSACTION ISOLATION LEVEL {level};\nINSERT INTO t VALUES (current_setting('transaction_isolation'));\n"
        );
        bench.script(&sql, "");
        bench.run().await.exits(0);
        let found = bench.value("SELECT upper(level) FROM t").await;
        assert_eq!(found, level);
        bench.sql("TRUNCATE t").await;
    }
}

/// Whatever the session was set to: the row is written by the role that logged in, and durably.
#[tokio::test]
async fn the_ledger_row_doesnt_depend_on_the_files_session() {
    let settings = [
        "SET ROLE somebody;",
        "SET LOCAL ROLE somebody;",
        "SET SESSION AUTHORIZATION somebody;",
        "SET search_path = evil, pg_catalog;",
        "SET row_security = off;",
        "SET synchronous_commit = off;",
        "SET session_replication_role = replica;",
        "SET standard_conforming_strings = off;",
        "SET LOCAL standard_conforming_strings = off;",
        "SET check_function_bodies = off; SET plpgsql.extra_errors = 'all';",
        "SET default_transaction_read_only = on;",
        "SET client_encoding = 'LATIN1';",
        "SET DateStyle = 'German'; SET timezone = 'Asia/Tokyo'; SET IntervalStyle = 'iso_8601';",
        "SET client_min_messages = error;",
        "SELECT set_config('role', 'somebody', false);",
        "RESET ALL;",
        "SET ROLE somebody; RESET ALL;",
    ];
    let bench = Bench::with(
        "CREATE SCHEMA evil; \
         CREATE FUNCTION evil.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS 'BEGIN RAISE ''evil''; END'; \
         CREATE FUNCTION evil.current_setting(text, boolean) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE ''evil''; END'; \
         CREATE FUNCTION evil.eq(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE ''evil''; END'; \
         CREATE OPERATOR evil.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = evil.eq); \
         CREATE TABLE evil.ledger (x int); CREATE TABLE evil.fence (x int); \
         GRANT ALL ON SCHEMA public, evil TO PUBLIC; CREATE ROLE somebody",
    )
    .await;
    let mut steps = String::new();
    for (n, setting) in settings.iter().enumerate() {
        bench.file(
            &format!("s{n}.sql"),
            &format!("CREATE TABLE public.t{n} (id int);\n{setting}\nSELECT 1;\n"),
        );
        steps.push_str(&step(&format!("s{n}"), ""));
    }
    bench.plan(&steps);
    bench.run().await.exits(0);
    let ids: Vec<String> = (0..settings.len()).map(|n| format!("s{n} forward 0")).collect();
    assert_eq!(bench.ledger().await, ids);
    let rows = "SELECT bool_and(unit = '' AND statements BETWEEN 3 AND 5 AND applied_at > now() - interval '1 hour') FROM holdpoint.ledger";
    assert_eq!(bench.value(rows).await, "t");
    assert_eq!(bench.value("SELECT count(*) FROM evil.ledger").await, "0");
    let mut durable = false;
    for (_, sql) in bench.server.statements(&bench.db) {
        durable =
            sql.contains("synchronous_commit = on") || durable && !sql.contains("synchronous_commit = off");
        assert!(durable || !sql.contains("INSERT INTO holdpoint.ledger"), "{sql}");
    }
}

#[tokio::test]
async fn each_file_begins_on_a_fresh_session() {
    let bench = Bench::new().await;
    bench.file(
        "a.sql",
        "CREATE SCHEMA s;\nSET search_path = s;\nSET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY;\n\
         SET default_transaction_isolation = 'serializable';\nCREATE TEMP TABLE leak (id int);\n\
         SET my.setting = 'leaked';\nPREPARE p AS SELECT 1;\nSET ROLE pg_monitor;\n",
    );
    bench.file(
        "b.sql",
        "CREATE TABLE seen AS SELECT current_setting('search_path') AS path, current_user::text AS who, \
         current_setting('my.setting', true) AS mine, to_regclass('pg_temp.leak') AS temp, \
         (SELECT count(*) FROM pg_prepared_statements) AS prepared, current_setting('transaction_isolation') AS level, \
         current_setting('lock_timeout') AS lock_timeout;\n",
    );
    bench.plan(&format!("{}{}", step("a", ""), step("b", "")));
    bench.run().await.exits(0);
    let seen = bench.value("SELECT to_json(seen)::text FROM public.seen").await;
    let wanted = r#"{"path":"\"$user\", public","who":"postgres","mine":null,"temp":null,"prepared":0,"level":"read committed","lock_timeout":"5s"}"#;
    assert_eq!(seen, wanted);
}

#[tokio::test]
async fn each_file_of_a_glob_begins_on_a_fresh_session() {
    let bench = Bench::new().await;
    bench.file("m1.sql", "CREATE TABLE seen (path text);\nSET search_path = '';\nDISCARD PLANS;\n");
    bench.file("m2.sql", "INSERT INTO seen VALUES (current_setting('search_path'));\n");
    bench.plan("[[phase.step]]\nid = \"m\"\ntitle = \"M\"\nfiles = \"m*.sql\"\n");
    bench.run().await.exits(0);
    assert_eq!(bench.value("SELECT path FROM seen").await, "\"$user\", public");
    assert_eq!(bench.ledger().await, ["m m1.sql forward 0", "m m2.sql forward 0"]);
}

/// What a DROP … CASCADE takes along stands in the DETAIL of its notice alone.
#[tokio::test]
async fn notices_come_with_their_detail_and_hint() {
    let bench =
        Bench::with("CREATE TABLE t (id int); CREATE VIEW v AS SELECT * FROM t; CREATE VIEW w AS TABLE v")
            .await;
    bench.script(
        "DROP TABLE t CASCADE;\nDO $$ BEGIN RAISE WARNING 'so' USING DETAIL = 'why', HINT = 'do'; END $$;\n",
        "",
    );
    let ran = bench.run().await;
    ran.exits(0).says("NOTICE: drop cascades to 2 other objects").says("drop cascades to view w");
    ran.says("DETAIL: why").says("HINT: do");
}

/// psql prints them, and who has written the script wants to see them.
#[tokio::test]
async fn rows_of_a_copy_to_stdout_are_shown() {
    let bench = Bench::new().await;
    bench.script(
        "COPY (SELECT 'one', 1 UNION ALL SELECT 'two', 2) TO STDOUT (DELIMITER '|');\n\\copy (SELECT 'three') to stdout\n\
         \\o x.txt\nCOPY (SELECT 'four') TO STDOUT;\n\\copy (SELECT 'five') to pstdout\n\\o\n\
         COPY (SELECT 'six', repeat('x', 3)) TO STDOUT (FORMAT binary);\n",
        "",
    );
    let ran = bench.run().await;
    ran.exits(0).says("| one|1").says("| two|2").says("| three").says("| five").says("rows in binary format");
    assert!(!ran.out.contains("four") && !ran.out.contains("PGCOPY"), "{ran}");
}

/// What stands behind it fails of it, and isn't what somebody has to know.
#[tokio::test]
async fn the_first_error_is_shown_whatever_the_script_passes_over() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    let off = "\\set ON_ERROR_STOP off\n";
    for rest in [
        "INSERT INTO t VALUES (1);\n\\set ON_ERROR_STOP on\nINSERT INTO t VALUES (2);\n",
        "SELECT 1 AS x \\gset\n\\set ON_ERROR_STOP on\nSELECT 2 AS x \\gset\n",
        "\\set ON_ERROR_STOP on\nSELECT 'COMMIT' AS x \\gexec\n",
    ] {
        bench.script(&format!("{off}SELECT 1/0;\n{rest}"), "on_failure = \"stop\"");
        bench.run().await.exits(1).failed_with("a", "division by zero").says("a.sql:2:1");
        bench.script(
            &format!("{off}BEGIN;\nSELECT 1/0;\n{rest}COMMIT;\n"),
            "on_failure = \"stop\"\ntransaction = \"script\"",
        );
        bench.run().await.exits(1).failed_with("a", "division by zero").says("a.sql:3:1");
    }
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "0");
}

/// The server counts what a savepoint took back as well, and nobody can tell it from the rest.
#[tokio::test]
async fn rows_that_a_savepoint_took_back_arent_told_as_written() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    let back = "INSERT INTO t VALUES (1);\nSAVEPOINT s;\nINSERT INTO t VALUES (2), (3);\nROLLBACK TO s;\n";
    bench.script(back, "");
    bench.run().await.exits(0).says("t up to +3");
    let by_psql = "\\set ON_ERROR_ROLLBACK on\n\\set ON_ERROR_STOP off\nINSERT INTO t SELECT 1 / (2 - g) FROM generate_series(1, 3) g;\n\
                   INSERT INTO t VALUES (4);\n";
    bench.script(by_psql, "");
    bench.run().await.exits(0).says("t up to +2");
    bench.script(&format!("BEGIN;\n{back}COMMIT;\nINSERT INTO t VALUES (5);\n"), "transaction = \"script\"");
    bench.run().await.exits(0).says("t up to +3").says("; t +1");
}

/// The version whose rules a script is read by; that of the server is another thing.
#[tokio::test]
async fn a_script_can_ask_for_psqls_version() {
    let bench = Bench::new().await;
    bench.script(
        "SELECT :'VERSION' ~ '^PostgreSQL 15' AND :VERSION_NUM >= 150000 AND :'VERSION_NAME' = '15.0' AS known \\gset\n\
         \\if :known\nCREATE TABLE known ();\n\\endif\n\
         CREATE TABLE s AS SELECT :SERVER_VERSION_NUM = current_setting('server_version_num')::int AS num, \
         :'SERVER_VERSION_NAME' = current_setting('server_version') AS name, :'ENCODING' AS encoding;\n",
        "",
    );
    bench.run().await.exits(0);
    assert_eq!(bench.value("SELECT to_regclass('known') IS NOT NULL").await, "t");
    assert_eq!(bench.value("SELECT (num, name, encoding) FROM s").await, "(t,t,UTF8)");
}

//! `runner = "psql"`: files that the real psql runs, with the ledger's row in their transaction where they
//! are one, and an honest answer where they aren't.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::runs::{Bench, Ran, Running};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

const PSQL: &str = "runner = \"psql\"";
const NONE: &str = "runner = \"psql\"\ntransaction = \"none\"";

/// The backend of psql sleeps, or waits for something else.
async fn until_psql(bench: &Bench, waits_for: &str) {
    let sql = format!(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = '{}' AND application_name LIKE 'holdpoint psql %' \
         AND wait_event = '{waits_for}')",
        bench.db
    );
    bench.until("psql works", &sql).await;
}

async fn psql_is_gone(bench: &Bench) {
    let sql = format!(
        "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = '{}' AND application_name LIKE 'holdpoint psql %')",
        bench.db
    );
    bench.until("psql's session is gone", &sql).await;
}

/// Processes that have this text among their arguments.
fn processes(with: &str) -> Vec<i32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&line).contains(with) {
            found.push(pid);
        }
    }
    found
}

async fn until(what: &str, is: impl Fn() -> bool) {
    let began = std::time::Instant::now();
    while !is() {
        assert!(began.elapsed() < std::time::Duration::from_secs(60), "waited for: {what}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

async fn killed(running: Running<'_>, program: &str) -> Ran {
    let own = processes(program);
    let holdpoint = own.iter().copied().find(|pid| {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        name.trim() == "holdpoint"
    });
    kill(Pid::from_raw(holdpoint.unwrap()), Signal::SIGKILL).unwrap();
    running.end().await
}

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

/// A query's columns may be what the script pastes.
#[tokio::test]
async fn a_result_pasted_raw_is_refused_before_anything_runs() {
    let bench = Bench::with("CREATE TABLE t (n int)").await;
    let sql =
        "INSERT INTO t VALUES (0);\nSELECT count(*) AS n FROM t \\gset\nINSERT INTO t VALUES (:n + 1);\n";
    for keys in [PSQL, NONE, "transaction = \"none\"", ""] {
        bench.script(sql, keys);
        let ran = bench.call(&["check", "plan.toml"]).await;
        ran.exits(2).says("a.sql:3:23: error").says("would paste a value from the database");
        bench.run().await.exits(2);
    }
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "0");
    // Allowed by name, or pasted as a text, there is nothing to say; nor is the slice of an array one.
    for (sql, keys) in [
        (sql, "unsafe_vars = [\"n\"]"),
        (
            "SELECT count(*) AS n FROM t \\gset\nINSERT INTO t SELECT (ARRAY[1,2])[1:length('ab')][1] + :'n';\n",
            "",
        ),
        ("SELECT count(*) AS n FROM t \\gset p_\nINSERT INTO t VALUES (:'p_n');\n", ""),
    ] {
        bench.script(sql, keys);
        let ran = bench.call(&["check", "plan.toml"]).await;
        ran.exits(0);
        assert!(!ran.out.contains("has no value"), "{ran}");
    }
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
async fn without_a_psql_or_with_an_old_one_nothing_begins() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new().await;
    bench.script("SELECT 1;\n", PSQL);
    std::fs::create_dir(bench.path("bin")).unwrap();
    bench.env("HOLDPOINT_PG_BIN", common::runs::text(&bench.path("bin")));
    let ran = bench.run().await;
    ran.exits(3)
        .says("psql is to run step \"a\", and there is no psql in")
        .says("install PostgreSQL's client programs");
    bench.file("bin/psql", "#!/bin/sh\necho 'psql (PostgreSQL) 11.2'\n");
    std::fs::set_permissions(bench.path("bin/psql"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let ran = bench.run().await;
    ran.exits(3).says("is psql 11.2, older than the server (15)");
    assert_eq!(bench.value("SELECT to_regnamespace('holdpoint') IS NULL").await, "t");
}

#[tokio::test]
async fn a_file_that_changed_since_isnt_run() {
    let bench = Bench::new().await;
    bench.file("more.sql", "SELECT 1;\n");
    bench.script("\\ir more.sql\nCREATE TABLE t ();\n", PSQL);
    bench.sql("CREATE TABLE t ()").await;
    bench.run().await.exits(6);
    bench.sql("DROP TABLE t").await;
    bench.file("more.sql", "SELECT 2;\n");
    let ran = bench.resume().await;
    ran.exits(6).failed_with("a", "more.sql has changed since the run was opened");
    bench.file("more.sql", "SELECT 1;\n");
    bench.resume().await.exits(0);
}

#[tokio::test]
async fn ctrl_c_ends_psql_its_session_and_its_shell_commands() {
    let bench = Bench::with("CREATE TABLE t (n int)").await;
    bench.script("INSERT INTO t VALUES (1);\nSELECT pg_sleep(7000);\n", PSQL);
    let mut running = bench.begin(&["run"]);
    until_psql(&bench, "PgSleep").await;
    running.interrupt();
    let ran = running.end().await;
    ran.exits(130).failed_with_unit("interrupted by SIGINT");
    psql_is_gone(&bench).await;
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "0");
    bench.file("a.sql", "INSERT INTO t VALUES (1);\n");
    // The file is another one now: a new run.
    bench.call(&["resume", "--end", "over"]).await;

    let bench = Bench::new().await;
    bench.script("\\! sleep 7531\n", NONE);
    let mut running = bench.begin(&["run"]);
    until("the shell command", || !processes("sleep\x007531").is_empty()).await;
    running.interrupt();
    running.end().await.exits(130);
    until("the end of the shell command", || processes("sleep\x007531").is_empty()).await;
}

#[tokio::test]
async fn killed_in_one_transaction_nothing_is_left_and_resume_knows() {
    let bench = Bench::with("CREATE TABLE t (n int)").await;
    bench.sql("CREATE TABLE gate (); CREATE TABLE log (n int)").await;
    let mut holder = bench.server.session(&bench.db).await;
    holder.batch("BEGIN; LOCK TABLE gate").await.unwrap();
    bench.script(
        "INSERT INTO t VALUES (1);\n\\! sleep 7532 &\nSELECT * FROM gate;\n",
        "runner = \"psql\"\nlock_timeout = \"1h\"",
    );
    let running = bench.begin(&["run"]);
    until_psql(&bench, "relation").await;
    killed(running, common::runs::text(&bench.path("events.jsonl"))).await;
    psql_is_gone(&bench).await;
    until("the end of what it started", || processes("sleep\x007532").is_empty()).await;
    holder.batch("ROLLBACK").await.unwrap();
    let ran = bench.resume().await;
    let reconciled = ran.last("unit_reconciled");
    assert_eq!((&reconciled["applied"], reconciled["by"].is_null()), (&false.into(), true), "{ran}");
    ran.exits(0);
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "1");
    assert_eq!(bench.ledger().await, ["a forward 0"]);
}

#[tokio::test]
async fn killed_between_psqls_commit_and_our_line_it_is_applied() {
    let bench = Bench::with("CREATE TABLE t (n int)").await;
    bench.script("INSERT INTO t VALUES (1);\n", PSQL);
    bench.env("HOLDPOINT_CRASH_AT", "after-psql");
    bench.run().await;
    let ran = {
        bench.env("HOLDPOINT_CRASH_AT", "nowhere");
        bench.resume().await
    };
    ran.exits(0);
    assert_eq!(ran.last("unit_reconciled")["applied"], true);
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "1");
}

#[tokio::test]
async fn killed_statement_by_statement_a_person_rules() {
    let bench = Bench::with("CREATE TABLE t (n int)").await;
    bench.script("INSERT INTO t VALUES (1);\nSELECT pg_sleep(7000);\n", NONE);
    let running = bench.begin(&["run"]);
    until_psql(&bench, "PgSleep").await;
    killed(running, common::runs::text(&bench.path("events.jsonl"))).await;
    psql_is_gone(&bench).await;
    let ran = bench.resume().await;
    ran.exits(5).says("how far psql came can't be asked").says("--rule a=applied");
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "1");
    bench.call(&["resume", "--rule", "a=applied"]).await.exits(0);
    assert_eq!(bench.ledger().await, ["a forward 0"]);
    // Before psql was started there is nothing to rule on.
    let bench = Bench::with("CREATE TABLE t (n int)").await;
    bench.script("INSERT INTO t VALUES (1);\n", NONE);
    bench.env("HOLDPOINT_CRASH_AT", "after-intent-line");
    bench.run().await;
    bench.env("HOLDPOINT_CRASH_AT", "nowhere");
    let ran = bench.resume().await;
    assert_eq!(ran.last("unit_reconciled")["applied"], false, "{ran}");
}

#[tokio::test]
async fn a_lost_connection_is_told_from_an_error() {
    for (keys, code) in [(PSQL, 6), (NONE, 5)] {
        let bench = Bench::with("CREATE TABLE t (n int)").await;
        bench.script("INSERT INTO t VALUES (1);\nSELECT pg_sleep(7000);\n", keys);
        let running = bench.begin(&["run"]);
        until_psql(&bench, "PgSleep").await;
        bench
            .sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'holdpoint psql %' AND datname = current_database()")
            .await;
        let ran = running.end().await;
        ran.exits(code).says("terminating connection");
        assert!(bench.ledger().await.is_empty());
    }
}

#[tokio::test]
async fn a_secret_is_seen_by_nobody() {
    let bench =
        Bench::with("CREATE ROLE ada SUPERUSER LOGIN PASSWORD 'verygeheim'; CREATE TABLE t (n text)").await;
    bench.script("\\echo :token\nINSERT INTO t VALUES (:'token');\n\\! sleep 7533\n", PSQL);
    let plan = std::fs::read_to_string(bench.path("plan.toml")).unwrap();
    let vars = "[vars]\ntoken = { secret = true, env = \"TOKEN\" }\n\n[[phase]]";
    bench.file("plan.toml", &plan.replace("[[phase]]", vars));
    bench.env("TOKEN", "topsecret");
    bench.env("PGPASSWORD", "verygeheim");
    bench.env("PGUSER", "ada");
    let running = bench.begin(&["run"]);
    until("the shell command", || !processes("sleep\x007533").is_empty()).await;
    let sleeper = processes("sleep\x007533")[0];
    let seen = |pid: i32, what: &str| {
        String::from_utf8_lossy(&std::fs::read(format!("/proc/{pid}/{what}")).unwrap_or_default())
            .into_owned()
    };
    let psqls = processes("--no-psqlrc");
    assert!(!psqls.is_empty());
    for pid in psqls.into_iter().chain([sleeper]) {
        let (line, env) = (seen(pid, "cmdline"), seen(pid, "environ"));
        for secret in ["topsecret", "verygeheim"] {
            assert!(!line.contains(secret) && !env.contains(secret), "{line} {env}");
        }
    }
    kill(Pid::from_raw(sleeper), Signal::SIGTERM).unwrap();
    let ran = running.end().await;
    ran.exits(0).says("•••");
    assert_eq!(bench.value("SELECT n FROM t").await, "topsecret");
    let journal: Vec<String> = files_below(&bench.path("state"));
    for text in journal.iter().chain([&ran.out, &ran.err]) {
        assert!(!text.contains("topsecret") && !text.contains("verygeheim"));
    }
}

fn files_below(folder: &std::path::Path) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        match entry.path() {
            path if path.is_dir() => texts.extend(files_below(&path)),
            path => texts.push(String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()),
        }
    }
    texts
}

#[tokio::test]
async fn a_flood_of_output_is_bounded() {
    let bench = Bench::new().await;
    bench.script("SELECT repeat('x', 200) FROM generate_series(1, 100000);\nCREATE TABLE t ();\n", PSQL);
    let ran = bench.run().await;
    ran.exits(0).says("more lines of psql's that aren't shown");
    assert!(ran.out.len() < 2_000_000, "{} bytes", ran.out.len());
}

#[tokio::test]
async fn a_database_value_isnt_pasted_raw_by_psql_either() {
    let bench = Bench::with("CREATE TABLE t (n text); INSERT INTO t VALUES ('1); DROP TABLE t; --')").await;
    bench.file("a.sql", "INSERT INTO t VALUES (:n);\n");
    let check =
        "\n[[phase.step]]\nid = \"look\"\ntitle = \"look\"\ncheck = \"SELECT n FROM t\"\nsave = \"n\"\n";
    bench.plan(&format!("{check}{}", common::runs::step("a", PSQL)));
    let ran = bench.run().await;
    ran.exits(6).failed_with("a", ":n would paste a value from the database into SQL");
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "1");
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

/// What the unit's failure says, where the step itself has none yet.
trait UnitFailure {
    fn failed_with_unit(&self, text: &str) -> &Self;
}

impl UnitFailure for Ran {
    #[track_caller]
    fn failed_with_unit(&self, text: &str) -> &Self {
        let problem: &Value = &self.last("unit_failed")["problem"];
        assert!(problem["message"].as_str().unwrap_or_default().contains(text), "{problem}\n{self}");
        self
    }
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

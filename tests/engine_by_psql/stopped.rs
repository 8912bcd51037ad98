//! psql that is stopped, killed or cut off: what becomes of its session, and what is known afterwards.

use crate::common::runs::{Bench, Ran, Running};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::{NONE, PSQL};

/// The backend of psql sleeps, or waits for something else.
pub async fn until_psql(bench: &Bench, waits_for: &str) {
    let sql = format!(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = '{}' AND application_name LIKE 'holdpoint psql %' \
         AND wait_event = '{waits_for}')",
        bench.db
    );
    bench.until("psql works", &sql).await;
}

pub async fn psql_is_gone(bench: &Bench) {
    let sql = format!(
        "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = '{}' AND application_name LIKE 'holdpoint psql %')",
        bench.db
    );
    bench.until("psql's session is gone", &sql).await;
}

/// Processes that have this text among their arguments.
pub fn processes(with: &str) -> Vec<i32> {
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

pub async fn until(what: &str, is: impl Fn() -> bool) {
    let began = std::time::Instant::now();
    while !is() {
        assert!(began.elapsed() < std::time::Duration::from_secs(60), "waited for: {what}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

pub async fn killed(running: Running<'_>, program: &str) -> Ran {
    let own = processes(program);
    let holdpoint = own.iter().copied().find(|pid| {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        name.trim() == "holdpoint"
    });
    kill(Pid::from_raw(holdpoint.unwrap()), Signal::SIGKILL).unwrap();
    running.end().await
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
    killed(running, crate::common::runs::text(&bench.path("events.jsonl"))).await;
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
    killed(running, crate::common::runs::text(&bench.path("events.jsonl"))).await;
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

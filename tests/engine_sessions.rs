//! Sessions and targets: a server's defaults don't end ours, and the wrong server is refused.

mod common;

use std::sync::Arc;

use common::runs::{Bench, step};
use common::server::TestServer;

const DEFAULTS: &str = "idle_session_timeout = '300ms'";

/// A step of a second, with a wait in between for sessions to be idle.
const SLOW: &str = "CREATE TABLE t (id int);\nSELECT pg_sleep(1);\nINSERT INTO t VALUES (1);\n";

async fn survives(bench: &Bench) {
    bench.script(
        SLOW,
        "[[phase.step.checkpoint]]\ntitle = \"C\"\nsql = \"SELECT count(*) FROM t\"\nexpect = 1\n",
    );
    let ran = bench.run().await;
    ran.exits(0);
    assert_eq!(bench.ledger().await, ["a forward 0"]);
}

#[tokio::test]
async fn idle_timeouts_of_the_server_dont_end_our_sessions() {
    let settings = [("idle_session_timeout", "300ms"), ("idle_in_transaction_session_timeout", "1")];
    let server = Arc::new(TestServer::with(&settings).await);
    survives(&Bench::on(server).await).await;
}

#[tokio::test]
async fn idle_timeouts_of_role_and_database_dont_end_our_sessions() {
    let bench = Bench::new().await;
    let db = &bench.db;
    bench.sql(&format!("ALTER DATABASE {db} SET {DEFAULTS}")).await;
    bench.sql(&format!("CREATE ROLE boss_{db} LOGIN SUPERUSER; ALTER ROLE boss_{db} SET {DEFAULTS}; \
                        ALTER ROLE boss_{db} SET idle_in_transaction_session_timeout = 1; \
                        ALTER ROLE boss_{db} SET lock_timeout = 1; ALTER ROLE boss_{db} SET synchronous_commit = off; \
                        ALTER ROLE boss_{db} SET search_path = nowhere; ALTER ROLE boss_{db} SET DateStyle = 'German'")).await;
    bench.env("PGUSER", &format!("boss_{db}"));
    bench.script(&SLOW.replace(" t ", " public.t "), "lock_timeout = \"5s\"");
    bench.run().await.exits(0);
    assert_eq!(bench.ledger().await, ["a forward 0"]);
}

/// A file that resets everything doesn't bring the server's defaults back.
#[tokio::test]
async fn a_reset_in_the_file_doesnt_bring_the_defaults_back() {
    let bench = Bench::new().await;
    bench
        .sql(&format!("ALTER DATABASE {} SET idle_in_transaction_session_timeout = '100ms'", bench.db))
        .await;
    bench.sql(&format!("ALTER DATABASE {} SET idle_session_timeout = '100ms'", bench.db)).await;
    let seen = "CREATE TABLE seen AS SELECT current_setting('idle_in_transaction_session_timeout') AS a, \
                current_setting('idle_session_timeout') AS b, current_setting('lock_timeout') AS c;\n";
    bench.file("a.sql", &format!("RESET ALL;\n{seen}"));
    bench.file("b.sql", &format!("DISCARD ALL;\nDROP TABLE seen;\n{seen}"));
    bench.plan(&step("a", ""));
    bench.run().await.exits(0);
    assert_eq!(bench.value("SELECT seen::text FROM seen").await, "(0,0,5s)");
    bench.plan(&step("b", "transaction = \"none\""));
    bench.run().await.exits(0);
    assert_eq!(bench.value("SELECT seen::text FROM seen").await, "(0,0,5s)");
}

#[tokio::test]
async fn the_environment_marker_decides() {
    let bench = Bench::new().await;
    bench.script("CREATE TABLE t ();", "");
    let db = &bench.db;
    bench.sql(&format!("ALTER DATABASE {db} SET holdpoint.environment = 'production'")).await;
    let ran = bench.run().await;
    ran.exits(3).says("says of itself that it is \"production\"");
    assert!(ran.events.is_empty());
    // What a role or the connection says of itself proves nothing.
    bench.sql("ALTER ROLE postgres SET holdpoint.environment = 'dev'").await;
    bench.env("PGOPTIONS", "-c holdpoint.environment=dev");
    let refused = bench.run().await;
    bench.sql("ALTER ROLE postgres RESET holdpoint.environment").await;
    refused.exits(3);
    bench.sql(&format!("ALTER DATABASE {db} SET holdpoint.environment = 'dev'")).await;
    bench.run().await.exits(0);
}

#[tokio::test]
async fn a_standby_is_refused() {
    let mut server = TestServer::start().await;
    server.write_data_file("standby.signal", "");
    server.restart().await;
    // It has no database but the ones it came with.
    let bench = Bench::of(Arc::new(server), "postgres");
    bench.script("CREATE TABLE t ();", "");
    let ran = bench.run().await;
    ran.exits(3).says("the server is a standby");
    assert!(ran.events.is_empty());
}

/// The target is bound to the run: another database isn't resumed on.
#[tokio::test]
async fn a_run_is_bound_to_its_database() {
    let bench = Bench::new().await;
    bench.script("SELECT 1/0;", "");
    bench.run().await.exits(6);
    let other = bench.server.fresh_database().await;
    bench.env("PGDATABASE", &other);
    bench.resume().await.exits(3).says("bound to database");
    assert_eq!(bench.server.value(&other, "SELECT to_regnamespace('holdpoint') IS NULL").await, "t");
}

/// Figures for the deltas are no reason to wait for somebody's lock, or to fail without a right.
#[tokio::test]
async fn a_table_that_cant_be_counted_is_estimated() {
    let bench =
        Bench::with("CREATE TABLE hidden (id int); CREATE TABLE locked (id int); CREATE TABLE open (id int)")
            .await;
    let role = format!("worker_{}", bench.db);
    bench
        .sql(&format!(
            "CREATE ROLE {role} LOGIN; GRANT CREATE ON DATABASE {} TO {role}; \
                        GRANT ALL ON SCHEMA public TO {role}; GRANT ALL ON locked, open TO {role}; \
                        INSERT INTO open VALUES (1), (2)",
            bench.db
        ))
        .await;
    bench.env("PGUSER", &role);
    bench.script("CREATE TABLE t ();", "");
    let mut holder = bench.server.session(&bench.db).await;
    holder.batch("BEGIN; LOCK TABLE locked").await.unwrap();
    let ran = bench.run().await;
    ran.exits(0);
    let rows = &ran.last("baseline_taken")["rows"];
    assert_eq!(rows["open"], serde_json::json!({ "rows": 2, "exact": true }));
    assert_eq!(rows["hidden"]["exact"], false);
    assert_eq!(rows["locked"]["exact"], false);
}

#[tokio::test]
async fn a_guard_that_cant_be_read_is_a_refusal() {
    let bench = Bench::with("CREATE TABLE hidden (id int)").await;
    let role = format!("guard_{}", bench.db);
    bench.sql(&format!("CREATE ROLE {role} LOGIN; GRANT CREATE ON DATABASE {} TO {role}", bench.db)).await;
    bench.env("PGUSER", &role);
    bench.file("a.sql", "SELECT 1;");
    bench.plan_with("guards = [\"hidden\"]", &step("a", ""));
    bench.run().await.exits(3).says("permission denied for table hidden");
    assert_eq!(bench.value("SELECT to_regnamespace('holdpoint') IS NULL").await, "t");
}

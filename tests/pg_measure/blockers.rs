//! Who holds what a session waits for, and which database it is.

use crate::common::server::TestServer;
use holdpoint::pg::Session;
use holdpoint::pg::blockers::{blockers, lockers};
use holdpoint::pg::identity::Target;
use holdpoint::pg::watched::watched;
use holdpoint::run::event::Blocker;

/// Runs `sql` on a session of its own until it waits for a lock, asks for the blockers, ends the wait.
async fn while_waiting(server: &TestServer, database: &str, sql: &str, asker: &mut Session) -> Vec<Blocker> {
    let mut waiting = server.session(database).await;
    let (pid, cancel) = (waiting.pid(), waiting.cancel_handle());
    waiting.queue_simple(sql).expect("queued");
    waiting.flush().await.expect("sent");
    let asked = format!("SELECT count(*) FROM pg_locks WHERE pid = {pid} AND NOT granted");
    for _ in 0..2_000 {
        if server.value(database, &asked).await != "0" {
            break;
        }
    }
    let found = blockers(asker, pid).await.expect("blockers");
    cancel.cancel().await.expect("cancelled");
    waiting.drain().await.expect("drained");
    waiting.close().await;
    assert_eq!(blockers(asker, pid).await.expect("nobody waits any more"), []);
    found
}

async fn named(server: &TestServer, database: &str, application: &str, sql: &str) -> Session {
    let mut session = server.session(database).await;
    session.batch(&format!("SET application_name = '{application}'; {sql}")).await.expect(sql);
    session
}

#[tokio::test]
async fn blockers_are_named_with_what_they_hold() {
    let server = TestServer::with(&[("max_prepared_transactions", "5")]).await;
    let database = server.fresh_database().await;
    server
        .sql(&database, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); CREATE SCHEMA s")
        .await;
    let mut control = server.session(&database).await;
    let user = server.config(&database).user().to_owned();

    let reader = named(&server, &database, "the app", "BEGIN; SELECT * FROM t").await;
    let found = while_waiting(&server, &database, "ALTER TABLE t ADD x int", &mut control).await;
    let [only] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        (only.pid, only.user.as_str(), only.application.as_str()),
        (reader.pid(), user.as_str(), "the app")
    );
    assert_eq!(
        (only.state.as_str(), only.relation.as_deref(), only.mode.as_deref()),
        ("idle in transaction", Some("t"), Some("AccessShare"))
    );
    assert!(only.since_ms.is_some_and(|ms| ms < 60_000), "{only:?}");
    // Only the table is known: the same session.
    let around = lockers(&mut control, "t", &[]).await.expect("lockers");
    assert_eq!(
        (around.len(), around[0].pid, around[0].mode.as_deref()),
        (1, reader.pid(), Some("AccessShare"))
    );
    assert_eq!(lockers(&mut control, "t", &[reader.pid()]).await.expect("lockers"), []);
    reader.close().await;

    // A row lock: the table comes from the tuple that is waited for.
    let writer = named(&server, &database, "writer", "BEGIN; UPDATE t SET id = 1").await;
    let found = while_waiting(&server, &database, "UPDATE t SET id = 2", &mut control).await;
    assert_eq!(
        (found[0].pid, found[0].relation.as_deref(), found[0].mode.as_deref()),
        (writer.pid(), Some("t"), Some("row lock"))
    );
    writer.close().await;

    let keeper = named(&server, &database, "keeper", "SELECT pg_advisory_lock(7)").await;
    let found = while_waiting(&server, &database, "SELECT pg_advisory_lock(7)", &mut control).await;
    assert_eq!((found[0].pid, found[0].relation.as_deref()), (keeper.pid(), Some("advisory lock 0, 7")));
    keeper.close().await;

    let maker = named(&server, &database, "maker", "BEGIN; CREATE TABLE s.t (id int)").await;
    let found = while_waiting(&server, &database, "DROP SCHEMA s CASCADE", &mut control).await;
    assert_eq!((found[0].pid, found[0].relation.as_deref()), (maker.pid(), Some("schema s")));
    maker.close().await;

    let prepared = "BEGIN; UPDATE t SET id = 1; PREPARE TRANSACTION 'left behind'";
    named(&server, &database, "gone", prepared).await.close().await;
    for sql in ["UPDATE t SET id = 3", "ALTER TABLE t ADD x int"] {
        let found = while_waiting(&server, &database, sql, &mut control).await;
        assert_eq!(
            (found[0].pid, found[0].application.as_str()),
            (0, "prepared transaction left behind"),
            "{sql}"
        );
        assert_eq!((found[0].state.as_str(), found[0].relation.as_deref()), ("prepared", Some("t")), "{sql}");
    }
    let target = Target::look(&mut control).await.expect("the target");
    assert_eq!(target.prepared[0].gid, "left behind");
    server.sql(&database, "ROLLBACK PREPARED 'left behind'").await;
}

#[tokio::test]
async fn a_queue_is_shown_whole_and_a_poor_role_sees_what_it_may() {
    let server = TestServer::start().await;
    let database = server.fresh_database().await;
    server.sql(&database, "CREATE TABLE \"T 1\" (id int); CREATE ROLE poor LOGIN").await;
    let reader = named(&server, &database, "reader", "BEGIN; SELECT * FROM \"T 1\"").await;
    let mut queued = named(&server, &database, "queued", "").await;
    queued.queue_simple("LOCK TABLE \"T 1\"").expect("queued");
    queued.queue_simple("BEGIN; ALTER TABLE \"T 1\" ADD x int").expect("queued");
    queued.flush().await.expect("sent");
    let asked = format!("SELECT count(*) FROM pg_locks WHERE pid = {} AND NOT granted", queued.pid());
    while server.value(&database, &asked).await == "0" {}
    let config = server.config(&database).with_user("poor");
    let mut poor = Session::connect(&config, "test").await.expect("a session");
    // Behind somebody who only waits himself.
    let found = while_waiting(&server, &database, "SELECT * FROM \"T 1\"", &mut poor).await;
    let [only] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        (only.pid, only.application.as_str(), only.state.as_str()),
        (queued.pid(), "queued", "unknown")
    );
    assert_eq!(
        (only.relation.as_deref(), only.mode.as_deref()),
        (Some("\"T 1\""), Some("waits for AccessExclusive"))
    );
    assert_eq!(only.since_ms, None);
    reader.close().await;
    queued.drain().await.expect("drained");
}

#[tokio::test]
async fn the_target_is_known_by_what_it_is() {
    let server = TestServer::start().await;
    let database = server.fresh_database().await;
    let mut session = server.session(&database).await;
    let target = Target::look(&mut session).await.expect("the target");
    assert!(session.is_idle(), "nothing is left open");
    let identity = &target.identity;
    assert_eq!((identity.database.as_str(), identity.timeline.as_deref()), (database.as_str(), Some("1")));
    assert_eq!(
        identity.database_oid.to_string(),
        server.value(&database, "SELECT oid FROM pg_database WHERE datname = current_database()").await
    );
    assert_eq!(
        identity.system_identifier.as_deref(),
        Some(server.value(&database, "SELECT system_identifier FROM pg_control_system()").await.as_str())
    );
    assert!(target.superuser && target.may_create_schema && !target.in_recovery && !target.schema_exists);
    assert_eq!(
        (&target.environment, &target.publishes_all, &target.event_triggers, &target.prepared),
        (&None, &vec![], &vec![], &vec![])
    );
    assert_eq!((target.version_num, target.encoding.as_str()), (session.server_version(), "UTF8"));

    server
        .sql(
            &database,
            &format!(
                "ALTER DATABASE {database} SET holdpoint.environment = 'production'; CREATE PUBLICATION everything FOR ALL TABLES;
                 CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
                 CREATE EVENT TRIGGER \"No DDL\" ON ddl_command_start EXECUTE FUNCTION f();
                 CREATE EVENT TRIGGER off ON sql_drop EXECUTE FUNCTION f(); ALTER EVENT TRIGGER off DISABLE;
                 CREATE ROLE poor LOGIN; ALTER ROLE poor SET holdpoint.environment = 'dev';
                 ALTER ROLE poor IN DATABASE {database} SET holdpoint.environment = 'dev';
                 REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC; REVOKE EXECUTE ON FUNCTION pg_current_wal_lsn() FROM PUBLIC"
            ),
        )
        .await;
    let config = server.config(&database).with_user("poor");
    let mut poor = Session::connect(&config, "test").await.expect("a session");
    poor.batch("SET holdpoint.environment = 'dev'").await.expect("anybody can");
    let target = Target::look(&mut poor).await.expect("the target");
    assert_eq!((&target.identity.system_identifier, &target.identity.timeline), (&None, &None));
    assert!(!target.superuser && !target.may_create_schema);
    // What the role or the session says about the environment doesn't count.
    assert_eq!(target.environment.as_deref(), Some("production"));
    assert_eq!(target.publishes_all, ["everything"]);
    let triggers: Vec<&str> = target.event_triggers.iter().map(|trigger| trigger.name.as_str()).collect();
    assert_eq!(triggers, ["No DDL"]);
}

/// What a cockpit shows of a step: asked while the table is locked as hard as can be.
#[tokio::test]
async fn a_session_is_seen_with_its_locks_and_what_it_waits_for() {
    let server = TestServer::start().await;
    let database = server.fresh_database().await;
    server
        .sql(
            &database,
            "CREATE TABLE \"Big\" AS SELECT generate_series(1, 5000) AS n; ANALYZE \"Big\"; CREATE TABLE t (n int)",
        )
        .await;
    let mut asker = server.session(&database).await;
    let mut holder = server.session(&database).await;
    holder.batch("BEGIN; ALTER TABLE \"Big\" ADD m int; INSERT INTO t VALUES (1)").await.expect("locked");
    let seen = watched(&mut asker, holder.pid()).await.expect("seen");
    let locks: Vec<(&str, &str, bool, Option<i64>)> =
        seen.locks.iter().map(|l| (l.relation.as_str(), l.mode.as_str(), l.granted, l.rows)).collect();
    assert_eq!(
        locks,
        [("\"Big\"", "AccessExclusive", true, Some(5000)), ("t", "RowExclusive", true, None)],
        "{seen:?}"
    );
    assert!(seen.locks[0].bytes > 0 && seen.waits.is_none(), "{seen:?}");

    let mut waiting = server.session(&database).await;
    let (pid, cancel) = (waiting.pid(), waiting.cancel_handle());
    waiting.queue_simple("SELECT * FROM \"Big\"").expect("queued");
    waiting.flush().await.expect("sent");
    let seen = loop {
        let seen = watched(&mut asker, pid).await.expect("seen");
        if seen.waits.is_some() {
            break seen;
        }
    };
    assert_eq!(seen.waits.as_deref(), Some("Lock: relation"));
    assert!(seen.locks.iter().any(|l| l.relation == "\"Big\"" && !l.granted), "{seen:?}");
    cancel.cancel().await.expect("cancelled");
    waiting.drain().await.expect("drained");
    assert_eq!(watched(&mut asker, 1).await.expect("nobody").locks, []);
}

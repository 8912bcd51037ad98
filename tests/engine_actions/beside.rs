//! `restore` with `beside`: a new database takes the target's place when it is whole, and the old one stays.

use super::restores::{PROCEDURE, WORLD, bench, is_as_before, plan};
use crate::common::runs::{Bench, Ran};
use holdpoint::pg::Session;

fn beside(more: &str) -> String {
    let key = format!("restore = \"backup\"\nbeside = true{more}");
    PROCEDURE.replace("restore = \"backup\"", &key)
}

/// What the server has of databases whose names begin with that of the bench.
async fn family(bench: &Bench) -> Vec<String> {
    let sql = format!(
        "SELECT string_agg(datname, ' ' ORDER BY oid) FROM pg_database WHERE datname LIKE '{}%'",
        bench.db
    );
    bench.value(&sql).await.split(' ').map(str::to_owned).collect()
}

fn old_name(ran: &Ran) -> String {
    ran.last("database_replacing")["aside"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_restored_database_takes_the_place_and_the_old_one_stays() {
    let bench = bench().await;
    let (db, role) = (&bench.db, format!("{}_app", bench.db));
    bench
        .sql(&format!(
            "CREATE ROLE {role}; ALTER DATABASE {db} OWNER TO {role}; ALTER DATABASE {db} SET search_path TO \"$user\", public, ''; \
             ALTER DATABASE {db} SET work_mem TO '8MB'; ALTER ROLE {role} IN DATABASE {db} SET jit TO off; \
             ALTER DATABASE {db} CONNECTION LIMIT 77; COMMENT ON DATABASE {db} IS 'the shop; since 1999'; \
             REVOKE TEMPORARY ON DATABASE {db} FROM PUBLIC; GRANT CREATE ON DATABASE {db} TO pg_monitor WITH GRANT OPTION"
        ))
        .await;
    // Who may read the ledger may do so afterwards.
    bench.plan("[[phase.step]]\nid = \"first\"\ntitle = \"first\"\nsql = \"CREATE TABLE early ()\"");
    bench.run().await.exits(0);
    bench.sql("DROP TABLE early; GRANT USAGE ON SCHEMA holdpoint TO pg_monitor; GRANT SELECT ON holdpoint.ledger TO pg_monitor").await;
    let properties = "SELECT json_build_array(datdba::regrole, datconnlimit, encoding, datcollate, datctype, \
        shobj_description(oid, 'pg_database'), (SELECT array_agg(x::text ORDER BY x::text) FROM aclexplode(datacl) x), \
        (SELECT array_agg(setrole::regrole || ' ' || array_to_string(setconfig, ';') ORDER BY setrole) FROM pg_db_role_setting WHERE setdatabase = d.oid)) \
        FROM pg_database d WHERE datname = current_database()";
    let before = bench.value(properties).await;
    let oid = "SELECT oid FROM pg_database WHERE datname = current_database()";
    let (was, analyzed) =
        (bench.value(oid).await, "SELECT count(*) FROM pg_stats WHERE schemaname = 'public'");
    bench.plan(&plan("emergency", &beside("")));
    let ran = bench.run().await;
    ran.exits(4).says("restores into").says("nothing is left behind");
    assert_eq!(ran.verdict("the schema is that of the backup"), (true, "the same"));
    let old = old_name(&ran);
    ran.says(&format!("the old one is {old}"));
    assert_eq!(family(&bench).await, [old.clone(), bench.db.clone()], "nothing else is left");
    assert_ne!(bench.value(analyzed).await, "0", "it comes with statistics");
    is_as_before(&bench).await;
    assert_eq!(bench.value(properties).await, before);
    // What the migration made is told as gone, as after a restore in place.
    let report: serde_json::Value = serde_json::from_str(
        &bench.call(&["report", ran.run(), "--format", "json", "--state-dir", "state"]).await.out,
    )
    .unwrap();
    let rows = report["deltas"]["rows"].as_array().unwrap();
    let more = rows.iter().find(|one| one["table"] == "more");
    assert!(more.is_none_or(|one| one["now"].is_null()), "{rows:?}");
    let replacing = ran.last("database_replacing");
    assert_eq!(replacing["aside_oid"].to_string(), was, "{replacing}");
    assert_eq!(replacing["oid"].to_string(), bench.value(oid).await, "{replacing}");
    // What came since the backup is there.
    assert_eq!(bench.server.value(&old, oid).await, was);
    assert_eq!(bench.server.value(&old, "SELECT count(*) FROM more").await, "0");
    let ledger = bench.ledger().await;
    for row in ["migrate forward 0", "restore forward 0", "migrate back 0"] {
        assert!(ledger.contains(&row.to_owned()), "{row}: {ledger:?}");
    }
    let rows = "SELECT count(*) FROM holdpoint.ledger WHERE step = 'restore'";
    assert_eq!(bench.server.value(&old, rows).await, "0", "only where it is restored");
    assert_eq!(
        bench.value("SELECT has_table_privilege('pg_monitor', 'holdpoint.ledger', 'SELECT')").await,
        "t"
    );
    let runs = "SELECT count(*) FROM holdpoint.run";
    assert_eq!(bench.value(runs).await, bench.server.value(&old, runs).await, "whose plans they were, too");
    // The plan runs again: the new database is the target.
    bench.run().await.exits(4).says("restores into");
    assert_eq!(bench.value("SELECT count(*) FROM orders").await, "1");
    assert_eq!(family(&bench).await.len(), 3);
}

/// Whoever is in the database is shown, idle or not; he is ended only where the plan says so.
#[tokio::test]
async fn sessions_are_shown_and_ended_only_when_told() {
    for told in [false, true] {
        let bench = bench().await;
        let more = if told { "\nend_sessions = true" } else { "" };
        bench.plan(&plan("hold", &beside(more).replace("lock_retries = 500", "lock_retries = 2")));
        bench.run().await.exits(6);
        let mut holder = Session::connect(&bench.server.config(&bench.db), "holder").await.unwrap();
        holder.batch("SET application_name = 'app'").await.unwrap();
        let pid = holder.pid();
        let ran = bench.call(&["rollback", "--procedure", "emergency", "--reason", "test"]).await;
        if told {
            ran.exits(4);
            assert_eq!(ran.last("backend_ending")["backend"]["pid"], pid, "{ran}");
            assert_eq!(ran.last("backend_ending")["by"]["how"], "policy", "{ran}");
            assert_eq!(ran.last("backend_ended")["outcome"], "done", "{ran}");
            assert!(holder.batch("SELECT 1").await.is_err(), "it is gone");
        } else {
            ran.exits(6)
                .says("somebody is in the way")
                .says(&format!("in the way: pid {pid} (app, idle)"))
                .says("end_sessions = true")
                .says_wrapped("what was restored waits in");
            assert_eq!(ran.all("lock_retry").len(), 2, "{ran}");
            assert!(ran.all("backend_ending").is_empty(), "{ran}");
            assert!(holder.batch("SELECT 1").await.is_ok(), "it wasn't touched");
            assert_eq!(family(&bench).await.len(), 2, "it waits for the next try");
            assert_eq!(bench.value("SELECT count(*) FROM more").await, "0");
            holder.close().await;
            bench.resume().await.exits(4).says("is whole from the try before");
        }
        is_as_before(&bench).await;
        assert_eq!(family(&bench).await.len(), 2, "the old one and the restored one");
    }
}

/// A prepared transaction is in the database as a session is, and nobody can end it: so nobody else is ended either.
#[tokio::test]
async fn a_prepared_transaction_is_shown() {
    let bench = bench().await;
    let told = beside("\nend_sessions = true").replace("lock_retries = 500", "lock_retries = 0");
    bench.plan(&plan("hold", &told));
    bench.run().await.exits(6);
    bench.sql("BEGIN; CREATE TABLE half (); PREPARE TRANSACTION 'night'").await;
    let mut idle = Session::connect(&bench.server.config(&bench.db), "idle").await.unwrap();
    idle.batch("SET application_name = 'app'").await.unwrap();
    let ran = bench.call(&["rollback", "--procedure", "emergency", "--reason", "test"]).await;
    ran.exits(6).says("the prepared transaction night").says("ROLLBACK PREPARED");
    assert!(ran.all("backend_ending").is_empty(), "{ran}");
    assert!(idle.batch("SELECT 1").await.is_ok(), "it was left alone");
    bench.sql("ROLLBACK PREPARED 'night'").await;
    bench.resume().await.exits(4);
    is_as_before(&bench).await;
}

/// Who has the database itself locked is waited for as anybody else is, and what was restored waits too; no limit of the
/// role's ends what takes as long as it takes.
#[tokio::test]
async fn a_lock_on_the_database_is_waited_for() {
    let bench = bench().await;
    bench.sql(&format!("ALTER DATABASE {} SET statement_timeout = '1s'", bench.db)).await;
    bench.plan(&plan("hold", &beside("").replace("lock_retries = 500", "lock_retries = 0")));
    bench.run().await.exits(6);
    let mut holder = Session::connect(&bench.server.config("postgres"), "holder").await.unwrap();
    holder.batch("SET application_name = 'dba'").await.unwrap();
    holder.batch(&format!("BEGIN; COMMENT ON DATABASE {} IS 'mine'", bench.db)).await.unwrap();
    let ran = bench.call(&["rollback", "--procedure", "emergency", "--reason", "test"]).await;
    ran.exits(6).says("(dba, idle in transaction)");
    holder.batch("ROLLBACK").await.unwrap();
    bench.resume().await.exits(4).says("is whole from the try before");
    is_as_before(&bench).await;
}

/// The name of a database may be anything.
#[tokio::test]
async fn any_name_can_be_taken() {
    let home = Bench::new().await;
    for name in [r#"Shop "of" Äpfel; = 'x'"#, &"n".repeat(63)] {
        let unique = format!("{}{}", home.db, name);
        let name: String = unique.chars().take(63).collect();
        home.sql(&format!("CREATE DATABASE \"{}\"", name.replace('"', "\"\""))).await;
        let bench = Bench::of(std::sync::Arc::clone(&home.server), &name);
        bench.sql(WORLD).await;
        bench.file("a.sql", "DELETE FROM orders");
        bench.plan(&plan("emergency", &beside("")));
        let ran = bench.run().await;
        ran.exits(4);
        assert_eq!(bench.value("SELECT count(*) FROM orders").await, "1", "{name}");
        assert_eq!(bench.server.value(&old_name(&ran), "SELECT count(*) FROM orders").await, "0", "{name}");
    }
}

/// At every moment the database with the target's name is the old one or the restored one, whole, and the ledger
/// in it says which.
#[tokio::test]
async fn killed_at_any_moment_it_is_restored_once() {
    let points =
        ["restore-created", "restore-loaded", "after-commit-intent", "after-commit", "after-applied"];
    for point in points {
        let bench = bench().await;
        bench.plan(&plan("hold", &beside("")));
        bench.run().await.exits(6);
        let mut command = bench.command(&["rollback", "--procedure", "emergency", "--reason", "test"]);
        let died = command.env("HOLDPOINT_CRASH_AT", point).output().unwrap();
        assert_eq!(died.status.code(), None, "{point}: {died:?}");
        let there = bench.value("SELECT to_regclass('more') IS NOT NULL").await;
        assert_eq!(there == "f", ["after-commit", "after-applied"].contains(&point), "{point}");
        bench.resume().await.exits(4);
        is_as_before(&bench).await;
        let restored = bench.ledger().await.into_iter().filter(|row| row.starts_with("restore ")).count();
        assert_eq!(restored, 1, "{point}");
        assert_eq!(family(&bench).await.len(), 2, "{point}");
    }
}

/// The run is bound to the new database from then on: it waits there, and no other is begun beside it.
#[tokio::test]
async fn a_run_that_waits_afterwards_is_found_on_the_new_database() {
    let bench = bench().await;
    let waits = beside("").replace("title = \"orders\"", "title = \"orders\"\non_failure = \"hold\"");
    bench.plan(&plan(
        "hold",
        &waits.replace("FROM orders\"\nexpect = 1", "FROM orders WHERE id = 7\"\nexpect = 1"),
    ));
    bench.run().await.exits(6);
    bench.call(&["rollback", "--procedure", "emergency", "--reason", "test"]).await.exits(6);
    bench.run().await.exits(3).says("of this plan is open on this database");
    let old = family(&bench).await.remove(0);
    let on_old = format!("postgres:///{old}");
    bench.call(&["resume", "--target", &on_old]).await.exits(3).says("has put aside: the run goes on in");
    bench.sql("INSERT INTO orders VALUES (7, 1)").await;
    bench.resume().await.exits(4);
}

/// What the role may not do, and what would be lost with the name, is found before anything is made.
#[tokio::test]
async fn what_speaks_against_it_is_found_first() {
    let bench = bench().await;
    bench.sql("CREATE SUBSCRIPTION feed CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false, slot_name = NONE)").await;
    bench.plan(&plan("hold", &beside("")));
    let refused = bench.run().await;
    refused.exits(3).says("its subscriptions (feed) would be there twice").says("Nothing was done");
    let checked = bench.call(&["check", "--online", "plan.toml"]).await;
    checked.exits(3).says("its subscriptions (feed) would be there twice");
    bench.sql("DROP SUBSCRIPTION feed").await;

    let role = format!("{}_owner", bench.db);
    let hands = format!(
        "CREATE ROLE {role} LOGIN; ALTER DATABASE {} OWNER TO {role}; ALTER SCHEMA public OWNER TO {role}; \
         DO $$ DECLARE one record; BEGIN FOR one IN SELECT oid::regclass AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v') \
         LOOP EXECUTE format('ALTER TABLE %s OWNER TO {role}', one.name); END LOOP; END $$; \
         ALTER TYPE mood OWNER TO {role}; ALTER SEQUENCE numbers OWNER TO {role}; ALTER FUNCTION f() OWNER TO {role}",
        bench.db
    );
    bench.sql(&hands).await;
    bench.env("PGUSER", &role);
    bench.run().await.exits(3).says("be allowed to create databases (ALTER ROLE … CREATEDB)");
    bench.sql(&format!("ALTER ROLE {role} CREATEDB")).await;
    bench.run().await.exits(6);
    bench.call(&["rollback", "--procedure", "emergency", "--reason", "test"]).await.exits(4);
    is_as_before(&bench).await;
    assert_eq!(
        bench
            .value("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()")
            .await,
        role
    );
}

/// A backup that lists and doesn't restore: it is found out in the new database, and the target is as it was.
#[tokio::test]
async fn what_doesnt_restore_never_takes_the_place() {
    let bench = Bench::with(WORLD).await;
    // As it is called without a search_path, it doesn't find its table.
    bench
        .sql(
            "CREATE FUNCTION known(c int) RETURNS bool LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM customer WHERE id = c)'; \
             ALTER TABLE orders ADD CHECK (known(customer))",
        )
        .await;
    bench.file("a.sql", "CREATE TABLE more (id int)");
    bench.plan(&plan("hold", &beside("")));
    bench.run().await.exits(6);
    let ran = bench.call(&["rollback", "--procedure", "emergency", "--reason", "test"]).await;
    ran.exits(6)
        .failed_with("restore", "the backup can't be restored: pg_restore says")
        .says("nothing was restored, and the database is as it was");
    assert_eq!(family(&bench).await, std::slice::from_ref(&bench.db));
    assert_eq!(bench.value("SELECT count(*) FROM more").await, "0");
}

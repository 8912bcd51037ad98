//! `restore`: the database is as it was in the backup, all of it, and the ledger still knows what happened.

use crate::common::runs::Bench;

pub(super) const WORLD: &str = "\
    CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE SEQUENCE numbers; SELECT nextval('numbers'); \
    CREATE TABLE customer (id serial PRIMARY KEY, m mood, gone int DEFAULT 7); \
    CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customer); \
    CREATE VIEW good AS SELECT * FROM customer WHERE m = 'good'; \
    CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; \
    INSERT INTO customer (m) SELECT 'good' FROM generate_series(1, 20) n; INSERT INTO orders VALUES (1, 1)";

/// New objects that hang on old ones, an old column with a default gone, rows gone, a function that is another.
const MIGRATION: &str = "\
    CREATE TABLE more (id int PRIMARY KEY, customer int REFERENCES customer, m mood); CREATE TYPE colour AS ENUM ('red'); \
    ALTER TABLE orders ADD more int REFERENCES more, ADD c colour; CREATE VIEW all_good AS SELECT good.id FROM good JOIN more USING (id); \
    CREATE SCHEMA extra; CREATE TABLE extra.t (id int); CREATE FUNCTION g(c colour) RETURNS int LANGUAGE sql AS 'SELECT 2'; \
    CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 3'; DROP VIEW good CASCADE; \
    ALTER TABLE customer DROP COLUMN gone; DELETE FROM orders; SELECT nextval('numbers')";

pub(super) fn plan(on_failure: &str, procedure: &str) -> String {
    format!(
        "\n[[phase.step]]\nid = \"backup\"\ntitle = \"backup\"\nbackup = \"shop.dump\"\n\
         [[phase.step]]\nid = \"migrate\"\ntitle = \"migrate\"\nfile = \"a.sql\"\n\
         [[phase.step]]\nid = \"good\"\ntitle = \"good\"\ncheck = \"SELECT count(*) FROM orders\"\nexpect = 5\n\
         on_failure = \"{on_failure}\"\n{procedure}"
    )
}

pub(super) const PROCEDURE: &str = "\
    [[rollback]]\nid = \"emergency\"\ntitle = \"emergency\"\nundoes = [\"migrate\"]\n\
    [[rollback.step]]\nid = \"restore\"\ntitle = \"restore\"\nrestore = \"backup\"\nlock_timeout = \"100ms\"\nlock_retries = 500\n\
    [[rollback.step]]\nid = \"orders\"\ntitle = \"orders\"\ncheck = \"SELECT count(*) FROM orders\"\nexpect = 1\n";

pub(super) async fn bench() -> Bench {
    let bench = Bench::with(WORLD).await;
    bench.file("a.sql", MIGRATION);
    bench
}

pub(super) async fn is_as_before(bench: &Bench) {
    let tables = "SELECT string_agg(n.nspname || '.' || relname, ' ' ORDER BY n.nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace \
                  WHERE relkind IN ('r', 'v') AND nspname NOT IN ('pg_catalog', 'information_schema', 'holdpoint', 'pg_toast')";
    assert_eq!(bench.value(tables).await, "public.customer public.good public.orders");
    assert_eq!(
        bench
            .value(
                "SELECT count(*) || ' ' || sum(gone) || ' ' || (SELECT count(*) FROM orders) FROM customer"
            )
            .await,
        "20 140 1"
    );
    assert_eq!(
        bench.value("SELECT f() || ' ' || coalesce(to_regtype('colour')::text, 'none')").await,
        "1 none"
    );
    assert_eq!(bench.value("SELECT nextval('numbers')").await, "2");
    assert_eq!(bench.value("SELECT count(*) FROM pg_namespace WHERE nspname = 'extra'").await, "0");
}

#[tokio::test]
async fn a_procedure_brings_the_whole_database_back() {
    let bench = bench().await;
    bench.plan(&plan("emergency", PROCEDURE));
    let ran = bench.run().await;
    ran.exits(4).says("restores").says("nothing is left behind");
    assert_eq!(ran.verdict("the schema is that of the backup"), (true, "the same"));
    is_as_before(&bench).await;
    let ledger = bench.ledger().await;
    assert!(
        ledger.contains(&"restore forward 0".to_owned()) && ledger.contains(&"migrate forward 0".to_owned()),
        "{ledger:?}"
    );
    let run = std::fs::read_dir(bench.path("state")).unwrap().next().unwrap().unwrap().path();
    assert!(!run.join("restore-restore.sql").exists(), "rows of the database aren't left lying about");
}

/// A step's own rollback can be the backup, too.
#[tokio::test]
async fn a_step_is_undone_by_its_backup() {
    let bench = bench().await;
    let own = "[phase.step.rollback]\nrestore = \"backup\"\n[[phase.step]]\nid = \"good\"";
    bench.plan(&plan("rollback", "").replace("[[phase.step]]\nid = \"good\"", own));
    let listed = bench.run().await;
    listed.exits(4).says("restore of backup").says("everything that anybody wrote since backup");
    is_as_before(&bench).await;
}

/// Who is in the way is shown, and it is tried again until he is gone.
#[tokio::test]
async fn a_session_in_the_way_is_shown() {
    let bench = bench().await;
    bench.plan(&plan("emergency", PROCEDURE).replace("expect = 5", "expect = 0"));
    let ran = bench.run().await;
    ran.exits(0);
    let id = ran.events[0]["run"].as_str().unwrap().to_owned();
    let config = bench.server.config(&bench.db);
    let mut holder = holdpoint::pg::Session::connect(&config, "holder").await.unwrap();
    holder.batch("BEGIN; SELECT * FROM customer").await.unwrap();
    // The run is over, and whatever anybody has written since goes with it.
    let asked = bench.call(&["rollback", &id, "--procedure", "emergency"]).await;
    asked.exits(3).says("the whole database goes back to backup \"backup\"").says("--despite");
    let despite = ["--reason", "test", "--despite", "nobody has"];
    let words = ["rollback", &id, "--procedure", "emergency"].into_iter().chain(despite).collect::<Vec<_>>();
    let mut running = bench.begin(&words);
    let event = running
        .until_event("a lock that is tried for again, with who has it", |event| {
            event["event"] == "lock_retry" && event["blockers"][0]["application"].as_str().is_some()
        })
        .await;
    assert_eq!(event["step"], "restore");
    holder.batch("ROLLBACK").await.unwrap();
    running.end().await.exits(4);
    is_as_before(&bench).await;
}

/// Who is in the way is named when there is no way, and ended only when the plan says so.
#[tokio::test]
async fn sessions_in_the_way_are_ended_only_when_told() {
    for told in [false, true] {
        let bench = bench().await;
        let few = PROCEDURE.replace("lock_retries = 500", "lock_retries = 2");
        let key = if told { "restore = \"backup\"\nend_sessions = true" } else { "restore = \"backup\"" };
        bench.plan(&plan("hold", &few.replace("restore = \"backup\"", key)));
        bench.run().await.exits(6);
        let config = bench.server.config(&bench.db);
        let mut holder = holdpoint::pg::Session::connect(&config, "holder").await.unwrap();
        // Somebody's, and none of ours.
        holder.batch("SET application_name = 'app'; BEGIN; SELECT * FROM customer").await.unwrap();
        let pid = holder.pid();
        let ran = bench.call(&["rollback", "--procedure", "emergency", "--reason", "test"]).await;
        if told {
            ran.exits(4);
            assert_eq!(ran.last("backend_ending")["backend"]["pid"], pid, "{ran}");
            assert_eq!(ran.last("backend_ending")["by"]["how"], "policy", "{ran}");
            assert_eq!(ran.last("backend_ended")["outcome"], "done", "{ran}");
            assert!(holder.batch("SELECT 1").await.is_err(), "it is gone");
        } else {
            ran.exits(6).says(&format!("in the way: pid {pid}")).says("end_sessions = true");
            assert!(ran.all("backend_ending").is_empty(), "{ran}");
            // Once more, and not twice.
            let again = bench.resume().await;
            again.exits(6);
            assert_eq!(again.all("step_failed").len(), ran.all("step_failed").len() + 1, "{again}");
            holder.batch("ROLLBACK").await.unwrap();
            bench.resume().await.exits(4);
        }
        is_as_before(&bench).await;
    }
}

#[tokio::test]
async fn what_isnt_the_backup_any_more_isnt_restored() {
    let bench = bench().await;
    bench.plan_with(
        "artifacts = \"kept\"",
        &plan("emergency", PROCEDURE)
            .replace("check = \"SELECT count(*) FROM orders\"\nexpect = 5", "confirm = [\"wait\"]"),
    );
    bench.run().await.exits(6);
    let mut dump = std::fs::read(bench.path("kept/shop.dump")).unwrap();
    let good = dump.clone();
    let at = dump.len() - 10;
    dump[at] ^= 1;
    std::fs::write(bench.path("kept/shop.dump"), &dump).unwrap();
    let ran = bench.call(&["rollback", "--procedure", "emergency", "--reason", "test"]).await;
    ran.exits(6)
        .failed_with("restore", "isn't the backup that was made")
        .says("nothing was restored, and nothing has changed");
    assert_eq!(bench.value("SELECT count(*) FROM more").await, "0");
    std::fs::write(bench.path("kept/shop.dump"), &good).unwrap();
    bench.resume().await.exits(4);
    is_as_before(&bench).await;
}

/// Killed before its COMMIT nothing has changed; killed after it the ledger knows.
#[tokio::test]
async fn killed_around_its_commit_it_is_restored_once() {
    for point in ["after-statements", "after-ledger", "after-commit"] {
        let bench = bench().await;
        bench.plan(&plan("hold", PROCEDURE));
        bench.run().await.exits(6);
        let mut command = bench.command(&["rollback", "--procedure", "emergency", "--reason", "test"]);
        let died = command.env("HOLDPOINT_CRASH_AT", point).output().unwrap();
        assert_eq!(died.status.code(), None, "{point}: {died:?}");
        bench.resume().await.exits(4);
        is_as_before(&bench).await;
        let restored = bench.ledger().await.into_iter().filter(|row| row.starts_with("restore ")).count();
        assert_eq!(restored, 1, "{point}");
    }
}

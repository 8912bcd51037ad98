//! Fence and ledger: who has lost the fence can't write, and nobody is deceived by a schema of our name.

mod common;

use common::runs::{Bench, Ran, step};

/// A step that waits in its transaction until the test lets it go.
const WAITS: &str = "CREATE TABLE t (id int);\nSELECT pg_advisory_xact_lock(7);\nINSERT INTO t VALUES (1);\n";

async fn overtaken_in(bench: &Bench, isolation: &str) -> Ran {
    bench.script(&format!("{isolation}\n{WAITS}"), "lock_timeout = \"60s\"");
    let mut holder = bench.server.session(&bench.db).await;
    holder.batch("SELECT pg_advisory_lock(7)").await.expect("the lock");
    let running = bench.begin(&["run"]);
    bench.until_work_waits().await;
    // Another runner takes over.
    bench.sql("UPDATE holdpoint.fence SET epoch = epoch + 1").await;
    holder.close().await;
    running.end().await
}

#[tokio::test]
async fn a_stale_epoch_takes_the_work_with_it() {
    for isolation in [
        "",
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;",
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;",
    ] {
        let bench = Bench::new().await;
        let ran = overtaken_in(&bench, isolation).await;
        // It isn't the step's failure: the run is somebody else's now.
        ran.exits(7).says("the lock on this database was lost");
        ran.says(if isolation.is_empty() { "HP001" } else { "40001" });
        assert!(ran.all("commit_intent").is_empty(), "{ran}");
        assert_eq!(bench.value("SELECT to_regclass('t') IS NULL").await, "t");
        assert_eq!(bench.ledger().await.len(), 0, "{isolation}");
    }
}

/// The takeover waits for a ledger write that is under way, since that holds the row FOR SHARE.
#[tokio::test]
async fn raising_the_epoch_waits_for_an_open_ledger_write() {
    let bench = Bench::new().await;
    bench.script("SELECT 1;", "");
    bench.run().await.exits(0);
    let mut old = bench.server.session(&bench.db).await;
    let unit = holdpoint::run::event::Unit {
        step: "x".into(),
        unit: String::new(),
        direction: holdpoint::run::event::Direction::Forward,
        generation: 0,
    };
    let epoch = bench.value("SELECT epoch FROM holdpoint.fence").await.parse().unwrap();
    let entry = holdpoint::pg::ledger::entry::Entry {
        run: "r",
        unit: &unit,
        epoch,
        nonce: "n",
        statements: 1,
        digest: "",
        head: "",
    };
    old.batch("BEGIN; SET LOCAL holdpoint.tx = 'n'").await.unwrap();
    old.batch(&entry.sql()).await.unwrap();
    let mut new = bench.server.session(&bench.db).await;
    new.batch("SET lock_timeout = '100ms'").await.unwrap();
    let raise = "UPDATE holdpoint.fence SET epoch = epoch + 1";
    let refused = new.batch(raise).await.expect_err("it waits");
    assert_eq!(refused.sqlstate(), Some("55P03"));
    old.batch("COMMIT").await.unwrap();
    new.batch(raise).await.expect("now it goes");
    old.batch("BEGIN; SET LOCAL holdpoint.tx = 'n'").await.unwrap();
    let refused = old.batch(&entry.sql()).await.expect_err("overtaken");
    assert_eq!(refused.sqlstate(), Some("HP001"));
}

#[tokio::test]
async fn nothing_else_updates_the_fence_while_a_run_lives() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    for id in ["a", "c"] {
        bench.file(&format!("{id}.sql"), "INSERT INTO t VALUES (1);\nSELECT pg_sleep(1.2);\n");
    }
    bench.file("b.sql", "CREATE INDEX CONCURRENTLY i ON t (id);\nINSERT INTO t VALUES (2);\n");
    bench.plan(&format!("{}{}{}", step("a", ""), step("b", "transaction = \"none\""), step("c", "")));
    // More than two heartbeats long.
    bench.run().await.exits(0);
    let updates = bench.server.statements(&bench.db);
    let updates = updates.iter().filter(|(_, sql)| sql.contains("UPDATE holdpoint.fence"));
    assert_eq!(updates.count(), 1);
    assert_eq!(bench.value("SELECT epoch FROM holdpoint.fence").await, "1");
}

#[tokio::test]
async fn the_schema_is_made_only_after_authorization() {
    let bench = Bench::new().await;
    bench.file("a.sql", "CREATE TABLE t ();");
    bench.plan_with(
        "authorization = \"sign\"",
        &format!(
            "[[phase.step]]\nid = \"sign\"\ntitle = \"Sign\"\nsignoff = \"Chairman\"\n{}",
            step("a", "")
        ),
    );
    let ran = bench.run().await;
    ran.exits(6);
    assert_eq!(
        bench.value("SELECT to_regnamespace('holdpoint') IS NULL AND to_regclass('t') IS NULL").await,
        "t"
    );
    bench.call(&["resume", "--confirm", "sign=Kim"]).await.exits(0);
    assert_eq!(bench.ledger().await, ["a forward 0"]);
}

/// Everything that a prepared schema could have in it to make our writes do something else.
#[tokio::test]
async fn a_prepared_schema_is_refused() {
    let ledger = "ALTER TABLE holdpoint.ledger";
    let hook = "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN ALTER ROLE mallory SUPERUSER; RETURN NEW; END'";
    let traps = [
        ("a trigger", format!("{hook}; CREATE TRIGGER x BEFORE INSERT ON holdpoint.ledger FOR EACH ROW EXECUTE FUNCTION public.f()")),
        ("a disabled trigger", format!("{hook}; CREATE TRIGGER x BEFORE INSERT ON holdpoint.fence FOR EACH ROW EXECUTE FUNCTION public.f(); ALTER TABLE holdpoint.fence DISABLE TRIGGER x")),
        ("a deferred trigger", format!("{hook}; CREATE CONSTRAINT TRIGGER x AFTER INSERT ON holdpoint.intent DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.f()")),
        ("a rule", "CREATE RULE x AS ON INSERT TO holdpoint.ledger DO ALSO SELECT 1".into()),
        ("row security", format!("{ledger} ENABLE ROW LEVEL SECURITY")),
        ("a policy", "CREATE POLICY x ON holdpoint.ledger USING (false)".into()),
        ("a foreign owner of the schema", "ALTER SCHEMA holdpoint OWNER TO mallory".into()),
        ("a foreign owner of a table", format!("{ledger} OWNER TO mallory")),
        ("an extra column", format!("{ledger} ADD COLUMN more text")),
        ("a missing column", format!("{ledger} DROP COLUMN digest")),
        ("another type", format!("{ledger} ALTER COLUMN digest TYPE varchar(100)")),
        ("a column that may be null", format!("{ledger} ALTER COLUMN digest DROP NOT NULL")),
        ("a generated column", format!("{ledger} DROP COLUMN digest, ADD COLUMN digest text NOT NULL GENERATED ALWAYS AS ('x') STORED")),
        ("a view", "DROP TABLE holdpoint.backend; CREATE VIEW holdpoint.backend AS SELECT ''::text AS run, 1::bigint AS epoch, 1 AS pid, ''::text AS backend_start".into()),
        ("a foreign grant on a table", "GRANT INSERT ON holdpoint.ledger TO mallory".into()),
        ("a grant to everybody", "GRANT UPDATE ON holdpoint.fence TO PUBLIC".into()),
        ("a foreign grant on a column", "GRANT UPDATE (epoch) ON holdpoint.fence TO mallory".into()),
        ("the right to create in it", "GRANT CREATE ON SCHEMA holdpoint TO mallory".into()),
        ("a default that calls a function", "CREATE FUNCTION public.d() RETURNS timestamptz LANGUAGE sql AS 'SELECT now()'; ALTER TABLE holdpoint.ledger ALTER applied_at SET DEFAULT public.d()".into()),
        ("a check that calls a function", "CREATE FUNCTION public.c(text) RETURNS boolean LANGUAGE sql AS 'SELECT true'; ALTER TABLE holdpoint.ledger ADD CHECK (public.c(run))".into()),
        ("an index on an expression", "CREATE FUNCTION public.e(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1'; CREATE INDEX ON holdpoint.ledger (public.e(run))".into()),
        ("an exclusion", format!("{ledger} ADD EXCLUDE (run WITH =)")),
        ("a foreign key", "CREATE TABLE public.p (run text PRIMARY KEY); ALTER TABLE holdpoint.ledger ADD FOREIGN KEY (run) REFERENCES public.p NOT VALID".into()),
        ("a child table", "CREATE TABLE public.child () INHERITS (holdpoint.ledger)".into()),
        ("a parent table", "CREATE TABLE public.parent (run text); ALTER TABLE holdpoint.ledger INHERIT public.parent".into()),
        ("an unlogged table", "ALTER TABLE holdpoint.ledger SET UNLOGGED".into()),
        ("a function", "CREATE FUNCTION holdpoint.f() RETURNS int LANGUAGE sql AS 'SELECT 1'".into()),
        ("a further table", "CREATE TABLE holdpoint.more ()".into()),
        ("a missing table", "DROP TABLE holdpoint.intent".into()),
        ("a missing key", format!("{ledger} DROP CONSTRAINT ledger_pkey")),
        ("a fence without its row", "DELETE FROM holdpoint.fence".into()),
    ];
    let made = Bench::new().await;
    made.script("SELECT 1;", "");
    made.run().await.exits(0);
    made.server.sql("postgres", "CREATE ROLE mallory").await;
    for (what, trap) in traps {
        let db = format!("{}_trap", made.db);
        made.server.copy_database(&db, &made.db).await;
        made.server.sql(&db, &trap).await;
        made.script("CREATE TABLE never ();", "");
        made.env("PGDATABASE", &db);
        let ran = made.run().await;
        assert_eq!(ran.code, 3, "{what}: {ran}");
        ran.says("the schema holdpoint in this database isn't ours");
        assert!(ran.all("unit_started").is_empty(), "{what}: {ran}");
        assert_eq!(made.server.value(&db, "SELECT to_regclass('never') IS NULL").await, "t", "{what}");
        made.server.sql("postgres", &format!("DROP DATABASE {db}")).await;
    }
}

#[tokio::test]
async fn a_schema_that_somebody_else_made_is_refused() {
    let bench = Bench::with("CREATE SCHEMA holdpoint; CREATE TABLE holdpoint.ledger (id int)").await;
    bench.script("CREATE TABLE t ();", "");
    bench.run().await.exits(3).says("isn't ours").says("the table fence is missing");
    assert_eq!(bench.value("SELECT to_regclass('t') IS NULL").await, "t");
}

#[tokio::test]
async fn a_publication_for_all_tables_is_refused_before_the_run() {
    let bench = Bench::with("CREATE PUBLICATION everything FOR ALL TABLES; CREATE TABLE t ()").await;
    bench.script("DROP TABLE t;", "");
    let ran = bench.run().await;
    ran.exits(3).says("publication everything is FOR ALL TABLES");
    assert!(ran.events.is_empty());
    assert_eq!(
        bench.value("SELECT to_regnamespace('holdpoint') IS NULL AND to_regclass('t') IS NOT NULL").await,
        "t"
    );
    // One with a list of tables doesn't concern us.
    bench.sql("DROP PUBLICATION everything; CREATE PUBLICATION one FOR TABLE t").await;
    bench.run().await.exits(0);
}

#[tokio::test]
async fn an_event_trigger_that_refuses_the_schema_is_named() {
    let bench = Bench::with(
        "CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no schemas here''; END'; \
         CREATE EVENT TRIGGER guard ON ddl_command_start WHEN TAG IN ('CREATE SCHEMA') EXECUTE FUNCTION no()",
    )
    .await;
    bench.script("CREATE TABLE t ();", "");
    let ran = bench.run().await;
    ran.exits(3).says("the ledger can't be made").says("no schemas here").says("event trigger guard");
    assert_eq!(bench.value("SELECT to_regclass('t') IS NULL").await, "t");
}

/// Default privileges hand out rights to new tables; ours aren't for anybody.
#[tokio::test]
async fn default_privileges_dont_reach_the_ledger() {
    let bench = Bench::with(
        "CREATE ROLE heir; ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO heir, PUBLIC; \
         ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO heir",
    )
    .await;
    bench.script("CREATE TABLE t ();", "");
    bench.run().await.exits(0);
    let rights = "SELECT count(*) FROM pg_class c, aclexplode(c.relacl) a \
                  WHERE c.relnamespace = 'holdpoint'::regnamespace AND a.grantee <> c.relowner";
    assert_eq!(bench.value(rights).await, "0");
    bench.sql("ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM heir, PUBLIC").await;
}

/// One that changes what we make, by an event trigger, is found before its COMMIT.
#[tokio::test]
async fn a_schema_that_was_changed_while_it_was_made_isnt_kept() {
    let bench = Bench::with(
        "CREATE FUNCTION rls() RETURNS event_trigger LANGUAGE plpgsql AS \
         'BEGIN IF to_regclass(''holdpoint.ledger'') IS NOT NULL THEN ALTER TABLE holdpoint.ledger ENABLE ROW LEVEL SECURITY; END IF; END'; \
         CREATE EVENT TRIGGER guard ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION rls()",
    )
    .await;
    bench.script("CREATE TABLE t ();", "");
    bench.run().await.exits(3).says("isn't ours").says("row security");
    assert_eq!(
        bench.value("SELECT to_regnamespace('holdpoint') IS NULL AND to_regclass('t') IS NULL").await,
        "t"
    );
}

#[tokio::test]
async fn a_role_without_rights_is_told_what_it_needs() {
    let bench =
        Bench::with("DO 'BEGIN CREATE ROLE plainly LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END'")
            .await;
    bench.env("PGUSER", "plainly");
    bench.script("SELECT 1;", "");
    bench.run().await.exits(3).says("the ledger can't be made").says("GRANT CREATE ON DATABASE");
}

/// What holdpoint computes doesn't see its own schema.
#[tokio::test]
async fn the_ledger_isnt_counted() {
    let bench = Bench::new().await;
    bench.file("a.sql", "CREATE TABLE t (id int PRIMARY KEY);");
    bench.file("undo.sql", "DROP TABLE t;");
    bench.plan(&format!(
        "{}adds = {{ tables = 1, columns = 1, indexes = 1, functions = 0 }}\n[phase.step.rollback]\nfile = \"undo.sql\"\n\
         [[phase.step]]\nid = \"fails\"\ntitle = \"Fails\"\nsql = \"SELECT 1/0\"\non_failure = \"rollback\"\n",
        step("a", "")
    ));
    // The schema is made between before-image and comparison: it is no residue.
    let ran = bench.run().await;
    ran.exits(4);
    assert_eq!(ran.last("rollback_ended")["residue"], serde_json::json!([]));
    let deltas = &ran.last("ended")["summary"]["deltas"];
    assert_eq!(deltas["tables"], serde_json::json!([0, 0]), "{ran}");
    assert_eq!(bench.ledger().await, ["a forward 0", "a back 0"]);
}

/// The journal of an open run is on another machine: its plan isn't begun a second time without a word.
#[tokio::test]
async fn a_run_whose_journal_isnt_here_isnt_repeated() {
    let bench = Bench::with("CREATE TABLE acc (total int); INSERT INTO acc VALUES (100)").await;
    bench.file("a.sql", "UPDATE acc SET total = total + 10;");
    bench.plan(&format!(
        "{}rollback = {{ sql = \"UPDATE acc SET total = total - 10\" }}\n\
         [[phase.step]]\nid = \"person\"\ntitle = \"Person\"\nconfirm = \"ready\"\n",
        step("a", "")
    ));
    bench.run().await.exits(6);
    std::fs::rename(bench.path("state"), bench.path("elsewhere")).unwrap();
    let ran = bench.run().await;
    ran.exits(3).says("by the ledger in this database, run").says("applied a (").says("--despite");
    assert_eq!(bench.value("SELECT total FROM acc").await, "110");
    bench.call(&["run", "--despite", " "]).await.exits(2).says("a reason is needed");
    let ran = bench.call(&["run", "--despite", "the laptop is lost"]).await;
    ran.exits(6);
    assert!(ran.all("deviation")[0]["what"].to_string().contains("the laptop is lost"), "{ran}");
    assert_eq!(bench.value("SELECT total FROM acc").await, "120");
    // What is undone doesn't stand.
    bench.call(&["rollback", "--reason", "x"]).await;
    std::fs::remove_dir_all(bench.path("state")).unwrap();
    std::fs::rename(bench.path("elsewhere"), bench.path("state")).unwrap();
    bench.call(&["resume", "--end", "enough"]).await.exits(1);
    bench.run().await.exits(6);
}

/// Two plans are two plans, also where their steps have the same names: only the same one meets itself, in
/// whatever version.
#[tokio::test]
async fn a_run_of_another_plan_isnt_met() {
    let bench = Bench::with("CREATE TABLE acc (total int); INSERT INTO acc VALUES (100)").await;
    bench.file("a.sql", "UPDATE acc SET total = total + 10;");
    let person = "\n[[phase.step]]\nid = \"person\"\ntitle = \"Person\"\nconfirm = \"ready\"\n";
    bench.plan(&format!("{}{person}", step("a", "")));
    bench.run().await.exits(6);
    std::fs::rename(bench.path("state"), bench.path("elsewhere")).unwrap();

    // Somebody's run of p waits elsewhere; q is no business of its.
    let text = std::fs::read_to_string(bench.path("plan.toml")).unwrap();
    bench.file("plan.toml", &text.replace("id = \"p\"", "id = \"q\"").replace(person, ""));
    bench.run().await.exits(0);
    assert_eq!(bench.value("SELECT total FROM acc").await, "120");

    // Another version of p is p.
    bench.file("a.sql", "UPDATE acc SET total = total + 1;");
    bench.file("plan.toml", &text.replace("\"Test\"", "\"Test, mended\""));
    std::fs::remove_dir_all(bench.path("state")).unwrap();
    let ran = bench.run().await;
    ran.exits(3).says("applied a (").says("--despite");
    assert_eq!(ran.err.matches("applied a (").count(), 1, "q's run isn't named: {ran}");
    assert_eq!(bench.value("SELECT total FROM acc").await, "120");
    assert_eq!(bench.value("SELECT string_agg(plan, ' ' ORDER BY plan) FROM holdpoint.run").await, "p q");
}

/// As ledgers were before they had the plans of their runs.
const OLDER: &str = "DROP TABLE holdpoint.run; \
     COMMENT ON SCHEMA holdpoint IS 'holdpoint: ledger of migrations, version 1. Written by holdpoint alone.'";

/// Whose rows an older ledger has nobody can know: names decide there, and what it hasn't got is made.
#[tokio::test]
async fn a_ledger_of_an_older_version_is_completed() {
    let bench = Bench::with("CREATE TABLE acc (total int); INSERT INTO acc VALUES (100)").await;
    bench.file("a.sql", "UPDATE acc SET total = total + 10;");
    bench.file("b.sql", "UPDATE acc SET total = total + 1;");
    let undo = "rollback = { sql = \"UPDATE acc SET total = total - 10\" }";
    let person = "\n[[phase.step]]\nid = \"person\"\ntitle = \"Person\"\nconfirm = \"ready\"\n";
    bench.plan(&format!("{}{person}", step("a", undo)));
    bench.run().await.exits(6);
    bench.sql(OLDER).await;
    let waits = std::fs::read_to_string(bench.path("plan.toml")).unwrap();

    // Another plan, in another folder.
    std::fs::rename(bench.path("state"), bench.path("elsewhere")).unwrap();
    bench.file("plan.toml", &waits.replace("id = \"p\"", "id = \"q\"").replace(person, ""));
    let ran = bench.run().await;
    ran.exits(3).says("of which plan isn't noted, applied a (").says("--despite");
    let complete = "SELECT to_regclass('holdpoint.run') IS NOT NULL";
    assert_eq!(bench.value(complete).await, "f", "nothing is written before it is allowed");
    bench.plan_with("", &step("b", ""));
    let q = std::fs::read_to_string(bench.path("plan.toml")).unwrap().replace("id = \"p\"", "id = \"q\"");
    bench.file("plan.toml", &q);
    bench.run().await.exits(0);
    assert_eq!(bench.value("SELECT string_agg(plan, ' ') FROM holdpoint.run").await, "q");

    // The run that was begun before goes on, and back; from then on it is known whose it is.
    bench.sql(OLDER).await;
    std::fs::remove_dir_all(bench.path("state")).unwrap();
    std::fs::rename(bench.path("elsewhere"), bench.path("state")).unwrap();
    bench.call(&["resume"]).await.exits(6);
    assert_eq!(bench.value("SELECT string_agg(plan, ' ') FROM holdpoint.run").await, "p");
    bench.call(&["rollback", "--reason", "x"]).await.exits(4);
    assert_eq!(bench.value("SELECT total FROM acc").await, "101");
}

/// Completing it is making something in it: the same is looked at, before anything is written.
#[tokio::test]
async fn an_older_ledger_that_cant_be_completed_is_refused() {
    let bench = Bench::new().await;
    bench.script("SELECT 1;", "");
    bench.run().await.exits(0);
    bench.sql(OLDER).await;
    bench
        .sql(
            "CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no tables here''; END'; \
             CREATE EVENT TRIGGER guard ON ddl_command_start WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION no()",
        )
        .await;
    bench.script("INSERT INTO t VALUES (1);", "");
    let ran = bench.run().await;
    ran.exits(3).says("the ledger can't be made").says("no tables here").says("event trigger guard");
    assert!(ran.all("unit_started").is_empty(), "{ran}");
    bench.sql("DROP EVENT TRIGGER guard; CREATE TABLE holdpoint.run (run text PRIMARY KEY, plan int)").await;
    bench.run().await.exits(3).says("the columns of run aren't ours");
}

//! The schema fingerprint on a real server: what is the same is equal, what differs is named.

use crate::common::server::TestServer;
use crate::support::{LEDGER, copy, zoo};
use holdpoint::pg::fingerprint::Fingerprint;

async fn take(server: &TestServer, database: &str) -> Fingerprint {
    let mut session = server.session(database).await;
    let taken = Fingerprint::take(&mut session).await.expect("a fingerprint");
    assert!(session.is_idle(), "nothing is left open");
    taken
}

fn named(before: &Fingerprint, after: &Fingerprint) -> Vec<String> {
    let residue = Fingerprint::diff(before, after).expect("the same major version");
    assert_eq!(residue.is_empty(), before.digest() == after.digest(), "the digest tells the same");
    residue.into_iter().map(|residue| residue.object).collect()
}

/// What is planted, and the objects that must be named: these and no others.
const PLANTED: &[(&str, &[&str])] = &[
    ("ALTER TABLE plain ADD extra int", &["column public.plain.extra"]),
    ("ALTER TABLE plain DROP extra, ADD more text, ADD extra int", &["column public.plain.more"]),
    ("ALTER TABLE orders DROP id, ADD id int", &["column order of public.orders"]),
    ("ALTER TABLE plain ALTER more TYPE varchar(20)", &["column public.plain.more"]),
    ("ALTER TABLE plain ALTER more SET DEFAULT 'x'", &["column public.plain.more"]),
    ("ALTER TABLE orders ALTER \"Amount\" SET NOT NULL", &["column public.orders.\"Amount\""]),
    ("ALTER TABLE app.child ALTER b SET (n_distinct = 9)", &["column app.child.b"]),
    ("ALTER TABLE plain SET (fillfactor = 50)", &["table public.plain"]),
    ("ALTER TABLE orders SET UNLOGGED", &["table public.orders"]),
    ("ALTER TABLE plain OWNER TO zoo_app", &["table public.plain"]),
    ("ALTER TABLE plain REPLICA IDENTITY DEFAULT", &["table public.plain"]),
    ("ALTER TABLE plain ENABLE ROW LEVEL SECURITY", &["table public.plain"]),
    ("ALTER TABLE app.parent DISABLE ROW LEVEL SECURITY", &["table app.parent"]),
    ("ALTER TABLE app.child NO FORCE ROW LEVEL SECURITY", &["table app.child"]),
    (
        "ALTER TABLE derived NO INHERIT base",
        &["column public.derived.id", "column public.derived.x", "table public.derived"],
    ),
    (
        "ALTER TABLE measure DETACH PARTITION measure_rest; DROP TRIGGER IF EXISTS per_partition ON measure_rest",
        &[
            "column public.measure_rest.at",
            "column public.measure_rest.v",
            "index public.measure_rest_v_idx",
            "table public.measure_rest",
            "trigger public.measure_rest.per_partition",
        ],
    ),
    ("ALTER TABLE app.child ADD CONSTRAINT b_small CHECK (b < 1000)", &["constraint app.child.b_small"]),
    ("ALTER TABLE app.child VALIDATE CONSTRAINT a_small", &["constraint app.child.a_small"]),
    (
        "ALTER TABLE app.child ALTER CONSTRAINT child_parent_id_fkey DEFERRABLE",
        &["constraint app.child.child_parent_id_fkey"],
    ),
    ("ALTER TABLE app.child DISABLE TRIGGER ALL", &["constraint app.child.child_parent_id_fkey"]),
    (
        "ALTER DOMAIN email ADD CONSTRAINT short CHECK (length(VALUE) < 99)",
        &["constraint of domain public.email.short"],
    ),
    ("ALTER DOMAIN email DROP NOT NULL", &["domain public.email"]),
    ("ALTER TYPE mood ADD VALUE 'great' AFTER 'ok'", &["enum public.mood"]),
    ("ALTER TYPE mood RENAME VALUE 'sad' TO 'low'", &["enum public.mood"]),
    ("CREATE INDEX CONCURRENTLY plain_more ON plain (more)", &["index public.plain_more"]),
    (
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'plain_more'::regclass",
        &["index public.plain_more"],
    ),
    ("ALTER TABLE app.child SET WITHOUT CLUSTER", &["index app.child_pkey"]),
    ("DROP INDEX app.child_ab", &["index app.child_ab"]),
    (
        "CREATE OR REPLACE VIEW app.cheap WITH (security_barrier = true) AS SELECT id, code, price FROM app.parent WHERE price < 11 WITH LOCAL CHECK OPTION",
        &["view app.cheap"],
    ),
    ("ALTER VIEW app.cheap RESET (security_barrier)", &["view app.cheap"]),
    ("REFRESH MATERIALIZED VIEW app.totals", &["materialized view app.totals"]),
    ("ALTER TABLE plain DISABLE RULE no_delete", &["rule public.plain.no_delete"]),
    ("ALTER SEQUENCE app.counter INCREMENT 6", &["sequence app.counter"]),
    ("ALTER SEQUENCE app.child_id_seq OWNED BY NONE", &["sequence app.child_id_seq"]),
    (
        "CREATE OR REPLACE FUNCTION add_up(a int, b int DEFAULT 1) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a + b + 0'",
        &["function public.add_up(integer, integer)"],
    ),
    ("ALTER FUNCTION add_up(int, int) SECURITY DEFINER", &["function public.add_up(integer, integer)"]),
    ("ALTER FUNCTION add_up(text) OWNER TO zoo_owner", &["function public.add_up(text)"]),
    ("ALTER PROCEDURE app.do_it(int) RESET search_path", &["procedure app.do_it(integer)"]),
    (
        "CREATE OR REPLACE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '5')",
        &["aggregate public.total(integer)"],
    ),
    ("ALTER TABLE app.parent ENABLE TRIGGER \"off Duty\"", &["trigger app.parent.\"off Duty\""]),
    ("ALTER TABLE app.parent DISABLE TRIGGER touch", &["trigger app.parent.touch"]),
    ("ALTER EVENT TRIGGER zoo_ddl DISABLE", &["event trigger zoo_ddl"]),
    ("ALTER POLICY see_own ON app.parent USING (true)", &["policy app.parent.see_own"]),
    ("ALTER POLICY see_own ON app.parent TO zoo_app", &["policy app.parent.see_own"]),
    ("GRANT DELETE ON orders TO zoo_app", &["privileges of table public.orders"]),
    ("REVOKE UPDATE (a) ON app.child FROM zoo_app", &["privileges of column app.child.a"]),
    ("GRANT CREATE ON SCHEMA app TO zoo_app", &["privileges of schema app"]),
    ("REVOKE ALL ON FUNCTION add_up(text) FROM PUBLIC", &["privileges of function public.add_up(text)"]),
    (
        "ALTER DEFAULT PRIVILEGES FOR ROLE zoo_owner GRANT SELECT ON SEQUENCES TO zoo_app",
        &["default privileges of role zoo_owner on sequences"],
    ),
    ("COMMENT ON TABLE app.parent IS 'others'", &["comment on table app.parent"]),
    ("COMMENT ON COLUMN app.parent.id IS 'number'", &["comment on table column app.parent.id"]),
    ("COMMENT ON SCHEMA app IS NULL", &["comment on schema app"]),
    ("CREATE EXTENSION citext", &["comment on extension citext", "extension citext"]),
    ("DROP STATISTICS app.child_stats", &["statistics app.child_stats"]),
    ("ALTER PUBLICATION some_pub DROP TABLE plain", &["publication some_pub"]),
    ("ALTER PUBLICATION whole DROP TABLES IN SCHEMA app", &["published schema app in publication whole"]),
    ("ALTER SUBSCRIPTION zoo_sub SET (synchronous_commit = on)", &["subscription zoo_sub"]),
    ("ALTER SERVER far OPTIONS (SET host 'example.net')", &["server far"]),
    (
        "ALTER USER MAPPING FOR zoo_app SERVER far OPTIONS (SET remote_user 'other')",
        &["user mapping zoo_app on server far"],
    ),
    ("ALTER FOREIGN TABLE app.remote ALTER id OPTIONS (SET name 'id')", &["column app.remote.id"]),
    (
        "ALTER TEXT SEARCH CONFIGURATION app.conf DROP MAPPING FOR asciiword",
        &["text search configuration app.conf"],
    ),
    ("ALTER COLLATION app.simple OWNER TO zoo_owner", &["collation app.simple"]),
    ("DROP CAST (app.point3 AS text)", &["cast app.point3 as text"]),
    ("ALTER OPERATOR app.===(int, int) SET (RESTRICT = NONE)", &["operator app.===(integer, integer)"]),
    (
        "ALTER TYPE app.point3 ADD ATTRIBUTE z int CASCADE",
        &["column public.typed.z", "composite type app.point3"],
    ),
    ("CREATE SCHEMA empty", &["schema empty"]),
    ("ALTER SCHEMA empty OWNER TO zoo_app", &["schema empty"]),
    (
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = ''9MB''', current_database()); END $$",
        &["setting of database work_mem"],
    ),
    (
        "CREATE TABLE \"Left Over\" (\"Id\" int)",
        &["column public.\"Left Over\".\"Id\"", "table public.\"Left Over\""],
    ),
];

#[tokio::test]
async fn every_planted_difference_is_named_and_nothing_else() {
    let server = TestServer::start().await;
    let database = zoo(&server).await;
    let mut before = take(&server, &database).await;
    let mut wrong = Vec::new();
    let version: u32 =
        server.value(&database, "SHOW server_version_num").await.parse().expect("the server's version");
    for (sql, expected) in PLANTED {
        if version < 150_000 && sql.contains("TABLES IN SCHEMA") {
            continue; // publications have no schemas yet
        }
        let output = server.psql_output(&database, &["-v", "ON_ERROR_STOP=1", "-qc", sql]);
        if !output.status.success() {
            wrong.push(format!("{sql}\n   {}", String::from_utf8_lossy(&output.stderr)));
        }
        let after = take(&server, &database).await;
        let (mut found, mut expected) = (named(&before, &after), expected.to_vec());
        // Since 18 NOT NULL is a constraint of its own, beside the column.
        found.retain(|object| version < 180_000 || !object.ends_with("_not_null"));
        // Before 15 a partition's copy of a trigger is internal, and isn't listed.
        expected
            .retain(|object| version >= 150_000 || *object != "trigger public.measure_rest.per_partition");
        found.sort();
        expected.sort_unstable();
        if found != expected {
            wrong.push(format!("{sql}\n   expected {expected:?}\n   found    {found:?}"));
        }
        before = after;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{} planted differences named", PLANTED.len());
}

#[tokio::test]
async fn a_copy_by_dump_and_restore_has_the_same_fingerprint() {
    let server = TestServer::start().await;
    let database = zoo(&server).await;
    let other = copy(&server, &database).await;
    let (original, copied) = (take(&server, &database).await, take(&server, &other).await);
    assert!(original.objects.len() > 150, "{} objects", original.objects.len());
    assert_eq!(Fingerprint::diff(&original, &copied).expect("comparable"), []);
    assert_eq!(original.digest(), copied.digest());
}

#[tokio::test]
async fn what_changes_nothing_leaves_the_fingerprint_alone() {
    let server = TestServer::start().await;
    let database = zoo(&server).await;
    let before = take(&server, &database).await;
    for sql in [
        LEDGER,
        "GRANT SELECT ON orders TO zoo_app; REVOKE SELECT ON orders FROM zoo_app",
        "CREATE TABLE t (id serial, v text UNIQUE); DROP TABLE t",
        "ALTER TABLE app.child ADD x int; ALTER TABLE app.child DROP x",
        "INSERT INTO plain SELECT n FROM generate_series(1000, 2000) n; SELECT nextval('app.counter')",
        "VACUUM FULL app.child",
        "REINDEX TABLE app.parent",
        "ANALYZE",
        "ALTER TABLE plain DISABLE TRIGGER ALL; ALTER TABLE plain ENABLE TRIGGER ALL",
    ] {
        server.psql(&database, sql);
        assert_eq!(named(&before, &take(&server, &database).await), Vec::<String>::new(), "{sql}");
    }
}

#[tokio::test]
async fn the_session_that_asks_makes_no_difference_and_is_left_as_it_was() {
    let server = TestServer::start().await;
    let database = zoo(&server).await;
    let before = take(&server, &database).await;
    let mut session = server.session(&database).await;
    let odd = "SET search_path = app, public, pg_catalog; SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German'; \
        SET IntervalStyle = 'postgres_verbose'; SET extra_float_digits = -5; SET quote_all_identifiers = on; \
        CREATE TEMP TABLE pg_class AS SELECT * FROM pg_catalog.pg_class LIMIT 0; \
        CREATE TEMP TABLE pg_namespace (oid oid);";
    session.batch(odd).await.expect("odd settings");
    let odd = Fingerprint::take(&mut session).await.expect("a fingerprint");
    assert_eq!(named(&before, &odd), Vec::<String>::new());

    // Inside a transaction it sees what that has done, and puts its settings back.
    session
        .batch("BEGIN; SET LOCAL DateStyle = 'SQL'; CREATE TABLE public.mine (id int)")
        .await
        .expect("a transaction");
    let inside = Fingerprint::take(&mut session).await.expect("a fingerprint");
    assert_eq!(named(&before, &inside), ["column public.mine.id", "table public.mine"]);
    let style =
        session.query("SELECT current_setting('DateStyle') || current_setting('search_path')", &[]).await;
    assert_eq!(style.expect("still in order").scalar(), Some("SQL, DMYapp, public, pg_catalog"));
    session.batch("ROLLBACK").await.expect("rolled back");
    assert_eq!(named(&before, &take(&server, &database).await), Vec::<String>::new());
}

#[tokio::test]
async fn no_password_is_in_it_and_it_survives_being_stored() {
    let server = TestServer::start().await;
    let database = zoo(&server).await;
    let taken = take(&server, &database).await;
    let stored = serde_json::to_string(&taken).expect("JSON");
    assert!(!stored.contains("hunter2"), "a password is in the fingerprint");
    let again: Fingerprint = serde_json::from_str(&stored).expect("JSON");
    assert_eq!((again.digest(), &again), (taken.digest(), &taken));
}

#[tokio::test]
async fn a_role_without_rights_gets_one_too() {
    let server = TestServer::start().await;
    let database = zoo(&server).await;
    server.sql(&database, "CREATE ROLE poor LOGIN").await;
    let config = server.config(&database).with_user("poor");
    let mut session = holdpoint::pg::Session::connect(&config, "test").await.expect("a session");
    let poor = Fingerprint::take(&mut session).await.expect("a fingerprint");
    // A role sees definitions of what it may not use; only foreign passwords and options are hidden.
    let hidden = named(&take(&server, &database).await, &poor);
    assert!(hidden.iter().all(|object| object.starts_with("user mapping")), "{hidden:?}");
}

#[tokio::test]
async fn others_may_change_the_catalog_meanwhile() {
    let server = TestServer::with(&[("log_statement", "none")]).await;
    let database = zoo(&server).await;
    let before = take(&server, &database).await;
    let mut busy = server.session(&database).await;
    let churn = "DO $$ BEGIN LOOP
        CREATE TABLE churn (id serial PRIMARY KEY, v text DEFAULT 'x', up int REFERENCES churn, CHECK (v <> ''));
        CREATE INDEX churn_v ON churn (v); CREATE VIEW churned AS SELECT * FROM churn;
        CREATE FUNCTION churn() RETURNS int LANGUAGE sql AS 'SELECT 1'; COMMIT;
        DROP TABLE churn CASCADE; DROP FUNCTION churn(); COMMIT;
    END LOOP; END $$";
    // Nobody reads notices here, and a server that can't send them waits, with its locks.
    busy.batch("SET client_min_messages = error").await.expect("quiet");
    busy.queue_simple(churn).expect("queued");
    busy.flush().await.expect("sent");
    let mut session = server.session(&database).await;
    for _ in 0..30 {
        let taken = Fingerprint::take(&mut session).await.expect("a fingerprint in spite of it");
        let foreign: Vec<String> =
            named(&before, &taken).into_iter().filter(|o| !o.contains("churn")).collect();
        assert_eq!(foreign, Vec::<String>::new());
    }
    busy.cancel_handle().cancel().await.expect("cancelled");
    busy.drain().await.expect("drained");
}

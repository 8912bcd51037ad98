//! What a transaction touched: triggers, cascades, DO and dynamic SQL too.

use crate::common::server::TestServer;
use crate::support::LEDGER;
use holdpoint::pg::Session;
use holdpoint::pg::touched::{Footprint, before};
use holdpoint::run::event::Touched;

const TABLES: &str = "CREATE SCHEMA app;
    CREATE TABLE parent (id int PRIMARY KEY, v int);
    CREATE TABLE child (id serial PRIMARY KEY, parent_id int REFERENCES parent ON DELETE CASCADE);
    CREATE INDEX child_parent ON child (parent_id);
    CREATE TABLE app.\"Audit Log\" (what text);
    CREATE TABLE other (id int); CREATE TABLE untouched (id int);
    CREATE VIEW seen AS SELECT * FROM other;
    CREATE TABLE parts (id int) PARTITION BY RANGE (id);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO app.\"Audit Log\" VALUES (TG_OP); RETURN NULL; END $$;
    CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON parent FOR EACH ROW EXECUTE FUNCTION note();
    INSERT INTO parent SELECT n, n FROM generate_series(1, 10) n;
    INSERT INTO child (parent_id) SELECT n % 10 + 1 FROM generate_series(1, 30) n;";

/// Runs it in a transaction of a session and commits; what that touched.
async fn run(work: &mut Session, control: &mut Session, sql: &str) -> Vec<Touched> {
    let then = before(work).await.expect("before");
    work.batch(&format!("BEGIN; {sql}")).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    work.batch("SET LOCAL search_path = ''").await.expect("the epilogue");
    let mut footprint = Footprint::take(work, &then).await.expect("a footprint");
    footprint.name_dropped(control).await.expect("names");
    work.batch("COMMIT; RESET search_path").await.expect("committed");
    footprint.touched()
}

fn shown(touched: &[Touched]) -> Vec<String> {
    let one =
        |t: &Touched| format!("{} {} +{} ~{} -{}", t.relation, t.lock, t.inserted, t.updated, t.deleted);
    touched.iter().map(one).collect()
}

#[tokio::test]
async fn the_server_names_what_no_parser_could() {
    let server = TestServer::start().await;
    let database = server.fresh_database().await;
    server.sql(&database, TABLES).await;
    let mut work = server.session(&database).await;
    let mut control = server.session(&database).await;
    let cases: &[(&str, &[&str])] = &[
        ("SELECT * FROM untouched; SELECT * FROM other FOR UPDATE", &[]),
        (
            "DELETE FROM parent WHERE id = 1",
            &[
                "app.\"Audit Log\" RowExclusive +1 ~0 -0",
                "child RowExclusive +0 ~0 -3",
                "parent RowExclusive +0 ~0 -1",
            ],
        ),
        (
            "DO $$ BEGIN EXECUTE 'INSERT INTO ' || 'other SELECT generate_series(1, 5)'; UPDATE parent SET v = 0 WHERE id = 2; END $$",
            &[
                "app.\"Audit Log\" RowExclusive +1 ~0 -0",
                "other RowExclusive +5 ~0 -0",
                "parent RowExclusive +0 ~1 -0",
            ],
        ),
        // Counters of the transaction before aren't this one's.
        ("INSERT INTO other VALUES (6)", &["other RowExclusive +1 ~0 -0"]),
        ("INSERT INTO seen VALUES (7), (8)", &["other RowExclusive +2 ~0 -0"]),
        ("INSERT INTO parts VALUES (1)", &["parts RowExclusive +0 ~0 -0", "parts_1 RowExclusive +1 ~0 -0"]),
        (
            "INSERT INTO child (parent_id) VALUES (2)",
            &["child RowExclusive +1 ~0 -0", "child_id_seq RowExclusive +0 ~0 -0"],
        ),
        ("TRUNCATE other", &["other AccessExclusive +0 ~0 -0"]),
        ("CREATE INDEX other_id ON other (id)", &["other Share +0 ~0 -0"]),
        ("ALTER INDEX other_id RENAME TO other_ix", &["other ShareUpdateExclusive +0 ~0 -0"]),
        ("DROP INDEX other_ix", &["other AccessExclusive +0 ~0 -0"]),
        ("ALTER TABLE other ADD t text DEFAULT random()::text", &["other AccessExclusive +0 ~0 -0"]),
        (
            "CREATE TEMP TABLE mine AS SELECT 1; INSERT INTO mine VALUES (2); CREATE TABLE gone (id int); DROP TABLE gone",
            &[],
        ),
        (
            "CREATE OR REPLACE VIEW seen AS SELECT id FROM other WHERE id > 0",
            &["seen AccessExclusive +0 ~0 -0"],
        ),
        (
            "CREATE TABLE made (id int PRIMARY KEY, t text); INSERT INTO made VALUES (1)",
            &["made AccessExclusive +1 ~0 -0"],
        ),
        ("DROP TABLE made; CREATE TABLE made (id int)", &["made AccessExclusive +0 ~0 -0"]),
        (
            "DROP TABLE child",
            &[
                "child AccessExclusive +0 ~0 -0",
                "child_id_seq AccessExclusive +0 ~0 -0",
                "parent AccessExclusive +0 ~0 -0",
            ],
        ),
        ("SAVEPOINT a; INSERT INTO untouched VALUES (1); ROLLBACK TO a", &[]),
        (LEDGER, &[]),
        ("INSERT INTO holdpoint.ledger VALUES (gen_random_uuid(), 'a')", &[]),
    ];
    for (sql, expected) in cases {
        assert_eq!(shown(&run(&mut work, &mut control, sql).await), *expected, "{sql}");
    }
}

#[tokio::test]
async fn it_works_with_any_search_path_and_without_another_session() {
    let server = TestServer::start().await;
    let database = server.fresh_database().await;
    server.sql(&database, TABLES).await;
    let mut work = server.session(&database).await;
    let then = before(&mut work).await.expect("before");
    work.batch(
        "CREATE FUNCTION public.max(int) RETURNS int LANGUAGE sql AS 'SELECT 0'; CREATE TEMP TABLE pg_class (oid oid); \
         SET search_path = public, pg_catalog; BEGIN; INSERT INTO other VALUES (1); DROP TABLE untouched",
    )
    .await
    .expect("work");
    let footprint = Footprint::take(&mut work, &then).await.expect("a footprint");
    let touched = footprint.touched();
    assert_eq!(touched.len(), 2, "{touched:?}");
    assert!(touched[0].relation.starts_with("dropped relation (oid "), "{touched:?}");
    assert_eq!(shown(&touched[1..]), ["other RowExclusive +1 ~0 -0"]);
}

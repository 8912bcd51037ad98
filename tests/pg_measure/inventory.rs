//! Counts, names, orphans and rows on a real server.

use std::collections::BTreeMap;

use crate::common::server::TestServer;
use crate::support::{LEDGER, zoo};
use holdpoint::pg::inventory::Inventory;
use holdpoint::pg::measure::MeasureError;
use holdpoint::pg::names::Object;
use holdpoint::pg::rows::{estimated_rows, row_counts};
use holdpoint::plan::model::Kind;

const ALL: &[Kind] = &[
    Kind::Tables,
    Kind::Views,
    Kind::Columns,
    Kind::Indexes,
    Kind::ForeignKeys,
    Kind::Policies,
    Kind::Functions,
    Kind::Triggers,
    Kind::Enums,
    Kind::Sequences,
    Kind::Orphans,
    Kind::UnvalidatedConstraints,
    Kind::InvalidIndexes,
    Kind::DisabledTriggers,
];

async fn take(server: &TestServer, database: &str) -> Inventory {
    let mut session = server.session(database).await;
    let taken = Inventory::take(&mut session, ALL).await.expect("an inventory");
    assert!(session.is_idle(), "nothing is left open");
    taken
}

fn shown(objects: &[Object]) -> Vec<String> {
    objects.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn the_zoo_is_counted_to_the_last_animal() {
    let server = TestServer::start().await;
    let database = zoo(&server).await;
    let taken = take(&server, &database).await;
    let counts: Vec<(Kind, u64)> =
        taken.counts.iter().filter(|(kind, _)| **kind != Kind::Size).map(|(kind, n)| (*kind, *n)).collect();
    assert_eq!(
        counts,
        [
            (Kind::Tables, 15),
            (Kind::Views, 2),
            (Kind::Columns, 41),
            (Kind::Indexes, 14),
            (Kind::ForeignKeys, 1),
            (Kind::Policies, 2),
            (Kind::Functions, 9),
            (Kind::Triggers, 4),
            (Kind::Enums, 1),
            (Kind::Sequences, 3),
            (Kind::Orphans, 0),
            (Kind::UnvalidatedConstraints, 1),
            (Kind::InvalidIndexes, 0),
            (Kind::DisabledTriggers, 1),
        ]
    );
    for (kind, names) in &taken.names {
        assert_eq!(names.len() as u64, taken.counts[kind], "{kind:?}");
    }
    let size = server.value(&database, "SELECT pg_database_size(current_database())").await;
    assert!(taken.counts[&Kind::Size].abs_diff(size.parse().expect("bytes")) < 1_000_000);
    assert_eq!(
        shown(&taken.names[&Kind::Functions]),
        [
            "\"Odd Schema\".\"weird.fn\"(integer)",
            "app.do_it(integer)",
            "app.on_ddl()",
            "app.pass()",
            "app.touch()",
            "add_up(integer, integer)",
            "add_up(text)",
            "moods(mood[], app.point3)",
            "total(integer)",
        ]
    );
    assert_eq!(shown(&taken.names[&Kind::DisabledTriggers]), ["app.parent.\"off Duty\""]);
    assert_eq!(shown(&taken.names[&Kind::UnvalidatedConstraints]), ["app.child.a_small"]);
}

#[tokio::test]
async fn plans_find_objects_by_short_qualified_and_quoted_names() {
    let server = TestServer::start().await;
    let database = zoo(&server).await;
    let taken = take(&server, &database).await;
    for (kind, present, absent) in [
        (
            Kind::Tables,
            &[
                "plain",
                "public.plain",
                "app.parent",
                "Orders",
                "Odd Schema.\"Table with \"\"quotes\"\" and spaces\"",
            ][..],
            &["parent", "app.plain", "\"PLAIN\"", "remote", "app.cheap"][..],
        ),
        (
            Kind::Columns,
            &["orders.Amount", "app.parent.code", "plain.id"],
            &["code", "parent.code", "cheap.price"],
        ),
        (
            Kind::Functions,
            &["add_up", "add_up(int, int)", "app.touch", "app.touch()"],
            &["touch", "add_up(bigint)"],
        ),
        (Kind::Policies, &["app.parent.see_own", "app.child.\"never ever\""], &["see_own", "parent.see_own"]),
        (Kind::Triggers, &["per_partition", "measure.per_partition"], &["measure_2024.per_partition"]),
        (Kind::Views, &["app.cheap", "app.totals"], &["cheap"]),
    ] {
        let names = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<String>>();
        assert_eq!(taken.missing(kind, &names(present)), Vec::<&str>::new(), "{kind:?}");
        assert_eq!(taken.missing(kind, &names(absent)), absent, "{kind:?}");
    }
}

#[tokio::test]
async fn the_difference_names_what_came_and_went() {
    let server = TestServer::start().await;
    let database = zoo(&server).await;
    let before = take(&server, &database).await;
    server
        .sql(
            &database,
            "CREATE TABLE \"New One\" (id serial PRIMARY KEY, plain_id int REFERENCES plain); DROP TABLE orders; \
             CREATE FUNCTION add_up(a bigint) RETURNS int LANGUAGE sql AS 'SELECT 1'; DROP TYPE mood CASCADE",
        )
        .await;
    let after = take(&server, &database).await;
    let changes = Inventory::diff(&before, &after);
    let tables = &changes[&Kind::Tables];
    assert_eq!(
        (shown(&tables.added), shown(&tables.removed), tables.net),
        (vec!["\"New One\"".into()], vec!["orders".into()], 0)
    );
    assert_eq!(shown(&changes[&Kind::ForeignKeys].added), ["\"New One\".\"New One_plain_id_fkey\""]);
    assert_eq!(shown(&changes[&Kind::Enums].removed), ["mood"]);
    assert_eq!((changes[&Kind::Sequences].net, changes[&Kind::Indexes].net), (1, 0));
    // CASCADE took the matview with its index, a column, and a function with it.
    assert_eq!(shown(&changes[&Kind::Views].removed), ["app.totals"]);

    let plan = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let functions = &changes[&Kind::Functions];
    assert_eq!(functions.mismatch(Kind::Functions, &plan(&["add_up"])), Default::default());
    let wrong = tables.mismatch(Kind::Tables, &plan(&["plain"]));
    assert_eq!((wrong.missing, shown(&wrong.unexpected)), (plan(&["plain"]), plan(&["\"New One\""])));
}

#[tokio::test]
async fn orphans_are_counted_for_every_kind_of_foreign_key() {
    let server = TestServer::start().await;
    let database = server.fresh_database().await;
    server
        .sql(
            &database,
            "CREATE SCHEMA \"S 1\";
             CREATE TABLE \"S 1\".\"P\" (\"A\" int, \"b c\" text COLLATE \"C\", PRIMARY KEY (\"A\", \"b c\"));
             INSERT INTO \"S 1\".\"P\" VALUES (1, 'x');
             CREATE TABLE simple (a bigint, b text, CONSTRAINT s FOREIGN KEY (a, b) REFERENCES \"S 1\".\"P\" NOT VALID);
             CREATE TABLE \"full\" (a int, b text, CONSTRAINT f FOREIGN KEY (a, b) REFERENCES \"S 1\".\"P\" MATCH FULL);
             CREATE TABLE self (id int PRIMARY KEY, up int CONSTRAINT u REFERENCES self);
             CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id);
             CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
             CREATE TABLE refs (id int CONSTRAINT p REFERENCES parts) PARTITION BY RANGE (id);
             CREATE TABLE refs1 PARTITION OF refs FOR VALUES FROM (0) TO (100);
             CREATE TABLE fine (up int CONSTRAINT fine_fk REFERENCES self);
             SET session_replication_role = replica;
             INSERT INTO simple VALUES (1, 'x'), (2, 'x'), (NULL, 'y'), (3, 'z');
             INSERT INTO \"full\" VALUES (1, 'x'), (NULL, NULL), (NULL, 'x'), (2, 'x');
             INSERT INTO self VALUES (1, 1), (2, 7), (3, NULL);
             INSERT INTO parts VALUES (1); INSERT INTO refs VALUES (1), (2), (3);",
        )
        .await;
    let taken = take(&server, &database).await;
    let found: BTreeMap<String, u64> =
        taken.orphans.iter().map(|(key, rows)| (key.to_string(), *rows)).collect();
    let expected = [("full.f", 2), ("refs.p", 2), ("self.u", 1), ("simple.s", 2)];
    assert_eq!(found, expected.map(|(key, rows)| (key.to_owned(), rows)).into());
    assert_eq!(taken.counts[&Kind::Orphans], 7);
    assert_eq!(taken.counts[&Kind::ForeignKeys], 5);
    // Switched-off triggers of a foreign key are found by the constraint's name.
    server.sql(&database, "ALTER TABLE fine DISABLE TRIGGER ALL").await;
    assert_eq!(shown(&take(&server, &database).await.names[&Kind::DisabledTriggers]), ["fine.fine_fk"]);
}

#[tokio::test]
async fn rows_are_counted_by_the_plans_names() {
    let server = TestServer::start().await;
    let database = zoo(&server).await;
    let mut session = server.session(&database).await;
    let names = [
        "plain",
        "MEASURE",
        "app.parent",
        "Odd Schema.\"Table with \"\"quotes\"\" and spaces\"",
        "Orders",
        "app.cheap",
    ];
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let counts = row_counts(&mut session, &names).await.expect("counts");
    let rows: Vec<i64> = names.iter().map(|name| counts[name].rows).collect();
    assert_eq!(rows, [100, 401, 20, 7, 0, 9]);
    assert!(counts.values().all(|count| count.exact));

    for gone in ["nowhere", "parent", "holdpoint.ledger", "pg_catalog.pg_class", "a.b.c", ""] {
        let error = row_counts(&mut session, &[gone.to_owned()]).await.expect_err(gone);
        assert!(matches!(&error, MeasureError::NoTable { name } if name == gone), "{error}");
    }
    // Row security would show the owner of nothing a part of the rows: an error, never a wrong count.
    server.sql(&database, "CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA app TO reader; GRANT SELECT ON app.parent TO reader").await;
    let config = server.config(&database).with_user("reader");
    let mut reader = holdpoint::pg::Session::connect(&config, "test").await.expect("a session");
    let error = row_counts(&mut reader, &["app.parent".to_owned()]).await.expect_err("hidden rows");
    assert!(error.to_string().contains("row-level security"), "{error}");
    assert!(reader.is_idle(), "nothing is left open");

    server.sql(&database, "ANALYZE").await;
    // Estimates answer while the table is locked.
    session.batch("BEGIN; LOCK TABLE plain").await.expect("locked");
    let mut monitor = server.session(&database).await;
    let estimates = estimated_rows(&mut monitor).await.expect("estimates");
    assert_eq!((estimates["plain"].rows, estimates["plain"].exact), (100, false));
    assert!(!estimates.contains_key("measure") && estimates.contains_key("measure_2024"));
}

#[tokio::test]
async fn the_ledger_is_in_none_of_it() {
    let server = TestServer::start().await;
    let database = zoo(&server).await;
    let before = take(&server, &database).await;
    server.sql(&database, LEDGER).await;
    let after = take(&server, &database).await;
    assert_eq!(before.names, after.names);
    let mut session = server.session(&database).await;
    let estimates = estimated_rows(&mut session).await.expect("estimates");
    assert!(estimates.keys().all(|name| !name.starts_with("holdpoint")));
}

#[tokio::test]
async fn an_inventory_in_a_transaction_sees_it_and_leaves_it_alone() {
    let server = TestServer::start().await;
    let database = zoo(&server).await;
    let mut session = server.session(&database).await;
    session.batch("BEGIN ISOLATION LEVEL SERIALIZABLE; CREATE TABLE inside (id int)").await.expect("begun");
    let taken = Inventory::take(&mut session, &[Kind::Tables]).await.expect("an inventory");
    assert!(taken.missing(Kind::Tables, &["inside".to_owned()]).is_empty());
    assert!(row_counts(&mut session, &["nowhere".to_owned()]).await.is_err());
    session.batch("INSERT INTO inside VALUES (1); COMMIT").await.expect("the transaction is still in order");
    assert_eq!(server.value(&database, "SELECT count(*) FROM inside").await, "1");
}

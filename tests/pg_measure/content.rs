//! Content hashes: a changed byte is found, everything that isn't content is not.

use crate::common::server::TestServer;
use crate::support::{copy, zoo};
use holdpoint::pg::content::{Content, contents};
use holdpoint::pg::measure::MeasureError;
use holdpoint::pg::row_hashes::{RowHashes, row_hashes};

const RICH: &str = "CREATE TABLE rich (id int PRIMARY KEY, t text, n numeric, f float8, ts timestamptz, i interval,
        b bytea, j json, jb jsonb, a text[], u uuid, m money, x xml, \"Odd \"\"Name\" text);
    INSERT INTO rich SELECT n, repeat('ü☃', n), n / 7.0, n / 7.0::float8, timestamptz '2024-01-01' + n * interval '1h',
        n * interval '1 day 3:04:05', decode(md5(n::text), 'hex'), '{\"b\" : 1, \"a\":2}', '{\"b\":1}', ARRAY['x', NULL, n::text],
        md5(n::text)::uuid, n, '<a/>', CASE WHEN n % 2 = 0 THEN 'x' END FROM generate_series(1, 500) n;";

async fn content(server: &TestServer, database: &str, table: &str) -> Content {
    let mut session = server.session(database).await;
    let mut taken = contents(&mut session, &[table.to_owned()], None).await.expect("content");
    assert!(session.is_idle(), "nothing is left open");
    taken.remove(table).expect("under the plan's name")
}

async fn hashes(server: &TestServer, database: &str, table: &str) -> RowHashes {
    let mut session = server.session(database).await;
    row_hashes(&mut session, table, 10_000, None).await.expect("hashes").expect("few enough")
}

#[tokio::test]
async fn one_changed_byte_is_found_and_put_back_is_as_before() {
    let server = TestServer::start().await;
    let database = server.fresh_database().await;
    server.sql(&database, RICH).await;
    let before = content(&server, &database, "rich").await;
    assert_eq!(before.rows, 500);
    let set = |column: &str, value: &str| format!("UPDATE rich SET {column} = {value} WHERE id = 77");
    for (column, value) in [
        ("t", "overlay(t placing 'v' from 3)"),
        ("t", "''"),
        ("t", "NULL"),
        ("n", "n + 0.0000000001"),
        ("f", "f + 1e-14"),
        ("ts", "ts + interval '1 microsecond'"),
        ("b", "set_byte(b, 5, (get_byte(b, 5) + 1) % 256)"),
        ("j", "'{\"b\": 1, \"a\":2}'"),
        ("a", "ARRAY['x', 'NULL', '77']"),
        ("i", "i + interval '1 microsecond'"),
    ] {
        let keep = "CREATE TABLE kept AS SELECT * FROM rich WHERE id = 77";
        server.sql(&database, &format!("{keep}; {}", set(column, value))).await;
        assert_ne!(content(&server, &database, "rich").await.hash, before.hash, "{column} = {value}");
        let back = set(column, &format!("kept.{column} FROM kept")).replace("WHERE id", "WHERE rich.id");
        server.sql(&database, &format!("{back}; DROP TABLE kept")).await;
        assert_eq!(content(&server, &database, "rich").await, before, "{column} put back");
    }
    for sql in [
        "DELETE FROM rich WHERE id = 1",
        "INSERT INTO rich SELECT 1000, t, n, f, ts, i, b, j, jb, a, u, m, x, \"Odd \"\"Name\" FROM rich WHERE id = 2",
        // Two values change places: the sum over columns alone would be the same.
        "UPDATE rich r SET t = o.t FROM rich o WHERE r.id IN (2, 3) AND o.id = 5 - r.id",
    ] {
        let then = content(&server, &database, "rich").await.hash;
        server.sql(&database, sql).await;
        assert_ne!(content(&server, &database, "rich").await.hash, then, "{sql}");
    }
}

#[tokio::test]
async fn order_of_rows_and_columns_layout_and_settings_are_irrelevant() {
    let server = TestServer::start().await;
    let database = server.fresh_database().await;
    server.sql(&database, RICH).await;
    let before = content(&server, &database, "rich").await;
    let hashes_before = hashes(&server, &database, "rich").await;
    for sql in [
        "CREATE TABLE again (LIKE rich INCLUDING ALL); INSERT INTO again SELECT * FROM rich ORDER BY md5(id::text); \
         DROP TABLE rich; ALTER TABLE again RENAME TO rich",
        "VACUUM FULL rich",
        "ALTER TABLE rich ADD more int; ALTER TABLE rich DROP more",
        "ALTER TABLE rich ADD t2 text; UPDATE rich SET t2 = t; ALTER TABLE rich DROP t; ALTER TABLE rich RENAME t2 TO t",
        "ALTER TABLE rich ALTER t SET STORAGE EXTERNAL; UPDATE rich SET t = t || ''",
    ] {
        server.psql_output(&database, &["-qc", sql]);
        assert_eq!(content(&server, &database, "rich").await, before, "{sql}");
    }
    assert_eq!(hashes(&server, &database, "rich").await, hashes_before);

    let mut session = server.session(&database).await;
    let odd = "SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German'; SET IntervalStyle = 'postgres_verbose'; \
        SET extra_float_digits = -5; SET bytea_output = 'escape'; SET client_encoding = 'LATIN1'; SET client_encoding = 'UTF8'; \
        SET search_path = ''; SET statement_timeout = '1min'";
    session.batch(odd).await.expect("odd settings");
    assert_eq!(contents(&mut session, &["rich".into()], None).await.expect("content")["rich"], before);
    // In a transaction too, which goes on.
    session.batch("BEGIN; UPDATE public.rich SET t = 'x' WHERE id = 1").await.expect("a transaction");
    assert_ne!(
        contents(&mut session, &["rich".into()], None).await.expect("content")["rich"].hash,
        before.hash
    );
    session.batch("ROLLBACK").await.expect("rolled back");

    let other = copy(&server, &database).await;
    assert_eq!(content(&server, &other, "rich").await, before);
}

#[tokio::test]
async fn rows_that_are_there_twice_count_twice() {
    let server = TestServer::start().await;
    let database = server.fresh_database().await;
    server.sql(&database, "CREATE TABLE d (v int); INSERT INTO d VALUES (1), (1), (2)").await;
    let (one, rows) = (content(&server, &database, "d").await, hashes(&server, &database, "d").await);
    server.sql(&database, "DELETE FROM d; INSERT INTO d VALUES (1), (2), (2)").await;
    let (two, after) = (content(&server, &database, "d").await, hashes(&server, &database, "d").await);
    assert_ne!(one.hash, two.hash);
    let difference = RowHashes::diff(&rows, &after, 10);
    assert_eq!((difference.removed_total, difference.added_total, difference.changed_total), (1, 1, 0));
    // An even number of the same row, which XOR wouldn't see.
    server.sql(&database, "DELETE FROM d").await;
    let empty = content(&server, &database, "d").await;
    server.sql(&database, "INSERT INTO d VALUES (3), (3)").await;
    assert_ne!(content(&server, &database, "d").await.hash, empty.hash);
}

#[tokio::test]
async fn the_rows_that_differ_are_named_by_their_keys() {
    let server = TestServer::start().await;
    let database = server.fresh_database().await;
    server
        .sql(
            &database,
            "CREATE TABLE one (\"Key\" text PRIMARY KEY, v int); INSERT INTO one SELECT 'k' || n, n FROM generate_series(1, 50) n;
             CREATE TABLE two (a int, b text, v int, PRIMARY KEY (b, a)); INSERT INTO two SELECT n, 'x y', n FROM generate_series(1, 50) n",
        )
        .await;
    let (one, two) = (hashes(&server, &database, "one").await, hashes(&server, &database, "two").await);
    assert_eq!(
        (one.key.clone(), two.key.clone()),
        (vec!["Key".to_owned()], vec!["b".to_owned(), "a".to_owned()])
    );
    server
        .sql(
            &database,
            "UPDATE one SET v = -1 WHERE v = 7; DELETE FROM one WHERE v = 8; INSERT INTO one VALUES ('new', 1);
             UPDATE two SET v = 0 WHERE a <= 20",
        )
        .await;
    let difference = RowHashes::diff(&one, &hashes(&server, &database, "one").await, 10);
    assert_eq!(
        (difference.changed, difference.removed, difference.added),
        (vec!["k7".into()], vec!["k8".into()], vec!["new".into()])
    );
    let difference = RowHashes::diff(&two, &hashes(&server, &database, "two").await, 3);
    assert_eq!((difference.changed.len(), difference.changed_total), (3, 20));
    assert_eq!(difference.changed[0], "(\"x y\",1)");
    // Too many for this bound: not even begun.
    let mut session = server.session(&database).await;
    assert_eq!(row_hashes(&mut session, "one", 49, None).await.expect("an answer"), None);
    assert!(row_hashes(&mut session, "one", 50, None).await.expect("an answer").is_some());
}

#[tokio::test]
async fn names_that_hurt_partitions_and_what_is_missing() {
    let server = TestServer::start().await;
    let database = zoo(&server).await;
    let mut session = server.session(&database).await;
    let names =
        ["\"Odd Schema\".\"Table with \"\"quotes\"\" and spaces\"", "measure", "app.parent", "of_no_columns"];
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let taken = contents(&mut session, &names, None).await.expect("contents");
    let rows: Vec<u64> = names.iter().map(|name| taken[name].rows).collect();
    assert_eq!(rows, [7, 401, 20, 0]);
    // A row in another partition is another row only if its values are.
    server.sql(&database, "ALTER TABLE measure DETACH PARTITION measure_rest; ALTER TABLE measure ATTACH PARTITION measure_rest DEFAULT").await;
    assert_eq!(content(&server, &database, "measure").await, taken["measure"]);

    let error = contents(&mut session, &["plain".into(), "nowhere".into()], None).await.expect_err("missing");
    assert!(matches!(&error, MeasureError::NoTable { name } if name == "nowhere"), "{error}");
    assert!(session.is_idle(), "nothing is left open");
    let budget = std::time::Duration::from_millis(1);
    server
        .sql(&database, "INSERT INTO plain SELECT n, repeat('x', 1000) FROM generate_series(1000, 60000) n")
        .await;
    let error = contents(&mut session, &["plain".into()], Some(budget)).await.expect_err("over budget");
    assert!(matches!(&error, MeasureError::Pg(error) if error.sqlstate() == Some("57014")), "{error}");
    assert!(contents(&mut session, &["plain".into()], None).await.is_ok(), "the session goes on");
}

//! Two servers that aren't alike: what is the same is found to be the same, and one byte is found all the same.

use std::path::PathBuf;
use std::sync::Arc;

use crate::common::server::TestServer;
use crate::two::{Two, address};

const KINDS: &str = "\
    CREATE TYPE mood AS ENUM ('ok', 'bad'); CREATE DOMAIN word AS text CHECK (VALUE <> ''); \
    CREATE TABLE kinds (id int PRIMARY KEY, f float8, r real, n numeric, t timestamptz, d date, i interval, b bytea, \
      j json, jb jsonb, a text[], u uuid, m mood, w word, v varchar(40) NOT NULL, c char(5), s int4range, x tsvector, bit bit(3)); \
    CREATE TABLE logs (line text); \
    CREATE TABLE numbered (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind int REFERENCES kinds); \
    CREATE INDEX by_mood ON kinds (m, t DESC); CREATE VIEW good AS SELECT id, v FROM kinds WHERE m = 'ok'";
const ROWS: &str = "\
    INSERT INTO kinds SELECT n, n / 3.0, n / 7.0, n / 9.0, '2026-01-01 00:00+00'::timestamptz + n * interval '61 min', \
      '2026-01-01'::date + n, n * interval '1 day 1 second', decode(md5(n::text), 'hex'), ('{\"b\": ' || n || ', \"a\": 1}')::json, \
      ('{\"b\": ' || n || ', \"a\": 1}')::jsonb, ARRAY['x', NULL, n::text], md5(n::text)::uuid, \
      (ARRAY['ok', 'bad'])[1 + n % 2]::mood, 'w', 'Zürich ' || n, 'é', int4range(n, n + 5), to_tsvector('simple', 'a b ' || n), \
      (n % 8)::bit(3) FROM generate_series(1, 2000) AS n; \
    INSERT INTO logs SELECT 'line ' || n % 50 FROM generate_series(1, 500) AS n; \
    INSERT INTO numbered (kind) SELECT n FROM generate_series(1, 100) AS n";

/// All that may gate finds them the same; then one byte in one row, and a table that is emptied.
async fn same_and_then_not(two: &Two, what: &str) {
    for of in ["rows", "content", "sequences"] {
        let ran = two.compare(&format!("compare = \"{of}\"")).await;
        assert_eq!(ran.code, 0, "{what}, {of}: {ran}");
    }
    two.target.sql("UPDATE kinds SET v = 'Zurich 77' WHERE id = 77").await;
    let ran = two.compare("compare = \"content\"").await;
    assert_eq!(Two::listed(&ran), ["content of kinds", "kinds, id = 77"], "{what}");
    two.target.sql("UPDATE kinds SET v = 'Zürich 77', f = f + 1e-14 WHERE id = 77").await;
    let ran = two.compare("compare = \"content\"").await;
    assert_eq!(
        Two::listed(&ran),
        ["content of kinds", "kinds, id = 77"],
        "{what}: the last digit of a float"
    );
    two.target.sql("UPDATE kinds SET f = 77 / 3.0 WHERE id = 77; TRUNCATE logs").await;
    for of in ["rows", "content"] {
        Two::differs(&two.compare(&format!("compare = \"{of}\"")).await);
    }
}

#[tokio::test]
async fn a_source_in_another_encoding() {
    let two = Two::new().await;
    let latin = format!("{}_latin", two.source);
    let make =
        format!("CREATE DATABASE {latin} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
    two.server.sql("postgres", &make).await;
    let two = Two { source: latin.clone(), ..two };
    two.leads_to(&address(&two.server, &latin));
    two.both(KINDS).await;
    two.both(ROWS).await;
    same_and_then_not(&two, "LATIN1").await;
    two.compare("compare = \"schema\"").await.exits(0);
    // What the source can't even write differs, too.
    two.target.sql("INSERT INTO logs SELECT 'line ' || n % 50 FROM generate_series(1, 499) AS n; INSERT INTO logs VALUES ('5 €')").await;
    Two::differs(&two.compare("compare = \"content\"").await);
}

/// Folders of the programs of other versions of PostgreSQL, with colons between.
const OTHERS: &str = "HOLDPOINT_OTHER_PG";

#[tokio::test]
async fn servers_of_two_versions() {
    let others = std::env::var(OTHERS).unwrap_or_default();
    let others: Vec<PathBuf> = others.split(':').filter(|path| !path.is_empty()).map(PathBuf::from).collect();
    if others.is_empty() {
        println!("only one version is here: {OTHERS}=/usr/lib/postgresql/17/bin names another one");
    }
    for bin in others {
        let server = Arc::new(TestServer::of(&bin).await);
        let what = server.value("postgres", "SHOW server_version").await;
        let two = Two::with_source_on(Arc::clone(&server)).await;
        two.both(KINDS).await;
        two.both(ROWS).await;
        same_and_then_not(&two, &what).await;
        // What one of them only writes in another way is said to be that.
        let ran = two.compare("compare = \"schema\"").await;
        println!("{what}: exit {}: {:?}", ran.code, ran.verdict("Same"));
        if ran.code != 0 {
            assert!(Two::differs(&ran).contains("the source is PostgreSQL"), "{what}: {ran}");
        }
        two.target.sql("ALTER TABLE logs ADD COLUMN more int").await;
        let ran = two.compare("compare = \"schema\"").await;
        assert!(
            Two::listed(&ran).iter().any(|one| one.contains("logs.more") || one.contains("more of")),
            "{what}: {ran}"
        );
    }
}

//! A catalog of 10,000 tables: what it takes is printed, not judged.

use std::time::Instant;

use crate::common::server::TestServer;
use holdpoint::pg::fingerprint::Fingerprint;
use holdpoint::pg::inventory::Inventory;
use holdpoint::pg::rows::{estimated_rows, row_counts};
use holdpoint::plan::model::Kind;

#[tokio::test]
async fn ten_thousand_tables() {
    let server = TestServer::with(&[("log_statement", "none"), ("max_locks_per_transaction", "1000")]).await;
    let database = server.fresh_database().await;
    let mut session = server.session(&database).await;
    session
        .batch(
            "DO $$ BEGIN FOR i IN 1..10000 LOOP
               EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, a text DEFAULT ''x'', b numeric, up int REFERENCES t%s)', i, i);
               IF i % 10 = 0 THEN EXECUTE format('COMMENT ON TABLE t%s IS ''x''; GRANT SELECT ON t%s TO PUBLIC', i, i); END IF;
               IF i % 200 = 0 THEN COMMIT; END IF;
             END LOOP; END $$",
        )
        .await
        .expect("10,000 tables");
    session
        .batch("ANALYZE pg_class, pg_attribute, pg_index, pg_constraint, pg_depend")
        .await
        .expect("analyzed");

    let start = Instant::now();
    let counts = Inventory::take(&mut session, &[]).await.expect("counts");
    println!("10,000 tables: counts           {:>6} ms", start.elapsed().as_millis());
    assert_eq!((counts.counts[&Kind::Tables], counts.counts[&Kind::Columns]), (10_000, 40_000));
    assert_eq!((counts.counts[&Kind::Indexes], counts.counts[&Kind::ForeignKeys]), (10_000, 10_000));

    let start = Instant::now();
    let named =
        Inventory::take(&mut session, &[Kind::Tables, Kind::Columns, Kind::Indexes]).await.expect("names");
    println!("10,000 tables: names of 3 kinds {:>6} ms", start.elapsed().as_millis());
    assert_eq!(named.names[&Kind::Columns].len(), 40_000);

    let start = Instant::now();
    let estimates = estimated_rows(&mut session).await.expect("estimates");
    println!("10,000 tables: estimated rows   {:>6} ms", start.elapsed().as_millis());
    assert_eq!(estimates.len(), 10_000);

    let start = Instant::now();
    let names: Vec<String> = (1..=500).map(|n| format!("t{n}")).collect();
    assert_eq!(row_counts(&mut session, &names).await.expect("rows").len(), 500);
    println!("10,000 tables: exact rows of 500 {:>5} ms", start.elapsed().as_millis());

    let start = Instant::now();
    let before = Fingerprint::take(&mut session).await.expect("a fingerprint");
    println!(
        "10,000 tables: fingerprint      {:>6} ms ({} objects)",
        start.elapsed().as_millis(),
        before.objects.len()
    );
    let start = Instant::now();
    let orphans = Inventory::take(&mut session, &[Kind::Orphans]).await.expect("orphans");
    println!("10,000 tables: orphans          {:>6} ms", start.elapsed().as_millis());
    assert_eq!(orphans.counts[&Kind::Orphans], 0);

    session.batch("ALTER TABLE t7777 ALTER a SET DEFAULT 'y'").await.expect("changed");
    let after = Fingerprint::take(&mut session).await.expect("a fingerprint");
    let start = Instant::now();
    let residue = Fingerprint::diff(&before, &after).expect("comparable");
    println!("10,000 tables: digest and diff  {:>6} ms", start.elapsed().as_millis());
    assert_eq!(residue.len(), 1);
    assert_eq!(residue[0].object, "column public.t7777.a");
}

//! What is counted after each step and after its rollback, on a real server: what the deltas show.

mod common;

use common::runs::{Bench, Ran, step};
use serde_json::{Value, json};

/// Of the counts after a step: the figures that are named here.
fn counts<'a>(ran: &'a Ran, step: &str, direction: &str) -> &'a Value {
    let found =
        ran.all("counts_taken").into_iter().find(|e| e["step"] == step && e["direction"] == direction);
    found.unwrap_or_else(|| panic!("nothing was counted after {step} ({direction}): {ran}"))
}

/// One of every way in which rows come and go, and all of it back: exact, for small tables.
#[tokio::test]
async fn what_a_step_wrote_is_counted_and_what_its_rollback_left() {
    let bench = Bench::with(
        "CREATE TABLE kept AS SELECT generate_series(1, 7) AS n; CREATE TABLE old (n int); \
         CREATE VIEW seen AS SELECT * FROM kept; CREATE TABLE emptied AS SELECT 1 AS n",
    )
    .await;
    bench.file(
        "a.sql",
        "CREATE TABLE fresh (n int PRIMARY KEY);\nINSERT INTO fresh SELECT generate_series(1, 25);\n\
         DELETE FROM kept WHERE n > 5;\nDROP TABLE old;\nTRUNCATE emptied;\n\
         CREATE OR REPLACE VIEW seen AS SELECT * FROM kept WHERE n > 0;\n",
    );
    bench.file(
        "back.sql",
        "DROP TABLE fresh;\nINSERT INTO kept VALUES (6), (7);\nCREATE TABLE old (n int);\n\
         INSERT INTO emptied VALUES (1);\nCREATE OR REPLACE VIEW seen AS SELECT * FROM kept;\n",
    );
    let failing = "checkpoint = [{ title = \"never\", sql = \"SELECT 1\", expect = 2 }]\nverify = \"after_commit\"\n\
        on_failure = \"rollback\"\nrollback = { file = \"back.sql\" }\n";
    bench.plan(&step("a", failing));
    let ran = bench.run().await;
    ran.exits(4);
    let after = counts(&ran, "a", "forward");
    assert_eq!(after["objects"]["tables"], 3, "{after}");
    assert_eq!(after["objects"]["indexes"], 1, "{after}");
    let exact = |rows: i64| json!({ "rows": rows, "exact": true });
    assert_eq!(
        after["rows"],
        json!({ "emptied": exact(0), "fresh": exact(25), "kept": exact(5) }),
        "{after}"
    );
    assert_eq!(after["gone"], json!(["old"]), "{after}");
    assert_eq!(after["missing"], Value::Null, "{after}");
    let back = counts(&ran, "a", "back");
    assert_eq!(back["objects"]["tables"], 3, "{back}");
    assert_eq!(back["objects"]["indexes"], 0, "{back}");
    assert_eq!(back["rows"], json!({ "emptied": exact(1), "kept": exact(7), "old": exact(0) }), "{back}");
    assert_eq!(back["gone"], json!(["fresh"]), "{back}");
}

/// Outside of transactions the server doesn't say what was written: every small table is counted, and
/// those that are as before aren't written down again. Of a large one its tuples are added up.
#[tokio::test]
async fn what_nobody_tells_is_found_and_large_tables_are_estimated() {
    let bench = Bench::with(
        "CREATE TABLE small (n int); CREATE TABLE other AS SELECT 1 AS n; \
         CREATE TABLE large AS SELECT generate_series(1, 200001) AS n; ANALYZE large",
    )
    .await;
    bench.file("bare.sql", "INSERT INTO small VALUES (1), (2);\n");
    bench.file(
        "more.sql",
        "INSERT INTO large SELECT generate_series(1, 10);\nDELETE FROM large WHERE n = 200001;\n",
    );
    let steps = [step("bare", "transaction = \"none\""), step("more", "")];
    bench.plan(&steps.concat());
    let ran = bench.run().await;
    ran.exits(0);
    let bare = counts(&ran, "bare", "forward");
    assert_eq!(bare["rows"], json!({ "small": { "rows": 2, "exact": true } }), "{bare}");
    let more = counts(&ran, "more", "forward");
    // The image before it has counted this one, by itself.
    assert_eq!(more["rows"]["large"]["rows"], 200_010, "{more}");
    assert_eq!(more["rows"].as_object().map(serde_json::Map::len), Some(1), "{more}");
}

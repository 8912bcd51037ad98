//! Rows of a guarded table after a rollback: what it left is named by keys and columns, what others wrote
//! stands apart, and sequences that moved on are no fault.

mod common;

use common::runs::{Bench, Ran, step};

const BEFORE: &str = "CREATE TABLE items (id int PRIMARY KEY, title text NOT NULL, state text);
    INSERT INTO items SELECT n, 'title ' || n, 'new' FROM generate_series(1, 9) n;
    CREATE TABLE log (id serial PRIMARY KEY, what text);";

/// Runs a step forward and back again; `meanwhile` is what others do between.
async fn there_and_back(forward: &str, back: &str, meanwhile: &str) -> Ran {
    let bench = Bench::with(BEFORE).await;
    bench.file("a.sql", forward);
    bench.file("back.sql", back);
    bench.plan_with(
        "guards = [\"items\"]",
        &format!(
            "{}\n[[phase.step]]\nid = \"b\"\ntitle = \"b\"\nsql = \"SELECT 1/0\"\n",
            step("a", "rollback.file = \"back.sql\"")
        ),
    );
    bench.run().await.exits(6);
    if !meanwhile.is_empty() {
        bench.sql(meanwhile).await;
    }
    bench.call(&["rollback"]).await
}

fn list(ran: &Ran, key: &str) -> Vec<String> {
    let ended = ran.last("rollback_ended");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
    ended[key]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| format!("{}: {} | {}", text(&one["object"]), text(&one["before"]), text(&one["after"])))
        .collect()
}

#[tokio::test]
async fn rows_that_stay_changed_are_named_with_their_columns() {
    let ran = there_and_back(
        "UPDATE items SET title = 'other', state = 'done' WHERE id IN (2, 3); DELETE FROM items WHERE id = 4; \
         INSERT INTO items VALUES (20, 'more', 'new');",
        "UPDATE items SET state = 'new' WHERE id = 3; UPDATE items SET title = 'title 2' WHERE id = 2;",
        "",
    )
    .await;
    ran.exits(1);
    assert_eq!(
        list(&ran, "residue"),
        [
            "rows of items: as they were | 2 rows changed (id 2: state; 3: title), 1 row added (id 20), 1 row gone (id 4)"
        ]
    );
    ran.says("rows of items: it has changed").says("+ 2 rows changed (id 2: state; 3: title)");
}

#[tokio::test]
async fn rows_of_others_stand_apart() {
    let ran = there_and_back(
        "DO $$ BEGIN UPDATE items SET state = 'done' WHERE id = 1; EXCEPTION WHEN unique_violation THEN NULL; END $$; \
         UPDATE items SET state = 'done' WHERE id = 2;",
        "UPDATE items SET state = 'new' WHERE id = 2;",
        "UPDATE items SET title = 'theirs' WHERE id = 7; INSERT INTO items VALUES (30, 'theirs', 'new'); \
         DELETE FROM items WHERE id = 9",
    )
    .await;
    ran.exits(1);
    assert_eq!(list(&ran, "residue"), ["rows of items: as they were | 1 row changed (id 1: state)"]);
    assert_eq!(
        list(&ran, "others"),
        ["rows of items: as they were | 1 row changed (id 7: title), 1 row added (id 30), 1 row gone (id 9)"]
    );
}

#[tokio::test]
async fn only_rows_of_others_and_sequences_that_moved_on_are_a_clean_rollback() {
    let ran = there_and_back(
        "INSERT INTO log (what) VALUES ('x'), ('y');",
        "DELETE FROM log;",
        "UPDATE items SET title = 'theirs' WHERE id = 7",
    )
    .await;
    ran.exits(4);
    assert_eq!(list(&ran, "residue"), Vec::<String>::new());
    assert_eq!(list(&ran, "others"), ["rows of items: as they were | 1 row changed (id 7: title)"]);
    assert_eq!(
        list(&ran, "moved"),
        ["value of sequence public.log_id_seq: not used yet, begins with 1 | last value 2"]
    );
    ran.says("by others").says("no rollback takes that back");
}

#[tokio::test]
async fn a_sequence_that_went_back_is_residue() {
    let ran = there_and_back("SELECT 1;", "SELECT setval('log_id_seq', 1, false);", "").await;
    ran.exits(4);
    let bench = Bench::with(&format!("{BEFORE} SELECT setval('log_id_seq', 50)")).await;
    bench.plan(
        "\n[[phase.step]]\nid = \"a\"\ntitle = \"a\"\nsql = \"SELECT 1\"\nrollback.sql = \"SELECT setval('log_id_seq', 1)\"\n\
         \n[[phase.step]]\nid = \"b\"\ntitle = \"b\"\nsql = \"SELECT 1/0\"\n",
    );
    bench.run().await.exits(6);
    let ran = bench.call(&["rollback"]).await;
    ran.exits(1);
    assert_eq!(list(&ran, "residue"), ["value of sequence public.log_id_seq: last value 50 | last value 1"]);
}

#[tokio::test]
async fn a_guarded_table_that_is_gone_is_said_and_no_error() {
    let ran = there_and_back("DROP TABLE items;", "SELECT 1;", "").await;
    ran.exits(1);
    let residue = list(&ran, "residue");
    assert!(
        residue.iter().any(|one| one.starts_with("rows of items: content ") && one.ends_with(" | -")),
        "{residue:?}"
    );
    assert!(residue.iter().any(|one| one.starts_with("table public.items: ")), "{residue:?}");
}

#[tokio::test]
async fn with_a_column_left_behind_rows_are_compared_in_what_both_have() {
    let ran = there_and_back(
        "ALTER TABLE items ADD score int DEFAULT 5; UPDATE items SET title = 'x' WHERE id = 1;",
        "SELECT 1;",
        "",
    )
    .await;
    ran.exits(1);
    let residue = list(&ran, "residue");
    assert_eq!(
        residue,
        [
            "column public.items.score: - | integer DEFAULT 5",
            "rows of items: as they were | 1 row changed (id 1: title)"
        ]
    );
}

/// The table is as it was before the run, and what others wrote into it is gone.
#[tokio::test]
async fn a_row_of_others_that_an_undo_takes_along_is_residue() {
    let ran = there_and_back(
        "INSERT INTO items VALUES (20, 'new one', 'new'), (21, 'new two', 'new');",
        "DELETE FROM items WHERE title LIKE 'new%';",
        "INSERT INTO items VALUES (30, 'new of theirs', 'new')",
    )
    .await;
    ran.exits(1);
    assert_eq!(list(&ran, "residue"), ["rows of items: as they were | 1 row gone (id 30)"]);
}

/// Of a table that nobody guards the counts tell it, when the run's own writes don't come out even.
#[tokio::test]
async fn rows_of_an_unguarded_table_that_are_gone_are_residue() {
    for (meanwhile, wanted) in [
        ("", vec!["rows of log: 2 rows | 1 row; the plan doesn't guard it, they were counted"]),
        ("INSERT INTO log (what) VALUES ('theirs')", vec![]),
    ] {
        let bench = Bench::with(&format!("{BEFORE} INSERT INTO log (what) VALUES ('x'), ('y')")).await;
        let (undo, exit) = match meanwhile {
            "" => ("SELECT 1", 1),
            _ => ("INSERT INTO log VALUES (1, 'x')", 4),
        };
        bench.file("a.sql", "DELETE FROM log WHERE id = 1;");
        bench.plan_with(
            "guards = [\"items\"]",
            &format!(
                "{}\n[[phase.step]]\nid = \"b\"\ntitle = \"b\"\nsql = \"SELECT 1/0\"\n",
                step("a", &format!("rollback.sql = \"{undo}\""))
            ),
        );
        bench.run().await.exits(6);
        if !meanwhile.is_empty() {
            bench.sql(meanwhile).await;
        }
        let ran = bench.call(&["rollback"]).await;
        ran.exits(exit);
        assert_eq!(list(&ran, "residue"), wanted);
    }
}

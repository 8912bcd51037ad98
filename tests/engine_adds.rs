//! `adds` and `inventory`, by number and by name, every kind, before COMMIT and after.

mod common;

use common::runs::{Bench, Ran, step};

/// Adds one of everything (two columns, two indexes with the keys').
const EVERYTHING: &str = "
CREATE TABLE parent (id int PRIMARY KEY, name text);
CREATE TABLE child (id serial, parent_id int CONSTRAINT child_parent REFERENCES parent);
CREATE INDEX child_parent_idx ON child (parent_id);
CREATE VIEW parents AS SELECT * FROM parent;
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touched BEFORE INSERT ON child FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE child ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON child USING (true);
INSERT INTO parent VALUES (1, 'x'), (2, 'y');
INSERT INTO child (parent_id) VALUES (1);
INSERT INTO seed SELECT generate_series(1, 5);
";

const COUNTS: &str = "tables = 2, views = 1, columns = 4, indexes = 2, foreign_keys = 1, policies = 1, functions = 1, \
    triggers = 1, enums = 1, sequences = 1, unvalidated_constraints = 0, invalid_indexes = 0, disabled_triggers = 0, \
    orphans = 0, rows = { parent = 2, child = 1, seed = 5 }";

const NAMES: &str = "tables = [\"parent\", \"child\"], views = [\"parents\"], indexes = [\"parent_pkey\", \"child_parent_idx\"], \
    columns = [\"parent.id\", \"parent.name\", \"child.id\", \"child.parent_id\"], foreign_keys = [\"child_parent\"], \
    policies = [\"own\"], functions = [\"touch\"], triggers = [\"touched\"], enums = [\"mood\"], sequences = [\"child_id_seq\"]";

async fn adds(sql: &str, adds: &str, keys: &str) -> (Bench, Ran) {
    let bench = Bench::with("CREATE TABLE seed (id int); INSERT INTO seed VALUES (0)").await;
    bench.file("a.sql", sql);
    bench.plan(&step("a", &format!("adds = {{ {adds} }}\n{keys}")));
    let ran = bench.run().await;
    (bench, ran)
}

#[tokio::test]
async fn every_kind_is_counted() {
    for verify in ["", "verify = \"after_commit\"\n", "verify = \"both\"\n"] {
        let (_, ran) = adds(EVERYTHING, COUNTS, verify).await;
        ran.exits(0);
        assert!(ran.verdict("adds what the plan says").0);
    }
}

#[tokio::test]
async fn every_kind_is_named() {
    let (_, ran) = adds(EVERYTHING, NAMES, "").await;
    ran.exits(0);
}

/// Each figure off by one fails, and nothing is applied.
#[tokio::test]
async fn a_wrong_count_fails() {
    let wrong = [
        "tables = 1",
        "tables = 3",
        "views = 0",
        "columns = 5",
        "indexes = 1",
        "policies = 2",
        "functions = 0",
        "rows = { parent = 1 }",
        "rows = { seed = 6 }",
        "triggers = \">= 2\"",
        "sequences = 0",
    ];
    let bench = Bench::with("CREATE TABLE seed (id int); INSERT INTO seed VALUES (0)").await;
    bench.file("a.sql", EVERYTHING);
    for adds in wrong {
        bench.plan(&step("a", &format!("adds = {{ {adds} }}\non_failure = \"stop\"")));
        let ran = bench.run().await;
        assert_eq!(ran.code, 1, "{adds}: {ran}");
        assert!(!ran.verdict("adds what the plan says").0, "{adds}");
        assert_eq!(bench.value("SELECT to_regclass('parent') IS NULL").await, "t");
    }
}

#[tokio::test]
async fn a_list_means_exactly_these() {
    let wrong = [
        ("tables = [\"parent\"]", "child"),
        ("tables = [\"parent\", \"child\", \"other\"]", "other"),
        ("tables = [\"parent\", \"seed\"]", "seed"),
        ("functions = [\"touch(int)\"]", "touch"),
        ("columns = [\"parent.id\"]", "parent.name"),
    ];
    let bench = Bench::with("CREATE TABLE seed (id int)").await;
    bench.file("a.sql", EVERYTHING);
    for (adds, named) in wrong {
        bench.plan(&step("a", &format!("adds = {{ {adds} }}\non_failure = \"stop\"")));
        let ran = bench.run().await;
        assert_eq!(ran.code, 1, "{adds}: {ran}");
        let verdict = ran.last("checkpoint_result")["verdict"].to_string();
        assert!(verdict.contains(named), "{adds}: {verdict}");
    }
}

#[tokio::test]
async fn what_a_step_takes_away_is_negative() {
    let (_, ran) = adds("DROP TABLE seed;", "tables = -1, columns = -1", "").await;
    ran.exits(0);
    let (_, ran) = adds("DELETE FROM seed;", "rows = { seed = -1 }", "").await;
    ran.exits(0);
}

/// After a failure in the middle, what was there before is what was there before the step.
#[tokio::test]
async fn before_means_before_the_step_after_a_resume_too() {
    let bench = Bench::new().await;
    bench.script(
        "CREATE TABLE one ();\nCREATE TABLE two AS SELECT id FROM later;\n",
        "transaction = \"none\"\nadds = { tables = 2 }",
    );
    bench.run().await.exits(6);
    bench.sql("CREATE VIEW later AS SELECT 1 AS id").await;
    bench.resume().await.exits(0);
}

#[tokio::test]
async fn an_inventory_counts_what_there_is() {
    let bench = Bench::with(&format!("CREATE TABLE seed (id int); {EVERYTHING}")).await;
    let inventory = |kinds: &str| {
        format!("[[phase.step]]\ntitle = \"I\"\non_failure = \"stop\"\ninventory = {{ {kinds} }}\n")
    };
    bench.plan(&inventory(
        "tables = 3, views = 1, columns = 5, indexes = 2, foreign_keys = 1, policies = 1, functions = 1, triggers = 1, \
         enums = 1, sequences = 1, rows = { parent = 2, seed = \"4..6\" }, orphans = 0, unvalidated_constraints = 0, \
         invalid_indexes = 0, disabled_triggers = 0, size = \"> 1000\"",
    ));
    bench.run().await.exits(0);
    // A list means that these exist, perhaps among others.
    bench.plan(&inventory("tables = [\"parent\"], columns = [\"child.id\"]"));
    bench.run().await.exits(0);
    for wrong in [
        "tables = 2",
        "tables = [\"parent\", \"nowhere\"]",
        "rows = { parent = 3 }",
        "rows = { nowhere = 0 }",
        "disabled_triggers = 1",
    ] {
        bench.plan(&inventory(wrong));
        let ran = bench.run().await;
        assert_eq!(ran.code, 1, "{wrong}: {ran}");
    }
    // Nothing was changed, so there is no ledger.
    assert_eq!(bench.value("SELECT to_regnamespace('holdpoint') IS NULL").await, "t");
}

#[tokio::test]
async fn what_is_broken_is_found() {
    let bench = Bench::with(
        "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (p int); INSERT INTO c VALUES (1), (2), (2); \
         ALTER TABLE c ADD CONSTRAINT loose FOREIGN KEY (p) REFERENCES p NOT VALID; \
         CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; \
         CREATE TRIGGER off BEFORE INSERT ON c FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE c DISABLE TRIGGER off",
    )
    .await;
    let mut session = bench.server.session(&bench.db).await;
    session.batch("CREATE UNIQUE INDEX CONCURRENTLY broken ON c (p)").await.expect_err("not unique");
    session.close().await;
    bench.plan(
        "[[phase.step]]\ntitle = \"I\"\non_failure = \"stop\"\n\
         inventory = { orphans = 3, unvalidated_constraints = 1, disabled_triggers = 1, invalid_indexes = 1 }\n",
    );
    bench.run().await.exits(0);
    bench.plan(
        "[[phase.step]]\ntitle = \"I\"\non_failure = \"stop\"\n\
         inventory = { orphans = 0, unvalidated_constraints = 0, disabled_triggers = 0, invalid_indexes = 0 }\n",
    );
    let ran = bench.run().await;
    ran.exits(1);
}

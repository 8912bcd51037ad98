//! Taking up a run again: it goes on with the plan and the files that it was opened with, from anywhere.

mod common;

use common::runs::{Bench, step};

async fn rows(bench: &Bench) -> String {
    bench.value("SELECT string_agg(id::text, ' ' ORDER BY id) FROM t").await
}

/// What lies in the SQL folder by now, and where one stands, doesn't matter.
#[tokio::test]
async fn files_are_those_of_the_opening() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    std::fs::create_dir(bench.path("sql")).unwrap();
    bench.file("sql/m1.sql", "INSERT INTO t VALUES (1);");
    bench.file("sql/m2.sql", "INSERT INTO t SELECT id FROM later;\n\\i x.sql\n");
    bench.file("sql/m4.sql", "INSERT INTO t VALUES (4);");
    bench.file("sql/x.sql", "INSERT INTO t VALUES (3);");
    bench.plan_with("sql_dir = \"sql\"", "[[phase.step]]\nid = \"m\"\ntitle = \"M\"\nfiles = \"m*.sql\"\n");
    bench.run().await.exits(6);
    assert_eq!(rows(&bench).await, "1");
    let digest = bench.value("SELECT digest FROM holdpoint.ledger").await;
    bench.sql("CREATE TABLE later AS SELECT 2 AS id").await;
    // Everything is changed, removed or added since.
    bench.file("sql/m1.sql", "INSERT INTO t VALUES (100);");
    bench.file("sql/m2.sql", "INSERT INTO t VALUES (200);");
    bench.file("sql/m3.sql", "INSERT INTO t VALUES (300);");
    std::fs::remove_file(bench.path("sql/m4.sql")).unwrap();
    bench.file("plan.toml", "nonsense");
    bench.resume().await.exits(0);
    assert_eq!(rows(&bench).await, "1 2 3 4");
    assert_eq!(bench.ledger().await, ["m m1.sql forward 0", "m m2.sql forward 0", "m m4.sql forward 0"]);
    assert_ne!(digest, "");
}

#[tokio::test]
async fn from_another_folder_with_the_folder_gone() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    std::fs::create_dir(bench.path("sql")).unwrap();
    bench.file(
        "sql/a.sql",
        "BEGIN;\nINSERT INTO t VALUES (1);\nCOMMIT;\nBEGIN;\nINSERT INTO t SELECT id FROM later;\nCOMMIT;\n",
    );
    bench.plan_with("sql_dir = \"sql\"", &step("a", "transaction = \"script\""));
    bench.run().await.exits(6);
    bench.sql("CREATE TABLE later AS SELECT 2 AS id").await;
    std::fs::remove_dir_all(bench.path("sql")).unwrap();
    std::fs::create_dir(bench.path("elsewhere")).unwrap();
    bench.stand_in("elsewhere");
    bench.resume().await.exits(0);
    assert_eq!(rows(&bench).await, "1 2");
    assert_eq!(bench.ledger().await.len(), 2);
}

/// Rolling back runs the files of the opening too.
#[tokio::test]
async fn a_rollback_uses_the_files_of_the_opening() {
    let bench = Bench::new().await;
    for n in 1..=2 {
        bench.file(&format!("m{n}.sql"), &format!("CREATE TABLE t{n} ();"));
        bench.file(&format!("undo_m{n}.sql"), &format!("DROP TABLE t{n};"));
    }
    bench.file("b.sql", "SELECT 1/0;");
    bench.plan(&format!(
        "[[phase.step]]\nid = \"m\"\ntitle = \"M\"\nfiles = \"m*.sql\"\n[phase.step.rollback]\nfiles = \"undo_{{file}}\"\n{}",
        step("b", "")
    ));
    bench.run().await.exits(6);
    for n in 1..=2 {
        std::fs::remove_file(bench.path(&format!("undo_m{n}.sql"))).unwrap();
    }
    bench.call(&["rollback"]).await.exits(4);
    assert_eq!(bench.value("SELECT to_regclass('t1') IS NULL AND to_regclass('t2') IS NULL").await, "t");
    assert_eq!(
        bench.ledger().await,
        ["m m1.sql forward 0", "m m2.sql forward 0", "m m2.sql back 0", "m m1.sql back 0"]
    );
}

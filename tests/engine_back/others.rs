//! What others made and wrote beside a run, told from what the run did.

use super::*;

/// Rows that others write between two ways back of one run are theirs, as those before the first are.
#[tokio::test]
async fn rows_that_others_write_between_two_rollbacks_are_listed_apart() {
    let bench = Bench::with(
        "CREATE TABLE g (id int PRIMARY KEY, t text); INSERT INTO g VALUES (1, 'one'), (2, 'two')",
    )
    .await;
    bench.file("a.sql", "CREATE TABLE a (n int);");
    bench.file("b.sql", "UPDATE g SET t = 'ONE' WHERE id = 1;");
    let person = "[[phase.step]]\nid = \"p\"\ntitle = \"P\"\nconfirm = \"so\"\n";
    bench.plan_with(
        "guards = [\"g\"]",
        &[
            undoable("a", "DROP TABLE a"),
            undoable("b", "UPDATE g SET t = 'one' WHERE id = 1"),
            person.to_owned(),
        ]
        .concat(),
    );
    bench.run().await.exits(6);
    back(&bench, &["--only", "a"]).await.exits(6);
    bench.sql("INSERT INTO g VALUES (200, 'theirs')").await;
    let ran = back(&bench, &[]).await;
    ran.exits(4);
    let others = &ran.last("rollback_ended")["others"];
    assert_eq!(others[0]["after"], "1 row added (id 200)", "{ran}");
}

/// A part of a run that is over: what others made since its end isn't that part's.
#[tokio::test]
async fn objects_of_others_since_the_end_are_no_residue_of_a_part() {
    let bench = done().await;
    bench.sql("CREATE TABLE mine (i int)").await;
    let ran = back(&bench, &["--only", "b", "--despite", "it is ours"]).await;
    ran.exits(6);
    assert_eq!(ran.last("rollback_ended")["residue"], json!([]), "{ran}");
}

/// What files of a glob and a whole schema drop is counted like a table that is dropped by its name.
#[tokio::test]
async fn rows_that_go_with_files_and_schemas_are_counted() {
    let bench = Bench::new().await;
    bench.file("m-01.sql", "CREATE TABLE m (n int);");
    bench.file("m-01.sql.down", "DROP TABLE m;");
    bench.plan(
        "[[phase.step]]\nid = \"glob\"\ntitle = \"F\"\nfiles = \"m-??.sql\"\nrollback.files = \"{file}.down\"\n\
         [[phase.step]]\nid = \"sch\"\ntitle = \"S\"\nsql = \"CREATE SCHEMA s; CREATE TABLE s.t (n int)\"\n\
         rollback.sql = \"DROP SCHEMA s CASCADE\"\n",
    );
    bench.run().await.exits(0);
    bench.sql("INSERT INTO m SELECT generate_series(1, 3); INSERT INTO s.t VALUES (1), (2)").await;
    let ran = back(&bench, &[]).await;
    ran.exits(3)
        .says("3 rows written to m since would be lost with \"glob\"")
        .says("2 rows written to s.t since would be lost with \"sch\"");
}

/// Values in a column that the step itself makes are nobody's before it.
#[tokio::test]
async fn values_in_a_column_of_its_own_are_no_loss() {
    let bench = Bench::with("CREATE TABLE o (id int PRIMARY KEY); INSERT INTO o VALUES (1)").await;
    bench.file("cur.sql", "ALTER TABLE o ADD COLUMN currency text; UPDATE o SET currency = 'EUR';");
    bench.plan(&undoable("cur", "ALTER TABLE o DROP COLUMN currency"));
    bench.run().await.exits(0);
    let ran = back(&bench, &["--list"]).await;
    ran.exits(0).says("will undo 1 step");
    assert!(!ran.out.contains("loses"), "{ran}");
}

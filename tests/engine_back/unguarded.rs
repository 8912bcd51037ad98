//! Rows of tables that nobody guards: counted, and told where this run made the difference.

use super::common::runs::{Bench, Ran, step};
use super::past_return::objects;
use super::{back, undoable};

const LOOSE: &str = "CREATE TABLE loose (n int); INSERT INTO loose SELECT generate_series(1, 9)";

async fn ran(steps: &str) -> Bench {
    let bench = Bench::with(LOOSE).await;
    bench.file("empty.sql", "TRUNCATE loose; INSERT INTO loose VALUES (0);");
    bench.file("some.sql", "DELETE FROM loose WHERE n > 6;");
    bench.file("a.sql", "CREATE TABLE a (n int);");
    bench.plan(steps);
    bench.run().await.exits(0);
    bench
}

fn left(ran: &Ran) -> Vec<String> {
    let found = ran.last("rollback_ended")["residue"].as_array().cloned().unwrap_or_default();
    let text = |cell: &serde_json::Value| cell.as_str().unwrap_or_default().to_owned();
    found
        .iter()
        .map(|one| format!("{} {} {}", text(&one["object"]), text(&one["before"]), text(&one["after"])))
        .collect()
}

#[tokio::test]
async fn a_table_that_stays_emptied_is_residue() {
    let bench = ran(&undoable("empty", "UPDATE loose SET n = 1")).await;
    let ran = back(&bench, &[]).await;
    ran.exits(1);
    assert_eq!(
        left(&ran),
        ["rows of loose 9 rows 1 row; the plan doesn't guard it, they were counted"],
        "{ran}"
    );
}

#[tokio::test]
async fn what_a_procedure_doesnt_give_back_is_residue() {
    let procedure = "\n[[rollback]]\nid = \"p\"\ntitle = \"P\"\nundoes = [\"some\"]\n\
                     [[rollback.step]]\nid = \"half\"\ntitle = \"Half\"\nsql = \"INSERT INTO loose VALUES (7)\"\n";
    let bench = ran(&format!("{}{procedure}", step("some", ""))).await;
    let ran = back(&bench, &[]).await;
    ran.exits(1);
    assert_eq!(
        left(&ran),
        ["rows of loose 9 rows 7 rows; the plan doesn't guard it, they were counted"],
        "{ran}"
    );
}

#[tokio::test]
async fn what_a_part_doesnt_give_back_is_residue() {
    let some = undoable("some", "INSERT INTO loose VALUES (7)");
    let bench = ran(&format!("{}{some}", undoable("a", "DROP TABLE a"))).await;
    let ran = back(&bench, &["--to", "some"]).await;
    ran.exits(1);
    assert_eq!(
        left(&ran),
        ["rows of loose 9 rows 7 rows; the plan doesn't guard it, they were counted"],
        "{ran}"
    );
}

/// An undo that takes all rows takes those of others too: that is asked about.
#[tokio::test]
async fn an_undo_that_deletes_all_rows_is_asked_about_when_others_have_written() {
    let bench = Bench::with("CREATE TABLE g (id int PRIMARY KEY)").await;
    bench.file("fill.sql", "INSERT INTO g VALUES (1), (2);");
    bench.plan_with("guards = [\"g\"]", &undoable("fill", "DELETE FROM g"));
    bench.run().await.exits(0);
    bench.sql("INSERT INTO g VALUES (7)").await;
    back(&bench, &[]).await.exits(3).says("1 row written to g since would be lost with \"fill\"");
    back(&bench, &["--despite", "it is a test row"]).await;
    assert_eq!(bench.value("SELECT count(*) FROM g").await, "0");
}

/// What no statement takes away isn't called restored, wherever it is told.
#[tokio::test]
async fn a_value_of_an_enum_is_said_to_stay() {
    let bench = Bench::with("CREATE TYPE mood AS ENUM ('sad')").await;
    bench.file("glad.sql", "ALTER TYPE mood ADD VALUE 'glad';");
    bench.plan(&undoable("glad", "SELECT 1"));
    let ran = bench.run().await;
    ran.exits(0).says("leaves the value 'glad' of enum mood: PostgreSQL takes none away");
    let ran = back(&bench, &[]).await;
    ran.exits(1);
    assert_eq!(objects(&ran, "residue"), ["enum public.mood"], "{ran}");
}

/// Nobody can tell the rows of a program from those that others wrote while it ran: they are asked about.
#[tokio::test]
async fn rows_beside_a_program_are_asked_about() {
    let bench = Bench::new().await;
    bench.file("make.sql", "CREATE TABLE ta (n int);");
    let fill = "[[phase.step]]\nid = \"fill\"\ntitle = \"Fill\"\non = \"target\"\n\
                command = [\"psql\", \"-q\", \"-c\", \"INSERT INTO ta VALUES (1), (2)\"]\n\
                rollback.sql = \"SELECT 1\"\n";
    bench.plan(&format!("{}{fill}", undoable("make", "DROP TABLE ta")));
    bench.run().await.exits(0);
    back(&bench, &["--list"]).await.says("2 rows written to ta since would be lost with \"make\"");
    back(&bench, &[]).await.exits(3).says("2 rows written to ta since would be lost");
    back(&bench, &["--despite", "they are the program's"]).await.exits(4);
}

/// What one part left is still there when the next part is clean, and is told again.
#[tokio::test]
async fn what_an_earlier_part_left_is_told_again() {
    let bench = Bench::new().await;
    for table in ["a", "b", "c"] {
        bench.file(&format!("{table}.sql"), &format!("CREATE TABLE {table} (n int);"));
    }
    let steps = [undoable("a", "DROP TABLE a"), undoable("b", "DROP TABLE b"), undoable("c", "SELECT 1")];
    bench.plan(&steps.concat());
    bench.run().await.exits(0);
    let ran = back(&bench, &["--only", "c"]).await;
    ran.exits(1);
    assert_eq!(objects(&ran, "residue"), ["column public.c.n", "table public.c"], "{ran}");
    let ran = back(&bench, &["--to", "b"]).await;
    ran.exits(1).says("but not everything is as it should be by now: column public.c.n, table public.c");
    // Taken away by hand: then it isn't.
    bench.sql("DROP TABLE c").await;
    back(&bench, &["--despite", "c is gone now"]).await.exits(4);
}

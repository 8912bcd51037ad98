//! What a way back takes away or writes over, counted before anybody decides: values in columns that it
//! drops, rows that an UPDATE of all rows reaches, and what others wrote before an earlier part was undone.

use super::common::runs::Bench;
use super::{back, undoable};

/// `column` adds two columns with a default and without, `fill` writes one of them; done.
async fn columns() -> Bench {
    let bench = Bench::with("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)").await;
    let sql = "ALTER TABLE t ADD COLUMN note text, ADD COLUMN kind text NOT NULL DEFAULT 'a''b';";
    bench.file("column.sql", sql);
    bench.file("fill.sql", "UPDATE t SET note = 'ours' WHERE id = 1;");
    bench.plan(
        &[
            undoable("column", "ALTER TABLE t DROP COLUMN note, DROP COLUMN kind"),
            undoable("fill", "UPDATE t SET note = NULL WHERE id = 1"),
        ]
        .concat(),
    );
    bench.run().await.exits(0);
    bench
}

#[tokio::test]
async fn a_column_that_only_the_run_wrote_goes_without_a_question() {
    let bench = columns().await;
    // A row that has nothing but the default in it loses nothing.
    bench.sql("INSERT INTO t VALUES (4)").await;
    let listed = back(&bench, &["--list"]).await;
    listed
        .exits(0)
        .says("as many values as then in t.note, t.kind; changed ones aren't counted")
        .says("in all: no row written since would be lost");
    assert!(!listed.out.contains("would be refused"), "{listed}");
    back(&bench, &[]).await.exits(4);
}

#[tokio::test]
async fn a_column_that_others_wrote_is_asked_about() {
    let bench = columns().await;
    bench.sql("UPDATE t SET note = 'theirs' WHERE id > 1; UPDATE t SET kind = 'c' WHERE id = 3").await;
    back(&bench, &["--list"])
        .await
        .exits(0)
        .says("2 values written to t.note since would be lost")
        .says("1 value written to t.kind since would be lost")
        .says("it would be refused;");
    back(&bench, &[])
        .await
        .exits(3)
        .says("2 values written to t.note since would be lost with \"column\"")
        .says("--despite");
    assert_eq!(bench.value("SELECT count(note) FROM t").await, "3", "nothing was undone");
    back(&bench, &["--despite", "they are in the ticket"]).await.exits(4);
}

/// An UPDATE of all rows writes over those that came later, guarded or not.
#[tokio::test]
async fn an_undo_that_updates_all_rows_is_asked_about_when_others_have_written() {
    for guards in ["guards = [\"g\"]", ""] {
        let bench =
            Bench::with("CREATE TABLE g (id int PRIMARY KEY, t text); INSERT INTO g VALUES (1, 'one')").await;
        bench.file("set.sql", "UPDATE g SET t = 'ours';");
        bench.plan_with(guards, &undoable("set", "UPDATE g SET t = 'one'"));
        bench.run().await.exits(0);
        bench.sql("INSERT INTO g VALUES (7, 'theirs')").await;
        back(&bench, &["--list"])
            .await
            .exits(0)
            .says("1 row written to g since would be written over")
            .says("it would be refused;");
        back(&bench, &[]).await.exits(3).says("1 row written to g since would be written over with \"set\"");
        assert_eq!(bench.value("SELECT t FROM g WHERE id = 7").await, "theirs");
        back(&bench, &["--despite", "it is a test row"]).await;
        assert_eq!(bench.value("SELECT t FROM g WHERE id = 7").await, "one");
    }
}

/// What others wrote before a part was undone isn't this run's because the rollback's image has it.
#[tokio::test]
async fn rows_of_others_stay_theirs_over_an_earlier_part() {
    let bench = Bench::with(
        "CREATE TABLE g (id int PRIMARY KEY, t text); INSERT INTO g VALUES (1, 'one'), (2, 'two')",
    )
    .await;
    bench.file("a.sql", "UPDATE g SET t = 'ONE' WHERE id = 1;");
    bench.file("b.sql", "CREATE TABLE b (n int);");
    let undo = "UPDATE g SET t = 'one' WHERE id = 1";
    bench.plan_with("guards = [\"g\"]", &[undoable("a", undo), undoable("b", "DROP TABLE b")].concat());
    bench.run().await.exits(0);
    bench.sql("UPDATE g SET t = 'THEIRS' WHERE id = 1").await;
    // What it undoes has nothing to do with that row.
    back(&bench, &["--only", "b"]).await.exits(6);
    let words = "1 row of g that this run wrote, others have written again (id 1)";
    back(&bench, &[]).await.exits(3).says(words);
    assert_eq!(bench.value("SELECT t FROM g WHERE id = 1").await, "THEIRS");
    back(&bench, &["--despite", "they know"]).await.says(words);
    assert_eq!(bench.value("SELECT t FROM g WHERE id = 1").await, "one");
}

/// A run that was over and of which a part was undone is open; whoever goes on with it later is asked as before.
#[tokio::test]
async fn what_is_written_after_a_part_was_undone_is_asked_about_too() {
    let bench = super::done().await;
    super::back(&bench, &["--to", "b"]).await.exits(6);
    bench.sql("INSERT INTO a VALUES (6), (7); CREATE VIEW theirs AS SELECT 1").await;
    let before = super::journal(&bench).len();
    super::back(&bench, &["--list"])
        .await
        .exits(0)
        .says("2 rows written to a since would be lost with \"fill\"")
        .says("it would be refused;");
    let ran = super::back(&bench, &[]).await;
    ran.exits(3)
        .says("was over before a part of it was undone, and since then something has changed")
        .says("2 rows written to a since would be lost with \"fill\"")
        .says("view public.theirs is new")
        .says("the run waits as it did")
        .says("--despite");
    assert_eq!(
        (bench.value("SELECT count(*) FROM a").await.as_str(), super::journal(&bench).len()),
        ("7", before)
    );
    let ran = super::back(&bench, &["--despite", "they are in the ticket"]).await;
    ran.exits(4)
        .says("goes back further despite view public.theirs is new; 2 rows written to a since")
        .says("they are in the ticket");
}

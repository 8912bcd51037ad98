//! A rollback of a run that went past the point of no return: what stays stands apart, with whose word it was.

use super::common::runs::{Bench, Ran, step};
use super::{back, undoable};
use serde_json::json;

/// Drops a column and rows for good, between two steps that can be undone.
async fn gone_past(undo: &str) -> Bench {
    let bench = Bench::with(
        "CREATE TABLE g (id int PRIMARY KEY, old text, t text); INSERT INTO g VALUES (1, 'x', 'one'), (2, 'y', 'two'); \
         CREATE TABLE loose (n int); INSERT INTO loose SELECT generate_series(1, 9)",
    )
    .await;
    bench.file("a.sql", "CREATE TABLE a (n int);");
    bench.file(
        "old.sql",
        "ALTER TABLE g DROP COLUMN old; DELETE FROM g WHERE id = 1; DELETE FROM loose WHERE n > 6;",
    );
    bench.file("c.sql", "CREATE TABLE c (n int); UPDATE g SET t = 'TWO';");
    let irreversible = step("old", "irreversible = \"nobody keeps the old rows\"");
    let undo_c = format!("DROP TABLE c; {undo}");
    bench.plan_with(
        "guards = [\"g\"]",
        &[undoable("a", "DROP TABLE a"), irreversible, undoable("c", &undo_c)].concat(),
    );
    bench.file("answers.toml", "[irreversible]\nold = \"the board knows\"\n");
    bench.call(&["run", "--answers", "answers.toml"]).await.exits(0);
    bench
}

pub fn objects(ran: &Ran, key: &str) -> Vec<String> {
    let found = ran.last("rollback_ended")[key].as_array().cloned().unwrap_or_default();
    found.iter().map(|one| one["object"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn what_cant_be_taken_back_stands_apart_with_its_reason() {
    let bench = gone_past("UPDATE g SET t = 'two'").await;
    let ran = back(&bench, &[]).await;
    // The database isn't as it was before: that is told by the code too.
    ran.exits(1)
        .says("stays: old: irreversible: nobody keeps the old rows; decided by")
        .says("the board knows")
        .says("undone, but for what can't be taken back")
        .says("what can't be taken back stays, as was decided");
    assert_eq!(objects(&ran, "residue"), [""; 0], "{ran}");
    assert_eq!(objects(&ran, "stays"), ["column public.g.old", "rows of g", "rows of loose"], "{ran}");
    assert_eq!(ran.last("rollback_started")["steps"], json!(["c", "old", "a"]));
    bench
        .call(&["status", "--state-dir", "state"])
        .await
        .exits(0)
        .says("not everything is as before (exit 1)");
}

/// It excuses nothing that another step left.
#[tokio::test]
async fn what_another_step_left_is_residue_all_the_same() {
    let bench = gone_past("SELECT 1").await;
    let ran = back(&bench, &[]).await;
    ran.exits(1).says("rolled back, but not everything is as it was before");
    assert_eq!(objects(&ran, "residue"), ["rows of g"], "{ran}");
    assert!(objects(&ran, "stays").contains(&"column public.g.old".to_owned()), "{ran}");
}

/// What others made behind such a step, while the run waited, isn't what that did for good.
#[tokio::test]
async fn what_others_made_behind_it_is_theirs() {
    let bench = Bench::with("CREATE TABLE trash (n int); INSERT INTO trash VALUES (1), (2)").await;
    bench.file("a.sql", "CREATE TABLE a (n int);");
    bench.file("old.sql", "ALTER TABLE trash ADD COLUMN gone int; DELETE FROM trash WHERE n = 1;");
    let irreversible = step("old", "irreversible = \"nobody keeps it\"");
    let sure = "[[phase.step]]\nid = \"sure\"\ntitle = \"Sure\"\nconfirm = \"sure\"\n".to_owned();
    bench.plan(&[undoable("a", "DROP TABLE a"), irreversible, sure].concat());
    bench.call(&["run", "--irreversible", "old=decided"]).await.exits(6);
    bench.sql("CREATE TABLE someone_else (n int)").await;
    let ran = back(&bench, &[]).await;
    ran.exits(1).says("by others table public.someone_else: made");
    assert_eq!(objects(&ran, "stays"), ["column public.trash.gone", "rows of trash"], "{ran}");
    assert_eq!(objects(&ran, "residue"), [""; 0], "{ran}");
}

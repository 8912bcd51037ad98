//! Steps that were applied in part, or of which nobody knows: what they left is counted and named, and never
//! called undone.

use super::common::runs::Bench;
use super::past_return::objects;
use super::{back, undoable};

const SIDE: &str = "CREATE TABLE acct (id int PRIMARY KEY, bal int); INSERT INTO acct VALUES (1, 1); \
                    CREATE TABLE side (id int, v text); INSERT INTO side SELECT n FROM generate_series(1, 50) AS n";

/// A step as it stands in a plan, with what undoes it.
fn own(id: &str, keys: &str, sql: &str, undo: &str) -> String {
    format!(
        "[[phase.step]]\nid = \"{id}\"\ntitle = \"{id}\"\n{keys}\nsql = \"\"\"{sql}\"\"\"\nrollback.sql = \"\"\"{undo}\"\"\"\n"
    )
}

#[tokio::test]
async fn what_half_a_step_took_is_residue() {
    for mode in ["none", "script"] {
        let bench = Bench::with(SIDE).await;
        let sql = match mode {
            "none" => "DELETE FROM side WHERE id > 10; UPDATE acct SET bal = 0 WHERE id = 1; SELECT 1/0;",
            _ => "BEGIN; DELETE FROM side WHERE id > 10; COMMIT; BEGIN; SELECT 1/0; COMMIT;",
        };
        let keys = format!("transaction = \"{mode}\"");
        bench.plan_with(
            "guards = [\"acct\"]",
            &own("half", &keys, sql, "UPDATE acct SET bal = 1 WHERE id = 1"),
        );
        bench.run().await.exits(6);
        let ran = back(&bench, &[]).await;
        ran.exits(1);
        assert_eq!(objects(&ran, "residue"), ["rows of side"], "{ran}");
    }
}

const COMMITS: &str = "DO $$ BEGIN DELETE FROM side WHERE id > 10; COMMIT; RAISE EXCEPTION 'no'; END $$;";

#[tokio::test]
async fn what_a_statement_committed_by_itself_isnt_called_nothing() {
    let bench = Bench::with(SIDE).await;
    let del = own("del", "transaction = \"none\"", COMMITS, "SELECT 1");
    bench.plan(&del);
    bench.run().await.exits(6).says("committed by itself");
    assert_eq!(bench.value("SELECT count(*) FROM side").await, "10");
    back(&bench, &[]).await.exits(3).says("something of \"del\" may be there").says("Look at the database");

    let bench = Bench::with(SIDE).await;
    bench.file("first.sql", "CREATE TABLE first (n int);");
    bench.plan(&[undoable("first", "DROP TABLE first"), del].concat());
    bench.run().await.exits(6);
    back(&bench, &["--list"]).await.exits(0).says("stays: del: it failed");
    let ran = back(&bench, &[]).await;
    ran.exits(1).says("what it had committed by itself before that may be there");
    assert!(objects(&ran, "residue").contains(&"step \"del\"".to_owned()), "{ran}");
}

/// Nobody compares the rows, no undo wrote them: that they are as before isn't claimed.
#[tokio::test]
async fn rows_that_no_undo_wrote_arent_called_undone() {
    let bench = Bench::with(SIDE).await;
    bench.file("fn.sql", "UPDATE side SET v = 'x';");
    bench.plan(&undoable("fn", "DO $$ BEGIN NULL; END $$"));
    bench.run().await.exits(0);
    let ran = back(&bench, &[]).await;
    ran.says("undone; what was compared is as before").says("not proven: rows of side, which this run wrote");
    assert!(!ran.out.contains("nothing is left behind"), "{ran}");
    assert_eq!(ran.last("rollback_ended")["not_put_back"], serde_json::json!(["side"]));

    let bench = Bench::with(SIDE).await;
    bench.file("fn.sql", "UPDATE side SET v = 'x';");
    bench.plan(&undoable("fn", "UPDATE side SET v = NULL"));
    bench.run().await.exits(0);
    back(&bench, &[]).await.exits(4).says("nothing is left behind");
}

#[tokio::test]
async fn rows_from_before_the_run_that_an_undo_takes_are_said_to_be() {
    let bench = Bench::with(SIDE).await;
    bench.file("d.sql", "UPDATE acct SET bal = 2;");
    bench.plan(&undoable("d", "UPDATE acct SET bal = 1; DELETE FROM side"));
    bench.run().await.exits(0);
    back(&bench, &["--list"])
        .await
        .exits(0)
        .says("all rows of side, from before the run too")
        .says("all rows in side would be lost, 50 rows from before this run");
}

/// What a procedure undoes is undone by it: the step's own rollback isn't said to run.
#[tokio::test]
async fn a_procedure_says_that_it_stands_for_the_steps_own_way() {
    let bench = Bench::new().await;
    bench.file("a.sql", "CREATE TABLE a (n int);");
    let procedure = "\n[[rollback]]\nid = \"p\"\ntitle = \"P\"\nundoes = [\"a\"]\n\
                     [[rollback.step]]\nid = \"drop\"\ntitle = \"Drop\"\nsql = \"DROP TABLE a\"\n";
    bench.plan(&format!("{}{procedure}", undoable("a", "DROP TABLE a /* own */")));
    bench.run().await.exits(0);
    let ran = back(&bench, &["--procedure", "p", "--list"]).await;
    ran.exits(0).says("counts as undone by P (p); its own rollback isn't run");
}

/// What the plan claims is held against the words, and against what the server says.
#[tokio::test]
async fn a_step_that_says_that_it_changes_nothing_is_measured() {
    let bench = Bench::with(SIDE).await;
    let claims = "[[phase.step]]\nid = \"claims\"\ntitle = \"Claims\"\nchanges = false\nsql = \"UPDATE side SET v = 'x'\"\n";
    let procedure = "\n[[rollback]]\nid = \"lie\"\ntitle = \"Lie\"\nundoes = [\"a\"]\n\
                     [[rollback.step]]\nid = \"one\"\ntitle = \"One\"\nsql = \"SELECT 1\"\n";
    bench.file("a.sql", "CREATE TABLE a (n int);");
    bench.plan(&format!("{}{claims}{procedure}", undoable("a", "DROP TABLE a")));
    bench
        .call(&["check", "plan.toml"])
        .await
        .says("step claims: it says `changes = false`, and its SQL changes something")
        .says("rollback lie: it says that it undoes steps, and nothing in it changes anything");
    let ran = bench.run().await;
    ran.exits(0).says("the plan says `changes = false`, and it wrote or changed side");
    let ran = back(&bench, &[]).await;
    ran.says("not proven: rows of side, which this run wrote and no undo did");
}

/// Opened again, and nothing undone yet: it is closed as it was.
#[tokio::test]
async fn a_run_whose_procedure_waits_is_closed_again_as_it_was() {
    let bench = Bench::new().await;
    bench.file("a.sql", "CREATE TABLE a (n int);");
    let procedure = "\n[[rollback]]\nid = \"p\"\ntitle = \"P\"\nundoes = [\"a\"]\n\
                     [[rollback.step]]\nid = \"sure\"\ntitle = \"Sure\"\nconfirm = \"sure\"\n\
                     [[rollback.step]]\nid = \"drop\"\ntitle = \"Drop\"\nsql = \"DROP TABLE a\"\n";
    bench.plan(&format!("{}{procedure}", undoable("a", "DROP TABLE a")));
    bench.run().await.exits(0);
    back(&bench, &["--procedure", "p"]).await.exits(6);
    bench.sql("CREATE TABLE theirs ()").await;
    bench.call(&["resume", "--end", "not now"]).await.exits(0).says("over as it was");
    bench.call(&["status", "--state-dir", "state"]).await.says("done (exit 0)");
    // What others did meanwhile is still theirs.
    back(&bench, &["--list"]).await.exits(0).says("table public.theirs is new");
    bench.sql("DROP TABLE theirs").await;
    back(&bench, &[]).await.exits(4);
}

/// What stays and rests on what is undone is said beforehand.
#[tokio::test]
async fn what_stays_in_the_way_is_told_beforehand() {
    let bench = Bench::new().await;
    bench.file("a.sql", "CREATE TABLE a (id int PRIMARY KEY);");
    bench.file("c.sql", "CREATE TABLE c (a int REFERENCES a);");
    let stays = super::step("c", "");
    bench.plan(&format!("{}{stays}", undoable("a", "DROP TABLE a")));
    bench.run().await.exits(0);
    let ran = back(&bench, &["--list"]).await;
    ran.exits(0)
        .says("stays: c: the plan has no rollback for it")
        .says("may stand in the way of undoing that");
}

/// Leaving it out doesn't make it gone: the run isn't done, and says at its end what may be there.
#[tokio::test]
async fn a_run_that_leaves_out_what_committed_by_itself_doesnt_end_as_done() {
    let bench = Bench::with(SIDE).await;
    let del = own("del", "transaction = \"none\"", COMMITS, "SELECT 1");
    bench.file("last.sql", "CREATE TABLE last (n int);");
    bench.plan(&[del, undoable("last", "DROP TABLE last")].concat());
    bench.run().await.exits(6);
    let ran = bench.call(&["resume", "--skip", "del=by hand"]).await;
    let words = "what \"del\" had committed by itself before it failed may be there";
    ran.exits(1).says(&format!("the plan has been run to its end, and {words}"));
    assert_eq!(ran.last("ended")["exit_code"], 1);
    bench.call(&["status", "--state-dir", "state"]).await.says(words).says("(exit 1)");
    bench.call(&["report", &super::id(&bench), "--state-dir", "state"]).await.says(words);
}

#[tokio::test]
async fn what_a_way_back_leaves_is_told_by_check() {
    let bench = Bench::new().await;
    bench.file("a.sql", "CREATE TABLE a (n int); CREATE TABLE b (n int);");
    bench.plan(&undoable("a", "DROP TABLE b"));
    bench.call(&["check", "plan.toml"]).await.exits(0).says("note: step a: its rollback leaves table a");
}

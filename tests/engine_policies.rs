//! What happens after a failure: policies, the way back, and what a step rests on.

mod common;

use common::runs::{Bench, step};

fn undoable(id: &str, undo: &str, keys: &str) -> String {
    format!("{}[phase.step.rollback]\nsql = '''{undo}'''\n", step(id, keys))
}

/// Two steps that can be undone, and one that fails.
async fn failing(policy: &str) -> Bench {
    let bench = Bench::new().await;
    bench.file("a.sql", "CREATE TABLE a ();");
    bench.file("b.sql", "CREATE TABLE b ();");
    bench.file("c.sql", "SELECT 1/0;");
    bench.file("d.sql", "CREATE TABLE d ();");
    bench.plan(&format!(
        "{}{}{}{}",
        undoable("a", "DROP TABLE a", ""),
        undoable("b", "DROP TABLE b", ""),
        step("c", policy),
        step("d", "")
    ));
    bench
}

async fn there(bench: &Bench) -> String {
    bench.value("SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace").await
}

#[tokio::test]
async fn hold() {
    let bench = failing("else = \"call Kim\"").await;
    let ran = bench.run().await;
    ran.exits(6).says("call Kim");
    assert_eq!(ran.last("held")["hint"], "call Kim");
    assert_eq!(there(&bench).await, "a b");
    // A second run isn't opened beside it.
    bench.run().await.exits(3).says("holdpoint resume");
}

#[tokio::test]
async fn stop() {
    let bench = failing("on_failure = \"stop\"").await;
    let ran = bench.run().await;
    ran.exits(1);
    assert_eq!(ran.last("ended")["outcome"]["outcome"], "stopped");
    assert_eq!(there(&bench).await, "a b");
    bench.resume().await.exits(2);
}

#[tokio::test]
async fn go_on_with_the_next_step() {
    let bench = failing("on_failure = \"continue\"").await;
    let ran = bench.run().await;
    ran.exits(0);
    let skipped = ran.last("step_skipped");
    assert_eq!((&skipped["step"], &skipped["deviation"]), (&"c".into(), &true.into()));
    assert_eq!(there(&bench).await, "a b d");
}

#[tokio::test]
async fn roll_back() {
    let bench = failing("on_failure = \"rollback\"").await;
    let ran = bench.run().await;
    ran.exits(4);
    assert_eq!(ran.last("rollback_started")["steps"], serde_json::json!(["b", "a"]));
    assert_eq!(ran.last("ended")["outcome"], serde_json::json!({ "outcome": "rolled_back", "clean": true }));
    assert_eq!(there(&bench).await, "");
    assert_eq!(bench.ledger().await, ["a forward 0", "b forward 0", "b back 0", "a back 0"]);
}

#[tokio::test]
async fn what_stays_behind_is_residue() {
    let bench = Bench::with("CREATE TABLE g (id int); INSERT INTO g VALUES (1)").await;
    bench.file("a.sql", "CREATE TABLE a (); CREATE TABLE left_over (); INSERT INTO g VALUES (2);");
    bench.file("b.sql", "SELECT 1/0;");
    bench.plan_with(
        "guards = [\"g\"]",
        &format!("{}{}", undoable("a", "DROP TABLE a", ""), step("b", "on_failure = \"rollback\"")),
    );
    let ran = bench.run().await;
    ran.exits(1);
    let ended = ran.last("rollback_ended");
    let residue = ended["residue"].to_string();
    assert!(residue.contains("left_over") && residue.contains("rows of g"), "{ended}");
    assert!(
        ended["covers"].to_string().contains("rows of g")
            && ended["not_compared"].to_string().contains("rows of tables that the plan doesn't guard"),
        "{ended}"
    );
    assert_eq!(ran.last("ended")["outcome"]["clean"], false);
}

#[tokio::test]
async fn an_irreversible_step_stays() {
    let bench = Bench::new().await;
    bench.file("a.sql", "CREATE TABLE a ();");
    bench.file("b.sql", "CREATE TABLE b ();");
    bench.file("c.sql", "SELECT 1/0;");
    bench.plan(&format!(
        "{}{}{}",
        undoable("a", "DROP TABLE a", ""),
        step("b", "irreversible = \"mail was sent\""),
        step("c", "on_failure = \"rollback\"")
    ));
    // Going past it is a person's decision, and nobody takes it for granted.
    let ran = bench.run().await;
    ran.exits(6).says("can't be taken back: mail was sent").says("--irreversible b=");
    assert_eq!(there(&bench).await, "a");
    bench.call(&["resume"]).await.exits(6);
    bench.call(&["resume", "--irreversible", "b="]).await.exits(2);
    let ran = bench.call(&["resume", "--irreversible", "b=agreed with Kim"]).await;
    ran.exits(1).says("agreed with Kim");
    assert!(ran.last("rollback_started")["kept"].to_string().contains("mail was sent"), "{ran}");
    assert_eq!(there(&bench).await, "b");
}

#[tokio::test]
async fn an_undo_that_fails_holds() {
    let bench = Bench::new().await;
    bench.file("a.sql", "CREATE TABLE a ();");
    bench.file("b.sql", "SELECT 1/0;");
    bench.plan(&format!(
        "{}{}",
        undoable("a", "DROP TABLE a; DROP TABLE later", ""),
        step("b", "on_failure = \"rollback\"")
    ));
    let ran = bench.run().await;
    ran.exits(6);
    assert_eq!(ran.last("held")["reason"], "undo_failed");
    assert_eq!(there(&bench).await, "a");
    bench.sql("CREATE TABLE later ()").await;
    bench.resume().await;
    assert_eq!(there(&bench).await, "");
    assert_eq!(bench.ledger().await, ["a forward 0", "a back 0"]);
}

/// A rollback isn't clean when one of its own checkpoints says that it isn't.
#[tokio::test]
async fn a_rollback_whose_checkpoint_fails_isnt_clean() {
    for verify in ["before_commit", "after_commit"] {
        let bench = Bench::new().await;
        bench.file("a.sql", "CREATE TABLE a ();");
        bench.file("b.sql", "SELECT 1/0;");
        let undo = format!(
            "{}verify = \"{verify}\"\n[[phase.step.rollback.checkpoint]]\ntitle = \"U\"\nsql = \"SELECT 1\"\nexpect = 2\n",
            undoable("a", "DROP TABLE a", "")
        );
        bench.plan(&format!("{undo}{}", step("b", "on_failure = \"rollback\"")));
        let ran = bench.run().await;
        ran.exits(6);
        assert_eq!(ran.last("held")["reason"], "undo_failed", "{verify}");
        assert!(!ran.verdict("U").0);
        // Before COMMIT nothing of it is undone; afterwards the undo stands, and it is only looked at again.
        let undone = verify == "after_commit";
        assert_eq!(there(&bench).await, if undone { "" } else { "a" });
        bench.resume().await.exits(6);
        let ran = bench.call(&["resume", if undone { "--override" } else { "--skip" }, "a=known"]).await;
        ran.exits(1);
        assert_eq!(ran.last("ended")["outcome"]["clean"], false);
        let residue = ran.last("rollback_ended")["residue"].to_string();
        assert!(residue.contains(if undone { "checkpoint" } else { "table" }), "{residue}");
    }
}

#[tokio::test]
async fn a_step_that_needs_another_fails_without_it() {
    let bench = Bench::new().await;
    bench.file("a.sql", "SELECT 1/0;");
    bench.file("b.sql", "CREATE TABLE b ();");
    bench.plan(&format!(
        "{}{}",
        step("a", "on_failure = \"continue\""),
        step("b", "needs = [\"a\"]\non_failure = \"stop\"")
    ));
    bench.run().await.exits(1).failed_with("b", "it needs \"a\", which hasn't passed");
    assert_eq!(there(&bench).await, "");
}

#[tokio::test]
async fn leaving_out_an_optional_step_is_no_deviation() {
    for (optional, deviation) in [("optional = true", false), ("", true)] {
        let bench = Bench::new().await;
        bench.script("SELECT 1/0;", optional);
        bench.run().await.exits(6);
        let ran = bench.call(&["resume", "--skip", "a=not today"]).await;
        ran.exits(0);
        let skipped = ran.last("step_skipped");
        assert_eq!((&skipped["reason"], &skipped["deviation"]), (&"not today".into(), &deviation.into()));
    }
}

const SAVES: &str = "[[phase.step]]\nid = \"s\"\ntitle = \"S\"\n[[phase.step.checkpoint]]\ntitle = \"Before\"\n\
                     sql = \"SELECT count(*) AS n, 'it''s' AS word FROM t\"\nsave = \"before\"\n";

#[tokio::test]
async fn saved_values_are_compared_and_bound() {
    let bench = Bench::with("CREATE TABLE t (id int, word text); INSERT INTO t VALUES (1)").await;
    bench.file("a.sql", "INSERT INTO t VALUES (:'before_n', :'before_word');");
    bench.plan(&format!(
        "{SAVES}{}[[phase.step.checkpoint]]\ntitle = \"C\"\nsql = \"SELECT count(*) FROM t\"\nexpect = \"{{before_n}} + 1\"\n\
         [[phase.step.checkpoint]]\ntitle = \"W\"\nsql = \"SELECT word FROM t WHERE word = :'before_word'\"\nexpect = \"it's\"\n",
        step("a", "")
    ));
    bench.run().await.exits(0);
}

/// A value that came out of the database is never pasted raw.
#[tokio::test]
async fn a_saved_value_isnt_pasted() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.file("a.sql", "INSERT INTO t VALUES (:before_n);");
    bench.plan(&format!("{SAVES}{}", step("a", "on_failure = \"stop\"")));
    let ran = bench.run().await;
    assert!(matches!(ran.code, 1 | 2), "{ran}");
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "0");
}

#[tokio::test]
async fn a_missing_baseline_is_refused_before_the_first_change() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.file("a.sql", "INSERT INTO t VALUES (1);");
    bench.plan(&format!(
        "[[phase.step]]\nid = \"s\"\ntitle = \"S\"\non_failure = \"continue\"\n[[phase.step.checkpoint]]\ntitle = \"Before\"\n\
         sql = \"SELECT n FROM nowhere\"\nsave = \"before\"\n\
         {}[[phase.step.checkpoint]]\ntitle = \"C\"\nsql = \"SELECT count(*) FROM t\"\nexpect = \"{{before}} + 1\"\n",
        step("a", "")
    ));
    let ran = bench.run().await;
    ran.exits(3).says("{before}").says("before the first change");
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "0");
    assert_eq!(bench.value("SELECT to_regnamespace('holdpoint') IS NULL").await, "t");
}

/// The first value wins, on resume too.
#[tokio::test]
async fn the_first_saved_value_wins() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.file("a.sql", "INSERT INTO t SELECT id FROM later;");
    bench.plan(&format!(
        "{SAVES}{}[[phase.step.checkpoint]]\ntitle = \"C\"\nsql = \"SELECT count(*) FROM t\"\nexpect = \"{{before_n}} + 3\"\n",
        step("a", "")
    ));
    bench.run().await.exits(6);
    bench.sql("CREATE TABLE later AS SELECT 1 AS id; INSERT INTO t VALUES (8), (9)").await;
    bench.resume().await.exits(0);
}

/// `transaction = "none"`: a rollback undoes what was applied of a step that failed half-way.
#[tokio::test]
async fn a_half_applied_step_is_undone_too() {
    let bench = Bench::new().await;
    bench.file("a.sql", "CREATE TABLE a ();\nSELECT 1/0;\n");
    bench.plan(&undoable("a", "DROP TABLE IF EXISTS a", "transaction = \"none\"\non_failure = \"rollback\""));
    let ran = bench.run().await;
    ran.exits(4);
    assert_eq!(there(&bench).await, "");
}

#[tokio::test]
async fn manual_stepping_needs_answers() {
    let bench = Bench::new().await;
    bench.script("CREATE TABLE a ();", "");
    let plan = std::fs::read_to_string(bench.path("plan.toml")).unwrap().replace("\"auto\"", "\"manual\"");
    bench.file("plan.toml", &plan);
    bench.run().await.exits(3).says("go = [\"a\"]");
    bench.file("answers.toml", "go = [\"a\"]\n");
    bench.call(&["run", "--answers", "answers.toml"]).await.exits(0);
}

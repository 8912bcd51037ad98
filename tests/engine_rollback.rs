//! The ways back: named procedures, globs, parts of a run, and what happens when an undo fails.

mod common;

use common::runs::{Bench, Ran, step};
use serde_json::json;

fn undoable(id: &str, undo: &str, keys: &str) -> String {
    format!("{}[phase.step.rollback]\nsql = '''{undo}'''\n", step(id, keys))
}

/// A person's step, so that the run stays open behind it.
const WAITS: &str = "[[phase.step]]\nid = \"person\"\ntitle = \"Person\"\nconfirm = \"ready\"\n";

async fn there(bench: &Bench) -> String {
    bench.value("SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'").await
}

fn started(ran: &Ran) -> &serde_json::Value {
    ran.last("rollback_started")
}

fn tables(bench: &Bench, names: &[&str]) {
    for name in names {
        bench.file(&format!("{name}.sql"), &format!("CREATE TABLE {name} (n int);"));
    }
}

const PROCEDURE: &str = r#"
[[rollback]]
id = "together"
title = "Both at once"
undoes = ["a", "c"]

[[rollback.step]]
id = "everybody"
title = "Everybody is out"
confirm = "nobody works here"

[[rollback.step]]
id = "drop"
title = "Drop both"
sql = "DROP TABLE c; DROP TABLE a"

  [[rollback.step.checkpoint]]
  title = "both are gone"
  sql = "SELECT count(*) FROM pg_class WHERE relname IN ('a', 'c')"
  expect = 0

[[rollback.step]]
id = "looked"
title = "Looked at"
check = "SELECT count(*) FROM pg_class WHERE relname = 'a'"
expect = 0
"#;

async fn together(keys: &str) -> Bench {
    let bench = Bench::new().await;
    tables(&bench, &["a", "b", "c"]);
    bench.plan(&format!(
        "{}{}{}{WAITS}{PROCEDURE}",
        step("a", keys),
        undoable("b", "DROP TABLE b", ""),
        step("c", ""),
    ));
    bench.run().await.exits(6);
    bench
}

#[tokio::test]
async fn a_procedure_takes_part_where_nothing_else_undoes() {
    let bench = together("").await;
    let ran = bench.call(&["rollback"]).await;
    ran.exits(6).says("Everybody is out");
    assert_eq!(started(&ran)["steps"], json!(["c", "a", "b"]));
    assert_eq!(there(&bench).await, "a b c");
    let ran = bench.call(&["resume", "--confirm", "everybody=Kim"]).await;
    ran.exits(4).says("both are gone");
    assert_eq!(there(&bench).await, "");
    assert_eq!(
        bench.ledger().await,
        ["a forward 0", "b forward 0", "c forward 0", "drop forward 0", "b back 0", "c back 0", "a back 0"]
    );
    assert_eq!(ran.last("ended")["outcome"], json!({ "outcome": "rolled_back", "clean": true }));
}

#[tokio::test]
async fn a_procedure_undoes_what_it_says_and_no_more() {
    let bench = together("").await;
    let ran = bench.call(&["rollback", "--procedure", "together", "--confirm", "everybody=Kim"]).await;
    ran.exits(6).says("go on forward, or roll back the rest");
    assert_eq!(there(&bench).await, "b");
    bench.call(&["rollback", "--procedure", "nothing"]).await.exits(3).says("it has together");
    bench.call(&["rollback"]).await.exits(4);
    assert_eq!(there(&bench).await, "");
}

#[tokio::test]
async fn a_policy_carries_out_a_procedure() {
    let bench = Bench::new().await;
    tables(&bench, &["a", "c"]);
    bench.file("x.sql", "SELECT 1/0;");
    bench.plan(&format!(
        "{}{}{}{PROCEDURE}",
        step("a", ""),
        step("c", ""),
        step("x", "on_failure = \"together\"")
    ));
    bench.file("answers.toml", "[confirm]\neverybody = \"Kim\"\n");
    let ran = bench.call(&["run", "--answers", "answers.toml"]).await;
    ran.exits(4);
    assert_eq!(started(&ran)["procedure"], "together");
    assert_eq!(there(&bench).await, "");
}

/// Its steps fail like steps: hold, retry, leave out with a reason.
#[tokio::test]
async fn a_step_of_a_procedure_fails() {
    let bench = together("").await;
    bench.sql("CREATE VIEW uses AS SELECT * FROM c").await;
    let go = ["rollback", "--procedure", "together", "--confirm", "everybody=Kim"];
    let ran = bench.call(&go).await;
    ran.exits(6).says("2BP01");
    assert_eq!(there(&bench).await, "a b c");
    bench.call(&["resume"]).await.exits(6);
    let ran = bench.call(&["resume", "--skip", "drop=by hand, later"]).await;
    // What it was to undo stands, and the last check says so too.
    ran.exits(6).says("by hand, later");
    let ran = bench.call(&["resume", "--override", "looked=known"]).await;
    ran.exits(1);
    assert!(ran.last("rollback_ended")["residue"].to_string().contains("table public.c"), "{ran}");
    assert_eq!(there(&bench).await, "a b c");
    bench.sql("DROP VIEW uses").await;
    bench.call(&["rollback", "--procedure", "together", "--confirm", "everybody=Kim"]).await.exits(6);
    assert_eq!(there(&bench).await, "b");
}

/// What needs a step is undone before it, also when a procedure undoes several at once.
#[tokio::test]
async fn a_procedure_waits_for_what_rests_on_it() {
    let bench = Bench::new().await;
    tables(&bench, &["a", "c"]);
    bench.file("b.sql", "CREATE TABLE b (n int); CREATE VIEW on_a AS SELECT * FROM a;");
    bench.plan(&format!(
        "{}{}{}{WAITS}{PROCEDURE}",
        step("a", ""),
        undoable("b", "DROP VIEW on_a; DROP TABLE b", "needs = [\"a\"]"),
        step("c", "")
    ));
    bench.run().await.exits(6);
    let ran = bench.call(&["rollback", "--confirm", "everybody=Kim"]).await;
    ran.exits(4);
    assert_eq!(started(&ran)["steps"], json!(["b", "c", "a"]));
}

const GLOB: &str = "[[phase.step]]\nid = \"glob\"\ntitle = \"Glob\"\nfiles = \"up/*.sql\"\n[phase.step.rollback]\nfiles = \"down/{file}\"\n";

async fn globbed(last: &str) -> Bench {
    let bench = Bench::new().await;
    for folder in ["up", "down"] {
        std::fs::create_dir(bench.path(folder)).expect("a folder");
    }
    for name in ["1", "2", "3"] {
        bench.file(&format!("up/{name}.sql"), &format!("CREATE TABLE t{name} ();"));
        bench.file(&format!("down/{name}.sql"), &format!("DROP TABLE t{name};"));
    }
    bench.file("up/3.sql", last);
    bench.plan(&format!("{GLOB}{WAITS}"));
    bench.run().await.exits(6);
    bench
}

#[tokio::test]
async fn the_files_of_a_glob_are_undone_last_first() {
    let bench = globbed("CREATE TABLE t3 ();").await;
    let ran = bench.call(&["rollback"]).await;
    // What ran is named, and not the file that it undoes.
    ran.exits(4).says("down/3.sql: committed");
    assert!(!ran.out.contains("up/3.sql: committed"), "{ran}");
    let back: Vec<String> = bench.ledger().await.into_iter().filter(|row| row.contains("back")).collect();
    assert_eq!(back, ["glob up/3.sql back 0", "glob up/2.sql back 0", "glob up/1.sql back 0"]);
    assert_eq!(there(&bench).await, "");
}

#[tokio::test]
async fn of_a_glob_that_failed_half_way_only_what_was_applied_is_undone() {
    let bench = globbed("SELECT 1/0;").await;
    assert_eq!(there(&bench).await, "t1 t2");
    bench.call(&["rollback"]).await.exits(4);
    let back: Vec<String> = bench.ledger().await.into_iter().filter(|row| row.contains("back")).collect();
    assert_eq!(back, ["glob up/2.sql back 0", "glob up/1.sql back 0"]);
    assert_eq!(there(&bench).await, "");
}

#[tokio::test]
async fn one_component_alone() {
    let bench = Bench::new().await;
    tables(&bench, &["a", "b", "c"]);
    bench.plan(&format!(
        "{}{}{}{WAITS}",
        undoable("a", "DROP TABLE a", ""),
        undoable("b", "DROP TABLE b", ""),
        undoable("c", "DROP TABLE c", "needs = [\"a\"]")
    ));
    bench.run().await.exits(6);
    bench
        .call(&["rollback", "--only", "a"])
        .await
        .exits(3)
        .says("\"c\", which was applied later, needs \"a\"");
    let ran = bench.call(&["rollback", "--only", "b"]).await;
    ran.exits(6);
    assert_eq!(there(&bench).await, "a c");
    // Forward again does what is missing.
    bench.call(&["resume", "--confirm", "person=Kim"]).await.exits(0);
    assert_eq!(there(&bench).await, "a b c");
}

/// The server said what each step wrote: a later one that wrote there too may rest on it.
#[tokio::test]
async fn one_component_alone_isnt_taken_from_under_another() {
    let bench = Bench::new().await;
    tables(&bench, &["a"]);
    bench.file("b.sql", "DO $$ BEGIN EXECUTE 'INSERT INTO a VALUES (1)'; END $$;");
    bench.plan(&format!(
        "{}{}{WAITS}",
        undoable("a", "DROP TABLE a", ""),
        undoable("b", "DELETE FROM a", "")
    ));
    bench.run().await.exits(6);
    bench.call(&["rollback", "--only", "a"]).await.exits(3).says("wrote or changed a too");
    assert_eq!(there(&bench).await, "a");
    bench.call(&["rollback", "--only", "a", "--only", "b"]).await.exits(4);
    assert_eq!(there(&bench).await, "");
}

#[tokio::test]
async fn undone_with_another_step() {
    let bench = Bench::new().await;
    tables(&bench, &["a", "b"]);
    bench.plan(&format!(
        "{}{}[phase.step.rollback]\nby = \"a\"\n{WAITS}",
        undoable("a", "DROP TABLE b; DROP TABLE a", ""),
        step("b", "")
    ));
    bench.run().await.exits(6);
    bench.call(&["rollback", "--to", "b"]).await.exits(3).says("is undone with \"a\"");
    bench.call(&["rollback", "--only", "a"]).await.exits(3).says("undoes \"b\" too");
    // When the one that undoes both is left out, both stay, and the end says so.
    bench.sql("CREATE VIEW uses AS SELECT * FROM a; INSERT INTO b VALUES (1), (2)").await;
    let ran = bench.call(&["rollback"]).await;
    ran.exits(6);
    // What both lose is counted once, where it is dropped.
    let items = started(&ran)["course"]["items"].clone();
    assert_eq!((&items[0]["step"], &items[0]["lost"]), (&json!("b"), &json!(null)));
    let tables: Vec<_> =
        items[1]["lost"].as_array().into_iter().flatten().map(|lost| &lost["table"]).collect();
    assert_eq!(tables, ["b", "a"]);
    assert_eq!(
        (&items[1]["lost"][0]["since"], &items[1]["way_back"]["verdict"]),
        (&json!(2), &json!("restores"))
    );
    let ran = bench.call(&["resume", "--skip", "a=later"]).await;
    ran.exits(1);
    assert_eq!(there(&bench).await, "a b");
    assert_eq!(ran.last("ended")["outcome"]["clean"], false);
}

/// A rollback's own policy: go on, and what isn't undone is residue.
#[tokio::test]
async fn a_rollback_may_go_on_or_stop_when_it_fails() {
    for (policy, code, left) in [("continue", 1, "b"), ("stop", 1, "a b")] {
        let bench = Bench::new().await;
        tables(&bench, &["a", "b"]);
        bench.file("x.sql", "SELECT 1/0;");
        let failing = format!("{}on_failure = \"{policy}\"\n", undoable("b", "DROP TABLE nowhere", ""));
        bench.plan(&format!(
            "{}{failing}{}",
            undoable("a", "DROP TABLE a", ""),
            step("x", "on_failure = \"rollback\"")
        ));
        let ran = bench.run().await;
        ran.exits(code);
        assert_eq!(there(&bench).await, left, "{policy}");
    }
}

/// A step of which statements failed isn't verified, although the plan goes on.
#[tokio::test]
async fn what_was_passed_over_isnt_verified() {
    let bench = Bench::new().await;
    bench.file("a.sql", "CREATE TABLE a ();\nSELECT 1/0;\nCREATE TABLE b ();\n");
    bench.plan(&step("a", "transaction = \"none\"\non_failure = \"continue\""));
    let ran = bench.run().await;
    ran.exits(0);
    assert_eq!(ran.last("step_accepted")["reason"], "1 statement failed, and the plan says to go on");
    assert!(ran.events.iter().all(|event| event["event"] != "step_verified"), "{ran}");
}

const GUARDED: &str =
    "CREATE TABLE g (id int PRIMARY KEY, t text); INSERT INTO g VALUES (1, 'one'), (2, 'two'), (3, 'three')";

/// Three steps, each with a way back; `b` and its way back are given.
async fn guarded(forward: &str, back: &str) -> Bench {
    let bench = Bench::with(GUARDED).await;
    tables(&bench, &["a", "c"]);
    bench.file("b.sql", forward);
    bench.plan_with(
        "guards = [\"g\"]",
        &format!(
            "{}{}{}{WAITS}",
            undoable("a", "DROP TABLE a", ""),
            undoable("b", back, ""),
            undoable("c", "DROP TABLE c", "")
        ),
    );
    bench.run().await.exits(6);
    bench
}

fn residue(ran: &Ran) -> String {
    ran.last("rollback_ended")["residue"].to_string()
}

#[tokio::test]
async fn rows_that_differ_are_named_by_their_keys() {
    let bench = guarded(
        "UPDATE g SET t = upper(t) WHERE id < 3; INSERT INTO g VALUES (4, 'four'); DELETE FROM g WHERE id = 3;",
        "DELETE FROM g WHERE id = 4; UPDATE g SET t = 'one' WHERE id = 1",
    )
    .await;
    let ran = bench.call(&["rollback"]).await;
    ran.exits(1).says("rows of g: it has changed").says("1 row changed (id 2: t), 1 row gone (id 3)");
}

/// What others wrote meanwhile is no residue of this run, and is listed.
#[tokio::test]
async fn rows_of_others_are_listed_apart() {
    let bench = guarded("UPDATE g SET t = 'ONE' WHERE id = 1;", "UPDATE g SET t = 'one' WHERE id = 1").await;
    bench.sql("INSERT INTO g VALUES (7, 'theirs'); UPDATE g SET t = 'theirs' WHERE id = 2").await;
    let ran = bench.call(&["rollback"]).await;
    ran.exits(4).says("by others").says("1 row changed (id 2: t), 1 row added (id 7)");
    assert_eq!(residue(&ran), "[]");

    // A row of ours that stays isn't hidden behind theirs.
    let bench = guarded("UPDATE g SET t = 'ONE' WHERE id = 1;", "SELECT 1").await;
    bench.sql("UPDATE g SET t = 'theirs' WHERE id = 2").await;
    let ran = bench.call(&["rollback"]).await;
    ran.exits(1);
    assert!(residue(&ran).contains("1 row changed (id 1: t)"), "{ran}");
    assert!(ran.last("rollback_ended")["others"].to_string().contains("1 row changed (id 2: t)"), "{ran}");
}

/// A part is compared with what there was before that part.
#[tokio::test]
async fn a_part_that_leaves_something_is_found_out() {
    for how in [["--to", "b"], ["--only", "b"]] {
        let bench = guarded(
            "CREATE TABLE b (); CREATE TABLE forgotten (); UPDATE g SET t = 'ONE' WHERE id = 1;",
            "DROP TABLE b",
        )
        .await;
        let ran = bench.call(&["rollback", how[0], how[1]]).await;
        ran.exits(1).says("table public.forgotten: it wasn't there before").says("1 row changed (id 1: t)");
        let ended = ran.last("rollback_ended");
        assert!(
            ended["covers"].to_string().contains("schema")
                && ended["covers"].to_string().contains("rows of g"),
            "{ran}"
        );

        let bench = guarded(
            "CREATE TABLE b (); UPDATE g SET t = 'ONE' WHERE id = 1;",
            "DROP TABLE b; UPDATE g SET t = 'one' WHERE id = 1",
        )
        .await;
        let ran = bench.call(&["rollback", how[0], how[1]]).await;
        ran.exits(6).says("nothing is left behind");
        assert_eq!(residue(&ran), "[]");
    }
}

/// It takes away what belongs to a step that stays.
#[tokio::test]
async fn a_part_that_takes_too_much_is_found_out() {
    let bench = guarded("CREATE TABLE b ();", "DROP TABLE b; DROP TABLE a; DELETE FROM g WHERE id = 3").await;
    let ran = bench.call(&["rollback", "--only", "b"]).await;
    ran.exits(1).says("table public.a: it is gone").says("1 row gone (id 3)");
}

/// Row data stays out of the run's folder and of the journal on production.
#[tokio::test]
async fn keys_of_rows_stay_out_of_the_evidence_on_production() {
    let bench =
        Bench::with("CREATE TABLE g (id text PRIMARY KEY); INSERT INTO g VALUES ('Ada Lovelace')").await;
    bench.file("a.sql", "DELETE FROM g;");
    bench.plan_with("guards = [\"g\"]", &format!("{}{WAITS}", undoable("a", "SELECT 1", "")));
    let plan = std::fs::read_to_string(bench.path("plan.toml")).expect("the plan");
    bench.file("plan.toml", &plan.replace("\"dev\"", "\"production\""));
    bench.run().await.exits(6);
    let ran = bench.call(&["rollback"]).await;
    ran.exits(1).says("1 row gone");
    let run = std::fs::read_dir(bench.path("state")).expect("the state").flatten();
    for file in run
        .filter(|e| e.path().is_dir())
        .flat_map(|e| std::fs::read_dir(e.path()).expect("its folder"))
        .flatten()
    {
        let text = std::fs::read(file.path()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert!(!text.unwrap_or_default().contains("Lovelace"), "{}", file.path().display());
    }
}

/// Before the first change it is said what each way back gives back; before a rollback what will run, and
/// what would be lost.
#[tokio::test]
async fn it_is_said_beforehand_what_would_be_lost() {
    let bench = Bench::with("CREATE TABLE old (n int); INSERT INTO old VALUES (1)").await;
    bench.file("a.sql", "CREATE TABLE a (n int); INSERT INTO a VALUES (1), (2);");
    bench.file("b.sql", "DELETE FROM old;");
    bench.file("c.sql", "CREATE INDEX i ON old (n);");
    bench.plan(&format!(
        "{}{}{}{WAITS}",
        undoable("a", "DELETE FROM a;\nDROP TABLE a", ""),
        undoable("b", "SELECT 1", ""),
        undoable("c", "DROP INDEX i", "")
    ));
    let said = bench.call(&["check", "plan.toml"]).await;
    said.exits(0).says("step b: its rollback loses the rows that the step deletes from old");
    bench.call(&["show", "--rollback", "plan.toml"]).await.exits(0).says("restores, as far as its SQL tells");
    let ran = bench.run().await;
    ran.exits(6).says("the way back restores 2 of 3 steps");
    let told = ran.last("ways_back")["steps"].clone();
    assert_eq!((&told[1]["step"], &told[1]["verdict"]), (&json!("b"), &json!("loses")));

    bench.sql("INSERT INTO a VALUES (3), (4), (5)").await;
    let before = bench.ledger().await;
    let said = bench.call(&["rollback", "--list"]).await;
    said.exits(0)
        .says("3 rows written to a since would be lost")
        .says("DROP TABLE a")
        .says("DROP INDEX i")
        .says("never rehearsed");
    assert_eq!((bench.ledger().await, there(&bench).await), (before, "a old".to_owned()));

    let ran = bench.call(&["rollback"]).await;
    // The row of old is gone. Nobody guards it; the counts and what the server said of the step tell it.
    ran.exits(1)
        .says("3 rows written to a since would be lost")
        .says("the plan doesn't guard it, they were counted");
    assert_eq!(ran.last("rollback_ended")["residue"][0]["object"], "rows of old");
    let items = started(&ran)["course"]["items"].clone();
    assert_eq!(items[2]["lost"], json!([{ "table": "a", "since": 3, "now": 5, "exact": true }]));
    assert_eq!(items[2]["runs"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_glob_lists_the_files_that_were_applied() {
    let bench = globbed("SELECT 1/0;").await;
    let said = bench.call(&["rollback", "--list"]).await;
    said.exits(0).says("file down/2.sql").says("half applied: only 2 units of it committed");
    assert!(!said.out.contains("down/3.sql"), "{said}");
}

/// A failover may lose an undo that was recorded: then somebody has to say whether it stands.
#[tokio::test]
async fn an_undo_whose_ledger_row_is_gone_is_asked_about() {
    for (word, left) in [("not-applied", "a b"), ("applied", "a")] {
        let bench = Bench::new().await;
        tables(&bench, &["a", "b"]);
        bench.plan(&format!(
            "{}{}{WAITS}",
            undoable("a", "DROP TABLE a", ""),
            undoable("b", "DROP TABLE b", "")
        ));
        bench.run().await.exits(6);
        bench.call(&["rollback", "--to", "b"]).await.exits(6);
        bench.sql("DELETE FROM holdpoint.ledger WHERE direction = 'back'").await;
        if word == "not-applied" {
            bench.sql("CREATE TABLE b (n int)").await;
        }
        bench.resume().await.exits(5).says("the ledger row of the undo is gone");
        let rule = format!("b={word}");
        let ran = bench.call(&["rollback", "--list"]).await;
        ran.exits(0);
        assert_eq!(there(&bench).await, left);
        // What was ruled is asked about once; then it goes on, here backwards.
        bench.call(&["resume", "--rule", &rule]).await.exits(6);
        assert_eq!(there(&bench).await, "a b", "forward again: {word}");
        bench.call(&["rollback"]).await.exits(4);
        assert_eq!(there(&bench).await, "");
    }
}

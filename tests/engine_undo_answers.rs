//! What a person says about an undo that failed or is under way, and what isn't asked for isn't done.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::runs::{Bench, Ran, step};

fn undoable(id: &str, undo: &str, keys: &str) -> String {
    format!("{}[phase.step.rollback]\nsql = '''{undo}'''\n", step(id, keys))
}

/// Three tables; a view of somebody else's keeps the second from being dropped.
async fn stuck() -> (Bench, Ran) {
    let bench = Bench::new().await;
    for name in ["a", "b", "c"] {
        bench.file(&format!("{name}.sql"), &format!("CREATE TABLE {name} (n int);"));
    }
    let steps = ["a", "b", "c"].map(|name| undoable(name, &format!("DROP TABLE {name}"), "")).concat();
    bench.plan(&format!("{steps}[[phase.step]]\nid = \"person\"\ntitle = \"Person\"\nconfirm = \"ready\"\n"));
    bench.run().await.exits(6);
    bench.sql("CREATE VIEW v AS SELECT * FROM b").await;
    let ran = bench.call(&["rollback", "--reason", "x"]).await;
    (bench, ran)
}

async fn there(bench: &Bench) -> String {
    bench.value("SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'").await
}

#[tokio::test]
async fn an_undo_that_fails_waits_and_nobody_is_said_to_have_tried_again() {
    let (bench, ran) = stuck().await;
    ran.exits(6).says("undoing \"b\" failed").says("DROP ... CASCADE");
    assert_eq!(ran.all("step_failed").len(), 1, "one try");
    // One whose undo failed isn't simply verified any more.
    ran.says("1 undo failed");
    let decided: Vec<String> = ran.all("decided").iter().map(|e| e["what"].to_string()).collect();
    assert_eq!(decided, ["\"roll_back\""], "nobody has said anything else");
    // What the server hints at isn't what the plan says.
    assert!(ran.last("held")["hint"].is_null());
    assert_eq!(there(&bench).await, "a b");
}

#[tokio::test]
async fn what_is_to_be_left_out_isnt_tried_first() {
    let (bench, ran) = stuck().await;
    ran.exits(6);
    // Now it would work, and take what isn't meant.
    bench.sql("DROP VIEW v; INSERT INTO b VALUES (1)").await;
    let ran = bench.call(&["resume", "--skip", "b=its rows are needed"]).await;
    ran.exits(1).says("its rollback was skipped by").says("table public.b");
    assert_eq!(there(&bench).await, "b");
    assert_eq!(bench.value("SELECT count(*) FROM b").await, "1");
}

#[tokio::test]
async fn a_rollback_under_way_isnt_turned_into_another_one() {
    let (bench, ran) = stuck().await;
    ran.exits(6);
    bench.sql("DROP VIEW v").await;
    for other in [&["--to", "b"][..], &["--only", "a"], &["--procedure", "none"], &["--list"]] {
        let ran = bench.call(&[&["rollback"], other].concat()).await;
        ran.exits(3).says("is under way in this run").says("resume");
        assert_eq!(there(&bench).await, "a b", "{other:?}");
    }
    bench.call(&["rollback", "--reason", " "]).await.exits(2).says("--reason");
    bench.call(&["resume", "--end", ""]).await.exits(2).says("a reason is needed");
    bench.call(&["rollback", "--reason", "the same"]).await.exits(4);
    assert_eq!(there(&bench).await, "");
}

#[tokio::test]
async fn a_step_of_a_procedure_that_is_to_be_left_out_isnt_tried_first() {
    let bench = Bench::new().await;
    bench.file("a.sql", "CREATE TABLE a (n int);");
    let procedure = "[[rollback]]\nid = \"p\"\ntitle = \"P\"\nundoes = [\"a\"]\n\
        [[rollback.step]]\nid = \"told\"\ntitle = \"Told\"\nsql = \"INSERT INTO told VALUES (1)\"\n\
        [[rollback.step]]\nid = \"drop\"\ntitle = \"Drop\"\nsql = \"DROP TABLE a\"\n";
    let person = "[[phase.step]]\nid = \"person\"\ntitle = \"Person\"\nconfirm = \"ready\"\n";
    bench.plan(&format!("{}{person}{procedure}", step("a", "")));
    bench.run().await.exits(6);
    bench.call(&["rollback", "--procedure", "p", "--reason", "x"]).await.exits(6);
    bench.sql("CREATE TABLE told (n int)").await;
    bench.call(&["resume", "--skip", "told=everybody knows"]).await;
    assert_eq!(bench.value("SELECT count(*) FROM told").await, "0");
    assert_eq!(there(&bench).await, "told");
}

#[tokio::test]
async fn what_ran_outside_a_transaction_may_rest_on_anything() {
    let bench = Bench::new().await;
    bench.file("a.sql", "CREATE TABLE a (n int);");
    bench.file("i.sql", "CREATE INDEX CONCURRENTLY i ON a (n);");
    let index = undoable("i", "DROP INDEX CONCURRENTLY i", "transaction = \"none\"\n");
    let person = "[[phase.step]]\nid = \"person\"\ntitle = \"Person\"\nconfirm = \"ready\"\n";
    bench.plan(&format!("{}{index}{person}", undoable("a", "DROP TABLE a", "")));
    bench.run().await.exits(6);
    bench
        .call(&["rollback", "--only", "a", "--reason", "x"])
        .await
        .exits(3)
        .says("outside a transaction")
        .says("--to a")
        .says("Nothing was done");
    assert_eq!(bench.value("SELECT epoch FROM holdpoint.fence").await, "1", "nobody took the run over");
    assert_eq!(there(&bench).await, "a");
}

/// A run that is still open, and somebody goes on working with what it wrote.
#[tokio::test]
async fn rows_that_others_have_written_again_are_named_before_they_are_overwritten() {
    let bench = Bench::with("CREATE TABLE g (id int PRIMARY KEY, t text); INSERT INTO g SELECT n, 'new' FROM generate_series(1, 4) n").await;
    bench.file("u.sql", "UPDATE g SET t = 'done' WHERE id <= 2;");
    let undo = undoable("u", "UPDATE g SET t = 'new' WHERE id <= 2", "");
    let person = "[[phase.step]]\nid = \"person\"\ntitle = \"Person\"\nconfirm = \"ready\"\n";
    bench.plan_with("guards = [\"g\"]", &format!("{undo}{person}"));
    bench.run().await.exits(6);
    bench.sql("UPDATE g SET t = 'paid' WHERE id IN (2, 4)").await;
    let ran = bench.call(&["rollback", "--reason", "x"]).await;
    ran.exits(4).says_wrapped("1 row of g that this run wrote, others have written again (id 2)");
    let text = bench.value("SELECT string_agg(t, ' ' ORDER BY id) FROM g").await;
    assert_eq!(text, "new new new paid");
}

/// A procedure that is asked for by its name may take more than the step's own rollback.
#[tokio::test]
async fn what_a_procedure_takes_is_said_beforehand() {
    let bench = Bench::new().await;
    bench.file("audit.sql", "CREATE TABLE audit (n int);");
    let procedure = "[[rollback]]\nid = \"quick\"\ntitle = \"Quick\"\nundoes = [\"audit\"]\n\
        [[rollback.step]]\nid = \"drop\"\ntitle = \"Drop\"\nsql = \"DROP TABLE audit\"\n";
    let own = undoable("audit", "ALTER TABLE audit RENAME TO audit_old", "");
    bench.plan(&format!("{own}{procedure}"));
    bench.run().await.exits(0);
    bench.sql("INSERT INTO audit VALUES (1), (2), (3)").await;
    let folder =
        std::fs::read_dir(bench.path("state")).unwrap().flatten().find(|e| e.path().is_dir()).unwrap();
    let run = folder.file_name().to_string_lossy().into_owned();
    let listed = bench.call(&["rollback", &run, "--list", "--procedure", "quick"]).await;
    listed.exits(0).says("3 rows written to audit since would be lost");
    let ran = bench.call(&["rollback", &run, "--procedure", "quick"]).await;
    ran.exits(3).says("3 rows written to audit since would be lost").says("--despite");
    assert_eq!(there(&bench).await, "audit");
}

/// Each unit in doubt is asked about by itself: a word on one is none on the other.
#[tokio::test]
async fn units_of_a_step_are_ruled_on_one_by_one() {
    let bench = Bench::new().await;
    bench.file("part-1.sql", "CREATE TABLE one (n int);");
    bench.file("part-2.sql", "CREATE TABLE two (n int);");
    bench.plan(
        "[[phase.step]]\nid = \"parts\"\ntitle = \"Parts\"\nfiles = \"part-*.sql\"\n\
         [[phase.step]]\nid = \"person\"\ntitle = \"Person\"\nconfirm = \"ready\"\n",
    );
    bench.run().await.exits(6);
    bench.sql("DELETE FROM holdpoint.ledger WHERE step = 'parts'; DROP TABLE two").await;
    bench.resume().await.exits(5).says("was `part-1.sql` of step `parts` applied?");
    // In the end the second file is run again, although a person was waited for behind it.
    for (word, part, code) in [("applied", "part-1.sql", 5), ("not-applied", "part-2.sql", 6)] {
        let ran = bench.call(&["resume", "--rule", &format!("parts={word}")]).await;
        ran.exits(code);
        let ruled = ran.last("unit_reconciled");
        assert_eq!((&ruled["unit"], &ruled["applied"]), (&part.into(), &(word == "applied").into()), "{ran}");
    }
    assert_eq!(bench.value("SELECT count(*) FROM two").await, "0");
    bench.call(&["resume", "--confirm", "person=Kim"]).await.exits(0);
}

/// A run that was ended with something applied says how that is undone, in its last line too.
#[tokio::test]
async fn what_was_stopped_says_how_it_is_undone() {
    let bench = Bench::new().await;
    bench.file("a.sql", "CREATE TABLE a (n int);");
    bench.file("b.sql", "SELECT 1/0;");
    bench.plan(&format!("{}{}", undoable("a", "DROP TABLE a", ""), step("b", "on_failure = \"stop\"")));
    let ran = bench.run().await;
    ran.exits(1).says("to undo what stands: holdpoint rollback");
    let last = ran.err.lines().last().unwrap_or_default();
    assert!(last.starts_with("to undo what stands: holdpoint rollback "), "{ran}");
    let id = last.split_whitespace().nth(6).unwrap();
    bench.call(&["rollback", id]).await.exits(4);
}

/// A view of somebody else's on each of the two tables that are undone last.
async fn stuck_twice() -> (Bench, Ran) {
    let (bench, ran) = stuck().await;
    bench.sql("CREATE VIEW va AS SELECT * FROM a").await;
    (bench, ran)
}

fn undos(ran: &Ran) -> Vec<&str> {
    let of_undo = ran.all("step_started").into_iter().filter(|event| event["direction"] == "back");
    of_undo.filter_map(|event| event["step"].as_str()).collect()
}

/// Somebody ruled an undo out: nobody who takes the run up tries it again.
#[tokio::test]
async fn an_undo_that_was_ruled_out_stays_so() {
    let (bench, ran) = stuck_twice().await;
    ran.exits(6);
    bench.call(&["resume", "--skip", "b=rests on it"]).await.exits(6).says("undoing \"a\" failed");
    // Now it would work, and that isn't what was said.
    bench.sql("DROP VIEW v").await;
    let ran = bench.resume().await;
    ran.exits(6).says("undoing \"a\" failed");
    assert_eq!(undos(&ran).iter().filter(|step| **step == "b").count(), 1, "{ran}");
    let ran = bench.call(&["resume", "--skip", "a=that too"]).await;
    ran.exits(1);
    assert_eq!(there(&bench).await, "a b");
    let skipped = |ran: &Ran| {
        ran.all("deviation").iter().filter(|e| e["what"].to_string().contains("was skipped by")).count()
    };
    assert_eq!(skipped(&ran), 2, "each is told once: {ran}");
}

/// The same when the program is killed right after it has taken the word.
#[tokio::test]
async fn an_undo_that_was_ruled_out_stays_so_after_a_kill() {
    let (bench, ran) = stuck().await;
    ran.exits(6);
    bench.env("HOLDPOINT_CRASH_AT", "ruled-out");
    assert_ne!(bench.call(&["resume", "--skip", "b=rests on it"]).await.code, 1);
    bench.env("HOLDPOINT_CRASH_AT", "");
    bench.sql("DROP VIEW v").await;
    let ran = bench.resume().await;
    ran.exits(1).says("its rollback was skipped by").says("rests on it");
    assert_eq!(there(&bench).await, "b");
}

/// The same of checkpoints of an undo with which somebody goes on.
#[tokio::test]
async fn an_undo_that_was_accepted_isnt_asked_about_again() {
    let bench = Bench::new().await;
    for name in ["a", "b"] {
        bench.file(&format!("{name}.sql"), &format!("CREATE TABLE {name} (n int);"));
    }
    let checked = "[[phase.step.rollback.checkpoint]]\ntitle = \"Seven\"\nsql = \"SELECT 1\"\nexpect = 7\n";
    let person = "[[phase.step]]\nid = \"person\"\ntitle = \"Person\"\nconfirm = \"ready\"\n";
    let b = undoable("b", "DROP TABLE b", "")
        .replace("[phase.step.rollback]\n", "[phase.step.rollback]\nverify = \"after_commit\"\n");
    bench.plan(&format!("{}{b}{checked}{person}", undoable("a", "DROP TABLE a", "")));
    bench.run().await.exits(6);
    bench.sql("CREATE VIEW va AS SELECT * FROM a").await;
    let ran = bench.call(&["rollback", "--reason", "x"]).await;
    ran.exits(6).says("\"b\" is undone, and \"Seven\" didn't pass");
    // Its checkpoint is counted, and apart.
    ran.says("of rollbacks: 0 passed, 1 failed");
    // Its undo is done: there is nothing to leave out.
    bench.call(&["resume", "--skip", "b=x"]).await.exits(2).says("override");
    bench.env("HOLDPOINT_CRASH_AT", "ruled-out");
    bench.call(&["resume", "--override", "b=known"]).await;
    bench.env("HOLDPOINT_CRASH_AT", "");
    bench.resume().await.exits(6).says("undoing \"a\" failed").says("went on: known");
    bench.resume().await.exits(6).says("undoing \"a\" failed");
    bench.sql("DROP VIEW va").await;
    bench.resume().await.exits(1);
    assert_eq!(there(&bench).await, "");
}

/// A word about something else than what waits is refused before anything is done.
#[tokio::test]
async fn an_answer_that_doesnt_fit_what_waits_is_refused() {
    let (bench, ran) = stuck().await;
    ran.exits(6);
    bench.sql("DROP VIEW v").await;
    let waits = "the run waits for \"b\"";
    bench.call(&["resume", "--skip", "a=foo"]).await.exits(2).says(waits);
    bench.call(&["resume", "--override", "a=foo"]).await.exits(2).says(waits);
    bench.call(&["resume", "--override", "b=foo"]).await.exits(2).says("undoing \"b\" failed");
    bench.call(&["resume", "--skip", "b=x", "--skip", "c=x"]).await.exits(2).says("\"c\" is undone already");
    assert_eq!(there(&bench).await, "a b");
    // Both at once is an answer to both.
    bench.call(&["resume", "--skip", "b=foo", "--skip", "a=bar"]).await.exits(1);
    assert_eq!(there(&bench).await, "a b");
}

/// Forward too, and a step that somebody has left out is left out after a kill as well.
#[tokio::test]
async fn a_step_that_was_ruled_out_stays_so_after_a_kill() {
    let bench = Bench::new().await;
    bench.file("a.sql", "SELECT 1/(SELECT count(*) FROM pg_class WHERE relname = 'ready');");
    bench.file("b.sql", "CREATE TABLE b (n int);");
    bench.plan(&format!("{}{}", step("a", ""), step("b", "")));
    bench.run().await.exits(6);
    bench.sql("CREATE TABLE ready (n int)").await;
    bench.call(&["resume", "--skip", "b=foo"]).await.exits(2).says("the run waits for \"a\"");
    assert_eq!(there(&bench).await, "ready");
    bench.sql("DROP TABLE ready").await;
    bench.env("HOLDPOINT_CRASH_AT", "ruled-out");
    bench.call(&["resume", "--skip", "a=known"]).await;
    bench.env("HOLDPOINT_CRASH_AT", "");
    bench.sql("CREATE TABLE ready (n int)").await;
    let ran = bench.resume().await;
    ran.exits(0).says("known");
    assert_eq!(ran.all("step_skipped").len(), 1, "{ran}");
    assert_eq!(ran.all("step_started").iter().filter(|event| event["step"] == "a").count(), 1, "{ran}");
}

/// Outside transactions an undo may be half done: nobody is told that all of it is still there.
#[tokio::test]
async fn half_an_undo_isnt_called_none() {
    let bench = Bench::new().await;
    bench.file("n.sql", "CREATE TABLE n1 (n int); CREATE TABLE n2 (n int);");
    let person = "[[phase.step]]\nid = \"person\"\ntitle = \"Person\"\nconfirm = \"ready\"\n";
    let undo = "DROP TABLE n2; SELECT pg_sleep(600); DROP TABLE n1";
    bench.plan(&format!("{}{person}", undoable("n", undo, "transaction = \"none\"\n")));
    bench.run().await.exits(6);
    let running = bench.begin(&["rollback", "--reason", "x"]);
    let sleeps = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'holdpoint work' \
                  AND wait_event = 'PgSleep'";
    bench.until("the undo sleeps", &format!("SELECT EXISTS (SELECT {sleeps})")).await;
    bench.value(&format!("SELECT pg_terminate_backend(pid) {sleeps}")).await;
    let ran = running.end().await;
    ran.exits(7).says("This undo is done in part");
    assert!(!ran.err.contains("Nothing of this undo was done"), "{ran}");
    let status = bench.call(&["status", "--plan", "plan.toml", "--state-dir", "state"]).await;
    assert!(!status.out.contains("Nothing of this undo"), "{status}");
    assert_eq!(there(&bench).await, "n1");
}

/// A procedure that doesn't touch a table puts nothing in the place of what others wrote there.
#[tokio::test]
async fn rows_that_a_procedure_doesnt_touch_arent_told() {
    let bench =
        Bench::with("CREATE TABLE g (id int PRIMARY KEY, t text); INSERT INTO g VALUES (1, 'new')").await;
    bench.file("a.sql", "CREATE TABLE a (n int);");
    bench.file("u.sql", "UPDATE g SET t = 'done';");
    let undo = undoable("u", "UPDATE g SET t = 'new'", "");
    let procedure = "[[rollback]]\nid = \"p\"\ntitle = \"P\"\nundoes = [\"a\"]\n\
        [[rollback.step]]\nid = \"drop\"\ntitle = \"Drop\"\nsql = \"DROP TABLE a\"\n";
    let person = "[[phase.step]]\nid = \"person\"\ntitle = \"Person\"\nconfirm = \"ready\"\n";
    bench.plan_with("guards = [\"g\"]", &format!("{}{undo}{person}{procedure}", step("a", "")));
    bench.run().await.exits(6);
    bench.sql("UPDATE g SET t = 'paid'").await;
    let ran = bench.call(&["rollback", "--procedure", "p", "--reason", "x"]).await;
    assert!(!ran.out.contains("have written again"), "{ran}");
    assert_eq!(there(&bench).await, "g");
}

/// What others changed in the schema is named, and told once.
#[tokio::test]
async fn what_others_changed_meanwhile_is_named() {
    let (bench, ran) = stuck().await;
    ran.exits(6).says_wrapped("somebody else changed it meanwhile (view public.v is new");
    let ran = bench.resume().await;
    ran.exits(6);
    let told = ran.all("deviation").iter().filter(|e| e["what"].to_string().contains("meanwhile")).count();
    assert_eq!(told, 1, "{ran}");
}

/// A part that left something doesn't end as if all were well.
#[tokio::test]
async fn a_part_with_residue_says_so_last() {
    let bench = Bench::with("CREATE TABLE g (id int PRIMARY KEY)").await;
    bench.file("a.sql", "CREATE TABLE a (n int);");
    bench.file("b.sql", "CREATE TABLE b (n int);");
    let person = "[[phase.step]]\nid = \"person\"\ntitle = \"Person\"\nconfirm = \"ready\"\n";
    let steps = format!("{}{}{person}", undoable("a", "DROP TABLE a", ""), undoable("b", "SELECT 1", ""));
    bench.plan(&steps);
    bench.run().await.exits(6);
    let ran = bench.call(&["rollback", "--to", "b", "--reason", "x"]).await;
    ran.exits(1);
    assert!(ran.err.contains("not everything is as it should be by now: "), "{ran}");
    assert!(ran.err.contains("table public.b"), "{ran}");
    let waits = ran.last("held")["needs"].to_string();
    assert!(waits.contains("table public.b"), "{ran}");
}

/// Whoever types `rollback` after a kill means it, whatever the program was in the middle of.
#[tokio::test]
async fn a_run_that_was_killed_in_the_middle_of_a_step_goes_back() {
    let bench = Bench::new().await;
    for name in ["a", "b", "c"] {
        bench.file(&format!("{name}.sql"), &format!("CREATE TABLE {name} (n int);"));
    }
    bench.plan(&["a", "b", "c"].map(|name| undoable(name, &format!("DROP TABLE {name}"), "")).concat());
    bench.env("HOLDPOINT_CRASH_AT", "after-statements:2");
    bench.run().await;
    bench.env("HOLDPOINT_CRASH_AT", "");
    assert_eq!(there(&bench).await, "a");
    bench.call(&["rollback", "--list"]).await.exits(0).says("1  a (SQL)");
    let ran = bench.call(&["rollback", "--reason", "enough"]).await;
    ran.exits(4).says("undone: a").says("enough");
    assert_eq!(there(&bench).await, "");
    assert_eq!(bench.value("SELECT count(*) FROM holdpoint.ledger WHERE step IN ('b', 'c')").await, "0");
}

/// And what has to be ruled on first isn't the end of it.
#[tokio::test]
async fn a_rollback_that_meets_a_doubt_is_gone_on_with_after_the_ruling() {
    let bench = Bench::with("CREATE TABLE log (n int)").await;
    bench.file("a.sql", "CREATE TABLE a (n int);");
    bench.file("n.sql", "\n\nCALL p();\n");
    bench
        .sql("CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN INSERT INTO log VALUES (1); COMMIT; END'")
        .await;
    let steps = [
        undoable("a", "DROP TABLE a", ""),
        undoable("n", "DELETE FROM log", "transaction = \"none\"\n"),
        undoable("never", "SELECT 1", "").replace("never.sql", "a.sql"),
    ];
    bench.plan(&steps.concat());
    bench.env("HOLDPOINT_CRASH_AT", "after-bare-statement");
    bench.run().await;
    bench.env("HOLDPOINT_CRASH_AT", "");
    let ran = bench.call(&["rollback", "--reason", "enough"]).await;
    ran.exits(5).says("n.sql:3").says("`CALL p`").says("a part of its work").says("then back as asked");
    assert!(!ran.out.contains("n.sql@"), "{ran}");
    let ran = bench.call(&["resume", "--rule", "n=applied"]).await;
    ran.exits(4).says("undone: n").says("undone: a").says("enough");
    assert_eq!(there(&bench).await, "log");
    assert_eq!(bench.value("SELECT count(*) FROM log").await, "0");
}

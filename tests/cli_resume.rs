//! `holdpoint resume` and `rollback`: after failures, signals and changed files.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;
mod scene;

use std::process::{Child, Command, Stdio};

use scene::{Said, Scene, main_of, makes, one_step, undoable, wait_for};

/// `first` works, `second` fails until the table `wanted` is there, `third` works; each with its undo.
fn three() -> String {
    let second = undoable("second", "CREATE TABLE second AS SELECT * FROM wanted;", "DROP TABLE second;");
    main_of(&[makes("first"), second, makes("third")])
}

async fn failed() -> Scene {
    let scene = Scene::new().await;
    scene.plan(&three());
    scene.run("").exits(6).complains("the run waits: \"Second\" failed at plan.toml:");
    assert!(scene.has("first").await && !scene.has("second").await);
    scene
}

#[tokio::test]
async fn a_failed_step_is_tried_again_by_resume() {
    let scene = failed().await;
    scene.type_in("status").exits(0).says("waits (exit 6): \"Second\" failed");
    scene.resume("").exits(6);
    scene.sql("CREATE TABLE wanted (n int)").await;
    scene.resume("").exits(0);
    assert!(scene.has("third").await);
    // Only once each.
    assert_eq!(scene.value("SELECT count(*) FROM holdpoint.ledger").await, "3");
    assert_eq!(scene.steps("step_verified"), ["first", "second", "third"], "--events has all of the run");
}

#[tokio::test]
async fn a_failed_step_is_left_out_or_the_run_ended() {
    let scene = failed().await;
    scene.resume("--skip nowhere=x").exits(2).complains("no step \"nowhere\"").reads_well();
    scene.resume("--skip first=x").exits(2).complains("step \"first\" is verified").reads_well();
    scene.resume("--skip second=").exits(2).complains("a reason is needed").reads_well();
    scene.resume("--skip second").exits(2).complains("=").reads_well();
    scene.resume("--rule second=perhaps").exits(2).complains("applied or not-applied").reads_well();
    scene.resume("--skip second=not-needed").exits(0).says("deviation").says("not-needed");
    assert!(scene.has("third").await && !scene.has("second").await);

    let scene = failed().await;
    scene.resume("--end give-up").exits(1).says("give-up");
    assert!(scene.has("first").await, "ending isn't undoing");
    scene.type_in("status").says("stopped").says("give-up");
    scene.run("").exits(6); // a new run: first is there already
}

#[tokio::test]
async fn a_failed_checkpoint_after_commit_is_overridden_with_a_reason() {
    let scene = Scene::new().await;
    let body = one_step("CREATE TABLE t (n int);")
        + "verify = \"after_commit\"\n[[phase.step.checkpoint]]\ntitle = \"Seven\"\nsql = \"SELECT count(*) FROM t\"\nexpect = 7\n";
    scene.plan(&body);
    scene.run("").exits(6).complains("\"Seven\": expected 7, got 0");
    assert!(scene.has("t").await, "it is applied");
    scene.resume("--skip s=x").exits(2).complains("its checkpoints failed: override them").reads_well();
    scene.resume("--override s=seven-is-for-prod").exits(0).says("seven-is-for-prod");
    let accepted = &scene.events_named("step_accepted")[0];
    assert_eq!(accepted["reason"], "seven-is-for-prod");
}

/// A word about something else would be forgotten, and whoever gave it would believe that it counts.
#[tokio::test]
async fn a_word_about_what_isnt_in_question_is_refused() {
    let scene = failed().await;
    let refused = |words: &str, why: &str| {
        scene.resume(words).exits(2).complains(why).complains("nothing was done").reads_well();
    };
    refused("--rule second=applied", "nobody asks what became of \"second\", it is failed");
    refused("--rule third=not-applied", "nobody asks what became of \"third\", it is pending");
    refused("--override third=x", "the run waits for \"second\"");
    refused("--override second=x", "only failed checkpoints of an applied step can be overridden");
    refused("--skip third=x", "the run waits for \"second\"");
    scene.resume("--rule nowhere=applied").exits(2).complains("no step \"nowhere\"").reads_well();
    let both = scene.resume("--skip second=x --override second=x");
    both.exits(2).complains("two different things are said about \"second\"").reads_well();
    assert!(!scene.has("third").await);
    scene.type_in("status").says("waits (exit 6): \"Second\" failed");

    // People are waited for: what comes behind them is a matter of its own.
    let scene = Scene::new().await;
    let person = |id: &str| format!("[[phase.step]]\nid = \"{id}\"\ntitle = \"{id}\"\nconfirm = \"ready\"\n");
    let last = "[[phase.step]]\nid = \"last\"\ntitle = \"Last\"\nsql = \"CREATE TABLE last (n int)\"\n";
    scene.plan(&format!(
        "[[phase]]\nid = \"main\"\ntitle = \"Main\"\n{}{}{last}",
        person("ann"),
        person("ben")
    ));
    scene.run("").exits(6);
    let refused = |words: &str, why: &str| {
        scene.resume(words).exits(2).complains(why).complains("nothing was done").reads_well();
    };
    refused("--skip last=later", "the run waits for \"ann\"");
    refused("--rule ann=applied", "nobody asks what became of \"ann\"");
    refused("--override ann=x", "waits for people, and nothing failed");
    refused("--override last=x --confirm ann=Ann", "no checkpoints of it have failed");
    // It isn't come to in this call: that is said, and nothing is forgotten without a word.
    let said = scene.resume("--skip last=later --confirm ann=Ann");
    said.exits(6).complains("it didn't come to \"last\": to leave that out, say so again");
    scene.resume("--skip last=later --confirm ben=Ben").exits(0).says("later").never_says("come to");
    assert!(!scene.has("last").await);
}

#[tokio::test]
async fn answers_say_what_to_do_when_a_step_fails() {
    let scene = Scene::new().await;
    scene.plan(&three());
    scene.file("answers.toml", "[failed]\nsecond = { skip = \"not on this one\" }\n");
    scene.run("--answers answers.toml").exits(0).says("not on this one");

    let scene = Scene::new().await;
    scene.plan(&three());
    scene.file("answers.toml", "[failed]\nsecond = { rollback = \"never half\" }\n");
    scene.run("--answers answers.toml").exits(4).says("rolled back").says("never half");
    assert!(!scene.has("first").await);
    scene.type_in("status").says("rolled back cleanly (exit 4)");
}

#[tokio::test]
async fn the_plan_says_what_to_do_when_a_step_fails() {
    for (policy, code, first, third) in
        [("stop", 1, true, false), ("continue", 0, true, true), ("rollback", 4, false, false)]
    {
        let scene = Scene::new().await;
        scene.plan(
            &three().replace("id = \"second\"", &format!("id = \"second\"\non_failure = \"{policy}\"")),
        );
        scene.run("").exits(code);
        assert_eq!((scene.has("first").await, scene.has("third").await), (first, third), "{policy}");
    }
}

#[tokio::test]
async fn rollback_undoes_everything_or_down_to_a_step() {
    let scene = Scene::new().await;
    scene.sql("CREATE TABLE wanted (n int)").await;
    scene.plan(&format!(
        "{}\n[[phase.step]]\nid = \"person\"\ntitle = \"Person\"\nconfirm = \"ready\"\n",
        three()
    ));
    scene.run("").exits(6);
    scene.rollback("--to nowhere").exits(3).complains("nowhere").complains("third, second, first");
    scene.rollback("--to second --reason too-slow").exits(6).says("too-slow");
    assert!(scene.has("first").await && !scene.has("second").await && !scene.has("third").await);
    // Forward again from there, and then all the way back.
    scene.resume("").exits(6);
    assert!(scene.has("third").await);
    scene.rollback("").exits(4).says("rolled back");
    assert!(!scene.has("first").await);
    scene.rollback("").exits(2).complains("no open run").reads_well();
}

#[tokio::test]
async fn a_rollback_that_leaves_something_says_what_and_exits_1() {
    let scene = Scene::new().await;
    scene.sql("CREATE TABLE kept (n int, t text); INSERT INTO kept VALUES (1, 'before')").await;
    let body = three()
        .replace("CREATE TABLE first (n int);", "CREATE TABLE first (n int); UPDATE kept SET t = 'after';");
    scene.plan_with("stepping = \"auto\"\nguards = [\"kept\"]", &body);
    scene.run("").exits(6);
    scene.rollback("").exits(1).says("rows of kept: it has changed").says("rows of kept aren't as before");
    scene.type_in("status").says("rolled back, not everything is as before (exit 1)");
}

#[tokio::test]
async fn a_rollback_that_fails_waits_and_can_be_gone_on_with() {
    let scene = failed().await;
    scene.sql("CREATE VIEW uses AS SELECT * FROM first").await;
    scene.rollback("").exits(6).says("undoing \"first\" failed").says("2BP01");
    scene.sql("DROP VIEW uses").await;
    let said = scene.resume("");
    said.exits(4);
    assert!(!scene.has("first").await);
}

#[tokio::test]
async fn nothing_applied_is_nothing_to_roll_back() {
    let scene = Scene::new().await;
    scene.plan(&one_step("SELECT * FROM gone;"));
    scene.run("").exits(6);
    scene.rollback("").exits(3).complains("nothing to roll back").reads_well();
}

fn start(scene: &Scene, words: &str) -> Child {
    let mut command = scene.command(words.split(' '));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn in_its_step(scene: &Scene, times: usize) {
    wait_for("the step to sleep", || {
        (scene.server.log().matches("statement: SELECT pg_sleep(600)").count() >= times).then_some(())
    });
}

#[tokio::test]
async fn signals_stop_at_a_safe_point_and_resume_goes_on() {
    let scene = Scene::new().await;
    scene.sql("CREATE TABLE nap (s int); INSERT INTO nap VALUES (600)").await;
    scene.file("long.sql", "CREATE TABLE long (n int);\nSELECT pg_sleep(600) FROM nap WHERE s > 0;\n");
    let file = one_step("").replace("sql = '''\n\n'''", "file = \"long.sql\"");
    scene.plan(&three().replace(
        "[[phase.step]]\nid = \"second\"",
        &format!("{}\n[[phase.step]]\nid = \"second\"", file.split("title = \"Main\"").nth(1).unwrap()),
    ));
    let mut words = "run plan.toml --plain";
    for (at, signal) in ["INT", "TERM", "HUP"].into_iter().enumerate() {
        let child = start(&scene, words);
        in_its_step(&scene, at + 1);
        Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
        let said = Said::of(child, "the run to stop");
        said.exits(130)
            .complains(&format!("interrupted by SIG{signal}"))
            .complains("holdpoint resume")
            .says("nothing of this step was applied");
        assert!(!scene.has("long").await, "nothing half-applied");
        assert!(scene.has("first").await);
        scene.type_in("status").says("exit 130").says("interrupted");
        words = "resume --plain";
    }
    scene.sql("CREATE TABLE wanted (n int); DELETE FROM nap").await;
    scene.resume("").exits(0);
    assert!(scene.has("long").await && scene.has("third").await);
}

#[tokio::test]
async fn a_run_uses_the_plan_and_files_that_it_was_opened_with() {
    let scene = Scene::new().await;
    scene.file("f.sql", "CREATE TABLE right_one AS SELECT * FROM wanted;\n\\ir more.sql\n");
    scene.file("more.sql", "CREATE TABLE more_right (n int);\n");
    scene.plan(&one_step("").replace("sql = '''\n\n'''", "file = \"f.sql\""));
    scene.run("").exits(6);
    // Others go on working on the files.
    scene.file("f.sql", "CREATE TABLE wrong_one (n int);");
    std::fs::remove_file(scene.path("more.sql")).unwrap();
    scene.plan(&one_step("CREATE TABLE wrong_plan (n int);"));
    scene.sql("CREATE TABLE wanted (n int)").await;
    let said = scene.resume("");
    said.exits(0);
    assert!(scene.has("right_one").await && scene.has("more_right").await, "{said}");
    assert!(!scene.has("wrong_one").await && !scene.has("wrong_plan").await);
}

#[tokio::test]
async fn a_copy_that_was_tampered_with_is_noticed() {
    let scene = Scene::new().await;
    scene.file("f.sql", "CREATE TABLE a AS SELECT * FROM wanted;\n");
    scene.plan(&one_step("").replace("sql = '''\n\n'''", "file = \"f.sql\""));
    scene.run("").exits(6);
    let copies = scene::files_below(&scene.only_run());
    let (copy, _) = copies.iter().find(|(path, _)| path.ends_with("f.sql")).expect("its copy");
    std::fs::write(copy, "DROP DATABASE everything;").unwrap();
    let said = scene.resume("");
    assert!(matches!(said.code, Some(3 | 7)), "{said}");
    said.complains("isn't what the run was opened with").reads_well();
}

#[tokio::test]
async fn a_large_file_that_changes_under_way_is_rolled_back() {
    let scene = Scene::new().await;
    scene.file("made.sql", "");
    // Over 16 MiB: it is hashed, not copied.
    let line = format!("INSERT INTO big VALUES ('{}');\n", "x".repeat(1000));
    let mut text = "CREATE TABLE big (t text);\nSELECT pg_advisory_lock(1);\n".to_owned();
    while text.len() < 17 << 20 {
        text.push_str(&line);
    }
    let path = scene.file("big.sql", &text);
    scene.plan(&one_step("").replace("sql = '''\n\n'''", "file = \"big.sql\""));
    let mut other = scene.server.session(&scene.database).await;
    other.batch("SELECT pg_advisory_lock(1)").await.unwrap();
    let child = start(&scene, "run plan.toml --plain --events events.jsonl");
    wait_for("the script to wait for its lock", || {
        (scene.server.log().matches("pg_advisory_lock(1)").count() >= 2).then_some(())
    });
    // One byte near its end.
    use std::os::unix::fs::FileExt;
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.write_all_at(b"y", text.len() as u64 - 10).unwrap();
    other.batch("SELECT pg_advisory_unlock(1)").await.unwrap();
    other.close().await;
    let said = Said::of(child, "the run to notice");
    assert!(matches!(said.code, Some(6 | 7)), "{said}");
    said.says("big.sql").says("changed").says("nothing of this step was applied");
    assert!(!scene.has("big").await);
    // Changed before the next resume: found before anything is sent.
    scene.file("big.sql", "CREATE TABLE other (n int);");
    let said = scene.resume("");
    assert_ne!(said.code, Some(0), "{said}");
    said.says("big.sql");
    assert!(!scene.has("other").await);
}

/// The run keeps what it was opened with; whoever has mended a file in between must not think that it ran.
#[tokio::test]
async fn a_file_that_was_mended_on_disk_is_said_not_to_be_used() {
    let scene = Scene::new().await;
    scene.file("s.sql", "CREATE TABLE mended (n int);\nINSERT INTO mended VALUES (1/0);\n");
    scene.plan(
        "[[phase]]\nid = \"p\"\ntitle = \"P\"\n[[phase.step]]\nid = \"s\"\ntitle = \"S\"\nfile = \"s.sql\"\nirreversible = \"x\"\n",
    );
    scene.run("--irreversible s=x").exits(6);
    scene.resume("").exits(6).never_says("changed on disk");
    scene.file("s.sql", "CREATE TABLE mended (n int);\n");
    let said = scene.resume("");
    said.exits(6).says("changed on disk since this run was opened: s.sql").says("--end");
    // Once is enough.
    let told = scene.resume("").out.matches("deviation: changed on disk").count();
    assert!(told <= 1, "{told}");
    assert!(!scene.has("mended").await);
}

/// What a step has run with is what its way back runs with.
#[tokio::test]
async fn a_variable_that_steps_were_applied_with_stays_as_it_was() {
    let scene = Scene::new().await;
    scene.sql("CREATE TABLE t_beta AS SELECT generate_series(1, 500) AS n").await;
    scene.plan(
        "[vars]\ntenant = { ask = \"Which?\" }\npause = { default = \"10ms\" }\n\n[[phase]]\nid = \"p\"\ntitle = \"P\"\n\
         [[phase.step]]\nid = \"make\"\ntitle = \"Make\"\nsql = \"CREATE TABLE t_:tenant (n int)\"\nrollback.sql = \
         \"DROP TABLE t_:tenant\"\n[[phase.step]]\nid = \"rest\"\ntitle = \"Rest\"\nsoak = \"{pause}\"\n\
         [[phase.step]]\nid = \"well\"\ntitle = \"Well\"\nconfirm = \"All is well\"\n",
    );
    scene.run("--var tenant=acme").exits(6);
    let said = scene.resume("--var tenant=beta --confirm well=Ann");
    said.exits(3).complains("was \"acme\" when steps of this run were applied").reads_well();
    // How long to wait isn't in what was applied.
    scene.resume("--var pause=20ms").exits(6);
    scene.type_in("rollback --plain --reason back").exits(4);
    assert!(scene.has("t_beta").await && !scene.has("t_acme").await);
}

/// The run stands somewhere, and what is selected has to begin there.
#[tokio::test]
async fn a_selection_passes_nothing_over_that_was_begun() {
    let scene = failed().await;
    scene.resume("--only nowhere").exits(2).complains("the plan's phases are main").reads_well();

    let scene = Scene::new().await;
    scene.plan(&format!(
        "{}\n[[phase]]\nid = \"close\"\ntitle = \"Close\"\n[[phase.step]]\nid = \"accept\"\ntitle = \"Accept\"\n\
         confirm = \"All is well\"\n",
        three()
    ));
    scene.run("").exits(6);
    let said = scene.resume("--only close --confirm accept=Ann");
    said.exits(3).complains("the run stands at step `second` of phase `main`").reads_well();
    scene.resume("--skip second=later --confirm accept=Ann").exits(0);
}

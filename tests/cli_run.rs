//! `holdpoint run` as a pipeline meets it: people's answers, stepping, phases, variables, events.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;
mod scene;

use scene::{Corner, Said, Scene, files_below, one_step};

/// A sign-off, a checklist, and two changes with their rollbacks.
const PEOPLE: &str = r#"
[[phase]]
id    = "before"
title = "Before"

[[phase.step]]
id      = "auth"
title   = "The owner's word"
signoff = ["Owner"]

[[phase.step]]
id      = "list"
title   = "Checklist"
confirm = ["Backup taken", { item = "Ticket", write = true }]

[[phase]]
id    = "change"
title = "Change"

[[phase.step]]
id    = "one"
title = "One"
sql   = "CREATE TABLE one (n int);"
rollback = { sql = "DROP TABLE one;" }

[[phase.step]]
id    = "two"
title = "Two"
sql   = "CREATE TABLE two (n int);"
rollback = { sql = "DROP TABLE two;" }

[[phase]]
id    = "after"
title = "After"

[[phase.step]]
id     = "look"
title  = "Nothing is in them"
check  = "SELECT (SELECT count(*) FROM one) + (SELECT count(*) FROM two)"
expect = 0
"#;

const KEYS: &str = "authorization = \"auth\"\nstepping = \"manual\"";

const ANSWERS: &str = r#"
go = ["one", "two"]
[confirm]
list = { by = "Ada", notes = { Ticket = "OPS-1" } }
[sign.auth]
Owner = "Grace"
"#;

#[tokio::test]
async fn answers_from_a_file_take_it_to_the_end() {
    let scene = Scene::new().await;
    scene.plan_with(KEYS, PEOPLE);
    scene.file("answers.toml", ANSWERS);
    let said = scene.run("--answers answers.toml");
    said.exits(0).says("Grace").says("OPS-1").says("done");
    assert_eq!(scene.steps("step_verified"), ["auth", "list", "one", "two", "look"]);
    // Whoever typed a name proves nothing, and the evidence says so.
    let signed = &scene.events_named("signed")[0];
    assert_eq!(
        (signed["by"]["name"].as_str(), signed["by"]["how"].as_str()),
        (Some("Grace"), Some("asserted"))
    );
    assert!(scene.has("two").await);
    scene.type_in("status plan.toml").exits(0).says("p ").says("done (exit 0)");

    // What is over can't be gone on with; all that is left is the way back.
    let id = scene.only_run().file_name().unwrap().to_str().unwrap().to_owned();
    scene.type_in(&format!("resume {id} --plain")).exits(3).complains("is over").reads_well();
    scene.resume("").exits(2).complains("no open run").reads_well();
    scene.type_in("rollback --plain").exits(2).complains("no open run").reads_well();
    scene.type_in(&format!("rollback {id} --plain")).exits(4).says("open again to go back");
    assert!(!scene.has("two").await);
    scene.type_in(&format!("rollback {id} --plain")).exits(3).complains("is over").reads_well();
}

#[tokio::test]
async fn stepping_by_hand_without_a_screen_is_refused_and_names_what_is_missing() {
    let scene = Scene::new().await;
    scene.plan_with(KEYS, PEOPLE);
    let said = scene.run("");
    said.exits(3).complains("go = [\"one\", \"two\"]").reads_well();
    scene.file("answers.toml", "go = [\"one\"]");
    scene.run("--answers answers.toml").exits(3).complains("go = [\"two\"]").reads_well();
    assert!(scene.runs().is_empty(), "nothing was opened");
    assert!(!scene.has("holdpoint.fence").await);
}

#[tokio::test]
async fn answers_that_dont_fit_are_said_before_anything() {
    let scene = Scene::new().await;
    scene.plan_with(KEYS, PEOPLE);
    let bad = |text: &str| {
        scene.file("answers.toml", text);
        scene.run("--answers answers.toml")
    };
    bad("go = [\"three\"]").exits(2).complains("no step \"three\"").reads_well();
    bad("gone = []").exits(2).complains("gone").complains("answers.toml");
    bad("go = ").exits(2).complains("answers.toml");
    bad("[failed]\none = \"shrug\"").exits(2).complains("answers.toml");
    scene.run("--answers nowhere.toml").exits(2).complains("nowhere.toml").reads_well();
    scene.run("--confirm three=Ada").exits(2).complains("no such step").reads_well();
    scene.run("--confirm one=Ada").exits(2).complains("asks nobody").reads_well();
    scene.run("--confirm Ada").exits(2).complains("\"Ada\" isn't ").reads_well();
    scene.run("--only nowhere").exits(2).complains("before, change, after").reads_well();
    scene.run("--from nowhere").exits(2).complains("no such step").reads_well();
    assert!(scene.runs().is_empty());
}

#[tokio::test]
async fn without_an_answer_it_waits_and_resume_takes_the_answer() {
    let scene = Scene::new().await;
    scene.plan_with(KEYS, PEOPLE);
    scene.file("go.toml", "go = [\"one\", \"two\"]");
    let said = scene.run("--answers go.toml");
    said.exits(6).says("Owner").says("holdpoint resume");
    assert!(!scene.has("one").await);
    // It waits for the same until somebody is there.
    scene.resume("--answers go.toml").exits(6);
    scene.type_in("status plan.toml").exits(0).says("waits");
    let second = scene.run("--answers go.toml");
    second.exits(3).complains("is open on this database").complains("holdpoint resume").reads_well();

    // An item that wants words isn't confirmed by a name alone.
    let said = scene.resume("--answers go.toml --confirm auth=Grace --confirm list=Ada");
    said.exits(6).says("Ticket");
    scene.file("answers.toml", ANSWERS);
    scene.resume("--answers answers.toml").exits(0);
    assert!(scene.has("two").await);
    assert_eq!(scene.runs().len(), 1);
}

#[tokio::test]
async fn a_declined_signoff_fails_its_step() {
    let scene = Scene::new().await;
    scene.plan_with(KEYS, PEOPLE);
    let decline = "go = [\"one\", \"two\"]\n[sign.auth]\nOwner = { by = \"Grace\", accept = false, note = \"not tonight\" }\n";
    scene.file("answers.toml", decline);
    let said = scene.run("--answers answers.toml");
    said.exits(6).says("declined").says("not tonight");
    assert!(!scene.has("one").await);
    let said = scene.resume("--answers answers.toml --end not-tonight");
    said.exits(1).says("not-tonight");
    scene.type_in("status plan.toml").says("stopped").says("not-tonight");
}

#[tokio::test]
async fn phases_one_by_one_are_one_run() {
    let scene = Scene::new().await;
    scene.plan_with(KEYS, PEOPLE);
    scene.file("answers.toml", ANSWERS);
    // Nothing may change before the authorization, whatever is selected.
    scene.run("--only change --answers answers.toml").exits(3).complains("\"auth\" is signed");
    assert!(!scene.has("one").await);

    scene.run("--only before --answers answers.toml").exits(0).says("still to come");
    scene.run("--only change --answers answers.toml").exits(0);
    assert!(scene.has("two").await);
    let open = scene.runs().len();
    scene.run("--only after --answers answers.toml").exits(0).says("done");
    assert_eq!(scene.runs().len(), open, "all in one run");
    scene.type_in("status plan.toml").says("done (exit 0)").says("refused");
}

#[tokio::test]
async fn phases_of_another_database_are_another_run() {
    let mut scene = Scene::new().await;
    scene.plan(
        &PEOPLE.replace("signoff = [\"Owner\"]", "check = \"SELECT 1\"").replace("confirm =", "# confirm ="),
    );
    scene.plan(&format!("{}{}", one_step("CREATE TABLE one (n int);"), "\n[[phase]]\nid = \"more\"\ntitle = \"More\"\n[[phase.step]]\nid = \"m\"\ntitle = \"M\"\nsql = \"CREATE TABLE more (n int);\"\n"));
    scene.run("--only main").exits(0);
    scene.database = scene.server.fresh_database().await;
    scene.run("--only main").exits(0);
    assert!(scene.has("one").await);
    assert_eq!(scene.runs().len(), 2);
    scene.run("--only more").exits(0).says("done");
    assert!(scene.has("more").await);
}

#[tokio::test]
async fn from_takes_what_stands_before_as_done_and_never_undoes_it() {
    let scene = Scene::new().await;
    scene.sql("CREATE TABLE one (n int)").await;
    scene.plan_with("stepping = \"auto\"", PEOPLE);
    scene.run("--from two").exits(0);
    assert_eq!(scene.steps("step_assumed"), ["auth", "list", "one"]);
    assert_eq!(scene.steps("step_verified"), ["two", "look"]);
}

#[tokio::test]
async fn variables_come_from_the_command_line_and_secrets_stay_out_of_everything() {
    let scene = Scene::new().await;
    let secret = "hunter2-hunter2";
    scene.file("make.sql", "CREATE TABLE :\"tbl\" (n int);\nSELECT length(:'pw');\nCREATE ROLE r PASSWORD :'pw';\nDROP ROLE r;\n");
    let body = format!(
        "[vars.tbl]\ndefault = \"other\"\n[vars.pw]\nsecret = true\nask = \"the password\"\n\n{}",
        one_step("").replace("sql = '''\n\n'''", "file = \"make.sql\"")
    );
    scene.plan(&body);
    scene.run("").exits(2).complains("--var pw=… (the password)").reads_well();
    scene.run("--var pw").exits(2).complains("NAME=VALUE").reads_well();
    scene.run("--var pwd=1").exits(2).complains("--var pwd").complains("tbl").reads_well();

    let said = scene.run(&format!("--var pw={secret} --var tbl=chosen --log trace"));
    said.exits(0).never_says(secret);
    assert!(scene.has("chosen").await);
    // Errors show the line of the file, and the value must not be in it.
    scene.file("make.sql", "CREATE TABLE IF NOT EXISTS :\"tbl\" (n int);\nSELECT :'pw'::int;\n");
    let said = scene.run(&format!("--var pw={secret} --log trace"));
    said.exits(6).never_says(secret).says("22P02");
    let id = scene.runs().iter().map(|run| run.file_name().unwrap().to_owned()).max().unwrap();
    let id = id.to_str().unwrap();
    // A secret isn't kept: it is asked for again.
    scene.resume(id).exits(2).complains("--var pw").reads_well();
    scene.resume(&format!("{id} --var pw={secret}")).exits(6).never_says(secret);
    for (path, bytes) in
        files_below(&scene.path(".holdpoint")).into_iter().chain(files_below(&scene.path(".")))
    {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(secret), "{} has the secret", path.display());
    }
}

#[tokio::test]
async fn events_go_to_a_file_or_to_standard_output() {
    let scene = Scene::new().await;
    scene.plan(&one_step("CREATE TABLE a (n int);"));
    let said = scene.type_in("run plan.toml --events -");
    said.exits(0);
    let seqs: Vec<u64> = said
        .out
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("only JSON")["seq"].as_u64().unwrap()
        })
        .collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "each once, in order");
    let journal = std::fs::read_to_string(scene.only_run().join("journal.jsonl")).unwrap();
    assert_eq!(said.out, journal, "they are the journal's lines");

    scene.plan(&one_step("CREATE TABLE b (n int);"));
    scene
        .type_in("run plan.toml --plain --events /nonexistent/e.jsonl")
        .exits(7)
        .complains("--events")
        .reads_well();
    assert!(!scene.has("b").await);
    scene.type_in("run plan.toml").exits(2).complains("--plain").reads_well();
}

#[tokio::test]
async fn an_open_run_in_other_hands_is_left_alone() {
    let scene = Scene::new().await;
    scene.plan(&one_step("SELECT pg_sleep(600);"));
    let mut command = scene.command(["run", "plan.toml", "--plain"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut first = command.spawn().unwrap();
    scene::wait_for("the first run to be in its step", || {
        let journal = scene.runs().pop()?.join("journal.jsonl");
        std::fs::read_to_string(journal).ok()?.contains("unit_started").then_some(())
    });
    scene
        .type_in("run plan.toml --plain")
        .exits(3)
        .complains("another holdpoint has this database")
        .reads_well();
    scene
        .type_in("resume --plain")
        .exits(3)
        .complains(&format!("in the hands of process {}", first.id()))
        .reads_well();
    scene.type_in("status").exits(0).says(&format!("process {} has it", first.id()));
    let _ = first.kill();
    Said::of(first, "the first run to be gone");
}

/// No terminal mends a value that is missing or a script that can't be run: that is said first.
#[test]
fn what_is_wrong_with_plan_and_words_comes_before_the_terminal() {
    let corner = Corner::new();
    corner.plan(&format!("[vars]\ntenant = {{ ask = \"Which?\" }}\n\n{}", one_step("SELECT :'tenant';")));
    corner.type_in("run plan.toml").exits(2).complains("the plan needs values: --var tenant=").reads_well();
    let said = corner.type_in("run plan.toml --var tenant=x");
    said.exits(2).complains("there is no terminal for the cockpit").reads_well();
    corner.plan(&one_step("SELECT 1; COMMIT;"));
    corner
        .type_in("run plan.toml")
        .exits(2)
        .complains("the plan's scripts can't be run")
        .never_says("terminal");
}

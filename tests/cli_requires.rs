//! `requires = { rehearsal = … }`: evidence is asked for before the window and at its step, and nothing
//! but the evidence will do.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::path::PathBuf;

use common::runs::{Bench, Ran};

/// A plan whose second step asks for its own rehearsal.
async fn bench(keys: &str) -> Bench {
    let bench = Bench::with("CREATE TABLE t (n int);").await;
    bench.file("before.sql", "CREATE TABLE t (n int);");
    write(&bench, keys, "INSERT INTO t VALUES (1);");
    bench
}

fn write(bench: &Bench, keys: &str, sql: &str) {
    bench.plan_with(
        "fixture = \"before.sql\"",
        &format!(
            "[[phase.step]]\nid = \"rehearsed\"\ntitle = \"Rehearsed\"\nrequires = {{ rehearsal = \"p\"{keys} }}\n\n\
             [[phase]]\nid = \"second\"\ntitle = \"Second\"\n\n[[phase.step]]\nid = \"fill\"\ntitle = \"Fill\"\nsql = \"{sql}\"\n\
             needs = [\"rehearsed\"]\nrollback = {{ sql = \"DELETE FROM t\" }}\n"
        ),
    );
}

async fn rehearse(bench: &Bench) -> Ran {
    let state = bench.path("state").display().to_string();
    bench.call(&["rehearse", "plan.toml", "--state-dir", &state]).await
}

fn newest(bench: &Bench) -> PathBuf {
    let entries = std::fs::read_dir(bench.path("state/rehearsals")).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files.pop().unwrap()
}

#[track_caller]
fn refused(ran: &Ran, why: &str) {
    let text = ran.err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(ran.code, 3, "{ran:#?}");
    assert!(text.contains(why), "it doesn't say \"{why}\": {}", ran.err);
    assert!(ran.events.is_empty(), "nothing has begun");
}

#[tokio::test]
async fn a_run_begins_only_with_its_rehearsal() {
    let bench = bench("").await;
    refused(&bench.run().await, "asks for a rehearsal of p that passed; there is none");
    let said = bench.call(&["check", "plan.toml"]).await;
    assert_eq!(said.code, 0, "{said:#?}");
    assert!(said.out.contains("note: step rehearsed"), "{}", said.out);

    let rehearsed = rehearse(&bench).await;
    assert_eq!(rehearsed.code, 0, "{rehearsed:#?}");
    assert!(rehearsed.out.contains("a rehearsal is asked for by a run"), "{}", rehearsed.out);
    let ran = bench.run().await;
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "1");
    // It is in the evidence, expected and got.
    let shown = ran.events.iter().find(|event| event["checkpoint"] == "rehearsed").unwrap();
    assert_eq!(shown["verdict"]["passed"], true);
    assert!(shown["verdict"]["got"].as_str().unwrap().contains("that passed, rollback"), "{shown:#}");
}

#[tokio::test]
async fn what_isnt_the_evidence_is_refused() {
    let bench = bench("").await;
    assert_eq!(rehearse(&bench).await.code, 0);
    for (keys, why) in [
        (", environment = \"staging\"", "it was on the plan's fixture, not on a copy"),
        (", age = \"1ms\"", "it is older than 1ms"),
        (", rollback = \"< 1us\"", "its rollback took"),
        (", passed = [\"gone\"]", "\"gone\" didn't pass in it, or wasn't there"),
        (", residue = \">= 1\"", "its rollbacks left 0 differences"),
    ] {
        write(&bench, keys, "INSERT INTO t VALUES (1);");
        // Of this very text, so that only the key in question is in the way.
        assert_eq!(rehearse(&bench).await.code, 0);
        refused(&bench.run().await, why);
    }
    let good = ", age = \"1h\", rollback = \"<= 15min\", residue = 0, passed = [\"fill\"]";
    write(&bench, good, "INSERT INTO t VALUES (1);");
    refused(&bench.run().await, "the plan or one of its files has changed since then");
    assert_eq!(rehearse(&bench).await.code, 0);

    // Edited, damaged, of a failed one, of another plan's.
    let record = newest(&bench);
    let text = std::fs::read_to_string(&record).unwrap();
    std::fs::write(&record, text.replace("\"rollback_ms\": ", "\"rollback_ms\": 1")).unwrap();
    refused(&bench.run().await, "can't be trusted");
    std::fs::write(&record, &text[..text.len() / 3]).unwrap();
    refused(&bench.run().await, "can't be trusted");
    std::fs::write(&record, &text).unwrap();
    assert_eq!(bench.run().await.code, 0);
}

#[tokio::test]
async fn a_failed_rehearsal_takes_the_evidence_away() {
    let bench = bench("").await;
    assert_eq!(rehearse(&bench).await.code, 0);
    bench.file("before.sql", "CREATE TABLE t (n text CHECK (n = 'never'));");
    assert_eq!(rehearse(&bench).await.code, 1);
    refused(&bench.run().await, "it failed, forward it stops");
}

#[tokio::test]
async fn it_is_looked_for_again_at_its_step() {
    let bench = bench("").await;
    let plan = std::fs::read_to_string(bench.path("plan.toml")).unwrap();
    let ask = "[[phase.step]]\nid = \"ask\"\ntitle = \"Ask\"\nconfirm = \"Ready\"\n\n";
    bench.file("plan.toml", &plan.replacen("[[phase.step]]", &format!("{ask}[[phase.step]]"), 1));
    assert_eq!(rehearse(&bench).await.code, 0);
    let waits = bench.run().await;
    assert_eq!(waits.code, 6, "{waits:#?}");
    std::fs::rename(bench.path("state/rehearsals"), bench.path("away")).unwrap();
    let ran = bench.call(&["resume", "--confirm", "ask=Ann"]).await;
    assert_eq!(ran.code, 6, "{ran:#?}");
    let failed =
        ran.events.iter().find(|event| event["event"] == "step_failed" && event["step"] == "rehearsed");
    assert!(failed.unwrap()["problem"]["message"].as_str().unwrap().contains("there is none"), "{ran:#?}");
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "0");
}

#[tokio::test]
async fn a_demo_doesnt_ask() {
    let bench = bench("").await;
    let state = bench.path("demo").display().to_string();
    let ran = bench.call(&["demo", "plan.toml", "--plain", "--state-dir", &state]).await;
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert!(ran.out.contains("not asked for on a private server"), "{}", ran.out);
}

/// What nobody asked for, and what wasn't run, is taken as given, and proves nothing: the demo ticks what rests on it.
#[tokio::test]
async fn what_a_demo_leaves_open_is_no_proof() {
    let bench = bench("").await;
    let plan = std::fs::read_to_string(bench.path("plan.toml")).unwrap();
    let more = "\n[[phase.step]]\nid = \"outside\"\ntitle = \"Outside\"\ncommand = [\"true\"]\nchanges = false\n\n\
                [[phase.step]]\nid = \"seen\"\ntitle = \"Seen\"\ncheck = \"SELECT 1 FROM pg_class LIMIT 1\"\nexpect = 1\n\n\
                [[phase.step]]\nid = \"list\"\ntitle = \"List\"\nconfirm = [{ item = \"rehearsed\", proof = \"rehearsed\" }, \
                { item = \"outside\", proof = [\"outside\", \"seen\"] }, { item = \"seen\", proof = \"seen\" }, { item = \"where\", proof = \"target\" }]\n";
    bench.file("plan.toml", &format!("{plan}{more}"));
    let state = bench.path("demo").display().to_string();
    let events = bench.path("demo.jsonl");
    let ran = bench
        .call(&[
            "demo",
            "plan.toml",
            "--plain",
            "--state-dir",
            &state,
            "--events",
            &events.display().to_string(),
        ])
        .await;
    ran.exits(0).says("taken as done (not asked for on a private server");
    let lines = std::fs::read_to_string(events).unwrap();
    let events: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let by = |item: &str| {
        let found = events.iter().find(|event| event["event"] == "confirmed" && event["item"] == item);
        found.unwrap_or_else(|| panic!("{item} isn't ticked")).clone()
    };
    assert_eq!(by("rehearsed")["by"]["how"], "demo");
    assert_eq!(by("rehearsed")["proof"][0]["passed"], false);
    assert_eq!(by("rehearsed")["proof"][0]["got"], "not asked for in a demo");
    assert_eq!(
        (&by("outside")["by"]["how"], &by("outside")["proof"][1]["passed"]),
        (&"demo".into(), &true.into())
    );
    assert_eq!(by("seen")["by"]["how"], "proof");
    assert_eq!(
        (&by("where")["by"]["how"], &by("where")["proof"][0]["passed"]),
        (&"demo".into(), &false.into())
    );
}

const STAGING: &str = "\
    [plan]\nid = \"staging-run\"\ntitle = \"Staging\"\nenvironment = \"staging\"\nstepping = \"auto\"\n\n\
    [[phase]]\nid = \"work\"\ntitle = \"Work\"\n\n\
    [[phase.step]]\nid = \"look\"\ntitle = \"Look\"\ncheck = \"SELECT count(*) FROM t\"\nexpect = \">= 0\"\n\n\
    [[phase.step]]\nid = \"ready\"\ntitle = \"Ready\"\nconfirm = \"It is well\"\noptional = true\n";

/// A run on staging, whose state lies in `elsewhere`, and then the plan that asks for it.
async fn after_staging(keys: &str, answers: &[&str]) -> Bench {
    let bench = Bench::with("CREATE TABLE t (n int);").await;
    staging(&bench, answers).await;
    asks_for_run(&bench, keys);
    bench
}

async fn staging(bench: &Bench, answers: &[&str]) -> Ran {
    bench.file("staging.toml", STAGING);
    bench.file("plan.toml", STAGING);
    let mut call = vec!["run"];
    call.extend(answers);
    let ran = bench.call(&call).await;
    std::fs::create_dir_all(bench.path("elsewhere")).unwrap();
    let id = ran.run().to_owned();
    std::fs::rename(bench.path("state").join(&id), bench.path("elsewhere").join(&id)).unwrap();
    ran
}

fn asks_for_run(bench: &Bench, keys: &str) {
    bench.plan(&format!(
        "[[phase.step]]\nid = \"staging\"\ntitle = \"Staging passed\"\nrequires = {{ run = \"staging-run\"{keys} }}\n\n\
         [[phase.step]]\nid = \"fill\"\ntitle = \"Fill\"\nsql = \"INSERT INTO t VALUES (1)\"\nneeds = [\"staging\"]\n\
         rollback = {{ sql = \"DELETE FROM t\" }}\n"
    ));
}

const BRING: [&str; 3] = ["run", "--evidence", "elsewhere"];
const CONFIRMED: [&str; 2] = ["--confirm", "ready=Ann"];

#[tokio::test]
async fn a_run_elsewhere_is_brought_and_stands_in_the_evidence() {
    let keys =
        ", plan = \"staging.toml\", environment = \"staging\", age = \"14d\", passed = [\"work\", \"look\"]";
    let bench = after_staging(keys, &CONFIRMED).await;
    refused(&bench.run().await, "asks for a run of staging-run that passed");
    refused(&bench.run().await, "--evidence");
    let ran = bench.call(&BRING).await;
    ran.exits(0);
    let (passed, got) = ran.verdict("Staging passed");
    assert!(passed && got.contains(" on staging by ") && got.contains("no deviation"), "{got}");
    let report = bench.call(&["report", "--state-dir", "state"]).await;
    assert!(report.out.contains("a run of staging-run that passed"), "{}", report.out);
    // It is kept: whoever goes on later doesn't bring it again. The own run isn't evidence for itself.
    bench.call(&["rollback", ran.run(), "--reason", "test"]).await.exits(4);
    bench.run().await.exits(0);
}

#[tokio::test]
async fn what_isnt_that_run_is_refused() {
    let bench = after_staging("", &CONFIRMED).await;
    // Of another plan's text; each refusal says what, and what to do.
    for (keys, why, todo) in [
        (", environment = \"production\"", "it was on staging", "a run on production"),
        (", age = \"1ms\"", "it is older than 1ms", "run staging-run again there"),
        (", passed = [\"gone\"]", "there is no \"gone\" in it", "again there"),
        (", plan = \"gone.toml\"", "gone.toml can't be read", "put it there"),
    ] {
        asks_for_run(&bench, keys);
        let ran = bench.call(&BRING).await;
        refused(&ran, why);
        refused(&ran, todo);
    }
    asks_for_run(&bench, ", plan = \"staging.toml\"");
    bench.file("staging.toml", &STAGING.replace("Look", "Look again"));
    refused(&bench.call(&BRING).await, "the plan or one of its files is another one now than it was then");
    bench.file("staging.toml", STAGING);
    bench.call(&BRING).await.exits(0);
}

#[tokio::test]
async fn an_edited_or_half_journal_is_no_evidence() {
    let bench = after_staging("", &CONFIRMED).await;
    let run = std::fs::read_dir(bench.path("elsewhere")).unwrap().next().unwrap().unwrap().path();
    let journal = run.join("journal.jsonl");
    let text = std::fs::read_to_string(&journal).unwrap();
    std::fs::write(&journal, text.replacen("\"got\":\"0\"", "\"got\":\"7\"", 1)).unwrap();
    let ran = bench.call(&BRING).await;
    refused(&ran, "is no evidence: line");
    refused(&ran, "one of the two was changed");
    std::fs::write(&journal, &text[..text.len() - 20]).unwrap();
    refused(&bench.call(&BRING).await, "its last line is cut off");
    std::fs::write(&journal, &text).unwrap();
    bench.call(&["run", "--evidence", run.to_str().unwrap()]).await.exits(0);
    // What was brought is looked at again each time.
    let brought = bench.path("state/evidence").join(run.file_name().unwrap()).with_extension("jsonl");
    std::fs::write(&brought, text.replacen("\"got\":\"0\"", "\"got\":\"7\"", 1)).unwrap();
    refused(&bench.run().await, "is no evidence: line");
    let usage = bench.call(&["run", "--evidence", "nowhere"]).await;
    assert_eq!(usage.code, 2, "{usage:#?}");
}

#[tokio::test]
async fn the_newest_run_counts_and_has_to_have_passed() {
    let bench = after_staging("", &CONFIRMED).await;
    bench.call(&BRING).await.exits(0);
    // Then one that waits for somebody, one that stopped, and a step that was left out.
    staging(&bench, &[]).await.exits(6);
    asks_for_run(&bench, "");
    refused(&bench.call(&BRING).await, "it isn't over: it is holding");
    let run = newest_run(&bench);
    bench.file("plan.toml", STAGING);
    std::fs::rename(bench.path("elsewhere").join(&run), bench.path("state").join(&run)).unwrap();
    bench.call(&["resume", &run, "--skip", "ready=nobody is here"]).await.exits(0);
    asks_for_run(&bench, ", passed = [\"ready\"]");
    refused(&bench.run().await, "\"ready\" is skipped in it, not passed");
}

fn newest_run(bench: &Bench) -> String {
    let entries = std::fs::read_dir(bench.path("elsewhere")).unwrap();
    let mut ids: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    ids.sort();
    ids.pop().unwrap()
}

/// What can't be read any more may be the run that failed: it is said, and nothing older stands in for it.
#[tokio::test]
async fn a_journal_that_was_emptied_is_never_passed_over() {
    let bench = after_staging("", &CONFIRMED).await;
    bench.call(&BRING).await.exits(0);
    // A newer one that waits for somebody, here in the state folder.
    staging(&bench, &[]).await.exits(6);
    asks_for_run(&bench, "");
    let newest = newest_run(&bench);
    let here = bench.path("state").join(&newest);
    std::fs::rename(bench.path("elsewhere").join(&newest), &here).unwrap();
    let journal = here.join("journal.jsonl");
    let text = std::fs::read_to_string(&journal).unwrap();
    refused(&bench.run().await, "it isn't over: it is holding");
    for (left, why) in
        [("", "no whole line"), (&text[..40], "no whole line"), ("{\"no\": 1}\n", "missing field")]
    {
        std::fs::write(&journal, left).unwrap();
        let ran = bench.run().await;
        refused(&ran, why);
        refused(&ran, "Its run may be the newest of this plan: put the journal back from a copy");
    }
    std::fs::remove_file(&journal).unwrap();
    refused(&bench.run().await, "it is gone");
    // A run of another plan is no matter; nor is a folder in which nothing has begun.
    let plan = here.join("plan.toml");
    let of_plan = std::fs::read_to_string(&plan).unwrap();
    std::fs::write(&plan, of_plan.replace("staging-run", "another")).unwrap();
    bench.run().await.exits(0);
    std::fs::write(&plan, &of_plan).unwrap();
    refused(&bench.run().await, "it is gone");
    // Brought from elsewhere it is no better.
    std::fs::rename(&here, bench.path("elsewhere").join(&newest)).unwrap();
    refused(&bench.call(&BRING).await, "is no evidence: it is gone");
    std::fs::write(bench.path("elsewhere").join(&newest).join("journal.jsonl"), "").unwrap();
    refused(&bench.call(&BRING).await, "is no evidence: it is empty");
    std::fs::remove_dir_all(bench.path("elsewhere").join(&newest)).unwrap();
    bench.call(&BRING).await.exits(0);
    // What was brought and is damaged since, is.
    let kept = bench.path("state/evidence").join(newest_run(&bench)).with_extension("jsonl");
    let text = std::fs::read_to_string(&kept).unwrap();
    for (left, why) in [("", "no whole line"), (&text[..text.len() - 9], "its last line is cut off")] {
        std::fs::write(&kept, left).unwrap();
        let ran = bench.run().await;
        refused(&ran, why);
        refused(&ran, "bring it again");
    }
    // An older one may be as it is: there is a newer one that passed.
    std::fs::write(&kept, "").unwrap();
    staging(&bench, &CONFIRMED).await.exits(0);
    asks_for_run(&bench, "");
    bench
        .call(&["run", "--evidence", bench.path("elsewhere").join(newest_run(&bench)).to_str().unwrap()])
        .await
        .exits(0);
}

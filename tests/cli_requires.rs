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
    if let Some(home) = std::env::var_os("HOME") {
        // The template of private servers.
        bench.env("XDG_CACHE_HOME", &PathBuf::from(home).join(".cache").display().to_string());
    }
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
        (", residue = \">= 1\"", "its rollbacks left 0 objects"),
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

#[tokio::test]
async fn the_evidence_of_a_run_isnt_built_yet() {
    let bench = bench("").await;
    bench.plan("[[phase.step]]\ntitle = \"After\"\nrequires = { run = \"q\" }\n");
    let ran = bench.run().await;
    assert_eq!(ran.code, 2, "{ran:#?}");
    assert!(ran.err.contains("isn't built yet: `requires`"), "{}", ran.err);
}

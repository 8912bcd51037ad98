//! `command`: programs of the plan, seen from outside.

use std::os::unix::fs::PermissionsExt;

use crate::common::runs::Bench;

fn step(id: &str, keys: &str) -> String {
    format!("\n[[phase.step]]\nid = \"{id}\"\ntitle = \"{id}\"\n{keys}\n")
}

/// A program beside the plan.
fn program(bench: &Bench, name: &str, text: &str) {
    bench.file(name, text);
    std::fs::set_permissions(bench.path(name), std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Whether no process has this in its arguments.
fn nobody_runs(words: &str) -> bool {
    let all = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let mut lines = all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    !lines.any(|line| String::from_utf8_lossy(&line).replace('\0', " ").contains(words))
}

async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let began = std::time::Instant::now();
    while !so() {
        assert!(began.elapsed().as_secs() < 60, "waited for: {what}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

/// Forward and back: values as whole arguments, what it reads, where it stands, what it gives.
#[tokio::test]
async fn a_program_gets_values_and_gives_them() {
    let bench = Bench::with("CREATE TABLE t (v text)").await;
    std::fs::create_dir(bench.path("sub")).unwrap();
    program(
        &bench,
        "show.sh",
        "#!/bin/sh\nprintf '%s|' \"$@\" \"$MORE\" \"$HOLDPOINT_STEP\" \"$(pwd | sed 's,.*/,,')\"\ncat\n",
    );
    bench.plan_with(
        "[vars]\nwho = \"it's; $(touch broken) `touch broken`\"\n",
        &(step(
            "show",
            "command = [\"../show.sh\", \"{who}\", \"two words\"]\ncwd = \"sub\"\nenv = { MORE = \"for {who}\" }\n\
             stdin = \"to {target_database}\"\nsave = \"shown\"\nexpect = { contains = [\"two words|\", \"|show|sub|\"] }\n\
             rollback = { command = [\"tee\", \"undone\"], stdin = \"back\" }",
        ) + &step("keep", "sql = \"INSERT INTO t VALUES (:'shown')\"\nrollback = { sql = \"TRUNCATE t\" }")),
    );
    let ran = bench.run().await;
    ran.exits(0);
    let who = "it's; $(touch broken) `touch broken`";
    let wanted = format!("{who}|two words|for {who}|show|sub|to {}", bench.db);
    assert_eq!(bench.value("SELECT v FROM t").await, wanted, "{ran}");
    assert!(!bench.path("broken").exists() && !bench.path("sub/broken").exists());
    assert_eq!(ran.course("show").iter().filter(|name| **name == "program_ended").count(), 1);
    assert_eq!(ran.last("program_ended")["ending"]["code"], 0);
    assert_eq!(bench.value("SELECT outcome FROM holdpoint.intent WHERE step = 'show'").await, "applied");

    let back = bench.call(&["rollback", ran.run(), "--reason", "test"]).await;
    assert_eq!(std::fs::read_to_string(bench.path("undone")).unwrap(), "back", "{back}");
    assert_eq!(back.last("program_ended")["direction"], "back");
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "0");
}

/// The environment is an allow-list; with `on` there is the connection, and no secret in it.
#[tokio::test]
async fn a_program_knows_what_it_may_know() {
    let bench = Bench::new().await;
    bench.env("PGPASSWORD", "hunter22");
    bench.env("SOME_TOKEN", "sesame");
    bench.env("PATH", &format!("{}:/usr/bin:/bin", bench.server.embedded().bin_dir().display()));
    bench.plan(
        &(step("none", "command = \"env\"\nchanges = false\nsave = \"without\"")
            + &step(
                "on",
                "on = \"target\"\ncommand = \"env; psql -XAtc 'SELECT current_database()'\"\nchanges = false",
            )),
    );
    let ran = bench.run().await;
    ran.exits(0).says(&format!("| {}\n", bench.db));
    assert!(!ran.out.contains("hunter22") && !ran.out.contains("sesame"), "{ran}");
    let without = ran.last("saved")["values"]["without"]["text"].as_str().unwrap_or_default();
    assert!(!without.contains("PGHOST") && without.contains("HOLDPOINT_RUN="), "{without}");
    ran.says("PGPASSFILE=");
    // What changes nothing isn't in the ledger, and doesn't even make it.
    assert_eq!(bench.value("SELECT to_regclass('holdpoint.intent')").await, "");
}

#[tokio::test]
async fn an_exit_code_is_judged() {
    let bench = Bench::new().await;
    bench.plan(
        &(step(
            "grep",
            "command = [\"grep\", \"-c\", \"x\", \"/dev/null\"]\nchanges = false\nexpect = { exit = 1 }",
        ) + &step("bad", "command = \"echo some; echo last >&2; exit 3\"")),
    );
    let ran = bench.run().await;
    ran.exits(6).failed_with("bad", "the command ended with exit code 3, expected exit 0");
    assert!(ran.verdict("runs as the plan expects").0);
    ran.says("a rollback of the run doesn't undo it").says("some").says("last");
    assert_eq!(ran.last("program_ended")["tail"], serde_json::json!(["some", "last"]), "{ran}");
    assert_eq!(bench.value("SELECT outcome FROM holdpoint.intent WHERE step = 'bad'").await, "failed");
}

/// What only looks is asked again on a retry; what has run isn't.
#[tokio::test]
async fn a_retry_runs_again_what_changes_nothing() {
    let bench = Bench::new().await;
    bench.plan(&step(
        "look",
        "command = [\"cat\", \"answer\"]\nchanges = false\nexpect = { contains = \"forty-two\" }",
    ));
    bench.file("answer", "forty-one");
    let ran = bench.run().await;
    ran.exits(6).failed_with("look", "without \"forty-two\"");
    bench.file("answer", "forty-two");
    bench.resume().await.exits(0);

    let bench = Bench::new().await;
    bench.plan(&step("did", "command = \"echo x >> did\"\nexpect = { contains = \"y\" }"));
    bench.run().await.exits(6).says("runs as the plan expects");
    let again = bench.resume().await;
    again.exits(6);
    assert_eq!(std::fs::read_to_string(bench.path("did")).unwrap(), "x\n", "{again}");
}

#[tokio::test]
async fn a_program_that_isnt_there_is_found_before_the_window() {
    let bench = Bench::new().await;
    bench.plan(
        &(step("first", "sql = \"CREATE TABLE t ()\"")
            + &step("gone", "command = [\"no-such-program\", \"x\"]")
            + &step("also", "command = [\"./no-such-file\"]")),
    );
    let ran = bench.run().await;
    ran.exits(3).says("there is no program `no-such-program` in PATH").says("no-such-file");
    assert_eq!(bench.value("SELECT to_regclass('t')").await, "");
    bench
        .call(&["check", "plan.toml"])
        .await
        .exits(0)
        .says_wrapped("step gone: there is no program `no-such-program`");

    // One that only a value names is found when it is its turn.
    bench.plan(&step("late", "command = [\"{artifacts}/none\"]"));
    let ran = bench.run().await;
    ran.exits(6).failed_with("late", "there is no program");
    assert_eq!(ran.last("program_ended")["ending"]["how"], "not_started");
}

#[tokio::test]
async fn a_program_that_hangs_is_ended_with_what_it_started() {
    let bench = Bench::new().await;
    bench.plan(&step(
        "hang",
        "command = \"trap '' TERM; sleep 71234 & echo begun; wait; wait; sleep 71234\"\ntimeout = \"300ms\"",
    ));
    let ran = bench.run().await;
    ran.exits(6).failed_with("hang", "the command didn't end within 300ms").says("begun");
    assert_eq!(ran.last("program_ended")["ending"]["how"], "timed_out");
    until("everything is ended", || nobody_runs("sleep 71234")).await;
}

#[tokio::test]
async fn a_program_is_interrupted_with_the_run() {
    let bench = Bench::new().await;
    bench.plan(&step("long", "command = \"echo begun; sleep 71235\""));
    let mut running = bench.begin(&["run"]);
    bench.until_said("begun").await;
    running.interrupt();
    let ran = running.end().await;
    ran.exits(130);
    assert_eq!(
        ran.last("unit_failed")["problem"]["message"],
        "the command was ended: interrupted by SIGINT",
        "{ran}"
    );
    until("everything is ended", || nobody_runs("sleep 71235")).await;
}

#[tokio::test]
async fn a_flood_grows_neither_memory_nor_journal() {
    let bench = Bench::new().await;
    bench.plan(&step(
        "flood",
        "command = \"yes 0123456789012345678901234567890123456789 | head -c 300000000; head -c 50000000 /dev/zero; echo end\"\n\
         changes = false\nexpect = { contains = \"end\" }",
    ));
    let mut running = bench.begin(&["run"]);
    running.until_event("it has ended", |event| event["event"] == "program_ended").await;
    let peak = running.peak_memory();
    let ran = running.end().await;
    assert!(ran.code == 0 && (peak == 0 || peak < 200), "{peak} MB, exit {}", ran.code);
    assert_eq!(ran.last("program_ended")["bytes"], 350_000_004_u64);
    assert!(ran.out.len() < 4_000_000 && ran.out.contains("more lines"), "{} bytes", ran.out.len());
    assert!(std::fs::metadata(bench.path("events.jsonl")).unwrap().len() < 200_000);
}

/// In a demo a command without a database is shown, and is in the evidence as not run.
#[tokio::test]
async fn a_demo_leaves_programs_out() {
    let bench = Bench::new().await;
    bench.plan(
        &(step("out", "command = [\"touch\", \"touched\", \"no such\"]\nexpect = { exit = 0 }\nrollback = { command = [\"rm\", \"touched\"] }")
            + &step("in", "command = \"echo here\"\ndemo = true\nchanges = false")
            + &step("gone", "command = [\"no-such-program\"]\nchanges = false")),
    );
    let ran = bench.call(&["demo", "plan.toml", "--plain"]).await;
    ran.exits(0).says("not run in a demo or rehearsal: touch touched 'no such'").says("| here");
    assert!(!bench.path("touched").exists());
    let rehearsed = bench.call(&["rehearse", "plan.toml"]).await;
    rehearsed.exits(0);
}

#[tokio::test]
async fn what_others_could_read_is_refused() {
    let bench = Bench::new().await;
    let vars = "[vars]\nkey = { env = \"KEY\", secret = true }\nname = \"x\"\n";
    bench.env("KEY", "sesame-open");
    bench.plan_with(vars, &step("a", "command = [\"echo\", \"{key}\"]"));
    bench.run().await.exits(2).says("the secret `{key}` is an argument, which others can read");
    bench.plan_with(vars, &step("a", "command = \"echo {name}\""));
    bench
        .run()
        .await
        .exits(2)
        .says("would be pasted into the text of a shell")
        .says("env = { NAME = \"{name}\" }");
    bench.plan_with(
        vars,
        &step("a", "command = \"cat; echo ${KEY}\"\nstdin = \"by {key} \"\nenv = { KEY = \"{key}\" }"),
    );
    let ran = bench.run().await;
    ran.exits(0).says("by •••");
    assert!(!ran.out.contains("sesame"), "{ran}");
}

/// After a kill nobody can tell how far it came: the evidence is shown, and a person rules.
#[tokio::test]
async fn after_a_kill_a_person_rules() {
    for (ruled, runs) in [("applied", "x\n"), ("not-applied", "x\nx\n")] {
        let bench = Bench::new().await;
        bench.plan(&step("a", "command = \"echo x >> did; echo half way; test -e go || sleep 71236\""));
        let mut running = bench.begin(&["run"]);
        running.until_event("its intent", |event| event["event"] == "bare_intent").await;
        bench.until_said("| half way").await;
        running.kill();
        let _ = running.end().await;
        until("everything is ended", || nobody_runs("sleep 71236")).await;
        let asked = bench.resume().await;
        asked.exits(5).says("the last it said was: half way").says("how far it came can't be asked");
        bench.file("go", "");
        let ran = bench.call(&["resume", "--rule", &format!("a={ruled}")]).await;
        assert!(matches!(ran.code, 0 | 6), "{ran}");
        if ran.code == 6 {
            bench.resume().await.exits(0);
        }
        assert_eq!(std::fs::read_to_string(bench.path("did")).unwrap(), runs, "{ran}");
    }
}

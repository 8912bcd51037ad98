//! Reports of runs that really were, on a real server.

use serde_json::Value;

use crate::common::runs::{Bench, step};

/// The report of the newest run on this bench.
async fn report(bench: &Bench, format: &str) -> String {
    let state = bench.path("state");
    let ran = bench.call(&["report", "--state-dir", state.to_str().unwrap(), "--format", format]).await;
    ran.exits(0);
    ran.out
}

async fn json(bench: &Bench) -> Value {
    serde_json::from_str(&report(bench, "json").await).unwrap()
}

#[tokio::test]
async fn a_failed_checkpoint_and_then_a_rollback_with_residue() {
    let bench = Bench::with("CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x'), (2, 'y')").await;
    bench.file("a.sql", "INSERT INTO t VALUES (3, 'z'); CREATE TABLE left_behind (n int);");
    let keys = "[[phase.step.checkpoint]]\ntitle = \"All rows\"\nsql = \"SELECT a, b FROM t ORDER BY a\"\n\
                else = \"Call Ann\"\nexpect = { table = [[1, \"x\"], [2, \"why | not\"], [3, \"z\"]] }\n\
                [phase.step.rollback]\nsql = \"DELETE FROM t WHERE a = 3\"\n";
    bench.plan(&step("a", &format!("verify = \"after_commit\"\n{keys}")));
    bench.run().await.exits(6);

    let told = json(&bench).await;
    assert_eq!(told["standing"]["over"], false);
    let result = &told["phases"][0]["steps"][0]["checkpoints"][0]["results"][0];
    assert_eq!(result["passed"], false, "{result}");
    let cell = &result["differences"][0];
    assert_eq!(
        (&cell["row"], &cell["column"], &cell["got"]),
        (&2.into(), &"b".into(), &"\"y\"".into()),
        "{result}"
    );
    let md = report(&bench, "md").await;
    assert!(md.contains("STILL GOING") && md.contains("The plan says: Call Ann"), "{md}");
    assert!(md.contains("<code>why \\| not</code>") || md.contains("why \\| not"), "{md}");
    assert!(md.contains("SELECT a, b FROM t ORDER BY a"), "{md}");

    bench.call(&["rollback", "--reason", "it isn't what we want"]).await.exits(1);
    let told = json(&bench).await;
    assert_eq!((&told["standing"]["over"], &told["standing"]["exit_code"]), (&true.into(), &1.into()));
    let left = &told["rollbacks"][0]["left"];
    let residue: Vec<&str> =
        left["residue"].as_array().unwrap().iter().filter_map(|one| one["object"].as_str()).collect();
    assert!(residue.contains(&"table public.left_behind"), "{residue:?}");
    assert!(left["covers"].as_array().unwrap().contains(&"schema".into()), "{left}");
    assert_eq!(told["rollbacks"][0]["undoes"][0]["came"], "undone");
    assert!(told["rollbacks"][0]["why"].as_str().unwrap().starts_with("it isn't what we want"), "{told}");
    let html = report(&bench, "html").await;
    assert!(html.contains("not as before the first change") && html.contains("public.left_behind"), "{html}");
}

#[tokio::test]
async fn a_report_is_had_while_the_run_goes_on_and_has_no_secret() {
    let bench = Bench::with("CREATE TABLE t (a int)").await;
    bench.env("TOKEN", "hunter2hunter2");
    bench.file("a.sql", "INSERT INTO t SELECT length(:'token');\nSELECT pg_sleep(600);\n");
    let head = "[vars]\ntoken = { env = \"TOKEN\", secret = true }";
    let check = "\n[[phase.step]]\nid = \"look\"\ntitle = \"Look\"\n\
                 check = \"SELECT count(*) FROM t WHERE 'password=topsecret' <> :'token'\"\nexpect = 0\n";
    bench.plan_with(
        head,
        &format!("{check}{}", step("a", "changes = true\nrollback.sql = \"DELETE FROM t\"")),
    );
    let mut running = bench.begin(&["run"]);
    running.until_event("the step's transaction", |event| event["event"] == "unit_started").await;
    let state = bench.path("state");
    for format in ["md", "html", "json"] {
        let args = ["report", "--state-dir", state.to_str().unwrap(), "--format", format];
        let output = bench.command(&args).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{output:?}");
        assert!(!text.contains("hunter2") && !text.contains("topsecret"), "{text}");
        assert!(text.contains("•••"), "{text}");
        assert!(format == "json" || text.contains("STILL GOING"), "{text}");
    }
    running.interrupt();
    running.end().await.exits(130);
}

const REPORTS: &str = "\n[[phase.step]]\nid = \"log\"\ntitle = \"The execution log\"\nreport = \"LOG\"\n\
                       \n[[phase.step]]\nid = \"after\"\ntitle = \"After it\"\ncheck = \"SELECT 1\"\nexpect = 1\n";

#[tokio::test]
async fn a_plan_has_its_evidence_written_and_again_at_the_end() {
    let bench = Bench::with("CREATE TABLE t (a int)").await;
    bench.file("a.sql", "INSERT INTO t VALUES (1);");
    let keys = "[phase.step.rollback]\nsql = \"DELETE FROM t\"\n";
    bench.plan(&format!("{}{}", step("a", keys), REPORTS.replace("LOG", "{artifacts}/night/log.md")));
    let ran = bench.run().await;
    ran.exits(0).says("the evidence so far");
    let written = ran.last("report_written");
    let path = written["artifact"]["path"].as_str().unwrap();
    assert!(path.ends_with("/artifacts/night/log.md"), "{path}");
    let found = || std::fs::read_to_string(path).unwrap();
    // What it said then isn't what it says now, and the journal has the digest of then.
    assert_ne!(
        holdpoint::journal::digest(found().as_bytes()),
        written["artifact"]["digest"].as_str().unwrap()
    );
    assert!(found().contains("done: the plan has been run to its end (exit 0)"), "{}", found());
    assert_eq!(found(), report(&bench, "md").await);
    assert!(found().contains("`log.md`"), "the report names itself: {}", found());

    // The morning after it is rolled back: that is another end.
    let run = written["run"].as_str().unwrap().to_owned();
    bench.call(&["rollback", &run, "--reason", "the morning after"]).await.exits(4);
    assert!(found().contains("the morning after") && found().contains("(exit 4)"), "{}", found());
}

#[tokio::test]
async fn a_report_that_cant_be_written_fails_its_step_and_nothing_else() {
    let bench = Bench::with("CREATE TABLE t (a int)").await;
    bench.plan(&REPORTS.replace("LOG", "../log.md"));
    let ran = bench.run().await;
    ran.exits(6).failed_with("log", "leads out of the run's artifacts");
    bench.call(&["resume", "--end", "enough"]).await.exits(1);

    // Where it was written before, nothing can be written at the end: told, and the run's end stands.
    bench.plan(&format!(
        "{}\n[[phase.step]]\nid = \"sign\"\ntitle = \"Sign\"\nsignoff = \"Lead\"\n",
        REPORTS.replace("LOG", "log.html")
    ));
    let ran = bench.run().await;
    ran.exits(6);
    let path = std::path::PathBuf::from(ran.last("report_written")["artifact"]["path"].as_str().unwrap());
    std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path.parent().unwrap(), "in the way").unwrap();
    let ran = bench.call(&["resume", "--confirm", "sign=Ann"]).await;
    ran.exits(0).says("the report of the whole run isn't in").says("makes it");
    assert_eq!(ran.last("ended")["exit_code"], 0);

    bench.plan(&REPORTS.replace("LOG", "log.doc"));
    bench.call(&["check", "plan.toml"]).await.exits(2).says("a report is a .md, .html or .json file");
}

const READY: &str = "\n[[phase.step]]\nid = \"ready\"\ntitle = \"Ready\"\nconfirm = \"All is well\"\n[[phase.step]]\nid = \"rest\"\n\
     title = \"Rest\"\nsoak = \"{pause}\"\n";

/// What a step has run with is what its time says, not what the last call gave.
#[tokio::test]
async fn every_value_of_a_variable_is_told_with_when() {
    let bench = Bench::new().await;
    bench.plan_with("[vars]\npause = { default = \"10ms\" }\nother = { default = \"one\" }", READY);
    bench.run().await.exits(6);
    bench.call(&["resume", "--var", "pause=20ms", "--confirm", "ready=Ann"]).await.exits(0);
    let told = json(&bench).await;
    let pause: Vec<(&str, &str)> = told["plan"]["var_values"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["name"] == "pause")
        .filter_map(|one| Some((one["value"].as_str()?, one["since"].as_str()?)))
        .collect();
    let sittings = &told["sittings"];
    let since = |at: usize| sittings[at]["from"].as_str().unwrap();
    assert_eq!(pause, [("10ms", since(0)), ("20ms", since(1))]);
    assert_eq!(told["plan"]["vars"]["pause"], "20ms");
    let md = report(&bench, "md").await;
    assert!(md.contains("| `pause` = `10ms` from 20") && md.contains("<br>then `20ms` from 20"), "{md}");
    assert!(md.contains("| `other` = `one` |"), "{md}");
}

/// A table that wasn't there hadn't no rows: it is new, also where others have made it.
#[tokio::test]
async fn tables_that_came_and_went_are_called_so() {
    let bench = Bench::with("CREATE TABLE old AS SELECT 1 AS n; CREATE TABLE emptied AS SELECT 1 AS n").await;
    bench.file("a.sql", "CREATE TABLE made AS SELECT 1 AS n;");
    bench.plan_with(
        "[vars]\npause = { default = \"10ms\" }",
        &format!("{}{READY}", step("a", "irreversible = \"x\"")),
    );
    bench.call(&["run", "--irreversible", "a=test"]).await.exits(6);
    bench
        .sql("DROP TABLE old; DELETE FROM emptied; CREATE TABLE theirs AS SELECT generate_series(1, 3) AS n")
        .await;
    let ran = bench.call(&["resume", "--confirm", "ready=Ann"]).await;
    ran.exits(0);
    for words in
        ["emptied 1 → 0 ▼1", "made    new, 1 row", "old     gone, it had 1 row", "theirs  new, 3 rows"]
    {
        ran.says(words);
    }
    let md = report(&bench, "md").await;
    for row in [
        "| `emptied` | 1 | 0 | ▼1 |",
        "| `made` | no such table | 1 | made |",
        "| `old` | 1 | no such table | dropped |",
        "| `theirs` | no such table | 3 | made |",
    ] {
        assert!(md.contains(row), "no {row} in {md}");
    }
}

/// What was tried in vain took its time too, and what was undone.
#[tokio::test]
async fn the_time_in_steps_is_that_of_all_tries() {
    let bench = Bench::with("CREATE TABLE lever AS SELECT 0 AS n").await;
    bench.file("a.sql", "SELECT pg_sleep(0.2);\nCREATE TABLE t AS SELECT 1 / n AS n FROM lever;\n");
    bench.plan(&step("a", "rollback = { sql = \"SELECT pg_sleep(0.2); DROP TABLE t\" }"));
    bench.run().await.exits(6);
    bench.resume().await.exits(6);
    bench.sql("UPDATE lever SET n = 1").await;
    let ran = bench.resume().await;
    ran.exits(0);
    bench.call(&["rollback", ran.run(), "--reason", "back"]).await.exits(4);
    let told = json(&bench).await;
    let tries = told["phases"][0]["steps"][0]["tries"].as_array().unwrap();
    let took: Vec<u64> = tries.iter().filter_map(|one| one["elapsed_ms"].as_u64()).collect();
    assert_eq!(took.len(), 4, "{tries:?}");
    assert_eq!(told["standing"]["work_ms"].as_u64().unwrap(), took.iter().sum::<u64>(), "{took:?}");
    assert!(took.iter().all(|ms| *ms >= 200), "{took:?}");
}

/// Phases can be asked for in another order than the plan's; who signs ahead of it signs for something else.
#[tokio::test]
async fn a_signature_ahead_of_an_earlier_phase_departs_from_the_plan() {
    let bench = Bench::new().await;
    bench.file("a.sql", "CREATE TABLE t (n int);");
    let close = "\n[[phase]]\nid = \"close\"\ntitle = \"Close\"\n[[phase.step]]\nid = \"accept\"\ntitle = \"Accept\"\n\
                 signoff = \"Owner\"\n";
    for early in [true, false] {
        let _ = std::fs::remove_dir_all(bench.path("state"));
        bench.plan(&format!("{}{close}", step("a", "irreversible = \"x\"")));
        if early {
            bench.call(&["run", "--only", "close", "--confirm", "accept=Ann"]).await.exits(0);
        } else {
            bench.sql("DROP TABLE IF EXISTS t; DROP SCHEMA IF EXISTS holdpoint CASCADE").await;
            bench.call(&["run", "--irreversible", "a=test", "--confirm", "accept=Ann"]).await.exits(0);
        }
        let told = json(&bench).await;
        let deviations = told["deviations"].as_array().unwrap();
        let ahead = "\"Accept\" was signed before what the plan has before it was finished: phase \"Work\" (1 of 1 step \
                     to come)";
        let found = deviations.iter().find(|one| one["what"] == ahead && one["step"] == "accept");
        assert_eq!(found.is_some(), early, "{deviations:#?}");
        bench.call(&["resume", "--end", "enough"]).await;
    }
}

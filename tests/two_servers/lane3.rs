//! The runbook of lane 3: from one server to another one in five calls of one run, and the ways in which it fails.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::common::runs::Ran;
use crate::two::{Two, address};

const KEYS: &str = "issuer-state,wallet-state,recruiter-state,verification-queue";

/// Tables of the target.
const TABLES: &str = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";

/// The shipped plan beside its SQL, with the source as it stands before. Somebody's word stands for the rehearsal
/// where `rehearsed` isn't the subject.
async fn lane3(rehearsed: bool) -> Two {
    let two = Two::new().await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::create_dir_all(two.target.path("sql")).unwrap();
    for file in ["_before.sql", "unload.sql"] {
        std::fs::copy(root.join("migrations/lane3").join(file), two.target.path(&format!("sql/{file}")))
            .unwrap();
    }
    let mut plan = std::fs::read_to_string(root.join("plans/cloud-migration-lane3.toml")).unwrap();
    let mut change = |from: &str, to: &str| {
        assert!(plan.contains(from), "the plan has no {from}");
        plan = plan.replacen(from, to, 1);
    };
    change("../migrations/lane3", "sql");
    if !rehearsed {
        let asked = "  [phase.step.requires]\n  rehearsal   = \"cloud-migration-lane3\"\n  environment = \"staging\"\n  \
                     age         = \"7d\"\n  rollback    = \"<= 15min\"\n  residue     = 0\n";
        change(asked, "confirm = \"It was rehearsed\"\n");
    }
    two.target.file("plan.toml", &plan);
    let answers = std::fs::read_to_string(root.join("plans/answers/cloud-migration-lane3.toml")).unwrap();
    let word = if rehearsed { "" } else { "rehearsed = \"Dana Base\"\n" };
    two.target.file("answers.toml", &answers.replace("[confirm]\n", &format!("[confirm]\n{word}")));
    // As an env file has them; never in the plan.
    std::fs::create_dir_all(two.target.path("env")).unwrap();
    let target = address(&two.target.server, &two.target.db);
    let env = format!(
        "SOURCE_DATABASE_URL={}\nTARGET_DIRECT_URL={target}\nTARGET_POOLER_URL={target}\n\
         REQUIRED_STATE_STORE_KEYS={KEYS}\n",
        address(&two.server, &two.source)
    );
    two.target.file("env/.env.db-migration.local", &env);
    let before = std::fs::read_to_string(two.target.path("sql/_before.sql")).unwrap();
    two.source(&before).await;
    two
}

async fn run(two: &Two, more: &[&str]) -> Ran {
    let answers = two.target.path("answers.toml").display().to_string();
    let mut args = vec!["run", "--answers", &answers];
    args.extend(more);
    two.target.call(&args).await
}

/// As the runbook is carried out: rehearsed on staging, then stage by stage, and back.
#[tokio::test]
async fn it_is_rehearsed_on_staging_and_run_in_five_calls() {
    let two = lane3(true).await;
    run(&two, &[]).await.exits(3).says("asks for a rehearsal of cloud-migration-lane3");
    let staging = two.target.server.fresh_database().await;
    two.target
        .server
        .sql("postgres", &format!("ALTER DATABASE {staging} SET holdpoint.environment = 'staging'"))
        .await;
    let state = two.target.path("state").display().to_string();
    let on = address(&two.target.server, &staging);
    let said = two.target.call(&["rehearse", "plan.toml", "--target", &on, "--state-dir", &state]).await;
    said.exits(0).says("residue      none").says("of the 15:00 allowed").says("procedure: Rollback drill");

    let mut ids = Vec::new();
    for stage in ["preflight", "schema", "backfill", "verify", "gate"] {
        let ran = run(&two, &["--only", stage]).await;
        ran.exits(0);
        ids.push(ran.run().to_owned());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "five calls of one run: {ids:?}");
    let same = "SELECT concat_ws(' ', count(*), sum(score), max(issued_at)) FROM credentials";
    assert_eq!(two.target.value(same).await, two.of_source(same).await);
    let artifacts = two.target.path("artifacts/verify");
    for file in [
        "rowcounts-fast.csv",
        "rowcounts-exact.csv",
        "content.csv",
        "sequences.csv",
        "schema.diff",
        "lane3-gate.md",
    ] {
        assert!(artifacts.join(file).is_file(), "{file}");
    }
    let gate = std::fs::read_to_string(artifacts.join("lane3-gate.md")).unwrap();
    for file in [gate.as_str(), &std::fs::read_to_string(two.target.path("out")).unwrap()] {
        assert!(!file.contains(&address(&two.server, &two.source)), "an address is in what is shown");
    }
    let back = two
        .target
        .call(&[
            "rollback",
            &ids[0],
            "--reason",
            "drill",
            "--procedure",
            "drill",
            "--answers",
            &two.target.path("answers.toml").display().to_string(),
        ])
        .await;
    back.exits(4).says("undone, and nothing is left behind");
    assert_eq!(two.target.value(TABLES).await, "0");
    assert_eq!(two.of_source(TABLES).await, "5");
}

#[tokio::test]
async fn the_same_database_on_both_sides() {
    let two = lane3(false).await;
    two.target.env("SOURCE_DATABASE_URL", &address(&two.target.server, &two.target.db));
    let ran = run(&two, &[]).await;
    ran.exits(3).says("source and target are the same database");
    assert!(ran.all("step_started").is_empty(), "{ran}");
    assert_eq!(ran.last("ended")["exit_code"], 3);
    assert_eq!(two.target.value("SELECT to_regnamespace('holdpoint') IS NULL").await, "t");
    report_says(&two, &ran, "source and target are the same database").await;
}

#[tokio::test]
async fn a_target_that_isnt_empty_and_a_missing_key() {
    let two = lane3(false).await;
    two.target.sql("CREATE TABLE left_over (n int)").await;
    let ran = run(&two, &[]).await;
    ran.exits(1).says("an earlier try? Roll it back before another");
    assert_eq!(ran.verdict("no table in public"), (false, "1 row"));
    assert_eq!(two.target.value(TABLES).await, "1");
    report_says(&two, &ran, "The target holds tables").await;
    // The same target once it is empty; and a key that the source never had.
    two.target.sql("DROP TABLE left_over").await;
    let ran = run(&two, &["--var", &format!("required_keys={KEYS},escrow-state")]).await;
    ran.exits(1);
    let (passed, _) = ran.verdict("every required key is present");
    assert!(!passed, "{ran}");
    assert_eq!(ran.last("ended")["exit_code"], 1);
    assert!(ran.course("release-gate").is_empty(), "nobody is asked to sign: {ran}");
    report_says(&two, &ran, "escrow-state").await;
}

#[tokio::test]
async fn a_changed_row_and_a_source_that_goes_in_the_middle() {
    let two = lane3(false).await;
    for stage in ["preflight", "schema", "backfill", "verify"] {
        run(&two, &["--only", stage]).await.exits(0);
    }
    two.source_is_open(false).await;
    let ran = run(&two, &["--only", "gate"]).await;
    ran.exits(7).says("the source can't be asked");
    assert_eq!(two.target.value(TABLES).await, "5");
    two.source_is_open(true).await;
    // One byte, while nobody looked: the counts are the same.
    two.target
        .sql("UPDATE credentials SET document = '{\"n\": 7, \"title\": \"Credential 8\"}' WHERE id = 7")
        .await;
    let ran = run(&two, &["--only", "gate"]).await;
    ran.exits(1);
    assert!(ran.verdict("Rowcounts, exact").0, "{ran}");
    let (passed, got) = ran.verdict("Content");
    assert!(!passed && got.contains("credentials, id = 7"), "{got}");
    assert!(ran.course("release-gate").is_empty(), "{ran}");
    report_says(&two, &ran, "credentials, id = 7").await;
}

#[tokio::test]
async fn a_pg_dump_that_is_older_than_the_server() {
    let two = lane3(false).await;
    let folder = two.target.path("old");
    std::fs::create_dir(&folder).unwrap();
    let program = folder.join("pg_dump");
    std::fs::write(&program, "#!/bin/sh\necho 'pg_dump (PostgreSQL) 11.22'\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let said = two.target.call(&["check", "plan.toml", "--online"]).await;
    said.exits(0).says("source: ").says("pooler: ");
    let path = std::env::var("PATH").unwrap_or_default();
    two.target.env("PATH", &format!("{}:{path}", folder.display()));
    let said = two.target.call(&["check", "plan.toml", "--online"]).await;
    said.exits(3).says("pg_dump 11.22, which is older than the source");
    let ran = run(&two, &[]).await;
    ran.exits(3).says("which is older than the source");
    assert!(ran.events.is_empty(), "nothing has begun");
    assert_eq!(two.target.value("SELECT to_regnamespace('holdpoint') IS NULL").await, "t");
}

/// The evidence of the run has it.
async fn report_says(two: &Two, ran: &Ran, words: &str) {
    let state = two.target.path("state").display().to_string();
    let said = two.target.call(&["report", ran.run(), "--state-dir", &state]).await;
    said.exits(0).says_wrapped(words);
}

/// `pg_restore` as it is, but for one section, which fails in the middle.
fn broken(two: &Two, section: &str) {
    let folder = two.target.path("broken");
    std::fs::create_dir_all(&folder).unwrap();
    let text = format!(
        "#!/bin/sh\ncase \"$*\" in *--section={section}*) echo 'pg_restore: error: could not execute query: out of shared memory' >&2; exit 1;; esac\n\
         PATH=${{PATH#*:}} exec pg_restore \"$@\"\n"
    );
    std::fs::write(folder.join("pg_restore"), text).unwrap();
    std::fs::set_permissions(folder.join("pg_restore"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    two.target.env("PATH", &format!("{}:{path}", folder.display()));
}

#[tokio::test]
async fn a_load_that_fails_stops_the_stages() {
    let two = lane3(false).await;
    broken(&two, "post-data");
    let ran = run(&two, &[]).await;
    ran.exits(1).says("out of shared memory");
    assert_eq!(two.target.value(TABLES).await, "5");
    assert_eq!(two.of_source(TABLES).await, "5");
    assert_eq!(ran.last("step_failed")["step"], "load-post", "{ran}");
    assert!(ran.course("exact").is_empty() && ran.course("release-gate").is_empty(), "{ran}");
    // What a program says may be rows: on production the evidence has how it ended, and the terminal the rest.
    report_says(&two, &ran, "the command ended with exit code 1").await;
    // What stands is undone, and the next try begins with an empty target.
    let back =
        two.target.call(&["rollback", ran.run(), "--reason", "again", "--answers", &answers(&two)]).await;
    back.exits(4);
    assert_eq!(two.target.value(TABLES).await, "0");
    two.target.env("PATH", &std::env::var("PATH").unwrap_or_default());
    run(&two, &[]).await.exits(0);
}

fn answers(two: &Two) -> String {
    two.target.path("answers.toml").display().to_string()
}

#[tokio::test]
async fn a_no_go_stops_it_and_a_drill_that_fails_is_tried_again() {
    let two = lane3(false).await;
    let text = std::fs::read_to_string(two.target.path("answers.toml")).unwrap();
    let signed = text.lines().find(|line| line.starts_with("\"Release gate\"")).expect("its signature");
    let declined =
        "\"Release gate\" = { by = \"Rel Ease\", accept = false, note = \"the pooler isn't warm\" }";
    two.target.file("answers.toml", &text.replace(signed, declined));
    let ran = run(&two, &[]).await;
    ran.exits(1).says("NO-GO").says("the pooler isn't warm");
    assert_eq!(two.target.value(TABLES).await, "5");
    assert_eq!(ran.last("signed")["accepted"], false, "{ran}");
    report_says(&two, &ran, "the pooler isn't warm").await;

    // Nothing may be dropped here just now.
    two.target
        .sql(
            "CREATE SCHEMA guard; CREATE FUNCTION guard.no() RETURNS event_trigger LANGUAGE plpgsql AS \
              $$ BEGIN RAISE EXCEPTION 'nothing is dropped today'; END $$; \
              CREATE EVENT TRIGGER no_drops ON ddl_command_start WHEN TAG IN ('DROP TABLE', 'DROP VIEW') EXECUTE FUNCTION guard.no()",
        )
        .await;
    let drill = [
        "rollback",
        ran.run(),
        "--procedure",
        "drill",
        "--reason",
        "no-go",
        "--despite",
        "a drill",
        "--answers",
    ];
    let given = answers(&two);
    let words: Vec<&str> = drill.into_iter().chain([given.as_str()]).collect();
    let back = two.target.call(&words).await;
    back.exits(6).says("nothing is dropped today");
    assert_eq!(two.target.value(TABLES).await, "5", "{back}");
    report_says(&two, &ran, "nothing is dropped today").await;
    two.target.sql("DROP EVENT TRIGGER no_drops; DROP SCHEMA guard CASCADE").await;
    two.target.call(&["resume", "--answers", &given]).await.exits(4);
    assert_eq!(two.target.value(TABLES).await, "0");
    assert_eq!(two.of_source(TABLES).await, "5");
}

/// The runbook has no watch; a team that adds one, of the source, is stopped by it as by anything else.
#[tokio::test]
async fn a_watch_of_the_source_that_breaches_stops_it() {
    let two = lane3(false).await;
    let plan = std::fs::read_to_string(two.target.path("plan.toml")).unwrap();
    let phase = "title = \"Backfill\"\n";
    assert!(plan.contains(phase));
    let watch = "\n  [[phase.watch]]\n  id     = \"writes\"\n  title  = \"Nobody writes to the source\"\n  on     = \"source\"\n  \
                 every  = \"50ms\"\n  sql    = \"SELECT count(*) FROM credentials\"\n  expect = 0\n";
    two.target.file("plan.toml", &plan.replacen(phase, &format!("{phase}{watch}"), 1));
    let ran = run(&two, &[]).await;
    ran.exits(6).says("Nobody writes to the source");
    assert_eq!(ran.last("watch_breached")["watch"], "writes", "{ran}");
    assert!(ran.course("load-post").is_empty() || ran.course("exact").is_empty(), "{ran}");
    report_says(&two, &ran, "\"Nobody writes to the source\" is breached").await;
    two.target
        .call(&["rollback", ran.run(), "--reason", "again", "--answers", &answers(&two)])
        .await
        .exits(4);
    assert_eq!(two.target.value(TABLES).await, "0");
}

/// What the plan asks of its surroundings is what the example names, and nothing secret is in it or can get in.
#[test]
fn the_example_of_its_surroundings_names_all_and_has_no_secret() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let example = std::fs::read_to_string(root.join("plans/env/.env.db-migration.example")).unwrap();
    let set: Vec<(&str, &str)> = example
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .collect();
    let plan = std::fs::read_to_string(root.join("plans/cloud-migration-lane3.toml")).unwrap();
    let asked = plan.split("env ").filter_map(|rest| rest.trim_start().strip_prefix('=')?.split('"').nth(1));
    let mut asked: Vec<&str> = asked.collect();
    let mut named: Vec<&str> = set.iter().map(|(name, _)| *name).collect();
    asked.sort_unstable();
    named.sort_unstable();
    assert_eq!(named, asked);
    for (name, value) in set.iter().filter(|(name, _)| name.ends_with("_URL")) {
        let user = value.strip_prefix("postgres://").and_then(|rest| rest.split('@').next());
        assert_eq!(user, Some("USER"), "{name}: a role alone, and no password: {value}");
        assert!(value.ends_with("sslmode=require"), "{name}: {value}");
    }
    // The file that is filled in is never committed.
    let ignored = std::process::Command::new("git")
        .args(["check-ignore", "--no-index", "--quiet", "plans/env/.env.db-migration.local"])
        .current_dir(root)
        .status();
    assert!(ignored.unwrap().success(), "it isn't in .gitignore");
}

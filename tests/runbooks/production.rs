//! The production promotion: not without a passed run on staging, with a backup that restores, a ramp that
//! watches a service at work, and ways back for a part and for all of it.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::book::Book;
use crate::scene::Said;
use crate::scene::corner::Corner;

/// Schemas of the promotion, and what the audit trail has.
pub const STATE: &str = "SELECT concat_ws(' ', \
    (SELECT count(*) FROM pg_namespace WHERE nspname IN ('eng', 'vh', 'views')), \
    (SELECT count(*) FROM pg_class WHERE relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('eng', 'vh', 'views')) AND relkind IN ('r', 'v')), \
    (SELECT count(*) FROM audit.change_log), (SELECT count(*) FROM audit.migration_log))";
pub const BEFORE: &str = "0 0 0 5";
const AFTER: &str = "3 6 14 7";
const FLAG: &str = "SELECT coalesce(max(rollout), 0) FROM audit.service_logs";

/// What the plan asks of staging, each step of which may be tried by itself here.
const STAGING: &str = r#"
[plan]
id          = "week2-staging"
title       = "Staging"
environment = "staging"
stepping    = "auto"

[[phase]]
title = "All of it"
"#;
const PASSED: [&str; 9] =
    ["m013", "m014", "m015", "m016", "m017", "sixteen", "integrity-data", "isolation", "go"];

/// The plan in a repository, with what it finds there.
async fn plain() -> Book {
    let book = Book::of("production-promotion", "production").await;
    let settings: [&[&str]; 3] = [
        &["init", "--quiet"],
        &["config", "user.name", "A. Operator"],
        &["config", "user.email", "operator@example.com"],
    ];
    for args in settings {
        let done = Command::new("git").args(args).current_dir(book.scene.folder.path()).status().unwrap();
        assert!(done.success(), "git {args:?}");
    }
    book.scene.file("plans/ops/audit/2025-09-22.md", "every script ran\n");
    // Proven by its list, but where it is about that: a private server for each run takes time.
    book.plan("verify = \"restore\"", "verify = \"list\"");
    book
}

/// The same, after a run on staging whose folder was brought here as `elsewhere`.
pub async fn production() -> Book {
    let book = plain().await;
    let steps: String = PASSED
        .iter()
        .map(|id| format!("\n[[phase.step]]\nid = \"{id}\"\ntitle = \"{id}\"\ncheck = \"SELECT count(*) FROM pg_class\"\nexpect = \">= 1\"\n"))
        .collect();
    book.scene.file("plans/week2-staging.toml", format!("{STAGING}{steps}"));
    book.scene.type_in("run plans/week2-staging.toml --plain --state-dir elsewhere").exits(0);
    book
}

/// What is said where this isn't the real production.
pub fn here(book: &Book) -> String {
    let config = book.scene.server.config(&book.scene.database);
    let given = config.libpq_environment();
    let of =
        |name: &str| given.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone()).unwrap();
    format!(
        "--var prod_db={} --var prod_host={} --var prod_user={} --var set_flag=production/set-flag --var archiving=off \
         --var hold_10=100ms --var hold_50=100ms",
        of("PGDATABASE"),
        of("PGHOST"),
        of("PGUSER"),
    )
}

fn run(book: &Book) -> Said {
    book.run(&format!("{} --evidence elsewhere", here(book)))
}

const NOTICE: &str = "--var issue=a-drill --var impact=none --var eta=soon --var action=none";

pub fn script(book: &Book, name: &str, text: &str) {
    let path = book.scene.file(name, format!("#!/bin/sh\n{text}\n"));
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_demo_ramps_to_a_hundred_percent() {
    let corner = Corner::new();
    let said = Said::by(corner.command("demo production-promotion --plain"));
    said.exits(0)
        .says("restored into a private server")
        .says("INGEST_ROLLOUT_PERCENTAGE = 100")
        .says("got error 42501: permission denied for table")
        .says("tables 6 → 10");
    corner.is_clean();
}

#[tokio::test]
async fn it_is_rehearsed() {
    plain().await.rehearse().exits(0).says("residue none").says("rows of all 6 tables");
}

#[tokio::test]
async fn it_is_promoted_and_taken_back() {
    let book = production().await;
    book.plan("verify = \"list\"", "verify = \"restore\"");
    let said = run(&book);
    said.exits(0).says("a run of week2-staging that passed").says("restored into a private server");
    assert_eq!(book.value(STATE).await, AFTER);
    assert_eq!(book.value(FLAG).await, "100");
    let ci = book.scene.path("plans/.github/workflows/boundary-check.yml");
    assert!(std::fs::read_to_string(&ci).unwrap().starts_with("name: Boundary Enforcement\n"));
    assert_eq!(book.verdict("rls-denied")["passed"], true);
    let signed = book.scene.events_named("signed");
    assert_eq!(signed.len(), 4, "{signed:?}");
    // Where to recover to, were it needed: in the evidence.
    assert_eq!(book.verdict("pitr")["passed"], true);
    let saved = book.scene.events_named("saved");
    let noted = saved.iter().find_map(|event| event["values"]["recovery_lsn"]["text"].as_str()).unwrap();
    let ahead = format!("SELECT pg_lsn '{noted}' BETWEEN '0/1' AND pg_current_wal_lsn()");
    assert_eq!(book.value(&ahead).await, "t");
    book.report(0).says("Point-in-time recovery is configured").says(noted);
    let run = book.scene.events()[0]["run"].as_str().unwrap().to_owned();
    // What the service has taken in since is somebody's: it isn't thrown away without a word.
    book.rollback(&run).exits(3).says("310 rows written to vh.ingest_runs since would be lost");
    book.rollback(&format!("{run} --despite a-drill")).exits(4);
    let back = book.scene.events_named("rollback_ended").pop().unwrap();
    assert!(back["residue"].as_array().is_none_or(Vec::is_empty), "{back}");
    assert_eq!((book.value(STATE).await.as_str(), book.value(FLAG).await.as_str()), (BEFORE, "0"));
    assert!(!ci.exists(), "the workflow went with its rollback");
}

#[tokio::test]
async fn without_the_evidence_of_staging_it_doesnt_begin() {
    let book = production().await;
    let refused = |book: &Book, why: &str| {
        run(book).exits(3).says(why);
        assert!(book.scene.events().is_empty());
    };
    book.run(&here(&book)).exits(3).says("there is none here").says("--evidence");
    let asked = "age         = \"14d\"";
    book.plan(asked, "age         = \"1ms\"");
    refused(&book, "it is older than 1ms");
    book.plan("age         = \"1ms\"", asked);
    book.plan("environment = \"staging\"", "environment = \"dev\"");
    refused(&book, "it was on staging");
    book.plan("environment = \"dev\"", "environment = \"staging\"");
    book.plan("\"isolation\", \"go\"]", "\"isolation\", \"go\", \"rollback\"]");
    refused(&book, "there is no \"rollback\" in it");
    book.plan(", \"rollback\"]", "]");
    let staging = book.scene.path("plans/week2-staging.toml");
    let text = std::fs::read_to_string(&staging).unwrap();
    std::fs::write(&staging, text.replace("All of it", "Nearly all of it")).unwrap();
    refused(&book, "the plan or one of its files is another one now than it was then");
    std::fs::write(&staging, &text).unwrap();
    // Edited where it was kept.
    let kept = book.scene.path("state/evidence");
    let kept = std::fs::read_dir(kept).unwrap().next().unwrap().unwrap().path();
    let journal = std::fs::read_to_string(&kept).unwrap();
    std::fs::write(&kept, journal.replacen("\"step\":\"m013\"", "\"step\":\"m014\"", 1)).unwrap();
    book.run(&here(&book)).exits(3).says("is no evidence: line").says("bring it again");
    std::fs::write(&kept, journal).unwrap();
    assert!(!book.is_changed().await);
    run(&book).exits(0);
}

#[tokio::test]
async fn a_backup_that_lists_and_doesnt_restore_stops_it() {
    let mut book = production().await;
    book.plan("verify = \"list\"", "verify = \"restore\"");
    let real = std::fs::read_dir("/usr/lib/postgresql").unwrap().next().unwrap().unwrap().path().join("bin");
    for entry in std::fs::read_dir(&real).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if name == "pg_dump" {
            let cut = "for a in \"$@\"; do case \"$a\" in --file=*) file=${a#--file=};; esac; done\n\
                       case \"$1\" in --version) exec REAL \"$@\";; esac\nREAL \"$@\" || exit 1\n\
                       truncate -s -3000 \"$file\"";
            script(&book, "programs/pg_dump", &cut.replace("REAL", entry.path().to_str().unwrap()));
        } else {
            std::fs::create_dir_all(book.scene.path("programs")).unwrap();
            std::os::unix::fs::symlink(entry.path(), book.scene.path("programs").join(name)).unwrap();
        }
    }
    book.env.push(("HOLDPOINT_PG_BIN", book.scene.path("programs").display().to_string()));
    run(&book).exits(6).says("the backup doesn't restore").says("there is no backup");
    assert_eq!(
        book.scene.problem()["consequence"],
        "there is no backup: a half one is never left under its name"
    );
    assert!(!book.is_changed().await);
    assert_eq!(book.value(STATE).await, BEFORE);
    let report = book.scene.type_in("report --state-dir state");
    report.exits(0).says("the backup doesn't restore");
}

#[tokio::test]
async fn a_sign_off_that_is_declined_leaves_the_ways_back() {
    let book = production().await;
    book.answers(
        "\"Security Team\"    = \"Sam Secure\"",
        "\"Security Team\"    = { by = \"Sam Secure\", accept = false, note = \"one role too many\" }",
    );
    run(&book).exits(6).says("one role too many");
    assert_eq!((book.value(STATE).await.as_str(), book.value(FLAG).await.as_str()), (AFTER, "100"));
    let report = book.scene.type_in("report --state-dir state");
    report.says("Security Team").says("one role too many");
    // A part of it: refused while the ramp rests on it, then the ramp, then the hub, by their own rollbacks.
    let part = |component: &str| {
        book.rollback(&format!("--procedure partial --var component={component} {NOTICE} --reason drill"))
    };
    part("vh").exits(3).says("which was applied later, needs \"vh-");
    assert_eq!(book.value(FLAG).await, "100", "nothing was done");
    part("ramp").exits(6).says("Rolling back due to a-drill").says("undone: 100 %");
    assert_eq!((book.value(STATE).await.as_str(), book.value(FLAG).await.as_str()), (AFTER, "0"));
    part("vh").exits(6);
    assert_eq!(book.value("SELECT to_regnamespace('vh') IS NULL").await, "t");
    assert_eq!(book.value("SELECT count(*) FROM eng.strategic_directives_v2").await, "60");
}

#[tokio::test]
async fn a_service_that_doesnt_stop_is_killed_and_nothing_is_restored_over_it() {
    let book = production().await;
    script(&book, "plans/ops/stop", "trap '' TERM\nsleep 1234 &\necho stopping\nwait\nsleep 1234");
    book.plan(
        "command = [\"systemctl\", \"stop\", \"ehg-ingest\"]\ntimeout = \"1min\"",
        "command = [\"ops/stop\"]\ntimeout = \"300ms\"",
    );
    book.plan(
        "expect = 0\n\n[[phase.step]]\nid        = \"signed\"",
        "expect = -1\n\n[[phase.step]]\nid        = \"signed\"",
    );
    run(&book).exits(6);
    let back = || book.rollback(&format!("--procedure immediate {NOTICE} --reason drill"));
    back().exits(6).says("300ms").says("stop it by hand before anything is restored");
    assert_eq!(book.value(STATE).await, AFTER, "nothing was restored");
    let left = Command::new("pgrep").args(["-f", "sleep 1234"]).output().unwrap();
    assert!(left.stdout.is_empty(), "what it had started is gone: {left:?}");
    script(&book, "plans/ops/stop", "echo stopped");
    let said = book.resume("");
    said.says("the schema is that of the backup").says("the version from before the promotion");
    assert_eq!((book.value(STATE).await.as_str(), book.value(FLAG).await.as_str()), (BEFORE, "0"));
    assert_eq!(book.verdict("restore/restored")["passed"], true);
    said.exits(6);
}

#[tokio::test]
async fn a_rollback_that_fails_is_tried_again() {
    let book = production().await;
    book.plan(
        "expect = 0\n\n[[phase.step]]\nid        = \"signed\"",
        "expect = -1\n\n[[phase.step]]\nid        = \"signed\"",
    );
    run(&book).exits(6).says("Zero errors in production logs");
    book.scene.sql("CREATE VIEW public.of_ventures AS SELECT id FROM vh.ventures").await;
    book.rollback("").exits(6).says("undoing \"vh-migrations\" failed").says("of_ventures");
    // The flags, the workflow and the hub's view are gone, the hub's tables as far as they could be.
    assert_eq!(book.value(FLAG).await, "0");
    assert_eq!(
        book.value("SELECT to_regclass('vh.ingest_runs') IS NULL AND to_regclass('vh.ventures') IS NOT NULL")
            .await,
        "t"
    );
    assert_eq!(book.scene.problem()["sqlstate"], "2BP01");
    book.scene.sql("DROP VIEW public.of_ventures").await;
    book.rollback("").exits(4);
    assert_eq!(book.value(STATE).await, BEFORE);
}

#[tokio::test]
async fn an_analyst_who_can_read_the_table_stops_it() {
    let book = production().await;
    book.and_then(
        "db/migrations/vh/103_vh_read_governance.sql",
        "GRANT SELECT ON eng.strategic_directives_v2 TO analyst_ro; GRANT INSERT ON eng.strategic_directives_v2 TO vh_app;",
    );
    run(&book).exits(6).says("No cross-boundary writes").says("expected 0 rows, got 1 row");
    book.resume("--override boundary=look-further").exits(6);
    let verdict = book.verdict("rls-denied");
    assert_eq!((&verdict["passed"], &verdict["got"]), (&false.into(), &"1 row".into()), "{verdict}");
    assert_eq!(book.value(FLAG).await, "0", "the ramp doesn't begin");
}

#[tokio::test]
async fn a_migration_that_raises_an_error_stops_the_promotion() {
    let book = production().await;
    book.and_then("db/migrations/vh/103_vh_read_governance.sql", "SELECT 1/0;");
    run(&book).exits(6).says("division by zero").says("103_vh_read_governance.sql");
    assert_eq!(book.scene.problem()["sqlstate"], "22012");
    // Phase 1 stands, and so do the files of the glob before this one.
    assert_eq!(book.value("SELECT count(*) FROM eng.strategic_directives_v2").await, "60");
    assert_eq!(book.value("SELECT to_regclass('vh.ventures') IS NOT NULL").await, "t");
    assert_eq!(book.value(FLAG).await, "0", "the ramp doesn't begin");
    let told = book.report(6);
    told.step("eng-policies", "verified").step("vh-migrations", "failed").step("ramp-10", "pending");
    told.says("division by zero").says("103_vh_read_governance.sql:");
    book.rollback("").exits(4);
    assert_eq!(book.value(STATE).await, BEFORE);
    book.report(4).step("eng-migrations", "undone");
}

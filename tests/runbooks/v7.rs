//! The V7 database phase: approvals before anything, policies as the runbook has them, and an emergency.

use std::process::Command;

use crate::book::Book;
use crate::scene::Said;
use crate::scene::corner::Corner;

/// V7 tables and views, V7 columns of file_audit, enums.
const STATE: &str = "SELECT concat_ws(' ', \
    (SELECT count(*) FROM pg_class WHERE relname LIKE 'v7\\_%' AND relkind IN ('r', 'v')), \
    (SELECT count(*) FROM information_schema.columns WHERE table_name = 'file_audit' AND column_name LIKE 'v7\\_%'), \
    (SELECT count(*) FROM pg_type WHERE typtype = 'e'))";
const BEFORE: &str = "0 0 48";
const AFTER: &str = "8 4 12";
/// What some columns say, in small letters.
const VALUES: &str = "SELECT md5(string_agg(lower(concat_ws(' ', processing_status, curation_status, sync_state)), ',' ORDER BY id)) FROM domains";

/// The archive of the state before needs a repository around the plan.
fn repository(book: &Book) {
    let settings: [&[&str]; 3] = [
        &["init", "--quiet"],
        &["config", "user.name", "A. Operator"],
        &["config", "user.email", "operator@example.com"],
    ];
    for args in settings {
        let done = Command::new("git").args(args).current_dir(book.scene.folder.path()).status().unwrap();
        assert!(done.success(), "git {args:?}");
    }
}

/// The plan where somebody's word stands for the rehearsal: what a test breaks wouldn't rehearse.
async fn v7() -> Book {
    let book = Book::of("v7-database-phase", "v7").await;
    book.plan(
        "requires = { rehearsal = \"v7-database-phase\", age = \"7d\", residue = 0 }",
        "confirm = \"It was rehearsed\"",
    );
    book.answers("[confirm]\n", "[confirm]\nrehearsed = \"D. Beam\"\n");
    repository(&book);
    book
}

#[test]
fn the_demo_consolidates_48_enums() {
    let corner = Corner::new();
    let said = Said::by(corner.command("demo v7-database-phase --plain"));
    said.exits(0).says("enums 48 → 12").says("tables 17 → 22");
    corner.is_clean();
}

#[tokio::test]
async fn it_is_rehearsed() {
    let book = Book::of("v7-database-phase", "v7").await;
    repository(&book);
    book.rehearse().exits(0).says("residue none").says("rows of all 17 tables");
    book.run("").exits(0);
    assert_eq!(book.value(STATE).await, AFTER);
}

#[tokio::test]
async fn it_runs_to_its_end_and_the_emergency_takes_all_of_it_back() {
    let book = v7().await;
    let values = book.value(VALUES).await;
    book.run("").exits(0);
    assert_eq!(book.value(STATE).await, AFTER);
    assert_eq!(book.value(VALUES).await, values);
    // The state before is in version control: schema, enums, dependencies as text and picture, timings.
    let mut git = Command::new("git");
    git.args(["ls-files"]).current_dir(book.scene.folder.path());
    let kept = Said::by(git);
    for file in ["schema.sql", "enums.csv", "dependencies.dot", "dependencies.svg", "timings.csv"] {
        kept.says(&format!("artifacts/v7/before/{file}"));
    }
    assert_eq!(book.value("SELECT processing_status FROM domains ORDER BY id LIMIT 1").await, "processing");
    let run = book.scene.events()[0]["run"].as_str().unwrap().to_owned();
    // The root cause is written before the run can end.
    book.answers("notes.\"5 Root cause\" = \"see the incident\"\n", "");
    let said = book.rollback(&format!("{run} --procedure emergency --despite a-drill"));
    said.exits(6).says("5 Root cause");
    assert_eq!(book.value(STATE).await, BEFORE);
    book.answers(
        "[confirm.aftermath]\nby = \"D. Beam\"\n",
        "[confirm.aftermath]\nby = \"D. Beam\"\nnotes.\"5 Root cause\" = \"a drill\"\n",
    );
    book.resume("").exits(4);
    assert_eq!(book.value(STATE).await, BEFORE);
    assert_eq!(book.value(VALUES).await, values);
    assert_eq!(book.value("SELECT processing_status FROM domains ORDER BY id LIMIT 1").await, "PROCESSING");
    let noted = book.scene.events_named("confirmed");
    assert!(noted.iter().any(|event| event["note"] == "a drill"), "{noted:?}");
}

#[tokio::test]
async fn without_its_rehearsal_it_doesnt_begin() {
    let book = Book::of("v7-database-phase", "v7").await;
    book.run("").exits(3).says("asks for a rehearsal of v7-database-phase");
    assert!(!book.is_changed().await);
}

#[tokio::test]
async fn nothing_changes_when_the_architect_declines() {
    let book = v7().await;
    book.answers(
        "\"The Architect\" = { by = \"A. Rchitect\", note = \"in writing, 2025-08-02\" }",
        "\"The Architect\" = { by = \"A. Rchitect\", accept = false, note = \"not before the audit\" }",
    );
    book.run("").exits(6).says("not before the audit");
    // In this order: the two before had signed.
    let signed = book.scene.events_named("signed");
    let roles: Vec<&str> = signed
        .iter()
        .filter(|event| event["step"] == "execution-approval")
        .map(|event| event["role"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ["DB Team Lead", "Test Sentinel", "The Architect"]);
    let told = book.report(6);
    told.step("execution-approval", "failed").step("s1", "pending").says("not before the audit");
    assert!(!book.is_changed().await);
    assert_eq!(book.value(STATE).await, BEFORE);
}

#[tokio::test]
async fn a_table_that_cant_be_made_stops_the_run() {
    let book = v7().await;
    book.script(
        "V7_Migration_Tables.sql",
        "REFERENCES v7_migration_workflow (phase_number),\n  mitigation",
        "REFERENCES v7_migration_workflow (owner),\n  mitigation",
    );
    book.run("").exits(1).says("STOP, investigate, potentially roll back");
    let problem = book.scene.problem();
    assert_eq!(problem["place"]["file"], "V7_Migration_Tables.sql", "{problem}");
    // Sections 1 and 3 stand, and nothing after them was begun.
    assert_eq!(book.value(STATE).await, "2 0 48");
    let told = book.report(1);
    told.step("s1", "verified").says("V7_Migration_Tables.sql:").says("STOP, investigate");
    let run = book.scene.events()[0]["run"].as_str().unwrap().to_owned();
    book.rollback(&run).exits(4);
    assert_eq!(book.value(STATE).await, BEFORE);
}

#[tokio::test]
async fn a_table_that_is_there_already_is_found_before_the_approvals() {
    let book = v7().await;
    book.scene.sql("CREATE VIEW v7_of_somebody AS SELECT 1 AS n").await;
    book.run("").exits(6).says("2 and 4.1 No V7 tables exist").says("document and escalate to The Architect");
    assert!(!book.is_changed().await);
    book.report(6).step("no-v7", "unverified").step("s1", "pending").says("| `0 rows` | `1 row` |");
}

#[tokio::test]
async fn an_index_that_fails_is_recorded_and_the_run_goes_on() {
    let book = v7().await;
    book.scene.sql("CREATE INDEX idx_v7_file_audit_layer ON file_audit (layer)").await;
    book.run("").exits(0).says("idx_v7_file_audit_layer isn't there");
    let accepted = book.scene.events_named("step_accepted").pop().unwrap();
    let reason = accepted["reason"].as_str().unwrap();
    assert!(reason.contains("Index creation fails: continue, but document for a later fix"), "{reason}");
    let deviations = book.scene.events_named("deviation");
    assert!(deviations.iter().any(|event| event["step"] == "s7"), "{deviations:?}");
    book.report(0).step("s7", "accepted").says("Index creation fails: continue");
    // The other five are there.
    assert_eq!(book.value("SELECT count(*) FROM pg_indexes WHERE indexname LIKE 'idx\\_v7\\_%'").await, "6");
    assert_eq!(book.value(STATE).await, AFTER);
}

#[tokio::test]
async fn an_alter_that_fails_stops_at_once() {
    let book = v7().await;
    book.scene.sql("ALTER TABLE file_audit ADD COLUMN v7_assessed_at date").await;
    book.run("").exits(1).says("STOP immediately, assess data integrity");
    assert_eq!(book.scene.problem()["sqlstate"], "42701");
    assert_eq!(book.value("SELECT count(*) FROM file_audit").await, "80");
    book.report(1).step("s2", "failed").says("SQLSTATE: 42701").says("STOP immediately");
    // The column of somebody else is still alone there.
    assert_eq!(book.value(STATE).await, "8 1 48");
}

#[tokio::test]
async fn an_enum_with_a_label_that_isnt_mapped_stops_before_any_column_moves() {
    let book = v7().await;
    book.scene.sql("ALTER TYPE domainsyncstate ADD VALUE 'LOST'").await;
    book.run("").exits(1).says("Every duplicate is mapped, label by label");
    assert_eq!(book.verdict("mapped")["passed"], false);
    let told = book.report(1);
    told.step("mapped", "unverified").step("canonical", "pending").says("label by label isn't as expected");
    assert_eq!(book.value(STATE).await, "8 4 48");
}

#[tokio::test]
async fn what_was_built_on_it_stops_the_emergency_and_nothing_is_half_gone() {
    let book = v7().await;
    book.run("").exits(0);
    let run = book.scene.events()[0]["run"].as_str().unwrap().to_owned();
    book.scene.sql("CREATE VIEW phases_of_others AS SELECT * FROM v7_migration_workflow").await;
    book.rollback(&format!("{run} --procedure emergency --despite others-built-on-it"))
        .exits(6)
        .says("phases_of_others");
    assert_eq!(book.value(STATE).await, AFTER);
    let told = book.report(6);
    told.step("s9", "failed").step("s1", "verified").says("phases_of_others");
    let messages = told.record["messages"].as_array().unwrap();
    assert_eq!(messages.last().unwrap()["to"], serde_json::json!(["The Architect", "DB Team Lead"]));
    book.scene.sql("DROP VIEW phases_of_others").await;
    book.resume("").exits(4);
    assert_eq!(book.value(STATE).await, BEFORE);
}

#[tokio::test]
async fn what_cant_be_archived_isnt_approved() {
    let book = v7().await;
    std::fs::remove_dir_all(book.scene.path(".git")).unwrap();
    book.run("").exits(6).says("5 Archive the current state in version control");
    assert!(!book.is_changed().await);
    let told = book.report(6);
    told.step("archive", "failed").says("! exit code 128");
    assert_eq!(told.record["programs"][0]["ending"]["code"], 128);
}

/// The runbook has no watch; a team that adds one is stopped by it as by anything else.
#[tokio::test]
async fn a_watch_that_breaches_stops_the_infrastructure() {
    let book = v7().await;
    let plan = std::fs::read_to_string(book.scene.path("plans/v7-database-phase.toml")).unwrap();
    let phase = plan.find("\nid         = \"infrastructure\"").expect("the phase") + 1;
    let watch = "\n  [[phase.watch]]\n  id     = \"makes\"\n  title  = \"Nobody makes tables\"\n  every  = \"20ms\"\n  \
                 sql    = \"SELECT count(*) FROM pg_class WHERE relname = 'v7_migration_workflow'\"\n  expect = 0\n  on_failure = \"stop\"\n\n";
    let steps = phase + plan[phase..].find("[[phase.step]]").unwrap();
    book.plan(&plan[phase..steps], &format!("{}{watch}", &plan[phase..steps]));
    book.run("").exits(1).says("Nobody makes tables");
    let breach = book.scene.events_named("watch_breached").pop().unwrap();
    assert_eq!(breach["watch"], "makes");
    assert_eq!(breach["verdict"]["got"], "1");
    assert_ne!(book.value(STATE).await, AFTER, "the rest waits");
    let told = book.report(1);
    told.step("validated", "pending").says("\"Nobody makes tables\" is breached");
    assert_eq!(told.record["watches"][0]["id"], "makes");
    let run = book.scene.events()[0]["run"].as_str().unwrap().to_owned();
    book.rollback(&run);
    assert_eq!(book.value(STATE).await, BEFORE);
}

//! Migration Phase A (Kochel): the one plan whose guards name a server that isn't a test's.

use crate::book::Book;

/// The plan, aimed at the test's own database.
async fn kochel() -> Book {
    let book = Book::of("kochel-phase-a", "kochel").await;
    book.plan(
        "database = \"postgres\"\nhost     = \"db.dedlbzhpgkmetvhbkyzq.supabase.co\"\nport     = 5432\n",
        "",
    );
    book.plan("db_name = \"postgres\"", "db_name = \"is not null\"");
    book
}

/// What the rollback must give back.
const BEFORE: &str = "SELECT (SELECT count(*) FROM strategic_directives_v2) || ' ' || \
    (SELECT title FROM strategic_directives_v2 WHERE id = 'SD-VISION-TRANSITION-001') || ' ' || \
    (SELECT count(*) FROM leo_interfaces) || ' ' || (to_regclass('lifecycle_stage_config') IS NULL)";

#[tokio::test]
async fn it_runs_to_its_end_and_all_the_way_back() {
    let book = kochel().await;
    let before = book.value(BEFORE).await;
    book.run("").exits(0);
    let ended = book.ended();
    assert_eq!(ended["summary"]["checkpoints_failed"], 0);
    assert_eq!(ended["summary"]["deviations"], 0);
    assert_eq!(book.value("SELECT count(*) FROM lifecycle_stage_config").await, "25");
    let run = book.scene.events()[0]["run"].as_str().unwrap().to_owned();
    book.rollback(&run).exits(4);
    let back = book.scene.events_named("rollback_ended").pop().unwrap();
    assert!(back["residue"].as_array().is_none_or(Vec::is_empty), "{back}");
    assert_eq!(book.value(BEFORE).await, before);
}

#[tokio::test]
async fn elsewhere_it_is_refused_and_on_production_too() {
    let book = Book::of("kochel-phase-a", "kochel").await;
    book.run("").exits(3);
    assert!(!book.is_changed().await);
    let book = kochel().await;
    // PROD has no test SDs.
    book.scene
        .sql(
            "UPDATE strategic_directives_v2 SET title = 'Real work ' || id WHERE title ILIKE '%test%'; \
              DELETE FROM strategic_directives_v2 WHERE id LIKE 'SD-TEST-%'",
        )
        .await;
    book.run("").exits(3).says("2.1.2 This is DEV (not PROD)").says("STOP and verify the environment");
    assert!(!book.is_changed().await);
}

#[tokio::test]
async fn a_migration_that_raises_an_error_leaves_what_was_before_it() {
    let book = kochel().await;
    book.and_then("20251209_kochel_crewai_contracts.sql", "SELECT 1/0;");
    book.run("").exits(6).says("division by zero").says("20251209_kochel_crewai_contracts.sql");
    assert_eq!(book.scene.problem()["sqlstate"], "22012");
    assert_eq!(
        book.value("SELECT count(*) FROM leo_interfaces WHERE prd_id = 'KOCHEL-INTEGRATION'").await,
        "0"
    );
    assert_eq!(book.value("SELECT count(*) FROM lifecycle_stage_config").await, "25");
    let told = book.report(6);
    told.step("quality", "verified").step("contracts", "failed").step("verify-stages", "pending");
    told.says("division by zero").says("SQLSTATE: 22012").says("20251209_kochel_crewai_contracts.sql:");
    book.rollback("").exits(4);
    assert_eq!(book.value("SELECT to_regclass('lifecycle_stage_config') IS NULL").await, "t");
    book.report(4).step("stages", "undone").step("contracts", "failed").says("✓ Residue");
}

#[tokio::test]
async fn twenty_four_stages_arent_twenty_five() {
    let book = kochel().await;
    book.and_then(
        "20251206_lifecycle_stage_config.sql",
        "DELETE FROM lifecycle_stage_config WHERE stage_number = 25;",
    );
    book.run("").exits(6).says("Checkpoint 1: 25 stages").says("expected 25, got 24");
    let verdict = book.verdict("checkpoint-1");
    assert_eq!((&verdict["passed"], &verdict["got"]), (&false.into(), &"24".into()));
    // Asked before COMMIT: nothing is applied.
    assert_eq!(book.value("SELECT to_regclass('lifecycle_stage_config') IS NULL").await, "t");
    book.report(6).step("stages", "failed").says("| `25` | `24` |");
}

#[tokio::test]
async fn a_prerequisite_that_is_missing_is_found_before_anything_changes() {
    let book = kochel().await;
    book.scene.sql("ALTER TABLE strategic_directives_v2 DROP COLUMN metadata CASCADE").await;
    book.run("").exits(6).says("2.3.1 strategic_directives_v2 has the required columns").says("got 3 rows");
    assert!(!book.is_changed().await);
    let told = book.report(6);
    told.step("prerequisites", "unverified").step("authorization", "pending").says("Nothing was measured");
    book.resume("--end x").exits(1);
}

#[tokio::test]
async fn without_the_chairman_nothing_changes() {
    let book = kochel().await;
    book.answers(
        "[sign.authorization]\nChairman = \"C. Hair\"",
        "[sign.authorization]\nChairman = { by = \"C. Hair\", accept = false, note = \"not this week\" }",
    );
    book.run("").exits(6).says("not this week");
    assert!(!book.is_changed().await);
    let signed = book.scene.events_named("signed").pop().unwrap();
    assert_eq!(signed["accepted"], false, "{signed}");
    let told = book.report(6);
    told.step("authorization", "failed").says("not this week");
    assert_eq!(told.record["signatures"][0]["accepted"], false);
}

#[tokio::test]
async fn a_rollback_that_fails_leaves_its_step_applied_and_can_be_tried_again() {
    let book = kochel().await;
    book.run("").exits(0);
    let run = book.scene.events()[0]["run"].as_str().unwrap().to_owned();
    // Somebody has built on a table that the rollback drops: without CASCADE that has to stop it.
    book.scene.sql("CREATE VIEW stages_of_others AS SELECT * FROM lifecycle_stage_config").await;
    let said = book.rollback(&format!("{run} --despite others-built-on-it"));
    said.exits(6).says("stages_of_others");
    assert_eq!(book.value("SELECT count(*) FROM lifecycle_stage_config").await, "25");
    assert_eq!(
        book.value("SELECT count(*) FROM leo_interfaces WHERE prd_id = 'KOCHEL-INTEGRATION'").await,
        "0"
    );
    let told = book.report(6);
    told.step("contracts", "undone").step("stages", "undo failed").says("stages_of_others");
    assert_eq!(told.record["rollbacks"][0]["left"], serde_json::Value::Null);
    book.scene.sql("DROP VIEW stages_of_others").await;
    book.rollback("").exits(4);
    book.report(4).step("stages", "undone");
    assert_eq!(book.value("SELECT to_regclass('lifecycle_stage_config') IS NULL").await, "t");
}

/// The runbook has no watch; a team that adds one is stopped by it as by anything else.
#[tokio::test]
async fn a_watch_that_breaches_stops_between_two_migrations() {
    let book = kochel().await;
    let phase = "title = \"3.2 Migration execution, in this exact order\"\n";
    let watch = "\n  [[phase.watch]]\n  id     = \"ventures\"\n  title  = \"Nobody registers stages\"\n  every  = \"50ms\"\n  \
                 sql    = \"SELECT count(*) FROM pg_class WHERE relname = 'lifecycle_stage_config'\"\n  expect = 0\n  \
                 else   = \"Somebody works against the migration: find out who\"\n";
    book.plan(phase, &format!("{phase}{watch}"));
    // The first migration makes what the watch doesn't want to see; the second takes long enough to be watched.
    book.and_then("20251206_vision_transition_parent_orchestrator.sql", "SELECT pg_sleep(1);");
    book.run("").exits(6).says("Nobody registers stages").says("Somebody works against the migration");
    let breach = book.scene.events_named("watch_breached").pop().unwrap();
    assert_eq!((&breach["watch"], &breach["verdict"]["got"]), (&"ventures".into(), &"1".into()));
    // What was under way is whole, and nothing after it has begun.
    assert_eq!(book.value("SELECT count(*) FROM lifecycle_stage_config").await, "25");
    assert_eq!(
        book.value("SELECT count(*) FROM leo_interfaces WHERE prd_id = 'KOCHEL-INTEGRATION'").await,
        "0"
    );
    let told = book.report(6);
    told.step("stages", "verified").step("contracts", "pending").says("a watch was breached");
    assert_eq!(told.record["watches"][0]["breaches"][0]["got"], "1");
    book.rollback("").exits(4);
    book.report(4).step("stages", "undone");
    assert_eq!(book.value("SELECT to_regclass('lifecycle_stage_config') IS NULL").await, "t");
}

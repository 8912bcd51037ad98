//! The staging validation of Week 2: 43 tables become 59, and every check of it can fail.

use crate::book::Book;
use crate::scene::Said;
use crate::scene::corner::Corner;

const OWN_SIZE: &str = "--var smallest=5MB --var largest=50MB";

/// Tables, foreign keys, policies, functions of the database.
const COUNTS: &str = "SELECT concat_ws(' ', \
    (SELECT count(*) FROM pg_tables WHERE schemaname = 'public'), \
    (SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace), \
    (SELECT count(*) FROM pg_policies WHERE schemaname = 'public'), \
    (SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace))";
const WEEK_1: &str = "43 42 18 2";
const WEEK_2: &str = "59 97 38 14";

/// The plan where somebody's word stands for the rehearsal: what a test breaks wouldn't rehearse.
async fn week2() -> Book {
    let book = Book::of("week2-staging", "week2").await;
    book.plan("requires = { rehearsal = \"week2-staging\", age = \"7d\" }", "confirm = \"It was rehearsed\"");
    book.answers("[confirm]\n", "[confirm]\nrehearsed = \"Dana Base\"\n");
    book
}

#[test]
fn the_demo_passes_sixteen_of_sixteen() {
    let corner = Corner::new();
    let said = Said::by(corner.command("demo week2-staging --plain"));
    said.exits(0)
        .says("16 of 16 checkpoints passed")
        .says("59 tables")
        .says("expected 5 steps verified within 5s");
    for migration in ["013", "014", "015", "016", "017"] {
        assert!(said.out.contains(&format!("Migration {migration}")), "{said}");
    }
    corner.is_clean();
}

#[tokio::test]
async fn it_is_rehearsed_run_and_taken_back() {
    let book = Book::of("week2-staging", "week2").await;
    book.plan("takes  = \"400ms..500ms\"", "takes  = \"1h..2h\"");
    // Not without its rehearsal: that is found before anything begins.
    book.run(OWN_SIZE).exits(3).says("asks for a rehearsal of week2-staging");
    assert!(!book.is_changed().await);
    book.rehearse().exits(0).says("residue none").says("rows of all 43 tables");
    let before = book.value(COUNTS).await;
    assert_eq!(before, WEEK_1);
    let said = book.run(OWN_SIZE);
    said.exits(0).says("expected {tables_before} + 16 (59), got 59").says("expected >= 82, got 97");
    assert_eq!(book.value(COUNTS).await, WEEK_2);
    // Faster than the runbook thought: that is reported, and fails nothing.
    let deviations = book.scene.events_named("deviation");
    assert!(deviations.iter().any(|event| event["step"] == "m013"), "{deviations:?}");
    let run = book.scene.events()[0]["run"].as_str().unwrap().to_owned();
    book.rollback(&run).exits(4);
    let back = book.scene.events_named("rollback_ended").pop().unwrap();
    assert!(back["residue"].as_array().is_none_or(Vec::is_empty), "{back}");
    assert_eq!(book.value(COUNTS).await, WEEK_1);
}

/// Option 1 of the runbook: the backup of the morning, which the run has proven.
#[tokio::test]
async fn the_recommended_way_back_is_the_mornings_backup() {
    let book = week2().await;
    book.scene.sql("CREATE ROLE auditor; GRANT SELECT ON workspaces TO auditor").await;
    book.run(OWN_SIZE).exits(0).says("restored into a private server");
    assert_eq!(book.value(COUNTS).await, WEEK_2);
    // What somebody did since is gone with it, and that is said.
    book.scene.sql("UPDATE workspaces SET name = 'renamed since'; CREATE TABLE of_others (n int)").await;
    let run = book.scene.events()[0]["run"].as_str().unwrap().to_owned();
    let said = book.rollback(&format!("{run} --procedure restore --despite validation-failed"));
    said.exits(4).says("restores").says("43 tables");
    assert_eq!(book.value(COUNTS).await, WEEK_1);
    assert_eq!(book.value("SELECT count(*) FROM workspaces WHERE name = 'renamed since'").await, "0");
    assert_eq!(book.value("SELECT has_table_privilege('auditor', 'workspaces', 'SELECT')").await, "t");
    // The ledger isn't the backup's: it knows the migrations and the way back.
    let ledger = "SELECT string_agg(DISTINCT step, ' ' ORDER BY step) FROM holdpoint.ledger";
    assert_eq!(book.value(ledger).await, "m013 m014 m015 m016 m017 restored");
    assert_eq!(book.verdict("restored/restored")["passed"], true);
}

/// On the database of Week 1 none of the sixteen may pass.
#[tokio::test]
async fn each_of_the_sixteen_checks_can_fail() {
    let book = week2().await;
    let plan = std::fs::read_to_string(book.scene.path("plans/week2-staging.toml")).unwrap();
    let begins = plan.find("[[phase.step]]\nid         = \"sixteen\"").unwrap();
    let step = &plan[begins..];
    let ends = step[1..].find("[[phase.step]]").unwrap();
    book.scene.plan(&format!("[[phase]]\ntitle = \"Alone\"\n\n{}", &step[..=ends]));
    book.scene.run("").exits(6);
    let results = book.scene.events_named("checkpoint_result");
    let verdicts: Vec<bool> =
        results.iter().map(|event| event["verdict"]["passed"].as_bool().unwrap()).collect();
    assert_eq!(verdicts, [false; 16]);
}

#[tokio::test]
async fn a_migration_that_raises_an_error_stops_there() {
    let book = week2().await;
    book.and_then("015_create_agent_registry.sql", "DO $$ BEGIN RAISE EXCEPTION 'no agents today'; END $$;");
    book.run(OWN_SIZE).exits(6).says("no agents today").says("015_create_agent_registry.sql");
    // 013 and 014 stand, and nothing of 015.
    assert_eq!(book.value(COUNTS).await, "51 72 28 5");
    assert_eq!(book.scene.problem()["sqlstate"], "P0001");
    let told = book.report(6);
    told.step("m014", "verified").step("m015", "failed").step("sixteen", "pending").says("no agents today");
    book.rollback("").exits(4);
    assert_eq!(book.value(COUNTS).await, WEEK_1);
}

#[tokio::test]
async fn a_warning_fails_a_migration_that_succeeds() {
    let book = week2().await;
    book.and_then(
        "013_create_positioning_campaigns.sql",
        "DO $$ BEGIN RAISE WARNING 'look at this'; END $$;",
    );
    book.run(OWN_SIZE).exits(6).says("expected warnings 0 warnings, got warnings 1 warning");
    assert_eq!(book.value(COUNTS).await, WEEK_1);
    book.report(6).step("m013", "failed").says("warnings 1 warning");
}

#[tokio::test]
async fn another_state_than_week_1_is_found_before_anything_changes() {
    let book = week2().await;
    book.scene.sql("CREATE TABLE forty_fourth (n int)").await;
    book.run(OWN_SIZE).exits(6).says("expected tables 43").says("got tables 44");
    assert!(!book.is_changed().await);
    let verdict = book.verdict("table-count");
    assert_eq!((&verdict["expected"], &verdict["got"]), (&"43".into(), &"44".into()));
    book.report(6).step("initial", "unverified").says("| `43` | `44` |").says("Nothing was measured");
    // The size of the real staging is what counts where nobody says otherwise.
    let book = week2().await;
    book.run("").exits(6).says("(230MB..260MB)");
    assert!(!book.is_changed().await);
}

#[tokio::test]
async fn a_migration_that_makes_one_index_less_isnt_applied() {
    let book = week2().await;
    book.script(
        "016_create_intelligence_system.sql",
        "CREATE INDEX IF NOT EXISTS idx_intelligence_signals_agent        ON intelligence_signals (agent_id);\n",
        "",
    );
    book.run(OWN_SIZE).exits(6).says("indexes 12").says("got").says("indexes 11");
    assert_eq!(book.value("SELECT to_regclass('market_insights') IS NULL").await, "t");
}

#[tokio::test]
async fn rows_that_a_policy_should_hide_fail_the_validation() {
    let book = week2().await;
    book.script(
        "013_create_positioning_campaigns.sql",
        "ALTER TABLE campaigns            ENABLE ROW LEVEL SECURITY;\n",
        "",
    );
    book.run(OWN_SIZE).exits(6);
    // First the look at the catalog; where somebody overrides that, the rows themselves.
    assert_eq!(book.verdict("enforced")["passed"], false);
    book.resume("--override integrity-data=look-further").exits(6);
    assert_eq!(book.verdict("isolation")["passed"], false);
    assert_eq!(book.verdict("isolation-write")["passed"], false);
    assert_eq!(book.verdict("triggers")["passed"], true);
    assert_eq!(book.value("SELECT count(*) FROM campaigns").await, "0", "a probe leaves nothing");
}

#[tokio::test]
async fn a_no_go_is_followed_by_the_way_back() {
    let book = week2().await;
    book.answers(
        "\"Backend Lead\"   = \"Ben Endt\"",
        "\"Backend Lead\"   = { by = \"Ben Endt\", accept = false, note = \"the app fails\" }",
    );
    book.run(OWN_SIZE)
        .exits(6)
        .says("NO-GO")
        .says("the app fails")
        .says("NO-GO: validation failed, roll back");
    assert_eq!(book.value(COUNTS).await, WEEK_2);
    let told = book.report(6);
    told.step("go", "failed").says("NO-GO").says("the app fails").says("NO-GO: validation failed, roll back");
    book.rollback("").exits(4);
    assert_eq!(book.value(COUNTS).await, WEEK_1);
}

#[tokio::test]
async fn a_rollback_that_fails_is_tried_again() {
    let book = week2().await;
    book.answers(
        "\"Backend Lead\"   = \"Ben Endt\"",
        "\"Backend Lead\"   = { by = \"Ben Endt\", accept = false }",
    );
    book.run(OWN_SIZE).exits(6);
    // DROP FUNCTION has no CASCADE in the plan: what others built on it stops it.
    book.scene
        .sql("CREATE VIEW rates AS SELECT id, calculate_move_success_rate(id) AS rate FROM workspaces")
        .await;
    book.rollback("").exits(6).says("calculate_move_success_rate");
    // 017 to 015 are undone, 014 is as it was.
    assert_eq!(book.value(COUNTS).await, "51 72 28 5");
    let told = book.report(6);
    told.step("m015", "undone").step("m014", "undo failed").step("m013", "verified").says("calculate_move");
    book.scene.sql("DROP VIEW rates").await;
    book.rollback("").exits(4);
    assert_eq!(book.value(COUNTS).await, WEEK_1);
}

#[tokio::test]
async fn a_watch_that_breaches_stops_the_migrations() {
    let book = week2().await;
    // No database has fewer than none.
    book.plan("expect = \"<= 3\"", "expect = \"< 0\"");
    book.run(OWN_SIZE).exits(6).says("Sessions waiting for a lock");
    assert!(!book.scene.events_named("watch_breached").is_empty());
    assert_ne!(book.value(COUNTS).await, WEEK_2, "the rest waits");
    let told = book.report(6);
    told.says("a watch was breached").says("| `< 0` | `0` |");
    assert_eq!(told.record["watches"][0]["id"], "lock-waits");
    assert_eq!(told.record["watches"][0]["breaches"][0]["got"], "0");
    book.rollback("");
    assert_eq!(book.value(COUNTS).await, WEEK_1);
}

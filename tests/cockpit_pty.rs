//! The cockpit in a real terminal, on a real PostgreSQL.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::process::Stdio;

use common::pty::Pty;
use common::runs::Bench;
use nix::sys::signal::Signal;

/// The program in a terminal, on the bench's database.
fn cockpit(bench: &Bench, args: &[&str], columns: u16, lines: u16) -> Pty {
    let environment = bench.server.config(&bench.db).libpq_environment();
    let environment: Vec<(String, String)> =
        environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let state = bench.path("state").display().to_string();
    let args: Vec<&str> = args.iter().copied().chain(["--state-dir", &state]).collect();
    Pty::start(&args, &bench.path(""), &environment, columns, lines)
}

const MANUAL: &str = "\n[[phase.step]]\nid = \"one\"\ntitle = \"First\"\nsql = \"CREATE TABLE one (n int)\"\n\
    rollback = { sql = \"DROP TABLE one\" }\n\
    \n[[phase.step]]\nid = \"two\"\ntitle = \"Second\"\nsql = \"CREATE TABLE two AS SELECT 1 AS n\"\nverify = \"after_commit\"\n\
    rollback = { sql = \"DROP TABLE two\" }\n\
    \n[[phase.step.checkpoint]]\ntitle = \"two rows\"\nsql = \"SELECT count(*) FROM two\"\nexpect = 2\n";

/// Two changes; the checkpoint of the second fails.
async fn failing() -> Bench {
    let bench = Bench::new().await;
    let plan = format!(
        "[plan]\nid = \"p\"\ntitle = \"Test\"\nenvironment = \"dev\"\nstepping = \"manual\"\n\n[[phase]]\ntitle = \"Work\"\n{MANUAL}"
    );
    bench.file("plan.toml", &plan);
    bench
}

#[test]
fn kochel_is_stepped_through_by_keys() {
    let home = tempfile::tempdir().unwrap();
    let environment = [("HOME".to_owned(), home.path().display().to_string())];
    let mut pty = Pty::start(&["demo"], home.path(), &environment, 120, 36);
    // The first frame doesn't wait for the server.
    pty.until_says("OPENING");
    pty.walk();
    let screen = pty.until_says("✓ DONE");
    assert!(screen.contains("100 %"), "{screen}");
    pty.keys("Q");
    assert_eq!(pty.end(), 0, "{}", pty.text());
    // What stays behind, on the normal screen, with a cursor.
    let left = pty.text();
    assert!(!pty.is_alternate() && !pty.hides_cursor(), "{left}");
    assert!(
        left.contains("checkpoints") && left.contains("deviations") && left.contains("journal: "),
        "{left}"
    );
}

#[tokio::test]
async fn a_failed_checkpoint_is_rolled_back_by_the_button() {
    let bench = failing().await;
    let mut pty = cockpit(&bench, &["run", "plan.toml"], 120, 36);
    pty.until_says("go: \"First\"");
    pty.keys("\r");
    pty.until_says("go: \"Second\"");
    pty.keys("\r");
    let screen = pty.until("the failure is held, with the way back", |text| {
        text.contains("CHECKPOINT FAILED") && text.contains("R ROLL BACK 2 steps")
    });
    assert!(screen.contains("two rows"), "{screen}");
    // Enter on the question cancels: the focus is there.
    pty.keys("R");
    pty.until_says("Roll back everything");
    let screen = pty.until("what runs, and what is lost", |text| {
        text.contains("DROP TABLE one") && text.contains("two has as many rows as then")
    });
    assert!(screen.find("DROP TABLE two") < screen.find("DROP TABLE one"), "{screen}");
    assert!(screen.contains("never rehearsed") && screen.contains("loses data"), "{screen}");
    // Figures behind the question go on moving.
    bench
        .value(
            "WITH new AS (INSERT INTO two SELECT generate_series(1, 7) RETURNING n) SELECT count(*) FROM new",
        )
        .await;
    pty.until_says("7 rows written to two since would be lost");
    pty.keys("\r");
    pty.until("the question is closed", |text| !text.contains("Roll back everything"));
    // Another size, with the question open.
    pty.keys("R");
    pty.until_says("Roll back everything");
    pty.resize(90, 30);
    // What is cut off at the right edge is only there again once it is drawn for that size.
    pty.until("the smaller screen", |text| {
        text.contains("Roll back everything") && text.lines().nth(1).is_some_and(|l| l.contains("you drive"))
    });
    pty.keys("\u{1b}[Zonly one row\r\t\r");
    pty.until_says("ROLLED BACK");
    assert_eq!(bench.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").await, "0");
    pty.keys("Q");
    assert_eq!(pty.end(), 4, "{}", pty.text());
    assert!(pty.text().contains("as it was before"), "{}", pty.text());
}

#[tokio::test]
async fn a_run_that_was_killed_is_taken_up_again_in_the_cockpit() {
    let bench = failing().await;
    let mut pty = cockpit(&bench, &["run", "plan.toml"], 120, 36);
    pty.until_says("go: \"First\"");
    pty.keys("\r");
    pty.until_says("go: \"Second\"");
    pty.signal(Signal::SIGKILL);
    pty.end();
    let mut pty = cockpit(&bench, &["resume"], 80, 24);
    let screen = pty.until_says("go: \"Second\"");
    assert!(screen.contains("✓ First"), "{screen}");
    // Left at a safe point, in order.
    pty.keys("Q");
    pty.until_says("Leave now");
    pty.keys("\t\r");
    assert_eq!(pty.end(), 6, "{}", pty.text());
    assert!(pty.text().contains("to go on: holdpoint resume"), "{}", pty.text());
}

/// Whatever ends the program gives the terminal back, and the run can be taken up again.
#[tokio::test]
async fn signals_stop_at_a_safe_point_and_give_the_terminal_back() {
    let bench = failing().await;
    let mut pty = cockpit(&bench, &["run", "plan.toml"], 120, 36);
    pty.until_says("go: \"First\"");
    pty.signal(Signal::SIGTERM);
    assert_eq!(pty.end(), 130, "{}", pty.text());
    assert!(!pty.is_alternate() && !pty.hides_cursor(), "{}", pty.text());

    // A terminal that goes away.
    let mut pty = cockpit(&bench, &["resume"], 120, 36);
    pty.until_says("go: \"First\"");
    pty.hang_up();
    pty.end();
    let mut pty = cockpit(&bench, &["resume"], 120, 36);
    pty.until_says("go: \"First\"");
    pty.press_until("\r", |text| text.contains("go: \"Second\""));
}

#[tokio::test]
async fn the_statement_that_runs_is_marked_and_can_be_cancelled() {
    let bench = Bench::with("CREATE TABLE t (n int)").await;
    bench.script("SELECT 1;\n\nALTER TABLE t ADD COLUMN m int;\n", "lock_timeout = \"50s\"");
    let mut blocker = bench.server.session(&bench.db).await;
    blocker.batch("SET application_name = 'the app'; BEGIN; SELECT * FROM t").await.unwrap();
    let mut pty = cockpit(&bench, &["run", "plan.toml"], 120, 36);
    let screen = pty.until("the statement with what it wants and who is in its way", |text| {
        text.contains("blocked by pid") && text.contains("wants AccessExclusive")
    });
    assert!(screen.contains("the app, idle in transaction"), "{screen}");
    assert!(screen.contains("statement 2 of 2") && screen.contains("3 ▶ ALTER TABLE t"), "{screen}");
    pty.keys("\u{3}");
    pty.until_says("Ctrl-C again cancels the statement");
    pty.keys("\u{3}");
    pty.until("the step has failed, and the question is gone", |text| {
        text.contains("✗ FAILED") && text.contains("canceling statement") && !text.contains("Ctrl-C again")
    });
    pty.press_until("E", |text| text.contains("End the run where it stands"));
    pty.keys("\u{1b}[Ztried enough\r\t\r");
    pty.until_says("ENDED");
    pty.keys("Q");
    assert_eq!(pty.end(), 1);
}

#[tokio::test]
async fn hostile_output_moves_nothing() {
    let bench = Bench::with("CREATE TABLE t (n int)").await;
    let hostile = "\u{1b}]52;c;aGFja2Vk\u{7}\u{1b}[2J\u{1b}[1;1Hgone\u{202e}";
    let sql = format!(
        "DO $$ BEGIN RAISE NOTICE '{hostile}'; RAISE NOTICE '%', repeat('x', 1000000); END $$;\n\
         DO $$ BEGIN RAISE EXCEPTION '{hostile}'; END $$;\n"
    );
    bench.script(&sql, "");
    let mut pty = cockpit(&bench, &["run", "plan.toml"], 120, 36);
    let screen = pty.until_says("✗ FAILED");
    assert!(screen.starts_with(" holdpoint  Test"), "{screen}");
    let raw = String::from_utf8_lossy(&pty.raw()).into_owned();
    assert!(!raw.contains("]52;c;aGFja2Vk\u{7}") && !raw.contains('\u{202e}'));
    assert!(!raw.contains("\u{1b}[1;1Hgone"));
}

/// Without a terminal there is no cockpit, and the way without one is said.
#[tokio::test]
async fn without_a_terminal_plain_is_pointed_at() {
    let bench = failing().await;
    for args in [&["run", "plan.toml"][..], &["demo"], &["resume"], &["rollback"]] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_holdpoint"));
        command.args(args).current_dir(bench.path("")).stdin(Stdio::null());
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("no terminal for the cockpit") && said.contains("--plain"), "{args:?}: {said}");
    }
}

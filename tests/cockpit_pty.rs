//! The cockpit in a real terminal, on a real PostgreSQL.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "cockpit_pty/actions.rs"]
mod actions;
mod common;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use common::pty::{Pty, banner};
use common::runs::Bench;
use common::surroundings::open_to_others;
use holdpoint::pg::{ConnectConfig, Session};
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

/// What the server's own catalog has of each kind, and of each table.
async fn figures(server: &ConnectConfig) -> BTreeMap<String, i64> {
    let mut session = Session::connect(server, "test").await.unwrap();
    let own = "NOT IN ('pg_catalog', 'information_schema', 'holdpoint')";
    let tables = session
        .query(&format!("SELECT tablename FROM pg_tables WHERE schemaname {own}"), &[])
        .await
        .unwrap()
        .rows;
    let kinds = [
        ("tables", format!("pg_tables WHERE schemaname {own}")),
        ("views", format!("pg_views WHERE schemaname {own}")),
        ("indexes", format!("pg_indexes WHERE schemaname {own}")),
        ("policies", format!("pg_policies WHERE schemaname {own}")),
        ("triggers", "pg_trigger WHERE NOT tgisinternal".to_owned()),
        ("foreign_keys", "pg_constraint WHERE contype = 'f'".to_owned()),
        (
            "columns",
            format!(
                "information_schema.columns c JOIN pg_tables t ON (t.schemaname, t.tablename) = (c.table_schema::name, \
                 c.table_name::name) WHERE schemaname {own}"
            ),
        ),
    ];
    let names = tables.into_iter().filter_map(|row| row.into_iter().next().flatten());
    let of = names.map(|name| (name.clone(), format!("\"{name}\"")));
    let mut figures = BTreeMap::new();
    for (name, from) in kinds.map(|(name, from)| (name.to_owned(), from)).into_iter().chain(of) {
        let rows = session.query(&format!("SELECT count(*) FROM {from}"), &[]).await.unwrap().rows;
        figures.insert(name, rows[0][0].as_deref().unwrap().parse().unwrap());
    }
    figures
}

/// The words of the line of the tab that begins with this one.
#[track_caller]
fn line_of(screen: &str, name: &str) -> Vec<String> {
    let right = |line: &str| line.rsplit("││").next().unwrap_or_default().to_owned();
    let lines =
        screen.lines().map(right).map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    let mut lines = lines.filter(|words| words.first().is_some_and(|word| word == name));
    lines.next().unwrap_or_else(|| panic!("{name} isn't shown\n{screen}"))
}

/// Every figure of the Deltas tab against the server itself: before, now, the change, what the plan says.
#[tokio::test]
async fn the_deltas_of_kochel_are_what_the_server_has() {
    let home = tempfile::Builder::new().prefix("hpt").tempdir_in(open_to_others()).unwrap();
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let folder = home.path().display().to_string();
    let environment = [("HOME".to_owned(), folder.clone()), ("TMPDIR".to_owned(), folder)];
    let mut pty = Pty::start(&["demo"], home.path(), &environment, 120, 40);
    pty.walk_to(|text| banner(text).contains("Step 1: Lifecycle"));
    let folders = std::fs::read_dir(home.path()).unwrap().flatten().map(|entry| entry.path());
    let server = folders.into_iter().find(|folder| folder.join(".s.PGSQL.5432").exists());
    let config = ConnectConfig::socket(&server.expect("the server's folder"), 5432, "postgres", "postgres");
    let before = figures(&config).await;
    pty.walk_to(|text| banner(text).contains("Step 3: Venture"));
    pty.keys("3");
    let screen = pty.until("two steps are counted", |text| text.contains("counted after \"Step 2"));
    // On its way: nothing contradicts the plan yet, and nothing is called done.
    assert!(!screen.contains('≠'), "{screen}");
    pty.walk_to(|text| text.contains("✓ DONE"));
    let screen = pty.until("the last step is counted", |text| text.contains("counted after \"Step 4"));
    let now = figures(&config).await;
    assert_eq!((before["tables"], now["tables"]), (5, 8));
    for (name, now) in &now {
        let was = before.get(name).copied();
        // Objects of which there is none aren't listed.
        if was.unwrap_or(0) == 0 && *now == 0 {
            continue;
        }
        let words = if name == "foreign_keys" { line_of(&screen, "foreign") } else { line_of(&screen, name) };
        let at = if name == "foreign_keys" { 2 } else { 1 };
        let shown_before = was.map_or_else(|| "–".to_owned(), |n| n.to_string());
        assert_eq!(
            (&words[at], &words[at + 1]),
            (&shown_before, &now.to_string()),
            "{name}: {words:?}\n{screen}"
        );
        let by = now - was.unwrap_or(0);
        let change = words.get(at + 2).filter(|word| word.starts_with(['▲', '▼']));
        let wanted = (by != 0).then(|| format!("▲{by}"));
        assert_eq!(change, wanted.as_ref(), "{name}: {words:?}\n{screen}");
    }
    for (table, planned) in
        [("tables", "▲3 ▲3 ✓"), ("strategic_directives_v2", "▲11 ▲11 ✓"), ("leo_interfaces", "▲4 ▲4 ✓")]
    {
        assert!(line_of(&screen, table).join(" ").contains(planned), "{planned}\n{screen}");
    }
    pty.keys("Q");
    assert_eq!(pty.end(), 0, "{}", pty.text());
}

/// How far it is on the way back is said as that, also where an undo fails.
#[tokio::test]
async fn an_undo_that_fails_is_no_progress() {
    let bench = failing().await;
    let plan = std::fs::read_to_string(bench.path("plan.toml")).unwrap();
    bench.file(
        "plan.toml",
        &plan.replace("DROP TABLE one\"", "DROP TABLE nothing\"").replace("expect = 2", "expect = 1"),
    );
    let mut pty = cockpit(&bench, &["run", "plan.toml"], 120, 36);
    pty.until_says("go: \"First\"");
    let screen = pty.text();
    assert!(screen.contains("step 1 of 2") && screen.contains("  0 %"), "{screen}");
    pty.keys("\r");
    pty.until_says("go: \"Second\"");
    pty.until_says("step 2 of 2");
    pty.keys("R");
    pty.until_says("Roll back everything");
    pty.keys("\u{1b}[Zno more\r\r");
    let screen = pty.until_says("UNDO FAILED");
    assert!(screen.contains("undone 0 of 1 steps") && screen.contains("  0 % back"), "{screen}");
    // What failed is seen, and not what it was to undo.
    assert!(screen.contains("DROP TABLE nothing") && !screen.contains("CREATE TABLE one"), "{screen}");
    assert!(!screen.contains("99 %"), "{screen}");
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
    assert!(screen.contains("two rows") && screen.contains("step 2 of 2"), "{screen}");
    // Enter on the question cancels: the focus is there.
    pty.keys("R");
    pty.until_says("Roll back everything");
    let screen = pty.until("what runs, and what is lost", |text| {
        text.contains("DROP TABLE one") && text.contains("two has as many rows as then")
    });
    assert!(screen.find("DROP TABLE two") < screen.find("DROP TABLE one"), "{screen}");
    assert!(
        screen.contains("never rehearsed") && screen.contains("takes along rows written to two since"),
        "{screen}"
    );
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
    pty.keys("\u{1b}[Zonly one row\r\r");
    let screen = pty.until_says("ROLLED BACK");
    assert!(screen.contains("undone 2 of 2 steps") && screen.contains("100 % back"), "{screen}");
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
    // Until the first change is allowed nothing is written, not even by holdpoint for itself.
    assert_eq!(bench.value("SELECT to_regnamespace('holdpoint')").await, "");
    pty.keys("\r");
    pty.until_says("go: \"Second\"");
    assert_eq!(bench.value("SELECT to_regnamespace('holdpoint')").await, "holdpoint");
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
    // A command stands whole on a line, and where somebody sat no answers are asked for.
    let text = pty.text();
    let command =
        text.lines().skip_while(|line| !line.contains("to go on:")).take(2).collect::<Vec<_>>().join(" ");
    assert!(command.contains("holdpoint resume") && !command.contains("--answers"), "{text}");
}

/// Whoever is waited for may be left out, and is asked about once.
#[tokio::test]
async fn a_signature_is_left_out_by_one_word() {
    let bench = Bench::new().await;
    bench.plan(
        "[[phase.step]]\nid = \"accept\"\ntitle = \"Accepted\"\nsignoff = \"Owner\"\non_failure = \"stop\"\n",
    );
    let mut pty = cockpit(&bench, &["run", "plan.toml"], 100, 30);
    pty.until_says("c signs as Owner");
    pty.keys("s");
    pty.until_says("Leave out: Accepted");
    pty.keys("the owner is away\r\r");
    let screen = pty.until("the run is over", |text| text.contains("Q leaves the screen"));
    assert!(screen.contains("✓ DONE") && screen.contains("1 left out"), "{screen}");
    pty.keys("Q");
    assert_eq!(pty.end(), 0, "{}", pty.text());
}

/// On a hold that is about no step the next one may be left out, and the run goes on with the one behind it.
#[tokio::test]
async fn the_next_step_is_left_out_of_a_hold() {
    let bench = Bench::new().await;
    let step = |id: &str, what: &str| format!("[[phase.step]]\nid = \"{id}\"\ntitle = \"{id}\"\n{what}\n");
    let wait = "command = \"until [ -e go ]; do sleep 0.05; done\"\nchanges = false";
    let table = |name: &str| step(name, &format!("sql = \"CREATE TABLE {name} ()\""));
    bench.plan(&[step("wait", wait), table("second"), table("third")].concat());
    let mut pty = cockpit(&bench, &["run", "plan.toml"], 100, 30);
    pty.until_says("▶ running");
    pty.press_until("h", |text| text.contains("will hold after this step"));
    bench.file("go", "");
    pty.until_says("go on when you are ready");
    pty.keys("s");
    pty.until_says("Leave out: second");
    pty.keys("not today\r\r");
    pty.until_says("✓ DONE");
    assert_eq!(
        bench.value("SELECT string_agg(tablename, ' ') FROM pg_tables WHERE schemaname = 'public'").await,
        "third"
    );
    pty.keys("Q");
    assert_eq!(pty.end(), 0, "{}", pty.text());
}

/// On a plan that is stepped by hand nothing goes on by itself in the middle of a step either.
#[tokio::test]
async fn a_step_that_was_killed_waits_for_its_key_again() {
    let bench = Bench::with("CREATE TABLE t (n int)").await;
    bench.file(
        "plan.toml",
        "[plan]\nid = \"p\"\ntitle = \"Test\"\nenvironment = \"dev\"\nstepping = \"manual\"\n\n[[phase]]\ntitle = \"Work\"\n\
         \n[[phase.step]]\nid = \"one\"\ntitle = \"First\"\nsql = \"ALTER TABLE t ADD COLUMN m int\"\nlock_timeout = \"50s\"\n\
         rollback = { sql = \"ALTER TABLE t DROP COLUMN m\" }\n",
    );
    let mut blocker = bench.server.session(&bench.db).await;
    blocker.batch("BEGIN; SELECT * FROM t").await.unwrap();
    let mut pty = cockpit(&bench, &["run", "plan.toml"], 120, 36);
    pty.until_says("go: \"First\"");
    pty.keys("\r");
    pty.until_says("waits for a lock on t, held by pid");
    pty.signal(Signal::SIGKILL);
    pty.end();
    blocker.batch("COMMIT").await.unwrap();
    // Without a screen it waits for the same word.
    let ran = bench.call(&["resume"]).await;
    ran.exits(6).says("was broken off in the middle").says("`go` of the answers names it");
    assert_eq!(ran.course("one").last(), Some(&"held"), "{ran}");
    let mut pty = cockpit(&bench, &["resume"], 120, 36);
    let screen = pty.until_says("was broken off in the middle: retry goes on with it");
    assert!(screen.contains("BROKEN OFF") && !screen.contains("✓ First"), "{screen}");
    pty.press_until("r", |text| text.contains("✓ DONE"));
    pty.keys("Q");
    assert_eq!(pty.end(), 0, "{}", pty.text());
}

/// A hold that was asked for is had with any hold: a step that was cancelled and is tried again doesn't stop
/// the run once more behind it.
#[tokio::test]
async fn an_asked_hold_ends_with_the_hold_of_a_cancelled_step() {
    let bench = Bench::with("CREATE TABLE t (n int)").await;
    bench.script("ALTER TABLE t ADD COLUMN m int;\n", "lock_timeout = \"50s\"");
    let plan = std::fs::read_to_string(bench.path("plan.toml")).unwrap();
    let more = "\n[[phase.step]]\nid = \"two\"\ntitle = \"Second\"\nsql = \"CREATE TABLE two (n int)\"\n";
    bench.file("plan.toml", &format!("{plan}{more}"));
    let mut blocker = bench.server.session(&bench.db).await;
    blocker.batch("BEGIN; SELECT * FROM t").await.unwrap();
    let mut pty = cockpit(&bench, &["run", "plan.toml"], 120, 36);
    pty.until_says("held by pid");
    pty.press_until("h", |text| text.contains("will hold after this step"));
    pty.press_until("x", |text| text.contains("▸ Let it run"));
    pty.keys("\t\r");
    pty.until_says("✗ FAILED");
    blocker.batch("COMMIT").await.unwrap();
    pty.press_until("r", |text| text.contains("✓ DONE"));
    pty.keys("Q");
    assert_eq!(pty.end(), 0, "{}", pty.text());
}

/// Between two tries a lock is named as in one, and the cancel is heard, whoever runs the statement.
#[tokio::test]
async fn between_two_tries_the_screen_says_who_and_which_and_cancel_works() {
    let bench = Bench::with("CREATE TABLE t (n int)").await;
    let mut blocker = bench.server.session(&bench.db).await;
    blocker.batch("SET application_name = 'the app'; BEGIN; SELECT * FROM t").await.unwrap();
    let pid = blocker.pid();
    const KEYS: &str = "lock_timeout = \"200ms\"\nlock_retries = 30";
    const SQL: &str = "ALTER TABLE t ADD COLUMN m int;\n";
    let probe = format!("[[phase.step]]\nid = \"s\"\ntitle = \"s\"\nprobe = \"{}\"\n{KEYS}\n", SQL.trim());
    for how in ["script", "psql", "probe"] {
        match how {
            "script" => bench.script(SQL, KEYS),
            "psql" => bench.script(SQL, &format!("{KEYS}\nrunner = \"psql\"")),
            _ => bench.plan(&probe),
        }
        let mut pty = cockpit(&bench, &["run", "plan.toml"], 140, 36);
        match how {
            "script" => {
                let screen = pty.until("the third try is over", |text| {
                    text.contains("try 3 of 31 gave up, next try in") && text.contains("WAITS FOR A LOCK")
                });
                let words = format!("waits for a lock on t, held by pid {pid} (the app, idle in transaction");
                assert!(screen.contains(&words) && !screen.contains("RUNNING"), "{screen}");
            }
            "psql" => drop(pty.until_says("try 4 of 31 gave up, next try in")),
            _ => drop(pty.until("the fourth pause", |text| text.matches("tried again in").count() >= 4)),
        }
        // In the pause, or in the try behind it.
        pty.press_until("x", |text| text.contains("▸ Let it run"));
        pty.keys("\t\r");
        let screen = pty.until_says("✗ FAILED");
        assert!(screen.contains("cancel"), "{how}: {screen}");
        pty.press_until("E", |text| text.contains("End the run where it stands"));
        pty.keys("\u{1b}[Zenough\r\r");
        pty.until_says("ENDED");
        pty.keys("Q");
        assert_eq!(pty.end(), 1, "{how}");
    }
}

/// Whatever ends the program gives the terminal back, and the run can be taken up again.
#[tokio::test]
async fn signals_stop_at_a_safe_point_and_give_the_terminal_back() {
    let bench = failing().await;
    for (command, signal) in [(&["run", "plan.toml"][..], Signal::SIGTERM), (&["resume"], Signal::SIGHUP)] {
        let mut pty = cockpit(&bench, command, 120, 36);
        pty.until_says("go: \"First\"");
        pty.signal(signal);
        assert_eq!(pty.end(), 130, "{}", pty.text());
        assert!(!pty.is_alternate() && !pty.hides_cursor(), "{}", pty.text());
    }

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
        text.contains("waits for a lock on t, held by pid") && text.contains("wants AccessExclusive")
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
    pty.keys("\u{1b}[Ztried enough\r\r");
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
    assert_eq!(pty.strangers(), [""; 0]);
    assert!(!String::from_utf8_lossy(&pty.raw()).contains("\u{1b}[1;1Hgone"));
}

/// Without a terminal there is no cockpit, and the way without one is said; what is wrong with the words comes
/// first, since no terminal mends that.
#[tokio::test]
async fn without_a_terminal_plain_is_pointed_at() {
    let bench = failing().await;
    bench.file("answers.toml", "go = [\"one\", \"two\"]");
    bench.call(&["run", "--answers", "answers.toml"]).await.exits(6);
    let said = |words: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_holdpoint"));
        command.args(words.split(' ')).current_dir(bench.path("")).stdin(Stdio::null());
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{words}: {output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let state = "--state-dir state";
    for words in ["run plan.toml", "demo", &format!("resume {state}"), &format!("rollback {state}")] {
        let said = said(words);
        assert!(said.contains("no terminal for the cockpit") && said.contains("--plain"), "{words}: {said}");
    }
    for (words, wrong) in [
        ("run nowhere.toml", "nowhere.toml"),
        ("run plan.toml --only nowhere", "nowhere"),
        ("run plan.toml --var nothing=1", "no such variable"),
        ("run plan.toml --target sslmode=verify-ca", "sslmode"),
        ("run plan.toml --answers nowhere.toml", "nowhere.toml"),
        ("demo nowhere", "nowhere"),
        ("demo --only nowhere", "nowhere"),
        ("resume 0f0f --state-dir state", "0f0f"),
        ("resume --state-dir state --skip nowhere=x", "no step \"nowhere\""),
        ("resume --state-dir state --var nothing=1", "no such variable"),
        ("rollback 0f0f --state-dir state", "0f0f"),
        ("rollback --state-dir state --var nothing=1", "no such variable"),
    ] {
        let said = said(words);
        assert!(said.contains(wrong) && !said.contains("terminal"), "{words}: {said}");
    }
}

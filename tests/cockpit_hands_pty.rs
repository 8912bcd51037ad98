//! Queries, job control, the mouse, copies and a fault, in a real terminal on a real PostgreSQL.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::time::{Duration, Instant};

use common::pty::Pty;
use common::runs::Bench;
use nix::sys::signal::Signal;

fn cockpit(bench: &Bench, args: &[&str], more: &[(&str, &str)]) -> Pty {
    let environment = bench.server.config(&bench.db).libpq_environment();
    let environment: Vec<(String, String)> = environment
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .chain(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
        .collect();
    let state = bench.path("state").display().to_string();
    let args: Vec<&str> = args.iter().copied().chain(["--state-dir", &state]).collect();
    Pty::start(&args, &bench.path(""), &environment, 120, 36)
}

/// Two changes, each by its key.
async fn two_steps() -> Bench {
    let bench = Bench::with("CREATE TABLE t (n int); INSERT INTO t VALUES (1); CREATE SEQUENCE s").await;
    let step = |id: &str| {
        format!(
            "\n[[phase.step]]\nid = \"{id}\"\ntitle = \"Step {id}\"\nsql = \"CREATE TABLE {id} (n int)\"\n\
             rollback = {{ sql = \"DROP TABLE {id}\" }}\n"
        )
    };
    let end = "\n[[phase.step]]\nid = \"owner\"\ntitle = \"Accepted\"\nsignoff = \"Owner\"\n";
    let head = "[plan]\nid = \"p\"\ntitle = \"Test\"\nenvironment = \"dev\"\nstepping = \"manual\"\n\n[[phase]]\ntitle = \"Work\"\n";
    bench.file("plan.toml", &format!("{head}{}{}{end}", step("one"), step("two")));
    bench
}

/// Types a query over the one before; the screen once it is answered.
#[track_caller]
fn ask(pty: &mut Pty, sql: &str, says: &str) -> String {
    pty.keys(&format!("\u{15}{sql};\r"));
    pty.until(says, |text| text.contains(says) && !text.contains("▶ runs"))
}

#[tokio::test]
async fn queries_read_and_do_nothing_else() {
    let bench = two_steps().await;
    let mut pty = cockpit(&bench, &["run", "plan.toml"], &[]);
    pty.until_says("go: \"Step one\"");
    pty.keys("q");
    pty.until_says("One statement");
    let screen = ask(
        &mut pty,
        "SELECT n, NULL AS nothing FROM generate_series(1, 3000) AS n",
        "the first 1000 were fetched",
    );
    assert!(screen.contains("row 1 of 1000, column 1 of 2"), "{screen}");
    // As ENGINE says: in a transaction that only reads, with a bound.
    ask(&mut pty, "SELECT 'read ' || current_setting('transaction_read_only')", "read on");
    ask(&mut pty, "SELECT 'within ' || current_setting('statement_timeout')", "within 5s");
    // What is waited for never stands there from the query before.
    ask(&mut pty, "INSERT INTO t VALUES (2)", "the console only reads");
    ask(
        &mut pty,
        "WITH x AS (INSERT INTO t VALUES (2) RETURNING n) SELECT * FROM x",
        "cannot execute SELECT",
    );
    ask(&mut pty, "SELECT 1; DELETE FROM t", "the console only reads");
    ask(&mut pty, "SELECT nextval('s')", "cannot execute nextval()");
    ask(&mut pty, "SELECT set_config('transaction_read_only', 'off', false)", "read-write mode");
    let screen = ask(&mut pty, "SELECT wrong FROM t", "does not exist");
    assert!(screen.contains("       ^"), "the server's finger: {screen}");
    // One that takes its time is stopped, and the run isn't touched by that.
    pty.keys("\u{15}SELECT pg_sleep(4), 'slow';\r");
    pty.until_says("▶ runs");
    pty.keys("\u{3}");
    pty.until_says("canceling statement due to user request");
    // A connection that is gone is made anew, and that is said.
    let gone = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'holdpoint console'";
    assert_eq!(bench.value(gone).await, "1");
    let left = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'holdpoint console'";
    while bench.value(left).await != "0" {}
    let screen = ask(&mut pty, "SELECT 'again' AS it", "the connection was lost meanwhile");
    assert!(screen.contains("again"), "{screen}");
    assert_eq!(
        bench.value("SELECT (SELECT count(*) FROM t) || ' ' || (SELECT last_value FROM s)").await,
        "1 1"
    );
    // Who asked what is in the journal; what was refused here never left the house.
    pty.keys("\u{4}");
    pty.until_says("Timeline");
    let journal = journal(&bench);
    let looked: Vec<&str> = journal.lines().filter(|line| line.contains("\"event\":\"looked\"")).collect();
    assert_eq!(looked.len(), 9, "{looked:#?}");
    assert!(looked[0].contains("\"rows\":1000") && looked[0].contains("\"more\":true"), "{}", looked[0]);
    assert!(looked[3].contains("cannot execute SELECT"), "{}", looked[3]);
    assert!(!journal.contains("DELETE FROM t"));
}

fn journal(bench: &Bench) -> String {
    let runs = std::fs::read_dir(bench.path("state")).unwrap().flatten();
    let found = runs.map(|entry| entry.path().join("journal.jsonl")).find(|path| path.is_file());
    std::fs::read_to_string(found.expect("a journal")).unwrap()
}

/// What a database can send that a terminal would obey, and more of it than anybody can read.
#[tokio::test]
async fn a_hostile_answer_moves_nothing() {
    let bench = two_steps().await;
    let mut pty = cockpit(&bench, &["run", "plan.toml"], &[]);
    pty.until_says("go: \"Step one\"");
    pty.keys("q");
    pty.until_says("One statement");
    let began = Instant::now();
    let hostile = "E'\\x1b]52;c;aGFja2Vk\\x07\\x1b[2J\\x1b[1;1Hgone\\u202e'";
    ask(&mut pty, &format!("SELECT {hostile} AS x"), "gone");
    ask(&mut pty, "SELECT repeat('y', 1048576) AS big", "bytes, the first 262");
    let columns: Vec<String> = (0..1_664).map(|n| format!("{n} c{n}")).collect();
    // As a person brings it: pasted.
    let sql = format!("SELECT {}", columns.join(","));
    pty.keys(&format!("\u{15}\u{1b}[200~{sql}\u{1b}[201~\u{12}"));
    pty.until_says("column 1 of 1664");
    pty.keys("\t\u{1b}[F");
    pty.until_says("column 1664 of 1664");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    pty.keys("q");
    let screen = pty.until_says("Timeline");
    assert!(screen.starts_with(" holdpoint  Test"), "{screen}");
    assert_eq!(pty.strangers(), [""; 0]);
    assert!(!String::from_utf8_lossy(&pty.raw()).contains("\u{1b}[1;1Hgone"));
}

/// Everywhere else where text of the database is drawn: names of tables, cells and keys of rows, sessions
/// with what they run, errors, notices, the log.
#[tokio::test]
async fn a_hostile_database_moves_nothing_on_any_tab() {
    const HOSTILE: &str = "\u{1b}]52;c;aGFja2Vk\u{7}\u{1b}[2J\u{1b}[1;1Hgone\u{202e}\u{9b}31m";
    let bench =
        Bench::with(&format!("CREATE TABLE \"a{HOSTILE}\" (n int); INSERT INTO \"a{HOSTILE}\" VALUES (1)"))
            .await;
    let sql = format!("SELECT '{HOSTILE}' AS key, repeat('{HOSTILE}', 20000) AS big, n FROM one");
    bench.file(
        "plan.toml",
        &format!(
            "[plan]\nid = \"p\"\ntitle = \"Test\"\nenvironment = \"dev\"\nstepping = \"auto\"\n\n[[phase]]\ntitle = \"Work\"\n\n\
             [[phase.step]]\nid = \"one\"\ntitle = \"Step one\"\nverify = \"after_commit\"\nsql = \"\"\"CREATE TABLE one AS SELECT 1 AS n;\n\
             INSERT INTO \"a{escaped}\" VALUES (2);\nDO $$ BEGIN RAISE WARNING '{escaped}'; END $$\"\"\"\n\
             rollback = {{ sql = \"DROP TABLE one\" }}\n\n  [[phase.step.checkpoint]]\n  title = \"rows\"\n  sql = \"\"\"{cells}\"\"\"\n  \
             expect = {{ table = [[\"k\", \"small\", 2]] }}\n",
            escaped = toml(HOSTILE),
            cells = toml(&sql),
        ),
    );
    let mut other = bench.server.session(&bench.db).await;
    other
        .batch(&format!("SET application_name = '{HOSTILE}'; BEGIN; SELECT '{HOSTILE}' AS x"))
        .await
        .unwrap();
    let mut pty = cockpit(&bench, &["run", "plan.toml"], &[]);
    pty.until_says("CHECKPOINT FAILED");
    for (tab, says) in [
        ("2", "row 1 key"),
        ("3", "gone"),
        ("4", "idle in tx"),
        ("5", "◆ waits: "),
        ("6", "asks nobody"),
        ("1", "WARNING"),
    ] {
        pty.keys(tab);
        pty.until(&format!("tab {tab}: {says}"), |text| {
            text.contains(says) && text.starts_with(" holdpoint  Test")
        });
    }
    // The question has the rows that would be lost, and the notes that people write.
    pty.keys("R");
    pty.until_says("DROP TABLE one");
    pty.keys("\u{1b}");
    pty.keys(&format!("n\u{1b}[200~{HOSTILE}\u{1b}[201~\t\t\r"));
    assert_eq!(pty.strangers(), [""; 0]);
    assert!(!String::from_utf8_lossy(&pty.raw()).contains("\u{1b}[1;1Hgone"));
}

/// As it stands in a text of TOML.
fn toml(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() || c == '\u{202e}' { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() }
        })
        .collect()
}

/// Whoever only looks logs in as a role of its own, when the plan names one: then the server says no.
#[tokio::test]
async fn who_looks_on_may_be_another_role() {
    let bench = two_steps().await;
    let role = format!("onlooker_{}", bench.db);
    bench.sql(&format!("CREATE ROLE {role} LOGIN IN ROLE pg_monitor; GRANT SELECT ON t TO {role}")).await;
    let plan = std::fs::read_to_string(bench.path("plan.toml")).unwrap();
    let named = format!("[target]\nmonitor_role = \"{role}\"\n\n[[phase]]");
    bench.file("plan.toml", &plan.replacen("[[phase]]", &named, 1));
    let mut pty = cockpit(&bench, &["run", "plan.toml"], &[]);
    pty.until_says("go: \"Step one\"");
    pty.keys("4");
    pty.until_says("WAL ");
    let who = "SELECT string_agg(DISTINCT usename, ',') FROM pg_stat_activity \
        WHERE application_name = 'holdpoint monitor' AND datname = current_database()";
    assert_eq!(bench.value(who).await, role);
    pty.keys("q");
    pty.until_says("One statement");
    ask(&mut pty, "SELECT 'as ' || session_user", &format!("as {role}"));
    ask(&mut pty, "SELECT count(*) || ' row' FROM t", "1 row");
    ask(&mut pty, "SELECT set_config('role', 'postgres', false)", "permission denied to set role");
    pty.keys("\u{4}");
    // The steps are the run's own.
    pty.until_says("Timeline");
    pty.keys("\r");
    pty.until_says("go: \"Step two\"");
    assert_eq!(bench.value("SELECT tableowner FROM pg_tables WHERE tablename = 'one'").await, "postgres");
}

/// A statement that takes its time.
async fn slow(sql: &str) -> Bench {
    let bench = Bench::new().await;
    bench.script(sql, "rollback = { sql = \"DROP TABLE slow\" }");
    bench
}

#[tokio::test]
async fn the_third_ctrl_c_lets_go_at_a_safe_point() {
    let bench = slow("CREATE TABLE slow (n int);\nSELECT pg_sleep(120);\n").await;
    let mut pty = cockpit(&bench, &["run", "plan.toml"], &[]);
    pty.until_says("statement 2 of 2");
    pty.keys("\u{3}\u{3}\u{3}");
    assert_eq!(pty.end(), 130, "{}", pty.text());
    assert!(!pty.is_alternate() && !pty.hides_cursor(), "{}", pty.text());
    assert!(pty.text().contains("holdpoint resume"), "{}", pty.text());
    assert_eq!(bench.value("SELECT to_regclass('slow') IS NULL").await, "t", "it was one transaction");
    // The run is nobody's: it can be taken up again, as it stands or with the step once more.
    let mut pty = cockpit(&bench, &["resume"], &[]);
    pty.until("taken up again", |text| text.contains("statement 2 of 2") || text.contains("✗ FAILED"));
}

/// A terminal that goes away in the middle of a statement: the run comes to a safe point without it, and
/// what waits for keys doesn't read of a terminal that hung up as fast as it can.
#[tokio::test]
async fn a_terminal_that_is_gone_costs_no_work() {
    let bench = slow("CREATE TABLE slow (n int);\nSELECT pg_sleep(4);\n").await;
    let mut pty = cockpit(&bench, &["run", "plan.toml"], &[]);
    pty.until_says("statement 2 of 2");
    let before = pty.ticks().unwrap();
    let began = Instant::now();
    pty.hang_up();
    let mut last = before;
    while let Ok(None) = pty.child.try_wait() {
        last = pty.ticks().unwrap_or(last);
        assert!(began.elapsed() < Duration::from_secs(60), "it doesn't end");
        std::thread::sleep(Duration::from_millis(5));
    }
    // Whatever burns does so for seconds: a hundred ticks each.
    assert!(last - before < 150, "{} ticks in {:?}", last - before, began.elapsed());
    let journal = journal(&bench);
    let last = journal.lines().last().unwrap();
    assert!(last.contains("\"event\":\"left\"") || last.contains("\"event\":\"run_left\""), "{last}");
}

#[tokio::test]
async fn undo_to_here_goes_on_in_the_cockpit() {
    let bench = two_steps().await;
    let mut pty = cockpit(&bench, &["run", "plan.toml"], &[]);
    pty.until_says("go: \"Step one\"");
    pty.keys("\r");
    pty.until_says("go: \"Step two\"");
    pty.keys("\r");
    pty.until_says("signs as Owner");
    // Down to the second step: up from the sign-off.
    pty.keys("kU");
    pty.until_says("Roll back down to: Step two");
    pty.keys("\u{1b}[Zone more time, since nobody has seen what the shop makes of it\r\r");
    // What for is read whole, whatever room the header has.
    pty.until("what it waits for, and why", |text| {
        let right = text.lines().filter_map(|line| Some(line.split_once("││")?.1)).collect::<String>();
        let words = right.split(|c: char| c.is_whitespace() || "│┃".contains(c)).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join(" ").contains(
            "as it was told (one more time, since nobody has seen what the shop makes of it); go on forward, or roll back the rest",
        )
    });
    assert_eq!(
        bench.value("SELECT to_regclass('two') IS NULL AND to_regclass('one') IS NOT NULL").await,
        "t"
    );
    // Forward again, in the same cockpit.
    pty.press_until("\r", |text| text.contains("go: \"Step two\""));
    pty.press_until("\r", |text| text.contains("signs as Owner"));
    assert_eq!(bench.value("SELECT to_regclass('two') IS NOT NULL").await, "t");
    // And back, all of it.
    pty.keys("R");
    pty.until_says("Roll back everything");
    pty.keys("\u{1b}[Zenough\r\r");
    pty.until_says("ROLLED BACK");
    pty.keys("Q");
    assert_eq!(pty.end(), 4, "{}", pty.text());
}

/// Whoever comes to a run that was stopped sees the step that stopped it, and not the one that would have come.
#[tokio::test]
async fn a_run_that_was_stopped_shows_what_stopped_it() {
    let bench = Bench::new().await;
    bench.plan(
        "[[phase.step]]\nid = \"gate\"\ntitle = \"The gate\"\non_failure = \"stop\"\ncheck = \"SELECT 1 + 1\"\nexpect = 3\n\n\
         [[phase.step]]\nid = \"after\"\ntitle = \"What comes after\"\ncheck = \"SELECT 1 + 1\"\nexpect = 2\n",
    );
    let mut pty = cockpit(&bench, &["run", "plan.toml"], &[]);
    pty.until("the step that stopped it", |text| text.contains("ENDED") && text.contains("The gate  gate"));
    pty.keys("Q");
    assert_eq!(pty.end(), 1, "{}", pty.text());
}

/// The process's state, as the kernel has it: `T` is stopped.
fn is_stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T'))
}

#[tokio::test]
async fn ctrl_z_gives_the_terminal_back_and_fg_takes_it_again() {
    let bench = two_steps().await;
    let mut pty = cockpit(&bench, &["run", "plan.toml", "--mouse"], &[]);
    pty.until_says("go: \"Step one\"");
    let pid = pty.child.process_id().unwrap();
    pty.keys("\u{1a}");
    let began = Instant::now();
    while !(is_stopped(pid) && !pty.is_alternate() && !pty.hides_cursor()) {
        assert!(began.elapsed() < Duration::from_secs(30), "it isn't stopped\n{}", pty.text());
        std::thread::sleep(Duration::from_millis(5));
    }
    let raw = String::from_utf8_lossy(&pty.raw()).into_owned();
    assert!(raw.rfind("\u{1b}[?1000l") > raw.rfind("\u{1b}[?1000h"), "the mouse too");
    pty.signal(Signal::SIGCONT);
    pty.until_says("go: \"Step one\"");
    assert!(pty.is_alternate());
    pty.press_until("\r", |text| text.contains("go: \"Step two\""));
    let raw = String::from_utf8_lossy(&pty.raw()).into_owned();
    assert!(raw.rfind("\u{1b}[?1000h") > raw.rfind("\u{1b}[?1000l"));
}

#[tokio::test]
async fn the_mouse_presses_and_copies_go_to_the_terminal() {
    let bench = two_steps().await;
    let mut pty = cockpit(&bench, &["run", "plan.toml"], &[]);
    pty.until_says("go: \"Step one\"");
    pty.keys("y");
    pty.until_says("handed to the terminal for its clipboard");
    // base64 of `CREATE TABLE one (n int)`.
    let raw = String::from_utf8_lossy(&pty.raw()).into_owned();
    assert!(raw.contains("\u{1b}]52;c;Q1JFQVRFIFRBQkxFIG9uZSAobiBpbnQp"), "the text itself");
    assert!(!raw.contains("\u{1b}[?1000h"), "the mouse is left alone");
    pty.keys("M");
    pty.until_says("the mouse is taken");
    pty.click("Enter go");
    pty.until_says("go: \"Step two\"");
    pty.click("R ROLL BACK");
    pty.until_says("Roll back everything");
    pty.click("reason");
    pty.keys("by hand");
    pty.click_until("  Roll back ", |text| text.contains("▸ Roll back "));
    pty.click_until("▸ Roll back ", |text| text.contains("ROLLED BACK"));
    pty.keys("Q");
    assert_eq!(pty.end(), 4, "{}", pty.text());
    let raw = String::from_utf8_lossy(&pty.raw()).into_owned();
    assert!(raw.rfind("\u{1b}[?1000l") > raw.rfind("\u{1b}[?1000h"), "the mouse is given back");
}

/// A fault of the cockpit itself: the terminal is given back, the run is at a safe point, and both are
/// said.
#[tokio::test]
async fn a_fault_of_the_screen_leaves_terminal_and_run_in_order() {
    let bench = two_steps().await;
    let fault = [("HOLDPOINT_CRASH_AT", "cockpit_request")];
    let mut pty = cockpit(&bench, &["run", "plan.toml", "--mouse"], &fault);
    pty.until_says("go: \"Step one\"");
    pty.keys("\r");
    assert_eq!(pty.end(), 130, "{}", pty.text());
    let left = pty.text();
    assert!(!pty.is_alternate() && !pty.hides_cursor(), "{left}");
    assert!(left.contains("the cockpit had a fault") && left.contains("holdpoint resume"), "{left}");
    let mut pty = cockpit(&bench, &["resume"], &[]);
    pty.press_until("\r", |text| text.contains("go: \"Step two\""));
}

/// The two changes are applied; the owner hasn't accepted, or has, and the run is over.
async fn applied(signed: bool) -> (Bench, String) {
    let bench = two_steps().await;
    let sign = if signed { "\n[sign.owner]\nOwner = \"Kim\"\n" } else { "" };
    bench.file("answers.toml", &format!("go = [\"one\", \"two\"]\n{sign}"));
    let ran = bench.call(&["run", "--answers", "answers.toml"]).await;
    ran.exits(if signed { 0 } else { 6 });
    let id = ran.events[0]["run"].as_str().unwrap().to_owned();
    (bench, id)
}

const TABLES: &str = "SELECT count(*) FROM pg_class WHERE relname IN ('one', 'two')";

/// `holdpoint rollback` where somebody sits begins with the question: the list, and the focus on Cancel.
#[tokio::test]
async fn a_rollback_asks_before_it_begins() {
    let (bench, id) = applied(false).await;
    let mut pty = cockpit(&bench, &["rollback", &id, "--reason", "too early"], &[]);
    let screen = pty.until("the list", |text| text.contains("DROP TABLE one"));
    assert!(screen.contains("Roll back everything that this run applied"), "{screen}");
    assert!(screen.contains("too early"), "{screen}");
    pty.keys("\r");
    pty.until("no question", |text| !text.contains("Roll back everything"));
    assert_eq!(bench.value(TABLES).await, "2", "Enter is Cancel");
    let pid = nix::unistd::Pid::from_raw(i32::try_from(pty.child.process_id().unwrap()).unwrap());
    nix::sys::signal::kill(pid, Signal::SIGTERM).unwrap();
    pty.child.wait().unwrap();
    assert_eq!(bench.value(TABLES).await, "2");

    let mut pty = cockpit(&bench, &["rollback", &id, "--reason", "too early"], &[]);
    pty.until("the list", |text| text.contains("DROP TABLE one"));
    pty.keys("\t\r");
    pty.until_says("ROLLED BACK");
    assert_eq!(bench.value(TABLES).await, "0");
    assert!(journal(&bench).contains("too early"));
}

/// The way back isn't closed by a guard that is no longer true; who goes forward instead has it checked.
#[tokio::test]
async fn nobody_goes_forward_past_the_guards_from_a_rollback_that_was_asked_for() {
    let bench = Bench::with("CREATE TABLE gate (open bool); INSERT INTO gate VALUES (true)").await;
    bench.file(
        "plan.toml",
        "[plan]\nid = \"p\"\ntitle = \"P\"\nenvironment = \"dev\"\nstepping = \"auto\"\n\n[target]\n\n[[target.checkpoint]]\ntitle = \"The gate is \
         open\"\nsql = \"SELECT open FROM gate\"\nexpect = true\n\n[[phase]]\ntitle = \"A\"\n\n[[phase.step]]\nid = \
         \"one\"\ntitle = \"One\"\nsql = \"CREATE TABLE one ()\"\nrollback.sql = \"DROP TABLE one\"\n\n[[phase.step]]\nid \
         = \"wait\"\ntitle = \"Wait\"\nconfirm = \"All is well\"\n\n[[phase.step]]\nid = \"two\"\ntitle = \"Two\"\nsql = \
         \"CREATE TABLE two ()\"\nrollback.sql = \"DROP TABLE two\"\n",
    );
    let ran = bench.run().await;
    ran.exits(6);
    bench.sql("UPDATE gate SET open = false").await;
    let mut pty = cockpit(&bench, &["rollback", ran.run(), "--reason", "too early"], &[]);
    pty.until("the list", |text| text.contains("DROP TABLE one"));
    pty.keys("\r");
    pty.until("no question", |text| !text.contains("Roll back everything"));
    pty.keys("\r");
    pty.until_says("the target isn't the one that the plan is for: \"The gate is open\"");
    pty.keys("Q");
    assert_eq!(pty.end(), 6, "{}", pty.text());
}

/// Of a run that is over it is the same; what it is refused for is read whole, on the terminal itself.
#[tokio::test]
async fn a_run_that_is_over_asks_too_and_is_left_as_it_was() {
    let (bench, id) = applied(true).await;
    let mut pty = cockpit(&bench, &["rollback", &id], &[]);
    pty.until("the list", |text| text.contains("DROP TABLE one"));
    pty.keys("\r");
    pty.until("no question", |text| !text.contains("Roll back everything"));
    assert_eq!(bench.value(TABLES).await, "2");
    let pid = nix::unistd::Pid::from_raw(i32::try_from(pty.child.process_id().unwrap()).unwrap());
    nix::sys::signal::kill(pid, Signal::SIGTERM).unwrap();
    pty.child.wait().unwrap();
    bench.call(&["resume", &id, "--end", "it stays"]).await.exits(0);

    bench.sql("CREATE VIEW theirs AS SELECT 1; INSERT INTO one VALUES (1), (2)").await;
    let mut pty = cockpit(&bench, &["rollback", &id], &[]);
    let screen = pty.until("the refusal", |text| text.contains("goes back all the same"));
    assert!(!pty.is_alternate(), "on the terminal, where it stays");
    for words in ["view public.theirs is new", "2 rows written to one since", "Nothing was undone"] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    pty.child.wait().unwrap();
    assert_eq!(bench.value(TABLES).await, "2");
}

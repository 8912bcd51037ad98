//! The tab Activity in a real terminal, on a real PostgreSQL: who blocks whom, and doing away with them.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::pty::Pty;
use common::runs::Bench;
use holdpoint::pg::Session;
use serde_json::Value;

fn cockpit(bench: &Bench, columns: u16, lines: u16) -> Pty {
    let environment = bench.server.config(&bench.db).libpq_environment();
    let environment: Vec<(String, String)> =
        environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let state = bench.path("state").display().to_string();
    let args = ["run", "plan.toml", "--state-dir", &state];
    Pty::start(&args, &bench.path(""), &environment, columns, lines)
}

async fn named(bench: &Bench, application: &str) -> Session {
    let mut session = bench.server.session(&bench.db).await;
    session.batch(&format!("SET application_name = '{application}'")).await.unwrap();
    session
}

/// Of the journal of the one run.
fn events(bench: &Bench, name: &str) -> Vec<Value> {
    let runs =
        std::fs::read_dir(bench.path("state")).unwrap().map(|run| run.unwrap().path().join("journal.jsonl"));
    let text: String = runs.filter_map(|path| std::fs::read_to_string(path).ok()).collect();
    let all = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    all.filter(|event| event["event"] == name).collect()
}

/// A step waits for somebody who waits for nobody, and somebody waits behind the step.
async fn blocked() -> (Bench, Session, Session) {
    let bench = Bench::with("CREATE TABLE t (n int)").await;
    bench.script("ALTER TABLE t ADD COLUMN m int;\n", "lock_timeout = \"50s\"");
    let mut blocker = named(&bench, "the app").await;
    // Its last statement has a password in it.
    let secret = format!("BEGIN; SELECT n FROM t; CREATE ROLE app_{} PASSWORD 'geheim'", bench.db);
    blocker.batch(&secret).await.unwrap();
    let behind = named(&bench, "a report").await;
    (bench, blocker, behind)
}

#[tokio::test]
async fn the_one_who_blocks_a_step_is_ended_from_the_tree_and_the_step_goes_on() {
    let (bench, blocker, mut behind) = blocked().await;
    let mut pty = cockpit(&bench, 120, 36);
    pty.until_says("held by pid");
    behind.queue_simple("SELECT count(*) FROM t").unwrap();
    behind.flush().await.unwrap();
    pty.keys("4");
    let pid = blocker.pid().to_string();
    let screen = pty.until("the tree: the app, below it the step, below that the report", |text| {
        let line = |what: &str| text.lines().position(|line| line.contains(what));
        text.contains("blocks 2")
            && line(&format!("▸ {pid}")) < line("└ ")
            && line("holdpoint work") < line("a report")
            && line("holdpoint work").is_some()
    });
    assert!(screen.contains(" waiting · ") && screen.contains("WAL ") && screen.contains("ours"), "{screen}");
    assert!(screen.contains("idle in tx") && !screen.contains("geheim"), "{screen}");

    // Nothing runs in it: cancelling isn't the way, and the key says so.
    pty.keys("X");
    pty.until_says("no statement of it runs");
    pty.keys("K");
    let question = pty.until("the question with all that it is about", |text| {
        text.contains(&format!("End the session of pid {pid}")) && text.contains("blocks  2 sessions")
    });
    assert!(question.contains("the app") && question.contains("connected since"), "{question}");
    assert!(question.contains("rolled back"), "{question}");
    // The focus is on Cancel.
    pty.keys("\r");
    pty.until("the question is closed", |text| !text.contains("End the session of pid"));
    pty.keys("K");
    pty.until_says("End the session of pid");
    pty.keys("\t\r");
    pty.until("the step went on, to the end", |text| text.contains("✓ DONE"));
    behind.drain().await.unwrap();
    pty.keys("5");
    let log = pty.until_says(&format!("pid {pid} is gone"));
    assert!(log.contains("ends pid"), "{log}");
    pty.keys("Q");
    assert_eq!(pty.end(), 0, "{}", pty.text());
    let text = pty.text();
    assert!(text.contains("sessions") && text.contains(&format!("pid {pid}")), "{text}");
    let asked = events(&bench, "backend_ending");
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(
        (&asked[0]["what"], &asked[0]["backend"]["application"]),
        (&"terminate".into(), &"the app".into())
    );
    let ended = events(&bench, "backend_ended");
    assert_eq!(ended.len(), 1, "{ended:?}");
    assert_eq!((&ended[0]["outcome"], &ended[0]["pid"]), (&"done".into(), &blocker.pid().into()));
}

/// Our own sessions aren't hit, and who watches may be lost: it is said, and comes back.
#[tokio::test]
async fn ours_are_left_alone_and_a_lost_look_comes_back() {
    let (bench, blocker, _behind) = blocked().await;
    let mut pty = cockpit(&bench, 80, 24);
    pty.until_says("held by pid");
    pty.keys("4");
    pty.until_says("blocks 1");
    // Down to the step itself.
    pty.keys("\tj");
    pty.until("our own session is selected", |text| {
        text.lines().any(|line| line.contains("▸") && line.contains("ours"))
    });
    pty.keys("K");
    pty.until_says("is our own session (work)");
    let monitors = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE application_name = 'holdpoint monitor' AND datname = current_database()";
    bench.sql(monitors).await;
    pty.until_says("the monitoring session is gone");
    pty.until("it is back", |text| text.contains("blocks 1") && !text.contains("monitoring session is gone"));
    blocker.close().await;
    pty.until_says("✓ DONE");
    assert_eq!(events(&bench, "backend_ending").len(), 0);
    pty.keys("Q");
    assert_eq!(pty.end(), 0, "{}", pty.text());
}

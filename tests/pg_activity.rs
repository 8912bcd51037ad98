//! What is seen of the server's sessions, and ending one of them: that one and no other.

mod common;

use common::server::TestServer;
use holdpoint::pg::Session;
use holdpoint::pg::activity::activity;
use holdpoint::pg::backends::{Stands, stands, tell};
use holdpoint::run::activity::{Activity, Seen};
use holdpoint::run::event::{Backend, BackendEnd};

async fn named(server: &TestServer, database: &str, application: &str, sql: &str) -> Session {
    let mut session = server.session(database).await;
    session.batch(&format!("SET application_name = '{application}'; {sql}")).await.expect(sql);
    session
}

#[track_caller]
fn of(activity: &Activity, pid: i32) -> &Seen {
    let found = activity.sessions.iter().find(|seen| seen.backend.pid == pid);
    found.unwrap_or_else(|| panic!("pid {pid} isn't seen: {activity:#?}"))
}

/// Looks until it is as wanted.
async fn until(what: &str, asker: &mut Session, wanted: impl Fn(&Activity) -> bool) -> Activity {
    let began = std::time::Instant::now();
    loop {
        let seen = activity(asker).await.expect("activity");
        if wanted(&seen) {
            return seen;
        }
        assert!(began.elapsed().as_secs() < 60, "waited for: {what}\n{seen:#?}");
    }
}

#[tokio::test]
async fn sessions_their_blockers_and_how_far_an_index_is() {
    let server = TestServer::with(&[("max_prepared_transactions", "5")]).await;
    let database = server.fresh_database().await;
    server.sql(&database, "CREATE TABLE t AS SELECT 1 AS id").await;
    let mut asker = server.session(&database).await;
    let app = named(&server, &database, "the app", "BEGIN; INSERT INTO t VALUES (2)").await;
    let mut index = named(&server, &database, "holdpoint work", "").await;
    index.queue_simple("CREATE INDEX CONCURRENTLY i ON t (id)").expect("queued");
    index.flush().await.expect("sent");
    let pid = index.pid();
    let seen = until("the index waits for the app, and says so", &mut asker, |seen| {
        seen.progress.iter().any(|one| one.pid == pid && one.unit == "lockers")
            && seen.sessions.iter().any(|one| one.backend.pid == pid && !one.blocked_by.is_empty())
    })
    .await;
    assert_eq!(seen.hidden, Vec::<String>::new());
    let [progress] = seen.progress.as_slice() else { panic!("{:?}", seen.progress) };
    assert_eq!(
        (progress.command.as_str(), progress.relation.as_str(), progress.of),
        ("CREATE INDEX CONCURRENTLY", "t", 1)
    );
    let waiting = of(&seen, pid);
    assert_eq!((waiting.ours.as_deref(), waiting.blocked_by.as_slice()), (Some("work"), &[app.pid()][..]));
    let blocker = of(&seen, app.pid());
    assert_eq!((blocker.backend.state.as_str(), &blocker.ours), ("idle in transaction", &None));
    assert!(blocker.backend.since_ms.is_some() && blocker.transaction_ms.is_some(), "{blocker:?}");
    assert_eq!((seen.figures.waiting, seen.figures.blocking, seen.figures.in_transaction), (1, 1, 1));
    assert!(seen.figures.of > 0 && !seen.server.standby && seen.server.wal.contains('/'), "{seen:#?}");
    // First who is in somebody's way.
    assert!(seen.sessions.iter().take(2).any(|one| one.backend.pid == app.pid()));

    // A role without privileges sees that there is something, and is told what it doesn't see.
    server.sql(&database, "CREATE ROLE nobody").await;
    asker.batch("SET ROLE nobody").await.expect("role");
    let seen = activity(&mut asker).await.expect("activity");
    assert!(seen.hidden.iter().any(|why| why.contains("pg_read_all_stats")), "{:?}", seen.hidden);
    let blocker = of(&seen, app.pid());
    assert_eq!((blocker.backend.backend_start.as_str(), blocker.query.as_str()), ("", ""));
    assert_eq!(of(&seen, pid).blocked_by, [app.pid()]);
}

#[tokio::test]
async fn a_session_is_told_only_while_it_is_the_one_that_was_meant() {
    let server = TestServer::with(&[]).await;
    let database = server.fresh_database().await;
    let mut asker = server.session(&database).await;
    let app = named(&server, &database, "the app", "").await;
    let ours = named(&server, &database, "holdpoint work", "").await;
    let seen = activity(&mut asker).await.expect("activity");
    let backend = of(&seen, app.pid()).backend.clone();

    // Its number with another beginning is somebody else.
    let another = Backend { backend_start: "2001-01-01 00:00:00.000000+00".into(), ..backend.clone() };
    assert_eq!(stands(&mut asker, &another).await.expect("asked"), Stands::Gone);
    assert!(!tell(&mut asker, &another, BackendEnd::Terminate).await.expect("asked"));
    let ours = of(&seen, ours.pid()).backend.clone();
    assert_eq!(stands(&mut asker, &ours).await.expect("asked"), Stands::Ours);
    assert!(matches!(stands(&mut asker, &backend).await.expect("asked"), Stands::There { .. }));

    // Who mayn't is told so, and nothing happens.
    server.sql(&database, "CREATE ROLE weak IN ROLE pg_monitor").await;
    asker.batch("SET ROLE weak").await.expect("role");
    let refused = tell(&mut asker, &backend, BackendEnd::Terminate).await.expect_err("no right to");
    assert!(
        refused.to_string().contains("permission denied") || refused.to_string().contains("must be"),
        "{refused}"
    );
    asker.batch("RESET ROLE").await.expect("role");
    assert!(matches!(stands(&mut asker, &backend).await.expect("asked"), Stands::There { .. }));
    assert!(tell(&mut asker, &backend, BackendEnd::Terminate).await.expect("asked"));
    until("it is gone", &mut asker, |seen| seen.sessions.iter().all(|one| one.backend.pid != app.pid()))
        .await;
    assert!(!tell(&mut asker, &backend, BackendEnd::Terminate).await.expect("asked"));
}

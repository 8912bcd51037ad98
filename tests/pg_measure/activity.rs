//! What is seen of the server's sessions, and ending one of them: that one and no other.

use crate::common::server::TestServer;
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

/// A standby of it: a server of its own whose data are replaced by a copy of the first one's. Copied as a
/// backup tool does it, by the server's own functions: `pg_basebackup` doesn't come with every server, and
/// the machine's own may be another version.
async fn standby(primary: &TestServer) -> TestServer {
    let socket = primary.embedded().dir().display().to_string();
    let conninfo = format!("host={socket} user=postgres application_name=second");
    let mut standby = TestServer::with(&[("primary_conninfo", &conninfo), ("hot_standby", "on")]).await;
    let copy = standby.embedded().dir().join("copy");
    let version = primary.value("postgres", "SHOW server_version_num").await;
    let (begin, end) = match version.parse::<u32>().expect("a version") {
        150_000.. => ("pg_backup_start('copy', true)", "pg_backup_stop(false)"),
        _ => ("pg_start_backup('copy', true, false)", "pg_stop_backup(false, false)"),
    };
    let mut session = primary.session("postgres").await;
    session.query(&format!("SELECT {begin}"), &[]).await.expect("a backup begins");
    let mut program = std::process::Command::new("cp");
    let copied = program.arg("-a").arg(primary.embedded().data_dir()).arg(&copy).status();
    assert!(copied.expect("cp runs").success());
    let label = session.query(&format!("SELECT labelfile FROM {end}"), &[]).await.expect("it ends");
    let label = label.rows[0][0].clone().expect("a label");
    session.close().await;
    std::fs::remove_file(copy.join("postmaster.pid")).expect("the first one's");
    let settings = std::fs::read_to_string(copy.join("postgresql.auto.conf")).expect("settings");
    let settings = format!("{settings}primary_conninfo = '{conninfo}'\n");
    for (name, text) in [
        ("backup_label", label.as_str()),
        ("standby.signal", ""),
        ("postgresql.auto.conf", settings.as_str()),
    ] {
        std::fs::write(copy.join(name), text).expect("written");
        if let Some((uid, gid)) = standby.embedded().runs_as() {
            std::os::unix::fs::chown(copy.join(name), Some(uid), Some(gid)).expect("the server's own");
        }
    }
    // The running server doesn't mind: it stops, and starts on what is in its place then.
    let data = standby.embedded().data_dir();
    std::fs::rename(&data, standby.embedded().dir().join("own")).expect("its own data are put aside");
    std::fs::rename(&copy, &data).expect("the copy takes their place");
    standby.restart().await;
    standby
}

#[tokio::test]
async fn replicas_and_unused_slots_are_seen_and_how_far_behind_they_are() {
    let primary = TestServer::with(&[]).await;
    primary.sql("postgres", "CREATE TABLE t (n int)").await;
    let standby = standby(&primary).await;
    primary.sql("postgres", "SELECT pg_create_physical_replication_slot('unused', true)").await;
    let mut here = primary.session("postgres").await;
    let mut there = standby.session("postgres").await;

    let seen = until("the standby has everything", &mut here, |seen| {
        seen.replicas.iter().any(|one| one.name == "second" && one.bytes == Some(0))
    })
    .await;
    assert_eq!(seen.hidden, Vec::<String>::new());
    assert!(!seen.server.standby && seen.server.behind.is_none(), "{:?}", seen.server);
    let second = seen.replicas.iter().find(|one| one.name == "second").expect("seen");
    assert_eq!((second.state.as_str(), second.slot), ("streaming", false));
    let slot = seen.replicas.iter().find(|one| one.name == "unused").expect("seen");
    assert!(slot.slot && slot.bytes.is_some(), "{slot:?}");
    assert!(seen.sessions.iter().any(|one| one.kind == "walsender" && one.backend.application == "second"));
    let seen =
        until("the standby has replayed everything", &mut there, |seen| seen.server.behind == Some(0)).await;
    assert!(seen.server.standby && seen.server.wal.contains('/'), "{:?}", seen.server);
    assert_eq!((&seen.hidden, &seen.replicas), (&vec![], &vec![]));

    // It stands still, and the first one goes on. How long it is behind is the age of what it replayed last.
    primary.sql("postgres", "INSERT INTO t VALUES (0)").await;
    while there.query("SELECT count(*) FROM t", &[]).await.expect("asked").rows[0][0].as_deref() != Some("1")
    {
    }
    there.batch("SELECT pg_wal_replay_pause()").await.expect("it pauses");
    while there.query("SELECT pg_get_wal_replay_pause_state() = 'paused'", &[]).await.expect("asked").rows[0]
        [0]
    .as_deref()
        != Some("t")
    {}
    primary.sql("postgres", "INSERT INTO t SELECT generate_series(1, 1000)").await;
    let far = 1000 * 20;
    let wanted = |seen: &Activity| {
        let second = seen.replicas.iter().find(|one| one.name == "second");
        second.is_some_and(|one| one.bytes.is_some_and(|bytes| bytes > far) && one.lag_ms.is_some())
    };
    until("how far behind it is, in bytes and in time", &mut here, wanted).await;
    let seen = until("the same from its own side", &mut there, |seen| {
        seen.server.behind.is_some_and(|bytes| bytes > far)
    })
    .await;
    assert!(seen.server.behind_ms.is_some(), "{:?}", seen.server);
    there.batch("SELECT pg_wal_replay_resume()").await.expect("it goes on");
    until("it caught up", &mut there, |seen| {
        seen.server.behind == Some(0) && seen.server.behind_ms.is_none()
    })
    .await;
}

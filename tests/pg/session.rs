//! The session: everything the engine has to see of a server's answers.

use std::time::Duration;

use crate::common::proxy::{Cut, Proxy, Upstream};
use crate::common::server::TestServer;
use holdpoint::pg::{Bound, ConnectConfig, Environment, Limits, PgError, Reply, Session, TransactionStatus};

/// The replies until everything is answered, in short.
async fn replies(session: &mut Session) -> Vec<String> {
    let mut seen = Vec::new();
    while session.in_flight() > 0 {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        seen.push(match session.receive().await.unwrap() {
            Reply::Complete { tag } => tag,
            Reply::Error(error) => format!("error {}", error.sqlstate),
            Reply::Notice(notice) => format!("notice {}", notice.message),
            Reply::Ready(status) => format!("{status:?}"),
            Reply::RowDescription(columns) => {
                let columns = columns.iter().map(|column| format!("{}:{}", column.name, column.type_oid));
                columns.collect::<Vec<_>>().join(",")
            }
            Reply::DataRow(row) => {
                row.cells().map(|cell| cell.map_or("NULL".into(), text)).collect::<Vec<_>>().join(",")
            }
            Reply::Empty => "empty".into(),
            Reply::Suspended => "suspended".into(),
            Reply::CopyIn => return [seen, vec!["copy in".into()]].concat(),
            Reply::CopyOut => "copy out".into(),
            Reply::CopyData(bytes) => format!("data {:?}", text(&bytes)),
            Reply::CopyDone => "copy done".into(),
            Reply::Parameter { name, value } => format!("{name}={value}"),
            Reply::Notification { channel, payload, .. } => format!("{channel}: {payload}"),
            Reply::Acknowledged => continue,
        });
    }
    seen
}

async fn simple(session: &mut Session, sql: &str) -> Vec<String> {
    session.queue_simple(sql).unwrap();
    replies(session).await
}

#[tokio::test]
async fn tags_and_statuses_come_in_order() {
    let server = TestServer::start().await;
    let mut session = server.session("postgres").await;
    session.queue_simple("BEGIN").unwrap();
    session.queue_simple("SELECT 1 AS one, NULL AS no; SELECT 1/0").unwrap();
    session.queue_simple("COMMIT").unwrap();
    assert_eq!(session.in_flight(), 3);
    session.flush().await.unwrap();
    let expected = [
        "BEGIN",
        "InTransaction",
        "one:23,no:25",
        "1,NULL",
        "SELECT 1",
        "error 22012",
        "Failed",
        "ROLLBACK", // of a COMMIT
        "Idle",
    ];
    assert_eq!(replies(&mut session).await, expected);
    assert_eq!(session.transaction(), TransactionStatus::Idle);
    assert_eq!(simple(&mut session, " -- nothing").await, ["empty", "Idle"]);

    // Notices stand where they belong, a changed setting is told, and a notification comes through.
    let sql = "CREATE TABLE t (x int); DO $$ BEGIN RAISE NOTICE 'a'; END $$; INSERT INTO t VALUES (1), (2); \
               DROP TABLE IF EXISTS nix; LISTEN c; NOTIFY c, 'p'; SET application_name = 'renamed'";
    let seen = simple(&mut session, sql).await;
    let expected = [
        "CREATE TABLE",
        "notice a",
        "DO",
        "INSERT 0 2",
        "notice table \"nix\" does not exist, skipping",
        "DROP TABLE",
        "LISTEN",
        "NOTIFY",
        "SET",
    ];
    assert_eq!(seen[..9], expected);
    assert!(
        seen.contains(&"c: p".to_owned()) && seen.contains(&"application_name=renamed".to_owned()),
        "{seen:?}"
    );
    assert_eq!(session.parameter("application_name"), Some("renamed"));
    session.close().await;
}

#[tokio::test]
async fn a_session_is_set_up_for_long_waits_and_known_by_name() {
    let server = TestServer::with(&[
        ("idle_session_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "5s"),
        ("client_min_messages", "notice"),
    ])
    .await;
    let mut session = Session::connect(&server.config("postgres"), "work").await.unwrap();
    for (setting, value) in [
        ("idle_session_timeout", "0"),
        ("idle_in_transaction_session_timeout", "0"),
        ("client_connection_check_interval", "2s"),
        ("application_name", "holdpoint work"),
        ("client_encoding", "UTF8"),
    ] {
        let rows = session.query(&format!("SHOW {setting}"), &[]).await.unwrap();
        assert_eq!(rows.scalar(), Some(value), "{setting}");
    }
    assert!(session.server_version() >= 130_000, "{:?}", session.parameter("server_version"));
    assert_eq!(session.parameter("standard_conforming_strings"), Some("on"));
    assert!(!session.is_behind_pooler().await.unwrap());
    let start = session.backend_start().await.unwrap();
    session.batch("SET DateStyle = 'SQL, DMY'; SET TimeZone = 'Asia/Kathmandu'").await.unwrap();
    assert_eq!(session.backend_start().await.unwrap(), start);
    let pid = session.pid().to_string();
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1::int AND backend_start = $2::timestamptz";
    assert_eq!(session.query(sql, &[Some(&pid), Some(&start)]).await.unwrap().scalar(), Some("1"));
    assert!(format!("{session:?}").contains("postgres@"));
}

#[tokio::test]
async fn copy_runs_inside_simple_queries() {
    let server = TestServer::start().await;
    let mut session = server.session("postgres").await;
    session.batch("CREATE TABLE t (x int PRIMARY KEY, y text)").await.unwrap();

    let sql = "INSERT INTO t VALUES (0, 'z'); COPY t FROM STDIN; SELECT count(*) FROM t";
    assert_eq!(simple(&mut session, sql).await, ["INSERT 0 1", "copy in"]);
    for piece in ["1\ta\n2", "\tb\n", "3\t\\N\n"] {
        session.copy_send(piece.as_bytes()).await.unwrap();
    }
    session.copy_done();
    assert_eq!(replies(&mut session).await, ["COPY 3", "count:20", "4", "SELECT 1", "Idle"]);

    let expected =
        ["copy out", "data \"0\\tz\\n\"", "data \"1\\ta\\n\"", "copy done", "COPY 2", "SET", "Idle"];
    let sql = "COPY (SELECT * FROM t WHERE x < 2 ORDER BY x) TO STDOUT; SET work_mem = '5MB'";
    assert_eq!(simple(&mut session, sql).await, expected);

    // Wrong data in the middle of much: the error comes out, whatever was still being sent.
    assert_eq!(simple(&mut session, "COPY t FROM STDIN").await, ["copy in"]);
    session.copy_send(b"nonsense\tx\n").await.unwrap();
    for _ in 0..400 {
        session.copy_send(&[b'x'; 16 * 1024]).await.unwrap();
    }
    session.copy_done();
    assert_eq!(replies(&mut session).await, ["error 22P02", "Idle"]);

    // Giving up.
    assert_eq!(simple(&mut session, "COPY t FROM STDIN").await, ["copy in"]);
    session.copy_fail("changed my mind").unwrap();
    assert_eq!(replies(&mut session).await, ["error 57014", "Idle"]);

    // The conveniences have no data to give and say so, and the session goes on.
    for _ in 0..2 {
        let error = session.batch("COPY t FROM STDIN").await.unwrap_err();
        assert_eq!(error.sqlstate(), Some("57014"), "{error}");
        let error = session.query("COPY t FROM STDIN", &[]).await.unwrap_err();
        assert_eq!(error.sqlstate(), Some("57014"), "{error}");
    }
    assert_eq!(session.batch("COPY t TO STDOUT").await.unwrap()[0].tag, "COPY 4");

    // An answer that was abandoned in the middle of a COPY.
    assert_eq!(simple(&mut session, "COPY t FROM STDIN").await, ["copy in"]);
    assert!(matches!(session.batch("SELECT 1").await, Err(PgError::Busy { .. })));
    assert_eq!(session.drain().await.unwrap()[0].sqlstate, "57014");
    assert_eq!(session.query("SELECT count(*) FROM t", &[]).await.unwrap().scalar(), Some("4"));
}

#[tokio::test]
async fn errors_keep_the_servers_words_and_the_session() {
    let server = TestServer::start().await;
    let mut session = server.session("postgres").await;
    session.batch("CREATE TABLE t (x int CONSTRAINT positive CHECK (x > 0))").await.unwrap();
    let error = session.batch("INSERT INTO t VALUES (1); INSERT INTO t VALUES (-7)").await.unwrap_err();
    assert!(!error.is_lost());
    let server_error = error.server().unwrap().clone();
    assert_eq!((server_error.severity.as_str(), server_error.sqlstate.as_str()), ("ERROR", "23514"));
    assert_eq!(
        (server_error.constraint.as_deref(), server_error.table.as_deref()),
        (Some("positive"), Some("t"))
    );
    assert!(
        server_error.detail.as_deref().unwrap().contains("-7") && !error.to_string().contains("-7"),
        "{error}"
    );
    let error = session.query("SELEC 1", &[]).await.unwrap_err();
    assert_eq!((error.sqlstate(), error.server().unwrap().position), (Some("42601"), Some(1)));
    let error = session.query("SELECT 1; SELECT 2", &[]).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some("42601"), "one statement only: {error}");
    let error = session.batch("SELECT '\0'").await.unwrap_err();
    assert!(matches!(error, PgError::Unsendable { .. }) && !error.is_lost(), "{error}");
    // Raised by a function: looks like the end of the session and isn't.
    let error =
        session.batch("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '57P01'; END $$").await.unwrap_err();
    assert!(!error.is_lost(), "{error}");
    let rows = session
        .query("SELECT $1::text || 'x', $2::int, $3::text", &[Some("ä"), Some("7"), None])
        .await
        .unwrap();
    assert_eq!(rows.rows, [[Some("äx".to_owned()), Some("7".to_owned()), None]]);
    assert_eq!((rows.columns[1].type_oid, rows.tag.as_str()), (23, "SELECT 1"));
    let rows = session.query("", &[]).await.unwrap();
    assert_eq!((rows.tag.as_str(), rows.total_rows), ("", 0));
    let json = serde_json::to_value(&server_error).unwrap();
    assert_eq!(json["sqlstate"], "23514");
    assert!(json.get("hint").is_none());
}

#[tokio::test]
async fn a_result_is_bounded_in_rows_cells_and_bytes() {
    let server = TestServer::start().await;
    let mut session = server.session("postgres").await;
    let limits = Limits { max_rows: 10, max_cell_bytes: 1000, max_total_bytes: 100_000 };
    let rows =
        session.query_bounded("SELECT g FROM generate_series(1, 1000000) g", &[], limits).await.unwrap();
    assert_eq!((rows.rows.len(), rows.total_rows, rows.truncated), (10, 1_000_000, Some(Bound::Rows)));
    assert_eq!(rows.tag, "SELECT 1000000");

    let sql = "SELECT 1, repeat('ä', 50000000), 'z'";
    let rows = session.query_bounded(sql, &[], limits).await.unwrap();
    assert_eq!((rows.rows[0][1].as_ref().unwrap().len(), rows.truncated), (1000, None));
    assert_eq!((rows.rows[0][2].as_deref(), rows.long_cells[0].bytes), (Some("z"), 100_000_000));
    assert_eq!((rows.long_cells.len(), rows.long_cells[0].row, rows.long_cells[0].column), (1, 0, 1));

    // Cut in the middle of a character: it goes as a whole.
    let odd = Limits { max_cell_bytes: 3, ..limits };
    let rows = session.query_bounded("SELECT 'ääää'", &[], odd).await.unwrap();
    assert_eq!(rows.rows[0][0].as_deref(), Some("ä"));

    let total = Limits { max_rows: 1_000_000, max_cell_bytes: 1000, max_total_bytes: 50_000 };
    let rows = session
        .query_bounded("SELECT repeat('x', 900) FROM generate_series(1, 500)", &[], total)
        .await
        .unwrap();
    assert_eq!((rows.truncated, rows.total_rows), (Some(Bound::TotalBytes), 500));
    assert!((50..=56).contains(&rows.rows.len()), "{}", rows.rows.len());

    // Abandoned in the middle; the next one has no bounds of the last one.
    let slow = session.query_bounded(
        "SELECT repeat('x', 5000), pg_sleep(0.05) FROM generate_series(1, 20)",
        &[],
        limits,
    );
    assert!(tokio::time::timeout(Duration::from_millis(50), slow).await.is_err());
    assert!(session.in_flight() > 0);
    assert!(session.drain().await.unwrap().is_empty());
    let rows = session.query("SELECT repeat('x', 5000)", &[]).await.unwrap();
    assert_eq!(rows.scalar().map(str::len), Some(5000));
    session.set_cell_limit(10);
    assert_eq!(simple(&mut session, "SELECT repeat('x', 5000)").await[1], "xxxxxxxxxx");
}

#[tokio::test]
async fn a_full_window_with_large_answers_doesnt_hang() {
    let server = TestServer::start().await;
    let mut session = server.session("postgres").await;
    session.batch("BEGIN").await.unwrap();
    let long = format!("SELECT repeat('x', 20000) /* {} */", "c".repeat(20_000));
    for _ in 0..500 {
        session.queue_simple(&long).unwrap();
        session.flush().await.unwrap();
    }
    let seen = replies(&mut session).await;
    assert_eq!(seen.iter().filter(|reply| *reply == "SELECT 1").count(), 500);
}

#[tokio::test]
async fn cancel_ends_a_statement_and_not_the_session() {
    let server = TestServer::start().await;
    let mut session = server.session("postgres").await;
    let cancel = session.cancel_handle();
    session.queue_simple("BEGIN; SELECT pg_advisory_lock(42); SELECT pg_sleep(600)").unwrap();
    session.flush().await.unwrap();
    // Under way when the lock is seen; waiting for it by name.
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    while server.value("postgres", waiting).await != "1" {}
    cancel.cancel().await.unwrap();
    let seen = replies(&mut session).await;
    assert_eq!(seen[seen.len() - 2..], ["error 57014", "Failed"]);
    session.batch("ROLLBACK").await.unwrap();
    // When cancel() has returned, the request can't hit what comes next.
    for _ in 0..50 {
        cancel.cancel().await.unwrap();
        match session.batch("SELECT 1").await {
            Ok(_) => {}
            // The signal itself may still be on its way, at the start of the very next statement.
            Err(error) => assert_eq!(error.sqlstate(), Some("57014")),
        }
    }
    assert_eq!(session.query("SELECT 1", &[]).await.unwrap().scalar(), Some("1"));
    assert!(!format!("{cancel:?}").contains("secret"));
}

#[tokio::test]
async fn a_terminated_backend_is_an_error_with_the_servers_word() {
    let server = TestServer::start().await;
    let kill = |pid: i32| format!("SELECT pg_terminate_backend({pid}, 10000)");

    // While it waits.
    let mut session = server.session("postgres").await;
    assert_eq!(server.value("postgres", &kill(session.pid())).await, "t");
    let error = session.batch("SELECT 1").await.unwrap_err();
    assert!(error.is_lost(), "{error}");
    assert_eq!(error.sqlstate(), Some("57P01"), "{error}");
    assert!(error.to_string().contains("was lost"), "{error}");
    assert!(session.receive().await.unwrap_err().is_lost(), "and stays lost");

    // In the middle of a statement.
    let mut session = server.session("postgres").await;
    let pid = session.pid();
    session.queue_simple("SELECT pg_sleep(600)").unwrap();
    session.flush().await.unwrap();
    server.value("postgres", &kill(pid)).await;
    let mut last = session.receive().await;
    let mut words = Vec::new();
    while let Ok(reply) = last {
        if let Reply::Error(error) = reply {
            words.push(error.sqlstate);
        }
        last = session.receive().await;
    }
    assert_eq!(words, ["57P01"]);
    assert!(last.unwrap_err().is_lost());

    // By itself, and by a query.
    let mut session = server.session("postgres").await;
    let error = session.query("SELECT pg_terminate_backend(pg_backend_pid())", &[]).await.unwrap_err();
    assert!(error.is_lost() && error.sqlstate() == Some("57P01"), "{error}");
}

#[tokio::test]
async fn a_server_that_stops_or_crashes_is_an_error() {
    let mut server = TestServer::start().await;
    let mut session = server.session("postgres").await;
    server.restart().await;
    let error = session.batch("SELECT 1").await.unwrap_err();
    assert!(error.is_lost() && error.sqlstate() == Some("57P01"), "{error}");

    // Another backend is killed: this one gets a mere warning and its connection's end.
    let mut session = server.session("postgres").await;
    let other = server.session("postgres").await;
    session.queue_simple("SELECT pg_sleep(600)").unwrap();
    session.flush().await.unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(other.pid()), nix::sys::signal::Signal::SIGKILL)
        .unwrap();
    let error = loop {
        if let Err(error) = session.receive().await {
            break error;
        }
    };
    assert!(error.is_lost() && error.sqlstate() == Some("57P02"), "{error}");
}

#[tokio::test]
async fn a_cut_connection_is_never_a_success() {
    let server = TestServer::start().await;
    let socket = server.embedded().dir().join(".s.PGSQL.5432");
    let proxy = Proxy::start(Upstream::Unix(socket)).await;
    let text =
        format!("host=127.0.0.1 port={} user=postgres dbname=postgres sslmode=disable", proxy.address.port());
    let config = ConnectConfig::parse(&text, &Environment::empty()).unwrap();
    server.sql("postgres", "CREATE TABLE t (x int)").await;

    let cuts = [
        (Cut::Before("COMMIT".into()), "0"),       // the server never heard of it
        (Cut::BeforeAnswer("COMMIT".into()), "1"), // done, and the client can't know
        (Cut::BeforeTag("COMMIT".into()), "2"),    // the same
    ];
    for (round, (cut, rows)) in cuts.into_iter().enumerate() {
        let mut session = Session::connect(&config, "work").await.unwrap();
        session.batch("BEGIN; INSERT INTO t VALUES (1)").await.unwrap();
        proxy.arm(cut.clone());
        let error = session.batch("COMMIT").await.unwrap_err();
        assert!(matches!(error, PgError::Lost { .. }) && error.is_lost(), "{cut:?}: {error}");
        proxy.wait_for_cuts(round as u32 + 1).await;
        // The old backend is gone when its rows can't change any more.
        let gone = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {}", session.pid());
        while server.value("postgres", &gone).await != "0" {}
        assert_eq!(server.value("postgres", "SELECT count(*) FROM t").await, rows, "{cut:?}");
    }

    // The answer gets through, the next statement doesn't.
    let mut session = Session::connect(&config, "work").await.unwrap();
    proxy.arm(Cut::AfterAnswer("COMMIT".into()));
    session.batch("BEGIN").await.unwrap();
    session.batch("COMMIT").await.unwrap();
    assert!(session.batch("SELECT 1").await.unwrap_err().is_lost());

    // While sending much.
    let mut session = Session::connect(&config, "work").await.unwrap();
    session.queue_simple("COPY t FROM STDIN").unwrap();
    while !matches!(session.receive().await.unwrap(), Reply::CopyIn) {}
    proxy.cut_now();
    let error = loop {
        if let Err(error) = session.copy_send(b"1\n".repeat(100_000).as_slice()).await {
            break error;
        }
    };
    assert!(matches!(error, PgError::Lost { doing: "sending", .. }), "{error}");
    assert_eq!(server.value("postgres", "SELECT count(*) FROM t").await, "2");
}

#[tokio::test]
async fn a_server_that_isnt_there_or_refuses_says_what_to_do() {
    let server =
        TestServer::with(&[("max_connections", "10"), ("superuser_reserved_connections", "0")]).await;
    let connect = |config: ConnectConfig| async move { Session::connect(&config, "test").await.unwrap_err() };

    let error = connect(server.config("nix")).await;
    assert_eq!(error.sqlstate(), Some("3D000"), "{error}");
    assert!(error.to_string().contains("name another database"), "{error}");
    let error = connect(server.config("postgres").with_user("nix")).await;
    assert!(matches!(error, PgError::Auth { .. }) && error.sqlstate() == Some("28000"), "{error}");

    let nowhere = ConnectConfig::socket(std::path::Path::new("/nonexistent"), 5432, "u", "d");
    let error = connect(nowhere).await;
    assert!(
        matches!(error, PgError::Unreachable { .. }) && error.to_string().contains("/nonexistent"),
        "{error}"
    );

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let parse = |text: String| ConnectConfig::parse(&text, &Environment::empty()).unwrap();
    // Takes the connection and says nothing.
    let silent = parse(format!("host=127.0.0.1 port={port} user=u connect_timeout=1"));
    let error = connect(silent).await;
    assert!(matches!(error, PgError::Timeout { doing: "asking the server for TLS", .. }), "{error}");
    // Speaks something else.
    tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        while let Ok((mut client, _)) = listener.accept().await {
            let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            let _ = client.shutdown().await;
            std::mem::forget(client);
        }
    });
    for mode in ["disable", "prefer"] {
        let other = parse(format!("host=127.0.0.1 port={port} user=u sslmode={mode}"));
        let error = connect(other).await;
        assert!(matches!(error, PgError::Protocol { .. }), "{mode}: {error}");
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = connect(parse(format!("host=127.0.0.1 port={port} user=u"))).await;
    assert!(matches!(error, PgError::Unreachable { .. }), "{error}");
    let error = connect(parse("host=no-such-host.invalid user=u".into())).await;
    assert!(error.to_string().contains("check the host's name"), "{error}");

    let mut sessions = Vec::new();
    let error = loop {
        match Session::connect(&server.config("postgres"), "many").await {
            Ok(session) => sessions.push(session),
            Err(error) => break error,
        }
    };
    assert_eq!(error.sqlstate(), Some("53300"), "{error}");
    assert!(error.to_string().contains("max_connections"), "{error}");
}

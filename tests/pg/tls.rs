//! Encryption and logging in, over TCP.

use std::os::unix::fs::PermissionsExt;

use crate::common::tls::{Authority, TcpServer, self_signed};
use holdpoint::pg::{ConnectConfig, Environment, PgError, Session};

async fn open(server: &TcpServer, keys: &str) -> Result<Session, PgError> {
    open_with(server, keys, &Environment::empty()).await
}

async fn open_with(server: &TcpServer, keys: &str, environment: &Environment) -> Result<Session, PgError> {
    let user = if keys.contains("user=") { "" } else { "user=postgres" };
    let text =
        format!("host=localhost hostaddr=127.0.0.1 port={} dbname=postgres {user} {keys}", server.port);
    let config = ConnectConfig::parse(&text, environment).unwrap_or_else(|error| panic!("{keys}: {error}"));
    Session::connect(&config, "test").await
}

/// Whether the server sees the session as encrypted.
async fn encrypted(server: &TcpServer, keys: &str) -> bool {
    let mut session = open(server, keys).await.unwrap_or_else(|error| panic!("{keys}: {error}"));
    let rows = session.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]).await.unwrap();
    let seen = rows.scalar() == Some("t");
    assert_eq!(seen, session.is_encrypted());
    session.close().await;
    seen
}

async fn refused(server: &TcpServer, keys: &str) -> String {
    match open(server, keys).await {
        Ok(_) => panic!("{keys}: let in"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_server_with_tls() {
    let authority = Authority::new("ours");
    let server = TcpServer::start(Some(&authority.sign(&["localhost"]))).await;
    let root = server.file("root.crt", &authority.pem);
    let root = root.display();
    let foreign = server.file("foreign.crt", &Authority::new("theirs").pem);
    let foreign = foreign.display();
    let empty = server.file("empty.crt", "");

    assert!(!encrypted(&server, "sslmode=disable").await);
    assert!(encrypted(&server, "").await, "prefer is the default");
    assert!(encrypted(&server, "sslmode=require").await);
    assert!(encrypted(&server, "host=whatever sslmode=require").await, "require doesn't look at the name");
    assert!(encrypted(&server, &format!("sslmode=verify-full sslrootcert={root}")).await);
    // `require` with a root looks at the chain and not at the name.
    assert!(encrypted(&server, &format!("host=whatever sslmode=require sslrootcert={root}")).await);

    for (keys, words) in [
        (format!("sslmode=verify-full sslrootcert={foreign}"), "issuer that isn't trusted"),
        (format!("sslmode=require sslrootcert={foreign}"), "issuer that isn't trusted"),
        (format!("host=db.example sslmode=verify-full sslrootcert={root}"), "isn't made out for this host"),
        (format!("host=127.0.0.1 sslmode=verify-full sslrootcert={root}"), "isn't made out for this host"),
        ("sslmode=verify-full sslrootcert=/nonexistent".to_owned(), "check sslrootcert"),
        (format!("sslmode=verify-full sslrootcert={}", empty.display()), "no certificate"),
        ("sslmode=verify-full".to_owned(), "give sslrootcert=FILE"),
        ("sslmode=verify-full sslrootcert=system".to_owned(), ""),
    ] {
        let error = refused(&server, &keys).await;
        assert!(error.contains(words) && error.contains("by TLS"), "{keys}: {error}");
    }

    // The default place of a root certificate.
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".postgresql")).unwrap();
    std::fs::write(home.path().join(".postgresql/root.crt"), &authority.pem).unwrap();
    let environment = Environment::empty().with_home(home.path());
    assert!(open_with(&server, "sslmode=verify-full", &environment).await.unwrap().is_encrypted());

    // pg_hba.conf lets this role in without TLS only.
    assert!(!encrypted(&server, "user=nossl").await);
    assert!(refused(&server, "user=nossl sslmode=require").await.contains("pg_hba.conf"));

    // Cancelling works over TLS, with the same verification.
    let mut session = open(&server, &format!("sslmode=verify-full sslrootcert={root}")).await.unwrap();
    session.queue_simple("SELECT pg_sleep(600)").unwrap();
    session.flush().await.unwrap();
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    while server.server.value("postgres", waiting).await != "1" {}
    session.cancel_handle().cancel().await.unwrap();
    assert_eq!(session.drain().await.unwrap()[0].sqlstate, "57014");

    // Much in both directions through TLS.
    for _ in 0..100 {
        session.queue_simple(&format!("SELECT repeat('x', 100000) /* {} */", "c".repeat(100_000))).unwrap();
        session.flush().await.unwrap();
    }
    assert!(session.drain().await.unwrap().is_empty());
    let error = session.query("SELECT pg_terminate_backend(pg_backend_pid())", &[]).await.unwrap_err();
    assert!(error.is_lost() && error.sqlstate() == Some("57P01"), "{error}");
}

#[tokio::test]
async fn a_self_signed_certificate_can_be_its_own_root() {
    let certificate = self_signed(&["localhost"]);
    let server = TcpServer::start(Some(&certificate)).await;
    let root = server.file("root.crt", &certificate.0);
    let root = root.display();
    assert!(encrypted(&server, &format!("sslmode=verify-full sslrootcert={root}")).await);
    let error = refused(&server, &format!("host=other sslmode=verify-full sslrootcert={root}")).await;
    assert!(error.contains("isn't made out for this host"), "{error}");
    let other = server.file("other.crt", &self_signed(&["localhost"]).0);
    refused(&server, &format!("sslmode=verify-full sslrootcert={}", other.display())).await;
}

#[tokio::test]
async fn a_server_without_tls() {
    let server = TcpServer::start(None).await;
    assert!(!encrypted(&server, "sslmode=prefer").await);
    for keys in ["sslmode=require", "sslmode=verify-full sslrootcert=system"] {
        let error = refused(&server, keys).await;
        assert!(error.contains("doesn't offer TLS"), "{error}");
    }
}

#[tokio::test]
async fn passwords_in_every_way_a_server_asks() {
    let authority = Authority::new("ours");
    let server = TcpServer::start(Some(&authority.sign(&["localhost"]))).await;
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join(".pgpass");
    std::fs::write(&file, format!("localhost:{}:*:*:secret\n", server.port)).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();

    for user in ["scram", "md5", "plain"] {
        for mode in ["disable", "require"] {
            open(&server, &format!("user={user} password=secret sslmode={mode}")).await.unwrap();
            let wrong =
                open(&server, &format!("user={user} password=wrong sslmode={mode}")).await.unwrap_err();
            assert!(matches!(wrong, PgError::Auth { .. }) && wrong.is_lost(), "{wrong}");
            assert_eq!(wrong.sqlstate(), Some("28P01"));
            assert!(wrong.to_string().contains("check user and password"), "{wrong}");
            assert!(!wrong.to_string().contains("wrong"), "{wrong}");
        }
        let none = refused(&server, &format!("user={user}")).await;
        assert!(none.contains("none is given; set PGPASSWORD"), "{none}");
        let environment = Environment::empty().with_home(home.path());
        open_with(&server, &format!("user={user}"), &environment).await.unwrap();
        let environment = Environment::empty().with("PGPASSWORD", "secret");
        open_with(&server, &format!("user={user}"), &environment).await.unwrap();
    }
    let error = refused(&server, "user=gss sslmode=disable").await;
    assert!(error.contains("GSSAPI, which isn't supported yet") || error.contains("pg_hba.conf"), "{error}");
}

/// Takes a SCRAM login and claims success without knowing the password.
#[tokio::test]
async fn a_server_that_cant_prove_the_password_is_refused() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut buffer = vec![0; 4096];
        let message = |code: u32, text: &[u8]| {
            let mut bytes = vec![b'R'];
            bytes.extend((8 + text.len() as u32).to_be_bytes());
            bytes.extend(code.to_be_bytes());
            bytes.extend(text);
            bytes
        };
        let _ = client.read(&mut buffer).await;
        client.write_all(&message(10, b"SCRAM-SHA-256\0\0")).await.unwrap();
        let n = client.read(&mut buffer).await.unwrap();
        let first = String::from_utf8_lossy(&buffer[..n]).into_owned();
        let nonce = first.rsplit("r=").next().unwrap();
        let challenge = format!("r={nonce}xyz,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
        client.write_all(&message(11, challenge.as_bytes())).await.unwrap();
        let _ = client.read(&mut buffer).await;
        client.write_all(&message(12, b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")).await.unwrap();
        client.write_all(&message(0, b"")).await.unwrap();
        let _ = client.read(&mut buffer).await;
    });
    let text = format!("host=127.0.0.1 port={port} user=u password=p sslmode=disable");
    let config = ConnectConfig::parse(&text, &Environment::empty()).unwrap();
    let error = Session::connect(&config, "test").await.unwrap_err();
    assert!(matches!(error, PgError::Auth { .. }) && error.to_string().contains("impostor"), "{error}");
}

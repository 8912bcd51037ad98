//! A target that isn't there, isn't the right one, or doesn't let us: one clear line, nothing changed.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;
mod scene;

use std::net::TcpListener;
use std::process::Command;

use common::server::TestServer;
use scene::{Said, Scene, holdpoint, one_step, open_folder, plan_text};

const CHANGE: &str = "CREATE TABLE made (n int);";

/// A plan in a folder of its own, and no server.
fn without_server(target: &str) -> Said {
    let folder = open_folder();
    std::fs::write(folder.path().join("plan.toml"), plan_text("stepping = \"auto\"", &one_step(CHANGE)))
        .unwrap();
    let mut command = holdpoint(["run", "plan.toml", "--plain", "--target", target]);
    command.current_dir(folder.path());
    let said = Said::by(command);
    assert!(!folder.path().join(".holdpoint").exists(), "no run was opened");
    said
}

#[test]
fn a_server_that_isnt_there() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    without_server(&format!("host=127.0.0.1 port={free} user=u dbname=d"))
        .exits(7)
        .complains(&format!("failed to connect to u@127.0.0.1:{free}/d: Connection refused"))
        .complains("check host and port")
        .reads_well();
    without_server("host=/nonexistent user=u dbname=d")
        .exits(7)
        .complains("failed to connect to u@/nonexistent:5432/d")
        .complains("/nonexistent/.s.PGSQL.5432")
        .reads_well();
    without_server("host=no-such-host.invalid user=u dbname=d")
        .exits(7)
        .complains("no-such-host.invalid")
        .complains("check the host's name")
        .reads_well();
}

#[test]
fn a_port_that_is_silent() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    without_server(&format!("host=127.0.0.1 port={port} user=u dbname=d connect_timeout=2"))
        .exits(7)
        .complains("no answer within 2s")
        .complains("connect_timeout")
        .reads_well();
}

#[test]
fn a_port_where_something_else_listens() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    let web = std::thread::spawn(move || {
        // Once for TLS, and perhaps once more without.
        for _ in 0..2 {
            let Ok((mut stream, _)) = other.accept() else { return };
            let _ = std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    without_server(&format!("host=127.0.0.1 port={port} user=u dbname=d connect_timeout=5"))
        .exits(7)
        .complains("check that a PostgreSQL server listens there")
        .reads_well();
    drop(web);
}

#[test]
fn a_target_that_cant_be_read() {
    for (target, words) in [
        ("host=h port=abc", "port"),
        ("host=h colour=red", "unknown key `colour`"),
        ("postgres://h/d?colour=red", "unknown key `colour`"),
        ("mysql://h/d", "mysql"),
        ("host=h service=x", "service"),
    ] {
        without_server(target).exits(2).complains(words).reads_well();
    }
    // A password that is typed there isn't repeated.
    without_server("postgres://u:geheim@127.0.0.1:1/d").exits(7).never_says("geheim").reads_well();
    without_server("host=127.0.0.1 port=1 password=geheim nonsense")
        .exits(2)
        .never_says("geheim")
        .reads_well();
}

#[tokio::test]
async fn a_wrong_database_or_user() {
    let scene = Scene::new().await;
    scene.plan(&one_step(CHANGE));
    let target = |more: &str| {
        let mut command = scene.command(["run", "plan.toml", "--plain", "--target", more]);
        command.env_remove("PGDATABASE");
        Said::by(command)
    };
    target("dbname=nowhere").exits(7).complains("database \"nowhere\" does not exist (3D000)").reads_well();
    target("user=nobody dbname=postgres").exits(7).complains("role \"nobody\" does not exist").reads_well();
    scene.sql("CREATE ROLE shy NOLOGIN").await;
    target("user=shy dbname=postgres").exits(7).complains("not permitted to log in").reads_well();
    assert!(scene.runs().is_empty());
}

#[tokio::test]
async fn a_wrong_password() {
    let server = TestServer::start().await;
    server.sql("postgres", "CREATE ROLE ada LOGIN PASSWORD 'right'").await;
    let hba =
        server.write_data_file("pg_hba.conf", "local all postgres trust\nlocal all all scram-sha-256\n");
    assert!(hba.exists());
    server.sql("postgres", "SELECT pg_reload_conf()").await;
    let scene = Scene::on(server).await;
    scene.plan(&one_step("SELECT 1;"));
    let with = |password: Option<&str>| {
        let mut command = scene.command(["run", "plan.toml", "--plain"]);
        command.env("PGUSER", "ada");
        if let Some(password) = password {
            command.env("PGPASSWORD", password);
        }
        Said::by(command)
    };
    let wrong = scene::wait_for("the new pg_hba.conf to hold", || {
        let said = with(Some("wrong-and-secret"));
        (said.code == Some(7)).then_some(said)
    });
    wrong
        .complains("password authentication failed for user \"ada\" (28P01)")
        .complains("check user and password")
        .never_says("wrong-and-secret")
        .reads_well();
    with(None).exits(7).complains("password").reads_well();
}

#[tokio::test]
async fn a_role_that_may_not_make_the_ledger() {
    let scene = Scene::new().await;
    scene.plan(&one_step(CHANGE));
    scene.sql("CREATE ROLE ada LOGIN").await;
    scene.sql("GRANT ALL ON SCHEMA public TO ada").await;
    let mut command = scene.command(["run", "plan.toml", "--plain"]);
    command.env("PGUSER", "ada");
    let said = Said::by(command);
    said.exits(3).complains("GRANT CREATE ON DATABASE").complains("permission denied").reads_well();
    assert!(!scene.has("made").await);
    scene.type_in("status").says("refused");
    // What it says helps.
    scene.sql(&format!("GRANT CREATE ON DATABASE {} TO ada", scene.database)).await;
    let mut command = scene.command(["run", "plan.toml", "--plain"]);
    command.env("PGUSER", "ada");
    Said::by(command).exits(0);
}

#[tokio::test]
async fn a_checkpoint_that_the_role_may_not_ask_has_failed() {
    let scene = Scene::new().await;
    scene.sql("CREATE TABLE hidden (n int); CREATE ROLE ada LOGIN").await;
    scene.plan(
        &one_step("").replace("sql = '''\n\n'''", "check = \"SELECT count(*) FROM hidden\"\nexpect = 0"),
    );
    let mut command = scene.command(["run", "plan.toml", "--plain"]);
    command.env("PGUSER", "ada");
    Said::by(command).exits(6).says("expected 0, got error 42501: permission denied for table hidden");
}

#[tokio::test]
async fn a_guard_on_what_isnt_there() {
    let scene = Scene::new().await;
    scene.plan_with("stepping = \"auto\"\nguards = [\"gone\"]", &one_step(CHANGE));
    scene.run("").exits(3).complains("guards").complains("gone").complains("no such table").reads_well();
    assert!(!scene.has("made").await);
}

#[tokio::test]
async fn a_standby() {
    let mut server = TestServer::start().await;
    server.write_data_file("standby.signal", "");
    server.restart().await;
    let folder = open_folder();
    std::fs::write(folder.path().join("plan.toml"), plan_text("stepping = \"auto\"", &one_step(CHANGE)))
        .unwrap();
    let mut command = holdpoint(["run", "plan.toml", "--plain"]);
    command.current_dir(folder.path()).envs(server.config("postgres").libpq_environment());
    Said::by(command).exits(3).complains("the server is a standby").complains("primary").reads_well();
    assert!(!folder.path().join(".holdpoint").exists());
}

#[tokio::test]
async fn the_plan_says_which_database_it_is_for() {
    let scene = Scene::new().await;
    let plan = |head: &str| scene.plan(&format!("{head}\n{}", one_step(CHANGE)));
    plan("[target]\ndatabase = \"prod\"");
    scene
        .run("")
        .exits(3)
        .complains(&format!("the plan is for database prod, and this is {}", scene.database))
        .reads_well();
    plan("[target]\nuser = [\"ada\", \"grace\"]");
    scene.run("").exits(3).complains("user").complains("this is postgres").reads_well();
    plan("[target]\nserver = \">= 99\"");
    scene.run("").exits(3).complains("server").complains(">= 99").reads_well();
    plan(
        "[[target.checkpoint]]\ntitle = \"Is the shop\"\nsql = \"SELECT to_regclass('shop') IS NOT NULL\"\nexpect = true\nelse = \"STOP: wrong database\"",
    );
    scene.run("").exits(3).complains("\"Is the shop\" (STOP: wrong database)").reads_well();
    assert!(!scene.has("made").await);
    assert!(!scene.has("holdpoint.fence").await, "refused before any change");

    // What the database says of itself counts more than what was typed.
    scene.sql(&format!("ALTER DATABASE {} SET holdpoint.environment = 'production'", scene.database)).await;
    plan("");
    scene
        .run("")
        .exits(3)
        .complains("this database says of itself that it is \"production\"")
        .complains("the plan is for \"dev\"")
        .reads_well();
}

#[tokio::test]
async fn a_schema_of_our_name_that_isnt_ours() {
    let scene = Scene::new().await;
    scene.sql("CREATE SCHEMA holdpoint; CREATE TABLE holdpoint.fence (n int)").await;
    scene.plan(&one_step(CHANGE));
    scene
        .run("")
        .exits(3)
        .complains("the schema holdpoint in this database isn't ours")
        .complains("Nothing was changed")
        .reads_well();
    assert!(!scene.has("made").await);
}

#[tokio::test]
async fn the_window_is_shut() {
    let scene = Scene::new().await;
    scene.plan_with(
        "stepping = \"auto\"\nwindow = \"2020-02-06 09:00..12:00\"\ntimezone = \"Europe/Berlin\"",
        &one_step(CHANGE),
    );
    scene
        .run("")
        .exits(3)
        .complains("the window closed at 2020-02-06")
        .complains("Europe/Berlin")
        .reads_well();
    assert!(!scene.has("made").await);
}

#[tokio::test]
async fn the_server_goes_away_in_the_middle() {
    let mut scene = Scene::new().await;
    scene.plan(&one_step("CREATE TABLE made (n int);\nSELECT pg_sleep(600);"));
    let mut command = scene.command(["run", "plan.toml", "--plain"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    scene::wait_for("the step to sleep", || {
        let log = scene.server.log();
        log.contains("pg_sleep(600)").then_some(())
    });
    let pid = scene.server.embedded().pid();
    Command::new("kill").args(["-INT", &pid.to_string()]).status().unwrap();
    let said = Said::of(child, "the run to notice that its server is gone");
    said.exits(7).complains("holdpoint resume").never_says("panicked");
    // While it is away, resume says so and leaves the run as it is.
    scene.resume("").exits(7).complains("failed to connect").reads_well();
    scene.server.restart().await;
    scene.type_in("status").exits(0);
    assert!(!scene.has("made").await);
    // What was interrupted would be tried again; it can be left out all the same.
    scene.resume("--skip s=the-server-went-away").exits(0).says("left out by").says("the-server-went-away");
    assert!(!scene.has("made").await);
}

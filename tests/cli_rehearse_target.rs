//! `holdpoint rehearse --target`: on a copy, and the target sees nothing but a pg_dump that reads.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;
mod scene;

use common::server::TestServer;
use scene::corner::Corner;
use scene::{Said, open_folder, plan_text};
use serde_json::Value;

const BEFORE: &str = "CREATE ROLE shop_owner; CREATE ROLE clerk; GRANT shop_owner TO clerk; \
    CREATE SCHEMA app AUTHORIZATION shop_owner; CREATE TABLE app.orders (id int PRIMARY KEY, total numeric NOT NULL); \
    ALTER TABLE app.orders OWNER TO shop_owner; GRANT SELECT ON app.orders TO clerk; \
    CREATE SCHEMA holdpoint; CREATE TABLE holdpoint.ledger (x int); \
    INSERT INTO app.orders SELECT n, n FROM generate_series(1, 40) n; \
    ALTER DATABASE shop SET search_path = app, public; ALTER DATABASE shop SET holdpoint.environment = 'staging';";

struct Scene {
    server: TestServer,
    corner: Corner,
    folder: tempfile::TempDir,
}

impl Scene {
    async fn new(steps: &str) -> Self {
        let server = TestServer::with(&[
            ("log_statement", "all"),
            ("log_line_prefix", "<%a|%d|%c> "),
            ("logging_collector", "off"),
        ])
        .await;
        server.sql("postgres", "CREATE DATABASE shop").await;
        for sql in BEFORE.split("; ") {
            server.sql("shop", sql).await;
        }
        let folder = open_folder();
        let text = plan_text("", &format!("[[phase]]\nid = \"main\"\ntitle = \"Main\"\n{steps}"));
        std::fs::write(folder.path().join("plan.toml"), text).unwrap();
        Self { server, corner: Corner::new(), folder }
    }

    fn rehearse(&self, words: &str) -> Said {
        let config = self.server.config("shop");
        let mut command = self.corner.command("rehearse --json");
        command.arg(self.folder.path().join("plan.toml")).args(words.split_whitespace());
        let mut target = String::new();
        for (name, value) in config.libpq_environment() {
            let key = match name {
                "PGHOST" => "host",
                "PGPORT" => "port",
                "PGUSER" => "user",
                "PGDATABASE" => "dbname",
                _ => continue,
            };
            target.push_str(&format!("{key}='{value}' "));
        }
        command.arg("--target").arg(target);
        Said::by(command)
    }

    #[track_caller]
    fn finds(&self, code: i32, words: &str) -> Value {
        let said = self.rehearse(words);
        said.exits(code);
        self.corner.is_clean();
        serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}\n{said}"))
    }

    /// Lines of the server's log since `from` that are of a statement.
    fn statements(&self, from: usize) -> Vec<String> {
        let log = self.server.log();
        log[from..]
            .lines()
            .filter(|line| line.contains("statement: ") || line.contains("execute "))
            .map(str::to_owned)
            .collect()
    }
}

fn step(sql: &str, back: &str) -> String {
    format!(
        "[[phase.step]]\nid = \"s\"\ntitle = \"S\"\nsql = '''{sql}'''\nrollback = {{ sql = '''{back}''' }}\n\
         checkpoint = [{{ title = \"here\", sql = \"SELECT current_database()\", expect = \"shop\" }}]\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_target_sees_only_a_dump_that_reads() {
    let scene =
        Scene::new(&step("ALTER TABLE orders ADD COLUMN note text;", "ALTER TABLE orders DROP COLUMN note;"))
            .await;
    let from = scene.server.log().len();
    let found = scene.finds(0, "--with-data");
    let statements = scene.statements(from);
    assert!(statements.len() > 20, "{statements:#?}");
    for line in &statements {
        assert!(line.starts_with("<holdpoint rehearse|shop|"), "{line}");
        let text = line.split_once("> ").unwrap().1.to_uppercase();
        for word in ["INSERT ", "UPDATE ", "DELETE ", "CREATE ", "ALTER ", "DROP ", "READ WRITE"] {
            let begins =
                text.contains(&format!("STATEMENT: {word}")) || word == "READ WRITE" && text.contains(word);
            assert!(!begins, "{line}");
        }
    }
    // The sessions could only read, and the dump was taken in one transaction that only reads.
    assert!(statements.iter().any(|line| line.contains("REPEATABLE READ, READ ONLY")), "{statements:#?}");
    assert!(statements.iter().any(|line| line.contains("COPY app.orders")), "{statements:#?}");
    assert!(!statements.iter().any(|line| line.contains("COPY holdpoint.")), "{statements:#?}");

    assert_eq!(found["ground"]["on"], "data");
    assert_eq!(found["ground"]["target"]["database"], "shop");
    assert_eq!(found["environment"], "staging");
    assert!(found["ground"]["target"]["server_version"].as_str().unwrap().contains('.'), "{found:#}");
    assert!(found["ground"]["target"]["database_oid"].as_u64().unwrap() > 10_000, "{found:#}");
    // It is as it was.
    assert_eq!(scene.server.value("shop", "SELECT count(*) FROM app.orders").await, "40");
    assert_eq!(scene.server.value("shop", "SELECT to_regclass('holdpoint.fence') IS NULL").await, "t");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_only_when_they_are_asked_for() {
    // Fits a table without rows, and not one with them.
    let scene = Scene::new(&step(
        "ALTER TABLE orders ADD COLUMN n int NOT NULL;",
        "ALTER TABLE orders DROP COLUMN n;",
    ))
    .await;
    let found = scene.finds(0, "");
    assert_eq!(found["ground"]["on"], "schema");
    let found = scene.finds(1, "--with-data");
    assert!(found["findings"][0]["what"].as_str().unwrap().contains("contains null values"), "{found:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_owners_and_grants_are_in_the_copy() {
    let sql = "DO $$ BEGIN ASSERT pg_has_role('clerk', 'shop_owner', 'MEMBER'); \
               ASSERT has_table_privilege('clerk', 'app.orders', 'SELECT'); \
               ASSERT (SELECT tableowner = 'shop_owner' FROM pg_tables WHERE tablename = 'orders'); END $$;";
    let scene = Scene::new(&step(sql, "SELECT 1;")).await;
    scene.finds(0, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_copy_lacks_is_said_for_people() {
    // A library that the target's server has loaded, and the private one doesn't find any more.
    let scene = Scene::new(&step("SELECT 1;", "SELECT 1;")).await;
    let library = scene.folder.path().join("gone.so");
    let own = scene.server.embedded().bin_dir().join("../lib/plpgsql.so");
    std::fs::copy(own, &library).unwrap();
    let made = format!(
        "CREATE FUNCTION app.f() RETURNS language_handler LANGUAGE c AS '{}', 'plpgsql_call_handler'",
        library.display()
    );
    scene.server.sql("shop", &made).await;
    std::fs::remove_file(library).unwrap();
    let found = scene.finds(1, "");
    let what = found["findings"][0]["what"].as_str().unwrap();
    assert!(what.starts_with("the copy isn't whole: could not access file"), "{found:#}");
    assert_eq!(found["steps"][0]["back"]["outcome"], "passed", "{found:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_pg_dump_says_what_is_needed() {
    let scene = Scene::new(&step("SELECT 1;", "SELECT 1;")).await;
    let programs = open_folder();
    for name in ["initdb", "postgres"] {
        let own = scene.server.embedded().bin_dir().join(name);
        std::os::unix::fs::symlink(own, programs.path().join(name)).unwrap();
    }
    let said = scene.rehearse(&format!("--pg-bin {}", programs.path().display()));
    said.exits(7).complains("there is no pg_dump in").reads_well();
    // What pg_dump says to a newer server.
    let old = programs.path().join("pg_dump");
    let says = "#!/bin/sh\necho 'pg_dump: error: aborting because of server version mismatch' >&2\n\
                echo 'pg_dump: detail: server version: 99.1; pg_dump version: 15.18' >&2\nexit 1\n";
    std::fs::write(&old, says).unwrap();
    std::fs::set_permissions(&old, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let said = scene.rehearse(&format!("--pg-bin {}", programs.path().display()));
    said.exits(7).complains("can't be dumped").complains("name newer programs with --pg-bin").reads_well();
    scene.corner.is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_out_of_reach_says_so() {
    let scene = Scene::new(&step("SELECT 1;", "SELECT 1;")).await;
    let mut command = scene.corner.command("rehearse --target");
    command.arg("host=/nowhere user=me dbname=shop").arg(scene.folder.path().join("plan.toml"));
    let said = Said::by(command);
    said.exits(7).complains("me@/nowhere:5432/shop can't be dumped").reads_well();
    scene.corner.is_clean();
    let mut command = scene.corner.command("rehearse --with-data");
    command.arg(scene.folder.path().join("plan.toml"));
    Said::by(command).exits(2).complains("--target");
}

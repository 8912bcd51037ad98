//! What psql isn't let do: files that changed, values pasted raw, secrets shown, floods of output.

use crate::common::runs::Bench;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::stopped::{processes, until};
use super::{NONE, PSQL};

/// A query's columns may be what the script pastes.
#[tokio::test]
async fn a_result_pasted_raw_is_refused_before_anything_runs() {
    let bench = Bench::with("CREATE TABLE t (n int)").await;
    let sql =
        "INSERT INTO t VALUES (0);\nSELECT count(*) AS n FROM t \\gset\nINSERT INTO t VALUES (:n + 1);\n";
    for keys in [PSQL, NONE, "transaction = \"none\"", ""] {
        bench.script(sql, keys);
        let ran = bench.call(&["check", "plan.toml"]).await;
        ran.exits(2).says("a.sql:3:23: error").says("would paste a value from the database");
        bench.run().await.exits(2);
    }
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "0");
    // Allowed by name, or pasted as a text, there is nothing to say; nor is the slice of an array one.
    for (sql, keys) in [
        (sql, "unsafe_vars = [\"n\"]"),
        (
            "SELECT count(*) AS n FROM t \\gset\nINSERT INTO t SELECT (ARRAY[1,2])[1:length('ab')][1] + :'n';\n",
            "",
        ),
        ("SELECT count(*) AS n FROM t \\gset p_\nINSERT INTO t VALUES (:'p_n');\n", ""),
    ] {
        bench.script(sql, keys);
        let ran = bench.call(&["check", "plan.toml"]).await;
        ran.exits(0);
        assert!(!ran.out.contains("has no value"), "{ran}");
    }
}

#[tokio::test]
async fn without_a_psql_or_with_an_old_one_nothing_begins() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new().await;
    bench.script("SELECT 1;\n", PSQL);
    std::fs::create_dir(bench.path("bin")).unwrap();
    bench.env("HOLDPOINT_PG_BIN", crate::common::runs::text(&bench.path("bin")));
    let ran = bench.run().await;
    ran.exits(3)
        .says("psql is to run step \"a\", and there is no psql in")
        .says("install PostgreSQL's client programs");
    bench.file("bin/psql", "#!/bin/sh\necho 'psql (PostgreSQL) 11.2'\n");
    std::fs::set_permissions(bench.path("bin/psql"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let ran = bench.run().await;
    ran.exits(3).says("is psql 11.2, older than the server (15)");
    assert_eq!(bench.value("SELECT to_regnamespace('holdpoint') IS NULL").await, "t");
}

#[tokio::test]
async fn a_file_that_changed_since_isnt_run() {
    let bench = Bench::new().await;
    bench.file("more.sql", "SELECT 1;\n");
    bench.script("\\ir more.sql\nCREATE TABLE t ();\n", PSQL);
    bench.sql("CREATE TABLE t ()").await;
    bench.run().await.exits(6);
    bench.sql("DROP TABLE t").await;
    bench.file("more.sql", "SELECT 2;\n");
    let ran = bench.resume().await;
    ran.exits(6).failed_with("a", "more.sql has changed since the run was opened");
    bench.file("more.sql", "SELECT 1;\n");
    bench.resume().await.exits(0);
}

#[tokio::test]
async fn a_secret_is_seen_by_nobody() {
    let bench =
        Bench::with("CREATE ROLE ada SUPERUSER LOGIN PASSWORD 'verygeheim'; CREATE TABLE t (n text)").await;
    bench.script("\\echo :token\nINSERT INTO t VALUES (:'token');\n\\! sleep 7533\n", PSQL);
    let plan = std::fs::read_to_string(bench.path("plan.toml")).unwrap();
    let vars = "[vars]\ntoken = { secret = true, env = \"TOKEN\" }\n\n[[phase]]";
    bench.file("plan.toml", &plan.replace("[[phase]]", vars));
    bench.env("TOKEN", "topsecret");
    bench.env("PGPASSWORD", "verygeheim");
    bench.env("PGUSER", "ada");
    let running = bench.begin(&["run"]);
    until("the shell command", || !processes("sleep\x007533").is_empty()).await;
    let sleeper = processes("sleep\x007533")[0];
    let seen = |pid: i32, what: &str| {
        String::from_utf8_lossy(&std::fs::read(format!("/proc/{pid}/{what}")).unwrap_or_default())
            .into_owned()
    };
    let psqls = processes("--no-psqlrc");
    assert!(!psqls.is_empty());
    for pid in psqls.into_iter().chain([sleeper]) {
        let (line, env) = (seen(pid, "cmdline"), seen(pid, "environ"));
        for secret in ["topsecret", "verygeheim"] {
            assert!(!line.contains(secret) && !env.contains(secret), "{line} {env}");
        }
    }
    kill(Pid::from_raw(sleeper), Signal::SIGTERM).unwrap();
    let ran = running.end().await;
    ran.exits(0).says("•••");
    assert_eq!(bench.value("SELECT n FROM t").await, "topsecret");
    let journal: Vec<String> = files_below(&bench.path("state"));
    for text in journal.iter().chain([&ran.out, &ran.err]) {
        assert!(!text.contains("topsecret") && !text.contains("verygeheim"));
    }
}

pub fn files_below(folder: &std::path::Path) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        match entry.path() {
            path if path.is_dir() => texts.extend(files_below(&path)),
            path => texts.push(String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()),
        }
    }
    texts
}

#[tokio::test]
async fn a_flood_of_output_is_bounded() {
    let bench = Bench::new().await;
    bench.script("SELECT repeat('x', 200) FROM generate_series(1, 100000);\nCREATE TABLE t ();\n", PSQL);
    let ran = bench.run().await;
    ran.exits(0).says("more lines of psql's that aren't shown");
    assert!(ran.out.len() < 2_000_000, "{} bytes", ran.out.len());
}

#[tokio::test]
async fn a_database_value_isnt_pasted_raw_by_psql_either() {
    let bench = Bench::with("CREATE TABLE t (n text); INSERT INTO t VALUES ('1); DROP TABLE t; --')").await;
    bench.file("a.sql", "INSERT INTO t VALUES (:n);\n");
    let check =
        "\n[[phase.step]]\nid = \"look\"\ntitle = \"look\"\ncheck = \"SELECT n FROM t\"\nsave = \"n\"\n";
    bench.plan(&format!("{check}{}", crate::common::runs::step("a", PSQL)));
    let ran = bench.run().await;
    ran.exits(6).failed_with("a", ":n would paste a value from the database into SQL");
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "1");
}

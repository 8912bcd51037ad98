//! Shell commands of a script that the plan allows by name, and results that go into files: held against
//! the real psql where it has them, byte for byte.

#![allow(clippy::unwrap_used)] // a test stops where it fails

mod common;

use common::runs::{Bench, Ran};
use std::path::PathBuf;

const ALL: &str = "allow_shell = ['\\!', 'backticks', '\\g |', '\\o |', '\\copy program']";

/// The file that a run wrote under this name.
#[track_caller]
fn artifact(ran: &Ran, name: &str) -> PathBuf {
    let all = ran.all("file_written");
    let of = all.iter().find(|event| event["file"] == name);
    PathBuf::from(of.unwrap_or_else(|| panic!("no file {name}\n{ran}"))["path"].as_str().unwrap())
}

/// What real psql makes of the same script: its files, by name.
fn by_psql(bench: &Bench, script: &str, folder: &str) -> PathBuf {
    let at = bench.path(folder);
    std::fs::create_dir_all(&at).unwrap();
    std::fs::write(at.join("a.sql"), script).unwrap();
    let mut psql = bench.server.program("psql", &bench.db);
    psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "a.sql"]).current_dir(&at);
    psql.env("HOLDPOINT_ARTIFACTS", &at);
    let output = psql.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    at
}

const RESULTS: &str = "\\o all.txt\n\
    SELECT 1 AS a, 'x' AS \"a long name\", NULL AS n;\n\
    SELECT E'two\\nlines' AS t, 12345 AS number, E'tab\\tand\\rreturn' AS u;\n\
    SELECT 'größe' AS \"größe\", '日本語' AS wide, E'\\x01bell' AS c;\n\
    SELECT E'a\\nb\\nc' AS \"two\nlines\", 7 AS \"n\nm\", 'z' AS z;\n\
    SELECT WHERE false;\nSELECT;\nSELECT 1 AS none WHERE false;\n\
    SELECT n, n * n AS square FROM generate_series(1, 200) n;\n\
    SELECT repeat('wide ', 400) AS cell;\n\
    \\qecho said to it\n\
    COPY (VALUES (1, 'copied')) TO STDOUT;\n\
    \\copy (SELECT 'copied too') to stdout\n\
    SELECT 1 AS a, E'l\\nm' AS longer \\gx\n\
    SELECT 5 AS five, 'a value that is longer than the heading of its record' AS text FROM generate_series(1, 2) \\gx\n\
    SELECT 'elsewhere' AS e \\g once.txt\n\
    SELECT 'twice' AS e \\g once.txt\n\
    COPY (VALUES (3)) TO STDOUT \\g copied.txt\n\
    SELECT 1 AS a \\; SELECT 2 AS b;\n\
    \\o /dev/null\nSELECT 'nobody' AS nobody;\n\\o second.txt\nSELECT 'second' AS s;\n\\o\nSELECT 'people' AS p;\n";

#[tokio::test]
async fn results_in_files_are_psqls_byte_for_byte() {
    let bench = Bench::new().await;
    let theirs = by_psql(&bench, RESULTS, "psql");
    for mode in ["", "transaction = \"none\""] {
        bench.script(RESULTS, mode);
        let ran = bench.run().await;
        ran.exits(0).says("people");
        assert!(!ran.out.contains("nobody") && !ran.out.contains("elsewhere"), "{ran}");
        for name in ["all.txt", "once.txt", "copied.txt", "second.txt"] {
            let ours = std::fs::read_to_string(artifact(&ran, name)).unwrap();
            let psqls = std::fs::read_to_string(theirs.join(name)).unwrap();
            assert_eq!(ours, psqls, "{name}, {mode}");
        }
        let _ = std::fs::remove_dir_all(bench.path("state"));
        bench.sql("DROP SCHEMA IF EXISTS holdpoint CASCADE").await;
    }
}

#[tokio::test]
async fn results_stay_in_the_runs_folder_and_are_kept_as_far_as_they_came() {
    let bench = Bench::new().await;
    for name in ["/tmp/x", "../x", "~/x"] {
        bench.script(&format!("SELECT 1 \\g {name}\n"), "");
        bench.run().await.exits(2).says(&format!("\\g \"{name}\" is refused"));
    }
    bench.script("\\pset format csv\n\\o x.csv\nSELECT 1;\n", "");
    bench.run().await.exits(2).says("a.sql:2:1").says("refused behind \\pset");
    bench.script("\\o so-far.txt\nSELECT 'before' AS b;\nSELECT 1/0;\n", "");
    let ran = bench.run().await;
    ran.exits(6).failed_with("a", "division by zero");
    assert!(std::fs::read_to_string(artifact(&ran, "so-far.txt")).unwrap().contains("before"));
}

const SHELL: &str = "CREATE TABLE t (a int, b text);\n\
    \\! echo from the shell; pwd > \"$HOLDPOINT_ARTIFACTS/pwd\"\n\
    \\set n `echo 41 | tr 1 2`\n\
    \\set quoted 'it''s; here'\n\
    \\set said `printf '%s|' :'quoted' :n`\n\
    INSERT INTO t VALUES (:n, :'said');\n\
    \\if `test -e a.sql && echo yes`\n\
    INSERT INTO t VALUES (2, 'in sql_dir');\n\
    \\endif\n\
    \\if false\n\\! echo never run\n\\set x `echo nor this >&2`\n\\endif\n\
    \\copy t from program 'printf \"3\\\\tthree\\n4\\\\tfour\\n\\\\\\\\.\\nrest\\n\"'\n\
    \\copy t to program 'sort > \"$HOLDPOINT_ARTIFACTS/sorted\"'\n\
    SELECT count(*) AS rows FROM t \\g | cat > \"$HOLDPOINT_ARTIFACTS/counted\"\n\
    \\o | cat > \"$HOLDPOINT_ARTIFACTS/piped\"\n\
    SELECT a FROM t WHERE a < 3;\n\
    \\qecho and this\n\
    \\o\n\
    SELECT 'last' AS l \\g | sed s/last/changed/\n";

#[tokio::test]
async fn shell_commands_that_the_plan_allows_do_what_they_do_by_psql() {
    let bench = Bench::new().await;
    let theirs = by_psql(&bench, SHELL, "psql");
    let rows = "SELECT string_agg(concat_ws(':', a, b), ' ' ORDER BY a) FROM t";
    let wanted = bench.value(rows).await;
    assert_eq!(wanted, "2:in sql_dir 3:three 4:four 42:it's; here|42|");
    for mode in ["", "transaction = \"none\"\n"] {
        bench.sql("DROP TABLE t").await;
        bench.script(SHELL, &format!("{mode}{ALL}"));
        let ran = bench.run().await;
        ran.exits(0).says("from the shell").says("changed");
        assert!(!ran.out.contains("never run") && !ran.out.contains("nor this"), "{ran}");
        assert_eq!(bench.value(rows).await, wanted);
        let state = std::fs::read_dir(bench.path("state")).unwrap();
        let folder =
            state.map(|entry| entry.unwrap().path().join("artifacts")).find(|path| path.is_dir()).unwrap();
        for name in ["sorted", "counted", "piped"] {
            let read = |folder: &PathBuf| std::fs::read_to_string(folder.join(name)).unwrap();
            assert_eq!(read(&folder), read(&theirs), "{name}");
        }
        // It stands in sql_dir.
        let stands = std::fs::read_to_string(folder.join("pwd")).unwrap();
        assert_eq!(PathBuf::from(stands.trim()), bench.path("").canonicalize().unwrap());
        let _ = std::fs::remove_dir_all(bench.path("state"));
        bench.sql("DROP SCHEMA IF EXISTS holdpoint CASCADE").await;
    }
}

#[tokio::test]
async fn check_says_what_will_be_run_and_what_isnt_allowed() {
    let bench = Bench::new().await;
    bench.script(
        "\\! rm -rf /somewhere\nSELECT 1 \\g | mail dba\n\\set x `date`\n",
        "allow_shell = ['\\g |', 'backticks']",
    );
    let ran = bench.call(&["check", "plan.toml"]).await;
    ran.exits(2).says("a.sql:1:1").says_wrapped("\\! is refused").says_wrapped("allow_shell = ['\\!']");
    bench.script("\\! rm -rf /somewhere\nSELECT 1 \\g | mail dba\n\\set x `date`\n", ALL);
    let ran = bench.call(&["check", "plan.toml"]).await;
    ran.exits(0)
        .says_wrapped("as who runs holdpoint (\\!): `rm -rf /somewhere`")
        .says("`mail dba`")
        .says("`date`");
    bench.script("SELECT 1;\n", "allow_shell = ['\\!', 'backtick']");
    let ran = bench.call(&["check", "plan.toml"]).await;
    ran.exits(2).says("did you mean `backticks`");
}

#[tokio::test]
async fn exit_codes_count_as_they_do_by_psql() {
    let bench = Bench::with("CREATE TABLE t (a int)").await;
    bench.script(
        "\\! exit 3\nINSERT INTO t VALUES (:SHELL_EXIT_CODE);\n\\set x `echo 5; exit 1`\nINSERT INTO t VALUES (:x);\n\
         SELECT 1 \\g | cat >/dev/null; exit 9\n",
        ALL,
    );
    let ran = bench.run().await;
    ran.exits(0).says("a.sql:1: \\! ended with exit code 3");
    assert_eq!(bench.value("SELECT string_agg(a::text, ' ') FROM t").await, "3 5");
    assert_eq!(ran.all("deviation").len(), 3, "{ran}");
    // The data of a program that failed isn't whole: nothing of it stays.
    let bench = Bench::with("CREATE TABLE t (a int)").await;
    bench.script("\\copy t from program 'echo 1; exit 4'\n", &format!("transaction = \"none\"\n{ALL}"));
    let ran = bench.run().await;
    ran.exits(6).failed_with("a", "its program ended with exit code 4");
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "0");
    bench.script("INSERT INTO t VALUES (1);\n\\copy t to program 'cat >/dev/null; kill -9 $$'\n", ALL);
    let _ = std::fs::remove_dir_all(bench.path("state"));
    bench.sql("DROP SCHEMA holdpoint CASCADE").await;
    let ran = bench.run().await;
    ran.exits(6).failed_with("a", "its program was ended by signal 9");
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "0");
}

#[tokio::test]
async fn a_shell_command_gets_our_connection_and_no_secret() {
    let bench = Bench::new().await;
    bench.env("PGPASSWORD", "hunter22");
    bench.env("SOME_TOKEN", "sesame");
    bench.script(
        "\\! env > \"$HOLDPOINT_ARTIFACTS/env\"; ls -l \"$PGPASSFILE\" > \"$HOLDPOINT_ARTIFACTS/pass\"\n\
         \\set db `psql -XAtc 'SELECT current_database()'`\n\\echo it is :db\n",
        ALL,
    );
    bench.env("PATH", &format!("{}:/usr/bin:/bin", bench.server.embedded().bin_dir().display()));
    let ran = bench.run().await;
    ran.exits(0).says(&format!("it is {}", bench.db));
    let state = std::fs::read_dir(bench.path("state")).unwrap();
    let folder =
        state.map(|entry| entry.unwrap().path().join("artifacts")).find(|path| path.is_dir()).unwrap();
    let env = std::fs::read_to_string(folder.join("env")).unwrap();
    assert!(!env.contains("hunter22") && !env.contains("sesame"), "{env}");
    let pass = std::fs::read_to_string(folder.join("pass")).unwrap();
    assert!(pass.starts_with("-rw-------"), "{pass}");
}

#[tokio::test]
async fn a_value_of_the_database_becomes_no_shell_command() {
    let bench = Bench::with(
        "CREATE TABLE evil (v text); INSERT INTO evil VALUES ('$(touch broken); `touch broken`')",
    )
    .await;
    bench.script("SELECT v FROM evil \\gset\n\\set x `echo :v`\n", ALL);
    bench
        .run()
        .await
        .exits(2)
        .says("a.sql:2:1")
        .says("would paste a value from the database into a shell command");
    bench.script("SELECT v FROM evil \\gset\n\\set x `echo :'v'`\n\\echo :x\n", ALL);
    bench.run().await.exits(0).says("$(touch broken); `touch broken`");
    assert!(!bench.path("broken").exists());
}

#[tokio::test]
async fn a_shell_command_can_be_interrupted() {
    let bench = Bench::new().await;
    bench.script("CREATE TABLE t (a int);\n\\! echo begun > begun; sleep 600\n", ALL);
    let mut running = bench.begin(&["run"]);
    running.until_event("the unit begins", |event| event["event"] == "unit_started").await;
    while !bench.path("begun").exists() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    running.interrupt();
    let ran = running.end().await;
    ran.exits(130);
    assert_eq!(ran.last("unit_failed")["problem"]["place"]["line"], 2);
    assert_eq!(bench.value("SELECT count(*) FROM pg_class WHERE relname = 't'").await, "0");
}

#[tokio::test]
async fn a_file_with_shell_commands_isnt_entered_again_in_the_middle() {
    let bench = Bench::with("CREATE TABLE t (a int)").await;
    let script = "INSERT INTO t VALUES (1);\n\\! echo once >> ran\nINSERT INTO t VALUES (1/0);\n";
    bench.script(script, &format!("transaction = \"none\"\n{ALL}"));
    bench.run().await.exits(6).failed_with("a", "division by zero");
    let ran = bench.resume().await;
    ran.exits(6).says_wrapped("a shell command, which isn't run twice");
    assert_eq!(std::fs::read_to_string(bench.path("ran")).unwrap(), "once\n");
}

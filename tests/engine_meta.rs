//! psql's meta-commands whose meaning comes from results: by psql and by holdpoint, on two databases.
//!
//! The scripts in tests/engine_meta run as those of tests/engine_psql do: the same statements at the server
//! in the same order, the same end, the same error. What has no counterpart in psql (what is printed,
//! refused, recorded, and how a run goes on) stands in tests of its own below.

#![allow(clippy::unwrap_used)] // a test stops where it fails

mod common;

#[path = "engine_psql/both.rs"]
#[allow(dead_code, reason = "another test uses the rest")]
mod both;
#[path = "engine_psql/compare.rs"]
mod compare;
#[path = "differ/same.rs"]
#[allow(dead_code, reason = "another test uses the rest")]
mod same;
#[path = "script/server.rs"]
mod server;

use both::{Case, Desk, Mode};
use common::runs::{Bench, step};
use compare::compare;
use server::Server;
use std::path::PathBuf;

#[test]
fn scripts_with_meta_commands_end_as_by_psql() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/engine_meta");
    let only = std::env::var("ONLY").unwrap_or_default();
    let mut cases = Vec::new();
    for (mode, name) in [(Mode::Single, "single"), (Mode::None, "none"), (Mode::Script, "script")] {
        let files = std::fs::read_dir(folder.join(name)).unwrap();
        let mut files: Vec<String> =
            files.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        for file in files.iter().filter(|file| file.contains(&only)) {
            // \ir goes up from here.
            let file = format!("{name}/{file}");
            cases.push(Case::new(&folder, &file, mode, format!("{name}{}", cases.len())));
        }
    }
    let server = Server::start();
    let scratch = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(&server, scratch.path());
    let ran: Vec<_> = cases.iter().map(|case| desk.run(case)).collect();
    let log = server.log();
    let differ: Vec<String> = cases
        .iter()
        .zip(&ran)
        .filter_map(|(case, ran)| Some(format!("{}: {}", case.file, compare(case, ran, &log).err()?)))
        .collect();
    assert!(differ.is_empty(), "{} of {} differ\n{}", differ.len(), cases.len(), differ.join("\n\n"));
}

/// What the program prints of the script, without the lines of its own.
fn printed(out: &str, line: &str) -> bool {
    out.lines().any(|printed| printed.trim_end().ends_with(line))
}

#[tokio::test]
async fn results_are_shown_as_psql_shows_them() {
    let bench = Bench::with("CREATE TABLE t (id int, note text)").await;
    bench.script(
        "INSERT INTO t VALUES (1, E'a\\x1b[31mred'), (12, NULL);\nSELECT * FROM t;\nSELECT id FROM t WHERE id = 1 \\gx\n\
         SELECT * FROM generate_series(1, 1000);\nSELECT 'hidden' AS h \\g /dev/null\n\\o /dev/null\nSELECT 'mute' AS m;\n\\o\n\
         SELECT id, note FROM t \\gdesc\nSELECT 'kept' AS k \\gset\n\\echo :k\n",
        "",
    );
    let ran = bench.run().await;
    ran.exits(0);
    for line in [
        " id |   note",
        "  1 | a\u{fffd}[31mred",
        " 12 |",
        "(2 rows)",
        "-[ RECORD 1 ]",
        "id | 1",
        "(1000 rows; the first 50 are shown)",
        " Column |  Type",
        " id     | integer",
        "kept",
    ] {
        assert!(printed(&ran.out, line.trim_start()), "{line}: {ran}");
    }
    assert!(!ran.out.contains("hidden") && !ran.out.contains("mute") && !ran.out.contains('\u{1b}'), "{ran}");
    // Rows are no facts of the run.
    assert!(!ran.events.iter().any(|event| event.to_string().contains("red")), "{ran}");
}

#[tokio::test]
async fn a_value_of_the_database_is_never_pasted_as_it_is() {
    let prepare = "CREATE TABLE t (id int); CREATE TABLE evil (v text); INSERT INTO evil VALUES ('1); DROP TABLE t; --')";
    for (script, at) in [
        ("SELECT v FROM evil \\gset\nINSERT INTO t VALUES (:v);\n", "a.sql:2:23"),
        ("SELECT * FROM evil \\gset x_\nINSERT INTO t VALUES (:x_v);\n", "a.sql:2:23"),
        ("SELECT v FROM evil \\gset\n\\set w 1 :v\nINSERT INTO t VALUES (:w);\n", "a.sql:3:23"),
        ("SELECT v FROM evil \\gset\n\\i :v\n", "a.sql:2:1"),
    ] {
        let bench = Bench::with(prepare).await;
        bench.script(script, "");
        let ran = bench.run().await;
        ran.exits(2).says(at).says("from the database");
        assert_eq!(bench.value("SELECT count(*) FROM t").await, "0", "{ran}");
    }
    let bench = Bench::with(prepare).await;
    bench.script("SELECT '(5)' AS v \\gset\nINSERT INTO t VALUES :v;\n", "unsafe_vars = [\"v\"]");
    bench.run().await.exits(0);
    assert_eq!(bench.value("SELECT id FROM t").await, "5");
}

#[tokio::test]
async fn a_branch_that_a_result_decides_is_read_before_the_window() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.script(
        "SELECT count(*) = 0 AS empty FROM t \\gset\n\\if :empty\nINSERT INTO t VALUES (1);\n\\else\n\\! rm -rf /\n\\endif\n",
        "",
    );
    bench.run().await.exits(2).says("a.sql:5:1").says("\\! is refused");
    bench.script(
        "SELECT 1 AS n \\gset\n\\if :ERROR\nCOMMIT;\n\\elif :n\nVACUUM t;\n\\else\nINSERT INTO t VALUES (1);\n\\endif\n",
        "",
    );
    let ran = bench.run().await;
    ran.exits(2).says("a.sql:3:1").says("a.sql:5:1");
    // Both branches may define the same, and only one of them runs.
    bench.script(
        "SELECT true AS n \\gset\n\\if :n\nCREATE TABLE made (a int);\n\\else\nCREATE TABLE made (b int);\n\\endif\n",
        "",
    );
    bench.run().await.exits(0);
    assert_eq!(
        bench
            .value("SELECT attname FROM pg_attribute WHERE attrelid = 'made'::regclass AND attnum = 1")
            .await,
        "a"
    );
}

#[tokio::test]
async fn a_condition_that_is_no_boolean_stops_and_says_what_to_write() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.script(
        "INSERT INTO t VALUES (1);\nSELECT 42 AS n \\gset\n\\if :n\nINSERT INTO t VALUES (2);\n\\endif\n",
        "",
    );
    bench.run().await.exits(6).failed_with("a", "\"42\" is no boolean");
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "0");
    let bench = Bench::new().await;
    bench.script("\\if :SERVER_VERSION_NUM >= 150000\nSELECT 1;\n\\endif\n", "");
    bench.run().await.exits(2).says("let a query compare");
}

#[tokio::test]
async fn what_psql_calls_an_error_of_gset_fails_the_step() {
    for (query, message) in [
        ("SELECT id FROM t", "no rows returned for \\gset"),
        ("SELECT * FROM generate_series(1, 2)", "more than one row returned for \\gset"),
        ("SELECT 1", "\"?column?\" is no variable name"),
    ] {
        let bench = Bench::with("CREATE TABLE t (id int)").await;
        bench.script(&format!("INSERT INTO t SELECT 1 WHERE false;\n{query} \\gset\n"), "");
        let ran = bench.run().await;
        ran.exits(6).failed_with("a", message);
        assert_eq!(ran.problem("a")["place"]["line"], 2, "{ran}");
    }
}

#[tokio::test]
async fn a_generated_statement_says_where_it_was_made() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.script(
        "SELECT 'INSERT INTO t' || chr(10) || '  VALUES (' || x || ')' FROM (VALUES ('1'), ('nothing')) AS v(x)\n\\gexec\n",
        "",
    );
    let ran = bench.run().await;
    ran.exits(6);
    let problem = ran.problem("a");
    assert_eq!((&problem["place"]["line"], &problem["sqlstate"]), (&1.into(), &"42703".into()), "{ran}");
    let excerpt: Vec<&str> =
        problem["excerpt"].as_array().unwrap().iter().filter_map(|l| l.as_str()).collect();
    assert_eq!(excerpt[0], "made by \\gexec, row 2:");
    assert!(excerpt[1].contains("VALUES (nothing)") && excerpt[2].contains('^'), "{excerpt:?}");
}

#[tokio::test]
async fn each_generated_statement_has_a_row_of_its_own_in_the_ledger() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.script(
        "SELECT format('INSERT INTO t VALUES (%s)', i) FROM generate_series(1, 3) AS i \\gexec\nINSERT INTO t VALUES (9);\n",
        "transaction = \"none\"",
    );
    let ran = bench.run().await;
    ran.exits(0);
    let ledger = bench.ledger().await;
    assert_eq!(ledger.len(), 5, "{ledger:?}");
    let made: Vec<_> =
        ledger.iter().filter_map(|row| row.split_once('#')).map(|(_, row)| &row[..1]).collect();
    assert_eq!(made, ["1", "2", "3"], "{ledger:?}");
}

#[tokio::test]
async fn a_half_applied_file_that_depends_on_results_isnt_entered_in_the_middle() {
    for (script, why, line) in [
        (
            "SELECT 1 AS n \\gset\nINSERT INTO t VALUES (:'n');\nINSERT INTO t SELECT id FROM later;\n",
            "a value that this query gave",
            1,
        ),
        (
            "SELECT 'INSERT INTO t VALUES (1)' UNION ALL SELECT 'INSERT INTO t SELECT id FROM later'\n\\gexec\n",
            "the statements that its query made",
            1,
        ),
        (
            "INSERT INTO t VALUES (1);\n\\if :ERROR\n\\else\nINSERT INTO t VALUES (2);\n\\endif\nINSERT INTO t SELECT id FROM later;\n",
            "a branch that a result chose",
            4,
        ),
    ] {
        let bench = Bench::with("CREATE TABLE t (id int)").await;
        bench.script(script, "transaction = \"none\"");
        bench.run().await.exits(6).failed_with("a", "\"later\" does not exist");
        let before = bench.value("SELECT count(*) FROM t").await;
        bench.sql("CREATE TABLE later (id int)").await;
        let ran = bench.resume().await;
        ran.exits(6);
        assert_eq!(ran.last("held")["reason"], "half_applied", "{script}: {ran}");
        ran.says(why).says(&format!("a.sql:{line}"));
        assert_eq!(bench.value("SELECT count(*) FROM t").await, before);
    }
}

/// What stood before a \gset that didn't run yet decides nothing; nor does a \gexec that is over.
#[tokio::test]
async fn a_half_applied_file_is_entered_where_nothing_depends_on_results() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.script(
        "SELECT format('INSERT INTO t VALUES (%s)', i) FROM generate_series(1, 2) AS i \\gexec\n\
         INSERT INTO t VALUES (3);\nINSERT INTO t SELECT id FROM later;\nSELECT max(id) AS n FROM t \\gset\nINSERT INTO t VALUES (:'n'::int + 1);\n",
        "transaction = \"none\"",
    );
    bench.run().await.exits(6);
    bench.sql("CREATE TABLE later AS SELECT 7 AS id").await;
    bench.resume().await.exits(0);
    assert_eq!(bench.value("SELECT string_agg(id::text, ' ' ORDER BY id) FROM t").await, "1 2 3 7 8");
}

/// The result of a statement that isn't run again is gone: nothing is pasted in its place.
#[tokio::test]
async fn a_result_variable_of_a_statement_that_isnt_run_again_is_refused() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.script(
        "INSERT INTO t VALUES (1), (2);\nINSERT INTO t SELECT id + :ROW_COUNT FROM later;\n",
        "transaction = \"none\"",
    );
    bench.run().await.exits(6).failed_with("a", "\"later\" does not exist");
    bench.sql("CREATE TABLE later AS SELECT 100 AS id").await;
    bench.resume().await.exits(6).failed_with("a", "ROW_COUNT");
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "2");
}

#[tokio::test]
async fn errors_that_the_script_passes_over_are_deviations() {
    let bench = Bench::with("CREATE TABLE t (id int PRIMARY KEY)").await;
    let sql = "\\set ON_ERROR_STOP 0\n\\set ON_ERROR_ROLLBACK on\nINSERT INTO t VALUES (1);\nINSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2);\n";
    for mode in ["single", "none"] {
        bench.script(sql, &format!("transaction = \"{mode}\""));
        let ran = bench.run().await;
        ran.exits(0);
        let what = ran.last("deviation")["what"].as_str().unwrap_or_default().to_owned();
        assert!(what.contains("duplicate key"), "{mode}: {ran}");
        assert_eq!(bench.value("SELECT count(*) FROM t").await, "2");
        bench.sql("TRUNCATE t; DROP SCHEMA holdpoint CASCADE").await;
    }
    // Without the savepoints an error undoes everything: that is a failure, not an end.
    bench.script("\\set ON_ERROR_STOP 0\nINSERT INTO t VALUES (1), (1);\nINSERT INTO t VALUES (2);\n", "");
    let ran = bench.run().await;
    ran.exits(6).failed_with("a", "duplicate key").says("ON_ERROR_ROLLBACK");
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "0");
}

/// psql would read the data of a COPY that the server refused as statements.
#[tokio::test]
async fn the_data_of_a_copy_that_is_passed_over_goes_with_it() {
    for (mode, policy) in [("single", "hold"), ("none", "hold"), ("none", "continue")] {
        let bench = Bench::with("CREATE TABLE t (id int)").await;
        let stop = if policy == "hold" { "\\set ON_ERROR_STOP 0\n\\set ON_ERROR_ROLLBACK on\n" } else { "" };
        let sql = "COPY nothing FROM STDIN;\nDROP TABLE t;\n\\.\nINSERT INTO t VALUES (1);\n";
        let keys = format!("transaction = \"{mode}\"\non_failure = \"{policy}\"");
        bench.script(&format!("{stop}{sql}"), &keys);
        let ran = bench.run().await;
        ran.exits(0);
        assert!(ran.last("deviation").to_string().contains("does not exist"), "{ran}");
        assert_eq!(bench.value("SELECT count(*) FROM t").await, "1");
    }
}

#[tokio::test]
async fn what_would_break_a_promise_is_refused_with_the_reason() {
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    for (mode, sql, why) in [
        ("none", "\\set AUTOCOMMIT off\nSELECT 1;\n", "a.sql:1:1"),
        ("single", "SELECT 1;\n\\c\nSELECT 2;\n", "a.sql:2:1"),
        ("single", "\\c other\n", "isn't this one"),
        ("single", "\\c - somebody\n", "isn't this one"),
        ("single", "\\connect 'host=elsewhere dbname=x'\n", "connection string"),
        ("single", "SELECT 1 \\watch\n", "\\watch is refused"),
        ("single", "SELECT 1 \\crosstabview\n", "\\crosstabview is refused"),
        ("single", "SELECT 1 \\g /tmp/file.txt\n", "\\g \"/tmp/file.txt\" is refused"),
        ("single", "SELECT 1 \\g | sh\n", "a pipe is refused"),
        ("single", "\\o ../out.txt\n", "\\o \"../out.txt\" is refused"),
        ("single", "\\set ON_ERROR_STOP maybe\n", "a boolean is expected"),
        ("single", "SELECT 'x' AS p \\gset\nSELECT 1 AS a \\gset :p\n", "its prefix comes from the database"),
    ] {
        bench.script(sql, &format!("transaction = \"{mode}\""));
        let ran = bench.run().await;
        ran.exits(2).says(why);
        assert!(ran.events.is_empty(), "{sql}: {ran}");
    }
    bench.script(
        "\\c\nINSERT INTO t VALUES (1);\n\\set AUTOCOMMIT off\nINSERT INTO t VALUES (2);\n\\errverbose\n",
        "",
    );
    bench.run().await.exits(0);
    assert_eq!(bench.value("SELECT count(*) FROM t").await, "2");
}

#[tokio::test]
async fn bind_gives_values_to_parameters() {
    let bench = Bench::with("CREATE TABLE t (id int, note text)").await;
    bench.script(
        "INSERT INTO t VALUES ($1, $2) \\bind 1 'it''s; $2' \\g\nINSERT INTO t VALUES ($1::int + 1, $2) \\bind 1 :'ENCODING'\n;\n\
         SELECT $1::int AS n \\bind 40 \\gset\nINSERT INTO t VALUES ($1::int + 2) \\bind :n \\g\n",
        "",
    );
    bench.run().await.exits(0);
    let all = "SELECT string_agg(concat_ws(' ', id, note), '|' ORDER BY id) FROM t";
    assert_eq!(bench.value(all).await, "1 it's; $2|2 'UTF8'|42");
    bench.script("INSERT INTO t VALUES ($1::int) \\bind 'x' \\g\n", "");
    bench.run().await.exits(6).failed_with("a", "invalid input syntax");
    // COPY's data can't come in between.
    let bench = Bench::with("CREATE TABLE t (id int)").await;
    bench.script("COPY t FROM STDIN \\bind \\g\n1\n\\.\n", "");
    bench.run().await.exits(6).failed_with("a", "COPY");
}

#[tokio::test]
async fn two_steps_know_nothing_of_each_others_variables() {
    let bench = Bench::with("CREATE TABLE t (note text)").await;
    bench.file("a.sql", "SELECT 'one' AS v \\gset\nINSERT INTO t VALUES (:'v');\n");
    bench.file("b.sql", "INSERT INTO t VALUES (':v');\nINSERT INTO t VALUES (:{?v});\n");
    bench.plan(&format!("{}{}", step("a", ""), step("b", "")));
    bench.run().await.exits(0);
    assert_eq!(
        bench.value("SELECT string_agg(note, ' ' ORDER BY note COLLATE \"C\") FROM t").await,
        ":v false one"
    );
}

/// The server counts lines from the beginning of the block; people count them in the file.
#[tokio::test]
async fn an_error_inside_a_do_block_is_found_in_the_file() {
    let f = "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN\n RETURN (SELECT nope FROM pg_class); END'";
    for (script, line, column, caret, context) in [
        (
            "SELECT 1;\nDO $$\nBEGIN\n  PERFORM 1;\n  INSERT INTO nothing\n    VALUES (1);\nEND $$;\n",
            5,
            15,
            "  INSERT INTO nothing\n              ^",
            "in the statement:\nINSERT INTO nothing\n            ^\nPL/pgSQL function inline_code_block line 4",
        ),
        (
            "DO $x$ BEGIN\n RAISE EXCEPTION 'größe'; END $x$;\n",
            2,
            2,
            " RAISE EXCEPTION 'größe'; END $x$;\n ^",
            "line 2 at RAISE",
        ),
        (
            "DO '\nDECLARE i int; BEGIN\n\n  i := 1/0; END';\n",
            4,
            3,
            "  i := 1/0; END';\n  ^",
            "line 4 at assignment",
        ),
        (
            "DO $$ BEGIN\n  PERFORM f();\nEND $$;\n",
            2,
            3,
            "  PERFORM f();\n  ^",
            "(SELECT nope FROM pg_class)\n        ^\nPL/pgSQL function f() line 2",
        ),
        (
            "DO LANGUAGE plpgsql $$ BEGIN RAISE 'at once'; END $$;\n",
            1,
            21,
            "$$;\n                    ^",
            "line 1 at RAISE",
        ),
    ] {
        let bench = Bench::with(f).await;
        bench.script(script, "");
        let ran = bench.run().await;
        ran.exits(6);
        let problem = ran.problem("a");
        assert_eq!(
            (&problem["place"]["line"], &problem["place"]["column"]),
            (&line.into(), &column.into()),
            "{ran}"
        );
        let excerpt: Vec<&str> =
            problem["excerpt"].as_array().unwrap().iter().filter_map(|l| l.as_str()).collect();
        assert!(excerpt.join("\n").ends_with(caret), "{excerpt:?}");
        assert!(problem["context"].as_str().is_some_and(|text| text.contains(context)), "{problem}");
    }
}

/// The ledger's row is UTF-8, whatever the script says of its own bytes.
#[tokio::test]
async fn a_scripts_encoding_doesnt_reach_the_ledger() {
    let bench = Bench::with("CREATE TABLE t (note text)").await;
    std::fs::create_dir(bench.path("größe")).unwrap();
    bench.file(
        "größe/a.sql",
        "\\encoding LATIN1\nINSERT INTO t VALUES ('\u{fc}');\nINSERT INTO t VALUES (:'ENCODING');\n",
    );
    for mode in ["single", "none"] {
        bench.plan(&format!(
            "\n[[phase.step]]\nid = \"a\"\ntitle = \"a\"\nfile = \"größe/a.sql\"\ntransaction = \"{mode}\"\n"
        ));
        bench.run().await.exits(0);
        // Two bytes in UTF-8 are two characters in LATIN1, as by psql.
        assert_eq!(bench.value("SELECT string_agg(note, ' ') FROM t").await, "\u{c3}\u{bc} LATIN1");
        let units = "SELECT count(*) = count(*) FILTER (WHERE unit = '' OR unit LIKE 'größe/a.sql@%') FROM holdpoint.ledger";
        assert_eq!(bench.value(units).await, "t", "{mode}");
        bench.sql("TRUNCATE t").await;
    }
}

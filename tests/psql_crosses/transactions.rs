//! Scripts with transactions of their own: begun by BEGIN, or by psql itself with AUTOCOMMIT off, and
//! guarded statement by statement with ON_ERROR_ROLLBACK.

use crate::differ::script::{Mode, Script};

const FIRST: &str = "CREATE TABLE t (a int, b text);\n";
const LAST: &str = "\\set AUTOCOMMIT on\nINSERT INTO t VALUES (99, 'end');\n";

/// How a transaction begins and what ends it: name, in front, behind.
const WAYS: &[(&str, &str, &str)] = &[
    ("begin", "BEGIN;\n", "COMMIT;\n"),
    ("start", "START TRANSACTION ISOLATION LEVEL REPEATABLE READ;\n", "END;\n"),
    ("off", "\\set AUTOCOMMIT off\n", "COMMIT;\n"),
    ("unset", "\\unset AUTOCOMMIT\n", "END TRANSACTION;\n"),
    ("off_begin", "\\set AUTOCOMMIT off\nBEGIN;\n", "COMMIT;\n"),
    ("off_on", "\\set AUTOCOMMIT off\nINSERT INTO t VALUES (0);\n\\set AUTOCOMMIT on\n", "COMMIT;\n"),
    ("guarded", "\\set ON_ERROR_ROLLBACK on\nBEGIN;\n", "COMMIT;\n"),
    ("guarded_off", "\\set AUTOCOMMIT off\n\\set ON_ERROR_ROLLBACK on\n", "COMMIT WORK;\n"),
    ("guarded_goes_on", "\\set ON_ERROR_ROLLBACK on\n\\set ON_ERROR_STOP off\nBEGIN;\n", "COMMIT;\n"),
    (
        "guarded_off_goes_on",
        "\\set ON_ERROR_ROLLBACK on\n\\set ON_ERROR_STOP off\n\\set AUTOCOMMIT off\n",
        "COMMIT;\n",
    ),
    ("open", "BEGIN;\nCOMMIT;\n\\set AUTOCOMMIT off\n", ""),
];

const THINGS: &[(&str, &str)] = &[
    ("nothing", ""),
    ("semicolon", ";\n"),
    ("comment", "/* c */;\n-- it's\n"),
    ("insert", "INSERT INTO t VALUES (1, 'x');\n"),
    ("two", "INSERT INTO t VALUES (1, 'x');\nUPDATE t SET b = 'y';\n"),
    ("select", "SELECT a FROM t;\n"),
    ("fails", "INSERT INTO t VALUES (1);\nSELECT 1/0;\nINSERT INTO t VALUES (2);\n"),
    ("fails_first", "SELECT 1/0;\nINSERT INTO t VALUES (2);\n"),
    ("syntax", "SELEC;\nINSERT INTO t VALUES (2);\n"),
    ("set", "SET work_mem = '5MB';\n"),
    ("set_local", "SET LOCAL work_mem = '5MB';\nSELECT current_setting('work_mem');\n"),
    ("savepoint", "SAVEPOINT s;\nINSERT INTO t VALUES (1);\nROLLBACK TO s;\nRELEASE s;\n"),
    ("several", "INSERT INTO t VALUES (1)\\; INSERT INTO t VALUES (2);\n"),
    ("gset", "SELECT 5 AS five \\gset\nINSERT INTO t VALUES (:five, :'ROW_COUNT');\n"),
    ("gexec", "SELECT format('INSERT INTO t VALUES (%s)', g) FROM generate_series(3, 5) g \\gexec\n"),
    (
        "strings",
        "SET standard_conforming_strings = off; INSERT INTO t VALUES (1, 'a\\'b'); -- '\nSELECT 'a\\'b';\n",
    ),
    ("encoding", "\\encoding UTF8\nINSERT INTO t VALUES (1);\n"),
    ("gdesc", "SELECT 1 AS a \\gdesc\n"),
    ("copy", "COPY t FROM STDIN;\n1\tone\n\\.\n"),
    ("copy_fails", "COPY t FROM STDIN;\nx\tone\n\\.\nINSERT INTO t VALUES (3);\n"),
    ("copy_file", "\\copy t from 'rows.txt'\n"),
    ("copy_out", "COPY t TO STDOUT;\nINSERT INTO t VALUES (:ROW_COUNT);\n"),
    ("temporary", "CREATE TEMP TABLE w (a int);\nINSERT INTO w VALUES (1);\n"),
    ("prepared", "PREPARE p AS INSERT INTO t VALUES (7);\nEXECUTE p;\n"),
    ("vacuum", "VACUUM t;\n"),
    ("discard", "DISCARD ALL;\n"),
    ("discard_plans", "DISCARD PLANS;\n"),
    ("index", "CREATE INDEX CONCURRENTLY ON t (a);\n"),
    ("twice", "INSERT INTO t VALUES (1);\nCOMMIT;\nINSERT INTO t VALUES (2);\n"),
    ("begins_again", "INSERT INTO t VALUES (1);\nBEGIN;\n"),
    ("ends_again", "INSERT INTO t VALUES (1);\nCOMMIT;\nCOMMIT;\n"),
    ("rolls_back", "INSERT INTO t VALUES (1);\nROLLBACK;\n"),
    ("if", "\\if :{?nope}\nSELECT 1;\n\\else\nINSERT INTO t VALUES (1);\n\\endif\n"),
    ("include", "\\ir inc/relative.sql\n"),
    ("function", "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END;\n"),
    ("do", "DO $$ BEGIN INSERT INTO t VALUES (6); END $$;\n"),
    (
        "result",
        "SELECT count(*) AS n FROM t \\gset\n\\if :n\nSELECT 1;\n\\else\nINSERT INTO t VALUES (1);\n\\endif\n",
    ),
];

pub fn all() -> Vec<Script> {
    let mut scripts = Vec::new();
    for (at, (way, before, after)) in WAYS.iter().enumerate() {
        for (thing, text) in THINGS {
            let whole = format!("{FIRST}{before}{text}{after}{LAST}");
            let whole = if at % 2 == 1 { whole.replace('\n', "\r\n") } else { whole };
            scripts.push(Script { mode: Mode::Script, ..Script::new(format!("{way}-{thing}"), whole) });
        }
    }
    scripts.extend(alone());
    scripts
}

/// What commits by itself, between the statements of a file of which each is a transaction.
const PROCEDURE: &str =
    "CREATE PROCEDURE p(n int) LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t VALUES (n); COMMIT; END $$;\n";

/// Name, text.
const ALONE: &[(&str, &str)] = &[
    ("call_plain", "CREATE PROCEDURE q() LANGUAGE sql AS 'INSERT INTO t VALUES (1)';\nCALL q();\n"),
    (
        "call_fails",
        "CREATE PROCEDURE q() LANGUAGE sql AS 'SELECT 1/0';\nCALL q();\nINSERT INTO t VALUES (2);\n",
    ),
    ("do_plain", "DO $$ BEGIN INSERT INTO t VALUES (1); END $$;\n"),
    (
        "do_exception",
        "DO $$ BEGIN INSERT INTO t VALUES (1); RAISE 'x'; EXCEPTION WHEN OTHERS THEN INSERT INTO t VALUES (2); END $$;\n",
    ),
    ("several", "INSERT INTO t VALUES (1)\\; INSERT INTO t VALUES (2);\n"),
    ("copy_out", "INSERT INTO t VALUES (1);\nCOPY t TO STDOUT;\nINSERT INTO t VALUES (:ROW_COUNT);\n"),
    ("includes", "\\i inc/plain.sql \\i inc/relative.sql\n"),
    ("value", "CREATE TYPE m AS ENUM ('a');\nALTER TYPE m ADD VALUE 'b';\nSELECT 'b'::m;\n"),
    ("fails", "INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (1/0);\nINSERT INTO t VALUES (3);\n"),
    ("copy_fails", "COPY t FROM STDIN;\n1\tone\nx\ttwo\n\\.\nINSERT INTO t VALUES (3);\n"),
    ("index", "CREATE INDEX CONCURRENTLY i ON t (a);\nVACUUM t;\nREINDEX INDEX CONCURRENTLY i;\n"),
];

fn alone() -> impl Iterator<Item = Script> {
    ALONE.iter().flat_map(|(name, text)| {
        let whole = format!("{FIRST}{PROCEDURE}{text}INSERT INTO t VALUES (99, 'end');\n");
        let script = |layout: &str, text: String| Script {
            mode: Mode::None,
            ..Script::new(format!("alone_{name}-{layout}"), text)
        };
        [script("lf", whole.clone()), script("crlf", whole.replace('\n', "\r\n"))]
    })
}

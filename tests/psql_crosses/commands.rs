//! Every command of psql's that has to do with a migration, in every place where one can stand.

use crate::differ::script::{Mode, Script};

/// What stands in front of every cross.
const FIRST: &str =
    "CREATE TABLE t (a int, b text);\nINSERT INTO t VALUES (1, 'one'), (2, NULL);\n\\set v 'va''l'\n";
/// And behind it: whether it was reached, and what is left of a variable.
const LAST: &str = "\nINSERT INTO t VALUES (99, 'end');\n";

/// Name, text: whole lines, but for the last newline.
const COMMANDS: &[(&str, &str)] = &[
    ("gset", "SELECT 7 AS one, 'a''\\b' AS \"Two\" \\gset\nINSERT INTO t VALUES (:'one', :'Two');"),
    ("gset_prefix", "SELECT 7 AS one \\gset p_\nINSERT INTO t VALUES (:'p_one', ':one');"),
    ("gset_prefix_quoted", "SELECT 7 AS one \\gset 'q'\nINSERT INTO t VALUES (:'qone');"),
    ("gset_prefix_variable", "\\set pre r_\nSELECT 7 AS one \\gset :pre\nINSERT INTO t VALUES (:'r_one');"),
    ("gset_null", "\\set one 5\nSELECT NULL AS one \\gset\nINSERT INTO t VALUES (1, :{?one});"),
    ("gset_no_rows", "SELECT 1 AS one WHERE false \\gset"),
    ("gset_two_rows", "SELECT generate_series(1, 2) AS one \\gset"),
    ("gset_no_columns", "SELECT \\gset"),
    ("gset_not_a_query", "CREATE TABLE u (a int) \\gset"),
    ("gset_returning", "INSERT INTO t VALUES (8, 'x') RETURNING a AS got \\gset\nSELECT :'got';"),
    ("gset_fails", "SELECT 1/0 AS one \\gset"),
    ("gset_bad_name", "SELECT 1 AS \"a b\" \\gset"),
    ("gset_unnamed", "SELECT 1 \\gset\nSELECT :{?x};"),
    ("gset_nothing_to_send", "\\gset"),
    ("gset_lines", "SELECT 1\nAS one\n\\gset\nSELECT :'one';"),
    ("gset_raw", "SELECT 7 AS one \\gset\nINSERT INTO t VALUES (:one);"),
    (
        "gset_if",
        "SELECT count(*) > 1 AS many FROM t \\gset\n\\if :many\nINSERT INTO t VALUES (5);\n\\else\nINSERT INTO t VALUES (6);\n\\endif",
    ),
    ("gset_several", "SELECT 1 AS x\\; SELECT 2 AS y \\gset\nSELECT :{?x}, :'y';"),
    ("gexec", "SELECT format('INSERT INTO t VALUES (%s, %L)', g, 'g') FROM generate_series(3, 5) g \\gexec"),
    (
        "gexec_columns",
        "SELECT 'SELECT 1', NULL, 'SELECT ''it''''s''; SELECT 2' UNION ALL SELECT 'SELECT 3', 'SELECT 4', '' \\gexec",
    ),
    ("gexec_fails", "SELECT 'SELECT 1' UNION ALL SELECT 'SELECT 1/0' UNION ALL SELECT 'SELECT 3' \\gexec"),
    ("gexec_nothing", "SELECT 'x' WHERE false \\gexec"),
    ("gexec_meta", "SELECT '\\echo x' \\gexec"),
    ("gexec_variable", "SELECT ':v', 1 LIMIT 0 \\gexec"),
    ("gexec_not_a_query", "CREATE TABLE u (a int) \\gexec"),
    ("gexec_ddl", "SELECT 'CREATE TABLE u_' || a || ' (b int)' FROM t ORDER BY a \\gexec"),
    ("g", "SELECT 1 \\g"),
    ("g_insert", "INSERT INTO t VALUES (4, 'g') \\g"),
    ("g_again", "INSERT INTO t VALUES (4, 'g');\n\\g"),
    ("g_options", "SELECT 1 \\g (format=unaligned)"),
    ("g_fails", "SELECT 1/0 \\g"),
    ("gx", "SELECT 1 AS a \\gx"),
    ("g_file", "SELECT 1 \\g out.txt"),
    ("g_pipe", "SELECT 1 \\g |cat"),
    ("g_copy", "COPY t FROM STDIN \\g\n50\tg\n\\."),
    ("gdesc", "SELECT 1 AS a, 'x'::text AS b \\gdesc"),
    ("gdesc_fails", "SELECT nope \\gdesc"),
    ("bind", "SELECT $1, $2 \\bind 'a b' 2 \\g"),
    ("semicolons", "INSERT INTO t VALUES (4)\\; INSERT INTO t VALUES (5);"),
    ("semicolons_fail", "INSERT INTO t VALUES (4)\\; SELECT 1/0\\; SELECT 2;"),
    ("copy_from", "\\copy t from 'rows.txt'"),
    ("copy_from_bare", "\\copy t from rows.txt"),
    ("copy_from_columns", "\\copy t (a, b) from 'rows.csv' with (format csv)"),
    ("copy_from_old", "\\copy t from 'rows.csv' csv"),
    ("copy_from_where", "\\copy t from 'rows.txt' where a > 70"),
    ("copy_from_missing", "\\copy t from 'nowhere.txt'"),
    ("copy_from_fails", "\\copy t from 'rows.csv'"),
    ("copy_from_stdin", "\\copy t from stdin\n60\tinline\n61\t\\N\n\\."),
    ("copy_from_pstdin", "\\copy t from pstdin\n"),
    ("copy_from_program", "\\copy t from program 'cat rows.txt'"),
    ("copy_variable", "\\copy t from :v"),
    ("copy_no_table", "\\copy nope from 'rows.txt'"),
    ("copy_syntax", "\\copy t frm 'rows.txt'"),
    ("copy_semicolon", "\\copy t from 'rows.txt';"),
    ("copy_quoted_name", "\\copy \"t\" ( \"a\" , b ) from 'rows.txt'"),
    ("copy_to", "\\copy t to 'out.txt'"),
    ("copy_query_to", "\\copy (select a from t where b = 'one' order by 1) to 'out.txt' csv header"),
    ("copy_to_stdout", "\\copy t to stdout"),
    ("connect", "\\c\nSELECT 1;"),
    ("connect_dashes", "\\c - - - -\nSELECT 1;"),
    ("connect_other", "\\c template1"),
    ("connect_user", "\\c - nobody"),
    ("encoding", "\\encoding UTF8\nSELECT 'é';"),
    ("encoding_show", "\\encoding"),
    ("encoding_latin1", "\\encoding latin1\nINSERT INTO t VALUES (7, 'plain');"),
    ("encoding_unknown", "\\encoding nope"),
    ("on_error_stop_on", "\\set ON_ERROR_STOP on"),
    ("on_error_stop_1", "\\set ON_ERROR_STOP 1\nSELECT 1/0;"),
    ("on_error_stop_off", "\\set ON_ERROR_STOP off\nSELECT 1/0;"),
    ("on_error_stop_unset", "\\unset ON_ERROR_STOP\nSELECT 1;"),
    ("on_error_rollback_off", "\\set ON_ERROR_ROLLBACK off\nSELECT 1/0;"),
    ("on_error_rollback_on", "\\set ON_ERROR_ROLLBACK on\nINSERT INTO t VALUES (5);\nSELECT 1;"),
    ("on_error_rollback_interactive", "\\set ON_ERROR_ROLLBACK interactive\nSELECT 1;"),
    ("autocommit_on", "\\set AUTOCOMMIT on\nSELECT 1;"),
    ("autocommit_off", "\\set AUTOCOMMIT off\nINSERT INTO t VALUES (6);"),
    (
        "savepoint",
        "SAVEPOINT s;\nINSERT INTO t VALUES (5);\nROLLBACK TO s;\nINSERT INTO t VALUES (:ROW_COUNT, :'SQLSTATE');",
    ),
    (
        "exception",
        "DO $$ BEGIN INSERT INTO t VALUES (5); RAISE 'x'; EXCEPTION WHEN OTHERS THEN NULL; END $$;\nSELECT :'ERROR';",
    ),
    ("copy_to_stdout_query", "COPY (SELECT a, b FROM t ORDER BY a) TO STDOUT WITH (FORMAT csv, HEADER);"),
    ("errverbose", "\\errverbose"),
    ("include", "\\i inc/plain.sql"),
    ("include_relative", "\\ir inc/relative.sql"),
    ("include_long", "\\include 'inc/plain.sql'"),
    ("include_relative_long", "\\include_relative inc/relative.sql"),
    ("include_sets", "\\i inc/sets.sql\nINSERT INTO t VALUES (:v);"),
    ("include_open", "\\i inc/open.sql\n';"),
    ("include_fails", "\\i inc/fails.sql"),
    ("include_if", "\\i inc/if.sql"),
    ("include_twice", "\\i inc/plain.sql \\i inc/relative.sql"),
    ("include_then_sql", "\\i inc/sets.sql \\\\ INSERT INTO t VALUES (:v);"),
    ("include_missing", "\\i inc/nowhere.sql"),
    ("include_no_name", "\\i"),
    ("echo", "\\echo one 'two three' :v :'v' :\"v\" :{?v} :nope"),
    ("echo_n", "\\echo -n one"),
    ("qecho", "\\qecho 'it''s'"),
    ("warn", "\\warn \"a b\""),
    ("set_many", "\\set w a 'b c' :v d\nINSERT INTO t VALUES (3, :'w');"),
    ("set_empty", "\\set w\nINSERT INTO t VALUES (3, :'w');"),
    ("set_escapes", "\\set w 'a\\tb\\n\\101\\x42'\nINSERT INTO t VALUES (3, :'w');"),
    ("set_sql", "\\set w 'INSERT INTO t VALUES (3, \\'w\\')'\n:w;"),
    ("set_bad_name", "\\set 'a b' 1"),
    ("set_unset", "\\unset v\nSELECT :{?v};"),
    ("set_backtick", "\\set w `echo x`"),
    ("test_variable", "INSERT INTO t VALUES (3, :{?v}::text || :{?nope}::text);"),
    ("if_test", "\\if :{?v}\nINSERT INTO t VALUES (3);\n\\else\nINSERT INTO t VALUES (4);\n\\endif"),
    ("if_nested", "\\if 1\n\\if 0\nSELECT 'no';\n\\elif on\nINSERT INTO t VALUES (3);\n\\endif\n\\endif"),
    ("if_unset", "\\if :nope\nSELECT 1;\n\\endif"),
    ("if_nothing", "\\if\nSELECT 1;\n\\endif"),
    ("if_open", "\\if true\nSELECT 1;"),
    ("else_lonely", "\\else\nSELECT 1;"),
    ("restrict", "\\restrict abc\nSELECT 1;\n\\unrestrict abc"),
    ("restrict_open", "\\restrict abc\n\\echo no"),
    ("timing", "\\timing on"),
    ("pset", "\\pset format unaligned"),
    ("x", "\\x auto"),
    ("aligned", "\\a"),
    ("tuples_only", "\\t on"),
    ("title", "\\C title"),
    ("separator", "\\f ';'"),
    ("html", "\\H"),
    ("table_attributes", "\\T border=1"),
    ("out", "\\o out.txt\nSELECT 1;\n\\o"),
    ("out_pipe", "\\o |cat"),
    ("write", "SELECT 1\n\\w out.txt\n;"),
    ("print", "SELECT 1\n\\p\n;"),
    ("reset", "SELECT 1\n\\r\nSELECT 2;"),
    ("quit", "\\q\nSELECT 1;"),
    ("watch", "SELECT 1/0 \\watch 1"),
    ("crosstabview", "SELECT 1 AS a, 2 AS b, 3 AS c \\crosstabview"),
    ("shell", "\\! true"),
    ("change_folder", "\\cd inc\n\\i plain.sql"),
    ("getenv", "\\getenv w HOME"),
    ("setenv", "\\setenv W x"),
    ("describe", "\\d t"),
    ("describe_tables", "\\dt"),
    ("list", "\\l"),
    ("privileges", "\\z"),
    ("function_source", "\\sf nope"),
    ("conninfo", "\\conninfo"),
    ("help", "\\h SELECT"),
    ("question", "\\?"),
    ("copyright", "\\copyright"),
    ("history", "\\s"),
    ("large_object", "\\lo_import nowhere.txt"),
    ("unknown", "\\frobnicate 1"),
    ("version", "INSERT INTO t VALUES (:SERVER_VERSION_NUM / 10000, :'SERVER_VERSION_NAME');"),
    (
        "row_count",
        "INSERT INTO t VALUES (3), (4);\nINSERT INTO t VALUES (:ROW_COUNT, :'SQLSTATE' || :'ERROR');",
    ),
    ("copy_out_count", "COPY t TO STDOUT;\nINSERT INTO t VALUES (:ROW_COUNT, :'SQLSTATE');"),
    ("copy_out_file_count", "COPY t TO STDOUT \\g out.txt\nINSERT INTO t VALUES (:ROW_COUNT, :'SQLSTATE');"),
    ("copy_to_count", "\\copy t to 'out.txt'\nINSERT INTO t VALUES (:ROW_COUNT, :'SQLSTATE');"),
    (
        "copy_out_first_count",
        "COPY t TO STDOUT\\; UPDATE t SET a = 1;\nINSERT INTO t VALUES (:ROW_COUNT, 'n');",
    ),
    ("last_error", "SELECT 1;\nINSERT INTO t VALUES (3, :'LAST_ERROR_MESSAGE' || :'LAST_ERROR_SQLSTATE');"),
    ("who", "SELECT :'USER', :'DBNAME', :'HOST', :'PORT', :'ENCODING';"),
];

/// Name, what stands in front of the command, and behind it.
const PLACES: &[(&str, &str, &str)] = &[
    ("line", "", "\n"),
    ("indented", " \t ", " \t\n"),
    ("comment_before", "/* ; ' */ ", "\n"),
    ("comment_behind", "", " -- it's\n"),
    ("comment_block_behind", "", " /* c */\n"),
    ("in_comment", "/* ", " */\n"),
    ("in_comment_nested", "/* /* ", "*/ \n */\n"),
    ("in_dollars", "INSERT INTO t VALUES (10, $x$ ", " $x$);\n"),
    ("in_string", "INSERT INTO t VALUES (10, ' ", " ');\n"),
    ("in_statement", "SELECT 1,\n", "\n2;\n"),
    ("in_parens", "SELECT (\n", "\n1);\n"),
    ("in_atomic", "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC\n", "\nSELECT 1; END;\n"),
    ("in_copy", "COPY t FROM STDIN;\n1\tx\n", "\n\\.\n"),
    ("behind_copy", "COPY t FROM STDIN;\n1\tx\n\\.\n", "\n"),
    ("taken", "\\if true\n", "\n\\endif\n"),
    ("skipped", "\\if false\n", "\n\\endif\n"),
    ("else_skipped", "\\if true\n\\else\n", "\n\\endif\n"),
    ("quote_behind", "", " 'q'\n"),
    ("variable_behind", "", " :v\n"),
    ("semicolon_behind", "", ";\n"),
    ("separator_behind", "", " \\\\ SELECT 8;\n"),
    ("command_behind", "", " \\echo x\n"),
    ("nonstandard", "SET standard_conforming_strings = off;\n", "\n"),
    (
        "function_between",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$;\n",
        "\nSELECT f();\n",
    ),
];

/// A command in a place; the file goes on, goes on with CRLF, or ends behind the command or in its middle.
pub fn all() -> Vec<Script> {
    let mut scripts = Vec::new();
    for (command, text) in COMMANDS {
        for (place, before, after) in PLACES {
            let whole = format!("{FIRST}{before}{text}{after}{LAST}");
            if *place == "line" {
                let open = format!("{FIRST}{text}");
                let middle = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
                scripts.push(Script::new(
                    format!("{command}-{place}-middle"),
                    format!("{FIRST}{}", &text[..middle]),
                ));
                scripts.push(Script::new(format!("{command}-{place}-end"), open));
                scripts.push(Script::new(format!("{command}-{place}-crlf"), whole.replace('\n', "\r\n")));
                scripts.push(Script {
                    mode: Mode::Script,
                    ..Script::new(
                        format!("{command}-{place}-transactions"),
                        format!("BEGIN;\n{whole}COMMIT;\n"),
                    )
                });
            }
            scripts.push(Script::new(format!("{command}-{place}-lf"), whole));
        }
    }
    // Every command may do here what it does by psql.
    scripts.iter_mut().for_each(|script| script.shell = true);
    scripts
}

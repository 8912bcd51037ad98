//! Every place that psql's lexer can be in, and everything that can stand there.

use crate::differ::script::Script;

/// What stands in front of every cross, and behind it: the end shows whether it was reached.
const FIRST: &str = "CREATE TABLE t (a int, b text);\n\\set v 'va''l'\n";
const LAST: &str = "\nINSERT INTO t VALUES (99, 'end');\n";

/// Name, what opens the place, what closes it.
const PLACES: &[(&str, &str, &str)] = &[
    ("between", "SELECT 1;\n", "\nSELECT 2;\n"),
    ("statement", "SELECT 1 AS a, 2 AS b ", " , 3 AS c;\n"),
    ("line", "SELECT 1 AS a\n", "\n, 3 AS c;\n"),
    ("string", "INSERT INTO t VALUES (1, 'a ", " b');\n"),
    ("string_escape", "INSERT INTO t VALUES (1, E'a ", " b');\n"),
    ("string_unicode", "INSERT INTO t VALUES (1, U&'a ", " b');\n"),
    ("string_bits", "SELECT B'01", "01';\n"),
    ("string_hex", "SELECT X'1f", "2e';\n"),
    ("string_national", "INSERT INTO t VALUES (1, N'a ", " b');\n"),
    ("string_closed", "INSERT INTO t VALUES (1, 'a'\n", "\n'b');\n"),
    ("string_nonstandard", "SET standard_conforming_strings = off;\nINSERT INTO t VALUES (1, 'a ", " b');\n"),
    ("ident", "CREATE TABLE \"a ", " b\" (c int);\n"),
    ("ident_unicode", "CREATE TABLE U&\"a ", " b\" (c int);\n"),
    ("dollar", "INSERT INTO t VALUES (1, $$a ", " b$$);\n"),
    ("dollar_tag", "INSERT INTO t VALUES (1, $tag$a ", " b$tag$);\n"),
    ("dollar_nonascii", "INSERT INTO t VALUES (1, $tåg$a ", " b$tåg$);\n"),
    ("comment", "SELECT 1 /* a ", " b */ AS c;\n"),
    ("comment_nested", "SELECT 1 /* a /* b ", " c */ d */ AS c;\n"),
    ("comment_first", "/* a ", " b */\nSELECT 1;\n"),
    ("line_comment", "SELECT 1 -- a ", "\n;\n"),
    ("line_comment_first", "-- a ", "\nSELECT 1;\n"),
    ("parens", "INSERT INTO t VALUES ((1 + ", " 1), 'p');\n"),
    ("brackets", "SELECT ARRAY[1, ", " 2];\n"),
    ("atomic", "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; ", " SELECT 2; END;\n"),
    (
        "atomic_case",
        "CREATE OR REPLACE FUNCTION f(x int) RETURNS int BEGIN ATOMIC SELECT CASE x WHEN 1 THEN 1 ",
        " ELSE 2 END; END;\n",
    ),
    ("atomic_string", "CREATE FUNCTION f() RETURNS text BEGIN ATOMIC SELECT 'a ", " b'; END;\n"),
    (
        "procedure",
        "CREATE PROCEDURE p(x int) LANGUAGE sql ",
        " BEGIN ATOMIC INSERT INTO t VALUES (x); END;\n",
    ),
    ("do", "DO $do$ BEGIN ", " PERFORM 1; END $do$;\n"),
    ("copy", "COPY t FROM STDIN;\n1\ta", "b\n2\tc\n\\.\n"),
    ("copy_csv", "COPY t FROM STDIN CSV;\n1,\"a ", " b\"\n\\.\n"),
    ("if_taken", "\\if true\n", "\n\\endif\n"),
    ("if_skipped", "\\if false\n", "\n\\endif\n"),
    ("if_skipped_inside", "SELECT 1\n\\if false\n", "\n\\endif\n, 2;\n"),
    ("else_taken", "\\if 0\n\\else\n", "\n\\endif\n"),
    ("else_skipped", "\\if yes\n\\elif true\n", "\n\\else\nSELECT 5;\n\\endif\n"),
    ("argument", "\\echo a ", " b\n"),
    ("argument_quoted", "\\echo 'a ", " b'\n"),
    ("argument_double", "\\echo \"a ", " b\"\n"),
    ("set", "\\set x a", "b\nINSERT INTO t VALUES (3, :'x');\n"),
    ("after_command", "\\set x 1 \\\\ SELECT 5 ", ";\n"),
    ("number", "SELECT 1", ";\n"),
    ("word", "SELECT 1 AS abc", ";\n"),
    ("operator", "SELECT 1 +", "1;\n"),
];

/// Name, text.
const THINGS: &[(&str, &str)] = &[
    ("nothing", ""),
    ("semicolon", ";"),
    ("escaped_semicolon", "\\;"),
    ("escaped_colon", "\\:"),
    ("newline", "\n"),
    ("blank_lines", "\n\n \n"),
    ("line_comment", "-- c\n"),
    ("line_comment_quote", "-- it's\n"),
    ("comment", "/* c */"),
    ("comment_nested", "/* /* ' */ \" */"),
    ("comment_open", "/*"),
    ("comment_close", "*/"),
    ("quote", "'"),
    ("quotes", "''"),
    ("string", "'s'"),
    ("string_escape", "E'\\''"),
    ("double_quote", "\""),
    ("ident", "\"i\""),
    ("dollars", "$$"),
    ("dollar_quoted", "$$ ; ' $$"),
    ("dollar_tag", "$tag$"),
    ("paren_open", "("),
    ("paren_close", ")"),
    ("begin", " BEGIN "),
    ("end", " END "),
    ("backslash_quote", "\\'"),
    ("backslashes", "\\\\"),
    ("variable", ":v"),
    ("variable_literal", ":'v'"),
    ("variable_ident", ":\"v\""),
    ("variable_test", ":{?v}"),
    ("variable_unset", ":nope"),
    ("copy_end", "\n\\.\n"),
    ("echo", "\\echo x\n"),
    ("set", "\\set w 5\n"),
    ("if_block", "\n\\if false\n ' ( $$ \n\\endif\n"),
    ("endif", "\n\\endif\n"),
    ("unknown", "\\nope\n"),
    ("include", "\n\\i inc/plain.sql\n"),
    ("copy", "\nCOPY t FROM STDIN;\n5\tfive\n\\.\n"),
    ("another", "; INSERT INTO t VALUES (7, 'x');"),
    ("nonascii", "é日"),
    ("formfeed", "\u{c}"),
    ("byte_order_mark", "\u{feff}"),
    ("return", "\r"),
    ("gset", "\\gset\n"),
    ("g", "\\g\n"),
];

/// A thing in a place: the file goes on, goes on with CRLF, or ends there.
pub fn all() -> Vec<Script> {
    let mut scripts = Vec::new();
    for (place, before, after) in PLACES {
        for (thing, text) in THINGS {
            let open = format!("{FIRST}{before}{text}");
            let whole = format!("{open}{after}{LAST}");
            scripts.push(Script::new(format!("{place}-{thing}-crlf"), whole.replace('\n', "\r\n")));
            scripts.push(Script::new(format!("{place}-{thing}-lf"), whole));
            scripts.push(Script::new(format!("{place}-{thing}-end"), open));
        }
    }
    scripts
}

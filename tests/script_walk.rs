//! Includes, messages, variables and the scan, as a caller sees them.

#![allow(clippy::unwrap_used)] // a test stops where it fails

use holdpoint::script::{
    EchoTo, Item, Memory, Origin, Problem, Resolver, Script, ScriptError, Statement, Variables, scan,
};

fn all<R: Resolver>(mut script: Script<R>) -> Result<Vec<Item>, ScriptError> {
    let mut items = Vec::new();
    while let Some(item) = script.next_item()? {
        items.push(item);
    }
    Ok(items)
}

fn items(text: &str) -> Result<Vec<Item>, ScriptError> {
    all(Script::inline("s.sql", text, Variables::new()).unwrap())
}

fn statements(text: &str, vars: Variables) -> Vec<Statement> {
    let items = all(Script::inline("s.sql", text, vars).unwrap()).unwrap();
    items.into_iter().filter_map(|item| if let Item::Statement(s) = item { Some(s) } else { None }).collect()
}

#[test]
fn an_included_statement_knows_how_it_was_reached() {
    let files = Memory::new()
        .with("dir/a.sql", "SELECT 1;\n\\if true\n\\ir sub/b.sql\n\\endif\nSELECT 4;\n")
        .with("dir/sub/b.sql", "\n\\ir c.sql\n SELECT 3;")
        .with("dir/sub/c.sql", "SELECT 2");
    let items = all(Script::open(files, "dir/a.sql", Variables::new()).unwrap()).unwrap();
    let places: Vec<_> = items
        .iter()
        .map(|item| match item {
            Item::Statement(s) => s.place.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        places,
        [
            "dir/a.sql:1:1",
            "dir/sub/c.sql:1:1 (included from dir/sub/b.sql:2) (included from dir/a.sql:3)",
            "dir/sub/b.sql:3:2 (included from dir/a.sql:3)",
            "dir/a.sql:5:1",
        ]
    );
}

#[test]
fn a_script_that_includes_itself_ends() {
    let files = Memory::one("a.sql", "SELECT 1;\n\\i a.sql\n");
    let error = all(Script::open(files, "a.sql", Variables::new()).unwrap()).unwrap_err();
    assert_eq!(error.problem, Problem::Include);
    assert!(error.to_string().contains("look for a file that includes itself"), "{error}");
}

#[test]
fn a_missing_file_is_named_where_it_is_included() {
    let error = items("SELECT 1;\n  \\i nowhere.sql\n").unwrap_err();
    let said = "s.sql:2:3: nowhere.sql can't be read: there is no nowhere.sql here";
    assert_eq!((error.problem, error.to_string().as_str()), (Problem::Include, said));
    let missing = Script::open(Memory::new(), "x.sql", Variables::new()).unwrap_err();
    assert_eq!(missing.problem, Problem::Read);
}

#[test]
fn messages_go_where_psql_sends_them() {
    let echo = |item: &Item| match item {
        Item::Echo { text, to, .. } => (text.clone(), *to),
        other => panic!("{other:?}"),
    };
    let found = items("\\echo a  'b c' \"d\"\n\\qecho -n x\n\\warn\n\\echo '-n' y\n").unwrap();
    let expected = [
        ("a b c \"d\"\n".to_owned(), EchoTo::Out),
        ("x".to_owned(), EchoTo::Query),
        ("\n".to_owned(), EchoTo::Err),
        ("-n y\n".to_owned(), EchoTo::Out),
    ];
    assert_eq!(found.iter().map(echo).collect::<Vec<_>>(), expected);
}

#[test]
fn what_has_no_effect_is_said_once() {
    let found = items("\\timing on\n\\x\n\\timing off\n\\pset a b\n\\x\n").unwrap();
    let texts: Vec<_> = found
        .iter()
        .map(|item| match item {
            Item::Notice { text, .. } => text.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(texts, ["\\timing has no effect here", "\\x has no effect here", "\\pset has no effect here"]);
}

#[test]
fn values_from_the_database_are_never_pasted_raw() {
    let vars = || {
        let mut vars = Variables::new();
        vars.set_from("v", "x'; DROP TABLE t; --", Origin::Database { raw_allowed: false }).unwrap();
        vars
    };
    let quoted = statements("SELECT :'v', 1 AS :\"v\", :{?v};", vars());
    assert_eq!(quoted[0].text, "SELECT 'x''; DROP TABLE t; --', 1 AS \"x'; DROP TABLE t; --\", TRUE;");
    for text in ["SELECT :v;", "\\set w :v\nSELECT :w;", "\\set w a:v\n\\set z :w\nSELECT\n:z;"] {
        let error = all(Script::inline("s", text, vars()).unwrap()).unwrap_err();
        assert_eq!(error.problem, Problem::Variable, "{error}");
    }
    assert_eq!(statements("\\set w :'v'\nSELECT :w", vars())[0].text, "SELECT 'x''; DROP TABLE t; --'");
    let mut allowed = Variables::new();
    allowed.set_from("v", "1; SELECT 2", Origin::Database { raw_allowed: true }).unwrap();
    assert_eq!(statements("SELECT :v;", allowed).len(), 2);
    let error = all(Script::inline("s", "\\i :v", vars()).unwrap()).unwrap_err();
    assert_eq!(error.problem, Problem::Variable);
}

#[test]
fn the_caller_may_change_variables_on_the_way() {
    let mut script = Script::inline("s", "SELECT :n; SELECT :n;", Variables::new()).unwrap();
    let mut texts = Vec::new();
    for n in ["1", "2"] {
        script.variables_mut().set("n", n).unwrap();
        if let Some(Item::Statement(s)) = script.next_item().unwrap() {
            texts.push(s.text);
        }
    }
    assert_eq!(texts, ["SELECT 1;", "SELECT 2;"]);
}

#[test]
fn a_statement_keeps_the_range_of_its_source() {
    let mut vars = Variables::new();
    vars.set("t", "a_long_table_name").unwrap();
    let text = "-- c\n\nSELECT 'ü',\n\n  nix FROM :t -- x\n; SELECT 2;";
    let found = statements(text, vars);
    let span = found[0].place.span;
    assert_eq!((found[0].place.line, found[0].place.column), (3, 1));
    assert_eq!(&text[span.start as usize..span.end as usize], "SELECT 'ü',\n\n  nix FROM :t -- x\n;");
    let at = |position| {
        let located = found[0].locate(position).unwrap();
        (located.line, located.column, located.in_variable)
    };
    assert_eq!(at(9), (3, 9, false));
    assert_eq!(at(15), (5, 3, false)); // nix: the blank line before it isn't sent
    assert_eq!(at(27), (5, 12, true)); // inside the table's name
    assert_eq!(at(42), (5, 15, false)); // behind it
    assert_eq!(found[0].excerpt(15, 80).unwrap(), "  nix FROM a_long_table_name -- x\n  ^");
    assert_eq!((found[1].place.line, found[1].place.column), (6, 3));
}

#[test]
fn old_strings_on_request() {
    let mut script = Script::inline("s", "SELECT 'a\\'; SELECT 2; '", Variables::new()).unwrap();
    script.set_standard_strings(false);
    assert_eq!(all(script).unwrap().len(), 1);
}

#[test]
fn refusals_say_what_to_do() {
    for (text, words) in [
        ("\\! rm x", "it runs a shell command"),
        ("SELECT 1 \\watch", "again and again"),
        ("\\c 'host=other'", "connection string"),
        ("\\copy t from program 'x'", "shell command"),
        ("\\set x `date`", "backticks"),
        ("\\set ON_ERROR_STOP maybe", "a boolean is expected"),
        ("\\set SINGLELINE", "where statements end"),
        ("\\if :x", "psql would take it for false"),
        ("\\nope", "invalid command"),
        ("\\set x 'open", "unterminated"),
        ("\\encoding 'x y'", "no name of an encoding"),
    ] {
        let error = items(text).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn a_scan_says_everything_at_once() {
    let text = "BEGIN;\n\\watch\nSET ROLE x;\nCOPY t FROM STDIN;\n\\! not a command\n\\.\n\\! a\n\\timing\nVACUUM;\n\
                COPY t TO '/x';\n;\nCREATE INDEX CONCURRENTLY i ON t(a);\nSELECT '\\\n'; \\nope\n\\if true\nCOMMIT";
    let report = scan(Memory::one("s.sql", text), "s.sql", Variables::new()).unwrap();
    let problems: Vec<_> = report.problems.iter().map(|e| (e.place.line, e.problem)).collect();
    assert_eq!(
        problems,
        [
            (2, Problem::Refused),
            (7, Problem::Refused),
            (14, Problem::UnknownCommand),
            (16, Problem::Condition)
        ]
    );
    let lines = |found: Vec<&holdpoint::script::Scanned>| -> Vec<u64> {
        found.iter().map(|scanned| scanned.place.line).collect()
    };
    assert_eq!(lines(report.transaction_control().collect()), [1, 16]);
    assert_eq!(lines(report.session_changes().collect()), [3]);
    assert_eq!(lines(report.server_side_copies().collect()), [10]);
    assert_eq!(lines(report.forbidden_in_transaction().collect()), [9, 12]);
    // The SELECT just runs, and the empty one sends nothing: neither is kept.
    assert_eq!((report.count, report.statements.len()), (8, 7));
    assert_eq!(report.first.as_ref().map(|place| place.line), Some(1));
    assert_eq!(report.notices.len(), 1);
    assert_eq!(report.bytes.total(), text.len() as u64);
}

#[test]
fn one_mistake_is_no_flood() {
    let bytes: Vec<u8> = (0..200_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let report = scan(Memory::one("s.sql", bytes), "s.sql", Variables::new()).unwrap();
    assert!(!report.problems.is_empty() && report.problems.len() <= holdpoint::script::PROBLEMS_AT_MOST);
    let odd =
        scan(Memory::one("s.sql", "\\if :unset\n\\else\n\\endif\n"), "s.sql", Variables::new()).unwrap();
    assert_eq!(odd.problems.len(), 1, "{:?}", odd.problems);
    let binary = "COPY t FROM STDIN (FORMAT binary);\nx\n\\.\n";
    let report = scan(Memory::one("s.sql", binary), "s.sql", Variables::new()).unwrap();
    assert!(report.problems[0].to_string().contains("a script is text"));
}

//! Whole answers against whole expectations.

use std::time::Duration;

use holdpoint::plan::expect::{
    Answer, Cell, Column, Expect, ExpectedError, Outcome, Refusal, Saved, SavedValue, Verdict, judge_names,
    save,
};

const INT8: u32 = 20;
const TEXT: u32 = 25;

fn answer(columns: &[(&str, u32)], rows: &[&[&str]]) -> Answer {
    Answer {
        cut: None,
        columns: columns
            .iter()
            .map(|(name, type_oid)| Column { name: (*name).to_owned(), type_oid: *type_oid })
            .collect(),
        rows: rows
            .iter()
            .map(|row| row.iter().map(|text| (*text != "NULL").then(|| (*text).to_owned())).collect())
            .collect(),
        total_rows: rows.len() as u64,
        truncated: None,
        elapsed: Duration::from_millis(1200),
    }
}

/// The answer of a bound that kept `rows` of `total`.
fn truncated(mut answer: Answer, total: u64) -> Answer {
    answer.total_rows = total;
    answer.truncated = Some("1000 rows".to_owned());
    answer
}

fn t(text: &str) -> Cell {
    Cell::text(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn i(value: i64) -> Cell {
    Cell::integer(value)
}

fn judge(expect: &Expect, answer: Answer) -> Verdict {
    expect.judge(&Outcome::Rows(answer), &Saved::new())
}

fn why(verdict: &Verdict) -> String {
    assert!(!verdict.passed, "{verdict:?}");
    let why: Vec<&str> = verdict.differences.iter().map(|d| d.why.as_str()).collect();
    why.join(" / ")
}

fn assert_why(verdict: &Verdict, words: &str) {
    let why = why(verdict);
    assert!(why.contains(words), "{why:?} without {words:?}");
}

fn stages(names: &[&str]) -> Answer {
    let rows: Vec<Vec<&str>> = names.iter().map(|name| vec![*name, "5"]).collect();
    let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
    answer(&[("name", TEXT), ("n", INT8)], &rows)
}

fn stage_cells(names: &[&str]) -> Vec<Vec<Cell>> {
    names.iter().map(|name| vec![t(name), i(5)]).collect()
}

#[test]
fn a_value_is_one_row_of_one_column() {
    let expect = Expect { value: Some(i(25)), ..Expect::default() };
    let verdict = judge(&expect, answer(&[("n", INT8)], &[&["25"]]));
    assert!(verdict.passed);
    assert_eq!((verdict.expected.as_str(), verdict.got.as_str()), ("25", "25"));

    let verdict = judge(&expect, answer(&[("n", INT8)], &[&["24"]]));
    assert_eq!((verdict.expected.as_str(), verdict.got.as_str()), ("25", "24"));
    assert_eq!(verdict.differences[0].column, "n");

    let verdict = judge(&expect, answer(&[("n", INT8)], &[]));
    assert_why(&verdict, "0 rows, expected one value");
    let verdict = judge(&expect, answer(&[("n", INT8)], &[&["25"], &["25"]]));
    assert_why(&verdict, "2 rows, expected one value");
    let two = answer(&[("n", INT8), ("m", INT8)], &[&["25", "25"]]);
    let verdict = judge(&expect, two.clone());
    assert_why(&verdict, "2 columns (n, m), expected one value");
    let expect = Expect { column: vec!["m".to_owned()], ..expect };
    assert!(judge(&expect, two).passed);
}

#[test]
fn a_missing_or_doubled_column_says_which_there_are() {
    let expect =
        Expect { column: vec!["total".to_owned()], set: Some(vec![vec![i(1)]]), ..Expect::default() };
    let verdict = judge(&expect, answer(&[("n", INT8), ("m", TEXT)], &[&["1", "x"]]));
    assert_why(&verdict, "there is no column total; there is n, m");
    let doubled = answer(&[("total", INT8), ("total", INT8)], &[&["1", "2"]]);
    assert_why(&judge(&expect, doubled.clone()), "more than one column is named total");
    assert!(save("x", &doubled).unwrap_err().contains("two columns"));
    let expect = Expect { each: vec![("gone".to_owned(), i(1))], ..Expect::default() };
    let verdict = judge(&expect, answer(&[("n", INT8)], &[&["1"]]));
    assert_why(&verdict, "there is no column gone; there is n");
}

#[test]
fn a_table_shows_one_missing_row_as_one_difference() {
    let expect = Expect { table: Some(stage_cells(&["a", "b", "c", "d"])), ..Expect::default() };
    assert!(judge(&expect, stages(&["a", "b", "c", "d"])).passed);

    let verdict = judge(&expect, stages(&["a", "c", "d"]));
    assert_eq!(verdict.differences.len(), 1, "{verdict:?}");
    assert_eq!(verdict.differences[0].row, 2);
    assert_eq!(verdict.differences[0].expected, "\"b\" | 5");
    assert_eq!(verdict.differences[0].got, "no such row");

    let verdict = judge(&expect, stages(&["a", "b", "x", "c", "d"]));
    assert_eq!(verdict.differences.len(), 1);
    assert_eq!(verdict.differences[0].got, "\"x\" | 5");

    let verdict = judge(&expect, stages(&["a", "b", "d", "c"]));
    assert_eq!(verdict.differences.len(), 2);
    assert_eq!(verdict.differences[0].column, "name");

    let narrow = Expect { table: Some(vec![vec![t("a")]]), ..Expect::default() };
    assert_why(&judge(&narrow, stages(&["a"])), "1 cell, the answer has 2 columns (name, n)");
    let none = Expect { table: Some(vec![]), ..Expect::default() };
    assert!(judge(&none, stages(&[])).passed);
    assert!(!judge(&none, stages(&["a"])).passed);
}

#[test]
fn a_set_is_matched_as_a_whole() {
    let expect =
        Expect { set: Some(vec![vec![t(">= 1")], vec![i(5)], vec![t("is null")]]), ..Expect::default() };
    let columns = [("n", INT8)];
    assert!(judge(&expect, answer(&columns, &[&["5"], &["NULL"], &["7"]])).passed);
    // Each row counts once.
    let verdict = judge(&expect, answer(&columns, &[&["5"], &["NULL"]]));
    assert_eq!(verdict.differences.len(), 1);
    assert_eq!(verdict.differences[0].got, "no such row");
    let verdict = judge(&expect, answer(&columns, &[&["5"], &["NULL"], &["7"], &["7"]]));
    assert_eq!(verdict.differences.len(), 1);
    assert_eq!(verdict.differences[0].expected, "no such row");
}

#[test]
fn a_set_shows_the_nearest_row_by_its_cells() {
    let expect = Expect { set: Some(stage_cells(&["a", "b"])), ..Expect::default() };
    let got = answer(&[("name", TEXT), ("n", INT8)], &[&["b", "6"], &["a", "5"]]);
    let verdict = judge(&expect, got);
    assert_eq!(verdict.differences.len(), 1);
    let difference = &verdict.differences[0];
    assert_eq!((difference.row, difference.column.as_str(), difference.expected.as_str()), (1, "n", "5"));
}

#[test]
fn includes_lets_others_be() {
    let expect = Expect { includes: Some(stage_cells(&["a", "b"])), ..Expect::default() };
    assert!(judge(&expect, stages(&["x", "b", "a", "y"])).passed);
    let verdict = judge(&expect, stages(&["x", "b"]));
    assert_eq!(verdict.differences.len(), 1);
    assert_eq!(verdict.got, "1 of them missing");
}

#[test]
fn each_needs_a_row() {
    let expect = Expect {
        each: vec![("n".to_owned(), i(5)), ("name".to_owned(), t("is not null"))],
        ..Expect::default()
    };
    assert!(judge(&expect, stages(&["a", "b"])).passed);
    assert_why(&judge(&expect, stages(&[])), "at least one row");
    let got = answer(&[("name", TEXT), ("n", INT8)], &[&["a", "5"], &["NULL", "6"]]);
    assert_eq!(judge(&expect, got).differences.len(), 2);
}

#[test]
fn fragments_stand_in_the_rows_joined() {
    let expect =
        Expect { contains: vec!["Index".to_owned(), "workspace_id".to_owned()], ..Expect::default() };
    let plan = answer(&[("QUERY PLAN", TEXT)], &[&["Index Scan"], &["  Cond: workspace_id"]]);
    assert!(judge(&expect, plan).passed);
    let plan = answer(&[("QUERY PLAN", TEXT)], &[&["Seq Scan"]]);
    let verdict = judge(&expect, plan);
    assert_eq!(verdict.got, "without \"Index\", \"workspace_id\"");
    assert_eq!(verdict.differences.len(), 2);
}

#[test]
fn dropped_rows_are_never_judged() {
    let kept = || truncated(stages(&["a", "b"]), 5000);
    let count = Expect { rows: Some(i(5000)), ..Expect::default() };
    assert!(judge(&count, kept()).passed);
    let shapes = [
        Expect { table: Some(stage_cells(&["a", "b"])), ..Expect::default() },
        Expect { set: Some(stage_cells(&["a", "b"])), ..Expect::default() },
        Expect { includes: Some(stage_cells(&["c"])), ..Expect::default() },
        Expect { each: vec![("n".to_owned(), i(5))], ..Expect::default() },
        Expect { contains: vec!["z".to_owned()], ..Expect::default() },
    ];
    for expect in shapes {
        assert_why(&judge(&expect, kept()), "only 2 of 5000 rows were kept (1000 rows)");
    }
    // What was found is found.
    let found =
        Expect { includes: Some(stage_cells(&["b"])), contains: vec!["a".to_owned()], ..Expect::default() };
    assert!(judge(&found, kept()).passed);
    // A value that was too long to keep.
    let value = Expect { value: Some(t("is not null")), ..Expect::default() };
    let dropped = truncated(answer(&[("n", TEXT)], &[]), 1);
    assert_why(&judge(&value, dropped.clone()), "can't be judged");
    assert!(save("x", &dropped).is_err());
    // The same when nobody says that rows are missing.
    let mut silent = stages(&["a"]);
    silent.total_rows = 2;
    let each = Expect { each: vec![("n".to_owned(), i(5))], ..Expect::default() };
    assert!(!judge(&each, silent).passed);
}

#[test]
fn only_the_expected_error_is_the_expected_error() {
    let expect = Expect {
        error: Some(ExpectedError {
            sqlstate: "42501".to_owned(),
            texts: vec!["permission denied for".to_owned()],
        }),
        ..Expect::default()
    };
    let refusal = |sqlstate: &str, message: &str, taking_role| {
        Outcome::Error(Refusal { sqlstate: sqlstate.to_owned(), message: message.to_owned(), taking_role })
    };
    let saved = Saved::new();
    let denied = "permission denied for table users";
    assert!(expect.judge(&refusal("42501", denied, false), &saved).passed);
    let verdict = expect.judge(&refusal("42501", denied, true), &saved);
    assert_why(&verdict, "never the expected error");
    let verdict = expect.judge(&refusal("42P01", denied, false), &saved);
    assert_why(&verdict, "another error");
    let verdict = expect.judge(&refusal("42501", "new row violates", false), &saved);
    assert_why(&verdict, "doesn't contain \"permission denied for\"");
    let verdict = judge(&expect, stages(&["a"]));
    assert_eq!(verdict.got, "1 row");
    assert_why(&verdict, "should have failed");

    let plain = Expect { value: Some(i(1)), ..Expect::default() };
    let verdict = plain.judge(&refusal("42P01", "no table \u{1b}[2J", false), &saved);
    assert!(!verdict.passed);
    assert_eq!(verdict.got, "error 42P01: no table \\u001B[2J");
    let nothing = Expect::default();
    assert!(!nothing.judge(&refusal("42P01", "no table", false), &saved).passed);
    assert!(judge(&nothing, stages(&[])).passed);
    let both = Expect { value: Some(i(1)), ..expect };
    assert!(!both.judge(&refusal("42501", denied, false), &saved).passed);
}

#[test]
fn everything_set_must_hold() {
    let mut expect = Expect {
        rows: Some(i(1)),
        set: Some(stage_cells(&["a"])),
        within: Some(Duration::from_secs(2)),
        ..Expect::default()
    };
    let verdict = judge(&expect, stages(&["a"]));
    assert!(verdict.passed, "{verdict:?}");
    expect.within = Some(Duration::from_secs(1));
    let verdict = judge(&expect, stages(&["a"]));
    assert_eq!((verdict.expected.as_str(), verdict.got.as_str()), ("within 1s", "1.2s"));
    expect.rows = Some(t(">= 2"));
    let verdict = judge(&expect, stages(&["a"]));
    assert_eq!(verdict.expected, ">= 2 rows; within 1s");
    assert_eq!(verdict.got, "1 row; 1.2s");
}

#[test]
fn scripts_and_commands() {
    let saved = Saved::new();
    let nothing = Expect::default();
    assert!(nothing.judge_script(3, &saved).passed);
    assert!(nothing.judge_exit(0, &saved).passed);
    assert!(!nothing.judge_exit(1, &saved).passed);
    let expect = Expect { warnings: Some(i(0)), exit: Some(i(1)), ..Expect::default() };
    let verdict = expect.judge_script(3, &saved);
    assert_eq!((verdict.expected.as_str(), verdict.got.as_str()), ("0 warnings", "3 warnings"));
    assert!(expect.judge_exit(1, &saved).passed);
    assert_eq!(expect.judge_exit(0, &saved).got, "exit 0");
}

#[test]
fn names_there_or_exactly() {
    let names = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert!(judge_names(&names("a b"), &names("c b a"), false).passed);
    assert!(judge_names(&names("a b"), &names("b a"), true).passed);
    let verdict = judge_names(&names("a b"), &names("b c"), true);
    assert_eq!(verdict.got, "without a; also c");
    assert_eq!(verdict.differences.len(), 2);
    assert!(!judge_names(&names("a"), &[], false).passed);
    assert!(judge_names(&[], &[], true).passed);
    assert!(!judge_names(&[], &names("a"), true).passed);
}

#[test]
fn saving_needs_one_row() {
    let one = save("before", &answer(&[("n", INT8)], &[&["43"]])).unwrap();
    let value = SavedValue { text: Some("43".to_owned()), type_oid: INT8 };
    assert_eq!(one, [("before".to_owned(), value.clone()), ("before_n".to_owned(), value)]);
    let two = save("before", &stages(&["a"])).unwrap();
    let names: Vec<&str> = two.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["before_name", "before_n"]);
    assert!(save("before", &stages(&[])).unwrap_err().starts_with("0 rows"));
    assert!(save("before", &stages(&["a", "b"])).unwrap_err().starts_with("2 rows"));
}

#[test]
fn differences_are_bounded_and_said() {
    let names: Vec<String> = (0..100).map(|n| format!("{n}{}", "x".repeat(1000))).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let expect =
        Expect { each: vec![("name".to_owned(), t("ok")), ("n".to_owned(), i(6))], ..Expect::default() };
    let verdict = judge(&expect, stages(&names));
    assert_eq!((verdict.differences.len(), verdict.more), (20, 180));
    assert!(verdict.differences[0].got.ends_with("… (1001 characters)"));
    for width in [0, 40, 80, 200] {
        for line in verdict.lines(width) {
            assert!(line.chars().count() <= width.max(40), "{line}");
        }
    }
}

#[test]
fn the_lines_are_a_table() {
    let expect = Expect {
        set: Some(vec![vec![t("a"), i(5)], vec![t("b"), t("5")], vec![t("c"), i(5)]]),
        ..Expect::default()
    };
    let got = answer(&[("name", TEXT), ("n", INT8)], &[&["a", "6"], &["b", "5"], &["\u{1b}x", "9"]]);
    let lines = judge(&expect, got).lines(72);
    assert_eq!(
        lines,
        [
            "  row  column  expected     got",
            "≠ 1    n       5            6",
            "≠ 2    n       \"5\"          5",
            "    an integer column (int8) was compared with the text \"5\"; write 5",
            "-              \"c\" | 5      no such row",
            "+ 3            no such row  \"\\u001Bx\" | 9",
        ]
    );
}

#[test]
fn json_null_is_not_null() {
    let expect = Expect { value: Some(t("is null")), ..Expect::default() };
    let verdict = judge(&expect, answer(&[("doc", 3802)], &[&["null"]]));
    assert_why(&verdict, "JSON's null is a value");
}

#[test]
fn a_row_of_another_width_is_no_answer() {
    let expect = Expect { table: Some(vec![vec![t("a"), t("is null")]]), ..Expect::default() };
    let short = answer(&[("name", TEXT), ("n", INT8)], &[&["a"]]);
    assert_why(&judge(&expect, short), "row 1 has 1 value for 2 columns");
}

#[test]
fn too_many_pairs_are_refused_not_guessed() {
    let expect = Expect { set: Some(vec![vec![t("is not null")]; 1200]), ..Expect::default() };
    let row: &[&str] = &["1"];
    let verdict = judge(&expect, answer(&[("n", INT8)], &vec![row; 1200]));
    assert_why(&verdict, "too many rows");
}

#[test]
fn what_an_expectation_needs_is_known_beforehand() {
    let expect = Expect {
        value: Some(t("{a}")),
        table: Some(vec![vec![t("{b} + 1"), t("{a}")]]),
        each: vec![("n".to_owned(), t("<= {c} + 10%"))],
        ..Expect::default()
    };
    assert_eq!(expect.saved_names(), ["a", "b", "c"]);
}

//! The cell language as a table: what is written, what the server sent, what comes of it.

use std::time::Duration;

use holdpoint::plan::expect::{
    Answer, Cell, Column, Expect, Outcome, Saved, SavedValue, Verdict, judge_count,
};

/// How a cell is written in TOML.
#[derive(Debug, Clone, Copy)]
enum Toml {
    /// A string.
    T(&'static str),
    I(i64),
    F(f64, &'static str),
    B(bool),
    /// A date or time.
    D(&'static str),
}
use Toml::{B, D, F, I, T};

const NULL: &str = "\0null";
const PASS: &str = "";
/// It differs, and the two values say it themselves.
const DIFFERS: &str = "differs";

fn oid(name: &str) -> u32 {
    match name {
        "bool" => 16,
        "bytea" => 17,
        "char" => 18,
        "name" => 19,
        "int8" => 20,
        "int2" => 21,
        "int4" => 23,
        "text" => 25,
        "oid" => 26,
        "json" => 114,
        "float4" => 700,
        "float8" => 701,
        "unknown" => 705,
        "bpchar" => 1042,
        "varchar" => 1043,
        "date" => 1082,
        "time" => 1083,
        "timestamp" => 1114,
        "timestamptz" => 1184,
        "interval" => 1186,
        "timetz" => 1266,
        "numeric" => 1700,
        "uuid" => 2950,
        "jsonb" => 3802,
        "int4[]" => 1007,
        "int8[]" => 1016,
        "text[]" => 1009,
        "numeric[]" => 1231,
        "timestamptz[]" => 1185,
        "enum" => 16_500,
        _ => panic!("no type {name}"),
    }
}

fn saved() -> Saved {
    let values = [
        ("before", Some("43"), "int8"),
        ("size", Some("1000"), "numeric"),
        ("word", Some("abc"), "text"),
        ("digits", Some("43"), "text"),
        ("nothing", None, "int8"),
        ("rate", Some("NaN"), "float8"),
        ("zero", Some("0"), "int4"),
        ("since", Some("2024-02-06 08:00:00+00"), "timestamptz"),
        ("flag", Some("t"), "bool"),
        ("ids", Some("{1,2}"), "int4[]"),
        ("mood", Some("happy"), "enum"),
        ("doc", Some("{\"a\": 1}"), "json"),
        // A variable of the plan.
        ("limit", Some("43"), "unknown"),
        ("schema", Some("app"), "unknown"),
        ("room", Some("230MB"), "unknown"),
    ];
    values
        .into_iter()
        .map(|(name, text, kind)| {
            let value = SavedValue { text: text.map(str::to_owned), type_oid: oid(kind) };
            (name.to_owned(), value)
        })
        .collect()
}

fn cell(toml: Toml) -> Cell {
    match toml {
        T(text) => Cell::text(text).unwrap_or_else(|error| panic!("{text:?}: {error}")),
        I(value) => Cell::integer(value),
        F(value, source) => Cell::float(value, source),
        B(value) => Cell::boolean(value),
        D(source) => Cell::datetime(source),
    }
}

fn judge(toml: Toml, kind: &str, value: &str) -> Verdict {
    let text = (value != NULL).then(|| value.to_owned());
    let answer = Answer {
        cut: None,
        columns: vec![Column { name: "c".to_owned(), type_oid: oid(kind) }],
        rows: vec![vec![text]],
        total_rows: 1,
        truncated: None,
        elapsed: Duration::ZERO,
    };
    let expect = Expect { value: Some(cell(toml)), ..Expect::default() };
    expect.judge(&Outcome::Rows(answer), &saved())
}

fn run(cases: &[(Toml, &str, &str, &str)]) {
    let mut wrong = Vec::new();
    for &(toml, kind, value, words) in cases {
        let verdict = judge(toml, kind, value);
        let why: Vec<&str> = verdict.differences.iter().map(|d| d.why.as_str()).collect();
        let why = why.join(" / ");
        let right = match words {
            PASS => verdict.passed && verdict.differences.is_empty(),
            DIFFERS => !verdict.passed && why.is_empty(),
            _ => !verdict.passed && why.contains(words),
        };
        if !right {
            wrong.push(format!(
                "{toml:?} on {kind} {value:?}: wanted {words:?}, got passed={} {:?} vs {:?}: {why:?}",
                verdict.passed, verdict.expected, verdict.got
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn integers_and_numbers() {
    run(&[
        (I(25), "int8", "25", PASS),
        (I(25), "int4", "25", PASS),
        (I(25), "int2", "25", PASS),
        (I(25), "oid", "25", PASS),
        (I(25), "int8", "24", DIFFERS),
        (I(25), "numeric", "25.00", PASS),
        (I(25), "numeric", "25.01", DIFFERS),
        (I(0), "numeric", "0.0000", PASS),
        (I(25), "float8", "25", PASS),
        (I(25), "float8", "24.999999999999996", "isn't exact"),
        (I(25), "float8", "24", DIFFERS),
        (I(-5), "int4", "-5", PASS),
        (I(9_007_199_254_740_993), "int8", "9007199254740993", PASS),
        (I(9_007_199_254_740_993), "int8", "9007199254740992", DIFFERS),
        (I(9_007_199_254_740_993), "float8", "9007199254740992", "isn't exact"),
        (I(i64::MIN), "int8", "-9223372036854775808", PASS),
        (I(25), "text", "25", "the column is text; write \"25\""),
        (I(25), "varchar", "25", "the column is varchar; write \"25\""),
        (I(25), "unknown", "25", "write \"25\""),
        (I(25), "enum", "25", "write \"25\""),
        (I(1), "bool", "t", "the column is bool, not a number"),
        (I(25), "uuid", "00000000-0000-0000-0000-000000000025", "is uuid"),
        (I(25), "date", "2024-02-06", "is date, not a number"),
        (I(25), "int8", NULL, "write \"is null\""),
        (I(0), "int8", NULL, "write \"is null\""),
        (I(25), "int8", "25 rows", "can't be read as int8"),
        (I(25), "numeric", "NaN", DIFFERS),
        (I(25), "numeric", "1e999999999", "can't be read"),
        (I(25), "jsonb", "25", PASS),
        (I(25), "jsonb", "25.0", PASS),
        (I(25), "jsonb", "\"25\"", "take the number out"),
        (F(3.25, "3.25"), "numeric", "3.250", PASS),
        (F(0.1, "0.1"), "float8", "0.1", PASS),
        (F(0.1, "0.1"), "float4", "0.1", PASS),
        (F(0.3, "0.3"), "float8", "0.30000000000000004", "isn't exact"),
        (F(0.3, "0.3"), "numeric", "0.30000000000000004", DIFFERS),
        (F(0.1, "0.1"), "numeric", "0.1000000000000000055511151231257827", DIFFERS),
        (F(1e3, "1_000.0"), "int8", "1000", PASS),
        (F(1e20, "1e20"), "float8", "1e+20", PASS),
        (F(f64::NAN, "nan"), "float8", "NaN", PASS),
        (F(f64::INFINITY, "inf"), "numeric", "Infinity", PASS),
        (F(f64::NEG_INFINITY, "-inf"), "float8", "Infinity", DIFFERS),
        (F(1.5, "1.5"), "text", "1.5", "write \"1.5\""),
    ]);
}

#[test]
fn text_is_never_a_number_by_its_look() {
    run(&[
        (T("25"), "int8", "25", "an integer column (int8) was compared with the text \"25\"; write 25"),
        (T("25"), "numeric", "25", "a numeric column was compared with the text \"25\"; write 25"),
        (T("25"), "float8", "25", "a float column (float8)"),
        (T("25 rows"), "int8", "25", "the text \"25 rows\""),
        (T("230MB"), "int8", "241172480", "write \"= 230MB\""),
        (T("= 230MB"), "int8", "241172480", PASS),
        (T("!= 25 rows"), "int8", "24", "was compared with the text"),
        (T("= 25"), "int8", "25", PASS),
        (T("= 25"), "text", "25", "write \"25\""),
        (T("!= 25"), "text", "24", "isn't compared with numbers"),
        (T("25"), "text", "25", PASS),
        (T("25"), "text", "25.0", DIFFERS),
        (T("true"), "bool", "t", "a boolean column was compared with the text \"true\"; write true"),
        (T("t"), "bool", "t", "write true"),
        (T("f"), "bool", "f", "write false"),
        (T("maybe"), "bool", "f", "a boolean column"),
        (B(true), "bool", "t", PASS),
        (B(true), "bool", "true", PASS),
        (B(false), "bool", "f", PASS),
        (B(true), "bool", "f", DIFFERS),
        (B(false), "bool", NULL, "is null"),
        (B(true), "text", "t", "the column is text, not bool"),
        (B(true), "int4", "1", "not a boolean"),
        (B(true), "jsonb", "true", PASS),
        (B(true), "jsonb", "\"true\"", "not a boolean"),
    ]);
}

#[test]
fn literal_text() {
    run(&[
        (T("user_journey_map"), "text", "user_journey_map", PASS),
        (T("abc"), "varchar", "abc", PASS),
        (T("abc"), "name", "abc", PASS),
        (T("a"), "char", "a", PASS),
        (T("abc"), "unknown", "abc", PASS),
        (T("happy"), "enum", "happy", PASS),
        (T("happy"), "enum", "sad", DIFFERS),
        (T("abc"), "bpchar", "abc       ", PASS),
        (T("abc  "), "bpchar", "abc       ", PASS),
        (T("abc"), "text", "abc ", "blanks"),
        (T(" abc"), "text", "abc", "blanks"),
        (T("abc"), "text", "ABC", "upper and lower case"),
        (T(""), "text", "", PASS),
        (T(""), "text", NULL, "is null"),
        (T("NULL"), "text", NULL, "write \"is null\""),
        (T("null"), "text", "null", PASS),
        (T("<none>"), "text", "<none>", PASS),
        (T("</b>"), "text", "</b>", PASS),
        (T("https://example.org/a?b=1"), "text", "https://example.org/a?b=1", PASS),
        (T("1.0.0"), "text", "1.0.0", PASS),
        (T("10.0.0.1..10.0.0.9"), "text", "10.0.0.1..10.0.0.9", PASS),
        (T("a..b"), "text", "a..b", PASS),
        (T("../up"), "text", "../up", PASS),
        (T("wait..."), "text", "wait...", PASS),
        (T(".."), "text", "..", PASS),
        (T("-5"), "text", "-5", PASS),
        (T("- 5"), "text", "- 5", PASS),
        (T("5 + 3"), "text", "5 + 3", PASS),
        (T("50%"), "text", "50%", PASS),
        (T("-> next"), "text", "-> next", PASS),
        (T("!important"), "text", "!important", PASS),
        (T("is valid"), "text", "is valid", PASS),
        (T("2024-02-06"), "text", "2024-02-06", PASS),
        (T("= >= 5"), "text", ">= 5", PASS),
        (T("= = 5"), "text", "= 5", PASS),
        (T("= is null"), "text", "is null", PASS),
        (T("= ~"), "text", "~", PASS),
        (T("= 1..5"), "text", "1..5", PASS),
        (T("=  x"), "text", " x", PASS),
        (T("= abc"), "text", "abc", PASS),
        (T("!= abc"), "text", "abd", PASS),
        (T("!= abc"), "text", "abc", DIFFERS),
        (T("!= abc"), "text", NULL, "differs from nothing"),
        (T("SD-VISION-TRANSITION-001"), "text", "SD-VISION-TRANSITION-001", PASS),
        (T("{\"a\": \"{word}\"}"), "text", "{\"a\": \"{word}\"}", PASS),
        (T("{a,b}"), "text", "{a,b}", PASS),
    ]);
}

#[test]
fn conditions() {
    run(&[
        (T(">= 5"), "int8", "5", PASS),
        (T(">=5"), "int8", "4", DIFFERS),
        (T("> 5"), "int4", "5", DIFFERS),
        (T("< 5"), "numeric", "4.99", PASS),
        (T("<= 5"), "float8", "5", PASS),
        (T("!= 5"), "int8", "6", PASS),
        (T("!= 5"), "int8", "5", DIFFERS),
        (T(" >= 5 "), "int8", "5", PASS),
        (T(">= -5"), "int8", "-5", PASS),
        (T(">= 1_000"), "int8", "1000", PASS),
        (T(">= 1e3"), "int8", "1000", PASS),
        (T(">= 5"), "text", "7", "isn't compared with numbers; cast it"),
        (T(">= 5"), "bool", "t", "is bool"),
        (T(">= 5"), "int8", NULL, "is null"),
        (T(">= 5"), "float8", "NaN", "NaN isn't a number"),
        (T("!= 5"), "float8", "NaN", "NaN isn't a number"),
        (T(">= 5"), "float8", "Infinity", PASS),
        (T(">= 5"), "jsonb", "7", "take the number out"),
        (T("<= 1GB"), "int8", "1073741824", PASS),
        (T("<= 1 GB"), "int8", "1073741825", DIFFERS),
        (T("230MB..260MB"), "int8", "250000000", PASS),
        (T("230MB..260MB"), "int8", "230", DIFFERS),
        (T("1..5"), "int4", "1", PASS),
        (T("1..5"), "int4", "5", PASS),
        (T("1..5"), "int4", "6", DIFFERS),
        (T("1.5 .. 2.5"), "numeric", "2", PASS),
        (T("-5..-1"), "int4", "-3", PASS),
        (T("1..5"), "text", "3", "isn't compared with numbers"),
        (T("is null"), "int8", NULL, PASS),
        (T("IS NULL"), "text", NULL, PASS),
        (T("is null"), "int8", "0", DIFFERS),
        (T("is null"), "text", "", DIFFERS),
        (T("is not null"), "text", "", PASS),
        (T("is not null"), "text", NULL, DIFFERS),
        (T("is not null"), "int8", "abc", PASS),
        (T("~ ^(on|always)$"), "text", "always", PASS),
        (T("~ ^(on|always)$"), "text", "off", DIFFERS),
        (T("~ ^4[0-9]$"), "int8", "43", PASS),
        (T("~ ."), "text", NULL, "is null"),
        (T("~ ."), "text", "", DIFFERS),
        (T("~ x$"), "bpchar", "x   ", PASS),
        (T("~ \\d{2}"), "enum", "a12", PASS),
    ]);
}

#[test]
fn dates_times_and_intervals() {
    run(&[
        (D("2024-02-06"), "date", "2024-02-06", PASS),
        (D("2024-02-06"), "date", "2024-02-07", DIFFERS),
        (T("2024-02-06"), "date", "2024-02-06", PASS),
        (T("yesterday"), "date", "2024-02-06", "can't be read as date"),
        (T("infinity"), "date", "infinity", PASS),
        (T("> 2024-02-06"), "date", "infinity", PASS),
        (T("0044-03-15 BC"), "date", "0044-03-15 BC", PASS),
        (T("> 0044-03-15"), "date", "0044-03-15 BC", DIFFERS),
        (D("2024-02-06T09:00:00Z"), "timestamptz", "2024-02-06 10:00:00+01", PASS),
        (T("2024-02-06 09:00:00+00"), "timestamptz", "2024-02-06 10:00:00+01", PASS),
        (T(">= 2024-02-06 09:00Z"), "timestamptz", "2024-02-06 09:59:59+01", DIFFERS),
        (D("2024-02-06T09:00:00"), "timestamptz", "2024-02-06 09:00:00+01", "with an offset"),
        (T(">= 2024-02-06"), "timestamptz", "2024-02-06 09:00:00+01", "with an offset"),
        (D("2024-02-06T09:00:00"), "timestamp", "2024-02-06 09:00:00", PASS),
        (D("2024-02-06T09:00:00.5"), "timestamp", "2024-02-06 09:00:00.500", PASS),
        (D("2024-02-06T09:00:00Z"), "timestamp", "2024-02-06 09:00:00", "leave the offset out"),
        (D("2024-02-06"), "timestamp", "2024-02-06 00:00:00", PASS),
        (D("2024-02-06"), "timestamp", "2024-02-06 09:00:00", "its midnight"),
        (T("2024-02-01..2024-02-06"), "timestamp", "2024-02-06 09:00:00", "its midnight"),
        (T("2024-02-01..2024-02-06"), "date", "2024-02-06", PASS),
        (T("2024-02-01..2024-02-06"), "int8", "5", "not a date or time"),
        (T(">= 2024-02-06"), "text", "2024-02-07", "not a date or time; cast it"),
        (D("09:00:00"), "time", "09:00:00", PASS),
        (T("08:00..12:00"), "time", "09:00:00.123456", PASS),
        (D("09:00:00"), "timestamp", "2024-02-06 09:00:00", "a time of day"),
        (T("09:00:00+01"), "timetz", "09:00:00+01", PASS),
        (T("09:00:00+01"), "timetz", "08:00:00+00", DIFFERS),
        (T("P1DT1H"), "interval", "1 day 01:00:00", PASS),
        (T("25 hours"), "interval", "P1DT1H", PASS),
        (T("<= 5min"), "interval", "00:04:59.9", PASS),
        (T("<= 5min"), "interval", "PT5M0.1S", DIFFERS),
        (T("1s..1h30min"), "interval", "-00:00:01", DIFFERS),
        (T("<= 5min"), "int8", "5", "not an interval"),
        (T("<= 5"), "interval", "00:00:05", "not a number"),
        (T(">= {since}"), "timestamptz", "2024-02-06 09:00:00+01", PASS),
        (T("> {since}"), "timestamptz", "2024-02-06 09:00:00+01", DIFFERS),
    ]);
}

#[test]
fn json_arrays_uuids_and_bytes() {
    run(&[
        (T(r#"{"b": 1.0, "a": [1, null]}"#), "jsonb", r#"{"a": [1, null], "b": 1}"#, PASS),
        (T(r#"{"b": 1}"#), "json", r#"{"b":2}"#, DIFFERS),
        (T("\"x\""), "jsonb", "\"x\"", PASS),
        (T("x"), "jsonb", "\"x\"", "a JSON string is written '\"x\"'"),
        (T("null"), "jsonb", "null", PASS),
        (T("null"), "jsonb", NULL, "is null"),
        (T("9007199254740993"), "jsonb", "9007199254740992", DIFFERS),
        (T("[1,2]"), "jsonb", "[2,1]", DIFFERS),
        (T("{1,2,3}"), "int4[]", "{1,2,3}", PASS),
        (T("{1, 2, 3}"), "int8[]", "{1,2,3}", PASS),
        (T("{1,2}"), "int4[]", "{1,2,3}", DIFFERS),
        (T("{3,2,1}"), "int4[]", "{1,2,3}", DIFFERS),
        (T("{1,null}"), "int4[]", "{1,NULL}", PASS),
        (T("{}"), "int4[]", "{}", PASS),
        (T("{x}"), "int4[]", "{1}", "nothing is saved as {x}"),
        (T("{x,y}"), "int4[]", "{1}", "can't be read as int4"),
        (T("1,2"), "int4[]", "{1,2}", "can't be read as int4[]"),
        (T("{1.50}"), "numeric[]", "{1.5}", PASS),
        (T("{\"a\",\"b,c\"}"), "text[]", "{a,\"b,c\"}", PASS),
        (T("{\"NULL\"}"), "text[]", "{NULL}", DIFFERS),
        (T("{{1,2},{3,4}}"), "int4[]", "{{1,2},{3,4}}", PASS),
        (T("{1,2}"), "int4[]", "[0:1]={1,2}", "begin at other indexes"),
        (T("[0:1]={1,2}"), "int4[]", "[0:1]={1,2}", PASS),
        (T("{\"2024-02-06 09:00:00+00\"}"), "timestamptz[]", "{\"2024-02-06 10:00:00+01\"}", PASS),
        (I(1), "int4[]", "{1}", "is int4[], not a number"),
        (T("> {ids}"), "int4[]", "{1,2}", "compares numbers"),
        (T("{ids}"), "int8[]", "{1,2}", PASS),
        (T("!= {ids}"), "text[]", "{1,2}", "{ids} is int4[]"),
        (T("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"), "uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", PASS),
        (T("a0ee"), "uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "can't be read as uuid"),
        (T("\\xDEAD"), "bytea", "\\xdead", PASS),
        (T("dead"), "bytea", "\\xdead", "can't be read as bytea"),
    ]);
}

#[test]
fn saved_values() {
    run(&[
        (T("{before}"), "int8", "43", PASS),
        (T("= {before}"), "numeric", "43.0", PASS),
        (T("{before}"), "int8", "44", DIFFERS),
        (T("{before} + 16"), "int8", "59", PASS),
        (T("= {before} + 16"), "int8", "59", PASS),
        (T("{before} + 16"), "int8", "60", DIFFERS),
        (T("{before} + 16"), "text", "59", "the column is text; write \"59\""),
        (T("16 + {before} * 2"), "int8", "102", PASS),
        (T("(16 + {before}) * 2"), "int8", "118", PASS),
        (T("{before} / 3 * 3"), "int8", "43", PASS),
        (T("-{before}"), "int8", "-43", PASS),
        (T("<= {size} + 10%"), "int8", "1100", PASS),
        (T("<= {size}+10%"), "int8", "1101", DIFFERS),
        (T("< {size} - 10%"), "int8", "899", PASS),
        (T("<= {size} + {before} + 10%"), "numeric", "1147.3", PASS),
        (T("<= {size} * 10%"), "int8", "100", PASS),
        (T("{size} - 1%..{size} + 1%"), "int8", "1010", PASS),
        (T("{size} - 1%..{size} + 1%"), "int8", "1011", DIFFERS),
        (T("{size}..{before}"), "int8", "500", "the range is empty"),
        (T("<= {before} + 1kB"), "int8", "1067", PASS),
        (T("{word}"), "text", "abc", PASS),
        (T("!= {word}"), "text", "abd", PASS),
        (T("{word}"), "text", "ABC", "case"),
        (T("> {word}"), "text", "abd", "compares numbers"),
        (T("{digits}"), "int8", "43", "{digits} is text, but the column is int8"),
        (T("!= {digits}"), "int8", "44", "{digits} is text"),
        (T("{before}"), "text", "43", "{before} is int8, but the column is text"),
        (T("{digits} + 1"), "int8", "44", "{digits} is \"43\" (text), which can't be computed"),
        (T("{word} + 1"), "int8", "44", "can't be computed"),
        (T("{nothing}"), "int8", "43", "{nothing} is NULL"),
        (T("{nothing}"), "int8", NULL, "{nothing} is NULL"),
        (T("!= {nothing}"), "int8", "43", "{nothing} is NULL"),
        (T("{nothing} + 1"), "int8", "1", "{nothing} is NULL"),
        (T("{rate} + 1"), "float8", "NaN", "can't be computed"),
        (T("{before} / {zero}"), "int8", "0", "divides by zero"),
        (T("{missing}"), "int8", "43", "nothing is saved as {missing}"),
        (T("!= {missing}"), "int8", "43", "nothing is saved as {missing}"),
        (T("<= {missing} + 10%"), "int8", "43", "nothing is saved as {missing}"),
        (T("1..{missing}"), "int8", "43", "nothing is saved"),
        (T("v{missing}"), "text", "v", "nothing is saved as {missing}"),
        (T("{flag}"), "bool", "t", PASS),
        (T("{mood}"), "enum", "happy", PASS),
        (T("{mood}"), "text", "happy", PASS),
        (T("{doc}"), "jsonb", "{\"a\":1.0}", PASS),
        (T("{limit}"), "int8", "43", PASS),
        (T("{limit}"), "text", "43", PASS),
        (T("{limit} + 1"), "int8", "44", PASS),
        (T("{schema}"), "int8", "43", "isn't a number"),
        (T("{room}"), "int8", "241172480", PASS),
        (T("<= {room}"), "int8", "241172481", DIFFERS),
        (T("{limit}..{room}"), "int8", "250000", PASS),
        (T("{room}"), "text", "230MB", PASS),
        (T("{schema}.users"), "text", "app.users", PASS),
        (T("{schema}-{word}"), "text", "app-abc", PASS),
        (T("= {schema} - {word}x"), "text", "app - abcx", PASS),
        (T("{schema}/{limit}.dump"), "text", "app/43.dump", PASS),
        (T("!= {schema}.users"), "text", "app.users", DIFFERS),
    ]);
}

#[test]
fn counts_are_numbers() {
    let saved = saved();
    let judge = |source: &str, got: i64| judge_count(&Cell::text(source).unwrap(), got, &saved);
    assert!(judge(">= 70", 70).passed);
    assert!(judge("230MB..260MB", 250_000_000).passed);
    assert!(judge("{before} + 16", 59).passed);
    assert!(judge_count(&Cell::integer(43), 43, &saved).passed);
    let verdict = judge("43", 43);
    assert!(!verdict.passed);
    assert_eq!(verdict.differences[0].why, "a count was compared with the text \"43\"; write 43");
    assert!(!judge_count(&Cell::boolean(true), 1, &saved).passed);
    assert!(!judge("is null", 0).passed);
    assert_eq!(judge("{before} + 16", 58).expected, "{before} + 16 (59)");
}

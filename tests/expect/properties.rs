//! What holds for every cell and every answer.

use std::str::FromStr;
use std::time::Duration;

use bigdecimal::BigDecimal;
use holdpoint::plan::expect::{
    Answer, Cell, Column, Expect, ExpectedError, Outcome, Refusal, Saved, SavedValue, Verdict, judge_count,
    judge_names, save,
};
use proptest::prelude::*;

const OIDS: [u32; 34] = [
    0, 16, 17, 18, 19, 20, 21, 23, 25, 26, 114, 199, 700, 701, 705, 1000, 1007, 1009, 1016, 1042, 1043, 1082,
    1083, 1114, 1184, 1185, 1186, 1231, 1266, 1700, 2950, 3802, 3807, 99_999,
];

/// Texts that come near to what is understood.
fn near_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("{a}".to_owned()),
        Just("{b}".to_owned()),
        Just("..".to_owned()),
        Just("is null".to_owned()),
        "(>=|<=|!=|=|<|>|~)",
        "[-+*/%(){}\\[\\],:.\" ]",
        "[0-9]{1,4}",
        "(kB|MB|GB|ms|s|min|h|d|T|Z|P|e|NULL|NaN|infinity|t|f|BC)",
        "[0-9]{4}-[0-9]{2}-[0-9]{2}",
        "[0-9]{2}:[0-9]{2}:[0-9]{2}",
        "\\PC{0,3}",
    ];
    prop_oneof![
        3 => proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat()),
        1 => any::<String>(),
    ]
}

fn any_cell() -> impl Strategy<Value = Cell> {
    prop_oneof![
        6 => near_text().prop_map(|text| Cell::text(&text).unwrap_or_else(|_| Cell::literal(&text))),
        1 => any::<i64>().prop_map(Cell::integer),
        1 => any::<f64>().prop_map(|value| Cell::float(value, format!("{value:?}"))),
        1 => any::<bool>().prop_map(Cell::boolean),
        1 => near_text().prop_map(|text| Cell::datetime(&text)),
    ]
}

fn any_value() -> impl Strategy<Value = Option<String>> {
    proptest::option::weighted(0.8, near_text())
}

fn any_answer() -> impl Strategy<Value = Answer> {
    let column = ("[abc]", proptest::sample::select(OIDS.to_vec()));
    let columns = proptest::collection::vec(column, 0..4);
    (columns, 0_usize..5, any::<bool>(), 0_u64..7).prop_flat_map(|(columns, height, truncated, total)| {
        // Mostly as wide as the header, sometimes not: a bug elsewhere mustn't pass here.
        let row = proptest::collection::vec(any_value(), columns.len()..columns.len() + 1);
        let row = prop_oneof![9 => row, 1 => proptest::collection::vec(any_value(), 0..4)];
        proptest::collection::vec(row, height).prop_map(move |rows| Answer {
            cut: None,
            columns: columns
                .iter()
                .map(|(name, type_oid)| Column { name: name.clone(), type_oid: *type_oid })
                .collect(),
            total_rows: if truncated { total } else { rows.len() as u64 },
            rows,
            truncated: truncated.then(|| "a bound".to_owned()),
            elapsed: Duration::from_millis(total),
        })
    })
}

fn any_table() -> impl Strategy<Value = Option<Vec<Vec<Cell>>>> {
    let row = proptest::collection::vec(any_cell(), 0..4);
    proptest::option::weighted(0.3, proptest::collection::vec(row, 0..4))
}

fn any_expect() -> impl Strategy<Value = Expect> {
    let cells = (
        proptest::option::of(any_cell()),
        proptest::option::weighted(0.3, any_cell()),
        any_table(),
        any_table(),
        any_table(),
    );
    let others = (
        proptest::collection::vec("[abc]", 0..2),
        proptest::collection::vec(("[abc]", any_cell()), 0..2),
        proptest::collection::vec("[a-c0-9]{0,2}", 0..2),
        proptest::option::weighted(0.2, "[0-9]{5}"),
        proptest::option::weighted(0.3, (0_u64..7).prop_map(Duration::from_millis)),
    );
    (cells, others).prop_map(
        |((value, rows, table, set, includes), (column, each, contains, error, within))| Expect {
            value,
            rows,
            table,
            set,
            includes,
            column,
            each,
            contains,
            error: error.map(|sqlstate| ExpectedError { sqlstate, texts: Vec::new() }),
            within,
            ..Expect::default()
        },
    )
}

fn any_saved() -> impl Strategy<Value = Saved> {
    let value = (any_value(), proptest::sample::select(OIDS.to_vec()))
        .prop_map(|(text, type_oid)| SavedValue { text, type_oid });
    proptest::collection::btree_map("[abc]", value, 0..3)
}

/// A verdict says what it must, bounded, and without anything that a terminal obeys.
fn sound(verdict: &Verdict) {
    assert!(!verdict.expected.is_empty(), "{verdict:?}");
    assert!(!verdict.got.is_empty(), "{verdict:?}");
    assert_eq!(verdict.passed, verdict.differences.is_empty(), "{verdict:?}");
    assert!(verdict.differences.len() <= 20);
    assert!(!verdict.passed || verdict.more == 0);
    let lines = verdict.lines(80);
    assert_eq!(verdict.passed, lines.is_empty());
    let shown = lines.into_iter().chain([verdict.expected.clone(), verdict.got.clone()]);
    for line in shown {
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reading_a_cell_never_panics(text in near_text()) {
        match Cell::text(&text) {
            Ok(cell) => {
                prop_assert_eq!(&cell.to_string(), &text);
                let _ = cell.saved_names();
            }
            Err(error) => prop_assert!(!error.reason.is_empty()),
        }
    }

    #[test]
    fn judging_never_panics_and_always_says(
        expect in any_expect(),
        answer in any_answer(),
        saved in any_saved(),
    ) {
        let _ = save("x", &answer);
        sound(&expect.judge(&Outcome::Rows(answer), &saved));
    }

    #[test]
    fn errors_and_counts_always_say(
        expect in any_expect(),
        cell in any_cell(),
        saved in any_saved(),
        sqlstate in "[0-9]{5}",
        message in any::<String>(),
        taking_role: bool,
        got: i64,
        names in proptest::collection::vec("[abc]", 0..4),
        others in proptest::collection::vec("[abc]", 0..4),
        exactly: bool,
    ) {
        let refusal = Refusal { sqlstate, message, taking_role };
        let verdict = expect.judge(&Outcome::Error(refusal), &saved);
        prop_assert!(!verdict.passed || !taking_role);
        sound(&verdict);
        sound(&judge_count(&cell, got, &saved));
        sound(&judge_names(&names, &others, exactly));
    }

    #[test]
    fn numbers_are_equal_when_they_are(
        digits in -100_000_i64..100_000,
        scale in 0_i64..6,
        zeros in 0_i64..4,
        other in -100_000_i64..100_000,
        same: bool,
    ) {
        let want = BigDecimal::new(digits.into(), scale);
        let got = if same {
            want.with_scale(scale + zeros)
        } else {
            BigDecimal::new(other.into(), scale)
        };
        let saved = Saved::new();
        for (sign, holds) in [
            ("=", want == got), ("!=", want != got), ("<", got < want), ("<=", got <= want),
            (">", got > want), (">=", got >= want),
        ] {
            let cell = Cell::text(&format!("{sign} {}", want.to_plain_string())).unwrap();
            let expect = Expect { value: Some(cell), ..Expect::default() };
            let text = got.to_plain_string();
            prop_assert_eq!(BigDecimal::from_str(&text).unwrap(), got.clone());
            let answer = one(1700, Some(text));
            prop_assert_eq!(expect.judge(&Outcome::Rows(answer), &saved).passed, holds);
        }
    }

    #[test]
    fn types_are_never_bridged(number in 0_i64..1000, oid in proptest::sample::select(vec![20_u32, 23, 1700, 701])) {
        let saved = Saved::new();
        let judge = |cell: Cell, oid| {
            let expect = Expect { value: Some(cell), ..Expect::default() };
            expect.judge(&Outcome::Rows(one(oid, Some(number.to_string()))), &saved).passed
        };
        prop_assert!(judge(Cell::integer(number), oid));
        prop_assert!(!judge(Cell::text(&number.to_string()).unwrap(), oid));
        prop_assert!(!judge(Cell::integer(number), 25));
        prop_assert!(judge(Cell::text(&number.to_string()).unwrap(), 25));
        for sign in ["!=", "<", ">", "<=", ">="] {
            let other = Cell::text(&format!("{sign} {}", number + 1)).unwrap();
            prop_assert!(!judge(other, 25));
        }
    }

    #[test]
    fn the_order_of_rows_does_not_matter_to_a_set(
        values in proptest::collection::vec(0_i64..6, 0..7),
        cells in proptest::collection::vec((0_i64..6, 0_i64..3), 0..7),
        seed in any::<proptest::sample::Index>(),
    ) {
        let cells: Vec<Vec<Cell>> = cells
            .iter()
            .map(|(from, more)| vec![Cell::text(&format!("{from}..{}", from + more)).unwrap()])
            .collect();
        let judge = |values: &[i64], cells: Vec<Vec<Cell>>| {
            let mut answer = one(20, None);
            answer.rows = values.iter().map(|value| vec![Some(value.to_string())]).collect();
            answer.total_rows = values.len() as u64;
            let expect = Expect { set: Some(cells), ..Expect::default() };
            expect.judge(&Outcome::Rows(answer), &Saved::new()).passed
        };
        let passed = judge(&values, cells.clone());
        // Against trying every order.
        prop_assert_eq!(passed, values.len() == cells.len() && assignable(&values, &cells));
        let mut turned = values.clone();
        if !turned.is_empty() {
            let by = seed.index(turned.len());
            turned.rotate_left(by);
            turned.reverse();
        }
        let mut reversed = cells;
        reversed.reverse();
        prop_assert_eq!(passed, judge(&turned, reversed));
    }
}

fn one(type_oid: u32, text: Option<String>) -> Answer {
    Answer {
        cut: None,
        columns: vec![Column { name: "c".to_owned(), type_oid }],
        rows: vec![vec![text]],
        total_rows: 1,
        truncated: None,
        elapsed: Duration::ZERO,
    }
}

fn assignable(values: &[i64], cells: &[Vec<Cell>]) -> bool {
    let Some((first, rest)) = cells.split_first() else {
        return values.is_empty();
    };
    (0..values.len()).any(|at| {
        let mut others = values.to_vec();
        let value = others.remove(at);
        judge_count(&first[0], value, &Saved::new()).passed && assignable(&others, rest)
    })
}

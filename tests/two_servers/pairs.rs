//! Pairs of databases by chance, with 0 to 3 differences planted: exactly those are found.

use std::collections::BTreeSet;

use crate::two::Two;

/// A small generator of numbers: the same seed gives the same pairs.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

const PAIRS: u64 = 100;

#[tokio::test]
async fn a_hundred_pairs_by_chance() {
    let two = Two::new().await;
    let mut chance = Chance(0x5eed_1234_abcd);
    let (mut both, mut steps) = (String::new(), String::new());
    let mut target = String::new();
    let mut wanted: Vec<BTreeSet<String>> = Vec::new();
    // A table each, and a comparison each, in one run of one plan.
    for pair in 0..PAIRS {
        let rows = [0, 1, 40, 700, 3000][usize::try_from(chance.below(5)).unwrap()];
        let keys = [
            "a int PRIMARY KEY, b text",
            "a int, b text, PRIMARY KEY (b, a)",
            "a int UNIQUE NOT NULL, b text",
        ];
        let columns = keys[usize::try_from(chance.below(3)).unwrap()];
        let composite = columns.contains("(b, a)");
        both.push_str(&format!(
            "CREATE TABLE t{pair} ({columns}, c float8); \
             INSERT INTO t{pair} SELECT n * 2, 'row ' || n, n / 3.0 FROM generate_series(1, {rows}) n ORDER BY random();"
        ));
        let mut planted = BTreeSet::new();
        let mut touched = BTreeSet::new();
        for _ in 0..chance.below(4) {
            let at = 1 + chance.below(rows.max(1));
            if !touched.insert(at) {
                continue;
            }
            let key = |a: u64, n: &str| match composite {
                true => format!("b = {n}, a = {a}"),
                false => format!("a = {a}"),
            };
            let kind = if rows == 0 { 0 } else { chance.below(3) };
            let (sql, name) = match kind {
                0 => {
                    (format!("INSERT INTO t{pair} VALUES ({}, 'new', 1)", at * 2 + 1), key(at * 2 + 1, "new"))
                }
                1 => (format!("DELETE FROM t{pair} WHERE a = {}", at * 2), key(at * 2, &format!("row {at}"))),
                _ => {
                    let sql = format!("UPDATE t{pair} SET c = c + 1e-9 WHERE a = {}", at * 2);
                    (sql, key(at * 2, &format!("row {at}")))
                }
            };
            target.push_str(&format!("{sql};"));
            planted.insert(format!("t{pair}, {name}"));
        }
        if !planted.is_empty() {
            planted.insert(format!("content of t{pair}"));
        }
        wanted.push(planted);
        steps.push_str(&format!(
            "\n[[phase.step]]\nid = \"t{pair}\"\ntitle = \"t{pair}\"\ncompare = \"content\"\ntables = [\"t{pair}\"]\n\
             on_failure = \"continue\"\n"
        ));
    }
    two.both(&both).await;
    two.target.sql(&target).await;
    two.plan(&steps);
    let ran = two.target.run().await;
    ran.exits(0);
    let mut none = 0;
    for (pair, wanted) in wanted.iter().enumerate() {
        let results = ran.all("checkpoint_result");
        let result = results.into_iter().find(|event| event["checkpoint"] == format!("t{pair}")).unwrap();
        let list = result["verdict"]["differences"].as_array().cloned().unwrap_or_default();
        let found: BTreeSet<String> =
            list.iter().map(|one| one["column"].as_str().unwrap().to_owned()).collect();
        assert_eq!(found, *wanted, "pair {pair}: {result:#}");
        assert_eq!(result["verdict"]["passed"], wanted.is_empty(), "pair {pair}");
        none += usize::from(wanted.is_empty());
    }
    println!("{PAIRS} pairs, {none} of them without a difference");
    assert!(none > 10 && none < 60, "{none} without a difference");
}

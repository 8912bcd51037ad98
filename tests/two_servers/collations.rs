//! Keys of text that both servers sort in orders of their own: the rows that differ are named all the same, and no
//! others.

use std::collections::BTreeSet;

use crate::two::Two;

/// Words in mixed case, with and without accents and signs, that no two orders sort alike.
const WORD: &str = "(ARRAY['a', 'A', 'ä', 'Ä', 'á', 'b', 'B', 'z', 'Z', 'é', 'E', 'e', '-a', '_A', 'ø', 'ß', 'ss', 'co-op', 'coop', 'Co op'])[1 + n % 20]";

/// The same rows on both, under keys of these types; then three of them changed, one gone and one more.
async fn named(what: &str, setup: [&str; 2], columns: [&str; 2], key: &str, value: &str) {
    let two = Two::new().await;
    for (at, (setup, columns)) in setup.iter().zip(columns).enumerate() {
        let make = format!(
            "{setup}; CREATE TABLE words ({columns}, note text, PRIMARY KEY ({key})); \
             INSERT INTO words SELECT {value}, 'note ' || n FROM generate_series(1, 6000) n ORDER BY random()"
        );
        if at == 0 {
            two.source(&make).await;
        } else {
            two.target.sql(&make).await;
        }
    }
    let same = "compare = \"content\"";
    two.compare(same).await.exits(0).says("1 table with 6000 rows");
    two.target
        .sql(
            "UPDATE words SET note = 'other' WHERE note IN ('note 7', 'note 2018', 'note 5981'); \
             DELETE FROM words WHERE note = 'note 3333'",
        )
        .await;
    two.source("DELETE FROM words WHERE note = 'note 1212'").await;
    let names = async |sql: &str, of_source: bool| {
        let shown = key.split(", ").map(|column| format!("'{column} = ' || {column}::text"));
        let shown: Vec<String> = shown.collect();
        let sql = format!(
            "SELECT string_agg(concat_ws(', ', {}), '|') FROM words WHERE note IN ({sql})",
            shown.join(", ")
        );
        if of_source { two.of_source(&sql).await } else { two.target.value(&sql).await }
    };
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    for found in [
        names("'note 7', 'note 2018', 'note 5981', 'note 3333'", true).await,
        names("'note 1212'", false).await,
    ] {
        wanted.extend(found.split('|').map(|key| format!("words, {key}")));
    }
    assert_eq!(wanted.len(), 5, "{wanted:?}");
    let ran = two.compare(same).await;
    let listed = Two::listed(&ran);
    assert_eq!(listed[0], "content of words", "{what}");
    let found: BTreeSet<String> = listed.into_iter().skip(1).collect();
    assert_eq!(found, wanted, "{what}");
    assert!(Two::differs(&ran).starts_with("1 table differs"), "{what}: {ran}");
}

#[tokio::test]
async fn text_sorted_by_two_collations() {
    let value = format!("{WORD} || n");
    for (one, other) in [
        ("text COLLATE \"en-x-icu\"", "text COLLATE \"C\""),
        ("text COLLATE \"C\"", "text COLLATE \"sv-x-icu\""),
        ("varchar(40) COLLATE \"und-x-icu\"", "text"),
        ("char(20) COLLATE \"de-x-icu\"", "char(20) COLLATE \"C\""),
    ] {
        let columns = [format!("w {one}"), format!("w {other}")];
        let columns = [columns[0].as_str(), columns[1].as_str()];
        let value = if one.starts_with("char") { format!("({value})::char(20)") } else { value.clone() };
        named(&format!("{one} and {other}"), ["", ""], columns, "w", &value).await;
    }
}

#[tokio::test]
async fn keys_of_several_columns() {
    let columns = ["w text COLLATE \"en-x-icu\", n int", "w text COLLATE \"C\", n int"];
    named("a word and a number", ["", ""], columns, "w, n", &format!("{WORD}, n")).await;
    let columns = ["n int, w text COLLATE \"C\"", "n int, w text COLLATE \"en-x-icu\""];
    named("a number and a word", ["", ""], columns, "n, w", &format!("n / 700, {WORD} || n")).await;
    let columns = [
        "w text COLLATE \"en-x-icu\", v text COLLATE \"C\"",
        "w text COLLATE \"C\", v text COLLATE \"sv-x-icu\"",
    ];
    named("two words", ["", ""], columns, "w, v", &format!("{WORD}, {WORD} || n")).await;
}

/// What isn't text and has an order of its own on each side: of an enum's values, of words in upper and lower case
/// that one side takes for the same, of arrays, of a type that the other side has not.
#[tokio::test]
async fn other_types_whose_order_is_each_servers_own() {
    let orders =
        ["CREATE TYPE kind AS ENUM ('a', 'b', 'c', 'd')", "CREATE TYPE kind AS ENUM ('d', 'c', 'b', 'a')"];
    let value = "(ARRAY['a', 'b', 'c', 'd'])[1 + n % 4]::kind, n";
    let columns = ["k kind, n int", "k kind, n int"];
    named("an enum", orders, columns, "k, n", value).await;

    let folds = "CREATE COLLATION folds (provider = icu, locale = 'und-u-ks-level1', deterministic = false)";
    let columns = ["w text COLLATE folds, n int", "w text COLLATE folds, n int"];
    named("words that are the same to both", [folds, folds], columns, "w, n", &format!("{WORD}, n")).await;

    let columns = ["w text[] COLLATE \"en-x-icu\"", "w text[] COLLATE \"C\""];
    named("arrays", ["", ""], columns, "w", &format!("ARRAY[{WORD}, n::text]")).await;
    named("a number here, its text there", ["", ""], ["w int", "w text"], "w", "n").await;
}

//! `section`: a part of a file runs as if it were the whole of it, and keeps the file's lines.

use crate::common::runs::Bench;

/// Ten lines before the first section; a heading in data, in a statement and behind a longer number.
const FILE: &str = "\
-- What everything needs
-- ====================
-- Section 1: tables
-- ====================
CREATE TABLE one (id int, -- Section 2 isn't here
  note text);
COPY one FROM stdin;
1\tit's
2\t--
\\.
-- Section 10: more rows
INSERT INTO one VALUES (10);
/* Section 2
 * indexes */
CREATE INDEX one_id ON one (id);
INSERT INTO one VALUES (20), ('x');
-- Section 9: rollback
DROP TABLE one;
";

fn step(id: &str, section: &str, keys: &str) -> String {
    format!(
        "[[phase.step]]\nid = \"{id}\"\ntitle = \"{id}\"\nfile = \"all.sql\"\nsection = \"{section}\"\n{keys}\n"
    )
}

async fn bench(file: &str) -> Bench {
    let bench = Bench::new().await;
    bench.file("all.sql", file);
    bench
}

const UNDO: &str = "rollback = { file = \"all.sql\", section = \"Section 9\" }";

#[tokio::test]
async fn sections_run_apart_and_errors_have_the_lines_of_the_file() {
    let bench = bench(FILE).await;
    bench.plan(&format!(
        "{}{}{}",
        step("s1", "Section 1", UNDO),
        step("s10", "section  10", "rollback = { by = \"s1\" }"),
        step("s2", "Section 2", "")
    ));
    let ran = bench.run().await;
    ran.exits(6).failed_with("s2", "invalid input syntax");
    let place = &ran.problem("s2")["place"];
    assert_eq!((place["file"].as_str(), place["line"].as_u64()), (Some("all.sql"), Some(16)), "{ran}");
    assert_eq!(place["column"], 31);
    assert_eq!(bench.value("SELECT string_agg(id::text, ' ' ORDER BY id) FROM one").await, "1 2 10");
    assert_eq!(ran.all("unit_started")[0]["source"]["section"], "Section 1");

    let back = bench.call(&["rollback", "--reason", "test"]).await;
    back.exits(4).says("all.sql, Section 9");
    assert_eq!(bench.value("SELECT to_regclass('one')").await, "", "{back}");
}

/// The unit of resume is the statement, in a section too; both of one file.
#[tokio::test]
async fn statements_of_a_section_are_applied_once() {
    let file = "CREATE TABLE t (id int);\n-- A\nINSERT INTO t VALUES (1);\nINSERT INTO t SELECT id FROM later;\n\
                -- B\nBEGIN;\nINSERT INTO t VALUES (3);\nCOMMIT;\n";
    let bench = bench(file).await;
    bench.sql("CREATE TABLE t (id int)").await;
    bench.plan(&format!(
        "{}{}",
        step("a", "A", "transaction = \"none\""),
        step("b", "B", "transaction = \"script\"")
    ));
    let ran = bench.run().await;
    ran.exits(6).failed_with("a", "\"later\" does not exist");
    assert_eq!(ran.problem("a")["place"]["line"], 4);
    bench.sql("CREATE TABLE later AS SELECT 2 AS id").await;
    bench.resume().await.exits(0);
    assert_eq!(bench.value("SELECT string_agg(id::text, ' ' ORDER BY id) FROM t").await, "1 2 3");
}

#[tokio::test]
async fn what_cant_be_cut_out_is_refused_before_the_window() {
    let bench = bench("-- A\nSELECT 1;\n-- A: again\nSELECT 2;\n-- Section 10\nSELECT 3;\n").await;
    for (section, words) in [
        ("A", "there is no such section: two comments begin with \"A\", in lines 1 and 3"),
        ("Section 1", "there is no such section: no comment begins with \"Section 1\""),
    ] {
        bench.plan(&step("a", section, ""));
        bench.run().await.exits(2).says(words);
        let checked = bench.call(&["check", "plan.toml"]).await;
        checked.exits(2).says_wrapped(words);
    }
    bench.plan(&step("a", "Section 10", "runner = \"psql\""));
    bench.run().await.exits(2).says("psql runs a file as a whole, not a section of it");
}

/// Statements in no section that the plan runs are told: nobody else would.
#[tokio::test]
async fn what_stands_before_the_first_section_is_told() {
    let bench = bench("SET search_path = x;\nCREATE TABLE t ();\n-- A\nSELECT 1;\n").await;
    bench.plan(&step("a", "A", ""));
    let checked = bench.call(&["check", "plan.toml"]).await;
    checked.exits(0).says_wrapped("no step runs it: it stands before the first section that the plan uses");
}

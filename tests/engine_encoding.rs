//! Scripts in other encodings than UTF-8: read as psql reads them, sent byte for byte, and told in letters.

#![allow(clippy::unwrap_used)] // a test stops where it fails

mod common;

use common::runs::Bench;

/// Name, a text in it, and what that is; second bytes look like a backslash, a bar or a digit.
const TEXTS: &[(&str, &[u8], &str)] = &[
    ("LATIN1", b"gr\xfc\xdfe", "grüße"),
    ("WIN1252", b"\x80\x84q\x94", "€„q”"),
    ("WIN1251", b"\xcf\xf0", "Пр"),
    ("SJIS", b"\x95\x5c\x83\x7c\xb1", "表ポｱ"),
    ("BIG5", b"\xa5\x5c\xa4\x40", "功一"),
    ("GBK", b"\x81\x5c\xc4\xe3", "乗你"),
    ("UHC", b"\x81\x41\xb0\xa1", "갂가"),
    ("GB18030", b"\x81\x30\x89\x38\x81\x5c", "ß乗"),
    ("EUC_JP", b"\xc9\xbd", "表"),
];

/// `@` stands for the text, in every place where a lexer could stumble over it.
const SCRIPT: &str = "INSERT INTO t VALUES ('plain', '@');\n\
    INSERT INTO t VALUES ('escape', E'@') -- @\n;\n\
    INSERT INTO t VALUES ('dollar', $$@$$), /* @ */ ('tag', $a@$it's$a@$);\n\
    SELECT 1 AS \"@\", 2 AS @;\n\
    \\set v '@'\n\
    INSERT INTO t VALUES ('variable', :'v');\n\
    SELECT '@' AS x \\gset\n\
    INSERT INTO t VALUES ('gset', :'x');\n\
    SELECT 'INSERT INTO t VALUES (''gexec'', ''@'')' \\gexec\n\
    COPY t FROM STDIN;\ncopy\tx@x\n\\.\n\
    DO $$ BEGIN RAISE NOTICE 'notice @'; END $$;\n\
    \\echo echo @\n";

fn bytes(script: &str, text: &[u8]) -> Vec<u8> {
    script.split('@').map(str::as_bytes).collect::<Vec<_>>().join(text)
}

fn by_psql(bench: &Bench, file: &str, encoding: Option<&str>) -> std::process::Output {
    let mut psql = bench.server.program("psql", &bench.db);
    psql.envs(encoding.map(|encoding| ("PGCLIENTENCODING", encoding)));
    psql.args(["-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-f"]).arg(bench.path(file));
    psql.output().unwrap()
}

#[tokio::test]
async fn scripts_in_other_encodings_do_what_they_do_by_psql() {
    let bench = Bench::with("CREATE TABLE t (k text, v text); CREATE TABLE theirs (k text, v text)").await;
    let rows = |table: &str| format!("SELECT string_agg(k || '=' || v, ' ' ORDER BY k) FROM {table}");
    for (at, (encoding, text, is)) in TEXTS.iter().enumerate() {
        let first = match at % 3 {
            0 => format!("SET client_encoding = '{encoding}';\n"),
            1 => format!("\\encoding {encoding}\n"),
            _ => format!("SET NAMES '{encoding}';\n"),
        };
        let script = bytes(&format!("{first}{SCRIPT}"), text);
        std::fs::write(bench.path("a.sql"), &script).unwrap();
        let psql = by_psql(&bench, "a.sql", None);
        assert!(psql.status.success(), "{encoding}: {}", String::from_utf8_lossy(&psql.stderr));
        bench.sql("INSERT INTO theirs SELECT * FROM t; DELETE FROM t").await;
        bench.plan(&common::runs::step("a", if at % 2 == 0 { "" } else { "transaction = \"none\"" }));
        let ran = bench.run().await;
        ran.exits(0);
        let theirs = bench.value(&rows("theirs")).await;
        assert_eq!(bench.value(&rows("t")).await, theirs, "{encoding}");
        assert!(
            theirs.contains(&format!("plain={is}")) && theirs.contains(&format!("gexec={is}")),
            "{theirs}"
        );
        // Where the letters are known they are shown.
        if at < 3 {
            ran.says(&format!("notice {is}")).says(&format!("echo {is}"));
        }
        let _ = std::fs::remove_dir_all(bench.path("state"));
        bench.sql("DROP SCHEMA holdpoint CASCADE; DELETE FROM t; DELETE FROM theirs").await;
    }
}

#[tokio::test]
async fn an_error_behind_other_letters_is_at_its_place() {
    let bench = Bench::with("CREATE TABLE t (k text)").await;
    for (encoding, text, is) in &TEXTS[..7] {
        let script = format!("\\encoding {encoding}\nSELECT '@@', '@',\n  '@' || nope;\n");
        std::fs::write(bench.path("a.sql"), bytes(&script, text)).unwrap();
        bench.plan(&common::runs::step("a", ""));
        let ran = bench.run().await;
        ran.exits(6).failed_with("a", "column \"nope\" does not exist");
        let problem = &ran.last("unit_failed")["problem"];
        assert_eq!(
            (&problem["place"]["line"], &problem["place"]["column"]),
            (&3.into(), &(9 + is.chars().count()).into()),
            "{encoding}: {problem}"
        );
        let _ = std::fs::remove_dir_all(bench.path("state"));
        bench.sql("DROP SCHEMA holdpoint CASCADE").await;
    }
    // Without a word about its encoding it isn't guessed.
    std::fs::write(bench.path("a.sql"), b"SELECT 'gr\xfc\xdfe';\n").unwrap();
    bench.run().await.exits(2).says("isn't UTF-8").says("\\encoding LATIN1");
}

/// What PGCLIENTENCODING is for psql, `encoding` is for a step: the file says nothing itself.
#[tokio::test]
async fn a_step_names_the_encoding_of_its_files() {
    let bench = Bench::with("CREATE TABLE t (k text, v text); CREATE TABLE theirs (k text, v text)").await;
    let rows = |table: &str| format!("SELECT string_agg(k || '=' || v, ' ' ORDER BY k) FROM {table}");
    let modes = ["", "transaction = \"none\"", "runner = \"psql\""];
    for (at, (encoding, text, is)) in TEXTS.iter().enumerate() {
        std::fs::write(bench.path("a.sql"), bytes(SCRIPT, text)).unwrap();
        let psql = by_psql(&bench, "a.sql", Some(encoding));
        assert!(psql.status.success(), "{encoding}: {}", String::from_utf8_lossy(&psql.stderr));
        bench.sql("INSERT INTO theirs SELECT * FROM t; DELETE FROM t").await;
        let keys = format!("encoding = \"{encoding}\"\n{}", modes[at % modes.len()]);
        bench.plan(&common::runs::step("a", &keys));
        bench.run().await.exits(0);
        let theirs = bench.value(&rows("theirs")).await;
        assert_eq!(bench.value(&rows("t")).await, theirs, "{encoding}");
        assert!(theirs.contains(&format!("plain={is}")), "{theirs}");
        let _ = std::fs::remove_dir_all(bench.path("state"));
        bench.sql("DROP SCHEMA holdpoint CASCADE; DELETE FROM t; DELETE FROM theirs").await;
    }
    bench.plan(&common::runs::step("a", "encoding = \"nope\""));
    bench.run().await.exits(2).says("the encoding \"nope\" isn't known");
}

//! `snapshot` and `diff` from outside: what they say, with which exit code, and that they write nothing.

mod common;
#[path = "pg_measure/support.rs"]
mod pg_measure;

use std::process::Command;

use common::runs::Bench;
use common::server::TestServer;
use serde_json::Value;

struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    #[track_caller]
    fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    fn says(&self, text: &str) -> &Self {
        assert!(
            self.out.contains(text) || self.err.contains(text),
            "nowhere {text:?}:\n{}\n{}",
            self.out,
            self.err
        );
        self
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

fn call(bench: &Bench, args: &[&str]) -> Said {
    said(&mut bench.command(args))
}

fn said(command: &mut Command) -> Said {
    let output = command.output().expect("the program runs");
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A database as it is typed.
fn conninfo(server: &TestServer, database: &str) -> String {
    let host = server.embedded().dir().display();
    format!("host={host} port=5432 user=postgres dbname={database}")
}

const SHOP: &str = "CREATE TABLE orders (id serial PRIMARY KEY, total numeric NOT NULL, note text);
    INSERT INTO orders (total) SELECT n FROM generate_series(1, 5) n;
    CREATE FUNCTION tax(n numeric) RETURNS numeric LANGUAGE plpgsql AS $$
BEGIN
  -- a comment
  IF n IS NULL THEN
    RETURN 0;
  END IF;
  RETURN n * 0.19;
END $$;";

#[tokio::test]
async fn a_snapshot_before_and_a_diff_after() {
    let bench = Bench::with(SHOP).await;
    call(&bench, &["snapshot", "--out", "before.json", "--rows", "orders"])
        .exits(0)
        .says("tables 1,")
        .says("rows      orders: 5")
        .says("written   before.json");
    let here = conninfo(&bench.server, &bench.db);
    call(&bench, &["diff", "before.json", &here])
        .exits(0)
        .says("the same: nothing differs")
        .says("rows of orders");
    bench
        .sql(
            "ALTER TABLE orders ALTER note SET DEFAULT 'none', ADD paid bool; DROP SEQUENCE orders_id_seq CASCADE;
             UPDATE orders SET total = 99 WHERE id = 3; GRANT SELECT ON orders TO PUBLIC;
             CREATE OR REPLACE FUNCTION tax(n numeric) RETURNS numeric LANGUAGE plpgsql AS $$
BEGIN
  -- a comment
  IF n IS NULL THEN
    RETURN 0;
  END IF;
  RETURN n * 0.21;
END $$",
        )
        .await;
    let said = call(&bench, &["diff", "before.json", &here]);
    said.exits(1);
    let body = said.out.split("\n\n").skip(1).collect::<Vec<_>>().join("\n\n");
    assert!(
        body.starts_with(
            "columns: 1 added, 2 changed
  ~ public.orders.id
      - integer NOT NULL DEFAULT nextval('public.orders_id_seq'::regclass)
      + integer NOT NULL
  ~ public.orders.note
      - text
      + text DEFAULT 'none'::text
  + public.orders.paid  boolean

sequences: 1 removed
  - public.orders_id_seq
      owner postgres
"
        ),
        "{body}"
    );
    said.says(
        "functions: 1 changed
  ~ public.tax(numeric)
            RETURN 0;
          END IF;
      -   RETURN n * 0.19;
      +   RETURN n * 0.21;
        END $function$",
    );
    said.says(
        "rows: 1 changed\n  ~ row id = 3 of orders\n      - total: as before\n      + total: changed\n",
    );
    said.says("privileges: 1 changed\n  ~ table public.orders\n      public: granted SELECT\n");
    said.says("7 differences: 1 added, 1 removed, 5 changed");
}

#[tokio::test]
async fn json_of_both_is_what_the_page_says() {
    let bench = Bench::with(SHOP).await;
    let snapshot = call(&bench, &["snapshot", "--json", "--rows", "orders"]);
    let taken = snapshot.exits(0).json();
    assert_eq!(taken["holdpoint_snapshot"], 1);
    assert_eq!(taken["source"]["database"], bench.db.as_str());
    assert_eq!(taken["counts"]["tables"], 1);
    assert_eq!(taken["image"]["column_order"]["public.orders"], serde_json::json!(["id", "total", "note"]));
    assert_eq!(taken["image"]["sequence_values"]["public.orders_id_seq"]["last"], 5);
    assert_eq!(taken["image"]["rows"]["orders"]["rows"], 5);
    bench.file("a.json", &snapshot.out);
    bench
        .sql(
            "DROP FUNCTION tax; ALTER TABLE orders DROP id, ADD id int; CREATE VIEW v AS SELECT 1 AS one; \
              GRANT SELECT ON orders TO PUBLIC",
        )
        .await;
    let here = conninfo(&bench.server, &bench.db);
    let diff = call(&bench, &["diff", "a.json", &here, "--json"]);
    let report = diff.exits(1).json();
    assert_eq!((&report["holdpoint_diff"], &report["same"]), (&1.into(), &false.into()));
    assert_eq!(report["before"]["file"], "a.json");
    assert_eq!(report["after"]["file"], Value::Null);
    let found: Vec<String> = report["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| format!("{} {} {}", d["kind"], d["name"], d["change"]).replace('"', ""))
        .collect();
    assert!(found.contains(&"function public.tax(numeric) removed".to_owned()), "{found:?}");
    assert!(found.contains(&"view public.v added".to_owned()), "{found:?}");
    assert!(found.contains(&"column order public.orders changed".to_owned()), "{found:?}");
    // It had those that it was born with: one word for it in both.
    assert!(found.contains(&"privileges table public.orders changed".to_owned()), "{found:?}");

    // Every key is on the page that documents them, and the page has no others.
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/snapshot.md")).unwrap();
    for (title, value) in [("## The snapshot", &taken), ("## The comparison", &report)] {
        let section = page.split(title).nth(1).unwrap().split("\n## ").next().unwrap();
        let documented: Vec<&str> =
            section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
        let mut keys = Vec::new();
        paths("", value, &mut keys);
        keys.dedup();
        for key in &keys {
            assert!(documented.contains(&key.as_str()), "{title}: {key} isn't documented in {documented:?}");
        }
        for key in documented {
            assert!(
                keys.iter().any(|has| has == key),
                "{title}: {key} is documented and isn't there: {keys:?}"
            );
        }
    }
}

/// Keys of an object, those below with a dot; what is under names of objects isn't looked into.
fn paths(above: &str, value: &Value, keys: &mut Vec<String>) {
    const NAMES: &[&str] =
        &["counts", "image.objects", "image.column_order", "image.sequence_values", "image.rows"];
    match value {
        Value::Object(map) if !NAMES.contains(&above) => {
            for (key, value) in map {
                let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
                if !keys.contains(&path) {
                    keys.push(path.clone());
                }
                paths(&path, value, keys);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| paths(above, value, keys)),
        _ => {}
    }
}

#[tokio::test]
async fn two_databases_and_what_is_left_out() {
    let bench = Bench::with(SHOP).await;
    let other = bench.server.fresh_database().await;
    bench.server.sql(&other, SHOP).await;
    let (one, two) = (conninfo(&bench.server, &bench.db), conninfo(&bench.server, &other));
    call(&bench, &["diff", &one, &two]).exits(0);
    bench.server.sql(&other, "SELECT nextval('orders_id_seq'); COMMENT ON TABLE orders IS 'x'").await;
    call(&bench, &["diff", &one, &two])
        .exits(1)
        .says("values of sequences: 1 changed\n  ~ public.orders_id_seq\n      - last value 5\n      + last value 6")
        .says("comments: 1 added\n  + table public.orders  x");
    call(&bench, &["diff", &one, &two, "--ignore", "sequence value"]).exits(1);
    call(&bench, &["diff", &one, &two, "--ignore", "sequence value", "--ignore", "comment"])
        .exits(0)
        .says("comment (--ignore)");
    call(&bench, &["diff", &one, &two, "--names-only"]).exits(1).says("which objects there are");
    call(&bench, &["diff", &one, &two, "--ignore", "comments"]).exits(2).says("there is no such kind");
    bench.server.sql(&other, "UPDATE orders SET note = 'x' WHERE id = 1").await;
    call(&bench, &["diff", &one, &two, "--rows", "orders"]).exits(1).says("row id = 1 of orders");
    let said = call(&bench, &["diff", &one, &two, "--rows", "orders", "--ignore", "rows"]);
    said.exits(1);
    assert_eq!(said.out.matches("rows").count(), 1, "rows are said to be left out, once:\n{}", said.out);
    call(&bench, &["diff", &one, &two, "--rows", "ordres"]).exits(2).says("neither side has such a table");
    bench.server.sql(&other, "DROP TABLE orders CASCADE").await;
    call(&bench, &["diff", &one, &two, "--rows", "orders"]).exits(1).says("- orders  5 rows");
}

#[tokio::test]
async fn files_that_are_no_snapshots() {
    let bench = Bench::with(SHOP).await;
    call(&bench, &["snapshot", "--out", "a.json"]).exits(0);
    let here = conninfo(&bench.server, &bench.db);
    let whole = std::fs::read_to_string(bench.path("a.json")).unwrap();
    for (name, text, words) in [
        ("empty", String::new(), "is empty"),
        ("cut", whole[..whole.len() / 2].to_owned(), "is cut off in line"),
        ("broken", whole.replacen(':', ";", 3), "is damaged in line"),
        ("edited", whole.replace("total", "totel"), "isn't as it was written"),
        (
            "newer",
            whole.replace("\"holdpoint_snapshot\": 1", "\"holdpoint_snapshot\": 7"),
            "newer holdpoint (snapshot version 7",
        ),
        (
            "older",
            whole.replace("\"holdpoint_snapshot\": 1", "\"holdpoint_snapshot\": 0"),
            "older holdpoint (snapshot version 0",
        ),
        ("dump", "--\n-- PostgreSQL database dump\n--\n".to_owned(), "looks like pg_dump's output"),
        ("other", "{\"a\": 1}".to_owned(), "isn't a snapshot"),
        ("plan", "[plan]\nid = \"x\"\n".to_owned(), "looks like a plan"),
    ] {
        bench.file(name, &text);
        call(&bench, &["diff", name, &here]).exits(2).says(words).says(name);
    }
    std::fs::write(bench.path("bytes"), [0xff, 0xfe, 0, 1]).unwrap();
    call(&bench, &["diff", "bytes", &here]).exits(2).says("isn't a snapshot");
    call(&bench, &["diff", "gone.json", &here]).exits(2).says("there is no file gone.json");
    std::fs::create_dir(bench.path("folder")).unwrap();
    call(&bench, &["diff", "folder", &here]).exits(7).says("folder can't be read");
    call(&bench, &["diff", "a.json", "a.json", "--rows", "orders"])
        .exits(2)
        .says("was taken without --rows orders");
    call(&bench, &["diff", "a.json", "a.json"]).exits(0);
    call(&bench, &["diff", "a.json"]).exits(2);
    // Nothing is written over, and nobody else may read it.
    call(&bench, &["snapshot", "--out", "a.json"]).exits(2).says("never writes over another");
    assert_eq!(std::fs::read_to_string(bench.path("a.json")).unwrap(), whole);
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(bench.path("a.json")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    call(&bench, &["snapshot", "--out", "nowhere/a.json"])
        .exits(7)
        .says("nowhere/a.json can't be written: there is no folder nowhere");
}

#[tokio::test]
async fn servers_that_cant_be_reached_and_tables_that_arent_there() {
    let bench = Bench::with(SHOP).await;
    let away = format!("host={} port=1 user=postgres dbname=x", bench.path("").display());
    call(&bench, &["snapshot", "--target", &away]).exits(7);
    call(&bench, &["diff", &conninfo(&bench.server, &bench.db), &away]).exits(7);
    call(&bench, &["snapshot", "--target", "host=x nonsense=1"]).exits(2).says("nonsense");
    call(&bench, &["snapshot", "--rows", "ordres"]).exits(2).says("ordres");
    bench.env("PGDATABASE", "nowhere");
    call(&bench, &["snapshot"]).exits(7).says("nowhere");
}

#[tokio::test]
async fn other_major_versions_are_refused_or_compared_by_names() {
    let bench = Bench::with(SHOP).await;
    call(&bench, &["snapshot", "--out", "a.json"]).exits(0);
    let mut value: Value =
        serde_json::from_str(&std::fs::read_to_string(bench.path("a.json")).unwrap()).unwrap();
    let map = value.as_object_mut().unwrap();
    map.shift_remove("sum");
    map["image"]["major"] = 12.into();
    let sum = sha2_hex(&value.to_string());
    value["sum"] = sum.into();
    bench.file("old.json", &value.to_string());
    let here = conninfo(&bench.server, &bench.db);
    call(&bench, &["diff", "old.json", &here])
        .exits(2)
        .says("read differently in another major version")
        .says("--names-only");
    call(&bench, &["diff", "old.json", &here, "--names-only"]).exits(0).says("how they are defined");
    bench.sql("CREATE TABLE more (id int NOT NULL)").await;
    call(&bench, &["diff", "old.json", &here, "--names-only"]).exits(1).says("+ public.more");
}

fn sha2_hex(text: &str) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn nothing_is_written_and_no_secret_is_told() {
    let server = std::sync::Arc::new(TestServer::start().await);
    let database = pg_measure::zoo(&server).await;
    let bench = Bench::of(std::sync::Arc::clone(&server), &database);
    let said = call(&bench, &["snapshot", "--json", "--rows", "plain"]);
    said.exits(0);
    assert!(!said.out.contains("hunter2"), "a password is in the snapshot");
    call(&bench, &["diff", &conninfo(&server, &database), &conninfo(&server, &database)]).exits(0);
    let statements: Vec<String> = server
        .statements(&database)
        .into_iter()
        .filter(|(application, _)| application == "holdpoint snapshot")
        .map(|(_, text)| text)
        .collect();
    assert!(statements.len() > 60, "{}", statements.len());
    assert!(statements.iter().any(|text| text.contains("SET default_transaction_read_only = on")));
    for text in statements {
        let text = text.trim_start_matches("/* holdpoint */ ");
        let text: String = text.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
        let first = text.split_whitespace().next().unwrap_or_default().to_uppercase();
        let reads = ["SELECT", "WITH", "ROLLBACK", "SET"].contains(&first.as_str())
            || text.starts_with("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
        assert!(reads, "{text}");
    }
    // A page of a terminal, by hand and piped.
    let said = call(&bench, &["snapshot"]);
    assert!(said.out.lines().all(|line| line.chars().count() <= 80), "{}", said.out);
}

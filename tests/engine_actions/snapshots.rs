//! `snapshot` and `compare`: what there was is kept, and what is otherwise now is named.

use std::os::unix::fs::PermissionsExt;

use crate::common::runs::Bench;

const WORLD: &str = "\
    CREATE TYPE state AS ENUM ('new', 'done'); CREATE TYPE status AS ENUM ('new', 'done'); CREATE TYPE lonely AS ENUM ('x, \"y\"'); \
    CREATE DOMAIN open_state AS state; \
    CREATE TABLE customer (id int PRIMARY KEY, boss int REFERENCES customer); \
    CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL REFERENCES customer ON DELETE CASCADE, s state, many state[]); \
    CREATE TABLE notes (id int PRIMARY KEY, t text); \
    CREATE FUNCTION done(o orders) RETURNS state LANGUAGE plpgsql AS $$ BEGIN RETURN 'done'::status; END $$; \
    INSERT INTO customer VALUES (1, NULL); INSERT INTO notes SELECT n, 'n' || n FROM generate_series(1, 3) n";

fn step(id: &str, keys: &str) -> String {
    format!("\n[[phase.step]]\nid = \"{id}\"\ntitle = \"{id}\"\n{keys}\n")
}

fn snapshot(id: &str, kind: &str, keys: &str) -> String {
    step(id, &format!("snapshot = \"{kind}\"\n{keys}"))
}

fn compare(id: &str, kind: &str, with: &str, keys: &str) -> String {
    step(id, &format!("compare = \"{kind}\"\nwith = \"{with}\"\n{keys}"))
}

/// A step that changes something, and is undone by `back`.
fn change(id: &str, sql: &str, back: &str) -> String {
    step(id, &format!("sql = \"{sql}\"\n[phase.step.rollback]\nsql = \"{back}\""))
}

fn read(bench: &Bench, name: &str) -> String {
    std::fs::read_to_string(bench.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[tokio::test]
async fn each_kind_is_written_for_people_and_told_with_its_digest() {
    let bench = Bench::with(WORLD).await;
    let steps = [
        snapshot("before", "schema", "into = \"before/schema.sql\""),
        snapshot("enums", "enums", "into = \"{artifacts}/before/enums.csv\""),
        snapshot("deps", "dependencies", "into = \"before/deps.dot\""),
        snapshot("rows", "rows", ""),
        snapshot("content", "content", "tables = [\"notes\"]"),
        snapshot("times", "timings", "queries = [\"SELECT count(*) FROM notes\", \"SELECT * FROM notes\"]"),
    ];
    bench.plan_with("artifacts = \"kept\"", &steps.concat());
    let ran = bench.run().await;
    ran.exits(0).says("a snapshot of enums: 3 enums").says("wrote").says("deps.svg");
    assert_eq!(bench.value("SELECT to_regclass('holdpoint.ledger')").await, "", "it changes nothing");

    let schema = read(&bench, "kept/before/schema.sql");
    assert!(schema.contains("\n-- table public.orders\n"), "{schema}");
    assert!(
        schema.contains("\n-- constraint public.orders.orders_customer_fkey\nFOREIGN KEY (customer)"),
        "{schema}"
    );
    assert!(!schema.contains("schema holdpoint\n"), "{schema}");

    let enums = read(&bench, "kept/before/enums.csv");
    let line = |name: &str| enums.lines().find(|line| line.starts_with(name)).expect(name).to_owned();
    assert!(line("public.state").contains("2,\"'new', 'done'\",public.status,"), "{enums}");
    assert!(line("public.state").contains("public.orders.many; public.orders.s"), "{enums}");
    assert!(line("public.state").contains("public.done(public.orders)"), "{enums}");
    assert!(line("public.state").contains("public.open_state"), "{enums}");
    assert!(line("public.status").ends_with(",public.done"), "named in a body: {enums}");
    assert!(line("public.lonely").contains("\"'x, \"\"y\"\"'\",,,,,,"), "{enums}");

    let dot = read(&bench, "kept/before/deps.dot");
    assert!(dot.contains("\"public.orders\" -> \"public.customer\" [label = \"orders_customer_fkey: customer → id, ON DELETE CASCADE\"]"), "{dot}");
    assert!(dot.contains("\"public.notes\";"), "{dot}");
    let svg = read(&bench, "kept/before/deps.svg");
    assert_eq!(svg.matches("marker-end").count(), 2, "{svg}");
    for table in ["customer", "orders", "notes"] {
        assert!(svg.contains(&format!(">public.{table}</text>")), "{svg}");
    }

    assert_eq!(read(&bench, "kept/rows.csv"), "table,rows\ncustomer,1\nnotes,3\norders,0\n");
    assert!(read(&bench, "kept/content.csv").contains("\nnotes,3,"));
    let times = read(&bench, "kept/times.csv");
    assert!(
        times.contains("SELECT count(*) FROM notes,") && times.contains("the median of 5 runs each"),
        "{times}"
    );

    let taken = ran.all("snapshot_taken");
    assert_eq!(taken.len(), 6, "{ran}");
    for event in taken {
        for artifact in event["artifacts"].as_array().unwrap() {
            let bytes = std::fs::read(artifact["path"].as_str().unwrap()).unwrap();
            assert_eq!(artifact["bytes"], bytes.len(), "{event}");
            assert_eq!(artifact["digest"].as_str().unwrap().len(), 64);
        }
    }

    // The same database gives the same bytes.
    bench.plan_with("artifacts = \"again\"", &steps[..5].concat());
    bench.run().await.exits(0);
    for name in [
        "before/schema.sql",
        "before/enums.csv",
        "before/deps.dot",
        "before/deps.svg",
        "rows.csv",
        "content.csv",
    ] {
        assert_eq!(read(&bench, &format!("kept/{name}")), read(&bench, &format!("again/{name}")), "{name}");
    }
}

#[tokio::test]
async fn a_schema_that_differs_fails_the_step_and_says_where() {
    let bench = Bench::with(WORLD).await;
    bench.plan(&[snapshot("before", "schema", ""), compare("drift", "schema", "before", "")].concat());
    let ran = bench.run().await;
    ran.exits(0).says("as in \"before\"");
    assert_eq!(ran.verdict("drift"), (true, "the same"));

    let adds = change(
        "adds",
        "ALTER TABLE notes ADD n int; CREATE VIEW v AS SELECT 1 AS one",
        "DROP VIEW v; ALTER TABLE notes DROP n",
    );
    bench.plan(
        &[
            snapshot("before", "schema", ""),
            adds,
            compare("drift", "schema", "before", "else = \"call somebody\""),
        ]
        .concat(),
    );
    let ran = bench.run().await;
    ran.exits(6).says("column public.notes.n").says("not there").says("view public.v").says("call somebody");
    let (passed, got) = ran.verdict("drift");
    assert!(!passed && got.ends_with("differences"), "{got}\n{ran}");
    // What was recorded before the stop is what counts after it: nothing is taken again.
    let again = bench.resume().await;
    again.exits(6);
    assert_eq!(again.all("snapshot_taken").len(), 1, "{again}");
    assert!(!again.verdict("drift").0);
    bench.sql("DROP VIEW v; ALTER TABLE notes DROP n").await;
    let done = bench.resume().await;
    done.exits(0);
    assert_eq!(done.verdict("drift"), (true, "the same"), "the ledger isn't a difference");
}

#[tokio::test]
async fn rows_and_content_are_named_and_tolerated() {
    let bench = Bench::with(WORLD).await;
    bench.plan(
        &[
            snapshot("rows", "rows", ""),
            snapshot("content", "content", "tables = [\"notes\", \"public.orders\"]"),
            change(
                "grow",
                "INSERT INTO notes VALUES (4, 'x'); UPDATE notes SET t = 'other' WHERE id = 2",
                "SELECT 1",
            ),
            compare(
                "tolerant",
                "rows",
                "rows",
                "tolerance = { notes = { rows = 1, reason = \"one comes in\" } }",
            ),
            compare("lines", "content", "content", "tolerance = { notes = { rows = 2, reason = \"two\" } }"),
            compare(
                "strict",
                "rows",
                "rows",
                "tables = [\"notes\", \"customer\"]\non_failure = \"continue\"",
            ),
            compare("unknown", "content", "content", "tables = [\"customer\"]\non_failure = \"continue\""),
            compare("exact", "content", "content", ""),
        ]
        .concat(),
    );
    let ran = bench.run().await;
    ran.exits(6);
    assert_eq!(ran.verdict("tolerant"), (true, "the same; notes: 1 row apart, and 1 may be (one comes in)"));
    assert_eq!(ran.verdict("lines"), (true, "the same; notes: 2 rows apart, and 2 may be (two)"));
    assert_eq!(ran.verdict("strict"), (false, "1 difference"));
    ran.says("rows of notes").says("3 rows").says("4 rows");
    assert_eq!(ran.verdict("unknown"), (false, "not compared"));
    ran.says("has nothing of table customer");
    assert_eq!(ran.verdict("exact"), (false, "2 differences"));
    ran.says("row id = 4 of notes").says("row id = 2 of notes").says("t: changed");
}

#[tokio::test]
async fn a_query_that_got_slower_fails_and_noise_doesnt() {
    let bench = Bench::with(
        "CREATE TABLE wait (s float); INSERT INTO wait VALUES (0); \
         CREATE FUNCTION slow() RETURNS void LANGUAGE sql AS 'SELECT pg_sleep(s) FROM wait'",
    )
    .await;
    bench.plan(
        &[
            snapshot("times", "timings", "queries = [\"SELECT slow()\", \"SELECT count(*) FROM wait\"]"),
            compare(
                "as-fast",
                "timings",
                "times",
                "expect = \"<= {baseline} + 20%\"\non_failure = \"continue\"",
            ),
            change("slower", "UPDATE wait SET s = 0.25", "UPDATE wait SET s = 0"),
            compare("fast", "timings", "times", "expect = \"< 10000\""),
            compare("not-slower", "timings", "times", "expect = \"<= {baseline} + 20%\""),
        ]
        .concat(),
    );
    let ran = bench.run().await;
    ran.exits(6).says("SELECT slow()").says("baseline");
    assert!(ran.verdict("fast").0, "{ran}");
    let (passed, got) = ran.verdict("not-slower");
    assert!(!passed && got.starts_with("SELECT slow() 2"), "{got}\n{ran}");
    bench.sql("UPDATE wait SET s = 0").await;
    bench.resume().await.exits(0);
}

#[tokio::test]
async fn what_cant_be_taken_or_written_says_why() {
    let bench = Bench::with(WORLD).await;
    bench.plan(&snapshot(
        "times",
        "timings",
        "queries = [\"SELECT 1 FROM notes\", \"SELECT nothing FROM notes\"]",
    ));
    let ran = bench.run().await;
    ran.exits(6)
        .failed_with("times", "query 2 of 2 can't be timed")
        .says("column \"nothing\" does not exist");
    bench.call(&["resume", "--end", "test"]).await;

    bench.plan(&snapshot("times", "timings", "queries = [\"DELETE FROM notes\"]"));
    bench.run().await.exits(2).says("may only read");

    bench.plan(&snapshot("content", "content", "tables = [\"nothing\"]"));
    bench.run().await.exits(6).failed_with("content", "there is no such table");
    bench.call(&["resume", "--end", "test"]).await;

    // A link that leads out, and a folder that is a file.
    std::fs::create_dir(bench.path("kept")).unwrap();
    std::os::unix::fs::symlink("/tmp", bench.path("kept/out")).unwrap();
    bench.plan_with("artifacts = \"kept\"", &snapshot("rows", "rows", "into = \"out/holdpoint-rows.csv\""));
    bench.run().await.exits(6).failed_with("rows", "leads out of the run's artifacts");
    bench.call(&["resume", "--end", "test"]).await;
    bench.file("kept/file", "x");
    bench.plan_with("artifacts = \"kept\"", &snapshot("rows", "rows", "into = \"file/rows.csv\""));
    bench.run().await.exits(6).failed_with("rows", "can't be made");
    bench.call(&["resume", "--end", "test"]).await;

    if nix::unistd::geteuid().is_root() {
        return;
    }
    std::fs::set_permissions(bench.path("kept"), std::fs::Permissions::from_mode(0o500)).unwrap();
    bench.plan_with("artifacts = \"kept\"", &snapshot("rows", "rows", "into = \"rows.csv\""));
    bench.run().await.exits(6).failed_with("rows", "can't be written: Permission denied");
    std::fs::set_permissions(bench.path("kept"), std::fs::Permissions::from_mode(0o700)).unwrap();
}

#[tokio::test]
async fn a_snapshot_that_somebody_touched_says_nothing_any_more() {
    let bench = Bench::with(WORLD).await;
    bench.plan(
        &[
            snapshot("before", "schema", ""),
            step("ask", "check = \"SELECT count(*) FROM notes\"\nexpect = 4"),
            compare("drift", "schema", "before", ""),
        ]
        .concat(),
    );
    let ran = bench.run().await;
    ran.exits(6);
    let kept = ran.last("snapshot_taken")["kept"]["path"].as_str().unwrap().to_owned();
    let mode = std::fs::metadata(&kept).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = std::fs::read_to_string(&kept).unwrap();
    std::fs::write(&kept, text.replace("orders", "orderz")).unwrap();
    bench.sql("INSERT INTO notes VALUES (4, 'x')").await;
    let ran = bench.resume().await;
    ran.exits(6).says("isn't as the run wrote it");
    assert_eq!(ran.verdict("drift"), (false, "not compared"));
    std::fs::write(&kept, text).unwrap();
    bench.resume().await.exits(0);
}

/// What was skipped isn't there to be compared with; and a procedure compares with what the plan took.
#[tokio::test]
async fn a_procedure_proves_that_the_schema_is_back() {
    let bench = Bench::with(WORLD).await;
    let procedure = "[[rollback]]\nid = \"emergency\"\ntitle = \"emergency\"\nundoes = [\"adds\"]\n\
         [[rollback.step]]\nid = \"drop\"\ntitle = \"drop\"\nsql = \"DROP TABLE more\"\n\
         [[rollback.step]]\nid = \"back\"\ntitle = \"back\"\ncompare = \"schema\"\nwith = \"before\"\n";
    let steps = [
        snapshot("before", "schema", ""),
        step("adds", "sql = \"CREATE TABLE more (id int)\""),
        step("fails", "sql = \"SELECT 1 / 0\"\non_failure = \"emergency\""),
    ];
    bench.plan(&format!("{}\n{procedure}", steps.concat()));
    let ran = bench.run().await;
    ran.exits(4);
    assert_eq!(ran.verdict("back"), (true, "the same"));

    // Without it somebody else's table is found.
    bench.plan(&format!(
        "{}\n{}",
        steps.concat(),
        procedure.replace("DROP TABLE more", "ALTER TABLE more RENAME TO less")
    ));
    let ran = bench.run().await;
    ran.exits(6).says("table public.less");
    assert!(!ran.verdict("back").0);
}

#[tokio::test]
async fn killed_in_the_middle_it_is_taken_again() {
    let bench =
        Bench::with(&format!("{WORLD}; CREATE TABLE wait (s float); INSERT INTO wait VALUES (60)")).await;
    bench.plan(
        &[
            snapshot("times", "timings", "queries = [\"SELECT pg_sleep(s) FROM wait\"]"),
            compare("fast", "timings", "times", "expect = \"< 10000\""),
        ]
        .concat(),
    );
    let running = bench.begin(&["run"]);
    let sleeps = format!(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = '{}' AND wait_event = 'PgSleep')",
        bench.db
    );
    bench.until("the query is timed", &sleeps).await;
    drop(running);
    bench.sql("UPDATE wait SET s = 0").await;
    let ran = bench.resume().await;
    ran.exits(0);
    assert_eq!(ran.all("snapshot_taken").len(), 1, "{ran}");
}

/// Somebody who has enough of a slow one is heard.
#[tokio::test]
async fn ctrl_c_ends_it_and_resume_takes_it() {
    let bench =
        Bench::with(&format!("{WORLD}; CREATE TABLE wait (s float); INSERT INTO wait VALUES (60)")).await;
    bench.plan(&snapshot("times", "timings", "queries = [\"SELECT pg_sleep(s) FROM wait\"]"));
    let mut running = bench.begin(&["run"]);
    let sleeps = format!(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = '{}' AND wait_event = 'PgSleep')",
        bench.db
    );
    bench.until("the query is timed", &sleeps).await;
    running.interrupt();
    running.end().await.exits(130);
    bench.sql("UPDATE wait SET s = 0").await;
    bench.resume().await.exits(0);
}

/// Where nothing can be written is known before anything has begun.
#[tokio::test]
async fn artifacts_that_cant_be_written_are_found_before_the_window() {
    let bench = Bench::new().await;
    bench.file("taken", "a file, where a folder should be");
    bench.plan_with("artifacts = \"taken/here\"", &snapshot("rows", "rows", ""));
    let ran = bench.run().await;
    ran.exits(3).says("files can't be written there").says("taken is no folder").says("nothing was begun");
    assert!(ran.events.is_empty(), "{ran}");
}

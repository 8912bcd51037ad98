//! `compare` of source and target: what differs is found and named, and what can't be seen differs.

use crate::two::Two;

/// How many rows the table has in which one byte is changed; HOLDPOINT_ROWS=2000000 for the figure of 2 million.
fn rows() -> u32 {
    std::env::var("HOLDPOINT_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(200_000)
}

#[tokio::test]
async fn one_changed_byte_is_found_and_its_key_is_named() {
    let rows = rows();
    let two = Two::with(&format!(
        "CREATE TABLE big (id int PRIMARY KEY, note text, amount numeric); \
         INSERT INTO big SELECT n, repeat('x', 40) || n, n / 7.0 FROM generate_series(1, {rows}) AS n"
    ))
    .await;
    let keys = "compare = \"content\"\ninto = \"content.csv\"";
    let ran = two.compare(keys).await;
    ran.exits(0);
    assert_eq!(ran.verdict("Same"), (true, format!("the same: 1 table with {rows} rows").as_str()));
    let id = rows / 3 * 2;
    two.target.sql(&format!("UPDATE big SET note = overlay(note PLACING 'y' FROM 7) WHERE id = {id}")).await;
    let ran = two.compare(keys).await;
    let got = Two::differs(&ran);
    assert_eq!(got, format!("1 table differs: big, id = {id}: note has other content"));
    let result = ran.last("checkpoint_result").clone();
    let differences = &result["verdict"]["differences"];
    assert_eq!(differences[0]["why"], "1 row found that differs", "{result:#}");
    assert_eq!(differences[1]["why"], "note has other content", "{result:#}");
    let wrote = ran.last("artifact_written")["path"].as_str().map(str::to_owned);
    let file = wrote.unwrap_or_else(|| ran.last("file_written")["path"].as_str().unwrap().to_owned());
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(&format!("id = {id} in note")) && text.starts_with("table,source_rows,"), "{text}");
    // The same number of rows: those who only count see nothing.
    two.compare("compare = \"rows\"").await.exits(0);
}

#[tokio::test]
async fn an_emptied_target_passes_no_gate() {
    let two = Two::with(
        "CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a SELECT generate_series(1, 1000); \
         CREATE TABLE b (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, t text); \
         INSERT INTO b (t) SELECT n::text FROM generate_series(1, 10) n; ANALYZE",
    )
    .await;
    for of in ["rows", "content", "sequences", "schema", "estimates"] {
        two.compare(&format!("compare = \"{of}\"")).await.exits(0);
    }
    two.target.sql("TRUNCATE a, b RESTART IDENTITY").await;
    for of in ["rows", "content", "sequences", "estimates"] {
        Two::differs(&two.compare(&format!("compare = \"{of}\"")).await);
    }
    // A tolerance is of one table, has a reason, and is a deviation.
    let some = "compare = \"rows\"\ntolerance = { a = { rows = 1000, reason = \"sessions come and go\" } }";
    let ran = two.compare(some).await;
    assert_eq!(Two::listed(&ran), ["rows of b"], "{ran}");
    two.target.sql("INSERT INTO b (t) SELECT n::text FROM generate_series(1, 10) n").await;
    let ran = two.compare(some).await;
    ran.exits(0).says("sessions come and go");
    let deviation = ran.last("deviation")["what"].as_str().unwrap().to_owned();
    assert!(
        deviation.contains("1000 rows apart") && deviation.contains("sessions come and go"),
        "{deviation}"
    );
    let less = some.replace("1000", "999");
    assert_eq!(Two::listed(&two.compare(&less).await), ["rows of a"]);
    let content = some.replace("\"rows\"\n", "\"content\"\n");
    two.target.sql("INSERT INTO a SELECT generate_series(1, 998)").await;
    two.compare(&content.replace("1000", "2")).await.exits(0).says("2 rows apart");
    assert_eq!(Two::listed(&two.compare(&content.replace("1000", "1")).await).len(), 3);
}

#[tokio::test]
async fn reset_statistics_turn_nothing_green() {
    let two = Two::with(
        "CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a SELECT generate_series(1, 1000); ANALYZE",
    )
    .await;
    let keys = "compare = \"estimates\"";
    two.compare(keys).await.exits(0).says("oldest statistics");
    two.target.sql("SELECT pg_stat_reset()").await;
    assert!(Two::differs(&two.compare(keys).await).contains("never counted"));
    two.source("SELECT pg_stat_reset()").await;
    // Nothing on both sides is the same nothing; it still says nothing.
    let ran = two.compare(keys).await;
    assert!(Two::differs(&ran).contains("source no statistics"), "{ran}");
    let verdict = ran.last("checkpoint_result")["verdict"].clone();
    let one = &verdict["differences"][0];
    assert!(one["expected"] != one["got"], "{verdict:#}");
    assert!(one["why"].as_str().unwrap().contains("statistics are missing"), "{verdict:#}");
    two.target.sql("TRUNCATE a").await;
    Two::differs(&two.compare(keys).await);
    two.both("ANALYZE").await;
    Two::differs(&two.compare(keys).await);
    // No proof rests on them.
    two.plan(
        "\n[[phase.step]]\nid = \"fast\"\ntitle = \"Fast\"\ncompare = \"estimates\"\n\n\
         [[phase.step]]\nid = \"go\"\ntitle = \"Go\"\nneeds = [\"fast\"]\ncheck = \"SELECT count(*) FROM a\"\nexpect = 0\n",
    );
    two.target.run().await.exits(2).says("compares estimates: they advise, and prove nothing");
}

#[tokio::test]
async fn what_is_on_one_side_only_or_unreadable_differs() {
    let two = Two::with("CREATE TABLE a (id int PRIMARY KEY, t text); CREATE TABLE c (id int)").await;
    two.source("CREATE TABLE only_here (n int); ALTER TABLE c ADD COLUMN more int; CREATE SEQUENCE s").await;
    for of in ["rows", "content"] {
        let ran = two.compare(&format!("compare = \"{of}\"")).await;
        Two::differs(&ran);
        assert!(Two::listed(&ran).contains(&"table only_here".to_owned()), "{ran}");
    }
    assert_eq!(Two::listed(&two.compare("compare = \"content\"").await), ["columns of c", "table only_here"]);
    Two::differs(&two.compare("compare = \"sequences\"").await);
    let ran = two.compare("compare = \"schema\"\ninto = \"schema.diff\"").await;
    Two::differs(&ran);
    assert!(Two::listed(&ran).iter().any(|one| one.contains("only_here")), "{ran}");
    let named = |name: &str| format!("compare = \"rows\"\ntables = [\"{name}\"]");
    assert_eq!(Two::listed(&two.compare(&named("nowhere")).await), ["nowhere"]);
    two.compare(&named("a")).await.exits(0);
    assert_eq!(Two::listed(&two.compare(&named("public.*")).await), ["table only_here"]);

    // One that may not be read, and one of which rows would be hidden.
    two.source("DROP TABLE only_here, c; DROP SEQUENCE s").await;
    two.target.sql("DROP TABLE c").await;
    two.compare("compare = \"content\"").await.exits(0);
    for sql in [
        "REVOKE ALL ON a FROM reader",
        "GRANT SELECT ON a TO reader; ALTER TABLE a ENABLE ROW LEVEL SECURITY; CREATE POLICY none ON a USING (false)",
    ] {
        let role = "DO $$ BEGIN CREATE ROLE reader; EXCEPTION WHEN duplicate_object THEN NULL; END $$;";
        two.both(&format!("{role} {sql}")).await;
        for of in ["rows", "content"] {
            let ran = two.compare(&format!("compare = \"{of}\"\nas = \"reader\"")).await;
            assert!(Two::differs(&ran).contains("can't be read"), "{ran}");
        }
    }
}

/// The same rows in another order, another layout, under other settings, in another encoding.
#[tokio::test]
async fn how_rows_lie_and_how_settings_write_them_is_no_difference() {
    let two = Two::new().await;
    let make = |columns: &str| {
        format!(
            "CREATE TYPE mood AS ENUM ('ok', 'bad'); CREATE DOMAIN word AS text; \
             CREATE TABLE kinds ({columns}, PRIMARY KEY (k, w)) ; \
             CREATE TABLE parts (id int, at date) PARTITION BY RANGE (at); \
             CREATE TABLE logs (line text); CREATE TABLE doc (id int PRIMARY KEY, j json, b jsonb)"
        )
    };
    let columns = [
        "k timestamptz",
        "w varchar(20)",
        "f float8",
        "r real",
        "i interval",
        "b bytea",
        "m mood",
        "d word",
        "a text[]",
        "n numeric",
        "mo money",
        "c char(5)",
        "ts tsvector",
        "u uuid",
    ];
    two.source(&make(&columns.join(", "))).await;
    let mut turned = columns;
    turned.reverse();
    two.target.sql(&make(&format!("gone int, {}", turned.join(", ")))).await;
    two.target.sql("ALTER TABLE kinds DROP COLUMN gone").await;
    two.source("CREATE TABLE parts_1 PARTITION OF parts DEFAULT").await;
    two.target
        .sql(
            "CREATE TABLE p1 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2026-02-01'); \
              CREATE TABLE p2 PARTITION OF parts DEFAULT",
        )
        .await;
    for (of, name, order) in [(&two.server, &two.source, "ASC"), (&two.target.server, &two.target.db, "DESC")]
    {
        let fill = format!(
            "INSERT INTO kinds (k, w, f, r, i, b, m, d, a, n, mo, c, ts, u) \
             SELECT '2026-01-01'::timestamptz + n * interval '1 hour', 'Ä ' || n, n / 3.0, n / 7.0, n * interval '1 min', \
               decode(md5(n::text), 'hex'), (ARRAY['ok', 'bad'])[1 + n % 2]::mood, 'w\"' || n, ARRAY['a', NULL, 'b,c'], \
               n / 9.0, n::numeric::money, 'x', to_tsvector('simple', 'some words ' || n), md5(n::text)::uuid \
             FROM generate_series(1, 3000) n ORDER BY n {order}; \
             INSERT INTO parts SELECT n, '2026-01-01'::date + n FROM generate_series(1, 100) n ORDER BY n {order}; \
             INSERT INTO logs SELECT 'same' FROM generate_series(1, 5000); \
             INSERT INTO logs SELECT n::text FROM generate_series(1, 5000) n ORDER BY n {order}; \
             INSERT INTO doc VALUES (1, '{{\"a\": 1, \"b\": 2}}', '{{\"a\": 1, \"b\": 2}}')"
        );
        of.sql(name, &fill).await;
    }
    let name = &two.target.db;
    for setting in [
        "extra_float_digits = -5",
        "datestyle = 'German'",
        "timezone = 'Asia/Tokyo'",
        "intervalstyle = 'sql_standard'",
        "bytea_output = 'escape'",
        "statement_timeout = '5min'",
    ] {
        two.target.server.sql("postgres", &format!("ALTER DATABASE {name} SET {setting}")).await;
    }
    two.compare("compare = \"content\"").await.exits(0).says("4 tables with 13101 rows");
    // A row twice more, in a table without a key; a key's order in json, which jsonb doesn't have.
    two.target
        .sql(
            "INSERT INTO logs VALUES ('same'), ('new'); \
              UPDATE doc SET j = '{\"b\": 2, \"a\": 1}', b = '{\"b\": 2, \"a\": 1}'",
        )
        .await;
    let ran = two.compare("compare = \"content\"").await;
    let got = Two::differs(&ran);
    assert!(got.starts_with("2 tables differ"), "{got}");
    let listed = Two::listed(&ran);
    assert_eq!(listed[..3], ["content of doc", "content of logs", "doc, id = 1"], "{listed:?}");
    let result = ran.last("checkpoint_result").clone();
    assert_eq!(result["verdict"]["differences"][2]["expected"], "its j");
    assert!(listed[3..].iter().all(|one| one.starts_with("logs, row with SHA-256")), "{listed:?}");
}

/// Thousands of rows of one table hide no other table: each is named first, then some rows of each.
#[tokio::test]
async fn an_emptied_table_drowns_no_other() {
    let names: Vec<String> = (1..=24).map(|n| format!("t{n:02}")).collect();
    let make = |name: &String| {
        format!("CREATE TABLE {name} (id int PRIMARY KEY, v int); INSERT INTO {name} VALUES (1, 1), (2, 2);")
    };
    let two = Two::with(&format!(
        "CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a SELECT generate_series(1, 3000); {}",
        names.iter().map(make).collect::<String>()
    ))
    .await;
    two.target.sql("TRUNCATE a; UPDATE t01 SET v = 7; UPDATE t02 SET v = 7 WHERE id = 1").await;
    let ran = two.compare("compare = \"content\"\ninto = \"content.csv\"").await;
    let got = Two::differs(&ran);
    assert!(got.starts_with("3 tables differ: content of a: source 3000 rows, target 0 rows"), "{got}");
    let listed = Two::listed(&ran);
    assert_eq!(listed[..3], ["content of a", "content of t01", "content of t02"], "{listed:?}");
    let of = |name: &str| listed.iter().filter(|one| one.starts_with(&format!("{name}, "))).count();
    assert_eq!((of("a"), of("t01"), of("t02")), (17, 2, 1), "{listed:?}");
    let verdict = ran.last("checkpoint_result")["verdict"].clone();
    let why = verdict["differences"][0]["why"].as_str().unwrap();
    let stopped = why.strip_prefix("emptied; ").unwrap_or_default();
    let at = stopped.strip_prefix("the search for rows stopped at ").unwrap_or_default();
    let at: u64 = at.parse().unwrap_or_default();
    // A part of the table is read whole, so it ends somewhat later than the bound.
    assert!((1000..2000).contains(&at), "{verdict:#}");
    assert_eq!(verdict["more"], at - 17, "{verdict:#}");
    let file = ran.last("artifact_written")["path"].as_str().unwrap().to_owned();
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(stopped), "{text}");

    // More tables than rows are listed: each is named all the same, with one row.
    two.target.sql(&names.iter().map(|name| format!("UPDATE {name} SET v = 9;")).collect::<String>()).await;
    let ran = two.compare("compare = \"content\"").await;
    assert!(Two::differs(&ran).starts_with("25 tables differ"), "{ran}");
    let listed = Two::listed(&ran);
    assert_eq!(listed.len(), 50, "{listed:?}");
    for (at, name) in names.iter().enumerate() {
        assert_eq!(listed[at + 1], format!("content of {name}"));
        assert!(listed[26 + at].starts_with(&format!("{name}, ")), "{listed:?}");
    }
}

/// Nothing compared is nothing the same.
#[tokio::test]
async fn estimates_of_nothing_are_no_estimates() {
    let two = Two::with(
        "CREATE TABLE parts (id int, at date) PARTITION BY RANGE (at); CREATE TABLE p1 PARTITION OF parts DEFAULT; \
         INSERT INTO parts SELECT n, '2026-01-01' FROM generate_series(1, 10) n; ANALYZE",
    )
    .await;
    for name in ["parts", "nowhere"] {
        let got =
            Two::differs(&two.compare(&format!("compare = \"estimates\"\ntables = [\"{name}\"]")).await);
        assert!(got.starts_with(&format!("1 difference: {name}")), "{got}");
    }
    two.both("DROP TABLE parts").await;
    Two::differs(&two.compare("compare = \"estimates\"").await);
}

/// A tolerance is of rows that were found: what has no key there isn't, and isn't tolerated with them.
#[tokio::test]
async fn a_tolerance_covers_only_what_was_found() {
    let two = Two::new().await;
    two.source("CREATE TABLE big (id int PRIMARY KEY, t text)").await;
    two.target.sql("CREATE TABLE big (id int, t text)").await;
    for sql in ["INSERT INTO big SELECT n, 'row ' || n FROM generate_series(1, 3000) n"] {
        two.both(sql).await;
    }
    let keys = "compare = \"content\"\ntolerance = { big = { rows = 3, reason = \"sessions come and go\" } }";
    two.target.sql("UPDATE big SET t = 'other' WHERE id = 7").await;
    two.compare(keys).await.exits(0).says("1 row apart");
    two.target.sql("INSERT INTO big SELECT NULL, 'nobody ' || n FROM generate_series(1, 5000) n").await;
    Two::differs(&two.compare(keys).await);
}

/// Ctrl-C ends the whole comparison, and not one table of it.
#[tokio::test]
async fn an_interrupt_ends_the_comparison() {
    let two =
        Two::with("CREATE TABLE first (id int PRIMARY KEY); CREATE TABLE second (id int PRIMARY KEY)").await;
    two.plan("\n[[phase.step]]\nid = \"same\"\ntitle = \"Same\"\ncompare = \"content\"\n");
    let mut holder = two.target.server.session(&two.target.db).await;
    holder.batch("BEGIN; LOCK TABLE first").await.unwrap();
    let mut running = two.target.begin(&["run"]);
    let waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'first'::regclass)";
    two.target.until("the comparison waits for a lock", waits).await;
    let asked =
        |log: String| log.lines().filter(|line| line.contains("SELECT") && line.contains("second")).count();
    let before = asked(two.server.log());
    running.interrupt();
    let ran = running.end().await;
    ran.exits(130);
    assert!(ran.all("checkpoint_result").is_empty(), "{ran}");
    assert_eq!(asked(two.server.log()), before, "the next table was read all the same");
    holder.batch("ROLLBACK").await.unwrap();
    two.target.resume().await.exits(0);
}

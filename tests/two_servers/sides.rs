//! `on`: each question is asked where it says, and a side that can't be asked is no answer.

use crate::common::proxy::{Proxy, Upstream};
use crate::two::{Two, address};

const ASKS: &str = r#"
[[phase.step]]
id = "asks"
title = "Asks"

  [[phase.step.checkpoint]]
  title = "target"
  sql = "SELECT who FROM me"
  expect = "target"

  [[phase.step.checkpoint]]
  id = "who"
  title = "source"
  on = "source"
  sql = "SELECT who FROM me"
  expect = "source"
  save = "seen"

  [[phase.step.checkpoint]]
  title = "again in the target"
  again = "who"
  on = "target"
  expect = "!= {seen}"

  [[phase.step.checkpoint]]
  title = "pooler"
  on = "pooler"
  sql = "SELECT who FROM me"
  expect = "target"

  [[phase.step.checkpoint]]
  title = "both"
  on = "both"
  sql = "SELECT n FROM shared ORDER BY n"

  [[phase.step.checkpoint]]
  title = "both, as expected"
  on = "both"
  sql = "SELECT count(*) FROM shared"
  expect = 3

  [[phase.step.checkpoint]]
  title = "it only reads there"
  on = "source"
  sql = "SELECT set_config('transaction_read_only', 'off', true)"
  expect = { error = "25001" }

  [[phase.step.checkpoint]]
  title = "whatever the source has set"
  on = "source"
  sql = "SELECT 1/3.0::float8 || ' ' || '2026-01-02 03:04:05+00'::timestamptz::text || ' ' || current_setting('lock_timeout')"
  expect = "0.3333333333333333 2026-01-02 03:04:05+00 5s"

[[phase.step]]
id = "program"
title = "Program"
on = "source"
command = ["psql", "-Atc", "SELECT who || ' ' || current_setting('application_name') FROM me"]
changes = false
save = "said"
expect = { contains = "source holdpoint command" }
"#;

async fn two() -> Two {
    let two =
        Two::with("CREATE TABLE me (who text); CREATE TABLE shared AS SELECT generate_series(1, 3) AS n")
            .await;
    two.target.sql("INSERT INTO me VALUES ('target')").await;
    two.source("INSERT INTO me VALUES ('source')").await;
    two
}

#[tokio::test]
async fn each_side_is_asked_where_it_says() {
    let two = two().await;
    let name = &two.source;
    two.server
        .sql(
            "postgres",
            &format!(
                "ALTER DATABASE {name} SET extra_float_digits = -10; ALTER DATABASE {name} SET datestyle = 'German'; \
                 ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '1ms'"
            ),
        )
        .await;
    two.plan(ASKS);
    let ran = two.target.run().await;
    ran.exits(0);
    assert_eq!(ran.verdict("both"), (true, "3 rows on both"));
    // The address is nowhere, and the journal says which database it was.
    let folder = address(&two.server, &two.source);
    assert!(!ran.out.contains(&folder), "{ran}");
    let opened = &ran.events[0];
    assert_eq!(opened["source"]["database"], two.source.as_str(), "{opened:#}");
    assert_eq!(opened["vars"]["source"], "•••");
    // The run has made nothing there.
    assert_eq!(two.of_source("SELECT to_regnamespace('holdpoint') IS NULL").await, "t");

    two.source("UPDATE shared SET n = 30 WHERE n = 3").await;
    let ran = two.target.run().await;
    ran.exits(6);
    assert_eq!(ran.verdict("both"), (false, "source 3 rows, target 3 rows"));
    let result =
        ran.all("checkpoint_result").into_iter().find(|event| event["title"] == "both").unwrap().clone();
    let cell = &result["verdict"]["differences"][0];
    assert_eq!((&cell["expected"], &cell["got"]), (&"30".into(), &"3".into()), "{result:#}");
}

const CHANGES: &str = "
[[phase.step]]
id = \"change\"
title = \"Change\"
sql = \"CREATE TABLE changed (n int)\"
rollback.sql = \"DROP TABLE changed\"
";

#[tokio::test]
async fn the_same_database_on_both_sides_is_found_before_anything_is_changed() {
    let two = two().await;
    two.plan(CHANGES);
    let same = address(&two.target.server, &two.target.db);
    let socket = two.target.server.embedded().dir().join(".s.PGSQL.5432");
    let proxy = Proxy::start(Upstream::Unix(socket)).await;
    let port = proxy.address.port();
    let around = format!("postgres://postgres@127.0.0.1:{port}/{}?sslmode=disable", two.target.db);
    for way in [same, around] {
        two.leads_to(&way);
        let ran = two.target.run().await;
        ran.exits(3).says("source and target are the same database");
        assert_eq!(ran.last("ended")["exit_code"], 3, "{ran}");
        assert!(ran.all("step_started").is_empty(), "{ran}");
        assert_eq!(two.target.value("SELECT to_regclass('changed') IS NULL").await, "t");
        assert_eq!(two.target.value("SELECT to_regnamespace('holdpoint') IS NULL").await, "t");
    }
    // Another database of the same server is another one; and the pooler has to lead to the target.
    let beside = two.target.server.fresh_database().await;
    two.leads_to(&address(&two.target.server, &beside));
    two.target.env("POOLER_URL", &address(&two.target.server, &beside));
    two.target.run().await.exits(3).says("the pooler leads to another database");
    two.target.env("POOLER_URL", &address(&two.target.server, &two.target.db));
    two.target.run().await.exits(0);
}

#[tokio::test]
async fn a_source_that_is_gone_is_no_answer_and_a_retry_asks_again() {
    let two = two().await;
    let last = "\n[[phase.step]]\nid = \"last\"\ntitle = \"Last\"\non = \"source\"\non_failure = \"stop\"\n\
                check = \"SELECT who FROM me\"\nexpect = \"source\"\n\n\
                [[phase.step]]\nid = \"same\"\ntitle = \"Same\"\non_failure = \"rollback\"\ncompare = \"rows\"\n\
                tables = [\"me\"]\n";
    let wait = "\n[[phase.step]]\nid = \"wait\"\ntitle = \"Wait\"\nconfirm = \"The source is gone\"\n";
    two.plan(&format!("{CHANGES}{wait}{last}"));
    two.target.run().await.exits(6);
    two.source_is_open(false).await;
    // Even where the plan says to stop or to go back: nothing wrong was seen.
    let ran = two.target.call(&["resume", "--confirm", "wait=Ann"]).await;
    ran.exits(7).says("the source can't be asked").says("is not currently accepting connections");
    two.source_is_open(true).await;
    two.plan(&format!("{CHANGES}{last}"));
    two.target.call(&["resume", "--end", "x"]).await.exits(1);
}

/// Where the plan passes over a source that has no answer, what is wrong on the target counts as ever.
#[tokio::test]
async fn an_answer_that_may_be_missing_excuses_no_wrong_one() {
    let two = two().await;
    let wait = "\n[[phase.step]]\nid = \"wait\"\ntitle = \"Wait\"\nconfirm = \"The source is gone\"\n";
    let last = "\n[[phase.step]]\nid = \"last\"\ntitle = \"Last\"\non_failure = \"rollback\"\n\n\
                [[phase.step.checkpoint]]\nid = \"may\"\ntitle = \"May\"\non = \"source\"\non_failure = \"continue\"\n\
                sql = \"SELECT who FROM me\"\nexpect = \"source\"\n\n\
                [[phase.step.checkpoint]]\nid = \"must\"\ntitle = \"Must\"\nsql = \"SELECT who FROM me\"\nexpect = \"nobody\"\n";
    two.plan(&format!("{CHANGES}{last}{wait}"));
    two.target.run().await.exits(4).says("Must");
    let goes = format!(
        "\n[[phase.step]]\nid = \"goes\"\ntitle = \"Goes\"\nchanges = false\ncommand = [\"psql\", \"-d\", \"{}\", \"-c\", \
         \"ALTER DATABASE {name} ALLOW_CONNECTIONS false\", \"-c\", \
         \"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'\"]\n",
        address(&two.server, "postgres"),
        name = two.source
    );
    two.plan(&format!("{CHANGES}{goes}{last}"));
    two.target.run().await.exits(4).says("no answer of the source").says("Must");
    two.source_is_open(true).await;
}

#[tokio::test]
async fn a_source_that_goes_in_the_middle_holds_the_run() {
    let two = two().await;
    let goes = format!(
        "\n[[phase.step]]\nid = \"goes\"\ntitle = \"Goes\"\nchanges = false\ncommand = [\"psql\", \"-d\", \"{}\", \"-c\", \
         \"ALTER DATABASE {name} ALLOW_CONNECTIONS false\", \"-c\", \
         \"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'\"]\n",
        address(&two.server, "postgres"),
        name = two.source
    );
    let last = "\n[[phase.step]]\nid = \"last\"\ntitle = \"Last\"\non = \"source\"\non_failure = \"stop\"\n\
                check = \"SELECT who FROM me\"\nexpect = \"source\"\n\n\
                [[phase.step]]\nid = \"same\"\ntitle = \"Same\"\non_failure = \"rollback\"\ncompare = \"rows\"\n\
                tables = [\"shared\"]\n";
    two.plan(&format!("{CHANGES}{goes}{last}"));
    let ran = two.target.run().await;
    // Even where the plan says to stop: nothing wrong was seen.
    ran.exits(6).says("no answer of the source");
    assert!(ran.all("ended").is_empty(), "{ran}");
    assert_eq!(two.target.value("SELECT to_regclass('changed') IS NOT NULL").await, "t");
    two.source_is_open(true).await;
    two.target.resume().await.exits(0);
}

/// A source is only asked. What a program does to it all the same isn't undone by anybody: a rehearsal finds it.
#[tokio::test]
async fn a_rehearsal_finds_what_was_changed_in_the_source() {
    let two = Two::new().await;
    two.target.file(
        "there.sql",
        "CREATE TABLE moved (id int PRIMARY KEY, t text); INSERT INTO moved VALUES (1, 'a');",
    );
    let steps = |sql: &str| {
        format!(
            "\n[[phase.step]]\nid = \"ask\"\ntitle = \"Ask\"\non = \"source\"\ncommand = [\"psql\", \"-qc\", \"{sql}\"]\n\
             changes = false\n\n[[phase.step]]\nid = \"make\"\ntitle = \"Make\"\nsql = \"CREATE TABLE n (n int)\"\n\
             rollback.sql = \"DROP TABLE n\"\n"
        )
    };
    let head = "fixture = { source = \"there.sql\" }\n[vars]\nsource = { env = \"SOURCE_URL\", secret = true }\n\
                [source]\nurl = \"{source}\"\n";
    let state = two.target.path("state").display().to_string();
    two.target.plan_with(head, &steps("SELECT t FROM moved"));
    let said = two.target.call(&["rehearse", "plan.toml", "--state-dir", &state]).await;
    said.exits(0).says_wrapped("an empty target, and there.sql in the source").says_wrapped("residue none");
    two.target.plan_with(head, &steps("UPDATE moved SET t = 'b'"));
    let said = two.target.call(&["rehearse", "plan.toml", "--state-dir", &state]).await;
    said.exits(1).says_wrapped("the source isn't as it was").says_wrapped("source: row id = 1 of moved");
}

/// The source is backed up as the target is; nothing brings the target to what the source was.
#[tokio::test]
async fn the_source_is_backed_up_and_never_restored_into_the_target() {
    let two = Two::with("CREATE TABLE moved (id int PRIMARY KEY, t text)").await;
    two.source("INSERT INTO moved SELECT n, 'row ' || n FROM generate_series(1, 500) n").await;
    let backup = "\n[[phase.step]]\nid = \"kept\"\ntitle = \"Kept\"\non = \"source\"\nbackup = \"source.dump\"\n\
                  verify = \"restore\"\non_failure = \"stop\"\n";
    two.plan(backup);
    let ran = two.target.run().await;
    ran.exits(0).says("a backup of the source: 1 table").says("500 rows are the same");
    let taken = ran.last("backup_taken").clone();
    assert_eq!(taken["of_source"], true, "{taken:#}");
    let file = std::path::PathBuf::from(taken["file"]["path"].as_str().unwrap());
    assert!(file.is_file());
    assert_eq!(two.of_source("SELECT to_regnamespace('holdpoint') IS NULL").await, "t");
    let state = two.target.path("state").display().to_string();
    let report = two.target.call(&["report", ran.run(), "--state-dir", &state]).await;
    report.exits(0).says_wrapped("backup of the source by pg_dump");

    let restore = "\n[[phase.step]]\nid = \"make\"\ntitle = \"Make\"\nsql = \"CREATE TABLE n (n int)\"\n\
                   rollback.restore = \"kept\"\n";
    two.plan(&format!("{backup}{restore}"));
    let ran = two.target.run().await;
    ran.exits(2).says("is a backup of the source; `restore` brings the target back");

    // One that can't be asked is no failed backup: the run holds, although the plan says to stop.
    let wait = "\n[[phase.step]]\nid = \"wait\"\ntitle = \"Wait\"\nconfirm = \"The source is gone\"\n";
    let goes = format!(
        "\n[[phase.step]]\nid = \"goes\"\ntitle = \"Goes\"\nchanges = false\ncommand = [\"psql\", \"-d\", \"{}\", \"-c\", \
         \"ALTER DATABASE {name} ALLOW_CONNECTIONS false\", \"-c\", \
         \"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'\"]\n",
        address(&two.server, "postgres"),
        name = two.source
    );
    two.plan(&format!("{wait}{goes}{backup}"));
    two.target.run().await.exits(6);
    let ran = two.target.call(&["resume", "--confirm", "wait=Ann"]).await;
    ran.exits(6).says("the source can't be asked").says("there is no backup");
    two.source_is_open(true).await;
    two.target.resume().await.exits(0);
}

#[tokio::test]
async fn a_null_isnt_the_text_null() {
    let two = Two::with("CREATE TABLE said (id int, what text)").await;
    two.source("INSERT INTO said VALUES (1, NULL)").await;
    two.target.sql("INSERT INTO said VALUES (1, 'NULL')").await;
    let asks = "\n[[phase.step]]\nid = \"same\"\ntitle = \"Same\"\non = \"both\"\ncheck = \"SELECT what FROM said\"\n";
    two.plan(asks);
    let ran = two.target.run().await;
    ran.exits(6);
    let result = ran.last("checkpoint_result").clone();
    let cell = &result["verdict"]["differences"][0];
    assert_eq!(
        (&cell["expected"], &cell["got"]),
        (&"NULL".into(), &"the text \"NULL\"".into()),
        "{result:#}"
    );
    two.target.call(&["resume", "--end", "seen"]).await.exits(1);
    two.target.sql("UPDATE said SET what = NULL").await;
    two.target.run().await.exits(0);
}

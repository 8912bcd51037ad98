//! `probe`: what a database does is seen, and nothing is left of it.

use crate::common::runs::Bench;

const WORLD: &str =
    "CREATE TABLE t (id int PRIMARY KEY, note text CHECK (note <> 'bad')); INSERT INTO t VALUES (1, 'one')";

fn probe(sql: &str, checkpoints: &str) -> String {
    format!("[[phase.step]]\nid = \"look\"\ntitle = \"look\"\nprobe = \"\"\"\n{sql}\"\"\"\n{checkpoints}")
}

fn checkpoint(title: &str, sql: &str, keys: &str) -> String {
    format!("[[phase.step.checkpoint]]\ntitle = \"{title}\"\nsql = \"{sql}\"\n{keys}\n")
}

async fn rows(bench: &Bench) -> String {
    bench.value("SELECT string_agg(id || note, ' ' ORDER BY id) FROM t").await
}

#[tokio::test]
async fn checkpoints_write_see_each_other_and_are_gone() {
    let bench = Bench::with(&format!(
        "{WORLD}; CREATE ROLE probe_reader; GRANT SELECT ON t TO probe_reader; \
         CREATE TABLE u (t int REFERENCES t DEFERRABLE INITIALLY DEFERRED)"
    ))
    .await;
    let steps = probe(
        "INSERT INTO t VALUES (2, 'two');\nSET LOCAL enable_seqscan = off;",
        &[
            checkpoint("deleted", "DELETE FROM t WHERE id = 1 RETURNING id", "expect = 1"),
            checkpoint("refused", "INSERT INTO t VALUES (3, 'bad')", "expect = { error = [\"23514\"] }"),
            checkpoint("orphan", "INSERT INTO u VALUES (9)", "expect = { error = [\"23503\"] }"),
            checkpoint(
                "reads only",
                "DELETE FROM t",
                "as = \"probe_reader\"\nexpect = { error = [\"42501\", \"permission denied\"] }",
            ),
            checkpoint("itself again", "SELECT current_user = session_user", "expect = true"),
            checkpoint("setting", "SHOW enable_seqscan", "expect = \"off\""),
            checkpoint(
                "seen",
                "SELECT string_agg(note, ',') AS notes FROM t",
                "expect = \"two\"\nsave = \"n\"",
            ),
        ]
        .concat(),
    );
    // A key for each change: this one is none, so nobody has to be there.
    bench.plan(&steps);
    let plan = std::fs::read_to_string(bench.path("plan.toml")).unwrap();
    bench.file("plan.toml", &plan.replace("\"auto\"", "\"manual\""));
    let ran = bench.run().await;
    ran.exits(0);
    assert_eq!(rows(&bench).await, "1one");
    assert_eq!(ran.all("checkpoint_result").len(), 8, "{ran}");
    assert!(ran.all("checkpoint_result").iter().all(|e| e["when"] == "probe"), "{ran}");
    assert_eq!(ran.last("saved")["values"]["n"]["text"], "two", "{ran}");
    assert_eq!(bench.value("SELECT to_regclass('holdpoint.ledger')").await, "", "it changes nothing");
}

#[tokio::test]
async fn one_that_fails_is_done_again_whole() {
    let bench = Bench::with(WORLD).await;
    let sees = checkpoint("three", "SELECT count(*) FROM t JOIN later USING (id)", "expect = 1");
    bench.plan(&probe("INSERT INTO t VALUES (3, 'three');\nSELECT * FROM later;", &sees));
    let ran = bench.run().await;
    ran.exits(6).failed_with("look", "\"later\" does not exist").says("nothing of the probe is left");
    assert_eq!(
        (&ran.problem("look")["place"]["file"], ran.problem("look")["place"]["line"].as_u64()),
        (&"plan.toml".into(), Some(15)),
        "{ran}"
    );
    bench.sql("CREATE TABLE later (id int)").await;
    let ran = bench.resume().await;
    ran.exits(6).says("looked at in a transaction that is rolled back");
    assert_eq!(ran.last("held")["reason"], "unverified", "{ran}");
    bench.sql("INSERT INTO later VALUES (3)").await;
    let ran = bench.resume().await;
    ran.exits(0);
    assert_eq!(ran.verdict("three"), (true, "1"));
    assert_eq!(rows(&bench).await, "1one");
}

#[tokio::test]
async fn one_that_commits_is_refused_or_caught() {
    let bench = Bench::with(WORLD).await;
    bench.plan(&probe("INSERT INTO t VALUES (2, 'two');\nCOMMIT;", ""));
    bench
        .run()
        .await
        .exits(2)
        .says("plan.toml:15:1")
        .says("a probe is one transaction that is always rolled back");
    bench.plan(&probe("SELECT 1", &checkpoint("c", "COMMIT", "")));
    bench.run().await.exits(2).says("this one begins with COMMIT");
    assert_eq!(rows(&bench).await, "1one");
    // What a query gives only the run knows.
    for hidden in ["COMMIT", "COMMIT AND CHAIN"] {
        bench.plan(&probe(
            &format!("INSERT INTO t VALUES (2, 'two');\nSELECT '{hidden}' \\\\gexec"),
            &checkpoint("c", "SELECT 1 FROM t", ""),
        ));
        let ran = bench.run().await;
        ran.exits(6);
        let problem = ran.problem("look").to_string();
        assert!(problem.contains("transaction"), "{problem}");
        assert_eq!(ran.all("checkpoint_result").len(), 0, "{ran}");
        bench.call(&["resume", "--end", "test"]).await;
        bench.sql("DELETE FROM t WHERE id = 2").await;
    }
}

#[tokio::test]
async fn killed_in_the_middle_it_is_done_again() {
    let bench =
        Bench::with(&format!("{WORLD}; CREATE TABLE wait (s float); INSERT INTO wait VALUES (60)")).await;
    bench.plan(&probe(
        "INSERT INTO t VALUES (2, 'two');\nSELECT pg_sleep(s) FROM wait;",
        &checkpoint("two", "SELECT count(*) FROM t", "expect = 2"),
    ));
    let running = bench.begin(&["run"]);
    let sleeps = format!(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = '{}' AND wait_event = 'PgSleep')",
        bench.db
    );
    bench.until("the probe sleeps", &sleeps).await;
    drop(running);
    bench.sql("UPDATE wait SET s = 0").await;
    bench.resume().await.exits(0);
    assert_eq!(rows(&bench).await, "1one");
}

/// As long as somebody holds the lock it isn't waited for without end, and it is tried again.
#[tokio::test]
async fn a_lock_that_isnt_to_be_had_is_tried_for_again() {
    let bench = Bench::with(WORLD).await;
    let mut steps =
        probe("INSERT INTO t VALUES (2, 'two');", &checkpoint("two", "SELECT count(*) FROM t", "expect = 2"));
    steps = steps
        .replace("title = \"look\"\n", "title = \"look\"\nlock_timeout = \"50ms\"\nlock_retries = 1000\n");
    bench.plan(&steps);
    let config = bench.server.config(&bench.db);
    let mut holder = holdpoint::pg::Session::connect(&config, "holder").await.unwrap();
    holder.batch("BEGIN; LOCK TABLE t").await.unwrap();
    let running = bench.begin(&["run"]);
    bench.until_said("tried again in").await;
    holder.batch("ROLLBACK").await.unwrap();
    running.end().await.exits(0).says("canceling statement due to lock timeout: tried again in");
    assert_eq!(rows(&bench).await, "1one");
}

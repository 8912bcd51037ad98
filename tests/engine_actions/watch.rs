//! `watch` and `soak`: conditions that are sampled while a phase runs.

use crate::common::runs::Bench;

fn step(id: &str, keys: &str) -> String {
    format!("\n[[phase.step]]\nid = \"{id}\"\ntitle = \"{id}\"\n{keys}\n")
}

/// Of the one phase; it stands before its steps.
fn watch(keys: &str) -> String {
    format!("[[phase.watch]]\nid = \"rows\"\ntitle = \"Rows of w\"\nevery = \"20ms\"\n{keys}\n")
}

const ROWS: &str = "sql = \"SELECT count(*) FROM w\"\nexpect = \"<= 3\"";

/// Waits in the middle of its phase until a file is there.
fn gate(id: &str) -> String {
    step(id, "command = \"echo waits; while test ! -e go; do sleep 0.02; done\"\nchanges = false")
}

async fn bench() -> Bench {
    Bench::with("CREATE TABLE w (n int); INSERT INTO w VALUES (1), (2)").await
}

async fn breached(bench: &Bench, steps: &str) -> crate::common::runs::Ran {
    bench.plan(steps);
    let mut running = bench.begin(&["run"]);
    bench.until_said("waits").await;
    bench.sql("INSERT INTO w VALUES (3), (4), (5)").await;
    running.until_event("a breach", |event| event["event"] == "watch_breached").await;
    bench.file("go", "");
    running.end().await
}

#[tokio::test]
async fn a_watch_that_holds_has_its_figures_at_the_end_and_proves_it() {
    let bench = bench().await;
    bench.plan(
        &(watch(ROWS)
            + &gate("wait")
            + &step(
                "more",
                "sql = \"INSERT INTO w VALUES (3)\"\nrollback = { sql = \"DELETE FROM w WHERE n = 3\" }",
            )
            + "\n[[phase]]\nid = \"next\"\ntitle = \"Next\"\n"
            + &step("sure", "confirm = [{ item = \"Rows stayed few\", proof = \"rows\" }]")),
    );
    let mut running = bench.begin(&["run"]);
    bench.until_said("waits").await;
    // Not when its session is there: once a sample has been taken, and its transaction is over.
    bench
        .until(
            "it is sampled",
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'holdpoint watch' \
             AND state = 'idle' AND query LIKE 'ROLLBACK%')",
        )
        .await;
    bench.file("go", "");
    running.until_event("its figures", |event| event["event"] == "watch_ended").await;
    let ran = running.end().await;
    ran.exits(0).says("watch Rows of w");
    let figures = ran.last("watch_ended");
    assert_eq!(
        (&figures["min"], &figures["max"], &figures["last"]),
        (&"2".into(), &"3".into(), &"3".into()),
        "{ran}"
    );
    assert!(figures["samples"].as_u64() >= Some(2) && figures["failed"] == 0);
    // Samples aren't events.
    assert_eq!(ran.all("watch_ended").len(), 1);
    assert_eq!(ran.last("confirmed")["proof"][0]["of"], "rows", "{ran}");
    bench
        .until(
            "its session is gone",
            "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'holdpoint watch')",
        )
        .await;
}

/// What is under way isn't cut off; the next step doesn't begin.
#[tokio::test]
async fn a_breach_holds_before_the_next_step() {
    let bench = bench().await;
    let steps = watch(&format!("{ROWS}\nelse = \"Call Ada\""))
        + &gate("wait")
        + &step("next", "sql = \"CREATE TABLE t ()\"");
    let ran = breached(&bench, &steps).await;
    ran.exits(6).says("watch \"Rows of w\" is breached: expected <= 3, got 5").says("Call Ada");
    assert_eq!(ran.last("held")["reason"], "breached");
    assert_eq!(ran.course("wait").last(), Some(&"step_verified"));
    assert_eq!(bench.value("SELECT to_regclass('t')").await, "");
    // Taking it up is the word to go on, and is in the evidence.
    let ran = bench.resume().await;
    ran.exits(0);
    assert_eq!(ran.all("watch_accepted").len(), 1, "{ran}");
    assert!(ran.last("deviation")["what"].as_str().unwrap().contains("took the run up again"), "{ran}");
}

#[tokio::test]
async fn the_plan_says_what_follows_a_breach() {
    for (policy, code, table) in [("stop", 1, "t"), ("rollback", 4, ""), ("continue", 0, "t")] {
        let bench = bench().await;
        let steps = watch(&format!("{ROWS}\non_failure = \"{policy}\""))
            + &step("made", "sql = \"CREATE TABLE t ()\"\nrollback = { sql = \"DROP TABLE t\" }")
            + &gate("wait")
            + &step("next", "check = \"SELECT 1\"\nexpect = 1");
        let ran = breached(&bench, &steps).await;
        ran.exits(code).says("is breached: expected <= 3, got 5");
        assert_eq!(bench.value("SELECT to_regclass('t')").await, table, "{policy}: {ran}");
        assert_eq!(ran.last("watch_ended")["breaches"], 1, "{policy}: {ran}");
        assert_eq!(ran.course("next").is_empty(), policy != "continue", "{policy}: {ran}");
    }
}

/// A condition that comes back in time is no breach.
#[tokio::test]
async fn a_breach_has_to_last() {
    let bench = bench().await;
    bench.plan(&(watch(&format!("{ROWS}\nfor = \"1h\"")) + &gate("wait")));
    let running = bench.begin(&["run"]);
    bench.until_said("waits").await;
    bench.sql("INSERT INTO w VALUES (3), (4), (5)").await;
    // The last sample, at the end of the phase, sees it at the latest.
    bench.file("go", "");
    let ran = running.end().await;
    ran.exits(0);
    let figures = ran.last("watch_ended");
    assert!(
        figures["failed"].as_u64() >= Some(1) && figures["breaches"] == 0 && figures["holds"] == false,
        "{ran}"
    );
}

/// What can't be asked doesn't hold, and a query that can never run is a breach at once.
#[tokio::test]
async fn a_query_that_breaks_is_a_breach() {
    let bench = bench().await;
    let steps = watch(&format!("{ROWS}\nfor = \"1h\"\non_failure = \"stop\""))
        + &gate("wait")
        + &step("next", "check = \"SELECT 1\"\nexpect = 1");
    bench.plan(&steps);
    let mut running = bench.begin(&["run"]);
    bench.until_said("waits").await;
    bench.sql("DROP TABLE w").await;
    let breach = running.until_event("a breach", |event| event["event"] == "watch_breached").await;
    assert!(breach["verdict"]["got"].as_str().unwrap().contains("relation \"w\" does not exist"), "{breach}");
    bench.file("go", "");
    running.end().await.exits(1).says("the plan says to stop");

    let bench = self::bench().await;
    bench.plan(&(watch("sql = \"SELECT count(*) FROM w WHERE n = :'none'\"\nexpect = 0") + &gate("wait")));
    bench.run().await.exits(2).says("none");
}

/// A breach ends a soak at once, and a soak without one waits to its end.
#[tokio::test]
async fn a_soak_is_watched() {
    let bench = bench().await;
    let plan = |soak: &str| {
        watch(&format!("{ROWS}\non_failure = \"rollback\""))
            + &step("made", "sql = \"CREATE TABLE t ()\"\nrollback = { sql = \"DROP TABLE t\" }")
            + &step("soak", &format!("soak = \"{soak}\""))
    };
    bench.plan(&plan("100ms"));
    let ran = bench.run().await;
    ran.exits(0).says("waits for 100ms while 1 watch is sampled");
    // What a step says stands below its heading.
    assert!(ran.out.find("▶ soak") < ran.out.find("waits for 100ms"), "{ran}");
    bench.call(&["rollback", ran.run(), "--reason", "test"]).await.exits(4);

    bench.plan_with("[vars]\nlong = \"1h\"\n", &plan("{long}"));
    let mut running = bench.begin(&["run"]);
    bench.until_said("waits for 1h").await;
    bench.sql("INSERT INTO w VALUES (3), (4), (5)").await;
    running.until_event("the way back", |event| event["event"] == "rollback_started").await;
    let ran = running.end().await;
    ran.exits(4);
    assert_eq!(bench.value("SELECT to_regclass('t')").await, "", "{ran}");
}

/// What can't be read any more is no good sign: the soak ends, and what the plan says follows.
#[tokio::test]
async fn a_soak_whose_watch_cant_be_read_ends() {
    let bench = bench().await;
    bench.plan(
        &(watch(&format!("{ROWS}\non_failure = \"rollback\""))
            + &step("made", "sql = \"CREATE TABLE t ()\"\nrollback = { sql = \"DROP TABLE t\" }")
            + &step("soak", "soak = \"1h\"")),
    );
    let mut running = bench.begin(&["run"]);
    bench.until_said("waits for 1h").await;
    bench.sql("DROP TABLE w").await;
    let breach = running.until_event("a breach", |event| event["event"] == "watch_breached").await;
    assert!(breach["verdict"]["got"].as_str().unwrap().contains("relation \"w\" does not exist"), "{breach}");
    // The table that went is no doing of the run: it is said to be missing.
    running.end().await.exits(1).says("table public.w: it is gone");
    assert_eq!(bench.value("SELECT to_regclass('t')").await, "");
}

/// A soak that isn't over by its own time is none: taken up again, it is watched again, with what is given then.
#[tokio::test]
async fn a_soak_that_is_tried_again_is_watched_again() {
    let bench = bench().await;
    let steps = watch(ROWS) + &step("soak", "soak = \"{long}\"");
    bench.plan_with("[vars]\nlong = { default = \"1h\", demo = \"3 seconds\" }\n", &steps);
    // Found before anything has begun.
    bench
        .call(&["check", "plan.toml"])
        .await
        .exits(2)
        .says("`{long}` is how long a `soak` waits, and this is no duration");
    bench.plan_with("[vars]\nlong = \"1h\"\n", &steps);
    let ran = bench.call(&["run", "--var", "long=soon"]).await;
    ran.exits(2).says("\"soon\" is no duration");

    let mut running = bench.begin(&["run"]);
    bench.until_said("waits for 1h").await;
    bench.sql("INSERT INTO w VALUES (3), (4), (5)").await;
    running.until_event("the breach", |event| event["event"] == "watch_breached").await;
    running.end().await.exits(6);
    // Somebody goes on, with less: all of that is soaked, under a watch, and what was given is kept.
    bench.sql("DELETE FROM w WHERE n > 3").await;
    let ran = bench.call(&["resume", "--var", "long=300ms"]).await;
    ran.exits(0).says("waits for 300ms").says("variable long is \"300ms\" from here on");
    assert!(ran.last("step_verified")["elapsed_ms"].as_u64() >= Some(300), "{ran}");
    assert!(ran.last("watch_ended")["samples"].as_u64() >= Some(3), "{ran}");
    let told = bench.call(&["report", ran.run(), "--state-dir", "state"]).await;
    told.says("`long` = `1h` from").says("then `300ms` from").says("it was \"1h\"");

    // So is any step that an earlier process left as failed.
    let fails_once = "command = \"test -e once || { touch once; exit 1; }; echo waits; while test ! -e go; do sleep 0.02; done\"\nchanges = false";
    bench.plan(&(watch(ROWS) + &step("again", fails_once)));
    bench.run().await.exits(6);
    let running = bench.begin(&["resume"]);
    bench.until_said("| waits").await;
    bench
        .until(
            "it is watched",
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'holdpoint watch')",
        )
        .await;
    bench.file("go", "");
    running.end().await.exits(0);
}

/// `again`: what a checkpoint asked before is watched with another expectation.
#[tokio::test]
async fn a_watch_asks_again_what_was_saved_before() {
    let bench = bench().await;
    let before = "[[phase]]\nid = \"before\"\ntitle = \"Before\"\n".to_owned()
        + &step("rows-before", "check = \"SELECT count(*) FROM w\"\nsave = \"was\"")
        + "\n[[phase]]\nid = \"after\"\ntitle = \"Work too\"\n"
        + &watch("again = \"rows-before\"\nexpect = \"<= {was} + 1\"\non_failure = \"stop\"")
        + &gate("wait");
    let first = step("first", "check = \"SELECT 1\"\nexpect = 1") + "\n" + &before;
    let ran = breached(&bench, &first).await;
    ran.exits(1).says("is breached: expected <= ").says("got 5");
}

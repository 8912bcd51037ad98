//! Steps that run no SQL, looked at while they run and afterwards: each says what it does and what came of it.

use super::cockpit;
use crate::common::runs::Bench;

const PLAN: &str = r#"
[plan]
id = "p"
title = "Every action"
environment = "dev"
stepping = "auto"
artifacts = "kept"

[vars]
hold = "10min"

[[phase]]
title = "Before"

[[phase.step]]
id = "told"
title = "Tell them"
notify = "It starts: stay away from {target_database}"
to = ["DBA"]

[[phase.step]]
id = "snap"
title = "Keep the schema"
snapshot = "schema"

[[phase.step]]
id = "backup"
title = "Back it up"
backup = "{artifacts}/all.dump"

[[phase.step]]
id = "count"
title = "Count by a program"
command = '''
echo 'part 1 of 2'
until [ -e go ]; do sleep 0.05; done
printf 'part 2 of 2 \033]52;c;aGFja2Vk\007\033[2J\000\n'
'''
timeout = "5min"
rollback = { command = "true" }

[[phase]]
title = "Watched"

  [[phase.watch]]
  id = "rows"
  title = "Rows of t, which nobody but this run writes to"
  every = "50ms"
  sql = "SELECT count(*) FROM t"
  expect = "<= 2"

[[phase.step]]
id = "soak"
title = "Wait and watch"
soak = "{hold}"

[[phase]]
title = "After"

[[phase.step]]
id = "same"
title = "The schema is the same"
compare = "schema"
with = "snap"

[[phase.step]]
id = "log"
title = "Write the evidence"
report = "{artifacts}/LOG.md"
"#;

#[tokio::test]
async fn each_says_what_it_does_and_what_came_of_it() {
    let bench = Bench::with("CREATE TABLE t (n int); INSERT INTO t VALUES (1), (2)").await;
    bench.file("plan.toml", PLAN);
    let mut pty = cockpit(&bench, &["run", "plan.toml"], 80, 24);
    // A program: all of its text, how long it may take, and what it says, while it runs. What it does may have
    // happened from its beginning on; it runs all the same.
    let screen = pty.until_says("| part 1 of 2");
    for words in ["$ echo 'part 1 of 2'", "until [ -e go ]; do sleep 0.05; done", "at most 5min", "▶ running"]
    {
        assert!(screen.contains(words), "{words}\n{screen}");
    }
    assert!(!screen.contains("committing") && !screen.contains("| part 2"), "{screen}");
    bench.file("go", "");
    // A soak: how much of it is left, and each sample.
    let screen = pty.until("the wait and its watch", |text| {
        text.contains("waits 10min") && text.contains("left") && text.contains("got 2")
    });
    assert!(screen.contains("✓ Rows of t") && screen.contains("expected <= 2"), "{screen}");
    bench.sql("INSERT INTO t VALUES (3)").await;
    let screen = pty.until_says("WATCH BREACHED");
    assert!(screen.contains("2 Checkpoints ✗") && screen.contains("got 3"), "{screen}");
    bench.sql("DELETE FROM t WHERE n = 3").await;
    // What is held by a watch is about no step: none is left out by that.
    pty.keys("s");
    pty.until_says("skip: a watch is breached: go on");
    pty.keys("\r");
    pty.until("the wait goes on", |text| text.contains("RUNNING") && text.contains("left"));
    // It is ended by hand: nobody waits for ten minutes.
    pty.press_until("x", |text| text.contains("▸ Let it run"));
    pty.keys("\t\r");
    pty.until_says("✗ FAILED");
    pty.keys("s");
    pty.until_says("Leave out: Wait and watch");
    pty.keys("seen enough\r\r");
    pty.until_says("✓ DONE");
    // What came of each, read whole at 80×24.
    pty.keys("1g");
    let looks: [(&str, &[&str]); 4] = [
        ("a message to DBA", &["It starts: stay away from "]),
        ("a snapshot of schema", &["wrote", "snap.sql"]),
        ("a backup into", &["sha256", "all.dump", "its list has all 1 tables"]),
        // What it said last is in view.
        ("exit code 0", &["| part 2 of 2", "$ echo 'part 1 of 2'"]),
    ];
    for (what, words) in looks {
        pty.keys("j");
        let screen = pty.until_says(what);
        for words in words {
            assert!(screen.contains(words), "{words}\n{screen}");
        }
        assert!(
            !screen.lines().skip(11).take(10).any(|line| line.contains('…')),
            "nothing of it is cut\n{screen}"
        );
    }
    pty.keys("G");
    let screen = pty.until_says("the evidence so far");
    assert!(screen.contains("LOG.md"), "{screen}");
    // What a program sends reaches no terminal as anything but letters.
    assert_eq!(pty.strangers(), [""; 0]);
    pty.keys("Q");
    pty.end();
}

/// A way back that the plan names is reached by a key, with all that it would run before the eyes.
#[tokio::test]
async fn a_named_way_back_is_asked_about_and_taken() {
    let bench = Bench::new().await;
    let table = |name: &str| {
        format!(
            "[[phase.step]]\nid = \"{name}\"\ntitle = \"{name}\"\nsql = \"CREATE TABLE {name} (n int)\"\n"
        )
    };
    let way = |id: &str, title: &str, sql: &str| {
        format!(
            "[[rollback]]\nid = \"{id}\"\ntitle = \"{title}\"\nwhen = \"the shop is down\"\nundoes = [\"colours\", \"shades\"]\n\
             [[rollback.step]]\nid = \"{id}-sql\"\ntitle = \"Drop them\"\nsql = \"{sql}\"\n"
        )
    };
    let gentle = way("gentle", "One after the other", "DROP TABLE shades; DROP TABLE colours");
    let hard = way("hard", "Both at once", "DROP TABLE shades, colours");
    let sign = "[[phase.step]]\nid = \"accept\"\ntitle = \"Accepted\"\nsignoff = \"Owner\"\n";
    bench.plan(&[table("colours"), table("shades"), sign.to_owned(), gentle, hard].concat());
    let mut pty = cockpit(&bench, &["run", "plan.toml"], 120, 36);
    pty.until_says("c signs as Owner");
    pty.keys("P");
    let screen = pty.until_says("Roll back by: One after the other");
    assert!(screen.contains("when: the shop is down") && screen.contains("▸ Cancel"), "{screen}");
    pty.until_says("DROP TABLE colours");
    pty.keys("P");
    pty.until("the other way, with what it runs", |text| {
        text.contains("Roll back by: Both at once") && text.contains("DROP TABLE shades, colours")
    });
    pty.keys("\u{1b}[Zthe shop is down\r\r");
    pty.until_says("ROLLED BACK");
    assert_eq!(bench.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").await, "0");
    pty.keys("Q");
    assert_eq!(pty.end(), 4, "{}", pty.text());
}

//! `undo`: a procedure takes steps back by their own rollbacks.

use crate::common::runs::{Bench, Ran};

/// Three tables in two phases, the second resting on the first, and a procedure that undoes what is named.
const STEPS: &str = r#"
[[phase.step]]
id = "a"
title = "a"
sql = "CREATE TABLE a ()"
rollback = { sql = "DROP TABLE a" }

[[phase]]
id = "two"
title = "Two"

[[phase.step]]
id = "b"
title = "b"
sql = "CREATE TABLE b ()"
rollback = { sql = "DROP TABLE b" }

[[phase.step]]
id = "c"
title = "c"
needs = ["b"]
sql = "CREATE TABLE c ()"
rollback = { sql = "DROP TABLE c" }

[[phase.step]]
id = "wait"
title = "wait"
confirm = "it is well"

[[rollback]]
id = "partial"
title = "A part"

[[rollback.step]]
id = "notice"
title = "notice"
notify = "{component} goes back"

[[rollback.step]]
id = "part"
title = "the part"
undo = ["{component}"]

[[rollback.step]]
id = "gone"
title = "gone"
check = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
expect = ">= 0"

[[rollback]]
id = "other"
title = "Without a variable"

[[rollback.step]]
id = "both"
title = "both"
undo = ["c", "b"]
"#;

const TABLES: &str =
    "SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_tables WHERE schemaname = 'public'";

async fn bench() -> Bench {
    let bench = Bench::new().await;
    bench.plan_with("[vars]\ncomponent = { ask = \"Which part?\" }\n", STEPS);
    bench.run().await.exits(6);
    bench
}

async fn undo(bench: &Bench, component: &str) -> Ran {
    let value = format!("component={component}");
    bench.call(&["rollback", "--procedure", "partial", "--reason", "test", "--var", &value]).await
}

#[tokio::test]
async fn a_step_or_a_phase_is_taken_back_and_the_rest_stays() {
    let bench = bench().await;
    let ran = undo(&bench, "c").await;
    ran.exits(6).says("c goes back").says("DROP TABLE c");
    assert_eq!(bench.value(TABLES).await, "a b", "{ran}");
    assert_eq!(ran.course("c").last(), Some(&"step_undone"), "{ran}");
    assert_eq!(ran.course("part").last(), Some(&"step_verified"), "{ran}");
    assert!(ran.last("rollback_ended")["residue"].as_array().is_none_or(Vec::is_empty), "{ran}");
    // Forward again, and the phase.
    bench.resume().await.exits(6);
    assert_eq!(bench.value(TABLES).await, "a b c");
    let ran = undo(&bench, "two").await;
    ran.exits(6);
    assert_eq!(bench.value(TABLES).await, "a");
    let undone: Vec<&str> =
        ran.all("step_undone").iter().filter_map(|event| event["step"].as_str()).collect();
    assert_eq!(undone[undone.len() - 2..], ["c", "b"], "last first: {ran}");
}

#[tokio::test]
async fn what_something_later_needs_isnt_taken_back() {
    let bench = bench().await;
    for (component, why) in [
        ("b", "\"c\", which was applied later, needs \"b\""),
        ("none", "the plan has no phase or step of that name; applied are c, b, a"),
        ("wait", "nothing of it is applied"),
    ] {
        let ran = undo(&bench, component).await;
        ran.exits(3).says(why).says("Nothing was done");
    }
    let ran = bench.call(&["rollback", "--procedure", "partial", "--reason", "test"]).await;
    ran.exits(3).says("--var component=… (Which part?)");
    assert_eq!(bench.value(TABLES).await, "a b c");
    // A procedure that doesn't use the variable doesn't ask for it.
    bench.call(&["rollback", "--procedure", "other", "--reason", "test"]).await.exits(6);
    assert_eq!(bench.value(TABLES).await, "a");
}

/// What fails is tried again, and a kill in the middle undoes nothing twice.
#[tokio::test]
async fn killed_in_the_middle_it_goes_on_with_the_same() {
    let bench = bench().await;
    let args = ["rollback", "--procedure", "partial", "--reason", "test", "--var", "component=two"];
    let mut command = bench.command(&args);
    let died = command.env("HOLDPOINT_CRASH_AT", "after-commit").output().unwrap();
    assert_eq!(died.status.code(), None, "{died:?}");
    bench.sql("CREATE VIEW on_b AS SELECT FROM b").await;
    let ran = bench.resume().await;
    ran.exits(6).says("undoing \"b\" failed");
    assert_eq!(bench.value(TABLES).await, "a b");
    bench.sql("DROP VIEW on_b").await;
    bench.resume().await.exits(6);
    assert_eq!(bench.value(TABLES).await, "a");
    let undone = bench.ledger().await.into_iter().filter(|row| row.contains(" back ")).count();
    assert_eq!(undone, 2);
}

#[tokio::test]
async fn what_has_no_rollback_of_its_own_is_found_before() {
    let bench = Bench::new().await;
    let plan = |undo: &str| {
        format!(
            "[[phase.step]]\nid = \"a\"\ntitle = \"a\"\nsql = \"SELECT 1\"\n\n\
             [[rollback]]\nid = \"r\"\ntitle = \"r\"\n\n[[rollback.step]]\nid = \"u\"\ntitle = \"u\"\nundo = {undo}\n"
        )
    };
    bench.plan(&plan("[\"a\"]"));
    bench.call(&["check", "plan.toml"]).await.exits(2).says("which has no rollback of its own");
    bench.plan("[[phase.step]]\nid = \"a\"\ntitle = \"a\"\nundo = [\"a\"]\n");
    bench.call(&["check", "plan.toml"]).await.exits(2).says("is a step of a [[rollback]]");
}

/// `x` in the first phase, `i` (for good) and `c` in the second; a procedure undoes `x` and takes the second phase back.
fn mixed(more_of_c: &str) -> String {
    format!(
        r#"
[[phase.step]]
id = "x"
title = "x"
sql = "CREATE TABLE x ()"

[[phase]]
id = "two"
title = "Two"

[[phase.step]]
id = "i"
title = "i"
irreversible = "it is sent"
sql = "CREATE TABLE i ()"

[[phase.step]]
id = "c"
title = "c"
{more_of_c}
rollback = {{ sql = "DROP TABLE c" }}

[[rollback]]
id = "p"
title = "P"
undoes = ["x"]

[[rollback.step]]
id = "back"
title = "back"
undo = ["two"]

[[rollback.step]]
id = "drop"
title = "drop"
sql = "DROP TABLE x"
"#
    )
}

/// A whole rollback brings the procedure in; what can't be taken back stays, is said to, and it comes to its end.
#[tokio::test]
async fn what_cant_be_taken_back_stays_when_its_phase_is() {
    let bench = Bench::new().await;
    bench.plan(&mixed("sql = \"CREATE TABLE c ()\""));
    bench.call(&["run", "--irreversible", "i=sent"]).await.exits(0);
    let id = bench.call(&["status", "--state-dir", "state"]).await;
    let id = id.out.split_whitespace().find(|word| word.len() == 36).unwrap().to_owned();
    bench.call(&["rollback", &id, "--list"]).await.exits(0).says("stays: i: irreversible: it is sent");
    let ran = bench.call(&["rollback", &id]).await;
    ran.exits(1).says("stays: i: irreversible: it is sent");
    assert_eq!(bench.value(TABLES).await, "i");
    assert_eq!(ran.last("ended")["outcome"]["outcome"], "rolled_back", "{ran}");
}

/// What the procedure names and was never applied has nothing to be taken back, and stands in nobody's way.
#[tokio::test]
async fn what_was_never_applied_doesnt_stop_a_whole_rollback() {
    let bench = Bench::new().await;
    let i = "[[phase.step]]\nid = \"i\"\ntitle = \"i\"\nirreversible = \"it is sent\"\nsql = \"CREATE TABLE i ()\"\n";
    let plan = mixed("sql = \"SELECT 1/0\"\non_failure = \"rollback\"");
    assert!(plan.contains(i), "{plan}");
    bench.plan(&plan.replace(i, ""));
    bench.run().await.exits(4);
    assert_eq!(bench.value("SELECT to_regclass('x') IS NULL").await, "t");
    // The ledger knows it, also where this run's journal isn't.
    std::fs::rename(bench.path("state"), bench.path("elsewhere")).unwrap();
    bench.run().await.exits(4);
}

#[tokio::test]
async fn a_list_of_which_something_is_applied_is_enough() {
    let bench = bench().await;
    undo(&bench, "c").await.exits(6);
    bench.call(&["rollback", "--procedure", "other"]).await.exits(6).says("undone: b");
    assert_eq!(bench.value(TABLES).await, "a");
    let ran = bench.call(&["rollback", "--procedure", "other"]).await;
    ran.exits(3).says("is to undo \"c\", \"b\", and nothing of it is applied");
}

/// A plan's word that can't be carried out holds the run, with the reason.
#[tokio::test]
async fn a_procedure_of_which_nothing_is_applied_holds_the_run() {
    let bench = Bench::new().await;
    let fails = "[[phase.step]]\nid = \"f\"\ntitle = \"f\"\nsql = \"SELECT 1/0\"\non_failure = \"other\"\n";
    let at = STEPS.find("[[phase]]\nid = \"two\"").unwrap();
    let plan = format!("{}{fails}\n{}", &STEPS[..at], &STEPS[at..]);
    bench.plan_with("[vars]\ncomponent = { ask = \"Which part?\" }\n", &plan);
    let ran = bench.run().await;
    ran.exits(6).says("the plan says other, which can't be carried out").says("nothing of it is applied");
    assert_eq!(ran.last("held")["reason"], "failed", "{ran}");
}

//! `notify`: messages are shown, recorded and handed to a program, which never fails the run.

use crate::common::runs::Bench;

fn step(id: &str, keys: &str) -> String {
    format!("\n[[phase.step]]\nid = \"{id}\"\ntitle = \"{id}\"\n{keys}\n")
}

const MESSAGE: &str = "notify = \"{target_database}: {notice}\"\nto = [\"Ada\", \"Team Lead\"]";
const VARS: &str = "\n[vars]\nnotice = \"starts, says {who}\"\nwho = \"Bob\"\n";

#[tokio::test]
async fn a_message_is_handed_to_the_program_of_the_plan() {
    let bench = Bench::new().await;
    let head = format!("notify = \"cat >> told; echo \\\"$HOLDPOINT_TO/$HOLDPOINT_STEP\\\" >> told\"{VARS}");
    bench.plan_with(&head, &step("tell", MESSAGE));
    let ran = bench.run().await;
    let text = format!("{}: starts, says Bob", bench.db);
    ran.exits(0).says("message to Ada, Team Lead").says(&text);
    let told = std::fs::read_to_string(bench.path("told")).unwrap();
    assert_eq!(told, format!("{text}\nAda\nTeam Lead/tell\n"));
    let event = ran.last("notified");
    assert_eq!((&event["text"], &event["handed"]["how"]), (&text.clone().into(), &"over".into()), "{ran}");

    let demo = bench.call(&["demo", "plan.toml", "--plain"]).await;
    demo.exits(0).says("shown only, in a demo or rehearsal");
    assert_eq!(std::fs::read_to_string(bench.path("told")).unwrap(), told);
}

#[tokio::test]
async fn without_a_program_of_the_plan_the_environments_is_taken() {
    let bench = Bench::new().await;
    bench.plan_with(VARS, &step("tell", MESSAGE));
    bench.run().await.exits(0).says("shown here, the plan names no program for it");
    bench.env("HOLDPOINT_NOTIFY", "/bin/cat");
    let ran = bench.run().await;
    ran.exits(0);
    assert_eq!(ran.last("notified")["handed"]["program"], "/bin/cat", "{ran}");
}

#[tokio::test]
async fn a_program_that_fails_never_fails_the_run() {
    let bench = Bench::new().await;
    for (program, words) in [
        ("[\"no-such-program\"]", "there is no program `no-such-program`"),
        ("\"echo no pager >&2; exit 4\"", "it ended with exit code 4: no pager"),
    ] {
        let steps = step("tell", MESSAGE) + &step("go", "check = \"SELECT 1\"\nexpect = 1");
        bench.plan_with(&format!("notify = {program}{VARS}"), &steps);
        let ran = bench.run().await;
        ran.exits(0).says(words);
        assert_eq!(ran.last("notified")["handed"]["how"], "failed", "{ran}");
        assert_eq!(ran.all("deviation").len(), 1);
        assert_eq!(ran.course("go").last(), Some(&"step_verified"));
    }
}

/// Told again while its phase runs, and not after it.
#[tokio::test]
async fn a_message_is_told_again_while_its_phase_runs() {
    let bench = Bench::new().await;
    bench.plan_with(
        &format!("notify = \"cat >> told\"{VARS}"),
        &(step("tell", &format!("{MESSAGE}\nremind = \"1s\""))
            + &step(
                "wait",
                "command = \"while test $(wc -l < told) -lt 3; do sleep 0.02; done\"\nchanges = false",
            )
            + "\n[[phase]]\ntitle = \"Later\"\n"
            + &step("late", "check = \"SELECT 1\"\nexpect = 1")),
    );
    let ran = bench.run().await;
    ran.exits(0).says("reminder 1 to Ada");
    let numbers: Vec<u64> =
        ran.all("notified").iter().filter_map(|event| event["reminder"].as_u64()).collect();
    assert!(numbers.starts_with(&[0, 1, 2]), "{ran}");
}

/// As the way back of a step, and in a procedure.
#[tokio::test]
async fn a_way_back_tells_too() {
    let bench = Bench::new().await;
    let steps = step("a", "sql = \"CREATE TABLE t ()\"")
        + "\n[[rollback]]\nid = \"emergency\"\ntitle = \"Emergency\"\nundoes = [\"a\"]\n\
           \n[[rollback.step]]\nid = \"tell\"\ntitle = \"Tell\"\nnotify = \"going back: {failed_step}, {failure}\"\n\
           \n[[rollback.step]]\nid = \"drop\"\ntitle = \"Drop\"\nsql = \"DROP TABLE t\"\n";
    bench.plan_with("notify = \"cat >> told\"", &steps);
    let ran = bench.run().await;
    ran.exits(0);
    let back =
        bench.call(&["rollback", ran.run(), "--procedure", "emergency", "--reason", "the app is slow"]).await;
    // No step failed: what somebody wrote is why.
    back.exits(4).says("going back: none, the app is slow");
    assert!(std::fs::read_to_string(bench.path("told")).unwrap().starts_with("going back"), "{back}");
}

//! `into`: answers and outputs as files of the run.

use crate::common::runs::{Bench, Ran};

fn step(id: &str, keys: &str) -> String {
    format!("\n[[phase.step]]\nid = \"{id}\"\ntitle = \"{id}\"\n{keys}\n")
}

fn artifact(ran: &Ran, file: &str) -> String {
    let all = ran.all("artifact_written");
    let found = all.iter().find(|event| event["file"] == file);
    let path =
        found.unwrap_or_else(|| panic!("no artifact {file}\n{ran}"))["path"].as_str().unwrap().to_owned();
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn answers_are_kept_as_files() {
    let bench =
        Bench::with("CREATE TABLE t (n int, v text); INSERT INTO t VALUES (1, 'a, b'), (2, NULL)").await;
    bench.plan_with(
        "artifacts = \"kept/{target_database}\"",
        &(step("all", "check = \"SELECT * FROM t ORDER BY n\"\nexpect = { rows = 2 }\ninto = \"before/all.csv\"")
            + &step(
                "made",
                "sql = \"INSERT INTO t VALUES (3, 'c')\"\nrollback = { sql = \"DELETE FROM t WHERE n = 3\" }\n\
                 [[phase.step.checkpoint]]\ntitle = \"inside\"\nsql = \"SELECT * FROM t WHERE n > 1 ORDER BY n\"\nexpect = { rows = 2 }\ninto = \"inside.json\"",
            )
            + &step("said", "command = \"printf 'one\\\\ntwo'; echo aside >&2\"\nchanges = false\ninto = \"said.txt\"")
            + &step("counted", "check = \"SELECT count(*) AS n FROM t\"\nexpect = 3\ninto = \"counted.txt\"")),
    );
    let ran = bench.run().await;
    ran.exits(0).says("aside");
    assert_eq!(artifact(&ran, "before/all.csv"), "n,v\r\n1,\"a, b\"\r\n2,\r\n");
    assert_eq!(
        artifact(&ran, "inside.json"),
        "[\n  { \"n\": 2, \"v\": null },\n  { \"n\": 3, \"v\": \"c\" }\n]\n"
    );
    assert_eq!(artifact(&ran, "said.txt"), "one\ntwo");
    assert_eq!(artifact(&ran, "counted.txt"), " n \n---\n 3\n(1 row)\n\n");
    assert!(bench.path(&format!("kept/{}/before/all.csv", bench.db)).exists(), "{ran}");
    assert!(!ran.out.contains("| one"), "what goes into a file isn't shown: {ran}");
}

#[tokio::test]
async fn what_cant_be_kept_is_told() {
    let bench = Bench::new().await;
    for (keys, words) in [
        ("check = \"SELECT 1\"\nexpect = 1\ninto = \"../x\"", "`into` leads out of the run's artifacts"),
        ("sql = \"SELECT 1\"\ninto = \"x\"", "this step gives nothing that `into` could keep"),
    ] {
        bench.plan(&step("a", keys));
        bench.run().await.exits(2).says(words);
    }
    bench.plan_with(
        "artifacts = \"kept\"",
        &step("a", "check = \"SELECT g FROM generate_series(1, 20000) g\"\nexpect = { rows = 20000 }\ninto = \"all.csv\""),
    );
    bench.run().await.exits(6).says("the answer has 20000 rows");
    // The place is taken by a file.
    let bench = Bench::new().await;
    std::fs::create_dir_all(bench.path("kept")).unwrap();
    bench.file("kept/x", "");
    bench.plan_with(
        "artifacts = \"kept\"",
        &step("a", "command = \"echo 1\"\nchanges = false\ninto = \"x/y\""),
    );
    bench.run().await.exits(6).failed_with("a", "can't be made");
}

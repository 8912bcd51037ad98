//! Plans by chance, forward until something fails, and back: the database is what it was, as the program
//! says, as a fresh image says, and (for some) as pg_dump says. Order of columns and values of sequences
//! are judged by themselves.
//!
//! `HOLDPOINT_CASES=2000` runs more, `HOLDPOINT_SEED=7` others, `HOLDPOINT_CASES=1 HOLDPOINT_SEED=…` the one
//! that failed: it is printed with its plan.

#[path = "../common/mod.rs"]
mod common;
mod generate;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use common::runs::Bench;
use common::server::TestServer;
use generate::{Chance, GUARDS, WORLD, case};
use holdpoint::pg::image::{Image, Missing};

const CASES: u64 = 200;
const STEPS: usize = 30;
/// Every so many cases pg_dump is asked too.
const DUMPED: u64 = 20;
/// The one that rows are inserted by.
const USED: &str = "value of sequence public.b1_id_seq";
const AT_ONCE: usize = 3;

fn given(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_forward_by_chance_comes_back() {
    let cases = given("HOLDPOINT_CASES").unwrap_or(CASES);
    let first = given("HOLDPOINT_SEED").unwrap_or(1);
    let settings = [("log_statement", "none"), ("autovacuum", "off")];
    let server = Arc::new(TestServer::with(&settings).await);
    let next = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..AT_ONCE {
        let (server, next) = (Arc::clone(&server), Arc::clone(&next));
        workers.spawn(async move {
            let mut steps = (0, 0);
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= cases {
                    return steps;
                }
                let undone = there_and_back(Arc::clone(&server), first + at, at % DUMPED == 0).await;
                steps = (steps.0 + undone, steps.1 + 1);
            }
        });
    }
    let (mut undone, mut done) = (0, 0);
    while let Some(worker) = workers.join_next().await {
        // A case that fails has said why; the others needn't be waited for.
        let steps = worker.expect("a case failed");
        undone += steps.0;
        done += steps.1;
    }
    assert_eq!(done, cases);
    assert!(undone > 0 || cases < 10, "nothing was ever undone");
    println!("{cases} plans from seed {first}, {undone} steps undone, {} s", began.elapsed().as_secs());
}

/// Runs the plan of this seed; how many steps were undone.
async fn there_and_back(server: Arc<TestServer>, seed: u64, dumped: bool) -> usize {
    let mut chance = Chance::new(seed);
    let case = case(&mut chance, STEPS);
    let bench = Bench::on(server).await;
    bench.sql(WORLD).await;
    bench.plan_with(&format!("guards = {GUARDS}"), &case.plan);
    let before = image(&bench).await;
    let dump = dumped.then(|| dump(&bench));

    let mut ran = bench.run().await;
    if case.by_hand {
        ran.exits(6);
        ran = bench.call(&["rollback"]).await;
        if ran.code == 3 {
            // The first step failed: nothing was applied. It may have used a sequence.
            ran.says("there is nothing to roll back");
            let mut differs = Image::compare(&before, &image(&bench).await).expect("comparable");
            differs.retain(|one| one.object != USED);
            assert!(differs.is_empty(), "{differs:?}: HOLDPOINT_CASES=1 HOLDPOINT_SEED={seed}");
            return 0;
        }
    }
    let text = || {
        let plan = std::fs::read_to_string(bench.path("plan.toml")).unwrap_or_default();
        format!("HOLDPOINT_CASES=1 HOLDPOINT_SEED={seed}\n{plan}\n{}\n{}", ran.out, ran.err)
    };
    assert!(matches!(ran.code, 1 | 4), "exit {}: {}", ran.code, text());
    let ended = ran.last("rollback_ended");
    let object = |one: &serde_json::Value| one["object"].as_str().unwrap_or_default().to_owned();
    let residue: BTreeSet<String> = ended["residue"].as_array().into_iter().flatten().map(object).collect();
    let moved: Vec<String> = ended["moved"].as_array().into_iter().flatten().map(object).collect();
    assert!(ended["others"].is_null(), "nobody else wrote: {}", text());
    assert!(moved.iter().all(|one| one == USED), "{moved:?}: {}", text());
    // What isn't undone because it was never applied left nothing.
    let allowed: BTreeSet<String> = case.column_order.iter().cloned().collect();
    assert!(residue.is_subset(&allowed), "{residue:?} and no more than {allowed:?}: {}", text());
    assert_eq!(ran.code, if residue.is_empty() { 4 } else { 1 }, "{}", text());

    let after = image(&bench).await;
    let differs: BTreeSet<String> =
        Image::compare(&before, &after).expect("comparable").into_iter().map(|one| one.object).collect();
    let told: BTreeSet<String> = residue.iter().chain(&moved).cloned().collect();
    assert_eq!(differs, told, "what differs and what was told: {}", text());
    if let Some(dump) = dump
        && residue.is_empty()
    {
        assert_eq!(dump, self::dump(&bench), "pg_dump sees a difference: {}", text());
    }
    let undone = ran.all("step_undone").len();
    bench.server.sql("postgres", &format!("DROP DATABASE {}", bench.db)).await;
    undone
}

async fn image(bench: &Bench) -> Image {
    let mut session = bench.server.session(&bench.db).await;
    let tables = ["b0", "b1", "b2"].map(str::to_owned);
    let image = Image::take(&mut session, &tables, Missing::Error).await.expect("an image");
    session.close().await;
    image
}

fn dump(bench: &Bench) -> String {
    let mut command = bench.server.program("pg_dump", &bench.db);
    let output = command.args(["--schema-only", "-N", "holdpoint"]).output().expect("pg_dump runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Newer ones put a random word into every dump.
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
        .collect::<Vec<_>>()
        .join("\n")
}

//! Chaos: the real program is killed, cut off and raced, on real servers; afterwards `resume` makes of
//! it what an undisturbed run would have made: the same schema, the same rows, the same ledger.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "chaos/backwards.rs"]
mod backwards;
mod common;
#[path = "chaos/doubts.rs"]
mod doubts;
#[path = "chaos/faults.rs"]
mod faults;
#[path = "chaos/lab.rs"]
mod lab;
#[path = "chaos/picture.rs"]
mod picture;
#[path = "chaos/points.rs"]
mod points;
#[path = "chaos/scenarios.rs"]
mod scenarios;
#[path = "chaos/takeover.rs"]
mod takeover;

use std::sync::Arc;

use lab::Lab;

async fn killed_everywhere(lab: Lab, scenario: lab::Scenario, at_least: usize) {
    let (lab, scenario) = (Arc::new(lab), Arc::new(scenario));
    let undisturbed = points::undisturbed(&lab, &scenario).await;
    let chosen = points::chosen(&undisturbed.points);
    println!("{}: {} points, {} tried", scenario.name, undisturbed.points.len(), chosen.len());
    assert!(chosen.len() >= at_least, "{}: {} points", scenario.name, chosen.len());
    points::kill_at(&lab, &scenario, &Arc::new(undisturbed.picture), chosen).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kochel_is_killed_and_resumed() {
    let lab = Lab::start().await;
    let scenario = lab.kochel().await;
    killed_everywhere(lab, scenario, 60).await;
}

/// Long plans: a few points by default, spread over the run, and those that such a plan is tried for.
async fn killed_here_and_there(lab: Lab, scenario: lab::Scenario, always: &[&str]) {
    let (lab, scenario) = (Arc::new(lab), Arc::new(scenario));
    let undisturbed = points::undisturbed(&lab, &scenario).await;
    let mut chosen = points::spread(points::chosen(&undisturbed.points), 3);
    for point in always {
        assert!(undisturbed.points.iter().any(|(passed, _)| passed == point), "{point} isn't passed");
        chosen.push((*point).to_owned());
    }
    println!("{}: {} points, {} tried", scenario.name, undisturbed.points.len(), chosen.len());
    points::kill_at(&lab, &scenario, &Arc::new(undisturbed.picture), chosen).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn week2_is_killed_and_resumed() {
    let lab = Lab::start().await;
    let scenario = lab.shipped("week2", "week2-staging", "week2").await;
    // In the middle of the backup, and while a watch is asked beside the migrations.
    killed_here_and_there(lab, scenario, &["backup-dumped:1", "watch-asked:1"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn v7_is_killed_and_resumed() {
    let lab = Lab::start().await;
    let scenario = lab.shipped("v7", "v7-database-phase", "v7").await;
    // While its program, which archives the state before, runs.
    killed_here_and_there(lab, scenario, &["command-started:1"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn production_is_killed_and_resumed() {
    let lab = Lab::start().await;
    let scenario = lab.production().await;
    killed_here_and_there(lab, scenario, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lane3_is_killed_and_resumed() {
    let lab = Lab::start().await;
    let scenario = lab.lane3().await;
    // While schema, data and indexes are loaded: none of the three is a transaction.
    killed_here_and_there(lab, scenario, &["command-started:4", "command-started:6", "command-started:7"])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_outside_of_transactions_are_killed_and_resumed() {
    let lab = Lab::start().await;
    let scenario = lab.plan("bare").await;
    killed_everywhere(lab, scenario, 60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_with_their_own_commits_are_killed_and_resumed() {
    let lab = Lab::start().await;
    let scenario = lab.plan("script").await;
    killed_everywhere(lab, scenario, 60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resume_is_killed_too() {
    let lab = Arc::new(Lab::start().await);
    let mut count = 0;
    for (name, firsts) in [
        ("bare", ["after-intent-row:1", "after-bare-statement:2", "after-result-row:3"]),
        ("script", ["after-ledger:2", "after-commit-intent:3", "after-commit:4"]),
    ] {
        let scenario = Arc::new(lab.plan(name).await);
        let wanted = Arc::new(points::undisturbed(&lab, &scenario).await.picture);
        for first in firsts {
            count += points::kill_twice(&lab, &scenario, &wanted, first).await;
        }
    }
    println!("killed twice at {count} points");
}

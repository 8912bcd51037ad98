//! A rollback that is killed and taken up again ends where an undisturbed one does.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::lab::{Case, LIST, Lab, Picture, Scenario};
use crate::points::{report, same};

/// A run of Kochel up to its last step but one: it is still open, so that it can be rolled back.
async fn applied(lab: &Lab, scenario: &Scenario, label: &str) -> Case {
    let case = lab.case(scenario, label).await;
    let plan = scenario.plan.display().to_string();
    let words =
        ["run", &plan, "--only", "preflight", "--only", "authorize", "--only", "execute", "--only", "verify"];
    let ended = case.wait(lab, case.start(&words, None)).await;
    assert_eq!(ended.code(), Some(0), "{}\n{}", ended.said(), lab.dump(&case));
    case
}

async fn roll_back(lab: &Lab, case: &Case, crash: Option<&str>) -> crate::lab::Ended {
    case.wait(lab, case.start(&["rollback"], crash)).await
}

async fn kill_and_go_on(lab: &Lab, scenario: &Scenario, wanted: &Picture, point: &str) -> Result<(), String> {
    let case = applied(lab, scenario, &format!("rollback {point}")).await;
    let killed = roll_back(lab, &case, Some(point)).await;
    if !killed.was_killed() {
        return Err(format!("wasn't killed: {}", killed.said()));
    }
    if !case.fold().is_some_and(|run| run.is_ended()) {
        // One half says rollback again, the other resume: both go on backwards once it had begun.
        let back = case.fold().is_some_and(|run| run.goes_back());
        let ended = if back && point.len().is_multiple_of(2) {
            case.resume(lab, &[], None).await
        } else {
            roll_back(lab, &case, None).await
        };
        if ended.code() != Some(4) {
            return Err(format!("going on backwards: {}\n{}", ended.said(), lab.dump(&case)));
        }
    }
    same(wanted, &lab.picture(&case.database).await).map_err(|why| format!("{why}\n{}", lab.dump(&case)))?;
    lab.put_away(case).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_is_killed_and_taken_up() {
    let lab = Arc::new(Lab::start().await);
    let scenario = Arc::new(lab.kochel().await);
    let case = applied(&lab, &scenario, "undisturbed").await;
    let ended = roll_back(&lab, &case, Some(LIST)).await;
    assert_eq!(ended.code(), Some(4), "{}\n{}", ended.said(), lab.dump(&case));
    let wanted = Arc::new(lab.picture(&case.database).await);
    assert_eq!(wanted.ledger.iter().filter(|row| row.contains(" back ")).count(), 4, "{:?}", wanted.ledger);

    let all = std::env::var("HOLDPOINT_CHAOS").is_ok_and(|value| value == "all");
    let mut passed: BTreeMap<String, usize> = BTreeMap::new();
    let mut points = Vec::new();
    for name in std::fs::read_to_string(&case.list).unwrap().lines() {
        let n = passed.entry(name.to_owned()).or_default();
        *n += 1;
        let turn = match name {
            "journal-after-line" => n.is_multiple_of(2),
            "journal-before-line" => n.is_multiple_of(6),
            "journal-torn-line" => *n % 6 == 3,
            _ => true,
        };
        if all || turn {
            points.push(format!("{name}:{n}"));
        }
    }
    lab.put_away(case).await;
    let count = points.len();
    assert!(count >= 20, "{count} points");
    let gate = Arc::new(Semaphore::new(3));
    let mut tasks = JoinSet::new();
    for point in points {
        let (lab, scenario, wanted, gate) =
            (Arc::clone(&lab), Arc::clone(&scenario), Arc::clone(&wanted), Arc::clone(&gate));
        tasks.spawn(async move {
            let _turn = gate.acquire().await.unwrap();
            (point.clone(), kill_and_go_on(&lab, &scenario, &wanted, &point).await)
        });
    }
    let mut failed = BTreeMap::new();
    while let Some(done) = tasks.join_next().await {
        let (point, result) = done.unwrap();
        if let Err(why) = result {
            failed.insert(point, why);
        }
    }
    println!("kochel backwards: killed at {count} points");
    report("kochel backwards", count, failed);
}

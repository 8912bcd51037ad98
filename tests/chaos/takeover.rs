//! Two runners and one database: a dead one whose COMMIT still hangs, one that is alive, and races.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::faults::{Parked, close_gate};
use crate::lab::Lab;
use crate::points::{same, undisturbed};

const RACES: usize = 50;

/// Another runner's wait for the dead one's COMMIT.
fn waits_for_the_fence(database: &str) -> String {
    format!(
        "SELECT pid FROM pg_stat_activity WHERE datname = '{database}' AND wait_event_type = 'Lock' \
         AND query LIKE 'UPDATE holdpoint.fence%'"
    )
}

/// The client is killed while its COMMIT hangs in a deferred trigger. The next runner waits for that
/// COMMIT to end, one way or the other, and applies the step once.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_outlives_its_client() {
    let lab = Lab::start().await;
    let scenario = lab.plan("gates").await;
    let undisturbed = undisturbed(&lab, &scenario).await;
    for gate in [2, 4, 6] {
        for commits in [true, false] {
            let label = if commits { "COMMIT succeeds" } else { "COMMIT fails" };
            let mut parked = Parked::at(&lab, &scenario, gate, None, label).await;
            parked.child.start_kill().unwrap();
            parked.child.wait().await.unwrap();
            let resumed = parked.case.start(&["resume"], None);
            let waits = waits_for_the_fence(&parked.case.database);
            lab.wait_for(&parked.case, "the wait for the old COMMIT", &waits).await;
            let last = parked.case.lines().last().unwrap().event.name();
            assert_eq!(last, "lock_taken", "nothing is concluded yet\n{}", lab.dump(&parked.case));
            if commits {
                let sql = format!("SELECT pg_advisory_unlock({gate})");
                parked.keeper.query(&sql, &[]).await.unwrap();
            } else {
                parked.terminate(&lab, &["work"]).await;
                parked.keeper.query(&format!("SELECT pg_advisory_unlock({gate})"), &[]).await.unwrap();
            }
            let case = parked.case;
            let ended = case.wait(&lab, resumed).await;
            assert_eq!(ended.code(), Some(0), "{}\n{}", ended.said(), lab.dump(&case));
            let journal = std::fs::read_to_string(case.journal().unwrap()).unwrap();
            let found: Vec<&str> = journal.lines().filter(|line| line.contains("unit_reconciled")).collect();
            let words = format!("\"applied\":{commits}");
            assert!(found.len() == 1 && found[0].contains(&words), "{found:?}\n{}", lab.dump(&case));
            same(&undisturbed.picture, &lab.picture(&case.database).await)
                .unwrap_or_else(|why| panic!("{why}\n{}", lab.dump(&case)));
            lab.put_away(case).await;
        }
    }
}

/// Another plan on the same database: refused while the lock is held; after the first one's death it
/// ends what that one left running, and the first one, resumed, begins its step anew.
#[tokio::test(flavor = "multi_thread")]
async fn another_runner_on_the_same_database() {
    let lab = Lab::start().await;
    let scenario = lab.plan("gates").await;
    let other = lab
        .written(
            "other",
            "[plan]\nid = \"other\"\ntitle = \"Another plan\"\nenvironment = \"dev\"\nstepping = \"auto\"\n\
             [[phase]]\nid = \"p\"\ntitle = \"P\"\n[[phase.step]]\nid = \"s\"\ntitle = \"S\"\n\
             sql = \"CREATE TABLE other (n int)\"\n",
            &[],
        )
        .await;
    let undisturbed = undisturbed(&lab, &scenario).await;
    for gate in [1, 3, 5] {
        let mut parked = Parked::at(&lab, &scenario, gate, None, "another runner").await;
        let mut second = lab.case(&other, "the other").await;
        let unused = std::mem::replace(&mut second.database, parked.case.database.clone());
        second.environment.clone_from(&parked.case.environment);
        lab.server.sql("postgres", &format!("DROP DATABASE {unused}")).await;

        let holder = format!(
            "SELECT 'pid ' || pid FROM pg_stat_activity WHERE datname = '{}' AND application_name LIKE 'holdpoint control%'",
            second.database
        );
        let holder = lab.server.value("postgres", &holder).await;
        let refused = second.run(&lab, None).await;
        assert_eq!(refused.code(), Some(3), "{}", refused.said());
        assert!(
            refused.err.contains(&holder) && refused.err.contains("One run at a time"),
            "{}",
            refused.said()
        );

        // Like a server that doesn't notice that its client is gone.
        let worker = format!(
            "SELECT pid FROM pg_stat_activity WHERE datname = '{}' AND application_name LIKE 'holdpoint work%'",
            second.database
        );
        let worker = lab.server.value("postgres", &worker).await;
        parked.child.start_kill().unwrap();
        parked.child.wait().await.unwrap();
        let ended = second.run(&lab, None).await;
        assert_eq!(ended.code(), Some(0), "{}\n{}", ended.said(), lab.dump(&second));
        let journal = std::fs::read_to_string(second.journal().unwrap()).unwrap();
        let fence = journal.lines().find(|line| line.contains("fence_taken")).unwrap();
        assert!(fence.contains(&format!("\"ended_backends\":[{worker}]")), "{worker}: {fence}");

        let gone = format!("SELECT 1 WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {worker})");
        lab.wait_for(&parked.case, "the old backend's end", &gone).await;
        let sql = format!("SELECT pg_advisory_unlock({gate})");
        parked.keeper.query(&sql, &[]).await.unwrap();
        let case = parked.case;
        case.carry_on(&lab).await.unwrap_or_else(|why| panic!("{why}\n{}", lab.dump(&case)));
        lab.server
            .sql(&case.database, "DROP TABLE other; DELETE FROM holdpoint.ledger WHERE step = 's'")
            .await;
        same(&undisturbed.picture, &lab.picture(&case.database).await)
            .unwrap_or_else(|why| panic!("{why}\n{}", lab.dump(&case)));
    }
}

/// Two programs at once on one target: one runs, the other is refused and names the one that does.
#[tokio::test(flavor = "multi_thread")]
async fn two_programs_race() {
    let lab = Arc::new(Lab::start().await);
    let scenario = Arc::new(lab.plan("gates").await);
    let undisturbed = Arc::new(undisturbed(&lab, &scenario).await);
    let gate = Arc::new(Semaphore::new(6));
    let mut tasks = JoinSet::new();
    for race in 0..RACES {
        let (lab, scenario, undisturbed, gate) =
            (Arc::clone(&lab), Arc::clone(&scenario), Arc::clone(&undisturbed), Arc::clone(&gate));
        tasks.spawn(async move {
            let _turn = gate.acquire().await.unwrap();
            let one = lab.case(&scenario, &format!("race {race}")).await;
            let mut two = lab.case(&scenario, &format!("race {race}")).await;
            let unused = std::mem::replace(&mut two.database, one.database.clone());
            two.environment.clone_from(&one.environment);
            if race % 2 == 1 {
                // The same state folder too.
                two.state.clone_from(&one.state);
            }
            lab.server.sql("postgres", &format!("DROP DATABASE {unused}")).await;
            // Whoever comes first stands at the gate until the other one has been refused.
            let mut keeper = close_gate(&lab, &one, 1).await;
            let (mut a, mut b) = (one.start_run(), two.start_run());
            let first = tokio::select! {
                ended = a.wait() => { ended.unwrap(); 0 }
                ended = b.wait() => { ended.unwrap(); 1 }
            };
            keeper.query("SELECT pg_advisory_unlock(1)", &[]).await.unwrap();
            keeper.close().await;
            let (a, b) = (one.wait(&lab, a).await, two.wait(&lab, b).await);
            let (lost, won, case) = if first == 0 { (a, b, &two) } else { (b, a, &one) };
            let said = || format!("{}\n{}\n{}", lost.said(), won.said(), lab.dump(case));
            assert_eq!((lost.code(), won.code()), (Some(3), Some(0)), "{}", said());
            assert!(lost.err.contains("another holdpoint has this database: pid "), "{}", said());
            assert!(lost.err.contains("holdpoint control"), "{}", said());
            same(&undisturbed.picture, &lab.picture(&one.database).await)
                .unwrap_or_else(|why| panic!("{why}\n{}", said()));
            lab.put_away(one).await;
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    println!("{RACES} races");
}

//! What nobody can tell from the database: exit 5, the evidence, and a person's ruling.

use std::time::Duration;

use crate::lab::Lab;
use crate::points::same;

/// A VACUUM has no probe. Killed before its intent row it wasn't sent; after it, nobody knows.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_without_a_probe_is_ruled_on() {
    let lab = Lab::start().await;
    let scenario = lab.plan("vacuum").await;
    let undisturbed = crate::points::undisturbed(&lab, &scenario).await;

    let case = lab.case(&scenario, "before the intent row").await;
    assert!(case.run(&lab, Some("after-intent-line")).await.was_killed());
    let ended = case.resume(&lab, &[], None).await;
    assert_eq!(ended.code(), Some(0), "{}\n{}", ended.said(), lab.dump(&case));
    same(&undisturbed.picture, &lab.picture(&case.database).await).unwrap();

    for (point, ruling) in [
        ("after-intent-row", "not-applied"),
        ("after-bare-statement", "applied"),
        ("after-bare-statement", "not-applied"),
    ] {
        let case = lab.case(&scenario, &format!("{point} {ruling}")).await;
        assert!(case.run(&lab, Some(point)).await.was_killed());
        // It stays unknown however often it is asked, and whatever else happens meanwhile.
        for crash in [None, Some("journal-after-line:4"), None] {
            let ended = case.resume(&lab, &[], crash).await;
            if crash.is_some() && ended.was_killed() {
                continue;
            }
            assert_eq!(ended.code(), Some(5), "{}\n{}", ended.said(), lab.dump(&case));
            assert!(ended.err.contains("there is no probe for this kind of statement"), "{}", ended.said());
            assert!(ended.err.contains("--rule vacuum=applied"), "{}", ended.said());
        }
        let rule = format!("vacuum={ruling}");
        let ended = case.resume(&lab, &["--rule", &rule], None).await;
        assert!(matches!(ended.code(), Some(0 | 6)), "{}\n{}", ended.said(), lab.dump(&case));
        case.carry_on(&lab).await.unwrap_or_else(|why| panic!("{why}\n{}", lab.dump(&case)));
        let mut picture = lab.picture(&case.database).await;
        // What was ruled says so in place of a digest.
        for (row, wanted) in picture.ledger.iter_mut().zip(&undisturbed.picture.ledger) {
            if let Some(start) = row.strip_suffix("ruled") {
                assert!(wanted.starts_with(start) && ruling == "applied", "{row}");
                row.clone_from(wanted);
            }
        }
        same(&undisturbed.picture, &picture).unwrap_or_else(|why| panic!("{why}\n{}", lab.dump(&case)));
    }
}

/// A ruling that was journaled right before a crash counts: nobody is asked again.
#[tokio::test(flavor = "multi_thread")]
async fn a_ruling_outlives_the_process() {
    let lab = Lab::start().await;
    let scenario = lab.plan("vacuum").await;
    for ruling in ["applied", "not-applied"] {
        let case = lab.case(&scenario, &format!("ruled {ruling}, killed")).await;
        assert!(case.run(&lab, Some("after-bare-statement")).await.was_killed());
        let rule = format!("vacuum={ruling}");
        let line = |n: usize| format!("journal-after-line:{n}");
        // Each try leaves the run as it was, until one has come as far as the ruling.
        let mut n = 4;
        while case.lines().last().is_none_or(|line| line.event.name() != "decided") {
            let ended = case.resume(&lab, &["--rule", &rule], Some(&line(n))).await;
            assert!(ended.was_killed(), "{}\n{}", ended.said(), lab.dump(&case));
            n += 1;
        }
        let ended = case.resume(&lab, &[], None).await;
        assert!(matches!(ended.code(), Some(0 | 6)), "{}\n{}", ended.said(), lab.dump(&case));
        let ruled = case.lines().into_iter().rfind(|line| line.event.name() == "unit_reconciled");
        let holdpoint::run::event::Event::UnitReconciled { applied, by, .. } = ruled.unwrap().event else {
            panic!("{}", lab.dump(&case));
        };
        assert_eq!((applied, by.is_some()), (ruling == "applied", true));
    }
}

/// The journal says applied and the row is gone: a failover or a restore. Asking again doesn't make it
/// known.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_row_that_is_gone_is_ruled_on() {
    let lab = Lab::start().await;
    let scenario = lab.plan("script").await;
    let undisturbed = crate::points::undisturbed(&lab, &scenario).await;
    let case = lab.case(&scenario, "the row is gone").await;
    assert!(case.run(&lab, Some("after-applied:2")).await.was_killed());
    let row = "SELECT unit FROM holdpoint.ledger ORDER BY applied_at LIMIT 1";
    let unit = lab.server.value(&case.database, row).await;
    lab.server.sql(&case.database, &format!("DELETE FROM holdpoint.ledger WHERE unit = '{unit}'")).await;
    for _ in 0..2 {
        let ended = case.resume(&lab, &[], None).await;
        assert_eq!(ended.code(), Some(5), "{}\n{}", ended.said(), lab.dump(&case));
        assert!(ended.err.contains("the ledger row is gone"), "{}", ended.said());
    }
    // A ruling is enough, also when the program dies right after it.
    let killed = case.resume(&lab, &["--rule", "script=applied"], Some("journal-after-line:6")).await;
    assert!(killed.was_killed(), "{}", killed.said());
    let ended = case.resume(&lab, &["--rule", "script=applied"], None).await;
    assert!(matches!(ended.code(), Some(0 | 6)), "{}\n{}", ended.said(), lab.dump(&case));
    case.carry_on(&lab).await.unwrap_or_else(|why| panic!("{why}\n{}", lab.dump(&case)));
    let picture = lab.picture(&case.database).await;
    assert_eq!(picture.tables, undisturbed.picture.tables, "{}", lab.dump(&case));
    assert_eq!(picture.schema, undisturbed.picture.schema);
    assert_eq!(picture.ledger.len(), undisturbed.picture.ledger.len());
}

/// An index build that was killed leaves an invalid index; the retry takes that away and builds anew.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_build_that_was_killed_is_built_anew() {
    let lab = Lab::start().await;
    let scenario = lab.plan("bare").await;
    let undisturbed = crate::points::undisturbed(&lab, &scenario).await;
    let case = lab.case(&scenario, "in the middle of the build").await;
    let mut child = case.start_run();
    // A reader's snapshot, taken before the build, holds it up.
    lab.wait_for_line(&case, &["unit_applied", "\"setup\""]).await;
    let mut reader = lab.server.session(&case.database).await;
    reader.batch("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM shop.orders").await.unwrap();
    let waiting = format!(
        "SELECT pid FROM pg_stat_activity WHERE datname = '{}' AND query LIKE 'CREATE %INDEX CONCURRENTLY%' \
         AND wait_event_type = 'Lock' LIMIT 1",
        case.database
    );
    lab.wait_for(&case, "the build", &waiting).await;
    child.start_kill().unwrap();
    child.wait().await.unwrap();
    // The next runner ends the old backend, which leaves its index invalid.
    let resumed = case.start(&["resume"], None);
    lab.wait_for_line(&case, &["unit_reconciled"]).await;
    tokio::time::timeout(Duration::from_secs(30), reader.batch("COMMIT")).await.unwrap().unwrap();
    reader.close().await;
    let ended = case.wait(&lab, resumed).await;
    assert_eq!(ended.code(), Some(0), "{}\n{}", ended.said(), lab.dump(&case));
    same(&undisturbed.picture, &lab.picture(&case.database).await)
        .unwrap_or_else(|why| panic!("{why}\n{}", lab.dump(&case)));
}

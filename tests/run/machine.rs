//! Both state machines, driven through every edge.
//!
//! For each situation `TABLE` names the events that may follow and where they lead (state of the run,
//! status of step `a`); every other event must be refused and leave the run as it was. Events that
//! are legal everywhere and move nothing are in `ALWAYS`.

use std::collections::BTreeMap;

use crate::run_support::*;
use holdpoint::run::event::*;
use holdpoint::run::state::{Run, Status};

fn u() -> Unit {
    unit("a", "", Forward, 0)
}

fn back() -> Unit {
    unit("a", "", Back, 0)
}

fn events(parts: &[&[Event]]) -> Vec<Event> {
    parts.concat()
}

/// How each situation comes about.
fn situations() -> Vec<(&'static str, Vec<Event>)> {
    let ready = [open(), lock(), fence(1)];
    let b = [assumed("b")];
    let start = [started("a", Forward, 0, 1)];
    let begun = events(&[&ready, &b, &start, &[unit_started(u(), 1)]]);
    let committing = events(&[&begun, &[intent(u())]]);
    let unit_done = events(&[&committing, &[unit_applied(u())]]);
    let applied_a = events(&[&unit_done, &[applied("a", Forward, 0)]]);
    let good = events(&[&applied_a, &[checkpoint("a", "a/rows", Forward, true)]]);
    let verified_a = events(&[&good, &[verified("a")]]);
    let bad = events(&[&applied_a, &[checkpoint("a", "a/rows", Forward, false)]]);
    let unverified_a = events(&[&bad, &[unverified("a")]]);
    let unit_fails = events(&[&begun, &[unit_failed(u())]]);
    let fails = events(&[&unit_fails, &[failed("a", Forward, 0)]]);
    let again = [resumed(), lock(), fence(2)];
    let doubt = events(&[&committing, &[unit_unknown(u())]]);
    let rolling = events(&[&verified_a, &[rollback(&["a"], None)]]);
    let undoing = events(&[&rolling, &[started("a", Back, 0, 1)]]);
    let undo_begun = events(&[&undoing, &[unit_started(back(), 1)]]);
    let undo_commits = events(&[&undo_begun, &[intent(back())]]);
    let undo_unit = events(&[&undo_commits, &[unit_applied(back())]]);
    let undo_done = events(&[&undo_unit, &[applied("a", Back, 0)]]);
    let undone_a = events(&[&undo_done, &[undone("a", 0)]]);
    let undo_fails = events(&[&undo_begun, &[unit_failed(back()), failed("a", Back, 0)]]);
    vec![
        ("nothing", vec![]),
        ("opened", vec![open()]),
        ("locked", vec![open(), lock()]),
        ("pending", events(&[&ready, &b])),
        ("started", events(&[&ready, &b, &start])),
        ("unit started", begun.clone()),
        ("unit waits for a lock", events(&[&begun, &[retry(u())]])),
        ("committing", committing.clone()),
        ("bare intent", events(&[&ready, &b, &start, &[bare(u(), 1)]])),
        ("unit applied", unit_done),
        ("unit failed", unit_fails),
        ("applied", applied_a.clone()),
        ("applied, checkpoint passed", good),
        ("applied, checkpoint failed", bad),
        ("verified", verified_a.clone()),
        ("unverified", unverified_a.clone()),
        ("accepted", events(&[&unverified_a, &[accepted("a")]])),
        ("failed", fails.clone()),
        ("skipped", events(&[&ready, &b, &[skipped("a")]])),
        ("assumed", events(&[&ready, &b, &[assumed("a")]])),
        ("died in the unit, locked again", events(&[&begun, &again])),
        ("died while committing, locked again", events(&[&committing, &again])),
        ("died while committing, not locked", events(&[&committing, &[resumed()]])),
        ("died, found not applied", events(&[&begun, &again, &[reconciled(u(), false, None)]])),
        ("died, found applied", events(&[&committing, &again, &[reconciled(u(), true, None)]])),
        ("holds before it", events(&[&ready, &b, &[held(HoldReason::Stepping, Some("a"))]])),
        ("holds in it for a person", events(&[&ready, &b, &start, &[held(HoldReason::Person, Some("a"))]])),
        ("holds, failed", events(&[&fails, &[held(HoldReason::Failed, Some("a"))]])),
        ("holds, unverified", events(&[&unverified_a, &[held(HoldReason::Unverified, Some("a"))]])),
        ("in doubt", doubt.clone()),
        ("in doubt, said so", events(&[&doubt, &[held(HoldReason::Unknown, Some("a"))]])),
        ("ruled applied", events(&[&doubt, &[reconciled(u(), true, Some(person()))]])),
        ("ruled not applied", events(&[&doubt, &[reconciled(u(), false, Some(person()))]])),
        ("in doubt after the fact", events(&[&verified_a, &[unit_unknown(u())]])),
        ("rolling back", rolling.clone()),
        ("undoing", undoing),
        ("undo unit started", undo_begun.clone()),
        ("undo committing", undo_commits.clone()),
        ("undo unit applied", undo_unit),
        ("undo applied", undo_done),
        ("undone", undone_a.clone()),
        ("undo failed", undo_fails.clone()),
        ("holds, undo failed", events(&[&undo_fails, &[held(HoldReason::UndoFailed, Some("a"))]])),
        ("died in the undo, found not applied", {
            events(&[&undo_begun, &again, &[reconciled(back(), false, None)]])
        }),
        ("undo in doubt", events(&[&undo_commits, &[unit_unknown(back())]])),
        ("rolled back", events(&[&undone_a, &[rollback_ended()]])),
        ("rolled back as far as told", events(&[&undone_a, &[held(HoldReason::RolledBackTo, None)]])),
        ("rolling back by a procedure", events(&[&verified_a, &[rollback(&["a"], Some("proc"))]])),
        ("over, with something applied", events(&[&verified_a, &[assumed("list"), assumed("sign"), done()]])),
        (
            "opened again",
            events(&[&verified_a, &[assumed("list"), assumed("sign"), done(), reopened(), lock(), fence(2)]]),
        ),
        (
            "opened again and closed",
            events(&[&verified_a, &[assumed("list"), assumed("sign"), done(), reopened(), done()]]),
        ),
        ("over", events(&[&ready, &b, &[assumed("a"), assumed("list"), assumed("sign"), done()]])),
    ]
}

/// Every event that could be tried in a situation, each with the figures that would be right.
fn probes(run: &Run) -> Vec<(&'static str, Event)> {
    let (generation, attempt, undo) =
        run.step("a").map_or((0, 0, 0), |s| (s.generation, s.attempt, s.undo_attempt));
    let u = unit("a", "", Forward, generation);
    let back = unit("a", "", Back, generation);
    let tries = |unit: &Unit| run.step("a").and_then(|s| s.unit(unit)).map_or(0, |u| u.attempt) + 1;
    vec![
        ("run_opened", open()),
        ("selected", Event::Selected { selection: Selection::default() }),
        ("fence_taken", fence(9)),
        ("baseline_taken", Event::BaselineTaken(Box::default())),
        ("step_started", started("a", Forward, generation, attempt + 1)),
        ("step_started back", started("a", Back, generation, undo + 1)),
        ("step_started other", started("b", Forward, 0, 1)),
        ("step_started procedure", started("p1", Forward, 0, 1)),
        ("step_skipped", skipped("a")),
        ("step_assumed", assumed("a")),
        ("unit_started", unit_started(u.clone(), tries(&u))),
        ("unit_started back", unit_started(back.clone(), tries(&back))),
        ("unit_started next", unit_started(unit("a", "2", Forward, generation), 1)),
        ("lock_retry", retry(u.clone())),
        ("lock_retry back", retry(back.clone())),
        ("commit_intent", intent(u.clone())),
        ("commit_intent back", intent(back.clone())),
        ("bare_intent", bare(u.clone(), tries(&u))),
        ("unit_applied", unit_applied(u.clone())),
        ("unit_applied back", unit_applied(back.clone())),
        ("unit_failed", unit_failed(u.clone())),
        ("unit_failed back", unit_failed(back.clone())),
        ("file_written", wrote(u.clone())),
        ("file_written back", wrote(back.clone())),
        ("unit_unknown", unit_unknown(u.clone())),
        ("unit_unknown back", unit_unknown(back.clone())),
        ("unit_reconciled applied", reconciled(u.clone(), true, None)),
        ("unit_reconciled not applied", reconciled(u, false, None)),
        ("unit_reconciled applied back", reconciled(back.clone(), true, None)),
        ("unit_reconciled not applied back", reconciled(back, false, None)),
        ("checkpoint_result", checkpoint("a", "a/rows", Forward, true)),
        ("checkpoint_result back", checkpoint("a", "a/none", Back, true)),
        ("step_applied", applied("a", Forward, generation)),
        ("step_applied back", applied("a", Back, generation)),
        ("step_verified", verified("a")),
        ("step_unverified", unverified("a")),
        ("step_accepted", accepted("a")),
        ("step_failed", failed("a", Forward, generation)),
        ("step_failed back", failed("a", Back, generation)),
        ("step_undone", undone("a", generation)),
        ("saved", Event::Saved { step: "a".into(), checkpoint: "a/rows".into(), values: BTreeMap::new() }),
        ("confirmed", confirmed("a", "x")),
        ("signed", signed("a", "dba", true)),
        ("held", held(HoldReason::Asked, None)),
        ("held unknown", held(HoldReason::Unknown, Some("a"))),
        ("held rolled_back_to", held(HoldReason::RolledBackTo, None)),
        ("decided go", decided(Decision::Go, None)),
        ("decided retry", decided(Decision::Retry, None)),
        ("decided skip", decided(Decision::Skip, Some("a"))),
        ("decided override", decided(Decision::Override, Some("a"))),
        ("decided roll_back", decided(Decision::RollBack, None)),
        ("decided end", decided(Decision::End, None)),
        ("decided hold", decided(Decision::Hold, None)),
        ("decided cancel", decided(Decision::Cancel, None)),
        ("decided ruled_applied", decided(Decision::RuledApplied, Some("a"))),
        ("decided ruled_not_applied", decided(Decision::RuledNotApplied, Some("a"))),
        ("cancel_sent", Event::CancelSent { step: "a".into(), pid: 11 }),
        ("counts_taken", counts_taken("a")),
        ("backend_ended", backend_ended(4711)),
        ("rollback_started", rollback(&["a"], None)),
        ("rollback_ended", rollback_ended()),
        ("run_reopened", reopened()),
        ("ended done", done()),
        ("ended stopped", stopped()),
        ("ended refused", refused()),
        ("ended rolled_back", ended(Ending::RolledBack { clean: true })),
    ]
}

/// Legal wherever a run is open, and moving nothing.
fn always() -> Vec<Event> {
    vec![
        resumed(),
        lock(),
        Event::LedgerOff { reason: "no rights".into() },
        deviation(),
        note(),
        looked(),
        backend_ending(4711),
        Event::Interrupted { signal: "SIGTERM".into() },
        left(),
        checkpoint(holdpoint::run::TARGET, "database", Forward, true),
        Event::Unknown,
    ]
}

fn place(run: &Run) -> String {
    let a = run.step("a").map_or("-", |step| step.status.word());
    format!("{}/{a}", run.state.word())
}

/// What really happens, in the words of the table.
fn tried() -> String {
    use std::fmt::Write;
    let mut text = String::new();
    for (name, events) in situations() {
        let run = run_of(events);
        writeln!(text, "{name}: {}", place(&run)).unwrap();
        for (probe, event) in probes(&run) {
            let mut after = run.clone();
            match take(&mut after, event) {
                Ok(()) => writeln!(text, "    {probe} -> {}", place(&after)).unwrap(),
                Err(illegal) => {
                    assert_eq!(after, run, "{name}: a refused {probe} changed the run");
                    assert!(!illegal.why.is_empty(), "{name}: {probe}");
                }
            }
        }
    }
    text
}

#[test]
fn every_edge_is_in_the_table_and_no_other_is_legal() {
    let tried = tried();
    let table = include_str!("../run_support/edges.txt");
    for (n, (is, should)) in tried.lines().zip(table.lines()).enumerate() {
        assert_eq!(is, should, "line {} of edges.txt; what really happens:\n{tried}", n + 1);
    }
    assert_eq!(tried.lines().count(), table.lines().count());
}

#[test]
fn some_events_are_always_legal_and_move_nothing() {
    for (name, events) in situations() {
        let run = run_of(events);
        for event in always() {
            let mut after = run.clone();
            let taken = take(&mut after, event.clone());
            if run.opened.is_none() || run.is_ended() && event != Event::Unknown {
                assert!(taken.is_err(), "{name}: {event:?}");
                assert_eq!(after, run);
            } else {
                assert_eq!(taken, Ok(()), "{name}");
                assert_eq!(place(&after), place(&run), "{name}: {event:?}");
            }
        }
    }
}

#[test]
fn the_situations_reach_every_state_and_every_status() {
    let runs: Vec<Run> = situations().into_iter().map(|(_, events)| run_of(events)).collect();
    for status in Status::ALL {
        assert!(
            runs.iter().any(|run| run.step("a").is_some_and(|a| a.status == status || a.shown() == status)),
            "{status} isn't reached"
        );
    }
    for word in ["opening", "running", "holding", "in doubt", "rolling back", "over"] {
        assert!(runs.iter().any(|run| run.state.word() == word), "{word} isn't reached");
    }
}

#[test]
#[ignore = "writes the table anew; read the difference before you believe it"]
fn write_the_table() {
    std::fs::write("tests/run_support/edges.txt", tried()).unwrap();
}

#[test]
fn after_a_doubt_the_run_waits_for_what_it_waited_for() {
    let list = [started("list", Forward, 0, 1), held(HoldReason::Person, Some("list")), unit_unknown(u())];
    let doubt = events(&[&[open(), lock(), fence(1)], &whole("a", 0, 1), &[assumed("b")], &list]);
    let run = run_of(events(&[&doubt, &[reconciled(u(), true, None)]]));
    assert_eq!(run.hold().unwrap().reason, HoldReason::Person);
    assert_eq!(run.step("a").unwrap().status, Status::Verified);
    // Not applied after all: that is what has to be decided now.
    let run = run_of(events(&[&doubt, &[reconciled(u(), false, Some(person()))]]));
    assert_eq!(run.hold().unwrap().step.as_deref(), Some("a"));
    assert_eq!(run.step("a").unwrap().status, Status::Failed);
    assert!(run.applied_order.is_empty());
}

#[test]
fn a_failure_that_nobody_answered_outlives_the_process() {
    let fails = [started("a", Forward, 0, 1), failed("a", Forward, 0)];
    let dead = events(&[&[open(), lock(), fence(1)], &fails, &[resumed(), lock(), fence(2)]]);
    assert_eq!(run_of(dead.clone()).unanswered_failure().unwrap().id, "a");
    let answered =
        events(&[&dead, &[held(HoldReason::Failed, Some("a")), decided(Decision::Retry, None), resumed()]]);
    let run = run_of(answered);
    assert!(run.unanswered_failure().is_none());
    assert_eq!(run.next_step().unwrap().id, "a", "the retry was decided and not carried out");
}

#[test]
fn an_undo_clears_the_step_and_the_next_generation_starts_anew() {
    let back = unit("a", "", Back, 0);
    let undo = [
        rollback(&["a"], None),
        started("a", Back, 0, 1),
        unit_started(back.clone(), 1),
        intent(back.clone()),
        unit_applied(back),
        applied("a", Back, 0),
        undone("a", 0),
        held(HoldReason::RolledBackTo, None),
        decided(Decision::Go, None),
    ];
    let first = events(&[&[open(), lock(), fence(1)], &whole("a", 0, 1), &undo]);
    let run = run_of(first.clone());
    let a = run.step("a").unwrap();
    assert_eq!((a.generation, a.attempt, a.status), (1, 0, Status::Pending));
    assert!(a.units.is_empty() && a.checkpoints.is_empty() && run.applied_order.is_empty());
    assert_eq!(run.next_step().unwrap().id, "a");
    let run = run_of(events(&[&first, &whole("a", 1, 1)]));
    assert_eq!(run.applied_order, ["a"]);
}

#[test]
fn a_step_that_failed_half_way_is_undone_too_and_goes_on_where_it_was() {
    let (one, two) = (unit("a", "1", Forward, 0), unit("a", "2", Forward, 0));
    let half = [
        started("a", Forward, 0, 1),
        unit_started(one.clone(), 1),
        intent(one.clone()),
        unit_applied(one.clone()),
        unit_started(two.clone(), 1),
        unit_failed(two.clone()),
        failed("a", Forward, 0),
        held(HoldReason::Failed, Some("a")),
    ];
    let half = events(&[&[open(), lock(), fence(1)], &half]);
    let run = run_of(half.clone());
    assert_eq!(run.to_undo().map(|step| step.id.as_str()).collect::<Vec<_>>(), ["a"]);
    run_of(events(&[&half, &[rollback(&["a"], None), started("a", Back, 0, 1)]]));
    // A retry keeps what is applied, and doesn't let it be done twice.
    let mut run = run_of(events(&[&half, &[decided(Decision::Retry, None), started("a", Forward, 0, 2)]]));
    assert_eq!(run.step("a").unwrap().units.len(), 1);
    assert!(take(&mut run, unit_started(one, 2)).is_err());
    take(&mut run, unit_started(two, 1)).unwrap();
}

#[test]
fn a_doubt_that_the_same_process_settles_lets_it_go_on_in_the_step() {
    let (one, two) = (unit("a", "1", Forward, 0), unit("a", "2", Forward, 0));
    let lost = [
        open(),
        lock(),
        fence(1),
        started("a", Forward, 0, 1),
        unit_started(one.clone(), 1),
        intent(one.clone()),
        unit_unknown(one.clone()),
        lock(),
        fence(2),
    ];
    let found =
        [reconciled(one.clone(), true, None), decided(Decision::Go, None), unit_started(two.clone(), 1)];
    run_of(events(&[&lost, &found]));
    // Not applied: it has failed, and why can still be said, once.
    let not = [reconciled(one, false, None), decided(Decision::Go, None), failed("a", Forward, 0)];
    let mut run = run_of(events(&[&lost, &not]));
    assert_eq!(run.unanswered_failure().unwrap().id, "a");
    assert!(take(&mut run, failed("a", Forward, 0)).is_err());
    // After a death in between it has to be started again.
    let mut run = run_of(events(&[&lost, &[resumed(), lock(), fence(3)], &found[..2]]));
    assert!(take(&mut run, unit_started(two, 1)).is_err());
    let next = run.step("a").unwrap().next_attempt(Forward);
    take(&mut run, started("a", Forward, 0, next)).unwrap();
}

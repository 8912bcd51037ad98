//! What may be asked when, and that the fold takes what the gate allows.

use crate::run_support::*;
use holdpoint::run::command::{Command, Wish};
use holdpoint::run::event::*;
use holdpoint::run::gate::judge;
use holdpoint::run::state::{Run, RunState, Status};
use proptest::prelude::*;

fn ask(run: &Run, what: Wish) -> Result<(), String> {
    judge(run, &Command { what, by: person() }).map_err(|refused| refused.to_string())
}

#[track_caller]
fn refused(run: &Run, what: Wish, because: &str) {
    match ask(run, what.clone()) {
        Ok(()) => panic!("{what:?} is allowed"),
        Err(why) => assert!(why.contains(because), "{what:?}: {why}"),
    }
}

fn skip(step: &str) -> Wish {
    Wish::Skip { step: step.into(), reason: "so".into() }
}

fn accept(step: &str) -> Wish {
    Wish::Override { step: step.into(), reason: "so".into() }
}

fn sign(role: &str) -> Wish {
    Wish::Sign { step: "sign".into(), role: role.into(), accept: true, note: None }
}

fn tick(item: &str, note: Option<&str>) -> Wish {
    Wish::Confirm { step: "list".into(), item: item.into(), note: note.map(Into::into) }
}

fn back(to: Option<&str>) -> Wish {
    Wish::RollBack { to: to.map(Into::into), only: vec![], procedure: None, reason: "so".into() }
}

fn rule(step: &str) -> Wish {
    Wish::Rule { step: step.into(), unit: String::new(), applied: true, reason: "seen".into() }
}

fn end() -> Wish {
    Wish::End { reason: "so".into() }
}

fn ready() -> Vec<Event> {
    vec![open(), lock(), fence(1)]
}

fn after(events: impl IntoIterator<Item = Event>) -> Run {
    run_of(ready().into_iter().chain(events))
}

fn a() -> Unit {
    unit("a", "", Forward, 0)
}

#[test]
fn before_anything_happened() {
    let run = after([]);
    refused(&run, Wish::Go, "no step has begun");
    refused(&run, Wish::Retry, "no step has begun");
    refused(&run, back(None), "nothing has been applied yet");
    refused(&run, skip("nope"), "no step `nope`");
    refused(&run, tick("backup", None), "no step has begun");
    refused(&run, Wish::Cancel, "nothing runs");
    assert_eq!(ask(&run, end()), Ok(()));
    refused(&Run::default(), Wish::Go, "isn't open");
}

#[test]
fn while_a_step_runs_it_can_be_held_cancelled_and_noted() {
    let run = after([started("a", Forward, 0, 1), unit_started(a(), 1)]);
    for wish in [Wish::Go, Wish::Retry, skip("a"), skip("b"), accept("a"), back(None), end()] {
        refused(&run, wish, "step `a` is running");
    }
    assert_eq!(ask(&run, Wish::Hold), Ok(()));
    assert_eq!(ask(&run, Wish::Cancel), Ok(()));
    assert_eq!(ask(&run, Wish::Note { step: None, text: "slow".into() }), Ok(()));
    refused(&run, Wish::Note { step: None, text: " ".into() }, "empty");
    assert_eq!(ask(&run, Wish::Look { sql: "SELECT 1".into() }), Ok(()));
    refused(&run, Wish::Look { sql: " \n".into() }, "no query");
    assert_eq!(ask(&run, Wish::Leave { why: "away".into() }), Ok(()));
    let run = after([started("a", Forward, 0, 1), decided(Decision::Hold, None)]);
    refused(&run, Wish::Hold, "will hold after this step");
}

#[test]
fn a_failed_step_is_tried_again_or_left_out() {
    let run = after([
        started("a", Forward, 0, 1),
        unit_started(a(), 1),
        unit_failed(a()),
        failed("a", Forward, 0),
        held(HoldReason::Failed, Some("a")),
    ]);
    refused(&run, Wish::Go, "retry it, skip it");
    refused(&run, accept("a"), "only failed checkpoints");
    refused(&run, skip("b"), "isn't the turn");
    refused(&run, Wish::Skip { step: "a".into(), reason: " ".into() }, "reason");
    refused(&run, back(None), "nothing has been applied yet");
    for wish in [Wish::Retry, skip("a"), end()] {
        assert_eq!(ask(&run, wish), Ok(()));
    }
}

#[test]
fn failed_checkpoints_are_looked_at_again_or_overridden() {
    let run = after([
        started("a", Forward, 0, 1),
        unit_started(a(), 1),
        intent(a()),
        unit_applied(a()),
        applied("a", Forward, 0),
        checkpoint("a", "a/rows", Forward, false),
        unverified("a"),
        held(HoldReason::Unverified, Some("a")),
    ]);
    refused(&run, Wish::Go, "override with a reason");
    refused(&run, skip("a"), "override them or roll back");
    refused(&run, Wish::Override { step: "a".into(), reason: String::new() }, "reason");
    refused(&run, back(Some("b")), "isn't applied");
    for wish in [Wish::Retry, accept("a"), back(None), back(Some("a")), end()] {
        assert_eq!(ask(&run, wish), Ok(()));
    }
}

#[test]
fn people_tick_and_sign_in_their_turn() {
    let mut events = vec![assumed("a"), assumed("b")];
    refused(&after(events.clone()), tick("backup", None), "isn't the turn");
    events.extend([started("list", Forward, 0, 1), held(HoldReason::Person, Some("list"))]);
    let run = after(events.clone());
    assert_eq!(ask(&run, tick("backup", None)), Ok(()));
    refused(&run, tick("nope", None), "no item");
    refused(&run, tick("counts", None), "by its proof");
    refused(&run, tick("ticket", None), "wants something written");
    assert_eq!(ask(&run, tick("ticket", Some("OPS-1"))), Ok(()));
    refused(&run, Wish::Go, "not ticked yet: backup, counts, ticket");
    assert_eq!(ask(&run, Wish::Retry), Ok(()), "the proof may hold now");
    refused(&run, sign("dba"), "isn't the turn");
    refused(&run, Wish::Confirm { step: "a".into(), item: "x".into(), note: None }, "no checklist");
    events.extend(["backup", "counts", "ticket"].map(|item| confirmed("list", item)));
    let run = after(events.clone());
    assert_eq!(ask(&run, Wish::Go), Ok(()));
    refused(&run, tick("backup", None), "already, by Ada");
    refused(&run, Wish::Retry, "nothing failed");

    events.extend([
        decided(Decision::Go, None),
        applied("list", Forward, 0),
        verified("list"),
        started("sign", Forward, 0, 1),
    ]);
    let run = after(events.clone());
    refused(&run, sign("chef"), "doesn't ask for `chef` but for dba, lead");
    refused(&run, sign("lead"), "`dba` signs before `lead`");
    assert_eq!(ask(&run, sign("dba")), Ok(()));
    events.push(signed("sign", "dba", true));
    let run = after(events.clone());
    refused(&run, sign("dba"), "has signed already: Ada");
    assert_eq!(ask(&run, sign("lead")), Ok(()));
    events.push(signed("sign", "lead", false));
    refused(&after(events), sign("lead"), "has declined");
}

#[test]
fn what_is_in_doubt_is_ruled_on_first() {
    let run = after([started("a", Forward, 0, 1), unit_started(a(), 1), intent(a()), unit_unknown(a())]);
    for wish in [Wish::Go, Wish::Retry, skip("a"), accept("a"), back(None), end(), Wish::Hold, Wish::Cancel] {
        refused(&run, wish, "ruled on first");
    }
    refused(&run, rule("b"), "in doubt: step `a`");
    assert_eq!(ask(&run, rule("a")), Ok(()));
    let blank = Wish::Rule { step: "a".into(), unit: String::new(), applied: true, reason: String::new() };
    refused(&run, blank, "reason");
    refused(&after([]), rule("a"), "nothing is in doubt");
}

#[test]
fn the_authorization_is_not_skipped() {
    let mut opened = opened();
    opened.authorization = Some("sign".into());
    let run = run_of([
        Event::RunOpened(Box::new(opened)),
        lock(),
        assumed("a"),
        assumed("b"),
        assumed("list"),
        started("sign", Forward, 0, 1),
        held(HoldReason::Person, Some("sign")),
    ]);
    refused(&run, skip("sign"), "nothing changes before it is signed");
}

#[test]
fn a_failed_rollback_is_tried_again_left_out_or_the_end() {
    let mut events = whole("a", 0, 1);
    let u = unit("a", "", Back, 0);
    events.extend([
        rollback(&["a"], None),
        started("a", Back, 0, 1),
        unit_started(u.clone(), 1),
        unit_failed(u),
        failed("a", Back, 0),
    ]);
    refused(&after(events.clone()), back(None), "a rollback is under way");
    events.push(held(HoldReason::UndoFailed, Some("a")));
    let run = after(events.clone());
    refused(&run, Wish::Go, "retry it, skip it (its effects stay)");
    refused(&run, skip("b"), "only a rollback that failed");
    refused(&run, back(None), "a rollback is under way");
    for wish in [Wish::Retry, skip("a"), end()] {
        assert_eq!(ask(&run, wish), Ok(()));
    }
    events.extend([decided(Decision::Skip, Some("a")), rollback_ended()]);
    let run = after(events);
    assert_eq!(run.rollback.as_ref().unwrap().kept, [("a".to_owned(), "so".to_owned())]);
}

#[test]
fn nothing_is_asked_of_a_run_that_is_over() {
    let run = run_of(whole_run());
    for wish in [Wish::Go, back(None), end(), sign("dba"), Wish::Note { step: None, text: "x".into() }] {
        refused(&run, wish, "over");
    }
    assert_eq!(ask(&run, Wish::Leave { why: "done".into() }), Ok(()));
}

fn wishes() -> Vec<Wish> {
    let mut wishes = vec![Wish::Go, Wish::Retry, Wish::Hold, Wish::Cancel, end(), back(None)];
    for step in ["a", "b", "list", "sign", "p1"] {
        wishes.extend([skip(step), accept(step), back(Some(step)), rule(step)]);
    }
    wishes.push(Wish::RollBack {
        to: None,
        only: vec![],
        procedure: Some("proc".into()),
        reason: "so".into(),
    });
    wishes.extend(["backup", "ticket"].map(|item| tick(item, Some("x"))));
    wishes.extend(["dba", "lead"].map(sign));
    wishes.push(Wish::EndBackend { backend: stranger(4711), what: BackendEnd::Terminate });
    wishes
}

/// What the engine journals when it takes the command.
fn carried_out(run: &Run, wish: &Wish) -> Vec<Event> {
    let decide = |what, step: Option<&String>| decided(what, step.map(String::as_str));
    match wish {
        Wish::Go => vec![decide(Decision::Go, None)],
        Wish::Retry => vec![decide(Decision::Retry, None)],
        Wish::Hold => vec![decide(Decision::Hold, None)],
        Wish::Cancel => vec![decide(Decision::Cancel, None)],
        Wish::Skip { step, .. } if run.goes_back() && run.step(step).unwrap().procedure.is_none() => {
            vec![decide(Decision::Skip, Some(step))]
        }
        Wish::Skip { step, .. } => vec![decide(Decision::Skip, Some(step)), skipped(step)],
        Wish::Override { step, .. } if run.step(step).unwrap().status == Status::Unverified => {
            vec![decide(Decision::Override, Some(step)), accepted(step)]
        }
        Wish::Override { step, .. } => vec![decide(Decision::Override, Some(step))],
        Wish::Confirm { step, item, .. } => vec![confirmed(step, item)],
        Wish::Sign { step, role, .. } => vec![signed(step, role, true)],
        Wish::Rule { step, .. } => {
            let doubt = run.doubts.iter().find(|doubt| doubt.step == *step).unwrap();
            vec![decide(Decision::RuledApplied, Some(step)), reconciled(doubt.clone(), true, Some(person()))]
        }
        Wish::RollBack { procedure, .. } => {
            vec![decide(Decision::RollBack, None), rollback(&["a"], procedure.as_deref())]
        }
        Wish::End { .. } if run.state == RunState::Opening => {
            vec![decide(Decision::End, None), crate::run_support::refused()]
        }
        Wish::End { .. } => vec![decide(Decision::End, None), stopped()],
        Wish::Note { .. } => vec![note()],
        Wish::Look { .. } => vec![looked()],
        Wish::Leave { .. } => vec![left()],
        Wish::EndBackend { backend, .. } => {
            vec![backend_ending(backend.pid), backend_ended(backend.pid)]
        }
    }
}

/// Any event, for any step and unit, with figures near the right ones.
fn any_event(run: &Run, pick: &[u16]) -> Event {
    let n = |i: usize| usize::from(pick[i % pick.len()]);
    let step = ["a", "b", "list", "sign", "p1"][n(1) % 5];
    let state = run.step(step).unwrap();
    let direction = if n(2) % 3 == 0 { Back } else { Forward };
    let generation = state.generation;
    let u = unit(step, ["", "", "2"][n(3) % 3], direction, generation);
    let tries = state.unit(&u).map_or(0, |u| u.attempt) + 1;
    let attempt = 1 + if direction == Back { state.undo_attempt } else { state.attempt };
    let id = if step == "a" { "a/rows" } else { "x" };
    let reasons = [HoldReason::Failed, HoldReason::Person, HoldReason::UndoFailed, HoldReason::LockLost];
    let reasons2 =
        [HoldReason::Unverified, HoldReason::Unknown, HoldReason::RolledBackTo, HoldReason::Stepping];
    match n(0) % 40 {
        0 => resumed(),
        1 | 2 => lock(),
        3 | 4 => fence(run.epoch.unwrap_or(0) + 1),
        5..=9 => started(step, direction, generation, attempt),
        10 | 11 => unit_started(u, tries),
        12 => bare(u, tries),
        13 | 14 => intent(u),
        15..=17 => unit_applied(u),
        18 => unit_failed(u),
        19 => unit_unknown(u),
        20 => reconciled(u, n(3) % 2 == 0, None),
        21 => retry(u),
        22 | 23 => applied(step, direction, generation),
        24 | 25 => checkpoint(step, id, direction, n(3) % 3 != 0),
        26 => verified(step),
        27 => unverified(step),
        28 => failed(step, direction, generation),
        29 => undone(step, generation),
        30 => held(reasons[n(3) % 4].clone(), Some(step)),
        31 => held(reasons2[n(3) % 4].clone(), Some(step)),
        32 => assumed(step),
        33 => rollback(&["a"], (n(3) % 4 == 0).then_some("proc")),
        34 => rollback_ended(),
        35 => confirmed("list", ["backup", "counts", "ticket"][n(3) % 3]),
        36 => signed("sign", ["dba", "lead"][n(3) % 2], n(2) % 4 != 0),
        37 => left(),
        38 => {
            decided([Decision::Go, Decision::Retry, Decision::Skip, Decision::Override][n(3) % 4], Some(step))
        }
        _ => {
            if n(3) % 8 == 0 {
                done()
            } else {
                note()
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// Folding never panics, a refused event changes nothing, and whatever the gate allows on the way
    /// the fold takes.
    #[test]
    fn a_random_walk(picks in prop::collection::vec(prop::collection::vec(any::<u16>(), 4), 1..160)) {
        let mut run = run_of(ready());
        let mut taken = 0;
        for pick in &picks {
            let before = run.clone();
            let event = any_event(&run, pick);
            match take(&mut run, event.clone()) {
                Ok(()) => taken += 1,
                Err(_) => prop_assert_eq!(&run, &before, "refused {:?}", event),
            }
            prop_assert!(run.doubts.is_empty() != matches!(run.state, RunState::InDoubt(_)));
            for wish in wishes() {
                if ask(&run, wish.clone()).is_err() {
                    continue;
                }
                let mut after = run.clone();
                for event in carried_out(&run, &wish) {
                    if let Err(illegal) = take(&mut after, event) {
                        prop_assert!(false, "{:?} is allowed and can't be done: {}\n{:#?}", wish, illegal, run);
                    }
                }
            }
        }
        prop_assert!(taken > 0 || picks.len() < 20);
        let _ = (run.next_step(), run.summary(at(9)), run.counts_by_status(), run.unanswered_failure());
    }
}

/// Sessions of others are ended whatever the run does, as long as it is open; ours never are, nor one that
/// can't be told from another of its number.
#[test]
fn a_session_of_somebody_else_may_be_ended_while_the_run_is_open() {
    let of = |backend: Backend, what| Wish::EndBackend { backend, what };
    let (cancel, terminate) = (BackendEnd::Cancel, BackendEnd::Terminate);
    refused(&Run::default(), of(stranger(7), terminate), "isn't open yet");
    refused(&after([crate::run_support::refused()]), of(stranger(7), terminate), "is over");
    for events in [vec![], vec![started("a", Forward, 0, 1)], vec![held(HoldReason::Asked, None)]] {
        let run = after(events);
        assert_eq!(ask(&run, of(stranger(7), terminate)), Ok(()));
        assert_eq!(ask(&run, of(stranger(7), cancel)), Ok(()));
        refused(
            &run,
            of(Backend { application: "holdpoint work".into(), ..stranger(7) }, terminate),
            "holdpoint itself",
        );
        refused(
            &run,
            of(Backend { backend_start: String::new(), ..stranger(7) }, terminate),
            "pg_read_all_stats",
        );
        refused(&run, of(stranger(0), terminate), "ROLLBACK PREPARED");
        let idle = Backend { state: "idle in transaction".into(), ..stranger(7) };
        refused(&run, of(idle.clone(), cancel), "no statement of it runs");
        assert_eq!(ask(&run, of(idle, terminate)), Ok(()));
    }
    // Once is enough, until it is known what came of it.
    let mut run = after([backend_ending(7)]);
    refused(&run, of(stranger(7), terminate), "under way already");
    assert_eq!(ask(&run, of(stranger(8), terminate)), Ok(()));
    assert!(take(&mut run, backend_ended(8)).is_err(), "nobody asked for that one");
    take(&mut run, backend_ended(7)).unwrap();
    assert_eq!(run.backends[0].outcome, Some(BackendOutcome::Done));
    assert!(take(&mut run, backend_ended(7)).is_err(), "it ended once");
    assert_eq!(ask(&run, of(stranger(7), terminate)), Ok(()));
    // A process that died with it under way leaves it open: the next one may ask again.
    let mut run = after([backend_ending(7)]);
    take(&mut run, resumed()).unwrap();
    assert_eq!(ask(&run, of(stranger(7), terminate)), Ok(()));
    assert!(run.backends[0].why.is_some());
}

/// Counts rest on what there was before, and tell what became of it.
#[test]
fn counts_follow_the_baseline() {
    let mut run = after([]);
    assert!(take(&mut run, counts_taken("a")).unwrap_err().why.contains("baseline"));
    take(&mut run, Event::BaselineTaken(Box::default())).unwrap();
    assert!(take(&mut run, counts_taken("nobody")).is_err());
    take(&mut run, counts_taken("a")).unwrap();
    assert_eq!(run.rows_of("t").1.map(|rows| rows.rows), Some(7));
    assert_eq!(run.rows_of("old").1, None);
    assert_eq!(run.deltas.moments, [("a".to_owned(), Forward)]);
    assert_eq!(run.deltas.objects[&holdpoint::plan::model::Kind::Tables], [(0, 3)]);
}

//! A rollback that is killed and taken up again ends where an undisturbed one does: of own rollbacks
//! (Kochel), and of procedures, globs and holds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use holdpoint::run::event::HoldReason;
use holdpoint::run::state::Run;
use tokio::task::JoinSet;

use crate::lab::{Case, Ended, LIST, Lab, Scenario, Standing};
use crate::picture::Picture;
use crate::points::{report, same};

/// What is rolled back, and how.
struct Way {
    scenario: Scenario,
    /// Phases that the run is to do; it stays open behind them.
    only: &'static [&'static str],
    /// What the run ends with, still open; or over, when nothing was left to do.
    open: i32,
    /// Flags of the rollback and of resuming it.
    flags: &'static [&'static str],
    /// Those that only the rollback has.
    asks: &'static [&'static str],
    /// How it ends: 4, or 6 where only a part is asked for or somebody is waited for.
    ends: i32,
    /// What brings it to its end from there; none: there it is to stand.
    then: &'static [&'static str],
    /// Rows that the ledger has of it in the end.
    rows: usize,
}

/// A run up to where it is still open, so that it can be rolled back.
async fn applied(lab: &Lab, way: &Way, label: &str) -> Case {
    let case = lab.case(&way.scenario, label).await;
    let plan = way.scenario.plan.display().to_string();
    let mut words = vec!["run", plan.as_str()];
    for phase in way.only {
        words.extend(["--only", *phase]);
    }
    if way.open == 0 && way.only.is_empty() {
        words.extend(["--confirm", "person=Kim"]);
    }
    let ended = case.wait(lab, case.start(&words, None)).await;
    assert_eq!(ended.code(), Some(way.open), "{}\n{}", ended.said(), lab.dump(&case));
    case
}

async fn roll_back(lab: &Lab, way: &Way, case: &Case, crash: Option<&str>) -> Ended {
    let mut words = vec!["rollback"];
    words.extend_from_slice(way.flags);
    words.extend_from_slice(way.asks);
    // One that is over has to be named.
    let over = case.fold().filter(|run| run.is_ended()).and_then(|run| run.id).map(|id| id.to_string());
    words.extend(over.as_deref());
    case.wait(lab, case.start(&words, crash)).await
}

/// Servers side by side: each has the run once, and puts it back for every point.
const SIDE_BY_SIDE: usize = 2;

/// A server with the run as it stands before it goes back.
struct Start {
    lab: Lab,
    way: Way,
    standing: Standing,
}

impl Start {
    async fn new(way: impl AsyncFn(&Lab) -> Way) -> Self {
        let lab = Lab::start().await;
        let way = way(&lab).await;
        let case = applied(&lab, &way, "backwards").await;
        let standing = lab.keep(case).await;
        Self { lab, way, standing }
    }
}

async fn kill_and_go_on(start: &Start, wanted: &Picture, point: &str) -> Result<(), String> {
    let Start { lab, way, standing } = start;
    let case = lab.put_back(standing, point).await;
    let killed = roll_back(lab, way, &case, Some(point)).await;
    if !killed.was_killed() {
        return Err(format!("wasn't killed: {}", killed.said()));
    }
    let is_over = |run: &Run| run.is_ended() && run.applied_order.is_empty();
    let is_there = |run: &Run| is_over(run) || run.hold_reason() == Some(&HoldReason::RolledBackTo);
    if !case.fold().is_some_and(|run| is_there(&run)) {
        // One half says rollback again, the other resume: both go on backwards once it had begun.
        let back = case.fold().is_some_and(|run| run.goes_back() || run.only_goes_back());
        let ended = if back && point.len().is_multiple_of(2) {
            case.resume(lab, way.flags, None).await
        } else {
            roll_back(lab, way, &case, None).await
        };
        if ended.code() != Some(way.ends) {
            return Err(format!("going on backwards: {}\n{}", ended.said(), lab.dump(&case)));
        }
    }
    to_its_end(start, &case).await?;
    same(wanted, &lab.picture(&case.database).await).map_err(|why| format!("{why}\n{}", lab.dump(&case)))
}

/// Brings it from where it waits to its end, where it is to come to one.
async fn to_its_end(Start { lab, way, .. }: &Start, case: &Case) -> Result<(), String> {
    if way.then.is_empty() || case.fold().is_some_and(|run| run.is_ended()) {
        return Ok(());
    }
    let ended = case.resume(lab, way.then, None).await;
    let whole = ended.code() == Some(4);
    if whole { Ok(()) } else { Err(format!("at its end: {}\n{}", ended.said(), lab.dump(case))) }
}

/// Kills it at the points that `chosen` takes: the name of a point, and how often it was passed.
async fn killed_everywhere(way: impl AsyncFn(&Lab) -> Way, chosen: fn(&str, usize) -> bool, at_least: usize) {
    let first = Start::new(&way).await;
    let case = first.lab.put_back(&first.standing, "undisturbed").await;
    let ended = roll_back(&first.lab, &first.way, &case, Some(LIST)).await;
    assert_eq!(ended.code(), Some(first.way.ends), "{}\n{}", ended.said(), first.lab.dump(&case));
    to_its_end(&first, &case).await.unwrap();
    let wanted = Arc::new(first.lab.picture(&case.database).await);
    assert_eq!(wanted.ledger.len(), first.way.rows, "{:?}", wanted.ledger);

    let all = std::env::var("HOLDPOINT_CHAOS").is_ok_and(|value| value == "all");
    let mut passed: BTreeMap<String, usize> = BTreeMap::new();
    let mut points = Vec::new();
    for name in std::fs::read_to_string(&case.list).unwrap().lines() {
        let n = passed.entry(name.to_owned()).or_default();
        *n += 1;
        if all || chosen(name, *n) {
            points.push(format!("{name}:{n}"));
        }
    }
    let (name, count) = (first.way.scenario.name, points.len());
    assert!(count >= at_least, "{count} points");
    let points = Arc::new(Mutex::new(points));
    let mut starts = vec![first];
    while starts.len() < SIDE_BY_SIDE {
        starts.push(Start::new(&way).await);
    }
    let mut tasks = JoinSet::new();
    for start in starts {
        let (wanted, points) = (Arc::clone(&wanted), Arc::clone(&points));
        tasks.spawn(async move {
            let mut failed = BTreeMap::new();
            let next = || points.lock().unwrap().pop();
            while let Some(point) = next() {
                if let Err(why) = kill_and_go_on(&start, &wanted, &point).await {
                    failed.insert(point, why);
                }
            }
            failed
        });
    }
    let mut failed = BTreeMap::new();
    while let Some(done) = tasks.join_next().await {
        failed.extend(done.unwrap());
    }
    println!("{name} backwards: killed at {count} points");
    report(&format!("{name} backwards"), count, failed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_is_killed_and_taken_up() {
    let only = &["preflight", "authorize", "execute", "verify"];
    let way = async |lab: &Lab| Way {
        scenario: lab.kochel().await,
        only,
        open: 0,
        flags: &[],
        asks: &[],
        ends: 4,
        then: &[],
        rows: 8,
    };
    let chosen = |name: &str, n: usize| match name {
        "journal-after-line" => n.is_multiple_of(2),
        "journal-before-line" => n.is_multiple_of(6),
        "journal-torn-line" => n % 6 == 3,
        _ => true,
    };
    killed_everywhere(way, chosen, 20).await;
}

/// Of a glob, of a procedure with people and a check in it, and of a step that is undone with another; open
/// at its end (exit 6), or over (exit 0).
async fn by_all_ways(lab: &Lab, open: i32) -> Way {
    let scenario = lab.plan("ways").await;
    Way {
        scenario,
        only: &[],
        open,
        flags: &["--confirm", "everybody=Kim"],
        asks: &[],
        ends: 4,
        then: &[],
        rows: 5 + 6,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn procedures_globs_and_holds_are_killed_and_taken_up() {
    let way = async |lab: &Lab| by_all_ways(lab, 6).await;
    let chosen = |name: &str, n: usize| match name {
        "journal-after-line" => n.is_multiple_of(2),
        "journal-before-line" => n % 12 == 5,
        "journal-torn-line" => n % 12 == 9,
        _ => n.is_multiple_of(2),
    };
    killed_everywhere(way, chosen, 20).await;
}

/// The morning after: the same of a run that is over.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_over_is_killed_on_its_way_back() {
    let way = async |lab: &Lab| by_all_ways(lab, 0).await;
    // What is special is at its beginning; behind it, it is a rollback like another.
    let chosen = |name: &str, n: usize| match name {
        "journal-after-line" => n < 8,
        "journal-before-line" => n < 6 && n.is_multiple_of(2),
        "journal-torn-line" => n == 1,
        _ => false,
    };
    killed_everywhere(way, chosen, 9).await;
}

/// What is special of a rollback that ends where somebody is waited for.
fn a_few(name: &str, n: usize) -> bool {
    match name {
        "journal-after-line" => n.is_multiple_of(2),
        "journal-before-line" => n % 12 == 5,
        "journal-torn-line" => n % 12 == 9,
        _ => n.is_multiple_of(2),
    }
}

/// Only as far as a step: wherever it is killed, it ends there, and the rest stands (exit 6).
#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_it_is_killed_and_taken_up() {
    let way = async |lab: &Lab| Way {
        flags: &[],
        asks: &["--to", "own"],
        ends: 6,
        rows: 5 + 2,
        ..by_all_ways(lab, 6).await
    };
    killed_everywhere(way, a_few, 9).await;
}

/// Nobody has confirmed what the procedure asks: it waits there (exit 6), and goes on when somebody has.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_waits_for_people_is_killed_before_they_come() {
    let way = async |lab: &Lab| Way {
        flags: &[],
        ends: 6,
        then: &["--confirm", "everybody=Kim"],
        ..by_all_ways(lab, 6).await
    };
    killed_everywhere(way, a_few, 9).await;
}

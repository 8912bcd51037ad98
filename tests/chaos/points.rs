//! Killed at every point, resumed, and compared with a run that nobody disturbed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use holdpoint::run::event::{Envelope, Event};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::lab::{Case, LIST, Lab, Scenario};
use crate::picture::Picture;

/// How many cases run side by side.
const SIDE_BY_SIDE: usize = 3;

/// A run that nobody disturbs: what there is at its end, and the points that it passed.
pub struct Undisturbed {
    pub picture: Picture,
    /// `name:n` in the order of passing, with the event that a point of the journal is about.
    pub points: Vec<(String, String)>,
}

pub async fn undisturbed(lab: &Lab, scenario: &Scenario) -> Undisturbed {
    let case = lab.case(scenario, "undisturbed").await;
    let ended = case.run(lab, Some(LIST)).await;
    assert_eq!(ended.code(), Some(0), "{}\n{}", ended.said(), lab.dump(&case));
    let picture = lab.picture(&case.database).await;
    let points = numbered(&case, &events(&case.lines()));
    lab.put_away(case).await;
    Undisturbed { picture, points }
}

/// A step that only looked: nothing of it can be applied or not.
const LOOKED: &str = "a step that only looked";

/// What each line is about.
fn events(lines: &[Envelope]) -> Vec<String> {
    let step = |line: &Envelope| line.event.step().map(str::to_owned);
    let acted: BTreeSet<String> = lines
        .iter()
        .filter(|line| matches!(line.event, Event::UnitStarted { .. }))
        .filter_map(step)
        .collect();
    let name = |line: &Envelope| match &line.event {
        Event::StepStarted { .. } | Event::StepApplied { .. } | Event::StepVerified { .. }
            if step(line).is_some_and(|step| !acted.contains(&step)) =>
        {
            LOOKED.to_owned()
        }
        event => event.name().to_owned(),
    };
    lines.iter().map(name).collect()
}

/// The points of a list as `name:n`. `events` are those that this program wrote.
fn numbered(case: &Case, events: &[String]) -> Vec<(String, String)> {
    let mut passed: HashMap<String, usize> = HashMap::new();
    let list = std::fs::read_to_string(&case.list).expect("the points");
    let number = |name: &str| {
        let n = passed.entry(name.to_owned()).or_default();
        *n += 1;
        let event = if name.starts_with("journal-") { events[*n - 1].clone() } else { String::new() };
        (format!("{name}:{n}"), event)
    };
    list.lines().map(number).collect()
}

/// Killed at `first`, and the resume that follows at points of its own; then resumed once more.
pub async fn kill_twice(
    lab: &Arc<Lab>,
    scenario: &Arc<Scenario>,
    wanted: &Arc<Picture>,
    first: &str,
) -> usize {
    let case = lab.case(scenario, &format!("{first}, resumed")).await;
    assert!(case.run(lab, Some(first)).await.was_killed(), "{first}\n{}", lab.dump(&case));
    let before = case.lines().len();
    let ended = case.resume(lab, &[], Some(LIST)).await;
    assert_eq!(ended.code(), Some(0), "{}\n{}", ended.said(), lab.dump(&case));
    let points = numbered(&case, &events(&case.lines())[before..]);
    lab.put_away(case).await;
    // What is special about a resume is at its beginning.
    let chosen: Vec<String> = points
        .iter()
        .filter(|(point, _)| !point.starts_with("journal-torn-line"))
        .take(if is_all() { usize::MAX } else { 8 })
        .map(|(point, _)| format!("{first} {point}"))
        .collect();
    let count = chosen.len();
    kill_at(lab, scenario, wanted, chosen).await;
    count
}

fn is_all() -> bool {
    std::env::var("HOLDPOINT_CHAOS").is_ok_and(|value| value == "all")
}

/// Which of the points are tried by default: all that are between two steps of the crash matrix; after
/// every line of the journal, but for those that checks, checkpoints and people write by the dozen; and some
/// of the others. HOLDPOINT_CHAOS=all tries every one.
pub fn chosen(points: &[(String, String)]) -> Vec<String> {
    let all = is_all();
    let minor = |event: &str| {
        // Nothing happens in the database before or after these.
        matches!(event, "checkpoint_result" | "confirmed" | "signed" | "saved" | "held" | "decided" | LOOKED)
    };
    // Right behind these lines is a point of its own, which is tried each time.
    let has_point =
        |event: &str| matches!(event, "unit_started" | "bare_intent" | "commit_intent" | "unit_applied");
    let mut chosen = Vec::new();
    for (point, event) in points {
        let Some((name, n)) = point.rsplit_once(':') else { continue };
        // How often a watch is asked is another number each time.
        if name == "watch-asked" && n != "1" {
            continue;
        }
        let turn = match name {
            "journal-before-line" => 0,
            "journal-torn-line" => 1,
            "journal-after-line" => 2,
            _ => {
                chosen.push(point.clone());
                continue;
            }
        };
        let n: usize = n.parse().unwrap();
        let often = if minor(event) { 6 } else { 2 };
        let each_time = turn == 2 && !minor(event) && !has_point(event);
        if all || each_time || (n / 3).is_multiple_of(often) && n % 3 == turn {
            chosen.push(point.clone());
        }
    }
    chosen
}

/// So many of the points, from all over the run; HOLDPOINT_CHAOS=all leaves none out.
pub fn spread(points: Vec<String>, count: usize) -> Vec<String> {
    if is_all() {
        return points;
    }
    let every = (points.len() / count).max(1);
    points.into_iter().skip(every / 2).step_by(every).take(count).collect()
}

/// Kills, resumes and compares at each of the points (several in one, with blanks between: one after
/// the other); panics with all that went wrong.
pub async fn kill_at(lab: &Arc<Lab>, scenario: &Arc<Scenario>, wanted: &Arc<Picture>, points: Vec<String>) {
    let began = Instant::now();
    let count = points.len();
    let gate = Arc::new(Semaphore::new(SIDE_BY_SIDE));
    let mut tasks = JoinSet::new();
    for point in points {
        let (lab, scenario, wanted, gate) =
            (Arc::clone(lab), Arc::clone(scenario), Arc::clone(wanted), Arc::clone(&gate));
        tasks.spawn(async move {
            let _turn = gate.acquire().await.expect("the gate is open");
            (point.clone(), kill_and_resume(&lab, &scenario, &wanted, &point).await)
        });
    }
    let mut failed = BTreeMap::new();
    while let Some(done) = tasks.join_next().await {
        let (point, result) = done.expect("a case doesn't panic");
        if let Err(why) = result {
            failed.insert(point, why);
        }
    }
    println!("{}: killed at {count} points in {:.0?}", scenario.name, began.elapsed());
    report(scenario.name, count, failed);
}

pub fn report(name: &str, count: usize, failed: BTreeMap<String, String>) {
    if failed.is_empty() {
        return;
    }
    let names: Vec<&str> = failed.keys().map(String::as_str).collect();
    let first: Vec<String> =
        failed.iter().take(3).map(|(point, why)| format!("=== {point}\n{why}")).collect();
    panic!("{name}: {} of {count} points failed: {}\n{}", failed.len(), names.join(" "), first.join("\n"));
}

async fn kill_and_resume(
    lab: &Lab,
    scenario: &Scenario,
    wanted: &Picture,
    point: &str,
) -> Result<(), String> {
    let case = lab.case(scenario, point).await;
    for (i, point) in point.split(' ').enumerate() {
        let killed = match i {
            0 => case.run(lab, Some(point)).await,
            _ => case.resume(lab, &[], Some(point)).await,
        };
        if !killed.was_killed() {
            return Err(format!("wasn't killed at {point}: {}\n{}", killed.said(), lab.dump(&case)));
        }
    }
    case.carry_on(lab).await.map_err(|why| format!("{why}\n{}", lab.dump(&case)))?;
    same(wanted, &lab.picture(&case.database).await).map_err(|why| format!("{why}\n{}", lab.dump(&case)))?;
    lab.put_away(case).await;
    Ok(())
}

/// Says what differs.
pub fn same(wanted: &Picture, got: &Picture) -> Result<(), String> {
    if wanted == got {
        return Ok(());
    }
    let mut why = Vec::new();
    if wanted.schema != got.schema {
        let diff = holdpoint::pg::fingerprint::Fingerprint::diff(&wanted.schema, &got.schema);
        why.push(format!("the schema: {diff:?}"));
    }
    if wanted.tables != got.tables {
        why.push(format!("rows: {:?}, not {:?}", got.tables, wanted.tables));
    }
    if wanted.contents != got.contents {
        why.push(format!("contents: {:?}, not {:?}", got.contents, wanted.contents));
    }
    if wanted.ledger != got.ledger {
        why.push(format!("the ledger:\n{}\nnot\n{}", got.ledger.join("\n"), wanted.ledger.join("\n")));
    }
    Err(format!("it isn't as after an undisturbed run: {}", why.join("; ")))
}

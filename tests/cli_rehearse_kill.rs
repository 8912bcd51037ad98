//! A rehearsal that is killed leaves no server, no folder that the next start doesn't sweep, no half a
//! record, and nothing on the target.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;
mod scene;

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

use common::server::TestServer;
use holdpoint::journal::StateDir;
use scene::corner::Corner;
use scene::{Said, open_folder, plan_text, wait_for};

const STEPS: &str = r#"
[[phase]]
id = "main"
title = "Main"

[[phase.step]]
id = "make"
title = "Make"
sql = "CREATE TABLE IF NOT EXISTS made (n int);"
idempotent = true
rollback = { sql = "DROP TABLE made;" }

[[phase.step]]
id = "fill"
title = "Fill"
sql = "INSERT INTO made VALUES (1);"
checkpoint = [{ title = "one", sql = "SELECT count(*) FROM made", expect = 1 }]
rollback = { sql = "DELETE FROM made;" }
"#;

fn rehearsal(corner: &Corner, folder: &Path) -> Command {
    let mut command = corner.command("rehearse --json");
    command.arg(folder.join("plan.toml")).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Every point that a rehearsal passes, as `name:n`.
fn points(corner: &Corner, folder: &Path) -> Vec<String> {
    let list = folder.join("points");
    let mut command = rehearsal(corner, folder);
    command.env("HOLDPOINT_CRASH_LIST", &list);
    Said::by(command).exits(0);
    let mut passed: BTreeMap<String, usize> = BTreeMap::new();
    let text = std::fs::read_to_string(list).unwrap();
    let number = |name: &str| {
        let n = passed.entry(name.to_owned()).or_default();
        *n += 1;
        format!("{name}:{n}")
    };
    text.lines().map(number).collect()
}

/// By default each kind of point at its first and last time, and every twentieth line of a journal.
/// HOLDPOINT_CHAOS=all tries every one.
fn chosen(points: &[String]) -> Vec<&String> {
    if std::env::var("HOLDPOINT_CHAOS").is_ok_and(|value| value == "all") {
        return points.iter().collect();
    }
    let kind = |point: &String| point.split(':').next().unwrap().to_owned();
    let mut own: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    for point in points {
        own.entry(kind(point)).or_default().push(point);
    }
    let some = own.iter().flat_map(|(kind, points)| {
        let ends = [points.first(), points.last()].into_iter().flatten().copied();
        let every = if kind == "journal-after-line" { 20 } else { usize::MAX };
        let between = points.iter().skip(10).step_by(every).copied();
        if kind.starts_with("rehearsal-") || kind.starts_with("journal-") {
            ends.chain(between).collect::<Vec<_>>()
        } else {
            // The engine's own points are the chaos tests' matter.
            points.first().into_iter().copied().collect()
        }
    });
    let mut chosen: Vec<&String> = some.collect();
    chosen.sort();
    chosen.dedup();
    chosen
}

#[test]
fn wherever_it_is_killed_nothing_stays() {
    let (corner, folder) = (Corner::new(), open_folder());
    std::fs::write(folder.path().join("plan.toml"), plan_text("", STEPS)).unwrap();
    let points = points(&corner, folder.path());
    let chosen = chosen(&points);
    println!("{} points, {} tried", points.len(), chosen.len());
    assert!(chosen.len() >= 20, "{points:?}");
    let state = StateDir::find(None, &folder.path().join("plan.toml")).unwrap();
    let mut kept = state.last_rehearsal("p").unwrap().unwrap();
    for point in chosen {
        let mut command = rehearsal(&corner, folder.path());
        let mut child = command.env("HOLDPOINT_CRASH_AT", point).spawn().unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(9), "{point}: {status}");
        // The server follows by itself; its folder waits for the next start.
        wait_for(&format!("the server to end after {point}"), || corner.processes().is_empty().then_some(()));
        let left = corner.leftovers();
        assert!(
            left.len() <= 1 && left.iter().all(|name| name.starts_with("holdpoint-")),
            "{point}: {left:?}"
        );
        // The newest record is a whole one: the one before, or this one's.
        let newest = state.last_rehearsal("p").unwrap_or_else(|error| panic!("{point}: {error}")).unwrap();
        if newest != kept {
            assert!(point.starts_with("rehearsal-after-rename"), "{point}");
            kept = newest;
        }
        assert!(state.runs().unwrap().is_empty(), "{point}");
    }
    Said::by(rehearsal(&corner, folder.path())).exits(0);
    corner.is_clean();
    let names = std::fs::read_dir(folder.path().join(".holdpoint/rehearsals")).unwrap();
    let strange: Vec<_> = names
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| !name.ends_with(".json") && name != "lock")
        .collect();
    assert!(strange.is_empty(), "{strange:?}");
}

#[test]
fn the_unpacked_files_of_a_shipped_plan_are_swept_too() {
    let corner = Corner::new();
    let mut command = corner.command("rehearse kochel-phase-a --json");
    command.env("HOLDPOINT_CRASH_AT", "rehearsal-fresh-copy").stdout(Stdio::null()).stderr(Stdio::null());
    assert_eq!(command.status().unwrap().signal(), Some(9));
    wait_for("the server to end", || corner.processes().is_empty().then_some(()));
    assert_eq!(corner.leftovers().len(), 2, "{:?}", corner.leftovers());
    let folder = open_folder();
    std::fs::write(folder.path().join("plan.toml"), plan_text("", STEPS)).unwrap();
    Said::by(rehearsal(&corner, folder.path())).exits(0);
    corner.is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_that_waits_ends_with_us() {
    let server = TestServer::with(&[]).await;
    server.sql("postgres", "CREATE TABLE busy ()").await;
    let mut holder = server.session("postgres").await;
    holder.batch("BEGIN; LOCK TABLE busy").await.unwrap();
    let (corner, folder) = (Corner::new(), open_folder());
    std::fs::write(folder.path().join("plan.toml"), plan_text("", STEPS)).unwrap();
    let mut command = rehearsal(&corner, folder.path());
    let socket = server.embedded().dir().display();
    command.arg("--target").arg(format!("host={socket} user=postgres dbname=postgres"));
    let mut child = command.spawn().unwrap();
    let dumping = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'holdpoint rehearse'";
    let waits = format!("{dumping} AND wait_event_type = 'Lock'");
    for _ in 0..1000 {
        if server.value("postgres", &waits).await == "1" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(server.value("postgres", &waits).await, "1", "pg_dump waits for the lock");
    child.kill().unwrap();
    child.wait().unwrap();
    holder.batch("ROLLBACK").await.unwrap();
    for _ in 0..1000 {
        if server.value("postgres", dumping).await == "0" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(server.value("postgres", dumping).await, "0", "pg_dump is gone");
    wait_for("the private server to end", || corner.processes().is_empty().then_some(()));
}

//! The process is killed at every point of `append`; what is on disk then is what was announced.
//! And the disk gets full.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run_support::*;
use holdpoint::journal::{Journal, JournalError, RunFolder, StateDir, read_run};
use holdpoint::run::event::Event;

fn folder(state: &Path) -> RunFolder {
    StateDir::find(Some(state), Path::new("plan.toml")).unwrap().run(id())
}

/// What the killed process does: a whole run, each event written to a file once it is a fact.
#[test]
#[ignore = "run by the other tests, in a process of its own"]
fn child() {
    let Some(dir) = std::env::var_os("JOURNAL_CRASH_DIR").map(PathBuf::from) else { return };
    let state = StateDir::find(Some(&dir.join("state")), Path::new("plan.toml")).unwrap();
    let folder = state.create_run(id()).unwrap();
    let mut journal = Journal::create(&folder, id()).unwrap();
    for event in whole_run() {
        let envelope = journal.append(event).unwrap();
        std::fs::write(dir.join("facts"), envelope.seq.to_string()).unwrap();
    }
}

fn run_child(dir: &Path, at: Option<&str>, list: Option<&Path>) -> std::process::ExitStatus {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "crash::child", "--ignored"]).env("JOURNAL_CRASH_DIR", dir);
    command.env_remove("HOLDPOINT_CRASH_AT").env_remove("HOLDPOINT_CRASH_LIST");
    if let Some(at) = at {
        command.env("HOLDPOINT_CRASH_AT", at);
    }
    if let Some(list) = list {
        command.env("HOLDPOINT_CRASH_LIST", list);
    }
    let output = command.output().unwrap();
    if at.is_none() {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    output.status
}

#[test]
fn killed_at_every_point_the_journal_has_what_was_announced() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("points");
    run_child(dir.path(), None, Some(&list));
    let points = std::fs::read_to_string(&list).unwrap();
    let per_line = ["journal-before-line", "journal-torn-line", "journal-after-line"];
    let lines = whole_run().len();
    assert_eq!(points.lines().collect::<Vec<_>>(), per_line.repeat(lines));

    let mut killed = 0;
    for line in 1..=lines {
        for point in per_line {
            let dir = tempfile::tempdir().unwrap();
            let status = run_child(dir.path(), Some(&format!("{point}:{line}")), None);
            assert_eq!(status.signal(), Some(9), "{point}:{line}");
            killed += 1;
            let announced: usize =
                std::fs::read_to_string(dir.path().join("facts")).map_or(0, |text| text.parse().unwrap());
            assert_eq!(announced, line - 1);
            let folder = folder(&dir.path().join("state"));
            let durable = if point == "journal-after-line" { line } else { line - 1 };
            match Journal::open(&folder) {
                Err(JournalError::NeverBegan { .. }) => assert_eq!(durable, 0, "{point}:{line}"),
                Err(error) => panic!("{point}:{line}: {error}"),
                Ok((mut journal, run, recovery)) => {
                    assert_eq!(run.seq, durable as u64, "{point}:{line}");
                    assert_eq!(recovery.torn.is_some(), point == "journal-torn-line", "{point}:{line}");
                    if !run.is_ended() {
                        journal.append(resumed()).unwrap();
                    }
                }
            }
        }
    }
    println!("killed at {killed} points");
}

/// A file system of its own, taken away again at the end.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(kib: u32) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let size = format!("size={kib}k,mode=0700");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir.path()).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(dir)),
            Ok(output) => {
                println!("skipped: no tmpfs here ({})", String::from_utf8_lossy(&output.stderr).trim());
                None
            }
            Err(error) => {
                println!("skipped: no mount command ({error})");
                None
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

fn fill(path: &Path) {
    use std::io::Write;
    let mut file = std::fs::File::create(path).unwrap();
    while file.write_all(&[b'x'; 4096]).is_ok() {}
    while file.write_all(b"x").is_ok() {}
}

#[test]
fn on_a_full_disk_nothing_new_begins_and_what_happened_is_still_written() {
    let Some(disk) = SmallDisk::mount(512) else { return };
    let state = StateDir::find(Some(&disk.0.path().join("state")), Path::new("plan.toml")).unwrap();
    let folder = state.create_run(id()).unwrap();
    let mut journal = Journal::create(&folder, id()).unwrap();
    for event in
        [open(), lock(), fence(1), started("a", Forward, 0, 1), unit_started(unit("a", "", Forward, 0), 1)]
    {
        journal.append(event).unwrap();
    }
    let ballast = disk.0.path().join("ballast");
    fill(&ballast);

    // Lines still fit into the last page; then something new is refused, and the journal is whole.
    let mut refusal = None;
    for _ in 0..100 {
        let before = std::fs::read(folder.journal()).unwrap();
        let run = journal.run().clone();
        match journal.append(note()) {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(std::fs::read(folder.journal()).unwrap(), before);
                assert_eq!(*journal.run(), run);
                refusal = Some(error);
                break;
            }
        }
    }
    let refusal = refusal.expect("the disk is full");
    assert!(refusal.is_full(), "{refusal}");
    let words = refusal.to_string();
    assert!(words.contains("no space left on device") && words.contains("resume"), "{words}");
    assert!(journal.is_low());

    // The transaction is rolled back, and that is written.
    let u = unit("a", "", Forward, 0);
    for event in
        [unit_failed(u), failed("a", Forward, 0), Event::Interrupted { signal: "disk".into() }, left()]
    {
        let name = event.name();
        if let Err(error) = journal.append(event) {
            panic!("{name}: {error}");
        }
    }
    let lines = journal.run().seq;
    drop(journal);
    assert_eq!(read_run(&folder.journal()).unwrap().1.lines, lines);

    // Space again: the run goes on, with a new reserve.
    std::fs::remove_file(&ballast).unwrap();
    let (mut journal, run, recovery) = Journal::open(&folder).unwrap();
    assert_eq!((run.seq, recovery.torn), (lines, None));
    assert!(!journal.is_low());
    journal.append(resumed()).unwrap();
}

#[test]
fn a_disk_that_is_full_from_the_start_is_one_clear_error() {
    let Some(disk) = SmallDisk::mount(64) else { return };
    let state = StateDir::find(Some(disk.0.path()), Path::new("plan.toml")).unwrap();
    let folder = state.create_run(id()).unwrap();
    fill(&disk.0.path().join("ballast"));
    let mut error = None;
    match Journal::create(&folder, id()) {
        Err(failed) => error = Some(failed),
        Ok(mut journal) => {
            for event in whole_run() {
                if let Err(failed) = journal.append(event) {
                    error = Some(failed);
                    break;
                }
            }
        }
    }
    let error = error.expect("the disk is full");
    assert!(error.is_full(), "{error}");
}

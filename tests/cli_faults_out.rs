//! Outputs and disks that give out: the run goes on or stops safely, and says which.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;
mod scene;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use scene::{Said, Scene, is_root, one_step, open_folder, wait_for};

const CHANGE: &str = "CREATE TABLE made (n int);";

/// Steps enough for more output than a pipe takes.
fn many_steps(n: usize) -> String {
    let mut body = "[[phase]]\nid = \"main\"\ntitle = \"Main\"\n".to_owned();
    for at in 0..n {
        body.push_str(&format!(
            "[[phase.step]]\nid = \"s{at}\"\ntitle = \"Step {at}\"\nsql = \"CREATE TABLE t{at} (n int);\"\n\
             [phase.step.rollback]\nsql = \"DROP TABLE t{at};\"\n"
        ));
    }
    body
}

#[tokio::test]
async fn a_reader_that_goes_away_stops_nothing() {
    let scene = Scene::new().await;
    scene.plan(&many_steps(20));
    let mut command = scene.command(["run", "plan.toml", "--plain"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    out.read_line(&mut first).unwrap();
    drop(out); // as `| head -1` does
    let said = Said::of(child, "the run to end");
    said.exits(0).complains("standard output is closed").complains("the journal has all of it");
    assert_eq!(said.err.matches("standard output").count(), 1, "{said}");
    assert!(scene.has("t19").await);
}

#[tokio::test]
async fn outputs_that_are_full_or_shut_stop_nothing() {
    let scene = Scene::new().await;
    scene.plan(&one_step(CHANGE));
    let mut command = scene.command(["run", "plan.toml", "--plain"]);
    let full = || File::options().write(true).open("/dev/full").unwrap();
    command.stdout(full()).stderr(full());
    assert_eq!(command.status().unwrap().code(), Some(0));
    assert!(scene.has("made").await);

    // --events on a full disk: the journal has them all.
    scene.sql("DROP TABLE made").await;
    let said = scene.type_in("run plan.toml --plain --events /dev/full");
    said.exits(0).complains("--events").complains("No space left").complains("the journal has all of it");
    assert!(scene.has("made").await);
}

#[tokio::test]
async fn check_show_and_status_take_a_closed_pipe() {
    let scene = Scene::new().await;
    scene.plan(&many_steps(2000));
    for words in ["show plan.toml", "show plan.toml --json", "check plan.toml", "status"] {
        let mut command = scene.command(words.split(' '));
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        command.stdout(writer).stderr(Stdio::piped());
        let said = Said::of(command.spawn().unwrap(), words);
        said.exits(0).never_says("panicked").never_says("run");
    }
}

#[tokio::test]
async fn a_state_folder_that_cant_be_written() {
    let scene = Scene::new().await;
    scene.plan(&one_step(CHANGE));
    scene.file("taken", "a file");
    for folder in ["/proc/nowhere", "taken", "taken/below"] {
        let said = scene.run(&format!("--state-dir {folder}"));
        said.exits(7).complains(folder).complains("--state-dir").reads_well();
    }
    assert!(!scene.has("made").await);
    // Beside the plan it can't be made, so it is in the home folder.
    if is_root() {
        println!("root may write everywhere: the fallback isn't tried");
        return;
    }
    let dir = scene.path("closed");
    std::fs::create_dir(&dir).unwrap();
    std::fs::copy(scene.path("plan.toml"), dir.join("plan.toml")).unwrap();
    std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o555)).unwrap();
    scene.type_in("run closed/plan.toml --plain").exits(0).says(".local/state/holdpoint");
}

/// A small disk, gone when it is dropped.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    fn mount(size: &str) -> Option<Self> {
        if !is_root() {
            println!("skipped: only root can mount a small disk");
            return None;
        }
        let folder = open_folder();
        let options = format!("size={size},mode=0755");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "holdpoint-test"])
            .arg(folder.path())
            .output();
        match mount {
            Ok(output) if output.status.success() => Some(Self { folder }),
            other => {
                println!("skipped: mount says {other:?}");
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Takes all space that is left but this much.
    fn fill(&self, but: usize) -> PathBuf {
        let path = self.path().join("ballast");
        let mut file = File::create(&path).unwrap();
        let block = vec![0_u8; 4096];
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
        let full = file.metadata().unwrap().len();
        file.set_len(full.saturating_sub(but as u64)).unwrap();
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_before_the_run() {
    let Some(disk) = SmallDisk::mount("64k") else { return };
    let scene = Scene::new().await;
    scene.plan(&one_step(CHANGE));
    disk.fill(0);
    let said = scene.run(&format!("--state-dir {}", disk.path().join("state").display()));
    said.exits(7).complains("No space left").reads_well();
    assert!(!scene.has("made").await);
}

/// The disk fills at different places of a run; each time it stops with 7, the database has nothing
/// that the journal doesn't know, and with room again resume comes to the end.
#[tokio::test]
async fn a_disk_that_fills_in_the_middle() {
    let Some(disk) = SmallDisk::mount("2m") else { return };
    let mut scene = Scene::new().await;
    let mut stopped = 0;
    for room in [0, 4096, 8192, 16384, 32768, 65536] {
        scene.database = scene.server.fresh_database().await;
        scene.file("wait.sql", "SELECT pg_advisory_lock(1);\nCREATE TABLE first (n int);\n");
        let body = many_steps(30).replacen("sql = \"CREATE TABLE t0 (n int);\"", "file = \"wait.sql\"", 1);
        scene.plan(&body.replace("DROP TABLE t0", "DROP TABLE first"));
        let mut other = scene.server.session(&scene.database).await;
        other.batch("SELECT pg_advisory_lock(1)").await.unwrap();
        let state = disk.path().join(format!("state-{room}"));
        let mut command = scene.command(["run", "plan.toml", "--plain", "--log", "trace"]);
        command.arg("--state-dir").arg(&state).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        wait_for("the first step to wait for its lock", || {
            let journal = std::fs::read_dir(&state).ok()?.next()?.ok()?.path().join("journal.jsonl");
            std::fs::read_to_string(journal).ok()?.contains("unit_started").then_some(())
        });
        let ballast = disk.fill(room);
        other.batch("SELECT pg_advisory_unlock(1)").await.unwrap();
        other.close().await;
        let said = Said::of(child, "the run to end");
        if said.code == Some(7) {
            stopped += 1;
            said.complains("no space left on device")
                .complains("free some space")
                .complains("resume")
                .reads_well();
        } else {
            said.exits(0);
        }
        std::fs::remove_file(&ballast).unwrap();
        let run = std::fs::read_dir(&state).unwrap().next().unwrap().unwrap().path();
        if said.code == Some(7) {
            let journal = std::fs::read_to_string(run.join("journal.jsonl")).unwrap();
            // Each table that is there has at least its commit intent in the journal.
            for table in scene
                .server
                .rows(&scene.database, "SELECT relname FROM pg_class WHERE relname ~ '^(first|t[0-9]+)$'")
                .await
            {
                let step = table[0].as_deref().unwrap().replace("first", "t0").replace('t', "s");
                let known = journal.lines().any(|line| {
                    line.contains("\"commit_intent\"") && line.contains(&format!("\"step\":\"{step}\""))
                });
                assert!(known, "{step} isn't in the journal\n{journal}");
            }
            let resumed = scene.resume(&format!("--state-dir {}", state.display()));
            resumed.exits(0);
        }
        assert_eq!(
            scene.value("SELECT count(*) FROM pg_class WHERE relname ~ '^(first|t[0-9]+)$'").await,
            "30"
        );
        assert_eq!(scene.value("SELECT count(*) FROM holdpoint.ledger").await, "30");
        std::fs::remove_dir_all(&state).unwrap();
    }
    assert!(stopped >= 2, "the disk was full {stopped} times");
}
